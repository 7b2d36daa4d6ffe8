"""Fits what a file gives to what a step takes: converted where nothing is lost, as a workflow's parameters are."""

from __future__ import annotations

import typing
from collections.abc import Callable
from typing import Any

from hookline.graph.declared.values import FromParam, FromStep, Parts, Plain, Value
from hookline.graph.parameter_types import LISTS, holds_secret, members
from hookline.graph.parameters import validated, wrong_value

__all__ = ["MisfitError", "Refuse", "convert", "fill", "fit"]


class MisfitError(Exception):
    """A value that is not of the type that is taken; the text says so."""


Refuse = Callable[[int, str], None]
"""Takes a line and what is wrong there."""


def fit(value: Value, wanted: Any, name: str, refuse: Refuse, *, optional: bool = False) -> Value:
    """Convert what is known of a value, and note what type the rest has to have.

    Args:
        value: What the file gives.
        wanted: The type that is taken.
        name: What the type is taken for, for messages.
        refuse: Takes what does not fit.
        optional: Whether None is taken whatever the type says, because it is the default.

    Returns:
        The value, with plain parts converted.
    """
    if isinstance(value, Plain):
        if value.value is None and optional:
            return value
        try:
            return Plain(value.line, convert(value.value, wanted, name))
        except MisfitError as error:
            refuse(value.line, str(error))
            return value
    if isinstance(value, FromParam):
        return FromParam(value.line, value.name, wanted, optional)
    if isinstance(value, Parts):
        kind, inside = _inside(value, wanted)
        items = [fit(item, one, name, refuse) for item, one in zip(value.items, inside, strict=True)]
        return Parts(value.line, kind, tuple(items), value.keys)
    return value


def convert(value: object, wanted: Any, name: str) -> object:
    """Convert a value where nothing is lost.

    Args:
        value: The value.
        wanted: The type that is taken.
        name: What the type is taken for.

    Returns:
        The converted value.

    Raises:
        MisfitError: It does not fit.
    """
    try:
        return validated(wanted, value)
    except ValueError as error:
        raise MisfitError(wrong_value(name, wanted, value, str(error))) from None
    except Exception as error:  # types may have checks of their own
        reason = type(error).__name__ if holds_secret(wanted) else f"{type(error).__name__}: {error}"
        raise MisfitError(wrong_value(name, wanted, value, reason)) from error


def fill(value: Value, resolve: Callable[[FromParam | FromStep], object]) -> object:
    """Put a value together.

    Args:
        value: What :func:`fit` gave.
        resolve: Gives what a reference stands for.

    Returns:
        The argument for a call of a step.
    """
    if isinstance(value, Plain):
        return value.value
    if isinstance(value, (FromParam, FromStep)):
        return resolve(value)
    assert isinstance(value, Parts), "a file with broken values makes no workflow"
    items = [fill(item, resolve) for item in value.items]
    if value.kind == "dict":
        return dict(zip(value.keys, items, strict=True))
    return tuple(items) if value.kind == "tuple" else items


def _inside(value: Parts, wanted: Any) -> tuple[str, list[Any]]:
    """Tell what a list or mapping is for a type, and the types of its parts; Any where the type does not say."""
    count = len(value.items)
    for bare in members(wanted):
        kind, arguments = typing.get_origin(bare) or bare, typing.get_args(bare)
        if value.kind == "list" and kind is tuple:
            fixed = len(arguments) == count and Ellipsis not in arguments
            return "tuple", list(arguments) if fixed else [arguments[0] if arguments else Any] * count
        if value.kind == "list" and kind in LISTS:
            return "list", [arguments[0] if arguments else Any] * count
        if value.kind == "dict" and len(arguments) == 2:
            return "dict", [arguments[1]] * count
    return value.kind, [Any] * count
