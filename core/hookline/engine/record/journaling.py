"""What the dispatcher has recorded and told: rows, decisions with their reasons, counts and events of one run."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping, Sequence
from functools import partial

from hookline.cache.explain import pack_parts
from hookline.engine.past.history import REFUSED
from hookline.engine.program.held import Held
from hookline.engine.program.program import FORGOTTEN, GrownPart, Planted, Program, TaskProgram
from hookline.engine.program.watched import changed_since
from hookline.engine.record.attempt_rows import add_attempts, mark_retried
from hookline.engine.record.news import News, TaskNews
from hookline.engine.record.nodes import POISONOUS, Nodes
from hookline.engine.record.plugin_faults import PluginFaults
from hookline.engine.record.progress import Progress
from hookline.engine.record.recorder import Recorder
from hookline.engine.record.standing import STATES, WENT_WRONG, states_of, totals
from hookline.engine.record.why import Reasons, describe_bindings
from hookline.engine.schedule.scheduler import Scheduler, State
from hookline.model.batch import Failure, Outcome
from hookline.model.change import described
from hookline.model.events import Event
from hookline.model.recording import Form
from hookline.model.states import Kind, TaskState, Verdict
from hookline.store.ids import item_id, task_ids
from hookline.store.protocol import Store
from hookline.store.rows import WHOLE_RUN, Decision, Group, Hit, NodeRow

__all__ = ["Journaling"]

_RECIPE = '"recipe": true'
"""In the detail of a decision: what is reused is a recipe, not what it came to."""

_GATHER = 0.005
"""Seconds for which a busy dispatcher keeps what happens to itself."""

# There is one of each per task: what a named tuple does by itself takes three times as long.
_new_node = partial(tuple.__new__, NodeRow)
_new_decision = partial(tuple.__new__, Decision)

_SHAPES = {Form.CALL: 0, Form.MAP: 1, Form.PRODUCT: 2}


class Journaling:
    """Turns what happens into rows, and has them committed in the background.

    Args:
        program: The tasks.
        scheduler: Their states.
        held: Their outcomes.
        recorder: Commits.
        reasons: Words the whys.
        store: Where outcomes that are no longer held are read again.
        run: The run's row number.
        nodes: The numbers under which tasks are recorded, by index.
        progress: Tells those who watch.
        news: Tells plugins of single tasks; None where none wants to know.
        looked_up: Whether whatever runs was looked up before, and is not in the store.
        resumed: Whether an earlier driver recorded a part of the run.
    """

    def __init__(
        self,
        program: Program,
        scheduler: Scheduler,
        held: Held,
        recorder: Recorder,
        reasons: Reasons,
        store: Store,
        run: int,
        nodes: Nodes,
        progress: Progress,
        news: TaskNews | None,
        looked_up: bool,
        resumed: bool,
    ) -> None:
        self._resumed = resumed
        self._looked_up = looked_up
        self._program = program
        self._scheduler = scheduler
        self._held = held
        self._recorder = recorder
        self._reasons = reasons
        self._store = store
        self._run = run
        self._nodes = nodes
        self.progress = progress
        self.news = news
        self._sources: dict[tuple[int, int], tuple[int, int, int]] = {}
        self._known_code: set[bytes] = set()
        self._explained = bytearray(len(program.tasks))
        self._known_nodes = bytearray(len(program.tasks))
        self._places: dict[int, tuple[int, int, str]] = {}
        self._failed_before: list[str] = []
        self._retried: dict[tuple[int, int, int], float] = {}
        self._pushed = 0.0
        self._faults = PluginFaults()
        self._group = Group(novel=looked_up)

    # -- the recorder's ----------------------------------------------------------------------------------------

    @property
    def committed(self) -> int:
        """How much of what was added is recorded."""
        return self._recorder.committed

    @property
    def added(self) -> int:
        """What :attr:`committed` reaches when all that happened so far is recorded."""
        return self._recorder.added + bool(self._group)

    def push(self, *, idle: bool = True) -> None:
        """Hand over what happened since the last time.

        Args:
            idle: Whether the caller is about to wait for something; while it is busy, what happens gathers a little.
        """
        now = time.monotonic()
        if (idle or now - self._pushed > _GATHER) and (self._group or self.progress or self.news):
            self._pushed = now
            if self._group.notes:
                self._faults.see(self._group.notes)
            if self._retried:
                mark_retried(self._group, self._retried)
                self._retried = {}
            self._recorder.add(self._group, self._events())
            self._group = Group(novel=self._looked_up)

    def _events(self) -> Sequence[Event | News]:
        events: list[Event | News] = [*self.progress.take()]
        if self.news:
            events.append(self.news.take())
        return events

    def hurry(self) -> None:
        """Somebody waits for a commit."""
        self._recorder.hurry()

    def check(self) -> None:
        """Raise what made recording fail."""
        self._recorder.check()

    # -- growth ------------------------------------------------------------------------------------------------

    def planted(self, planted: Planted) -> None:
        """Tasks were added."""
        for index, place in zip(planted.part.tasks, planted.places, strict=True):
            self._places[index] = place
        self.grow(len(planted.places))

    def grow(self, count: int) -> None:
        """Make room for tasks that were added."""
        self._explained += bytes(count)
        self._known_nodes += bytes(count)

    def came_to(self, part: GrownPart, outputs: bytes) -> None:
        """The item that a part was grown for has its value."""
        index, item = part.target
        self._group.grown.append((self._nodes[index], item, part.attempt, outputs))
        if self._resumed and not self._program.is_mapped(index):
            for state in (TaskState.SKIPPED, TaskState.CANCELLED):
                self._group.counters[self._nodes[index], state.value] = 0

    def stands_in(self, index: int) -> None:
        """The result of a part grew itself: the item that the part was grown for waits for another now."""
        if not self._places[index][2].isdecimal():
            # That it ended though it has no value of its own goes without saying of turns only.
            self._group.counters[self._nodes[index], TaskState.COMPLETED.value] = 1

    def came_to_nothing(self, part: GrownPart, state: int) -> None:
        """The item that a part was grown for has no value, because the part's result has none."""
        index, _ = part.target
        if not self._program.is_mapped(index):
            # Its attempt succeeded: nothing else tells how the task stands.
            self._group.counters[self._nodes[index], STATES[state].value] = 1
        self.progress.changed(index)

    def forget(self, part: GrownPart) -> None:
        """Let go of a part's tasks, which all ended."""
        for index in part.tasks:
            counts = self._scheduler.counts[index]
            if any(counts[state] for state in WENT_WRONG):
                self._failed_before.append(self._program.tasks[index].task.id)
            self._places.pop(index, None)
            self.progress.forget(index)
            if self.news is not None:
                self.news.forget(index)

    # -- tasks -------------------------------------------------------------------------------------------------

    def node(self, index: int) -> int:
        """The number under which a task is recorded."""
        return self._nodes[index]

    def begin(self, index: int, length: int) -> None:
        """A task begins."""
        task = self._program.tasks[index]
        self._add_node(task, length)
        if self.progress.watching:
            self.progress.begins(index, length)

    def not_run(self, index: int, cause: int) -> None:
        """A task will not run, because of a condition or of something upstream."""
        task = self._program.tasks[index]
        verdict = Verdict.SKIP if cause == State.SKIPPED else Verdict.BLOCKED
        why = self._why_not(task, cause)
        self._add_node(task, 1 if task.task.form is Form.CALL else None)
        self._decide(Decision(self._nodes[index], 0, 1, verdict, why))
        self.progress.begins(index, 1)
        if self.news is not None:
            self.news.left_out(index, TaskState.CANCELLED if cause == State.CANCELLED else TaskState.SKIPPED, why)

    def decided_to_run(self, index: int, first: int, count: int, of: int) -> None:
        """Items of a task have to run; the first reason stands for all.

        Its row begins at an item that runs: where one begins with what is reused, no other row can begin.
        """
        if self._explained[index]:
            return
        self._explained[index] = 1
        task = self._program.tasks[index]
        why = self._reasons.to_run(task)
        if task.task.form is not Form.CALL and count < of:
            why = f"{count} of {of} items have no result to reuse: {why}"
        length = self._scheduler.length(index)
        row: Decision = _new_decision((self._nodes[index], first, length, Verdict.RUN, why, None, None, None, None, 0))
        self._group.decisions.append(row)

    def blocked(self, index: int, low: int, high: int, by: tuple[int, int] | None = None) -> None:
        """Items will not run, because others that they need have no value.

        Args:
            index: Their task.
            low: The first.
            high: The one after the last.
            by: The task and item whose value they need; None where these are items of other maps, one for each.
        """
        sources = (
            [by]
            if by is not None
            else [
                (source, low)
                for source in self._program.dependencies[index].itemwise
                if self._scheduler.states[source][low] not in (State.COMPLETED, State.REUSED)
            ]
        )
        name = self.name(*sources[0]) if sources else "an item"
        more = f" (and so on to item {high - 1})" if high - low > 1 else ""
        why = f"upstream: '{name}' has no value{more}"
        self._decide(Decision(self._nodes[index], low, high, Verdict.BLOCKED, why))
        self.progress.changed(index)
        if self.news is not None:
            self.news.not_run(index, range(low, high), TaskState.SKIPPED, why)

    def kept(self, index: int, low: int, high: int) -> None:
        """Items stand as this run recorded them before it was resumed."""
        node, why = self._nodes[index], "recorded by this run before it was resumed"
        # Named as the source, so that what an earlier driver may have reused in its place does not count any more.
        self._decide(Decision(node, low, high, Verdict.KEEP, why, self._run, node, low))

    def reused(self, index: int, hits: Mapping[int, Hit]) -> None:
        """Items are reused; neighbours that came from neighbours share a row."""
        node = self._nodes[index]
        rows: list[Decision] = []
        start = before = None
        for item in sorted(hits):
            hit = hits[item]
            place = (hit.run, hit.node, hit.item - item, hit.attempt, hit.kind == Kind.GREW)
            if start is None or before is None or place != start[1] or item != before + 1:
                if start is not None and before is not None:
                    rows.append(self._reuse_row(node, start[0], before + 1, start[1]))
                start = (item, place)
            before = item
        if start is not None and before is not None:
            rows.append(self._reuse_row(node, start[0], before + 1, start[1]))
        self._group.decisions.extend(rows)
        self.progress.changed(index)
        if self.news is not None:
            self.news.reused(index, hits, "same code and inputs")

    def refused(self, index: int, item: int) -> Failure:
        """A recorded side effect has other inputs now; it is neither repeated nor taken as done."""
        name = self.name(index, item)
        failure = Failure(
            "SideEffectError",
            f"'{name}' completed in this run with other code or inputs, and has side effects (cache=False)\n"
            f"help: resume with --keep {self._program.tasks[index].task.id} to let its result stand, "
            f"or with --rerun {self._program.tasks[index].task.id} to run it again",
            "",
            "",
            retryable=False,
        )
        self._decide(Decision(self._nodes[index], item, item + 1, Verdict.BLOCKED, failure.message, detail=REFUSED))
        return failure

    def set_aside(self, index: int, item: int) -> Failure:
        """An item was running each time when the last drivers of the run died; it is not tried again without a word."""
        name = self.name(index, item)
        failure = Failure(
            "SetAsideError",
            f"'{name}' was running when the driver died, {POISONOUS} times in a row, and is set aside\n"
            f"help: resume with --rerun {self._program.tasks[index].task.id} to try it again; on the executor "
            "'processes' it can't take the driver with it",
            "",
            "",
            retryable=False,
        )
        self._decide(Decision(self._nodes[index], item, item + 1, Verdict.SET_ASIDE, failure.message, detail=REFUSED))
        return failure

    def same_as(self, index: int, item: int, source: int, source_item: int, outputs: bytes) -> None:
        """An item has the result of another item of this run."""
        name = self.name(source, source_item)
        run, node, at = self._sources.get((source, source_item), (self._run, self._nodes[source], source_item))
        self._decide(Decision(self._nodes[index], item, item + 1, Verdict.REUSE, f"same as {name}", run, node, at))
        self._sources[index, item] = (run, node, at)
        self.progress.changed(index)
        if self.news is not None:
            self.news.same_as(index, item, outputs, f"same as {name}")

    def shared_outcome(self, source: int, source_item: int) -> bytes:
        """Give the outcome of an item of this run that others may share."""
        held = self._held.blobs(source)
        blob = held[source_item] if held else None
        if blob is None:
            blob = self._committed_outcome(source, source_item)
        if blob is None:
            self.push()
            self._recorder.flush()
            blob = self._committed_outcome(source, source_item)
        assert blob is not None
        return blob

    def ended(self, index: int) -> None:
        """All items of a task have ended."""
        if self.progress.watching:
            self.progress.ended(index)
        if self._program.tasks[index].task.form is not Form.CALL:
            self._count(index)

    # -- attempts ----------------------------------------------------------------------------------------------

    def record(
        self,
        index: int,
        outcomes: Sequence[Outcome],
        keys: Sequence[bytes | None],
        number: int,
        worker: int,
        *,
        once: bool = False,
    ) -> None:
        """Record attempts.

        Args:
            index: Their task.
            outcomes: How they ended.
            keys: Their keys.
            number: Their number.
            worker: Who made them.
            once: Whether their results are not to be reused.
        """
        add_attempts(self._group, self._nodes[index], outcomes, keys, number, worker, once=once)
        if self.news is not None:
            self.news.recorded(index, outcomes, number)

    def report_faults(self) -> None:
        """Say how often plugins failed around attempts."""
        self._faults.report()

    def inputs_changed(self, index: int) -> bool:
        """Whether files that are arguments of a task changed since the run digested them."""
        watched = self._program.tasks[index].watched
        return bool(watched) and any(changed_since(path, before) for path, before in watched)

    def retrying(self, index: int, item: int, number: int, of: int, delay: float, failure: Failure | None) -> None:
        """An attempt is followed by another; said in its failure's row, for those who read what happened later."""
        self._retried[self._nodes[index], item, number] = delay
        if self.progress.watching:
            self.progress.retrying(self.name(index, item), number, of, delay, failure)
        if self.news is not None:
            self.news.retrying(index, item, delay)

    def ended_without_value(self, index: int, item: int, state: int, failure: Failure | None) -> None:
        """An item ended, and has no value."""
        if self.progress.watching:
            self.progress.ended_without_value(self.name(index, item), state, failure)
        if self.news is not None:
            self.news.ended_without_value(index, item, state, failure)

    def add_pending(self) -> None:
        """Record the tasks that were not decided about, so that they are seen to be missing."""
        for index, task in enumerate(self._program.tasks):
            if not self._known_nodes[index]:
                self._add_node(task, 1 if task.task.form is Form.CALL else None)

    def failed_tasks(self) -> list[str]:
        """List the tasks of which an item failed, in graph order."""
        return self._failed_before + [
            task.task.id
            for index, task in enumerate(self._program.tasks)
            if task is not FORGOTTEN and any(self._scheduler.counts[index][state] for state in WENT_WRONG)
        ]

    def record_totals(self) -> None:
        """Record the counts of the whole run."""
        counts = totals(self._scheduler)
        for state in TaskState:
            # Zeros too: what an earlier driver of the run counted must not stay.
            self._group.counters[WHOLE_RUN, state.value] = counts.get(state.value, 0)

    # -- small things ------------------------------------------------------------------------------------------

    def _add_node(self, task: TaskProgram, length: int | None) -> None:
        index, one = task.task.index, task.task
        fingerprint = task.fingerprint
        parent, parent_item, name = self._places.get(index, (None, None, one.id))
        row: NodeRow = _new_node(
            (
                self._nodes[index],
                name,
                one.step.name,
                fingerprint.digest,
                0 if one.form is Form.CALL else _SHAPES[one.form],
                length,
                task.slots,
                task.described or describe_bindings(self._program, task),
                f"{one.place.file}:{one.place.line}",
                parent,
                parent_item,
                json.dumps({"rewrites": described(one.changes)}) if one.changes else None,
            )
        )
        self._known_nodes[index] = 1
        group = self._group
        if fingerprint.digest not in self._known_code:
            self._known_code.add(fingerprint.digest)
            group.code.append((fingerprint.digest, pack_parts(fingerprint.parts)))
        group.nodes.append(row)

    def _decide(self, decision: Decision) -> None:
        self._group.decisions.append(decision)

    def _reuse_row(self, node: int, low: int, high: int, place: tuple[int, int, int, int, bool]) -> Decision:
        run, source, shift, attempt, grew = place
        # Without the number, the last success counts: the source may have been made again with other inputs.
        detail = f'{{"attempt": {attempt}{", " + _RECIPE if grew else ""}}}'
        return Decision(node, low, high, Verdict.REUSE, "same code and inputs", run, source, low + shift, detail)

    def _why_not(self, task: TaskProgram, cause: int) -> str:
        sources = [
            self._program.tasks[source].task.id
            for source in task.depends
            if not self._scheduler.has_value(source) and self._scheduler.ended(source)
        ]
        named = ", ".join(f"'{source}'" for source in sources)
        if cause == State.SKIPPED:
            return f"condition: {named} was skipped" if sources else "condition: it is false"
        if cause == State.CANCELLED:
            return "cancelled"
        return f"upstream: {named} has no value"

    def _count(self, index: int) -> None:
        counts = states_of(self._scheduler, index)
        for state in TaskState:
            if state in counts or self._resumed:
                self._group.counters[self._nodes[index], state.value] = counts.get(state, 0)

    def _committed_outcome(self, index: int, item: int) -> bytes | None:
        return self._store.outputs(self._run, self._nodes[index], item, item + 1)[0]

    def _recorded_name(self, index: int, item: int) -> str:
        """Read the id of a task that was forgotten, and is named all the same."""
        rows: list[NodeRow] = []
        number: int | None = self._nodes[index]
        while number is not None:
            row = self._store.node(self._run, number)
            if row is None:  # not committed yet
                return f"task #{self._nodes[index]}"
            rows.append(row)
            number = row.parent
        return item_id(task_ids(rows)[rows[0].node], item, bool(rows[0].shape))

    def name(self, index: int, item: int) -> str:
        """Give the id of a task, or of an item of a mapped one."""
        if self._program.tasks[index] is FORGOTTEN:
            return self._recorded_name(index, item)
        task = self._program.tasks[index].task
        return task.id if task.form is Form.CALL else f"{task.id}[{item}]"
