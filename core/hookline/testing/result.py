"""What a test looks at after a run: what ran, what was reused and why, what was printed, which events there were."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from typing import Any

from hookline.model.events import Event
from hookline.model.run import Run
from hookline.store.artifacts import Artifacts
from hookline.store.outputs import unpack_outputs
from hookline.store.protocol import Store
from hookline.store.rows import AttemptRow

__all__ = ["RunResult"]


class RunResult:
    """A run in a test's project.

    Attributes:
        run: The run, as ``hookline.run`` gives it.
        events: The events that the run's observers got, in order.
    """

    def __init__(self, run: Run, open_store: Callable[[], Store], events: Iterable[Event] = ()) -> None:
        self.run = run
        self.events = tuple(events)
        self._open_store = open_store

    @property
    def id(self) -> str:
        """The run's id."""
        return self.run.id

    @property
    def status(self) -> str:
        """How the run ended: ``"completed"``, ``"failed"`` ….."""
        return self.run.status

    @property
    def value(self) -> Any:
        """What the workflow returned.

        Raises:
            RunFailedError: The run did not complete.
        """
        return self.run.result

    @property
    def ran(self) -> tuple[str, ...]:
        """Ids of what was attempted in this run, in graph order; items of mapped tasks one by one: ``train[3]``."""
        mapped = self._mapped()
        seen = dict.fromkeys((row.node, row.item) for row in self.attempts())
        return tuple(
            f"{mapped[node][0]}[{item}]" if mapped[node][1] else mapped[node][0] for node, item in sorted(seen)
        )

    @property
    def reused(self) -> tuple[str, ...]:
        """Ids of the tasks of which nothing ran, because all was recorded already."""
        return self._in_state("reused")

    @property
    def skipped(self) -> tuple[str, ...]:
        """Ids of the tasks that were skipped."""
        return self._in_state("skipped")

    @property
    def failed(self) -> tuple[str, ...]:
        """Ids of the tasks that ended without a value: failed, timed out, crashed, cancelled or abandoned."""
        bad = ("failed", "timed_out", "crashed", "cancelled", "abandoned")
        return tuple(name for name, task in self.run.tasks.items() if task.state in bad)

    @property
    def whys(self) -> dict[str, str]:
        """Why each task ran, was reused or skipped, by its id."""
        return {name: self.run.why(name) for name in self.run.tasks}

    def why(self, task: str) -> str:
        """Tell why a task ran, was reused or skipped."""
        return self.run.why(task)

    def error(self, task: str) -> str:
        """Give the type and message of a task's last failure; empty for none."""
        return self.run.tasks[task].error

    def output(self, task: str = "") -> str:
        """Give what attempts printed and logged in this run.

        Args:
            task: A task's id; all tasks by default.
        """
        with self._open_store() as store:
            nodes = self._nodes(store)
            wanted = [node for node, (name, _) in nodes.items() if task in ("", name)]
            texts = [_text(store.artifacts, log.outputs) for log in store.logs(self.id) if log.node in wanted]
        return "".join(texts)

    def metadata(self, task: str = "") -> dict[str, Any]:
        """Give what plugins put into ``attempt.metadata``, as ``"<plugin>.<name>"``; of several attempts the last.

        Args:
            task: A task's id; all tasks by default.
        """
        with self._open_store() as store:
            wanted = [node for node, (name, _) in self._nodes(store).items() if task in ("", name)]
            notes = [note for note in store.notes(self.id) if note.kind == "metadata" and note.node in wanted]
        return {note.name: json.loads(note.value or "null") for note in notes}

    def attempts(self) -> list[AttemptRow]:
        """List the attempts that this run recorded, by task, item and number."""
        with self._open_store() as store:
            return list(store.attempts(self.id))

    def __repr__(self) -> str:
        return f"<result of {self.run!r}>"

    def _in_state(self, state: str) -> tuple[str, ...]:
        return tuple(name for name, task in self.run.tasks.items() if task.state == state)

    def _mapped(self) -> dict[int, tuple[str, bool]]:
        with self._open_store() as store:
            return self._nodes(store)

    def _nodes(self, store: Store) -> dict[int, tuple[str, bool]]:
        return {row.node: (row.name, bool(row.shape)) for row in store.nodes(self.id)}


def _text(artifacts: Artifacts, blob: bytes) -> str:
    (stored,) = unpack_outputs(blob)
    return bytes(stored.data if stored.data is not None else artifacts.read(stored)).decode(errors="replace")
