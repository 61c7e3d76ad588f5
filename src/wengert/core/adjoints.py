"""Adjoints: what a sweep has gathered so far, and how a contribution is added, in shape and dtype of its variable."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from wengert.core.linear import Parts, unbroadcast
from wengert.core.variable import FLOAT64, Variable, dtype_of, is_array

_ndarray, _float64 = np.ndarray, np.float64


class Adjoints(dict):
    """Node -> adjoint, while a sweep runs.

    `owned` names the arrays that no one else sees, so may be added into. A `careful` sweep cannot be repeated with true
    zeros, and so sees to them at each step.
    """

    __slots__ = ("careful", "owned")

    def __init__(self, seeds: Any = (), careful: bool = False):
        super().__init__(seeds)
        self.owned: set[Variable] = set()
        self.careful = careful


def accumulate(adjoints: Adjoints, child: Variable, contribution: Any, fresh: bool = False) -> None:
    """adjoint(child) += contribution, in the child's own shape and dtype. A fresh contribution is nobody else's array."""
    value = child._val
    kind, own = contribution.__class__, value.__class__
    if kind is own is _ndarray:
        if contribution.shape != value.shape or contribution.dtype is not value.dtype:
            contribution = fit(contribution, value)
    elif own is float or own is _float64:
        if kind is _ndarray and contribution.dtype is FLOAT64:  # a number that was broadcast
            contribution = np.add.reduce(contribution, axis=None)
        elif kind is not float and kind is not _float64:
            contribution = fit(contribution, value)
    else:
        contribution = fit(contribution, value)
    if child not in adjoints:
        adjoints[child] = contribution
        if fresh and contribution.__class__ is _ndarray:
            adjoints.owned.add(child)
    elif kind is not _ndarray:
        adjoints[child] = adjoints[child] + contribution
        if adjoints.owned:  # the sum of an array and a number, or a variable of an outer trace, is no array to add into
            adjoints.owned.discard(child)
    elif child in adjoints.owned:
        before = adjoints[child]
        before += contribution
    else:
        adjoints[child] = total = adjoints[child] + contribution
        if total.__class__ is _ndarray:
            adjoints.owned.add(child)


def is_finite(value: Any) -> bool:
    """No inf and no nan in a number or array; a variable is judged by its value. NumPy may warn: callers see to that."""
    kind = value.__class__
    if kind is float or kind is np.float64:
        return math.isfinite(value)
    if kind is np.ndarray and value.dtype is FLOAT64 and value.size:  # faster than what follows, and says the same
        if value.size > 8192:  # where BLAS would wake its threads, which takes long on a busy machine
            return bool(np.isfinite(value).all())
        flat = value.ravel()
        return math.isfinite(flat.dot(flat))
    if kind is Parts:
        return all(is_finite(part) for part in value.values if part is not None)
    while isinstance(value, Variable):
        value = value.node._val
    # A sum is finite only if all entries are, and costs less than isfinite; overflow of it only costs a second look.
    return bool(np.isfinite(np.sum(value))) if np.size(value) else True


def fit(contribution: Any, value: Any, lead: int = 0) -> Any:
    """A contribution in the shape and dtype of the value it belongs to: broadcasting and casting undone."""
    if contribution.__class__ is Parts:
        return contribution
    if not hasattr(contribution, "dtype"):
        contribution = np.asarray(contribution)[()]
    shape = np.shape(value)
    if contribution.shape[lead:] != shape:
        contribution = unbroadcast(contribution, shape, lead)
    if contribution.ndim == 0 and is_array(contribution) and not is_array(value):
        contribution = contribution[()]  # np.where and its like make a 0-d array of scalars
    return cast(contribution, dtype_of(value))


def cast(value: Any, dtype: np.dtype) -> Any:
    """The value in a dtype; complex to real takes the real part, the adjoint of reading a real as a complex."""
    if value.dtype == dtype:
        return value
    if value.dtype.kind == "c" and dtype.kind != "c":
        value = np.real(value)
    return value if value.dtype == dtype else value.astype(dtype)
