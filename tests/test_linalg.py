"""numpy.linalg: closed forms, edges of the domain, degenerate spectra, keywords and errors.

That every function obeys the laws (finite differences, both modes, second order, stacks) is held by test_laws over
tests/samples/linalg.py.
"""

from __future__ import annotations

import itertools
import warnings

import numpy as np
import pytest

import wengert
from wengert import Variable, check_grads, grad, gradients, hessian, jacobian, jvp, vjp
from wengert.core import errors
from wengert.core.registry import rules
from wengert.core.variable import Variable as Node

la = np.linalg
rng = np.random.default_rng(7)
I2 = np.eye(2)
SINGULAR = np.array([[1.0, 2.0], [2.0, 4.0]])


def normal(*shape, kind=float):
    x = rng.normal(size=shape)
    return x + 1j * rng.normal(size=shape) if kind is complex else x


def adjoint(a):
    return np.conjugate(np.swapaxes(a, -1, -2))


def positive(*shape, kind=float):
    a = normal(*shape, kind=kind)
    return a @ adjoint(a) + np.eye(shape[-1])


def close(got, wanted, **tolerance):
    np.testing.assert_allclose(got, wanted, **{"rtol": 1e-9, "atol": 1e-11, **tolerance})


# -- everything is there --------------------------------------------------------------------------------------------------


def test_every_public_function_has_a_rule():
    functions = {name for name in dir(la) if callable(getattr(la, name)) and not name.startswith("_")}
    functions -= {"LinAlgError", "test"}
    assert [name for name in sorted(functions) if getattr(la, name) not in rules] == []


@pytest.mark.parametrize("name", ["eigh", "eig", "svd", "qr", "slogdet"])
def test_named_tuples_stay_named_tuples(name):
    plain, traced = getattr(la, name)(positive(3, 3)), getattr(la, name)(Variable(positive(3, 3)))
    assert type(traced) is type(plain)
    assert traced._fields == plain._fields


@pytest.mark.parametrize("dtype", ["float32", "float64", "complex64", "complex128"])
@pytest.mark.parametrize(
    "function",
    [
        la.inv, la.det, la.pinv, la.cond, la.norm, la.svdvals, la.eigvalsh, la.cholesky,
        lambda a: la.slogdet(a)[1],
        lambda a: la.eigh(a)[1],
        lambda a: la.svd(a)[0],
        lambda a: la.qr(a)[1],
        lambda a: la.eig(a)[1],
        lambda a: la.solve(a, a[0]),
        lambda a: la.lstsq(a, a[0], rcond=None)[0],
        lambda a: la.norm(a, 3, axis=0),
        lambda a: la.norm(a, "nuc"),
        lambda a: la.matrix_power(a, -2),
    ],
)  # fmt: skip
def test_dtypes_are_kept(function, dtype):
    a = positive(3, 3).astype(dtype)
    value, pull = vjp(function, a)
    plain = function(a)
    assert value.dtype == plain.dtype
    np.testing.assert_array_equal(value, plain)
    assert pull(np.ones_like(plain))[0].dtype == a.dtype
    assert jvp(function, (a,), (a,))[1].dtype == plain.dtype


@pytest.mark.parametrize("shape", [(0, 0), (2, 0, 0)])
@pytest.mark.parametrize("name", ["inv", "det", "cholesky", "eigvalsh", "eigvals", "svdvals", "pinv"])
def test_empty_matrices(name, shape):
    gradient = grad(lambda a: np.sum(np.real(getattr(la, name)(a))))(np.zeros(shape))
    assert gradient.shape == shape


# -- closed forms -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", [float, complex])
def test_closed_forms_of_gradients(kind):
    """From Petersen and Pedersen, The Matrix Cookbook; for complex matrices the direction of steepest ascent."""
    a, b = normal(3, 3, kind=kind), normal(3, kind=kind)
    close(grad(lambda a: np.real(la.det(a)))(a), adjoint(la.det(a) * la.inv(a)))
    close(grad(lambda a: la.slogdet(a)[1])(a), adjoint(la.inv(a)))
    close(grad(lambda a: np.real(np.trace(la.inv(a))))(a), -adjoint(la.inv(a) @ la.inv(a)))
    x = la.solve(a, b)
    close(grad(lambda a: np.real(np.sum(la.solve(a, b))))(a), -np.outer(la.solve(adjoint(a), np.ones(3)), np.conj(x)))
    u, _, vh = la.svd(a)
    close(grad(lambda a: la.norm(a, "nuc"))(a), u @ vh)
    close(grad(lambda a: la.norm(a, 2))(a), np.outer(u[:, 0], vh[0]))
    close(grad(lambda a: la.norm(a))(a), a / la.norm(a))
    h = a + adjoint(a)
    w, v = la.eigh(h)
    close(grad(lambda h: la.eigvalsh(h)[1])(h), np.outer(v[:, 1], np.conj(v[:, 1])))
    close(grad(lambda h: np.sum(np.exp(la.eigvalsh(h))))(h), (v * np.exp(w)) @ adjoint(v))


