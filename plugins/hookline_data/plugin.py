"""What the plugin adds to hookline, on one page. It is imported in each worker, too, so it imports little."""

from __future__ import annotations

from hookline import GraphEditor, Plugin, ProjectFacts, RunEvent, hookimpl
from hookline_data.settings import DataSettings

__all__ = ["plugin"]

plugin = Plugin("data", settings=DataSettings)


@hookimpl
def rewrite_graph(graph: GraphEditor, project: ProjectFacts) -> None:
    """Register the data sets that tasks return, and open those that they name."""
    from hookline_data.versions.rewrite import track  # workers don't rewrite

    track(graph, project)


@hookimpl
def run_finished(run: RunEvent) -> None:
    """Let reused data sets be the newest again, and keep what new ones were made from."""
    from hookline_data.versions.ended import settle

    settle(run)
