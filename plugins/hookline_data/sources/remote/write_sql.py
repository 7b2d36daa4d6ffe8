"""Writes a table to a database, in one transaction."""

from __future__ import annotations

from datetime import date, datetime, time, timedelta
from decimal import Decimal
from typing import Any

from hookline import Secret
from hookline_data.sources.contracts.contract import Contract
from hookline_data.sources.files.plain_values import as_text, columns_of
from hookline_data.sources.reading import declared_types
from hookline_data.sources.remote.sql import Connect, open_database
from hookline_data.tables.frames import Frame

__all__ = ["write_sql"]

_TYPES = {"int": "INTEGER", "bool": "INTEGER", "float": "REAL", "bytes": "BLOB"}
_PIECE = 10_000


def write_sql(
    contract: Contract, place: Secret[str] | str, table: Frame, connect: Connect | None, *, replace: bool
) -> None:
    """Write rows to the table of a source; SQLite makes the table where it is not there.

    Args:
        contract: The source's contract.
        place: The database's URL.
        table: The rows.
        connect: The function that gives a connection; None for none.
        replace: Whether they take the place of those that are there, or are added.

    Raises:
        HooklineError: They can't be written; nothing is changed then.
    """
    columns = dict(columns_of(table))
    with open_database(contract, place, connect, writing=True) as database:
        target = database.quoted(contract.table)
        names = [database.quoted(name) for name in columns]
        if database.plain:
            schema = declared_types(contract)
            kinds = {column.name: _TYPES.get(column.type, "TEXT") for column in schema.columns} if schema else {}
            declared = [f"{name} {kinds.get(one, '')}".strip() for one, name in zip(columns, names, strict=True)]
            database.do(f"CREATE TABLE IF NOT EXISTS {target} ({', '.join(declared)})")
            columns = {name: [_simple(value) for value in values] for name, values in columns.items()}
        if replace:
            database.do(f"DELETE FROM {target}")
        rows = list(zip(*columns.values(), strict=True))
        insert = f"INSERT INTO {target} ({', '.join(names)}) VALUES ({', '.join('?' for _ in names)})"
        for start in range(0, len(rows), _PIECE):
            database.do(insert, rows[start : start + _PIECE])


def _simple(value: Any) -> Any:
    """Give what SQLite can hold."""
    if isinstance(value, bool):
        return int(value)
    return as_text(value) if isinstance(value, date | datetime | time | timedelta | Decimal) else value
