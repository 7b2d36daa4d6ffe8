"""Keeps Python's garbage collector from walking through large graphs again and again.

It looks at what was made since the last time, and at all there is whenever that has grown by a quarter. All that a
graph is made of stays to the end of the run: looking at it finds nothing, and may take as long as making it.
"""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager

__all__ = ["collector_paused", "collector_spared"]

_MANY = 500
"""Tasks from which on that pays. What is left alone counts as old afterwards, so that garbage in it is found later."""


@contextmanager
def collector_paused() -> Iterator[None]:
    """Don't collect meanwhile; for stretches that only make graphs and what belongs to them, all of which stays."""
    pausing = gc.isenabled()
    try:
        gc.disable()
        yield
    finally:
        if pausing:
            gc.enable()


@contextmanager
def collector_spared(tasks: int) -> Iterator[None]:
    """Collect only what is made meanwhile, and leave alone what is there already, if that is a large graph.

    Args:
        tasks: How many tasks there are.
    """
    sparing = tasks >= _MANY and gc.isenabled() and not gc.get_freeze_count()
    try:
        if sparing:
            gc.freeze()
        yield
    finally:
        if sparing:
            gc.unfreeze()
