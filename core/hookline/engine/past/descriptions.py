"""How the journal describes what is needed to read a run again: slots, parameters, and what the workflow returned.

Everything is JSON of plain names and stored values, so that a run can be read without its code, and however hookline's
own classes change.
"""

from __future__ import annotations

import base64
import importlib
import json
import sys
from collections.abc import Callable, Mapping
from typing import Any, Protocol

from hookline.errors import HooklineError, UsageError
from hookline.model.graph import Binding, Constant, FirstOf, Nested, TaskGraph, TaskOutput
from hookline.model.outputs import Outputs
from hookline.store.artifacts import Artifacts
from hookline.store.outputs import INLINE_LIMIT, Stored, pack_outputs, unpack_outputs
from hookline.values.encode import decode, encode_constant

__all__ = [
    "ONE_SLOT",
    "describe_params",
    "describe_returns",
    "describe_slots",
    "read_params",
    "read_returns",
    "read_slots",
]


class Numbers(Protocol):
    """Gives the number under which a task is recorded."""

    def __getitem__(self, index: int, /) -> int:
        """Give it by the task's index."""
        ...


ONE_SLOT = Outputs("one", ("value",), (Any,), Any, ())


def describe_slots(outputs: Outputs) -> str:
    """Describe how a task's value splits into slots.

    Returns:
        JSON; empty for a single slot.
    """
    if outputs.form == "one":
        return ""
    described: dict[str, Any] = {"form": outputs.form, "names": outputs.names}
    if outputs.form in ("namedtuple", "dataclass"):
        kind: type = outputs.returns
        described["class"] = f"{kind.__module__}:{kind.__qualname__}"
    return json.dumps({"slots": described})


def read_slots(described: str, load_code: Callable[[], object]) -> Outputs:
    """Give the slots that :func:`describe_slots` described.

    Args:
        described: Its text.
        load_code: Imports the workflow's file, where a class can't be found without.

    Returns:
        Slots that can be joined; they check nothing.

    Raises:
        UsageError: The class of the value is gone.
    """
    slots = json.loads(described).get("slots") if described else None
    if not slots:
        return ONE_SLOT
    kind = _find_class(slots["class"], load_code) if "class" in slots else Any
    names = tuple(slots["names"])
    return Outputs(slots["form"], names, (Any,) * len(names), kind, ())


def describe_returns(graph: TaskGraph, nodes: Numbers) -> bytes | None:
    """Describe what a workflow returns.

    Args:
        graph: The workflow's graph.
        nodes: The numbers under which its tasks are recorded.

    Returns:
        JSON; None where the workflow returns nothing, or a constant that can't be stored.
    """
    if graph.returns is None:
        return None
    try:
        return json.dumps(_written(graph.returns, nodes)).encode()
    except HooklineError:
        return None


def read_returns(described: bytes) -> Binding:
    """Give the binding that :func:`describe_returns` described; tasks are the recorded numbers."""
    return _read(json.loads(described))


def describe_params(params: Mapping[str, object], artifacts: Artifacts) -> str:
    """Store a run's parameters, so that a resume has the same.

    Args:
        params: The validated parameters.
        artifacts: Takes those that are large; to be closed once the run that they belong to is recorded.

    Returns:
        JSON; empty where one of them can't be stored.
    """
    writer = artifacts.writer()
    described = {}
    try:
        for name, value in params.items():
            digest, data = encode_constant(value)
            place = b"" if len(data) <= INLINE_LIMIT else writer.put(_digest(data), [data], len(data))
            stored = Stored(digest if not place else _digest(data), len(data), place, None if place else data)
            described[name] = _text(pack_outputs([stored]))
        writer.sync()
    except HooklineError:
        return ""
    return json.dumps(described)


def read_params(described: str, artifacts: Artifacts) -> dict[str, Any]:
    """Load the parameters that :func:`describe_params` stored."""
    params: dict[str, Any] = {}
    for name, text in json.loads(described).items():
        stored = unpack_outputs(base64.b64decode(text))[0]
        params[name] = decode(stored.data if stored.data is not None else artifacts.read(stored))
    return params


def _digest(data: bytes) -> bytes:
    from hookline.values.digest import digest_bytes

    return digest_bytes(data)


def _written(binding: Binding, nodes: Numbers) -> dict[str, Any]:
    if isinstance(binding, TaskOutput):
        return {"task": nodes[binding.task], "slot": binding.slot, "completed": binding.completed}
    if isinstance(binding, FirstOf):
        return {"first": [_written(option, nodes) for option in binding.options]}
    if isinstance(binding, Nested):
        items = [_written(item, nodes) for item in binding.items]
        return {binding.kind: items, "keys": [_stored(key) for key in binding.keys]}
    assert isinstance(binding, Constant)  # a workflow was given no values by attempts
    return {"value": _stored(binding.value)}


def _read(described: dict[str, Any]) -> Binding:
    if "task" in described:
        return TaskOutput(described["task"], described["slot"], described["completed"])
    if "first" in described:
        options = [_read(option) for option in described["first"]]
        return FirstOf(tuple(option for option in options if isinstance(option, TaskOutput)))
    for kind in ("list", "tuple", "dict"):
        if kind in described:
            keys = tuple(_loaded(key) for key in described["keys"])
            return Nested(kind, keys, tuple(_read(item) for item in described[kind]))
    return Constant(_loaded(described["value"]))


def _stored(value: object) -> str:
    return _text(encode_constant(value)[1])


def _loaded(text: str) -> Any:
    return decode(base64.b64decode(text))


def _text(data: bytes) -> str:
    return base64.b64encode(data).decode("ascii")


def _find_class(place: str, load_code: Callable[[], object]) -> Any:
    module, _, qualname = place.partition(":")
    try:
        if module not in sys.modules:
            try:
                importlib.import_module(module)
            except ImportError:
                load_code()
        found: Any = sys.modules[module]
        for part in qualname.split("."):
            found = getattr(found, part)
    except (KeyError, AttributeError, ImportError, HooklineError):
        raise UsageError(
            f"the value is a '{qualname}' of '{module}', which is not there any more",
            help="bring the class back, or run the workflow again",
        ) from None
    return found
