"""What every executor keeps; collected once per executor by the test modules beside this file."""

from __future__ import annotations

from collections.abc import Callable

from executors.rig import Rig
from hookline.model.batch import Finished, Started
from hookline.model.states import Kind

MakeRig = Callable[..., Rig]


class ExecutorContract:
    """Inherit, and bring a fixture ``rig`` that starts the executor."""

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

    def test_a_failure_travels_as_data(self, rig: Rig) -> None:
        """What a step raises arrives with type, text, the user's line and the verdict on a retry."""
        (outcome,) = rig.outcomes(rig.submit("fail", 7))
        assert outcome.kind == Kind.FAILED
        assert outcome.failure is not None
        assert outcome.failure[:2] == ("ValueError", "no 7")
        assert "steps_under_test.py" in outcome.failure.frame
        assert outcome.failure.retryable

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
        import sys

        from hookline.worker.target import import_target

        rig.begin()
        import_target("steps_under_test", rig.run.target_file, ())
        thing = sys.modules["steps_under_test"].Thing()
        assert rig.values(rig.submit("is_class", thing)) == [True]

    def test_capacity_is_at_least_one(self, rig: Rig) -> None:
        """An executor can always work on a batch."""
        assert rig.executor.capacity() >= 1
