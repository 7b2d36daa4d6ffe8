"""The graph of what a step's code reaches: nodes, edges, and what a piece of code reads about other code."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass, field
from enum import IntFlag
from typing import Literal

__all__ = ["Edge", "Node", "Reads", "leaf"]

_log = logging.getLogger("hookline.cache")


class Reads(IntFlag):
    """What else than its behaviour some code reads about functions and classes; that counts then, too."""

    NOTHING = 0
    TEXTS = 1  # docstrings, annotations, signatures
    NAMES = 2  # __name__, __qualname__
    SOURCE = 4  # source text, line numbers, code objects
    SUBCLASSES = 8  # __subclasses__()
    MODULES = 16  # __module__


@dataclass(frozen=True, slots=True)
class Edge:
    """From one thing to another that it reaches.

    Attributes:
        label: What the other is to the one; labels order the edges, so they must not depend on the process.
        node: The other.
        use: The other is only ``called``, or ``escapes`` as a value to whoever may look into it, or is a ``part`` of
            the one and shares its fate.
    """

    label: str
    node: Node
    use: Literal["called", "escapes", "part"] = "part"


@dataclass(slots=True, eq=False)
class Node:
    """One reached thing.

    Attributes:
        kind: What it is; see ``Part.kind``.
        name: Readable name; never digested.
        content: What is digested of it.
        edges: What it reaches, complete once it has grown.
        grow: Fills in content and edges; called once, when a fingerprint first comes by.
        reads: What its code reads about other code.
        unstable: Why it has no digest; empty if it has one.
        more: Content and edges that count too where something ``Reads`` them.
        opaque: A distribution that may look into functions it is handed.
        places: The module-level names that hold it, as pairs of module and name; never digested.
    """

    kind: str
    name: str
    content: str = ""
    edges: list[Edge] = field(default_factory=list)
    grow: Callable[[Node], None] | None = None
    reads: Reads = Reads.NOTHING
    unstable: str = ""
    more: Callable[[Reads], tuple[str, list[Edge]]] | None = None
    opaque: bool = False
    file: str = ""
    line: int = 0
    source: str = ""
    places: tuple[tuple[str, str], ...] = ()

    def ready(self) -> Node:
        """Grow if that has not happened yet."""
        if self.grow is not None:
            grow, self.grow = self.grow, None
            try:
                grow(self)
            except Exception as error:  # noqa: BLE001 - reading an object can run its code, which raises what it likes
                _log.debug("can't look into %s", self.name, exc_info=True)
                self.unstable = f"{self.name} can't be looked into ({type(error).__name__}: {error})"
        return self


def leaf(kind: str, content: str, name: str = "") -> Node:
    """Make a node that reaches nothing."""
    return Node(kind, name or content, content)
