"""A table while it is read, from one file after another: its columns, what is wrong in them, where rows stand."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from hookline import HooklineError
from hookline.ml import Column, Schema
from hookline_data.sources.files.cells import Cells
from hookline_data.sources.files.inference import infer_texts, infer_values
from hookline_data.sources.files.path_keys import PathKeys
from hookline_data.sources.files.series import make_frame, make_piece, make_series
from hookline_data.tables.frames import Frame
from hookline_data.validation.finding import Finding, Origin
from hookline_data.wording.words import PERSONAL, near

__all__ = ["Reading", "Table", "article_of", "check_header", "column_of", "in_full", "shown"]

"""Stands for a value that tells of a person."""

_EXAMPLES = 5
_LONGEST = 60
_ARTICLES = {"any": "a value", "int": "a whole number", "float": "a number", "bool": "true or false", "str": "a text"}


@dataclass
class Reading:
    """What was read.

    Attributes:
        frame: The table.
        origins: Where its rows stand.
        findings: Cells that are no values of their columns' types, and are missing from the table; rows that say they
            are of another partition than their file.
        files: How many files it is of.
    """

    frame: Frame
    origins: list[Origin] = field(default_factory=list)
    findings: list[Finding] = field(default_factory=list)
    files: int = 0


class Table:
    """A table that is being read.

    Args:
        library: Whose frame it becomes.
        source: The source's name.
        schema: What types its columns have; None where that is not said.
        columns: The columns that are wanted; None for all.
        texts: Whether cells come as texts, or as values.
        decimal: What stands before a number's fraction in texts.
    """

    def __init__(
        self,
        library: str,
        source: str,
        schema: Schema | None,
        columns: Sequence[str] | None = None,
        *,
        texts: bool = True,
        decimal: str = ".",
    ) -> None:
        self.origins: list[Origin] = []
        self._library = library
        self._source = source
        self._schema = schema
        self._wanted = columns
        self._texts = texts
        self._decimal = decimal
        self._first: tuple[str, tuple[str, ...]] | None = None
        self._cells: dict[str, Cells] = {}
        self._pieces: dict[str, list[Any]] = {}
        self._places: list[int] = []
        self._constants: dict[str, str] = {}
        self._named: dict[int, tuple[Column, str]] = {}
        self._path_keys = PathKeys()
        self._rows = 0
        self._files = 0

    def begin(self, name: str, header: Sequence[str], constants: Mapping[str, str]) -> None:
        """Begin a file.

        Args:
            name: The file, as the user knows it.
            header: The names of its columns.
            constants: Further columns, by the texts that are the same in all of its rows; what the file has itself
                has to say the same.

        Raises:
            HooklineError: Its columns are not those of the schema or of the other files.
        """
        self._files += 1
        self._constants = {key: text for key, text in constants.items() if key not in header}
        self._named = {
            header.index(key): (column_of(self._schema, key), text) for key, text in constants.items() if key in header
        }
        names = (*header, *self._constants)
        check_header(name, self._source, names, self._first, self._schema)
        if self._first is None:
            self._first = (name, names)
            order = [one.name for one in self._schema.columns] if self._schema else []
            known = [one for one in dict.fromkeys([*order, *names]) if one in names]
            for one in known if self._wanted is None else self._wanted:
                if one not in names:
                    raise HooklineError(
                        f"the source '{self._source}' has no column '{one}'{near(one, names)}",
                        help=f"'{name}' has {', '.join(names)}",
                    )
                self._cells[one] = Cells(column_of(self._schema, one), self._decimal)
                self._pieces[one] = []
        self._places = [names.index(one) for one in self._cells]

    def add(self, columns: Sequence[Sequence[Any]], origins: Sequence[Origin]) -> None:
        """Add rows of the file that was begun.

        Args:
            columns: The cells by column, in the file's order.
            origins: Where the rows stand; numbered from the first of them on.
        """
        count = len(columns[0]) if columns else 0
        fixed = [[text] * count for text in self._constants.values()]
        everything = [*columns, *fixed]
        for (name, cells), place in zip(self._cells.items(), self._places, strict=True):
            part = everything[place]
            values = cells.texts(part) if self._texts or place >= len(columns) else cells.values(part)
            self._pieces[name].append(self._piece(cells, values))
        for place, (column, text) in self._named.items():
            self._path_keys.look(column, text, columns[place] if columns else (), self._rows)
        self.origins += [origin._replace(row=self._rows + origin.row) for origin in origins]
        self._rows += count

    def finish(self) -> Reading:
        """Make the table."""
        if self._first is None:
            raise HooklineError(f"the source '{self._source}' has no files to read")
        series = [self._series(name, cells) for name, cells in self._cells.items()]
        return Reading(make_frame(self._library, series), self.origins, list(self._findings()), self._files)

    def _piece(self, cells: Cells, values: list[Any]) -> Any:
        if cells.kind == "any" and self._texts and self._schema is not None:
            return make_piece(self._library, values, "str")
        return make_piece(self._library, values, cells.kind, nullable=cells.column.nullable)

    def _series(self, name: str, cells: Cells) -> Any:
        pieces, kind = self._pieces[name], cells.kind
        aware = bool(cells.aware)
        if kind == "any" and self._texts:
            if self._schema is None:
                texts = [text for piece in pieces for text in piece]
                kind, values, aware = infer_texts(texts, self._decimal)
                pieces = [make_piece(self._library, values, kind, nullable=None in values)]
            else:
                kind = "str"
        elif kind == "any":
            kind, values = infer_values([value for piece in pieces for value in piece])
            pieces = [make_piece(self._library, values, kind, nullable=None in values)]
        pieces = pieces or [make_piece(self._library, [], kind, nullable=cells.column.nullable)]
        return make_series(self._library, name, pieces, kind, aware=aware)

    def _findings(self) -> Iterator[Finding]:
        for name, cells in self._cells.items():
            if cells.bad:
                examples = shown([str(cell) for _, cell in cells.bad[: _EXAMPLES * 10]], cells.column)
                kind = f"is {article_of(cells.kind)}"
                said = {row: in_full(cell) for row, cell in cells.bad}
                yield Finding(name, kind, [row for row, _ in cells.bad], examples, cells=said)
        declared = {one.name: one for one in self._schema.columns} if self._schema else {}
        yield from self._path_keys.findings(declared, PERSONAL)


def column_of(schema: Schema | None, name: str) -> Column:
    """Give what a schema says of a column; what it says nothing of is anything."""
    known = {one.name: one for one in schema.columns} if schema else {}
    return known.get(name) or Column(name, "any", nullable=True)


def article_of(kind: str) -> str:
    """Say what a cell of a type is: ``"a whole number"``."""
    return _ARTICLES.get(kind, f"a {kind}")


def in_full(cell: object) -> str:
    """Say all of a cell that can't be read, so that what it was can be told exactly."""
    return repr(cell) if isinstance(cell, str | bytes) else str(cell)


