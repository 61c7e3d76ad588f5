"""Why a value or a slope is not finite: tables by primitive and by what it was given, with advice where there is some.

A row of `VALUES` or `SLOPES` is for operations that work entry by entry: a test of the operands' entries, the reason,
and what to do. A row of `WHOLE` looks at whole arrays: it returns (reason, advice), or None.
"""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise
from typing import Any, NamedTuple

import numpy as np

Why = tuple[str, str]
INFINITE: Why = ("an operand was infinite", "")
FOLLOWS: Why = ("what it was given was not finite", "")


class Row(NamedTuple):
    """One reason: when it applies (to the operands' entries), what it is, what helps."""

    applies: Callable[..., bool]
    reason: str
    advice: str = ""


def _negative(x: Any) -> bool:
    return not np.iscomplexobj(x) and x < 0


def _whole(x: Any) -> bool:
    return x == np.round(x)


def _outside(x: Any) -> bool:
    return not np.iscomplexobj(x) and abs(x) > 1


def _both_infinite(x: Any, y: Any) -> bool:
    return np.isinf(x) and np.isinf(y)


ABOVE_ZERO = "keep the argument above 0: np.log(np.maximum(x, tiny)), or work with the logarithm from the start"
LOG_SPACE = "stay with logarithms: np.logaddexp, scipy.special.logsumexp, or x - np.max(x) before np.exp"
GUARD = "choose a safe divisor first: np.where(y == 0, 1, y), and np.where(y == 0, 0, ...) around the quotient"
NEAR_ZERO = (
    "add a small number under the root, np.sqrt(x + 1e-12), or use np.linalg.norm or np.hypot, which are 0 there"
)
DOMAIN = "rounding can leave the domain by a little: np.clip(x, -1, 1)"
ARCTAN = "for the angle between vectors use np.arctan2(|u × v|, u · v), whose slope is finite everywhere"
INTEGER_POWER = "a negative number has real powers for integer exponents only: np.abs(x) ** p, or complex numbers"

LOGARITHMS = (
    Row(lambda x: x == 0, "the logarithm of 0 is -inf", ABOVE_ZERO),
    Row(lambda x: _negative(x), "the logarithm of a negative number", ABOVE_ZERO),
)
POWERS = (
    Row(
        lambda x, y: x == 0 and np.real(y) < 0, "0 to a negative power: a division by zero", "keep the base away from 0"
    ),
    Row(lambda x, y: _negative(x) and not _whole(y), "a negative number to a fractional power", INTEGER_POWER),
)
OVERFLOWING = (Row(lambda x: True, "overflow: exp of a large number", LOG_SPACE),)
INVERSES = (Row(lambda x: _outside(x), "the argument is outside [-1, 1]", DOMAIN),)
POLES = (Row(lambda x: x <= 0 and _whole(x), "a pole: gamma functions have one at 0, -1, -2, ..."),)

VALUES: dict[str, tuple[Row, ...]] = {
    "divide": (
        Row(lambda x, y: x == 0 and y == 0, "0 / 0", GUARD),
        Row(lambda x, y: y == 0, "division by zero", GUARD),
        Row(_both_infinite, "inf / inf"),
    ),
    "reciprocal": (Row(lambda x: x == 0, "division by zero", GUARD),),
    "floor_divide": (Row(lambda x, y: y == 0, "division by zero", GUARD),),
    "remainder": (Row(lambda x, y: y == 0, "the remainder of a division by zero", GUARD),),
    "fmod": (Row(lambda x, y: y == 0, "the remainder of a division by zero", GUARD),),
    "multiply": (
        Row(
            lambda x, y: (x == 0 and np.isinf(y)) or (y == 0 and np.isinf(x)),
            "0 · inf",
            "in values 0 · inf is nan as NumPy has it: mask with np.where(mask, x, 0), not by a factor 0",
        ),
    ),
    "add": (Row(lambda x, y: _both_infinite(x, y), "inf - inf"),),
    "subtract": (Row(lambda x, y: _both_infinite(x, y), "inf - inf"),),
    "sqrt": (
        Row(_negative, "the square root of a negative number", "keep the argument at or above 0: np.maximum(x, 0)"),
    ),
    "log": LOGARITHMS,
    "log2": LOGARITHMS,
    "log10": LOGARITHMS,
    "log1p": (
        Row(lambda x: x == -1, "log1p of -1: the logarithm of 0 is -inf", "keep the argument above -1"),
        Row(lambda x: _negative(1 + x), "log1p of less than -1: the logarithm of a negative number"),
    ),
    "exp": OVERFLOWING,
    "exp2": OVERFLOWING,
    "expm1": OVERFLOWING,
    "sinh": OVERFLOWING,
    "cosh": OVERFLOWING,
    "power": POWERS,
    "float_power": POWERS,
    "arcsin": INVERSES,
    "arccos": INVERSES,
    "arctanh": (Row(lambda x: abs(x) == 1, "a pole: arctanh is infinite at ±1"), *INVERSES),
    "arccosh": (Row(lambda x: x < 1, "the argument is below 1", "np.maximum(x, 1)"),),
    "sin": (Row(np.isinf, "the sine of inf"),),
    "cos": (Row(np.isinf, "the cosine of inf"),),
    "tan": (Row(np.isinf, "the tangent of inf"),),
    "scipy.special.gamma": POLES,
    "scipy.special.gammaln": POLES,
    "scipy.special.loggamma": POLES,
    "scipy.special.psi": POLES,
    "scipy.special.logit": (
        Row(lambda x: x in (0, 1), "a pole: logit is infinite at 0 and 1", "keep the argument inside (0, 1)"),
        Row(lambda x: not 0 <= x <= 1, "the argument is outside (0, 1)", "keep the argument inside (0, 1)"),
    ),
    "scipy.special.xlogy": (Row(lambda x, y: y == 0, "the logarithm of 0 is -inf", ABOVE_ZERO),),
}

