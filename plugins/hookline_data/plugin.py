"""What the plugin adds to hookline, on one page. It is imported in each worker, too, so it imports little."""

from __future__ import annotations

import sys

from hookline import GraphEditor, Plugin, ProjectFacts, RegisterSteps, RunEvent, hookimpl
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
    register(
        "diff",
        "hookline_data.versions.diff:diff_datasets",
        summary="Tell how two versions of a data set differ, by columns and rows.",
    )
    register(
        "join_asof",
        "hookline_data.joining.asof:join_asof",
        summary="Join to each row the newest row of another table that was known at its time.",
    )
    register(
        "labels",
        "hookline_data.joining.labels:labels",
        summary="Label events by outcomes that are reported late, as it was known at a moment.",
    )
    register(
        "split",
        "hookline_data.splitting.split:split",
        summary="Split a table into parts to learn from and to test with.",
    )
    register(
        "check_leakage",
        "hookline_data.splitting.leakage:check_leakage",
        summary="Check whether training data know something of test data, or of the target.",
    )
    register(
        "profile",
        "hookline_data.profiling.profile:profile",
        summary="Describe each column of a table: what later data are compared with.",
    )


@hookimpl
def rewrite_graph(graph: GraphEditor, project: ProjectFacts, settings: DataSettings) -> None:
    """Fill in what workflows name, insert the checks that annotations ask for, and register what is a data set."""
    # The plugin's modules take longer to import than most graphs to be planned, and most graphs have nothing for them.
    # What a graph holds has been imported.
    if _imported("hookline_data.sources.loading"):
        from hookline_data.sources.rewrite import fill

        fill(graph, project, settings)
    if _imported("hookline_data.versions.dataset"):
        from hookline_data.versions.rewrite import track

        track(graph, project)
    # Later: what is put behind a task stands before all that was, and so what fails a check is not registered.
    if _imported("hookline_data.validation.steps") or graph.tasks(annotated=True):
        from hookline_data.validation.rewrite import insert as insert_checks

        insert_checks(graph, project, settings)


@hookimpl
def run_finished(run: RunEvent) -> None:
    """Let reused data sets be the newest again, and keep what new ones were made from."""
    if not _imported("hookline_data.versions.rewrite"):
        return
    from hookline_data.versions.rewrite import registers

    if registers(run.workflow):
        from hookline_data.versions.ended import settle

        settle(run)


def _imported(*modules: str) -> bool:
    return any(module in sys.modules for module in modules)
