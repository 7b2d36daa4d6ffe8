"""Which runs ``hookline runs delete`` deletes, and what it says about that."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from hookline.cli.quantities import parse_age
from hookline.cli.wording import counted
from hookline.errors import UsageError
from hookline.model.states import RunState

if TYPE_CHECKING:
    from hookline.store.protocol import Store
    from hookline.store.rows import RunRow

__all__ = ["chosen_runs", "question"]


def chosen_runs(
    store: Store, named: list[str], older_than: str | None, keep_last: int | None
) -> tuple[list[RunRow], int]:
    """Choose the runs to delete.

    Args:
        store: The store.
        named: Runs by name.
        older_than: An age; runs that began earlier are chosen.
        keep_last: How many of the newest runs stay.

    Returns:
        The runs, and how many others were left out because they are running.

    Raises:
        UsageError: Nothing was chosen, or in two ways; or there is no such run.
    """
    chosen_by_rule = older_than is not None or keep_last is not None
    if named and chosen_by_rule:
        raise UsageError("runs are deleted by name or by rule, not both", help="leave the names or the options out")
    if not named and not chosen_by_rule:
        raise UsageError("no run was named", help="name runs, or give --older-than or --keep-last")
    if named:
        return list({row.run: row for row in map(store.run, named)}.values()), 0
    rows = store.runs()
    if keep_last is not None:
        rows = rows[keep_last:]
    if older_than is not None:
        latest = (time.time() - parse_age(older_than)) * 1e6
        rows = [row for row in rows if row.created_us <= latest]
    idle = [row for row in rows if store.state_of(row) is not RunState.RUNNING]
    return idle, len(rows) - len(idle)


def question(rows: list[RunRow]) -> str:
    """Ask whether these runs shall go."""
    if len(rows) == 1:
        return f"delete run {rows[0].id} of {rows[0].workflow}?"
    return f"delete {counted(len(rows), 'run')}, {rows[-1].id} to {rows[0].id}?"
