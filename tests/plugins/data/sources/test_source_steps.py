"""The steps of sources keep what every step keeps."""

from __future__ import annotations

import atexit
import shutil
import tempfile
from pathlib import Path

import polars as pl

from hookline.testing.contracts.steps import StepContract
from hookline_data.sources.loading import load
from hookline_data.sources.reading_step import read_source
from hookline_data.sources.writing import write
from hookline_data.sources.writing_step import write_source

FOLDER = Path(tempfile.mkdtemp(prefix="hookline-sources-"))
atexit.register(shutil.rmtree, FOLDER, ignore_errors=True)
(FOLDER / "a.csv").write_text("x,s\n1,a\n2,\n")
CONTRACT = {"name": "s", "uri": "a.csv", "format": "csv"}


class TestReadSource(StepContract):
    step = read_source
    calls = ({"source": "s", "contract": CONTRACT, "files": {"a.csv": FOLDER / "a.csv"}, "frames": "polars"},)


class TestWriteSource(StepContract):
    step = write_source
    calls = (
        {"table": pl.DataFrame({"x": [1]}), "source": "s", "contract": CONTRACT, "place": str(FOLDER / "written.csv")},
    )
    deterministic = False  # it says which run wrote it


class _LookedUp(StepContract):
    """Steps that need a project: what they do in runs is tested with one."""

    calls = ({"source": "s"},)
    test_outside_of_a_workflow_it_is_the_plain_function = None
    test_its_result_is_the_same_on_every_executor = None
    test_it_is_reused_where_it_may_be = None


class TestLoad(_LookedUp):
    step = load


class TestWrite(_LookedUp):
    step = write
