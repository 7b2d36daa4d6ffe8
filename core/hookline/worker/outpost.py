"""What runs on a node of a cluster for as long as a run needs it there: a pool of one worker, told what to do by TCP.

It knows nothing of how it came to its node. What the driver says is done by the executor of processes, and what that
delivers is said to the driver. It ends with its connection.
"""

from __future__ import annotations

import platform
import socket
import sys
from collections.abc import Callable
from contextlib import ExitStack
from importlib.metadata import version
from pathlib import Path
from typing import Any

from hookline.errors import HooklineError
from hookline.executors.processes import ProcessesExecutor
from hookline.executors.ray.line import Line
from hookline.executors.ray.wire import (
    BATCH,
    BEGUN,
    BROKEN,
    CANCEL,
    FILE,
    FILE_END,
    HELLO,
    LEAVE,
    LEFT,
    LOST,
    OPEN,
    OUTCOMES,
    PIECE,
    READY,
    RECALL,
    RECALLED,
    UNREADABLE,
    WANT,
    WANT_FILES,
    Hello,
    NotOurs,
    introduce,
    keep_alive,
)
from hookline.executors.sent import Received
from hookline.model.batch import Batch, Failure, Finished, Lost, Message, RunFacts, Started, python_minor
from hookline.store.flight import Flight
from hookline.worker.brought import Brought
from hookline.worker.carrier import carrier_of
from hookline.worker.failures import failure_of
from hookline.worker.goods import Arrived, Goods
from hookline.worker.relocation import NodeFolder, Proof, relocated, sees_project, sees_store

__all__ = ["serve"]

_DIAL = 20.0
"""Seconds in which the driver must answer."""


def serve(driver: tuple[str, int], token: bytes, serial: int, node: str, project: str = "") -> tuple[str, bool]:
    """Make attempts for a driver until it says that it is enough, or is gone.

    Args:
        driver: Where it listens.
        token: What proves that it is the driver, and that this is its outpost.
        serial: This outpost's serial.
        node: Ray's id of this node.
        project: The folder in which the project's files were unpacked; empty where none were sent.

    Returns:
        Why it ended, and whether another would end the same way.
    """
    try:
        sock = socket.create_connection(driver, timeout=_DIAL)
    except OSError as error:
        return _unreachable(driver, error), True
    with sock:
        try:
            introduce(sock, token, serial)
        except NotOurs:
            return f"who listens at {driver[0]}:{driver[1]} is not the driver of this run", True
        except OSError:
            return "the driver is gone", False
        sock.settimeout(None)
        keep_alive(sock)
        return Outpost(sock, Path(project) if project else None).serve(node), False


