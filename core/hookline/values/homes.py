"""Where the classes that a stored value names are found when a notebook stored it and a file loads it, or the reverse.

A stream names a class by its module: ``__main__`` in a notebook, ``churn`` for ``churn.py``. The same text in both has
the same keys, so values cross from one to the other. The class is then the one of the same name on the other side, if
its code is what the value's container says. A module that is loaded under the name in the stream is never passed over.
"""

from __future__ import annotations

import io
import pickle
import sys
import types
from collections.abc import Callable
from typing import Any

from hookline.errors import HooklineError

__all__ = ["load", "note_code_digest", "note_module", "note_shell"]

_MAIN = "__main__"
_KINDS = (type, types.FunctionType)
_MISSING = object()

_files: list[str] = []
"""Names of the modules that workflows' files are loaded under, the latest last."""

_noted: dict[str, Any] = {}


def note_module(name: str) -> None:
    """Note that a workflow's file is loaded under that name: what a notebook defined may be found there."""
    if name in _files:
        _files.remove(name)
    _files.append(name)


def note_shell() -> None:
    """Note that a notebook's or shell's definitions were brought to this worker's ``__main__``."""
    _noted["shell"] = True


def note_code_digest(code_digest: Callable[[frozenset[object]], bytes]) -> None:
    """Note what digests the code of classes from now on."""
    _noted["code digest"] = code_digest


def load(stream: bytes | memoryview, buffers: Any, code: bytes) -> object:
    """Load a pickle stream that names project classes.

    Args:
        stream: The stream.
        buffers: Its memory out of band.
        code: The digest of the code of all that it names.

    Returns:
        The value.

    Raises:
        HooklineError: What it names is nowhere in this process.
    """
    shell = _is_shell()
    if not shell and _MAIN.encode() not in bytes(stream):
        return pickle.loads(stream, buffers=buffers)
    problem: Exception | None = None
    spare: list[object] = []
    for home in [_MAIN, ""] if shell else ["", *reversed(_files)]:
        reader = _Reader(io.BytesIO(stream), buffers=buffers)
        reader.home, reader.found, reader.moved = home, set(), False
        try:
            value = reader.load()
        except (AttributeError, ImportError) as error:
            problem = problem or error
            continue
        digest = _noted.get("code digest")
        by_name = shell and not reader.moved
        if by_name or (digest is not None and digest(frozenset(reader.found)) == code):
            return value
        spare.append(value)
    if spare:
        # Code that was edited since, or can't be compared: by name, as pickle does.
        return spare[-1] if shell else spare[0]
    raise HooklineError(
        f"a stored value can't be loaded here: {problem}",
        help="define what it needs here, as where it was stored (a notebook, or a file with the same text), or run "
        "with fresh=True (--fresh)",
    ) from problem


class _Reader(pickle.Unpickler):
    """Looks for what the stream names in one more place than pickle does, and notes what it finds.

    Attributes:
        home: Name of the module that stands for one that is not here; empty for none.
        found: The classes and functions.
        moved: Whether one was found elsewhere than under the stream's name.
    """

    home: str
    found: set[object]
    moved: bool

    def find_class(self, module: str, name: str, /) -> Any:
        thing = _MISSING
        if self.home and (module == _MAIN or module not in sys.modules):
            thing = _own(self.home, name)
            self.moved |= thing is not _MISSING and self.home != module
        if thing is _MISSING:
            thing = super().find_class(module, name)
        if isinstance(thing, _KINDS):
            self.found.add(thing)
        return thing


def _own(home: str, name: str) -> Any:
    """Look up what a module itself defines."""
    found: Any = sys.modules.get(home)
    for part in name.split("."):
        found = getattr(found, part, _MISSING)
    return found if isinstance(found, _KINDS) and found.__module__ == home else _MISSING


def _is_shell() -> bool:
    return "shell" in _noted or not hasattr(sys.modules[_MAIN], "__file__")
