"""Reads YAML as a tree of nodes with lines, from the parser's events: no tags, no anchors, no objects, bounded depth.

Plain scalars mean what YAML 1.2 says, so that ``no``, ``on`` and ``12:30`` are text; a number with a leading zero and a
date are text, too, until the type of what takes them says otherwise.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from hookline.errors import UsageError
from hookline.graph.declared.problems import Problems

__all__ = ["BROKEN", "Items", "Key", "Node", "Scalar", "Table", "read_nodes"]

LONGEST = 1 << 20
"""How many characters a file may have."""

BROKEN: Any = object()
"""What stands in place of a value that was refused, so that nothing more is said about it."""

_DEEPEST = 40
_LONGEST_NUMBER = 1000

_WORDS: dict[str, object] = {
    **dict.fromkeys(("", "~", "null", "Null", "NULL")),
    **dict.fromkeys(("true", "True", "TRUE"), True),
    **dict.fromkeys(("false", "False", "FALSE"), False),
    **dict.fromkeys((".inf", ".Inf", ".INF", "+.inf", "+.Inf", "+.INF"), float("inf")),
    **dict.fromkeys(("-.inf", "-.Inf", "-.INF"), float("-inf")),
    **dict.fromkeys((".nan", ".NaN", ".NAN"), float("nan")),
}
_INTEGER = re.compile(r"[-+]?(0|[1-9][0-9]*)", re.ASCII)
_OTHER_BASE = re.compile(r"0o[0-7]+|0x[0-9a-fA-F]+", re.ASCII)
_BEYOND = re.compile(r"\\U(?!000|0010)[0-9a-fA-F]{8}", re.ASCII)
_FLOAT = re.compile(r"[-+]?(\.[0-9]+|(0|[1-9][0-9]*)(\.[0-9]*)?)([eE][-+]?[0-9]+)?", re.ASCII)


@dataclass(frozen=True, slots=True)
class Scalar:
    """A single value.

    Attributes:
        line: Where it stands, from 1.
        value: Text, a number, true, false or None.
    """

    line: int
    value: object


@dataclass(frozen=True, slots=True)
class Items:
    """A list."""

    line: int
    nodes: list[Node] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Key:
    """A key of a mapping, and where it stands."""

    line: int
    value: object


@dataclass(frozen=True, slots=True)
class Table:
    """A mapping; of keys that came twice the first one's value counts."""

    line: int
    entries: dict[Key, Node] = field(default_factory=dict)


Node = Scalar | Items | Table


def read_nodes(text: str, problems: Problems) -> Node:
    """Read a file.

    Args:
        text: What stands in it.
        problems: Takes what is YAML but not allowed here: tags, anchors, keys that come twice, a second document.

    Returns:
        The topmost node.

    Raises:
        UsageError: It is no YAML, empty, too long or nested too deeply.
    """
    import yaml

    if len(text) > LONGEST:
        raise UsageError(
            f"'{_name(problems)}' has more than {LONGEST:,} characters",
            help="write long lists in a file that a step reads",
        )
    tree = _Tree(problems)
    try:
        for event in yaml.parse(text, Loader=yaml.SafeLoader):
            tree.add(event)
    except yaml.MarkedYAMLError as error:
        raise _no_yaml(text, error, problems) from None
    except yaml.reader.ReaderError as error:
        line = text.count("\n", 0, error.position) + 1
        raise UsageError(
            f"{problems.place(line)}: this is no YAML: it has the character {chr(error.character)!a}",
            help="delete it",
        ) from None
    except (ValueError, OverflowError):  # what chr() says, which PyYAML lets pass
        beyond = _BEYOND.search(text)
        if beyond is None:
            raise
        raise UsageError(
            f"{problems.place(text.count(chr(10), 0, beyond.start()) + 1)}: this is no YAML: there is no character "
            f"'{beyond[0]}'",
            help="the last one is '\\U0010FFFF'; a backslash itself is written twice",
        ) from None
    if tree.root is None:
        raise UsageError(f"'{_name(problems)}' is empty", help="declare a workflow in it: steps, and what they use")
    return tree.root


