"""The normal form of code objects: blind to layout, sharp for everything else."""

from __future__ import annotations

import ast
import json.decoder
import random
import textwrap
import types
import warnings
from collections.abc import Iterator
from pathlib import Path
from types import CodeType, ModuleType

import pytest

from hookline.cache.bytecode import constant, raw
from hookline.cache.normal import Sources


def functions(code: CodeType) -> Iterator[CodeType]:
    """All functions in a module's code, without class bodies and comprehensions."""
    waiting = [code]
    while waiting:
        body = waiting.pop(0)
        waiting.extend(c for c in body.co_consts if isinstance(c, CodeType))
        if body.co_flags & 1 and not body.co_name.startswith(("<list", "<dict", "<set", "<gen", "<module", "<generic")):
            yield body


def compiled(text: str, file: str) -> CodeType:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return compile(text, file, "exec", dont_inherit=True)


def forms(text: str, file: Path) -> list[tuple[str, str, bool]]:
    """Normal form of each function of a text that stands in a file."""
    file.write_text(text)
    sources = Sources()
    found = [(code.co_name, sources.form(code)) for code in functions(compiled(text, str(file)))]
    return [(name, form.content, form.names is not None) for name, form in found]


@pytest.mark.parametrize("module", [textwrap, json.decoder, random, ast], ids=lambda module: module.__name__)
def test_rewriting_a_module_from_its_syntax_tree_changes_no_normal_form(module: ModuleType, tmp_path: Path) -> None:
    """Comments, blank lines, quotes, parentheses and line breaks leave every function of a module as it was."""
    text = Path(str(module.__file__)).read_text()
    before = forms(text, tmp_path / "before.py")
    after = forms(ast.unparse(ast.parse(text)), tmp_path / "after.py")
    assert len(before) > 5
    assert all(verified for _, _, verified in before)
    assert [(name, content) for name, content, _ in before] == [(name, content) for name, content, _ in after]


class _Mutate(ast.NodeTransformer):
    """Changes the n-th thing that can be changed in a tree, and counts how many there are."""

    def __init__(self, wanted: int) -> None:
        self.wanted = wanted
        self.seen = 0
        self.done = ""

    def _mine(self, what: str) -> bool:
        self.seen += 1
        if self.seen - 1 != self.wanted:
            return False
        self.done = what
        return True

    def visit_Expr(self, node: ast.Expr) -> ast.AST:
        return node if isinstance(node.value, ast.Constant) else self.generic_visit(node)

    def visit_JoinedStr(self, node: ast.JoinedStr) -> ast.AST:
        return node

    def visit_MatchValue(self, node: ast.MatchValue) -> ast.AST:
        return node

    def visit_Constant(self, node: ast.Constant) -> ast.AST:
        if self._mine("constant"):
            changed = {bool: 1.5, int: 7.25, str: b"x", bytes: "x"}.get(type(node.value), "changed")
            return ast.copy_location(ast.Constant(changed), node)
        return node

    def visit_BinOp(self, node: ast.BinOp) -> ast.AST:
        self.generic_visit(node)
        if self._mine("operator"):
            node.op = ast.FloorDiv() if not isinstance(node.op, ast.FloorDiv) else ast.Sub()
        return node

    def visit_Compare(self, node: ast.Compare) -> ast.AST:
        self.generic_visit(node)
        if self._mine("comparison"):
            node.ops[0] = ast.GtE() if not isinstance(node.ops[0], ast.GtE) else ast.Eq()
        return node

    def visit_Call(self, node: ast.Call) -> ast.AST:
        self.generic_visit(node)
        if len(node.args) > 1 and ast.dump(node.args[0]) != ast.dump(node.args[1]) and self._mine("arguments"):
            node.args[0], node.args[1] = node.args[1], node.args[0]
        return node

    def visit_Attribute(self, node: ast.Attribute) -> ast.AST:
        self.generic_visit(node)
        if self._mine("attribute"):
            node.attr += "_changed"
        return node

    def visit_If(self, node: ast.If) -> ast.AST:
        self.generic_visit(node)
        if self._mine("condition"):
            node.test = ast.copy_location(ast.UnaryOp(ast.Not(), node.test), node)
        return node

    def visit_Try(self, node: ast.Try) -> ast.AST:
        self.generic_visit(node)
        if len(node.body) > 1 and node.handlers and self._mine("end of try"):
            node.orelse = [node.body.pop(), *node.orelse]
        return node

    def visit_arguments(self, node: ast.arguments) -> ast.AST:
        return node  # defaults and annotations of a function count by value, not in its normal form


