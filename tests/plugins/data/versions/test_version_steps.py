"""The steps for data sets keep what all steps keep."""

from __future__ import annotations

import pandas as pd
import pytest

from hookline.testing.contracts.steps import StepContract
from hookline_data.versions.dataset import Dataset
from hookline_data.versions.diff import diff_datasets
from hookline_data.versions.steps import open_all, open_table, open_version, register, register_all

TABLE = pd.DataFrame({"id": [1, 2], "x": ["a", None]})
DATA = Dataset("transactions", TABLE, key=("id",))
OTHER = Dataset("transactions", pd.DataFrame({"id": [2, 3], "x": ["b", None]}), key=("id",))


class TestRegister(StepContract):
    """Outside of a run it remembers nothing."""

    step = register
    calls = ({"dataset": DATA},)


class TestDiff(StepContract):
    """Equal versions and others."""

    step = diff_datasets
    calls = ({"before": DATA, "after": OTHER},)


@pytest.mark.parametrize("step", [open_version, open_table, open_all, register_all])
def test_what_need_not_be_opened_or_registered_is_given_back(step: object) -> None:
    """These steps can be called without a run, too."""
    given = TABLE if step is open_table else DATA
    found = step.fn(given)  # type: ignore[attr-defined]
    assert getattr(found, "table", found) is TABLE
