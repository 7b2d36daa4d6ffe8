"""What Python programs and the command line read: the runs in a store, and the workflows that they were runs of."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Self

from hookline.config import StoreAddress, configure, scheme_of, store_address
from hookline.engine.past.history import recorded_over, recorded_run
from hookline.engine.past.replay import Event, latest_cursor, replay
from hookline.errors import UsageError
from hookline.hooks.loader import load_plugins
from hookline.hooks.stores import open_configured
from hookline.model.bringing import bring_with
from hookline.model.record import Records
from hookline.model.run import Run
from hookline.store.protocol import Store
from hookline.store.rows import RunRow
from hookline.values.policy import set_load_policy
from hookline.worker.declared import is_declared
from hookline.worker.target import Target, load_target

__all__ = ["RecordedStore", "as_recorded", "open_run", "open_store", "recorded_target", "run_in"]


def open_run(run_id: str = "last", *, store: StoreAddress | None = None) -> Run:
    """Give a recorded run.

    Args:
        run_id: Its id, a prefix, ``"last"`` or ``"last~1"``.
        store: As for :func:`run`.

    Returns:
        The run, read from the store when asked.
    """
    return open_store(store_address(store)).run(run_id)


def run_in(store: Store, run_id: str) -> Run:
    """Give a run that is recorded in a store that is open.

    Args:
        store: The store.
        run_id: Its id, a prefix, ``"last"`` or ``"last~1"``.
    """
    row = store.run(run_id)
    return recorded_run(store, row, lambda: recorded_target(row))


class RecordedStore:
    """A store as users and plugins see it; also a context manager, which closes it.

    Args:
        journal: What is recorded.
        root: The project's folder.
    """

    def __init__(self, journal: Store, root: Path) -> None:
        self._journal = journal
        self._root = root

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

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

    def events(self, after: str = "", limit: int | None = None) -> Iterator[Event]:
        """Go through what was recorded of all runs, oldest first, as the events that hooks are given live.

        Args:
            after: The :attr:`cursor` of the last event that is known already; empty to begin with the first.
            limit: How many events at most; None for all that are recorded by now.

        Returns:
            The events, read from the store as they are asked for. Deleted runs have none.

        Raises:
            UsageError: ``after`` is no cursor.
        """
        return replay(self._journal, after, limit)

    @property
    def cursor(self) -> str:
        """The place after the last event that is recorded by now, for :meth:`events`."""
        return latest_cursor(self._journal)

    def records(self, plugin: str) -> Records:
        """Give what a plugin remembers in this store.

        Args:
            plugin: The plugin's name.

        Raises:
            UsageError: No plugin can have that name.
        """
        # Those who only look at runs are not to wait for what stores values.
        from hookline.worker.loading import FileOpener
        from hookline.worker.records import StoredValues
        from hookline.worker.services import LateCodeDigest
        from hookline.worker.storing import Storer

        artifacts = self._journal.artifacts
        writer = artifacts.writer()
        storer = Storer(writer, LateCodeDigest(self._root), self.path / "attempts")
        opener = FileOpener(artifacts, lambda: _made(self.path / "files"), lasting=True)
        return self._journal.records(plugin, StoredValues(storer, writer, opener))

    def close(self) -> None:
        """Give connections back; artifacts that no record refers to by now may be collected."""
        self._journal.artifacts.close()
        self._journal.close()

    def _recorded(self, row: RunRow) -> Run:
        return recorded_run(self._journal, row, lambda: recorded_target(row))


def _made(folder: Path) -> Path:
    folder.mkdir(exist_ok=True)
    return folder


def open_store(address: StoreAddress) -> RecordedStore:
    """Open a store: its runs, its events, and what plugins remember in it.

    Args:
        address: The store's folder, usually ``.hookline``, or its URL. A URL's scheme is looked for among the plugins
            of the project in the working directory.

    Returns:
        The store.

    Raises:
        StoreError: There is no store, or it can't be read.
        UsageError: No plugin brings a store of that scheme.
    """
    near = None if scheme_of(address) else Path(address).expanduser().absolute().parent
    settings = configure(near, store=address)
    bring_with(lambda: load_plugins(settings))
    if settings.origin("load_policy") != "default":
        set_load_policy(settings.load_policy)
    return RecordedStore(open_configured(settings), settings.root if near is None else near)


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
    return as_recorded(_found(row, where), row)


def as_recorded(target: Target, row: RunRow) -> Target:
    """Map the workflow over the parameters over which a run mapped it, if it did.

    Args:
        target: The workflow as the user wrote it, or mapped already.
        row: The run.

    Raises:
        UsageError: One of the parameters is gone.
    """
    over = recorded_over(row)
    if over and not target.workflow.mapped_over:
        return replace(target, workflow=target.workflow.over(*over))
    return target


def _found(row: RunRow, where: Mapping[str, str]) -> Target:
    place = where.get("file") or where.get("module")
    if place and is_declared(place):
        return load_target(place)
    if not place or not where.get("attribute"):
        raise UsageError(
            f"the workflow '{row.workflow}' has no name in a file, so it can't be found again",
            help=f"resume it where it is defined: hookline.resume('{row.id}', workflow={row.workflow})",
        )
    return load_target(f"{place}:{where['attribute']}")
