"""The canonical encoding of plain data, arrays and frames: equal values, and only equal values, give equal bytes.

Plain are exactly these types (no subclasses): None, bool, int, float (by bits), complex, str, bytes, list, tuple, dict
(insertion order counts), set and frozenset (members sorted by their encoding), the date and time types, Decimal, UUID,
PurePath, members of module-level Enum classes, what has a form in :mod:`hookline.values.forms` (arrays and frames), and
the types that plugins registered.
The encoding is pickle protocol 5 with the memo off, so that it does not tell whether two parts are the same object, and
any unpickler reads it.
"""

from __future__ import annotations

import enum
import io
import pickle
from collections.abc import Callable
from typing import Any

from hookline.values.digest import digest_bytes
from hookline.values.forms import NotPlain, form_of, is_form
from hookline.values.registered import is_registered, registered_form

__all__ = [
    "PATH_TYPES",
    "PLAIN_TYPES",
    "Buffers",
    "NotPlain",
    "PathFound",
    "Reduced",
    "digest_plain",
    "encode_plain",
    "rebuild_array",
    "rebuild_scalar",
]

Buffers = list[pickle.PickleBuffer]

# Compared by name so that looking at a value imports nothing.
PLAIN_TYPES = frozenset(
    {
        ("builtins", "complex"),
        ("datetime", "date"),
        ("datetime", "datetime"),
        ("datetime", "time"),
        ("datetime", "timedelta"),
        ("datetime", "timezone"),
        ("zoneinfo", "ZoneInfo"),
        ("decimal", "Decimal"),
        ("uuid", "UUID"),
        ("pathlib", "PurePosixPath"),
        ("pathlib", "PureWindowsPath"),
        ("pathlib._local", "PurePosixPath"),
        ("pathlib._local", "PureWindowsPath"),
        ("hookline.values.files", "FileRef"),
        ("hookline.model.secret", "Secret"),
    }
)
PATH_TYPES = frozenset(
    {(module, name) for module in ("pathlib", "pathlib._local") for name in ("PosixPath", "WindowsPath")}
)
# Classes and functions that reductions of the types above call.
_CALLED = PLAIN_TYPES | {
    ("builtins", "set"),
    ("builtins", "frozenset"),
    ("builtins", "getattr"),
    ("hookline.values.plain", "rebuild_array"),
    ("hookline.values.plain", "rebuild_scalar"),
    ("hookline.values.files", "open_file"),
    ("hookline.model.secret", "restore_secret"),
}
_SET_OPCODES = (b"\x8f", b"\x91")
_IMMEDIATE = frozenset({int, bool, type(None), float})


class PathFound(NotPlain):
    """The value holds a file path, which counts by content."""


def encode_plain(value: object, buffers: Buffers | None = None, classes: set[type] | None = None) -> bytes:
    """Encode plain data canonically.

    Args:
        value: Any value.
        buffers: Where arrays put their memory; None keeps it in the returned bytes.
        classes: Collects the Enum classes that the value's members belong to, and those that plugins registered, whose
            code is not in the bytes. None refuses values of such classes.

    Returns:
        A pickle stream; ``pickle.loads(stream, buffers=buffers)`` gives an equal value.

    Raises:
        NotPlain: The value is not plain data.
        PathFound: It holds a ``pathlib.Path``.
        RecursionError: It is nested too deeply, or contains itself.
    """
    if type(value) in _IMMEDIATE:
        return pickle.dumps(value, 5)
    try:
        stream = _dump(value, buffers, classes)
    except (KeyError, RecursionError):
        # With its memo off the C pickler miscounts how deep frozensets are, and sees cycles where there are none.
        if not _holds_set(value):
            raise
        stream = b"".join(_SET_OPCODES)
    if (_SET_OPCODES[0] in stream or _SET_OPCODES[1] in stream) and _holds_set(value):
        if buffers is not None:
            buffers.clear()
        stream = _dump(_sort_sets(value, classes), buffers, classes)
    return stream


def digest_plain(value: object) -> bytes | None:
    """Digest plain data that needs no project code, or return None for anything else.

    Args:
        value: Any value.

    Returns:
        32 bytes, equal for equal plain values in every process; None where the value has no canonical encoding or
        holds members of an Enum class, whose code would have to count too.
    """
    try:
        return digest_bytes(encode_plain(value))
    except (NotPlain, RecursionError):
        return None


def rebuild_array(dtype: str, shape: tuple[int, ...], order: Any, buffer: Any) -> Any:
    """Make a NumPy array over its stored bytes. Stored streams name this function: it stays here.

    Args:
        dtype: The element type's text, such as ``"<f8"``.
        shape: Lengths of the axes.
        order: ``"C"`` or ``"F"``.
        buffer: The elements' bytes, in that order.

    Returns:
        A writable array, over ``buffer`` itself where that is writable.
    """
    import numpy as np

    if memoryview(buffer).readonly:
        buffer = bytearray(buffer)
    made = np.dtype(dtype)
    if made.hasobject:
        raise ValueError("an array of objects over bytes")  # their addresses would be the stream's choice
    return np.ndarray(shape, dtype=made, buffer=buffer, order=order)


