"""A plugin of somebody else's, used as its users do: installed from wheels into an environment of its own."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import textwrap
import time
from dataclasses import dataclass
from importlib.metadata import distribution
from pathlib import Path
from typing import Any

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parents[2]
PLUGIN = ROOT / "examples" / "third_party_plugin"
pytestmark = pytest.mark.integration

FLOW = """
    import os
    import sys
    from pathlib import Path
    from typing import Annotated

    from hookline import step, workflow
    from hookline_outpost import scratch

    @step(tags=["portable"])
    def load(rows: int) -> list[int]:
        return list(range(rows))

    @step
    def double(x: int) -> int:
        return 2 * x

    @step
    def prefix() -> str:
        return sys.prefix

    @step(cache=False)
    def note(x: int, folder: Annotated[Path, scratch]) -> int:
        (folder / str(x)).touch()
        return x

    @step
    def total(doubled: list[int], noted: list[int], where: str) -> tuple[int, str]:
        return sum(doubled) + sum(noted), where

    @workflow
    def flow(rows: int = 4):
        items = load(rows)
        return total(double.map(x=items), note.map(x=items), prefix())
"""

DYING = """
    import os
    import signal
    from pathlib import Path

    from hookline import step, workflow

    @step(cache=False)
    def dies_once(x: int) -> int:
        mark = Path(f"died-{x}")
        if x == 2 and not mark.exists():
            mark.touch()
            os.kill(os.getpid(), signal.SIGKILL)
        return x

    @workflow
    def flow():
        return dies_once.map(x=[1, 2, 3])
"""

SLEEPING = """
    import os
    import time
    from pathlib import Path

    from hookline import step, workflow

    @step
    def sleep() -> None:
        part = Path("pid.part")
        part.write_text(str(os.getpid()))
        part.rename("pid")
        time.sleep(600)

    @workflow
    def flow():
        return sleep()
"""

DECLARED = """
    workflow: declared
    params:
      rows: {type: int, default: 3}
    steps:
      checked:
        uses: outpost.portable
        with:
          value: ["${{ params.rows }}", a]
    returns: ${{ steps.checked }}
"""


@dataclass(frozen=True)
class Done:
    """How a command ended."""

    code: int
    out: str
    err: str


@dataclass(frozen=True)
class Environment:
    """A virtual environment with hookline and the plugin, and beside it another one in which attempts are made."""

    folder: Path

    @property
    def python(self) -> Path:
        return self.folder / "venv" / "bin" / "python"

    @property
    def other(self) -> Path:
        return self.folder / "other" / "bin" / "python"

    def call(self, *command: str | Path, folder: Path, timeout: float = 300) -> Done:
        done = subprocess.run(
            [str(word) for word in command],
            cwd=folder,
            env=environment(),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=timeout,
            check=False,
        )
        return Done(done.returncode, done.stdout, done.stderr)

    def hookline(self, *arguments: str, folder: Path) -> Done:
        return self.call(self.python.with_name("hookline"), *arguments, folder=folder)


def environment() -> dict[str, str]:
    """This process's environment without what would lead to the checkout, or change output."""
    unwanted = ("HOOKLINE", "PYTHON", "PYTEST", "VIRTUAL_ENV", "COLUMNS")
    kept = {name: value for name, value in os.environ.items() if not name.startswith(unwanted)}
    return {**kept, "COLUMNS": "120", "NO_COLOR": "1"}


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Environment:
    """Build both wheels, and install them beside copies of what they need, which is installed here."""
    made = Environment(tmp_path_factory.mktemp("installed"))
    wheels = made.folder / "wheels"
    pip = (sys.executable, "-m", "pip", "--disable-pip-version-check")
    check(made.call(*pip, "wheel", "--no-deps", "--wheel-dir", wheels, ROOT, PLUGIN, folder=made.folder))
    for name in ("venv", "other"):
        check(made.call(sys.executable, "-m", "venv", "--without-pip", made.folder / name, folder=made.folder))
    (site,) = (made.folder / "venv").glob("lib/python*/site-packages")
    (there,) = (made.folder / "other").glob("lib/python*/site-packages")
    for needed in closure("hookline", "pytest") - {"hookline"}:
        for file in distribution(needed).files or ():
            if ".." not in file.parts:
                (site / file).parent.mkdir(parents=True, exist_ok=True)
                link(file.locate(), site / file)
    install = ("--python", made.python, "install", "--no-deps", "--no-index", *wheels.glob("*.whl"))
    check(made.call(*pip, *install, folder=made.folder))
    # What is installed there is the same.
    shutil.copytree(site, there, copy_function=link, dirs_exist_ok=True)
    return made


