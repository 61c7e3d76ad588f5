"""Polynomials: np.poly and its kin, put together from NumPy calls on variables in NumPy's own order."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np

from wengert.core.registry import implements
from wengert.ops.constants import plain
from wengert.ops.reduce import as_array


def _coefficients(p: Any) -> Any:
    return np.atleast_1d(as_array(p))


def _aligned(one: Any, other: Any) -> tuple[Any, Any]:
    """Both with leading zeros, so that equal powers meet."""
    one, other = _coefficients(one), _coefficients(other)
    lack = len(other) - len(one)
    if lack > 0:
        one = np.concatenate([np.zeros(lack, one.dtype), one])
    elif lack < 0:
        other = np.concatenate([np.zeros(-lack, other.dtype), other])
    return one, other


@implements(np.polyadd)
def polyadd(a1, a2):
    a1, a2 = _aligned(a1, a2)
    return a1 + a2


@implements(np.polysub)
def polysub(a1, a2):
    a1, a2 = _aligned(a1, a2)
    return a1 - a2


def _trimmed(p: Any) -> Any:
    """Without leading zeros, as np.poly1d stores it."""
    p = _coefficients(p)
    nonzero = np.flatnonzero(plain(p))
    return p[int(nonzero[0]) :] if len(nonzero) else p[:1] * 0


@implements(np.polymul)
def polymul(a1, a2):
    return np.convolve(_trimmed(a1), _trimmed(a2))


@implements(np.polydiv)
def polydiv(u, v):
    u, v = _coefficients(u) + 0.0, _coefficients(v) + 0.0
    dtype = np.result_type(u.dtype, v.dtype)
    scale, rest, quotient = 1.0 / v[0], u.astype(dtype), []
    n = len(v)
    for k in range(len(u) - n + 1):
        d = scale * rest[k]
        quotient.append(d)
        rest = np.concatenate([rest[:k], rest[k : k + n] - d * v, rest[k + n :]])
    while np.allclose(rest[0], 0, rtol=1e-14) and rest.shape[-1] > 1:
        rest = rest[1:]
    return np.stack(quotient) if quotient else np.zeros(1, dtype), rest


@implements(np.polyder)
def polyder(p, m=1):
    m = int(m)
    if m < 0:
        raise ValueError("Order of derivative must be positive (see polyint)")
    p = as_array(p)
    for _ in range(m):
        p = p[:-1] * np.arange(len(p) - 1, 0, -1)
    return p


@implements(np.polyint)
def polyint(p, m=1, k=None):
    m = int(m)
    if m < 0:
        raise ValueError("Order of integral must be positive (see polyder)")
    k = np.zeros(m, float) if k is None else _coefficients(k)
    if len(k) == 1 and m > 1:
        k = k[0] * np.ones(m, float)
    if len(k) < m:
        raise ValueError("k must be a scalar or a rank-1 array of length 1 or >m.")
    p = as_array(p)
    for i in range(m):
        p = np.concatenate([p / np.arange(len(p), 0, -1), k[i : i + 1]])
    return p


@implements(np.polyval)
def polyval(p, x):
    p, x = as_array(p), as_array(x)
    value = np.zeros(x.shape, x.dtype)
    for i in range(len(p)):
        value = value * x + p[i]
    return value


@implements(np.poly)
def poly(seq_of_zeros):
    zeros = _coefficients(seq_of_zeros)
    if zeros.ndim == 2 and zeros.shape[0] == zeros.shape[1] != 0:
        zeros = np.linalg.eigvals(zeros)
    elif zeros.ndim != 1:
        raise ValueError("input must be 1d or non-empty square 2d array.")
    else:
        zeros = zeros.astype(np.mintypecode(zeros.dtype.char))
    if not len(zeros):
        return 1.0
    product = np.ones(1, zeros.dtype)
    one = np.ones(1, zeros.dtype)
    for i in range(len(zeros)):
        product = np.convolve(product, np.concatenate([one, -zeros[i : i + 1]]), mode="full")
    if product.dtype.kind == "c":  # conjugate pairs of roots: a real polynomial
        roots = np.asarray(plain(zeros), complex)
        if np.all(np.sort(roots) == np.sort(roots.conjugate())):
            product = np.real(product)
    return product


@implements(np.roots)
def roots(p):
    p = _coefficients(p)
    if p.ndim != 1:
        raise ValueError("Input must be a rank-1 array.")
    nonzero = np.flatnonzero(plain(p))
    if not len(nonzero):
        return np.array([])
    trailing = len(p) - int(nonzero[-1]) - 1
    p = p[int(nonzero[0]) : int(nonzero[-1]) + 1]
    n = len(p) - 1
    if not n:
        return np.zeros(trailing)
    companion = np.concatenate([np.reshape(-p[1:] / p[0], (1, n)), np.eye(n - 1, n, dtype=p.dtype)])
    found = np.linalg.eigvals(companion)
    return np.concatenate([found, np.zeros(trailing, found.dtype)]) if trailing else found


@implements(np.vander)
def vander(x, N=None, increasing=False):
    x = as_array(x)
    if x.ndim != 1:
        raise ValueError("x must be a one-dimensional array or sequence.")
    n = len(x) if N is None else N
    x = x.astype(np.promote_types(x.dtype, int))
    if n < 2:
        return np.ones((len(x), n), x.dtype) + 0 * x[:, None]
    rows = np.cumprod(np.broadcast_to(x[:, None], (len(x), n - 1)), axis=1)
    powers = np.concatenate([np.ones((len(x), 1), x.dtype), rows], axis=1)
    return powers if increasing else np.flip(powers, 1)


@implements(np.polyfit)
def polyfit(x, y, deg, rcond=None, full=False, w=None, cov=False):
    order = int(deg) + 1
    x, y = as_array(x) + 0.0, as_array(y) + 0.0
    if deg < 0:
        raise ValueError("expected deg >= 0")
    if x.ndim != 1:
        raise TypeError("expected 1D vector for x")
    if x.size == 0:
        raise TypeError("expected non-empty vector for x")
    if y.ndim < 1 or y.ndim > 2:
        raise TypeError("expected 1D or 2D array for y")
    if x.shape[0] != y.shape[0]:
        raise TypeError("expected x and y to have same length")
    rcond = len(x) * np.finfo(x.dtype).eps if rcond is None else rcond
    left, right = np.vander(x, order), y
    if w is not None:
        w = as_array(w) + 0.0
        if w.ndim != 1:
            raise TypeError("expected a 1-d array for weights")
        if w.shape[0] != y.shape[0]:
            raise TypeError("expected w and y to have the same length")
        left = left * w[:, None]
        right = right * (w[:, None] if right.ndim == 2 else w)
    scale = np.sqrt(np.sum(left * left, axis=0))
    left = left / scale
    c, residuals, rank, s = np.linalg.lstsq(left, right, rcond)
    c = np.transpose(np.transpose(c) / scale)
    if rank != order and not full:
        warnings.warn("Polyfit may be poorly conditioned", np.exceptions.RankWarning, stacklevel=2)
    if full:
        return c, residuals, rank, s, rcond
    if not cov:
        return c
    base = np.linalg.inv(np.dot(np.transpose(left), left)) / np.outer(scale, scale)
    if cov == "unscaled":
        factor = 1
    elif len(x) <= order:
        raise ValueError("the number of data points must exceed order to scale the covariance matrix")
    else:
        factor = residuals / (len(x) - order)
    return c, (base if y.ndim == 1 else base[:, :, None]) * factor
