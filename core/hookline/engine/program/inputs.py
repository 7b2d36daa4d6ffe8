"""What fills the arguments of a task's items, and the keys that follow from it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from blake3 import blake3

from hookline.engine.program.held import Held
from hookline.engine.program.program import Encoded
from hookline.model.work import Argument
from hookline.store.outputs import ONE_INLINE, pack_one, unpack_outputs
from hookline.values.digest import digest_bytes, digest_tree
from hookline.values.plain import encode_plain

__all__ = [
    "CallInputs",
    "Each",
    "Elements",
    "Inputs",
    "MapInputs",
    "Same",
    "Source",
    "digest_of",
    "name_digest",
    "seed_of",
    "seeded",
]

_SEED_BITS = 31


class Inputs(Protocol):
    """A task's arguments, ready to be given out.

    Attributes:
        arguments: For the worker.
        length: How many items the task has.
        seed_input: Which input is the seed; -1 for none.
    """

    arguments: tuple[tuple[str, Argument], ...]
    length: int
    seed_input: int

    def keys(self, low: int, high: int) -> list[bytes]:
        """Give the keys of items low to high."""
        ...

    def fill(self, low: int, high: int) -> list[tuple[Any, ...]]:
        """Give what fills the holes, per item."""
        ...

    def let_go(self, low: int, high: int) -> None:
        """Forget what only items low to high needed: they have values."""
        ...


@dataclass(slots=True)
class CallInputs:
    """The arguments of a plain task, whose only item takes the same as the task.

    Attributes:
        arguments: See :class:`Inputs`.
        row: What fills the holes; last, whose attempt it is, as :attr:`Work.call_input` says.
        key: Its key.
        seed_input: See :class:`Inputs`.
        alike: Whether a call of the same step with equal ``arguments`` differs in its inputs only.
    """

    arguments: tuple[tuple[str, Argument], ...]
    row: tuple[Any, ...]
    key: bytes
    seed_input: int
    alike: bool
    length: int = 1

    def keys(self, low: int, high: int) -> list[bytes]:  # noqa: ARG002 - there is one
        """See :class:`Inputs`."""
        return [self.key]

    def fill(self, low: int, high: int) -> list[tuple[Any, ...]]:  # noqa: ARG002 - there is one
        """See :class:`Inputs`."""
        return [self.row]

    def let_go(self, low: int, high: int) -> None:
        """See :class:`Inputs`; when its only item has a value all this goes."""


class Source(Protocol):
    """Fills one hole for items of a task."""

    def blobs(self, low: int, high: int) -> Sequence[Any]:
        """Per item, the outcome (or list of outcomes) that goes into the hole."""
        ...

    def digests(self, low: int, high: int) -> Sequence[bytes]:
        """Per item, the digest of what goes into the hole."""
        ...


@dataclass(slots=True)
class Same:
    """The same for all items."""

    blob: Any
    digest: bytes

    def blobs(self, low: int, high: int) -> Sequence[Any]:
        """See :class:`Source`."""
        return (self.blob,) * (high - low)

    def digests(self, low: int, high: int) -> Sequence[bytes]:
        """See :class:`Source`."""
        return (self.digest,) * (high - low)


@dataclass(slots=True)
class Elements:
    """Elements of a list that is known now, each as packed outputs; None once its item has a value."""

    elements: list[Any]
    stride: int

    def blobs(self, low: int, high: int) -> Sequence[bytes]:
        """See :class:`Source`."""
        if self.stride == 0:
            return self.elements[low:high]
        count = len(self.elements)
        return [self.elements[item // self.stride % count] for item in range(low, high)]

    def digests(self, low: int, high: int) -> Sequence[bytes]:
        """See :class:`Source`."""
        return [digest_of(blob) for blob in self.blobs(low, high)]


@dataclass(slots=True)
class Each:
    """Items of another mapped task."""

    held: Held
    outcomes: Sequence[Any]
    task: int
    slot: int
    stride: int

    def blobs(self, low: int, high: int) -> Sequence[Any]:
        """See :class:`Source`."""
        if self.stride == 0:
            return self.outcomes[low:high]
        count = len(self.outcomes)
        return [self.outcomes[item // self.stride % count] for item in range(low, high)]

    def digests(self, low: int, high: int) -> Sequence[bytes]:
        """See :class:`Source`."""
        digest, task, slot = self.held.digest, self.task, self.slot
        return [blob[1:33] if blob[0] == 1 else digest(blob, task, slot) for blob in self.blobs(low, high)]


@dataclass(slots=True)
class MapInputs:
    """The arguments of a mapped task.

    Attributes:
        arguments: See :class:`Inputs`.
        sources: What fills the holes, in order.
        length: See :class:`Inputs`.
        seed_input: See :class:`Inputs`.
        named: For keys: per argument in the order of names, the name's digest with what digests it: bytes where it is
            the same for all items, else the source's number.
        prefix: What begins every key.
        seed_salt: Digest of the run's seed and the step's name, where there is a seed.
    """

    arguments: tuple[tuple[str, Argument], ...]
    sources: list[Source]
    length: int
    seed_input: int
    named: list[tuple[bytes, bytes | int]]
    prefix: bytes
    seed_salt: bytes

    def keys(self, low: int, high: int) -> list[bytes]:
        """See :class:`Inputs`."""
        keys = self._keys(self.prefix, low, high)
        if self.seed_input < 0:
            return keys
        return [seeded(key, seed) for key, (seed, _) in zip(keys, self.seeds(low, high), strict=True)]

    def _keys(self, prefix: bytes, low: int, high: int) -> list[bytes]:
        fixed: list[bytes] = [prefix]
        varying: list[Sequence[bytes]] = []
        marks: list[int] = []
        for name, part in self.named:
            fixed.append(name)
            if isinstance(part, bytes):
                fixed.append(part)
            else:
                marks.append(len(fixed))
                fixed.append(b"")
                varying.append(self.sources[part].digests(low, high))
        if not varying:
            return [blake3(b"".join(fixed)).digest()] * (high - low)
        if len(varying) == 1:
            before, after = b"".join(fixed[: marks[0]]), b"".join(fixed[marks[0] :])
            return [blake3(before + digest + after).digest() for digest in varying[0]]
        keys = []
        for digests in zip(*varying, strict=True):
            for mark, digest in zip(marks, digests, strict=True):
                fixed[mark] = digest
            keys.append(blake3(b"".join(fixed)).digest())
        return keys

    def seeds(self, low: int, high: int) -> list[Encoded]:
        """Derive the seeds of items from the run's seed, the step's name and the other arguments.

        The step's code is not in it, or each edit of the code would draw other numbers.
        """
        return [seed_of(digest) for digest in self._keys(self.seed_salt, low, high)]

    def fill(self, low: int, high: int) -> list[tuple[Any, ...]]:
        """See :class:`Inputs`."""
        columns = [source.blobs(low, high) for source in self.sources]
        if self.seed_input >= 0:
            columns.append([pack_one(digest, data) for digest, data in self.seeds(low, high)])
        if not columns:
            return [()] * (high - low)
        return list(zip(*columns, strict=True))

    def let_go(self, low: int, high: int) -> None:
        """See :class:`Inputs`."""
        for source in self.sources:
            if type(source) is Elements and source.stride == 0:
                source.elements[low:high] = [None] * (high - low)


def digest_of(blob: bytes) -> bytes:
    """Give the digest of a value that was packed alone."""
    return blob[1:33] if blob[0] == ONE_INLINE else unpack_outputs(blob)[0].digest


def seed_of(digest: bytes) -> Encoded:
    """Derive a seed from the digest of the run's seed, the step's name and the other arguments."""
    data = encode_plain(int.from_bytes(digest[:8], "little") % (1 << _SEED_BITS))
    return digest_bytes(data), data


def seeded(key: bytes, seed: bytes) -> bytes:
    """Put a seed's digest into a key."""
    return digest_tree("seeded", (key, seed))


_names: dict[str, bytes] = {}


def name_digest(name: str) -> bytes:
    """Digest a parameter's name."""
    known = _names.get(name)
    if known is None:
        known = _names[name] = digest_bytes(name.encode())
    return known
