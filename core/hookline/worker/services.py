"""What a worker has at hand while it makes attempts."""

from __future__ import annotations

import functools
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from hookline.errors import StoreError
from hookline.model.batch import Outcome, Output, RunFacts
from hookline.model.work import FunctionRef
from hookline.store.artifact_writer import ArtifactWriter
from hookline.store.artifacts import Artifacts
from hookline.store.checked import Checked
from hookline.store.flight import Flight, Slot, checked_path
from hookline.values.homes import note_code_digest
from hookline.values.policy import set_load_policy
from hookline.worker.storing import Storer

if TYPE_CHECKING:
    from hookline.model.record import Records
    from hookline.store.protocol import Store
    from hookline.worker.attempts import Attempts
    from hookline.worker.event_loop import EventLoop
    from hookline.worker.plugins import WorkerLife, WorkerPlugins
    from hookline.worker.providers import Providers

__all__ = ["Emit", "LateCodeDigest", "OutputCapture", "SharedServices", "WorkerServices", "open_services"]

CodeDigest = Callable[[frozenset[object]], bytes]


class Emit(Protocol):
    """Takes outcomes of a batch."""

    def __call__(self, outcomes: list[Outcome], done: bool, positions: Sequence[int] | None = None) -> None:
        """Take them.

        Args:
            outcomes: The outcomes.
            done: Whether the batch has no more.
            positions: Which of the batch's attempts these are; None for those that are next in order.
        """
        ...


class OutputCapture(Protocol):
    """Keeps what the attempt in this thread prints and logs."""

    def begin(self) -> None:
        """An attempt starts in this thread."""
        ...

    def begin_here(self) -> Callable[[], Output | None]:
        """An attempt starts in this context, beside others in this thread; give what ends it."""
        ...

    def end(self) -> Output | None:
        """It ended; None where it wrote nothing."""
        ...


@dataclass(slots=True)
class SharedServices:
    """What all workers of one process share.

    Attributes:
        run: What the engine says about the run.
        artifacts: Where stored bytes are read.
        writer: Where they are written.
        storer: Turns values into such bytes.
        flight: What is in flight.
        find: Finds the plain function of a step.
        code_digest: Digests the project code that a value refers to.
        prepared: Work that this process has seen, by task.
        plugins: What plugins do in this process; None where there are none.
        attempts: Makes the attempts of a batch: those with plugins around them are of a class of their own.
        here: Gives a value with paths that lead somewhere, on a node that does not see the driver's files; else None.
        event_loop: Where attempts of async steps go on side by side; made at the first of them.
        providers: What providers have opened; made for the first step that has one.
    """

    run: RunFacts
    artifacts: Artifacts
    writer: ArtifactWriter
    storer: Storer
    flight: Flight
    find: Callable[[FunctionRef], Callable[..., Any]]
    code_digest: CodeDigest
    plugins: WorkerPlugins | None
    attempts: Callable[..., Attempts]
    here: Callable[[Any], Any] | None = None
    prepared: dict[int, Any] = field(default_factory=dict)
    event_loop: EventLoop | None = None
    providers: Providers | None = None
    _store: Store | None = None
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def open_loop(self) -> EventLoop:
        """Give the loop of this process, which goes on from one attempt to the next."""
        with self._lock:
            if self.event_loop is not None and self.event_loop.left_behind:
                self.event_loop.close()
                self.event_loop = None
            if self.event_loop is None:
                from hookline.worker.event_loop import EventLoop

                self.event_loop = EventLoop(self._leave_loop)
            return self.event_loop

    def open_providers(self) -> Providers:
        """Give what providers have opened in this process."""
        with self._lock:
            if self.providers is None:
                from hookline.worker.providers import Providers

                self.providers = Providers()
            return self.providers

    async def _leave_loop(self) -> None:
        if self.providers is not None:
            await self.providers.leave_loop()

    def records(self, plugin: str, task_id: str, folder: Callable[[], Path]) -> Records:
        """Give the records of a plugin to a task.

        Args:
            plugin: The plugin's name.
            task_id: The task's id.
            folder: Gives the folder for copies of stored files.

        Raises:
            StoreError: The run's store can't be opened, or this node does not see it.
        """
        if not self.run.store:
            raise StoreError(
                f"the records of the plugin '{plugin}' are in the run's store, whose folder this node does not see",
                help="keep the store on a file system that all nodes share, or let the step run on a node that sees it",
            )
        # Few workers ever read the journal: the others are not to wait for SQLite.
        from hookline.hooks.plugin_set import NO_PLUGINS
        from hookline.hooks.stores import open_address
        from hookline.worker.records import records_of_task

        with self._lock:
            if self._store is None:
                found = NO_PLUGINS if self.plugins is None else self.plugins.set
                self._store = open_address(self.run.store, lambda: found)
        origin = (self.run.run_id, task_id)
        return records_of_task(self._store, plugin, origin, self.storer, self.writer, self.artifacts, folder)

    def close(self) -> None:
        """End the loop, close what providers opened, and give files back."""
        if self.event_loop is not None:
            self.event_loop.close()
        if self.providers is not None:
            self.providers.close()
        if self._store is not None:
            self._store.close()
        self.writer.close()
        self.artifacts.close()
        self.flight.close()


