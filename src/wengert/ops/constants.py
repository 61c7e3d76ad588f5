"""Functions whose values are integers, booleans or shapes: they have no derivative and return plain values."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from wengert.core.registry import rules
from wengert.core.variable import Variable


def plain(value: Any) -> Any:
    """A value (or a list or tuple of them) without its graph, at every level."""
    while isinstance(value, Variable):
        value = value.node._val
    return type(value)(plain(v) for v in value) if type(value) in (list, tuple) else value


def on_plain_values(function: Callable) -> Callable:
    def constant(*args: Any, **kwargs: Any) -> Any:
        return function(*map(plain, args), **{key: plain(value) for key, value in kwargs.items()})

    constant.__name__ = function.__name__
    return constant


CONSTANT_UFUNCS = [
    "equal", "not_equal", "less", "less_equal", "greater", "greater_equal", "isfinite", "isinf", "isnan", "signbit",
    "logical_and", "logical_or", "logical_xor", "logical_not", "isnat",
]  # fmt: skip
CONSTANT_FUNCTIONS = [
    "shape", "ndim", "size", "argmax", "argmin", "argsort", "argwhere", "nonzero", "flatnonzero", "argpartition",
    "all", "any", "isclose", "allclose", "array_equal", "array_equiv", "count_nonzero", "searchsorted", "digitize",
    "iscomplexobj", "isrealobj", "iscomplex", "isreal", "isneginf", "isposinf", "nanargmax", "nanargmin", "lexsort",
    "result_type", "can_cast", "common_type", "min_scalar_type", "isin",
    "array_repr", "array_str", "array2string", "may_share_memory", "shares_memory",
    "diag_indices_from", "tril_indices_from", "triu_indices_from", "ravel_multi_index", "unravel_index", "ix_", "save",
    "savetxt", "savez", "savez_compressed",
]  # fmt: skip

for _name in CONSTANT_UFUNCS + CONSTANT_FUNCTIONS:
    if hasattr(np, _name):
        rules[getattr(np, _name)] = on_plain_values(getattr(np, _name))
