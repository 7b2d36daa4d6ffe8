"""What type a column of texts is of, where no schema says it: the same for every library of frames."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from hookline.ml import Column
from hookline_data.sources.cells import Cells

__all__ = ["infer_texts"]

_KINDS = ("int", "float", "bool", "date", "datetime")
_SAMPLE = 100


def infer_texts(texts: Sequence[str | None]) -> tuple[str, list[Any], bool]:
    """Find the first type that all texts of a column are of: int, float, bool, date, datetime, or else text.

    Numbers with zeros in front, such as postal codes, are texts, and so are columns without any value.

    Args:
        texts: The texts; None or empty for those that are missing.

    Returns:
        The type, the values, and whether datetimes have offsets from UTC.
    """
    cells = [text or "" for text in texts]
    found = [text for text in cells if text]
    padded = any(text[0] == "0" and text[1:2].isdigit() or text[0].isspace() or text[-1].isspace() for text in found)
    for kind in _KINDS if found and not padded else ():
        for sample in (found[:_SAMPLE], cells):
            reader = Cells(Column("column", kind, nullable=True))
            values = reader.texts(sample)
            if reader.bad:
                break
        else:
            return kind, values, bool(reader.aware)
    return "str", [text or None for text in cells], False


