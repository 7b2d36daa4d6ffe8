"""Databases: SQLite itself, SQLAlchemy, and connections of the user's own."""

from __future__ import annotations

import sqlite3
import sys
import textwrap
from datetime import datetime

import polars as pl
import pytest

from hookline import HooklineError, UsageError
from hookline_data.sources.remote.addresses import told_of
from hookline_data.sources.remote.sql_text import parameters_of, with_parameters
from hookline_data.sources.resolving import Resolver

COLUMNS = {"id": "int", "paid": "bool", "at": "datetime", "amount": {"type": "decimal", "nullable": True}}


@pytest.fixture
def database(tmp_path):
    path = tmp_path / "sales.db"
    connection = sqlite3.connect(path)
    connection.executescript(
        "CREATE TABLE sales (id INTEGER, paid INTEGER, at TEXT, amount TEXT, day TEXT);"
        "INSERT INTO sales VALUES (1, 1, '2026-01-01 10:00:00', '1.10', '2026-01-01');"
        "INSERT INTO sales VALUES (2, 0, '2026-01-02 10:00:00', NULL, '2026-01-02');"
    )
    connection.close()
    return path


def execute(path, statement):
    connection = sqlite3.connect(path)
    with connection:
        connection.execute(statement)
    connection.close()


URLS = ["sqlite:///sales.db", "sqlalchemy", "connect"]


@pytest.fixture(params=URLS)
def reached(request, database, tmp_path, monkeypatch):
    """What a contract says of a database, for each way to reach it."""
    if request.param == "sqlalchemy":
        pytest.importorskip("sqlalchemy")
        return {"uri": f"sqlite+pysqlite:///{database}"}
    if request.param == "connect":
        code = "import sqlite3\ndef connect(path): return sqlite3.connect(path)\n"
        (tmp_path / "warehouse_of_tests.py").write_text(textwrap.dedent(code))
        monkeypatch.syspath_prepend(tmp_path)
        monkeypatch.delitem(sys.modules, "warehouse_of_tests", raising=False)
        return {"uri": str(database), "connect": "warehouse_of_tests:connect"}
    return {"uri": request.param}


def test_answers_become_tables_of_the_types_of_the_schema(make_source, library, reached):
    """Also where the database keeps texts and numbers for them."""
    source = make_source(
        **reached, query="SELECT id, paid, at, amount FROM sales ORDER BY id", schema={"columns": COLUMNS}
    )
    first, second = source.rows(library)
    assert first["at"] == datetime(2026, 1, 1, 10)
    assert (first["paid"], str(first["amount"]), second["amount"]) == (True, "1.10", None)


def test_a_partition_is_a_bound_parameter(make_source, library, reached):
    """No text is put into the query."""
    source = make_source(**reached, query="SELECT id FROM sales WHERE day = :day AND ':no' <> '::' -- :not")
    assert source.rows(library, "2026-01-02") == [{"id": 2}]
    assert source.rows(library, "' OR 1 = 1 --") == []
    with pytest.raises(UsageError, match="needs :day"):
        source.load(library)
    with pytest.raises(UsageError, match="WHERE day = :day"):
        make_source(**reached, table="sales").load(library, "2026-01-02")


def test_parameters_are_found_outside_of_texts_and_comments():
    """In the order in which they come first."""
    query = "SELECT ':a', \":b\", x::int /* :c */ FROM t WHERE d = :day AND e = :shop AND f = :day -- :g"
    assert parameters_of(query) == ("day", "shop")
    assert with_parameters(":a ':a'", lambda _: "?") == "? ':a'"


def test_a_table_is_written_and_read_again_in_one_transaction(make_source, library, reached):
    """Replaced, or added to; a failure in the middle changes nothing."""
    source = make_source(**reached, table="sales", schema={"columns": {**COLUMNS, "day": "str"}})
    before = source.load(library)
    assert source.write(before).rows == 2
    assert source.rows(library) == source.rows(library)
    source.write(before, overwrite=False)
    assert len(source.load(library)) == 4
    execute(
        source.root / "sales.db",
        "CREATE TRIGGER t BEFORE INSERT ON sales WHEN NEW.id = 2 BEGIN SELECT RAISE(ABORT, 'no'); END",
    )
    with pytest.raises(HooklineError, match=r"the source 's' .* failed"):
        source.write(before)
    assert len(source.load(library)) == 4


