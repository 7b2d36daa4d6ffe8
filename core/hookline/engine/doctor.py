"""Examines what workflows need of a machine: Python, SQLite, the store's disk, the clock, and workers that start."""

from __future__ import annotations

import importlib.metadata
import os
import platform
import resource
import shutil
import sqlite3
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

from hookline.config import StoreAddress, without_password
from hookline.engine import api
from hookline.engine.stop import Stop
from hookline.errors import HooklineError, StoreMissingError, StoreVersionError, UsageError
from hookline.store import schema
from hookline.store.journal import open_store
from hookline.store.place import check_local, storage_error
from hookline.store.protocol import Store
from hookline.worker.target import load_target

__all__ = ["Finding", "examine"]

_EXTRAS = ("numpy", "pandas", "polars", "pyarrow", "scikit-learn", "threadpoolctl", "ray")
_SAFE_SQLITE = (3, 51, 3)
_LITTLE, _NONE = 1 << 30, 64 << 20  # bytes
_FEW_FILES = 256
_TIME_FOR_WORKER = 30.0  # seconds
_SKEW = 5.0  # seconds
_PROBE = """
from hookline import step, workflow

@step
def double(number: int) -> int:
    return 2 * number

@workflow
def probe(number: int = 21):
    return double(number)
"""


class Finding(NamedTuple):
    """What one check found."""

    name: str
    level: str
    """``ok``, ``warn`` or ``fail``."""
    text: str
    help: str = ""


def examine(
    store: StoreAddress, tell: Callable[[str], object] = lambda _: None, open_url: Callable[[], Store] | None = None
) -> list[Finding]:
    """Make all checks.

    Args:
        store: The store's folder, which need not be there yet, or its URL.
        tell: Called with the name of each check before it is made.
        open_url: Opens the store of a URL; its folder is what is looked at.

    Returns:
        What was found, in a fixed order.
    """
    folder, look = (store, _store) if isinstance(store, Path) else _of_url(store, open_url)
    checks: tuple[tuple[str, Callable[[Path], Finding]], ...] = (
        ("python", _python),
        ("SQLite", _sqlite),
        ("file system", _file_system),
        ("permissions", _permissions),
        ("space", _space),
        ("store", look),
        ("clock", _clock),
        ("open files", _open_files),
        ("workers", _workers),
        ("libraries", _libraries),
    )
    findings = []
    for name, check in checks:
        tell(name)
        try:
            findings.append(check(folder))
        except HooklineError as error:
            findings.append(Finding(name, "fail", error.message, error.help))
        except OSError as error:
            worded = storage_error(error, error.filename or folder)
            findings.append(Finding(name, "fail", worded.message, worded.help))
    return findings


def _python(_: Path) -> Finding:
    text = f"{platform.python_version()} on {platform.system()} {platform.machine()}"
    if sys.platform not in ("linux", "darwin"):
        return Finding("python", "fail", text, "hookline runs on Linux and macOS")
    if not (3, 11) <= sys.version_info[:2] < (3, 15):
        return Finding("python", "warn", text, "hookline is tested with Python 3.11 to 3.14")
    return Finding("python", "ok", text)


def _sqlite(_: Path) -> Finding:
    version = sqlite3.sqlite_version
    if sqlite3.sqlite_version_info < (3, 35):
        return Finding("SQLite", "fail", f"{version}; the journal needs 3.35", "use another Python build")
    if sqlite3.sqlite_version_info < _SAFE_SQLITE:
        return Finding(
            "SQLite",
            "warn",
            f"{version}; before 3.51.3, two programs that move the log into the journal at once can damage it",
            "hookline itself does so under a lock; let no other program write to the journal, or open it for long,"
            " while runs record; or use a Python build with a newer SQLite",
        )
    return Finding("SQLite", "ok", version)


def _file_system(store: Path) -> Finding:
    check_local(store)
    return Finding("file system", "ok", f"'{store}' is on a local disk")


def _permissions(store: Path) -> Finding:
    folder = _existing(store)
    with tempfile.TemporaryFile(dir=folder) as file:
        file.write(b"hookline")
        file.flush()
        os.fsync(file.fileno())
    for path in (store / schema.JOURNAL, store / schema.LOCK):
        if path.exists() and not os.access(path, os.R_OK | os.W_OK):
            return Finding(
                "permissions", "fail", f"'{path}' can't be written", "give a store of your own: --store PATH"
            )
    return Finding("permissions", "ok", f"'{folder}' can be written")


def _space(store: Path) -> Finding:
    free = shutil.disk_usage(_existing(store)).free
    text = f"{free / 1e9:,.1f} GB free"
    if free < _LITTLE:
        help_ = "free some space: hookline artifacts gc, hookline runs delete --older-than 30d"
        return Finding("space", "fail" if free < _NONE else "warn", text, help_)
    return Finding("space", "ok", text)


