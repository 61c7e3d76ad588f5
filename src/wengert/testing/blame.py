"""Which edge of a graph is wrong: each node's edges against differences of its own function, in the order of execution.

`check_grads` asks this when a derivative as a whole has failed. A node is checked alone, at the values that it had, so that an
error is found at the primitive that makes it, however large the graph around it is.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np

from wengert.core.linear import Parts
from wengert.core.primitive import ENTRY, Given
from wengert.core.sweep import order
from wengert.core.trees import flatten
from wengert.core.variable import Variable, dtype_of
from wengert.testing.differences import central, inner, random_like


class Wrong(NamedTuple):
    """An edge that disagrees with differences: `analytic` and `numeric` are along one random direction."""

    node: Variable
    position: int  # of the operand, from 0
    how: str  # "push", "pull" or "no edge"
    analytic: float
    numeric: float

    @property
    def name(self) -> str:
        return self.node._primitive.name


class Searched(NamedTuple):
    """What a search found: the wrong edges, and the names of the primitives whose edges it could not judge.

    Of the `unchecked` the function could not be computed again; of the `unsettled` differences say nothing, because there
    is a kink or a jump nearby.
    """

    wrong: list[Wrong]
    unchecked: list[str]
    unsettled: list[str]


def wrong_edges(outputs: Sequence[Variable], mode: str, tolerance: float, rng: np.random.Generator) -> Searched:
    """Check every edge of a graph alone.

    Parameters
    ----------
    outputs : sequence of Variable
        Of one trace, with plain values.
    mode : str
        "fwd" checks the pushes, "rev" the pulls.
    """
    wrong: list[Wrong] = []
    unchecked: list[str] = []
    unsettled: list[str] = []
    for node in order(outputs):
        if node._primitive is None or node._primitive is ENTRY:
            continue
        with np.errstate(all="ignore"):
            try:
                for found in _of_node(node, mode, tolerance, rng):
                    if isinstance(found, Wrong):
                        wrong.append(found)
                    else:
                        unsettled.append(found)
            except _Unchecked:
                unchecked.append(node._primitive.name)
    return Searched(wrong, list(dict.fromkeys(unchecked)), list(dict.fromkeys(unsettled)))


# Functions of a matrix that they take for Hermitian: their derivative is that along Hermitian directions.
HERMITIAN = frozenset({"linalg.cholesky", "linalg.eigh", "linalg.eigvalsh"})
# What these return is chosen among many, or jumps with the rank: differences follow the choice, and not the derivative.
CHOSEN = frozenset({"linalg.eig", "linalg.lstsq", "linalg.pinv", "linalg.qr", "linalg.svd"})


class _Unchecked(Exception):
    """This node's function cannot be computed again."""


def _of_node(node: Variable, mode: str, tolerance: float, rng: np.random.Generator) -> Iterator[Wrong | str]:
    """The wrong edges of one node; its primitive's name where differences do not settle."""
    name = node._primitive.name
    if name in CHOSEN:
        raise _Unchecked
    function, values = _function(node), [_own(x) for x in node._args]
    if name == "linalg.eigh" and np.iscomplexobj(values[0]):  # the vectors' phases are chosen, too
        raise _Unchecked
    edges = dict(_positions(node))
    for i, arg in enumerate(node._args):
        if not isinstance(arg, Variable) or arg._level != node._level or not np.size(values[i]):
            continue
        direction = random_like(values[i], rng)
        if name in HERMITIAN:
            direction = (direction + np.conj(np.swapaxes(direction, -1, -2))) / 2

        def along(x: Any, i: int = i) -> list:
            return [np.asarray(leaf) for leaf in flatten(function(*values[:i], x, *values[i + 1 :]))[0]]

        try:
            numeric, errors = central(along, [values[i]], [direction])
        except Exception as error:
            raise _Unchecked from error
        edge = edges.get(i)
        found = _pushed(edge, direction, numeric) if mode == "fwd" else None
        cotangents = [random_like(n, rng) for n in numeric]
        for analytic, wanted, doubt, how in (
            _along_outputs(found, numeric, errors)
            if mode == "fwd"
            else _along_cotangent(edge, direction, cotangents, numeric, errors)
        ):
            limit = tolerance * max(1.0, abs(wanted))
            if abs(analytic - wanted) <= limit:
                continue
            if not np.isfinite(wanted) or doubt > 1e2 * limit or _kinked(along, values[i], direction, limit):
                yield name
            elif not abs(analytic - wanted) <= limit + 10 * doubt:
                yield Wrong(node, i, "no edge" if edge is None else how, analytic, wanted)
            break


