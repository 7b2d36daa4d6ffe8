"""A run's progress as a cell shows it: one line per step, and one line that stays when the run is over."""

from __future__ import annotations

from hookline.cli.notebook.markup import badge, bar, box, table, text
from hookline.cli.tally import Line, Tally, chosen_lines
from hookline.cli.wording import amount, counted, duration, listed_counts, one_line
from hookline.model.events import TaskEnded

__all__ = ["draw_progress", "write_progress"]

_MOST_LINES = 20
_SHOWN_FAILURES = 5


def draw_progress(tally: Tally, words: str = "") -> str:
    """Draw how a run stands as HTML.

    Args:
        tally: What was seen of it.
        words: What else is said below, such as that it stops.

    Returns:
        A fragment of a page. Of a run that ended one line, and its failures.
    """
    told = f"<div><b>{text(words)}</b></div>" if words and tally.finished is None else ""
    if tally.finished is not None:
        finished = tally.finished
        head = (
            f'<div class="head"><span class="title">{text(tally.workflow)}</span>'
            f"{badge(finished.state.value, finished.state.symbol)}<span>{text(_ending(tally))}</span>"
            f'<span class="dim">run <code>{text(tally.run_id)}</code></span></div>'
        )
        error = f'<div class="failure"><pre>{text(finished.error, 1000)}</pre></div>' if finished.error else ""
        return box(head, error, _failures(tally))
    shown, rest = chosen_lines(tally.lines(), _MOST_LINES)
    head = (
        f'<div class="head"><span class="title">{text(tally.workflow)}</span>{badge("running", "▶")}'
        f'<span>{text(tally.overall())}</span><span class="dim">run <code>{text(tally.run_id)}</code></span></div>'
    )
    used = "".join(f'<div class="dim">{text(line)}</div>' for line in tally.used())
    return box(head, table(("step", "", "", "", ""), [_row(line, tally) for line in shown], (1,)), _more(rest), used,
               _failures(tally), told)  # fmt: skip


def write_progress(tally: Tally, words: str = "") -> str:
    """Write the same as plain text."""
    if tally.finished is not None:
        lines = [f"{tally.finished.state.symbol} {one_line(tally.workflow)}: {_ending(tally)} (run {tally.run_id})"]
        lines += [f"  {one_line(tally.finished.error)}"] if tally.finished.error else []
    else:
        shown, rest = chosen_lines(tally.lines(), _MOST_LINES)
        lines = [f"{one_line(tally.workflow)}: {tally.overall()} (run {tally.run_id})"]
        lines += [
            f"  {line.symbol} {one_line(line.name)}  {line.progress()}  {line.details()}".rstrip() for line in shown
        ]
        lines += [f"  … {counted(len(rest), 'more step')}"] if rest else []
        lines += [f"  {one_line(line)}" for line in tally.used()]
    lines += [
        f"  {one_line(failure.task_id)}: {one_line(failure.error)}" for failure in tally.failures[:_SHOWN_FAILURES]
    ]
    return "\n".join([*lines, words] if words and tally.finished is None else lines)


def _row(line: Line, tally: Tally) -> tuple[str, ...]:
    counts = {state.value: count for state, count in line.counts.items()}
    counts["running"] = line.running
    counts["pending"] = max(line.total - line.over - line.running, 0)
    elapsed = line.elapsed(tally.now())
    return (
        f"{line.symbol}&nbsp;<code>{text(line.name, 60)}</code>",
        text(line.progress()),
        f'<div style="width:140px">{bar({word: count for word, count in counts.items() if count > 0})}</div>',
        text(line.details()),
        text(duration(elapsed)) if elapsed >= 0.05 else "",
    )


def _ending(tally: Tally) -> str:
    assert tally.finished is not None
    counts = {word: count for word, count in tally.finished.counts.items() if count}
    again = f", {counted(tally.retries, 'retry', 'retries')}" if tally.retries else ""
    return f"{listed_counts(counts) or 'no tasks'}{again} in {duration(tally.finished.seconds)}"


def _more(rest: list[Line]) -> str:
    if not rest:
        return ""
    over = sum(line.finished for line in rest)
    return f'<div class="dim">… {counted(len(rest), "more step")}, {amount(over)} of them finished</div>'


def _failures(tally: Tally) -> str:
    shown = [
        f'<div class="failure"><b>{text(failure.task_id)}</b> {text(failure.state.word)}'
        f'<pre>{text(_told(failure), 1000)}</pre><pre class="dim">{text(failure.frame, 1000)}</pre></div>'
        for failure in tally.failures[:_SHOWN_FAILURES]
    ]
    more = tally.failed - len(shown)
    return "".join(shown) + (f'<div class="dim">… {amount(more)} more failed</div>' if more > 0 else "")


def _told(failure: TaskEnded) -> str:
    return "\n".join(filter(None, (failure.error, failure.details)))
