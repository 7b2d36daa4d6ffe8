from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from executors.contract import ExecutorContract
from executors.rig import Rig
from hookline.executors.inline import InlineExecutor
from hookline.executors.threads import ThreadsExecutor


@pytest.fixture(params=[InlineExecutor, ThreadsExecutor])
def rig(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Rig]:
    """A rig of each executor in the driver's own process."""
    main = sys.modules["__main__"]
    rig = Rig(request.param(2), tmp_path)
    yield rig
    rig.close()
    sys.modules["__main__"] = main
    sys.modules.pop("steps_under_test", None)


class TestContract(ExecutorContract):
    """The inline and threads executors keep what every executor keeps."""
