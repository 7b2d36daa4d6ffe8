"""Workflows in Jupyter: keys, classes, progress, the stop button; with real kernels."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from cli.terminal import Shown, call
from hookline.store import open_store
from integration.kernel import Cell, in_notebook
from thorough import THOROUGH

pytestmark = [
    pytest.mark.integration,
    # Jupyter's own libraries leave sockets to the garbage collector, and warn of each other.
    pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::ResourceWarning"),
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning", "ignore::RuntimeWarning"),
]

TEXT = '''
import enum
from dataclasses import dataclass

import hookline
from hookline import step, workflow

FACTOR = 3


class Colour(enum.Enum):
    RED = 1


@dataclass
class Row:
    """A row."""

    a: int

    def twice(self):
        return times(self.a)


class Model:
    def __init__(self, a):
        self.a = a

    def predict(self):
        return self.a * FACTOR


def times(x):
    # not part of the key
    return FACTOR * x


@step
def number(n: int) -> int:
    return times(n)


@step
def row(n: int) -> Row:
    return Row(n)


@step
def model(n: int):
    return Model(n)


@step
def colour():
    return Colour.RED


@step
def read(r: Row, m, c, n: int) -> int:
    assert isinstance(r, Row) and isinstance(m, Model) and c is Colour.RED, (r, m, c)
    return r.twice() + m.predict() + n


@workflow
def flow(n: int = 2):
    return read(row(n), model(n), colour(), number(n))
'''
EXECUTORS = ["inline", "threads", "processes"] if THOROUGH else ["threads", "processes"]
"""Inline and on threads, steps run beside the notebook's own code; in processes it comes to them."""
CELLS = re.split(r"\n\n\n", TEXT)
TELL = """
import json
print(json.dumps([run.status, run.counts["completed"], run.counts["reused"],
                  {task.id: task.error for task in run.tasks.values() if task.error},
                  run.result if run.status == "completed" else None]))
"""


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty project, with Jupyter's and IPython's own files apart."""
    for variable in ("JUPYTER_RUNTIME_DIR", "JUPYTER_CONFIG_DIR", "IPYTHONDIR"):
        monkeypatch.setenv(variable, str(tmp_path / "jupyter"))
    monkeypatch.delenv("HOOKLINE_STORE", raising=False)
    project = tmp_path / "project"
    project.mkdir()
    (project / "pyproject.toml").touch()
    return project


def told(cell: Cell) -> list[Any]:
    """What ``TELL`` printed: status, completed, reused, errors, result."""
    return list(json.loads(cell.printed.splitlines()[-1]))


def run_cells(folder: Path, text: str, executor: str) -> list[Any]:
    cells = in_notebook(folder, *re.split(r"\n\n\n", text), f"run = hookline.run(flow, executor='{executor}')\n{TELL}")
    return told(cells[-1])


def run_file(folder: Path, text: str, executor: str) -> list[Any]:
    file = folder / "flow.py"
    file.write_text(text)
    shown: Shown = call(["run", "flow.py", "--executor", executor, "--json"], folder)
    file.unlink()
    shutil.rmtree(folder / "__pycache__", ignore_errors=True)
    document = json.loads(shown.out)
    errors = {failure["task"]: failure["error"] for failure in document["failures"]}
    counts = document["counts"]
    return [document["status"], counts.get("completed", 0), counts.get("reused", 0), errors, document["result"]]


@pytest.mark.parametrize("executor", EXECUTORS)
def test_a_file_reuses_what_a_notebook_with_the_same_text_made(folder: Path, executor: str) -> None:
    """Everything is reused, values of classes from cells included; a step that is edited then gets these values."""
    assert run_cells(folder, TEXT, executor) == ["completed", 5, 0, {}, 18]
    assert run_file(folder, TEXT, executor) == ["completed", 0, 5, {}, 18]
    edited = TEXT.replace("m.predict() + n", "m.predict() + n + 100")
    assert run_file(folder, edited, executor) == ["completed", 1, 4, {}, 118]


@pytest.mark.parametrize("executor", EXECUTORS)
def test_a_notebook_reuses_what_a_file_with_the_same_text_made(folder: Path, executor: str) -> None:
    """The same the other way round: values of the file's classes become those of the cells' classes."""
    assert run_file(folder, TEXT, executor) == ["completed", 5, 0, {}, 18]
    assert run_cells(folder, TEXT, executor) == ["completed", 0, 5, {}, 18]
    edited = TEXT.replace("m.predict() + n", "m.predict() + n + 100")
    assert run_cells(folder, edited, executor) == ["completed", 1, 4, {}, 118]


PLAIN = TEXT.replace("model(n), colour()", "n, n").replace(", m, c,", ", m: int, c: int,").replace(
    " and isinstance(m, Model) and c is Colour.RED", ""
).replace("m.predict()", "m")  # fmt: skip


def test_keys_are_equal_without_a_common_store(folder: Path) -> None:
    """The keys themselves are the same, executors and classes in the code included; not only what a store looks up."""

    def keys() -> dict[str, bytes | None]:
        with open_store(folder / ".hookline") as store:
            run = store.run("last")
            names = {node.node: node.name for node in store.nodes(run.id)}
            found = {names[attempt.node]: attempt.key for attempt in store.attempts(run.id)}
        shutil.rmtree(folder / ".hookline")
        return found

    run_cells(folder, PLAIN, "threads")
    in_cells = keys()
    run_cells(folder, PLAIN, "processes")
    in_processes = keys()
    run_file(folder, PLAIN, "threads")
    assert in_cells == in_processes == keys()
    assert set(in_cells) == {"number", "row", "read"}
    assert None not in in_cells.values()


def test_editing_a_cell_counts_and_running_it_again_does_not(folder: Path) -> None:
    """In one kernel: a cell that is run anew with the same text changes nothing; another helper or class does."""
    again = f"run = flow.run()\n{TELL}"
    helper = next(cell for cell in CELLS if cell.startswith("def times"))
    kind = next(cell for cell in CELLS if cell.startswith("class Model"))
    cells = in_notebook(
        folder,
        *CELLS, again,
        *CELLS, again,
        helper.replace("FACTOR * x", "FACTOR * x + 1"), again,
        helper, kind.replace("self.a * FACTOR", "self.a + FACTOR"), again,
    )  # fmt: skip
    outcomes = [told(cell) for cell in cells if cell.printed]
    assert outcomes == [
        ["completed", 5, 0, {}, 18],
        ["completed", 0, 5, {}, 18],
        ["completed", 3, 2, {}, 20],  # number, row (whose class reaches the helper), read
        ["completed", 2, 3, {}, 17],  # model, read
    ]


EVENTS = """
import asyncio
import os
import hookline
from hookline import step, workflow

