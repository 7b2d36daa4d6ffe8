"""The file that says what is running right now."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hookline.model.batch import AT_ONCE
from hookline.store import Flight


def test_slots_tell_what_was_set_and_not_cleared(tmp_path: Path) -> None:
    """Another look at the file sees the attempts in flight, and those only."""
    flight = Flight(tmp_path / "flight", create=True)
    for worker in range(3):
        flight.slot(worker).set(worker, 1_000_000 + worker, 2)
    flight.slot(1).clear()
    assert Flight(flight.path).read() == [(0, 1_000_000, 2), (2, 1_000_002, 2)]
    assert flight.slot(2).get() == (2, 1_000_002, 2)
    assert flight.slot(1).get() is None


@given(st.integers(0, 2**32 - 1), st.integers(0, 2**63), st.integers(1, 2**32 - 1))
def test_any_attempt_fits_into_a_slot(tmp_path_factory, node: int, item: int, attempt: int) -> None:
    """Large numbers of nodes, items and attempts come back as they went in."""
    path = tmp_path_factory.getbasetemp() / "flight"
    flight = Flight(path, create=True)
    flight.slot(7).set(node, item, attempt)
    assert flight.read() == [(node, item, attempt)]
    flight.remove()
    assert not path.exists()


def test_executors_of_one_run_have_slots_of_their_own(tmp_path: Path) -> None:
    """Workers of the same number in different executors don't write over each other; all files go together."""
    flight = Flight(tmp_path / "run-1", create=True)
    further = [flight.beside(number) for number in (1, 2)]
    for node, one in enumerate([flight, *further]):
        one.slot(0).set(node, 5, 1)
    assert [one.slot(0).get() for one in [flight, *further]] == [(0, 5, 1), (1, 5, 1), (2, 5, 1)]
    assert sorted(path.name for path in tmp_path.glob("run-1*")) == ["run-1", "run-1.1", "run-1.2"]
    flight.remove()
    assert not list(tmp_path.iterdir())


def test_attempts_side_by_side_have_slots_of_their_own_however_many_workers_there_are(tmp_path: Path) -> None:
    """The file grows where it has to; each process that has it open, and the next driver, find what others set."""
    flight = Flight(tmp_path / "flight", create=True)
    other = Flight(flight.path)
    expected = set()
    for worker in (0, 29, 30, 31, 60, 45, 200):
        for number in (0, AT_ONCE - 1):
            entry = (worker, number, 1)
            (flight if worker % 2 else other).side_slot(worker, number).set(*entry)
            expected.add(entry)
    early = flight.slot(0)
    flight.side_slot(500, 0)
    early.set(7, 7, 7)
    assert set(Flight(flight.path).read()) == {*expected, (7, 7, 7)}
    other.close()
    flight.remove()


@pytest.mark.parametrize("native", [True, False])
def test_a_file_that_grows_has_room_everywhere_and_keeps_what_is_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, native: bool
) -> None:
    """No worker below the highest finds a hole, where a full disk would end it; nor does anybody's slot get lost."""
    if not native:
        monkeypatch.delattr(os, "posix_fallocate", raising=False)
    flight = Flight(tmp_path / "flight", create=True)
    others = [Flight(flight.path) for _ in range(3)]
    flight.side_slot(45, 0).set(45, 0, 1)
    others[0].side_slot(45, 1).set(45, 1, 1)
    others[1].side_slot(200, 0).set(200, 0, 1)
    others[2].side_slot(45, 2).set(45, 2, 1)
    stat = flight.path.stat()
    assert stat.st_blocks * 512 >= stat.st_size
    assert set(Flight(flight.path).read()) == {(45, 0, 1), (45, 1, 1), (45, 2, 1), (200, 0, 1)}


def test_a_half_written_slot_counts_as_nothing_started(tmp_path: Path) -> None:
    """A slot whose check does not agree with its content is passed over."""
    flight = Flight(tmp_path / "flight", create=True)
    flight.slot(0).set(3, 4, 5)
    content = bytearray(flight.path.read_bytes())
    content[0] ^= 1
    flight.path.write_bytes(content)
    assert Flight(flight.path).read() == []


def test_slots_outlive_a_killed_process(tmp_path: Path, python) -> None:
    """What a process set without any sync is there after kill -9."""
    process = python(
        """
        import signal, sys
        from pathlib import Path
        from hookline.store import Flight
        Flight(Path(sys.argv[1]), create=True).slot(5).set(1, 2, 3)
        print("set", flush=True)
        signal.pause()
        """,
        tmp_path / "flight",
    )
    assert process.stdout.readline() == "set\n"
    process.send_signal(signal.SIGKILL)
    process.communicate()
    assert Flight(tmp_path / "flight").read() == [(1, 2, 3)]