def rebuild_scalar(dtype: str, data: bytes) -> Any:
    """Make a NumPy scalar from its bytes. Stored streams name this function: it stays here."""
    import numpy as np

    if dtype[1] == "S":
        return np.bytes_(data)
    if dtype[1] == "U":
        return np.str_(data.decode("utf-32-le", "surrogatepass"))
    return np.frombuffer(data, dtype=np.dtype(dtype))[0]


def _dump(value: object, buffers: Buffers | None, classes: set[type] | None) -> bytes:
    sink = io.BytesIO()
    pickler = _PlainPickler(sink, 5, buffer_callback=None if buffers is None else buffers.append)
    pickler.classes = classes
    pickler.fast = True
    try:
        pickler.dump(value)
    except ValueError as error:
        if "cyclic" in str(error):
            raise RecursionError("the value contains itself") from None
        raise NotPlain(str(error)) from None
    except (pickle.PicklingError, TypeError, AttributeError) as error:
        raise NotPlain(str(error)) from None
    return sink.getvalue()


class _PlainPickler(pickle.Pickler):
    """Refuses what is not plain; the C pickler asks it only about what is of no exact built-in type."""

    classes: set[type] | None = None

    def reducer_override(self, obj: Any) -> Any:
        kind = type(obj)
        name = (kind.__module__, kind.__qualname__)
        if name in PLAIN_TYPES or kind is Reduced:
            return NotImplemented
        if name in PATH_TYPES:
            raise PathFound
        if isinstance(obj, enum.Enum):
            return self._reduce_member(obj)
        form = form_of(obj)
        if form is not None:
            return form
        if is_registered(kind):
            return self._reduce_registered(obj)
        # Classes and functions pass where a reduction calls them. As values they are code, for which no name can stand.
        called = (getattr(obj, "__module__", None), getattr(obj, "__qualname__", None))
        if called in _CALLED or called == (None, "ZoneInfo._unpickle") or (self.classes and obj in self.classes):
            return NotImplemented
        if is_form(obj):
            return NotImplemented
        raise NotPlain(f"{name[0]}.{name[1]} has no canonical encoding")

    def _reduce_registered(self, value: object) -> Any:
        form = None if self.classes is None else registered_form(value)
        if form is None or self.classes is None:
            raise NotPlain
        self.classes.add(type(value))
        return form

    def _reduce_member(self, member: enum.Enum) -> Any:
        kind = type(member)
        if self.classes is None or "." in kind.__qualname__ or isinstance(member, enum.Flag):
            raise NotPlain
        self.classes.add(kind)
        return getattr, (kind, member.name)


class Reduced:
    """A value on its way into the stream, taken apart: a set with its members in the order of their encodings."""

    def __init__(self, function: Callable[..., Any], arguments: tuple[Any, ...]) -> None:
        self._reduced = function, arguments

    def __reduce__(self) -> tuple[Callable[..., Any], tuple[Any, ...]]:
        return self._reduced


def _holds_set(value: object) -> bool:
    pending = [value]
    # Held, not only their ids: what forms are taken apart into would be freed, and its ids given to others.
    seen: dict[int, object] = {}
    while pending:
        item = pending.pop()
        kind = type(item)
        if kind is set or kind is frozenset:
            return True
        if kind is list or kind is tuple or kind is dict:
            # A value may contain itself.
            if id(item) in seen:
                continue
            seen[id(item)] = item
            pending.extend(item)  # type: ignore[arg-type]
            if kind is dict:
                pending.extend(item.values())  # type: ignore[attr-defined]
        elif kind.__module__ != "builtins" and not _is_whole(item) and id(item) not in seen:
            seen[id(item)] = item
            form = form_of(item)
            if form is not None:
                pending.extend(form[1])
    return False


def _sort_sets(value: Any, classes: set[type] | None) -> Any:
    kind = type(value)
    if kind is list or kind is tuple:
        return kind(_sort_sets(item, classes) for item in value)
    if kind is dict:
        return {_sort_sets(key, classes): _sort_sets(item, classes) for key, item in value.items()}
    if kind is set or kind is frozenset:
        members = [_sort_sets(item, classes) for item in value]
        return Reduced(kind, (sorted(members, key=lambda member: _dump(member, None, classes)),))
    if _is_whole(value):
        return value
    form = form_of(value)
    return value if form is None else Reduced(form[0], _sort_sets(form[1], classes))


def _is_whole(value: object) -> bool:
    """Tell whether it is not to be taken apart: it holds no objects (as most arrays), or a plugin knows what."""
    kind = type(value)
    if kind.__module__ == "numpy":
        return getattr(getattr(value, "dtype", None), "kind", "O") != "O"
    return kind.__module__ == "builtins" or is_registered(kind)
