"""Checks that return types ask for: inserted where they are wanted, visible in the plan, and nowhere else."""

from __future__ import annotations

import subprocess
import sys
from typing import Annotated, Any

import pandas as pd
import pytest

import hookline
from hookline import HooklineError, step, workflow
from hookline.testing.contracts.rewrites import RewriteContract
from hookline.testing.project import Project
from hookline_data import Checked
from hookline_data.plugin import rewrite_graph
from hookline_data.settings import DataSettings
from plugins.data.validation.stepped import PLAIN, TABLE, Numbers
from plugins.data.validation.stored import kept


@step
def numbers(n: int = 3) -> Annotated[pd.DataFrame, Numbers]:
    """Give numbers that are fit."""
    return TABLE.head(n)


@step
def mixed(n: int = 3) -> Annotated[pd.DataFrame, Checked(PLAIN, mode="quarantine", max_bad=0.5, name="mixed")]:
    """Give numbers of which some are not."""
    return TABLE.head(n)


@step
def size(table: pd.DataFrame) -> int:
    """Count rows."""
    return len(table)


@workflow
def sizes() -> Any:
    return size(numbers()), size(mixed()), size.map(table=mixed.options(name="each").map(n=[2, 3]))


class TestInsert(RewriteContract):
    """The plugin's rewrite keeps what each rewrite keeps."""

    rewrite_graph = staticmethod(rewrite_graph)
    workflows = ((sizes, {}),)
    settings = DataSettings()
    plugin = "data"


def test_an_annotation_puts_a_check_behind_the_task(tmp_path: Any) -> None:
    """A schema as it is, or what is to become of bad rows; a mapped task is checked item by item."""
    run = hookline.run(sizes, executor="inline", store=tmp_path / "store")
    assert run.result == (3, 2, [2, 2])
    assert {name for name in run.tasks if ":" in name} == {
        "data:validate@numbers",
        "data:validate@mixed",
        "data:validate@each",
    }


PARTS = """
    import dataclasses
    from typing import Annotated, NamedTuple, TypedDict
    import pandas as pd
    from hookline import step, workflow
    from hookline_data import Checked

    RAW = {"a": [1, -1, 2]}
    Rows = Annotated[pd.DataFrame, Checked("rows", mode="quarantine")]

    class Pair(NamedTuple):
        rows: Rows
        count: int

    @dataclasses.dataclass(frozen=True)
    class Kept:
        count: int
        rows: Rows

    class Dict(TypedDict):
        rows: Rows
        count: int

    @step
    def pair() -> Pair:
        return Pair(pd.DataFrame(RAW), 3)

    @step
    def made() -> Kept:
        return Kept(3, pd.DataFrame(RAW))

    @step
    async def typed() -> Dict:
        return {"rows": pd.DataFrame(RAW), "count": 3}

    @step
    def plain() -> tuple[int, Rows]:
        return 3, pd.DataFrame(RAW)

    @step
    def size(table: pd.DataFrame) -> int:
        return len(table)

    @step
    def load() -> Rows:
        return pd.DataFrame(RAW)

    @step
    def grown() -> int:
        return size(load())

    @workflow
    def flow():
        count, rows = plain()
        return [size(pair().rows), size(made().rows), size(typed()["rows"]), size(rows), pair().count, count]

    @workflow
    def growing():
        return grown()
"""


SOURCE = """
    [tool.hookline.source.rows]
    uri = "rows.csv"
    schema = {columns = {a = {type = "int", minimum = 0}}}
"""


@pytest.fixture
def parts(project: Project) -> Project:
    """A project with steps whose values have parts."""
    project.settings(SOURCE)
    project.write("flow.py", PARTS)
    return project


def test_parts_of_a_value_are_checked_where_they_are_made(parts: Project) -> None:
    """Fields of each form, also of async steps; what is kept carries the part's name."""
    run = parts.run("flow.py:flow", executor="inline")
    assert run.value == [2, 2, 2, 2, 3, 3]
    notes = kept(parts, run)
    assert notes["rows.bad_rows"] == 1
    assert list(notes["rows.quarantine"]["a"]) == [-1]
    assert notes["1.report"]["name"] == "1"
    assert parts.run("flow.py:flow", executor="inline").ran == ()


def test_what_grows_is_checked_too(parts: Project) -> None:
    """A part that grows while a run executes it is rewritten like the rest."""
    run = parts.run("flow.py:growing", executor="inline")
    assert run.value == 2
    assert any("data:validate@load" in name for name in run.run.tasks)


def test_the_plan_shows_what_is_inserted_and_one_flag_leaves_it_out(parts: Project) -> None:
    """The check has the name of the task before it, and the plugin's."""
    plan = parts.plan("flow.py:growing")
    assert [task.id for task in plan.tasks] == ["grown"]
    parts.edit("flow.py", "return grown()", "return size(load())")
    assert [task.id for task in parts.plan("flow.py:growing").tasks] == ["load", "data:validate@load", "size"]
    assert [task.id for task in parts.plan("flow.py:growing", without=["data"]).tasks] == ["load", "size"]


