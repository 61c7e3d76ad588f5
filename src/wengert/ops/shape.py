"""Layout: reshape, transpose, broadcast, concatenate, ... No arithmetic happens here."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from wengert.core.linear import Broadcast, LinearMap, Permute, Reshape, Take, Transpose
from wengert.core.primitive import structured, variadic
from wengert.core.registry import implements

# np.reshape's second argument has changed its name (newshape, shape) and C order is the only one that is a pure
# Reshape: a primitive of our own takes the final shape, and the order is undone by a transpose around it.


def _reshape_value(a: Any, shape: tuple) -> Any:
    return np.reshape(a, shape)


_reshape = structured(_reshape_value, lambda out, a, shape: Reshape(a.shape, out.shape), name="reshape")


@implements(np.reshape)
def reshape(a, /, shape=None, order="C", *, newshape=None, copy=None):
    shape = newshape if shape is None else shape
    if order == "F" or (order == "A" and _is_fortran(a)):
        wanted = np.empty(np.shape(a))[...].reshape(shape).shape
        return np.transpose(_reshape(np.transpose(a), wanted[::-1]))
    return _reshape(a, shape)


def _is_fortran(a: Any) -> bool:
    value = getattr(a, "val", a)
    return isinstance(value, np.ndarray) and value.flags.fnc


def _transpose_edge(out, a, axes=None) -> LinearMap:
    return Permute(a.shape, range(a.ndim)[::-1] if axes is None else axes)


transpose = structured(np.transpose, _transpose_edge)
broadcast_to = structured(np.broadcast_to, lambda out, array, shape, subok=False: Broadcast(array.shape, out.shape))


def _concatenate_value(*arrays: Any, axis: int = 0, dtype: Any = None, casting: str = "same_kind") -> Any:
    return np.concatenate(arrays, axis=axis, dtype=dtype, casting=casting)


def _concatenate_edge(i, out, *arrays, axis=0, dtype=None, casting=None) -> LinearMap:
    if axis is None:
        start = sum(math.prod(a.shape) for a in arrays[:i])
        size = math.prod(arrays[i].shape)
        put = Transpose(Take(out.shape, (slice(start, start + size),), (size,)))
        return put @ Reshape(arrays[i].shape, (size,))
    axis = axis % out.ndim
    start = sum(a.shape[axis] for a in arrays[:i])
    index = (slice(None),) * axis + (slice(start, start + arrays[i].shape[axis]),)
    return Transpose(Take(out.shape, index, arrays[i].shape))


_concatenate = variadic(_concatenate_value, _concatenate_edge, name="concatenate")


@implements(np.concatenate)
def concatenate(arrays, /, axis=0, out=None, *, dtype=None, casting="same_kind"):
    return _concatenate(*arrays, axis=axis, dtype=dtype, casting=casting)
