"""Finding, checking and ordering plugins: every fault has one clear message, before anything of a plugin is called."""

from __future__ import annotations

import itertools
import logging
import sys

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from hookline import run
from hookline.errors import HooklineError, PluginError, UsageError
from hookline.hooks.discovery import FoundPlugin, find_plugins
from hookline.hooks.metadata import entries
from hookline.hooks.module import PluginModule
from hookline.hooks.order import in_order
from hookline.hooks.plugin import Plugin
from hookline.worker.target import load_target
from hooks.site import Site
from thorough import tries


def refused(site: Site, *without: str) -> str:
    """Load plugins that can't be loaded; give the message with the remedy."""
    with pytest.raises(HooklineError) as caught:
        site.load(*without)
    return str(caught.value)


def test_plugins_are_found_without_importing_them(site: Site) -> None:
    """Discovery reads metadata only: a module that would raise is listed like any other."""
    module = site.install("loud", "raise RuntimeError('imported')")
    site.local("raise RuntimeError('imported')")
    found = find_plugins(site.project)
    assert [(plugin.name, plugin.source) for plugin in found] == [
        ("loud", "acme-loud 1.0"),
        ("hookline_plugins", "hookline_plugins.py"),
    ]
    assert module not in sys.modules


def test_entry_points_are_what_the_standard_library_reads(site: Site) -> None:
    """The quick reader of metadata and importlib.metadata agree about every group of this environment."""
    import importlib.metadata

    site.install("one", console_scripts="one = {module}:main")
    for group in ("hookline", "console.scripts", "console_scripts", "pytest11"):
        expected = sorted((entry.name, entry.value) for entry in importlib.metadata.entry_points(group=group))
        assert sorted((entry.name, entry.value) for entry in entries(group)) == expected
    assert entries("pytest11")


def test_a_plugin_installed_twice_is_an_error_naming_both_distributions(site: Site) -> None:
    """Two distributions can't bring plugins of one name."""
    site.install("data", version="1.0")
    site.install("data", version="2.1", distribution="other-data")
    assert refused(site) == (
        "the plugin 'data' is installed twice: by acme-data 1.0 and by other-data 2.1\n"
        "help: uninstall one of the two: pip uninstall other-data"
    )


def test_a_plugin_whose_import_raises_is_reported_and_left_out(site: Site, caplog: pytest.LogCaptureFixture) -> None:
    """One broken plugin takes neither the program nor the other plugins with it."""
    module = site.install("broken", "import nothing_of_that_name")
    site.install("fine", "@hookimpl\ndef run_started(run): pass")
    with caplog.at_level(logging.WARNING, logger="hookline.plugins"):
        plugins = site.load()
    assert [plugin.name for plugin in plugins.plugins] == ["fine"]
    assert caplog.messages == [
        (
            "the plugin 'broken' (acme-broken 1.0) can't be imported and is left out: "
            f"ModuleNotFoundError: No module named 'nothing_of_that_name', at {site.folder / module}.py:4"
        )
    ]


@pytest.mark.parametrize(
    ("code", "message"),
    [
        ("@hookimpl\ndef run_startd(run): pass", "there is no hook 'run_startd'; did you mean 'run_started'?"),
        ("@hookimpl\ndef zzz(run): pass", "there is no hook 'zzz'"),
        (
            "@hookimpl\ndef run_started(rn): pass",
            "'run_started' has no argument 'rn'; did you mean 'run'?",
        ),
        (
            "@hookimpl\ndef run_started(zzz): pass",
            "'run_started' has no argument 'zzz'; it has run, settings",
        ),
        (
            "def run_started(run): pass",
            "'run_started' is called like a hook but is not marked; put @hookimpl on it",
        ),
        (
            "@hookimpl\ndef run_started(**facts): pass",
            "'run_started' can't take '**facts'; arguments are given by name, and only those it names",
        ),
        (
            "@hookimpl\ndef around_attempt(attempt): pass",
            "'around_attempt' is no generator; write one that yields once",
        ),
        (
            "@hookimpl\ndef run_started(run): yield",
            "'run_started' is a generator; write a plain function",
        ),
        (
            "@hookimpl\nasync def run_started(run): pass",
            "'run_started' is async; write a plain function",
        ),
        (
            "@hookimpl\nclass run_started: pass",
            "'run_started' is called like a hook and is no function; write one",
        ),
        (
            "import functools\nrun_started = functools.partial(print)",
            "'run_started' is called like a hook and is no function; write one",
        ),
        (
            "class Mine:\n    @hookimpl\n    def run_started(self, run): pass",
            "'run_started' stands in the class 'Mine'; hooks are functions of the module",
        ),
    ],
)
def test_a_faulty_hook_is_an_error_with_a_close_match(site: Site, code: str, message: str) -> None:
    """Misspelt hooks and arguments, and hooks that are not marked, are never silent."""
    site.install("data", code)
    assert refused(site) == (
        f"the plugin 'data' (acme-data 1.0) has faults:\n  - {message}\n"
        "help: mend them, or switch it off: --without data"
    )


