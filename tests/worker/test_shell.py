from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

CELLS = """
import dataclasses, enum, json, sys, threading
import hookline

class Colour(enum.Enum):
    RED = 1
    BLUE = 2

@dataclasses.dataclass
class Row:
    a: int

class Scaled:
    def __init__(self, a):
        self.a = a

    def value(self):
        return times(self.a)

class Unpicklable:
    lock = threading.Lock()

def times(x):
    return 2 * x

@hookline.step
def row(n: int) -> Row:
    return Row(n)

@hookline.step
def scaled(n: int):
    return Scaled(n)

@hookline.step
def passed_on(thing):
    return thing

@hookline.step
def read(r, s):
    assert isinstance(r, Row) and isinstance(s, Scaled), (type(r), type(s))
    return s.value() + r.a

@hookline.step
def colour():
    return Colour.RED

@hookline.step
def colours(one):
    assert one is Colour.RED
    return [one, Colour.BLUE]

def results(flow):
    run = hookline.run(flow, executor="processes", workers=2, store=sys.argv[1])
    errors = [run.tasks[t].error for t in run.tasks if run.tasks[t].error]
    assert not errors, errors
    return run.counts["completed"], run.result
"""

BETWEEN_STEPS = """
@hookline.workflow
def flow(n: int = 2):
    return read(passed_on(row(n)), passed_on(scaled(n))), colours(colour())

done, (number, colours_) = results(flow)
assert colours_ == [Colour.RED, Colour.BLUE] and colours_[0] is Colour.RED
print(json.dumps([done, number]))
"""

AS_ARGUMENTS = """
@hookline.workflow
def flow():
    return read(passed_on(Row(5)), Scaled(6)), colours(Colour.RED)

done, (number, _) = results(flow)
print(json.dumps([done, number]))
"""

NEXT_CELL = """
@hookline.workflow
def flow():
    return read(Row(1), Scaled(1))

before = results(flow)

def times(x):
    return 10 * x

print(json.dumps([before, results(flow)]))
"""

INSIDE = """
@hookline.step
def local():
    class Size(enum.Enum):
        SMALL = 1
    return Size.SMALL

@hookline.workflow
def flow():
    return local()

done, size = results(flow)
print(json.dumps([done, size.name]))
"""


def piped(cells: str, store: Path) -> Any:
    done = subprocess.run(
        [sys.executable, "-", str(store)], input=CELLS + cells, capture_output=True, text=True, cwd=store.parent
    )
    assert done.returncode == 0, done.stderr
    assert "Warning" not in done.stderr
    return json.loads(done.stdout.splitlines()[-1])


def test_a_shells_class_is_the_same_class_in_each_step(tmp_path: Path) -> None:
    """isinstance and the identity of Enum members hold between steps, also past steps that don't name the class."""
    assert piped(BETWEEN_STEPS, tmp_path / "store") == [7, 6]


def test_a_shells_steps_are_reused_by_the_next_shell(tmp_path: Path) -> None:
    """What travels by value has the same fingerprint in each process, until the code changes."""
    store = tmp_path / "store"
    assert piped(BETWEEN_STEPS, store) == [7, 6]
    assert piped(BETWEEN_STEPS, store) == [0, 6]
    done, number = piped("def times(x):\n    return 3 * x\n" + BETWEEN_STEPS, store)
    assert done > 0
    assert number == 8


def test_a_shells_objects_reach_steps_as_arguments(tmp_path: Path) -> None:
    """Instances and Enum members may be constants of the graph."""
    assert piped(AS_ARGUMENTS, tmp_path / "store") == [3, 17]


def test_the_next_cells_functions_are_those_that_run(tmp_path: Path) -> None:
    """A step is sent anew after a cell changed what it refers to."""
    assert piped(NEXT_CELL, tmp_path / "store") == [[1, 3], [1, 11]]


def test_a_member_of_an_enum_class_made_inside_a_step_is_returned(tmp_path: Path) -> None:
    """cloudpickle stores what pickle and dill refuse, and nobody sees their warnings."""
    assert piped(INSIDE, tmp_path / "store") == [1, "SMALL"]
