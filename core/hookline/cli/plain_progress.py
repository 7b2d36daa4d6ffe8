"""Progress where standard error is no terminal: a file, a pipe, a build server."""

from __future__ import annotations

import contextlib
import os
import sys

from hookline.cli.output import say
from hookline.cli.tally import CONNECTING, Line, Tally
from hookline.cli.wording import counted, duration, one_line
from hookline.model.events import Event, PlacesChanged, RunStarted, TaskEnded, TaskRetrying

__all__ = ["PlainProgress"]

_MOST_LINES = 40
_MOST_FAILURES = 20
_FIRST_PAUSE = 5.0
_LONGEST_PAUSE = 60.0


class PlainProgress:
    """A line when a step is through, and now and then one about the whole run.

    Args:
        tally: What sums the events up.
    """

    def __init__(self, tally: Tally | None = None) -> None:
        self.tally = Tally() if tally is None else tally
        self._told: set[str] = set()
        self._places: dict[str, tuple[int, int]] = {}
        self._failures = 0
        self._pause = _FIRST_PAUSE
        self._next = self.tally.now() + self._pause

    def __call__(self, event: Event) -> None:
        """Take in what happened, and tell it where it is worth a line."""
        self.tally.take(event)
        if isinstance(event, RunStarted):
            tasks = counted(len(event.tasks), "task")
            if self.tally.partitions:
                tasks += f" in {counted(self.tally.partitions, 'partition')}"
            say(f"run {event.run_id} of {event.workflow}{' goes on' if event.resumed else ''}: {tasks}")
        elif isinstance(event, TaskEnded):
            self._tell_failure(event)
        elif isinstance(event, TaskRetrying) and self.tally.retries <= _MOST_FAILURES:
            say(
                f"  {one_line(event.task_id)}: attempt {event.number} of {event.of} failed, next in "
                f"{duration(event.delay)}: {one_line(event.error, 200)}"
            )
        elif isinstance(event, PlacesChanged):
            self._tell_places(event)
        self._tell_progress()

    def stopping(self, words: str) -> None:
        """Say that the run was asked to stop; past the stream's buffer, which the interrupted code may hold."""
        with contextlib.suppress(OSError, ValueError):
            os.write(sys.stderr.fileno(), f"{words}\n".encode())

    def close(self) -> None:
        """Tell what was not told yet."""
        self._tell_progress(last=True)

    def _tell_failure(self, event: TaskEnded) -> None:
        self._failures += 1
        if self._failures <= _MOST_FAILURES:
            say(f"  {one_line(event.task_id)} {event.state.word}: {one_line(event.error, 200)}")
        elif self._failures == _MOST_FAILURES + 1:
            say("  further failures are only counted")

    def _tell_places(self, event: PlacesChanged) -> None:
        places = event.nodes, event.slots
        if self._places.get(event.executor) != places:
            self._places[event.executor] = places
            known = f"{counted(event.nodes, 'node')}, {counted(event.slots, 'slot')}" if event.nodes else CONNECTING
            say(f"  {one_line(event.executor)}: {known}")

    def _tell_progress(self, last: bool = False) -> None:
        if len(self.tally) <= _MOST_LINES:
            for line in self.tally.lines():
                if line.over and line.name not in self._told and (line.finished or last):
                    self._told.add(line.name)
                    say(f"  {one_line(line.name)}: {_final(line, self.tally)}")
        now = self.tally.now()
        if now >= self._next and not last:
            self._pause = min(self._pause * 1.5, _LONGEST_PAUSE)
            self._next = now + self._pause
            say(f"  … {self.tally.overall()}")


def _final(line: Line, tally: Tally) -> str:
    told = line.details() or "nothing done"
    elapsed = line.elapsed(tally.now())
    return f"{told} in {duration(elapsed)}" if elapsed >= 0.05 and line.executed else told
