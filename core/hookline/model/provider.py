"""Providers: generator functions that open what a step needs and nobody can pass: a connection, a client, a model.

A step asks for one in the annotation of a parameter, which its calls leave out.
"""

from __future__ import annotations

import contextlib
import functools
import importlib
import inspect
import sys
import types
import typing
import weakref
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, Generic, Literal, NoReturn, Protocol, TypeVar, cast, overload

from hookline.errors import UsageError, WorkflowError, close_match
from hookline.model.names import check_name
from hookline.model.opened import Opening
from hookline.model.parameter import Signature, raw_signature, resolved_hints
from hookline.model.place import calling_place

__all__ = ["Provider", "provider", "providers_in", "providers_of"]

T = TypeVar("T")
Scope = Literal["worker", "attempt"]

_FOR_GOOD = -1
_SCOPES = ("worker", "attempt")
_STARS = (inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD)


class Provider(Generic[T]):
    """A generator function that opens something for steps, and closes it. Made by :func:`provider`.

    Attributes:
        fn: The generator function.
        name: What the project's settings call it.
        scope: For how long what it opened is kept: as long as the worker, or as long as the attempt.
        thread_safe: Whether all threads of a process may share what it opened.
        concurrent: Whether it is async, so that async steps alone can use it.
    """

    def __init__(self, fn: Callable[..., Any], name: str, scope: Scope, thread_safe: bool) -> None:
        functools.update_wrapper(self, fn)
        self.fn = fn
        self.name = name
        self.scope = scope
        self.thread_safe = thread_safe
        self.concurrent = inspect.isasyncgenfunction(fn)
        self._replacements: list[Any] = []

    def __call__(self, *_: object, **__: object) -> NoReturn:
        """Refuse to be called like the function that it was.

        Raises:
            UsageError: Always.
        """
        raise UsageError(
            f"the provider '{self.name}' was called like a function ({calling_place()})",
            help=f"{'async ' if self.concurrent else ''}with {self.name}.open(…) as value: …",
        )

    def open(self, /, **arguments: Any) -> Opening[T]:
        """Open it outside of a run: ``with warehouse.open(url=…) as db``, or ``async with`` where it is async.

        Args:
            **arguments: Arguments of its function; what is left out takes its default, also where the project's
                settings have something else.

        Returns:
            What opens it at ``with``, and closes it behind.
        """
        return Opening(self, arguments)

    @property
    def default(self) -> T:
        """A default for parameters that it fills, so that type checkers let calls leave them out; it is never used."""
        return cast("T", ...)

    def needs(self) -> Mapping[str, Provider[Any]]:
        """Give the providers whose values its own function asks for, by parameter name."""
        return providers_of(self.fn)

    @contextlib.contextmanager
    def replaced_by(self, value: Any) -> Iterator[None]:
        """Let steps get another value while they are tested: nothing is opened.

        It holds in this process only, so runs in which it holds need the executor ``inline`` or ``threads``. Results
        that were made with it are not reused.

        Args:
            value: What steps get.
        """
        self._replacements.append(value)
        try:
            yield
        finally:
            self._replacements.pop()

    @property
    def replacements(self) -> list[Any]:
        """Values that steps get at present in place of what it would open; the last one counts."""
        return self._replacements

    def __repr__(self) -> str:
        return f"<provider {self.name}>"

    def __reduce__(self) -> tuple[Any, ...]:
        if _found_by_name(self):
            # By name, so that it arrives on a worker as that worker's own object of the module.
            return _find_provider, (self.fn.__module__, self.fn.__qualname__)
        return object.__new__, (Provider,), {**self.__dict__, "_replacements": []}


class _Decorator(Protocol):
    """What ``@provider(…)`` gives."""

    @overload
    def __call__(self, fn: Callable[..., AsyncIterator[T]], /) -> Provider[T]: ...
    @overload
    def __call__(self, fn: Callable[..., Iterator[T]], /) -> Provider[T]: ...


@overload
def provider(fn: Callable[..., AsyncIterator[T]], /) -> Provider[T]: ...
@overload
def provider(fn: Callable[..., Iterator[T]], /) -> Provider[T]: ...
@overload
def provider(*, scope: Scope = ..., thread_safe: bool = ..., name: str = ...) -> _Decorator: ...


