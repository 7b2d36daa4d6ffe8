"""Schemas of pandera's: what types their columns are read as, and what a contract says beside them."""

from __future__ import annotations

import copy
import re
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from hookline.ml import Schema
from hookline_data.schemas.convert import schema_of_pandera
from hookline_data.schemas.recognition import pandera_schema
from hookline_data.sources.contracts.contract import Contract
from hookline_data.tables.frames import Frame, library_of
from hookline_data.validation.finding import Finding

__all__ = ["facts_of", "with_plain_types", "with_terms_of"]

_WORDS = {
    "bool": "bool",
    "uint": "int",
    "int": "int",
    "float": "float",
    "decimal": "decimal",
    "datetime": "datetime",
    "timestamp": "datetime",
    "date": "date",
    "timedelta": "duration",
    "duration": "duration",
    "categor": "category",
    "enum": "category",
    "str": "str",
    "utf8": "str",
    "binary": "bytes",
    "bytes": "bytes",
    "list": "list",
    "array": "list",
}
"""Words for types by what the names of other systems' begin with; of several the first that fits."""

_PLAIN: dict[str, tuple[str, Any]] = {"Int64": ("int64", 0), "boolean": ("bool", False)}
"""pandas' plain types for those that can be missing, and what stands in for cells that could not be read."""


def facts_of(schema: Any) -> Schema:
    """Say what a schema of pandera's says in hookline's own, with hookline's words for types."""
    facts = schema_of_pandera(schema)
    return replace(facts, columns=tuple(replace(one, type=_word(one.type)) for one in facts.columns))


def with_terms_of(contract: Contract) -> Any:
    """Give the schema of a contract with the key and the personal columns that the contract says beside it."""
    # All of it is copied: pandera changes what it checks with, and the user's own is an argument, which counts.
    schema = copy.deepcopy(pandera_schema(contract.schema))
    for name in contract.personal:
        if name in schema.columns:
            schema.columns[name].metadata = {**(schema.columns[name].metadata or {}), "personal": True}
    if contract.key and not schema.unique:
        schema.unique = list(contract.key)
    return schema


def with_plain_types(table: Frame, findings: Sequence[Finding]) -> Frame:
    """Let columns of pandas keep the types that pandera asks for, where cells of bad rows could not be read."""
    if library_of(table) != "pandas":
        return table
    filled = {}
    for one in findings:
        plain = _PLAIN.get(str(table[one.column].dtype)) if one.cells and one.column in table.columns else None
        if plain is None:
            continue
        kind, stand_in = plain
        column = table[one.column].copy()
        column.iloc[list(one.cells)] = stand_in
        if not column.hasnans:  # a value that is missing stays so, for pandera to tell
            filled[one.column] = column.astype(kind)
    return table.assign(**filled) if filled else table


def _word(kind: str) -> str:
    name = re.sub(r"^.*?\.", "", kind).lower()
    return next((word for begins, word in _WORDS.items() if name.startswith(begins)), "any") if "." in kind else kind
