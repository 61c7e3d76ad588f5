"""Exact values of the vector functions by mpmath, where to ask for them, and the distance from them in units in the last place."""

from __future__ import annotations

import math
from functools import cache

import mpmath
import numpy as np

DIGITS = 50


def _logaddexp(x, y):
    return max(x, y) + mpmath.log1p(mpmath.exp(-abs(x - y)))


def _power(x, y):
    size = mpmath.exp(y * mpmath.log(abs(x)))
    return -size if x < 0 and int(y) % 2 else size


EXACT = {
    "exp": mpmath.exp,
    "exp2": lambda x: mpmath.power(2, x),
    "expm1": mpmath.expm1,
    "sinh": mpmath.sinh,
    "cosh": mpmath.cosh,
    "tanh": mpmath.tanh,
    "expit": lambda x: 1 / (1 + mpmath.exp(-x)),
    "log": mpmath.log,
    "log1p": mpmath.log1p,
    "log2": lambda x: mpmath.log(x) / mpmath.log(2),
    "log10": mpmath.log10,
    "logaddexp": _logaddexp,
    "pow": _power,
    "sqrt": mpmath.sqrt,
    "cbrt": lambda x: mpmath.sign(x) * mpmath.cbrt(abs(x)),
    "hypot": mpmath.hypot,
    "sin": mpmath.sin,
    "cos": mpmath.cos,
    "tan": mpmath.tan,
    "arctan": mpmath.atan,
    "arctan2": mpmath.atan2,
    "arcsin": mpmath.asin,
    "arccos": mpmath.acos,
    "erf": mpmath.erf,
    "erfc": lambda x: mpmath.erfc(max(min(x, 40), -40)),  # zero and two to every digit beyond
}


def _scalar(function):
    return np.vectorize(function, otypes=[float])


# The same functions in NumPy's float64: the reference at special values and for float32. Python's where NumPy has none.
NUMPY = {name: getattr(np, name) for name in EXACT if hasattr(np, name)}
NUMPY["expit"] = lambda x: np.where(x < 0, np.exp(-np.abs(x)), 1.0) / (1 + np.exp(-np.abs(x)))
NUMPY |= {"erf": _scalar(math.erf), "erfc": _scalar(math.erfc)}

# Where a function is asked: intervals that are sampled evenly. All are asked at random exponents as well.
INTERVALS = {
    "exp": [(-1, 1), (-30, 30), (-745.2, 709.8)],
    "exp2": [(-1, 1), (-30, 30), (-1075, 1024)],
    "expm1": [(-1, 1), (-40, 30), (0, 709.8)],
    "sinh": [(-1.1, 1.1), (-30, 30), (-710.5, 710.5)],
    "cosh": [(-1.1, 1.1), (-30, 30), (-710.5, 710.5)],
    "tanh": [(-1, 1), (-25, 25)],
    "expit": [(-1, 1), (-40, 40), (-745.2, 100)],
    "log": [(0.5, 2), (0, 1e3)],
    "log1p": [(-1, 1), (-0.5, 0.5), (0, 1e3)],
    "log2": [(0.5, 2), (0, 1e3)],
    "log10": [(0.5, 2), (0, 1e3)],
    "logaddexp": [(-1, 1), (-40, 40), (-800, 800)],
    "sqrt": [(0, 1), (0, 100)],
    "cbrt": [(-1, 1), (0.3, 3), (-100, 100)],
    "hypot": [(-1, 1), (-3, 3), (-100, 100)],
    "sin": [(-0.8, 0.8), (-30, 30), (-1e6, 1e6)],
    "cos": [(-0.8, 0.8), (-30, 30), (-1e6, 1e6)],
    "tan": [(-0.8, 0.8), (-30, 30), (-1e6, 1e6)],
    "arctan": [(-0.5, 0.5), (-3, 3), (-100, 100)],
    "arctan2": [(-1, 1), (-3, 3), (-100, 100)],
    "arcsin": [(-1, 1), (0.4, 0.6), (-0.6, -0.4)],
    "arccos": [(-1, 1), (0.4, 0.6), (-0.6, -0.4)],
    "erf": [(-1.1, 1.1), (-6.1, 6.1), (0.9, 1.5)],
    "erfc": [(-1, 1), (-6.5, 6.5), (0.4, 27.3)],
}
# The float64 closest to a multiple of π/2, and others that are hard to reduce or stand at the border between two reductions.
HARD_ANGLES = [
    6381956970095103.0 * 2.0**797,
    5.319372648326541e255,
    2.0**28,
    2.0**19,
    2.0**15,
    2.0**13,
    1e22,
    1.7976931348623157e308,
    16367173 * 2.0**72,  # float32's
    *(k * math.pi / 2 for k in (1, 2, 3, 5, 11, 22, 355, 355 * 2, 1000003)),
]
ERROR_BORDERS = [0.5, 1.0, 4.0, 6.0, 10.05, 26.54, 27.22, 28.0]
HARD = {
    "arctan": [math.sqrt(2) - 1, 1.0, math.sqrt(2) + 1, 1e16, 1e300],
    "arcsin": [0.5, 1.0],
    "arccos": [0.5, 1.0],
    "erf": ERROR_BORDERS,
    "erfc": ERROR_BORDERS,
    "sin": HARD_ANGLES,
    "cos": HARD_ANGLES,
    "tan": HARD_ANGLES,
}


