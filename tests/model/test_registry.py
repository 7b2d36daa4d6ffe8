"""The registry through which executors, serializers and whatever else has a name are found."""

from __future__ import annotations

from importlib import invalidate_caches
from pathlib import Path

import pytest

from hookline.errors import PluginError, UsageError
from hookline.executors.protocol import EXECUTORS
from hookline.model.registry import Needed, Registry
from hookline.values.serializers import STREAMS


def test_a_name_given_twice_is_an_error_that_names_both():
    """Who registers a name, and who has it already, are both told."""
    registry: Registry[object] = Registry("executor")
    registry.register("slurm", "slurm_one:Executor", source="one 1.0")
    with pytest.raises(PluginError) as caught:
        registry.register("slurm", "slurm_two:Executor", source="two 2.1")
    assert str(caught.value) == (
        "the executor 'slurm' is registered twice: by one 1.0 and by two 2.1\n"
        "help: rename one of the two, or leave one of the two plugins out"
    )


def test_an_unknown_name_is_met_with_the_nearest_one():
    """A typing error gets the close match, and the list of what there is."""
    with pytest.raises(UsageError) as caught:
        EXECUTORS.entry("thread")
    assert str(caught.value) == (
        "there is no executor 'thread'; did you mean 'threads'?\n"
        "help: use one of inline, processes, ray, threads, or install the plugin that brings 'thread'"
    )


def test_a_part_that_cannot_be_imported_is_told_with_its_source():
    """A broken plugin is named; the import error is not lost."""
    registry: Registry[object] = Registry("serializer")
    registry.register("broken", "hookline_no_such_module:Thing", source="broken-plugin 0.1")
    with pytest.raises(PluginError, match=r"serializer .broken. of broken-plugin 0\.1 can.t be imported"):
        registry.load("broken")


def test_what_a_part_needs_is_looked_for_and_not_imported(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """What is not installed is told with what installs it; a folder that happens to have the name is not it."""
    monkeypatch.syspath_prepend(tmp_path)
    registry: Registry[object] = Registry("executor")
    registry.register("far", "a:B", source="s", needs=Needed("Far Away", "far_away_71", "thing[far]"))
    (tmp_path / "far_away_71").mkdir()
    with pytest.raises(UsageError) as caught:
        registry.check("far")
    assert str(caught.value) == (
        "the executor 'far' needs Far Away, which is not installed\nhelp: pip install 'thing[far]'"
    )
    (tmp_path / "far_away_71" / "__init__.py").write_text("raise SystemExit('imported')")
    invalidate_caches()
    assert registry.check("far").name == "far"
    with pytest.raises(UsageError, match="there is no executor 'fat'; did you mean 'far'"):
        registry.check("fat")


def test_the_built_in_parts_register_like_any_other():
    """What ships with hookline gets no favours."""
    assert EXECUTORS.names() == ["inline", "processes", "ray", "threads"]
    assert STREAMS.names() == ["cloudpickle", "dill", "pickle"]
    with pytest.raises(PluginError, match=r"twice: by hookline 0\.1\.0 and by elsewhere 1"):
        EXECUTORS.register("threads", "elsewhere:Threads", source="elsewhere 1")


def test_a_part_is_made_once_in_a_process_where_one_is_enough():
    """load() gives the same object again; make() a new one each time."""
    assert STREAMS.load("pickle") is STREAMS.load("pickle")
    assert EXECUTORS.make("inline") is not EXECUTORS.make("inline")
