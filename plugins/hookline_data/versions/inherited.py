"""Which columns tell of persons though their data set does not say so: those that do where the data came from.

What is read before a run is known when its graph is rewritten, and so registered. What only a run tells is looked up
when data are shown.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from typing import Any

from hookline import ProjectFacts, Records, TaskMatch, UsageError
from hookline_data.versions.lineage import Lineage
from hookline_data.versions.names import parse_name
from hookline_data.versions.personal import marked, personal_in
from hookline_data.versions.producer import Producers
from hookline_data.versions.registered import Version, find

__all__ = ["declared", "personal_before", "read_by", "seen_through"]


def read_by(tasks: Iterable[TaskMatch]) -> set[str]:
    """Name the columns that are personal in the sources that tasks read, as their contracts say.

    Args:
        tasks: Tasks of the step ``data.read``.
    """
    from hookline_data.sources.contracts.contract import Contract

    found: set[str] = set()
    for task in tasks:
        known = task.constants
        contracts, schema = known.get("contract"), known.get("schema")
        for said in contracts if isinstance(contracts, list) else [contracts]:
            if said is not None:
                found |= _by_contract(Contract.from_argument(said))
        for one in schema if isinstance(schema, list) else [schema]:
            found |= _by_schema(one)
    return found


def declared(project: ProjectFacts) -> Callable[[str], set[str]]:
    """Give what names the personal columns of a project's sources, as their contracts say by now.

    Args:
        project: The project; what it has no source of has no such columns.
    """

    def of(source: str) -> set[str]:
        from hookline_data.sources.contracts.declared import find_contract

        if source not in project.sources:
            return set()
        contract = find_contract(source, project)
        return _by_contract(contract) | _by_schema(contract.schema)

    return of


def seen_through(
    records: Records, producers: Producers, version: Version, of_source: Callable[[str], set[str]] | None = None
) -> Version:
    """Call those columns of a version personal that are so anywhere in what it was made from.

    Args:
        records: The plugin's records.
        producers: What tells what versions were made from.
        version: The version.
        of_source: Names the personal columns of a source; None where nobody knows of any.
    """
    names = personal_before(records, producers, producers.lineage(version), of_source)
    return replace(version, schema=marked(version.schema, names))


def personal_before(
    records: Records,
    producers: Producers,
    lineage: Lineage | None,
    of_source: Callable[[str], set[str]] | None = None,
) -> set[str]:
    """Name the columns that are personal anywhere in what something was made from.

    Args:
        records: The plugin's records.
        producers: What tells what versions were made from.
        lineage: What it was made from; None where nobody knows.
        of_source: Names the personal columns of a source; None where nobody knows of any.
    """
    names: set[str] = set()
    pending, seen = [lineage], set[str]()
    while pending:
        one = pending.pop()
        if one is None:
            continue
        if of_source is not None:
            for source in {_named(text) for text in one.sources}:
                names |= of_source(source)
        for version in (each for name in one.datasets for each in _versions(records, name)):
            if str(version.which) not in seen:
                seen.add(str(version.which))
                names |= personal_in(version.schema)
                pending.append(producers.lineage(version))
    return names


def _named(text: str) -> str:
    """Give the name of a source, or of a data set with partitions, that a lineage tells of with more."""
    return text.partition(" (")[0].partition("/")[0]


def _versions(records: Records, name: str) -> Iterator[Version]:
    for one in name.split(", "):
        try:
            which = parse_name(_named(one) if " (" in one else one)
            yield from find(records, which)
        except UsageError:
            continue  # it was trimmed


def _by_contract(contract: Any) -> set[str]:
    return {*contract.personal, *personal_in(contract.columns)}


def _by_schema(schema: Any) -> set[str]:
    from hookline_data.schemas.recognition import is_pandera

    if schema is None or not is_pandera(schema):
        return set()
    from hookline_data.schemas.convert import schema_of_pandera  # it imports pandera

    return personal_in(schema_of_pandera(schema))
