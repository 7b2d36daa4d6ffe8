"""Calling a step's function with arguments by parameter name."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import pytest

from hookline.model.calling import caller_of
from hookline.model.parameter import read_signature

Function = Callable[..., Any]


def called(function: Function, **arguments: Any) -> Any:
    call = caller_of(function, read_signature(function))
    return function(**arguments) if call is None else call(arguments)


def positions_only(function: Function) -> Function:
    @functools.wraps(function)
    def wrapper(*args: Any) -> Any:
        return function(*args)

    return wrapper


def names_only(function: Function) -> Function:
    @functools.wraps(function)
    def wrapper(**named: Any) -> Any:
        return function(**named)

    return wrapper


def anything(function: Function) -> Function:
    @functools.wraps(function)
    def wrapper(*args: Any, **named: Any) -> Any:
        return function(*args, **named)

    return wrapper


def another_name(function: Function) -> Function:
    @functools.wraps(function)
    def wrapper(first: Any, *rest: Any, **named: Any) -> Any:
        return function(first, *rest, **named)

    return wrapper


def one_of_another_name(function: Function) -> Function:
    @functools.wraps(function)
    def wrapper(first: Any, second: Any = 20, third: Any = 30) -> Any:
        return function(first, second, third)

    return wrapper


def through_two(function: Function) -> Function:
    return anything(positions_only(function))


DECORATORS = [
    positions_only, names_only, anything, another_name, one_of_another_name, through_two, functools.lru_cache,
    functools.cache,
]  # fmt: skip


@pytest.mark.parametrize("decorator", DECORATORS)
def test_a_decorated_function_gets_its_arguments_however_the_decorator_takes_them(decorator: Any) -> None:
    """By position or by name: what a decorator hands on arrives under the right name; defaults fill gaps."""

    @decorator
    def function(a: int, b: int = 20, c: int = 30) -> tuple[int, int, int]:
        return a, b, c

    assert called(function, a=1) == (1, 20, 30)
    assert called(function, a=1, b=2, c=3) == (1, 2, 3)
    assert called(function, a=1, c=3) == (1, 20, 3)


@pytest.mark.parametrize("decorator", [lambda function: function, anything])
def test_all_kinds_of_parameters_get_what_is_theirs(decorator: Any) -> None:
    """By position only, any number, by name only and any name."""

    @decorator
    def function(a: int = 1, b: int = 2, /, c: int = 3, *rest: int, d: int = 4, **named: int) -> Any:
        return a, b, c, rest, d, named

    assert called(function) == (1, 2, 3, (), 4, {})
    assert called(function, b=20) == (1, 20, 3, (), 4, {})
    assert called(function, c=30, d=40, named={"e": 5}) == (1, 2, 30, (), 40, {"e": 5})
    assert called(function, a=1, b=2, c=3, rest=(7, 8), named={"a": 9}) == (1, 2, 3, (7, 8), 4, {"a": 9})


def test_a_plain_function_is_called_by_name_without_a_detour() -> None:
    """The common case costs nothing."""

    def function(a: int, b: int = 2, *, c: int = 3) -> int:
        return a + b + c

    assert caller_of(function, read_signature(function)) is None
