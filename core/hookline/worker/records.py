"""The records of a plugin, wherever its code runs: those of a store, with what stores the artifacts they refer to."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from hookline.ml import ArtifactRef
from hookline.model.artifact import ref_of, stored_of
from hookline.model.record import Records
from hookline.store.artifact_writer import ArtifactWriter
from hookline.store.artifacts import Artifacts
from hookline.store.protocol import Store
from hookline.store.records import Origin
from hookline.worker.loading import FileOpener
from hookline.worker.storing import Storer

__all__ = ["StoredValues", "records_of_task"]


class StoredValues:
    """Stores and loads the values of artifacts; see :class:`hookline.store.records.Values`.

    Args:
        storer: Turns values into stored bytes.
        writer: Takes the bytes.
        opener: Loads them.
    """

    def __init__(self, storer: Storer, writer: ArtifactWriter, opener: FileOpener) -> None:
        self._storer = storer
        self._writer = writer
        self._opener = opener

    def keep(self, value: object) -> ArtifactRef:
        """Store a value durably."""
        stored = self._storer.slot(value)
        self._writer.sync()
        return ref_of(stored)

    def load(self, ref: ArtifactRef) -> Any:
        """Load a stored value."""
        return self._opener.load(stored_of(ref))


def records_of_task(
    store: Store,
    plugin: str,
    origin: tuple[str, str],
    storer: Storer,
    writer: ArtifactWriter,
    artifacts: Artifacts,
    folder: Callable[[], Path],
) -> Records:
    """Give the records of a plugin to a task.

    Args:
        store: The store.
        plugin: The plugin's name.
        origin: The run's id and the task's.
        storer: Turns values into stored bytes.
        writer: Takes the bytes.
        artifacts: Reads them.
        folder: Gives the folder for copies of stored files.
    """
    values = StoredValues(storer, writer, FileOpener(artifacts, folder))
    return store.records(plugin, values, Origin(*origin))
