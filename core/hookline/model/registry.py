"""Named parts that are imported on use: one mechanism for executors, serializers and whatever else has a name."""

from __future__ import annotations

import importlib
from dataclasses import dataclass
from typing import Any, Generic, NamedTuple, TypeVar, cast

from hookline.errors import HooklineError, PluginError, UsageError, close_match

__all__ = ["Needed", "Registered", "Registry", "with_version"]

T = TypeVar("T")


class Needed(NamedTuple):
    """What a part needs that need not be installed.

    Attributes:
        name: What people call it.
        module: The module that is there where it is installed.
        install: What pip is to install.
    """

    name: str
    module: str
    install: str


@dataclass(frozen=True, slots=True)
class Registered:
    """One name in a registry.

    Attributes:
        name: What users call it.
        target: ``"module:attribute"``, or the factory itself.
        source: The distribution or file that registered it.
        summary: What it is, in one line; empty where nobody said.
        needs: What it can't do without, and need not be installed; None for nothing.
    """

    name: str
    target: Any
    source: str
    summary: str = ""
    needs: Needed | None = None


class Registry(Generic[T]):
    """Names of parts of one kind; a name given twice is an error.

    Args:
        kind: What the parts are, for messages (``"executor"``).
    """

    def __init__(self, kind: str) -> None:
        self.kind = kind
        self._entries: dict[str, Registered] = {}
        self._loaded: dict[str, T] = {}

    def register(self, name: str, target: Any, *, source: str, summary: str = "", needs: Needed | None = None) -> None:
        """Give a part a name.

        Args:
            name: The name that users write.
            target: ``"module:attribute"``, imported on first use, or the thing itself.
            source: Who registers it, with the version where there is one.
            summary: What it is, in one line.
            needs: What it can't do without, and need not be installed.

        Raises:
            PluginError: The name is taken. Registering the same thing again is no clash.
        """
        taken = self._entries.get(name)
        entry = Registered(name, target, source, summary, needs)
        if taken == entry:
            return
        if taken is not None:
            raise PluginError(
                f"the {self.kind} '{entry.name}' is registered twice: by {with_version(taken.source)} and by "
                f"{with_version(entry.source)}",
                help="rename one of the two, or leave one of the two plugins out",
            )
        self._entries[name] = entry

    def copy(self) -> Registry[T]:
        """Give a registry with the same names, to which others can be added without a change of this one."""
        other = Registry[T](self.kind)
        other._entries.update(self._entries)
        return other

    def forget(self, name: str) -> None:
        """Take a part out again; nothing happens where there is none."""
        self._entries.pop(name, None)
        self._loaded.pop(name, None)

    def names(self) -> list[str]:
        """List the names, sorted."""
        return sorted(self._entries)

    def __contains__(self, name: object) -> bool:
        return name in self._entries

    def entry(self, name: str) -> Registered:
        """Look a name up.

        Raises:
            UsageError: Nothing has that name; says what is near.
        """
        entry = self._entries.get(name)
        if entry is None:
            near = close_match(name, self._entries)
            raise UsageError(
                f"there is no {self.kind} '{name}'" + (f";{near}" if near else ""),
                help=f"use one of {', '.join(self.names())}, or install the plugin that brings '{name}'",
            )
        return entry

    def check(self, name: str) -> Registered:
        """Look a name up, and see whether what it needs is installed; nothing is imported for that.

        Raises:
            UsageError: Nothing has that name, or what it needs is missing.
        """
        entry = self.entry(name)
        if entry.needs is not None and not _is_there(entry.needs.module):
            raise UsageError(
                f"the {self.kind} '{name}' needs {entry.needs.name}, which is not installed",
                help=f"pip install '{entry.needs.install}'",
            )
        return entry

    def make(self, name: str, *args: object, **kwargs: object) -> T:
        """Import the part's factory and call it.

        Args:
            name: A registered name.
            *args: Handed on to the factory.
            **kwargs: Handed on to the factory.

        Returns:
            A new part.
        """
        return cast("T", self.target(name)(*args, **kwargs))

    def target(self, name: str) -> Any:
        """Give what was registered under a name, imported if need be.

        Raises:
            UsageError: Nothing has that name.
            PluginError: It can't be imported.
        """
        entry = self.entry(name)
        if not isinstance(entry.target, str):
            return entry.target
        module, _, attribute = entry.target.partition(":")
        try:
            found: Any = importlib.import_module(module)
            for part in attribute.split("."):
                found = getattr(found, part)
        except (ImportError, AttributeError) as error:
            raise _unimportable(self.kind, entry, str(error)) from error
        except (Exception, SystemExit) as error:  # an import may raise anything
            raise _unimportable(self.kind, entry, f"{type(error).__name__}: {error}") from error
        return found

    def load(self, name: str) -> T:
        """Give the one part of that name in this process, made at the first call.

        Raises:
            UsageError: Nothing has that name.
            PluginError: It can't be imported, or made.
        """
        part = self._loaded.get(name)
        if part is None:
            try:
                part = self._loaded[name] = self.make(name)
            except HooklineError:
                raise
            except Exception as error:  # a plugin's factory may raise anything
                raise PluginError(
                    f"the {self.kind} '{name}' of {self.entry(name).source} can't be made: "
                    f"{type(error).__name__}: {error}",
                    help="report it to whoever wrote the plugin, or leave the plugin out",
                ) from error
        return part


def _is_there(module: str) -> bool:
    from importlib.util import find_spec

    spec = find_spec(module)
    # A mere folder of that name is found, too, and has no file.
    return spec is not None and spec.origin is not None


def _unimportable(kind: str, entry: Registered, why: str) -> PluginError:
    return PluginError(
        f"the {kind} '{entry.name}' of {entry.source} can't be imported: {why}",
        help="install what it needs, or leave the plugin out",
    )


def with_version(source: str) -> str:
    """Add hookline's version to its name, as others' sources have theirs; only messages are worth looking it up."""
    if source != "hookline":
        return source
    from importlib.metadata import version

    return f"hookline {version('hookline')}"
