"""What every executor keeps."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from hookline.executors.protocol import Executor
from hookline.model.batch import Finished, Lost, Started
from hookline.model.states import Kind
from hookline.model.stretch import Taken
from hookline.testing.rig import Rig

__all__ = ["ExecutorContract"]

_AT_LAST = 30.0  # seconds for what is awaited: what takes that long on a busy machine never comes


class ExecutorContract:
    """What every executor keeps; inherit, and bring ``make_executor``.

    .. code-block:: python

        class TestMyExecutor(ExecutorContract):
            def make_executor(self):
                return MyExecutor(workers=2)
    """

    def make_executor(self) -> Executor:
        """Make an executor of two workers, not started yet."""
        raise NotImplementedError

    @pytest.fixture
    def rig(self, tmp_path: Path) -> Iterator[Rig]:
        """The executor, with what the engine would give it."""
        with Rig(self.make_executor(), tmp_path) as rig:
            yield rig

    def test_it_has_what_the_engine_asks_for(self) -> None:
        """It fits the protocol, and says what kind it is."""
        made = self.make_executor()
        assert isinstance(made, Executor)
        assert all(isinstance(getattr(made.traits, name), bool) for name in ("kills", "remote", "shares_memory"))

    def test_a_batch_gives_its_outcomes_in_the_order_of_its_items(self, rig: Rig) -> None:
        """Outcomes come in the order of the batch's items, whatever the executor."""
        number = rig.submit("same", *range(50))
        assert rig.values(number) == list(range(50))
        assert [outcome.item for outcome in rig.outcomes(number)] == list(range(50))

    def test_a_batch_starts_once_before_its_outcomes_and_ends_once(self, rig: Rig) -> None:
        """One Started comes first, and one end comes last."""
        numbers = [rig.submit("same", 1, 2) for _ in range(20)]
        rig.wait(*numbers)
        for number in numbers:
            messages = rig.of(number)
            assert [type(message) for message in messages].count(Started) == 1
            assert isinstance(messages[0], Started)
            assert [isinstance(message, Finished) and message.done for message in messages].count(True) == 1

    def test_calls_that_follow_come_one_by_one(self, rig: Rig) -> None:
        """Each takes what the one before gave, and is told with its key; the batch ends once."""
        batch = rig.stretch(3, "same", "twice", "twice", "same")
        rig.executor.submit(batch)
        values, outcomes = rig.values(batch.number), rig.outcomes(batch.number)
        # An executor need not make them: what it leaves out is decided about like anything else.
        assert values == [3, 6, 12, 12][: len(values)]
        assert [outcome.key == b"" for outcome in outcomes] == [True, False, False, False][: len(values)]
        assert [isinstance(message, Finished) and message.done for message in rig.of(batch.number)].count(True) == 1

    def test_a_call_whose_key_is_taken_is_not_made(self, rig: Rig) -> None:
        """Nor is what follows on it; one that fails is the last, too."""
        first = rig.stretch(5, "same", "twice")
        rig.executor.submit(first)
        rig.wait(first.number)
        taken = Taken()
        for outcome in rig.outcomes(first.number)[1:]:
            taken.add(outcome.key)
        again = rig.stretch(5, "same", "twice", "same", taken=taken)
        failing = rig.stretch(5, "same", "fail", "same")
        for batch in (again, failing):
            rig.executor.submit(batch)
        rig.wait(again.number, failing.number)
        if taken:
            assert rig.values(again.number) == [5]
            assert [outcome.failure is None for outcome in rig.outcomes(failing.number)] == [True, False]

    def test_each_message_of_outcomes_holds_some(self, rig: Rig) -> None:
        """However long attempts take, the one that ends a batch is told with its end: nobody is woken for nothing."""
        number = rig.submit("nap", 0.03, 0.03)
        rig.wait(number)
        told = [len(message.outcomes) for message in rig.of(number) if isinstance(message, Finished)]
        assert told == [1, 1]

    def test_many_batches_each_end(self, rig: Rig) -> None:
        """No batch is lost or made twice when many wait at once."""
        numbers = [rig.submit("add", index, also=(1,)) for index in range(300)]
        rig.wait(*numbers)
        assert [rig.values(number) for number in numbers] == [[index + 1] for index in range(300)]

    def test_large_values_arrive_whole(self, rig: Rig) -> None:
        """What does not fit into a message or a row is stored, and comes back byte by byte."""
        text = "0123456789abcdef" * 200_000
        assert rig.values(rig.submit("twice", text)) == [text + text]

    def test_a_failure_travels_as_data(self, rig: Rig) -> None:
        """What a step raises arrives with type, text, the user's line and the verdict on a retry."""
        (outcome,) = rig.outcomes(rig.submit("fail", 7))
        assert outcome.kind == Kind.FAILED
        assert outcome.failure is not None
        assert outcome.failure[:2] == ("ValueError", "no 7")
        assert "steps_under_test.py" in outcome.failure.frame
        assert outcome.failure.retryable

    def test_a_failure_leaves_the_rest_of_its_batch_alone(self, rig: Rig) -> None:
        """The other attempts of the batch are made as if nothing had happened."""
        kinds = [outcome.kind for outcome in rig.outcomes(rig.submit("fail_if", 1, 2, 3, also=(2,)))]
        assert kinds == [Kind.COMPLETED, Kind.FAILED, Kind.COMPLETED]

    def test_sys_exit_in_a_step_is_a_failure_of_that_task(self, rig: Rig) -> None:
        """A step that calls sys.exit fails; the executor goes on."""
        (outcome,) = rig.outcomes(rig.submit("leave", 0))
        assert outcome.kind == Kind.FAILED
        assert rig.values(rig.submit("same", 1)) == [1]

    def test_what_an_attempt_prints_and_logs_is_its_own(self, rig: Rig) -> None:
        """Output of stdout, stderr and logging arrives with the attempt that made it, and with no other."""
        loud, silent = rig.submit("chatter", 1, 2), rig.submit("same", 1)
        texts = [outcome.output.text.decode() for outcome in rig.outcomes(loud) if outcome.output]
        assert [text.splitlines()[:2] for text in texts] == [["out 1", "err"], ["out 2", "err"]]
        assert all("logged" in text for text in texts)
        assert [outcome.output for outcome in rig.outcomes(silent)] == [None]

    def test_a_class_of_the_target_file_is_the_same_class_in_every_step(self, rig: Rig) -> None:
        """A value of a class from the workflow's file passes an exact type check in a step."""
        assert rig.values(rig.submit("is_class", rig.target().Thing())) == [True]

    def test_relative_paths_mean_the_drivers_working_directory(self, rig: Rig) -> None:
        """Wherever the attempt is made."""
        if rig.executor.traits.shares_memory:
            pytest.skip("attempts are made in the driver itself")
        assert rig.values(rig.submit("folder", 0)) == [rig.run.cwd]

    def test_capacity_is_at_least_one(self, rig: Rig) -> None:
        """An executor can always work on a batch."""
        rig.begin()
        assert rig.executor.capacity() >= 1

    def test_submitting_does_not_wait_unless_it_says_so(self, rig: Rig) -> None:
        """The engine's loop goes on while attempts are made."""
        if rig.executor.traits.blocks:
            pytest.skip("its traits say that it blocks")
        number = rig.submit("until_there", str(rig.folder / "go"))
        assert not rig.ended(number)
        (rig.folder / "go").touch()
        assert rig.values(number) == [str(rig.folder / "go")]

    def test_cancelling_what_has_ended_does_nothing(self, rig: Rig) -> None:
        """The engine may be late."""
        number = rig.submit("same", 1)
        rig.wait(number)
        rig.executor.cancel([number, 999_999], 0.0)
        assert rig.values(rig.submit("same", 2)) == [2]
        assert len([message for message in rig.of(number) if not isinstance(message, Started)]) == 1

    def test_what_is_cancelled_can_end_by_itself(self, rig: Rig) -> None:
        """A step that asks whether it is cancelled tidies up within the grace period; its batch ends once."""
        if rig.executor.traits.blocks:
            pytest.skip("its traits say that it blocks")
        begun = rig.folder / "begun"
        number = rig.submit("until_cancelled", str(begun))
        rig.until_there(begun)
        rig.executor.cancel([number], _AT_LAST)
        assert rig.values(number) == ["tidied"]

    def test_what_does_not_end_is_killed(self, rig: Rig) -> None:
        """After the grace period, where the traits promise that; the executor goes on."""
        self._needs_kills(rig)
        begun = rig.folder / "begun"
        number = rig.submit("sleep_noted", str(begun))
        pid = int(rig.until_there(begun))
        rig.executor.cancel([number], 0.0)
        assert rig.lost(number).cancelled
        self._gone(rig, pid)
        assert rig.values(rig.submit("same", 1)) == [1]

    def test_what_takes_too_long_is_ended(self, rig: Rig) -> None:
        """Where the traits promise to kill, an attempt ends when its time is over; the executor goes on."""
        self._needs_kills(rig)
        number = rig.submit("nap", 600.0, timeout=0.2)
        rig.wait(number)
        end = rig.of(number)[-1]
        if isinstance(end, Finished):
            assert [outcome.kind for outcome in end.outcomes] == [Kind.TIMED_OUT]
        else:
            assert isinstance(end, Lost)
            assert end.timed_out
        assert rig.values(rig.submit("same", 1)) == [1]

    def test_a_dead_worker_is_told_and_replaced(self, rig: Rig) -> None:
        """The batch in its hands ends as Lost, with the reason in words; other batches are made all the same."""
        self._needs_kills(rig)
        number = rig.submit("killed", 0)
        others = [rig.submit("same", index) for index in range(10)]
        lost = rig.lost(number)
        assert not lost.cancelled
        assert lost.reason
        assert [rig.values(other) for other in others] == [[index] for index in range(10)]

    def test_leaving_the_process_is_never_success(self, rig: Rig) -> None:
        """A step that calls os._exit(0) has no result."""
        self._needs_kills(rig)
        assert isinstance(rig.lost(rig.submit("leave_hard", 0)), Lost)

    def test_closing_ends_what_still_runs(self, rig: Rig) -> None:
        """Nothing of a run outlives it, where the traits promise that."""
        self._needs_kills(rig)
        begun = rig.folder / "begun"
        rig.submit("sleep_noted", str(begun))
        pid = int(rig.until_there(begun))
        began = time.monotonic()
        rig.executor.close(0.0)
        assert time.monotonic() - began < _AT_LAST
        self._gone(rig, pid)

    def test_closing_twice_is_closing_once(self, rig: Rig) -> None:
        """The engine closes what it can't be sure about."""
        rig.wait(rig.submit("same", 1))
        rig.executor.close(1.0)
        rig.executor.close(1.0)

    def test_an_executor_that_never_began_can_be_closed(self) -> None:
        """A run may fail before it has anything to do."""
        self.make_executor().close(0.0)

    def _needs_kills(self, rig: Rig) -> None:
        if not rig.executor.traits.kills:
            pytest.skip("its traits don't say that it kills")

    def _gone(self, rig: Rig, pid: int) -> None:
        if rig.executor.traits.remote or sys.platform == "win32":
            return
        end = time.monotonic() + _AT_LAST
        while _lives(pid):
            assert time.monotonic() < end, f"process {pid} still lives"
            time.sleep(0.005)


def _lives(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    try:
        # Its parent may be about to collect it.
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return Path("/proc").is_dir() is False
