"""Growth as the dispatcher's side sees it: planting with all that has to know of new tasks."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from hookline.engine.program.program import GrownPart, Planted, Program
from hookline.engine.record.journaling import Journaling
from hookline.engine.record.nodes import Nodes, Recorded
from hookline.engine.run.circles import Circle
from hookline.engine.run.growth import Growth
from hookline.engine.run.opening import OpenTasks
from hookline.engine.schedule.priorities import Priorities
from hookline.engine.schedule.scheduler import Scheduler
from hookline.errors import HooklineError
from hookline.model.batch import Outcome
from hookline.model.graph import Task
from hookline.model.states import Kind
from hookline.worker.failures import failure_of

__all__ = ["Growing"]


class Growing:
    """Plants recipes in a run.

    Args:
        program: All tasks.
        scheduler: Their states.
        growth: Makes tasks of recipes.
        tasks: Opens them.
        journaling: Has them recorded.
        nodes: Knows what earlier drivers recorded of them.
        priorities: Lets them have the priority of the task that grew.
        recorded: Takes that, by task.
    """

    def __init__(
        self,
        program: Program,
        scheduler: Scheduler,
        growth: Growth,
        tasks: OpenTasks,
        journaling: Journaling,
        nodes: Nodes,
        priorities: Priorities,
        recorded: dict[int, Recorded],
    ) -> None:
        self._program = program
        self._scheduler = scheduler
        self._growth = growth
        self._tasks = tasks
        self._journal = journaling
        self._nodes = nodes
        self._priorities = priorities
        self._recorded = recorded
        self._over: list[GrownPart] = []

    def plant(self, index: int, outcomes: Sequence[Outcome], attempt: int, planted: list[Planted]) -> list[Outcome]:
        """Plant what attempts grew.

        Args:
            index: Their task.
            outcomes: How they ended.
            attempt: Their number.
            planted: Takes what is new.

        Returns:
            The outcomes, those that could not be planted as failures.
        """
        taken = []
        for outcome in outcomes:
            if outcome.kind == Kind.GREW:
                assert outcome.outputs is not None
                try:
                    planted.append(self.replant(index, outcome.item, outcome.outputs, attempt))
                except HooklineError as error:
                    outcome = outcome._replace(kind=Kind.FAILED, outputs=None, failure=failure_of(error, ()))
            taken.append(outcome)
        return taken

    def replant(self, index: int, item: int, recipe: bytes, attempt: int) -> Planted:
        """Plant a recipe.

        Args:
            index: The task that grew.
            item: The item of it.
            recipe: The packed recipe.
            attempt: The number of the attempt; 0 where another run made it.

        Raises:
            HooklineError: It can't be planted; nothing was changed.
        """
        planted = self._growth.plant(index, item, recipe, attempt)
        self._tasks.grow()
        self._priorities.grow(index, len(planted.part.tasks))
        self._journal.planted(planted)
        self._recorded.update(self._nodes.all_recorded(planted.part.tasks))
        return planted

    def append(self, task: Task) -> None:
        """Add a task that the engine makes itself, as :meth:`Growth.append`."""
        self._growth.append(task)
        self._tasks.grow()
        self._priorities.append(1.0)
        self._journal.grow(1)

    def ended(self) -> Iterator[tuple[GrownPart, int, bytes | None]]:
        """Yield the parts whose results have ended, as :meth:`Growth.take_ended`."""
        for part, lack, blob in self._growth.take_ended():
            yield part, lack, blob
            self.over(part)

    def circle(self) -> Circle:
        """Look at who waits for whom; for when nothing else is going on."""
        return Circle(self._program, self._scheduler, self._tasks, self._growth)

    def over(self, part: GrownPart) -> None:
        """Nobody waits for a part's result any more."""
        self._over.append(part)

    def forget_over(self) -> None:
        """Let go of such parts; called when nobody has their tasks at hand."""
        over, self._over = self._over, []
        for part in over:
            if self._growth.is_over(part):
                self._journal.forget(part)
                self._growth.forget(part)
