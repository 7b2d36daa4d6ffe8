"""``hookline data diff``: how two versions in a store differ, in lines."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

from hookline import Records
from hookline_data.versions.dataset import Dataset
from hookline_data.versions.diff import diff
from hookline_data.versions.difference import Difference
from hookline_data.versions.inherited import seen_through
from hookline_data.versions.names import DatasetName
from hookline_data.versions.opening import table_of_versions
from hookline_data.versions.producer import Producers
from hookline_data.versions.registered import Version, find
from hookline_data.wording.tabular import aligned, one_line

__all__ = ["difference_lines", "stored_difference"]


def stored_difference(
    store: Any,
    records: Records,
    before: DatasetName,
    after: DatasetName,
    key: Sequence[str] | None,
    limit: int,
    of_source: Callable[[str], set[str]] | None = None,
) -> Difference:
    """Compare two versions that are stored.

    Args:
        store: The store.
        records: The plugin's records.
        before: The first; of a data set with partitions, where none is named, all of them.
        after: The second.
        key: The columns that tell rows; None for those of the data sets.
        limit: How many examples of each sort to give.
        of_source: Names the personal columns of a source, whose values are not given.

    Raises:
        UsageError: There is no such data set, partition or version.
        HooklineError: The key does not tell rows.
    """
    first, second = find(records, before), find(records, after)
    if key is None and [one.content for one in first] == [one.content for one in second]:
        # The same content, and so nothing to load and compare.
        rows, keys = sum(one.ref.rows or 0 for one in first), first[-1].schema.keys
        called = _called(before, first), _called(after, second)
        return Difference(*called, keys, (), rows, rows, added=0, removed=0, changed=0 if keys else None)
    producers = Producers(store, records)
    first[-1], second[-1] = (seen_through(records, producers, one[-1], of_source) for one in (first, second))
    return diff(_opened(records, before, first), _opened(records, after, second), key, limit=limit)


def difference_lines(found: Difference) -> Iterator[str]:
    """Write it for people."""
    yield f"{found.before} → {found.after}"
    if found.equal:
        yield f"  no difference: {found.rows_after:,} rows"
        return
    yield f"  rows     {found.rows_before:,} → {found.rows_after:,}{_rows(found)}"
    yield from _columns(found)
    if found.cells:
        header = ("changed in", "rows")
        yield from aligned([header, *[(name, f"{count:,}") for name, count in found.cells.items()]], {1}, "  ")
    yield from _examples("added", found.added_rows, found.added)
    yield from _examples("removed", found.removed_rows, found.removed)
    for row in found.changed_rows:
        cells = ", ".join(f"{name} {_cell(one)} → {_cell(other)}" for name, (one, other) in row.cells.items())
        yield f"  ~ {_told(row.key)}: {cells}"
    yield from _more("changed", len(found.changed_rows), found.changed or 0)


def _opened(records: Records, which: DatasetName, versions: Sequence[Version]) -> Dataset:
    last = versions[-1]
    dataset = Dataset(last.ref.name, table_of_versions(records, versions), last.schema.keys, last.schema)
    if len(versions) > 1 or last.ref.partition != which.partition:
        return replace(dataset, partition=which.partition)
    return replace(dataset, partition=last.ref.partition, version=last.number)


def _called(which: DatasetName, versions: Sequence[Version]) -> str:
    single = len(versions) == 1 and versions[0].ref.partition == which.partition
    return str(versions[0].which if single else which)


def _rows(found: Difference) -> str:
    told = f": {found.added:,} added, {found.removed:,} removed"
    if found.changed is None:
        return f"{told}; which of them only changed a key would tell: --key COLUMN" if found.removed else told
    return f"{told}, {found.changed:,} changed"


def _columns(found: Difference) -> Iterator[str]:
    marks = {"added": "+", "removed": "-", "changed": "~"}
    for column in found.columns:
        what = f"{column.before} → {column.after}" if column.what == "changed" else column.before or column.after
        yield f"  column {marks[column.what]} {one_line(column.name)}: {what}"


def _examples(what: str, rows: Sequence[Mapping[str, Any]], count: int) -> Iterator[str]:
    mark = "+" if what == "added" else "-"
    yield from (f"  {mark} {_told(row)}" for row in rows)
    yield from _more(what, len(rows), count)


def _more(what: str, shown: int, count: int) -> Iterator[str]:
    if 0 < shown < count:
        yield f"  … {count - shown:,} more {what}"


def _told(key: Mapping[str, Any]) -> str:
    return ", ".join(f"{name}={_cell(value)}" for name, value in key.items())


def _cell(value: Any) -> str:
    return "missing" if value is None else one_line(value if isinstance(value, str) else repr(value))
