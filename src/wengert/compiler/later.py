"""Values of a traced run that nobody has looked at yet.

Of a large array a run needs shape and dtype, and hardly ever the entries: those are left to the compiled program, whose first
run answers the first call. A value that is looked at after all (a branch on it, a function that has no instruction) is
computed then, with those that it needs.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import numpy as np

MANY = 20_000  # entries, from which on a value waits

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
    layout : tuple or None
        If a layout operation makes it: of which traced array, the operation and its attributes.
    """

    __slots__ = ("args", "dtype", "found", "function", "kind", "layout", "shape")

    def __init__(
        self, function: Callable, args: tuple, shape: tuple[int, ...], dtype: np.dtype, kind: type = np.ndarray
    ):
        self.function, self.args, self.shape, self.dtype, self.kind = function, args, shape, dtype, kind
        self.found: Any = _WAITING
        self.layout: tuple | None = None

    def stand_in(self) -> Any:
        """An array, or number, of the same shape and dtype that takes no memory, for questions about these."""
        if self.kind is not np.ndarray:
            return self.dtype.type(0)
        return np.ndarray(self.shape, self.dtype, np.zeros(1, self.dtype), strides=(0,) * len(self.shape))

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


def evaluated(lazy: bool, function: Callable, args: tuple, kwargs: dict[str, Any] | None = None) -> Any:
    """function(*args, **kwargs), later if an argument is large or waits itself.

    For functions whose results have no other dimensions than their arguments and 1: what the result is like is seen from a
    call with small arrays, in which each length stands for a large one.
    """
    if not lazy or not any(type(x) is Later or (type(x) is np.ndarray and many(x.size)) for x in args):
        return function(*args, **kwargs) if kwargs else function(*args)
    lengths: dict[int, int] = {1: 1, 0: 0}
    small = []
    for x in args:
        if type(x) is np.ndarray or (type(x) is Later and x.kind is np.ndarray):
            shape = tuple(lengths.setdefault(n, len(lengths)) for n in x.shape)
            small.append(np.zeros(shape, x.dtype))
        else:
            small.append(x.stand_in() if type(x) is Later else x)
    called = functools.partial(function, **kwargs) if kwargs else function
    try:
        with np.errstate(all="ignore"):
            like = called(*small)
        meant = {m: n for n, m in lengths.items()}
        shape = tuple(meant[m] for m in np.shape(like))
        return Later(called, args, shape, np.asarray(like).dtype, type(like))
    except Exception:  # the real arguments say what is wrong
        return called(*(x.value() if type(x) is Later else x for x in args))


def laid_out(function: Callable, x: Any) -> Any:
    """A layout operation: of an array that is there a view, as NumPy's; of one that waits, later."""
    if type(x) is not Later:
        return function(x)
    like = function(x.stand_in())
    return Later(function, (x,), np.shape(like), x.dtype, type(like))
