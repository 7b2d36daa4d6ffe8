"""What the processes of a run tell each other about artifacts that they wrote or checked."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from blake3 import blake3
from hypothesis import given, settings
from hypothesis import strategies as st

from hookline.errors import ArtifactError
from hookline.store import PACK_LIMIT, Artifacts, Stored
from hookline.store.checked import Checked
from hookline.store.flight import Flight, checked_path
from thorough import tries

NUMBERS = st.integers(0, 2**64 - 1)
ENTRIES = st.lists(st.tuples(st.binary(min_size=32, max_size=32), st.tuples(NUMBERS, NUMBERS, NUMBERS)), max_size=8)


@settings(max_examples=tries(50), deadline=None)
@given(ENTRIES)
def test_what_one_tells_the_others_find(tmp_path_factory, entries: list[tuple[bytes, tuple[int, int, int]]]) -> None:
    """The last that was told of a digest is found, whoever told it; nothing is found of any other."""
    path = tmp_path_factory.mktemp("run") / "checked"
    reader = Checked(path)
    assert reader.find(bytes(32)) is None
    for at, (digest, identity) in enumerate(entries):
        writer = Checked(path)
        writer.add(digest, identity)
        writer.close()
        known = dict(entries[: at + 1])
        assert all(reader.find(name) == identity for name, identity in known.items())
    assert reader.find(b"x" * 31 + b"?") == dict(entries).get(b"x" * 31 + b"?")
    reader.close()


def test_a_damaged_record_tells_nothing(tmp_path: Path) -> None:
    """A record whose check does not agree is passed over, and those after it are found."""
    checked = Checked(tmp_path / "checked")
    checked.add(b"a" * 32, (1, 2, 3))
    checked.add(b"b" * 32, (4, 5, 6))
    content = bytearray(checked.path.read_bytes())
    content[40] ^= 1
    checked.path.write_bytes(content)
    again = Checked(checked.path)
    assert again.find(b"a" * 32) is None
    assert again.find(b"b" * 32) == (4, 5, 6)


def test_where_nothing_can_be_told_everybody_checks(tmp_path: Path) -> None:
    """A folder that is not there costs nothing but the checks."""
    checked = Checked(tmp_path / "none" / "checked")
    checked.add(b"a" * 32, (1, 2, 3))
    assert checked.find(b"a" * 32) is None


def put(folder: Path, checked: Path) -> tuple[Stored, Path]:
    data = os.urandom(PACK_LIMIT + 1)
    digest = blake3(data).digest()
    artifacts = Artifacts(folder, checked=Checked(checked))
    item = Stored(digest, len(data), artifacts.writer().put(digest, [data], len(data)), None)
    return item, artifacts.path_of(digest)


def damage(path: Path, *, secretly: bool) -> None:
    status = path.stat()
    with path.open("r+b") as file:
        file.write(b"damaged!")
    if secretly:
        os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))


def test_a_worker_trusts_what_another_of_its_run_wrote(tmp_path: Path) -> None:
    """It does not read the bytes again: a change that inode, size and time do not show goes unseen by this run only."""
    item, path = put(tmp_path / "artifacts", tmp_path / "checked")
    damage(path, secretly=True)
    other = Artifacts(tmp_path / "artifacts", checked=Checked(tmp_path / "checked"))
    assert bytes(other.read(item)[:8]) == b"damaged!"
    # Whoever finds damage sets the file aside: each of the two gets a copy.
    content = path.read_bytes()
    for stranger in (Checked(tmp_path / "another run"), None):
        path.write_bytes(content)
        with pytest.raises(ArtifactError, match="has other bytes than its digest says"):
            Artifacts(tmp_path / "artifacts", checked=stranger).read(item)


def test_a_changed_file_is_checked_in_spite_of_what_was_told(tmp_path: Path) -> None:
    """Its time of change gives it away."""
    item, path = put(tmp_path / "artifacts", tmp_path / "checked")
    damage(path, secretly=False)
    with pytest.raises(ArtifactError, match="has other bytes than its digest says"):
        Artifacts(tmp_path / "artifacts", checked=Checked(tmp_path / "checked")).read(item)


def test_the_record_goes_with_its_flight_file(tmp_path: Path) -> None:
    """It belongs to one driver's life: when that ends, nothing stays."""
    flight = Flight(tmp_path / "run-1", create=True)
    Checked(checked_path(flight.path)).add(b"a" * 32, (1, 2, 3))
    assert len([*tmp_path.iterdir()]) == 2
    flight.remove()
    assert not [*tmp_path.iterdir()]
