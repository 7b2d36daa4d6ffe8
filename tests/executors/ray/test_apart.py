"""Nodes that do not see the driver's files: the project comes to them, and data goes to and fro, as if they did."""

from __future__ import annotations

import logging
import os
import signal
import subprocess
import sys
import tempfile
import textwrap
import threading
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from engine.test_stretches import Seen
from executors.ray.cluster import RayCluster
from hookline import Secret
from hookline.executors.ray.executor import RayExecutor
from hookline.model.batch import Gone
from hookline.model.states import Kind
from hookline.store import open_store
from hookline.store.outputs import unpack_outputs
from hookline.store.references import inside
from hookline.store.verify import verify
from hookline.testing.project import Project
from hookline.testing.rig import Rig

HEAD = """
import hashlib, os, subprocess
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Annotated
import numpy as np
from hookline import Secret, attempt, log_artifact, log_metric, provider, step, workflow
import beside
from kit.things import Thing

HERE = Path(__file__).resolve().parent
APART, SEEN = {"apart": 1}, {"special": 1}

class Own:
    def __init__(self, x: int) -> None:
        self.x = x
"""

FLOW = """
@provider
def scale(by: int = 3) -> Iterator[int]:
    yield by

@step(resources=APART)
def look() -> dict[str, object]:
    return {
        "cwd": os.getcwd() == str(HERE) and Path("kit").is_dir(),
        "files": sorted(str(path.relative_to(HERE)) for path in HERE.rglob("*.*") if path.suffix != ".pyc"),
        "ran": subprocess.run(["bin/tool"], capture_output=True, text=True).stdout,
        "module": f"{__name__} {Own.__module__} {Thing.__module__} {beside.LIMIT}",
    }

@step(resources=APART)
def make_apart() -> list[object]:
    return [Own(1), Thing(2)]

@step(resources=SEEN)
def make_seen() -> list[object]:
    return [Own(1), *[Thing(2)]]

def told(things: list[object]) -> bool:
    own, thing = things
    return isinstance(own, Own) and isinstance(thing, Thing) and (own.x, thing.x) == (1, 2)

@step(resources=APART)
def told_apart(things: list[object]) -> str:
    return f"apart {told(things)}"

@step(resources=SEEN)
def told_seen(things: list[object]) -> str:
    return f"seen {told(things)}"

@step(resources=APART, env=("REGION",))
def note(token: Secret[str], rows: Path, by: Annotated[int, scale] = scale.default) -> int:
    attempt().note("remark", {"a": [1]})
    log_metric("loss", 0.5, step=3)
    log_artifact("weights", np.arange(200_000))
    print("printed there", os.environ["REGION"], len(token.reveal()), rows.read_text())
    return by

@workflow
def flow(token: Secret[str], rows: Path = Path("rows.csv")):
    return look(), told_seen(make_apart()), told_apart(make_seen()), note(token, rows)
"""

DATA = """
SIZES = [0, 50_000, 900_000, 5_000_000]

# What is the same but for where it happens would be made once.
def value(size: int, where: str) -> object:
    return np.arange(size // 8) + 1 if size else 7

def file(size: int, where: str) -> Path:
    path = attempt().folder / "some.bin"
    path.write_bytes(b"abc" * (size // 3))
    return path

def several(size: int, where: str) -> dict[str, object]:
    path = attempt().folder / "several"
    (path / "sub").mkdir(parents=True)
    (path / "sub" / "large").write_bytes(bytes(size))
    (path / "run").write_text("#!/bin/sh")
    (path / "run").chmod(0o755)
    return {"folder": [path], "array": np.ones(size // 8), "small": 1}

def told(x: object, where: str) -> str:
    if isinstance(x, Path):
        inside = [x] if x.is_file() else sorted(path for path in x.rglob("*") if path.is_file())
        modes = [(path.name, os.access(path, os.X_OK)) for path in inside]
        return hashlib.sha256(b"".join(path.read_bytes() for path in inside)).hexdigest() + str(modes)
    if isinstance(x, dict):
        return told(x["folder"][0], where) + str(x["array"].sum()) + str(x["small"])
    return str(np.sum(x))

PLACES = {"apart": APART, "seen": SEEN}
tell = {where: step(told, name=f"tell_{where}", resources=needs) for where, needs in PLACES.items()}
make = {
    (fn, where): step(fn, name=f"{fn.__name__}_{where}", resources=needs)
    for fn in (value, file, several)
    for where, needs in PLACES.items()
}

@workflow
def flow():
    made = {key: each.partial(where=key[1]).map(size=SIZES) for key, each in make.items()}
    return {
        f"{fn.__name__} from {made_at} to {where}": tell[where].partial(where=f"{made_at} {where}").map(x=values)
        for (fn, made_at), values in made.items()
        for where in PLACES
    }
"""

