"""Both ends of a connection prove that they have the token, before anything is unpickled."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable, Iterator

import pytest

from hookline.executors.ray.wire import NotOurs, admit, introduce, new_token


@pytest.fixture
def ends() -> Iterator[tuple[socket.socket, socket.socket]]:
    """A connection: the driver's end, and the caller's."""
    ours, theirs = socket.socketpair()
    with ours, theirs:
        for end in (ours, theirs):
            end.settimeout(10.0)
        yield ours, theirs


def outcome(act: Callable[[], object], found: list[object]) -> None:
    """Keep what an act gives, or raises."""
    try:
        found.append(act())
    except (NotOurs, OSError) as error:
        found.append(type(error))


def both(drivers: Callable[[], object], callers: Callable[[], object], ours: socket.socket) -> tuple[object, object]:
    """Have both ends act at once; the driver hangs up when it is done, as it does with whom it does not know."""
    driver: list[object] = []
    caller: list[object] = []
    thread = threading.Thread(target=outcome, args=(callers, caller))
    thread.start()
    outcome(drivers, driver)
    ours.shutdown(socket.SHUT_WR)
    thread.join()
    return driver[0], caller[0]


def test_an_outpost_and_its_driver_know_each_other(ends: tuple[socket.socket, socket.socket]) -> None:
    """Who has the token is let in, under its serial."""
    ours, theirs = ends
    token = new_token()
    assert both(lambda: admit(ours, token), lambda: introduce(theirs, token, 7), ours) == (7, None)


def test_a_caller_with_another_token_is_not_let_in(ends: tuple[socket.socket, socket.socket]) -> None:
    """Nor is it told anything: the connection ends."""
    ours, theirs = ends
    told = both(lambda: admit(ours, new_token()), lambda: introduce(theirs, new_token(), 7), ours)
    assert told == (NotOurs, ConnectionResetError)


def test_a_driver_with_another_token_is_not_believed(ends: tuple[socket.socket, socket.socket]) -> None:
    """An outpost unpickles nothing of one that only claims to be its driver."""
    ours, theirs = ends
    token = new_token()

    def pretend() -> None:
        ours.sendall(bytes(32))
        assert ours.recv(1024)
        ours.sendall(bytes(32))

    assert both(pretend, lambda: introduce(theirs, token, 7), ours) == (None, NotOurs)


def test_a_proof_is_of_no_use_to_others(ends: tuple[socket.socket, socket.socket]) -> None:
    """What one outpost has said lets nobody in who repeats it."""
    ours, theirs = ends
    token = new_token()
    heard: list[bytes] = []

    def listen() -> None:
        ours.sendall(bytes(32))
        heard.append(ours.recv(1024))

    both(listen, lambda: introduce(theirs, token, 7), ours)
    again, repeater = socket.socketpair()
    with again, repeater:
        repeater.sendall(heard[0])
        with pytest.raises(NotOurs):
            admit(again, token)


def test_a_caller_that_hangs_up_is_an_error_of_the_connection(ends: tuple[socket.socket, socket.socket]) -> None:
    """It is told from a stranger, though nothing follows from that."""
    ours, theirs = ends
    theirs.close()
    with pytest.raises(OSError, match=r"closed|pipe"):
        admit(ours, new_token())
