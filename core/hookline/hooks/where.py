"""Where hooks are called that are not called in the driver alone."""

from __future__ import annotations

__all__ = ["IN_WORKERS", "IN_WORKERS_ONLY", "IN_WORKERS_TOO"]

IN_WORKERS_ONLY = frozenset({"worker_started", "around_attempt"})
"""Hooks that are called in workers only."""

IN_WORKERS_TOO = frozenset(
    {"register_stores", "register_serializers", "register_digests", "register_secrets", "register_load_policies"}
)
"""Hooks that are called in the driver and in each worker process."""

IN_WORKERS = IN_WORKERS_ONLY | IN_WORKERS_TOO
"""Hooks that are called in workers."""
