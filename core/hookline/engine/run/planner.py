"""Decides about items that could start: keep what this run recorded, reuse what any run recorded, or run."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from hookline.engine.program.inputs import Inputs
from hookline.engine.program.program import TaskProgram
from hookline.engine.record.nodes import Recorded
from hookline.model.states import Kind
from hookline.model.stretch import Taken
from hookline.store.outputs import ONE_INLINE
from hookline.store.protocol import Store
from hookline.store.rows import AttemptRow, Hit

__all__ = ["Decided", "Planner"]

_REUSABLE = max(kind for kind in Kind if kind.reusable)
_ITEMS = 1 << 40
"""A task and an item of it are one number here, task * _ITEMS + item: a run may hold a million of them to its end."""

_MOST_TAKEN = 1 << 18
"""How many keys are told to workers at most."""

_NOTHING: Mapping[bytes, Hit] = {}
_UNASKED = Hit(-1, -1, -1, -1, -1, b"")


@dataclass(slots=True)
class Decided:
    """What is to become of items low to high of a task.

    Attributes:
        low: The first item.
        keys: The items' keys.
        hits: Reused, by item: the attempt that made the result.
        kept: Recorded by this run already, by item.
        refused: Recorded with other inputs, but never to be run twice without a word, by item.
        run: Items to run, ascending.
        same: Items whose key another item of this run has, with that (task, item).
    """

    low: int
    keys: list[bytes]
    hits: dict[int, Hit] = field(default_factory=dict)
    kept: dict[int, AttemptRow] = field(default_factory=dict)
    refused: list[int] = field(default_factory=list)
    run: list[int] = field(default_factory=list)
    same: list[tuple[int, int, int]] = field(default_factory=list)


class Planner:
    """Decides with keys; knows the keys of this run.

    Args:
        store: Where results are looked up; None where nothing is recorded.
        fresh: Whether results of other runs are left alone.
        run: The row number of this run, whose own results are known without looking; None where it has none.
        earlier: What earlier drivers of this run recorded, oldest first.
    """

    def __init__(
        self,
        store: Store | None,
        fresh: bool,
        run: int | None = None,
        earlier: Iterable[AttemptRow] = (),
    ) -> None:
        self._store = store
        self._run = run
        self._fresh = fresh
        self._known_code: dict[bytes, bool] = {}
        self._keys: dict[bytes, int] = {}
        self._claimed = False
        self._ahead: dict[bytes, Hit | None] = {}
        self._taken: Taken | None = None
        self._too_many = False
        self._through: dict[bytes, int] = {}
        # Whoever asks first for a key may be another item than the one that ran before.
        self._earlier = {row.key: row for row in earlier if row.kind <= _REUSABLE and row.key is not None}

    def decide(
        self,
        task: TaskProgram,
        inputs: Inputs,
        low: int,
        high: int,
        recorded: Recorded | None = None,
        rerun: bool = False,
        keep: bool = False,
    ) -> Decided:
        """Decide about items low to high.

        Args:
            task: Their task.
            inputs: Its arguments.
            low: The first item.
            high: The item after the last.
            recorded: What this run recorded of the task before it was resumed.
            rerun: Whether the user wants recorded side effects to happen again.
            keep: Whether the user wants recorded side effects to stand, whatever their inputs are now.

        Returns:
            The decisions.
        """
        decided = Decided(low, inputs.keys(low, high))
        open_items: Sequence[int] = range(low, high)
        if recorded:
            open_items = self._keep(decided, task, open_items, recorded, rerun, keep)
        if not task.cacheable:
            decided.run = list(open_items)
            return decided
        if self._claimed:
            open_items = self._share_claimed(decided, task.task.index, open_items)
        if self._earlier:
            open_items = self._look_up_earlier(decided, task, open_items)
        if open_items:
            open_items = self._look_up(decided, task, open_items)
        self._share(decided, task.task.index, open_items)
        return decided

    def look_ahead(self, calls: Iterable[tuple[TaskProgram, bytes]]) -> None:
        """Look up together what :meth:`decide_call` is about to be asked for: one by one that takes much longer.

        Args:
            calls: Plain tasks with their keys.
        """
        self._ahead = {}
        wanted: dict[bytes, list[bytes]] = {}
        for task, key in calls:
            if task.cacheable:
                wanted.setdefault(task.fingerprint.digest, []).append(key)
        for fingerprint, keys in wanted.items():
            found = self._recorded(fingerprint, keys)
            self._ahead.update(dict.fromkeys(keys) if not found else {key: found.get(key) for key in keys})

    def decide_call(self, task: TaskProgram, key: bytes) -> Hit | tuple[int, int] | None:
        """Decide about a plain task of which this run recorded nothing before; as :meth:`decide`.

        Args:
            task: The task.
            key: Its key.

        Returns:
            What is reused; or the (task, item) of this run that has the same key; or None where it has to run.
        """
        if not task.cacheable:
            return None
        place = task.task.index * _ITEMS
        if self._claimed and (first := self._keys.get(key, place)) != place:
            return divmod(first, _ITEMS)
        row = self._earlier.get(key) if self._earlier else None
        if row is not None and self._is_whole(task, row.outputs):
            return _as_hit(row)
        # Each answer serves once: who asks again later is not to get an old one.
        hit = self._ahead.pop(key, _UNASKED)
        if hit is _UNASKED:
            hit = self._recorded(task.fingerprint.digest, [key]).get(key)
        if hit is not None and self._is_whole(task, hit.outputs):
            return hit
        first = self._keys.setdefault(key, place)
        if self._taken is not None:
            self._taken.add(key)
        return None if first == place else divmod(first, _ITEMS)

    def taken(self) -> Taken | None:
        """Give the keys for which there are results in this run, or will be; None where they are too many.

        What :meth:`covers` is asked for is there, too. From then on they are kept up to date.
        """
        if self._taken is None and not self._too_many:
            self._taken = Taken()
            for key in (*self._keys, *self._earlier):
                self._taken.add(key)
        if self._taken is not None and len(self._taken) > _MOST_TAKEN:
            self._taken, self._too_many = None, True
        return self._taken

    def covers(self, fingerprint: bytes) -> bool:
        """Have :meth:`taken` hold the keys as well under which other runs recorded results of some code.

        Args:
            fingerprint: Of the code.

        Returns:
            Whether it does now; not where they are too many.
        """
        if self._taken is None:
            return False
        if self._fresh or self._store is None or not self._has_code(fingerprint):
            return True
        after = self._through.get(fingerprint, 0)
        if after < 0:
            return False
        found = self._store.prefixes(fingerprint, after=after, besides=self._run, most=_MOST_TAKEN)
        if found is None:
            self._through[fingerprint] = -1
            return False
        prefixes, self._through[fingerprint] = found
        self._taken.extend(prefixes)
        return True

    def started(self, key: bytes, task: int) -> None:
        """A plain task was started by a worker, for its key was not taken."""
        self._keys.setdefault(key, task * _ITEMS)
        if self._taken is not None:
            self._taken.add(key)

    def claim(self, key: bytes, task: int, item: int) -> None:
        """Whoever has this key in this run is to take the result of this item, whatever other runs recorded."""
        self._keys[key] = task * _ITEMS + item
        self._claimed = True
        if self._taken is not None:
            self._taken.add(key)

    def forget(self, key: bytes) -> None:
        """The item that was to make a result for a key made none."""
        self._keys.pop(key, None)

    def _recorded(self, fingerprint: bytes, keys: Sequence[bytes]) -> Mapping[bytes, Hit]:
        """Look up what other runs recorded; by key, where it may be reused."""
        if self._fresh or self._store is None or not self._has_code(fingerprint):
            return _NOTHING
        return self._store.lookup(fingerprint, keys, besides=self._run)

    def _has_code(self, fingerprint: bytes) -> bool:
        known = self._known_code.get(fingerprint)
        if known is None:
            assert self._store is not None
            known = self._known_code[fingerprint] = self._store.code(fingerprint) is not None
        return known

    def _is_whole(self, task: TaskProgram, outputs: bytes | None) -> bool:
        """Whether the artifacts of a recorded outcome are where they were put, as far as that can be told cheaply."""
        if outputs is None or self._store is None or outputs[0] == ONE_INLINE or self._store.artifacts.has(outputs):
            return True
        task.lost = True
        return False

    def _look_up(self, decided: Decided, task: TaskProgram, items: Sequence[int]) -> Sequence[int]:
        low, keys = decided.low, decided.keys
        found = self._recorded(task.fingerprint.digest, [keys[item - low] for item in items])
        if not found:
            return items
        rest = []
        for item in items:
            hit = found.get(keys[item - low])
            if hit is None or not self._is_whole(task, hit.outputs):
                rest.append(item)
            else:
                decided.hits[item] = hit
        return rest

    def _look_up_earlier(self, decided: Decided, task: TaskProgram, items: Sequence[int]) -> Sequence[int]:
        rest = []
        for item in items:
            row = self._earlier.get(decided.keys[item - decided.low])
            if row is None or not self._is_whole(task, row.outputs):
                rest.append(item)
            else:
                decided.hits[item] = _as_hit(row)
        return rest

    def _share_claimed(self, decided: Decided, task: int, items: Sequence[int]) -> Sequence[int]:
        """Take what is being grown in this run already: a recipe that was reused once is not planted again."""
        rest = []
        for item in items:
            place = task * _ITEMS + item
            first = self._keys.get(decided.keys[item - decided.low], place)
            if first == place:
                rest.append(item)
            else:
                decided.same.append((item, *divmod(first, _ITEMS)))
        return rest

    def _share(self, decided: Decided, task: int, items: Sequence[int]) -> None:
        """Let equal keys of one run run once."""
        low, keys, known, base = decided.low, decided.keys, self._keys, task * _ITEMS
        for item in items:
            place = base + item
            first = known.setdefault(keys[item - low], place)
            if first == place:
                decided.run.append(item)
            else:
                decided.same.append((item, *divmod(first, _ITEMS)))
        if self._taken is not None:
            for item in items:
                self._taken.add(keys[item - low])

    def _keep(
        self,
        decided: Decided,
        task: TaskProgram,
        items: Sequence[int],
        recorded: Recorded,
        rerun: bool,
        keep: bool,
    ) -> list[int]:
        rest = []
        for item in items:
            row = recorded.get(item)
            if row is None or not Kind(row.kind).succeeded:
                rest.append(item)
                continue
            key = decided.keys[item - decided.low]
            effect = not task.task.options.cache
            if (effect and rerun) or not (effect or self._is_whole(task, row.outputs)):
                # A side effect is not repeated for the sake of its artifact: whoever needs that says what is missing.
                rest.append(item)
            elif row.key == key or (effect and keep):
                decided.kept[item] = row
                self._keys.setdefault(key, task.task.index * _ITEMS + item)
                if self._taken is not None:
                    self._taken.add(key)
            elif effect:
                decided.refused.append(item)
            else:
                rest.append(item)
        return rest


def _as_hit(row: AttemptRow) -> Hit:
    return Hit(row.run, row.node, row.item, row.attempt, row.kind, row.outputs or b"")
