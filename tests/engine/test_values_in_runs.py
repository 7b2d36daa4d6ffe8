"""Values on their way through runs: files that count, objects that carry more than they show, calls as declared."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from engine.project import Project

Make = Callable[[str], Project]

READS = """
DATA = HERE / "data.txt"

@dataclass(frozen=True)
class Source:
    path: Path

@step
def read({parameter}) -> str:
    note("read")
    return {result}

@workflow
def flow():
    return read()
"""


@pytest.mark.parametrize(
    ("parameter", "result"),
    [
        ("path: Path = HERE / 'data.txt'", "path.read_text()"),
        ("path: Path = HERE / 'data.txt', /", "path.read_text()"),
        ("x=1, path: Path = HERE / 'data.txt', /, *, y=2", "path.read_text() * (y - x)"),
        ("paths=[{'a': (HERE / 'data.txt',)}]", "paths[0]['a'][0].read_text()"),
        ("folder: Path = HERE / 'folder'", "(folder / 'data.txt').read_text()"),
        ("source=Source(HERE / 'data.txt')", "source.path.read_text()"),
        ("", "DATA.read_text()"),
        ("", "{'it': [DATA]}['it'][0].read_text()"),
    ],
    ids=["default", "by position", "after others", "nested", "folder", "object", "global", "global in a list"],
)
def test_a_file_that_a_step_reads_by_default_counts_by_content(project: Make, parameter: str, result: str) -> None:
    """A default that is left out, and a module's own path, count as an argument does: an edited file is read again."""
    flow = project(READS.format(parameter=parameter, result=result))
    (flow.folder / "folder").mkdir()
    for text in ("one", "two"):
        (flow.folder / "data.txt").write_text(text)
        (flow.folder / "folder" / "data.txt").write_text(text)
        assert [flow.run().result, flow.run().result] == [text, text]
        assert flow.executions() == ["read"]


KEPT = """
@dataclass
class Report:
    path: Path
    title: str = ""

class Holder(dict): ...

def written(name="x.txt"):
    path = attempt().folder / name
    path.write_text("X")
    return path

def deep(path):
    return lambda: path

@step
def make():
    {body}

@step
def read(held) -> str:
    note("read")
    path = {path}
    return f"{{path.name}} {{path.read_text()}}"

@workflow
def flow():
    return read(make())
"""


@pytest.mark.parametrize("executor", ["inline", "processes"])
@pytest.mark.parametrize(
    ("body", "path"),
    [
        ("return [Report(written())]", "held[0].path"),
        ("return Holder(a=Report(written()))", "held['a'].path"),
        ("return Report(written().parent)", "held.path / 'x.txt'"),
        ("return deep(written())", "held()"),
        ("return [Report(Path(os.path.relpath(written())))]", "held[0].path"),
    ],
    ids=["dataclass", "own dict", "folder", "closure", "relative"],
)
def test_files_of_the_attempt_are_kept_inside_objects(project: Make, executor: str, body: str, path: str) -> None:
    """The folder goes with the attempt; a recorded value never points to what was there."""
    flow = project(KEPT.format(body=body, path=path))
    run = flow.run(executor)
    assert run.result == "x.txt X", run.tasks
    flow.edit('note("read")', 'note("read again")')
    again = flow.run(executor)
    assert again.result == "x.txt X"
    assert again.tasks["make"].state == "reused"


def test_an_object_with_a_path_of_the_attempt_where_nothing_is_fails_its_task(project: Make) -> None:
    """The file could never be found again; the message says what to do."""
    flow = project(KEPT.format(body="return [Report(attempt().folder / 'never')]", path="held[0].path"))
    error = flow.run().tasks["make"].error
    assert "never', where nothing is" in error
    assert "PurePath" in error


