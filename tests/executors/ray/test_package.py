from __future__ import annotations

import itertools
import logging
import os
import shutil
import subprocess
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from hookline.errors import HooklineError
from hookline.executors.ray.package import INNER, pack, project_files
from hookline.executors.ray.shipping import with_project
from thorough import tries

needs_git = pytest.mark.skipif(shutil.which("git") is None, reason="git is not installed")
with_and_without_git = pytest.mark.parametrize("ask", [pytest.param(True, marks=needs_git), False], ids=["git", "walk"])

Lay = Callable[..., Path]


@pytest.fixture(autouse=True, scope="module")
def nobodys_git_settings() -> Iterator[None]:
    """Keep the settings of whoever runs the tests out of their repositories."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("GIT_CONFIG_GLOBAL", os.devnull)
        patch.setenv("GIT_CONFIG_NOSYSTEM", "1")
        yield


@pytest.fixture
def lay(tmp_path: Path) -> Lay:
    """Lay out a project: texts by path."""

    def lay(files: dict[str, str], folder: str = "project") -> Path:
        return write(tmp_path / folder, files)

    return lay


def write(root: Path, files: dict[str, str]) -> Path:
    root.mkdir(parents=True, exist_ok=True)
    for name, text in files.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text)
    return root


def git(folder: Path, *arguments: str) -> None:
    named = ["-c", "user.name=Ada", "-c", "user.email=ada@example.org", "-c", "protocol.file.allow=always"]
    subprocess.run(["git", *named, *arguments], cwd=folder, check=True, capture_output=True)


def walked(root: Path) -> list[str]:
    """List a project's files as where git is not installed."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PATH", str(root / "nowhere"))
        return project_files(root)


def listed(root: Path, ask: bool) -> list[str]:
    """List a project's files, from git or without it."""
    if not ask:
        return walked(root)
    if not (root / ".git").exists():
        git(root, "init")
    return project_files(root)


@with_and_without_git
def test_what_is_ignored_does_not_belong_to_the_project(lay: Lay, ask: bool) -> None:
    """Ignore rules of git are obeyed, in all folders, with those that take something back."""
    root = lay(
        {
            ".gitignore": "*.log\n/data/**\n!/data/**/\n!/data/**/.gitkeep\nbuild/\n",
            "flow.py": "",
            "out.log": "",
            "data/raw/a.csv": "",
            "data/raw/.gitkeep": "",
            "src/build/lib.py": "",
            "src/keep/.gitignore": "!*.log",
            "src/keep/this.log": "",
        }
    )
    assert listed(root, ask) == [
        ".gitignore",
        "data/raw/.gitkeep",
        "flow.py",
        "src/keep/.gitignore",
        "src/keep/this.log",
    ]


@with_and_without_git
def test_some_folders_never_belong_to_the_project(lay: Lay, tmp_path: Path, ask: bool) -> None:
    """Stores, environments, bytecode and node modules stay out though no rule says so."""
    root = lay(
        {
            "flow.py": "",
            ".hookline/journal": "",
            "env/pyvenv.cfg": "",
            "env/lib/site.py": "",
            "pkg/__pycache__/a.pyc": "",
            "web/node_modules/left.js": "",
            "stores/mine/journal": "",
        }
    )
    assert listed(root, ask) == ["flow.py", "stores/mine/journal"]
    assert project_files(root, leave_out=[root / "stores" / "mine"]) == ["flow.py"]


@needs_git
def test_what_git_keeps_belongs_to_the_project_even_if_it_is_ignored(lay: Lay) -> None:
    """Git knows better than its rules; and a file that is deleted in the work tree is not sent."""
    root = lay({".gitignore": "*.csv", "small.csv": "", "large.csv": "", "gone.py": ""})
    git(root, "init")
    git(root, "add", "-f", ".gitignore", "small.csv", "gone.py")
    (root / "gone.py").unlink()
    assert project_files(root) == [".gitignore", "small.csv"]


