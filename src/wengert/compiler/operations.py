"""What NumPy's functions become: tables from functions to the few operations of a program.

A function with a row here becomes instructions. One without is called back: it is run on the concrete values now, and by the
compiled program later. Either way the value of this run is NumPy's own, so that shapes and dtypes need no rules.
"""

from __future__ import annotations

import functools
import math
import operator
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from wengert.compiler import traced as arrays
from wengert.compiler.later import Later, evaluated, laid_out, many
from wengert.compiler.program import Call, Instruction, Place
from wengert.compiler.traced import NUMBERS, Traced, concrete, operand, place, seen, shares
from wengert.compiler.tracing import BOOL, FLOAT32, FLOAT64, INT64, Trace
from wengert.core import linear
from wengert.core.variable import Variable

NO_VALUE = np._NoValue  # type: ignore[attr-defined]
NATIVE = (FLOAT64, FLOAT32, INT64, BOOL)

# -- operands ---------------------------------------------------------------------------------------------------------


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


# -- calling back -----------------------------------------------------------------------------------------------------


def call_back(
    trace: Trace, function: Callable, args: tuple, kwargs: dict, name: str | None = None, generator: Any = None
) -> Any:
    """Run a function on the concrete values, now and at each later call.

    With a `generator` it is a draw: such calls keep their order, and are made even if nobody reads them. In the arguments a
    `Given` stands for the generator if it is itself an argument of the compiled function.
    """
    operands: list[Instruction] = []
    seen: list[np.ndarray] = []

    def placed(x: Any) -> Any:
        kind = type(x)
        if kind is Traced:
            operands.append(instruction_of(trace, x))
            if isinstance(x.concrete, np.ndarray):
                seen.append(x.concrete)
            return Place(len(operands) - 1, type(x.concrete))
        if kind in (tuple, list):
            return kind(placed(part) for part in x)
        if kind is dict:
            return {key: placed(part) for key, part in x.items()}
        if kind is slice:
            return slice(
                *(operator.index(part) if type(part) is Traced else part for part in (x.start, x.stop, x.step))
            )
        if isinstance(x, Variable):
            raise trace.give_up("a variable among the arguments of a function that is called back")
        if kind is np.ndarray:  # in a later run it is read as it is then
            operands.append(instruction_of(trace, x))
            return Place(len(operands) - 1, np.ndarray)
        return x

    template = (placed(tuple(args)), placed(dict(kwargs)))
    if generator is not None:
        args = (generator, *args[1:])
        operands += trace.draws[-1:]  # which makes this one wait for that one
    found = function(*unplaced(args), **unplaced(kwargs))
    call = Call(function, template, name or str(getattr(function, "__name__", function)))
    if type(found) is tuple or type(found) is list or (isinstance(found, tuple) and hasattr(found, "_fields")):
        made = trace.emit("call", tuple(operands), (), BOOL, (call, len(found)))
        if generator is not None:
            raise trace.give_up("a draw of several arrays")
        parts = [_returned(trace, part, made, i, seen, function) for i, part in enumerate(found)]
        if _has_to_look(function, args):
            trace.kept += [part.instruction for part in parts]
        return type(found)(*parts) if hasattr(found, "_fields") else type(found)(parts)
    made = trace.emit("call", tuple(operands), (), BOOL, (call, None))
    returned = _returned(trace, found, made, 0, seen, function)
    if generator is not None:
        trace.draws.append(returned.instruction)
    elif _has_to_look(function, args):
        trace.kept.append(returned.instruction)
    return returned


SHAPED_BY_VALUES = {
    np.nonzero, np.flatnonzero, np.argwhere, np.where, np.compress, np.extract, np.repeat, np.unique, np.unique_all,
    np.unique_counts, np.unique_inverse, np.unique_values, np.union1d, np.intersect1d, np.setdiff1d, np.setxor1d, np.delete,
    np.trim_zeros, np.bincount, np.histogram, np.histogram_bin_edges, np.insert, operator.getitem,
}  # fmt: skip


def _has_to_look(function: Callable, args: tuple) -> bool:
    """Does it depend on values what shape the results have, or whether there is an error? Then it is called in any case."""
    if function is operator.getitem:
        index = args[1] if type(args[1]) is tuple else (args[1],)
        return any(getattr(part, "dtype", None) == BOOL for part in index)
    if function in (np.power, operator.pow):
        return True  # of integers: an error for a negative exponent
    if isinstance(function, np.ufunc):
        return False
    return function in SHAPED_BY_VALUES or getattr(function, "__module__", "") == "numpy.linalg"


