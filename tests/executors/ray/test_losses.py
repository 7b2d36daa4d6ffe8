"""What happens on Ray when something dies, hangs, or is not there: each time it really does."""

from __future__ import annotations

import contextlib
import itertools
import logging
import os
import signal
import socket
import subprocess
import sys
import textwrap
import time
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from executors.ray.cluster import RayCluster
from hookline.errors import StoreError
from hookline.executors.ray.executor import RayExecutor
from hookline.executors.supervisor import descendants, processes
from hookline.model.batch import Finished, Gone, Lost, Started
from hookline.model.work import Work
from hookline.testing.rig import STEPS, Rig

pytestmark = [pytest.mark.chaos]

WITHIN = 60.0
SOURCE = (
    STEPS
    + """
def with_child(x):
    import subprocess
    child = subprocess.Popen(["sleep", "600"], start_new_session=True)
    write(x, f"{os.getpid()} {child.pid}"); time.sleep(600)
def device(x): return x, os.environ["CUDA_VISIBLE_DEVICES"]
"""
)
TOKEN = "5" * 64
tasks = itertools.count(1000)


def rig_on(executor: RayExecutor, folder: Path) -> Rig:
    folder.mkdir(exist_ok=True)
    return Rig(executor, folder, source=SOURCE)


@pytest.fixture(scope="module")
def rig(cluster: RayCluster, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Rig]:
    """An executor on the cluster that tests share, which nothing in them ends."""
    with rig_on(RayExecutor(address=cluster.address), tmp_path_factory.mktemp("rig")) as rig:
        yield rig


@pytest.fixture(scope="module")
def guarded() -> Iterator[RayCluster]:
    """A cluster that wants a token, and finds every few seconds that it has too little memory."""
    memory = {"RAY_memory_usage_threshold": "0.001", "RAY_memory_monitor_refresh_ms": "4000"}
    token = {"RAY_AUTH_MODE": "token", "RAY_AUTH_TOKEN": TOKEN}
    with RayCluster(cpus=1, environment=token | memory) as cluster:
        yield cluster


@pytest.fixture
def has_token(monkeypatch: pytest.MonkeyPatch) -> Callable[[str], None]:
    """Give this process a token."""

    def have(token: str) -> None:
        monkeypatch.setenv("RAY_AUTH_MODE", "token")
        monkeypatch.setenv("RAY_AUTH_TOKEN", token)

    return have


def work_needing(rig: Rig, name: str, cpu: float = 0.0, **resources: float) -> Work:
    """Describe attempts that need what the rig itself has no words for."""
    return replace(rig.work(name), task=next(tasks), cpu=cpu, resources=tuple(sorted(resources.items())))


def submit(rig: Rig, work: Work, item: object) -> int:
    batch = rig.batch_of(work, item)
    rig.executor.submit(batch)
    return batch.number


def until(condition: Callable[[], bool], what: str, within: float = WITHIN) -> None:
    """Wait for something that nothing tells of."""
    end = time.monotonic() + within
    while not condition():
        assert time.monotonic() < end, what
        time.sleep(0.01)


def begin_with_child(rig: Rig, work: Work | None = None) -> tuple[int, set[int], int]:
    """Begin a batch that never ends; give its number, its processes, and the process of its outpost."""
    note = rig.folder / f"note-{next(tasks)}"
    number = submit(rig, work or rig.work("with_child"), str(note))
    pids = {int(pid) for pid in rig.until_there(note).split()}
    parents = processes()
    worker = int(note.read_text().split()[0])
    return number, pids, parents[parents[worker]]


def gone(pids: set[int]) -> Callable[[], bool]:
    return lambda: not pids & processes().keys()


def gateway_of_this_process() -> int:
    """Find the newest process that is connected to Ray for this one."""
    found = [
        pid
        for pid in descendants(processes(), os.getpid())
        if b"hookline.executors.ray.gateway" in Path(f"/proc/{pid}/cmdline").read_bytes()
    ]
    return max(found)


def gone_of(executor: RayExecutor, folder: Path, within: float) -> Gone:
    """Let an executor that can't work begin to; give what it says, and see to it that nothing waits for it."""
    began = time.monotonic()
    with rig_on(executor, folder) as rig:
        number = rig.submit("same", 1)
        rig.wait(number, wait=within)
        assert rig.lost(number).cancelled
        (message,) = [message for message in rig.messages if isinstance(message, Gone)]
        assert rig.lost(rig.submit("same", 2)).cancelled
    assert time.monotonic() - began < within + WITHIN
    return message


