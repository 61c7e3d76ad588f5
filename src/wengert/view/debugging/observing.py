"""Watching a call: where derivatives leave the graph, and which sweeps are made.

An `Observation` is a recording that looks at what the library's functions return to the user's code. It sees plain numbers made
of variables (`stop_gradient`, comparisons, `x.val`, `astype(int)`), because those are in no graph. Like every recording it is a
profiling hook of one thread, so that nothing is looked at, and nothing paid, outside the call.
"""

from __future__ import annotations

import inspect
import numbers
import re
from collections.abc import Callable, Collection, Mapping, Sequence
from types import CodeType
from typing import Any, NamedTuple

import numpy as np

from wengert.core.sweep import pull_back, push_forward, unit
from wengert.core.trees import flatten
from wengert.core.variable import FREED, Variable
from wengert.view.debugging.findings import Cut
from wengert.view.recording import HERE, Place, Recording, is_library, named_values, place_at

# What tells of a variable's form and not of its numbers.
FORM = frozenset(
    "shape ndim size dtype __len__ __repr__ __format__ __hash__ name itemsize nbytes flags result_type can_cast iscomplexobj "
    "isrealobj broadcast_shapes may_share_memory shares_memory array_repr array_str __array_namespace__".split()
)
REASONS = {
    "stop_gradient": "asked for",
    "val": "the plain value was taken",
    "astype": "a cast to integers or booleans",
    "__int__": "a cast to an integer",
    "tolist": "the plain values were taken",
}
COMPARISONS = frozenset(
    "comparison greater greater_equal less less_equal equal not_equal isclose allclose "
    "isnan isinf isfinite signbit logical_and logical_or logical_not logical_xor".split()
)


class Left(NamedTuple):
    """Variables that a plain number was made of."""

    variables: list[Variable]
    cut: Cut


class Observation(Recording):
    """A recording that also notes what left the graph, the last variable computed, and the sweeps.

    Attributes
    ----------
    error
        What the function raised, if it did.
    left : list of Left
        In the order in which it happened, each place once.
    last : Variable or None
        What the library returned last to the user's code.
    """

    def __init__(self, code: CodeType | None = None, on_sweep: Callable[[dict, bool, int], None] | None = None):
        super().__init__(code)
        self.error: Exception | None = None
        self.left: list[Left] = []
        self.last: Variable | None = None
        self._noted: set[tuple] = set()
        self._given: dict[Any, dict[str, Any]] = {}  # open calls of the library by the user's code: frame -> arguments
        self._on_sweep = on_sweep

    def _look(self, frame: Any, event: str, argument: Any) -> None:
        super()._look(frame, event, argument)
        code = frame.f_code
        caller = frame.f_back
        if caller is None or event not in ("call", "return"):
            return
        library, from_library = is_library(code.co_filename), is_library(caller.f_code.co_filename)
        if library and not from_library:
            if not code.co_filename.startswith(HERE):  # a dispatcher of NumPy's: it hands back what it was given
                return
            if event == "call":  # what it is given: a function may use its parameters' names for something else later
                self._given[frame] = dict(frame.f_locals)
                return
            given = self._given.pop(frame, {})
            if isinstance(argument, Variable):
                self.last = argument
            elif argument is not None:
                self._note(code, given, caller, argument)
        elif event == "call" and not library:
            if from_library:
                # A function that the library calls, such as that of `grad`: nobody else has a name for what it gets.
                for name, value in named_values(frame.f_locals):
                    self._seen.setdefault((False, name, id(value)), value)
        elif event == "call" and code is _SWEEP and self._on_sweep is not None:
            given = frame.f_locals
            self._on_sweep(given["seeds"], given["keep"] or given["leaves"] is None, given["lead"])
        elif event == "call" and code is _PUSH and self._on_sweep is not None:
            # Forward mode goes along the same edges: what is not finite in them, a reverse sweep meets too.
            self._on_sweep({node: ones_like(node) for node in frame.f_locals["outputs"]}, True, 0)

    def _note(self, code: CodeType, given: Mapping[str, Any], caller: Any, result: Any) -> None:
        """Note a plain number, or a tree of them, that was made of variables."""
        name = _function_name(code, given)
        if name in FORM or not _is_plain(result):
            return
        key = (caller.f_code, caller.f_lasti)
        if key in self._noted:
            return
        variables = [v for value in given.values() for v in _variables(value)]
        if variables:
            self._noted.add(key)
            self.left.append(Left(variables, Cut(name, _reason(name, result), place_at(caller.f_code, caller.f_lasti))))


