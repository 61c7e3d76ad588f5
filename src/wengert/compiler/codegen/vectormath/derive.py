"""Derives the coefficients with mpmath: `python -m wengert.compiler.codegen.vectormath.derive` writes `coefficients.py` anew.

Each row of `FITS` interpolates a smooth function at Chebyshev points of its interval, which comes within a small factor
of the best polynomial (Trefethen, Approximation Theory and Approximation Practice, 2013, ch. 16; Muller et al., Handbook
of Floating-Point Arithmetic, 2nd ed., 2018, ch. 10). What is fitted is the part of a function that is left when its
leading terms, which are exact, are taken away, so that rounding the coefficients costs a small fraction of the last place.
"""

from __future__ import annotations

import pathlib
from collections.abc import Callable
from functools import reduce
from typing import NamedTuple

import mpmath
import numpy as np

from .error_functions import CENTRE, ERF_ENDS, ERFC_ENDS
from .formats import F32, F64, Format

DIGITS = 60
QUARTER_TURN = 0.7854  # π/4, with the slack that a quotient rounded in single precision needs
SQUARED_LOG_RANGE = 0.0294373  # ((√2 - 1) / (√2 + 1))²


class Fit(NamedTuple):
    """One polynomial: the function, its interval, the degree for each format, and what the error is relative to."""

    function: Callable
    interval: tuple[float, float] | dict[str, tuple[float, float]]
    degrees: dict[str, int]
    weight: Callable  # error of the polynomial × weight = relative error of the whole formula


def series_near_zero(function: Callable, limit: float) -> Callable:
    """`function`, continued to 0 by its limit; close to 0 with digits enough to outlive the cancellation."""

    def continued(z):
        if z == 0:
            return mpmath.mpf(limit)
        with mpmath.workdps(4 * DIGITS):
            return function(z)

    return continued


def _root(z):
    return mpmath.sqrt(z)


def _odd(function: Callable, sign: int = 1) -> Callable:
    """(f(x) - x) / x³ as a function of z = x²."""
    return series_near_zero(lambda z: (function(_root(z)) - _root(z)) / (z * _root(z)), sign)


def _erfc_tail(t):
    x = CENTRE * (1 + t) / (1 - t)
    return (x + CENTRE) * mpmath.exp(x * x) * mpmath.erfc(x)


def _erfc_intervals(low: float, ends: dict[str, float]) -> dict[str, tuple[float, float]]:
    """Intervals of t for x from `low`."""

    def t(x: float) -> float:
        return (x - CENTRE) / (x + CENTRE)

    return {format: (t(low), t(high)) for format, high in ends.items()}


