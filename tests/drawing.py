"""What samples are made of: shapes, axes, dtypes, and arrays of every layout, drawn by hypothesis."""

from __future__ import annotations

import numpy as np
from hypothesis import strategies as st


def shape(draw, min_dims=0, max_dims=3, min_side=1, max_side=3):
    """A shape; with min_side=0 it may be empty."""
    return tuple(draw(st.lists(st.integers(min_side, max_side), min_size=min_dims, max_size=max_dims)))


def axis(draw, ndim):
    """An axis of an array of `ndim` dimensions, from either end."""
    return draw(st.integers(-ndim, ndim - 1))


def dtype(draw, complex_too=False):
    return draw(st.sampled_from(["float64", "complex128"] if complex_too else ["float64"]))


def generator(draw):
    """NumPy's generator with a drawn seed: one small draw instead of one for each entry."""
    return np.random.default_rng(draw(st.integers(0, 2**32 - 1)))


def array(draw, shape, dtype="float64", low=-2.0, high=2.0, distinct=False):
    """An array with entries from [low, high), in a drawn memory layout: C, Fortran, strided or reversed.

    With `distinct`, entries are at least (high - low) / (2 size) apart: no ties, and no kink within a small step.
    """
    rng = generator(draw)
    size = int(np.prod(shape, dtype=int))

    def entries():
        if not distinct:
            return rng.uniform(low, high, shape)
        grid = low + (high - low) * (rng.permutation(size) + rng.uniform(0.25, 0.75, size)) / max(size, 1)
        return grid.reshape(shape)

    values = entries() + 1j * entries() if np.dtype(dtype).kind == "c" else entries()
    return laid_out(draw, values.astype(dtype))


def laid_out(draw, values):
    """The same values in another memory layout."""
    layout = draw(st.sampled_from(["C", "F", "strided", "reversed"]))
    if layout == "F":
        return np.asfortranarray(values) if values.ndim else values
    if layout == "strided" and values.ndim:
        buffer = np.zeros((*values.shape[:-1], 2 * values.shape[-1]), values.dtype)
        buffer[..., ::2] = values
        return buffer[..., ::2]
    if layout == "reversed" and values.ndim:
        return values[::-1].copy()[::-1]
    return values
