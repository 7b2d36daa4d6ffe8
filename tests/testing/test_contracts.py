"""The kit's suites: what is right passes them, and what is wrong in some way does not."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

import hookline
from hookline import ProjectFacts
from hookline.testing.contracts.digests import DigestContract
from hookline.testing.contracts.rewrites import RewriteContract
from hookline.testing.contracts.serializers import SerializerContract
from hookline.testing.contracts.steps import StepContract
from hookline.values.digest import digest_bytes
from hookline.values.encode import decode, encode
from hookline.values.plain import encode_plain
from testing import plugged
from testing.shared_steps import drawn, halves, untyped, written
from values.shapes import Shape, ShapeSerializer, Tagged, TaggedDigest


class TestShapes(SerializerContract):
    """A plugin's serializer."""

    def make_serializer(self) -> ShapeSerializer:
        return ShapeSerializer()

    def values(self) -> list[Shape]:
        return [Shape([]), Shape([(1.0, 2.0)]), Shape([(2.0, 1.0)]), Shape([(float(at), 0.5) for at in range(2000)])]

    def equal(self, one: Shape, other: Shape) -> bool:
        return one.points == other.points


class _Own:
    """hookline's own way of storing, as if a plugin had brought it."""

    version, safe = 1, False

    def dump(self, value: Any) -> bytes:
        return encode(value).data()

    def load(self, parts: Sequence[memoryview], version: int) -> Any:
        return decode(bytes(parts[0]))


class TestOwnForm(SerializerContract):
    """hookline's own stored form keeps what it asks of plugins."""

    def make_serializer(self) -> _Own:
        return _Own()

    def values(self) -> list[Any]:
        return [None, 1, 1.0, True, "1", b"1", [1], (1,), {1}, {"b": 1, "a": {"x", "y", "z"}}, {"a": 1, "b": 1}]


class TestTagged(DigestContract):
    """A plugin's digest."""

    def make_digest(self) -> TaggedDigest:
        return TaggedDigest()

    def groups(self) -> list[list[Tagged]]:
        return [[Tagged(1, "a"), Tagged(1, "b")], [Tagged(2, "a")], [Tagged("1", "a")]]


class _Canonical:
    version = 1

    def canonical(self, value: Any) -> bytes:
        return encode_plain(value)


class TestCanonicalEncoding(DigestContract):
    """hookline's own canonical encoding."""

    def make_digest(self) -> _Canonical:
        return _Canonical()

    def groups(self) -> list[list[Any]]:
        return [[{"x", "y", "z"}, {"z", "y", "x"}], [{"x", "y"}], [["x", "y"]], [("x", "y")]]


class TestHalves(StepContract):
    """A step with two outputs and defaults."""

    step = halves
    calls = (
        {"rows": [1, 2, 3, 4]},
        {"rows": [], "share": 0.1, "title": "none"},
    )


class TestWritten(StepContract):
    """A step whose result is a file."""

    step = written
    calls = ({"text": "hello"},)


class TestDrawn(StepContract):
    """A step with side effects, whose results differ."""

    step = drawn
    calls = ({"limit": 1_000_000},)
    deterministic = False


class TestRewrite(RewriteContract):
    """A plugin that inserts and wraps."""

    rewrite_graph = staticmethod(plugged.rewrite_graph)
    workflows = ((plugged.churn, {}), (plugged.churn, {"rows": 2}))
    settings = 0


class TestGiven(RewriteContract):
    """A plugin that asks for the project, and gives what its settings say."""

    rewrite_graph = staticmethod(plugged.give_rows)
    workflows = ((plugged.churn, {}),)
    project = ProjectFacts(Path("elsewhere"), "", "elsewhere/.hookline", {"ages": {"rows": 3}})


def test_a_rewrite_is_given_the_project_of_its_workflows() -> None:
    """Where the test brings no other."""
    seen: list[Any] = []

    class Looking(RewriteContract):
        __test__ = False
        rewrite_graph = staticmethod(lambda graph, project: seen.append(project))
        workflows = ((plugged.churn, {}),)

    Looking().test_it_takes_a_graph_without_anything_for_it()
    assert seen == [hookline.project(Path(plugged.__file__))]


