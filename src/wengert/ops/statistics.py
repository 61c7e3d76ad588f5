"""Statistics: median, quantiles, average, covariance and correlation.

A quantile is a mean of at most two order statistics. An entry that several entries tie for is shared equally among all
of them.
"""

from __future__ import annotations

import inspect
import math
import warnings
from collections.abc import Callable
from typing import Any

import numpy as np

from wengert.core import errors
from wengert.core.derivatives import stop_gradient
from wengert.core.linear import LinearMap, Reshape, Scale, Take, Transpose, conj
from wengert.core.registry import implements, primitives, rules
from wengert.core.variable import Variable
from wengert.ops.constants import plain
from wengert.ops.reduce import NO_VALUE, Reduction, as_array, axes_of
from wengert.ops.targets import deliver

# -- order statistics -------------------------------------------------------------------------------------------------


def _order_edge(out: Any, a: Any, positions: Callable, axis: Any, skip_nan: bool, weights: Any = None) -> LinearMap:
    """A sparse matrix: take the entries at the wanted ranks and all that tie with them, weigh them, add them up.

    `positions(n)` tells the places, maybe between two ranks, of the wanted quantiles among n sorted entries.
    """
    values, shape = plain(a), a.shape
    axes = axes_of(axis, a.ndim)
    order = tuple(i for i in range(a.ndim) if i not in axes) + axes
    n = math.prod(shape[i] for i in axes)
    rows = np.reshape(np.transpose(values, order), (-1, n) if n else (0, 0))
    columns = np.reshape(np.transpose(np.reshape(np.arange(a.size), shape), order), rows.shape)
    if weights is not None:
        weights = np.broadcast_to(_spread(np.asarray(weights), a, None if axis is None else axes), shape)
        weights = np.reshape(np.transpose(weights, order), rows.shape)
    to_row, from_entry, share = [], [], []
    for i, (value, portion) in enumerate(_ranked(plain(out), rows, positions, skip_nan, weights)):
        hit = (rows == value[:, None]) | ((rows != rows) & (value != value)[:, None] & (not skip_nan))
        if weights is not None:
            hit = hit & (weights > 0)
        row, place = np.nonzero(hit & (portion != 0)[:, None])
        to_row.append(row + (i // 2) * len(rows))
        from_entry.append(columns[row, place])
        share.append((portion / np.maximum(np.sum(hit, axis=-1), 1))[row])
    index, entries = np.concatenate([np.empty(0, int), *to_row]), np.concatenate([np.empty(0, int), *from_entry])
    scale = Scale(np.concatenate([np.empty(0), *share]).astype(np.finfo(a.dtype).dtype), entries.shape)
    taken = Take((a.size,), (entries,), entries.shape) @ Reshape(shape, (a.size,))
    put = Transpose(Take((math.prod(np.shape(out)),), (index,), index.shape))
    return Reshape(put.out_shape, np.shape(out)) @ put @ scale @ taken


def _ranked(out: Any, rows: Any, positions: Callable, skip_nan: bool, weights: Any) -> Any:
    """For each quantile two pairs (its lower and its upper order statistic, portion), each with one entry per row."""
    if not rows.size:
        return
    if weights is not None:  # the weighted quantile is one of the entries, and names itself
        for value in np.reshape(out, (-1, len(rows))):
            yield value, np.ones(len(rows))
            yield value, np.zeros(len(rows))
        return
    ranked = np.sort(rows, axis=-1)
    missing = np.sum(rows != rows, axis=-1)
    count = rows.shape[1] - missing if skip_nan else np.full(len(rows), rows.shape[1])
    places = {c: np.reshape(positions(c), -1) for c in np.unique(count).tolist() if c}
    for i in range(max((p.size for p in places.values()), default=0)):
        place = np.array([places[c][i] if c else 0.0 for c in count.tolist()])
        low = np.floor(place).astype(int)
        each = np.arange(len(rows))
        for rank, portion in ((low, 1 - (place - low)), (np.ceil(place).astype(int), place - low)):
            value = ranked[each, rank]
            yield value if skip_nan else np.where(missing > 0, ranked[:, -1], value), portion


def _order_statistic(function: Callable, positions: Callable, skip_nan: bool) -> Callable:
    """The rule of a quantile-like function. `positions(n, q, method)` is where its value sits among 0, ..., n - 1."""

    def edge(out, a, q=None, axis=None, method="linear", keepdims=False, weights=None) -> LinearMap:
        return _order_edge(out, a, lambda n: positions(n, q, method), axis, skip_nan, weights)

    names = tuple(inspect.signature(function).parameters)
    primitive = Reduction(function, edge)
    primitives[primitive.name] = primitive

    def rule(*args, overwrite_input=False, **params):
        params.update(zip(names, args, strict=False))
        params.pop("overwrite_input", None)  # variables are never overwritten
        a, q, weights = params.pop("a"), params.get("q"), params.get("weights")
        if isinstance(weights, Variable):
            params["weights"] = plain(weights)  # the quantile is piecewise constant in them
        if isinstance(q, Variable):
            out = params.pop("out", None)
            return deliver(_with_variable_q(primitive, a, **params), out)
        if skip_nan and np.ndim(q) > 1 and weights is None and _mixed_up(a, params.get("axis")):
            value = primitive(a, **(params | {"q": np.ravel(q), "out": None}))
            return deliver(np.reshape(value, (*np.shape(q), *value.shape[1:])), params.get("out"))
        return primitive(a, **params)

    rules[function] = rule
    return rule


def _mixed_up(a: Any, axis: Any) -> bool:
    """Reductions over several axes, not all: there NumPy (to 2.4 at least) mixes the axes of q and of `a` up, which it does
    not with a single axis of q."""
    return isinstance(axis, (tuple, list)) and len(axis) != 1 and len(axis) != a.ndim and a.size > 0


def _with_variable_q(primitive, a, q, axis=None, method="linear", keepdims=False, weights=None):
    """The quantile, plus a term that is zero and has its slope in q: between two ranks it is straight."""
    if method != "linear" or primitive.name.startswith("nan"):
        raise errors.no_partial(primitive.name, "q", "only np.quantile and np.percentile have, with method='linear'")
    a, fixed = as_array(a), stop_gradient(q)
    hundred = 100 if primitive.name == "percentile" else 1
    span = max(math.prod(a.shape[i] for i in axes_of(axis, a.ndim)) - 1, 1)
    place = plain(q) / hundred * span
    low, high = np.clip(np.ceil(place) - 1, 0, span), np.clip(np.floor(place) + 1, 0, span)  # both sides of a kink
    rise = [primitive(a, q=x / span * hundred, axis=axis, method="nearest", keepdims=keepdims) for x in (high, low)]
    rest = (1,) * (np.ndim(rise[0]) - np.ndim(place))
    slope = (rise[0] - rise[1]) * np.reshape(span / hundred / (high - low), np.shape(place) + rest)
    value = primitive(a, q=plain(q), axis=axis, keepdims=keepdims)
    return value + np.reshape(q - fixed, np.shape(place) + rest) * slope


# Applied to 0, ..., n - 1 a quantile answers its own place among them, for whatever method NumPy knows.
def _median_place(n, q, method):
    return np.median(np.arange(float(n)))


def _quantile_place(n, q, method):
    return np.quantile(np.arange(float(n)), q, method=method)


def _percentile_place(n, q, method):
    return np.percentile(np.arange(float(n)), q, method=method)


median = _order_statistic(np.median, _median_place, False)
quantile = _order_statistic(np.quantile, _quantile_place, False)
percentile = _order_statistic(np.percentile, _percentile_place, False)
nanmedian = _order_statistic(np.nanmedian, _median_place, True)
nanquantile = _order_statistic(np.nanquantile, _quantile_place, True)
nanpercentile = _order_statistic(np.nanpercentile, _percentile_place, True)


# -- averages and covariances -----------------------------------------------------------------------------------------
# These follow NumPy's own source line by line, so that their values are NumPy's to the last bit.


@implements(np.average)
def average(a, axis=None, weights=None, returned=False, *, keepdims=NO_VALUE):
    a = as_array(a)
    axes = None if axis is None else np.lib.array_utils.normalize_axis_tuple(axis, a.ndim, "axis")
    if weights is None:
        value = np.mean(a, axis=axes, keepdims=keepdims)
        scale = value.dtype.type(a.size / value.size)
    else:
        weights = _spread(as_array(weights), a, axes)
        dtype = np.result_type(a.dtype, weights.dtype, *([] if a.dtype.kind in "fc" else [np.float64]))
        scale = np.sum(weights, axis=axes, dtype=dtype, keepdims=keepdims)
        if np.any(scale == 0.0):
            raise ZeroDivisionError("Weights sum to zero, can't be normalized")
        value = np.sum(_as(a, dtype) * _as(weights, dtype), axis=axes, keepdims=keepdims) / scale
    if returned:
        return value, np.broadcast_to(scale, value.shape)
    return value


def _as(x: Any, dtype: Any) -> Any:
    return x if x.dtype == dtype else x.astype(dtype)


def _spread(weights: Any, a: Any, axes: tuple | None) -> Any:
    """Weights given for the averaged axes only, in the shape of `a`."""
    if weights.shape == a.shape:
        return weights
    if axes is None:
        raise TypeError("Axis must be specified when shapes of a and weights differ.")
    if weights.shape != tuple(a.shape[i] for i in axes):
        raise ValueError("Shape of weights must be consistent with shape of a along specified axis.")
    weights = np.transpose(weights, tuple(np.argsort(axes).tolist()))
    return np.reshape(weights, tuple(n if i in axes else 1 for i, n in enumerate(a.shape)))


# Until NumPy 2.1, one row of a matrix was one variable even with rowvar=False.
ROW_IS_A_MATRIX = np.cov(np.ones((1, 2)), rowvar=False, ddof=0).ndim == 2


def _rows(m: Any, dtype: Any) -> Any:
    """Observations as a matrix with one variable in each row."""
    m = _as(m, dtype)
    if m.ndim < 2:
        m = np.reshape(m, (1, -1))
    return m


@implements(np.cov)
def cov(m, y=None, rowvar=True, bias=False, ddof=None, fweights=None, aweights=None, *, dtype=None):
    if ddof is not None and ddof != int(ddof):
        raise ValueError("ddof must be integer")
    m = as_array(m)
    others = [] if y is None else [as_array(y)]
    for given, name in ((m, "m"), *((x, "y") for x in others)):
        if given.ndim > 2:
            raise ValueError(f"{name} has more than 2 dimensions")
    dtype = np.result_type(*(x.dtype for x in (m, *others)), np.float64) if dtype is None else dtype
    x = _rows(m, dtype)
    if not rowvar and (m.ndim != 1 if ROW_IS_A_MATRIX else len(x) != 1):
        x = np.transpose(x)
    if x.shape[0] == 0:
        return np.empty((0, 0))
    for y in others:
        y = _rows(y, dtype)
        x = np.concatenate([x, np.transpose(y) if not rowvar and y.shape[0] != 1 else y], axis=0)
    ddof = (1 if bias == 0 else 0) if ddof is None else ddof
    if fweights is None and aweights is None:
        factor, mean = x.shape[1] - ddof, np.average(x, axis=1)
    else:
        w, aw = _cov_weights(fweights, aweights, x)
        mean, w_sum = np.average(x, axis=1, weights=w, returned=True)
        w_sum = w_sum[0]
        factor = w_sum if ddof == 0 else w_sum - ddof * (1 if aw is None else np.sum(w * aw) / w_sum)
    if factor <= 0:
        warnings.warn("Degrees of freedom <= 0 for slice", RuntimeWarning, stacklevel=2)
        factor = 0.0
    x = x - mean[:, None]
    weighted = x if fweights is None and aweights is None else x * w
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.squeeze(_as(np.dot(x, conj(np.transpose(weighted))) * np.true_divide(1, factor), x.dtype))


def _cov_weights(fweights: Any, aweights: Any, x: Any) -> tuple:
    """The product of both kinds of weights, and the second kind."""
    if isinstance(fweights, Variable):
        raise errors.no_partial("cov", "fweights", "they are counts")
    checked = []
    for name, given in (("fweights", fweights), ("aweights", aweights)):
        if given is not None:
            given = as_array(given)
            given = given if given.dtype.kind == "f" else given.astype(float)
            if given.ndim > 1:
                raise RuntimeError(f"cannot handle multidimensional {name}")
            if given.shape[0] != x.shape[1]:
                raise RuntimeError(f"incompatible numbers of samples and {name}")
            if np.any(given < 0):
                raise ValueError(f"{name} cannot be negative")
            if name == "fweights" and not np.all(given == np.around(given)):
                raise TypeError("fweights must be integer")
        checked.append(given)
    fw, aw = checked
    return (aw if fw is None else fw if aw is None else fw * aw), aw


@implements(np.corrcoef)
def corrcoef(x, y=None, rowvar=True, *, dtype=None, **deprecated):
    c = np.cov(as_array(x), y, rowvar, dtype=dtype)
    if c.ndim == 0:
        return c / c
    deviation = np.sqrt(np.real(np.diagonal(c)))
    c = c / deviation[:, None] / deviation[None, :]
    if c.dtype.kind == "c":
        return np.clip(np.real(c), -1, 1) + 1j * np.clip(np.imag(c), -1, 1)
    return np.clip(c, -1, 1)
