"""What plugins register: steps, executors, hooks of their own; a name given twice is an error naming both."""

from __future__ import annotations

import pytest

import hookline
from hookline.errors import HooklineError, PluginError
from hookline.worker.declared import find_step
from hookline.worker.target import load_target
from hooks.site import Site

STEPS = """
@step
def validate(rows: list[int], least: int = 0) -> list[int]:
    return [row for row in rows if row >= least]

@hookimpl
def register_steps(register):
    assert register("validate", validate, summary="Leave out what is too small.") == "data.validate"
    register("again", __name__ + ":validate")
"""


def refused(site: Site) -> str:
    """Load plugins that can't be loaded; give the message with the remedy."""
    with pytest.raises(HooklineError) as caught:
        site.load()
    return str(caught.value)


def test_a_step_is_registered_under_the_plugins_name(site: Site) -> None:
    """Steps are found by name, with their summary, and imported when they are asked for."""
    site.install("data", STEPS)
    plugins = site.load()
    assert plugins.steps.names() == ["data.again", "data.validate"]
    assert plugins.steps.entry("data.validate").summary == "Leave out what is too small."
    found = find_step("data.validate", lambda: plugins.steps)
    assert (found.name, found.fn([1, 5], 3)) == ("data.validate", [5])
    assert find_step("data.again", lambda: plugins.steps).name == "data.again"


def test_a_step_that_nobody_registered_is_an_error_with_a_close_match(site: Site) -> None:
    """As any other name."""
    site.install("data", STEPS)
    with pytest.raises(HooklineError, match=r"no plugin has a step 'data\.validat'; did you mean 'data\.validate'\?"):
        find_step("data.validat", lambda: site.load().steps)


@pytest.mark.parametrize(
    ("code", "message"),
    [
        (
            "@hookimpl\ndef register_steps(register): register('a', 'nothing')",
            (
                "the plugin 'data' (acme-data 1.0) registers the step 'a' as 'nothing', which names nothing that could "
                "be imported\nhelp: write 'package.module:name'"
            ),
        ),
        (
            "@hookimpl\ndef register_steps(register): register('a', 3)",
            (
                "the plugin 'data' (acme-data 1.0) registers the step 'a' as 3\n"
                "help: give 'package.module:name', or a step"
            ),
        ),
        (
            "@hookimpl\ndef register_steps(register): register('a b', 'm:f')",
            (
                "the plugin 'data' (acme-data 1.0): the step name 'a b' can't be used\n"
                "help: use at most 100 letters, digits, '_', '-' and '.', such as 'train_model'"
            ),
        ),
        (
            "@hookimpl\ndef register_steps(register):\n    register('a', 'm:f')\n    register('a', 'm:g')",
            (
                "the step 'data.a' is registered twice: by acme-data 1.0 and by acme-data 1.0\n"
                "help: rename one of the two, or leave one of the two plugins out"
            ),
        ),
        (
            "@hookimpl\ndef register_serializers(register): register('a', 'm:f', types=[int])",
            (
                "the serializer 'data.a' of acme-data 1.0 is for [<class 'int'>]\n"
                'help: name types: types=["module:Class", …]'
            ),
        ),
        (
            "@hookimpl\ndef register_hooks(regster): pass",
            (
                "the plugin 'data' (acme-data 1.0) has faults:\n"
                "  - 'register_hooks' has no argument 'regster'; did you mean 'register'?\n"
                "help: mend them, or switch it off: --without data"
            ),
        ),
        (
            "@hookimpl\ndef register_executors(register): register('threads', 'm:f')",
            (
                "the executor 'threads' is registered twice: by hookline 0.1.0 and by acme-data 1.0\n"
                "help: rename one of the two, or leave one of the two plugins out"
            ),
        ),
        (
            "@hookimpl\ndef register_hooks(register): register(len)",
            "the hook 'len' of plugin 'data' is not marked\nhelp: put @hookspec on it (from hookline import hookspec)",
        ),
        (
            "@hookspec\ndef run_started(run): pass\n@hookimpl\ndef register_hooks(register): register(run_started)",
            (
                "the hook 'run_started' is registered twice: by hookline 0.1.0 and by acme-data 1.0\n"
                "help: rename one of the two, or leave one of the two plugins out"
            ),
        ),
    ],
)
def test_what_can_not_be_registered_says_why(site: Site, code: str, message: str) -> None:
    """Each fault of a registration names the plugin, its distribution and the cure."""
    site.install("data", code)
    assert refused(site) == message


