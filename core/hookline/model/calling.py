"""How a step's function is called: by name where it can be, by position where only that gets through."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any

from hookline.model.parameter import MISSING, Signature

__all__ = ["caller_of"]

Arguments = dict[str, Any]


def caller_of(function: Callable[..., Any], signature: Signature) -> Callable[[Arguments], Any] | None:
    """Tell how a function takes its arguments.

    Args:
        function: A step's function.
        signature: What it declares; under a decorator that uses ``functools.wraps`` that is the function inside.

    Returns:
        Calls it with arguments by parameter name; None where ``function(**arguments)`` does.
    """
    count = len(signature.positional) if _wants_positions(function, signature) else signature.positional_only
    if not (count or signature.var_positional or signature.var_keyword):
        return None
    defaults = {name: parameter.default for name, parameter in signature.parameters.items()}

    def call(arguments: Arguments) -> Any:
        more = arguments.pop(signature.var_positional, ()) if signature.var_positional else ()
        extra = arguments.pop(signature.var_keyword, {}) if signature.var_keyword else {}
        names = signature.positional if more else signature.positional[:count]
        last = max((at for at, name in enumerate(names) if name in arguments), default=-1)
        args = [arguments.pop(name) if name in arguments else defaults[name] for name in names[: last + 1]]
        return function(*args, *more, **arguments, **extra)

    return call


def _wants_positions(function: Callable[..., Any], signature: Signature) -> bool:
    """Whether what a decorator made of a function has other parameters than it declares."""
    if not hasattr(function, "__wrapped__"):
        return False
    try:
        outer = inspect.signature(function, follow_wrapped=False).parameters.values()
    except (TypeError, ValueError):  # not written in Python: it hands on what it is given
        return False
    kinds = {parameter.kind for parameter in outer}
    if inspect.Parameter.VAR_POSITIONAL in kinds:
        return True
    named = {p.name for p in outer if p.kind in (p.POSITIONAL_OR_KEYWORD, p.KEYWORD_ONLY)}
    foreign = any(
        p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD)
        and p.default is MISSING
        and not (p.name in signature.parameters and p.name in named)
        for p in outer
    )
    return foreign or (inspect.Parameter.VAR_KEYWORD not in kinds and not named.issuperset(signature.positional))
