"""What a source is: a contract between those who make its data and those who use them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from typing import Any

from hookline import Secret
from hookline.ml import Schema, from_json, to_json

__all__ = ["FILE_FORMATS", "FORMATS", "UNDISCLOSED", "Contract"]

FILE_FORMATS = ("csv", "jsonl", "parquet")
FORMATS = (*FILE_FORMATS, "sql")
UNDISCLOSED = frozenset({"owner", "description", "where"})
"""What says nothing about the data: a load does not run anew where only this changed."""


@dataclass(frozen=True)
class Contract:
    """One table ``[tool.hookline.source.NAME]``, read and found sound.

    Attributes:
        name: The source's name.
        uri: Where it is: a path below the project's root, with wildcards or with ``{keys}`` of partitions; a URL; or a
            secret's place, where the URL has a password in it.
        format: One of :data:`FORMATS`.
        secret: Whether :attr:`uri` is a secret's place.
        schema: What the table must look like; None where nothing is said about it. A schema of pandera's as it is.
        typed: Whether the schema says what type each column has, so that texts are read as these.
        key: The columns that together identify a row.
        event_time: The column that tells when what a row says came to be; empty for none.
        personal: The columns that tell of persons.
        freshness: For how many seconds the newest data count as fresh; 0 for ever.
        stale: What becomes of a load of older data: ``"warn"`` or ``"fail"``.
        mode: What becomes of bad rows: ``"fail"``, ``"warn"`` or ``"quarantine"``.
        max_bad: The greatest share of bad rows that does not fail a load.
        query: Of SQL: what is asked.
        table: Of SQL: the table that is read or written.
        connect: Of SQL: ``"module:function"``, which gives a DB-API connection.
        snapshot: What names a state of the data that never changes; empty for none.
        version_query: Of SQL: a query whose answer changes when the data do.
        separator: Of CSV: what stands between cells.
        decimal: Of CSV: what stands before a number's fraction.
        encoding: Of CSV and JSON lines: how the text is encoded.
        owner: Who answers for it.
        description: What a row is.
        where: Where the contract stands in the settings.
    """

    name: str
    uri: str
    format: str
    secret: bool = False
    schema: Any = None
    typed: bool = False
    key: tuple[str, ...] = ()
    event_time: str = ""
    personal: tuple[str, ...] = ()
    freshness: float = 0.0
    stale: str = "warn"
    mode: str = "fail"
    max_bad: float = 1.0
    query: str = ""
    table: str = ""
    connect: str = ""
    snapshot: str = ""
    version_query: str = ""
    separator: str = ","
    decimal: str = "."
    encoding: str = "utf-8"
    owner: str = field(default="", compare=False)
    description: str = field(default="", compare=False)
    where: str = field(default="", compare=False)

    @property
    def kind(self) -> str:
        """Where the data lie: ``"file"``, ``"url"`` or ``"sql"``."""
        if self.format == "sql":
            return "sql"
        return "url" if self.secret or "://" in self.uri else "file"

    @property
    def versioned(self) -> bool:
        """Whether something tells when the data change, so that a load of the same ones may be reused."""
        return self.kind == "file" or bool(self.snapshot or self.version_query)

    @property
    def columns(self) -> Schema | None:
        """The schema, where it is one of hookline's own."""
        return self.schema if isinstance(self.schema, Schema) else None

    def place(self) -> Secret[str] | str:
        """Give the address, as a secret where it is one."""
        return Secret(self.uri) if self.secret else self.uri

    def as_argument(self) -> dict[str, Any]:
        """Say it in plain values, which count by what they say: the argument of a load.

        Left out is what says nothing about the data, and a schema of pandera's, which is an argument of its own.
        """
        said: dict[str, Any] = {}
        for one in fields(self):
            value = getattr(self, one.name)
            if one.name in UNDISCLOSED or value == one.default:
                continue
            if one.name == "schema":
                if self.columns is not None:
                    said["schema"] = to_json(value)
            else:
                said[one.name] = list(value) if isinstance(value, tuple) else value
        return said

    @classmethod
    def from_argument(cls, said: Mapping[str, Any], schema: object = None) -> Contract:
        """Make it again of what :meth:`as_argument` said.

        Args:
            said: What that gave.
            schema: The schema of pandera's; None for none.
        """
        values: dict[str, Any] = {
            name: tuple(value) if isinstance(value, list) else value for name, value in said.items()
        }
        values["schema"] = from_json(said["schema"], Schema) if "schema" in said else schema
        return cls(**values)
