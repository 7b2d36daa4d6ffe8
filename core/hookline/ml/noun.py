"""What all nouns have in common: fields that are looked at when one is made, and a form in JSON."""

from __future__ import annotations

import base64
import binascii
import dataclasses
import difflib
import hashlib
import json
import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeVar, overload

__all__ = [
    "Noun",
    "check_counts",
    "check_distinct",
    "check_name",
    "close_to",
    "digest_of",
    "find",
    "from_json",
    "to_json",
]

_TAG = "hookline.ml"
_FORM = 1
_PLAIN = {"str": str, "int": int, "bool": bool, "bytes": bytes, "None": type(None)}
_NOUNS: dict[str, type[Noun]] = {}

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Noun:
    """What all nouns have in common.

    Attributes:
        extra: Further facts by name, as JSON values; kept by :func:`to_json` and :func:`from_json`.
    """

    extra: Mapping[str, Any] = field(default_factory=dict, kw_only=True, hash=False, repr=False)

    def __init_subclass__(cls) -> None:
        """Learn the noun's name; of each there is a second class, with slots, which takes the first one's place."""
        if cls.__module__.startswith(__package__):
            _NOUNS[cls.__name__] = cls

    def __post_init__(self) -> None:
        """Take lists as tuples and whole numbers as floats where these are meant, and refuse what can't be right."""
        for one in dataclasses.fields(self):
            value = getattr(self, one.name)
            fitted = _fit(value, str(one.type), one.name, self)
            if fitted is not value:
                object.__setattr__(self, one.name, fitted)
        taken = sorted({one.name for one in dataclasses.fields(self)} & set(self.extra))
        if taken or _TAG in self.extra:
            raise ValueError(f"'{(taken or [_TAG])[0]}' is no name for an extra fact of {_a(self)}: it is taken")
        self._check()

    def _check(self) -> None:
        """Refuse what can't be right; overridden."""


def to_json(value: object) -> Any:
    """Say a value in lists, dicts, texts, numbers, truth values and None, as JSON has them.

    Args:
        value: A noun; or a list, tuple or dict, at any depth, of nouns and JSON values.

    Returns:
        What ``json.dumps`` takes. A noun is a dict with its type under ``"hookline.ml"`` and the fields that are not as
        they are by default; floats that JSON has no words for are such dicts, too.

    Raises:
        ValueError: Something in it is neither a noun nor a JSON value.
    """
    return _say(value, "the value")


@overload
def from_json(document: Any) -> Any: ...
@overload
def from_json(document: Any, kind: type[T]) -> T: ...
def from_json(document: Any, kind: type[Any] = object) -> Any:
    """Make nouns again of what :func:`to_json` said, at any depth.

    Args:
        document: What ``json.loads`` gave.
        kind: The noun that it must be.

    Returns:
        The value. Fields that this version of the noun does not have are in its ``extra``; nouns that this version of
        hookline does not know stay dicts.

    Raises:
        ValueError: It is no such noun, or lacks something.
    """
    value = _hear(document)
    if not isinstance(value, kind):
        raise ValueError(f"this is no {kind.__name__}: {_clipped(document)}")
    return value


def digest_of(noun: object) -> str:
    """Give a digest of a noun, by which two that say the same are known for equal: 64 hexadecimal digits.

    Args:
        noun: What :func:`to_json` takes.
    """
    text = json.dumps(to_json(noun), sort_keys=True, separators=(",", ":"), ensure_ascii=True, allow_nan=False)
    return hashlib.sha256(text.encode()).hexdigest()


def _say(value: Any, where: str) -> Any:
    value = _bare(value)
    if isinstance(value, Noun):
        return _say_noun(value)
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, float):
        return float(value) if math.isfinite(value) else {_TAG: f"float/{_FORM}", "value": str(float(value))}
    if isinstance(value, int):
        return int(value)
    if isinstance(value, str):
        return str(value)
    if isinstance(value, list | tuple):
        return [_say(item, f"{where}[{at}]") for at, item in enumerate(value)]
    if isinstance(value, Mapping):
        return {_key(key, where): _say(item, f"{where}[{key!r}]") for key, item in value.items()}
    raise _no_json(value, where)


def _say_noun(noun: Noun) -> dict[str, Any]:
    said: dict[str, Any] = {_TAG: f"{type(noun).__name__}/{_FORM}"}
    for one in dataclasses.fields(noun):
        value = getattr(noun, one.name)
        if one.name == "extra" or value == _default(one):
            continue
        where = f"'{one.name}' of {_a(noun)}"
        said[one.name] = base64.b64encode(value).decode() if isinstance(value, bytes) else _say(value, where)
    return said | {name: _say(value, f"'{name}' of {_a(noun)}") for name, value in noun.extra.items()}


def _hear(document: Any) -> Any:
    if isinstance(document, list):
        return [_hear(item) for item in document]
    if not isinstance(document, dict):
        return document
    tag = document.get(_TAG)
    name, _, form = tag.partition("/") if isinstance(tag, str) else ("", "", "")
    if name == "float" and document.get("value") in ("nan", "inf", "-inf"):
        return float(document["value"])
    noun = _NOUNS.get(name)
    facts = {key: _hear(value) for key, value in document.items()}
    if noun is None:
        return facts
    if form != str(_FORM):
        raise ValueError(f"a {name} is written in form {form or '?'}; this version of hookline reads form {_FORM}")
    del facts[_TAG]
    return _hear_noun(noun, facts)


