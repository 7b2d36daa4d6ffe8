"""Data that can be trusted: sources as contracts, validation, versions, joins and splits without leakage.

A plugin of hookline. Its public names are imported on first use; pandera, narwhals and the library of frames with them.
"""

from __future__ import annotations

# Type checkers take this name to be true; importing typing for it would cost more than all the rest of this module.
TYPE_CHECKING = False
if TYPE_CHECKING:
    from hookline_data.joining.asof import join_asof
    from hookline_data.joining.labels import Labels, labels
    from hookline_data.profiling.profile import profile
    from hookline_data.schemas import read_schema, schema_of, to_pandera
    from hookline_data.sources.loading import load, partitions
    from hookline_data.sources.writing import write
    from hookline_data.splitting.leakage import check_leakage
    from hookline_data.splitting.report import LeakageReport, Untested
    from hookline_data.splitting.split import Parts, split
    from hookline_data.validation import BadDataError, Checked, Report, Screened, screen
    from hookline_data.validation.steps import screen_step, validate
    from hookline_data.versions.dataset import Dataset
    from hookline_data.versions.diff import diff
    from hookline_data.versions.difference import Difference
    from hookline_data.versions.opening import open_dataset

__all__ = [
    "BadDataError",
    "Checked",
    "Dataset",
    "Difference",
    "Labels",
    "LeakageReport",
    "Parts",
    "Report",
    "Screened",
    "Untested",
    "check_leakage",
    "diff",
    "join_asof",
    "labels",
    "load",
    "open_dataset",
    "partitions",
    "profile",
    "read_schema",
    "schema_of",
    "screen",
    "screen_step",
    "split",
    "to_pandera",
    "validate",
    "write",
]

_HOMES = {
    "BadDataError": "hookline_data.validation",
    "Checked": "hookline_data.validation",
    "Dataset": "hookline_data.versions.dataset",
    "Difference": "hookline_data.versions.difference",
    "Labels": "hookline_data.joining.labels",
    "LeakageReport": "hookline_data.splitting.report",
    "Parts": "hookline_data.splitting.split",
    "Report": "hookline_data.validation",
    "Screened": "hookline_data.validation",
    "Untested": "hookline_data.splitting.report",
    "check_leakage": "hookline_data.splitting.leakage",
    "diff": "hookline_data.versions.diff",
    "join_asof": "hookline_data.joining.asof",
    "labels": "hookline_data.joining.labels",
    "open_dataset": "hookline_data.versions.opening",
    "profile": "hookline_data.profiling.profile",
    "load": "hookline_data.sources.loading",
    "partitions": "hookline_data.sources.loading",
    "read_schema": "hookline_data.schemas",
    "schema_of": "hookline_data.schemas",
    "screen": "hookline_data.validation",
    "screen_step": "hookline_data.validation.steps",
    "split": "hookline_data.splitting.split",
    "to_pandera": "hookline_data.schemas",
    "validate": "hookline_data.validation.steps",
    "write": "hookline_data.sources.writing",
}


def __getattr__(name: str) -> object:
    """Import a public name when it is first asked for."""
    if name not in _HOMES:
        raise AttributeError(f"module '{__name__}' has no attribute '{name}'")
    import importlib

    value = getattr(importlib.import_module(_HOMES[name]), name)
    globals()[name] = value
    return value
