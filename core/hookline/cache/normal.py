"""The normal form of one code object: equal for code that means the same, whatever its layout, place or comments.

Where compiling the source reproduces the running code object, the normal form is its syntax tree without positions,
docstrings and ignorable annotations; else it is the code object itself with its operands resolved. The source is
only believed when the compiled code is equal, so a file edited after its import can't pass for what runs.
"""

from __future__ import annotations

import ast
import dis
import linecache
import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache, lru_cache
from importlib.util import decode_source
from pathlib import Path
from types import CodeType

from hookline.cache.reach import LONGEST_WORD, localsplus

__all__ = ["Form", "Sources", "constant", "raw", "written"]

_Definition = ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda


@dataclass(frozen=True, slots=True)
class Form:
    """The normal form of one code object.

    Attributes:
        content: What is digested.
        names: Names that the code reads outside ignorable annotations; None where all of the bytecode's count.
        words: Identifiers and short texts in the code; None where all of the bytecode's count.
    words: Identifiers and short texts in the code; None as before.
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

    def find(self, code: CodeType) -> tuple[_Definition, str] | None:
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

    def _lambdas(self, code: CodeType) -> list[tuple[_Definition, str]]:
        spans = set(code.co_positions())
        found: list[tuple[_Definition, str]] = []
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


def _form(definition: _Definition, owner: str, lines: list[str]) -> Form:
    tree = _Tree()
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


class _Tree:
    """Writes a syntax tree as text, without positions, docstrings, bare constants and ignorable annotations."""

    def __init__(self) -> None:
        self.names: set[str] = set()
        self.words: set[str] = set()
        self.private = False

    def function(self, definition: _Definition) -> str:
        """Write a function without its name, decorators, defaults and annotations: those count by value."""
        body = definition.body if isinstance(definition.body, list) else [definition.body]
        return self._write([type(definition).__name__, _parameters(definition.args), body])

    def _write(self, first: list[object]) -> str:
        out: list[str] = []
        waiting: list[tuple[object, bool]] = [(first, False)]  # the flag: directly in the body of a class
        while waiting:
            item, owned = waiting.pop()
            if isinstance(item, str):
                out.append(item)
                self.words.add(item)
                self.private |= item.startswith("__") and not item.endswith("__")
            elif isinstance(item, list):
                kept = [child for child in item if not _idle(child)]
                out.append(f"[{len(kept)}")
                waiting.extend((child, owned) for child in reversed(kept))
            elif isinstance(item, ast.Constant):
                if isinstance(item.value, str) and len(item.value) < LONGEST_WORD:
                    self.words.add(item.value)
                out.append(f"={type(item.value).__name__} {written(item.value)}")
            elif isinstance(item, ast.AST):
                if isinstance(item, ast.Name):
                    self.names.add(item.id)
                out.append("Assign" if _assigns(item, owned) else type(item).__name__)
                children, inside = _children(item, owned)
                waiting.extend((child, inside) for child in reversed(children))
            else:
                out.append(f"!{item!r}")
        return "\x1f".join(out)


def _idle(node: object) -> bool:
    return isinstance(node, ast.Pass) or (isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant))


def _assigns(node: ast.AST, owned: bool) -> bool:
    return isinstance(node, ast.AnnAssign) and node.value is not None and not owned


def _children(node: ast.AST, owned: bool) -> tuple[list[object], bool]:
    """List what to write of a node, and whether that stands in a class body."""
    if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
        notes = _annotations(node) if owned or node.decorator_list else []
        parameters = [_parameters(node.args), list(node.args.defaults), list(node.args.kw_defaults)]
        return [node.name, parameters, notes, node.decorator_list, node.body], False
    if isinstance(node, ast.Lambda):
        return [_parameters(node.args), list(node.args.defaults), list(node.args.kw_defaults), node.body], False
    if isinstance(node, ast.AnnAssign) and not owned:
        # in a function these annotations are never evaluated: what is left is an assignment, or less
        return [[node.target], node.value], owned
    children = [getattr(node, name, None) for name in _fields(node._fields)]
    return children, owned or isinstance(node, ast.ClassDef)


@cache
def _fields(fields: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(name for name in fields if name not in ("ctx", "kind", "type_comment"))


def _parameters(args: ast.arguments) -> list[object]:
    """Write names and kinds of parameters."""
    groups: list[object] = [[arg.arg for arg in group] for group in (args.posonlyargs, args.args, args.kwonlyargs)]
    return [*groups, args.vararg.arg if args.vararg else None, args.kwarg.arg if args.kwarg else None]


def _annotations(definition: ast.FunctionDef | ast.AsyncFunctionDef) -> list[object]:
    args = definition.args
    listed = [*args.posonlyargs, *args.args, args.vararg, *args.kwonlyargs, args.kwarg]
    notes: list[object] = [arg.annotation if arg else None for arg in listed]
    return [*notes, definition.returns, list(getattr(definition, "type_params", ()))]


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
