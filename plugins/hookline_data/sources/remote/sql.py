"""Databases: asked and written through sqlite3, through SQLAlchemy, or through a connection of the user's."""

from __future__ import annotations

import contextlib
import inspect
import sqlite3
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol

from hookline import HooklineError, Secret
from hookline_data.sources.contracts.contract import Contract
from hookline_data.sources.remote.addresses import told_of
from hookline_data.sources.remote.sql_text import escaped, parameters_of, with_parameters

__all__ = ["SQLITE", "Connect", "Database", "open_database"]

SQLITE = "sqlite:///"
"""What URLs of SQLite's files begin with."""

_STYLES = {
    "mysql": "pyformat",
    "oracledb": "named",
    "psycopg": "pyformat",
    "psycopg2": "pyformat",
    "pymysql": "pyformat",
}
"""How drivers write parameters whose connections' modules don't say it."""

Connect = Callable[..., Any]
"""Gives a connection as the DB-API has it; takes the address, where the contract gives one."""

Fetch = Callable[[int], Sequence[Sequence[Any]]]
"""Gives as many rows more as it is asked for, or fewer; none at the end."""


class Database(Protocol):
    """A database that can be asked and written."""

    plain: bool
    """Whether it keeps texts for times and numbers for truth values, as SQLite does."""

    def ask(self, query: str, values: Mapping[str, str]) -> tuple[list[str], Fetch]:
        """Ask a query with parameters; give the columns' names, and what fetches rows."""

    def do(self, statement: str, rows: Sequence[Sequence[Any]] | None = None) -> None:
        """Run a statement, with marks ``?`` for the values of rows; it holds once the database is left in peace."""

    def quoted(self, name: str) -> str:
        """Write the name of a table or column so that it is taken as one."""


@contextlib.contextmanager
def open_database(
    contract: Contract, place: Secret[str] | str, connect: Connect | None = None, *, writing: bool = False
) -> Iterator[Database]:
    """Open a source's database; what is written holds when it is left without an error, and else not at all.

    Args:
        contract: The source's contract.
        place: The database's URL, or where it is kept.
        connect: The function that gives a connection; None for a database that the URL is enough for.
        writing: Whether it is to be written.

    Raises:
        HooklineError: It can't be opened, or asked: told without the URL where that is a secret.
    """
    url, shown = (place.reveal(), place.reference) if isinstance(place, Secret) else (place, place)
    try:
        if connect is not None:
            with contextlib.closing(connect(url) if url else connect()) as connection:
                plain = isinstance(connection, sqlite3.Connection)
                yield from _committed(_OverDbApi(connection, _paramstyle(connection), plain=plain), connection)
        elif url.startswith(SQLITE):
            with contextlib.closing(_sqlite(url, shown, writing)) as connection:
                yield from _committed(_OverDbApi(connection, "named", plain=True), connection)
        else:
            yield from _through_sqlalchemy(contract, url)
    except HooklineError:
        raise
    except Exception as error:  # noqa: BLE001 - whatever a driver raises
        original = getattr(error, "orig", None) or error
        # What a database says of rows that it refuses may quote them.
        quoting = writing and _tells_of_persons(contract)
        secret = isinstance(place, Secret)
        told = type(original).__name__ if quoting else told_of(original, url, secret=secret)
        # The cause may quote them, too.
        raise HooklineError(
            f"the database of the source '{contract.name}' ({contract.where or 'settings'}) failed: {told}"
        ) from (None if secret or quoting else error)


def _tells_of_persons(contract: Contract) -> bool:
    columns = () if contract.columns is None else contract.columns.columns
    return bool(contract.personal) or any(column.personal for column in columns)


