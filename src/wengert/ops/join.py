"""Arrays put together and taken apart: concatenate, stack, block, insert, pad, split."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from wengert.core import errors
from wengert.core.linear import Identity, Left, LinearMap, Permute, Reshape, Take, Transpose
from wengert.core.primitive import structured, variadic
from wengert.core.registry import implements
from wengert.core.variable import Variable
from wengert.ops.complex import in_dtype
from wengert.ops.constants import plain
from wengert.ops.index import plain_index
from wengert.ops.shape import numbered
from wengert.ops.targets import deliver


def _concatenate_value(*arrays: Any, axis: int = 0, dtype: Any = None, casting: str = "same_kind") -> Any:
    return np.concatenate(arrays, axis=axis, dtype=dtype, casting=casting)


def _concatenate_edge(i, out, *arrays, axis=0, dtype=None, casting=None) -> LinearMap:
    shape = np.shape(arrays[i])
    if axis is None:
        start, size = sum(np.size(a) for a in arrays[:i]), math.prod(shape)
        put = Transpose(Take(out.shape, (slice(start, start + size),), (size,)))
        return put @ Reshape(shape, (size,))
    axis = axis % out.ndim
    start = sum(np.shape(a)[axis] for a in arrays[:i])
    index = (slice(None),) * axis + (slice(start, start + shape[axis]),)
    return Transpose(Take(out.shape, index, shape))


_concatenate = variadic(_concatenate_value, _concatenate_edge, name="concatenate")


@implements(np.concatenate)
def concatenate(arrays, /, axis=0, out=None, *, dtype=None, casting="same_kind"):
    return deliver(_concatenate(*arrays, axis=axis, dtype=dtype, casting=casting), out)


def _stack_value(*arrays: Any, axis: int = 0, dtype: Any = None, casting: str = "same_kind") -> Any:
    return np.stack(arrays, axis=axis, dtype=dtype, casting=casting)


def _stack_edge(i, out, *arrays, axis=0, dtype=None, casting=None) -> LinearMap:
    return Transpose(Take(out.shape, (slice(None),) * (axis % out.ndim) + (i,), np.shape(arrays[i])))


_stack = variadic(_stack_value, _stack_edge, name="stack")


@implements(np.stack)
def stack(arrays, axis=0, out=None, *, dtype=None, casting="same_kind"):
    return deliver(_stack(*arrays, axis=axis, dtype=dtype, casting=casting), out)


@implements(np.vstack)
def vstack(tup, *, dtype=None, casting="same_kind"):
    return np.concatenate([np.atleast_2d(a) for a in tup], axis=0, dtype=dtype, casting=casting)


@implements(np.hstack)
def hstack(tup, *, dtype=None, casting="same_kind"):
    arrays = [np.atleast_1d(a) for a in tup]
    return np.concatenate(arrays, axis=0 if arrays and arrays[0].ndim == 1 else 1, dtype=dtype, casting=casting)


@implements(np.dstack)
def dstack(tup):
    return np.concatenate([np.atleast_3d(a) for a in tup], axis=2)


@implements(np.column_stack)
def column_stack(tup):
    arrays = [a if hasattr(a, "ndim") else np.asarray(a) for a in tup]
    columns = [a if a.ndim >= 2 else np.transpose(np.atleast_2d(a)) for a in arrays]
    return np.concatenate(columns, axis=1)


@implements(np.append)
def append(arr, values, axis=None):
    if axis is None:
        arr, values, axis = np.ravel(arr), np.ravel(values), 0
    return np.concatenate((arr, values), axis=axis)


@implements(np.block)
def block(arrays):
    depth = _depth(arrays, ())
    ndim = max(depth, max(np.ndim(leaf) for leaf in _leaves(arrays)))

    def joined(part: Any, axis: int) -> Any:
        if isinstance(part, list):
            return np.concatenate([joined(p, axis + 1) for p in part], axis=axis)
        return np.reshape(part, (1,) * (ndim - np.ndim(part)) + np.shape(part))

    result = joined(arrays, -depth)
    return result if depth else np.copy(result)


def _depth(part: Any, where: tuple) -> int:
    """How deep the lists are nested; as NumPy, complain about tuples, empty lists and uneven nesting."""
    at = "arrays" + "".join(f"[{i}]" for i in where)
    if isinstance(part, tuple):
        raise TypeError(f"{at} is a tuple. Only lists can be used to arrange blocks.")
    if not isinstance(part, list):
        return 0
    if not part:
        raise ValueError(f"List at {at} cannot be empty")
    depths = {1 + _depth(p, (*where, i)) for i, p in enumerate(part)}
    if len(depths) > 1:
        raise ValueError(f"List depths are mismatched in {at}: {sorted(depths)}")
    return depths.pop()


def _leaves(part: Any) -> list:
    return [leaf for p in part for leaf in _leaves(p)] if isinstance(part, list) else [part]


# -- by positions: where each entry of the result comes from -----------------------------------------------------------


def picked(function: Callable, *arrays: Any) -> Any:
    """A function that only moves the entries of several arrays about, applied to their positions and then to them."""
    first, numbers = 0, []
    for a in arrays:
        numbers.append(numbered(np.shape(a), first))
        first += np.size(a)
    flat = np.concatenate([np.reshape(a, (-1,)) for a in arrays])
    return flat[function(*numbers)]


@implements(np.insert)
def insert(arr, obj, values, axis=None):
    arr = arr if isinstance(arr, Variable) else np.asarray(arr)
    obj = plain_index(obj)
    return picked(lambda a, v: np.insert(a, obj, v, axis), arr, in_dtype(values, arr.dtype))


# -- padding ----------------------------------------------------------------------------------------------------------

STATISTICS = {"maximum": np.max, "minimum": np.min, "mean": np.mean, "median": np.median}


@implements(np.pad)
def pad(array, pad_width, mode="constant", **kwargs):
    plain_array = np.asarray(plain(array))
    np.pad(np.empty((1,) * plain_array.ndim), pad_width, mode, **{k: _checkable(v) for k, v in kwargs.items()})
    array = array if isinstance(array, Variable) else plain_array
    widths = _pairs(pad_width, array.ndim)
    if mode == "constant" or mode == "empty":
        fill = in_dtype(kwargs.get("constant_values", 0), array.dtype)
        return picked(lambda a, v: np.pad(a, pad_width, constant_values=v), array, fill)
    if mode == "linear_ramp" or mode in STATISTICS:
        ends = _end_values(mode, array.ndim, **kwargs)
        for axis, (before, after) in enumerate(widths):
            left, right = ends(array, axis)
            first, last = _edge(array, axis, 0), _edge(array, axis, -1)
            array = np.concatenate(
                [_ramp(left, first, before, axis, mode), array, np.flip(_ramp(right, last, after, axis, mode), axis)],
                axis,
            )
        return array
    if callable(mode):
        raise errors.no_rule(np.pad)
    if kwargs.get("reflect_type") == "odd":
        return _pad_odd(array, pad_width=pad_width, mode=mode)
    return picked(lambda a: np.pad(a, pad_width, mode, **kwargs), array)


def _pad_odd_value(array: Any, pad_width: Any, mode: str) -> Any:
    return np.pad(array, pad_width, mode, reflect_type="odd")


def _pad_odd_edge(out, array, pad_width, mode) -> LinearMap:
    """A matrix along each axis: NumPy pads the identity to show it."""
    edge: LinearMap = Identity(array.shape)
    for axis, width in enumerate(_pairs(pad_width, array.ndim)):
        matrix = np.pad(np.eye(array.shape[axis]), (width, (0, 0)), mode, reflect_type="odd")
        shape = edge.out_shape
        rows = Left(matrix, (shape[axis], math.prod(shape) // max(shape[axis], 1)))
        first = Permute(shape, (axis, *(i for i in range(len(shape)) if i != axis)))
        padded = (matrix.shape[0], *(n for i, n in enumerate(shape) if i != axis))
        last = Permute((*shape[:axis], matrix.shape[0], *shape[axis + 1 :]), first.axes).T
        edge = last @ Reshape(rows.out_shape, padded) @ rows @ Reshape(first.out_shape, rows.in_shape) @ first @ edge
    return edge


_pad_odd = structured(_pad_odd_value, _pad_odd_edge, name="pad")


def _checkable(value: Any) -> Any:
    """A keyword of np.pad as NumPy may check it on an array of one entry."""
    return np.broadcast_to(0.0, np.shape(value)) if isinstance(value, Variable) else value


def _pairs(widths: Any, ndim: int) -> list[tuple[int, int]]:
    """np.pad's ways to write (before, after) for each axis; a dict names axes and leaves out those without."""
    if isinstance(widths, dict):
        found = [(0, 0)] * ndim
        for axis, width in widths.items():
            found[axis] = (width, width) if np.ndim(width) == 0 else tuple(width)
        return found
    return [tuple(map(int, pair)) for pair in np.broadcast_to(widths, (ndim, 2))]


