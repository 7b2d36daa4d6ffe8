"""``hookline plugins``: lists without importing, shows with it, and a doctor that survives what it examines."""

from __future__ import annotations

import json
import re
import subprocess
import sys

import pytest

from cli.terminal import Shown, call
from hooks.site import Site


def plugins(site: Site, *arguments: str) -> Shown:
    """Run ``hookline plugins …`` in the project."""
    return call(["plugins", *arguments], site.project)


def doctor(site: Site, *arguments: str) -> tuple[int, dict[str, tuple[bool, str]]]:
    """Run the doctor; give its exit code, and what it found by check."""
    shown = plugins(site, "doctor", *arguments, "--json")
    document = json.loads(shown.out.splitlines()[-1])
    return shown.code, {finding["check"]: (finding["ok"], finding["text"]) for finding in document["findings"]}


GOOD = '''
@step
def validate(x: int) -> int:
    """Check a number."""
    return x

@hookimpl
def register_steps(register): register("validate", validate, summary="Check.")

@hookimpl
def task_finished(task): pass
'''


def test_a_list_imports_nothing(site: Site) -> None:
    """A plugin that prints at its import is listed without a word from it."""
    site.install("loud", "print('imported')", hookline_commands="loud.tell = {module}:tell")
    site.install("off", "raise RuntimeError")
    site.settings("[tool.hookline.plugins]\ndeny = ['off']\n")
    shown = plugins(site, "list")
    assert "imported" not in shown.out + shown.err
    assert [line.split() for line in shown.out.splitlines()[1:]] == [
        ["loud", "on", "acme-loud", "1.0", "hookline", "loud", "tell"],
        ["off", "off", "acme-off", "1.0", "is", "denied", "by", "pyproject.toml:2"],
    ]


def test_a_plugin_shows_what_it_does(site: Site) -> None:
    """Hooks, steps with their summaries, settings."""
    site.install("data", '"""Data."""\n' + GOOD)
    shown = plugins(site, "show", "data")
    assert shown.code == 0
    assert "hooks       register_steps, task_finished" in shown.out
    assert "steps       data.validate  Check." in shown.out


def test_a_plugin_that_is_not_there_can_not_be_shown(site: Site) -> None:
    """With a close match."""
    site.install("data", GOOD)
    for command in ("show", "doctor"):
        shown = plugins(site, command, "dta")
        assert shown.code == 2
        assert "there is no plugin 'dta'; did you mean 'data'?" in shown.err


def test_a_sound_plugin_passes(site: Site) -> None:
    """Every check is named."""
    site.install("data", GOOD)
    code, found = doctor(site, "data")
    assert code == 0, found
    assert found["hooks"] == (True, "implements register_steps, task_finished")
    assert found["names"] == (True, "everything that it registers can be imported (1)")
    assert found["contract"] == (True, "step 'data.validate' keeps its contract (4 tests)")
    assert all(ok for ok, _ in found.values())


def test_contract_suites_are_run_on_what_is_registered(site: Site) -> None:
    """An executor that is none and a step without types fail theirs, with the rule that they break."""
    site.install(
        "away",
        """
        class Away:
            def __init__(self, workers=None): pass

        @hookimpl
        def register_executors(register): register("away", Away)

        @step
        def bare(x):
            return x

        @hookimpl
        def register_steps(register): register("bare", bare)
        """,
    )
    shown = plugins(site, "doctor", "away", "--time-limit", "300")
    assert shown.code == 4
    assert "✗ contract: executor 'away' does not keep its contract: it has what the engine asks for " in shown.out
    assert "✗ contract: step 'away.bare' does not keep its contract: it is a step that says what it does" in shown.out


