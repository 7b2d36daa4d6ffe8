"""The driver's view of one worker process: what it has in hand, and how to reach it."""

from __future__ import annotations

import array
import contextlib
import fcntl
import os
import socket
import termios
import time
from collections import deque
from dataclasses import dataclass, replace

from hookline.executors.board import Board
from hookline.executors.sent import Sent
from hookline.executors.tape import output_pipe, pipe_capacity
from hookline.executors.wire import CLAIM, NO_CLAIM, Inbox, framed
from hookline.model.batch import Batch, Output, RunFacts

__all__ = ["Hand", "PoolWorker"]

_PAGE = 4096


@dataclass(slots=True, eq=False)
class Hand:
    """A batch that a worker has, running or about to.

    Attributes:
        batch: The batch; what is left of it once some of its attempts ended.
        claim: What has to be taken out of the claims pipe to begin it, or to take it back; 0 for nothing.
        done: How many of its attempts ended.
        since: When the attempt at hand began, on the monotonic clock.
        since_us: The same as Unix time in microseconds.
        cancel_after: Seconds of grace, where its end was asked for before it began.
    """

    batch: Batch
    claim: int = NO_CLAIM
    done: int = 0
    since: float = 0.0
    since_us: int = 0
    cancel_after: float | None = None

    def begin(self) -> None:
        """Note that an attempt begins."""
        self.since, self.since_us = time.monotonic(), time.time_ns() // 1000

    def rest(self, beyond: int = 0) -> Batch | None:
        """Give what is left to do.

        Args:
            beyond: How many further attempts to leave out.
        """
        batch, done = self.batch, self.done + beyond
        if done >= len(batch.items):
            return None
        if done == 0:
            return batch
        return replace(batch, items=batch.items[done:], inputs=batch.inputs[done:], keys=batch.keys[done:])


