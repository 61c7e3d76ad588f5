"""pow, sqrt, cbrt and hypot.

|x|^y = exp(y log |x|) with the logarithm and the product as sums of two floats: an exponent of 700 makes its relative error
700 times as large as that of the power.
"""

from __future__ import annotations

import math

from .arithmetic import (
    fast_two_sum,
    mantissa_and_exponent,
    nearest_integer,
    polynomial,
    times_power_of_two,
    two_product,
)
from .coefficients import PARTS
from .exponentials import ends, expm1_reduced, scaled
from .logarithms import normal
from .writer import Code, Value


def log_in_two(code: Code, m: Value, k: Value) -> tuple[Value, Value]:
    """log(m 2^k) = k ln 2 + 2 s + s (2/3 z + z² q(z)) as a sum of two floats, with s and z as in `logarithms`."""
    f = m - 1.0
    inverse = 1.0 / (f + 2.0)
    s = f * inverse
    # f - 2 s is exact, and what is left of f - s (2 + f) corrects s.
    product, error = two_product(code, s, f)
    s_low = (((f - (s + s)) - product) - error) * inverse
    z, z_low = two_product(code, s, s)
    z_low = code.muladd(s + s, s_low, z_low)
    high, low = PARTS["2/3", code.format.name]
    w, w_low = two_product(code, z, code.number(high))
    w_low = code.muladd(z_low, high, code.muladd(z, low, w_low))
    # z² q is so small against 2 that its rounding does not count.
    w_low = code.muladd(z * z, polynomial(code, "log tail", z), w_low)
    factor, factor_low = fast_two_sum(code.number(2.0), w)
    part, part_low = two_product(code, s, factor)
    part_low = code.muladd(s, factor_low + w_low, code.muladd(s_low, factor, part_low))
    high, low = PARTS["ln2", code.format.name]
    y, y_low = fast_two_sum(k * high, part)
    return fast_two_sum(y, y_low + code.muladd(k, low, part_low))


def _integers(code: Code, y: Value) -> tuple[Value, Value]:
    """Where y is an integer, and where it is an odd one."""
    unit = 2.0**code.format.mantissa
    a = code.fabs(y)
    small = a < unit  # adding the unit rounds to an integer and shows its lowest bit; at the unit the bit shows already
    shown = a + unit
    whole = (shown - unit).equals(a) | (a >= unit)
    lowest = code.where(small, shown, a).bits() & 1
    return whole, whole & lowest.equals(1) & (a < 2 * unit)


def _exponent_in_two(code: Code, m: Value, k: Value, y: Value) -> tuple[Value, Value]:
    """y log(m 2^k)."""
    high, low = log_in_two(code, m, k)
    product, error = two_product(code, high, y)
    return product, code.muladd(low, y, error)


def _signed(code: Code, result: Value, x: Value, y: Value) -> Value:
    """|x|^y made x^y: negative for odd y, nan for a broken one."""
    whole, odd = _integers(code, y)
    negated = (result.bits() ^ (x.bits() & code.format.sign_bit)).as_float()
    broken = ~whole & (x < 0.0) & (code.fabs(x) < math.inf) & (code.fabs(y) < math.inf)
    return code.where(broken, math.nan, code.where(odd, negated, result))


def pow(code: Code, x: Value, y: Value) -> Value:
    """x^y with the special cases of IEEE 754's pow: negative x here, 0, infinities and nan in `unusual_pow`."""
    format = code.format
    a = code.fabs(x)
    m, k, _ = mantissa_and_exponent(code, a)
    product, rest = _exponent_in_two(code, m, k, y)
    e, shifted = expm1_reduced(code, product, rest)
    result = times_power_of_two(e + 1.0, shifted)
    (result,) = code.rarely(x < 0.0, [result], lambda: [_signed(code, result, x, y)])
    # False for nan, and within the limit the result is a normal number.
    limit = (format.bias - 2) * math.log(2)
    usual = (a >= format.smallest_normal) & (a < math.inf) & (code.fabs(product + rest) < limit)
    # x^0 = 1 for all x, as m and k are finite; the lanes beyond the end of an array have 0^0.
    usual = usual | y.equals(0.0)
    return code.rarely(~usual, [result], lambda: [code.call("unusual pow", x, y)])[0]


def unusual_pow(code: Code, x: Value, y: Value) -> Value:
    """x^y for all x and y."""
    format = code.format
    a = code.fabs(x)
    lifted, added = normal(code, a)
    m, k, _ = mantissa_and_exponent(code, lifted)
    # Beyond 2^66 the power of any number but 1 is 0 or infinite, and the products stay finite up to there.
    product, rest = _exponent_in_two(code, m, k + added, code.minimum(code.maximum(y, -(2.0**66)), 2.0**66))
    zero, subnormal = (end * math.log(2) for end in ends(code))
    e, shifted = expm1_reduced(code, product, rest)
    result = scaled(code, e + 1.0, shifted, product, subnormal, -subnormal)
    result = code.where(product > (format.bias + 2) * math.log(2), math.inf, result)
    result = code.where(product < zero, 0.0, result)
    # The powers of 0 and of infinity.
    positive, nothing = y > 0.0, a.equals(0.0)
    at_edge = code.where(positive ^ nothing, math.inf, code.number(0.0))
    result = code.where(nothing | a.equals(math.inf), at_edge, result)
    # Those of negative numbers, -0 among them.
    result = _signed(code, result, x, y)
    result = code.where(x.equals(x) & y.equals(y), result, x + y)
    return code.where(y.equals(0.0) | x.equals(1.0), 1.0, result)


def sqrt(code: Code, x: Value) -> Value:
    return code.sqrt(x)


def cbrt(code: Code, x: Value) -> Value:
    """2^j t with t³ = m 2^r and 3 j + r = k: a polynomial for t, and one step of Halley's, which triples the digits."""
    a = code.fabs(x)
    lifted, added = normal(code, a)
    m, k, _ = mantissa_and_exponent(code, lifted)
    k = k + added
    third, shifted = nearest_integer(code, k, 1 / 3)
    r = code.muladd(third, -3.0, k)
    below, above = r < -0.5, r > 0.5

    def chosen(base: float) -> Value:
        """base^r"""
        return code.where(below, 1 / base, code.where(above, base, code.number(1.0)))

    t = polynomial(code, "cbrt", m) * chosen(2 ** (1 / 3))
    m = m * chosen(2.0)
    square = t * t
    excess = code.muladd(square, t, -m)
    t = code.muladd(-t, excess / code.muladd(2.0 * square, t, m), t)
    y = code.copysign(times_power_of_two(t, shifted), x)
    return code.where((a > 0.0) & (a < math.inf), y, x)


def hypot(code: Code, x: Value, y: Value) -> Value:
    """√(x² + y²), of numbers times a power of two where the squares would overflow or vanish."""
    a, b = code.fabs(x), code.fabs(y)
    larger = code.maximum(a, b)
    large, small, down, up = {64: (500, -450, -600, 700), 32: (60, -50, -70, 100)}[code.format.bits]
    too_large, too_small = larger > 2.0**large, larger < 2.0**small

    def scale(sign: int) -> Value:
        return code.where(too_large, 2.0 ** (sign * down), code.where(too_small, 2.0 ** (sign * up), code.number(1.0)))

    there, back = scale(1), scale(-1)
    a, b = a * there, b * there
    root = code.sqrt(code.muladd(a, a, b * b)) * back
    # Infinite even if the other is nan.
    return code.where(code.fabs(x).equals(math.inf) | code.fabs(y).equals(math.inf), math.inf, root)
