"""The plugin's provider."""

import tempfile
from collections.abc import Iterator
from pathlib import Path

from hookline import provider

__all__ = ["scratch"]


@provider
def scratch(within: str = "") -> Iterator[Path]:
    """A folder for files that all attempts of one worker share, such as downloads; removed when the worker ends.

    Args:
        within: The folder to make it in; by default where the system has temporary files.
    """
    with tempfile.TemporaryDirectory(prefix="outpost-", dir=within or None) as folder:
        yield Path(folder)
