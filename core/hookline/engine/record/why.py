"""Why a task runs: its code and inputs compared with those of the latest earlier run of the same workflow."""

from __future__ import annotations

import json
from typing import Any

from hookline.cache.explain import explain, unpack_parts
from hookline.engine.past.earlier import EarlierRun, EarlierRuns
from hookline.engine.program.compile import env_digests
from hookline.engine.program.held import Held
from hookline.engine.program.inputs import digest_of
from hookline.engine.program.program import Program, TaskProgram
from hookline.engine.program.provided import provider_changes
from hookline.model.graph import Binding, Constant, FirstOf, Kept, Nested, TaskOutput
from hookline.model.masking import mask
from hookline.model.recording import Form
from hookline.store.outputs import ONE_INLINE
from hookline.store.protocol import Store
from hookline.store.rows import NodeRow
from hookline.values.digest import digest_bytes
from hookline.values.encode import decode

__all__ = ["Reasons", "describe_bindings"]

_SHOWN = 60
_SMALL = 1 << 64
_NAMED = 3
_READ = 1000
_encode = json.JSONEncoder(separators=(",", ":")).encode
_quoted = json.encoder.encode_basestring_ascii
_decode = json.JSONDecoder().raw_decode


class Reasons:
    """Words the reasons of decisions.

    Args:
        store: What earlier runs left.
        program: The tasks of this run.
        held: Outcomes of this run, for comparing inputs.
        before: The row number of this run; None where there is none yet.
        fresh: Whether nothing is reused because the user said so.
    """

    def __init__(self, store: Store | None, program: Program, held: Held, before: int | None, fresh: bool) -> None:
        self._store = store
        self._program = program
        self._held = held
        self._fresh = fresh
        self._earlier = EarlierRuns(store, program.graph, before)

    def to_run(self, task: TaskProgram) -> str:
        """Say why a task has no result to reuse."""
        if task.task.index >= len(self._program.graph.tasks) and task.part is None:
            return "the run failed"
        if not task.task.options.cache:
            return "it has side effects (cache=False)"
        if task.fingerprint.unstable:
            return f"its code can't be compared: {task.fingerprint.unstable}"
        if task.lost:
            return "its recorded artifact is missing or damaged"
        if self._fresh:
            return "a fresh run was asked for"
        earlier = self._earlier.of(task.task.id)
        if earlier is None:
            return self._earlier.nothing
        node = earlier.node(task.task.id, grown=task.part is not None)
        if node is None:
            return f"new task: run {earlier.id} did not have it"
        return self._changes(task, node, earlier) or f"run {earlier.id} left no result for the same code and inputs"

    def changed(self, task: TaskProgram) -> str:
        """Say what changed of a task since the run that it is compared with; empty for nothing that is known."""
        earlier = self._earlier.of(task.task.id)
        node = earlier.node(task.task.id) if earlier is not None else None
        return self._changes(task, node, earlier) if node is not None and earlier is not None else ""

    def _changes(self, task: TaskProgram, node: NodeRow, earlier: EarlierRun) -> str:
        found = []
        if node.fingerprint is not None and node.fingerprint != task.fingerprint.digest:
            found.append(self._code_change(task, node.fingerprint))
        described = task.described or describe_bindings(self._program, task)
        if node.bindings == described:
            found += self._upstream_changes(task, earlier)
        elif node.bindings:
            # Written by describe_bindings, so without what json.loads looks for around and before it.
            old: dict[str, Any] = earlier.renamed(_decode(node.bindings.decode())[0])
            new: dict[str, Any] = _decode(described.decode())[0]
            found += [change for name in {**old, **new} if (change := self._argument(name, old, new))]
            found += self._upstream_changes(task, earlier)
        return "; ".join(found)

    def _code_change(self, task: TaskProgram, old: bytes) -> str:
        assert self._store is not None
        packed = self._store.code(old)
        if packed is None:
            return "its code changed"
        return explain(unpack_parts(packed), task.fingerprint.parts)

    def _argument(self, name: str, old: dict[str, Any], new: dict[str, Any]) -> str:
        if name == "@version":
            before, now = old.get(name, ""), new.get(name, "")
            return "" if before == now else f"its version= changed from {before!r} to {now!r}"
        if name == "@env":
            changed = [key for key, digest in new.get(name, {}).items() if old.get(name, {}).get(key) != digest]
            return f"the environment variable {', '.join(changed)} changed" if changed else ""
        if name == "@providers":
            return "; ".join(provider_changes(old.get(name, []), new.get(name, [])))
        if name not in old:
            return f"argument '{name}' is new"
        if name not in new:
            return f"argument '{name}' is gone"
        before, now = old[name], new[name]
        if before == now:
            return ""
        if "shown" in before and "shown" in now:
            if before["shown"] != now["shown"]:
                return f"argument '{name}' changed from {before['shown']} to {now['shown']}"
            return f"argument '{name}' changed ({now['shown']})"
        return f"argument '{name}' now comes from {_origin(now)}, not from {_origin(before)}"

    def _upstream_changes(self, task: TaskProgram, earlier: EarlierRun) -> list[str]:
        """Tell which tasks that give this one its inputs gave other values this time."""
        changed = []
        for index in task.depends:
            source = self._program.tasks[index].task
            before = earlier.node(source.id)
            if before is None:
                continue
            if source.form is not Form.CALL:
                # Comparing lists of values would cost more than they did: that some items are new must do.
                if not self._held.all_reused(index) or before.length != len(self._held.blobs(index)):
                    changed.append(repr(source.id))
                continue
            blob = next(iter(self._held.blobs(index)), None)
            if blob is not None and earlier.outcome(before.node) != blob:
                changed.append(repr(source.id))
        if not changed:
            return []
        shown = ", ".join(changed[:_NAMED]) + (f" and {len(changed) - _NAMED} more" if len(changed) > _NAMED else "")
        return [f"input changed: {shown} gave another value"]


