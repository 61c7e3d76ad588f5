"""Arrays put together and taken apart: concatenate, stack, block, insert, pad, split."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from wengert.core.linear import LinearMap, Reshape, Take, Transpose
from wengert.core.primitive import variadic
from wengert.core.registry import implements
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
