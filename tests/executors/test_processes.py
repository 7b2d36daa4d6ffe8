from __future__ import annotations

import os
import signal
import subprocess
import sys
import textwrap
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from random import Random
from typing import Any

import pytest

from executors.steps import STEPS
from hookline.executors.processes import ProcessesExecutor
from hookline.executors.protocol import EXECUTORS, Executor
from hookline.model.batch import Finished, Lost, Started
from hookline.model.states import Kind
from hookline.testing.contracts.executors import ExecutorContract
from hookline.testing.rig import Rig, value_of


@pytest.fixture
def make(tmp_path: Path) -> Iterator[Any]:
    """Start rigs, and close them."""
    rigs: list[Rig] = []

    def make_rig(workers: int = 2, **options: Any) -> Rig:
        folder = tmp_path / str(len(rigs))
        folder.mkdir()
        rigs.append(Rig(ProcessesExecutor(workers), folder, **{"source": STEPS, **options}))
        return rigs[-1]

    yield make_rig
    for rig in rigs:
        rig.close()


@pytest.fixture
def rig(make: Any) -> Rig:
    return make()


AT_LAST = 30.0  # seconds for what is awaited: what takes that long on a busy machine never comes


def alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):
        return False


def read(path: Path, wait: float = AT_LAST) -> str:
    """Give a file's text as soon as it is there."""
    end = time.monotonic() + wait
    while not path.exists() or not path.read_text():
        assert time.monotonic() < end, f"{path} never came"
        time.sleep(0.002)
    return path.read_text()


def gone(pids: list[int]) -> None:
    """Wait until none of these processes lives."""
    end = time.monotonic() + AT_LAST
    while any(map(alive, pids)):
        assert time.monotonic() < end, f"alive: {[pid for pid in pids if alive(pid)]}"
        time.sleep(0.005)


class TestContract(ExecutorContract):
    """The processes executor keeps what every executor keeps."""

    def make_executor(self) -> ProcessesExecutor:
        return ProcessesExecutor(2)


def test_it_is_an_executor_by_name() -> None:
    """The registry makes it, and it fits the protocol."""
    executor = EXECUTORS.make("processes", workers=1)
    assert isinstance(executor, Executor)
    assert executor.capacity() == 1
    executor.close(0)


def test_no_process_starts_before_there_is_work(make: Any) -> None:
    """A run that reuses everything starts no process."""
    rig = make()
    assert rig.executor._supervision is None
    rig.close()


def test_a_worker_has_the_drivers_folder_and_search_path(rig: Rig) -> None:
    """Relative paths and imports mean the same in workers and in the driver."""
    assert rig.values(rig.submit("folder", 0)) == [str(rig.folder)]
    (path,) = rig.values(rig.submit("path", 0))
    assert [entry for entry in sys.path if entry not in path] == []


def test_threads_of_native_libraries_are_limited_to_the_tasks_cpu(rig: Rig) -> None:
    """OMP_NUM_THREADS is the task's cpu, and tasks that want another number get another worker."""
    one = rig.submit("variable", "OMP_NUM_THREADS")
    three = rig.submit("variable", "OMP_NUM_THREADS", cpu=3)
    assert rig.values(one) == ["1"]
    assert rig.values(three) == ["3"]


def test_a_worker_of_another_kind_makes_room(make: Any) -> None:
    """With all places taken by idle workers of one kind, work of another kind still runs."""
    rig = make(1)
    for cpu in (1, 2, 1):
        assert rig.values(rig.submit("variable", "OPENBLAS_NUM_THREADS", cpu=cpu)) == [str(cpu)]


def test_standard_input_is_empty(rig: Rig) -> None:
    """A step that reads standard input finds its end rather than the user's terminal."""
    source = "import sys\n\ndef look(x): return sys.stdin.read()\n"
    rig.file.write_text(source)
    assert rig.values(rig.submit("look", 0)) == [""]


def test_output_of_child_processes_and_native_code_is_captured(rig: Rig) -> None:
    """What goes to the descriptors past Python belongs to the attempt, in order."""
    (outcome,) = rig.outcomes(rig.submit("shout", 0))
    assert outcome.output is not None
    assert outcome.output.text == b"python\nchild\nraw\n"


def test_a_function_without_a_file_travels_by_value_once(rig: Rig) -> None:
    """A closure runs on a worker, and its code is sent to each worker once."""
    from hookline.worker.functions import export

    factor = 3
    ref = export(lambda x: factor * x)
    assert ref.code
    assert rig.values_of(rig.work("lambda", function=ref), 2) == [6]
    assert rig.values_of(rig.work("lambda again", cpu=1.5, function=ref), 5) == [15]