def test_an_outpost_that_is_killed_loses_what_it_had_begun_and_nothing_else(rig: Rig) -> None:
    """What waited behind goes on elsewhere, once, and no process of the step is left."""
    number, pids, outpost = begin_with_child(rig)
    door = rig.folder / "door"
    others = [rig.submit("until_there", str(door)) for _ in range(3)]
    rig.until(lambda: all(map(rig.started, others)))
    behind = [rig.submit("same", item) for item in range(4)]
    os.kill(outpost, signal.SIGKILL)
    lost = rig.lost(number)
    assert "its process died" in lost.reason
    assert not lost.out_of_memory
    assert not lost.cancelled
    until(gone(pids), "the step's processes are left")
    door.write_text("open")
    assert [rig.values(each) for each in behind] == [[0], [1], [2], [3]]
    rig.wait(*others)
    assert all(len(rig.of(each)) == 2 for each in (*others, *behind))  # Started, Finished


def test_cancelling_asks_first(rig: Rig) -> None:
    """A step that looks whether it is to end has the time to tidy up."""
    number = rig.submit("until_cancelled", str(rig.folder / "asked"))
    rig.until_there(rig.folder / "asked")
    rig.executor.cancel([number], 20.0)
    assert rig.values(number) == ["tidied"]


def test_what_does_not_end_by_itself_is_ended_and_gives_its_resources_back(rig: Rig) -> None:
    """After it a batch that needs every processor runs; one that waits behind that is cancelled without a beginning."""
    number, pids, _ = begin_with_child(rig)
    rig.executor.cancel([number], 0.2)
    assert rig.lost(number).cancelled
    until(gone(pids), "the step's processes are left")
    door = rig.folder / "other-door"
    large = rig.submit("until_there", str(door), cpu=4.0)
    rig.until(lambda: rig.started(large))
    behind = rig.submit("same", 1, cpu=4.0)
    rig.executor.cancel([behind], 20.0)
    assert rig.lost(behind).cancelled
    assert not rig.started(behind)
    door.write_text("open")
    rig.wait(large)


def test_an_outpost_that_does_not_answer_is_ended_when_its_batch_is_cancelled(rig: Rig) -> None:
    """A process that is stopped takes no word; Ray ends it, and the worker goes with it."""
    number, pids, outpost = begin_with_child(rig)
    os.kill(outpost, signal.SIGSTOP)
    rig.executor.cancel([number], 0.2)
    assert rig.lost(number).cancelled
    until(gone({*pids, outpost}), "processes are left")


def test_strangers_are_not_let_in_and_disturb_nobody(rig: Rig) -> None:
    """Neither one that sends garbage nor one that says nothing keeps others from their work."""
    rig.values(rig.submit("same", 1))
    assert isinstance(rig.executor, RayExecutor)
    assert rig.executor._door is not None
    address = rig.executor._door.address
    with socket.create_connection(address), socket.create_connection(address, timeout=WITHIN) as loud:
        loud.sendall(b"GET / HTTP/1.1\r\n\r\n" + bytes(4096))
        assert rig.values(rig.submit("same", 2)) == [2]
        with contextlib.suppress(ConnectionResetError):
            assert len(loud.recv(32)) == 32
            assert loud.recv(32) == b""


def test_when_the_gateway_is_gone_so_is_all_that_it_placed(cluster: RayCluster, rig: Rig, tmp_path: Path) -> None:
    """The run is told once, every batch has its end at once, and the cluster has its resources back."""
    with rig_on(RayExecutor(address=cluster.address), tmp_path / "own") as own:
        begun = [begin_with_child(own, work_needing(own, "with_child", special=1.0)) for _ in range(2)]
        waiting = submit(own, work_needing(own, "same", special=2.0), 1)
        os.kill(gateway_of_this_process(), signal.SIGKILL)
        numbers = [waiting, *(number for number, _, _ in begun)]
        assert all(own.lost(number).cancelled for number in numbers)
        (message,) = [message for message in own.messages if isinstance(message, Gone)]
        assert message.reason == "the process that was connected to Ray is gone: killed by signal 9 (SIGKILL)"
        assert own.lost(own.submit("same", 1)).cancelled
        closing = time.monotonic()
        own.close()
        assert time.monotonic() - closing < 14  # it does not wait for what is gone
    for _, pids, outpost in begun:
        until(gone({*pids, outpost}), "an outpost or its worker is left")
    assert rig.values_of(work_needing(rig, "same", special=2.0), 1) == [1]


