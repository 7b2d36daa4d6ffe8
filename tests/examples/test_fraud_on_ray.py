"""The fraud example on a Ray cluster: what its workers load, check, join and put aside is what this process makes."""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any

import pytest

import hookline
from executors.ray.cluster import RayCluster
from hookline import Run
from hookline.store import unpack_outputs
from hookline.testing.project import Project

pytestmark = [pytest.mark.integration, pytest.mark.usefixtures("plain_ray")]

DAYS = [date(2026, 1, day) for day in (1, 2, 3)]
OPTIONS = ["--days", "3", "--rows", "100", "--dirt", "0.1"]


@pytest.fixture
def project(tmp_path: Path, copy_of: Callable[[str, Path], Path]) -> Iterator[Project]:
    """The example with three days of data, in which nothing has run."""
    example = copy_of("fraud", tmp_path)
    subprocess.run([sys.executable, "generate.py", *OPTIONS], cwd=example, check=True, capture_output=True)
    project = Project(tmp_path / "project")
    shutil.copytree(example, project.folder, dirs_exist_ok=True)
    yield project
    project.close()


def backfill(project: Project, **options: Any) -> Run:
    target = project.target("workflow.py:daily")
    mapped = replace(target, workflow=target.workflow.over("day"))
    return hookline.run(mapped.workflow, {"day": DAYS}, target=mapped, store=project.store_path, **options)


def facts(project: Project, run: Run) -> dict[tuple[bytes, int, str], list[bytes]]:
    """Give the digests of what each attempt of a run gave and of each artifact that it kept, by its key and number."""
    found: dict[tuple[bytes, int, str], list[bytes]] = {}
    with project.store() as store:
        keys = {}
        for row in store.attempts(run.id):
            assert row.key is not None
            keys[row.node, row.item, row.attempt] = row.key
            found[row.key, row.attempt, ""] = digests(row.outputs)
        for note in store.notes(run.id):
            if note.kind == "artifact":
                key = keys[note.node, note.item, note.attempt]
                found[key, note.attempt, note.name] = digests(note.outputs)
    return found


def digests(packed: bytes | None) -> list[bytes]:
    return [slot.digest for slot in unpack_outputs(packed)] if packed else []


def test_days_come_to_the_same_on_ray_as_here(project: Project, cluster: RayCluster) -> None:
    """What tasks gave, rows put aside, reports and versions have the same keys and digests, wherever they were made."""
    there = backfill(project, executor="ray", workers=2, ray_address=cluster.address)
    known = facts(project, there)
    here = backfill(project, executor="inline", fresh=True)

    assert there.status == here.status == "completed"
    steps = {name.partition("/")[2] for name in there.tasks}
    assert {"data.load", "data.validate", "data.join_asof", "data:register@make_features"} <= steps
    kept = Counter(name for *_, name in known)
    assert kept["quarantine"] > len(DAYS)
    assert kept["report"] == kept["report_table"] > kept["quarantine"]
    assert facts(project, here) == known
    # Equal content is no new version: each day's features are the first one, whoever made them.
    for run in (there, here):
        assert [f"{features}" for features in run.result.values()] == [f"features/{day}@1" for day in DAYS]
