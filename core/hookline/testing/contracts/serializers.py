"""What every serializer of a plugin keeps."""

from __future__ import annotations

import contextlib
import os
import pickle
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from hookline.testing.elsewhere import told_elsewhere
from hookline.values.digest import digest_chunks
from hookline.values.encode import decode, encode
from hookline.values.registered import SERIALIZERS, ValueSerializer

__all__ = ["SerializerContract"]

_NAME = "contract.under-test"


class SerializerContract:
    """What every serializer keeps; inherit at the top level of a file, and bring ``make_serializer`` and ``values``.

    .. code-block:: python

        class TestShapes(SerializerContract):
            def make_serializer(self):
                return ShapeSerializer()

            def values(self):
                return [Point(0, 0), Line([(0, 0), (1, 1)])]
    """

    def make_serializer(self) -> ValueSerializer:
        """Make the serializer, as its registration does."""
        raise NotImplementedError

    def values(self) -> Sequence[Any]:
        """Make values, no two of them equal; the same ones at each call, in every process."""
        raise NotImplementedError

    def equal(self, one: Any, other: Any) -> bool:
        """Tell whether two values are equal; override it where ``==`` does not."""
        return bool(one == other)

    def digests(self) -> list[str]:
        """Digest what the serializer makes of each value."""
        serializer = self.make_serializer()
        return [digest_chunks(_joined(serializer, value)).hex() for value in self.values()]

    def test_it_says_its_version_and_whether_it_is_safe(self) -> None:
        """Both are looked at before a value is loaded."""
        serializer = self.make_serializer()
        assert isinstance(serializer.version, int)
        assert serializer.version >= 1
        assert isinstance(serializer.safe, bool)

    def test_a_value_comes_back_equal_and_of_its_type(self) -> None:
        """Also from memory that may not be written to."""
        serializer = self.make_serializer()
        for value in self.values():
            parts = [memoryview(bytes(part)) for part in _parts(serializer, value)]
            back = serializer.load(parts, serializer.version)
            assert type(back) is type(value)
            assert self.equal(back, value)

    def test_equal_values_give_equal_bytes(self) -> None:
        """Otherwise everything after a step that made the same value again would run again."""
        serializer = self.make_serializer()
        for one, same in zip(self.values(), self.values(), strict=True):
            first = _joined(serializer, one)
            assert _joined(serializer, one) == first, "the same value gives other bytes at the second time"
            assert _joined(serializer, same) == first, "an equal value gives other bytes"
            back = serializer.load([memoryview(part) for part in _parts(serializer, one)], serializer.version)
            assert _joined(serializer, back) == first, "a value that was loaded gives other bytes"

    def test_different_values_give_different_bytes(self) -> None:
        """Otherwise a step would be given the result for another value."""
        told = self.digests()
        assert len(told) > 1, "give several values"
        assert len(set(told)) == len(told)

    def test_bytes_are_the_same_in_every_process(self) -> None:
        """Neither the hash seed nor anything else of a process gets into them."""
        told = self.digests()
        assert [told_elsewhere(self, "digests", seed) for seed in ("1", "2")] == [told, told]

    def test_loading_leaves_the_stored_bytes_alone(self) -> None:
        """They may be mapped from an artifact that others read."""
        serializer = self.make_serializer()
        for value in self.values():
            kept = [bytearray(part) for part in _parts(serializer, value)]
            before = [bytes(part) for part in kept]
            serializer.load([memoryview(part) for part in kept], serializer.version)
            assert [bytes(part) for part in kept] == before

    def test_several_threads_may_use_one_serializer(self) -> None:
        """One object serves all worker threads of a process."""
        serializer, values = self.make_serializer(), [*self.values()] * 8

        def there_and_back(value: Any) -> bool:
            parts = [memoryview(bytes(part)) for part in _parts(serializer, value)]
            return self.equal(serializer.load(parts, serializer.version), value)

        with ThreadPoolExecutor(4) as pool:
            assert all(pool.map(there_and_back, values))

    def test_values_are_stored_at_any_depth(self) -> None:
        """Alone, in containers, twice in one value."""
        with self._registered():
            for value in self.values():
                for whole in (value, [value, {"key": (value,)}]):
                    back: Any = decode(encode(whole, code_digest=lambda _: b"").data())
                    for part in [back] if whole is value else [back[0], back[1]["key"][0]]:
                        assert self.equal(part, value)

    def test_what_says_that_it_is_safe_runs_no_pickles(self, tmp_path: Path) -> None:
        """Bytes that a stranger wrote must not choose what is called."""
        serializer = self.make_serializer()
        if not serializer.safe:
            pytest.skip("it does not say that it is safe")
        mark = tmp_path / "called"
        hostile = pickle.dumps(_Hostile(str(mark)))
        for parts in ([hostile], [hostile, hostile], [memoryview(b"")], []):
            with contextlib.suppress(Exception):
                serializer.load([memoryview(part) for part in parts], serializer.version)
        assert not mark.exists()

    @contextlib.contextmanager
    def _registered(self) -> Iterator[None]:
        kinds = {type(value) for value in self.values()}
        names = {(kind.__module__, kind.__qualname__) for kind in kinds} - SERIALIZERS.by_type.keys()
        types = [f"{module}:{name}" for module, name in names if module != "builtins"]
        if types:
            SERIALIZERS.register(_NAME, self.make_serializer, source="its contract", types=types)
        try:
            yield
        finally:
            SERIALIZERS.forget(_NAME)


class _Hostile:
    def __init__(self, path: str) -> None:
        self.path = path

    def __reduce__(self) -> Any:
        return os.mkdir, (self.path,)


def _parts(serializer: ValueSerializer, value: Any) -> list[bytes | bytearray | memoryview]:
    dumped = serializer.dump(value)
    return [dumped] if isinstance(dumped, (bytes, bytearray, memoryview)) else [*dumped]


def _joined(serializer: ValueSerializer, value: Any) -> list[bytes]:
    return [bytes(part) for part in _parts(serializer, value)]
