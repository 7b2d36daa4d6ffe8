"""How a run's progress is shown: a live table on a terminal, sparse lines elsewhere, nothing when asked to be quiet."""

from __future__ import annotations

import contextlib
import os
import sys
from typing import TYPE_CHECKING, Protocol

from hookline.cli.output import divert, say
from hookline.cli.tally import Line, Tally
from hookline.cli.wording import clipped, counted, duration, one_line
from hookline.model.events import Event, RunStarted, TaskEnded, TaskRetrying

if TYPE_CHECKING:
    from rich.console import Console, RenderableType

__all__ = ["LiveProgress", "PlainProgress", "Progress", "QuietProgress", "make_progress"]

_MOST_PLAIN_LINES = 40
_MOST_PLAIN_FAILURES = 20
_FIRST_PAUSE = 5.0
_LONGEST_PAUSE = 60.0


class Progress(Protocol):
    """Shows a run while it goes on; told of events by a thread of the engine's."""

    tally: Tally

    def __call__(self, event: Event) -> None:
        """Take in what happened."""
        ...

    def stopping(self, words: str) -> None:
        """Show that the run was asked to stop; may be called in a signal handler."""
        ...

    def close(self) -> None:
        """Show the last state and give the terminal back."""
        ...


def make_progress(quiet: bool) -> Progress:
    """Choose the display that fits where standard error goes."""
    if quiet:
        return QuietProgress()
    if sys.stderr.isatty() and os.environ.get("TERM", "") not in ("dumb", "unknown"):
        return LiveProgress()
    return PlainProgress()


class QuietProgress:
    """Shows nothing, and remembers what failed."""

    def __init__(self) -> None:
        self.tally = Tally()

    def __call__(self, event: Event) -> None:
        """Take in what happened."""
        self.tally.take(event)

    def stopping(self, words: str) -> None:
        """Show nothing."""

    def close(self) -> None:
        """Nothing to give back."""


class PlainProgress:
    """A line when a step is through, and now and then one about the whole run.

    Args:
        tally: What sums the events up.
    """

    def __init__(self, tally: Tally | None = None) -> None:
        self.tally = Tally() if tally is None else tally
        self._told: set[str] = set()
        self._failures = 0
        self._pause = _FIRST_PAUSE
        self._next = self.tally.now() + self._pause

    def __call__(self, event: Event) -> None:
        """Take in what happened, and tell it where it is worth a line."""
        self.tally.take(event)
        if isinstance(event, RunStarted):
            tasks = counted(len(event.tasks), "task")
            say(f"run {event.run_id} of {event.workflow}{' goes on' if event.resumed else ''}: {tasks}")
        elif isinstance(event, TaskEnded):
            self._tell_failure(event)
        elif isinstance(event, TaskRetrying) and self.tally.retries <= _MOST_PLAIN_FAILURES:
            say(
                f"  {one_line(event.task_id)}: attempt {event.number} of {event.of} failed, next in "
                f"{duration(event.delay)}: {one_line(event.error, 200)}"
            )
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
        if self._failures <= _MOST_PLAIN_FAILURES:
            say(f"  {one_line(event.task_id)} {event.state.word}: {one_line(event.error, 200)}")
        elif self._failures == _MOST_PLAIN_FAILURES + 1:
            say("  further failures are only counted")

    def _tell_progress(self, last: bool = False) -> None:
        if len(self.tally) <= _MOST_PLAIN_LINES:
            for line in self.tally.lines():
                if line.over and line.name not in self._told and (line.finished or last):
                    self._told.add(line.name)
                    say(f"  {one_line(line.name)}: {_final(line, self.tally)}")
        now = self.tally.now()
        if now >= self._next and not last:
            self._pause = min(self._pause * 1.5, _LONGEST_PAUSE)
            self._next = now + self._pause
            say(f"  … {self.tally.overall()}")


class LiveProgress:
    """One line per step, redrawn in place.

    Args:
        tally: What sums the events up.
        console: Where to draw; standard error by default.
    """

    def __init__(self, tally: Tally | None = None, console: Console | None = None) -> None:
        from rich.console import Console
        from rich.live import Live

        self.tally = Tally() if tally is None else tally
        # The stream of now: what tasks print is captured by putting others in its place.
        self._console = console or Console(file=sys.stderr, highlight=False, markup=False, emoji=False)
        self._words = ""
        self._closed = False
        self._live = Live(
            console=self._console,
            get_renderable=self._draw,
            refresh_per_second=8,
            redirect_stdout=False,
            redirect_stderr=False,
        )
        self._started = False

    def __call__(self, event: Event) -> None:
        """Take in what happened; it is drawn with the next refresh."""
        self.tally.take(event)
        if isinstance(event, RunStarted) and not self._started:
            self._started = True
            divert(lambda text: self._console.print(text, soft_wrap=True))
            self._live.start()

    def stopping(self, words: str) -> None:
        """Show under the lines that the run was asked to stop."""
        self._words = words

    def close(self) -> None:
        """Draw the last state and leave it there."""
        if self._started and not self._closed:
            self._closed = True
            self._words = ""
            self._live.stop()
            divert(None)

    def _draw(self) -> RenderableType:
        from rich.text import Text

        width, height = self._console.size
        lines = self.tally.lines()
        shown, rest = _choose(lines, max(height - 4, 3))
        name_width = min(max((len(line.name) for line in shown), default=0), max(width // 3, 10))
        count_width = max((len(line.progress()) for line in shown), default=0)
        text = Text(no_wrap=True, overflow="ellipsis")
        for line in shown:
            self._add_line(text, line, name_width, count_width)
        if rest:
            text.append(
                f"  … {counted(len(rest), 'more step')}, {sum(line.finished for line in rest):,} of them finished\n",
                "dim",
            )
        if self._words:
            text.append(self._words + "\n", "yellow")
        text.append(f"{self.tally.workflow}: {self.tally.overall()}" if not self._closed else "", "dim")
        text.rstrip()
        return text

    def _add_line(self, text: object, line: Line, name_width: int, count_width: int) -> None:
        from rich.text import Text

        assert isinstance(text, Text)
        style = "red" if line.wrong else "green" if line.finished else "cyan" if line.running else "dim"
        text.append(f"{line.symbol} ", style)
        text.append(clipped(line.name, name_width).ljust(name_width), "bold" if line.running else "")
        text.append(f"  {line.progress().rjust(count_width)}")
        details = line.details()
        if details:
            text.append(f"  {details}", "red" if line.wrong else "")
        elapsed = line.elapsed(self.tally.now())
        if elapsed >= 0.05:
            text.append(f"  {duration(elapsed)}", "dim")
        text.append("\n")


def _final(line: Line, tally: Tally) -> str:
    told = line.details() or "nothing done"
    elapsed = line.elapsed(tally.now())
    return f"{told} in {duration(elapsed)}" if elapsed >= 0.05 and line.executed else told


def _choose(lines: list[Line], room: int) -> tuple[list[Line], list[Line]]:
    """Choose what is shown where there are more lines than room: what runs, then what failed, then the latest."""
    if len(lines) <= room:
        return lines, []
    order = sorted(
        range(len(lines)),
        key=lambda index: (not lines[index].running, not lines[index].wrong, -(lines[index].began or 0.0)),
    )
    kept = set(order[:room])
    return [lines[index] for index in sorted(kept)], [line for index, line in enumerate(lines) if index not in kept]
