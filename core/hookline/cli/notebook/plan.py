"""A plan as a notebook draws it: what would run, be reused or be skipped, and why."""

from __future__ import annotations

from collections import Counter

from hookline.cli.notebook.markup import badge, box, details, table, text
from hookline.cli.wording import amount, counted
from hookline.model.plan import Plan, PlannedTask
from hookline.model.states import Verdict

__all__ = ["draw_plan"]

_SHOWN_TASKS = 60


def draw_plan(plan: Plan) -> str:
    """Draw a plan as HTML.

    Args:
        plan: The plan.

    Returns:
        A fragment of a page; of many tasks those that would run come first, and the rest is counted.
    """
    tally = Counter(task.verdict for task in plan.tasks)
    counts = " ".join(
        f"{badge(verdict.name.lower())} {amount(tally[verdict])}" for verdict in Verdict if tally[verdict]
    )
    shown = list(plan.tasks)
    if len(shown) > _SHOWN_TASKS:
        shown = sorted(shown, key=lambda task: task.verdict is not Verdict.RUN)[:_SHOWN_TASKS]
    more = len(plan.tasks) - len(shown)
    rest = f'<div class="dim">… {counted(more, "more task")}</div>' if more else ""
    return box(
        f'<div class="head"><span class="title">{text(plan.workflow)}</span><span>plan of '
        f"{counted(len(plan.tasks), 'task')}</span><span>{counts}</span></div>",
        table(("task", "", "items", "why"), map(_row, shown), numbers=(2,)) if shown else "",
        rest,
    )


def _row(task: PlannedTask) -> tuple[str, ...]:
    items = "?" if task.items is None else amount(task.items) if task.items != 1 else ""
    if task.items and 0 < task.reused < task.items:
        items += f" ({amount(task.reused)} reused)"
    first, _, rest = task.why.partition("\n")
    why = text(first, 160)
    if rest or len(first) > 160:
        why = details(why, f"<pre>{text(task.why, 2000)}</pre>")
    return f"<code>{text(task.id)}</code>", badge(task.verdict.name.lower()), items, why
