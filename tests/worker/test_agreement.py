"""What the driver changed after an import never makes a result under a wrong key on a worker."""

from __future__ import annotations

import importlib.util
import os
import sys
import textwrap
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest

from forks import fork
from hookline.errors import HooklineError
from hookline.model.work import FunctionRef, HeldName
from hookline.worker.agreement import check, held_by

_HEAD = """
import argparse, functools, logging, sys, types
from dataclasses import dataclass, field
from pathlib import Path
import hookline, other
from hookline import step, workflow
"""
_TAIL = """
@workflow
def flow():
    return use(10)

if __name__ == "__main__":
    {change}
    run = hookline.run(flow, executor=sys.argv[1])
    task = run.tasks["use"]
    print(run.status, task.attempts, task.error or run.result)
"""

CHANGES = {
    "dict": ("S = {'k': 1}", "x * S['k']", "S['k'] = 5", "flow.S"),
    "list": ("S = [1]", "x * len(S)", "S.append(5)", "flow.S"),
    "set": ("S = {1, 'a'}", "x * len(S)", "S.add('b')", "flow.S"),
    "number": ("S = 1", "x * S", "S = 5", "flow.S"),
    "made later": ("", "x * S", "S = 5", "flow.S"),
    "arguments": ("S = None", "x * S.k", "S = argparse.Namespace(k=5)", "flow.S"),
    "namespace": ("S = types.SimpleNamespace(k=1)", "x * S.k", "S.k = 5", "flow.S"),
    "object": ("class C: k = 1\nS = C()", "x * S.k", "S.k = 5", "flow.S"),
    "dataclass in a list": ("@dataclass\nclass C:\n    k: int\nS = [C(1)]", "x * S[0].k", "S[0].k = 5", "flow.S"),
    "slots": ("@dataclass(slots=True)\nclass C:\n    k: int\nS = C(1)", "x * S.k", "S.k = 5", "flow.S"),
    "path": ("S = Path('a')", "x * len(str(S))", "S = Path('abc')", "flow.S"),
    "other module": ("", "x * other.LIMIT", "other.LIMIT = 5", "other.LIMIT"),
    "other module's dict": ("", "x * other.TABLE['k']", "other.TABLE['k'] = 5", "other.TABLE"),
    "helper of a helper": ("", "other.scaled(x)", "other.TABLE['k'] = 5", "other.TABLE"),
    "patched function": ("", "other.scaled(x)", "other.scaled = lambda x: 5 * x", "other.scaled"),
    "patched method": ("", "other.Tool().use(x)", "other.Tool.use = lambda self, x: 5 * x", "other.Tool"),
    "class attribute": ("", "other.Tool.k * x", "other.Tool.k = 5", "other.Tool"),
    "partial": ("S = functools.partial(max, 1)", "S(x)", "S = functools.partial(max, 50)", "flow.S"),
    "function in a dict": ("S = {'f': abs}", "S['f'](x)", "S['f'] = lambda x: 5 * x", "flow.S"),
}
SAME = {
    "constants": ("S = {'k': {1, 'a', 'b'}}\nT = (1, 2.0, None)", "x * len(S) * len(T)", "pass"),
    "objects": ("class C:\n    k = 1\n    def m(self): return {1, 'a'}\nS = C()\nR = [C]", "len(R) * S.k * x", "pass"),
    "closures": ("def make(k):\n    return lambda x: k * x\nS = make(2)", "S(x)", "pass"),
    "logging": ("L = logging.getLogger('a')", "L.info('a') or x", "logging.basicConfig(level=10)"),
    "wrapped": ("@functools.lru_cache\ndef S(x):\n    return x", "S(x)", "S(3)"),
    "what no step reaches": ("S = 1", "x", "S = 2"),
    "what can't be stored": ("import polars\nS = polars.LazyFrame({'a': [1]})", "x * S.collect().height", "pass"),
    "no list of its own": ("S = []", "S.append(1) or x * len(S)", "pass"),
}


