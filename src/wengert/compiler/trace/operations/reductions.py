"""Reductions over axes."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from wengert.compiler.programs.program import BOOL, FLOAT32, FLOAT64
from wengert.compiler.trace.operations.operands import (
    NO_VALUE,
    axes_of,
    computed,
    dtype_of,
    kind_of,
    native,
    result,
    wrapped,
)
from wengert.compiler.trace.traced import Traced, seen
from wengert.compiler.trace.tracing import Trace

REDUCIBLE = {"add", "multiply", "maximum", "minimum", "logical_and", "logical_or"}


def reduced(
    trace: Trace,
    kind: str,
    a: Any,
    axis: Any = None,
    dtype: Any = None,
    out: Any = None,
    keepdims: Any = False,
    initial: Any = NO_VALUE,
    where: Any = NO_VALUE,
) -> Traced | None:
    """A reduction as an instruction; None where it is to be called back."""
    if (
        type(a) is not Traced
        or initial is not NO_VALUE
        or (where is not NO_VALUE and where is not True)
        or out is not None
    ):
        return None
    ufunc_of = getattr(np, kind)
    keep = bool(keepdims) if keepdims is not NO_VALUE else False
    options = {} if dtype is None else {"dtype": dtype}
    value = computed(trace, ufunc_of.reduce, (a,), {"axis": axis, "keepdims": keep, **options})
    x = a.instruction
    if not native(value, seen(a)) or not a.size:
        return None
    loop = dtype_of(value)
    if loop == BOOL and kind not in ("logical_and", "logical_or"):
        return None
    x = trace.cast(x, loop)
    axes = axes_of(axis, a.ndim)
    shape = tuple(n for i, n in enumerate(a.shape) if i not in axes)
    if axes:
        x = trace.emit("reduce", (x,), shape, loop, (kind, axes))
    elif kind_of(value) is not np.ndarray:
        return result(trace, value, "reshape", (x,), (shape,))
    if np.shape(value) != shape or not axes:
        return result(trace, value, "reshape", (x,), (np.shape(value),))
    return wrapped(trace, value, x)


def reduction_of(kind: str) -> Callable:
    def reduction(trace: Trace, a: Any, axis: Any = None, **rest: Any) -> Any:
        known = {"dtype", "out", "keepdims", "initial", "where"}
        if not rest.keys() <= known:
            return None
        return reduced(trace, kind, a, axis, **rest)

    return reduction


def _count(a: Any, axis: Any) -> int:
    return math.prod(a.shape[i] for i in axes_of(axis, a.ndim))


def mean(
    trace: Trace,
    a: Any,
    axis: Any = None,
    dtype: Any = None,
    out: Any = None,
    keepdims: Any = False,
    *,
    where: Any = NO_VALUE,
) -> Any:
    if type(a) is not Traced or a.dtype not in (FLOAT64, FLOAT32) or dtype is not None or not a.size or out is not None:
        return None
    if not a.ndim and axis is not None:
        return None  # NumPy's own errors
    total = reduced(trace, "add", a, axis, keepdims=keepdims, where=where)
    return None if total is None else total / total.dtype.type(_count(a, axis))


def var(
    trace: Trace,
    a: Any,
    axis: Any = None,
    dtype: Any = None,
    out: Any = None,
    ddof: Any = 0,
    keepdims: Any = False,
    **rest: Any,
) -> Any:
    if (
        rest.get("where", NO_VALUE) is not NO_VALUE
        or rest.get("mean", NO_VALUE) is not NO_VALUE
        or "correction" in rest
    ):
        return None
    centre = mean(trace, a, axis, dtype, out, True)
    if centre is None or type(ddof) is Traced or _count(a, axis) - ddof <= 0:
        return None
    deviation = a - centre
    total = np.sum(deviation * deviation, axis=axis, keepdims=keepdims)
    return total / total.dtype.type(_count(a, axis) - ddof)


def std(trace: Trace, a: Any, *args: Any, **rest: Any) -> Any:
    found = var(trace, a, *args, **rest)
    return None if found is None else np.sqrt(found)
