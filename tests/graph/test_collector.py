"""The garbage collector beside large graphs: left as it was, whatever happens meanwhile."""

from __future__ import annotations

import gc

import pytest

from hookline.graph.collector import collector_paused, collector_spared


def test_a_collector_that_was_on_is_on_again_after_an_error() -> None:
    """Whoever pauses the collector turns it on again."""
    with pytest.raises(ValueError, match="False"), collector_paused():
        raise ValueError(gc.isenabled())
    assert gc.isenabled()


def test_a_collector_that_was_off_stays_off() -> None:
    """A program that has turned the collector off finds it off."""
    gc.disable()
    try:
        with collector_paused():
            pass
        assert not gc.isenabled()
        with collector_spared(10_000):
            assert not gc.get_freeze_count()
    finally:
        gc.enable()


def test_a_large_graph_is_left_alone_until_the_run_ends() -> None:
    """What is there is frozen for a large graph only, and is collected again afterwards, also after an error."""
    with collector_spared(10):
        assert not gc.get_freeze_count()
    with pytest.raises(ValueError, match="True"), collector_spared(10_000):
        raise ValueError(gc.get_freeze_count() > 0)
    assert not gc.get_freeze_count()


def test_what_the_program_froze_itself_stays_frozen() -> None:
    """A program that froze its objects, to fork children, does not find them thawed by a run."""
    gc.freeze()
    try:
        with collector_spared(10_000):
            pass
        assert gc.get_freeze_count()
    finally:
        gc.unfreeze()
