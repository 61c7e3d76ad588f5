"""Python's operators and ndarray's methods on traced arrays: tables that hand over to NumPy's functions.

Arithmetic between Python's own numbers stays Python's: its results are numbers that take an array's dtype, and its
errors become guards.
"""

from __future__ import annotations

import operator
import types
from collections.abc import Callable
from typing import Any

import numpy as np

from wengert.compiler.programs.program import BOOL, FLOAT64, PYTHONS, Instruction
from wengert.compiler.trace.operations import table as _table  # noqa: F401  (answers NumPy's functions)
from wengert.compiler.trace.operations.calling import call_back
from wengert.compiler.trace.operations.entries import getitem, setitem
from wengert.compiler.trace.operations.joining import copy
from wengert.compiler.trace.operations.layout import reshape, transpose
from wengert.compiler.trace.operations.operands import NATIVE, computed, instruction_of, result
from wengert.compiler.trace.operations.writing import assign, fits, scratch
from wengert.compiler.trace.traced import NUMBERS, Traced, concrete, seen
from wengert.compiler.trace.tracing import Trace
from wengert.core.variable import Variable

UFUNCS: dict[str, tuple[Callable, Any]] = {
    "add": (operator.add, np.add),
    "sub": (operator.sub, np.subtract),
    "mul": (operator.mul, np.multiply),
    "truediv": (operator.truediv, np.divide),
    "pow": (operator.pow, np.power),
    "floordiv": (operator.floordiv, np.floor_divide),
    "mod": (operator.mod, np.remainder),
    "matmul": (operator.matmul, np.matmul),
    "and": (operator.and_, np.bitwise_and),
    "or": (operator.or_, np.bitwise_or),
    "xor": (operator.xor, np.bitwise_xor),
    "lshift": (operator.lshift, np.left_shift),
    "rshift": (operator.rshift, np.right_shift),
    "lt": (operator.lt, np.less),
    "le": (operator.le, np.less_equal),
    "gt": (operator.gt, np.greater),
    "ge": (operator.ge, np.greater_equal),
    "eq": (operator.eq, np.equal),
    "ne": (operator.ne, np.not_equal),
}
SCALAR = {"add", "sub", "mul", "truediv"}
DOUBLES = (np.float64, float)
ARITHMETIC = {"add", "sub", "mul", "truediv", "pow", "floordiv", "mod"}
COMPARISONS = {"lt", "le", "gt", "ge", "eq", "ne"}


def _foreign(self: Traced, other: Any) -> bool:
    if type(other) in (list, tuple) and self.stands_for in PYTHONS:
        return True  # [0] * n is Python's own
    return isinstance(other, Variable) or not (
        isinstance(other, (Traced, int, float, complex, list, tuple, np.ndarray, np.generic))
    )


def _binary(name: str, function: Callable, ufunc: Any) -> tuple[Callable, Callable]:
    def apply(trace: Trace, x: Any, y: Any) -> Any:
        a, b = seen(x), seen(y)
        if complex in (type(a), type(b)) and not isinstance(a, np.ndarray) and not isinstance(b, np.ndarray):
            return call_back(trace, function, (x, y), {})
        if type(a) in NUMBERS and type(b) in NUMBERS:
            return _on_numbers(trace, name, function, ufunc, x, y)
        waits = getattr(x, "later", None) or getattr(y, "later", None)
        if (
            name in SCALAR and type(a) in DOUBLES and type(b) in DOUBLES and not waits
        ):  # what loops over entries are made of
            made = trace.emit(ufunc.__name__, (_number(trace, x), _number(trace, y)), (), FLOAT64)
            return Traced(trace, function(a, b), made)
        if name == "matmul" and not isinstance(a, np.ndarray) and not isinstance(b, np.ndarray):
            return function(a, b)  # Python's own error
        if name == "pow" and isinstance(a, np.ndarray) and a.dtype == BOOL:  # to int8 for some exponents
            return call_back(trace, function, (x, y), {})
        return ufunc(x, y)

    def forward(self: Traced, other: Any) -> Any:
        return NotImplemented if _foreign(self, other) else apply(self.run, self, other)

    def reflected(self: Traced, other: Any) -> Any:
        return NotImplemented if _foreign(self, other) else apply(self.run, other, self)

    return forward, reflected


