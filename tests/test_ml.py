"""The nouns that plugins exchange say what they mean, refuse what can't be, and survive the way through JSON."""

from __future__ import annotations

import dataclasses
import json
import math
import pickle
import subprocess
import sys
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hookline import ml
from hookline.ml import (
    ArtifactRef,
    BusinessValue,
    Check,
    Column,
    ColumnProfile,
    DatasetRef,
    Decision,
    Evaluation,
    Histogram,
    Metric,
    ModelRef,
    Noun,
    Prediction,
    Profile,
    Schema,
    Signature,
    Slice,
    digest_of,
    from_json,
    to_json,
)

names = st.text(min_size=1, max_size=5)
numbers = st.floats(allow_nan=False)
times = st.none() | st.integers(0, 1 << 53)
counts = st.none() | st.integers(0, 1000)
json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=3),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=5,
)
extras = st.dictionaries(st.sampled_from(["owner", "colour", "später"]), json_values, max_size=2)
artifacts = st.builds(
    ArtifactRef,
    st.binary(min_size=32, max_size=32).map(bytes.hex),
    st.integers(0),
    st.text(),
    st.binary(),
    extra=extras,
)
columns = st.builds(
    Column,
    names,
    st.sampled_from([*ml.TYPES, "numpy.float32"]),
    st.booleans(),
    minimum=st.none() | st.floats(-9, 0),
    maximum=st.none() | st.floats(0, 9),
    allowed=st.lists(json_values, max_size=2),
    shape=st.lists(st.none() | st.integers(0, 9), max_size=2),
    personal=st.booleans(),
    extra=extras,
)


def distinct(parts: st.SearchStrategy[Any], least: int = 0) -> st.SearchStrategy[list[Any]]:
    return st.lists(parts, min_size=least, max_size=3, unique_by=lambda part: part.name)


schemas = distinct(columns, 1).map(lambda found: Schema(found, keys=[found[0].name]))
datasets = st.builds(DatasetRef, names, rows=counts, artifact=st.none() | artifacts, time_us=times, extra=extras)
models = st.builds(ModelRef, names, st.text(), artifact=st.none() | artifacts, time_us=times)
histograms = st.lists(st.floats(-99, 99), min_size=2, max_size=5, unique=True).map(
    lambda edges: Histogram(sorted(edges), [1] * (len(edges) - 1), below=2)
)
profiles = distinct(
    st.builds(
        ColumnProfile,
        names,
        count=st.integers(0, 9),
        quantiles=st.lists(st.tuples(st.floats(0, 1), numbers), max_size=2),
        histogram=st.none() | histograms,
        frequencies=st.lists(st.tuples(json_values, st.integers(0, 9)), max_size=2),
    )
).map(lambda found: Profile(found, rows=3))
metrics = st.builds(Metric, names, numbers, st.none() | st.booleans(), extra=extras)
evaluations = st.builds(
    Evaluation,
    distinct(metrics),
    distinct(st.builds(Slice, names, distinct(metrics), counts)),
    st.none() | models,
    st.none() | datasets,
    thresholds=st.dictionaries(names, numbers, max_size=2),
    value=st.none() | st.builds(BusinessValue, numbers, names),
)
decisions = st.builds(
    Decision,
    names,
    st.booleans(),
    checks=st.lists(
        st.builds(Check, names, st.booleans(), st.none() | numbers, st.sampled_from(["", ">="])), max_size=2
    ),
    reasons=st.lists(st.text(), max_size=2),
    overridden_by=st.just("ann"),
)
predictions = st.builds(
    Prediction, names, json_values, st.none() | models, times, st.dictionaries(names, json_values), truth=json_values
)
signatures = st.builds(Signature, distinct(columns), distinct(columns, 1))
nouns = st.one_of(
    artifacts, columns, schemas, datasets, histograms, profiles, models, metrics, evaluations, decisions, predictions,
    signatures,
)  # fmt: skip


@given(noun=nouns)
def test_a_noun_survives_json(noun: Noun) -> None:
    """What is written and read again is equal, has the same digest, and is itself when it is pickled."""
    again = from_json(json.loads(json.dumps(to_json(noun), allow_nan=False)), type(noun))
    assert again == noun
    assert digest_of(again) == digest_of(noun)
    assert pickle.loads(pickle.dumps(noun)) == noun
    hash(noun)


@given(value=st.recursive(nouns | json_values, lambda inner: st.lists(inner) | st.dictionaries(names, inner)))
def test_nouns_are_found_at_any_depth(value: Any) -> None:
    """Lists and dicts around nouns survive with them."""
    assert from_json(json.loads(json.dumps(to_json(value), allow_nan=False))) == value


