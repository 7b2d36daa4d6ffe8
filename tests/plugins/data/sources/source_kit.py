"""A source in a folder: its table of settings, its files, and ways to load and write it without a run."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import narwhals as nw

from hookline import ProjectFacts
from hookline_data.sources.reading_step import read_source
from hookline_data.sources.resolving import Resolver
from hookline_data.sources.writing_step import write_source

LIBRARIES = ("pandas", "polars")


class Source:
    """A source named ``s``."""

    def __init__(self, root: Path, table: Mapping[str, Any]) -> None:
        self.root = root
        self.project = ProjectFacts(root, "", root / ".hookline", {"s": table})

    def put(self, name: str, content: str | bytes) -> Path:
        path = self.root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        return path

    def load(self, library: str, partition: Any = None, **options: Any) -> Any:
        return read_source.fn("s", partition, **Resolver(self.project, library).for_load("s", partition), **options)

    def write(self, table: Any, partition: Any = None, **options: Any) -> Any:
        return write_source.fn(table, "s", partition, **Resolver(self.project, "").for_write("s", partition), **options)

    def rows(self, library: str, partition: Any = None, **options: Any) -> list[dict[str, Any]]:
        return rows_of(self.load(library, partition, **options))

    def types(self, library: str, **options: Any) -> dict[str, Any]:
        frame = nw.from_native(self.load(library, **options))
        return {name: str(kind) for name, kind in frame.schema.items()}


def rows_of(table: Any) -> list[dict[str, Any]]:
    """Give the rows of a frame of either library in plain values."""
    frame = nw.from_native(table)
    columns = {}
    for name in frame.columns:
        missing = frame[name].is_null().to_list()
        columns[name] = [None if gone else _plain(v) for v, gone in zip(frame[name].to_list(), missing, strict=True)]
    return [dict(zip(columns, row, strict=True)) for row in zip(*columns.values(), strict=True)]


def _plain(value: Any) -> Any:
    for convert in ("to_pydatetime", "to_pytimedelta"):
        if hasattr(value, convert):
            return getattr(value, convert)()
    return value
