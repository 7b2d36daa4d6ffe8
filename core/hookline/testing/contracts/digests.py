"""What every digest of a plugin keeps."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from hookline.testing.elsewhere import told_elsewhere
from hookline.values.digest import digest_bytes
from hookline.values.registered import ValueDigest

__all__ = ["DigestContract"]


class DigestContract:
    """What every digest keeps; inherit at the top level of a file, and bring ``make_digest`` and ``groups``.

    .. code-block:: python

        class TestModels(DigestContract):
            def make_digest(self):
                return ModelDigest()

            def groups(self):
                return [[Model(1), Model(1, trained="today")], [Model(2)]]
    """

    def make_digest(self) -> ValueDigest:
        """Make the digest, as its registration does."""
        raise NotImplementedError

    def groups(self) -> Sequence[Sequence[Any]]:
        """Make groups of values: all of one group are equal, no two of different groups are."""
        raise NotImplementedError

    def digests(self) -> list[list[str]]:
        """Digest what is told of each value."""
        digest = self.make_digest()
        return [[digest_bytes(digest.canonical(value)).hex() for value in group] for group in self.groups()]

    def test_it_says_its_version_and_gives_bytes(self) -> None:
        """The version is part of what a value is."""
        digest = self.make_digest()
        assert isinstance(digest.version, int)
        assert digest.version >= 1
        assert all(type(digest.canonical(value)) is bytes for group in self.groups() for value in group)

    def test_equal_values_are_told_to_be_equal(self) -> None:
        """Whatever else differs in them; asked twice, too."""
        told = self.digests()
        assert all(len(set(group)) == 1 for group in told)
        assert self.digests() == told

    def test_different_values_are_told_apart(self) -> None:
        """Otherwise a step would be given the result for another value."""
        first = [group[0] for group in self.digests()]
        assert len(first) > 1, "give several groups"
        assert len(set(first)) == len(first)

    def test_the_same_is_told_in_every_process(self) -> None:
        """Neither the hash seed nor anything else of a process counts."""
        told = self.digests()
        assert [told_elsewhere(self, "digests", seed) for seed in ("1", "2")] == [told, told]

    def test_asking_changes_nothing(self) -> None:
        """A value is digested before it is stored."""
        digest = self.make_digest()
        for group in self.groups():
            for value in group:
                before = digest.canonical(value)
                assert digest.canonical(value) == before

    def test_several_threads_may_use_one_digest(self) -> None:
        """One object serves all worker threads of a process."""
        digest = self.make_digest()
        values = [value for group in self.groups() for value in group] * 8
        with ThreadPoolExecutor(4) as pool:
            assert [*pool.map(digest.canonical, values)] == [digest.canonical(value) for value in values]
