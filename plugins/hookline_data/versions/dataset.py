"""A data set: a table with a name, whose versions are remembered. As a result it is registered, as a parameter found.

Imported in each worker, and by those who only name data: it loads no library of frames.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, cast

from hookline import HooklineError, UsageError
from hookline.ml import Schema
from hookline_data.versions.names import DatasetName, check_dataset, parse_name

__all__ = ["Dataset", "Unopened", "UnopenedError", "datasets_in"]


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class Dataset:
    """A table with a name.

    What a step returns with a table is registered as the next version, where its content is new. Without a table it
    names a version: a step that takes it as a parameter gets it with the table.

    Attributes:
        name: The data set's name.
        table: A frame of pandas or polars.
        key: The columns that together identify a row.
        schema: What the table is like; worked out when it is registered, where it is not given.
        partition: Which part of the data set this is, such as a day; empty for all of it.
        version: The number of the version in which this content first came; None before it is registered, and for the
            newest partitions together.
        description: What a row is, and what the data set is for.
    """

    name: str
    table: Any = None
    key: tuple[str, ...] = ()
    schema: Schema | None = None
    partition: str = ""
    version: int | None = None
    description: str = ""

    def __post_init__(self) -> None:
        """Take a single key column or a list of them as a tuple, and refuse names that could not be looked up."""
        check_dataset(self.name, self.partition)
        given: object = self.key
        object.__setattr__(self, "key", (given,) if isinstance(given, str) else tuple(self.key))
        if self.table is None:
            object.__setattr__(self, "table", Unopened(str(self.which)))

    @classmethod
    def named(cls, text: str) -> Dataset:
        """Name a version without opening it.

        Args:
            text: ``transactions``, ``transactions@3``, ``transactions/2026-01-05`` or ``transactions/2026-01-05@2``.

        Raises:
            UsageError: It is no name of a data set.
        """
        which = parse_name(text)
        return cls(which.name, partition=which.partition, version=which.version)

    @property
    def which(self) -> DatasetName:
        """Its name, partition and version."""
        return DatasetName(self.name, self.partition, self.version)

    @property
    def opened(self) -> bool:
        """Whether it has its table."""
        return not isinstance(self.table, Unopened)

    def __repr__(self) -> str:
        if not self.opened:
            return f"Dataset.named('{self.which}')"
        shape: Any = getattr(self.table, "shape", ())
        rows = f"{shape[0]:,} rows" if len(shape) == 2 else type(self.table).__name__
        return f"<data set {self.which}: {rows}>"

    def __str__(self) -> str:
        return str(self.which)

    @classmethod
    def __get_pydantic_core_schema__(cls, source: object, handler: object) -> Any:
        """Let parameters be given as texts."""
        from pydantic_core import core_schema

        return core_schema.no_info_plain_validator_function(
            _validated, json_schema_input_schema=core_schema.str_schema()
        )

    @classmethod
    def __get_pydantic_json_schema__(cls, schema: object, handler: object) -> dict[str, object]:
        """Say to editors what can be written."""
        return {"type": "string", "description": "NAME, NAME@VERSION, NAME/PARTITION or NAME/PARTITION@VERSION"}


class UnopenedError(HooklineError, AttributeError):
    """The table of a data set is used where the data set is only named."""


@dataclass(frozen=True)
class Unopened:
    """Stands for the table of a data set that is only named.

    A workflow may pass it wherever a table is taken: the rewrite puts the content in its place.

    Attributes:
        of: What names it.
    """

    of: str

    __hookline_stands_in__ = True

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        raise self._error(f"'{name}'")

    def __getitem__(self, what: object) -> Any:
        raise self._error("columns or rows")

    def __len__(self) -> int:
        raise self._error("rows")

    def __iter__(self) -> Iterator[Any]:
        raise self._error("columns or rows")

    def _error(self, what: str) -> UnopenedError:
        return UnopenedError(
            f"the data set '{self.of}' is only named here, and has no {what}",
            help="take it as an argument of a step in a run with the plugin 'data' (within a step that calls others,"
            " as a Dataset), or open it: open_dataset(…)",
        )


def datasets_in(value: object) -> Iterator[Dataset]:
    """Yield the data sets within lists, tuples and dicts, at any depth."""
    kind = type(value)
    if kind is Dataset:
        yield cast("Dataset", value)
    elif isinstance(value, (list, tuple, dict)):
        for each in value.values() if isinstance(value, dict) else value:
            yield from datasets_in(each)


def _validated(value: object) -> Dataset:
    """Take a data set, or the text that names one; the text of an error becomes pydantic's."""
    if isinstance(value, Dataset):
        return value
    if not isinstance(value, str):
        raise ValueError("name a data set, such as 'transactions@3'")
    try:
        return Dataset.named(value)
    except UsageError as error:
        raise ValueError(error.message) from None
