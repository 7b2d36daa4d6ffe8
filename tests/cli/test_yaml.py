"""Workflows in YAML files on the command line: they run like any other, and what is wrong is told line by line."""

# ruff: noqa: E501 - messages stand as they are shown, on one line
from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from textwrap import dedent
from typing import Any

import pytest

from cli.terminal import Shown, call_each, environment

STEPS = '''
import datetime as dt
from decimal import Decimal
from pathlib import Path
from typing import Literal, NamedTuple, TypedDict

from hookline import Secret, step, workflow


class Split(NamedTuple):
    rows: list[int]
    name: str


@step
def load(path: Path, size: int = 3) -> Split:
    return Split(list(range(size)), path.name)


@step
def train(rows: list[int], depth: int, rate: float = 0.1) -> float:
    return len(rows) / depth


@step
def good(scores: list[float]) -> bool:
    """Tell whether one is good."""
    return max(scores) > 0.1


@step
def pick(kind: Literal["tree", "line"], since: dt.date | None = None, parts: list[Path] = []) -> str:
    return kind


@step
def fetch(token: Secret[str]) -> int:
    return 1


@step
def only(value: int, /) -> int:
    return value


@step
def spread(**numbers: int) -> int:
    return sum(numbers.values())


@step(cache=False)
def publish(scores: list[float], name: str) -> str:
    """Send the scores.

    Args:
        scores: How good the models are.
        name: Whose they are.
    """
    return f"{name}: {max(scores):.2f}"


@step
def tell(run_id: str, failed: list[str]) -> None: ...


@step
def number() -> int:
    return 1


def plain(x: int) -> int:
    return x


@workflow
def churn(path: Path = Path("customers.csv"), depths: list[int] = [3, 5, 8]):
    split = load(path, 4)
    scores = train.partial(split.rows).map(depth=depths)
    return publish.when(good(scores))(scores, split.name)
'''

CHURN = """
workflow: churn
description: Tells who leaves.
params:
  path: {type: path, default: customers.csv, help: Where the customers are.}
  depths: [3, 5, 8]
steps:
  publish:
    uses: lib:publish
    with:
      scores: ${{ steps.train }}
      name: ${{ steps.load.name }}
    when: ${{ steps.good }}
  good: {uses: "lib:good", with: {scores: "${{ steps.train }}"}}
  load:
    uses: lib:load
    with:
      path: ${{ params.path }}
      size: 4
  train:
    uses: lib:train
    with: {rows: "${{ steps.load.rows }}"}
    map:
      depth: ${{ params.depths }}
returns: ${{ steps.publish }}
"""

