"""Keeps numeric libraries from starting more threads than a task has processors, inside the driver's process.

One limit holds for the whole process, because that is how these libraries count; worker processes get exact limits
through their environment instead.
"""

from __future__ import annotations

import importlib.util
import sys
from typing import Any

__all__ = ["NativeThreads"]

_WATCHED = ("numpy", "scipy", "sklearn", "torch", "lightgbm", "xgboost")


class NativeThreads:
    """The limit of this process, where threadpoolctl is installed."""

    def __init__(self) -> None:
        self._available = importlib.util.find_spec("threadpoolctl") is not None
        self._seen = 0
        self._cpu = 0
        self._limits: Any = None

    def apply(self, cpu: float) -> None:
        """Limit the libraries that are loaded now; costs nothing while nothing changed.

        Args:
            cpu: How many processors the next task has; the largest that any task asked for counts.
        """
        if not self._available or "numpy" not in sys.modules:
            return
        seen = sum(name in sys.modules for name in _WATCHED)
        wanted = max(self._cpu, int(cpu), 1)
        if seen == self._seen and wanted == self._cpu:
            return
        import threadpoolctl

        self.lift()
        self._limits = threadpoolctl.threadpool_limits(limits=wanted)
        self._seen, self._cpu = seen, wanted

    def lift(self) -> None:
        """Give the libraries their own limits back."""
        if self._limits is not None:
            self._limits.restore_original_limits()
            self._limits = None
