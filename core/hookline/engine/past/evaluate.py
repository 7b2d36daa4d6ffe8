"""Loads the values that bindings stand for, from outcomes: conditions, lengths, and what a workflow returns."""

from __future__ import annotations

import functools
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from hookline.model.graph import Binding, Constant, FirstOf, Kept, Nested, TaskOutput
from hookline.model.outputs import Outputs
from hookline.store.artifacts import Artifacts
from hookline.worker.loading import FileOpener, load_outcome

__all__ = ["Evaluator"]


class Evaluator:
    """Loads values outside of workers.

    Args:
        outcomes: Gives a task's packed outputs by item; None for an item without a value, and for a task that did not
            run.
        mapped: Tells whether a task is mapped.
        outputs: Gives the declared slots of a task.
        artifacts: Where large values lie.
        folder: Where copies of files are made, and stay; None for a folder of the system's for temporary files.
    """

    def __init__(
        self,
        outcomes: Callable[[int], Sequence[bytes | None] | None],
        mapped: Callable[[int], bool],
        outputs: Callable[[int], Outputs],
        artifacts: Artifacts,
        folder: Path | None = None,
    ) -> None:
        self._outcomes = outcomes
        self._mapped = mapped
        self._outputs = outputs
        self._opener = FileOpener(artifacts, functools.cache(functools.partial(_make_folder, folder)), lasting=True)

    def value(self, binding: Binding) -> Any:
        """Load what a binding stands for; a task without a value gives None."""
        if isinstance(binding, Constant):
            return binding.value
        if isinstance(binding, TaskOutput):
            return self._output(binding)
        if isinstance(binding, Kept):
            return load_outcome(self._opener, binding.blob)
        if isinstance(binding, FirstOf):
            for option in binding.options:
                outcomes = self._outcomes(option.task)
                if outcomes is not None and None not in outcomes:
                    return self._output(option)
            return None
        return self._nested(binding)

    def outcome(self, blob: bytes, task: int, slot: int = -1) -> Any:
        """Load one outcome of a task."""
        return load_outcome(self._opener, blob, slot, self._outputs(task))

    def _output(self, output: TaskOutput) -> Any:
        outcomes = self._outcomes(output.task)
        if not self._mapped(output.task):
            blob = outcomes[0] if outcomes else None
            return None if blob is None else self.outcome(blob, output.task, output.slot)
        if output.completed:
            outcomes = [blob for blob in outcomes or () if blob is not None]
        elif outcomes is None or (outcomes and all(blob is None for blob in outcomes)):
            return None
        return [None if blob is None else self.outcome(blob, output.task, output.slot) for blob in outcomes]

    def _nested(self, binding: Nested) -> Any:
        values = [self.value(part) for part in binding.items]
        if binding.kind == "dict":
            return dict(zip(binding.keys, values, strict=True))
        return tuple(values) if binding.kind == "tuple" else values


def _make_folder(folder: Path | None) -> Path:
    if folder is None:
        return Path(tempfile.mkdtemp(prefix="hookline-"))
    folder.mkdir(parents=True, exist_ok=True)
    return folder
