"""Forms of our own for the values of data libraries: what a stored stream says of an array, a frame or a column.

A form is a function of this package and its arguments: the pickler that meets such a value asks :func:`form_of` and
writes what it gets; loading calls the function. Stored streams name these functions, so none of them is ever renamed or
changes what it makes of given arguments: another layout is another function, beside the old one. They use public names
of the libraries only, so that what an older version stored loads with a newer one.

No library is imported here but one that the value at hand comes from.
"""

from __future__ import annotations

import functools
import importlib
from collections.abc import Callable
from typing import Any

from hookline.errors import HooklineError

__all__ = ["Form", "NotPlain", "UnstorableError", "form_of", "is_form", "may_have_form"]

Form = tuple[Callable[..., Any], tuple[Any, ...]]
"""A function that rebuilds a value, and its arguments."""

_HOMES = {
    "numpy": "hookline.values.forms.arrays",
    "pandas": "hookline.values.forms.frames",
    "polars": "hookline.values.forms.polars_frames",
    "pyarrow": "hookline.values.forms.arrow",
    "pytz": "hookline.values.forms.zones",
}


class NotPlain(Exception):  # noqa: N818 - a signal between two encoders, never shown to anybody
    """The value holds something that has no canonical encoding."""


class UnstorableError(HooklineError):
    """A value that no serializer can turn into bytes."""


def form_of(value: object) -> Form | None:
    """Give the form of a data library's value.

    Args:
        value: Any value.

    Returns:
        Its form, or None where it has none: it is of another library, or of a type that these modules do not know.
        Subclasses, which may hold more than we know of, have none.

    Raises:
        NotPlain: It is of a known type, and holds something that the form can't tell.
        UnstorableError: It is nothing that can be stored.
    """
    # By the name of the type's module, so that looking at a value imports nothing.
    home = _HOMES.get(type(value).__module__.partition(".")[0])
    return None if home is None else _load(home)(value)


def may_have_form(kind: type) -> bool:
    """Tell whether values of a type are of a library that has forms."""
    return kind.__module__.partition(".")[0] in _HOMES


def is_form(function: object) -> bool:
    """Tell whether something is a function that forms call."""
    return getattr(function, "__module__", "").startswith(__name__ + ".") and callable(function)


@functools.cache
def _load(home: str) -> Callable[[object], Form | None]:
    reduce: Callable[[object], Form | None] = importlib.import_module(home).reduce
    return reduce
