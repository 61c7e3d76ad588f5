"""New arrays made from variables or beside them: zeros_like, array(..., like=x), full, linspace and their kin.

What is filled with constants is a variable too, a leaf of the same trace: it can be assigned variables into, which a
plain array cannot.
"""

from __future__ import annotations

import operator
from typing import Any

import numpy as np

from wengert.core.registry import implements
from wengert.core.variable import Variable, new_leaf
from wengert.ops.complex import in_dtype
from wengert.ops.constants import plain


def buffer(value: Any, level: int) -> Any:
    """A constant array as a variable of the given trace. Integers and booleans have no derivative and stay plain."""
    if value.dtype.kind not in "fc":
        return value
    if level < 0:
        from wengert.inplace import fillable

        return fillable(value)
    return new_leaf(value, level)


def beside(a: Any, made: Any) -> Any:
    """What was made like `a`: in the trace of `a` if it is a variable, otherwise plain."""
    return buffer(made, a.node._level) if isinstance(a, Variable) else made


def _like(function: Any) -> Any:
    def rule(a: Any, *args: Any, **params: Any) -> Any:
        return beside(a, function(plain(a), *args, **params))

    return rule


for _function in (np.zeros_like, np.ones_like, np.empty_like):
    implements(_function)(_like(_function))


@implements(np.full_like)
def full_like(a, fill_value, dtype=None, order="K", subok=True, shape=None, *, device=None):
    if not isinstance(fill_value, Variable):
        return beside(a, np.full_like(plain(a), fill_value, dtype=dtype, order=order, shape=shape))
    made = np.empty_like(plain(a), dtype=dtype, order=order, shape=shape)
    return np.copy(np.broadcast_to(np.astype(fill_value, made.dtype), made.shape))


# -- arrays made of variables ------------------------------------------------------------------------------------------
# NumPy hands these over only when asked with like=x; wengert.numpy calls them always.


def assembled(values: Any) -> Any:
    """An array-like, with variables at any depth of its lists, as one variable or array."""
    if isinstance(values, (list, tuple)) and _holds_variable(values):
        return np.stack([assembled(value) for value in values])
    return values if isinstance(values, Variable) else np.asarray(values)


def _holds_variable(values: Any) -> bool:
    return any(isinstance(v, Variable) or (isinstance(v, (list, tuple)) and _holds_variable(v)) for v in values)


@implements(np.array)
def array(object, dtype=None, *, copy=True, order="K", subok=False, ndmin=0, **rest):
    made = assembled(object)
    if not isinstance(made, Variable):
        return buffer(np.array(object, dtype=dtype, copy=copy, order=order, subok=subok, ndmin=ndmin, **rest), -1)
    if dtype is not None:
        made = in_dtype(made, dtype)
    made = np.copy(made, order=order) if made is object and copy else laid_out(made, order)
    return np.reshape(made, (1,) * (ndmin - np.ndim(made)) + np.shape(made)) if np.ndim(made) < ndmin else made


def laid_out(a: Any, order: str | None) -> Any:
    """The array in the memory order "C" or "F"; a copy only if it lies otherwise."""
    flags = np.asarray(plain(a)).flags
    fits = {"C": flags.c_contiguous, "F": flags.f_contiguous}.get(order or "K", True)
    return a if fits else np.copy(a, order=order)


@implements(np.asarray, np.asanyarray, np.asarray_chkfinite)
def asarray(a, dtype=None, order=None, *, device=None, copy=None):
    made = assembled(a)
    if not isinstance(made, Variable):
        return np.asarray(a, dtype=dtype, order=order, copy=copy)
    return array(made, dtype=dtype, order=order or "K", copy=bool(copy))


def _contiguous(order: str) -> Any:
    return lambda a, dtype=None: np.atleast_1d(asarray(a, dtype=dtype, order=order))


implements(np.ascontiguousarray)(_contiguous("C"))
implements(np.asfortranarray)(_contiguous("F"))


@implements(np.require)
def require(a, dtype=None, requirements=None):
    wanted = {str(requirement).upper()[0] for requirement in requirements or ()}  # "F_CONTIGUOUS" is "F", and so on
    if {"C", "F"} <= wanted:
        raise ValueError('Cannot specify both "C" and "F" order')
    made = asarray(a, dtype=dtype, order="F" if "F" in wanted else "C" if "C" in wanted else None)
    flags = np.asarray(plain(made)).flags
    return np.copy(made) if ("O" in wanted and not flags.owndata) or ("W" in wanted and not flags.writeable) else made


