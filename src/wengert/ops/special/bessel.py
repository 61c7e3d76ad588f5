"""Bessel, Hankel, Airy, Kelvin and Struve functions and their integrals (DLMF 9, 10, 11) in the variable."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from wengert.core.primitive import unsupported
from wengert.ops.special.declare import need_real, order, sc, special

# -- DLMF 10.6.1, 10.29.1: the derivative from the two neighbouring orders --------------------------------------------
special("jv", order, lambda out, v, z: (sc.jv(v - 1, z) - sc.jv(v + 1, z)) / 2)
special("yv", order, lambda out, v, z: (sc.yv(v - 1, z) - sc.yv(v + 1, z)) / 2)
special("iv", order, lambda out, v, z: (sc.iv(v - 1, z) + sc.iv(v + 1, z)) / 2)
special("kv", order, lambda out, v, z: (sc.kv(v - 1, z) + sc.kv(v + 1, z)) / -2)
special("hankel1", order, lambda out, v, z: (sc.hankel1(v - 1, z) - sc.hankel1(v + 1, z)) / 2)
special("hankel2", order, lambda out, v, z: (sc.hankel2(v - 1, z) - sc.hankel2(v + 1, z)) / 2)
_integer_order = unsupported("n", "the order")
# SciPy cuts an order to an integer before anything else
special("yn", _integer_order, lambda out, n, x: (sc.yn(np.trunc(n) - 1, x) - sc.yn(np.trunc(n) + 1, x)) / 2)
special("kn", _integer_order, lambda out, n, x: (sc.kn(np.trunc(n) - 1, x) + sc.kn(np.trunc(n) + 1, x)) / -2)

special("j0", lambda out, x: -sc.j1(x))
special("y0", lambda out, x: -sc.y1(x))
special("i0", lambda out, x: sc.i1(x))
special("k0", lambda out, x: -sc.k1(x))
special("j1", lambda out, x: (sc.j0(x) - sc.jv(2, x)) / 2)
special("y1", lambda out, x: (sc.y0(x) - sc.yv(2, x)) / 2)
special("i1", lambda out, x: (sc.i0(x) + sc.iv(2, x)) / 2)
special("k1", lambda out, x: (sc.k0(x) + sc.kv(2, x)) / -2)


# -- scaled by exp(-|Im z|) (j, y), exp(-|Re z|) (i), exp(z) (k), exp(∓iz) (Hankel): the first three are not analytic -
def _jve(out: Any, v: Any, x: Any) -> Any:
    need_real("jve", "z", x)
    return (sc.jve(v - 1, x) - sc.jve(v + 1, x)) / 2


def _yve(out: Any, v: Any, x: Any) -> Any:
    need_real("yve", "z", x)
    return (sc.yve(v - 1, x) - sc.yve(v + 1, x)) / 2


def _ive(out: Any, v: Any, x: Any) -> Any:
    need_real("ive", "z", x)
    return (sc.ive(v - 1, x) + sc.ive(v + 1, x)) / 2 - np.sign(x) * out


special("jve", order, _jve)
special("yve", order, _yve)
special("ive", order, _ive)
special("kve", order, lambda out, v, z: out - (sc.kve(v - 1, z) + sc.kve(v + 1, z)) / 2)
special("hankel1e", order, lambda out, v, z: (sc.hankel1e(v - 1, z) - sc.hankel1e(v + 1, z)) / 2 - 1j * out)
special("hankel2e", order, lambda out, v, z: (sc.hankel2e(v - 1, z) - sc.hankel2e(v + 1, z)) / 2 + 1j * out)
special("i0e", lambda out, x: sc.i1e(x) - np.sign(x) * out)
special("i1e", lambda out, x: (sc.i0e(x) + sc.ive(2, x)) / 2 - np.sign(x) * out)
special("k0e", lambda out, x: out - sc.k1e(x))
special("k1e", lambda out, x: out - (sc.k0e(x) + sc.kve(2, x)) / 2)


# -- spherical Bessel functions: their derivatives are functions of SciPy, the next ones from the equation (DLMF 10.47)
def _spherical(name: str, sign: int) -> None:
    value, slope = (getattr(sc, f"_spherical_{name}{end}") for end in ("", "_d"))

    def second(out: Any, n: Any, z: Any) -> Any:
        return -2 * out / z - (sign - n * (n + 1) / (z * z)) * value(n, z)

    special(f"_spherical_{name}", _integer_order, lambda out, n, z: slope(n, z))
    special(f"_spherical_{name}_d", _integer_order, second)


for _name, _sign in (("jn", 1), ("yn", 1), ("in", -1), ("kn", -1)):
    _spherical(_name, _sign)

# -- Airy functions: w'' = z w (DLMF 9.2.1) ---------------------------------------------------------------------------
special("airy", lambda out, z: (out[1], z * out[0], out[3], z * out[2]))


def _airye(out: Any, x: Any) -> tuple:
    """Ai and Ai' are scaled by exp(ζ), Bi and Bi' by exp(-|Re ζ|), ζ = 2/3 x^(3/2): for x < 0 the latter is 1."""
    need_real("airye", "z", x)
    root = np.sqrt(np.maximum(x, 0))
    ai, aip, bi, bip = out
    return aip + root * ai, x * ai + root * aip, bip - root * bi, x * bi - root * bip


special("airye", _airye)
special("itairy", lambda out, x: (*_ai_bi(x), *_ai_bi(-x)))


def _ai_bi(x: Any) -> tuple:
    ai, _, bi, _ = sc.airy(x)
    return ai, bi


# -- Kelvin functions: ber + i bei = J₀(x e^(3πi/4)), ker + i kei = K₀(x e^(πi/4)) (DLMF 10.61.1-2); w'' = i w - w'/x -
TURN = complex(np.exp(0.75j * math.pi))


def _be_second(x: Any) -> Any:
    """(ber + i bei)'' = i (J₀ - J₂)/2 at x e^(3πi/4): unlike the differential equation, no 0/0 at x = 0."""
    z = TURN * x
    return 0.5j * (sc.jv(0, z) - sc.jv(2, z))


special("ber", lambda out, x: sc.berp(x))
special("bei", lambda out, x: sc.beip(x))
special("ker", lambda out, x: sc.kerp(x))
special("kei", lambda out, x: sc.keip(x))
special("berp", lambda out, x: np.real(_be_second(x)))
special("beip", lambda out, x: np.imag(_be_second(x)))
special("kerp", lambda out, x: -sc.kei(x) - out / x)
special("keip", lambda out, x: sc.ker(x) - out / x)
special("kelvin", lambda out, x: (out[2], out[3], _be_second(x), 1j * out[1] - out[3] / x))


# -- Struve functions (DLMF 11.4.25-28) -------------------------------------------------------------------------------
def _struve_term(v: Any, x: Any) -> Any:
    return np.power(x / 2, v) * sc.rgamma(v + 1.5) / math.sqrt(math.pi)


special("struve", order, lambda out, v, x: (sc.struve(v - 1, x) - sc.struve(v + 1, x) + _struve_term(v, x)) / 2)
special(
    "modstruve", order, lambda out, v, x: (sc.modstruve(v - 1, x) + sc.modstruve(v + 1, x) + _struve_term(v, x)) / 2
)


def _struve_over(x: Any) -> Any:
    """H₀(x)/x; 2/π at 0."""
    zero = x == 0
    return np.where(zero, 2 / math.pi, sc.struve(0, x) / np.where(zero, 1, x))


special("itstruve0", lambda out, x: sc.struve(0, x))
special("itmodstruve0", lambda out, x: sc.modstruve(0, x))
special("it2struve0", lambda out, x: -_struve_over(x))


# -- integrals of Bessel functions ------------------------------------------------------------------------------------
def _one_minus_j0(x: Any, sign: int) -> Any:
    """(1 - J₀(x))/x for sign = -1, (I₀(x) - 1)/x for sign = 1: near 0 by their series."""
    near = np.abs(x) < 1
    small, large = np.where(near, x, 0.0), np.where(near, 1.0, x)
    series = 0.0
    for k in range(10, 0, -1):
        series = sign * small * small * series + 1 / (4.0**k * math.factorial(k) ** 2)
    far = (sc.i0(large) - 1) / large if sign > 0 else (1 - sc.j0(large)) / large
    return np.where(near, small * series, far)


special("itj0y0", lambda out, x: (sc.j0(x), sc.y0(x)))
special("iti0k0", lambda out, x: (sc.i0(x), sc.k0(x)))
special("it2j0y0", lambda out, x: (_one_minus_j0(x, -1), -sc.y0(x) / x))
special("it2i0k0", lambda out, x: (_one_minus_j0(x, 1), -sc.k0(x) / x))
special(
    "besselpoly",
    lambda out, a, lmb, nu: sc.besselpoly(a, lmb + 1, nu - 1) - sc.besselpoly(a, lmb + 1, nu + 1),
    unsupported("lmb", "the exponent"),
    unsupported("nu", "the order"),
)
