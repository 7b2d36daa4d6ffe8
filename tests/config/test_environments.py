"""Environments lay tables over the file's own; plugins, steps, providers and sources have tables with places."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hookline.config import Plugins, configure, read_assignments, store_address
from hookline.config.file import SettingsFile
from hookline.config.layers import Layers
from hookline.errors import UsageError


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty project, which is the working directory, and no variables."""
    for name in [name for name in os.environ if name.startswith("HOOKLINE_")]:
        monkeypatch.delenv(name)
    monkeypatch.chdir(tmp_path)
    (tmp_path / "pyproject.toml").touch()
    return tmp_path


def write(folder: Path, text: str) -> None:
    (folder / "pyproject.toml").write_text(text)


WHOLE = """[tool.hookline]
store = "local"
workers = 2

[tool.hookline.limits]
gpu = 1
cpu = 8

[tool.hookline.plugin.mlflow]
uri = "file:runs"
tags = ["a", "b"]

[tool.hookline.step."data.validate"]
strict = false
path = "rows.csv"

[tool.hookline.provider.warehouse]
url = "sqlite://"

[tool.hookline.source.customers]
path = "small.csv"
options = { sep = ";", header = true }

[tool.hookline.env.prod]
store = "shared"
executor = "processes"
limits.gpu = 4
plugin.mlflow.tags = ["c"]

[tool.hookline.env.prod.step."data.validate"]
strict = true

[tool.hookline.env.prod.source.customers.options]
sep = ","

[tool.hookline.env.staging]
workers = 1
"""


def test_an_environment_is_laid_over_the_rest(folder: Path) -> None:
    """Scalar settings are replaced, tables are merged entry by entry at any depth, lists are replaced."""
    write(folder, WHOLE)
    base, prod = configure(), configure(env="prod")
    assert (base.env, base.store, base.executor, base.workers) == ("", folder / "local", "threads", 2)
    assert (prod.env, prod.store, prod.executor, prod.workers) == ("prod", folder / "shared", "processes", 2)
    assert (base.limits, prod.limits) == ({"gpu": 1, "cpu": 8}, {"gpu": 4, "cpu": 8})
    assert prod.plugin_settings("mlflow") == {"uri": "file:runs", "tags": ["c"]}
    assert prod.plugin_settings("other") == {}
    assert prod.plugins_with_settings == ("mlflow",)
    assert base.step_arguments == {"data.validate": {"strict": False, "path": "rows.csv"}}
    assert prod.step_arguments == {"data.validate": {"strict": True, "path": "rows.csv"}}
    assert prod.provider_arguments == {"warehouse": {"url": "sqlite://"}}
    assert prod.sources == {"customers": {"path": "small.csv", "options": {"sep": ",", "header": True}}}
    assert configure(env="staging").workers == 1


def test_each_value_tells_its_line_and_environment(folder: Path) -> None:
    """Tables, entries and entries of entries; what the environment leaves alone has the line outside of it."""
    write(folder, WHOLE)
    prod = configure(env="prod")
    assert prod.origin("env") == "given"
    assert prod.origin("store") == "pyproject.toml:25 (env prod)"
    assert prod.origin("workers") == "pyproject.toml:3"
    assert prod.origin("grace") == "default"
    assert prod.origin("limits", "gpu") == "pyproject.toml:27 (env prod)"
    assert prod.origin("limits", "cpu") == "pyproject.toml:7"
    assert prod.origin("plugin", "mlflow", "uri") == "pyproject.toml:10"
    assert prod.origin("plugin", "mlflow", "tags") == "pyproject.toml:28 (env prod)"
    assert prod.origin("step", "data.validate", "strict") == "pyproject.toml:31 (env prod)"
    assert prod.origin("step", "data.validate", "path") == "pyproject.toml:15"
    assert prod.origin("provider", "warehouse", "url") == "pyproject.toml:18"
    assert prod.origin("source", "customers", "options", "sep") == "pyproject.toml:34 (env prod)"
    assert prod.origin("source", "customers", "options", "header") == "pyproject.toml:22"


