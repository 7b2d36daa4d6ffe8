"""Loads and writes in runs: what decides a result is an argument, so that what did not change is reused."""

from __future__ import annotations

import atexit
import contextlib
import os
import re
import shutil
import sqlite3
import tempfile
from pathlib import Path

import pytest

import hookline_data.plugin as data_plugin
from hookline import HooklineError, ProjectFacts, workflow
from hookline.testing.contracts.rewrites import RewriteContract
from hookline_data.settings import DataSettings
from hookline_data.sources.loading import load, partitions
from hookline_data.sources.writing import write
from plugins.data.sources.source_kit import rows_of

FLOW = """
from hookline import step, workflow
from hookline_data.sources.loading import load, partitions
from hookline_data.sources.writing import write
from plugins.data.sources.source_kit import rows_of

@step
def count(table) -> int:
    return len(table)

@step
def days() -> list[str]:
    return ["1"]

@step
def inside(source: str):
    return load(source)

@step
def at_once(source: str):
    return load.fn(source)

@workflow
def single(source: str = "s"):
    return count(load(source))

@workflow
def several(days: list[str] = ["1", "2", "3"]):
    return count.map(table=load.partial("s").map(partition=days))

@workflow
def daily(day: str):
    return count(load("s", partition=day))

@workflow
def all_there_are():
    return count.map(table=load.partial("s").map(partition=partitions("s")))

@workflow
def unknown():
    return count.map(table=load.partial("s").map(partition=days()))

@workflow
def grown(source: str = "s"):
    return count(inside(source))

@workflow
def wrong():
    return count(at_once("s"))

@workflow
def copied():
    return write(load("s"), "t")

@workflow
def two():
    return count(load("gone")), count(load("s", partition="a/b"))
"""

SETTINGS = """
[tool.hookline.source.s]
uri = "data/{day}.csv"

[tool.hookline.source.s.schema.columns]
x = "int"
day = "str"

[tool.hookline.source.t]
uri = "copy.csv"
schema.columns = {x = "int", day = "str"}
"""


@pytest.fixture
def flow(project):
    project.settings(SETTINGS)
    project.write("flow.py", FLOW)
    for day in "123":
        project.write(f"data/{day}.csv", f"x\n{day}\n")
    return project


def run(project, name, params=None, **options):
    return project.run(f"flow.py:{name}", params, executor="inline", **options)


def test_a_load_is_reused_until_a_file_or_the_contract_changes(flow):
    """Files count by content; an owner does not count."""
    assert run(flow, "single").value == 3
    assert run(flow, "single").ran == ()
    flow.settings(SETTINGS.replace('{day}.csv"', '{day}.csv"\nowner = "growth"'))
    assert run(flow, "single").ran == ()
    flow.write("data/2.csv", "x\n2\n2\n")
    changed = run(flow, "single")
    assert (changed.value, changed.ran) == (4, ("data.load", "count"))
    assert "files" in changed.why("data.load")
    flow.settings(SETTINGS.replace('x = "int"', 'x = "float"'))
    again = run(flow, "single")
    assert again.ran[0] == "data.load"
    assert "contract" in again.why("data.load")


def test_of_a_mapped_load_only_the_changed_partition_runs_anew(flow):
    """Each item is given its own files."""
    assert run(flow, "several").value == [1, 1, 1]
    flow.write("data/2.csv", "x\n2\n2\n")
    changed = run(flow, "several")
    assert (changed.value, changed.ran) == ([1, 2, 1], ("data.load[1]", "count[1]"))


