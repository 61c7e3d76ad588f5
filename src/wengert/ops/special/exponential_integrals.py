"""Exponential, sine, cosine and hyperbolic integrals (DLMF 6, 8.19), Spence's function."""

from __future__ import annotations

from typing import Any

import numpy as np

from wengert.core.primitive import unsupported
from wengert.ops.special.declare import sc, special


def exponential_integral(n: Any, x: Any) -> Any:
    """E_n(x) for any integer n: for n < 0 it is Γ(1 - n, x) x^(n - 1) (DLMF 8.19.1), which SciPy's expn refuses."""
    below = n < 0
    m = np.where(below, 1.0 - n, 1.0)
    return np.where(below, sc.gamma(m) * sc.gammaincc(m, x) / x**m, sc.expn(np.where(below, 0, n), x))


special("exp1", lambda out, z: -np.exp(-z) / z)  # DLMF 6.2.1
special("expi", lambda out, z: np.exp(z) / z)
special("expn", unsupported("n", "the order"), lambda out, n, x: -exponential_integral(np.trunc(n) - 1, x))
special(
    "_scaled_exp1", lambda out, x: np.where(x == 0, np.inf, (1 + 1 / np.where(x == 0, 1, x)) * out - 1)
)  # x eˣ E₁(x)

# sin(z)/z = ₀F₁(; 3/2; -z²/4) and its hyperbolic twin are smooth at 0, with all their derivatives.
special("sici", lambda out, z: (sc.hyp0f1(1.5, z * z / -4), np.cos(z) / z))  # DLMF 6.2.9, 6.2.11
special("shichi", lambda out, z: (sc.hyp0f1(1.5, z * z / 4), np.cosh(z) / z))


def _spence(out: Any, z: Any) -> Any:
    """log(z)/(1 - z) (DLMF 25.12.2 with 1 - z for z), near z = 1 as -₂F₁(1, 1; 2; 1 - z)."""
    near = np.abs(z - 1) < 0.5
    inner = np.where(near, z, 1)
    outer = np.where(near, 2, z)
    return np.where(near, -sc.hyp2f1(1.0, 1.0, 2.0, 1 - inner), np.log(outer) / (1 - outer))


special("spence", _spence)
special("zetac", unsupported("x", "the derivative of Riemann's zeta function has no closed form"))
special("_riemann_zeta", unsupported("x", "the derivative of Riemann's zeta function has no closed form"))
