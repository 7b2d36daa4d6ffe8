"""Schemas in YAML, TOML, modules and pandera's own form; and all that is wrong with them, at once."""

from __future__ import annotations

import sys
import tomllib
from pathlib import Path

import pandera.pandas
import pandera.polars
import pytest

from hookline import HooklineError, UsageError, ml
from hookline_data import read_schema

CUSTOMERS = """
name: customers
version: 2
description: Who buys.
key: id
event_time: since
open: true
columns:
  id: {type: int, minimum: 1, description: Their number.}
  mail: {type: str, pattern: ".+@.+", personal: true, unique: true}
  amount: {type: float, minimum: 0, maximum: 1.5, unit: EUR, nullable: true}
  kind: {type: category, allowed: [gold, plain]}
  since: {type: date, minimum: 2020-01-01}
  note: str
  more:
"""


def write(folder: Path, text: str, name: str = "customers.yaml") -> Path:
    (folder / name).parent.mkdir(parents=True, exist_ok=True)
    (folder / name).write_text(text)
    return Path(name)


def refusal(folder: Path, text: str) -> str:
    with pytest.raises(UsageError) as caught:
        read_schema(write(folder, text), root=folder)
    return str(caught.value)


def test_a_yaml_file_says_what_a_schema_says(tmp_path: Path) -> None:
    """Each key of the plain form is a field of the noun."""
    schema = read_schema(write(tmp_path, CUSTOMERS), root=tmp_path)
    assert schema == ml.Schema(
        (
            ml.Column("id", "int", minimum=1, description="Their number."),
            ml.Column("mail", "str", pattern=".+@.+", personal=True, unique=True),
            ml.Column("amount", "float", minimum=0, maximum=1.5, unit="EUR", nullable=True),
            ml.Column("kind", "category", allowed=("gold", "plain")),
            ml.Column("since", "date", minimum="2020-01-01"),
            ml.Column("note", "str"),
            ml.Column("more", "any"),
        ),
        name="customers",
        version="2",
        keys=("id",),
        event_time="since",
        open=True,
        description="Who buys.",
    )


def test_a_table_of_settings_says_the_same() -> None:
    """TOML has the same keys; a name comes from whoever asks."""
    table = tomllib.loads('key = ["a", "b"]\n[columns]\na = "int"\nb = {type = "datetime", maximum = 2024-05-31}')
    schema = read_schema(table, name="orders")
    columns = (ml.Column("a", "int"), ml.Column("b", "datetime", maximum="2024-05-31"))
    assert schema == ml.Schema(columns, name="orders", keys=("a", "b"))


def test_all_that_is_wrong_with_a_file_is_told_with_its_lines(tmp_path: Path) -> None:
    """One run of the check finds each problem, with the close match where there is one."""
    text = refusal(
        tmp_path,
        """columns:
  id: int
  amount: {type: flaot, minimum: 3}
  age: {type: int, minimum: 3, maximum: 1}
  kind: {type: str, alowed: [a], pattern: "(["}
  flag: {type: bool, minimum: 1, nullable: perhaps}
  code: {type: int, allowed: [1, a, 2.5]}
  name: {type: str, allowed: [ab, c], pattern: "[a-z]"}
  when: {type: date, minimum: soon}
  size: {type: float, minimum: 1, allowed: [0.5]}
  tags: {type: list, pattern: x, allowed: [1]}
  rate: {type: float, minimum: .nan}
  id: str
  3: int
  hard: [int]
keys: id
key: [idd, flag]
event_time: code
open: maybe
""",
    )
    assert text.splitlines() == [
        "the schema 'customers' can't be right, for 21 reasons (customers.yaml):",
        "  - customers.yaml:3: column 'amount' has the unknown type 'flaot'; did you mean 'float'?",
        "  - customers.yaml:4: column 'age' has a minimum of 3 and a maximum of 1",
        "  - customers.yaml:5: column 'kind' has the unknown key 'alowed'; did you mean 'allowed'?",
        (
            "  - customers.yaml:5: column 'kind' has a pattern that is no regular expression: "
            "unterminated character set at position 1"
        ),
        "  - customers.yaml:6: 'nullable' of column 'flag' must be true or false, not 'perhaps'",
        "  - customers.yaml:6: 'minimum' of column 'flag' means nothing for values of the type 'bool'",
        "  - customers.yaml:7: column 'code' allows 'a', which is not of its type 'int'",
        "  - customers.yaml:7: column 'code' allows 2.5, which is not of its type 'int'",
        "  - customers.yaml:8: column 'name' allows 'ab', which does not match its pattern",
        (
            "  - customers.yaml:9: 'minimum' of column 'when' must be a time such as 2024-05-31 or "
            "2024-05-31T12:00:00, not 'soon'"
        ),
        "  - customers.yaml:10: column 'size' allows 0.5, which its limits don't",
        "  - customers.yaml:11: 'allowed' of column 'tags' means nothing for values of the type 'list'",
        "  - customers.yaml:11: column 'tags' has a pattern, which is for texts; its type is 'list'",
        "  - customers.yaml:12: 'minimum' of column 'rate' must be a number, not nan",
        "  - customers.yaml:13: the column 'id' is there twice, first in line 2",
        "  - customers.yaml:14: the column 3 needs a text for a name; put it in quotes",
        (
            "  - customers.yaml:15: column 'hard' must be a type or a table of type, nullable, unique, "
            "minimum, maximum, allowed, pattern, unit, personal, description"
        ),
        "  - customers.yaml:16: there is no key 'keys'; did you mean 'key'?",
        "  - customers.yaml:17: the key 'idd' is no column; did you mean 'id'?",
        "  - customers.yaml:18: the event time 'code' is no time but 'int'",
        "  - customers.yaml:19: 'open' must be true or false, not 'maybe'",
    ]


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("", "holds no schema"),
        ("[1, 2]", "holds no schema"),
        ("columns: [", "is no YAML"),
        ("columns: [a, b]", "needs columns"),
        ("columns: {}", "needs columns"),
        ("columns: {a: int}\nkey: 3", "'key' must be the name of a column"),
        ("columns: {a: int}\nkey: [a, a]", "the key 'a' is there twice"),
        ("columns: {a: {type: int, nullable: true}}\nkey: a", "may be missing"),
        ("columns: {a: int}\nevent_time: b", "the event time 'b' is no column; there is a"),
        ("columns: {a: int}\nversion: [1]", "'version' must be a text"),
        ("columns: {a: int}\nname: 5", "'name' must be a text"),
        ("columns: {a: {allowed: []}}", "must be a list of values"),
        ("columns: {a: {minimum: 5, allowed: [x]}}", "allows 'x', which its limits don't"),
        ("columns: {a: {type: str, minimum: 5}}", "must be a text, not 5"),
        ("columns: {a: {type: datetime, minimum: 2024-01-02, maximum: 2024-01-01T23:00:00}}", "a minimum of"),
        ("&all {columns: {x: *all}}", "unknown key 'columns'"),
    ],
)
def test_a_schema_that_makes_no_sense_is_refused(tmp_path: Path, text: str, told: str) -> None:
    """Each kind of slip has its words."""
    assert told in refusal(tmp_path, text)


