"""Places of boxes and lines in a picture."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from hookline.graph.layers import lay_out


@st.composite
def graphs(draw: st.DrawFn) -> tuple[int, list[tuple[int, int]]]:
    count = draw(st.integers(0, 12))
    pairs = [(low, high) for high in range(count) for low in range(high)]
    return count, draw(st.lists(st.sampled_from(pairs), unique=True)) if pairs else []


@given(graphs())
def test_boxes_stand_right_of_what_they_wait_for_and_nothing_overlaps(made: tuple[int, list[tuple[int, int]]]) -> None:
    """Along each edge the column grows; no two boxes or points of lines share a place."""
    count, edges = made
    layout = lay_out(count, edges)
    assert all(layout.places[source][0] < layout.places[target][0] for source, target in edges)
    points = [*layout.places, *(place for route in layout.routes for place in route[1:-1])]
    assert len(set(points)) == len(points)
    assert all(0 <= row < layout.rows[column] for column, row in points)
    assert sum(layout.rows) == len(points)


@given(graphs())
def test_lines_pass_columns_one_by_one_from_box_to_box(made: tuple[int, list[tuple[int, int]]]) -> None:
    """A line has a place of its own in each column that it passes, so that it never runs through a box."""
    count, edges = made
    layout = lay_out(count, edges)
    for (source, target), route in zip(edges, layout.routes, strict=True):
        assert (route[0], route[-1]) == (layout.places[source], layout.places[target])
        columns = [column for column, _ in route]
        assert columns == list(range(columns[0], columns[-1] + 1))


def test_lines_that_need_not_cross_do_not() -> None:
    """Boxes of the next column are ordered by what they are joined to."""
    layout = lay_out(4, [(0, 3), (1, 2)])
    assert (layout.places[0][1] < layout.places[1][1]) == (layout.places[3][1] < layout.places[2][1])
