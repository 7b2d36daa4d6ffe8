"""Opens files of text, compressed or not."""

from __future__ import annotations

import contextlib
import gzip
import io
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import IO

from hookline import HooklineError

__all__ = ["open_text", "undecodable"]


@contextlib.contextmanager
def open_text(path: Path, name: str, encoding: str) -> Iterator[IO[str]]:
    """Open a file of text; line breaks stay as they are.

    Args:
        path: The file; what ends in ``.gz`` is unpacked.
        name: What the user knows it as.
        encoding: How it is encoded; a mark of UTF-8 at its beginning is left out.

    Raises:
        HooklineError: It can't be read.
    """
    try:
        with _raw(path) as raw, io.TextIOWrapper(raw, _unmarked(encoding), newline="") as file:
            yield file
    except (gzip.BadGzipFile, EOFError, zlib.error) as error:
        raise HooklineError(
            f"'{name}' is no sound gzip file: {str(error) or type(error).__name__}", help="it may be cut off"
        ) from error
    except FileNotFoundError as error:
        raise HooklineError(
            f"'{name}' vanished: it was there when the run was planned", help="run again, or bring it back"
        ) from error
    except OSError as error:
        raise HooklineError(f"'{name}' can't be read: {error.strerror or error}") from error


def undecodable(path: Path, name: str, encoding: str, error: UnicodeDecodeError) -> HooklineError:
    """Word that a file has another encoding, with the line in which that shows.

    Args:
        path: The file.
        name: What the user knows it as.
        encoding: The encoding that it does not have.
        error: What was raised.
    """
    line = 0
    with _raw(path) as raw:
        # The decoder is given pieces, so that its own number is of no use.
        try:
            raw.read().decode(_unmarked(encoding))
        except UnicodeDecodeError as whole:
            line = bytes(whole.object[: whole.start]).count(b"\n") + 1
    place = f" in line {line}" if line else ""
    return HooklineError(
        f"'{name}' is not encoded in {encoding}{place}: {error.reason}", help="set 'encoding' in the source's table"
    )


def _raw(path: Path) -> IO[bytes]:
    return gzip.open(path) if path.suffix == ".gz" else path.open("rb")  # type: ignore[return-value]


def _unmarked(encoding: str) -> str:
    return "utf-8-sig" if encoding == "utf-8" else encoding
