"""Every command, as the user of one project meets them one after the other."""

from __future__ import annotations

import itertools
import json
import shlex
from collections.abc import Callable
from pathlib import Path

import pytest
from syrupy.assertion import SnapshotAssertion

from cli.terminal import Shown, call_each

WORKFLOW = r"""
from pathlib import Path

from hookline import log_metric, log_params, step, workflow


def scaled(number: float) -> float:
    return number * 2


@step
def load(path: Path) -> list[float]:
    print("loading", path.name)
    return [scaled(float(word)) for word in path.read_text().split()]


@step
def train(rows: list[float], depth: int, boost: bool) -> float:
    print("\x1b[31mtraining\x1b[0m", depth, "\x1b]0;title\x07")
    log_metric("score", depth * sum(rows))
    log_params({"depth": depth})
    if depth == 13:
        raise ValueError("bad depth 13")
    return depth * sum(rows)


@step
def pick(scores: list[float]) -> float:
    return max(scores)


@workflow
def churn(path: Path = Path("rows.txt"), depths: list[int] = [3, 5, 8], boost: bool = False, seed: int = 1):
    '''Predict which customers leave.

    Args:
        path: The customers.
        depths: Depths of the trees, in [1, 20].
        boost: Whether to boost.
        seed: A parameter that is named like an option.
    '''
    rows = load(path)
    return pick(train.partial(rows, boost=boost).map(depth=depths))
"""

# The story: a name for each command, what is done before it, and the command.
STORY: list[tuple[str, Callable[[Path], object] | None, str]] = [
    ("parameters", None, "run churn.py --help"),
    ("check", None, "check churn.py"),
    ("graph", None, "graph churn.py"),
    ("mermaid", None, "graph churn.py --format mermaid --output graph.md"),
    ("first plan", None, "plan churn.py"),
    ("first run", None, "run churn.py --name first --tag a --tag b"),
    ("second plan", None, "plan churn.py"),
    ("second run", None, "run churn.py"),
    ("other parameters", None, "run churn.py --json --depths 3,5 --depths 9 --boost -p seed=2"),
    ("edited", lambda folder: edit(folder, "number * 2", "number * 3"), "run churn.py --quiet --executor inline"),
    ("failing", None, "run churn.py --depths 13,3"),
    ("failing for programs", None, "run churn.py --depths 13,3 --json --quiet"),
    ("resumed", lambda folder: edit(folder, "depth == 13", "depth == 14"), "resume"),
]

CHAPTERS = [index for index, (_, before, _) in enumerate(STORY) if not index or before is not None]


def edit(folder: Path, old: str, new: str) -> None:
    file = folder / "churn.py"
    text = file.read_text()
    assert old in text
    file.write_text(text.replace(old, new))


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("story") / "project"
    folder.mkdir()
    (folder / "pyproject.toml").touch()
    (folder / "churn.py").write_text(WORKFLOW)
    (folder / "rows.txt").write_text("1 2 3")
    return folder


@pytest.fixture(scope="module")
def told(project: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Shown]:
    """The whole story, told once."""
    shown: dict[str, Shown] = {}
    for begin, end in itertools.pairwise([*CHAPTERS, len(STORY)]):
        before = STORY[begin][1]
        if before is not None:
            before(project)
        names, lines = zip(*((name, line.split()) for name, _, line in STORY[begin:end]), strict=True)
        shown.update(zip(names, call_each(lines, project), strict=True))
    return shown


@pytest.mark.parametrize("name", [name for name, _, _ in STORY])
def test_what_a_command_says(name: str, told: dict[str, Shown], snapshot: SnapshotAssertion):
    """Each command of the story shows what it showed when this snapshot was approved."""
    assert told[name].text == snapshot


def test_only_what_an_edit_touches_runs_again(told: dict[str, Shown], project: Path, look: Callable[..., Shown]):
    """After the edit of a helper, why names the helper and its line."""
    assert told["edited"].code == 0
    shown = look(project, "why", "last~2", "load")
    assert "scaled" in shown.out
    assert "churn.py:8" in shown.out


def test_results_go_to_standard_output_and_the_rest_elsewhere(told: dict[str, Shown]):
    """Standard output of a run holds the result and nothing else."""
    assert told["first run"].out == "96.0\n"
    assert told["edited"].out == "144.0\n"
    assert told["edited"].err == ""
    assert told["failing"].out == ""


