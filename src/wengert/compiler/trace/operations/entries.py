"""Indexing: views for basic indices, gathering and scattering for arrays of integers, the rest called back."""

from __future__ import annotations

import math
import operator
from typing import Any

import numpy as np

from wengert.compiler.programs.program import BOOL, FLOAT64, INT64, Instruction
from wengert.compiler.trace.later import Later, laid_out, many, nothing
from wengert.compiler.trace.operations.calling import call_back
from wengert.compiler.trace.operations.operands import (
    NATIVE,
    dtype_of,
    instruction_of,
    kind_of,
    native,
    result,
    unplaced,
    wrapped,
)
from wengert.compiler.trace.operations.writing import fits, scratch
from wengert.compiler.trace.traced import Traced, concrete, operand, seen
from wengert.compiler.trace.tracing import Trace
from wengert.core import linear
from wengert.core.variable import Variable


def getitem(x: Traced, index: Any) -> Any:
    """Traced.__getitem__: views for basic indices, else called back."""
    parts = basic(x, index)
    if parts is None:
        return taken(x, index)
    plain = unplaced(index)
    value = laid_out(lambda y: y[plain], operand(x))
    starts, steps, lengths = parts
    found = x
    if lengths != x.shape or any(starts) or any(step != 1 for step in steps):
        box = tuple(as_slice(s, t, n) for s, t, n in zip(starts, steps, lengths, strict=True))
        found = x.layout(laid_out(lambda y: y[box], operand(x)), "slice", (starts, steps))
    if np.shape(value) != lengths or kind_of(value) is not np.ndarray or found is x:
        found = found.layout(value, "reshape", (np.shape(value),))
    return found


def as_slice(start: int, step: int, length: int) -> slice:
    if length == 0:
        return slice(0, 0)
    last = start + step * (length - 1)
    stop = last + (1 if step > 0 else -1)
    return slice(start, None if stop < 0 else stop, step)


def basic(x: Traced, index: Any) -> tuple | None:
    """Starts, steps and lengths along each axis of a basic index; None for an index with arrays in it."""
    parts = index if type(index) is tuple else (index,)
    given = []
    for part in parts:
        if type(part) is Traced and part.dtype == INT64 and not part.shape:
            part = operator.index(part)
        if isinstance(part, (bool, np.bool_)) or not (
            part is None or part is Ellipsis or type(part) is slice or isinstance(part, (int, np.integer))
        ):
            return None
        given.append(part)
    count = sum(part is not None and part is not Ellipsis for part in given)
    if Ellipsis not in given:
        given.append(Ellipsis)
    shape, axis = x.shape, 0
    starts: list[int] = []
    steps: list[int] = []
    lengths: list[int] = []
    for part in given:
        if part is None:
            continue
        if part is Ellipsis:
            free = shape[axis : axis + len(shape) - count]
            starts += [0] * len(free)
            steps += [1] * len(free)
            lengths += free
            axis += len(free)
            continue
        if axis >= len(shape):
            return None  # NumPy's own error
        n = shape[axis]
        if type(part) is slice:
            bounds = [operator.index(b) if b is not None else None for b in (part.start, part.stop, part.step)]
            start, stop, step = slice(*bounds).indices(n)
            length = len(range(start, stop, step))
            starts.append(start if length else 0)
            steps.append(step if length else 1)
            lengths.append(length)
        else:
            i = operator.index(part)
            if not -n <= i < n:
                return None
            starts.append(i % n)
            steps.append(1)
            lengths.append(1)
        axis += 1
    return tuple(starts), tuple(steps), tuple(lengths)


def taken(x: Traced, index: Any) -> Any:
    """x[index] for an index with arrays in it."""
    if x.stands_for is not np.ndarray:
        raise x.run.give_up("an index with arrays into a number")
    parts = integers(x.run, x.shape, index)
    if parts is not None and x.dtype in NATIVE and x.size:
        plain = unplaced(index)
        value = _gathered_value(operand(x), plain)
        if math.prod(value.shape):
            axis, positions = parts
            return result(x.run, value, "gather", [x.instruction, *positions], (axis,))
    return call_back(x.run, operator.getitem, (x, index), {}, "getitem")


