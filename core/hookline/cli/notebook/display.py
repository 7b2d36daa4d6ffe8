"""A run in a notebook's cell: progress that is redrawn in place, and the stop button."""

from __future__ import annotations

import contextvars
import importlib
import os
import signal
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType
from typing import TYPE_CHECKING, Any

from hookline.cli.notebook.cells import name_cells
from hookline.cli.notebook.progress import draw_progress, write_progress
from hookline.cli.tally import Tally
from hookline.model.events import Event, Observer, RunFinished
from hookline.model.recording import in_attempt

if TYPE_CHECKING:
    from hookline.engine.stop import Stop

__all__ = ["CellProgress", "in_cell"]

_SWITCH = "HOOKLINE_PROGRESS"
_PAUSE = 0.2
_LONGEST_PAUSE = 1.0
# Frontends may send one click of the stop button as several signals.
_SAME_REQUEST = 0.3


@contextmanager
def in_cell(stop: Stop, progress: bool) -> Iterator[list[Observer]]:
    """Let a cell show a run, and its stop button stop it, while the block goes on.

    Args:
        stop: Takes the requests to stop.
        progress: Whether progress is shown; ``HOOKLINE_PROGRESS=0`` in the environment turns it off everywhere.

    Yields:
        What has to watch the run.
    """
    shown = progress and os.environ.get(_SWITCH, "1").lower() not in ("0", "off", "false", "no")
    cell = CellProgress() if shown else None
    try:
        with _stopping(stop, cell):
            yield [cell] if cell is not None else []
    finally:
        if cell is not None:
            cell.close()


class CellProgress:
    """One line per step in the cell's output, redrawn in place as HTML, with plain text for what can't show that."""

    def __init__(self) -> None:
        self.tally = Tally()
        self._words = ""
        self._handle: Any = None
        self._ended = threading.Event()
        # Kernels tell by context variables which cell an output belongs to; other threads have none of their own.
        self._context = contextvars.copy_context()
        self._drawing: threading.Thread | None = None

    def __call__(self, event: Event) -> None:
        """Take in what happened; it is drawn with the next refresh."""
        self.tally.take(event)
        if self._handle is None and not isinstance(event, RunFinished):
            self._handle = self._context.run(_display, self._bundle())
            self._drawing = threading.Thread(target=self._redraw, name="hookline-cell", daemon=True)
            self._drawing.start()

    def stopping(self, words: str) -> None:
        """Show that the run was asked to stop, with the next refresh."""
        self._words = words

    def close(self) -> None:
        """Draw the last state, which stays in the notebook."""
        self._ended.set()
        if self._drawing is not None:
            self._drawing.join()
            self._update(self._bundle())

    def _redraw(self) -> None:
        pause, before = _PAUSE, ""
        while not self._ended.wait(pause):
            began = time.monotonic()
            bundle = self._bundle()
            if bundle["text/html"] != before:
                before = bundle["text/html"]
                self._update(bundle)
            # A run with many steps must not spend its time on drawing them.
            pause = min(max(_PAUSE, 10 * (time.monotonic() - began)), _LONGEST_PAUSE)

    def _update(self, bundle: dict[str, str]) -> None:
        self._context.run(self._handle.update, bundle, raw=True)

    def _bundle(self) -> dict[str, str]:
        return {
            "text/html": draw_progress(self.tally, self._words),
            "text/plain": name_cells(write_progress(self.tally, self._words)),
        }


def _display(bundle: dict[str, str]) -> Any:
    return importlib.import_module("IPython.display").display(bundle, raw=True, display_id=True)


@contextmanager
def _stopping(stop: Stop, cell: CellProgress | None) -> Iterator[None]:
    """Turn the stop button into requests to stop; a kernel goes on after the run, so nothing ends the process."""
    last = 0.0

    def handle(number: int, frame: FrameType | None) -> None:  # noqa: ARG001 - the signal module's signature
        nonlocal last
        if in_attempt.get() is not None:
            # The inline executor: the step itself is what has to stop. The engine records it, and stops the run.
            raise KeyboardInterrupt
        now = time.monotonic()
        if stop.level and now - last > _SAME_REQUEST:
            stop.hard()
            words = "ending at once"
        else:
            stop.soft()
            words = "stopping: no more tasks are started, running ones may end; once more to end them at once"
        last = now
        if cell is not None:
            cell.stopping(words)

    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.signal(signal.SIGINT, handle)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)
