"""Functions that are put together from others."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from wengert.compiler.programs.program import BOOL, FLOAT32, FLOAT64
from wengert.compiler.trace.operations.entries import getitem
from wengert.compiler.trace.operations.layout import as_array
from wengert.compiler.trace.operations.operands import NO_VALUE, dtype_of, is_axis, native, plain_array
from wengert.compiler.trace.traced import Traced, seen
from wengert.compiler.trace.tracing import Trace


def norm(trace: Trace, x: Any, ord: Any = None, axis: Any = None, keepdims: bool = False) -> Any:
    if not (ord is None or (ord == 2 and (np.ndim(seen(x)) == 1 or isinstance(axis, int)))):
        return None
    axes = (axis,) if isinstance(axis, int) else axis
    if axes is not None and not (isinstance(axes, tuple) and len(axes) in (1, 2) and all(is_axis(x, i) for i in axes)):
        return None
    if dtype_of(x) not in (FLOAT64, FLOAT32):
        return None
    return np.sqrt(np.sum(np.multiply(x, x), axis=axis, keepdims=keepdims))


def diff(trace: Trace, a: Any, n: int = 1, axis: int = -1, **kwargs: Any) -> Any:
    if kwargs or dtype_of(a) not in (FLOAT64, FLOAT32) or n < 0 or not is_axis(a, axis):
        return None
    whole = (slice(None),) * (axis % a.ndim)
    for _ in range(n):
        a = a[(*whole, slice(1, None))] - a[(*whole, slice(None, -1))]
    return a


def cross(trace: Trace, a: Any, b: Any, axisa: int = -1, axisb: int = -1, axisc: int = -1, axis: Any = None) -> Any:
    """Of vectors of three entries along the last axis."""
    if (axisa, axisb, axisc, axis) != (-1, -1, -1, None) or not native(seen(a), seen(b)):
        return None
    if np.shape(seen(a))[-1:] != (3,) or np.shape(seen(b))[-1:] != (3,):
        return None
    a, b = (x if type(x) is Traced else np.asarray(x) for x in (a, b))
    a0, a1, a2 = (a[..., i] for i in range(3))
    b0, b1, b2 = (b[..., i] for i in range(3))
    return np.stack([a1 * b2 - a2 * b1, a2 * b0 - a0 * b2, a0 * b1 - a1 * b0], axis=-1)


def joined(along: Callable, prepare: Callable) -> Callable:
    def join(trace: Trace, tup: Any, **kwargs: Any) -> Any:
        if kwargs or type(tup) not in (tuple, list):
            return None
        return along([prepare(as_array(x)) for x in tup])

    return join


def columns(parts: list) -> Any:
    return np.concatenate([np.reshape(x, (-1, 1)) if np.ndim(x) < 2 else x for x in parts], axis=1)


def real(trace: Trace, val: Any) -> Any:
    return val if type(val) is Traced and val.dtype.kind == "f" else None


def imag(trace: Trace, val: Any) -> Any:
    if type(val) is not Traced or val.dtype.kind != "f":
        return None
    return np.zeros_like(val) if val.stands_for is np.ndarray else val.dtype.type(0)


def roll(trace: Trace, a: Any, shift: Any, axis: Any = None) -> Any:
    if type(a) is not Traced or not isinstance(shift, int) or not (axis is None or is_axis(a, axis)) or not a.size:
        return None
    if axis is None:
        return np.reshape(np.roll(np.reshape(a, -1), shift, 0), a.shape)
    n = a.shape[axis]
    whole = (slice(None),) * (axis % a.ndim)
    cut = -shift % n
    parts = [getitem(a, (*whole, slice(cut, None))), getitem(a, (*whole, slice(None, cut)))]
    return np.concatenate(parts, axis=axis)


def astype(trace: Trace, x: Any, dtype: Any, /, *, copy: bool = True, **kwargs: Any) -> Any:
    return None if kwargs else x.astype(dtype, copy=copy)


def ptp(trace: Trace, a: Any, axis: Any = None, out: Any = None, keepdims: Any = NO_VALUE) -> Any:
    if not plain_array(a) or a.dtype == BOOL or out is not None:
        return None
    return np.max(a, axis=axis, keepdims=keepdims) - np.min(a, axis=axis, keepdims=keepdims)


def average(trace: Trace, a: Any, axis: Any = None, weights: Any = None, returned: bool = False, **kwargs: Any) -> Any:
    return np.mean(a, axis=axis) if weights is None and not returned and not kwargs else None


def nan_to_num(trace: Trace, x: Any, copy: bool = True, nan: Any = 0.0, posinf: Any = None, neginf: Any = None) -> Any:
    if not plain_array(x) or x.dtype.kind != "f" or not copy or np.ndim(nan):
        return None
    most = np.finfo(x.dtype).max
    high, low = (x.dtype.type(bound if given is None else given) for given, bound in ((posinf, most), (neginf, -most)))
    return np.where(np.isnan(x), x.dtype.type(nan), np.where(x == np.inf, high, np.where(x == -np.inf, low, x)))


def sinc(trace: Trace, x: Any) -> Any:
    if dtype_of(x) != FLOAT64:
        return None
    y = np.pi * np.where(x == 0, 1.0e-20, x)
    return np.sin(y) / y


def trapezoid(trace: Trace, y: Any, x: Any = None, dx: Any = 1.0, axis: int = -1) -> Any:
    if not plain_array(y) or y.dtype.kind != "f" or not is_axis(y, axis) or (x is not None and np.ndim(seen(x)) != 1):
        return None
    y = np.moveaxis(y, axis, -1)
    return np.sum((dx if x is None else np.diff(x)) * (y[..., 1:] + y[..., :-1]) / 2.0, axis=-1)
