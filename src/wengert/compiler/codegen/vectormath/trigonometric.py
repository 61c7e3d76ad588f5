"""sin, cos and tan: x = n π/2 + r with |r| <= π/4, two polynomials, and a choice by n.

The three share r and both polynomials, so that a kernel that needs sin and cos of one number, as every derivative does,
computes them once: LLVM sees that they are equal, for what is done with large arguments changes nothing but the results.
"""

from __future__ import annotations

import math
from collections.abc import Callable

from .argument_reduction import far, minus_multiple, near_limit
from .arithmetic import nearest_integer, polynomial
from .writer import Code, Value


def _near(code: Code, x: Value) -> tuple[Value, Value]:
    """r and n, of which the two lowest bits count, for moderate arguments."""
    k, shifted = nearest_integer(code, x, 2 / math.pi)
    return minus_multiple(code, x, k, "pi/2"), shifted.bits()


def _sin_cos(code: Code, r: Value) -> tuple[Value, Value]:
    z = r * r
    # The sign of r is that of its sine, for zeros too.
    s = code.copysign(code.muladd(r * z, polynomial(code, "sin", z), r), r)
    return s, code.muladd(z * z, polynomial(code, "cos", z), z * -0.5) + 1.0


def _negated(x: Value, n: Value, bit: int) -> Value:
    """x, negated where the bit of n is set."""
    sign = x.code.format.bits - 1
    return (x.bits() ^ ((n << (sign - bit)) & (1 << sign))).as_float()


def _is_odd(n: Value) -> Value:
    return (n & 1).equals(1)


def _sin(code: Code, r: Value, n: Value) -> Value:
    s, c = _sin_cos(code, r)
    return _negated(code.where(_is_odd(n), c, s), n, bit=1)


def _cos(code: Code, r: Value, n: Value) -> Value:
    s, c = _sin_cos(code, r)
    return _negated(code.where(_is_odd(n), s, c), n + 1, bit=1)


def _tan(code: Code, r: Value, n: Value) -> Value:
    s, c = _sin_cos(code, r)
    odd = _is_odd(n)
    return _negated(code.where(odd, c, s) / code.where(odd, s, c), n, bit=0)


def _of_any(code: Code, x: Value, formula: Callable, large: str) -> Value:
    """The formula, and the function `large` where an argument is large."""
    usual = formula(code, *_near(code, x))
    return code.rarely(code.fabs(x) >= near_limit(code), [usual], lambda: [code.call(large, x)])[0]


def sin(code: Code, x: Value) -> Value:
    return _of_any(code, x, _sin, "large sin")


def cos(code: Code, x: Value) -> Value:
    return _of_any(code, x, _cos, "large cos")


def tan(code: Code, x: Value) -> Value:
    return _of_any(code, x, _tan, "large tan")


def large_sin(code: Code, x: Value) -> Value:
    return _sin(code, *far(code, x))


def large_cos(code: Code, x: Value) -> Value:
    return _cos(code, *far(code, x))


def large_tan(code: Code, x: Value) -> Value:
    return _tan(code, *far(code, x))
