"""What the plugin adds to hookline, on one page. It is imported in each worker, too, so it imports little."""

from __future__ import annotations

from hookline import Plugin
from hookline_data.settings import DataSettings

__all__ = ["plugin"]

plugin = Plugin("data", settings=DataSettings)
