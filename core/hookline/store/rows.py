"""The rows that go into the journal and come out of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from hookline.model.states import RunState, Verdict

__all__ = [
    "WHOLE_RUN",
    "Attempt",
    "AttemptRow",
    "Commit",
    "CommitRows",
    "Decision",
    "Failure",
    "Group",
    "Grown",
    "Hit",
    "Location",
    "Log",
    "NewRun",
    "NodeRow",
    "Note",
    "RunRow",
    "Span",
]

WHOLE_RUN = -1
"""The node under which counters of the whole run stand."""

Attempt = tuple[int, int, int, int, bytes | None, bytes | None, int, int, int]
"""One finished attempt on its way in: (node, item, attempt, kind, key, outputs, started_us, duration_us, worker)."""


Grown = tuple[int, int, int, bytes]
"""What an item that grew came to: (node, item, attempt or 0, outputs)."""


Span = tuple[int, int, int, int]
"""(first node, node after the last, first item, item after the last)."""


class RunRow(NamedTuple):
    """One run as the journal holds it."""

    run: int
    id: str
    epoch: int
    state: RunState
    workflow: str
    target: str
    parameters: str
    """JSON."""
    options: str
    """JSON."""
    name: str | None
    tags: tuple[str, ...]
    seed: int
    source_run: int | None
    environment: str
    """JSON."""
    result: bytes | None
    error: str | None
    created_us: int
    finished_us: int | None
    cancel: int
    cancel_why: str | None
    owner_host: str | None
    owner_pid: int | None
    heartbeat_us: int | None
    extra: str | None


class NodeRow(NamedTuple):
    """One task of a run. A mapped task is one node with many items."""

    node: int
    name: str
    """Within the parent: ``train``, ``prep/load``."""
    step: str
    fingerprint: bytes | None = None
    shape: int = 0
    """0: plain, 1: mapped, 2: product."""
    length: int | None = None
    options: str = ""
    bindings: bytes | None = None
    place: str = ""
    """``churn.py:14``."""
    parent: int | None = None
    """The task that grew this one, and which item of it."""
    parent_item: int | None = None
    extra: str | None = None


class AttemptRow(NamedTuple):
    """One finished attempt."""

    run: int
    node: int
    item: int
    attempt: int
    kind: int
    """See :class:`hookline.model.states.Kind`."""
    epoch: int
    sequence: int
    key: bytes | None
    outputs: bytes | None
    started_us: int
    duration_us: int
    worker: int


class Location(NamedTuple):
    """Where an attempt stands in the journal."""

    run: int
    node: int
    item: int
    attempt: int


class Hit(NamedTuple):
    """A recorded attempt whose key is the one that was asked for."""

    run: int
    node: int
    item: int
    attempt: int
    kind: int
    outputs: bytes

    @property
    def location(self) -> Location:
        """Where the attempt stands."""
        return Location(self.run, self.node, self.item, self.attempt)


class Decision(NamedTuple):
    """What was decided about items ``low`` to ``high`` (exclusive) of a node, and why."""

    node: int
    low: int
    high: int
    verdict: Verdict
    why: str
    source_run: int | None = None
    """Reused: item ``low + i`` came from item ``source_low + i`` of this node there."""
    source_node: int | None = None
    source_low: int | None = None
    detail: str | None = None
    """JSON; the same for programs."""
    epoch: int = 0
    """Filled in when read."""


class Failure(NamedTuple):
    """Why an attempt has no result."""

    node: int
    item: int
    attempt: int
    type: str
    message: str
    traceback: str
    notes: str | None = None
    """JSON list."""
    retryable: bool = True
    extra: str | None = None


class Note(NamedTuple):
    """One thing that a step said about itself."""

    node: int
    item: int
    attempt: int
    position: int
    """Order within the attempt."""
    kind: str
    """``metric``, ``param``, ``artifact`` or ``note``."""
    name: str
    value: str | None
    """JSON."""
    step: int | None = None
    outputs: bytes | None = None
    time_us: int = 0


class Log(NamedTuple):
    """The captured output of one attempt."""

    node: int
    item: int
    attempt: int
    outputs: bytes
    """The text, stored like any output."""
    size: int
    dropped: int = 0
    """Bytes that were left out between head and tail."""
    stream: int = 0


class Commit(NamedTuple):
    """One commit, as a cursor for those who must miss nothing."""

    sequence: int
    run: int
    epoch: int
    time_us: int
    ranges: dict[str, list[Span]]
    """Table name to spans: rows within them that carry this sequence number came with this commit.

    The commits with which a driver begins and ends have ``started`` or ``finished`` instead, without spans.
    """


class CommitRows(NamedTuple):
    """What came with one commit and makes events, each kind by node, item and whatever follows."""

    decisions: list[Decision]
    attempts: list[AttemptRow]
    failures: list[Failure]
    notes: list[Note]


@dataclass(frozen=True)
class NewRun:
    """What is known of a run before it starts."""

    workflow: str
    target: str = ""
    parameters: str = "{}"
    """JSON; secrets as references."""
    options: str = "{}"
    """JSON."""
    name: str | None = None
    tags: Sequence[str] = ()
    seed: int = 0
    environment: str = "{}"
    """JSON."""
    result: bytes | None = None
    source_run: int | None = None
    extra: str | None = None


@dataclass
class Group:
    """All that one commit records; it is there wholly or not at all."""

    nodes: list[NodeRow] = field(default_factory=list)
    """Before, or together with, the first attempts of the node."""
    attempts: list[Attempt] = field(default_factory=list)
    grown: list[Grown] = field(default_factory=list)
    failures: list[Failure] = field(default_factory=list)
    notes: list[Note] = field(default_factory=list)
    logs: list[Log] = field(default_factory=list)
    decisions: list[Decision] = field(default_factory=list)
    novel: bool = False
    """Whether every reusable attempt's key was looked up before and not found; makes later look-ups cheaper."""
    code: list[tuple[bytes, bytes]] = field(default_factory=list)
    """(fingerprint, what it was made from)."""
    counters: dict[tuple[int, str], int] = field(default_factory=dict)
    """(node or ``WHOLE_RUN``, state) to the number of items; replaces what stood there."""

    def __bool__(self) -> bool:
        rows = (self.attempts, self.nodes, self.decisions, self.grown, self.failures, self.notes, self.logs, self.code)
        return any(rows) or bool(self.counters)

    def __len__(self) -> int:
        """How many rows there are of the kinds of which there may be many."""
        return len(self.attempts) + len(self.nodes) + len(self.decisions) + len(self.grown)