class Outpost:
    """One worker and the connection to its driver.

    Args:
        sock: The connection.
        project: The folder in which the project's files were unpacked; None where none were sent.
    """

    def __init__(self, sock: socket.socket, project: Path | None) -> None:
        self._line = Line(sock)
        self._project = project
        self._received = Received()
        self._open_things = ExitStack()
        self._flight: Flight | None = None
        self._goods: Goods | None = None

    def serve(self, node: str) -> str:
        """Do as the driver says, until it is done or gone; tell which."""
        self._line.send((HELLO, Hello(node, platform.node(), version("hookline"), python_minor())))
        message = self._line.receive()
        if message is None or message[0] != OPEN:
            return "the driver has no use for it"
        with self._open_things:
            try:
                self._executor = self._open(*message[1:])
            except Exception as error:  # noqa: BLE001 - told to the driver, whatever it is
                self._line.send((BROKEN, failure_of(error, ())))
                return f"it can't begin: {error}"
            self._line.send((READY, self._goods is None))
            grace = None
            try:
                grace = self._work()
            finally:
                if grace is None:
                    # What the executor tells of its end would pass for what the driver wanted.
                    self._line.hang_up()
                self._executor.close(0.0)
        if grace is None:
            return "the driver is gone"
        self._line.send((LEFT,))
        return "it was told to leave"

    def _open(self, run: RunFacts, number: int, proof: Proof) -> ProcessesExecutor:
        store = None
        if not sees_store(run, proof):
            store = self._open_things.enter_context(NodeFolder(run.run_id)).path
        # What is proved to be the driver's own folder is used as it is: its files are what the keys were made from.
        project = None
        if not sees_project(run, proof) and (project := self._project) is None:
            raise FileNotFoundError(
                f"the node does not see the project's folder '{run.root}'; let its files be sent: set ship = true in "
                "[tool.hookline.ray]"
            )
        here = relocated(run, project=project, store=store, home=proof.home)
        if store is not None:
            self._flight = Flight(Path(here.flight))
            self._goods = Goods(carrier_of(here), Brought(here))
        if here.cwd not in here.search_path:
            # The worker looks there too: last, but for what was typed into a shell or a notebook, which has no other.
            sys.path.insert(len(sys.path) if here.target_file else 0, here.cwd)
        executor = ProcessesExecutor(1, first=number, broken=lambda failure: self._line.send((BROKEN, failure)))
        executor.start(here, self._tell)
        return executor

    def _work(self) -> float | None:
        """Take messages until the driver wants this to end; gives the seconds for that, None where it is gone."""
        while (message := self._line.receive()) is not None:
            kind = message[0]
            if kind == BATCH:
                self._take_batch(self._received.unpack(message[1:]))
            elif kind == RECALL:
                if self._gives_back(message[1]):
                    self._line.send((RECALLED, message[1]))
            elif kind == CANCEL:
                self._cancel(*message[1:])
            elif kind in (PIECE, UNREADABLE, FILE, FILE_END):
                self._take_goods(kind, *message[1:])
            elif kind == LEAVE:
                self._cancel(self._goods.waiting if self._goods is not None else [], 0.0)
                self._executor.close(message[1])
                return float(message[1])
        return None

    def _take_batch(self, batch: Batch) -> None:
        if self._goods is not None:
            try:
                artifacts, files = self._goods.needed(batch)
            except HooklineError as error:
                self._fail(batch, error)
                return
            if artifacts:
                self._line.send((WANT, artifacts))
            if files:
                self._line.send((WANT_FILES, files))
        if self._goods is None or not self._goods.waits(batch.number):
            self._executor.submit(batch)

    def _fail(self, batch: Batch, error: HooklineError) -> None:
        text = f"the node '{platform.node()}' can't keep what the task needs: {error}"
        self._tell(Finished.failed(batch, Failure(type(error).__name__, text, "", "", retryable=False)))

    def _gives_back(self, number: int) -> bool:
        """Let go of a batch that has not begun; tell whether it had not."""
        waits = self._goods is not None and self._goods.drop([number])
        return bool(waits) or self._executor.recall(number)

    def _cancel(self, numbers: list[int], grace: float) -> None:
        if self._goods is not None:
            for batch in self._goods.drop(numbers):
                self._tell(Lost(batch.number, -1, "cancelled before it began", cancelled=True))
        self._executor.cancel(numbers, grace)

    def _take_goods(self, kind: int, *what: Any) -> None:
        goods = self._goods
        assert goods is not None
        takes: dict[int, Callable[..., Arrived]] = {
            PIECE: goods.take,
            UNREADABLE: goods.give_up,
            FILE: goods.take_file,
            FILE_END: goods.end_file,
        }
        batches, error = takes[kind](*what)
        for batch in batches:
            if error is None:
                self._executor.submit(batch)
            else:
                self._fail(batch, error)

    # From the executor's own threads.

    def _tell(self, message: Message) -> None:
        if isinstance(message, Finished):
            if self._goods is not None:
                for piece in self._goods.made(message):
                    self._line.send((PIECE, piece))
            rows = [tuple(outcome) for outcome in message.outcomes]
            self._line.send((OUTCOMES, message.batch, rows, message.done, message.positions))
        elif isinstance(message, Started):
            self._line.send((BEGUN, message.batch))
        elif isinstance(message, Lost):
            if self._flight is not None and message.worker >= 0:
                # The driver does not see this node's.
                message = message._replace(last=self._flight.slot(message.worker).get())
            self._line.send((LOST, tuple(message)))


def _unreachable(driver: tuple[str, int], error: OSError) -> str:
    return (
        f"the node '{platform.node()}' does not reach the driver at {driver[0]}:{driver[1]} "
        f"({(error.strerror or str(error)).lower()}); let nodes connect to it, at a port that 'port' in "
        "[tool.hookline.ray] names"
    )