def _returned(trace: Trace, value: Any, made: Instruction, i: int, seen: list, function: Callable) -> Any:
    if not isinstance(value, (np.ndarray, np.generic, bool, int, float, complex)):
        raise trace.give_up(f"{getattr(function, '__name__', function)} gave a {type(value).__name__}")
    if isinstance(value, np.ndarray):
        if type(value) is not np.ndarray or value.dtype.kind not in "biufc":
            raise trace.give_up(f"{getattr(function, '__name__', function)} gave an array of {value.dtype}")
        if any(shares(value, x) for x in seen):
            trace.aliases.append(value)
    return result(trace, value, "output", (made,), (i,))


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


# -- entry by entry ---------------------------------------------------------------------------------------------------

COMPARISONS = {"equal", "not_equal", "less", "less_equal", "greater", "greater_equal"}
TESTS = {"isfinite", "isnan", "isinf", "signbit"}
LOGICAL = {"logical_and", "logical_or", "logical_xor", "logical_not"}
FLOATING = {
    "add", "subtract", "multiply", "divide", "negative", "absolute", "maximum", "minimum", "fmax", "fmin", "sqrt", "power",
    "exp", "exp2", "expm1", "log", "log1p", "log2", "log10", "sin", "cos", "tan", "arcsin", "arccos", "arctan", "arctan2",
    "sinh", "cosh", "tanh", "cbrt", "hypot", "logaddexp", "expit", "erf", "erfc", "floor", "ceil", "trunc", "rint", "sign",
    "copysign", "floor_divide", "remainder",
}  # fmt: skip
INTEGER = {"add", "subtract", "multiply", "negative", "absolute", "maximum", "minimum", "bitwise_and", "bitwise_or"}
BOOLEAN = {"bitwise_and", "bitwise_or", "bitwise_xor", "invert"}
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
    "vecdot": lambda x, y: None,
}


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


def scratch(target: Traced) -> Any:
    """A copy of an array, to see whether something may be written into it."""
    if type(target.concrete) is not np.ndarray:
        return target.concrete
    made = np.copy(target.concrete)
    made.flags.writeable = target.concrete.flags.writeable
    return made


def assign(trace: Trace, target: Traced, value: Any) -> Traced:
    """target[...] = value, broadcast and cast as NumPy does."""
    plain = concrete(value)
    target.write(instruction_of(trace, value), lambda: np.copyto(target.concrete, plain, casting="same_kind"))
    return target


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


# -- reductions -------------------------------------------------------------------------------------------------------

REDUCIBLE = {"add", "multiply", "maximum", "minimum", "logical_and", "logical_or"}


def reduced(
    trace: Trace,
    kind: str,
    a: Any,
    axis: Any = None,
    dtype: Any = None,
    out: Any = None,
    keepdims: Any = False,
    initial: Any = NO_VALUE,
    where: Any = NO_VALUE,
) -> Traced | None:
    """A reduction as an instruction; None where it is to be called back."""
    if (
        type(a) is not Traced
        or initial is not NO_VALUE
        or (where is not NO_VALUE and where is not True)
        or out is not None
    ):
        return None
    ufunc_of = getattr(np, kind)
    keep = bool(keepdims) if keepdims is not NO_VALUE else False
    options = {} if dtype is None else {"dtype": dtype}
    value = computed(trace, ufunc_of.reduce, (a,), {"axis": axis, "keepdims": keep, **options})
    x = a.instruction
    if not native(value, seen(a)) or not a.size:
        return None
    loop = dtype_of(value)
    if loop == BOOL and kind not in ("logical_and", "logical_or"):
        return None
    x = trace.cast(x, loop)
    axes = _axes(axis, a.ndim)
    shape = tuple(n for i, n in enumerate(a.shape) if i not in axes)
    if axes:
        x = trace.emit("reduce", (x,), shape, loop, (kind, axes))
    elif kind_of(value) is not np.ndarray:
        return result(trace, value, "reshape", (x,), (shape,))
    if np.shape(value) != shape or not axes:
        return result(trace, value, "reshape", (x,), (np.shape(value),))
    return wrapped(trace, value, x)


def _axes(axis: Any, ndim: int) -> tuple[int, ...]:
    if axis is None:
        return tuple(range(ndim))
    axes = axis if isinstance(axis, (tuple, list)) else (axis,)
    return tuple(sorted(operator.index(i) % ndim for i in axes)) if ndim else ()


