"""What every executor keeps, kept on Ray."""

from __future__ import annotations

import pytest

from executors.ray.cluster import RayCluster
from hookline.executors.protocol import Executor
from hookline.executors.ray.executor import RayExecutor
from hookline.testing.contracts.executors import ExecutorContract
from hookline.testing.rig import Rig


class TestRay(ExecutorContract):
    """The contract."""

    @pytest.fixture(autouse=True)
    def _cluster(self, cluster: RayCluster) -> None:
        self.address = cluster.address

    def make_executor(self) -> Executor:
        """Join the cluster that the tests share."""
        return RayExecutor(2, address=self.address)

    def test_a_batch_is_said_to_have_begun_while_it_goes_on(self, rig: Rig) -> None:
        """An attempt that waits for what follows upon its start is not waited for."""
        file = rig.folder / "go on"
        number = rig.submit("until_there", str(file))
        rig.until(lambda: rig.started(number))
        assert not rig.ended(number)
        file.write_text("")
        assert rig.values(number) == [str(file)]
