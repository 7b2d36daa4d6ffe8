from __future__ import annotations

import os
import select
import signal
import subprocess
import time
from collections.abc import Iterator

import pytest

from hookline.executors.supervision import Supervision, environment_bytes

AT_LAST = 30.0
FOR_EVER = ["/bin/sh", "-c", "while :; do sleep 600; done"]


@pytest.fixture
def supervision() -> Iterator[Supervision]:
    """Start a supervisor, and end it."""
    supervision = Supervision()
    yield supervision
    supervision.close()


def exited(supervision: Supervision, numbers: set[int]) -> set[int]:
    """Wait until workers are reported to have ended; give those that were."""
    poll = select.poll()
    poll.register(supervision.fd, select.POLLIN)
    found: set[int] = set()
    end = time.monotonic() + AT_LAST
    while not numbers <= found and poll.poll(max(0, (end - time.monotonic()) * 1000)):
        found |= {report[1] for report in supervision.reports() or () if report[0] == "exited"}
    return found


def spawn(supervision: Supervision, number: int) -> None:
    supervision.spawn(number, FOR_EVER, environment_bytes({}), "/", [])


def test_a_worker_that_is_killed_as_soon_as_it_is_started_ends(supervision: Supervision) -> None:
    """Whoever was forked just now, and leads no process group yet, is killed too: nothing is waited for in vain."""
    numbers = set(range(20))
    # The commands lie ready, so that one follows the other at once.
    os.kill(supervision.process_id, signal.SIGSTOP)
    for number in numbers:
        spawn(supervision, number)
        supervision.kill(number, 0)
    os.kill(supervision.process_id, signal.SIGCONT)
    assert exited(supervision, numbers) == numbers


def test_closing_ends_the_supervisor_though_a_child_has_its_socket() -> None:
    """A step on threads may fork children, which inherit what the driver has open: nothing waits for their end."""
    supervision = Supervision()
    child = subprocess.Popen(FOR_EVER, pass_fds=[supervision.fd], start_new_session=True)
    try:
        spawn(supervision, 1)
        supervision.close()
        assert supervision._process.returncode == 0  # it was not killed for not ending
    finally:
        os.killpg(child.pid, signal.SIGKILL)
        child.wait()


def test_a_forked_child_that_closes_ends_nothing_of_its_parents(supervision: Supervision) -> None:
    """As when what a step forked unwinds the driver's stack that it has a copy of."""
    spawn(supervision, 1)
    child = os.fork()
    if not child:
        supervision.close()
        os._exit(0)
    assert os.waitpid(child, 0) == (child, 0)
    spawn(supervision, 2)
    for number in (1, 2):
        supervision.kill(number, 0)
    assert exited(supervision, {1, 2}) == {1, 2}
