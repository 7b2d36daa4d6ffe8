"""The files of a new plugin's project; ``{name}``, ``{package}`` and ``{distribution}`` stand for its names."""

from __future__ import annotations

from collections.abc import Mapping

__all__ = ["FILES"]

FILES: Mapping[str, str] = {
    "pyproject.toml": """[build-system]
requires = ["hatchling>=1.25"]
build-backend = "hatchling.build"

[project]
name = "{distribution}"
version = "0.1.0"
description = "A hookline plugin."
readme = "README.md"
requires-python = ">=3.11"
dependencies = ["hookline"]

[project.optional-dependencies]
dev = ["pytest>=8"]

# Where hookline finds the plugin. Both names are the plugin's.
[project.entry-points.hookline]
{name} = "{package}.plugin"

# hookline {name} hello
[project.entry-points."hookline.commands"]
"{name}.hello" = "{package}.commands:hello"

[tool.hatch.build.targets.wheel]
packages = ["{package}"]

[tool.pytest.ini_options]
testpaths = ["tests"]
""",
    "{package}/__init__.py": '''"""A hookline plugin."""
''',
    "{package}/plugin.py": '''"""What the plugin does: it names a step, and notes the machine with each attempt."""

from __future__ import annotations

import platform
from collections.abc import Generator
from dataclasses import dataclass

from hookline import AttemptFacts, Outcome, Plugin, RegisterSteps, hookimpl


@dataclass(frozen=True)
class Settings:
    """What ``[tool.hookline.plugin.{name}]`` can say.

    Attributes:
        note_machine: Whether attempts note the machine on which they were made.
    """

    note_machine: bool = True


plugin = Plugin("{name}", settings=Settings)


@hookimpl
def register_steps(register: RegisterSteps) -> None:
    register("scale", "{package}.steps:scale", summary="Bring numbers into the range from 0 to 1.")


@hookimpl
def around_attempt(attempt: AttemptFacts, settings: Settings) -> Generator[None, Outcome, None]:
    if settings.note_machine:
        attempt.metadata["machine"] = platform.node()
    yield
''',
    "{package}/steps.py": '''"""Steps that workflows use by name: ``{name}.scale``."""

from __future__ import annotations

from hookline import step


@step(name="{name}.scale")
def scale(values: list[float]) -> list[float]:
    """Bring numbers into the range from 0 to 1.

    Args:
        values: The numbers.
    """
    low, high = min(values), max(values)
    return [(value - low) / ((high - low) or 1.0) for value in values]
''',
    "{package}/commands.py": '''"""Commands of ``hookline {name}``: plain functions."""

from __future__ import annotations


def hello(name: str = "world") -> None:
    """Say hello.

    Args:
        name: To whom.
    """
    print(f"hello {{name}}, from {name}")
''',
    "tests/test_plugin.py": '''"""The plugin in runs: its step, and its hook on every executor."""

from __future__ import annotations

from hookline.testing import Project
from hookline.testing.contracts.steps import StepContract

from {package}.commands import hello
from {package}.steps import scale

FLOW = """
from hookline import workflow
from {package}.steps import scale

@workflow
def flow(values: list[float] = [1.0, 2.0, 3.0]):
    return scale(values)
"""


class TestScale(StepContract):
    step = scale
    calls = ({{"values": [1.0, 2.0, 3.0]}}, {{"values": [5.0]}})


def test_attempts_note_their_machine(project: Project, executor: str) -> None:
    project.write("flow.py", FLOW)
    run = project.run("flow.py", executor=executor)
    assert run.value == [0.0, 0.5, 1.0]
    assert list(run.metadata("{name}.scale")) == ["{name}.machine"]


def test_settings_switch_the_note_off(project: Project) -> None:
    project.write("flow.py", FLOW)
    project.settings("[tool.hookline.plugin.{name}]\\nnote_machine = false\\n")
    assert project.run("flow.py").metadata("{name}.scale") == {{}}


def test_the_command_says_hello(capsys) -> None:
    hello("you")
    assert capsys.readouterr().out == "hello you, from {name}\\n"
''',
    "README.md": """# {distribution}

A plugin for hookline.

| what it brings | how it is used |
|---|---|
| the step `{name}.scale` | `from {package}.steps import scale`, or `uses: {name}.scale` in YAML |
| a note with each attempt: its machine | `hookline runs show last` |
| the command `hookline {name} hello` | `hookline {name} hello --help` |

```console
$ pip install -e '.[dev]'
$ python -m pytest
$ hookline plugins doctor {name}
```

Settings, in a project's `pyproject.toml`:

```toml
[tool.hookline.plugin.{name}]
note_machine = false
```
""",
    ".github/workflows/tests.yml": """name: tests
on: [push, pull_request]
jobs:
  tests:
    runs-on: ubuntu-latest
    strategy:
      matrix:
        python: ["3.11", "3.12", "3.13"]
    steps:
      - uses: actions/checkout@v4
      - uses: actions/setup-python@v5
        with:
          python-version: ${{{{ matrix.python }}}}
      - run: pip install -e '.[dev]'
      - run: python -m pytest
      - run: hookline plugins doctor {name}
""",
    ".gitignore": """.hookline/
.venv/
__pycache__/
dist/
""",
}
