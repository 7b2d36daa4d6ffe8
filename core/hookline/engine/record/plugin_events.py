"""Tells plugins what happens: one implementation after the other, on the event thread; their faults break nothing."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Sequence

from hookline.engine.record.news import NewsRow
from hookline.hooks.implementation import Implementation, failed
from hookline.hooks.plugin_set import PluginSet
from hookline.model.facts import (
    RUN_FINISHED,
    RUN_STARTED,
    TASK_FINISHED,
    TASK_RETRYING,
    TASK_STARTED,
    RunEvent,
    RunInfo,
    TaskEvent,
)
from hookline.model.states import RunState

__all__ = ["PluginEvents", "task_hooks"]

Tell = Callable[[TaskEvent], object]
_TASK_HOOKS = (TASK_STARTED, TASK_RETRYING, TASK_FINISHED)
_log = logging.getLogger("hookline.plugins")


def task_hooks(plugins: PluginSet) -> list[str]:
    """List the hooks about single tasks that somebody implements."""
    return [hook for hook in _TASK_HOOKS if plugins.implementations(hook)]


class PluginEvents:
    """Calls the implementations of the event hooks.

    Args:
        plugins: The plugins.
        run: The run.
    """

    def __init__(self, plugins: PluginSet, run: RunInfo) -> None:
        self._plugins = plugins
        self._run = run
        self._failures: dict[tuple[str, str], int] = {}
        self._tells: dict[str, list[tuple[Implementation, Tell]]] = {}
        self.current: Implementation | None = None

    def run_started(self, resumed: bool) -> None:
        """Tell that the run began."""
        event = RunEvent(RUN_STARTED, self._run, resumed=resumed, time_us=time.time_ns() // 1000)
        self._tell_run(self._plugins.implementations(RUN_STARTED), event)

    def run_finished(self, state: RunState, counts: dict[str, int], seconds: float, resumed: bool) -> None:
        """Tell that the run ended."""
        now = time.time_ns() // 1000
        event = RunEvent(RUN_FINISHED, self._run, state, resumed, now, int(seconds * 1e6), counts)
        self._tell_run(self._plugins.implementations(RUN_FINISHED), event)

    def tasks(self, rows: Sequence[NewsRow]) -> None:
        """Tell what happened to tasks."""
        for row in rows:
            bound = self._bound(row.hook)
            begun = time.perf_counter_ns()
            # There may be a million of these: one look at the clock each, and no call that could be spared.
            for event in row.events():
                for implementation, tell in bound:
                    self.current = implementation
                    try:
                        tell(event)
                    except BaseException as error:  # noqa: BLE001 - a plugin's fault is its own, sys.exit too
                        self._note_failure(implementation, error)
                    now = time.perf_counter_ns()
                    implementation.nanoseconds += now - begun
                    begun = now
            for implementation, _ in bound:
                implementation.calls += len(row)
        self.current = None

    def report(self) -> None:
        """Say how often plugins failed after the first time, of which they were told at once."""
        for (plugin, hook), count in self._failures.items():
            if count > 1:
                _log.warning("the plugin '%s' failed %d times in '%s'", plugin, count, hook)

    def _tell_run(self, implementations: Sequence[Implementation], event: RunEvent) -> None:
        for implementation in implementations:
            self.current = implementation
            try:
                implementation.call(run=event)
            except BaseException as error:  # noqa: BLE001 - on this thread nobody interrupts it but the plugin
                self._note_failure(implementation, error)
        self.current = None

    def _bound(self, hook: str) -> list[tuple[Implementation, Tell]]:
        bound = self._tells.get(hook)
        if bound is None:
            bound = self._tells[hook] = [(each, _tell(each)) for each in self._plugins.implementations(hook)]
        return bound

    def _note_failure(self, implementation: Implementation, error: BaseException) -> None:
        key = (implementation.plugin, implementation.hook)
        count = self._failures[key] = self._failures.get(key, 0) + 1
        if count == 1:
            _log.warning("%s", failed(implementation, error).message)
            _log.debug("what it raised:", exc_info=error)


def _tell(implementation: Implementation) -> Tell:
    function, settings = implementation.function, dict(implementation.settings)
    if not implementation.wanted:
        return lambda _: function(**settings)
    code = function.__code__
    if settings or code.co_varnames[: code.co_argcount] != ("task",):
        return lambda event: function(task=event, **settings)
    return function
