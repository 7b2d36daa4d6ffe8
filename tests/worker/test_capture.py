from __future__ import annotations

import logging
import os
import subprocess
import sys
import threading
from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hookline.executors.tape import Tape, tape_size
from hookline.worker.capture import Capture


@pytest.fixture(params=[False, True], ids=["streams", "descriptors"])
def capture(request: pytest.FixtureRequest, capfd: pytest.CaptureFixture[str]) -> Iterator[Capture]:
    """Both ways to capture, installed with the first attempt: pytest changes the streams between its phases."""
    capture = _InstalledLate(200, request.param)
    yield capture
    capture.uninstall()


class _InstalledLate(Capture):
    def __init__(self, limit: int, descriptors: bool) -> None:
        super().__init__(limit, descriptors)
        begin = self.begin

        def install_and_begin() -> None:
            self.install()
            self.begin = begin
            begin()

        self.begin = install_and_begin


def taken(capture: Capture) -> str:
    output = capture.end()
    return output.text.decode() if output else ""


def test_an_attempt_gets_what_it_printed_and_logged(capture: Capture) -> None:
    """stdout, stderr and log records come in their order."""
    capture.begin()
    print("one")
    print("two", file=sys.stderr)
    logging.getLogger("mine").warning("three")
    assert taken(capture) == "one\ntwo\nWARNING mine: three\n"


def test_an_attempt_that_prints_nothing_has_no_output(capture: Capture) -> None:
    """None tells that there is nothing; what another attempt printed does not show."""
    capture.begin()
    print("noise")
    capture.end()
    capture.begin()
    assert capture.end() is None


def test_streams_take_bytes_too(capture: Capture) -> None:
    """sys.stdout.buffer leads to the attempt as well."""
    capture.begin()
    sys.stdout.buffer.write(b"raw")
    sys.stdout.flush()
    assert taken(capture) == "raw"


def test_text_that_utf_8_can_not_hold_is_kept_escaped(capture: Capture) -> None:
    """A lone surrogate never fails a print."""
    capture.begin()
    print("\udcff")
    assert taken(capture) == "\\udcff\n"


def test_a_record_is_there_once_where_the_program_set_up_logging(capture: Capture) -> None:
    """With a handler of the user's on the root logger, ours stays silent."""
    root = logging.getLogger()
    before, root.handlers = root.handlers, []
    level = root.level
    try:
        capture.begin()
        logging.basicConfig(level=logging.INFO, format="mine %(message)s")
        logging.getLogger("mine").info("hello")
        assert taken(capture) == "mine hello\n"
    finally:
        for handler in root.handlers:
            handler.close()
        root.handlers = before
        root.setLevel(level)


def test_records_at_info_are_kept_where_the_level_permits(capture: Capture) -> None:
    """A program that only sets the level gets INFO records in the attempt's output."""
    logger = logging.getLogger("mine.info")
    root = logging.getLogger()
    before, root.handlers = root.handlers, []
    try:
        logger.setLevel(logging.INFO)
        capture.begin()
        logger.info("hello")
        logger.debug("not this")
        assert taken(capture) == "INFO mine.info: hello\n"
    finally:
        root.handlers = before
        logger.setLevel(logging.NOTSET)


def test_after_uninstall_everything_is_as_before(capfd: pytest.CaptureFixture[str]) -> None:
    """Streams and logging's last resort are given back."""
    before = sys.stdout, sys.stderr, logging.lastResort
    for descriptors in (False, True):
        capture = Capture(100, descriptors)
        capture.install()
        capture.uninstall()
    assert (sys.stdout, sys.stderr, logging.lastResort) == before
    os.write(1, b"seen")
    assert capfd.readouterr().out == "seen"


def test_a_print_that_is_under_way_when_a_run_ends_goes_on() -> None:
    """A thread of the program's own may be inside print() while the streams are given back."""
    script = """
import gc, io, sys, threading
from hookline.worker.capture import Capture

class Slow(io.StringIO):
    def write(self, text):
        entered.set(); given_back.wait()
        return super().write(text)

entered, given_back = threading.Event(), threading.Event()
real, sys.stdout = sys.stdout, Slow()
slow = sys.stdout
capture = Capture(100, descriptors=False)
capture.install()
printing = threading.Thread(target=print, args=("one", "two", "three"))
printing.start()
entered.wait()
capture.uninstall()
del capture
gc.collect()
junk = [io.StringIO() for _ in range(1000)]
given_back.set()
printing.join()
assert sys.stdout is slow
real.write(slow.getvalue())
"""
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False)
    assert (done.stdout, done.stderr, done.returncode) == ("one two three\n", "", 0)


