"""A run's facts on nodes: what a node sees of the driver's folders, and what it has instead."""

from __future__ import annotations

import os
import pickle
import signal
import stat
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from hookline.errors import StoreError
from hookline.model.batch import RunFacts
from hookline.model.plugin_ref import PluginRef
from hookline.store import NewRun, open_store
from hookline.store.collect import collect
from hookline.store.flight import Flight
from hookline.worker.relocation import NodeFolder, forget_proof, proof_of, relocated, sees_project, sees_store

root_only = pytest.mark.skipif(os.getuid() != 0, reason="needs root")


@pytest.fixture
def run(tmp_path: Path) -> RunFacts:
    """A run of a project with a file, beside its store."""
    project, store = tmp_path / "project", tmp_path / "store"
    (project / "src" / "data").mkdir(parents=True)
    (project / "src" / "flow.py").write_text("x = 1\n")
    store.mkdir()
    return RunFacts(
        run_id="20260101-000000-abc",
        store=str(store),
        artifacts=str(store / "artifacts"),
        folder=str(store / "attempts" / "20260101-000000-abc"),
        flight=str(store / "flight" / "20260101-000000-abc-1"),
        cwd=str(project / "src" / "data"),
        root=str(project),
        target_module="flow",
        target_file=str(project / "src" / "flow.py"),
        search_path=(str(project / "src"), str(project)),
    )


def test_a_process_that_sees_the_folders_proves_it(run: RunFacts) -> None:
    """The proof travels as it is; looking leaves nothing behind, and nobody else can read the file."""
    proof = proof_of(run)
    assert stat.S_IMODE(os.stat(proof.path).st_mode) == 0o600
    sent = pickle.loads(pickle.dumps(proof))
    assert sees_store(run, sent)
    assert sees_project(run, sent)
    assert [*Path(run.artifacts).iterdir()] == []
    forget_proof(proof)
    forget_proof(proof)
    assert sorted(os.listdir(run.store)) == ["artifacts"]
    assert not sees_store(run, sent)


def test_a_store_that_only_looks_alike_is_not_seen(run: RunFacts) -> None:
    """Another folder under the same path: the file is missing, or holds something else."""
    proof = proof_of(run)
    assert not sees_store(run, proof._replace(content=os.urandom(32)))
    os.rename(run.store, run.store + "-of-the-driver")
    os.makedirs(run.artifacts)
    assert not sees_store(run, proof)
    Path(proof.path).write_bytes(os.urandom(32))
    assert not sees_store(run, proof)


def test_a_store_that_can_not_be_written_is_not_seen(run: RunFacts) -> None:
    """Reading the driver's artifacts is not enough, for results have to go there."""
    proof = proof_of(run)
    Path(run.artifacts).rmdir()
    Path(run.artifacts).write_text("no folder")
    assert not sees_store(run, proof)


def test_the_proof_is_in_nobodys_way(tmp_path: Path, run: RunFacts) -> None:
    """A store with a proof in it is opened, recorded into and collected as ever."""
    with open_store(tmp_path / "other", create=True) as store:
        proof = proof_of(replace(run, artifacts=str(store.path / "artifacts")))
    with open_store(tmp_path / "other") as store:
        with store.start_run(NewRun("w")):
            assert collect(store, dry_run=False).pieces == []
        assert collect(store, dry_run=False).pieces == []
    assert Path(proof.path).exists()


@pytest.mark.parametrize("which", ["root", "target_file"])
@pytest.mark.parametrize("how", ["copy", "touched", "gone"])
def test_a_project_that_differs_from_the_drivers_is_not_seen(run: RunFacts, which: str, how: str) -> None:
    """The file has to be the same in inode, time of change and size; the folder, which steps write to, in inode."""
    proof = proof_of(run)
    path = getattr(run, which)
    if how == "touched":
        os.utime(path, ns=(1, 1))
    else:
        os.rename(path, path + "-moved")
        if how == "copy":
            subprocess.run(["cp", "-a", path + "-moved", path], check=True)
    assert sees_project(run, proof) == (which == "root" and how == "touched")


def test_without_a_target_file_the_folder_alone_tells(run: RunFacts) -> None:
    """As in a notebook."""
    run = replace(run, target_file="", target_module="")
    proof = proof_of(run)
    assert proof.target is None
    assert sees_project(run, proof)
    assert not sees_project(run, proof_of(replace(run, root=run.root + "-gone")))
    os.rename(run.root, run.root + "-moved")
    os.mkdir(run.root)
    assert not sees_project(run, proof)


