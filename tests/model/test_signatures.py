"""What is read from a function's signature."""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING, Any

import pytest

from hookline.model.parameter import read_signature
from hookline.model.seed import Seed, is_seed

if TYPE_CHECKING:
    from decimal import Decimal


ZERO = Seed(0)


def function(a: int, /, b: Decimal, *rest: str, c: Seed = ZERO, **more: float) -> list[int]:
    return []


def test_annotations_that_do_not_resolve_count_as_absent() -> None:
    """One that only type checkers can resolve leaves the others as they are."""
    signature = read_signature(function)
    found = {name: parameter.annotation for name, parameter in signature.parameters.items()}
    assert found == {"a": int, "b": Any, "rest": str, "c": Seed, "more": float}
    assert signature.returns == list[int]


def test_each_kind_of_parameter_is_told_apart() -> None:
    """By position, by position only, by name, and open-ended; only those without default are required."""
    signature = read_signature(function)
    assert (signature.positional, signature.positional_only) == (("a", "b"), 1)
    assert (signature.var_positional, signature.var_keyword) == ("rest", "more")
    assert signature.required == {"a", "b"}


def test_a_wrapped_function_has_the_signature_of_what_it_wraps() -> None:
    """As functools.wraps promises."""

    @functools.wraps(function)
    def wrapper(*args: Any, **kwargs: Any) -> Any:
        return function(*args, **kwargs)

    assert read_signature(wrapper) == read_signature(function)


@pytest.mark.parametrize(("annotation", "expected"), [(Seed, True), (int, False), (Any, False), ("Seed", False)])
def test_only_the_seed_type_asks_for_a_seed(annotation: Any, expected: bool) -> None:
    """An int is an ordinary argument."""
    assert is_seed(annotation) is expected
