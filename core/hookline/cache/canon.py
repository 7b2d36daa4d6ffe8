"""The canonical digest of a graph of reached things: the same wherever the walk began and whoever numbered it."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field

from blake3 import blake3

from hookline.cache.node import Edge, Node, Reads

__all__ = ["Crawl", "crawl", "digest_of"]

_EXPOSED = Reads.TEXTS | Reads.NAMES | Reads.MODULES


@dataclass(slots=True)
class Crawl:
    """One walk over all that a node reaches.

    Attributes:
        nodes: In the order of discovery, which only depends on labels.
        reads: What any of them reads about code.
        exposed: Functions and classes that a library may look into.
        digest: Canonical digest.
        unstable: Why there is none that holds; empty if it holds.
    """

    nodes: list[Node] = field(default_factory=list)
    reads: Reads = Reads.NOTHING
    exposed: frozenset[Node] = frozenset()
    digest: bytes = b""
    unstable: str = ""


def crawl(root: Node) -> Crawl:
    """Walk until it is clear what the code reads about code, for that makes more of it count."""
    reads, exposed = Reads.NOTHING, frozenset[Node]()
    while True:
        found = _walk(root, reads, exposed)
        if found.reads == reads and found.exposed == exposed:
            return found
        reads, exposed = reads | found.reads, exposed | found.exposed


def digest_of(root: Node) -> bytes:
    """Digest what a node reaches."""
    return crawl(root).digest


def _walk(root: Node, reads: Reads, exposed: frozenset[Node]) -> Crawl:
    numbers: dict[Node, int] = {root: 0}
    waiting = deque([root])
    hasher = blake3()
    result = Crawl(reads=reads)
    escaped: set[Node] = set()
    parts: dict[Node, list[Node]] = {}
    opaque = False
    while waiting:
        node = waiting.popleft().ready()
        result.nodes.append(node)
        result.reads |= node.reads
        result.unstable = result.unstable or node.unstable
        opaque = opaque or node.opaque
        content, edges = _contents(node, reads | (_EXPOSED if node in exposed else Reads.NOTHING))
        row: list[object] = [content]
        for edge in edges:
            number = numbers.get(edge.node)
            if number is None:
                number = numbers[edge.node] = len(numbers)
                waiting.append(edge.node)
            row.append((edge.label, number))
            if edge.use == "escapes":
                escaped.add(edge.node)
            elif edge.use == "part":
                parts.setdefault(node, []).append(edge.node)
        hasher.update(repr(row).encode("utf-8", "surrogatepass"))
    result.digest = hasher.digest()
    result.exposed = exposed | (_spread(escaped, parts) if opaque else frozenset())
    return result


def _contents(node: Node, reads: Reads) -> tuple[str, list[Edge]]:
    if not reads or node.more is None:
        return node.content, node.edges
    content, edges = node.more(reads)
    return f"{node.content}\n{content}", [*node.edges, *edges]


def _spread(escaped: set[Node], parts: dict[Node, list[Node]]) -> frozenset[Node]:
    """What is part of an exposed thing is exposed too."""
    found = set(escaped)
    waiting = list(escaped)
    while waiting:
        for inner in parts.get(waiting.pop(), ()):
            if inner not in found:
                found.add(inner)
                waiting.append(inner)
    return frozenset(node for node in found if node.kind in ("function", "class"))
