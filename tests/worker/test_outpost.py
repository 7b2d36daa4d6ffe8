"""What an outpost says to its driver, with a socket between them and no Ray."""

from __future__ import annotations

import socket
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from hookline.executors.ray.wire import BATCH, HELLO, LEAVE, LEFT, LOST, OPEN, PIECE, READY
from hookline.executors.sent import Sent
from hookline.executors.threads import ThreadsExecutor
from hookline.executors.wire import Inbox, framed
from hookline.testing.rig import Rig
from hookline.worker.outpost import Outpost
from hookline.worker.relocation import forget_proof, proof_of


class Driver:
    """The driver's end: it sends, and keeps what comes until the end of the stream.

    Args:
        rig: What the outpost is to know of the run.
    """

    def __init__(self, rig: Rig) -> None:
        self.sock, theirs = socket.socketpair()
        self.sock.settimeout(30.0)
        self._inbox, self._waiting = Inbox(self.sock), list[Any]()
        self._proof = proof_of(rig.run)
        self._thread = threading.Thread(target=self._serve, args=(theirs,))
        self._thread.start()
        assert self.hear()[0] == HELLO
        self.send(OPEN, rig.run, 0, self._proof)
        assert self.hear() == (READY, True)

    def _serve(self, theirs: socket.socket) -> None:
        with theirs:
            try:
                Outpost(theirs, None).serve("node")
            except AssertionError:
                return  # as Ray does: it ends the process

    def send(self, *message: Any) -> None:
        self.sock.sendall(framed(message))

    def hear(self) -> Any:
        """Give the next message; None at the end of the stream."""
        while not self._waiting:
            if not self._inbox.receive():
                return None
            self._waiting.extend(self._inbox.messages())
        return self._waiting.pop(0)

    def close(self) -> list[Any]:
        """Give what comes until the end."""
        messages = [*iter(self.hear, None)]
        self._thread.join()
        self.sock.close()
        forget_proof(self._proof)
        return messages


@pytest.fixture
def rig(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Rig]:
    """Of its executor nothing is used."""
    monkeypatch.setattr(sys, "path", [*sys.path])
    with Rig(ThreadsExecutor(1), tmp_path) as rig:
        yield rig


def begin(driver: Driver, rig: Rig) -> None:
    """Have an attempt begin that never ends."""
    note = rig.folder / "note"
    driver.send(BATCH, *Sent().pack(rig.batch("sleep_noted", str(note))))
    rig.until_there(note)


def test_an_outpost_that_breaks_says_nothing_of_what_it_had_in_hand(rig: Rig) -> None:
    """That its worker was ended with it is no wish of the driver's: whoever says so keeps it from being tried again."""
    driver = Driver(rig)
    begin(driver, rig)
    driver.send(PIECE, (bytes(32), 1, b"f", 0, b"x"))  # which nobody asked for
    assert [message[0] for message in driver.close() if message[0] in (LOST, LEFT)] == []


def test_an_outpost_that_is_told_to_leave_accounts_for_what_it_had_in_hand(rig: Rig) -> None:
    """And says that this was all."""
    driver = Driver(rig)
    begin(driver, rig)
    driver.send(LEAVE, 0.0)
    lost, left = [message for message in driver.close() if message[0] in (LOST, LEFT)]
    assert (lost[0], left) == (LOST, (LEFT,))
