"""Schemas by name, as workflows in YAML and annotations give them: a source's, a file's, one in a module."""

from __future__ import annotations

import re
from typing import Any

from hookline import ProjectFacts, UsageError
from hookline_data.schemas.reading import read_schema
from hookline_data.schemas.recognition import AnySchema
from hookline_data.sources.contracts.declared import find_contract
from hookline_data.wording.words import close_to

__all__ = ["named_schema"]

_PLAIN_NAME = re.compile(r"^[^:/\\]+$")


def named_schema(given: Any, project: ProjectFacts) -> AnySchema:
    """Give the schema that a name stands for.

    Args:
        given: The name of a source; the path of a YAML file, from the project's root; ``"module:Name"``; or a schema,
            which is given back.
        project: Where names are looked up.

    Raises:
        UsageError: There is none, or it can't be right; tells all that is wrong.
    """
    if isinstance(given, str) and _PLAIN_NAME.match(given) and not given.lower().endswith((".yaml", ".yml")):
        return _of_source(given, project)
    return read_schema(given, root=project.root)


def _of_source(name: str, project: ProjectFacts) -> AnySchema:
    """Give the schema of a source, with what its contract adds: keys, the event time, personal columns."""
    if name not in project.sources:
        near = close_to(name, project.sources).strip()
        raise UsageError(
            f"there is no source '{name}', whose schema is asked for",
            help=f"{near}; or give a YAML file, or 'module:Name'",
        )
    schema = find_contract(name, project).schema
    if schema is None:
        raise UsageError(
            f"the source '{name}' has no schema ({project.where(f'source.{name}')})",
            help='add schema = "schemas/….yaml" to its table',
        )
    return read_schema(schema)
