"""`wengert.draw`: the graph of a computation as a picture."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from typing import Any

from wengert.core import errors
from wengert.core.sweep import order
from wengert.core.variable import FREED, Variable
from wengert.view.explore import frame_of
from wengert.view.graph import Graph, graph_of
from wengert.view.pictures.dot import dot_of
from wengert.view.pictures.drawing import drawn, short, slope_text
from wengert.view.pictures.folding import Box, Scene, fold, scene
from wengert.view.pictures.png import png_of
from wengert.view.pictures.svg import svg_of
from wengert.view.recording import named_values

SHOWN = 5_000  # nodes of a variable that a notebook draws without being asked


class Picture:
    """A picture of a graph; notebooks show it as the explorer's page, and where they do not show that, as SVG.

    Attributes
    ----------
    svg, dot, text : str
        The picture as one SVG element, in Graphviz's language, and as lines of text.
    """

    def __init__(self, graph: Graph, folded: bool = True):
        self._graph, self._folded = graph, folded

    def _scene(self) -> Scene:
        opened: Callable[[Box], bool] = lambda box: not self._folded
        return scene(self._graph, fold(self._graph).members or [self._graph.root.number], opened)

    @property
    def svg(self) -> str:
        return svg_of(drawn(self._graph, self._scene()))

    @property
    def dot(self) -> str:
        return dot_of(self._graph, self._scene())

    @property
    def text(self) -> str:
        lines = []
        for node in self._graph.nodes:
            if node.is_tuple:
                continue
            parts = [node.symbol, self._graph.formula(node), short(node.value)]
            line = " = ".join(part for part in parts if part)
            adjoint = self._graph.adjoint(node)
            if adjoint is not None:
                line += "    " + slope_text(self._graph, node, adjoint)
            lines.append(line)
        if len(lines) > 60:
            lines[40:-15] = [f"… {len(lines) - 55:,} values left out …"]
        # a name can hold anything, but not speak to the terminal
        return "\n".join("".join(c if c.isprintable() else " " for c in line) for line in lines)

    def save(self, path: Any) -> None:
        """Write the picture to a file; the name's ending says how: .svg, .png or .dot.

        Raises
        ------
        ValueError
            If the name ends otherwise.
        ImportError
            If matplotlib, which makes PNG, is not installed.
        """
        path = os.fspath(path)
        content = _FORMATS[suffix_of(path)](self)
        with open(path, "wb") as file:
            file.write(content)

    def __repr__(self) -> str:
        return self.text

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> dict[str, str]:
        if _shell() is not None and not _has_frontend():
            return {"text/plain": self.text}
        return frame_of(self._graph) | {"image/svg+xml": self.svg, "text/plain": self.text}


_FORMATS: dict[str, Callable[[Picture], bytes]] = {
    ".svg": lambda picture: picture.svg.encode(),
    ".png": lambda picture: png_of(drawn(picture._graph, picture._scene())),
    ".dot": lambda picture: picture.dot.encode(),
}


def suffix_of(path: str) -> str:
    """The ending of a picture's name."""
    ending = os.path.splitext(path)[1].lower()
    if ending not in _FORMATS:
        raise errors.unknown_picture(path, list(_FORMATS))
    return ending


def draw(output: Any, *args: Any, path: Any = None, folded: bool = True) -> Picture:
    """Draw the graph of a variable, or of what a function computes for some arguments.

    Each value has a card with its name, formula, value and adjoint; each edge is labelled by its local gradient, a number or
    what it does to a cotangent on the way back: `× y`, `Wᵀ ·`, `Σ axis 0`.

    Parameters
    ----------
    output : Variable or callable
        What to draw, or a function that is called with `args` and returns it; its variables give the names.
    *args
        The function's arguments, of which floats and arrays become variables; or, after a variable, the path.
    path : str or path-like, optional
        Where to save the picture: a name that ends in .svg, .png or .dot.
    folded : bool
        Whether called functions and repeated blocks of a graph of more than 40 nodes are folded into boxes.

    Returns
    -------
    Picture
        Notebooks show it; `.svg`, `.dot` and `.text` are strings, and `.save(path)` writes it.

    Raises
    ------
    TypeError
        If there is no variable to draw.
    ValueError
        If the path's ending is not that of a picture.

    Examples
    --------
    >>> a = Variable(4.0).set_name("a")
    >>> b = Variable(1.0).set_name("b")
    >>> print(draw((a - b) * (b + 1)).text)
    a = 4    ∂L/∂a = 2
    b = 1    ∂L/∂b = 1
    v₁ = a - b = 3    ∂L/∂v₁ = 2
    v₂ = b + 1 = 2    ∂L/∂v₂ = 3
    L = v₁ · v₂ = 6    ∂L/∂L = 1
    """
    if isinstance(output, Variable) and path is None and len(args) == 1 and isinstance(args[0], (str, os.PathLike)):
        (path,), args = args, ()
    if path is not None:
        suffix_of(os.fspath(path))
    picture = Picture(graph_of(output, args, sys._getframe(1), "draw"), folded)
    if path is not None:
        picture.save(path)
    return picture


def shown(variable: Variable) -> dict[str, str]:
    """What a notebook shows of a variable: its picture, if it was computed from something, and its text."""
    text = {"text/plain": repr(variable)}
    node = variable.node
    if not node._children or node._children is FREED or isinstance(node._val, Variable):
        return text
    shell = _shell()
    if shell is not None and not _has_frontend():
        return text
    try:
        small = len(order([node])) <= SHOWN
    except errors.FreedGraphError:
        return text
    if not small:
        return text
    graph = Graph(node, [] if shell is None else named_values(shell.user_ns))
    return frame_of(graph) | {"image/svg+xml": Picture(graph).svg} | text


def _shell() -> Any:
    """The interactive shell of IPython that is running, if one is."""
    ipython = sys.modules.get("IPython")
    return None if ipython is None else ipython.get_ipython()


def _has_frontend() -> bool:
    """Does the shell belong to a notebook? In a terminal nothing but text is shown, and nothing else need be made."""
    return hasattr(_shell(), "kernel")
