"""Where a worker finds the project's files on its node."""

from __future__ import annotations

import shutil
import threading
from pathlib import Path

import pytest

from hookline.executors.ray.shipping import unpacked


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder that this process stands in, as a shell put it there."""
    folder = tmp_path / "_ray_pkg_1"
    folder.mkdir()
    monkeypatch.chdir(folder)
    monkeypatch.setenv("PWD", str(folder))
    return folder


def test_a_folder_that_another_node_unpacks_anew_is_waited_for(folder: Path) -> None:
    """Its files are the same; that it is there is not enough while they still come."""
    assert unpacked() == str(folder)
    shutil.rmtree(folder)
    package = folder.with_suffix(".zip")
    package.touch()
    folder.mkdir()

    def unpack() -> None:
        (folder / "flow.py").touch()
        package.unlink()

    coming = threading.Timer(0.1, unpack)
    coming.start()
    assert unpacked() == str(folder)
    assert Path("flow.py").exists()
    coming.join()


def test_a_folder_that_is_gone_for_good_is_named(folder: Path) -> None:
    """The reason is the fact, not what the system says of a working directory."""
    shutil.rmtree(folder)
    with pytest.raises(FileNotFoundError, match=f"the folder '{folder}', in which Ray unpacked .* is gone"):
        unpacked(within=0.0)
