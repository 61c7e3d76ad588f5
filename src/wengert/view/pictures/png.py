"""Drawings as PNG, by matplotlib: the same shapes as in SVG, on white paper."""

from __future__ import annotations

import io
import warnings
from itertools import pairwise
from typing import Any

import numpy as np

from wengert.core import errors
from wengert.view.pictures.drawing import BETWEEN, CELL, FAINT, LABEL, LINE, PAD, TEXT, Arrow, Drawing, Placed
from wengert.view.pictures.drawing import width as width_of

INK, SOFT, ADJOINT = "#1a1a1a", "#5b6068", "#8a3b00"
FILL = {"input": "#eaf2fb"}
COLOURS = {"title": INK, "value": SOFT, "adjoint": ADJOINT}
NEGATIVE, POSITIVE = np.array([33, 87, 160]) / 255, np.array([178, 88, 6]) / 255
DOTS = 144  # per inch: two for each pixel of the drawing
LARGEST = 16_000  # dots along a side


def png_of(drawing: Drawing) -> bytes:
    """The drawing at two dots a pixel, fewer if it is very large.

    Raises
    ------
    ImportError
        If matplotlib is not installed.
    """
    try:
        from matplotlib.backends.backend_agg import FigureCanvasAgg
        from matplotlib.figure import Figure
    except ImportError:
        raise errors.missing_extra("matplotlib", "plot", "A picture as PNG") from None
    wide, high = drawing.size
    figure = Figure(figsize=(wide / 72, high / 72), facecolor="white")
    FigureCanvasAgg(figure)
    axes = figure.add_axes((0, 0, 1, 1))
    axes.set(xlim=(0, wide), ylim=(high, 0))
    axes.axis("off")
    for arrow in drawing.arrows:
        _draw_arrow(axes, arrow)
    for placed in drawing.cards:
        _draw_card(axes, placed)
    for arrow in drawing.arrows:
        if arrow.label and arrow.at is not None:
            box = {"facecolor": "white", "edgecolor": "none", "pad": 1.5}
            _write(axes, *arrow.at, arrow.label, LABEL, color=SOFT, va="center", bbox=box)
    file = io.BytesIO()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # of characters that the font has not, in the user's names
        figure.savefig(file, format="png", dpi=min(DOTS, LARGEST * 72 / max(wide, high)))
    return file.getvalue()


def _write(axes: Any, x: float, y: float, text: str, size: float, **style: Any) -> None:
    # parse_math: a dollar in a name is a dollar
    text = text.replace("𝟏", "1")  # not in matplotlib's own font
    axes.text(x, y, text, fontsize=size * 0.88, ha="center", parse_math=False, **style)


def _draw_arrow(axes: Any, arrow: Arrow) -> None:
    from matplotlib.patches import PathPatch, Polygon
    from matplotlib.path import Path

    *route, (x, y) = arrow.route
    points = [*route, (x, y - 6)]
    vertices, codes = [points[0]], [Path.MOVETO]
    for (x0, y0), (x1, y1) in pairwise(points):
        middle = (y0 + y1) / 2
        vertices += [(x0, middle), (x1, middle), (x1, y1)]
        codes += [Path.CURVE4] * 3
    axes.add_patch(PathPatch(Path(vertices, codes), fill=False, edgecolor=SOFT, linewidth=1.2))
    axes.add_patch(Polygon([(x, y), (x - 4, y - 8), (x + 4, y - 8)], facecolor=SOFT, edgecolor="none"))


def _draw_card(axes: Any, placed: Placed) -> None:
    from matplotlib.patches import FancyBboxPatch, Rectangle

    card, (x, y) = placed
    wide, high = card.size
    left, top = x - wide / 2, y - high / 2
    style: dict[str, Any] = {
        "facecolor": FILL.get(card.role, "#f6f7f9"),
        "edgecolor": INK,
        "linewidth": 2.4 if card.role == "root" else 1,
        "linestyle": (0, (4, 3)) if card.role == "outside" else "-",
    }
    round_corners = f"round,pad=0,rounding_size={16 if card.role == 'input' else 5}"
    for shift in (6, 3, 0) if card.role == "box" else (0,):
        axes.add_patch(FancyBboxPatch((left + shift, top + shift), wide, high, boxstyle=round_corners, **style))
    for i, line in enumerate(card.lines):
        weight = "bold" if line.style == "title" else "normal"
        slant = "italic" if line.style == "adjoint" else "normal"
        at = top + PAD / 2 + LINE * i + TEXT
        size = TEXT * min(1.0, (wide - 6) / max(width_of(line.text, TEXT) * 1.08, 1.0))
        _write(axes, x, at, line.text, size, color=COLOURS[line.style], weight=weight, style=slant)
    start = x - (sum(each.shape[1] * CELL for each in card.maps) + BETWEEN * (len(card.maps) - 1)) / 2
    under = top + PAD / 2 + LINE * len(card.lines) + 2
    for each in card.maps:
        strength = np.nan_to_num(np.abs(each))[..., None]
        colour = np.where(each[..., None] < 0, NEGATIVE, POSITIVE)
        bottom, right = under + each.shape[0] * CELL, start + each.shape[1] * CELL
        axes.imshow(
            np.clip(1 - strength * (1 - colour), 0, 1), extent=(start, right, bottom, under), aspect="auto", zorder=3
        )
        frame = Rectangle(
            (start, under), right - start, bottom - under, fill=False, edgecolor=SOFT, linewidth=0.5, zorder=5
        )
        axes.add_patch(frame)
        for i, j in np.argwhere(np.isnan(each)):
            axes.plot(
                start + (j + 0.5) * CELL, under + (i + 0.5) * CELL, "x", color=INK, markersize=CELL * 0.7, zorder=4
            )
        with np.errstate(invalid="ignore"):
            negative = np.argwhere(each <= FAINT)
        for i, j in negative:
            ends, middle = start + j * CELL + np.array([1.5, CELL - 1.5]), under + (i + 0.5) * CELL
            colour_of_minus = "white" if each[i, j] < -0.5 else INK
            axes.plot(ends, (middle, middle), color=colour_of_minus, linewidth=1, zorder=4)
        start = right + BETWEEN
    axes.set(xlim=axes.get_xlim(), ylim=axes.get_ylim())
