"""The values of a workflow's parameters, from options, ``-p name=value`` and files, as one mapping."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from hookline.errors import UsageError, close_match

__all__ = ["gather_parameters", "read_pairs", "read_parameter_file"]

Given = dict[str, Any]


def gather_parameters(options: Mapping[str, Any], pairs: Sequence[str], file: Path | None) -> tuple[Given, Given]:
    """Put together what was given in different places.

    Args:
        options: From the workflow's own options: texts, lists of texts, bools.
        pairs: ``name=value`` texts.
        file: A file of parameters; what stands in it yields to the other two.

    Returns:
        What was given as text, and what the file holds beyond that, with types of its own.

    Raises:
        UsageError: A pair or the file can't be read, or a parameter was given twice.
    """
    texts = read_pairs(pairs)
    for name, value in options.items():
        if name in texts:
            raise UsageError(f"the parameter '{name}' was given twice: as an option and with -p", help="give it once")
        texts[name] = value
    typed = read_parameter_file(file) if file is not None else {}
    return texts, {name: value for name, value in typed.items() if name not in texts}


def read_pairs(pairs: Sequence[str]) -> Given:
    """Read ``name=value`` texts; a name that comes again makes a list."""
    found: Given = {}
    for pair in pairs:
        name, separator, value = pair.partition("=")
        name = name.strip().replace("-", "_")
        if not separator or not name:
            raise UsageError(f"-p takes name=value, not '{pair}'", help=f"write -p {name or 'name'}=VALUE")
        if name in found:
            before = found[name]
            found[name] = [*before, value] if isinstance(before, list) else [before, value]
        else:
            found[name] = value
    return found


def read_parameter_file(file: Path) -> Given:
    """Read parameters from a file.

    Args:
        file: ``.yaml``, ``.yml``, ``.json`` or ``.toml`` with names and values at the top level.

    Raises:
        UsageError: It can't be read, is of another kind, or holds something else.
    """
    try:
        text = file.read_text(encoding="utf-8")
    except OSError as error:
        near = close_match(file.name, _neighbours(file))
        reason = (error.strerror or str(error)).lower()
        raise UsageError(
            f"the parameter file '{file}' can't be read: {reason};{near}".rstrip(";"),
            help="give the path of a .yaml, .json or .toml file",
        ) from error
    except UnicodeDecodeError as error:
        raise UsageError(f"the parameter file '{file}' is not UTF-8 text", help="save it as UTF-8") from error
    parsed = _parsed(file, text)
    if parsed is None:
        return {}
    if not isinstance(parsed, dict) or not all(isinstance(name, str) for name in parsed):
        raise UsageError(
            f"the parameter file '{file}' holds no mapping of names to values", help="write lines like 'depth: 3'"
        )
    return parsed


def _parsed(file: Path, text: str) -> Any:
    kind = file.suffix.lower()
    try:
        if kind == ".json":
            import json

            return json.loads(text)
        if kind == ".toml":
            import tomllib

            return tomllib.loads(text)
        if kind in (".yaml", ".yml"):
            import yaml

            try:
                return yaml.safe_load(text)
            except yaml.YAMLError as error:
                raise ValueError(" ".join(str(error).split())) from error
    except (ValueError, RecursionError) as error:
        raise UsageError(f"the parameter file '{file}' is not valid {kind[1:].upper()}: {error}") from error
    raise UsageError(f"the parameter file '{file}' is of no known kind", help="name it .yaml, .json or .toml")


def _neighbours(file: Path) -> list[str]:
    try:
        return [entry.name for entry in file.parent.iterdir()]
    except OSError:
        return []
