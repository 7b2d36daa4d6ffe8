"""The executors that serve one run: which it needs, how they are opened, and how they are closed."""

from __future__ import annotations

import logging
import time
from collections.abc import Iterable
from dataclasses import replace

from hookline.engine.request import Request
from hookline.errors import HooklineError, UsageError, WorkflowError
from hookline.executors.broken import BrokenExecutor
from hookline.executors.protocol import EXECUTORS, Executor
from hookline.model.batch import Deliver, RunFacts
from hookline.model.place import place_of
from hookline.store.flight import Flight, InFlight
from hookline.worker.failures import failure_of

__all__ = ["GIVEN", "Opener", "close_all", "executors_of"]

GIVEN = "given"
"""Stands for the name of an executor that the caller of run() made."""

_log = logging.getLogger("hookline.engine.run.executors")


def executors_of(request: Request, default: str) -> set[str]:
    """Name the executors that a run will need.

    Args:
        request: The run.
        default: The name of the run's executor.

    Returns:
        Their names, without those in the driver's process that the caller made.

    Raises:
        UsageError: There is no executor of the run's name, or what an executor needs is not installed.
        WorkflowError: Steps name executors that there are not; names all of them.
    """
    executors = request.plugins.executors
    if default != GIVEN:
        executors.check(default)
    names, wrong = {default}, list[str]()
    handler = request.target.workflow.on_failure
    for step in dict.fromkeys([*(task.step for task in request.graph.tasks), *([handler] if handler else [])]):
        options = step.declared
        if options.executor:
            try:
                executors.check(options.executor)
            except UsageError as error:
                told = f"step '{step.name}' ({place_of(step.fn)}): {error.message}"
                if options.executor in executors:
                    raise UsageError(told, help=error.help) from None
                wrong.append(told)
            names.add(options.executor)
        elif options.timeout is not None and not step.concurrent and default in ("inline", "threads"):
            names.add("processes")
    if wrong:
        raise WorkflowError(
            "steps name executors that there are not",
            problems=wrong,
            help=f"use one of {', '.join(executors.names())}, or install the plugin that brings what is missing",
        )
    if not isinstance(request.executor, str) and request.executor.traits.shares_memory:
        names.discard(GIVEN)
    return names


class Opener:
    """Opens the executors of a run, each with a flight file of its own, since each numbers its workers from 0.

    Args:
        request: The run.
        facts: What workers must know.
        flight: The run's flight file.
    """

    def __init__(self, request: Request, facts: RunFacts, flight: Flight) -> None:
        self._request = request
        self._facts = facts
        self._flight = flight
        self._flights: dict[str, Flight] = {}

    def open(self, name: str, deliver: Deliver) -> Executor:
        """Open an executor. One that can't start fails the tasks that it is given, and those only.

        Args:
            name: Its name.
            deliver: Takes what it tells.
        """
        flight = self._flight.beside(len(self._flights)) if self._flights else self._flight
        self._flights[name] = flight
        facts = replace(self._facts, flight=str(flight.path), executor=name)
        executor: Executor | None = None
        try:
            given = self._request.executor
            if name == GIVEN and not isinstance(given, str):
                executor = given
            else:
                options = self._request.executor_options.get(name, {})
                executor = self._request.plugins.executors.make(name, workers=self._request.workers, **options)
            executor.start(facts, deliver)
        except Exception as error:  # noqa: BLE001 - a plugin's executor may raise anything
            if executor is not None:
                close_all([executor], 0)
            executor = _broken(f"'{name}'{self._source(name)}", error)
            executor.start(facts, deliver)
        return executor

    def _source(self, name: str) -> str:
        """Tell which plugin brings an executor; nothing for the core's own, and for one that was given."""
        registry = self._request.plugins.executors
        source = registry.entry(name).source if name in registry else ""
        return f" of {source}" if name not in EXECUTORS and source else ""

    def in_flight(self, name: str, worker: int) -> InFlight | None:
        """Tell what a worker of an executor was making when it was last heard of."""
        return self._flights[name].slot(worker).get()


def close_all(executors: Iterable[Executor], grace: float) -> None:
    """Close executors; all of them together get the grace period, and none is left open for what another raises.

    Args:
        executors: Which, in the order in which they were opened. The last is closed first: each that works in this
            process put its output streams in front of those that it found.
        grace: Seconds that running attempts get to end.
    """
    end = time.monotonic() + grace
    for executor in reversed(list(executors)):
        try:
            executor.close(max(0.0, end - time.monotonic()))
        except Exception:  # noqa: BLE001 - a plugin's executor may raise anything
            _log.exception("an executor could not be closed")


def _broken(what: str, error: Exception) -> BrokenExecutor:
    failure = failure_of(error, ())
    if not isinstance(error, HooklineError):
        failure = failure._replace(message=f"{failure.type}: {failure.message}")
    return BrokenExecutor(failure._replace(message=f"the executor {what} can't start: {failure.message}"))
