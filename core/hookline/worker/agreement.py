"""Whether module-level names hold on a worker what they held in the driver when the keys were made.

A worker imports modules anew: what was changed after their import stays behind. Both sides describe what the names hold
that a step's code reaches, without the fingerprint's machinery, which takes too long for the start of a worker. What
the description can't tell apart is listed in docs/decisions/0003-fingerprint.md.
"""

from __future__ import annotations

import enum
import functools
import importlib
import re
import sys
import sysconfig
import types
from collections.abc import Iterable
from pathlib import PurePath
from types import CodeType, FunctionType, ModuleType
from typing import Any

from hookline.errors import HooklineError
from hookline.model.step import Step
from hookline.model.work import FunctionRef, HeldName
from hookline.values.digest import digest_bytes
from hookline.values.forms import UnstorableError
from hookline.values.plain import digest_plain

__all__ = ["check", "held_by"]

_MISSING = object()
_LIBRARIES = tuple({sysconfig.get_path(name) for name in ("stdlib", "platstdlib", "purelib", "platlib")})
_RECORDS = frozenset({("argparse", "Namespace"), ("types", "SimpleNamespace")})
"""Classes of libraries that only hold what is put into them, by name: importing them takes a worker its time."""
_MOST = 20_000
_DEEPEST = 40

_agreed: set[HeldName] = set()
"""What was found equal once: from then on it is the steps themselves that change it."""


def held_by(names: Iterable[tuple[str, str]]) -> tuple[HeldName, ...]:
    """Describe what names hold, for :func:`check` on a worker.

    Args:
        names: Pairs of a module's name and a name in it.

    Returns:
        Per name that a worker can look up: module, name, digest.
    """
    found = []
    for module, name in names:
        digest = _digest(module, name) if _is_importable(module) else None
        if digest is not None:
            found.append((module, name, digest))
    return tuple(found)


def check(ref: FunctionRef, root: str = "", homes: Iterable[str] = ()) -> None:
    """Make sure that the names which a step's code reaches hold here what they hold in the driver.

    Args:
        ref: The step's function, which was found here already, so that its modules are imported.
        root: The project's folder here.
        homes: What the driver calls that folder, where its own is elsewhere.

    Raises:
        HooklineError: One of them holds something else.
    """
    for held in ref.held:
        if held not in _agreed:
            module, name, digest = held
            if all(_digest(module, name, (root, home)) != digest for home in (*homes, "")):
                raise _differs(module, name)
            _agreed.add(held)


def _differs(module: str, name: str) -> HooklineError:
    shown = getattr(sys.modules.get(module), "__file__", None) if module == "__main__" else None
    module = PurePath(shown).stem if shown else module
    return HooklineError(
        f"'{module}.{name}' is not on workers what it is in the driver: it was changed after its module was imported, "
        "or each import makes another",
        help="pass it as a parameter, or set it to the same value whenever the module is imported",
    )


def _is_importable(module: str) -> bool:
    return isinstance(getattr(sys.modules.get(module), "__file__", None), str)


def _digest(module: str, name: str, moved: tuple[str, str] = ("", "")) -> bytes | None:
    """Digest what a name holds, as it would be with the project in another folder; None where it can't be told."""
    namespace = sys.modules.get(module)
    if namespace is None:
        try:
            namespace = importlib.import_module(module)
        except Exception:  # noqa: BLE001 - the user's module may raise anything
            return b"no module"
    value: Any = namespace
    for part in name.split("."):
        value = vars(value).get(part, _MISSING) if isinstance(value, ModuleType | type) else _MISSING
    if value is _MISSING:
        return b"missing"
    try:
        return digest_bytes(repr(_Description(*moved).of(value)).encode("utf-8", "surrogatepass"))
    except (_Untold, RecursionError):
        return None


class _Untold(Exception):  # noqa: N818 - a signal, never shown
    """The value holds what differs between processes without being another."""


