"""A layered layout: rows from top to bottom, few crossings, straight edges. It knows sizes and edges, not what they mean.

After Sugiyama, Tagawa and Toda (1981): nodes are put into rows, the order in each row is improved until few edges cross, and
places along the rows are found that keep edges straight. The rows are those of Gansner, Koutsofios, North and Vo,
"A technique for drawing directed graphs" (1993), section 2; the order is found by means of neighbours and by sifting
(Matuszewski et al. 1999); the places are those of least squares for one row after the other, by the pool of adjacent
violators (Barlow et al. 1972). All of it is deterministic.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Sequence
from itertools import pairwise
from typing import NamedTuple

from wengert.view.pictures.rows import rows_of

Point = tuple[float, float]
Size = tuple[float, float]

TURNS, PATIENCE = 150, 30  # in the search for an order: at most, and without success
STRAIGHTENING = 24  # passes over the rows, to find places
BEND = 8.0  # how much more a bend within a long edge weighs than one at a node


class Layout(NamedTuple):
    """Where everything is; y goes down.

    Attributes
    ----------
    centers : list of (x, y)
        Of the nodes.
    routes : list of list of (x, y)
        For each edge the points that it goes through, from the lower side of the one node to the upper side of the other.
    labels : list of (x, y) or None
        The centres of the edges' labels.
    size : (width, height)
    """

    centers: list[Point]
    routes: list[list[Point]]
    labels: list[Point | None]
    size: Size


def layered(
    sizes: Sequence[Size],
    edges: Sequence[tuple[int, int]],
    labels: Sequence[Size | None] = (),
    gap: Size = (20.0, 26.0),
    turns: int = TURNS,
) -> Layout:
    """Lay out an acyclic graph.

    Parameters
    ----------
    sizes : sequence of (width, height)
        Of the nodes.
    edges : sequence of (from, to)
        By the nodes' numbers; what is from stands above. The same pair may occur more than once.
    labels : sequence of (width, height) or None
        Of the edges' labels, for which room is made; by default there are none.
    gap : (float, float)
        Between neighbours in a row, and between rows.
    turns : int
        How often a better order is looked for, at most.
    """
    labels = list(labels) or [None] * len(edges)
    rows = rows_of(len(sizes), edges, [2 if label else 1 for label in labels])
    graph = _Proper(sizes, edges, labels, rows)
    order = graph.ordered(turns)
    x = graph.straightened(order, gap[0])
    return graph.placed(order, x, gap)


# -- the proper graph -------------------------------------------------------------------------------------------------


class _Proper:
    """The graph with a point in each row that an edge passes, so that each of its edges goes from a row to the next."""

    def __init__(
        self,
        sizes: Sequence[Size],
        edges: Sequence[tuple[int, int]],
        labels: Sequence[Size | None],
        rows: Sequence[int],
    ):
        self.count = len(sizes)
        self.sizes: list[Size] = list(sizes)
        self.row = list(rows)
        self.up: list[list[int]] = [[] for _ in sizes]
        self.down: list[list[int]] = [[] for _ in sizes]
        self.chains: list[list[int]] = []
        self.label_at: list[int | None] = []
        for (u, v), label in zip(edges, labels, strict=True):
            chain = [u]
            passed = range(rows[u] + 1, rows[v])
            labelled = passed[len(passed) // 2] if label and passed else None
            self.label_at.append(None)
            for r in passed:
                point = len(self.sizes)
                self.sizes.append(label if r == labelled and label else (2.0, 0.0))
                if r == labelled:
                    self.label_at[-1] = point
                self.row.append(r)
                self.up.append([])
                self.down.append([])
                chain.append(point)
            chain.append(v)
            self.chains.append(chain)
            for a, b in pairwise(chain):
                self.down[a].append(b)
                self.up[b].append(a)
        self.height = max(self.row, default=-1) + 1

    # -- order --------------------------------------------------------------------------------------------------------

    def ordered(self, turns: int) -> list[list[int]]:
        """For each row its nodes from left to right, with as few crossings as are found."""
        best: list[list[int]] = []
        fewest = -1
        for start in (self._first_order(False), self._first_order(True)):
            order, crossings = self._improved(start, turns)
            if fewest < 0 or crossings < fewest:
                best, fewest = order, crossings
            if not fewest:
                break
        return best

    def _first_order(self, from_below: bool) -> list[list[int]]:
        """What hangs together stands together: depth first, from the last nodes up or from the first ones down."""
        onward = self.up if from_below else self.down
        starts = range(len(self.sizes) - 1, -1, -1) if from_below else range(len(self.sizes))
        order: list[list[int]] = [[] for _ in range(self.height)]
        seen = [False] * len(self.sizes)
        back = self.down if from_below else self.up
        for start in starts:
            if back[start] or seen[start]:
                continue
            stack = [start]
            while stack:
                v = stack.pop()
                if seen[v]:
                    continue
                seen[v] = True
                order[self.row[v]].append(v)
                stack.extend(reversed(onward[v]))
        return order

    def _improved(self, order: list[list[int]], turns: int) -> tuple[list[list[int]], int]:
        """Sweeps until no more is found; from then on the best order is shaken a little and sifted again."""
        place = [0] * len(self.sizes)
        for nodes in order:
            _number(nodes, place)
        every = range(self.height)
        self._sift(order, place, every, False)
        best, fewest, idle = [list(nodes) for nodes in order], self.crossings(order, place), 0
        for turn in range(min(turns, 45_000 // max(len(self.sizes), 1))):
            if not fewest or idle > PATIENCE:
                break
            changed = every
            if idle:
                order = [list(nodes) for nodes in best]
                changed = every[-turn % 5 :: 5] if turn % 2 else every[-turn % 2 :: 2]
                for r in changed:
                    _shake(order[r], turn + r)
                for nodes in order:
                    _number(nodes, place)
            else:
                downwards = turn % 2 == 0
                for nodes in order[1:] if downwards else order[-2::-1]:
                    _by_means(nodes, self.up if downwards else self.down, place, turn % 4 > 1)
            small = len(self.sizes) < 300
            self._sift(order, place, every if small else changed, turn % 3 == 2)
            found, idle = self.crossings(order, place), idle + 1
            if found < fewest:
                best, fewest, idle = [list(nodes) for nodes in order], found, 0
        return best, fewest

    def crossings(self, order: list[list[int]], place: list[int]) -> int:
        """How many pairs of edges cross."""
        return sum(
            _inversions([place[w] for v in nodes for w in sorted(self.down[v], key=place.__getitem__)])
            for nodes in order
        )

    def _sift(self, order: list[list[int]], place: list[int], rows: Iterable[int], ties: bool) -> None:
        """Put each node of these rows where it crosses least, as long as that takes crossings away (Matuszewski et al. 1999).

        With ties it goes on to the farthest of equally good places: that is how one gets off a plateau.
        """
        changed = set(rows)
        for _ in range(10):
            again: set[int] = set()
            for r in sorted(changed):
                nodes = order[r]
                if len(nodes) < 2:
                    continue
                near = {v: ([place[u] for u in self.up[v]], [place[w] for w in self.down[v]]) for v in nodes}
                for v in list(nodes):
                    if not (self.up[v] or self.down[v]):
                        continue
                    at = nodes.index(v)
                    best, to = 0, at
                    for step in (-1, 1):
                        gain, i = 0, at + step
                        while 0 <= i < len(nodes):
                            w = near[nodes[i]]
                            one, two = (w, near[v]) if step < 0 else (near[v], w)
                            gain += _gain(one[0], two[0]) + _gain(one[1], two[1])
                            if gain > best or (ties and gain == best and gain >= 0):
                                best, to = gain, i
                            i += step
                    if to != at:
                        nodes.insert(to, nodes.pop(at))
                        if best > 0:
                            again |= {r - 1, r, r + 1}
                _number(nodes, place)
            ties = False
            changed = {r for r in again if 0 <= r < self.height}
            if not changed:
                break

    # -- places -------------------------------------------------------------------------------------------------------

    def straightened(self, order: list[list[int]], gap: float) -> list[float]:
        """The x of each node, such that neighbours keep their distance and edges are as straight as the passes make them."""
        x = [0.0] * len(self.sizes)
        for nodes in order:
            at = 0.0
            for v in nodes:
                x[v] = at + self.sizes[v][0] / 2
                at += self.sizes[v][0] + gap
            for v in nodes:
                x[v] -= at / 2
        for turn in range(STRAIGHTENING):
            rows = order if turn % 2 == 0 else order[::-1]
            last = turn >= STRAIGHTENING // 3
            for nodes in rows:
                wanted, weights = [], []
                for v in nodes:
                    near = (
                        self.up[v] + self.down[v] if last or turn < 2 else (self.up if turn % 2 == 0 else self.down)[v]
                    )
                    pull = [(x[w], BEND if v >= self.count and w >= self.count else 1.0) for w in near]
                    total = sum(weight for _, weight in pull)
                    wanted.append(sum(at * weight for at, weight in pull) / total if pull else x[v])
                    weights.append(total if pull else 0.05)
                offsets, at = [], 0.0
                for before, v in zip([None, *nodes], nodes, strict=False):
                    if before is not None:
                        # points of edges may stand closer together than nodes
                        between = gap / 2 if before >= self.count and v >= self.count else gap
                        at += (self.sizes[before][0] + self.sizes[v][0]) / 2 + between
                    offsets.append(at)
                level = _increasing([w - o for w, o in zip(wanted, offsets, strict=True)], weights)
                for v, base, offset in zip(nodes, level, offsets, strict=True):
                    x[v] = base + offset
        return x

    def placed(self, order: list[list[int]], x: list[float], gap: Size) -> Layout:
        """Everything moved to positive numbers, with the rows' heights."""
        left = min((x[v] - self.sizes[v][0] / 2 for v in range(len(x))), default=0.0)
        right = max((x[v] + self.sizes[v][0] / 2 for v in range(len(x))), default=0.0)
        middle, tall, at = [], [], 0.0
        for nodes in order:
            height = max((self.sizes[v][1] for v in nodes), default=0.0)
            middle.append(at + height / 2)
            tall.append(height)
            at += height + gap[1]
        point = [(x[v] - left, middle[self.row[v]]) for v in range(len(x))]
        routes = []
        for chain in self.chains:
            first, *passed, last = chain
            route = [(point[first][0], point[first][1] + self.sizes[first][1] / 2)]
            if self.sizes[first][1] < tall[self.row[first]]:  # straight down through its own row, which others share
                route.append((point[first][0], middle[self.row[first]] + tall[self.row[first]] / 2))
            for v in passed:
                half = tall[self.row[v]] / 2
                route += [(point[v][0], point[v][1] - half), (point[v][0], point[v][1] + half)] if half else [point[v]]
            if self.sizes[last][1] < tall[self.row[last]]:
                route.append((point[last][0], middle[self.row[last]] - tall[self.row[last]] / 2))
            route.append((point[last][0], point[last][1] - self.sizes[last][1] / 2))
            routes.append(route)
        labels = [None if at is None else point[at] for at in self.label_at]
        return Layout(point[: self.count], routes, labels, (right - left, max(at - gap[1], 0.0)))


