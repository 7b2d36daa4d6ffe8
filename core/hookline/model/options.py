"""How a step's attempts are made: its options, and what users may write for them."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from hookline.errors import WorkflowError, close_match
from hookline.model.resources import parse_duration, parse_resources

__all__ = ["Options", "changed"]

Retryable = tuple[type[BaseException], ...]


@dataclass(frozen=True, slots=True)
class Options:
    """How a step's attempts are made.

    Attributes:
        retries: How many times a failed attempt is repeated.
        retry_delay: Seconds before the first retry; doubles with each further one, up to a minute, with jitter.
        retry_on: Exception types that are worth a retry.
        timeout: Seconds that an attempt may take; None for no limit.
        cache: Whether a recorded result may be reused. False says that the step has side effects.
        env: Names of environment variables whose values count as inputs.
        resources: Amounts that an attempt needs, by name.
        executor: Name of the executor; empty for the run's.
        limit: How many attempts of this step may run at once; None for no limit.
        version: Text that counts as an input: change it to run the step anew.
        tags: Words by which tasks are selected.
    """

    retries: int = 0
    retry_delay: float = 0.0
    retry_on: Retryable = (Exception,)
    timeout: float | None = None
    cache: bool = True
    env: tuple[str, ...] = ()
    resources: Mapping[str, float] = field(default_factory=dict)
    executor: str = ""
    limit: int | None = None
    version: str = ""
    tags: tuple[str, ...] = ()


def changed(options: Options, changes: dict[str, Any], name: str) -> Options:
    """Check options that a user gives, and put them in the place of others.

    Args:
        options: What is changed.
        changes: New values, by name, as the user gives them.
        name: The step's name.

    Returns:
        The options, with durations in seconds and lists as tuples.

    Raises:
        WorkflowError: An option does not exist, or its value can't be used.
    """
    known = [item.name for item in dataclasses.fields(Options)]
    for option in changes:
        if option not in known:
            raise WorkflowError(
                f"the step '{name}' is given an option '{option}' that does not exist;{close_match(option, known)}",
                help=f"options are name, {', '.join(known)}",
            )
    checked = dict(changes)
    for option in ("retry_delay", "timeout"):
        if option in checked:
            checked[option] = parse_duration(checked[option], f"{option} of step '{name}'")
    if checked.get("timeout") == 0:
        raise WorkflowError(f"timeout of step '{name}' must be more than 0", help="leave it out for no limit")
    if "retry_delay" in checked and checked["retry_delay"] is None:
        checked["retry_delay"] = 0.0
    if "resources" in checked:
        checked["resources"] = parse_resources(checked["resources"])
    if "retry_on" in checked:
        checked["retry_on"] = _exception_types(checked["retry_on"], name)
    for option in ("env", "tags"):
        if option in checked:
            checked[option] = _words(checked[option], f"{option} of step '{name}'")
    _check_kinds(checked, name)
    return dataclasses.replace(options, **checked)


def _check_kinds(checked: dict[str, Any], name: str) -> None:
    for option, least in (("retries", 0), ("limit", 1)):
        value = checked.get(option, least)
        if value is None and option == "limit":
            continue
        if not isinstance(value, int) or isinstance(value, bool) or value < least:
            raise WorkflowError(
                f"{option} of step '{name}' must be a whole number from {least}, not {value!r}",
                help=f"leave it out for {'no limit' if option == 'limit' else 'none'}",
            )
    for option, kind, words in (
        ("cache", bool, "True or False"),
        ("executor", str, "an executor's name"),
        ("version", str, "text"),
    ):
        if option in checked and not isinstance(checked[option], kind):
            raise WorkflowError(f"{option} of step '{name}' must be {words}, not {checked[option]!r}")


def _words(value: Any, what: str) -> tuple[str, ...]:
    words = (value,) if isinstance(value, str) else value
    if not isinstance(words, (list, tuple, set, frozenset)) or not all(isinstance(word, str) for word in words):
        raise WorkflowError(f"{what} must be a list of texts, not {value!r}")
    return tuple(sorted(words) if isinstance(words, (set, frozenset)) else words)


def _exception_types(value: Any, name: str) -> Retryable:
    types_given = tuple(value) if isinstance(value, (list, tuple, set, frozenset)) else (value,)
    for kind in types_given:
        if not (isinstance(kind, type) and issubclass(kind, BaseException)):
            raise WorkflowError(
                f"retry_on of step '{name}' holds {kind!r}, which is no exception type",
                help="give exception types",
            )
    return types_given
