"""Schemas and steps for tests of the steps that check tables."""

from __future__ import annotations

import pandas as pd
import pandera.pandas as pa

from hookline import ml

PLAIN = ml.Schema((ml.Column("a", "int", minimum=0),), name="numbers")
TABLE = pd.DataFrame({"a": [1, 2, -3]})


class Numbers(pa.DataFrameModel):
    a: int = pa.Field(ge=-3)
