"""What is project code: tells by a module's file whether its code counts, its version does, or neither."""

from __future__ import annotations

import os
import re
import sys
import sysconfig
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from importlib.machinery import EXTENSION_SUFFIXES, PathFinder
from pathlib import Path
from types import ModuleType
from typing import Literal

from blake3 import blake3

__all__ = ["Origin", "Project"]

_SITE = re.compile(r"(.*/(?:site|dist)-packages)/(.+)")


@dataclass(frozen=True, slots=True)
class Origin:
    """Where code comes from.

    Attributes:
        kind: ``project`` code counts itself; of a ``distribution`` the version counts; the ``standard`` library
            and ``hookline`` don't count (the key has the Python minor and the format versions instead).
        name: Name of the distribution.
        version: Its version, with the commit where it was installed from a repository.
    """

    kind: Literal["project", "distribution", "standard", "hookline"]
    name: str = ""
    version: str = ""


_PROJECT = Origin("project")
_STANDARD = Origin("standard")
_HOOKLINE = Origin("hookline")


class Project:
    """Sorts files and modules into project code and the rest.

    Attributes:
        root: Folder of the project, resolved; empty where there is none.
    """

    def __init__(self, root: Path | None = None) -> None:
        self.root = os.path.realpath(root) if root is not None else ""
        self._core = str(Path(__file__).resolve().parent.parent) + os.sep
        paths = (
            sysconfig.get_paths().get("stdlib"),
            sysconfig.get_paths().get("platstdlib"),
            str(Path(os.__file__).parent),
        )
        self._standard = tuple({os.path.realpath(path) + os.sep for path in paths if path})
        self._files: dict[str, Origin] = {}
        self._modules: dict[str, Origin] = {}
        self._sites: dict[str, _Site] = {}

    def of_file(self, file: str) -> Origin:
        """Tell where the code in a file comes from."""
        found = self._files.get(file)
        if found is None:
            found = self._files[file] = self._sort(file)
        return found

    def of_module(self, name: str) -> Origin:
        """Tell where a module comes from, by its dotted name, without importing it."""
        found = self._modules.get(name)
        if found is None:
            found = self._locate(name)
            if name in sys.modules:
                self._modules[name] = found
        return found

    def of_namespace(self, namespace: Mapping[str, object]) -> Origin:
        """Tell where the module of some globals comes from; a borrowed ``__name__`` does not make it that module."""
        name = str(namespace.get("__name__", ""))
        if getattr(sys.modules.get(name), "__dict__", None) is namespace:
            return self.of_module(name)
        file = namespace.get("__file__")
        return self.of_file(file) if isinstance(file, str) else _PROJECT

    def relative(self, file: str) -> str:
        """Shorten a path under the root to what follows the root; leave others as they are."""
        if not self.root or not file or file.startswith("<"):
            return file
        for path in (file, os.path.realpath(file)):
            if path == self.root:
                return "."
            if path.startswith(self.root + os.sep):
                return path[len(self.root) + 1 :].replace(os.sep, "/")
        return file

    def extension(self, name: str) -> str:
        """Digest the file of a project module that is compiled code; empty for every other module."""
        file = _file_of(sys.modules[name]) if isinstance(sys.modules.get(name), ModuleType) else ""
        if not file.endswith(tuple(EXTENSION_SUFFIXES)) or self.of_file(file).kind != "project":
            return ""
        return blake3(Path(file).read_bytes()).hexdigest()

    def _locate(self, name: str) -> Origin:
        if name == "__main__":
            return _PROJECT  # whatever started the process, what users define there is theirs
        top = name.partition(".")[0]
        module = sys.modules.get(name)
        if isinstance(module, ModuleType):
            file = _file_of(module)
            if file:
                return self.of_file(file)
            if top in sys.stdlib_module_names or top.startswith("_cython_"):
                return _STANDARD  # Cython's function types, shared by what it compiled: that counts by its own module
            places = list(getattr(module, "__path__", ()))
            return self.of_file(f"{places[0]}/__init__.py") if places else _PROJECT
        if top in sys.builtin_module_names or top in sys.stdlib_module_names:
            return _STANDARD
        return self._find(name)

    def _find(self, name: str) -> Origin:
        """Find a module that is not loaded, package by package, so that nothing is imported."""
        places: list[str] | None = None
        full = ""
        for step in name.split("."):
            full = f"{full}.{step}" if full else step
            try:
                spec = PathFinder.find_spec(full, places)
            except (ImportError, ValueError, AttributeError, TypeError):
                spec = None
            if spec is None:
                return _PROJECT
            places = list(spec.submodule_search_locations or ())
            if not places:
                break
        if spec is None:
            return _PROJECT
        if spec.origin and spec.has_location:
            return self.of_file(spec.origin)
        return self.of_file(f"{places[0]}/__init__.py") if places else _PROJECT

    def _sort(self, file: str) -> Origin:
        if file.startswith("<frozen"):
            return _STANDARD
        if file.startswith("<"):
            return _PROJECT
        path = os.path.realpath(file)
        if path.startswith(self._core):
            return _HOOKLINE
        inside = _SITE.fullmatch(path.replace(os.sep, "/"))
        if inside is None:
            return _STANDARD if path.startswith(self._standard) else _PROJECT
        folder, rest = inside.groups()
        site = self._sites.get(folder)
        if site is None:
            site = self._sites[folder] = _Site(folder)
        return site.owner(rest)


