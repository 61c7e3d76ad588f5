"""Lets plain SciPy functions that are written in Python take variables.

A ufunc asks its arguments who computes it, and so finds our rules. A Python function such as scipy.special.logsumexp
does not ask: unless the environment variable SCIPY_ARRAY_API was set before SciPy's import, its first line turns every
argument into a plain array, and a variable can only raise. So those few functions are given a new first line, once:
"if a variable is among the arguments, call its rule". The function stays the same object, with the same signature, for
whoever has imported it already; for arguments without variables it does what it did. SciPy is never imported from here.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from types import FunctionType
from typing import Any

import numpy as np

from wengert.core.registry import find
from wengert.core.variable import Variable

PACKAGE = "scipy.special"
FUNCTIONS = {
    "logsumexp": "_logsumexp",
    "softmax": "_logsumexp",
    "log_softmax": "_logsumexp",
    "multigammaln": "_spfun_stats",
    "polygamma": "_basic",
}


def install() -> None:
    """Open the entrance now if SciPy's special functions are loaded, or as soon as somebody loads them."""
    if PACKAGE in sys.modules:
        open_entrance()
    else:
        sys.meta_path.insert(0, _AfterImport())  # type: ignore[arg-type]


def open_entrance() -> None:
    for name, room in FUNCTIONS.items():
        function = getattr(sys.modules.get(f"{PACKAGE}.{room}"), name, None)
        if (
            isinstance(function, FunctionType)
            and function.__closure__ is None
            and function.__code__ is not _entrance.__code__
        ):
            _give_entrance(function)


def _entrance(*args: Any, _wengert: Any = None, **kwargs: Any) -> Any:
    return _wengert(args, kwargs)


def _give_entrance(function: FunctionType) -> None:
    original = FunctionType(function.__code__, function.__globals__, function.__name__, function.__defaults__)
    original.__kwdefaults__ = function.__kwdefaults__
    function.__wrapped__ = original  # type: ignore[attr-defined]  # inspect.signature looks here
    function.__kwdefaults__ = {"_wengert": _chooser(function, original)}
    function.__code__ = _entrance.__code__


def _chooser(function: Callable, original: Callable) -> Callable:
    def choose(args: tuple, kwargs: dict) -> Any:
        if any(map(_holds_variable, args)) or any(map(_holds_variable, kwargs.values())):
            return find(function)(*map(_stacked, args), **{key: _stacked(value) for key, value in kwargs.items()})
        return original(*args, **kwargs)

    return choose


def _holds_variable(value: Any) -> bool:
    return isinstance(value, Variable) or (isinstance(value, (list, tuple)) and any(map(_holds_variable, value)))


def _stacked(value: Any) -> Any:
    """A list of variables as the array that SciPy would make of it."""
    if isinstance(value, (list, tuple)) and _holds_variable(value):
        return np.stack([_stacked(part) for part in value])
    return value


class _AfterImport:
    """Finds nothing itself: sees scipy.special being looked for, and opens the entrance once it is loaded."""

    def find_spec(self, name: str, path: Any, target: Any = None) -> Any:
        if name != PACKAGE:
            return None
        if self in sys.meta_path:
            sys.meta_path.remove(self)
        import importlib.util  # a third of our own import time, needed by nobody who has no SciPy

        spec = importlib.util.find_spec(name)
        if spec is not None and hasattr(spec.loader, "exec_module"):
            load = spec.loader.exec_module

            def exec_module(module: Any) -> None:
                load(module)
                open_entrance()

            spec.loader.exec_module = exec_module  # type: ignore[method-assign]
        return spec
