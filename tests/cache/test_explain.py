"""The difference of two fingerprints in words."""

# ruff: noqa: E501 - an edit reads best on one line
from __future__ import annotations

import pytest

from cache.edits import HELPERS
from cache.test_edit_matrix import probe, write
from hookline.cache.explain import explain, pack_parts, unpack_parts
from hookline.cache.fingerprint import Part
from hookline.errors import StoreDamagedError

EDITS = [
    ("min(x * by, clip)", "max(x * by, clip)", "helper 'scale' changed (lib.py:8: `y = min(x * by, clip)` -> `y = max(x * by, clip)`)"),
    ("x + OFFSET", "x - OFFSET", "helper 'shift' changed (deep.py:2: `return x + OFFSET` -> `return x - OFFSET`)"),
    ("LIMIT = 3", "LIMIT = 4", "constant lib.LIMIT changed (3 -> 4) (lib.py:2)"),
    ("OFFSET = 5", "OFFSET = 'five'", "constant deep.OFFSET changed (5 -> 'five') (deep.py:4)"),
    ("scale(x) + 1", "scale(x) + 2", "the step's function 'step' changed (flow.py:4: `return scale(x) + 1` -> `return scale(x) + 2`)"),
    ("by=2", "by=3", "constant default 1 of lib.scale changed (2 -> 3)"),
    ("    # a comment\n", "    # a comment\n    print(x)\n", "helper 'scale' changed (lib.py:8: `print(x)` added)"),
]  # fmt: skip


@pytest.fixture(scope="module")
def told(tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    folder = tmp_path_factory.mktemp("explain")
    texts = [HELPERS, *(HELPERS.replace(old, new, 1) for old, new, _ in EDITS)]
    found = probe(write(folder / str(at), text) for at, text in enumerate(texts))
    parts = [[Part(n, k, bytes.fromhex(d), f, ln, s) for n, k, d, f, ln, s in taken["parts"]] for taken in found]
    return [explain(parts[0], after) for after in parts[1:]]


@pytest.mark.parametrize("at", range(len(EDITS)), ids=[old.strip() for old, _, _ in EDITS])
def test_a_why_names_the_helper_and_its_first_changed_line(told: list[str], at: int) -> None:
    """The reader sees which function or constant, where, and from what to what."""
    assert told[at].splitlines()[0] == EDITS[at][2]


def part(name: str, kind: str = "function", digest: bytes = b"1", source: str = "") -> Part:
    return Part(name, kind, digest * 32, "lib.py", 3, source)


def test_a_new_version_of_a_library_is_told_as_such() -> None:
    """A distribution is the same one in another version."""
    old, new = part("numpy 1.26.4", "distribution"), part("numpy 2.1.0", "distribution", b"2")
    assert explain([old], [new]) == "numpy 1.26.4 -> 2.1.0"


def test_what_is_reached_anew_or_no_more_is_told() -> None:
    """A helper that joins or leaves is named."""
    one, two = part("lib.one"), part("lib.two", digest=b"2")
    assert explain([one], [one, two]) == "function 'lib.two' is reached now (lib.py:3)"
    assert explain([one, two], [one]) == "function 'lib.two' is not reached any more"


def test_a_comment_is_never_told_as_the_changed_line() -> None:
    """The first line that does something is shown, not a comment before it."""
    old = part("lib.f", source="def f(x):\n    # old words\n    return x\n")
    new = part("lib.f", digest=b"2", source="def f(x):\n    # new words\n\n    return -x\n")
    top = part("flow.step")
    assert explain([top, old], [top, new]) == "helper 'f' changed (lib.py:6: `return x` -> `return -x`)"


def test_many_differences_are_counted_and_not_all_told() -> None:
    """A why stays readable: a few differences, then a number."""
    top = part("flow.step")
    old = [top, *(part(f"lib.f{n}", source="return 1") for n in range(9))]
    new = [top, *(part(f"lib.f{n}", digest=b"2", source="return 2") for n in range(9))]
    lines = explain(old, new).splitlines()
    assert len(lines) == 5
    assert lines[-1] == "and 5 more"


def test_equal_parts_in_another_order_are_told_as_rewiring() -> None:
    """Where no part changed, names stand for other things than before."""
    one, two = part("lib.one"), part("lib.two", digest=b"2")
    assert "stands for something else" in explain([one, two], [two, one])


def test_parts_survive_storage() -> None:
    """What is packed comes back, and damaged bytes are told as damage."""
    parts = (part("lib.ä", source="def ä():\n    return '\udc80'\n"), part("numpy 2.1.0", "distribution", b"2"))
    data = pack_parts(parts)
    assert unpack_parts(data) == parts
    with pytest.raises(StoreDamagedError):
        unpack_parts(data[:-3])
    with pytest.raises(StoreDamagedError):
        unpack_parts(b"")