def _store(store: Path) -> Finding:
    if not (store / schema.JOURNAL).exists():
        return Finding("store", "ok", f"there is none at '{store}' yet; the first run makes it")
    try:
        with open_store(store) as opened:
            count = len(opened.runs())
    except StoreVersionError as error:
        older = schema.read_version(store / schema.JOURNAL) < schema.VERSION
        return Finding("store", "warn" if older else "fail", error.message, error.help)
    return Finding("store", "ok", f"format {schema.VERSION}, {count:,} run{'' if count == 1 else 's'}")


def _of_url(url: str, open_url: Callable[[], Store] | None) -> tuple[Path, Callable[[Path], Finding]]:
    """Open the store that a plugin brings; give its folder, or ours where it has none yet, and what was found."""
    shown, folder = without_password(url), Path.cwd()
    try:
        if open_url is None:
            raise UsageError(f"'{shown}' is no folder", help="give a folder: --store PATH")
        with open_url() as opened:
            folder, count = opened.path, len(opened.runs())
        found = Finding("store", "ok", f"'{shown}', {count:,} run{'' if count == 1 else 's'}")
    except StoreMissingError:
        found = Finding("store", "ok", f"there is none at '{shown}' yet; the first run makes it")
    except HooklineError as error:
        found = Finding("store", "fail", error.message, error.help)
    return folder, lambda _: found


def _clock(store: Path) -> Finding:
    wall, steady = time.time(), time.monotonic()
    time.sleep(0.05)
    drift = (time.time() - wall) - (time.monotonic() - steady)
    ahead = (_newest(store) or 0.0) - time.time()
    if abs(drift) > 0.02 or ahead > _SKEW:
        text = f"the newest record is {ahead:,.0f} s in the future" if ahead > _SKEW else "the clock was set just now"
        return Finding(
            "clock",
            "warn",
            text,
            "let the system keep the time (chrony, systemd-timesyncd); runs go on, but times in lists are wrong",
        )
    return Finding("clock", "ok", "it goes forward, and agrees with what is recorded")


def _newest(store: Path) -> float | None:
    if not (store / schema.JOURNAL).exists() or schema.read_version(store / schema.JOURNAL) != schema.VERSION:
        return None
    with open_store(store) as opened:
        return max((max(row.created_us, row.heartbeat_us or 0) / 1e6 for row in opened.runs(limit=20)), default=None)


def _open_files(_: Path) -> Finding:
    limit = resource.getrlimit(resource.RLIMIT_NOFILE)[0]
    if limit != resource.RLIM_INFINITY and limit < _FEW_FILES:
        return Finding("open files", "warn", f"a process may open {limit}", "raise the limit: ulimit -n 1024")
    return Finding("open files", "ok", f"a process may open {limit:,}" if limit > 0 else "no limit")


def _workers(_: Path) -> Finding:
    """Run a workflow of one task in a process of its own, as any run would."""
    with tempfile.TemporaryDirectory(prefix="hookline-doctor-") as scratch:
        file = Path(scratch) / "probe.py"
        (file.parent / "pyproject.toml").touch()
        file.write_text(_PROBE, encoding="utf-8")
        stop = Stop()
        limit = threading.Timer(_TIME_FOR_WORKER, stop.hard)
        limit.daemon = True
        limit.start()
        began = time.monotonic()
        try:
            target = load_target(str(file))
            run = api.run(
                target.workflow,
                executor="processes",
                workers=1,
                store=file.parent / ".hookline",
                stop=stop,
                target=target,
                plugins=(),  # they may want settings, which this project has none of
            )
            seconds = time.monotonic() - began
            if run.status == "completed" and run.result == 42:
                return Finding("workers", "ok", f"a process started, and made an attempt, in {seconds:.2f} s")
            failed = run.tasks["double"].error or f"the run is {run.status}"
        finally:
            limit.cancel()
    if stop.level:
        failed = f"no attempt was made within {_TIME_FOR_WORKER:.0f} s"
    return Finding(
        "workers",
        "fail",
        f"a worker process made no attempt: {failed}",
        "try --executor threads; see what it logs with -vv",
    )


def _libraries(_: Path) -> Finding:
    return Finding("libraries", "ok", ", ".join(_versions()) or "none of those that hookline knows more of")


def _versions() -> Iterator[str]:
    for name in _EXTRAS:
        try:
            yield f"{name} {importlib.metadata.version(name)}"
        except importlib.metadata.PackageNotFoundError:
            continue


def _existing(store: Path) -> Path:
    """Give the folder, or the nearest one above it that is there."""
    folder = store
    while not folder.exists():
        folder = folder.parent
    if not folder.is_dir():
        raise UsageError(f"'{folder}' is no folder", help="give a folder: --store PATH")
    return folder
