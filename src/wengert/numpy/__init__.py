"""NumPy, name for name, with what plain NumPy cannot hand over: `import wengert.numpy as np`.

NumPy makes some arrays before it has seen any variable: a fresh ``np.zeros(n)`` into which variables are assigned, or
``np.array([x, y])`` of variables. Here they work; every other name is NumPy's own. ``zeros``, ``ones``, ``empty``,
``full``, ``eye`` and ``identity`` of floats give a `wengert.inplace.Fillable`: it computes as the plain array that it is,
and what is computed from it is plain, until a variable is written into it.

>>> import wengert.numpy as wnp
>>> def f(x):
...     y = wnp.zeros(3)
...     for i in range(3):
...         y[i] = x**i
...     return wnp.sum(wnp.array([y[1], 2 * y[2]]))
>>> grad(f)(3.0)
np.float64(13.0)
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import numpy as _numpy

from wengert.core.registry import rules as _rules
from wengert.core.variable import Variable as _Variable
from wengert.inplace import fillable as _fillable

# What takes a list of arrays, so that only the lists in the list stand for arrays. (np.block makes sense of all of them.)
_TAKE_LISTS = {
    getattr(_numpy, name)
    for name in ("concatenate", "stack", "hstack", "vstack", "dstack", "column_stack", "select", "choose")
}
_AS_THEY_ARE = {_numpy.block, _numpy.array, _numpy.asarray, _numpy.asanyarray}

_BUFFERS = ("zeros", "ones", "empty", "eye", "identity", "zeros_like", "ones_like", "empty_like")


def _holds_variable(values: Any) -> bool:
    if isinstance(values, _Variable):
        return True
    if isinstance(values, dict):
        values = values.values()
    elif not isinstance(values, (list, tuple)):
        return False
    return any(_holds_variable(value) for value in values)


def _buffered(function: Callable) -> Callable:
    """The function with its result as a buffer that variables can be written into."""

    @functools.wraps(function)
    def made(*args: Any, **kwargs: Any) -> Any:
        result = function(*args, **kwargs)
        return _fillable(result) if isinstance(result, _numpy.ndarray) else result

    return made


def _handed_over(function: Callable) -> Callable:
    """The function, or its rule if a variable is anywhere among the arguments: NumPy looks at some of them only."""
    rule = _rules[function]

    def as_array(value: Any) -> Any:
        """A list that holds variables as the array that NumPy would make of it."""
        if not isinstance(value, (list, tuple)) or not _holds_variable(value):
            return value
        return type(value)(map(_array, value)) if function in _TAKE_LISTS else _array(value)

    @functools.wraps(function)
    def called(*args: Any, **kwargs: Any) -> Any:
        if not (_holds_variable(args) or _holds_variable(kwargs)):
            return function(*args, **kwargs)
        if function not in _AS_THEY_ARE:
            args = tuple(map(as_array, args))
            kwargs = {key: as_array(value) for key, value in kwargs.items()}
        return rule(*args, **kwargs)

    return called


def _array(value: Any) -> Any:
    return _rules[_numpy.array](value) if isinstance(value, (list, tuple)) and _holds_variable(value) else value


def full(shape: Any, fill_value: Any, dtype: Any = None, order: str = "C", **rest: Any) -> Any:
    """numpy.full; the fill value may be a variable."""
    if _holds_variable(fill_value):
        return _rules[_numpy.full](shape, fill_value, dtype=dtype, order=order)
    return _fillable(_numpy.full(shape, fill_value, dtype=dtype, order=order, **rest))  # type: ignore[call-overload]


def full_like(a: Any, fill_value: Any, *args: Any, **kwargs: Any) -> Any:
    """numpy.full_like; the fill value may be a variable."""
    if _holds_variable((a, fill_value)):
        return _rules[_numpy.full_like](a, fill_value, *args, **kwargs)
    return _fillable(_numpy.full_like(a, fill_value, *args, **kwargs))


@functools.cache
def __getattr__(name: str) -> Any:  # names are not put into this module: its `any` would hide Python's
    value = getattr(_numpy, name)
    if name in _BUFFERS:
        value = _buffered(value)
    elif callable(value) and not isinstance(value, (type, _numpy.ufunc)) and _rules.get(value) is not None:
        value = _handed_over(value)
    return value


def __dir__() -> list[str]:
    return sorted(set(dir(_numpy)) | {"full", "full_like"})
