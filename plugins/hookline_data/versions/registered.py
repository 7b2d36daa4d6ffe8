"""What is remembered of data sets: records of the plugin's, one per data set or partition, a version per content.

The newest version is the content that came last; a content that comes again after another gets a number of its own, and
keeps the number of its first coming as its name wherever content alone counts.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from hookline import ConflictError, HooklineError, Record, Records, UsageError
from hookline.ml import ArtifactRef, DatasetRef, Schema, digest_of
from hookline_data.versions.dataset import Dataset
from hookline_data.versions.names import DatasetName, which_of
from hookline_data.wording.words import near

__all__ = [
    "PLUGIN",
    "Version",
    "exact",
    "find",
    "first",
    "history",
    "newest",
    "newest_of",
    "put",
    "put_again",
    "value_of",
]

PLUGIN = "data"
"""Whose records these are."""

_KIND = "dataset"


@dataclass(frozen=True)
class Version:
    """A version of a data set, or of one partition.

    Attributes:
        ref: Its name, number, content, and where it was made.
        artifact: The table.
        schema: What the table is like; also says the key.
        description: What the data set is for.
        who: Who registered it.
        time: When.
    """

    ref: DatasetRef
    artifact: ArtifactRef
    schema: Schema
    description: str
    who: str
    time: datetime

    @property
    def which(self) -> DatasetName:
        """Its name, partition and number."""
        return which_of(self.ref)

    @property
    def number(self) -> int:
        """Its number."""
        return int(self.ref.version)

    @property
    def content(self) -> tuple[str, str]:
        """What is equal in versions with equal content: digests of the table and of the schema."""
        return self.ref.digest, self.ref.schema_digest


def value_of(dataset: Dataset, schema: Schema, artifact: ArtifactRef, rows: int) -> dict[str, Any]:
    """Say what a version's record holds.

    Args:
        dataset: The data set.
        schema: What its table is like, with the key.
        artifact: The table, stored.
        rows: How many rows it has.
    """
    ref = DatasetRef(
        dataset.name,
        digest=artifact.digest,
        schema_digest=digest_of(schema),
        rows=rows,
        partition=dataset.partition,
        artifact=artifact,
    )
    return {"dataset": ref, "schema": schema, "description": dataset.description}


def put(records: Records, which: DatasetName, value: dict[str, Any]) -> Version:
    """Register a content as the newest version, unless it is that already.

    Args:
        records: The plugin's records.
        which: The data set and partition.
        value: See :func:`value_of`.

    Returns:
        The newest version, which has this content.

    Raises:
        UsageError: The data set has partitions and this is none, or the other way round.
    """
    _check_partitioning(records, which)
    ref: DatasetRef = value["dataset"]
    while True:
        there = newest_of(records, which)
        if there is not None and there.content == (ref.digest, ref.schema_digest):
            return there
        try:
            number = records.put(_KIND, which.record, value, expect=0 if there is None else there.number)
        except ConflictError:
            continue  # somebody else came first: perhaps with the same content
        written = exact(records, which._replace(version=number))
        if written is not None:
            return written


def put_again(records: Records, version: Version, newest: Version, run_id: str, task_id: str) -> Version | None:
    """Let an older version's content be the newest again, where a run came to it once more.

    Args:
        records: The plugin's records.
        version: The version whose content is to be the newest.
        newest: What is the newest by now.
        run_id: The run.
        task_id: Its task.

    Returns:
        The new version; None where another came in between, which knows better.
    """
    ref = replace(version.ref, version="", run_id=run_id, task_id=task_id, time_us=None)
    value = {"dataset": ref, "schema": version.schema, "description": version.description}
    try:
        number = records.put(_KIND, version.which.record, value, expect=newest.number)
    except ConflictError:
        return None
    return exact(records, version.which._replace(version=number))


def newest_of(records: Records, which: DatasetName) -> Version | None:
    """Give the newest version of a data set or of a partition; None where there is none."""
    record = records.get(_KIND, which.record)
    return None if record is None else _read(record)


def exact(records: Records, which: DatasetName) -> Version | None:
    """Give the version of a number; None where there is none, or it was trimmed."""
    record = records.get(_KIND, which.record, which.version)
    return None if record is None or record.deleted else _read(record)


def history(records: Records, which: DatasetName) -> list[Version]:
    """List the versions of a data set without partitions, or of a partition, the oldest first."""
    return [_read(record) for record in records.history(_KIND, which.record) if not record.deleted]


def first(records: Records, version: Version) -> Version:
    """Give the version in which a content first came."""
    if version.number == 1:
        return version
    return next(one for one in history(records, version.which) if one.content == version.content)


def newest(records: Records, name: str = "") -> list[Version]:
    """List newest versions: one per data set or partition, by name and partition.

    Args:
        records: The plugin's records.
        name: Of which data set; empty for all.
    """
    found = [_read(record) for record in _records(records, name)]
    return sorted(found, key=lambda version: (version.ref.name, version.ref.partition))


def find(records: Records, which: DatasetName) -> list[Version]:
    """Find what a name means.

    Args:
        records: The plugin's records.
        which: The name.

    Returns:
        One version; of a data set with partitions that names none, the newest of each.

    Raises:
        UsageError: There is no such data set, partition or version; says what there is.
    """
    there = newest(records, which.name)
    if not there:
        raise _no_dataset(records, which)
    partitions = {version.ref.partition: version for version in there}
    if not which.partition and "" not in partitions:
        if which.version is not None:
            raise UsageError(
                f"the data set '{which.name}' has partitions, and each has versions of its own",
                help=f"name a partition: {which.name}/{there[-1].ref.partition}@{which.version}",
            )
        return there
    if which.partition not in partitions:
        raise _no_partition(which, partitions)
    if which.version is None:
        return [partitions[which.partition]]
    version = exact(records, which)
    if version is None:
        raise _no_version(records, which)
    return [version]


# -- inside ------------------------------------------------------------------------------------------------------------


def _records(records: Records, name: str) -> Iterator[Record]:
    if not name:
        yield from records.list(_KIND)
        return
    whole = records.get(_KIND, name)
    if whole is not None:
        yield whole
    yield from records.list(_KIND, f"{name}/")


def _read(record: Record) -> Version:
    value = record.value
    try:
        ref, schema, description = value["dataset"], value["schema"], value["description"]
        artifact = ref.artifact
    except (TypeError, KeyError, AttributeError):
        raise HooklineError(
            f"version {record.version} of the data set '{record.name}' can't be read",
            help="a later version of hookline may have written it: install that",
        ) from None
    made = replace(
        ref,
        version=str(record.version),
        run_id=record.run_id or ref.run_id,
        task_id=record.task_id or ref.task_id,
        time_us=record.time_us,
    )
    return Version(made, artifact, schema, description, record.who, record.time)


def _check_partitioning(records: Records, which: DatasetName) -> None:
    if which.partition:
        if records.get(_KIND, which.name) is not None:
            raise UsageError(
                f"'{which.record}' can't be registered: the data set '{which.name}' has no partitions",
                help="give the partitioned data set another name",
            )
    elif others := records.list(_KIND, f"{which.name}/"):
        raise UsageError(
            f"'{which.name}' can't be registered as a whole: it has partitions, such as"
            f" '{others[0].name.partition('/')[2]}'",
            help="say which partition it is: Dataset(…, partition=…), or give it another name",
        )


def _no_dataset(records: Records, which: DatasetName) -> UsageError:
    names = list(dict.fromkeys(version.ref.name for version in newest(records)))
    return UsageError(
        f"there is no data set '{which.name}'{near(which.name, names)}",
        help=f"the data sets are {_listed(names)}"
        if names
        else "none was registered yet: run a step that returns a Dataset",
    )


def _no_partition(which: DatasetName, partitions: Iterable[str]) -> UsageError:
    names = sorted(filter(None, partitions))
    if not names:
        return UsageError(
            f"the data set '{which.name}' has no partitions, and so no '{which.partition}'",
            help=f"leave it out: {which._replace(partition='')}",
        )
    return UsageError(
        f"the data set '{which.name}' has no partition '{which.partition}'{near(which.partition, names)}",
        help=f"it has {_listed(names)}",
    )


def _no_version(records: Records, which: DatasetName) -> UsageError:
    numbers = [str(version.number) for version in history(records, which)]
    return UsageError(
        f"the data set '{which.record}' has no version {which.version}", help=f"it has {_listed(numbers)}"
    )


def _listed(names: list[str]) -> str:
    shown = names if len(names) <= 10 else [*names[:5], "…", *names[-4:]]
    return ", ".join(shown)