LN2_HALF = 0.34658
FITS: dict[str, Fit] = {
    # exp(r) = 1 + r + r² q(r), |r| <= ln 2 / 2
    "exp": Fit(
        series_near_zero(lambda r: (mpmath.expm1(r) - r) / r**2, 0.5),
        (-LN2_HALF, LN2_HALF),
        {"f64": 9, "f32": 4},
        lambda r: r**2,
    ),
    # 2^r = 1 + r q(r), |r| <= 1/2
    "exp2": Fit(
        series_near_zero(lambda r: mpmath.expm1(r * mpmath.ln(2)) / r, mpmath.ln(2)),
        (-0.5, 0.5),
        {"f64": 10, "f32": 5},
        lambda r: r,
    ),
    # sinh(x) = x + x z q(z), z = x², |x| <= 1
    "sinh": Fit(_odd(mpmath.sinh, mpmath.mpf(1) / 6), (0, 1), {"f64": 6, "f32": 3}, lambda z: z),
    # 2 artanh(s) = 2 s + s z q(z), z = s²
    "log": Fit(
        series_near_zero(lambda z: (2 * mpmath.atanh(_root(z)) / _root(z) - 2) / z, mpmath.mpf(2) / 3),
        (0, SQUARED_LOG_RANGE),
        {"f64": 6, "f32": 3},
        lambda z: z / 2,
    ),
    # the same as 2 s + s (2/3 z + z² q(z))
    "log tail": Fit(
        series_near_zero(
            lambda z: ((2 * mpmath.atanh(_root(z)) / _root(z) - 2) / z - mpmath.mpf(2) / 3) / z, mpmath.mpf(2) / 5
        ),
        (0, SQUARED_LOG_RANGE),
        {"f64": 7, "f32": 2},
        lambda z: z**2 / 2,
    ),
    # a first cbrt(m), √½ <= m <= √2, of which a step of Halley's triples the digits
    "cbrt": Fit(mpmath.cbrt, (0.7071, 1.41422), {"f64": 6, "f32": 3}, lambda m: 1 / mpmath.cbrt(m)),
    # sin(r) = r + r z q(z), cos(r) = 1 - z/2 + z² q(z), z = r², |r| <= π/4
    "sin": Fit(_odd(mpmath.sin, -mpmath.mpf(1) / 6), (0, QUARTER_TURN**2), {"f64": 5, "f32": 2}, lambda z: z),
    "cos": Fit(
        series_near_zero(lambda z: (mpmath.cos(_root(z)) - 1 + z / 2) / z**2, mpmath.mpf(1) / 24),
        (0, QUARTER_TURN**2),
        {"f64": 5, "f32": 2},
        lambda z: z**2,
    ),
    # arctan(t) = t + t z q(z), z = t², |t| <= tan(π/8)
    "arctan": Fit(_odd(mpmath.atan, -mpmath.mpf(1) / 3), (0, 0.17158), {"f64": 10, "f32": 4}, lambda z: z),
    # arcsin(x) = x + x z q(z), z = x², |x| <= 1/2
    "arcsin": Fit(_odd(mpmath.asin, mpmath.mpf(1) / 6), (0, 0.25), {"f64": 11, "f32": 4}, lambda z: z),
    # erf(x) = x + x q(z), z = x², |x| <= 1
    "erf": Fit(
        series_near_zero(lambda z: mpmath.erf(_root(z)) / _root(z) - 1, 2 / mpmath.sqrt(mpmath.pi) - 1),
        (0, 1),
        {"f64": 11, "f32": 5},
        lambda z: 1,
    ),
    # erfc(x) = exp(-x²) q(t) / (x + K); erf = 1 - erfc needs erfc to fewer digits
    "erfc": Fit(_erfc_tail, _erfc_intervals(0.5, ERFC_ENDS), {"f64": 22, "f32": 9}, lambda t: 1 / _erfc_tail(t)),
    "erf tail": Fit(_erfc_tail, _erfc_intervals(1.0, ERF_ENDS), {"f64": 15, "f32": 5}, lambda t: 0.16 / _erfc_tail(t)),
}


def fit(row: Fit, format: str) -> list:
    """Coefficients, lowest first, of the interpolating polynomial at Chebyshev points."""
    low, high = (mpmath.mpf(end) for end in (row.interval[format] if isinstance(row.interval, dict) else row.interval))
    count = row.degrees[format] + 1
    points = [
        (low + high) / 2 + (high - low) / 2 * mpmath.cos(mpmath.pi * (2 * i + 1) / (2 * count)) for i in range(count)
    ]
    matrix = mpmath.matrix([[point**power for power in range(count)] for point in points])
    return list(mpmath.lu_solve(matrix, mpmath.matrix([row.function(point) for point in points])))


def _horner(coefficients: list, z):
    return reduce(lambda total, coefficient: total * z + coefficient, coefficients[::-1])


def worst(row: Fit, format: str, coefficients: list) -> float:
    """log2 of the largest relative error of the formula that uses the rounded coefficients."""
    low, high = (mpmath.mpf(end) for end in (row.interval[format] if isinstance(row.interval, dict) else row.interval))
    grid = [low + (high - low) * i / 400 for i in range(401)]
    errors = [abs((_horner(coefficients, z) - row.function(z)) * row.weight(z)) for z in grid]
    return float(mpmath.log(max(errors), 2))


def rounded(coefficients: list, format: str) -> list[float]:
    """The coefficients as numbers of the format (rounded once: float() of an mpf rounds to nearest)."""
    return [float(np.float32(str(c))) if format == "f32" else float(c) for c in coefficients]


def table() -> dict[tuple[str, str], list[float]]:
    """All coefficients, by name and format."""
    with mpmath.workdps(DIGITS):
        return {
            (name, format): rounded(fit(row, format), format) for name, row in FITS.items() for format in row.degrees
        }