def test_what_a_caller_changes_stays_its_own(folder: Path) -> None:
    """Settings that are given out are copies: the next reader sees what the file says."""
    write(folder, WHOLE)
    configure().plugin_settings("mlflow")["tags"].append("mine")
    assert configure().plugin_settings("mlflow")["tags"] == ["a", "b"]


def test_a_variable_chooses_the_environment_unless_a_call_does(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As for other settings; an empty text in a call stands for none."""
    write(folder, WHOLE)
    monkeypatch.setenv("HOOKLINE_ENV", "staging")
    assert (configure().env, configure().origin("env")) == ("staging", "HOOKLINE_ENV")
    assert configure(env="prod").env == "prod"
    assert configure(env="").env == ""
    assert store_address(env="prod") == folder / "shared"
    monkeypatch.setenv("HOOKLINE_ENV", "")
    assert (configure().env, configure().origin("env")) == ("", "default")


@pytest.mark.parametrize(
    ("text", "env", "message", "remedy"),
    [
        (WHOLE, "prd", "there is no environment 'prd'; did you mean 'prod'?", "are prod, staging"),
        (WHOLE, "zzz", "there is no environment 'zzz'", "the environments of pyproject.toml are prod, staging"),
        ("", "prod", "there is no environment 'prod'", "they are tables such as [tool.hookline.env.prod]"),
    ],
)
def test_an_environment_that_is_not_there_is_an_error(
    text: str, env: str, message: str, remedy: str, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Wherever it is named: nothing is recorded where it does not belong."""
    write(folder, text)
    with pytest.raises(UsageError) as caught:
        configure(env=env)
    assert caught.value.message == message
    assert caught.value.help.endswith(remedy)
    monkeypatch.setenv("HOOKLINE_ENV", env)
    with pytest.raises(UsageError) as caught:
        configure()
    assert caught.value.message == f"HOOKLINE_ENV: {message}"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("env = 3", "pyproject.toml:2: 'env' is a table of environments, not 3"),
        ("env.prod = 3", "pyproject.toml:2: the environment 'prod' is a table of settings, not 3"),
        ("env.prod.stor = 'x'", "pyproject.toml:2: there is no setting 'stor'; did you mean 'store'?"),
        ("env.prod.env.deep.seed = 1", "pyproject.toml:2: there is no setting 'env'"),
        ("env.prod.workers = 0", "pyproject.toml:2: 'workers' takes a whole number from 1, not 0"),
        ("env.prod.limits.gpu = 0", "pyproject.toml:2: the limit 'gpu' takes a whole number from 1, not 0"),
        ("env.prod.limits = 0", "pyproject.toml:2: 'limits' is a table of names and numbers, not 0"),
        ("plugin = 1", "pyproject.toml:2: 'plugin' is a table of plugins, not 1"),
        ("plugin.mlflow = 1", "pyproject.toml:2: 'plugin.mlflow' is no table: write [tool.hookline.plugin.NAME]"),
        ("env.prod.step.x = 1", "pyproject.toml:2: 'step.x' is no table: write [tool.hookline.env.prod.step.NAME]"),
        ("plugins = ['a']", "pyproject.toml:2: 'plugins' is a table of lists of plugins, not ['a']"),
        ("plugins.alow = ['a']", "pyproject.toml:2: 'plugins' has no key 'alow'; did you mean 'allow'?"),
        ("plugins.zzzz = ['a']", "pyproject.toml:2: 'plugins' has no key 'zzzz'; it takes 'allow' and 'deny'"),
        ("plugins.deny = 'a'", "pyproject.toml:2: 'plugins.deny' takes a list of names of plugins, not 'a'"),
        ("plugins.allow = [1]", "pyproject.toml:2: 'plugins.allow' takes a list of names of plugins, not [1]"),
    ],
)
def test_wrong_tables_are_named_also_of_environments_that_do_not_hold(text: str, message: str, folder: Path) -> None:
    """What is wrong in production is said before it gets there."""
    write(folder, f"[tool.hookline]\n{text}\n")
    with pytest.raises(UsageError) as caught:
        configure()
    assert caught.value.message.startswith(message)
    assert caught.value.help


