"""The form of pytz's time zones, which older versions of pandas use: the name."""

from __future__ import annotations

from typing import Any

import pytz

from hookline.values.forms import Form

__all__ = ["rebuild_zone", "reduce"]


def reduce(value: Any) -> Form | None:
    """See :func:`hookline.values.forms.form_of`."""
    name = getattr(value, "zone", None)
    # A time that is localised holds a variant of its zone, which the name does not tell.
    return (rebuild_zone, (name,)) if name and pytz.timezone(name) is value else None


def rebuild_zone(name: str) -> Any:
    """Give the zone of that name."""
    return pytz.timezone(name)
