"""Streams of objects that do not tell how often Python holds what can't be changed, nor how sets are ordered.

Pickle writes an object once, and goes back to it wherever it comes up again; of two equal objects it writes both. For
what can be changed that is part of the value: a list that two fields share is not two equal lists. For texts, bytes,
tuples, numbers and dates it tells only how the value came about: read from a file, or written as a literal. So equal
ones count as one object here, as if Python had interned them. Instances of classes, frozen ones too, are what they are.
"""

from __future__ import annotations

import copyreg
import io
import pickle
import types
from collections.abc import Callable, Iterable, Iterator
from collections.abc import Set as AbstractSet
from typing import Any

from hookline.values.plain import PATH_TYPES, PLAIN_TYPES, NotPlain, Reduced, encode_plain

__all__ = ["Look", "Parts", "dump_alike", "is_ambiguous"]

Look = Callable[[Any], Any]
"""What a pickler's ``reducer_override`` gives for an object, before this module has its say."""

_FAR = 64
"""Objects that a member of a set may consist of, to be sorted: from one node of a graph, all the others are reached."""

_SCALARS = frozenset({int, float, bool, type(None)})  # pickle writes these in full each time
# Their repr tells all that they are, where no time zone is part of it.
_TOLD_BY_TEXT = PATH_TYPES | {
    ("builtins", "range"),
    ("datetime", "date"),
    ("datetime", "datetime"),
    ("datetime", "time"),
    ("datetime", "timedelta"),
    ("decimal", "Decimal"),
}
_LEAVES = (
    PLAIN_TYPES
    | _TOLD_BY_TEXT
    | {("pandas._libs.tslibs.timestamps", "Timestamp"), ("pandas._libs.tslibs.timedeltas", "Timedelta")}
    | {("pandas._libs.tslibs.period", "Period"), ("pandas._libs.interval", "Interval")}
)
# Forms that make the texts and bytes among their arguments anew, each time: no two of them are ever one object.
_SEALED = (
    "hookline.values.plain",
    "hookline.values.forms.arrow",
    "hookline.values.forms.polars_frames",
    "hookline.values.forms.registered",
)


def is_ambiguous(memo: Any, passed: AbstractSet[int] = frozenset()) -> bool:
    """Tell whether a stream might show which of its equal parts are one object, or the order of a set.

    Args:
        memo: The memo of the pickler that wrote it.
        passed: Ids of objects that were made for it alone, and which :func:`dump_alike` passes on.

    Returns:
        False where :func:`dump_alike` would write the same.
    """
    found = memo.copy()
    for key in passed & found.keys():
        del found[key]
    met = [one for _, one in found.values()]
    return any(_is_ambiguous(kind, [one for one in met if type(one) is kind]) for kind in _telling(set(map(type, met))))


def dump_alike(
    value: object, look: Look, code: Iterable[Any], take: Callable[[pickle.PickleBuffer], Any] | None = None
) -> bytes:
    """Pickle a value such that equal unchangeable parts are one object, and sets have an order.

    Args:
        value: What to pickle.
        look: Asked about each object first.
        code: The classes and functions that the stream will name.
        take: Takes large memory out of band; None keeps it in the stream.

    Returns:
        The stream that pickle itself writes where equal unchangeable parts are one object, and no set is sorted.

    Raises:
        Exception: Whatever tells that pickle can't take it.
    """
    return _dump(value, Parts(look, code), take)


def _dump(value: object, parts: Parts, take: Callable[[pickle.PickleBuffer], Any] | None) -> bytes:
    sink = io.BytesIO()
    pickler = _Pickler(sink, 5, buffer_callback=take)
    pickler.parts = parts
    pickler.dump(parts.one(value))
    return sink.getvalue()


class _Pickler(pickle.Pickler):
    parts: Parts

    def reducer_override(self, obj: Any) -> Any:
        return self.parts.reduction(obj, self.parts.look(obj))