@pytest.mark.parametrize("kind", [float, complex])
@pytest.mark.parametrize("upper", [False, True])
def test_log_determinant_by_cholesky(kind, upper):
    """log det A = 2 Σ log diag L: the gradient is the inverse, and Hermitian."""
    a = positive(2, 3, 3, kind=kind)

    def log_det(a):
        factor = la.cholesky(a, upper=upper)
        return 2 * np.sum(np.log(np.real(np.diagonal(factor, axis1=-2, axis2=-1))))

    close(grad(log_det)(a), la.inv(a))


@pytest.mark.parametrize("triangle", ["L", "U"])
def test_only_one_triangle_is_read(triangle):
    """The derivative is that of the Hermitian matrix which NumPy sees, also where the other triangle holds something else."""
    a = positive(3, 3)
    stored = np.where(np.tri(3, dtype=bool) if triangle == "L" else np.tri(3, dtype=bool).T, a, 9.0)
    for function in (lambda a: la.eigvalsh(a, triangle)[2], lambda a: la.cholesky(a, upper=triangle == "U")[0, 0]):
        close(grad(function)(stored), grad(function)(a))


def test_eigenvectors_follow_lapack_scaling():
    """Unit length, the largest entry of a complex one real: the derivative stays in that scaling."""
    a, t = normal(3, 3, kind=complex), normal(3, 3, kind=complex)
    (_, v), (_, dv) = (tuple(part) for part in jvp(lambda a: la.eig(a), (a,), (t,)))
    close(np.real(np.sum(np.conj(v) * dv, axis=0)), 0)
    largest = np.argmax(np.abs(v), axis=0)
    close(np.imag(dv[largest, range(3)]), 0)


def test_eigenvalues_of_a_large_matrix_keep_their_order():
    """LAPACK lists them in another order when vectors are asked for; the derivative must not be of another one."""
    a = np.random.default_rng(1).normal(size=(160, 160))
    assert not np.allclose(la.eigvals(a), la.eig(a)[0]), "this NumPy needs a larger matrix for this test"
    t = np.random.default_rng(2).normal(size=a.shape)
    pushed = jvp(la.eigvals, (a,), (t,))[1]
    values = la.eigvals(a)

    def nearest(found):  # a small step may change LAPACK's order, too
        return found[np.argmin(np.abs(values[:, None] - found[None, :]), axis=1)]

    moved = (nearest(la.eigvals(a + 1e-6 * t)) - nearest(la.eigvals(a - 1e-6 * t))) / 2e-6
    assert np.mean(np.abs(pushed - moved) < 1e-3 * np.maximum(1, np.abs(moved))) > 0.95


@pytest.mark.parametrize(
    "function",
    [
        la.inv,
        la.det,
        lambda a: la.slogdet(a)[1],
        lambda a: la.cholesky(a @ a.T + I2),
        lambda a: la.eigvalsh(a @ a.T),
        lambda a: la.eigh(a + a.T)[1] ** 2,
        la.svdvals,
        lambda a: la.qr(a)[0],
        la.pinv,
        lambda a: la.solve(a, a[0]),
        lambda a: la.norm(a, 3, axis=0),
        la.norm,
    ],
)
def test_third_derivatives(function):
    check_grads(function, (np.array([[2.0, 0.3], [-0.4, 0.9]]),), order=3, tolerance=1e-5)


# -- determinants of singular matrices -------------------------------------------------------------------------------------


def cofactors(a):
    n = len(a)
    minors = [[la.det(np.delete(np.delete(a, i, 0), j, 1)) for j in range(n)] for i in range(n)]
    return np.array(minors) * (-1.0) ** np.add.outer(range(n), range(n))


