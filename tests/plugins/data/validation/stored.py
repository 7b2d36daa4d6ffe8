"""What attempts kept: artifacts and metrics, read from the store after a run."""

from __future__ import annotations

from typing import Any

import hookline
from hookline import TaskEvent
from hookline.testing.project import Project
from hookline.testing.result import RunResult


def kept(project: Project, run: RunResult) -> dict[str, Any]:
    """Give all metrics and artifacts of a run's attempts, by name."""
    found: dict[str, Any] = {}
    with hookline.open_store(project.store_path) as store:
        values = store.records("data")
        for event in store.events():
            if isinstance(event, TaskEvent) and event.run_id == run.id:
                found |= event.noted("metric")
                found |= {name: values.load(ref) for name, ref in event.noted("artifact").items()}
    return found
