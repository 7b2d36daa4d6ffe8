"""Decides about items that can start, and acts on it: they are queued, or end as what is recorded of them says."""

from __future__ import annotations

import bisect
import logging
from collections.abc import Iterable, Sequence

from hookline.engine.program.inputs import CallInputs
from hookline.engine.program.program import Program
from hookline.engine.record.journaling import Journaling
from hookline.engine.record.nodes import Nodes, Recorded
from hookline.engine.request import Settings
from hookline.engine.run.growing import Growing
from hookline.engine.run.in_flight import Planned
from hookline.engine.run.launcher import Launcher
from hookline.engine.run.opening import OpenTask, OpenTasks
from hookline.engine.run.outcomes import Outcomes, ranges_of
from hookline.engine.run.planner import Decided, Planner
from hookline.engine.schedule.retry import Retries
from hookline.engine.schedule.scheduler import Scheduler, State
from hookline.errors import HooklineError
from hookline.model.states import Kind
from hookline.store.rows import Hit

__all__ = ["Deciding"]

_log = logging.getLogger("hookline.engine.run.deciding")

_PLAN_AT_ONCE = 4096
_ONE = (0,)


class Deciding:
    """Has the planner decide, and carries its decisions out.

    Args:
        program: The tasks.
        scheduler: Their states.
        tasks: Those that are open.
        planner: Decides what runs.
        launcher: Takes what has to run.
        outcomes: Shares results between items with equal keys.
        growing: Plants recorded recipes.
        retries: Knows the numbers of attempts.
        journaling: Has decisions recorded and told.
        nodes: Knows what was running when earlier drivers of the run died.
        recorded: What this run recorded before it was resumed, by task.
        settings: What the user asked for.

    Attributes:
        failed: Whether an item was refused or set aside.
    """

    def __init__(
        self,
        program: Program,
        scheduler: Scheduler,
        tasks: OpenTasks,
        planner: Planner,
        launcher: Launcher,
        outcomes: Outcomes,
        growing: Growing,
        retries: Retries,
        journaling: Journaling,
        nodes: Nodes,
        recorded: dict[int, Recorded],
        settings: Settings,
    ) -> None:
        self._program = program
        self._scheduler = scheduler
        self._tasks = tasks
        self._planner = planner
        self._launcher = launcher
        self._outcomes = outcomes
        self._growing = growing
        self._retries = retries
        self._journal = journaling
        self._nodes = nodes
        self._recorded = recorded
        self._settings = settings
        self.failed = False

    def decide_ready(self) -> None:
        """Decide about all items that can start now."""
        ready = self._scheduler.ready
        if len(ready) > 1:
            self._look_ahead(ready)
        while ready:
            task, low, high = ready.popleft()
            if self._decide_call(task):
                continue
            while low < high:
                end = min(high, low + _PLAN_AT_ONCE)
                self._decide(task, low, end)
                low = end

    def _look_ahead(self, ready: Iterable[tuple[int, int, int]]) -> None:
        """Have looked up together what is known of plain tasks."""
        tasks, programs = self._tasks, self._program.tasks
        inputs = [(index, tasks[index].inputs) for index, _, _ in ready]
        self._planner.look_ahead((programs[index], given.key) for index, given in inputs if type(given) is CallInputs)

    def _decide_call(self, index: int) -> bool:
        """Decide about a plain task of which nothing is known from before; tells whether this is one."""
        opened = self._tasks[index]
        inputs = opened.inputs
        if type(inputs) is not CallInputs or index in self._recorded or self._outcomes.alone:
            return False
        if self._retries.any_numbered():
            return False
        decision = self._planner.decide_call(self._program.tasks[index], inputs.key)
        if decision is None:
            # A side effect happens only once all that it rests on is recorded.
            after = 0 if opened.options.cache else self._journal.added
            self._journal.decided_to_run(index, 0, 1, 1)
            self._launcher.waiting.append(Planned(index, _ONE, (inputs.key,), after=after))
        elif isinstance(decision, Hit) and decision.kind == Kind.GREW:
            return False
        elif isinstance(decision, Hit):
            opened.outcomes[0] = decision.outputs
            self._journal.reused(index, {0: decision})
            self._scheduler.finish(index, 0, 1, State.REUSED)
            self._tasks.end(index)
        else:
            self._outcomes.share(index, 0, *decision)
            if self._scheduler.ended(index):
                self._tasks.end(index)
        return True

    def _decide(self, index: int, low: int, high: int) -> None:
        task, opened = self._program.tasks[index], self._tasks[index]
        name = task.task.id
        decided = self._planner.decide(
            task,
            opened.inputs,
            low,
            high,
            self._recorded.get(index),
            name in self._settings.rerun,
            name in self._settings.keep,
        )
        if decided.kept or decided.hits or decided.refused or decided.same:
            self._regrow(index, decided)
            self._settle(index, opened, decided)
        if decided.run and self._nodes.any_poisonous and name not in self._settings.rerun:
            self._set_aside(index, decided)
        if decided.run:
            self._journal.decided_to_run(index, decided.run[0], len(decided.run), high - low)
            self._enqueue(index, decided, decided.run)

    def _set_aside(self, index: int, decided: Decided) -> None:
        """Leave out what was running each time when drivers of this run died."""
        for item in [item for item in decided.run if self._nodes.is_poisonous(index, item)]:
            decided.run.remove(item)
            failure = self._journal.set_aside(index, item)
            self.failed = True
            self._planner.forget(decided.keys[item - decided.low])
            self._journal.ended_without_value(index, item, State.FAILED, failure)
            self._scheduler.finish(index, item, item + 1, State.FAILED)
        if self._scheduler.ended(index):
            self._tasks.end(index)

    def _enqueue(self, index: int, decided: Decided, items: list[int]) -> None:
        after = 0
        if not self._program.tasks[index].task.options.cache:
            # A side effect happens only once all that it rests on is recorded.
            after = self._journal.added
        recorded = self._recorded.get(index)
        single: list[int] = []
        if recorded or self._outcomes.alone or self._retries.any_numbered():
            for item in items:
                if recorded and item in recorded:
                    self._retries.begins_at(index, item, recorded.pop(item).attempt + 1)
                if self._retries.numbered(index, item) or (index, item) in self._outcomes.alone:
                    single.append(item)
            for item in single:
                key = decided.keys[item - decided.low]
                self._launcher.waiting.append(Planned(index, [item], [key], alone=True, after=after))
            if single:
                taken = set(single)
                items = [item for item in items if item not in taken]
        if items:
            keys: Sequence[bytes] = decided.keys
            if len(items) != len(keys):
                keys = [decided.keys[item - decided.low] for item in items]
            whole = items[-1] - items[0] + 1 == len(items)
            chosen: Sequence[int] = range(items[0], items[-1] + 1) if whole else items
            self._launcher.waiting.append(Planned(index, chosen, keys, after=after))

    def _regrow(self, index: int, decided: Decided) -> None:
        """Plant recorded recipes; where that can't be done the items run."""
        grown = {item: (row.outputs, row.attempt) for item, row in decided.kept.items() if Kind(row.kind).grew}
        grown |= {item: (hit.outputs, 0) for item, hit in decided.hits.items() if hit.kind == Kind.GREW}
        for item, (recipe, attempt) in grown.items():
            row, hit = decided.kept.pop(item, None), decided.hits.pop(item, None)
            try:
                planted = self._growing.replant(index, item, recipe or b"", attempt)
            except HooklineError as error:
                _log.info("the recipe of '%s' can't be used again: %s", self._program.tasks[index].task.id, error)
                self._planner.claim(decided.keys[item - decided.low], index, item)
                bisect.insort(decided.run, item)
                continue
            if hit is not None:
                self._journal.reused(index, {item: hit})
            elif row is not None:
                self._journal.kept(index, item, item + 1)
            self._planner.claim(decided.keys[item - decided.low], index, item)
            self._outcomes.grew(planted, State.REUSED if row is None else State.COMPLETED)

    def _settle(self, index: int, opened: OpenTask, decided: Decided) -> None:
        """Take over what needs no attempt."""
        outcomes, scheduler = opened.outcomes, self._scheduler
        for item, row in decided.kept.items():
            outcomes[item] = row.outputs
        for low, high in ranges_of(sorted(decided.kept)):
            self._journal.kept(index, low, high)
            scheduler.finish(index, low, high, State.COMPLETED)
        for item, hit in decided.hits.items():
            outcomes[item] = hit.outputs
        if decided.hits:
            self._journal.reused(index, decided.hits)
        for low, high in ranges_of(sorted(decided.hits)):
            opened.inputs.let_go(low, high)
            scheduler.finish(index, low, high, State.REUSED)
        for item in decided.refused:
            failure = self._journal.refused(index, item)
            self.failed = True
            self._journal.ended_without_value(index, item, State.FAILED, failure)
            scheduler.finish(index, item, item + 1, State.FAILED)
        for item, source, source_item in decided.same:
            self._outcomes.share(index, item, source, source_item)
        if scheduler.ended(index):
            self._tasks.end(index)
