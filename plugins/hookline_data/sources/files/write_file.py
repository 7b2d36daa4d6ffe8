"""Writes a table to a file: beside its place first, so that what is there is always whole."""

from __future__ import annotations

import contextlib
import csv
import gzip
import hashlib
import io
import json
import os
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any

from hookline import HooklineError
from hookline_data.sources.contracts.contract import Contract
from hookline_data.sources.files.plain_values import as_json, as_text, columns_of
from hookline_data.tables.frames import Frame, library_of
from hookline_data.tables.libraries import pyarrow

__all__ = ["write_file"]

_PIECE = 1 << 20


def write_file(table: Frame, path: Path, contract: Contract, *, overwrite: bool) -> str:
    """Write a table.

    Args:
        table: The table.
        path: Where to; folders are made.
        contract: What the file is to be.
        overwrite: Whether a file that is there may be replaced.

    Returns:
        A digest of the file, such as ``"sha256:…"``.

    Raises:
        HooklineError: It can't be written; what was there is as it was.
    """
    where = f"'{path.name}' of the source '{contract.name}'"
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with _beside(path, overwrite=overwrite) as temporary:
            _write(table, temporary, contract)
            return _digest(temporary)
    except (UnicodeEncodeError, OSError) as error:
        if isinstance(error, FileExistsError) and not overwrite and path.exists():
            raise HooklineError(f"{where} is there already", help="write with overwrite=True to replace it") from error
        told = error.strerror if isinstance(error, OSError) else str(error)
        raise HooklineError(f"{where} can't be written: {told}") from error


@contextlib.contextmanager
def _beside(path: Path, *, overwrite: bool) -> Iterator[Path]:
    """Give a place beside a file, and move what was written there into the file's place, durably."""
    if not overwrite and path.exists():
        raise FileExistsError(path)
    # Hidden, so that no wildcard finds it; its own, so that two writers don't meet.
    temporary = path.with_name(f".{path.name}.{uuid.uuid4().hex[:12]}")
    try:
        yield temporary
        with temporary.open("rb+") as file:
            os.fsync(file.fileno())
        if overwrite:
            temporary.replace(path)
        else:
            os.link(temporary, path)
        _sync_folder(path.parent)
    finally:
        temporary.unlink(missing_ok=True)


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _write(table: Frame, path: Path, contract: Contract) -> None:
    if contract.format == "parquet":
        if library_of(table) == "polars":
            table.write_parquet(path)
        else:
            pyarrow()
            table.to_parquet(path, index=False, engine="pyarrow")
        return
    packed = contract.uri.endswith(".gz")
    with path.open("wb") as raw, _packing(raw) if packed else contextlib.nullcontext(raw) as stream:
        file = io.TextIOWrapper(stream, encoding=contract.encoding, newline="", write_through=False)
        (_write_csv if contract.format == "csv" else _write_jsonl)(table, file, contract)
        file.flush()
        file.detach()


def _packing(raw: IO[bytes]) -> gzip.GzipFile:
    # Without name and time: equal tables make equal files.
    return gzip.GzipFile(filename="", mode="wb", fileobj=raw, mtime=0)


def _write_csv(table: Frame, file: IO[str], contract: Contract) -> None:
    columns = dict(columns_of(table))
    texts = [_texts(name, values, contract) for name, values in columns.items()]
    # The module does not see that a lone carriage return ends a line, too.
    returns = any("\r" in text for cells in (columns, *texts) for text in cells)
    writer = csv.writer(
        file, delimiter=contract.separator, lineterminator="\n", quoting=csv.QUOTE_ALL if returns else csv.QUOTE_MINIMAL
    )
    writer.writerow(columns)
    writer.writerows(zip(*texts, strict=True))


def _texts(name: str, values: list[Any], contract: Contract) -> list[str]:
    nullable = contract.columns is None or any(one.nullable for one in contract.columns.columns if one.name == name)
    if nullable and "" in values:
        row = values.index("")
        raise HooklineError(
            f"the column '{name}' has an empty text in row {row}, which CSV can't tell from a missing value",
            help="write Parquet or JSON lines, or let the schema say nullable = false",
        )
    try:
        texts = [as_text(value) for value in values]
    except ValueError as error:
        raise HooklineError(
            f"the column '{name}' can't be written as CSV: {error}", help="write Parquet or JSON lines"
        ) from error
    if contract.decimal != ".":
        return [
            text.replace(".", contract.decimal)
            if isinstance(value, float) or type(value).__name__ == "Decimal"
            else text
            for text, value in zip(texts, values, strict=True)
        ]
    return texts


def _write_jsonl(table: Frame, file: IO[str], contract: Contract) -> None:  # noqa: ARG001 - as for CSV
    columns = dict(columns_of(table))
    for values in zip(*columns.values(), strict=True):
        file.write(json.dumps(dict(zip(columns, values, strict=True)), default=as_json, ensure_ascii=False) + "\n")


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        return f"sha256:{hashlib.file_digest(file, 'sha256').hexdigest()}"
