"""Providers: what may be one, how it is opened outside of a run, and how steps called as plain functions get it."""

from __future__ import annotations

import asyncio
import pickle
import sqlite3
from collections.abc import AsyncIterator, Iterator
from typing import Annotated, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hookline.errors import HooklineError, UsageError, WorkflowError
from hookline.model.opened import in_order
from hookline.model.provider import Provider, provider, providers_of
from hookline.model.step import step

said: list[str] = []


@pytest.fixture(autouse=True)
def silence() -> None:
    said.clear()


@provider
def warehouse(url: str = ":memory:") -> Iterator[sqlite3.Connection]:
    """Open the warehouse."""
    connection = sqlite3.connect(url)
    said.append(f"open {url}")
    yield connection
    connection.close()
    said.append("close")


@provider(scope="attempt")
def cursor(db: Annotated[sqlite3.Connection, warehouse], size: int = 1) -> Iterator[sqlite3.Cursor]:
    said.append(f"cursor of {size}")
    made = db.cursor()
    try:
        yield made
    except ValueError as error:
        said.append(f"roll back for {error}")
        raise
    said.append("commit")


@provider
async def client(greeting: str = "hello") -> AsyncIterator[str]:
    await asyncio.sleep(0)
    said.append("open client")
    yield greeting
    said.append("close client")


@step
def count(rows: list[int], db: Annotated[sqlite3.Connection, warehouse]) -> int:
    return sum(db.execute("select ?", (row,)).fetchone()[0] for row in rows)


@step
def first(db: Annotated[sqlite3.Connection, warehouse], row: int, *more: int, unit: str = "m") -> str:
    return f"{db.execute('select ?', (row,)).fetchone()[0]}{unit}{more}"


@step
def both(db: Annotated[sqlite3.Connection, warehouse], rows: Annotated[sqlite3.Cursor, cursor]) -> bool:
    return rows.connection is db


@step
async def greet(name: str, api: Annotated[str, client], db: Annotated[sqlite3.Connection, warehouse]) -> str:
    return f"{api} {name}"


def test_open_gives_what_the_function_yields_and_closes_it_behind_the_block() -> None:
    with warehouse.open(url="file::memory:?a") as db:
        assert db.execute("select 1").fetchone() == (1,)
        assert said == ["open file::memory:?a"]
    assert said == ["open file::memory:?a", "close"]
    with pytest.raises(sqlite3.ProgrammingError):
        db.execute("select 1")


def test_open_opens_what_a_provider_needs_unless_it_is_given() -> None:
    with cursor.open(size=3):
        pass
    assert said == ["open :memory:", "cursor of 3", "commit", "close"]
    said.clear()
    with sqlite3.connect(":memory:") as db, cursor.open(db=db) as rows:
        assert rows.connection is db
    assert said == ["cursor of 1", "commit"]


def test_what_the_block_raises_is_raised_at_the_yield_and_in_the_caller() -> None:
    with pytest.raises(ValueError, match=r"^no$"), cursor.open():
        raise ValueError("no")
    assert said == ["open :memory:", "cursor of 1", "roll back for no", "close"]


@pytest.mark.parametrize("error", [StopIteration("end"), RuntimeError("run"), KeyError("key")])
def test_any_error_of_the_block_comes_out_as_it_is(error: Exception) -> None:
    with pytest.raises(type(error)) as caught, warehouse.open():
        raise error
    assert caught.value is error


def test_an_error_that_the_provider_takes_is_raised_all_the_same() -> None:
    """What closes something does not decide whether a step has failed."""

    @provider(scope="attempt")
    def lenient() -> Iterator[int]:
        try:
            yield 1
        except ValueError:
            said.append("taken")

    with pytest.raises(ValueError, match="no"), lenient.open():
        raise ValueError("no")
    assert said == ["taken"]


def test_an_async_provider_is_opened_by_async_with() -> None:
    async def use() -> str:
        async with client.open(greeting="hi") as value:
            return value

    assert asyncio.run(use()) == "hi"
    assert said == ["open client", "close client"]
    with pytest.raises(UsageError) as caught, client.open():
        pass
    assert str(caught.value) == (
        "the provider 'client' is async\nhelp: async with client.open(…) as value: …, in an async function"
    )


