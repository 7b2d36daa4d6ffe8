"""Arguments that workflows leave open are given by settings, and are bound like those that calls give."""

from __future__ import annotations

import json
import logging
import os
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import hookline
from engine.project import Project
from hookline.engine import api
from hookline.errors import UsageError, WorkflowError
from hookline.graph.build import build_graph
from hookline.graph.open_arguments import OpenArgument, OpenArguments
from hookline.model.graph import Constant
from hookline.model.states import Verdict
from hookline.worker.target import Target, load_target
from thorough import tries

CODE = """
from hookline import Secret

@step
def load(path: Path) -> list[int]:
    note("load")
    return [int(word) for word in path.read_text().split()]

@step
def scale(rows: list[int], by: int = 1, labels: list[str] | None = None) -> list[int]:
    note("scale")
    return [row * by for row in rows]

@step
def add(x: int, plus: int) -> int:
    note(f"add {plus}")
    return x + plus

@step
def grow(rows: list[int]) -> list[int]:
    note("grow")
    return add.map(x=rows)

@step
def publish(total: int, /, token: Secret[str] = Secret("env:TOKEN")) -> str:
    return token.reference

@workflow
def flow():
    return grow(scale(load()))

@workflow
def fixed(by: int = 2):
    return scale([1], by=by), scale([1], by=3)

@workflow
def sending():
    return publish(1)
"""
BASE = """
[tool.hookline.step.load]
path = "rows.txt"

[tool.hookline.step.add]
plus = 1

[tool.hookline.env.prod.step.add]
plus = 100
"""


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Project:
    """A project with settings, worked on from another folder."""
    for name in [name for name in os.environ if name.startswith("HOOKLINE_")]:
        monkeypatch.delenv(name)
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    made = Project(tmp_path, CODE)
    (tmp_path / "rows.txt").write_text("1 2")
    configure(made, BASE)
    return made


def configure(project: Project, text: str) -> None:
    (project.folder / "pyproject.toml").write_text(text)


def target_of(project: Project, name: str = "flow") -> Target:
    return load_target(f"{project.file}:{name}")


def workflow_of(project: Project, name: str = "flow") -> Any:
    return target_of(project, name).workflow


def run(project: Project, name: str = "flow", **options: Any) -> Any:
    return hookline.run(workflow_of(project, name), **{"executor": "inline", **options})


@pytest.mark.parametrize("executor", ["inline", "threads", "processes"])
def test_settings_fill_what_calls_leave_open_also_in_what_steps_grow(project: Project, executor: str) -> None:
    """A path of the file starts at the project; a step that calls steps does not see what settings give to them."""
    assert run(project, executor=executor).result == [2, 3]
    project.executions()
    assert run(project, executor=executor, env="prod").result == [101, 102]
    assert project.executions() == ["add 100", "add 100"]
    assert run(project, executor=executor, step_arguments={"add.plus": 7, "scale.by": "2"}).result == [9, 11]


def test_what_settings_give_is_in_the_key_and_in_the_why(project: Project) -> None:
    """The same value again is reused; another runs what takes it, and says which argument changed."""
    run(project)
    again = run(project)
    assert {record.state for record in again.tasks.values()} == {"reused"}
    other = run(project, step_arguments={"scale.by": 5})
    assert other.why("scale") == "ran: argument 'by' is new"
    assert other.tasks["load"].state == "reused"
    configure(project, BASE.replace("plus = 1\n", "plus = 3\n"))
    assert "argument 'plus' changed from 1 to 3" in run(project).why("grow/add")


def test_a_plan_knows_them(project: Project) -> None:
    """What a run with the same settings would reuse, the plan says so of, in grown parts, too."""
    run(project, env="prod")
    target = target_of(project)
    workflow = target.workflow
    prod = api.plan(workflow, env="prod", target=target)
    assert {task.verdict for task in prod} == {Verdict.REUSE}
    base = {task.id: task.verdict for task in api.plan(workflow, target=target)}
    assert base["grow"] is Verdict.REUSE
    assert base["grow/add"] is Verdict.RUN


def test_a_graph_has_them_as_constants(project: Project) -> None:
    """They are ordinary bound arguments."""
    graph = api.graph(workflow_of(project), env="prod", step_arguments={"scale.by": 4})
    assert graph.task("load").bindings["path"] == Constant(project.folder / "rows.txt")
    assert graph.task("scale").bindings["by"] == Constant(4)


def test_a_call_goes_before_all_settings_and_says_when_they_are_in_vain(
    project: Project, caplog: pytest.LogCaptureFixture
) -> None:
    """What the workflow gives stands; whoever sets it for one run is told."""
    configure(project, "[tool.hookline.step.scale]\nby = 10")
    with caplog.at_level(logging.WARNING, "hookline"):
        assert run(project, "fixed").result == ([2], [3])
        assert not caplog.records
        assert run(project, "fixed", step_arguments={"scale.by": 9, "scale.labels": ["a"]}).result == ([2], [3])
    assert [record.getMessage() for record in caplog.records] == [
        "step_arguments: the workflow itself gives 'by' in its calls of 'scale'"
    ]


