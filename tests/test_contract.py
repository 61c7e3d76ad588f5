"""Contractions: NumPy's value and dtype, BLAS-shaped adjoints, true zeros, and what the laws' samples do not reach."""

from __future__ import annotations

import tracemalloc

import numpy as np
import pytest
from test_reduce import DTYPES, entries, same_as_numpy

from wengert import Variable, check_grads, grad, gradients, hessian, jacfwd, jacrev, vjp
from wengert.core.adjoints import Adjoints
from wengert.core.linear import Contract, strong_einsum
from wengert.ops.contract import explicit

RNG = np.random.default_rng(5)
PAIRS = [
    ((3,), (3,)), ((2, 3), (3,)), ((3,), (3, 2)), ((2, 3), (3, 4)), ((5, 2, 3), (3, 4)), ((2, 3), (5, 3, 4)),
    ((0, 3), (3, 2)), ((2, 0), (0, 2)), ((2, 3), (2, 3)), ((), (3,)), ((3,), ()), ((), ()),
]  # fmt: skip
FUNCTIONS = ["matmul", "dot", "inner", "outer", "kron", "vdot", "vecdot", "matvec", "vecmat", "cross"]


@pytest.mark.parametrize("name", [name for name in FUNCTIONS if hasattr(np, name)])
def test_products_are_numpys(name):
    function = getattr(np, name)
    for one, other in PAIRS:
        for dtype in DTYPES:
            same_as_numpy(function, entries(one, dtype), entries(other, dtype))
            same_as_numpy(function, entries(one), entries(other, dtype))


def test_operands_that_are_lists_numbers_or_integers():
    x = Variable(np.array([1.0, 2.0, 3.0]))
    for out in (
        np.dot([1, 2, 3], x), np.dot(x, np.array([1, 2, 3])), np.inner([1, 2, 3], x), np.einsum("i,i", [1, 2, 3], x),
        np.tensordot([1, 2, 3], x, 1), np.vdot([1, 2, 3], x), np.matmul(np.array([1, 2, 3]), x), [1, 2, 3] @ x,
    ):  # fmt: skip
        assert float(out.val) == 14.0
        np.testing.assert_array_equal(gradients(out)[x], [1.0, 2.0, 3.0])


def test_the_pull_of_a_matrix_product_copies_no_operand():
    a, w = np.random.default_rng(0).normal(size=(1000, 300)), Variable(entries((300, 2)))
    out, cotangent = a @ w, entries((1000, 2))
    adjoints = Adjoints()
    tracemalloc.start()
    out._primitive.pull(out, cotangent, adjoints)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < a.nbytes / 10
    np.testing.assert_allclose(adjoints[w], a.T @ cotangent)


@pytest.mark.parametrize("dtype", DTYPES)
def test_a_gradient_has_the_dtype_of_its_operand(dtype):
    a, b = Variable(entries((2, 3), dtype)), Variable(entries((3, 2), "float64"))
    found = gradients(a @ b, np.ones((2, 2), np.result_type(a.dtype, b.dtype)))
    assert (found[a].dtype, found[b].dtype) == (a.dtype, b.dtype)


def test_a_matrix_product_with_itself():
    check_grads(lambda x: x @ x @ x, (entries((3, 3)),), order=3)
    check_grads(lambda x: np.dot(x, x), (entries(3),), order=3)
    x = entries(4)
    np.testing.assert_allclose(hessian(lambda x: x @ x)(x), 2 * np.eye(4))


@pytest.mark.filterwarnings("ignore:invalid value:RuntimeWarning")
def test_true_zeros_in_products():
    infinite = np.array([[np.inf, 1.0], [np.nan, 2.0]])
    for product in (lambda a, x: a @ x, np.dot, lambda a, x: np.einsum("ij,j->i", a, x)):
        # A row of the matrix that nothing downstream looks at, and a column that meets a tangent of zero.
        pulled = vjp(lambda x, p=product: p(infinite.T, x), np.array([0.0, 1.0]))[1](np.array([0.0, 1.0]))[0]
        np.testing.assert_array_equal(pulled, [1.0, 2.0])
        forward = jacfwd(lambda s, p=product: p(infinite, np.array([0.0, 1.0]) * s))(1.0)
        np.testing.assert_array_equal(forward, [1.0, 2.0])


@pytest.mark.filterwarnings("ignore:invalid value:RuntimeWarning")
def test_strong_einsum_is_einsum_but_for_zeros():
    for spec, shapes in [
        ("ij,jk->ki", [(2, 3), (3, 4)]),
        ("iij,jk,->k", [(2, 2, 3), (3, 4), ()]),
        ("aab->ba", [(2, 2, 3)]),
    ]:
        operands = [entries(s) for s in shapes]
        operands[0][(0,) * operands[0].ndim] = np.inf
        np.testing.assert_allclose(strong_einsum(spec, *operands), np.einsum(spec, *operands), rtol=1e-14)
    spoilt = np.array([[np.inf, np.nan], [1.0, 2.0]])
    np.testing.assert_array_equal(strong_einsum("ij,j->i", spoilt, np.zeros(2)), [0.0, 0.0])
    contract = Contract("ij,j->i", [spoilt, None], 1, (2,), (2,))
    np.testing.assert_array_equal(contract.strong().pull(np.array([0.0, 1.0])), [1.0, 2.0])