def _on_numbers(trace: Trace, name: str, function: Callable, ufunc: Any, x: Any, y: Any) -> Any:
    """An operator between Python's own numbers."""
    a, b = concrete(x), concrete(y)
    floating = type(a) is float or type(b) is float
    if not floating and name not in COMPARISONS:  # integers of any size: the program holds for these
        return function(_looked_at(x), _looked_at(y))
    value = function(a, b)
    if name in COMPARISONS:
        left, right = (_number(trace, v) for v in (x, y))
        return Traced(trace, value, trace.emit(ufunc.__name__, (left, right), (), BOOL))
    if not isinstance(value, float):
        raise trace.give_up(f"Python's {function.__name__} made a {type(value).__name__} of floats")
    left, right = (_number(trace, v) for v in (x, y))
    if name in ("truediv", "floordiv", "mod"):
        zero = trace.cast(trace.constant(0.0), FLOAT64)
        trace.guard(trace.emit("not_equal", (right, zero), (), BOOL), True, "a division of Python's by")
    made = trace.emit(ufunc.__name__, (left, right), (), FLOAT64)
    if name == "pow":  # Python raises, or turns complex, where NumPy's power is inf or nan
        trace.guard(trace.emit("isfinite", (made,), (), BOOL), bool(np.isfinite(value)), "a power of Python's floats")
    return Traced(trace, value, made)


def _looked_at(x: Any) -> Any:
    """An integer or truth value of Python's, guarded."""
    if type(x) is not Traced:
        return x
    return operator.index(x) if type(x.concrete) is int else bool(x)


def _number(trace: Trace, x: Any) -> Instruction:
    """An operand as a float: an integer that is none of the trace's may be longer than 64 bits."""
    return trace.cast(instruction_of(trace, float(x) if type(x) is int else x), FLOAT64)


def _unary(function: Callable, ufunc: Any) -> Callable:
    def applied(self: Traced) -> Any:
        if self.stands_for in (int, bool):
            return function(operator.index(self))
        if self.stands_for is complex:
            return call_back(self.run, function, (self,), {})
        made = ufunc(self)
        if self.stands_for is float:
            made.concrete = function(self.concrete)
        return made

    return applied


def _in_place(name: str, function: Callable, ufunc: Any) -> Callable:
    def changed(self: Traced, other: Any) -> Any:
        if isinstance(other, Variable) and self.stands_for is np.ndarray:
            raise self.run.give_up("a variable written into an array of no derivative")
        if _foreign(self, other):
            return NotImplemented
        if self.stands_for is not np.ndarray:
            return getattr(self, f"__{name}__")(other)
        if name == "matmul":
            scratch(self).__imatmul__(concrete(other))  # NumPy's own errors
            return assign(self.run, self, ufunc(self, other))
        return ufunc(self, other, out=(self,))

    return changed


# -- methods ----------------------------------------------------------------------------------------------------------

SAME = [
    "all", "any", "argmax", "argmin", "argpartition", "argsort", "choose", "clip", "cumprod", "cumsum", "diagonal", "dot",
    "max", "mean", "min", "nonzero", "prod", "ravel", "repeat", "round", "searchsorted", "squeeze", "std", "sum", "swapaxes",
    "take", "trace", "var",
]  # fmt: skip


def _same(function: Callable) -> Callable:
    def method(self: Traced, *args: Any, **kwargs: Any) -> Any:
        return function(self, *args, **kwargs)

    return method


