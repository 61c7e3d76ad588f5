"""Which row of a layered picture each node stands in: so that all edges go down, and are short together.

The network simplex method of Gansner, Koutsofios, North and Vo, "A technique for drawing directed graphs" (1993), section 2.
"""

from __future__ import annotations

from collections.abc import Sequence


def rows_of(count: int, edges: Sequence[tuple[int, int]], lengths: Sequence[int]) -> list[int]:
    """The row of each node, so that each edge goes down by its length at least, and the edges are short together.

    Each node starts in the highest row that it can have.
    """
    below: list[list[tuple[int, int]]] = [[] for _ in range(count)]
    waiting = [0] * count
    for (u, v), length in zip(edges, lengths, strict=True):
        below[u].append((v, length))
        waiting[v] += 1
    ready = [v for v in range(count) if not waiting[v]]
    row = [0] * count
    for u in ready:  # grows on the way
        for v, length in below[u]:
            row[v] = max(row[v], row[u] + length)
            waiting[v] -= 1
            if not waiting[v]:
                ready.append(v)
    _shorten(row, edges, lengths)
    least = min(row, default=0)
    return [r - least for r in row]


def _shorten(row: list[int], edges: Sequence[tuple[int, int]], lengths: Sequence[int]) -> None:
    """Make the edges as short together as can be: the network simplex method (Gansner et al. 1993, section 2).

    A spanning tree of edges of their least length is kept. Where more edges leave a part that hangs at one edge of the tree
    than come into it, it is moved down until an edge that leaves it is tight, and hung up there; and the other way round.
    """
    count = len(row)
    out: list[list[tuple[int, int]]] = [[] for _ in row]
    into: list[list[tuple[int, int]]] = [[] for _ in row]
    leaving = [0] * count  # how many more edges leave the part that hangs at a node than come into it
    for (u, v), length in zip(edges, lengths, strict=True):
        out[u].append((v, length))
        into[v].append((u, length))
        leaving[u] += 1
        leaving[v] -= 1
    tree = _tight_tree(row, out, into)
    parent, order = _hung(tree)
    for v in reversed(order):
        if parent[v] >= 0:
            leaving[parent[v]] += leaving[v]
    idle, at = 0, 0
    for _ in range(20 * count):
        while idle < count:  # a node whose part should move away from its parent
            at = (at + 1) % count
            over = parent[at]
            if over >= 0 and leaving[at] and (row[at] < row[over]) == (leaving[at] < 0):
                break
            idle += 1
        else:
            return
        idle = 0
        part = _part(at, parent, tree)
        sign = 1 if leaving[at] > 0 else -1
        slack, end, other = min(
            (sign * (row[w] - row[v]) - length, v, w)
            for v in part
            for w, length in (out if sign > 0 else into)[v]
            if w not in part
        )
        for v in part:
            row[v] += sign * slack
        above, moved, before = parent[at], leaving[at], -1
        tree[at].discard(above)
        tree[above].discard(at)
        while above >= 0:
            leaving[above] -= moved
            above = parent[above]
        over, v = other, end
        while True:  # hang the part up at its other end
            next_up, sum_below = parent[v], leaving[v]
            parent[v], leaving[v] = over, moved - before if over != other else moved
            if v == at:
                break
            before, over, v = sum_below, v, next_up
        tree[end].add(other)
        tree[other].add(end)
        above = other
        while above >= 0:
            leaving[above] += moved
            above = parent[above]


def _tight_tree(row: list[int], out: list, into: list) -> list[set[int]]:
    """A spanning forest of edges of their least length: parts are moved to their nearest neighbours, again and again."""
    tree: list[set[int]] = [set() for _ in row]
    part_of = list(range(len(row)))
    parts: list[list[int]] = [[v] for v in part_of]
    waiting = list(range(len(row)))
    while waiting:
        name = waiting.pop()
        nodes = parts[name]
        near = [(row[w] - row[v] - n, 1, v, w) for v in nodes for w, n in out[v] if part_of[w] != name]
        near += [(row[v] - row[u] - n, -1, v, u) for v in nodes for u, n in into[v] if part_of[u] != name]
        if not nodes or not near:
            continue
        slack, sign, v, w = min(near)
        for each in nodes:
            row[each] += sign * slack
        tree[v].add(w)
        tree[w].add(v)
        host = part_of[w]
        if len(parts[host]) < len(nodes):
            name, host = host, name
        for each in parts[name]:
            part_of[each] = host
        parts[host] += parts[name]
        parts[name] = []
        waiting.insert(0, host)
    return tree


def _hung(tree: list[set[int]]) -> tuple[list[int], list[int]]:
    """For each node of a forest its parent (-1 for a root), and the nodes in an order in which parents come first."""
    parent, order = [-2] * len(tree), []
    for root in range(len(tree)):
        if parent[root] != -2:
            continue
        parent[root] = -1
        stack = [root]
        while stack:
            v = stack.pop()
            order.append(v)
            for w in tree[v]:
                if parent[w] == -2:
                    parent[w] = v
                    stack.append(w)
    return parent, order


def _part(top: int, parent: list[int], tree: list[set[int]]) -> set[int]:
    """What hangs at a node."""
    found, stack = {top}, [top]
    while stack:
        v = stack.pop()
        for w in tree[v]:
            if parent[w] == v:
                found.add(w)
                stack.append(w)
    return found
