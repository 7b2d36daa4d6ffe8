"""Driving a run from the command line: progress, signals, the ending, the exit code."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from hookline.cli.described import as_text
from hookline.cli.ending import ending_document, tell_ending
from hookline.cli.exits import exit_code_of
from hookline.cli.output import show, show_json
from hookline.cli.progress import make_progress
from hookline.cli.signals import stopping_on_signals
from hookline.cli.wording import clean, hint, one_line, table
from hookline.config import StoreAddress, store_address, without_password
from hookline.model.events import Observer
from hookline.model.run import Run
from hookline.model.states import RunState

if TYPE_CHECKING:
    from hookline.engine.stop import Stop

__all__ = ["drive", "store_hint"]

_LONGEST_LINE = 200


def drive(start: Callable[[Sequence[Observer], Stop], Run], store: StoreAddress, quiet: bool, as_json: bool) -> int:
    """Let a run happen and tell of it.

    Args:
        start: Runs it with these observers and requests to stop, and waits for the end.
        store: Where it is recorded.
        quiet: Whether to show no progress.
        as_json: Whether standard output gets the outcome as JSON rather than the result for people.

    Returns:
        What to exit with.
    """
    from hookline.engine.stop import Stop

    stop = Stop()
    progress, own_store = make_progress(quiet), store_hint(store)
    try:
        with stopping_on_signals(stop, progress.stopping, hint("resume", "last", store=own_store)) as interruption:
            run = start([progress], stop)
    finally:
        progress.close()
    tell_ending(run, progress.tally, own_store, quiet)
    if as_json:
        show_json(ending_document(run, progress.tally, store, interruption.number))
    elif RunState(run.status) is RunState.COMPLETED:
        _show_result(run)
    return exit_code_of(run.status, interruption.number)


def _show_result(run: Run) -> None:
    """Show what the workflow returned; of a mapped one a line for each partition that returned anything."""
    from hookline.engine.past.partition_results import PartitionResults

    result = run.result
    if isinstance(result, PartitionResults):
        # Each value is loaded on its own, and let go of.
        values = ((name, value) for name, value in result.items() if value is not None)
        rows = [(name, one_line(as_text(value), _LONGEST_LINE)) for name, value in values]
        for line in table((), rows):
            show(line)
    elif result is not None:
        show(clean(as_text(result)))


def store_hint(store: StoreAddress) -> str:
    """Write a store's address for a suggested command; empty where the command would find the store by itself."""
    try:
        found = store_address()
    except Exception:  # noqa: BLE001 - then it has to be named in any case
        found = ""
    return "" if _resolved(found) == _resolved(store) else without_password(store)


def _resolved(address: StoreAddress) -> StoreAddress:
    return address.resolve() if isinstance(address, Path) else address
