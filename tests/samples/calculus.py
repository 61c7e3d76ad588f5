"""Samples of differences, gradients, integrals, interpolation, convolution and polynomials."""

from __future__ import annotations

import numpy as np
from drawing import array, axis, dtype, shape
from hypothesis import strategies as st


def _signals(function, default):
    def case(draw):
        a, v = (array(draw, shape(draw, min_dims=1, max_dims=1, max_side=6), dtype(draw, True)) for _ in range(2))
        mode = draw(st.sampled_from(["full", "same", "valid", default]))
        return lambda a, v: function(a, v, mode), [a, v]

    return case


def _increasing(draw, n):
    return np.cumsum(array(draw, (n,), low=0.5, high=1.5))


def _diff(draw):
    a = array(draw, shape(draw, min_dims=1, max_side=4), dtype(draw, True))
    along, n = axis(draw, a.ndim), draw(st.integers(0, 2))
    if draw(st.booleans()):
        return lambda x: np.diff(x, n, axis=along), [a]
    return lambda x, p: np.diff(x, n, axis=along, prepend=p, append=1.0), [a, array(draw, ())]


def _ediff1d(draw):
    a = array(draw, shape(draw), dtype(draw, True))
    if draw(st.booleans()):
        return np.ediff1d, [a]
    return lambda x, e: np.ediff1d(x, to_end=e, to_begin=0.5), [a, array(draw, (2,))]


def _gradient(draw):
    f = array(draw, (4, 5), dtype(draw, True))
    order = draw(st.sampled_from([1, 2]))
    kind = draw(st.sampled_from(["none", "number", "coordinates", "two axes"]))
    if kind == "none":
        return lambda x: np.gradient(x, edge_order=order), [f]
    if kind == "number":
        return lambda x, h: np.gradient(x, h, axis=-1, edge_order=order), [f, array(draw, (), low=0.5, high=2.0)]
    if kind == "coordinates":
        return lambda x, t: np.gradient(x, t, axis=1, edge_order=order), [f, _increasing(draw, 5)]
    return lambda x, t: np.gradient(x, t, 0.5, axis=(1, 0), edge_order=order), [f, _increasing(draw, 5)]


def _trapezoid(draw):
    y = array(draw, (4, 5), dtype(draw, True))
    kind = draw(st.sampled_from(["dx", "1-D", "N-D"]))
    if kind == "dx":
        return lambda y, h: np.trapezoid(y, dx=h), [y, array(draw, ())]
    if kind == "1-D":
        return lambda y, x: np.trapezoid(y, x, axis=0), [y, _increasing(draw, 4)]
    return lambda y, x: np.trapezoid(y, x, axis=-1), [y, array(draw, (4, 5))]


def _unwrap(draw):
    """Steps of some whole periods and less than half a one, so that none is near a jump."""
    steps = array(draw, (3, 4), low=-1.9, high=1.9)
    turns = np.random.default_rng(draw(st.integers(0, 99))).integers(-2, 3, (3, 4))
    if draw(st.booleans()):
        return lambda x: np.unwrap(x, axis=0), [np.cumsum(steps + 2 * np.pi * turns, axis=0)]
    return lambda x: np.unwrap(x, period=5.0, discont=3.0), [np.cumsum(steps + 5.0 * turns, axis=1)]


def _interp(draw):
    xp, fp = _increasing(draw, 5), array(draw, (5,), dtype(draw, True))
    at = array(draw, shape(draw, max_dims=2), low=-0.9, high=5.9)
    # As far between two knots as `at` is between two integers, and not near a knot, where the slope jumps.
    x = np.interp(np.floor(at) + 0.2 + 0.6 * (at % 1), np.arange(-1.0, 6.0), [xp[0] - 1, *xp, xp[-1] + 1])
    kind = draw(st.sampled_from(["plain", "ends", "period", "only fp"]))
    if kind == "ends":
        return lambda x, xp, fp, e: np.interp(x, xp, fp, left=e, right=1.0), [x, xp, fp, array(draw, ())]
    if kind == "period":
        return lambda x, xp, fp: np.interp(x, xp, fp, period=20.0), [x, xp, fp]
    if kind == "only fp":
        return lambda fp: np.interp(x, xp, fp), [fp]
    return np.interp, [x, xp, fp]


