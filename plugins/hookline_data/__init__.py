"""Data that can be trusted: sources as contracts, validation, versions, joins and splits without leakage.

A plugin of hookline. Its public names are imported on first use; pandera, narwhals and the library of frames with them.
"""

from __future__ import annotations

# Type checkers take this name to be true; importing typing for it would cost more than all the rest of this module.
TYPE_CHECKING = False
if TYPE_CHECKING:
    from hookline_data.schemas import read_schema, schema_of, to_pandera
    from hookline_data.sources.loading import load, partitions
    from hookline_data.sources.writing import write
    from hookline_data.validation import BadDataError, Checked, Report, Screened, screen
    from hookline_data.validation.steps import screen_step, validate

__all__ = [
    "BadDataError",
    "Checked",
    "Report",
    "Screened",
    "load",
    "partitions",
    "read_schema",
    "schema_of",
    "screen",
    "screen_step",
    "to_pandera",
    "validate",
    "write",
]

_HOMES = {
    "BadDataError": "hookline_data.validation",
    "Checked": "hookline_data.validation",
    "Report": "hookline_data.validation",
    "Screened": "hookline_data.validation",
    "load": "hookline_data.sources.loading",
    "partitions": "hookline_data.sources.loading",
    "read_schema": "hookline_data.schemas",
    "schema_of": "hookline_data.schemas",
    "screen": "hookline_data.validation",
    "screen_step": "hookline_data.validation.steps",
    "to_pandera": "hookline_data.schemas",
    "validate": "hookline_data.validation.steps",
    "write": "hookline_data.sources.writing",
}


def __getattr__(name: str) -> object:
    """Import a public name when it is first asked for."""
    if name not in _HOMES:
        raise AttributeError(f"module '{__name__}' has no attribute '{name}'")
    import importlib

    value = getattr(importlib.import_module(_HOMES[name]), name)
    globals()[name] = value
    return value