@step
def loud(n: int) -> int:
    print("from the step", n)
    return n

@step
def waits(n: int) -> int:
    while not os.path.exists("go"):
        pass
    return n

@workflow
def flow():
    return waits(loud(1))
"""


def test_a_cell_shows_progress_in_place_while_the_run_goes_on(folder: Path) -> None:
    """One output is redrawn during the run, and stays as one line; what steps print goes to the run, not the cell."""
    drawn: list[tuple[str, str]] = []

    def seen(message: dict[str, Any]) -> None:
        kind = message["msg_type"]
        if kind in ("display_data", "update_display_data"):
            drawn.append((kind, message["content"]["data"]["text/plain"]))
            if "1 of 2 tasks" in drawn[-1][1]:
                (folder / "go").touch()

    cells = in_notebook(
        folder,
        EVENTS,
        "asyncio.get_running_loop()\nrun = flow.run()\nprint(run.status)",
        "await asyncio.sleep(0)\nrun = hookline.run(flow, executor='processes', workers=1)\nprint(run.status)",
        seen=seen,
    )
    first = cells[1]
    assert first.printed == "completed\n"
    assert len(first.displayed) == 1
    assert re.fullmatch(r"✓ flow: 2 done in .* \(run .*\)", first.displayed[0]["text/plain"])
    assert "completed" in first.displayed[0]["text/html"]
    assert drawn[0][0] == "display_data"
    assert {kind for kind, text in drawn if "1 of 2 tasks" in text} <= {"update_display_data", "display_data"}
    assert any(text.startswith("✓") for kind, text in drawn if kind == "update_display_data")
    assert cells[2].printed == "completed\n"
    logs = call(["runs", "logs", "last~1"], folder)
    assert "from the step 1" in logs.out


def test_progress_in_cells_can_be_turned_off(folder: Path) -> None:
    """By an argument for one run, by the environment for all; outside of notebooks there is none."""
    (folder / "go").touch()
    cells = in_notebook(
        folder,
        EVENTS,
        "run = hookline.run(flow, progress=False)",
        "os.environ['HOOKLINE_PROGRESS'] = '0'\nrun = flow.run()",
        "os.environ['HOOKLINE_PROGRESS'] = '1'\nrun = flow.run()",
    )
    assert [len(cell.displayed) for cell in cells] == [0, 0, 0, 1]
    script = folder / "script.py"
    script.write_text(EVENTS + "\nif __name__ == '__main__':\n    flow.run()\n")
    done = subprocess.run([sys.executable, script.name], cwd=folder, capture_output=True, text=True, check=True)
    assert done.stdout + done.stderr == ""


STOPPED = """
import os, signal, threading
import hookline
from hookline import attempt, step, workflow

