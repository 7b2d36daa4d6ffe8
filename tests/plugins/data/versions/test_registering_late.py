"""What becomes, at the end of a run, of a data set that its task could not register."""

from __future__ import annotations

import logging
from pathlib import Path

import pandas as pd
import pytest

import hookline
from hookline import step, workflow
from hookline.ml import Column, Schema
from hookline_data.versions.dataset import Dataset
from hookline_data.versions.late import register_late
from hookline_data.versions.names import DatasetName
from hookline_data.versions.registered import PLUGIN, newest


@step
def made(partition: str) -> Dataset:
    return Dataset("sales", pd.DataFrame({"id": [1]}), partition=partition, schema=Schema((Column("id", "int"),)))


@workflow
def make(partition: str = ""):
    return made(partition)


def test_what_can_t_be_registered_late_is_told_and_has_no_number(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """A partition of a data set that has none is refused, in a log's line with its name; what went before stays."""
    where = tmp_path / "store"
    whole, part = (
        hookline.run(make, {"partition": name}, store=where, executor="inline", without=["data"])
        for name in ("", "mon")
    )
    with hookline.open_store(where) as store, caplog.at_level(logging.WARNING):
        records = store.records(PLUGIN)
        assert register_late(records, whole, "made") == [DatasetName("sales", "", 1)]
        assert register_late(records, part, "made") == [DatasetName("sales", "mon", None)]
        assert [str(version.which) for version in newest(records)] == ["sales@1"]
    (line,) = caplog.messages
    assert line == (
        "the data set 'sales/mon' of task 'made' was not registered: 'sales/mon' can't be registered:"
        " the data set 'sales' has no partitions"
    )
