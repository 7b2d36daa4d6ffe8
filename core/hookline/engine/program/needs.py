"""What a task waits for, read from its bindings."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from hookline.engine.schedule.scheduler import Dependencies
from hookline.model.graph import Binding, Constant, FirstOf, Kept, Nested, Task, TaskOutput
from hookline.model.recording import Form

__all__ = ["NOTHING", "choices", "is_itemwise", "needs_of"]

NOTHING = Dependencies()


def needs_of(task: Task, is_mapped: Callable[[int], bool]) -> Dependencies:
    """Tell what a task waits for.

    Args:
        task: The task.
        is_mapped: Tells whether a task that it refers to has items.
    """
    whole: dict[int, None] = {}
    tolerant: dict[int, None] = {}
    itemwise: dict[int, None] = {}
    for name, binding in task.bindings.items():
        if type(binding) in _KNOWN:
            continue
        if name in task.mapped and is_itemwise(task, binding, is_mapped):
            assert isinstance(binding, TaskOutput)
            itemwise[binding.task] = None
        else:
            _collect(binding, whole, tolerant)
    if task.condition is not None:
        _collect(task.condition, whole, tolerant)
    if not (whole or tolerant or itemwise):
        return NOTHING
    # A task that is needed whole is not waited for item by item as well.
    return Dependencies(tuple(whole), tuple(tolerant), tuple(source for source in itemwise if source not in whole))


def is_itemwise(task: Task, binding: Binding, is_mapped: Callable[[int], bool]) -> bool:
    """Whether item i of a mapped task takes item i of another mapped task, without waiting for the rest."""
    return (
        task.form is Form.MAP and isinstance(binding, TaskOutput) and not binding.completed and is_mapped(binding.task)
    )


def choices(binding: Binding) -> Iterator[FirstOf]:
    """Yield each choice between outputs in a binding, at any depth."""
    pending = [binding]
    while pending:
        part = pending.pop()
        if isinstance(part, FirstOf):
            yield part
        elif isinstance(part, Nested):
            pending.extend(part.items)


_KNOWN = frozenset({Constant, Kept})


def _collect(binding: Binding, whole: dict[int, None], tolerant: dict[int, None]) -> None:
    pending = [binding]
    while pending:
        part = pending.pop()
        if isinstance(part, FirstOf):
            tolerant.update(dict.fromkeys(output.task for output in part.options))
        elif isinstance(part, TaskOutput):
            (tolerant if part.completed else whole)[part.task] = None
        elif isinstance(part, Nested):
            pending.extend(part.items)