DRIVER = """
    import sys, threading
    from pathlib import Path
    from dataclasses import replace
    from hookline.executors.ray.executor import RayExecutor
    from hookline.testing.rig import Rig
    address, other, folder = sys.argv[1], float(sys.argv[2]), Path(sys.argv[3])
    rig = Rig(RayExecutor(1, address=address), folder)
    work = rig.work("sleep_noted")
    if other:
        work = replace(work, cpu=0.0, resources=(("other", other),))
    rig.executor.submit(rig.batch_of(work, str(folder / "note")))
    rig.until_there(folder / "note")
    print(folder.joinpath("note").read_text(), flush=True)
    threading.Event().wait()
"""


def killed_driver(address: str, other: float, folder: Path) -> set[int]:
    """Kill a driver while it works; give the processes that were its own, and its worker's."""
    folder.mkdir()
    code = textwrap.dedent(DRIVER)
    command = [sys.executable, "-c", code, address, str(other), str(folder)]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment) as driver:
        try:
            assert driver.stdout is not None
            worker = int(driver.stdout.readline())
            parents = processes()
            own = {*descendants(parents, driver.pid), worker, parents[worker], parents[parents[worker]]}
        finally:
            driver.kill()
    return own


def test_when_the_driver_is_killed_a_cluster_gets_its_resources_back(
    cluster: RayCluster, rig: Rig, tmp_path: Path
) -> None:
    """Nobody is left to tell outposts anything: that their connection ended is enough."""
    until(gone(killed_driver(cluster.address, 1.0, tmp_path / "own")), "processes of the driver are left")
    assert rig.values_of(work_needing(rig, "same", other=1.0), 1) == [1]


def test_when_the_driver_is_killed_its_local_cluster_ends(tmp_path: Path) -> None:
    """No process of Ray's is left, nor what it started."""
    own = killed_driver("local", 0.0, tmp_path / "own")
    assert len(own) > 6
    until(gone(own), "processes of the cluster are left")


def test_two_local_clusters_at_once_end_each_with_its_executor(tmp_path: Path) -> None:
    """What one starts is its own: closing ends that, and nothing of the other's."""
    before = descendants(processes(), os.getpid())
    first, second = (rig_on(RayExecutor(1), tmp_path / name) for name in ("first", "second"))
    with second:
        with first:
            numbers = [(rig, rig.submit("same", 1)) for rig in (first, second)]
            assert [rig.values(number) for rig, number in numbers] == [[1], [1]]
        assert second.values(second.submit("same", 2)) == [2]
    assert descendants(processes(), os.getpid()) <= before


def test_an_environment_that_can_not_be_built_ends_the_run_with_rays_words(cluster: RayCluster, tmp_path: Path) -> None:
    """The next worker would fare no better: there are no further starts."""
    executor = RayExecutor(address=cluster.address, runtime_env={"conda": "no-such-environment"})
    message = gone_of(executor, tmp_path / "own", WITHIN)
    assert message.reason.startswith("no worker can be started on Ray: its runtime environment can't be built: ")
    assert "conda" in message.reason


def test_a_node_where_the_code_can_not_be_imported_ends_the_run_and_fails_no_task(
    cluster: RayCluster, tmp_path: Path
) -> None:
    """It would be quickest at failing, and get all the work."""
    source = STEPS + 'if "RAY_RAYLET_PID" in os.environ: raise RuntimeError("not here")'
    with Rig(RayExecutor(address=cluster.address), tmp_path, source=source) as own:
        numbers = [own.submit("same", item) for item in range(3)]
        assert all(own.lost(number).cancelled for number in numbers)
        (gone,) = [message for message in own.messages if isinstance(message, Gone)]
        assert gone.reason.startswith("no attempts can be made on the node '")
        assert "not here" in gone.reason


def test_what_no_node_has_fails_where_resources_are_strict(cluster: RayCluster, tmp_path: Path) -> None:
    """The message names what is asked for and what there is, for processors, GPUs, memory and names of the user's."""
    with rig_on(RayExecutor(address=cluster.address, strict_resources=True), tmp_path / "own") as own:
        for cpu, resources, named in (
            (64.0, {}, "cpu=64"),
            (1.0, {"gpu": 1.0}, "cpu=1, gpu=1"),
            (1.0, {"special": 3.0}, "cpu=1, special=3"),
            (0.0, {"memory": 2.0**43}, "memory=8192 GiB"),
        ):
            (outcome,) = own.outcomes(submit(own, work_needing(own, "same", cpu, **resources), 1))
            assert outcome.failure is not None
            assert (
                f"no node of the Ray cluster has {named}; of each, the most that one has is cpu=4, memory="
                in outcome.failure.message
            )
            assert ", special=2, turn=1\nhelp: " in outcome.failure.message