@pytest.mark.filterwarnings("ignore:invalid value:RuntimeWarning")
def test_true_zeros_in_cross_products_and_convolutions():
    b, x = np.array([np.inf, 1.0, 2.0]), np.array([0.0, 1.0, 2.0])
    pulled = vjp(lambda x: np.cross(x, b), x)[1](np.array([1.0, 0.0, 0.0]))[0]
    np.testing.assert_array_equal(pulled, [0.0, 2.0, -1.0])
    pulled = vjp(lambda x: np.convolve(x, b), x)[1](np.array([0.0, 0.0, 0.0, 1.0, 0.0]))[0]
    np.testing.assert_array_equal(pulled, [0.0, 2.0, 1.0])
    for edge in (edges_of(np.cross, b, x)[0], edges_of(np.convolve, np.array([1.0, 2.0, 3.0]), x)[0]):
        edge.b = edge.v = np.array([1.0, 2.0, 3.0])
        t = entries((4, *edge.in_shape))
        np.testing.assert_allclose(edge.strong().push(t), edge.push(t), atol=1e-14)
        g = entries((4, *edge.out_shape))
        np.testing.assert_allclose(edge.strong().pull(g), edge.pull(g), atol=1e-14)


def edges_of(function, *args):
    return [edge for _, edge in function(*map(Variable, args)).edges]


# -- einsum -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("subscripts", "ndims", "wanted"),
    [
        ("ij,jk", (2, 2), (("ij", "jk"), "ik")),
        ("ba", (2,), (("ba",), "ab")),
        ("ii", (2,), (("ii",), "")),
        ("...i,i...", (3, 2), (("ABi", "iB"), "AB")),
        ("i...->...", (3,), (("iAB",), "AB")),
        ("...", (2,), (("AB",), "AB")),
        (((((0, 1), (1, 2))), None), (2, 2), (("AB", "BC"), "AC")),
        ((((Ellipsis, 0),), (Ellipsis,)), (2,), (("BA",), "B")),
    ],
)
def test_subscripts_spelt_out(subscripts, ndims, wanted):
    assert explicit(subscripts, ndims) == wanted


def test_wrong_subscripts_are_numpys_error():
    x = Variable(entries((2, 3)))
    for spec in ("ijk->i", "ij->k", "i?->i", "ij,jk->ik"):
        with pytest.raises(ValueError):
            np.einsum(spec, x)


def test_a_large_einsum_is_pulled_back_through_blas(monkeypatch):
    asked = []
    plain = np.einsum
    monkeypatch.setattr(np, "einsum", lambda *args, **keywords: asked.append(keywords) or plain(*args, **keywords))
    edge = Contract("ij,jk->ik", [None, np.ones((60, 60))], 0, (60, 60), (60, 60))
    small = Contract("ij,jk->ik", [None, np.ones((3, 3))], 0, (3, 3), (3, 3))
    np.testing.assert_allclose(edge.pull(np.ones((60, 60))), np.full((60, 60), 60.0))
    np.testing.assert_allclose(small.pull(np.ones((3, 3))), np.full((3, 3), 3.0))
    assert [keywords["optimize"] for keywords in asked] == [True, False]


def test_einsum_path_is_a_constant():
    x = Variable(entries((2, 3)))
    path, text = np.einsum_path("ij,jk->ik", x, np.ones((3, 2)))
    assert path[0] == "einsum_path"
    assert "ij,jk->ik" in text


def test_einsum_on_variables_of_two_traces():
    x = entries((3, 3))
    check_grads(grad(lambda a: np.einsum("ij,jk,ki->", a, x, a)), (entries((3, 3)),), order=2)
    check_grads(lambda a: np.einsum("ii,ij->j", a, a), (entries((3, 3)),), order=2)


def test_tensordot_with_wrong_axes():
    x = Variable(entries((2, 3)))
    with pytest.raises(ValueError, match="shape-mismatch"):
        np.tensordot(x, np.ones((2, 3)), 1)
    with pytest.raises(ValueError, match="duplicate axes"):
        np.tensordot(x, np.ones((2, 3)), ((0, 0), (0, 0)))


@pytest.mark.filterwarnings("ignore:Arrays of 2-dimensional vectors:DeprecationWarning")
def test_cross_products_of_vectors_in_the_plane():
    a, b, c = entries(2), entries((4, 2)), entries((4, 3))
    for function, args in [(np.cross, (a, b)), (np.cross, (a, c)), (np.cross, (c, a))]:
        same_as_numpy(function, *args)
        check_grads(function, args, order=2)


def test_generalized_ufuncs_take_axes():
    a, b = entries((3, 2), "complex128"), entries((3, 2), "complex128")
    same_as_numpy(lambda a, b: np.vecdot(a, b, axis=0), a, b)
    same_as_numpy(lambda a, b: np.vecdot(a, b, axis=0, keepdims=True), a, b)
    same_as_numpy(lambda a, b: np.matmul(a, b, axes=[(1, 0), (0, 1), (0, 1)]), a, b)
    check_grads(lambda a, b: np.matmul(a, b, axes=[(1, 0), (0, 1), (1, 0)]), (a, b))


def test_products_into_a_target():
    for function, shape in [
        (np.dot, (2, 2)), (np.matmul, (2, 2)), (np.outer, (6, 6)), (lambda a, b, out: np.einsum("ij,jk->ik", a, b, out=out), (2, 2))
    ]:  # fmt: skip

        def into_a_buffer(a, b, function=function, shape=shape):
            target = np.zeros_like(a, shape=shape)
            assert function(a, b, out=target) is target
            return 2 * target

        check_grads(into_a_buffer, (entries((2, 3)), entries((3, 2))))
        same_as_numpy(into_a_buffer, entries((2, 3)), entries((3, 2)))


def test_jacobians_of_products_in_both_modes():
    a, b = entries((2, 3)), entries((3, 2))
    for function in (np.matmul, np.dot, lambda a, b: np.einsum("ij,ji->ij", a, b), np.kron, np.outer):
        np.testing.assert_allclose(jacfwd(function)(a, b), jacrev(function)(a, b), atol=1e-14)
