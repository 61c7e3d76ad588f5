"""Samples of numpy.fft: odd and even lengths, cut and padded, every norm, repeated axes."""

from __future__ import annotations

import numpy as np
from drawing import array, axis, shape
from hypothesis import strategies as st

NORMS = st.sampled_from([None, "backward", "ortho", "forward"])
REAL_INPUT = ("rfft", "ihfft", "rfft2", "rfftn")
HALF_INPUT = ("irfft", "hfft", "irfft2", "irfftn")


def input_dtype(draw, name):
    return "float64" if name in REAL_INPUT else draw(st.sampled_from(["float64", "complex128"]))


def one_axis(name):
    def case(draw):
        function = getattr(np.fft, name)
        size = shape(draw, min_dims=1, max_dims=2, max_side=5)
        along = axis(draw, len(size))
        least = 2 if name in HALF_INPUT and size[along] == 1 else None
        n = draw(st.one_of(st.none() if least is None else st.just(least), st.integers(1, 7)))
        norm = draw(NORMS)
        a = array(draw, size, input_dtype(draw, name))
        return lambda a: function(a, n, axis=along, norm=norm), (a,)

    return case


def several_axes(name):
    def case(draw):
        function = getattr(np.fft, name)
        a = array(draw, (2, 3, 4), input_dtype(draw, name))
        keywords = draw(
            st.sampled_from(
                [
                    {},
                    {"axes": (0, 1)},
                    {"axes": (-1,)},
                    {"axes": (2, 0)},
                    {"s": (3, 2), "axes": (0, 2)},
                    {"s": (-1, 5), "axes": (1, 2)},
                    {"axes": (1, 1)},
                ]
            )
        )
        norm = draw(NORMS)
        return lambda a: function(a, norm=norm, **keywords), (a,)

    return case


def shift(function):
    def case(draw):
        axes = draw(st.sampled_from([None, 0, -1, (0, 1)]))
        return lambda a: function(a, axes=axes), (array(draw, (3, 4), input_dtype(draw, "")),)

    return case


SAMPLES = {
    **{f"fft.{name}": [one_axis(name)] for name in ("fft", "ifft", "rfft", "irfft", "hfft", "ihfft")},
    **{
        f"fft.{name}": [several_axes(name)]
        for name in ("fft2", "ifft2", "rfft2", "irfft2", "fftn", "ifftn", "rfftn", "irfftn")
    },
    "np.fft.fftshift": [shift(np.fft.fftshift)],
    "np.fft.ifftshift": [shift(np.fft.ifftshift)],
}