@implements(np.full)
def full(shape, fill_value, dtype=None, order="C", *, device=None):
    if not isinstance(fill_value, Variable):
        return buffer(np.full(shape, fill_value, dtype=dtype, order=order), -1)
    fill = fill_value if dtype is None else in_dtype(fill_value, dtype)
    return np.copy(np.broadcast_to(fill, shape))


def _without_variables(function: Any) -> Any:
    def rule(*args: Any, **params: Any) -> Any:
        made = function(*map(plain, args), **params)
        return buffer(made, -1) if isinstance(made, np.ndarray) else made

    return rule


CONSTANT = [
    np.zeros, np.ones, np.empty, np.eye, np.identity, np.arange, np.tri, np.fromiter, np.fromfunction, np.fromstring,
    np.frombuffer, np.fromfile, np.loadtxt, np.genfromtxt,
]  # fmt: skip
for _function in CONSTANT:
    implements(_function)(_without_variables(_function))


# -- sequences between variable endpoints --------------------------------------------------------------------------------
# The arithmetic is NumPy's own, step by step, so that the values are NumPy's to the last bit.


def _sampled(start: Any, stop: Any, num: int, endpoint: bool, dtype: Any) -> tuple[Any, Any]:
    """(samples along axis 0, step)."""
    div = num - 1 if endpoint else num
    delta = stop - start
    ramp = np.arange(0, num, dtype=dtype).reshape((-1,) + (1,) * np.ndim(delta))
    if div > 0:
        step = delta / div
        # a step that underflows to zero would lose what the whole way does not
        samples = ramp / div * delta if np.any(plain(step) == 0) else ramp * step
    else:
        step, samples = np.nan, ramp * delta
    return _with_ends(samples + start, None, stop if endpoint and num > 1 else None), step


def _with_ends(samples: Any, first: Any, last: Any) -> Any:
    """Samples with the first and the last of them replaced, where given."""
    parts, inner = [], samples[(None if first is None else 1) : (None if last is None else -1)]
    for end in (first, last):
        parts.append(None if end is None else np.broadcast_to(end, samples.shape[1:])[None])
    return np.concatenate([part for part in (parts[0], inner, parts[1]) if part is not None])


def _common_dtype(*values: Any) -> np.dtype:
    return np.result_type(*(_array_or_number(plain(v)) for v in values), 0.0)


def _array_or_number(value: Any) -> Any:
    return value if isinstance(value, (int, float, complex)) else np.asarray(value)


@implements(np.linspace)
def linspace(start, stop, num=50, endpoint=True, retstep=False, dtype=None, axis=0, *, device=None):
    num = operator.index(num)
    if num < 0:
        raise ValueError(f"Number of samples, {num}, must be non-negative.")
    common = _common_dtype(start, stop)
    samples, step = _sampled(in_dtype(start, common), in_dtype(stop, common), num, endpoint, common)
    if dtype is not None and np.issubdtype(dtype, np.integer):
        samples = np.floor(samples)
    samples = np.moveaxis(samples if dtype is None else np.astype(samples, dtype), 0, axis)
    return (samples, step) if retstep else samples


@implements(np.logspace)
def logspace(start, stop, num=50, endpoint=True, base=10.0, dtype=None, axis=0):
    if np.ndim(base):
        ndim = max(np.ndim(start), np.ndim(stop), np.ndim(base))
        start, stop, base = (np.reshape(x, (1,) * (ndim - np.ndim(x)) + np.shape(x)) for x in (start, stop, base))
        base = np.expand_dims(base, axis)
    result = np.power(base, linspace(start, stop, num, endpoint, axis=axis))
    return result if dtype is None else np.astype(result, dtype)


@implements(np.geomspace)
def geomspace(start, stop, num=50, endpoint=True, dtype=None, axis=0):
    if np.any(plain(start) == 0) or np.any(plain(stop) == 0):
        raise ValueError("Geometric sequence cannot include zero")
    common = np.result_type(
        _array_or_number(plain(start)), _array_or_number(plain(stop)), float(num), np.zeros((), dtype)
    )
    start, stop = in_dtype(start, common), in_dtype(stop, common)
    sign = np.sign(plain(start))  # the result does not depend on it: what is divided out is multiplied back
    start, stop = start / sign, stop / sign
    result = np.power(10.0, _sampled(np.log10(start), np.log10(stop), num, endpoint, common)[0])
    if num > 0:
        result = _with_ends(result, start, stop if num > 1 and endpoint else None)
    result = np.moveaxis(result * sign, 0, axis)
    return result if dtype is None else np.astype(result, dtype)
