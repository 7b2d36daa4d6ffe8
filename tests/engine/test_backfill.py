"""Workflows mapped over values of their parameters: one run, the keys of single runs, partitions that stand alone."""

from __future__ import annotations

import datetime as dt
import os
import signal
import subprocess
import sys
import textwrap
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import hookline
from engine.project import Project
from hookline import Run, UsageError, WorkflowError, step, workflow
from hookline.engine.partitions import partitions
from hookline.errors import RunFailedError
from hookline.graph.rewriting.editor import GraphEditor
from hookline.graph.rewriting.rewrite import Rewriter
from hookline.model.partitions import Partition
from hookline.model.workflow import Backfill
from hookline.worker.target import load_target

Make = Callable[[str], Project]

DAILY = """
import datetime as dt

@step
def load(day: dt.date) -> list[int]:
    note(f"load {day}")
    return [day.day, day.month]

@step
def clean(rows: list[int], factor: int) -> list[int]:
    note(f"clean {rows}")
    return [row * factor for row in rows]

@step
def total(rows: list[int]) -> int:
    note(f"total {rows}")
    if there(f"broken-{rows[0]}"):
        raise ValueError(f"bad day {rows[0]}")
    return sum(rows)

@workflow
def daily(day: dt.date, factor: int = 2):
    return total(clean(load(day), factor))
"""


def days(count: int, month: int = 1) -> list[dt.date]:
    return [dt.date(2026, month, 1) + dt.timedelta(number) for number in range(count)]


def mapped(project: Project, *over: str) -> Backfill[Any]:
    return project.target.workflow.over(*over or ("day",))


def backfill(project: Project, over: str = "day", executor: str = "inline", **params: Any) -> Run:
    return hookline.run(mapped(project, over), params, executor=executor)


def standing(project: Project, over: str = "day", **params: Any) -> dict[str, str]:
    return {one.id: one.state.value for one in mapped(project, over).partitions(**params)}


def test_a_backfill_returns_the_result_of_each_partition(project: Make):
    """The result is a mapping from the partition's name to what the workflow returned for it."""
    run = backfill(project(DAILY), day=days(3))
    assert run.status == "completed"
    assert run.result == {"2026-01-01": 4, "2026-01-02": 6, "2026-01-03": 8}
    assert run.load("2026-01-02/clean") == [4, 2]
    assert run.partitions == dict.fromkeys(("2026-01-01", "2026-01-02", "2026-01-03"), "completed")


def test_single_runs_and_backfills_reuse_each_other(project: Make):
    """A day that was run alone is reused by the backfill, and a day of the backfill by a single run."""
    flow = project(DAILY)
    flow.run("inline", day=days(3)[1])
    flow.executions()
    run = backfill(flow, day=days(3))
    assert run.partitions == {"2026-01-01": "completed", "2026-01-02": "reused", "2026-01-03": "completed"}
    assert len(flow.executions()) == 6
    assert flow.run("inline", day=days(3)[2]).counts["reused"] == 3
    assert flow.executions() == []


@pytest.mark.parametrize("executor", ["inline", "threads", "processes"])
def test_a_partition_that_fails_does_not_stop_the_others(project: Make, executor: str):
    """The others complete on every executor, and a resume does what is left."""
    flow = project(DAILY)
    flow.touch("broken-4")
    run = backfill(flow, executor=executor, day=days(4))
    assert run.status == "failed"
    assert run.partitions == dict.fromkeys(("2026-01-01", "2026-01-03", "2026-01-04"), "completed") | {
        "2026-01-02": "failed"
    }
    with pytest.raises(RunFailedError, match="'2026-01-02/total' did not complete"):
        _ = run.result
    flow.remove("broken-4")
    flow.executions()
    again = flow.resume(run.id)
    assert again.result == {"2026-01-01": 4, "2026-01-02": 6, "2026-01-03": 8, "2026-01-04": 10}
    assert again.partitions == dict.fromkeys(again.result, "completed")
    assert flow.executions() == ["total [4, 2]"]


