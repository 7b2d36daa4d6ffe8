"""What a workflow's function does while it runs, or a step's that grows: the calls of steps, in order.

A call can only refer to calls before it, so their order is an order in which they can run.
"""

from __future__ import annotations

import contextvars
import enum
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from hookline.errors import WorkflowError
from hookline.model.place import Place, calling_place
from hookline.model.reference import Reference

if TYPE_CHECKING:
    from hookline.model.outputs import Outputs
    from hookline.model.step import Step

__all__ = ["RETURN", "Call", "Form", "Recording", "in_attempt", "recording_in_force", "snapshot"]

RETURN = "return"
"""The name of the task that puts together what a step returned, where that is more than what one call makes."""


class Form(enum.Enum):
    """How a step was called."""

    CALL = "call"
    MAP = "map"
    PRODUCT = "product"


@dataclass(slots=True, eq=False)
class Call:
    """One call of a step in a workflow, as it was written.

    Attributes:
        index: Its number among the recording's calls, from 0.
        id: The id of the task that it becomes.
        step: The step.
        form: Plain, mapped side by side, or mapped over combinations.
        args: Arguments by position.
        kwargs: Arguments by name.
        items: Collections to map over, by parameter name.
        condition: Empty, or the one condition.
        place: Where it was written.
    """

    index: int
    id: str
    step: Step[Any, Any]
    form: Form
    args: tuple[Any, ...]
    kwargs: Mapping[str, Any]
    items: Mapping[str, Any]
    condition: tuple[Any, ...]
    place: Place

    @property
    def mapped(self) -> bool:
        """Whether it makes one task per element."""
        return self.form is not Form.CALL

    @property
    def outputs(self) -> Outputs:
        """The slots of its step's result."""
        return self.step.outputs


class Recording:
    """The calls made so far, and the names given to them.

    Args:
        step: The step whose attempt makes the calls; None for those of a workflow.
    """

    def __init__(self, step: str | None = None) -> None:
        self.calls: list[Call] = []
        self._counts: dict[str, int] = {}
        self._prefix = ""
        self._inside: list[tuple[object, str]] = []
        self._grows = step is not None
        if step is not None:
            # So that workflows called in the step put their names before their tasks'.
            self._inside.append((None, step))

    def add(
        self,
        step: Step[Any, Any],
        form: Form,
        args: tuple[Any, ...],
        kwargs: Mapping[str, Any],
        items: Mapping[str, Any] | None = None,
        condition: tuple[Any, ...] = (),
        *,
        name: str = "",
        place: Place | None = None,
    ) -> Reference:
        """Note a call.

        Args:
            step: What is called.
            form: How.
            args: Arguments by position; may hold references at any depth of lists, tuples and dicts.
            kwargs: Arguments by name.
            items: Collections to map over.
            condition: Empty, or the one condition.
            name: What its task is called; the step's name by default.
            place: Where it was written; by default the line of the caller's code.

        Returns:
            The stand-in for its value.
        """
        calls = self.calls
        # What the workflow changes later must not reach a call that it made before.
        try:
            for value in args:
                if type(value) not in _FIXED:
                    args = tuple([snapshot(value) for value in args])
                    break
            for value in kwargs.values():
                if type(value) not in _FIXED:
                    kwargs = {key: snapshot(value) for key, value in kwargs.items()}
                    break
            if items:
                items = {key: snapshot(value) for key, value in items.items()}
        except RecursionError:
            raise WorkflowError(
                f"an argument of '{step.name}' is nested too deeply, or holds itself ({calling_place()})",
                help="pass plain lists, tuples and dicts",
            ) from None
        call = Call(
            len(calls),
            self._unique(name or step.name),
            step,
            form,
            args,
            kwargs,
            items or {},
            condition,
            place or calling_place(),
        )
        calls.append(call)
        return Reference(call)

    @contextmanager
    def inside(self, workflow: object, name: str) -> Iterator[None]:
        """Put the calls that follow under a prefix, as calls of a workflow inside this one.

        Args:
            workflow: The inner workflow.
            name: Its name.

        Raises:
            WorkflowError: It is being recorded already: it calls itself.
        """
        if any(outer is workflow for outer, _ in self._inside):
            names = [outer for _, outer in self._inside]
            raise WorkflowError(
                f"the workflow '{name}' calls itself: {' → '.join([*names, name])} ({calling_place()})",
                help="loop inside a step, or call steps in a loop of a fixed number of rounds",
            )
        before = self._prefix
        if self._inside:
            self._prefix = self._unique(name) + "/"
        self._inside.append((workflow, name))
        try:
            yield
        finally:
            self._inside.pop()
            self._prefix = before

    @contextmanager
    def in_force(self) -> Iterator[None]:
        """Let calls of steps in this thread go to this recording."""
        token = _recording.set(self)
        attempt = in_attempt.set(None)  # a step may build and run another workflow
        try:
            yield
        finally:
            in_attempt.reset(attempt)
            _recording.reset(token)

    def _unique(self, name: str) -> str:
        full = self._prefix + name if self._prefix else name
        counts = self._counts
        count = counts.get(full)
        if count is None:
            counts[full] = count = 1
            # What a step grows may need tasks of the engine's: its turns, and the one that returns.
            reserved = self._grows and (full == RETURN or full.isdecimal())
            if not reserved and not self._is_taken(full):
                return full
        count += 1
        numbered = f"{full}-{count}"
        while numbered in counts:  # a step may itself be called 'train-2'
            count += 1
            numbered = f"{full}-{count}"
        counts[full] = count
        return numbered

    def _is_taken(self, full: str) -> bool:
        """Tell whether a step's own name, such as 'train-2', was given to the second task of another step before."""
        base, _, number = full.rpartition("-")
        return number.isdecimal() and number[0] != "0" and 2 <= int(number) <= self._counts.get(base, 0)


def snapshot(value: Any) -> Any:
    """Copy lists, tuples, dicts and sets at any depth; what they hold otherwise is shared."""
    kind = type(value)
    if kind is list or kind is tuple:
        if _CONTAINERS.isdisjoint(map(type, value)):
            return value if kind is tuple else value.copy()
        return kind([snapshot(item) for item in value])
    if kind is dict:
        if _CONTAINERS.isdisjoint(map(type, value.values())):
            return value.copy()
        return {key: snapshot(item) for key, item in value.items()}
    return value.copy() if kind is set else value


_CONTAINERS = frozenset({list, tuple, dict, set})
_FIXED = frozenset({int, float, str, bool, type(None), bytes, Reference})

_recording: contextvars.ContextVar[Recording | None] = contextvars.ContextVar("hookline_recording", default=None)
in_attempt: contextvars.ContextVar[Callable[[], Recording] | None] = contextvars.ContextVar(
    "hookline_in_attempt", default=None
)
"""Set by workers around the user's function: gives the recording of the attempt's own calls."""


def recording_in_force() -> Recording | None:
    """Tell where a call of a step goes.

    Returns:
        The recording of the workflow that is being built, or of the attempt that is being made; None outside of both.
    """
    attempt = in_attempt.get()
    return _recording.get() if attempt is None else attempt()
