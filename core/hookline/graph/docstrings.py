"""Reads docstrings: what they say of a function, and of each of its parameters."""

from __future__ import annotations

import inspect
import re
from collections.abc import Iterator

__all__ = ["docstring_parameters", "docstring_text"]


def docstring_text(docstring: str) -> str:
    """Give what a docstring says before it turns to parameters, results and the like.

    Args:
        docstring: In one of the styles that :func:`docstring_parameters` reads.

    Returns:
        Its first paragraphs.
    """
    lines = inspect.cleandoc(docstring).splitlines()
    ends = (at for at, line in enumerate(lines) if _SECTION.fullmatch(line) or _underlined(lines, at))
    return "\n".join(lines[: next(ends, len(lines))]).strip()


def docstring_parameters(docstring: str) -> dict[str, str]:
    """Read what a docstring says about each parameter.

    Args:
        docstring: In Google style (``Args:``), NumPy style (``Parameters`` underlined) or Sphinx style (``:param x:``).

    Returns:
        Text by name, each on one line.
    """
    lines = inspect.cleandoc(docstring).splitlines()
    found: dict[str, list[str]] = {}
    for names, text in (*_google(lines), *_numpy(lines), *_sphinx(lines)):
        for name in names.split(","):
            found.setdefault(name.strip().lstrip("*"), text)
    return {name: " ".join(" ".join(text).split()) for name, text in found.items()}


_SECTION = re.compile(r"(Args|Arguments|Parameters|Returns|Yields|Raises|Examples?|Notes?):|:\w+[^:]*:.*")
_GOOGLE_ENTRY = re.compile(r"(\*{0,2}\w+)\s*(?:\([^)]*\))?\s*:\s*(.*)")
_NUMPY_ENTRY = re.compile(r"(\*{0,2}\w+(?:\s*,\s*\*{0,2}\w+)*)\s*(?::.*)?")
_SPHINX_ENTRY = re.compile(r":(?:param|parameter|arg|argument)\s+(?:[^:]*\s)?(\*{0,2}\w+)\s*:\s*(.*)")

Entry = tuple[str, list[str]]


def _google(lines: list[str]) -> Iterator[Entry]:
    for start, line in enumerate(lines):
        if line.strip() in ("Args:", "Arguments:", "Parameters:"):
            yield from _entries(_section(lines, start + 1, _indent(line) + 1), _GOOGLE_ENTRY)


def _numpy(lines: list[str]) -> Iterator[Entry]:
    for start in range(len(lines) - 1):
        if lines[start].strip() == "Parameters" and set(lines[start + 1].strip()) == {"-"}:
            section = _section(lines, start + 2, _indent(lines[start]))
            ends = [index for index in range(1, len(section)) if set(section[index].strip()) == {"-"}]
            yield from _entries(section[: ends[0] - 1] if ends else section, _NUMPY_ENTRY)


def _sphinx(lines: list[str]) -> Iterator[Entry]:
    for start, line in enumerate(lines):
        match = _SPHINX_ENTRY.fullmatch(line.strip())
        if match:
            yield match[1], [match[2], *_paragraph(lines, start + 1, _indent(line) + 1)]


def _section(lines: list[str], start: int, least: int) -> list[str]:
    """Take the lines that follow, up to one that is indented less."""
    taken: list[str] = []
    for line in lines[start:]:
        if line.strip() and _indent(line) < least:
            break
        taken.append(line)
    return taken


def _paragraph(lines: list[str], start: int, least: int) -> Iterator[str]:
    for line in lines[start:]:
        if not line.strip() or _indent(line) < least:
            return
        yield line


def _entries(section: list[str], pattern: re.Pattern[str]) -> Iterator[Entry]:
    """Split a section at the lines that are indented least; what is indented more continues an entry."""
    filled = [line for line in section if line.strip()]
    least = min(map(_indent, filled), default=0)
    current: Entry | None = None
    for line in filled:
        if _indent(line) > least:
            if current is not None:
                current[1].append(line)
            continue
        if current is not None:
            yield current
        match = pattern.fullmatch(line.strip())
        current = (match[1], [match[2]] if pattern.groups > 1 else []) if match else None
    if current is not None:
        yield current


def _indent(line: str) -> int:
    return len(line) - len(line.lstrip())


def _underlined(lines: list[str], at: int) -> bool:
    return at + 1 < len(lines) and bool(lines[at].strip()) and re.fullmatch("-{3,}", lines[at + 1]) is not None
