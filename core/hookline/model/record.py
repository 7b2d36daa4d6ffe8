"""What plugins remember in a store, from run to run: records, of which every version is kept."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from typing import Any, NamedTuple, Protocol

from hookline.ml import ArtifactRef

__all__ = ["Record", "Records"]


class Record(NamedTuple):
    """One version of what a plugin remembers under a name.

    Attributes:
        kind: What sort of thing it is, such as ``"model"``.
        name: Which one.
        version: 1 for the first, then one more each time.
        value: JSON values and nouns of ``hookline.ml``; None where the record was deleted.
        deleted: Whether this version says that the record is no more.
        who: Who wrote it: the user at the machine.
        time_us: When it was written: microseconds since 1970 (UTC).
        run_id: The run in which it was written; empty where it was none.
        task_id: The task in which it was written; empty where it was none.
    """

    kind: str
    name: str
    version: int
    value: Any
    deleted: bool
    who: str
    time_us: int
    run_id: str
    task_id: str

    @property
    def time(self) -> datetime:
        """When it was written."""
        return datetime.fromtimestamp(self.time_us / 1e6, UTC)


class Records(Protocol):
    """The records of one plugin in one store; safe to use from several threads and processes at once.

    A record is named by its kind and its name. Values are JSON values, nouns of ``hookline.ml``, and references to
    artifacts at any depth: what a version refers to is kept for as long as the version is.
    """

    @property
    def plugin(self) -> str:
        """Whose records these are."""
        ...

    def put(
        self, kind: str, name: str, value: object, *, expect: int | None = None, refers: Iterable[ArtifactRef] = ()
    ) -> int:
        """Write the next version of a record.

        Args:
            kind: What sort of thing it is: letters, digits, ``_``, ``.`` and ``-``.
            name: Which one: any printable text.
            value: What to remember.
            expect: The version that must be there now; 0 for none; None for whatever is.
            refers: Artifacts to keep besides those that the value refers to.

        Returns:
            The number of the version.

        Raises:
            ConflictError: Another version is there than expected; nothing was written.
            UsageError: The kind, name or value can't be recorded.
            ArtifactError: An artifact that it refers to is not there.
            StoreError: The store can't be written.
        """
        ...

    def get(self, kind: str, name: str, version: int | None = None) -> Record | None:
        """Read a record.

        Args:
            kind: What sort of thing it is.
            name: Which one.
            version: Which version, deleted or not; None for the newest.

        Returns:
            The record; None where there is none, or, without a version, where it was deleted.
        """
        ...

    def update(self, kind: str, name: str, change: Callable[[Any], object]) -> int:
        """Write what follows from what is there, whoever else does so at the same time.

        Args:
            kind: What sort of thing it is.
            name: Which one.
            change: From the value that is there, None for none, to the next; called again where another came first.

        Returns:
            The number of the version.

        Raises:
            UsageError: See :meth:`put`; as for the others.
        """
        ...

    def delete(self, kind: str, name: str, *, expect: int | None = None) -> int:
        """Write a version that says that the record is no more; earlier ones stay.

        Args:
            kind: What sort of thing it is.
            name: Which one.
            expect: The version that must be there now; None for whatever is.

        Returns:
            The number of that version; of the newest one, perhaps 0, where there was nothing to delete.

        Raises:
            ConflictError: Another version is there than expected; nothing was written.
        """
        ...

    def history(self, kind: str, name: str) -> list[Record]:
        """List all versions of a record, the oldest first, deletions among them."""
        ...

    def list(self, kind: str | None = None, prefix: str = "") -> list[Record]:
        """List the newest versions of records that were not deleted, by kind and name.

        Args:
            kind: Of which sort; None for all.
            prefix: What their names begin with.
        """
        ...

    def trim(self, kind: str, name: str, *, keep: int = 1) -> int:
        """Forget old versions of a record, so that artifacts that only they refer to can be collected.

        Args:
            kind: What sort of thing it is.
            name: Which one.
            keep: How many of the newest versions stay, at least one.

        Returns:
            How many versions were forgotten.
        """
        ...

    def keep(self, value: object) -> ArtifactRef:
        """Store a value, so that a record can refer to it.

        Args:
            value: Anything that a step could return; a ``Path`` to a file or folder for its content.

        Returns:
            A reference. Until a record with it is put, the artifact is kept only as long as the store is open or the
            run goes on.
        """
        ...

    def load(self, ref: ArtifactRef) -> Any:
        """Load what :meth:`keep` or a task stored.

        Raises:
            ArtifactError: It is missing or damaged.
        """
        ...
