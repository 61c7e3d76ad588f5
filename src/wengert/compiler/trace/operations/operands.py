"""What a traced array, a number or a plain array is in a program, and what NumPy gives for them, now or later."""

from __future__ import annotations

import operator
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from wengert.compiler.programs.program import BOOL, FLOAT32, FLOAT64, INT64, Instruction
from wengert.compiler.trace.later import Later, evaluated
from wengert.compiler.trace.traced import NUMBERS, Traced, concrete, operand, seen
from wengert.compiler.trace.tracing import Trace

NO_VALUE = np._NoValue  # type: ignore[attr-defined]
NATIVE = (FLOAT64, FLOAT32, INT64, BOOL)


def instruction_of(trace: Trace, x: Any) -> Instruction:
    """The instruction for an operand: a traced array's own, an external's, or a constant."""
    if type(x) is Traced:
        if x.run is not trace:
            raise trace.give_up("arrays of two traces in one operation")
        return x.instruction
    if type(x) in NUMBERS or isinstance(x, np.generic):
        return trace.constant(x)
    if not isinstance(x, np.ndarray):
        x = np.asarray(x)
    if type(x) is not np.ndarray:
        raise trace.give_up(f"an array of the class {type(x).__name__}")
    return trace.constant(x)


def wrapped(trace: Trace, value: Any, instruction: Instruction) -> Traced:
    return Traced(trace, value, instruction)


def result(
    trace: Trace, value: Any, op: str, operands: Sequence[Instruction], attributes: tuple = (), dtype: Any = None
) -> Traced:
    """A new array of its own."""
    dtype = dtype_of(value) if dtype is None else dtype
    return Traced(trace, value, trace.emit(op, tuple(operands), np.shape(value), dtype, attributes))


def computed(trace: Trace, function: Callable, args: Sequence[Any], kwargs: dict | None = None) -> Any:
    """What NumPy's function gives for the values of this run, now or later."""
    return evaluated(trace.lazy, function, tuple(map(operand, args)), kwargs)


def native(*values: Any) -> bool:
    """Have all these values dtypes that native code computes with?"""
    return all(dtype_of(value) in NATIVE and type(value) not in (complex,) for value in values)


def kind_of(value: Any) -> type:
    """The type of a value, or of what will be it."""
    return value.kind if type(value) is Later else type(value)


def dtype_of(value: Any) -> np.dtype:
    dtype = getattr(value, "dtype", None)
    return np.asarray(value).dtype if dtype is None else dtype


def unplaced(tree: Any, value: Callable = concrete) -> Any:
    """Arguments with the values of traced arrays in them."""
    kind = type(tree)
    if kind is Traced:
        return value(tree)
    if kind in (tuple, list):
        return kind(unplaced(part, value) for part in tree)
    if kind is dict:
        return {key: unplaced(part, value) for key, part in tree.items()}
    if kind is slice:
        return slice(*(unplaced(part, value) for part in (tree.start, tree.stop, tree.step)))
    return tree


def axes_of(axis: Any, ndim: int) -> tuple[int, ...]:
    if axis is None:
        return tuple(range(ndim))
    axes = axis if isinstance(axis, (tuple, list)) else (axis,)
    return tuple(sorted(operator.index(i) % ndim for i in axes)) if ndim else ()


def plain_array(a: Any) -> bool:
    """Is it a traced array with entries that native code has a type for?"""
    return type(a) is Traced and a.stands_for is np.ndarray and bool(a.size) and a.dtype in NATIVE


def is_axis(a: Any, axis: Any) -> bool:
    return isinstance(axis, int) and -np.ndim(seen(a)) <= axis < np.ndim(seen(a))
