"""What data are: contracts, versions, and what their values are like."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from hookline.ml.artifact import ArtifactRef
from hookline.ml.noun import Noun, check_counts, check_distinct, check_name, close_to, find

__all__ = ["TYPES", "Column", "ColumnProfile", "DatasetRef", "Histogram", "Profile", "Schema"]

TYPES = (
    "any",
    "bool",
    "bytes",
    "category",
    "date",
    "datetime",
    "decimal",
    "duration",
    "float",
    "int",
    "list",
    "object",
    "str",
)
"""The words for types of columns. A type of another system's is written with a dot, such as ``"numpy.float32"``."""


@dataclass(frozen=True, slots=True)
class Column(Noun):
    """A column of a table; or an input or output of a model.

    Attributes:
        name: Its name.
        type: One of :data:`TYPES`, or a type of another system's, written with a dot.
        nullable: Whether values may be missing.
        unique: Whether no value comes twice.
        minimum: The least value allowed; None for no limit.
        maximum: The greatest value allowed; None for no limit.
        allowed: All values allowed; empty for any.
        pattern: A regular expression that texts match as a whole; empty for any.
        shape: Of arrays: the length of each dimension, None for any length; empty for single values.
        unit: What numbers count: ``"EUR"``, ``"kg"``; empty for nothing.
        personal: Whether values tell of persons, so that law and decency forbid to copy or show them without need.
        description: What it means.
    """

    name: str
    type: str = "any"
    nullable: bool = False
    unique: bool = False
    minimum: float | str | None = None
    maximum: float | str | None = None
    allowed: tuple[Any, ...] = field(default=(), hash=False)
    pattern: str = ""
    shape: tuple[int | None, ...] = ()
    unit: str = ""
    personal: bool = False
    description: str = ""

    def _check(self) -> None:
        check_name(self, self.name)
        if self.type not in TYPES and "." not in self.type:
            near = close_to(self.type, TYPES)
            raise ValueError(f"column '{self.name}' has the unknown type '{self.type}'; {near or _types()}")
        if self.minimum is not None and self.maximum is not None:
            if isinstance(self.minimum, str) != isinstance(self.maximum, str):
                raise ValueError(f"column '{self.name}' has a number and a text as limits")
            if self.minimum > self.maximum:  # type: ignore[operator]
                raise ValueError(f"column '{self.name}' has limits the wrong way round: {self.minimum}, {self.maximum}")
        if any(length is not None and length < 0 for length in self.shape):
            raise ValueError(f"column '{self.name}' has a negative length in its shape {self.shape}")


@dataclass(frozen=True, slots=True)
class Schema(Noun):
    """What a table must look like: a contract between those who make it and those who use it.

    Attributes:
        columns: Its columns, in order.
        name: Of the table or contract; empty for none.
        version: Of the contract; empty for none.
        keys: The columns that together identify a row.
        event_time: The column that tells when what a row says came to be; empty for none. Joins and splits look at it,
            so that nothing is learned from the future.
        open: Whether the table may have further columns.
        description: What a row is.
    """

    columns: tuple[Column, ...]
    name: str = ""
    version: str = ""
    keys: tuple[str, ...] = ()
    event_time: str = ""
    open: bool = False
    description: str = ""

    def _check(self) -> None:
        what = f"schema '{self.name}'" if self.name else "a schema"
        check_distinct(what, "columns", [column.name for column in self.columns])
        for name in (*self.keys, *([self.event_time] if self.event_time else [])):
            self.column(name)
        check_distinct(what, "keys", self.keys)
        if self.event_time and self.column(self.event_time).type not in ("date", "datetime", "any"):
            kind = self.column(self.event_time).type
            raise ValueError(f"{what} has the event time '{self.event_time}', which is no time but '{kind}'")

    @property
    def names(self) -> tuple[str, ...]:
        """The columns' names, in order."""
        return tuple(column.name for column in self.columns)

    def column(self, name: str) -> Column:
        """Give a column.

        Raises:
            ValueError: There is none of this name.
        """
        return find(self.columns, name, f"schema '{self.name}'" if self.name else "the schema", "column")


