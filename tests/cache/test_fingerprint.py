"""What a fingerprint says: parts, what has no digest, where code comes from."""

# ruff: noqa: E501 - a small program reads best on one line
from __future__ import annotations

import importlib
import json
import linecache
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType

import pytest

from cache.edits import files
from hookline.cache.fingerprint import Fingerprint, Fingerprinter

Load = Callable[[str], ModuleType]


@pytest.fixture
def load(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Load]:
    """Write a project and import its ``flow``, each time anew."""
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    known = set(sys.modules)

    def forget() -> None:
        for name in set(sys.modules) - known:
            if (getattr(sys.modules[name], "__file__", None) or "").startswith(str(tmp_path)):
                del sys.modules[name]

    def write_and_import(text: str) -> ModuleType:
        forget()
        for name, content in files(text).items():
            (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
            (tmp_path / name).write_text(content)
        importlib.invalidate_caches()
        return importlib.import_module("flow")

    yield write_and_import
    forget()


def take(module: ModuleType) -> Fingerprint:
    return Fingerprinter(Path(str(module.__file__)).parent).of(module.step)


UNSTABLE = [
    ("CLIENT = open(__file__); CLIENT.close()\n\ndef step(x):\n    return CLIENT.read()", "global 'CLIENT' of flow.py:1 (a TextIOWrapper)"),
    ("import socket\nsock = socket.socket()\nsock.close()\n\ndef step(x):\n    return sock", "global 'sock' of flow.py:2 (a socket)"),
    ("numbers = (n for n in [1])\n\ndef step(x):\n    return numbers", "global 'numbers' of flow.py:1 (a generator)"),
    ("rows = {'a': [(n for n in [])]}\n\ndef step(x):\n    return rows", "flow.rows['a'][0] (a generator)"),
    ("def make():\n    held = (n for n in [])\n    def step(x):\n        return held\n    return step\nstep = make()",
     "closure 'held' of flow.make.step (a generator)"),
    ("def step(x, held=(n for n in [])):\n    return held", "default 1 of flow.step (a generator)"),
    ("import polars\nplan = polars.LazyFrame({'a': [1]})\n\ndef step(x):\n    return plan.collect()", "global 'plan' of flow.py:2 (a LazyFrame)"),
    ("def step(x):\n    return eval(x)", "eval() in flow.py:1"),
    ("def step(x):\n    exec('y = 1')", "exec() in flow.py:1"),
    ("import importlib\ndef step(x):\n    return importlib.import_module(x)", "importlib.import_module()"),
    ("from importlib import import_module as load\ndef step(x):\n    return load(x)", "importlib.import_module()"),
    ("def step(x):\n    from importlib import import_module\n    return import_module(x)", "importlib.import_module()"),
    ("def step(x):\n    return __import__(x)", "__import__()"),
    ("import sys\ndef step(x):\n    return sys.modules[x]", "sys.modules"),
    ("import sys\ndef step(x):\n    return getattr(sys, x)", "module 'sys'"),
    ("import runpy\ndef step(x):\n    return runpy.run_path(x)", "runpy.run_path()"),
    ("import sys\ndef step(x):\n    return sys._getframe(1)", "sys._getframe()"),
    ("import inspect\ndef step(x):\n    return inspect.currentframe()", "inspect.currentframe()"),
    ("def step(x):\n    return step.__globals__[x]", "__globals__"),
    ("import importlib.metadata\ndef step(x):\n    return importlib.metadata.entry_points()", "entry_points()"),
    ("from importlib.metadata import entry_points\ndef step(x):\n    return entry_points()", "entry_points()"),
    ("import builtins\ndef step(x):\n    return builtins.eval(x)", "eval()"),
    ("run = {'a': eval}\ndef step(x):\n    return run['a'](x)", "eval()"),
    ("run = [globals]\ndef step(x):\n    return run[0]()[x]", "globals()"),
    ("from functools import partial\nrun = partial(exec, 'x = 1')\ndef step(x):\n    return run()", "exec()"),
    ("def helper(x):\n    return eval(x)\ndef step(x):\n    return helper(x)", "eval() in flow.py:1"),
    ("def step(x):\n    import broken\n\n# file: broken.py\nraise RuntimeError('no')", "module 'broken' can't be imported (RuntimeError)"),
    ("class Odd:\n    @property\n    def __dict__(self):\n        raise RuntimeError('no')\nodd = Odd()\ndef step(x):\n    return odd", "odd"),
]  # fmt: skip


@pytest.mark.parametrize(("text", "why"), UNSTABLE, ids=range(len(UNSTABLE)))
def test_what_has_no_digest_makes_the_step_run_every_time_and_is_named(load: Load, text: str, why: str) -> None:
    """When unsure, run, and say why."""
    taken = take(load(text))
    assert taken.unstable
    assert why in taken.unstable


STABLE = [
    "import sys\ndef step(x):\n    return sys.maxsize, sys.argv, sys.stdout.write('x')",
    "import sys\nout = sys.stdout\ndef step(x):\n    print(x, file=out)",
    "import logging\nlog = logging.getLogger('a')\nwarn = log.warning\ndef step(x):\n    warn(x)",
    "import threading, contextvars as c\nlocks = [threading.RLock(), c.ContextVar('v')]\ndef step(x):\n    return locks",
    "import os\nfrom os import environ\ndef step(x):\n    return os.environ['A'], environ",
    "import warnings\ndef step(x):\n    warnings.warn(x)",
    "def step(x):\n    return locals(), vars(), dir()",
    "import random\nrng = random.Random(3)\ndef step(x):\n    return rng",
    "import re\nfind = re.compile('a').findall\ndef step(x):\n    return find(x)",
    "def step(x):\n    return undefined_name(x)",
    "def step(x):\n    import not_there\n    from not_there.deep import thing\n    return not_there, thing",
    "def step(x):\n    import sklearn.metrics as m\n    from numpy import mean\n    return m.f1_score, mean",
    "class Node:\n    pass\nnode = Node()\nnode.me = node\nnode.all = [node, (node,)]\ndef step(x):\n    return node",
    "rows = []\nrows.append(rows)\ndef step(x):\n    return rows",
    "deep = []\nfor _ in range(5000):\n    deep = [deep]\ndef step(x):\n    return deep",
    "from typing import Union\nJSON = Union[int, list['JSON'], dict[str, 'JSON']]\ndef step(x: JSON) -> 'JSON':\n    return x",
    "step = lambda x: x + 1",
    "import functools\nstep = functools.partial(max, 1)",
    "class Callable:\n    def __call__(self, x):\n        return x\nstep = Callable()",
    "big = 10 ** 5000\ndef step(x):\n    return big + 0x" + "f" * 5000,
    "def step(x):\n    return " + " + ".join(["x"] * 1500),
]


@pytest.mark.parametrize("text", STABLE, ids=range(len(STABLE)))
def test_what_is_inert_or_missing_does_not_keep_a_step_from_reuse(load: Load, text: str) -> None:
    """Loggers, locks, streams, the environment, unknown names and cycles have a digest, the same each time."""
    first = take(load(text))
    assert first.unstable == ""
    assert take(load(text)).digest == first.digest


def test_a_fingerprint_names_its_parts_with_file_line_and_source(load: Load) -> None:
    """Parts read as the code does; the step's own function comes first."""
    module = load(
        "import lib\n\ndef step(x):\n    return lib.scale(x)\n# file: lib.py\nLIMIT = 3\n\n\ndef scale(x):\n    return x * LIMIT\n"
    )
    parts = {part.name: part for part in take(module).parts}
    assert next(iter(parts)) == "flow.step"
    scale = parts["lib.scale"]
    assert (scale.kind, scale.file, scale.line) == ("function", "lib.py", 4)
    assert scale.source == "def scale(x):\n    return x * LIMIT\n"
    assert len(scale.digest) == 32
    limit = parts["lib.LIMIT"]
    assert (limit.kind, limit.file, limit.line, limit.source) == ("value", "lib.py", 1, "3")


def test_only_reached_third_party_distributions_are_parts(load: Load) -> None:
    """A distribution counts by name and version where the code uses it, and only there."""
    module = load("import numpy as np\nimport pandas\n\ndef step(x):\n    return np.mean(x)\n")
    found = [part.name for part in take(module).parts if part.kind == "distribution"]
    assert found == [f"numpy {importlib.import_module('numpy').__version__}"]


def test_a_librarys_module_is_the_same_before_and_after_it_was_imported(tmp_path: Path) -> None:
    """An import inside a step is looked up, not carried out, and gives the same fingerprint once it is loaded."""
    (tmp_path / "flow.py").write_text(
        "def step(x):\n    import json.tool\n    import pandas as pd\n    from sklearn.metrics import f1_score\n"
        "    import sklearn.svm\n    return pd.DataFrame(x), f1_score, sklearn.svm.SVC\n"
    )
    script = (
        "import sys; sys.path.insert(0, '.')\n"
        "import flow\n"
        "from pathlib import Path\n"
        "from hookline.cache.fingerprint import Fingerprinter\n"
        "before = Fingerprinter(Path('.')).of(flow.step)\n"
        "assert 'pandas' not in sys.modules and 'sklearn' not in sys.modules\n"
        "import pandas, sklearn.svm, sklearn.metrics\n"
        "after = Fingerprinter(Path('.')).of(flow.step)\n"
        "print(before.digest == after.digest, before.unstable == '', sum(p.kind == 'distribution' for p in before.parts))\n"
    )
    done = subprocess.run([sys.executable, "-c", script], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.stdout.split() == ["True", "True", "2"], done.stderr


def test_a_new_version_of_a_distribution_changes_the_fingerprint(load: Load, tmp_path: Path) -> None:
    """Of installed code the version counts; a file that no RECORD lists counts as project code."""
    site = tmp_path / "env" / "site-packages"
    info = site / "gadget-1.0.dist-info"
    info.mkdir(parents=True)
    (site / "gadget.py").write_text("def turn(x):\n    return x\n")
    (site / "loose.py").write_text("def fall(x):\n    return x\n")
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: Gadget\nVersion: 1.0\n")
    (info / "RECORD").write_text("gadget.py,sha256=x,1\ngadget-1.0.dist-info/METADATA,,\n")
    text = (
        f"import sys\nsys.path.insert(0, {str(site)!r})\nimport gadget, loose\nsys.path.pop(0)\n"
        "def step(x):\n    return gadget.turn(x) + loose.fall(x)\n"
    )
    first = take(load(text))
    assert [part.name for part in first.parts if part.kind == "distribution"] == ["Gadget 1.0"]
    (site / "gadget.py").write_text("def turn(x):\n    return -x\n")
    assert take(load(text)).digest == first.digest
    (site / "loose.py").write_text("def fall(x):\n    return -x\n")
    assert take(load(text)).digest != first.digest
    (site / "loose.py").write_text("def fall(x):\n    return x\n")
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: Gadget\nVersion: 1.1\n")
    upgraded = take(load(text))
    assert upgraded.digest != first.digest
    assert [part.name for part in upgraded.parts if part.kind == "distribution"] == ["Gadget 1.1"]


def test_paths_under_the_project_count_relative_to_it(tmp_path: Path) -> None:
    """``Path(__file__).parent`` is the same on every machine; a path elsewhere counts as it is."""
    digests = []
    for place in ("here", "there/deep"):
        folder = tmp_path / place
        folder.mkdir(parents=True)
        namespace: dict[str, object] = {"__name__": "flow", "__file__": str(folder / "flow.py")}
        text = (
            "import os, pathlib\nHERE = pathlib.Path(__file__).parent\nTABLES = {'a': os.path.join(str(HERE), 'a.csv')}\n"
            "def step(x):\n    return HERE, TABLES, __file__\n"
        )
        exec(compile(text, str(folder / "flow.py"), "exec"), namespace)
        step = namespace["step"]
        assert callable(step)
        digests.append(Fingerprinter(folder).of(step).digest)
        digests.append(Fingerprinter(tmp_path / "elsewhere").of(step).digest)
    assert digests[0] == digests[2]
    assert len(set(digests)) == 3


def test_a_script_has_the_fingerprint_of_the_module_it_is(tmp_path: Path) -> None:
    """``python flow.py`` and ``import flow`` agree, also where the code reads ``__name__``."""
    (tmp_path / "flow.py").write_text(
        "import logging\nfrom dataclasses import dataclass\n\n@dataclass\nclass Config:\n    a: int = 1\n\n"
        "def helper(x):\n    logging.getLogger(__name__).info(x)\n    return Config(x), type(x).__name__\n\n"
        "def step(x: Config) -> 'Config':\n    return helper(x)\n\n"
        "if __name__ == '__main__':\n"
        "    import json\n    from pathlib import Path\n    from hookline.cache.fingerprint import Fingerprinter\n"
        "    import flow\n    root = Path(__file__).parent\n"
        "    print(json.dumps([Fingerprinter(root).of(f).digest.hex() for f in (step, flow.step)]))\n"
    )
    done = subprocess.run([sys.executable, "flow.py"], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    script, module = json.loads(done.stdout)
    assert script == module


def test_code_of_a_notebook_cell_is_blind_to_layout() -> None:
    """A cell that the shell registered has source, so a comment in it changes nothing."""

    def cell(text: str, name: str) -> Fingerprint:
        linecache.cache[name] = (len(text), None, text.splitlines(keepends=True), name)
        namespace: dict[str, object] = {"__name__": "__main__"}
        exec(compile(text, name, "exec"), namespace)
        step = namespace["step"]
        assert callable(step)
        return Fingerprinter(None).of(step)

    first = cell("RATE = 2\ndef step(x):\n    return [RATE * y\n        for y in x]\n", "<cell 1>")
    again = cell("RATE = 2\n\n# why\ndef step(x):\n    return [RATE * y for y in x]  # so\n", "<cell 2>")
    other = cell("RATE = 3\ndef step(x):\n    return [RATE * y for y in x]\n", "<cell 3>")
    assert first.digest == again.digest
    assert first.digest != other.digest


def test_classes_of_values_have_a_fingerprint_of_their_own(load: Load) -> None:
    """What a value's class does can be put into a key beside the value's digest; order and foreign classes don't count."""
    module = load("class A:\n    def go(self):\n        return 1\n\nclass B:\n    pass\n")
    taken = Fingerprinter(None).of_types([module.A, module.B, int])
    assert taken.digest == Fingerprinter(None).of_types([module.B, module.A]).digest
    edited = load("class A:\n    def go(self):\n        return 2\n\nclass B:\n    pass\n")
    assert taken.digest != Fingerprinter(None).of_types([edited.A, edited.B]).digest


def test_a_value_that_the_digest_refuses_makes_the_step_run(load: Load) -> None:
    """The digest of values is the engine's; where it and the object's own parts give nothing, the step runs."""
    module = load("VALUE = [1, 2]\ndef step(x):\n    return VALUE\n")
    digests = {str(take(module).digest)}
    for digest in (lambda value: None, lambda value: repr(value).encode()):
        taken = Fingerprinter(None, digest).of(module.step)
        assert taken.unstable == ""
        digests.add(str(taken.digest))
    assert len(digests) == 3


def test_a_module_s_name_counts_only_for_code_that_reads_it(load: Load) -> None:
    """What a notebook defines is the same as what a file does, though a dataclass reads its class's name to show it."""
    plain = (
        "from dataclasses import dataclass\n\n@dataclass\nclass Row:\n    a: int\n\ndef step(x) -> Row:\n    return {}"
    )
    texts = {
        "nothing": plain.format("Row(x)"),
        "module": plain.format("Row.__module__"),
        "inspect": "import inspect\n" + plain.format("inspect.getmodule(Row)"),
    }
    same: dict[str, bool] = {}
    for word, text in texts.items():
        digests = set()
        for name in ("flow", "elsewhere"):
            namespace = load(text.replace("flow", name)).__dict__
            module = sys.modules["flow"]
            module.__name__ = namespace["Row"].__module__ = namespace["step"].__module__ = name
            sys.modules[name] = module
            digests.add(take(module).digest)
            if name != "flow":
                del sys.modules[name]
        same[word] = len(digests) == 1
    assert same == {"nothing": True, "module": False, "inspect": False}