def any_floats(rng, count: int, dtype) -> np.ndarray:
    """Random finite floats of every exponent and either sign."""
    bits = rng.integers(0, 2**64, count, np.uint64, endpoint=False)
    floats = (
        bits.view(np.float64) if dtype == np.float64 else (bits >> np.uint64(32)).astype(np.uint32).view(np.float32)
    )
    return floats[np.isfinite(floats)]


def neighbours(x: np.ndarray) -> np.ndarray:
    """x, the next floats to either side, and all that with the other sign."""
    x = np.concatenate([x, np.nextafter(x, x.dtype.type(np.inf)), np.nextafter(x, x.dtype.type(-np.inf))])
    return np.concatenate([x, -x])


def _line(name: str, dtype, rng, count: int) -> np.ndarray:
    largest = float(np.finfo(dtype).max)
    parts = [rng.uniform(low, high, count) for low, high in INTERVALS[name]]
    parts += [any_floats(rng, count, dtype), rng.choice([-1, 1], count) * 10.0 ** rng.uniform(-20, 3, count)]
    parts.append(1 + rng.choice([-1, 1], count) * 10.0 ** rng.uniform(-17, 0, count))
    with np.errstate(over="ignore"):
        parts.append(neighbours(np.array([h for h in HARD.get(name, [1.0]) if h <= largest], dtype)))
    x = np.concatenate([part.astype(np.float64) for part in parts])
    return x[np.abs(x) <= largest].astype(dtype)


def _two(name: str, dtype, rng, count: int) -> list[np.ndarray]:
    x, y = _line(name, dtype, rng, count), _line(name, dtype, rng, count)
    close = rng.uniform(-3, 3, x.size).astype(dtype)
    return [np.concatenate([x, x]), np.concatenate([rng.choice(y, x.size), x * (1 + close * dtype(0.1))])]


