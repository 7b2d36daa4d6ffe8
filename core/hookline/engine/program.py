"""A task graph made ready to run: dependencies as numbers, constants encoded, code fingerprinted.

What can't be stored or sent is found here, before anything runs.
"""

from __future__ import annotations

import gc
import os
import pickle
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType

from hookline.cache.fingerprint import Fingerprint, Fingerprinter
from hookline.engine.descriptions import describe_slots
from hookline.engine.scheduler import Dependencies, Scheduler, State
from hookline.engine.watched import Signature, paths_in, signature
from hookline.errors import HooklineError, WorkflowError
from hookline.model.graph import Binding, Constant, FirstOf, Nested, Task, TaskGraph, TaskOutput
from hookline.model.parameter import Signature as Parameters
from hookline.model.recording import Form
from hookline.model.seed import is_seed
from hookline.values.digest import digest_bytes, digest_tree
from hookline.values.encode import CodeDigest, encode_constant

__all__ = ["FORMATS", "Encoded", "Program", "TaskProgram", "build_program", "env_digests", "is_itemwise"]

FORMATS = b"hookline values 1, keys 1"
"""Stands in every key for hookline's own code; changes when the same inputs must count as others."""

Encoded = tuple[bytes, bytes]
"""(digest, stored bytes) of a constant."""


_NONE: Mapping[str, list[Encoded]] = MappingProxyType({})


@dataclass(slots=True)
class TaskProgram:
    """What is known of a task before it can start.

    Attributes:
        task: The task.
        fingerprint: Its code.
        prefix: What of its key does not depend on arguments.
        slots: How its value splits, as the journal says it.
        constants: Constants among its arguments, by name.
        elements: Known collections that it is mapped over, by name.
        seed: Name of the parameter that takes a seed; empty for none.
        watched: Files among its arguments, as they were just before they were digested.
        depends: Indexes of the tasks it waits for, each once.
        cacheable: Whether a recorded result may stand for running it.
        described: What its arguments are bound to, for later comparisons; made when it is first needed.
        lost: Whether a recorded result of it was found whose artifact is missing or damaged.
    """

    task: Task
    fingerprint: Fingerprint
    prefix: bytes
    slots: str = ""
    constants: dict[str, Encoded] = field(default_factory=dict)
    elements: Mapping[str, list[Encoded]] = field(default_factory=lambda: _NONE)
    seed: str = ""
    watched: Sequence[tuple[Path, Signature]] = ()
    depends: Sequence[int] = ()
    cacheable: bool = True
    described: bytes = b""
    lost: bool = False


@dataclass(slots=True)
class Program:
    """All tasks, ready.

    Attributes:
        graph: The graph.
        tasks: By index.
        dependencies: By index.
        encode: Encodes a constant inside a nested argument; each was encoded once already.
    """

    graph: TaskGraph
    tasks: list[TaskProgram]
    dependencies: list[Dependencies]
    encode: Callable[[object], Encoded]

    def lack(self, index: int, scheduler: Scheduler) -> int:
        """Why none of the alternatives that a task takes has a value, although what it waits for has ended.

        The first that was not skipped by a condition is the one that counts: one that failed is not passed over.

        Args:
            index: The task.
            scheduler: Knows how the alternatives ended.

        Returns:
            As :meth:`Scheduler.cause`; 0 where nothing is in the way.
        """
        task = self.tasks[index].task
        bindings = [*task.bindings.values()] if task.condition is None else [*task.bindings.values(), task.condition]
        worst = 0
        for binding in bindings:
            for choice in _choices(binding):
                lacks = (scheduler.lack(output.task) for output in choice.options)
                found = next((lack for lack in lacks if lack != State.SKIPPED), State.SKIPPED)
                worst = found if worst in (0, State.SKIPPED) and found else worst
        return worst


def build_program(graph: TaskGraph, fingerprinter: Fingerprinter, code_digest: CodeDigest) -> Program:
    """Make a graph ready to run.

    Args:
        graph: A checked graph.
        fingerprinter: Reads the steps' code.
        code_digest: Digests project code that constants refer to.

    Returns:
        The program.

    Raises:
        WorkflowError: Constants can't be stored; names all of them.
    """
    # As when the graph was built: all that is made here stays.
    pausing = gc.isenabled()
    gc.disable()
    try:
        return _build(graph, fingerprinter, code_digest)
    finally:
        if pausing:
            gc.enable()


def _build(graph: TaskGraph, fingerprinter: Fingerprinter, code_digest: CodeDigest) -> Program:
    encoder = _Encoder(code_digest)
    prefixes: dict[tuple[object, ...], tuple[Fingerprint, bytes, str]] = {}
    seeds: dict[object, list[str]] = {}
    tasks = []
    for task in graph.tasks:
        options = task.options
        same = (task.step.fn, options.version, options.env)
        known = prefixes.get(same)
        if known is None:
            fingerprint = fingerprinter.of(task.step.fn)
            prefix = _prefix(fingerprint, options.version, options.env)
            known = prefixes[same] = (fingerprint, prefix, describe_slots(task.outputs))
        program = TaskProgram(task, *known)
        encoder.constants_of(program)
        names = seeds.get(task.step.fn)
        if names is None:
            names = seeds[task.step.fn] = _seed_names(task.step.signature)
        if names:
            program.seed = next((name for name in names if name not in task.bindings), "")
        program.cacheable = options.cache and not program.fingerprint.unstable
        tasks.append(program)
    if encoder.problems:
        raise WorkflowError("arguments can't be stored", problems=encoder.problems)
    dependencies = [_dependencies(task, graph) for task in graph.tasks]
    for program, needs in zip(tasks, dependencies, strict=True):
        program.depends = (*needs.whole, *needs.tolerant, *needs.itemwise)
    return Program(graph, tasks, dependencies, encoder.encode)


