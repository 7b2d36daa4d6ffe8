"""``hookline config show``."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from cli.terminal import Shown

Command = Callable[..., Shown]
SETTINGS = """[tool.hookline]
executor = "inline"
store = "kept"

[tool.hookline.limits]
gpu = 2
"""


def test_every_setting_is_shown_with_its_origin(project: Path, look: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    """Name, value, and the file and line, the variable, or that it is the default."""
    (project / "pyproject.toml").write_text(SETTINGS)
    monkeypatch.setenv("HOOKLINE_WORKERS", "3")
    shown = look(project, "config", "show", "--origin")
    assert shown.code == 0
    assert [line.split() for line in shown.out.splitlines()] == [
        ["env", "none", "default"],
        ["store", str(project / "kept"), "pyproject.toml:3"],
        ["executor", "inline", "pyproject.toml:2"],
        ["workers", "3", "HOOKLINE_WORKERS"],
        ["durability", "full", "default"],
        ["grace", "10.0", "default"],
        ["seed", "0", "default"],
        ["load_policy", "any", "default"],
        ["turns", "1000000", "default"],
        ["ray.address", "what", "RAY_ADDRESS", "says,", "else", "one", "of", "the", "run's", "own", "default"],
        ["ray.strict_resources", "false", "default"],
        ["ray.port", "0", "default"],
        ["ray.silence", "45.0", "default"],
        ["ray.ship", "where", "a", "cluster", "is", "joined", "default"],
        ["ray.runtime_env", "as", "nodes", "are", "default"],
        ["limits.gpu", "2", "pyproject.toml:6"],
    ]
    assert "pyproject.toml" not in look(project, "config", "show").out


def test_scripts_get_the_same_as_data(project: Path, look: Command) -> None:
    """Numbers are numbers, what is not set is null, and origins are always there."""
    (project / "pyproject.toml").write_text(SETTINGS)
    told = json.loads(look(project, "config", "show", "--json").out)
    assert told["project"] == str(project)
    found = {one["name"]: (one["value"], one["origin"]) for one in told["settings"]}
    assert found["workers"] == (None, "default")
    assert found["turns"] == (1_000_000, "default")
    assert found["ray.address"] == (None, "default")
    assert found["ray.silence"] == (45.0, "default")
    assert found["limits.gpu"] == (2, "pyproject.toml:6")


ENVIRONMENTS = """[tool.hookline.plugins]
deny = ["slow"]

[tool.hookline.plugin.mlflow]
uri = "env:TRACKING"

[tool.hookline.step."data.validate"]
since = 2026-01-31

[tool.hookline.provider.warehouse]
url = "sqlite://"

[tool.hookline.source.customers]
path = "small.csv"
options = { sep = ";", columns = ["a", "b"] }