def _run(folder: Path, case: tuple[str, ...], executor: str = "processes") -> str:
    (folder / "pyproject.toml").touch()
    (folder / "other.py").write_text(
        textwrap.dedent(
            """
            LIMIT = 1
            TABLE = {"k": 1}
            def scaled(x):
                return x * TABLE["k"]
            class Tool:
                k = 1
                def use(self, x):
                    return x
            """
        )
    )
    before, body, change = case[:3]
    code = f"{_HEAD}\n{before}\n@step\ndef use(x: int) -> int:\n    return {body}\n{_TAIL.format(change=change)}"
    (folder / "flow.py").write_text(code)
    ended = fork(["flow.py", executor], folder, os.environ)
    assert ended.code == 0, ended.err
    return ended.out.strip()


@pytest.mark.parametrize("name", CHANGES)
def test_a_step_that_would_see_other_values_on_a_worker_fails_and_names_them(tmp_path: Path, name: str) -> None:
    """The key reads what the driver holds; a worker that imported something else does not run the step."""
    told = _run(tmp_path, CHANGES[name])
    assert told.startswith("failed 1 ")
    assert f"'{CHANGES[name][3]}' is not on workers what it is in the driver" in told


def test_nothing_is_recorded_that_another_executor_would_take(tmp_path: Path) -> None:
    """After the failure on processes, threads run the step with what the driver holds."""
    case = CHANGES["dict"]
    assert _run(tmp_path, case).startswith("failed")
    assert _run(tmp_path, case, "threads") == "completed 1 50"


@pytest.mark.parametrize("name", SAME)
def test_what_each_import_makes_alike_is_no_difference(tmp_path: Path, name: str) -> None:
    """Hash seeds, logging, caches and names that no step reaches don't keep a step from running."""
    assert _run(tmp_path, SAME[name]).startswith("completed 1 ")


MOVED = """
import types
from pathlib import Path
HERE = Path(__file__).parent
DATA = [str(HERE / "data"), {{str(HERE): (f"sqlite:///{{HERE}}/some.db", 1)}}]
RECORD = types.SimpleNamespace(path=HERE / "data", around=[])
RECORD.around.append(RECORD)
def open_it(path=HERE / "data"):
    return path
FIXED = ["{home}/data", "{home}-other/data", "/and{home}"]
"""


@pytest.mark.parametrize("linked", [False, True])
def test_paths_in_the_project_may_be_others_where_its_files_were_sent(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, linked: bool
) -> None:
    """A name may hold the project's folder, here and there; what else it holds has to be the same."""
    home, copy = tmp_path / "project", tmp_path / "sent" / "package"
    for folder in (home, copy):
        folder.mkdir(parents=True)
        (folder / "moved.py").write_text(MOVED.format(home=home))
    (tmp_path / "link").symlink_to(home)
    names = ("HERE", "DATA", "RECORD", "open_it", "FIXED", "__file__")
    held = _held_in(home, monkeypatch, names)
    root = str(tmp_path / "link") if linked else str(home)
    _import_from(copy, monkeypatch)
    for each in held:
        check(FunctionRef("moved", "open_it", held=(each,)), str(copy), (root, str(home)))
    with pytest.raises(HooklineError, match=r"'moved\.HERE' is not on workers"):
        check(FunctionRef("moved", "open_it", held=_held_in(home, monkeypatch, ("HERE",), "other")), str(copy), (root,))


def _held_in(
    folder: Path, monkeypatch: pytest.MonkeyPatch, names: Iterable[str], below: str = ""
) -> tuple[HeldName, ...]:
    module = _import_from(folder, monkeypatch)
    if below:
        module.HERE /= below
    held = held_by([("moved", name) for name in names])
    _import_from(folder, monkeypatch)
    return held


def _import_from(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    spec = importlib.util.spec_from_file_location("moved", folder / "moved.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    monkeypatch.setitem(sys.modules, "moved", module)
    spec.loader.exec_module(module)
    return module
