"""Paths of sources: with wildcards for many files, and with ``{keys}`` where partitions are told apart."""

from __future__ import annotations

import glob
import os
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from functools import cached_property
from pathlib import Path

from hookline import UsageError

__all__ = ["Partition", "Template", "partition_label"]

Partition = str | date | Mapping[str, object] | None
"""How a partition is named: by the value of its key, or by the values of several."""

_KEY = re.compile(r"\{(\w+)\}")
_WILD = re.compile(r"\*\*/|\*\*|\*|\?|\[!?[^\]/]+\]")
_PATTERNS = {"**/": "(?:[^/]+/)*", "**": ".*", "*": "[^/]*", "?": "[^/]"}


@dataclass(frozen=True)
class Template:
    """A path with wildcards and keys.

    Attributes:
        text: Such as ``data/day={day}/*.parquet``.
    """

    text: str

    @cached_property
    def keys(self) -> tuple[str, ...]:
        """The keys of partitions, in order."""
        return tuple(dict.fromkeys(_KEY.findall(self.text)))

    @property
    def single(self) -> bool:
        """Whether it names one file."""
        return not self.keys and not self.wild

    @property
    def wild(self) -> bool:
        """Whether it has wildcards."""
        return _WILD.search(_KEY.sub("", self.text)) is not None

    def fault(self) -> str:
        """Tell what is wrong with it; empty where nothing is."""
        left = _KEY.sub("", self.text)
        if "{" in left or "}" in left:
            return "has a brace that is not part of a {key}"
        odd = next((key for key in self.keys if not key.isidentifier()), None)
        if odd is not None:
            return f"has a key '{odd}', which does not begin with a letter"
        return "names a folder" if self.text.endswith("/") else ""

    def values(self, partition: Partition) -> dict[str, str]:
        """Tell the text of each key for a partition.

        Raises:
            UsageError: It lacks a key, has one too many, or a value that no file's name can have.
        """
        if partition is None:
            return {}
        keys = ", ".join(f"'{key}'" for key in self.keys)
        if not self.keys:
            raise UsageError("there are no partitions", help="put the key into its uri: data/{day}.csv")
        if isinstance(partition, Mapping):
            given: dict[str, object] = dict(partition)
        elif len(self.keys) == 1:
            given = {self.keys[0]: partition}
        else:
            raise UsageError(f"a partition has the keys {keys}", help="give a value for each: {…: …}")
        if set(given) != set(self.keys):
            named = ", ".join(f"'{key}'" for key in given) or "none"
            raise UsageError(f"a partition has the keys {keys}, not {named}", help="give a value for each of these")
        return {key: _text(key, given[key]) for key in self.keys}

    def fill(self, values: Mapping[str, str]) -> Template:
        """Give the template of one partition: without keys, with the same wildcards."""
        return Template(_KEY.sub(lambda key: glob.escape(values[key[1]]), self.text)) if values else self

    def path(self, values: Mapping[str, str]) -> str:
        """Give the path of a partition's one file."""
        return _KEY.sub(lambda key: values[key[1]], self.text)

    def files(self, root: Path) -> dict[str, Path]:
        """List the files that there are now.

        Args:
            root: Where a relative path starts.

        Returns:
            Paths by names, which are below the root where the template is; sorted by name.
        """
        pattern = _KEY.sub("*", self.text)
        if not glob.has_magic(pattern):
            found = [self.text] if (root / self.text).is_file() else []
        else:
            found = [
                name.replace(os.sep, "/")
                for name in glob.glob(pattern, root_dir=root, recursive=True)  # noqa: PTH207 - pathlib's follows no links
                if (root / name).is_file()
            ]
        names = [name for name in sorted(set(found)) if self.match(name) is not None]
        return {name: root / name for name in (_by_one_way(names, root) if "**" in self.text else names)}

    def match(self, name: str) -> dict[str, str] | None:
        """Tell the values of the keys in a file's name; None where it does not fit."""
        found = self._regex.fullmatch(name)
        return None if found is None else found.groupdict()

    @cached_property
    def _regex(self) -> re.Pattern[str]:
        seen: set[str] = set()
        parts = []
        for part in re.split(r"(\{\w+\})", self.text):
            key = _KEY.fullmatch(part)
            if key is None:
                parts.append(_wild_pattern(part))
            else:
                parts.append(f"(?P={key[1]})" if key[1] in seen else f"(?P<{key[1]}>[^/]+?)")
                seen.add(key[1])
        return re.compile("".join(parts), re.DOTALL)


def partition_label(values: Mapping[str, str], keys: Sequence[str] = ()) -> str:
    """Word a partition: its value, or ``day=2026-01-01/shop=7`` where there are several keys."""
    if len(values) == 1:
        return next(iter(values.values()))
    return "/".join(f"{key}={values[key]}" for key in keys or values)


def _by_one_way(names: Sequence[str], root: Path) -> list[str]:
    """Leave out files of folders that links lead to a second time: a link to a folder above would repeat all in it."""
    ways: dict[str, str] = {}
    for folder in sorted({os.path.dirname(name) for name in names}, key=lambda way: (way.count("/"), way)):  # noqa: PTH120
        ways.setdefault(os.path.realpath(root / folder), folder)
    first = set(ways.values())
    return [name for name in names if os.path.dirname(name) in first]  # noqa: PTH120 - of a text


def _text(key: str, value: object) -> str:
    if isinstance(value, datetime) or not isinstance(value, str | int | date) or isinstance(value, bool):
        raise UsageError(f"'{value}' is no value of the key '{key}'", help="give a text, a whole number or a date")
    text = value.isoformat() if isinstance(value, date) else str(value)
    if not text or "/" in text or "\0" in text or text in (".", ".."):
        raise UsageError(
            f"'{text}' is no value of the key '{key}'", help="give a text that can be part of a file's name"
        )
    return text


def _wild_pattern(text: str) -> str:
    parts, end = [], 0
    for wild in _WILD.finditer(text):
        parts += [re.escape(text[end : wild.start()]), _PATTERNS.get(wild[0]) or _class_pattern(wild[0])]
        end = wild.end()
    return "".join([*parts, re.escape(text[end:])])


def _class_pattern(text: str) -> str:
    """Say ``[abc]`` or ``[!abc]`` in the language of regular expressions."""
    inner = text[1:-1].replace("\\", r"\\").replace("[", r"\[").replace("^", r"\^")
    return f"[^{inner[1:]}]" if inner.startswith("!") else f"[{inner}]"