# By primitive and the operand's position: why the partial with respect to it is not finite.
SLOPES: dict[tuple[str, int], tuple[Row, ...]] = {
    ("sqrt", 0): (Row(lambda x: x == 0, "the slope of a square root at 0 is infinite: 1 / (2 √0)", NEAR_ZERO),),
    ("cbrt", 0): (Row(lambda x: x == 0, "the slope of a cube root at 0 is infinite"),),
    ("divide", 0): (Row(lambda x, y: y == 0, "the slope of x / y with respect to x is 1 / y, and y is 0", GUARD),),
    ("divide", 1): (Row(lambda x, y: y == 0, "the slope of x / y with respect to y is -x / y², and y is 0", GUARD),),
    ("reciprocal", 0): (Row(lambda x: x == 0, "the slope of 1 / x is -1 / x², and x is 0", GUARD),),
    ("power", 0): (
        Row(lambda x, y: x == 0 and np.real(y) < 1, "the slope of x**p at 0 is infinite for p < 1", NEAR_ZERO),
        Row(lambda x, y: _negative(x), "a negative number to a fractional power", INTEGER_POWER),
    ),
    ("power", 1): (Row(lambda x, y: x == 0, "the slope of x**p with respect to p holds log(x), and x is 0"),),
    ("arccos", 0): (Row(lambda x: abs(x) == 1, "the slope of arccos at ±1 is infinite", ARCTAN),),
    ("arcsin", 0): (Row(lambda x: abs(x) == 1, "the slope of arcsin at ±1 is infinite", ARCTAN),),
    ("arctanh", 0): (Row(lambda x: abs(x) == 1, "the slope of arctanh at ±1 is infinite"),),
    ("exp", 0): OVERFLOWING,
    ("arccosh", 0): (Row(lambda x: x == 1, "the slope of arccosh at 1 is infinite"),),
}
for _name in ("log", "log2", "log10"):
    SLOPES[_name, 0] = (Row(lambda x: x == 0, "the slope of a logarithm is 1 / x, and x is 0", ABOVE_ZERO),)
SLOPES["log1p", 0] = (Row(lambda x: x == -1, "the slope of log1p is 1 / (1 + x), and x is -1"),)
SLOPES["float_power", 0], SLOPES["float_power", 1] = SLOPES["power", 0], SLOPES["power", 1]


def of_value(name: str, entries: tuple, value: Any) -> Why:
    """Why an operation on these entries gave inf or nan."""
    found = _first(VALUES.get(name, ()), entries)
    if found and not (VALUES[name] is OVERFLOWING and np.isnan(value)):
        return found
    if all(np.isfinite(x) for x in entries):
        if np.isinf(value):
            return overflow(value)
        return f"{name} is not defined there", ""
    return INFINITE


def of_slope(name: str, position: int, entries: tuple, partial: Any, cotangent: Any) -> Why:
    """Why cotangent times partial is inf or nan, at an entry."""
    if np.isfinite(partial):
        return overflow(cotangent)
    if not all(np.isfinite(x) for x in entries):
        return FOLLOWS
    found = _first(SLOPES.get((name, position), ()), entries)
    if found:
        return found
    if np.isnan(partial):
        return f"the slope of {name} is not defined there", ""
    return f"the slope of {name} is infinite, or too large for a float, there", ""


def _first(rows: tuple[Row, ...], entries: tuple) -> Why | None:
    with np.errstate(all="ignore"):
        for row in rows:
            if row.applies(*entries):
                return row.reason, row.advice
    return None


def overflow(value: Any) -> Why:
    """The reason where finite numbers gave one too large for their dtype."""
    dtype = np.asarray(value).real.dtype
    largest = np.finfo(dtype if dtype.kind == "f" else float).max
    return f"overflow: beyond {largest:.3g}, the largest {dtype}", "rescale, or compute with logarithms"


# -- whole arrays -------------------------------------------------------------------------------------------------------


