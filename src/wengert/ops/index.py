"""Indexing: taking entries of an array and putting them back."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from wengert.core import linear
from wengert.core.adjoints import Adjoints, accumulate
from wengert.core.linear import Broadcast, Identity, LinearMap, Reshape, Select, Take, Transpose
from wengert.core.primitive import Structured, node_of, structured
from wengert.core.registry import implements, primitives
from wengert.core.variable import Variable, new_serial
from wengert.ops.constants import plain
from wengert.ops.storage import Place, Storage, Version, entries, owned_alone, writable
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


def is_basic(index: Any) -> bool:
    """Integers, slices, None and Ellipsis: what gives views."""
    return index.__class__ in _BASIC or (index.__class__ is tuple and all(i.__class__ in _BASIC for i in index))


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

    def moves(self, node: Variable) -> bool:
        return True

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


getitem = primitives["getitem"] = GetItem(_getitem_value, (_getitem_edge,), "getitem", ("a", "index"))


def _getitem(self: Variable, index: Any) -> Any:
    """Variable.__getitem__: straight to the node, because loops over entries are common."""
    if index.__class__ not in _BASIC:
        index = plain_index(index)
    self = self.node
    value = self._val
    out = value[index] if value.__class__ is _ndarray else _getitem_value(value, index)
    return node_of(getitem, out, (self,), {"index": index}, self._level, (self,))


def _put_edge(out, values, shape, index, unique) -> LinearMap:
    return Transpose(Take(out.shape, index, values.shape, unique))


put = structured(linear.put, _put_edge)


def _add_at_value(base: Any, amount: Any, index: Any) -> Any:
    out = writable(base, amount)
    np.add.at(out, index, amount)  # one by one, as sums are rounded
    return out


add_at = structured(
    _add_at_value,
    lambda out, base, amount, index: Identity(base.shape),
    lambda out, base, amount, index: Transpose(Take(base.shape, index, amount.shape, names_once(index) or None)),
    name="add.at",
)


# -- writing ----------------------------------------------------------------------------------------------------------


def _setitem_value(base: Any, value: Any, index: Any) -> Any:
    out = writable(base, value)
    out[index] = value
    return out


def _winners(shape: tuple, index: Any) -> np.ndarray | None:
    """Of the entries that an index with arrays names, those that stay: the last one to a place wins. None: all."""
    if names_once(index):
        return None
    size = math.prod(shape)
    places = np.arange(size).reshape(shape)[index]
    last = np.empty(size, np.intp)
    last[places.reshape(-1)] = np.arange(places.size)
    stays = (last[places.reshape(-1)] == np.arange(places.size)).reshape(places.shape)
    return None if stays.all() else stays


class SetItem(Structured):
    """The array `base` after base[index] = value, as a new version of it, in the same memory where nobody can tell."""

    def moves(self, node: Variable) -> bool:
        return True

    def __call__(self, base: Any, value: Any, index: Any) -> Any:
        if isinstance(base, Variable):
            node = self._taken_over(base, value, index)
            if node is not None:
                return node
        made = super().__call__(base, value, index=index)
        if isinstance(made, Variable) and owned_alone(made):  # so that views of it do not keep it from being written
            made.__class__, made._stored = Version, Place(Storage(made._val), 0)
            del made._val
        return made

    def _taken_over(self, base: Any, value: Any, index: Any) -> Variable | None:
        base, level = base.node, base.node._level
        if isinstance(value, Variable):
            value = value.node
            if value._level != level:
                return None
        place = base._stored
        if place is None:
            if not owned_alone(base):
                return None
            place = Place(Storage(base._val), 0)
            del base._val
            if base.__class__ is Variable:
                base.__class__ = Version
            base._stored = place
        elif place.__class__ is not Place:
            return None
        content = value._val if isinstance(value, Variable) else value
        if isinstance(content, Variable) or not place.storage.write(place.version, index, content):
            return None
        node: Any = object.__new__(Version)
        node._args, node._primitive, node._level, node._serial = (base, value), self, level, new_serial()
        node._params, node._stored = {"index": index}, Place(place.storage, place.version + 1)
        node._children = (base, value) if isinstance(value, Variable) else (base,)
        return node

    def maps(self, node: Variable) -> list[tuple[Variable, LinearMap]]:
        (base, value), index, level = node._args, node._params["index"], node._level
        shape = np.shape(node._val)
        found: list[tuple[Variable, LinearMap]] = []
        if isinstance(base, Variable) and base._level == level:
            kept = np.ones(shape, bool)
            kept[index] = False
            found.append((base, Select(kept, shape)))
        if isinstance(value, Variable) and value._level == level:
            found.append((value, self._value_edge(shape, np.shape(value._val), index)))
        return found

    def _value_edge(self, shape: tuple, value_shape: tuple, index: Any) -> LinearMap:
        taken = np.broadcast_to(np.empty(()), shape)[index].shape
        edge: LinearMap = Transpose(Take(shape, index, taken, unique=True))
        stays = _winners(shape, index)
        if stays is not None:
            edge = edge @ Select(stays, taken)
        short = value_shape[max(0, len(value_shape) - len(taken)) :]  # NumPy lets leading axes of length 1 be too many
        return edge @ Broadcast(short, taken) @ Reshape(value_shape, short)

    def pull(self, node: Variable, cotangent: Any, adjoints: Adjoints) -> None:
        if cotangent.__class__ is not _ndarray:
            return super().pull(node, cotangent, adjoints)
        (base, value), index, level = node._args, node._params["index"], node._level
        if isinstance(value, Variable) and value._level == level:
            taken = entries(cotangent, index)
            stays = _winners(cotangent.shape, index)
            if stays is not None:
                taken = np.where(stays, taken, 0)
            shape = np.shape(value._val)
            accumulate(adjoints, value, taken.reshape((1,) * (len(shape) - taken.ndim) + taken.shape))
        if isinstance(base, Variable) and base._level == level:
            # An adjoint that the sweep has made for this node and let go of is nobody's: n writes cost n steps.
            if node not in adjoints.owned or node in adjoints:
                cotangent = cotangent.copy()
            cotangent[index] = 0
            if base in adjoints:
                accumulate(adjoints, base, cotangent)
            else:
                adjoints[base] = cotangent
                adjoints.owned.add(base)
        return None


setitem = primitives["setitem"] = SetItem(_setitem_value, (None, None), "setitem", ("base", "value", "index"))


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
