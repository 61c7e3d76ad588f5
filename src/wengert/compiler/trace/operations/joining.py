"""Arrays that are created, joined, or chosen from."""

from __future__ import annotations

import math
import operator
from collections.abc import Callable
from typing import Any

import numpy as np

from wengert.compiler.programs.program import BOOL
from wengert.compiler.trace.later import Later, many
from wengert.compiler.trace.operations.layout import as_array
from wengert.compiler.trace.operations.operands import (
    NATIVE,
    NO_VALUE,
    computed,
    instruction_of,
    native,
    result,
    wrapped,
)
from wengert.compiler.trace.traced import Traced, concrete, operand, seen
from wengert.compiler.trace.tracing import Trace


def like(function: Callable) -> Callable:
    def made(trace: Trace, a: Any, *args: Any, **kwargs: Any) -> Any:
        if any(type(x) is Traced for x in (*args, *kwargs.values())):
            return None
        if many(np.size(seen(a))) and "shape" not in kwargs and a.dtype in NATIVE and function is not np.empty_like:
            value = computed(trace, function, (a, *args), kwargs)
            if value.dtype in NATIVE:
                number = trace.constant(value.dtype.type(function is np.ones_like))
                return result(trace, value, "broadcast", (number,), (value.shape,))
        value = function(seen(a), *args, **kwargs)
        if function is np.empty_like:
            value = np.zeros_like(value)  # what is read before it is written is anything
        return wrapped(trace, value, trace.constant(value))

    return made


def full_like(trace: Trace, a: Any, fill_value: Any, *args: Any, **kwargs: Any) -> Any:
    value = (
        np.full_like(seen(a), seen(fill_value), *args, **kwargs)
        if "shape" in kwargs
        else computed(trace, np.full_like, (a, fill_value, *args), kwargs)
    )
    filled = trace.cast(instruction_of(trace, fill_value), value.dtype)
    extra = len(filled.shape) - len(value.shape)
    if extra > 0:  # of length one, which NumPy drops
        filled = trace.emit("reshape", (filled,), filled.shape[extra:], filled.dtype, (filled.shape[extra:],))
    return result(trace, value, "broadcast", (filled,), (value.shape,))


def copy(trace: Trace, a: Any, order: str = "K", subok: bool = False) -> Any:
    if type(a) is not Traced:
        return None
    value = computed(trace, np.array, (a,), {"order": order, "copy": True})
    return wrapped(trace, value, a.instruction)


def concatenate(trace: Trace, arrays_given: Any, axis: Any = 0, out: Any = None, **kwargs: Any) -> Any:
    if any(x not in (None, "same_kind") for x in (out, *kwargs.values())) or type(arrays_given) not in (tuple, list):
        return None
    value = _concatenated(trace, tuple(arrays_given), axis)
    if not native(value) or not math.prod(value.shape):
        return None
    if axis is None:
        arrays_given, axis = [np.ravel(x) for x in arrays_given], 0
    parts = [trace.cast(instruction_of(trace, x), value.dtype) for x in arrays_given]
    parts = [x for x in parts if x.size]
    if len(parts) == 1:
        return wrapped(trace, value, parts[0])
    return result(trace, value, "concatenate", parts, (operator.index(axis) % len(value.shape),))


def _concatenated(trace: Trace, parts: tuple, axis: Any) -> Any:
    """The value of a concatenation, later if that of a part is."""
    function = lambda *given: np.concatenate(given, axis=axis)
    if not any(type(operand(x)) is Later for x in parts) or axis is None:
        return function(*map(concrete, parts))
    like = function(*map(seen, parts))  # NumPy's own errors
    return Later(function, tuple(map(operand, parts)), like.shape, like.dtype)


def stack(trace: Trace, arrays_given: Any, axis: Any = 0, out: Any = None, **kwargs: Any) -> Any:
    if any(x not in (None, "same_kind") for x in (out, *kwargs.values())) or type(arrays_given) not in (tuple, list):
        return None
    if len({np.shape(seen(x)) for x in arrays_given}) != 1:
        return None
    return np.concatenate([np.expand_dims(as_array(x), axis) for x in arrays_given], axis=axis)


def where(trace: Trace, condition: Any, x: Any = NO_VALUE, y: Any = NO_VALUE) -> Any:
    if x is NO_VALUE:
        return None
    value = computed(trace, np.where, (condition, x, y))
    if not native(value, *map(seen, (condition, x, y))):
        return None
    c = trace.cast(instruction_of(trace, condition), BOOL)
    return result(trace, value, "select", [c, *(trace.cast(instruction_of(trace, v), value.dtype) for v in (x, y))])


def clip(
    trace: Trace,
    a: Any,
    a_min: Any = None,
    a_max: Any = None,
    out: Any = None,
    *,
    min: Any = None,
    max: Any = None,
    **kwargs: Any,
) -> Any:
    low = min if min is not None and min is not NO_VALUE else a_min
    high = max if max is not None and max is not NO_VALUE else a_max
    if kwargs or out is not None or not native(seen(a)) or low is NO_VALUE or high is NO_VALUE:
        return None
    found = a
    if low is not None:
        found = np.maximum(found, low)
    return found if high is None else np.minimum(found, high)


def triangle(function: Callable) -> Callable:
    def kept(trace: Trace, m: Any, k: Any = 0) -> Any:
        if type(m) is not Traced or not native(seen(m)) or m.ndim < 2 or type(k) is Traced:
            return None
        mask = function(np.ones(m.shape[-2:], bool), k)
        return np.where(mask, m, np.zeros((), m.dtype))

    return kept
