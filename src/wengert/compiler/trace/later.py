"""Values of a traced run that nobody has looked at yet.

Of a large array a run needs shape and dtype, and hardly ever the entries: those are left to the compiled program, whose first
run answers the first call. A value that is looked at after all (a branch on it, a function that has no instruction) is
computed then, with those that it needs.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Callable
from typing import Any

import numpy as np

MANY = 1 << 15  # entries, from which on a value waits

_WAITING = object()


def many(entries: int) -> bool:
    """Are these so many entries that an array of them waits?"""
    return entries > MANY


class Later:
    """What a function of NumPy's will give for arguments, among which are others that wait.

    Attributes
    ----------
    kind : type
        Of the value: np.ndarray, or that of a number.
    place : array or None
        Memory that nobody touches, laid out as the value's will be, to see what is a view of what. None if that can not be
        told before.
    ordered : bool
        Is the place's order of axes certain to be the value's?
    layout : tuple or None
        If a layout operation makes it: of which traced array, the operation and its attributes.
    """

    __slots__ = ("_stand_in", "args", "dtype", "found", "function", "kind", "layout", "ordered", "place", "shape")

    def __init__(
        self, function: Callable, args: tuple, shape: tuple[int, ...], dtype: np.dtype, kind: type = np.ndarray
    ):
        self.function, self.args, self.shape, self.dtype, self.kind = function, args, shape, dtype, kind
        self.found: Any = _WAITING
        self.layout: tuple | None = None
        self.place: np.ndarray | None = np.empty(shape, dtype)
        self.ordered = False
        self._stand_in: Any = None

    def stand_in(self) -> Any:
        """An array, or number, of the same shape and dtype that takes no memory, for questions about these."""
        if self._stand_in is None:
            number = self.kind is not np.ndarray
            self._stand_in = self.dtype.type(0) if number else nothing(self.shape, self.dtype)
        return self._stand_in

    def value(self) -> Any:
        """The value, computed if it has not been. With a stack, because chains may be long."""
        todo = [self]
        while todo:
            one = todo[-1]
            waiting = [x for x in one.args if type(x) is Later and x.found is _WAITING]
            if waiting:
                todo += waiting
                continue
            if one.found is _WAITING:
                with np.errstate(all="ignore"):
                    one.found = one.function(*(x.found if type(x) is Later else x for x in one.args))
                one.args = ()
            todo.pop()
        return self.found


def nothing(shape: tuple[int, ...], dtype: np.dtype) -> np.ndarray:
    """An array of zeros of which only one is in memory."""
    return np.ndarray(shape, dtype, np.zeros(1, dtype), strides=(0,) * len(shape))


def copied(x: np.ndarray) -> Later:
    """A copy of an array, laid out in memory like it, made when somebody looks."""
    made = Later(twin, (x,), x.shape, x.dtype)
    made.place, made.ordered = np.empty_like(x), True
    return made


def twin(x: np.ndarray) -> np.ndarray:
    """A copy, laid out in memory like the original."""
    made = np.empty_like(x, order="C") if x.flags.c_contiguous else np.copy(x, order="K")
    made[...] = x
    made.flags.writeable = x.flags.writeable
    return made


def evaluated(lazy: bool, function: Callable, args: tuple, kwargs: dict[str, Any] | None = None) -> Any:
    """function(*args, **kwargs), later if an argument is large or waits itself.

    For functions whose results are arrays of their own, of no other dimensions than their arguments and 1: what the result is
    like is seen from a call with small arrays, in which each length stands for a large one.
    """
    if not lazy or not _large(function, args):
        return function(*args, **kwargs) if kwargs else function(*args)
    waits = any(type(x) is Later or (type(x) is np.ndarray and many(x.size)) for x in args)
    called = functools.partial(function, **kwargs) if kwargs else function
    lengths: dict[int, int] = {1: 1, 0: 0}
    small = [_small(x, lengths) for x in args]
    try:
        with np.errstate(all="ignore"):
            like = called(*small)
        meant = {m: n for n, m in lengths.items()}
        shape = tuple(meant[m] for m in np.shape(like))
        if waits or many(math.prod(shape)):
            made = Later(called, args, shape, np.asarray(like).dtype, type(like))
            lines = sum(n > 1 for n in shape) < 2
            made.ordered = lines or (all(map(_in_order, args)) and like.flags.c_contiguous)
            return made
    except Exception:
        pass  # the real arguments say what is wrong
    return called(*(x.value() if type(x) is Later else x for x in args))


def _large(function: Callable, args: tuple) -> bool:
    """May a value or a result be large?"""
    bound = 1
    for x in args:
        if type(x) is np.ndarray:
            bound *= x.size
        elif type(x) is Later:
            return True
    if not many(bound):
        return False
    if isinstance(function, np.ufunc) and function.signature is None:
        try:
            return many(np.broadcast(*args).size)
        except ValueError:  # NumPy's own error
            return False
    return True


def _small(x: Any, lengths: dict[int, int]) -> Any:
    """What stands for an argument in a call that costs nothing."""
    if type(x) is Later and x.kind is not np.ndarray:
        return x.stand_in()
    if type(x) is not np.ndarray and type(x) is not Later:
        return x
    return np.zeros([lengths.setdefault(n, len(lengths)) for n in x.shape], x.dtype)


def _in_order(x: Any) -> bool:
    """Do the entries lie row after row for certain, so that those of what NumPy makes of them do?"""
    if type(x) is Later:
        if not x.ordered or x.place is None:
            return False
        x = x.place
    if type(x) is not np.ndarray or x.flags.c_contiguous:
        return True
    strides = [t for n, t in zip(x.shape, x.strides, strict=True) if n > 1 and t]
    return all(t > 0 for t in strides) and strides == sorted(strides, reverse=True)


def laid_out(function: Callable, x: Any, always_view: bool = True) -> Any:
    """A layout operation: of an array that is there a view, as NumPy's; of one that waits, later.

    `always_view` says that NumPy's result is a view whatever the order of the array's axes in memory.
    """
    if type(x) is not Later:
        return function(x)
    like = function(x.stand_in())
    made = Later(function, (x,), np.shape(like), x.dtype, type(like))
    made.ordered = x.ordered
    made.place = None
    if type(like) is not np.ndarray:
        made.place = np.empty((), x.dtype)
    elif x.place is not None and (x.ordered or always_view):
        made.place = function(x.place)
    return made