def _reduction(kind: str) -> Callable:
    def reduction(trace: Trace, a: Any, axis: Any = None, **rest: Any) -> Any:
        known = {"dtype", "out", "keepdims", "initial", "where"}
        if not rest.keys() <= known:
            return None
        return reduced(trace, kind, a, axis, **rest)

    return reduction


def _count(a: Any, axis: Any) -> int:
    return math.prod(a.shape[i] for i in _axes(axis, a.ndim))


def mean(
    trace: Trace,
    a: Any,
    axis: Any = None,
    dtype: Any = None,
    out: Any = None,
    keepdims: Any = False,
    *,
    where: Any = NO_VALUE,
) -> Any:
    if type(a) is not Traced or a.dtype not in (FLOAT64, FLOAT32) or dtype is not None or not a.size or out is not None:
        return None
    if not a.ndim and axis is not None:
        return None  # NumPy's own errors
    total = reduced(trace, "add", a, axis, keepdims=keepdims, where=where)
    return None if total is None else total / total.dtype.type(_count(a, axis))


def var(
    trace: Trace,
    a: Any,
    axis: Any = None,
    dtype: Any = None,
    out: Any = None,
    ddof: Any = 0,
    keepdims: Any = False,
    **rest: Any,
) -> Any:
    if (
        rest.get("where", NO_VALUE) is not NO_VALUE
        or rest.get("mean", NO_VALUE) is not NO_VALUE
        or "correction" in rest
    ):
        return None
    centre = mean(trace, a, axis, dtype, out, True)
    if centre is None or type(ddof) is Traced or _count(a, axis) - ddof <= 0:
        return None
    deviation = a - centre
    total = np.sum(deviation * deviation, axis=axis, keepdims=keepdims)
    return total / total.dtype.type(_count(a, axis) - ddof)


def std(trace: Trace, a: Any, *args: Any, **rest: Any) -> Any:
    found = var(trace, a, *args, **rest)
    return None if found is None else np.sqrt(found)


# -- layout -----------------------------------------------------------------------------------------------------------


def reshape(trace: Trace, a: Any, shape: Any, order: str = "C", *, copy: Any = None) -> Any:
    if type(a) is not Traced or order not in ("C",) or copy is not None:
        return None
    shape = tuple(map(operator.index, shape)) if isinstance(shape, (tuple, list)) else (operator.index(shape),)
    value = laid_out(lambda x: np.reshape(x, shape), operand(a), False)
    return a.layout(value, "reshape", (value.shape,))


def transpose(trace: Trace, a: Any, axes: Any = None) -> Any:
    if type(a) is not Traced:
        return None
    value = laid_out(lambda x: np.transpose(x, axes), operand(a))
    ndim = a.ndim
    order = tuple(range(ndim))[::-1] if axes is None else tuple(operator.index(i) % ndim for i in axes)
    return a.layout(value, "transpose", (order,))


def _permuting(function: Callable) -> Callable:
    """A function that permutes axes: which ones is read off an empty array."""

    def permuted(trace: Trace, a: Any, *args: Any, **kwargs: Any) -> Any:
        if type(a) is not Traced:
            return None
        sizes = np.broadcast_to(np.zeros(()), tuple(range(2, a.ndim + 2)))
        order = tuple(n - 2 for n in function(sizes, *args, **kwargs).shape)
        return transpose(trace, a, order)

    return permuted


def _reshaping(function: Callable) -> Callable:
    """A function that adds or removes axes of length one, or flattens."""

    def reshaped(trace: Trace, a: Any, *args: Any, **kwargs: Any) -> Any:
        if type(a) is not Traced or a.stands_for is not np.ndarray or kwargs.get("order", "C") != "C" or "K" in args:
            return None
        value = laid_out(lambda x: function(x, *args, **kwargs), operand(a), False)
        return a.layout(value, "reshape", (value.shape,))

    return reshaped


def ravel(trace: Trace, a: Any, order: str = "C") -> Any:
    if type(a) is not Traced or order != "C" or a.stands_for is not np.ndarray:
        return None
    return reshape(trace, a, (-1,))


def broadcast_to(trace: Trace, array: Any, shape: Any, subok: bool = False) -> Any:
    if type(array) is not Traced:
        return None
    value = laid_out(lambda x: np.broadcast_to(x, shape), operand(array))
    if value.shape == array.shape and array.stands_for is np.ndarray:
        return array.layout(value, "reshape", (value.shape,))
    return array.layout(value, "broadcast", (value.shape,))


