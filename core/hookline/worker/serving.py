"""A worker for executors of plugins: it makes attempts in the process that it is made in, and answers in messages."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Sequence
from pathlib import Path

from hookline.errors import HooklineError
from hookline.model.batch import Batch, Deliver, Failure, Finished, Outcome, RunFacts, Started, python_minor
from hookline.worker.environment import take_environment
from hookline.worker.failures import failure_of
from hookline.worker.importing import import_problem
from hookline.worker.local import LocalWorkers
from hookline.worker.target import import_target

__all__ = ["Worker"]


class Worker:
    """Makes attempts of a run in this process, which an executor started for that and for nothing else.

    Hooks, providers, captured output and stored results are all as on the executors that come with hookline. What goes
    wrong, such as an import of the workflow's file, fails the batches that come: nothing is raised for it.

    Args:
        run: What the executor was told about the run.
        number: The worker's number among those of its executor: from 0, and only one at a time has it.
    """

    def __init__(self, run: RunFacts, number: int = 0) -> None:
        self._number = number
        self._workers: LocalWorkers | None = None
        self._broken: Failure | None = None
        sys.argv = [run.target_file]
        try:
            self._workers = _opened(run)
        except BaseException as error:  # noqa: BLE001 - an import of the user's may raise anything
            self._broken = failure_of(error, ())

    def run(self, batch: Batch, deliver: Deliver) -> None:
        """Make the attempts of a batch.

        Args:
            batch: The batch, as the executor was given it.
            deliver: Takes the messages that the executor hands on: one ``Started``, and ``Finished`` until one of them
                is ``done``. Called in this thread.
        """
        number = self._number
        deliver(Started(batch.number, number))
        if self._workers is None:
            deliver(Finished.failed(batch, self._broken or "the worker is closed", number))
            return

        def emit(outcomes: list[Outcome], done: bool, positions: Sequence[int] | None = None) -> None:
            deliver(Finished(batch.number, number, outcomes, done, positions))

        take_environment(batch.work)
        self._workers.run(batch, emit, number)

    def cancel(self, batches: Iterable[int]) -> None:
        """Ask batches to end before their next attempt, and steps that ask ``attempt().cancelled()``.

        Args:
            batches: Their numbers. May be called from another thread, and before they are run.
        """
        if self._workers is not None:
            self._workers.cancel(batches)

    def close(self) -> None:
        """Close what providers and plugins opened, in the thread that made the attempts."""
        if self._workers is not None:
            self._workers.leave(self._number)
            self._workers.close()
            self._workers = None


def _opened(run: RunFacts) -> LocalWorkers:
    if run.python not in ("", python_minor()):
        raise HooklineError(
            f"the worker has Python {python_minor()} ({sys.executable}), and the run was started with {run.python}: "
            "results of one would be reused by the other",
            help=f"let the executor use a Python {run.python}, or start the run with {python_minor()}",
        )
    if run.target_module:
        try:
            import_target(run.target_module, run.target_file, run.search_path, run.plugins)
        except (Exception, SystemExit) as error:
            raise import_problem(Path(run.target_file), error) from error
    return LocalWorkers(run, own_process=True)
