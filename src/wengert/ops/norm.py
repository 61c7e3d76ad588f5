"""Norms and condition numbers of vectors and matrices.

The p-norms have a closed rule, which is 0 at the kink (the zero vector); the other norms are put together from
largest entries, sums and singular values, and ties share equally.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from wengert.core.linear import LinearMap, Real, Scale, Sum, conj
from wengert.core.primitive import structured
from wengert.core.registry import implements
from wengert.ops.constants import plain

INF = np.inf


def _norm_value(x: Any, ord: Any = None, axis: Any = None, keepdims: bool = False) -> Any:
    return np.linalg.norm(x, ord, axis, keepdims)


def _norm_edge(out, x, ord=None, axis=None, keepdims=False) -> LinearMap:
    """d |x|_p = Re Σ conj(u) dx with u = (|x| / |x|_p)^(p - 1) x / |x|, and 0 where x or the norm is 0."""
    total = Sum(x.shape, axis, keepdims is True or bool(keepdims))
    length = np.reshape(out, total.kept)
    length = np.where(length == 0, 1, length)
    if ord is None or ord == 2 or isinstance(ord, str):
        direction = x / length
    else:
        size = np.abs(x)
        nonzero = np.where(size == 0, 1, size)
        direction = np.where(size == 0, 0, x / nonzero * (nonzero / length) ** (ord - 1))
    # The zero vector has no direction, whatever was divided by.
    partial = np.where(np.reshape(out, total.kept) == 0, 0, conj(direction))
    edge = total @ Scale(partial, x.shape)
    return Real(edge.out_shape) @ edge if x.dtype.kind == "c" else edge


_norm = structured(_norm_value, _norm_edge, name="linalg.norm")


def _axes(axis: Any, ndim: int) -> tuple:
    if axis is None:
        return tuple(range(ndim))
    if isinstance(axis, tuple):
        return axis
    return (int(axis),)


@implements(np.linalg.norm)
def norm(x, ord=None, axis=None, keepdims=False):
    keepdims = bool(keepdims)
    if axis is None and (ord is None or (ord in ("f", "fro") and x.ndim == 2) or (ord == 2 and x.ndim == 1)):
        return _norm(x, ord=ord, axis=None, keepdims=keepdims)
    try:
        axes = _axes(axis, x.ndim)
    except (TypeError, ValueError):
        return np.linalg.norm(plain(x), ord, axis, keepdims)  # NumPy's own error
    if len(axes) == 1:
        return _vector(x, ord, axes, keepdims)
    if len(axes) == 2:
        return _matrix(x, ord, axes, keepdims)
    return np.linalg.norm(plain(x), ord, axis, keepdims)  # NumPy's own error


def _vector(x: Any, ord: Any, axes: tuple, keepdims: bool) -> Any:
    if isinstance(ord, str) or ord == 0:
        return np.linalg.norm(plain(x), ord, axes, keepdims)  # a count is constant; of a string NumPy's own error
    if ord == INF:
        return np.max(np.abs(x), axis=axes, keepdims=keepdims, initial=0)
    if ord == -INF:
        return np.min(np.abs(x), axis=axes, keepdims=keepdims)
    return _norm(x, ord=ord, axis=axes, keepdims=keepdims)


# ord -> (the reduction, whether it is over singular values, and if not, the place in `axes` that is summed)
_OF_SINGULAR_VALUES = {2: np.max, -2: np.min, "nuc": np.sum}
_OF_SUMS = {1: (np.max, 0), -1: (np.min, 0), INF: (np.max, 1), -INF: (np.min, 1)}


def _matrix(x: Any, ord: Any, axes: tuple, keepdims: bool) -> Any:
    if ord in (None, "fro", "f"):
        return _norm(x, ord=ord, axis=axes, keepdims=keepdims)
    row, column = (axis % x.ndim if -x.ndim <= axis < x.ndim else x.ndim for axis in axes)
    known = ord in _OF_SINGULAR_VALUES or ord in _OF_SUMS
    if not known or row == column or max(row, column) == x.ndim:
        return np.linalg.norm(plain(x), ord, axes, keepdims)  # NumPy's own error
    start: dict = {} if ord in (-1, -2, -INF) else {"initial": 0}
    if ord in _OF_SINGULAR_VALUES:
        values = np.linalg.svd(np.moveaxis(x, (row, column), (-2, -1)), compute_uv=False)
        if start:  # a norm: its derivative is 0 at its kink, the zero matrix
            values = np.where(values[..., :1] == 0, 0, values)
        result = _OF_SINGULAR_VALUES[ord](values, axis=-1, **start)
    else:
        reduce, place = _OF_SUMS[ord]
        summed, other = ((row, column), (column, row))[place]
        result = reduce(np.sum(np.abs(x), axis=summed), axis=other - (summed < other), **start)
    if keepdims:
        result = np.reshape(result, tuple(1 if i in (row, column) else n for i, n in enumerate(x.shape)))
    return result


@implements(np.linalg.matrix_norm)
def matrix_norm(x, /, *, keepdims=False, ord="fro"):
    return np.linalg.norm(x, ord, (-2, -1), keepdims)


@implements(np.linalg.vector_norm)
def vector_norm(x, /, *, axis=None, keepdims=False, ord=2):
    shape = x.shape
    if axis is None:
        axes = tuple(range(x.ndim))
        result = np.linalg.norm(np.reshape(x, -1), ord, 0)
    elif isinstance(axis, tuple):
        if len(set(axis)) < len(axis) or not all(-x.ndim <= i < x.ndim for i in axis):
            return np.linalg.vector_norm(plain(x), axis=axis, ord=ord)  # NumPy's own error
        axes = tuple(i % x.ndim for i in axis)
        rest = tuple(i for i in range(x.ndim) if i not in axes)
        size = int(np.prod([shape[i] for i in axes]))
        flat = np.reshape(np.transpose(x, axes + rest), (size, *(shape[i] for i in rest)))
        result = np.linalg.norm(flat, ord, 0)
    else:
        return np.linalg.norm(x, ord, axis, keepdims)
    if keepdims:
        result = np.reshape(result, tuple(1 if i in axes else n for i, n in enumerate(shape)))
    return result


@implements(np.linalg.cond)
def cond(x, p=None):
    value = np.linalg.cond(plain(x), p)
    with np.errstate(all="ignore"):
        if p is None or p in (2, -2):
            s = np.linalg.svd(x, compute_uv=False)
            found = s[..., -1] / s[..., 0] if p == -2 else s[..., 0] / s[..., -1]
            formed = ~np.isnan(found)
        else:
            # The inverse of a singular matrix is not formed: its condition number is inf, a constant.
            formed = np.isfinite(value)
            regular = np.where(formed[..., None, None], x, np.eye(x.shape[-1], dtype=x.dtype))
            found = np.linalg.norm(x, p, (-2, -1)) * np.linalg.norm(np.linalg.inv(regular), p, (-2, -1))
    # NumPy gives inf, or nan where the matrix has one, where a quotient or an inverse cannot be formed.
    return found if np.all(formed) else np.where(formed, found, value)
