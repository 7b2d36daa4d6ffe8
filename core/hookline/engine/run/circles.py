"""Circles: items that wait for the same work as their own, which waits for what it grew, which waits for them.

Nothing looks for them while the run has anything else to do, see docs/decisions/0007-growth.md.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

from hookline.engine.program.program import Program
from hookline.engine.run.growth import Growth
from hookline.engine.run.opening import OpenTasks
from hookline.engine.schedule.scheduler import Scheduler, State

__all__ = ["Circle", "find_circle"]

Place = tuple[int, int]
"""A task and an item of it."""


class Circle:
    """Where a run stands still.

    Args:
        program: All tasks.
        scheduler: Their states.
        tasks: Those that have begun.
        growth: What they grew.

    Attributes:
        waiting: The items that wait for another with the same key, with that one.
    """

    def __init__(self, program: Program, scheduler: Scheduler, tasks: OpenTasks, growth: Growth) -> None:
        self._program = program
        self._scheduler = scheduler
        self.waiting: dict[Place, Place] = {}
        for index, opened in tasks.items():
            for item, others in (opened.same or {}).items():
                self.waiting.update(dict.fromkeys(others, (index, item)))
        self._results: dict[Place, Place] = {part.target: (part.result, 0) for part in growth.parts()}

    def find(self) -> list[Place]:
        """Give items of which each waits for the next, and the last for the first; empty where there are none."""
        return find_circle(self.waiting, self._waits_for)

    def _waits_for(self, place: Place) -> Place | None:
        """Give one of the things that an item waits for, as nothing is being run."""
        found = self.waiting.get(place) or self._results.get(place)
        if found is not None:
            return found
        index, item = place
        for source in self._program.tasks[index].depends:
            if self._scheduler.ended(source):
                continue
            states = self._scheduler.states[source]
            itemwise = source in self._program.dependencies[index].itemwise and item < len(states)
            return source, item if itemwise else max(0, states.find(State.PENDING))
        return None


def find_circle(starts: Iterable[Place], next_of: Callable[[Place], Place | None]) -> list[Place]:
    """Follow one way from each start until it ends or comes back to where it was.

    Args:
        starts: Where to begin.
        next_of: Where the way goes on; None where it ends.

    Returns:
        The first circle found, from any place in it; each place is looked at once, whatever the number of starts.
    """
    seen: set[Place] = set()
    for start in starts:
        way: dict[Place, None] = {}
        place: Place | None = start
        while place is not None and place not in seen:
            seen.add(place)
            way[place] = None
            place = next_of(place)
        if place is not None and place in way:
            along = list(way)
            return along[along.index(place) :]
    return []
