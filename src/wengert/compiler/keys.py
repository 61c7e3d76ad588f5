"""Keys: what of a call decides which programs may answer it."""

from __future__ import annotations

import inspect
import types
from collections.abc import Callable
from typing import Any

import numpy as np

from wengert.compiler.trace.tracing import ROOM
from wengert.core.trees import LEAF, Structure

MOST_EXACT = 1 << 53  # Python's integers nearer to 0 than this are inputs: they are exact as floats, too


class Eagerly(Exception):
    """This call is to be run as plain Python; the text says why."""


def described(structure: Structure) -> Any:
    """A tree's shape as a part of a key: with its classes themselves, and the order of its keys."""
    kind, keys = structure.kind, structure.keys
    if kind is LEAF or kind is None:
        return kind
    parts = [described(part) for part in structure.children]
    if kind is not dict:
        return kind, *parts
    if set(map(type, keys)) - {str}:
        keys = tuple((type(key), key) for key in keys)  # 1 == True
    return getattr(structure.mapping, "args", structure.mapping), keys, *parts  # a defaultdict is known by its factory


def sees_order(function: Callable) -> bool:
    """Might the function see in which order its keywords are given?"""
    if not isinstance(function, (types.FunctionType, types.MethodType)):
        return True
    code = function.__code__
    if code.co_filename.startswith(ROOM) and hasattr(function, "__wrapped__"):  # a derivative passes them on
        return sees_order(function.__wrapped__)
    return bool(code.co_flags & inspect.CO_VARKEYWORDS)


def signature(x: Any) -> Any:
    """What of a leaf decides which program fits: the type, of arrays dtype, shape and layout, of objects themselves."""
    kind = type(x)
    if kind is np.ndarray:
        dtype = x.dtype
        if not dtype.isnative or dtype.kind not in "biufc":
            raise Eagerly(f"an array of dtype {dtype!r}")
        flags = x.flags
        if not flags.aligned:
            raise Eagerly("an array that is not aligned")
        layout = None if flags.c_contiguous else x.strides
        return kind, dtype, x.shape, layout, flags.writeable
    if kind in (float, complex):
        return kind
    if isinstance(x, np.generic) and x.dtype.kind in "biufc":
        return kind
    if isinstance(x, np.ndarray):
        raise Eagerly(f"an array of the class {kind.__name__}")
    if kind is int and abs(x) < MOST_EXACT:
        return kind
    if isinstance(x, np.random.Generator):
        return kind
    if hasattr(x, "__dict__"):
        return kind, Same(x)
    hash(x)
    return kind, x


class Same:
    """An object as a part of a key: itself, whatever it calls equal."""

    __slots__ = ("object",)

    def __init__(self, x: Any):
        self.object = x

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Same) and other.object is self.object

    def __hash__(self) -> int:
        return id(self.object)
