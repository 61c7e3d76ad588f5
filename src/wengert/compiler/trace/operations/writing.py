"""What writes into a traced array: a new version of its content."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from wengert.compiler.programs.program import INT64
from wengert.compiler.trace.operations.calling import call_back
from wengert.compiler.trace.operations.operands import instruction_of
from wengert.compiler.trace.traced import Traced, concrete
from wengert.compiler.trace.tracing import Trace


def scratch(target: Traced) -> Any:
    """A copy of an array, to see whether something may be written into it."""
    if type(target.concrete) is not np.ndarray:
        return target.concrete
    made = np.copy(target.concrete)
    made.flags.writeable = target.concrete.flags.writeable
    return made


def fits(target: Traced, value: Any, numbers: tuple[type, ...] = (float, np.floating)) -> None:
    """Guard on whether a number goes into an array of integers, which takes it by int(): too large or nan, it is an error.

    `numbers` are the types of which NumPy takes it so; of others it makes some integer.
    """
    if type(value) is Traced and target.dtype == INT64 and issubclass(value.stands_for, numbers):
        if not np.logical_and(np.greater_equal(value, -(2.0**63)), np.less(value, 2.0**63)):
            bool(np.isnan(value))  # which error


def assign(trace: Trace, target: Traced, value: Any) -> Traced:
    """target[...] = value, broadcast and cast as NumPy does."""
    plain = concrete(value)
    target.write(instruction_of(trace, value), lambda: np.copyto(target.concrete, plain, casting="same_kind"))
    return target


def into_first(function: Callable) -> Callable:
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