def test_no_kind_of_batch_starves_another(cluster: RayCluster, tmp_path: Path) -> None:
    """Where there is room for one, the kind of which there is always more makes room for one that waits."""
    with rig_on(RayExecutor(address=cluster.address), tmp_path / "own") as own:
        steady, rare = (work_needing(own, "nap", turn=turn) for turn in (1.0, 0.75))
        own.wait(submit(own, steady, 0.05))
        wanted = submit(own, rare, 0.05)
        steadily = deque(submit(own, steady, 0.05) for _ in range(3))
        while not own.ended(wanted):
            own.until(lambda: own.ended(wanted) or own.ended(steadily[0]))
            steadily.append(submit(own, steady, 0.05))
            steadily.popleft()


def test_what_no_node_has_waits_for_one_that_does(
    cluster: RayCluster, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """One warning says what is missing; a node that has it is used as soon as it is there, and its GPU is visible."""
    with rig_on(RayExecutor(address=cluster.address), tmp_path / "own") as own:
        with caplog.at_level(logging.WARNING, "hookline"):
            waiting = [submit(own, work_needing(own, "device", 2.0, gpu=1.0), item) for item in range(2)]
            until(lambda: "no node of the Ray cluster" in caplog.text, "there is no warning")
            assert own.values(own.submit("same", 1)) == [1]
            node = cluster.add_node(2, GPU=1)
            try:
                assert [own.values(number) for number in waiting] == [[(0, "0")], [(1, "0")]]
            finally:
                cluster.remove_node(node)
        missing = "no node of the Ray cluster has cpu=2, gpu=1; of each, the most that one has is cpu=4, memory="
        assert sum(missing in record.getMessage() for record in caplog.records) == 1


def test_a_gateway_that_is_slow_is_told_all_by_and_by(cluster: RayCluster, tmp_path: Path) -> None:
    """What finds no room on the way to it now is sent when there is some, and closing does not wait in vain."""
    with rig_on(RayExecutor(40, address=cluster.address), tmp_path / "own") as own:
        own.values(own.submit("same", 1))
        assert isinstance(own.executor, RayExecutor)
        channel = own.executor._link.channel
        channel._sock.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 0)  # the least that there may be
        gateway = gateway_of_this_process()
        os.kill(gateway, signal.SIGSTOP)
        waiting = [submit(own, work_needing(own, "same", far=1.0), item) for item in range(40)]
        until(lambda: channel.waiting, "all of it was sent")
        os.kill(gateway, signal.SIGCONT)
        until(lambda: not channel.waiting, "not all of it is sent")
        own.executor.cancel(waiting, 0.0)
        assert own.values(own.submit("same", 2)) == [2]


def test_a_node_that_is_removed_loses_what_had_begun_there(cluster: RayCluster, tmp_path: Path) -> None:
    """Other nodes go on; what had not begun waits for another such node; nothing is made twice."""
    node = cluster.add_node(1, far=1)
    with rig_on(RayExecutor(address=cluster.address), tmp_path / "own") as own:
        number, pids, _ = begin_with_child(own, work_needing(own, "with_child", far=1.0))
        door = tmp_path / "door"
        here = own.submit("until_there", str(door))
        own.until(lambda: own.started(here))
        behind = submit(own, work_needing(own, "same", far=1.0), 1)
        cluster.remove_node(node)
        lost = own.lost(number)
        assert lost.reason.startswith("the worker on the node '")
        assert not lost.out_of_memory
        until(gone(pids), "the step's processes are left")
        door.write_text("open")
        own.wait(here)
        node = cluster.add_node(1, far=1)
        assert own.values(behind) == [1]
        ends = [message for message in own.messages if isinstance(message, (Lost, Finished, Started))]
        assert len(ends) == 6
    cluster.remove_node(node)


