"""Derivatives of derivatives: any order, any mixture of modes, and no confusion between them."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from wengert import (
    Variable,
    checkpoint,
    custom_gradient,
    elementwise_grad,
    grad,
    gradients,
    hessian,
    hvp,
    jacfwd,
    jacobian,
    jacrev,
    jvp,
    linearize,
    primitive,
    stop_gradient,
    value_and_grad,
    vjp,
)

X = np.array([0.3, -1.2, 2.0])


def forward(f):
    """The derivative of a function of one number, by forward mode."""
    return lambda x: jvp(f, (x,), (1.0,))[1]


def reverse(f):
    return lambda x: vjp(f, x)[1](1.0)[0]


def linear(f):
    return lambda x: linearize(f, x)[1](1.0)


def stacked(f):
    return jacfwd(f)


MODES = [forward, reverse, grad, linear, stacked]

# -- orders -----------------------------------------------------------------------------------------------------------

# A function and its first four derivatives in closed form.
CLOSED = {
    "x**5": (lambda x: x**5, [lambda x: 5 * x**4, lambda x: 20 * x**3, lambda x: 60 * x**2, lambda x: 120 * x]),
    "tanh": (
        np.tanh,
        [
            lambda x: 1 - np.tanh(x) ** 2,
            lambda x: -2 * np.tanh(x) * (1 - np.tanh(x) ** 2),
            lambda x: (6 * np.tanh(x) ** 2 - 2) * (1 - np.tanh(x) ** 2),
            lambda x: (16 * np.tanh(x) - 24 * np.tanh(x) ** 3) * (1 - np.tanh(x) ** 2),
        ],
    ),
    "1/x": (lambda x: 1 / x, [lambda x: -(x**-2), lambda x: 2 * x**-3, lambda x: -6 * x**-4, lambda x: 24 * x**-5]),
    "sin exp": (
        lambda x: np.sin(x) * np.exp(x),
        [
            lambda x: np.exp(x) * (np.sin(x) + np.cos(x)),
            lambda x: 2 * np.exp(x) * np.cos(x),
            lambda x: 2 * np.exp(x) * (np.cos(x) - np.sin(x)),
            lambda x: -4 * np.exp(x) * np.sin(x),
        ],
    ),
    "log": (np.log, [lambda x: 1 / x, lambda x: -1 / x**2, lambda x: 2 / x**3, lambda x: -6 / x**4]),
}


@pytest.mark.parametrize("name", CLOSED)
@pytest.mark.parametrize(
    "modes", [m for n in (1, 2, 3) for m in itertools.product(MODES, repeat=n)] + [(m,) * 4 for m in MODES]
)
def test_orders_in_every_mixture_of_modes(name, modes):
    f, closed = CLOSED[name]
    derivative = f
    for mode in modes:
        derivative = mode(derivative)
    assert derivative(0.7) == pytest.approx(closed[len(modes) - 1](0.7), rel=1e-10)


def test_the_tenth_derivative():
    f = np.sin
    for _ in range(10):
        f = grad(f)
    assert f(0.4) == pytest.approx(-np.sin(0.4))


@pytest.mark.parametrize("inner", [grad, jacfwd, jacrev, jacobian, elementwise_grad])
@pytest.mark.parametrize("outer", [jacfwd, jacrev, jacobian])
def test_second_derivatives_of_functions_of_arrays(inner, outer):
    f = lambda x: np.sum(np.exp(x) * x[::-1]) + np.prod(x)
    expected = hessian(f)(X)
    assert_allclose(outer(inner(f))(X), expected, rtol=1e-12)


def test_third_derivatives_of_functions_of_arrays():
    f = lambda x: x[0] ** 2 * x[1] * x[2]
    third = jacobian(hessian(f))(X)
    assert third.shape == (3, 3, 3)
    assert third[0, 0, 1] == third[0, 1, 0] == third[1, 0, 0] == pytest.approx(2 * X[2])
    assert third[0, 1, 2] == pytest.approx(2 * X[0])
    assert_allclose(jacfwd(jacrev(jacfwd(f)))(X), third)
    assert_allclose(jacrev(jacfwd(jacrev(f)))(X), third)


# -- perturbation confusion -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("outer", MODES)
@pytest.mark.parametrize("inner", MODES)
def test_the_classics_of_perturbation_confusion(outer, inner):
    # Siskind and Pearlmutter (2005): 1 here, 2 where the perturbations are confused
    assert outer(lambda x: x * inner(lambda y: x + y)(1.0))(1.0) == 1.0
    assert outer(lambda x: inner(lambda y: x * y)(2.0))(3.0) == 1.0
    assert outer(lambda x: x * inner(lambda y: x * y)(2.0))(3.0) == 6.0
    assert outer(lambda x: inner(lambda y: y**2 * x)(x))(3.0) == 12.0
    assert outer(lambda x: inner(lambda y: x)(x))(3.0) == 0.0
    assert outer(lambda x: inner(lambda y: 5.0 * y)(x))(3.0) == 0.0


@pytest.mark.parametrize("modes", list(itertools.product([forward, grad], repeat=3)))
def test_three_levels_deep(modes):
    a, b, c = modes
    f = a(lambda x: x * b(lambda y: x * y * c(lambda z: x * y * z**2)(y))(x))
    # c: 2xy²; b: d/dy (2 x² y³) = 6 x² y² -> 6 x⁴; a: d/dx 6 x⁵
    assert f(1.5) == pytest.approx(30 * 1.5**4)


def test_a_derivative_function_made_outside_and_used_inside():
    df = grad(lambda y: y**3)
    assert grad(lambda x: df(x) * x)(2.0) == pytest.approx(9 * 2.0**2)
    assert grad(lambda x: df(2.0) * x)(5.0) == 12.0


def test_a_curried_function():
    # Manzyuk et al. (2019): a derivative that returns a function, called inside another derivative
    def shift(u):
        return lambda g: lambda y: g(y + u)

    d_shift = lambda g: lambda y: jvp(lambda u: shift(u)(g)(y), (0.0,), (1.0,))[1]
    assert d_shift(d_shift(np.exp))(1.0) == pytest.approx(np.exp(1.0))
    assert d_shift(d_shift(lambda t: t**3))(2.0) == pytest.approx(12.0)


def test_closures_over_variables_of_several_levels():
    def f(x):
        def g(y):
            def h(z):
                return x * y * z + x**2 * z**2

            return grad(h)(y) * y  # (x y + 2 x² y) y

        return grad(g)(x)  # 2 x y + 4 x² y at y = x: 2 x² + 4 x³

    assert f(2.0) == pytest.approx(2 * 4 + 4 * 8)
    assert grad(f)(2.0) == pytest.approx(4 * 2 + 12 * 4)
    assert forward(f)(2.0) == pytest.approx(4 * 2 + 12 * 4)


def test_an_inner_result_that_escapes_is_an_outer_variable():
    kept = []

    def f(x):
        value, gradient = value_and_grad(lambda y: x * y**2)(3.0)
        kept.append((value, gradient))
        return value + gradient

    assert grad(f)(2.0) == 9.0 + 6.0
    ((value, gradient),) = kept
    assert isinstance(value, Variable) and isinstance(gradient, Variable)


def test_inner_arguments_and_operands_of_mixed_levels_in_arrays():
    def f(x):
        def g(y):
            stack = np.concatenate([x, y, np.ones(1)])
            return np.sum(np.where(stack > 0, stack**2, 0.0)) * np.sum(x * y)

        return np.sum(grad(g)(x * 2))

    check = [(f(X + 1e-6 * e) - f(X - 1e-6 * e)) / 2e-6 for e in np.eye(3)]
    assert_allclose(grad(f)(X), check, rtol=1e-6)
    assert_allclose(jacfwd(f)(X), check, rtol=1e-6)


# -- what is used inside a derivative ---------------------------------------------------------------------------------


def test_the_seeds_api_inside_a_derivative():
    def f(x):
        a = Variable(x)  # a graph of its own, of a level of its own
        return gradients(a * a * x)[a]  # 2 a x = 2 x²

    assert f(3.0) == 18.0
    assert grad(f)(3.0) == 12.0
    assert forward(f)(3.0) == 12.0

    def g(x):
        a = Variable(x)
        (a**3).backward()
        return a.grad

    assert g(2.0) == 12.0
    assert grad(g)(2.0) == 12.0


def test_a_variable_of_the_seed_inside_a_derivative_is_a_constant_to_it():
    w = Variable(2.0)
    inside = grad(lambda x: w * x**2)(3.0)  # 2 w x
    assert inside.val == 12.0
    assert gradients(inside)[w] == 6.0
    inside.backward()
    assert w.grad == 6.0


def test_a_derivative_of_a_graph_that_was_built_before():
    a = Variable(3.0)
    y = a**2
    assert gradients(gradients_of_square(y))[a] == pytest.approx(4 * 27)


def gradients_of_square(y):
    return y * y


@pytest.mark.parametrize("mode", MODES)
def test_stop_gradient_stops_every_level(mode):
    assert mode(lambda x: mode(lambda y: stop_gradient(x) * y**2)(x))(3.0) == 6.0
    assert mode(lambda x: mode(lambda y: stop_gradient(y) * x * y)(2.0))(3.0) == 2.0


@pytest.mark.parametrize("modes", list(itertools.product([forward, grad], repeat=2)))
def test_rules_of_ones_own_across_levels(modes):
    outer, inner = modes
    cube = primitive(lambda x: x**3, lambda out, x: 3 * x**2)
    scaled = custom_gradient(lambda x, s: (s * x**2, (2 * s * x, x**2)))
    assert outer(inner(cube))(2.0) == pytest.approx(12.0)
    assert outer(lambda x: x * inner(lambda y: cube(x * y))(1.0))(2.0) == pytest.approx(3 * 4 * 8)
    assert outer(lambda x: inner(lambda y: scaled(y, x))(x))(3.0) == pytest.approx(12.0)
    assert outer(lambda x: inner(lambda y: scaled(x, y))(x))(3.0) == pytest.approx(6.0)


@pytest.mark.parametrize("modes", list(itertools.product([forward, grad], repeat=2)))
def test_checkpoint_across_levels(modes):
    outer, inner = modes
    f = checkpoint(lambda x, y: np.sin(x * y) * x)
    plain = lambda x, y: np.sin(x * y) * x
    for nest in (
        lambda f: lambda x: inner(lambda y: f(x, y))(x),
        lambda f: lambda x: x * inner(lambda y: f(y, x))(1.0),
    ):
        assert outer(nest(f))(0.7) == pytest.approx(outer(nest(plain))(0.7))
    closing = lambda x: inner(lambda y: checkpoint(lambda u: u * x * y)(y))(x)  # d/dy x y² = 2 x y
    assert outer(closing)(3.0) == pytest.approx(12.0)


def test_hvp_inside_a_gradient():
    f = lambda x: np.sum(x**4)
    assert_allclose(grad(lambda x: np.sum(hvp(f)(x, np.ones(3))))(X), 24 * X)
    assert_allclose(jvp(lambda v: hvp(f)(X, v), (X,), (np.ones(3),))[1], 12 * X**2)
    assert_allclose(grad(lambda v: np.sum(hvp(f)(X, v)))(X), 12 * X**2)


def test_differentiating_with_respect_to_a_cotangent_or_a_tangent():
    _, pull = vjp(np.sin, X)
    assert_allclose(jacobian(lambda g: pull(g)[0])(X), np.diag(np.cos(X)))
    _, push = linearize(np.sin, X)
    assert_allclose(jacobian(push)(X), np.diag(np.cos(X)))
    assert grad(lambda t: jvp(np.exp, (1.0,), (t,))[1] ** 2)(3.0) == pytest.approx(2 * 3 * np.exp(2.0))


def test_a_gradient_step_differentiated_through():
    """A learning rate's gradient: reverse over reverse through an optimiser's loop."""
    loss = lambda w: np.sum((w - X) ** 2)

    def after(rate):
        w = np.zeros(3)
        for _ in range(3):
            w = w - rate * grad(loss)(w)
        return loss(w)

    h = 1e-6
    assert grad(after)(0.1) == pytest.approx((after(0.1 + h) - after(0.1 - h)) / (2 * h), rel=1e-6)
    assert forward(after)(0.1) == pytest.approx(grad(after)(0.1))
    assert grad(grad(after))(0.1) == pytest.approx((grad(after)(0.1 + h) - grad(after)(0.1 - h)) / (2 * h), rel=1e-5)


def test_true_zeros_at_second_order():
    f = lambda x: np.where(x > 0, np.sqrt(x) * x, 0.0)
    with np.errstate(all="ignore"):
        for outer, inner in itertools.product([forward, grad], repeat=2):
            assert outer(inner(f))(-1.0) == 0.0
            assert outer(inner(f))(4.0) == pytest.approx(0.375)
        assert_array_equal(hessian(lambda x: np.sum(f(x)))(np.array([-1.0, -2.0])), np.zeros((2, 2)))


def test_complex_steps_agree_with_second_derivatives():
    f = lambda x: np.exp(x) / np.sqrt(np.sin(x) ** 3 + np.cos(x) ** 3)  # Squire and Trapp (1998)
    first = np.imag(f(1.5 + 1e-40j)) / 1e-40
    assert grad(f)(1.5) == pytest.approx(first, rel=1e-14)
    second = np.imag(grad(lambda z: f(z), holomorphic=True)(1.5 + 1e-40j)) / 1e-40
    assert grad(grad(f))(1.5) == pytest.approx(second, rel=1e-13)
