"""What projects can set for the plugin."""

from dataclasses import dataclass

__all__ = ["OutpostSettings"]


@dataclass(frozen=True)
class OutpostSettings:
    """The table ``[tool.hookline.plugin.outpost]`` of a project's ``pyproject.toml``.

    Attributes:
        python: The interpreter that makes attempts, as a path or a command; empty for the one that runs hookline.
        portable: Tasks with this tag have their values checked by the step ``outpost.portable``; empty for none.
    """

    python: str = ""
    portable: str = "portable"
