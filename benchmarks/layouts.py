"""The layouts of `wengert.draw` beside those of Graphviz's dot: how many pairs of edges cross, and how long it takes.

Both draw the same boxes, and the crossings of both are counted by the same geometry, on the lines as drawn.
"""

from __future__ import annotations

import random
import shutil
import statistics
import subprocess
import time
from itertools import pairwise

import numpy as np

from wengert.view.pictures.layout import Point, layered

WIDTH, HEIGHT = 60.0, 30.0
SAMPLES = 12  # points of a curve, by which its crossings are found
SEEDS = (1, 2, 3)

Edges = list[tuple[int, int]]


def expression(count: int, seed: int) -> tuple[int, Edges]:
    """A graph as expressions make it: each value of one or two of the dozen before it, now and then an input."""
    draws = random.Random(seed)
    edges: Edges = []
    for v in range(3, count):
        if draws.random() > 0.09:
            edges += [
                (u, v) for u in sorted({draws.randrange(max(0, v - 12), v) for _ in range(draws.choice((1, 2, 2)))})
            ]
    return count, edges


def recurrent(steps: int) -> tuple[int, Edges]:
    """tanh(W h + U x), again and again, the shared weights drawn at each use."""
    edges: Edges = []
    h, count = 0, 1
    for _ in range(steps):
        W, U, x, a, b, s, new = range(count, count + 7)
        edges += [(W, a), (h, a), (U, b), (x, b), (a, s), (b, s), (s, new)]
        h, count = new, count + 7
    return count, edges


GRAPHS = {
    **{f"{n:,} nodes": [expression(n, seed) for seed in SEEDS] for n in (30, 100, 1000)},
    "RNN of 100 steps": [recurrent(100)],
}


def ours(count: int, edges: Edges) -> list[list[Point]]:
    """The edges as polygons through their routes, which curves between them do not leave by much."""
    return layered([(WIDTH, HEIGHT)] * count, edges).routes


def dots(count: int, edges: Edges) -> list[list[Point]]:
    """The edges as dot draws them, its splines sampled."""
    nodes = "".join(f"n{v};" for v in range(count))
    shape = f"node[shape=box,fixedsize=true,width={WIDTH / 72},height={HEIGHT / 72}];"
    source = f"digraph{{{shape}{nodes}{''.join(f'n{u}->n{v};' for u, v in edges)}}}"
    plain = subprocess.run(["dot", "-Tplain"], input=source, capture_output=True, text=True, check=True).stdout
    t = np.linspace(0, 1, SAMPLES)[:, None]
    found = []
    for line in plain.splitlines():
        words = line.split()
        if words[0] != "edge":
            continue
        points = np.array(list(map(float, words[4 : 4 + 2 * int(words[3])]))).reshape(-1, 2)
        curve = [points[:1]]
        for i in range(0, len(points) - 1, 3):
            a, b, c, d = points[i : i + 4]
            curve.append(((1 - t) ** 3 * a + 3 * (1 - t) ** 2 * t * b + 3 * (1 - t) * t**2 * c + t**3 * d)[1:])
        found.append([tuple(p) for p in np.concatenate(curve).tolist()])
    return found


def crossings(lines: list[list[Point]]) -> int:
    """How many pairs of lines cross."""
    segments = np.array([(*a, *b) for line in lines for a, b in pairwise(line)]).reshape(-1, 4)
    owner = np.array([k for k, line in enumerate(lines) for _ in line[1:]])
    pairs: set[tuple[int, int]] = set()
    for i, (x1, y1, x2, y2) in enumerate(segments):
        x3, y3, x4, y4 = segments[i + 1 :].T
        one = (x2 - x1) * (y3 - y1) - (y2 - y1) * (x3 - x1)
        two = (x2 - x1) * (y4 - y1) - (y2 - y1) * (x4 - x1)
        three = (x4 - x3) * (y1 - y3) - (y4 - y3) * (x1 - x3)
        four = (x4 - x3) * (y2 - y3) - (y4 - y3) * (x2 - x3)
        hit = (one * two < 0) & (three * four < 0) & (owner[i + 1 :] != owner[i])
        pairs |= {(owner[i], owner[i + 1 + j]) for j in np.flatnonzero(hit)}
    return len(pairs)


def report() -> None:
    has_dot = shutil.which("dot") is not None
    print(
        "Layouts: pairs of edges that cross, and seconds for the slowest graph (targets: 1.3 times dot's crossings, 1 s)"
    )
    if not has_dot:
        print("  Graphviz's dot is not installed, its column is left out")
    for name, graphs in GRAPHS.items():
        found, slowest = 0, 0.0
        for graph in graphs:
            times = []
            for _ in range(3):
                start = time.perf_counter()
                lines = ours(*graph)
                times.append(time.perf_counter() - start)
            slowest = max(slowest, statistics.median(times))
            found += crossings(lines)
        row = f"  {name:18} {found:6,}   {slowest:5.2f} s {'reached' if slowest <= 1 else 'MISSED'}"
        if has_dot:
            theirs = sum(crossings(dots(*graph)) for graph in graphs)
            verdict = "reached" if found <= 1.3 * theirs else "MISSED"
            ratio = f"{found / theirs:.2f}" if theirs else "-"
            row += f"   dot {theirs:6,}   ratio {ratio:>5} {verdict}"
        print(row, flush=True)