def _hear_noun(noun: type[Noun], facts: dict[str, Any]) -> Noun:
    fields = {one.name: one for one in dataclasses.fields(noun) if one.name != "extra"}
    known = {name: value for name, value in facts.items() if name in fields}
    extra = {name: value for name, value in facts.items() if name not in fields}
    missing = [
        name
        for name, one in fields.items()
        if name not in known and one.default is dataclasses.MISSING and one.default_factory is dataclasses.MISSING
    ]
    if missing:
        raise ValueError(f"a {noun.__name__} lacks '{missing[0]}'")
    if "stored" in known:  # an artifact's
        try:
            known["stored"] = base64.b64decode(known["stored"], validate=True)
        except (binascii.Error, TypeError, ValueError):
            raise ValueError("the 'stored' of an ArtifactRef can't be read") from None
    return noun(**known, extra=extra)


def check_name(noun: Noun, name: str) -> None:
    """Refuse a noun without a name."""
    if not name:
        raise ValueError(f"{_one(noun)} needs a name")


def check_counts(noun: Noun, **counts: int | None) -> None:
    """Refuse counts below nothing."""
    for name, count in counts.items():
        if count is not None and count < 0:
            raise ValueError(f"'{name}' of {_a(noun)} is less than nothing: {count}")


def check_distinct(what: str, which: str, names: Iterable[str]) -> None:
    """Refuse a name that comes twice."""
    seen: set[str] = set()
    for name in names:
        if name in seen:
            raise ValueError(f"{what} has '{name}' twice among its {which}")
        seen.add(name)


def find(parts: Iterable[T], name: str, what: str, word: str) -> T:
    """Find the part with a name, or say which would be right."""
    named = {getattr(part, "name"): part for part in parts}  # noqa: B009 - all that come here have names
    if name not in named:
        near = close_to(name, named)
        raise ValueError(f"{what} has no {word} '{name}'{'; ' + near if near else ''}")
    return named[name]


def close_to(name: str, known: Iterable[str]) -> str:
    """Word the nearest known name as a question, or nothing."""
    near = difflib.get_close_matches(name, list(known), n=1, cutoff=0.5)
    return f"did you mean '{near[0]}'?" if near else ""


def _default(one: dataclasses.Field[Any]) -> Any:
    return one.default if one.default_factory is dataclasses.MISSING else one.default_factory()


def _fit(value: Any, wanted: str, name: str, noun: Noun) -> Any:
    """Give a field's value as its annotation wants it; only what annotations of nouns say is understood."""
    if wanted.startswith("tuple[") and isinstance(value, list | tuple):
        inner = wanted.removeprefix("tuple[").removesuffix("]")
        each = [inner[:-5]] * len(value) if inner.endswith(", ...") else inner.split(", ")
        if len(each) == len(value):
            return tuple([_fit(item, part, name, noun) for item, part in zip(value, each, strict=True)])
    if wanted.startswith("Mapping[str, ") and isinstance(value, Mapping):
        each_value, where = wanted.removeprefix("Mapping[str, ").removesuffix("]"), f"'{name}' of {_a(noun)}"
        return {_key(key, where): _fit(item, each_value, name, noun) for key, item in value.items()}
    value = _bare(value)
    if wanted == "Any":
        return _plain(value, f"'{name}' of {_a(noun)}")
    for word in wanted.split(" | "):
        if word == "float" and isinstance(value, int | float) and not isinstance(value, bool):
            return float(value)
        if word in _PLAIN and type(value) is _PLAIN[word]:
            return value
        if word in _NOUNS and isinstance(value, _NOUNS[word]):
            return value
    raise ValueError(f"'{name}' of {_a(noun)} must be {_worded(wanted)}, not {_clipped(value)}")


def _worded(wanted: str) -> str:
    """Say in words what an annotation wants."""
    if wanted.startswith("tuple["):
        return "a sequence of " + wanted.removeprefix("tuple[").removesuffix("]").removesuffix(", ...")
    if wanted.startswith("Mapping["):
        return "a dict"
    return wanted.replace(" | ", " or ")


def _bare(value: Any) -> Any:
    """Take a number out of what numerical libraries wrap it in."""
    if isinstance(value, str) and type(value) is not str:
        return str(value)
    return value.item() if getattr(value, "ndim", None) == 0 and hasattr(value, "item") else value


def _plain(value: Any, where: str) -> Any:
    """Copy a JSON value, perhaps with nouns in it, so that it stays as it is whatever its owner does."""
    value = _bare(value)
    if isinstance(value, list | tuple):
        return [_plain(item, f"{where}[{at}]") for at, item in enumerate(value)]
    if isinstance(value, Mapping):
        return {_key(key, where): _plain(item, f"{where}[{key!r}]") for key, item in value.items()}
    if value is None or isinstance(value, bool | int | float | str | Noun):
        return value
    raise _no_json(value, where)


def _no_json(value: object, where: str) -> ValueError:
    return ValueError(f"{where} is a '{type(value).__name__}', which is neither a noun of hookline.ml nor a JSON value")


def _key(key: object, where: str) -> str:
    if not isinstance(key, str):
        raise ValueError(f"{where} has the key {key!r}; JSON has only texts as keys")
    return key


def _a(noun: Noun) -> str:
    name = getattr(noun, "name", "") or getattr(noun, "gate", "") or getattr(noun, "id", "")
    return f"{type(noun).__name__} '{name}'" if name else _one(noun)


def _one(noun: Noun) -> str:
    word = type(noun).__name__
    return f"{'an' if word[0] in 'AEIOU' else 'a'} {word}"


def _clipped(document: object) -> str:
    text = repr(document)
    return text if len(text) <= 80 else f"{text[:79]}…"
