"""Where Python is used in a notebook: lets the cell show a run that is started from it, and stop it."""

from __future__ import annotations

import contextlib
import importlib
import sys
from collections.abc import Iterator, Sequence
from typing import cast

from hookline.engine.stop import Stop
from hookline.model.events import Observer

__all__ = ["notebook_shell", "shown"]

# What talks to people stands above the engine; it is reached by name, and only in a notebook's kernel.
_NOTEBOOK = "hookline.cli.notebook.display"


@contextlib.contextmanager
def shown(observers: Sequence[Observer], stop: Stop, progress: bool) -> Iterator[Sequence[Observer]]:
    """Let a notebook's cell watch a run while the block goes on; elsewhere nothing is added.

    Args:
        observers: Those who watch it in any case.
        stop: With this the cell's stop button asks the run to stop.
        progress: Whether the cell shows progress.

    Yields:
        All who watch it.
    """
    if notebook_shell() is None:
        yield observers
        return
    with importlib.import_module(_NOTEBOOK).in_cell(stop, progress) as own:
        yield (*observers, *cast("Sequence[Observer]", own))


def notebook_shell() -> object | None:
    """Give the shell of the notebook whose kernel this process is; None in every other process."""
    # Nobody is in a notebook who has not imported IPython.
    ipython = sys.modules.get("IPython")
    running = ipython.get_ipython() if ipython is not None and hasattr(ipython, "get_ipython") else None
    return running if getattr(running, "kernel", None) is not None else None
