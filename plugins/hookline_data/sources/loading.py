"""The step ``data.load``, and what lists partitions."""

from __future__ import annotations

import logging
import tempfile
from collections.abc import Mapping, Sequence
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import hookline
from hookline import Secret, log_metric, step
from hookline_data.frames import Frame, chosen_library
from hookline_data.sources.casts import tightened
from hookline_data.sources.contract import Contract
from hookline_data.sources.download import fetch, shown_url
from hookline_data.sources.freshness import check_freshness
from hookline_data.sources.reading import read_files, read_sql, restricted
from hookline_data.sources.resolving import Resolver, partition_values, project_for, within_attempt
from hookline_data.sources.table import Reading
from hookline_data.sources.template import Template, partition_label

if TYPE_CHECKING:
    from hookline_data.validation.screen import Mode

__all__ = ["load", "partitions"]

_log = logging.getLogger("hookline_data.sources")
_SHOWN = 5


@step(name="data.load")
def load(
    source: str,
    partition: str | date | dict[str, Any] | None = None,
    *,
    columns: list[str] | None = None,
    contract: dict[str, Any] | None = None,
    schema: Any = None,
    files: dict[str, Path] | None = None,
    place: Secret[str] | str = "",
    version: str = "",  # noqa: ARG001 - counts in the key, as the next
    period: int = 0,  # noqa: ARG001
    frames: str = "",
) -> Any:
    """Load a source's table, or one partition of it, and check it by the source's contract.

    Args:
        source: The source's name: there is a table ``[tool.hookline.source.NAME]``.
        partition: Which part: the value of its key, or values by keys; None for all of it.
        columns: The columns that are wanted; None for all.
        contract: Filled in by the plugin, as is all that follows: what the contract says.
        schema: The schema of pandera's that the contract names.
        files: What is read, by name.
        place: Where a database or file of the web is.
        version: What the contract's version query says.
        period: The number of the period in which the data count as fresh.
        frames: The library whose frame is given.

    Returns:
        A data frame.

    Raises:
        HooklineError: The data can't be read, or are not what the contract says.
    """
    if contract is None:
        given = Resolver(project_for(source), chosen_library(frames)).for_load(source, partition)
        contract, schema, frames = given["contract"], given["schema"], given["frames"]
        files, place = given.get("files"), given.get("place", "")
    known = Contract.from_argument(contract, schema)
    library = chosen_library(frames)
    values = partition_values(known, partition)
    _look_again(known, values, files or {})
    reading = _read(known, values, library, columns, files, place)
    table = _screened(known, reading, columns, partition_label(values) if values else "")
    log_metric("rows", len(table))
    if reading.files:
        log_metric("files", reading.files)
    check_freshness(known, table, list((files or {}).values()))
    return tightened(table, restricted(known.columns, columns))


def partitions(source: str) -> list[Any]:
    """List the partitions of a source that there are now, for a workflow that maps a load over them.

    Args:
        source: The source's name.

    Returns:
        The values of its key, in order; of several keys a dict of them for each partition.

    Raises:
        HooklineError: There is no such source, or it has no partitions.
    """
    found = Resolver(hookline.project(), "").partitions(source)
    return [next(iter(values.values())) if len(values) == 1 else values for values in found]


def _read(
    contract: Contract,
    values: Mapping[str, str],
    library: str,
    columns: Sequence[str] | None,
    files: Mapping[str, Path] | None,
    place: Secret[str] | str,
) -> Reading:
    if contract.kind == "sql":
        return read_sql(contract, place, values, library, columns)
    if contract.kind == "file":
        return read_files(contract, files or {}, library, columns)
    with tempfile.TemporaryDirectory(dir=hookline.attempt().folder if within_attempt() else None) as folder:
        path = fetch(place, Path(folder), contract.name)
        size = path.stat().st_size
        _log.info("fetched %s: %s bytes", shown_url(place), f"{size:,}")
        log_metric("bytes", size)
        return read_files(contract, {shown_url(place): path}, library, columns)


def _screened(contract: Contract, reading: Reading, columns: Sequence[str] | None, partition: str) -> Frame:
    """Check what was read by the contract's schema."""
    schema = restricted(contract.schema, columns)
    if schema is None:
        return reading.frame
    from hookline_data.validation.screen import screen  # it imports pandera

    name = f"{contract.name}/{partition}" if partition else contract.name
    return screen(
        reading.frame,
        schema,
        mode=cast("Mode", contract.mode),
        max_bad=contract.max_bad,
        origins=reading.origins,
        found=reading.findings,
        name=name,
    ).valid


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
