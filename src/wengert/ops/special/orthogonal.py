"""Orthogonal polynomials in the variable (DLMF 18.9); Chebyshev's also in the degree, as cos(nθ) and sin(nθ)/sin(θ)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from wengert.core.primitive import unsupported
from wengert.ops.special.declare import is_complex, sc, special

_degree = unsupported("n", "the degree")


def below(n: Any, value: Callable) -> Any:
    """value(n - 1), the polynomial of the next lower degree; 0 for n = 0, whose derivative is 0."""
    constant = n == 0
    return np.where(constant, 0, value(np.where(constant, n, n - 1)))


# -- in the variable --------------------------------------------------------------------------------------------------
def _jacobi(out: Any, n: Any, a: Any, b: Any, x: Any) -> Any:
    return below(n, lambda k: (n + a + b + 1) / 2 * sc.eval_jacobi(k, a + 1, b + 1, x))  # 18.9.15


def _shifted_jacobi(out: Any, n: Any, p: Any, q: Any, x: Any) -> Any:
    return below(n, lambda k: n * sc.eval_sh_jacobi(k, p + 2, q + 1, x))


def _gegenbauer(out: Any, n: Any, a: Any, x: Any) -> Any:
    return below(n, lambda k: 2 * a * sc.eval_gegenbauer(k, a + 1, x))  # 18.9.19


_in_alpha, _in_beta = unsupported("alpha", "a parameter"), unsupported("beta", "a parameter")
special("eval_jacobi", _degree, _in_alpha, _in_beta, _jacobi)
special("eval_sh_jacobi", _degree, unsupported("p", "a parameter"), unsupported("q", "a parameter"), _shifted_jacobi)
special("eval_gegenbauer", _degree, _in_alpha, _gegenbauer)
special(
    "eval_genlaguerre", _degree, _in_alpha, lambda out, n, a, x: below(n, lambda k: -sc.eval_genlaguerre(k, a + 1, x))
)  # 18.9.23
special("eval_laguerre", _degree, lambda out, n, x: below(n, lambda k: -sc.eval_genlaguerre(k, 1.0, x)))
special("eval_legendre", _degree, lambda out, n, x: below(n, lambda k: sc.eval_gegenbauer(k, 1.5, x)))
special("eval_sh_legendre", _degree, lambda out, n, x: below(n, lambda k: 2 * sc.eval_gegenbauer(k, 1.5, 2 * x - 1)))
special("eval_hermite", _degree, lambda out, n, x: below(n, lambda k: 2 * n * sc.eval_hermite(k, x)))  # 18.9.25
special("eval_hermitenorm", _degree, lambda out, n, x: below(n, lambda k: n * sc.eval_hermitenorm(k, x)))


# -- Chebyshev: T_n(cos θ) = cos nθ, U_n(cos θ) = sin((n + 1)θ)/sin θ (DLMF 18.5.1-2); θ is complex for |x| > 1 -------
def _first_kind_degree(n: Any, x: Any) -> Any:
    theta = np.arccos(x + 0j)
    return _like(x, -theta * np.sin(n * theta))


def _second_kind_degree(n: Any, x: Any) -> Any:
    """θ cos((n + 1)θ)/sin θ; 1 at x = 1."""
    one = x == 1
    theta = np.arccos(np.where(one, 0.0, x) + 0j)
    return np.where(one, 1.0, _like(x, theta * np.cos((n + 1) * theta) / np.sin(theta)))


def _like(x: Any, value: Any) -> Any:
    return value if is_complex(x) else np.real(value)


def _second_kind(n: Any, x: Any) -> Any:
    return below(n, lambda k: 2 * sc.eval_gegenbauer(k, 2.0, x))


special(
    "eval_chebyt",
    lambda out, n, x: _first_kind_degree(n, x),
    lambda out, n, x: below(n, lambda k: n * sc.eval_chebyu(k, x)),
)
special("eval_chebyu", lambda out, n, x: _second_kind_degree(n, x), lambda out, n, x: _second_kind(n, x))
special(
    "eval_chebyc",
    lambda out, n, x: 2 * _first_kind_degree(n, x / 2),
    lambda out, n, x: below(n, lambda k: n * sc.eval_chebys(k, x)),
)
special("eval_chebys", lambda out, n, x: _second_kind_degree(n, x / 2), lambda out, n, x: _second_kind(n, x / 2) / 2)
special(
    "eval_sh_chebyt",
    lambda out, n, x: _first_kind_degree(n, 2 * x - 1),
    lambda out, n, x: below(n, lambda k: 2 * n * sc.eval_sh_chebyu(k, x)),
)
special(
    "eval_sh_chebyu",
    lambda out, n, x: _second_kind_degree(n, 2 * x - 1),
    lambda out, n, x: 2 * _second_kind(n, 2 * x - 1),
)
