"""The rows and folders that a run begins with, and what a resumed run finds of itself."""

from __future__ import annotations

import json
import platform
import shutil
import sys
from collections.abc import Collection, Mapping
from pathlib import Path

from hookline.engine.past.descriptions import describe_params, describe_returns
from hookline.engine.program.open_arguments import describe_provider_arguments, describe_step_arguments
from hookline.engine.request import Request
from hookline.errors import UsageError
from hookline.model.batch import RunFacts, python_minor
from hookline.model.change import described
from hookline.model.partitions import partitions
from hookline.store.protocol import RunWriter, Store
from hookline.store.rows import NewRun
from hookline.values.policy import load_policy
from hookline.worker.target import Target

__all__ = ["clean_folder", "facts_of", "new_run", "plain_params"]


def new_run(request: Request, executor: str, executors: Collection[str], store: Store) -> NewRun:
    """Describe a run for its row.

    Args:
        request: What the user asked for.
        executor: The executor's name.
        executors: Names of all executors that serve it.
        store: Where large parameters go.

    Returns:
        What the store keeps of it, enough to resume it.

    Raises:
        UsageError: Its name or a tag is no text.
    """
    for text in filter(None, (request.name, *request.tags)):
        _check_text(text)
    graph, target = request.graph, request.target
    cluster = request.executor_options.get("ray", {}).get("address") if "ray" in executors else None
    return NewRun(
        graph.workflow,
        json.dumps(
            {
                "file": str(target.file or ""),
                "module": target.module_name,
                "root": str(target.root),
                "attribute": _attribute_of(target),
                **({"over": list(graph.mapped_over)} if graph.mapped_over else {}),
            }
        ),
        json.dumps(plain_params(graph.params, graph.mapped_over)),
        json.dumps(
            {
                "executor": executor,
                "workers": request.workers,
                "fail_fast": request.settings.fail_fast,
                "fresh": request.fresh,
                **({"without": list(request.without)} if request.without else {}),
                **({"plugins": list(request.only_plugins)} if request.only_plugins is not None else {}),
                **({"select": request.selection.described()} if request.selection else {}),
                **({"env": request.env} if request.env else {}),
                **({"ray_address": cluster} if cluster else {}),
            }
        ),
        request.name,
        tuple(request.tags),
        request.settings.seed,
        json.dumps(
            {
                "python": platform.python_version(),
                "platform": sys.platform,
                "host": platform.node(),
            }
        ),
        describe_returns(graph, range(len(graph.tasks))),
        extra=json.dumps(
            {
                "params": describe_params(graph.params, store.artifacts),
                "tasks": len(graph.tasks),
                **({"rewrites": described(graph.changes)} if graph.changes else {}),
                **describe_step_arguments(request.step_arguments, store.artifacts),
                **describe_provider_arguments(request.providers, store.artifacts),
            }
        ),
    )


def plain_params(params: Mapping[str, object], over: Collection[str] = ()) -> dict[str, object]:
    """Give parameters as JSON can say them; references in place of secrets, names in place of partitions' values."""
    return {
        name: list(partitions((name,), params)) if name in over else _plain(value) for name, value in params.items()
    }


def _plain(value: object) -> object:
    try:
        json.dumps(value)
    except (TypeError, ValueError):
        return str(value) if hasattr(value, "__fspath__") else repr(value)
    return value


def _attribute_of(target: Target) -> str:
    """Find the name under which the target's module holds the workflow; empty where it holds it under none."""
    module = sys.modules.get(target.module_name)
    for name, value in vars(module).items() if module is not None else ():
        if value is target.workflow.origin:
            return name
    return ""


def _check_text(text: str) -> None:
    try:
        text.encode()
    except UnicodeEncodeError:
        raise UsageError(f"a run can't be called {text!a}, which is no UTF-8", help="use other characters") from None


def facts_of(request: Request, store: Store, writer: RunWriter) -> RunFacts:
    """Say what every worker of the run has to know."""
    target = request.target
    return RunFacts(
        run_id=writer.run_id,
        store=store.address,
        artifacts=str(store.path / "artifacts"),
        folder=str(store.path / "attempts" / writer.run_id),
        flight=str(writer.flight.path),
        cwd=str(Path.cwd()),
        root=str(target.root),
        target_module=target.module_name,
        target_file=str(target.file or ""),
        search_path=tuple(target.search_path),
        plugins=request.plugins.refs(),
        load_policy=load_policy(),
        open_arguments=request.settings.open_arguments.names,
        python=python_minor(),
    )


def clean_folder(folder: Path, *, keep_checkpoints: bool) -> None:
    """Remove what attempts left; checkpoints stay for a resume."""
    kept = list(folder.glob("*.checkpoint")) if keep_checkpoints else []
    if not kept:
        shutil.rmtree(folder, ignore_errors=True)
        return
    for entry in folder.iterdir():
        if entry not in kept:
            shutil.rmtree(entry, ignore_errors=True)