def test_json_is_the_last_line_and_holds_the_promised_names(told: dict[str, Shown]):
    """Scripts read the last line of standard output."""
    document = json.loads(told["other parameters"].out.splitlines()[-1])
    assert set(document) >= {"run", "workflow", "status", "counts", "result"}
    assert document["result"] == 108.0
    failed = json.loads(told["failing for programs"].out.splitlines()[-1])
    assert failed["status"] == "failed"
    assert failed["failures"][0]["error"] == "ValueError: bad depth 13"
    assert told["failing for programs"].code == failed["exit_code"] == 1


def test_a_failure_ends_with_the_frame_and_the_next_commands(told: dict[str, Shown]):
    """The last lines after a failure are the user's own line, how to go on, and where to read more."""
    lines = [line for line in told["failing"].err.splitlines() if line]
    assert lines[-4:] == [
        "train[0] failed: ValueError: bad depth 13",
        '  churn.py:23 in train: raise ValueError("bad depth 13")',
        "hookline resume last",
        "hookline runs logs last 'train[0]'",
    ]


def test_a_run_that_changed_nothing_says_so(told: dict[str, Shown]):
    """The second run has nothing to do, and the plan says so before."""
    assert "nothing to do: all 5 tasks reused" in told["second run"].err
    assert "nothing to do: all 5 tasks would be reused" in told["second plan"].out


@pytest.mark.parametrize(
    "line",
    [
        "runs list",
        "runs show last~5",
        "runs show last",
        "runs logs last~1",
        "runs logs last~1 train:0",
        "why last~2 pick",
        "why train:1",
        "why",
    ],
)
def test_what_recorded_runs_look_like(
    line: str, told: dict[str, Shown], project: Path, look: Callable[..., Shown], snapshot: SnapshotAssertion
):
    """Lists, pages, logs and whys read from the store look as approved."""
    assert look(project, *line.split()).text == snapshot


def test_recorded_output_cannot_steer_the_terminal(told: dict[str, Shown], project: Path, look: Callable[..., Shown]):
    """Escape sequences that a task printed are harmless when its log is read."""
    shown = look(project, "runs", "logs", "last~1", "train[0]")
    assert "\x1b" not in shown.out
    assert "training 13 \\x1b]0;title\\x07" in shown.out
    assert "ValueError: bad depth 13" in shown.out


def test_a_reused_task_names_the_run_that_has_its_output(
    told: dict[str, Shown], project: Path, look: Callable[..., Shown]
):
    """A task that was reused printed nothing here; the message is the command that shows what it printed."""
    shown = look(project, "runs", "logs", "last~4", "train[0]")
    assert "'train[0]' was reused, see hookline runs logs" in shown.err
    command = shlex.split(shown.err.partition("see hookline ")[2])
    assert "training 3" in look(project, *command).out


def test_an_item_that_there_is_not_printed_nothing_either(
    told: dict[str, Shown], project: Path, look: Callable[..., Shown]
):
    """That it "printed nothing, and did not fail" would be a wrong answer to a slip of the pen."""
    shown = look(project, "runs", "logs", "last~1", "train[99]")
    assert shown.code == 2
    assert "the run has no task 'train[99]'" in shown.err


def test_lists_can_be_read_by_programs(told: dict[str, Shown], project: Path, look: Callable[..., Shown]):
    """Each command that shows recorded runs has a JSON form."""
    runs = json.loads(look(project, "runs", "list", "--json", "--limit", "3").out)["runs"]
    assert [run["status"] for run in runs] == ["completed", "failed", "completed"]
    page = json.loads(look(project, "runs", "show", "last~1", "--json").out)
    assert {task["task"]: task["state"] for task in page["tasks"]} == {
        "load": "reused",
        "train": "failed",
        "pick": "skipped",
    }
    assert page["failures"][0]["task"] == "train[0]"
    assert {note["name"]: note["value"] for note in page["notes"] if note["task"] == "train[0]"} == {
        "score": 234.0,
        "depth": 13,
    }
    logs = json.loads(look(project, "runs", "logs", "last~1", "--json").out)["logs"]
    assert logs[0]["task"] == "train[0]"
    assert json.loads(look(project, "why", "pick", "--json").out)["task"] == "pick"


def test_a_run_is_found_by_the_beginning_of_its_id(told: dict[str, Shown], project: Path, look: Callable[..., Shown]):
    """Ids may be shortened where only one run is meant."""
    newest = json.loads(look(project, "runs", "list", "--json").out)["runs"][0]["run"]
    assert json.loads(look(project, "runs", "show", newest[:-1], "--json").out)["run"] == newest