def _number(nodes: list[int], place: list[int]) -> None:
    for i, v in enumerate(nodes):
        place[v] = i


def _by_means(nodes: list[int], towards: list[list[int]], place: list[int], later_first: bool) -> None:
    """Sort a row by the means of its neighbours' places in the one before; what has none keeps its own."""
    keyed = [(sum(place[w] for w in towards[v]) / len(towards[v]), v) for v in nodes if towards[v]]
    if later_first:  # of equal ones
        keyed.reverse()
    keyed.sort(key=lambda pair: pair[0])
    moved = iter(keyed)
    nodes[:] = [next(moved)[1] if towards[v] else v for v in nodes]
    _number(nodes, place)


def _shake(nodes: list[int], turn: int) -> None:
    """Put a few neighbours of a row the other way round."""
    if len(nodes) > 2:
        start = (7 * turn) % (len(nodes) - 1)
        end = start + 2 + turn % 6
        nodes[start:end] = nodes[start:end][::-1]


def _inversions(values: list[int]) -> int:
    """How many pairs stand in the wrong order."""
    seen: list[int] = []
    found = 0
    for i, value in enumerate(values):
        at = bisect_right(seen, value)
        found += i - at
        seen.insert(at, value)
    return found


def _gain(one: list[int], two: list[int]) -> int:
    """How many crossings go if two neighbours change places: those of (one, two) less those of (two, one)."""
    if len(one) == 1 == len(two):
        return (one[0] > two[0]) - (one[0] < two[0])
    return sum((a > b) - (a < b) for a in one for b in two) if one and two else 0


def _increasing(values: list[float], weights: list[float]) -> list[float]:
    """The nondecreasing sequence of least weighted squares (Barlow et al. 1972): adjacent violators are pooled."""
    pools: list[tuple[float, float, int]] = []
    for value, weight in zip(values, weights, strict=True):
        mean, total, count = value, weight, 1
        while pools and pools[-1][0] > mean:
            before, mass, members = pools.pop()
            mean = (before * mass + mean * total) / (mass + total)
            total += mass
            count += members
        pools.append((mean, total, count))
    return [mean for mean, _, count in pools for _ in range(count)]
