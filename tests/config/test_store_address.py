"""Where the store is."""

from __future__ import annotations

from pathlib import Path

import pytest

from hookline.config import project_root, store_address
from hookline.errors import UsageError


@pytest.fixture(autouse=True)
def no_named_store(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.delenv("HOOKLINE_STORE", raising=False)


@pytest.mark.parametrize("marker", ["pyproject.toml", ".git"])
def test_the_root_is_the_nearest_marked_folder(marker: str, tmp_path: Path):
    """The project root is the nearest folder above the workflow file that holds pyproject.toml or .git."""
    (tmp_path / "outer" / "project" / "flows" / "deep").mkdir(parents=True)
    (tmp_path / "outer" / "pyproject.toml").touch()
    (tmp_path / "outer" / "project" / marker).mkdir()
    file = tmp_path / "outer" / "project" / "flows" / "deep" / "churn.py"
    file.touch()
    assert project_root(file) == tmp_path / "outer" / "project"
    assert store_address(near=file) == tmp_path / "outer" / "project" / ".hookline"


def test_without_a_mark_it_is_the_folder_itself(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """A file outside of any project has its store beside it; without a file the working directory counts."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "flows").mkdir()
    assert project_root(tmp_path / "flows" / "churn.py") == tmp_path / "flows"
    assert project_root() == tmp_path
    assert store_address() == tmp_path / ".hookline"


def test_a_project_reached_through_a_link_has_one_store(tmp_path: Path):
    """A symbolic link to the project leads to the same store."""
    (tmp_path / "project").mkdir()
    (tmp_path / "project" / "pyproject.toml").touch()
    (tmp_path / "link").symlink_to(tmp_path / "project")
    assert store_address(near=tmp_path / "link") == store_address(near=tmp_path / "project")


def test_what_is_given_comes_before_the_variable_and_the_project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """--store comes before HOOKLINE_STORE, which comes before the project's folder; ``~`` is the home folder."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.setenv("HOOKLINE_STORE", "~/store")
    assert store_address() == tmp_path / "home" / "store"
    assert store_address("given") == tmp_path / "given"


def test_a_file_is_no_store(tmp_path: Path):
    """A path to a file is refused before anything is written."""
    (tmp_path / "file").touch()
    with pytest.raises(UsageError, match="is a file"):
        store_address(tmp_path / "file")
