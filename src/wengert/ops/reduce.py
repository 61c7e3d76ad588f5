"""Reductions and running reductions: sum, prod, mean, max, var, std, cumsum, cumprod and their nan-skipping kin.

Each is a primitive of one operand whose keywords are parameters. Statistics that are put together from these, and
those that look at the order of the entries, live in `statistics`.
"""

from __future__ import annotations

import inspect
import math
from collections.abc import Callable
from typing import Any

import numpy as np

from wengert.core import errors
from wengert.core.adjoints import accumulate, cast
from wengert.core.linear import (
    Cast,
    Compose,
    Cumulative,
    LinearMap,
    Real,
    Reshape,
    Scale,
    Select,
    Sum,
    conj,
    strong_multiply,
)
from wengert.core.primitive import Structured, node_of, record
from wengert.core.registry import implements, primitives, rules
from wengert.core.variable import FLOAT64, NO_PARAMS, Variable, dtype_of
from wengert.ops.targets import deliver

NO_VALUE = np._NoValue  # type: ignore[attr-defined]  # NumPy's own mark for "not given"

_DEFAULTS = {"axis": None, "dtype": None, "out": None, "keepdims": False}  # said or left out, they mean the same


def as_array(x: Any) -> Any:
    """An operand as something with a shape: variables and arrays as they are, numbers and lists through NumPy."""
    return x if isinstance(x, (Variable, np.ndarray, np.generic)) else np.asarray(x)


class Reduction(Structured):
    """A function of one differentiable operand; all else it is given are parameters, `out` among them."""

    def __init__(self, function: Callable, edge: Callable):
        super().__init__(function, (edge,), function.__name__, tuple(inspect.signature(function).parameters))

    def __call__(self, *args: Any, **params: Any) -> Any:
        if len(args) != 1:
            params.update(zip(self.names, args, strict=False))
            args = (params.pop(self.names[0]),)
        a = args[0]
        if params:
            params = {
                key: value
                for key, value in params.items()
                if value is not NO_VALUE and value is not _DEFAULTS.get(key, NO_VALUE)
            }
            if "out" in params:
                out = params.pop("out")
                if "dtype" in self.names:
                    # NumPy accumulates in the target's dtype where it is the wider one.
                    params.setdefault("dtype", np.promote_types(dtype_of(a), dtype_of(out)))
                return deliver(self(a, **params), out)
            for key, value in params.items():
                if isinstance(value, Variable):
                    raise errors.no_partial(self.name, key, "it is a parameter")
        if not isinstance(a, Variable):
            return self.function(a, **params)
        a = a.node
        return record(self, self.function(a._val, **params), (a,), params, a._level, (a,))


def reduction(function: Callable, edge: Callable, kind: type = Reduction) -> Reduction:
    """Declare a reduction; the edge is told only the keywords that were given."""
    primitive = kind(function, edge)
    rules[function] = primitives[primitive.name] = primitive
    return primitive


# -- the commonest pulls, without a map in between -----------------------------------


