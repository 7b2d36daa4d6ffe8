"""What the plugin adds to hookline, on one page. It is imported in each worker, too, so it imports little."""

from __future__ import annotations

from hookline import GraphEditor, Plugin, ProjectFacts, RegisterSteps, hookimpl
from hookline_data.settings import DataSettings

__all__ = ["plugin"]

plugin = Plugin("data", settings=DataSettings)


@hookimpl
def register_steps(register: RegisterSteps) -> None:
    """Name the plugin's steps."""
    register("load", "hookline_data.sources.loading:load", summary="Load a source's table, checked by its contract.")
    register(
        "write", "hookline_data.sources.writing:write", summary="Write a table to a source, if its contract holds."
    )


@hookimpl
def rewrite_graph(graph: GraphEditor, project: ProjectFacts, settings: DataSettings) -> None:
    """Fill in what loads and writes of sources need."""
    from hookline_data.sources.rewrite import fill  # workers don't rewrite

    fill(graph, project, settings)
