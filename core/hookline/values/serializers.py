"""Streams: how a value that is no plain data becomes bytes, whatever its type.

What plugins bring for single types is in :mod:`hookline.values.registered`; these here ask it about each object.
"""

from __future__ import annotations

import contextlib
import functools
import io
import pickle
import threading
import types
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Protocol

from hookline.model.registry import Registry
from hookline.values.forms import NotPlain, UnstorableError, form_of, may_have_form
from hookline.values.plain import Buffers, rebuild_array, rebuild_scalar
from hookline.values.registered import registered_form
from hookline.values.sharing import Look, Parts, dump_alike, is_ambiguous

__all__ = [
    "STREAMS",
    "CloudpickleSerializer",
    "DillSerializer",
    "Keep",
    "PickleSerializer",
    "Stream",
    "UnstorableError",
    "load_dill",
    "never",
    "without_warnings",
]

_OF_NUMBERS = frozenset({rebuild_array, rebuild_scalar})
_silence = threading.RLock()

Keep = Callable[[Path], object | None]
"""Stores the file that a path points to and gives what stands for it; None where the path stays."""


def never(path: Path) -> None:
    """Leave each path as it is."""


class Stream(Protocol):
    """Turns values into bytes and back; one object serves a whole process, from several threads."""

    def dump(self, value: object, buffers: Buffers, code: set[object], keep: Keep = never) -> bytes:
        """Serialise a value.

        Args:
            value: What to store.
            buffers: Takes large memory out of band, without a copy.
            code: Takes the classes and functions that the bytes name but don't contain.
            keep: Asked about each path: stores the file that won't stay where it is, and gives its stand-in.

        Returns:
            The stream.

        Raises:
            Exception: Whatever tells that this stream can't take it.
        """
        ...

    def load(self, stream: bytes | memoryview, buffers: list[bytes | memoryview | bytearray]) -> object:
        """Give the value back."""
        ...


class PickleSerializer:
    """Pickle protocol 5 with out-of-band buffers."""

    def dump(self, value: object, buffers: Buffers, code: set[object], keep: Keep = never) -> bytes:
        """See :meth:`Stream.dump`."""
        sink = io.BytesIO()
        pickler = _CodePickler(sink, 5, buffer_callback=buffers.append)
        pickler.look = look = _Look(code, keep)
        pickler.dump(value)
        if not is_ambiguous(pickler.memo, look.made):
            return sink.getvalue()
        taken: Buffers = []
        try:
            stream = dump_alike(value, look, code, taken.append)
        except Exception:  # noqa: BLE001 - it asks more of objects than pickle: to be hashed, and to be less deep
            return sink.getvalue()
        buffers[:] = taken
        return stream

    def load(self, stream: bytes | memoryview, buffers: list[bytes | memoryview | bytearray]) -> object:
        """See :meth:`Stream.load`."""
        return pickle.loads(stream, buffers=buffers)


class DillSerializer:
    """dill, for what pickle refuses: lambdas, classes without a module. Ten times slower on data; buffers in band."""

    def dump(self, value: object, buffers: Buffers, code: set[object], keep: Keep = never) -> bytes:  # noqa: ARG002
        """See :meth:`Stream.dump`."""
        sink = io.BytesIO()
        pickler = _dill_pickler()(sink, protocol=5, recurse=True)
        pickler.parts = Parts(_Look(code, keep), code, inside=False)
        with without_warnings():
            pickler.dump(value)
        return sink.getvalue()

    def load(self, stream: bytes | memoryview, buffers: list[bytes | memoryview | bytearray]) -> object:  # noqa: ARG002
        """See :meth:`Stream.load`."""
        return load_dill().loads(stream)


class CloudpickleSerializer:
    """cloudpickle, for what dill refuses too: members of Enum classes without a module, pydantic models."""

    def dump(self, value: object, buffers: Buffers, code: set[object], keep: Keep = never) -> bytes:
        """See :meth:`Stream.dump`."""
        sink = io.BytesIO()
        pickler = _cloudpickle_pickler()(sink, protocol=5, buffer_callback=buffers.append)
        pickler.code, pickler.keep = code, keep
        with without_warnings():
            pickler.dump(value)
        return sink.getvalue()

    def load(self, stream: bytes | memoryview, buffers: list[bytes | memoryview | bytearray]) -> object:
        """See :meth:`Stream.load`."""
        return pickle.loads(stream, buffers=buffers)


