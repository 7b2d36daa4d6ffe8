from __future__ import annotations

import json
import subprocess
import sys
import textwrap
from collections.abc import Iterator
from pathlib import Path

import pytest

from hookline.config import project_root
from hookline.errors import HooklineError, UsageError, WorkflowError
from hookline.worker.target import import_target, load_target, target_of

FLOW = """
from hookline.model.step import step
from hookline.model.workflow import workflow

class Thing:
    def method(self): ...
    class Inner: ...

@step
def load(n: int) -> int:
    return n

@workflow
def churn(n: int = 1):
    return load(n)
"""


@pytest.fixture(autouse=True)
def clean(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Forget imported targets and their search path."""
    monkeypatch.chdir(tmp_path)
    before, path = set(sys.modules), list(sys.path)
    main = sys.modules["__main__"]
    yield
    for name in set(sys.modules) - before:
        if str(tmp_path) in str(getattr(sys.modules[name], "__file__", "")):
            del sys.modules[name]
    sys.path[:] = path
    sys.modules["__main__"] = main


def put(path: str, text: str = FLOW) -> Path:
    file = Path(path)
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(textwrap.dedent(text))
    return file


def error(spec: str) -> HooklineError:
    with pytest.raises(HooklineError) as caught:
        load_target(spec)
    return caught.value


@pytest.mark.parametrize(
    ("files", "target", "name"),
    [
        (["pyproject.toml", "churn.py"], "churn.py", "churn"),
        (["pyproject.toml", "flows/churn.py"], "flows/churn.py", "flows.churn"),
        ([".git/HEAD", "a/b.c/churn.py"], "a/b.c/churn.py", "a.b_c.churn"),
        (["flows/churn.py"], "flows/churn.py", "churn"),
        (["pyproject.toml", "src/flows/churn.py"], "src/flows/churn.py", "flows.churn"),
        (["pyproject.toml", "lib/shop/__init__.py", "lib/shop/churn.py"], "lib/shop/churn.py", "shop.churn"),
        (["shop/__init__.py", "shop/in/__init__.py", "shop/in/churn.py"], "shop/in/churn.py", "shop.in.churn"),
    ],
)
def test_a_file_has_one_name(files: list[str], target: str, name: str) -> None:
    """A package or src folder names the module, else its path from the project root."""
    for file in files:
        put(file, FLOW if file == target else "")
    loaded = load_target(target)
    assert loaded.module_name == name
    assert loaded.workflow.fn.__module__ == name
    assert loaded.file == Path(target).absolute()
    assert sys.modules[name].churn is loaded.workflow


def test_the_root_is_the_nearest_project() -> None:
    """pyproject.toml or .git above the file, else its own folder."""
    put("pyproject.toml", "")
    assert project_root(put("a/b/churn.py")) == Path.cwd()
    put("a/.git/HEAD", "")
    assert project_root(Path("a/b/churn.py")) == Path("a").absolute()


def test_neighbours_are_found_and_get_the_same_module() -> None:
    """A file imports what lies beside it, and a neighbour that imports the file back gets the one module."""
    put("pyproject.toml", "")
    put("flows/helper.py", "def back():\n    import churn\n    return churn\n")
    put("flows/churn.py", "import helper\n" + FLOW)
    target = load_target("flows/churn.py")
    module = sys.modules[target.module_name]
    assert module.helper.back() is module


def test_relative_imports_work_in_packages() -> None:
    """A file inside a package may import relatively, and the package is imported once."""
    put("shop/__init__.py", "from .churn import churn\n")
    put("shop/size.py", "N = 3\n")
    put("shop/churn.py", "from .size import N\n" + FLOW)
    target = load_target("shop/churn.py")
    assert sys.modules["shop"].churn is target.workflow


def test_an_edited_file_is_imported_anew_and_an_equal_one_is_not() -> None:
    """Loading twice gives the same module; after an edit of equal size and time, the new code."""
    file = put("churn.py", FLOW + "\nVALUE = 1\n")
    first = load_target(file)
    assert load_target(file).workflow is first.workflow
    put("churn.py", FLOW + "\nVALUE = 2\n")
    load_target(file)
    assert sys.modules["churn"].VALUE == 2


def test_a_module_may_be_named_instead() -> None:
    """package.module:name means the same as the file."""
    put("shop/__init__.py", "")
    put("shop/churn.py")
    target = load_target("shop.churn:churn")
    assert (target.module_name, target.file) == ("shop.churn", Path("shop/churn.py").absolute())


def test_a_worker_imports_the_file_under_the_same_name() -> None:
    """What the driver calls the module, the worker calls it; __main__ means it there."""
    file = put("odd-name/churn.py")
    module = import_target("odd-name.churn", str(file), (str(file.parent),))
    assert module.Thing.__module__ == "odd-name.churn"
    assert sys.modules["__main__"] is module


def test_every_way_to_start_gives_the_same_names(tmp_path: Path) -> None:
    """python FILE, python -m and loading by file agree on the module of all that the file defines."""
    put("pyproject.toml", "")
    report = """
import json
def describe():
    from hookline.worker.target import target_of
    target = target_of(churn)
    import pickle
    things = [load.fn, churn.fn, Thing, Thing.method, Thing.Inner, Kind, helper, HELD[0]]
    assert pickle.loads(pickle.dumps(Thing)) is Thing and pickle.loads(pickle.dumps(Kind.A)) is Kind.A
    return [target.module_name, str(target.root), load.__module__, *(thing.__module__ for thing in things)]
import enum
class Kind(enum.Enum):
    A = 1
def helper(): ...
HELD = [lambda: 1]
if __name__ == "__main__":
    print(json.dumps(describe()))
"""
    put("flows/churn.py", FLOW + report)
    load = "from hookline.worker.target import load_target; import sys, json; t = load_target('flows/churn.py')"
    by_file = ["-c", f"{load}; print(json.dumps(sys.modules[t.module_name].describe()))"]
    api = ["-c", "import sys, json; sys.path.insert(0, 'flows'); import churn; print(json.dumps(churn.describe()))"]
    found = [
        json.loads(subprocess.run([sys.executable, *way], capture_output=True, text=True, check=True).stdout)
        for way in (["flows/churn.py"], ["-m", "flows.churn"], by_file, api)
    ]
    assert found[0] == ["flows.churn", str(tmp_path), *["flows.churn"] * 9]
    assert found == [found[0]] * 4


def test_a_workflow_without_a_file_has_no_target() -> None:
    """A notebook's or shell's workflow belongs to no module."""
    namespace = {"__name__": "__main__"}
    exec(FLOW, namespace)
    target = target_of(namespace["churn"])
    assert (target.module_name, target.file) == ("", None)


def test_a_missing_file_says_what_is_near() -> None:
    """A misspelt file is a usage error that names the close match."""
    put("churn.py")
    found = error("chrun.py")
    assert isinstance(found, UsageError)
    assert found.message == f"there is no file 'chrun.py' in {Path.cwd()}; did you mean 'churn.py'?"


def test_a_folder_is_no_target() -> None:
    """A folder's error names a file in it."""
    put("flows/churn.py")
    found = error("flows")
    assert (found.message, found.help) == ("'flows' is a folder", "give the workflow's file, such as flows/churn.py")


def test_a_file_of_another_kind_is_refused() -> None:
    """Only Python files are imported."""
    put("churn.txt", "")
    assert error("churn.txt").message == "'churn.txt' is no Python file"


def test_a_missing_module_is_a_usage_error() -> None:
    """A dotted name that nothing has."""
    found = error("no_such.module")
    assert isinstance(found, UsageError)
    assert found.message == "there is no module 'no_such.module'"


def test_a_file_that_does_not_import_shows_the_users_line() -> None:
    """The error has the exception and the user's file and line, and leaves no half module behind."""
    put("churn.py", "import os\nimport pandsa\n")
    found = error("churn.py")
    assert isinstance(found, WorkflowError)
    assert found.message == (
        "'churn.py' can't be imported: ModuleNotFoundError: No module named 'pandsa' "
        "(churn.py:2 in <module>: import pandsa)"
    )
    assert found.help == "install 'pandsa' in this environment, or mend the import"
    assert "churn" not in sys.modules


def test_a_syntax_error_shows_the_text() -> None:
    """The error has file, line and the line's text."""
    put("churn.py", "x = 1\ndef f(:\n    pass\n")
    found = error("churn.py")
    assert "SyntaxError: invalid syntax (churn.py:2)\n    def f(:" in found.message
    assert found.exit_code == 3


def test_a_script_that_exits_on_import_says_so() -> None:
    """sys.exit at the top level does not end hookline."""
    put("churn.py", "import sys\nsys.exit(4)\n")
    assert error("churn.py").message == (
        "'churn.py' ends the program while it is imported (churn.py:2 in <module>: sys.exit(4))"
    )


def test_a_file_without_a_workflow_says_so() -> None:
    """Nothing to run."""
    put("churn.py", "x = 1\n")
    assert error("churn.py").message == "there is no workflow in 'churn.py'"


def test_several_workflows_are_named() -> None:
    """The error lists them, and the remedy is a target that would work."""
    put("churn.py", FLOW + "\n@workflow\ndef other():\n    return load(1)\n")
    found = error("churn.py")
    assert found.message == "there are 2 workflows in 'churn.py': churn, other"
    assert found.help == "say which: churn.py:churn"
    assert load_target("churn.py:other").workflow.name == "other"


def test_a_named_workflow_that_is_not_there_has_a_close_match() -> None:
    """A misspelt workflow name."""
    put("churn.py")
    assert error("churn.py:chrun").message == "there is no workflow 'chrun' in 'churn.py'; did you mean 'churn'?"


def test_an_imported_workflow_is_not_the_files_own() -> None:
    """A file that imports a workflow to call it inside its own has one workflow to run."""
    put("other.py", FLOW)
    text = (
        "from hookline.model.workflow import workflow\nfrom other import churn\n\n@workflow\ndef mine():\n    churn()\n"
    )
    put("main_flow.py", text)
    assert load_target("main_flow.py").workflow.name == "mine"