def test_a_backfill_whose_driver_was_killed_is_resumed(project: Make):
    """Resume finds the workflow and what it was mapped over, after kill -9 in the middle of a partition."""
    flow = project(
        DAILY.replace(
            'note(f"total {rows}")',
            'note(f"total {rows}")\n    if there("deadly") and rows[0] == 6: os.kill(os.getpid(), 9)',
        )
    )
    flow.touch("deadly")
    code = f"""
        import sys
        sys.path.insert(0, {str(flow.folder)!r})
        import datetime as dt, hookline
        from {flow.file.stem} import daily
        days = [dt.date(2026, 1, day) for day in range(1, 6)]
        hookline.run(daily.over("day"), {{"day": days}}, executor="inline")
    """
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(code)], cwd=flow.folder, env=dict(os.environ), check=False
    )
    assert done.returncode == -signal.SIGKILL
    with hookline.open_store(flow.folder / ".hookline") as store:
        left = store.run("last")
        assert left.status == "interrupted"
        assert list(left.partitions) == list(map(str, days(5)))
        assert left.partitions["2026-01-03"] == "pending"
    flow.remove("deadly")
    run = flow.resume()
    assert (run.id, run.status) == (left.id, "completed")
    assert run.result == {"2026-01-01": 4, "2026-01-02": 6, "2026-01-03": 8, "2026-01-04": 10, "2026-01-05": 12}


def test_a_resume_takes_a_workflow_from_its_caller(project: Make):
    """Whoever has the workflow at hand resumes with it as it was written, or mapped; both mean the same run."""
    flow = project(DAILY)
    flow.touch("broken-2")
    run = backfill(flow, day=days(2))
    assert flow.resume(run.id, workflow=flow.target.workflow).status == "failed"
    flow.remove("broken-2")
    assert flow.resume(run.id, workflow=mapped(flow)).result == {"2026-01-01": 4, "2026-01-02": 6}


def test_a_partition_that_is_begun_is_finished_first(project: Make):
    """A backfill which is stopped leaves whole partitions; only calls so quick that they go together run ahead."""
    flow = project(DAILY)
    backfill(flow, day=days(9))
    assert [line.split()[0] for line in flow.executions()[:3]] == ["load", "clean", "total"]


def test_several_parameters_make_all_combinations(project: Make):
    """Ids have a part for each parameter, in the order in which they were named."""
    flow = project(DAILY)
    run = hookline.run(mapped(flow, "factor", "day"), {"day": days(2), "factor": [2, 3]}, executor="inline")
    assert run.result == {"2/2026-01-01": 4, "2/2026-01-02": 6, "3/2026-01-01": 6, "3/2026-01-02": 9}
    assert run.load("3/2026-01-02/load") == [2, 1]
    assert run.partitions.keys() == run.result.keys()


def test_a_part_of_a_backfill_is_selected_by_step_or_by_id(project: Make):
    """A step's name means the tasks of all partitions, an id the one of one partition."""
    flow = project(DAILY)
    run = hookline.run(mapped(flow), {"day": days(3)}, executor="inline", to="clean")
    assert run.result == {f"{day}/clean": [2 * day.day, 2] for day in days(3)}
    one = hookline.run(mapped(flow), {"day": days(3)}, executor="inline", only="2026-01-02/total")
    assert one.result == 6
    assert one.partitions == {"2026-01-02": "completed"}
    assert flow.resume(one.id).result == 6


def test_a_workflow_that_was_mapped_is_called_in_another(project: Make):
    """Inside a workflow, the call gives a dict of references, one for each partition."""
    flow = project(
        DAILY
        + """
@step
def highest(totals: dict[str, int]) -> str:
    return max(totals, key=totals.get)

@workflow
def best(days: list[dt.date]):
    return highest(daily.over("day")(day=days))
"""
    )
    run = hookline.run(load_target(f"{flow.file}:best").workflow, {"days": days(3)}, executor="inline")
    assert run.result == "2026-01-03"
    assert "daily/2026-01-02/load" in run.tasks
    assert run.partitions == {}


# -- which partitions are there ------------------------------------------------------------------------------------


