from __future__ import annotations

from hookline.executors.inline import InlineExecutor
from hookline.executors.threads import ThreadsExecutor
from hookline.testing import RecordingExecutor
from hookline.testing.contracts.executors import ExecutorContract


class TestInline(ExecutorContract):
    """The inline executor keeps what every executor keeps."""

    def make_executor(self) -> InlineExecutor:
        return InlineExecutor()


class TestThreads(ExecutorContract):
    """So does the threads executor."""

    def make_executor(self) -> ThreadsExecutor:
        return ThreadsExecutor(2)


class TestRecording(ExecutorContract):
    """So does the kit's executor for tests, as long as nothing is asked of it."""

    def make_executor(self) -> RecordingExecutor:
        return RecordingExecutor()
