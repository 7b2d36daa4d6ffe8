"""The steps ``data.validate`` and ``data.screen``: in runs, from YAML, on every executor; what they keep and reuse."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pandas as pd
import polars as pl
import pytest

from hookline import HooklineError
from hookline.testing.contracts.steps import StepContract
from hookline.testing.project import Project
from hookline_data import BadDataError, screen_step, validate
from plugins.data.made_tables import cells
from plugins.data.validation.stepped import PLAIN, TABLE, Numbers
from plugins.data.validation.stored import kept


class TestValidate(StepContract):
    """The step that gives the table on."""

    step = validate
    calls = ({"table": TABLE, "schema": Numbers},)


class TestScreen(StepContract):
    """The step that gives all that there is."""

    step = screen_step
    calls = ({"table": pl.from_pandas(TABLE), "schema": PLAIN, "max_bad": 0.5},)


FLOW = """
    import pandas as pd
    from hookline import step, workflow
    from hookline_data import validate

    @step
    def load(low: int) -> pd.DataFrame:
        return pd.DataFrame({"a": [5, low, 7], "who": ["x", "y", "z"]})

    @step
    def count(table: pd.DataFrame) -> int:
        return len(table)

    @workflow
    def flow(low: int = -1, mode: str = "quarantine", max_bad: float = 1.0):
        return count(validate(load(low), "schemas/rows.yaml", mode=mode, max_bad=max_bad))
"""
ROWS = """
    columns:
      a: {type: int, minimum: 0}
      who: {type: str, personal: true}
"""


@pytest.fixture
def flow(project: Project) -> Project:
    """A project whose workflow validates a table with a schema in a YAML file."""
    project.write("schemas/rows.yaml", ROWS)
    project.write("flow.py", FLOW)
    return project


def test_what_is_put_aside_is_kept_with_the_attempt(flow: Project) -> None:
    """With the report, in both forms, and as metrics."""
    run = flow.run("flow.py", executor="threads")
    assert run.value == 2
    notes = kept(flow, run)
    assert (notes["rows"], notes["bad_rows"], notes["bad_share"]) == (3, 1, pytest.approx(1 / 3))
    assert cells(notes["quarantine"], "_row") == [1]
    assert cells(notes["quarantine"], "who") == ["y"]
    assert notes["report"]["problems"][0]["check"] == "is at least 0"
    assert notes["report_table"].startswith("rows: 1 problem, 1 of 3 rows bad, 1 put aside\ncolumn  check")
    assert flow.run("flow.py", executor="inline").ran == ()


@pytest.mark.parametrize("params", [{"mode": "fail"}, {"max_bad": 0.1}])
def test_a_task_that_fails_keeps_what_it_found(flow: Project, params: dict[str, Any]) -> None:
    """The report is there for whoever looks for the reason; and so is what would have been put aside."""
    run = flow.run("flow.py", params, executor="inline")
    assert run.failed == ("data.validate",)
    assert "BadDataError: rows: 1 problem, 1 of 3 rows bad" in run.error("data.validate")
    notes = kept(flow, run)
    assert notes["bad_rows"] == 1
    assert ("quarantine" in notes) == ("max_bad" in params)


def test_a_warning_is_in_the_tasks_log(flow: Project) -> None:
    """And the run goes on with the table as it is."""
    run = flow.run("flow.py", {"mode": "warn"}, executor="inline")
    assert run.value == 3
    assert "rows: 1 problem, 1 of 3 rows bad" in run.output("data.validate")


def test_a_schema_file_counts_by_what_it_says(flow: Project) -> None:
    """A comment changes nothing; a limit makes the check run anew, and nothing before it."""
    flow.run("flow.py", executor="inline")
    flow.write("schemas/rows.yaml", "# Rows of the shop.\n" + ROWS)
    assert flow.run("flow.py", executor="inline").ran == ()
    flow.edit("schemas/rows.yaml", "minimum: 0", "minimum: 6")
    run = flow.run("flow.py", executor="inline")
    assert run.ran == ("data.validate", "count")
    assert run.value == 1


def test_a_schema_that_is_wrong_is_told_before_anything_runs(flow: Project) -> None:
    """With the file and the line."""
    flow.edit("schemas/rows.yaml", "minimum: 0", "minimun: 0")
    with pytest.raises(HooklineError) as caught:
        flow.plan("flow.py")
    assert "schemas/rows.yaml:3: column 'a' has the unknown key 'minimun'; did you mean 'minimum'?" in str(caught.value)


def test_yaml_names_a_schema_by_its_source_or_its_file(flow: Project) -> None:
    """So that a workflow without any Python validates what it loads."""
    flow.settings('[tool.hookline.source.shop]\nuri = "shop.csv"\nschema = "schemas/rows.yaml"\n')
    flow.write(
        "flow.yaml",
        """
        steps:
          load:
            uses: flow:load
            with: {low: -1}
          one:
            uses: data.validate
            with: {table: "${{ steps.load }}", schema: shop, mode: quarantine}
          two:
            uses: data.screen
            with: {table: "${{ steps.load }}", schema: schemas/rows.yaml, max_bad: 0.5}
          count:
            uses: flow:count
            with: {table: "${{ steps.one }}"}
          bad:
            uses: flow:count
            with: {table: "${{ steps.two.quarantined }}"}
        returns: ["${{ steps.count }}", "${{ steps.bad }}", "${{ steps.two.report }}"]
        """,
    )
    count, bad, report = flow.run("flow.yaml", executor="inline").value
    assert (count, bad, report["quarantined"]) == (2, 1, 1)
    flow.edit("flow.yaml", "schema: shop", "schema: shpo")
    with pytest.raises(HooklineError, match="there is no source 'shpo', whose schema is asked for") as caught:
        flow.plan("flow.yaml")
    assert "did you mean 'shop'?" in caught.value.help
    flow.edit("flow.yaml", "schema: shpo", "schema: bare")
    flow.settings('[tool.hookline.source.bare]\nuri = "shop.csv"\n')
    with pytest.raises(HooklineError, match=r"the source 'bare' has no schema \(pyproject.toml:1\)"):
        flow.plan("flow.yaml")


def test_schemas_may_differ_from_item_to_item(flow: Project) -> None:
    """Each of a mapped task's items has its own."""
    flow.write("schemas/all.yaml", "columns: {a: int, who: str}")
    flow.edit(
        "flow.py",
        'count(validate(load(low), "schemas/rows.yaml", mode=mode, max_bad=max_bad))',
        'count.map(table=validate.partial(load(low), mode=mode).map(schema=["schemas/rows.yaml", "schemas/all.yaml"]))',
    )
    assert flow.run("flow.py", executor="inline").value == [2, 3]


