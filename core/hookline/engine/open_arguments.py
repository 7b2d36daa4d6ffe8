"""What a configuration gives to steps' arguments, as the graph takes it, and as a run's row keeps it for a resume."""

from __future__ import annotations

import functools
import json
from collections.abc import Mapping
from typing import Any

from hookline.config import Configuration, Texts
from hookline.engine.descriptions import describe_params, read_params
from hookline.errors import UsageError
from hookline.graph.open_arguments import OpenArgument, OpenArguments
from hookline.store.artifacts import Artifacts

__all__ = ["describe_step_arguments", "open_arguments", "read_step_arguments"]


def open_arguments(configuration: Configuration) -> OpenArguments:
    """Give what settings say of steps' arguments, with where each was said."""
    return OpenArguments(
        {
            step: {name: _argument(configuration, step, name, value) for name, value in arguments.items()}
            for step, arguments in configuration.step_arguments.items()
        }
    )


def _argument(configuration: Configuration, step: str, name: str, value: object) -> OpenArgument:
    if configuration.origins.get(("step", step, name)) != "given":
        where = functools.partial(configuration.layers.origin, "step", step, name)
        return OpenArgument(value, where, folder=configuration.root)
    if isinstance(value, Texts):
        return OpenArgument(list(value), lambda: "--set", text=True, strict=True)
    return OpenArgument(value, lambda: "step_arguments", strict=True)


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
