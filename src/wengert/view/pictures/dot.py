"""Scenes in Graphviz's language, for those who want to lay them out with other tools."""

from __future__ import annotations

from wengert.view.graph import Graph
from wengert.view.pictures.drawing import card_of, link_label
from wengert.view.pictures.folding import Scene

_SHAPES = {
    "input": "shape=box style=rounded",
    "operation": "shape=box",
    "root": "shape=box penwidth=2.4",
    "box": "shape=box3d",
    "outside": "shape=box style=dashed",
}


def dot_of(graph: Graph, seen: Scene) -> str:
    """A digraph with the cards' lines and the edges' labels."""
    lines = [
        "digraph wengert {",
        '  node [fontname="Helvetica" fontsize=12];',
        '  edge [fontname="Helvetica" fontsize=11];',
    ]
    for i, item in enumerate(seen.items):
        card = card_of(graph, item)
        text = "\\n".join(quoted(line.text) for line in card.lines)
        lines.append(f'  n{i} [label="{text}" {_SHAPES[card.role]}];')
    for link in seen.links:
        lines.append(f'  n{link.start} -> n{link.end} [label="{quoted(link_label(graph, seen, link))}"];')
    return "\n".join([*lines, "}"]) + "\n"


def quoted(text: str) -> str:
    """As it stands between quotes in DOT."""
    return text.replace("\\", "\\\\").replace('"', '\\"')
