"""Checks what steps ask of providers: that it can be opened where they run, and is of the type that they expect."""

from __future__ import annotations

import collections.abc
import typing
from collections.abc import Iterator
from typing import Any

from hookline.errors import WorkflowError
from hookline.graph.annotations import can_meet, type_text
from hookline.model.opened import in_order
from hookline.model.parameter import Signature, read_signature
from hookline.model.provider import Provider, providers_in
from hookline.model.step import Step

__all__ = ["provider_faults"]

_GENERATORS = (
    collections.abc.Iterator,
    collections.abc.Iterable,
    collections.abc.Generator,
    collections.abc.AsyncIterator,
    collections.abc.AsyncIterable,
    collections.abc.AsyncGenerator,
)


def provider_faults(step: Step[..., Any]) -> Iterator[str]:
    """Find what is wrong with the providers that a step asks for.

    Args:
        step: The step.

    Yields:
        What reads after the name of a task of the step.
    """
    signature = step.signature
    for name, provider in providers_in(signature).items():
        takes = f"takes '{name}' from the provider '{provider.name}'"
        if provider.concurrent and not step.concurrent:
            yield f"{takes}, which is async; make the step async def, or the provider a plain generator"
        yield from _type_fault(name, provider, signature, "")
        try:
            needed = in_order([provider])
        except WorkflowError as error:
            yield f"{takes}: {error.message}"
            continue
        for each in needed:
            for fault in _faults(each):
                yield f"{takes}: {fault}"


def _faults(provider: Provider[Any]) -> Iterator[str]:
    """Find what is wrong between a provider and those that it needs: none may be gone before the other."""
    signature = read_signature(provider.fn)
    named = f"the provider '{provider.name}'"
    for name, other in providers_in(signature).items():
        if other.concurrent and not provider.concurrent:
            yield f"{named} needs '{other.name}', which is async; make it async def, too"
        if provider.scope == "worker" and other.scope == "attempt":
            yield f"{named} outlives '{other.name}', which it needs; give both the same scope"
        elif provider.thread_safe and not other.thread_safe:
            yield f"{named} is thread_safe, but needs '{other.name}', which each thread opens for itself"
        yield from _type_fault(name, other, signature, f"{named} ")


def _type_fault(name: str, provider: Provider[Any], signature: Signature, who: str) -> Iterator[str]:
    wanted, returns = signature.parameters[name].annotation, read_signature(provider.fn).returns
    arguments = typing.get_args(returns)
    if typing.get_origin(returns) in _GENERATORS and arguments and not can_meet(arguments[0], wanted):
        yield (
            f"{who}takes {type_text(wanted)} as '{name}', but the provider '{provider.name}' yields "
            f"{type_text(arguments[0])}"
        )
