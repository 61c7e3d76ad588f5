"""Each of the 149 points of edge_cases.py: gradient, dtype, shape, in both modes, and no warning of our own; extreme operands."""

from __future__ import annotations

import copy
import warnings

import numpy as np
import pytest
from edge_cases import CASES, Raises

from wengert import grad, jvp

ANSWERED = [case for case in CASES if not isinstance(case.gradient, Raises)]
REFUSED = [case for case in CASES if isinstance(case.gradient, Raises)]


def by_name(cases):
    return pytest.mark.parametrize("case", cases, ids=lambda case: case.name)


def point(case):
    return np.array(case.at) if isinstance(case.at, list) else copy.copy(case.at)


def warned(function, x):
    """The result and the texts of the warnings on the way."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        result = function(x)
    return result, {str(w.message).replace("scalar ", "") for w in caught}


def test_every_point_is_decided_once_and_with_a_reason():
    assert len(CASES) == len({case.name for case in CASES}) == 149
    assert all(case.because for case in CASES)


@by_name(ANSWERED)
def test_gradient(case):
    x = point(case)
    _, numpys = warned(case.f, np.float64(x) if type(x) is float else point(case))
    gradient, ours = warned(grad(case.f), x)
    expected = np.asarray(case.gradient, dtype=complex if isinstance(case.gradient, complex) else None)
    np.testing.assert_allclose(gradient, expected, rtol=1e-12 if expected.dtype == float else 1e-3, atol=1e-12)
    assert np.shape(gradient) == expected.shape
    assert gradient.dtype == expected.dtype
    assert isinstance(gradient, np.ndarray) == isinstance(x, np.ndarray)
    assert ours <= numpys, "differentiating warns of nothing that the function itself does not warn of"
    np.testing.assert_array_equal(x, point(case), err_msg="the caller's own array is never modified")


@by_name([case for case in ANSWERED if np.size(case.at)])
def test_forward_mode_agrees(case):
    x = point(case)
    if isinstance(x, int):
        x = float(x)
    gradient = np.ravel(np.asarray(case.gradient))
    for i, expected in enumerate(gradient):
        for direction in (1, 1j) if np.iscomplexobj(x) else (1,):
            tangent = np.zeros(np.size(x), np.asarray(x).dtype)
            tangent[i] = direction
            (_, found), _ = warned(lambda t: jvp(case.f, (point(case),), (t,)), tangent.reshape(np.shape(x))[()])
            wanted = np.real(expected) if direction == 1 else np.imag(expected)  # Re(conj(gradient) * direction)
            np.testing.assert_allclose(np.ravel(found)[0], wanted, rtol=1e-3, atol=1e-12)


@by_name(REFUSED)
def test_refused(case):
    with pytest.raises(case.gradient.type) as caught, np.errstate(all="ignore"):
        grad(case.f)(point(case))
    texts, error = [], caught.value
    while error is not None:
        texts.append(str(error))
        error = error.__cause__ or error.__context__
    assert any(case.gradient.says in text for text in texts)


@pytest.mark.parametrize("dtype", [bool, np.int8, np.uint8, np.uint64])
@pytest.mark.parametrize("f", [np.arctan2, np.power, np.float_power, np.hypot, np.logaddexp], ids=lambda f: f.__name__)
def test_integers_beside_a_variable_do_not_wrap_around(f, dtype):
    n, x = np.array([0, 1, 100]).astype(dtype), np.array([0.3, 0.6, 0.9])
    for call in (lambda x, n: f(n, x), lambda x, n: f(x, n)):
        slope = jvp(lambda x, c=call: c(x, n), (x,), (np.ones(3),))[1]
        wanted = jvp(lambda x, c=call: c(x, n.astype(float)), (x,), (np.ones(3),))[1]
        np.testing.assert_allclose(slope, wanted, rtol=1e-14)


@pytest.mark.parametrize("size", [1e-200, 1e200])
def test_angles_of_tiny_and_huge_vectors(size):
    slopes = grad(lambda y, x: np.arctan2(y, x), (0, 1))(size, size)
    np.testing.assert_allclose(slopes, [0.5 / size, -0.5 / size], rtol=1e-14)
