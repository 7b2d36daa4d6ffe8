"""What projects can set for the plugin."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

__all__ = ["DataSettings"]


@dataclass(frozen=True)
class DataSettings:
    """The table ``[tool.hookline.plugin.data]`` of a project's ``pyproject.toml``.

    Attributes:
        frames: The library whose frames loads give: ``"pandas"`` or ``"polars"``; empty for whichever is there.
    """

    frames: Literal["", "pandas", "polars"] = ""
