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
