"""ndarray's methods and attributes on the Variable: one table that hands over to NumPy's functions, each said once there.

Indexing, reshape, transpose and sum go straight to their primitives, because they stand in inner loops.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from wengert.core.primitive import record
from wengert.core.registry import find
from wengert.core.variable import Variable
from wengert.ops import shape as layout
from wengert.ops.constants import plain

_ndarray = np.ndarray


def _direct(function: Callable) -> Callable:
    """A method whose parameters are those of the NumPy function after its first."""
    rule = find(function)

    def method(self: Variable, *args: Any, **params: Any) -> Any:
        return rule(self, *args, **params)

    return method


# method -> function with the same parameters after the array
SAME = {name: getattr(np, name) for name in ["sum", "mean", "ravel"]} | {"conj": np.conjugate, "conjugate": np.conjugate}


def reshape(self: Variable, *shape: Any, order: str = "C", copy: Any = None) -> Any:
    if len(shape) == 1:
        (shape,) = shape
    if order == "C" and not copy:
        return layout.reshaped(self, shape)
    return np.reshape(self, shape, order=order, copy=copy)


def transposed(self: Variable) -> Variable:
    return layout.transpose(self)


def copy(self: Variable, order: str = "C") -> Any:
    return layout.copy_(self, order=order)


def astype(self: Variable, dtype: Any, order: str = "K", casting: str = "unsafe", subok: bool = True, copy: bool = True):
    from wengert.ops.complex import astype_

    if not copy and self.dtype == np.dtype(dtype):
        return self
    return astype_(self, dtype=dtype, order=order, casting=casting)


METHODS: dict[str, Callable] = {"reshape": reshape, "copy": copy, "astype": astype}
ATTRIBUTES: dict[str, Callable] = {"T": transposed, "real": np.real, "imag": np.imag}


def install() -> None:
    """Give the Variable ndarray's methods and attributes."""
    for name, function in SAME.items():
        setattr(Variable, name, _direct(function))
    for name, method in METHODS.items():
        setattr(Variable, name, method)
    for name, getter in ATTRIBUTES.items():
        setattr(Variable, name, property(getter))
