"""The normal form of one code object: equal for code that means the same, whatever its layout, place or comments.

Where compiling the source reproduces the running code object, the normal form is its syntax tree without positions,
docstrings and ignorable annotations; else it is the code object itself with its operands resolved. The source is
only believed when the compiled code is equal, so a file edited after its import can't pass for what runs.
"""

from __future__ import annotations

import ast
import linecache
import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from importlib.util import decode_source
from pathlib import Path
from types import CodeType

from hookline.cache.bytecode import raw
from hookline.cache.syntax import Definition, Tree

__all__ = ["Form", "Sources"]


@dataclass(frozen=True, slots=True)
class Form:
    """The normal form of one code object.

    Attributes:
        content: What is digested.
        names: Names that the code reads outside ignorable annotations; None where all of the bytecode's count.
        words: Identifiers and short texts in the code; None where all of the bytecode's count.
        plain: An undecorated function outside any class, whose own annotations may be ignored.
        source: Source text, only for whys and diffs.
        definition: The syntax tree that the content was made from.
    """

    content: str
    names: frozenset[str] | None = None
    words: frozenset[str] | None = None
    plain: bool = False
    source: str = ""
    definition: ast.AST | None = None

    @property
    def whole(self) -> str:
        """The function with docstrings and annotations, for where something may read them."""
        try:
            return ast.dump(self.definition) if self.definition is not None else self.source
        except (RecursionError, ValueError):
            return self.source


class Sources:
    """Source files, read once each."""

    def __init__(self) -> None:
        self._texts: dict[str, str | None] = {}

    def form(self, code: CodeType) -> Form:
        """Bring a function's code object into its normal form."""
        text = self.text(code.co_filename)
        module = _compiled(text) if text else None
        found = module.find(code) if module else None
        if found is None or module is None:
            return Form(repr(raw(code)))
        definition, owner = found
        return _form(definition, owner, module.lines)

    def text(self, file: str) -> str | None:
        """Return the text of a source file, or of what a notebook or shell registered under a made-up name."""
        if file not in self._texts:
            self._texts[file] = _read(file)
        return self._texts[file]

    def statement(self, file: str, line: int, name: str) -> tuple[int, str]:
        """Find a top-level definition or assignment of a name, for whys.

        Args:
            file: Source file.
            line: Line of the definition where it is known, else 0.
            name: Name that is assigned, or the qualified name of a class.

        Returns:
            Its first line and text; ``(line, "")`` when there is none.
        """
        text = self.text(file)
        module = _compiled(text) if text else None
        if module is None:
            return line, ""
        return module.statement(line, name)


def _read(file: str) -> str | None:
    if not file.startswith("<") and Path(file).is_file():
        try:
            return decode_source(Path(file).read_bytes())
        except (OSError, SyntaxError, UnicodeDecodeError):
            return None
    return "".join(linecache.getlines(file)) or None


class _Module:
    """One parsed and compiled source file."""

    def __init__(self, text: str) -> None:
        self.lines = text.splitlines(keepends=True)
        self.tree = ast.parse(text)
        # compiling the text, not the tree: the tree could lose what the text has
        self._codes: dict[tuple[str, str, int], list[CodeType]] = {}
        waiting = [compile(text, "<text>", "exec", dont_inherit=True)]
        while waiting:
            code = waiting.pop()
            self._codes.setdefault((code.co_name, code.co_qualname, code.co_firstlineno), []).append(code)
            waiting.extend(c for c in code.co_consts if isinstance(c, CodeType))
        self._definitions: dict[tuple[str, int], list[tuple[ast.FunctionDef | ast.AsyncFunctionDef, str]]] = {}
        for definition, owner in _definitions(self.tree):
            first = definition.decorator_list[0].lineno if definition.decorator_list else definition.lineno
            self._definitions.setdefault((definition.name, first), []).append((definition, owner))

    def find(self, code: CodeType) -> tuple[Definition, str] | None:
        """Find the definition that a running code object was compiled from, and the class around it."""
        compiled = self._codes.get((code.co_name, code.co_qualname, code.co_firstlineno), ())
        if not any(_same(other, code) for other in compiled):
            return None
        found = (
            self._lambdas(code)
            if code.co_name == "<lambda>"
            else self._definitions.get((code.co_name, code.co_firstlineno), [])
        )
        return found[0] if len(found) == 1 else None

    def _lambdas(self, code: CodeType) -> list[tuple[Definition, str]]:
        spans = set(code.co_positions())
        found: list[tuple[Definition, str]] = []
        waiting: list[tuple[ast.AST, str]] = [(self.tree, "")]
        while waiting:
            node, owner = waiting.pop()
            if not _covers(node, code.co_firstlineno):
                continue
            if isinstance(node, ast.Lambda) and node.lineno == code.co_firstlineno:
                body = node.body
                if (body.lineno, body.end_lineno, body.col_offset, body.end_col_offset) in spans:
                    found.append((node, owner))
            inside = node.name if isinstance(node, ast.ClassDef) else owner
            waiting.extend((child, inside) for child in ast.iter_child_nodes(node))
        return found

    def statement(self, line: int, name: str) -> tuple[int, str]:
        for node in _statements(self.tree):
            if isinstance(node, ast.ClassDef):
                here = node.name == name.rpartition(".")[2] and line in (0, node.lineno)
            else:
                targets = getattr(node, "targets", None) or [getattr(node, "target", None)]
                here = any(isinstance(t, ast.Name) and t.id == name for top in targets if top for t in ast.walk(top))
            if here:
                first = min([node.lineno, *(d.lineno for d in getattr(node, "decorator_list", ()))])
                return first, _text(self.lines, first, node.end_lineno or first)
        return line, ""


