"""The dispatcher: the loop that carries a run from its first task to its last.

It has tasks opened, has their items decided about and launched, and takes messages as they stream in. The scheduler
knows what may start; executors know how; here it is put together.
"""

from __future__ import annotations

import contextlib
import queue
import threading
import time

from hookline.engine.program.program import Program
from hookline.engine.record.journaling import Journaling
from hookline.engine.request import Settings
from hookline.engine.run.deciding import Deciding
from hookline.engine.run.in_flight import Planned
from hookline.engine.run.launcher import Launcher
from hookline.engine.run.losses import Losses
from hookline.engine.run.opening import OpenTasks
from hookline.engine.run.outcomes import Outcomes
from hookline.engine.schedule.priorities import Priorities
from hookline.engine.schedule.ready import ReadyQueue
from hookline.engine.schedule.retry import Retries
from hookline.engine.schedule.scheduler import Scheduler, State
from hookline.engine.schedule.timings import Timings
from hookline.engine.stop import Stop
from hookline.errors import HooklineError
from hookline.model.batch import Deliver, Finished, Gone, Message, Places, Started

__all__ = ["Dispatcher"]

_OPEN_AT_ONCE = 256
"""What is open is alive: thousands of calls are begun as the ones before them go on their way."""

_OPEN_FIRST = 16
"""While tasks are not known to be quick, fewer: workers are not to wait for more to be begun than they can start."""

_IDLE = 0.5
"""Seconds after which the loop looks around even if nothing happens."""

_ENDING = 2.0
"""Seconds, beyond the grace period, in which executors that can must have ended what they were told to end."""


