"""Samples of writing."""

from __future__ import annotations

import numpy as np
from drawing import array, shape
from hypothesis import strategies as st


def _written(draw):
    s = shape(draw, min_dims=1)
    n = s[0]
    index = draw(
        st.sampled_from(
            [0, -1, slice(None, None, 2), ..., np.arange(n) % 2 == 0, np.array([0, n - 1, 0]), (None, slice(0, 1))]
        )
    )
    base = array(draw, s)
    value = array(draw, np.shape(base[index]) if draw(st.booleans()) else ())

    def write(x, y):
        z = x * 1.0
        z[index] = y * 1.0
        return z

    return write, [base, value]


def _added(draw):
    s = shape(draw, min_dims=1)
    index = draw(st.lists(st.integers(0, s[0] - 1), min_size=1, max_size=4))
    ufunc = draw(st.sampled_from([np.add, np.subtract]))

    def add(x, y):
        z = x * 1.0
        ufunc.at(z, index, y * 1.0)
        return z

    return add, [array(draw, s), array(draw, (len(index), *s[1:]))]


SAMPLES = {"setitem": [_written], "add.at": [_added]}
