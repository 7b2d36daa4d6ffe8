"""A notebook run in a kernel of its own, and what came out of each cell."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import nbclient
import nbformat


class Cell:
    """What a cell left in the notebook."""

    def __init__(self, outputs: list[Any]) -> None:
        self.outputs = outputs

    @property
    def printed(self) -> str:
        """What it wrote to its standard output."""
        return "".join(each["text"] for each in self.outputs if each["output_type"] == "stream")

    @property
    def displayed(self) -> list[dict[str, str]]:
        """What it displayed, by MIME type."""
        return [each["data"] for each in self.outputs if each["output_type"] == "display_data"]

    @property
    def result(self) -> dict[str, str]:
        """Its last expression, by MIME type."""
        return next(each["data"] for each in self.outputs if each["output_type"] == "execute_result")


def in_notebook(folder: Path, *cells: str, seen: Callable[[dict[str, Any]], None] | None = None) -> list[Cell]:
    """Run cells in a new kernel, started in a folder; a cell that raises fails the test.

    Args:
        folder: The kernel's working directory.
        *cells: Their texts.
        seen: Told of each message that the kernel publishes, while the cells run.
    """

    class Client(nbclient.NotebookClient):
        def process_message(self, msg: dict[str, Any], cell: Any, cell_index: int) -> Any:
            if seen is not None:
                seen(msg)
            return super().process_message(msg, cell, cell_index)

    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(cell) for cell in cells])
    client = Client(notebook, timeout=120, kernel_name="python3", resources={"metadata": {"path": str(folder)}})
    client.execute()
    return [Cell(cell["outputs"]) for cell in notebook["cells"]]
