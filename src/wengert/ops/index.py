"""Indexing: taking and putting entries, selecting between arrays, sorting."""

from __future__ import annotations

from typing import Any

import numpy as np

from wengert.core import linear
from wengert.core.linear import LinearMap, Select, Take, Transpose
from wengert.core.primitive import structured
from wengert.core.registry import implements
from wengert.core.variable import Variable


def _getitem(a: Any, index: Any) -> Any:
    return a[index]


def _getitem_edge(out, a, index) -> LinearMap:
    return Take(a.shape, index, out.shape)


getitem = structured(_getitem, _getitem_edge, name="getitem")


def _put_edge(out, values, shape, index, unique) -> LinearMap:
    return Transpose(Take(out.shape, index, values.shape, unique))


put = structured(linear.put, _put_edge)


def plain_index(index: Any) -> Any:
    """An index with the variables in it replaced by their values: indices are integers and have no derivative."""
    if isinstance(index, tuple):
        return tuple(plain_index(i) for i in index)
    while isinstance(index, Variable):
        index = index.val
    return np.asarray(index) if isinstance(index, list) else index


def _where(condition: Any, x: Any, y: Any) -> Any:
    return np.where(condition, x, y)


where_ = structured(
    _where,
    None,
    lambda out, c, x, y: Select(c, x.shape, out.shape),
    lambda out, c, x, y: Select(np.logical_not(c), y.shape, out.shape),
    name="where",
)


@implements(np.where)
def where(condition, x=None, y=None, /):
    condition = plain_index(condition)
    if x is None:
        return np.where(condition)
    return where_(condition, x, y)


def install() -> None:
    Variable.__getitem__ = lambda self, index: getitem(self, plain_index(index))  # type: ignore[attr-defined]
