"""Steps: functions with declared inputs, outputs and options."""

from __future__ import annotations

import functools
import importlib
import inspect
import sys
import types
from collections.abc import Callable, Coroutine, Mapping, Sequence
from typing import Any, Generic, ParamSpec, Protocol, TypeVar, cast, overload

from hookline.errors import WorkflowError
from hookline.model.names import check_name
from hookline.model.options import Options, changed
from hookline.model.outputs import Outputs, outputs_of
from hookline.model.parameter import Signature, read_signature
from hookline.model.place import calling_place
from hookline.model.provider import providers_of
from hookline.model.providing import call_with_providers
from hookline.model.recording import Form, recording_in_force
from hookline.model.reference import Reference

__all__ = ["Conditional", "Options", "Partial", "Step", "step"]

P = ParamSpec("P")
R = TypeVar("R")


class Step(Generic[P, R]):
    """A function that workflows wire together. Made by :func:`step`.

    Inside a workflow, and inside another step while a run executes it, a call makes a task and returns a reference;
    outside it is the plain function, for which what its providers give is opened and closed.

    Attributes:
        fn: The plain function.
        name: What its tasks are called.
        declared: Its options.
        as_decorated: Whether these, and its name, are those that its function was decorated with.
        concurrent: Whether it is async, so that its attempts go on side by side.
    """

    def __init__(self, fn: Callable[P, R], name: str, declared: Options, *, as_decorated: bool = True) -> None:
        functools.update_wrapper(self, fn)
        self.fn = fn
        self.name = name
        self.declared = declared
        self.as_decorated = as_decorated
        self.concurrent = inspect.iscoroutinefunction(fn)

    def __call__(self, /, *args: P.args, **kwargs: P.kwargs) -> R:
        """Make a task, or outside of workflows and of steps that are being run call the function."""
        recording = recording_in_force()
        if recording is None:
            given = providers_of(self.fn)
            return call_with_providers(self.fn, given, args, kwargs) if given else self.fn(*args, **kwargs)
        return cast("R", recording.add(self, Form.CALL, args, kwargs))

    def map(self, /, **items: Any) -> list[R]:
        """Run the step once for each element of a list, or of several lists side by side.

        Args:
            **items: A list by parameter name: known now, or a reference to a task that returns one. Lists of the same
                call have one length.

        Returns:
            A reference to the list of results.
        """
        return Partial(self, (), {}, None).map(**items)

    def product(self, /, **items: Any) -> list[R]:
        """Run the step once for each combination of elements, in the order of :func:`itertools.product`.

        Args:
            **items: A list by parameter name, as for :meth:`map`.

        Returns:
            A reference to the list of results.
        """
        return Partial(self, (), {}, None).product(**items)

    def partial(self, /, *args: Any, **kwargs: Any) -> Partial[R]:
        """Fix some arguments, to map over others.

        Args:
            *args: Arguments by position.
            **kwargs: Arguments by name.

        Returns:
            The step with these arguments; call it, or use its ``map`` or ``product``.
        """
        return Partial(self, args, kwargs, None)

    def when(self, condition: Any) -> Conditional[P, R]:
        """Run the step only if a condition holds.

        Args:
            condition: A reference to a task whose value is tested, or a plain value.

        Returns:
            The step; its task is skipped, with all that depends on it, when the condition is false.
        """
        return Conditional(self, condition)

    def options(self, /, **changes: Any) -> Step[P, R]:
        """Give the same step with other options.

        Args:
            **changes: As for :func:`step`.

        Returns:
            A new step.

        Raises:
            WorkflowError: An option does not exist, or its value is wrong.
        """
        name = changes.pop("name", self.name)
        check_name(name, "step")
        return Step(self.fn, name, changed(self.declared, changes, self.name), as_decorated=False)

    @property
    def signature(self) -> Signature:
        """What the function takes and returns."""
        return read_signature(self.fn)

    @property
    def outputs(self) -> Outputs:
        """The slots of its result."""
        return outputs_of(self.fn)

    @property
    def declares(self) -> Callable[..., Any]:
        """The function whose annotation says how a value splits into these."""
        return self.fn

    def __get__(self, instance: object, owner: type | None = None) -> Any:
        if instance is None:
            return self
        raise WorkflowError(
            f"the step '{self.name}' is a method of '{type(instance).__name__}'",
            help="make it a function, and pass what it needs as arguments",
        )

    def __repr__(self) -> str:
        return f"<step {self.name}>"

    def __reduce__(self) -> str | tuple[Any, ...]:
        if _found_by_name(self.fn):
            # By name, so that a step arrives on a worker as that worker's own object of the module.
            return _find_step, (self.fn.__module__, self.fn.__qualname__, self.name, self.declared)
        # By value, as a state: the function may refer to the step itself.
        return object.__new__, (Step,), dict(self.__dict__)


