"""What reaches the terminal: results on standard output, everything else on standard error.

A reader that goes away (``| head``) is no error: what follows is dropped, and the exit code stays what it was.
"""

from __future__ import annotations

import json
import os
import select
import sys
from collections.abc import Callable
from typing import TextIO

from hookline.model.masking import mask

__all__ = ["divert", "emphasised", "prepare_streams", "reader_left", "say", "show", "show_json", "tell_error"]

_STYLES = {"bold": "1", "red": "1;31", "green": "32", "yellow": "33", "dim": "2"}
_diverted: list[Callable[[str], None]] = []


def show(text: str = "") -> None:
    """Write a line of results to standard output."""
    _write(sys.stdout, text)


def show_json(document: object) -> None:
    """Write a document as one line to standard output; made of ASCII, so that no terminal acts on it."""
    show(json.dumps(document, allow_nan=False))


def say(text: str = "") -> None:
    """Write a line about what happens to standard error; what has to stay secret is masked, whoever wrote it."""
    text = mask(text)
    if _diverted:
        _diverted[-1](text)
    else:
        _write(sys.stderr, text)


def divert(writer: Callable[[str], None] | None) -> None:
    """Let a live display take the lines of :func:`say` while it owns the terminal.

    Args:
        writer: What takes them; None to end the innermost diversion.
    """
    if writer is not None:
        _diverted.append(writer)
    elif _diverted:
        _diverted.pop()


def tell_error(message: str, remedy: str = "", kind: str = "error") -> None:
    """Write what is wrong, and what to do about it."""
    say(f"{emphasised(kind + ':', 'red', sys.stderr)} {message}")
    for line in remedy.splitlines():
        say(f"{emphasised('help:', 'bold', sys.stderr)} {line}")


def emphasised(text: str, style: str, stream: TextIO) -> str:
    """Add a style to a text where the stream is a terminal that wants it."""
    if os.environ.get("NO_COLOR") or os.environ.get("TERM") == "dumb" or not stream.isatty():
        return text
    return f"\x1b[{_STYLES[style]}m{text}\x1b[0m"


def prepare_streams() -> None:
    """Let no character that the terminal's encoding lacks end the program."""
    for stream in (sys.stdout, sys.stderr):
        reconfigure = getattr(stream, "reconfigure", None)
        if reconfigure is not None:
            reconfigure(errors="backslashreplace")


def flush() -> None:
    """Write out what is buffered, and let the interpreter's own flush at exit find nothing to complain about."""
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except (BrokenPipeError, ValueError):
            _discard(stream)


def reader_left() -> bool:
    """Tell whether whoever reads what is written went away; what follows is dropped then."""
    left = [stream for stream in (sys.stdout, sys.stderr) if _reader_left(stream)]
    for stream in left:
        _discard(stream)
    return bool(left)


def _reader_left(stream: TextIO) -> bool:
    # A stream says it once only, to whoever wrote.
    poll = select.poll()
    try:
        poll.register(stream.fileno(), 0)
    except (OSError, ValueError):
        return False  # it was closed, or is none of the system's
    return any(event & (select.POLLERR | select.POLLHUP) for _, event in poll.poll(0))


def _write(stream: TextIO, text: str) -> None:
    try:
        stream.write(text + "\n")
        stream.flush()
    except BrokenPipeError:
        _discard(stream)
    except ValueError:
        # Closed by whoever started us.
        return


def _discard(stream: TextIO) -> None:
    try:
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, stream.fileno())
        os.close(nowhere)
    except (OSError, ValueError):
        return
