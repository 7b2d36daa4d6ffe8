"""How data sets, their partitions and their versions are named: ``transactions``, ``transactions/2026-01-05@2``.

A name is never a path: it is looked up among what was registered.
"""

from __future__ import annotations

import re
from typing import NamedTuple

from hookline import UsageError
from hookline.ml import DatasetRef

__all__ = ["DatasetName", "check_dataset", "parse_name", "which_of"]

_VERSION = re.compile(r"@(\d{1,18})\Z")
_FORM = "write NAME, NAME@VERSION, NAME/PARTITION or NAME/PARTITION@VERSION"
_LONGEST = 400


class DatasetName(NamedTuple):
    """What is meant: a data set, or a partition of one, in some version.

    Attributes:
        name: The data set.
        partition: The partition; empty for none.
        version: The version; None for the newest.
    """

    name: str
    partition: str = ""
    version: int | None = None

    @property
    def record(self) -> str:
        """The name of the record that holds its versions."""
        return f"{self.name}/{self.partition}" if self.partition else self.name

    def __str__(self) -> str:
        return self.record if self.version is None else f"{self.record}@{self.version}"


def parse_name(text: str) -> DatasetName:
    """Read what a user wrote.

    Args:
        text: ``NAME``, ``NAME@VERSION``, ``NAME/PARTITION`` or ``NAME/PARTITION@VERSION``.

    Raises:
        UsageError: It is no name of a data set.
    """
    found = _VERSION.search(text)
    rest = text[: found.start()] if found else text
    name, slash, partition = rest.partition("/")
    if found and int(found[1]) < 1:
        raise UsageError(f"'{text}' names version {found[1]}, but versions are counted from 1", help=_FORM)
    if slash and not partition:
        raise UsageError(f"'{text}' names an empty partition", help=_FORM)
    check_dataset(name, partition)
    return DatasetName(name, partition, int(found[1]) if found else None)


def which_of(ref: DatasetRef) -> DatasetName:
    """Give the name of what a reference stands for."""
    return DatasetName(ref.name, ref.partition, int(ref.version) if ref.version else None)


def check_dataset(name: object, partition: object = "") -> None:
    """Refuse what can't name a data set or a partition, because it could not be told from something else.

    Args:
        name: The data set's name.
        partition: The partition's; empty for none.

    Raises:
        UsageError: It can't; says why.
    """
    for what, given in (("a data set", name), ("a partition", partition)):
        if not isinstance(given, str):
            raise UsageError(f"{given!r} can't name {what}: it is no text", help="name it by a str")
        wrong = _wrong(given)
        if given and wrong:
            raise UsageError(f"{given[:80]!r} can't name {what}: {wrong}", help=f"choose another; {_FORM}")
    given = str(name)
    if not given or "/" in given or "@" in given:
        wrong = "it is empty" if not given else f"'{'/' if '/' in given else '@'}' begins what follows a name"
        raise UsageError(f"{given[:80]!r} can't name a data set: {wrong}", help=_FORM)
    if len(given) + len(str(partition)) > _LONGEST:
        raise UsageError(
            f"the name {given[:40]!r} … is too long for a data set", help=f"use at most {_LONGEST} characters in all"
        )


def _wrong(text: str) -> str:
    if not text.isprintable():
        return "it has characters that can't be printed"
    if text != text.strip():
        return "it begins or ends with a blank"
    return "its end reads as a version" if _VERSION.search(text) else ""
