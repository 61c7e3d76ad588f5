"""Samples of real and imaginary parts, conjugates and casts."""

from __future__ import annotations

import numpy as np
from drawing import array, dtype, shape
from hypothesis import strategies as st


def _part(function):
    def case(draw):
        return function, [array(draw, shape(draw), "complex128")]

    return case


def _conjugate(draw):
    return np.conjugate, [array(draw, shape(draw), dtype(draw, complex_too=True))]


def _astype(draw):
    target = draw(st.sampled_from([complex, float]))
    return (lambda x: np.astype(x, target)), [array(draw, shape(draw))]


def _sign(draw):
    return np.sign, [array(draw, shape(draw), dtype(draw, complex_too=True), low=0.3)]


SAMPLES = {
    "sign": [_sign],
    "real": [_part(np.real)],
    "imag": [_part(np.imag)],
    "conjugate": [_conjugate],
    "astype": [_astype],
}
