"""References: stand-ins for values while a workflow is being built.

A reference knows the call that will make its value and which part of it is meant. It has no public attribute but the
declared fields of that value; whatever needs the value itself raises, and says what to do instead.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any, NoReturn, TypeVar, cast

from hookline.errors import WorkflowError, close_match
from hookline.model.place import calling_place

if TYPE_CHECKING:
    from hookline.model.recording import Call

__all__ = ["FirstReference", "Reference", "completed", "first"]

T = TypeVar("T")

WHOLE = -1
"""The slot number that means the whole value."""


class Reference:
    """A stand-in for what a call will return, for one slot of it, or for the successful items of a mapped call."""

    __slots__ = ("_call", "_completed", "_slot")

    def __init__(self, call: Call, slot: int = WHOLE, completed: bool = False) -> None:
        _set_call(self, call)
        _set_slot(self, slot)
        _set_completed(self, completed)

    def __repr__(self) -> str:
        return f"<reference to {self._described()}>"

    def _described(self) -> str:
        name = f"task '{self._call.id}'"
        if self._slot != WHOLE:
            return f"'{self._call.outputs.names[self._slot]}' of {name}"
        return f"the completed items of {name}" if self._completed else name

    def __getattr__(self, name: str) -> Any:
        # What copy, pickle, inspect and the like ask every object for is no mistake of the user's.
        if name.startswith("__") or name in _SLOTS:
            raise AttributeError(name)
        outputs = self._call.outputs
        if self._splits() and outputs.form in ("dataclass", "namedtuple"):
            return self._field(name, f"attribute '{name}'")
        if self._splits() and outputs.form == "typeddict" and name in outputs.names:
            raise self._refusal(f"has no attribute '{name}'", f"it is a dict: write …['{name}']")
        raise self._refusal(f"has no attribute '{name}'", self._cure())

    def __getitem__(self, key: object) -> Any:
        outputs = self._call.outputs
        if self._splits() and outputs.form in ("tuple", "namedtuple") and isinstance(key, int):
            count = len(outputs.names)
            if -count <= key < count:
                return Reference(self._call, key % count)
            raise self._refusal(f"has no element {key}", f"it has {count}")
        if self._splits() and outputs.form == "typeddict" and isinstance(key, str):
            return self._field(key, f"key '{key}'")
        raise self._refusal("can't be indexed", self._cure("index it inside a step"))

    def __iter__(self) -> Iterator[Any]:
        outputs = self._call.outputs
        if self._splits() and outputs.form in ("tuple", "namedtuple"):
            return iter([Reference(self._call, slot) for slot in range(len(outputs.names))])
        raise self._refusal(
            "can't be iterated over", "use .map(…) to run a step for each element, or iterate inside a step"
        )

    def _splits(self) -> bool:
        return self._slot == WHOLE and not self._call.mapped and not self._completed

    def _field(self, name: str, wanted: str) -> Reference:
        names = self._call.outputs.names
        if name in names:
            return Reference(self._call, names.index(name))
        raise self._refusal(f"has no {wanted}", f"its fields are {', '.join(names)}{_question(name, names)}")

    def _cure(self, inside: str = "use it inside a step") -> str:
        if self._call.mapped:
            return (
                f"it stands for a list, one item per call of '{self._call.step.name}': map a step over it, or {inside}"
            )
        if self._splits():
            return (
                f"the value does not exist yet: {inside}, or annotate what '{self._call.step.name}' returns with a "
                "tuple of fixed length, NamedTuple, dataclass or TypedDict, whose parts can be passed on"
            )
        return f"the value does not exist yet: {inside}"

    def _refusal(self, what: str, cure: str) -> WorkflowError:
        return WorkflowError(f"the reference to {self._described()} {what} ({calling_place()})", help=cure)

    def __bool__(self) -> NoReturn:
        raise self._refusal("can't be tested", "use step.when(reference)(…) to run a step on a condition")

    def __len__(self) -> NoReturn:
        raise self._refusal("has no length yet", "count inside a step")

    def __str__(self) -> NoReturn:
        raise self._refusal("can't be formatted", "format it inside a step")

    def __format__(self, spec: str) -> NoReturn:
        raise self._refusal("can't be formatted", "format it inside a step")

    def __call__(self, *args: object, **kwargs: object) -> NoReturn:  # noqa: D102, ARG002 - refuses whatever is given
        raise self._refusal("can't be called", "call it inside a step")

    def __contains__(self, item: object) -> NoReturn:
        raise self._refusal("can't be searched", "search it inside a step")

    def __setattr__(self, name: str, value: object) -> NoReturn:
        raise self._refusal("can't be changed", "change it inside a step, and return it")

    def __hash__(self) -> int:
        return id(self)

    def __reduce__(self) -> NoReturn:
        raise self._refusal(
            "can't be copied, stored or sent",
            "pass it to a step as an argument, on its own or in a list, tuple or dict",
        )


# The class refuses assignments, its constructor's too.
_SLOTS = frozenset(Reference.__slots__)
_set_call, _set_slot, _set_completed = (getattr(Reference, name).__set__ for name in ("_call", "_slot", "_completed"))


class FirstReference(Reference):
    """A stand-in for the first of several values that was not skipped."""

    __slots__ = ("_options",)

    def __init__(self, options: tuple[Reference, ...]) -> None:
        super().__init__(options[0]._call, options[0]._slot)
        _set_options(self, options)

    def _splits(self) -> bool:
        return False

    def _cure(self, inside: str = "use it inside a step") -> str:
        return f"the value does not exist yet: {inside}"

    def _described(self) -> str:
        return f"the first of {', '.join(option._described() for option in self._options)}"


_set_options = FirstReference.__dict__["_options"].__set__


def first(*values: T | None) -> T:
    """Take the first value that was not skipped.

    Args:
        *values: References, at least one, in order of preference.

    Returns:
        A reference; a task that takes it is skipped only when all of them were.

    Raises:
        WorkflowError: Something given is no reference.
    """
    if not values or not all(isinstance(value, Reference) for value in values):
        raise WorkflowError(
            f"first() takes one or more references to tasks ({calling_place()})",
            help="pass what steps returned, such as first(cheap.when(a)(x), dear(x))",
        )
    options: list[Reference] = []
    for value in cast("tuple[Reference, ...]", values):
        options.extend(value._options if isinstance(value, FirstReference) else [value])
    return cast("T", FirstReference(tuple(options)))


def completed(values: list[T]) -> list[T]:
    """Take the items of a mapped task that completed, leaving out those that failed or were skipped.

    Args:
        values: What ``.map`` or ``.product`` returned.

    Returns:
        A reference to the list of these items, in order.

    Raises:
        WorkflowError: It is no reference to a mapped task.
    """
    given: object = values
    if type(given) is not Reference or not given._call.mapped or given._completed:
        raise WorkflowError(
            f"completed() takes what .map(…) or .product(…) returned ({calling_place()})",
            help="map the step first, such as completed(train.map(depth=depths))",
        )
    return cast("list[T]", Reference(given._call, completed=True))


def _question(name: str, names: Sequence[str]) -> str:
    match = close_match(name, names)
    return f";{match}" if match else ""


def _refusing(what: str, cure: str) -> Any:
    def refuse(self: Reference, *_: object) -> NoReturn:
        raise self._refusal(what, cure)

    return refuse


_ARITHMETIC = "add sub mul truediv floordiv mod divmod pow matmul lshift rshift and or xor"
for _name in _ARITHMETIC.split():
    for _form in (f"__{_name}__", f"__r{_name}__", f"__i{_name}__"):
        setattr(Reference, _form, _refusing("can't be computed with", "compute inside a step"))
for _name in ("neg", "pos", "abs", "invert", "int", "float", "complex", "index", "round", "trunc", "floor", "ceil"):
    setattr(Reference, f"__{_name}__", _refusing("can't be computed with", "compute inside a step"))
for _name in ("eq", "ne", "lt", "le", "gt", "ge"):
    setattr(
        Reference,
        f"__{_name}__",
        _refusing("can't be compared", "compare inside a step, and pass the result to step.when(…)"),
    )
for _name in ("setitem", "delitem", "delattr"):
    setattr(Reference, f"__{_name}__", _refusing("can't be changed", "change it inside a step, and return it"))
for _name in ("enter", "next", "reversed", "await", "bytes"):
    setattr(Reference, f"__{_name}__", _refusing("can't be used as a value", "use it inside a step"))
Reference.__fspath__ = _refusing("can't be used as a path", "open the file inside a step")  # type: ignore[attr-defined]