def refused(test: Any, name: str, *arguments: Any) -> str:
    """Tell why a suite's test fails."""
    with pytest.raises((AssertionError, pytest.fail.Exception)) as caught:
        getattr(test, name)(*arguments)
    return str(caught.value)


def test_a_serializer_that_takes_the_order_of_a_set_is_found_out() -> None:
    """Its bytes differ from process to process."""
    assert refused(Seeded(), "test_bytes_are_the_same_in_every_process")


class Seeded(TestShapes):
    __test__ = False

    def make_serializer(self) -> Any:
        class BySet(ShapeSerializer):
            def dump(self, value: Shape) -> bytes:
                return repr({str(part) for point in value.points for part in point}).encode()

        return BySet()


class Forgetful(TestShapes):
    __test__ = False

    def make_serializer(self) -> Any:
        class Rounds(ShapeSerializer):
            def dump(self, value: Shape) -> bytes:
                return super().dump(Shape([(round(x), 0) for x, _ in value.points]))

        return Rounds()

    def values(self) -> list[Shape]:
        return [Shape([(1.0, 2.0)]), Shape([(1.0, 3.0)])]


def test_a_serializer_that_loses_something_is_found_out() -> None:
    """Neither equality nor difference survives."""
    assert refused(Forgetful(), "test_a_value_comes_back_equal_and_of_its_type")
    assert refused(Forgetful(), "test_different_values_give_different_bytes")


class Trusting(TestShapes):
    __test__ = False

    def make_serializer(self) -> Any:
        import pickle

        class Pickles(ShapeSerializer):
            def load(self, parts: Any, version: int) -> Any:
                return pickle.loads(parts[0])

        return Pickles()


def test_a_serializer_that_is_safe_in_name_only_is_found_out(tmp_path: Path) -> None:
    """It loads a pickle that was written by somebody else."""
    assert refused(Trusting(), "test_what_says_that_it_is_safe_runs_no_pickles", tmp_path)


class Tags(TestTagged):
    __test__ = False

    def make_digest(self) -> Any:
        class Everything(TaggedDigest):
            def canonical(self, value: Tagged) -> bytes:
                return digest_bytes(f"{value.value}{value.tag}".encode())

        return Everything()


def test_a_digest_that_sees_too_much_or_too_little_is_found_out() -> None:
    """The tag counts, and 1 is the same as '1'."""
    assert refused(Tags(), "test_equal_values_are_told_to_be_equal")
    assert refused(Tags(), "test_different_values_are_told_apart")


class Untyped(StepContract):
    __test__ = False
    step = untyped
    calls = ({"x": 1},)


def test_a_step_that_others_can_not_use_is_found_out() -> None:
    """Without docstring and types, with a default that no file can hold."""
    assert "docstring" in refused(Untyped(), "test_it_is_a_step_that_says_what_it_does")
    assert "'x', 'y', 'return'" in refused(Untyped(), "test_it_declares_the_types_of_its_arguments_and_its_result")
    assert "the default of 'y'" in refused(Untyped(), "test_its_defaults_can_be_written_in_a_file")


class Random(TestDrawn):
    __test__ = False
    deterministic = True


def test_a_step_that_is_deterministic_in_name_only_is_found_out(tmp_path: Path) -> None:
    """Its results differ between executors."""
    assert refused(Random(), "test_its_result_is_the_same_on_every_executor", tmp_path)


class Restless(TestRewrite):
    __test__ = False
    rewrite_graph = staticmethod(plugged.restless)


class Idle(TestRewrite):
    __test__ = False
    rewrite_graph = staticmethod(lambda graph: None)


def test_a_rewrite_that_is_no_pure_function_is_found_out(tmp_path: Path) -> None:
    """It asks something else than the graph, its parameters and its settings."""
    assert "another graph comes out" in refused(Restless(), "test_it_is_a_pure_function")
    keys = "test_the_changed_workflow_runs_and_its_keys_follow_the_graph"
    assert "these run again" in refused(Restless(), keys, tmp_path)


def test_a_rewrite_that_changes_nothing_is_found_out() -> None:
    """A suite that tests nothing must not pass."""
    assert "it changes nothing in 'churn'" in refused(Idle(), "test_it_changes_the_graph_and_leaves_it_sound")
