"""Gamma, beta and polygamma functions (DLMF 5). Their incomplete kin are in incomplete.py."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from wengert.core.primitive import unsupported
from wengert.ops.special.declare import is_complex, kernel, sc, special

# -- polygamma --------------------------------------------------------------------------------------------------------
BERNOULLI = [1 / 6, -1 / 30, 1 / 42, -1 / 30, 5 / 66, -691 / 2730, 7 / 6, -3617 / 510, 43867 / 798]
FAR = 16.0


def _complex_polygamma(n: int, z: Any) -> Any:
    """ψ⁽ⁿ⁾ for complex z, n ≥ 1: shifted right by its recurrence (DLMF 5.15.5), then its series (5.15.8-9)."""
    total = np.zeros_like(z)
    steps = int(np.clip(np.max(FAR - np.real(z), initial=0), 0, 10_000)) + 1
    for _ in range(steps):
        left = np.real(z) < FAR
        total = np.where(left, total + math.factorial(n) / z ** (n + 1), total)
        z = np.where(left, z + 1, z)
    total = total + math.factorial(n - 1) / z**n + math.factorial(n) / (2 * z ** (n + 1))
    for k, b in enumerate(BERNOULLI, start=1):
        total = total + b * math.factorial(2 * k + n - 1) / (math.factorial(2 * k) * z ** (2 * k + n))
    return (-1) ** (n + 1) * total


@kernel("polygamma_of_positive_order", 2, unsupported("n", "the order"), lambda out, n, x: polygamma_kernel(n + 1, x))
def polygamma_kernel(n: Any, x: Any) -> Any:
    if is_complex(x):
        n, x = np.broadcast_arrays(n, x)
        return sum(np.where(n == m, _complex_polygamma(int(m), x), 0) for m in np.unique(n))
    n = np.asarray(n, dtype=x.dtype)[()]
    return (-1.0) ** (n + 1) * sc.gamma(n + 1) * sc._zeta(n + 1, x)


def trigamma(x: Any) -> Any:
    return polygamma_kernel(1, x)


special("psi", lambda out, z: trigamma(z))
special("_zeta", unsupported("x", "the exponent"), lambda out, x, q: -x * sc._zeta(x + 1, q))  # 25.11.17

# -- gamma ------------------------------------------------------------------------------------------------------------
special("gamma", lambda out, z: out * sc.psi(z))
special("gammaln", lambda out, x: sc.psi(x))
special("loggamma", lambda out, z: sc.psi(z))
special("gammasgn", None)


def rgamma_slope(z: Any) -> Any:
    """-ψ(z)/Γ(z), entire: left of ½ from the reflection 1/Γ(z) = Γ(1 - z) sin(πz)/π (DLMF 5.5.3), finite at the poles."""
    left = np.real(z) < 0.5
    right, reflected = np.where(left, 1, z), 1 - np.where(left, z, 0)
    turn = math.pi * (1 - reflected)
    return np.where(
        left,
        sc.gamma(reflected) * (np.cos(turn) - sc.psi(reflected) * np.sin(turn) / math.pi),
        -sc.psi(right) * sc.rgamma(right),
    )


special("rgamma", lambda out, z: rgamma_slope(z))


def _poch_z(out: Any, z: Any, m: Any) -> Any:
    """d/dz of Γ(z + m)/Γ(z): at the poles of ψ(z) by 1/Γ, which is smooth there."""
    pole = (z <= 0) & (z == np.floor(z))
    safe = np.where(pole, 1, z)
    shifted = np.where(pole, z + m, 1)
    at_pole = sc.gamma(shifted) * (sc.psi(shifted) * sc.rgamma(z) + rgamma_slope(z))
    return np.where(pole, at_pole, out * (sc.psi(safe + m) - sc.psi(safe)))


special("poch", _poch_z, lambda out, z, m: out * sc.psi(z + m))

# -- beta -------------------------------------------------------------------------------------------------------------
special(
    "beta", lambda out, a, b: out * (sc.psi(a) - sc.psi(a + b)), lambda out, a, b: out * (sc.psi(b) - sc.psi(a + b))
)
special("betaln", lambda out, a, b: sc.psi(a) - sc.psi(a + b), lambda out, a, b: sc.psi(b) - sc.psi(a + b))


def _outside(n: Any, k: Any) -> Any:
    return (k < 0) | (k > n)


def _binom_n(out: Any, n: Any, k: Any) -> Any:
    """Outside 0 ≤ k ≤ n, where ψ has poles and 1/Γ has none, from Γ(n + 1)/Γ(k + 1) · 1/Γ(n - k + 1)."""
    far = _outside(n, k)
    rest = n - k + 1
    inside = out * (sc.psi(n + 1) - sc.psi(np.where(far, 1, rest)))
    slope = sc.rgamma(rest) * sc.psi(n + 1) + rgamma_slope(rest)
    return np.where(far, sc.gamma(np.where(far, n + 1, 1)) * sc.rgamma(k + 1) * slope, inside)


def _binom_k(out: Any, n: Any, k: Any) -> Any:
    far = _outside(n, k)
    rest = n - k + 1
    inside = out * (sc.psi(np.where(far, 1, rest)) - sc.psi(np.where(far, 1, k + 1)))
    slope = rgamma_slope(k + 1) * sc.rgamma(rest) - sc.rgamma(k + 1) * rgamma_slope(rest)
    return np.where(far, sc.gamma(np.where(far, n + 1, 1)) * slope, inside)


special("binom", _binom_n, _binom_k)
