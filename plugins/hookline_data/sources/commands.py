"""The command ``hookline data sources``: which sources a project has, and in what state their data are."""

from __future__ import annotations

import dataclasses
import json as form
from collections.abc import Iterator

import hookline
from hookline import UsageError
from hookline_data.sources.survey import SourceState, survey
from hookline_data.wording.tabular import aligned
from hookline_data.wording.words import near

__all__ = ["sources"]

_BAD_ROWS = {"fail": "fail the load", "warn": "are told of and kept", "quarantine": "are put aside"}
_UNITS = ("B", "KB", "MB", "GB", "TB")


def sources(name: str = "", /, env: str | None = None, json: bool = False) -> int:
    """List the project's sources of data: where they are, what there is, and what is wrong with their contracts.

    Args:
        name: One source, to show all that is said of it; all of them without.
        env: The environment whose sources are meant.
        json: Print a JSON document.

    Returns:
        1 where something is wrong with a source, else 0.
    """
    project = hookline.project(env=env)
    if name and name not in project.sources:
        raise UsageError(
            f"there is no source '{name}'{near(name, project.sources)}",
            help=f"the sources are {', '.join(sorted(project.sources)) or 'none yet'}",
        )
    states = [survey(one, project) for one in ([name] if name else sorted(project.sources))]
    if json:
        print(form.dumps([dataclasses.asdict(state) for state in states], indent=2))
    elif not states:
        print("the project has no sources; each is a table [tool.hookline.source.NAME] in pyproject.toml")
    else:
        print("\n".join(_page(states[0]) if name else _table(states)))
    return int(any(state.problems for state in states))


def _table(states: list[SourceState]) -> Iterator[str]:
    rows = [("source", "format", "where", "files", "size", "rows", "newest", "state", "owner"), *map(_row, states)]
    yield from aligned(rows, right=(3, 4, 5))
    yield from (f"- {problem}" for state in states for problem in state.problems)


def _row(state: SourceState) -> tuple[str, ...]:
    return (
        state.name,
        state.format or "?",
        state.where or "?",
        _number(state.files),
        _size(state.bytes),
        _number(state.rows),
        state.newest[:16].replace("T", " ") or "-",
        _condition(state),
        state.owner or "-",
    )


def _page(state: SourceState) -> Iterator[str]:
    yield state.name
    facts = {
        "description": state.description,
        "where": state.where,
        "format": state.format,
        "contract": state.contract,
        "files": _number(state.files) if state.files is not None else "",
        "size": _size(state.bytes) if state.bytes is not None else "",
        "rows": _number(state.rows) if state.rows is not None else "",
        "newest": state.newest,
        "state": _condition(state),
        "key": ", ".join(state.key),
        "event time": state.event_time,
        "personal": ", ".join(state.personal),
        "columns": ", ".join(f"{column}: {kind}" for column, kind in state.columns.items()),
        "bad rows": _BAD_ROWS.get(state.mode, ""),
        "owner": state.owner,
    }
    yield from (f"  {fact:<12} {value}" for fact, value in facts.items() if value)
    yield from (f"- {problem}" for problem in state.problems)


def _condition(state: SourceState) -> str:
    if state.problems:
        return "wrong"
    return "-" if state.fresh is None else "fresh" if state.fresh else "stale"


def _number(count: int | None) -> str:
    return "-" if count is None else f"{count:,}"


def _size(count: int | None) -> str:
    if count is None:
        return "-"
    size, unit = float(count), 0
    while size >= 1000 and unit < len(_UNITS) - 1:
        size, unit = size / 1000, unit + 1
    return f"{size:.0f} {_UNITS[unit]}" if unit == 0 or size >= 100 else f"{size:.1f} {_UNITS[unit]}"
