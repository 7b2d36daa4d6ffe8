"""Terminals, pipes and signals."""

from __future__ import annotations

import json
import os
import pty
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from cli.terminal import Shown, environment

Command = Callable[..., Shown]

WAITING = """
import time
from pathlib import Path
from hookline import step, workflow

@step
def quick(x: int) -> int:
    return x

@step
def wait(x: int) -> int:
    Path("started").touch()
    while not Path("go").exists():
        time.sleep(0.01)
    return x

@step
def last(x: int) -> int:
    return x

@workflow
def waiting():
    return last(wait(quick(1)))
"""

TINY = """
from hookline import step, workflow

@step
def a() -> str:
    return "\u00e4"

@workflow
def tiny():
    return a()
"""


@pytest.fixture
def waiting(project: Path) -> Path:
    (project / "waiting.py").write_text(WAITING)
    return project


def start(folder: Path, *arguments: str) -> subprocess.Popen[str]:
    process = subprocess.Popen(
        [sys.executable, "-m", "hookline", *arguments],
        cwd=folder,
        env=environment(),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    deadline = time.monotonic() + 60
    while not (folder / "started").exists():
        assert process.poll() is None, process.communicate()
        assert time.monotonic() < deadline
        time.sleep(0.01)
    return process


@pytest.mark.integration
@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_signal_stops_the_run_and_resume_goes_on(
    number: signal.Signals, code: int, waiting: Path, run_command: Command
):
    """The first Ctrl-C or SIGTERM lets running tasks end, records them and exits with 128 and the signal's number."""
    process = start(waiting, "run", "waiting.py")
    process.send_signal(number)
    assert process.stderr is not None
    told = ""
    while "stopping" not in told:
        told += process.stderr.readline()
    (waiting / "go").touch()
    _, rest = process.communicate(timeout=60)
    assert process.returncode == code
    assert "interrupted in" in rest
    assert "hookline resume last" in rest
    resumed = run_command(["resume", "--json"], waiting)
    assert resumed.code == 0
    assert json.loads(resumed.out.splitlines()[-1])["result"] == 1


@pytest.mark.integration
def test_a_terminal_gets_the_live_table(waiting: Path):
    """On a terminal the steps' lines are redrawn in place, and their last state stays."""
    (waiting / "go").touch()
    main, child = pty.openpty()
    process = subprocess.Popen(
        [sys.executable, "-m", "hookline", "run", "waiting.py"],
        cwd=waiting,
        env=environment(TERM="xterm"),
        stdout=child,
        stderr=child,
    )
    os.close(child)
    written = b""
    try:
        while block := os.read(main, 65536):
            written += block
    except OSError:
        pass  # how Linux says that the other side is closed
    os.close(main)
    assert process.wait(timeout=60) == 0
    text = written.decode()
    assert "\x1b[?25h" in text
    assert "✓ completed in" in text
    assert "✓ wait   1/1  1 done" in text
    assert "= last   1/1  1 reused" in text


@pytest.mark.integration
def test_a_reader_that_goes_away_is_no_error(waiting: Path):
    """``hookline … | head -1`` ends quietly."""
    command = f"{sys.executable} -m hookline run --help 2>err | head -1; echo ${{PIPESTATUS[0]}}"
    done = subprocess.run(
        ["bash", "-c", command], cwd=waiting, env=environment(), capture_output=True, text=True, check=True
    )
    assert done.stdout.splitlines()[-1] == "0"
    assert (waiting / "err").read_text() == ""


@pytest.mark.integration
def test_a_long_list_into_a_short_reader_is_no_error(project: Path):
    """Output that nobody reads any more is dropped, and the exit code stays the command's own."""
    program = "from hookline.cli.output import flush, show\nfor number in range(100_000): show(str(number))\nflush()"
    command = f'{sys.executable} -c "$PROGRAM" 2>err | head -2; echo ${{PIPESTATUS[0]}}'
    done = subprocess.run(
        ["bash", "-c", command],
        cwd=project,
        env=environment(PROGRAM=program),
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.split() == ["0", "1", "0"]
    assert (project / "err").read_text() == ""


def test_no_color_and_pipes_get_plain_text(project: Path, look: Command):
    """Where output is no terminal there is no escape sequence in it."""
    shown = look(project, "run", "missing.py")
    assert "\x1b" not in shown.err + shown.out


def test_an_encoding_without_symbols_is_no_error(project: Path):
    """A terminal that knows ASCII only gets codes instead of symbols."""
    (project / "tiny.py").write_text(TINY)
    done = subprocess.run(
        [sys.executable, "-m", "hookline", "run", "tiny.py"],
        cwd=project,
        env=environment(PYTHONIOENCODING="ascii", LC_ALL="C"),
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout == "\\xe4\n"
    assert "\\u2713 completed" in done.stderr


def test_shells_can_complete_commands(project: Path):
    """The completion that typer installs knows the commands and their options."""
    done = subprocess.run(
        [sys.executable, "-m", "hookline"],
        cwd=project,
        env=environment(_HOOKLINE_COMPLETE="complete_bash", COMP_WORDS="hookline ru", COMP_CWORD="1"),
        capture_output=True,
        text=True,
        check=False,
    )
    assert set(done.stdout.split()) == {"run", "runs"}