def test_what_lies_in_the_project_is_found_in_its_copy(run: RunFacts, tmp_path: Path) -> None:
    """Root, file, search path, working directory and plugins; what the node has elsewhere stays, the rest goes."""
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    given = replace(
        run,
        search_path=(f"{run.root}/src", run.root, str(elsewhere), "/nowhere/at/all", f"{run.root}-other"),
        plugins=(
            PluginRef("own", "own", f"{run.root}/plugins/own.py", "the project", b""),
            PluginRef("installed", "installed", "", "a package", b""),
        ),
    )
    new = tmp_path / "unpacked"
    new.mkdir()
    found = relocated(given, project=new, store=None, home="/without/links")
    assert found == replace(
        given,
        root=str(new),
        target_file=str(new / "src" / "flow.py"),
        search_path=(str(new / "src"), str(new), str(elsewhere)),
        cwd=str(new / "src" / "data"),
        plugins=(given.plugins[0]._replace(file=str(new / "plugins" / "own.py")), given.plugins[1]),
        homes=(run.root, "/without/links"),
    )
    assert Path(found.cwd).is_dir()


def test_a_working_directory_outside_of_the_project_is_the_nodes_own_or_the_project(
    run: RunFacts, tmp_path: Path
) -> None:
    """It stays where the node has it, too."""
    new = tmp_path / "unpacked"
    new.mkdir()
    assert relocated(replace(run, cwd=str(tmp_path)), project=new, store=None).cwd == str(tmp_path)
    assert relocated(replace(run, cwd="/nowhere/at/all"), project=new, store=None).cwd == str(new)


def test_a_run_without_a_file_has_none_elsewhere(run: RunFacts, tmp_path: Path) -> None:
    """An empty path is no place in the project."""
    found = relocated(replace(run, target_file="", target_module="", search_path=()), project=tmp_path, store=None)
    assert (found.target_file, found.search_path, found.root) == ("", (), str(tmp_path))


def test_a_nodes_own_store_has_what_workers_need(run: RunFacts, tmp_path: Path) -> None:
    """Folders and a flight file; the project stays, and of the store what others reach by its URL."""
    own = tmp_path / "node" / "run"
    found = relocated(run, project=None, store=own)
    assert found == replace(
        run, store="", artifacts=found.artifacts, folder=found.folder, flight=found.flight, files=found.files
    )
    assert relocated(replace(run, store="db://host/store"), project=None, store=own).store == "db://host/store"
    assert sorted(path.name for path in own.iterdir()) == ["artifacts", "attempts", "files", "flight"]
    assert {Path(path).parent for path in (found.artifacts, found.folder, found.flight)} == {own}
    flight = Flight(Path(found.flight))
    flight.slot(3).set(1, 2, 3)
    assert relocated(run, project=None, store=own) == found
    assert flight.read() == Flight(Path(found.flight)).read() == [(1, 2, 3)]


def test_nothing_changes_where_all_is_seen(run: RunFacts) -> None:
    """A node that shares the driver's disk."""
    assert relocated(run, project=None, store=None) == run


def test_a_folder_that_can_not_be_made_is_an_error_of_the_store(run: RunFacts, tmp_path: Path) -> None:
    """As wherever the disk refuses."""
    (tmp_path / "file").write_text("")
    with pytest.raises(StoreError, match="can't use"):
        relocated(run, project=None, store=tmp_path / "file")


