"""Reads plain data, arrays and frames from streams that nobody vouches for: only what makes such values is called.

A pickle stream names what is to be called. This reader knows the few functions that :mod:`hookline.values.plain` and
the forms write, hands them out wrapped, so that a stream can call them and change nothing about them, and refuses all
others before they are even imported. Bytes that were made to harm may still use up memory, or give senseless values.
"""

from __future__ import annotations

import enum
import importlib
import io
import pickle
import sys
from collections.abc import Callable, Iterable
from typing import Any

from hookline.errors import HooklineError
from hookline.values import plain, policy

__all__ = ["load_pickle", "read_plain"]

_FORMS = "hookline.values.forms."
_BUILT_IN = frozenset({("builtins", name) for name in ("set", "frozenset", "complex")})
_KNOWN = (
    _BUILT_IN
    | (plain.PLAIN_TYPES - {("hookline.values.files", "FileRef")})
    | plain.PATH_TYPES
    | {
        ("hookline.values.files", "open_file"),
        ("hookline.values.plain", "rebuild_array"),
        ("hookline.values.plain", "rebuild_scalar"),
        ("hookline.model.secret", "restore_secret"),
        ("hookline.values.forms.registered", "load_value"),
        ("hookline.values.forms.registered", "open_kept"),
    }
)


def read_plain(stream: bytes | memoryview, buffers: Iterable[Any] = ()) -> object:
    """Load plain data.

    Args:
        stream: The stream.
        buffers: Its memory out of band.

    Returns:
        The value.

    Raises:
        HooklineError: It names something else, and the load policy in force forbids that.
    """
    data = bytes(stream)
    reader = _Reader(io.BytesIO(data), buffers=buffers)
    reader.data = data
    return reader.load()


def _builds(stream: bytes) -> bool:
    """Tell whether a stream puts attributes on anything."""
    import pickletools  # every worker imports this module, and few need that one

    return any(code.name == "BUILD" for code, _, _ in pickletools.genops(stream))


def load_pickle(stream: bytes) -> object:
    """Load a pickle from the store; under a policy that forbids pickles, only what is plain.

    Raises:
        HooklineError: The load policy in force forbids it.
    """
    return pickle.loads(stream) if policy.pickles else read_plain(stream)


class _Reader(pickle.Unpickler):
    data: bytes

    def find_class(self, module: str, name: str, /) -> Any:
        if (module, name) == ("builtins", "getattr"):
            if _builds(self.data):
                # Members of Enum classes are there once for the whole process: nothing may put attributes on them.
                raise _refused("attributes of objects beside Enum members")
            return _Call(_member)
        if (module, name) == ("uuid", "UUID"):
            return _Uuid
        if (module, name) in _KNOWN or (module.startswith(_FORMS) and name.startswith("rebuild_")):
            return _Call(_checked(module, name))
        kind = _loaded(module, name)
        if isinstance(kind, type) and issubclass(kind, enum.Enum):
            return _Owner(kind)
        raise _refused(f"{module}.{name}")


class _Fixed:
    """Something that a stream can't put attributes on."""

    __slots__ = ()

    def __setstate__(self, state: object) -> None:
        raise _refused("attributes of functions")


class _Call(_Fixed):
    """A function that the stream may call, and nothing else."""

    __slots__ = ("_function",)

    def __init__(self, function: Callable[..., Any]) -> None:
        self._function = function

    def __call__(self, *args: Any) -> Any:
        # ZoneInfo's own way of coming back is an attribute of its class.
        return self._function(*args)


class _Owner(_Fixed):
    """An Enum class that the stream may ask for a member."""

    __slots__ = ("kind",)

    def __init__(self, kind: type[enum.Enum]) -> None:
        self.kind = kind


class _FixedClass(type):
    def __setattr__(cls, name: str, value: object) -> None:
        raise _refused("attributes of classes")

    def __setstate__(cls, state: object) -> None:
        raise _refused("attributes of classes")


class _Uuid(metaclass=_FixedClass):
    """Makes UUIDs, which fill themselves from a state that follows."""

    def __new__(cls) -> Any:
        from uuid import UUID

        return UUID.__new__(UUID)


def _member(owner: object, name: str) -> object:
    if isinstance(owner, _Owner) and name in owner.kind.__members__:
        return owner.kind[name]
    if isinstance(owner, _Call) and name == "_unpickle":
        from zoneinfo import ZoneInfo

        return _Call(ZoneInfo._unpickle)  # type: ignore[attr-defined]
    raise _refused(f"the attribute '{name}'")


def _checked(module: str, name: str) -> Callable[..., Any]:
    function: Callable[..., Any] = getattr(importlib.import_module(module), name)
    if module != _FORMS + "arrow":
        return function

    def validated(*args: Any) -> Any:
        # Its offsets may point anywhere.
        array = function(*args)
        array.validate(full=True)
        return array

    return validated


def _loaded(module: str, name: str) -> object:
    """Look up what a module that is loaded already defines."""
    return getattr(sys.modules.get(module), name, None)


def _refused(what: str) -> HooklineError:
    return HooklineError(
        f"the load policy '{policy.load_policy()}' does not let a stored value be loaded: it needs {what}",
        help=policy.REMEDY,
    )
