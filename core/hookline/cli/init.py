"""``hookline init``."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Annotated

import typer

from hookline.cli.options import Json
from hookline.cli.output import say, show, show_json
from hookline.cli.sections import SectionedCommand
from hookline.cli.wording import clean, hint
from hookline.errors import UsageError

app = typer.Typer(add_completion=False, rich_markup_mode=None)

_FILES = {
    "pyproject.toml": """[project]
name = "{name}"
version = "0.1.0"
requires-python = ">=3.11"
dependencies = ["hookline"]

[project.optional-dependencies]
dev = ["pytest"]

[tool.hookline]
executor = "threads"

[tool.pytest.ini_options]
testpaths = ["tests"]
pythonpath = ["."]
""",
    "workflow.py": '''"""The workflow of {name}: load numbers, describe them, and say what was found."""

from hookline import log_metric, step, workflow


@step
def load(number: int) -> list[int]:
    """Stand in for reading data."""
    return [(7 * i) % 11 for i in range(number)]


@step
def describe(values: list[int], share: float) -> float:
    """Find the value below which a share of all values lies."""
    ranked = sorted(values)
    found = float(ranked[min(int(share * len(ranked)), len(ranked) - 1)])
    log_metric("value", found)
    return found


@step
def report(shares: list[float], found: list[float]) -> str:
    return ", ".join(f"{{share:.0%}} below {{value:g}}" for share, value in zip(shares, found))


@workflow
def main(number: int = 100, shares: list[float] = [0.25, 0.5, 0.75]):
    """Describe made-up numbers.

    Args:
        number: How many numbers to look at.
        shares: Which shares of them to find.
    """
    values = load(number)
    return report(shares, describe.partial(values).map(share=shares))
''',
    "tests/test_workflow.py": '''"""Steps are functions, and a workflow is run with a store of its own."""

from pathlib import Path

import hookline
from workflow import describe, main


def test_a_step_is_a_function():
    assert describe.fn([3, 1, 2], 0.5) == 2.0


def test_the_workflow_runs(tmp_path: Path):
    run = hookline.run(main, {{"number": 12, "shares": [0.5]}}, executor="inline", store=tmp_path / "store")
    assert run.status == "completed"
    assert run.result.startswith("50% below ")


def test_nothing_is_done_twice(tmp_path: Path):
    hookline.run(main, executor="inline", store=tmp_path / "store")
    again = hookline.run(main, executor="inline", store=tmp_path / "store")
    assert again.counts["completed"] == 0
''',
    "README.md": """# {name}

| command | what it does |
|---|---|
| `hookline run workflow.py` | runs the workflow; typed again, it reuses all results |
| `hookline run workflow.py --help` | lists the workflow's parameters |
| `hookline plan workflow.py` | tells what would run after a change, and why |
| `hookline runs show last` | shows what ran |
| `python -m pytest` | runs the tests |
""",
    ".gitignore": """.hookline/
.venv/
__pycache__/
""",
}


@app.command(cls=SectionedCommand)
def init(
    folder: Annotated[Path, typer.Argument(metavar="[FOLDER]", help="Where; made if it is not there.")] = Path(),
    name: Annotated[
        str | None, typer.Option("--name", metavar="NAME", help="The project's name; by default the folder's.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Begin a project: a workflow that runs, its tests, and settings.

    Nothing that exists is changed.
    """
    chosen = name or re.sub(r"[^A-Za-z0-9._-]+", "-", folder.absolute().name).strip("-._") or "project"
    if not re.fullmatch(r"[A-Za-z0-9]([A-Za-z0-9._-]*[A-Za-z0-9])?", chosen):
        raise UsageError(
            f"'{chosen}' can't be a project's name", help="use letters, digits, '-', '_' and '.', such as my-project"
        )
    there = [path for path in _FILES if (folder / path).exists()]
    if there:
        raise UsageError(
            f"'{folder}' has {', '.join(map(repr, there))} already; nothing was written",
            help="give another folder: hookline init FOLDER",
        )
    try:
        for path, text in _FILES.items():
            (folder / path).parent.mkdir(parents=True, exist_ok=True)
            (folder / path).write_text(text.format(name=chosen), encoding="utf-8")
    except OSError as error:
        raise UsageError(f"'{error.filename}' can't be written: {error.strerror}") from error
    if as_json:
        show_json({"folder": str(folder), "name": chosen, "files": list(_FILES)})
        return
    for path in _FILES:
        show(clean(str(folder / path)))
    say(f"next: {f'cd {clean(str(folder))} && ' if folder != Path() else ''}{hint('run', 'workflow.py')}")