class Dispatcher:
    """Runs a program.

    Args:
        program: What to run.
        scheduler: Its state machine.
        tasks: Opens its tasks.
        deciding: Decides what runs.
        launcher: Hands work to executors.
        timings: How long attempts take.
        priorities: Tells what should start first.
        outcomes: Takes how attempts ended.
        losses: Takes that workers died.
        retries: Knows what waits for another attempt.
        journaling: Has decisions recorded and told.
        stop: Asks the run to stop.
        settings: What the user asked for.

    Attributes:
        deliver: Takes a message from an executor; from any thread.
    """

    def __init__(
        self,
        program: Program,
        scheduler: Scheduler,
        tasks: OpenTasks,
        deciding: Deciding,
        launcher: Launcher,
        timings: Timings,
        priorities: Priorities,
        outcomes: Outcomes,
        losses: Losses,
        retries: Retries,
        journaling: Journaling,
        stop: Stop,
        settings: Settings,
    ) -> None:
        self._program = program
        self._scheduler = scheduler
        self._tasks = tasks
        self._deciding = deciding
        self._launcher = launcher
        self._timings = timings
        self._priorities = priorities
        self._outcomes = outcomes
        self._losses = losses
        self._retries = retries
        self._journal = journaling
        self._stop = stop
        self._settings = settings
        self._inbox: queue.SimpleQueue[Message | None] = queue.SimpleQueue()
        self.deliver: Deliver = self._inbox.put
        self._to_open: ReadyQueue[int] = ReadyQueue()
        self._overdue: threading.Timer | None = None
        self._ending = False
        # Calls of async steps can all be at hand at once.
        self._side_by_side = any(task.task.step.concurrent for task in program.tasks)
        # What has ended is recorded, and shown, while the next attempt goes on, not after it.
        launcher.before_long = journaling.push
        stop.on_change(self._stopping)
        retries.clock.on_change(self.wake)

    def wake(self) -> None:
        """Let the loop look around."""
        self._inbox.put(None)

    def _stopping(self) -> None:
        """Hear that the run is to stop; from any thread, or from a signal handler while the driver's thread is busy."""
        self.wake()
        # Where the driver's own thread makes the attempts, it does not look around before they have ended.
        if self._launcher.cancel_blocking(self._settings.grace) and self._overdue is None:
            self._overdue = threading.Timer(self._settings.grace, self._stop.overdue)
            self._overdue.daemon = True
            self._overdue.start()

    def close(self) -> None:
        """Interrupt nothing any more: executors are closed."""
        if self._overdue is not None:
            self._overdue.cancel()

    def run(self) -> bool:
        """Run until nothing is left to do, or the run is asked to stop.

        Returns:
            Whether everything ended; False where tasks are left for a resume.
        """
        scheduler, launcher = self._scheduler, self._launcher
        self._ending = False
        while not self._stop.level and not (self._settings.fail_fast and self._failing()):
            self._advance()
            waits = launcher.launch(self._journal.committed, self._tasks)
            if launcher.idle and not scheduler.ready:
                if not scheduler.unfinished:
                    return True
                self._check_alive()
            self._journal.push(idle=waits or self._inbox.empty())
            if waits:
                self._journal.hurry()
            self._receive()
        self._wind_down()
        return not scheduler.unfinished

    def go_on(self) -> None:
        """Forget that tasks failed: what is added from here on has to run all the same."""
        self._outcomes.failed = self._tasks.failed = self._deciding.failed = False

    def _failing(self) -> bool:
        return self._outcomes.failed or self._tasks.failed or self._deciding.failed

    def _check_alive(self) -> None:
        if self._retries.next_due is None and not self._inbox.qsize() and not self._more_at_hand():
            if self._outcomes.break_circle():
                return
            raise HooklineError(
                "the run can't go on: tasks wait for each other",
                help="this is a fault of hookline's; please report it with the workflow",
            )

    def _advance(self) -> None:
        """Open and plan until only attempts can carry the run on: what is reused opens further tasks at once."""
        waiting = self._launcher.waiting
        most = _OPEN_AT_ONCE if self._timings.quick or self._side_by_side else _OPEN_FIRST
        while True:
            self._open(most)
            self._deciding.decide_ready()
            self._settle()
            if not self._more_at_hand() or self._stop.level or len(waiting) >= most:
                return

    def _open(self, most: int) -> None:
        """Open tasks, at most so many; those with the longest way ahead first."""
        opened, later = self._scheduler.take_opened(), self._to_open
        if later or len(opened) > most:
            for task in opened:
                later.push((-self._priorities.of(task), task, task))
            opened = [later.pop()[2] for _ in range(min(most, len(later)))]
        for task in opened:
            self._tasks.open(task)

    def _more_at_hand(self) -> bool:
        """Whether something can go on that no message has to bring about: what grew may end, and let items start."""
        return self._scheduler.has_opened() or bool(self._to_open) or bool(self._scheduler.ready)

    def _settle(self) -> None:
        """Let what grew end, and have recorded what can't run; each may bring more of the other."""
        self._outcomes.settle()
        while self._scheduler.blocked:
            self._take_blocked()
            self._outcomes.settle()

    def _take_blocked(self) -> None:
        """Have recorded which items can't run, because of items that they need."""
        blocked = self._scheduler.blocked
        while blocked:
            index, low, high = blocked.pop()
            self._journal.blocked(index, low, high)
            if self._scheduler.ended(index):
                self._tasks.end(index)

    def _receive(self) -> None:
        due = self._retries.next_due
        wait = _IDLE if due is None else min(_IDLE, self._retries.clock.left(due))
        if self._more_at_hand() and not self._ending:
            wait = 0.0
        inbox = self._inbox
        if wait and inbox.empty():
            with contextlib.suppress(queue.Empty):
                self._take(inbox.get(timeout=wait))
        self._take_all()
        self._journal.progress.tell_late()
        self._journal.check()
        if due is not None:
            self._relaunch(self._retries.due())

    def _relaunch(self, due: list[tuple[int, int]]) -> None:
        """Have items tried again: one by one, those of async steps side by side where their numbers are the same."""
        together: dict[tuple[int, int], list[int]] = {}
        for task, item in due:
            opened = self._tasks[task]
            alone = not opened.work.concurrent or (task, item) in self._outcomes.alone
            if alone or opened.work.call_input >= 0:
                # The launcher puts calls together, those with the same number.
                self._launcher.waiting.append(Planned(task, [item], opened.inputs.keys(item, item + 1), alone))
            else:
                together.setdefault((task, self._retries.number(task, item)), []).append(item)
        for (task, _), items in together.items():
            items.sort()
            keys = [self._tasks[task].inputs.keys(item, item + 1)[0] for item in items]
            self._launcher.waiting.append(Planned(task, items, keys))

    def _take_all(self) -> None:
        inbox = self._inbox
        while not inbox.empty():
            self._take(inbox.get())

    def _take(self, message: Message | None) -> None:
        if message is None:
            return
        if isinstance(message, Places):
            self._journal.progress.places(message)
            return
        if isinstance(message, Gone):
            if not self._ending:
                self._stop.give_up(str(HooklineError(message.reason, help=message.help)))
            return
        entry = self._launcher.in_flight.get(message.batch)
        if entry is None:
            return
        if isinstance(message, Finished):
            if message.outcomes:
                self._outcomes.take(entry, message)
                if entry.gates:
                    self._launcher.free_places(entry, len(message.outcomes))
            if message.done:
                self._outcomes.over(self._launcher.ended(message.batch))
        elif isinstance(message, Started):
            entry.started = True
            if self._journal.news is not None:
                calls = entry.calls[: len(entry.batch.items)] or [entry.task]
                self._journal.news.started(calls, entry.batch.items, entry.batch.attempt)
        else:
            self._losses.lost(entry, message)
            self._outcomes.over(self._launcher.ended(message.batch))

    def _wind_down(self) -> None:
        """Let what runs end within the grace period, then end it."""
        launcher, stop = self._launcher, self._stop
        self._ending = True
        launcher.forget_waiting()
        self._to_open.clear()
        self._retries.forget_waiting()
        asked = False
        end = time.monotonic() + self._settings.grace
        for executor in launcher.executors():
            executor.cancel(list(launcher.in_flight), self._settings.grace)
        while launcher.in_flight and stop.level < 2:
            self._receive()
            launcher.forget_waiting()
            if not asked and time.monotonic() > end:
                asked = True
                end += _ENDING if self._launcher.can_end() else 0.0
            elif asked and time.monotonic() > end:
                break
        self._take_all()
        for entry in list(launcher.in_flight.values()):
            self._losses.abandon(entry)
            self._outcomes.over(entry)
        self._take_blocked()
        if stop.cancelled or (self._settings.fail_fast and self._failing() and not stop.level):
            self._scheduler.cancel_rest(range(len(self._program.tasks)), State.CANCELLED)
            for index in range(len(self._program.tasks)):
                self._journal.progress.attempted(index, 0, 0.0)
