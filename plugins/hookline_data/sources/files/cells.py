"""Turns cells into values of their column's type: what is no such value is noted, never guessed at.

Texts come from CSV; values from JSON lines and databases. Both give the same plain values, one list per column, from
which :mod:`hookline_data.sources.files.series` makes columns of either library.
"""

from __future__ import annotations

import base64
import math
import re
from collections.abc import Callable, Sequence
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal, InvalidOperation
from typing import Any

from hookline.ml import Column
from hookline_data.sources.files.written_times import day_of, read_time
from hookline_data.tables.libraries import numpy

__all__ = ["Cells"]

_EPOCH = datetime(1970, 1, 1)
_MICRO = timedelta(microseconds=1)
_YEAR_ONE = (datetime.min - _EPOCH) // _MICRO
_LEAST, _MOST = -(1 << 63), (1 << 63) - 1
_BEFORE, _AFTER = 20, 18
_MOST_EXACT = 1 << 53
_INT, _FLOAT, _DAY, _CLOCK = b"0123456789+- ", b"0123456789+-.eE ", b"0123456789-", b"0123456789-:T "
_WHOLE = re.compile(r" *[+-]?[0-9]+(?:\.0+)? *")
_NUMBER = re.compile(r" *[+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)? *")
_SWAPPED = str.maketrans(",.", ".,")
_WORDS = {"inf": math.inf, "+inf": math.inf, "-inf": -math.inf, "nan": None}
_BOOLS = {"true": True, "false": False, "1": True, "0": False}
_DATE = re.compile(r"\d{4}-\d\d-\d\d")
_DURATION = re.compile(r"(-)?P(?:(\d+)D)?(?:T(?:(\d+)H)?(?:(\d+)M)?(?:(\d+)(?:\.(\d{1,9}))?S)?)?", re.ASCII)