@pytest.mark.parametrize(
    ("code", "check", "text"),
    [
        ("import nothing_of_that_name", "import", "raises ModuleNotFoundError: No module named 'nothing_of_that_name'"),
        ("import sys; sys.exit(3)", "import", "raises SystemExit: 3"),
        ("import os; os._exit(0)", "process", "ended the process that looked at it"),
        ("import os; os.kill(os.getpid(), 9)", "process", "ended the process that looked at it: exit status -9"),
        ("import time; time.sleep(600)", "time", "was still going on after 2 s, when nothing had been checked"),
        ("@hookimpl\ndef task_finishd(task): pass", "hooks", "there is no hook 'task_finishd'"),
        ("from hookline.engine import api", "imports", "imports what is private to hookline: "),
        ("@hookimpl\ndef register_steps(register): register('a', 'os:nothing')", "names", "can't be imported"),
        ("@hookimpl\ndef register_executors(register): register('a', 'os:nothing')", "names", "can't be imported"),
        ("import sys; sys.stdout.write('noise' * 9)\n@hookimpl\ndef x(): pass", "hooks", "there is no hook 'x'"),
    ],
)
def test_what_is_wrong_is_found(site: Site, code: str, check: str, text: str) -> None:
    """Whatever the plugin does to the process that looks at it."""
    site.install("data", code)
    ended, found = doctor(site, "data", "--time-limit", "2" if check == "time" else "60")
    assert ended == 4
    assert not found[check][0]
    assert text in found[check][1]


def test_heavy_libraries_are_named(site: Site) -> None:
    """They are paid for by each run and each worker process."""
    site.install("data", "import pandas")
    code, found = doctor(site, "data")
    assert code == 4
    assert not found["start-up"][0]
    assert "brings in numpy, pandas" in found["start-up"][1]


def test_the_plugins_that_it_requires_are_looked_at_too(site: Site) -> None:
    """A plugin that builds on another passes beside it, and not without."""
    site.install("train", "plugin = Plugin('train', requires='data')")
    assert "requires 'data', which is not installed" in doctor(site, "train")[1]["hooks"][1]
    site.install("data", GOOD)
    assert doctor(site, "train")[0] == 0


COMMAND = '''
def count(name: str, times: int = 1, loud: bool = False) -> None:
    """Say a name some times.

    Args:
        name: What to say.
    """
    for _ in range(times):
        print(name.upper() if loud else name)

def fail() -> None:
    raise PluginError("it went wrong", help="do better")

def code() -> int:
    return 3

def leave(code: int = -1) -> None:
    raise SystemExit(code if code >= 0 else "gone")

def text() -> str:
    return "no exit code"

def crash() -> None:
    raise ValueError("no such thing")

def compare(first: str, second: str = "x", /, loud: bool = False) -> int:
    """Compare.

    Args:
        first: One word.
        second: Another.
    """
    print(first, second, loud)
    return len(second)
'''


def test_a_plugins_command_has_help_types_and_options_from_its_function(site: Site) -> None:
    """A plain function is all that it takes."""
    site.install("say", COMMAND, hookline_commands="say = {module}:count")
    assert call(["say", "a", "--times", "2", "--loud"], site.project).out == "A\nA\n"
    shown = call(["say", "--help"], site.project)
    assert "Say a name some times." in shown.out
    assert re.search(r"name <str> +What to say\. +\[required\]", shown.out)
    assert "Args:" not in shown.out
    assert "--times" in shown.out
    wrong = call(["say", "a", "--times", "many"], site.project)
    assert wrong.code == 2
    assert "--times" in wrong.err


def test_what_a_command_takes_by_position_only_is_an_argument_though_it_has_a_default(site: Site) -> None:
    """An argument may be left out; what follows the slash in the signature are options."""
    site.install("say", COMMAND, hookline_commands="say = {module}:compare")
    for words, told in ((["a"], "a x False"), (["a", "b", "--loud"], "a b True")):
        done = call(["say", *words], site.project)
        assert (done.out, done.code) == (f"{told}\n", 1)
    shown = call(["say", "--help"], site.project).out
    assert re.search(r"first <str> +One word\. +\[required\]", shown)
    assert re.search(r"second <str> +Another\. +\[default: x\]", shown)


def test_a_group_of_commands_has_dots_in_its_names(site: Site) -> None:
    """``say.count`` is ``hookline say count``; a return value is the exit code; errors are told as the core's."""
    lines = "say.count = {module}:count\nsay.fail = {module}:fail\nsay.code = {module}:code"
    site.install("say", COMMAND, hookline_commands=lines)
    assert call(["say", "count", "a"], site.project).out == "a\n"
    assert call(["say", "code"], site.project).code == 3
    failed = call(["say", "fail"], site.project)
    assert (failed.code, failed.err) == (4, "error: it went wrong\nhelp: do better\n")


