"""The levels of a page: what is on screen at once, with places. A box of the folding is a level that one drills into.

Layouts are made here, so that the page needs no code for them; levels that look alike share one.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from wengert.view.graph import Graph, Node
from wengert.view.pictures.drawing import cut, width
from wengert.view.pictures.drawing import short as short_text
from wengert.view.pictures.folding import Box, Item, Scene, fold, scene
from wengert.view.pictures.layout import TURNS, Layout, layered

TYPE = 13.5  # size of the type in a card
LINE, PAD = 18.0, 10.0
STEP = 24  # card widths are multiples of it, so that blocks that differ only in their numbers share a layout
NARROW, WIDE = 96, 264  # cards
LONGEST = 30  # characters of a title
PICTURE = 40  # room for an array's heat map, beside the text
LABEL = (64.0, 18.0)  # room for an edge's label, whose number may change
MARGIN = 16.0
EFFORT, FEWEST = 30_000, 2  # a large graph has many levels: the more nodes, the fewer turns to look for a better order
GAP = (26.0, 22.0)  # between cards in a row, and between rows


class _Levels:
    """Makes the levels of one graph; equal layouts are made once."""

    def __init__(self, graph: Graph, formulas: list[str]):
        self.graph = graph
        self.formulas = formulas
        self._turns = max(FEWEST, min(TURNS, EFFORT // max(len(graph.nodes), 1)))
        self.first_edge = np.cumsum([0, *(len(node.edges) for node in graph.nodes)])
        self.levels: list[dict[str, Any]] = []
        self.layouts: list[dict[str, Any]] = []
        self._layout_of: dict[tuple, int] = {}

    def all_of(self, root: Box, title: str) -> None:
        waiting: list[tuple[Box, int | None, bool]] = [(root, None, False)]
        while waiting:  # boxes may be nested deeply
            box, up, listed = waiting.pop(0)
            seen = self._listed(box) if listed else scene(self.graph, box.members or [self.graph.root.number])
            number = len(self.levels)
            inside = [item.member for item in seen.items if isinstance(item.member, Box)]
            start = number + 1 + len(waiting)  # the levels are numbered in the order in which they wait
            elements = []
            for item in seen.items:
                if isinstance(item.member, Box):
                    elements.append(["box", start + inside.index(item.member)])
                else:
                    elements.append([item.role, item.member])
            self.levels.append(
                {
                    "title": title if up is None else _titled(box),
                    "kind": box.kind,
                    "count": len(box.nodes),
                    "up": up,
                    "elements": elements,
                    "edges": [
                        [link.start, link.end, [int(self.first_edge[e.parent]) + self._place(e) for e in link.edges]]
                        for link in seen.links
                    ],
                    "layout": self._layout(seen),
                    "listed": listed,
                }
            )
            waiting += [(each, number, listed or each.kind == "values") for each in inside]

    def _listed(self, box: Box) -> Scene:
        """Values that come in together stand side by side: what they are computed from is seen where they are computed."""
        nodes = self.graph.nodes
        roles = ["box" if isinstance(m, Box) else "input" if nodes[m].is_input else "outside" for m in box.members]
        return Scene([Item(role, member) for role, member in zip(roles, box.members, strict=True)], [])

    def _place(self, edge: Any) -> int:
        return self.graph.nodes[edge.parent].edges.index(edge)

    def _layout(self, seen: Scene) -> int:
        sizes = [self._size(item) for item in seen.items]
        ends = [(link.start, link.end) for link in seen.links]
        labels = [LABEL if len(link.edges) == 1 else (40.0, LABEL[1]) for link in seen.links]
        key = (tuple(sizes), tuple(ends), tuple(labels))
        if key not in self._layout_of:
            found = layered(sizes, ends, labels, GAP, self._turns) if ends else _grid(sizes)
            at = [
                [round(x - w / 2 + MARGIN), round(y - h / 2 + MARGIN), round(w), round(h)]
                for (x, y), (w, h) in zip(found.centers, sizes, strict=True)
            ]
            self._layout_of[key] = len(self.layouts)
            self.layouts.append(
                {
                    "size": [math.ceil(found.size[0] + 2 * MARGIN), math.ceil(found.size[1] + 2 * MARGIN)],
                    "at": at,
                    "routes": [[_moved(p) for p in route] for route in found.routes],
                    "labels": [None if p is None else _moved(p) for p in found.labels],
                }
            )
        return self._layout_of[key]

    def _size(self, item: Item) -> tuple[float, float]:
        """Room for a card's lines, whatever the step writes into them."""
        if isinstance(item.member, Box):
            texts, picture, lines = [_titled(item.member), "00,000 of 00,000 nodes"], False, 2
        else:
            node = self.graph.nodes[item.member]
            texts, picture, lines = self._texts(node, item), has_picture(node), 3 if self.graph.has_adjoints else 2
        wide = max(width(cut(text, LONGEST), TYPE) for text in texts) + 2 * PAD + (PICTURE if picture else 0)
        return min(max(STEP * math.ceil(wide / STEP), NARROW), WIDE), lines * LINE + PAD

    def _texts(self, node: Node, item: Item) -> list[str]:
        formula = self.formulas[node.number] if item.role == "node" else ""
        texts = [f"{node.symbol} = {formula}" if formula else node.symbol]
        if self.graph.has_adjoints and not node.is_tuple:
            single = not np.ndim(node.value)  # a number may become any other when a slider is moved
            texts.append(f"∂{self.graph.root.symbol}/∂{node.symbol} = " + ("-0.00000" if single else "(00, 00)"))
        if not node.is_tuple and np.ndim(node.value):
            texts.append(cut(short_text(node.value), 20))
        return texts


def _grid(sizes: list[tuple[float, float]]) -> Layout:
    """Cards without edges, in rows from left to right."""
    wide, high = (max(axis) for axis in zip(*sizes, strict=True))
    columns = math.ceil(math.sqrt(len(sizes) * high / wide * 1.2))
    centers = [
        (wide / 2 + (i % columns) * (wide + GAP[0]), high / 2 + (i // columns) * (high + GAP[1]))
        for i in range(len(sizes))
    ]
    across, down = min(columns, len(sizes)), -(-len(sizes) // columns)
    return Layout(centers, [], [], (across * (wide + GAP[0]) - GAP[0], down * (high + GAP[1]) - GAP[1]))


def has_picture(node: Node) -> bool:
    """Is the value drawn as a small heat map beside its text?"""
    return not node.is_tuple and np.size(node.value) > 3


def _titled(box: Box) -> str:
    return f"{box.title} × {box.count}" if box.count > 1 else box.title


def _moved(point: tuple[float, float]) -> list[float]:
    return [round(point[0] + MARGIN, 1), round(point[1] + MARGIN, 1)]


def levels_of(graph: Graph, title: str, formulas: list[str]) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """The levels, the whole graph first, and the layouts that they share. `formulas` are those of the nodes."""
    made = _Levels(graph, formulas)
    made.all_of(fold(graph), title)
    return made.levels, made.layouts
