"""Programs that write, run on plain NumPy and on variables: the same values, and gradients as finite differences say."""

from __future__ import annotations

import gc
import threading

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from test_memory import peak_of

import wengert.numpy as wnp
from wengert import Variable, grad, gradients, hessian, jacobian, jvp, value_and_grad, vjp
from wengert.core.variable import WRITTEN
from wengert.inplace import fillable
from wengert.ops import storage
from wengert.ops.constants import plain

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
def einsum_view_filled(x):
    y = np.outer(x, x)
    np.einsum("ii->i", y)[...] = x[::-1]
    np.einsum("ij->ji", y)[0] += x
    return np.sum(y**2 * np.arange(9.0).reshape(3, 3))


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


@program
def numbers_written_between_uses(x):
    m, total = wnp.zeros(3), 0.0
    v = m[1:]
    for i in range(2):
        v[i] = i + 1.0
        m[0] = 5.0 * i
        total = total + x * m * x + np.sum(x[1:] * v)
    return np.sum(total)


@program
def gradient_written_by_its_owner(x):
    g = grad(lambda t: np.sum(t**3))(x)
    g *= 0.5
    g[0] = x[1]
    return np.sum(g * g)


@program
def views_where_memory_is_not_contiguous(x):
    m = np.outer(x, x * 2).T
    m += np.outer(x, x * 3)
    r = m.reshape(-1)  # a copy
    r[0] = 100.0 * x[0]
    w = m.T.reshape(-1)  # a view
    w[1] = x[2] * 5
    return np.sum(m * m) + np.sum(r) + np.sum(w**2)


@program
def overlapping_views(x):
    y = np.concatenate([x, x])
    y[1:] += y[:-1]
    y[::2] *= y[1::2]
    y[1:] = y[:-1] * y[1:]
    return np.sum(y)


@program
def rows_and_columns(x):
    y = np.outer(x, x)
    row, column = y[1], y[:, 2]
    row[2] = x[0] * x[1]
    column[0] += row[1]
    row *= column
    for r in y:
        r *= r[0]
    for i, r in enumerate(y):
        r[:] = r[::-1] * x[i]
    return np.sum(y)


@program
def exchanged(x):
    y = x * 1
    y[0], y[1] = y[1], y[0]
    y[[0, 2]] = y[[2, 0]]
    return np.sum(y * np.arange(1, 4.0) * y)


@program
def history_of_states(x):
    u = wnp.zeros((5, 3))
    u[0] = x
    previous = u[0]
    for t in range(4):
        u[t + 1] = u[t] + 0.1 * np.sin(previous) * u[t][::-1]
        previous = u[t + 1]
    u[0] = 0.0
    return np.sum(u[-1] ** 2) + np.sum(u)


@program
def parts_set(x):
    z = x + 1j * x[::-1]
    r = z.real
    r[0] = x[1] * 3
    z.imag *= 2
    z.real = z.imag * x
    z[1] = x[2]
    z.T.imag[2] += x[0]
    return np.sum(np.abs(z) ** 2) + np.sum(r)


@program
def every_way_to_look_at_an_array(x):
    y = np.outer(x, x)
    y.ravel()[3] = x[0] * 2
    y.reshape(9)[4:6] = x[:2]
    y.reshape((3, 3), order="F")[0, 1] += x[2]
    np.squeeze(y[None])[0] = 1.0
    y.swapaxes(0, 1)[2] *= x
    np.moveaxis(y, 0, 1)[1, 1] = x[0]
    y[:, None, :][0, 0, 0] = x[2]
    np.expand_dims(y, 0)[0, 2, 2] = x[1] ** 2
    np.atleast_3d(y)[0, 1, 0] = x[2] ** 3
    np.rot90(y)[0, 0] = x[1]
    np.flip(y)[1] *= 2
    np.fliplr(y)[0, 0] += x[0]
    y.view()[1, 0] = x[1]
    y[..., 2][1, ...] = x[0]
    np.matrix_transpose(y)[0, 2] -= x[1]
    y.mT[1, 1] *= x[0]
    return np.sum(y**2)


