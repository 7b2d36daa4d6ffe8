"""A function's syntax tree written as text, without what changes nothing: positions, docstrings, plain annotations."""

from __future__ import annotations

import ast
from functools import cache

from hookline.cache.bytecode import written
from hookline.cache.reach import LONGEST_WORD

__all__ = ["Definition", "Tree"]

Definition = ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda


class Tree:
    """Writes a syntax tree as text, without positions, docstrings, bare constants and ignorable annotations."""

    def __init__(self) -> None:
        self.names: set[str] = set()
        self.words: set[str] = set()
        self.private = False

    def function(self, definition: Definition) -> str:
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