BAD: dict[str, tuple[str, int, str]] = {
    "empty": (
        "# nothing\n",
        2,
        "error: 'flow.yaml' is empty\nhelp: declare a workflow in it: steps, and what they use\n",
    ),
    "no YAML": (
        "steps:\n  a: [1\n  b: 2\n",
        2,
        "error: flow.yaml:3: this is no YAML: expected ',' or ']', but got ':'\nhelp: mend that line, or the one before\n",
    ),
    "a reference in braces": (
        "steps:\n  a: {uses: 'lib:good', with: {scores: ${{ steps.b }}}}\n",
        2,
        """\
        error: flow.yaml:2: this is no YAML: expected ',' or '}', but got '{'
        help: between braces or brackets, a reference stands in quotes: {path: '${{ params.path }}'}
        """,
    ),
    "tabs": (
        "steps:\n\ta: 1\n",
        2,
        """\
        error: flow.yaml:2: this is no YAML: found character '\\t' that cannot start any token
        help: indent with spaces, not with tabs
        """,
    ),
    "a control character": (
        "steps: \x07\n",
        2,
        "error: flow.yaml:1: this is no YAML: it has the character '\\x07'\nhelp: delete it\n",
    ),
    "a character that there is not": (
        'steps:\n  a: {uses: "lib:\\UFFFFFFFF"}\n',
        2,
        """\
        error: flow.yaml:2: this is no YAML: there is no character '\\UFFFFFFFF'
        help: the last one is '\\U0010FFFF'; a backslash itself is written twice
        """,
    ),
    "too deep": (
        "steps: " + "[" * 60,
        2,
        "error: flow.yaml:1: this is nested too deeply\nhelp: build such a value in a step\n",
    ),
    "a key that is a list": (
        "steps:\n  [a]: 1\n",
        2,
        "error: flow.yaml:2: a key can't be a list or a mapping\nhelp: write a word\n",
    ),
    "another kind of value": (
        "- lib:load\n",
        3,
        "error: 'flow.yaml' has a problem\n  - flow.yaml:1: the file takes names with values below them, not a list\n",
    ),
    "what YAML can do and this can't": (
        """\
        params:
          a: &here 1
          b: *here
          c: !!python/object:os.system rm
        base: &base {uses: lib:number}
        steps:
          number: {<<: *base}
          number:
            uses: lib:number
        ---
        more: 1
        """,
        3,
        """\
        error: 'flow.yaml' has 10 problems
          - flow.yaml:2: '&here' names a part for use elsewhere, which can't be done here
          - flow.yaml:3: '*here' repeats another part, which can't be done here; write it out
          - flow.yaml:4: there is a tag ('!!python/object:os.system'), which can't be used here; leave it out
          - flow.yaml:5: '&base' names a part for use elsewhere, which can't be done here
          - flow.yaml:5: the file has no key 'base'; keys are workflow, description, params, steps, returns, on_failure
          - flow.yaml:7: '<<' merges another part into this one, which can't be done here; write it out
          - flow.yaml:7: '*base' repeats another part, which can't be done here; write it out
          - flow.yaml:7: step 'number' does not say which step it 'uses'
          - flow.yaml:8: the key 'number' comes twice; it stands in line 7 already
          - flow.yaml:10: a second document begins here; a file declares one workflow
        """,
    ),
    "wrong at the top": (
        "wrokflow: a\ndescription: [1]\nparams: 3\nstpes: {}\n1: 2\nreturns: ${{ steps.a }}\n",
        3,
        """\
        error: 'flow.yaml' has 7 problems
          - flow.yaml:1: the file has no key 'wrokflow'; did you mean 'workflow'?
          - flow.yaml:1: there are no 'steps' in it
          - flow.yaml:2: 'description' takes text, not a list
          - flow.yaml:3: 'params' takes names with values below them, not 3
          - flow.yaml:4: the file has no key 'stpes'; did you mean 'steps'?
          - flow.yaml:5: the name 1 is no text; put it in quotes
          - flow.yaml:6: there is no step 'a'
        """,
    ),
    "wrong parameters": (
        """\
        workflow: a b
        params:
          my-path: {type: path}
          class: 3
          a: {tpye: int, default: 1}
          b: {type: itn}
          c: {type: int, default: many}
          d:
          e: {help: What is it}
          f: {type: "list[itn]"}
          g: ${{ params.a }}
          h: {default: 1, help: 3}
          i: {type: secret, default: hunter2}
          j: date
        steps:
          number: {uses: "lib:number"}
        """,
        3,
        """\
        error: 'flow.yaml' has 13 problems
          - flow.yaml:1: the workflow name 'a b' can't be used: use at most 100 letters, digits, '_', '-' and '.', such as 'train_model'
          - flow.yaml:3: the parameter name 'my-path' can't be used: take letters, digits and '_'
          - flow.yaml:4: the parameter name 'class' can't be used: it is a word of Python's own
          - flow.yaml:5: parameter 'a' has no key 'tpye'; did you mean 'type'?
          - flow.yaml:6: there is no type 'itn'; did you mean 'int'?
          - flow.yaml:7: the default of 'c' takes a whole number, not 'many'
          - flow.yaml:8: parameter 'd' has no default; say at least its type: d: {type: text}
          - flow.yaml:9: parameter 'e' has neither a type nor a default
          - flow.yaml:10: there is no type 'itn'; did you mean 'int'?
          - flow.yaml:11: the default of parameter 'g' can't be a reference
          - flow.yaml:12: 'help' takes text, not 3
          - flow.yaml:13: the default of 'i' takes a secret's place (env:NAME or file:/path), not what was given (a secret was given in the open)
          - flow.yaml:14: parameter 'j' has the name of a type where its default stands; say which is meant: j: {type: date}, or j: {default: date}
        """,
    ),
    "wrong steps": (
        """\
        steps:
          a b: {uses: "lib:number"}
          b:
          c: {with: {x: 1}}
          d: {uses: "lib:nubmer"}
          e: {uses: "lbi:number"}
          f: {uses: "lib:plain"}
          g: {uses: data.load}
          h: {uses: "lib.number"}
          i: {uses: ":number"}
          j: {uses: "lib:train", map: {depth: [1]}, product: {rows: [1]}, wiht: {}}
          k: {uses: "lib:train", with: {depth: 1, rows: []}, map: {depth: [1]}}
          l: {uses: "lib:number", when: true}
          m: {uses: "lib:number", map: {}}
          n: {uses: "lib:number", options: {retrise: 1}}
          o: {uses: "lib:number", options: {retry_on: ValueError}}
          p: {uses: "lib:number", options: {name: q}}
          q: {uses: "lib:number", options: {timeout: soon}}
          r: {uses: "lib:number", options: {retries: "${{ params.x }}"}}
        on_failure: lib:number
        """,
        3,
        """\
        error: 'flow.yaml' has 20 problems
          - flow.yaml:2: the step name 'a b' can't be used: take letters, digits, '_' and '-'
          - flow.yaml:3: step 'b' takes names with values below them, not nothing
          - flow.yaml:4: step 'c' does not say which step it 'uses'
          - flow.yaml:5: there is no step 'nubmer' in module 'lib'; did you mean 'number'?
          - flow.yaml:6: there is no module 'lbi'; give the name of a module that can be imported from the file's folder
          - flow.yaml:7: 'lib:plain' is no step; decorate the function with @step
          - flow.yaml:8: no plugin has a step 'data.load'; a step of your own is named by its module: data:load
          - flow.yaml:9: no plugin has a step 'lib.number'; a step of your own is named by its module: lib:number
          - flow.yaml:10: ':number' names no step; write module:name, such as my_package.steps:train
          - flow.yaml:11: step 'j' has no key 'wiht'; did you mean 'with'?
          - flow.yaml:11: step 'j' has both 'map' and 'product'; leave one of them out
          - flow.yaml:11: step 'j': 'rows' takes a list of lists of whole numbers, not [1] (item 1)
          - flow.yaml:12: step 'k' has 'depth' both in 'with' and in 'map'
          - flow.yaml:13: 'when' of step 'l' takes a reference, such as ${{ steps.check }}
          - flow.yaml:14: 'map' of step 'm' is empty; name what it takes a list for
          - flow.yaml:15: step 'n': the step 'number' is given an option 'retrise' that does not exist; did you mean 'retries'?
          - flow.yaml:16: step 'o': retry_on takes exception types, which can't be written here; give it where the step is decorated
          - flow.yaml:17: step 'p': its name is no option; rename its key instead
          - flow.yaml:18: step 'q': timeout of step 'number' 'soon' is no length of time; write seconds as a number, or text such as '90s', '10m', '1h 30m'
          - flow.yaml:19: the option 'retries' of a step can't be a reference
        """,
    ),
    "wrong arguments": (
        """\
        params: {deep: 3}
        steps:
          load: {uses: "lib:load", with: {paht: a.csv, size: many}}
          train:
            uses: lib:train
            with:
              rows: ${{ steps.laod }}
              depth: ${{ params.depth }}
              rate: [1]
              more: 1
          pick: {uses: "lib:pick", with: {kind: treee, since: soon, parts: [a.csv, 3]}}
          fetch: {uses: "lib:fetch", with: {token: hunter2}}
          each: {uses: "lib:train", with: {rows: []}, map: {depth: [1, x]}}
          some: {uses: "lib:spread", with: {a: 1, b: two}}
          number: {uses: "lib:number", with: {x: 1}}
        """,
        3,
        """\
        error: 'flow.yaml' has 13 problems
          - flow.yaml:3: step 'load' (load) has no parameter 'paht'; did you mean 'path'?
          - flow.yaml:3: step 'load': 'size' takes a whole number, not 'many'
          - flow.yaml:7: there is no step 'laod'; did you mean 'load'?
          - flow.yaml:8: there is no parameter 'depth'; did you mean 'deep'?
          - flow.yaml:9: step 'train': 'rate' takes a number, not [1]
          - flow.yaml:10: step 'train' (train) has no parameter 'more'; did you mean 'rate'?
          - flow.yaml:11: step 'pick': 'kind' takes one of 'tree', 'line', not 'treee'
          - flow.yaml:11: step 'pick': 'since' takes a date (2026-01-31) or none, not 'soon'
          - flow.yaml:11: step 'pick': 'parts' takes a list of paths, not ['a.csv', 3] (item 2)
          - flow.yaml:12: step 'fetch': 'token' takes a secret's place (env:NAME or file:/path), not what was given (a secret was given in the open)
          - flow.yaml:13: step 'each': 'depth' takes a list of whole numbers, not [1, 'x'] (item 2)
          - flow.yaml:14: step 'some': 'b' takes a whole number, not 'two'
          - flow.yaml:15: step 'number' (number) has no parameter 'x'; it takes nothing
        """,
    ),
    "wrong references": (
        """\
        params: {dir: data}
        steps:
          load: {uses: "lib:load", with: {path: "${{ params.dir }}/a.csv"}}
          more: {uses: "lib:load", with: {path: "${{ param.dir }}"}}
          some: {uses: "lib:load", with: {path: "${{ params.dir + 1 }}"}}
          both: {uses: "lib:load", with: {path: "${{ params.dir }}${{ params.dir }}"}}
          number: {uses: "lib:number", when: "${{ steps.load.name.x }}"}
          a: {uses: "lib:train", with: {rows: "${{ steps.load.rwos }}"}, map: {depth: [1]}}
          b: {uses: "lib:good", with: {scores: "${{ steps.a.best }}"}}
          c: {uses: "lib:good", with: {scores: "${{ steps.b.best }}"}}
          d: {uses: "lib:good", with: {"${{ steps.b }}": 1, scores: []}}
        returns: {a: ["${{ steps.nothing }}", 1]}
        """,
        3,
        """\
        error: 'flow.yaml' has 10 problems
          - flow.yaml:3: '${{ params.dir }}/a.csv' has text around a reference; a reference stands alone: put texts together in a step
          - flow.yaml:4: '${{ param.dir }}' is no reference; did you mean 'params'?
          - flow.yaml:5: '${{ params.dir + 1 }}' is no reference; write ${{ params.NAME }}, ${{ steps.NAME }} or ${{ steps.NAME.FIELD }}; nothing else is evaluated
          - flow.yaml:6: '${{ params.dir }}${{ params.dir }}' has text around a reference; a reference stands alone: put texts together in a step
          - flow.yaml:7: '${{ steps.load.name.x }}' is no reference; write ${{ params.NAME }}, ${{ steps.NAME }} or ${{ steps.NAME.FIELD }}; nothing else is evaluated
          - flow.yaml:8: what step 'load' makes has no field 'rwos'; did you mean 'rows'?
          - flow.yaml:9: step 'a' is mapped, so it makes a list, which has no field 'best'; it has 'completed', the items that completed
          - flow.yaml:10: what step 'b' makes has no fields, so no 'best'; fields come from a step that returns a fixed tuple, NamedTuple, dataclass or TypedDict
          - flow.yaml:11: step 'd' (good) has no parameter '${{ steps.b }}'; it takes scores
          - flow.yaml:12: there is no step 'nothing'; did you mean 'both'?
        """,
    ),
    "circles": (
        """\
        steps:
          number: {uses: "lib:number"}
          b: {uses: "lib:only", with: {value: "${{ steps.c }}"}}
          c: {uses: "lib:only", with: {value: "${{ steps.number }}"}, when: "${{ steps.d }}"}
          d: {uses: "lib:only", with: {value: "${{ steps.b }}"}}
          e: {uses: "lib:only", with: {value: "${{ steps.d }}"}}
          f: {uses: "lib:only", with: {value: "${{ steps.f }}"}}
        """,
        3,
        """\
        error: 'flow.yaml' has 2 problems
          - flow.yaml:3: step 'b' waits for itself: b → c → d → b
          - flow.yaml:7: step 'f' waits for itself: f → f
        """,
    ),
    "types along edges": (
        """\
        params: {depth: {type: text, default: deep}, size: 3}
        steps:
          load: {uses: "lib:load", with: {path: a.csv, size: "${{ params.size }}"}}
          train: {uses: "lib:train", with: {rows: "${{ steps.load.name }}", depth: 3}}
          good: {uses: "lib:good", with: {scores: "${{ steps.train }}"}}
        """,
        3,
        """\
        error: the workflow 'flow' has 2 problems
          - task 'train' (flow.yaml:4) takes list[int] as 'rows', but 'name' of task 'load' (flow.yaml:3) is str
          - task 'good' (flow.yaml:5) takes list[float] as 'scores', but what task 'train' (flow.yaml:4) returns is float
        """,
    ),
    "an argument that nothing gives": (
        "steps:\n  a: {uses: 'lib:train', with: {depth: 1}}\n  b: {uses: 'lib:good'}\n",
        3,
        """\
        error: the workflow 'flow' has 2 problems
          - task 'a' (flow.yaml:2) lacks the argument 'rows'
          - task 'b' (flow.yaml:3) lacks the argument 'scores'
        """,
    ),
    "parameters that fit nowhere": (
        """\
        params: {depth: deep}
        steps:
          train: {uses: "lib:train", with: {rows: []}, map: {depth: "${{ params.depth }}"}}
          only: {uses: "lib:only", with: {value: "${{ params.depth }}"}}
        """,
        3,
        """\
        error: 'flow.yaml' has 2 problems
          - flow.yaml:3: step 'train': 'depth' takes a list of whole numbers, not 'deep'
          - flow.yaml:4: step 'only': 'depth' takes a whole number, not 'deep'
        """,
    ),
    "a step for failures that takes something else": (
        "steps:\n  number: {uses: 'lib:number'}\non_failure: lib:number\n",
        3,
        """\
        error: 'flow.yaml' has a problem
          - flow.yaml:3: on_failure of workflow 'flow' is the step 'number', which takes nothing; it is called with run_id (text) and failed (a list of task ids), and nothing else
        """,
    ),
}


