"""What is said when a run has ended: how, what failed and where, and the next useful command."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence

from hookline.cli.described import as_json
from hookline.cli.exits import exit_code_of
from hookline.cli.output import emphasised, say
from hookline.cli.tally import Tally
from hookline.cli.wording import all_of, amount, clean, counted, duration, hint, listed_counts, one_line
from hookline.config import StoreAddress, without_password
from hookline.model.events import TaskEnded
from hookline.model.run import Run
from hookline.model.states import RunState, TaskState

__all__ = ["ending_document", "tell_ending", "tell_failures", "tell_summary", "told_partitions"]

_SHOWN_FAILURES = 5
_SHOWN_PARTITIONS = 20


def tell_ending(run: Run, tally: Tally, store: str, quiet: bool) -> None:
    """Say how a run ended, on standard error.

    Args:
        run: The run.
        tally: What was seen of it.
        store: The store, where later commands must be told of it; empty where they find it by themselves.
        quiet: Whether to leave out what is no failure.
    """
    state = RunState(run.status)
    if not quiet or state is not RunState.COMPLETED:
        tell_summary(run, tally)
    if tally.finished is not None and tally.finished.error:
        say(clean(tally.finished.error))
    if state is not RunState.COMPLETED:
        tell_failures(tally.failures, tally.failed)
    partitions = run.partitions if not quiet or state is not RunState.COMPLETED else {}
    if partitions:
        say(f"{counted(len(partitions), 'partition')}: {told_partitions(partitions)}")
    for command in _next_commands(state, tally.failures, store):
        if not quiet or state is not RunState.COMPLETED:
            say(command)


def ending_document(run: Run, tally: Tally, store: StoreAddress, signal_number: int | None) -> dict[str, object]:
    """Describe a run's end for programs."""
    completed = RunState(run.status) is RunState.COMPLETED
    partitions = dict(run.partitions)
    return {
        "run": run.id,
        "workflow": run.workflow,
        "status": str(run.status),
        "counts": {word: count for word, count in run.counts.items() if count},
        "result": as_json(run.result) if completed else None,
        **({"partitions": partitions} if partitions else {}),
        "error": (tally.finished.error if tally.finished else "") or None,
        "seconds": round(tally.finished.seconds if tally.finished else tally.elapsed(), 6),
        "failures": [
            {"task": event.task_id, "state": str(event.state), "error": event.error, "frame": event.frame}
            for event in tally.failures
        ],
        "store": without_password(store),
        "exit_code": exit_code_of(run.status, signal_number),
    }


def tell_summary(run: Run, tally: Tally) -> None:
    """Say in one line how a run ended; a run that changed nothing is said to have had nothing to do."""
    counts = {word: count for word, count in run.counts.items() if count}
    total = sum(counts.values())
    seconds = duration(tally.finished.seconds if tally.finished else tally.elapsed())
    state = RunState(run.status)
    name = f"run {run.id} of {one_line(run.workflow)}"
    if state is RunState.COMPLETED and total and set(counts) <= {"reused", "skipped"} and counts.get("reused"):
        reused = counts["reused"]
        which = all_of(total) if reused == total else counted(reused, "task")
        skipped = f", {amount(total - reused)} skipped" if total > reused else ""
        what = f"nothing to do: {which} reused{skipped}"
        say(f"{_marked(state)} {what} ({seconds}; {name})")
        return
    again = f", {counted(tally.retries, 'retry', 'retries')}" if tally.retries else ""
    told = listed_counts(counts) or "no tasks"
    say(f"{_marked(state)} {state.word} in {seconds}: {told}{again} ({name})")


def tell_failures(failures: Sequence[TaskEnded], total: int) -> None:
    """Say which tasks failed, with the error, what it says to do, and the user's own line of code."""
    import sys

    if not failures:
        return
    if total > _SHOWN_FAILURES:
        say(f"… {amount(total - _SHOWN_FAILURES)} more failed; the last {_SHOWN_FAILURES}:")
    for event in failures[-_SHOWN_FAILURES:]:
        say()
        name = emphasised(one_line(event.task_id), "bold", sys.stderr)
        say(f"{name} {event.state.word}: {_indented(event.error, event.details)}")
        if event.frame:
            say(f"  {one_line(event.frame, 1000)}")
    say()


def told_partitions(partitions: Mapping[str, str]) -> str:
    """Say how many partitions ended how, and which of them failed; nothing where the workflow was not mapped."""
    failed = [name for name, state in partitions.items() if state == TaskState.FAILED]
    names = ", ".join(map(one_line, failed[:_SHOWN_PARTITIONS]))
    more = f" and {amount(len(failed) - _SHOWN_PARTITIONS)} more" if len(failed) > _SHOWN_PARTITIONS else ""
    return f"{listed_counts(Counter(partitions.values()))}{f': {names}{more}' if failed else ''}"


def _next_commands(state: RunState, failures: Sequence[TaskEnded], store: str) -> list[str]:
    if state is RunState.COMPLETED:
        return [hint("runs", "show", "last", store=store)]
    commands = [hint("resume", "last", store=store)]
    if failures:
        commands.append(hint("runs", "logs", "last", failures[-1].task_id, store=store))
    return commands


def _marked(state: RunState) -> str:
    import sys

    return emphasised(state.symbol, "green" if state is RunState.COMPLETED else "red", sys.stderr)


def _indented(error: str, details: str) -> str:
    lines = clean(f"{error}\n{details}").strip().splitlines() or [""]
    return "\n  ".join(lines)
