"""Puts declared tasks into an order in which they can run; tells who waits for itself."""

from __future__ import annotations

import heapq
from collections.abc import Mapping, Sequence

__all__ = ["cycles", "in_order"]


def in_order(waits: Mapping[str, Sequence[str]]) -> list[str]:
    """Sort names so that each comes after those it waits for, else as they stand.

    Args:
        waits: Per name, in the order of the file, what it waits for.

    Returns:
        The names; those that wait for themselves, directly or through others, are left out.
    """
    place = {name: at for at, name in enumerate(waits)}
    missing = {name: len(set(others)) for name, others in waits.items()}
    consumers: dict[str, list[str]] = {name: [] for name in waits}
    for name, others in waits.items():
        for other in set(others):
            consumers[other].append(name)
    ready = [place[name] for name, count in missing.items() if not count]
    names = list(waits)
    sorted_names: list[str] = []
    while ready:
        name = names[heapq.heappop(ready)]
        sorted_names.append(name)
        for consumer in consumers[name]:
            missing[consumer] -= 1
            if not missing[consumer]:
                heapq.heappush(ready, place[consumer])
    return sorted_names


def cycles(waits: Mapping[str, Sequence[str]]) -> list[list[str]]:
    """Find circles of names that wait for each other.

    Args:
        waits: As for :func:`in_order`.

    Returns:
        Circles that have no name in common, each from its first name in the order of the file on.
    """
    left = set(waits) - set(in_order(waits))
    place = {name: at for at, name in enumerate(waits)}
    found: list[list[str]] = []
    for name in waits:
        path: dict[str, None] = {}
        at: str | None = name
        # Whoever is left waits for one that is left: following such steps must come round.
        while at is not None and at in left and at not in path:
            path[at] = None
            at = next((other for other in waits[at] if other in left), None)
        if at is not None and at in path:
            names = list(path)
            circle = names[names.index(at) :]
            first = min(range(len(circle)), key=lambda index: place[circle[index]])
            found.append(circle[first:] + circle[:first])
        left -= path.keys()
    return found
