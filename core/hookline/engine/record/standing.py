"""How tasks and the whole run stand: the scheduler's numbers as the words that users read."""

from __future__ import annotations

from collections.abc import Mapping

from hookline.engine.schedule.scheduler import Scheduler, State
from hookline.model.states import TaskState

__all__ = ["STATES", "WENT_WRONG", "states_of", "totals"]

STATES: Mapping[int, TaskState] = {
    State.PENDING: TaskState.PENDING,
    State.COMPLETED: TaskState.COMPLETED,
    State.REUSED: TaskState.REUSED,
    State.FAILED: TaskState.FAILED,
    State.SKIPPED: TaskState.SKIPPED,
    State.BLOCKED: TaskState.SKIPPED,
    State.CANCELLED: TaskState.CANCELLED,
    State.TIMED_OUT: TaskState.TIMED_OUT,
    State.CRASHED: TaskState.CRASHED,
    State.ABANDONED: TaskState.ABANDONED,
}
WENT_WRONG = (State.FAILED, State.TIMED_OUT, State.CRASHED, State.ABANDONED)


def states_of(scheduler: Scheduler, index: int) -> dict[TaskState, int]:
    """Count a task's items by state; those that occur."""
    counts = scheduler.counts[index]
    found: dict[TaskState, int] = {}
    for state, count in enumerate(counts):
        if count:
            word = STATES[state]
            found[word] = found.get(word, 0) + count
    left = len(scheduler.states[index]) - sum(counts)
    if left:
        found[TaskState.PENDING] = left
    return found


def totals(scheduler: Scheduler) -> dict[str, int]:
    """Count all items by state word, every state that occurs or that users ask for."""
    found = dict.fromkeys(("completed", "reused", "failed", "skipped"), 0)
    tally = [0] * len(STATES)
    for index, states in enumerate(scheduler.states):
        if len(states) == 1:
            tally[states[0]] += 1
        elif states:
            for state in range(len(tally)):
                tally[state] += states.count(state)
        elif not scheduler.ended(index):
            tally[State.PENDING] += 1
    for state, count in enumerate(tally):
        if count:
            word = STATES[state].value
            found[word] = found.get(word, 0) + count
    return found
