"""Reductions and running reductions: sum, prod, max, cumsum, ... and what NumPy builds from them."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from wengert.core.linear import Compose, Cumulative, LinearMap, Scale, Select, Sum
from wengert.core.primitive import structured
from wengert.core.registry import implements

NO_VALUE = np._NoValue  # type: ignore[attr-defined]  # NumPy's own mark for "not given"


def _kept(value: Any, shape: tuple, axis: Any) -> Any:
    """A reduction's value with the reduced axes put back as 1."""
    axes = range(len(shape)) if axis is None else axis if isinstance(axis, tuple) else (axis,)
    axes = {a % len(shape) for a in axes} if shape else set()
    return np.reshape(value, tuple(1 if i in axes else n for i, n in enumerate(shape)))


def _plain(params: dict) -> dict:
    return {key: value for key, value in params.items() if value is not NO_VALUE and value is not None}


def _sum_edge(out, a, axis=None, dtype=None, o=None, keepdims=False, initial=None, where=True) -> LinearMap:
    total = Sum(a.shape, axis, keepdims is True)
    return total if where is True or where is NO_VALUE else Compose(total, Select(where, a.shape))


sum_ = structured(np.sum, _sum_edge)


def _mean_edge(out, a, axis=None, dtype=None, o=None, keepdims=False, *, where=True) -> LinearMap:
    total = Sum(a.shape, axis, keepdims is True)
    if where is True or where is NO_VALUE:
        count = math.prod(a.shape) // max(1, math.prod(np.shape(out)))
        return Compose(Scale(_reciprocal(count), total.out_shape), total)
    counts = np.sum(np.broadcast_to(where, a.shape), axis=axis, keepdims=keepdims is True)
    return Compose(Scale(1 / counts, total.out_shape), Compose(total, Select(where, a.shape)))


def _reciprocal(count: int) -> float:
    return 1 / count if count else math.nan


mean = structured(np.mean, _mean_edge)


def _extreme_edge(out, a, axis=None, o=None, keepdims=False, initial=None, where=True) -> LinearMap:
    """Ties share equally."""
    kept = _kept(out, a.shape, axis)
    hit = (a == kept) | ((a != a) & (kept != kept))
    if where is not True and where is not NO_VALUE:
        hit = hit & where
    axes = None if axis is None else axis
    count = np.sum(hit, axis=axes, keepdims=True)
    share = hit / np.maximum(count, 1)
    total = Sum(a.shape, axis, keepdims is True)
    return Compose(total, Scale(share, a.shape))


max_ = structured(np.max, _extreme_edge)
min_ = structured(np.min, _extreme_edge)
if np.amax is not np.max:  # one function in NumPy >= 2.0 on some releases, two on others
    implements(np.amax)(max_)
    implements(np.amin)(min_)


def _others(a: Any, axis: int) -> Any:
    """For each entry the product of all others along an axis: no division, so zeros are exact."""
    ones = np.ones_like(np.take(a, [0], axis=axis))
    n = a.shape[axis]
    before = np.concatenate([ones, np.cumprod(np.take(a, range(n - 1), axis=axis), axis=axis)], axis=axis)
    flipped = np.flip(a, axis)
    after = np.concatenate([ones, np.cumprod(np.take(flipped, range(n - 1), axis=axis), axis=axis)], axis=axis)
    return before * np.flip(after, axis)


def _prod_edge(out, a, axis=None, dtype=None, o=None, keepdims=False, initial=1, where=True) -> LinearMap:
    if a.size == 0:
        return Sum(a.shape, axis, keepdims is True)
    factors = a if where is True or where is NO_VALUE else np.where(where, a, 1)
    axes = tuple(range(a.ndim)) if axis is None else axis if isinstance(axis, tuple) else (axis,)
    axes = tuple(x % a.ndim for x in axes)
    rest = tuple(i for i in range(a.ndim) if i not in axes)
    order = rest + axes
    flat = np.reshape(np.transpose(factors, order), (*(a.shape[i] for i in rest), -1))
    others = np.reshape(_others(flat, -1), tuple(a.shape[i] for i in order))
    others = np.transpose(others, tuple(order.index(i) for i in range(a.ndim)))
    if initial is not NO_VALUE and initial is not None:
        others = others * initial
    edge = Compose(Sum(a.shape, axis, keepdims is True), Scale(others, a.shape))
    return edge if where is True or where is NO_VALUE else Compose(edge, Select(where, a.shape))


prod = structured(np.prod, _prod_edge)


def _cumsum_edge(out, a, axis=None, dtype=None, o=None) -> LinearMap:
    from wengert.core.linear import Reshape

    if axis is None:
        return Compose(Cumulative(out.shape, 0), Reshape(a.shape, out.shape))
    return Cumulative(a.shape, axis)


cumsum = structured(np.cumsum, _cumsum_edge)