class Parts:
    """The parts of one value, with one object for all that are equal and can't be changed.

    Args:
        look: As for :func:`dump_alike`; orders the members of sets.
        code: As for :func:`dump_alike`. Pickle takes their names from themselves, so an equal text is that object.
        inside: Whether lists and dicts are copied where their parts are others. A pickler that asks about each part
            itself does not need it.
        room: How many more objects may be taken apart; None for any number.
    """

    def __init__(
        self, look: Look, code: Iterable[Any], *, inside: bool = True, room: Iterator[int] | None = None
    ) -> None:
        self.look, self._code, self._room = look, code, room
        self._texts: dict[str, str] = dict(_names(code))
        self._bytes: dict[bytes, bytes] = {}
        self._others: dict[Any, Any] = {}
        # Originals are held, so that no other object gets their id.
        self._done: dict[int, tuple[object, Any]] = {}
        self._ways: dict[type, Callable[[Any], Any]] = {
            bytes: lambda data: self._bytes.setdefault(data, data),
            tuple: self._tuple,
            frozenset: self._frozenset,
            set: self._set,
        }
        if inside:
            self._ways |= {list: self._list, dict: self._dict}

    def one(self, value: Any) -> Any:
        """Give what stands for a part: itself, one that is equal, or a copy of a container with such parts."""
        kind = type(value)
        if kind is str:
            return self._texts.setdefault(value, value)
        if kind in _SCALARS:
            return value
        way = self._ways.get(kind)
        if way is not None:
            return way(value)
        if _is_bare_tuple(kind):
            return self._others.setdefault((kind, *map(self._key, map(self.one, value))), value)
        return self._leaf(value, kind) if _is_leaf(kind) else value

    def reduction(self, obj: Any, found: Any) -> Any:
        """Give what an object is taken apart into, with these parts.

        Args:
            obj: An object that is of no exact built-in type.
            found: What it was taken apart into already; NotImplemented where that is still to be done.
        """
        if isinstance(obj, Reduced):
            return obj.__reduce__()
        if found is NotImplemented:
            if isinstance(obj, (type, types.FunctionType)):
                return NotImplemented
            if self._room is not None and next(self._room, None) is None:
                raise RecursionError("too far")
            found = _reduced(obj)
        if isinstance(found, str) or getattr(found[0], "__module__", "") in _SEALED:
            return found
        function, arguments, state, items, pairs, *setter = (*found, None, None, None)[: max(5, len(found))]
        if isinstance(obj, (set, frozenset)) and len(arguments) == 1 and type(arguments[0]) is list:
            arguments = (self._in_order(arguments[0]) or arguments[0],)
        return (
            function,
            # Made for this occasion: never one object with another tuple.
            tuple(map(self.one, arguments)),
            self.one(state),
            None if items is None else map(self.one, items),
            None if pairs is None else ((self.one(key), self.one(item)) for key, item in pairs),
            *setter,
        )

    def _key(self, part: Any) -> Any:
        """Give what two parts have in common only where they are one object, or equal numbers."""
        kind = type(part)
        if kind is float:
            # Of NaNs a dict may hold several.
            return (float, part.hex()) if part == part else id(part)
        return (kind, part) if kind in _SCALARS else id(part)

    def _tuple(self, value: tuple[Any, ...]) -> Any:
        known = self._done.get(id(value))
        if known is None:
            parts = tuple(map(self.one, value))
            one = self._others.setdefault((tuple, *map(self._key, parts)), parts)
            known = self._done[id(value)] = (value, one)
        return known[1]

    def _frozenset(self, value: frozenset[Any]) -> Any:
        parts = [*map(self.one, value)]
        key = frozenset, frozenset(map(self._key, parts))
        if key not in self._others:
            self._others[key] = self._ordered(value)
        return self._others[key]

    def _set(self, value: set[Any]) -> Any:
        if id(value) not in self._done:
            self._done[id(value)] = (value, self._ordered(value))
        return self._done[id(value)][1]

    def _ordered(self, value: Any) -> Any:
        kind = type(value)
        if len(value) <= 1:
            return kind(map(self.one, value))
        members = self._in_order(value)
        return value if members is None else Reduced(kind, ([*map(self.one, members)],))

    def _in_order(self, members: Iterable[Any]) -> list[Any] | None:
        """Sort a set's members by what they are; None where that can't be told, or only by going far.

        A member that leads back to its set goes as far as one likes: a set that is sorted is none that contains itself.
        """
        if set(map(type, members)) in ({str}, {int}):
            return sorted(members)
        if self._room is not None:
            return sorted(members, key=lambda member: self._apart(member, self._room))
        try:
            return sorted(members, key=lambda member: self._apart(member, iter(range(_FAR))))
        except Exception:  # noqa: BLE001 - what pickle can't take, others may
            return None

    def _apart(self, member: Any, room: Iterator[int] | None) -> bytes:
        return _dump(member, Parts(self.look, self._code, room=room), None)

    def _list(self, value: list[Any]) -> list[Any]:
        if id(value) in self._done:
            return self._done[id(value)][1]  # type: ignore[no-any-return]
        kinds = set(map(type, value))
        if kinds <= _SCALARS:
            return value
        copy: list[Any] = []
        self._done[id(value)] = (value, copy)
        copy.extend(map(self._texts.setdefault, value, value) if kinds == {str} else map(self.one, value))
        return copy

    def _dict(self, value: dict[Any, Any]) -> dict[Any, Any]:
        if id(value) in self._done:
            return self._done[id(value)][1]  # type: ignore[no-any-return]
        copy: dict[Any, Any] = {}
        self._done[id(value)] = (value, copy)
        for key, item in value.items():
            copy[self.one(key)] = self.one(item)
        return copy

    def _leaf(self, value: Any, kind: type) -> Any:
        try:
            if value != value:  # NaN, of which a dict may hold several
                return value
            told = kind, self._told(value, kind)
        except (NotPlain, ArithmeticError):
            return value
        return self._others.setdefault(told, value)

    def _told(self, value: Any, kind: type) -> Any:
        """Give what two leaves of a type have in common only where nothing tells them apart."""
        if kind.__module__ == "numpy":
            found = self.look(value)
            if found is NotImplemented:
                raise NotPlain
            return found[1]
        if (kind.__module__, kind.__qualname__) in _TOLD_BY_TEXT and getattr(value, "tzinfo", None) is None:
            return repr(value)
        return encode_plain(value)


