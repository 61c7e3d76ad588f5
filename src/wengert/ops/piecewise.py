"""Functions that choose between values entry by entry: where, select, choose, piecewise, clip, rounding."""

from __future__ import annotations

from typing import Any

import numpy as np

from wengert.core.linear import Select
from wengert.core.primitive import structured
from wengert.core.registry import implements
from wengert.ops.constants import plain


def _where_value(condition: Any, x: Any, y: Any) -> Any:
    return np.where(condition, x, y)


where_ = structured(
    _where_value,
    None,
    lambda out, c, x, y: Select(c, x.shape, out.shape),
    lambda out, c, x, y: Select(np.logical_not(c), y.shape, out.shape),
    name="where",
)


@implements(np.where)
def where(condition, x=None, y=None, /):
    condition = plain(condition)
    return np.where(condition) if x is None else where_(condition, x, y)
