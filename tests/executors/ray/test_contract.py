"""What every executor keeps, kept on Ray."""

from __future__ import annotations

import pytest

from executors.ray.cluster import RayCluster
from hookline.executors.protocol import Executor
from hookline.executors.ray.executor import RayExecutor
from hookline.testing.contracts.executors import ExecutorContract


class TestRay(ExecutorContract):
    """The contract."""

    @pytest.fixture(autouse=True)
    def _cluster(self, cluster: RayCluster) -> None:
        self.address = cluster.address

    def make_executor(self) -> Executor:
        """Join the cluster that the tests share."""
        return RayExecutor(2, address=self.address)