[tool.hookline.env.prod]
executor = "processes"
source.customers.options.sep = ","
"""


def test_tables_are_shown_with_origins_and_environments(project: Path, look: Command) -> None:
    """Plugins, steps, providers and sources, each entry with its line; what is set for a run is given."""
    (project / "pyproject.toml").write_text(ENVIRONMENTS)
    shown = look(project, "config", "show", "--origin", "--env", "prod", "--set", "train.depth=3")
    rows = [[part.strip() for part in line.split("  ") if part.strip()] for line in shown.out.splitlines()]
    assert rows[0] == ["env", "prod", "given"]
    assert ["executor", "processes", "pyproject.toml:18 (env prod)"] in rows
    assert rows[-8:] == [
        ["plugins.deny", '["slow"]', "pyproject.toml:2"],
        ["plugin.mlflow.uri", "env:TRACKING", "pyproject.toml:5"],
        ['step."data.validate".since', "2026-01-31", "pyproject.toml:8"],
        ["step.train.depth", "3", "given"],
        ["provider.warehouse.url", "sqlite://", "pyproject.toml:11"],
        ["source.customers.path", "small.csv", "pyproject.toml:14"],
        ["source.customers.options.sep", ",", "pyproject.toml:19 (env prod)"],
        ["source.customers.options.columns", '["a", "b"]', "pyproject.toml:15"],
    ]
    told = json.loads(look(project, "config", "show", "--json", "--env", "prod").out)
    assert told["env"] == "prod"
    assert {"name": "source.customers.options.columns", "value": ["a", "b"], "origin": "pyproject.toml:15"} in told[
        "settings"
    ]


def test_plugins_of_a_variable_are_shown_with_it(project: Path, look: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    """An empty list is shown as one: no plugin is loaded."""
    monkeypatch.setenv("HOOKLINE_PLUGINS", "none")
    shown = look(project, "config", "show", "--origin")
    assert shown.out.splitlines()[-1].split() == ["plugins.allow", "[]", "HOOKLINE_PLUGINS"]


@pytest.mark.parametrize(
    "command", [["config", "show"], ["runs", "list"], ["resume"], ["why"], ["store", "info"], ["artifacts", "list"]]
)
def test_an_unknown_environment_is_a_usage_error_of_every_command(
    project: Path, look: Command, command: list[str]
) -> None:
    """Exit code 2, with those that there are."""
    (project / "pyproject.toml").write_text(ENVIRONMENTS)
    shown = look(project, *command, "--env", "prd")
    assert shown.code == 2
    assert "there is no environment 'prd'; did you mean 'prod'?" in shown.err
    assert "the environments of pyproject.toml are prod" in shown.err


@pytest.mark.integration
def test_an_environment_and_arguments_of_steps_are_chosen_for_each_command(project: Path, run_command: Command) -> None:
    """Run, plan, graph, check and resume take them; an environment with a store of its own has runs of its own."""
    (project / "flow.py").write_text(
        "from hookline import step, workflow\n\n@step\n"
        "def train(rows: int, depth: int, names: list[str] = []) -> str:\n"
        "    return f'{rows} {depth} {names}'\n\n@workflow\ndef flow():\n    return train(1)\n"
    )
    (project / "pyproject.toml").write_text(
        '[tool.hookline.step.train]\ndepth = 3\n[tool.hookline.env.prod]\nstore = "kept"\nstep.train.depth = 9\n'
    )
    assert run_command(["run", "flow.py"], project).out.strip() == "1 3 []"
    set_both = ["--set", "train.names=a", "--set", "train.names=b,c", "--env", "prod"]
    ran = run_command(["run", "flow.py", *set_both], project)
    assert ran.out.strip() == "1 9 ['a', 'b', 'c']"
    assert (project / "kept").is_dir()
    page = run_command(["runs", "show", "--env", "prod"], project).out
    assert "  env         prod\n  set         train.names=a, train.names=b,c\n" in page
    assert run_command(["plan", "flow.py", *set_both], project).out.startswith("=")
    assert run_command(["plan", "flow.py", "--env", "prod"], project).out.startswith("▶")
    assert run_command(["graph", "flow.py", "--env", "prod", "--set", "train.depth=1"], project).code == 0
    listed = run_command(["runs", "list", "--env", "prod", "--json"], project)
    assert len(json.loads(listed.out)["runs"]) == 1
    wrong = run_command(["check", "flow.py", "--set", "train.dept=1", "--set", "tran.depth=1"], project)
    assert wrong.code == 2
    assert "--set: the step 'train' has no argument 'dept'; did you mean 'depth'?" in wrong.err
    assert "--set: workflow 'flow' has no step 'tran'; did you mean 'train'?" in wrong.err
    odd = run_command(["run", "flow.py", "--set", "depth=1"], project)
    assert (odd.code, "--set takes step.argument=value, not 'depth=1'" in odd.err) == (2, True)


@pytest.mark.parametrize("command", [["config", "show"], ["runs", "list"], ["resume"]])
def test_a_wrong_setting_is_a_usage_error_of_every_command(project: Path, look: Command, command: list[str]) -> None:
    """Exit code 2, the place and the near name; a typo is never passed over."""
    (project / "pyproject.toml").write_text("[tool.hookline]\nexectuor = 'inline'\n")
    shown = look(project, *command)
    assert shown.code == 2
    assert "pyproject.toml:2: there is no setting 'exectuor'; did you mean 'executor'?" in shown.err


@pytest.mark.integration
def test_options_come_before_everything(project: Path, run_command: Command) -> None:
    """A run takes the file's store and executor, an option's seed, and refuses what an option can't be."""
    (project / "pyproject.toml").write_text(SETTINGS)
    (project / "flow.py").write_text(
        "from hookline import Seed, step, workflow\n\n@step\ndef pick(seed: Seed) -> int:\n    return 1\n\n"
        "@workflow\ndef flow():\n    return pick()\n"
    )
    assert run_command(["run", "flow.py", "--grace", "1s", "--durability", "fast"], project).code == 0
    assert (project / "kept").is_dir()
    assert run_command(["plan", "flow.py", "--seed", "7"], project).out.startswith("▶")
    wrong = run_command(["run", "flow.py", "--durability", "slow", "--grace", "soon"], project)
    assert wrong.code == 2
    assert "durability takes 'full' or 'fast', not 'slow'" in wrong.err
    assert "grace takes seconds, or a time such as '30s', not 'soon'" in wrong.err
