"""Sweeps over the graph: the order of its nodes, reverse and forward accumulation, true zeros.

Reverse: visit every node once, parents before children, and let its primitive pull its adjoint back to its children.
Forward: the same nodes the other way round, tangents pushed. Both read the same edges. A sweep first runs plainly;
only when a result is not finite does it run again with true zeros, in which 0 * inf = 0 * nan = 0. (A graph too large to be
kept for that is let go on the way, and each step looked at.)
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from operator import attrgetter
from typing import Any

import numpy as np

from wengert.core import errors
from wengert.core.adjoints import Adjoints, accumulate, cast, fit, is_finite
from wengert.core.linear import LinearMap, Parts
from wengert.core.registry import BACKWARD, implements
from wengert.core.variable import FREED, Variable, dtype_of

KEPT_BYTES = 1 << 24  # values of a graph that are kept until its gradient is known to be finite

_by_serial = attrgetter("_serial")


def order(outputs: Iterable[Variable]) -> list[Variable]:
    """All nodes that the outputs were computed from, children first: each is made after what it is made of."""
    seen = set(outputs)
    stack, found = list(seen), []
    while stack:
        node = stack.pop()
        found.append(node)
        children = node._children
        if children is FREED:
            raise errors.freed()
        for child in children:
            if child not in seen:
                seen.add(child)
                stack.append(child)
    found.sort(key=_by_serial)
    return found


def pull_back(
    seeds: dict[Variable, Any], leaves: Sequence[Variable] | None = None, keep: bool = True, lead: int = 0
) -> Adjoints:
    """Reverse accumulation.

    Parameters
    ----------
    seeds : dict
        Output node -> cotangent, of the node's shape after `lead` stacked axes. All nodes of one trace.
    leaves : sequence of Variable, optional
        The nodes whose adjoints are wanted; None keeps those of all nodes.
    keep : bool
        Keep the graph. Otherwise the operands of each node may be let go when it has been visited.
    """
    nodes = order(seeds)
    with np.errstate(all="ignore"):
        if leaves is not None and not keep and _held(nodes) > KEPT_BYTES:
            return _consume(seeds, nodes)
        adjoints = _reverse(seeds, nodes, leaves is None, lead)
        wanted = [n for n in nodes if n._primitive is None] if leaves is None else leaves
        only_moved = all(n._primitive is None or n._primitive.moves(n) for n in nodes)
        if not only_moved and not all(is_finite(adjoints[n]) for n in wanted if n in adjoints):
            adjoints = _strong_reverse(seeds, nodes, leaves is None, lead)
    return adjoints


def _held(nodes: list[Variable]) -> int:
    """How many bytes the values of the nodes take."""
    held = 0
    for node in nodes:
        value = node._val
        if value.__class__ is np.ndarray:
            held += value.nbytes
        value = None  # of written arrays it is memory that goes on to the next version, if nobody holds it
    return held


def _reverse(seeds: dict, nodes: list[Variable], keep_all: bool, lead: int) -> Adjoints:
    """The plain sweep."""
    adjoints = Adjoints(seeds)
    take = adjoints.get if keep_all else adjoints.pop
    for node in reversed(nodes):
        primitive = node._primitive
        if primitive is None:
            continue
        cotangent = take(node, None)
        if cotangent is not None:
            if lead:
                _pull_edges(primitive.maps(node), cotangent, adjoints, lead)
            else:
                primitive.pull(node, cotangent, adjoints)
    return adjoints


def _strong_reverse(seeds: dict, nodes: list[Variable], keep_all: bool, lead: int) -> Adjoints:
    """The sweep with true zeros."""
    adjoints = Adjoints(seeds)
    take = adjoints.get if keep_all else adjoints.pop
    for node in reversed(nodes):
        if node._primitive is None:
            continue
        cotangent = take(node, None)
        if cotangent is not None:
            _pull_edges(_strong_edges(node), cotangent, adjoints, lead)
    return adjoints


def _strong_edges(node: Variable) -> Iterator[tuple[Variable, LinearMap]]:
    return ((child, edge.strong()) for child, edge in node._primitive.maps(node))


def _consume(seeds: dict, nodes: list[Variable]) -> Adjoints:
    """The sweep that lets go of each node when it has passed it, and so can not be repeated: it looks at each step.

    Where a contribution is not finite, that node's are computed once more, with true zeros.
    """
    adjoints = Adjoints(seeds, careful=True)
    while nodes:
        node = nodes.pop()
        primitive = node._primitive
        if primitive is None:
            continue
        cotangent = adjoints.pop(node, None)
        if cotangent is not None:
            if primitive.exact(node):
                primitive.pull(node, cotangent, adjoints)
            else:
                found = Adjoints()
                primitive.pull(node, cotangent, found)
                if not all(is_finite(contribution) for contribution in found.values()):
                    found = Adjoints()
                    _pull_edges(_strong_edges(node), cotangent, found, 0)
                for child, contribution in found.items():
                    accumulate(adjoints, child, contribution, fresh=child in found.owned)
            adjoints.owned.discard(node)
        node._args = node._children = FREED
    return adjoints


def _pull_edges(edges: Iterable, cotangent: Any, adjoints: Adjoints, lead: int) -> None:
    if not hasattr(cotangent, "dtype") and not isinstance(cotangent, Parts):
        cotangent = np.asarray(cotangent)[()]
    for child, edge in edges:
        contribution = edge.pull(cotangent)
        if contribution is None:
            continue
        if lead:
            before = adjoints.get(child)
            contribution = fit(contribution, child._val, lead)
            adjoints[child] = contribution if before is None else before + contribution
        else:
            accumulate(adjoints, child, contribution)


def push_forward(nodes: Sequence[Variable], seeds: dict[Variable, Any], outputs: Sequence[Variable]) -> dict:
    """Forward accumulation: the tangents of `outputs` (None where they do not depend) from those of the inputs.

    Tangents may have stacked leading axes, the same for all.
    """
    with np.errstate(all="ignore"):
        tangents = _forward(nodes, seeds, outputs, strong=False)
        if not all(is_finite(t) for t in tangents.values()):
            tangents = _forward(nodes, seeds, outputs, strong=True)
    return tangents


def _forward(nodes: Sequence[Variable], seeds: dict, outputs: Sequence[Variable], strong: bool) -> dict:
    tangents = dict(seeds)
    wanted = set(outputs)
    last_use = _last_uses(nodes)
    for node in nodes:
        if node._children and node not in seeds:
            total = None
            for child, edge in node.own_edges():
                tangent = tangents.get(child)
                if tangent is not None:
                    image = (edge.strong() if strong else edge).push(tangent)
                    total = image if total is None else total + image
            if total is not None:
                tangents[node] = total if isinstance(total, Parts) else cast(total, dtype_of(node._val))
        for spent in last_use.get(node, ()):
            if spent not in wanted:
                tangents.pop(spent, None)
    return {node: tangents[node] for node in outputs if node in tangents}


def _last_uses(nodes: Sequence[Variable]) -> dict[Variable, list[Variable]]:
    """Node -> the children whose last parent it is: their tangents can be let go after it."""
    last: dict[Variable, Variable] = {}
    for node in nodes:
        for child in node._children:
            last[child] = node
    uses: dict[Variable, list[Variable]] = {}
    for child, parent in last.items():
        uses.setdefault(parent, []).append(child)
    return uses


# -- the seed's API ---------------------------------------------------------------------------------------------------


class Gradients(Mapping):
    """Variable -> gradient, for every node of the graph; exactly zero for a variable that it does not contain.

    Each gradient is a NumPy scalar, or an array of its own: writable, and shared with nothing the caller can see.
    """

    def __init__(self, adjoints: Adjoints):
        self._adjoints = adjoints
        self._given: set[Variable] = set()

    def __getitem__(self, variable: Variable) -> Any:
        if not isinstance(variable, Variable):
            raise KeyError(variable)
        node = variable if variable in self._adjoints else variable.node
        if node not in self._adjoints:
            return np.zeros(variable.shape, variable.dtype)[()]
        if node not in self._given:
            self._given.add(node)
            self._adjoints[node] = _own(self._adjoints[node])
        return self._adjoints[node]

    def __iter__(self) -> Iterator[Variable]:
        return (node for node, adjoint in self._adjoints.items() if adjoint.__class__ is not Parts)

    def __len__(self) -> int:
        return sum(1 for _ in self)

    def __contains__(self, variable: object) -> bool:
        return isinstance(variable, Variable) and (variable in self._adjoints or variable.node in self._adjoints)

    def __repr__(self) -> str:
        return f"Gradients({dict(self)!r})"


def _own(gradient: Any) -> Any:
    if gradient.__class__ is float:
        return np.float64(gradient)
    return gradient.copy() if gradient.__class__ is np.ndarray else gradient


def gradients(output: Variable, cotangent: Any = None) -> Gradients:
    """The gradient of `output` with respect to every variable that it was computed from.

    Parameters
    ----------
    output : Variable
        A real scalar, unless `cotangent` is given.
    cotangent : array, optional
        What to pull back, of the shape of `output`.

    Returns
    -------
    mapping
        Variable -> gradient, of the variable's shape and dtype. Variables that `output` does not depend on have zero.

    Raises
    ------
    TypeError
        If `output` is not a variable, or not a real scalar and no cotangent is given.

    Examples
    --------
    >>> a = Variable(4.0)
    >>> gradients(a * a)[a]
    np.float64(8.0)
    """
    node, seed = _seeded(output, cotangent, "gradients")
    return Gradients(pull_back({node: seed}))


def _seeded(output: Any, cotangent: Any, name: str) -> tuple[Variable, Any]:
    if not isinstance(output, Variable):
        raise errors.not_a_variable(output, name)
    node = output.node
    if cotangent is None:
        if node.size != 1 or node.dtype.kind == "c":
            raise errors.not_scalar_variable(output, name)
        return node, unit(node._val)
    if np.shape(cotangent) != node.shape or (np.iscomplexobj(cotangent) and node.dtype.kind != "c"):
        raise errors.wrong_cotangent("cotangent", cotangent, node)
    return node, cast(np.asarray(cotangent)[()] if not isinstance(cotangent, Variable) else cotangent, node.dtype)


def unit(value: Any) -> Any:
    """The cotangent 1 for a value, or for each of its entries."""
    if value.__class__ is float or value.__class__ is np.float64:
        return 1.0
    while isinstance(value, Variable):
        value = value.node._val
    if hasattr(value, "stands_for"):  # a compiler's: what is made of the cotangent is to be of its kind as well
        return np.ones_like(value)[()]
    return np.ones(np.shape(value), dtype_of(value))[()]


@implements(BACKWARD)
def backward(output: Variable, cotangent: Any, keep: bool) -> None:
    """Variable.backward: pull back and add to `.grad`."""
    node, seed = _seeded(output, cotangent, "backward")
    leaves = None if keep else [n for n in order([node]) if n._primitive is None]
    found = Gradients(pull_back({node: seed}, leaves=leaves, keep=keep))
    for variable, gradient in found.items():
        variable.grad = gradient if variable.grad is None else variable.grad + gradient
    if not keep and node._args is not FREED:  # the sweep kept it for a second one, with true zeros
        for spent in order([node]):
            if spent._primitive is not None:
                spent._args = spent._children = FREED
