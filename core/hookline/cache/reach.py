"""What one code object reaches by name: globals, closure variables and imports, with the attributes read from them.

Only names are found here, from the running bytecode; ``walk`` looks up what they stand for. Everything errs on the
side of more: a name that is bound to a module anywhere in the code counts as that module everywhere in it.
"""

from __future__ import annotations

import dis
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from types import CodeType
from typing import Literal, NamedTuple

__all__ = ["LONGEST_WORD", "Import", "Reach", "Use", "instructions", "localsplus", "reach"]

LONGEST_WORD = 40  # longer texts are never the name of an attribute that matters


@dataclass(frozen=True, slots=True)
class Use:
    """One place where the code reads a name.

    Attributes:
        scope: Where the name lives: module, enclosing function, or the function itself (imports only).
        name: The name.
        attributes: Attributes read from it, one from the other: ``("linear", "fit")`` for ``name.linear.fit``.
        called: The last of them is called on the spot and not handed around.
        argument: The string constant that a call gets as its only argument, or that a subscript has.
        own: A subscript by the global ``__name__`` follows (``sys.modules[__name__]``).
    """

    scope: Literal["global", "closure", "local"]
    name: str
    attributes: tuple[str, ...] = ()
    called: bool = False
    argument: str | None = None
    own: bool = False


@dataclass(frozen=True, slots=True)
class Import:
    """One import statement inside the code.

    Attributes:
        module: Dotted name as written; empty for ``from . import x``.
        level: Number of leading dots.
        binds: Pairs of (variable, name taken from the module). The name is empty where the variable is the module
            itself, and ``"."`` where it is the first package of the dotted name.
    """

    module: str
    level: int
    binds: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class Reach:
    """All that a code object and the code objects inside it read by name.

    Attributes:
        uses: Names read, in order of appearance, without repetition.
        imports: Imports inside the code.
        words: Every attribute, global and short string constant that appears; markers are looked for among them.
        texts: String constants, of any length.
    """

    uses: tuple[Use, ...]
    imports: tuple[Import, ...]
    words: frozenset[str]
    texts: tuple[str, ...] = ()


class Instruction(NamedTuple):
    """One instruction with its operand looked up, the same for all Python versions."""

    what: str
    value: object
    called: bool = False


def reach(code: CodeType) -> Reach:
    """Find what a function's code reads by name, nested functions, classes and comprehensions included."""
    bodies = list(_nested(code))
    streams = [list(instructions(body)) for body in bodies]
    imports: dict[Import, None] = {}
    for stream in streams:
        for at, instruction in enumerate(stream):
            if instruction.what == "import":
                imports[_import(stream, at)] = None
    local = {variable for item in imports for variable, _ in item.binds}
    outer = set(code.co_freevars)
    uses: dict[Use, None] = {}
    for stream in streams:
        _collect(stream, local, outer, uses)
    words = {word for body in bodies for word in body.co_names}
    words.update(c for body in bodies for c in body.co_consts if isinstance(c, str) and len(c) < LONGEST_WORD)
    texts = tuple(c for body in bodies for c in body.co_consts if isinstance(c, str))
    return Reach(tuple(uses), tuple(imports), frozenset(words), texts)


def _nested(code: CodeType) -> Iterator[CodeType]:
    waiting = [code]
    while waiting:
        body = waiting.pop()
        yield body
        waiting.extend(c for c in reversed(body.co_consts) if isinstance(c, CodeType))


def _collect(stream: list[Instruction], local: set[str], outer: set[str], uses: dict[Use, None]) -> None:
    for at, (what, value, called) in enumerate(stream):
        if what not in ("global", "name", "deref", "fast"):
            continue
        name = str(value)
        scopes: list[Literal["global", "closure", "local"]] = []
        if name in local:
            scopes.append("local")
        if what in ("global", "name"):
            scopes.append("global")
        elif what == "deref" and name in outer:
            scopes.append("closure")
        if not scopes:
            continue
        chain, end, called = _chain(stream, at, called)
        argument, own = _argument(stream, end)
        for scope in scopes:
            uses[Use(scope, name, chain, called, argument, own)] = None


def _chain(stream: list[Instruction], at: int, called: bool) -> tuple[tuple[str, ...], int, bool]:
    attributes: list[str] = []
    end = at + 1
    while end < len(stream) and stream[end].what == "attribute":
        attributes.append(str(stream[end].value))
        called = stream[end].called
        end += 1
    if not called:
        before = at > 0 and stream[at - 1].what == "null" and not attributes
        called = before or (end < len(stream) and stream[end].what == "null")
    return tuple(attributes), end, called


