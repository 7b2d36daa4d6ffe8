"""The decorator that plugins put on their hook implementations."""

from __future__ import annotations

import pluggy

__all__ = ["hookimpl"]

hookimpl = pluggy.HookimplMarker("hookline")
"""Marks a function as the implementation of the hook of the same name."""
