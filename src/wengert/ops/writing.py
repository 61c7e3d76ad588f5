"""NumPy's functions and methods that write into an array: sort, fill, put, copyto, fill_diagonal and their kin."""

from __future__ import annotations

from typing import Any

import numpy as np

from wengert import inplace
from wengert.core import errors
from wengert.core.registry import implements
from wengert.core.variable import Variable
from wengert.inplace import assign, write
from wengert.ops.constants import plain
from wengert.ops.create import assembled
from wengert.ops.index import along_axis, plain_index


def _target(name: str, a: Any) -> Variable:
    if not isinstance(a, Variable):
        raise errors.plain_target(name, a)
    return a


def _flat(values: Any) -> Any:
    return np.reshape(assembled(values), (-1,))


def _write_flat(target: Variable, places: np.ndarray, values: Any) -> None:
    """Write into the entries of the flattened array that `places` names."""
    index = np.unravel_index(places, target.shape) if target.shape else ...
    write(target, index, values if target.shape else values[-1])


# -- methods ----------------------------------------------------------------------------------------------------------


def sort(self: Variable, axis: int = -1, kind: Any = None, order: Any = None, *, stable: Any = None) -> None:
    """numpy.ndarray.sort: in place."""
    assign(self, np.sort(self, axis=axis, kind=kind) if stable is None else np.sort(self, axis=axis, stable=stable))


def partition(self: Variable, kth: Any, axis: int = -1, kind: str = "introselect", order: Any = None) -> None:
    """numpy.ndarray.partition: in place."""
    assign(self, np.partition(self, kth, axis=axis, kind=kind))


def fill(self: Variable, value: Any) -> None:
    """numpy.ndarray.fill: one value everywhere."""
    write(self, Ellipsis, value if isinstance(value, Variable) else np.asarray(value))


def put(self: Variable, indices: Any, values: Any, mode: str = "raise") -> None:
    """numpy.ndarray.put: into the flattened array, repeating the values where they are too few."""
    inplace.check_writeable(self)
    places = np.take(np.arange(self.size), plain_index(indices), mode=mode).reshape(-1)
    values = _flat(values)
    if places.size and values.size:
        _write_flat(self, places, values[np.arange(places.size) % values.size])


def resize(self: Variable, *shape: Any, refcheck: bool = True) -> None:
    """numpy.ndarray.resize: refused, as NumPy refuses it for memory that others refer to."""
    raise errors.no_resize()


def install() -> None:
    """Give the Variable everything that writes into it."""
    inplace.install()
    for method in (sort, partition, fill, put, resize):
        setattr(Variable, method.__name__, method)


# -- functions --------------------------------------------------------------------------------------------------------


@implements(np.copyto)
def copyto(dst, src, casting="same_kind", where=True) -> None:
    target = _target("np.copyto", dst)
    source = src if isinstance(src, Variable) else np.asarray(src)
    if not np.can_cast(source.dtype, target.dtype, casting):
        np.copyto(np.zeros(0, target.dtype), np.zeros(0, source.dtype), casting=casting)  # NumPy's complaint
    where = plain(where)
    if source is target:
        return
    while source.ndim > target.ndim and source.shape[0] == 1:
        source = source[0]
    write(target, Ellipsis, source if where is True else np.where(where, source, target))


@implements(np.put)
def put_(a, ind, v, mode="raise") -> None:
    put(_target("np.put", a), ind, v, mode)


@implements(np.put_along_axis)
def put_along_axis(arr, indices, values, axis) -> None:
    indices = np.asarray(plain(indices))
    target: Any = _target("np.put_along_axis", arr)
    if axis is None:
        target, axis = target.flat, 0
        target[indices] = values
    else:
        write(target, along_axis(target.shape, indices, axis), values)


@implements(np.place)
def place(arr, mask, vals) -> None:
    target, places = _target("np.place", arr), np.flatnonzero(plain(mask))
    vals = _flat(vals)
    if places.size:
        if not vals.size:
            raise ValueError("Cannot insert from an empty array!")
        _write_flat(target, places, vals[np.arange(places.size) % vals.size])


@implements(np.putmask)
def putmask(a, mask, values) -> None:
    target, mask = _target("np.putmask", a), np.asarray(plain(mask))
    if mask.size != target.size:
        raise ValueError("putmask: mask and data must be the same size")
    places, values = np.flatnonzero(mask), _flat(values)
    if places.size and values.size:
        _write_flat(target, places, values[places % values.size])


@implements(np.fill_diagonal)
def fill_diagonal(a, val, wrap=False) -> None:
    target = _target("np.fill_diagonal", a)
    marks = np.zeros(target.shape, bool)
    np.fill_diagonal(marks, True, wrap)
    places, val = np.flatnonzero(marks), _flat(val)
    if places.size:
        _write_flat(target, places, val[np.arange(places.size) % val.size])