def _gathered_value(x: Any, index: Any) -> Any:
    if type(x) is not Later:
        return x[index]
    like = x.stand_in()[index]  # NumPy's own errors
    return Later(lambda y: y[index], (x,), like.shape, like.dtype, type(like))


def integers(trace: Trace, shape: tuple, index: Any) -> tuple[int, list[Instruction]] | None:
    """Of an index with arrays of integers on neighbouring axes, and all of the other axes: the first axis, and the positions.

    Positions are wrapped if they are negative, and kept within bounds, with a guard that they are: native code checks before
    it reads. None for other indices.
    """
    parts = list(index) if type(index) is tuple else [index]
    given = [i for i, part in enumerate(parts) if part is Ellipsis]
    if given:
        parts[given[0] : given[0] + 1] = [slice(None)] * (len(shape) - len(parts) + 1)
    parts += [slice(None)] * (len(shape) - len(parts))
    if len(parts) != len(shape) or len(given) > 1 or any(np.size(seen(part)) == 0 for part in parts):
        return None
    arrays_at = [i for i, part in enumerate(parts) if not (type(part) is slice and part == slice(None))]
    first, last = arrays_at[0], arrays_at[-1]
    if arrays_at != list(range(first, last + 1)):
        return None
    found, common = [], ()
    for axis in arrays_at:
        part = parts[axis]
        if isinstance(part, (list, tuple)) and not any(type(p) is Traced for p in part):
            part = np.asarray(part)
        if not hasattr(part, "dtype") and not isinstance(part, int):
            return None
        if dtype_of(part).kind not in "iu" or isinstance(part, bool):
            return None
        common = np.broadcast_shapes(common, np.shape(seen(part)))
        found.append((part, shape[axis]))
    return first, [_position(trace, part, n, common) for part, n in found]


def _position(trace: Trace, part: Any, n: int, shape: tuple) -> Instruction:
    """Positions along an axis of length n, in its bounds."""
    if type(part) is not Traced:
        plain = np.asarray(part)
        if plain.size and not -n <= plain.min() <= plain.max() < n:
            raise trace.give_up("an index out of bounds")
        x = trace.constant(np.where(plain < 0, plain + n, plain).astype(np.int64))
        return trace.emit("broadcast", (x,), shape, INT64, (shape,)) if x.shape != shape else x
    x = trace.cast(part.instruction, INT64)

    def number(value: int) -> Instruction:
        return trace.cast(trace.constant(value), INT64)

    def entrywise(op: str, *operands: Instruction, dtype: Any = INT64) -> Instruction:
        return trace.emit(op, operands, x.shape, dtype)

    wrapped_x = entrywise("select", entrywise("less", x, number(0), dtype=BOOL), entrywise("add", x, number(n)), x)
    kept = entrywise("maximum", entrywise("minimum", wrapped_x, number(n - 1)), number(0))
    inside = entrywise("equal", kept, wrapped_x, dtype=BOOL)
    if x.shape:
        inside = trace.emit("reduce", (inside,), (), BOOL, ("logical_and", tuple(range(len(x.shape)))))
    trace.guard(inside, True, "an index in bounds")
    return trace.emit("broadcast", (kept,), shape, INT64, (shape,)) if x.shape != shape else kept


