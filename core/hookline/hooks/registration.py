"""What the ``register_…`` hooks are given: names go into registries, with the plugin that they come from."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Sequence
from typing import Any, Protocol

from hookline.config.address import scheme_of
from hookline.errors import PluginError, WorkflowError
from hookline.hooks.implementation import Implementation
from hookline.hooks.values import Entered
from hookline.model.names import check_name
from hookline.model.registry import Registry
from hookline.model.step import Step

__all__ = [
    "Register",
    "RegisterHooks",
    "RegisterSteps",
    "RegisterValues",
    "Relay",
    "register_into",
    "register_steps_into",
    "register_stores_into",
    "register_values_into",
]


class Register(Protocol):
    """Gives a part a name."""

    def __call__(self, name: str, target: str | Callable[..., Any]) -> str:
        """Register a part.

        Args:
            name: What users call it.
            target: ``"module:attribute"``, imported when the part is used, or the factory itself.

        Returns:
            The name.

        Raises:
            PluginError: The name is taken, or can't be used.
        """
        ...


class RegisterSteps(Protocol):
    """Gives a step a name that begins with the plugin's."""

    def __call__(self, name: str, target: str | Step[..., Any], *, summary: str = "") -> str:
        """Register a step.

        Args:
            name: Its name within the plugin.
            target: ``"module:attribute"``, imported when the step is used, or the step itself.
            summary: What it does, in one line; of a step that is given, by default the first line of its docstring.

        Returns:
            The whole name: ``"<plugin>.<name>"``.

        Raises:
            PluginError: The name is taken, or can't be used.
        """
        ...


class RegisterValues(Protocol):
    """Gives a way with values a name, and says which types it is for."""

    def __call__(self, name: str, target: str | Callable[..., Any], *, types: Sequence[str] = ()) -> str:
        """Register a serializer, digest, scheme of secrets, or load policy.

        Args:
            name: Its name; of a serializer or digest its name within the plugin.
            target: ``"module:attribute"``, imported when the part is used, or the factory itself.
            types: Of a serializer or digest, the classes that it is for, as ``"module:Class"``.

        Returns:
            The whole name.

        Raises:
            PluginError: The name is taken, or can't be used.
        """
        ...


class Relay(Protocol):
    """Calls the implementations of a plugin's own hook."""

    def __call__(self, **facts: Any) -> list[tuple[str, Any]]:
        """Call them one after the other.

        Args:
            **facts: The hook's arguments, each of them.

        Returns:
            Per implementation, in declared order, the plugin's name and what it returned.

        Raises:
            PluginError: One of them raised.
        """
        ...


class RegisterHooks(Protocol):
    """Adds a hook of a plugin's own."""

    def __call__(self, spec: Callable[..., Any]) -> Relay:
        """Register a hook.

        Args:
            spec: A function that is marked with ``@hookspec``.

        Returns:
            What calls its implementations.

        Raises:
            PluginError: It is not marked, or there is such a hook.
        """
        ...


def register_into(registry: Registry[Any], implementation: Implementation) -> Register:
    """Give what enters parts into a registry for a plugin."""

    def register(name: str, target: str | Callable[..., Any]) -> str:
        _check_target(implementation, registry.kind, name, target)
        registry.register(name, target, source=implementation.source)
        return name

    return register


def register_steps_into(registry: Registry[Any], implementation: Implementation) -> RegisterSteps:
    """Give what enters steps into a registry for a plugin."""

    def register(name: str, target: str | Step[..., Any], *, summary: str = "") -> str:
        if isinstance(target, Step):
            summary = summary or (inspect.getdoc(target.fn) or "").partition("\n")[0]
        else:
            _check_target(implementation, registry.kind, name, target)
        whole = f"{implementation.plugin}.{name}"
        _check(implementation, whole, registry.kind)
        registry.register(whole, target, source=implementation.source, summary=summary)
        return whole

    return register


def register_stores_into(registry: Registry[Any], implementation: Implementation) -> Register:
    """Give what enters stores into a registry for a plugin."""
    plain = register_into(registry, implementation)

    def register(name: str, target: str | Callable[..., Any]) -> str:
        if scheme_of(f"{name}://") != name:
            raise PluginError(
                f"the plugin '{implementation.plugin}' ({implementation.source}) registers a store as '{name}', "
                "which is no scheme of a URL",
                help="use small letters, digits, '-' and '.', at least two, beginning with a letter",
            )
        return plain(name, target)

    return register


def register_values_into(entered: list[Entered], kind: str, implementation: Implementation) -> RegisterValues:
    """Give what notes a plugin's ways with values.

    Args:
        entered: Takes them.
        kind: What they are, for messages.
        implementation: Who registers them.
    """

    def register(name: str, target: str | Callable[..., Any], *, types: Sequence[str] = ()) -> str:
        _check_target(implementation, kind, name, target)
        of_types = implementation.hook in ("register_serializers", "register_digests")
        # The name is stored with each value: it has to tell which plugin can read it.
        whole = f"{implementation.plugin}.{name}" if of_types else name
        named = (types,) if isinstance(types, str) else tuple(types)
        if of_types and not named:
            raise PluginError(
                f"the {kind} '{whole}' of {implementation.source} names no types",
                help='register it with types=["module:Class", …]',
            )
        if not all(isinstance(each, str) for each in named):
            raise PluginError(
                f"the {kind} '{whole}' of {implementation.source} is for {types!r}",
                help='name types: types=["module:Class", …]',
            )
        entered.append(
            Entered(implementation.hook, whole, target, implementation.source, named, implementation.function)
        )
        return whole

    return register


def _check_target(implementation: Implementation, kind: str, name: str, target: object) -> None:
    _check(implementation, name, kind)
    module, colon, attribute = target.partition(":") if isinstance(target, str) else ("", "", "")
    names = [*module.split("."), *attribute.split(".")]
    if isinstance(target, str) and not (colon and all(part.isidentifier() for part in names)):
        raise PluginError(
            f"the plugin '{implementation.plugin}' ({implementation.source}) registers the {kind} '{name}' as "
            f"'{target}', which names nothing that could be imported",
            help="write 'package.module:name'",
        )
    if not isinstance(target, str) and (not callable(target) or inspect.ismodule(target)):
        raise PluginError(
            f"the plugin '{implementation.plugin}' ({implementation.source}) registers the {kind} '{name}' as "
            f"{target!r}",
            help=f"give 'package.module:name'{', or a step' if kind == 'step' else ', or what makes one'}",
        )


def _check(implementation: Implementation, name: object, kind: str) -> None:
    try:
        check_name(name, kind)
    except WorkflowError as error:
        raise PluginError(
            f"the plugin '{implementation.plugin}' ({implementation.source}): {error.message}", help=error.help
        ) from None