class _Description:
    """Says in tuples and texts what an object is: plain data by digest, functions by code, objects by attributes."""

    def __init__(self, here: str, there: str) -> None:
        self._around: set[int] = set()
        self._count = 0
        self._there = there
        # The folder itself, and what is in it; none whose name begins or ends like that.
        self._here = re.compile(rf"(?<![\w.-]){re.escape(here)}(?![\w.-])") if there else None

    def of(self, value: Any) -> Any:
        self._count += 1
        if self._count > _MOST or len(self._around) > _DEEPEST:
            raise _Untold
        plain = self._plain(value)
        if plain is not None:
            return plain.hex()
        if id(value) in self._around:
            return "around"
        self._around.add(id(value))
        try:
            return self._taken_apart(value)
        finally:
            self._around.discard(id(value))

    def _plain(self, value: Any) -> bytes | None:
        try:
            return digest_plain(self._moved(value))
        except (RecursionError, UnstorableError):
            return None

    def _moved(self, value: Any) -> Any:
        """Give plain data with texts and paths as if the project's folder were where the driver has it."""
        if self._here is None:
            return value
        kind: Any = type(value)
        if kind is str:
            return self._here.sub(lambda _: self._there, value)
        if isinstance(value, PurePath):
            return kind(self._moved(str(value)))
        if kind in (list, tuple, set, frozenset):
            return kind(map(self._moved, value))
        if kind is dict:
            return {self._moved(key): self._moved(item) for key, item in value.items()}
        return value

    def _taken_apart(self, value: Any) -> Any:
        kind: Any = type(value)
        if isinstance(value, Step):
            return self.of(value.fn)
        if isinstance(value, FunctionType):
            return self._function(value)
        if isinstance(value, CodeType):
            return self._code(value)
        if isinstance(value, type):
            return self._class(value)
        if kind in (list, tuple, set, frozenset, dict):
            return self._container(value)
        return self._object(value, kind)

    def _container(self, value: Any) -> Any:
        kind = type(value)
        if kind is dict:
            return "dict", [(self.of(key), self.of(item)) for key, item in value.items()]
        parts = [self.of(item) for item in value]
        return kind.__name__, parts if kind in (list, tuple) else sorted(map(repr, parts))

    def _object(self, value: Any, kind: Any) -> Any:
        if isinstance(value, enum.Enum):
            return "member", kind.__qualname__, value.name
        if isinstance(value, PurePath):
            return "path", kind.__name__, self._moved(str(value))
        if isinstance(value, functools.partial):
            return "partial", self.of(value.func), self.of(value.args), self.of(value.keywords)
        wrapped = getattr(value, "__wrapped__", None) if not isinstance(value, ModuleType) else None
        if isinstance(wrapped, FunctionType):
            return "wrapper", kind.__qualname__, self._function(wrapped)
        if _is_record(kind) or not _is_of_library(kind):
            return "object", kind.__qualname__, [(name, self.of(part)) for name, part in _attributes(value)]
        return "other", kind.__qualname__, getattr(value, "__qualname__", "")

    def _function(self, function: FunctionType) -> Any:
        if function.__code__.co_filename.startswith(_LIBRARIES):
            return "function", function.__qualname__
        cells = [_content(cell) for cell in function.__closure__ or ()]
        held = [self.of(function.__defaults__), self.of(function.__kwdefaults__)]
        return "function", self._code(function.__code__), held, [self.of(one) for one in cells if one is not _MISSING]

    def _code(self, code: CodeType) -> Any:
        if any(name.startswith("@py") for name in code.co_names):
            # pytest rewrites assertions in the driver alone.
            raise _Untold
        constants = [self.of(constant) for constant in code.co_consts]
        return "code", code.co_code.hex(), code.co_names, code.co_varnames, constants

    def _class(self, kind: type) -> Any:
        if _is_of_library(kind) or len(self._around) > 1:
            return "class", kind.__qualname__
        members = [
            (name, self.of(getattr(member, "__func__", getattr(member, "fget", member))))
            for name, member in sorted(vars(kind).items())
            if not name.startswith("_abc_") and (not name.startswith("__") or isinstance(member, FunctionType))
        ]
        return "class", kind.__qualname__, members


def _attributes(value: Any) -> list[tuple[str, Any]]:
    found = dict(getattr(value, "__dict__", {}))
    for base in type(value).__mro__:
        slots = base.__dict__.get("__slots__", ())
        for name in (slots,) if isinstance(slots, str) else tuple(slots):
            if name not in ("__dict__", "__weakref__") and hasattr(value, name):
                found[name] = getattr(value, name)
    return sorted(found.items(), key=lambda item: str(item[0]))


def _content(cell: types.CellType) -> Any:
    try:
        return cell.cell_contents
    except ValueError:
        return _MISSING


@functools.cache
def _is_record(kind: type) -> bool:
    return any((base.__module__, base.__qualname__) in _RECORDS for base in kind.__mro__)


@functools.cache
def _is_of_library(kind: type) -> bool:
    module = sys.modules.get(kind.__module__)
    file = getattr(module, "__file__", None)
    if file is None:
        return kind.__module__ != "__main__" and module is not None
    return str(file).startswith(_LIBRARIES)
