"""What a load or a write of a source needs to be given: looked up in the project, in the driver."""

from __future__ import annotations

import importlib
import urllib.parse
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import hookline
from hookline import HooklineError, ProjectFacts, Secret, UsageError
from hookline_data.sources.attempts import within_attempt
from hookline_data.sources.contracts.contract import Contract
from hookline_data.sources.contracts.declared import find_contract
from hookline_data.sources.contracts.partition import partition_keys, partition_values
from hookline_data.sources.contracts.template import Partition, Template
from hookline_data.sources.recency import is_judged, period_of
from hookline_data.sources.remote.sql import SQLITE, Connect, open_database
from hookline_data.tables.frames import chosen_library

__all__ = ["Resolver", "check_writable", "place_of", "project_for"]


class Resolver:
    """Looks sources up; remembers what is the same for all of a source, for a mapped load may ask a thousand times.

    Args:
        project: The project.
        library: The library for frames; empty for whichever fits.
    """

    def __init__(self, project: ProjectFacts, library: str = "") -> None:
        self._project = project
        self._library = library
        self._contracts: dict[str, Contract] = {}
        self._libraries: dict[str, str] = {}
        self._same: dict[str, dict[str, Any]] = {}
        self._there: dict[str, list[dict[str, str]]] = {}

    def contract(self, source: str) -> Contract:
        """Give the contract of a source.

        Raises:
            UsageError: There is none, or it is not sound.
        """
        if source not in self._contracts:
            self._contracts[source] = find_contract(source, self._project)
        return self._contracts[source]

    def for_load(self, source: str, partition: Partition) -> dict[str, Any]:
        """Work out what a load is given, beside what its call says.

        A partition that there is no file of is given no files, and where they would be: its load fails, and others go
        on.

        Raises:
            HooklineError: There is no such source, no file of it at all, or no answer of its version query.
        """
        contract = self.contract(source)
        values = partition_values(contract, partition)
        given: dict[str, Any] = {**self._common(contract), "frames": self._frames(contract)}
        files: dict[str, Path] = {}
        if contract.kind == "file":
            given["files"] = files = self._files(contract, values)
        # All loads of a source are given the same arguments, so that one alone has the same key as one of many.
        given["place"] = "" if files else place_of(contract, values, self._project.root)
        if contract.version_query:
            given["version"] = _version(contract, given["place"], values, given.get("connect"))
        if contract.freshness:
            judged = self._is_judged(contract, values)
            given["period"] = period_of(contract, files.values()) if judged else None
        return given

    def for_write(self, source: str, partition: Partition) -> dict[str, Any]:
        """Work out what a write is given.

        Raises:
            UsageError: There is no such source, or it can't be written.
        """
        contract = self.contract(source)
        check_writable(contract, partition)
        values = partition_values(contract, partition) if contract.kind == "file" else {}
        return {**self._common(contract), "place": place_of(contract, values, self._project.root)}

    def partitions(self, source: str) -> list[dict[str, str]]:
        """List the partitions that there are.

        Raises:
            UsageError: The source has none.
        """
        contract = self.contract(source)
        keys = partition_keys(contract)
        if contract.kind != "file" or not keys:
            raise UsageError(
                f"the source '{source}' ({contract.where}) has no partitions that could be listed",
                help="only files have, with a key in the uri: data/{day}.csv",
            )
        if source not in self._there:
            template = Template(contract.uri)
            found = {tuple((template.match(name) or {}).items()) for name in template.files(self._project.root)}
            self._there[source] = [dict(values) for values in sorted(found)]
        return self._there[source]

    def _common(self, contract: Contract) -> dict[str, Any]:
        """Give what is the same for all partitions; what comes of pandera and of imports is worked out once."""
        if contract.name not in self._same:
            self._same[contract.name] = _common(contract)
        return self._same[contract.name]

    def _is_judged(self, contract: Contract, values: Mapping[str, str]) -> bool:
        listed = values and contract.kind == "file"
        return is_judged(values, self.partitions(contract.name) if listed else None)

    def _frames(self, contract: Contract) -> str:
        """Choose the library for frames: where nobody does, the one that the schema is for."""
        from hookline_data.schemas.recognition import library_of_schema

        if contract.name not in self._libraries:
            wanted = self._library or (library_of_schema(contract.schema) if contract.schema is not None else "")
            self._libraries[contract.name] = chosen_library(wanted)
        return self._libraries[contract.name]

    def _files(self, contract: Contract, values: Mapping[str, str]) -> dict[str, Path]:
        template = Template(contract.uri).fill(values)
        files = template.files(self._project.root)
        if files or values:
            return files
        where = f"the source '{contract.name}' ({contract.where})"
        if template.single and (self._project.root / contract.uri).is_dir():
            raise UsageError(f"{where} is the folder '{contract.uri}'", help=f"name its files: {contract.uri}/*.csv")
        what = "is not there" if template.single else "fits no file"
        raise UsageError(f"{where} can't be loaded: '{contract.uri}' {what}", help="bring it, or mend the 'uri'")