@needs_git
def test_a_project_may_be_a_folder_of_a_repository(lay: Lay, monkeypatch: pytest.MonkeyPatch) -> None:
    """Rules of the folders above it hold, also where git refuses to read what is somebody else's."""
    top = lay({".gitignore": "*.log\n/one/tmp", "other/b.py": "", "one/a.py": "", "one/a.log": "", "one/tmp/c.py": ""})
    git(top, "init")
    assert project_files(top / "one") == ["a.py"]
    monkeypatch.setenv("GIT_TEST_ASSUME_DIFFERENT_OWNER", "1")
    assert project_files(top / "one") == ["a.py"]


@with_and_without_git
def test_a_project_in_a_folder_that_is_ignored_is_one_of_its_own(lay: Lay, ask: bool) -> None:
    """Who keeps a home in git, and ignores all but a few files of it, can still send projects."""
    home = lay({".gitignore": "*", "project/.gitignore": "*.log", "project/a.py": "", "project/a.log": ""}, "home")
    if shutil.which("git"):
        git(home, "init")
    root = home / "project"
    assert (project_files(root) if ask else walked(root)) == [".gitignore", "a.py"]


@needs_git
def test_files_of_repositories_inside_belong_to_the_project(lay: Lay) -> None:
    """Submodules, and repositories that somebody cloned into the project, come with it; each has its own rules."""
    library = lay({".gitignore": "*.tmp", "lib.py": "", "lib.log": ""}, "library")
    git(library, "init")
    git(library, "add", ".")
    git(library, "commit", "-m", "All")
    root = lay({".gitignore": "*.log", "flow.py": "", "flow.log": ""})
    git(root, "init")
    git(root, "submodule", "add", str(library), "sub")
    shutil.copytree(library, root / "cloned")
    (root / "cloned" / "new.tmp").touch()
    expected = [".gitignore", ".gitmodules", "flow.py"]
    expected += [f"{folder}/{name}" for folder in ("cloned", "sub") for name in (".gitignore", "lib.log", "lib.py")]
    assert project_files(root) == sorted(expected)
    assert walked(root) == sorted(expected)


@needs_git
def test_a_submodule_that_lost_its_repository_is_a_folder(lay: Lay) -> None:
    """Git knows nothing of what is in it, but it is there."""
    root = lay({"flow.py": "", "sub/.gitignore": "*.log", "sub/lib.py": "", "sub/lib.log": ""})
    git(root, "init")
    git(root / "sub", "init")
    git(root / "sub", "add", ".")
    git(root / "sub", "commit", "-m", "All")
    git(root, "add", ".")
    shutil.rmtree(root / "sub" / ".git")
    (root / "sub" / ".git").mkdir()
    assert project_files(root) == ["flow.py", "sub/.gitignore", "sub/lib.py"]


@needs_git
def test_a_git_hook_does_not_mislead(lay: Lay, monkeypatch: pytest.MonkeyPatch) -> None:
    """Git tells its hooks where its repository is; a project that is run from there has its own."""
    elsewhere = lay({"other.py": ""}, "elsewhere")
    git(elsewhere, "init")
    root = lay({"flow.py": ""})
    git(root, "init")
    monkeypatch.setenv("GIT_DIR", str(elsewhere / ".git"))
    monkeypatch.setenv("GIT_WORK_TREE", str(elsewhere))
    assert project_files(root) == ["flow.py"]


@with_and_without_git
def test_links_to_files_of_the_project_are_sent_as_files(lay: Lay, tmp_path: Path, ask: bool) -> None:
    """Other links lead to what other machines may not have, or would bring things twice."""
    root = lay({"a.py": "x = 1", "pkg/b.py": "", ".hookline/journal": "", "gone/c.py": ""})
    outside = write(tmp_path / "outside", {"secret": ""})
    links: dict[str, str | Path] = {
        "link.py": "pkg/../a.py",
        "pkg/up.py": "../a.py",
        "secret": outside / "secret",
        "outside": outside,
        "folder": "pkg",
        "dangling": "nowhere",
        "loop": "loop",
        "journal": ".hookline/journal",
    }
    for name, to in links.items():
        (root / name).symlink_to(to)
    assert listed(root, ask) == ["a.py", "gone/c.py", "link.py", "pkg/b.py", "pkg/up.py"]
    package = pack(root, tmp_path / "package.zip")
    with zipfile.ZipFile(package.path) as archive:
        assert archive.read(f"{INNER}/pkg/up.py") == b"x = 1"