def test_a_new_sqlite_table_is_made(make_source, library):
    """With types that its columns keep."""
    source = make_source(uri="sqlite:///new.db", table="t", schema={"columns": COLUMNS})
    old = make_source(uri="a.csv", schema={"columns": COLUMNS})
    old.put("a.csv", "id,paid,at,amount\n1,true,2026-01-01T00:00:00Z,1.50\n")
    source.write(old.load(library))
    assert source.rows(library) == old.rows(library)


def test_databases_that_fail_are_told_without_secrets(make_source, library, monkeypatch, tmp_path):
    """The place of the secret may be shown, what is there may not."""
    monkeypatch.setenv("WAREHOUSE_OF_TESTS", f"sqlite:///{tmp_path}/hush-hush/x.db")
    source = make_source(uri="env:WAREHOUSE_OF_TESTS", table="t")
    given = Resolver(source.project, library).for_load("s", None)
    assert "hush-hush" not in repr(given)
    with pytest.raises(HooklineError) as caught:
        source.load(library)
    assert "hush-hush" not in str(caught.value)
    with pytest.raises(HooklineError, match="there is no database"):
        make_source(uri="sqlite:///gone.db", table="t").load(library)


def test_a_query_that_is_wrong_gives_no_rows_or_several_versions_is_told(make_source, library, database):
    """With what the database says."""
    url = "sqlite:///sales.db"
    with pytest.raises(HooklineError, match="no such table: nope"):
        make_source(uri=url, table="nope").load(library)
    with pytest.raises(HooklineError, match="gives several rows"):
        make_source(uri=url, table="sales", version_query="SELECT id FROM sales").load(library)
    with pytest.raises(UsageError, match="is a query and can't be written"):
        make_source(uri=url, query="SELECT 1").write(None)


def test_a_cell_that_is_no_value_of_its_type_is_told(make_source, library, database):
    """SQLite takes any text for a number."""
    execute(database, "UPDATE sales SET id = 'x' WHERE id = 2")
    source = make_source(uri="sqlite:///sales.db", query="SELECT id FROM sales", schema={"columns": {"id": "int"}})
    with pytest.raises(HooklineError, match=r"is not a whole number.*: x"):
        source.load(library)


@pytest.mark.parametrize(
    ("url", "message"),
    [
        ("db://ann:p%40ss%2Fw@h/x", "no user ann with p@ss/w, p%40ss%2Fw"),
        ("db://ann:p+ss w@h/x", "ann:p+ss w at h"),
        ("db://ann:pa/ss@w@h/x", "pa/ss@w"),
        ("db://h/x?token=a%20b%20c&v=1", "token 'a b c' or a%20b%20c, v is 1"),
        ("host=h password='pass w' user=ann", "bad pass w"),
    ],
)
def test_what_a_driver_quotes_of_an_address_is_masked(url, message):
    """As it is written, and as it is meant."""
    told = told_of(ValueError(message), url, secret=False)
    assert "***" in told
    assert not any(part in told for part in ("ss", "a b", "a%20"))
    assert told_of(ValueError(f"{url}: no"), url, secret=True) == "***: no"
    assert told_of(ValueError("no [x"), "db://[x", secret=True) == "ValueError"


def test_what_a_database_says_of_rows_of_persons_is_not_told(make_source, tmp_path):
    """It may quote them."""
    execute(tmp_path / "p.db", "CREATE TABLE t (name TEXT CHECK (name <> 'Ann'))")
    schema = {"columns": {"name": {"type": "str", "personal": True}}}
    source = make_source(uri="sqlite:///p.db", table="t", schema=schema)
    with pytest.raises(HooklineError, match="failed: IntegrityError") as caught:
        source.write(pl.DataFrame({"name": ["Ann"]}), overwrite=False)
    assert caught.value.__cause__ is None


def test_without_a_schema_no_number_of_a_database_is_rounded(make_source, library, tmp_path):
    """SQLite has values of several types in one column."""
    execute(tmp_path / "mixed.db", "CREATE TABLE t (x)")
    execute(tmp_path / "mixed.db", "INSERT INTO t VALUES (9007199254740993), (1.5)")
    assert make_source(uri="sqlite:///mixed.db", table="t").rows(library) == [{"x": 9007199254740993}, {"x": 1.5}]
