"""A run as a notebook draws it: how it stands, what failed and where, and whys on demand."""

from __future__ import annotations

from itertools import islice

from hookline.cli.notebook.markup import badge, bar, box, details, table, text, word_of
from hookline.cli.wording import amount, counted, duration, hint, listed_counts
from hookline.model.run import Run, RunSummary, TaskFailure, TaskRecord
from hookline.model.states import RunState

__all__ = ["draw_run"]

_SHOWN_FAILURES = 5
_SHOWN_STEPS = 40
_SHOWN_TASKS = 40
_LONGEST_WHY = 2000


def draw_run(run: Run) -> str:
    """Draw a run as HTML.

    Args:
        run: The run; it may still go on.

    Returns:
        A fragment of a page, of a limited size however many tasks there are.
    """
    summary = run.summary(_SHOWN_FAILURES)
    state = RunState(summary.status)
    counts = {word: count for word, count in summary.counts.items() if count}
    took = f"in {duration(summary.seconds)}" if state.ended else f"for {duration(summary.seconds)}"
    parts = [
        '<div class="head">',
        f'<span class="title">{text(run.workflow)}</span>{badge(state.value, state.symbol)}',
        f"<span>{text(listed_counts(counts) or 'no tasks')} {text(took)}</span>",
        f'<span class="dim">run <code>{text(run.id)}</code></span></div>',
        bar(counts),
        *([f'<div class="failure"><pre>{text(summary.error)}</pre></div>'] if summary.error else []),
        *map(_failure, summary.failures),
        _more_failures(summary),
        _next(run, state),
        _tasks(run, summary),
    ]
    return box(*parts)


def _failure(failure: TaskFailure) -> str:
    place = f'<pre class="dim">{text(failure.frame, 1000)}</pre>' if failure.frame else ""
    return (
        f'<div class="failure"><b>{text(failure.task_id)}</b> {text(failure.state.replace("_", " "))}'
        f"<pre>{text(failure.error, 2000)}</pre>{place}</div>"
    )


def _more_failures(summary: RunSummary) -> str:
    more = summary.failed - len(summary.failures)
    return f'<div class="dim">… {amount(more)} more failed</div>' if summary.failures and more > 0 else ""


def _next(run: Run, state: RunState) -> str:
    if state is RunState.COMPLETED or not state.ended:
        return ""
    return (
        f'<div class="dim">go on with it: <code>hookline.resume("{text(run.id)}", workflow={text(run.workflow)})'
        f"</code> here, or <code>{text(hint('resume', run.id))}</code> in a shell</div>"
    )


def _tasks(run: Run, summary: RunSummary) -> str:
    total = sum(step.tasks for step in summary.steps)
    if not total:
        return ""
    if total <= _SHOWN_TASKS:
        return details(counted(total, "task"), _task_table(list(run.tasks.values())))
    steps = sorted(summary.steps, key=lambda step: -step.tasks)[:_SHOWN_STEPS]
    rows = [(text(step.step), amount(step.tasks), text(listed_counts(step.counts))) for step in steps]
    more = len(summary.steps) - len(steps)
    header = ("step", "tasks", "items") if any(step.counts for step in steps) else ("step", "tasks", "")
    by_step = table(header, rows, numbers=(1,))
    first = details(f"the first {_SHOWN_TASKS}", _task_table(list(islice(run.tasks.values(), _SHOWN_TASKS))))
    rest = f'<div class="dim">… {counted(more, "more step")}</div>' if more else ""
    return details(f"{counted(total, 'task')} of {counted(len(summary.steps), 'step')}", f"{by_step}{rest}{first}")


def _task_table(records: list[TaskRecord]) -> str:
    return table(("task", "", "items", "took", "why"), map(_row, records), numbers=(2, 3))


def _row(record: TaskRecord) -> tuple[str, ...]:
    items = sum(record.counts.values())
    took = ""
    if record.started is not None and record.finished is not None and record.attempts:
        took = duration((record.finished - record.started).total_seconds())
    mixed = len([count for count in record.counts.values() if count]) > 1
    state = word_of(record.state) + (
        f" <span class='dim'>({text(listed_counts(record.counts))})</span>" if mixed else ""
    )
    return (f"<code>{text(record.id)}</code>", state, amount(items) if items > 1 else "", text(took), _why(record.why))


def _why(why: str) -> str:
    first, _, rest = why.partition("\n")
    short = text(first, 120)
    if not rest and len(first) <= 120:
        return short
    return details(f"{short} …" if rest else short, f"<pre>{text(why, _LONGEST_WHY)}</pre>")
