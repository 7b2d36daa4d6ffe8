"""What tasks printed, and how their attempts failed, as ``hookline runs logs`` shows it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from hookline.cli.wording import amount, clean, hint, one_line
from hookline.errors import UsageError, close_match
from hookline.model.states import Verdict
from hookline.store.ids import item_id, task_ids

if TYPE_CHECKING:
    from hookline.store.protocol import Store
    from hookline.store.rows import Failure, Log, NodeRow

__all__ = ["AttemptLog", "log_lines", "read_logs", "told_instead"]

_ITEM = re.compile(r"(.+)\[(\d+)\]\Z")


@dataclass(frozen=True, slots=True)
class AttemptLog:
    """What one attempt left behind in words.

    Attributes:
        task: The task's id, with the item where it is mapped.
        attempt: The attempt's number.
        text: What it printed and logged.
        dropped: How many bytes of that were not kept.
        failure: Its traceback, or what is known instead; empty where it did not fail.
    """

    task: str
    attempt: int
    text: str
    dropped: int
    failure: str


def read_logs(store: Store, run: str | int, task: str | None) -> list[AttemptLog]:
    """Read what attempts printed and how they failed.

    Args:
        store: Where the run is recorded.
        run: The run.
        task: The task, or an item of it; None for all.

    Returns:
        Attempts that left something, by task, item and number.

    Raises:
        UsageError: There is no such task.
    """
    nodes = store.nodes(run)
    ids = task_ids(nodes)
    node, item = _find(nodes, ids, task)
    mapped = {row.node: bool(row.shape) for row in nodes}
    found: dict[tuple[int, int, int], tuple[list[Log], list[Failure]]] = {}
    for log in store.logs(run, node):
        found.setdefault((log.node, log.item, log.attempt), ([], []))[0].append(log)
    for failure in store.failures(run, node):
        found.setdefault((failure.node, failure.item, failure.attempt), ([], []))[1].append(failure)
    return [
        AttemptLog(
            item_id(ids.get(where[0], "?"), where[1], mapped.get(where[0], False)),
            where[2],
            "".join(_text(store, log) for log in logs),
            sum(log.dropped for log in logs),
            "\n".join(map(_failure, failures)),
        )
        for where, (logs, failures) in sorted(found.items())
        if item is None or where[1] == item
    ]


def log_lines(logs: list[AttemptLog]) -> Iterator[str]:
    """Lay logs out for people; harmless to a terminal."""
    several = len(logs) > 1
    for index, log in enumerate(logs):
        if several:
            if index:
                yield ""
            yield f"--- {one_line(log.task)}, attempt {log.attempt} ---"
        if log.text:
            yield clean(log.text).rstrip("\n")
        if log.dropped:
            yield f"({amount(log.dropped)} bytes in the middle were not kept)"
        if log.failure:
            yield clean(log.failure).rstrip("\n")


def told_instead(store: Store, run: str | int, task: str | None) -> str:
    """Say why there is nothing to read, and where there may be something."""
    if task is None:
        return "nothing: the tasks of this run printed nothing, and none failed"
    nodes = store.nodes(run)
    node, item = _find(nodes, task_ids(nodes), task)
    for decision in reversed(store.decisions(run, node)):
        if item is None or decision.low <= item < decision.high:
            if decision.verdict is Verdict.REUSE and decision.source_run is not None:
                source = store.id_of(decision.source_run)
                if source is None:
                    return f"nothing: '{task}' was reused from a run that was deleted"
                return f"nothing: '{task}' was reused, see {hint('runs', 'logs', source, task)}"
            break
    return f"nothing: '{task}' printed nothing, and did not fail"


def _find(nodes: list[NodeRow], ids: dict[int, str], task: str | None) -> tuple[int | None, int | None]:
    if task is None:
        return None, None
    numbers = {name: number for number, name in ids.items()}
    if task in numbers:
        return numbers[task], None
    match = _ITEM.fullmatch(task)
    if match and match[1] in numbers:
        number, item = numbers[match[1]], int(match[2])
        if any(node.node == number and node.shape and (node.length is None or item < node.length) for node in nodes):
            return number, item
    near = close_match(task, numbers)
    raise UsageError(
        f"the run has no task '{task}';{near}".rstrip(";"), help="its tasks are listed by: hookline runs show RUN"
    )


def _text(store: Store, log: Log) -> str:
    from hookline.store.outputs import unpack_outputs

    parts = [bytes(store.artifacts.read(item)) for item in unpack_outputs(log.outputs)]
    return b"".join(parts).decode("utf-8", errors="replace")


def _failure(failure: Failure) -> str:
    if failure.traceback.strip():
        return failure.traceback
    return f"{failure.type}: {failure.message}" if failure.type else failure.message
