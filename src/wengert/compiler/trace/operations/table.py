"""The table from NumPy's functions to what they become, and how a call of one is answered.

A function with a row here becomes instructions. One without is called back: it is run on the values of this run, and by the
compiled program later. Either way the value of this run is NumPy's own, so that shapes and dtypes need no rules.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from wengert.compiler.trace import traced as arrays
from wengert.compiler.trace.operations.calling import call_back
from wengert.compiler.trace.operations.composed import (
    astype,
    average,
    columns,
    cross,
    diff,
    imag,
    joined,
    nan_to_num,
    norm,
    ptp,
    real,
    roll,
    sinc,
    trapezoid,
)
from wengert.compiler.trace.operations.entries import put
from wengert.compiler.trace.operations.joining import clip, concatenate, copy, full_like, like, stack, triangle, where
from wengert.compiler.trace.operations.layout import (
    at_least,
    broadcast_to,
    expand_dims,
    flip,
    permuting,
    ravel,
    reshape,
    reshaping,
    transpose,
)
from wengert.compiler.trace.operations.operands import dtype_of, unplaced
from wengert.compiler.trace.operations.products import dot, einsum, inner, outer, tensordot, vdot
from wengert.compiler.trace.operations.rearranging import (
    broadcast_arrays,
    diagonal,
    pad,
    parted,
    repeat,
    take,
    take_along_axis,
    tile,
    trace_of,
    unstack,
)
from wengert.compiler.trace.operations.reductions import mean, reduction_of, std, var
from wengert.compiler.trace.operations.ufuncs import ufunc
from wengert.compiler.trace.operations.writing import assign, copyto, into_first, scratch
from wengert.compiler.trace.traced import Traced, place, seen
from wengert.compiler.trace.tracing import Trace
from wengert.core import linear

METADATA = {
    np.shape, np.ndim, np.size, np.result_type, np.can_cast, np.iscomplexobj, np.isrealobj, np.common_type, np.min_scalar_type,
}  # fmt: skip
ROWS: dict[Any, Callable] = {
    np.sum: reduction_of("add"), np.prod: reduction_of("multiply"), np.any: reduction_of("logical_or"),
    np.all: reduction_of("logical_and"), np.max: reduction_of("maximum"), np.min: reduction_of("minimum"),
    np.amax: reduction_of("maximum"), np.amin: reduction_of("minimum"), np.mean: mean, np.var: var, np.std: std,
    np.reshape: reshape, np.transpose: transpose, np.permute_dims: transpose, np.ravel: ravel, np.broadcast_to: broadcast_to,
    np.swapaxes: permuting(np.swapaxes), np.moveaxis: permuting(np.moveaxis), np.rollaxis: permuting(np.rollaxis),
    np.matrix_transpose: permuting(np.matrix_transpose), np.squeeze: reshaping(np.squeeze), np.expand_dims: expand_dims,
    np.atleast_1d: at_least(1), np.atleast_2d: at_least(2), np.atleast_3d: at_least(3),
    np.flip: flip, np.fliplr: lambda trace, m: flip(trace, m, 1), np.flipud: lambda trace, m: flip(trace, m, 0),
    np.zeros_like: like(np.zeros_like), np.ones_like: like(np.ones_like), np.empty_like: like(np.empty_like),
    np.full_like: full_like, np.copy: copy, np.concatenate: concatenate, np.stack: stack,
    np.vstack: joined(lambda parts: np.concatenate(parts, axis=0), np.atleast_2d),
    np.hstack: joined(lambda parts: np.concatenate(parts, axis=0 if np.ndim(parts[0]) == 1 else 1), np.atleast_1d),
    np.column_stack: joined(columns, np.atleast_1d),
    np.where: where, np.clip: clip, linear.put: put, np.tril: triangle(np.tril), np.triu: triangle(np.triu),
    np.dot: dot, np.inner: inner, np.outer: outer, np.vdot: vdot, np.tensordot: tensordot, np.einsum: einsum,
    np.linalg.norm: norm, np.diff: diff, np.real: real, np.imag: imag, np.roll: roll, np.astype: astype, np.copyto: copyto,
    np.cross: cross, np.linalg.vector_norm: lambda trace, x, /, *, axis=None, keepdims=False, ord=2: (
        norm(trace, x, ord, axis, keepdims) if ord == 2 and (axis is not None or np.ndim(seen(x)) == 1) else None),
    np.take: take, np.take_along_axis: take_along_axis, np.diagonal: diagonal, np.trace: trace_of, np.tile: tile,
    np.repeat: repeat, np.pad: pad, np.broadcast_arrays: broadcast_arrays, np.unstack: unstack,
    np.split: parted(np.split, lambda ndim: 0), np.array_split: parted(np.array_split, lambda ndim: 0),
    np.vsplit: parted(np.split, lambda ndim: 0 if ndim > 1 else -9), np.hsplit: parted(np.split, lambda ndim: min(ndim - 1, 1)),
    np.dsplit: parted(np.split, lambda ndim: 2), np.dstack: joined(lambda parts: np.concatenate(parts, axis=2), np.atleast_3d),
    np.ptp: ptp, np.average: average, np.nan_to_num: nan_to_num, np.sinc: sinc, np.trapezoid: trapezoid,
    np.fill_diagonal: into_first(np.fill_diagonal), np.put: into_first(np.put),
    np.place: into_first(np.place), np.putmask: into_first(np.putmask), np.put_along_axis: into_first(np.put_along_axis),
}  # fmt: skip


def function(trace: Trace, func: Callable, args: tuple, kwargs: dict) -> Any:
    """Traced.__array_function__."""
    if func in METADATA:
        return func(*unplaced(args, seen), **unplaced(kwargs, seen))
    if func in (np.shares_memory, np.may_share_memory):
        return func(*unplaced(args, place), **unplaced(kwargs, place))
    row = ROWS.get(func)
    if row is not None:
        found = row(trace, *args, **kwargs)
        if found is not None or func in _NOTHING:
            return found
    if kwargs.get("out") is not None:
        rest = {key: value for key, value in kwargs.items() if key != "out"}
        if type(kwargs["out"]) is not Traced:
            raise trace.give_up(f"np.{func.__name__} of traced arrays writes into a plain array")
        target = kwargs["out"]
        func(*unplaced(args), **unplaced(rest), out=scratch(target))  # NumPy's own errors
        found = func(*args, **rest)
        if dtype_of(found) == target.dtype:
            return assign(trace, target, found)

        def into_copy(base: Any, *args: Any, **rest: Any) -> Any:  # NumPy computes in the dtype of `out`
            base = np.array(base)
            func(*args, **rest, out=base)
            return base

        return assign(trace, target, call_back(trace, into_copy, (target, *args), rest, func.__name__))
    return call_back(trace, func, args, kwargs)


_NOTHING = {np.copyto, np.fill_diagonal, np.put, np.place, np.putmask, np.put_along_axis}

arrays.UFUNC, arrays.FUNCTION = ufunc, function

arrays.UFUNC, arrays.FUNCTION = ufunc, function
