"""Whether what a contract says agrees with itself, and with its schema."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from hookline.ml import Column, Schema
from hookline_data.sources.contracts.contract import Contract
from hookline_data.sources.contracts.partition import partition_keys
from hookline_data.sources.contracts.template import Template
from hookline_data.sources.remote.sql_text import parameters_of
from hookline_data.wording.words import near

__all__ = ["contradictions", "schema_faults", "with_terms"]

_PASSWORD = re.compile(r"[\w+.-]+://(?:[^/@:]*:[^/@]*@|[^?]*\?(?:.*&)?(?:password|passwd|pwd)=)", re.IGNORECASE)
_OF_SQL = ("query", "table", "connect", "version_query")
_KEY_TYPES = ("any", "category", "date", "int", "str")
_TIMES = ("any", "date", "datetime")
_UNWRITTEN = {"csv": ("bytes", "list", "object"), "jsonl": ("bytes",)}
"""Types that have no text in a format."""


def contradictions(contract: Contract) -> Iterator[tuple[str, str]]:
    """Find what does not go together, whatever the schema says.

    Yields:
        A key, and what is wrong with it, as it reads after the source's name.
    """
    yield from _sql(contract)
    if contract.kind == "file" and contract.uri:
        fault = Template(contract.uri).fault()
        if fault:
            yield "uri", f"has a 'uri' that {fault}: '{contract.uri}'"
        if contract.snapshot:
            yield "snapshot", "has a 'snapshot', but its files count by what is in them"
    if _PASSWORD.match(contract.uri):
        yield "uri", "has a password in its 'uri': give a secret's place, such as 'env:NAME', for all of it"
    if contract.snapshot and contract.version_query:
        yield "snapshot", "has both a 'snapshot' and a 'version_query'"
    if contract.format != "csv":
        for key, default in (("separator", ","), ("decimal", ".")):
            if getattr(contract, key) != default:
                yield key, f"has a '{key}', which only CSV has, but is {contract.format}"
    elif contract.separator == contract.decimal:
        yield "separator", f"has '{contract.decimal}' between cells and in numbers, too"
    if contract.encoding != "utf-8" and contract.format not in ("csv", "jsonl"):
        yield "encoding", f"has an 'encoding', but is {contract.format}"
    if contract.stale != "warn" and not contract.freshness:
        yield "stale", "says what becomes of stale data, but has no 'freshness' that tells which are"


def _sql(contract: Contract) -> Iterator[tuple[str, str]]:
    if contract.format != "sql":
        for key in _OF_SQL:
            if getattr(contract, key):
                yield key, f"has a '{key}', but is {contract.format}, not sql"
        return
    if not contract.query and not contract.table:
        yield "", "is sql and has neither a 'query' nor a 'table'"
    if contract.query and contract.table:
        yield "query", "has both a 'query' and a 'table'"
    unbound = set(parameters_of(contract.version_query)) - set(parameters_of(contract.query))
    for name in sorted(unbound):
        yield "version_query", f"has ':{name}' in its 'version_query', but no such parameter in its 'query'"
    if not contract.connect and not contract.secret and "://" not in contract.uri:
        yield "uri", f"is sql, but '{contract.uri}' is no URL of a database such as 'sqlite:///sales.db'"


def schema_faults(contract: Contract, schema: Schema) -> Iterator[tuple[str, str]]:
    """Find what does not go together with the schema.

    Args:
        contract: The contract.
        schema: What its table must look like.

    Yields:
        As :func:`contradictions` does.
    """
    columns = {column.name: column for column in schema.columns}
    yield from _lacking(contract, schema)
    for name in contract.key:
        if name in columns and columns[name].nullable:
            yield "key", f"has the key '{name}', which its schema lets be missing"
    time = columns.get(contract.event_time)
    if time is not None and time.type not in _TIMES:
        yield "event_time", f"has the event time '{time.name}', which is no time but '{time.type}'"
    for name in partition_keys(contract) if contract.kind != "sql" else ():
        if name in columns and columns[name].type not in _KEY_TYPES:
            kind = columns[name].type
            yield (
                "uri",
                f"tells partitions apart by '{name}', which its schema has as '{kind}', not as text, int or date",
            )
    for column in schema.columns if contract.format in ("csv", "jsonl") else ():
        if "." in column.type or column.type in _UNWRITTEN[contract.format]:
            yield "schema", f"is {contract.format}, which can't hold the column '{column.name}' of type '{column.type}'"


def _lacking(contract: Contract, schema: Schema) -> Iterator[tuple[str, str]]:
    columns = schema.names
    if not schema.open:
        for key, names in (("key", contract.key), ("personal", contract.personal), ("event_time", _named(contract))):
            for name in names:
                if name not in columns:
                    yield key, f"has the column '{name}' as '{key}', which its schema lacks{near(name, columns)}"


def with_terms(contract: Contract, schema: Schema | None) -> Schema | None:
    """Add to a schema what the contract says beside it: the key, the event time, and what is personal.

    Args:
        contract: The contract.
        schema: The schema; None where none is declared.

    Returns:
        The schema; None where nothing at all is said.
    """
    named = dict.fromkeys((*contract.key, *_named(contract), *contract.personal))
    if schema is None:
        if not named:
            return None
        schema = Schema(tuple(Column(name, nullable=name not in contract.key) for name in named), open=True)
    known = set(schema.names)
    further = [Column(name, nullable=name not in contract.key) for name in named if name not in known]
    changes: dict[str, Any] = {
        "columns": tuple(
            replace(column, personal=True) if column.name in contract.personal else column
            for column in (*schema.columns, *further)
        )
    }
    if contract.key:
        changes["keys"] = contract.key
    if contract.event_time:
        changes["event_time"] = contract.event_time
    return replace(schema, **changes)


def _named(contract: Contract) -> tuple[str, ...]:
    return (contract.event_time,) if contract.event_time else ()
