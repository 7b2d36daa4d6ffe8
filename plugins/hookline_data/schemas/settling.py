"""Brings pandera into the state in which it is after its first validation.

Its checks learn how to look at a library's frames when the first of these is validated, and this is kept in the checks
themselves: without care a schema would not be the same argument before and after its first use.
"""

from __future__ import annotations

from hookline import HooklineError
from hookline_data.tables.libraries import pandas, pandera_for, polars

__all__ = ["settle"]


def settle() -> None:
    """Let pandera's checks learn all libraries of frames that are installed; called before keys are taken."""
    for library, module in (("pandas", pandas), ("polars", polars)):
        try:
            frame = module().DataFrame
        except HooklineError:  # it is not installed
            continue
        pandera_for(library).DataFrameSchema.get_backend(check_type=frame)
