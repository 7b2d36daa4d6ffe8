"""What type a column is of, where no schema says it: the same for every library of frames."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from hookline.ml import Column
from hookline_data.sources.files.cells import Cells

__all__ = ["infer_texts", "infer_values"]

_KINDS = ("int", "float", "bool", "date", "datetime")
_SAMPLE = 100
_SURE = 15
_LONGEST = 300
_WORDS = {bool: "bool", int: "int", float: "float", str: "str", bytes: "bytes", list: "list"}


def infer_texts(texts: Sequence[str | None], decimal: str = ".") -> tuple[str, list[Any], bool]:
    """Find the first type that all texts of a column are of: int, float, bool, date, datetime, or else text.

    Numbers with zeros in front, such as postal codes, are texts, and so are columns without any value, and whole
    numbers that are too large for 64 bits and that floats would change.

    Args:
        texts: The texts; None or empty for those that are missing.
        decimal: What stands before a number's fraction.

    Returns:
        The type, the values, and whether datetimes have offsets from UTC.
    """
    cells = [text or "" for text in texts]
    found = [text for text in cells if text]
    padded = any((text[0] == "0" and text[1:2].isdigit()) or text[0].isspace() or text[-1].isspace() for text in found)
    for kind in _KINDS if found and not padded else ():
        for sample in (found[:_SAMPLE], cells):
            reader = Cells(Column("column", kind, nullable=True), decimal)
            values = reader.texts(sample)
            if reader.bad or (kind == "float" and any(map(_changed, sample))):
                break
        else:
            return kind, values, bool(reader.aware)
    return "str", [text or None for text in cells], False


def infer_values(values: Sequence[Any]) -> tuple[str, list[Any]]:
    """Find the type that all values of a column are of: ``"any"`` where they differ, text where there are none.

    Whole numbers among floats become floats, where each of them stays the number that it is.

    Returns:
        The type, and the values as those of the type.
    """
    kinds = {type(value) for value in values} - {type(None)}
    word = "float" if kinds == {int, float} else _WORDS.get(next(iter(kinds), str), "any") if len(kinds) < 2 else "any"
    reader = Cells(Column("column", word, nullable=True))
    read = reader.values(values)
    return ("any", list(values)) if reader.bad else (word, read)


def _changed(text: str) -> bool:
    """Tell whether a text is a whole number that a float is not."""
    digits = text.strip().lstrip("+-")
    return len(digits) > _SURE and digits.isdigit() and (len(digits) > _LONGEST or not _is_exact(int(digits)))


def _is_exact(number: int) -> bool:
    return abs(number) < 1 << 1000 and int(float(number)) == number
