"""Reads the tables of sources: all that is wrong with them is told at once, each with its place in the settings."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from hookline import HooklineError, ProjectFacts, Secret, UsageError
from hookline.ml import Schema
from hookline_data.sources.contracts.agreement import contradictions, schema_faults, with_terms
from hookline_data.sources.contracts.contract import Contract
from hookline_data.sources.contracts.keys import KEYS
from hookline_data.wording.words import near

__all__ = ["find_contract", "read_contract"]

_SUFFIXES = {
    ".csv": "csv",
    ".tsv": "csv",
    ".parquet": "parquet",
    ".pq": "parquet",
    ".jsonl": "jsonl",
    ".ndjson": "jsonl",
}
_SECRET = re.compile(r"[a-z][a-z0-9_-]+:(?!//)\S")


def find_contract(name: str, project: ProjectFacts) -> Contract:
    """Read the contract of a source.

    Args:
        name: The source's name.
        project: The project.

    Raises:
        UsageError: There is no such source, or it is not sound: says all that is wrong.
    """
    if name not in project.sources:
        known = f"the sources are {', '.join(sorted(project.sources))}"
        none = f"write its contract into the settings: [tool.hookline.source.{name}]"
        raise UsageError(
            f"there is no source '{name}'{near(name, project.sources)}", help=known if project.sources else none
        )
    contract, problems = read_contract(name, project)
    if contract is None:
        text = problems[0] if len(problems) == 1 else "\n  - ".join([f"the source '{name}' is wrong", *problems])
        raise UsageError(text, help=f"mend [tool.hookline.source.{name}]")
    return contract


def read_contract(name: str, project: ProjectFacts) -> tuple[Contract | None, list[str]]:
    """Read the table of one source.

    Args:
        name: The source's name, which there is a table of.
        project: The project.

    Returns:
        The contract, None where it is not sound; and what is wrong with it, each with its place in the settings.
    """
    reader = _Reader(name, project)
    values = reader.values(project.sources[name])
    contract = None if reader.problems else reader.contract(values)
    return (None if reader.problems else contract), reader.problems


class _Reader:
    """Reads one table, and notes what is wrong with it."""

    def __init__(self, name: str, project: ProjectFacts) -> None:
        self.problems: list[str] = []
        self._name = name
        self._project = project

    def values(self, table: Mapping[str, Any]) -> dict[str, Any]:
        """Read each key by itself."""
        found: dict[str, Any] = {}
        for key, value in table.items():
            if key not in KEYS:
                self._note(key, f"has no key '{key}'{near(key, KEYS)}")
                continue
            try:
                found[key] = KEYS[key].read(value)
            except ValueError:
                self._note(key, f"takes {KEYS[key].takes} as '{key}', not {value!r}")
        if "uri" not in table and "connect" not in table:
            self._note("", "has no 'uri': say where its data are")
        return found

    def contract(self, values: dict[str, Any]) -> Contract | None:
        """Put the values together, and look for contradictions between them."""
        uri = values.setdefault("uri", "")
        values["secret"] = bool(_SECRET.match(uri)) and not (self._project.root / uri).exists()
        if values["secret"]:
            try:
                Secret(uri)
            except UsageError as error:
                self._note("uri", f"has a 'uri' that is neither a path nor a URL: {error.help}")
        if "format" not in values:
            values["format"] = self._format(values)
        if values["format"] == "csv" and uri.removesuffix(".gz").endswith(".tsv"):
            values.setdefault("separator", "\t")
        given = values.pop("schema", None)
        contract = Contract(self._name, **values, where=self._project.where(f"source.{self._name}"))
        self._note_all(contradictions(contract))
        try:
            declared = None if given is None else self._schema_of(given)
        except (HooklineError, ValueError, OSError) as error:
            told = error.message if isinstance(error, HooklineError) else str(error)
            self._note("schema", f"has a schema that is wrong: {told}")
            return None
        if declared is not None and not isinstance(declared, Schema):
            from hookline_data.sources.contracts.foreign_schema import facts_of  # it imports pandera

            self._note_all(schema_faults(contract, facts_of(declared)))
            return replace(contract, schema=declared, typed=True)
        if declared is not None:
            self._note_all(schema_faults(contract, declared))
        if self.problems:
            return None
        schema = with_terms(contract, declared)
        time = schema.event_time if schema is not None else ""
        return replace(contract, schema=schema, typed=declared is not None, event_time=time)

    def _format(self, values: Mapping[str, Any]) -> str:
        """Tell the format by what else is said."""
        if {"query", "table", "connect"} & set(values) or re.match(r"(?!https?:)[A-Za-z][\w+.-]*://", values["uri"]):
            return "sql"
        path = values["uri"].partition("?")[0] if "://" in values["uri"] else values["uri"]
        found = _SUFFIXES.get(Path(path.removesuffix(".gz")).suffix.lower(), "")
        if not found:
            self._note("uri", "has a 'uri' that does not tell its format: give 'format'")
        return found

    def _schema_of(self, given: object) -> Any:
        from hookline_data.schemas.reading import read_schema  # it may import pandera

        return read_schema(given, root=self._project.root, name=self._name)

    def _note_all(self, faults: Iterable[tuple[str, str]]) -> None:
        for key, text in faults:
            self._note(key, text)

    def _note(self, key: str, text: str) -> None:
        place = self._project.where(".".join(filter(None, ["source", self._name, key])))
        self.problems.append(f"{place}: the source '{self._name}' {text}")