def flip(trace: Trace, m: Any, axis: Any = None) -> Any:
    if type(m) is not Traced or m.stands_for is not np.ndarray:
        return None
    np.flip(seen(m), axis)  # NumPy's own errors
    axes = _axes(axis, m.ndim)
    return m[tuple(slice(None, None, -1) if i in axes else slice(None) for i in range(m.ndim))]  # type: ignore[index]


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
        box = tuple(_slice(s, t, n) for s, t, n in zip(starts, steps, lengths, strict=True))
        found = x.layout(laid_out(lambda y: y[box], operand(x)), "slice", (starts, steps))
    if np.shape(value) != lengths or kind_of(value) is not np.ndarray or found is x:
        found = found.layout(value, "reshape", (np.shape(value),))
    return found


def _slice(start: int, step: int, length: int) -> slice:
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
        boxed = x.concrete[tuple(_slice(s, t, n) for s, t, n in zip(starts, steps, lengths, strict=True))]
        target = x.layout(boxed, "slice", (starts, steps))
    if not target.size:
        x.concrete[unplaced(index)] = plain
        return
    shape = x.concrete[unplaced(index)].shape
    if shape != target.shape:
        target = target.layout(target.concrete.reshape(shape), "reshape", (shape,))
    target.write(instruction_of(x.run, value), lambda: x.concrete.__setitem__(unplaced(index), plain))


# -- creating and joining ---------------------------------------------------------------------------------------------


def _like(function: Callable) -> Callable:
    def made(trace: Trace, a: Any, *args: Any, **kwargs: Any) -> Any:
        if any(type(x) is Traced for x in (*args, *kwargs.values())):
            return None
        if many(np.size(seen(a))) and "shape" not in kwargs and a.dtype in NATIVE and function is not np.empty_like:
            value = computed(trace, function, (a, *args), kwargs)
            if value.dtype in NATIVE:
                number = trace.constant(value.dtype.type(function is np.ones_like))
                return result(trace, value, "broadcast", (number,), (value.shape,))
        value = function(seen(a), *args, **kwargs)
        if function is np.empty_like:
            value = np.zeros_like(value)  # what is read before it is written is anything
        return wrapped(trace, value, trace.constant(value))

    return made


def full_like(trace: Trace, a: Any, fill_value: Any, *args: Any, **kwargs: Any) -> Any:
    value = (
        np.full_like(seen(a), seen(fill_value), *args, **kwargs)
        if "shape" in kwargs
        else computed(trace, np.full_like, (a, fill_value, *args), kwargs)
    )
    filled = trace.cast(instruction_of(trace, fill_value), value.dtype)
    return result(trace, value, "broadcast", (filled,), (value.shape,))


def copy(trace: Trace, a: Any, order: str = "K", subok: bool = False) -> Any:
    if type(a) is not Traced:
        return None
    value = computed(trace, np.array, (a,), {"order": order, "copy": True})
    return wrapped(trace, value, a.instruction)


def concatenate(trace: Trace, arrays_given: Any, axis: Any = 0, out: Any = None, **kwargs: Any) -> Any:
    if any(x not in (None, "same_kind") for x in (out, *kwargs.values())) or type(arrays_given) not in (tuple, list):
        return None
    value = _concatenated(trace, tuple(arrays_given), axis)
    if not native(value) or not math.prod(value.shape):
        return None
    if axis is None:
        arrays_given, axis = [np.ravel(x) for x in arrays_given], 0
    parts = [trace.cast(instruction_of(trace, x), value.dtype) for x in arrays_given]
    parts = [x for x in parts if x.size]
    if len(parts) == 1:
        return wrapped(trace, value, parts[0])
    return result(trace, value, "concatenate", parts, (operator.index(axis) % len(value.shape),))


def _concatenated(trace: Trace, parts: tuple, axis: Any) -> Any:
    """The value of a concatenation, later if that of a part is."""
    function = lambda *given: np.concatenate(given, axis=axis)
    if not any(type(operand(x)) is Later for x in parts) or axis is None:
        return function(*map(concrete, parts))
    like = function(*map(seen, parts))  # NumPy's own errors
    return Later(function, tuple(map(operand, parts)), like.shape, like.dtype)


def stack(trace: Trace, arrays_given: Any, axis: Any = 0, out: Any = None, **kwargs: Any) -> Any:
    if any(x not in (None, "same_kind") for x in (out, *kwargs.values())) or type(arrays_given) not in (tuple, list):
        return None
    if len({np.shape(seen(x)) for x in arrays_given}) != 1:
        return None
    return np.concatenate([np.expand_dims(_array(x), axis) for x in arrays_given], axis=axis)


def _array(x: Any) -> Any:
    """An operand as an array: a number gets the shape ()."""
    if type(x) is not Traced:
        return np.asarray(x)
    if x.stands_for is np.ndarray:
        return x
    return wrapped(x.run, np.asarray(x.concrete), x.instruction)