def _coefficients(draw, n, complex_too=True):
    """Polynomials whose leading coefficient is not near 0."""
    p = array(draw, (n,), dtype(draw, complex_too))
    return np.concatenate([[2.0], p])


def _two_polynomials(function):
    def case(draw):
        return function, [_coefficients(draw, draw(st.integers(0, 3))) for _ in range(2)]

    return case


def _polydiv(draw):
    """The remainder's leading coefficient is not near 0: NumPy drops it then."""
    u, v = (_coefficients(draw, draw(st.integers(0, 3))) for _ in range(2))
    return np.polydiv, [u, np.concatenate([[1.0], v[1:] + 5.0])]


def _polyder(draw):
    m = draw(st.integers(0, 2))
    return lambda p: np.polyder(p, m), [_coefficients(draw, 3)]


def _polyint(draw):
    if draw(st.booleans()):
        return lambda p: np.polyint(p, 2), [_coefficients(draw, 2)]
    return lambda p, k: np.polyint(p, 2, k), [_coefficients(draw, 2), array(draw, (2,))]


def _polyval(draw):
    return np.polyval, [_coefficients(draw, 3), array(draw, shape(draw, min_dims=1), dtype(draw, True))]


def _poly(draw):
    if draw(st.booleans()):
        return np.poly, [array(draw, (3,), dtype(draw, True))]
    a = array(draw, (3, 3))
    return np.poly, [a + a.T + np.diag([0.0, 9.0, 18.0])]


def _roots(draw):
    return np.roots, [np.poly([1.0, 2.1, -3.2]) + 0.1 * array(draw, (4,))]


def _roots_at_zero(draw):
    p = np.array([0.0, 1.0, -3.0, 2.0, 0.0])
    return lambda x: np.sort(np.roots(np.where([0, 1, 1, 1, 0], x, 0.0))), [p]


def _vander(draw):
    n, increasing = draw(st.sampled_from([None, 1, 2, 4])), draw(st.booleans())
    return lambda x: np.vander(x, n, increasing), [array(draw, (3,), dtype(draw, True))]


def _polyfit(draw):
    x = _increasing(draw, 7) / 4
    y = array(draw, (7,) if draw(st.booleans()) else (7, 2))
    weights = array(draw, (7,), low=0.5, high=2.0)
    kind = draw(st.sampled_from(["plain", "weights", "cov", "unscaled", "full"]))
    if kind == "weights":
        return lambda x, y, w: np.polyfit(x, y, 2, w=w), [x, y, weights]
    if kind in ("cov", "unscaled"):
        return lambda x, y: np.polyfit(x, y, 2, cov=kind if kind == "unscaled" else True), [x, y]
    if kind == "full":
        return lambda x, y: np.polyfit(x, y, 2, full=True)[:2], [x, y]
    return lambda x, y: np.polyfit(x, y, 2), [x, y]


SAMPLES = {
    "convolve": [_signals(np.convolve, "full")],
    "correlate": [_signals(np.correlate, "valid")],
    "unwrap": [_unwrap],
    "np.diff": [_diff],
    "np.ediff1d": [_ediff1d],
    "np.gradient": [_gradient],
    "np.trapezoid": [_trapezoid],
    "np.interp": [_interp],
    "np.polyadd": [_two_polynomials(np.polyadd)],
    "np.polysub": [_two_polynomials(np.polysub)],
    "np.polymul": [_two_polynomials(np.polymul)],
    "np.polydiv": [_polydiv],
    "np.polyder": [_polyder],
    "np.polyint": [_polyint],
    "np.polyval": [_polyval],
    "np.poly": [_poly],
    "np.roots": [_roots, _roots_at_zero],
    "np.vander": [_vander],
    "np.polyfit": [_polyfit],
}