@program
def parts_of_a_split(x):
    y = np.concatenate([x, x * x])
    a, b = np.split(y, 2)
    a *= b
    b[0] = a[1]
    c, d = np.hsplit(y, [2])
    c[:] = d[:2]
    return np.sum(y**2)


@program
def a_place_with_no_axes(x):
    y = x * 1
    v = y[1, ...]
    v[...] = x[0] * 4
    v += x[2]
    v[()] *= 2
    y.reshape(3, 1, 1)[2, 0][0] = v
    return np.sum(y * y)


@program
def broadcast_values(x):
    y = np.outer(x, x)
    y[:] = x
    y[0] = x[0]
    y[1:] = x[None]
    y[0] = x[None]
    y[2] = [x[0], 2.0, x[1]] if isinstance(x, Variable) else np.array([x[0], 2.0, x[1]])
    y[:, [0, 0]] += 1.0
    y[np.array([0, 2]), 1] -= x[:2]
    y[np.ix_([0, 1], [1, 2])] = x[0]
    y[[True, False, True]] *= 2
    y[None][0] += x
    return np.sum(y * y * np.arange(9.0).reshape(3, 3))


@program
def outputs_into_views(x):
    y = np.outer(x, x)
    np.add(x, x, out=y[1])
    np.sum(y, axis=0, out=y[2])
    np.divide(y, x[:, None] + 1, out=y)
    np.multiply(y, y, out=y, where=np.eye(3) > 0)
    np.cumsum(y, axis=1, out=y)
    a, b = x * 1, x * 1
    np.modf(x * 1.3, out=(a, b))
    return np.sum(y**2) + np.sum(a * b)


@program
def written_by_a_function(x):
    def scaled(a):
        a *= x[0]
        return a

    y = x * 1
    z = scaled(scaled(y[1:]))
    names = {"y": y, "also y": [y]}
    names["also y"][0][0] = 9.0 * x[1]
    return np.sum(names["y"] ** 2) + np.sum(z)


@program
def captured_and_written_inside(x):
    z = np.zeros_like(x) if isinstance(x, Variable) else wnp.zeros(3)

    def inner(t):
        z[0] = t * t
        return np.sum(z) * t

    slope = grad(inner)(x[1])
    return slope * z[0] + np.sum(z) * x[2]


@program
def partitioned_and_resized(x):
    y = x[::-1] * 1
    y.partition(1)
    y.put([0, -1], [x[1]])
    y.flat[1] = x[0]
    y.flat = y.flat[::-1]
    return np.sum(y * np.arange(1.0, 4.0))


@program
def multiplied_by_a_matrix_in_place(x):
    y = x * 1
    y @= np.arange(9.0).reshape(3, 3)
    y -= [1.0, 2.0, 3.0]
    return np.sum(y**2)


@program
def windows_see_what_is_written(x):
    y = x * 1
    windows = np.lib.stride_tricks.sliding_window_view(y, 2)
    first = windows[0]
    y[1] = 7 * x[0]
    return np.sum(windows * np.array([[1.0, 10.0], [100.0, 1000.0]])) + np.sum(first)


@program
def a_write_into_one_window_is_in_the_others(x):
    y = x * 1
    windows = np.lib.stride_tricks.sliding_window_view(y, 2, writeable=True)
    windows[0, 1] = 7 * x[0] * x[2]
    return np.sum(windows * np.array([[1.0, 10.0], [100.0, 1000.0]])) + np.sum(y)


@program
def a_real_arrays_conjugate_is_itself(x):
    y = x * 1
    y.conj()[0] = 5 * x[1]
    y.conjugate()[1] *= x[2]
    return np.sum(y * y)


@program
def gaps_filled_in_place(x):
    y = x * np.array([1.0, np.nan, 2.0])
    filled = np.nan_to_num(y[:2], copy=False, nan=7.0)
    filled[1] *= x[2]
    return np.sum(y * y)


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


