"""What stands for a data set by its content, between the rewrite that found it and the task that opens it."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from hookline.ml import DatasetRef, Schema, from_json, to_json
from hookline_data.versions.dataset import Dataset
from hookline_data.versions.names import DatasetName, which_of
from hookline_data.versions.registered import Version

__all__ = ["Contents", "contents_of"]


@dataclass(frozen=True)
class Contents:
    """The content of a data set, in one text: equal contents have equal texts, and so equal keys.

    Attributes:
        text: JSON: the data set's facts, and the versions that make it up.
        whole: Whether the data set is wanted; else only its table.
    """

    text: str
    whole: bool = True

    __hookline_stands_in__ = True

    @property
    def parts(self) -> tuple[DatasetRef, ...]:
        """The versions that make it up, without what says only how they came to be."""
        return tuple(from_json(json.loads(self.text))["parts"])

    @property
    def called(self) -> str:
        """What people call it: ``transactions@3``, ``daily (90 partitions)``."""
        first, *others = self.parts
        return f"{first.name} ({len(others) + 1} partitions)" if others else str(which_of(first))

    @property
    def schema(self) -> Schema:
        """What its table is like."""
        schema: Schema = from_json(json.loads(self.text))["schema"]
        return schema

    def dataset(self, table: Any) -> Dataset:
        """Give the data set with its table."""
        facts = from_json(json.loads(self.text))
        return Dataset(
            facts["name"],
            table,
            tuple(facts["schema"].keys),
            facts["schema"],
            facts["partition"],
            facts["version"],
            facts["description"],
        )


def contents_of(which: DatasetName, versions: Sequence[Version], *, whole: bool) -> Contents:
    """Say which content versions have.

    Args:
        which: What was asked for.
        versions: The versions in which this content first came: one, or one for each partition.
        whole: Whether the data set is wanted; else only its table.
    """
    last = versions[-1]
    single = len(versions) == 1 and last.ref.partition == which.partition
    facts = {
        "name": which.name,
        "partition": which.partition,
        "version": last.number if single else None,
        "schema": last.schema,
        "description": last.description,
        "parts": [replace(one.ref, artifact=None, run_id="", task_id="", time_us=None) for one in versions],
    }
    return Contents(json.dumps(to_json(facts), sort_keys=True, separators=(",", ":")), whole)
