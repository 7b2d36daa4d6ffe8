"""Who is let in where outposts call."""

from __future__ import annotations

import contextlib
import os
import resource
import socket
from collections.abc import Iterator

import pytest

from hookline.executors.ray.door import Door
from hookline.executors.ray.wire import new_token


@contextlib.contextmanager
def no_more_files() -> Iterator[None]:
    """Take all descriptors that this process may have."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    taken: list[int] = []
    try:
        resource.setrlimit(resource.RLIMIT_NOFILE, (64 + max(map(int, os.listdir("/proc/self/fd"))), hard))
        with contextlib.suppress(OSError):
            while True:
                taken.append(os.dup(0))
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
        for fd in taken:
            os.close(fd)


def test_who_calls_when_no_more_files_can_be_open_is_turned_away(caplog: pytest.LogCaptureFixture) -> None:
    """A caller that waited would keep the listening thread busy with nothing; the next is let in as ever."""
    door = Door("127.0.0.1", 0, new_token(), lambda *_: None)
    with contextlib.closing(door), socket.socket() as caller, socket.socket() as other:
        for each in (caller, other):
            each.settimeout(15.0)
        caller.connect(door.address)
        with no_more_files():
            door.answer(door.fd)
            assert caller.recv(1) == b""
        assert "raise its limit" in caplog.text
        other.connect(door.address)
        door.answer(door.fd)
        assert len(other.recv(32)) == 32