def test_a_name_that_nobody_looked_up_fails_the_task(flow: Project) -> None:
    """Without the plugin's rewrite the key would not know what the name stands for."""
    run = flow.run("flow.py", executor="inline", without=["data"])
    assert "the schema 'schemas/rows.yaml' is a name, which was not looked up" in run.error("data.validate")


CODE = """
    import pandas as pd
    import pandera.pandas as pa
    import limits
    from hookline import step, workflow
    from hookline_data import validate

    class Model(pa.DataFrameModel):
        a: int = pa.Field(ge=0)

        @pa.check("a")
        def small(cls, values):
            # all of them
            return limits.is_small(values)

    SCHEMA = pa.DataFrameSchema({"a": pa.Column(int, pa.Check(lambda values: values > limits.least()))})

    @step
    def load() -> pd.DataFrame:
        return pd.DataFrame({"a": [1, 2]})

    @workflow
    def flow():
        return validate.options(name="model")(load(), Model), validate.options(name="schema")(load(), SCHEMA)
"""
LIMITS = """
    MOST = 10

    def is_small(values):
        return values < MOST

    def least():
        return 0
"""


def test_what_checks_use_counts(project: Project) -> None:
    """A constant or a function that a check reaches makes the check run anew; a comment does not."""
    project.write("limits.py", LIMITS)
    project.write("flow.py", CODE)
    assert project.run("flow.py", executor="inline").ran == ("load", "model", "schema")
    assert project.run("flow.py", executor="inline").ran == ()
    project.edit("flow.py", "        # all of them\n", "")
    assert project.run("flow.py", executor="inline").ran == ()
    project.edit("limits.py", "MOST = 10", "MOST = 9")
    run = project.run("flow.py", executor="inline")
    assert run.ran == ("model",)
    assert "constant limits.MOST changed (10 -> 9)" in run.why("model")
    project.edit("limits.py", "return 0", "return -1")
    run = project.run("flow.py", executor="inline")
    assert run.ran == ("schema",)
    assert "helper 'least' changed" in run.why("schema")
    project.edit("flow.py", "ge=0", "ge=1")
    run = project.run("flow.py", executor="inline")
    assert run.ran == ("model",)


@pytest.mark.integration
def test_another_process_reuses_what_was_checked(project: Project) -> None:
    """Whatever its hash seed is."""
    project.write("limits.py", LIMITS)
    project.write("flow.py", CODE)
    project.run("flow.py", executor="inline")
    plan = project.cli("plan", "flow.py", PYTHONHASHSEED="77")
    assert "all 4 tasks would be reused" in plan.out + plan.err


def test_as_plain_functions_they_need_no_run(tmp_path: Path) -> None:
    """In a notebook or a test; what they would keep is not kept."""
    assert list(validate(TABLE, PLAIN, mode="quarantine")["a"]) == [1, 2]
    parts = screen_step(TABLE, PLAIN)
    assert (len(parts.valid), len(parts.quarantined)) == (2, 1)
    json.dumps(parts.report)
    with pytest.raises(BadDataError):
        validate(TABLE, PLAIN)
    with pytest.raises(HooklineError, match="is a name, which was not looked up"):
        validate(TABLE, tmp_path / "rows.yaml")
    assert isinstance(validate(TABLE, Numbers), pd.DataFrame)
