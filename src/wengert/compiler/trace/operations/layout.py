"""Layout: the same entries in another shape or order, as views where NumPy's are."""

from __future__ import annotations

import operator
from collections.abc import Callable
from typing import Any

import numpy as np

from wengert.compiler.trace.later import laid_out
from wengert.compiler.trace.operations.operands import axes_of, wrapped
from wengert.compiler.trace.traced import Traced, operand, seen
from wengert.compiler.trace.tracing import Trace


def reshape(trace: Trace, a: Any, shape: Any, order: str = "C", *, copy: Any = None) -> Any:
    if type(a) is not Traced or order not in ("C",) or copy is not None:
        return None
    shape = tuple(map(operator.index, shape)) if isinstance(shape, (tuple, list)) else (operator.index(shape),)
    value = laid_out(lambda x: np.reshape(x, shape), operand(a), False)
    return a.layout(value, "reshape", (value.shape,))


def transpose(trace: Trace, a: Any, axes: Any = None) -> Any:
    if type(a) is not Traced:
        return None
    value = laid_out(lambda x: np.transpose(x, axes), operand(a))
    ndim = a.ndim
    order = tuple(range(ndim))[::-1] if axes is None else tuple(operator.index(i) % ndim for i in axes)
    return a.layout(value, "transpose", (order,))


def permuting(function: Callable) -> Callable:
    """A function that permutes axes: which ones is read off an empty array."""

    def permuted(trace: Trace, a: Any, *args: Any, **kwargs: Any) -> Any:
        if type(a) is not Traced:
            return None
        sizes = np.broadcast_to(np.zeros(()), tuple(range(2, a.ndim + 2)))
        order = tuple(n - 2 for n in function(sizes, *args, **kwargs).shape)
        return transpose(trace, a, order)

    return permuted


def reshaping(function: Callable) -> Callable:
    """A function that adds or removes axes of length one, or flattens."""

    def reshaped(trace: Trace, a: Any, *args: Any, **kwargs: Any) -> Any:
        if type(a) is not Traced or a.stands_for is not np.ndarray or kwargs.get("order", "C") != "C" or "K" in args:
            return None
        value = laid_out(lambda x: function(x, *args, **kwargs), operand(a), False)
        return a.layout(value, "reshape", (value.shape,))

    return reshaped


def ravel(trace: Trace, a: Any, order: str = "C") -> Any:
    if type(a) is not Traced or order != "C" or a.stands_for is not np.ndarray:
        return None
    return reshape(trace, a, (-1,))


def broadcast_to(trace: Trace, array: Any, shape: Any, subok: bool = False) -> Any:
    if type(array) is not Traced:
        return None
    value = laid_out(lambda x: np.broadcast_to(x, shape), operand(array))
    if value.shape == array.shape and array.stands_for is np.ndarray:
        return array.layout(value, "reshape", (value.shape,))
    return array.layout(value, "broadcast", (value.shape,))


def flip(trace: Trace, m: Any, axis: Any = None) -> Any:
    if type(m) is not Traced or m.stands_for is not np.ndarray:
        return None
    np.flip(seen(m), axis)  # NumPy's own errors
    axes = axes_of(axis, m.ndim)
    return m[tuple(slice(None, None, -1) if i in axes else slice(None) for i in range(m.ndim))]  # type: ignore[index]


def as_array(x: Any) -> Any:
    """An operand as an array: a number gets the shape ()."""
    if type(x) is not Traced:
        return np.asarray(x)
    if x.stands_for is np.ndarray:
        return x
    return wrapped(x.run, np.asarray(x.concrete), x.instruction)


def expand_dims(trace: Trace, a: Any, axis: Any) -> Any:
    if type(a) is not Traced:
        return None
    value = laid_out(lambda x: np.expand_dims(x, axis), operand(a))
    return as_array(a).layout(value, "reshape", (value.shape,))


def at_least(count: int) -> Callable:
    function = {1: np.atleast_1d, 2: np.atleast_2d, 3: np.atleast_3d}[count]

    def raised(trace: Trace, *given: Any) -> Any:
        if len(given) != 1 or type(given[0]) is not Traced:
            return None
        a = as_array(given[0])
        value = laid_out(function, operand(a))
        return a if value.shape == a.shape else a.layout(value, "reshape", (value.shape,))

    return raised
