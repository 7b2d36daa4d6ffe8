"""In what state the data of a source are, as far as that is told without reading them."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from hookline import HooklineError, ProjectFacts
from hookline_data.sources.contracts.contract import Contract
from hookline_data.sources.contracts.declared import read_contract
from hookline_data.sources.contracts.template import Template
from hookline_data.sources.remote.addresses import shown_url
from hookline_data.sources.remote.sql import SQLITE, open_database
from hookline_data.sources.resolving import place_of
from hookline_data.tables.libraries import has_pyarrow, polars, pyarrow

__all__ = ["SourceState", "survey"]


@dataclass
class SourceState:
    """What a project says of a source, and what there is.

    Attributes:
        name: The source's name.
        where: The place of its data; of a secret one the secret's place.
        contract: Where its contract stands.
        format: How its data are written.
        owner: Who answers for it.
        description: What a row is.
        key: The columns that identify a row.
        event_time: The column with the time of what a row says.
        personal: The columns that tell of persons.
        columns: Each column that the schema has, with its type; empty where the schema is none of hookline's own.
        mode: What becomes of bad rows.
        files: How many files there are; None where it is not of files.
        bytes: How large they are together.
        rows: How many rows there are, where that is told without reading them all.
        newest: When the newest file was written, in UTC.
        fresh: Whether that is as new as promised; None where nothing is, or where only a load tells: by an event time.
        problems: What is wrong: with the contract, or with its place.
    """

    name: str
    where: str = ""
    contract: str = ""
    format: str = ""
    owner: str = ""
    description: str = ""
    key: tuple[str, ...] = ()
    event_time: str = ""
    personal: tuple[str, ...] = ()
    columns: dict[str, str] = field(default_factory=dict)
    mode: str = ""
    files: int | None = None
    bytes: int | None = None
    rows: int | None = None
    newest: str = ""
    fresh: bool | None = None
    problems: list[str] = field(default_factory=list)


def survey(name: str, project: ProjectFacts) -> SourceState:
    """Look at a source.

    Args:
        name: Its name, which the project has.
        project: The project.
    """
    contract, problems = read_contract(name, project)
    if contract is None:
        return SourceState(name, contract=project.where(f"source.{name}"), problems=problems)
    schema = contract.columns
    state = SourceState(
        name,
        where=contract.uri if contract.kind == "file" or contract.secret else shown_url(contract.uri),
        contract=contract.where,
        format=contract.format,
        owner=contract.owner,
        description=contract.description or (schema.description if schema else ""),
        key=schema.keys if schema else contract.key,
        event_time=schema.event_time if schema else contract.event_time,
        personal=_personal(contract),
        columns={one.name: one.type for one in schema.columns} if schema and contract.typed else {},
        mode=contract.mode,
    )
    if contract.kind == "file":
        _look_at_files(state, contract, project.root)
    elif contract.table and contract.uri.startswith(SQLITE) and not contract.connect:
        _look_at_table(state, contract, project.root)
    return state


def _personal(contract: Contract) -> tuple[str, ...]:
    columns = contract.columns
    return contract.personal if columns is None else tuple(one.name for one in columns.columns if one.personal)


def _look_at_files(state: SourceState, contract: Contract, root: Path) -> None:
    files = list(Template(contract.uri).files(root).values())
    found = [path.stat() for path in files]
    state.files = len(files)
    state.bytes = sum(one.st_size for one in found)
    if not files:
        state.problems.append(f"{contract.where}: there is no file '{contract.uri}'")
        return
    newest = max(one.st_mtime for one in found)
    state.newest = datetime.fromtimestamp(newest, UTC).isoformat(timespec="seconds")
    if contract.freshness and not contract.event_time:
        state.fresh = time.time() - newest <= contract.freshness
    if contract.format == "parquet":
        state.rows = _parquet_rows(files)


def _parquet_rows(files: Sequence[Path]) -> int | None:
    """Count the rows of Parquet files, which say at their end how many they have."""
    try:
        if has_pyarrow():
            return sum(int(pyarrow().parquet.ParquetFile(path).metadata.num_rows) for path in files)
        pl = polars()
        return sum(int(pl.scan_parquet(path, glob=False).select(pl.len()).collect().item()) for path in files)
    except Exception:  # noqa: BLE001 - a load tells what is wrong with them
        return None


def _look_at_table(state: SourceState, contract: Contract, root: Path) -> None:
    try:
        with open_database(contract, place_of(contract, {}, root)) as database:
            _, fetch = database.ask(f"SELECT count(*) FROM {database.quoted(contract.table)}", {})
            state.rows = int(fetch(1)[0][0])
    except HooklineError as error:
        state.problems.append(error.message)
