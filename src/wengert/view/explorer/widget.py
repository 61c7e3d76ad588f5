"""The explorer's page as a notebook widget, which tells Python what is selected in it. It needs the package anywidget."""

from __future__ import annotations

from functools import cache
from importlib import resources
from typing import Any

from wengert.core import errors
from wengert.core.variable import Variable


def widget_of(page: str, title: str, variables: list[Variable], height: int) -> Any:
    """A widget that shows the page of these variables' graph."""
    widget = _widget_class()(page=page, title=title, height=height)
    widget._variables = variables
    return widget


@cache
def _widget_class() -> type:
    try:
        import anywidget
        import traitlets
    except ImportError:
        raise errors.missing_extra("anywidget", "widget", "The explorer's widget") from None

    class ExplorerWidget(anywidget.AnyWidget):
        """The explorer in a notebook.

        Attributes
        ----------
        selection : tuple of Variable
            What is selected in the page: nothing, one node, or the two between which it shows the paths.
        step : int
            The step that it shows, counted from 0.
        """

        _esm = resources.files("wengert.view.explorer").joinpath("page", "widget.js").read_text(encoding="utf-8")
        page = traitlets.Unicode().tag(sync=True)
        title = traitlets.Unicode().tag(sync=True)
        height = traitlets.Int().tag(sync=True)
        nodes = traitlets.List(traitlets.Int()).tag(sync=True)
        step = traitlets.Int(0).tag(sync=True)
        _variables: list[Variable]

        @property
        def selection(self) -> tuple[Variable, ...]:
            return tuple(self._variables[i] for i in self.nodes if 0 <= i < len(self._variables))

    return ExplorerWidget