def closure(*names: str) -> set[str]:
    """Give the names of distributions, and of all that these need."""
    found: set[str] = set()
    waiting = [*names]
    while waiting:
        name = canonicalize_name(waiting.pop())
        if name not in found:
            found.add(name)
            needs = [Requirement(text) for text in distribution(name).requires or ()]
            waiting += [each.name for each in needs if each.marker is None or each.marker.evaluate({"extra": ""})]
    return found


def link(source: Any, target: Any) -> None:
    """Copy a file as quickly as the two places allow."""
    try:
        os.link(source, target)
    except OSError:
        shutil.copy2(source, target)


@pytest.fixture
def project(installed: Environment, tmp_path: Path) -> Path:
    """A project whose attempts are made in the other interpreter."""
    folder = tmp_path / "project"
    folder.mkdir()
    for name, text in (("flow", FLOW), ("dying", DYING), ("sleeping", SLEEPING)):
        (folder / f"{name}.py").write_text(textwrap.dedent(text))
    (folder / "declared.yaml").write_text(textwrap.dedent(DECLARED))
    (folder / "pyproject.toml").write_text(f'[tool.hookline.plugin.outpost]\npython = "{installed.other}"\n')
    return folder


def check(done: Done) -> str:
    assert done.code == 0, done.out + done.err
    return done.out


def runs(installed: Environment, folder: Path) -> Any:
    return json.loads(check(installed.hookline("runs", "show", "last", "--json", folder=folder)))


def test_nothing_of_the_checkout_is_used(installed: Environment, project: Path) -> None:
    """Both distributions are those that were installed."""
    code = "import hookline, hookline_outpost; print(hookline.__file__, hookline_outpost.__file__)"
    for file in check(installed.call(installed.python, "-c", code, folder=project)).split():
        assert file.startswith(str(installed.folder))


def test_lists_and_help_know_the_plugin_without_importing_it(installed: Environment, project: Path) -> None:
    """Metadata is enough for what only tells that it is there."""
    for command, word in ((["plugins", "list"], "outpost"), (["--help"], "outpost")):
        done = installed.call(installed.python, "-X", "importtime", "-m", "hookline", *command, folder=project)
        assert word in check(done)
        assert "hookline_outpost" not in done.err


def test_a_page_shows_what_the_plugin_does(installed: Environment, project: Path) -> None:
    """Its hooks, its names and its settings."""
    page = check(installed.hookline("plugins", "show", "outpost", folder=project))
    for word in ("hookline-outpost 0.1.0", "register_executors", "rewrite_graph", "around_attempt"):
        assert word in page


def test_attempts_are_made_by_the_interpreter_that_settings_name(installed: Environment, project: Path) -> None:
    """With the rewrite, the provider and what goes around attempts; results are those of any executor, and reused."""
    there = check(installed.hookline("run", "flow.py", "--executor", "outpost", folder=project))
    assert str(installed.folder / "other") in there
    assert "18" in there

    shown = runs(installed, project)
    assert [change["text"] for change in shown["rewrites"]] == ["inserted 'outpost:portable@load' after 'load'"]
    assert {task["state"] for task in shown["tasks"]} == {"completed"}
    assert len([note for note in shown["notes"] if note["name"] == "outpost.made_by"]) == 12

    here = check(installed.hookline("run", "flow.py", "--executor", "threads", folder=project))
    assert str(installed.folder / "other") in here
    states = {task["task"]: task["state"] for task in runs(installed, project)["tasks"]}
    assert states == {"note": "completed"} | dict.fromkeys([name for name in states if name != "note"], "reused")

    fresh = check(installed.hookline("run", "flow.py", "--executor", "threads", "--fresh", folder=project))
    assert "18" in fresh
    assert str(installed.folder / "venv") in fresh


