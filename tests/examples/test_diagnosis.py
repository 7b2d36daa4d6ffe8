from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

pytestmark = pytest.mark.integration

Example = Callable[[str], Path]
Play = Callable[..., Any]

SMALL = """
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
        "recall": result["figures"]["malignant"].recall,
        "model": None if result["model"] is None else str(result["model"]),
        "report": str(result["report"]),
    }
"""


def test_results_are_the_same_on_every_executor_and_a_second_run_reuses_all(example: Example, play: Play) -> None:
    """The figures and the report don't depend on the executor; what is recorded is not done twice."""
    code = """
said = {}
for executor in ("inline", "threads", "processes"):
    first, second = start(executor, f"store-{executor}"), start(executor, f"store-{executor}")
    figures = {name: list(vars(found).values()) for name, found in first.result["figures"].items()}
    page = (first.result["report"] / "report.md").read_text()
    picture = (first.result["report"] / "figures.png").read_bytes()
    said[executor] = {"result": [figures, page, picture.hex()], "first": facts(first), "second": facts(second)}
"""
    said = play(example("diagnosis"), SMALL + code)

    assert said["inline"]["result"] == said["threads"]["result"] == said["processes"]["result"]
    for executor in said:
        first, second = said[executor]["first"], said[executor]["second"]
        assert first["status"] == second["status"] == "completed"
        assert second["ran"] == []
        assert second["counts"] == {"reused": sum(first["counts"].values())}


def test_the_first_run_writes_a_model_and_a_report_with_a_picture(example: Example, play: Play) -> None:
    """A result that is a file is a file: the model can be loaded and predicts, the picture is a PNG."""
    code = """
import joblib
run = start()
said = facts(run)
cases = run.load("split")[1]
said["predicted"] = len(joblib.load(said["model"]).predict(cases.drop(columns="diagnosis").to_numpy()))
"""
    said = play(example("diagnosis"), SMALL + code)

    assert said["predicted"] == 143
    assert Path(said["model"]).name == "model.joblib"
    assert (Path(said["report"]) / "figures.png").read_bytes().startswith(b"\x89PNG\r\n\x1a\n")
    page = (Path(said["report"]) / "report.md").read_text()
    assert "It passed the gate." in page
    assert re.search(r"\| malignant \| 0\.\d{3} \|", page) or "| malignant | 1.000 |" in page
    assert "(figures.png)" in page


def test_after_an_edit_to_one_function_only_what_depends_on_it_runs(example: Example, play: Play) -> None:
    """A changed sentence of the report re-runs the report alone; why names the function, its file and line."""
    folder = example("diagnosis")
    play(folder, SMALL + "said = facts(start())")
    report = folder / "report.py"
    report.write_text(report.read_text().replace("It passed the gate.", "Good enough."))
    line = next(n for n, text in enumerate(report.read_text().splitlines(), 1) if "Good enough." in text)

    said = play(folder, SMALL + "run = start()\nsaid = {**facts(run), 'why': run.why('write_report')}")

    assert said["ran"] == ["write_report"]
    assert "verdict" in said["why"]
    assert f"report.py:{line}" in said["why"]
    assert "Good enough." in (Path(said["report"]) / "report.md").read_text()


def test_an_edit_that_does_not_change_a_result_stops_there(example: Example, play: Play) -> None:
    """A wider limit re-runs the validation; it gives the same table, so that nothing after it runs."""
    folder = example("diagnosis")
    play(folder, SMALL + "said = facts(start())")
    checks = folder / "checks.py"
    checks.write_text(checks.read_text().replace('"radius": 60', '"radius": 70'))

    assert play(folder, SMALL + "said = facts(start())")["ran"] == ["validate"]


def test_the_gate_keeps_a_model_from_being_written(example: Example, play: Play) -> None:
    """Below the threshold the model's task is skipped; the run completes and the report says so."""
    said = play(example("diagnosis"), SMALL + "said = facts(start(minimum_recall=1.01))")

    assert (said["status"], said["model"], said["counts"]["skipped"]) == ("completed", None, 1)
    assert "did **not** pass the gate" in (Path(said["report"]) / "report.md").read_text()


def test_a_table_with_errors_is_refused_with_all_of_them(example: Example, play: Play) -> None:
    """The validation names each wrong cell by line and column, and nothing after it runs."""
    folder = example("diagnosis")
    table = folder / "breast_cancer.csv"
    lines = table.read_text().splitlines()
    for row, (column, text) in {1: (0, "unknown"), 2: (1, "wide"), 3: (2, ""), 4: (3, "-1")}.items():
        cells = lines[row].split(",")
        cells[column] = text
        lines[row] = ",".join(cells)
    (folder / "wrong.csv").write_text("\n".join(lines))
    code = """
from pathlib import Path
run = start(path=Path("wrong.csv"))
said = {"status": run.status, "error": run.tasks["validate"].error, "split": run.tasks["split"].state}
"""
    said = play(folder, SMALL + code)

    assert (said["status"], said["split"]) == ("failed", "skipped")
    assert "line 2: diagnosis is 'unknown', not one of malignant, benign" in said["error"]
    assert "line 3: mean_radius is 'wide', not a number" in said["error"]
    assert "line 4: mean_texture is missing" in said["error"]
    assert "line 5: mean_perimeter is -1, not between 0 and 400" in said["error"]