PLUGINS = """
from hookline import hookimpl

@hookimpl
def around_attempt(attempt):
    attempt.metadata["where"] = __file__
    yield
"""


NAMED_LIKE_OTHERS = ("ray", "signal", "logging")


@pytest.fixture(scope="module")
def unseen(cluster: RayCluster, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A folder whose files one of the nodes does not see."""
    asked = subprocess.run(["unshare", "--mount", "true"], capture_output=True, text=True, check=False)
    if asked.returncode:
        pytest.skip(f"this user can't give a process mounts of its own: {asked.stderr.strip()}")
    folder = tmp_path_factory.mktemp("unseen")
    number = cluster.add_apart(folder, cpus=2, apart=2)
    yield folder
    cluster.remove_node(number)


@pytest.fixture
def project(unseen: Path, request: pytest.FixtureRequest) -> Iterator[Project]:
    """A project in that folder."""
    project = Project(unseen / request.node.name)
    project.settings("[tool.hookline]\n")
    project.write("beside.py", "LIMIT = 5")
    project.write("kit/__init__.py", "")
    project.write("kit/things.py", "class Thing:\n    def __init__(self, x: int) -> None:\n        self.x = x")
    for name in NAMED_LIKE_OTHERS:
        project.write(f"{name}.py", "raise ImportError('the project has a file of this name')")
    project.write("bin/tool", "#!/bin/sh\necho ran").chmod(0o755)
    project.write("rows.csv", "1,2,3")
    project.write("data/large.csv", "1,2,3")
    project.write(".gitignore", "data/")
    yield project
    project.close()


@pytest.fixture
def executor(cluster: RayCluster) -> RayExecutor:
    """An executor that joins the cluster."""
    return RayExecutor(address=cluster.address)


def node_folders() -> list[Path]:
    return [*(Path(tempfile.gettempdir()) / f"hookline-{os.getuid()}").glob("*")]


def digests(project: Project, run: str) -> dict[tuple[str, int], list[object]]:
    """List the digests of what tasks gave, with those of the files in it, by task and item."""
    with open_store(project.store_path) as store:
        names = {node.node: node.name for node in store.nodes(run)}
        rows = [(names[row.node], row.item, row.outputs) for row in store.attempts(run) if row.outputs]
    return {(name, item): [each[:2] for each in inside(unpack_outputs(blob))] for name, item, blob in rows}


def test_the_project_is_there_as_git_sees_it(
    project: Project, cluster: RayCluster, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """Modules, classes, executables, plugins, providers, variables; notes and output come back; data is not sent."""
    project.write("hookline_plugins.py", PLUGINS)
    project.write("flow.py", HEAD + FLOW)
    monkeypatch.setenv("REGION", "north")
    executor = RayExecutor(address=cluster.address, runtime_env={"env_vars": {"TOKEN": "hunter2"}})
    with caplog.at_level(logging.WARNING, "hookline"):
        run = project.run("flow.py", {"token": Secret("env:TOKEN")}, executor=executor)
    assert {task: run.error(task) for task in run.failed} == {}
    seen, back, there, noted = run.value
    assert seen == {
        "cwd": True,
        "files": [
            ".gitignore",
            "beside.py",
            "flow.py",
            "hookline_plugins.py",
            "kit/__init__.py",
            "kit/things.py",
            "logging.py",
            "pyproject.toml",
            "ray.py",
            "rows.csv",
            "signal.py",
        ],
        "ran": "ran\n",
        "module": "flow flow kit.things 5",
    }
    assert (back, there, noted) == ("seen True", "apart True", 3)
    assert run.output("note") == "printed there north 7 1,2,3\n"
    where = run.metadata("look")["hookline_plugins.where"]
    assert where.endswith("/hookline_plugins.py")
    assert not where.startswith(str(project.folder))
    assert run.metadata("told_seen")["hookline_plugins.where"] == str(project.folder / "hookline_plugins.py")
    with open_store(project.store_path) as store:
        notes = {note.name: note for note in store.notes(run.id) if note.kind != "metadata"}
        assert (notes["remark"].value, notes["loss"].step) == ('{"a": [1]}', 3)
        assert "weights" in notes
        assert not verify(store).damaged
    # One that ends before it can begin is replaced, with a warning of its own.
    assert sum("does not see the store's folder" in record.message for record in caplog.records) == 1


def test_what_is_typed_into_a_shell_finds_there_what_is_beside_it(project: Project, cluster: RayCluster) -> None:
    """Its functions come by value, the modules that they import by name."""
    for name in NAMED_LIKE_OTHERS:  # by these the shell itself would be misled
        (project.folder / f"{name}.py").unlink()
    lines = """
        import beside, hookline
        @hookline.step(resources={"apart": 1})
        def limit() -> int:
            return beside.LIMIT
        @hookline.workflow
        def typed():
            return limit()
        """
    run = f"print(hookline.run(typed, ray_address={cluster.address!r}, progress=False).result)"
    said = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(lines) + run],
        cwd=project.folder,
        capture_output=True,
        text=True,
        check=False,
    )
    assert said.stdout == "5\n", said.stderr


def test_values_are_the_same_on_both_kinds_of_nodes(project: Project, executor: RayExecutor) -> None:
    """Whatever their size, files and folders too; the store holds them whole, under the digests of a run at home."""
    left = Path(tempfile.gettempdir()) / f"hookline-{os.getuid()}" / "left-by-a-killed-worker"
    left.mkdir(mode=0o700, parents=True, exist_ok=True)
    project.write("flow.py", HEAD + DATA)
    at_home = project.run("flow.py", executor="inline", fresh=True)
    away = project.run("flow.py", executor=executor, fresh=True)
    assert away.value == at_home.value
    assert len(away.attempts()) == 3 * 2 * 4 * (1 + 2)
    assert digests(project, away.id) == digests(project, at_home.id)
    with open_store(project.store_path) as store:
        assert not verify(store).damaged
    folders = node_folders()
    assert left not in folders
    assert not [folder for folder in folders if folder.name == away.id]


def test_files_that_arguments_name_are_there(project: Project, executor: RayExecutor, unseen: Path) -> None:
    """In the project or elsewhere, ignored or not, folders and lists of them: with their names and content."""
    elsewhere = unseen / "elsewhere"
    (elsewhere / "folder").mkdir(parents=True)
    (elsewhere / "folder" / "one.txt").write_text("one")
    (elsewhere / "large.bin").write_bytes(b"large" * 500_000)
    project.write(
        "flow.py",
        HEAD
        + """
@step(resources=APART)
def read(path: Path) -> list[object]:
    inside = sorted(path.rglob("*")) if path.is_dir() else [path]
    return [path.name, [hashlib.sha256(each.read_bytes()).hexdigest() for each in inside]]

@workflow
def flow(elsewhere: Path, path: Path = HERE / "rows.csv"):
    more = [HERE / "data" / "large.csv", elsewhere / "large.bin", Path("data/large.csv")]
    return read(path), read(elsewhere / "folder"), read.map(path=more)
""",
    )
    at_home = project.run("flow.py", {"elsewhere": elsewhere}, executor="inline", fresh=True)
    away = project.run("flow.py", {"elsewhere": elsewhere}, executor=executor, fresh=True)
    assert {task: away.error(task) for task in away.failed} == {}
    assert away.value == at_home.value
    assert digests(project, away.id) == digests(project, at_home.id)


def test_a_node_that_sees_no_project_is_told_once_and_nothing_is_lost(
    unseen: Path, cluster: RayCluster, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """Without its files no step can be found there."""
    folder = unseen / "rig"
    folder.mkdir()
    executor = RayExecutor(1, address=cluster.address, ship=False)
    with Rig(executor, folder) as rig:
        work = replace(rig.work("same"), resources=(("apart", 1.0),))
        batches = [rig.batch_of(work, x) for x in range(3)]
        for batch in batches:
            executor.submit(batch)
        rig.wait(*[batch.number for batch in batches])
        (gone,) = [message for message in rig.messages if isinstance(message, Gone)]
        assert f"does not see the project's folder '{folder}'" in gone.reason
        assert "set ship = true" in gone.reason + gone.help
        assert all(rig.lost(batch.number).cancelled for batch in batches)


def test_what_can_not_be_had_there_fails_in_words(project: Project, executor: RayExecutor) -> None:
    """An artifact that the driver does not have any more, and records in a store that is not seen."""
    project.write(
        "flow.py",
        HEAD
        + """
@step(resources=SEEN)
def make() -> bytes:
    return b"some" * 1_000_000

@step(resources=SEEN)
def spoil(x: bytes) -> int:
    for path in Path(".hookline/artifacts/objects").rglob("*"):
        if path.is_file():
            path.unlink()
    return 1

@step(resources=APART)
def use(x: bytes, after: int) -> int:
    return len(x)

@step(resources=APART)
def remember() -> None:
    attempt().records("mine").put("a", "b", 1)

@workflow
def flow():
    return use(x := make(), spoil(x)), remember()
""",
    )
    run = project.run("flow.py", executor=executor)
    assert "ArtifactError" in run.error("use")
    assert "is missing" in run.error("use")
    assert "the records of the plugin 'mine' are in the run's store, whose folder this node does not" in run.error(
        "remember"
    )


def test_an_outpost_that_dies_while_it_sends_leaves_nothing_of_it(
    project: Project, executor: RayExecutor, tmp_path: Path
) -> None:
    """What had come is dropped, the attempt is made again, and its value is right."""
    project.write(
        "flow.py",
        HEAD
        + """
@step(resources=APART, retries=1)
def make(told: str) -> np.ndarray:
    supervisor = Path(f"/proc/{os.getppid()}/stat").read_text().rpartition(")")[2].split()[1]
    Path(told).with_suffix(f".{attempt().number}").write_text(supervisor)
    return np.full(15_000_000, attempt().number)

@workflow
def flow(told: str):
    return make(told)
""",
    )
    told, ended = tmp_path / "told", threading.Event()

    def kill_while_it_sends() -> None:
        objects = project.store_path / "artifacts" / "objects"
        while not any(path.is_file() and path.stat().st_size > 1 << 20 for path in objects.rglob("*")):
            if ended.wait(0.001):
                return
        os.kill(int(told.with_suffix(".1").read_text()), signal.SIGKILL)

    killer = threading.Thread(target=kill_while_it_sends)
    killer.start()
    run = project.run("flow.py", {"told": str(told)}, executor=executor)
    ended.set()
    killer.join()
    assert set(run.value) == {2}
    assert [row.attempt for row in run.attempts()] == [1, 2]
    (whole,) = [path for path in (project.store_path / "artifacts" / "objects").rglob("*") if path.is_file()]
    assert whole.stat().st_size > 120_000_000
    assert not [folder for folder in node_folders() if folder.name == run.id]


CHAIN = (
    HEAD
    + """
import signal, time

def mark(told: str, what: object) -> None:
    file = os.open(told, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    os.write(file, f"{what}\\n".encode())
    os.close(file)

def die(how: str) -> None:
    if how == "exits":
        os._exit(3)
    supervisor = Path(f"/proc/{os.getppid()}/stat").read_text().rpartition(")")[2].split()[1]
    os.kill(int(supervisor), signal.SIGKILL)
    time.sleep(600)

@step(resources=SEEN)
def lent(size: int) -> np.ndarray:
    return np.arange(size // 8)

@step(resources=APART)
def some(x: int, size: int) -> np.ndarray:
    return np.arange(size // 8) + x

@step(resources=APART)
def first(values: np.ndarray, extra: bytes, more: tuple[object, ...], lent: np.ndarray) -> int:
    assert lent[-1] == len(lent) - 1
    assert (len(extra) % 2, len(more[0]), len(more[2]["k"])) == (1, 5_000, 70_000)
    return int(values[0]) + 1

@step(resources=APART)
def put(x: int, size: int) -> dict[str, object]:
    path = attempt().folder / "some.bin"
    path.write_bytes(bytes([x]) * size)
    return {"file": path, "x": x}

@step(resources=APART)
def get(both: dict[str, object]) -> int:
    assert both["file"].read_bytes()[-1] == both["x"]
    return both["x"] + 1

@step(resources=APART)
def add(x: int, told: str, how: str) -> int:
    mark(told, f"{x} {attempt().number}")
    if how and x == 48 and not Path(told + ".died").exists():
        Path(told + ".died").touch()
        die(how)
    return x + 1

@workflow
def flow(told: str, how: str = "", rounds: int = 12):
    x = 0
    borrowed = [lent(size) for size in (10_000, 100_000, 2_000_000)]
    for number in range(rounds):
        size = (1_500_000, 6_000)[number % 5 > 0]
        values = some(x, size)
        # Constants of all sizes: others each time, and always the same.
        extra = bytes([number]) * (9_001, 1_200_001)[number % 7 == 0]
        x = first(values, extra, ("c" * 5_000, number, {"k": b"l" * 70_000}), borrowed[number // 4])
        x = get(put(x, size))
        for _ in range(5):
            x = add(x, told, how)
    return x
"""
)


CALLS = 3 + 12 * (4 + 5)


class SeenRay(Seen, RayExecutor):
    """A worker for either kind of node, and how many links each batch had."""

    def __init__(self, address: str) -> None:
        super().__init__(2, address=address)
        self.links = []


def test_a_chain_whose_values_are_artifacts_travels_together(
    project: Project, cluster: RayCluster, tmp_path: Path
) -> None:
    """Values, constants, files, what others made, of all sizes: each made once, with keys and digests as at home."""
    project.write("flow.py", CHAIN)
    told = tmp_path / "told"
    where = SeenRay(cluster.address)
    away = project.run("flow.py", {"told": str(told)}, executor=where)
    assert {task: away.error(task) for task in away.failed} == {}
    assert away.value == 12 * 7
    assert sum(where.links) + len(where.links) == CALLS
    assert len(where.links) < CALLS / 2
    lines = told.read_text().splitlines()
    assert len(lines) == len(set(lines)) == 12 * 5
    with open_store(project.store_path) as store:
        assert not verify(store).damaged
    at_home = project.run("flow.py", {"told": str(told)}, executor="inline", fresh=True)
    assert digests(project, away.id) == digests(project, at_home.id)
    keys, at_home_keys = ({(row.node, row.key, row.kind) for row in run.attempts()} for run in (away, at_home))
    assert keys == at_home_keys


@pytest.mark.parametrize("how", ["exits", "is killed with its outpost"])
def test_a_chain_goes_on_where_its_worker_died(project: Project, cluster: RayCluster, tmp_path: Path, how: str) -> None:
    """All that was told stands, artifacts too; nothing is recorded twice."""
    project.write("flow.py", CHAIN)
    told = tmp_path / "told"
    where = SeenRay(cluster.address)
    away = project.run("flow.py", {"told": str(told), "how": how}, executor=where)
    assert away.value == 12 * 7
    assert any(where.links)
    lines = told.read_text().splitlines()
    begun = [line for line in lines if line.startswith("48 ")]
    assert len(begun) == 2
    # Of an outpost that is gone nobody knows which of the calls that it did not tell of it was at.
    assert begun == ["48 1", "48 2"] or how != "exits"
    assert max(map(lines.count, lines)) <= 2, "what was told of ran again"
    completed = [row.node for row in away.attempts() if row.kind == Kind.COMPLETED]
    assert sorted(completed) == [*range(CALLS)]
    with open_store(project.store_path) as store:
        assert not verify(store).damaged
    at_home = project.run("flow.py", {"told": str(told), "how": how}, executor="inline", fresh=True)
    assert digests(project, away.id) == digests(project, at_home.id)
