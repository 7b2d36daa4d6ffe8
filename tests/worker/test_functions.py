from __future__ import annotations

import enum
import json
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest

from hookline.errors import HooklineError, WorkflowError
from hookline.model.work import FunctionRef
from hookline.worker.functions import export, find

SENDER = """
import base64, enum, sys
from hookline.worker.functions import export

class Colour(enum.Enum):
    RED = 1

def helper(x):
    return (x, Colour.RED.name, even(4))

def even(n):
    return n == 0 or odd(n - 1)

def odd(n):
    return n != 0 and even(n - 1)

def make(factor):
    def inner(x):
        return helper(x * factor)
    return inner

ref = export(make(3))
assert ref.module == "", ref
print(base64.b64encode(ref.code).decode())
"""

RECEIVER = """
import base64, sys
from hookline.model.work import FunctionRef
from hookline.worker.functions import find
code = base64.b64decode(sys.stdin.read())
print(find(FunctionRef(code=code, digest=b"d"))(2))
assert find(FunctionRef(digest=b"d")) is find(FunctionRef(code=code, digest=b"d"))
"""


def test_a_function_of_an_importable_module_travels_by_name() -> None:
    """Module and name are enough where importing gives the same object."""
    ref = export(json.dumps)
    assert (ref.module, ref.qualname, ref.code) == ("json", "dumps", b"")
    assert find(ref) is json.dumps


def test_a_steps_function_is_found_behind_its_step(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The name holds the step; the worker gets the plain function."""
    (tmp_path / "stepping.py").write_text(
        "from hookline.model.step import step\n\n@step\ndef double(x):\n    return 2 * x\n"
    )
    monkeypatch.syspath_prepend(str(tmp_path))
    import stepping  # type: ignore[import-not-found]

    ref = export(stepping.double.fn)
    assert (ref.module, ref.qualname) == ("stepping", "double")
    assert find(ref) is stepping.double.fn


def test_a_closure_travels_by_value_and_once() -> None:
    """A function without a name of its own is sent as bytes, the same for each call."""
    factor = 4

    def scaled(x: int) -> int:
        return factor * x

    ref = export(scaled)
    assert ref.code
    assert export(scaled) is ref
    assert find(ref)(3) == 12
    assert find(ref) is find(FunctionRef(digest=ref.digest))


def test_what_a_shell_defines_travels_whole() -> None:
    """Enum classes and functions that call each other arrive where their module does not exist."""
    sent = subprocess.run([sys.executable, "-"], input=SENDER, capture_output=True, text=True, check=True)
    got = subprocess.run([sys.executable, "-c", RECEIVER], input=sent.stdout, capture_output=True, text=True)
    assert got.stdout == "(6, 'RED', True)\n", got.stderr


def test_code_that_never_arrived_is_an_error() -> None:
    """A digest alone finds only what has been there."""
    with pytest.raises(HooklineError, match="did not reach the worker"):
        find(FunctionRef(digest=b"never"))


def test_what_can_not_travel_is_named_with_the_way_to_it() -> None:
    """The error names variable, function, line and type."""
    conn = sqlite3.connect(":memory:")

    def query(x: int) -> object:
        return conn.execute("select ?", (x,))

    with pytest.raises(WorkflowError) as caught:
        export(query)
    line = query.__code__.co_firstlineno
    name = "test_what_can_not_travel_is_named_with_the_way_to_it.query"
    assert caught.value.message == (
        f"the step 'query' can't be sent to worker processes: closure variable 'conn' of {name} "
        f"(test_functions.py:{line}) holds a sqlite3.Connection"
    )
    conn.close()


def test_what_hides_in_a_container_is_found() -> None:
    """The way goes on through dicts and further functions."""
    held = {"db": [sqlite3.connect(":memory:")]}

    def inner() -> object:
        return held

    def outer() -> object:
        return inner()

    with pytest.raises(WorkflowError) as caught:
        export(outer)
    assert "closure variable 'inner' of" in caught.value.message
    assert "in closure variable 'held', in ['db'], in [0] holds a sqlite3.Connection" in caught.value.message
    held["db"][0].close()


def test_an_enum_in_a_closure_travels() -> None:
    """Classes that are made inside functions go along."""

    class Size(enum.Enum):
        SMALL = 1

    def name() -> str:
        return Size.SMALL.name

    ref = export(name)
    assert find(ref)() == "SMALL"