def _reshape(self: Any, *shape: Any, order: str = "C", copy: Any = None) -> Any:
    if len(shape) == 1:
        (shape,) = shape
    if order != "C" or copy is not None:
        return np.reshape(self, shape, order=order, copy=copy)  # type: ignore[call-overload]
    return reshape(self.run, self, shape)


def _transpose(self: Traced, *axes: Any) -> Any:
    if len(axes) == 1 and (axes[0] is None or np.ndim(axes[0])):
        (axes,) = axes
    return transpose(self.run, self, tuple(axes) if axes else None)


def astype(
    self: Traced, dtype: Any, order: str = "K", casting: str = "unsafe", subok: bool = True, copy: bool = True
) -> Any:
    dtype = np.dtype(dtype)
    if not copy and dtype == self.dtype:
        return self
    value = computed(self.run, _as_type, (self,), {"dtype": dtype, "order": order, "casting": casting})
    if dtype not in NATIVE or self.dtype not in NATIVE:
        return call_back(self.run, _cast_to, (self, dtype), {}, f"astype({dtype})")
    if dtype == self.dtype:
        return Traced(self.run, value, self.instruction)
    return result(self.run, value, "cast", (self.instruction,))


def _as_type(x: Any, dtype: Any, order: str, casting: str) -> Any:
    return x.astype(dtype, order=order, casting=casting)


def _cast_to(x: Any, dtype: Any) -> Any:
    return (np.asarray(x)[()] if isinstance(x, NUMBERS) else x).astype(dtype)


def _item(self: Traced, *index: Any) -> Any:
    entry = self[index if index else (0,) * self.ndim] if self.ndim else self  # type: ignore[index]
    value = self.concrete.item(*index)
    if isinstance(value, complex):
        raise self.run.give_up("x.item() of a complex value")
    return Traced(self.run, value, self.run.cast(entry.flat_instruction(), np.asarray(value).dtype))


def _tolist(self: Traced) -> Any:
    if not self.ndim:
        return _item(self)
    return [_tolist(self[i]) for i in range(self.shape[0])]  # type: ignore[index]


def _sort(self: Any, axis: int = -1, kind: Any = None, order: Any = None, *, stable: Any = None) -> None:
    assign(self.run, self, np.sort(self, axis=axis, kind=kind, order=order, stable=stable))


def _partition(self: Any, kth: Any, axis: int = -1, kind: str = "introselect", order: Any = None) -> None:
    assign(self.run, self, np.partition(self, kth, axis=axis, kind=kind, order=order))  # type: ignore[call-overload]


def _fill(self: Traced, value: Any) -> None:
    plain = concrete(value)
    if self.stands_for is not np.ndarray:
        return self.concrete.fill(plain)
    fits(self, value)
    scratch(self).fill(plain)  # NumPy's own errors
    self.write(instruction_of(self.run, value), lambda: self.concrete.fill(plain))
    return None


def _flatten(self: Any, order: str = "C") -> Any:
    return copy(self.run, np.ravel(self, order=order))  # type: ignore[call-overload]


def _copied(self: Traced, order: str) -> Any:
    return copy(self.run, self, order) if self.stands_for is np.ndarray else self


def _shown(self: Traced) -> Any:
    """What is made a text of: the program holds for this number."""
    if self.stands_for is np.ndarray or self.dtype.kind not in "biuf":
        raise self.run.give_up("a text made of an array")
    self.guarded(self.concrete.item() if isinstance(self.concrete, np.generic) else self.concrete, "a text made of")
    return self.concrete


def _round(self: Traced, ndigits: Any = None) -> Any:
    if self.stands_for is np.ndarray:
        raise TypeError("type numpy.ndarray doesn't define __round__ method")
    if ndigits is None:
        return round(float(self)) if self.dtype.kind == "f" else int(self)
    if self.stands_for is float:
        return round(float(self), ndigits)
    return np.round(self, ndigits)


CONJUGATE = _unary(lambda x: x.conjugate(), np.conjugate)