class Partial(Generic[R]):
    """A step with some of its arguments fixed."""

    def __init__(
        self,
        step: Step[Any, R],
        args: tuple[Any, ...],
        kwargs: dict[str, Any],
        condition: Any,
        conditional: bool = False,
    ) -> None:
        self._step = step
        self._args = args
        self._kwargs = kwargs
        self._condition = condition
        self._conditional = conditional

    def __call__(self, /, *args: Any, **kwargs: Any) -> R:
        """Give the remaining arguments and make the task."""
        return cast("R", self._record(Form.CALL, {**self._kwargs, **kwargs}, {}, self._args + args))

    def map(self, /, **items: Any) -> list[R]:
        """Run once for each element, as :meth:`Step.map`."""
        return cast("list[R]", self._record(Form.MAP, self._kwargs, items, self._args))

    def product(self, /, **items: Any) -> list[R]:
        """Run once for each combination, as :meth:`Step.product`."""
        return cast("list[R]", self._record(Form.PRODUCT, self._kwargs, items, self._args))

    def partial(self, /, *args: Any, **kwargs: Any) -> Partial[R]:
        """Fix further arguments."""
        return Partial(self._step, self._args + args, {**self._kwargs, **kwargs}, self._condition, self._conditional)

    def _record(self, form: Form, kwargs: dict[str, Any], items: dict[str, Any], args: tuple[Any, ...]) -> Reference:
        recording = recording_in_force()
        if recording is None:
            what = {Form.CALL: "call", Form.MAP: "map", Form.PRODUCT: "product"}[form]
            raise WorkflowError(
                f"'{self._step.name}' was given a {what} outside a workflow ({calling_place()})",
                help=f"use it inside a function that is decorated with @workflow, or call {self._step.name}.fn(…)",
            )
        condition = (self._condition,) if self._conditional else ()
        return recording.add(self._step, form, args, kwargs, items, condition)


class Conditional(Generic[P, R]):
    """A step that runs only if a condition holds."""

    def __init__(self, step: Step[P, R], condition: Any) -> None:
        self._partial: Partial[Any] = Partial(step, (), {}, condition, conditional=True)

    def __call__(self, /, *args: P.args, **kwargs: P.kwargs) -> R | None:
        """Make the conditional task."""
        return cast("R | None", self._partial(*args, **kwargs))

    def map(self, /, **items: Any) -> list[R]:
        """Run once for each element, as :meth:`Step.map`, if the condition holds."""
        return cast("list[R]", self._partial.map(**items))

    def product(self, /, **items: Any) -> list[R]:
        """Run once for each combination, as :meth:`Step.product`, if the condition holds."""
        return cast("list[R]", self._partial.product(**items))

    def partial(self, /, *args: Any, **kwargs: Any) -> Partial[R]:
        """Fix some arguments."""
        return cast("Partial[R]", self._partial.partial(*args, **kwargs))


class _Decorator(Protocol):
    """What ``@step(…)`` gives; a call of an async step stands for the value that is awaited."""

    @overload
    def __call__(self, fn: Callable[P, Coroutine[Any, Any, R]], /) -> Step[P, R]: ...
    @overload
    def __call__(self, fn: Callable[P, R], /) -> Step[P, R]: ...


@overload
def step(fn: Callable[P, Coroutine[Any, Any, R]], /) -> Step[P, R]: ...
@overload
def step(fn: Callable[P, R], /) -> Step[P, R]: ...
@overload
def step(
    *,
    name: str = ...,
    retries: int = ...,
    retry_delay: float | str = ...,
    retry_on: type[BaseException] | Sequence[type[BaseException]] = ...,
    timeout: float | str | None = ...,
    cache: bool = ...,
    env: Sequence[str] = ...,
    resources: Mapping[str, float] = ...,
    executor: str = ...,
    limit: int | None = ...,
    version: str = ...,
    tags: Sequence[str] = ...,
) -> _Decorator: ...


def step(fn: Callable[..., Any] | None = None, /, *, name: str = "", **options: Any) -> Any:
    """Make a function a step.

    Args:
        fn: The function, when the decorator is used without arguments.
        name: What its tasks are called; the function's name by default.
        **options: See :class:`Options`. ``retry_delay`` and ``timeout`` take seconds or text such as ``"10m"``;
            ``retry_on`` takes one exception type or several.

    Returns:
        The step, or a decorator that makes one.

    Raises:
        WorkflowError: What is decorated is no function, or an option is wrong.

    Example:
        >>> @step(retries=2)
        ... def double(x: int) -> int:
        ...     return 2 * x
        >>> double(4)
        8
    """

    def decorate(function: Callable[..., Any]) -> Step[Any, Any]:
        given: object = function
        if not isinstance(given, types.FunctionType):
            remedy = "decorate a plain function; call classes and methods inside it"
            raise WorkflowError(
                f"@step can't decorate {given!r}; it takes a function ({calling_place()})",
                help=f"write @step(name={given!r})" if isinstance(given, str) else remedy,
            )
        if inspect.isgeneratorfunction(function) or inspect.isasyncgenfunction(function):
            raise WorkflowError(
                f"the step '{function.__name__}' is a generator",
                help="return a list, or build it inside the step",
            )
        chosen = name or function.__name__
        check_name(chosen, "step")
        return Step(function, chosen, changed(Options(), options, chosen))

    return decorate if fn is None else decorate(fn)


def _found_by_name(fn: Callable[..., Any]) -> bool:
    """Tell whether another process finds a function where this one defined it."""
    found: Any = sys.modules.get(fn.__module__)
    if found is None or (fn.__module__ == "__main__" and not hasattr(found, "__file__")):
        return False
    for part in fn.__qualname__.split("."):
        found = getattr(found, part, None)
    return found is fn or (isinstance(found, Step) and found.fn is fn)


def _find_step(module: str, qualname: str, name: str, declared: Options) -> Step[Any, Any]:
    found: Any = importlib.import_module(module)
    for part in qualname.split("."):
        found = getattr(found, part)
    if isinstance(found, Step):
        same = (found.name, found.declared) == (name, declared)
        return found if same else Step(found.fn, name, declared, as_decorated=False)
    return Step(found, name, declared, as_decorated=False)
