"""One plugin's implementation of one hook, and the one place from which it is called."""

from __future__ import annotations

import time
from collections.abc import Callable, Generator, Mapping
from dataclasses import dataclass, field
from typing import Any

from hookline.errors import HooklineError, PluginError, Veto
from hookline.hooks.faults import place_of_fault
from hookline.model.masking import mask
from hookline.model.raised import words_of

__all__ = ["HOOK_TIME", "PLUGIN_ERROR", "Implementation", "failed"]

HOOK_TIME = "hook time"
"""The kind of notes that say how long a plugin took in a hook."""

PLUGIN_ERROR = "plugin error"
"""The kind of notes that say what a plugin did wrong after an attempt."""


@dataclass(slots=True, eq=False)
class Implementation:
    """A function that implements a hook.

    Attributes:
        plugin: The plugin's name.
        source: Who brings it: a distribution and its version, or a file.
        hook: The hook's name.
        function: The function.
        wanted: The arguments that it names, without its settings.
        settings: The plugin's settings, by the name of the argument; empty where it does not ask for them.
        calls: How often it was called.
        nanoseconds: How long that took in all.
    """

    plugin: str
    source: str
    hook: str
    function: Callable[..., Any]
    wanted: tuple[str, ...]
    settings: Mapping[str, Any]
    calls: int = field(default=0, compare=False)
    nanoseconds: int = field(default=0, compare=False)

    def take_time(self) -> tuple[str, str] | None:
        """Give how often it was called since the last time and how long that took, as name and value of a note.

        Returns:
            ``"<hook> <plugin>"`` and, as JSON, the number of calls and the nanoseconds; None for no call.
        """
        calls, nanoseconds = self.calls, self.nanoseconds
        if not calls:
            return None
        self.calls -= calls
        self.nanoseconds -= nanoseconds
        return f"{self.hook} {self.plugin}", f"[{calls}, {nanoseconds}]"

    def call(self, **facts: Any) -> Any:
        """Call it with those of the facts that it asks for.

        Raises:
            BaseException: Whatever it raises, also what ``sys.exit`` does.
        """
        begun = time.perf_counter_ns()
        try:
            return self.function(**{name: facts[name] for name in self.wanted}, **self.settings)
        finally:
            self.calls += 1
            self.nanoseconds += time.perf_counter_ns() - begun

    def checked(self, **facts: Any) -> Any:
        """Call it as :meth:`call`; whatever it raises is an error of the plugin's.

        Raises:
            PluginError: It raised something; names the plugin.
            Veto: As the plugin raised it.
            KeyboardInterrupt: The user interrupted it.
        """
        try:
            return self.call(**facts)
        except (Veto, KeyboardInterrupt):
            raise
        except BaseException as error:  # a plugin ends neither the program nor the thread that calls it
            raise failed(self, error) from error

    def proceed(self, generator: Generator[None, Any, None], *sent: Any) -> None:
        """Let a generator that it made come to its ``yield``, or with something to send to its end.

        Raises:
            PluginError: It yields not at all, or twice.
            BaseException: Whatever it raises, also what ``sys.exit`` does.
        """
        begun = time.perf_counter_ns()
        try:
            if sent:
                generator.send(*sent)
            else:
                next(generator)
        except StopIteration:
            if not sent:
                raise PluginError(
                    f"'{self.hook}' of plugin '{self.plugin}' ended without a yield", help="write one that yields once"
                ) from None
        else:
            if sent:
                generator.close()
                raise PluginError(
                    f"'{self.hook}' of plugin '{self.plugin}' yielded twice", help="write one that yields once"
                )
        finally:
            self.nanoseconds += time.perf_counter_ns() - begun


def failed(implementation: Implementation, error: BaseException) -> PluginError:
    """Word what an implementation raised, with the line of the plugin at which it happened.

    A :class:`PluginError` that says already whose it is stays as it is.
    """
    plugin, source = implementation.plugin, implementation.source
    if isinstance(error, PluginError) and (f"'{plugin}'" in error.message or source in error.message):
        return error
    at = place_of_fault(error, implementation.function.__code__.co_filename)
    place = f" ({at})" if at else ""
    what = error.message if isinstance(error, HooklineError) else words_of(error)
    remedy = error.help if isinstance(error, HooklineError) else ""
    return PluginError(
        mask(f"the plugin '{plugin}' failed in '{implementation.hook}'{place}: {what}"),
        help=remedy or f"report it to whoever wrote the plugin ({source}), or switch it off: --without {plugin}",
    )