def scattered(base: Traced, values: Any, index: Any, how: str) -> Instruction | None:
    """`base` with values added at, or put at, an index with arrays of integers; None for other indices."""
    parts = integers(base.run, base.shape, index)
    plain = seen(values)
    if parts is None or base.dtype not in NATIVE or base.dtype == BOOL or not native(plain):
        return None
    shape = seen(base)[unplaced(index)].shape
    if not np.size(plain) or not math.prod(shape):
        return None
    axis, positions = parts
    entries = base.run.cast(instruction_of(base.run, values), base.dtype)
    if entries.shape != shape:
        if len(entries.shape) > len(shape):
            return None
        entries = base.run.emit("broadcast", (entries,), shape, base.dtype, (shape,))
    return base.run.emit("scatter", (base.instruction, entries, *positions), base.shape, base.dtype, (axis, how))


def setitem(x: Traced, index: Any, value: Any) -> None:
    """Traced.__setitem__."""
    if isinstance(value, Variable):
        raise x.run.give_up("a variable assigned into an array of no derivative")
    plain = concrete(value)
    if type(x.concrete) is np.ndarray and not x.concrete.flags.writeable:
        x.concrete[unplaced(index)] = plain  # NumPy's own errors
        return
    parts = basic(x, index)
    if x.dtype not in NATIVE:
        raise x.run.give_up(f"a write into an array of {x.dtype}")
    if parts is None:
        if type(x.concrete) is not np.ndarray:
            raise TypeError("'numpy.float64' object does not support item assignment")

        def set_copy(base: Any, where: Any, new: Any) -> Any:
            base = np.array(base)
            base[where] = new
            return base

        fits(x, value, (float,))
        scratch(x)[unplaced(index)] = plain  # NumPy's own errors
        new = scattered(x, value, index, "put")
        if new is None:
            new = call_back(x.run, set_copy, (x, index, value), {}, "setitem").instruction
            x.run.kept.append(new)  # whether there is an error depends on values
        x.write(new, lambda: x.concrete.__setitem__(unplaced(index), plain))
        return
    if type(x.concrete) is not np.ndarray:
        raise TypeError("'numpy.float64' object does not support item assignment")
    starts, steps, lengths = parts
    target = x
    if lengths != x.shape or any(starts) or any(step != 1 for step in steps):
        boxed = x.concrete[tuple(as_slice(s, t, n) for s, t, n in zip(starts, steps, lengths, strict=True))]
        target = x.layout(boxed, "slice", (starts, steps))
    if not target.size:
        x.concrete[unplaced(index)] = plain
        return
    shape = x.concrete[unplaced(index)].shape
    if shape != target.shape:
        target = target.layout(target.concrete.reshape(shape), "reshape", (shape,))
    fits(x, value)
    target.write(instruction_of(x.run, value), lambda: x.concrete.__setitem__(unplaced(index), plain))


def put(trace: Trace, values: Any, shape: Any, index: Any, unique: Any) -> Any:
    """The adjoint of taking (see `linear.put`)."""
    dtype = getattr(values, "dtype", FLOAT64)
    if dtype not in NATIVE:
        return None
    zero = trace.constant(dtype.type(0))
    zeros = trace.emit("broadcast", (zero,), shape, dtype, (shape,))
    base = Traced(trace, nothing(shape, dtype), zeros)
    parts = basic(base, index)
    new = scattered(base, values, index, "add") if parts is None else _put_into(base, parts, values)
    if new is None:
        return None
    plain = unplaced(index)
    entries = operand(values)
    if trace.lazy and (type(entries) is Later or many(math.prod(shape))):
        return wrapped(trace, Later(lambda x: linear.put(x, shape, plain, unique), (entries,), shape, dtype), new)
    return wrapped(trace, linear.put(entries, shape, plain, unique), new)


def _put_into(base: Traced, box: tuple, values: Any) -> Instruction | None:
    """`base` with values put into a box of it."""
    starts, steps, lengths = box
    x = instruction_of(base.run, values)
    if math.prod(x.shape) != math.prod(lengths) or not x.size:
        return None
    if x.shape != lengths:
        x = base.run.emit("reshape", (x,), lengths, x.dtype, (lengths,))
    return base.run.emit("setslice", (base.instruction, x), base.shape, base.dtype, (starts, steps))
