"""Arithmetic that several functions share: polynomials, error-free sums and products, powers of two.

Error-free transformations: T. J. Dekker, "A floating-point technique for extending the available precision" (1971);
Muller et al., Handbook of Floating-Point Arithmetic, 2nd ed. (2018), ch. 4.
"""

from __future__ import annotations

from .coefficients import POLYNOMIALS
from .writer import Code, Value


def polynomial(code: Code, name: str, x: Value, square: Value | None = None) -> Value:
    """The polynomial `name` at x: its even and its odd half by Horner's rule, which halves the latency for one product more."""
    coefficients = POLYNOMIALS[name, code.format.name]
    if len(coefficients) < 5:
        return horner(code, coefficients, x)
    square = x * x if square is None else square
    return code.muladd(horner(code, coefficients[1::2], square), x, horner(code, coefficients[0::2], square))


def horner(code: Code, coefficients, x: Value) -> Value:
    total = code.number(coefficients[-1])
    for coefficient in coefficients[-2::-1]:
        total = code.muladd(total, x, coefficient)
    return total


def two_sum(x: Value, y: Value) -> tuple[Value, Value]:
    """x + y rounded, and its error, which is exact."""
    total = x + y
    part = total - x
    return total, (x - (total - part)) + (y - part)


def fast_two_sum(large: Value, small: Value) -> tuple[Value, Value]:
    """The same where |large| >= |small|, or large is zero."""
    total = large + small
    return total, small - (total - large)


def two_product(code: Code, x: Value, y: Value) -> tuple[Value, Value]:
    """x y rounded, and its error. Without a fused operation by Dekker's splitting, which overflows for |x| beyond 2^996."""
    product = x * y
    if code.has_fma:
        return product, code.muladd(x, y, -product)
    (a, b), (c, d) = split(code, x), split(code, y)
    return product, ((a * c - product) + a * d + b * c) + b * d


def split(code: Code, x: Value) -> tuple[Value, Value]:
    """x as a sum of two numbers with half as many bits each (Veltkamp)."""
    scaled = x * (2.0 ** (code.format.mantissa // 2 + 1) + 1)
    head = scaled - (scaled - x)
    return head, x - head


def nearest_integer(code: Code, x: Value, factor: float, offset: float = 0.0) -> tuple[Value, Value]:
    """The integer k nearest to `factor x + offset` as a float, and a float whose lowest bits are k's.

    Adding 1.5 · 2^mantissa leaves no room for a fraction. Unlike a conversion to an integer, every vector unit
    does it in one step.
    """
    if offset:
        shifted = code.muladd(x, factor, offset) + code.format.magic
    else:
        shifted = code.muladd(x, factor, code.format.magic)
    return shifted - code.format.magic, shifted


def times_power_of_two(x: Value, shifted: Value, added: Value | None = None) -> Value:
    """x 2^(k + added) for normal x and result, k as `nearest_integer` gives it."""
    exponent = shifted.bits() if added is None else shifted.bits() + added
    return (x.bits() + (exponent << x.code.format.mantissa)).as_float()


def power_of_two(shifted: Value, offset: int = 0) -> Value:
    """2^(k + offset), k as `nearest_integer` gives it."""
    format = shifted.code.format
    return ((shifted.bits() + (format.bias + offset)) << format.mantissa).as_float()


def mantissa_and_exponent(code: Code, x: Value) -> tuple[Value, Value, Value]:
    """x = m 2^k with m in [√½, √2), for positive normal x: m, k as a float, and k's bits times 2^mantissa.

    The exponent of x / √½ is k, so the subtraction of its bits rounds the exponent at √½ instead of at 1.
    """
    format = code.format
    root_half = format.bits_of(0.5**0.5)
    offset = x.bits() - root_half
    # Biased so that the logical shift sees no sign.
    biased = (offset + ((format.bias) << format.mantissa)) >> format.mantissa
    k = (biased | format.bits_of(2.0**format.mantissa)).as_float() - (2.0**format.mantissa + format.bias)
    mask = (1 << format.mantissa) - 1
    m = ((offset & mask) + root_half).as_float()
    return m, k, offset & ~mask
