"""What an executor is: something that turns batches of attempts into messages. The engine owns the loop."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

from hookline.model.batch import Batch, Deliver, RunFacts
from hookline.model.registry import Needed, Registry

__all__ = ["CUT_SHORT", "EXECUTORS", "Executor", "Traits"]


@dataclass(frozen=True, slots=True)
class Traits:
    """What the engine must know about a kind of executor.

    Attributes:
        kills: Whether a running attempt can be stopped for certain, children included.
        remote: Whether attempts may run on other machines.
        shares_memory: Whether attempts run in the driver's process.
        blocks: Whether ``submit`` returns only when the batch has ended.
    """

    kills: bool
    remote: bool
    shares_memory: bool
    blocks: bool = False


@runtime_checkable
class Executor(Protocol):
    """Makes attempts somewhere. One object serves one run, and is called from the driver's thread only."""

    traits: Traits

    def start(self, run: RunFacts, deliver: Deliver) -> None:
        """Get ready, without waiting for workers.

        Args:
            run: What workers must know.
            deliver: Takes messages, from any thread; never blocks.
        """
        ...

    def capacity(self) -> int:
        """How many batches can be worked on at once."""
        ...

    def submit(self, batch: Batch) -> None:
        """Take a batch and return at once, unless :attr:`Traits.blocks`; its messages come through ``deliver``.

        Each batch ends with exactly one ``Finished(done=True)`` or ``Lost``.
        Where :attr:`Traits.kills` says so, one that takes longer than ``batch.time_limit`` is ended:
        ``Lost(timed_out=True)``.
        """
        ...

    def cancel(self, batches: Iterable[int], grace: float) -> None:
        """Ask for batches to end; after ``grace`` seconds end them by force where :attr:`Traits.kills` says so.

        Returns at once. A batch that ends so is delivered as ``Lost(cancelled=True)``, or as ``Finished`` if it was
        quicker.
        """
        ...

    def close(self, grace: float) -> None:
        """Give everything back: workers get ``grace`` seconds to end, then they are killed. Waits for that."""
        ...


CUT_SHORT = (
    "%d worker(s) had not ended %.1f s after the last attempt and are not waited for: "
    "what plugins and providers close there may be cut short"
)
"""What an executor warns of."""

EXECUTORS: Registry[Executor] = Registry("executor")
EXECUTORS.register("inline", "hookline.executors.inline:InlineExecutor", source="hookline")
EXECUTORS.register("threads", "hookline.executors.threads:ThreadsExecutor", source="hookline")
EXECUTORS.register("processes", "hookline.executors.processes:ProcessesExecutor", source="hookline")
EXECUTORS.register(
    "ray",
    "hookline.executors.ray.executor:RayExecutor",
    source="hookline",
    needs=Needed("Ray", "ray", "hookline[ray]"),
)