def test_a_schema_that_is_named_runs_only_the_check_anew(parts: Project) -> None:
    """What a step's annotation holds counts for the step; what it names does not."""
    parts.edit("flow.py", "return grown()", "return size(load())")
    parts.run("flow.py:growing", executor="inline")
    parts.settings(SOURCE.replace("minimum = 0", "minimum = 2"))
    run = parts.run("flow.py:growing", executor="inline")
    assert run.ran == ("data:validate@load", "size")
    assert run.value == 1


def test_a_name_that_there_is_nothing_for_is_told_before_anything_runs(parts: Project) -> None:
    """With the close match."""
    parts.edit("flow.py", 'Checked("rows"', 'Checked("row"')
    with pytest.raises(HooklineError, match="there is no source 'row', whose schema is asked for") as caught:
        parts.plan("flow.py:flow")
    assert "did you mean 'rows'?" in caught.value.help


@pytest.mark.integration
def test_what_needs_no_check_imports_no_library_of_checks(project: Project) -> None:
    """A plan of a workflow without tables loads neither pandera nor a library of frames."""
    project.write(
        "flow.py",
        """
        import sys
        from typing import Annotated
        from hookline import step, workflow

        @step
        def one() -> Annotated[int, "a number"]:
            return 1

        @workflow
        def flow():
            return one()

        if __name__ == "__main__":
            flow.run()
            heavy = {"pandera", "pandas", "polars", "narwhals", "pyarrow"}
            print(sorted(heavy & {name.partition(".")[0] for name in sys.modules}))
        """,
    )
    done = subprocess.run([sys.executable, "flow.py"], cwd=project.folder, capture_output=True, text=True, check=True)
    assert done.stdout.strip().endswith("[]")


@pytest.mark.integration
def test_checks_are_inserted_where_no_library_of_frames_is_imported_yet(project: Project) -> None:
    """Steps that import pandas when they run are checked like others; so are tables that a YAML file checks."""
    project.write("rows.yaml", "columns: {n: int}")
    project.write(
        "flow.py",
        """
        from typing import Annotated, Any
        from hookline import step, workflow
        from hookline_data import Checked

        @step
        def rows() -> Annotated[Any, Checked("rows.yaml")]:
            import pandas
            return pandas.DataFrame({"n": [1, 2]})

        @workflow
        def flow():
            return rows()
        """,
    )
    project.write(
        "bare.py",
        """
        from typing import Any
        from hookline import step

        @step
        def rows() -> Any:
            import pandas
            return pandas.DataFrame({"n": [1, 2]})
        """,
    )
    project.write(
        "flow.yaml",
        """
        steps:
          rows: {uses: "bare:rows"}
          good: {uses: data.validate, with: {table: "${{ steps.rows }}", schema: rows.yaml}}
        """,
    )

    assert "inserted 'data:validate@rows' after 'rows'" in project.cli("plan", "flow.py").out
    assert project.cli("run", "flow.yaml").code == 0


def test_a_bare_schema_is_seen_whatever_is_imported(tmp_path: Any) -> None:
    """A step may import its library of frames only when it runs; a process that has none plans the same checks."""
    program = tmp_path / "bare.py"
    program.write_text(
        "import sys\n"
        "from typing import Annotated, Any\n"
        "from hookline import step, workflow\n"
        "from hookline.ml import Column, Schema\n"
        "@step\n"
        "def load() -> Annotated[Any, Schema([Column('a', 'int')])]:\n"
        "    import pandas\n"
        "    return pandas.DataFrame({'a': [1]})\n"
        "@workflow\n"
        "def bare():\n"
        "    return load()\n"
        "if __name__ == '__main__':\n"
        "    print(sorted(task.id for task in bare.plan().tasks), 'pandas' in sys.modules)\n"
    )
    done = subprocess.run([sys.executable, str(program)], capture_output=True, text=True, cwd=tmp_path, check=False)
    assert done.stdout.strip() == "['data:validate@load', 'load'] False", done.stderr


def test_an_annotation_that_can_not_be_read_is_refused(project: Project) -> None:
    """What type checkers alone import is not there to be looked at; a check is not left out silently."""
    project.write(
        "unread.py",
        """
        from __future__ import annotations

        from typing import TYPE_CHECKING, Annotated

        from hookline import step, workflow
        from hookline_data import Checked

        if TYPE_CHECKING:
            import pandas as pd

        @step
        def load() -> Annotated[pd.DataFrame, Checked("rows")]:
            raise NotImplementedError

        @step
        def plain() -> pd.DataFrame:
            raise NotImplementedError

        @workflow
        def unread():
            return load(), plain()
        """,
    )
    with pytest.raises(HooklineError, match=r"task 'load' .*returns 'Annotated.*can't be evaluated"):
        project.plan("unread.py")
