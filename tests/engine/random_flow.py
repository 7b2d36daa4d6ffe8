"""A workflow that is whatever its parameter describes, its steps, and what plain Python makes of the same description.

A description is a list of nodes, each a tuple ``(form, arguments, source, other, condition, k)``; see :func:`sprout`.
"""

from __future__ import annotations

import os
import zlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hookline import attempt, completed, first, step, workflow

LOG = "HOOKLINE_TEST_LOG"
SKIPPED, BLOCKED, FAILED = "skipped", "blocked", "failed"


@dataclass
class Pair:
    """A value of two slots."""

    number: int
    several: list


def crumble(value: Any) -> int:
    """Give a number that depends on every part of a value."""
    return zlib.crc32(repr(value).encode()) % 1000


def spoil(value: Any) -> None:
    """Change a value in place, wherever that can be done."""
    if isinstance(value, Pair):
        spoil(value.several)
        value.number = -1
    elif isinstance(value, list):
        for item in value:
            spoil(item)
        value.append("spoilt")
    elif isinstance(value, dict):
        for item in value.values():
            spoil(item)
        value["spoilt"] = True
    elif isinstance(value, tuple):
        for item in value:
            spoil(item)


def made(parts: Any, k: int) -> int:
    """What the plain step makes of its arguments; fails for one in ``k``."""
    number = crumble(parts)
    if k and number % k == 0:
        raise ValueError(f"{number} is a multiple of {k}")
    return number


def note() -> None:
    """Leave a line behind that says which attempt ran."""
    now = attempt()
    with Path(os.environ[LOG]).open("a") as file:
        file.write(f"{now.run_id} {now.task_id} {now.number}\n")


@step
def plain(parts: Any, k: int, x: Any = None, y: Any = None) -> int:
    note()
    number = made((parts, x, y), k)
    for value in (parts, x, y):
        spoil(value)
    return number


@step
def several(parts: Any, k: int, x: Any = None, y: Any = None) -> list:
    note()
    number = made((parts, x, y), k)
    spoil(parts)
    return [[number, i] for i in range(number % 4)]


@step
def pair(parts: Any, k: int, x: Any = None, y: Any = None) -> Pair:
    note()
    number = made((parts, x, y), k)
    spoil(parts)
    return Pair(number, [number] * (number % 3))


@step
def two(parts: Any, k: int, x: Any = None, y: Any = None) -> tuple[int, list]:
    note()
    number = made((parts, x, y), k)
    spoil(parts)
    return number, [number, {"n": number}]


@step
def even(parts: Any, k: int, x: Any = None, y: Any = None) -> bool:
    note()
    return made((parts, x, y), k) % 2 == 0


@step
def turn(parts: Any, k: int, x: Any = None, y: Any = None) -> int:
    note()
    return made((parts, x, y), k) % 5


STEPS = {"plain": plain, "several": several, "pair": pair, "two": two, "even": even, "turn": turn}


@workflow
def sprout(nodes: list):
    """Make the tasks that a description lists."""
    return plant(nodes)


@step
def sown(nodes: list) -> list:
    """Grow the tasks that a description lists."""
    return plant(nodes)


@workflow
def sow(nodes: list):
    """Have a step make the tasks that a description lists."""
    return sown(nodes)


def plant(nodes: list) -> list:
    """Call the steps that a description lists."""
    made_so_far: list[Any] = []

    def argument(part: Any) -> Any:
        kind, *rest = part
        if kind == "const":
            return rest[0]
        if kind == "ref":
            return made_so_far[rest[0]]
        if kind == "slot":
            whole = made_so_far[rest[0]]
            return (whole.number if rest[1] == 0 else whole.several) if rest[2] == "pair" else whole[rest[1]]
        if kind == "first":
            return first(*(made_so_far[index] for index in rest[0]))
        if kind == "completed":
            return completed(made_so_far[rest[0]])
        if kind == "dict":
            return {key: argument(item) for key, item in rest[0]}
        items = [argument(item) for item in rest[0]]
        return tuple(items) if kind == "tuple" else items

    for index, (name, form, parts, source, other, condition, k) in enumerate(nodes):
        chosen: Any = STEPS[name].options(name=f"n{index}")
        if condition is not None:
            chosen = chosen.when(argument(condition))
        if form == "call":
            made_so_far.append(chosen(argument(parts), k))
            continue
        chosen = chosen.partial(argument(parts), k)
        items = {"x": argument(source)} | ({"y": argument(other)} if other is not None else {})
        made_so_far.append(chosen.map(**items) if form == "map" else chosen.product(**items))
    return made_so_far


