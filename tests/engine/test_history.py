"""What a run recorded can be read later, whatever became of the code that made it."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from pathlib import Path

import pytest

import hookline
from engine.project import Project
from hookline.errors import RunFailedError, UsageError

Make = Callable[[str], Project]

SLOTS = """
    @dataclass
    class Fit:
        slope: float
        steps: list[int]

    @step
    def split(n: int) -> tuple[int, int]:
        return n, n + 1

    @step
    def fit(a: int, b: int) -> Fit:
        return Fit(a / b, [a, b])

    @workflow
    def flow(n: int = 2, extra: list[int] = []):
        a, b = split(n)
        return {"pair": split(n + 1), "fit": fit(a, b), ("fixed", 1): n}
"""


def reopened(project: Project) -> hookline.Run:
    return hookline.open_store(project.folder / ".hookline").run("last")


def test_a_result_is_what_it_was_after_its_code_changed(project: Make) -> None:
    """Slots are read as they were recorded, not as today's annotations say."""
    flow = project(SLOTS)
    assert flow.run().status == "completed"
    flow.edit("tuple[int, int]", "list[int]")
    run = reopened(flow)
    assert run.load("split") == (2, 3)
    assert run.result["pair"] == (3, 4)
    assert run.result["fixed", 1] == 2


def test_a_map_over_nothing_says_so(project: Make) -> None:
    """It is completed and nothing was decided about; that it is still undecided would be wrong."""
    flow = project(
        """
    @step
    def rows() -> list[int]:
        return []

    @step
    def double(x: int) -> int:
        return 2 * x

    @workflow
    def flow():
        return double.map(x=rows())
    """
    )
    run = flow.run()
    assert run.result == []
    assert (run.tasks["double"].state, run.why("double")) == ("completed", "nothing to do: it has no items")


def test_a_task_without_a_value_is_answered_with_a_command_that_can_be_pasted(project: Make) -> None:
    """The brackets of an item mean something to a shell."""
    flow = project(
        """
    @step
    def invert(x: int) -> float:
        return 1 / x

    @workflow
    def flow():
        return invert.map(x=[0, 1])
    """
    )
    run = flow.run()
    with pytest.raises(UsageError) as caught:
        run.load("invert[0]")
    assert caught.value.help == f"see: hookline why 'invert[0]' --run {run.id}"


def test_plain_results_need_no_code_at_all(project: Make) -> None:
    """A run stays readable when its file is gone."""
    flow = project(SLOTS)
    flow.run()
    flow.file.unlink()
    assert reopened(flow).load("split-2") == (3, 4)


def test_a_value_whose_class_is_gone_says_so(project: Make) -> None:
    """Where a class is needed and missing, the message names it."""
    flow = project(SLOTS)
    flow.run()
    store = hookline.open_store(flow.folder / ".hookline")
    connection = sqlite3.connect(flow.folder / ".hookline" / "journal.sqlite3")
    with connection:
        connection.execute("UPDATE nodes SET options = replace(options, ':Fit', ':Gone') WHERE name = 'fit'")
    connection.close()
    with pytest.raises(UsageError, match="the value is a 'Gone' of"):
        store.run("last").load("fit")


def test_large_parameters_go_to_the_artifacts(project: Make) -> None:
    """A resume gets the same parameters, and the journal does not hold them."""
    flow = project(
        """
        @step
        def total(numbers: list[int]) -> int:
            if not there("go"):
                raise ValueError("not yet")
            return sum(numbers)

        @workflow
        def flow(numbers: list[int]):
            return total(numbers)
        """
    )
    numbers = list(range(100_000))
    assert flow.run(numbers=numbers).status == "failed"
    (flow.folder / "go").touch()
    assert flow.resume().result == sum(numbers)
    connection = sqlite3.connect(flow.folder / ".hookline" / "journal.sqlite3")
    assert connection.execute("SELECT length(extra) FROM runs").fetchone()[0] < 1000
    connection.close()


def test_a_workflow_is_found_again_under_the_name_that_its_file_gives_it(project: Make) -> None:
    """The variable counts, not the function."""
    flow = project(
        """
        @step
        def one() -> int:
            if not there("go"):
                raise ValueError("not yet")
            return 1

        def _impl():
            return one()

        flow = workflow(name="renamed")(_impl)
        """
    )
    run = flow.run()
    assert run.status == "failed"
    (flow.folder / "go").touch()
    assert flow.resume().result == 1


def test_whatever_way_a_run_ended_early_its_result_raises_the_same_kind_of_error(project: Make) -> None:
    """Interrupted and cancelled runs raise kinds of RunFailedError that name the open tasks."""
    from hookline.engine.stop import Stop

    for ask in (Stop.soft, Stop.cancel):
        stop = Stop()
        ask(stop)
        run = project(SLOTS).run(stop=stop)
        with pytest.raises(RunFailedError) as caught:
            _ = run.result
        assert caught.value.tasks == ("split", "split-2", "fit")


def test_run_refuses_what_is_no_workflow(tmp_path: Path) -> None:
    """Wrong kinds of arguments are named before anything happens."""
    step = hookline.step(lambda_free)
    with pytest.raises(UsageError, match=r"run\(\) was given a step, not a workflow"):
        hookline.run(step, store=tmp_path)  # type: ignore[arg-type]
    flow = hookline.workflow(lambda_free)
    with pytest.raises(UsageError, match="params is a list"):
        hookline.run(flow, [1], store=tmp_path)  # type: ignore[arg-type]
    with pytest.raises(UsageError, match="executor is a int"):
        hookline.run(flow, executor=5, store=tmp_path)  # type: ignore[arg-type]
    with pytest.raises(UsageError, match="seed takes a whole number of at most 64 bits, not 'q'"):
        hookline.run(flow, seed="q", store=tmp_path)  # type: ignore[arg-type]


def lambda_free() -> int:
    return 1
