"""The environment variables that count in a step's keys, in processes that are there to make attempts."""

from __future__ import annotations

import os

from hookline.model.work import Work

__all__ = ["take_environment"]


def take_environment(work: Work) -> None:
    """Give variables the values that the driver has: keys count those, and another machine may have others."""
    for name, value in work.env:
        if os.environ.get(name) == value:
            continue
        if value is None:
            del os.environ[name]
        else:
            os.environ[name] = value
