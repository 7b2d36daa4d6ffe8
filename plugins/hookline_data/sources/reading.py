"""Reads what a contract says there is: files of any format, and what databases answer."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from hookline import Secret
from hookline.ml import Schema
from hookline_data.sources.contracts.contract import Contract
from hookline_data.sources.contracts.template import Template
from hookline_data.sources.files.read_csv import read_csv
from hookline_data.sources.files.read_jsonl import read_jsonl
from hookline_data.sources.files.read_parquet import read_parquet
from hookline_data.sources.files.table import Reading, Table
from hookline_data.sources.remote.sql import Connect, open_database
from hookline_data.validation.finding import Origin

__all__ = ["declared_types", "read_files", "read_sql", "restricted", "schema_with_terms"]

_PIECE = 50_000


def declared_types(contract: Contract) -> Schema | None:
    """Tell what types a source's columns are declared to have; None where that is not said."""
    if not contract.typed:
        return None
    if contract.columns is not None:
        return contract.columns
    from hookline_data.sources.contracts.foreign_schema import facts_of  # it imports pandera

    return facts_of(contract.schema)


def read_files(
    contract: Contract, files: Mapping[str, Path], library: str, columns: Sequence[str] | None = None
) -> Reading:
    """Read files into one table.

    Args:
        contract: What they are to be.
        files: The files by the names that the user knows, in order.
        library: Whose frame is wanted.
        columns: The columns that are wanted; None for all.

    Raises:
        HooklineError: A file can't be read, or has other columns than it should; says which, and where.
    """
    schema = declared_types(contract)
    template = Template(contract.uri) if contract.kind == "file" else Template("")

    def constants(name: str) -> dict[str, str]:
        values = template.match(name) or {}
        if schema is None or schema.open:
            return values
        return {key: text for key, text in values.items() if key in schema.names}

    if contract.format == "parquet":
        return read_parquet(files, constants, library, contract.name, schema, columns)
    texts = contract.format == "csv"
    table = Table(library, contract.name, schema, columns, texts=texts, decimal=contract.decimal)
    for name, path in files.items():
        if texts:
            read_csv(path, name, table, constants(name), separator=contract.separator, encoding=contract.encoding)
        else:
            read_jsonl(path, name, table, constants(name), schema, encoding=contract.encoding)
    return table.finish()


def read_sql(
    contract: Contract,
    place: Secret[str] | str,
    values: Mapping[str, str],
    library: str,
    columns: Sequence[str] | None = None,
    connect: Connect | None = None,
) -> Reading:
    """Read what a database answers.

    Args:
        contract: What is asked.
        place: The database's URL.
        values: Of the query's parameters.
        library: Whose frame is wanted.
        columns: The columns that are wanted; None for all.
        connect: The function that gives a connection; None for none.

    Raises:
        HooklineError: The database can't be asked.
    """
    table = Table(library, contract.name, declared_types(contract), columns, texts=False)
    name = f"table {contract.table}" if contract.table else "query"
    with open_database(contract, place, connect) as database:
        query = contract.query or f"SELECT * FROM {database.quoted(contract.table)}"
        names, rows = database.ask(query, values)
        table.begin(name, names, {})
        while piece := rows(_PIECE):
            table.add(list(zip(*piece, strict=True)), [])
    reading = table.finish()
    return replace(reading, origins=[Origin(0, name)], files=0)


def schema_with_terms(contract: Contract) -> Any:
    """Give the schema that a source's table is checked by, with what the contract says beside it; None for none."""
    if contract.schema is None or contract.columns is not None:
        return contract.schema
    from hookline_data.sources.contracts.foreign_schema import with_terms_of  # it imports pandera

    return with_terms_of(contract)


def restricted(schema: Any, columns: Sequence[str] | None) -> Any:
    """Give of a schema what it says of some columns.

    Args:
        schema: A schema of hookline's, or a ``DataFrameSchema`` of pandera's; None for none.
        columns: Their names; None for all.
    """
    if schema is None or columns is None:
        return schema
    if not isinstance(schema, Schema):
        return schema.select_columns([name for name in columns if name in schema.columns])
    kept = tuple(schema.column(name) for name in columns if name in schema.names)
    return replace(
        schema,
        columns=kept,
        keys=schema.keys if set(schema.keys) <= set(columns) else (),
        event_time=schema.event_time if schema.event_time in columns else "",
    )
