"""ufuncs with keywords (where=, out=, dtype=, ...) and by their other methods: NumPy's value, exact derivatives."""

from __future__ import annotations

import warnings

import numpy as np
import pytest

from wengert import Variable, grad, value_and_grad
from wengert.ops.ufunc_methods import _after_at
from wengert.testing import check_laws

RNG = np.random.default_rng(5)
A = RNG.uniform(0.3, 2, (3, 4))
B = RNG.uniform(0.3, 2, (3, 4))
C = RNG.uniform(0.3, 2, (2, 3, 4))
V = np.array([0.3, 1.2, 2.5, 0.9])
M = A > 1

KEYWORDS = {
    "dtype": (lambda x, y: np.add(x, y, dtype=complex), A, V),
    "dtype of an int": (lambda x: np.multiply(x, [1, 2, 3, 4], dtype=np.float64), V),
    "signature": (lambda x: np.power(x, 2, signature="dd->d"), A),
    "signature tuple": (lambda x: np.multiply(x, 2, signature=(None, None, np.complex128)), A),
    "casting": (lambda x: np.add(x, 1, casting="safe"), A),
    "order": (lambda x: np.exp(x, order="F", subok=False), A),
    "several outputs": (lambda x: np.modf(x, dtype=np.float64), A),
    "matmul axes": (lambda x, y: np.matmul(x, y, axes=[(0, 1), (1, 0), (1, 0)]), A, B),
    "vecdot axis": (lambda x, y: np.vecdot(x, y, axis=0), A, B),
}


@pytest.mark.parametrize("name", KEYWORDS)
def test_keywords(name):
    function, *args = KEYWORDS[name]
    check_laws(function, *args)


WHERE = {
    "sqrt": (np.sqrt, A), "divide": (np.divide, A, B), "power": (np.power, A, V), "log": (np.log, A), "add": (np.add, A, V),
}  # fmt: skip


@pytest.mark.parametrize("name", WHERE)
def test_where(name):
    ufunc, *args = WHERE[name]

    def taken(*args):
        return ufunc(*args, where=M)[M]  # what is not taken is undefined

    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="'where' used without 'out'")
        check_laws(taken, *args)


def test_where_leaves_what_it_does_not_take_out_of_value_and_gradient():
    x = np.array([-1.0, 0.0, 4.0])
    value, gradient = value_and_grad(lambda x: np.sum(np.sqrt(x, where=x > 0)))(x)
    assert value == 2 and np.all(gradient == [0, 0, 0.25])
    value, gradient = value_and_grad(lambda x, y: np.sum(np.divide(x, y, where=y != 0)), (0, 1))(
        np.ones(2), np.array([0.0, 2])
    )
    assert value == 0.5
    assert np.all(gradient[0] == [0, 0.5]) and np.all(gradient[1] == [0, -0.25])


def test_unknown_keywords_raise():
    with pytest.raises(TypeError):
        np.add(Variable(1.0), 2.0, nonsense=True)


def test_casts_that_numpy_refuses_are_refused():
    with pytest.raises(TypeError):
        np.add(Variable(A + 0j), 1.0, dtype=float)
    with pytest.raises(TypeError):
        np.add(Variable(A), 1.0, dtype=np.float32, casting="safe")


# -- a plain array as target -------------------------------------------------------------------------------------------


def test_a_plain_total_becomes_a_variable():
    def f(x):
        total = np.zeros(4)
        for i in range(3):
            total += x * i
        total *= x
        total **= 2
        assert isinstance(total, Variable)
        return total.sum()

    assert np.allclose(grad(f)(V), 9 * 4 * V**3)


def test_a_plain_total_keeps_its_dtype_and_shape():
    x = Variable(V)
    total = np.zeros(4, np.float32)
    total += x
    assert total.dtype == np.float32
    total = np.zeros(3)
    with pytest.raises(ValueError, match="broadcast"):
        total += Variable(A)
    total = np.zeros(4, int)
    with pytest.raises(TypeError):
        total += x
    assert type(total) is np.ndarray and not total.any()


def test_what_would_be_lost_on_a_plain_target_raises():
    x, plain = Variable(V), np.zeros((2, 4))
    with pytest.raises(TypeError, match="would write a variable into a plain"):
        np.multiply(x, 2.0, out=plain[0])
    with pytest.raises(TypeError, match="would write a variable into a plain"):
        np.multiply(x, 2.0, plain[0])
    with pytest.raises(TypeError, match="would write a variable into a plain"):
        plain[0] += x
    with pytest.raises(TypeError, match="would write a variable into a plain"):
        np.add(x, 1.0, out=np.zeros(4))
    with pytest.raises(TypeError, match="would write a variable into a plain"):
        np.add.at(plain, 0, x)
    with pytest.raises(TypeError, match="would write a variable into a plain"):
        np.add.reduce(x, out=plain[0, 0:1])
    assert not plain.any()


# -- reduce, accumulate, outer, reduceat ---------------------------------------------------------------------------------

FOLDED = ["subtract", "divide", "power", "float_power", "arctan2", "remainder", "fmod", "copysign"]
SYMMETRIC = ["add", "multiply", "maximum", "minimum", "fmax", "fmin", "logaddexp", "logaddexp2", "hypot"]


