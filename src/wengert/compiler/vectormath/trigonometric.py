"""sin, cos and tan: x = n π/2 + r with |r| <= π/4, two polynomials, and a choice by n.

The three share r and both polynomials, so that a kernel that needs sin and cos of one number, as every derivative
does, computes them once.
"""

from __future__ import annotations

import math

from .argument_reduction import far, minus_multiple, near_limit
from .arithmetic import nearest_integer, polynomial
from .writer import Code, Value


def _sin_cos(code: Code, x: Value) -> tuple[Value, Value, Value]:
    """sin r, cos r and n, of which the two lowest bits count."""
    k, shifted = nearest_integer(code, x, 2 / math.pi)
    near = [minus_multiple(code, x, k, "pi/2"), shifted.bits()]
    r, n = code.rarely(code.fabs(x) >= near_limit(code), near, lambda: list(far(code, x)))
    z = r * r
    # The sign of r is that of its sine, for zeros too.
    s = code.copysign(code.muladd(r * z, polynomial(code, "sin", z), r), r)
    c = code.muladd(z * z, polynomial(code, "cos", z), z * -0.5) + 1.0
    return s, c, n


def _negated(x: Value, n: Value, bit: int) -> Value:
    """x, negated where the bit of n is set."""
    sign = x.code.format.bits - 1
    return (x.bits() ^ ((n << (sign - bit)) & (1 << sign))).as_float()


def _is_odd(n: Value) -> Value:
    return (n & 1).equals(1)


def sin(code: Code, x: Value) -> Value:
    s, c, n = _sin_cos(code, x)
    return _negated(code.where(_is_odd(n), c, s), n, bit=1)


def cos(code: Code, x: Value) -> Value:
    s, c, n = _sin_cos(code, x)
    return _negated(code.where(_is_odd(n), s, c), n + 1, bit=1)


def tan(code: Code, x: Value) -> Value:
    s, c, n = _sin_cos(code, x)
    odd = _is_odd(n)
    return _negated(code.where(odd, c, s) / code.where(odd, s, c), n, bit=0)