def test_plugins_are_allowed_and_denied(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The file has both lists; a variable goes before what is allowed, a call before that; what is denied stays so."""
    assert configure().plugins == Plugins()
    write(folder, '[tool.hookline.plugins]\nallow = ["a", "b"]\ndeny = ["b"]\n')
    found = configure().plugins
    assert found == Plugins(("a", "b"), ("b",), "pyproject.toml:2", "pyproject.toml:3")
    assert found.refusal("a") == ""
    assert found.refusal("b") == "is denied by pyproject.toml:3"
    assert found.refusal("c") == "is not among those of pyproject.toml:2"
    monkeypatch.setenv("HOOKLINE_PLUGINS", "c, b")
    found = configure().plugins
    assert (found.allow, found.deny, found.origin) == (("c", "b"), ("b",), "HOOKLINE_PLUGINS")
    assert found.refusal("a") == "is not among those of HOOKLINE_PLUGINS"
    assert configure().origin("plugins", "allow") == "HOOKLINE_PLUGINS"
    for nothing in ("", "none", " none "):
        monkeypatch.setenv("HOOKLINE_PLUGINS", nothing)
        assert configure().plugins.allow == ()
    found = configure(plugins=()).plugins
    assert (found.allow, found.origin) == ((), "given")
    assert found.refusal("a") == "is left out: --no-plugins"


def test_a_call_sets_arguments_of_steps(folder: Path) -> None:
    """It goes before the file; a step's name may have dots."""
    write(folder, WHOLE)
    found = configure(env="prod", step_arguments={"data.validate.strict": False, "train.depth": 3})
    assert found.step_arguments == {"data.validate": {"strict": False, "path": "rows.csv"}, "train": {"depth": 3}}
    assert found.origin("step", "data.validate", "strict") == "given"
    assert found.origin("step", "data.validate", "path") == "pyproject.toml:15"


def test_assignments_are_read_from_texts() -> None:
    """What comes again makes a list; the value may hold anything."""
    assert read_assignments(["a.b=1", "data.validate.x = y=z", "a.b=2"]) == {
        "a.b": ["1", "2"],
        "data.validate.x": [" y=z"],
    }


@pytest.mark.parametrize("pair", ["depth=3", "train.depth", "=3", ".depth=3", "train.=3", "train.2=3"])
def test_an_assignment_without_step_and_argument_is_refused(pair: str) -> None:
    """The message shows it and how to write one."""
    with pytest.raises(UsageError) as caught:
        read_assignments([pair])
    assert caught.value.message == f"--set takes step.argument=value, not '{pair}'"
    assert caught.value.help == "write, for example, --set train.depth=5"


@pytest.mark.parametrize("name", ["depth", "", ".depth", 3])
def test_a_call_that_names_no_argument_of_a_step_is_refused(name: Any) -> None:
    """The same in Python."""
    with pytest.raises(UsageError) as caught:
        configure(step_arguments={name: 3})
    assert caught.value.message == f"step_arguments takes names such as 'train.depth', not {name!r}"
    assert caught.value.help == "write the step's name, a dot and the argument's name"


NAMES = st.sampled_from("abc")
TABLES = st.recursive(
    st.integers() | st.lists(st.integers()), lambda inner: st.dictionaries(NAMES, inner), max_leaves=6
)


@given(st.dictionaries(NAMES, TABLES), st.dictionaries(NAMES, TABLES))
def test_every_value_of_the_merged_table_is_the_highest_there_is(base: dict[str, Any], top: dict[str, Any]) -> None:
    """Of any two tables, at any depth; and neither of the two is changed."""
    before = repr((base, top))
    layers = Layers(SettingsFile("f", "", {"step": base, "env": {"prod": {"step": top}}}), "prod")
    merged = layers.merged("step")
    pending: list[tuple[Any, Any, Any]] = [(merged, base, top)]
    while pending:
        found, below, above = pending.pop()
        assert found.keys() == below.keys() | above.keys()
        for key, value in found.items():
            if isinstance(above.get(key), dict):
                pending.append((value, below[key] if isinstance(below.get(key), dict) else {}, above[key]))
            else:
                assert value == (above[key] if key in above else below[key])
    assert repr((base, top)) == before
