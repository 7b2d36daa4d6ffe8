"""``hookline data versions``: data sets, partitions and versions in lines."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Any

from hookline import Records
from hookline_data.versions.names import DatasetName
from hookline_data.versions.producer import Producer, Producers
from hookline_data.versions.registered import Version, find, history, newest
from hookline_data.wording.tabular import aligned

__all__ = ["Listed", "Row", "listed", "listing_document", "listing_lines"]

_DIGEST = 12
_DIGITS = frozenset({1, 4})


@dataclass(frozen=True)
class Row:
    """One line.

    Attributes:
        version: The version; of a data set with partitions, the one that was registered last.
        producer: What made it.
        same_as: The number of an older version with the same content; None for none.
        partitions: How many partitions the line stands for; 0 for a single version.
        rows: How many rows there are in all.
    """

    version: Version
    producer: Producer
    same_as: int | None = None
    partitions: int = 0
    rows: int = 0


@dataclass(frozen=True)
class Listed:
    """What is listed.

    Attributes:
        what: ``"data sets"``, ``"partitions"`` or ``"versions"``.
        rows: The lines.
    """

    what: str
    rows: tuple[Row, ...]


def listed(store: Any, records: Records, which: DatasetName | None) -> Listed:
    """Find what is to be listed.

    Args:
        store: The store.
        records: The plugin's records.
        which: A data set or a partition; None for all data sets.

    Raises:
        UsageError: There is none of that name.
    """
    producers = Producers(store, records)

    def row(version: Version, same_as: int | None = None) -> Row:
        return Row(version, producers.of(version), same_as, 0, version.ref.rows or 0)

    if which is None:
        groups = groupby(newest(records), key=lambda version: version.ref.name)
        return Listed("data sets", tuple([_data_set(producers, list(parts)) for _, parts in groups]))
    found = find(records, which)
    if found[0].ref.partition != which.partition:
        return Listed("partitions", tuple([row(version) for version in found]))
    versions = history(records, found[0].which)
    firsts: dict[tuple[str, str], int] = {}
    for version in versions:
        firsts.setdefault(version.content, version.number)
    rows = [row(each, None if firsts[each.content] == each.number else firsts[each.content]) for each in versions]
    return Listed("versions", tuple(reversed(rows)))


def listing_lines(found: Listed, limit: int) -> Iterator[str]:
    """Write it for people.

    Args:
        found: What is listed.
        limit: How many lines at most, beside those that sum up.
    """
    if not found.rows:
        yield "no data sets yet: a step that returns a Dataset registers one"
        return
    header = ("name", "version", "content", "schema", "rows", "made by", "run", "when")
    yield from aligned([header, *[_cells(row) for row in found.rows[:limit]]], _DIGITS)
    more = len(found.rows) - limit
    if more > 0:
        yield f"… {more:,} more; --limit {len(found.rows)} shows them"
    if found.what == "partitions":
        rows = sum(row.rows for row in found.rows)
        yield f"{len(found.rows):,} partitions, {rows:,} rows in their newest versions"


def listing_document(found: Listed) -> dict[str, Any]:
    """Describe the same for programs."""
    return {found.what.replace(" ", "_"): [_document(row) for row in found.rows]}


def _data_set(producers: Producers, parts: Sequence[Version]) -> Row:
    last = max(parts, key=lambda version: version.time)
    partitions = len(parts) if last.ref.partition else 0
    return Row(last, producers.of(last), None, partitions, sum(part.ref.rows or 0 for part in parts))


def _cells(row: Row) -> tuple[str, ...]:
    version, producer = row.version, row.producer
    when = version.time.strftime("%Y-%m-%d %H:%M")
    if row.partitions:
        counted = f"{row.partitions:,} partition{'s' if row.partitions > 1 else ''}"
        return (version.ref.name, "", counted, "", f"{row.rows:,}", str(producer), producer.run, when)
    same = f" = @{row.same_as}" if row.same_as is not None else ""
    schema = version.schema.version or version.ref.schema_digest[:_DIGEST]
    name = version.which._replace(version=None)
    return (
        str(name),
        str(version.number),
        f"{version.ref.digest[:_DIGEST]}{same}",
        schema,
        f"{row.rows:,}",
        str(producer),
        producer.run,
        when,
    )


def _document(row: Row) -> dict[str, Any]:
    version, producer = row.version, row.producer
    made = {
        "workflow": producer.workflow or None,
        "run": producer.run or None,
        "task": producer.task or None,
        "who": version.who,
        "time": version.time.isoformat(),
    }
    if row.partitions:
        return {"name": version.ref.name, "partitions": row.partitions, "rows": row.rows, "newest": made}
    return {
        "name": version.ref.name,
        "partition": version.ref.partition or None,
        "version": version.number,
        "same_as": row.same_as,
        "digest": version.ref.digest,
        "schema_digest": version.ref.schema_digest,
        "schema_version": version.schema.version or None,
        "rows": version.ref.rows,
        "made": made,
    }
