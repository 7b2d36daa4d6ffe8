"""What a worker process runs: batches from its socket, until that is closed.

Everything happens in the main thread, also reading from the socket: a batch costs no change of threads.
"""

from __future__ import annotations

import os
import signal
import socket
import sys
import time
from collections import deque
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from hookline.executors.board import Board
from hookline.executors.sent import Received
from hookline.executors.wire import BROKEN, CLAIM, NO_CLAIM, OUTCOMES, READY, Inbox, framed
from hookline.model.batch import Batch, Outcome, RunFacts
from hookline.model.states import Kind
from hookline.worker.capture import Capture
from hookline.worker.environment import take_environment
from hookline.worker.failures import failure_of
from hookline.worker.run_batch import run_batch
from hookline.worker.services import Emit, WorkerServices, open_services

__all__ = ["main"]


def main() -> None:
    """Serve the driver; the command line holds descriptors: socket, claims, board, and the output's read end."""
    sock_fd, claims_fd, board_fd, *output_fd = map(int, sys.argv[1:])
    for fd in (sock_fd, claims_fd, board_fd, *output_fd):
        os.set_inheritable(fd, False)
    board = Board(board_fd)
    os.close(board_fd)
    _ignore_signals(board)
    link = _Link(socket.socket(fileno=sock_fd), claims_fd)
    first = link.receive()
    if first is None:
        return
    run, number = first
    try:
        services = _open(run, number, board, output_fd)
    except BaseException as error:  # noqa: BLE001 - an import of the user's may raise anything, SystemExit too
        link.send((BROKEN, failure_of(error, ())))
        return
    link.send((READY,))
    _Worker(link, board, services).serve()
    services.end()
    services.shared.close()


def _open(run: RunFacts, number: int, board: Board, output: list[int]) -> WorkerServices:
    capture: Capture | None = None
    if output:
        capture = Capture(run.output_limit, True, (output[0], board.tape))
        capture.install()
    sys.argv = [run.target_file or ""]
    if run.target_file:
        from hookline.worker.target import import_target

        import_target(run.target_module, run.target_file, run.search_path, run.plugins)
    shared = open_services(run)
    services = WorkerServices(shared, number, shared.flight.slot(number), capture, board.cancelled, expendable=True)
    services.begin()
    return services


class _Link:
    """The socket to the driver."""

    def __init__(self, sock: socket.socket, claims: int) -> None:
        self._sock = sock
        self._inbox = Inbox(sock)
        self._waiting: deque[Any] = deque()
        self._claims = claims
        self._taken = NO_CLAIM

    def receive(self) -> Any:
        """Wait for the next message; None at the end."""
        while not self._waiting:
            if not self._inbox.receive():
                return None
            self._waiting.extend(self._inbox.messages())
        return self._waiting.popleft()

    def send(self, message: tuple[Any, ...]) -> None:
        """Send a message; a driver that is gone is noticed by the next :meth:`receive`."""
        try:
            self._sock.sendall(framed(message))
        except (BrokenPipeError, ConnectionResetError):
            self._waiting.clear()

    def claim(self, wanted: int) -> bool:
        """Tell whether a batch is still this worker's."""
        if wanted == NO_CLAIM:
            return True
        if self._taken == NO_CLAIM:
            try:
                (self._taken,) = CLAIM.unpack(os.read(self._claims, CLAIM.size))
            except BlockingIOError:
                return False
        if self._taken != wanted:
            return False
        self._taken = NO_CLAIM
        return True


class _Worker:
    """Works through the batches that come in."""

    def __init__(self, link: _Link, board: Board, services: WorkerServices) -> None:
        self._link = link
        self._board = board
        self._services = services
        self._received = Received()

    def serve(self) -> None:
        """Take batches until the driver closes the socket."""
        while True:
            message = self._link.receive()
            if message is None:
                return
            claim, *parcel = message
            batch = self._received.unpack(parcel)
            if self._received.forgot:
                self._services.shared.prepared.clear()
            for work in self._received.new:
                take_environment(work)
            if not self._link.claim(claim):
                continue
            self._board.begin(batch.number)
            self._run(batch)

    def _run(self, batch: Batch) -> None:
        sent: set[int] = set()

        def emit(outcomes: list[Outcome], done: bool, positions: Sequence[int] | None = None) -> None:
            sent.update(positions if positions is not None else range(len(sent), len(sent) + len(outcomes)))
            self._link.send((OUTCOMES, batch.number, [tuple(outcome) for outcome in outcomes], done, positions))

        try:
            if batch.timeout is None or len(batch.items) == 1 or batch.work.concurrent:
                run_batch(batch, emit, self._services)
            else:
                self._run_one_by_one(batch, emit)
        except Exception as error:  # noqa: BLE001 - a full disk, most likely: the rest of the batch fails for it
            failure = failure_of(error, ())
            now = time.time_ns() // 1000
            rest = [at for at in range(len(batch.items)) if at not in sent]
            emit([Outcome(batch.items[at], Kind.FAILED, None, now, 0, failure) for at in rest], True, rest)

    def _run_one_by_one(self, batch: Batch, emit: Emit) -> None:
        """Let the driver see the end of each attempt at once: it times the next one from there."""
        for at in range(len(batch.items)):
            last = at == len(batch.items) - 1
            cut = slice(at, at + 1)
            one = replace(batch, items=batch.items[cut], inputs=batch.inputs[cut], keys=batch.keys[cut])

            def emit_one(
                outcomes: list[Outcome], done: bool, positions: Sequence[int] | None = None, last: bool = last
            ) -> None:
                assert positions is None  # these are made one after the other
                emit(outcomes, done and last)

            run_batch(one, emit_one, self._services)


def _ignore_signals(board: Board) -> None:
    """Leave it to the driver what a Ctrl-C or a SIGTERM for everybody means.

    Handlers, not SIG_IGN: that would be inherited by the programs that a step starts.
    """

    def ignore(*_: object) -> None:
        pass

    def end_if_doomed(*_: object) -> None:
        if board.doomed():
            os._exit(128 + signal.SIGTERM)

    signal.signal(signal.SIGINT, ignore)
    signal.signal(signal.SIGTERM, end_if_doomed)
