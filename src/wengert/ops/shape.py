"""Layout of one array: reshape, transpose, broadcast, roll, tile, diagonals. No arithmetic happens here.

Three tables hold most of it. A function that only permutes axes is asked for the permutation, one that only reshapes
for the shape, and one that only moves entries about for the place that each entry came from: NumPy itself answers, on
an array that costs nothing or on the array of positions.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from wengert.core.linear import Broadcast, Identity, LinearMap, Permute, Reshape, Take, Transpose
from wengert.core.primitive import node_of, structured
from wengert.core.registry import implements
from wengert.core.variable import NO_PARAMS, Variable
from wengert.ops.constants import plain
from wengert.ops.targets import deliver

_EMPTY = np.empty(())


def probe(shape: Sequence[int]) -> np.ndarray:
    """An array of the given shape that takes no memory: for asking NumPy what a function does to shapes."""
    return np.broadcast_to(_EMPTY, shape)


# -- shape ------------------------------------------------------------------------------------------------------------
# np.reshape's second argument has changed its name (newshape, shape), and C order is the only one that is a pure
# Reshape: a primitive of our own takes the final shape, and another order is undone by a transpose around it.


def _reshape_value(a: Any, shape: tuple) -> Any:
    return np.reshape(a, shape)


reshape_ = structured(_reshape_value, lambda out, a, shape: Reshape(a.shape, out.shape), name="reshape")


def reshaped(a: Any, shape: Any) -> Any:
    """np.reshape in C order."""
    if not isinstance(a, Variable):
        return np.reshape(a, shape)
    a = a.node
    value = a._val
    out = value.reshape(shape) if value.__class__ is np.ndarray else np.reshape(value, shape)
    return node_of(reshape_, out, (a,), {"shape": shape}, a._level, (a,))


@implements(np.reshape)
def reshape(a, /, shape=None, order="C", *, newshape=None, copy=None):
    shape = newshape if shape is None else shape
    if copy is False:
        np.reshape(plain(a), shape, order=order, copy=False)  # raises if only a copy will do
    if order == "F" or (order == "A" and is_fortran(a)):
        wanted = np.reshape(probe(np.shape(a)), shape).shape
        result = np.transpose(reshaped(np.transpose(a), wanted[::-1]))
    else:
        result = reshaped(a, shape)
    return copy_(result) if copy else result


def is_fortran(a: Any) -> bool:
    value = plain(a)
    return isinstance(value, np.ndarray) and value.flags.fnc


def memory_axes(a: Any) -> list[int]:
    """The axes from the largest stride to the smallest: the order "K"."""
    value = plain(a)
    strides = value.strides if isinstance(value, np.ndarray) else ()
    return sorted(range(len(strides)), key=lambda i: -abs(strides[i]))


@implements(np.ravel)
def ravel(a, order="C"):
    if order == "K":
        a = np.transpose(a, memory_axes(a))
    elif order == "F" or (order == "A" and is_fortran(a)):
        a = np.transpose(a)
    result, value = reshaped(a, (-1,)), plain(a)
    # Unlike reshape(-1), ravel is a view of memory without gaps only.
    gaps = isinstance(value, np.ndarray) and not value.flags.c_contiguous
    return result.copy() if gaps and np.may_share_memory(plain(result), value) else result


def _same_entries(function: Callable) -> Callable:
    def rule(a: Any, *args: Any, **params: Any) -> Any:
        return reshaped(a, function(probe(np.shape(a)), *args, **params).shape)

    return rule


def _each(function: Callable) -> Callable:
    """A function of any number of arrays, each reshaped on its own."""
    rule = _same_entries(function)

    def of_all(*arrays: Any) -> Any:
        results = tuple(rule(a) if isinstance(a, Variable) else function(a) for a in arrays)
        return results[0] if len(results) == 1 else results

    return of_all


for _function in (np.squeeze, np.expand_dims):
    implements(_function)(_same_entries(_function))
for _function in (np.atleast_1d, np.atleast_2d, np.atleast_3d):
    implements(_function)(_each(_function))


# -- order of axes ----------------------------------------------------------------------------------------------------


def _transpose_edge(out, a, axes=None) -> LinearMap:
    return Permute(a.shape, range(a.ndim)[::-1] if axes is None else axes)


transpose = structured(np.transpose, _transpose_edge)


def transposed(a: Variable) -> Variable:
    """x.T"""
    a = a.node
    value = a._val
    out = value.T if value.__class__ is np.ndarray else np.transpose(value)
    return node_of(transpose, out, (a,), NO_PARAMS, a._level, (a,))


def _permuted(function: Callable) -> Callable:
    """A rule for a function that permutes axes: the axes of an array of shape (0, 1, 2, ...) tell how."""

    def rule(a: Any, *args: Any, **params: Any) -> Any:
        return transpose(a, function(np.empty(range(np.ndim(a))), *args, **params).shape)

    return rule


for _function in (np.swapaxes, np.moveaxis, np.rollaxis, np.matrix_transpose):
    implements(_function)(_permuted(_function))


# -- broadcasting -----------------------------------------------------------------------------------------------------

broadcast_to = structured(np.broadcast_to, lambda out, array, shape, subok=False: Broadcast(array.shape, out.shape))


@implements(np.broadcast_arrays)
def broadcast_arrays(*args, subok=False):
    shape = np.broadcast_shapes(*map(np.shape, args))
    return tuple(a if np.shape(a) == shape and hasattr(a, "dtype") else np.broadcast_to(a, shape) for a in args)


@implements(np.meshgrid)
def meshgrid(*xi, copy=True, sparse=False, indexing="xy"):
    grids = np.meshgrid(*(probe(np.shape(x)) for x in xi), copy=False, sparse=True, indexing=indexing)
    shape = np.broadcast_shapes(*(g.shape for g in grids))
    results = [np.reshape(x, g.shape) for x, g in zip(xi, grids, strict=True)]
    if not sparse:
        results = [np.broadcast_to(x, shape) for x in results]
    return tuple(np.copy(x) for x in results) if copy else tuple(results)


@implements(np.tile)
def tile(A, reps):
    reps = tuple(reps) if np.ndim(reps) else (reps,)
    shape = (1,) * (len(reps) - np.ndim(A)) + np.shape(A)
    reps = (1,) * (len(shape) - len(reps)) + tuple(int(n) for n in reps)
    spread = [side for n in shape for side in (1, n)]
    repeated = [side for r, n in zip(reps, shape, strict=True) for side in (r, n)]
    joined = tuple(r * n for r, n in zip(reps, shape, strict=True))
    return np.reshape(np.copy(np.broadcast_to(np.reshape(A, spread), repeated), order="C"), joined)


@implements(np.repeat)
def repeat(a, repeats, axis=None):
    if axis is None:
        a, axis = reshaped(a, (-1,)), 0
    n = np.shape(a)[axis]
    if np.size(repeats) != 1:
        return np.take(a, np.repeat(np.arange(n), repeats), axis=axis)
    axis, shape, r = axis % np.ndim(a), np.shape(a), int(np.reshape(repeats, ()))
    spread = np.broadcast_to(np.expand_dims(a, axis + 1), (*shape[: axis + 1], r, *shape[axis + 1 :]))
    return np.reshape(np.copy(spread, order="C"), (*shape[:axis], n * r, *shape[axis + 1 :]))


# -- entries moved about ----------------------------------------------------------------------------------------------


def moved(positions: np.ndarray, in_shape: Sequence[int]) -> LinearMap:
    """The map whose output entry k is the input entry number positions[k] - 1, and zero where positions[k] is 0."""
    size, flat = math.prod(in_shape), positions.reshape(-1)
    filled = np.flatnonzero(flat)
    sources = flat[filled] - 1
    once = bool(np.all(np.bincount(sources, minlength=1) <= 1))
    edge: LinearMap = Take((size,), (sources,), (filled.size,), unique=once) @ Reshape(in_shape, (size,))
    if filled.size < flat.size:
        edge = Transpose(Take((flat.size,), (filled,), (filled.size,), unique=True)) @ edge
    return Reshape(edge.out_shape, positions.shape) @ edge


def numbered(shape: Sequence[int], first: int = 1) -> np.ndarray:
    """An array of the given shape that numbers its entries."""
    return np.arange(first, first + math.prod(shape)).reshape(shape)


def rearrangement(function: Callable) -> Any:
    """Declare a function that only moves entries about, drops, repeats or puts zeros between them."""

    def edge(out: Any, a: Any, **params: Any) -> LinearMap:
        return moved(function(numbered(a.shape), **params), a.shape)

    return structured(function, edge)


REARRANGEMENTS = [
    np.roll, np.rot90, np.resize, np.delete, np.tril, np.triu, np.diag, np.diagflat, np.diagonal,
    np.lib.stride_tricks.sliding_window_view,
]  # fmt: skip
for _function in REARRANGEMENTS:
    rearrangement(_function)


@implements(np.flip)
def flip(m, axis=None):
    axes = range(np.ndim(m)) if axis is None else axis if isinstance(axis, tuple) else (axis,)
    axes = np.lib.array_utils.normalize_axis_tuple(axes, np.ndim(m))
    return m[tuple(slice(None, None, -1) if i in axes else slice(None) for i in range(np.ndim(m)))]


@implements(np.flipud)
def flipud(m):
    return np.flip(m, _checked_axis(m, 0))


@implements(np.fliplr)
def fliplr(m):
    return np.flip(m, _checked_axis(m, 1))


def _checked_axis(m: Any, axis: int) -> int:
    (np.flipud, np.fliplr)[axis](probe(np.shape(m)))  # NumPy's own complaint about too few axes
    return axis


@implements(np.trace)
def trace(a, offset=0, axis1=0, axis2=1, dtype=None, out=None):
    return deliver(np.sum(np.diagonal(a, offset, axis1, axis2), axis=-1, dtype=dtype), out)


# -- the same entries in memory of their own ---------------------------------------------------------------------------


def _copy_value(a: Any, order: str = "K") -> Any:
    return np.copy(a, order=order)


copy_ = structured(_copy_value, lambda out, a, order="K": Identity(a.shape), name="copy")


@implements(np.copy)
def copy(a, order="K", subok=False):
    return a.copy(order) if isinstance(a, Variable) else copy_(a, order=order)
