"""Works out a task's arguments from its bindings, once all that it waits for has ended."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

from blake3 import blake3

from hookline.engine.program.held import Held
from hookline.engine.program.inputs import (
    CallInputs,
    Each,
    Elements,
    Inputs,
    MapInputs,
    Same,
    Source,
    name_digest,
    seed_of,
    seeded,
)
from hookline.engine.program.program import Encoded, Program, TaskProgram
from hookline.errors import HooklineError
from hookline.model.graph import Binding, Constant, Kept, Nested, TaskOutput, task_outputs
from hookline.model.recording import Form
from hookline.model.work import Argument, FunctionRef, Hole, StoredArgument, Structure
from hookline.store.outputs import INLINE_LIMIT, pack_one
from hookline.values.digest import digest_bytes, digest_tree

__all__ = ["Arguments", "Awaiting"]

_WHOLE = -1
_FEW = 16
"""Parts of a structure that calls may share."""

_Supply = Callable[[Any, bytes], int]
"""Takes an input that is the same for all items, with its digest; gives the number of its hole."""


_Bound = tuple[list[tuple[str, Argument]], list[Any], dict[str, Any], bool]
"""Arguments by name, what fills their holes, what they are digested to, and whether calls with equal ones are alike."""


class Awaiting(NamedTuple):
    """What is known of the arguments of a call that waits for one other.

    Attributes:
        inputs: The arguments, without a key, and with None where the outcome of the other goes.
        gaps: Which inputs that is.
        parts: What the key is the digest of, in order: bytes, or the digest of a slot of that outcome, by number.
    """

    inputs: CallInputs
    gaps: tuple[int, ...]
    parts: tuple[bytes | int, ...]


class Arguments:
    """Turns bindings into inputs.

    Args:
        program: All tasks.
        held: Outcomes so far.
        load: Loads the value of a binding, for collections that only now are known.
        refer: Gives the reference to a function, for values that are put together from slots.
        encode: Encodes the elements of such collections.
        run_seed: The run's seed.
        node: Gives the number under which a task is recorded.
    """

    def __init__(
        self,
        program: Program,
        held: Held,
        load: Callable[[Binding], Any],
        refer: Callable[[Callable[..., Any]], FunctionRef],
        encode: Callable[[object], Encoded],
        run_seed: int,
        node: Callable[[int], int],
    ) -> None:
        self._program = program
        self._held = held
        self._load = load
        self._refer = refer
        self._encode = encode
        self._run_seed = run_seed
        self._node = node

    def of(self, program: TaskProgram) -> Inputs:
        """Work out a task's arguments; all that it waits for whole has ended, with values where they are needed.

        Args:
            program: The task.

        Returns:
            What the task's attempts need.

        Raises:
            HooklineError: Collections disagree in length, or are none.
        """
        return self._call(program) if program.task.form is Form.CALL else self._map(program)

    def after(self, program: TaskProgram, before: int) -> Awaiting | None:
        """Work out the arguments of a plain task but for what another plain task gives, which has not ended.

        Args:
            program: The task; it takes no seed, and waits for nothing else.
            before: The other.

        Returns:
            What is known; None where what is missing is not just slots of the other's outcome, as they are.
        """
        bound = self._bind(program, before)
        if bound is None:
            return None
        arguments, row, digests, alike = bound
        gaps = tuple([index for index, blob in enumerate(row) if blob is None])
        parts: list[bytes | int] = [program.prefix]
        for name in sorted(digests):
            parts += (name_digest(name), digests[name])
        row.append((self._node(program.task.index), program.task.id))
        return Awaiting(CallInputs(tuple(arguments), tuple(row), b"", -1, alike), gaps, tuple(parts))

    def _call(self, program: TaskProgram) -> CallInputs:
        task, bound = program.task, self._bind(program)
        assert bound is not None
        arguments, row, digests, alike = bound
        parts = [program.prefix]
        for name in sorted(digests) if len(digests) > 1 else digests:
            parts += (name_digest(name), digests[name])
        key, seed_input = blake3(b"".join(parts)).digest(), -1
        if program.seed:
            seed_input = len(row)
            arguments.append((program.seed, Hole(seed_input)))
            parts[0] = self._salt(program)
            seed, data = seed_of(blake3(b"".join(parts)).digest())
            row.append(pack_one(seed, data))
            key = seeded(key, seed)
        row.append((self._node(task.index), task.id))
        return CallInputs(tuple(arguments), tuple(row), key, seed_input, alike)

    def _bind(self, program: TaskProgram, before: int = -1) -> _Bound | None:
        """Bind the arguments of a plain task; those that another one gives as far as they are known."""
        constants = program.constants
        row: list[Any] = []

        def supply(blob: Any, _: bytes) -> int:
            row.append(blob)
            return len(row) - 1

        arguments: list[tuple[str, Argument]] = []
        digests: dict[str, Any] = {}
        alike = True
        for name, binding in program.task.bindings.items():
            argument: Argument
            if name in constants:
                digest, data = constants[name]
                if len(data) <= INLINE_LIMIT:
                    # An input like others, so that calls which differ in constants only can travel together.
                    argument = _hole(len(row))
                    row.append(pack_one(digest, data))
                else:
                    argument = StoredArgument(data)
                digests[name] = digest
            else:
                if before < 0:
                    argument, digests[name] = self._argument(binding, supply)
                elif type(binding) is TaskOutput and binding.task == before and self._producer(binding) is None:
                    digests[name] = max(0, binding.slot)
                    argument = _slot_hole(supply(None, b""), binding.slot)
                elif all(output.task != before for output in task_outputs(binding)):
                    argument, digests[name] = self._argument(binding, supply)
                else:
                    return None
                alike = alike and _is_alike(argument)
            arguments.append((name, argument))
        return arguments, row, digests, alike

    def _map(self, program: TaskProgram) -> MapInputs:
        task = program.task
        sources: list[Source] = []

        def supply(blob: Any, digest: bytes) -> int:
            sources.append(Same(blob, digest))
            return len(sources) - 1

        length, strides, collections = self._shape(program)
        arguments: dict[str, Argument] = {}
        digests: dict[str, bytes | int] = {}
        for name, binding in task.bindings.items():
            if name in collections:
                digests[name] = len(sources)
                arguments[name] = self._mapped(binding, collections[name], strides[name], sources)
            elif name in program.constants:
                digest, data = program.constants[name]
                arguments[name], digests[name] = StoredArgument(data), digest
            else:
                arguments[name], digests[name] = self._argument(binding, supply)
        named = [(name_digest(name), digests[name]) for name in sorted(digests)]
        seed_input, salt = -1, b""
        if program.seed:
            seed_input, salt = len(sources), self._salt(program)
            arguments[program.seed] = Hole(seed_input)
        return MapInputs(tuple(arguments.items()), sources, length, seed_input, named, program.prefix, salt)

    def _salt(self, program: TaskProgram) -> bytes:
        run, step = str(self._run_seed).encode(), program.task.step.name.encode()
        return digest_tree("seed", [digest_bytes(run), digest_bytes(step)])

    def _shape(self, program: TaskProgram) -> tuple[int, dict[str, int], dict[str, Sequence[Any]]]:
        """Find the number of items, and per mapped argument its collection and stride (0: side by side)."""
        task = program.task
        collections: dict[str, Any] = {}
        for name in task.mapped:
            collections[name] = self._collection(program, name, task.bindings[name])
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

    def _collection(self, program: TaskProgram, name: str, binding: Binding) -> Any:
        if name in program.elements:
            return program.elements[name]
        if self._is_mapped(binding):
            assert isinstance(binding, TaskOutput)
            return self._held.blobs(binding.task)
        value = self._load(binding)
        if not isinstance(value, (list, tuple, range)):
            task = program.task
            raise HooklineError(
                f"task '{task.id}' maps '{name}' over a {type(value).__name__} ({task.place})",
                help="let the step before it return a list",
            )
        return [pack_one(*self._encode(element)) for element in value]

    def _is_mapped(self, binding: Binding) -> bool:
        """Whether elements come straight from the items of a mapped task."""
        if not isinstance(binding, TaskOutput) or binding.completed:
            return False
        return self._program.is_mapped(binding.task)

    def _mapped(self, binding: Binding, collection: Any, stride: int, sources: list[Source]) -> Hole:
        index = len(sources)
        if self._is_mapped(binding):
            assert isinstance(binding, TaskOutput)
            sources.append(Each(self._held, collection, binding.task, binding.slot, stride))
            return Hole(index, binding.slot, producer=self._producer(binding))
        sources.append(Elements(collection, stride))
        return Hole(index)

    def _argument(self, binding: Binding, supply: _Supply) -> tuple[Argument, bytes]:
        if isinstance(binding, TaskOutput):
            return self._output(binding, supply)
        if isinstance(binding, Kept):
            return _hole(supply(binding.blob, binding.digest)), binding.digest
        if isinstance(binding, Constant):
            digest, data = self._program.encode(binding.value)
            if len(data) <= INLINE_LIMIT:
                return _hole(supply(pack_one(digest, data), digest)), digest
            return StoredArgument(data), digest
        if isinstance(binding, Nested):
            parts = [self._argument(part, supply) for part in binding.items]
            digests = [self._encode(key)[0] for key in binding.keys] + [digest for _, digest in parts]
            structure = Structure(binding.kind, binding.keys, tuple([argument for argument, _ in parts]))
            return structure, digest_tree(f"nested {binding.kind}", digests)
        # One of them has a value, or the task would not have been opened: see Program.lack.
        return self._output(next(output for output in binding.options if self._held.has_value(output.task)), supply)

    def _output(self, binding: TaskOutput, supply: _Supply) -> tuple[Hole, bytes]:
        held, source, slot = self._held, binding.task, binding.slot
        if self._program.is_mapped(source):
            digest = held.whole_digest(source, slot, binding.completed)
            return Hole(supply(held.values(source), digest), slot, True, self._producer(binding)), digest
        blob = held.blobs(source)[0]
        assert blob is not None
        digest = held.digest(blob, source, slot)
        producer = self._producer(binding)
        index = supply(blob, digest)
        return (_slot_hole(index, slot) if producer is None else Hole(index, slot, False, producer)), digest

    def _producer(self, binding: TaskOutput) -> FunctionRef | None:
        step = self._program.tasks[binding.task].task.step
        return None if binding.slot != _WHOLE or step.outputs.form == "one" else self._refer(step.declares)


def _is_alike(argument: Argument) -> bool:
    """Whether calls that take equal arguments in this place take the same but for what fills the holes.

    Larger structures could be shared as well, but are rarely equal, and each would be kept until the run ends. Keys may
    be equal and not the same, such as 1 and True.
    """
    if type(argument) is Hole:
        return True
    if type(argument) is not Structure or len(argument.items) > _FEW:
        return False
    return all(type(part) is Hole for part in argument.items) and all(type(key) is str for key in argument.keys)


_HOLES = [Hole(index) for index in range(16)]


def _hole(index: int) -> Hole:
    return _HOLES[index] if index < len(_HOLES) else Hole(index)


def _slot_hole(index: int, slot: int) -> Hole:
    return _hole(index) if slot == _WHOLE else Hole(index, slot)
