"""Data sets that are named in YAML, in settings and on the command line."""

from __future__ import annotations

from typing import Any

import pytest

from hookline import UsageError

FLOW = """
import pandas as pd

from hookline import step, workflow
from hookline_data import Dataset


@step
def made(ids: list[int]) -> Dataset:
    return Dataset("t", pd.DataFrame({"id": ids}), key="id")


@step
def count(data: Dataset) -> int:
    return len(data.table)


@step
def count_all(sets: list[Dataset]) -> list[int]:
    return [len(data.table) for data in sets]


@workflow
def make(ids: list[int]):
    return count(made(ids))


@workflow
def use(data: Dataset):
    return count(data)


@workflow
def use_all(sets: list[Dataset] = [Dataset.named("t@1")]):
    return count_all(sets)


@workflow
def left_open():
    return count()
"""

YAML = """
workflow: declared
params:
  data: t
steps:
  newest:
    uses: flow:count
    with:
      data: ${{ params.data }}
  first:
    uses: flow:count
    with:
      data: t@1
  both:
    uses: flow:count_all
    with:
      sets: [t@2, "${{ params.data }}"]
  difference:
    uses: data.diff
    with:
      before: t@1
      after: ${{ params.data }}
returns: ["${{ steps.newest }}", "${{ steps.first }}", "${{ steps.both }}", "${{ steps.difference.added }}"]
"""


@pytest.fixture
def shop(project: Any) -> Any:
    project.write("flow.py", FLOW)
    for ids in ([1], [1, 2, 3]):
        assert project.run("flow.py:make", {"ids": ids}, executor="inline").status == "completed"
    return project


def test_yaml_names_data_sets_as_texts(shop: Any) -> None:
    """In arguments and in parameters, which are texts; also for the step that compares."""
    shop.write("declared.yaml", YAML)
    assert shop.run("declared.yaml", executor="inline").value == [3, 1, [3, 3], 2]
    assert shop.run("declared.yaml", {"data": "t@1"}, executor="inline").value == [1, 1, [3, 1], 0]


def test_settings_name_data_sets_for_arguments_that_are_left_open(shop: Any) -> None:
    """For all, for an environment, or for one run."""
    shop.settings('[tool.hookline.step.count]\ndata = "t@1"\n[tool.hookline.env.prod.step.count]\ndata = "t"\n')
    assert shop.run("flow.py:left_open", executor="inline").value == 1
    assert shop.run("flow.py:left_open", executor="inline", env="prod").value == 3
    assert shop.run("flow.py:left_open", executor="inline", step_arguments={"count.data": "t@2"}).value == 3


def test_a_command_line_takes_names_alone_and_in_lists(shop: Any) -> None:
    """With commas, as any list; what is wrong with a name is said."""
    assert shop.cli("run", "flow.py:use_all", "--sets", "t@1,t@2").out.strip().endswith("[1, 3]")
    wrong = shop.cli("run", "flow.py:use", "--data", "t@0")
    assert wrong.code == 2
    assert "'data' takes a value of type 'Dataset', not 't@0' ('t@0' names version 0" in wrong.err
    assert "default: t@1" in shop.cli("run", "flow.py:use_all", "--help").out


def test_a_run_is_resumed_with_the_data_set_that_it_named(shop: Any) -> None:
    """Names are stored with the run, and looked up again."""
    shop.edit("flow.py", "return len(data.table)", "raise ValueError('not yet')")
    failed = shop.run("flow.py:use", {"data": "t@1"}, executor="inline")
    assert failed.status == "failed"
    shop.edit("flow.py", "raise ValueError('not yet')", "return len(data.table)")
    assert shop.resume(failed, executor="inline").value == 1


def test_a_data_set_named_in_yaml_that_is_not_there_is_told(shop: Any) -> None:
    """Before anything runs."""
    shop.write("declared.yaml", YAML)
    with pytest.raises(UsageError, match="no data set 'x'"):
        shop.plan("declared.yaml", {"data": "x"})
