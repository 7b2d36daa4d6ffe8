from __future__ import annotations

import pytest

FLOW = """
from hookline import step, workflow
from hookline_data.sources.loading import load

@step
def rows(table) -> int:
    return len(table)

@workflow
def flow(source: str = "customers", days: list[str] = []):
    return load(source)
"""

SETTINGS = """
[tool.hookline.source.customers]
uri = "data/customers.csv"
key = ["id"]
event_time = "at"
personal = ["name"]

[tool.hookline.source.customers.schema.columns]
id = "int"
name = "str"
spend = {type = "float", nullable = true, minimum = 0}
at = "datetime"
"""

CSV = "id,name,spend,at\n1,Ann,1.5,2026-01-01T12:00:00\n2,Bob,,2026-01-02T00:00:00\n"


@pytest.mark.parametrize("library", ["pandas", "polars"])
def test_a_load_gives_the_rows_of_its_file(project, library):
    """By the contract's types."""
    project.settings(SETTINGS + f'\n[tool.hookline.plugin.data]\nframes = "{library}"\n')
    project.write("data/customers.csv", CSV)
    project.write("flow.py", FLOW)
    run = project.run("flow.py", executor="inline")
    print(run.value, run.value.dtypes)
    again = project.run("flow.py", executor="inline")
    print(again.run.tasks)
    project.write("data/customers.csv", CSV + "3,Cy,x,2026-01-02T00:00:00\n3,D,-1,2026-01-02T00:00:00\n")
    bad = project.run("flow.py", executor="inline")
    print(bad.run.tasks["load"].error if "load" in bad.run.tasks else bad.run.tasks)
    assert 0
