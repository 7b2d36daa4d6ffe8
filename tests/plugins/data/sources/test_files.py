"""Files with types, files of many partitions, and files that come and go."""

from __future__ import annotations

import json
import logging
import os
import time
from datetime import UTC, date, datetime
from decimal import Decimal

import polars as pl
import pytest

from hookline import HooklineError, UsageError
from hookline_data.sources.reading_step import read_source
from hookline_data.sources.resolving import Resolver


def write_parquet(path, columns):
    path.parent.mkdir(parents=True, exist_ok=True)
    pl.DataFrame(columns).write_parquet(path)


def test_parquet_gets_the_types_of_the_schema_where_nothing_is_lost(make_source, library):
    """Whole numbers become floats, short ones long ones, nanoseconds microseconds."""
    pl = pytest.importorskip("polars")
    kinds = {"i": "int", "f": "float", "g": "float", "t": "datetime", "c": "category"}
    schema = {"columns": {n: {"type": k, "nullable": True} for n, k in kinds.items()}}
    source = make_source(uri="a.parquet", schema=schema)
    columns = {
        "i": pl.Series([1, None], dtype=pl.Int8),
        "f": pl.Series([1, 2], dtype=pl.Int32),
        "g": pl.Series([None, None], dtype=pl.Null),
        "t": pl.Series([datetime(2026, 1, 1), None], dtype=pl.Datetime("ns")),
        "c": ["x", "y"],
    }
    write_parquet(source.root / "a.parquet", columns)
    assert source.types(library) == {
        "i": "Int64",
        "f": "Float64",
        "g": "Float64",
        "t": "Datetime(time_unit='us', time_zone=None)",
        "c": "Categorical",
    }
    first, second = source.rows(library)
    assert first == {"i": 1, "f": 1.0, "g": None, "t": datetime(2026, 1, 1), "c": "x"}
    assert second == {"i": None, "f": 2.0, "g": None, "t": None, "c": "y"}


def test_parquet_that_would_lose_something_is_told(make_source, library):
    """Numbers too large to be floats, and nanoseconds."""
    pl = pytest.importorskip("polars")
    source = make_source(uri="a.parquet", schema={"columns": {"f": "float", "t": "datetime"}})
    times = pl.Series([0, 1001]).cast(pl.Datetime("ns"))
    write_parquet(source.root / "a.parquet", {"f": [1, 9007199254740993], "t": times})
    with pytest.raises(HooklineError) as caught:
        source.load(library)
    assert "9007199254740993" in str(caught.value)
    assert "'t'" in str(caught.value)


def test_parquet_of_other_types_or_no_parquet_at_all_is_told(make_source, library):
    """With the file's name, and the column's."""
    source = make_source(uri="*.parquet", schema={"columns": {"f": "float"}})
    write_parquet(source.root / "a.parquet", {"f": ["x"]})
    with pytest.raises(HooklineError, match="'f'"):
        source.load(library)
    source.put("a.parquet", b"PAR1 not at all")
    with pytest.raises(HooklineError, match=r"'a\.parquet' can't be read as Parquet"):
        source.load(library)


def test_large_whole_numbers_survive_where_others_are_missing(make_source, library):
    """They never pass through floats."""
    source = make_source(uri="a.parquet")
    write_parquet(source.root / "a.parquet", {"i": [9007199254740993, None], "j": [1, 2]})
    assert source.rows(library) == [{"i": 9007199254740993, "j": 1}, {"i": None, "j": 2}]
    assert str(source.load(library)["j"].dtype).lower() == "int64"


def test_json_lines_are_rows_and_keys_that_are_lacking_are_missing_values(make_source, library):
    """Types are those of JSON, times are texts."""
    columns = {"id": "int", "at": "datetime", "x": {"type": "float", "nullable": True}, "tags": "list", "d": "decimal"}
    source = make_source(uri="a.jsonl", schema={"columns": columns})
    source.put(
        "a.jsonl",
        '{"id": 1, "at": "2026-01-01T00:00:00Z", "x": 2, "tags": ["a"], "d": 1.10}\n\n'
        '{"at": "2026-01-01T00:00:00+01:00", "id": 2.0, "tags": [], "d": "7"}\n',
    )
    first, second = source.rows(library)
    assert first["at"] == datetime(2026, 1, 1, tzinfo=UTC)
    assert str(first["d"]) == "1.10"
    assert (first["x"], second["x"], second["id"]) == (2.0, None, 2)
    assert list(first["tags"]) == ["a"]