# -- random programs --------------------------------------------------------------------------------------------------
# Arrays look at each other's memory and are written, by any statement that NumPy has for it. What NumPy refuses is refused
# with the same type of error, and the program goes on.

INDICES = [
    0, -1, 1, slice(None), slice(1, None), slice(None, None, -1), slice(None, None, 2), Ellipsis, (Ellipsis, 0), None,
    (slice(None), 1), (slice(1, None), slice(None, None, -1)), (1, 0), [0, 1], [1, 1], ([0, 1, 0], [0, 1, 0]),
    (slice(None), [0, 0]), np.array([True, False]), (slice(None), np.array([True, False, True])),
]  # fmt: skip
LOOKS = [
    lambda a: a.T,
    lambda a: a.reshape(-1),
    lambda a: a.reshape(3, 2),
    lambda a: np.reshape(a, (2, 3), order="F"),
    lambda a: a.ravel(),
    lambda a: np.flip(a),
    lambda a: np.swapaxes(a, 0, -1),
    lambda a: np.squeeze(a),
    lambda a: np.diagonal(a),
    lambda a: np.einsum("...ij->...ji", a) if a.ndim > 1 else np.einsum("i->i", a),
    lambda a: np.einsum("ii->i", a[:2, :2]) if a.ndim > 1 else a,
    lambda a: np.broadcast_to(a, (2, *a.shape)),
    lambda a: np.moveaxis(a, -1, 0),
    lambda a: a.copy(),
    lambda a: a[:, None],
    lambda a: a * 1.5,
]
WRITES = [
    lambda a, b: np.copyto(a, b),
    lambda a, b: np.copyto(a, b, where=np.arange(a.size).reshape(a.shape) % 2 == 0),
    lambda a, b: np.multiply(a, b, out=a),
    lambda a, b: np.add(a, 1.0, out=a[::-1]),
    lambda a, b: np.put(a, [0, 2, 0], b),
    lambda a, b: np.put_along_axis(a, np.zeros_like(np.asarray(plain(a)), dtype=int), 2.0 * b, -1),
    lambda a, b: np.fill_diagonal(a, b),
    lambda a, b: np.putmask(a, np.arange(a.size).reshape(a.shape) % 3 == 0, b),
    lambda a, b: a.fill(b.flat[0] if isinstance(b, np.ndarray) else b.reshape(-1)[0]),
    lambda a, b: np.cumsum(b, axis=0, out=a),
    lambda a, b: np.add.at(a, 0, b),
]


def iadd(a, b):
    a += b


def isub(a, b):
    a -= 0.5 * b


def imul(a, b):
    a *= b


WRITES += [iadd, isub, imul]
STATEMENTS = st.lists(
    st.tuples(
        st.sampled_from(["look", "index", "set", "set", "augment", "write", "write"]),
        st.integers(0, 5),
        st.integers(0, 5),
        st.integers(0, len(INDICES) - 1),
        st.integers(0, len(LOOKS) - 1),
        st.integers(0, len(WRITES) - 1),
    ),
    max_size=8,
)


def run(statements, x, start):
    """The weighted sum of all arrays after the program, the arrays, and the errors on the way."""
    arrays, errors = [start(x)], []
    for what, i, j, index, look, write in statements:
        a, b, index = arrays[i % len(arrays)], arrays[j % len(arrays)], INDICES[index]
        try:
            if what in ("look", "index"):
                found = LOOKS[look](a) if what == "look" else a[index]
                if type(found) is np.ndarray and isinstance(a, Variable):
                    found = fillable(found)  # computed from numbers, so plain, but variables are to be written into it
                if np.ndim(found):
                    arrays.append(found)
            elif what == "set":
                a[index] = b if j % 2 else b.reshape(-1)[j] * x[0, i % 3]
            elif what == "augment":
                a[index] += x[1, 1] * (b if j % 2 else 1.0)
            else:
                WRITES[write](a, b)
        except (ValueError, TypeError, IndexError) as error:
            errors.append(next(kind for kind in (ValueError, TypeError, IndexError) if isinstance(error, kind)))
    weighted = [np.sum(np.cos(np.arange(a.size)).reshape(a.shape) * a) for a in arrays]
    return sum(weighted), arrays, errors


