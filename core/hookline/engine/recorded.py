"""What Python programs and the command line read: the runs in a store, and the workflows that they were runs of."""

from __future__ import annotations

import json
from pathlib import Path

from hookline.config import configure, store_path
from hookline.engine.history import recorded_run
from hookline.errors import UsageError
from hookline.hooks.loader import load_plugins
from hookline.model.run import Run
from hookline.store.journal import open_store as open_journal
from hookline.store.rows import RunRow
from hookline.values.bringing import bring_with
from hookline.values.policy import set_load_policy
from hookline.worker.target import Target, load_target

__all__ = ["RecordedStore", "open_run", "open_store", "recorded_target"]


def open_run(run_id: str = "last", *, store: str | Path | None = None) -> Run:
    """Give a recorded run.

    Args:
        run_id: Its id, a prefix, ``"last"`` or ``"last~1"``.
        store: As for :func:`run`.

    Returns:
        The run, read from the store when asked.
    """
    return open_store(store_path(store)).run(run_id)


class RecordedStore:
    """The runs in a store, as users see them.

    Args:
        path: The store's folder.
    """

    def __init__(self, path: str | Path) -> None:
        self._journal = open_journal(path)

    @property
    def path(self) -> Path:
        """The store's folder."""
        return self._journal.path

    def runs(self, limit: int | None = None) -> list[Run]:
        """List runs, newest first.

        Args:
            limit: How many at most.
        """
        return [self._recorded(row) for row in self._journal.runs(limit)]

    def run(self, run_id: str = "last") -> Run:
        """Find one run.

        Args:
            run_id: Its id, a prefix, ``"last"`` or ``"last~1"``.

        Raises:
            UsageError: There is none, or several.
        """
        return self._recorded(self._journal.run(run_id))

    def close(self) -> None:
        """Give connections back."""
        self._journal.close()

    def _recorded(self, row: RunRow) -> Run:
        return recorded_run(self._journal, row, lambda: recorded_target(row))


def open_store(path: str | Path) -> RecordedStore:
    """Open a store for reading its runs.

    Args:
        path: The store's folder, usually ``.hookline``.

    Returns:
        Its runs.

    Raises:
        StoreError: There is no store, or it can't be read.
    """
    settings = configure(Path(path).absolute().parent)
    bring_with(lambda: load_plugins(settings))
    if settings.origin("load_policy") != "default":
        set_load_policy(settings.load_policy)
    return RecordedStore(path)


def recorded_target(row: RunRow) -> Target:
    """Load the workflow that a run was started with, from where it was found then.

    Args:
        row: The run.

    Returns:
        The target.

    Raises:
        UsageError: It had no name in a file, or is gone.
    """
    where = json.loads(row.target)
    place = where.get("file") or where.get("module")
    if not place or not where.get("attribute"):
        raise UsageError(
            f"the workflow '{row.workflow}' has no name in a file, so it can't be found again",
            help=f"resume it where it is defined: hookline.resume('{row.id}', workflow={row.workflow})",
        )
    return load_target(f"{place}:{where['attribute']}")
