"""One run as ``hookline runs show`` tells of it: tasks, whys, failures, notes."""

from __future__ import annotations

import itertools
import json
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

from hookline.cli.ending import told_partitions
from hookline.cli.run_rows import Listed, moment, written_target
from hookline.cli.wording import amount, clean, clipped, counted, duration, hint, listed_counts, one_line, table
from hookline.engine.past.history import recorded_over
from hookline.engine.record.hook_times import HookTime, hook_times, without_times
from hookline.model.run import Run, TaskRecord
from hookline.model.states import RunState, TaskState
from hookline.store.ids import item_id, task_ids
from hookline.store.rows import RunRow

if TYPE_CHECKING:
    from hookline.store.protocol import Store
    from hookline.store.rows import Failure, NodeRow, Note, RunRow

__all__ = ["profile_lines", "run_document", "run_page"]

_SHOWN_TASKS = 60
_SHOWN_FAILURES = 10
_SHOWN_NOTES = 60
_SHOWN_REWRITES = 20
_SHOWN_VALUES = 5


def run_page(run: Run, listed: Listed, store: Store, everything: bool = False) -> Iterator[str]:
    """Write what there is to know of a run.

    Args:
        run: The run.
        listed: What lists show of it.
        store: Where it is recorded.
        everything: Whether nothing is left out, however long it gets.

    Yields:
        Lines.
    """
    row = listed.row
    yield f"run {row.id} of {one_line(row.workflow)}: {listed.state.symbol} {listed.state.word}"
    facts = [
        ("started", f"{moment(row.created_us)}, took {duration(listed.seconds)}"),
        ("tasks", listed_counts(listed.counts) or "none"),
        ("partitions", told_partitions(run.partitions)),
        ("target", one_line(written_target(row.target))),
        ("parameters", one_line(_parameters(row.parameters, recorded_over(row)))),
        ("env", one_line(_environment(row))),
        ("set", one_line(", ".join(_set(row)))),
        ("name", one_line(row.name or "")),
        ("tags", one_line(", ".join(row.tags))),
        ("seed", str(row.seed) if row.seed else ""),
    ]
    yield from (f"  {name.ljust(10)}  {text}" for name, text in facts if text)
    if row.error and listed.state is not RunState.COMPLETED:
        yield f"  {'error'.ljust(10)}  {one_line(row.error)}"
    nodes = store.nodes(row.run)
    rewrites = [f"{each['plugin']}: {each['text']}" for each in _rewrites(row, nodes)]
    shown = rewrites if everything else rewrites[:_SHOWN_REWRITES]
    yield from (f"  {'' if at else 'rewrites':10}  {one_line(text)}" for at, text in enumerate(shown))
    if len(rewrites) > len(shown):
        yield f"  {'':10}  … {counted(len(rewrites) - len(shown), 'more change')}; --all shows them"
    yield ""
    yield from _task_lines(run, len(nodes), everything)
    yield from _failure_lines(store, row.run, nodes, everything)
    yield from _note_lines(store, row.run, nodes, everything)
    if listed.state is not RunState.COMPLETED and listed.state.ended:
        yield ""
        yield f"go on with it: {hint('resume', row.id)}"


def run_document(run: Run, listed: Listed, store: Store) -> dict[str, object]:
    """Describe a run for programs."""
    row = listed.row
    nodes = store.nodes(row.run)
    ids = task_ids(nodes)
    mapped = {node.node: bool(node.shape) for node in nodes}
    changed = {ids[node.node]: json.loads(node.extra) for node in nodes if node.extra}
    return {
        **listed.document(),
        "parameters": json.loads(row.parameters or "{}"),
        **({"partitions": partitions} if (partitions := dict(run.partitions)) else {}),
        "env": _environment(row),
        "set": _set(row),
        "seed": row.seed,
        "rewrites": _rewrites(row, nodes),
        "tasks": [_task_document(record) | changed.get(record.id, {}) for record in run.tasks.values()],
        "failures": [
            {
                "task": item_id(ids[failure.node], failure.item, mapped[failure.node]),
                "attempt": failure.attempt,
                "type": failure.type,
                "message": failure.message,
                "traceback": failure.traceback,
            }
            for failure in store.failures(row.run)
        ],
        "notes": [
            {
                "task": item_id(ids[note.node], note.item, mapped[note.node]),
                "attempt": note.attempt,
                "kind": note.kind,
                "name": note.name,
                "value": _value(note),
                "step": note.step,
            }
            for note in without_times(store.notes(row.run))
        ],
        "hooks": [time.document() for time in hook_times(store, row.run)],
    }


def _rewrites(row: RunRow, nodes: list[NodeRow]) -> list[dict[str, str]]:
    """Tell what plugins did to the graph, then to what grew."""
    found: list[dict[str, str]] = json.loads(row.extra or "{}").get("rewrites", [])
    grown = [json.loads(node.extra).get("rewrites", ()) for node in nodes if node.extra and node.parent is not None]
    return found + [change for changes in grown for change in changes]


def _environment(row: RunRow) -> str:
    return str(json.loads(row.options or "{}").get("env", ""))


def _set(row: RunRow) -> list[str]:
    """Give what the call set of steps' arguments, as a command line does; of Python's values just the names."""
    extra = json.loads(row.extra or "{}")
    texts = [f"{name}={text}" for name, given in extra.get("step_texts", {}).items() for text in given]
    return texts + [f"{name}=…" for name in json.loads(extra.get("step_arguments") or "{}")]