@pytest.fixture(scope="module")
def bad(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Shown]:
    """What ``hookline check flow.yaml`` says about each bad file."""
    top = tmp_path_factory.mktemp("bad")
    folder = top / "project"
    folder.mkdir()
    (folder / "pyproject.toml").touch()
    (folder / "lib.py").write_text(STEPS)
    lines = []
    for number, (text, _, _) in enumerate(BAD.values()):
        place = folder / str(number)
        place.mkdir()
        (place / "flow.yaml").write_text(dedent(text))
        lines.append(["check", f"{number}/flow.yaml"])
    scratch = top / "scratch"
    scratch.mkdir()
    return dict(zip(BAD, call_each(lines, folder), strict=True))


@pytest.mark.parametrize("name", BAD)
def test_every_problem_of_a_file_is_told_with_its_line(name: str, bad: dict[str, Shown]) -> None:
    """All of them at once, in order, with close matches and the documented exit code; never a traceback."""
    _, code, message = BAD[name]
    shown = bad[name]
    number = list(BAD).index(name)
    said = shown.err.replace(f"{number}/flow.yaml", "flow.yaml")

    assert said == dedent(message)
    assert (shown.code, shown.out) == (code, "")


@pytest.fixture
def churn(tmp_path: Path) -> Path:
    """A project with the same workflow in Python and in YAML."""
    folder = tmp_path / "project"
    folder.mkdir()
    (folder / "pyproject.toml").touch()
    (folder / "lib.py").write_text(STEPS)
    (folder / "churn.yaml").write_text(CHURN)
    return folder