def shown(texts: Sequence[str], column: Column) -> tuple[str, ...]:
    """Choose examples of a column's values for a message: none of persons."""
    chosen = tuple(dict.fromkeys(texts))[:_EXAMPLES]
    return (
        (PERSONAL,)
        if column.personal
        else tuple(one if len(one) <= _LONGEST else f"{one[:_LONGEST]}…" for one in chosen)
    )


def check_header(
    name: str,
    source: str,
    header: Sequence[str],
    first: tuple[str, Sequence[str]] | None,
    schema: Schema | None,
) -> None:
    """Make sure that a file has the right columns.

    Args:
        name: The file.
        source: The source's name.
        header: The file's columns.
        first: The first file and its columns; None where this is the first.
        schema: What columns there are to be; None where that is not said.

    Raises:
        HooklineError: It does not; says all that is wrong.
    """
    wrong = []
    for number, column in enumerate(header, 1):
        if not column:
            wrong.append(f"its column {number} has no name")
        elif header.index(column) < number - 1:
            wrong.append(f"its columns {header.index(column) + 1} and {number} are both called '{column}'")
    wanted: Sequence[str] = () if schema is None else schema.names
    if schema is not None:
        further = [] if schema.open else [one for one in header if one and one not in wanted]
        wrong += [f"it lacks the column '{one}'{near(one, further)}" for one in wanted if one not in header]
        wrong += [f"it has the column '{one}', which the schema lacks" for one in further]
    if first is not None and set(first[1]) != set(header) and not wrong:
        wrong += [f"it lacks the column '{one}', which '{first[0]}' has" for one in first[1] if one not in header]
        wrong += [f"it has the column '{one}', which '{first[0]}' lacks" for one in header if one not in first[1]]
    if wrong:
        what = f"'{name}' of the source '{source}' has other columns than it should"
        raise HooklineError(f"{what}: {wrong[0]}" if len(wrong) == 1 else "\n  - ".join([what, *wrong]))