def expand_dims(trace: Trace, a: Any, axis: Any) -> Any:
    if type(a) is not Traced:
        return None
    value = laid_out(lambda x: np.expand_dims(x, axis), operand(a))
    return _array(a).layout(value, "reshape", (value.shape,))


def where(trace: Trace, condition: Any, x: Any = NO_VALUE, y: Any = NO_VALUE) -> Any:
    if x is NO_VALUE:
        return None
    value = computed(trace, np.where, (condition, x, y))
    if not native(value, *map(seen, (condition, x, y))):
        return None
    c = trace.cast(instruction_of(trace, condition), BOOL)
    return result(trace, value, "select", [c, *(trace.cast(instruction_of(trace, v), value.dtype) for v in (x, y))])


def clip(
    trace: Trace,
    a: Any,
    a_min: Any = None,
    a_max: Any = None,
    out: Any = None,
    *,
    min: Any = None,
    max: Any = None,
    **kwargs: Any,
) -> Any:
    low = min if min is not None and min is not NO_VALUE else a_min
    high = max if max is not None and max is not NO_VALUE else a_max
    if kwargs or out is not None or not native(seen(a)) or low is NO_VALUE or high is NO_VALUE:
        return None
    found = a
    if low is not None:
        found = np.maximum(found, low)
    return found if high is None else np.minimum(found, high)


def put(trace: Trace, values: Any, shape: Any, index: Any, unique: Any) -> Any:
    """The adjoint of taking (see `linear.put`)."""
    dtype = getattr(values, "dtype", FLOAT64)
    if dtype not in NATIVE:
        return None
    zero = trace.constant(dtype.type(0))
    zeros = trace.emit("broadcast", (zero,), shape, dtype, (shape,))
    base = Traced(trace, np.ndarray(shape, dtype, np.zeros(1, dtype), strides=(0,) * len(shape)), zeros)
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


def triangle(function: Callable) -> Callable:
    def kept(trace: Trace, m: Any, k: Any = 0) -> Any:
        if type(m) is not Traced or not native(seen(m)) or m.ndim < 2 or type(k) is Traced:
            return None
        mask = function(np.ones(m.shape[-2:], bool), k)
        return np.where(mask, m, np.zeros((), m.dtype))

    return kept


# -- products ---------------------------------------------------------------------------------------------------------


def contract(trace: Trace, spec: str, x: Any, y: Any, value: Any) -> Traced | None:
    """An instruction for einsum(spec, x, y), where each letter stands once in an operand."""
    loop = dtype_of(value)
    if loop not in (FLOAT64, FLOAT32) or not native(seen(x), seen(y)) or not np.size(value):
        return None
    operands = [trace.cast(instruction_of(trace, v), loop) for v in (x, y)]
    inputs, output = spec.split("->")
    terms = inputs.split(",")
    if any(len(set(t)) != len(t) for t in (*terms, output)) or any(0 in v.shape for v in operands):
        return None
    for i, (term, other) in enumerate(
        zip(terms, terms[::-1], strict=True)
    ):  # sums over one operand's own letters first
        own = tuple(j for j, letter in enumerate(term) if letter not in other and letter not in output)
        if own:
            v = operands[i]
            shape = tuple(n for j, n in enumerate(v.shape) if j not in own)
            operands[i] = trace.emit("reduce", (v,), shape, loop, ("add", own))
            terms[i] = "".join(letter for letter in term if letter in other or letter in output)
    return result(trace, value, "contract", operands, (",".join(terms) + "->" + output,))


def product(x: Any, y: Any) -> Any:
    """x @ y."""
    trace = x.run if type(x) is Traced else y.run
    a, b = np.shape(seen(x)), np.shape(seen(y))
    value = computed(trace, np.matmul, (x, y))  # NumPy's own errors
    letters = linear.LETTERS
    left, right = a[:-2] if len(a) > 1 else (), b[:-2] if len(b) > 1 else ()
    batch = np.broadcast_shapes(left, right)
    terms, kept = [], []
    for v, own, shape, last in ((x, left, a, "yk" if len(a) > 1 else "k"), (y, right, b, "kz" if len(b) > 1 else "k")):
        offset = len(batch) - len(own)
        keep = [i for i, n in enumerate(own) if n != 1 or batch[i + offset] == 1]
        if len(keep) != len(own):
            v = np.reshape(v, (*(own[i] for i in keep), *shape[len(own) :]))
        terms.append("".join(letters[i + offset] for i in keep) + last)
        kept.append(v)
    output = letters[: len(batch)] + ("y" if len(a) > 1 else "") + ("z" if len(b) > 1 else "")
    missing = [letter for letter in output if letter not in terms[0] + terms[1]]
    return None if missing else contract(trace, f"{terms[0]},{terms[1]}->{output}", kept[0], kept[1], value)


