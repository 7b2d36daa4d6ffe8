"""The outcomes of this run that later tasks may still need: packed outputs, kept until the last consumer is done."""

from __future__ import annotations

from array import array
from collections.abc import Callable, Sequence

from hookline.engine.program.program import Program
from hookline.engine.schedule.scheduler import Scheduler, State
from hookline.model.outputs import Outputs
from hookline.store.outputs import unpack_outputs
from hookline.values.digest import digest_bytes, digest_tree

__all__ = ["Held"]

_ONE_INLINE = 1
_WHOLE = -1


class Held:
    """Outcomes by task and item.

    Args:
        program: The tasks.
        scheduler: Knows which items have values.
        code_digest: Digests the class that a task's value is put together as, if it is the project's own.
    """

    def __init__(
        self, program: Program, scheduler: Scheduler, code_digest: Callable[[frozenset[object]], bytes]
    ) -> None:
        self._program = program
        self._scheduler = scheduler
        self._code_digest = code_digest
        self._blobs: list[list[bytes | None] | None] = []
        self._merkle: dict[tuple[int, int, bool], bytes] = {}
        self._consumers = array("l")
        self.grow()

    def grow(self) -> None:
        """Make room for the tasks that were added to the program."""
        consumers, tasks = self._consumers, self._program.tasks
        first = len(consumers)
        self._blobs += [None] * (len(tasks) - first)
        consumers.extend([0] * (len(tasks) - first))
        for task in tasks[first:]:
            for source in task.depends:
                consumers[source] += 1

    def keep(self, task: int) -> None:
        """Keep a task's outcomes, whoever else needs them, until they are dropped."""
        self._consumers[task] += 1

    def drop(self, task: int) -> None:
        """Whoever wanted them kept has them."""
        self._consumers[task] -= 1
        if not self._consumers[task] and self._scheduler.ended(task):
            self._blobs[task] = None

    def begin(self, task: int, length: int) -> list[bytes | None]:
        """Make room for a task's outcomes."""
        blobs: list[bytes | None] = [None] * length
        self._blobs[task] = blobs
        return blobs

    def outcomes(self, task: int) -> Sequence[bytes | None] | None:
        """All outcomes of a task, by item; None where it did not begin."""
        return self._blobs[task]

    def blobs(self, task: int) -> Sequence[bytes | None]:
        """All outcomes of a task, by item."""
        return self._blobs[task] or ()

    def values(self, task: int) -> list[bytes]:
        """The outcomes of the items that have values, in order."""
        return [blob for blob in self._blobs[task] or () if blob is not None]

    def release(self, task: int) -> None:
        """A task has ended: what only it still needed can go."""
        for source in self._program.tasks[task].depends:
            self.drop(source)
        if not self._consumers[task]:
            self._blobs[task] = None

    def forget(self, task: int) -> None:
        """Let go of what is known of a task that ended, and to which no other refers any more."""
        self._blobs[task] = None
        if self._merkle:
            for known in [key for key in self._merkle if key[0] == task]:
                del self._merkle[known]

    def digest(self, blob: bytes, task: int, slot: int) -> bytes:
        """Name an outcome, or one slot of it."""
        if blob[0] == _ONE_INLINE:
            return blob[1:33]
        slots = unpack_outputs(blob)
        if slot != _WHOLE:
            return slots[slot].digest
        outputs: Outputs = self._program.outputs(task)
        if outputs.form == "one":
            return slots[0].digest
        code = b""
        if outputs.form in ("dataclass", "namedtuple"):
            code = self._code_digest(frozenset((outputs.returns,)))
        return digest_tree("record", [outputs.form.encode(), digest_bytes(code), *(stored.digest for stored in slots)])

    def whole_digest(self, task: int, slot: int, completed: bool) -> bytes:
        """Name the list of a mapped task's values."""
        known = self._merkle.get((task, slot, completed))
        if known is None:
            parts = (self.digest(blob, task, slot) for blob in self._blobs[task] or () if blob is not None)
            known = self._merkle[task, slot, completed] = digest_tree("map", parts)
        return known

    def has_value(self, task: int) -> bool:
        """Whether a plain task, or all of a mapped one, has a value."""
        return self._scheduler.has_value(task)

    def all_reused(self, task: int) -> bool:
        """Whether no item of a task ran."""
        return self._scheduler.counts[task][State.COMPLETED] == 0
