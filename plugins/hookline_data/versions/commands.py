"""``hookline data versions``, ``show`` and ``diff``: plain functions, whose signatures say what can be typed."""

from __future__ import annotations

import json as form
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import hookline
from hookline import HooklineError, Records, StoreMissingError, UsageError
from hookline_data.versions.names import DatasetName, parse_name
from hookline_data.versions.registered import PLUGIN

__all__ = ["diff", "show", "versions"]


def versions(
    name: str = "",
    /,
    store: str | None = None,
    env: str | None = None,
    limit: int = 50,
    json: bool = False,
) -> None:
    """List data sets, or the versions of one.

    Args:
        name: A data set, or a partition: NAME or NAME/PARTITION; all data sets without.
        store: The store's folder or URL; that of the project without.
        env: The environment whose store is meant.
        limit: How many lines at most.
        json: Print a JSON document.
    """
    from hookline_data.versions.listing import listed, listing_document, listing_lines

    which = _name(name) if name else None
    if which is not None and which.version is not None:
        raise UsageError(f"'{name}' is one version", help=f"see it: hookline data show {name}")
    with _opened(store, env) as (opened, records):
        found = listed(opened, records, which)
        _print(listing_document(found), listing_lines(found, max(limit, 1)), json)


def show(
    name: str,
    store: str | None = None,
    env: str | None = None,
    rows: int = 0,
    json: bool = False,
) -> None:
    """Show a version of a data set: what it is, who made it from what, and its columns.

    Args:
        name: NAME, NAME@VERSION, NAME/PARTITION or NAME/PARTITION@VERSION; the newest version where none is named.
        store: The store's folder or URL; that of the project without.
        env: The environment whose store is meant.
        rows: How many of its first rows to show; personal data are not shown.
        json: Print a JSON document.
    """
    from hookline_data.versions.page import page_document, page_lines, page_of

    which = _name(name)
    with _opened(store, env) as (opened, records):
        page = page_of(opened, records, which, max(rows, 0), _personal(env) if rows > 0 else None)
        _print(page_document(page), page_lines(page), json)


def diff(
    before: str,
    after: str,
    other: str = "",
    /,
    key: str = "",
    store: str | None = None,
    env: str | None = None,
    limit: int = 5,
    exit_code: bool = False,
    json: bool = False,
) -> int:
    """Tell how two versions differ, by columns and by rows: NAME@A NAME@B, or NAME A B.

    Args:
        before: The first version; or the name of both.
        after: The second version; or the number of the first.
        other: The number of the second version, where a name and two numbers are given.
        key: The columns that together tell rows, with commas; those of the data set without.
        store: The store's folder or URL; that of the project without.
        env: The environment whose store is meant.
        limit: How many examples of each sort to show.
        exit_code: Exit with 1 where they differ.
        json: Print a JSON document.
    """
    from hookline_data.versions.compared import difference_lines, stored_difference

    first, second = _both(before, after, other)
    columns = [part.strip() for part in key.split(",") if part.strip()] or None
    with _opened(store, env) as (opened, records):
        found = stored_difference(opened, records, first, second, columns, max(limit, 0), _personal(env))
    _print(found.to_json(), difference_lines(found), json)
    return int(exit_code and not found.equal)


def _name(text: str) -> DatasetName:
    return parse_name(text.strip())


def _personal(env: str | None) -> Callable[[str], set[str]] | None:
    """Give what names the personal columns of sources; None away from projects, whose store alone is looked at."""
    from hookline_data.versions.inherited import declared

    try:
        return declared(hookline.project(env=env))
    except HooklineError:
        return None


def _both(before: str, after: str, other: str) -> tuple[DatasetName, DatasetName]:
    if not other:
        return _name(before), _name(after)
    which = _name(before)
    if which.version is not None:
        raise UsageError(f"'{before}' is one version, and two more are given", help="write NAME@A NAME@B, or NAME A B")
    return _name(f"{which}@{after.removeprefix('@')}"), _name(f"{which}@{other.removeprefix('@')}")


@contextmanager
def _opened(store: str | None, env: str | None) -> Iterator[tuple[Any, Records]]:
    """Open the store that is meant, with the plugin's records."""
    address = store if store is not None else hookline.project(env=env).store
    try:
        opened = hookline.open_store(address)
    except StoreMissingError as error:
        raise StoreMissingError(
            f"there are no data sets: {error.message}",
            help="run a workflow with a step that returns a Dataset, or name the store: --store, --env",
        ) from None
    with opened:
        yield opened, opened.records(PLUGIN)


def _print(document: Any, lines: Iterator[str], json: bool) -> None:
    if json:
        print(form.dumps(document, indent=2, ensure_ascii=False))
        return
    for line in lines:
        print(line)
