"""Plugins, our own and the one that strangers copy, use what is public: ``hookline`` and ``hookline.ml``."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
EXAMPLE = ROOT / "examples" / "third_party_plugin"
SOURCES = [*ROOT.glob("plugins/**/*.py"), *(EXAMPLE / "src").rglob("*.py")]
TESTS = [*(ROOT / "tests" / "plugins").rglob("*.py"), *(EXAMPLE / "tests").rglob("*.py")]


def imported_from_hookline(text: str) -> Iterator[tuple[int, str]]:
    """List what a module imports of hookline, with its line, wherever in the module that stands."""
    for node in ast.walk(ast.parse(text)):
        names: list[str] = []
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            # Of "from hookline import ml", too: a module may be imported like a name.
            names = [f"{node.module}.{alias.name}" for alias in node.names]
        elif isinstance(node, ast.Call) and ast.unparse(node.func) in ("importlib.import_module", "__import__"):
            names = [word.value for word in node.args[:1] if isinstance(word, ast.Constant) and str(word.value)]
        yield from ((node.lineno, name) for name in names if name.partition(".")[0] == "hookline")


def is_public(name: str, modules: tuple[str, ...]) -> bool:
    """Tell whether a dotted name is in one of some modules, or is one of the root's names."""
    rest = name.partition(".")[2]
    return not rest or rest.partition(".")[0] in modules or is_root_name(rest)


def is_root_name(name: str) -> bool:
    import hookline

    return name in hookline.__all__


@pytest.mark.parametrize("file", SOURCES, ids=lambda file: str(file.relative_to(ROOT)))
def test_plugins_import_the_root_and_the_nouns_only(file: Path) -> None:
    """A plugin that needs anything else shows that something is not public that should be."""
    found = [entry for entry in imported_from_hookline(file.read_text()) if not is_public(entry[1], ("ml",))]
    assert not found


@pytest.mark.parametrize("file", TESTS, ids=lambda file: str(file.relative_to(ROOT)))
def test_tests_of_plugins_import_the_testing_kit_besides(file: Path) -> None:
    """What else tests need belongs into the kit."""
    found = [entry for entry in imported_from_hookline(file.read_text()) if not is_public(entry[1], ("ml", "testing"))]
    assert not found


@pytest.mark.parametrize(
    ("line", "public"),
    [
        ("import hookline", True),
        ("from hookline import step, ml", True),
        ("from hookline.ml import Schema", True),
        ("from hookline_data import tables", True),
        ("from . import engine", True),
        ("import hookline.engine.api", False),
        ("from hookline import engine", False),
        ("from hookline.model.step import Step", False),
        ("from hookline.testing import Project", False),
        ("def late():\n    from hookline.store import journal", False),
        ("importlib.import_module('hookline.engine.api')", False),
    ],
)
def test_private_imports_are_found(line: str, public: bool) -> None:
    """Whichever way they are written."""
    assert all(is_public(name, ("ml",)) for _, name in imported_from_hookline(line)) is public


def test_there_is_something_to_look_at() -> None:
    """The example has not moved away from under these tests."""
    assert len(SOURCES) > 5
    assert TESTS
