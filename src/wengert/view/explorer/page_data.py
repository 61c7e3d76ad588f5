"""A graph as the plain data that the explorer's page carries: columns of numbers and indices into tables of texts.

`page/data.js` reads what is written here. Everything that the page says in symbols is made here, from the same formulas as a
derivation's; numbers are carried as they are, so that the page can compute with them.
"""

from __future__ import annotations

import re
from functools import cache
from importlib import resources
from typing import Any

import numpy as np

from wengert.core.linear import LinearMap, Parts
from wengert.core.variable import Variable
from wengert.view.derivations.derivation import Contribution
from wengert.view.derivations.terms import plain
from wengert.view.derivations.text import item_text
from wengert.view.explorer.carried import Carried, number
from wengert.view.explorer.levels import levels_of
from wengert.view.explorer.sources import Sources
from wengert.view.graph import Edge, Graph, Node, label_of

SCALARS = (float, np.float64)


class Texts:
    """A table of texts, each of which is written once."""

    def __init__(self) -> None:
        self.number: dict[str, int] = {}

    def __call__(self, text: str) -> int:
        return self.number.setdefault(text, len(self.number))

    def table(self) -> list[str]:
        return list(self.number)


def page_data(graph: Graph, title: str) -> dict[str, Any]:
    """Everything that a page shows of a graph."""
    nodes = graph.nodes
    count = sum(np.size(node.value) > 1 for node in nodes if not node.is_tuple)
    carried, texts, sources = Carried(4 * count), Texts(), Sources()
    edges = [edge for node in nodes for edge in node.edges]
    formulas = [graph.formula(node) for node in nodes]
    data: dict[str, Any] = {
        "title": title,
        "root": graph.root.number,
        "adjoints": graph.has_adjoints,
        "symbol": [node.symbol for node in nodes],
        "named": [int(node.is_named) for node in nodes],
        "operation": [texts(node.operation) for node in nodes],
        "formula": [texts(formula) for formula in formulas],
        "shape": [texts(_shape_text(node)) for node in nodes],
        "dtype": [texts(_dtype_text(node)) for node in nodes],
        "value": [carried_value(node.value, carried) for node in nodes],
        "adjoint": [carried_value(graph.adjoint(node), carried) for node in nodes],
        "place": [sources.place(node.place) for node in nodes],
        "edges": [len(node.edges) for node in nodes],
        "child": [edge.child for edge in edges],
        "position": [edge.position for edge in edges],
    }
    rows = [_edge_row(graph, edge, carried, texts) for edge in edges]
    for i, column in enumerate(("partial", "brought", "label", "term", "rule")):
        data[column] = [row[i] for row in rows]
    data["program"] = program_of(graph)
    data["levels"], data["layouts"] = levels_of(graph, title, formulas)
    data |= {"texts": texts.table(), "arrays": carried.arrays, "maps": carried.maps}
    return data | sources.written()


def carried_value(value: Any, carried: Carried) -> Any:
    """A value as the page reads it: a number, a complex pair, the number of an array, the length of a tuple, or nothing."""
    if value is None or isinstance(value, Parts):
        return None
    if isinstance(value, tuple):
        return {"tuple": len(value)}
    value = plain(value)
    if np.ndim(value):
        return {"array": carried.array(value)}
    if np.iscomplexobj(value):
        return {"complex": [number(value.real), number(value.imag)]}
    return number(value)


def _edge_row(graph: Graph, edge: Edge, carried: Carried, texts: Texts) -> tuple:
    """Partial, what is brought, label, the chain rule's term in symbols, and its rule."""
    contribution = graph.contribution(edge)
    if contribution is None:
        return 0, None, texts("0"), texts("0"), texts("no derivative flows")
    brought = carried_value(contribution.value, carried) if graph.has_adjoints else None
    partial = _partial(graph, edge, contribution, carried)
    label = "" if not isinstance(partial, dict) else label_of(contribution)  # the page writes numbers itself
    return partial, brought, texts(label), texts(item_text(contribution.formula)), texts(contribution.rule)


def _partial(graph: Graph, edge: Edge, contribution: Contribution, carried: Carried) -> Any:
    """The edge's derivative: a number, an array that multiplies entry by entry, or a linear map."""
    parent, child = graph.nodes[edge.parent], graph.nodes[edge.child]
    if parent.is_tuple or child.is_tuple:
        return {"map": _label_only(contribution.edge, carried)}
    partial = plain(graph.partial(edge))
    if not isinstance(partial, LinearMap):
        value = np.asarray(partial)
        if parent.shape == child.shape == () and value.size == 1 and value.dtype.kind == "f":
            return number(value.ravel()[0])
        if parent.shape == child.shape and value.dtype.kind != "c":
            return {"entrywise": carried.array(np.broadcast_to(value, parent.shape))}
    if (
        parent.shape == child.shape == ()
        and np.asarray(parent.value).dtype.kind != "c" != np.asarray(child.value).dtype.kind
    ):
        with np.errstate(all="ignore"):
            return number(np.asarray(contribution.edge.pull(np.float64(1.0))))
    if any(np.iscomplexobj(node.value) for node in (parent, child)):
        return {"map": _label_only(contribution.edge, carried)}
    return {"map": carried.linear(contribution.edge)}


def _label_only(edge: LinearMap, carried: Carried) -> int:
    carried.maps.append(
        {
            "label": edge.label,
            "in": list(edge.in_shape),
            "out": list(edge.out_shape),
            "note": "of complex numbers, or of several outputs at once: its matrix is not carried",
        }
    )
    return len(carried.maps) - 1


def _shape_text(node: Node) -> str:
    return f"tuple of {len(node.value)}" if node.is_tuple else str(tuple(int(n) for n in node.shape))


def _dtype_text(node: Node) -> str:
    return "" if node.is_tuple else str(np.asarray(node.value).dtype)


# -- the program that the page can run --------------------------------------------------------------------------------


@cache
def programmed() -> frozenset[str]:
    """The operations that the page can run: the rows of the table in `program.js`."""
    source = resources.files("wengert.view.explorer").joinpath("page", "program.js").read_text(encoding="utf-8")
    return frozenset(re.findall(r"^  (\w+): \[", source, re.MULTILINE))


def program_of(graph: Graph) -> dict[str, Any]:
    """The operands of each node for the page to run; or why it cannot: the operands are nodes, and below 0 constants."""
    constants: list[Any] = []
    rows: list[list[int]] = []
    for node in graph.nodes:
        variable = node.variable
        if node.is_tuple or np.ndim(node.value) or np.asarray(node.value).dtype != np.float64:
            return {"why": f"{node.symbol} is no single float64 number"}
        if node.is_input:
            rows.append([])
            continue
        params = {key: value for key, value in variable._params.items() if value is not None}
        if node.operation not in programmed() or params:
            return {"why": f"the page has no program for the operation {node.operation or 'that made ' + node.symbol}"}
        row = []
        for arg in variable._args:
            if isinstance(arg, Variable) and arg in graph.number:
                row.append(graph.number[arg])
                continue
            value = plain(arg)
            if np.ndim(value) or np.iscomplexobj(value):
                return {"why": f"{node.symbol} has an operand that is no single real number"}
            constants.append(number(value))
            row.append(-len(constants))
        rows.append(row)
    return {"operands": rows, "constants": constants}