def test_a_partition_without_a_file_fails_by_itself(flow):
    """Others go on, and it is loaded once its file has come."""
    failed = run(flow, "several", {"days": ["1", "4", "2"]})
    assert failed.failed == ("data.load",)
    error = failed.error("data.load")
    assert "the source 's' has no partition '4': there is no file 'data/4.csv'" in error
    assert "there are 1 to 3, 3 in all" in error
    assert {"data.load[0]", "data.load[2]"} <= set(failed.ran)
    flow.write("data/4.csv", "x\n4\n")
    again = run(flow, "several", {"days": ["1", "4", "2"]})
    assert (again.value, again.ran) == ([1, 1, 1], ("data.load[1]", "count[1]"))
    assert run(flow, "daily", {"day": "2"}).ran == ()


def test_a_backfill_goes_on_over_a_day_without_a_file(flow):
    """The day is missing, and the only one that fails."""
    days, tests = "day=1,4,2", str(Path(__file__).parents[3])
    missing = flow.cli("backfill", "flow.py:daily", "-p", days, "--missing", "-q", PYTHONPATH=tests)
    assert (missing.code, missing.out.split()) == (0, ["1", "4", "2"])
    filled = flow.cli("backfill", "flow.py:daily", "-p", days, "--executor", "inline", PYTHONPATH=tests)
    assert filled.code == 1
    assert "3 partitions: 2 done, 1 failed: 4" in filled.out + filled.err
    missing = flow.cli("backfill", "flow.py:daily", "-p", days, "--missing", "-q", PYTHONPATH=tests)
    assert missing.out.split() == ["4"]


def test_of_a_source_of_days_only_the_newest_one_goes_stale(flow):
    """History is old, and stays reused."""
    for day in ("2026-01-01", "2026-01-02"):
        flow.write(f"data/{day}.csv", "x\n1\n")
        os.utime(flow.folder / f"data/{day}.csv", (1_767_225_600, 1_767_225_600))
    flow.settings(SETTINGS.replace('{day}.csv"', '{day}.csv"\nfreshness = "1d"\nstale = "fail"'))
    for day in "123":
        (flow.folder / f"data/{day}.csv").unlink()
    result = run(flow, "several", {"days": ["2026-01-01", "2026-01-02"]})
    assert "data.load[0]" in result.ran
    assert "is stale: its newest file" in result.error("data.load")


def test_partitions_that_there_are_can_be_mapped_over(flow):
    """They are listed when the workflow is built, so that a new one is a new item."""
    with contextlib.chdir(flow.folder):
        assert run(flow, "all_there_are").value == [1, 1, 1]
        flow.write("data/4.csv", "x\n1\n1\n")
        new = run(flow, "all_there_are")
    assert (new.value, new.ran) == ([1, 1, 1, 2], ("data.load[3]", "count[3]"))


def test_partitions_that_only_the_run_tells_are_refused_with_a_remedy(flow):
    """Before anything runs."""
    with pytest.raises(HooklineError, match=r"(?s)only by the run which partitions.*partitions\('transactions'\)"):
        run(flow, "unknown")


def test_a_load_that_a_step_calls_is_filled_in_when_the_graph_grows(flow):
    """And is reused like any other."""
    assert run(flow, "grown").value == 3
    assert "inside/data.load" not in run(flow, "grown").ran


def test_a_load_that_nobody_filled_in_says_so(flow):
    """Without the plugin, or called as the plain function within a step."""
    left_out = run(flow, "single", without=["data"])
    assert "was not looked up before the run" in left_out.error("data.load")
    assert "--without data" in left_out.error("data.load")
    assert "was not looked up before the run" in run(flow, "wrong").error("at_once")


def test_all_that_is_wrong_with_the_sources_of_a_workflow_is_told_at_once(flow):
    """Before anything runs; a source that there is none of with the task that asks for it."""
    with pytest.raises(HooklineError) as caught:
        run(flow, "two")
    assert re.search(r"task 'data\.load(-2)?' \(.*\.py:\d+\): there is no source 'gone'", str(caught.value))
    assert "'a/b' is no value of the key 'day'" in str(caught.value)