def test_det_of_a_singular_matrix_is_its_adjugate():
    close(grad(la.det)(SINGULAR), [[4, -2], [-2, 1]])
    rank_two = np.arange(1.0, 10).reshape(3, 3)
    close(grad(la.det)(rank_two), cofactors(rank_two))
    close(jvp(la.det, (rank_two,), (np.eye(3),))[1], np.trace(cofactors(rank_two)))
    close(grad(la.det)(np.outer([1.0, 2, 3], [1.0, 2, 3])), np.zeros((3, 3)), atol=1e-13)
    close(grad(la.det)(np.zeros((1, 1))), [[1.0]])
    stack = np.stack([SINGULAR, normal(2, 2), np.zeros((2, 2))])
    close(jacobian(la.det)(stack)[range(3), range(3)], [cofactors(a) for a in stack])


@pytest.mark.parametrize(
    "a",
    [
        np.zeros((2, 2)),
        I2,
        SINGULAR,
        np.arange(9.0).reshape(3, 3),
        np.outer([1.0, 2, 3], [3.0, 2, 1]),
        np.zeros((3, 3)),
    ],
)
def test_hessian_of_det_anywhere(a):
    """det is a polynomial, at most linear in each entry: its mixed differences are exact."""
    n = len(a)

    def mixed(i, j, k, l):
        def at(s, t):
            moved = a.copy()
            moved[i, j] += s
            moved[k, l] += t
            return sum(
                la.det(np.eye(n)[list(p)]) * np.prod(moved[range(n), p]) for p in itertools.permutations(range(n))
            )

        return (at(1, 1) - at(1, -1) - at(-1, 1) + at(-1, -1)) / 4 if (i, j) != (k, l) else 0.0

    wanted = np.array([mixed(*p) for p in itertools.product(range(n), repeat=4)]).reshape((n,) * 4)
    close(hessian(la.det)(a), wanted, atol=1e-10)


@pytest.mark.parametrize("a", [np.zeros((3, 3)), np.diag([1.0, 0, 0]), np.eye(3), np.outer([1.0, 2, 3], [1.0, 2, 1])])
def test_third_derivative_of_det_anywhere(a):
    """A cubic form in the entries: its third derivative is the product of two alternating tensors, everywhere."""
    alternating = np.cross(np.eye(3)[:, None], np.eye(3)[None, :])
    wanted = np.einsum("ijk,lmn->iljmkn", alternating, alternating)
    close(jacobian(hessian(la.det))(a), wanted)


def test_slogdet_of_a_singular_matrix_has_infinite_slopes():
    close(grad(lambda a: la.slogdet(a)[1])(SINGULAR), [[np.inf, -np.inf], [-np.inf, np.inf]])
    assert la.slogdet(Variable(SINGULAR)).logabsdet.val == -np.inf


def test_slogdet_sign_of_a_real_matrix_is_constant():
    assert np.all(grad(lambda a: la.slogdet(a)[0])(normal(3, 3)) == 0)


def test_inverse_of_a_singular_matrix_raises_as_numpy_does():
    for function in (la.inv, lambda a: la.solve(a, np.ones(2)), lambda a: la.matrix_power(a, -1)):
        with pytest.raises(la.LinAlgError, match="Singular"):
            grad(lambda a, f=function: np.sum(f(a)))(SINGULAR)


def test_cholesky_of_an_indefinite_matrix_raises_as_numpy_does():
    with pytest.raises(la.LinAlgError, match="positive definite"):
        grad(lambda a: np.sum(la.cholesky(a)))(-I2)


# -- degenerate spectra ----------------------------------------------------------------------------------------------------


def test_repeated_eigenvalues():
    """Functions of the values are right; the vectors' derivative is undefined, nan, where it is asked for."""
    close(grad(lambda a: np.sum(la.eigh(a)[0]))(I2), I2)
    close(grad(lambda a: np.sum(la.eigh(a)[0] * [1, 2]))(I2), np.diag([1.0, 2.0]))
    close(grad(lambda a: np.sum(la.eigvalsh(a) * [1, 2]))(I2), np.diag([1.0, 2.0]))
    close(grad(lambda a: np.prod(la.eigvalsh(a)))(3 * np.eye(3)), 9 * np.eye(3))
    assert np.isnan(grad(lambda a: np.sum(la.eigh(a)[1]))(I2)).any()
    assert np.isnan(grad(lambda a: np.sum(la.eig(a)[1]))(I2)).any()


