"""Stretches: quick calls, each of which waits for the one before only, travel to a worker together.

A stretch is made only where nothing else is going on in the run. So nothing is decided meanwhile that could have the
key of one of its calls; and the keys that were decided about before go with it: no result is made twice.
"""

from __future__ import annotations

from collections.abc import Callable, Container, Mapping
from typing import NamedTuple

from hookline.engine.program.held import Held
from hookline.engine.program.inputs import CallInputs
from hookline.engine.program.program import Program, TaskProgram
from hookline.engine.record.journaling import Journaling
from hookline.engine.record.nodes import Nodes, Recorded
from hookline.engine.run.opening import OpenTasks
from hookline.engine.run.planner import Planner
from hookline.engine.schedule.retry import Retries
from hookline.engine.schedule.scheduler import Scheduler
from hookline.model.batch import Outcome
from hookline.model.recording import Form
from hookline.model.stretch import Link, Taken
from hookline.model.work import Work
from hookline.worker.stretch import inputs_after, key_after

__all__ = ["NOTHING", "Stretch", "Stretches"]

_MOST = 4096
_FIRST = 64
_FASTER = 4
"""How many links a stretch may have: at most, at first, and by what factor more after one that was made whole."""

_WORKS = 64
"""How many works a stretch may have: workers remember so many only."""


class Stretch(NamedTuple):
    """Calls that follow on another.

    Attributes:
        tasks: Their tasks.
        links: What a worker has to know of them.
        taken: The keys that none of them may have.
    """

    tasks: list[int]
    links: list[Link]
    taken: Taken | None


NOTHING = Stretch([], [], None)


class Stretches:
    """Finds what can follow on a call without being decided about, and has it decided about afterwards.

    Args:
        program: The tasks.
        scheduler: Their states.
        tasks: Those that are open.
        held: Their outcomes.
        planner: Knows which keys are taken.
        retries: Knows the numbers of attempts.
        journaling: Has decisions recorded and told.
        nodes: Knows what was running when earlier drivers of the run died.
        recorded: What this run recorded before it was resumed, by task.
        alone: Items that get batches of their own.
    """

    def __init__(
        self,
        program: Program,
        scheduler: Scheduler,
        tasks: OpenTasks,
        held: Held,
        planner: Planner,
        retries: Retries,
        journaling: Journaling,
        nodes: Nodes,
        recorded: Mapping[int, Recorded],
        alone: Container[tuple[int, int]],
    ) -> None:
        self._program = program
        self._scheduler = scheduler
        self._tasks = tasks
        self._held = held
        self._planner = planner
        self._retries = retries
        self._journal = journaling
        self._nodes = nodes
        self._recorded = recorded
        self._alone = alone
        # What is not made was found in vain, each time anew: where every other result is there, that takes longer than
        # all the rest.
        self._most = _FIRST

    def after(self, head: int, room_us: float, expect_us: Callable[[TaskProgram, Work], float]) -> Stretch:
        """Find what may follow on a call that is about to be made, while nothing else is going on.

        Args:
            head: Its task.
            room_us: How long all that follows may take.
            expect_us: Tells how long a call takes with all that it costs; 0 where that is not known, or the worker that
                makes the head can't make it.

        Returns:
            The stretch, perhaps an empty one; its tasks are held until :meth:`end`.
        """
        # What waits for the head's result would go on beside what follows on it, and might come to the same keys.
        if self._tasks[head].same or self._nodes.any_poisonous or (taken := self._planner.taken()) is None:
            return NOTHING
        tasks: list[int] = []
        links: list[Link] = []
        expected: dict[int, float] = {}
        covered: dict[bytes, bool] = {}
        follower, programs, link_of = self._scheduler.follower, self._program.tasks, self._tasks.link
        before = head
        while len(links) < self._most and (index := follower(before)) >= 0:
            program = programs[index]
            fingerprint = program.fingerprint.digest
            if fingerprint not in covered:
                covered[fingerprint] = self._planner.covers(fingerprint)
            if not covered[fingerprint] or not self._is_plain(index, program):
                break
            link = link_of(index, before)
            if link is None:
                break
            work = link.work.task
            if work not in expected:
                expected[work] = expect_us(program, link.work) if len(expected) < _WORKS else 0.0
            room_us -= expected[work]
            if not expected[work] or room_us < 0:
                break
            tasks.append(index)
            links.append(link)
            before = index
        if not links:
            return NOTHING
        self._scheduler.hold(tasks)
        return Stretch(tasks, links, taken)

    def _is_plain(self, index: int, program: TaskProgram) -> bool:
        """Whether nothing has to be decided about a call but whether its key is taken, once it has all it waits for."""
        task = program.task
        if task.form is not Form.CALL or task.condition is not None or not program.cacheable or program.seed:
            return False
        if self._program.dependencies[index].tolerant and self._program.lack(index, self._scheduler):
            return False
        return not (index in self._recorded or (index, 0) in self._alone or self._retries.numbered(index, 0))

    def reach(self, index: int, link: Link, before: int, key: bytes = b"") -> bytes:
        """Let a call of a stretch begin that a worker has made: nothing was there to be reused.

        Args:
            index: Its task.
            link: What the worker knew of it.
            before: The task before, which has a value.
            key: Its key; empty where the worker did not tell.

        Returns:
            Its key.
        """
        outputs = self._held.blobs(before)[0]
        assert outputs is not None
        key = key or key_after(link, outputs)
        inputs = CallInputs(link.work.arguments, inputs_after(link, outputs), key, -1, alike=True)
        self._tasks.begin_call(index, inputs, link.work)
        self._note(index, key)
        return key

    def passed(self, index: int, outcome: Outcome) -> None:
        """Let a call begin that has its value already; its attempt is still to be recorded, and its end noted."""
        assert outcome.outputs is not None
        self._tasks.pass_call(index, outcome.outputs)
        self._note(index, outcome.key)

    def _note(self, index: int, key: bytes) -> None:
        self._planner.started(key, index)
        self._journal.decided_to_run(index, 0, 1, 1)
        if self._journal.news is not None:
            self._journal.news.started([index], (0,), 1)

    def end(self, tasks: list[int], made: int) -> None:
        """Let go of a stretch: what of it was not reached is decided about like anything else.

        Args:
            tasks: That.
            made: How many of its links were reached.
        """
        self._most = max(1, 2 * made) if tasks else min(_MOST, _FASTER * self._most)
        self._scheduler.let_go(tasks)
