"""All ways into a workflow give the same keys: each reuses what another made."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

CHURN = """
import enum
import sys
from dataclasses import dataclass

from hookline import step, workflow

class Level(enum.Enum):
    LOW = 1
    HIGH = 2

class Model:
    def __init__(self, weight):
        self.weight = weight
    def predict(self, x):
        return self.weight * x

@dataclass
class Score:
    value: int
    level: Level

@step
def train(weight: int) -> Model:
    return Model(weight)

@step
def score(model: Model, x: int) -> Score:
    assert type(model) is Model, type(model)
    assert isinstance(model, Model)
    return Score(model.predict(x), Level.HIGH)

@step
def pick(scores: list[Score], models: list[Model]) -> Score:
    assert all(type(one) is Score and one.level is Level.HIGH for one in scores)
    assert all(isinstance(one, Model) for one in models)
    return max(scores, key=lambda one: one.value)

@workflow
def churn(weights: list[int] = [1, 2, 3]):
    models = train.map(weight=weights)
    return pick(score.partial(x=10).map(model=models), models)

if __name__ == "__main__":
    import hookline
    run = hookline.run(churn, executor=sys.argv[1])
    assert type(run.result) is Score, type(run.result)
    assert run.result.level is Level.HIGH
    print(run.counts["completed"], run.counts["reused"])
"""

API = """
import sys
import hookline
from app.churn import Score, churn
run = hookline.run(churn, executor=sys.argv[1])
assert type(run.result) is Score, type(run.result)
print(run.counts["completed"], run.counts["reused"])
"""

ENTRANCES = ["command", "script", "module", "api"]


@pytest.fixture
def package(tmp_path: Path) -> Path:
    """A project with the workflow inside a package."""
    (tmp_path / "pyproject.toml").touch()
    (tmp_path / "app").mkdir()
    (tmp_path / "app" / "__init__.py").touch()
    (tmp_path / "app" / "churn.py").write_text(textwrap.dedent(CHURN))
    (tmp_path / "call.py").write_text(API)
    return tmp_path


def enter(folder: Path, entrance: str, executor: str) -> tuple[int, int]:
    """Run the workflow one way; gives how many tasks completed, and how many were reused."""
    arguments = {
        "command": ["-m", "hookline", "run", "app/churn.py", "--executor", executor, "--json"],
        "script": ["app/churn.py", executor],
        "module": ["-m", "app.churn", executor],
        "api": ["call.py", executor],
    }[entrance]
    environment = {name: value for name, value in os.environ.items() if not name.startswith("HOOKLINE_")}
    done = subprocess.run(
        [sys.executable, *arguments], cwd=folder, env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    last = done.stdout.splitlines()[-1]
    if entrance == "command":
        counts = json.loads(last)["counts"]
        return counts.get("completed", 0), counts.get("reused", 0)
    completed, reused = map(int, last.split())
    return completed, reused


@pytest.mark.integration
@pytest.mark.parametrize("first", ENTRANCES)
def test_every_entrance_reuses_what_any_other_made(package: Path, first: str) -> None:
    """The command, the script with its guard, ``python -m`` and the API share keys, stores and classes."""
    assert enter(package, first, "threads") == (7, 0)
    for entrance in ENTRANCES:
        assert enter(package, entrance, "threads") == (0, 7)


@pytest.mark.integration
@pytest.mark.parametrize("entrance", ENTRANCES)
def test_a_class_of_the_workflows_file_is_one_class_on_processes_too(package: Path, entrance: str) -> None:
    """It passes exact type checks in every step, whichever way the run came in; keys are those of threads."""
    assert enter(package, entrance, "processes") == (7, 0)
    assert enter(package, "command", "inline") == (0, 7)


@pytest.mark.integration
def test_a_file_outside_of_a_package_is_the_same_module_as_well(tmp_path: Path) -> None:
    """Without a package the file goes by its stem, however it is started."""
    (tmp_path / "app").mkdir()
    (tmp_path / "app" / "churn.py").write_text(textwrap.dedent(CHURN))
    (tmp_path / "pyproject.toml").touch()
    assert enter(tmp_path, "script", "processes") == (7, 0)
    assert enter(tmp_path, "command", "threads") == (0, 7)
