"""Entries in other places: taken, repeated, parted, surrounded by zeros."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from wengert.compiler.trace.operations.entries import put
from wengert.compiler.trace.operations.operands import is_axis, plain_array
from wengert.compiler.trace.traced import Traced, seen
from wengert.compiler.trace.tracing import Trace


def take(trace: Trace, a: Any, indices: Any, axis: Any = None, out: Any = None, mode: str = "raise") -> Any:
    if not plain_array(a) or out is not None or mode != "raise" or not (axis is None or is_axis(a, axis)):
        return None
    indices = indices if type(indices) is Traced else np.asarray(indices)
    if indices.dtype.kind not in "iu" or not indices.size:
        return None
    if axis is None:
        return np.reshape(a, -1)[indices]
    return a[(*(slice(None),) * (axis % a.ndim), indices)]


def take_along_axis(trace: Trace, arr: Any, indices: Any, axis: Any = -1) -> Any:
    if not plain_array(arr) or not is_axis(arr, axis) or not _is_index(indices, arr.ndim):
        return None
    axis %= arr.ndim
    places: list[Any] = []
    for i, n in enumerate(arr.shape):
        if i != axis and indices.shape[i] != n:
            return None
        ones = (1,) * i + (-1,) + (1,) * (arr.ndim - i - 1)
        places.append(indices if i == axis else np.arange(n).reshape(ones))
    return arr[tuple(places)]


def _is_index(x: Any, ndim: int) -> bool:
    return hasattr(x, "dtype") and x.dtype.kind in "iu" and np.ndim(seen(x)) == ndim and bool(np.size(seen(x)))


def diagonal(trace: Trace, a: Any, offset: int = 0, axis1: int = 0, axis2: int = 1) -> Any:
    """Read entry by entry, and so no view here: a write into what it views ends the trace."""
    if not plain_array(a) or not is_axis(a, axis1) or not is_axis(a, axis2) or type(offset) is not int:
        return None
    if a.later is None:
        trace.aliases.append(np.diagonal(a.concrete, offset, axis1, axis2))
    square = np.moveaxis(a, (axis1, axis2), (-2, -1))
    rows, cols = square.shape[-2] - max(-offset, 0), square.shape[-1] - max(offset, 0)
    n = min(rows, cols)
    if n <= 0 or axis1 % a.ndim == axis2 % a.ndim:
        return None
    along = np.arange(n)
    return square[..., along + max(-offset, 0), along + max(offset, 0)]


def trace_of(trace: Trace, a: Any, offset: int = 0, axis1: int = 0, axis2: int = 1, **kwargs: Any) -> Any:
    found = None if any(x is not None for x in kwargs.values()) else diagonal(trace, a, offset, axis1, axis2)
    return None if found is None else np.sum(found, axis=-1)


def tile(trace: Trace, A: Any, reps: Any) -> Any:
    times = reps if isinstance(reps, (tuple, list)) else (reps,)
    if not plain_array(A) or not all(type(n) is int and n > 0 for n in times):
        return None
    count = max(len(times), A.ndim)
    times = (1,) * (count - len(times)) + tuple(times)
    shape = (1,) * (count - A.ndim) + A.shape
    parted = np.reshape(A, [n for m in shape for n in (1, m)])
    full = np.broadcast_to(parted, [n for pair in zip(times, shape, strict=True) for n in pair])
    return np.copy(np.reshape(full, [m * n for m, n in zip(times, shape, strict=True)]))


def repeat(trace: Trace, a: Any, repeats: Any, axis: Any = None) -> Any:
    if not plain_array(a) or type(repeats) is not int or repeats < 1 or not (axis is None or is_axis(a, axis)):
        return None
    if axis is None:
        a, axis = np.reshape(a, -1), 0
    axis = axis % a.ndim + 1
    full = np.broadcast_to(np.expand_dims(a, axis), (*a.shape[:axis], repeats, *a.shape[axis:]))
    shape = (*a.shape[: axis - 1], a.shape[axis - 1] * repeats, *a.shape[axis:])
    return np.copy(np.reshape(full, shape))


def pad(trace: Trace, array: Any, pad_width: Any, mode: Any = "constant", **kwargs: Any) -> Any:
    """With zeros, which is the adjoint of taking the middle."""
    if not plain_array(array) or mode != "constant" or any(np.any(x != 0) for x in kwargs.values()):
        return None
    widths = np.asarray(pad_width)
    if isinstance(pad_width, dict) or widths.dtype.kind not in "iu" or (widths < 0).any():
        return None
    widths = np.broadcast_to(widths, (array.ndim, 2))
    shape = tuple(int(n + a + b) for n, (a, b) in zip(array.shape, widths, strict=True))
    middle = tuple(slice(int(a), int(a + n)) for n, (a, _) in zip(array.shape, widths, strict=True))
    return put(trace, array, shape, middle, True)


def parted(function: Callable, axis_of: Callable) -> Callable:
    """A function that gives parts along an axis, as views."""

    def parts(trace: Trace, ary: Any, indices_or_sections: Any, axis: Any = None) -> Any:
        axis = axis_of(np.ndim(seen(ary))) if axis is None else axis
        if not plain_array(ary) or not is_axis(ary, axis) or type(indices_or_sections) is Traced:
            return None
        ends = np.cumsum([part.size for part in function(np.empty(ary.shape[axis]), indices_or_sections)])
        whole = (slice(None),) * (axis % ary.ndim)
        return [ary[(*whole, slice(int(a), int(b)))] for a, b in zip([0, *ends[:-1]], ends, strict=True)]

    return parts


def unstack(trace: Trace, x: Any, /, *, axis: int = 0) -> Any:
    if not plain_array(x) or not is_axis(x, axis):
        return None
    whole = (slice(None),) * (axis % x.ndim)
    return tuple(x[(*whole, i)] for i in range(x.shape[axis]))


def broadcast_arrays(trace: Trace, *args: Any, subok: bool = False) -> Any:
    shape = np.broadcast_shapes(*(np.shape(seen(x)) for x in args))
    if not all(map(plain_array, args)):
        return None
    if all(x.shape == shape for x in args):
        return args  # the very arrays
    return tuple(x[...] if x.shape == shape else np.broadcast_to(x, shape) for x in args)
