"""Growth: recipes become tasks, and what these come to becomes the outcome of the item that grew.

See docs/decisions/0007-growth.md. A chain of tail calls is one item that waits for the result of the newest part:
nothing here nests or recurses, and a part is forgotten when its result has ended.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Any

from hookline.engine.program.compile import ProgramBuilder
from hookline.engine.program.exporter import Exporter
from hookline.engine.program.held import Held
from hookline.engine.program.program import GrownPart, Head, Planted, Program, TaskProgram
from hookline.engine.record.nodes import Nodes
from hookline.engine.schedule.scheduler import Scheduler
from hookline.errors import WorkflowError
from hookline.graph.open_arguments import OpenArguments
from hookline.model.graph import Binding, Task
from hookline.model.options import Options
from hookline.model.outputs import Outputs
from hookline.model.recording import RETURN, Form
from hookline.model.step import Step
from hookline.store.artifacts import Artifacts
from hookline.store.ids import grown_id, item_id
from hookline.worker.collect import collect
from hookline.worker.recipe import read_recipe
from hookline.worker.steps import StepFinder

if TYPE_CHECKING:
    from hookline.graph.rewriting.rewrite import Rewriter

__all__ = ["Growth"]


class Growth:
    """Plants recipes, and notices when the results of parts have ended.

    Args:
        program: Takes the tasks.
        builder: Makes them ready.
        scheduler: Takes what they wait for.
        held: Keeps the outcomes of results.
        exporter: Makes references to their functions.
        nodes: Numbers them.
        artifacts: Where large recipes lie.
        limit: How many levels, or turns of a loop, there may be.
        open_arguments: What settings give to arguments that the calls left open.
        rewriters: The plugins that rewrite each part.
        known: Gives the value of what an attempt gave to a step, for those plugins.
    """

    def __init__(
        self,
        program: Program,
        builder: ProgramBuilder,
        scheduler: Scheduler,
        held: Held,
        exporter: Exporter,
        nodes: Nodes,
        artifacts: Artifacts,
        limit: int,
        open_arguments: OpenArguments,
        rewriters: Sequence[Rewriter],
        known: Callable[[Binding], Any],
    ) -> None:
        self._program = program
        self._builder = builder
        self._scheduler = scheduler
        self._held = held
        self._exporter = exporter
        self._nodes = nodes
        self._artifacts = artifacts
        self._limit = limit
        self._open_arguments = open_arguments
        self._rewriters = rewriters
        self._known = known
        self._finder = StepFinder()
        self._returns: dict[Step[Any, Any], Step[Any, Any]] = {}
        self._results: dict[int, GrownPart] = {}
        self._ended: deque[GrownPart] = deque()

    def plant(self, index: int, item: int, recipe: bytes, attempt: int) -> Planted:
        """Add the tasks of a recipe.

        Args:
            index: The task that grew.
            item: The item of it that grew.
            recipe: The packed recipe.
            attempt: The number of the attempt that grew; 0 where the recipe is reused.

        Returns:
            What is new.

        Raises:
            HooklineError: The recipe can't be read, names steps that are gone, lacks what settings gave, can't be
                rewritten, or would be a level too many; nothing was added.
        """
        grown, first = self._program.tasks[index], len(self._program.tasks)
        level = 1 if grown.part is None else grown.part.level + 1
        if level >= self._limit:
            raise _too_deep(grown, self._limit)
        made_by = _made_by(grown)
        tasks, result = self._tasks(recipe, grown, item, made_by)
        replaced = self._results.get(index)
        part = GrownPart(
            index,
            item,
            result,
            (index, item) if replaced is None else replaced.target,
            range(first, first + len(tasks)),
            level,
            grown.task.id if grown.part is None else grown.part.group,
            attempt if replaced is None else replaced.attempt,
            made_by=made_by,
        )
        self._count_turn(part, grown, tasks)
        programs = [self._builder.make(task) for task in tasks]
        self._builder.check()
        for program in programs:
            program.part = part
            self._exporter.add(program)
        places = [*self._place(part, grown, tasks)]
        self._program.extend(programs)
        self._scheduler.grow(self._program.dependencies[first:])
        self._held.grow()
        self._held.keep(result)
        if replaced is not None:
            del self._results[index]
            self._held.drop(index)
        self._results[result] = part
        return Planted(part, places, replaced)

    def append(self, task: Task) -> None:
        """Add a task of the workflow's own, numbered on from the last one there is.

        Raises:
            HooklineError: Its code can't be read, or can't travel; nothing was added.
        """
        program = self._builder.make(task)
        self._builder.check()
        self._exporter.add(program)
        self._nodes.add(task.id)
        self._program.extend([program])
        self._scheduler.grow(self._program.dependencies[task.index :])
        self._held.grow()

    def note_end(self, index: int) -> None:
        """Note that a task has ended; if it is the result of a part, that can be settled."""
        part = self._results.pop(index, None) if self._results else None
        if part is not None:
            self._ended.append(part)

    def take_ended(self) -> Iterator[tuple[GrownPart, int, bytes | None]]:
        """Yield the parts whose results have ended, with why there is no value (as the scheduler says) and it."""
        while self._ended:
            part = self._ended.popleft()
            lack = self._scheduler.lack(part.result)
            blob = None if lack else self._held.blobs(part.result)[0]
            self._held.drop(part.result)
            yield part, lack, blob

    def is_over(self, part: GrownPart) -> bool:
        """Whether all tasks of a part have ended."""
        return all(self._scheduler.ended(index) for index in part.tasks)

    def forget(self, part: GrownPart) -> None:
        """Let go of the tasks of a part that is over."""
        for index in part.tasks:
            self._program.forget(index)
            self._held.forget(index)

    def parts(self) -> Iterable[GrownPart]:
        """Give the parts whose results have not ended."""
        return self._results.values()

    def _tasks(self, recipe: bytes, grown: TaskProgram, item: int, made_by: frozenset[str]) -> tuple[list[Task], int]:
        """Make tasks of a recipe; the second is the index of the one whose outcome is that of the item that grew."""
        first = len(self._program.tasks)
        read = read_recipe(recipe, self._artifacts, first)
        function = grown.task.step.declares
        steps = [self._finder.find(name, function) for name in read.steps]
        for call in read.calls:
            self._open_arguments.complete(steps[call.step], call.bindings, call.id)
        tasks = [
            Task(index, call.id, steps[call.step], call.form, call.bindings, call.mapped, call.condition, call.place)
            for index, call in enumerate(read.calls, first)
        ]
        returns, result = read.returns, None if read.result is None else first + read.result
        rewriters = [each for each in self._rewriters if each.plugin not in made_by] if self._rewriters else ()
        if rewriters:
            from hookline.graph.rewriting.rewrite import rewrite_part  # few runs need it, and all load this module

            graph, name = self._program.graph, _item_id(grown, item)
            step, arguments = grown.task.step, self._open_arguments
            found = rewrite_part(tasks, returns, step, rewriters, name, graph, arguments, self._known)
            if found is not None:
                tasks, returns, result = found
        if result is None:
            collecting = self._returns.get(grown.task.step)
            if collecting is None:
                collecting = self._returns[grown.task.step] = _ReturnStep(grown.task.step)
            result, bindings = first + len(tasks), {"value": returns}
            tasks.append(Task(result, RETURN, collecting, Form.CALL, bindings, (), None, grown.task.place))
        return tasks, result

    def _count_turn(self, part: GrownPart, grown: TaskProgram, tasks: list[Task]) -> None:
        """Count a call of the same step in tail position as a turn, so that it is named below the first."""
        above = grown.part
        head = above.head if above is not None and above.result == grown.task.index else None
        depth = 0 if above is None else above.depth
        part.depth = (depth if head is None else head.depth + 1) + 1
        step, last = grown.task.step, tasks[part.result - part.tasks.start]
        if last.step.fn is step.fn and last.step.name == step.name:
            if head is None or above is None:
                head, turn = Head(self._nodes[part.parent], part.item, _item_id(grown, part.item), depth), 1
            else:
                turn = above.turn
            part.turn, part.head = turn + 1, head

    def _place(self, part: GrownPart, grown: TaskProgram, tasks: list[Task]) -> Iterator[tuple[int, int, str]]:
        """Number the tasks and word their ids; give what each is named within."""
        number, within = self._nodes[part.parent], _item_id(grown, part.item)
        for task in tasks:
            if part.head is not None and task.index == part.result:
                name, place = str(part.turn), (part.head.number, part.head.item)
                self._nodes.add(name, *place)
                task.id = f"{part.head.id}/{name}"
            else:
                name, place = task.id, (number, part.item)
                task.id = grown_id(within, name, part.depth, self._nodes.add(name, *place))
            yield (*place, name)


class _ReturnStep(Step[Any, Any]):
    """The engine's own step that puts together what a step returned; its value is declared by that step."""

    def __init__(self, grown: Step[Any, Any]) -> None:
        super().__init__(collect, RETURN, Options())
        self._grown = grown

    @property
    def declares(self) -> Callable[..., Any]:
        """The function of the step that returned."""
        return self._grown.declares

    @property
    def outputs(self) -> Outputs:
        """Its slots."""
        return self._grown.outputs


def _item_id(grown: TaskProgram, item: int) -> str:
    return item_id(grown.task.id, item, grown.task.form is not Form.CALL)


def _made_by(grown: TaskProgram) -> frozenset[str]:
    """Tell whose inserted steps a part grew from: these plugins don't see it, as they don't see what they insert."""
    above = frozenset[str]() if grown.part is None else grown.part.made_by
    inserted_by = grown.task.inserted_by
    return above | {inserted_by} if inserted_by else above


def _too_deep(grown: TaskProgram, limit: int) -> WorkflowError:
    group = grown.task.id if grown.part is None else grown.part.group
    return WorkflowError(
        f"the step '{grown.task.step.name}' grew more than {limit:,} turns or levels below task '{group}'",
        help="look whether what it calls comes to an end; for longer loops raise the limit: turns = … in "
        "[tool.hookline], or turns=… of run()",
    )
