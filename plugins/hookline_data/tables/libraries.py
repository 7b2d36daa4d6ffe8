"""The libraries that the plugin uses, imported where they are used.

Each is imported by its name in the code: what imports by a text can't be followed, and steps that reach it would not be
reused.
"""

from __future__ import annotations

from types import ModuleType

from hookline import HooklineError
from hookline_data.tables.frames import lacking

__all__ = [
    "has_pyarrow",
    "narwhals",
    "numpy",
    "pandas",
    "pandera_config",
    "pandera_errors",
    "pandera_for",
    "pandera_io",
    "polars",
    "pyarrow",
]


def narwhals() -> ModuleType:
    """Import narwhals."""
    try:
        import narwhals
    except ImportError as error:
        raise lacking("narwhals") from error
    return narwhals


def numpy() -> ModuleType:
    """Import numpy."""
    try:
        import numpy as np
    except ImportError as error:
        raise lacking("numpy") from error
    return np


def pandas() -> ModuleType:
    """Import pandas."""
    try:
        import pandas as pd
    except ImportError as error:
        raise lacking("pandas") from error
    module: ModuleType = pd  # it may have no types
    return module


def polars() -> ModuleType:
    """Import polars."""
    try:
        import polars as pl
    except ImportError as error:
        raise lacking("polars") from error
    return pl


def pandera_for(library: str) -> ModuleType:
    """Import what pandera has for ``"pandas"`` or ``"polars"``."""
    try:
        if library == "polars":
            import pandera.polars

            return pandera.polars
        import pandera.pandas
    except ImportError as error:
        raise lacking("pandera") from error
    return pandera.pandas


def pandera_errors() -> ModuleType:
    """Import what pandera raises."""
    try:
        import pandera.errors
    except ImportError as error:
        raise lacking("pandera") from error
    return pandera.errors


def pandera_config() -> ModuleType:
    """Import the settings of pandera."""
    try:
        import pandera.config
    except ImportError as error:
        raise lacking("pandera") from error
    return pandera.config


def pandera_io() -> ModuleType:
    """Import what reads and writes pandera's own files of schemas, which needs PyYAML."""
    try:
        import pandera.io
    except ImportError as error:
        raise lacking("pandera") from error
    return pandera.io


def pyarrow() -> ModuleType:
    """Import pyarrow, through which pandas reads Parquet."""
    try:
        import pyarrow as pa
        import pyarrow.parquet
    except ImportError as error:
        raise HooklineError(
            "Parquet and pandas need pyarrow, which is not installed", help="pip install pyarrow"
        ) from error
    module: ModuleType = pa
    return module


def has_pyarrow() -> bool:
    """Tell whether pyarrow is installed."""
    try:
        pyarrow()
    except HooklineError:
        return False
    return True