def test_a_step_that_is_called_as_a_plain_function_opens_its_providers_for_that_call() -> None:
    assert count([1, 2]) == 3  # type: ignore[call-arg]
    assert said == ["open :memory:", "close"]
    assert count(rows=[4]) == 4  # type: ignore[call-arg]


def test_one_call_opens_each_provider_once() -> None:
    assert both() is True  # type: ignore[call-arg]
    assert said == ["open :memory:", "cursor of 1", "commit", "close"]


def test_what_is_given_by_name_is_not_opened() -> None:
    with sqlite3.connect(":memory:") as db:
        assert count([1], db=db) == 1
        assert first.fn(db, 1) == "1m()"
    assert said == []


def test_positions_pass_over_what_providers_give() -> None:
    assert first(3) == "3m()"  # type: ignore[call-arg, arg-type]
    assert first(3, 4, 5, unit="s") == "3s(4, 5)"  # type: ignore[arg-type]


def test_too_many_arguments_by_position_are_told() -> None:
    with pytest.raises(UsageError) as caught:
        count([1], sqlite3.connect(":memory:"))
    assert str(caught.value) == (
        "'count' is given 2 arguments by position, but takes 1 beside what providers give\n"
        "help: give that by name: db=…"
    )


def test_an_async_step_opens_both_kinds_for_a_plain_call() -> None:
    assert asyncio.run(greet("Ann")) == "hello Ann"  # type: ignore[call-arg, arg-type]
    assert said == ["open client", "open :memory:", "close", "close client"]


def test_a_plain_step_can_not_use_an_async_provider() -> None:
    @step
    def ask(api: Annotated[str, client]) -> str:
        return api

    ask.fn.__annotations__["api"] = Annotated[str, client]
    with pytest.raises(UsageError, match="the provider 'client' is async"):
        ask()  # type: ignore[call-arg]


def test_a_replacement_is_what_steps_get_and_nothing_is_opened() -> None:
    with sqlite3.connect(":memory:") as other, warehouse.replaced_by(other):
        assert count([1]) == 1  # type: ignore[call-arg]
        with warehouse.open() as db:
            assert db is other
        with warehouse.replaced_by("inner"), warehouse.open() as inner:
            assert inner == "inner"  # type: ignore[comparison-overlap]
        assert warehouse.replacements == [other]
    assert said == []
    assert warehouse.replacements == []


def test_yielding_nothing_is_told() -> None:
    @provider
    def empty() -> Iterator[int]:
        if said:
            yield 1

    with pytest.raises(HooklineError) as caught, empty.open():
        pass
    assert str(caught.value) == "the provider 'empty' yields nothing\nhelp: yield what it opens, once"


def test_yielding_twice_is_told() -> None:
    @provider
    def many() -> Iterator[int]:
        try:
            yield 1
            yield 2
        finally:
            said.append("closed")

    with pytest.raises(HooklineError) as caught, many.open():
        pass
    assert str(caught.value) == (
        "the provider 'many' yields a second time\nhelp: yield once: what stands behind the yield closes what it opened"
    )
    assert said == ["closed"]


def test_an_async_provider_that_yields_nothing_or_twice_is_told() -> None:
    @provider
    async def empty() -> AsyncIterator[int]:
        if said:
            yield 1

    @provider
    async def many() -> AsyncIterator[int]:
        yield 1
        yield 2

    async def use(made: Provider[int]) -> None:
        async with made.open():
            pass

    with pytest.raises(HooklineError, match="the provider 'empty' yields nothing"):
        asyncio.run(use(empty))
    with pytest.raises(HooklineError, match="the provider 'many' yields a second time"):
        asyncio.run(use(many))


def test_a_provider_that_needs_itself_is_told_with_the_whole_path() -> None:
    @provider
    def one() -> Iterator[int]:
        yield 1

    @provider
    def two(x: Annotated[int, one]) -> Iterator[int]:
        yield x

    one.fn.__annotations__["x"] = Annotated[int, two]
    two.fn.__annotations__["x"] = Annotated[int, one]
    one.fn.__defaults__ = None

    def needs(each: Provider[Any]) -> dict[str, Provider[Any]]:
        return {"x": two if each is one else one}

    with pytest.raises(WorkflowError) as caught:
        in_order([one], needs)
    assert str(caught.value) == (
        "the provider 'one' needs itself: 'one' → 'two' → 'one'\nhelp: let one of them open what it needs by itself"
    )