def provider(
    fn: Callable[..., Any] | None = None,
    /,
    *,
    scope: Scope = "worker",
    thread_safe: bool = False,
    name: str = "",
) -> Any:
    """Make a generator function a provider: it opens something, yields it once, and closes it.

    A step asks for what it yields with ``db: Annotated[Connection, warehouse]``. It is opened in the worker that needs
    it, when it is first needed. The function's code, and its arguments that are no secrets, count as the step's do.

    Args:
        fn: The function, when the decorator is used without arguments.
        scope: ``"worker"``: opened once in each worker, and closed with it; ``"attempt"``: opened for each attempt, and
            closed at its end, when what an attempt raised is raised at the ``yield``.
        thread_safe: Whether the threads of a process share one; otherwise each has its own.
        name: What the table of its arguments is called, ``[tool.hookline.provider.NAME]``; the function's name by
            default.

    Returns:
        The provider, or a decorator that makes one.

    Raises:
        WorkflowError: What is decorated is no generator function, or an option is wrong.
    """

    def decorate(function: Callable[..., Any]) -> Provider[Any]:
        given: object = function
        if not isinstance(given, types.FunctionType):
            raise WorkflowError(
                f"@provider can't decorate {given!r}; it takes a generator function ({calling_place()})",
                help=f"write @provider(name={given!r})" if isinstance(given, str) else "decorate a plain function",
            )
        chosen = name or function.__name__
        check_name(chosen, "provider")
        _check_function(function, chosen)
        made: Provider[Any] = Provider(function, chosen, scope, thread_safe)
        _check_options(made)
        return made

    return decorate if fn is None else decorate(fn)


def providers_in(signature: Signature) -> dict[str, Provider[Any]]:
    """Give the providers that a function asks for, by parameter name."""
    return _asked({name: each.annotation for name, each in signature.parameters.items() if each.kind not in _STARS})


_known: weakref.WeakKeyDictionary[Callable[..., Any], tuple[int, Mapping[str, Provider[Any]]]] = (
    weakref.WeakKeyDictionary()
)


def providers_of(function: Callable[..., Any]) -> Mapping[str, Provider[Any]]:
    """Give the providers that a function asks for, by parameter name; also while its module is being imported.

    Args:
        function: A plain Python function.

    Returns:
        They are looked for again as long as annotations do not resolve and its module gets further names.
    """
    known = _known.get(function)
    if known is not None and known[0] in (_FOR_GOOD, len(function.__globals__)):
        return known[1]
    hints = resolved_hints(function)
    parameters = raw_signature(function).parameters.values()
    asked = _asked({each.name: hints.get(each.name) for each in parameters if each.kind not in _STARS})
    resolved = all(each.name in hints for each in parameters if each.annotation is not each.empty)
    _known[function] = (_FOR_GOOD if resolved else len(function.__globals__)), asked
    return asked


def _asked(annotations: Mapping[str, object]) -> dict[str, Provider[Any]]:
    found: dict[str, Provider[Any]] = {}
    for name, annotation in annotations.items():
        if typing.get_origin(annotation) is typing.Annotated:
            asked = next((item for item in typing.get_args(annotation)[1:] if isinstance(item, Provider)), None)
            if asked is not None:
                found[name] = asked
    return found


def _check_function(function: Callable[..., Any], name: str) -> None:
    if not inspect.isgeneratorfunction(function) and not inspect.isasyncgenfunction(function):
        raise WorkflowError(
            f"the provider '{name}' is no generator function ({calling_place()})",
            help="yield what it opens, once; what stands behind the yield closes it",
        )
    for parameter in raw_signature(function).parameters.values():
        if parameter.kind in (*_STARS, parameter.POSITIONAL_ONLY):
            raise WorkflowError(
                f"the provider '{name}' can't be given '{parameter}' by name ({calling_place()})",
                help="its arguments come from the project's settings: give each a name",
            )


def _check_options(made: Provider[Any]) -> None:
    if made.scope not in _SCOPES:
        raise WorkflowError(
            f"the provider '{made.name}' has the scope {made.scope!r};{close_match(str(made.scope), _SCOPES)}".rstrip(
                ";"
            ),
            help="its scope is 'worker' or 'attempt'",
        )
    if made.thread_safe and made.scope == "attempt":
        raise WorkflowError(
            f"the provider '{made.name}' has thread_safe=True, but is opened for each attempt",
            help="leave thread_safe out, or the scope",
        )
    if made.thread_safe and made.concurrent:
        raise WorkflowError(
            f"the provider '{made.name}' has thread_safe=True, but is async: each event loop opens its own",
            help="leave thread_safe out",
        )


def _found_by_name(made: Provider[Any]) -> bool:
    """Tell whether another process finds a provider where this one defined it."""
    found: Any = sys.modules.get(made.fn.__module__)
    # What is typed or piped into Python has no file, or one that is not there: another process can't import it.
    if found is None or (
        made.fn.__module__ == "__main__" and not Path(getattr(found, "__file__", None) or "").is_file()
    ):
        return False
    for part in made.fn.__qualname__.split("."):
        found = getattr(found, part, None)
    return found is made


def _find_provider(module: str, qualname: str) -> Provider[Any]:
    found: Any = importlib.import_module(module)
    for part in qualname.split("."):
        found = getattr(found, part)
    assert isinstance(found, Provider)
    return found
