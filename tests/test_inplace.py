"""Programs that write, run on plain NumPy and on variables: the same values, and gradients as finite differences say."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import wengert.numpy as wnp
from wengert import Variable, grad, gradients, jvp, value_and_grad

X = np.array([1.0, 2.0, 3.0])
PROGRAMS = {}


def program(f):
    PROGRAMS[f.__name__] = f
    return f


@program
def input_itself(x):
    x[0] = 2 * x[1]
    return np.sum(x * x)


@program
def a_copy(x):
    y = x * 1
    y[0] = 2 * y[1]
    return np.sum(y * y)


@program
def fresh_buffer_like(x):
    y = np.zeros_like(x)
    y[0] = x[1]
    y[1:] = x[:2]
    return np.sum(y**3)


@program
def alias_of_the_input(x):
    y = x
    y += x
    return np.sum(x * x)


@program
def view_written_seen_by_base(x):
    y = x * 1
    v = y[1:]
    v[0] = x[0] * 10
    return np.sum(y * y) + np.sum(v)


@program
def base_written_seen_by_view(x):
    y = x * 1
    v = y[1:]
    y[1] = x[0] * 7
    return np.sum(v * v)


@program
def siblings(x):
    y = x * 1
    v, w = y[1:], y[::-1]
    v *= x[0]
    w[0] += 1
    return np.sum(v * v) + np.sum(w * y)


@program
def reshaped_view(x):
    y = x * 1
    v = y.reshape(3, 1)
    v *= 2
    return np.sum(y * y)


@program
def mask(x):
    y = x * 1
    y[y > 1.5] *= x[0]
    return np.sum(y**2)


@program
def out_argument(x):
    np.exp(x, out=x)
    return np.sum(x)


@program
def out_argument_of_a_sum(x):
    y = np.zeros_like(x)
    np.sum(np.outer(x, x), axis=0, out=y)
    return np.sum(y * x)


@program
def add_at(x):
    y = x * 2
    np.add.at(y, [0, 0], x[:2])
    return np.sum(y * y)


@program
def multiply_at(x):
    np.multiply.at(x, [0, 0, 1], x[:1])
    np.negative.at(x, [2])
    return np.sum(x**2)


@program
def repeated_places_of_an_augmented_assignment(x):
    y = x * 1
    y[[0, 0]] += x[1]
    return np.sum(y * y)


@program
def last_value_wins(x):
    y = x * 1
    y[[0, 0]] = x[1:]
    return np.sum(y * y)


@program
def heat(x):
    u = x * 1.0
    for _ in range(5):
        u[1:-1] += 0.1 * (u[2:] - 2 * u[1:-1] + u[:-2])
    return np.sum(u**2)


@program
def recurrence(x):
    y = np.zeros_like(x)
    for i in range(1, len(x)):
        y[i] = 0.5 * y[i - 1] + x[i]
    y[y > 1] *= 0.1
    return np.sum(y**2)


@program
def sorting(x):
    y = x[::-1] * 1
    y.sort()
    return np.sum(y * np.arange(3.0))


@program
def diagonal_filled(x):
    y = np.outer(x, x)
    np.fill_diagonal(y, x[0])
    return np.sum(y**2)


@program
def chain_of_views(x):
    y = x * 1
    z = y.T.reshape(1, 3)[0]
    w = z[::-1]
    w[0] = x[0] * x[1]
    y[0] = 3.0
    return np.sum(y * z * w)


@program
def copied_where(x):
    y = x * 1
    np.copyto(y, x * x, where=x > 1.5)
    return np.sum(y)


@program
def filled(x):
    y = x * 1
    y.fill(x[0])
    return np.sum(y * x)


@program
def transposed(x):
    y = np.outer(x, x)
    d = np.transpose(y)
    d[0] = x * x
    d[0, 1] += x[2]
    return np.sum(y * np.arange(9.0).reshape(3, 3))


@program
def plain_total(x):
    total = np.zeros(3)
    total += x
    total *= x
    return np.sum(total)


@program
def every_augmented_operator(x):
    y = x * 1
    y -= x[0]
    y /= x[1]
    y **= 2
    y += 7.3
    y %= 2
    y //= 0.5
    return np.sum(y * x)


@program
def put_family(x):
    y = np.outer(x, x)
    y.T[1:, 0] = x[:2]
    np.put_along_axis(y, np.array([[0], [1], [2]]), x[0] * x[1], axis=1)
    np.put(y, [1, 4], x[1:])
    np.place(y, y > 5, x[:1])
    np.putmask(y, np.eye(3) > 0, x)
    return np.sum(y**2)


@program
def unpacked_before_writing(x):
    y = x * 1
    a, b, c = y
    y[0] = 5 * a
    return a * b + c + y[0]


@program
def flat(x):
    y = np.outer(x, x)
    y.flat[2] = x[0]
    y.flat[4:] = x[1]
    return np.sum(y**2)


@program
def parts_of_complex_numbers(x):
    z = x * 1j + x
    z.real[0] = x[1]
    z.imag[:] *= 2
    return np.sum(np.abs(z) ** 2)


@program
def mirror_buffer(x):
    y = wnp.zeros(3)
    v = y[1:]
    y[0] = x[0]
    v[0] = x[1] * x[0]
    return np.sum(y * y) + np.sum(v)


@program
def mirror_matrix(x):
    A = wnp.eye(3)
    for i in range(3):
        A[i, (i + 1) % 3] = x[i]
    return np.linalg.det(A) + wnp.sum(wnp.array([x[0], 2 * x[1], 3.0]) ** 2)


@pytest.mark.parametrize("f", PROGRAMS.values(), ids=PROGRAMS)
def test_program(f):
    x = X.copy()
    value, gradient = value_and_grad(f)(x)
    assert np.array_equal(x, X), "the caller's array was modified"
    assert value == f(X.copy())
    step = 1e-6
    numeric = np.array([(f(X + step * e) - f(X - step * e)) / (2 * step) for e in np.eye(3)])
    np.testing.assert_allclose(gradient, numeric, rtol=1e-6, atol=1e-6)
    direction = np.array([1.0, -2.0, 0.5])
    np.testing.assert_allclose(jvp(f, (X,), (direction,))[1], gradient @ direction, rtol=1e-9)
    curvature = jvp(grad(f), (X,), (direction,))[1]
    numeric = (grad(f)(X + step * direction) - grad(f)(X - step * direction)) / (2 * step)
    np.testing.assert_allclose(curvature, numeric, rtol=1e-5, atol=1e-5)


STATEMENTS = st.lists(
    st.tuples(
        st.sampled_from(["item", "slice", "view", "iadd", "imul", "mask", "fancy", "through", "flip"]),
        st.integers(0, 4),
        st.integers(0, 4),
    ),
    max_size=6,
)


def run(statements, x):
    """A random program of writes and views; works on arrays and on variables."""
    y, views = x * 1.5, []
    for what, i, j in statements:
        if what == "item":
            y[i] = x[j] * y[j]
        elif what == "slice":
            y[i:] = y[: 5 - i] * 0.5 if i else y * 1.1
        elif what == "view":
            views.append(y[min(i, j) : max(i, j) + 1])
        elif what == "flip":
            views.append(y[::-1])
        elif what == "through" and views:
            views[i % len(views)][0] = x[j] + 1
        elif what == "iadd" and views:
            view = views[j % len(views)]
            view += x[i]
        elif what == "imul":
            y *= x[i]
        elif what == "mask":
            y[y > y[i] * 0.5] = x[j]
        elif what == "fancy":
            y[[i, j, i]] = x[:3]
    return np.sum(y * np.arange(1, 6)) + sum(np.sum(v * v) for v in views)


@settings(max_examples=150, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
@given(statements=STATEMENTS)
def test_random_programs(statements):
    x = np.array([0.7, -1.1, 1.3, 0.4, -0.6])
    value, gradient = value_and_grad(lambda v: run(statements, v))(x)
    assert value == run(statements, x.copy())
    step = 1e-6
    numeric = [(run(statements, x + step * e) - run(statements, x - step * e)) / (2 * step) for e in np.eye(5)]
    scale = 1 + np.max(np.abs(gradient))
    np.testing.assert_allclose(gradient, numeric, atol=1e-5 * scale)


def test_numbers_are_immutable_names_are_rebound():
    def f(x):
        y = x
        y += 1
        return x * y

    assert grad(f)(3.0) == 7


def test_read_only_views_refuse():
    x = Variable(X.copy())
    with pytest.raises(ValueError, match="read-only"):
        np.broadcast_to(x, (2, 3))[0, 0] = 1.0


def test_numpys_own_complaints():
    x = Variable(X.copy())
    with pytest.raises(ValueError, match="broadcast"):
        x[:2] = np.ones(3)
    with pytest.raises(ValueError, match="non-broadcastable"):
        x += np.ones((2, 3))
    with pytest.raises(TypeError, match="same_kind"):
        x += 1j
    with pytest.raises(IndexError):
        x[7] = 1.0


def test_gradient_of_an_input_is_of_its_original_value():
    x = Variable(X.copy())
    y = x * 2
    x[0] = 100.0
    total = np.sum(y * x)
    np.testing.assert_allclose(gradients(total)[x], [200.0, 8.0, 12.0])


def test_many_views_of_views():
    def f(x):
        y = x * 1
        v = y
        for _ in range(3000):
            v = v[:]
        v[0] = x[1] * 3
        return np.sum(y * v)

    np.testing.assert_allclose(grad(f)(X), [0, 40, 6])
