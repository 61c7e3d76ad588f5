"""Sorting and sets: the order is found on plain values, and the values are then taken in that order."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from wengert.core.registry import implements
from wengert.ops.constants import plain


def matched(values: np.ndarray, arranged: np.ndarray, axis: int) -> np.ndarray:
    """Along an axis, the place in `values` of each entry of `arranged`, which has the same entries in another order."""
    sources, targets = np.argsort(values, axis, kind="stable"), np.argsort(arranged, axis, kind="stable")
    places = np.empty_like(sources)
    np.put_along_axis(places, targets, sources, axis)
    return places


def _rearranged(function: Callable) -> Callable:
    """A rule for a function (a, ..., axis=-1, ...) that rearranges the entries along an axis."""

    def rule(a: Any, *args: Any, axis: Any = -1, **params: Any) -> Any:
        if axis is None:
            a, axis = np.ravel(a), 0
        value = plain(a)
        arranged = function(value, *args, axis=axis, **params)
        return np.take_along_axis(a, matched(value, arranged, axis), axis=axis)

    return rule


_sort, _partition = _rearranged(np.sort), _rearranged(np.partition)


@implements(np.sort)
def sort(a, axis=-1, kind=None, order=None, *, stable=None):
    return _sort(a, axis=axis, kind=kind, stable=stable)


@implements(np.partition)
def partition(a, kth, axis=-1, kind="introselect", order=None):
    return _partition(a, kth, axis=axis, kind=kind)


@implements(np.sort_complex)
def sort_complex(a):
    ordered = np.sort(a)
    if ordered.dtype.kind == "c":
        return ordered
    return np.astype(ordered, np.sort_complex(np.empty(0, ordered.dtype)).dtype)


# -- sets -------------------------------------------------------------------------------------------------------------


@implements(np.unique)
def unique(
    ar, return_index=False, return_inverse=False, return_counts=False, axis=None, *, equal_nan=True, **sorted_or_not
):
    """The values are those of the first occurrences; indices, inverse and counts are plain."""
    value = plain(ar)
    wanted, first, *rest = np.unique(
        value, True, return_inverse, return_counts, axis=axis, equal_nan=equal_nan, **sorted_or_not
    )
    if sorted_or_not.get("sorted") is False and not (
        return_index or return_inverse or return_counts or axis is not None
    ):
        unsorted = np.unique(value, axis=axis, equal_nan=equal_nan, sorted=False)
        first = first[matched(wanted, unsorted, 0)]
    values = np.take(ar, first, axis=axis)
    results = [values, *([first] if return_index else []), *rest]
    return results[0] if len(results) == 1 else tuple(results)


def _unique_tuple(function: Callable) -> Callable:
    """unique_all, unique_counts, unique_inverse: a named tuple whose first field holds the values."""

    def rule(x: Any) -> Any:
        _, first = np.unique(plain(x), return_index=True, equal_nan=False)
        return function(plain(x))._replace(values=np.take(x, first))

    return rule


for _name in ("unique_all", "unique_counts", "unique_inverse"):
    implements(getattr(np, _name))(_unique_tuple(getattr(np, _name)))


@implements(np.unique_values)
def unique_values(x):
    value = plain(x)
    wanted, first = np.unique(value, return_index=True, equal_nan=False)
    return np.take(x, first[matched(wanted, np.unique_values(value), 0)])


@implements(np.union1d)
def union1d(ar1, ar2):
    return np.unique(np.concatenate((ar1, ar2), axis=None))


@implements(np.setdiff1d)
def setdiff1d(ar1, ar2, assume_unique=False):
    ar1 = np.ravel(ar1) if assume_unique else np.unique(ar1)
    return ar1[np.isin(plain(ar1), plain(ar2), invert=True)]


@implements(np.setxor1d)
def setxor1d(ar1, ar2, assume_unique=False):
    if not assume_unique:
        ar1, ar2 = np.unique(ar1), np.unique(ar2)
    both = np.sort(np.concatenate((ar1, ar2), axis=None))
    value = plain(both)
    new = np.concatenate(([True], value[1:] != value[:-1], [True]))
    return both[new[1:] & new[:-1]]


@implements(np.intersect1d)
def intersect1d(ar1, ar2, assume_unique=False, return_indices=False):
    """What both have: as at every tie, the two share the derivative equally."""
    _, first, second = np.intersect1d(plain(ar1), plain(ar2), assume_unique, return_indices=True)
    common = 0.5 * np.take(ar1, first) + 0.5 * np.take(ar2, second)
    return (common, first, second) if return_indices else common


@implements(np.trim_zeros)
def trim_zeros(filt, trim="fb", *axis, **params):
    value = plain(filt)
    kept = np.argwhere(value)
    result = np.trim_zeros(value, trim, *axis, **params)
    trim = trim.lower()
    # the front is where NumPy's result begins: behind the zeros, if they are cut from the front
    low = kept.min(axis=0) if kept.size else np.array(value.shape)
    axes = axis[0] if axis else params.get("axis")
    axes = range(value.ndim) if axes is None else np.lib.array_utils.normalize_axis_tuple(axes, value.ndim)
    index = []
    for i in range(value.ndim):
        start = int(low[i]) if "f" in trim and i in axes else 0
        index.append(slice(start, start + result.shape[i]))
    return filt[tuple(index)]