def matmul(trace: Trace, x: Any, y: Any, **kwargs: Any) -> Any:
    return None if kwargs else product(x, y)


def dot(trace: Trace, a: Any, b: Any, out: Any = None) -> Any:
    n, m = np.ndim(seen(a)), np.ndim(seen(b))
    if out is not None:
        return None
    if n == 0 or m == 0:
        return _scaled(a, b)
    value = computed(trace, np.dot, (a, b))
    if n <= 2 and m <= 2:
        return np.matmul(a, b)
    one, two = linear.LETTERS[: n - 1], linear.LETTERS[n - 1 : n + m - 2]
    second = (two[:-1] + "z" + two[-1:]) if m > 1 else "z"
    return contract(trace, f"{one}z,{second}->{one}{two}", a, b, value)


def _scaled(a: Any, b: Any) -> Any:
    """A product with a number, which here is an array of its own dtype: it does not take that of the other."""
    return None if any(kind_of(operand(x)) in NUMBERS for x in (a, b)) else np.multiply(a, b)


def inner(trace: Trace, a: Any, b: Any) -> Any:
    n, m = np.ndim(seen(a)), np.ndim(seen(b))
    if n == 0 or m == 0:
        return _scaled(a, b)
    one, two = linear.LETTERS[: n - 1], linear.LETTERS[n - 1 : n + m - 2]
    return contract(trace, f"{one}z,{two}z->{one}{two}", a, b, computed(trace, np.inner, (a, b)))


def outer(trace: Trace, a: Any, b: Any, out: Any = None) -> Any:
    if out is not None:
        return None
    return np.multiply(np.reshape(a, (-1, 1)), np.reshape(b, (1, -1)))


def vdot(trace: Trace, a: Any, b: Any) -> Any:
    if not native(seen(a), seen(b)):
        return None
    computed(trace, np.vdot, (a, b))  # NumPy's own errors
    return np.dot(np.reshape(a, -1), np.reshape(b, -1))


def tensordot(trace: Trace, a: Any, b: Any, axes: Any = 2) -> Any:
    n, m = np.ndim(seen(a)), np.ndim(seen(b))
    value = computed(trace, np.tensordot, (a, b), {"axes": axes})
    if isinstance(axes, (int, np.integer)):
        first, second = list(range(n - int(axes), n)), list(range(int(axes)))
    else:
        first, second = ([int(i)] if isinstance(i, (int, np.integer)) else list(i) for i in axes)
    first, second = [i % n for i in first], [i % m for i in second]
    one, two = list(linear.LETTERS[:n]), list(linear.LETTERS[n : n + m])
    for i, j in zip(first, second, strict=True):
        two[j] = one[i]
    shared = {one[i] for i in first}
    output = [letter for letter in one + two if letter not in shared]
    spec = f"{''.join(one)},{''.join(two)}->{''.join(output)}"
    return contract(trace, spec, a, b, value)


def einsum(trace: Trace, spec: Any, *operands: Any, optimize: Any = False, **kwargs: Any) -> Any:
    if kwargs or not isinstance(spec, str) or "." in spec:
        return None
    spec = spec.replace(" ", "")
    inputs, arrow, output = spec.partition("->")
    terms = inputs.split(",")
    if not arrow:
        letters = inputs.replace(",", "")
        output = "".join(sorted(letter for letter in set(letters) if letters.count(letter) == 1))
    if any(len(set(term)) != len(term) for term in terms) or not native(*map(seen, operands)):
        return None
    value = computed(trace, functools.partial(np.einsum, spec), operands)
    if len(operands) == 2:
        sizes = [dict(zip(t, np.shape(seen(v)), strict=True)) for t, v in zip(terms, operands, strict=True)]
        if any(sizes[0][letter] != sizes[1][letter] for letter in sizes[0].keys() & sizes[1].keys()):
            return None
        return contract(trace, f"{inputs}->{output}", *operands, value)
    if len(operands) == 1:
        (x,), (term,) = operands, terms
        away = tuple(i for i, letter in enumerate(term) if letter not in output)
        kept = "".join(letter for letter in term if letter in output)
        if not away:
            return None  # a view of its operand
        return np.transpose(np.sum(x, axis=away), [kept.index(letter) for letter in output])
    return None


