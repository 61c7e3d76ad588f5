"""Calling back: a function without instructions is run on the values of this run, and by the compiled program later."""

from __future__ import annotations

import operator
from collections.abc import Callable
from typing import Any

import numpy as np

from wengert.compiler.programs.program import BOOL, Call, Instruction, Place
from wengert.compiler.trace.operations.operands import instruction_of, result, unplaced
from wengert.compiler.trace.traced import Traced, shares
from wengert.compiler.trace.tracing import Trace
from wengert.core.variable import Variable


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
