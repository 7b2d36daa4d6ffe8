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
    register(
        "validate", "hookline_data.validation.steps:validate", summary="Check a table, and give its valid rows on."
    )
    register(
        "screen",
        "hookline_data.validation.steps:screen_step",
        summary="Check a table, and give valid rows, bad rows and a report.",
    )


@hookimpl
def rewrite_graph(graph: GraphEditor, project: ProjectFacts, settings: DataSettings) -> None:
    """Fill in what workflows name, and insert the checks that annotations ask for."""
    from hookline_data.sources.rewrite import fill  # not in each worker
    from hookline_data.validation.rewrite import insert as insert_checks

    fill(graph, project, settings)
    insert_checks(graph, project, settings)
