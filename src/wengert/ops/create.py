"""New arrays made from variables or beside them: zeros_like, array(..., like=x), full, linspace and their kin.

What is filled with constants is a variable too, a leaf of the same trace: it can be assigned variables into, which a
plain array cannot.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from wengert.core.registry import implements
from wengert.core.variable import Variable, dtype_of, new_serial
from wengert.ops.constants import plain


def buffer(value: Any, level: int) -> Any:
    """A constant array as a variable of the given trace. Integers and booleans have no derivative and stay plain."""
    if value.dtype.kind not in "fc":
        return value
    leaf = object.__new__(Variable)
    leaf._val, leaf._args, leaf._primitive, leaf._level, leaf._serial = value, (), None, level, new_serial()
    return leaf


def innermost(*values: Any) -> int:
    """The level of the innermost trace among the values."""
    return max((x.node._level for x in values if isinstance(x, Variable)), default=0)


def _like(function: Any) -> Any:
    def rule(a: Any, *args: Any, **params: Any) -> Any:
        return buffer(function(plain(a), *args, **params), innermost(a))

    return rule


for _function in (np.zeros_like, np.ones_like, np.empty_like):
    implements(_function)(_like(_function))


@implements(np.full_like)
def full_like(a, fill_value, dtype=None, order="K", subok=True, shape=None, *, device=None):
    if not isinstance(fill_value, Variable):
        made = np.full_like(plain(a), fill_value, dtype=dtype, order=order, shape=shape)
        return buffer(made, innermost(a))
    made = np.empty_like(plain(a), dtype=dtype, order=order, shape=shape)
    return np.copy(np.broadcast_to(np.astype(fill_value, made.dtype), made.shape))