def test_a_write_runs_each_time_and_says_what_was_written(flow):
    """A load of it in a later run sees it."""
    first = run(flow, "copied")
    assert (first.value.rows, first.value.source, first.value.task_id) == (3, "copy.csv", "data.write")
    assert first.value.digest.startswith("sha256:")
    assert run(flow, "copied").ran == ("data.write",)
    assert run(flow, "single", {"source": "t"}).value == 3


def test_rows_that_are_put_aside_and_the_report_are_artifacts_of_the_load(flow):
    """Nothing is dropped without a trace."""
    flow.settings(SETTINGS.replace('{day}.csv"', '{day}.csv"\nmode = "quarantine"', 1))
    flow.write("data/2.csv", "x\nbad\n2\n")
    done = run(flow, "single")
    assert done.value == 3
    with flow.store() as store:
        names = {note.name for note in store.notes(done.id)}
    assert {"quarantine", "report", "bad_rows", "rows", "files"} <= names


def test_databases_are_asked_each_time_unless_a_version_tells_that_nothing_changed(flow):
    """The version query is asked while the run is planned."""

    def execute(statement):
        connection = sqlite3.connect(flow.folder / "sales.db")
        with connection:
            connection.execute(statement)
        connection.close()

    execute("CREATE TABLE t (x INTEGER)")
    execute("INSERT INTO t VALUES (1)")
    table = '[tool.hookline.source.s]\nuri = "sqlite:///sales.db"\ntable = "t"\n'
    flow.settings(table)
    assert run(flow, "single").value == 1
    assert run(flow, "single").ran == ("data.load",)
    flow.settings(table + 'version_query = "SELECT count(*) FROM t"\n')
    run(flow, "single")
    assert run(flow, "single").ran == ()
    execute("INSERT INTO t VALUES (2)")
    changed = run(flow, "single")
    assert changed.value == 2
    assert "version" in changed.why("data.load")
    flow.settings(table + 'snapshot = "v1"\n')
    run(flow, "single")
    assert run(flow, "single").ran == ()


def test_results_of_one_executor_are_reused_on_another(flow):
    """Contracts and files count alike in other processes."""
    assert flow.run("flow.py:several", executor="processes", workers=1).value == [1, 1, 1]
    assert run(flow, "several").ran == ()


def test_frames_are_of_the_library_that_the_settings_name(flow, library):
    """And the rows are the same."""
    flow.settings(SETTINGS + f'\n[tool.hookline.plugin.data]\nframes = "{library}"\n')
    flow.write("plain.py", "from hookline import workflow\nfrom hookline_data.sources.loading import load\n\n"
               "@workflow\ndef plain():\n    return load('s', '1')\n")  # fmt: skip
    table = flow.run("plain.py", executor="inline").value
    assert type(table).__module__.partition(".")[0] == library
    assert rows_of(table) == [{"x": 1, "day": "1"}]


def test_outside_of_runs_sources_are_looked_up_at_once(flow):
    """In a notebook, for one."""
    with contextlib.chdir(flow.folder):
        assert rows_of(load("s", "2")) == [{"x": 2, "day": "2"}]
        assert partitions("s") == ["1", "2", "3"]
        assert write(load("s", "2"), "t").rows == 1


@workflow
def _customers():
    return load("customers")


_FOLDER = Path(tempfile.mkdtemp(prefix="hookline-sources-"))
atexit.register(shutil.rmtree, _FOLDER, ignore_errors=True)
(_FOLDER / "customers.csv").write_text("x\n1\n")


class TestFilling(RewriteContract):
    """The rewrite keeps what every rewrite keeps, but that the workflow would run without it as well."""

    test_the_changed_workflow_runs_and_its_keys_follow_the_graph = None
    test_the_changed_workflow_runs_in_processes = None  # as the test above does
    rewrite_graph = staticmethod(data_plugin.rewrite_graph)
    workflows = ((_customers, {}),)
    settings = DataSettings()
    project = ProjectFacts(_FOLDER, "", _FOLDER / ".hookline", {"customers": {"uri": "customers.csv"}})