def _telling(kinds: Iterable[type]) -> Iterable[type]:
    """Pick the types whose values may show more than they are."""
    for kind in kinds:
        if kind in (str, bytes) or issubclass(kind, (tuple, set, frozenset)) or _is_leaf(kind):
            yield kind


def _is_ambiguous(kind: type, met: list[Any]) -> bool:
    if issubclass(kind, (set, frozenset)) and any(len(one) > 1 for one in met):
        return True
    try:
        return kind is not set and len(set(met)) < len(met)
    except Exception:  # noqa: BLE001 - a tuple's members may be unhashable, or raise anything
        return len(met) > 1


def _names(code: Iterable[Any]) -> Iterable[tuple[str, str]]:
    for named in (getattr, *code):
        for which in ("__module__", "__qualname__"):
            name = getattr(named, which, None)
            # Classes in C make their names anew when asked.
            if type(name) is str and name is getattr(named, which):
                yield name, name


def _is_bare_tuple(kind: type) -> bool:
    """Tell whether a class of tuples, as of NamedTuple, adds nothing to them that pickle or a comparison would see."""
    return (
        issubclass(kind, tuple)
        and not kind.__dictoffset__
        and kind.__reduce_ex__ is object.__reduce_ex__
        and kind.__reduce__ is object.__reduce__
        and kind.__eq__ is tuple.__eq__
        and kind not in copyreg.dispatch_table
    )


def _is_leaf(kind: type) -> bool:
    if kind.__module__ == "numpy":
        return hasattr(kind, "dtype") and kind.__hash__ is not None
    return (kind.__module__, kind.__qualname__) in _LEAVES


def _reduced(obj: Any) -> Any:
    reducer = copyreg.dispatch_table.get(type(obj))
    return obj.__reduce_ex__(5) if reducer is None else reducer(obj)