@pytest.mark.parametrize(
    ("line", "told"),
    [
        ('{"id": "1"}', "a.jsonl:2"),
        ('{"id": true}', "a.jsonl:2"),
        ('{"id": 1.5}', "a.jsonl:2"),
        ("{", "line 2"),
        ("[1]", "line 2 (no object)"),
        ('{"id": 1, "id": 2}', "'id' is there twice"),
        ('{"id": 1, "more": 2}', "'more', which the schema lacks"),
    ],
)
def test_json_lines_that_are_no_rows_are_told(make_source, library, line, told):
    """With their lines."""
    source = make_source(uri="a.jsonl", schema={"columns": {"id": "int"}})
    source.put("a.jsonl", f'{{"id": 7}}\n{line}\n')
    with pytest.raises(HooklineError) as caught:
        source.load(library)
    assert told in str(caught.value)


def test_json_lines_without_a_schema_have_the_types_of_their_values(make_source, library):
    """Alike in both libraries."""
    source = make_source(uri="a.jsonl")
    source.put("a.jsonl", '{"i": 1, "f": 1, "s": "x", "b": true}\n{"i": 2, "f": 1.5, "s": null, "b": false}\n')
    assert source.types(library) == {"i": "Int64", "f": "Float64", "s": "String", "b": "Boolean"}


@pytest.mark.parametrize("form", ["csv", "parquet", "jsonl"])
def test_keys_of_partitions_become_columns_with_the_types_of_the_schema(make_source, library, form):
    """Where the files lack them."""
    source = make_source(
        uri=f"data/day={{day}}/shop={{shop}}/*.{form}", schema={"columns": {"x": "int", "day": "date", "shop": "int"}}
    )
    for day, shop in (("2026-01-02", 1), ("2026-01-01", 7)):
        place = f"data/day={day}/shop={shop}/a.{form}"
        if form == "parquet":
            write_parquet(source.root / place, {"x": [shop]})
        else:
            source.put(place, f"x\n{shop}\n" if form == "csv" else json.dumps({"x": shop}))
    assert source.rows(library) == [
        {"x": 7, "day": date(2026, 1, 1), "shop": 7},
        {"x": 1, "day": date(2026, 1, 2), "shop": 1},
    ]
    assert source.rows(library, {"shop": 1, "day": date(2026, 1, 2)}) == [{"x": 1, "day": date(2026, 1, 2), "shop": 1}]
    assert Resolver(source.project, library).partitions("s") == [
        {"day": "2026-01-01", "shop": "7"},
        {"day": "2026-01-02", "shop": "1"},
    ]


def test_a_partition_that_there_is_not_is_told_with_those_that_there_are(make_source, library):
    """Also one that names no partition at all."""
    source = make_source(uri="data/{day}.csv")
    source.put("data/1.csv", "x\n1\n")
    source.put("data/2.csv", "x\n1\n")
    with pytest.raises(HooklineError, match=r"no partition '3': there is no file 'data/3.csv'") as caught:
        source.load(library, "3")
    assert "there are 1 to 2, 2 in all" in str(caught.value)
    for wrong in ({"month": 1}, "../x", "", {"day": 1.5}):
        with pytest.raises(UsageError):
            source.load(library, wrong)
    with pytest.raises(UsageError, match="there are no partitions"):
        make_source(uri="data/1.csv").load(library, "1")


def test_names_with_signs_of_wildcards_are_taken_as_they_are(make_source, library):
    """A partition may be called anything that a file may."""
    source = make_source(uri="data/{key}.csv")
    for name in ("a[1]", "a1", "x*", "^y]", "ü b"):
        source.put(f"data/{name}.csv", f'x\n"{name}"\n')
        assert source.rows(library, name) == [{"x": name, "key": name}]


