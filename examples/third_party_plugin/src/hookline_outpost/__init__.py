"""A plugin for hookline: attempts in another Python interpreter, and what helps with that."""

from hookline_outpost.providers import scratch
from hookline_outpost.steps import portable

__all__ = ["portable", "scratch"]
