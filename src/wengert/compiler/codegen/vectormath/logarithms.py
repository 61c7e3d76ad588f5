"""log, log1p, log2, log10 and logaddexp.

x = 2^k m with m in [√½, √2), f = m - 1, s = f / (2 + f), so that log m = 2 artanh s = f - f²/2 + s (f²/2 + z q(z))
with z = s² (P. T. P. Tang, "Table-driven implementation of the logarithm function", 1990; the arrangement keeps f, which
is exact, apart).
"""

from __future__ import annotations

import math

from .arithmetic import mantissa_and_exponent, polynomial, two_sum
from .coefficients import PARTS
from .writer import Code, Value


def log_of_mantissa(code: Code, f: Value) -> tuple[Value, Value]:
    """log(1 + f) = f - t, as f²/2 and the rest of t, which is smaller."""
    s = f / (f + 2.0)
    z = s * s
    half_square = 0.5 * (f * f)
    return half_square, s * code.muladd(z, polynomial(code, "log", z), half_square)


def normal(code: Code, x: Value) -> tuple[Value, Value]:
    """x, times a power of two where it is subnormal, and the exponent that this adds."""
    lift = code.format.mantissa + 2
    tiny = x < code.format.smallest_normal
    return code.where(tiny, x * 2.0**lift, x), code.where(tiny, -float(lift), code.number(0.0))


def edges(code: Code, y: Value, x: Value) -> Value:
    """y, but -inf at 0, nan below, inf at inf and nan at nan."""
    below = code.where(x < 0.0, math.nan, -math.inf)
    y = code.where(x > 0.0, y, below)
    return code.where(x.not_below(math.inf), x, y)


def log(code: Code, x: Value) -> Value:
    lifted, added = normal(code, x)
    m, k, _ = mantissa_and_exponent(code, lifted)
    k = k + added
    f = m - 1.0
    half_square, rest = log_of_mantissa(code, f)
    high, low = PARTS["ln2", code.format.name]
    y = code.muladd(k, high, f - (half_square - code.muladd(k, low, rest)))
    return edges(code, y, x)


def log1p(code: Code, x: Value) -> Value:
    """log(u) with u = 1 + x rounded; what rounding took from u is given back to f."""
    format = code.format
    u, lost = two_sum(code.number(1.0), x)
    m, k, exponent = mantissa_and_exponent(code, u)
    # lost 2^-k, by way of 2^(1-k), which is zero and not negative where k is largest.
    scale = (code.integer((format.bias + 1) << format.mantissa) - exponent).as_float()
    f = code.where(k.equals(0.0), x, code.muladd(0.5 * lost, scale, m - 1.0))
    half_square, rest = log_of_mantissa(code, f)
    high, low = PARTS["ln2", format.name]
    y = code.muladd(k, high, f - (half_square - code.muladd(k, low, rest)))
    y = code.where(x > -1.0, y, code.where(x < -1.0, math.nan, -math.inf))
    # x itself where it is infinite, nan, or so small that its square vanishes (and keeps the sign of zero).
    return code.where(x.not_below(math.inf) | (code.fabs(x) < format.epsilon / 4), x, y)


def log2(code: Code, x: Value) -> Value:
    """k + log(m) / ln 2. Exact at powers of two, and no digits cancel: |log2 m| <= 1/2."""
    lifted, added = normal(code, x)
    m, k, _ = mantissa_and_exponent(code, lifted)
    k = k + added
    f = m - 1.0
    half_square, rest = log_of_mantissa(code, f)
    return edges(code, code.muladd(f - (half_square - rest), 1 / math.log(2), k), x)


def log10(code: Code, x: Value) -> Value:
    lifted, added = normal(code, x)
    m, k, _ = mantissa_and_exponent(code, lifted)
    k = k + added
    f = m - 1.0
    half_square, rest = log_of_mantissa(code, f)
    high, low = PARTS["log10(2)", code.format.name]
    fraction = code.muladd(f - (half_square - rest), 1 / math.log(10), k * low)
    return edges(code, code.muladd(k, high, fraction), x)


def logaddexp(code: Code, x: Value, y: Value) -> Value:
    """The larger + log1p(exp(-difference)). Where the two cancel, the error is small against them, not their sum."""
    larger, smaller = code.maximum(x, y), code.minimum(y, x)
    difference, lost = two_sum(larger, -smaller)
    # Equal infinities have no difference, and infinite arguments lose nothing.
    difference = code.where(x.equals(y), 0.0, difference)
    lost = code.where(lost.is_nan(), 0.0, lost)
    # nan in either argument is in their difference.
    larger = code.where(difference.is_nan(), difference, larger)
    power = code.call("exp", -difference)
    # A large difference is rounded by more than the last place of its exponential.
    return larger + code.call("log1p", power - power * lost)