class PoolWorker:
    """One worker process.

    Args:
        serial: Its number for the supervisor; never used twice.
        number: Its number for the engine; used again after its death.
        cpu: How many processors it may use.
        run: What workers must know.

    Attributes:
        ready: Whether it said that it can work.
        running: What it works on.
        ahead: What it takes next, if nobody takes that back.
        doom: Why it is about to be killed: ``"timeout"``, ``"cancelled"`` or nothing.
        doomed_item: How many attempts of its batch had ended when that was decided.
        kill_at: When it is to be killed, on the monotonic clock.
        retired: Whether it was told to end.
        deaf: Whether its end of the socket is closed.
        writes: Whether the listening thread waits for room to send.
        pid: Its process, once known.
    """

    def __init__(self, serial: int, number: int, cpu: int, run: RunFacts) -> None:
        self.serial, self.number, self.cpu = serial, number, cpu
        self.ready = self.retired = self.deaf = self.writes = False
        self.running: Hand | None = None
        self.ahead: Hand | None = None
        self.doom = ""
        self.doomed_item = 0
        self.kill_at: float | None = None
        self.pid = 0
        self._run = run
        self._sent = Sent()
        self._outbox: deque[memoryview] = deque()
        self._claim = 0
        self._capacity = 0
        self._was_full = False
        self._sock, self._theirs = socket.socketpair()
        self._sock.setblocking(False)
        self.fd = self._sock.fileno()
        self.inbox = Inbox(self._sock)
        self._claims, self._claims_in = os.pipe()
        os.set_blocking(self._claims, False)
        board = Board.create(run.output_limit)
        self.board = Board(board)
        self._output, self._for_process = -1, [board]
        if run.capture:
            self._output, output_in = output_pipe()
            self._capacity = pipe_capacity(self._output)
            self._for_process.append(output_in)

    @property
    def has_worked(self) -> bool:
        """Whether it was given a batch."""
        return bool(self._sent)

    @property
    def descriptors(self) -> list[int]:
        """What the process inherits: its socket, the claims, the board, and its output's two ends."""
        output = self._for_process[1:]
        pipe = [self._output, *output] if output else []
        return [self._theirs.fileno(), self._claims, self._for_process[0], *pipe]

    def given(self) -> None:
        """Close what only the process needs; and tell it what it has to know."""
        self._theirs.close()
        for fd in self._for_process:
            os.close(fd)
        self.send(framed((self._run, self.number)))

    def hand(self, batch: Batch, *, ahead: bool) -> Hand:
        """Give the process a batch.

        Args:
            batch: The batch.
            ahead: Whether it has another one to finish before; only where :attr:`may_get_ahead`.
        """
        claim = NO_CLAIM
        if ahead:
            self._claim = claim = self._claim + 1
            os.write(self._claims_in, CLAIM.pack(claim))
        hand = Hand(batch, claim)
        self.send(framed((claim, *self._sent.pack(batch))))
        if ahead:
            self.ahead = hand
        else:
            hand.begin()
            self.running = hand
        return hand

    @property
    def may_get_ahead(self) -> bool:
        """Whether the process may be handed a batch ahead.

        Not while the claim of the one before is in the pipe: that may be running as far as is known here, while the
        process is still about to begin it. Nor behind one with a timeout, nor where the process is about to end.
        """
        hand = self.running
        if hand is None or hand.batch.timeout is not None or self.ahead is not None or self.doom or self.retired:
            return False
        return _waiting_in(self._claims) == 0

    def take_back(self) -> Batch | None:
        """Take back what the process has ahead; None where it has nothing, has begun it or is about to."""
        hand = self.ahead
        if hand is None:
            return None
        try:
            (claim,) = CLAIM.unpack(os.read(self._claims, CLAIM.size))
        except BlockingIOError:
            return None
        assert claim == hand.claim
        self.ahead = None
        return hand.batch

    def cancel(self, grace: float) -> None:
        """Ask what is running to end, and have it killed after the grace period."""
        assert self.running is not None
        self.board.cancel(self.running.batch.number)
        self.kill_at = min(time.monotonic() + grace, self.kill_at or float("inf"))

    @property
    def due(self) -> float | None:
        """When the process is to be killed, as far as is known now."""
        if self.doom:
            return None
        due, hand = self.kill_at, self.running
        if hand is not None and hand.batch.timeout is not None and not hand.batch.work.concurrent:
            end = hand.since + hand.batch.timeout
            due = end if due is None else min(due, end)
        return due

    def send(self, frame: bytes) -> None:
        """Send as much as goes now and keep the rest for :meth:`flush`."""
        if not self._outbox:
            sent = self._send(memoryview(frame))
            if sent == len(frame):
                return
            self._outbox.append(memoryview(frame)[sent:])
        else:
            self._outbox.append(memoryview(frame))

    def flush(self) -> None:
        """Send what was kept."""
        while self._outbox:
            frame = self._outbox[0]
            sent = self._send(frame)
            if sent < len(frame):
                self._outbox[0] = frame[sent:]
                return
            self._outbox.popleft()

    def _send(self, data: memoryview) -> int:
        try:
            return self._sock.send(data)
        except (BrokenPipeError, ConnectionResetError):
            return len(data)  # it is dead; the supervisor is about to say so
        except OSError:
            return 0  # no room, in the socket or in the kernel's memory

    @property
    def waiting_to_send(self) -> bool:
        """Whether :meth:`flush` has something to do."""
        return bool(self._outbox)

    def retire(self, within: float) -> None:
        """Tell the process to end once it has nothing in hand.

        Args:
            within: When it is to be killed otherwise, on the monotonic clock.
        """
        self.retired = True
        self.kill_at = within
        with contextlib.suppress(OSError):
            self._sock.shutdown(socket.SHUT_WR)

    def output(self) -> Output | None:
        """Give what the attempt at hand has printed; also when the process is dead."""
        if self._output >= 0:
            with contextlib.suppress(OSError):
                for _ in range(32):
                    data = os.read(self._output, 1 << 16)
                    if not data:
                        break
                    self.board.tape.write(data)
        return self.board.tape.output()

    def relieve(self) -> None:
        """Empty the output's pipe for a process that has been stuck on it since the last call.

        Native code that prints more than the pipe holds while it keeps the interpreter waits for a thread of its own
        process that waits for it.
        """
        if self._output < 0:
            return
        full = _waiting_in(self._output) >= self._capacity - _PAGE
        if full and self._was_full:
            self.output()
        self._was_full = full

    def close(self) -> None:
        """Give descriptors back."""
        self._sock.close()
        for fd in (self._claims, self._claims_in, self._output):
            if fd >= 0:
                os.close(fd)
        self._claims = self._claims_in = self._output = -1


def _waiting_in(pipe: int) -> int:
    """Count the bytes in a pipe."""
    count = array.array("i", [0])
    fcntl.ioctl(pipe, termios.FIONREAD, count)
    return count[0]
