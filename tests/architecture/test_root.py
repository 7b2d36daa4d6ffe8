"""The package root: its names, and what importing it costs."""

from __future__ import annotations

import ast
import json
import subprocess
import sys
from pathlib import Path

import pytest

import hookline

ROOT = Path(hookline.__file__)

PROMISED = {
    "AttemptFacts",
    "Batch",
    "ConflictError",
    "Executor",
    "Finished",
    "Gone",
    "GraphEditor",
    "HooklineError",
    "Lost",
    "Outcome",
    "Places",
    "Plugin",
    "PluginError",
    "ProjectFacts",
    "Record",
    "Records",
    "Register",
    "RegisterHooks",
    "RegisterSteps",
    "RegisterValues",
    "Relay",
    "Run",
    "RunEvent",
    "RunFacts",
    "RunWriter",
    "Secret",
    "Seed",
    "SqliteStore",
    "Started",
    "Store",
    "StoreError",
    "StoreMissingError",
    "TaskEvent",
    "TaskMatch",
    "Traits",
    "UsageError",
    "Veto",
    "Worker",
    "WorkerFacts",
    "WorkflowError",
    "__version__",
    "attempt",
    "completed",
    "first",
    "hookimpl",
    "hookspec",
    "log_artifact",
    "log_metric",
    "log_params",
    "open_store",
    "project",
    "provider",
    "resume",
    "run",
    "step",
    "workflow",
}


def loaded_after(code: str) -> set[str]:
    script = f"import sys\n{code}\nimport json\nprint('\\n' + json.dumps(sorted(sys.modules)))"
    done = subprocess.run([sys.executable, "-I", "-c", script], capture_output=True, text=True, check=True)
    return set(json.loads(done.stdout.splitlines()[-1]))


def test_importing_hookline_loads_nothing_heavy():
    """``import hookline`` loads none of its own modules, and nothing that takes noticeable time."""
    loaded = loaded_after("import hookline")
    heavy = {"networkx", "typer", "rich", "dill", "cloudpickle", "ray", "asyncio", "dataclasses", "pydantic", "pluggy"}
    assert not loaded & heavy
    assert {name for name in loaded if name.startswith("hookline")} == {"hookline"}


def test_help_loads_no_engine_and_no_drawing():
    """``hookline --help`` imports neither the engine, nor a store, nor a graph, nor rich."""
    loaded = loaded_after("from hookline.cli.app import main; main(['--help'])")
    unwanted = (
        "hookline.engine",
        "hookline.store",
        "hookline.graph",
        "hookline.worker",
        "hookline.executors",
        "hookline.cache",
    )
    assert not [name for name in loaded if name.startswith(unwanted)]
    assert not loaded & {"networkx", "dill", "cloudpickle", "sqlite3", "rich.console", "numpy", "yaml", "pluggy"}


def test_every_public_name_is_there():
    """The names that users rely on can all be imported from the root."""
    assert set(hookline.__all__) == PROMISED
    for name in PROMISED:
        assert getattr(hookline, name) is not None
    assert set(dir(hookline)) >= PROMISED


def test_an_unknown_name_is_an_attribute_error():
    """A name that does not exist fails as in any other module."""
    with pytest.raises(AttributeError, match="module 'hookline' has no attribute 'stpe'"):
        hookline.stpe  # noqa: B018


def test_type_checkers_see_what_is_imported_at_run_time():
    """The imports that only type checkers read name the same homes as the table that Python uses."""
    tree = ast.parse(ROOT.read_text())
    block = next(node for node in tree.body if isinstance(node, ast.If))
    homes = {alias.name: node.module for node in block.body if isinstance(node, ast.ImportFrom) for alias in node.names}
    assert homes == hookline._HOMES
    assert set(homes) | {"__version__"} == set(hookline.__all__)


def test_the_version_is_the_distribution_s():
    """``__version__`` is read from the installed distribution."""
    from importlib.metadata import version

    assert hookline.__version__ == version("hookline")
