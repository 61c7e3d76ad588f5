"""Indexing as NumPy does it: every kind of index, repeats, iteration, unpacking, and the cost of many small reads."""

from __future__ import annotations

import numpy as np
import pytest

import wengert
from wengert import Variable, grad, hessian, jacobian
from wengert.core import sweep
from wengert.testing import check_laws

RNG = np.random.default_rng(3)
A = RNG.uniform(-2, 2, (3, 4))
C = RNG.uniform(-2, 2, (2, 3, 4))
M = A > 0

INDICES = {
    "int": (A, 1), "negative": (A, -1), "numpy int": (A, np.int32(2)), "pair": (A, (0, -1)), "slice": (A, slice(1, None)),
    "backwards": (A, slice(None, None, -2)), "ellipsis": (C, (..., 1)), "none": (A, (None, 0, None)),
    "empty tuple": (A, ()), "list": (A, [0, 0, 2]), "nested list": (A, [[0, 1], [2, 0]]),
    "pair of lists": (A, ([0, 1], [2, 2])),
    "empty list": (A, []), "mask": (A, M), "mask list": (A, [True, False, True]), "mask of rows": (A, M[:, 0]),
    "mask and int": (C, (0, M)), "mask and fancy": (A, (M[:, 0], [0])), "fancy and slice": (C, ([1, 0, 1], slice(None), 2)),
    "fancy apart": (C, ([1, 0], slice(1, 3), [3, 3])), "fancy 0-d": (A, np.array(1)), "ix": (A, np.ix_([2, 0], [1, 1, 3])),
    "newaxis and fancy": (A, (slice(None), None, [0, 1])), "scalar true": (A, True), "scalar false": (A, False),
    "range": (A, range(2)), "no columns": (A, (slice(None), slice(2, 2))), "argsort": (A[0], np.argsort(A[0])),
}  # fmt: skip


@pytest.mark.parametrize("name", INDICES)
def test_every_kind_of_index(name):
    x, index = INDICES[name]
    check_laws(lambda x: x[index], x)
    assert np.array_equal(grad(lambda x: np.sum(x[index] ** 2))(x), jacobian(lambda x: np.sum(x[index] ** 2))(x))


@pytest.mark.parametrize("dtype", ["float16", "float32", "complex64"])
@pytest.mark.parametrize("name", INDICES)
def test_dtype_is_kept(name, dtype):
    x, index = INDICES[name]
    x = x.astype(dtype)
    out = Variable(x)[index]
    assert out.dtype == x.dtype and np.array_equal(out.val, x[index])
    gradient = wengert.gradients(out, np.ones(out.shape, dtype))
    assert all(g.dtype == x.dtype for g in gradient.values())


def test_numbers_have_indices_too():
    assert grad(lambda x: x[()] * x[None][0] * x[...])(3.0) == 27.0


def test_repeats_add_up():
    assert np.all(grad(lambda x: np.sum(x[[0, 0, 1]]))(np.ones(3)) == [2, 1, 0])


def test_a_variable_may_stand_where_an_index_is_made_of_it():
    x = np.array([3.0, 1.0, 2.0])
    assert np.all(grad(lambda x: np.sum(x[x > 1.5] ** 2))(x) == [6, 0, 4])
    assert np.all(grad(lambda x: x[np.argmax(x)] * x[int(x[1])])(x) == [1, 3, 0])


def test_iteration_and_unpacking():
    def f(x):
        (a, b), *rest = x
        return a * b + sum(row @ row for row in rest)

    x = np.array([[1.0, 2.0], [3.0, 4.0]])
    assert np.all(grad(f)(x) == [[2, 1], [6, 8]])
    with pytest.raises(TypeError):
        iter(Variable(1.0))


def test_in_and_length():
    x = Variable(np.array([1.0, 2.0]))
    assert 2.0 in x and 3.0 not in x and len(x) == 2


def test_higher_orders_of_reads():
    def f(x):
        return x[0] * x[1] ** 2 + x[1:].sum() ** 3

    x = np.array([1.0, 2.0, 0.5])
    assert np.allclose(hessian(f)(x), [[0, 4, 0], [4, 2 + 15, 15], [0, 15, 15]])


def test_adjoint_of_a_read_is_not_shared_with_the_cotangent_or_with_another_node():
    def f(x):
        y = x * 1.0
        return np.sum(y) + y[0] * 2 + np.sum(y.reshape(-1) * 3) + y[0]

    assert np.all(grad(f)(np.ones(3)) == [7, 4, 4])
    x = Variable(np.ones(3))
    seed = np.ones(3)
    y = x + 0.0
    out = y + 0.0
    total = wengert.gradients(out, seed)
    total[x]
    assert np.all(seed == 1)
    kept = wengert.gradients(np.sum(y) + y[1] + y[1])
    assert np.all(kept[y] == [1, 3, 1]) and np.all(kept[x] == [1, 3, 1])


def test_reads_of_one_array_share_one_buffer():
    """n reads x[i] of an array of n entries make one array of n, not n of them."""
    made = []
    zeros = np.zeros

    def counting(shape, *args, **params):
        made.append(np.prod(shape))
        return zeros(shape, *args, **params)

    n = 200
    x = Variable(np.arange(float(n)))
    total = x[0]
    for i in range(1, n):
        total = total + x[i] * i
    np.zeros = counting
    try:
        adjoints = sweep.pull_back({total: 1.0})
    finally:
        np.zeros = zeros
    assert np.all(adjoints[x] == [1.0, *range(1, n)])
    assert made.count(n) == 1


@pytest.mark.parametrize("index", [5, (0, 9), [7], (0, 0, 0), np.array([0.5]), "name"])
def test_wrong_indices_raise_as_in_numpy(index):
    with pytest.raises(IndexError):
        A[index]
    with pytest.raises(IndexError):
        Variable(A)[index]
