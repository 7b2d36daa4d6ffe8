"""Runs contract suites on what a plugin registered: those that need nothing but the part itself."""

from __future__ import annotations

import importlib.util
import itertools
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from hookline.hooks.plugin_set import PluginSet

__all__ = ["Suite", "run_suites"]

Suite = tuple[str, bool, str]
"""What was tested, whether it passed, and in words how."""

_SHOWN = 3
_NUMBERS = itertools.count()
_EXECUTOR = """
from hookline.cli.plugins.suites import registered
from hookline.testing.contracts.executors import ExecutorContract

class TestExecutor(ExecutorContract):
    def make_executor(self):
        return registered["executors"].make({name!r}, workers=2)
"""
_STEP = """
from hookline.cli.plugins.suites import registered
from hookline.testing.contracts.steps import StepContract

class TestStep(StepContract):
    step = registered["steps"].target({name!r})
    calls = ({{}},)
"""
_WITHOUT_CALLS = "says_what_it_does or declares_the_types or found_by_its_name or defaults_can_be_written"
"""Those tests of steps that need no arguments, which only the author can give."""

registered: dict[str, Any] = {}
"""The registries of the plugins, for the tests."""


def run_suites(plugins: PluginSet, source: str) -> Iterator[Suite]:
    """Test what a plugin registered.

    Args:
        plugins: The plugins.
        source: Who brings the parts to test.

    Yields:
        What was found, part by part; nothing where pytest is not installed.
    """
    if importlib.util.find_spec("pytest") is None:
        return
    registered.update(executors=plugins.executors, steps=plugins.steps)
    for name in _of(plugins.executors, source):
        yield _suite(f"executor '{name}'", _EXECUTOR.format(name=name), [])
    for name in _of(plugins.steps, source):
        yield _suite(f"step '{name}'", _STEP.format(name=name), ["-k", _WITHOUT_CALLS])


def _of(registry: Any, source: str) -> list[str]:
    return [name for name in registry.names() if registry.entry(name).source == source]


def _suite(what: str, text: str, options: Sequence[str]) -> Suite:
    import pytest

    outcomes = _Outcomes()
    with tempfile.TemporaryDirectory(prefix="hookline-doctor-") as folder:
        # A name of its own, as the modules of all suites live in one process.
        file = Path(folder) / f"test_part_{next(_NUMBERS)}.py"
        file.write_text(text)
        arguments = [str(file), f"--rootdir={folder}", "-c", "/dev/null", "-q", "-p", "no:cacheprovider"]
        arguments += options
        pytest.main(arguments, plugins=[outcomes])
    if outcomes.failed:
        more = f" and {len(outcomes.failed) - _SHOWN} more" if len(outcomes.failed) > _SHOWN else ""
        shown = "; ".join(outcomes.failed[:_SHOWN]) + more
        return what, False, f"{what} does not keep its contract: {shown}"
    return what, True, f"{what} keeps its contract ({outcomes.passed} tests)"


class _Outcomes:
    """Notes how tests ended; a plugin of pytest's."""

    def __init__(self) -> None:
        self.passed = 0
        self.failed: list[str] = []

    def pytest_runtest_logreport(self, report: Any) -> None:
        """Take the end of one phase of one test."""
        if report.failed:
            last = str(report.longrepr).strip().splitlines()[-1:]
            told = getattr(getattr(report.longrepr, "reprcrash", None), "message", "") or "".join(last)
            name = report.nodeid.rpartition("::")[2].removeprefix("test_").replace("_", " ")
            self.failed.append(f"{name} ({told.partition(chr(10))[0]})")
        elif report.when == "call" and report.passed:
            self.passed += 1

    def pytest_collectreport(self, report: Any) -> None:
        """Take what kept a test from being found."""
        if report.failed:
            self.failed.append(str(report.longrepr).strip().splitlines()[-1])
