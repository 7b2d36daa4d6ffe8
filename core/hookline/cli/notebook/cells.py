"""Cells as their readers know them: ``In[3]``, not the made-up file that the kernel compiles a cell as."""

from __future__ import annotations

import re

from hookline.engine.record.display import notebook_shell

__all__ = ["name_cells"]

_CELL = re.compile(r"[^\s'\"(<>&;]*ipykernel_\d+[/\\]\d+\.py")


def name_cells(text: str) -> str:
    """Put the names of cells in place of the files that stand for them, as far as this kernel knows them."""
    if "ipykernel_" not in text:
        return text
    compiler = getattr(notebook_shell(), "compile", None)

    def named(match: re.Match[str]) -> str:
        known = compiler.format_code_name(match[0]) if compiler is not None else None
        return "a cell" if known is None else str(known[1])

    return _CELL.sub(named, text)
