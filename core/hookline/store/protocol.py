"""What any store offers: the protocol that the engine is written against.

A store keeps the journal where it likes. Beside it there is always a folder on a disk of this machine, which
:attr:`Store.path` names: for artifacts, for what attempts write, and for what tells drivers of each other.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Protocol, Self

from hookline.model.states import RunState
from hookline.store.artifacts import Artifacts
from hookline.store.flight import Flight
from hookline.store.measured import Measured
from hookline.store.rows import (
    AttemptRow,
    Commit,
    CommitRows,
    Decision,
    Failure,
    Group,
    Hit,
    Location,
    Log,
    NewRun,
    NodeRow,
    Note,
    RunRow,
)

if TYPE_CHECKING:
    from hookline.model.record import Records
    from hookline.store.records import Origin, Values

__all__ = ["RunWriter", "Store"]


class Store(Protocol):
    """What runs left behind. Runs are named by id, prefix, ``last``, ``last~1``, or by their row number."""

    @property
    def path(self) -> Path:
        """A folder on a disk of this machine, which is there while the store is open.

        Artifacts are in ``artifacts``, what attempts write in ``attempts``, copies of stored files in ``files``.
        Workers are given these paths, and use them without the store.
        """

    @property
    def address(self) -> str:
        """What leads to this store: the URL that it was opened with, or the path of its folder.

        Workers that need the journal itself open the store with it once more.
        """

    @property
    def artifacts(self) -> Artifacts:
        """Where values too large for a row are."""

    def runs(self, limit: int | None = None) -> list[RunRow]:
        """List runs, newest first."""

    def run(self, run: str | int) -> RunRow:
        """Find one run.

        Raises:
            UsageError: No run, or several, answer to the name.
        """

    def id_of(self, run: int) -> str | None:
        """Give the id of a run by its row number; None where it was deleted."""

    def nodes(self, run: str | int, *, own: bool = False) -> list[NodeRow]:
        """List the tasks of a run as its newest epoch left them, by number.

        Args:
            run: The run.
            own: Whether to leave those out that grew.
        """

    def node(self, run: str | int, node: int) -> NodeRow | None:
        """Find one task of a run as its newest epoch left it."""

    def attempts(
        self, run: str | int, node: int | None = None, low: int = 0, high: int | None = None
    ) -> Iterator[AttemptRow]:
        """Go through attempts by node, item and number."""

    def outputs(self, run: str | int, node: int, low: int, high: int) -> list[bytes | None]:
        """Give the outputs of the last successful attempt of each item from ``low`` up to ``high``.

        Items that were reused give the outputs of the attempt they came from; items without a result give None.
        """

    def decisions(self, run: str | int, node: int | None = None) -> list[Decision]:
        """List decisions by node, first item and epoch."""

    def failures(self, run: str | int, node: int | None = None) -> list[Failure]:
        """List failures by node, item and attempt."""

    def notes(self, run: str | int, node: int | None = None) -> list[Note]:
        """List notes by node, item, attempt and position."""

    def logs(self, run: str | int, node: int | None = None) -> list[Log]:
        """List captured output by node, item, attempt and stream."""

    def counters(self, run: str | int) -> dict[tuple[int, str], int]:
        """Give the number of items per (node, state)."""

    def code(self, fingerprint: bytes) -> bytes | None:
        """Give what a fingerprint was made from."""

    def lookup(self, fingerprint: bytes, keys: Sequence[bytes], *, besides: int | None = None) -> dict[bytes, Hit]:
        """Find the newest reusable attempt for each key; keys without one are left out.

        Args:
            fingerprint: Of the code that the keys belong to.
            keys: Whole keys.
            besides: A run whose own attempts need not be found; makes look-ups cheaper while it records.
        """

    def prefixes(
        self, fingerprint: bytes, *, after: int = 0, besides: int | None = None, most: int = 1 << 20
    ) -> tuple[bytes, int] | None:
        """Give the first eight bytes of each key that :meth:`lookup` might find something for.

        Args:
            fingerprint: Of the code that the keys belong to.
            after: The number that came with those that are known already.
            besides: A run whose own attempts need not be among them.
            most: How many at most.

        Returns:
            The beginnings of keys, joined, in any order and perhaps some more than once; with a number for ``after``.
            None where there are more.
        """

    def attempt(self, location: Location) -> AttemptRow | None:
        """Read one attempt."""

    def last_node(self, workflow: str, name: str, *, before: int | None = None) -> tuple[RunRow, NodeRow] | None:
        """Find the task of this name in the latest run of the workflow that has it, before the given run."""

    def measured(self, workflow: str, tasks: Collection[str] = ()) -> Measured:
        """Tell how long the tasks of the latest runs of a workflow took: of as few as tell about the given tasks."""

    def events(self, after: int = 0, limit: int = 1000) -> list[Commit]:
        """List commits after a sequence number, oldest first."""

    def latest_commit(self) -> int:
        """Give the sequence number of the newest commit; 0 where there is none."""

    def rows_of(self, commit: Commit) -> CommitRows:
        """Give what came with a commit and makes events.

        Args:
            commit: As :meth:`events` gives it. Rows that were deleted since are left out.
        """

    def records(self, plugin: str, values: Values, origin: Origin | None = None) -> Records:
        """Give what a plugin remembers in this store.

        Args:
            plugin: The plugin's name.
            values: Stores and loads the artifacts that records refer to.
            origin: The run and the task in which records are written; None for neither.

        Raises:
            UsageError: No plugin can have that name.
        """

    def start_run(self, new: NewRun) -> RunWriter:
        """Record a new run and own it."""

    def take_run(self, run: str | int, *, takeover: bool = False) -> RunWriter:
        """Own a run that exists, to go on with it.

        What was in flight when its driver died is recorded as attempts of kind ``ORPHANED``.

        Raises:
            OwnershipError: A living driver owns it, and ``takeover`` is off.
        """

    def request_cancel(self, run: str | int, *, kill: bool = False, why: str = "") -> None:
        """Ask the driver of a run to stop it."""

    def is_driven(self, run: RunRow) -> bool:
        """Tell whether a living driver owns the run."""

    def state_of(self, run: RunRow) -> RunState:
        """Tell how a run stands, or stood when it was deleted, seeing through drivers that died without saying so."""

    def close(self) -> None:
        """Give connections back."""

    def __enter__(self) -> Self: ...

    def __exit__(self, *_: object) -> None: ...


class RunWriter(Protocol):
    """The right to record one run; safe to use from several threads."""

    @property
    def run_id(self) -> str:
        """The id of the run."""

    @property
    def run(self) -> int:
        """Its row number."""

    @property
    def epoch(self) -> int:
        """The fencing number of this ownership."""

    @property
    def flight(self) -> Flight:
        """What is running right now."""

    def commit(self, group: Group) -> int:
        """Record a group, wholly or not at all, and give the sequence number of the commit.

        Raises:
            OwnershipError: Another driver took the run over; nothing was recorded.
            StoreError: The disk is full or can't be written; nothing was recorded, and the group may be tried again.
        """

    def heartbeat(self) -> int:
        """Say that the driver lives; tells what ``cancelled`` tells."""

    def cancelled(self) -> int:
        """Tell whether somebody asked to stop: 0 no, 1 stop launching, 2 kill.

        Raises:
            OwnershipError: Another driver took the run over.
        """

    def set_state(self, state: RunState) -> None:
        """Change the state of a run that goes on."""

    def finish(self, state: RunState, *, error: str | None = None, result: bytes | None = None) -> None:
        """Record how the run ended."""

    def close(self) -> None:
        """Give the ownership back."""

    def __enter__(self) -> Self: ...

    def __exit__(self, *_: object) -> None: ...
