"""Drawings as SVG: one self-contained element, for light and dark screens and for paper."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import pairwise
from xml.sax.saxutils import escape, quoteattr

import numpy as np

from wengert.view.pictures.drawing import BETWEEN, CELL, FAINT, LABEL, LINE, PAD, TEXT, Arrow, Card, Drawing, Placed
from wengert.view.pictures.drawing import width as width_of
from wengert.view.pictures.layout import Point

ROUND = 5.0  # radius of a card's corners
TOLD = 60  # cards that are described in words

STYLE = """
.wengert { font-family: system-ui, -apple-system, "Segoe UI", "DejaVu Sans", Helvetica, Arial, sans-serif;
  --paper: #ffffff; --ink: #1a1a1a; --soft: #5b6068; --card: #f6f7f9; --input: #eaf2fb; --adjoint: #8a3b00;
  --negative: 33, 87, 160; --positive: 178, 88, 6; background: var(--paper); }
@media (prefers-color-scheme: dark) { .wengert { --paper: #14171c; --ink: #eceef1; --soft: #a2a9b4; --card: #20252d;
  --input: #1c2c40; --adjoint: #ffb787; --negative: 110, 175, 255; --positive: 255, 170, 90; } }
@media print { .wengert { --paper: #ffffff; --ink: #000000; --soft: #333333; --card: #ffffff; --input: #ffffff;
  --adjoint: #000000; --negative: 0, 0, 0; --positive: 90, 90, 90; } }
.wengert .paper { fill: var(--paper); }
.wengert text { fill: var(--ink); font-size: 12px; text-anchor: middle; }
.wengert .title { font-weight: 600; }
.wengert .value { fill: var(--soft); }
.wengert .adjoint { fill: var(--adjoint); font-style: italic; }
.wengert .label { font-size: 11px; fill: var(--soft); }
.wengert .card { fill: var(--card); stroke: var(--ink); stroke-width: 1; }
.wengert .input .card { fill: var(--input); }
.wengert .root .card { stroke-width: 2.4; }
.wengert .outside .card { stroke-dasharray: 4 3; }
.wengert .edge { fill: none; stroke: var(--soft); stroke-width: 1.2; }
.wengert .head { fill: var(--soft); }
.wengert .positive { fill: rgb(var(--positive)); }
.wengert .negative { fill: rgb(var(--negative)); }
.wengert .frame { fill: none; stroke: var(--soft); stroke-width: 0.5; }
.wengert .minus { fill: none; stroke: var(--ink); stroke-width: 1.4; }
.wengert .on-strong { stroke: var(--paper); }
.wengert .missing { fill: none; stroke: var(--ink); stroke-width: 0.8; }
""".strip()


def svg_of(drawing: Drawing) -> str:
    """The whole drawing; every part has its words in a `<title>`, for pointers and for people who hear it."""
    width, height = drawing.size
    title = _printable(drawing.title)
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" class="wengert" role="img" width="{_n(width)}" height="{_n(height)}" '
        f'viewBox="0 0 {_n(width)} {_n(height)}" aria-label={quoteattr(title)}>',
        f"<title>{escape(title)}</title>",
        f"<desc>{escape(_printable(description(drawing)))}</desc>",
        f"<style>{STYLE}</style>",
        f'<rect class="paper" width="{_n(width)}" height="{_n(height)}"/>',
        *map(arrow_svg, drawing.arrows),
        *map(card_svg, drawing.cards),
        *(label_svg(arrow) for arrow in drawing.arrows if arrow.label and arrow.at),
        "</svg>",
    ]
    return "\n".join(parts) + "\n"


def description(drawing: Drawing) -> str:
    """What the picture shows, in words: one reader takes it as an image and passes over the titles of its parts."""
    told = [", ".join(line.text for line in placed.card.lines) for placed in drawing.cards]
    if len(told) > TOLD:
        told[TOLD:] = [f"and {len(told) - TOLD:,} more"]
    return f"{len(drawing.cards):,} cards and {len(drawing.arrows):,} edges; values flow down.\n" + "\n".join(told)


def _n(number: float) -> str:
    return f"{number:.2f}".rstrip("0").rstrip(".")


def card_svg(placed: Placed) -> str:
    """A card: its outline, lines of text and heat map."""
    card, (x, y) = placed
    width, height = card.size
    left, top = x - width / 2, y - height / 2
    radius = 3 * ROUND if card.role == "input" else ROUND
    frame = f'width="{_n(width)}" height="{_n(height)}" rx="{_n(radius)}"'
    behind = (
        [f'<rect class="card" x="{_n(left + s)}" y="{_n(top + s)}" {frame}/>' for s in (6, 3)]
        if card.role == "box"
        else []
    )
    lines = [
        f'<text class="{line.style}" x="{_n(x)}" y="{_n(top + PAD / 2 + LINE * i + TEXT)}">{escape(line.text)}</text>'
        for i, line in enumerate(card.lines)
    ]
    cells = list(_cells(card, x, top + PAD / 2 + LINE * len(card.lines) + 2))
    inside = [
        f"<title>{escape(_printable(card.told))}</title>",
        *behind,
        f'<rect class="card" x="{_n(left)}" y="{_n(top)}" {frame}/>',
        *lines,
        *cells,
    ]
    return f'<g class="{card.role}">' + "".join(inside) + "</g>"


def _cells(card: Card, x: float, top: float) -> Iterator[str]:
    """The heat maps: strength by opacity, sign by colour and by a minus, and a cross for what is not finite."""
    left = x - (sum(each.shape[1] * CELL for each in card.maps) + BETWEEN * (len(card.maps) - 1)) / 2
    for each in card.maps:
        for (i, j), entry in np.ndenumerate(each):
            a, b = left + j * CELL, top + i * CELL
            if np.isnan(entry):
                ends = (a, b, a + CELL, b + CELL, a, b + CELL, a + CELL, b)
                yield '<path class="missing" d="M{} {}L{} {}M{} {}L{} {}"/>'.format(*map(_n, ends))
            else:
                kind = "negative" if entry < 0 else "positive"
                at = f'x="{_n(a)}" y="{_n(b)}" width="{_n(CELL)}" height="{_n(CELL)}"'
                yield f'<rect class="{kind}" {at} fill-opacity="{abs(float(entry)):.2f}"/>'
                if entry <= FAINT:
                    kind = "minus on-strong" if entry < -0.5 else "minus"
                    yield f'<path class="{kind}" d="M{_n(a + 1.5)} {_n(b + CELL / 2)}h{_n(CELL - 3)}"/>'
        wide, high = each.shape[1] * CELL, each.shape[0] * CELL
        yield f'<rect class="frame" x="{_n(left)}" y="{_n(top)}" width="{_n(wide)}" height="{_n(high)}"/>'
        left += wide + BETWEEN


def arrow_svg(arrow: Arrow) -> str:
    """The way of an edge as a smooth line, and its head."""
    route = arrow.route
    x, y = route[-1]
    head = f"M{_n(x)} {_n(y)}l-4 -8h8z"
    path = smooth([*route[:-1], (x, y - 6)])
    return (
        f'<g class="link"><title>{escape(_printable(arrow.told))}</title><path class="edge" d="{path}"/>'
        f'<path class="head" d="{head}"/></g>'
    )


def smooth(route: Sequence[Point]) -> str:
    """A path through the points that leaves and enters every row straight down."""
    parts = [f"M{_n(route[0][0])} {_n(route[0][1])}"]
    for (x0, y0), (x1, y1) in pairwise(route):
        if abs(x0 - x1) < 0.05:
            parts.append(f"L{_n(x1)} {_n(y1)}")
        else:
            middle = (y0 + y1) / 2
            parts.append(f"C{_n(x0)} {_n(middle)} {_n(x1)} {_n(middle)} {_n(x1)} {_n(y1)}")
    return "".join(parts)


def label_svg(arrow: Arrow) -> str:
    """The label on its edge, with paper behind it."""
    assert arrow.at is not None
    x, y = arrow.at
    wide = width_of(arrow.label, LABEL) + 6
    behind = f'<rect class="paper" x="{_n(x - wide / 2)}" y="{_n(y - 8)}" width="{_n(wide)}" height="16"/>'
    return f'<g>{behind}<text class="label" x="{_n(x)}" y="{_n(y + LABEL * 0.36)}">{escape(arrow.label)}</text></g>'


def _printable(text: str) -> str:
    """Without characters that XML does not allow."""
    return "".join(c if c.isprintable() or c in "\n\t" else " " for c in text)
