"""Parameters that providers fill: calls leave them out, and what can't work is told before anything runs."""

from __future__ import annotations

import sqlite3
from collections.abc import AsyncIterator, Generator, Iterator
from typing import Annotated, Any

import pytest

from hookline.errors import WorkflowError
from hookline.graph.build import build_graph
from hookline.graph.check import check_graph
from hookline.graph.parameters import describe_parameters, parse_parameters
from hookline.model.graph import Constant
from hookline.model.provider import Provider, provider
from hookline.model.step import step
from hookline.model.workflow import workflow


@provider
def warehouse(url: str = "") -> Iterator[sqlite3.Connection]:
    yield sqlite3.connect(url)


@provider(scope="attempt")
def transaction(db: Annotated[sqlite3.Connection, warehouse]) -> Iterator[sqlite3.Connection]:
    yield db


@provider
async def client() -> AsyncIterator[str]:
    yield "client"


@provider
def long_lived(db: Annotated[sqlite3.Connection, transaction]) -> Iterator[int]:
    yield 1


@provider(thread_safe=True)
def pool(db: Annotated[sqlite3.Connection, warehouse]) -> Iterator[int]:
    yield 1


@provider
def waits_for_client(api: Annotated[str, client]) -> Iterator[int]:
    yield 1


@provider
def takes_other(db: Annotated[int, warehouse]) -> Generator[int, None, None]:
    yield 1


@step
def load(db: Annotated[sqlite3.Connection, warehouse], rows: int, scale: int = 1) -> int:
    return rows


@step
def everything(db: Annotated[sqlite3.Connection, warehouse], **rest: int) -> int:
    return 1


def problems(body: Any) -> list[str]:
    @workflow(name="flow")
    def flow() -> Any:
        return body()

    with pytest.raises(WorkflowError) as caught:
        build_graph(flow, {})
    return [text.partition(") ")[2] for text in caught.value.problems]


def test_calls_leave_out_what_providers_give() -> None:
    """By position, by name and mapped."""

    @workflow
    def flow() -> Any:
        return load(1), load(rows=2, scale=3), load.map(rows=[4, 5])  # type: ignore[call-arg, arg-type]

    graph = build_graph(flow, {})
    check_graph(graph)
    assert [dict(task.bindings) for task in graph.tasks] == [
        {"rows": Constant(1)},
        {"rows": Constant(2), "scale": Constant(3)},
        {"rows": Constant([4, 5])},
    ]


@pytest.mark.parametrize("call", [load, everything])
def test_giving_what_a_provider_opens_is_a_problem(call: Any) -> None:
    """Also where the step would take any name."""
    fault = "is given 'db', which the provider 'warehouse' opens; leave it out"
    assert problems(lambda: call(db=1, rows=2)) == [fault]
    assert problems(lambda: call.partial(rows=2).map(db=[1])) == [fault]


def test_what_is_missing_and_misspelt_does_not_name_what_providers_give() -> None:
    assert problems(lambda: load()) == ["lacks the argument 'rows'"]  # type: ignore[call-arg]
    assert problems(lambda: load(1, what=2)) == [  # type: ignore[call-arg, arg-type]
        "has no parameter 'what'; it takes rows, scale"
    ]


def test_passing_the_provider_itself_is_a_problem() -> None:
    assert problems(lambda: load(warehouse)) == [  # type: ignore[call-arg, arg-type]
        (
            "can't take 'rows', which is <provider warehouse> itself; let the step ask for what it opens: "
            "Annotated[…, warehouse]"
        )
    ]


def asking(annotation: Any) -> Any:
    def ask(x: int) -> int:
        return x

    ask.__annotations__ = {"x": annotation, "return": int}
    return step(ask)


FAULTS: list[tuple[Any, Provider[Any], str]] = [
    (
        str,
        client,
        (
            "takes 'x' from the provider 'client', which is async; make the step async def, or the provider a plain "
            "generator"
        ),
    ),
    (int, warehouse, "takes int as 'x', but the provider 'warehouse' yields Connection"),
    (
        int,
        long_lived,
        (
            "takes 'x' from the provider 'long_lived': the provider 'long_lived' outlives 'transaction', which it "
            "needs; give both the same scope"
        ),
    ),
    (
        int,
        pool,
        (
            "takes 'x' from the provider 'pool': the provider 'pool' is thread_safe, but needs 'warehouse', which each "
            "thread opens for itself"
        ),
    ),
    (
        int,
        waits_for_client,
        (
            "takes 'x' from the provider 'waits_for_client': the provider 'waits_for_client' needs 'client', which is "
            "async; make it async def, too"
        ),
    ),
    (
        int,
        takes_other,
        (
            "takes 'x' from the provider 'takes_other': the provider 'takes_other' takes int as 'db', but the provider "
            "'warehouse' yields Connection"
        ),
    ),
]


@pytest.mark.parametrize(("kind", "asked", "fault"), FAULTS)
def test_providers_that_can_not_be_opened_for_a_step_are_a_problem(kind: Any, asked: Provider[Any], fault: str) -> None:
    """Of the first task of the step only."""
    ask = asking(Annotated[kind, asked])
    assert problems(lambda: (ask(), ask())) == [fault]


def test_providers_that_need_each_other_are_a_problem() -> None:
    def one(x: int) -> Iterator[int]:
        yield 1

    def two(x: int) -> Iterator[int]:
        yield 1

    first, second = provider(one), provider(two)
    one.__annotations__["x"] = Annotated[int, second]
    two.__annotations__["x"] = Annotated[int, first]
    ask = asking(Annotated[int, first])
    assert problems(lambda: ask()) == [
        "takes 'x' from the provider 'one': the provider 'one' needs itself: 'one' → 'two' → 'one'"
    ]


def test_a_workflow_can_not_take_what_a_provider_opens() -> None:
    @workflow(name="flow")
    def flow(n: int, db: Annotated[sqlite3.Connection, warehouse]) -> None: ...

    with pytest.raises(WorkflowError) as caught:
        parse_parameters(flow, {"n": 1}, text=False)
    assert str(caught.value) == (
        "the workflow 'flow' takes 'db' from the provider 'warehouse'\n"
        "help: only steps get what providers open: move the parameter to the step that uses it"
    )
    assert [doc.name for doc in describe_parameters(flow)] == ["n"]