def test_all_faults_of_a_plugin_are_named_at_once(site: Site) -> None:
    """Whoever mends a plugin sees everything."""
    site.install("data", "@hookimpl\ndef run_startd(run): pass\ndef task_finished(task): pass")
    assert refused(site).count("\n  - ") == 2


def test_wrappers_of_pluggy_are_refused_where_they_are_written(site: Site) -> None:
    """There is one order, and it is declared: the decorator takes none of pluggy's own wishes."""
    from hookline import hookimpl

    with pytest.raises(TypeError, match="tryfirst"):
        hookimpl(tryfirst=True)  # type: ignore[call-overload]


@pytest.mark.parametrize(
    ("code", "message"),
    [
        (
            "plugin = 'data'",
            (
                "the plugin 'data' (acme-data 1.0) has no attribute 'plugin' in its module '{module}'\n"
                "help: write plugin = Plugin('data') there (from hookline import Plugin)"
            ),
        ),
        (
            "plugin = Plugin('dta')",
            "the plugin 'dta' (acme-data 1.0) is called 'data' by its entry point\nhelp: give both the same name",
        ),
        (
            "plugin = Plugin('data', api=2)",
            (
                "the plugin 'data' (acme-data 1.0) is made for version 2 of the plugin interface; "
                "this hookline has version 1\nhelp: upgrade hookline"
            ),
        ),
        (
            "plugin = Plugin('data', api=0)",
            (
                "the plugin 'data' (acme-data 1.0) is made for version 0 of the plugin interface; "
                "this hookline has version 1\nhelp: upgrade the plugin, or switch it off: --without data"
            ),
        ),
    ],
)
def test_what_a_plugin_says_about_itself_is_checked(site: Site, code: str, message: str) -> None:
    """Name and interface version have to fit."""
    module = site.install("data", code)
    assert refused(site) == message.format(module=module)


def test_an_entry_point_names_a_module(site: Site) -> None:
    """Not the object in it, as many other programs want."""
    module = site.install("", "", distribution="acme-data", hookline="data = {module}:plugin")
    assert refused(site) == (
        f"the entry point of plugin 'data' (acme-data 1.0) names '{module}:plugin', which is no module\n"
        f"help: name the module alone: '{module}'"
    )


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ("Plugin('no name')", "the plugin name 'no name' can't be used"),
        ("Plugin('hookline')", "the plugin name 'hookline' can't be used"),
        ("Plugin('a.b')", "the plugin name 'a.b' can't be used"),
        ("Plugin('a', settings=3)", "the settings of plugin 'a' are 3, which is no type"),
        ("Plugin('a', before=[1])", "'before' of plugin 'a' is [1]"),
        ("Plugin('a', after=3)", "'after' of plugin 'a' is 3"),
        ("Plugin('a', api='1')", "'api' of plugin 'a' is '1'"),
    ],
)
def test_a_plugin_that_is_declared_wrongly_says_so(wrong: str, message: str) -> None:
    """The declaration itself tells what is wrong with it."""
    with pytest.raises(PluginError) as caught:
        eval(wrong, {"Plugin": Plugin})
    assert caught.value.message == message


def test_a_required_plugin_that_is_missing_is_an_error(site: Site) -> None:
    """The message tells whether it is not installed, switched off, or misspelt."""
    site.install("data", "plugin = Plugin('data')")
    site.install("train", "plugin = Plugin('train', requires=['data', 'dta'], conflicts=['data'])")
    assert refused(site) == (
        "plugins don't fit together:\n"
        "  - the plugin 'train' (acme-train 1.0) requires 'dta', which is not installed; did you mean 'data'?\n"
        "  - the plugin 'train' (acme-train 1.0) can't be used beside 'data'\n"
        "help: install what is missing, or switch one of them off: --without NAME"
    )
    site.load("train")


def test_a_required_plugin_that_is_left_out_says_why(site: Site) -> None:
    """A plugin that is off, or can't be imported, is not called missing."""
    site.install("data", "import nothing_of_that_name")
    site.install("train", "plugin = Plugin('train', requires='data')")
    assert "requires 'data', which can't be imported (ModuleNotFoundError" in refused(site)
    assert "requires 'data', which --without leaves out" in refused(site, "data")


def test_leaving_out_what_is_not_there_is_an_error(site: Site) -> None:
    """A misspelt --without would otherwise leave the plugin on."""
    site.install("data")
    with pytest.raises(UsageError) as caught:
        site.load("dat")
    assert str(caught.value) == (
        "there is no plugin 'dat' to leave out; did you mean 'data'?\n"
        "help: hookline plugins list shows those that there are"
    )


