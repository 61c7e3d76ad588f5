"""Functions that choose between values entry by entry: where, select, choose, piecewise, clip, rounding."""

from __future__ import annotations

from typing import Any

import numpy as np

from wengert.core import linear
from wengert.core.linear import Select
from wengert.core.primitive import structured
from wengert.core.registry import implements
from wengert.core.variable import Variable
from wengert.ops.complex import in_dtype, is_complex
from wengert.ops.constants import plain
from wengert.ops.index import within
from wengert.ops.targets import deliver

NO_VALUE = np._NoValue  # type: ignore[attr-defined]


def _where_value(condition: Any, x: Any, y: Any) -> Any:
    return np.where(condition, x, y)


where_ = structured(
    _where_value,
    None,
    lambda out, c, x, y: Select(c, x.shape, out.shape),
    lambda out, c, x, y: Select(np.logical_not(c), y.shape, out.shape),
    name="where",
)


@implements(np.where)
def where(condition, x=None, y=None, /):
    condition = plain(condition)
    return np.where(condition) if x is None else where_(condition, x, y)


@implements(np.select)
def select(condlist, choicelist, default=0):
    condlist = [plain(c) for c in condlist]
    choices = [*choicelist, default]
    examples = [_example(plain(c)) for c in choices]
    model = np.select(condlist, examples[:-1], examples[-1])  # NumPy's checks, dtype and shape
    result = np.broadcast_to(default, model.shape)
    for condition, choice in zip(condlist[::-1], choicelist[::-1], strict=True):
        result = where_(condition, choice, result)
    return in_dtype(result, model.dtype)


def _example(value: Any) -> Any:
    return value if type(value) in (int, float, complex) else np.asarray(value)


@implements(np.choose)
def choose(a, choices, out=None, mode="raise"):
    a = np.asarray(plain(a))
    rows = list(choices)
    if mode == "raise" and np.any((a < 0) | (a >= len(rows))):
        raise ValueError("invalid entry in choice array")
    shape = np.broadcast_shapes(a.shape, *(np.shape(row) for row in rows))
    dtype = np.result_type(*(_example(plain(row)) for row in rows))
    table = np.stack([np.broadcast_to(in_dtype(row, dtype), shape) for row in rows])
    chosen = np.broadcast_to(within(a, len(rows), mode), shape)
    return deliver(np.take_along_axis(table, chosen[None], axis=0)[0], out)


@implements(np.piecewise)
def piecewise(x, condlist, funclist, *args, **kw):
    condlist = plain(condlist)
    if np.isscalar(condlist) or (not isinstance(condlist[0], (list, np.ndarray)) and np.ndim(x) != 0):
        condlist = [condlist]
    conditions = list(np.asarray(condlist, dtype=bool))
    if len(conditions) == len(funclist) - 1:
        conditions.append(~np.any(conditions, axis=0))
    elif len(conditions) != len(funclist):
        n = len(conditions)
        raise ValueError(f"with {n} condition(s), either {n} or {n + 1} functions are expected")
    x = x if isinstance(x, Variable) else np.asarray(x)
    result: Any = np.zeros(x.shape, x.dtype)
    for condition, piece in zip(conditions, funclist, strict=True):
        taken = x[condition]
        if taken.size:
            values = in_dtype(piece(taken, *args, **kw) if callable(piece) else piece, x.dtype)
            spread = linear.put(np.broadcast_to(values, taken.shape), x.shape, (condition,), True)
            result = where_(condition, spread, result)
    return result


# -- limits and rounding -----------------------------------------------------------------------------------------------


@implements(np.clip)
def clip(a, a_min=NO_VALUE, a_max=NO_VALUE, out=None, *, min=NO_VALUE, max=NO_VALUE, **kwargs):
    low, high = _given_once(a_min, min), _given_once(a_max, max)
    result = a
    if low is not None:
        result = np.maximum(result, low)
    if high is not None:
        result = np.minimum(result, high)
    if kwargs or (low is None and high is None):  # as the ufunc that it is in NumPy: with where=, dtype=, casting=
        return np.positive(result, out=out, **kwargs)
    return deliver(result, out)


def _given_once(old: Any, new: Any) -> Any:
    """A bound by either of its two names; not given is None."""
    if old is not NO_VALUE and new is not NO_VALUE:
        raise ValueError("Passing `min` or `max` keyword argument when `a_min` and `a_max` are provided is forbidden.")
    bound = old if new is NO_VALUE else new
    return None if bound is NO_VALUE else bound


def _round_value(a: Any, decimals: int = 0) -> Any:
    return np.round(a, decimals)


round_ = structured(_round_value, None, name="round")  # piecewise constant


@implements(np.round, np.around)
def round(a, decimals=0, out=None):
    return deliver(round_(a, decimals=decimals), out)


@implements(np.fix)
def fix(x, out=None):
    return deliver(np.trunc(x), out)


@implements(np.nan_to_num)
def nan_to_num(x, copy=True, nan=0.0, posinf=None, neginf=None):
    if not copy and np.ndim(x):
        return deliver(nan_to_num(x, True, nan, posinf, neginf), x)
    if is_complex(x):
        parts = [nan_to_num(part, copy, nan, posinf, neginf) for part in (np.real(x), np.imag(x))]
        return parts[0] + 1j * parts[1]
    limits = np.finfo(x.dtype)
    value = plain(x)
    for where, replacement in (
        (np.isnan(value), nan),
        (np.isposinf(value), limits.max if posinf is None else posinf),
        (np.isneginf(value), limits.min if neginf is None else neginf),
    ):
        if np.any(where):
            x = where_(where, in_dtype(replacement, x.dtype), x)
    return np.copy(x) if np.ndim(x) else x[()]