def called(folder: Path, *lines: str) -> list[Shown]:
    scratch = folder / "scratch"
    scratch.mkdir(exist_ok=True)
    return call_each([line.split() for line in lines], folder)


def run_of(shown: Shown) -> dict[str, Any]:
    document: dict[str, Any] = json.loads(shown.out.splitlines()[-1])
    return document


@pytest.mark.parametrize("executor", ["inline", "threads", "processes"])
def test_a_yaml_workflow_reuses_what_its_python_form_recorded_and_the_reverse(churn: Path, executor: str) -> None:
    """The keys are the same, so only the step with side effects runs again, wherever attempts are made."""
    python, declared, other, back = called(
        churn,
        f"run lib.py --json -x {executor}",
        f"run churn.yaml --json -x {executor}",
        f"run churn.yaml --json -x {executor} --depths 1,2 --path other.csv",
        f"run lib.py --json -x {executor} --depths 1,2 --path other.csv",
    )

    assert [one.code for one in (python, declared, other, back)] == [0, 0, 0, 0], declared.err
    assert run_of(python)["counts"] == {"completed": 6}
    assert run_of(declared)["counts"] == {"completed": 1, "reused": 5}
    assert run_of(other)["counts"] == {"completed": 5}
    assert run_of(back)["counts"] == {"completed": 1, "reused": 4}