@pytest.mark.parametrize("number", [math.nan, math.inf, -math.inf])
def test_numbers_that_json_has_no_words_for_survive(number: float) -> None:
    """A metric that can't be told is NaN, there and back."""
    document = json.loads(json.dumps(to_json({"metric": Metric("auc", number), "plain": [number]}), allow_nan=False))
    again = from_json(document)
    for found in (again["metric"].value, again["plain"][0]):
        assert repr(found) == repr(number)


def test_a_document_is_short_and_tagged() -> None:
    """Fields that are as they are by default are left out; the tag names type and form."""
    metric = Metric("auc", 0.9, extra={"folds": 5})
    assert to_json(metric) == {"hookline.ml": "Metric/1", "name": "auc", "value": 0.9, "folds": 5}


def test_facts_of_a_later_version_are_kept() -> None:
    """Unknown fields are extra facts, and are written again."""
    document = {"hookline.ml": "ModelRef/1", "name": "churn", "licence": {"name": "MIT"}}
    model = from_json(document, ModelRef)
    assert model.extra == {"licence": {"name": "MIT"}}
    assert to_json(model) == document


def test_a_noun_of_a_later_version_stays_a_dict() -> None:
    """Whoever reads a list of nouns is not stopped by one that is not known yet."""
    document = [{"hookline.ml": "Forecast/1", "model": {"hookline.ml": "ModelRef/1", "name": "churn"}}]
    (found,) = from_json(document)
    assert found == {"hookline.ml": "Forecast/1", "model": ModelRef("churn")}
    assert to_json([found]) == document


def test_values_of_numerical_libraries_are_plain_numbers() -> None:
    """A metric takes what numpy gives; so do extra facts."""
    metric = Metric("auc", np.float32(0.5), extra={"folds": np.int64(5)})  # type: ignore[arg-type]
    assert to_json(metric) == {"hookline.ml": "Metric/1", "name": "auc", "value": 0.5, "folds": 5}
    assert type(metric.value) is float
    assert to_json(np.bool_(True)) is True


def test_nouns_do_not_change_with_what_they_were_made_of() -> None:
    """Lists and dicts are copied."""
    parts, inputs = [Metric("auc", 1)], {"age": [1]}
    evaluation, prediction = Evaluation(parts), Prediction("p", 1, inputs=inputs)  # type: ignore[arg-type]
    parts.clear()
    inputs["age"].append(2)
    assert evaluation.metrics == (Metric("auc", 1.0),)
    assert prediction.inputs == {"age": [1]}
    with pytest.raises(dataclasses.FrozenInstanceError):
        evaluation.rows = 3  # type: ignore[misc]


def test_parts_are_found_by_name() -> None:
    """Schemas have columns, evaluations have metrics, also of slices."""
    schema = Schema([Column("id", "int", unique=True), Column("at", "datetime")], keys=["id"], event_time="at")  # type: ignore[arg-type]
    assert schema.names == ("id", "at")
    assert schema.column("at").type == "datetime"
    evaluation = Evaluation((Metric("auc", 0.9),), (Slice("country=DE", (Metric("auc", 0.7),)),))
    assert evaluation.metric("auc").value == 0.9
    assert evaluation.metric("auc", slice="country=DE").value == 0.7
    assert Profile((ColumnProfile("id"),)).column("id").count == 0
    decision = Decision("gate", False, checks=(Check("auc", True), Check("f1", False)))
    assert [check.name for check in decision.failed] == ["f1"]