class _OverDbApi:
    """A connection as the DB-API has it."""

    def __init__(self, connection: Any, style: str, *, plain: bool = False) -> None:
        self._connection = connection
        self._style = style
        self.plain = plain

    def ask(self, query: str, values: Mapping[str, str]) -> tuple[list[str], Fetch]:
        names = parameters_of(query)
        marks: Any = {name: values[name] for name in names}
        if self._style in ("qmark", "format", "numeric"):
            order: list[str] = []

            def mark(name: str) -> str:
                order.append(name)
                return {"qmark": "?", "format": "%s"}.get(self._style, f":{len(order)}")

            query = with_parameters(query, mark)
            marks = [values[name] for name in order]
        elif self._style == "pyformat":
            query = with_parameters(query, lambda name: f"%({name})s")
        cursor = self._connection.cursor()
        cursor.execute(query, marks) if marks else cursor.execute(query)
        if cursor.description is None:
            raise HooklineError("the query gives no rows", help="write a SELECT")
        return [str(column[0]) for column in cursor.description], cursor.fetchmany

    def do(self, statement: str, rows: Sequence[Sequence[Any]] | None = None) -> None:
        cursor = self._connection.cursor()
        if rows is None:
            cursor.execute(statement)
            return
        if self._style in ("format", "pyformat"):
            statement = statement.replace("?", "%s")
        elif self._style == "numeric":
            for number in range(1, statement.count("?") + 1):
                statement = statement.replace("?", f":{number}", 1)
        cursor.executemany(statement, rows)

    def quoted(self, name: str) -> str:
        return ".".join('"' + part.replace('"', '""') + '"' for part in name.split("."))


class _OverSqlalchemy:
    """A connection of SQLAlchemy's."""

    def __init__(self, connection: Any, text: Callable[[str], Any]) -> None:
        self._connection = connection
        self._text = text
        self.plain = connection.dialect.name == "sqlite"

    def ask(self, query: str, values: Mapping[str, str]) -> tuple[list[str], Fetch]:
        names = parameters_of(query)
        result = self._connection.execute(self._text(escaped(query)), {name: values[name] for name in names})
        if not result.returns_rows:
            raise HooklineError("the query gives no rows", help="write a SELECT")
        return [str(name) for name in result.keys()], result.fetchmany  # noqa: SIM118 - no mapping, but a result

    def do(self, statement: str, rows: Sequence[Sequence[Any]] | None = None) -> None:
        if rows is None:
            self._connection.execute(self._text(statement))
            return
        for number in range(statement.count("?")):
            statement = statement.replace("?", f":p{number}", 1)
        if rows:
            self._connection.execute(
                self._text(statement), [{f"p{at}": value for at, value in enumerate(row)} for row in rows]
            )

    def quoted(self, name: str) -> str:
        quote = self._connection.dialect.identifier_preparer.quote
        return ".".join(quote(part) for part in name.split("."))


def _committed(database: _OverDbApi, connection: Any) -> Iterator[Database]:
    try:
        yield database
    except BaseException:
        connection.rollback()
        raise
    connection.commit()


def _sqlite(url: str, shown: str, writing: bool) -> sqlite3.Connection:
    path = Path(url.removeprefix(SQLITE))
    if not writing and not path.is_file():
        raise HooklineError(
            f"there is no database '{shown.removeprefix(SQLITE)}'", help="make it, or mend the source's 'uri'"
        )
    mode = "rwc" if writing else "ro"
    return sqlite3.connect(f"{path.absolute().as_uri()}?mode={mode}", uri=True, timeout=30)


def _through_sqlalchemy(contract: Contract, url: str) -> Iterator[Database]:
    try:
        import sqlalchemy
    except ImportError as error:
        raise HooklineError(
            f"the source '{contract.name}' is in a database that is reached through SQLAlchemy, which is not installed",
            help="pip install sqlalchemy, and the database's driver",
        ) from error
    engine = sqlalchemy.create_engine(url)
    try:
        with engine.begin() as connection:
            yield _OverSqlalchemy(connection, sqlalchemy.text)
    finally:
        engine.dispose()


def _paramstyle(connection: Any) -> str:
    """Tell how the connection's module writes parameters."""
    home = type(connection).__module__
    known = _STYLES.get(home.partition(".")[0])
    return known or str(getattr(inspect.getmodule(type(connection)), "paramstyle", "qmark"))