# -- put together from others -----------------------------------------------------------------------------------------


def norm(trace: Trace, x: Any, ord: Any = None, axis: Any = None, keepdims: bool = False) -> Any:
    if not (ord is None or (ord == 2 and (np.ndim(seen(x)) == 1 or isinstance(axis, int)))):
        return None
    if dtype_of(x) not in (FLOAT64, FLOAT32):
        return None
    return np.sqrt(np.sum(np.multiply(x, x), axis=axis, keepdims=keepdims))


def diff(trace: Trace, a: Any, n: int = 1, axis: int = -1, **kwargs: Any) -> Any:
    if kwargs or dtype_of(a) not in (FLOAT64, FLOAT32) or n < 0 or not _is_axis(a, axis):
        return None
    whole = (slice(None),) * (axis % a.ndim)
    for _ in range(n):
        a = a[(*whole, slice(1, None))] - a[(*whole, slice(None, -1))]
    return a


def cross(trace: Trace, a: Any, b: Any, axisa: int = -1, axisb: int = -1, axisc: int = -1, axis: Any = None) -> Any:
    """Of vectors of three entries along the last axis."""
    if (axisa, axisb, axisc, axis) != (-1, -1, -1, None) or not native(seen(a), seen(b)):
        return None
    if np.shape(seen(a))[-1:] != (3,) or np.shape(seen(b))[-1:] != (3,):
        return None
    a0, a1, a2 = (a[..., i] for i in range(3))
    b0, b1, b2 = (b[..., i] for i in range(3))
    return np.stack([a1 * b2 - a2 * b1, a2 * b0 - a0 * b2, a0 * b1 - a1 * b0], axis=-1)


def at_least(count: int) -> Callable:
    function = {1: np.atleast_1d, 2: np.atleast_2d, 3: np.atleast_3d}[count]

    def raised(trace: Trace, *given: Any) -> Any:
        if len(given) != 1 or type(given[0]) is not Traced:
            return None
        a = _array(given[0])
        value = laid_out(function, operand(a))
        return a if value.shape == a.shape else a.layout(value, "reshape", (value.shape,))

    return raised


def joined(along: Callable, prepare: Callable) -> Callable:
    def join(trace: Trace, tup: Any, **kwargs: Any) -> Any:
        if kwargs or type(tup) not in (tuple, list):
            return None
        return along([prepare(_array(x)) for x in tup])

    return join


def _columns(parts: list) -> Any:
    return np.concatenate([np.reshape(x, (-1, 1)) if np.ndim(x) < 2 else x for x in parts], axis=1)


def real(trace: Trace, val: Any) -> Any:
    return val if type(val) is Traced and val.dtype.kind == "f" else None


def imag(trace: Trace, val: Any) -> Any:
    return np.zeros_like(val) if type(val) is Traced and val.dtype.kind == "f" else None


def _is_axis(a: Any, axis: Any) -> bool:
    return isinstance(axis, int) and -np.ndim(seen(a)) <= axis < np.ndim(seen(a))


def roll(trace: Trace, a: Any, shift: Any, axis: Any = None) -> Any:
    if type(a) is not Traced or not isinstance(shift, int) or not (axis is None or _is_axis(a, axis)) or not a.size:
        return None
    if axis is None:
        return np.reshape(np.roll(np.reshape(a, -1), shift, 0), a.shape)
    n = a.shape[axis]
    whole = (slice(None),) * (axis % a.ndim)
    cut = -shift % n
    parts = [getitem(a, (*whole, slice(cut, None))), getitem(a, (*whole, slice(None, cut)))]
    return np.concatenate(parts, axis=axis)


def astype(trace: Trace, x: Any, dtype: Any, /, *, copy: bool = True, **kwargs: Any) -> Any:
    return None if kwargs else x.astype(dtype, copy=copy)


# -- what writes into its arguments -----------------------------------------------------------------------------------


def _writing(function: Callable) -> Callable:
    """A function that writes into its first argument."""

    def on_copy(base: Any, *args: Any, **kwargs: Any) -> Any:
        base = np.array(base)
        function(base, *args, **kwargs)
        return base

    def written(trace: Trace, target: Any, *args: Any, **kwargs: Any) -> None:
        if type(target) is not Traced:
            raise trace.give_up(f"np.{function.__name__} writes traced values into a plain array")
        made = call_back(trace, on_copy, (target, *args), kwargs, function.__name__)
        value = made.concrete
        target.write(made.instruction, lambda: target.concrete.__setitem__(..., value))

    return written


