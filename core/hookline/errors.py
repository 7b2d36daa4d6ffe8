"""Every error that hookline raises on purpose, as one tree.

Constructors take facts and the class words the sentence: what is wrong, where, and a remedy in a line that starts
with ``help:``.

    HooklineError                      exit code
    ├── UsageError                     2    a target, parameter, option or setting is wrong
    ├── WorkflowError                  3    the workflow itself is wrong
    ├── PluginError                    4    a plugin is broken, missing or clashes
    ├── ProviderError                  1    a provider could not open or close what a step needs
    │   └── Veto                       4    a plugin refuses a plan
    ├── StoreError                     5    the store can't be read or written
    │   ├── StoreMissingError          5    there is none
    │   ├── StoreDamagedError          5
    │   ├── StoreVersionError          5
    │   └── ArtifactError              5    an artifact is missing or damaged
    ├── RunFailedError                 1    a run did not complete; a task failed
    │   ├── RunCancelledError          6
    │   └── RunInterruptedError        7
    ├── ConflictError                  75   another writer of a record came first
    └── OwnershipError                 75   another driver has the run
"""

from __future__ import annotations

from collections.abc import Iterable

__all__ = [
    "ArtifactError",
    "ConflictError",
    "HooklineError",
    "OwnershipError",
    "PluginError",
    "ProviderError",
    "RunCancelledError",
    "RunFailedError",
    "RunInterruptedError",
    "StoreDamagedError",
    "StoreError",
    "StoreMissingError",
    "StoreVersionError",
    "UsageError",
    "Veto",
    "WorkflowError",
    "close_match",
]


class HooklineError(Exception):
    """What is wrong, and how to mend it.

    Attributes:
        message: The fact, with names in quotes and the place where there is one.
        help: The remedy; empty where none is known.
        exit_code: What the command line exits with.
    """

    exit_code = 1

    def __init__(self, message: str, *, help: str = "") -> None:  # noqa: A002 - the word that the output uses
        super().__init__(message)
        self.message = message
        self.help = help

    def __str__(self) -> str:
        return f"{self.message}\nhelp: {self.help}" if self.help else self.message

    def __reduce__(self) -> tuple[object, ...]:
        return _rebuild, (type(self), self.message, self.help)


def _rebuild(kind: type[HooklineError], message: str, remedy: str) -> HooklineError:
    error = kind.__new__(kind)
    HooklineError.__init__(error, message, help=remedy)
    return error


class UsageError(HooklineError):
    """A target, parameter, option or setting that can't be used as it was given."""

    exit_code = 2


class WorkflowError(HooklineError):
    """A workflow that can't be built; carries all problems found, not only the first.

    Attributes:
        problems: One text per problem, each with its place.
    """

    exit_code = 3

    def __init__(self, message: str, *, help: str = "", problems: Iterable[str] = ()) -> None:  # noqa: A002
        super().__init__(message, help=help)
        self.problems = tuple(problems)

    def __str__(self) -> str:
        lines = [self.message, *(f"  - {problem}".replace("\n", "\n    ") for problem in self.problems)]
        return "\n".join([*lines, f"help: {self.help}"] if self.help else lines)


class PluginError(HooklineError):
    """A plugin, or a name that plugins register, that is broken, missing or given twice."""

    exit_code = 4


class Veto(PluginError):  # noqa: N818 - what its raiser means
    """What a plugin raises in ``plan_made`` to refuse a plan: ``raise Veto("the budget is used up")``.

    Args:
        reason: Why.
        help: What to do about it.
    """

    def __init__(self, reason: str, *, help: str = "") -> None:  # noqa: A002
        super().__init__(reason, help=help)


class ProviderError(HooklineError):
    """What a provider raised while it opened or closed something for a step; that is the cause.

    Args:
        provider: The provider's name.
        step: The step's name.
        what: What could not be done: ``"opened"`` or ``"closed"``.
        error: What was raised.
    """

    def __init__(self, provider: str, step: str, what: str, error: BaseException) -> None:
        remedy = error.help if isinstance(error, HooklineError) else ""
        reason = error.message if isinstance(error, HooklineError) else str(error) or type(error).__name__
        reason = reason.replace(f"the provider '{provider}'", "it")
        super().__init__(f"the provider '{provider}' could not be {what} for the step '{step}': {reason}", help=remedy)


class StoreError(HooklineError):
    """A store that can't be read or written."""

    exit_code = 5


class StoreMissingError(StoreError):
    """A store that is not there, and that nobody asked to be made."""


class StoreDamagedError(StoreError):
    """A journal whose bytes are not what hookline wrote; nothing more is written to it."""


class StoreVersionError(StoreError):
    """A store of a format that this hookline does not know."""


class ArtifactError(StoreError):
    """An artifact that is missing, or whose bytes don't match its digest."""


class RunFailedError(HooklineError):
    """A run that did not complete, with the tasks at fault.

    Attributes:
        tasks: Ids of the failed tasks.
    """

    exit_code = 1

    def __init__(self, message: str, *, help: str = "", tasks: Iterable[str] = ()) -> None:  # noqa: A002
        super().__init__(message, help=help)
        self.tasks = tuple(tasks)


class RunCancelledError(RunFailedError):
    """A run that was cancelled before it completed."""

    exit_code = 6


class RunInterruptedError(RunFailedError):
    """A run that stopped before it completed, and can be resumed."""

    exit_code = 7


class ConflictError(HooklineError):
    """A record that is at another version than the writer expected; nothing was written, and it may be tried again."""

    exit_code = 75


class OwnershipError(HooklineError):
    """A run that another driver owns, or took over."""

    exit_code = 75


def close_match(name: str, known: Iterable[str]) -> str:
    """Word the nearest known name as a question, or nothing.

    Args:
        name: What was given.
        known: What would have been right.

    Returns:
        ``" did you mean 'depth'?"`` (with the leading space), or an empty string.
    """
    import difflib  # workers, which are to be there at once, hardly ever need it

    near = difflib.get_close_matches(name, list(known), n=1, cutoff=0.5)
    return f" did you mean '{near[0]}'?" if near else ""
