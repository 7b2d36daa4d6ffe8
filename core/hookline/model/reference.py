"""References: stand-ins for values while a workflow is being built.

A reference knows the call that will make its value and which part of it is meant. It has no public attribute but the
declared fields of that value; whatever needs the value itself raises, and says what to do instead.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, NoReturn, cast

from hookline.errors import WorkflowError, close_match
from hookline.model.place import calling_place

if TYPE_CHECKING:
    from hookline.model.recording import Call

__all__ = ["FirstReference", "Reference", "completed", "first"]

WHOLE = -1
"""The slot number that means the whole value."""


class Reference:
    """A stand-in for what a call will return, for one slot of it, or for the successful items of a mapped call."""

    __slots__ = ("_call", "_completed", "_slot")

    def __init__(self, call: Call, slot: int = WHOLE, completed: bool = False) -> None:
        self._call = call
        self._slot = slot
        self._completed = completed

    def __repr__(self) -> str:
        return f"<reference to {self._described()}>"

    def _described(self) -> str:
        name = f"task '{self._call.id}'"
        if self._slot != WHOLE:
            name = f"'{self._call.outputs.names[self._slot]}' of {name}"
        return name

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__") or name in Reference.__slots__:
            raise AttributeError(name)
        return self._field(name, f"attribute '{name}'")

    def __getitem__(self, key: object) -> Any:
        outputs = self._call.outputs
        if self._splits() and outputs.form == "tuple" and isinstance(key, int):
            count = len(outputs.names)
            if -count <= key < count:
                return Reference(self._call, key % count)
            self._refuse(f"has no element {key}", f"it has {count}")
        if self._splits() and outputs.form == "typeddict" and isinstance(key, str):
            return self._field(key, f"key '{key}'")
        self._refuse("can't be indexed", "index it inside a step, or declare a return type with fixed fields")

    def __iter__(self) -> Iterator[Any]:
        outputs = self._call.outputs
        if self._splits() and outputs.form in ("tuple", "namedtuple"):
            return iter([Reference(self._call, slot) for slot in range(len(outputs.names))])
        self._refuse("can't be iterated over", "use .map(…) to run a step for each element, or iterate inside a step")

    def _splits(self) -> bool:
        return self._slot == WHOLE and not self._call.mapped and not self._completed

    def _field(self, name: str, wanted: str) -> Reference:
        outputs = self._call.outputs
        if self._splits() and outputs.form in ("dataclass", "namedtuple", "typeddict"):
            if name in outputs.names:
                return Reference(self._call, outputs.names.index(name))
            self._refuse(
                f"has no {wanted}",
                f"its fields are {', '.join(outputs.names)};{close_match(name, outputs.names)}",
            )
        self._refuse(
            f"has no {wanted}",
            "the value does not exist yet: use it inside a step, or annotate the step's return with a dataclass, "
            "NamedTuple or TypedDict whose fields can be passed on",
        )

    def _refuse(self, what: str, cure: str) -> NoReturn:
        raise WorkflowError(f"the reference to {self._described()} {what} ({calling_place()})", help=cure)

    def __bool__(self) -> NoReturn:
        self._refuse("can't be tested", "use step.when(reference)(…) to run a step on a condition")

    def __len__(self) -> NoReturn:
        self._refuse("has no length yet", "count inside a step")

    def __str__(self) -> NoReturn:
        self._refuse("can't be formatted", "format it inside a step")

    def __format__(self, spec: str) -> NoReturn:
        self._refuse("can't be formatted", "format it inside a step")

    def __call__(self, *args: object, **kwargs: object) -> NoReturn:
        self._refuse("can't be called", "call it inside a step")

    def __contains__(self, item: object) -> NoReturn:
        self._refuse("can't be searched", "search it inside a step")

    def __hash__(self) -> int:
        return id(self)

    def __reduce__(self) -> NoReturn:
        self._refuse(
            "can't be stored or sent",
            "pass it to a step as an argument, on its own or in a list, tuple or dict",
        )


class FirstReference(Reference):
    """A stand-in for the first of several values that was not skipped."""

    __slots__ = ("_options",)

    def __init__(self, options: tuple[Reference, ...]) -> None:
        super().__init__(options[0]._call, options[0]._slot)
        self._options = options

    def _splits(self) -> bool:
        return False

    def _described(self) -> str:
        return f"the first of {', '.join(option._described() for option in self._options)}"


def first(*values: Any) -> Any:
    """Take the first value that was not skipped.

    Args:
        *values: References, at least one, in order of preference.

    Returns:
        A reference; a task that takes it is skipped only when all of them were.

    Raises:
        WorkflowError: Something given is no reference.
    """
    if not values or not all(type(value) is Reference for value in values):
        raise WorkflowError(
            f"first() takes one or more references to tasks ({calling_place()})",
            help="pass what steps returned, such as first(cheap.when(a)(x), dear(x))",
        )
    return FirstReference(cast("tuple[Reference, ...]", values))


def completed(values: list[Any]) -> list[Any]:
    """Take the items of a mapped task that completed, leaving out those that failed or were skipped.

    Args:
        values: What ``.map`` or ``.product`` returned.

    Returns:
        A reference to the list of these items, in order.

    Raises:
        WorkflowError: It is no reference to a mapped task.
    """
    given: object = values
    if type(given) is not Reference or not given._call.mapped:
        raise WorkflowError(
            f"completed() takes what .map(…) or .product(…) returned ({calling_place()})",
            help="map the step first, such as completed(train.map(depth=depths))",
        )
    return cast("list[Any]", Reference(given._call, completed=True))


def _refusing(what: str, cure: str) -> Any:
    def refuse(self: Reference, *_: object) -> NoReturn:
        self._refuse(what, cure)

    return refuse


_ARITHMETIC = "add sub mul truediv floordiv mod divmod pow matmul lshift rshift and or xor"
for _name in _ARITHMETIC.split():
    for _form in (f"__{_name}__", f"__r{_name}__", f"__i{_name}__"):
        setattr(Reference, _form, _refusing("can't be computed with", "compute inside a step"))
for _name in ("neg", "pos", "abs", "invert", "int", "float", "complex", "index", "round"):
    setattr(Reference, f"__{_name}__", _refusing("can't be computed with", "compute inside a step"))
for _name in ("eq", "ne", "lt", "le", "gt", "ge"):
    setattr(
        Reference,
        f"__{_name}__",
        _refusing("can't be compared", "compare inside a step, and pass the result to step.when(…)"),
    )