def test_times_with_zones_may_be_limits(tmp_path: Path) -> None:
    """They are compared as moments, not as texts."""
    text = "columns: {a: {type: datetime, minimum: '2024-01-01T01:00:00+05:00', maximum: '2024-01-01T00:00:00+01:00'}}"
    (column,) = read_schema(write(tmp_path, text), root=tmp_path).columns
    assert (column.minimum, column.maximum) == ("2023-12-31T20:00:00+00:00", "2023-12-31T23:00:00+00:00")


def test_a_file_that_is_not_there_is_told_with_the_nearest(tmp_path: Path) -> None:
    """A slip in the path is told as such."""
    write(tmp_path, CUSTOMERS)
    with pytest.raises(UsageError, match="there is no such file") as caught:
        read_schema("custmers.yaml", root=tmp_path)
    assert caught.value.help == "did you mean 'customers.yaml'?"


def test_panderas_own_yaml_is_read_by_pandera(tmp_path: Path) -> None:
    """It is known by its key ``schema_type``, for either library."""
    write(tmp_path, "schema_type: dataframe\ncolumns:\n  a: {dtype: float64, greater_than: 0}\n", "one.yaml")
    write(tmp_path, "schema_type: polars_dataframe\ncolumns:\n  a: {dtype: Float64}\n", "two.yml")
    assert isinstance(read_schema("one.yaml", root=tmp_path), pandera.pandas.DataFrameSchema)
    assert isinstance(read_schema("two.yml", root=tmp_path), pandera.polars.DataFrameSchema)
    write(tmp_path, "schema_type: dataframe\ncolumns:\n  a: {dtype: flaot}\n", "three.yaml")
    with pytest.raises(UsageError, match=r"can't be read by pandera: .*flaot"):
        read_schema("three.yaml", root=tmp_path)


def test_schemas_are_found_in_modules(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Classes and schemas of pandera's, and nouns; what is something else, or not there, is told."""
    write(
        tmp_path,
        "import pandera.pandas as pa\nfrom hookline import ml\n"
        "class Customers(pa.DataFrameModel):\n    a: int\n"
        "PLAIN = ml.Schema((ml.Column('a'),))\n",
        "house_schemas.py",
    )
    monkeypatch.syspath_prepend(tmp_path)
    try:
        found = read_schema("house_schemas:Customers")
        assert issubclass(found, pandera.pandas.DataFrameModel)
        assert read_schema("house_schemas:PLAIN").names == ("a",)
        for spec, told in (
            ("house_schemas:Custmers", "did you mean 'Customers'"),
            ("house_schemas:pa", "is no schema but a module"),
            ("house_shemas:Customers", "there is no module 'house_shemas'"),
        ):
            with pytest.raises(HooklineError) as caught:
                read_schema(spec)
            assert told in str(caught.value)
        assert read_schema(found) is found
    finally:
        sys.modules.pop("house_schemas", None)


@pytest.mark.parametrize("spec", ["customers", 5, None, "a b:c"])
def test_what_names_no_schema_is_refused(spec: object) -> None:
    """With the forms that there are."""
    with pytest.raises(UsageError, match="names no schema") as caught:
        read_schema(spec)
    assert "give a YAML file" in caught.value.help
