"""Counting into bins: the counts are linear in the weights, and the edges follow the range of the data."""

from __future__ import annotations

from typing import Any

import numpy as np

from wengert.core import linear
from wengert.core.registry import implements
from wengert.core.variable import Variable
from wengert.ops.constants import plain


@implements(np.bincount)
def bincount(x, /, weights=None, minlength=0):
    x = plain(x)
    if not isinstance(weights, Variable):
        return np.bincount(x, weights, minlength)
    size = np.bincount(x, minlength=minlength).size
    return linear.put(np.astype(weights, float, copy=False), (size,), (np.asarray(x, np.intp),), False)


@implements(np.histogram_bin_edges)
def histogram_bin_edges(a, bins=10, range=None, weights=None):
    value = np.histogram_bin_edges(plain(a), plain(bins), plain(range), plain(weights))
    if np.ndim(bins) == 1:
        return bins if isinstance(bins, Variable) else value
    low, high = range if range is not None else (np.min(a), np.max(a)) if np.size(a) else (0.0, 1.0)
    if plain(low) == plain(high):
        low, high = low - 0.5, high + 0.5
    return np.linspace(low, high, value.size)


@implements(np.histogram)
def histogram(a, bins=10, range=None, density=None, weights=None):
    edges = histogram_bin_edges(a, bins, range, weights)
    counts, _ = np.histogram(plain(a), plain(bins), plain(range), None, plain(weights))
    if isinstance(weights, Variable):
        counts = _weighted(np.ravel(plain(a)), plain(edges), np.ravel(weights))
    if density:
        counts = counts / np.diff(edges) / np.sum(counts)
    return counts, edges


def _weighted(a: np.ndarray, edges: np.ndarray, weights: Any) -> Any:
    """The sum of the weights in each bin; the last bin holds its right edge too."""
    place = np.where(a == edges[-1], edges.size - 2, np.searchsorted(edges, a, "right") - 1)
    inside = np.flatnonzero((place >= 0) & (place < edges.size - 1))
    return linear.put(weights[inside], (edges.size - 1,), (place[inside],), False)