def test_partitions_are_missing_then_done_then_stale(project: Make):
    """Nothing recorded: missing. All reused: done. Code changed since: stale, with the reason of the first task."""
    flow = project(DAILY)
    assert standing(flow, day=days(3)) == dict.fromkeys(map(str, days(3)), "missing")
    backfill(flow, day=days(2))
    assert standing(flow, day=days(3)) == {"2026-01-01": "done", "2026-01-02": "done", "2026-01-03": "missing"}
    flow.edit("row * factor", "row * factor * 1")
    found = mapped(flow).partitions(day=days(3))
    assert [one.state.value for one in found] == ["stale", "stale", "missing"]
    assert found[0].why.startswith("clean: the step's function 'clean' changed")
    assert found[2].why == "load: first run of this partition"
    assert found[2].values == {"day": days(3)[2]}
    assert flow.run("inline", day=days(3)[0]).status == "completed"
    assert standing(flow, day=days(2)) == {"2026-01-01": "done", "2026-01-02": "stale"}


def test_what_a_single_run_finished_is_stale_when_the_code_changes(project: Make):
    """A single run counts as the run of its partition, and the reason is told from what it recorded."""
    flow = project(DAILY)
    flow.run("inline", day=days(2)[0])
    flow.run("inline", day=days(2)[1])
    flow.edit("return sum(rows)", "return sum(rows) + 1")
    found = mapped(flow).partitions(day=days(3))
    assert [one.state.value for one in found] == ["stale", "stale", "missing"]
    assert found[0].why.startswith("total: the step's function 'total' changed")
    assert "day" not in found[0].why  # not compared with the run of another day
    assert "now comes from" not in found[0].why


def test_other_parameters_make_other_partitions(project: Make):
    """What was run with another value of a parameter is not stale for it: there, nothing is recorded."""
    flow = project(DAILY)
    backfill(flow, day=days(2))
    assert standing(flow, day=days(2), factor=5) == {"2026-01-01": "missing", "2026-01-02": "missing"}
    assert standing(flow, "factor", day=days(1)[0], factor=[2, 5]) == {"2": "done", "5": "missing"}
    flow.edit("row * factor", "row * factor * 1")
    # The same partition seen along another parameter.
    assert standing(flow, "factor", day=days(1)[0], factor=[2, 5]) == {"2": "stale", "5": "missing"}
    both = mapped(flow, "day", "factor").partitions(day=days(2), factor=[2, 5])
    assert {one.id: one.state.value for one in both} == {
        "2026-01-01/2": "stale",
        "2026-01-01/5": "missing",
        "2026-01-02/2": "stale",
        "2026-01-02/5": "missing",
    }


def test_a_new_parameter_with_a_default_makes_partitions_stale(project: Make):
    """A parameter that earlier runs did not know is a change of the code."""
    flow = project(DAILY)
    backfill(flow, day=days(1))
    flow.write(
        DAILY.replace("factor: int = 2)", "factor: int = 2, plus: int = 1)").replace(
            "load(day), factor", "load(day), factor + plus"
        )
    )
    (found,) = mapped(flow).partitions(day=days(1))
    assert (found.state.value, found.why) == ("stale", "clean: argument 'factor' changed from 2 to 3")


def test_a_partition_that_failed_half_way_is_missing(project: Make):
    """What no run finished is missing, though some of its tasks are recorded; why names what is left."""
    flow = project(DAILY)
    flow.touch("broken-4")
    backfill(flow, day=days(2))
    found = mapped(flow).partitions(day=days(2))
    assert [one.state.value for one in found] == ["done", "missing"]
    assert found[1].why.startswith("total: run ")
    flow.remove("broken-4")
    flow.edit("row * factor", "row * factor * 1")
    assert standing(flow, day=days(2)) == {"2026-01-01": "stale", "2026-01-02": "missing"}


