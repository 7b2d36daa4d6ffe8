from __future__ import annotations

import re
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

pytestmark = pytest.mark.integration

Copy = Callable[[str, Path], Path]
Play = Callable[[Path, str], Any]

START = """
from pathlib import Path
import hookline
from workflow import diagnosis

def start(executor="threads", store=".hookline", **changes):
    params = {"depths": [2], "strengths": [0.1], "folds": 3, **changes}
    return hookline.run(diagnosis, params, executor=executor, store=store)

def facts(run):
    result = run.result
    return {
        "status": run.status,
        "counts": {word: count for word, count in run.counts.items() if count},
        "ran": sorted(name for name, task in run.tasks.items() if task.attempts),
        "figures": {name: list(vars(figures).values()) for name, figures in result["figures"].items()},
        "model": None if result["model"] is None else str(result["model"]),
        "page": (result["report"] / "report.md").read_text(),
        "picture": (result["report"] / "figures.png").read_bytes().hex(),
    }
"""
FIRST = """
import joblib
from hookline.store import open_store, unpack_outputs

def digests(store):
    with open_store(store) as found:
        rows = list(found.attempts("last"))
        return sorted([row.node, row.item, *(one.digest.hex() for one in unpack_outputs(row.outputs))] for row in rows)

said = {"digests": {}}
for name in ("inline", "processes", "ray"):
    said[name] = facts(start(name, f"store-{name}"))
    said["digests"][name] = digests(f"store-{name}")
run = start()
said["threads"] = facts(run)
said["digests"]["threads"] = digests(".hookline")
said["again"] = facts(start())
cases = run.load("split")[1].drop(columns="diagnosis").to_numpy()
said["predicted"] = len(joblib.load(said["threads"]["model"]).predict(cases))
said["gated"] = facts(start(minimum_recall=1.01))
right = Path("breast_cancer.csv").rename("right.csv")
Path("wrong.csv").rename("breast_cancer.csv")
bad = start()
said["bad"] = {name: [task.state, task.error] for name, task in bad.tasks.items()}
right.rename("breast_cancer.csv")
"""
WRONG = {1: (0, "unknown"), 2: (1, "wide"), 3: (2, ""), 4: (3, "-1")}


@pytest.fixture(scope="module")
def first(tmp_path_factory: pytest.TempPathFactory, copy_of: Copy, play: Play) -> tuple[Path, Any]:
    """The example's folder after some runs, and what is known of these."""
    folder = copy_of("diagnosis", tmp_path_factory.mktemp("first"))
    lines = (folder / "breast_cancer.csv").read_text().splitlines()
    for row, (column, text) in WRONG.items():
        cells = lines[row].split(",")
        cells[column] = text
        lines[row] = ",".join(cells)
    (folder / "wrong.csv").write_text("\n".join(lines))
    return folder, play(folder, START + FIRST)


@pytest.fixture
def known(first: tuple[Path, Any], tmp_path: Path) -> Path:
    """A copy of that folder with its store, to be edited."""
    return Path(shutil.copytree(first[0], tmp_path / "known"))


def test_results_are_the_same_on_every_executor(first: tuple[Path, Any]) -> None:
    """Figures, report and picture, and each result on the way there, don't depend on where the tasks ran."""
    said = first[1]

    for what in ("status", "counts", "figures", "page", "picture"):
        assert said["inline"][what] == said["threads"][what] == said["processes"][what] == said["ray"][what], what
    assert said["inline"]["status"] == "completed"
    inline, *others = said["digests"].values()
    assert inline
    assert others == [inline] * 3


def test_a_second_run_reuses_everything(first: tuple[Path, Any]) -> None:
    """What is recorded is not done twice."""
    new, again = first[1]["threads"], first[1]["again"]

    assert new["status"] == again["status"] == "completed"
    assert (again["ran"], again["counts"]) == ([], {"reused": new["counts"]["completed"]})
    assert (again["figures"], again["page"]) == (new["figures"], new["page"])


def test_the_model_and_the_report_are_files(first: tuple[Path, Any]) -> None:
    """The model can be loaded and predicts, the report shows the figures, its picture is a PNG."""
    found = first[1]["threads"]

    assert Path(found["model"]).name == "model.joblib"
    assert first[1]["predicted"] == 143
    assert bytes.fromhex(found["picture"]).startswith(b"\x89PNG\r\n\x1a\n")
    assert "It passed the gate." in found["page"]
    assert re.search(r"\| malignant \| [01]\.\d{3} \|", found["page"])


def test_the_gate_keeps_a_model_from_being_written(first: tuple[Path, Any]) -> None:
    """Below the threshold the model's task is skipped; the run completes and the report says so."""
    gated = first[1]["gated"]

    assert (gated["status"], gated["model"], gated["counts"]["skipped"]) == ("completed", None, 1)
    assert "did **not** pass the gate" in gated["page"]


def test_a_table_with_errors_is_refused_with_all_of_them(first: tuple[Path, Any]) -> None:
    """The load names each wrong cell by line and column, and nothing after it runs."""
    tasks = first[1]["bad"]
    state, error = tasks.pop("data.load")

    assert state == "failed"
    assert "column 'diagnosis' is not one of 'malignant', 'benign': 1 row (breast_cancer.csv:2): 'unknown'" in error
    assert "column 'mean_radius' is not a number: 1 row (breast_cancer.csv:3): wide" in error
    assert "column 'mean_texture' is missing: 1 row (breast_cancer.csv:4)" in error
    assert "column 'mean_perimeter' is not at least 0: 1 row (breast_cancer.csv:5): -1" in error
    assert {state for state, _ in tasks.values()} == {"skipped"}


def test_after_an_edit_to_one_function_only_what_depends_on_it_runs(known: Path, play: Play) -> None:
    """A changed sentence of the report re-runs the report alone; why names the function, its file and line."""
    report = known / "report.py"
    report.write_text(report.read_text().replace("It passed the gate.", "Good enough."))
    line = next(n for n, text in enumerate(report.read_text().splitlines(), 1) if "Good enough." in text)

    said = play(known, START + "run = start()\nsaid = {**facts(run), 'why': run.why('write_report')}")

    assert said["ran"] == ["write_report"]
    assert "'verdict'" in said["why"]
    assert f"report.py:{line}" in said["why"]
    assert "Good enough." in said["page"]


def test_an_edit_that_does_not_change_a_result_stops_there(known: Path, play: Play) -> None:
    """A wider limit has the table loaded and checked anew; it is the same, so that nothing after it runs."""
    contract = known / "cases.yaml"
    contract.write_text(contract.read_text().replace("maximum: 60", "maximum: 70"))

    assert play(known, START + "said = facts(start())")["ran"] == ["data.load"]