def test_a_node_that_dies_while_its_outposts_start_ends_no_run(cluster: RayCluster, tmp_path: Path) -> None:
    """However many they were: that says nothing of what others would meet, and what waits goes to the next node."""
    node = cluster.add_node(4, far=4)
    with rig_on(RayExecutor(address=cluster.address), tmp_path / "own") as own:
        assert own.values(own.submit("same", 1)) == [1]
        work = work_needing(own, "same", far=1.0)
        waiting = [submit(own, work, item) for item in range(8)]
        assert isinstance(own.executor, RayExecutor)
        posts = own.executor._room.posts
        until(lambda: len(posts) > 4, "no outposts are asked for")
        cluster.remove_node(node)
        node = cluster.add_node(4, far=4)
        assert [own.values(number) for number in waiting] == [[item] for item in range(8)]
    cluster.remove_node(node)


def test_rays_memory_monitor_is_told_from_other_ends(
    guarded: RayCluster, tmp_path: Path, has_token: Callable[[str], None]
) -> None:
    """The engine may then give the next attempt more room."""
    has_token(TOKEN)
    with rig_on(RayExecutor(address=guarded.address), tmp_path / "own") as own:
        number, pids, _ = begin_with_child(own)
        lost = own.lost(number)
        assert lost.out_of_memory
        assert "ran out of memory" in lost.reason
        until(gone(pids), "the step's processes are left")


@pytest.mark.parametrize("token", ["", "6" * 64], ids=["none", "another"])
def test_a_cluster_that_wants_a_token_says_so(
    guarded: RayCluster, tmp_path: Path, has_token: Callable[[str], None], token: str
) -> None:
    """With no token, or another one, nobody joins."""
    if token:
        has_token(token)
    message = gone_of(RayExecutor(address=guarded.address), tmp_path / "own", WITHIN)
    assert message.reason == (
        f"the Ray cluster at '{guarded.address}' refuses this process: it does not have the cluster's token"
    )
    assert "RAY_AUTH_TOKEN" in message.help


def test_where_nobody_listens_there_is_no_cluster(tmp_path: Path) -> None:
    """That is found out at once: Ray itself would try for minutes."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        address = f"127.0.0.1:{server.getsockname()[1]}"
    message = gone_of(RayExecutor(address=address), tmp_path / "own", WITHIN)
    assert message.reason == f"nobody answers at the Ray cluster's address '{address}' (connection refused)"


def test_files_that_are_named_like_modules_of_ray_and_python_hide_none(
    cluster: RayCluster, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Neither those of the working directory, nor those that the driver itself finds first."""
    for name in ("ray", "signal", "logging"):
        (tmp_path / f"{name}.py").write_text("raise ImportError('the project has a file of this name')")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", [str(tmp_path), *sys.path])
    with rig_on(RayExecutor(address=cluster.address, ship=False), tmp_path) as rig:
        number = rig.submit("twice", 2)
        rig.wait(number)
        assert rig.values(number) == [4]


def test_whoever_stops_while_ray_connects_waits_for_nothing(tmp_path: Path) -> None:
    """There is nothing to give back yet."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        rig = rig_on(RayExecutor(address=f"127.0.0.1:{server.getsockname()[1]}"), tmp_path / "own")
        rig.begin()
        caller, _ = server.accept()  # it waits for a word now
        with caller:
            began = time.monotonic()
            rig.close(WITHIN)
            assert time.monotonic() - began < WITHIN / 2


def test_who_listens_without_a_word_is_no_cluster(tmp_path: Path) -> None:
    """Ray would wait for minutes, and then end the process that asked."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        address = f"127.0.0.1:{server.getsockname()[1]}"
        message = gone_of(RayExecutor(address=address), tmp_path / "own", WITHIN)
    assert message.reason == f"who answers at '{address}' is not the head of a Ray cluster"


def test_where_the_store_can_not_be_written_nothing_is_started(tmp_path: Path) -> None:
    """The error says so, and there is nothing to close."""
    executor = RayExecutor()
    (tmp_path / "file").touch()
    rig = Rig(executor, tmp_path, source=SOURCE, artifacts=str(tmp_path / "file" / "artifacts"))
    with pytest.raises(StoreError):
        rig.begin()
    executor.close(0.0)


def test_what_is_no_address_is_said_to_be_none(tmp_path: Path) -> None:
    """A typing mistake is not worth a try."""
    for address in ("nowhere", "ray://10.0.0.1:10001", "localhost:123456"):
        message = gone_of(RayExecutor(address=address), tmp_path / address[:4], WITHIN)
        assert isinstance(message, Gone)
        assert message.reason == f"'{address}' is no address of a Ray cluster"