def test_captures_that_overlap_give_everything_back(capfd: pytest.CaptureFixture[str]) -> None:
    """Two runs in one process may end in any order: the last one leaves the streams as the first one found them."""
    before = sys.stdout, sys.stderr, logging.lastResort
    for order in (1, -1):
        captures = [Capture(100, descriptors=False) for _ in range(2)]
        for capture in captures:
            capture.install()
        for capture in captures:
            capture.begin()
            print("hello")
            assert taken(capture) == "hello\n"
        first, second = captures[::order]
        first.uninstall()
        second.begin()
        print("hello")
        assert taken(second) == "hello\n"
        second.uninstall()
        assert (sys.stdout, sys.stderr, logging.lastResort) == before
    assert capfd.readouterr().out == ""


def test_an_attempt_inside_an_attempt_has_its_own_output(capfd: pytest.CaptureFixture[str]) -> None:
    """A step may run a workflow: what the outer attempt prints before and after it stays the outer one's."""
    outer, inner = Capture(100, descriptors=False), Capture(100, descriptors=False)
    outer.install()
    outer.begin()
    print("before")
    inner.install()
    inner.begin()
    print("inside")
    assert taken(inner) == "inside\n"
    inner.uninstall()
    print("after")
    assert taken(outer) == "before\nafter\n"
    outer.uninstall()
    assert capfd.readouterr().out == ""


def test_a_record_is_there_once_where_runs_overlap(capfd: pytest.CaptureFixture[str]) -> None:
    """A thread that could not be stopped keeps its run's handler on the root logger beside that of the next."""
    root = logging.getLogger()
    root.addHandler(mine := logging.NullHandler())
    with capfd.disabled():
        left, now = Capture(100, descriptors=False), Capture(100, descriptors=False)
        left.install()
        now.install()
        left.begin()
        now.begin()
        logging.getLogger("mine").warning("hello")
        said = taken(now)
        taken(left)
        now.uninstall()
        left.uninstall()
    root.removeHandler(mine)
    assert said == "WARNING mine: hello\n"


def test_threads_have_attempts_of_their_own(capfd: pytest.CaptureFixture[str]) -> None:
    """What two threads print at once is told apart; a thread without an attempt writes to the real stream."""
    capture = Capture(10_000, descriptors=False)
    capture.install()
    found: dict[int, str] = {}
    together = threading.Barrier(3)

    def attempt(number: int) -> None:
        capture.begin()
        for _ in range(50):
            together.wait()
            print(number)
        found[number] = taken(capture)

    def outsider() -> None:
        for _ in range(50):
            together.wait()
            print("outside")

    threads = [threading.Thread(target=attempt, args=(number,)) for number in (1, 2)]
    threads.append(threading.Thread(target=outsider))
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    capture.uninstall()
    assert found == {1: "1\n" * 50, 2: "2\n" * 50}
    assert capfd.readouterr().out == "outside\n" * 50


def test_descriptors_take_what_children_and_c_code_write(capfd: pytest.CaptureFixture[str]) -> None:
    """Past Python's streams, what goes to 1 and 2 belongs to the attempt."""
    capture = Capture(1000, descriptors=True)
    capture.install()
    try:
        capture.begin()
        print("python")
        subprocess.run([sys.executable, "-c", "print('child')"], check=True)
        import ctypes

        ctypes.CDLL(None).printf(b"from C\n")
        assert taken(capture) == "python\nchild\nfrom C\n"
    finally:
        capture.uninstall()


def test_more_than_the_limit_keeps_head_and_tail(capture: Capture) -> None:
    """The middle is left out, and how much that was is said."""
    capture.begin()
    for number in range(100_000):
        print(number)
    output = capture.end()
    assert output is not None
    assert output.text.startswith(b"0\n1\n2\n")
    assert output.text.endswith(b"99998\n99999\n")
    assert output.dropped == 588_890 - 200
    assert f"{output.dropped} bytes left out".encode() in output.text


@given(st.integers(2, 40), st.lists(st.binary(max_size=60), max_size=12))
def test_a_tape_keeps_the_first_and_the_last_bytes(limit: int, writes: list[bytes]) -> None:
    """Whatever is written in whatever pieces: head, tail and the count of what is missing are exact."""
    tape = Tape(bytearray(tape_size(limit)))
    for data in writes:
        tape.write(data)
    whole = b"".join(writes)
    output = tape.output()
    if not whole:
        assert output is None
        return
    assert output is not None
    if len(whole) <= limit:
        assert (output.text, output.dropped) == (whole, 0)
    else:
        assert output.dropped == len(whole) - limit
        assert output.text.startswith(whole[: limit // 2] + b"\n")
        assert output.text.endswith(b"\n" + whole[len(whole) - (limit - limit // 2) :])
