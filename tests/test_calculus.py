"""Differences, integrals, interpolation, convolution and polynomials: NumPy's value, and derivatives the laws' samples miss."""

from __future__ import annotations

import warnings

import numpy as np
import pytest
from test_reduce import DTYPES, entries, same_as_numpy

from wengert import Variable, check_grads, grad, gradients, jacfwd, jacrev
from wengert.core.errors import DerivativeTypeError

SHAPES = [(), (3,), (4, 3), (1, 3), (0, 3), (2, 2)]


@pytest.mark.parametrize(
    "name", ["diff", "ediff1d", "gradient", "trapezoid", "unwrap", "poly", "roots", "vander", "polyint"]
)
def test_functions_of_one_array_are_numpys(name):
    for dtype in DTYPES:
        for shape in SHAPES:
            same_as_numpy(getattr(np, name), entries(shape, dtype))


CALLS = {
    "diff twice": lambda x: np.diff(x, n=2, axis=0),
    "diff zero times": lambda x: np.diff(x, n=0),
    "diff minus once": lambda x: np.diff(x, n=-1),
    "diff with ends": lambda x: np.diff(x, axis=0, prepend=0, append=x),
    "ediff1d with ends": lambda x: np.ediff1d(x, to_begin=[1, 2], to_end=np.float32(3)),
    "ediff1d with complex ends": lambda x: np.ediff1d(x, to_begin=1j),
    "gradient second order": lambda x: np.gradient(x, 2, axis=0, edge_order=2),
    "gradient uneven": lambda x: np.gradient(x, [0, 1, 3], axis=-1),
    "gradient even": lambda x: np.gradient(x, [0, 1, 2], axis=-1),
    "gradient two spacings": lambda x: np.gradient(x, 2.0, [0.0, 1.0, 3.0], axis=(0, 1)),
    "gradient third order": lambda x: np.gradient(x, edge_order=3),
    "gradient too many": lambda x: np.gradient(x, 1.0, 2.0, 3.0),
    "trapezoid uneven": lambda x: np.trapezoid(x, [0, 1, 3]),
    "trapezoid dx": lambda x: np.trapezoid(x, dx=0.5, axis=0),
    "polyval": lambda x: np.polyval(np.array([1, 2, 3]), x),
    "polyint twice": lambda x: np.polyint(x, 2, [1.0, 2.0]),
    "polyint constants": lambda x: np.polyint(x, 3, [1.0]),
    "polyint too few constants": lambda x: np.polyint(x, 3, [1.0, 2.0]),
    "polyder minus once": lambda x: np.polyder(x, -1),
    "vander": lambda x: np.vander(x, 5, increasing=True),
    "vander no columns": lambda x: np.vander(x, 0),
    "interp outside": lambda x: np.interp(x, [0.5, 1.0, 1.5], [1.0, 2.0, 4.0], left=-1.0, right=np.nan),
    "interp one point": lambda x: np.interp(x, [1.0], [3.0]),
    "interp no point": lambda x: np.interp(x, [], []),
    "interp wrong lengths": lambda x: np.interp(x, [1.0, 2.0], [3.0]),
    "interp period": lambda x: np.interp(x, [0.9, 0.1, 0.5], [1.0, 2.0, 4.0], period=1.1),
    "interp period zero": lambda x: np.interp(x, [0.9, 0.1, 0.5], [1.0, 2.0, 4.0], period=0),
}


@pytest.mark.parametrize("name", CALLS)
def test_keywords_are_numpys(name):
    for dtype in DTYPES:
        if not (name.startswith("interp") and dtype.startswith("complex")):
            for shape in SHAPES:
                same_as_numpy(CALLS[name], entries(shape, dtype))


@pytest.mark.parametrize("name", ["polyadd", "polysub", "polymul", "polydiv", "polyval", "convolve", "correlate"])
def test_functions_of_two_arrays_are_numpys(name):
    for dtype in DTYPES:
        for one, other in [(3, 3), (4, 2), (2, 4), (1, 1)]:
            same_as_numpy(getattr(np, name), entries(one, dtype), entries(other, dtype))
            same_as_numpy(getattr(np, name), entries(one), entries(other, dtype))


def test_interpolated_values_are_numpys():
    for dtype in DTYPES:
        fp = entries(6, dtype)
        for x in (entries((2, 3)) * 5 - 3, np.arange(6.0), np.array([np.nan, np.inf, -np.inf]), entries((), "float32")):
            same_as_numpy(lambda x, f: np.interp(x, np.arange(6), f), x, fp)


# -- derivatives --------------------------------------------------------------------------------------------------------


def test_coordinates_that_are_variables_and_even():
    f, t = entries(5), np.arange(5.0)
    np.testing.assert_allclose(np.gradient(f, Variable(t)).val, np.gradient(f, t), rtol=1e-14)
    check_grads(lambda f, t: np.gradient(f, t), (f, t), order=2)
    check_grads(lambda f, t: np.gradient(f, t, edge_order=2), (f, t), order=2)


def test_unwrapping_adds_whole_periods():
    p = np.array([0.0, 3.0, 6.5, -1.0, 9.0])
    np.testing.assert_array_equal(jacrev(np.unwrap)(p), np.eye(5))
    np.testing.assert_array_equal(jacfwd(np.unwrap)(p), np.eye(5))
    turns = np.rint((np.unwrap(p) - p) / (2 * np.pi))
    np.testing.assert_array_equal(jacfwd(lambda p, q: np.unwrap(p, period=q), argnums=(0, 1))(p, 2 * np.pi)[1], turns)