@step
def stops(n: int) -> int:
    if not os.path.exists("presses"):
        return n
    presses = int(open("presses").read())
    os.unlink("presses")
    for _ in range(presses):
        # what Jupyter's stop button does
        os.kill(int(open("pid").read()), signal.SIGINT)
        threading.Event().wait(0.5 if presses > 1 else 0)
    while presses > 1 or not attempt().cancelled():
        threading.Event().wait(0.01)
    return n

@step
def after(n: int) -> int:
    return n

@workflow
def flow():
    return after(stops(1))

with open("pid", "w") as file:
    file.write(str(os.getpid()))
"""


@pytest.mark.parametrize("executor", ["inline", "threads", "processes"])
def test_the_stop_button_stops_a_run_softly(folder: Path, executor: str) -> None:
    """The run is interrupted, what came after it was not started, the kernel goes on, and the run can be resumed."""
    (folder / "presses").write_text("1")
    cells = in_notebook(
        folder,
        STOPPED,
        f"run = hookline.run(flow, executor='{executor}')\nprint(run.status, run.counts['completed'])",
        "try:\n    run.result\nexcept hookline.HooklineError as error:\n    print(error)",
        "print(signal.getsignal(signal.SIGINT) is signal.default_int_handler)",
        "print(hookline.resume(run.id, workflow=flow).result)",
    )
    status, completed = cells[1].printed.split()
    assert status == "interrupted"
    assert int(completed) <= 1  # the step that was running may end, the one after it did not begin
    assert "is interrupted" in cells[2].printed
    assert cells[3].printed == "True\n"
    assert cells[4].printed == "1\n"


def test_pressing_stop_twice_ends_the_run_at_once(folder: Path) -> None:
    """Attempts in processes that take no notice are killed, and the kernel is not."""
    (folder / "presses").write_text("2")
    cells = in_notebook(
        folder,
        STOPPED,
        "run = hookline.run(flow, executor='processes')\nprint(run.status)",
        "print('still here')",
    )
    assert cells[1].printed == "interrupted\n"
    assert cells[2].printed == "still here\n"


def test_a_failure_names_the_cell_and_the_line(folder: Path) -> None:
    """The cell shows the user's line as In[n], and the markup of an error's text as text."""
    cells = in_notebook(
        folder,
        "from hookline import step, workflow",
        "@step\ndef breaks() -> int:\n    raise ValueError('<script>alert(1)</script>')\n\n\n"
        "@workflow\ndef flow():\n    return breaks()",
        "flow.run()",
        "flow.graph()",
        "flow.plan()",
    )
    for drawing in (cells[2].displayed[0]["text/html"], cells[2].result["text/html"]):
        assert "In[2]:3 in breaks" in drawing
        assert "<script>" not in drawing
        assert "&lt;script&gt;" in drawing
    assert "In[2]:8" in cells[3].result["text/html"]
    assert cells[3].result["text/plain"] == "<task graph of flow: 1 task>"
    assert "text/html" in cells[4].result
