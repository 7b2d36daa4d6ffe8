"""What the command line exits with; scripts rely on these numbers."""

from __future__ import annotations

from enum import IntEnum

from hookline.model.states import RunState

__all__ = ["ExitCode", "exit_code_of"]


class ExitCode(IntEnum):
    """Every code that ``hookline`` exits with."""

    DONE = 0
    TASK_FAILED = 1
    USAGE = 2
    WORKFLOW = 3
    PLUGIN = 4
    STORE = 5
    CANCELLED = 6
    INTERRUPTED = 7  # without a signal to this process: a lost head, a dead driver
    INTERNAL = 70  # a defect of hookline itself
    OWNERSHIP = 75
    SIGINT = 130
    SIGTERM = 143


_OF_STATES = {
    RunState.COMPLETED: ExitCode.DONE,
    RunState.WAITING: ExitCode.DONE,
    RunState.RUNNING: ExitCode.DONE,
    RunState.FAILED: ExitCode.TASK_FAILED,
    RunState.CANCELLED: ExitCode.CANCELLED,
    RunState.INTERRUPTED: ExitCode.INTERRUPTED,
}


def exit_code_of(status: str, signal_number: int | None = None) -> int:
    """Tell what to exit with after a run.

    Args:
        status: How the run ended.
        signal_number: The signal that asked this process to stop; None for none.

    Returns:
        The exit code; 128 and the signal's number where a signal came and the run did not complete.
    """
    state = RunState(status)
    if signal_number is not None and state is not RunState.COMPLETED:
        return 128 + signal_number
    return _OF_STATES[state]