def test_a_plugin_that_raises_while_it_registers_is_named(site: Site) -> None:
    """With the line of the plugin at which it happened."""
    site.install("data", "@hookimpl\ndef register_steps(register): register('a', 1 / 0)")
    assert "the plugin 'data' failed in 'register_steps' (" in (message := refused(site))
    assert message.endswith(
        "py:5): ZeroDivisionError: division by zero\n"
        "help: report it to whoever wrote the plugin (acme-data 1.0), or switch it off: --without data"
    )


def test_the_line_of_a_fault_is_one_that_somebody_wrote(site: Site) -> None:
    """Not one of the code that a dataclass makes."""
    frozen = "from dataclasses import dataclass\n@dataclass(frozen=True)\nclass A:\n    x: int = 1\n"
    site.install("data", frozen + "@hookimpl\ndef register_steps(register): A().x = 2")
    assert "py:9): FrozenInstanceError: cannot assign to field 'x'" in refused(site)


def test_an_error_that_a_plugin_raises_itself_is_named(site: Site) -> None:
    """Also where it is of hookline's own kind, with the remedy that the plugin gives."""
    site.install("data", "@hookimpl\ndef register_steps(register): raise PluginError('no licence', help='buy one')")
    assert "the plugin 'data' failed in 'register_steps' (" in (message := refused(site))
    assert message.endswith("py:5): no licence\nhelp: buy one")


@pytest.mark.parametrize(
    ("module", "why"),
    [
        ("raise ValueError('no key')", "ValueError: no key"),
        ("def f(:", "SyntaxError: invalid syntax (parts.py, line 1)"),
        ("raise SystemExit(3)", "SystemExit: 3"),
        ("", "module 'parts' has no attribute 'f'"),
    ],
)
def test_a_registered_part_whose_module_is_broken_is_an_error_of_the_plugin(site: Site, module: str, why: str) -> None:
    """Whatever its import raises."""
    site.install("data", "@hookimpl\ndef register_steps(register): register('a', 'parts:f')")
    (site.folder / "parts.py").write_text(module)
    with pytest.raises(PluginError) as caught:
        find_step("data.a", lambda: site.load().steps)
    assert caught.value.message == f"the step 'data.a' of acme-data 1.0 can't be imported: {why}"


def test_a_name_registered_by_two_plugins_names_both_with_versions(site: Site) -> None:
    """Whoever installed them sees which two clash."""
    code = "@hookimpl\ndef register_executors(register): register('remote', 'm:f')"
    site.install("one", code, version="1.2")
    site.install("two", code, version="3.4")
    assert refused(site).startswith("the executor 'remote' is registered twice: by acme-one 1.2 and by acme-two 3.4\n")


def test_a_plugins_executor_runs_tasks(site: Site) -> None:
    """An executor that a plugin registered is chosen by its name, as the core's are."""
    site.install(
        "away",
        """
        from hookline.executors.threads import ThreadsExecutor

        class Away(ThreadsExecutor):
            pass

        @hookimpl
        def register_executors(register):
            register("away", Away)
        """,
    )
    target = load_target(site.flow())
    run = hookline.run(target.workflow, executor="away")
    assert run.result == 6


def test_an_executor_that_is_gone_names_what_there_is(site: Site) -> None:
    """The list in the message has the plugins' names in it."""
    site.install("away", "@hookimpl\ndef register_executors(register): register('away', 'm:f')")
    target = load_target(site.flow())
    with pytest.raises(HooklineError) as caught:
        hookline.run(target.workflow, executor="awy")
    assert str(caught.value) == (
        "there is no executor 'awy'; did you mean 'away'?\n"
        "help: use one of away, inline, processes, ray, threads, or install the plugin that brings 'awy'"
    )