class _Encoder:
    def __init__(self, code_digest: CodeDigest) -> None:
        self._code_digest = code_digest
        self._known: dict[int, tuple[object, Encoded, list[_Watched]]] = {}
        self.problems: list[str] = []

    def constants_of(self, program: TaskProgram) -> None:
        task = program.task
        for name, binding in task.bindings.items():
            try:
                if isinstance(binding, Constant) and name in task.mapped:
                    elements = [self._encode_for(program, value) for value in binding.value]
                    program.elements = {**program.elements, name: elements}
                elif isinstance(binding, Constant):
                    program.constants[name] = self._encode_for(program, binding.value)
                elif isinstance(binding, Nested):
                    self._nested(program, binding)
            except HooklineError as error:
                self.problems.append(f"argument '{name}' of task '{task.id}' ({task.place}): {error}")

    def encode(self, value: object) -> Encoded:
        if type(value) in _IMMEDIATE:
            data = pickle.dumps(value, 5)
            return digest_bytes(data), data
        return self._remembered(value)[1]

    def _encode_for(self, program: TaskProgram, value: object) -> Encoded:
        if type(value) in _IMMEDIATE:
            return self.encode(value)
        _, encoded, watched = self._remembered(value)
        if watched:
            program.watched = (*program.watched, *watched)
        return encoded

    def _remembered(self, value: object) -> tuple[object, Encoded, list[_Watched]]:
        # The same object given to thousands of tasks is encoded once; it is kept alive so that its id stays its own.
        known = self._known.get(id(value))
        if known is None:
            paths = paths_in(value) if type(value) not in _PATHLESS else []
            watched = [(path, signature(path)) for path in paths]
            known = self._known[id(value)] = (value, encode_constant(value, code_digest=self._code_digest), watched)
        return known

    def _nested(self, program: TaskProgram, binding: Nested) -> None:
        pending: list[Binding] = list(binding.items)
        while pending:
            part = pending.pop()
            if isinstance(part, Constant):
                self._encode_for(program, part.value)
            elif isinstance(part, Nested):
                pending.extend(part.items)


_IMMEDIATE = frozenset({int, float, bool, type(None)})
_PATHLESS = frozenset({int, float, bool, str, bytes, type(None)})
_Watched = tuple[Path, Signature]


def env_digests(names: Sequence[str]) -> dict[str, str]:
    """Digest environment variables that count as inputs.

    Args:
        names: Their names.

    Returns:
        Per name the digest of its value in hexadecimal; empty where the variable is not set.
    """
    values = {name: os.environ.get(name) for name in names}
    return {name: "" if value is None else digest_bytes(os.fsencode(value)).hex() for name, value in values.items()}


def _prefix(fingerprint: Fingerprint, version: str, env: tuple[str, ...]) -> bytes:
    return digest_tree(
        "key",
        [
            fingerprint.digest,
            digest_bytes(version.encode()),
            digest_bytes(repr(sorted(env_digests(env).items())).encode()),
            digest_bytes(FORMATS),
            digest_bytes(f"python {sys.version_info[0]}.{sys.version_info[1]}".encode()),
        ],
    )


def _seed_names(taken: Parameters) -> list[str]:
    return [name for name, parameter in taken.parameters.items() if is_seed(parameter.annotation)]


_NOTHING = Dependencies()


def _dependencies(task: Task, graph: TaskGraph) -> Dependencies:
    if not task.mapped and task.condition is None and all(type(one) is Constant for one in task.bindings.values()):
        return _NOTHING
    whole: dict[int, None] = {}
    tolerant: dict[int, None] = {}
    itemwise: dict[int, None] = {}
    for name, binding in task.bindings.items():
        if name in task.mapped and is_itemwise(task, binding, graph):
            assert isinstance(binding, TaskOutput)
            itemwise[binding.task] = None
        else:
            _collect(binding, whole, tolerant)
    if task.condition is not None:
        _collect(task.condition, whole, tolerant)
    # A task that is needed whole is not waited for item by item as well.
    return Dependencies(tuple(whole), tuple(tolerant), tuple(source for source in itemwise if source not in whole))


def is_itemwise(task: Task, binding: Binding, graph: TaskGraph) -> bool:
    """Whether item i of a mapped task takes item i of another mapped task, without waiting for the rest."""
    return (
        task.form is Form.MAP
        and isinstance(binding, TaskOutput)
        and not binding.completed
        and graph.tasks[binding.task].form is not Form.CALL
    )


def _choices(binding: Binding) -> Iterator[FirstOf]:
    pending = [binding]
    while pending:
        part = pending.pop()
        if isinstance(part, FirstOf):
            yield part
        elif isinstance(part, Nested):
            pending.extend(part.items)


def _collect(binding: Binding, whole: dict[int, None], tolerant: dict[int, None]) -> None:
    pending = [binding]
    while pending:
        part = pending.pop()
        if isinstance(part, FirstOf):
            tolerant.update(dict.fromkeys(output.task for output in part.options))
        elif isinstance(part, TaskOutput):
            (tolerant if part.completed else whole)[part.task] = None
        elif isinstance(part, Nested):
            pending.extend(part.items)
