"""Where a store may be, and the words for where it may not."""

from __future__ import annotations

import errno
import os
import resource
import signal
import sqlite3
import subprocess
from pathlib import Path

import pytest

from hookline.errors import StoreError, UsageError
from hookline.store import Group, NewRun, NodeRow, open_store, pack_one
from hookline.store.place import check_mounts, journal_error, read_mountinfo, storage_error

MOUNTINFO = """\
22 28 0:21 / /sys rw,nosuid shared:7 - sysfs sysfs rw
28 1 254:0 / / rw,relatime shared:1 - ext4 /dev/vda1 rw
40 28 0:35 / /home rw shared:2 - nfs4 server:/export/home rw,vers=4.2
41 40 8:1 / /home/local rw shared:3 - xfs /dev/sda1 rw
42 28 0:36 / /mnt/with\\040space rw - cifs //host/share rw
43 28 0:40 / /data rw shared:9 master:2 - fuse.sshfs me@host:/data rw
44 28 8:2 / /data rw - ext4 /dev/sdb1 rw
broken line
"""


@pytest.mark.parametrize(
    ("path", "kind"),
    [
        ("/home/ann/project/.hookline", "nfs4"),
        ("/home", "nfs4"),
        ("/mnt/with space/p/.hookline", "cifs"),
        ("/homework/.hookline", None),
        ("/home/local/p/.hookline", None),
        ("/data/p/.hookline", None),
        ("/p/.hookline", None),
    ],
)
def test_network_file_systems_are_refused_with_another_place(path: str, kind: str | None) -> None:
    """The mount that a path is on decides: the longest, and of two on one point the later."""
    mounts = read_mountinfo(MOUNTINFO)
    assert len(mounts) == 7
    if kind is None:
        check_mounts(Path(path), mounts)
        return
    with pytest.raises(UsageError, match=f"on a network file system \\({kind}, mounted at") as caught:
        check_mounts(Path(path), mounts)
    assert path in caught.value.message
    assert "--store /" in caught.value.help
    assert caught.value.exit_code == 2


def test_the_suggested_place_is_never_on_the_network_itself(monkeypatch, tmp_path: Path) -> None:
    """Where the home folder is on the network, too, the suggestion is a folder of the machine."""
    monkeypatch.setenv("XDG_DATA_HOME", "/home/ann/.local/share")
    with pytest.raises(UsageError) as caught:
        check_mounts(Path("/home/ann/churn/.hookline"), read_mountinfo(MOUNTINFO))
    assert caught.value.help.endswith(f"--store /var/tmp/hookline-{os.getuid()}/churn")
    monkeypatch.setenv("XDG_DATA_HOME", "/home/local/share")
    with pytest.raises(UsageError) as caught:
        check_mounts(Path("/home/ann/churn/.hookline"), read_mountinfo(MOUNTINFO))
    assert caught.value.help.endswith("--store /home/local/share/hookline/churn")


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EROFS, errno.EACCES, errno.EPERM, errno.EMFILE, errno.EIO])
def test_errors_of_the_system_name_path_words_and_errno(number: int) -> None:
    """Each error that a disk can give has its path, its words, its name and a remedy."""
    error = storage_error(OSError(number, os.strerror(number)), "/some/where")
    assert "'/some/where'" in str(error)
    assert os.strerror(number).lower() in str(error)
    assert errno.errorcode[number] in str(error)
    assert "help: " in str(error)
    assert error.exit_code == 5


def test_a_store_that_is_not_there_is_not_made_by_reading(tmp_path: Path) -> None:
    """Opening without create fails and leaves no folder."""
    with pytest.raises(StoreError, match="there is no store at") as caught:
        open_store(tmp_path / "none")
    assert "--store PATH" in caught.value.help
    assert not (tmp_path / "none").exists()


def test_a_folder_with_other_things_is_left_alone(tmp_path: Path) -> None:
    """A store is never made among a user's own files: its ignore file would hide them."""
    (tmp_path / "main.py").write_text("")
    with pytest.raises(UsageError, match="is not a hookline store, and is not empty"):
        open_store(tmp_path, create=True)
    assert [entry.name for entry in tmp_path.iterdir()] == ["main.py"]