def test_a_resumed_run_keeps_its_environment_and_arguments(project: Project) -> None:
    """Unless the resume says otherwise; both are recorded with the run."""
    (project.folder / "rows.txt").write_text("one")
    for env, arguments in (("prod", {"scale.by": 2}), ("", {"scale.by": 2, "scale.labels": ["a,b"]})):
        failed = run(project, env=env, step_arguments=arguments)
        assert failed.status == "failed"
    (project.folder / "rows.txt").write_text("1 2")
    assert hookline.resume("last~1", store=project.folder / ".hookline").result == [102, 104]
    resumed = hookline.resume("last", store=project.folder / ".hookline", env="prod", step_arguments={"scale.by": 3})
    assert resumed.result == [103, 106]
    scale = resumed.tasks["scale"]
    with hookline.store.open_store(project.folder / ".hookline") as store:
        extra = json.loads(store.run(resumed.id).extra or "{}")
    assert scale.state == "completed"
    assert set(json.loads(extra["step_arguments"])) == {"scale.by", "scale.labels"}


def test_a_resumed_run_is_in_the_environment_of_the_run_not_of_the_shell(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A variable may have been set for other work; an environment that is gone is an error."""
    (project.folder / "rows.txt").write_text("one")
    assert run(project).status == run(project, env="prod").status == "failed"
    (project.folder / "rows.txt").write_text("1 2")
    monkeypatch.setenv("HOOKLINE_ENV", "prod")
    monkeypatch.chdir(project.folder)
    assert hookline.resume("last~1").result == [2, 3]
    monkeypatch.delenv("HOOKLINE_ENV")
    configure(project, BASE.replace("env.prod", "env.production"))
    with pytest.raises(UsageError) as caught:
        hookline.resume("last")
    assert caught.value.message == "there is no environment 'prod'; did you mean 'production'?"
    assert hookline.resume("last", env="").result == [2, 3]


@pytest.mark.parametrize(
    ("given", "message", "remedy"),
    [
        (
            {"scael.by": 1},
            "step_arguments: workflow 'flow' has no step 'scael'; did you mean 'scale'?",
            "its steps are add, grow, load, scale",
        ),
        (
            {"scale.bye": 1},
            "step_arguments: the step 'scale' has no argument 'bye'; did you mean 'by'?",
            "its arguments are rows, by, labels",
        ),
        (
            {"scale.by": "x"},
            "step_arguments: 'scale.by' takes a whole number, not 'x'",
            "hookline config show --origin tells what settings give to steps",
        ),
        (
            {"add.plus": []},
            "step_arguments: 'add.plus' takes a whole number, not []",
            "hookline config show --origin tells what settings give to steps",
        ),
        (
            {"scale.by": "x", "zzz.a": 1, "add.plu": 1},
            """3 arguments of steps are set wrongly
  - step_arguments: 'scale.by' takes a whole number, not 'x'
  - step_arguments: the step 'add' has no argument 'plu'; did you mean 'plus'?
  - step_arguments: workflow 'flow' has no step 'zzz'""",
            "hookline config show --origin tells what settings give to steps",
        ),
    ],
)
def test_what_a_call_sets_wrongly_is_said_before_anything_runs(
    project: Project, given: dict[str, Any], message: str, remedy: str
) -> None:
    """Steps, arguments and values; also of steps that only grown parts call."""
    with pytest.raises(UsageError) as caught:
        run(project, step_arguments=given)
    assert sorted(caught.value.message.splitlines()) == sorted(message.splitlines())
    assert caught.value.help == remedy
    assert project.executions() == []


@pytest.mark.parametrize(
    ("text", "message", "remedy"),
    [
        (
            "[tool.hookline.step.scale]\nbye = 1",
            "pyproject.toml:2: the step 'scale' has no argument 'bye'; did you mean 'by'?",
            "its arguments are rows, by, labels",
        ),
        (
            "[tool.hookline.env.prod.step.scale]\nlabels = [1]",
            "pyproject.toml:2 (env prod): 'scale.labels' takes a list of texts or none, not [1] (item 1)",
            "hookline config show --origin tells what settings give to steps",
        ),
    ],
)
def test_what_the_file_sets_wrongly_is_said_with_its_line(
    project: Project, text: str, message: str, remedy: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And with the environment that it belongs to."""
    monkeypatch.chdir(project.folder)
    configure(project, text + "\n[tool.hookline.env.prod]\nseed = 0\n")
    with pytest.raises(UsageError) as caught:
        run(project, "fixed", env="prod")
    assert (caught.value.message, caught.value.help) == (message, remedy)


def test_the_file_may_speak_of_steps_of_other_workflows(project: Project, caplog: pytest.LogCaptureFixture) -> None:
    """A project has many; only where a name is nearly one of this workflow's, a check doubts it."""
    configure(project, '[tool.hookline.step."data.validate"]\nstrict = 1\n[tool.hookline.step.scael]\nby = 1\n')
    assert run(project, "fixed").result == ([2], [3])
    with caplog.at_level(logging.WARNING, "hookline"):
        api.graph(workflow_of(project, "fixed"))
    place = Path("..") / "pyproject.toml"
    assert len(caplog.records) == 1
    assert caplog.records[0].getMessage().endswith(":4: workflow 'fixed' has no step 'scael'; did you mean 'scale'?")
    assert place.name in caplog.records[0].getMessage()


def test_a_step_whose_name_has_dots_is_written_in_quotes() -> None:
    """Without, TOML makes tables of tables: the error says what to write."""

    @hookline.step(name="data.validate")
    def validate(rows: int, strict: bool = False) -> int:
        return rows

    @hookline.workflow
    def checking() -> int:
        return validate(1)

    nested = {"data": {"validate": OpenArgument({"strict": True}, lambda: "pyproject.toml:3")}}
    with pytest.raises(UsageError) as caught:
        build_graph(checking, {}, OpenArguments(nested))
    assert caught.value.message == (
        "pyproject.toml:3: this is the argument 'validate' of the step 'data', not the step 'data.validate'"
    )
    assert caught.value.help == 'write [tool.hookline.step."data.validate"]'
    right = {"data.validate": {"strict": OpenArgument(True, lambda: "pyproject.toml:3")}}
    assert build_graph(checking, {}, OpenArguments(right)).tasks[0].bindings["strict"] == Constant(True)


def test_a_secret_is_set_by_its_place_only(project: Project) -> None:
    """The value itself is refused, and not repeated."""
    assert run(project, "sending", step_arguments={"publish.token": "env:OTHER"}).result == "env:OTHER"
    with pytest.raises(UsageError) as caught:
        run(project, "sending", step_arguments={"publish.token": "hunter2"})
    assert caught.value.message == (
        "step_arguments: 'publish.token' takes a secret's place (env:NAME or file:/path), not what was given "
        "(a secret was given in the open)"
    )


def test_an_argument_that_is_given_by_position_only_cant_be_set(project: Project) -> None:
    """Nothing could be left out before it."""
    with pytest.raises(UsageError) as caught:
        run(project, "sending", step_arguments={"publish.total": 1})
    assert caught.value.message == "step_arguments: the step 'publish' takes 'total' by position only"
    assert caught.value.help == "give it in the workflow, or let the step take it by name"


def test_what_nobody_sets_is_still_missing(project: Project) -> None:
    """In the workflow before anything runs, in a grown part when it is called."""
    configure(project, "[tool.hookline.step.add]\nplus = 1")
    with pytest.raises(WorkflowError) as caught:
        run(project)
    assert "lacks the argument 'path'" in str(caught.value)
    configure(project, '[tool.hookline.step.load]\npath = "rows.txt"')
    failed = run(project)
    assert failed.status == "failed"
    assert "lacks the argument 'plus'" in failed.tasks["grow"].error


def test_a_recorded_growth_is_planted_with_todays_settings(project: Project) -> None:
    """What an attempt called does not hold what settings gave; without these the step runs again and says so."""
    run(project)
    project.executions()
    configure(project, BASE.replace("plus = 1\n", ""))
    failed = run(project)
    assert project.executions() == ["grow"]
    assert failed.tasks["grow"].state == "failed"
    configure(project, BASE)
    assert {record.state for record in run(project).tasks.values()} == {"reused"}


LAYERS = ("call", "set", "env", "base")


@given(st.sets(st.sampled_from(LAYERS)))
@settings(max_examples=tries(32), deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_of_any_layers_the_highest_wins(project: Project, present: set[str]) -> None:
    """Call, what is set for a run, the environment, the file; the default where there is none of these."""
    values = {"call": 2, "set": 3, "env": 4, "base": 5}
    lines = ["[tool.hookline.env.prod]", "seed = 0"]
    for layer, table in (("env", "env.prod.step.leaf"), ("base", "step.leaf")):
        if layer in present:
            lines += [f"[tool.hookline.{table}]", f"value = {values[layer]}"]
    configure(project, "\n".join(lines))

    @hookline.step
    def leaf(value: int = 1) -> int:
        return value

    @hookline.workflow
    def layered() -> int:
        return leaf(2) if "call" in present else leaf()

    step_arguments = {"leaf.value": values["set"]} if "set" in present else {}
    target = target_of(project)
    graph = api.graph(layered, env="prod", step_arguments=step_arguments, target=target)
    expected = next((Constant(values[layer]) for layer in LAYERS if layer in present), None)
    assert graph.tasks[0].bindings.get("value") == expected
