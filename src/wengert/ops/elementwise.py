"""NumPy's ufuncs: one line each. The partials' conventions at ties and kinks are those of docs/conventions."""

from __future__ import annotations

from typing import Any

import numpy as np

from wengert.core.linear import conj
from wengert.core.partials import elementwise, over

LN2, LN10 = np.log(2.0), np.log(10.0)


def is_complex(x: Any) -> bool:
    return getattr(x, "dtype", np.dtype(type(x) if isinstance(x, (float, complex)) else float)).kind == "c"


# -- arithmetic -------------------------------------------------------------------------------------------------------
add = elementwise(np.add, 1, 1)
subtract = elementwise(np.subtract, 1, -1)
multiply = elementwise(np.multiply, lambda out, x, y: y, lambda out, x, y: x)
divide = elementwise(np.divide, over(lambda out, x, y: y), lambda out, x, y: -out / y)
negative = elementwise(np.negative, -1)
positive = elementwise(np.positive, 1)
reciprocal = elementwise(np.reciprocal, lambda out, x: -out * out)
square = elementwise(np.square, lambda out, x: 2 * x)


def power_base(out: Any, x: Any, y: Any) -> Any:
    """y x**(y - 1), and exactly 0 where y is 0: x**0 is the constant 1."""
    if isinstance(y, (int, float)):  # x**2 and the like: NumPy squares faster than it takes powers
        if y in (0, 1, 2):
            return 2 * x if y == 2 else y * np.ones_like(x)
        return y * (x ** (y - 1) if isinstance(x, np.ndarray) else np.power(x, y - 1))
    return np.where(y == 0, 0, y * np.power(x, np.where(y == 0, 1, y - 1)))


def power_exponent(out: Any, x: Any, y: Any) -> Any:
    """x**y log(x), and 0 at x = 0 for y >= 0 (the limit from y > 0) and for real x < 0, where x**y lives on integers."""
    if is_complex(x) or is_complex(y):
        return np.where(x == 0, 0, out * np.log(np.where(x == 0, 1, x)))
    positive_base = x > 0
    at_zero = np.where((x == 0) & (y < 0), -np.inf, 0.0)
    safe = np.where(positive_base, x, 1.0)  # a float: the logarithm of a small integer type has few digits
    return np.where(positive_base, out * np.log(safe), np.where(x == x, at_zero, np.nan))


power = elementwise(np.power, power_base, power_exponent)
float_power = elementwise(np.float_power, power_base, power_exponent)
remainder = elementwise(np.remainder, 1, lambda out, x, y: -np.floor_divide(x, y))
fmod = elementwise(np.fmod, 1, lambda out, x, y: -np.trunc(np.divide(x, y)))
floor_divide = elementwise(np.floor_divide, None, None)
divmod_ = elementwise(
    np.divmod, lambda out, x, y: (None, np.ones_like(out[1])), lambda out, x, y: (None, -np.floor_divide(x, y))
)

# -- powers, exponentials, logarithms -----------------------------------------------------------------------------------
sqrt = elementwise(np.sqrt, over(lambda out, x: 2 * out))
cbrt = elementwise(np.cbrt, over(lambda out, x: 3 * out * out))
exp = elementwise(np.exp, lambda out, x: out)
exp2 = elementwise(np.exp2, lambda out, x: out * LN2)
expm1 = elementwise(np.expm1, lambda out, x: np.exp(x))
log = elementwise(np.log, over(lambda out, x: x))
log2 = elementwise(np.log2, over(lambda out, x: x * LN2))
log10 = elementwise(np.log10, over(lambda out, x: x * LN10))
log1p = elementwise(np.log1p, over(lambda out, x: 1 + x))


def _log_share(of: Any, other: Any, base_two: bool) -> Any:
    """exp(of) / (exp(of) + exp(other)) without overflow; equal infinities share equally."""
    difference = np.where(np.isinf(of) & (of == other), 0.0, other - of)  # equal finite ones still depend on both
    power_of = np.exp2 if base_two else np.exp
    return 1 / (1 + power_of(difference))


logaddexp = elementwise(
    np.logaddexp, lambda out, x, y: _log_share(x, y, False), lambda out, x, y: _log_share(y, x, False)
)
logaddexp2 = elementwise(
    np.logaddexp2, lambda out, x, y: _log_share(x, y, True), lambda out, x, y: _log_share(y, x, True)
)