def test_a_yaml_workflow_is_drawn_planned_checked_and_explained_like_any_other(churn: Path) -> None:
    """Tasks go by their keys, whatever their steps are called."""
    text = CHURN.replace("  train:\n", "  fit:\n").replace("steps.train", "steps.fit")
    (churn / "churn.yaml").write_text(text)
    check, drawn, run, plan, why, show = called(
        churn,
        "check churn.yaml",
        "graph churn.yaml",
        "run churn.yaml --path x.csv",
        "plan churn.yaml",
        "why last fit",
        "runs show last",
    )

    assert check.out == "churn is sound: 4 tasks of 4 steps\n"
    assert "fit" in drawn.out
    assert run.out == "x.csv: 1.33\n"
    assert "fit" in plan.out
    assert why.out == "ran: first run of this workflow\n"
    assert "publish" in show.out
    assert [one.code for one in (check, drawn, run, plan, why, show)] == [0] * 6, why.err


def test_help_lists_the_parameters_of_a_yaml_workflow(churn: Path) -> None:
    """With their types, defaults and help."""
    (shown,) = called(churn, "run churn.yaml --help")

    assert "Parameters of churn:" in shown.out
    assert "Where the customers are." in shown.out
    assert "[default: customers.csv]" in " ".join(shown.out.split())
    assert "list[int]" in shown.out


