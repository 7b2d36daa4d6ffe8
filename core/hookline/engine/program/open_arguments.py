"""What a configuration gives to arguments of steps and providers, and how a run's row keeps it for a resume."""

from __future__ import annotations

import functools
import json
from collections.abc import Mapping
from typing import Any

from hookline.config import Configuration, Texts
from hookline.engine.past.descriptions import describe_params, read_params
from hookline.errors import UsageError
from hookline.graph.open_arguments import OpenArgument, OpenArguments
from hookline.store.artifacts import Artifacts

__all__ = [
    "ProviderArguments",
    "describe_provider_arguments",
    "describe_step_arguments",
    "open_arguments",
    "provider_arguments",
    "read_provider_arguments",
    "read_step_arguments",
]

ProviderArguments = Mapping[str, Mapping[str, object]]
"""What a call gives to providers' arguments, by provider and argument."""


def open_arguments(configuration: Configuration) -> OpenArguments:
    """Give what settings say of steps' arguments, with where each was said."""
    return OpenArguments(
        {
            step: {name: _argument(configuration, step, name, value) for name, value in arguments.items()}
            for step, arguments in configuration.step_arguments.items()
        }
    )


def provider_arguments(
    configuration: Configuration, given: ProviderArguments | None
) -> dict[str, dict[str, OpenArgument]]:
    """Give what settings and a call say of providers' arguments, with where each was said.

    Args:
        configuration: The settings.
        given: What the call gives, which goes first.

    Returns:
        By provider, by argument.

    Raises:
        UsageError: What the call gives is no mapping of mappings.
    """
    found: dict[str, dict[str, OpenArgument]] = {}
    for provider, arguments in configuration.provider_arguments.items():
        for name, value in arguments.items():
            where = functools.partial(configuration.layers.origin, "provider", provider, name)
            found.setdefault(provider, {})[name] = OpenArgument(value, where, folder=configuration.root)
    for provider, arguments in (given or {}).items():
        if not isinstance(arguments, Mapping):
            raise UsageError(
                f"the provider '{provider}' is given {arguments!r}, which is no mapping",
                help=f'give its arguments by name: providers={{"{provider}": {{"name": value}}}}',
            )
        for name, value in arguments.items():
            found.setdefault(provider, {})[name] = OpenArgument(value, lambda: "")
    return found


def _argument(configuration: Configuration, step: str, name: str, value: object) -> OpenArgument:
    if configuration.origins.get(("step", step, name)) != "given":
        where = functools.partial(configuration.layers.origin, "step", step, name)
        return OpenArgument(value, where, folder=configuration.root)
    if isinstance(value, Texts):
        return OpenArgument(list(value), lambda: "--set", text=True, strict=True)
    return OpenArgument(value, lambda: "step_arguments", strict=True)


def describe_provider_arguments(given: ProviderArguments, artifacts: Artifacts) -> dict[str, Any]:
    """Store what a call gave to providers, as :func:`describe_step_arguments`; of secrets that is their places."""
    values = {provider: dict(arguments) for provider, arguments in given.items() if arguments}
    return {"providers": describe_params(values, artifacts)} if values else {}


def read_provider_arguments(run_id: str, extra: str | None, artifacts: Artifacts) -> ProviderArguments:
    """Give what :func:`describe_provider_arguments` stored in a run's row.

    Raises:
        UsageError: A value could not be stored.
    """
    described = json.loads(extra or "{}").get("providers", None)
    if described == "":
        raise UsageError(f"the arguments of providers of run {run_id} could not be stored", help="start a new run")
    return read_params(described, artifacts) if described else {}


def describe_step_arguments(given: Mapping[str, object], artifacts: Artifacts) -> dict[str, Any]:
    """Store what a call gave, so that a resume has the same.

    Args:
        given: Values by step and argument.
        artifacts: Takes those that are large, as parameters.

    Returns:
        What the run's row takes up beside its parameters: a command line's texts, and values like these; empty where
        nothing was given.
    """
    texts = {name: list(value) for name, value in given.items() if isinstance(value, Texts)}
    values = {name: value for name, value in given.items() if name not in texts}
    described: dict[str, Any] = {"step_texts": texts} if texts else {}
    if values:
        described["step_arguments"] = describe_params(values, artifacts)
    return described


def read_step_arguments(run_id: str, extra: str | None, artifacts: Artifacts) -> dict[str, object]:
    """Give what :func:`describe_step_arguments` stored in a run's row.

    Raises:
        UsageError: A value could not be stored.
    """
    described = json.loads(extra or "{}")
    given: dict[str, object] = {name: Texts(texts) for name, texts in described.get("step_texts", {}).items()}
    values = described.get("step_arguments")
    if values == "":
        raise UsageError(f"the step arguments of run {run_id} could not be stored", help="start a new run")
    return given | read_params(values, artifacts) if values else given
