"""What providers open in a worker: when an attempt first needs it, and until its worker, or the attempt, ends."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import pickle
import threading
from collections.abc import Callable, Coroutine, Iterator, Mapping
from typing import Any

from hookline.errors import ProviderError
from hookline.model.opened import Opened
from hookline.model.provider import Provider, providers_of
from hookline.model.raised import text_of
from hookline.values.encode import decode

__all__ = ["ForAttempts", "Providers"]

_log = logging.getLogger("hookline.providers")

Arguments = dict[str, Any]


class Providers:
    """What providers have opened for the workers of one process, and what they share."""

    def __init__(self) -> None:
        self._here = _Here()
        self._shared: dict[str, Opened] = {}
        self._opening: dict[str, threading.Lock] = {}
        self._lock = threading.Lock()

    def of_worker(self, provider: Provider[Any], make: Callable[[], Opened]) -> Any:
        """Give what a provider opened for this thread, or for all of them; it is opened first if need be.

        Args:
            provider: One that is not async.
            make: Opens it.
        """
        if not provider.thread_safe:
            opened = self._here.opened.get(provider.name)
            if opened is None:
                opened = make()
                self._here.opened[provider.name] = opened
            return opened.value
        opened = self._shared.get(provider.name)
        if opened is None:
            with self._lock:
                opening = self._opening.setdefault(provider.name, threading.Lock())
            with opening:
                opened = self._shared.get(provider.name)
                if opened is None:
                    opened = make()
                    self._shared[provider.name] = opened
        return opened.value

    async def of_loop(self, provider: Provider[Any], make: Callable[[], Coroutine[Any, Any, Opened]]) -> Any:
        """Give what an async provider opened for this event loop; it is opened first if need be.

        Args:
            provider: An async one.
            make: Opens it.
        """
        opened = self._here.opened.get(provider.name)
        if opened is None:
            async with self._here.opening.setdefault(provider.name, asyncio.Lock()):
                opened = self._here.opened.get(provider.name)
                if opened is None:
                    opened = await make()
                    self._here.opened[provider.name] = opened
        return opened.value

    def leave(self) -> None:
        """Close what was opened for this thread, the last first."""
        _close_all(self._here.opened)

    async def leave_loop(self) -> None:
        """Close what was opened for this event loop, the last first."""
        opened = self._here.opened
        while opened:
            _, last = opened.popitem()
            try:
                await last.end_in_loop()
            except (Exception, SystemExit, asyncio.CancelledError) as error:  # noqa: BLE001 - the user's code
                _report(last.provider, error)

    def close(self) -> None:
        """Close what this thread has, and what all shared: nobody makes attempts any more."""
        self.leave()
        _close_all(self._shared)


class ForAttempts:
    """Calls a step's function with what its providers open; made once per work.

    Args:
        step: The step's name.
        asked: Its providers, by parameter name.
        arguments: What they are given, packed by the engine.
        providers: What this process has opened.
        call: Calls the function with arguments by name.
    """

    def __init__(
        self,
        step: str,
        asked: Mapping[str, Provider[Any]],
        arguments: bytes,
        providers: Providers,
        call: Callable[[Arguments], Any],
    ) -> None:
        self._step = step
        self._asked = asked
        self._arguments: Mapping[str, Arguments] = _unpacked(arguments)
        self._providers = providers
        self._call = call

    def call(self, arguments: Arguments) -> Any:
        """Call the function of a step that is not async."""
        with contextlib.ExitStack() as attempt:
            known: dict[str, Any] = {}
            for name, provider in self._asked.items():
                arguments[name] = self._value(provider, attempt, known)
            return self._call(arguments)

    async def call_in_loop(self, arguments: Arguments) -> Any:
        """Call the function of an async step."""
        async with contextlib.AsyncExitStack() as attempt:
            known: dict[str, Any] = {}
            for name, provider in self._asked.items():
                arguments[name] = await self._value_in_loop(provider, attempt, known)
            return await self._call(arguments)

    def _value(self, provider: Provider[Any], attempt: contextlib.ExitStack, known: dict[str, Any]) -> Any:
        """Give what a provider opened.

        Args:
            provider: The provider.
            attempt: Closes what is opened for this attempt alone.
            known: What was opened for this attempt, by provider.
        """
        if provider.replacements:
            return provider.replacements[-1]
        if provider.name in known:
            return known[provider.name]

        def make() -> Opened:
            needed = {name: self._value(other, attempt, known) for name, other in providers_of(provider.fn).items()}
            with _opening(provider, self._step):
                opened = Opened(provider, {**needed, **self._arguments.get(provider.name, {})})
                opened.begin()
            return opened

        if provider.scope == "worker":
            return self._providers.of_worker(provider, make)
        opened = make()

        def end(_: object, error: BaseException | None, __: object) -> None:
            with _closing(provider, self._step, error):
                opened.end(error)

        attempt.push(end)
        known[provider.name] = opened.value
        return opened.value

    async def _value_in_loop(
        self, provider: Provider[Any], attempt: contextlib.AsyncExitStack, known: dict[str, Any]
    ) -> Any:
        """Give what a provider opened, also if it is async; as for the others."""
        if provider.replacements:
            return provider.replacements[-1]
        if provider.name in known:
            return known[provider.name]
        if not provider.concurrent and provider.scope == "worker":
            # All that it needs is as it is: nothing is awaited, and no other attempt comes between.
            with contextlib.ExitStack() as none:
                return self._value(provider, none, {})

        async def make() -> Opened:
            asked = providers_of(provider.fn)
            needed = {name: await self._value_in_loop(other, attempt, known) for name, other in asked.items()}
            with _opening(provider, self._step):
                opened = Opened(provider, {**needed, **self._arguments.get(provider.name, {})})
                await opened.begin_in_loop()
            return opened

        if provider.scope == "worker":
            return await self._providers.of_loop(provider, make)
        opened = await make()

        async def end(_: object, error: BaseException | None, __: object) -> None:
            with _closing(provider, self._step, error):
                await opened.end_in_loop(error)

        attempt.push_async_exit(end)
        known[provider.name] = opened.value
        return opened.value


def _unpacked(arguments: bytes) -> Mapping[str, Arguments]:
    packed: Mapping[str, Mapping[str, bytes]] = pickle.loads(arguments) if arguments else {}
    return {provider: {name: decode(data) for name, data in given.items()} for provider, given in packed.items()}


class _Here(threading.local):
    """What a thread has, in the order of opening."""

    def __init__(self) -> None:
        self.opened: dict[str, Opened] = {}
        self.opening: dict[str, asyncio.Lock] = {}


def _close_all(opened: dict[str, Opened]) -> None:
    while opened:
        _, last = opened.popitem()
        try:
            last.end()
        except (Exception, SystemExit) as error:  # noqa: BLE001 - the user's code may raise anything
            _report(last.provider, error)


@contextlib.contextmanager
def _opening(provider: Provider[Any], step: str) -> Iterator[None]:
    try:
        yield
    except (Exception, SystemExit) as error:
        raise ProviderError(provider.name, step, "opened", error) from error


@contextlib.contextmanager
def _closing(provider: Provider[Any], step: str, failure: BaseException | None) -> Iterator[None]:
    """Let an attempt fail for what can't be closed, such as a transaction, unless it has failed already."""
    try:
        yield
    except (Exception, SystemExit) as error:
        if failure is None:
            raise ProviderError(provider.name, step, "closed", error) from error
        _report(provider, error)


def _report(provider: Provider[Any], error: BaseException) -> None:
    told = text_of(error) or type(error).__name__
    _log.warning("the provider '%s' could not be closed: %s", provider.name, told)
