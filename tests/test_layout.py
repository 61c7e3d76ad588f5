"""Layouts: edges go down, nothing overlaps, few edges cross, and the same graph is laid out the same way."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wengert.view.pictures.layout import layered
from wengert.view.pictures.rows import rows_of


@st.composite
def graphs(draw):
    count = draw(st.integers(1, 25))
    pairs = draw(st.lists(st.tuples(st.integers(0, count - 1), st.integers(0, count - 1)), max_size=50))
    edges = [(min(p), max(p)) for p in pairs if p[0] != p[1]]
    sizes = draw(st.lists(st.tuples(st.floats(1, 90), st.floats(1, 60)), min_size=count, max_size=count))
    labels = draw(
        st.lists(st.none() | st.tuples(st.floats(1, 80), st.floats(1, 20)), min_size=len(edges), max_size=len(edges))
    )
    return sizes, edges, labels


def boxes(sizes, centers):
    return [(x - w / 2, y - h / 2, x + w / 2, y + h / 2) for (w, h), (x, y) in zip(sizes, centers, strict=True)]


@given(graphs())
def test_edges_go_down_and_boxes_do_not_overlap(graph):
    sizes, edges, labels = graph
    layout = layered(sizes, edges, labels)
    shown = [(size, at) for size, at in zip(labels, layout.labels, strict=True) if at is not None]
    placed = boxes([*sizes, *(size for size, _ in shown)], [*layout.centers, *(at for _, at in shown)])
    for i, (a, b, c, d) in enumerate(placed):
        assert a >= -1e-6 and b >= -1e-6 and c <= layout.size[0] + 1e-6 and d <= layout.size[1] + 1e-6
        for e, f, g, h in placed[:i]:
            assert c <= e + 1e-6 or g <= a + 1e-6 or d <= f + 1e-6 or h <= b + 1e-6
    for (u, v), route in zip(edges, layout.routes, strict=True):
        assert route[0] == pytest.approx((layout.centers[u][0], layout.centers[u][1] + sizes[u][1] / 2))
        assert route[-1] == pytest.approx((layout.centers[v][0], layout.centers[v][1] - sizes[v][1] / 2))
        assert all(y1 >= y0 - 1e-6 for (_, y0), (_, y1) in pairwise(route))
    assert [at is not None for at in layout.labels] == [label is not None for label in labels]


@given(graphs())
def test_rows_keep_every_edges_length_and_no_single_node_could_shorten_them(graph):
    sizes, edges, _ = graph
    lengths = [1 + i % 2 for i in range(len(edges))]
    rows = rows_of(len(sizes), edges, lengths)
    assert min(rows) == 0
    assert all(rows[v] - rows[u] >= n for (u, v), n in zip(edges, lengths, strict=True))
    total = sum(rows[v] - rows[u] for u, v in edges)
    for node in range(len(sizes)):
        for step in (-1, 1):
            moved = [r + step * (i == node) for i, r in enumerate(rows)]
            if all(moved[v] - moved[u] >= n for (u, v), n in zip(edges, lengths, strict=True)):
                assert sum(moved[v] - moved[u] for u, v in edges) >= total


def test_whole_parts_are_moved_together():
    # 0 -> 1 -> 2 -> 3 -> 4 is long; the part 5 -> 6, which is only used by 4, stands right above it
    rows = rows_of(7, [(0, 1), (1, 2), (2, 3), (3, 4), (5, 6), (6, 4)], [1] * 6)
    assert rows == [0, 1, 2, 3, 4, 2, 3]


def test_a_crossing_that_need_not_be_is_not():
    layout = layered([(10, 10)] * 4, [(0, 3), (1, 2)])
    (a, b, c, d) = (x for x, _ in layout.centers)
    assert (a < b) == (d < c)


def test_the_same_graph_is_laid_out_the_same_way():
    graph = [(30, 20)] * 40, [(i // 2, i) for i in range(1, 40)] + [(i, i + 7) for i in range(20)]
    assert layered(*graph) == layered(*graph)


def test_nothing_has_a_layout():
    assert layered([], []) == ([], [], [], (0.0, 0.0))


def test_long_chains_and_wide_fans():
    chain = layered([(20, 10)] * 2000, [(i, i + 1) for i in range(1999)])
    assert len({round(x, 6) for x, _ in chain.centers}) == 1
    fan = layered([(20, 10)] * 500, [(i, 499) for i in range(499)])
    assert fan.size[0] > 499 * 20