OWN_HOOK = """
@hookspec
def rows_seen(count, name): pass

relay = None

@hookimpl
def register_hooks(register):
    global relay
    relay = register(rows_seen)
"""


def test_a_plugin_has_hooks_of_its_own_which_others_implement(site: Site) -> None:
    """The relay calls them in declared order, with what each asks for, and names each plugin."""
    import sys

    module = site.install("data", OWN_HOOK)
    site.install("a", "@hookimpl\ndef rows_seen(count): return count")
    site.install(
        "b", "plugin = Plugin('b', before='a')\n@hookimpl(optionalhook=True)\ndef rows_seen(name): return name"
    )
    site.load()
    assert sys.modules[module].relay(count=3, name="x") == [("b", "x"), ("a", 3)]


def test_a_relay_says_what_its_hook_has(site: Site) -> None:
    """What is left out or too much is the fault of the plugin that calls, not of those that implement."""
    import sys

    module = site.install("data", OWN_HOOK)
    site.install("a", "@hookimpl\ndef rows_seen(count): return count")
    site.load()
    with pytest.raises(PluginError) as caught:
        sys.modules[module].relay(cuont=3)
    assert str(caught.value) == (
        "the plugin 'data' calls its hook 'rows_seen' with cuont\n"
        "help: give all that the hook has, by name: count, name"
    )


def test_an_optional_hook_of_a_plugin_that_is_not_there_is_no_fault(site: Site) -> None:
    """Others may implement a plugin's hooks without requiring the plugin."""
    site.install("b", "@hookimpl(optionalhook=True)\ndef rows_seen(name): return name")
    assert [plugin.name for plugin in site.load().plugins] == ["b"]


def test_arguments_of_a_plugins_own_hook_are_checked_too(site: Site) -> None:
    """A misspelt argument is found when the plugins are loaded."""
    site.install("data", OWN_HOOK)
    site.install("a", "@hookimpl\ndef rows_seen(cont): return cont")
    assert "'rows_seen' has no argument 'cont'; did you mean 'count'?" in refused(site)


def test_a_plugins_store_has_a_name(site: Site) -> None:
    """By the scheme of its URL; nothing of it is imported."""
    site.install("acme", "@hookimpl\ndef register_stores(register):\n    register('shelf', 'acme_stores:open')")
    plugins = site.load()
    assert plugins.stores.names() == ["shelf"]
    assert plugins.stores.entry("shelf").source == "acme-acme 1.0"


SAME = """
@step
def same(x: int, k: int = 1) -> int:
    return x * 10 + k

@step
def negative(x: int) -> int:
    return -x

@hookimpl
def register_steps(register):
    register("same", same)

@hookimpl
def rewrite_graph(graph):
    if plugin.name == "two":
        for task in graph.tasks(step=same):
            graph.insert_after(task, negative)
"""


@pytest.mark.parametrize("executor", ["inline", "processes"])
def test_a_yaml_workflow_has_steps_under_their_registered_names(site: Site, executor: str) -> None:
    """Settings reach each by its own, though two plugins call their functions alike; and a rewrite finds its own."""
    site.install("one", SAME)
    site.install("two", SAME)
    site.settings('[tool.hookline.step."one.same"]\nk = 2\n[tool.hookline.step."two.same"]\nk = 3\n')
    file = site.project / "flow.yaml"
    file.write_text(
        "workflow: flow\n"
        "steps:\n"
        "  a: {uses: one.same, with: {x: 1}}\n"
        "  b: {uses: two.same, with: {x: '${{ steps.a }}'}}\n"
        "returns: ${{ steps.b }}\n"
    )
    run = hookline.run(load_target(str(file)).workflow, executor=executor)
    assert run.result == -123
    assert [task.step for task in run.tasks.values()] == ["one.same", "two.same", "negative"]
