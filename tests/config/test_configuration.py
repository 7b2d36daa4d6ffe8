"""What settings hold: from calls, variables, the project's file and defaults; strictly, and all problems at once."""

from __future__ import annotations

import logging
import os
import tomllib
from pathlib import Path
from typing import Any, cast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hookline.config import SETTINGS, configure
from hookline.config.file import SettingsFile
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


GIVEN = {
    "store": ("elsewhere", "var", "file", "file"),
    "executor": ("inline", "processes", "ray", "ray"),
    "workers": (1, "2", "3", 3),
    "durability": ("full", "fast", "fast", "fast"),
    "grace": (1, "2.5", '"3s"', 3.0),
    "seed": (-1, "2", "3", 3),
    "load_policy": ("any", "no-pickle", "mine", "mine"),
    "turns": (1, "2", "3", 3),
}


@pytest.mark.parametrize("name", [setting.name for setting in SETTINGS])
def test_a_call_comes_before_a_variable_before_the_file_before_the_default(
    name: str, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The same order for every setting, and each tells where it comes from."""
    call, variable, in_file, read = GIVEN[name]
    default = getattr(configure(), name)
    assert configure().origin(name) == "default"
    quoted = f'"{in_file}"' if in_file[0].isalpha() else in_file
    write(folder, f"[tool.hookline]\n\n{name} = {quoted}\n")
    expected = folder / str(read) if name == "store" else read
    assert getattr(configure(), name) == expected != default
    assert configure().origin(name) == "pyproject.toml:3"
    monkeypatch.setenv(f"HOOKLINE_{name.upper()}", str(variable))
    by_variable = configure()
    assert str(getattr(by_variable, name)).endswith(str(variable))
    assert by_variable.origin(name) == f"HOOKLINE_{name.upper()}"
    by_call = configure(**cast("dict[str, Any]", {name: call}))
    assert str(getattr(by_call, name)).startswith(str(folder / str(call)) if name == "store" else str(call))
    assert by_call.origin(name) == "given"
    monkeypatch.setenv(f"HOOKLINE_{name.upper()}", "")
    assert configure().origin(name) == "pyproject.toml:3"


def test_a_path_in_the_file_starts_at_the_file(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A project has one store, wherever in it somebody works; a variable's path starts at the working directory."""
    write(folder, '[tool.hookline]\nstore = "data/store"\n')
    (folder / "deep").mkdir()
    monkeypatch.chdir(folder / "deep")
    assert configure().store == folder / "data" / "store"
    monkeypatch.setenv("HOOKLINE_STORE", "mine")
    assert configure().store == folder / "deep" / "mine"


def test_all_that_is_wrong_is_said_at_once(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Unknown keys with what is near, and wrong values with what is expected; each with file and line, or variable."""
    write(
        folder,
        """[tool.hookline]
exectuor = "inline"
workers = "3"
seed = true
durability = "slow"
grace = "soon"

[tool.hookline.limits]
gpu = 0
""",
    )
    monkeypatch.setenv("HOOKLINE_TURNS", "many")
    with pytest.raises(UsageError) as caught:
        configure(executor="")
    assert caught.value.message.splitlines() == [
        "8 settings are wrong",
        "  - pyproject.toml:2: there is no setting 'exectuor'; did you mean 'executor'?",
        "  - executor takes an executor's name, not ''",
        "  - pyproject.toml:3: 'workers' takes a whole number from 1, not '3'",
        "  - pyproject.toml:5: 'durability' takes 'full' or 'fast', not 'slow'",
        "  - pyproject.toml:6: 'grace' takes seconds, or a time such as '30s', not 'soon'",
        "  - pyproject.toml:4: 'seed' takes a whole number of at most 64 bits, not True",
        "  - the environment variable HOOKLINE_TURNS takes a whole number from 1, not 'many'",
        "  - pyproject.toml:9: the limit 'gpu' takes a whole number from 1, not 0",
    ]
    assert caught.value.help == (
        "the settings are store, executor, workers, durability, grace, seed, load_policy, turns, limits, plugins, "
        "ray, plugin, step, provider, source, env"
    )


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (b"[tool.hookline\n", "the settings in 'pyproject.toml' are not valid TOML: "),
        (b"# hookline \xff", "the settings in 'pyproject.toml' are not UTF-8 text"),
        (b"tool.hookline = 3\n", "pyproject.toml: 'tool.hookline' is no table"),
        (b"[tool.hookline]\nlimits = 3\n", "pyproject.toml:2: 'limits' is a table of names and numbers, not 3"),
        (b"[tool.hookline]\nworkers = 0\n", "pyproject.toml:2: 'workers' takes a whole number from 1, not 0"),
        (
            b"[tool.hookline]\nseed = 9223372036854775808\n",
            "pyproject.toml:2: 'seed' takes a whole number of at most 64",
        ),
        (
            b"[tool.hookline.step.s]\nk = " + b"[" * 3000 + b"]" * 3000,
            "the settings in 'pyproject.toml' are nested too ",
        ),
        (
            b"[tool.hookline.step" + b".s" * 900 + b"]\nk = 1\n",
            "the settings in 'pyproject.toml' are nested too deeply",
        ),
    ],
)
def test_a_file_that_cant_be_used_is_named(text: bytes, message: str, folder: Path) -> None:
    """One clear error with the file, and the line where it is known."""
    (folder / "pyproject.toml").write_bytes(text)
    with pytest.raises(UsageError) as caught:
        configure()
    assert caught.value.message.startswith(message)
    assert caught.value.help


@pytest.mark.parametrize("number", ["0", "-1", "1.5", "true", '"2"', "[1]"])
@pytest.mark.parametrize("name", ["turns", "gpu"])
def test_what_counts_takes_a_whole_number_from_1(number: str, name: str, folder: Path) -> None:
    """No turn, or no attempt, at a time would mean to wait for ever: the error says where that stands."""
    table, called = ("tool.hookline", "'turns'") if name == "turns" else ("tool.hookline.limits", "the limit 'gpu'")
    write(folder, f"[{table}]\n{name} = {number}\n")
    with pytest.raises(UsageError) as caught:
        configure()
    shown = repr(tomllib.loads(f"x = {number}")["x"])
    assert caught.value.message == f"pyproject.toml:2: {called} takes a whole number from 1, not {shown}"
    assert caught.value.help


@pytest.mark.parametrize("turns", [0, -1, 1.5, True, "few"])
def test_a_number_of_turns_is_checked_wherever_it_is_given(
    turns: Any, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As an argument, and as a variable."""
    with pytest.raises(UsageError, match="turns takes a whole number from 1, not "):
        configure(turns=turns)
    monkeypatch.setenv("HOOKLINE_TURNS", str(turns))
    with pytest.raises(UsageError, match="the environment variable HOOKLINE_TURNS takes a whole number from 1, not "):
        configure()


def test_a_broken_file_that_does_not_name_hookline_is_left_alone(folder: Path) -> None:
    """It is for others to complain about."""
    write(folder, "[project\n")
    assert configure().executor == "threads"


def test_limits_tell_their_lines(folder: Path) -> None:
    """Each name in the table has a place of its own."""
    write(folder, '[tool.hookline.limits]\n# gpu\n"big data" = 2\ngpu = 1\n')
    found = configure()
    assert found.limits == {"big data": 2, "gpu": 1}
    assert found.origin("limits", "gpu") == "pyproject.toml:4"
    assert found.origin("limits", "big data") == "pyproject.toml:3"


def test_a_variable_that_is_nearly_a_setting_is_warned_about(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """A misspelt variable does not pass silently; one of somebody else's does."""
    monkeypatch.setenv("HOOKLINE_TRACES", "x")
    monkeypatch.setenv("HOOKLINE_WORKRES", "3")
    with caplog.at_level(logging.WARNING, "hookline"):
        configure()
    assert [record.getMessage() for record in caplog.records] == [
        "the environment variable HOOKLINE_WORKRES is not read; did you mean HOOKLINE_WORKERS?"
    ]


KEYS = st.sampled_from(["workers", "seed", "turns"])
NOISE = st.sampled_from(["", "# workers = 1", 'text = """\nworkers = 2\nseed = 3\n"""', "list = [ # turns\n 1,\n]"])


@given(st.lists(KEYS, unique=True, min_size=1), st.lists(NOISE, unique=True), st.booleans())
def test_the_line_of_a_key_is_where_it_is_written(keys: list[str], noise: list[str], dotted: bool) -> None:
    """Whatever stands around it: comments, strings and lists that look alike; in a table or dotted."""
    parts = [part for pair in zip(noise + [""] * len(keys), keys, strict=False) for part in pair]
    head = "[other]\n" + "\n".join(noise) + ("\n[tool]\n" if dotted else "\n[tool.hookline]\n")
    body = [f"hookline.{part} = [\n 7 ]" if part in keys and dotted else part for part in parts]
    text = head + "\n".join(f"{part} = 7" if part in keys else "" if part in noise else part for part in body) + "\n"
    file = SettingsFile("f", text, {})
    for key in keys:
        mark = f"hookline.{key} = [" if dotted else f"{key} = 7"
        tail = text.splitlines()[len(head.splitlines()) :]
        assert file.place(key) == f"f:{len(head.splitlines()) + tail.index(mark) + 1}"
