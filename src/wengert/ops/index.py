"""Indexing: taking entries of an array and putting them back."""

from __future__ import annotations

from typing import Any

import numpy as np

from wengert.core import linear
from wengert.core.linear import Identity, LinearMap, Take, Transpose
from wengert.core.primitive import Adjoints, Structured, _node, structured
from wengert.core.registry import implements, primitives
from wengert.core.variable import Variable
from wengert.ops.constants import plain
from wengert.ops.targets import deliver

_ndarray = np.ndarray
_BASIC = frozenset({int, slice, type(None), type(Ellipsis), np.int64})


def plain_index(index: Any) -> Any:
    """An index without variables and lists in it: indices are integers and have no derivative."""
    kind = index.__class__
    if kind in _BASIC:
        return index
    if kind is tuple:
        return tuple(i if i.__class__ in _BASIC else plain_index(i) for i in index)
    if isinstance(index, tuple):
        return tuple(map(plain_index, index))
    if isinstance(index, list):
        # an empty list is an array of floats to NumPy, but an index all the same
        return np.asarray([plain_index(i) for i in index], None if index else np.intp)
    return plain(index)


def names_once(index: Any) -> bool:
    """Whether an index surely names no entry twice: a basic one, or one boolean mask among basic ones."""
    parts = index if index.__class__ is tuple else (index,)
    advanced = [i for i in parts if i.__class__ not in _BASIC and not isinstance(i, np.integer)]
    return not advanced or (len(advanced) == 1 and getattr(advanced[0], "dtype", None) == np.bool_)


def _getitem_value(a: Any, index: Any) -> Any:
    if a.__class__ is float or a.__class__ is complex:
        return np.asarray(a)[index]  # Python's numbers have no [...]
    return a[index]


def _getitem_edge(out, a, index) -> LinearMap:
    return Take(a.shape, index, np.shape(out), names_once(index) or None)


class GetItem(Structured):
    """a[index]. Its pull adds into one buffer per array: n reads x[i] of one x cost n steps and not n arrays."""

    def pull(self, node: Variable, cotangent: Any, adjoints: Adjoints) -> None:
        child = node._args[0]
        value = child._val
        kind = cotangent.__class__
        if value.__class__ is not _ndarray or not (
            kind is _ndarray or kind is float or isinstance(cotangent, np.generic)
        ):
            return super().pull(node, cotangent, adjoints)
        buffer = adjoints.get(child)
        if buffer is None:
            buffer = adjoints[child] = np.zeros(value.shape, value.dtype)
            adjoints.owned.add(child)
        elif child not in adjoints.owned:
            if buffer.__class__ is not _ndarray:
                return super().pull(node, cotangent, adjoints)
            buffer = adjoints[child] = buffer.copy()
            adjoints.owned.add(child)
        index = node._params["index"]
        if index.__class__ in _BASIC or names_once(index):
            buffer[index] += cotangent
        else:
            np.add.at(buffer, index, cotangent)
        return None


getitem = primitives["getitem"] = GetItem(_getitem_value, (_getitem_edge,), "getitem", ("a", "index"), False)


def _getitem(self: Variable, index: Any) -> Any:
    """Variable.__getitem__: straight to the node, because loops over entries are common."""
    if index.__class__ not in _BASIC:
        index = plain_index(index)
    self = self.node
    value = self._val
    out = value[index] if value.__class__ is _ndarray else _getitem_value(value, index)
    return _node(getitem, out, (self,), {"index": index}, self._level)


def _put_edge(out, values, shape, index, unique) -> LinearMap:
    return Transpose(Take(out.shape, index, values.shape, unique))


put = structured(linear.put, _put_edge)


def _add_at_value(base: Any, amount: Any, index: Any) -> Any:
    out = np.array(base)
    np.add.at(out, index, amount)  # one by one, as sums are rounded
    return out


add_at = structured(
    _add_at_value,
    lambda out, base, amount, index: Identity(base.shape),
    lambda out, base, amount, index: Transpose(Take(base.shape, index, amount.shape, names_once(index) or None)),
    name="add.at",
)


def install() -> None:
    Variable.__getitem__ = _getitem  # type: ignore[attr-defined]


# -- taking -----------------------------------------------------------------------------------------------------------


def within(indices: np.ndarray, n: int, mode: str) -> np.ndarray:
    """Indices brought into range as np.take and np.choose do it."""
    if mode == "wrap":
        return indices % n if n else indices
    if mode == "clip":
        return np.clip(indices, 0, n - 1)
    return indices


@implements(np.take)
def take(a, indices, axis=None, out=None, mode="raise"):
    indices = np.asarray(plain_index(indices))
    if axis is None:
        a, axis = np.reshape(a, (-1,)), 0
    axis = np.lib.array_utils.normalize_axis_index(axis, max(np.ndim(a), 1))
    a = np.atleast_1d(a)
    if indices.dtype.kind not in "iub" and indices.size == 0:
        indices = indices.astype(np.intp)
    elif indices.dtype == bool:
        indices = indices.astype(np.intp)  # np.take reads booleans as 0 and 1
    return deliver(a[(slice(None),) * axis + (within(indices, a.shape[axis], mode),)], out)


@implements(np.take_along_axis)
def take_along_axis(arr, indices, axis=-1):
    indices = plain(indices)
    if axis is None:
        arr, axis = np.reshape(arr, (-1,)), 0
    return arr[along_axis(np.shape(arr), indices, axis)]


def along_axis(shape: tuple, indices: np.ndarray, axis: int) -> tuple:
    """The index by which take_along_axis and put_along_axis reach into an array."""
    axis = np.lib.array_utils.normalize_axis_index(axis, len(shape))
    if indices.ndim != len(shape):
        raise ValueError("`indices` and `arr` must have the same number of dimensions")
    grids = [np.arange(n).reshape([-1 if i == j else 1 for j in range(len(shape))]) for i, n in enumerate(shape)]
    return tuple(indices if i == axis else grid for i, grid in enumerate(grids))


@implements(np.compress)
def compress(condition, a, axis=None, out=None):
    condition = np.asarray(plain(condition))
    if condition.ndim != 1:
        raise ValueError("condition must be a 1-d array")
    return deliver(np.take(a, np.flatnonzero(condition), axis=axis), out)


@implements(np.extract)
def extract(condition, arr):
    return np.take(np.ravel(arr), np.flatnonzero(plain(condition)))
