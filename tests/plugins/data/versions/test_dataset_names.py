"""How data sets are named, and what is made of a name."""

from __future__ import annotations

import pickle
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter, ValidationError

from hookline import HooklineError, UsageError
from hookline_data.versions.dataset import Dataset, UnopenedError
from hookline_data.versions.names import DatasetName, parse_name

TEXTS = st.text(st.characters(min_codepoint=32, max_codepoint=0x2FF), min_size=1, max_size=20)


@pytest.mark.parametrize(
    ("text", "which"),
    [
        ("transactions", DatasetName("transactions")),
        ("transactions@3", DatasetName("transactions", "", 3)),
        ("transactions/2026-01-05", DatasetName("transactions", "2026-01-05")),
        ("transactions/2026-01-05@2", DatasetName("transactions", "2026-01-05", 2)),
        ("a b/country=DE/day=1@2", DatasetName("a b", "country=DE/day=1", 2)),
        ("mails/ada@example.org", DatasetName("mails", "ada@example.org")),
    ],
)
def test_a_name_says_data_set_partition_and_version(text: str, which: DatasetName) -> None:
    """What follows the first slash is the partition; digits after the last @ are the version."""
    assert parse_name(text) == which
    assert str(which) == text
    assert str(Dataset.named(text)) == text


@given(TEXTS, TEXTS | st.just(""), st.none() | st.integers(1, 10**9))
def test_what_may_be_a_name_is_read_as_it_was_written(name: str, partition: str, version: int | None) -> None:
    """No two things have the same text, whatever characters are in it."""
    try:
        Dataset(name, partition=partition)
    except UsageError:
        return
    which = DatasetName(name, partition, version)
    assert parse_name(str(which)) == which


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("", "it is empty"),
        ("@3", "it is empty"),
        ("/x", "it is empty"),
        ("x/", "an empty partition"),
        ("x@0", "counted from 1"),
        ("x@new", "'@' begins what follows a name"),
        ("x\ny", "can't be printed"),
        (" x", "begins or ends with a blank"),
        ("x/a@1@2", "its end reads as a version"),
        ("x" * 401, "too long"),
    ],
)
def test_what_can_not_be_a_name_is_refused_with_the_reason(text: str, why: str) -> None:
    """And with the forms that there are."""
    with pytest.raises(UsageError, match=why):
        parse_name(text)


@pytest.mark.parametrize("wrong", [{"name": 3}, {"name": "x", "partition": "d@7"}, {"name": "a/b"}])
def test_a_data_set_can_not_be_made_under_a_name_that_would_be_read_otherwise(wrong: dict[str, Any]) -> None:
    """Else it could never be asked for."""
    with pytest.raises(UsageError):
        Dataset(**wrong)


def test_a_parameter_takes_a_text_or_a_data_set() -> None:
    """Pydantic validates it, as any other parameter; what is wrong with a text is said."""
    adapter = TypeAdapter(Dataset)
    assert str(adapter.validate_python("x/d@2")) == "x/d@2"
    named = Dataset.named("x")
    assert adapter.validate_python(named) is named
    with pytest.raises(ValidationError, match="counted from 1"):
        adapter.validate_python("x@0")
    with pytest.raises(ValidationError, match="name a data set"):
        adapter.validate_python(3)


def test_a_key_may_be_one_column_or_several() -> None:
    """A single column need not be in a list."""
    assert Dataset("x", key="id").key == ("id",)  # type: ignore[arg-type]
    assert Dataset("x", key=["a", "b"]).key == ("a", "b")  # type: ignore[arg-type]


def test_the_table_of_a_named_data_set_says_why_it_is_not_there() -> None:
    """It is an AttributeError too, so that hasattr() and pickle work."""
    named = Dataset.named("transactions@3")
    with pytest.raises(HooklineError, match=r"'transactions@3' is only named here, and has no 'columns'") as error:
        named.table.columns  # noqa: B018
    assert isinstance(error.value, UnopenedError)
    assert not hasattr(named.table, "columns")
    assert pickle.loads(pickle.dumps(named)).table == named.table
    assert repr(named) == "Dataset.named('transactions@3')"
