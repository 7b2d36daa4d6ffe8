"""Rules of the house that neither ruff nor import-linter knows."""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

import hookline

CORE = Path(hookline.__file__).parent
MODULES = sorted(CORE.rglob("*.py"))
TREES = {module: ast.parse(module.read_text(encoding="utf-8")) for module in MODULES}
NAMES = [str(module.relative_to(CORE)) for module in MODULES]

JUNK_DRAWERS = {"util", "utils", "helper", "helpers", "common", "misc", "base", "manager", "managers"}
LONGEST = 600
ENDERS = {"sys.exit", "os._exit", "signal.signal", "exit"}


def imports(tree: ast.AST) -> Iterator[tuple[str, ast.stmt]]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from ((alias.name, node) for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and not node.level:
            yield node.module or "", node


@pytest.mark.parametrize("module", MODULES, ids=NAMES)
def test_a_module_opens_with_a_sentence(module: Path):
    """Each module starts with a docstring whose first paragraph ends like a sentence."""
    text = ast.get_docstring(TREES[module]) or ""
    assert text.split("\n\n")[0].rstrip().endswith((".", ":")), module


def test_nothing_in_core_imports_the_root():
    """The root stands above everything; a module that imports it would turn the layers into a ring."""
    offenders = [
        f"{module.relative_to(CORE)}:{node.lineno}"
        for module, tree in TREES.items()
        if module != CORE / "__init__.py"
        for name, node in imports(tree)
        if name == "hookline"
    ]
    assert offenders == []


def test_the_model_needs_the_standard_library_only():
    """What things are is said in plain Python; imports inside functions answer to other libraries that call them."""
    offenders = [
        f"{module.relative_to(CORE)}: {name}"
        for module, tree in TREES.items()
        if module.parent.name == "model" or module.name == "errors.py"
        for name, node in imports(tree)
        if node.col_offset == 0 or node in tree.body
        if name.partition(".")[0] not in {*sys.stdlib_module_names, "annotationlib", "hookline"}
    ]
    assert offenders == []


def test_no_module_is_a_junk_drawer():
    """A module is named after its idea."""
    assert [name for module, name in zip(MODULES, NAMES, strict=True) if module.stem in JUNK_DRAWERS] == []


def test_no_module_is_longer_than_a_reader_s_patience():
    """Modules stay short; the few long ones stay below a limit."""
    lengths = {name: len(module.read_text().splitlines()) for module, name in zip(MODULES, NAMES, strict=True)}
    assert {name: length for name, length in lengths.items() if length > LONGEST} == {}


def test_nothing_below_the_command_line_exits_or_sets_signal_handlers():
    """Only ``cli`` ends the process or changes what signals do to it; workers own their processes."""
    offenders = [
        f"{module.relative_to(CORE)}:{node.lineno}"
        for module, tree in TREES.items()
        if module.relative_to(CORE).parts[0] not in ("cli", "__main__.py", "executors", "worker")
        for node in ast.walk(tree)
        if isinstance(node, ast.Call) and ast.unparse(node.func) in ENDERS
    ]
    assert offenders == []