STARTS = {
    "copy": lambda x: x * 1.5,
    "input": lambda x: x,
    "transposed": lambda x: np.outer(x[0, :2], x[1]).T,
    "mirror": lambda x: wnp.ones((2, 3)),
}


@pytest.mark.parametrize("start", STARTS)
@settings(max_examples=120, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
@given(statements=STATEMENTS)
def test_random_programs(start, statements):
    x = np.array([[0.7, -1.1, 1.3], [0.4, -0.6, 0.9]])
    start = STARTS[start]
    numpys = start if start is not STARTS["mirror"] else lambda x: np.ones((2, 3))
    wanted, arrays, refused = run(statements, x.copy(), numpys)
    seen = []

    def f(v):
        value, found, errors = run(statements, v, start)
        seen[:] = [np.array(plain(a)) for a in found], errors
        return value

    with np.errstate(all="ignore"):
        value, gradient = value_and_grad(f)(x.copy())
        for found, array in zip(seen[0], arrays, strict=True):
            np.testing.assert_array_equal(found, array)
        assert seen[1] == refused
        assert value == wanted or np.isnan(value)
        step = 1e-6
        basis = np.eye(6).reshape(6, 2, 3)
        numeric = [
            (run(statements, x + step * e, numpys)[0] - run(statements, x - step * e, numpys)[0]) / (2 * step)
            for e in basis
        ]
        scale = 1 + np.max(np.abs(numeric))
        np.testing.assert_allclose(gradient.ravel(), numeric, atol=1e-5 * scale)
        pushed = [jvp(f, (x,), (e,))[1] for e in basis]
        np.testing.assert_allclose(gradient.ravel(), pushed, rtol=1e-9, atol=1e-9 * scale)


# -- memory -----------------------------------------------------------------------------------------------------------


def recurrence_of(x):
    y = wnp.zeros(len(x))
    y[0] = x[0]
    for i in range(1, len(x)):
        y[i] = np.sin(y[i - 1]) + x[i]
    return np.sum(y)


def states_of(x):
    u = wnp.zeros((300, len(x)))
    u[0] = x
    for t in range(299):
        u[t + 1] = u[t] + 0.1 * np.sin(u[t])
    return np.sum(u**2)


@pytest.mark.skipif(storage._ALONE < 0, reason="without reference counts every write copies")
@pytest.mark.parametrize(("f", "n", "copies"), [(recurrence_of, 2000, 500), (states_of, 500, 10)])
def test_a_loop_of_writes_does_not_copy_the_array_each_time(f, n, copies):
    x = np.linspace(0.1, 1.0, n)
    size = 8 * (n if f is recurrence_of else 300 * n)
    assert peak_of(lambda: grad(f)(x)) < copies * size, "there are as many writes as the array has rows"


def test_memory_that_others_see_is_copied():
    x = Variable(np.zeros(4))
    first = x * 1.0
    first[0] = 1.0
    seen = first.val
    first[1] = 2.0
    np.testing.assert_array_equal(seen, [1, 0, 0, 0])
    np.testing.assert_array_equal(first.val, [1, 2, 0, 0])


def test_old_versions_are_there_when_a_sweep_asks():
    x = Variable(np.array([2.0, 3.0]))
    y = np.zeros_like(x)
    products = []
    for i in range(6):
        y[i % 2] = x[i % 2] * (i + 1)
        products.append(np.sum(y * y * x))
    for _ in range(2):
        slopes = [gradients(p)[x] for p in reversed(products)]
    # y is (1, 0), (1, 2), (3, 2), (3, 4), (5, 4), (5, 6) times x, and a sum is that of y^2 x
    factors = [(1, 0), (1, 2), (3, 2), (3, 4), (5, 4), (5, 6)]
    for slope, (a, b) in zip(reversed(slopes), factors, strict=True):
        np.testing.assert_allclose(slope, [3 * a**2 * 4, 3 * b**2 * 9])


def test_threads_pull_through_the_same_written_array():
    x = np.linspace(0.1, 1.0, 100)
    _, pull = vjp(recurrence_of, x)
    (wanted,) = pull(1.0)
    found = []
    threads = [threading.Thread(target=lambda: found.extend(pull(1.0) for _ in range(10))) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(found) == 80
    assert all(np.array_equal(g, wanted) for (g,) in found)


SWEEPS = [
    lambda f, x: grad(f)(x),
    lambda f, x: jacobian(f)(x),
    lambda f, x: jvp(f, (x,), (x,)),
    lambda f, x: vjp(f, x)[1](1.0),
    lambda f, x: hessian(f)(x),
]


@pytest.mark.parametrize("sweep", SWEEPS)
def test_a_closed_trace_leaves_nothing_behind(sweep):
    def f(x):
        y = x * 1
        y[0] = 2 * y[1]
        v = y[1:]
        v *= x[:-1]
        y += x
        unused = x * 2
        unused[0] = unused[1]
        z = wnp.zeros(3)
        z[0] = x[0]
        z[1] = z[0] * 2
        x[2] = x[0]
        return np.sum(y * y) + np.sum(z) + np.sum(x)

    sweep(f, X)
    gc.collect()
    gc.disable()
    try:
        before = sum(isinstance(o, Variable) for o in gc.get_objects())
        sweep(f, X)
        assert sum(isinstance(o, Variable) for o in gc.get_objects()) == before
    finally:
        gc.enable()
    assert not WRITTEN


def test_what_was_written_in_a_trace_holds_numbers_afterwards():
    outside, leaked = wnp.zeros(2), []

    def f(x):
        outside[0] = x * x
        y = x * np.ones(2)
        y[1] = 3 * x
        leaked.extend([y, y[1:]])
        return outside[0] * x

    assert grad(f)(2.0) == 12.0
    for found, numbers in [(outside, [4, 0]), (leaked[0], [2, 6]), (leaked[1], [6])]:
        assert type(found * 1) is np.ndarray
        np.testing.assert_array_equal(found, numbers)
    outside[1] = 5.0
    assert repr(outside) == "array([4., 5.])"


# -- traces within traces ---------------------------------------------------------------------------------------------


def test_a_pull_computes_with_the_values_of_its_time():
    def f(x):
        z = x * 2
        _, pull = vjp(lambda t: np.sum(np.exp(t) * z * z), X)
        z[0] = 7.0
        z *= 3
        return np.sum(pull(1.0)[0])

    np.testing.assert_allclose(grad(f)(X), np.exp(X) * 8 * X)


def test_what_a_pull_returned_may_be_written():
    def f(x):
        y, pull = vjp(np.exp, x)
        y *= 2
        y[0] = 0.0
        g = pull(np.ones(3))[0]
        g[1:] *= 0.0
        return np.sum(pull(np.ones(3))[0]) + np.sum(g)

    np.testing.assert_allclose(grad(f)(X), np.exp(X) * [2, 1, 1])
    y, pull = vjp(np.exp, X)
    y *= 0.0
    np.testing.assert_array_equal(pull(np.ones(3))[0], np.exp(X))


def test_gradients_of_two_arguments_are_written_apart():
    def f(x):
        a, b = grad(lambda s, t: np.sum((s + t) ** 2), argnums=(0, 1))(x, x * 2)
        a += 1
        a[0] *= x[1]
        return np.sum(b)

    np.testing.assert_allclose(grad(f)(X), [6.0, 6.0, 6.0])


def test_an_argument_of_an_inner_trace_may_be_written_outside():
    def f(x):
        z = x * 1
        pull = vjp(lambda t: t**3, z)[1]
        z[0] = 5.0
        return np.sum(pull(np.ones(3))[0])

    np.testing.assert_allclose(grad(f)(X), 6 * X)


# -- single points ----------------------------------------------------------------------------------------------------


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