@pytest.mark.parametrize("name", FOLDED + SYMMETRIC)
@pytest.mark.parametrize("keepdims", [True, False])
def test_reduce(name, keepdims):
    ufunc = getattr(np, name)
    check_laws(lambda x: ufunc.reduce(x, axis=0, keepdims=keepdims), C, order=1)
    check_laws(lambda x: ufunc.reduce(x, axis=-2), C, order=1)


@pytest.mark.parametrize("name", FOLDED)
def test_reduce_runs_from_the_left(name):
    """NumPy 2.4 on AVX-512 answers power.reduce and arctan2.reduce wrongly along the contiguous axis; the fold is meant."""
    ufunc = getattr(np, name)
    a, b, c, d = np.moveaxis(C, -1, 0)
    assert np.array_equal(ufunc.reduce(Variable(C), axis=-1).val, ufunc(ufunc(ufunc(a, b), c), d))


@pytest.mark.parametrize("name", SYMMETRIC)
@pytest.mark.parametrize("axis", [None, (0, 2)])
def test_reduce_several_axes(name, axis):
    ufunc = getattr(np, name)
    check_laws(lambda x: ufunc.reduce(x, axis), C)


@pytest.mark.parametrize("name", SYMMETRIC)
def test_reduce_where_and_initial(name):
    ufunc = getattr(np, name)
    check_laws(lambda x: ufunc.reduce(x, axis=1, where=M, initial=0.5), B)
    check_laws(lambda x: ufunc.reduce(x, axis=0, initial=0.5), B)


def test_reduce_default_axis_dtype_and_empty():
    check_laws(np.add.reduce, A)
    check_laws(lambda x: np.multiply.reduce(x, dtype=complex), A)
    for ufunc in (np.add, np.multiply, np.logaddexp, np.hypot):
        assert np.array_equal(ufunc.reduce(Variable(A[:0])).val, ufunc.reduce(A[:0]))
    with pytest.raises(ValueError):
        np.subtract.reduce(Variable(A[:0]))


def test_reductions_at_their_edges():
    assert np.all(grad(lambda x: np.hypot.reduce(x))(np.zeros(3)) == 0)
    assert np.all(grad(lambda x: np.fmax.reduce(x))(np.array([np.nan, 2.0, 2.0])) == [0, 0.5, 0.5])
    assert np.all(grad(lambda x: np.logaddexp.reduce(x))(np.array([-np.inf, 1.0])) == [0, 1])
    assert np.all(grad(lambda x: np.logaddexp.reduce(x))(np.array([np.inf, np.inf])) == 0.5)


@pytest.mark.parametrize("name", FOLDED + SYMMETRIC)
def test_accumulate(name):
    ufunc = getattr(np, name)
    check_laws(lambda x: ufunc.accumulate(x), A, order=1)
    check_laws(lambda x: ufunc.accumulate(x, axis=-1), A, order=1)


@pytest.mark.parametrize("name", ["add", "multiply", "maximum", "subtract", "logaddexp"])
def test_reduceat(name):
    ufunc = getattr(np, name)
    check_laws(lambda x: ufunc.reduceat(x, [0, 3, 1, 2], axis=1), A)
    check_laws(lambda x: ufunc.reduceat(x, [1]), A)
    with pytest.raises(IndexError):
        ufunc.reduceat(Variable(V), [4])


@pytest.mark.parametrize("name", ["add", "multiply", "divide", "maximum", "hypot", "arctan2"])
def test_outer(name):
    ufunc = getattr(np, name)
    check_laws(lambda x, y: ufunc.outer(x, y), A, V)
    check_laws(lambda y: ufunc.outer([1.0, 2.0], y), V)


def test_comparisons_are_plain_by_every_method():
    x = Variable(V)
    assert type(np.less.outer(x, x)) is np.ndarray
    assert np.logical_and.reduce(x) == np.True_


# -- at ---------------------------------------------------------------------------------------------------------------

AT = {
    "add": np.add, "subtract": np.subtract, "multiply": np.multiply, "divide": np.divide, "maximum": np.maximum,
    "power": np.power, "hypot": np.hypot,
}  # fmt: skip


@pytest.mark.parametrize("name", AT)
@pytest.mark.parametrize("index", [[0, 0, 2, 0], [1, 3, 0, 2], slice(None)])
def test_what_at_leaves(name, index):
    ufunc, v = AT[name], np.array([0.5, 1.3, 0.7, 1.1])
    wanted = V.copy()
    ufunc.at(wanted, index, v)
    assert np.allclose(_after_at(ufunc, Variable(V), index, Variable(v)).val, wanted, rtol=1e-15)
    check_laws(lambda x, v: _after_at(ufunc, x, index, v), V, v)


@pytest.mark.parametrize("name", AT)
@pytest.mark.parametrize("index", [[0, 0, 2, 0], [1, 3, 0, 2], slice(None)])
def test_at(name, index):
    pytest.importorskip("wengert.inplace")
    ufunc = AT[name]

    def changed(x, v):
        y = x * 1.0
        ufunc.at(y, index, v)
        return y

    check_laws(changed, V, np.array([0.5, 1.3, 0.7, 1.1]))
    check_laws(lambda v: changed(np.copy(v), 0.7), V)


def test_at_of_one_operand_and_two_axes():
    pytest.importorskip("wengert.inplace")

    def changed(x):
        y = x * 1.0
        np.square.at(y, ([0, 0, 1], [1, 1, 2]))
        np.add.at(y, ([0, 0], slice(None)), x[1])
        return y

    check_laws(changed, A)
