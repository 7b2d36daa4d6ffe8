"""The settings of the executor ``ray``: the same order and strictness as for all others, in a table of their own."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest

from hookline.config import RAY, configure
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
    (folder / "pyproject.toml").write_text(f"[tool.hookline]\n{text}\n")


DEFAULTS = {"strict_resources": False, "port": 0, "silence": 45.0}

GIVEN: dict[str, tuple[Any, str, str, Any]] = {
    "address": ("auto", "head.example:6379", '"[::1]:7000"', "[::1]:7000"),
    "strict_resources": (False, "false", "true", True),
    "port": (1, "2", "65535", 65535),
    "silence": (1.0, "2.5", '"2m"', 120.0),
    "ship": (True, "1", "false", False),
}


def test_what_is_not_set_and_has_no_default_is_left_out() -> None:
    """The executor is made with what there is."""
    assert configure().executor_options == {"ray": DEFAULTS}
    assert set(configure().ray) == {setting.name for setting in RAY} == {*GIVEN, "runtime_env"}


@pytest.mark.parametrize("name", GIVEN)
def test_a_call_comes_before_a_variable_before_the_file_before_the_default(
    name: str, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As for all settings; each tells where it comes from."""
    call, variable, in_file, read = GIVEN[name]
    assert configure().origin("ray", name) == "default"
    write(folder, f"[tool.hookline.ray]\n{name} = {in_file}")
    assert configure().executor_options["ray"] == {**DEFAULTS, name: read}
    assert configure().origin("ray", name) == "pyproject.toml:3"
    monkeypatch.setenv(f"HOOKLINE_RAY_{name.upper()}", variable)
    assert str(configure().ray[name]).lower() == {"ship": "true"}.get(name, variable)
    assert configure().origin("ray", name) == f"HOOKLINE_RAY_{name.upper()}"
    assert configure(ray={name: call}).ray[name] == call
    assert configure(ray={name: call}).origin("ray", name) == "given"


def test_an_environment_is_laid_over_the_table_and_the_tables_in_it(folder: Path) -> None:
    """What production changes of Ray's own environment leaves the rest of that alone."""
    write(
        folder,
        'ray.runtime_env = { pip = ["a"], env_vars = { A = "1", B = "2" } }\n'
        'env.prod.ray.runtime_env.env_vars.B = "3"\nenv.prod.ray.address = "head:1"',
    )
    assert configure().executor_options["ray"]["runtime_env"]["env_vars"] == {"A": "1", "B": "2"}
    options = configure(env="prod").executor_options["ray"]
    assert options["runtime_env"] == {"pip": ["a"], "env_vars": {"A": "1", "B": "3"}}
    assert options["address"] == "head:1"


def test_an_address_can_be_taken_back(folder: Path) -> None:
    """What the file says of a cluster, a call can do without."""
    write(folder, 'ray.address = "head:6379"')
    assert configure(ray={"address": "local"}).executor_options["ray"]["address"] == "local"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("ray = 1", "pyproject.toml:2: 'ray' is a table of settings, not 1"),
        ("ray.adress = 'a:1'", "pyproject.toml:2: 'ray' has no key 'adress'; did you mean 'address'?"),
        (
            "ray.zzz = 1",
            "pyproject.toml:2: 'ray' has no key 'zzz'; it has address, strict_resources, port, silence, ship, ",
        ),
        ("env.prod.ray.port = 65536", "pyproject.toml:2: 'ray.port' takes a whole number from 0 to 65535, not 65536"),
        ("ray.port = true", "pyproject.toml:2: 'ray.port' takes a whole number from 0 to 65535, not True"),
        ("ray.strict_resources = 1", "pyproject.toml:2: 'ray.strict_resources' takes true or false, not 1"),
        ("ray.ship = 'yes'", "pyproject.toml:2: 'ray.ship' takes true or false, not 'yes'"),
        ("ray.silence = 0", "pyproject.toml:2: 'ray.silence' takes seconds, or a time such as '45s', of more than 0, "),
        ("ray.runtime_env = ['a']", "pyproject.toml:2: 'ray.runtime_env' takes a table, not ['a']"),
        *(
            (
                f"ray.address = {bad!r}",
                f"pyproject.toml:2: 'ray.address' takes 'HOST:PORT', 'auto' or 'local', not {bad!r}",
            )
            for bad in ("ray://head:10001", "head", "head:0", "head:65536", "", "a b:1", "a:1:2")
        ),
    ],
)
def test_what_is_wrong_is_named_with_its_place(text: str, message: str, folder: Path) -> None:
    """One error each, also in environments that do not hold."""
    write(folder, text)
    with pytest.raises(UsageError) as caught:
        configure()
    assert caught.value.message.startswith(message)
    assert "ray" in caught.value.help


def test_wrong_variables_and_calls_are_named(monkeypatch: pytest.MonkeyPatch) -> None:
    """As the file is; an empty variable counts as not set, and a table has no variable."""
    monkeypatch.setenv("HOOKLINE_RAY_ADDRESS", "")
    monkeypatch.setenv("HOOKLINE_RAY_SHIP", "perhaps")
    monkeypatch.setenv("HOOKLINE_RAY_RUNTIME_ENV", "{}")
    with pytest.raises(UsageError) as caught:
        configure(ray={"address": "head"})
    assert caught.value.message.splitlines() == [
        "2 settings are wrong",
        "  - ray.address takes 'HOST:PORT', 'auto' or 'local', not 'head'",
        "  - the environment variable HOOKLINE_RAY_SHIP takes true or false, not 'perhaps'",
    ]
