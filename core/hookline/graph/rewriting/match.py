"""A task of a graph that is being rewritten, as a plugin sees it."""

from __future__ import annotations

import types
import typing
from collections.abc import Mapping
from typing import Any

from hookline.graph.rewriting.constants import Constants
from hookline.graph.rewriting.draft import Draft
from hookline.model.graph import Task
from hookline.model.metadata import metadata_of, part_metadata_of, unread_of
from hookline.model.options import Options
from hookline.model.outputs import bare_type
from hookline.model.place import Place

__all__ = ["TaskMatch", "promises"]


class TaskMatch:
    """A task of a graph that is being rewritten; tells what the task is by now."""

    __slots__ = ("_draft", "_number")

    def __init__(self, draft: Draft, number: int) -> None:
        self._draft = draft
        self._number = number

    @property
    def id(self) -> str:
        """Its id; in a part that grew, its name within the task that grew it."""
        return self._task.id

    @property
    def step(self) -> str:
        """Its step's name."""
        return self._task.step.name

    @property
    def tags(self) -> tuple[str, ...]:
        """Its step's tags."""
        return self._task.options.tags

    @property
    def options(self) -> Options:
        """How its attempts are made."""
        return self._task.options

    @property
    def returns(self) -> Any:
        """The annotation of what it returns, of a mapped task each item; ``Any`` where there is none."""
        return self._task.outputs.returns

    @property
    def metadata(self) -> tuple[Any, ...]:
        """What ``Annotated[…]`` says beside the type that it returns, of a mapped task each item."""
        return metadata_of(self._task.step.declares)

    @property
    def parts(self) -> tuple[str, ...]:
        """Names of the parts that its value, or each item, splits into; empty for a value of one piece."""
        outputs = self._task.outputs
        return () if outputs.form == "one" else outputs.names

    @property
    def part_metadata(self) -> Mapping[str, tuple[Any, ...]]:
        """What ``Annotated[…]`` says beside the type of each part, by the part's name."""
        return part_metadata_of(self._task.step.declares)

    @property
    def unread(self) -> str:
        """The annotation of what it returns where that can't be evaluated, as text; empty where it can.

        A name that is imported for type checkers only is not there when the program runs. :attr:`returns` is ``Any``
        then, and :attr:`metadata` empty, whatever the text says.
        """
        return unread_of(self._task.step.declares)

    @property
    def mapped(self) -> tuple[str, ...]:
        """Names of the parameters that it is mapped over; empty for a plain task."""
        return self._task.mapped

    @property
    def bindings(self) -> tuple[str, ...]:
        """Names of the parameters that are given something."""
        return tuple(self._task.bindings)

    @property
    def takes(self) -> Mapping[str, Any]:
        """The annotations of its step's parameters; ``Any`` where there is none."""
        parameters = self._task.step.signature.parameters
        return types.MappingProxyType({name: parameter.annotation for name, parameter in parameters.items()})

    @property
    def constants(self) -> Mapping[str, Any]:
        """The parameters that are given something known, without any task in it, and copies of these values.

        Of a parameter that the task is mapped over, the list of its items' values. What is left to defaults is not
        among them.
        """
        return Constants(self._task.bindings, self._draft.known)

    @property
    def place(self) -> Place:
        """Where the call was written."""
        return self._task.place

    @property
    def inserted_by(self) -> str:
        """The plugin that made it; empty for a call of the user's."""
        return self._task.inserted_by

    @property
    def _task(self) -> Task:
        return self._draft.task(self._number)

    def __repr__(self) -> str:
        return f"<task {'removed' if self._draft.tasks[self._number] is None else self.id}>"


def promises(annotation: Any, wanted: Any) -> bool:
    """Tell whether an annotation promises a type, or a subclass of it; an optional value counts as one.

    Args:
        annotation: What a step declares that it returns.
        wanted: A type.
    """
    bare, wanted = bare_type(annotation), bare_type(wanted)
    if bare == wanted:
        return True
    if typing.get_origin(bare) in (typing.Union, types.UnionType):
        parts = [part for part in typing.get_args(bare) if part is not type(None)]
        return all(promises(part, wanted) for part in parts)
    kind = typing.get_origin(bare) or bare
    return isinstance(wanted, type) and isinstance(kind, type) and kind is not Any and issubclass(kind, wanted)