def parts(x, format: Format, count: int, bits: int | None = None) -> tuple[float, ...]:
    """A positive number as an unevaluated sum of `count` floats, those before the last cut to `bits` bits if these are given.

    Cut and not rounded: no part is negative, so that 0 minus 0 times the parts keeps the sign of zero.
    """
    found = []
    for _ in range(count - 1):
        exponent = mpmath.frexp(x)[1] - (bits or format.mantissa + 1)
        unit = mpmath.mpf(2) ** exponent
        found.append(float(mpmath.floor(x / unit) * unit))
        x = x - found[-1]
    return (*found, format.round(float(x)))


def constants() -> dict[tuple[str, str], tuple[float, ...]]:
    """Numbers in several parts. "short" parts leave room for an exact product with the integers that they meet."""
    found = {}
    for format in (F64, F32):
        bits = format.mantissa + 1
        count, short = {"f64": (4, 33), "f32": (6, 10)}[format.name]  # the integers have 20 and 14 bits
        found["ln2", format.name] = parts(mpmath.ln(2), format, 2, bits - (format.bias.bit_length() + 1))
        found["log10(2)", format.name] = parts(mpmath.log10(2), format, 2, bits - (format.bias.bit_length() + 1))
        found["2/3", format.name] = parts(mpmath.mpf(2) / 3, format, 2)
        found["pi/4", format.name] = parts(mpmath.pi / 4, format, 2, bits - 3)
        for name, number in {"pi/2": mpmath.pi / 2}.items():
            found[name, format.name] = parts(+number, format, 3)
            found[f"{name} short", format.name] = parts(+number, format, count, short)
    return found


def limits() -> dict[tuple[str, str], float]:
    """The largest arguments for which a function does not overflow."""
    found = {}
    for format in (F64, F32):
        largest = mpmath.mpf(format.largest)
        for name, inverse in {"exp": mpmath.ln, "sinh": lambda y: mpmath.ln(2 * y)}.items():
            x = format.round(float(inverse(largest)))
            found[name, format.name] = (
                x if mpmath.mpf(x) <= inverse(largest) else float(np.nextafter(format.dtype(x), format.dtype(0)))
            )
    return found


def two_over_pi() -> tuple[int, ...]:
    """64 zero bits and the first 1216 bits of 2/π, in words of 64, as Payne and Hanek's reduction reads them."""
    with mpmath.workprec(1400):
        number = int(mpmath.floor(2 / mpmath.pi * mpmath.mpf(2) ** 1216))
    return (0, *((number >> shift) & (2**64 - 1) for shift in range(1216 - 64, -1, -64)))


HEADER = '''"""Polynomials and constants of the vector functions. Written by `derive.py`, which has the formulas."""

# Coefficients, lowest power first, by name and format.
POLYNOMIALS: dict[tuple[str, str], tuple[float, ...]] = {
'''


def text() -> str:
    """The source of `coefficients.py`."""
    with mpmath.workdps(DIGITS):
        lines = [HEADER]
        lines += [_entry(key, coefficients) for key, coefficients in table().items()]
        lines.append(
            "}\n\n# Numbers in several parts, largest first.\nPARTS: dict[tuple[str, str], tuple[float, ...]] = {\n"
        )
        lines += [_entry(key, numbers) for key, numbers in constants().items()]
        lines.append("}\n\n# The largest arguments without overflow.\nLIMITS: dict[tuple[str, str], float] = {\n")
        lines += [f'    ("{name}", "{format}"): {x!r},\n' for (name, format), x in limits().items()]
        lines.append("}\n\n# Bits of 2/π.\nTWO_OVER_PI = (\n")
        lines += [f"    0x{word:016X},\n" for word in two_over_pi()]
    with mpmath.workdps(DIGITS):
        lines.append(f")\n\n# π/2 in units of 2^-63.\nHALF_PI_BITS = 0x{int(mpmath.nint(mpmath.pi * 2**62)):016X}\n")
    return "".join(lines)


def _entry(key: tuple[str, str], numbers) -> str:
    return f'    ("{key[0]}", "{key[1]}"): (\n' + "".join(f"        {x!r},\n" for x in numbers) + "    ),\n"


if __name__ == "__main__":
    pathlib.Path(__file__).with_name("coefficients.py").write_text(text(), encoding="utf-8")
    with mpmath.workdps(DIGITS):
        for name, row in FITS.items():
            for format in row.degrees:
                print(f"{name:14} {format}  2^{worst(row, format, rounded(fit(row, format), format)):.1f}")
