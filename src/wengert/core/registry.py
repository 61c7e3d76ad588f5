"""The registry: which of NumPy's (or anybody's) functions is which of our rules.

Keys are the functions themselves, (ufunc, "reduce")-like pairs for the other methods of a ufunc, and the names below for
what a room asks another by that it cannot import. This room imports nothing of the library but the errors, so that
every other room may ask it.
"""

from __future__ import annotations

import importlib
import sys
from collections.abc import Callable
from typing import Any

from wengert.core import errors

UFUNC_KEYWORDS = "a ufunc with where=, out= or dtype="  # ops.ufunc_methods
UFUNC_METHOD = "a method of a ufunc"
HAND_MADE = "Variable(val, children, local_gradients)"  # core.primitive
PINNED = "a variable's value as it is now"
BACKWARD = "Variable.backward"  # core.sweep
NAME = "Variable.name"  # core.naming
ASSIGN = "target[...] = value"  # inplace

rules: dict[Any, Callable] = {}
primitives: dict[str, Any] = {}  # every declared primitive by its name: what the laws run over
_waiting: list[tuple[str, str]] = []  # (a package, the room that declares its functions): read when first met


def when_imported(package: str, room: str) -> None:
    """Import `room` the first time that a function without a rule is met while `package` is loaded."""
    _waiting.append((package, room))


def find(function: Any) -> Callable:
    """The rule of a function; raises TypeError when there is none."""
    rule = rules.get(function)
    if rule is not None:
        return rule
    for entry in [entry for entry in _waiting if entry[0] in sys.modules]:
        importlib.import_module(entry[1])
        if entry in _waiting:
            _waiting.remove(entry)
    if function in rules:
        return rules[function]
    if isinstance(function, tuple):
        raise errors.no_rule(getattr(function[0], function[1]))
    raise errors.no_rule(function)


def implements(*functions: Any) -> Callable[[Callable], Callable]:
    """Register a composite: a function to be called instead of `functions` when a variable is among the arguments."""

    def register(rule: Callable) -> Callable:
        for function in functions:
            rules[function] = rule
        return rule

    return register