def test_any_change_of_an_expression_changes_the_normal_form(tmp_path: Path) -> None:
    """A constant, operator, comparison, attribute, argument order, condition or end of a try: none goes unseen."""
    text = ast.unparse(ast.parse(Path(textwrap.__file__).read_text()))
    before = {content for _, content, _ in forms(text, tmp_path / "before.py")}
    counter = _Mutate(-1)
    tree = ast.parse(text)
    bodies = [node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)]
    for body in bodies:
        for statement in body.body:
            counter.visit(statement)
    assert counter.seen > 200
    unseen = []
    for wanted in range(0, counter.seen, 5):
        tree = ast.parse(text)
        mutate = _Mutate(wanted)
        for body in [node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)]:
            body.body = [mutate.visit(statement) for statement in body.body]
        changed = ast.unparse(ast.fix_missing_locations(tree))
        after = {content for _, content, _ in forms(changed, tmp_path / "after.py")}
        if after == before:
            unseen.append((wanted, mutate.done))
    assert unseen == []


def test_a_file_edited_after_its_import_is_not_believed(tmp_path: Path) -> None:
    """What runs decides, not what stands on disk now."""
    file = tmp_path / "lib.py"
    file.write_text("def f(x):\n    return x + 1\n")
    code = next(functions(compiled(file.read_text(), str(file))))
    believed = Sources().form(code)
    file.write_text("def f(x):\n    return x + 2\n")
    doubted = Sources().form(code)
    assert believed.names is not None
    assert doubted.names is None
    assert doubted.content != believed.content


def test_code_without_source_is_compared_by_its_instructions() -> None:
    """A function that was exec'd counts by what it does, not by where it stood."""

    def form(text: str) -> str:
        return Sources().form(next(functions(compiled(text, "<made>")))).content

    assert form("def f(x):\n    return x + 1") == form("\n\n# moved\ndef f(x):\n\n    return x + 1")
    assert form("def f(x):\n    'words'\n    return x + 1") == form("def f(x):\n    'other'\n    return x + 1")
    assert form("def f(x):\n    return x + 1") != form("def f(x):\n    return x + 2")
    assert form("def f(x):\n    return x + 1") != form("def f(x):\n    return x + True")
    assert form("def f(x):\n    return x.a") != form("def f(x):\n    return x.b")
    assert form("def f(x):\n    try:\n        a()\n        b()\n    except E:\n        pass") != form(
        "def f(x):\n    try:\n        a()\n    except E:\n        pass\n    b()"
    )


def test_constants_of_code_are_written_by_type_and_value() -> None:
    """What compares equal in Python may still be another constant."""
    values: list[object] = [1, True, 1.0, "1", b"1", 0.0, -0.0, None, ..., (1,), (True,), frozenset({1}), 10**5000]
    assert len({repr(constant(value)) for value in values}) == len(values)


def test_the_normal_form_of_instructions_leaves_out_file_and_lines() -> None:
    """Replacing file, name and first line of a code object leaves its normal form alone."""
    code = next(functions(compiled("def f(x):\n    return [y for y in x]", "<a>")))
    moved = code.replace(co_filename="<b>", co_firstlineno=90, co_name="g", co_qualname="A.g")
    assert isinstance(moved, types.CodeType)
    assert raw(code) == raw(moved)
