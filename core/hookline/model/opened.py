"""What providers have opened: one generator's value until its end, and all that one call needs together."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncGenerator, Callable, Generator, Iterable, Mapping
from types import TracebackType
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from hookline.errors import HooklineError, UsageError, WorkflowError

if TYPE_CHECKING:
    from hookline.model.provider import Provider

__all__ = ["Opened", "Opening", "Openings", "in_order"]

T = TypeVar("T")

Needs = Callable[["Provider[Any]"], Mapping[str, "Provider[Any]"]]


class Opened:
    """What one provider opened.

    Args:
        provider: The provider.
        arguments: All arguments of its function that have no default.

    Attributes:
        value: What it yielded.
    """

    __slots__ = ("_generator", "provider", "value")

    def __init__(self, provider: Provider[Any], arguments: Mapping[str, Any]) -> None:
        self.provider = provider
        self.value: Any = None
        self._generator: Any = provider.fn(**arguments)

    def begin(self) -> Any:
        """Open it, where it is not async.

        Raises:
            HooklineError: It yields nothing.
            Exception: Whatever its function raises.
        """
        generator: Generator[Any, None, None] = self._generator
        try:
            self.value = next(generator)
        except StopIteration:
            raise _yields_nothing(self.provider) from None
        return self.value

    def end(self, error: BaseException | None = None) -> None:
        """Close it, where it is not async.

        Args:
            error: What is raised at its ``yield``; it is raised further by whoever has it.

        Raises:
            HooklineError: It yields a second time.
            Exception: Whatever else its function raises.
        """
        generator: Generator[Any, None, None] = self._generator
        with _passing(error, StopIteration):
            if error is None:
                next(generator)
            else:
                generator.throw(error)
            generator.close()
            raise _yields_twice(self.provider)

    async def begin_in_loop(self) -> Any:
        """Open it, also where it is async."""
        if not self.provider.concurrent:
            return self.begin()
        generator: AsyncGenerator[Any, None] = self._generator
        try:
            self.value = await anext(generator)
        except StopAsyncIteration:
            raise _yields_nothing(self.provider) from None
        return self.value

    async def end_in_loop(self, error: BaseException | None = None) -> None:
        """Close it, also where it is async."""
        if not self.provider.concurrent:
            self.end(error)
            return
        generator: AsyncGenerator[Any, None] = self._generator
        with _passing(error, StopAsyncIteration):
            if error is None:
                await anext(generator)
            else:
                await generator.athrow(error)
            await generator.aclose()
            raise _yields_twice(self.provider)


class Openings:
    """Opens several providers for one call, each with what it needs, and closes all of them behind it.

    Args:
        asked: The providers.
        arguments: By provider, what its function is given; the rest takes its defaults.
    """

    def __init__(
        self,
        asked: Iterable[Provider[Any]],
        arguments: Mapping[Provider[Any], Mapping[str, Any]] | None = None,
    ) -> None:
        self._asked = list(asked)
        self._arguments = arguments or {}
        self._stack = contextlib.ExitStack()
        self._stack_in_loop = contextlib.AsyncExitStack()

    def __enter__(self) -> dict[Provider[Any], Any]:
        values: dict[Provider[Any], Any] = {}
        with contextlib.ExitStack() as stack:
            for provider in in_order(self._asked, self._needs):
                if provider.replacements:
                    values[provider] = provider.replacements[-1]
                    continue
                if provider.concurrent:
                    raise UsageError(
                        f"the provider '{provider.name}' is async",
                        help=f"async with {provider.name}.open(…) as value: …, in an async function",
                    )
                opened = self._made(provider, values)
                values[provider] = opened.begin()
                stack.push(lambda _, error, __, opened=opened: opened.end(_of_attempt(opened, error)))
            self._stack = stack.pop_all()
        return values

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stack.__exit__(kind, error, trace)

    async def __aenter__(self) -> dict[Provider[Any], Any]:
        values: dict[Provider[Any], Any] = {}
        async with contextlib.AsyncExitStack() as stack:
            for provider in in_order(self._asked, self._needs):
                if provider.replacements:
                    values[provider] = provider.replacements[-1]
                    continue
                opened = self._made(provider, values)
                values[provider] = await opened.begin_in_loop()
                stack.push_async_exit(
                    lambda _, error, __, opened=opened: opened.end_in_loop(_of_attempt(opened, error))
                )
            self._stack_in_loop = stack.pop_all()
        return values

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._stack_in_loop.__aexit__(kind, error, trace)

    def _needs(self, provider: Provider[Any]) -> Mapping[str, Provider[Any]]:
        given = self._arguments.get(provider, {})
        needed = {} if provider.replacements else provider.needs()
        return {name: other for name, other in needed.items() if name not in given}

    def _made(self, provider: Provider[Any], values: Mapping[Provider[Any], Any]) -> Opened:
        needed = {name: values[other] for name, other in self._needs(provider).items()}
        return Opened(provider, {**needed, **self._arguments.get(provider, {})})


class Opening(Generic[T]):
    """Opens one provider outside of a run, at ``with`` or ``async with``.

    Args:
        provider: The provider.
        arguments: What its function is given.
    """

    def __init__(self, provider: Provider[T], arguments: Mapping[str, Any]) -> None:
        self._provider = provider
        self._openings = Openings([provider], {provider: arguments})

    def __enter__(self) -> T:
        value: T = self._openings.__enter__()[self._provider]
        return value

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._openings.__exit__(kind, error, trace)

    async def __aenter__(self) -> T:
        value: T = (await self._openings.__aenter__())[self._provider]
        return value

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._openings.__aexit__(kind, error, trace)


def in_order(asked: Iterable[Provider[Any]], needs: Needs = lambda provider: provider.needs()) -> list[Provider[Any]]:
    """List providers with all that they need in turn, each behind what it needs.

    Args:
        asked: The providers that a step asks for.
        needs: Gives the providers that one needs.

    Returns:
        Each once.

    Raises:
        WorkflowError: One of them needs itself.
    """
    found: dict[Provider[Any], None] = {}

    def add(each: Provider[Any], path: tuple[Provider[Any], ...]) -> None:
        if each in path:
            names = " → ".join(f"'{other.name}'" for other in (*path[path.index(each) :], each))
            raise WorkflowError(
                f"the provider '{each.name}' needs itself: {names}",
                help="let one of them open what it needs by itself",
            )
        if each not in found:
            for other in needs(each).values():
                add(other, (*path, each))
            found[each] = None

    for each in asked:
        add(each, ())
    return list(found)


@contextlib.contextmanager
def _passing(error: BaseException | None, end: type[Exception]) -> Generator[None, None, None]:
    """Let a generator end, or hand on the error that it was given: whoever has that raises it."""
    trace = None if error is None else error.__traceback__
    try:
        yield
    except end:
        pass
    except BaseException as raised:
        # A StopIteration that is raised in a generator comes out of it as the cause of a RuntimeError.
        if error is None or not (raised is error or (type(raised) is RuntimeError and raised.__cause__ is error)):
            raise
    if error is not None:
        error.__traceback__ = trace


def _of_attempt(opened: Opened, error: BaseException | None) -> BaseException | None:
    """As in a run: what is kept for a worker never learns how an attempt ended."""
    return error if opened.provider.scope == "attempt" else None


def _yields_nothing(provider: Provider[Any]) -> HooklineError:
    return HooklineError(f"the provider '{provider.name}' yields nothing", help="yield what it opens, once")


def _yields_twice(provider: Provider[Any]) -> HooklineError:
    return HooklineError(
        f"the provider '{provider.name}' yields a second time",
        help="yield once: what stands behind the yield closes what it opened",
    )