def _argument(stream: list[Instruction], end: int) -> tuple[str | None, bool]:
    following = [item for item in stream[end : end + 4] if item.what != "null"][:2]
    if len(following) < 2 or following[1].what not in ("call one", "subscript"):
        return None, False
    first = following[0]
    if first.what == "constant" and isinstance(first.value, str):
        return first.value, False
    return None, first.what in ("global", "name") and first.value == "__name__" and following[1].what == "subscript"


def _import(stream: list[Instruction], at: int) -> Import:
    before = [item.value for item in stream[max(0, at - 2) : at]]
    level = before[0] if len(before) == 2 and isinstance(before[0], int) else 0
    listed = before[1] if len(before) == 2 else None
    binds: list[tuple[str, str]] = []
    name = "." if not listed else ""
    for what, value, _ in stream[at + 1 :]:
        if what == "import from":
            name = str(value)
        elif what == "store":
            binds.append((str(value), name if listed or name == "." else ""))
            if not listed:
                break
        elif what != "shuffle":
            break
    return Import(str(stream[at].value), level, tuple(binds))


def localsplus(code: CodeType) -> tuple[str, ...]:
    """List the names of a frame's slots: locals, cells that are not arguments, closure variables."""
    names = code.co_varnames
    return (*names, *(cell for cell in code.co_cellvars if cell not in names), *code.co_freevars)


_LOAD_ATTR_HAS_FLAG = sys.version_info >= (3, 12)
_FAST = frozenset({"LOAD_FAST", "LOAD_FAST_CHECK", "LOAD_FAST_AND_CLEAR", "LOAD_FAST_BORROW"})
_PAIRS = {
    "LOAD_FAST_LOAD_FAST": ("fast", "fast"),
    "LOAD_FAST_BORROW_LOAD_FAST_BORROW": ("fast", "fast"),
    "STORE_FAST_LOAD_FAST": ("store", "fast"),
    "STORE_FAST_STORE_FAST": ("store", "store"),
}
_DEREF = frozenset({"LOAD_DEREF", "LOAD_CLASSDEREF", "LOAD_FROM_DICT_OR_DEREF", "LOAD_CLOSURE"})
_NAMED = {
    "LOAD_NAME": "name",
    "LOAD_FROM_DICT_OR_GLOBALS": "name",
    "IMPORT_NAME": "import",
    "IMPORT_FROM": "import from",
    "LOAD_METHOD": "method",
    "STORE_NAME": "store",
    "STORE_GLOBAL": "store",
}
_SKIPPED = frozenset({"NOP", "RESUME", "CACHE", "PRECALL", "NOT_TAKEN", "MAKE_CELL", "COPY_FREE_VARS"})
_BINARY_SUBSCRIPT = 26  # the operand of BINARY_OP that means a subscript, from 3.14


def instructions(code: CodeType) -> Iterator[Instruction]:
    """Decode bytecode into the few kinds of instruction that matter here; all others come as ``other``."""
    names, slots, consts = code.co_names, localsplus(code), code.co_consts
    extended = 0
    raw = code.co_code
    for at in range(0, len(raw), 2):
        op = dis.opname[raw[at]]
        arg = raw[at + 1] | extended
        if op == "EXTENDED_ARG":
            extended = arg << 8
            continue
        extended = 0
        if op in _SKIPPED:
            continue
        if op in _FAST:
            yield Instruction("fast", slots[arg])
        elif op == "LOAD_GLOBAL":
            yield Instruction("global", names[arg >> 1], bool(arg & 1))
        elif op == "LOAD_ATTR":
            yield (
                Instruction("attribute", names[arg >> 1], bool(arg & 1))
                if _LOAD_ATTR_HAS_FLAG
                else Instruction("attribute", names[arg])
            )
        elif op in _NAMED:
            kind = _NAMED[op]
            yield Instruction("attribute" if kind == "method" else kind, names[arg], kind == "method")
        elif op in _DEREF:
            yield Instruction("deref", slots[arg])
        elif op in ("STORE_FAST", "STORE_DEREF"):
            yield Instruction("store", slots[arg])
        elif op in _PAIRS:
            first, second = _PAIRS[op]
            yield Instruction(first, slots[arg >> 4])
            yield Instruction(second, slots[arg & 15])
        elif op == "LOAD_CONST":
            yield Instruction("constant", consts[arg])
        else:
            yield _other(op, arg)


def _other(op: str, arg: int) -> Instruction:
    if op == "LOAD_SMALL_INT":
        return Instruction("constant", arg)
    if op == "PUSH_NULL":
        return Instruction("null", None)
    if op in ("SWAP", "POP_TOP"):
        return Instruction("shuffle", None)
    if op == "CALL" and arg == 1:
        return Instruction("call one", None)
    if op == "BINARY_SUBSCR" or (op == "BINARY_OP" and arg == _BINARY_SUBSCRIPT):
        return Instruction("subscript", None)
    return Instruction("other", op)
