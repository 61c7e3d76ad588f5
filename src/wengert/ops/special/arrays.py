"""What scipy.special has in plain Python: logsumexp, softmax, log_softmax, polygamma, multigammaln, with their keywords.

These call np.asarray on their arguments; `scipy_entrance` sees to it that calls with variables come here instead.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import scipy.special as sc
from scipy.special import _basic, _spfun_stats

from wengert.core import errors
from wengert.core.linear import Block, LinearMap, Scale, Sum
from wengert.core.primitive import structured
from wengert.core.registry import implements
from wengert.core.variable import Variable
from wengert.ops.constants import plain
from wengert.ops.special.declare import PREFIX, is_complex
from wengert.ops.special.declare import sc as ufuncs
from wengert.ops.special.gamma_beta import polygamma_kernel


# -- logsumexp: log Σ b eᵃ = log S has the partials b e^(a - log S) and e^(a - log S), signed -------------------------
def _kept(out: Any, a: Any, axis: Any, keepdims: bool) -> tuple:
    total = Sum(a.shape, axis, keepdims)
    return total, np.reshape(out, total.kept)


def _share(a: Any, b: Any, log_sum: Any) -> Any:
    """e^(a - log S). Where S is 0, 0: eᵃ is an exact zero; where it is infinite, the infinite terms share equally."""
    over, under = np.isposinf(np.real(log_sum)), np.isneginf(np.real(log_sum))
    share = np.where(over, np.where(a == log_sum, 1.0, 0.0), np.exp(a - np.where(over | under, 0.0, log_sum)))
    axes = tuple(i for i, n in enumerate(log_sum.shape) if n == 1)
    mass = np.sum(np.where(over, share if b is None else b * share, 0), axis=axes, keepdims=True)
    return np.where(under, 0, share / np.where(over, np.where(mass == 0, 1, mass), 1))


def _edge(weight: Any) -> Any:
    """The edge that scales by weight(share, b) and sums."""

    def edge(
        out: Any, a: Any, b: Any = None, axis: Any = None, keepdims: bool = False, return_sign: bool = False
    ) -> LinearMap:
        log_sum, sign = out if return_sign else (out, 1.0)
        total, log_sum = _kept(log_sum, a, axis, keepdims)
        sign = np.reshape(sign, total.kept) if return_sign else 1.0
        made = total @ Scale(weight(_share(a, b, log_sum), b) * sign, a.shape)
        return Block(made, None) if return_sign else made

    return edge


def _value(a: Any, axis: Any = None, keepdims: bool = False, return_sign: bool = False) -> Any:
    return logsumexp(a, axis, None, keepdims, return_sign)


def _weighted_value(a: Any, b: Any, axis: Any = None, keepdims: bool = False, return_sign: bool = False) -> Any:
    return logsumexp(a, axis, b, keepdims, return_sign)


_unweighted_edge = _edge(lambda share, b: share)
_logsumexp = structured(_value, lambda out, a, **params: _unweighted_edge(out, a, **params), name=PREFIX + "logsumexp")
_weighted_logsumexp = structured(
    _weighted_value,
    _edge(lambda share, b: np.where(b == 0, 0, share * b)),
    _edge(lambda share, b: share),
    name=PREFIX + "weighted logsumexp",
)


@implements(sc.logsumexp)
def logsumexp(a, axis=None, b=None, keepdims=False, return_sign=False):
    if not isinstance(a, Variable) and not isinstance(b, Variable):
        return sc.logsumexp(a, axis=axis, b=b, keepdims=keepdims, return_sign=return_sign)
    if return_sign and (is_complex(a) or (b is not None and is_complex(b))):
        log_sum = logsumexp(a, axis, b, keepdims)  # S = e^(real part) · e^(i imaginary part)
        return np.real(log_sum), np.exp(1j * np.imag(log_sum))
    if b is None:
        return _logsumexp(a, axis=axis, keepdims=keepdims, return_sign=return_sign)
    a, b = np.broadcast_arrays(a, b)
    return _weighted_logsumexp(a, b, axis=axis, keepdims=keepdims, return_sign=return_sign)


# -- softmax: the shift by the maximum changes nothing, so it is a constant -------------------------------------------
@implements(sc.softmax)
def softmax(x, axis=None):
    shifted = np.exp(x - np.max(plain(x), axis=axis, keepdims=True))
    return shifted / np.sum(shifted, axis=axis, keepdims=True)


@implements(sc.log_softmax)
def log_softmax(x, axis=None):
    largest = np.max(plain(x), axis=axis, keepdims=True)
    shifted = x - np.where(np.isfinite(largest), largest, 0)
    return shifted - np.log(np.sum(np.exp(shifted), axis=axis, keepdims=True))


# -- gamma functions --------------------------------------------------------------------------------------------------
@implements(sc.polygamma, _basic.polygamma)  # two objects if SCIPY_ARRAY_API is set
def polygamma(n, x):
    if isinstance(n, Variable):
        raise errors.no_partial(PREFIX + "polygamma", "n", "the order")
    n = np.asarray(n)
    return np.where(n == 0, ufuncs.psi(x), polygamma_kernel(np.maximum(n, 1), x))


@implements(sc.multigammaln, _spfun_stats.multigammaln)
def multigammaln(a, d):
    if isinstance(d, Variable):
        raise errors.no_partial(PREFIX + "multigammaln", "d", "the dimension")
    sc.multigammaln(plain(a), d)  # SciPy's own complaints about a and d
    shifted = np.stack([a - (j - 1.0) / 2 for j in range(1, int(d) + 1)])
    return d * (d - 1) * 0.25 * math.log(math.pi) + np.sum(ufuncs.gammaln(shifted), axis=0)