def test_an_inputs_size_does_not_matter(rig: Rig) -> None:
    """Batches and outcomes of many megabytes pass the socket while the driver goes on."""
    big = bytes(3_000_000)
    numbers = [rig.submit("same", big) for _ in range(6)]
    rig.wait(*numbers)
    assert {outcome.kind for number in numbers for outcome in rig.outcomes(number)} == {Kind.COMPLETED}


def test_a_batch_never_waits_behind_a_slow_one(make: Any) -> None:
    """What is ahead at a busy worker goes to a worker that becomes idle."""
    rig = make(2)
    rig.wait(*(rig.submit("nap", 0.05) for _ in range(4)))
    slow = rig.submit("nap", 600)
    quick = [rig.submit("same", index) for index in range(40)]
    rig.wait(*quick)
    assert not rig.ended(slow)
    rig.executor.cancel([slow], 0)


def test_batches_are_neither_lost_nor_made_twice_while_workers_take_them_from_each_other(rig: Rig) -> None:
    """However batches go to and fro between busy and idle workers, each is made once, whatever its size."""
    chance = Random(1)
    expected: dict[int, list[int]] = {}
    for _ in range(1500):
        rig.until(lambda: len(expected) - len(rig.ends) < 5)
        values: list[Any] = list(range(chance.choice((1, 1, 2, 5, 30))))
        large = chance.choice((1, 100_000, 400_000)) if chance.random() < 0.05 else 0
        if large:
            values[0] = bytes(large)  # a socket does not take the largest at once
        number = rig.submit("extent", *values)
        expected[number] = [large, *values[1:]]
    rig.wait(*expected)
    made: dict[int, list[Any]] = {number: [] for number in expected}
    for message in rig.messages:
        if isinstance(message, Finished):
            made[message.batch] += [value_of(outcome, rig.folder) for outcome in message.outcomes]
    assert made == expected