@needs_git
def test_a_folder_that_became_a_link_is_left_out_with_the_files_that_git_knows_in_it(lay: Lay, tmp_path: Path) -> None:
    """Git lists them until somebody tells it; they are somewhere else now."""
    root = lay({"a.py": "", "pkg/b.py": ""})
    git(root, "init")
    git(root, "add", ".")
    (root / "pkg").rename(tmp_path / "moved")
    (root / "pkg").symlink_to(tmp_path / "moved")
    assert project_files(root) == ["a.py"]


@with_and_without_git
def test_names_that_other_machines_may_not_take_are_left_out_and_told(
    lay: Lay, ask: bool, caplog: pytest.LogCaptureFixture
) -> None:
    """A name that is no text can't be in a package, and Ray leaves out what may be a path of Windows."""
    root = lay({"é.py": "", "a\\b.py": "", "c:d.py": ""})
    try:
        Path(os.fsdecode(os.fsencode(root) + b"/caf\xe9.py")).touch()
    except OSError:
        pytest.skip("this file system takes no such names")
    with caplog.at_level(logging.WARNING, "hookline"):
        assert listed(root, ask) == ["é.py"]
    assert "a\\b.py, c:d.py, caf\\xe9.py" in caplog.text


def test_the_same_files_give_the_same_package(lay: Lay, tmp_path: Path) -> None:
    """Times, and the order in which files were made, don't count; whether a file can be executed does."""
    texts = {"a.py": "x = 1", "pkg/b.sh": "true", "é/c.txt": "c" * 9999}
    one = lay(texts, "one")
    two = lay(dict(reversed(texts.items())), "two")
    os.utime(two / "a.py", (1e9, 1e9))
    first, second = pack(one, tmp_path / "one.zip"), pack(two, tmp_path / "two.zip")
    assert (first.digest, first.files, first.size) == (second.digest, 3, first.path.stat().st_size)
    (two / "pkg" / "b.sh").chmod(0o700)
    assert pack(two, tmp_path / "two.zip").digest != first.digest
    with zipfile.ZipFile(second.path) as archive:
        modes = {entry.filename: oct(entry.external_attr >> 16) for entry in archive.infolist()}
        files = {"": "0o40755", "a.py": "0o100644", "pkg/b.sh": "0o100755", "é/c.txt": "0o100644"}
        assert modes == {f"{INNER}/{name}": mode for name, mode in files.items()}
        assert archive.read(f"{INNER}/é/c.txt") == b"c" * 9999


def test_a_package_is_there_until_ray_has_it(lay: Lay) -> None:
    """It joins what the user wants in the environment, and leaves nothing behind."""
    root = lay({"a.py": ""})
    with with_project({"env_vars": {"A": "1"}}, str(root), []) as environment:
        package = Path(environment.pop("working_dir"))
        assert environment == {"env_vars": {"A": "1"}}
        assert zipfile.ZipFile(package).namelist() == [f"{INNER}/", f"{INNER}/a.py"]
    assert not package.parent.exists()
    with pytest.raises(HooklineError, match="names a 'working_dir'"), with_project({"working_dir": "."}, str(root), []):
        pass


def test_a_package_in_the_project_is_not_in_itself(lay: Lay) -> None:
    """Packing twice gives the same."""
    root = lay({"a.py": ""})
    assert pack(root, root / "package.zip") == pack(root, root / "package.zip")


def test_an_empty_project_is_an_empty_package(lay: Lay, tmp_path: Path) -> None:
    """Nothing to send is no mistake."""
    package = pack(lay({}), tmp_path / "package.zip")
    assert package.files == 0
    assert zipfile.ZipFile(package.path).namelist() == [f"{INNER}/"]


