"""Memory that goes from version to version of an array, so that a loop of writes does not copy it for each of them.

Writing into an array makes a new version of it (see `inplace`). If no one else sees the old version's memory, the new one
takes it over, and what was overwritten is kept; a sweep that asks for an old version takes the writes back, and later
makes them again. Sweeps go through the versions in order, so that each step costs one write. This room knows arrays and
nodes, and no primitive.
"""

from __future__ import annotations

import sys
from _thread import allocate_lock
from typing import Any

import numpy as np

from wengert.core.variable import Variable


class Storage:
    """An array that holds one of its versions at a time."""

    __slots__ = ("array", "lock", "now", "steps")

    def __init__(self, array: np.ndarray):
        self.array, self.now = array, 0
        self.steps: list = []  # [index, the entries there in the version that is farther from `now`]
        self.lock = allocate_lock()

    def at(self, version: int) -> np.ndarray:
        """The array, in the state of a version."""
        with self.lock:
            if version != self.now:
                if not self.alone():
                    self.array = twin(self.array)
                while self.now > version:
                    self.now -= 1
                    _exchange(self.array, self.steps[self.now])
                while self.now < version:
                    _exchange(self.array, self.steps[self.now])
                    self.now += 1
            return self.array

    def write(self, version: int, index: Any, value: Any) -> bool:
        """Make the version after `version`; False if it was made before or the memory is seen by others."""
        self.at(version)
        with self.lock:
            if version != len(self.steps) or version != self.now or not self.alone():
                return False
            before = entries(self.array, index)
            self.array[index] = value
            self.steps.append([index, before])
            self.now += 1
            return True

    def alone(self) -> bool:
        return sys.getrefcount(self.array) <= _ALONE


class Version(Variable):
    """A node that was the content of written memory: its value may be in a Storage, and later versions there too."""

    __slots__ = ()

    def __getattr__(self, name: str) -> Any:
        if name == "_val":
            return self._stored.value(self)
        raise AttributeError(f"{type(self).__name__!r} object has no attribute {name!r}")


class Place:
    """Where a node's value is: a version in a storage."""

    __slots__ = ("storage", "version")

    def __init__(self, storage: Storage, version: int):
        self.storage, self.version = storage, version

    def value(self, node: Any) -> np.ndarray:
        return self.storage.at(self.version)


def entries(array: np.ndarray, index: Any) -> Any:
    """array[index], in memory of its own."""
    found = array[index]
    return found.copy() if found.base is not None else found


def _exchange(array: np.ndarray, step: list) -> None:
    index, other = step
    step[1] = entries(array, index)
    array[index] = other


class _Holder:
    def __init__(self) -> None:
        self._val = np.empty(1)


def _references(holder: Any) -> int:
    return sys.getrefcount(holder._val)


def owned_alone(node: Any) -> bool:
    """Is a node's value an array whose memory nothing else can see?"""
    if node._stored is not None or node._val.__class__ is not np.ndarray or _references(node) > _HELD_ONCE:
        return False
    return node._val.base is None and node._val.flags.owndata and node._val.flags.writeable


# What a reference count says of an array that nothing but its holder refers to depends on the interpreter: it is measured.
# Without reference counts, or where they say little (no global lock), every write copies.
_ALONE = _HELD_ONCE = -1
if sys.implementation.name == "cpython" and getattr(sys, "_is_gil_enabled", lambda: True)():
    _probe = Storage(np.empty(1))
    _ALONE = 1
    while not _probe.alone():
        _ALONE += 1
    _HELD_ONCE = _references(_Holder())


# -- layout -----------------------------------------------------------------------------------------------------------


def stands_for_another(value: Any) -> bool:
    """Is it neither plain nor a variable, so that a plain array can not hold it?"""
    return hasattr(value, "__array_function__") and not isinstance(value, (np.ndarray, np.generic, Variable))


def writable(base: Any, value: Any) -> Any:
    """A copy of an array, into which the value can be written: of the value's kind, if plain arrays can not hold it."""
    if stands_for_another(value) and isinstance(base, np.ndarray):
        made = np.zeros_like(value, shape=base.shape, dtype=base.dtype)
        made[...] = base
        return made
    return twin(base)


def twin(array: np.ndarray) -> np.ndarray:
    """A copy laid out in memory as the original is: so that its views are views where the original's are."""
    if not isinstance(array, np.ndarray):
        return np.copy(array)
    made = np.array(array)
    if same_layout(made, array) or array.size == 0:
        return made
    low, high = np.lib.array_utils.byte_bounds(array)
    if high - low > 4 * array.nbytes or any(n > 1 and s == 0 for n, s in zip(array.shape, array.strides, strict=True)):
        return made  # a few entries of something large, or one entry seen many times
    memory = np.empty(high - low, np.uint8)
    made = np.ndarray(array.shape, array.dtype, memory, array.__array_interface__["data"][0] - low, array.strides)
    made[...] = array
    return made


def same_layout(one: Any, other: Any) -> bool:
    """Do two arrays of one shape go through memory in the same steps?"""
    if one.strides == other.strides:
        return True
    return all(n <= 1 or s == t for n, s, t in zip(one.shape, one.strides, other.strides, strict=True))