def _same(one: CodeType, other: CodeType) -> bool:
    facts: list[tuple[object, ...]] = [
        (code, code.co_linetable, code.co_exceptiontable, code.co_flags) for code in (one, other)
    ]
    return facts[0] == facts[1]


def _covers(node: ast.AST, line: int) -> bool:
    first, last = getattr(node, "lineno", None), getattr(node, "end_lineno", None)
    if first is None or last is None:
        return True
    # decorators stand above the first line of what they decorate
    start: int = min([first, *(d.lineno for d in getattr(node, "decorator_list", ()))])
    return start <= line <= int(last)


def _text(lines: list[str], first: int, last: int) -> str:
    return "".join(lines[first - 1 : last])


@lru_cache(maxsize=64)
def _compiled(text: str) -> _Module | None:
    """Parse and compile a text; remembered by the text itself, so it can't go stale."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return _Module(text)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return None


def _statements(tree: ast.AST) -> Iterator[ast.stmt]:
    waiting: list[ast.AST] = [tree]
    while waiting:
        node = waiting.pop()
        if isinstance(node, ast.stmt):
            yield node
        inner: list[ast.AST] = []
        for field in ("body", "handlers", "orelse", "finalbody", "cases"):
            held = getattr(node, field, None)
            if isinstance(held, list):
                inner.extend(held)
        waiting.extend(reversed(inner))


def _definitions(tree: ast.AST) -> Iterator[tuple[ast.FunctionDef | ast.AsyncFunctionDef, str]]:
    owners: dict[int, tuple[str, bool]] = {}
    for node in _statements(tree):
        owner, direct = owners.get(id(node), ("", False))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield node, ("." if direct else "") + owner
        inside = (node.name, True) if isinstance(node, ast.ClassDef) else (owner, direct)
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            inside = (owner, False)
        for child in _statements_of(node):
            owners[id(child)] = inside


def _statements_of(node: ast.stmt) -> Iterator[ast.stmt]:
    waiting: list[ast.AST] = [node]
    while waiting:
        held = waiting.pop()
        for field in ("body", "handlers", "orelse", "finalbody", "cases"):
            for child in getattr(held, field, None) or ():
                if isinstance(child, ast.stmt):
                    yield child
                elif isinstance(child, ast.AST):
                    waiting.append(child)


def _form(definition: Definition, owner: str, lines: list[str]) -> Form:
    tree = Tree()
    content = tree.function(definition)
    private = tree.private and owner.lstrip(".").lstrip("_")
    first = definition.lineno
    plain = True
    if not isinstance(definition, ast.Lambda):
        first = min([first, *(d.lineno for d in definition.decorator_list)])
        plain = not definition.decorator_list and not owner.startswith(".")
    mangled = {f"_{private}{name}" for name in tree.names} if private else set()
    return Form(
        content=f"{private}\n{content}" if private else content,
        names=frozenset(tree.names | mangled),
        words=frozenset(tree.words),
        plain=plain,
        source=_text(lines, first, definition.end_lineno or first),
        definition=definition,
    )
