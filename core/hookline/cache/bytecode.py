"""A code object written with its operands looked up: the normal form of code whose source is not to be had."""

from __future__ import annotations

import dis
from collections.abc import Iterator
from types import CodeType

from hookline.cache.reach import localsplus

__all__ = ["constant", "raw", "written"]

_CONSTANT = frozenset(dis.hasconst) | {dis.opmap[name] for name in ("KW_NAMES",) if name in dis.opmap}
_JUMPS = frozenset(dis.hasjrel) | frozenset(dis.hasjabs)
_NOISE = frozenset(dis.opmap[name] for name in ("NOP", "CACHE", "RESUME") if name in dis.opmap)
_FLAGS = 0x3AF  # what a call does with arguments and what it returns; not: nested, has a docstring, future


def raw(code: CodeType) -> tuple[object, ...]:
    """Write a code object with its operands looked up: no file, lines, docstring or place of constants."""
    steps, places = _decode(code.co_code)
    resolved: list[object] = []
    for op, arg, following in steps:
        value: object = arg
        if op in _CONSTANT:
            value = constant(code.co_consts[arg])
        elif op in _JUMPS:
            value = places[following + (-2 if "BACKWARD" in dis.opname[op] else 2) * arg]
        resolved.append((dis.opname[op], value))
    table = [tuple(places[at] for at in row[:3]) + row[3:] for row in _exceptions(code.co_exceptiontable)]
    counts = (code.co_argcount, code.co_posonlyargcount, code.co_kwonlyargcount, code.co_flags & _FLAGS)
    return counts, code.co_names, localsplus(code), len(code.co_cellvars), len(code.co_freevars), resolved, table


def constant(value: object) -> object:
    """Bring a constant of a code object into a form whose ``repr`` is canonical."""
    if isinstance(value, CodeType):
        return raw(value)
    if isinstance(value, tuple):
        return ("tuple", *(constant(item) for item in value))
    if isinstance(value, frozenset):
        return ("frozenset", *sorted((constant(item) for item in value), key=repr))
    return type(value).__name__, written(value)


def written(value: object) -> str:
    """Write a constant; large ints in hexadecimal, for Python refuses to write their decimals."""
    return hex(value) if type(value) is int and value.bit_length() > 1000 else repr(value)


def _decode(raw_code: bytes) -> tuple[list[tuple[int, int, int]], dict[int, int]]:
    """Decode into (operation, operand, offset of what follows), and map each offset to a place in that list."""
    cache = dis.opmap.get("CACHE", 0)
    steps: list[tuple[int, int, int]] = []
    places: dict[int, int] = {}
    extended = 0
    at = 0
    while at < len(raw_code):
        op, arg = raw_code[at], raw_code[at + 1] | extended
        places[at] = len(steps)
        at += 2
        if op == dis.EXTENDED_ARG:
            extended = arg << 8
            continue
        extended = 0
        while at < len(raw_code) and raw_code[at] == cache:
            places[at] = len(steps)
            at += 2
        if op not in _NOISE:
            steps.append((op, arg, at))
    places[at] = len(steps)
    return steps, places


def _exceptions(table: bytes) -> Iterator[tuple[int, int, int, int]]:
    """Read the exception table: (start, end, handler, depth and flag), offsets in bytes."""
    numbers: list[int] = []
    value = 0
    fresh = True
    for byte in table:
        value = (byte & 63) if fresh else (value << 6) | (byte & 63)
        fresh = not byte & 64
        if fresh:
            numbers.append(value)
    for at in range(0, len(numbers) - 3, 4):
        start, length, handler, depth = numbers[at : at + 4]
        yield start * 2, (start + length) * 2, handler * 2, depth