def project_for(source: str) -> ProjectFacts:
    """Give the project for a call outside of runs.

    Raises:
        HooklineError: A run makes the call, which should have been told all that before.
    """
    if within_attempt():
        raise HooklineError(
            f"the source '{source}' was not looked up before the run, as the plugin 'data' does",
            help="run with the plugin: without --without data, and with 'data' among those that are allowed; "
            "in a step, call load(…) and return what it gives, instead of load.fn(…)",
        )
    return hookline.project()


def place_of(contract: Contract, values: Mapping[str, str], root: Path) -> Secret[str] | str:
    """Give the address of a source, or of its partition: an absolute path where it is a path."""
    if contract.secret:
        return Secret(contract.uri)
    if contract.kind == "file":
        return str(root / Template(contract.uri).path(values))
    if contract.uri.startswith(SQLITE):
        return f"{SQLITE}{root / contract.uri.removeprefix(SQLITE)}"
    template = Template(contract.uri)
    if contract.kind == "url" and template.keys:
        if not values:
            raise UsageError(f"the source '{contract.name}' ({contract.where}) is fetched by partition: say which")
        return template.path({key: urllib.parse.quote(value) for key, value in values.items()})
    return contract.uri


def check_writable(contract: Contract, partition: Partition) -> None:
    """Make sure that a source can be written.

    Raises:
        UsageError: It can't.
    """
    where = f"the source '{contract.name}' ({contract.where})"
    if contract.kind == "url":
        raise UsageError(f"{where} is fetched from the web and can't be written", help="write to a source of files")
    if contract.kind == "sql":
        if not contract.table:
            raise UsageError(f"{where} is a query and can't be written", help="write to a source with a 'table'")
        return
    template = Template(contract.uri)
    if template.wild:
        raise UsageError(
            f"{where} is of many files: '{contract.uri}' does not tell which to write",
            help="use keys in the place of wildcards: data/{day}.csv",
        )
    if template.keys and partition is None:
        keys = ", ".join(f"'{key}'" for key in template.keys)
        raise UsageError(
            f"{where} has partitions by {keys}: say which to write", help="write(table, source, partition)"
        )


def _common(contract: Contract) -> dict[str, Any]:
    given: dict[str, Any] = {"contract": contract.as_argument()}
    if contract.schema is not None and contract.columns is None:
        given["schema"] = contract.schema
    if contract.connect:
        given["connect"] = _named(contract)
    return given


def _named(contract: Contract) -> Any:
    """Import the user's function that gives a connection."""
    module, _, attribute = contract.connect.partition(":")
    try:
        function: Any = importlib.import_module(module)
        for part in attribute.split("."):
            function = getattr(function, part)
    except (ImportError, AttributeError) as error:
        raise UsageError(
            f"the source '{contract.name}' ({contract.where}) can't be connected to: {error}",
            help="mend 'connect' in its table",
        ) from error
    return function


def _version(contract: Contract, place: Secret[str] | str, values: Mapping[str, str], connect: Connect | None) -> str:
    with open_database(contract, place, connect) as database:
        _, fetch = database.ask(contract.version_query, values)
        rows = fetch(2)
    if len(rows) != 1:
        count = "no row" if not rows else "several rows"
        raise HooklineError(
            f"the version query of the source '{contract.name}' ({contract.where}) gives {count}",
            help="it gives one row, such as SELECT max(changed_at) FROM sales",
        )
    return repr(tuple(rows[0]))