_SWEEP, _PUSH = pull_back.__code__, push_forward.__code__


def ones_like(node: Variable) -> Any:
    """The cotangent of a sum over all entries."""
    return unit(node._val) if node.size == 1 else np.ones(node.shape, node.dtype)


# Of functions that stand for many, what they were asked for: the name of that parameter, or of the variable they close over.
ASKED = {"__array_ufunc__": "ufunc", "__array_function__": "func", "method": "rule"}


def _function_name(code: CodeType, given: Mapping[str, Any]) -> str:
    asked = given.get(ASKED.get(code.co_name, ""))
    if asked is None:
        return code.co_name
    return str(getattr(asked, "__name__", None) or getattr(asked, "name", code.co_name))


def _reason(name: str, result: Any) -> str:
    if name in REASONS:
        return REASONS[name]
    if name in COMPARISONS:
        return "a comparison"
    leaves = [leaf for leaf in flatten(result)[0] if not isinstance(leaf, Variable)]
    whole = all(isinstance(x, (bool, int)) or getattr(getattr(x, "dtype", None), "kind", "f") in "biu" for x in leaves)
    return "it returns integers or booleans" if whole else "it returns plain numbers"


def _is_plain(result: Any) -> bool:
    """Is it a number or an array, or are such among the results?"""
    if isinstance(result, (tuple, list, dict)):
        return any(_is_plain(leaf) for leaf in flatten(result)[0])
    return isinstance(result, (numbers.Number, np.ndarray, np.generic))


def _variables(value: Any) -> list[Variable]:
    if isinstance(value, Variable):
        return [value.node]
    if isinstance(value, (tuple, list, dict)):
        return [leaf.node for leaf in flatten(value)[0] if isinstance(leaf, Variable)]
    return []


def observed(function: Callable, arguments: Sequence, keywords: Mapping[str, Any]) -> Observation:
    """Call the function while it is watched; what it raises becomes the observation's `error`."""
    written = function if inspect.isroutine(function) else type(function).__call__  # type: ignore[operator]
    observation = Observation(getattr(inspect.unwrap(written), "__code__", None) or observed.__code__)
    try:
        with np.errstate(all="ignore"), observation:
            observation.value = function(*arguments, **keywords)
    except Exception as error:
        observation.error = error
    return observation


def raised_in(error: BaseException) -> tuple[Place | None, list[tuple[str, Any]]]:
    """Where in the user's code an error was raised, and the variables and arrays that the line there names."""
    trace, found = error.__traceback__, None
    while trace is not None:
        if not is_library(trace.tb_frame.f_code.co_filename):
            found = trace
        trace = trace.tb_next
    if found is None:
        return None, []
    place = place_at(found.tb_frame.f_code, found.tb_lasti)
    words = set(re.findall(r"\w+", place.source))
    return place, [(name, value) for name, value in named_values(found.tb_frame.f_locals) if name in words]


def computed_before(error: BaseException, observation: Observation) -> list[Variable]:
    """The variables that were there when an error was raised: those that its frames hold, and the last one computed."""
    found = [] if observation.last is None else [observation.last.node]
    trace = error.__traceback__
    while trace is not None:
        found += [v for value in list(trace.tb_frame.f_locals.values()) for v in _variables(value)]
        trace = trace.tb_next
    kept = [v for v in dict.fromkeys(found) if v._args is not FREED]
    level = min((v._level for v in kept), default=0)
    return [v for v in kept if v._level == level]


def ancestors(nodes: Sequence[Variable], known: Collection[Variable] = ()) -> set[Variable]:
    """All nodes that these were computed from, those of outer traces too; what is known, and what is behind it, is left out."""
    found: set[Variable] = set()
    stack = list(nodes)
    while stack:
        node = stack.pop()
        if node in found or node in known:
            continue
        found.add(node)
        if node._args is not FREED:
            stack += [arg for arg in node._args if isinstance(arg, Variable)]
        if isinstance(node._val, Variable):
            stack.append(node._val)
    return found