def test_changed_files_make_partitions_stale(project: Make):
    """A file that a parameter names is told by its place: other content makes the partition stale, not missing."""
    flow = project(
        """
@step
def load(path: Path, part: str) -> str:
    return path.read_text() + part

@workflow
def flow(part: str, path: Path):
    return load(path, part)
"""
    )
    file = flow.folder / "rows.txt"
    file.write_text("a")
    backfill(flow, "part", part=["x", "y"], path=file)
    assert set(standing(flow, "part", part=["x", "y"], path=file).values()) == {"done"}
    file.write_text("b")
    found = mapped(flow, "part").partitions(part=["x", "z"], path=file)
    assert [one.state.value for one in found] == ["stale", "missing"]
    assert "argument 'path' changed" in found[0].why


EFFECT = """
import datetime as dt

@step
def load(day: dt.date) -> int:
    return day.day

@step(cache=False)
def publish(value: int) -> int:
    note(f"publish {value}")
    return value

@step
def confirm(value: int) -> str:
    return f"published {value}"

@workflow
def flow(day: dt.date):
    return confirm(publish(load(day)))
"""


def test_what_runs_every_time_makes_no_partition_stale(project: Make):
    """Side effects run in each backfill; alone, and with what waits for them, they leave a finished partition done."""
    flow = project(EFFECT)
    assert set(standing(flow, day=days(2)).values()) == {"missing"}
    backfill(flow, day=days(2))
    assert standing(flow, day=days(3)) == {"2026-01-01": "done", "2026-01-02": "done", "2026-01-03": "missing"}
    flow.edit("    return value\n", "    return value + 0\n")
    found = mapped(flow).partitions(day=days(2))
    assert [one.state.value for one in found] == ["stale", "stale"]
    assert "the step's function 'publish' changed" in found[0].why


def test_work_that_partitions_share_runs_once(project: Make):
    """A task that does not depend on the partition is done by one of them; when it changes, all are stale."""
    flow = project(
        DAILY
        + """
@step
def rates() -> int:
    note("rates")
    return 7

@step
def convert(value: int, rate: int) -> int:
    return value * rate

@workflow
def flow(day: dt.date):
    return convert(daily(day), rates())
"""
    )

    def shared() -> Backfill[Any]:
        found: Backfill[Any] = load_target(f"{flow.file}:flow").workflow.over("day")
        return found

    run = hookline.run(shared(), {"day": days(3)}, executor="inline")
    assert run.partitions == dict.fromkeys(map(str, days(3)), "completed")
    assert flow.executions().count("rates") == 1
    flow.edit("return 7", "return 8")
    assert [one.state.value for one in shared().partitions(day=days(3))] == ["stale"] * 3


def test_partitions_whose_shared_work_fails_all_fail(project: Make):
    """No partition counts as finished whose task took its failure from another one's."""
    flow = project(
        """
@step
def rates() -> int:
    raise ValueError("no rates")

@step
def convert(value: int, rate: int) -> int:
    return value * rate

@workflow
def flow(value: int):
    return convert(value, rates())
"""
    )
    run = backfill(flow, "value", value=[1, 2, 3])
    assert run.status == "failed"
    assert set(run.partitions.values()) == {"failed"}
    assert set(standing(flow, "value", value=[1, 2, 3]).values()) == {"missing"}


def test_partitions_that_a_condition_skips_are_finished(project: Make):
    """A day on which nothing is to be done is as done as the others."""
    flow = project(
        """
@step
def odd(value: int) -> bool:
    return value % 2 == 1

@step
def work(value: int) -> int:
    return value * 10

@workflow
def flow(value: int):
    return work.when(odd(value))(value)
"""
    )
    run = backfill(flow, "value", value=[1, 2, 3])
    assert run.result == {"1": 10, "2": None, "3": 30}
    assert set(standing(flow, "value", value=[1, 2, 3]).values()) == {"done"}