def profile_lines(times: Sequence[HookTime]) -> Iterator[str]:
    """Write how long plugins took, in a table."""
    rows = [
        (
            one_line(time.plugin),
            time.hook,
            time.where,
            amount(time.calls),
            f"{time.seconds * 1e3:,.1f} ms",
            f"{time.seconds / time.calls * 1e6:,.1f} µs",
        )
        for time in times
    ]
    yield from table(("plugin", "hook", "in", "calls", "took", "per call"), rows, right=(3, 4, 5))


def _task_lines(run: Run, total: int, everything: bool) -> Iterator[str]:
    shown = total if everything else _SHOWN_TASKS
    records = list(itertools.islice(run.tasks.values(), shown))
    rows = [_task_cells(record) for record in records]
    yield from table(("task", "", "items", "attempts", "took", "why"), rows, right=(2, 3, 4))
    if total > len(records):
        yield f"… {counted(total - len(records), 'more task')}; --all shows them"


def _task_cells(record: TaskRecord) -> tuple[str, ...]:
    state = TaskState(record.state)
    items = sum(record.counts.values())
    took = ""
    if record.started is not None and record.finished is not None and record.attempts:
        took = duration((record.finished - record.started).total_seconds())
    word = f"{state.symbol} {state.word}"
    if items > 1 and len([count for count in record.counts.values() if count]) > 1:
        word = f"{state.symbol} {listed_counts(record.counts)}"
    return (
        one_line(record.id),
        word,
        amount(items) if items > 1 else "",
        amount(record.attempts) if record.attempts else "",
        took,
        clipped(one_line(record.why), 160),
    )


def _failure_lines(store: Store, run: int, nodes: list[NodeRow], everything: bool) -> Iterator[str]:
    failures = store.failures(run)
    if not failures:
        return
    ids, mapped = task_ids(nodes), {node.node: bool(node.shape) for node in nodes}
    yield ""
    yield f"{counted(len(failures), 'attempt')} failed:"
    shown = failures if everything else failures[:_SHOWN_FAILURES]
    for failure in shown:
        name = item_id(ids.get(failure.node, "?"), failure.item, mapped.get(failure.node, False))
        yield f"  {one_line(name)} (attempt {failure.attempt}): {_error(failure)}"
        yield from (f"    {line}" for line in _last_frame(failure))
    if len(failures) > len(shown):
        yield f"  … {counted(len(failures) - len(shown), 'more failure')}; --all shows them"


def _error(failure: Failure) -> str:
    return one_line(f"{failure.type.rpartition('.')[2]}: {failure.message}")


def _last_frame(failure: Failure) -> list[str]:
    """Give the innermost frame of a formatted traceback: its line with the place, and the source below it."""
    lines = clean(failure.traceback).splitlines()
    places = [index for index, line in enumerate(lines) if line.lstrip().startswith('File "')]
    if not places:
        return []
    return [line.strip() for line in lines[places[-1] : places[-1] + 2]]


def _note_lines(store: Store, run: int, nodes: list[NodeRow], everything: bool) -> Iterator[str]:
    notes = without_times(store.notes(run))
    if not notes:
        return
    ids, mapped = task_ids(nodes), {node.node: bool(node.shape) for node in nodes}
    latest: dict[tuple[int, int, str, str], Note] = {}
    for note in notes:
        latest[note.node, note.item, note.kind, note.name] = note
    shown = list(latest.values()) if everything else list(latest.values())[:_SHOWN_NOTES]
    rows = [
        (
            one_line(item_id(ids.get(note.node, "?"), note.item, mapped.get(note.node, False))),
            note.kind,
            one_line(note.name),
            clipped(one_line(_text(note)), 100),
        )
        for note in shown
    ]
    yield ""
    yield from table(("task", "noted", "name", "value"), rows)
    if len(latest) > len(shown):
        yield f"… {counted(len(latest) - len(shown), 'more note')}; --all shows them"


def _text(note: Note) -> str:
    if note.kind == "artifact":
        from hookline.store.outputs import unpack_outputs

        stored = unpack_outputs(note.outputs) if note.outputs else ()
        size = sum(sum(file.size for file in part.files) or part.size for part in stored)
        return f"stored, {counted(size, 'byte')}" if stored else "stored"
    value = _value(note)
    text = f"{value:g}" if isinstance(value, float) else value if isinstance(value, str) else json.dumps(value)
    return text if note.step is None else f"{text} (at {note.step})"


def _value(note: Note) -> object:
    if note.value is None:
        return None
    try:
        return json.loads(note.value, parse_constant=str)
    except ValueError:
        return note.value


def _task_document(record: TaskRecord) -> dict[str, object]:
    return {
        "task": record.id,
        "step": record.step,
        "state": record.state,
        "why": record.why,
        "attempts": record.attempts,
        "error": record.error,
        "started": record.started.isoformat() if record.started else None,
        "finished": record.finished.isoformat() if record.finished else None,
        "counts": {word: count for word, count in record.counts.items() if count},
    }


def _parameters(text: str, over: Sequence[str]) -> str:
    try:
        values = json.loads(text or "{}")
    except ValueError:
        return text
    if not isinstance(values, Mapping):
        return text
    return ", ".join(
        f"{name}={_several(value) if name in over else value if isinstance(value, str) else json.dumps(value)}"
        for name, value in values.items()
    )


def _several(names: Sequence[str]) -> str:
    """Write the values that a workflow was mapped over."""
    if len(names) <= _SHOWN_VALUES:
        return ",".join(names)
    return f"{names[0]} … {names[-1]} ({amount(len(names))} values)"
