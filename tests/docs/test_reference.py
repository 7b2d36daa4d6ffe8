"""The reference pages are what the code says."""

from __future__ import annotations

import importlib.util
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
_spec = importlib.util.spec_from_file_location("generate", ROOT / "docs" / "generate.py")
assert _spec is not None
assert _spec.loader is not None
generate = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(generate)


@pytest.fixture(scope="module")
def pages() -> dict[Path, str]:
    """The pages as the code says."""
    made: dict[Path, str] = generate.pages()
    return made


@pytest.mark.parametrize("name", ["api", "cli", "configuration", "data", "hooks", "ml", "testing"])
def test_a_generated_page_is_what_the_code_says(pages: dict[Path, str], name: str) -> None:
    """Whoever changes a command or an exported name runs `make docs`."""
    page = ROOT / "docs" / "reference" / f"{name}.md"
    assert page.read_text(encoding="utf-8") == pages[page], "run: make docs"
    assert len(pages) == 7, "a page that is generated is not compared here"


def test_every_exported_name_is_described(pages: dict[Path, str]) -> None:
    """Each has a heading of its own and a sentence below it."""
    import hookline

    text = pages[ROOT / "docs" / "reference" / "api.md"]
    for name in set(hookline.__all__) - {"__version__"}:
        described = text.partition(f"\n## {name}\n")[2].partition("\n## ")[0]
        assert len(described.split()) > 4, name


def test_every_command_is_described(pages: dict[Path, str]) -> None:
    """Each has a heading of its own, its usage and its options."""
    from hookline.cli.app import COMMANDS

    text = pages[ROOT / "docs" / "reference" / "cli.md"]
    for name in COMMANDS:
        assert f"\n## {name}" in text
    assert "`-x, --executor NAME`" in text
