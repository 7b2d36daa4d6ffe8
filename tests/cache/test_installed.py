"""Values and classes of installed libraries in a step's code: their state counts, and the library by its version."""

from __future__ import annotations

from typing import Any

import pytest

from cache.test_edit_matrix import probe, write

FRAME = """
import pandas as pd

FRAME = pd.DataFrame({"a": [1, 2], "b": ["x", "y"]})
SERIES = pd.Series(["k", "l"], dtype="category", name="s")
DATES = pd.date_range("2020-01-01", periods=3, tz="UTC")
KEYS = pd.MultiIndex.from_tuples([(1, "x"), (2, "y")])
AT = pd.Timestamp("2021-02-03")
EVERY = pd.Timedelta("1D")
GROUPS = FRAME.groupby("a")

def step():
    return FRAME, SERIES, DATES, KEYS, AT, EVERY, GROUPS
"""
MODEL = """
from typing import Generic, TypeVar
from pydantic import BaseModel, ConfigDict, Field, computed_field, field_validator, model_validator

T = TypeVar("T")

class Inner(BaseModel):
    depth: int = 3

class Model(BaseModel, Generic[T]):
    model_config = ConfigDict(extra="forbid")
    rate: int = 1
    inner: Inner = Inner()
    name: str = Field(default="q", max_length=4)
    rows: list[float] = Field(default_factory=lambda: [1.5])
    other: "Later | None" = None
    held: T | None = None
    _hidden: int = 7

    @field_validator("rate")
    @classmethod
    def grow(cls, value):
        return value + 10

    @model_validator(mode="after")
    def check(self):
        assert self.rate < 100
        return self

    @computed_field
    @property
    def half(self) -> float:
        return self.rate / 2

class Later(BaseModel):
    size: int = 40

DEFAULT = Model[int](rate=5)

def step(rate) -> Model:
    return Model(rate=rate), DEFAULT
"""
OTHER = """
import numpy as np
import pandas as pd
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

RANDOM = np.random.default_rng(3)
KIND = pd.api.types.infer_dtype
MODEL = make_pipeline(StandardScaler(), LogisticRegression(C=2.0)).fit([[0.0, 1.0], [1.0, 0.5]], [0, 1])

def step():
    return RANDOM.random(), KIND([1]), MODEL
"""
EDITS = [
    (FRAME, '"a": [1, 2]', '"a": [1, 3]'),
    (FRAME, '["x", "y"]', '["x", "z"]'),
    (FRAME, '"b": ["x"', '"c": ["x"'),
    (FRAME, '"a": [1, 2]', '"a": [1.0, 2.0]'),
    (FRAME, '["k", "l"]', '["l", "k"]'),
    (FRAME, 'name="s"', 'name="t"'),
    (FRAME, "2020-01-01", "2020-01-02"),
    (FRAME, '(2, "y")', '(2, "x")'),
    (FRAME, "2021-02-03", "2021-02-04"),
    (FRAME, "1D", "2D"),
    (FRAME, 'groupby("a")', 'groupby("b")'),
    (MODEL, "rate: int = 1", "rate: float = 1"),
    (MODEL, "rate: int = 1", "rate: int = 2"),
    (MODEL, "depth: int = 3", "depth: int = 4"),
    (MODEL, "value + 10", "value + 11"),
    (MODEL, "self.rate < 100", "self.rate < 101"),
    (MODEL, "self.rate / 2", "self.rate / 3"),
    (MODEL, "max_length=4", "max_length=5"),
    (MODEL, "[1.5]", "[2.5]"),
    (MODEL, 'extra="forbid"', 'extra="allow"'),
    (MODEL, "_hidden: int = 7", "_hidden: int = 8"),
    (MODEL, "size: int = 40", "size: int = 41"),
    (MODEL, "Model[int](rate=5)", "Model[int](rate=6)"),
    (MODEL, "Model[int](rate=5)", "Model[str](rate=5)"),
    (OTHER, "default_rng(3)", "default_rng(4)"),
    (OTHER, "infer_dtype", "is_integer"),
    (OTHER, "C=2.0", "C=2.5"),
]
PROJECTS = {"pandas": FRAME, "pydantic": MODEL, "others": OTHER}


@pytest.fixture(scope="module")
def taken(tmp_path_factory: pytest.TempPathFactory) -> dict[str, list[dict[str, Any]]]:
    """Fingerprints by text, each from two processes of unlike hash seeds."""
    folder = tmp_path_factory.mktemp("installed")
    every = [*PROJECTS.values(), *(text.replace(old, new, 1) for text, old, new in EDITS)]
    found = [
        probe([write(folder / seed / str(at), text) for at, text in enumerate(every)], seed=seed)
        for seed in ("0", "77")
    ]
    return {text: list(pair) for text, *pair in zip(every, *found, strict=True)}


@pytest.mark.parametrize("text", PROJECTS.values(), ids=PROJECTS)
def test_values_of_libraries_keep_a_step_from_nothing(taken: dict[str, list[dict[str, Any]]], text: str) -> None:
    """A frame, an index or a model among the globals has a digest, and the same in each process."""
    first, second = taken[text]
    assert first["unstable"] == second["unstable"] == ""
    assert first["digest"] == second["digest"]


@pytest.mark.parametrize(("text", "old", "new"), EDITS, ids=[f"{old} to {new}" for _, old, new in EDITS])
def test_an_edit_of_what_a_library_holds_for_the_project_changes_the_fingerprint(
    taken: dict[str, list[dict[str, Any]]], text: str, old: str, new: str
) -> None:
    """Contents of frames, and fields, defaults, validators and settings of models are the project's own."""
    assert old in text
    before, after = taken[text][0], taken[text.replace(old, new, 1)][0]
    assert after["unstable"] == ""
    assert before["digest"] != after["digest"]


@pytest.mark.parametrize(
    ("text", "distributions"),
    [(FRAME, {"pandas"}), (MODEL, {"pydantic"}), (OTHER, {"pandas", "numpy", "scikit-learn"})],
    ids=PROJECTS,
)
def test_the_version_of_a_library_stands_for_its_code(
    taken: dict[str, list[dict[str, Any]]], text: str, distributions: set[str]
) -> None:
    """Compiled or not, a library is named with its version in the parts, and none of its code is looked into."""
    parts = taken[text][0]["parts"]
    assert distributions <= {name.partition(" ")[0] for name, kind, *_ in parts if kind == "distribution"}
    assert not [part for part in parts if "_common_types_metatype" in part[0]]
