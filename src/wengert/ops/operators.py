"""Python's operators on variables: straight to the primitive, without NumPy's protocol, because they are the hot path."""

from __future__ import annotations

import math
import operator
from collections.abc import Callable
from typing import Any

import numpy as np

from wengert.core.partials import Elementwise
from wengert.core.primitive import node_of
from wengert.core.registry import find
from wengert.core.variable import NO_PARAMS, Variable, new_serial
from wengert.ops import elementwise as ew

_new, _ndarray = object.__new__, np.ndarray
_PLAIN = frozenset({float, int, np.ndarray, np.float64})


def _divide(x: Any, y: Any) -> Any:
    try:
        return x / y
    except ZeroDivisionError:  # Python floats: NumPy answers inf or nan
        return np.divide(x, y)


def _power(x: Any, y: Any) -> Any:
    # Python's floats raise, or turn complex, where NumPy answers inf or nan; arrays are squared faster by their operator
    return x**y if x.__class__ is np.ndarray or y.__class__ is np.ndarray else np.power(x, y)


def _binary(primitive: Elementwise, function: Callable) -> tuple[Callable, Callable]:
    """The operator and its reflection. `function` computes the value, on floats faster than the ufunc does."""

    def forward(self: Variable, other: Any) -> Any:
        if other.__class__ is Variable:
            if self._level != other._level:
                return primitive(self, other)
            node = _new(Variable)
            node._val = function(self._val, other._val)
            node._args = node._children = (self, other)
        elif other.__class__ in _PLAIN and (other.__class__ is not _ndarray or other.dtype.kind != "O"):
            node = _new(Variable)
            node._val = function(self._val, other)
            node._args, node._children = (self, other), (self,)
        else:
            return NotImplemented if _unknown(other) else primitive(self, other)
        node._primitive, node._level, node._serial, node._params = primitive, self._level, new_serial(), NO_PARAMS
        return node

    def reflected(self: Variable, other: Any) -> Any:
        if other.__class__ not in _PLAIN or (other.__class__ is _ndarray and other.dtype.kind == "O"):
            return NotImplemented if _unknown(other) else primitive(other, self)
        return node_of(primitive, function(other, self._val), (other, self), NO_PARAMS, self._level, (self,))

    return forward, reflected


def _unknown(other: Any) -> bool:
    """Something that is neither a number nor an array: Python shall ask the other operand."""
    return not isinstance(other, (Variable, int, float, complex, list, tuple, np.generic, np.ndarray)) and not hasattr(
        other, "__array_ufunc__"
    )


def _slow(ufunc: np.ufunc) -> tuple[Callable, Callable]:
    rule = find(ufunc)

    def forward(self: Variable, other: Any) -> Any:
        return NotImplemented if _unknown(other) else rule(self, other)

    def reflected(self: Variable, other: Any) -> Any:
        return NotImplemented if _unknown(other) else rule(other, self)

    return forward, reflected


def _compare(function: Callable) -> Callable:
    def comparison(self: Variable, other: Any) -> Any:
        while isinstance(other, Variable):
            other = other.node._val
        value = self.node._val
        while isinstance(value, Variable):
            value = value.node._val
        return function(value, other)

    return comparison


def _round(self: Variable, ndigits: int | None = None) -> Any:
    """round(x) is an integer, round(x, n) a piecewise constant function, as for NumPy's scalars."""
    return _to_integer(round)(self) if ndigits is None else np.round(self, ndigits)


def _to_integer(function: Callable) -> Callable:
    def integer(self: Variable) -> int:
        value = self.node._val
        while isinstance(value, Variable):
            value = value.node._val
        return function(value)

    return integer


def install() -> None:
    """Give the Variable its operators."""
    fast = {
        "add": (ew.add, operator.add),
        "sub": (ew.subtract, operator.sub),
        "mul": (ew.multiply, operator.mul),
        "truediv": (ew.divide, _divide),
        "pow": (ew.power, _power),
    }
    for name, (primitive, function) in fast.items():
        forward, reflected = _binary(primitive, function)
        setattr(Variable, f"__{name}__", forward)
        setattr(Variable, f"__r{name}__", reflected)
    slow = {"floordiv": np.floor_divide, "mod": np.remainder, "matmul": np.matmul, "divmod": np.divmod}
    for name, ufunc in slow.items():
        forward, reflected = _slow(ufunc)
        setattr(Variable, f"__{name}__", forward)
        setattr(Variable, f"__r{name}__", reflected)
    for name in ("lt", "le", "gt", "ge", "eq", "ne"):
        setattr(Variable, f"__{name}__", _compare(getattr(operator, name)))
    Variable.__round__ = _round  # type: ignore[attr-defined]
    for name in ("trunc", "floor", "ceil"):  # what math.floor(x) asks for: an integer, which has no derivative
        setattr(Variable, f"__{name}__", _to_integer(getattr(math, name)))
    Variable.__neg__ = lambda self: ew.negative(self)  # type: ignore[attr-defined]
    Variable.__pos__ = lambda self: ew.positive(self)  # type: ignore[attr-defined]
    Variable.__abs__ = lambda self: ew.absolute(self)  # type: ignore[attr-defined]