def _bases_and_exponents(name: str, dtype, rng, count: int) -> list[np.ndarray]:
    """Powers of every size, the largest and the smallest above all, and whole powers of negative numbers."""
    info = np.finfo(dtype)
    bases = [
        np.abs(any_floats(rng, 2 * count, dtype)),
        rng.uniform(0, 3, 2 * count),
        1 + rng.uniform(-1e-3, 1e-3, count),
    ]
    x = np.concatenate([b.astype(np.float64) for b in bases]).astype(dtype)
    x = x[(x > 0) & (x != 1)]
    logarithms = np.log2(x.astype(np.float64))
    sizes = np.concatenate([rng.uniform(info.minexp - info.nmant - 2, info.maxexp + 1, x.size)] * 2)
    sizes[::3] = rng.uniform(info.maxexp - 1, info.maxexp + 0.1, sizes[::3].size)
    x, y = np.concatenate([x, x]), sizes / np.concatenate([logarithms, logarithms])
    inside = np.abs(y) < info.max
    x, y = x[inside], y[inside].astype(dtype)
    whole = np.round(y[: x.size // 2])
    return [np.concatenate([x, x[: whole.size], -x[: whole.size]]), np.concatenate([y, whole, whole])]


POINTS = dict.fromkeys(("logaddexp", "arctan2", "hypot"), _two) | {"pow": _bases_and_exponents}


@cache
def values(name: str, dtype) -> tuple[list[np.ndarray], np.ndarray, np.ndarray, np.ndarray]:
    """Points in the domain of `name`, its exact values there as high + low, and the unit in the last place of each."""
    rng = np.random.default_rng(len(name))
    points = POINTS[name](name, dtype, rng, 120) if name in POINTS else [_line(name, dtype, rng, 300)]
    with np.errstate(all="ignore"):
        inside = ~np.isnan(NUMPY[name](*(p.astype(np.float64) for p in points)))
    if name == "pow":
        inside &= points[0] != 0
    points = [p[inside] for p in points]
    high, low = np.empty(points[0].size), np.empty(points[0].size)
    with mpmath.workdps(DIGITS):
        for i, arguments in enumerate(zip(*(p.tolist() for p in points), strict=True)):
            value = EXACT[name](*map(mpmath.mpf, arguments))
            high[i] = value
            low[i] = value - mpmath.mpf(high[i]) if math.isfinite(high[i]) else 0.0
    return points, high, low, unit_of(name, high, dtype, *points)


def unit_of(name: str, value: np.ndarray, dtype, *points) -> np.ndarray:
    """The unit in the last place of `value`; of the larger argument for logaddexp, which is a sum that may cancel."""
    size = np.abs(value)
    if name == "logaddexp":
        size = np.maximum(size, np.abs(np.maximum(*points)))
    with np.errstate(all="ignore"):
        return np.spacing(np.minimum(size, np.finfo(dtype).max).astype(dtype)).astype(np.float64)


def distance(got: np.ndarray, high: np.ndarray, low: np.ndarray, unit: np.ndarray) -> np.ndarray:
    """|got - (high + low)| in units; infinite where one overflows or is nan and the other is not."""
    largest = float(np.finfo(got.dtype).max)
    with np.errstate(all="ignore"):
        rounded = high.astype(got.dtype).astype(np.float64)
        error = np.abs((got.astype(np.float64) - high) - low) / unit
    alike = (got == rounded) | (np.isnan(got) & np.isnan(high))
    error = np.where(np.isfinite(got) & (np.abs(high) <= largest), error, np.inf)
    return np.where(alike & ~np.isfinite(error), 0.0, error)


def sweep(name: str) -> list[np.ndarray]:
    """One float32 in 4099; pairs of them, and pairs of moderate size, for a function of two."""
    every = np.arange(0, 2**32, 4099, dtype=np.uint64).astype(np.uint32).view(np.float32)
    every = every[~np.isnan(every)]
    if name not in POINTS:
        return [every]
    rng = np.random.default_rng(1)
    moderate = [rng.uniform(-50, 50, every.size).astype(np.float32) for _ in range(2)]
    return [np.concatenate([every, m, np.abs(m)]) for m in moderate[:1]] + [
        np.concatenate([rng.permutation(every), moderate[1], moderate[1]])
    ]


def special_values(dtype) -> np.ndarray:
    """Zeros, infinities, nan, both ends of the subnormals, of the normal floats and of the integers, and small numbers."""
    info = np.finfo(dtype)
    two = dtype(2)
    x = np.array(
        [
            *(
                0,
                np.inf,
                np.nan,
                0.5,
                1,
                1.5,
                2,
                3,
                4,
                10,
                0.1,
                89,
                104,
                709,
                746,
                1023,
                1024,
                1074,
                1075,
                126,
                128,
                149,
            ),
            *(info.smallest_subnormal, info.smallest_subnormal * 3, info.tiny, info.max, info.max / 2, info.eps),
            *(two**info.nmant, two ** (info.nmant + 1) - 1, two ** (info.nmant + 1), two ** (info.nmant + 2)),
            *(np.nextafter(dtype(1), two), np.nextafter(dtype(1), dtype(0)), np.nextafter(info.tiny, dtype(0))),
        ],
        dtype,
    )
    return np.concatenate([x, -x])


def special_reference(name: str, dtype, points) -> np.ndarray:
    """NumPy's values, computed in float64 for float32."""
    return NUMPY[name](*(p.astype(np.float64) for p in points)).astype(dtype)


def same(got, want, name: str, point) -> bool:
    """Equal, with the sign of zero; close, where both are ordinary numbers."""
    if np.isnan(want) or np.isnan(got):
        return bool(np.isnan(want) and np.isnan(got))
    if want == 0 or np.isinf(want) or got == 0 or np.isinf(got):
        return bool(got == want and np.signbit(got) == np.signbit(want))
    unit = unit_of(name, np.array(float(want)), type(want), *point)
    return bool(abs(float(got) - float(want)) <= 6 * unit)
