"""Load policies: which stored formats may become values in this process.

Whoever can write to a store can have code run where a pickle is loaded. A policy says which formats are loaded all the
same; what it forbids is not stored either, so that a run fails at the step that made the value.
"""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Iterator
from typing import Protocol

from hookline.errors import HooklineError, PluginError, UsageError
from hookline.model.bringing import bring
from hookline.model.registry import Registry

__all__ = [
    "LOAD_POLICIES",
    "PICKLES",
    "REMEDY",
    "LoadPolicy",
    "check_format",
    "hold_load_policy",
    "is_allowed",
    "load_policy",
    "set_load_policy",
]

PICKLES = ("pickle", "dill", "cloudpickle")
"""The formats whose streams name the code that loading runs."""


REMEDY = (
    "return plain data, arrays, frames or files, register a serializer for the type, or set load_policy to 'any' where "
    "everybody who can write to the store is trusted"
)


class LoadPolicy(Protocol):
    """Says which formats may be loaded. One object, made without arguments, serves a process."""

    def allows(self, name: str, safe: bool) -> bool:
        """Tell whether values of a format may be loaded.

        Plain data (numbers, texts, lists, dates, Enum members …), files, arrays and frames are always loaded: where
        ``"pickle"`` is not allowed, by a reader that knows these types and calls nothing else.

        Args:
            name: ``"pickle"``, ``"dill"``, ``"cloudpickle"``, or a registered serializer's name.
            safe: Whether loading runs no code that the bytes choose.
        """
        ...


class AnyFormat:
    """Everything may be loaded: for stores to which only trusted people can write."""

    def allows(self, name: str, safe: bool) -> bool:  # noqa: ARG002 - all of them
        """See :meth:`LoadPolicy.allows`."""
        return True


class NoPickle:
    """Only what can't run code of its own."""

    def allows(self, name: str, safe: bool) -> bool:  # noqa: ARG002 - whatever its name
        """See :meth:`LoadPolicy.allows`."""
        return safe


LOAD_POLICIES: Registry[LoadPolicy] = Registry("load policy")
LOAD_POLICIES.register("any", "hookline.values.policy:AnyFormat", source="hookline")
LOAD_POLICIES.register("no-pickle", "hookline.values.policy:NoPickle", source="hookline")

_ANY = "any"
_policy: LoadPolicy = AnyFormat()
_name = _ANY
_lock = threading.RLock()  # a plugin that is imported for its policy may open a store
_holders = 0


def set_load_policy(name: str) -> None:
    """Put a policy in force, for all that this process loads from now on.

    Args:
        name: A registered policy.

    Raises:
        UsageError: There is no such policy, or a run goes on that has another.
        PluginError: It can't be imported, or is none.
    """
    with _lock:
        _set(name)


@contextlib.contextmanager
def hold_load_policy(name: str) -> Iterator[None]:
    """Keep a policy in force for the length of a run: there is one per process, and another may allow more.

    Args:
        name: A registered policy.

    Raises:
        UsageError: There is no such policy, or a run goes on that has another.
        PluginError: It can't be imported.
    """
    global _holders
    with _lock:
        _set(name)
        _holders += 1
    try:
        yield
    finally:
        with _lock:
            _holders -= 1


def _set(name: str) -> None:
    global _policy, _name, pickles
    if name not in LOAD_POLICIES:
        bring()
    policy = LOAD_POLICIES.load(name)
    if name != _name and _holders:
        raise UsageError(
            f"a run goes on in this process under the load policy '{_name}', and '{name}' is asked for",
            help="run one after the other, or each in a process of its own",
        )
    try:
        allowed = policy.allows("pickle", False)
    except Exception as error:
        raise PluginError(
            f"the load policy '{name}' of {LOAD_POLICIES.entry(name).source} can't be asked: "
            f"{type(error).__name__}: {error}",
            help="report it to whoever wrote the plugin, or set another load_policy",
        ) from error
    # Also where the name is the same: its plugin may be another one by now.
    _policy, _name, pickles = policy, name, allowed


def load_policy() -> str:
    """Name the policy in force."""
    return _name


pickles = True
"""Whether pickles may be loaded: looked at for each value."""


def is_allowed(name: str) -> bool:
    """Tell whether the policy in force allows a format whose bytes choose what code is run."""
    return _policy.allows(name, False)


def check_format(name: str, *, safe: bool) -> None:
    """Make sure that the policy in force allows a format.

    Raises:
        HooklineError: It does not.
    """
    if not _policy.allows(name, safe):
        raise HooklineError(
            f"the load policy '{_name}' does not let values of the format '{name}' be stored or loaded",
            help=REMEDY,
        )
