"""The project's files as one package, for nodes that don't see the project's folder.

What belongs to the project is what git says of its folder. Where git can't be asked, the folder is walked, and
``.gitignore`` files are obeyed.
"""

from __future__ import annotations

import contextlib
import hashlib
import heapq
import itertools
import logging
import os
import stat
import subprocess
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from zipfile import ZIP_DEFLATED, ZipFile, ZipInfo

from hookline.errors import HooklineError
from hookline.executors.ray.ignored import Ignored

__all__ = ["INNER", "Package", "pack", "project_files"]

INNER = "hookline-project"
"""The folder in the package that the project is in: Ray lets Python look for modules, its own too, beside that."""

_log = logging.getLogger(__name__)
_LIMIT = 500 * 2**20  # Ray refuses what has 512 MiB.
_CHUNK = 2**20
_BEGIN_OF_TIME = (1980, 1, 1, 0, 0, 0)
_NEVER = frozenset({".git", ".hookline", "__pycache__", "node_modules"})
# A git hook sets these for its own repository; asked about others, git is to find them by their folder.
_GIT_PLACES = frozenset({"GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE", "GIT_COMMON_DIR", "GIT_PREFIX"})


@dataclass(frozen=True, slots=True)
class Package:
    """A zip file with a project in it.

    Attributes:
        path: Where it is.
        digest: The SHA-256 of its bytes, in hex; the same files give the same bytes.
        files: How many files it holds.
        size: How many bytes it has.
    """

    path: Path
    digest: str
    files: int
    size: int


def pack(root: Path, target: Path, *, leave_out: Sequence[Path] = (), limit: int = _LIMIT) -> Package:
    """Write a project's files to a zip file.

    Files that vanish meanwhile are not in it, and those that change are in it as they were read.

    Args:
        root: The project's folder.
        target: The zip file to write.
        leave_out: Files and folders that don't belong to the project, the store for one.
        limit: How many bytes the zip file may have.

    Raises:
        HooklineError: If it would have more.
    """
    names = project_files(root, leave_out=[*leave_out, target])
    try:
        files = _write(root, names, target, limit)
        with target.open("rb") as written:
            return Package(target, hashlib.file_digest(written, "sha256").hexdigest(), files, target.stat().st_size)
    except BaseException:
        target.unlink(missing_ok=True)
        raise


def project_files(root: Path, *, leave_out: Sequence[Path] = ()) -> list[str]:
    """List the files that belong to a project, as paths from its folder with slashes.

    Links to files of the project count as files; links to folders, and out of the project, are left out. So are, be
    they ignored or not, git's own files, stores, virtual environments, caches of bytecode and node modules.

    Args:
        root: The project's folder.
        leave_out: Further files and folders to leave out.
    """
    root = root.resolve()
    project = _Project(root, frozenset(path.resolve() for path in leave_out))
    found = project.ask_git()
    if found is None:
        found = project.walk(root, Ignored.within_repository(root))
    # A folder that is ignored as a whole, in somebody's versioned home say, is a project of its own.
    found = found or project.walk(root, Ignored(root))
    names = {path.relative_to(root).as_posix() for path in found if project.has(path)}
    if odd := sorted(name for name in names if not _may_be_packed(name)):
        shown = ", ".join(os.fsencode(name).decode(errors="backslashreplace") for name in odd)
        _log.warning("left out of the project's package, for names that other machines may not take: %s", shown)
    return sorted(names.difference(odd))


class _Project:
    """A project's folder, and what in it never belongs to the project.

    Args:
        root: The folder's real path.
        leave_out: Real paths of what to leave out.
    """

    def __init__(self, root: Path, leave_out: frozenset[Path]) -> None:
        self._root = root
        self._leave_out = leave_out
        self._known = {root: True}

    def has(self, path: Path) -> bool:
        """Tell whether there is such a file below the root, and it may belong to the project."""
        parents = itertools.takewhile(self._root.__ne__, path.parents)
        if path in self._leave_out or path.name in _NEVER or not all(map(self.enters, parents)):
            return False
        try:
            mode = path.lstat().st_mode
            real = Path(os.path.realpath(path, strict=True)) if stat.S_ISLNK(mode) else path
        except OSError as error:
            _log.debug("%s is left out: %s", path, error)
            return False
        if real == path:
            return stat.S_ISREG(mode)
        if real.is_relative_to(self._root) and self.has(real):
            return True
        _log.debug("%s is left out: it leads to %s", path, real)
        return False

    def enters(self, folder: Path) -> bool:
        """Tell whether a folder's files may belong to the project, if it is in one whose files may."""
        if folder not in self._known:
            never = folder.name in _NEVER or folder in self._leave_out or (folder / "pyvenv.cfg").exists()
            self._known[folder] = not never and not folder.is_symlink()
        return self._known[folder]

    def ask_git(self) -> list[Path] | None:
        """List what git says, with the files of repositories that are in this one; nothing if it can't say."""
        found: list[Path] = []
        folders = [self._root]
        while folders:
            folder = folders.pop()
            listed = _listed_by_git(folder)
            if listed is None and folder == self._root:
                return None
            if listed is None:
                found += self.walk(folder, Ignored(folder))
            for path in listed or ():
                if path.is_symlink() or not path.is_dir():
                    found.append(path)
                elif (path / ".git").exists() and self.enters(path):
                    folders.append(path)
        return found

    def walk(self, folder: Path, rules: Ignored) -> list[Path]:
        """List what lies in a folder and is not ignored by its rules."""
        found: list[Path] = []
        folders = [(folder, rules)]
        while folders:
            folder, rules = folders.pop()
            for entry in _entries(folder):
                path = folder / entry.name
                if not entry.is_dir(follow_symlinks=False):
                    if not rules.leaves_out(entry.name, folder=False):
                        found.append(path)
                elif self.enters(path) and not rules.leaves_out(entry.name, folder=True):
                    folders.append((path, Ignored(path, rules)))
        return found


