"""Folders that several make at once."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest

from hookline.store.durable import make_folder


def test_a_folder_may_be_made_by_several_at_the_same_moment(tmp_path: Path) -> None:
    """Whoever finds that it has just come into being takes it as it is."""
    count, rounds = 8, 300
    ready = threading.Barrier(count)
    problems: list[OSError] = []

    def make() -> None:
        for number in range(rounds):
            ready.wait()
            try:
                make_folder(tmp_path / str(number) / "a" / "b")
            except OSError as error:
                problems.append(error)

    threads = [threading.Thread(target=make) for _ in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert problems == []
    assert all((tmp_path / str(number) / "a" / "b").is_dir() for number in range(rounds))


def test_a_file_in_the_way_is_named(tmp_path: Path) -> None:
    """What stands where a folder should be is no folder, however often one looks."""
    (tmp_path / "file").touch()
    with pytest.raises(NotADirectoryError, match="file"):
        make_folder(tmp_path / "file" / "folder")