def test_simple_eigenvector_beside_repeated_eigenvalues():
    """True zeros: what is not asked about the undefined pair does not spoil the defined one."""
    a = np.diag([1.0, 1.0, 2.0])
    close(grad(lambda a: la.eigh(a)[1][0, 2])(a), [[0, 0, 0.5], [0, 0, 0], [0.5, 0, 0]])
    tangent = np.diag([1.0, 2.0, 3.0])
    close(jvp(lambda a: la.eigh(a)[1], (a,), (tangent,))[1], np.zeros((3, 3)))


def test_eigenvalues_that_differ_only_by_rounding_count_as_repeated():
    q = la.qr(np.random.default_rng(0).normal(size=(3, 3)))[0]
    a = q @ np.diag([1.0, 1.0, 2.0]) @ q.T
    a = (a + a.T) / 2
    assert np.isnan(grad(lambda a: la.eigh(a)[1][0, 0])(a)).any()
    close(grad(lambda a: np.sum(la.eigh(a)[0] ** 3))(a), 3 * a @ a)


def test_repeated_and_zero_singular_values():
    values = (lambda a: la.svd(a)[1], la.svdvals, lambda a: la.svd(a, compute_uv=False))
    for f in values:
        close(grad(lambda a, f=f: np.sum(f(a)))(I2), I2)
        close(grad(lambda a, f=f: np.sum(f(a)))(np.zeros((2, 2))), I2)
    a = np.array([[0.0, 2.0], [-2.0, 0.0]])
    close(grad(lambda a: np.sum(la.svdvals(a)))(a), a / 2)
    assert np.isnan(grad(lambda a: np.sum(la.svd(a)[0]))(I2)).any()


@pytest.mark.parametrize("shape", [(4, 2), (2, 4)])
@pytest.mark.parametrize("kind", [float, complex])
def test_svd_null_space(shape, kind):
    """With full matrices the projector on the null space is differentiable although its basis is arbitrary."""
    a, t = normal(*shape, kind=kind), normal(*shape, kind=kind)
    wide = shape[0] < shape[1]

    def projector(a):
        u, s, vh = la.svd(a)
        k = s.shape[-1]
        null = adjoint(vh[k:]) if wide else u[:, k:]
        return null @ adjoint(null)

    def by_inverse(a):
        if wide:
            return np.eye(4) - adjoint(a) @ la.inv(a @ adjoint(a)) @ a
        return np.eye(4) - a @ la.inv(adjoint(a) @ a) @ adjoint(a)

    close(jvp(projector, (a,), (t,))[1], jvp(by_inverse, (a,), (t,))[1])


def test_qr_of_a_rank_deficient_matrix_is_not_silently_finite():
    found = grad(lambda a: la.qr(a)[0][0, 1])(np.zeros((2, 2)))
    assert np.isnan(found).any()


def test_qr_raw_names_the_fix():
    with pytest.raises(errors.DerivativeTypeError, match="reduced"):
        la.qr(Variable(I2), mode="raw")


# -- pseudo-inverse, least squares -----------------------------------------------------------------------------------------


def test_pinv_of_a_rank_deficient_matrix():
    """Golub and Pereyra; the figures are those on which autograd, JAX and PyTorch agree."""
    close(grad(lambda a: np.sum(la.pinv(a)))(SINGULAR), [[0.0048, -0.0144], [-0.0144, -0.0768]])


def test_pinv_keywords():
    a = np.diag([1.0, 1e-10])
    for keywords in ({"rcond": 1e-2}, {"rtol": 1e-2}, {"rcond": np.array(1e-2)}, {"rcond": 1e-2, "hermitian": True}):
        close(grad(lambda a, k=keywords: la.pinv(a, **k)[0, 0])(a), [[-1.0, 0], [0, 0]], atol=1e-9)
    close(grad(lambda a: la.pinv(a, 1e-2)[0, 0])(a), [[-1.0, 0], [0, 0]], atol=1e-9)