class Missing(Exception):
    """Something that is needed has no value."""

    def __init__(self, why: str) -> None:
        self.why = why


@dataclass
class Expected:
    """What plain Python makes of a node: a word for what did not run at all, else the items' values or words."""

    mapped: bool
    items: list
    never: str = ""

    def value(self) -> Any:
        """The value as a consumer gets it; raises where there is none."""
        if self.never:
            raise Missing(SKIPPED if self.never == SKIPPED else BLOCKED)
        if any(isinstance(item, str) for item in self.items):
            raise Missing(BLOCKED)
        return list(self.items) if self.mapped else self.items[0]


def evaluate(nodes: list) -> list[Expected]:
    """Evaluate a description without hookline."""
    ends: list[Expected] = []

    def argument(part: Any, missing: list[str]) -> Any:
        kind, *rest = part
        try:
            if kind == "const":
                return rest[0]
            if kind == "ref":
                return ends[rest[0]].value()
            if kind == "slot":
                whole = ends[rest[0]].value()
                return (whole.number, whole.several)[rest[1]] if rest[2] == "pair" else whole[rest[1]]
            if kind == "first":
                options = [ends[index] for index in rest[0]]
                chosen = next((option for option in options if option.never != SKIPPED), options[0])
                return chosen.value()
            if kind == "completed":
                end = ends[rest[0]]
                return [] if end.never else [item for item in end.items if not isinstance(item, str)]
        except Missing as error:
            missing.append(error.why)
            return None
        if kind == "dict":
            return {key: argument(item, missing) for key, item in rest[0]}
        items = [argument(item, missing) for item in rest[0]]
        return tuple(items) if kind == "tuple" else items

    for name, form, parts, source, other, condition, k in nodes:
        missing: list[str] = []
        fixed = argument(parts, missing)
        holds = condition is None or argument(condition, missing)
        columns = []
        for mapped in (source, other) if form != "call" else ():
            if mapped is None:
                columns.append([None])
            elif form == "map" and mapped[0] == "ref" and ends[mapped[1]].mapped:
                # Item by item: one that has no value leaves out that item only.
                end = ends[mapped[1]]
                if end.never:
                    missing.append(SKIPPED if end.never == SKIPPED else BLOCKED)
                columns.append(end.items)
            else:
                columns.append(argument(mapped, missing))
        if missing:
            ends.append(Expected(form != "call", [], BLOCKED if BLOCKED in missing else SKIPPED))
            continue
        if not holds:
            ends.append(Expected(form != "call", [], SKIPPED))
            continue
        if form == "call":
            pairs = [(None, None)]
        elif form == "product":
            pairs = [(x, y) for x in columns[0] for y in columns[1]]
        elif other is None:
            pairs = [(x, None) for x in columns[0]]
        elif len(columns[0]) != len(columns[1]):
            ends.append(Expected(True, [], FAILED))
            continue
        else:
            pairs = list(zip(columns[0], columns[1], strict=True))
        ends.append(Expected(form != "call", [outcome(name, fixed, k, x, y) for x, y in pairs]))
    return ends


def outcome(name: str, parts: Any, k: int, x: Any, y: Any) -> Any:
    """What one attempt comes to."""
    if isinstance(x, str) or isinstance(y, str):
        return BLOCKED
    try:
        number = made((parts, x, y), k)
    except ValueError:
        return FAILED
    if name == "several":
        return [[number, i] for i in range(number % 4)]
    if name == "pair":
        return Pair(number, [number] * (number % 3))
    if name == "two":
        return number, [number, {"n": number}]
    if name == "turn":
        return number % 5
    return number % 2 == 0 if name == "even" else number
