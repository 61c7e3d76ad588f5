"""Functions whose partials are numbers or arrays: declared by those, and pulled back by multiplying with them.

    exp      = elementwise(np.exp,      lambda out, x: out)
    multiply = elementwise(np.multiply, lambda out, x, y: y, lambda out, x, y: x)

Most nodes of most graphs are of these, so their pulls are written for speed: `Binary` for small values, where Python's
own steps count, and `Elementwise._pull_in_place` for large ones, where memory does.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from wengert.core.adjoints import Adjoints, accumulate, is_finite
from wengert.core.linear import Block, Divide, Identity, LinearMap, Scale, conj, strong_divide, strong_multiply
from wengert.core.primitive import Primitive, register, unsupported
from wengert.core.variable import FLOAT64, Variable, dtype_of

_ndarray, _float64 = np.ndarray, np.float64


class over:
    """A partial by which the edge divides: d log(x) = dx / x, declared over(lambda out, x: x)."""

    def __init__(self, divisor: Callable):
        self.divisor = divisor


class Elementwise(Primitive):
    """A ufunc. The partial of each operand is a number or an array that multiplies (or, with `over`, divides)."""

    def __init__(self, ufunc: np.ufunc, partials: tuple):
        super().__init__(ufunc, ufunc.__name__)
        if len(partials) != ufunc.nin:
            raise ValueError(f"{self.name} has {ufunc.nin} operands, got {len(partials)} partials")
        self.partials = partials
        self.refused = {i: p for i, p in enumerate(partials) if isinstance(p, unsupported)}
        self.steps = [_step(p) for p in partials]
        self.single = ufunc.nout == 1

    def maps(self, node: Variable) -> list[tuple[Variable, LinearMap]]:
        level, out, values = node._level, node._val, self.values(node)
        found = []
        for arg, partial in zip(node._args, self.partials, strict=True):
            if partial is not None and isinstance(arg, Variable) and arg._level == level:
                found.append((arg, self._map(partial, out, values, np.shape(arg._val))))
        return found

    def _map(self, partial: Any, out: Any, values: list, shape: tuple) -> LinearMap:
        if not self.single:
            parts = partial(out, *values)
            shapes = [np.shape(x) for x in out]
            return Block(*(None if p is None else Scale(p, shape, s) for p, s in zip(parts, shapes, strict=True)))
        out_shape = np.shape(out)
        if isinstance(partial, over):
            return Divide(partial.divisor(out, *values), shape, out_shape)
        if callable(partial):
            return Scale(partial(out, *values), shape, out_shape)
        return Identity(shape) if partial == 1 and shape == out_shape else Scale(float(partial), shape, out_shape)

    def local_gradients(self, node: Variable) -> tuple:
        if not self.single:
            return self.edges(node)
        with np.errstate(all="ignore"):
            return tuple((child, _partial_value(edge)) for child, edge in self.maps(node))

    def pull(self, node: Variable, cotangent: Any, adjoints: Adjoints) -> None:
        if not self.single:
            return super().pull(node, cotangent, adjoints)
        values, level, out = self.values(node), node._level, node._val
        if out.__class__ is _ndarray and out.size >= LARGE:
            return self._pull_in_place(node, cotangent, adjoints)
        for child, (step, partial) in zip(node._args, self.steps, strict=True):
            if step is not None and isinstance(child, Variable) and child._level == level:
                accumulate(adjoints, child, cotangent if step is _same else step(cotangent, partial(out, *values)))
        return None

    def exact(self, node: Variable) -> bool:
        return self.single and node._val.__class__ is _ndarray and node._val.size >= LARGE

    def _pull_in_place(self, node: Variable, cotangent: Any, adjoints: Adjoints) -> None:
        """The same for large arrays, where fresh memory costs more than arithmetic: what is spare is written into.

        That is a partial that was computed here, and the cotangent, if the sweep made it and nobody needs it after. A
        careful sweep looks for what is not finite, and there has true zeros.
        """
        values, level, out = self.values(node), node._level, node._val
        wanted = [
            (arg, step, partial)
            for arg, (step, partial) in zip(node._args, self.steps, strict=True)
            if step is not None and isinstance(arg, Variable) and arg._level == level
        ]
        wanted.sort(key=lambda edge: edge[1] is _same)  # those that hand the cotangent itself on come last
        mine = node in adjoints.owned and node not in adjoints and sum(edge[1] is _same for edge in wanted) < 2
        for place, (child, step, partial) in enumerate(wanted):
            last = mine and place == len(wanted) - 1
            if step is _same:
                accumulate(adjoints, child, cotangent, fresh=last)
                continue
            p = partial(out, *values)
            made = p.__class__ is _ndarray and p.flags.owndata and not any(p is x for x in (out, *values))
            safe = not adjoints.careful  # the contribution needs no second look
            if not made and last and adjoints.careful:
                safe = step is not _divided and is_finite(p) and is_finite(cotangent)
            spare = p if made else cotangent if last and safe else None
            contribution = step(cotangent, p, spare if _takes(spare, cotangent, p) else None)
            if not safe and not is_finite(contribution):
                contribution = STRONG[step](cotangent, conj(partial(out, *values)))
            accumulate(adjoints, child, contribution, fresh=True)


def _takes(spare: Any, cotangent: Any, partial: Any) -> bool:
    """Is the spare array of the shape and dtype of cotangent * partial?"""
    return (
        spare.__class__ is cotangent.__class__ is _ndarray
        and spare.dtype is cotangent.dtype is FLOAT64
        and dtype_of(partial) is FLOAT64
        and spare.shape == cotangent.shape == np.broadcast_shapes(cotangent.shape, np.shape(partial))
        and spare.flags.writeable
    )


LARGE = 1 << 14  # entries


class Binary(Elementwise):
    """One of two operands, the commonest kind: its pull is the innermost loop of every sweep, and spelled out."""

    def pull(self, node: Variable, cotangent: Any, adjoints: Adjoints) -> None:
        (first, p), (second, q) = self.steps
        x, y = node._args
        out, children = node._val, node._children
        if len(children) == 2:
            u, v = x._val, y._val
        elif x is children[0]:
            u, v, second = x._val, y, None
        else:
            u, v, first = x, y._val, None
        if out.__class__ is _ndarray and out.size >= LARGE:
            return self._pull_in_place(node, cotangent, adjoints)
        # A real result has real operands: there is nothing to conjugate.
        real = out.__class__ is float or (out.__class__ is _ndarray and out.dtype is FLOAT64)
        if first is not None:
            if first is _same:
                g = cotangent
            elif real and first is _multiplied:
                g = cotangent * p(out, u, v)
            else:
                g = first(cotangent, p(out, u, v))
            accumulate(adjoints, x, g)
        if second is not None:
            if second is _same:
                g = cotangent
            elif real and second is _multiplied:
                g = cotangent * q(out, u, v)
            else:
                g = second(cotangent, q(out, u, v))
            accumulate(adjoints, y, g)
        return None


def _partial_value(edge: LinearMap) -> Any:
    if isinstance(edge, Divide):
        divisor = edge.partial  # a number of Python's raises where NumPy's are infinite
        return float(np.divide(1.0, divisor)) if divisor.__class__ is float or divisor.__class__ is int else 1 / divisor
    if not isinstance(edge, Scale):
        return 1.0
    return edge.partial[()] if isinstance(edge.partial, np.ndarray) else edge.partial


def _same(g: Any, partial: Any, out: Any = None) -> Any:
    """The contribution of an edge whose partial is 1."""
    return g


def _negated(g: Any, partial: Any, out: Any = None) -> Any:
    return -g if out is None else np.negative(g, out=out)


def _multiplied(g: Any, partial: Any, out: Any = None) -> Any:
    if out is not None:
        return np.multiply(g, partial, out=out)
    kind = partial.__class__
    real = kind is float or kind is _float64 or (kind is _ndarray and partial.dtype is FLOAT64)
    return g * (partial if real else conj(partial))


def _divided(g: Any, divisor: Any, out: Any = None) -> Any:
    if out is not None:
        return np.divide(g, divisor, out=out)
    kind = divisor.__class__
    # Python's own numbers would raise where NumPy answers inf.
    return g / (divisor if kind is _float64 else _float64(divisor) if kind is float or kind is int else conj(divisor))


STRONG = {_multiplied: strong_multiply, _divided: strong_divide, _negated: strong_multiply}


def _step(partial: Any) -> tuple[Callable | None, Callable]:
    """How one elementwise edge is pulled back: step(cotangent, partial(out, *operands), out=an array to write into)."""
    if partial is None or isinstance(partial, unsupported):
        return None, _same
    if isinstance(partial, over):
        return _divided, partial.divisor
    if callable(partial):
        return _multiplied, partial
    if partial == 1:
        return _same, _same
    if partial == -1:
        return _negated, lambda out, *operands: -1.0
    return _multiplied, lambda out, *operands: float(partial)


def elementwise(ufunc: np.ufunc, *partials: Any) -> Elementwise:
    """Declare a ufunc: one partial for each operand.

    Parameters
    ----------
    ufunc : numpy.ufunc
    partials
        For each operand a function ``(out, *operands) -> partial``, `over` such a function (the edge divides by it), a
        number (constant partial), None (the derivative is exactly zero) or `unsupported(argument, reason)`. For a
        ufunc with several outputs, `out` is a tuple and the partial returns one.
    """
    kind = Binary if ufunc.nin == 2 and ufunc.nout == 1 else Elementwise
    primitive = kind(ufunc, partials)
    return register(primitive, ufunc)
