"""The step that does a write's work: it is given where to, and in a run stands in the place of ``data.write``."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from pathlib import Path
from typing import Any

from hookline import HooklineError, Secret, attempt, step
from hookline.ml import DatasetRef, digest_of
from hookline_data.sources.attempts import within_attempt
from hookline_data.sources.contracts.contract import Contract
from hookline_data.sources.contracts.partition import partition_values
from hookline_data.sources.contracts.template import Template, partition_label
from hookline_data.sources.files.casts import as_declared
from hookline_data.sources.files.path_keys import says
from hookline_data.sources.files.plain_values import plain
from hookline_data.sources.files.table import column_of
from hookline_data.sources.files.write_file import write_file
from hookline_data.sources.reading import declared_types, restricted, schema_with_terms
from hookline_data.sources.remote.write_sql import write_sql
from hookline_data.tables.frames import Frame, named_frame
from hookline_data.validation.finding import Finding
from hookline_data.validation.steps import checked_table

__all__ = ["write_source"]


@step(name="data.store", cache=False)
def write_source(
    table: Any,
    source: str,
    partition: str | date | dict[str, Any] | None = None,
    overwrite: bool = True,
    contract: dict[str, Any] | None = None,
    schema: Any = None,
    place: Secret[str] | str = "",
    connect: Any = None,
) -> DatasetRef:
    """Write a table to a source, once it is sure that the source's contract holds for it.

    Args:
        table: A data frame.
        source: The source's name.
        partition: Which part of the source it is; None where that has no parts.
        overwrite: Whether it takes the place of what is there.
        contract: What the contract says.
        schema: The schema of pandera's that the contract names; None for none.
        place: Where it is written.
        connect: The function that gives a connection to the database; None for none.

    Returns:
        What was written.

    Raises:
        HooklineError: The contract does not hold for it, or it can't be written; nothing is changed then.
    """
    del source  # the contract says it
    known = Contract.from_argument(contract or {}, schema)
    values = partition_values(known, partition) if known.kind == "file" else {}
    checked = _checked(known, table, values)
    if known.kind == "sql":
        write_sql(known, place, checked, connect, replace=overwrite)
        digest, told = "", f"table {known.table}"
    else:
        digest = write_file(checked, Path(str(place)), known, overwrite=overwrite)
        told = Template(known.uri).path(values)
    now = attempt() if within_attempt() else None
    return DatasetRef(
        known.name,
        digest=digest,
        schema_digest=digest_of(known.columns) if known.columns is not None else "",
        rows=len(checked),
        source=told,
        partition=partition_label(values) if values else "",
        run_id=now.run_id if now else "",
        task_id=now.task_id if now else "",
    )


def _checked(contract: Contract, table: Frame, values: Mapping[str, str]) -> Frame:
    """Make sure that the contract holds for a table, and give its columns the contract's types."""
    frame = named_frame(table, f"the table for the source '{contract.name}'")
    if not len(frame.columns):
        raise HooklineError(f"the table for the source '{contract.name}' has no columns")
    types = declared_types(contract)
    for name, text in values.items():
        if name in frame.columns:
            column = column_of(types, name)
            told = [plain(one) for one in frame[name].unique().to_list()]
            other = [one for one in told if not says(one, text, column)]
            if other:
                personal = column.personal or name in contract.personal
                found = "another" if personal else f"'{_as_text(other[0])}'"
                which = "a partition" if personal else f"the partition '{text}'"
                raise HooklineError(
                    f"the table for {which} of the source '{contract.name}' has rows in which '{name}' is {found}",
                    help="write each partition's rows by themselves",
                )
    if contract.schema is None:
        return table
    schema = schema_with_terms(contract)
    findings: list[Finding] = []
    if types is not None:
        table, findings = as_declared(table, types)
    if contract.columns is not None:
        # What is in the file's name need not be in the file.
        schema = restricted(
            contract.columns, [one for one in contract.columns.names if one not in values or one in frame.columns]
        )
    return checked_table(table, schema, "fail", 0.0, contract.name, found=findings).valid


def _as_text(value: object) -> str:
    return value.isoformat() if isinstance(value, date) else str(value)