def _empty(values: list, out: Any, params: dict) -> Why | None:
    if np.size(values[0]) == 0 or (np.ndim(values[0]) and 0 in np.shape(values[0])):
        return "0 / 0: the mean of no entries", "ask x.size first"
    return _infinities(values, out, params)


def _freedom(values: list, out: Any, params: dict) -> Why | None:
    given = params.get("correction")
    ddof = given if given is not None else params.get("ddof") or 0
    count = np.size(values[0]) // max(np.size(out), 1)
    if count <= ddof:
        return (
            f"0 / 0: {count} entries with ddof={ddof} leave no degree of freedom",
            "use ddof=0, or more than one entry",
        )
    return _infinities(values, out, params)


def _infinities(values: list, out: Any, params: dict) -> Why | None:
    a = np.asarray(values[0])
    if a.dtype.kind == "f" and np.isposinf(a).any() and np.isneginf(a).any():
        return "inf - inf", ""
    return None


def _products(values: list, out: Any, params: dict) -> Why | None:
    flat = [np.asarray(v) for v in values if not isinstance(v, (str, tuple))]
    if any(np.isinf(v).any() for v in flat) and any((v == 0).any() for v in flat):
        return "0 · inf in a sum of products", ""
    return _infinities(values, out, params)


def _determinant(values: list, out: Any, params: dict) -> Why | None:
    return overflow(out) if np.isinf(out).any() else None


def _singular_sign(values: list, out: Any, params: dict) -> Why | None:
    signs = np.asarray(out[0])
    if (signs == 0).any():
        return (
            "the matrix is singular: the logarithm of its determinant, 0, is -inf",
            "add a small multiple of np.eye(n)",
        )
    return None


WHOLE: dict[str, Callable[[list, Any, dict], Why | None]] = {
    "mean": _empty,
    "nanmean": _empty,
    "var": _freedom,
    "std": _freedom,
    "nanvar": _freedom,
    "nanstd": _freedom,
    "sum": _infinities,
    "cumsum": _infinities,
    "add.reduceat": _infinities,
    "prod": _products,
    "cumprod": _products,
    "matmul": _products,
    "dot": _products,
    "einsum": _products,
    "linalg.det": _determinant,
    "linalg.slogdet": _singular_sign,
}


def of_whole(name: str, values: list, out: Any, params: dict) -> Why:
    """Why an operation on whole arrays gave inf or nan."""
    with np.errstate(all="ignore"):
        found = WHOLE[name](values, out, params) if name in WHOLE else None
    if found:
        return found
    arrays = [np.asarray(v) for v in values if isinstance(v, (np.ndarray, np.generic, float, complex))]
    parts = out if isinstance(out, tuple) else (out,)
    if all(np.isfinite(a).all() for a in arrays if a.dtype.kind in "fc"):
        if not any(np.isnan(p).any() for p in map(np.asarray, parts) if p.dtype.kind in "fc"):
            return overflow(parts[0])
        return f"{name} is not defined there", ""
    return INFINITE


# -- degenerate factorisations --------------------------------------------------------------------------------------------

FACTORS = {  # which output holds the values whose coincidence leaves the vectors undetermined, and what they are called
    "linalg.eigh": (0, "eigenvalues"),
    "linalg.eig": (0, "eigenvalues"),
    "linalg.svd": (1, "singular values"),
}
SYMMETRIC = "use what does not depend on the choice of vectors, or break the tie with distinct entries on the diagonal"


def equal_pairs(name: str, out: Any) -> list[tuple[tuple[int, ...], int, int, float]]:
    """The pairs of coinciding eigenvalues or singular values: (matrix of a stack, i, j, their value)."""
    position, _ = FACTORS[name]
    w = np.asarray(out[position])
    found = []
    eps = np.finfo(w.real.dtype).eps
    for stack in np.ndindex(w.shape[:-1]):
        values = w[stack]
        tolerance = np.max(np.abs(values), initial=0) * len(values) * eps
        order = np.argsort(values)
        found += [
            (stack, *sorted((int(i), int(j))), values[i])
            for i, j in pairwise(order)
            if abs(values[i] - values[j]) <= tolerance
        ]
    return found


def of_map(name: str, out: Any, whole: bool) -> Why:
    """Why pulling back through a linear map gave inf or nan; `whole`: the map itself is finite."""
    if name in FACTORS:
        pairs = equal_pairs(name, out)
        if pairs:
            what = FACTORS[name][1]
            named = "; ".join(
                f"{what} {i} and {j}" + (f" of matrix {stack}" if stack else "") + f" are both {value:.3g}"
                for stack, i, j, value in pairs[:3]
            )
            more = f" (and {len(pairs) - 3} pairs more)" if len(pairs) > 3 else ""
            return f"{named}{more}: the derivative of their vectors is not defined", SYMMETRIC
    if whole:
        return overflow(0.0)
    return f"the derivative of {name} is not finite there", ""
