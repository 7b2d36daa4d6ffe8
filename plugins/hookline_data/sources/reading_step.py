"""The step that does a load's work: it is given all that decides the result, and looks nothing up.

In a run it stands in the place of ``data.load``. Code that looks sources up is no part of it, nor of its key.
"""

from __future__ import annotations

import logging
import tempfile
from collections.abc import Mapping, Sequence
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from hookline import HooklineError, Secret, attempt, log_metric, step
from hookline.ml import Schema
from hookline_data.sources.attempts import within_attempt
from hookline_data.sources.contracts.contract import Contract
from hookline_data.sources.contracts.partition import partition_values
from hookline_data.sources.contracts.template import Template, partition_label
from hookline_data.sources.files.casts import tightened
from hookline_data.sources.files.table import Reading
from hookline_data.sources.freshness import check_freshness
from hookline_data.sources.reading import read_files, read_sql, restricted, schema_with_terms
from hookline_data.sources.remote.addresses import shown_url
from hookline_data.sources.remote.download import fetch
from hookline_data.sources.remote.sql import Connect
from hookline_data.tables.frames import Frame
from hookline_data.validation.steps import checked_table

if TYPE_CHECKING:
    from hookline_data.validation.checked import Mode

__all__ = ["read_source"]

_log = logging.getLogger("hookline_data.sources")
_SHOWN = 5


@step(name="data.read")
def read_source(
    source: str,
    partition: str | date | dict[str, Any] | None = None,
    columns: list[str] | None = None,
    contract: dict[str, Any] | None = None,
    schema: Any = None,
    files: dict[str, Path] | None = None,
    place: Secret[str] | str = "",
    connect: Any = None,
    version: str = "",
    period: int | None = None,
    frames: str = "",
) -> Any:
    """Read a source's table, or one partition of it, and check it by the source's contract.

    Args:
        source: The source's name.
        partition: Which part; None for all of it.
        columns: The columns that are wanted; None for all.
        contract: What the contract says.
        schema: The schema of pandera's that the contract names; None for none.
        files: What is read, by name.
        place: Where a database or file of the web is, or where files would be.
        connect: The function that gives a connection to the database; None for none.
        version: What the contract's version query says.
        period: Changes when it is to be told anew whether the data are fresh; None where they are not asked to be.
        frames: The library whose frame is given.

    Returns:
        A data frame.

    Raises:
        HooklineError: The data can't be read, or are not what the contract says.
    """
    del source, version  # they count in the key, and are told by whys
    known = Contract.from_argument(contract or {}, schema)
    values = partition_values(known, partition)
    if known.kind == "file" and not files:
        raise _absent(known, values, str(place))
    _look_again(known, values, files or {})
    reading = _read(known, values, frames, columns, files, place, connect)
    table = _screened(known, reading, columns, partition_label(values) if values else "")
    if known.schema is None:
        log_metric("rows", len(table))
    if reading.files:
        log_metric("files", reading.files)
    check_freshness(known, table, list((files or {}).values()), judged=period is not None)
    return tightened(table, restricted(known.columns, columns))


def _read(
    contract: Contract,
    values: Mapping[str, str],
    library: str,
    columns: Sequence[str] | None,
    files: Mapping[str, Path] | None,
    place: Secret[str] | str,
    connect: Connect | None,
) -> Reading:
    if contract.kind == "sql":
        return read_sql(contract, place, values, library, columns, connect)
    if contract.kind == "file":
        return read_files(contract, files or {}, library, columns)
    with tempfile.TemporaryDirectory(dir=attempt().folder if within_attempt() else None) as folder:
        path = fetch(place, Path(folder), contract.name)
        size = path.stat().st_size
        _log.info("fetched %s: %s bytes", shown_url(place), f"{size:,}")
        log_metric("bytes", size)
        return read_files(contract, {shown_url(place): path}, library, columns)


def _screened(contract: Contract, reading: Reading, columns: Sequence[str] | None, partition: str) -> Frame:
    """Check what was read by the contract's schema."""
    schema = restricted(schema_with_terms(contract), columns)
    if schema is None and not reading.findings:
        return reading.frame
    schema = Schema((), open=True) if schema is None else schema
    frame = reading.frame
    if not isinstance(schema, Schema):
        from hookline_data.sources.contracts.foreign_schema import with_plain_types  # it imports pandera

        frame = with_plain_types(frame, reading.findings)
    checked = checked_table(
        frame,
        schema,
        cast("Mode", contract.mode),
        contract.max_bad,
        f"{contract.name}/{partition}" if partition else contract.name,
        origins=reading.origins,
        found=reading.findings,
    )
    # What a table that is given on in spite of all says of cells that could not be read is that they are missing.
    return reading.frame if contract.mode == "warn" and reading.findings else checked.valid


def _absent(contract: Contract, values: Mapping[str, str], place: str) -> HooklineError:
    """Say that a partition has no file, and which partitions there are."""
    template = Template(contract.uri)
    name = template.path(values)
    root = Path(place.removesuffix(name) or "/")
    there = [partition_label(template.match(one) or {}) for one in template.files(root)]
    told = f"there are {min(there)} to {max(there)}, {len(set(there))} in all" if there else "there is none at all yet"
    return HooklineError(
        f"the source '{contract.name}' has no partition '{partition_label(values)}': there is no file '{name}'",
        help=told,
    )


def _look_again(contract: Contract, values: Mapping[str, str], files: Mapping[str, Path]) -> None:
    """Tell of files that came after the run was planned: they belong to the next one."""
    if contract.kind != "file" or not files or Template(contract.uri).fill(values).single:
        return
    name, path = next(iter(files.items()))
    if not str(path).endswith(name):
        return  # a copy of it, on a machine that does not see the folder
    root = Path(str(path).removesuffix(name) or "/")
    came = [one for one in Template(contract.uri).fill(values).files(root) if one not in files]
    if came:
        more = f" and {len(came) - _SHOWN} more" if len(came) > _SHOWN else ""
        _log.warning(
            "the source '%s' has files that appeared after the run was planned; the next run will read them: %s%s",
            contract.name,
            ", ".join(came[:_SHOWN]),
            more,
        )