class Cells:
    """The cells of one column, as they come.

    Args:
        column: What the schema says of it.
        decimal: What stands before a number's fraction in texts.

    Attributes:
        kind: The column's type; that of the values with ``"any"``.
        aware: Of datetimes: whether they have an offset from UTC. The unit "UTC" says that they do; without it the
            first one decides, and this is None before.
        bad: Number of each cell that is no value of its type, and the cell as it came.
    """

    def __init__(self, column: Column, decimal: str = ".") -> None:
        self.column = column
        self.kind = column.type
        self.aware: bool | None = True if (column.type, column.unit) == ("datetime", "UTC") else None
        self.bad: list[tuple[int, Any]] = []
        self._decimal = decimal
        self._rows = 0
        self._one_text: Callable[[str], Any] = getattr(self, f"_{self.kind}_of_text", self._text_of_text)
        self._one_value: Callable[[Any], Any] = getattr(self, f"_{self.kind}_of_value", self._any_of_value)

    def texts(self, texts: Sequence[str]) -> list[Any]:
        """Turn texts into values: None for those that are missing, and for those that are none of the type."""
        shown = texts
        if self._decimal != "." and self.kind in ("float", "decimal"):
            texts = [text.translate(_SWAPPED) for text in texts]
        values = self._at_once(texts)
        if values is None:
            values = self._one_by_one(texts, self._one_text, "", shown)
        self._rows += len(texts)
        return values

    def values(self, values: Sequence[Any]) -> list[Any]:
        """Turn values of other types into those of the column's, where nothing is lost."""
        found = self._one_by_one(values, self._one_value, None, values)
        self._rows += len(values)
        return found

    def _one_by_one(
        self, cells: Sequence[Any], read: Callable[[Any], Any], missing: object, shown: Sequence[Any]
    ) -> list[Any]:
        found: list[Any] = []
        keeps_empty = missing == "" and self.kind in ("str", "any", "category") and not self.column.nullable
        for number, cell in enumerate(cells):
            if cell is None or (missing == "" and cell == "" and not keeps_empty):
                found.append(None)
                continue
            try:
                found.append(read(cell))
            except (ValueError, OverflowError, InvalidOperation, TypeError):
                self.bad.append((self._rows + number, shown[number]))
                found.append(None)
        return found

    def _at_once(self, texts: Sequence[str]) -> list[Any] | None:
        """Do what most columns are in one go; None where a closer look is needed."""
        try:
            if self.kind == "int" and _only(_INT, texts):
                values = _each(int, texts)
                known = [value for value in values if value is not None] if "" in texts else values
                return values if not known or (min(known) >= _LEAST and max(known) <= _MOST) else None
            if self.kind == "float" and _only(_FLOAT, texts):
                values = _each(float, texts)
                return None if math.inf in values or -math.inf in values else values
            if self.kind == "bool":
                meant = {text: self._bool_of_text(text) if text else None for text in set(texts)}
                return [meant[text] for text in texts]
            if self.kind == "date" and _only(_DAY, texts):
                return self._dates_at_once(texts)
            if self.kind == "datetime" and _only(_CLOCK, texts):
                return self._times_at_once(texts)
        except ValueError:
            return None
        if self.kind in ("str", "any", "category"):
            return [text or None for text in texts] if self.column.nullable else list(texts)
        return None

    @staticmethod
    def _dates_at_once(texts: Sequence[str]) -> list[Any] | None:
        if {len(text) for text in texts} - {0, 10} or {text[4:8:3] for text in texts if text} - {"--"}:
            return None
        return [date.fromisoformat(text) if text else None for text in texts]

    def _times_at_once(self, texts: Sequence[str]) -> list[Any] | None:
        if self.aware or {len(text) for text in texts} - {0, 19} or {text[10] for text in texts if text} - {" ", "T"}:
            return None
        found = numpy().array([text or "NaT" for text in texts], dtype="datetime64[us]").astype("int64").tolist()
        values = [value if text else None for value, text in zip(found, texts, strict=True)] if "" in texts else found
        if any(value is not None and value < _YEAR_ONE for value in values):
            return None
        self.aware = False if any(texts) else self.aware
        return values

    # -- of texts -----------------------------------------------------------------------------------------------------

    def _text_of_text(self, text: str) -> str:
        return text

    def _int_of_text(self, text: str) -> int:
        if not _WHOLE.fullmatch(text):
            raise ValueError
        return _bounded(int(text.partition(".")[0]))

    def _float_of_text(self, text: str) -> float | None:
        if not _NUMBER.fullmatch(text):
            word = text.strip().lower()
            if word not in _WORDS:
                raise ValueError
            return _WORDS[word]
        number = float(text)
        if math.isinf(number):
            raise ValueError
        return number

    def _decimal_of_text(self, text: str) -> Decimal:
        if not _NUMBER.fullmatch(text):
            raise ValueError
        return _kept(Decimal(text.strip()))

    def _bool_of_text(self, text: str) -> bool:
        value = _BOOLS.get(text.strip().lower())
        if value is None:
            raise ValueError
        return value

    def _date_of_text(self, text: str) -> date:
        text = text.strip()
        if _DATE.fullmatch(text):
            return date.fromisoformat(text)
        return day_of(read_time(text))

    def _datetime_of_text(self, text: str) -> int:
        return self._instant(read_time(text.strip()))

    def _duration_of_text(self, text: str) -> int:
        found = _DURATION.fullmatch(text.strip())
        if found is None or not any(found.groups()[1:]):
            raise ValueError
        sign, days, hours, minutes, seconds, fraction = found.groups()
        if fraction and fraction[6:].strip("0"):
            raise ValueError
        length = timedelta(int(days or 0), int(seconds or 0), int((fraction or "0")[:6].ljust(6, "0")))
        length += timedelta(hours=int(hours or 0), minutes=int(minutes or 0))
        return (-length if sign else length) // _MICRO

    def _bytes_of_text(self, text: str) -> bytes:
        return base64.b64decode(text, validate=True)

    # -- of values ----------------------------------------------------------------------------------------------------

    def _any_of_value(self, value: Any) -> Any:
        return value

    def _str_of_value(self, value: Any) -> str:
        if not isinstance(value, str):
            raise ValueError
        return value

    _category_of_value = _str_of_value

    def _int_of_value(self, value: Any) -> int:
        if isinstance(value, bool) or not isinstance(value, int | float | Decimal) or value != int(value):
            raise ValueError
        return _bounded(int(value))

    def _float_of_value(self, value: Any) -> float | None:
        if isinstance(value, bool) or not isinstance(value, int | float | Decimal):
            raise ValueError
        if isinstance(value, int) and abs(value) > _MOST_EXACT and int(float(value)) != value:
            raise ValueError
        number = float(value)
        if math.isinf(number) and isinstance(value, Decimal) and value.is_finite():
            raise ValueError
        return None if math.isnan(number) else number

    def _decimal_of_value(self, value: Any) -> Decimal:
        if isinstance(value, bool) or not isinstance(value, int | float | Decimal | str):
            raise ValueError
        return self._decimal_of_text(value) if isinstance(value, str) else _kept(Decimal(str(value)))

    def _bool_of_value(self, value: Any) -> bool:
        # Databases without truth values keep numbers for them.
        if not isinstance(value, bool | int) or value not in (0, 1):
            raise ValueError
        return bool(value)

    def _date_of_value(self, value: Any) -> date:
        if isinstance(value, datetime):
            return day_of(value)
        return value if isinstance(value, date) else self._date_of_text(_as_text(value))

    def _datetime_of_value(self, value: Any) -> int:
        if isinstance(value, datetime):
            return self._instant(value)
        if isinstance(value, date):
            return self._instant(datetime(value.year, value.month, value.day))
        return self._datetime_of_text(_as_text(value))

    def _duration_of_value(self, value: Any) -> int:
        return value // _MICRO if isinstance(value, timedelta) else self._duration_of_text(_as_text(value))

    def _bytes_of_value(self, value: Any) -> bytes:
        if not isinstance(value, bytes | bytearray | memoryview):
            raise ValueError
        return bytes(value)

    def _list_of_value(self, value: Any) -> list[Any]:
        if not isinstance(value, list | tuple):
            raise ValueError
        return list(value)

    def _instant(self, time: datetime) -> int:
        """Give microseconds since 1970: in UTC where the time has an offset, else by its own clock."""
        aware = time.tzinfo is not None
        if self.aware is None:
            self.aware = aware
        if aware is not self.aware:
            raise ValueError
        return ((time.astimezone(UTC).replace(tzinfo=None) if aware else time) - _EPOCH) // _MICRO


def _only(allowed: bytes, texts: Sequence[str]) -> bool:
    """Tell whether texts have no other signs than some."""
    return not "".join(texts).encode().translate(None, allowed)


def _each(read: Callable[[str], Any], texts: Sequence[str]) -> list[Any]:
    return [read(text) if text else None for text in texts] if "" in texts else list(map(read, texts))


def _bounded(number: int) -> int:
    if not _LEAST <= number <= _MOST:
        raise ValueError
    return number


def _kept(number: Decimal) -> Decimal:
    """Refuse what has no room in 38 digits, wherever the others of its column have their point."""
    if not number.is_finite() or number.adjusted() >= _BEFORE or -int(number.as_tuple().exponent) > _AFTER:
        raise ValueError
    return number


def _as_text(value: Any) -> str:
    if not isinstance(value, str):
        raise ValueError
    return value
