"""erf and erfc: a polynomial near zero, and exp(-x²) / (x + K) times a polynomial in t = (x - K) / (x + K) beyond.

That quotient, which maps [0, ∞) to [-1, 1), makes the tail smooth enough for one polynomial (M. M. Shepherd and
J. G. Laframboise, "Chebyshev approximation of (1 + 2x) exp(x²) erfc x in 0 <= x < ∞", 1981).
"""

from __future__ import annotations

import math

from .arithmetic import horner, polynomial, times_power_of_two, two_product, two_sum
from .coefficients import POLYNOMIALS
from .exponentials import ends, expm1_reduced, scaled
from .writer import Code, Value

CENTRE = 2.0  # K
ERFC_ENDS = {"f64": 27.3, "f32": 10.1}  # beyond, erfc is zero
ERF_ENDS = {"f64": 6.0, "f32": 4.0}  # beyond, erf is one


def erf_near_zero(code: Code, x: Value) -> Value:
    """x + x q(x²) for |x| <= 1."""
    return code.muladd(x, polynomial(code, "erf", x * x), x)


def erf(code: Code, x: Value) -> Value:
    """1 - erfc(|x|) beyond 1, where fewer digits of erfc do."""
    end, size = ERF_ENDS[code.format.name], code.fabs(x)
    a = code.where(size > end, end, size)  # nan stays
    e, shifted = expm1_reduced(code, -(a * a))
    inverse = 1.0 / (a + CENTRE)
    tail = polynomial(code, "erf tail", (a - CENTRE) * inverse) * inverse
    large = 1.0 - times_power_of_two(e + 1.0, shifted) * tail
    return code.where(a < 1.0, erf_near_zero(code, x), code.copysign(large, x))


def erfc(code: Code, x: Value) -> Value:
    """1 - erf(x) up to 1/2, and from there on exp(-h - l) tail(x): h + l is the square without error."""
    a = code.minimum(code.fabs(x), ERFC_ENDS[code.format.name])
    high, low = two_product(code, a, a)
    total, lost = two_sum(a, code.number(CENTRE))
    t = (a - CENTRE) / total
    # Its divisor is larger by a factor of 1 + relative = exp(relative), as 1 / (x + K) = (1 - t) / 2 K.
    relative = lost * code.muladd(t, -0.5 / CENTRE, 0.5 / CENTRE)
    # In two halves, the polynomial would lose two units where they cancel.
    tail = horner(code, POLYNOMIALS["erfc", code.format.name], t - t * relative) / total
    e, shifted = expm1_reduced(code, -high, -(low + relative))
    large = scaled(code, code.muladd(tail, e, tail), shifted, -high, (ends(code)[1] + 8) * math.log(2))
    large = code.where(x < 0.0, 2.0 - large, large)
    return code.where(code.fabs(x) > 0.5, large, 1.0 - erf_near_zero(code, x))
