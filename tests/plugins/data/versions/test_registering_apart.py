"""Data sets that are made on nodes of a Ray cluster that don't see the run's store: they are versions all the same."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

import hookline
from executors.ray.cluster import RayCluster
from hookline.testing.project import Project
from hookline_data.versions.lineage import recorded_lineage
from hookline_data.versions.names import parse_name
from hookline_data.versions.opening import open_dataset
from hookline_data.versions.registered import PLUGIN, history

pytestmark = [pytest.mark.integration, pytest.mark.usefixtures("plain_ray")]

FLOW = """
import pandas as pd
from hookline import step, workflow
from hookline_data import Dataset

@step
def sales(rows: int) -> Dataset:
    return Dataset("sales", pd.DataFrame({"id": range(rows)}), key="id", description="what was sold")

@step
def day(name: str, sold: Dataset) -> Dataset:
    return Dataset("daily", sold.table.assign(day=name), key=("id", "day"), partition=name)

@step
def several(rows: int) -> list[Dataset]:
    return [Dataset(name, pd.DataFrame({"id": range(rows)})) for name in ("one", "two")]

@workflow
def make(rows: int = 2):
    sold = sales(rows)
    return sold, day.partial(sold=sold).map(name=["mon", "tue"]), several(rows)
"""
NAMES = ["sales", "daily/mon", "daily/tue", "one", "two"]


@pytest.fixture
def project(tmp_path: Path) -> Iterator[Project]:
    """A project of one workflow."""
    project = Project(tmp_path / "project")
    project.write("flow.py", FLOW)
    yield project
    project.close()


@pytest.fixture
def apart(project: Project) -> Iterator[str]:
    """A cluster whose only node with processors does not see the project."""
    asked = subprocess.run(["unshare", "--mount", "true"], capture_output=True, text=True, check=False)
    if asked.returncode:
        pytest.skip(f"this user can't give a process mounts of its own: {asked.stderr.strip()}")
    with RayCluster(cpus=0) as cluster:
        cluster.add_apart(project.folder, cpus=1)
        yield cluster.address


def numbers(project: Project) -> dict[str, list[str]]:
    """Tell which versions there are of each name, with the run that made each."""
    with hookline.open_store(project.store_path) as store:
        records = store.records(PLUGIN)
        found = {name: history(records, parse_name(name)) for name in NAMES}
    return {name: [version.ref.run_id for version in versions] for name, versions in found.items()}


def test_data_sets_of_nodes_without_the_store_are_registered_when_the_run_ends(project: Project, apart: str) -> None:
    """They get numbers, producers and lineage; made or reused elsewhere, what has no number counts as what has one."""
    there = project.run("flow.py", executor="ray", workers=1, ray_address=apart)

    assert there.status == "completed"
    assert there.value[0].version is None
    assert numbers(project) == {name: [there.id] for name in NAMES}
    with hookline.open_store(project.store_path) as store:
        records = store.records(PLUGIN)
        made = {name: history(records, parse_name(name))[0] for name in NAMES}
        assert recorded_lineage(records, there.id)["daily/tue@1"].datasets == ("sales@1",)
    assert made["sales"].description == "what was sold"
    assert made["sales"].ref.rows == 2
    assert made["sales"].schema.keys == ("id",)
    assert made["daily/tue"].ref.task_id == "data:register@day[1]"
    table = open_dataset("daily/tue", store=str(project.store_path)).table
    assert table.to_dict("list") == {"id": [0, 1], "day": ["tue", "tue"]}

    # What is reused is the newest again when others came in between, once.
    between = project.run("flow.py", {"rows": 3}, executor="inline")
    again = project.run("flow.py", executor="inline")
    once_more = project.run("flow.py", executor="inline")
    assert again.ran == once_more.ran == ()
    assert numbers(project) == {name: [there.id, between.id, again.id] for name in NAMES}

    # The same, made where the store is seen, has the number of its content, and is no other version.
    here = project.run("flow.py", executor="inline", fresh=True)
    assert [str(one) for one in (here.value[0], *here.value[1], *here.value[2])] == [f"{name}@1" for name in NAMES]
    assert numbers(project) == {name: [there.id, between.id, again.id] for name in NAMES}