def test_parameters_of_a_yaml_workflow_are_validated(churn: Path) -> None:
    """As those of a Python workflow are."""
    (shown,) = called(churn, "run churn.yaml --depths 1,two")

    assert shown.code == 2
    assert shown.err.startswith("error: workflow 'churn': 'depths' takes a list of whole numbers, not '1,two' (item 2)")


def test_a_failed_run_of_a_yaml_workflow_is_resumed_from_its_file(churn: Path) -> None:
    """The file is found again, and what was recorded stays."""
    (churn / "lib.py").write_text(STEPS.replace("return max(scores) > 0.1", "raise ValueError('no')"))
    (failed,) = called(churn, "run churn.yaml --json")
    (churn / "lib.py").write_text(STEPS)
    (resumed,) = called(churn, "resume last --json")

    assert failed.code == 1
    assert (resumed.code, run_of(resumed)["counts"]) == (0, {"completed": 6}), resumed.err


def test_the_workflow_in_a_yaml_file_may_be_named_and_no_other(churn: Path) -> None:
    """``churn.yaml:churn`` is the same as ``churn.yaml``."""
    right, wrong, missing = called(churn, "check churn.yaml:churn", "check churn.yaml:chrun", "check chrun.yaml")

    assert right.code == 0
    assert (wrong.code, wrong.err) == (
        2,
        "error: there is no workflow 'chrun' in 'churn.yaml': it declares 'churn'\nhelp: give churn.yaml\n",
    )
    assert "did you mean 'churn.yaml'?" in missing.err


def test_a_file_that_is_no_text_is_refused(churn: Path) -> None:
    """It is said what is the matter, not where a decoder stopped."""
    (churn / "churn.yaml").write_bytes(b"steps: \xff")
    (churn / "folder.yaml").mkdir()
    text, folder = called(churn, "check churn.yaml", "check folder.yaml")

    assert (text.code, text.err) == (2, "error: 'churn.yaml' is not UTF-8 text\nhelp: save it as UTF-8\n")
    assert folder.code == 2


def test_a_yaml_workflow_in_a_folder_finds_modules_beside_it_and_in_the_project(churn: Path) -> None:
    """As a Python file there would; workers find them, too."""
    (churn / "flows").mkdir()
    (churn / "flows" / "near.py").write_text(
        "from hookline import step\n\n@step\ndef half(x: float) -> float:\n    return x / 2\n"
    )
    text = "steps:\n  number: {uses: 'lib:number'}\n  half: {uses: 'near:half', with: {x: '${{ steps.number }}'}}\nreturns: ${{ steps.half }}\n"
    (churn / "flows" / "half.yml").write_text(text)
    (shown,) = called(churn, "run flows/half.yml -x processes")

    assert (shown.code, shown.out) == (0, "0.5\n"), shown.err


MORE_STEPS = """
import dataclasses
from hookline import Secret, Seed, step, workflow

@dataclasses.dataclass
class Model:
    depth: int

@step
def double(x: int) -> int:
    return 2 * x

@step
def grow(n: int) -> int:
    return double(double(n))

@step
def draw(n: int, seed: Seed = Seed(0)) -> int:
    return int(seed) % 1000 + n

@step
def make(depth: int) -> list[Model]:
    return [Model(depth)]

@step
def tell(models: list[Model]) -> str:
    return repr(models)

@step
async def wait(x: int) -> int:
    return x

@step
def ask(token: Secret[str]) -> int:
    return len(token.reveal())

@step
def fail() -> int:
    raise ValueError("no")

@step
def mourn(run_id: str, failed: list[str]) -> None:
    print("mourning", failed)

@workflow
def every(n: int = 3, token: Secret[str] = Secret("env:HOME")):
    return [grow(n), grow.map(n=[1, 2]), draw(n), tell(make(n)), wait(n), ask(token)]
"""