def copyto(trace: Trace, dst: Any, src: Any, casting: str = "same_kind", where: Any = True) -> None:
    if type(dst) is not Traced:
        raise trace.give_up("np.copyto writes traced values into a plain array")
    if where is not True:
        src = np.where(where, src, dst)
    plain = concrete(src)
    dst.write(instruction_of(trace, src), lambda: np.copyto(dst.concrete, plain, casting=casting))  # type: ignore[arg-type]


METADATA = {
    np.shape, np.ndim, np.size, np.result_type, np.can_cast, np.iscomplexobj, np.isrealobj, np.common_type, np.min_scalar_type,
}  # fmt: skip

ROWS: dict[Any, Callable] = {
    np.sum: _reduction("add"), np.prod: _reduction("multiply"), np.max: _reduction("maximum"), np.min: _reduction("minimum"),
    np.amax: _reduction("maximum"), np.amin: _reduction("minimum"), np.any: _reduction("logical_or"),
    np.all: _reduction("logical_and"), np.mean: mean, np.var: var, np.std: std,
    np.reshape: reshape, np.transpose: transpose, np.permute_dims: transpose, np.ravel: ravel, np.broadcast_to: broadcast_to,
    np.swapaxes: _permuting(np.swapaxes), np.moveaxis: _permuting(np.moveaxis), np.rollaxis: _permuting(np.rollaxis),
    np.matrix_transpose: _permuting(np.matrix_transpose), np.squeeze: _reshaping(np.squeeze), np.expand_dims: expand_dims,
    np.atleast_1d: at_least(1), np.atleast_2d: at_least(2), np.atleast_3d: at_least(3),
    np.flip: flip, np.fliplr: lambda trace, m: flip(trace, m, 1), np.flipud: lambda trace, m: flip(trace, m, 0),
    np.zeros_like: _like(np.zeros_like), np.ones_like: _like(np.ones_like), np.empty_like: _like(np.empty_like),
    np.full_like: full_like, np.copy: copy, np.concatenate: concatenate, np.stack: stack,
    np.vstack: joined(lambda parts: np.concatenate(parts, axis=0), np.atleast_2d),
    np.hstack: joined(lambda parts: np.concatenate(parts, axis=0 if np.ndim(parts[0]) == 1 else 1), np.atleast_1d),
    np.column_stack: joined(_columns, np.atleast_1d),
    np.where: where, np.clip: clip, linear.put: put, np.tril: triangle(np.tril), np.triu: triangle(np.triu),
    np.dot: dot, np.inner: inner, np.outer: outer, np.vdot: vdot, np.tensordot: tensordot, np.einsum: einsum,
    np.linalg.norm: norm, np.diff: diff, np.real: real, np.imag: imag, np.roll: roll, np.astype: astype, np.copyto: copyto,
    np.cross: cross,
    np.fill_diagonal: _writing(np.fill_diagonal), np.put: _writing(np.put), np.place: _writing(np.place),
    np.putmask: _writing(np.putmask), np.put_along_axis: _writing(np.put_along_axis),
}  # fmt: skip


def function(trace: Trace, func: Callable, args: tuple, kwargs: dict) -> Any:
    """Traced.__array_function__."""
    if func in METADATA:
        return func(*unplaced(args, seen), **unplaced(kwargs, seen))
    if func in (np.shares_memory, np.may_share_memory):
        return func(*unplaced(args, place), **unplaced(kwargs, place))
    row = ROWS.get(func)
    if row is not None:
        found = row(trace, *args, **kwargs)
        if found is not None or func in _NOTHING:
            return found
    if kwargs.get("out") is not None:
        rest = {key: value for key, value in kwargs.items() if key != "out"}
        if type(kwargs["out"]) is not Traced:
            raise trace.give_up(f"np.{func.__name__} of traced arrays writes into a plain array")
        target = kwargs["out"]
        func(*unplaced(args), **unplaced(rest), out=scratch(target))  # NumPy's own errors
        found = func(*args, **rest)
        if dtype_of(found) == target.dtype:
            return assign(trace, target, found)

        def into_copy(base: Any, *args: Any, **rest: Any) -> Any:  # NumPy computes in the dtype of `out`
            base = np.array(base)
            func(*args, **rest, out=base)
            return base

        return assign(trace, target, call_back(trace, into_copy, (target, *args), rest, func.__name__))
    return call_back(trace, func, args, kwargs)


_NOTHING = {np.copyto, np.fill_diagonal, np.put, np.place, np.putmask, np.put_along_axis}

arrays.UFUNC, arrays.FUNCTION = ufunc, function