def _declared(name: str, before: tuple[str, ...] = (), after: tuple[str, ...] = ()) -> PluginModule:
    return PluginModule(FoundPlugin(name, name, name), Plugin(name, before=before, after=after), sys)


_NAMES = "abcdef"
_PAIRS = st.lists(st.sampled_from(list(itertools.combinations(_NAMES, 2))), unique=True)


@settings(max_examples=tries(200), deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(_PAIRS, st.randoms(use_true_random=False), st.permutations(_NAMES), st.data())
def test_the_order_keeps_every_wish_and_depends_on_nothing_else(
    pairs: list[tuple[str, str]], random: object, installed: list[str], data: st.DataObject
) -> None:
    """Whatever is declared and however it was installed, wishes hold and the order is the same."""
    relabel = dict(zip(_NAMES, data.draw(st.permutations(_NAMES)), strict=True))
    wishes = [(relabel[first], relabel[second]) for first, second in pairs]  # acyclic, in a hidden order
    half = data.draw(st.integers(0, len(wishes)))
    before: dict[str, list[str]] = {}
    after: dict[str, list[str]] = {}
    for first, second in wishes[:half]:
        before.setdefault(first, []).append(second)
    for first, second in wishes[half:]:
        after.setdefault(second, []).append(first)
    made = {name: _declared(name, tuple(before.get(name, ())), tuple(after.get(name, ()))) for name in _NAMES}
    order = [plugin.name for plugin in in_order([made[name] for name in installed])]
    assert sorted(order) == sorted(_NAMES)
    assert all(order.index(first) < order.index(second) for first, second in wishes)
    assert order == [plugin.name for plugin in in_order([made[name] for name in _NAMES])]


def test_wishes_that_go_round_in_a_circle_are_an_error_naming_it() -> None:
    """The whole circle is shown."""
    with pytest.raises(PluginError) as caught:
        in_order([_declared("a", before=("b",)), _declared("b", before=("c",)), _declared("c", before=("a",))])
    assert str(caught.value) == (
        "the order of plugins goes round in a circle: 'a' → 'b' → 'c' → 'a'\n"
        "help: take one name out of 'before' or 'after', or switch one of them off: --without NAME"
    )


def test_the_same_settings_give_the_same_set(site: Site) -> None:
    """A program with thousands of small runs builds its plugins once."""
    site.install("data")
    assert site.load() is site.load()


def test_the_projects_own_plugin_has_its_own_name(site: Site) -> None:
    """Settings, --without and messages call it by that name; no other would be known before it is imported."""
    site.local("plugin = Plugin('tally')")
    with pytest.raises(PluginError) as caught:
        site.load()
    assert caught.value.message == (
        "the plugin 'tally' (hookline_plugins.py) is the project's own, whose name is 'hookline_plugins'"
    )
    assert caught.value.help == (
        "write plugin = Plugin('hookline_plugins'), or give it a name and an entry point in a package of its own"
    )


@pytest.mark.parametrize("key", ["allow", "deny"])
def test_a_name_that_looks_misspelt_in_a_list_is_told(site: Site, key: str, caplog: pytest.LogCaptureFixture) -> None:
    """It may be that of a plugin that is not installed here, so it is no error; a slip would switch nothing off."""
    site.install("mailer")
    site.install("data")
    site.settings(f"[tool.hookline.plugins]\n{key} = ['mailr', 'data', 'something']")
    with caplog.at_level(logging.WARNING, logger="hookline.plugins"):
        site.load()
    assert caplog.messages == ["pyproject.toml:2: there is no plugin 'mailr'; did you mean 'mailer'?"]


def test_a_decorated_implementation_takes_what_the_function_below_names(site: Site) -> None:
    """As long as the decorator says what it wraps."""
    site.install(
        "data",
        """
        import functools
        told = []

        def noted(function):
            @functools.wraps(function)
            def wrapper(**facts):
                told.append((function.__name__, *facts))
                return function(**facts)
            return wrapper

        @hookimpl
        @noted
        def task_finished(task): pass

        @hookimpl
        @noted
        def run_finished(run, settings): pass
        """,
    )
    (plugin,) = site.load().plugins
    run(load_target(site.flow()).workflow)
    assert plugin.module.module.told == [("task_finished", "task")] * 2 + [("run_finished", "run", "settings")]


def test_an_edit_of_the_projects_own_plugin_counts_at_once(site: Site) -> None:
    """A notebook goes on after it; where the plugin is gone, it is gone, and nobody is told by its old text."""
    values = []
    for value in (1, 2, 22):
        site.local(f"value = {value}")
        (plugin,) = site.load().plugins
        values.append(plugin.module.module.value)
        assert site.load().plugins[0] is plugin
    assert values == [1, 2, 22]
    (site.project / "hookline_plugins.py").unlink()
    assert site.load().plugins == ()