class PlainSum(Reduction):
    """A sum or mean. That of a plain array is pulled back as copies of its entries along the summed axes."""

    def moves(self, node: Variable) -> bool:
        return not node._params

    def __call__(self, *args: Any, **params: Any) -> Any:
        if len(args) == 1 and not params and args[0].__class__ is Variable:
            value = args[0]._val
            if value.__class__ is np.ndarray and value.dtype is FLOAT64 and value.size:  # what np.sum and np.mean do
                out = np.add.reduce(value, axis=None)
                return node_of(self, out / value.size if self is mean else out, args, NO_PARAMS, args[0]._level, args)
        return super().__call__(*args, **params)

    def pull(self, node: Variable, cotangent: Any, adjoints: Any) -> None:
        (child,), params = node._args, node._params
        value = child._val
        if value.__class__ is not np.ndarray or isinstance(cotangent, Variable) or not params.keys() <= _AXES:
            return super().pull(node, cotangent, adjoints)
        if not params and value.size <= 4096 and value.dtype is FLOAT64:
            contribution = np.empty(value.shape)
            contribution.fill(cotangent / value.size if self is mean and value.size else cotangent)
            return accumulate(adjoints, child, contribution)
        if self is mean and value.size:
            cotangent = cotangent / (value.size // np.size(cotangent))
        if params and params.keys() != {"keepdims"}:
            axes, shape = axes_of(params["axis"], value.ndim), value.shape
            cotangent = np.reshape(cotangent, [1 if i in axes else n for i, n in enumerate(shape)])
        if value.size > 4096:  # a view, which costs nothing
            return accumulate(adjoints, child, np.broadcast_to(cast(np.asarray(cotangent), value.dtype), value.shape))
        contribution = np.empty(value.shape, value.dtype)
        contribution[...] = cotangent
        return accumulate(adjoints, child, contribution)


_AXES = {"axis", "keepdims"}


class WholeExtreme(Reduction):
    """A maximum or minimum. That of a whole array is pulled back to the few entries that attain it."""

    def moves(self, node: Variable) -> bool:
        return not node._params and bool(node._val == node._val)

    def pull(self, node: Variable, cotangent: Any, adjoints: Any) -> None:
        (child,), out = node._args, node._val
        value = child._val
        if node._params or value.__class__ is not np.ndarray or isinstance(cotangent, Variable) or out != out:
            return super().pull(node, cotangent, adjoints)
        places = np.flatnonzero(value == out)
        contribution = np.zeros(value.shape, value.dtype)
        contribution.reshape(-1)[places] = cotangent / len(places)
        return accumulate(adjoints, child, contribution, fresh=True)


# -- what the edges are made of ---------------------------------------------------------------------------------------


def total(a: Any, axis: Any, keepdims: bool, where: Any = True) -> LinearMap:
    """Sum over the reduced axes, of the entries selected by `where`."""
    added = Sum(a.shape, axis if a.shape else None, bool(keepdims))
    return added if where is True else Compose(added, Select(where, a.shape))


def axes_of(axis: Any, ndim: int) -> tuple[int, ...]:
    """The reduced axes, counted from 0."""
    axes = range(ndim) if axis is None else axis if isinstance(axis, (tuple, list)) else (axis,)
    return tuple(int(i) % ndim for i in axes) if ndim else ()


def kept(value: Any, shape: tuple, axis: Any) -> Any:
    """A reduction's value with the reduced axes put back as 1."""
    axes = axes_of(axis, len(shape))
    return np.reshape(value, tuple(1 if i in axes else n for i, n in enumerate(shape)))


def count_of(a: Any, axis: Any, where: Any) -> Any:
    """How many entries each sum has: a Python number, or an array with the reduced axes kept."""
    if where is True:
        return math.prod(a.shape[i] for i in axes_of(axis, a.ndim))
    return np.sum(np.broadcast_to(where, a.shape), axis=axes_of(axis, a.ndim), keepdims=True)


def quotient(x: Any, y: Any, a: Any) -> Any:
    """x / y for counts, in the real dtype of `a`: a float32 stays one. Division by zero answers inf or nan."""
    if isinstance(y, (int, float)):
        return float(np.divide(x, y))
    return np.divide(x, y).astype(real_dtype(a))


def real_dtype(a: Any) -> np.dtype:
    return np.finfo(a.dtype).dtype


def widened(edge: LinearMap, a: Any, out: Any, dtype: Any = None) -> LinearMap:
    """The edge after a change to the dtype in which NumPy accumulates: that of `out`, float32 for a mean of halves."""
    if dtype is None:
        dtype = out.dtype
    return edge if a.dtype == dtype else Compose(edge, Cast(a.shape, dtype))


def skipping_nan(edge: Callable) -> Callable:
    """The edge for the function's nan-skipping kin: nan entries are left out, so their derivative is 0."""

    def skipping(out: Any, a: Any, where: Any = True, **params: Any) -> LinearMap:
        return edge(out, a, where=where & ~np.isnan(a), **params)

    return skipping


# -- sums -------------------------------------------------------------------------------------------------------------


def _sum_edge(out, a, axis=None, dtype=None, keepdims=False, initial=0, where=True) -> LinearMap:
    return widened(total(a, axis, keepdims, where), a, out)


def _mean_edge(out, a, axis=None, dtype=None, keepdims=False, where=True) -> LinearMap:
    added = total(a, axis, keepdims, where)
    share = quotient(1, count_of(a, axis, where), a)
    if where is not True:
        share = np.reshape(share, added.out_shape)
    wide = np.float32 if out.dtype == np.float16 else out.dtype  # a sum of halves overflows early
    return widened(Compose(Scale(share, added.out_shape), added), a, out, wide)


sum_ = reduction(np.sum, _sum_edge, PlainSum)
mean = reduction(np.mean, _mean_edge, PlainSum)
nansum = reduction(np.nansum, skipping_nan(_sum_edge))
nanmean = reduction(np.nanmean, skipping_nan(_mean_edge))

# -- variance and standard deviation ----------------------------------------------------------------------------------
# With m the mean, d Σ|x - m|² = 2 Σ Re(conj(x - m) dx): what comes through m adds up to nothing.


def _deviation(a: Any, axis: Any, where: Any, center: Any) -> Any:
    axes = axes_of(axis, a.ndim)
    if center is None:
        selected = a if where is True else np.where(where, a, 0)
        center = np.sum(selected, axis=axes, keepdims=True) / count_of(a, axis, where)
        center = center.astype(a.dtype) if center.dtype != a.dtype else center
    deviation = a - center
    return deviation if where is True else np.where(where, deviation, 0)


def _freedom(a: Any, axis: Any, where: Any, ddof: Any, correction: Any) -> Any:
    freedom = count_of(a, axis, where) - (ddof if correction is None else correction)
    return max(freedom, 0) if where is True else np.maximum(freedom, 0)


def _squares_edge(a: Any, axis: Any, keepdims: bool, deviation: Any, factor: Any) -> LinearMap:
    """t -> factor * Σ Re(conj(deviation) t). The factor stands on the small side, where it costs nothing."""
    scaled: LinearMap = Scale(conj(deviation), a.shape)
    if a.dtype.kind == "c":
        scaled = Compose(Real(a.shape), scaled)
    added = total(a, axis, keepdims)
    return Compose(
        Scale(factor if np.ndim(factor) == 0 else np.reshape(factor, added.out_shape), added.out_shape), added @ scaled
    )


def _var_edge(
    out, a, axis=None, dtype=None, ddof=0, keepdims=False, where=True, mean=None, correction=None
) -> LinearMap:
    factor = quotient(2, _freedom(a, axis, where, ddof, correction), a)
    return _squares_edge(a, axis, keepdims, _deviation(a, axis, where, mean), factor)


def _std_edge(
    out, a, axis=None, dtype=None, ddof=0, keepdims=False, where=True, mean=None, correction=None
) -> LinearMap:
    spread = kept(out, a.shape, axis)
    flat = spread == 0
    if mean is None and a.dtype.kind == "f" and a.size:
        # Of equal entries the mean may be off by a rounding, and then so is the deviation, which should be 0.
        axes = axes_of(axis, a.ndim)
        high = np.max(a, axis=axes, keepdims=True, initial=-np.inf, where=where)
        flat = flat | (high == np.min(a, axis=axes, keepdims=True, initial=np.inf, where=where))
    share = quotient(1, _freedom(a, axis, where, ddof, correction), a)
    factor = np.where(flat, 0, share / np.where(flat, 1, spread))
    return _squares_edge(a, axis, keepdims, _deviation(a, axis, where, mean), factor)


_var = reduction(np.var, _var_edge)  # no degree of freedom left
_std = reduction(np.std, _std_edge)
_nanvar = reduction(np.nanvar, skipping_nan(_var_edge))
_nanstd = reduction(np.nanstd, skipping_nan(_std_edge))


def _about(mean: Any, a: Any, axis=None, dtype=None, out=None, ddof=0, keepdims=False, where=True, correction=None):
    """The variance about a given mean that is itself a variable."""
    where = True if where is NO_VALUE else where
    deviation = as_array(a) - mean
    squares = np.real(deviation * conj(deviation))
    summed = np.sum(squares, axis=axis, dtype=dtype, keepdims=keepdims, where=where)
    freedom = _freedom(deviation, axis, where, ddof, None if correction is NO_VALUE else correction)
    return summed / (freedom if where is True else np.reshape(freedom, summed.shape))


@implements(np.var)
def var(*args, mean=NO_VALUE, **params):
    if isinstance(mean, Variable):
        return deliver(_about(mean, *args, **params), params.get("out"))
    return _var(*args, mean=mean, **params)


@implements(np.std)
def std(*args, mean=NO_VALUE, **params):
    if isinstance(mean, Variable):
        return deliver(np.sqrt(_about(mean, *args, **params)), params.get("out"))
    return _std(*args, mean=mean, **params)


@implements(np.nanvar)
def nanvar(a, *args, mean=NO_VALUE, where=NO_VALUE, **params):
    if isinstance(mean, Variable):
        return var(a, *args, mean=mean, where=~np.isnan(a) & (True if where is NO_VALUE else where), **params)
    return _nanvar(a, *args, mean=mean, where=where, **params)


@implements(np.nanstd)
def nanstd(a, *args, mean=NO_VALUE, where=NO_VALUE, **params):
    if isinstance(mean, Variable):
        return std(a, *args, mean=mean, where=~np.isnan(a) & (True if where is NO_VALUE else where), **params)
    return _nanstd(a, *args, mean=mean, where=where, **params)


# -- extremes: ties share equally -------------------------------------------------------------------------------------


def _extreme_edge(out, a, axis=None, keepdims=False, initial=None, where=True) -> LinearMap:
    chosen = kept(out, a.shape, axis)
    hit = (a == chosen) | ((a != a) & (chosen != chosen))
    if where is not True:
        hit = hit & where
    count = np.sum(hit, axis=axes_of(axis, a.ndim), keepdims=True)
    if initial is not None:
        count = count + (chosen == initial)
    share = np.divide(hit, np.maximum(count, 1), dtype=real_dtype(a))
    return Compose(total(a, axis, keepdims), Scale(share, a.shape))


max_ = reduction(np.max, _extreme_edge, WholeExtreme)
min_ = reduction(np.min, _extreme_edge, WholeExtreme)
nanmax = reduction(np.nanmax, skipping_nan(_extreme_edge))
nanmin = reduction(np.nanmin, skipping_nan(_extreme_edge))
rules[np.amax], rules[np.amin] = max_, min_  # functions of their own, which NumPy may send here by either name


@implements(np.ptp)
def ptp(a, axis=None, out=None, keepdims=NO_VALUE):
    return deliver(np.max(a, axis, keepdims=keepdims) - np.min(a, axis, keepdims=keepdims), out)


# -- products ---------------------------------------------------------------------------------------------------------


def _running(a: Any) -> Any:
    """1, a₀, a₀a₁, ... along the last axis: for each entry the product of those before it."""
    ones = np.ones(a.shape[:-1] + (1,), a.dtype)
    return np.concatenate([ones, np.cumprod(a[..., :-1], axis=-1)], axis=-1)


def _prod_edge(out, a, axis=None, dtype=None, keepdims=False, initial=None, where=True) -> LinearMap:
    """Each entry's partial is the product of all others, found without a division: zeros are exact."""
    added = total(a, axis, keepdims, where)
    if a.size == 0:
        return widened(added, a, out)
    factors = a if where is True else np.where(where, a, 1)
    factors = factors if factors.dtype == out.dtype else factors.astype(out.dtype)
    axes = axes_of(axis, a.ndim)
    rest = tuple(i for i in range(a.ndim) if i not in axes)
    order = rest + axes
    rows = np.reshape(np.transpose(factors, order), (*(a.shape[i] for i in rest), math.prod(a.shape[i] for i in axes)))
    others = _running(rows) * np.flip(_running(np.flip(rows, -1)), -1)
    others = np.transpose(np.reshape(others, [a.shape[i] for i in order]), [order.index(i) for i in range(a.ndim)])
    if initial is not None:
        others = others * initial
    return Compose(added, widened(Scale(others, a.shape), a, out))


prod = reduction(np.prod, _prod_edge)  # the others' product may overflow
nanprod = reduction(np.nanprod, skipping_nan(_prod_edge))


class Recurrence(LinearMap):
    """u -> y with yᵢ = cᵢ yᵢ₋₁ + uᵢ along an axis: the derivative of a running product, without a division.

    Computed by doubling (Hillis and Steele 1986): log₂ n steps over whole arrays instead of n over slices.
    """

    label = "recurrence"

    def __init__(self, coefficients: Any, axis: int, multiply: Callable = np.multiply):
        self.coefficients, self.multiply = coefficients, multiply
        self.in_shape = self.out_shape = tuple(coefficients.shape)
        self.axis = axis % len(self.in_shape) - len(self.in_shape)  # counted from the end: stacked axes do not move it

    def _part(self, value: Any, start: Any, stop: Any) -> Any:
        return value[(Ellipsis, slice(start, stop)) + (slice(None),) * (-1 - self.axis)]

    def _run(self, c: Any, y: Any) -> Any:
        part, step, n = self._part, 1, self.in_shape[self.axis]
        while step < n:
            # Invariant: yᵢ is right for i < step, and cᵢ is the product of the last `step` coefficients for i >= step.
            added = part(y, step, None) + self.multiply(part(c, step, None), part(y, None, -step))
            y = np.concatenate([part(y, None, step), added], axis=self.axis)
            c = np.concatenate([part(c, None, step), part(c, step, None) * part(c, None, -step)], axis=self.axis)
            step *= 2
        return y

    def push(self, tangent: Any) -> Any:
        return self._run(self.coefficients, tangent)

    def pull(self, cotangent: Any) -> Any:
        c = conj(self.coefficients)
        c = np.concatenate([self._part(c, None, 1), np.flip(self._part(c, 1, None), self.axis)], axis=self.axis)
        return np.flip(self._run(c, np.flip(cotangent, self.axis)), self.axis)

    def strong(self) -> LinearMap:
        return Recurrence(self.coefficients, self.axis, strong_multiply)


# -- running sums and products ----------------------------------------------------------------------------------------


def _cumsum_edge(out, a, axis=None, dtype=None, where=True) -> LinearMap:
    flat = axis is None or a.ndim == 0
    edge: LinearMap = Cumulative(out.shape, 0 if flat else axis)
    if flat:
        edge = Compose(edge, Reshape(a.shape, out.shape))
    if where is not True:
        edge = Compose(edge, Select(where, a.shape))
    return widened(edge, a, out)


def _cumprod_edge(out, a, axis=None, dtype=None, where=True) -> LinearMap:
    flat = axis is None or a.ndim == 0
    axis = 0 if flat else axis
    factors = a if where is True else np.where(where, a, 1)
    factors = factors if factors.dtype == out.dtype else factors.astype(out.dtype)
    factors = np.reshape(factors, out.shape)
    before = (slice(None),) * (axis % out.ndim)
    ones = np.ones_like(factors[(*before, slice(0, 1))])
    preceding = np.concatenate([ones, out[(*before, slice(None, -1))]], axis=axis) if out.size else out
    edge: LinearMap = Compose(Recurrence(factors, axis), Scale(preceding, out.shape))
    if flat:
        edge = Compose(edge, Reshape(a.shape, out.shape))
    if where is not True:
        edge = Compose(edge, Select(where, a.shape))
    return widened(edge, a, out)


cumsum = reduction(np.cumsum, _cumsum_edge)
cumprod = reduction(np.cumprod, _cumprod_edge)
nancumsum = reduction(np.nancumsum, skipping_nan(_cumsum_edge))
nancumprod = reduction(np.nancumprod, skipping_nan(_cumprod_edge))


def _cumulative(run: Callable, first: float) -> Callable:
    def cumulative(x, /, *, axis=None, dtype=None, out=None, include_initial=False):
        x = np.reshape(x, x.shape or (1,))
        if axis is None and x.ndim > 1:
            raise ValueError("For arrays which have more than one dimension ``axis`` argument is required.")
        axis = 0 if axis is None else axis
        value = run(x, axis=axis, dtype=dtype)
        if include_initial:
            shape = list(value.shape)
            shape[axis] = 1
            value = np.concatenate([np.full(shape, first, value.dtype), value], axis=axis)
        return deliver(value, out)

    return cumulative


if hasattr(np, "cumulative_sum"):  # NumPy 2.1
    implements(np.cumulative_sum)(_cumulative(np.cumsum, 0))
    implements(np.cumulative_prod)(_cumulative(np.cumprod, 1))