# -- trigonometric and hyperbolic -----------------------------------------------------------------------------------------
sin = elementwise(np.sin, lambda out, x: np.cos(x))
cos = elementwise(np.cos, lambda out, x: -np.sin(x))
tan = elementwise(np.tan, lambda out, x: 1 + out * out)
arcsin = elementwise(np.arcsin, over(lambda out, x: np.sqrt(1 - x * x)))
arccos = elementwise(np.arccos, over(lambda out, x: -np.sqrt(1 - x * x)))
arctan = elementwise(np.arctan, over(lambda out, x: 1 + x * x))
sinh = elementwise(np.sinh, lambda out, x: np.cosh(x))
cosh = elementwise(np.cosh, lambda out, x: np.sinh(x))
tanh = elementwise(np.tanh, lambda out, x: 1 - out * out)
arcsinh = elementwise(np.arcsinh, over(lambda out, x: np.sqrt(1 + x * x)))
arccosh = elementwise(np.arccosh, over(lambda out, x: np.sqrt(x - 1) * np.sqrt(x + 1)))
arctanh = elementwise(np.arctanh, over(lambda out, x: 1 - x * x))
degrees = elementwise(np.degrees, 180 / np.pi)
rad2deg = elementwise(np.rad2deg, 180 / np.pi)
radians = elementwise(np.radians, np.pi / 180)
deg2rad = elementwise(np.deg2rad, np.pi / 180)


def _zero_at_origin(numerator: Any, x: Any, y: Any) -> Any:
    """numerator / (x² + y²), and 0 at the origin. Nothing is squared: that overflows, integers among the first."""
    distance = np.hypot(x, y)
    safe = np.where(distance == 0, 1.0, distance)
    return np.where(distance == 0, 0, numerator / safe / safe)


arctan2 = elementwise(
    np.arctan2, lambda out, y, x: _zero_at_origin(x, x, y), lambda out, y, x: -_zero_at_origin(y, x, y)
)


def _hypot_partial(out: Any, x: Any) -> Any:
    return np.where(out == 0, 0, x / np.where(out == 0, 1, out))


hypot = elementwise(np.hypot, lambda out, x, y: _hypot_partial(out, x), lambda out, x, y: _hypot_partial(out, y))


# -- absolute values, signs, kinks: 0 at the kink -----------------------------------------------------------------------
def _unit(out: Any, x: Any) -> Any:
    """conj(x) / |x|, 0 at 0: so that d|x| = Re(conj(x)/|x| dx); for real x its sign."""
    if is_complex(x):
        return np.where(out == 0, 0, conj(x) / np.where(out == 0, 1, out))
    return np.sign(x)


absolute = elementwise(np.absolute, _unit)
fabs = elementwise(np.fabs, lambda out, x: np.sign(x))
copysign = elementwise(np.copysign, lambda out, x, y: np.sign(x) * np.where(np.signbit(y), -1.0, 1.0), None)


def _chosen(out: Any, one: Any, other: Any) -> Any:
    """1 where `out` is `one` and not `other`, ½ where both: a nan counts as equal to a nan that it became."""
    takes_one = (out == one) | ((out != out) & (one != one))
    takes_other = (out == other) | ((out != out) & (other != other))
    return np.where(takes_one, np.where(takes_other, 0.5, 1.0), 0.0)


maximum = elementwise(np.maximum, lambda out, x, y: _chosen(out, x, y), lambda out, x, y: _chosen(out, y, x))
minimum = elementwise(np.minimum, lambda out, x, y: _chosen(out, x, y), lambda out, x, y: _chosen(out, y, x))
fmax = elementwise(np.fmax, lambda out, x, y: _chosen(out, x, y), lambda out, x, y: _chosen(out, y, x))
fmin = elementwise(np.fmin, lambda out, x, y: _chosen(out, x, y), lambda out, x, y: _chosen(out, y, x))


# -- piecewise constant: the derivative is exactly zero -------------------------------------------------------------------
floor = elementwise(np.floor, None)
ceil = elementwise(np.ceil, None)
rint = elementwise(np.rint, None)
trunc = elementwise(np.trunc, None)
heaviside = elementwise(np.heaviside, None, lambda out, x, y: np.where(x == 0, 1.0, 0.0))
nextafter = elementwise(np.nextafter, 1, None)
spacing = elementwise(np.spacing, None)
modf = elementwise(np.modf, lambda out, x: (np.ones_like(out[0]), None))
ldexp = elementwise(np.ldexp, lambda out, x, n: np.ldexp(np.ones_like(x), n), None)
frexp = elementwise(np.frexp, lambda out, x: (np.ldexp(np.ones_like(x), -out[1]), None))
