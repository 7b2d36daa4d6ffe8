"""Lays a picture of a graph out in columns: each box right of all that it waits for, lines around boxes in between."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass

__all__ = ["Layout", "lay_out"]

_SWEEPS = 4


@dataclass(frozen=True, slots=True)
class Layout:
    """Places in a grid.

    Attributes:
        places: Per box its column and its row within the column.
        rows: Per column, how many rows it has.
        routes: Per edge the places that its line goes through, its ends included.
    """

    places: list[tuple[int, int]]
    rows: list[int]
    routes: list[list[tuple[int, int]]]


def lay_out(count: int, edges: Sequence[tuple[int, int]]) -> Layout:
    """Find places for boxes.

    Args:
        count: How many boxes there are.
        edges: Pairs of box numbers; the first number is the smaller one.

    Returns:
        A column for each box, one more than the largest of those it waits for; within columns, boxes stand near what
        they are joined to (the barycentre rule of Sugiyama, Tagawa and Toda, 1981).
    """
    columns = [0] * count
    for source, target in sorted(edges, key=lambda edge: edge[1]):
        columns[target] = max(columns[target], columns[source] + 1)
    # A line that passes columns gets a point of its own in each.
    of_point = list(columns)
    chains: list[list[int]] = []
    for source, target in edges:
        passed = range(columns[source] + 1, columns[target])
        chains.append([source, *range(len(of_point), len(of_point) + len(passed)), target])
        of_point.extend(passed)
    order = _ordered(of_point, chains)
    rows = {point: row for column in order for row, point in enumerate(column)}
    place = [(of_point[point], rows[point]) for point in range(len(of_point))]
    return Layout(place[:count], [len(column) for column in order], [[place[point] for point in c] for c in chains])


def _ordered(columns: list[int], chains: list[list[int]]) -> list[list[int]]:
    """Order the points of each column so that lines cross little."""
    order: list[list[int]] = [[] for _ in range(max(columns, default=-1) + 1)]
    for point, column in enumerate(columns):
        order[column].append(point)
    before: dict[int, list[int]] = {}
    after: dict[int, list[int]] = {}
    for chain in chains:
        for source, target in itertools.pairwise(chain):
            before.setdefault(target, []).append(source)
            after.setdefault(source, []).append(target)
    for sweep in range(_SWEEPS):
        if sweep % 2 == 0:
            _settle(order, before)
        else:
            _settle(order[::-1], after)
    return order


def _settle(order: list[list[int]], joined: dict[int, list[int]]) -> None:
    """Order each column by the middle of what its points are joined to in the columns before."""
    height: dict[int, float] = {}
    for column in order:
        wanted = {point: at - len(column) / 2 for at, point in enumerate(column)}
        for point in column:
            near = [height[other] for other in joined.get(point, ())]
            if near:
                wanted[point] = sum(near) / len(near)
        column.sort(key=wanted.__getitem__)
        height.update((point, at - len(column) / 2) for at, point in enumerate(column))
