"""The parameters of a step or workflow, read from its signature once."""

from __future__ import annotations

import functools
import inspect
import sys
import typing
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

__all__ = ["MISSING", "Parameter", "Signature", "raw_signature", "read_signature", "resolved_hints"]

MISSING: Any = inspect.Parameter.empty


@dataclass(frozen=True, slots=True)
class Parameter:
    """One parameter.

    Attributes:
        name: Its name.
        annotation: Its resolved annotation; ``Any`` where it has none or the annotation does not resolve.
        default: Its default; :data:`MISSING` where it has none.
        kind: How a call may give it, as :class:`inspect.Parameter` names the kinds.
    """

    name: str
    annotation: Any
    default: Any
    kind: inspect._ParameterKind

    @property
    def required(self) -> bool:
        """Whether a call must give it."""
        return self.default is MISSING and self.kind not in (
            inspect.Parameter.VAR_POSITIONAL,
            inspect.Parameter.VAR_KEYWORD,
        )


@dataclass(frozen=True, slots=True)
class Signature:
    """What a function takes and returns.

    Attributes:
        parameters: By name, in order.
        positional: Names of those that a call may give by position, in order.
        returns: The resolved return annotation; ``Any`` where there is none or it does not resolve.
        var_positional: Name of the ``*args`` parameter, or empty.
        var_keyword: Name of the ``**kwargs`` parameter, or empty.
        positional_only: How many of ``positional`` can't be given by name.
    """

    parameters: Mapping[str, Parameter]
    positional: tuple[str, ...]
    returns: Any
    var_positional: str
    var_keyword: str
    positional_only: int

    @property
    def required(self) -> frozenset[str]:
        """Names that every call must give."""
        return frozenset(name for name, parameter in self.parameters.items() if parameter.required)


@functools.lru_cache(maxsize=4096)
def read_signature(function: Callable[..., Any]) -> Signature:
    """Read a function's signature; annotations that don't resolve count as absent.

    Args:
        function: A plain Python function.

    Returns:
        Its parameters and what it returns.
    """
    signature = raw_signature(function)
    hints = resolved_hints(function)
    parameters: dict[str, Parameter] = {}
    positional: list[str] = []
    only = 0
    var_positional = var_keyword = ""
    for name, raw in signature.parameters.items():
        parameters[name] = Parameter(name, hints.get(name, Any), raw.default, raw.kind)
        if raw.kind in (raw.POSITIONAL_ONLY, raw.POSITIONAL_OR_KEYWORD):
            positional.append(name)
            only += raw.kind is raw.POSITIONAL_ONLY
        elif raw.kind is raw.VAR_POSITIONAL:
            var_positional = name
        elif raw.kind is raw.VAR_KEYWORD:
            var_keyword = name
    return Signature(parameters, tuple(positional), hints.get("return", Any), var_positional, var_keyword, only)


def resolved_hints(function: Callable[..., Any]) -> dict[str, Any]:
    """Resolve annotations one by one, leaving out those that can't be resolved."""
    try:
        return typing.get_type_hints(function, include_extras=True)
    except Exception:  # noqa: BLE001 - evaluating annotations may raise anything; each is tried alone below
        pass
    hints: dict[str, Any] = {}
    for name, annotation in _annotations(function).items():
        alone = type("alone", (), {"__annotations__": {name: annotation}, "__module__": function.__module__})
        try:
            namespace = getattr(function, "__globals__", {})
            hints[name] = typing.get_type_hints(alone, globalns=namespace, include_extras=True)[name]
        except Exception:  # noqa: BLE001 - see above
            continue
    return hints


# From Python 3.14 on, merely looking at annotations evaluates them, which fails for names that only type checkers see.
if sys.version_info >= (3, 14):
    import annotationlib

    def raw_signature(function: Callable[..., Any]) -> inspect.Signature:
        """Read a function's signature without evaluating its annotations."""
        return inspect.signature(function, annotation_format=annotationlib.Format.FORWARDREF)

    def _annotations(function: Callable[..., Any]) -> dict[str, Any]:
        return annotationlib.get_annotations(function, format=annotationlib.Format.FORWARDREF)
else:

    def raw_signature(function: Callable[..., Any]) -> inspect.Signature:
        """Read a function's signature without evaluating its annotations."""
        return inspect.signature(function)

    def _annotations(function: Callable[..., Any]) -> dict[str, Any]:
        return dict(getattr(function, "__annotations__", {}))