def _kinked(f: Callable, point: Any, direction: Any, limit: float) -> bool:
    """Do the slopes to the two sides stay apart when the step shrinks? Central differences would not show it."""
    here = f(point)

    def bend(step: float) -> float:
        after, before = f(point + step * direction), f(point - step * direction)
        bends = [np.max(np.abs(a - 2 * h + b), initial=0) for a, h, b in zip(after, here, before, strict=True)]
        return float(max(bends)) / step

    wide, narrow = bend(1e-3), bend(1e-5)
    return not (narrow <= 0.1 * wide or narrow <= limit)


def _pushed(edge: Any, direction: Any, numeric: list) -> list:
    if edge is None:
        return [np.zeros(n.shape) for n in numeric]
    image = edge.push(direction)
    parts = image.values if isinstance(image, Parts) else (image,)
    return [
        np.zeros(n.shape) if p is None else np.asarray(p) if np.iscomplexobj(n) else np.real(p)  # as a sweep casts it
        for p, n in zip(parts, numeric, strict=True)
    ]


def _along_outputs(pushed: list | None, numeric: list, errors: list) -> Iterator[tuple]:
    for a, n, e in zip(pushed or [], numeric, errors, strict=True):
        if n.size and a.shape == n.shape:
            worst = np.unravel_index(np.argmax(np.abs(a - n)), n.shape)
            yield a[worst], n[worst], float(np.max(e)), "push"


def _along_cotangent(edge: Any, direction: Any, cotangents: list, numeric: list, errors: list) -> Iterator[tuple]:
    analytic = 0.0
    if edge is not None:
        single = len(cotangents) == 1 and edge.out_shape == cotangents[0].shape
        pulled = edge.pull(cotangents[0][()] if single else Parts(cotangents))
        analytic = 0.0 if pulled is None else inner(pulled, direction)
    doubt = sum(float(np.sum(np.abs(c) * e)) for c, e in zip(cotangents, errors, strict=True))
    yield analytic, inner(cotangents, numeric), doubt, "pull"


def _function(node: Variable) -> Callable:
    """The node's function of its operands' values."""
    primitive, params = node._primitive, node._params
    if isinstance(primitive, Given):
        if primitive.called is None:  # made by hand: nobody knows the function
            raise _Unchecked
        written, keywords = primitive.called
        return lambda *values: written(*values, **keywords)[0]
    return lambda *values: primitive.function(*map(_copied, values), **params)


def _copied(value: Any) -> Any:
    return value.copy() if isinstance(value, np.ndarray) else value


def _own(arg: Any) -> Any:
    value = arg._val if isinstance(arg, Variable) else arg
    if isinstance(value, (Variable, tuple)):
        raise _Unchecked
    return np.array(value)[()] if isinstance(value, (np.ndarray, float, complex)) else value


def _positions(node: Variable) -> Iterator[tuple[int, Any]]:
    """(operand's position, edge) for each edge of a node."""
    at = 0
    for child, edge in node._primitive.maps(node):
        at = next((i for i in range(at, len(node._args)) if node._args[i] is child), at)
        yield at, edge
        at += 1


def described(found: Wrong, count: int) -> str:
    """In words: the primitive, the operand, the node's shape, what its rule gives and what differences give."""
    shape = np.shape(found.node._val) if not isinstance(found.node._val, tuple) else "several outputs"
    dtype = "" if isinstance(found.node._val, tuple) else f" {dtype_of(found.node._val)}"
    edge = (
        f"{found.name} has no derivative by its operand {found.position}"
        if found.how == "no edge"
        else f"the {found.how} of {found.name} by its operand {found.position} gives {found.analytic:.6g}"
    )
    more = f" ({count} such edges; this is the first)" if count > 1 else ""
    return f"To blame: {edge}, differences of it alone {found.numeric:.6g}, at a node of shape {shape}{dtype}{more}."
