"""What is to be launched, and what executors have: items of a task on their way to becoming attempts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from hookline.engine.run.limits import Gates
from hookline.model.batch import Batch

__all__ = ["InFlight", "Planned"]


@dataclass(slots=True)
class Planned:
    """Items of one task that have to run.

    Attributes:
        task: The task.
        items: The items' numbers; ascending.
        keys: Their keys.
        alone: Whether each gets a batch of its own: one of them may have ended a worker, or has a number of its own.
        after: The recording that must be committed before they start; 0 for none.
    """

    task: int
    items: Sequence[int]
    keys: Sequence[bytes]
    alone: bool = False
    after: int = 0


@dataclass(slots=True)
class InFlight:
    """A batch that an executor has.

    Attributes:
        batch: The batch.
        task: Its task; of several calls the first.
        executor: The executor's name.
        calls: The tasks of its attempts, where these are calls, then those of its links; empty where they are items of
            one task.
        told: How many of its attempts have ended.
        ended: Which, where they don't end in order.
        gates: What limits its attempts.
        places: How many places it still takes up in each of these.
        after: The highest priority that a task can have that becomes ready when one of its attempts ends.
        started: Whether a worker began with it.
    """

    batch: Batch
    task: int
    executor: str
    calls: list[int] = field(default_factory=list)
    told: int = 0
    ended: set[int] = field(default_factory=set)
    gates: Gates = ()
    places: int = 0
    after: float = 0.0
    started: bool = False

    def take(self, count: int, positions: Sequence[int] | None) -> Sequence[int]:
        """Note that attempts ended, and give their positions."""
        if positions is None:
            positions = range(self.told, self.told + count)
        else:
            self.ended.update(positions)
        self.told += count
        return positions

    def open_positions(self) -> list[int]:
        """Give the positions of the attempts that have not ended."""
        if self.batch.work.concurrent:
            return [at for at in range(len(self.batch.items)) if at not in self.ended]
        return list(range(self.told, len(self.batch.items) + len(self.batch.links)))

    def task_at(self, position: int) -> int:
        """Tell whose attempt stands at a position."""
        return self.calls[position] if self.calls else self.task