def test_maps_and_growth_stay_within_their_partition(project: Make):
    """Mapped tasks and tasks that grow have ids below the partition's, and make it fail when they do."""
    flow = project(
        """
@step
def split(value: int) -> list[int]:
    return list(range(value))

@step
def item(x: int) -> int:
    if there("broken") and x == 2:
        raise ValueError("no 2")
    return x * 10

@step
def again(value: int) -> int:
    return item(value + 10)

@workflow
def flow(value: int):
    return item.map(x=split(value)), again(value)
"""
    )
    flow.touch("broken")
    run = backfill(flow, "value", value=[2, 3])
    assert run.partitions == {"2": "completed", "3": "failed"}
    assert "2/again/item" in run.tasks
    flow.remove("broken")
    assert flow.resume(run.id).result == {"2": ([0, 10], 120), "3": ([0, 10, 20], 130)}
    flow.edit("return x * 10", "return x * 100")
    found = mapped(flow, "value").partitions(value=[2, 3, 4])
    assert [one.state.value for one in found] == ["stale", "stale", "missing"]


def test_a_file_may_map_its_workflow_itself(project: Make):
    """What is mapped beside the workflow that is not is found by its name, and does not make the file ambiguous."""
    flow = project(DAILY + "\nquarter = daily.over('day')\n")
    assert not flow.target.workflow.mapped_over
    target = load_target(f"{flow.file}:quarter")
    flow.touch("broken-2")
    run = hookline.run(target.workflow, {"day": days(2)}, executor="inline", target=target)
    assert run.partitions == {"2026-01-01": "failed", "2026-01-02": "completed"}
    flow.remove("broken-2")
    assert flow.resume(run.id).result == {"2026-01-01": 4, "2026-01-02": 6}


def test_a_workflow_in_a_file_of_yaml_is_mapped_and_resumed(project: Make):
    """What a YAML file declares is mapped like any other workflow, and found again by a resume."""
    flow = project(DAILY)
    file = flow.folder / "daily.yaml"
    file.write_text(
        f"""
workflow: daily
params:
  day: {{type: date}}
steps:
  rows:
    uses: {flow.file.stem}:load
    with: {{day: "${{{{ params.day }}}}"}}
  sum:
    uses: {flow.file.stem}:total
    with: {{rows: "${{{{ steps.rows }}}}"}}
returns: ${{{{ steps.sum }}}}
"""
    )
    flow.touch("broken-2")
    run = hookline.run(load_target(str(file)).workflow.over("day"), {"day": days(3)}, executor="inline")
    assert run.partitions == {"2026-01-01": "completed", "2026-01-02": "failed", "2026-01-03": "completed"}
    flow.remove("broken-2")
    assert flow.resume(run.id).result == {"2026-01-01": 2, "2026-01-02": 3, "2026-01-03": 4}


def test_steps_that_plugins_insert_belong_to_their_partition(project: Make):
    """What a rewrite adds to a partition's task counts for the partition: it fails it, and is missing with it."""
    flow = project(DAILY)

    def insert(graph: GraphEditor) -> None:
        for match in graph.tasks("load"):
            graph.insert_after(match, first_only)

    rewriters = [Rewriter("data", insert)]
    run = hookline.run(mapped(flow), {"day": days(3)}, executor="inline", rewriters=rewriters)
    assert run.partitions == {"2026-01-01": "completed", "2026-01-02": "failed", "2026-01-03": "failed"}
    assert run.tasks["2026-01-02/data:first_only@load"].state == "failed"


def test_the_step_for_failures_runs_once_for_all_partitions(project: Make):
    """It is told the tasks of all partitions that failed, and is none of a partition's itself."""
    flow = project(
        DAILY.replace("@workflow", "@workflow(on_failure=tell)").replace(
            "@step\ndef load",
            "@step\ndef tell(run_id: str, failed: list[str]) -> None:\n    note(f'failed {failed}')\n\n@step\ndef load",
        )
    )
    flow.touch("broken-2")
    flow.touch("broken-6")
    run = backfill(flow, day=days(3))
    assert flow.executions()[-1] == "failed ['2026-01-01/total', '2026-01-03/total']"
    assert run.partitions == {"2026-01-01": "failed", "2026-01-02": "completed", "2026-01-03": "failed"}
    flow.remove("broken-2")
    flow.remove("broken-6")
    assert flow.resume(run.id).status == "completed"


# -- whys ---------------------------------------------------------------------------------------------------------


