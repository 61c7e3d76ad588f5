"""arctan, arctan2, arcsin and arccos.

The angle of (b, a) in the first octant is n π/4 + arctan(t) with |t| <= tan(π/8); reflections bring every other angle
there. arcsin takes its upper half to the lower by arcsin(x) = π/2 - 2 arcsin(√((1 - x) / 2)) (W. J. Cody and W. Waite,
Software Manual for the Elementary Functions, 1980).
"""

from __future__ import annotations

import math

from .arithmetic import polynomial
from .coefficients import PARTS
from .writer import Code, Value


def odd_polynomial(code: Code, name: str, x: Value, square: Value) -> Value:
    """x + x z q(z), z = x²."""
    return code.muladd(x * square, polynomial(code, name, square), x)


def quarters(code: Code, n: Value, angle: Value) -> Value:
    """n π/4 + angle for n up to 4."""
    high, low = PARTS["pi/4", code.format.name]
    return code.muladd(n, high, code.muladd(n, low, angle))


def first_octant(code: Code, smaller: Value, larger: Value) -> tuple[Value, Value]:
    """n and arctan(t) with arctan(smaller / larger) = n π/4 + arctan(t)."""
    steep = (smaller > larger * (math.sqrt(2) - 1)) | smaller.equals(math.inf)
    t = code.where(steep, smaller - larger, smaller) / code.where(steep, smaller + larger, larger)
    # Two infinities are as steep as two ones; two zeros are flat.
    t = code.where(smaller.equals(larger), 0.0, t)
    return code.where(steep, 1.0, code.number(0.0)), odd_polynomial(code, "arctan", t, t * t)


def arctan(code: Code, x: Value) -> Value:
    a, one = code.fabs(x), code.number(1.0)
    over = a > 1.0
    # The larger of the two is infinite where x is, the smaller is nan where x is.
    n, angle = first_octant(code, code.where(over, one, a), code.where(over, a, one))
    n = code.where(over, 2.0 - n, n)
    angle = code.where(over, -angle, angle)
    return code.copysign(quarters(code, n, angle), x)


def arctan2(code: Code, y: Value, x: Value) -> Value:
    """By the signs as well as the values of its arguments, zeros among them."""
    a, b = code.fabs(y), code.fabs(x)
    # Both times one power of two, so that their sum does not overflow and a third of the larger is no subnormal.
    format = code.format
    larger = code.maximum(a, b)
    scale = code.where(larger > format.largest / 4, 0.25, code.number(1.0))
    scale = code.where(larger < format.smallest_normal * 4, 2.0**format.mantissa, scale)
    a, b = a * scale, b * scale
    over, left = a > b, (x.bits() >> (format.bits - 1)).equals(1)
    n, angle = first_octant(code, code.where(over, b, a), code.where(over, a, b))
    n = code.where(over, 2.0 - n, n)
    angle = code.where(over, -angle, angle)
    n = code.where(left, 4.0 - n, n)
    angle = code.where(left, -angle, angle)
    result = code.copysign(quarters(code, n, angle), y)
    # nan in either.
    return code.where(x.equals(x) & y.equals(y), result, x + y)


def _halves(code: Code, x: Value) -> tuple[Value, Value]:
    """|x| > 1/2, and arcsin: of |x| where that is false, of √((1 - |x|) / 2) where it is true."""
    a = code.fabs(x)
    upper = a > 0.5
    half = code.muladd(a, -0.5, 0.5)
    square = code.where(upper, half, a * a)
    return upper, odd_polynomial(code, "arcsin", code.where(upper, code.sqrt(half), a), square)


def arcsin(code: Code, x: Value) -> Value:
    upper, angle = _halves(code, x)
    high, low = PARTS["pi/4", code.format.name]
    # π/2 - 2 angle, as twice (π/4 - angle), of which the high part is exact.
    above = high - angle
    above = 2.0 * (above + (((high - above) - angle) + low))
    return code.copysign(code.where(upper, above, angle), x)


def arccos(code: Code, x: Value) -> Value:
    """2 arcsin(√((1 - x) / 2)), π minus that for negative x, and π/2 - arcsin(x) between -1/2 and 1/2."""
    upper, angle = _halves(code, x)
    negative = x < 0.0
    # n π/4 + s angle
    n = code.where(upper, code.where(negative, 4.0, code.number(0.0)), 2.0)
    angle = code.where(upper, angle + angle, -angle)
    return quarters(code, n, code.where(negative, -angle, angle))
