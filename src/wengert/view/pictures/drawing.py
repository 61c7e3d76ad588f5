"""A picture of a graph as shapes with places: cards for the values, arrows for the edges. Formats turn the shapes into files.

Nothing here depends on colour alone: what a card is shows in its outline (inputs are round, the root is heavy, folded boxes
are stacked, what comes from outside is dashed).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from wengert.view.derivations.notation import digits
from wengert.view.derivations.text import entries_text
from wengert.view.graph import Graph, Node
from wengert.view.pictures.folding import Box, Item, Link, Scene, fold, scene
from wengert.view.pictures.layout import Point, Size, layered

LINE = 16.0  # of text, in pixels
PAD = 8.0  # inside a card
TEXT, LABEL = 12.0, 11.0  # sizes of type
MARGIN = 14.0  # around the picture
LONGEST = 44  # characters of a line, then it is cut
CELLS, CELL, BETWEEN = 12, 6.0, 10.0  # of a heat map, along an axis, the pixels of one, and between two maps
FAINT = -0.05  # entries of a heat map up to this show a minus: signs are seen without colour
ENTRIES = 4  # of an array that are written out


class Line(NamedTuple):
    """A line of text in a card; `style` is 'title', 'value' or 'adjoint'."""

    text: str
    style: str


@dataclass(frozen=True)
class Card:
    """What stands for one item.

    Attributes
    ----------
    role : str
        'input', 'operation', 'root', 'box' or 'outside'.
    lines : tuple of Line
    maps : tuple of ndarray
        The value and the adjoint as heat maps: entries in [-1, 1], nan for what is not finite.
    told : str
        Everything about it, for a tooltip and for people who hear the picture.
    size : (width, height)
    """

    role: str
    lines: tuple[Line, ...]
    maps: tuple[np.ndarray, ...]
    told: str
    size: Size


class Placed(NamedTuple):
    """A card with the place of its centre."""

    card: Card
    center: Point


class Arrow(NamedTuple):
    """An edge's way, and its label with the place of its centre."""

    route: list[Point]
    label: str
    at: Point | None
    told: str


class Drawing(NamedTuple):
    """All shapes of a picture."""

    title: str
    cards: list[Placed]
    arrows: list[Arrow]
    size: Size


def drawing_of(graph: Graph, opened: Callable[[Box], bool] = lambda box: False) -> Drawing:
    """The whole graph, folded as far as it is large."""
    return drawn(graph, scene(graph, fold(graph).members or [graph.root.number], opened))


def drawn(graph: Graph, seen: Scene) -> Drawing:
    """A scene of a graph."""
    cards = [card_of(graph, item) for item in seen.items]
    texts = [link_label(graph, seen, link) for link in seen.links]
    sizes: list[Size | None] = [(width(text, LABEL) + 10, LABEL + 5) if text else None for text in texts]
    layout = layered([card.size for card in cards], [(link.start, link.end) for link in seen.links], sizes)

    def moved(point: Point) -> Point:
        return (round(point[0] + MARGIN, 2), round(point[1] + MARGIN, 2))

    arrows = [
        Arrow([moved(p) for p in route], text, moved(at) if at is not None else None, _told_of(graph, link))
        for route, text, at, link in zip(layout.routes, texts, layout.labels, seen.links, strict=True)
    ]
    placed = [Placed(card, moved(center)) for card, center in zip(cards, layout.centers, strict=True)]
    wide, high = layout.size
    return Drawing(f"The graph of {graph.root.symbol}", placed, arrows, (wide + 2 * MARGIN, high + 2 * MARGIN))


# -- cards ------------------------------------------------------------------------------------------------------------


def card_of(graph: Graph, item: Item) -> Card:
    """The card of a node, of a box, or of a value that comes in."""
    if isinstance(item.member, Box):
        return _box_card(graph, item.member)
    node = graph.nodes[item.member]
    formula = graph.formula(node) if item.role == "node" else ""
    title = f"{node.symbol} = {formula}" if formula else node.symbol
    lines = [Line(cut(title), "title")]
    maps: tuple = ()
    if not node.is_tuple:
        lines.append(Line(cut(short(node.value)), "value"))
        adjoint = graph.adjoint(node) if item.role != "outside" else None
        if adjoint is not None:
            lines.append(Line(cut(slope_text(graph, node, adjoint)), "adjoint"))
        if np.size(node.value) > ENTRIES:
            maps = tuple(heat_map(value) for value in (node.value, adjoint) if value is not None)
    role = "root" if node is graph.root else "operation" if item.role == "node" else item.role
    told = "\n".join(
        [title, *(line.text for line in lines[1:]), *([f"computed at {node.place}"] if node.place else [])]
    )
    return _card(role, lines, maps, told)