def test_files_that_are_not_there_or_are_folders_are_told(make_source, library):
    """Before anything is read."""
    source = make_source(uri="data/a.csv")
    with pytest.raises(HooklineError, match=r"'data/a\.csv' is not there"):
        source.load(library)
    (source.root / "data/a.csv").mkdir(parents=True)
    with pytest.raises(UsageError, match="is the folder"):
        source.load(library)


def test_a_file_that_appears_after_planning_is_told_and_not_read_and_one_that_vanished_is_an_error(
    make_source, library, caplog
):
    """What was given is what is read."""
    source = make_source(uri="data/*.csv")
    source.put("data/a.csv", "x\n1\n")
    source.put("data/c.csv", "x\n3\n")
    given = Resolver(source.project, library).for_load("s", None)
    source.put("data/b.csv", "x\n2\n")
    with caplog.at_level(logging.WARNING, "hookline"):
        assert len(read_source.fn("s", **given)) == 2
    assert "appeared after the run was planned; the next run will read them: data/b.csv" in caplog.text
    (source.root / "data/c.csv").unlink()
    with pytest.raises(HooklineError, match=r"'data/c\.csv' vanished"):
        read_source.fn("s", **given)


def test_stale_data_are_warned_of_or_refused(make_source, library, caplog):
    """By the newest event, or the newest file."""
    table = {"uri": "a.csv", "freshness": "1d", "schema": {"columns": {"at": "date"}}}
    source = make_source(**table, event_time="at")
    source.put("a.csv", "at\n2026-01-01\n2026-01-02\n")
    with caplog.at_level(logging.WARNING, "hookline"):
        source.load(library)
    assert "the source 's' is stale: its newest event ('at')" in caplog.text
    caplog.clear()
    make_source(**table).load(library)
    assert caplog.text == ""
    with pytest.raises(HooklineError, match="of 2026-01-02 00:00 UTC"):
        make_source(**table, event_time="at", stale="fail", owner="growth").load(library)
    timed = {"columns": {"at": "date"}, "event_time": "at"}
    with pytest.raises(HooklineError, match="of 2026-01-02 00:00 UTC"):
        make_source(**{**table, "schema": timed}, stale="fail").load(library)


def test_a_load_is_looked_at_again_when_its_newest_file_becomes_too_old(make_source):
    """Not before; without freshness there is nothing to look at."""
    source = make_source(uri="a.csv", freshness="2h")
    path, now = source.put("a.csv", "x\n1\n"), time.time()
    for hours, period in ((0, 0), (1.9, 0), (2.1, 1), (3.9, 1), (4.1, 2)):
        os.utime(path, (now - hours * 3600,) * 2)
        assert Resolver(source.project).for_load("s", None)["period"] == period
    assert "period" not in Resolver(make_source(uri="a.csv").project).for_load("s", None)


def test_what_is_fresh_by_its_events_is_looked_at_again_after_a_quarter_of_the_time(make_source):
    """When the newest event was is known to the load only."""
    source = make_source(uri="a.csv", freshness="2h", event_time="at")
    source.put("a.csv", "at\n2026-01-01\n")
    before = time.time() // 1800
    assert before <= Resolver(source.project).for_load("s", None)["period"] <= time.time() // 1800


@pytest.mark.parametrize(
    ("uri", "newest", "older"),
    [
        ("data/{day}.csv", [{"day": "2026-01-10"}, {"day": "sample"}], [{"day": "2026-01-09"}]),
        ("{year}/{month}.csv", [{"year": "2026", "month": "10"}], [{"year": "2026", "month": "9"}]),
        ("{shop}/{d}.csv", [{"shop": s, "d": "20260102"} for s in "ab"], [{"shop": "b", "d": "20260101"}]),
        ("data/{shop}.csv", [{"shop": "7"}, {"shop": "north"}], []),
    ],
)
def test_freshness_is_judged_by_the_partitions_of_the_latest_time(make_source, uri, newest, older):
    """Older ones are history; keys that are no times say nothing of age, and the whole source is always judged."""
    source = make_source(uri=uri, freshness="1h")
    for values in [*newest, *older]:
        source.put(uri.format(**values), "x\n1\n")
    resolver = Resolver(source.project)
    assert all(resolver.for_load("s", values)["period"] == 0 for values in [*newest, None])
    assert all(resolver.for_load("s", values)["period"] is None for values in older)


