"""Every hook is described, and somebody implements it in a test."""

from __future__ import annotations

import inspect
import re
from pathlib import Path

import pytest

from hookline.hooks import specs
from hookline.hooks.module import SPECS

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "reference" / "hooks.md"
TESTS = [file for room in ("hooks", "engine", "cli") for file in (ROOT / "tests" / room).rglob("test_*.py")]


def documented(hook: str) -> set[str]:
    """The arguments that a hook's docstring describes, each with a sentence."""
    arguments = (inspect.getdoc(getattr(specs, hook)) or "").partition("Args:\n")[2].partition("\n\n")[0]
    return set(re.findall(r"^    (\w+): \S", arguments, re.MULTILINE))


@pytest.mark.parametrize("hook", SPECS)
def test_a_hook_says_what_it_is_for_and_where_it_is_called(hook: str) -> None:
    """The first line is a sentence of its own: lists show it."""
    text = inspect.getdoc(getattr(specs, hook)) or ""
    first, _, rest = text.partition("\n")
    assert first.endswith(".")
    assert rest.startswith("\nCalled in ")


@pytest.mark.parametrize("hook", SPECS)
def test_a_hook_describes_each_argument_and_offers_settings(hook: str) -> None:
    """An implementation chooses among these, so none is left unsaid."""
    assert documented(hook) == set(SPECS[hook])
    assert SPECS[hook][-1] == "settings"


@pytest.mark.parametrize("hook", SPECS)
def test_a_hook_stands_in_the_reference(hook: str) -> None:
    """With a line in the table and a section with its signature."""
    page = PAGE.read_text(encoding="utf-8")
    assert f"| [`{hook}`](#{hook}) |" in page
    assert f"\n## {hook}\n\n```text\n{hook}(" in page


@pytest.mark.parametrize("hook", SPECS)
def test_a_hook_is_implemented_by_the_plugin_of_a_test(hook: str) -> None:
    """Whoever adds a hook tests it with a plugin."""
    implementation = re.compile(rf"@hookimpl(\\n|\n\s*)def {hook}\(")
    assert any(implementation.search(file.read_text(encoding="utf-8")) for file in TESTS)
