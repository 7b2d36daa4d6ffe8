"""Progress on a terminal: one line per step, redrawn in place."""

from __future__ import annotations

import sys

from rich.console import Console
from rich.live import Live
from rich.text import Text

from hookline.cli.output import divert
from hookline.cli.tally import Line, Tally, chosen_lines
from hookline.cli.wording import clipped, counted, duration, one_line
from hookline.model.events import Event, RunStarted

__all__ = ["LiveProgress"]


class LiveProgress:
    """One line per step, redrawn in place.

    Args:
        tally: What sums the events up.
        console: Where to draw; standard error by default.
    """

    def __init__(self, tally: Tally | None = None, console: Console | None = None) -> None:
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

    def _draw(self) -> Text:
        width, height = self._console.size
        lines = self.tally.lines()
        used = [] if self._closed else self.tally.used()
        shown, rest = chosen_lines(lines, max(height - 4 - len(used), 3))
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
        for words in used:
            text.append(f"{one_line(words)}\n", "dim")
        if self._words:
            text.append(self._words + "\n", "yellow")
        text.append(f"{self.tally.workflow}: {self.tally.overall()}" if not self._closed else "", "dim")
        text.rstrip()
        return text

    def _add_line(self, text: Text, line: Line, name_width: int, count_width: int) -> None:
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
