"""Whether a table is what its schema says: checks, reports, and what becomes of rows that are not."""

from __future__ import annotations

from hookline_data.validation.checked import Checked, Mode
from hookline_data.validation.finding import Finding, Origin
from hookline_data.validation.report import Problem, Report
from hookline_data.validation.screen import BadDataError, Screened, screen

__all__ = ["BadDataError", "Checked", "Finding", "Mode", "Origin", "Problem", "Report", "Screened", "screen"]
