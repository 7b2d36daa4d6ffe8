"""How a step reads: its signature on one line, and the YAML by which a workflow uses it."""

from __future__ import annotations

import enum
import typing
from pathlib import PurePath
from typing import Any

from hookline.graph.annotations import type_text
from hookline.graph.declared.types import is_named
from hookline.graph.parameter_types import expected_type, members, secret_in_the_open
from hookline.model.parameter import Parameter
from hookline.model.seed import is_seed
from hookline.model.step import Step

__all__ = ["signature_text", "step_parameters", "yaml_form"]

_WIDEST = 60


def signature_text(step: Step[..., Any]) -> str:
    """Write a step's signature: ``train(rows: list[int], depth: int = 3) -> float``."""
    parts = [_parameter_text(parameter) for parameter in step.signature.parameters.values()]
    returns = step.signature.returns
    return f"{step.name}({', '.join(parts)}){'' if returns is Any else f' -> {type_text(returns)}'}"


def step_parameters(step: Step[..., Any]) -> list[Parameter]:
    """Give the parameters that a workflow may fill: no ``*args``, no ``**kwargs``, no seed."""
    return [
        parameter
        for parameter in step.signature.parameters.values()
        if parameter.kind not in (parameter.kind.VAR_POSITIONAL, parameter.kind.VAR_KEYWORD)
        and not is_seed(parameter.annotation)
    ]


def yaml_form(step: Step[..., Any], uses: str) -> str:
    """Write what to paste below ``steps:`` to use a step.

    Args:
        step: The step.
        uses: What names it.

    Returns:
        Its arguments with their types: those that must be given as references of the same name, to parameters where a
        parameter may have that type and to steps otherwise; the others as comments with their defaults.
    """
    rows: list[tuple[str, str]] = []
    every = step_parameters(step)
    for parameter in every:
        shown = type_text(parameter.annotation) if parameter.annotation is not Any else "anything"
        if parameter.required:
            kind = "params" if _is_written(expected_type(parameter)) else "steps"
            rows.append((f"{parameter.name}: ${{{{ {kind}.{parameter.name} }}}}", shown))
        else:
            rows.append((f"# {parameter.name}: {_default(parameter)}", shown))
    lines = [f"{step.name}:", f"  uses: {uses}"]
    if rows:
        open_only = not any(parameter.required for parameter in every)
        lines.append("  # with:" if open_only else "  with:")
        width = min(max(len(text) for text, _ in rows), _WIDEST)
        lines += [f"    {text.ljust(width)}  # {kind}" for text, kind in rows]
    return "\n".join(lines)


def _is_written(annotation: Any) -> bool:
    """Tell whether values of a type are usually written down, not made by a step."""
    return all(
        part is type(None)
        or typing.get_origin(part) is typing.Literal
        or (isinstance(part, type) and issubclass(part, enum.Enum))
        or is_named(part)
        for part in members(annotation)
    )


def _parameter_text(parameter: Parameter) -> str:
    stars = {parameter.kind.VAR_POSITIONAL: "*", parameter.kind.VAR_KEYWORD: "**"}.get(parameter.kind, "")
    kind = "" if parameter.annotation is Any else f": {type_text(parameter.annotation)}"
    default = "" if parameter.required or stars else f"{' = ' if kind else '='}{_default(parameter)}"
    return f"{stars}{parameter.name}{kind}{default}"


def _default(parameter: Parameter) -> str:
    """Write a default as YAML would have it, on one line."""
    import yaml

    value = parameter.default
    if secret_in_the_open(value, parameter.annotation):
        return "'***'"
    try:
        text = yaml.safe_dump(_plain(value), default_flow_style=True, allow_unicode=True, width=10_000, sort_keys=False)
    except yaml.YAMLError:
        text = repr(value)
    text = " ".join(text.removesuffix("...\n").split())
    return text if len(text) <= _WIDEST else text[: _WIDEST - 1] + "…"


def _plain(value: object) -> object:
    if isinstance(value, enum.Enum):
        return value.name
    if isinstance(value, PurePath):
        return str(value)
    if isinstance(value, (list, tuple)):
        return [_plain(part) for part in value]
    if isinstance(value, dict):
        return {_plain(key): _plain(part) for key, part in value.items()}
    return getattr(value, "reference", None) or value
