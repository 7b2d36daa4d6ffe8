"""What fills a task's arguments, once all that it waits for has ended: one source per hole, by item."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from blake3 import blake3

from hookline.engine.held import Held
from hookline.engine.program import Encoded, Program, TaskProgram
from hookline.errors import HooklineError
from hookline.model.batch import Argument, FunctionRef, Hole, StoredArgument, Structure
from hookline.model.graph import Binding, Constant, FirstOf, Nested, TaskOutput
from hookline.model.recording import Form
from hookline.store.outputs import pack_one
from hookline.values.digest import digest_bytes, digest_tree
from hookline.values.plain import encode_plain

__all__ = ["Inputs", "Source", "bind"]

_WHOLE = -1
_SEED_BITS = 31


class Source(Protocol):
    """Fills one hole for items of a task."""

    def blobs(self, low: int, high: int) -> Sequence[Any]:
        """Per item, the outcome (or list of outcomes) that goes into the hole."""
        ...

    def digests(self, low: int, high: int) -> Sequence[bytes]:
        """Per item, the digest of what goes into the hole."""
        ...


@dataclass(slots=True)
class _Same:
    """The same for all items."""

    blob: Any
    digest: bytes

    def blobs(self, low: int, high: int) -> Sequence[Any]:
        return (self.blob,) * (high - low)

    def digests(self, low: int, high: int) -> Sequence[bytes]:
        return (self.digest,) * (high - low)


@dataclass(slots=True)
class _Elements:
    """Elements of a list that is known now."""

    elements: list[Encoded]
    stride: int

    def _index(self, low: int, high: int) -> Sequence[Encoded]:
        if self.stride == 0:
            return self.elements[low:high]
        count = len(self.elements)
        return [self.elements[item // self.stride % count] for item in range(low, high)]

    def blobs(self, low: int, high: int) -> Sequence[Any]:
        return [pack_one(digest, data) for digest, data in self._index(low, high)]

    def digests(self, low: int, high: int) -> Sequence[bytes]:
        return [digest for digest, _ in self._index(low, high)]


@dataclass(slots=True)
class _Each:
    """Items of another mapped task."""

    held: Held
    outcomes: Sequence[Any]
    task: int
    slot: int
    stride: int

    def blobs(self, low: int, high: int) -> Sequence[Any]:
        if self.stride == 0:
            return self.outcomes[low:high]
        count = len(self.outcomes)
        return [self.outcomes[item // self.stride % count] for item in range(low, high)]

    def digests(self, low: int, high: int) -> Sequence[bytes]:
        digest, task, slot = self.held.digest, self.task, self.slot
        return [blob[1:33] if blob[0] == 1 else digest(blob, task, slot) for blob in self.blobs(low, high)]


@dataclass(slots=True)
class Inputs:
    """A task's arguments, ready to be given out.

    Attributes:
        arguments: For the worker.
        sources: What fills the holes, in order.
        length: How many items the task has.
        seed_input: Which hole is the seed; -1 for none.
        named: For keys: per argument in the order of names, the name's digest with what digests it: bytes where it is
            the same for all items, else the source's number.
        prefix: What begins every key.
        seed_salt: Digest of the run's seed and the step's name.
    """

    arguments: tuple[tuple[str, Argument], ...]
    sources: list[Source]
    length: int
    seed_input: int
    named: list[tuple[bytes, bytes | int]]
    prefix: bytes
    seed_salt: bytes

    def keys(self, low: int, high: int) -> list[bytes]:
        """Compute the keys of items low to high."""
        keys = self._keys(self.prefix, low, high)
        if self.seed_input < 0:
            return keys
        return [digest_tree("seeded", (key, seed)) for key, (seed, _) in zip(keys, self.seeds(low, high), strict=True)]

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
        return [_seed(digest) for digest in self._keys(self.seed_salt, low, high)]

    def fill(self, low: int, high: int) -> list[tuple[Any, ...]]:
        """Give what fills the holes, per item."""
        columns = [source.blobs(low, high) for source in self.sources]
        if self.seed_input >= 0:
            columns.append([pack_one(digest, data) for digest, data in self.seeds(low, high)])
        if not columns:
            return [()] * (high - low)
        return list(zip(*columns, strict=True))


def bind(
    program: Program,
    task: TaskProgram,
    held: Held,
    load: Callable[[Binding], Any],
    refer: Callable[[int], FunctionRef],
    encode: Callable[[object], Encoded],
    run_seed: int,
) -> Inputs:
    """Work out a task's arguments; all that it waits for whole has ended, with values where they are needed.

    Args:
        program: The whole program.
        task: The task.
        held: Outcomes so far.
        load: Loads the value of a binding, for collections that only now are known.
        refer: Gives the reference to a task's function, for values that are put together from slots.
        encode: Encodes the elements of such collections.
        run_seed: The run's seed.

    Returns:
        What the task's attempts need.

    Raises:
        HooklineError: Collections disagree in length, or are none.
    """
    return _Binder(program, task, held, load, refer, encode, run_seed).inputs()


class _Binder:
    def __init__(
        self,
        program: Program,
        task: TaskProgram,
        held: Held,
        load: Callable[[Binding], Any],
        refer: Callable[[int], FunctionRef],
        encode: Callable[[object], Encoded],
        run_seed: int,
    ) -> None:
        self._graph = program.graph
        self._program = program
        self._task = task
        self._held = held
        self._load = load
        self._refer = refer
        self._encode = encode
        self._run_seed = run_seed
        self._sources: list[Source] = []

    def inputs(self) -> Inputs:
        task = self._task.task
        length, strides, collections = self._shape()
        arguments: dict[str, Argument] = {}
        digests: dict[str, bytes | int] = {}
        for name, binding in task.bindings.items():
            if name in collections:
                digests[name] = len(self._sources)
                arguments[name] = self._mapped(binding, collections[name], strides[name])
            elif name in self._task.constants:
                digest, data = self._task.constants[name]
                arguments[name], digests[name] = StoredArgument(data), digest
            else:
                arguments[name], digests[name] = self._argument(binding)
        named = [(_name_digest(name), digests[name]) for name in sorted(digests)]
        seed_input = -1
        if self._task.seed:
            seed_input = len(self._sources)
            arguments[self._task.seed] = Hole(seed_input)
        salt = digest_tree("seed", [digest_bytes(str(self._run_seed).encode()), digest_bytes(task.step.name.encode())])
        return Inputs(tuple(arguments.items()), self._sources, length, seed_input, named, self._task.prefix, salt)

    def _shape(self) -> tuple[int, dict[str, int], dict[str, list[Encoded] | Sequence[Any]]]:
        """Find the number of items, and per mapped argument its collection and stride (0: side by side)."""
        task = self._task.task
        if task.form is Form.CALL:
            return 1, {}, {}
        collections: dict[str, Any] = {}
        for name in task.mapped:
            collections[name] = self._collection(name, task.bindings[name])
        lengths = {name: len(collection) for name, collection in collections.items()}
        if task.form is Form.PRODUCT:
            strides, stride = {}, 1
            for name in reversed(task.mapped):
                strides[name] = stride
                stride *= lengths[name]
            return math.prod(lengths.values()), strides, collections
        if len(set(lengths.values())) > 1:
            shown = ", ".join(f"'{name}' has {length}" for name, length in lengths.items())
            raise HooklineError(
                f"task '{task.id}' maps over lists of different lengths: {shown} ({task.place})",
                help="give lists of one length, or use .product(…) for all combinations",
            )
        return next(iter(lengths.values())), dict.fromkeys(lengths, 0), collections

    def _collection(self, name: str, binding: Binding) -> Any:
        if name in self._task.elements:
            return self._task.elements[name]
        if self._is_mapped(binding):
            assert isinstance(binding, TaskOutput)
            return self._held.blobs(binding.task)
        value = self._load(binding)
        if not isinstance(value, (list, tuple, range)):
            task = self._task.task
            raise HooklineError(
                f"task '{task.id}' maps '{name}' over a {type(value).__name__} ({task.place})",
                help="let the step before it return a list",
            )
        return [self._encode(element) for element in value]

    def _is_mapped(self, binding: Binding) -> bool:
        """Whether elements come straight from the items of a mapped task."""
        if not isinstance(binding, TaskOutput) or binding.completed:
            return False
        return self._graph.tasks[binding.task].form is not Form.CALL

    def _mapped(self, binding: Binding, collection: Any, stride: int) -> Hole:
        index = len(self._sources)
        if self._is_mapped(binding):
            assert isinstance(binding, TaskOutput)
            self._sources.append(_Each(self._held, collection, binding.task, binding.slot, stride))
            return Hole(index, binding.slot, producer=self._producer(binding))
        self._sources.append(_Elements(collection, stride))
        return Hole(index)

    def _argument(self, binding: Binding) -> tuple[Argument, bytes]:
        if isinstance(binding, Constant):
            digest, data = self._program.encode(binding.value)
            return StoredArgument(data), digest
        if isinstance(binding, Nested):
            parts = [self._argument(part) for part in binding.items]
            digests = [self._encode(key)[0] for key in binding.keys] + [digest for _, digest in parts]
            structure = Structure(binding.kind, binding.keys, tuple(argument for argument, _ in parts))
            return structure, digest_tree(f"nested {binding.kind}", digests)
        if isinstance(binding, FirstOf):
            # One of them has a value, or the task would not have been opened: see Program.lack.
            binding = next(output for output in binding.options if self._held.has_value(output.task))
        return self._output(binding)

    def _output(self, binding: TaskOutput) -> tuple[Hole, bytes]:
        held, index = self._held, len(self._sources)
        producer = self._graph.tasks[binding.task]
        many = producer.form is not Form.CALL
        if many:
            digest = held.whole_digest(binding.task, binding.slot, binding.completed)
            self._sources.append(_Same(held.values(binding.task), digest))
        else:
            blob = held.blobs(binding.task)[0]
            assert blob is not None
            digest = held.digest(blob, binding.task, binding.slot)
            self._sources.append(_Same(blob, digest))
        return Hole(index, binding.slot, many, self._producer(binding)), digest

    def _producer(self, binding: TaskOutput) -> FunctionRef | None:
        if binding.slot != _WHOLE or self._graph.tasks[binding.task].outputs.form == "one":
            return None
        return self._refer(binding.task)


def _seed(digest: bytes) -> Encoded:
    data = encode_plain(int.from_bytes(digest[:8], "little") % (1 << _SEED_BITS))
    return digest_bytes(data), data


_names: dict[str, bytes] = {}


def _name_digest(name: str) -> bytes:
    known = _names.get(name)
    if known is None:
        known = _names[name] = digest_bytes(name.encode())
    return known
