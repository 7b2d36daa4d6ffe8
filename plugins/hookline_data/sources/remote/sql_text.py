"""What a query says: its parameters, which are written ``:day``."""

from __future__ import annotations

import re
from collections.abc import Callable

__all__ = ["escaped", "parameters_of", "with_parameters"]

# Texts, quoted names and comments come first, for a colon in them is no parameter's; nor is the one of "::".
_TOKENS = re.compile(
    r"""'(?:[^']|'')*' | "(?:[^"]|"")*" | --[^\n]* | /\*.*?\*/ | :: | :([A-Za-z_]\w*)""", re.VERBOSE | re.DOTALL
)


def parameters_of(query: str) -> tuple[str, ...]:
    """Tell the names of a query's parameters, in the order in which they come first."""
    return tuple(dict.fromkeys(found[1] for found in _TOKENS.finditer(query) if found[1]))


def with_parameters(query: str, written: Callable[[str], str]) -> str:
    """Write a query's parameters another way.

    Args:
        query: The query.
        written: Gives what stands for a parameter.
    """
    return _TOKENS.sub(lambda found: written(found[1]) if found[1] else found[0], query)


def escaped(query: str) -> str:
    """Write a query for SQLAlchemy, which takes colons in texts and comments for those of parameters."""
    return _TOKENS.sub(lambda found: f":{found[1]}" if found[1] else found[0].replace(":", r"\:"), query)
