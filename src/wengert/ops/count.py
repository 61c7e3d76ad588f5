"""Counting into bins: the counts are linear in the weights, and the edges follow the range of the data."""

from __future__ import annotations

from typing import Any

import numpy as np

from wengert.core import linear
from wengert.core.registry import implements
from wengert.core.variable import Variable
from wengert.ops.complex import in_dtype
from wengert.ops.constants import plain


@implements(np.bincount)
def bincount(x, /, weights=None, minlength=0):
    x = plain(x)
    if not isinstance(weights, Variable):
        return np.bincount(x, weights, minlength)
    size = np.bincount(x, plain(weights), minlength).size
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
        counts = _weighted([np.ravel(plain(a))], [plain(edges)], np.ravel(weights))
    return (counts / in_dtype(np.diff(edges), float) / np.sum(counts) if density else counts), edges


@implements(np.histogramdd)
def histogramdd(sample, bins=10, range=None, density=None, weights=None):
    counts, made = np.histogramdd(plain(sample), plain(bins), plain(range), None, plain(weights))
    n = len(made)
    columns = sample if isinstance(sample, (list, tuple)) else [sample] if np.ndim(sample) == 1 else list(sample.T)
    each = bins if isinstance(bins, (list, tuple)) or np.ndim(bins) else [bins] * n
    edges = [
        histogram_bin_edges(c, b, r)
        for c, b, r in zip(columns, each, range if range is not None else [None] * n, strict=True)
    ]
    if isinstance(weights, Variable):
        counts = _weighted(
            [plain(c) for c in columns], [plain(e) for e in edges], np.astype(weights, float, copy=False)
        )
    if not density:
        return counts, edges
    total = np.sum(counts)
    for axis, edge in enumerate(edges):
        counts = counts / np.reshape(np.diff(edge), (-1,) + (1,) * (n - 1 - axis))
    return counts / total, edges


@implements(np.histogram2d)
def histogram2d(x, y, bins=10, range=None, density=None, weights=None):
    if hasattr(bins, "__len__") and len(bins) > 2:
        bins = [bins, bins]
    counts, edges = histogramdd([x, y], bins, range, density, weights)
    return counts, *edges


def _weighted(columns: list, edges: list, weights: Any) -> Any:
    """The sum of the weights in each bin; the last bin of each axis holds its right edge too."""
    shape = tuple(edge.size - 1 for edge in edges)
    places = [
        np.where(a == edge[-1], edge.size - 2, np.searchsorted(edge, a, "right") - 1)
        for a, edge in zip(columns, edges, strict=True)
    ]
    inside = np.all([(place >= 0) & (place < n) for place, n in zip(places, shape, strict=True)], axis=0)
    return linear.put(weights[inside], shape, tuple(place[inside] for place in places), False)
