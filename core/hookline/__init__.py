"""hookline: a workflow engine for machine-learning operations. These are its public names.

Each name is imported on first use, so that ``import hookline`` costs next to nothing.
"""

from __future__ import annotations

# Type checkers take this name to be true; importing typing for it would cost more than all the rest of this module.
TYPE_CHECKING = False
if TYPE_CHECKING:
    from hookline.config.facts import project
    from hookline.engine.api import resume, run
    from hookline.engine.past.recorded import open_store
    from hookline.errors import (
        ConflictError,
        HooklineError,
        PluginError,
        StoreError,
        StoreMissingError,
        UsageError,
        Veto,
        WorkflowError,
    )
    from hookline.executors.protocol import Executor, Traits
    from hookline.graph.rewriting.editor import GraphEditor
    from hookline.graph.rewriting.match import TaskMatch
    from hookline.hooks.marker import hookimpl, hookspec
    from hookline.hooks.plugin import Plugin
    from hookline.hooks.registration import Register, RegisterHooks, RegisterSteps, RegisterValues, Relay
    from hookline.model.attempt import attempt, log_artifact, log_metric, log_params
    from hookline.model.attempt_facts import AttemptFacts, Outcome, WorkerFacts
    from hookline.model.batch import Batch, Finished, Gone, Lost, Places, RunFacts, Started
    from hookline.model.facts import RunEvent, TaskEvent
    from hookline.model.project_facts import ProjectFacts
    from hookline.model.provider import provider
    from hookline.model.record import Record, Records
    from hookline.model.reference import completed, first
    from hookline.model.run import Run
    from hookline.model.secret import Secret
    from hookline.model.seed import Seed
    from hookline.model.step import step
    from hookline.model.workflow import workflow
    from hookline.store.journal import SqliteStore
    from hookline.store.protocol import RunWriter, Store
    from hookline.worker.serving import Worker

    __version__: str

__all__ = [
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
]

_HOMES = {
    "AttemptFacts": "hookline.model.attempt_facts",
    "Batch": "hookline.model.batch",
    "ConflictError": "hookline.errors",
    "Executor": "hookline.executors.protocol",
    "Finished": "hookline.model.batch",
    "Gone": "hookline.model.batch",
    "GraphEditor": "hookline.graph.rewriting.editor",
    "HooklineError": "hookline.errors",
    "Lost": "hookline.model.batch",
    "Outcome": "hookline.model.attempt_facts",
    "Places": "hookline.model.batch",
    "Plugin": "hookline.hooks.plugin",
    "PluginError": "hookline.errors",
    "ProjectFacts": "hookline.model.project_facts",
    "Record": "hookline.model.record",
    "Records": "hookline.model.record",
    "Register": "hookline.hooks.registration",
    "RegisterHooks": "hookline.hooks.registration",
    "RegisterSteps": "hookline.hooks.registration",
    "RegisterValues": "hookline.hooks.registration",
    "Relay": "hookline.hooks.registration",
    "Run": "hookline.model.run",
    "RunEvent": "hookline.model.facts",
    "RunFacts": "hookline.model.batch",
    "RunWriter": "hookline.store.protocol",
    "Secret": "hookline.model.secret",
    "Seed": "hookline.model.seed",
    "SqliteStore": "hookline.store.journal",
    "Started": "hookline.model.batch",
    "Store": "hookline.store.protocol",
    "StoreError": "hookline.errors",
    "StoreMissingError": "hookline.errors",
    "TaskEvent": "hookline.model.facts",
    "TaskMatch": "hookline.graph.rewriting.match",
    "Traits": "hookline.executors.protocol",
    "UsageError": "hookline.errors",
    "Veto": "hookline.errors",
    "Worker": "hookline.worker.serving",
    "WorkerFacts": "hookline.model.attempt_facts",
    "WorkflowError": "hookline.errors",
    "attempt": "hookline.model.attempt",
    "completed": "hookline.model.reference",
    "first": "hookline.model.reference",
    "hookimpl": "hookline.hooks.marker",
    "hookspec": "hookline.hooks.marker",
    "log_artifact": "hookline.model.attempt",
    "log_metric": "hookline.model.attempt",
    "log_params": "hookline.model.attempt",
    "open_store": "hookline.engine.past.recorded",
    "project": "hookline.config.facts",
    "provider": "hookline.model.provider",
    "resume": "hookline.engine.api",
    "run": "hookline.engine.api",
    "step": "hookline.model.step",
    "workflow": "hookline.model.workflow",
}


def __getattr__(name: str) -> object:
    home = _HOMES.get(name)
    if home is not None:
        import importlib

        value: object = getattr(importlib.import_module(home), name)
    elif name == "__version__":
        from importlib.metadata import version

        value = version("hookline")
    else:
        raise AttributeError(f"module 'hookline' has no attribute '{name}'")
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
