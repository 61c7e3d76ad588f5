"""The expression that the library grew from, L = (a - b)(b + 1), with its graph and its chain rule as text.

Only the seed's own words are used: `val`, `name`, `children`, `local_gradients`. The text lists every path, of which
there are exponentially many in a large graph: it is for graphs that a person wants to read.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from wengert import Variable, gradients

Path = list[tuple[Variable, float]]  # from the root's child on: each variable with the partial along the edge to it


def seed_graph() -> tuple[Variable, Variable, Variable]:
    """L, a and b at a = 4, b = 1."""
    a: Any = Variable(4.0).set_name("a")
    b: Any = Variable(1.0).set_name("b")
    return (a - b) * (b + 1), a, b


def two_factors(a: Any, b: Any) -> Any:
    """The same as a function, with a name for each factor."""
    x = a - b
    y = b + 1
    return x * y


def graph_text(root: Variable) -> str:
    """The graph as a tree: each node's name and value, and on each edge the partial along it.

    Examples
    --------
    >>> L, a, b = seed_graph()
    >>> print(graph_text(L))
    (a - b) * (b + 1) = 6
    ├─ ∂ = 2 ── a - b = 3
    │           ├─ ∂ = 1 ─── a = 4
    │           └─ ∂ = -1 ── b = 1
    └─ ∂ = 3 ── b + 1 = 2
                └─ ∂ = 1 ── b = 1
    """
    return "\n".join(_tree_lines(root))


def _tree_lines(node: Variable) -> Iterator[str]:
    yield f"{node.name} = {node.val:g}"
    edges = node.local_gradients
    partials = [f"∂ = {partial:g}" for _, partial in edges]
    width = max(map(len, partials), default=0)
    for position, ((child, _), partial) in enumerate(zip(edges, partials, strict=True)):
        last = position == len(edges) - 1
        corner, rail = ("└─ ", "   ") if last else ("├─ ", "│  ")
        first, *rest = _tree_lines(child)
        yield f"{corner}{partial} {'─' * (width - len(partial) + 2)} {first}"
        yield from (f"{rail}{' ' * (width + 4)}{line}" for line in rest)


def paths(root: Variable, leaf: Variable) -> Iterator[Path]:
    """Every way down the edges from the root to the leaf."""
    for child, partial in root.local_gradients:
        step = (child, partial)
        if child is leaf:
            yield [step]
        else:
            yield from ([step, *rest] for rest in paths(child, leaf))


def chain_rule_text(root: Variable, leaf: Variable, symbol: str = "L") -> str:
    """The chain rule written out: along each path the product of its partials, in symbols and numbers, and their sum.

    Examples
    --------
    >>> L, a, b = seed_graph()
    >>> print(chain_rule_text(L, b))
    dL/db, summed over 2 paths:
      L → a - b → b:   ∂L/∂(a - b) · ∂(a - b)/∂b  =  2 · (-1)  =  -2
      L → b + 1 → b:   ∂L/∂(b + 1) · ∂(b + 1)/∂b  =  3 · 1     =   3
      dL/db = (-2) + 3 = 1
    """
    found = list(paths(root, leaf))
    target = f"d{symbol}/d{leaf.name}"
    routes, formulas, products, values = [], [], [], []
    for path in found:
        value, above, factors = 1.0, symbol, []
        for node, partial in path:
            factors.append(f"∂{above}/∂{_bracketed(node.name)}")
            above = _bracketed(node.name)
            value *= partial
        routes.append(" → ".join([symbol, *(node.name for node, _ in path)]) + ":")
        formulas.append(" · ".join(factors))
        products.append(" · ".join(_signed(partial) for _, partial in path))
        values.append(value)
    plural = "1 path" if len(found) == 1 else f"{len(found)} paths"
    numbers = _padded(map("{:g}".format, values), ">")
    lines = [f"{target}, summed over {plural}:"]
    for route, formula, product, number in zip(*map(_padded, (routes, formulas, products)), numbers, strict=True):
        lines.append(f"  {route}   {formula}  =  {product}  =  {number}")
    summands = " + ".join(map(_signed, values)) or "0"
    total = sum(values)
    lines.append(f"  {target} = {summands}" + (f" = {total:g}" if len(values) > 1 else ""))
    return "\n".join(lines)


def _bracketed(name: str) -> str:
    return name if name.isidentifier() else f"({name})"


def _signed(value: float) -> str:
    return f"({value:g})" if value < 0 else f"{value:g}"


def _padded(texts: Iterable[str], side: str = "<") -> list[str]:
    cells = list(texts)
    width = max(map(len, cells), default=0)
    return [f"{cell:{side}{width}}" for cell in cells]


def report() -> str:
    """What the demo prints of the seed's expression."""
    root, a, b = seed_graph()
    grads = gradients(root)
    return "\n".join(
        [
            f"L = {root.name} at a = {a.val:g}, b = {b.val:g}",
            "",
            graph_text(root),
            "",
            chain_rule_text(root, a),
            "",
            chain_rule_text(root, b),
            "",
            f"gradients(L) says the same:  dL/da = {grads[a]:g},  dL/db = {grads[b]:g}",
        ]
    )
