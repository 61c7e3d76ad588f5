"""Signals and calculus on grids: differences, gradients, integrals, interpolation, convolution.

All but convolution are put together from NumPy calls on variables, in the order in which NumPy itself makes them, so
that the values are NumPy's to the last bit.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from wengert.core.derivatives import stop_gradient
from wengert.core.linear import Compose, Conjugate, Identity, LinearMap, Take, conj, left
from wengert.core.primitive import structured
from wengert.core.registry import implements
from wengert.core.variable import Variable
from wengert.ops.constants import plain
from wengert.ops.reduce import NO_VALUE, as_array, reduction

# -- differences ------------------------------------------------------------------------------------------------------


def _at(axis: int, ndim: int, part: Any) -> tuple:
    """The index that takes `part` of one axis and all of the others."""
    return (slice(None),) * (axis % ndim) + (part,)


@implements(np.diff)
def diff(a, n=1, axis=-1, prepend=NO_VALUE, append=NO_VALUE):
    if n == 0:
        return a
    if n < 0:
        raise ValueError(f"order must be non-negative but got {n!r}")
    a = as_array(a)
    if a.ndim == 0:
        raise ValueError("diff requires input that is at least one dimensional")
    axis = range(a.ndim)[axis]
    ends = []
    for end in (prepend, append):
        if end is not NO_VALUE:
            end = as_array(end)
            if end.ndim == 0:
                end = np.broadcast_to(end, (*a.shape[:axis], 1, *a.shape[axis + 1 :]))
        ends.append(end)
    before, after = ends
    if before is not NO_VALUE or after is not NO_VALUE:
        a = np.concatenate([x for x in (before, a, after) if x is not NO_VALUE], axis=axis)
    later, earlier = _at(axis, a.ndim, slice(1, None)), _at(axis, a.ndim, slice(None, -1))
    for _ in range(n):
        a = a[later] - a[earlier]
    return a


@implements(np.ediff1d)
def ediff1d(ary, to_end=None, to_begin=None):
    ary = np.ravel(as_array(ary))
    steps = ary[1:] - ary[:-1]
    ends = [None if x is None else np.ravel(as_array(x)) for x in (to_begin, to_end)]
    for x, name in zip(ends, ("to_begin", "to_end"), strict=True):
        if x is not None and not np.can_cast(x.dtype, ary.dtype, casting="same_kind"):
            raise TypeError(f"dtype of `{name}` must be compatible with input `ary` under the `same_kind` rule.")
    parts = [x for x in (ends[0], steps, ends[1]) if x is not None]
    return np.concatenate(parts, dtype=ary.dtype, casting="same_kind") if len(parts) > 1 else steps


def _spacings(f: Any, axes: tuple, given: tuple) -> list:
    """For each axis its spacing: a number, or the differences of the coordinates where these are not uniform."""
    if not given:
        return [1.0] * len(axes)
    if len(given) == 1 and np.ndim(given[0]) == 0:
        return [given[0]] * len(axes)
    if len(given) != len(axes):
        raise TypeError("invalid number of arguments")
    spacings = []
    for axis, distances in zip(axes, given, strict=True):
        if np.ndim(distances):
            distances = as_array(distances)
            if distances.ndim != 1:
                raise ValueError("distances must be either scalars or 1d")
            if len(distances) != f.shape[axis]:
                raise ValueError("when 1d, distances must match the length of the corresponding dimension")
            distances = np.diff(distances if plain(distances).dtype.kind in "fc" else distances.astype(float))
            # NumPy does so for speed. The derivative with respect to coordinates is that of the general formula.
            if not isinstance(distances, Variable) and np.all(distances == distances[0]):
                distances = distances[0]
        spacings.append(distances)
    return spacings


@implements(np.gradient)
def gradient(f, *varargs, axis=None, edge_order=1):
    f = as_array(f)
    if f.dtype.kind not in "fc":
        f = f.astype(float)
    axes = (axis,) if isinstance(axis, (int, np.integer)) else range(f.ndim) if axis is None else axis
    axes = tuple(range(f.ndim)[i] for i in axes)
    if edge_order > 2:
        raise ValueError("'edge_order' greater than 2 not supported")
    slopes = tuple(_slopes(f, dx, axis, edge_order) for axis, dx in zip(axes, _spacings(f, axes, varargs), strict=True))
    return slopes[0] if len(axes) == 1 else slopes


def _slopes(f: Any, dx: Any, axis: int, edge_order: int) -> Any:
    """Central differences inside, one-sided ones at both ends."""
    if f.shape[axis] < edge_order + 1:
        raise ValueError(
            "Shape of array too small to calculate a numerical gradient, at least (edge_order + 1) elements are required."
        )
    uniform = np.ndim(dx) == 0

    def at(start: Any, stop: Any) -> Any:
        return f[_at(axis, f.ndim, slice(start, stop))]

    if uniform:
        inside = (at(2, None) - at(None, -2)) / (2.0 * dx)
        first, last = dx, dx
    else:
        one, two = dx[:-1], dx[1:]
        a, b, c = -two / (one * (one + two)), (two - one) / (one * two), one / (two * (one + two))
        a, b, c = (_along(x, axis, f.ndim) for x in (a, b, c))
        inside = a * at(None, -2) + b * at(1, -1) + c * at(2, None)
        first, last = dx[0], dx[-1]
    if edge_order == 1:
        start, end = (at(1, 2) - at(0, 1)) / first, (at(-1, None) - at(-2, -1)) / last
    else:
        if uniform:
            left, right = (-1.5 / dx, 2.0 / dx, -0.5 / dx), (0.5 / dx, -2.0 / dx, 1.5 / dx)
        else:
            one, two = dx[0], dx[1]
            left = (
                -(2.0 * one + two) / (one * (one + two)), (one + two) / (one * two), -one / (two * (one + two))
            )  # fmt: skip
            one, two = dx[-2], dx[-1]
            right = (
                two / (one * (one + two)), -(two + one) / (one * two), (2.0 * two + one) / (two * (one + two))
            )  # fmt: skip
        start = left[0] * at(0, 1) + left[1] * at(1, 2) + left[2] * at(2, 3)
        end = right[0] * at(-3, -2) + right[1] * at(-2, -1) + right[2] * at(-1, None)
    return np.concatenate([start, inside, end], axis=axis, dtype=f.dtype, casting="same_kind")


def _along(x: Any, axis: int, ndim: int) -> Any:
    return np.reshape(x, (1,) * axis + (-1,) + (1,) * (ndim - axis - 1))


# -- integrals and angles ---------------------------------------------------------------------------------------------


@implements(np.trapezoid)
def trapezoid(y, x=None, dx=1.0, axis=-1):
    y = as_array(y)
    if x is None:
        steps = dx
    else:
        x = as_array(x)
        steps = np.diff(x) if x.ndim == 1 else np.diff(x, axis=axis)
        if x.ndim == 1:
            steps = _along(steps, axis % y.ndim, y.ndim)
    later, earlier = _at(axis, y.ndim, slice(1, None)), _at(axis, y.ndim, slice(None, -1))
    return np.sum(steps * (y[later] + y[earlier]) / 2.0, axis=axis)


# Whole periods are added, and their number does not change with p.
_unwrap = reduction(np.unwrap, lambda out, p, discont=None, axis=-1, period=None: Identity(p.shape))


@implements(np.unwrap)
def unwrap(p, discont=None, axis=-1, *, period=2 * np.pi):
    p = as_array(p)
    value = _unwrap(p, discont=plain(discont), axis=axis, period=plain(period))
    if not isinstance(period, Variable):
        return value
    turns = np.rint((plain(value) - plain(p)) / plain(period))
    return value + turns * (period - stop_gradient(period))  # adds nothing but the slope


# -- interpolation ----------------------------------------------------------------------------------------------------


@implements(np.interp)
def interp(x, xp, fp, left=None, right=None, period=None):
    x, xp, fp = as_array(x), as_array(xp), as_array(fp)
    x, xp, fp = _as(x, float), _as(xp, float), _as(fp, complex if fp.dtype.kind == "c" else float)
    if period is not None:
        if period == 0:
            raise ValueError("period must be a non-zero value")
        left = right = None
        period = np.abs(period)
        x, xp = x % period, xp % period
        order = np.argsort(xp)
        xp, fp = xp[order], fp[order]
        xp = np.concatenate([xp[-1:] - period, xp, xp[:1] + period])
        fp = np.concatenate([fp[-1:], fp, fp[:1]])
    if xp.ndim != 1 or fp.ndim != 1 or xp.shape != fp.shape:
        raise ValueError("fp and xp are not of the same length")
    if not xp.size:
        raise ValueError("array of sample points is empty")
    last = xp.size - 1
    place, knots = plain(x), plain(xp)
    before = np.clip(np.searchsorted(knots, place, side="right") - 1, 0, max(last - 1, 0))
    after = np.minimum(before + 1, last)
    anchor = np.where(place == knots[-1], last, before)  # NumPy answers a knot's own value there
    if last:
        value = (fp[after] - fp[before]) / (xp[after] - xp[before]) * (x - xp[anchor]) + fp[anchor]
    else:
        value = np.broadcast_to(fp[0], x.shape)
    value = np.where(place < knots[0], fp[0] if left is None else left, value)
    value = np.where(place > knots[-1], fp[-1] if right is None else right, value)
    return value if x.ndim else value[()]


def _as(x: Any, dtype: Any) -> Any:
    if not np.can_cast(x.dtype, dtype, "safe" if x.ndim else "same_kind"):
        raise TypeError(f"Cannot cast array data from {x.dtype!r} to {np.dtype(dtype)!r} according to the rule 'safe'")
    return x if x.dtype == dtype else x.astype(dtype)


# -- convolution ------------------------------------------------------------------------------------------------------


class Convolution(LinearMap):
    """t -> the full convolution of t with v. Its adjoint is the correlation with v where they overlap completely."""

    label = "* v"

    def __init__(self, v: Any, in_shape: tuple):
        self.v, self.in_shape = v, tuple(in_shape)
        self.out_shape = (self.in_shape[0] + v.shape[0] - 1,)

    def push(self, tangent: Any) -> Any:
        return _by_rows(lambda row: np.convolve(row, self.v), tangent, self.out_shape)

    def pull(self, cotangent: Any) -> Any:
        return _by_rows(lambda row: np.correlate(row, self.v, "valid"), cotangent, self.in_shape)

    def strong(self) -> LinearMap:
        """The Toeplitz matrix, with which each product is formed on its own."""
        place = np.subtract.outer(np.arange(self.out_shape[0]), np.arange(self.in_shape[0]))
        size = self.v.shape[0]
        with_zero = np.concatenate([self.v, np.zeros(1, self.v.dtype)])
        return left(with_zero[np.where((place < 0) | (place > size), size, place)], self.in_shape).strong()


def _by_rows(function: Any, value: Any, out_shape: tuple) -> Any:
    """NumPy convolves one signal at a time."""
    if value.ndim == 1:
        return function(value)
    lead = value.shape[:-1]
    rows = np.reshape(value, (math.prod(lead), value.shape[-1]))
    return np.reshape(np.stack([function(row) for row in rows]), (*lead, *out_shape))


def _kept_part(mode: Any, n: int, m: int, swapped: bool) -> slice:
    """Which part of the full convolution of n and m entries a mode keeps. NumPy swaps a longer second operand to the
    front, and correlation then reverses the result, by which the longer margin of "same" changes sides."""
    mode = {0: "valid", 1: "same", 2: "full"}.get(mode, mode)
    longer, shorter = max(n, m), min(n, m)
    if mode == "full":
        return slice(None)
    if mode == "valid":
        return slice(shorter - 1, longer)
    start = shorter // 2 if swapped else (shorter - 1) // 2
    return slice(start, start + longer)


def _cut(edge: LinearMap, part: slice, out: Any) -> LinearMap:
    return edge if edge.out_shape == out.shape else Compose(Take(edge.out_shape, (part,), out.shape), edge)


def _convolve_edge(i: int) -> Any:
    def edge(out, a, v, mode="full") -> LinearMap:
        moving, other = (a, v) if i == 0 else (v, a)
        return _cut(Convolution(other, moving.shape), _kept_part(mode, a.size, v.size, False), out)

    return edge


def _correlate_left(out, a, v, mode="valid") -> LinearMap:
    return _cut(Convolution(np.flip(conj(v)), a.shape), _kept_part(mode, a.size, v.size, v.size > a.size), out)


def _correlate_right(out, a, v, mode="valid") -> LinearMap:
    edge = Compose(Convolution(a, v.shape), Take(v.shape, (slice(None, None, -1),), v.shape))
    if v.dtype.kind == "c":
        edge = Compose(edge, Conjugate(v.shape))
    return _cut(edge, _kept_part(mode, a.size, v.size, v.size > a.size), out)


_convolve = structured(np.convolve, _convolve_edge(0), _convolve_edge(1))
correlate = structured(np.correlate, _correlate_left, _correlate_right)


@implements(np.convolve)
def convolve(a, v, mode="full"):
    a, v = (np.reshape(x, (1,)) if x.ndim == 0 else x for x in (as_array(a), as_array(v)))
    return _convolve(a, v, mode=mode)
