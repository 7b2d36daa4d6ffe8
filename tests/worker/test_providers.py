"""What providers open in a worker: for a thread, for all of them, for an event loop; and how it is closed."""

from __future__ import annotations

import asyncio
import logging
import threading
from collections.abc import AsyncIterator, Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Annotated, Any

import pytest

from hookline.errors import ProviderError
from hookline.model.provider import Provider, provider, providers_of
from hookline.worker.failures import failure_of
from hookline.worker.providers import ForAttempts, Providers

said: list[str] = []


@pytest.fixture(autouse=True)
def silence() -> None:
    said.clear()


@provider
def own() -> Iterator[object]:
    said.append("open own")
    yield object()
    said.append("close own")


@provider(thread_safe=True)
def shared() -> Iterator[object]:
    said.append("open shared")
    yield object()
    said.append("close shared")


@provider
def upon(base: Annotated[object, shared]) -> Iterator[object]:
    said.append("open upon")
    yield base
    said.append("close upon")


@provider(scope="attempt")
def each(base: Annotated[object, own]) -> Iterator[object]:
    said.append("open each")
    try:
        yield object()
    except KeyError:
        said.append("roll back")
        raise
    said.append("close each")


@provider
async def client() -> AsyncIterator[object]:
    said.append("open client")
    await asyncio.sleep(0)
    yield object()
    await asyncio.sleep(0)
    said.append("close client")


@provider
def unwilling() -> Iterator[int]:
    yield 1
    raise OSError("stays open")


def caller(providers: Providers, function: Callable[..., Any], **asked: Provider[Any]) -> ForAttempts:
    return ForAttempts("work", asked, b"", providers, lambda arguments: function(**arguments))


def test_a_thread_opens_once_and_closes_in_reverse_what_it_opened() -> None:
    providers = Providers()
    made = caller(providers, lambda a, b: (a, b), a=own, b=upon)
    assert made.call({}) == made.call({})
    assert said == ["open own", "open shared", "open upon"]
    providers.leave()
    assert said[3:] == ["close upon", "close own"]
    providers.close()
    assert said[5:] == ["close shared"]


def test_threads_have_their_own_unless_it_is_thread_safe() -> None:
    """Both threads ask at the same time; what is shared is opened by one of them while the other waits."""
    providers = Providers()
    made = caller(providers, lambda a, b: (a, b), a=own, b=shared)
    at_once = threading.Barrier(2)

    def work() -> Any:
        at_once.wait()
        try:
            return made.call({})
        finally:
            providers.leave()

    with ThreadPoolExecutor(2) as threads:
        (one, same), (other, again) = [future.result() for future in [threads.submit(work), threads.submit(work)]]
    providers.close()
    assert one is not other
    assert same is again
    assert [said.count(text) for text in ("open own", "close own", "open shared", "close shared")] == [2, 2, 1, 1]


def test_what_an_attempt_has_to_itself_is_opened_for_each_and_shared_within_one() -> None:
    providers = Providers()
    made = caller(providers, lambda a, b: a is b, a=each, b=each)
    assert made.call({}) is made.call({}) is True
    assert said == ["open own", "open each", "close each", "open each", "close each"]


def test_what_an_attempt_raises_is_raised_at_the_yield_of_what_it_had_to_itself() -> None:
    providers = Providers()
    with pytest.raises(KeyError):
        caller(providers, lambda a: {}[a], a=each).call({})
    providers.close()
    assert said == ["open own", "open each", "roll back", "close own"]


def test_what_can_not_be_closed_is_logged_and_the_rest_is_closed(caplog: pytest.LogCaptureFixture) -> None:
    providers = Providers()
    caller(providers, lambda a, b: None, a=own, b=unwilling).call({})
    with caplog.at_level(logging.WARNING, "hookline.providers"):
        providers.close()
    assert [record.message for record in caplog.records] == ["the provider 'unwilling' could not be closed: stays open"]
    assert said == ["open own", "close own"]


def test_an_attempt_fails_for_what_it_could_not_close() -> None:
    """A transaction that could not be committed is no success."""

    @provider(scope="attempt")
    def transaction() -> Iterator[int]:
        yield 1
        raise OSError("disk full")

    with pytest.raises(ProviderError) as caught:
        caller(Providers(), lambda a: a, a=transaction).call({})
    assert str(caught.value) == "the provider 'transaction' could not be closed for the step 'work': disk full"


def test_a_failed_attempt_keeps_its_own_error(caplog: pytest.LogCaptureFixture) -> None:
    @provider(scope="attempt")
    def transaction() -> Iterator[int]:
        try:
            yield 1
        finally:
            raise OSError("disk full")

    def fail(a: int) -> None:
        raise KeyError(a)

    with caplog.at_level(logging.WARNING, "hookline.providers"), pytest.raises(KeyError):
        caller(Providers(), fail, a=transaction).call({})
    assert [record.message for record in caplog.records] == [
        "the provider 'transaction' could not be closed: disk full"
    ]


def test_what_can_not_be_opened_fails_the_attempt_as_what_it_raised() -> None:
    """So that retry_on can name it; the next attempt tries again."""
    tries: list[int] = []

    @provider
    def flaky() -> Iterator[int]:
        tries.append(1)
        if len(tries) == 1:
            raise ConnectionError("refused")
        yield len(tries)

    made = caller(Providers(), lambda a: a, a=flaky)
    with pytest.raises(ProviderError) as caught:
        made.call({})
    failure = failure_of(caught.value, (OSError,))
    assert (failure.type, failure.retryable) == ("ConnectionError", True)
    assert failure.message == "the provider 'flaky' could not be opened for the step 'work': refused"
    assert "in flaky: raise ConnectionError" in failure.frame
    assert not failure_of(caught.value, (KeyError,)).retryable
    assert made.call({}) == 2


def test_a_provider_that_yields_nothing_is_told_with_its_step() -> None:
    @provider
    def empty() -> Iterator[int]:
        if said:
            yield 1

    with pytest.raises(ProviderError) as caught:
        caller(Providers(), lambda a: a, a=empty).call({})
    assert str(caught.value) == (
        "the provider 'empty' could not be opened for the step 'work': it yields nothing\n"
        "help: yield what it opens, once"
    )


def test_a_loop_opens_once_whoever_asks_first_and_closes_in_reverse() -> None:
    """Attempts that go on side by side wait for the one that opens it."""
    providers = Providers()

    async def return_them(a: object, b: object) -> tuple[object, object]:
        return a, b

    made = caller(providers, return_them, a=own, b=client)

    async def attempts() -> list[Any]:
        found = await asyncio.gather(*[made.call_in_loop({}) for _ in range(5)])
        await providers.leave_loop()
        return found

    assert len(set(asyncio.run(attempts()))) == 1
    assert said == ["open own", "open client", "close client", "close own"]


def test_async_attempts_have_what_is_their_own() -> None:
    providers = Providers()

    async def fail(a: object) -> None:
        raise KeyError(a)

    async def attempt() -> None:
        with pytest.raises(KeyError):
            await caller(providers, fail, a=each).call_in_loop({})
        await providers.leave_loop()

    asyncio.run(attempt())
    assert said == ["open own", "open each", "roll back", "close own"]


def test_a_replacement_is_given_and_nothing_is_opened() -> None:
    with upon.replaced_by(7):
        assert caller(Providers(), lambda a: a, a=upon).call({}) == 7
    assert said == []
    assert providers_of(upon.fn) == {"base": shared}