def test_a_project_that_is_too_large_is_refused_with_what_makes_it_so(lay: Lay, tmp_path: Path) -> None:
    """The message names what is large, folders by what fills them, and what to do; no file is left behind."""
    root = lay({"flow.py": "x" * 100})
    for name, size in {"data/raw/a.bin": 3 * 2**20, "data/raw/b.bin": 2**20, "models/c.bin": 2**20}.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_bytes(os.urandom(size))
    with pytest.raises(HooklineError) as refused:
        pack(root, tmp_path / "package.zip", limit=2**20)
    assert refused.value.message == (
        f"the project '{root}' is too large to be sent to other machines: its 4 files have 5.0 MiB,"
        " and more than 1.0 MiB packed; the largest are data/raw/a.bin (3.0 MiB), data/raw/b.bin (1.0 MiB),"
        " models/c.bin (1.0 MiB), flow.py (0.0 MiB)"
    )
    assert ".gitignore" in refused.value.help
    assert not (tmp_path / "package.zip").exists()


def test_many_small_files_are_too_large_too(lay: Lay, tmp_path: Path) -> None:
    """What counts is the package, with its table of contents."""
    root = lay({f"{number}.txt": "" for number in range(100)})
    size = pack(root, tmp_path / "package.zip").size
    pack(root, tmp_path / "package.zip", limit=size)
    with pytest.raises(HooklineError, match="too large"):
        pack(root, tmp_path / "package.zip", limit=size - 1)


def test_what_can_not_be_read_is_left_out_and_told(lay: Lay, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """A file of somebody else in the project's folder is no reason not to run."""
    root = lay({"a.py": "", "b.key": ""})
    (root / "b.key").chmod(0)
    if os.access(root / "b.key", os.R_OK):
        pytest.skip("this user may read everything")
    with caplog.at_level(logging.WARNING, "hookline"):
        assert pack(root, tmp_path / "package.zip").files == 1
    assert "b.key" in caplog.text


NAMES = ["a", "b", "ab", "a.c", "b.c", ".a", "é"]
PATHS = st.lists(st.sampled_from(NAMES), min_size=1, max_size=4).map("/".join)
PIECES = st.sampled_from([*NAMES, "*", "?", "a*", "*.c", "[ab]", "[!a]*", "[^a]", "[a-c]?", "**", "\\a", "[]a]", "[["])
PATTERNS = st.builds(
    "".join,
    st.tuples(
        st.sampled_from(["", "", "!"]),
        st.sampled_from(["", "", "/"]),
        st.lists(PIECES, min_size=1, max_size=3).map("/".join),
        st.sampled_from(["", "", "/", " ", "\\ "]),
    ),
)
RULES = st.lists(PATTERNS | st.sampled_from(["", "#a", "!", "/", "a[", "\\"]), max_size=5).map("\n".join)


@pytest.fixture(scope="module")
def repository(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A repository that examples share."""
    root = tmp_path_factory.mktemp("repository")
    git(root, "init")
    return root


@needs_git
@settings(deadline=None, max_examples=tries(150))
@given(st.sets(PATHS, min_size=1, max_size=8), st.dictionaries(st.just("") | PATHS, RULES, min_size=1, max_size=3))
@example({"data/a", "data/b/.keep", "data/b/c"}, {"": "data/**\n!data/**/\n!data/**/.keep"})
@example({"a/b/b", "a/b/c", "b"}, {"": "b\n!a", "a": "!b"})
def test_the_walk_and_git_agree(repository: Path, files: set[str], rules: dict[str, str]) -> None:
    """Whatever the rules, and wherever they are, a project has the same files with and without git."""
    for left in repository.iterdir():
        if left.name != ".git":
            shutil.rmtree(left) if left.is_dir() else left.unlink()
    named = {f"{folder}/.gitignore".removeprefix("/"): text for folder, text in rules.items()}
    for name, text in itertools.chain(dict.fromkeys(files, "").items(), named.items()):
        # A path that was given before as a file, or as a folder, stays that.
        parents = [repository / parent for parent in Path(name).parents]
        if not any(parent.is_file() for parent in parents) and not (repository / name).is_dir():
            write(repository, {name: text})
    assert walked(repository) == project_files(repository)
