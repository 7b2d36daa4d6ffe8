"""Reads CSV: exactly, the same for both libraries, and with the line of each row."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import IO

from hookline import HooklineError
from hookline_data.sources.files.table import Table
from hookline_data.sources.files.text_files import open_text, undecodable
from hookline_data.validation.finding import Origin

__all__ = ["read_csv"]

_PIECE = 4_000  # rows at a time: their cells stay in the processor's cache, which halves the time
_LONGEST = 1 << 26
_SHOWN = 5


def read_csv(
    path: Path, name: str, table: Table, constants: Mapping[str, str], *, separator: str, encoding: str
) -> None:
    """Read a file into a table.

    Args:
        path: The file.
        name: What the user knows it as.
        table: Takes what is read.
        constants: Texts of columns that the file lacks, such as the keys of its partition.
        separator: What stands between cells.
        encoding: How the text is encoded.

    Raises:
        HooklineError: It can't be read as CSV; says where.
    """
    if csv.field_size_limit() < _LONGEST:
        csv.field_size_limit(_LONGEST)  # the module's limit is for all, and meant against files that are no CSV
    with open_text(path, name, encoding) as file:
        lines = _checked(file, name)
        rows = csv.reader(lines, delimiter=separator, strict=True)
        begun = [1]
        try:
            header = next((row for row in rows if row), None)
            if header is None:
                raise HooklineError(f"'{name}' is empty: it lacks even the line with the columns' names")
            table.begin(name, header, constants)
            _read_rows(rows, len(header), name, table, begun)
        except csv.Error as error:
            place = f"line {begun[0]}" if begun[0] >= rows.line_num else f"lines {begun[0]} to {rows.line_num}"
            raise HooklineError(
                f"'{name}' is no sound CSV in {place}: {error}",
                help="look for a quote that is not closed, or one within a cell: write it twice",
            ) from error
        except UnicodeDecodeError as error:
            raise undecodable(path, name, encoding, error) from error


def _checked(file: IO[str], name: str) -> Iterator[str]:
    for number, line in enumerate(file, 1):
        if "\0" in line:
            raise HooklineError(
                f"'{name}' has a zero byte in line {number}",
                help="it is no text, or of another encoding: set 'encoding'",
            )
        yield line


def _read_rows(rows: Iterable[list[str]], width: int, name: str, table: Table, begun: list[int]) -> None:
    """Read what follows the header; keep in which line the row begins that is being read."""
    piece: list[list[str]] = []
    origins: list[Origin] = []
    ragged: list[tuple[int, int]] = []
    expected = -1
    for line, row in _numbered(rows, width, begun):
        if len(row) != width:
            ragged.append((line, len(row)))
            continue
        if line != expected:
            origins.append(Origin(len(piece), name, line))
        expected = line + 1
        piece.append(row)
        if len(piece) == _PIECE:
            table.add(list(zip(*piece, strict=True)), origins)
            piece, origins = [], []
    if ragged:
        raise _uneven(ragged, width, name)
    if piece:
        table.add(list(zip(*piece, strict=True)), origins)


def _numbered(rows: Iterable[list[str]], width: int, begun: list[int]) -> Iterator[tuple[int, list[str]]]:
    """Give rows with the lines at which they begin.

    A blank line is no row; of one column, it is how a missing value is written, but for those at the end.
    """
    before, blank = rows.line_num, list[int]()  # type: ignore[attr-defined]
    begun[0] = before + 1
    for row in rows:
        line, before = before + 1, rows.line_num  # type: ignore[attr-defined]
        begun[0] = before + 1
        if not row:
            blank.append(line)
            continue
        if width == 1:
            yield from ((number, [""]) for number in blank)
        blank.clear()
        yield line, row


def _uneven(ragged: list[tuple[int, int]], width: int, name: str) -> HooklineError:
    told = [f"line {line} has {count} cells" for line, count in ragged[:_SHOWN]]
    more = f" and {len(ragged) - _SHOWN} more lines" if len(ragged) > _SHOWN else ""
    return HooklineError(
        f"'{name}' has {width} columns, but {', '.join(told)}{more}",
        help="mend these lines; a cell with a separator in it stands in quotes",
    )
