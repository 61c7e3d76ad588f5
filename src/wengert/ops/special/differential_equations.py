"""Functions that SciPy returns with their derivative: the next derivative comes from the differential equation.

Parabolic cylinder functions (DLMF 12.2), Mathieu functions (28.2, 28.20), spheroidal wave functions (30.2), and the
associated Legendre function. Their parameters have no closed derivative.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from wengert.core.primitive import unsupported
from wengert.ops.special.declare import order, sc, special

# -- parabolic cylinder -----------------------------------------------------------------------------------------------
special("pbdv", order, lambda out, v, x: (out[1], (x * x / 4 - v - 0.5) * out[0]))
special("pbvv", order, lambda out, v, x: (out[1], (x * x / 4 - v - 0.5) * out[0]))
special("pbwa", unsupported("a", "the parameter"), lambda out, a, x: (out[1], (a - x * x / 4) * out[0]))

# -- Mathieu: y'' = (2q cos 2x - a) y, modified: y'' = (a - 2q cosh 2x) y ---------------------------------------------
DEGREE = math.pi / 180
_order, _parameter = unsupported("m", "the order"), unsupported("q", "the parameter")


def _mathieu(characteristic: str) -> Any:
    """SciPy takes x in degrees and gives dy/dx for x in radians."""

    def partial(out: Any, m: Any, q: Any, x: Any) -> tuple:
        factor = 2 * q * np.cos(2 * DEGREE * x) - getattr(sc, characteristic)(m, q)
        return DEGREE * out[1], DEGREE * factor * out[0]

    return partial


def _modified_mathieu(characteristic: str) -> Any:
    def partial(out: Any, m: Any, q: Any, x: Any) -> tuple:
        return out[1], (getattr(sc, characteristic)(m, q) - 2 * q * np.cosh(2 * x)) * out[0]

    return partial


special("mathieu_cem", _order, _parameter, _mathieu("mathieu_a"))
special("mathieu_sem", _order, _parameter, _mathieu("mathieu_b"))
special("mathieu_modcem1", _order, _parameter, _modified_mathieu("mathieu_a"))
special("mathieu_modcem2", _order, _parameter, _modified_mathieu("mathieu_a"))
special("mathieu_modsem1", _order, _parameter, _modified_mathieu("mathieu_b"))
special("mathieu_modsem2", _order, _parameter, _modified_mathieu("mathieu_b"))
special("mathieu_a", _order, _parameter)
special("mathieu_b", _order, _parameter)


# -- spheroidal: (p w')' + (λ - γ² x² ... ) w = 0 ---------------------------------------------------------------------
def _spheroidal(shape: str, radial: bool, given: bool) -> Any:
    """w'' from (1 - s x²) w'' = 2 s x w' - (s (λ - ...) ...) w for the four kinds (DLMF 30.2.1, 30.13, 30.14).

    Prolate, angular and radial: ((1 - x²) w')' + (λ - c²x² - m²/(1 - x²)) w = 0. Oblate: c² becomes -c², and the radial
    variable is imaginary: ((1 + x²) w')' - (λ - c²x² - m²/(1 + x²)) w = 0.
    """
    square = 1 if shape == "pro" else -1
    characteristic = sc.pro_cv if shape == "pro" else sc.obl_cv

    def partial(out: Any, m: Any, n: Any, c: Any, *rest: Any) -> tuple:
        value = rest[0] if given else characteristic(m, n, c)
        x = rest[-1]
        if shape == "obl" and radial:
            weight = 1 + x * x
            return out[1], ((value - c * c * x * x - m * m / weight) * out[0] - 2 * x * out[1]) / weight
        weight = 1 - x * x
        return out[1], (2 * x * out[1] - (value - square * c * c * x * x - m * m / weight) * out[0]) / weight

    return partial


_m, _n = unsupported("m", "the order"), unsupported("n", "the degree")
_c, _cv = unsupported("c", "the parameter"), unsupported("cv", "the characteristic value")
for _shape in ("pro", "obl"):
    for _kind in ("ang1", "rad1", "rad2"):
        _radial = _kind != "ang1"
        special(f"{_shape}_{_kind}", _m, _n, _c, _spheroidal(_shape, _radial, False))
        special(f"{_shape}_{_kind}_cv", _m, _n, _c, _cv, _spheroidal(_shape, _radial, True))
    special(f"{_shape}_cv", _m, _n, _c)


# -- associated Legendre ----------------------------------------------------------------------------------------------
def _lpmv(out: Any, m: Any, v: Any, x: Any) -> Any:
    """(1 - x²) P' = (v + 1) x P_v - (v - m + 1) P_{v+1} (DLMF 14.10.5); at x = ±1 the limit for m = 0, 2, 4, ..."""
    edge = np.abs(x) == 1
    inner = np.where(edge, 0.5, x)
    slope = ((v + 1) * inner * sc.lpmv(m, v, inner) - (v - m + 1) * sc.lpmv(m, v + 1, inner)) / (1 - inner * inner)
    parity = np.where(x > 0, 1.0, np.cos(np.pi * (v + 1)))
    at_edge = np.where(m == 0, v * (v + 1) / 2, np.where(m == 2, (1 - v) * v * (v + 1) * (v + 2) / 4, 0.0))
    return np.where(edge, np.where(m == 1, np.inf, at_edge * parity), slope)


special("lpmv", unsupported("m", "the order"), unsupported("v", "the degree"), _lpmv)
