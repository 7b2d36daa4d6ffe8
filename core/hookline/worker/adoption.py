"""Giving what a running script defines the names that it would have if its file had been imported.

Pickles then name the file's stable module, so that digests are the same whichever way a run is started.
"""

from __future__ import annotations

import contextlib
import gc
import sys
from collections.abc import Iterator
from types import FunctionType, ModuleType
from typing import Any

from hookline.worker.importing import note_target
from hookline.worker.naming import Naming

__all__ = ["adopt"]


def adopt(module: ModuleType, name: str, naming: Naming) -> None:
    """Rename what a module defines.

    Args:
        module: The module.
        name: The name that its definitions go by now, such as ``"__main__"``.
        naming: The stable name of its file.
    """
    stable = naming.module_name
    if sys.modules.get(stable) is not module:
        sys.modules[stable] = module
    if not naming.packaged:
        sys.modules.setdefault(naming.file.stem, module)
    note_target(naming)
    for thing in _definitions(module, name, str(naming.file)):
        with contextlib.suppress(AttributeError, TypeError):
            thing.__module__ = stable


def _definitions(module: ModuleType, name: str, file: str) -> Iterator[Any]:
    namespace = vars(module)
    # Every function keeps its module's namespace, wherever it hides: in classes, containers, decorators.
    for thing in gc.get_referrers(namespace):
        if isinstance(thing, FunctionType) and thing.__module__ == name and _is_of(thing, file):
            yield thing
    for kind in _subclasses(object):
        if kind.__module__ == name and _is_defined(kind, namespace):
            yield kind
    for value in list(namespace.values()):
        # Steps, workflows and other wrappers carry a copy of their function's name.
        own = getattr(value, "__dict__", None)
        if own and not isinstance(value, (ModuleType, type, FunctionType)) and own.get("__module__") == name:
            yield value


def _is_of(function: FunctionType, file: str) -> bool:
    # What is typed into a shell that a script left open has no file; what dataclasses make has one of no file.
    code = function.__code__.co_filename
    return code == file or (not code.startswith("<stdin") and not code.startswith("<ipython"))


def _is_defined(kind: type, namespace: dict[str, Any]) -> bool:
    top: Any = namespace
    for part in kind.__qualname__.split("."):
        top = top.get(part) if isinstance(top, dict) else getattr(top, part, None)
    return top is kind or "<locals>" in kind.__qualname__


def _subclasses(kind: type) -> Iterator[type]:
    seen: set[type] = set()
    waiting = [kind]
    while waiting:
        below: list[type] = type.__subclasses__(waiting.pop())
        for sub in below:
            if sub not in seen:
                seen.add(sub)
                waiting.append(sub)
                yield sub