def _listed_by_git(folder: Path) -> list[Path] | None:
    command = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    environment = {name: value for name, value in os.environ.items() if name not in _GIT_PLACES}
    try:
        done = subprocess.run(
            command, cwd=folder, env=environment, stdin=subprocess.DEVNULL, capture_output=True, check=False
        )
    except OSError as error:
        _log.debug("git can't be asked about %s: %s", folder, error)
        return None
    if done.returncode:
        _log.debug("git does not list %s: %s", folder, os.fsdecode(done.stderr).strip())
        return None
    listed = [folder / os.fsdecode(name) for name in done.stdout.split(b"\0") if name]
    # So git lists a submodule that has lost its repository.
    return None if listed == [folder] else listed


def _entries(folder: Path) -> list[os.DirEntry[str]]:
    try:
        with os.scandir(folder) as entries:
            return list(entries)
    except OSError as error:
        _log.debug("%s is left out: %s", folder, error)
        return []


def _may_be_packed(name: str) -> bool:
    """Tell whether a name is text, and none that Ray takes for a path of Windows and leaves out."""
    return "\\" not in name and name[1:2] != ":" and name.encode(errors="ignore").decode() == name


def _write(root: Path, names: Sequence[str], target: Path, limit: int) -> int:
    """Write the zip file; give the number of files in it."""
    files = 0
    with target.open("wb") as output:
        with ZipFile(output, "w") as archive:
            folder = ZipInfo(f"{INNER}/", _BEGIN_OF_TIME)
            folder.external_attr = (stat.S_IFDIR | 0o755) << 16
            archive.writestr(folder, b"")
            for name in names:
                try:
                    source = (root / name).open("rb")
                except OSError as error:
                    if (root / name).exists():
                        _log.warning("left out of the project's package: %s", error)
                    continue
                with source:
                    executable = os.fstat(source.fileno()).st_mode & stat.S_IXUSR
                    entry = ZipInfo(f"{INNER}/{name}", _BEGIN_OF_TIME)
                    entry.compress_type = ZIP_DEFLATED
                    entry.external_attr = (stat.S_IFREG | (0o755 if executable else 0o644)) << 16
                    with archive.open(entry, "w", force_zip64=True) as packed:
                        while chunk := source.read(_CHUNK):
                            packed.write(chunk)
                            if output.tell() > limit:
                                raise _too_large(root, names, limit)
                files += 1
        if output.tell() > limit:
            raise _too_large(root, names, limit)
    return files


def _too_large(root: Path, names: Iterable[str], limit: int) -> HooklineError:
    sizes: dict[str, int] = {}
    for name in names:
        with contextlib.suppress(OSError):
            sizes[name] = (root / name).stat().st_size
    largest = ", ".join(f"{name} ({_mebibytes(size)})" for name, size in _largest(sizes))
    return HooklineError(
        f"the project '{root}' is too large to be sent to other machines: its {len(sizes)} files have"
        f" {_mebibytes(sum(sizes.values()))}, and more than {_mebibytes(limit)} packed; the largest are {largest}",
        help="add them to .gitignore (and 'git rm --cached' those that git keeps),"
        " or keep data outside of the project root",
    )


def _largest(sizes: dict[str, int]) -> list[tuple[str, int]]:
    """Give the five largest files and folders; for a folder that one thing in it nearly fills, that thing."""
    totals: Counter[PurePosixPath] = Counter()
    for name, size in sizes.items():
        path = PurePosixPath(name)
        for part in (path, *path.parents):
            totals[part] += size
    opened = {path.parent for path, size in totals.items() if 2 * size > totals[path.parent]} | {PurePosixPath()}
    shown = [path for path in totals if path not in opened and opened.issuperset(path.parents)]
    return [(str(path), totals[path]) for path in heapq.nlargest(5, shown, key=totals.__getitem__)]


def _mebibytes(size: int) -> str:
    return f"{size / 2**20:,.1f} MiB"
