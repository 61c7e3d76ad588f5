"""`wengert.explore`: one self-contained page in which a computation is walked through, forward and backward."""

from __future__ import annotations

import html
import os
import sys
import tempfile
import webbrowser
from pathlib import Path
from typing import Any, NamedTuple

from wengert.core import errors
from wengert.core.variable import Variable
from wengert.view.explorer.page_data import page_data
from wengert.view.explorer.page_text import page_text
from wengert.view.explorer.widget import widget_of
from wengert.view.graph import Graph, graph_of

HEIGHT = 720  # pixels of the page within a notebook
SMALL_GRAPH, SMALL_PAGE = 2_000, 1_000_000  # nodes, and characters of a page, that a notebook shows without being asked


class Start(NamedTuple):
    """Where a page opens: at the computation of a node, or, backward, at what its edge brings to the operand of that symbol."""

    node: int
    backward: bool = False
    operand: str = ""


class Explorer:
    """The explorer's page for one graph. Notebooks show it in a frame.

    Attributes
    ----------
    html : str
        The whole page: one file, which loads nothing.
    """

    def __init__(self, graph: Graph, title: str, start: Start | None = None):
        self._graph, self._title, self._start = graph, title, start
        self._html: str | None = None

    @property
    def html(self) -> str:
        if self._html is None:
            data = page_data(self._graph, self._title)
            self._html = page_text(data | {"start": None if self._start is None else self._start._asdict()})
        return self._html

    def save(self, path: str | os.PathLike) -> Path:
        """Write the page to a file that ends in .html, and return its path."""
        target = Path(path)
        if target.suffix.lower() not in (".html", ".htm"):
            raise errors.not_a_page(path)
        target.write_text(self.html, encoding="utf-8")
        return target

    def open(self) -> Path:
        """Write the page to a temporary file, show it in the browser, and return its path."""
        handle, name = tempfile.mkstemp(prefix="wengert-", suffix=".html")
        os.close(handle)
        path = self.save(name)
        webbrowser.open(path.as_uri())
        return path

    def widget(self) -> Any:
        """The page as a widget whose `.selection` is the tuple of variables that are selected in it.

        Raises
        ------
        ImportError
            If anywidget is not installed: ``pip install "wengert[widget]"``.
        """
        return widget_of(self.html, self._title, [node.variable for node in self._graph.nodes], HEIGHT)

    def __repr__(self) -> str:
        return f"<page of {self._title}: {len(self._graph.nodes):,} nodes; .save('page.html') or .open()>"

    def _repr_html_(self) -> str:
        # Without rights of its own: whatever the data says, the frame can not reach the notebook.
        return (
            f'<iframe srcdoc="{html.escape(self.html)}" sandbox="allow-scripts" width="100%" height="{HEIGHT}" '
            f'style="border:1px solid #8888;border-radius:6px" title="{html.escape(self._title)}: explorer"></iframe>'
        )

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> dict[str, str]:
        return {"text/html": self._repr_html_(), "text/plain": repr(self)}


def frame_of(graph: Graph) -> dict[str, str]:
    """For notebooks, a graph's page in a frame as the text/html of a bundle; nothing if the page would be large."""
    if len(graph.nodes) > SMALL_GRAPH:
        return {}
    page = Explorer(graph, graph.root.symbol)
    return {"text/html": page._repr_html_()} if len(page.html) < SMALL_PAGE else {}


def explore(output: Any, *args: Any, path: str | os.PathLike | None = None) -> Explorer:
    """Make a page in which a computation is walked through: its values forward, the chain rule backward.

    Parameters
    ----------
    output : Variable or callable
        What was computed, or a function that is called with `args` and returns it. Of a function the page also shows the source
        lines.
    *args
        The function's arguments. Those that are floats, complex numbers, arrays of them, or trees of those, become variables.
        Or, after a variable, the path.
    path : str or path, optional
        A file ending in .html to write the page to.

    Returns
    -------
    Explorer
        `.save("page.html")` writes the page, `.open()` shows it in a browser, `.html` is its text. Notebooks show it.

    Raises
    ------
    TypeError
        If `output` is not a variable, or the function does not return one.
    ValueError
        If the path does not end in .html.

    Examples
    --------
    >>> page = explore(lambda a, b: (a - b) * (b + 1), 4.0, 1.0)
    >>> page
    <page of <lambda>(a, b): 5 nodes; .save('page.html') or .open()>
    >>> page.html[:15]
    '<!DOCTYPE html>'
    """
    if isinstance(output, Variable) and path is None and len(args) == 1 and isinstance(args[0], (str, os.PathLike)):
        (path,), args = args, ()
    graph = graph_of(output, args, sys._getframe(1), "explore")
    found = Explorer(graph, _title(output, graph))
    if path is not None:
        found.save(path)
    return found


def _title(output: Any, graph: Graph) -> str:
    """The call, or the symbol with what it was computed by."""
    if isinstance(output, Variable):
        name = output.name if graph.root.operation else graph.root.symbol
        return name if name == graph.root.symbol else f"{graph.root.symbol} = {name}"
    inputs = [node.symbol for node in graph.nodes if node.is_input]
    listed = ", ".join(inputs if len(inputs) <= 6 else [*inputs[:5], "…"])
    return f"{getattr(output, '__name__', type(output).__name__)}({listed})"
