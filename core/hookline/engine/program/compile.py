"""Makes a task graph ready to run: code fingerprinted, constants encoded, dependencies as numbers.

What can't be stored or sent is found here, before anything runs.
"""

from __future__ import annotations

import dataclasses
import os
import pickle
from collections.abc import Sequence
from pathlib import Path
from typing import cast

from blake3 import blake3

from hookline.cache.fingerprint import Fingerprint, Fingerprinter
from hookline.engine.past.descriptions import describe_slots
from hookline.engine.program.program import Encoded, Program, TaskProgram
from hookline.engine.program.provided import Given, Provided, ProviderSettings
from hookline.engine.program.watched import Signature, paths_in, signature
from hookline.errors import HooklineError, WorkflowError
from hookline.graph.collector import collector_paused
from hookline.model.batch import python_minor
from hookline.model.graph import Binding, Constant, Kept, Nested, Task, TaskGraph
from hookline.model.parameter import Signature as Parameters
from hookline.model.seed import is_seed
from hookline.store.outputs import ONE_INLINE, pack_one
from hookline.values.digest import digest_bytes, digest_tree
from hookline.values.encode import CodeDigest, encode_constant

__all__ = ["FORMATS", "ProgramBuilder", "build_program", "env_digests"]

FORMATS = b"hookline values 1, keys 1"
"""Stands in every key for hookline's own code; changes when the same inputs must count as others."""


def build_program(graph: TaskGraph, builder: ProgramBuilder) -> Program:
    """Make a graph ready to run.

    Args:
        graph: A checked graph.
        builder: Reads the steps' code and encodes constants.

    Returns:
        The program.

    Raises:
        UsageError: Arguments of providers are wrong; names all of them.
        WorkflowError: Constants can't be stored; names all of them.
    """
    with collector_paused():
        program = Program(graph, encode=builder.encode)
        program.extend([builder.make(task) for task in graph.tasks])
        builder.check()
        return program


class ProgramBuilder:
    """Makes tasks ready; what calls of one step have in common is worked out once.

    Args:
        fingerprinter: Reads the steps' code.
        code_digest: Digests project code that constants refer to.
        given: Arguments of providers.
    """

    def __init__(self, fingerprinter: Fingerprinter, code_digest: CodeDigest, given: Given) -> None:
        self._fingerprinter = fingerprinter
        self._encoder = _Encoder(code_digest)
        self.encode = self._encoder.encode
        self._providers = ProviderSettings(given, fingerprinter, self.encode)
        self._prefixes: dict[tuple[object, ...], tuple[Fingerprint, bytes, str, Provided]] = {}
        self._seeds: dict[object, list[str]] = {}

    def make(self, task: Task) -> TaskProgram:
        """Make a task ready; what can't be stored is told by :meth:`check`."""
        step, options = task.step, task.options
        same = (step.fn, step.declares, options.version, options.env)
        known = self._prefixes.get(same)
        if known is None:
            fingerprint, provided = self._fingerprinter.of(step.declares), self._providers.of(step)
            if provided.unstable and not fingerprint.unstable:
                fingerprint = dataclasses.replace(fingerprint, unstable=provided.unstable)
            prefix = _prefix(fingerprint, options.version, options.env)
            if provided.parts:
                prefix = digest_tree("provided", [prefix, provided.digest()])
            if step.fn is not step.declares:
                # The engine's own task, which only puts together what the step returned.
                prefix = digest_tree("return", [prefix])
            known = self._prefixes[same] = (fingerprint, prefix, describe_slots(task.outputs), provided)
        program = TaskProgram(task, *known[:3])
        program.provided = known[3]
        self._encoder.constants_of(program)
        names = self._seeds.get(step.fn)
        if names is None:
            names = self._seeds[step.fn] = _seed_names(step.signature)
        if names:
            program.seed = next((name for name in names if name not in task.bindings), "")
        program.cacheable = options.cache and not program.fingerprint.unstable
        return program

    def check(self) -> None:
        """Raise what could not be stored.

        Raises:
            UsageError: Arguments of providers are wrong; names all of them.
            WorkflowError: Constants can't be stored; names all of them.
        """
        self._providers.check()
        problems, self._encoder.problems = self._encoder.problems, []
        if problems:
            raise WorkflowError("arguments can't be stored", problems=problems)


class _Encoder:
    """Encodes the constants among arguments, and notes those that can't be."""

    def __init__(self, code_digest: CodeDigest) -> None:
        self._code_digest = code_digest
        self._known: dict[int, tuple[object, Encoded, list[_Watched]]] = {}
        self.problems: list[str] = []

    def constants_of(self, program: TaskProgram) -> None:
        task = program.task
        for name, binding in task.bindings.items():
            try:
                if isinstance(binding, Constant) and name in task.mapped:
                    elements = [
                        _packed(value) if type(value) in _IMMEDIATE else pack_one(*self._encode_for(program, value))
                        for value in binding.value
                    ]
                    program.elements = {**program.elements, name: elements}
                elif isinstance(binding, Nested) and name in task.mapped and _all_kept(binding):
                    kept = cast("tuple[Kept, ...]", binding.items)
                    program.elements = {**program.elements, name: [element.blob for element in kept]}
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
_ONE = bytes((ONE_INLINE,))
_PATHLESS = frozenset({int, float, bool, str, bytes, type(None)})
_Watched = tuple[Path, Signature]


def _packed(value: object) -> bytes:
    """Pack an element that is encoded as it is: there may be millions."""
    data = pickle.dumps(value, 5)
    return _ONE + blake3(data).digest() + data


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
            digest_bytes(f"python {python_minor()}".encode()),
        ],
    )


def _seed_names(taken: Parameters) -> list[str]:
    return [name for name, parameter in taken.parameters.items() if is_seed(parameter.annotation)]


def _all_kept(binding: Nested) -> bool:
    return all(type(part) is Kept for part in binding.items)
