"""What plugins register for types of values: serializers and digests."""

from __future__ import annotations

import pickle
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hookline.errors import HooklineError, PluginError
from hookline.store.artifacts import Artifacts
from hookline.store.outputs import Stored
from hookline.values import registered
from hookline.values.encode import decode, encode, encode_constant
from hookline.values.registered import DIGESTS, SERIALIZERS, ValueSerializer
from hookline.values.serializers import UnstorableError
from hookline.worker.loading import FileOpener
from hookline.worker.storing import Storer
from values.shapes import DIGEST, SERIALIZER, Shape, ShapeSerializer, Sub, Tagged


@pytest.fixture(autouse=True)
def geo() -> Iterator[None]:
    """A plugin registered both; afterwards it is as if it never had."""
    SERIALIZERS.register("geo.shapes", **SERIALIZER)  # type: ignore[arg-type]
    DIGESTS.register("geo.tagged", **DIGEST)  # type: ignore[arg-type]
    yield
    SERIALIZERS.forget("geo.shapes")
    DIGESTS.forget("geo.tagged")


def nothing(_: frozenset[object]) -> bytes:
    return b""


def loaded(value: object) -> Any:
    return decode(encode(value, code_digest=nothing).data())


POINTS = st.lists(st.tuples(st.floats(allow_nan=False), st.floats(allow_nan=False)), max_size=20)


@given(st.lists(POINTS, max_size=4), st.sampled_from(["list", "dict", "nested", "with an object"]))
def test_a_registered_type_is_stored_at_any_depth(shapes: list[list[tuple[float, float]]], how: str) -> None:
    """Alone, in containers, beside what only pickle stores: the plugin's bytes come back to the plugin."""
    made = [Shape(points) for points in shapes]
    value: Any = {"list": made, "dict": dict(enumerate(made)), "nested": ([made],), "with an object": [made, Tagged]}[
        how
    ]
    back = loaded(value)
    found = {
        "list": back,
        "dict": [*dict(back).values()] if how == "dict" else (),
        "nested": back[0][0] if back and how == "nested" else (),
    }
    parts = back[0] if how == "with an object" else found[how]
    assert [shape.points for shape in parts] == shapes
    assert encode(value).digest == encode(value).digest


def test_equal_values_have_equal_digests_in_every_process(tmp_path: Path) -> None:
    """Neither the hash seed nor anything else of a process gets into the bytes."""
    code = (
        "from values.shapes import *; from hookline.values.registered import SERIALIZERS\n"
        "from hookline.values.encode import encode\n"
        "SERIALIZERS.register('geo.shapes', **SERIALIZER)\n"
        "print(encode({'a': Shape([(1.0, 2.0)]), 'b': {'x', 'y', 'z'}}, code_digest=lambda _: b'').digest.hex())"
    )
    path = ":".join([str(Path(__file__).parents[1]), str(Path(registered.__file__).parents[2])])
    told = {
        subprocess.run(
            [sys.executable, "-c", code],
            env={"PYTHONPATH": path, "PYTHONHASHSEED": seed},
            capture_output=True,
            text=True,
            check=True,
        ).stdout.strip()
        for seed in ("1", "2")
    }
    assert told == {encode({"a": Shape([(1.0, 2.0)]), "b": {"z", "y", "x"}}, code_digest=nothing).digest.hex()}


def test_a_subclass_is_not_what_was_registered() -> None:
    """It may hold more than the serializer knows of."""
    with pytest.raises(UnstorableError, match="a Shape can't be pickled"):
        encode(Sub([]))


def test_large_pieces_lie_apart_and_are_not_copied() -> None:
    """A view that a serializer gives is a chunk of the stored form."""
    big = bytearray(1 << 20)

    class Views:
        version = 1
        safe = True

        def dump(self, value: Any) -> list[Any]:
            return [b"head", memoryview(big)]

        def load(self, parts: Any, version: int) -> Any:
            return [bytes(part) for part in parts]

    SERIALIZERS.forget("geo.shapes")
    SERIALIZERS.register("geo.views", Views, source="geo 1.0", types=["values.shapes:Shape"])
    try:
        encoded = encode([Shape([])], code_digest=nothing)
        (chunk,) = [chunk for chunk in encoded.chunks if len(chunk) == len(big)]
        big[0] = 7
        assert chunk[0] == 7
        assert decode(encoded.data()) == [[b"head", bytes(big)]]
    finally:
        SERIALIZERS.forget("geo.views")


def test_the_code_of_a_registered_type_counts() -> None:
    """A value of a class whose code changed is another value, whoever stores it."""
    seen: list[frozenset[object]] = []

    def note(code: frozenset[object]) -> bytes:
        seen.append(code)
        return b"x" * 32

    digest = encode(Shape([]), code_digest=note).digest
    assert Shape in seen[0]
    assert digest != encode(Shape([]), code_digest=nothing).digest


def test_an_absent_plugin_is_named() -> None:
    """Its values say what they need, wherever they are met."""
    data = encode([Shape([])], code_digest=nothing).data()
    SERIALIZERS.forget("geo.shapes")
    with pytest.raises(PluginError) as caught:
        decode(data)
    assert str(caught.value) == (
        "a stored value needs the serializer 'geo.shapes' (version 2), which no plugin brings here\n"
        "help: install or enable the plugin 'geo', here and for the run's workers"
    )


