"""How a row of this package's tables becomes a primitive: by name, if this SciPy has the function."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from scipy.special import _ufuncs as sc  # scipy.special's own names are wrappers if SCIPY_ARRAY_API is set

from wengert.core import errors
from wengert.core.partials import Elementwise, over
from wengert.core.primitive import unsupported
from wengert.core.registry import primitives, rules
from wengert.core.variable import dtype_of

PREFIX = "scipy.special."


class Kernel:
    """A plain elementwise function in the place of a ufunc: derivatives that SciPy has no function for are such."""

    nout = 1

    def __init__(self, name: str, nin: int, function: Callable):
        self.__name__, self.nin, self.function = name, nin, function

    def __call__(self, *operands: Any) -> Any:
        with np.errstate(all="ignore"):
            return self.function(*map(_numpy_scalar, operands))


def special(name: str, *partials: Any) -> Any:
    """Declare scipy.special's ufunc `name` (or a private one): one partial for each operand, as in `elementwise`."""
    ufunc = getattr(sc, name, None)
    return None if ufunc is None else register(ufunc, name, partials)


def kernel(name: str, nin: int, *partials: Any) -> Callable[[Callable], Any]:
    """Declare a plain function of arrays of ours as an elementwise primitive."""
    return lambda function: register(Kernel(name, nin, function), name, partials)


def in_blocks(parameters: int) -> Callable[[Callable], Callable]:
    """Quadratures keep hundreds of nodes for each entry: take the entries in blocks, so that memory stays bounded.

    The first `parameters` operands are integers, the same for all entries.
    """

    def decorate(function: Callable) -> Callable:
        def blockwise(*operands: Any) -> Any:
            integers = [int(np.max(n)) for n in operands[:parameters]]
            arrays = np.broadcast_arrays(*operands[parameters:])
            # in double precision: the nodes span too many decades for float32
            flat = [x.reshape(-1).astype(np.result_type(x, np.float64)) for x in arrays]
            blocks = [[x[i : i + BLOCK] for x in flat] for i in range(0, max(flat[0].size, 1), BLOCK)]
            return np.concatenate([function(*integers, *block) for block in blocks]).reshape(arrays[0].shape)[()]

        return blockwise

    return decorate


BLOCK = 4096


def register(function: Any, name: str, partials: tuple) -> Elementwise:
    primitive = Elementwise(function, tuple(map(_on_numpy_scalars, partials)))
    primitive.name = PREFIX + name
    rules[function] = primitives[primitive.name] = primitive
    return primitive


def _on_numpy_scalars(partial: Any) -> Any:
    """The partial, called with NumPy's scalars in the place of Python's: those raise where NumPy gives inf."""
    if isinstance(partial, over):
        return over(_on_numpy_scalars(partial.divisor))
    if not callable(partial):
        return partial
    return lambda out, *operands: partial(out, *map(_numpy_scalar, operands))


def _numpy_scalar(value: Any) -> Any:
    """Python's numbers as NumPy's; integers signed and of full width: of an unsigned order 0, n - 1 is not -1."""
    if isinstance(value, (int, float, complex)):
        value = np.asarray(value)[()]
    small = value.dtype.kind in "bu" or (value.dtype.kind == "i" and value.dtype.itemsize < 8)
    return value.astype(np.int64) if small else value


def is_complex(x: Any) -> bool:
    return dtype_of(x).kind == "c"


def need_real(name: str, argument: str, value: Any) -> None:
    """Raise for a complex `value`: a scaling such as exp(-|Im z|) is not analytic."""
    if is_complex(value):
        raise errors.no_partial(name, argument, "complex: its scaling is not an analytic function")


order = unsupported("v", "the order")