def test_a_command_ends_as_a_script_would(site: Site) -> None:
    """``sys.exit`` with a number or a text; what it returns beside numbers is nobody's; a crash is told as its own."""
    module = site.install(
        "say",
        COMMAND,
        hookline_commands="say.leave = {module}:leave\nsay.text = {module}:text\nsay.crash = {module}:crash",
    )
    assert call(["say", "leave", "--code", "7"], site.project).code == 7
    assert call(["say", "leave", "--code", "0"], site.project).code == 0
    gone = call(["say", "leave"], site.project)
    assert (gone.code, gone.err) == (1, "gone\n")
    assert call(["say", "text"], site.project).code == 0
    crashed = call(["say", "crash"], site.project)
    assert crashed.code == 4
    assert crashed.err.startswith(
        "error: the command 'say.crash' of acme-say 1.0 failed: ValueError: no such thing, at "
    )
    assert f"{module}.py:" in crashed.err


@pytest.mark.integration
def test_a_command_whose_reader_goes_away_ends_quietly(site: Site) -> None:
    """``hookline say count | head -1`` is no fault of the command's."""
    site.install("say", COMMAND, hookline_commands="say.count = {module}:count")
    command = f"{sys.executable} -m hookline say count a --times 100000 2>err | head -1; echo ${{PIPESTATUS[0]}}"
    done = subprocess.run(["bash", "-c", command], cwd=site.project, capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["a", "0"]
    assert (site.project / "err").read_text() == ""


def test_help_lists_plugins_commands_without_importing_them(site: Site) -> None:
    """Their names, and who brings them."""
    site.install("say", "raise RuntimeError", hookline_commands="say = {module}:count")
    shown = call(["--help"], site.project)
    assert shown.code == 0
    assert "say" in shown.out
    assert "A command of acme-say 1.0." in shown.out


def test_names_of_the_core_are_reserved(site: Site) -> None:
    """A plugin can't get in front of ``hookline run``."""
    site.install("evil", "raise RuntimeError", hookline_commands="run = {module}:run")
    assert "Run a workflow" in call(["run", "--help"], site.project).out
    assert "not 'run', as 'hookline run' is taken" in call(["plugins", "list"], site.project).out


@pytest.mark.parametrize(
    ("lines", "message"),
    [
        ("say = {module}:nothing", "the command 'say' of acme-say 1.0 can't be imported: AttributeError: module "),
        ("say = {module}:plugin", "the command 'say' of acme-say 1.0 is no function: "),
        (
            "say = {module}:count\nsay.more = {module}:count",
            "the command 'say' of acme-say 1.0 has a command 'say.more' below it",
        ),
    ],
)
def test_a_faulty_command_says_so_when_it_is_called(site: Site, lines: str, message: str) -> None:
    """And nothing else suffers."""
    site.install("say", COMMAND, hookline_commands=lines)
    shown = call(["say"], site.project)
    assert shown.code == 4
    assert message in shown.err
    assert call(["plugins", "list"], site.project).code == 0


def test_a_broken_command_leaves_the_others_of_its_group_alone(site: Site) -> None:
    """What is called is imported, and nothing else; the group's help says what is wrong with it."""
    site.install("say", COMMAND, hookline_commands="say.count = {module}:count\nsay.gone = nowhere:gone")
    assert call(["say", "count", "a"], site.project).out == "a\n"
    gone = call(["say", "gone"], site.project)
    assert gone.code == 4
    assert "the command 'say.gone' of acme-say 1.0 can't be imported" in gone.err
    near = call(["say", "cuont"], site.project)
    assert near.code == 2
    assert "Did you mean 'count'?" in near.err
    for arguments in (["say"], ["say", "--help"]):
        shown = call(arguments, site.project)
        assert shown.code == 0
        assert "Say a name some times." in shown.out
        assert re.search("gone +the command 'say.gone' of acme-say 1.0 can't be", shown.out)


def test_a_command_of_two_distributions_names_both(site: Site) -> None:
    """Neither is taken."""
    site.install("one", COMMAND, hookline_commands="say = {module}:count")
    site.install("two", COMMAND, hookline_commands="say = {module}:count")
    shown = call(["say", "a"], site.project)
    assert shown.code == 4
    assert "the command 'say' is registered twice: by acme-one 1.0 and by acme-two 1.0" in shown.err