def test_lstsq_parts():
    a, b = normal(4, 2), normal(4, 3)
    x, residuals, rank, s = la.lstsq(Variable(a), Variable(b), rcond=None)
    assert not isinstance(rank, Node) and rank == 2
    assert isinstance(s, Node) and isinstance(residuals, Node) and isinstance(x, Node)
    close(
        grad(lambda a: np.sum(la.lstsq(a, b, rcond=None)[1]))(a),
        grad(lambda a: np.sum((b - a @ la.inv(a.T @ a) @ (a.T @ b)) ** 2))(a),
    )
    close(grad(lambda a: np.sum(la.lstsq(a, b, rcond=None)[3]))(a), grad(lambda a: np.sum(la.svdvals(a)))(a))
    close(grad(lambda b: np.sum(la.lstsq(a, b, rcond=None)[0]))(b), la.pinv(a).T @ np.ones((2, 3)))
    assert np.all(grad(lambda b: np.sum(la.lstsq(a, b, rcond=None)[3]))(b) == 0)


# -- solve: which operand is a vector, what is broadcast ---------------------------------------------------------------------


@pytest.mark.parametrize(
    ("a", "b"),
    [
        ((2, 2), (2,)),
        ((3, 2, 2), (2,)),
        ((3, 2, 2), (2, 4)),
        ((2, 2), (3, 2, 1)),
        ((3, 1, 2, 2), (4, 2, 2)),
        ((2, 2, 2), (2, 2)),
    ],
)
def test_solve_shapes(a, b):
    a, b = normal(*a) + 3 * I2, normal(*b)
    assert la.solve(Variable(a), Variable(b)).shape == la.solve(a, b).shape
    check_grads(la.solve, (a, b), order=2)


def test_one_plain_operand():
    a, b = normal(2, 2) + 3 * I2, normal(2)
    check_grads(lambda a: la.solve(a, [1, 2]), (a,), order=2)
    check_grads(lambda b: la.solve([[3, 1], [1, 2]], b), (b,), order=2)
    check_grads(lambda b: la.lstsq([[3, 1], [1, 2], [1, 1]], b, rcond=None)[0], (normal(3),))
    check_grads(lambda b: la.multi_dot([[[1, 2], [3, 4]], b, [1, 2]]), (a,))
    check_grads(lambda b: la.tensorsolve(np.eye(4).reshape(2, 2, 2, 2), b), (a,))


# -- norms at their kinks ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("order", [None, 1, 2, 3, 1.5, 0.5, np.inf, -np.inf])
def test_norm_of_the_zero_vector(order):
    norm = lambda x: la.norm(x, order)
    assert np.all(grad(norm)(np.zeros(2)) == 0)
    assert jvp(norm, (np.zeros(2),), (np.ones(2),))[1] == 0
    close(jacobian(lambda x: la.norm(x, order, axis=1))(np.array([[0.0, 0], [0, 3]]))[0], np.zeros((2, 2)))


@pytest.mark.parametrize("order", [None, "fro", "nuc", 1, -1, 2, np.inf, -np.inf])
def test_norm_of_the_zero_matrix(order):
    assert np.all(grad(lambda x: la.norm(x, order))(np.zeros((2, 2))) == 0)


def test_ties_share():
    close(grad(lambda x: la.norm(x, np.inf))(np.array([2.0, -2, 1])), [0.5, -0.5, 0])
    close(grad(lambda x: la.norm(x, -np.inf))(np.array([2.0, -1, 1])), [0, -0.5, 0.5])
    close(grad(lambda x: la.norm(x, 2))(I2), I2 / 2)
    close(grad(lambda x: la.norm(x, 1))(I2), I2 / 2)


def test_norm_that_counts_is_a_plain_number():
    assert not isinstance(la.norm(Variable(np.ones(3)), 0), Node)
    assert np.all(grad(lambda x: la.norm(x, 0) + 0 * x[0])(np.ones(3)) == 0)


def test_second_derivative_of_the_norm_at_a_zero_entry():
    close(hessian(la.norm)(np.array([0.0, 2.0])), [[0.5, 0], [0, 0]])
    close(hessian(lambda x: la.norm(x, 4))(np.array([0.0, 2.0])), np.zeros((2, 2)))


@pytest.mark.parametrize(
    ("order", "axis"),
    [
        ("fro", 0),
        ("what", None),
        ("nuc", 0),
        (3, (0, 1)),
        (None, (0, 0)),
        (2, (0, 0)),
        (2, (0, 5)),
        (None, "x"),
        (1, (0, 1, 2)),
    ],
)
def test_norm_errors_are_numpys(order, axis):
    a = normal(2, 3)
    with pytest.raises(Exception) as plain:
        la.norm(a, order, axis)
    with pytest.raises(type(plain.value)) as traced:
        la.norm(Variable(a), order, axis)
    assert str(traced.value) == str(plain.value)


