"""ndarray's methods and attributes on the Variable: tables that hand over to NumPy's functions, each said once there.

Indexing, reshape, transpose and sum go straight to their rules, because they stand in inner loops.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from wengert.core import errors
from wengert.core.registry import rules
from wengert.core.variable import Variable
from wengert.ops import shape as layout
from wengert.ops.complex import astype_
from wengert.ops.constants import plain

# -- methods with the parameters of the NumPy function ----------------------------------------------------------------

SAME = [
    "all", "any", "argmax", "argmin", "argpartition", "argsort", "choose", "clip", "cumprod", "cumsum", "diagonal",
    "dot", "max", "mean", "min", "nonzero", "prod", "ravel", "repeat", "round", "searchsorted", "squeeze", "std", "sum",
    "swapaxes", "take", "trace", "var",
]  # fmt: skip


def _same(function: Callable) -> Callable:
    """A method that is the function's rule; a function that has no rule yet when this is read is asked by name."""
    rule = rules.get(function, function)

    def method(self: Variable, *args: Any, **params: Any) -> Any:
        return rule(self, *args, **params)

    method.__name__ = function.__name__
    method.__doc__ = f"numpy.{function.__name__} of this array."
    return method


# -- methods with parameters of their own -----------------------------------------------------------------------------


def reshape(self: Variable, *shape: Any, order: str = "C", copy: Any = None) -> Any:
    if len(shape) == 1:
        (shape,) = shape
    if order == "C" and copy is None:
        return layout.reshaped(self, shape)
    return np.reshape(self, shape, order=order, copy=copy)


def transpose(self: Variable, *axes: Any) -> Any:
    if len(axes) == 1 and (axes[0] is None or np.ndim(axes[0])):
        (axes,) = axes
    return layout.transpose(self, axes=tuple(axes)) if axes else layout.transpose(self)


def flatten(self: Variable, order: str = "C") -> Any:
    return layout.copy_(np.ravel(self, order))


def copy(self: Variable, order: str = "C") -> Any:
    return layout.copy_(self, order=order)


def astype(
    self: Variable, dtype: Any, order: str = "K", casting: str = "unsafe", subok: bool = True, copy: bool = True
):
    if not copy and self.dtype == np.dtype(dtype):
        return self
    return astype_(self, dtype=dtype, order=order, casting=casting)


def conj(self: Variable, out: Any = None) -> Any:
    """Of a real array it is the array itself, as for NumPy's method and unlike its function."""
    return np.conjugate(self, out=out) if out is not None or self.dtype.kind == "c" else self


def compress(self: Variable, condition: Any, axis: Any = None, out: Any = None) -> Any:
    return np.compress(condition, self, axis=axis, out=out)


def view(self: Variable, dtype: Any = None, type: Any = None) -> Any:
    if type is not None or (dtype is not None and np.dtype(dtype) != self.dtype):
        raise errors.no_rule(np.ndarray.view)
    return layout.reshaped(self, self.shape)


def to_device(self: Variable, device: str, /, *, stream: Any = None) -> Any:
    if device != "cpu" or stream is not None:
        raise ValueError(f"Unsupported device: {device!r}. Only 'cpu' is allowed.")
    return self


def contains(self: Variable, value: Any) -> bool:
    return bool(np.any(self == value))


METHODS: dict[str, Callable] = {
    "reshape": reshape, "transpose": transpose, "flatten": flatten, "copy": copy, "astype": astype, "compress": compress,
    "view": view, "to_device": to_device, "conj": conj, "conjugate": conj, "__contains__": contains, "__copy__": copy,
    "__deepcopy__": lambda self, memo: layout.copy_(self, order="K"),
}  # fmt: skip


# -- methods that would drop the derivative -----------------------------------------------------------------------------


def _refused(name: str) -> Callable:
    def method(self: Variable, *args: Any, **params: Any) -> Any:
        raise errors.to_float(f"x.{name}()")

    return method


REFUSED = ["item", "tolist", "tobytes", "tofile", "dump", "dumps", "byteswap", "getfield"]


# -- attributes -------------------------------------------------------------------------------------------------------


class Flat:
    """x.flat: the entries in C order, to be read, written and walked through."""

    def __init__(self, base: Variable):
        self.base = base

    def __len__(self) -> int:
        return self.base.size

    def __iter__(self) -> Iterator:
        return iter(np.reshape(self.base, (-1,)))

    def __getitem__(self, index: Any) -> Any:
        taken = np.reshape(self.base, (-1,))[index]
        return layout.copy_(taken) if taken.ndim else taken

    def __setitem__(self, index: Any, value: Any) -> None:
        places = np.arange(self.base.size)[index]
        # NumPy repeats or cuts the values to fit
        size = np.size(places)
        value = np.resize(value, size) if np.size(value) != size else np.reshape(value, (size,))
        self.base[np.unravel_index(places.reshape(-1), self.base.shape)] = value  # type: ignore[index]


def _fill_flat(self: Variable, values: Any) -> None:
    Flat(self)[:] = values


def matrix_transposed(self: Variable) -> Any:
    return np.matrix_transpose(self)


def _of_value(name: str) -> Callable:
    """An attribute of the plain array."""
    return lambda self: getattr(np.asarray(plain(self.node._val)), name)


ATTRIBUTES: dict[str, Callable] = {
    "T": layout.transposed, "mT": matrix_transposed, "real": np.real, "imag": np.imag, "flat": Flat,
    **{name: _of_value(name) for name in ("itemsize", "nbytes", "strides", "flags")},
    "device": lambda self: "cpu",
}  # fmt: skip


def install() -> None:
    """Give the Variable ndarray's methods and attributes; what `inplace` sets is left alone."""
    for name in SAME:
        setattr(Variable, name, _same(getattr(np, name)))
    for name, method in METHODS.items():
        setattr(Variable, name, method)
    for name in REFUSED:
        setattr(Variable, name, _refused(name))
    for name, getter in ATTRIBUTES.items():
        if name not in vars(Variable):
            setter = _fill_flat if name == "flat" else None
            setattr(Variable, name, property(getter, setter, doc=f"numpy.ndarray.{name} of this array."))
