"""Schemas read from where a project keeps them: YAML files, tables of settings, pandera's classes."""

from __future__ import annotations

import importlib
import re
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml

from hookline import HooklineError, UsageError, ml
from hookline_data.schemas.plain import plain_schema
from hookline_data.schemas.problems import Problems
from hookline_data.schemas.recognition import AnySchema, is_pandera
from hookline_data.schemas.settling import settle
from hookline_data.tables.libraries import pandera_for, pandera_io
from hookline_data.wording.words import close_to

if TYPE_CHECKING:
    from yaml.nodes import Node

__all__ = ["read_schema"]

_DOTTED = re.compile(r"^[A-Za-z_][\w.]*:[A-Za-z_][\w.]*$")
_YAML = (".yaml", ".yml")


def read_schema(spec: object, *, root: Path = Path(), name: str = "") -> AnySchema:
    """Read a schema from where it stands.

    Args:
        spec: The path of a YAML file, in the plain form or in pandera's own; the plain form as a mapping, as in TOML;
            ``"module:Name"``, which names a schema or a model class of pandera's; or a schema, which is given back.
        root: What a relative path is relative to.
        name: What the schema is called where it says nothing of itself.

    Returns:
        A :class:`hookline.ml.Schema` of what is in the plain form; else pandera's.

    Raises:
        UsageError: There is none, or it can't be right; tells all that is wrong, with file and line.
    """
    if isinstance(spec, Mapping):
        return plain_schema(spec, Problems(f"the schema '{name}'" if name else "the schema"), name)
    if isinstance(spec, ml.Schema) or is_pandera(spec):
        found: AnySchema = spec
    elif isinstance(spec, Path) or (isinstance(spec, str) and spec.lower().endswith(_YAML)):
        found = _from_file(Path(spec), root, name)
    elif isinstance(spec, str) and _DOTTED.match(spec):
        found = _from_module(spec)
    else:
        raise UsageError(
            f"{spec!r} names no schema",
            help="give a YAML file, 'module:Name', or a table of columns: columns = {amount = 'float'}",
        )
    if is_pandera(found):
        settle()
    return found


def _from_file(path: Path, root: Path, name: str) -> AnySchema:
    place = path if path.is_absolute() else root / path
    try:
        text = place.read_text(encoding="utf-8")
        node = yaml.compose(text, Loader=yaml.SafeLoader)
        document = yaml.safe_load(text)
    except OSError as error:
        near = close_to(path.name, [one.name for one in place.parent.glob("*.y*ml")]).strip()
        reason = "there is no such file" if isinstance(error, FileNotFoundError) else error.strerror
        raise UsageError(f"the schema '{path}' can't be read: {reason}", help=near) from error
    except (yaml.YAMLError, UnicodeDecodeError, RecursionError, ValueError) as error:
        raise UsageError(f"the schema '{path}' is no YAML: {_first_line(error)}") from error
    if not isinstance(document, dict):
        raise UsageError(f"the schema '{path}' holds no schema", help="write columns: {amount: float, …}")
    if "schema_type" in document:
        return _from_pandera_yaml(text, document["schema_type"], path)
    problems = Problems(f"the schema '{path.stem}'", str(path))
    problems.lines = _lines(node, problems)
    return plain_schema(document, problems, name or path.stem)


def _first_line(error: Exception) -> str:
    mark = getattr(error, "problem_mark", None)
    if mark is not None:
        return f"{getattr(error, 'problem', '')} (line {mark.line + 1})"
    return str(error).partition("\n")[0]


def _lines(node: Node | None, problems: Problems, *path: str) -> dict[tuple[str, ...], int]:
    """Tell the line of each key, as deep as schemas are; a key that is there twice is a problem."""
    lines: dict[tuple[str, ...], int] = {}
    if not isinstance(node, yaml.MappingNode) or len(path) > 2:
        return lines
    for key, value in node.value:
        here = (*path, str(key.value))
        line = key.start_mark.line + 1
        if here in lines:
            what = "column" if path == ("columns",) else "key"
            problems.found.append((line, f"the {what} '{here[-1]}' is there twice, first in line {lines[here]}"))
        else:
            lines[here] = line
        lines |= _lines(value, problems, *here)
    return lines


def _from_pandera_yaml(text: str, kind: object, path: Path) -> AnySchema:
    library = "polars" if "polars" in str(kind) else "pandas"
    if str(kind) not in ("dataframe", "polars_dataframe"):
        raise UsageError(f"the schema '{path}' is of pandera's type '{kind}'", help="dataframes only can be checked")
    module = pandera_for(library)
    pandera_io()
    try:
        schema: AnySchema = module.DataFrameSchema.from_yaml(text)
    except Exception as error:
        raise UsageError(f"the schema '{path}' can't be read by pandera: {_first_line(error)}") from error
    return schema


def _from_module(spec: str) -> AnySchema:
    module_name, _, name = spec.partition(":")
    try:
        found: Any = importlib.import_module(module_name)
    except ModuleNotFoundError as error:
        if error.name is None or not (module_name == error.name or module_name.startswith(f"{error.name}.")):
            raise
        raise UsageError(f"the schema '{spec}' can't be had: there is no module '{module_name}'") from error
    for part in name.split("."):
        if not hasattr(found, part):
            near = close_to(part, [one for one in vars(found) if not one.startswith("_")])
            raise UsageError(f"the schema '{spec}' can't be had: '{module_name}' has no '{name}'", help=near.strip())
        found = getattr(found, part)
    if isinstance(found, ml.Schema) or is_pandera(found):
        return found
    raise HooklineError(
        f"'{spec}' is no schema but a {type(found).__name__}",
        help="name a DataFrameModel or DataFrameSchema of pandera.pandas or pandera.polars, or an ml.Schema",
    )
