"""A plugin's settings: its type, filled from the project's file."""

from __future__ import annotations

import pytest

from hookline.errors import PluginError, UsageError
from hooks.site import Site

CODE = """
from dataclasses import dataclass, field

@dataclass(frozen=True)
class Settings:
    rows: int = 10
    names: list[str] = field(default_factory=list)

plugin = Plugin("data", settings=Settings)

@hookimpl
def run_started(run, settings): pass
"""


def settings_of(site: Site) -> object:
    """Load the one plugin and give its settings."""
    return site.load().plugins[0].settings


def test_settings_come_from_the_projects_file(site: Site) -> None:
    """Values are converted to what the type says; what is left out is the default."""
    site.install("data", CODE)
    site.settings("[tool.hookline.plugin.data]\nrows = 5")
    assert repr(settings_of(site)) == "Settings(rows=5, names=[])"


def test_settings_are_defaults_where_nothing_is_set(site: Site) -> None:
    """A plugin whose settings all have defaults needs no table."""
    site.install("data", CODE)
    assert repr(settings_of(site)) == "Settings(rows=10, names=[])"


def test_a_pydantic_model_serves_as_settings_too(site: Site) -> None:
    """Any type that pydantic fills will do."""
    site.install(
        "data",
        "import pydantic\nclass Settings(pydantic.BaseModel):\n    rows: int\n"
        "plugin = Plugin('data', settings=Settings)",
    )
    site.settings("[tool.hookline.plugin.data]\nrows = 5")
    assert repr(settings_of(site)) == "Settings(rows=5)"


@pytest.mark.parametrize(
    ("code", "table", "message"),
    [
        (CODE, "row = 5", "pyproject.toml:2: the plugin 'data' has no setting 'row'; did you mean 'rows'?"),
        (
            CODE,
            "rows = 'many'",
            (
                "pyproject.toml:2: 'rows' of plugin 'data' is wrong: input should be a valid integer, "
                "unable to parse string as an integer"
            ),
        ),
        (
            CODE.replace("rows: int = 10", "rows: int"),
            "names = ['a']",
            "pyproject.toml:1: the plugin 'data' needs the setting 'rows'",
        ),
        ("", "rows = 5", "pyproject.toml:2: the plugin 'data' has no settings"),
    ],
)
def test_wrong_settings_are_named_with_their_place(site: Site, code: str, table: str, message: str) -> None:
    """File, line, name, and what would have been right."""
    site.install("data", code)
    site.settings(f"[tool.hookline.plugin.data]\n{table}")
    with pytest.raises(UsageError) as caught:
        site.load()
    assert caught.value.message == message


def test_all_wrong_settings_are_named_at_once(site: Site) -> None:
    """Whoever mends a file sees everything."""
    site.install("data", CODE)
    site.settings("[tool.hookline.plugin.data]\nrow = 5\nname = 'a'")
    with pytest.raises(UsageError, match="2 settings of plugin 'data' are wrong"):
        site.load()


@pytest.mark.parametrize(
    ("code", "message"),
    [
        (
            "class Settings:\n    def __init__(self, rows): pass",
            r"TypeError: .*__init__\(\) missing 1 required positional argument: 'rows'",
        ),
        ("class Settings:\n    def __init__(self): raise KeyError('rows')", r"KeyError: 'rows', at .*\.py:4"),
    ],
)
def test_what_a_settings_type_raises_is_the_plugins_fault(site: Site, code: str, message: str) -> None:
    """Whatever it is."""
    site.install("data", code + "\nplugin = Plugin('data', settings=Settings)")
    with pytest.raises(PluginError, match=f"^the settings type 'Settings' of plugin 'data' can't be filled: {message}"):
        site.load()


def test_a_settings_type_that_can_not_be_filled_is_the_plugins_fault(site: Site) -> None:
    """The message names plugin and type."""
    site.install("data", "class Settings:\n    pass\nplugin = Plugin('data', settings=Settings)")
    site.settings("[tool.hookline.plugin.data]\n")
    assert type(settings_of(site)).__name__ == "Settings"
    site.install("more", "class Settings:\n    rows: int\nplugin = Plugin('more', settings=Settings)")
    site.settings("[tool.hookline.plugin.more]\nrows = 3")
    from hookline.hooks import loader

    loader._found.clear()
    with pytest.raises(PluginError, match="the settings type 'Settings' of plugin 'more' can't be filled: "):
        site.load()