def _file_of(module: ModuleType) -> str:
    file = module.__dict__.get("__file__")
    return file if isinstance(file, str) else ""


class _Site:
    """One folder of installed distributions; reads a RECORD only when a module of that folder is reached."""

    def __init__(self, folder: str) -> None:
        self._folder = folder
        names = sorted(entry.name for entry in Path(folder).iterdir())
        self._dists = {
            name: re.sub(r"[-_.]+", "_", name.partition("-")[0]).lower()
            for name in names
            if name.endswith(".dist-info")
        }
        self._eggs = [name for name in names if name.endswith(".egg-info")]
        self._records: dict[str, bytes] = {}
        self._origins: dict[str, Origin] = {}
        self._last: dict[str, str] = {}

    def owner(self, rest: str) -> Origin:
        """Find the distribution whose RECORD lists a file; a file that none lists is project code."""
        top = rest.partition("/")[0].partition(".")[0]
        needle = b"\n" + rest.encode() + b","
        for dist in self._likely(top):
            if needle in self._record(dist):
                self._last[top] = dist
                return self._origin(dist)
        for egg in self._eggs:
            if top in self._text(egg, "top_level.txt").split():
                return self._origin(egg)
        return _PROJECT

    def _likely(self, top: str) -> Iterator[str]:
        """Give the distributions to look in, the one found last time or of the same name first."""
        likely = [self._last[top]] if top in self._last else []
        wanted = re.sub(r"[-_.]+", "_", top).lower()
        likely += [dist for dist, name in self._dists.items() if name == wanted]
        likely += [dist for dist, name in self._dists.items() if name != wanted and wanted in name]
        yield from likely
        yield from (dist for dist in self._dists if dist not in likely)

    def _record(self, dist: str) -> bytes:
        found = self._records.get(dist)
        if found is None:
            try:
                found = b"\n" + Path(self._folder, dist, "RECORD").read_bytes().replace(b'"', b"")
            except OSError:
                found = b""
            self._records[dist] = found
        return found

    def _origin(self, dist: str) -> Origin:
        found = self._origins.get(dist)
        if found is None:
            text = self._text(dist, "METADATA") or self._text(dist, "PKG-INFO")
            name = re.search(r"^Name:\s*(\S+)", text, re.MULTILINE)
            version = re.search(r"^Version:\s*(\S+)", text, re.MULTILINE)
            commit = re.search(r'"commit_id":\s*"(\w+)"', self._text(dist, "direct_url.json"))
            parts = dist.rpartition(".")[0].split("-")
            found = self._origins[dist] = Origin(
                "distribution",
                name[1] if name else parts[0],
                (version[1] if version else "-".join(parts[1:])) + (f"@{commit[1]}" if commit else ""),
            )
        return found

    def _text(self, dist: str, name: str) -> str:
        try:
            return Path(self._folder, dist, name).read_text(encoding="utf-8", errors="replace")
        except OSError:
            return ""