ID = Column("id", "int")
FAULTS = [
    (lambda: Column(""), "a Column needs a name"),
    (lambda: Evaluation({"auc": 1}), "'metrics' of an Evaluation must be a sequence of Metric, not {'auc': 1}"),
    (lambda: Metric("auc", "high"), "'value' of Metric 'auc' must be float, not 'high'"),
    (lambda: Metric("auc", True), "'value' of Metric 'auc' must be float, not True"),
    (lambda: Metric("auc", 1, low=2, high=1), "metric 'auc' has its interval the wrong way round: 2.0, 1.0"),
    (lambda: Column("a", "flot"), "column 'a' has the unknown type 'flot'; did you mean 'float'?"),
    (
        lambda: Column("a", "qqq"),
        (
            "column 'a' has the unknown type 'qqq'; "
            f"there are {', '.join(ml.TYPES)}, and others' types, written with a dot"
        ),
    ),
    (lambda: Column("a", minimum=2, maximum=1), "column 'a' has limits the wrong way round: 2.0, 1.0"),
    (lambda: Column("a", minimum=2, maximum="b"), "column 'a' has a number and a text as limits"),
    (lambda: Column("a", shape=(-1,)), "column 'a' has a negative length in its shape (-1,)"),
    (lambda: Column("a", nullable="no"), "'nullable' of Column 'a' must be bool, not 'no'"),
    (lambda: Schema([ID, ID]), "a schema has 'id' twice among its columns"),
    (lambda: Schema([ID], name="people", keys=["ids"]), "schema 'people' has no column 'ids'; did you mean 'id'?"),
    (lambda: Schema([ID], event_time="when"), "the schema has no column 'when'"),
    (lambda: Schema([ID], event_time="id"), "a schema has the event time 'id', which is no time but 'int'"),
    (lambda: Schema([ID], keys=["id", "id"]), "a schema has 'id' twice among its keys"),
    (lambda: DatasetRef("d", rows=-1), "'rows' of DatasetRef 'd' is less than nothing: -1"),
    (lambda: DatasetRef("d", artifact="a"), "'artifact' of DatasetRef 'd' must be ArtifactRef or None, not 'a'"),
    (lambda: Histogram([1, 2], [1, 2]), "a histogram of 2 bins needs 3 edges, not 2"),
    (lambda: Histogram([1, 1], [1]), "the edges of a histogram must rise"),
    (lambda: Histogram([1, math.nan], [1]), "the edges of a histogram must rise"),
    (lambda: Histogram([1, 2], [-1]), "a histogram has a negative count"),
    (
        lambda: ColumnProfile("a", quantiles=[(50, 1)]),
        "column profile 'a' has a quantile that is no share between 0 and 1",
    ),
    (lambda: Profile([ColumnProfile("a")] * 2), "a profile has 'a' twice among its columns"),
    (lambda: Profile([]).column("a"), "the profile has no column 'a'"),
    (lambda: Signature([ID], []), "a signature needs outputs: a model that gives nothing is none"),
    (lambda: Signature([ID], [ID], [ID]), "a signature has 'id' twice among its inputs"),
    (lambda: Slice("s", [Metric("a", 1)] * 2), "slice 's' has 'a' twice among its metrics"),
    (lambda: BusinessValue(3, ""), "a value of 3.0 needs a unit"),
    (lambda: Evaluation([Metric("auc", 1)]).metric("acu"), "the evaluation has no metric 'acu'; did you mean 'auc'?"),
    (lambda: Evaluation([]).metric("auc", slice="x"), "the evaluation has no slice 'x'"),
    (lambda: Check("c", True, 1, "=>"), "check 'c' has the comparison '=>'; there are <, <=, ==, !=, >=, >"),
    (
        lambda: Decision("gate", True, checks=[Check("auc", False)]),
        "decision 'gate' passed though its check 'auc' failed; say in 'overridden_by' who let it pass",
    ),
    (lambda: Prediction("", 1), "a Prediction needs an id"),
    (lambda: Prediction("p", {1: 2}), "'output' of Prediction 'p' has the key 1; JSON has only texts as keys"),
    (
        lambda: Prediction("p", [1j]),
        "'output' of Prediction 'p'[0] is a 'complex', which is neither a noun of hookline.ml nor a JSON value",
    ),
    (lambda: ArtifactRef("abc", 1), "'abc' is no digest of an artifact, which has 64 hexadecimal digits"),
    (lambda: Metric("a", 1, extra={"value": 2}), "'value' is no name for an extra fact of Metric 'a': it is taken"),
    (
        lambda: Metric("a", 1, extra={"hookline.ml": 2}),
        "'hookline.ml' is no name for an extra fact of Metric 'a': it is taken",
    ),
    (
        lambda: to_json({"a": [object()]}),
        "the value['a'][0] is a 'object', which is neither a noun of hookline.ml nor a JSON value",
    ),
    (lambda: to_json({2: 1}), "the value has the key 2; JSON has only texts as keys"),
    (lambda: from_json({"hookline.ml": "Metric/1", "name": "a"}), "a Metric lacks 'value'"),
    (
        lambda: from_json({"hookline.ml": "Metric/2", "name": "a", "value": 1}),
        "a Metric is written in form 2; this version of hookline reads form 1",
    ),
    (
        lambda: from_json({"hookline.ml": "Metric/1", "name": "a", "value": "b"}),
        "'value' of Metric 'a' must be float, not 'b'",
    ),
    (lambda: from_json({"name": "a"}, Metric), "this is no Metric: {'name': 'a'}"),
    (
        lambda: from_json({"hookline.ml": "ArtifactRef/1", "digest": "0" * 64, "size": 1, "stored": "%"}),
        "the 'stored' of an ArtifactRef can't be read",
    ),
]


@pytest.mark.parametrize(("make", "message"), FAULTS, ids=[message[:50] for _, message in FAULTS])
def test_what_can_not_be_is_refused(make: Any, message: str) -> None:
    """The message names the noun and the field, and what would be right."""
    with pytest.raises(ValueError) as caught:
        make()
    assert str(caught.value) == message


def test_the_module_is_free_of_others() -> None:
    """Whoever only exchanges nouns loads nothing of hookline but them."""
    script = "import sys, hookline.ml; print(*sorted(name for name in sys.modules if name.startswith('hookline')))"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert set(done.stdout.split()) == {"hookline", "hookline.ml"} | {
        f"hookline.ml.{name}" for name in ("artifact", "data", "models", "noun")
    }
