"""What attempts kept: artifacts and metrics, read from the store after a run."""

from __future__ import annotations

import json
from typing import Any

from hookline.testing.project import Project
from hookline.testing.result import RunResult
from hookline.worker.loading import FileOpener, load_outcome


def kept(project: Project, run: RunResult) -> dict[str, Any]:
    """Give all metrics and artifacts of a run's attempts, by name."""
    with project.store() as store:
        found: dict[str, Any] = {}
        for note in store.notes(run.id):
            if note.kind == "artifact":
                opener = FileOpener(store.artifacts, lambda: project.folder)
                found[note.name] = load_outcome(opener, note.outputs, 0)
            else:
                found[note.name] = json.loads(note.value or "null")
        return found
