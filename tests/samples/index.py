"""Samples of indexing, putting back, choosing, and the reductions by ufuncs that are primitives of their own."""

from __future__ import annotations

import numpy as np
from drawing import array, dtype, generator, shape
from hypothesis import strategies as st

from wengert.core import linear
from wengert.ops.transcendental import bessel_i, sinc_derivative
from wengert.ops.ufunc_methods import SHARES


def _index(draw, s):
    """An index into an array of shape `s`: basic, boolean, fancy with repeats, or mixed."""
    kind = draw(st.sampled_from(["basic", "mask", "fancy", "mixed", "whole mask"]))
    rng = generator(draw)
    if kind == "whole mask":
        return rng.random(s) < 0.5
    if kind == "basic" or not s:
        parts = [draw(st.sampled_from([0, -1, slice(None), slice(None, None, -1), slice(0, 1)])) for _ in s]
        return (*parts[: draw(st.integers(0, len(s)))], None, Ellipsis)
    if kind == "mask":
        return rng.random(s[0]) < 0.5
    fancy = rng.integers(-s[0], s[0], shape(draw, max_dims=2))
    return fancy if kind == "fancy" else (fancy, Ellipsis, None)


def _getitem(draw):
    x = array(draw, shape(draw), dtype(draw, complex_too=True))
    index = _index(draw, x.shape)
    return (lambda x: x[index]), [x]


def _put(draw):
    s = shape(draw, min_dims=1)
    index = generator(draw).integers(0, s[0], draw(st.integers(0, 4)))
    values = array(draw, (index.size, *s[1:]), dtype(draw, complex_too=True))
    return (lambda v: linear.put(v, s, (index,), False)), [values]


def _where(draw):
    s = shape(draw, min_dims=1)
    mask = generator(draw).random(s) < 0.5
    return (lambda x, y: np.where(mask, x, y)), [array(draw, s), array(draw, s[1:])]


def _round(draw):
    decimals = draw(st.integers(-1, 2))
    x = generator(draw).integers(-99, 99, shape(draw)) + 0.137
    return (lambda x: np.round(x / 10, decimals) * x), [x]


def _sinc(draw):
    return np.sinc, [array(draw, shape(draw), dtype(draw, complex_too=True))]


def _sinc_derivative(draw):
    n = draw(st.integers(0, 3))
    return (lambda x: sinc_derivative(x, n=n)), [array(draw, shape(draw), low=-4, high=4)]


def _i0(draw):
    return np.i0, [array(draw, shape(draw), low=-9, high=9)]


def _bessel_i(draw):
    n, scale = draw(st.integers(0, 3)), draw(st.sampled_from([3, 25]))
    return (lambda x: bessel_i(x, n=n) / np.exp(scale)), [array(draw, shape(draw), low=-scale, high=scale)]


def _reduction(ufunc):
    def case(draw):
        s = shape(draw, min_dims=1)
        axes = draw(st.sampled_from([None, 0, -1, tuple(range(len(s)))]))
        keepdims = draw(st.booleans())
        return (lambda x: ufunc.reduce(x, axis=axes, keepdims=keepdims)), [array(draw, s, low=0.3, distinct=True)]

    return case


def _sums(draw):
    s = shape(draw, min_dims=1)
    starts = generator(draw).integers(0, s[-1], draw(st.integers(1, 3)))
    return (lambda x: np.add.reduceat(x, starts, axis=-1)), [array(draw, s)]


SAMPLES = {
    "add.reduceat": [_sums],
    "getitem": [_getitem],
    "put": [_put],
    "where": [_where],
    "round": [_round],
    "sinc": [_sinc],
    "sinc_derivative": [_sinc_derivative],
    "i0": [_i0],
    "bessel_i": [_bessel_i],
    **{f"{ufunc.__name__}.reduce": [_reduction(ufunc)] for ufunc in SHARES},
}