class _Tree:
    """Puts events together; what is open is kept in a list, so that depth costs no recursion."""

    def __init__(self, problems: Problems) -> None:
        self.root: Node | None = None
        self._problems = problems
        self._open: list[_Open] = []
        self._documents = 0

    def add(self, event: Any) -> None:
        """Take the next event."""
        import yaml

        line = event.start_mark.line + 1
        if isinstance(event, yaml.DocumentStartEvent):
            self._documents += 1
            if self._documents == 2:
                self._problems.note(line, "a second document begins here; a file declares one workflow")
        elif isinstance(event, (yaml.MappingEndEvent, yaml.SequenceEndEvent)):
            self._open.pop()
        elif isinstance(event, yaml.AliasEvent):
            self._problems.note(line, f"'*{event.anchor}' repeats another part, which can't be done here; write it out")
            self._place(Scalar(line, BROKEN))
        elif isinstance(event, yaml.NodeEvent):
            self._refuse_extras(event, line)
            self._begin(event, line)

    def _refuse_extras(self, event: Any, line: int) -> None:
        if event.anchor is not None:
            self._problems.note(line, f"'&{event.anchor}' names a part for use elsewhere, which can't be done here")
        if event.tag is not None:
            self._problems.note(
                line, f"there is a tag ('{_short_tag(event.tag)}'), which can't be used here; leave it out"
            )

    def _begin(self, event: Any, line: int) -> None:
        import yaml

        if isinstance(event, yaml.ScalarEvent):
            self._place(Scalar(line, event.value if event.style else _resolved(event.value)))
            return
        if len(self._open) >= _DEEPEST:
            raise UsageError(
                f"{self._problems.place(line)}: this is nested too deeply", help="build such a value in a step"
            )
        node: Node = Table(line) if isinstance(event, yaml.MappingStartEvent) else Items(line)
        self._place(node)
        self._open.append(_Open(node))

    def _place(self, node: Node) -> None:
        if not self._open:
            self.root = self.root or node
            return
        self._open[-1].take(node, self._problems)


class _Open:
    """A list or mapping that has not ended."""

    def __init__(self, node: Node) -> None:
        self._node = node
        self._key: Key | None = None
        self._seen: dict[object, int] = {}

    def take(self, node: Node, problems: Problems) -> None:
        """Add an item, a key or a key's value."""
        if isinstance(self._node, Items):
            self._node.nodes.append(node)
            return
        assert isinstance(self._node, Table)
        if self._key is None:
            self._key = self._checked(node, problems)
            return
        if self._key.value not in self._seen:
            self._seen[self._key.value] = self._key.line
            self._node.entries[self._key] = node
        self._key = None

    def _checked(self, node: Node, problems: Problems) -> Key:
        if not isinstance(node, Scalar):
            raise UsageError(f"{problems.place(node.line)}: a key can't be a list or a mapping", help="write a word")
        if node.value == "<<":
            problems.note(node.line, "'<<' merges another part into this one, which can't be done here; write it out")
        elif node.value in self._seen and node.value is not BROKEN:
            first = self._seen[node.value]
            problems.note(node.line, f"the key '{node.value}' comes twice; it stands in line {first} already")
        return Key(node.line, node.value)


def _resolved(text: str) -> object:
    if text in _WORDS:
        return _WORDS[text]
    if len(text) > _LONGEST_NUMBER:
        return text
    if _INTEGER.fullmatch(text):
        return int(text)
    if _OTHER_BASE.fullmatch(text):
        return int(text, 0)
    return float(text) if _FLOAT.fullmatch(text) else text


def _no_yaml(text: str, error: Any, problems: Problems) -> UsageError:
    mark = error.problem_mark or error.context_mark
    line = mark.line + 1 if mark is not None else 1
    lines = text.splitlines()
    written = lines[line - 1] if line <= len(lines) else ""
    braces = any("${{" in one for one in _around(lines, line))
    remedy = (
        "between braces or brackets, a reference stands in quotes: {path: '${{ params.path }}'}"
        if braces and ("{" in written.replace("${{", "") or "[" in written)
        else "mend that line, or the one before"
    )
    if "\t" in written[: len(written) - len(written.lstrip())]:
        remedy = "indent with spaces, not with tabs"
    return UsageError(f"{problems.place(line)}: this is no YAML: {error.problem or error.context}", help=remedy)


def _around(lines: list[str], line: int) -> Iterator[str]:
    yield from lines[max(line - 2, 0) : line]


def _short_tag(tag: str) -> str:
    return tag.replace("tag:yaml.org,2002:", "!!")[:60]


def _name(problems: Problems) -> str:
    return problems.place(0).removesuffix(":0")
