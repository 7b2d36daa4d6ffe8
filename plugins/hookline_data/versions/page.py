"""``hookline data show``: all that there is to know of one version."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from hookline import Records, UsageError
from hookline.ml import Column, to_json
from hookline_data.tables.frames import as_frame
from hookline_data.versions.difference import plain
from hookline_data.versions.inherited import seen_through
from hookline_data.versions.lineage import Lineage
from hookline_data.versions.names import DatasetName
from hookline_data.versions.personal import personal_in
from hookline_data.versions.producer import Producer, Producers
from hookline_data.versions.registered import Version, find, first
from hookline_data.wording.tabular import aligned, one_line
from hookline_data.wording.words import PERSONAL

__all__ = ["Page", "page_document", "page_lines", "page_of"]


@dataclass(frozen=True)
class Page:
    """What is shown.

    Attributes:
        version: The version.
        same_as: The number of an older version with the same content; None for none.
        producer: What made it.
        lineage: What it was made from; None where that is not known any more.
        head: Its first rows by column, as JSON values; empty where none are wanted.
    """

    version: Version
    same_as: int | None
    producer: Producer
    lineage: Lineage | None
    head: dict[str, list[Any]]


def page_of(
    store: Any,
    records: Records,
    which: DatasetName,
    rows: int,
    of_source: Callable[[str], set[str]] | None = None,
) -> Page:
    """Find what is to be shown.

    Args:
        store: The store.
        records: The plugin's records.
        which: The version; of a data set with partitions, of one of these.
        rows: How many of its first rows are wanted.
        of_source: Names the personal columns of a source, which are not shown.

    Raises:
        UsageError: There is none of that name, or the name stands for all partitions.
    """
    found = find(records, which)
    version = found[0]
    if version.ref.partition != which.partition:
        raise UsageError(
            f"the data set '{which.name}' has partitions, each with versions of its own",
            help=f"name one, such as {found[-1].which}; see them all: hookline data versions {which.name}",
        )
    same, producers = first(records, version).number, Producers(store, records)
    version = seen_through(records, producers, version, of_source)
    return Page(
        version,
        None if same == version.number else same,
        producers.of(version),
        producers.lineage(version),
        _head(records, version, rows) if rows else {},
    )


def page_lines(page: Page) -> Iterator[str]:
    """Write it for people."""
    version = page.version
    ref = version.ref
    same = f", the same as in version {page.same_as}" if page.same_as is not None else ""
    yield str(version.which)
    made_from = [] if page.lineage is None else [*page.lineage.datasets, *page.lineage.sources]
    facts = {
        "about": version.description or version.schema.description,
        "rows": f"{ref.rows or 0:,}",
        "key": ", ".join(version.schema.keys),
        "content": f"{ref.digest}{same}",
        "schema": " ".join(filter(None, (version.schema.name, version.schema.version, ref.schema_digest))),
        "made by": f"{page.producer.task or 'a program'}"
        + (f" of {page.producer.workflow}" if page.producer.workflow else ""),
        "run": page.producer.run,
        "who, when": f"{version.who}, {version.time:%Y-%m-%d %H:%M:%S} UTC",
        "made from": ", ".join(made_from) or _nothing(page),
    }
    yield from (f"  {fact.ljust(10)}  {_clean(text)}" for fact, text in facts.items() if text)
    yield ""
    header = ("column", "type", "missing", "notes")
    columns = version.schema.columns
    yield from aligned([header, *[_cells(column) for column in columns]], indent="  ")
    if page.head:
        yield ""
        shown = {
            name: [name, *["" if value is None else str(value) for value in page.head[name]]] for name in page.head
        }
        yield from aligned(list(zip(*shown.values(), strict=True)), indent="  ")


def page_document(page: Page) -> dict[str, Any]:
    """Describe the same for programs."""
    version = page.version
    return {
        "name": version.ref.name,
        "partition": version.ref.partition or None,
        "version": version.number,
        "same_as": page.same_as,
        "description": version.description,
        "rows": version.ref.rows,
        "key": list(version.schema.keys),
        "digest": version.ref.digest,
        "schema_digest": version.ref.schema_digest,
        "schema": to_json(version.schema),
        "made": {
            "workflow": page.producer.workflow or None,
            "run": page.producer.run or None,
            "task": page.producer.task or None,
            "who": version.who,
            "time": version.time.isoformat(),
        },
        "made_from": None
        if page.lineage is None
        else {"datasets": list(page.lineage.datasets), "sources": list(page.lineage.sources)},
        **({"head": page.head} if page.head else {}),
    }


def _head(records: Records, version: Version, rows: int) -> dict[str, list[Any]]:
    frame = as_frame(records.load(version.artifact)).head(rows)
    personal = personal_in(version.schema)
    head: dict[str, list[Any]] = {}
    for name in frame.columns:
        cells = zip(frame[name].to_list(), frame[name].is_null().to_list(), strict=True)
        head[name] = [PERSONAL if name in personal else None if gone else plain(value) for value, gone in cells]
    return head


def _cells(column: Column) -> tuple[str, ...]:
    notes = [
        "unique" if column.unique else "",
        "personal" if column.personal else "",
        column.unit,
        column.description,
    ]
    return column.name, column.type, "may be" if column.nullable else "", ", ".join(filter(None, notes))


def _nothing(page: Page) -> str:
    return "not known any more: its run was deleted" if page.lineage is None and page.producer.run else ""


def _clean(text: str) -> str:
    return text if text.isprintable() else one_line(text)
