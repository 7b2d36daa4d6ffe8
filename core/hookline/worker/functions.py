"""Steps' functions on their way to workers: by name where a worker can import them, else by value."""

from __future__ import annotations

import functools
import importlib
import io
import pickle
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from types import FunctionType, ModuleType
from typing import Any, cast

from hookline.errors import HooklineError, WorkflowError
from hookline.model.step import Step
from hookline.model.work import FunctionRef
from hookline.model.wrapping import wrapped, wrapping
from hookline.values.digest import digest_bytes
from hookline.values.serializers import load_dill, without_warnings
from hookline.worker.importing import is_target
from hookline.worker.shell import bundle, is_of_shell, unbundle

__all__ = ["export", "find"]

Function = Callable[..., Any]

_DILL, _CLOUDPICKLE, _BUNDLE = b"d", b"c", b"b"

_exported: dict[int, tuple[Function, FunctionRef]] = {}
_loaded_once: dict[bytes, Function] = {}
_lock = threading.RLock()


def export(function: Function) -> FunctionRef:
    """Tell workers how to find a function.

    Args:
        function: A step's plain function.

    Returns:
        Its module and name where importing these on a worker gives the same code, else its bytes.

    Raises:
        WorkflowError: It holds something that can't travel; says what, and how it is reached.
    """
    parts = wrapping(function)
    if parts is not None:
        return FunctionRef(wraps=(export(parts[0]), export(parts[1])))
    ref = _by_name(function)
    if ref is not None:
        return ref
    with _lock:
        if is_of_shell(function):
            # Another cell may have changed what it refers to since the last run.
            return _by_value(function)
        known = _exported.get(id(function))
        if known is None:
            # The function is kept, so that its id stays its own.
            known = _exported[id(function)] = (function, _by_value(function))
        return known[1]


def find(ref: FunctionRef) -> Function:
    """Get a function on a worker.

    Args:
        ref: What :func:`export` gave; the bytes may be left out once they have been here.

    Returns:
        The function; the same object each time.

    Raises:
        HooklineError: The bytes have never been here.
        Exception: Whatever importing its module raises.
    """
    if ref.wraps is not None:
        return wrapped(find(ref.wraps[0]), find(ref.wraps[1]))
    if ref.module:
        return _imported(ref.module, ref.qualname)
    with _lock:
        function = _loaded_once.get(ref.digest)
        if function is None:
            function = _loaded_once[ref.digest] = _loaded(ref)
        return function


def _by_name(function: Function) -> FunctionRef | None:
    name, qualname = getattr(function, "__module__", None), getattr(function, "__qualname__", "")
    module = sys.modules.get(name or "")
    if module is None or not name or name == "__main__" or "<" in qualname:
        return None
    if _at(module, qualname) is not function or not (is_target(name) or _importable(name, module)):
        return None
    return FunctionRef(name, qualname)


def _at(module: ModuleType, qualname: str) -> Any:
    """What a worker gets by that name: a step stands for its function."""
    found: Any = module
    for part in qualname.split("."):
        found = getattr(found, part, None)
    return found.fn if isinstance(found, Step) else found


@functools.cache
def _importable(name: str, module: ModuleType) -> bool:
    """Tell whether importing a name anew would load the same file."""
    file = getattr(module, "__file__", None)
    if file is None:
        return False
    package, _, _ = name.rpartition(".")
    path = None
    if package:
        parent = sys.modules.get(package)
        path = getattr(parent, "__path__", None)
        if parent is None or path is None:
            return False
    for finder in sys.meta_path:
        spec = finder.find_spec(name, path)
        if spec is not None:
            return spec.origin is not None and Path(spec.origin).resolve() == Path(file).resolve()
    return False


def _by_value(function: Function) -> FunctionRef:
    code = _bundled(function) or _dilled(function) or _cloudpickled(function)
    if code is None:
        raise _cannot_travel(function)
    return FunctionRef(code=code, digest=digest_bytes(code))


def _bundled(function: Function) -> bytes | None:
    code = bundle(function) if is_of_shell(function) else None
    return None if code is None else _BUNDLE + code


def _dilled(thing: object) -> bytes | None:
    dill = load_dill()
    try:
        with without_warnings():
            code = bytes(dill.dumps(thing, protocol=5, recurse=True))
            dill.loads(code)
    except Exception:  # noqa: BLE001 - dill, and what it meets, may raise anything
        return None
    return _DILL + code


def _cloudpickled(thing: object) -> bytes | None:
    import cloudpickle

    sink = io.BytesIO()
    try:
        with without_warnings():
            cloudpickle.CloudPickler(sink, protocol=5).dump(thing)
            pickle.loads(sink.getvalue())
    except Exception:  # noqa: BLE001 - as above
        return None
    return _CLOUDPICKLE + sink.getvalue()


def _imported(module: str, qualname: str) -> Function:
    found = _at(importlib.import_module(module), qualname)
    if found is None:
        raise HooklineError(
            f"the module '{module}' has no function '{qualname}' on the worker",
            help="don't change the workflow's files while it runs; start the run again",
        )
    return cast("Function", found)


def _loaded(ref: FunctionRef) -> Function:
    if not ref.code:
        raise HooklineError("a function's code did not reach the worker", help="start the run again")
    kind, code = ref.code[:1], ref.code[1:]
    if kind == _BUNDLE:
        return unbundle(code)
    return cast("Function", load_dill().loads(code) if kind == _DILL else pickle.loads(code))


def _cannot_travel(function: Function) -> HooklineError:
    from hookline.worker.offence import offence

    name = getattr(function, "__name__", repr(function))
    return WorkflowError(
        f"the step '{name}' can't be sent to worker processes: {offence(function, _travels)}",
        help="create it inside the step, or put the step into a file's top level, where workers import it",
    )


def _travels(thing: object) -> bool:
    if isinstance(thing, FunctionType) and _by_name(thing) is not None:
        return True
    return _dilled(thing) is not None or _cloudpickled(thing) is not None
