"""The facts of a project: where it is, what its sources are, and where each setting stands."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

import hookline
from hookline.config import configure
from hookline.config.facts import project_facts
from hookline.errors import UsageError

FILE = """\
[tool.hookline]
seed = 3

[tool.hookline.source.customers]
uri = "data/*.csv"
columns = { name = "str", age = "int" }

[tool.hookline.source."by.day"]
uri = "days/*.csv"

[tool.hookline.env.prod]
store = "team"

[tool.hookline.env.prod.source.customers]
uri = "postgres://db"
columns.age = "float"

[tool.hookline.env.prod.source.labels]
"""


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project with sources; the working directory is in it, and no variable is set."""
    for name in ("HOOKLINE_ENV", "HOOKLINE_STORE", "HOOKLINE_SEED"):
        monkeypatch.delenv(name, raising=False)
    (tmp_path / "pyproject.toml").write_text(FILE)
    (tmp_path / "flows").mkdir()
    monkeypatch.chdir(tmp_path)
    return tmp_path.resolve()


def test_a_project_tells_its_folder_store_and_sources(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of the working directory, of a folder or file in it, and in an environment; paths are as they were written."""
    here = hookline.project()
    assert (here.root, here.env, here.store) == (folder, "", folder / ".hookline")
    assert {name: dict(table) for name, table in here.sources.items()} == {
        "customers": {"uri": "data/*.csv", "columns": {"name": "str", "age": "int"}},
        "by.day": {"uri": "days/*.csv"},
    }
    assert hookline.project(folder / "flows") == hookline.project(str(folder / "pyproject.toml")) == here
    prod = hookline.project(env="prod")
    assert (prod.env, prod.store) == ("prod", folder / "team")
    assert prod.sources["customers"] == {"uri": "postgres://db", "columns": {"name": "str", "age": "float"}}
    assert list(prod.sources) == ["customers", "by.day", "labels"]
    monkeypatch.setenv("HOOKLINE_ENV", "prod")
    assert hookline.project() == prod
    assert hookline.project(env="") == here


def test_facts_can_not_be_changed(folder: Path) -> None:
    """Plugins share them."""
    facts: Any = hookline.project()
    with pytest.raises(AttributeError):
        facts.env = "prod"
    with pytest.raises(TypeError):
        facts.sources["labels"] = {}
    with pytest.raises(TypeError):
        facts.sources["customers"]["uri"] = "other"


@pytest.mark.parametrize(
    ("env", "dotted", "place"),
    [
        ("", "source.customers.uri", "pyproject.toml:5"),
        ("", "source.customers.columns.age", "pyproject.toml:6"),
        ("", "source.by.day.uri", "pyproject.toml:9"),
        ("", "source.by.day", "pyproject.toml:8"),
        ("", "seed", "pyproject.toml:2"),
        ("", "source.customers.key", "pyproject.toml:4"),
        ("", "source.customers.uri.deeper", "pyproject.toml:5"),
        ("", "source.none.uri", "pyproject.toml:4"),
        ("", "source.labels.uri", "pyproject.toml:4"),
        ("", "nothing", "pyproject.toml"),
        ("", "", "pyproject.toml"),
        ("prod", "source.customers.uri", "pyproject.toml:15 (env prod)"),
        ("prod", "source.customers.columns.age", "pyproject.toml:16 (env prod)"),
        ("prod", "source.customers.columns.name", "pyproject.toml:6"),
        ("prod", "source.customers.key", "pyproject.toml:4"),
        ("prod", "source.labels.uri", "pyproject.toml:18 (env prod)"),
        ("prod", "store", "pyproject.toml:12 (env prod)"),
        ("prod", "seed", "pyproject.toml:2"),
    ],
)
def test_where_tells_the_line_of_a_setting_or_of_the_table_that_lacks_it(
    folder: Path, env: str, dotted: str, place: str
) -> None:
    """With the environment; a table of the file's own before one that is laid over it."""
    assert hookline.project(env=env).where(dotted) == place


def test_where_tells_variables_and_what_a_call_gave(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """They go before the file."""
    monkeypatch.setenv("HOOKLINE_SEED", "4")
    facts = project_facts(configure(store="elsewhere"))
    assert (facts.where("seed"), facts.where("store")) == ("HOOKLINE_SEED", "given")
    assert facts.store == folder / "elsewhere"


def test_a_project_that_is_not_there_is_refused(folder: Path) -> None:
    """A folder, and an environment; a folder without settings is a project of its own."""
    with pytest.raises(UsageError) as caught:
        hookline.project("nowhere")
    assert (caught.value.message, caught.value.help) == (
        "there is no folder 'nowhere'",
        "name a folder of the project",
    )
    with pytest.raises(UsageError, match="there is no environment 'prood'; did you mean 'prod'"):
        hookline.project(env="prood")
    (folder / "pyproject.toml").unlink()
    bare = hookline.project("flows")
    assert (bare.root, dict(bare.sources), bare.where("source.x")) == (folder / "flows", {}, "flows/pyproject.toml")


def test_facts_have_the_settings_of_plugins(tmp_path: Path) -> None:
    """For what a plugin does outside of runs; a plugin without a table has none."""
    (tmp_path / "pyproject.toml").write_text('[tool.hookline.plugin.data]\nframes = "polars"\n')
    facts = hookline.project(tmp_path)
    assert facts.settings("data") == {"frames": "polars"}
    assert facts.settings("other") == {}
    assert hookline.ProjectFacts(tmp_path, "", tmp_path, {}).settings("data") == {}