def test_plans_show_the_rewrite_which_one_flag_switches_off(installed: Environment, project: Path) -> None:
    """The change carries the plugin's name."""
    assert "outpost:portable@load" in check(installed.hookline("plan", "flow.py", folder=project))
    without = check(installed.hookline("plan", "flow.py", "--without", "outpost", folder=project))
    assert "portable@" not in without


def test_the_executor_goes_with_the_plugin(installed: Environment, project: Path) -> None:
    """Without the plugin its name is unknown, which is a fault of usage."""
    done = installed.hookline("run", "flow.py", "--executor", "outpost", "--without", "outpost", folder=project)
    assert done.code == 2
    assert "there is no executor 'outpost'" in done.err


def test_workflows_in_yaml_use_the_step_by_name(installed: Environment, project: Path) -> None:
    """On the plugin's executor, too."""
    assert "outpost.portable" in check(installed.hookline("steps", "list", folder=project))
    done = check(installed.hookline("run", "declared.yaml", "--executor", "outpost", folder=project))
    assert "[3, 'a']" in done


def test_a_killed_interpreter_costs_one_attempt(installed: Environment, project: Path) -> None:
    """The attempt is recorded as crashed, and made again; the others are not touched."""
    arguments = ("run", "dying.py", "--executor", "outpost", "--workers", "2")
    assert "[1, 2, 3]" in check(installed.hookline(*arguments, folder=project))
    page = check(installed.hookline("runs", "show", "last", folder=project))
    assert "dies_once[1] (attempt 1): worker lost: killed by signal 9 (SIGKILL)" in page
    assert re.search(r"dies_once +✓ completed +3 +4 ", page), page


def test_interpreters_do_not_outlive_a_killed_driver(installed: Environment, project: Path) -> None:
    """Whoever kills the driver gets rid of all that it started."""
    command = [installed.python.with_name("hookline"), "run", "sleeping.py", "--executor", "outpost"]
    with subprocess.Popen(command, cwd=project, env=environment(), stdout=-1, stderr=-1) as driver:
        pid = int(until_there(project / "pid"))
        driver.kill()
        until_gone(pid)


def test_the_command_says_whether_an_interpreter_will_do(installed: Environment, project: Path) -> None:
    """It tells versions of one that will, and what to do about one that won't."""
    shown = check(installed.hookline("outpost", "check", "--help", folder=project))
    assert "The interpreter, as a path or a command." in shown

    good = check(installed.hookline("outpost", "check", str(installed.other), folder=project))
    assert good.startswith(f"{installed.other}: Python {sys.version_info[0]}.{sys.version_info[1]}")

    shutil.rmtree(project / "bare", ignore_errors=True)
    check(installed.call(installed.python, "-m", "venv", "--without-pip", project / "bare", folder=project))
    bad = installed.hookline("outpost", "check", "bare/bin/python", folder=project)
    assert bad.code == 1
    assert bad.err == (
        "error: 'bare/bin/python' can't make attempts: ModuleNotFoundError: No module named 'hookline_outpost'\n"
        "help: install the plugin there: bare/bin/python -m pip install hookline-outpost\n"
    )


def test_the_plugins_own_tests_pass(installed: Environment, tmp_path: Path) -> None:
    """With the testing kit that comes with hookline, against the installed wheels."""
    shutil.copytree(PLUGIN / "tests", tmp_path / "tests")
    done = installed.call(installed.python, "-m", "pytest", "-q", "-W", "error", "tests", folder=tmp_path)
    assert "passed" in check(done)


def until_there(path: Path) -> str:
    """Wait for a file, and give its text."""
    end = time.monotonic() + 60
    while not path.exists():
        assert time.monotonic() < end, f"{path} never came"
        time.sleep(0.01)
    return path.read_text()


def until_gone(pid: int) -> None:
    """Wait until there is no such process."""
    end = time.monotonic() + 30
    try:
        while time.monotonic() < end:
            os.kill(pid, 0)
            time.sleep(0.01)
    except ProcessLookupError:
        return
    os.kill(pid, signal.SIGKILL)
    raise AssertionError(f"process {pid} still lives")