@pytest.mark.chaos
class TestDeaths:
    @pytest.mark.parametrize(
        ("step", "reason"),
        [
            ("killed", "killed by signal 9 (SIGKILL)"),
            ("segfault", "killed by signal 11 (SIGSEGV: a crash in native code)"),
            ("leave_hard", "exited with status 0"),
        ],
    )
    def test_a_dead_worker_loses_its_batch_with_the_reason(self, rig: Rig, step: str, reason: str) -> None:
        """A worker's death is one Lost that says why, and never a success; others go on."""
        lost = rig.lost(rig.submit(step, 0))
        assert (lost.reason, lost.cancelled, lost.out_of_memory) == (reason, False, False)
        assert rig.values(rig.submit("same", 4)) == [4]

    def test_what_had_ended_before_the_death_was_delivered(self, rig: Rig) -> None:
        """Of a batch whose worker dies, what was emitted stands; nothing comes after Lost."""
        number = rig.submit("killed_if", *range(5), also=(3,))
        assert isinstance(rig.lost(number), Lost)
        assert isinstance(rig.of(number)[-1], Lost)

    def test_only_the_batch_in_hand_is_lost(self, make: Any) -> None:
        """Batches that a dead worker had not begun run elsewhere, silently."""
        rig = make(1)
        rig.values(rig.submit("same", 0))
        numbers = [rig.submit("killed", 0), *(rig.submit("same", index) for index in range(10))]
        rig.wait(*numbers)
        assert isinstance(rig.lost(numbers[0]), Lost)
        assert [rig.values(number) for number in numbers[1:]] == [[index] for index in range(10)]

    def test_an_idle_worker_that_is_killed_costs_nothing(self, make: Any) -> None:
        """A batch that reaches a worker which is dead already runs on another."""
        rig = make(1)
        (pid,) = rig.values(rig.submit("pid", 0))
        os.kill(pid, signal.SIGKILL)
        (other,) = rig.values(rig.submit("pid", 0))
        assert other != pid

    def test_what_a_killed_attempt_printed_is_kept(self, rig: Rig, tmp_path: Path) -> None:
        """Lost brings the output of the attempt that was running."""
        marker = tmp_path / "pids"
        number = rig.submit("spawn_and_nap", str(marker))
        os.kill(int(read(marker).split()[0]), signal.SIGKILL)
        output = rig.lost(number).output
        assert output is not None
        assert output.text == b"spawned\n"

    def test_a_worker_that_crashes_takes_its_children_along(self, rig: Rig, tmp_path: Path) -> None:
        """Children of a dead worker are killed, also those that left its process group."""
        marker = tmp_path / "pids"
        number = rig.submit("spawn_and_nap", str(marker))
        pids = [int(pid) for pid in read(marker).split()]
        os.kill(pids[0], signal.SIGKILL)
        rig.wait(number)
        gone(pids[:3])

    def test_a_driver_killed_with_minus_9_leaves_no_process(self, tmp_path: Path) -> None:
        """With the driver goes all that it started, a grandchild in another session included."""
        marker = tmp_path / "pids"
        script = tmp_path / "driver.py"
        script.write_text(
            textwrap.dedent(
                f"""
                import os, sys, time
                sys.path[:0] = {[str(Path(__file__).parents[1])]!r}
                from pathlib import Path
                from executors.steps import STEPS
                from hookline.executors.processes import ProcessesExecutor
                from hookline.testing.rig import Rig
                folder = Path({str(tmp_path)!r}, "rig"); folder.mkdir()
                rig = Rig(ProcessesExecutor(2), folder, source=STEPS)
                if os.fork() == 0:
                    time.sleep(30)  # a forked child that keeps copies of every descriptor
                    os._exit(0)
                rig.submit("spawn_and_nap", {str(marker)!r})
                rig.submit("print_for_ever", 0)
                time.sleep(60)
                """
            )
        )
        driver = subprocess.Popen([sys.executable, str(script)], start_new_session=True)
        pids = [int(pid) for pid in read(marker).split()]
        assert len(pids) == 4
        assert all(map(alive, pids))
        supervisor = int(Path(f"/proc/{pids[0]}/stat").read_text().rpartition(")")[2].split()[1])
        driver.kill()
        driver.wait()
        gone([*pids, supervisor])
        os.killpg(driver.pid, signal.SIGKILL)

    def test_a_killed_supervisor_loses_what_was_running_and_no_more(self, rig: Rig, tmp_path: Path) -> None:
        """Without its supervisor the executor ends the workers and begins anew."""
        marker = tmp_path / "pids"
        number = rig.submit("note_and_nap", str(marker), also=(60,))
        worker = int(read(marker))
        os.kill(rig.executor._supervision.process_id, signal.SIGKILL)
        assert rig.lost(number).reason
        gone([worker])
        assert rig.values(rig.submit("same", 1)) == [1]