def test_an_older_partition_is_not_refused_for_its_age(make_source, library):
    """By its events, either."""
    schema = {"columns": {"at": "date", "day": "date"}}
    source = make_source(uri="{day}.csv", freshness="1d", event_time="at", stale="fail", schema=schema)
    source.put("2026-01-01.csv", "at\n2026-01-01\n")
    source.put("2026-01-02.csv", "at\n2026-01-02\n")
    assert len(source.load(library, "2026-01-01")) == 1
    for stale in ("2026-01-02", None):
        with pytest.raises(HooklineError, match="is stale"):
            source.load(library, stale)


EXACT = 9007199254740993
"""A whole number that is no float."""


@pytest.mark.parametrize(
    "values", [[EXACT, 1.5], [1.5, EXACT], [1 << 63, None], [[EXACT], [1.5]], [{"a": EXACT}, {"a": 1.5}]]
)
def test_without_a_schema_no_number_is_rounded(make_source, library, values):
    """Where one type can't hold all values of a column, they stay what they are."""
    source = make_source(uri="a.jsonl")
    source.put("a.jsonl", "".join(json.dumps({"x": one}) + "\n" for one in values))
    assert [row["x"] for row in source.rows(library)] == values


def test_whole_numbers_among_floats_become_floats_where_they_stay_the_same(make_source, library):
    """As most tables have them."""
    source = make_source(uri="a.jsonl")
    source.put("a.jsonl", '{"x": 1}\n{"x": 2.5}\n')
    assert source.types(library) == {"x": "Float64"}


@pytest.mark.parametrize(
    ("first", "second", "words"),
    [
        ([1], ["a"], "is of type int in 'a.parquet', but str in 'b.parquet'"),
        ([True], [1], "is of type bool in"),
        ([EXACT], [1.5], "has whole numbers in 'a.parquet' that are too large for the floats"),
        ([datetime(2026, 1, 1)], [datetime(2026, 1, 1, tzinfo=UTC)], "but datetime of UTC in"),
        ([1], pl.Series([1 << 63], dtype=pl.UInt64), "but uint64 in"),
    ],
)
def test_parquet_files_of_other_types_in_one_column_are_refused(make_source, library, first, second, words):
    """In both libraries, rather than that a table has values of several types, or other values."""
    source = make_source(uri="*.parquet")
    write_parquet(source.root / "a.parquet", {"x": first})
    write_parquet(source.root / "b.parquet", {"x": second})
    with pytest.raises(HooklineError, match=words):
        source.load(library)


def test_parquet_files_whose_types_go_together_are_joined(make_source, library):
    """Short numbers and long ones, whole ones that a float can hold, and columns without any value."""
    source = make_source(uri="*.parquet")
    write_parquet(source.root / "a.parquet", {"x": [1], "y": ["a"]})
    write_parquet(source.root / "b.parquet", {"x": [1.5], "y": [None]})
    assert source.rows(library) == [{"x": 1.0, "y": "a"}, {"x": 1.5, "y": None}]


def test_numbers_of_json_lines_that_floats_can_t_hold_stay_what_they_are(make_source, library):
    """Too large ones are no infinity; whole ones beside fractions keep all of their digits."""
    source = make_source(uri="a.jsonl")
    source.put("a.jsonl", '{"a": 9007199254740993, "b": 1e400}\n{"a": 1.5, "b": 1.5}\n')
    assert source.rows(library) == [{"a": 9007199254740993, "b": Decimal("1E+400")}, {"a": 1.5, "b": 1.5}]
    typed = make_source(uri="a.jsonl", schema={"columns": {"b": "float"}, "open": True})
    with pytest.raises(HooklineError, match=r"'b' is not a number: 1 row \(a.jsonl:1\): 1E\+400"):
        typed.load(library)


