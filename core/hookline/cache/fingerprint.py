"""The fingerprint of a step's code: equal only for code that does the same, wherever and whenever it is taken."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from types import FunctionType

from blake3 import blake3

from hookline.cache.canon import Crawl, crawl, digest_of
from hookline.cache.node import Edge, Node
from hookline.cache.project import Project
from hookline.cache.walk import Walker
from hookline.model.wrapping import wrapping

__all__ = ["Fingerprint", "Fingerprinter", "Part"]

_VERSION = 1  # of the normal form; raise it whenever equal code may digest differently
_SHOWN = frozenset({"function", "class", "value", "distribution", "missing", "module", "container", "object",
                    "annotation"})  # fmt: skip


@dataclass(frozen=True, slots=True)
class Part:
    """One thing that a step's code reaches.

    Attributes:
        name: Readable name, as ``features.scale``, ``features.LIMIT`` or ``numpy 2.1.0``.
        kind: ``function``, ``class``, ``value``, ``container``, ``object``, ``annotation``, ``module``,
            ``distribution`` or ``missing``.
        digest: Digest of the thing itself, without what it reaches in turn.
        file: Where it is defined, relative to the project root if it is under it.
        line: First line there; only for whys, never digested.
        source: Source text, or the value; only for whys and diffs, never digested.
    """

    name: str
    kind: str
    digest: bytes
    file: str = ""
    line: int = 0
    source: str = ""


@dataclass(frozen=True, slots=True)
class Fingerprint:
    """What a step's code is.

    Attributes:
        digest: One digest for all of it.
        parts: Its parts, the step's own function first.
        unstable: Why the step has to run every time; empty when the digest holds.
        names: The names of project modules whose values it reaches, as pairs of module and name.
    """

    digest: bytes
    parts: tuple[Part, ...]
    unstable: str = ""
    names: tuple[tuple[str, str], ...] = ()


class Fingerprinter:
    """Takes fingerprints; one per run or plan, for it remembers what it has seen.

    Args:
        root: Project root; paths under it count relative to it.
        digest_value: Canonical digest of a plain value, None where it has none. Default: ``digest_plain``.
    """

    def __init__(self, root: Path | None = None, digest_value: Callable[[object], bytes | None] | None = None) -> None:
        if digest_value is None:
            from hookline.values.plain import digest_plain

            digest_value = digest_plain
        self._walker = Walker(Project(root), digest_value)
        self._known: dict[int, tuple[object, Fingerprint]] = {}

    def of(self, function: Callable[..., object]) -> Fingerprint:
        """Take the fingerprint of a step's function, its own annotations and defaults included.

        Args:
            function: The plain function. Its name does not count.
        """
        known = self._known.get(id(function))
        if known is None:
            known = self._known[id(function)] = function, self._take(function)
        return known[1]

    def of_types(self, classes: Iterable[type]) -> Fingerprint:
        """Take the fingerprint of classes, for arguments whose behaviour is project code.

        Args:
            classes: Classes of values; the order doesn't matter, nor do those that are not project code.
        """
        own = [kind for kind in classes if self._walker.is_project_class(kind)]
        nodes = [self._walker.node(kind, kind.__name__) for kind in own]
        # Not by module: a class in a notebook is the same as that in a file.
        nodes.sort(key=lambda node: (node.name.rpartition(".")[2], digest_of(node)))
        root = Node("types", "types", f"types {_VERSION} debug {__debug__}")
        root.edges = [Edge(f"{at:04}", node) for at, node in enumerate(nodes)]
        return _fingerprint(crawl(root))

    def _take(self, function: Callable[..., object]) -> Fingerprint:
        parts = wrapping(function)
        if parts is not None:
            return _wrapped(self.of(parts[0]), self.of(parts[1]))
        walker = self._walker
        name = getattr(function, "__qualname__", type(function).__name__)
        root = Node("step", name, f"step {_VERSION} debug {__debug__}")
        root.edges = [Edge("function", walker.node(function, name), "called")]
        declared = _innermost(function)
        if declared is not None:
            root.edges += walker.names.annotations(declared, name)
        return _fingerprint(crawl(root))


def _wrapped(inside: Fingerprint, around: Fingerprint) -> Fingerprint:
    """Put together the fingerprint of a function and of the one around it."""
    return Fingerprint(
        blake3(b"wrapped" + inside.digest + around.digest).digest(),
        tuple(dict.fromkeys((*inside.parts, *around.parts))),
        inside.unstable or around.unstable,
        tuple(dict.fromkeys((*inside.names, *around.names))),
    )


def _innermost(function: object) -> FunctionType | None:
    """Find the function whose annotations a decorated step declares."""
    seen: set[int] = set()
    while id(function) not in seen:
        seen.add(id(function))
        function = getattr(function, "__wrapped__", getattr(function, "__func__", function))
    return function if isinstance(function, FunctionType) else None


def _fingerprint(found: Crawl) -> Fingerprint:
    parts: dict[tuple[str, str, bytes], Part] = {}
    for node in found.nodes:
        if node.kind not in _SHOWN:
            continue
        labels = [edge.label for edge in node.edges]
        digest = blake3(repr((node.content, labels)).encode("utf-8", "surrogatepass")).digest()
        parts.setdefault(
            (node.name, node.kind, digest), Part(node.name, node.kind, digest, node.file, node.line, node.source)
        )
    names = dict.fromkeys(place for node in found.nodes for place in node.places)
    return Fingerprint(found.digest, tuple(parts.values()), found.unstable, tuple(names))
