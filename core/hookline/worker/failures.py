"""Failures as data: what is kept of an exception, since exceptions themselves never travel."""

from __future__ import annotations

import linecache
import os
import sysconfig
import traceback
from collections.abc import Callable
from pathlib import Path
from types import TracebackType

from hookline.errors import ArtifactError, HooklineError, ProviderError
from hookline.model.batch import Failure
from hookline.model.masking import mask
from hookline.model.wrapping import unwrapped

__all__ = ["failure_of"]

_PACKAGE = str(Path(__file__).resolve().parents[1]) + os.sep
_LIBRARIES = tuple({sysconfig.get_path(name) for name in ("stdlib", "platstdlib", "purelib", "platlib")})
_TEXT_LIMIT = 100_000
_FINAL = (SystemExit, KeyboardInterrupt, ArtifactError)


def failure_of(
    error: BaseException,
    retry_on: tuple[type[BaseException], ...],
    function: Callable[..., object] | None = None,
) -> Failure:
    """Describe an exception that ended an attempt.

    Args:
        error: What was raised.
        retry_on: What the step says is worth a retry.
        function: The step's function, which is named where no line of the user's was running.

    Returns:
        Its type, text and traceback from the user's first frame on, and the user's innermost line.
    """
    if isinstance(error, ProviderError) and error.__cause__ is not None:
        # Of the type that it was raised with: so the step's retry_on can name it.
        return failure_of(error.__cause__, retry_on, function)._replace(message=_message(error))
    trace = _users_part(error.__traceback__)
    text = "".join(traceback.format_exception(type(error), error, trace))
    frame = _frame(trace) if trace is not None else _place_of(function)
    kind = type(error)
    plain = kind.__module__ in ("builtins", "__main__") or isinstance(error, HooklineError)
    name = kind.__qualname__ if plain else f"{kind.__module__}.{kind.__qualname__}"
    # sys.exit() in a step is a failure of that task; trying again would say the same. So would a damaged input.
    retryable = isinstance(error, retry_on) and not isinstance(error, _FINAL)
    return Failure(name, _message(error), _shortened(text), frame, retryable)


def _message(error: BaseException) -> str:
    if isinstance(error, SystemExit):
        return f"the step called sys.exit({'' if error.code is None else mask(repr(error.code))})"
    try:
        return _shortened(str(error))
    except Exception as broken:  # noqa: BLE001 - the user's __str__ may raise anything
        return f"(its text can't be made: {type(broken).__name__})"


def _users_part(trace: TracebackType | None) -> TracebackType | None:
    start = trace
    while start is not None and start.tb_frame.f_code.co_filename.startswith(_PACKAGE):
        start = start.tb_next
    return start


def _place_of(function: Callable[..., object] | None) -> str:
    code = None if function is None else getattr(unwrapped(function), "__code__", None)
    return f"{_near(code.co_filename)}:{code.co_firstlineno} in {code.co_name}" if code is not None else ""


def _frame(trace: TracebackType | None) -> str:
    own: TracebackType | None = None
    last = trace
    while trace is not None:
        file = trace.tb_frame.f_code.co_filename
        if not file.startswith((*_LIBRARIES, _PACKAGE, "<")):
            own = trace
        last, trace = trace, trace.tb_next
    chosen = own or last
    if chosen is None:
        return ""
    code = chosen.tb_frame.f_code
    line = linecache.getline(code.co_filename, chosen.tb_lineno, chosen.tb_frame.f_globals).strip()
    where = f"{_near(code.co_filename)}:{chosen.tb_lineno} in {code.co_name}"
    return mask(f"{where}: {line}") if line else where


def _near(file: str) -> str:
    try:
        return str(Path(file).relative_to(Path.cwd()))
    except (ValueError, OSError):
        return file


def _shortened(text: str) -> str:
    text = mask(text)
    if len(text) <= _TEXT_LIMIT:
        return text
    half = _TEXT_LIMIT // 2
    return f"{text[:half]}\n… {len(text) - 2 * half} characters left out …\n{text[-half:]}"