@pytest.fixture
def scratch(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The system's folder for temporary files, and in it the one of this user."""
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    monkeypatch.setattr(tempfile, "tempdir", None)
    return tmp_path / f"hookline-{os.getuid()}"


Hold = Callable[[str], "subprocess.Popen[str]"]


@pytest.fixture
def hold(scratch: Path) -> Iterator[Hold]:
    """Start a process that holds a run's folder until its input ends."""
    program = (
        "import sys\n"
        "from hookline.worker.relocation import NodeFolder\n"
        "with NodeFolder(sys.argv[1]) as folder:\n"
        "    (folder.path / 'mine').write_text('')\n"
        "    print(folder.path, flush=True)\n"
        "    sys.stdin.read()\n"
    )
    started = []

    def start(run_id: str) -> subprocess.Popen[str]:
        process = subprocess.Popen(
            [sys.executable, "-c", program, run_id], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        started.append(process)
        assert process.stdout is not None
        assert process.stdout.readline() == f"{scratch / run_id}\n"
        return process

    yield start
    for process in started:
        process.kill()
        process.communicate()


def test_the_folder_of_a_node_is_this_users_alone(scratch: Path) -> None:
    """Whatever it was before."""
    scratch.mkdir(mode=0o755)
    with NodeFolder("run") as folder:
        assert folder.path == scratch / "run"
        assert [stat.S_IMODE(path.stat().st_mode) for path in (scratch, folder.path)] == [0o700, 0o700]
    assert [*scratch.iterdir()] == []
    folder.close()


def test_the_last_process_removes_the_folder(scratch: Path, hold: Hold) -> None:
    """Whoever ends before leaves it to the others."""
    first, second = hold("run"), hold("run")
    with NodeFolder("run") as folder:
        first.communicate()
        assert (folder.path / "mine").exists()
    assert (scratch / "run" / "mine").exists()
    second.communicate()
    assert [*scratch.iterdir()] == []


def test_what_killed_processes_left_is_removed_by_the_next(scratch: Path, hold: Hold) -> None:
    """Of other runs, but only where nobody holds it any more; of its own run it is used again."""
    killed, living, own = hold("killed"), hold("living"), hold("own")
    (scratch / ".removed-0123").mkdir()
    for process in (killed, own):
        process.send_signal(signal.SIGKILL)
        process.communicate()
    assert {path.name for path in scratch.iterdir()} == {".removed-0123", "killed", "living", "own"}
    with NodeFolder("own") as folder:
        assert {path.name for path in scratch.iterdir()} == {"living", "own"}
        assert (folder.path / "mine").exists()
    living.communicate()
    assert [*scratch.iterdir()] == []


def test_a_forked_child_leaves_the_folder_to_its_parent(scratch: Path) -> None:
    """What it closes is not its own: whoever looks for abandoned folders still finds this one held."""
    folder = NodeFolder("run")
    child = os.fork()
    if child == 0:
        folder.close()
        os._exit(0)
    os.waitpid(child, 0)
    NodeFolder("another").close()
    assert folder.path.exists()
    folder.close()
    assert [*scratch.iterdir()] == []


def test_many_processes_that_come_and_go_never_lose_a_folder_that_they_hold(scratch: Path) -> None:
    """Each finds what it wrote for as long as it holds the folder, whoever else ends or begins."""
    program = (
        "import os, sys\n"
        "from hookline.worker.relocation import NodeFolder\n"
        "for turn in range(60):\n"
        "    with NodeFolder(f'run-{turn % 2}') as folder:\n"
        "        mine = folder.path / f'{os.getpid()}-{turn}'\n"
        "        mine.write_text('')\n"
        "        assert mine.exists()\n"
        "        mine.unlink()\n"
    )
    processes = [subprocess.Popen([sys.executable, "-c", program]) for _ in range(4)]
    assert [process.wait() for process in processes] == [0] * 4
    assert [*scratch.iterdir()] == []


def test_a_folder_that_is_a_link_is_refused(scratch: Path, tmp_path: Path) -> None:
    """Somebody may have put it there to have files written elsewhere."""
    (tmp_path / "elsewhere").mkdir()
    scratch.symlink_to(tmp_path / "elsewhere")
    with pytest.raises(StoreError, match="can't use"):
        NodeFolder("run")
    assert [*(tmp_path / "elsewhere").iterdir()] == []


@root_only
def test_a_folder_of_another_user_is_refused(scratch: Path) -> None:
    """Whoever made it could read and change what is kept in it."""
    scratch.mkdir()
    os.chown(scratch, 12345, -1)
    with pytest.raises(StoreError, match="belongs to another user") as caught:
        NodeFolder("run")
    assert "TMPDIR" in str(caught.value)


def test_a_project_whose_own_store_is_not_seen_is_not_seen_either(run: RunFacts) -> None:
    """Containers of one image agree in the project's folder and file, and not in what was written since."""
    store = Path(run.root) / ".hookline"
    store.mkdir()
    run = replace(run, store=str(store), artifacts=str(store / "artifacts"))
    proof = proof_of(run)
    assert sees_project(run, proof)
    forget_proof(proof)
    assert not sees_project(run, proof)