METHODS: dict[str, Callable] = {
    "reshape": _reshape, "transpose": _transpose, "astype": astype, "item": _item, "tolist": _tolist, "sort": _sort,
    "partition": _partition, "fill": _fill, "flatten": _flatten, "__round__": _round,
    "copy": lambda self, order="C": _copied(self, order),
    "__copy__": lambda self: _copied(self, "K"),
    "__deepcopy__": lambda self, memo: _copied(self, "K"),
    "__format__": lambda self, how: format(_shown(self), how), "__str__": lambda self: str(_shown(self)),
    "__repr__": lambda self: repr(_shown(self)),
    "conj": lambda self: self if self.dtype.kind != "c" else np.conjugate(self),
    "conjugate": lambda self: self if self.dtype.kind != "c" else CONJUGATE(self),
    "compress": lambda self, condition, axis=None: np.compress(condition, self, axis=axis),
    "put": lambda self, indices, values, mode="raise": np.put(self, indices, values, mode),
    "is_integer": lambda self: float(self).is_integer(),
    "__contains__": lambda self, value: bool(np.any(self == value)),
    "__trunc__": lambda self: int(self), "__floor__": lambda self: int(np.floor(self)),
    "__ceil__": lambda self: int(np.ceil(self)),
    "__divmod__": lambda self, other: (self // other, self % other),
    "__rdivmod__": lambda self, other: (other // self, other % self),
    "__invert__": _unary(operator.invert, np.invert), "__neg__": _unary(operator.neg, np.negative),
    "__pos__": _unary(operator.pos, np.positive), "__abs__": _unary(operator.abs, np.absolute),
    "__getitem__": getitem, "__setitem__": setitem,
}  # fmt: skip


def _of_value(name: str) -> Callable:
    return lambda self: getattr(np.asarray(self.concrete), name)


def _part(function: Callable) -> Callable:
    def part(self: Traced) -> Any:
        if self.stands_for in NUMBERS:
            return self if function is np.real else self.concrete.imag
        return function(self)

    return part


ATTRIBUTES: dict[str, Callable] = {
    "T": lambda self: transpose(self.run, self), "mT": lambda self: np.matrix_transpose(self),
    "real": _part(np.real), "imag": _part(np.imag), "flat": lambda self: np.reshape(self, -1),
    **{name: _of_value(name) for name in ("itemsize", "nbytes", "strides", "flags")},
    "device": lambda self: "cpu",
}  # fmt: skip


def _no_setter(name: str) -> Callable:
    def changed(self: Traced, value: Any) -> None:
        raise self.run.give_up(f"x.{name} of a traced array is assigned")

    return changed


class Member:
    """A method of arrays, which Python's own numbers do not all have."""

    def __init__(self, name: str, function: Callable):
        self.name, self.function = name, function

    def __get__(self, x: Traced | None, kind: Any = None) -> Any:
        if x is None:
            return self.function
        stands_for = x.stands_for
        if stands_for in PYTHONS and not hasattr(stands_for, self.name):
            raise AttributeError(f"{stands_for.__name__!r} object has no attribute {self.name!r}")
        return types.MethodType(self.function, x)


def install() -> None:
    """Give traced arrays their operators, methods and attributes."""
    for name, (function, ufunc) in UFUNCS.items():
        forward, reflected = _binary(name, function, ufunc)
        setattr(Traced, f"__{name}__", forward)
        if name not in COMPARISONS:
            setattr(Traced, f"__r{name}__", reflected)
            setattr(Traced, f"__i{name}__", _in_place(name, function, ufunc))
    for name in SAME:
        setattr(Traced, name, Member(name, _same(getattr(np, name))))
    for name, method in METHODS.items():
        setattr(Traced, name, method if name.startswith("__") else Member(name, method))
    for name, getter in ATTRIBUTES.items():
        setattr(Traced, name, property(getter, _no_setter(name)))
    for name in ("shape", "dtype"):
        setattr(Traced, name, getattr(Traced, name).setter(_no_setter(name)))


install()
