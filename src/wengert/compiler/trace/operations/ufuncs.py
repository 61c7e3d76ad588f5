"""Universal functions, and their methods."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from wengert.compiler.programs.program import (
    BOOL,
    COMPARISONS,
    FLOAT32,
    FLOAT64,
    FLOATING,
    INT64,
    INTEGER,
    LOGICAL,
    TESTS,
)
from wengert.compiler.trace.operations.calling import call_back
from wengert.compiler.trace.operations.entries import scattered
from wengert.compiler.trace.operations.operands import (
    NATIVE,
    computed,
    dtype_of,
    instruction_of,
    native,
    result,
    unplaced,
    wrapped,
)
from wengert.compiler.trace.operations.products import product
from wengert.compiler.trace.operations.reductions import REDUCIBLE, reduced
from wengert.compiler.trace.operations.writing import assign, scratch
from wengert.compiler.trace.traced import NUMBERS, Traced, concrete, seen
from wengert.compiler.trace.tracing import Trace

SAME_AS = {"fabs": "absolute", "invert": "logical_not"}
BOOLEAN_NAMES = {
    "bitwise_and": "logical_and", "bitwise_or": "logical_or", "bitwise_xor": "logical_xor", "invert": "logical_not",
    "multiply": "logical_and", "add": "logical_or", "maximum": "logical_or", "minimum": "logical_and",
}  # fmt: skip
DERIVED: dict[str, Callable] = {
    "square": lambda x: np.multiply(x, x),
    "reciprocal": lambda x: np.divide(1, x) if dtype_of(x).kind == "f" else None,
    "float_power": lambda x, y: np.power(_as_float(x), _as_float(y)),
    "deg2rad": lambda x: np.multiply(x, math.pi / 180) if dtype_of(x).kind == "f" else None,
    "radians": lambda x: np.multiply(x, math.pi / 180) if dtype_of(x).kind == "f" else None,
    "rad2deg": lambda x: np.multiply(x, 180 / math.pi) if dtype_of(x).kind == "f" else None,
    "degrees": lambda x: np.multiply(x, 180 / math.pi) if dtype_of(x).kind == "f" else None,
    "heaviside": lambda x, y: (
        np.where(x != x, x, np.where(x == 0, y, np.where(x < 0, 0.0, 1.0)))
        if dtype_of(x) == dtype_of(y) == FLOAT64
        else None
    ),
    "positive": lambda x: x + dtype_of(x).type(0) if dtype_of(x).kind == "f" else None,
    "conjugate": lambda x: np.copy(x) if dtype_of(x).kind == "f" else None,
    "matmul": lambda x, y: product(x, y),
    "vecdot": lambda x, y: np.sum(np.multiply(x, y), axis=-1) if _vectors(x, y) else None,
    "matvec": lambda x, y: np.matmul(x, np.expand_dims(y, -1))[..., 0],
    "vecmat": lambda x, y: np.matmul(np.expand_dims(x, -2), y)[..., 0, :],
    "arcsinh": lambda x: _arcsinh(x) if dtype_of(x) == FLOAT64 else None,
    "arccosh": lambda x: _arccosh(x) if dtype_of(x) == FLOAT64 else None,
    "arctanh": lambda x: 0.5 * np.log1p(2 * x / (1 - x)) if dtype_of(x) == FLOAT64 else None,
}
LARGEST_SQUARE = 1e150  # above it squares may overflow, and x is all of sqrt(x**2 + 1)


def _vectors(x: Any, y: Any) -> bool:
    return dtype_of(x).kind == dtype_of(y).kind == "f" and np.shape(seen(x))[-1:] == np.shape(seen(y))[-1:]


def _arcsinh(x: Any) -> Any:
    """log(|x| + sqrt(x**2 + 1)), of small x by log1p (DLMF 4.37.16)."""
    size = np.absolute(x)
    part = np.minimum(size, LARGEST_SQUARE)
    near = np.log1p(part + part * part / (1 + np.sqrt(part * part + 1)))
    return np.copysign(np.where(size > LARGEST_SQUARE, np.log(size) + math.log(2), near), x)


def _arccosh(x: Any) -> Any:
    """log(x + sqrt(x**2 - 1)), near 1 by log1p (DLMF 4.37.19)."""
    part = np.minimum(x, LARGEST_SQUARE) - 1
    return np.where(x > LARGEST_SQUARE, np.log(x) + math.log(2), np.log1p(part + np.sqrt(part * part + 2 * part)))


def _as_float(x: Any) -> Any:
    return x.astype(float) if hasattr(x, "astype") else float(x)


def ufunc(trace: Trace, function: np.ufunc, method: str, inputs: tuple, kwargs: dict) -> Any:
    """Traced.__array_ufunc__."""
    if method != "__call__":
        return ufunc_method(trace, function, method, inputs, kwargs)
    if "out" in kwargs:
        return into(trace, function, inputs, kwargs)
    name = function.__name__
    if kwargs:
        if kwargs.keys() == {"dtype"} and np.dtype(kwargs["dtype"]) in (FLOAT64, FLOAT32) and name in FLOATING:
            value = computed(trace, function, inputs, kwargs)
            return _emitted(trace, name, inputs, value, value.dtype)
        return call_back(trace, function, inputs, kwargs, name)
    derived = DERIVED.get(name)
    if derived is not None and native(*map(seen, inputs)):
        value = computed(trace, function, inputs)
        found = derived(*inputs)
        if found is not None and found.dtype == dtype_of(value):
            return wrapped(trace, value, found.instruction)
    values = [seen(x) for x in inputs]
    if function.nout == 1 and all(type(x) in NUMBERS or isinstance(x, (np.ndarray, np.generic)) for x in values):
        value = computed(trace, function, inputs)
        loop = _loop(name, values, value)
        if loop is not None:
            return _emitted(trace, name, inputs, value, loop)
    return call_back(trace, function, inputs, kwargs, name)


def _loop(name: str, values: list, value: Any) -> np.dtype | None:
    """The dtype that a ufunc computes in, if native code has the operation in it."""
    if not native(value, *values):
        return None
    if name in LOGICAL:
        return BOOL
    if name in COMPARISONS or name in TESTS:
        loop = np.result_type(*values)
        return loop if loop in NATIVE and (name != "signbit" or loop.kind == "f") else None
    loop = dtype_of(value)
    if (loop.kind == "f" and name in FLOATING) or name == "fabs":
        return loop
    if loop == INT64 and name in INTEGER:
        return loop
    return loop if loop == BOOL and name in BOOLEAN_NAMES else None


def _emitted(trace: Trace, name: str, inputs: tuple, value: Any, loop: np.dtype) -> Traced:
    if loop == BOOL:
        name = BOOLEAN_NAMES.get(name, name)
    operands = [trace.cast(instruction_of(trace, x), loop) for x in inputs]
    return result(trace, value, SAME_AS.get(name, name), operands)


def into(trace: Trace, function: np.ufunc, inputs: tuple, kwargs: dict) -> Any:
    """A ufunc with `out`: what it computes is written into a traced array."""
    kwargs = dict(kwargs)
    out = kwargs.pop("out")
    if len(out) != 1 or type(out[0]) is not Traced:
        raise trace.give_up(f"np.{function.__name__} of traced arrays writes into a plain array")
    (target,) = out
    function(*map(concrete, inputs), out=(scratch(target),), **unplaced(kwargs))  # NumPy's own errors
    if kwargs.get("where", True) is not True:
        where = kwargs.pop("where")
        kept = np.where(where, function(*inputs, **kwargs), target)
        return assign(trace, target, kept)
    kwargs.pop("where", None)
    return assign(trace, target, function(*inputs, **kwargs))


def ufunc_method(trace: Trace, function: np.ufunc, method: str, inputs: tuple, kwargs: dict) -> Any:
    if method == "reduce" and function.__name__ in REDUCIBLE:
        args = dict(zip(("a", "axis", "dtype", "out", "keepdims"), inputs, strict=False)) | kwargs
        args.setdefault("axis", 0)
        if args.get("out") == (None,):
            args.pop("out")
        found = reduced(trace, function.__name__, **args)
        if found is not None:
            return found
    if method == "at":
        target, index, *values = inputs
        if type(target) is not Traced:
            raise trace.give_up(f"np.{function.__name__}.at writes traced values into a plain array")

        def at_copy(base: Any, *rest: Any) -> Any:
            base = np.array(base)
            function.at(base, *rest)
            return base

        if function is np.add and len(values) == 1 and target.dtype.kind == "f":
            new = scattered(target, values[0], index, "add")
            if new is not None:
                plain = concrete(values[0])
                target.write(new, lambda: np.add.at(target.concrete, unplaced(index), plain))
                return None
        return (
            assign(trace, target, call_back(trace, at_copy, (target, index, *values), {}, f"{function.__name__}.at"))
            and None
        )
    if kwargs.get("out", (None,)) != (None,):
        out = kwargs.pop("out")
        if len(out) != 1 or type(out[0]) is not Traced:
            raise trace.give_up(f"np.{function.__name__}.{method} of traced arrays writes into a plain array")
        return assign(trace, out[0], getattr(function, method)(*inputs, **kwargs))
    kwargs.pop("out", None)
    return call_back(trace, getattr(function, method), inputs, kwargs, f"{function.__name__}.{method}")
