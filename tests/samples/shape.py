"""Samples of the functions that lay out, move and join entries."""

from __future__ import annotations

import numpy as np
from drawing import array, axis, dtype, shape
from hypothesis import strategies as st

from wengert.ops.shape import REARRANGEMENTS


def _one(function, **shapes):
    """A function of one array, with parameters drawn from its shape: function(draw, shape) -> call."""

    def case(draw):
        x = array(draw, shape(draw, **shapes), dtype(draw, complex_too=True))
        return function(draw, x.shape), [x]

    return case


def _reshape(draw, s):
    order = draw(st.sampled_from(["C", "F"]))
    return lambda x: np.reshape(x, (-1, *s[1:][::-1]), order=order)


def _transpose(draw, s):
    axes = draw(st.permutations(range(len(s))))
    return lambda x: np.transpose(x, axes)


def _broadcast_to(draw, s):
    n = draw(st.integers(0, 3))
    return lambda x: np.broadcast_to(x, (n, *s))


def _several(function):
    def case(draw):
        s = shape(draw, min_dims=1)
        i = axis(draw, len(s))
        arrays = [array(draw, s) for _ in range(draw(st.integers(1, 3)))]
        return (lambda *xs: function([*xs, np.ones(s)], axis=i)), arrays

    return case


def _roll(draw, s):
    shift, i = draw(st.integers(-5, 5)), draw(st.sampled_from([None, axis(draw, len(s))]))
    return lambda x: np.roll(x, shift, axis=i)


def _rot90(draw, s):
    k, axes = draw(st.integers(-2, 3)), draw(st.sampled_from([(0, 1), (1, 0), (-1, 0)]))
    return lambda x: np.rot90(x, k, axes)


def _resize(draw, s):
    new = shape(draw, max_dims=2, max_side=5)
    return lambda x: np.resize(x, new)


def _delete(draw, s):
    places = draw(st.lists(st.integers(0, s[0] - 1), max_size=3))
    return lambda x: np.delete(x, places, axis=0)


def _with_k(function):
    def make(draw, s):
        k = draw(st.integers(-2, 2))
        return lambda x: function(x, k)

    return make


def _diagonal(draw, s):
    k, axes = draw(st.integers(-2, 2)), draw(st.permutations(range(len(s))))
    return lambda x: np.diagonal(x, k, axes[0], axes[1])


def _pad_odd(draw, s):
    width = [(draw(st.integers(0, 3)), draw(st.integers(0, 3))) for _ in s]
    mode = draw(st.sampled_from(["reflect", "symmetric"]))
    return lambda x: np.pad(x, width, mode=mode, reflect_type="odd")


def _windows(draw, s):
    width = draw(st.integers(1, s[-1]))
    return lambda x: np.lib.stride_tricks.sliding_window_view(x, width, axis=-1)


SAMPLES = {
    "sliding_window_view": [_one(_windows, min_dims=1)],
    "reshape": [_one(_reshape, min_dims=1)],
    "transpose": [_one(_transpose)],
    "broadcast_to": [_one(_broadcast_to)],
    "copy": [_one(lambda draw, s: np.copy)],
    "concatenate": [_several(np.concatenate)],
    "stack": [_several(np.stack)],
    "pad": [_one(_pad_odd, min_dims=1, max_dims=2, min_side=2)],
    "roll": [_one(_roll, min_dims=1)],
    "rot90": [_one(_rot90, min_dims=2)],
    "resize": [_one(_resize)],
    "delete": [_one(_delete, min_dims=1)],
    "tril": [_one(_with_k(np.tril), min_dims=2)],
    "triu": [_one(_with_k(np.triu), min_dims=2)],
    "diag": [_one(_with_k(np.diag), min_dims=1, max_dims=2)],
    "diagflat": [_one(_with_k(np.diagflat), max_dims=2)],
    "diagonal": [_one(_diagonal, min_dims=2)],
}
assert {function.__name__ for function in REARRANGEMENTS} <= set(SAMPLES)
