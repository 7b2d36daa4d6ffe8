"""How numbers, times and foreign text are written for people; pure functions."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterable, Mapping, Sequence

__all__ = ["all_of", "amount", "clean", "clipped", "counted", "duration", "hint", "listed_counts", "one_line", "table"]

_COLOUR = re.compile(r"\x1b\[[0-9;:]*m")
# C0 except tab and line feed, DEL and C1, and what turns the direction of text around.
_HARMFUL = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u200e\u200f\u202a-\u202e\u2066-\u2069\ud800-\udfff]")
_COUNT_ORDER = (
    ("completed", "done"),
    ("reused", "reused"),
    ("failed", "failed"),
    ("timed_out", "timed out"),
    ("crashed", "crashed"),
    ("abandoned", "abandoned"),
    ("cancelled", "cancelled"),
    ("skipped", "skipped"),
    ("running", "running"),
    ("pending", "not started"),
)


def clean(text: str) -> str:
    """Make text that came from elsewhere harmless to a terminal.

    Colours are dropped, a carriage return starts a new line, and every other control character is shown as its code.
    """
    text = _COLOUR.sub("", text).replace("\r\n", "\n").replace("\r", "\n")
    return _HARMFUL.sub(lambda match: _code(match[0]), text)


def one_line(text: str, limit: int = 400) -> str:
    """Make foreign text one harmless line of a limited length."""
    return clipped(" ".join(clean(text).split()), limit)


def clipped(text: str, limit: int) -> str:
    """Cut a text to a length, with an ellipsis where something is missing."""
    return text if len(text) <= limit else text[: max(limit - 1, 0)] + "…"


def duration(seconds: float) -> str:
    """Write a length of time: ``0.4 s``, ``12 s``, ``3 m 20 s``, ``2 h 5 m``."""
    if seconds < 0.01:
        return "0 s" if seconds <= 0 else "<0.01 s"
    if seconds < 1:
        return f"{seconds:.2f} s"
    if seconds < 9.95:
        return f"{seconds:.1f} s"
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    minutes, rest = divmod(whole, 60)
    if minutes < 60:
        return f"{minutes} m {rest} s" if rest else f"{minutes} m"
    hours, minutes = divmod(minutes, 60)
    if hours < 48:
        return f"{hours} h {minutes} m" if minutes else f"{hours} h"
    days, hours = divmod(hours, 24)
    return f"{days} d {hours} h" if hours else f"{days} d"


def amount(number: int) -> str:
    """Write a number with separators: ``12,345``."""
    return f"{number:,}"


def counted(number: int, noun: str, plural: str = "") -> str:
    """Write a number of things: ``1 task``, ``2 tasks``."""
    return f"{amount(number)} {noun if number == 1 else plural or noun + 's'}"


def all_of(number: int, noun: str = "task") -> str:
    """Write that a number is all there are: ``all 12 tasks``, ``both tasks``, ``the one task``."""
    if number <= 2:
        return f"the one {noun}" if number == 1 else f"both {noun}s"
    return f"all {counted(number, noun)}"


def listed_counts(counts: Mapping[str, int]) -> str:
    """Write counts by state word: ``10 done, 2 reused, 1 failed``."""
    known = [(counts.get(word, 0), shown) for word, shown in _COUNT_ORDER]
    words = {word for word, _ in _COUNT_ORDER}
    known += [(count, word.replace("_", " ")) for word, count in counts.items() if word not in words]
    return ", ".join(f"{amount(count)} {shown}" for count, shown in known if count)


def hint(*words: str, store: str = "") -> str:
    """Write a command that can be pasted into a shell.

    Args:
        *words: The command's words after ``hookline``.
        store: The store, where the command would not find it by itself.
    """
    parts = ["hookline", *words, *(["--store", store] if store else [])]
    return " ".join(shlex.quote(clean(part)) for part in parts)


def table(header: Sequence[str], rows: Iterable[Sequence[str]], right: Sequence[int] = ()) -> list[str]:
    """Lay rows out in columns.

    Args:
        header: The columns' titles; empty for none.
        rows: Cells, each without line breaks.
        right: Indexes of the columns that are flush right.

    Returns:
        One line per row, without spaces at its end.
    """
    lines = [list(header), *map(list, rows)] if header else list(map(list, rows))
    if not lines:
        return []
    widths = [max(len(line[column]) for line in lines) for column in range(len(lines[0]))]
    return [
        "  ".join(
            cell.rjust(width) if column in right else cell.ljust(width)
            for column, (cell, width) in enumerate(zip(line, widths, strict=True))
        ).rstrip()
        for line in lines
    ]


def _code(character: str) -> str:
    number = ord(character)
    return f"\\x{number:02x}" if number < 0x100 else f"\\u{number:04x}"
