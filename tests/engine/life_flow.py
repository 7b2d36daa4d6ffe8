"""A workflow with a map, a loop and a side effect whose steps leave a line for each execution, and what it comes to."""

from __future__ import annotations

import logging
import os
from collections.abc import Callable
from pathlib import Path

from hookline import step, workflow
from hookline.engine.stop import Stop

Label = tuple[str, tuple[int, ...]]
"""A step's name and its arguments."""

LARGE = 6000
"""Bytes of a value that has to be an artifact of its own."""


class Control(logging.Handler):
    """What the steps do beside computing. They reach it through a logger, which counts in no fingerprint."""

    def __init__(self) -> None:
        super().__init__()
        self.path = Path()
        self.broken: set[Label] = set()
        self.at: dict[int, Callable[[], None]] = {}
        self.count = 0

    def handle(self, record: logging.LogRecord) -> bool:
        """Leave a line for an execution, and do what is to be done when so many have begun."""
        name, arguments = record.msg, record.args
        assert isinstance(arguments, tuple)
        with self.path.open("a") as file:
            file.write(f"{name} {' '.join(map(str, arguments))}\n")
        self.count += 1
        if self.count in self.at:
            self.at[self.count]()
        if (name, arguments) in self.broken:
            raise ValueError("broken")
        return True


_log = logging.getLogger("life")


def act(name: str, *arguments: int) -> None:
    """Tell that a step is executed."""
    _log.warning(name, *arguments)


def die() -> None:
    """End the process as a crash would."""
    os._exit(9)


@step
def source(n: int) -> list[int]:
    act("source", n)
    return list(range(n))


@step
def work(x: int) -> bytes:
    act("work", x)
    return bytes([x]) * LARGE


@step
def size(parts: list[bytes]) -> int:
    total = sum(part[0] for part in parts)
    act("size", len(parts), total)
    return total


@step
def turn(k: int, seen: int) -> int:
    act("turn", k, seen)
    return turn(k - 1, mark(k, seen)) if k else seen


@step
def mark(k: int, seen: int) -> int:
    act("mark", k, seen)
    return seen + k


@step(cache=False)
def send(total: int) -> int:
    act("send", total)
    return total


@workflow
def life(n: int = 2, k: int = 2):
    return send(size(work.map(x=source(n)))), turn(k, 0)


def calls(n: int, k: int) -> dict[str, tuple[Label, list[str]]]:
    """Give what a run executes: by task id the execution, and the ids of tasks that it needs."""
    total = sum(range(n))
    found: dict[str, tuple[Label, list[str]]] = {"source": (("source", (n,)), [])}
    for x in range(n):
        found[f"work[{x}]"] = (("work", (x,)), ["source"])
    found["size"] = (("size", (n, total)), [f"work[{x}]" for x in range(n)] or ["source"])
    found["send"] = (("send", (total,)), ["size"])
    seen, before = 0, "turn"
    found["turn"] = (("turn", (k, 0)), [])
    for number, left in enumerate(range(k, 0, -1), 2):
        found[f"{before}/mark"] = (("mark", (left, seen)), [before])
        seen += left
        found[f"turn/{number}"] = (("turn", (left - 1, seen)), [f"{before}/mark"])
        before = f"turn/{number}"
    return found


def value(label: Label) -> object:
    """What an execution comes to, with all that it calls."""
    name, (first, *rest) = label
    if name == "source":
        return list(range(first))
    if name == "turn":
        return rest[0] + sum(range(first + 1))
    return bytes([first]) * LARGE if name == "work" else rest[0] if name == "size" else first + sum(rest)


def outcome(n: int, k: int) -> tuple[int, int]:
    """What the workflow comes to."""
    return sum(range(n)), sum(range(k + 1))


def stopping(how: str) -> tuple[Stop, Callable[[], None]]:
    """Give a request to stop, and what makes it."""
    stop = Stop()
    return stop, stop.cancel if how == "cancel" else stop.soft
