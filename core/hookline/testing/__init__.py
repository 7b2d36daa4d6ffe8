"""A kit for those who test workflows and plugins: projects, a clock, an executor that records, contract suites.

Its fixtures come with the pytest plugin :mod:`hookline.testing.pytest_plugin`; each name here is imported on first use.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from hookline.testing.clock import Clock
    from hookline.testing.command import CommandResult
    from hookline.testing.project import Project
    from hookline.testing.recording_executor import RecordingExecutor
    from hookline.testing.result import RunResult
    from hookline.testing.stores import store_in_memory

__all__ = ["Clock", "CommandResult", "Project", "RecordingExecutor", "RunResult", "store_in_memory"]

_HOMES = {
    "Clock": "hookline.testing.clock",
    "CommandResult": "hookline.testing.command",
    "Project": "hookline.testing.project",
    "RecordingExecutor": "hookline.testing.recording_executor",
    "RunResult": "hookline.testing.result",
    "store_in_memory": "hookline.testing.stores",
}


def __getattr__(name: str) -> object:
    home = _HOMES.get(name)
    if home is None:
        raise AttributeError(f"module 'hookline.testing' has no attribute '{name}'")
    import importlib

    value: object = getattr(importlib.import_module(home), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
