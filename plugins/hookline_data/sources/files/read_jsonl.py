"""Reads JSON lines: one object per line, the columns by its keys."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from decimal import Decimal
from pathlib import Path
from typing import Any

from hookline import HooklineError
from hookline.ml import Schema
from hookline_data.sources.files.table import Table
from hookline_data.sources.files.text_files import open_text, undecodable
from hookline_data.validation.finding import Origin

__all__ = ["read_jsonl"]

_SHOWN = 5
_NUMBERS = ("decimal", "float", "int")


def read_jsonl(
    path: Path, name: str, table: Table, constants: Mapping[str, str], schema: Schema | None, *, encoding: str
) -> None:
    """Read a file into a table; a key that an object lacks is a missing value.

    Args:
        path: The file.
        name: What the user knows it as.
        table: Takes what is read.
        constants: Texts of columns that the file lacks, such as the keys of its partition.
        schema: What columns there are; None for the keys that there are.
        encoding: How the text is encoded.

    Raises:
        HooklineError: Lines are no objects; says which.
    """
    exact = schema is not None and any(column.type == "decimal" for column in schema.columns)
    decoder = json.JSONDecoder(parse_float=Decimal if exact else _float, object_pairs_hook=_object)
    rows, origins, wrong, expected = list[dict[str, Any]](), list[Origin](), list[str](), -1
    try:
        with open_text(path, name, encoding) as file:
            for number, line in enumerate(file, 1):
                if not line.strip():
                    continue
                try:
                    row = decoder.decode(line.strip())
                except (ValueError, RecursionError) as error:
                    wrong.append(f"line {number} ({error})")
                    continue
                if type(row) is not dict:
                    wrong.append(f"line {number} (no object)")
                    continue
                if "\\ud" in line.lower() and not _is_text(row):
                    wrong.append(f"line {number} (half of a character)")
                    continue
                if number != expected:
                    origins.append(Origin(len(rows), name, number))
                expected = number + 1
                rows.append(row)
    except UnicodeDecodeError as error:
        raise undecodable(path, name, encoding, error) from error
    if wrong:
        more = f" and {len(wrong) - _SHOWN} more" if len(wrong) > _SHOWN else ""
        raise HooklineError(
            f"'{name}' has lines that are no JSON objects: {', '.join(wrong[:_SHOWN])}{more}",
            help='each line is one object: {"customer": 7, "amount": 1.5}',
        )
    fixed = [] if schema is None else [one for one in schema.names if one not in constants]
    header = list(dict.fromkeys([*fixed, *(key for row in rows for key in row)]))
    if rows and not header:
        raise HooklineError(f"'{name}' has objects without any key", help="mend it, or leave it out")
    table.begin(name, header, constants)
    columns = [[row.get(key) for row in rows] for key in header]
    if exact:
        known = {column.name for column in schema.columns if column.type in _NUMBERS} if schema else set()
        columns = [
            cells if key in known else list(map(_plain, cells)) for key, cells in zip(header, columns, strict=True)
        ]
    table.add(columns, origins)


def _float(text: str) -> float | Decimal:
    """Read a number; one that is too large for a float stays what it is."""
    number = float(text)
    return Decimal(text) if math.isinf(number) else number


def _plain(cell: Any) -> Any:
    return _float(str(cell)) if isinstance(cell, Decimal) else cell


def _is_text(row: dict[str, Any]) -> bool:
    try:
        json.dumps(row, ensure_ascii=False, default=str).encode()
    except UnicodeEncodeError:
        return False
    return True


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        names = [key for key, _ in pairs]
        twice = next(key for key in names if names.count(key) > 1)
        raise ValueError(f"the key '{twice}' is there twice")
    return found
