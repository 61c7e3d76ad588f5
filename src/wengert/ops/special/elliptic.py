"""Elliptic integrals and functions (DLMF 19, 22) and the arithmetic-geometric mean.

Every derivative is one of Carlson's integrals ∫₀^∞ (t + x)^(-i/2) (t + y)^(-j/2) (t + z)^(-k/2) (t + p)^(-l/2) dt. They are
closed under differentiation (one exponent grows by two) and, unlike Legendre's formulas with their (E - K)/m, are smooth
at m = 0 and where arguments coincide.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from wengert.ops.special.declare import in_blocks, is_complex, kernel, sc, special


# -- Carlson's integrals ----------------------------------------------------------------------------------------------
def _raised(i: int) -> Any:
    """d/d(argument i): the exponent at that argument grows by two."""

    def partial(out: Any, *operands: Any) -> Any:
        exponents = [k + 2 * (j == i) for j, k in enumerate(operands[:4])]
        return operands[i] / -2 * carlson(*exponents, *operands[4:])

    return partial


@kernel("carlson", 8, None, None, None, None, *map(_raised, range(4)))
@in_blocks(4)
def carlson(i: int, j: int, k: int, l: int, x: Any, y: Any, z: Any, p: Any) -> Any:
    """By SciPy where it is one of Carlson's named ones, otherwise by the trapezoidal rule in log t.

    The integrand falls off exponentially at both ends in log t and is analytic in a strip around the real line, so the
    rule converges geometrically (Trefethen and Weideman 2014, theorem 5.1).
    """
    exponents = (i, j, k, l)
    if exponents == (1, 1, 1, 0):
        return 2 * sc.elliprf(x, y, z)
    if sorted(exponents[:3]) == [1, 1, 3] and l == 0:
        ones = [a for a, e in zip((x, y, z), exponents, strict=False) if e == 1]
        return 2 / 3 * sc.elliprd(*ones, (x, y, z)[exponents.index(3)])
    if exponents == (1, 1, 1, 2):
        return 2 / 3 * sc.elliprj(x, y, z, p)
    points = np.stack([a for a, e in zip((x, y, z, p), exponents, strict=True) if e])
    powers = [e for e in exponents if e]
    size = np.abs(points)
    low = np.log(np.min(np.where(size == 0, np.inf, size), axis=0)) - 80
    high = np.log(np.max(size, axis=0)) + 80
    step = 0.25 if is_complex(points) else 0.5
    count = int(np.max((high - low) / step, initial=1, where=np.isfinite(high - low))) + 1
    t = np.exp(low[..., None] + (high - low)[..., None] * np.linspace(0, 1, count))
    logarithm = np.log(t)
    for point, power in zip(points, powers, strict=True):
        logarithm = logarithm - power / 2 * np.log(t + point[..., None])
    total = np.sum(np.exp(logarithm), axis=-1) * (high - low) / (count - 1)
    diverges = np.any([(point == 0) & (power > 1) for point, power in zip(points, powers, strict=True)], axis=0)
    return np.where(diverges, np.inf, total)


special(
    "elliprf", *(lambda out, x, y, z, e=e: carlson(*e, 0, x, y, z, 1.0) / -4 for e in ((3, 1, 1), (1, 3, 1), (1, 1, 3)))
)  # DLMF 19.18.1
special(
    "elliprd",
    lambda out, x, y, z: carlson(3, 1, 3, 0, x, y, z, 1.0) * -0.75,
    lambda out, x, y, z: carlson(1, 3, 3, 0, x, y, z, 1.0) * -0.75,
    lambda out, x, y, z: carlson(1, 1, 5, 0, x, y, z, 1.0) * -2.25,
)


def _rg(i: int) -> Any:
    """∂R_G/∂x = (R_F - x R_D(y, z, x)/3)/4, from 19.16.3 by parts; x R_D vanishes with x."""

    def partial(out: Any, *xyz: Any) -> Any:
        x, y, z = xyz[i], xyz[(i + 1) % 3], xyz[(i + 2) % 3]
        zero = x == 0
        return (sc.elliprf(*xyz) - np.where(zero, 0, x * sc.elliprd(y, z, np.where(zero, 1, x)) / 3)) / 4

    return partial


special("elliprg", _rg(0), _rg(1), _rg(2))


def _rj_symmetric(i: int) -> Any:
    """∂R_J/∂x; for p < 0 (Cauchy's principal value) from partial fractions: (R_J - R_D(y, z, x)) / (2 (p - x))."""

    def partial(out: Any, x: Any, y: Any, z: Any, p: Any) -> Any:
        point, rest = (x, y, z)[i], [a for j, a in enumerate((x, y, z)) if j != i]
        principal = _is_negative(p)
        exponents = [3 if j == i else 1 for j in range(3)]
        regular = carlson(*exponents, 2, x, y, z, np.where(principal, 1, p)) * -0.75
        q = np.where(principal, p, -1)
        value = sc.elliprj(x, y, z, q)
        return np.where(principal, (value - sc.elliprd(*rest, point)) / (2 * (q - point)), regular)

    return partial


def _rj_p(out: Any, x: Any, y: Any, z: Any, p: Any) -> Any:
    """∂R_J/∂p; for p < 0 from the homogeneity of degree -3/2."""
    principal = _is_negative(p)
    regular = carlson(1, 1, 1, 4, x, y, z, np.where(principal, 1, p)) * -1.5
    q = np.where(principal, p, -1)
    value = sc.elliprj(x, y, z, q)
    slopes = sum(a * _rj_symmetric(i)(value, x, y, z, q) for i, a in enumerate((x, y, z)))
    return np.where(principal, (-1.5 * value - slopes) / q, regular)


def _is_negative(p: Any) -> Any:
    return (np.imag(p) == 0) & (np.real(p) < 0)


special("elliprj", _rj_symmetric(0), _rj_symmetric(1), _rj_symmetric(2), _rj_p)


# R_C(x, y) = R_F(x, y, y); for y < 0, Cauchy's principal value, x - y > 0 and the elementary formulas are regular.
def _rc_x(out: Any, x: Any, y: Any) -> Any:
    principal = _is_negative(y)
    safe, root = np.where(principal, 1, y), np.where(principal, x, 1)
    return np.where(
        principal, (out - 1 / np.sqrt(root)) / (2 * (y - np.where(principal, x, y - 1))), sc.elliprd(safe, safe, x) / -6
    )


def _rc_y(out: Any, x: Any, y: Any) -> Any:
    principal = _is_negative(y)
    safe = np.where(principal, 1, y)
    gap = np.where(principal, x - y, 1)
    return np.where(principal, (out - np.sqrt(x) / y) / (2 * gap), sc.elliprd(x, safe, safe) / -3)


special("elliprc", _rc_x, _rc_y)


# -- Legendre's integrals (DLMF 19.4, 19.25) --------------------------------------------------------------------------
special("ellipk", lambda out, m: carlson(1, 1, 3, 0, 0.0, 1.0, 1 - m, 1.0) / 4)
special("ellipkm1", lambda out, p: carlson(1, 1, 3, 0, 0.0, 1.0, p, 1.0) / -4)
special("ellipe", lambda out, m: carlson(1, 1, 3, 0, 0.0, 1 - m, 1.0, 1.0) / -4)


def _integrand(p: Any, k: Any, phi: Any, m: Any) -> Any:
    sine, cosine = np.sin(phi), np.cos(phi)
    return sine ** (2 * p) * (cosine * cosine + (1 - m) * sine * sine) ** (-k / 2)


@kernel(
    "legendre_integral",
    4,
    None,
    None,
    lambda out, p, k, phi, m: _integrand(p, k, phi, m),
    lambda out, p, k, phi, m: k / 2 * legendre_integral(p + 1, k + 2, phi, m),
)
def legendre_integral(p: Any, k: Any, phi: Any, m: Any) -> Any:
    """∫₀^φ sin(θ)^2p (1 - m sin²θ)^(-k/2) dθ, by Carlson's integrals with sin²θ = sin²φ/(1 + t); periods apart."""
    p, k = int(np.max(p)), int(np.max(k))
    turns = np.round(phi / math.pi)
    sine, square = np.sin(phi - turns * math.pi), np.cos(phi) ** 2
    exponents = (1, k, 2 + 2 * p - k, 0)
    part = sine ** (2 * p + 1) / 2 * carlson(*exponents, square, square + (1 - m) * sine * sine, 1.0, 1.0)
    whole = carlson(*exponents, 0.0, np.where(turns == 0, 0.5, 1 - m), 1.0, 1.0)
    return part + np.where(turns == 0, 0, turns * whole)


special(
    "ellipkinc", lambda out, phi, m: _integrand(0, 1, phi, m), lambda out, phi, m: legendre_integral(1, 3, phi, m) / 2
)
special(
    "ellipeinc", lambda out, phi, m: _integrand(0, -1, phi, m), lambda out, phi, m: legendre_integral(1, 1, phi, m) / -2
)


# -- Jacobi's functions (DLMF 22.13) ----------------------------------------------------------------------------------
def _ellipj_m(out: Any, u: Any, m: Any) -> tuple:
    """From u = F(φ, m): dφ/dm = -dn ∂F/∂m."""
    sn, cn, dn, phi = out
    slope = -dn * legendre_integral(1, 3, phi, m) / 2
    return cn * slope, -sn * slope, -(sn * sn + 2 * m * sn * cn * slope) / (2 * dn), slope


special("ellipj", lambda out, u, m: (out[1] * out[2], -out[0] * out[2], -m * out[0] * out[1], out[2]), _ellipj_m)


# -- the arithmetic-geometric mean a, b -> π / (2 R_F(0, a², b²)) (DLMF 19.8.5) ---------------------------------------
def _agm(out: Any, a: Any, b: Any) -> Any:
    zero = a == 0
    safe = np.where(zero, 1, a)
    return np.where(zero, np.inf, out * out * safe * carlson(1, 1, 3, 0, 0.0, b * b, safe * safe, 1.0) / math.pi)


special("agm", _agm, lambda out, a, b: _agm(out, b, a))
