"""exp, exp2, expm1 and the hyperbolic functions.

x = k ln 2 + r with |r| <= ln 2 / 2 (W. J. Cody and W. Waite, Software Manual for the Elementary Functions, 1980), a
polynomial for exp(r), and 2^k put into the exponent.
"""

from __future__ import annotations

import math

from .arithmetic import nearest_integer, polynomial, power_of_two, times_power_of_two
from .coefficients import LIMITS, PARTS
from .writer import Code, Value


def reduced(code: Code, x: Value, rest: Value | None = None) -> tuple[Value, Value]:
    """r and k (shifted) with x + rest = k ln 2 + r; the rest is small."""
    high, low = PARTS["ln2", code.format.name]
    k, shifted = nearest_integer(code, x, 1 / math.log(2))
    r = code.muladd(k, -high, x)
    return code.muladd(k, -low, r if rest is None else r + rest), shifted


def in_range(code: Code, y: Value, x: Value, low: float, high: float) -> Value:
    """y, but 0 where x < low, inf where x > high, nan where x is nan."""
    return code.where(x.above_or_nan(high), x + math.inf, code.where(x < low, 0.0, y))


def scaled(code: Code, y: Value, shifted: Value, x: Value, subnormal: float, overflow: float | None = None) -> Value:
    """y 2^k, subnormal where x < `subnormal`: there the exponent is kept up, and a product rounds at last.

    Where x > `overflow`, the exponent is kept down, and a product overflows if y 2^k does.
    """
    lift = 2 * code.format.mantissa
    tiny = x < subnormal
    added, factor = code.where(tiny, code.integer(lift), 0), code.where(tiny, 2.0**-lift, 1.0)
    if overflow is not None:
        huge = x > overflow
        added, factor = code.where(huge, -lift, added), code.where(huge, 2.0**lift, factor)
    return times_power_of_two(y, shifted, added) * factor


def ends(code: Code) -> tuple[int, int]:
    """The exponents of two below which a power is zero, and below which a product with it may be subnormal."""
    return -code.format.mantissa - code.format.bias, 2 - code.format.bias


def exp(code: Code, x: Value) -> Value:
    r, shifted = reduced(code, x)
    square = r * r
    y = code.muladd(square, polynomial(code, "exp", r, square), r) + 1.0
    zero, subnormal = (exponent * math.log(2) for exponent in ends(code))
    return in_range(code, scaled(code, y, shifted, x, subnormal), x, zero, LIMITS["exp", code.format.name])


def exp2(code: Code, x: Value) -> Value:
    k, shifted = nearest_integer(code, x, 1.0)
    r = x - k
    y = code.muladd(r, polynomial(code, "exp2", r), 1.0)
    zero, subnormal = ends(code)
    highest = math.nextafter(code.format.bias + 1.0, 0) if code.format.bits == 64 else 127.99999237060547
    return in_range(code, scaled(code, y, shifted, x, subnormal), x, zero - 1.0, highest)


def expm1_reduced(code: Code, x: Value, rest: Value | None = None) -> tuple[Value, Value]:
    """exp(r) - 1 and k (shifted) with x + rest = k ln 2 + r."""
    r, shifted = reduced(code, x, rest)
    square = r * r
    return code.muladd(square, polynomial(code, "exp", r, square), r), shifted


def expm1(code: Code, x: Value) -> Value:
    """2^k (e + 1) - 1 = 2 (h e + h - 1/2) with e = exp(r) - 1, h = 2^(k-1), which does not overflow before the result does."""
    format = code.format
    lowest = -(format.mantissa + 4) * math.log(2)  # below, the result is -1
    clamped = code.maximum(x, lowest)
    e, shifted = expm1_reduced(code, clamped)
    half = power_of_two(shifted, -1)
    y = 2.0 * code.muladd(half, e, half - 0.5)
    # Where k = 0, e is the result: half of it might be subnormal. x itself where it is so small that x² vanishes.
    y = code.where(half.equals(0.5), e, y)
    y = code.where(x.above_or_nan(LIMITS["exp", format.name]), x + math.inf, y)
    return code.copysign(y, x)


def half_exp(code: Code, x: Value) -> Value:
    """exp(x) / 2 for x >= 0, up to where that overflows; beyond, anything."""
    e, shifted = expm1_reduced(code, x)
    # 2^(k - 1) (1 + e), by the exponent: 2^1024 / 2 is not a float while (1 + e) 2^1023 is.
    return ((e + 1.0).bits() + ((shifted.bits() - 1) << code.format.mantissa)).as_float()


def sinh(code: Code, x: Value) -> Value:
    a = code.fabs(x)
    half = half_exp(code, a)
    large = half - 0.25 / half
    square = x * x
    small = code.muladd(a * square, polynomial(code, "sinh", square), a)
    y = code.where(a < 1.0, small, large)
    return code.copysign(code.where(a.above_or_nan(LIMITS["sinh", code.format.name]), a + math.inf, y), x)


def cosh(code: Code, x: Value) -> Value:
    a = code.fabs(x)
    half = half_exp(code, a)
    y = half + 0.25 / half
    return code.where(a.above_or_nan(LIMITS["sinh", code.format.name]), a + math.inf, y)


def tanh(code: Code, x: Value) -> Value:
    """t / (t + 2) with t = exp(2 |x|) - 1; 1 to the last place beyond 20 (float64) and 10 (float32)."""
    a = code.fabs(x)
    # The order of the comparison keeps nan.
    doubled = code.where(a > 20.0, 40.0, a + a)
    e, shifted = expm1_reduced(code, doubled)
    power = power_of_two(shifted)
    t = code.muladd(power, e, power - 1.0)
    return code.copysign(t / (t + 2.0), x)


def expit(code: Code, x: Value) -> Value:
    """1 / (1 + exp(-x)), and the same times exp(x) / exp(x) for negative x, where exp(-x) would overflow."""
    e = code.call("exp", -code.fabs(x))
    return code.where(x < 0.0, e, 1.0) / (e + 1.0)