def test_a_file_in_the_way_is_named(tmp_path: Path) -> None:
    """A file where the folder or its parent should be gives one clear error."""
    (tmp_path / "file").write_text("")
    for path in (tmp_path / "file", tmp_path / "file" / ".hookline"):
        with pytest.raises(StoreError, match=r"not a directory \(ENOTDIR\)"):
            open_store(path, create=True)


def test_a_folder_that_cannot_be_made_is_named() -> None:
    """A place where nobody can make folders gives the system's reason."""
    with pytest.raises(StoreError, match="can't use '/proc/hookline'"):
        open_store("/proc/hookline/.hookline", create=True)


def test_a_read_only_disk_can_be_read_and_not_written(small_disk: Path) -> None:
    """On a read-only file system runs are listed, starting one fails, and a new store can't be made."""
    with open_store(small_disk / ".hookline", create=True) as store, store.start_run(NewRun("w")) as run:
        run.commit(Group(nodes=[NodeRow(0, "a", "a")]))
    subprocess.run(["mount", "-o", "remount,ro", str(small_disk)], check=True)
    with open_store(small_disk / ".hookline") as store:
        assert [row.name for row in store.nodes("last")] == ["a"]
        with pytest.raises(StoreError, match=r"read-only file system \(EROFS\)") as caught:
            store.start_run(NewRun("w"))
        assert "--store PATH" in caught.value.help
    with pytest.raises(StoreError, match=r"read-only file system \(EROFS\)"):
        open_store(small_disk / "new", create=True)


def test_a_full_disk_loses_nothing_recorded(small_disk: Path) -> None:
    """A commit that finds no room records nothing and says so; once there is room the same group is recorded."""
    with open_store(small_disk / ".hookline", create=True) as store, store.start_run(NewRun("w")) as run:
        recorded = 0

        def group(number: int) -> Group:
            blob = pack_one(b"d" * 32, bytes(2000))
            return Group(attempts=[(0, number * 20 + i, 1, 1, b"%032d" % i, blob, 0, 0, 0) for i in range(20)])

        (small_disk / "ballast").write_bytes(bytes(600_000))

        def fill() -> None:
            nonlocal recorded
            for number in range(100):
                run.commit(group(number))
                recorded += 1

        with pytest.raises(StoreError, match=r"no space left on device \(ENOSPC\)") as caught:
            fill()
        assert "journal.sqlite3" in caught.value.message
        assert "what is recorded is safe" in caught.value.help
        assert recorded > 0
        assert len(list(store.attempts("last"))) == recorded * 20
        (small_disk / "ballast").unlink()
        run.commit(group(recorded))
    with open_store(small_disk / ".hookline") as store:
        assert [row.item for row in store.attempts("last")] == list(range(recorded * 20 + 20))


def test_a_file_size_limit_is_an_error_and_not_a_crash(tmp_path: Path) -> None:
    """A limit on file sizes met while recording is worded like any other storage error."""
    store = open_store(tmp_path / ".hookline", create=True)
    run = store.start_run(NewRun("w"))
    old_limit = resource.getrlimit(resource.RLIMIT_FSIZE)
    old_handler = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1 << 20, old_limit[1]))
    try:
        with pytest.raises(StoreError, match="can't use '"):
            run.commit(Group(attempts=[(0, number, 1, 1, None, bytes(100_000), 0, 0, 0) for number in range(30)]))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, old_limit)
        signal.signal(signal.SIGXFSZ, old_handler)
    run.commit(Group(attempts=[(1, 0, 1, 1, None, b"", 0, 0, 0)]))
    run.close()
    store.close()


def test_a_lock_held_by_a_foreign_program_is_worded() -> None:
    """Where a database shell holds the journal, the message says so instead of 'database is locked'."""
    error = sqlite3.OperationalError("database is locked")
    error.sqlite_errorcode = sqlite3.SQLITE_BUSY
    worded = journal_error(error, Path("/x/journal.sqlite3"))
    assert "another program holds a lock on" in worded.message
    assert "database is locked" not in str(worded)