def test_interpolation_at_and_beyond_the_knots():
    xp, fp = np.array([0.0, 1.0, 3.0]), np.array([1.0, 2.0, 0.0])
    slope = jacfwd(lambda x: np.interp(x, xp, fp))(np.array([-1.0, 0.5, 1.0, 3.0, 4.0])).diagonal()
    np.testing.assert_array_equal(slope, [0.0, 1.0, -1.0, -1.0, 0.0])
    weights = jacrev(lambda fp: np.interp(np.array([-1.0, 0.5, 3.0, 9.0]), xp, fp))(fp)
    np.testing.assert_array_equal(weights, [[1, 0, 0], [0.5, 0.5, 0], [0, 0, 1], [0, 0, 1]])
    ends = grad(lambda x, e: np.sum(np.interp(x, xp, fp, left=e, right=2 * e)), argnums=(0, 1))
    assert ends(np.array([-1.0, 0.5, 8.0]), 7.0)[1] == 3.0


def test_a_variable_among_keywords_that_numpy_does_not_hand_over_raises():
    plain = np.array([0.0, 1.0, 3.0])
    with pytest.raises(TypeError, match="drop its derivative"):
        np.interp(plain, plain, plain, left=Variable(1.0))
    with pytest.raises((TypeError, ValueError)):
        np.unwrap(4 * plain, period=Variable(5.0))


def test_interpolation_at_complex_places_is_refused_as_by_numpy():
    xp, z = np.array([0.0, 1.0, 3.0]), np.array([0.5 + 1j])
    for places in (z, Variable(z)):
        with pytest.raises(TypeError, match="according to the rule 'safe'"):
            np.interp(places, xp, xp)


def test_repeated_knots_do_not_spoil_the_other_slopes():
    xp, fp = np.array([0.0, 1.0, 1.0, 2.0]), np.array([0.0, 1.0, 5.0, 6.0])
    with np.errstate(all="ignore"):
        assert np.all(np.isfinite(grad(lambda fp: np.sum(np.interp(np.array([0.5, 1.5, 7.0]), xp, fp)))(fp)))


def test_convolution_of_long_signals():
    a, v = entries(300), entries(40)
    for mode in ("full", "same", "valid"):
        check_grads(lambda a, v, m=mode: np.convolve(a, v, m), (a, v))
        check_grads(lambda a, v, m=mode: np.correlate(v, a, m), (a, v))
    with pytest.raises(ValueError, match="cannot be empty"):
        np.convolve(Variable(a), np.zeros(0))


def test_roots_move_as_the_implicit_function_theorem_says():
    p = np.poly([1.0, 2.0, -3.0])
    roots = np.roots(p)
    slope = -np.vander(roots, 4) / np.polyval(np.polyder(p), roots)[:, None]
    np.testing.assert_allclose(jacrev(np.roots)(p), slope, rtol=1e-9)
    np.testing.assert_allclose(jacfwd(np.roots)(p), slope, rtol=1e-9)
    assert np.roots(Variable(np.zeros(3))).shape == (0,)
    np.testing.assert_array_equal(np.roots(Variable(np.array([0.0, 2.0, 0.0, 0.0]))), [0.0, 0.0])


def test_conjugate_roots_make_a_real_polynomial():
    z = np.array([1 + 2j, 1 - 2j, 3 + 0j])
    same_as_numpy(np.poly, z)
    check_grads(lambda a: np.poly(a + np.diag([0.0, 5.0, 10.0])), (entries((3, 3)),))


def test_a_fit_is_numpys_in_all_its_forms():
    x, y, w = np.linspace(-1, 1, 8), entries(8), entries(8)
    for keywords in ({}, {"w": w}, {"cov": True}, {"cov": "unscaled"}, {"rcond": 1e-10}):
        same_as_numpy(lambda x, y, k=keywords: np.polyfit(x, y, 2, **k), x, y)
        check_grads(lambda x, y, k=keywords: np.polyfit(x, y, 2, **k), (x, y))
    found = np.polyfit(Variable(x), Variable(y), 2, full=True)
    for one, other in zip(found, np.polyfit(x, y, 2, full=True), strict=True):
        np.testing.assert_array_equal(getattr(one, "val", one), other)
    for wrong in [{"x": entries((2, 2))}, {"deg": -1}, {"y": entries(3)}, {"w": entries((8, 1))}, {"w": entries(3)}]:
        assert isinstance(
            same_as_numpy(lambda y, k=wrong: np.polyfit(**({"x": x, "y": y, "deg": 2} | k)), y), Exception
        ), wrong
    with pytest.warns(np.exceptions.RankWarning):
        np.polyfit(Variable(np.ones(4)), np.ones(4), 2)


@pytest.mark.parametrize(
    "name", ["polynomial.polyval", "chebyshev.chebval", "legendre.legval", "hermite.hermval", "laguerre.lagval"]
)
def test_series_of_numpys_polynomial_package_in_x(name):
    room, function = name.split(".")
    evaluate = getattr(getattr(np.polynomial, room), function)
    check_grads(lambda x: evaluate(x, [1.0, 2.0, 3.0, 4.0]), (entries(3),), order=2)


def test_coefficients_of_numpys_polynomial_package_raise():
    with pytest.raises(DerivativeTypeError, match="plain array"):
        np.polynomial.polynomial.polyval(2.0, Variable(np.ones(3)))


def test_no_warning_where_numpy_gives_none():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        x = Variable(entries((4, 5)))
        for out in (np.diff(x), np.gradient(x)[0], np.trapezoid(x), np.unwrap(x), np.vander(x[0])):
            gradients(out, np.ones(out.shape))
