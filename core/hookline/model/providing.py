"""A step that is called as a plain function: what its providers give is opened for that call alone."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from typing import Any

from hookline.errors import UsageError
from hookline.model.calling import caller_of
from hookline.model.opened import Openings
from hookline.model.parameter import read_signature
from hookline.model.provider import Provider

__all__ = ["call_with_providers"]


def call_with_providers(
    function: Callable[..., Any],
    asked: Mapping[str, Provider[Any]],
    args: tuple[Any, ...],
    kwargs: Mapping[str, Any],
) -> Any:
    """Call a function with what its providers open.

    Args:
        function: The step's function.
        asked: Its providers, by parameter name.
        args: Its other arguments, by position.
        kwargs: Its other arguments, by name; what is given here for a provider's parameter is passed on as it is.

    Returns:
        What it returns; of an async function, what is awaited for that.

    Raises:
        UsageError: More arguments are given by position than there are besides those that providers give.
    """
    # Not by what is remembered of the function: its module may still be being imported.
    signature = read_signature.__wrapped__(function)
    names = [name for name in signature.positional if name not in asked]
    arguments = {**dict(zip(names, args, strict=False)), **kwargs}
    more = args[len(names) :]
    if more and not signature.var_positional:
        told = ", ".join(f"{name}=…" for name in asked)
        raise UsageError(
            f"'{function.__name__}' is given {len(args)} arguments by position, but takes {len(names)} beside what "
            "providers give",
            help=f"give that by name: {told}",
        )
    if more:
        arguments[signature.var_positional] = more
    open_ones = {name: provider for name, provider in asked.items() if name not in kwargs}
    call = caller_of(function, signature) or (lambda given: function(**given))
    if inspect.iscoroutinefunction(function):
        return _call_in_loop(call, open_ones, arguments)
    with Openings(open_ones.values()) as values:
        return call({**arguments, **{name: values[provider] for name, provider in open_ones.items()}})


async def _call_in_loop(
    call: Callable[[dict[str, Any]], Any], asked: Mapping[str, Provider[Any]], arguments: dict[str, Any]
) -> Any:
    async with Openings(asked.values()) as values:
        return await call({**arguments, **{name: values[provider] for name, provider in asked.items()}})
