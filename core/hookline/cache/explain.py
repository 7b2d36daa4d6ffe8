"""The difference of two fingerprints in words: which helper, which line, from what to what."""

from __future__ import annotations

import base64
import difflib
import json
import textwrap
import zlib
from collections.abc import Iterable, Iterator, Sequence

from hookline.cache.fingerprint import Part
from hookline.errors import StoreDamagedError

__all__ = ["explain", "pack_parts", "unpack_parts"]

_MOST = 4  # differences told; the rest is counted


def explain(old: Sequence[Part], new: Sequence[Part]) -> str:
    """Say what changed between two fingerprints, the most telling difference first.

    Args:
        old: Parts of the recorded fingerprint.
        new: Parts of today's.

    Returns:
        One difference a line; the parts of both are told apart by name and kind.
    """
    before, after = _grouped(old), _grouped(new)
    top = new[0].name if new else ""
    told: dict[str, int] = {}
    for key in after:
        if key in before and before[key] != after[key]:
            for line, weight in _changed(before[key], after[key], top):
                told.setdefault(line, weight)
    gone = [part for key, parts in before.items() if key not in after for part in parts.values()]
    came = [part for key, parts in after.items() if key not in before for part in parts.values()]
    for line, weight in _replaced(gone, came):
        told.setdefault(line, weight)
    if not told:
        return "the code changed (a name stands for something else)" if old and new else "the code is new"
    lines = sorted(told, key=lambda line: told[line])
    more = len(lines) - _MOST
    return "\n".join([*lines[:_MOST], f"and {more} more"] if more > 0 else lines)


def pack_parts(parts: Iterable[Part]) -> bytes:
    """Write parts for storage."""
    rows = [
        [part.name, part.kind, base64.b85encode(part.digest).decode(), part.file, part.line, part.source]
        for part in parts
    ]
    return zlib.compress(json.dumps(rows, separators=(",", ":")).encode(), 6)


def unpack_parts(data: bytes) -> tuple[Part, ...]:
    """Read parts that were written with ``pack_parts``.

    Raises:
        StoreDamagedError: These are not the bytes that were written.
    """
    try:
        rows = json.loads(zlib.decompress(data))
        return tuple(
            Part(str(name), str(kind), base64.b85decode(digest), str(file), int(line), str(source))
            for name, kind, digest, file, line, source in rows
        )
    except (zlib.error, ValueError, TypeError) as error:
        raise StoreDamagedError("the recorded parts of a fingerprint can't be read") from error


_Group = dict[bytes, Part]


def _grouped(parts: Sequence[Part]) -> dict[tuple[str, str], _Group]:
    """Group by kind and name; a distribution is the same in any version."""
    found: dict[tuple[str, str], _Group] = {}
    for part in parts:
        name = part.name.partition(" ")[0] if part.kind == "distribution" else part.name
        found.setdefault((part.kind, name), {})[part.digest] = part
    return found


def _changed(before: _Group, after: _Group, top: str) -> Iterator[tuple[str, int]]:
    was = next((part for digest, part in before.items() if digest not in after), next(iter(before.values())))
    now = next((part for digest, part in after.items() if digest not in before), next(iter(after.values())))
    if now.digest == was.digest:
        return
    if now.kind == "distribution":
        yield f"{was.name} -> {now.name.partition(' ')[2]}", 1
    elif now.kind in ("function", "class"):
        yield _edited(was, now, top)
    else:
        what = "constant" if now.kind == "value" else now.kind
        yield f"{what} {now.name} changed ({_short(was.source)} -> {_short(now.source)}){_at(now)}", 2


def _edited(was: Part, now: Part, top: str) -> tuple[str, int]:
    word = "class" if now.kind == "class" else "the step's function" if now.name == top else "helper"
    name = now.name.rpartition(".")[2] if now.kind == "function" else now.name
    pair = _first_difference(was.source, now.source)
    if pair is None:
        return f"{word} '{name}' changed{_at(now)}: what it refers to, not its own lines", 5
    offset, left, right = pair
    place = f"{now.file}:{now.line + offset}" if now.file else ""
    change = f"`{left}` -> `{right}`" if left and right else f"`{right}` added" if right else f"`{left}` removed"
    return f"{word} '{name}' changed ({place + ': ' if place else ''}{change})", 0


def _first_difference(old: str, new: str) -> tuple[int, str, str] | None:
    """Find the first changed line that is not blank or a comment: (offset in the new text, old, new)."""
    left, right = textwrap.dedent(old).splitlines(), textwrap.dedent(new).splitlines()
    first: tuple[int, str, str] | None = None
    for tag, a, b, c, d in difflib.SequenceMatcher(None, left, right, autojunk=False).get_opcodes():
        if tag == "equal":
            continue
        gone, came = [_code(line) for line in left[a:b]], [_code(line) for line in right[c:d]]
        if [line for line in gone if line] == [line for line in came if line]:
            continue
        at = next((n for n, line in enumerate(came) if line and line not in gone), 0)
        removed = next((line for line in gone if line and line not in came), "")
        added = came[at] if at < len(came) and came[at] not in gone else ""
        found = c + at, _short(removed), _short(added)
        if removed or added:
            return found
        first = first or (c, _short(next(iter(gone), "")), _short(next(iter(came), "")))
    return first


def _code(line: str) -> str:
    text = line.strip()
    return "" if text.startswith("#") else text


def _replaced(gone: list[Part], came: list[Part]) -> Iterator[tuple[str, int]]:
    for part in came:
        yield f"{_noun(part)} is reached now{_at(part)}", 3
    for part in gone:
        yield f"{_noun(part)} is not reached any more", 4


def _noun(part: Part) -> str:
    if part.kind == "distribution":
        return part.name
    words = {"value": "constant", "missing": "missing name"}
    return f"{words.get(part.kind, part.kind)} '{part.name}'"


def _at(part: Part) -> str:
    return f" ({part.file}:{part.line})" if part.file and part.line else ""


def _short(text: str) -> str:
    line = " ".join(text.split())
    return line if len(line) <= 80 else f"{line[:77]}..."