def _edge(array: Any, axis: int, at: int) -> Any:
    n = array.shape[axis]
    return array[(slice(None),) * axis + (slice(0, 1) if at == 0 else slice(n - 1, n),)]


def _end_values(mode: str, ndim: int, end_values: Any = 0, stat_length: Any = None) -> Callable:
    """A function (array, axis) -> what the padding before and after ends in."""
    if mode == "linear_ramp":
        pairs = np.broadcast_to(end_values, (ndim, 2))
        return lambda array, axis: (in_dtype(pairs[axis, 0], array.dtype), in_dtype(pairs[axis, 1], array.dtype))
    statistic = STATISTICS[mode]
    lengths = None if stat_length is None else np.broadcast_to(stat_length, (ndim, 2))

    def ends(array: Any, axis: int) -> tuple:
        n = array.shape[axis]
        before, after = (n, n) if lengths is None else (min(int(k), n) for k in lengths[axis])
        if (before == 0 or after == 0) and mode in ("maximum", "minimum"):
            raise ValueError("stat_length of 0 yields no value for padding")
        head, tail = (slice(None),) * axis + (slice(0, before),), (slice(None),) * axis + (slice(n - after, n),)
        left = statistic(array[head], axis=axis, keepdims=True)
        # the same part on both sides has the same statistic
        return left, left if before == after == n else statistic(array[tail], axis=axis, keepdims=True)

    return ends