def test_cond_where_it_is_infinite():
    for order in (None, 1, "fro", np.inf):
        value = la.cond(Variable(SINGULAR), order)
        value = value.val if isinstance(value, Node) else value
        assert value == la.cond(SINGULAR, order)
    stack = np.stack([SINGULAR, np.diag([1.0, 2.0])])
    gradient = grad(lambda a: la.cond(a, 1)[1])(stack)
    assert np.all(np.isfinite(gradient)) and np.all(gradient[0] == 0)
    with pytest.raises(la.LinAlgError):
        la.cond(Variable(np.zeros((0, 0))))


# -- powers and products -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("n", range(-4, 10))
def test_matrix_powers_are_numpys_to_the_bit(n):
    a = normal(2, 3, 3)
    value = la.matrix_power(Variable(a), n)
    np.testing.assert_array_equal(value.val if isinstance(value, Node) else value, la.matrix_power(a, n))


def test_zeroth_power_is_constant():
    assert not isinstance(la.matrix_power(Variable(I2), 0), Node)


@pytest.mark.parametrize(
    ("function", "arguments"),
    [
        (la.matrix_power, (np.ones(3), 2)),
        (la.matrix_power, (I2, 1.5)),
        (la.multi_dot, ([np.ones((2, 2))],)),
        (la.multi_dot, ([np.ones((2, 2)), np.ones((2, 2, 2)), np.ones((2, 2))],)),
        (la.tensorinv, (I2, 0)),
        (la.tensorsolve, (np.ones((2, 3)), np.ones(2))),
        (la.outer, (I2, I2)),
        (la.cross, (np.ones(2), np.ones(2))),
        (la.matrix_transpose, (np.ones(2),)),
        (la.inv, (np.ones((2, 3)),)),
        (la.det, (np.ones(3),)),
        (la.solve, (I2, np.ones(3))),
        (la.qr, (I2, "bogus")),
        (la.eigh, (I2, "X")),
        (la.svd, (np.ones(2),)),
        (la.lstsq, (np.ones((2, 2)), np.ones(3))),
    ],
)
def test_errors_are_numpys(function, arguments):
    first = arguments[0]
    traced = [Variable(x) for x in first] if isinstance(first, list) else Variable(first)
    with pytest.raises(Exception) as plain, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        function(*arguments)
    with pytest.raises(type(plain.value)), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        function(traced, *arguments[1:])


def test_matrix_rank_is_a_plain_number():
    assert la.matrix_rank(Variable(SINGULAR)) == 1


def test_parameters_are_not_differentiated_in_silence():
    with pytest.raises(errors.DerivativeTypeError, match="rcond"):
        la.pinv(I2 * Variable(1.0), rcond=Variable(1e-3))


# -- a stack of tangents through one sweep --------------------------------------------------------------------------


def test_jacobians_of_batches():
    a = normal(2, 3, 3)
    for function in (la.inv, la.svdvals, lambda a: la.qr(a)[1], lambda a: la.solve(a, np.ones(3)), la.pinv):
        forward, reverse = wengert.jacfwd(function)(a), wengert.jacrev(function)(a)
        close(forward, reverse, atol=1e-9)
        one = wengert.jacrev(function)(a[0])
        close(forward[0][..., 0, :, :], one, atol=1e-9)


def test_gradient_of_several_outputs_at_once():
    a = Variable(normal(3, 3))
    w, v = la.eigh(a + a.T)
    total = np.sum((v * w) @ v.T * np.arange(9.0).reshape(3, 3))
    close(gradients(total)[a], np.arange(9.0).reshape(3, 3) + np.arange(9.0).reshape(3, 3).T)


def test_discarded_singular_values_that_are_not_zero_are_refused():
    a = np.array([[2.0, 0.3], [0.1, 0.5]])
    for f in (lambda a: np.sum(la.pinv(a, rcond=0.5)), lambda a: np.sum(la.lstsq(a, np.ones(2), rcond=0.5)[0])):
        with pytest.raises(TypeError, match="discards singular values"):
            grad(f)(a)
    close(grad(lambda b: np.sum(la.lstsq(a, b, rcond=0.5)[0]))(np.ones(2)), la.pinv(a, rcond=0.5).T @ np.ones(2))
