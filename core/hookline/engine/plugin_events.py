"""Tells plugins what happens: one implementation after the other, on the event thread; their faults break nothing."""

from __future__ import annotations

import logging
import time
from collections.abc import Sequence

from hookline.engine.news import NewsRow
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
            implementations = self._plugins.implementations(row.hook)
            for event in row.events():
                for implementation in implementations:
                    self._tell_task(implementation, event)

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
            except Exception as error:  # noqa: BLE001 - a plugin's fault is its own
                self._note_failure(implementation, error)
        self.current = None

    def _tell_task(self, implementation: Implementation, event: TaskEvent) -> None:
        self.current = implementation
        begun = time.perf_counter_ns()
        try:
            # Not by call(): there may be a million of these.
            if implementation.wanted:
                implementation.function(task=event, **implementation.settings)
            else:
                implementation.function(**implementation.settings)
        except Exception as error:  # noqa: BLE001 - as above
            self._note_failure(implementation, error)
        implementation.calls += 1
        implementation.nanoseconds += time.perf_counter_ns() - begun
        self.current = None

    def _note_failure(self, implementation: Implementation, error: Exception) -> None:
        key = (implementation.plugin, implementation.hook)
        count = self._failures[key] = self._failures.get(key, 0) + 1
        if count == 1:
            _log.warning("%s", failed(implementation, error).message)
            _log.debug("what it raised:", exc_info=error)