def _box_card(graph: Graph, box: Box) -> Card:
    title = f"{box.title} × {box.count}" if box.count > 1 else box.title
    lines = [Line(cut(title), "title"), Line(f"{len(box.nodes):,} values", "value")]
    told = f"{box.kind} {title}, {len(box.nodes):,} values"
    root = graph.root
    if root.number in box.nodes and not root.is_tuple:  # the result is seen even where its card is not
        result = f"{root.symbol} = {short(root.value)}"
        lines.append(Line(cut(result), "value"))
        told += f"\n{result}"
    return _card("box", lines, (), told)


def _card(role: str, lines: Sequence[Line], maps: tuple[np.ndarray, ...], told: str) -> Card:
    wide = max(width(line.text, TEXT) * (1.08 if line.style == "title" else 1) for line in lines)
    high = len(lines) * LINE
    if maps:
        wide = max(wide, sum(each.shape[1] * CELL for each in maps) + BETWEEN * (len(maps) - 1))
        high += maps[0].shape[0] * CELL + 5
    return Card(role, tuple(lines), maps, told, (round(max(wide, 24) + 2 * PAD, 1), high + PAD))


def short(value: Any) -> str:
    """A number, the entries of a very small array, or the shape and dtype of a larger one."""
    if np.ndim(value) == 0:
        return digits(value[()] if isinstance(value, np.ndarray) else value)
    if 0 < np.size(value) <= ENTRIES:
        return entries_text(value, False)
    return f"{np.shape(value)} {np.asarray(value).dtype}"


def slope_text(graph: Graph, node: Node, adjoint: Any) -> str:
    """∂L/∂x with its value, of a larger array with its norm."""
    slope = f"∂{graph.root.symbol}/∂{node.symbol}"
    if np.size(adjoint) <= ENTRIES:
        return f"{slope} = {short(adjoint)}"
    with np.errstate(all="ignore"):
        return f"‖{slope}‖ = {digits(np.linalg.norm(np.ravel(adjoint)))}"


def heat_map(value: Any) -> np.ndarray:
    """At most CELLS × CELLS means of an array, scaled to [-1, 1] by the largest; of complex numbers their real parts."""
    array = np.real(np.asarray(value)).astype(float)
    array = array.reshape(1, -1) if array.ndim == 1 else array.reshape(-1, array.shape[-1])
    for axis in (0, 1):
        if array.shape[axis] > CELLS:
            parts = np.array_split(array, CELLS, axis)
            with np.errstate(all="ignore"):
                array = np.concatenate([part.mean(axis, keepdims=True) for part in parts], axis)
    array = np.where(np.isfinite(array), array, np.nan)
    largest = np.max(np.abs(array), initial=0.0, where=~np.isnan(array))
    return array / largest if largest > 0 else array


# -- edges ------------------------------------------------------------------------------------------------------------


def link_label(graph: Graph, seen: Scene, link: Link) -> str:
    """The local gradient of an edge, those of two or three between the same nodes, or how many edges lead into a box."""
    into_box = isinstance(seen.items[link.end].member, Box)
    if into_box or len(link.edges) > 3:
        return f"{len(link.edges):,} edges" if len(link.edges) > 1 else ""
    return cut(" and ".join(graph.label(edge) for edge in link.edges), 30)


def _told_of(graph: Graph, link: Link) -> str:
    if len(link.edges) > 3:
        return f"{len(link.edges):,} edges"
    told = []
    for edge in link.edges:
        formula, numbers, _ = graph.chain_rule(edge)
        ends = f"from {graph.nodes[edge.parent].symbol} back to {graph.nodes[edge.child].symbol}"
        told.append(f"{ends}: {formula}" + (f" = {numbers}" if numbers else ""))
    return "\n".join(told)


# -- text -------------------------------------------------------------------------------------------------------------

# Widths of characters in ems, of the common sans-serif faces rounded up; the others are taken as 0.6.
_WIDTHS = {
    **dict.fromkeys("ijl|'.,:;!", 0.28),
    **dict.fromkeys("ft()[]{} /\\rI-·", 0.36),
    **dict.fromkeys("₀₁₂₃₄₅₆₇₈₉⁰¹²³⁴⁵⁶⁷⁸⁹⁻ᵀᴴ", 0.42),
    **dict.fromkeys("ABCDEFGHJKLNOPQRSTUVXYZ&", 0.74),
    **dict.fromkeys("mwMW@%∂Σ…√⊙×÷=+<>", 0.9),
}


def width(text: str, size: float) -> float:
    """About how wide a text is, in pixels."""
    return size * sum(_WIDTHS.get(c, 0.6 if ord(c) < 0x2E80 else 1.05) for c in text)


def cut(text: str, longest: int = LONGEST) -> str:
    """At most so many characters; control characters, which no font has, as spaces."""
    clean = "".join(c if c.isprintable() else " " for c in text)
    return clean if len(clean) <= longest else clean[: longest - 1] + "…"