def test_older_versions_are_loaded_and_newer_ones_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """The version stands with the value: nothing is guessed."""
    monkeypatch.setattr(ShapeSerializer, "version", 1)
    old = encode(Shape([(10.0, 20.0)]), code_digest=nothing).data()
    monkeypatch.setattr(ShapeSerializer, "version", 3)
    new = encode(Shape([(1.0, 2.0)]), code_digest=nothing).data()
    monkeypatch.setattr(ShapeSerializer, "version", 2)
    assert decode(old).points == [(1.0, 2.0)]  # type: ignore[attr-defined]
    with pytest.raises(PluginError) as caught:
        decode(new)
    assert str(caught.value) == (
        "a stored value was written by version 3 of the serializer 'geo.shapes'; here is version 2, of geo 1.0\n"
        "help: install a newer version of the plugin"
    )


def test_what_a_serializer_raises_carries_its_name() -> None:
    """A value that it can't take is not given to pickle instead; bytes that it can't load are told apart."""
    with pytest.raises(UnstorableError) as caught:
        encode([Shape([(0.0, 0.0)] * 100_001)])
    assert caught.value.message == (
        "the serializer 'geo.shapes' of geo 1.0 can't take a value of type 'values.shapes.Shape': "
        "ValueError: too many points"
    )
    with pytest.raises(HooklineError) as broken:
        registered.load_part("geo.shapes", 2, [b"12345678"])
    assert broken.value.message.startswith("the serializer 'geo.shapes' can't load a value that its version 2 stored: ")


WRONG: list[tuple[dict[str, Any], str]] = [
    ({"name": "more"},
     "the type 'values.shapes:Shape' has two serializers: 'geo.shapes' of geo 1.0 and 'more' of geo 1.0"),
    ({"name": "x", "types": []}, "the serializer 'x' of geo 1.0 names no types"),
    ({"name": "x", "types": ["Shape"]}, "the serializer 'x' of geo 1.0 is for 'Shape', which is no name of a type"),
    ({"name": "x", "types": ["builtins:list"]},
     "the serializer 'x' of geo 1.0 is for 'builtins:list', which hookline stores itself"),
    ({"name": "pickle"}, "the serializer 'pickle' of geo 1.0 has the name of a format of hookline's own"),
    ({"name": "geo.shapes", "source": "other 2"},
     "the serializer 'geo.shapes' is registered twice: by geo 1.0 and by other 2"),
]  # fmt: skip


@pytest.mark.parametrize(("given", "message"), WRONG)
def test_a_registration_that_clashes_or_means_nothing_is_refused(given: dict[str, Any], message: str) -> None:
    """Both sides are named; nothing of it is kept."""
    before = dict(SERIALIZERS.by_type)
    with pytest.raises(PluginError) as caught:
        SERIALIZERS.register(**{**SERIALIZER, **given})
    assert caught.value.message == message
    assert SERIALIZERS.by_type == before
    SERIALIZERS.register("geo.shapes", **SERIALIZER)  # type: ignore[arg-type]  # the same again is no clash


def test_values_with_a_digest_of_their_own_are_equal_where_it_says_so() -> None:
    """As an argument, what the digest tells is all that counts; what travels is the value."""
    one, two, other = (Tagged(1, "a"), Tagged(1, "b"), Tagged(2, "a"))
    first, data = encode_constant([one])
    assert encode_constant([two])[0] == first != encode_constant([other])[0]
    assert decode(data)[0].tag == "a"  # type: ignore[index]


def test_a_result_with_a_digest_of_its_own_is_found_by_it(tmp_path: Path) -> None:
    """Its bytes lie apart under their own digest; what is downstream sees what the plugin's digest told."""
    artifacts = Artifacts(tmp_path / "artifacts")
    storer = Storer(artifacts.writer(), nothing, tmp_path)
    one, two, other = (storer.slot([Tagged(value, tag), "x" * 10]) for value, tag in ((1, "a"), (1, "b"), (2, "a")))
    assert one.digest == two.digest != other.digest
    assert content(one).digest != content(two).digest
    opener = FileOpener(artifacts, lambda: tmp_path / "files")
    back = opener.load(two)
    assert (back[0].value, back[0].tag, back[1]) == (1, "b", "x" * 10)
    artifacts.close()


def content(stored: Stored) -> Stored:
    ((part,),) = [record.files for record in stored.files]
    return part


def test_a_process_without_registrations_asks_nothing_more(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where nobody registers, looking at an object costs no look-up of its type."""
    SERIALIZERS.forget("geo.shapes")
    DIGESTS.forget("geo.tagged")
    assert registered.registered_form(Tagged(1, "a")) is None
    assert decode(encode(Tagged(1, "a")).data()).value == 1  # type: ignore[attr-defined]
    assert pickle.loads(encode(Tagged(1, "a")).data()).value == 1


def test_the_protocol_is_what_a_serializer_has() -> None:
    """mypy checks it here."""
    serializer: ValueSerializer = ShapeSerializer()
    assert serializer.safe