class TestLimits:
    def test_a_timeout_is_hard_and_takes_children_along(self, rig: Rig, tmp_path: Path) -> None:
        """An attempt over its time ends as timed out, with what it printed, and its processes are gone."""
        marker = tmp_path / "pids"
        rig.values(rig.submit("same", 0))
        number = rig.submit("spawn_and_nap", str(marker), timeout=3.0)
        pids = [int(pid) for pid in read(marker).split()]
        (outcome,) = rig.outcomes(number)
        assert outcome.kind == Kind.TIMED_OUT
        assert outcome.failure is not None
        assert outcome.failure.message == "took longer than 3 s"
        assert outcome.output is not None
        assert outcome.output.text == b"spawned\n"
        assert 3_000_000 <= outcome.duration_us < AT_LAST * 1e6
        gone(pids)
        assert rig.values(rig.submit("same", 2)) == [2]

    def test_a_timeout_counts_per_attempt_and_the_rest_goes_on(self, rig: Rig) -> None:
        """In a batch each attempt has its own time; those after one that took too long still run."""
        number = rig.submit("nap", 0.8, 0.8, 0.8, 600, 0, timeout=2.0)
        assert [outcome.kind for outcome in rig.outcomes(number)] == [
            Kind.COMPLETED,
            Kind.COMPLETED,
            Kind.COMPLETED,
            Kind.TIMED_OUT,
            Kind.COMPLETED,
        ]
        assert [outcome.item for outcome in rig.outcomes(number)] == [0, 1, 2, 3, 4]

    def test_a_cancelled_attempt_may_tidy_up(self, rig: Rig, tmp_path: Path) -> None:
        """Within the grace period a step that asks learns that it is cancelled, and its end counts."""
        marker = tmp_path / "begun"
        number = rig.submit("until_cancelled", str(marker))
        read(marker)
        rig.executor.cancel([number], AT_LAST)
        assert rig.values(number) == ["tidied"]

    def test_a_cancelled_attempt_is_gone_after_the_grace_period(self, rig: Rig, tmp_path: Path) -> None:
        """What does not end by itself is killed with its children, and lost as cancelled."""
        marker = tmp_path / "pids"
        number = rig.submit("spawn_and_nap", str(marker))
        pids = [int(pid) for pid in read(marker).split()]
        rig.executor.cancel([number], 0.2)
        assert rig.lost(number).cancelled
        gone(pids)

    def test_batches_that_wait_are_cancelled_at_once(self, make: Any, tmp_path: Path) -> None:
        """What has not begun ends at once, wherever it waits."""
        rig = make(1)
        rig.values(rig.submit("same", 0))
        running = rig.submit("until_cancelled", str(tmp_path / "begun"))
        waiting = [rig.submit("same", index) for index in range(5)]
        rig.executor.cancel(waiting, 60.0)
        assert all(rig.lost(number).cancelled for number in waiting)
        assert not rig.ended(running)
        read(tmp_path / "begun")
        rig.executor.cancel([running], AT_LAST)
        assert rig.values(running) == ["tidied"]

    def test_output_without_end_is_bounded(self, rig: Rig) -> None:
        """A task that prints for ever grows nothing; head and tail are kept and the rest is counted."""
        number = rig.submit("child_prints_for_ever", 0, timeout=3.0)
        (outcome,) = rig.outcomes(number)
        assert outcome.output is not None
        assert outcome.output.text.startswith(b"begin\ny\n")
        assert len(outcome.output.text) < rig.run.output_limit + 100
        assert outcome.output.dropped > 1_000_000

    def test_native_code_that_prints_much_while_it_holds_the_interpreter_ends(self, rig: Rig) -> None:
        """More output than the pipe holds, written without letting any thread run, does not hang the attempt."""
        assert rig.values(rig.submit("write_with_interpreter_held", 1_500_000)) == [1_500_000]

    def test_close_ends_everything_within_its_grace(self, make: Any, tmp_path: Path) -> None:
        """After close no process is left, and each batch has ended."""
        rig = make(2)
        marker = tmp_path / "pids"
        numbers = [rig.submit("spawn_and_nap", str(marker)), *(rig.submit("nap", 600) for _ in range(4))]
        pids = [int(pid) for pid in read(marker).split()]
        begin = time.monotonic()
        rig.executor.close(0.1)
        assert time.monotonic() - begin < AT_LAST
        assert not any(map(alive, pids))
        assert all(map(rig.ended, numbers))


class TestStarts:
    def test_a_target_that_does_not_import_fails_every_batch_and_says_why(self, make: Any) -> None:
        """The failure names the user's line, and no worker is started again and again."""
        rig = make(2, source="import no_such_module\n")
        numbers = [rig.submit("same", index) for index in range(5)]
        rig.wait(*numbers)
        (outcome,) = rig.outcomes(numbers[0])
        assert outcome.failure is not None
        assert outcome.failure.type == "ModuleNotFoundError"
        assert "steps_under_test.py:1" in outcome.failure.frame
        assert [len(rig.outcomes(number)) for number in [*numbers, rig.submit("same", 1)]] == [1] * 6

    def test_workers_that_can_not_start_are_given_up(self, make: Any) -> None:
        """After three workers that ended before they began, batches fail with what these had to say."""
        rig = make(2, source=STEPS + "\nos.write(2, b'no luck\\n'); os._exit(3)\n")
        (outcome,) = rig.outcomes(rig.submit("same", 1))
        assert outcome.failure is not None
        assert outcome.failure.message == "worker processes end before they begin: exited with status 3"
        assert "no luck" in outcome.failure.traceback
        assert rig.executor._serial < 8


def test_a_lost_batch_is_started_before_it_is_lost(rig: Rig) -> None:
    """Started precedes Lost."""
    number = rig.submit("killed", 0)
    rig.wait(number)
    assert [type(message) for message in rig.of(number)] == [Started, Lost]


def test_variables_that_count_in_keys_have_the_drivers_values(make: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """A worker sets what it lacks and unsets what the driver has not, before the work's first attempt."""
    monkeypatch.setenv("CHURN_STALE", "of another time")
    rig = make(1, source="import os\ndef value(x): return os.environ.get(x)\n")
    env = (("CHURN_NEW", "told"), ("CHURN_STALE", None), ("CHURN_NEVER", None))
    work = replace(rig.work("value"), env=env)
    assert rig.values_of(work, "CHURN_NEW", "CHURN_STALE", "CHURN_NEVER") == ["told", None, None]