@dataclass(frozen=True, slots=True)
class DatasetRef(Noun):
    """A version of a data set.

    Attributes:
        name: The data set's name.
        version: Which one; empty where it has none.
        digest: Of its content; empty where that is not known.
        schema_digest: Of its schema, see :func:`digest_of`; empty where it has none.
        rows: How many; None where that is not known.
        source: Where it came from, such as a path or address, without secrets; empty where that is not known.
        partition: Which part of a larger one, such as ``"2024-05"``; empty for all of it.
        run_id: The run that made it.
        task_id: The task that made it.
        artifact: Where its content is stored; None where hookline does not store it.
        time_us: When it was made; None where that is not known.
    """

    name: str
    version: str = ""
    digest: str = ""
    schema_digest: str = ""
    rows: int | None = None
    source: str = ""
    partition: str = ""
    run_id: str = ""
    task_id: str = ""
    artifact: ArtifactRef | None = None
    time_us: int | None = None

    def _check(self) -> None:
        check_name(self, self.name)
        check_counts(self, rows=self.rows)


@dataclass(frozen=True, slots=True)
class Histogram(Noun):
    """How numbers are distributed.

    Attributes:
        edges: Borders of the bins, rising: one more than bins. A bin holds its lower border, the last both.
        counts: How many values each bin holds; not always whole, where rows have weights.
        below: How many are less than the first border.
        above: How many are greater than the last.
    """

    edges: tuple[float, ...]
    counts: tuple[float, ...]
    below: float = 0
    above: float = 0

    def _check(self) -> None:
        if len(self.edges) != len(self.counts) + 1:
            raise ValueError(
                f"a histogram of {len(self.counts)} bins needs {len(self.counts) + 1} edges, not {len(self.edges)}"
            )
        if any(not low < high for low, high in zip(self.edges, self.edges[1:], strict=False)):
            raise ValueError("the edges of a histogram must rise")
        if any(not count >= 0 for count in (*self.counts, self.below, self.above)):
            raise ValueError("a histogram has a negative count")


@dataclass(frozen=True, slots=True)
class ColumnProfile(Noun):
    """What the values of one column are like.

    Attributes:
        name: The column's name.
        type: Its type, as in :class:`Column`.
        count: How many values are there.
        missing: How many are missing.
        distinct: How many different ones there are; None where that is not known.
        minimum: The least; None where there is none.
        maximum: The greatest.
        mean: Of numbers.
        deviation: The standard deviation of numbers.
        quantiles: Pairs of a share and the number below which that share lies: ``(0.5, 12.0)`` is the median.
        histogram: Of numbers; None for others.
        frequencies: Pairs of a value and how often it comes, the commonest first; perhaps not all.
    """

    name: str
    type: str = "any"
    count: int = 0
    missing: int = 0
    distinct: int | None = None
    minimum: float | str | None = None
    maximum: float | str | None = None
    mean: float | None = None
    deviation: float | None = None
    quantiles: tuple[tuple[float, float], ...] = ()
    histogram: Histogram | None = None
    frequencies: tuple[tuple[Any, float], ...] = field(default=(), hash=False)

    def _check(self) -> None:
        check_name(self, self.name)
        check_counts(self, count=self.count, missing=self.missing, distinct=self.distinct)
        if any(not 0 <= share <= 1 for share, _ in self.quantiles):
            raise ValueError(f"column profile '{self.name}' has a quantile that is no share between 0 and 1")


@dataclass(frozen=True, slots=True)
class Profile(Noun):
    """What the values of a table are like: what later data are compared with.

    Attributes:
        columns: By column.
        rows: How many rows it was made from.
        dataset: Of what; None where that has no name.
        time_us: When it was made; None where that is not known.
    """

    columns: tuple[ColumnProfile, ...]
    rows: int = 0
    dataset: DatasetRef | None = None
    time_us: int | None = None

    def _check(self) -> None:
        check_distinct("a profile", "columns", [column.name for column in self.columns])
        check_counts(self, rows=self.rows)

    def column(self, name: str) -> ColumnProfile:
        """Give the profile of a column.

        Raises:
            ValueError: There is none of this name.
        """
        return find(self.columns, name, "the profile", "column")


def _types() -> str:
    return f"there are {', '.join(TYPES)}, and others' types, written with a dot"