@dataclass(slots=True)
class WorkerServices:
    """What one worker (a thread or process) has.

    Attributes:
        shared: What it shares with others of its process.
        worker: Its number.
        slot: Its place in the flight file.
        capture: Keeps the attempts' output; None where nothing is captured.
        is_cancelled: Tells whether a batch is asked to end.
        expendable: Whether this process may end to get rid of an attempt that does not.
        life: What plugins set up for this worker.
    """

    shared: SharedServices
    worker: int
    slot: Slot
    capture: OutputCapture | None = None
    is_cancelled: Callable[[int], bool] = lambda _: False
    expendable: bool = False
    life: WorkerLife | None = None

    @property
    def run(self) -> RunFacts:
        """What the engine says about the run."""
        return self.shared.run

    def begin(self) -> None:
        """Let plugins set up what the worker needs.

        Raises:
            HooklineError: A plugin could not.
        """
        if self.shared.plugins is not None:
            self.life = self.shared.plugins.begin(self.worker)

    def end(self) -> None:
        """Close what providers opened, and let plugins tear down, in the worker's own thread where it has one."""
        if self.shared.providers is not None:
            self.shared.providers.leave()
        if self.life is not None:
            self.life.end()


def open_services(run: RunFacts) -> SharedServices:
    """Open what a process needs to make attempts of a run.

    Args:
        run: What the engine says about the run.

    Returns:
        Services for all workers of this process.
    """
    artifacts = Artifacts(Path(run.artifacts), run.run_id, Checked(checked_path(Path(run.flight))))
    code_digest = LateCodeDigest(Path(run.root))
    note_code_digest(code_digest)
    writer = artifacts.writer()
    storer = Storer(writer, code_digest, Path(run.folder))
    plugins, attempts = _plugins(run)
    set_load_policy(run.load_policy)  # which may be a plugin's
    flight = Flight(Path(run.flight))
    find = functools.partial(_find, run)
    return SharedServices(run, artifacts, writer, storer, flight, find, code_digest, plugins, attempts, _here(run))


def _plugins(run: RunFacts) -> tuple[WorkerPlugins | None, Callable[..., Attempts]]:
    if run.plugins:
        # Imports pluggy and what plugins need; a worker without any is not to wait for that.
        from hookline.worker.plugins import WorkerPlugins, attempts_class

        plugins = WorkerPlugins(run)
        return plugins, attempts_class(plugins)
    from hookline.worker.attempts import Attempts

    return None, Attempts


def _here(run: RunFacts) -> Callable[[Any], Any] | None:
    if not run.files:
        return None
    from hookline.worker.brought import PathsHere

    return PathsHere(run)


def _find(run: RunFacts, ref: FunctionRef) -> Callable[..., Any]:
    if ref.local is not None:
        return ref.local
    from hookline.worker.functions import find

    function = find(ref)
    if ref.held:
        from hookline.worker.agreement import check

        check(ref, run.root, run.homes)
    return function


class LateCodeDigest:
    """Digests the project code that values refer to; most runs have no such values, and never import what it takes.

    Args:
        root: The project root.
    """

    def __init__(self, root: Path) -> None:
        self._root = root
        self._digest: CodeDigest | None = None

    def __call__(self, code: frozenset[object]) -> bytes:
        """See :class:`hookline.cache.carried.CarriedCode`."""
        if self._digest is None:
            from hookline.cache.carried import CarriedCode

            self._digest = CarriedCode(self._root)
        return self._digest(code)
