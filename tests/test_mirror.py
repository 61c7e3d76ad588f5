"""wengert.numpy: every name of NumPy, buffers that variables can be written into, arrays of variables."""

from __future__ import annotations

import numpy as np
import pytest

import wengert.numpy as wnp
from wengert import check_grads, grad, value_and_grad


def test_every_public_name_is_there():
    missing = [name for name in dir(np) if not name.startswith("_") and not hasattr(wnp, name)]
    assert missing == []


def test_submodules_and_ufuncs_are_numpys_own():
    assert wnp.linalg is np.linalg
    assert wnp.sin is np.sin
    assert wnp.float64 is np.float64


@pytest.mark.parametrize("make", [wnp.zeros, wnp.ones, wnp.empty, lambda n: wnp.full(n, 2.0), wnp.eye, wnp.identity])
def test_without_variables_everything_computed_is_plain(make):
    y = make(3)
    y[0] = 5.0
    y += 1
    for result in (y + 1, 2 * y, -y, np.sin(y), y @ np.ones(3), y.sum(), np.sum(y), y[0] * 1, np.asarray(y)):
        assert isinstance(result, (np.ndarray, np.floating)), type(result)
    assert np.asarray(y).ravel()[0] == 6.0


def test_integer_buffers_are_plain_arrays():
    assert type(wnp.zeros(3, dtype=int)) is np.ndarray


def test_a_view_of_a_buffer_sees_later_writes():
    def f(x):
        y = wnp.zeros(4)
        v = y[:2]
        w = v.reshape(2, 1)
        y[0] = x
        w[1] = x * x
        return np.sum(v) + 10 * y[1]

    assert grad(f)(3.0) == 1 + 11 * 6


def test_results_never_hold_buffers():
    def f(x):
        return np.sum(x * wnp.ones(3))

    value, gradient = value_and_grad(f)(np.arange(3.0))
    assert type(gradient) is np.ndarray
    assert isinstance(value, np.floating)
    constant, zero = value_and_grad(lambda x: wnp.zeros(3).sum() + wnp.ones(1))(2.0)
    assert type(constant) is np.ndarray
    assert zero == 0
    assert type(grad(lambda x: np.sum(x**2))(wnp.ones(2))) is np.ndarray


def test_nested_lists_of_variables():
    def f(x):
        return np.linalg.det(wnp.array([[x[0], 1.0], [2.0, x[1]]]))

    np.testing.assert_allclose(grad(f)(np.array([3.0, 4.0])), [4, 3])


def test_arguments_that_numpy_does_not_look_at():
    assert grad(lambda x: np.sum(wnp.full((2, 3), x)))(2.0) == 6
    assert grad(lambda x: np.sum(wnp.full_like(np.ones(4), x)))(2.0) == 4
    assert grad(lambda x: np.sum(wnp.pad(np.ones(2), 1, constant_values=x)))(2.0) == 2
    assert grad(lambda x: np.sum(wnp.select([np.array([True, False])], [1.0], default=x)))(2.0) == 1


@pytest.mark.parametrize(
    "f",
    [
        lambda np, x: np.mean([x[0], x[1]]),
        lambda np, x: np.sum(np.sort([x[0], 2.0, x[1]]) * np.arange(3.0)),
        lambda np, x: np.dot([x[0], 1.0], [[x[1]], [3.0]])[0],
        lambda np, x: np.sum(np.where([True, False], [x[0], 1.0], x)),
        lambda np, x: np.sum(np.concatenate([[x[0]], x, [2.0]]) ** 2),
        lambda np, x: np.sum(np.stack([[x[0], 1.0], x], axis=1) ** 2),
        lambda np, x: np.sum(np.vstack(([x[0], 1.0], x)) ** 2),
        lambda np, x: np.sum(np.block([[x[0], x[1]], [1.0, x[1]]]) ** 3),
    ],
)
def test_lists_of_variables(f):
    x = np.array([0.5, 1.5])
    assert value_and_grad(lambda x: f(wnp, x))(x)[0] == f(np, x)
    check_grads(lambda x: f(wnp, x), (x,))


def test_second_order_through_a_buffer():
    def f(x):
        y = wnp.zeros(2)
        y[0] = x**3
        y[1] = y[0] * x
        return y[1]

    assert grad(grad(f))(2.0) == 48