EVERY = """
params:
  n: 3
  token: {type: secret, default: "env:HOME"}
steps:
  g: {uses: "more:grow", with: {n: "${{ params.n }}"}}
  m: {uses: "more:grow", map: {n: [1, 2]}}
  d: {uses: "more:draw", with: {n: "${{ params.n }}"}}
  make: {uses: "more:make", with: {depth: "${{ params.n }}"}}
  tell: {uses: "more:tell", with: {models: "${{ steps.make }}"}}
  w: {uses: "more:wait", with: {x: "${{ params.n }}"}}
  a: {uses: "more:ask", with: {token: "${{ params.token }}"}}
returns:
  - ${{ steps.g }}
  - ${{ steps.m }}
  - ${{ steps.d }}
  - ${{ steps.tell }}
  - ${{ steps.w }}
  - ${{ steps.a }}
"""


@pytest.mark.parametrize("executor", ["threads", "processes"])
def test_steps_of_every_kind_are_the_same_in_both_forms(churn: Path, executor: str) -> None:
    """Steps that grow, take seeds and secrets, are async, or pass classes of the project on, in a folder of their own."""
    (churn / "flows").mkdir()
    (churn / "flows" / "more.py").write_text(MORE_STEPS)
    (churn / "flows" / "every.yaml").write_text(EVERY)
    python, declared, fresh = called(
        churn,
        f"run flows/more.py --json -x {executor}",
        f"run flows/every.yaml --json -x {executor}",
        f"run flows/every.yaml --json --fresh -x {executor}",
    )

    assert run_of(declared)["result"] == run_of(python)["result"] == run_of(fresh)["result"], declared.err + fresh.err
    assert run_of(declared)["counts"] == {"reused": 14}
    assert run_of(fresh)["counts"]["completed"] >= 13


def test_a_program_runs_a_workflow_that_it_loaded_from_a_file(churn: Path) -> None:
    """Workers and a later resume find it as they do for the command line."""
    code = """
import hookline
from hookline.worker.target import load_target
declared = load_target("flows/churn.yaml").workflow
run = hookline.run(declared, {"path": "x.csv"}, executor="processes")
print(run.result, declared.graph(), hookline.resume(run.id).status, sep="; ")
"""
    (churn / "flows").mkdir()
    (churn / "churn.yaml").rename(churn / "flows" / "churn.yaml")
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=churn, env=environment(), capture_output=True, text=True, check=False
    )

    assert done.stdout == "x.csv: 1.33; <task graph of churn: 4 tasks>; completed\n", done.stderr


def test_the_step_for_failures_runs_after_a_failure(churn: Path) -> None:
    """As ``@workflow(on_failure=…)`` says in Python."""
    (churn / "more.py").write_text(MORE_STEPS)
    (churn / "bad.yaml").write_text("steps:\n  f: {uses: 'more:fail'}\non_failure: more:mourn\n")
    failed, logs = called(churn, "run bad.yaml", "runs logs last")

    assert failed.code == 1
    assert "mourning ['f']" in logs.out


def test_settings_give_what_a_yaml_workflow_leaves_open(churn: Path) -> None:
    """As they do for a workflow in Python."""
    (churn / "pyproject.toml").write_text("[tool.hookline.step.train]\ndepth = 2\n")
    (churn / "open.yaml").write_text("steps:\n  t: {uses: 'lib:train', with: {rows: [1]}}\nreturns: ${{ steps.t }}\n")
    (shown,) = called(churn, "run open.yaml")

    assert (shown.code, shown.out) == (0, "0.5\n"), shown.err


def test_no_plugin_is_loaded_for_a_file_that_names_none(churn: Path) -> None:
    """Reading a file costs what it uses."""
    (churn / "hookline_plugins.py").write_text("print('loaded')\n")
    (churn / "own.yaml").write_text("steps:\n  n: {uses: 'lib:number'}\n")
    (shown,) = called(churn, "run own.yaml --help")

    assert (shown.code, "loaded" in shown.out) == (0, False)
