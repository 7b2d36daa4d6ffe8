"""The plugin's step."""

from typing import Any

from hookline import step

__all__ = ["portable"]

_PLAIN = (type(None), bool, int, float, str, bytes)


@step
def portable(value: Any) -> Any:
    """Hand a value on that each Python interpreter can read, whatever is installed there; refuse any other.

    Args:
        value: Numbers, texts and bytes, also within lists, tuples and dicts.

    Returns:
        The same value.

    Raises:
        TypeError: It holds something else; says what, and where.
    """
    left: list[tuple[str, Any]] = [("value", value)]
    while left:
        where, part = left.pop()
        kind = type(part)
        if kind in (list, tuple):
            left += [(f"{where}[{index}]", item) for index, item in enumerate(part)]
        elif kind is dict:
            left += [(f"{where}[{key!r}]", item) for key, item in part.items()]
            left += [(f"a key of {where}", key) for key in part]
        elif kind not in _PLAIN:
            raise TypeError(f"{where} is a {kind.__module__}.{kind.__qualname__}, which not each interpreter can read")
    return value
