"""Attempts in another Python interpreter, and what helps with that.

What the plugin adds to hookline, on one page. It is imported in each worker, too, so it imports little.
"""

import functools
import os
import platform
import time
from collections.abc import Generator

from hookline import AttemptFacts, GraphEditor, Outcome, Plugin, Register, RegisterSteps, hookimpl
from hookline_outpost.executor import OutpostExecutor
from hookline_outpost.settings import OutpostSettings
from hookline_outpost.steps import portable

plugin = Plugin("outpost", settings=OutpostSettings)


@hookimpl
def register_steps(register: RegisterSteps) -> None:
    """Add the step ``outpost.portable``."""
    register(
        "portable", "hookline_outpost.steps:portable", summary="Refuse a value that only some interpreters can read."
    )


@hookimpl
def register_executors(register: Register, settings: OutpostSettings) -> None:
    """Add the executor ``outpost``."""
    register("outpost", functools.partial(OutpostExecutor, settings.python))


@hookimpl
def rewrite_graph(graph: GraphEditor, settings: OutpostSettings) -> None:
    """Check the values of tasks that are tagged for it."""
    if settings.portable:
        for task in graph.tasks(tag=settings.portable):
            graph.insert_after(task, portable)


@hookimpl
def around_attempt(attempt: AttemptFacts) -> Generator[None, Outcome, None]:
    """Record with each attempt which interpreter made it, and what that cost in processor time."""
    before = time.process_time()
    yield
    attempt.metadata["made_by"] = {
        "python": platform.python_version(),
        "process": os.getpid(),
        "cpu_seconds": round(time.process_time() - before, 3),
    }
