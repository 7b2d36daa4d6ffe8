"""Bindings and tasks that refer to other tasks than before; what they were stays as it was."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace

from hookline.model.graph import Binding, FirstOf, Nested, Task, TaskOutput

__all__ = ["moved", "redirected", "renumbered"]


def redirected(binding: Binding, change: Callable[[TaskOutput], TaskOutput]) -> Binding:
    """Put other outputs in the place of those that a binding needs, at any depth.

    Args:
        binding: The binding.
        change: Gives what stands for an output; the same object where that stays.

    Returns:
        The binding; the same object where nothing changed.
    """
    if isinstance(binding, TaskOutput):
        return change(binding)
    if isinstance(binding, FirstOf):
        options = tuple([change(option) for option in binding.options])
        return binding if all(map(_is_same, options, binding.options)) else FirstOf(options)
    if isinstance(binding, Nested):
        items = tuple([redirected(item, change) for item in binding.items])
        return binding if all(map(_is_same, items, binding.items)) else replace(binding, items=items)
    return binding


def moved(binding: Binding, numbers: Mapping[int, int]) -> Binding:
    """Let a binding refer to the same tasks under other indexes.

    Args:
        binding: The binding.
        numbers: The new index of each task that it needs.
    """

    def move(output: TaskOutput) -> TaskOutput:
        number = numbers[output.task]
        return output if number == output.task else TaskOutput(number, output.slot, output.completed)

    return redirected(binding, move)


def renumbered(task: Task, index: int, numbers: Mapping[int, int]) -> Task:
    """Give a task, and all tasks that it waits for, other indexes.

    Args:
        task: The task.
        index: Its new index.
        numbers: The new index of each task that it waits for.

    Returns:
        A task; the same object where nothing changed.
    """
    bindings = {name: moved(binding, numbers) for name, binding in task.bindings.items()}
    condition = None if task.condition is None else moved(task.condition, numbers)
    if (
        index == task.index
        and condition is task.condition
        and all(map(_is_same, bindings.values(), task.bindings.values()))
    ):
        return task
    return replace(task, index=index, bindings=bindings, condition=condition)


def _is_same(one: object, other: object) -> bool:
    return one is other