def test_whys_compare_a_partition_with_the_run_that_finished_it(project: Make):
    """Neither another day nor a run that failed stands between a partition and the reason why it runs again."""
    flow = project(DAILY)
    flow.run("inline", day=days(1)[0])
    flow.run("inline", day=days(9)[8])
    backfill(flow, day=days(2))
    flow.edit("return sum(rows)", "return sum(rows) + 1")
    run = backfill(flow, day=days(3))
    assert "the step's function 'total' changed" in run.why("2026-01-01/total")
    assert "first run of this partition" in run.why("2026-01-03/load")


def test_a_single_run_is_compared_with_its_partition(project: Make):
    """After a backfill, the whys of a single run tell what changed since, not that its tasks are new."""
    flow = project(DAILY)
    backfill(flow, day=days(3))
    flow.edit("return sum(rows)", "return sum(rows) + 1")
    run = flow.run("inline", day=days(3)[1])
    assert run.why("total").startswith("ran: the step's function 'total' changed")
    other = flow.run("inline", day=days(1, month=2)[0], factor=3)
    assert "argument 'day' changed" in other.why("load")


@step
def first_only(rows: list[int]) -> list[int]:
    """Refuse all days but the first."""
    if rows[0] != 1:
        raise ValueError(f"not the first: {rows[0]}")
    return rows


# -- what can't be mapped -----------------------------------------------------------------------------------------


@step
def double(value: object) -> object:
    return value


@workflow
def flow(value: object, other: int = 1):
    return double(value)


@pytest.mark.parametrize(
    ("over", "message"),
    [
        ((), "no parameter of 'flow' was named to map over"),
        (("valu",), "the parameter 'valu' to map over is not there; did you mean 'value'"),
        (("value", "value"), "the parameter 'value' to map over is named twice"),
    ],
)
def test_only_parameters_can_be_mapped_over(over: tuple[str, ...], message: str):
    """What there is no parameter for is refused before anything is built."""
    with pytest.raises(UsageError, match=message):
        flow.over(*over)


def test_a_mapped_workflow_is_not_mapped_again():
    """All parameters are named at once; the message writes the call."""
    with pytest.raises(UsageError, match="mapped over 'value' already") as caught:
        flow.over("value").over("other")
    assert caught.value.help == "name all parameters at once: .over('value', 'other')"
    with pytest.raises(UsageError) as caught:
        flow.over("value").over("value")
    assert caught.value.help == "name all parameters at once: .over('value')"


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ([], "'value' has no values to map over"),
        ([{"a": 1}], "a partition can't be named after a dict"),
        ([1, "1"], "two values of 'value' would both be called '1'"),
        ("north", "'value' takes a list"),
    ],
)
def test_values_must_give_partitions_names(values: Any, message: str):
    """Values without a name of their own, and lists that are none, are refused."""
    with pytest.raises(UsageError, match=message):
        flow.over("value").graph(value=values)


def test_what_a_workflow_raises_is_told_with_its_partition():
    """The message of a workflow that can't be built for one value names the partition."""

    @workflow
    def picky(value: int):
        if value == 2:
            raise ValueError("not two")
        return double(value)

    with pytest.raises(WorkflowError, match=r"ValueError: not two\nin the partition '2'"):
        picky.over("value").graph(value=[1, 2, 3])


def test_a_mapped_workflow_does_not_share_what_can_be_changed():
    """A list that the workflow's function changes is whole again for the next partition."""

    @workflow
    def greedy(value: int, rows: list[int] = [1, 2, 3]):
        rows.append(value)
        return double(rows)

    graph = greedy.over("value").graph(value=[7, 8])
    assert [task.bindings["value"].value for task in graph.tasks] == [[1, 2, 3, 7], [1, 2, 3, 8]]  # type: ignore[union-attr]


def test_an_empty_store_has_no_partitions(tmp_path: Path):
    """Where nothing is recorded all partitions are missing, and no store is made."""
    found: tuple[Partition, ...] = partitions(flow.over("other"), {"value": 1, "other": [1]}, store=tmp_path / "none")
    assert [one.state.value for one in found] == ["missing"]
    assert not (tmp_path / "none").exists()
