"""Code of a ``__main__`` without a file (a notebook, a shell) on its way to workers: a function and all classes."""

from __future__ import annotations

import io
import linecache
import pickle
import sys
from collections.abc import Callable
from pathlib import Path
from types import FunctionType
from typing import Any, cast

from hookline.values.homes import note_shell
from hookline.values.serializers import without_warnings

__all__ = ["bundle", "is_of_shell", "unbundle"]

_placed: set[str] = set()


def bundle(function: Callable[..., Any]) -> bytes | None:
    """Pickle a function together with the classes of its ``__main__``.

    A worker may get a value of a class that the function itself never names, so all of them go along.

    Args:
        function: One for which :func:`is_of_shell` holds.

    Returns:
        What :func:`unbundle` takes; None where cloudpickle can't pickle the function.
    """
    classes, texts = _classes(), _texts()
    # What was pickled is not loaded here as a trial: that would give the user's classes copies of their own methods.
    whole = _pickled((function, classes, texts))
    if whole is None:
        kept = {name: kind for name, kind in classes.items() if _pickled(kind) is not None}
        whole = _pickled((function, kept, texts))
    return whole


def unbundle(code: bytes) -> Callable[..., Any]:
    """Give the function back, and let its classes be found by name.

    cloudpickle knows a class that has been here before: each bundle of a driver brings the same one.

    Args:
        code: What :func:`bundle` gave.

    Returns:
        The function.
    """
    function, classes, texts = pickle.loads(code)
    note_shell()
    for file, text in texts.items():
        linecache.cache[file] = (len(text), None, text.splitlines(keepends=True), file)
    main = sys.modules["__main__"]
    for name, kind in classes.items():
        # The worker's own names stay; of the user's the latest counts.
        if name in _placed or not hasattr(main, name):
            _placed.add(name)
            setattr(main, name, kind)
    return cast("Callable[..., Any]", function)


def is_of_shell(function: Callable[..., Any]) -> bool:
    """Tell whether a ``__main__`` without a file defines a function."""
    if getattr(function, "__module__", None) != "__main__":
        return False
    file = getattr(sys.modules.get("__main__"), "__file__", None)
    # What is piped into Python has the "file" <stdin>.
    return not (isinstance(file, str) and Path(file).is_file())


def _classes() -> dict[str, type]:
    held = list(vars(sys.modules["__main__"]).items())
    return {
        name: thing
        for name, thing in held
        if isinstance(thing, type) and thing.__module__ == "__main__" and thing.__qualname__ == name
    }


def _texts() -> dict[str, str]:
    """Give the cells of what ``__main__`` defines now: code is compared, and tracebacks are written, by its text."""
    files: set[str] = set()
    for thing in list(vars(sys.modules["__main__"]).values()):
        members = vars(thing).values() if isinstance(thing, type) else [getattr(thing, "fn", thing)]
        files.update(member.__code__.co_filename for member in members if isinstance(member, FunctionType))
    # A real file is there to be read; a cell is only in linecache, where IPython put it.
    cells = {file: "".join(linecache.getlines(file)) for file in sorted(files) if not Path(file).is_file()}
    return {file: text for file, text in cells.items() if text}


def _pickled(thing: object) -> bytes | None:
    import cloudpickle

    sink = io.BytesIO()
    try:
        with without_warnings():
            cloudpickle.Pickler(sink, protocol=5).dump(thing)
    except Exception:  # noqa: BLE001 - what cloudpickle meets may raise anything
        return None
    return sink.getvalue()