def test_calling_a_provider_is_refused() -> None:
    with pytest.raises(UsageError) as caught:
        warehouse()
    assert "the provider 'warehouse' was called like a function (" in str(caught.value)
    assert str(caught.value).endswith("help: with warehouse.open(…) as value: …")
    with pytest.raises(UsageError, match=r"help: async with client\.open\(…\) as value: …"):
        client()


def test_a_provider_has_its_functions_name_and_text() -> None:
    assert (warehouse.name, warehouse.scope, warehouse.thread_safe) == ("warehouse", "worker", False)
    assert warehouse.__doc__ == "Open the warehouse."
    assert repr(warehouse) == "<provider warehouse>"


def test_a_provider_arrives_elsewhere_as_the_one_that_is_there() -> None:
    assert pickle.loads(pickle.dumps(warehouse)) is warehouse


def plain() -> int:
    return 1


def numbers() -> Iterator[int]:
    yield 1


def with_rest(*rest: int) -> Iterator[int]:
    yield 1


def with_options(**options: int) -> Iterator[int]:
    yield 1


async def in_loop() -> AsyncIterator[int]:
    yield 1


BAD: list[tuple[Any, dict[str, Any], str, str]] = [
    (plain, {}, "the provider 'plain' is no generator function (", "yield what it opens, once; what stands behind"),
    (with_rest, {}, "the provider 'with_rest' can't be given '*rest: 'int'' by name (", "give each a name"),
    (with_options, {}, "the provider 'with_options' can't be given '**options: 'int'' by name (", "give each a name"),
    (3, {}, "@provider can't decorate 3; it takes a generator function (", "decorate a plain function"),
    ("db", {}, "@provider can't decorate 'db'; it takes", "write @provider(name='db')"),
    (numbers, {"scope": "atempt"}, "has the scope 'atempt'; did you mean 'attempt'?", "its scope is 'worker' or"),
    (numbers, {"scope": 3}, "the provider 'numbers' has the scope 3", "its scope is 'worker' or 'attempt'"),
    (
        numbers,
        {"scope": "attempt", "thread_safe": True},
        "the provider 'numbers' has thread_safe=True, but is opened for each attempt",
        "leave thread_safe out, or the scope",
    ),
    (
        in_loop,
        {"thread_safe": True},
        "the provider 'in_loop' has thread_safe=True, but is async: each event loop opens its own",
        "leave thread_safe out",
    ),
    (numbers, {"name": "a/b"}, "the provider name 'a/b' can't be used", "letters, digits"),
]


@pytest.mark.parametrize(("decorated", "options", "fact", "remedy"), BAD)
def test_what_can_not_be_a_provider_is_refused(decorated: Any, options: dict[str, Any], fact: str, remedy: str) -> None:
    """Where it is decorated, with what would be right."""
    with pytest.raises(WorkflowError) as caught:
        provider(**options)(decorated) if options else provider(decorated)
    message, _, told = str(caught.value).partition("\nhelp: ")
    assert fact in message
    assert remedy in told


def test_annotations_that_do_not_resolve_yet_are_looked_at_again() -> None:
    """A step that is called while its module is being imported does not lose its providers."""

    def late(db: Annotated[int, "x"]) -> int:
        return db

    late.__annotations__["db"] = "Annotated[int, not_there_yet]"
    assert providers_of(late) == {}
    globals()["not_there_yet"] = warehouse
    try:
        assert providers_of(late) == {"db": warehouse}
    finally:
        del globals()["not_there_yet"]


@given(st.lists(st.lists(st.integers(0, 9), max_size=4), min_size=1, max_size=10))
def test_each_provider_stands_once_behind_all_that_it_needs(drawn: list[list[int]]) -> None:
    """Whatever needs what, as long as nothing needs itself."""

    def function() -> Iterator[int]:
        yield 1

    made = [Provider(function, f"p{at}", "worker", False) for at in range(len(drawn))]
    needs = {each: [made[at] for at in drawn[number] if at < number] for number, each in enumerate(made)}
    order = in_order(reversed(made), lambda each: {str(at): other for at, other in enumerate(needs[each])})
    assert sorted(each.name for each in order) == sorted(each.name for each in made)
    assert all(order.index(other) < order.index(each) for each in made for other in needs[each])