STREAMS: Registry[Stream] = Registry("stream")
STREAMS.register("pickle", "hookline.values.serializers:PickleSerializer", source="hookline")
STREAMS.register("dill", "hookline.values.serializers:DillSerializer", source="hookline")
STREAMS.register("cloudpickle", "hookline.values.serializers:CloudpickleSerializer", source="hookline")


@contextlib.contextmanager
def without_warnings() -> Iterator[None]:
    """Keep a pickler's complaints from the user, who is told by an error where nothing else works."""
    # The filters belong to the whole process: two threads that restore them in turn would leave warnings off.
    with _silence, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


@functools.cache
def load_dill() -> Any:
    """Import dill without letting it change what other picklers do."""
    import dill

    dill.extend(False)
    return dill


@functools.cache
def _dill_pickler() -> Any:
    class DillCodePickler(load_dill().Pickler):  # type: ignore[misc]
        """dill's pickler, noting the classes and functions that it meets, by name or by value."""

        parts: Parts

        def save(self, obj: Any, *args: Any, **kwargs: Any) -> None:
            # Written in Python, it comes by here with each part: no second time is needed.
            super().save(self.parts.one(obj), *args, **kwargs)

        def reducer_override(self, obj: Any) -> Any:
            return self.parts.look(obj)

    return DillCodePickler


@functools.cache
def _cloudpickle_pickler() -> Any:
    import cloudpickle

    class CloudCodePickler(cloudpickle.Pickler):  # type: ignore[misc]
        """cloudpickle's pickler, noting the classes and functions that it meets, by name or by value."""

        code: set[object]
        keep: Keep

        def reducer_override(self, obj: Any) -> Any:
            stand_in = _noted(obj, self.code, self.keep)
            return super().reducer_override(obj) if stand_in is NotImplemented else stand_in

    return CloudCodePickler


class _CodePickler(pickle.Pickler):
    """Notes which classes and functions the stream goes to by name."""

    look: Look

    def reducer_override(self, obj: Any) -> Any:
        return self.look(obj)


class _Look:
    """Looks at each object for a pickler, and remembers what it made of it: files and forms are not made twice.

    Attributes:
        made: Ids of what it made for arrays and numbers of NumPy's.
    """

    def __init__(self, code: set[object], keep: Keep) -> None:
        self._code, self._keep = code, keep
        # Objects are held, so that no other one gets their id.
        self._found: dict[int, tuple[object, Any]] = {}
        self._left_alone: set[type] = set()
        self.made: set[int] = set()

    def __call__(self, obj: Any) -> Any:
        kind = type(obj)
        if kind in self._left_alone:
            return NotImplemented
        known = self._found.get(id(obj))
        if known is not None:
            return known[1]
        found = _noted(obj, self._code, self._keep)
        if found is not NotImplemented:
            self._found[id(obj)] = (obj, found)
            if found[0] in _OF_NUMBERS:
                # Most objects with arrays have several of one type, whose name NumPy makes anew each time.
                self.made.update(map(id, (found[1], *found[1][:2])))
        elif not (isinstance(obj, (type, types.FunctionType, Path)) or may_have_form(kind)):
            self._left_alone.add(kind)
        return found


def _noted(obj: Any, code: set[object], keep: Keep) -> Any:
    if isinstance(obj, (type, types.FunctionType)):
        code.add(obj)
    elif isinstance(obj, Path):
        stand_in = keep(obj)
        return NotImplemented if stand_in is None else stand_in.__reduce__()
    elif not (type(obj).__module__.startswith("numpy") and getattr(getattr(obj, "dtype", None), "hasobject", False)):
        # NumPy's own way with arrays of objects keeps cycles, which forms do not.
        with contextlib.suppress(NotPlain):
            return form_of(obj) or _registered(obj, code) or NotImplemented
    return NotImplemented


def _registered(obj: object, code: set[object]) -> Any:
    form = registered_form(obj)
    if form is not None:
        code.add(type(obj))
    return form
