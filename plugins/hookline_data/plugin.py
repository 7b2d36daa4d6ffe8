"""What the plugin adds to hookline, on one page. It is imported in each worker, too, so it imports little."""

from __future__ import annotations

from hookline import GraphEditor, Plugin, ProjectFacts, RegisterSteps, RunEvent, hookimpl
from hookline_data.settings import DataSettings

__all__ = ["plugin"]

plugin = Plugin("data", settings=DataSettings)


@hookimpl
def register_steps(register: RegisterSteps) -> None:
    """Name the plugin's steps."""
    register(
        "validate", "hookline_data.validation.steps:validate", summary="Check a table, and give its valid rows on."
    )
    register(
        "screen",
        "hookline_data.validation.steps:screen_step",
        summary="Check a table, and give valid rows, bad rows and a report.",
    )
    register(
        "diff",
        "hookline_data.versions.diff:diff_datasets",
        summary="Tell how two versions of a data set differ, by columns and rows.",
    )


@hookimpl
def rewrite_graph(graph: GraphEditor, project: ProjectFacts, settings: DataSettings) -> None:
    """Fill in what workflows name, insert the checks that annotations ask for, and register what is a data set."""
    from hookline_data.validation.rewrite import insert as insert_checks  # not in each worker
    from hookline_data.versions.rewrite import track

    insert_checks(graph, project, settings)
    track(graph, project)


@hookimpl
def run_finished(run: RunEvent) -> None:
    """Let reused data sets be the newest again, and keep what new ones were made from."""
    from hookline_data.versions.rewrite import registers

    if registers(run.workflow):
        from hookline_data.versions.ended import settle

        settle(run)
