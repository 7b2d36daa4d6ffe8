"""What every executor keeps, kept on Ray."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from executors.ray.cluster import RayCluster
from hookline.executors.protocol import Executor
from hookline.executors.ray.executor import RayExecutor
from hookline.testing.contracts.executors import ExecutorContract
from hookline.testing.rig import Rig


@pytest.fixture(scope="module")
def shared(cluster: RayCluster, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Rig]:
    """An executor that nothing closes before the last test."""
    with Rig(RayExecutor(2, address=cluster.address), tmp_path_factory.mktemp("shared")) as rig:
        yield rig


class TestRay(ExecutorContract):
    """The contract; one executor serves all tests that do not close theirs, since a connection to Ray takes seconds."""

    @pytest.fixture(autouse=True)
    def _cluster(self, cluster: RayCluster) -> None:
        self.address = cluster.address

    def make_executor(self) -> Executor:
        """Join the cluster that the tests share."""
        return RayExecutor(2, address=self.address)

    @pytest.fixture
    def rig(self, request: pytest.FixtureRequest, shared: Rig) -> Iterator[Rig]:
        """That executor, or one of the test's own; without the files by which attempts are told to go on."""
        if "closing" in request.function.__name__:
            own = request.getfixturevalue("tmp_path")
            with Rig(self.make_executor(), own) as rig:
                yield rig
            return
        for name in ("begun", "go"):
            (shared.folder / name).unlink(missing_ok=True)
        yield shared

    def test_a_batch_is_said_to_have_begun_while_it_goes_on(self, rig: Rig) -> None:
        """An attempt that waits for what follows upon its start is not waited for."""
        file = rig.folder / "go on"
        number = rig.submit("until_there", str(file))
        rig.until(lambda: rig.started(number))
        assert not rig.ended(number)
        file.write_text("")
        assert rig.values(number) == [str(file)]
