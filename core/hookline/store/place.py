"""Whether a folder can hold a store, and what to say when it can't."""

from __future__ import annotations

import errno
import os
import re
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from hookline.errors import HooklineError, StoreDamagedError, StoreError, UsageError

if TYPE_CHECKING:
    import sqlite3

__all__ = ["Mounts", "check_local", "check_mounts", "damaged", "journal_error", "read_mountinfo", "storage_error"]

Mounts = list[tuple[str, str]]
"""(type, mount point), in mount order."""

# File systems where locks or mapped files of two machines don't see each other.
_NETWORK = frozenset(
    (
        "9p",
        "afs",
        "afpfs",
        "beegfs",
        "ceph",
        "cifs",
        "coda",
        "davfs",
        "fuse.blobfuse",
        "fuse.blobfuse2",
        "fuse.ceph",
        "fuse.cephfs",
        "fuse.davfs2",
        "fuse.gcsfuse",
        "fuse.glusterfs",
        "fuse.goofys",
        "fuse.juicefs",
        "fuse.mount-s3",
        "fuse.mountpoint-s3",
        "fuse.rclone",
        "fuse.s3fs",
        "fuse.seaweedfs",
        "fuse.sshfs",
        "fuse.vmhgfs-fuse",
        "glusterfs",
        "gpfs",
        "lustre",
        "ncpfs",
        "nfs",
        "nfs3",
        "nfs4",
        "orangefs",
        "panfs",
        "prl_fs",
        "pvfs2",
        "smb2",
        "smb3",
        "smbfs",
        "vboxsf",
        "vmhgfs",
        "webdav",
        "wekafs",
    )
)

_REMEDY = {
    errno.ENOSPC: "free some space, then `hookline resume last`; what is recorded is safe",
    errno.EDQUOT: "free some of your quota, then `hookline resume last`; what is recorded is safe",
    errno.EFBIG: "raise the file size limit (ulimit -f), then `hookline resume last`; what is recorded is safe",
    errno.EROFS: "give a folder that can be written: --store PATH",
    errno.EACCES: "give a folder that you may write to: --store PATH",
    errno.EPERM: "give a folder that you may write to: --store PATH",
    errno.ENOTDIR: "give a folder: --store PATH",
    errno.EMFILE: "raise the limit of open files (ulimit -n)",
    errno.EIO: "check the disk; what is recorded is verified when it is read",
}


_SIGNS = re.compile("malformed|Could not decode")


def check_local(path: Path) -> None:
    """Refuse folders on network file systems, where locks and mapped files can't be relied on.

    Args:
        path: The store's folder; it need not exist yet.

    Raises:
        UsageError: The folder is on a network file system.
    """
    check_mounts(path, _mounts())


def check_mounts(path: Path, mounts: Mounts) -> None:
    """Refuse a folder that one of these mounts puts on a network file system.

    Args:
        path: The store's folder; it need not exist yet.
        mounts: (type, mount point) in mount order.
    """
    found = _longest(mounts, os.path.realpath(path))
    if found and found[0] in _NETWORK:
        raise UsageError(
            f"the store '{path}' would be on a network file system ({found[0]}, mounted at '{found[1]}'), where locks "
            "between machines can't be relied on",
            help=f"keep the store on a local disk: --store {_suggested_store(path, mounts)}",
        )


def read_mountinfo(text: str) -> Mounts:
    """Read (type, mount point) pairs from the text of ``/proc/self/mountinfo``, in mount order."""
    mounts: Mounts = []
    for line in text.splitlines():
        head, separator, tail = line.partition(" - ")
        fields, kind = head.split(" "), tail.split(" ", 1)[0]
        if separator and len(fields) >= 5:
            mounts.append((kind, _unescape(fields[4])))
    return mounts