MODELS = """
import pandera.{0} as pa

class Model(pa.DataFrameModel):
    x: int = pa.Field(ge=0)
    name: str
"""


def test_a_schema_of_pandera_checks_a_source_and_its_code_counts(flow, library):
    """Frames are of its library; the contract's key and personal columns hold as well."""
    flow.settings('[tool.hookline.source.s]\nuri = "a.csv"\nschema = "models:Model"\nkey = "x"\npersonal = ["name"]\n')
    flow.write("models.py", MODELS.format(library))
    flow.write("a.csv", "x,name\n1,Ann-Secret\n2,Bob\n")
    assert run(flow, "single").value == 2
    again = run(flow, "single")
    assert again.ran == (), again.why("data.load")
    flow.write("a.csv", "x,name\n1,Ann-Secret\n1,Bob\n-1,Cy\nx,Dee\n")
    error = run(flow, "single").error("data.load")
    for wanted in ("a.csv:4", "a.csv:5", "'x'"):
        assert wanted in error
    assert "Secret" not in error
    flow.write("a.csv", "x,name\n1,Ann-Secret\n2,Bob\n")
    flow.write("models.py", MODELS.format(library).replace("ge=0", "ge=2"))
    assert run(flow, "single").ran == ("data.load",)


EACH = """
from hookline import workflow
from hookline_data.sources.loading import load

@workflow
def each():
    return load.map(source=["s", "t"])

@workflow
def combined():
    return load.product(source=["s", "t", "s"], partition=["1", "2"])

@workflow
def opted():
    return load.options(retries=2, tags=["x"], timeout="1m")("s")
"""


def test_a_load_may_be_mapped_over_sources(flow):
    """Each item has its own contract; one that asks a database makes all of them run anew."""
    flow.write("each.py", EACH)
    flow.write("copy.csv", "x,day\n7,9\n")
    first, second = flow.run("each.py:each", executor="inline").value
    assert (len(first), rows_of(second)) == (3, [{"x": 7, "day": "9"}])
    assert flow.run("each.py:each", executor="inline").ran == ()
    with pytest.raises(HooklineError, match="combinations"):
        flow.run("each.py:combined", executor="inline")


def test_options_of_a_load_are_kept(flow):
    """Retries, tags and limits are the call's."""
    flow.write("each.py", EACH)
    plan = flow.plan("each.py:opted")
    assert "set retries=2, timeout=60.0, tags=('x',) of 'data.load'" in [change.text for change in plan.changes]


def test_a_workflow_in_yaml_loads_and_writes_without_any_code(flow):
    """By the names that the plugin registers; partitions are texts or dates there."""
    flow.settings(SETTINGS.replace('day = "str"', 'day = "date"'))
    flow.write("data/2026-01-31.csv", "x\n5\n")
    flow.write(
        "flow.yaml",
        """
        workflow: copied
        params:
          day: {type: date, default: 2026-01-31}
        steps:
          load:
            uses: data.load
            with: {source: s, partition: "${{ params.day }}"}
          write:
            uses: data.write
            with: {table: "${{ steps.load }}", source: t}
        returns: ${{ steps.write }}
        """,
    )
    assert flow.run("flow.yaml", executor="inline").value.rows == 1
    assert (flow.folder / "copy.csv").read_text() == "x,day\n5,2026-01-31\n"
    assert flow.run("flow.yaml", executor="inline").ran == ("write",)


def test_a_plain_load_gives_the_frames_that_the_project_chooses(flow):
    """As a run does: outside of it the plugin's settings are looked up, too."""
    for frames in ("pandas", "polars"):
        flow.settings(f'{SETTINGS}\n[tool.hookline.plugin.data]\nframes = "{frames}"\n')
        with contextlib.chdir(flow.folder):
            assert type(load("s", "1")).__module__.partition(".")[0] == frames