def describe_bindings(program: Program, task: TaskProgram) -> bytes:
    """Describe what a task's arguments are bound to, for later comparisons.

    Args:
        program: All tasks.
        task: The task.

    Returns:
        JSON: per argument the digest of a constant with how it looks, or the tasks that it comes from.
    """
    if not task.described:
        parts = [f'"{name}":{_described(program, name, binding, task)}' for name, binding in task.task.bindings.items()]
        options = task.task.step.declared
        if options.version:
            parts.append(f'"@version":{_encode(options.version)}')
        if options.env:
            # Digests, for a variable may hold a secret.
            parts.append(f'"@env":{_encode(env_digests(options.env))}')
        if task.provided.parts:
            rows = [
                (
                    part.name,
                    part.code.hex(),
                    {key: (it.hex(), _shown(value)) for key, (it, value) in part.arguments.items()},
                )
                for part in task.provided.parts
            ]
            parts.append(f'"@providers":{_encode(rows)}')
        task.described = f"{{{','.join(parts)}}}".encode()
    return task.described


def _described(program: Program, name: str, binding: Binding, task: TaskProgram) -> str:
    if type(binding) is TaskOutput and binding.slot < 0:
        # By far the commonest; ids have no characters that would need escaping.
        return f'{{"tasks":["{program.tasks[binding.task].task.id}"]}}'
    if type(binding) is Constant and name in task.constants:
        return f'{{"digest":"{task.constants[name][0].hex()}","shown":{_quoted(_shown(binding.value))}}}'
    return _encode(_described_in_full(program, name, binding, task))


def _described_in_full(program: Program, name: str, binding: Binding, task: TaskProgram) -> dict[str, Any]:
    if isinstance(binding, Constant):
        joined = digest_bytes(b"".join(map(digest_of, task.elements.get(name, []))))
        return {"digest": joined.hex(), "shown": _shown(binding.value)}
    if isinstance(binding, Kept):
        return {"digest": binding.digest.hex(), "shown": _shown_kept(binding)}
    tasks: list[str] = []
    pending: list[Binding] = [binding]
    constants = []
    while pending:
        part = pending.pop()
        if isinstance(part, TaskOutput):
            tasks.append(program.tasks[part.task].task.id)
        elif isinstance(part, FirstOf):
            tasks.extend(program.tasks[output.task].task.id for output in part.options)
        elif isinstance(part, Nested):
            pending.extend(reversed(part.items))
        else:
            constants.append(_shown_kept(part) if isinstance(part, Kept) else _shown(part.value))
    found: dict[str, Any] = {"tasks": tasks}
    if isinstance(binding, TaskOutput) and binding.slot >= 0:
        found["slot"] = binding.slot
    if constants:
        found["constants"] = constants
    return found


def _shown_kept(kept: Kept) -> str:
    if kept.blob[0] != ONE_INLINE or len(kept.blob) > _READ:
        return "a value of a step's"
    try:
        return _shown(decode(kept.blob[33:]))
    except Exception:  # noqa: BLE001 - loading a value runs the user's code; the reason must not fail for it
        return "a value of a step's"


def _shown(value: object) -> str:
    if isinstance(value, str):
        value = mask(value)
    # A repr may be slow or large; only plain small things are shown as they are.
    if type(value) is int and -_SMALL < value < _SMALL:
        return repr(value)
    if isinstance(value, (int, float, bool, str, bytes, type(None))):
        text = repr(value if not isinstance(value, (str, bytes)) else value[: _SHOWN + 1])
    elif (
        isinstance(value, (list, tuple, range))
        and len(value) <= 12
        and all(isinstance(item, (int, float, bool, str, type(None))) for item in value)
    ):
        text = repr(value)
    elif hasattr(value, "__fspath__"):
        text = repr(str(value))
    elif hasattr(value, "__len__"):
        text = f"a {type(value).__name__} of {len(value)}"
    else:
        text = f"a {type(value).__name__}"
    return text if len(text) <= _SHOWN else text[: _SHOWN - 1] + "…"


def _origin(described: dict[str, Any]) -> str:
    if "shown" in described:
        return f"the workflow ({described['shown']})"
    sources = [repr(source) for source in described.get("tasks", ())]
    return ", ".join(sources[:_NAMED]) + (" …" if len(sources) > _NAMED else "") or "the workflow"