def storage_error(error: OSError, path: Path | str) -> HooklineError:
    """Word what the operating system said about a path of the store."""
    number = error.errno or 0
    name = errno.errorcode.get(number, "unknown error")
    words = (error.strerror or str(error)).lower()
    return StoreError(f"can't use '{path}': {words} ({name})", help=_REMEDY.get(number, ""))


def journal_error(error: sqlite3.Error, path: Path) -> HooklineError:
    """Word what SQLite said about the journal."""
    import sqlite3  # workers come by for words about files, and load no SQLite

    code = getattr(error, "sqlite_errorcode", None)
    base = (code or 0) & 0xFF
    if base in (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB) or (code is None and _SIGNS.search(str(error))):
        return damaged(path, str(error))
    if base == sqlite3.SQLITE_FULL:
        return storage_error(OSError(errno.ENOSPC, os.strerror(errno.ENOSPC)), path)
    if base in (sqlite3.SQLITE_READONLY, sqlite3.SQLITE_PERM):
        return StoreError(f"can't write '{path}': it is read-only", help=_REMEDY[errno.EROFS])
    if base in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED):
        return StoreError(
            f"another program holds a lock on '{path}'",
            help="close the program that has the journal open, then try again",
        )
    if base == sqlite3.SQLITE_IOERR:
        return _io_error(error, path)
    return StoreError(f"can't use '{path}': {error}")


def damaged(path: Path, what: str) -> StoreDamagedError:
    """Word that a journal's bytes are not what was written."""
    return StoreDamagedError(
        f"the journal '{path}' is damaged: {what}",
        help="nothing more is written to it; restore the folder from a copy, or start a new store with --store PATH",
    )


def _io_error(error: sqlite3.Error, path: Path) -> HooklineError:
    # SQLite reports a full disk or a size limit met inside the log as a plain I/O error.
    try:
        free = os.statvfs(path.parent)
    except OSError as cause:
        return storage_error(cause, path)
    if free.f_bavail * free.f_frsize < 1 << 20:
        return storage_error(OSError(errno.ENOSPC, os.strerror(errno.ENOSPC)), path)
    name = getattr(error, "sqlite_errorname", "SQLITE_IOERR")
    return StoreError(f"can't use '{path}': {error} ({name})", help=_REMEDY[errno.EIO])


def _suggested_store(path: Path, mounts: Mounts) -> Path:
    project = path.parent.name if path.name.startswith(".") else path.name
    home = Path(os.environ.get("XDG_DATA_HOME") or Path("~/.local/share").expanduser())
    found = _longest(mounts, os.path.realpath(home))
    if found is None or found[0] not in _NETWORK:
        return home / "hookline" / (project or "store")
    return Path("/var/tmp") / f"hookline-{os.getuid()}" / (project or "store")


def _mounts() -> Mounts:
    if sys.platform == "darwin":
        import subprocess  # needed on this one system

        listing = subprocess.run(["/sbin/mount"], capture_output=True, text=True, check=False).stdout
        return _read_mount_listing(listing)
    try:
        return read_mountinfo(Path("/proc/self/mountinfo").read_text(encoding="utf-8", errors="surrogateescape"))
    except OSError:
        return []


def _longest(mounts: Mounts, path: str) -> tuple[str, str] | None:
    best = None
    for kind, point in mounts:
        inside = point == "/" or path == point or path.startswith(point + "/")
        # Of two mounts on the same point the later one is seen.
        if inside and (best is None or len(point) >= len(best[1])):
            best = (kind, point)
    return best


def _read_mount_listing(text: str) -> Mounts:
    mounts: Mounts = []
    for line in text.splitlines():
        head, separator, options = line.rpartition(" (")
        _, on, point = head.partition(" on ")
        if separator and on:
            mounts.append((options.split(",", 1)[0].rstrip(")"), point))
    return mounts


def _unescape(text: str) -> str:
    for code, character in (("\\040", " "), ("\\011", "\t"), ("\\012", "\n"), ("\\134", "\\")):
        text = text.replace(code, character)
    return text