@pytest.mark.parametrize("executor", ["inline", "processes"])
def test_a_decorator_that_takes_positions_only_works(project: Make, executor: str) -> None:
    """The step declares what the function inside takes; its calls get through the wrapper."""
    code = """
    import functools

    def doubled(function):
        @functools.wraps(function)
        def wrapper(*args):
            return 2 * function(*args)
        return wrapper

    @step
    @doubled
    def work(x: int, y: int = 1) -> int:
        return x + y

    @workflow
    def flow():
        return [work(1), work(x=1), work(1, y=2), work.partial(y=3).map(x=[1, 2])]
    """
    assert project(code).run(executor).result == [4, 4, 6, [8, 10]]


@pytest.mark.parametrize(
    ("argument", "path"),
    [
        ("HERE / 'data.txt'", "held"),
        ("[HERE / 'data.txt', make()]", "held[0]"),
        ("{'a': [make(), (HERE / 'data.txt', make())]}", "held['a'][1][0]"),
        ("Source(HERE / 'data.txt')", "held.path"),
        ("[make(), [Source(HERE / 'data.txt')]]", "held[1][0].path"),
    ],
    ids=["alone", "beside a reference", "deep beside references", "in an object", "in an object beside a reference"],
)
def test_a_file_that_changes_while_a_task_reads_it_makes_no_result_to_reuse(
    project: Make, argument: str, path: str
) -> None:
    """Nobody knows which content was read: wherever the path stands, the task runs again."""
    code = f"""
    @dataclass(frozen=True)
    class Source:
        path: Path

    @step
    def make() -> int:
        return 1

    @step
    def read(held) -> str:
        note("read")
        path = {path}
        text = path.read_text()
        if there("change"):
            path.write_text("other text")
        return text

    @workflow
    def flow():
        return read({argument})
    """
    flow = project(code)
    for present in (True, False, False):
        flow.touch("change") if present else (flow.folder / "change").unlink(missing_ok=True)
        (flow.folder / "data.txt").write_text("the text")
        assert flow.run().result == "the text"
    assert flow.executions() == ["read", "read"]


RICHER = """
import functools
from dataclasses import field

@dataclass
class Plain:
    width: int
    {field}
    def __post_init__(self):
        {more}

    @functools.cached_property
    def area(self):
        return self.width ** 2

@dataclass
class Slotted:
    __slots__ = ("width", "twice")
    width: int

    def __post_init__(self):
        self.twice = self.width * 2

@step
def make() -> {kind}:
    made = {make}(3)
    {then}
    return made

@step
def read(held) -> int:
    return held.{read}

@workflow
def flow():
    return read(make())
"""


@pytest.mark.parametrize(
    ("kind", "more", "then"),
    [("Plain", "self.twice = self.width * 2", ""), ("Plain", "pass", "made.twice = 6"), ("Slotted", "", "")],
    ids=["set after __init__", "set by the step", "in a slot"],
)
def test_a_dataclass_with_attributes_that_are_no_fields_fails_its_task(
    project: Make, kind: str, more: str, then: str
) -> None:
    """It is kept field by field; what would get lost is named, with the cure, instead of missing in the consumer."""
    words = {"kind": kind, "make": kind, "more": more or "pass", "then": then, "read": "twice"}
    run = project(RICHER.format(**words, field="")).run()
    assert run.tasks["read"].state == "skipped"
    error = run.tasks["make"].error
    assert f"'{kind}' with attributes that are no fields: 'twice'" in error
    assert "field(init=False)" in error


@pytest.mark.parametrize(
    ("more", "then", "read", "result"),
    [
        ("self.twice = self.width * 2", "", "twice", 6),
        ("self.twice = 0", "made.area", "area", 9),
    ],
    ids=["a field that is no argument", "a cached property"],
)
def test_a_dataclass_may_compute_fields_and_properties(
    project: Make, more: str, then: str, read: str, result: int
) -> None:
    """Fields count however they came about; what a cached property remembers is worked out again."""
    field = "twice: int = field(init=False)"
    words = {"kind": "Plain", "make": "Plain", "more": more, "then": then or "pass", "read": read}
    assert project(RICHER.format(**words, field=field)).run().result == result