def test_a_decimal_in_the_schema_leaves_other_columns_alone(make_source, library):
    """What nobody declares stays a float."""
    source = make_source(uri="a.jsonl", schema={"columns": {"a": "decimal"}, "open": True})
    source.put("a.jsonl", '{"a": 1.10, "b": 1.5}\n')
    assert source.rows(library) == [{"a": Decimal("1.10"), "b": 1.5}]


def test_json_lines_that_can_t_be_kept_are_named(make_source, library):
    """Half of a character, and rows without any column."""
    source = make_source(uri="a.jsonl")
    source.put("a.jsonl", '{"a": "\\ud83d\\ude00"}\n{"a": "\\ud800"}\n')
    with pytest.raises(HooklineError, match=r"line 2 \(half of a character\)"):
        source.load(library)
    source.put("a.jsonl", '{"a": "\\ud83d\\ude00"}\n')
    assert source.rows(library) == [{"a": "\U0001f600"}]
    source.put("a.jsonl", "{}\n{}\n")
    with pytest.raises(HooklineError, match=r"'a\.jsonl' has objects without any key"):
        source.load(library)


def parquet_of(source, *columns):
    """Write a file for each column."""
    for number, column in enumerate(columns, 1):
        pl.DataFrame({"a": column}).write_parquet(source.root / f"{number}.parquet")


def test_files_of_parquet_with_other_types_are_named(make_source, library):
    """Without a schema none of the types is the right one, and texts don't become of numbers."""
    source = make_source(uri="*.parquet")
    parquet_of(source, [1], ["x"])
    with pytest.raises(HooklineError, match=r"'a' is of type int in '1\.parquet', but str in '2\.parquet'"):
        source.load(library)
    parquet_of(source, [(1 << 53) + 1], [1.5])
    with pytest.raises(HooklineError, match=r"whole numbers in '1\.parquet' that are too large for the floats"):
        source.load(library)
    parquet_of(source, [2], [1.5])
    assert source.rows(library) == [{"a": 2.0}, {"a": 1.5}]
    parquet_of(source, pl.Series([None], dtype=pl.Null), [1])
    assert source.rows(library) == [{"a": None}, {"a": 1}]


def test_each_file_of_parquet_gets_the_schema_s_types_by_itself(make_source, library):
    """Numbers that floats can't hold are bad rows of their own file, and a file without values is of any type."""
    schema = {"columns": {"a": {"type": "float", "nullable": True}}}
    source = make_source(uri="*.parquet", mode="quarantine", schema=schema)
    parquet_of(source, [1.5], [(1 << 53) + 1, 4], pl.Series([None], dtype=pl.Null))
    assert source.rows(library) == [{"a": 1.5}, {"a": 4.0}, {"a": None}]
    strict = make_source(uri="*.parquet", schema={"columns": {"a": "int"}})
    parquet_of(source, [1], pl.Series([1 << 63], dtype=pl.UInt64), [2])
    with pytest.raises(HooklineError, match=r"whole number: 1 row \(2\.parquet\): 9223372036854775808"):
        strict.load(library)


def test_bytes_of_parquet_are_bytes_whoever_wrote_them(make_source, library):
    """Writers have several types for them."""
    source = make_source(uri="a.parquet", schema={"columns": {"a": "bytes"}})
    pl.DataFrame({"a": [b"\xff"]}).write_parquet(source.root / "a.parquet")
    assert source.rows(library) == [{"a": b"\xff"}]


def test_a_link_to_a_folder_above_repeats_nothing(make_source, library):
    """Each folder is read once, whatever ways lead to it."""
    source = make_source(uri="**/*.csv")
    source.put("d/a.csv", "x\n1\n")
    (source.root / "d" / "again").symlink_to(source.root)
    assert source.rows(library) == [{"x": 1}]