def _ramp(end: Any, edge: Any, width: int, axis: int, mode: str) -> Any:
    """The padding before an edge: from `end` towards the edge, or `end` all the way."""
    if mode != "linear_ramp":
        shape = list(np.shape(edge))
        shape[axis] = width
        return np.broadcast_to(end, shape)
    return np.linspace(end, np.squeeze(edge, axis), width, endpoint=False, axis=axis)


# -- taken apart ------------------------------------------------------------------------------------------------------


def _parts(function: Callable) -> Callable:
    def rule(ary: Any, indices_or_sections: Any, axis: int = 0) -> list:
        n = np.shape(ary)[axis]
        parts = function(np.arange(n), plain_index(indices_or_sections))
        before = (slice(None),) * (axis % np.ndim(ary))
        return [ary[(*before, _run(part))] for part in parts]

    return rule


def _run(part: np.ndarray) -> slice:
    return slice(int(part[0]), int(part[-1]) + 1) if part.size else slice(0, 0)


for _function in (np.split, np.array_split):
    implements(_function)(_parts(_function))


@implements(np.vsplit)
def vsplit(ary, indices_or_sections):
    if np.ndim(ary) < 2:
        raise ValueError("vsplit only works on arrays of 2 or more dimensions")
    return np.split(ary, indices_or_sections, 0)


@implements(np.hsplit)
def hsplit(ary, indices_or_sections):
    if np.ndim(ary) == 0:
        raise ValueError("hsplit only works on arrays of 1 or more dimensions")
    return np.split(ary, indices_or_sections, 1 if np.ndim(ary) > 1 else 0)


@implements(np.dsplit)
def dsplit(ary, indices_or_sections):
    if np.ndim(ary) < 3:
        raise ValueError("dsplit only works on arrays of 3 or more dimensions")
    return np.split(ary, indices_or_sections, 2)


if hasattr(np, "unstack"):  # NumPy 2.1

    @implements(np.unstack)
    def unstack(x, /, *, axis=0):
        if np.ndim(x) == 0:
            raise ValueError("Input array must be at least 1-d.")
        return tuple(np.moveaxis(x, axis, 0))
