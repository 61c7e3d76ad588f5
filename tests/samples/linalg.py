"""Samples of numpy.linalg: well separated spectra, so that finite differences can follow the factors.

Where a factor is determined only up to phases or a basis of a null space, the sample returns what does not depend on it.
"""

from __future__ import annotations

import itertools

import numpy as np
from drawing import dtype, generator, laid_out
from hypothesis import strategies as st


def adjoint(a):
    return np.conjugate(np.swapaxes(a, -1, -2))


def batch(draw):
    return draw(st.sampled_from([(), (), (2,), (2, 1)]))


def side(draw, low=1, high=4):
    return draw(st.integers(low, high))


def normal(rng, shape, kind):
    sample = rng.normal(size=shape)
    return sample + 1j * rng.normal(size=shape) if np.dtype(kind).kind == "c" else sample


def unitary(rng, shape, n, kind):
    return np.linalg.qr(normal(rng, (*shape, n, n), kind))[0]


def spectrum(rng, shape, n):
    """n positive numbers in drawn order, at least 0.5 apart and from 0."""
    steps = rng.uniform(0.5, 1.0, (*shape, n))
    return rng.permuted(np.cumsum(steps, axis=-1), axis=-1)


def with_spectrum(draw, shape, m, n, kind, rank=None):
    rng = generator(draw)
    k = min(m, n)
    s = np.zeros((*shape, m, n))
    s[..., range(k), range(k)] = spectrum(rng, shape, k) * (np.arange(k) < (k if rank is None else rank))
    matrix = unitary(rng, shape, m, kind) @ s @ unitary(rng, shape, n, kind)
    return laid_out(draw, matrix)


def square(draw, shape=None, low=1, high=3):
    n = side(draw, low, high)
    return with_spectrum(draw, batch(draw) if shape is None else shape, n, n, dtype(draw, complex_too=True))


def rectangular(draw, shape=None):
    kind = dtype(draw, complex_too=True)
    return with_spectrum(draw, batch(draw) if shape is None else shape, side(draw), side(draw), kind)


def array(draw, shape, kind):
    return laid_out(draw, normal(generator(draw), shape, kind))


# -- Hermitian matrices are made inside the function: one triangle is read, and differences move both ------------------------


def hermitian(draw):
    kind, shape, n = dtype(draw, complex_too=True), batch(draw), side(draw, 1, 3)
    rng = generator(draw)
    v = unitary(rng, shape, n, kind)
    signs = rng.choice([-1.0, 1.0], (*shape, n))
    return laid_out(draw, (v * (signs * spectrum(rng, shape, n))[..., None, :]) @ adjoint(v))


def part(a):
    return (a + adjoint(a)) / 2


def positive(a):
    return a @ adjoint(a) + np.eye(a.shape[-1])


def eigh(draw):
    triangle = draw(st.sampled_from("LU"))

    def function(a):
        w, v = np.linalg.eigh(part(a), UPLO=triangle)
        return w, v[..., :, None, :] * np.conjugate(v)[..., None, :, :]

    return function, (hermitian(draw),)


def eigvalsh(draw):
    triangle = draw(st.sampled_from("LU"))
    return lambda a: np.linalg.eigvalsh(part(a), triangle), (hermitian(draw),)


def cholesky(draw):
    upper = draw(st.booleans())
    return lambda a: np.linalg.cholesky(positive(a), upper=upper), (square(draw),)


def general(draw):
    """A matrix whose eigenvalues are apart: real, or for a real matrix also a conjugate pair."""
    kind, shape, n = dtype(draw, complex_too=True), batch(draw), side(draw, 1, 3)
    rng = generator(draw)
    inner = np.triu(normal(rng, (*shape, n, n), kind), 1) * 0.5
    values = spectrum(rng, shape, n)
    inner[..., range(n), range(n)] = values + 1j * rng.normal(size=values.shape) if kind == "complex128" else values
    if n > 1 and kind == "float64" and draw(st.booleans()):
        inner[..., :2, :2] = [[1.5, 1.0], [-2.0, 1.5]]
        inner[..., range(2, n), range(2, n)] = 5.0
    basis = unitary(rng, shape, n, kind)
    return laid_out(draw, basis @ inner @ adjoint(basis))


# -- factorisations ---------------------------------------------------------------------------------------------------------


def svd(draw):
    full = draw(st.booleans())

    def function(a):
        u, s, vh = np.linalg.svd(a, full_matrices=full)
        k = s.shape[-1]
        null_u, null_v = u[..., k:], vh[..., k:, :]
        rebuilt = (u[..., :k] * s[..., None, :] ** 2) @ vh[..., :k, :]
        return s, rebuilt, np.abs(u[..., :k]) ** 2, null_u @ adjoint(null_u), adjoint(null_v) @ null_v

    return function, (rectangular(draw),)


def svd_hermitian(draw):
    def function(a):
        u, s, vh = np.linalg.svd(part(a), hermitian=True)
        return s, (u * s[..., None, :] ** 2) @ vh, np.linalg.svd(part(a), hermitian=True, compute_uv=False)

    return function, (hermitian(draw),)


def qr(draw):
    mode = draw(st.sampled_from(["reduced", "complete"]))

    def function(a):
        q, r = np.linalg.qr(a, mode)
        k = min(a.shape[-2:])
        null, signs = q[..., k:], signs_of(r)
        return q[..., :k] * signs[..., None, :], r[..., :k, :] * signs[..., :, None], null @ adjoint(null)

    return function, (leading_regular(draw),)


def leading_regular(draw):
    """A matrix whose leading square columns are far from singular."""
    kind, shape, m, n = dtype(draw, complex_too=True), batch(draw), side(draw), side(draw)
    rng = generator(draw)
    k = min(m, n)
    a = normal(rng, (*shape, m, n), kind)
    a[..., :k] = unitary(rng, shape, m, kind)[..., :k] @ (np.triu(a[..., :k, :k], 1) * 0.5 + 2 * np.eye(k))
    return laid_out(draw, a)


def pinv_deficient(draw):
    def function(x, y):
        return np.linalg.pinv(x @ y, rtol=1e-8)

    kind = dtype(draw, complex_too=True)
    return function, (with_spectrum(draw, (), 4, 2, kind), with_spectrum(draw, (), 2, 3, kind))


def lstsq(draw):
    a = rectangular(draw, ())
    b = array(draw, (a.shape[0], *draw(st.sampled_from([(), (1,), (2,)]))), a.dtype)
    rcond = draw(st.sampled_from([None, -1, 1e-9]))

    def function(a, b):
        x, residuals, _, s = np.linalg.lstsq(a, b, rcond=rcond)
        return x, residuals, s

    return function, (a, b)


def lstsq_deficient(draw):
    kind = dtype(draw, complex_too=True)
    b = array(draw, (4,), kind)
    return (
        lambda x, y, b: np.linalg.lstsq(x @ y, b, rcond=1e-8)[0],
        (with_spectrum(draw, (), 4, 2, kind), with_spectrum(draw, (), 2, 3, kind), b),
    )


def singular(draw):
    n = side(draw, 1, 3)
    return with_spectrum(draw, batch(draw), n, n, dtype(draw, complex_too=True), draw(st.integers(0, n)))


def solve(draw):
    shape = batch(draw)
    a = square(draw, shape)
    n = a.shape[-1]
    wanted = draw(st.sampled_from([(n,), (n, 1), (n, 2), (2, n, 2), (*shape, n, 3)]))
    return np.linalg.solve, (a, array(draw, wanted, a.dtype))


def solve_mixed(draw):
    return np.linalg.solve, (with_spectrum(draw, (), 2, 2, "float64"), array(draw, (2, 2), "complex128"))


# -- norms --------------------------------------------------------------------------------------------------------------------


def away_from_zero(draw, shape, kind):
    """No entry near a kink, and no two of nearly the same size."""
    rng = generator(draw)
    count = int(np.prod(shape))
    size = (0.5 + 2 * (rng.permutation(count) + rng.uniform(0.3, 0.7, count)) / max(count, 1)).reshape(shape)
    turn = np.exp(1j * rng.uniform(0, 6, shape)) if kind == "complex128" else rng.choice([-1.0, 1.0], shape)
    return laid_out(draw, size * turn)


def norm_all(draw):
    shape = draw(st.sampled_from([(3,), (2, 3), (2, 1, 2)]))
    keep = draw(st.booleans())
    return lambda x: np.linalg.norm(x, keepdims=keep), (away_from_zero(draw, shape, dtype(draw, True)),)


def norm_vector(draw):
    order = draw(st.sampled_from([None, 1, 2, 3, 2.5, 0.5, -1, -2.0, np.inf, -np.inf]))
    axis, keep = draw(st.sampled_from([0, 1, -1, (0,)])), draw(st.booleans())
    return lambda x: np.linalg.norm(x, order, axis, keep), (away_from_zero(draw, (2, 3), dtype(draw, True)),)


def norm_matrix(draw):
    order = draw(st.sampled_from([None, "fro", "nuc", 1, -1, 2, -2, np.inf, -np.inf]))
    axes, keep = draw(st.sampled_from([(-2, -1), (1, 2), (2, 0), (0, 1)])), draw(st.booleans())
    a = rectangular(draw, (2,)) if order in ("nuc", 2, -2) else away_from_zero(draw, (2, 3, 2), dtype(draw, True))
    a = a if order not in ("nuc", 2, -2) else np.moveaxis(a, (-2, -1), axes)
    return lambda x: np.linalg.norm(x, order, axes, keepdims=keep), (a,)


def matrix_norm(draw):
    order, keep = draw(st.sampled_from(["fro", "nuc", 2])), draw(st.booleans())
    return lambda x: np.linalg.matrix_norm(x, ord=order, keepdims=keep), (rectangular(draw),)


def vector_norm(draw):
    order = draw(st.sampled_from([1, 2, 3, np.inf]))
    axis, keep = draw(st.sampled_from([None, 1, (0, 2), (-1,)])), draw(st.booleans())
    a = away_from_zero(draw, (2, 3, 2), dtype(draw, True))
    return lambda x: np.linalg.vector_norm(x, axis=axis, keepdims=keep, ord=order), (a,)


def cond(draw):
    order = draw(st.sampled_from([None, 2, -2, "fro"]))
    return lambda x: np.linalg.cond(x, order), (rectangular(draw) if order != "fro" else square(draw),)


# -- products -----------------------------------------------------------------------------------------------------------------


def matrix_power(draw):
    n = draw(st.sampled_from([-3, -1, 1, 2, 3, 4, 7]))
    return lambda a: np.linalg.matrix_power(a, n), (square(draw),)


def multi_dot(draw):
    kind = dtype(draw, complex_too=True)
    sizes = [side(draw, 1, 3) for _ in range(draw(st.integers(3, 5)))]
    arrays = [array(draw, pair, kind) for pair in itertools.pairwise(sizes)]
    if draw(st.booleans()):
        arrays[0] = array(draw, sizes[1:2], kind)
    if draw(st.booleans()):
        arrays[-1] = array(draw, sizes[-2:-1], kind)
    return lambda *arrays: np.linalg.multi_dot(arrays), tuple(arrays)


def tensorinv(draw):
    a = with_spectrum(draw, (), 4, 4, "float64")
    shape, ind = draw(st.sampled_from([((2, 2, 4), 2), ((4, 2, 2), 1), ((2, 2, 2, 2), 2)]))
    return lambda a: np.linalg.tensorinv(a, ind), (a.reshape(shape),)


def tensorsolve(draw):
    a = with_spectrum(draw, (), 4, 4, "float64")
    axes = draw(st.sampled_from([None, (1,)]))
    shape = (2, 2, 4) if axes is None else (2, 4, 2)
    a = a.reshape(2, 2, 4) if axes is None else np.moveaxis(a.reshape(2, 2, 4), 1, 2)
    assert a.shape == shape
    return lambda a, b: np.linalg.tensorsolve(a, b, axes), (a, array(draw, (2, 2), "float64"))


def two_arrays(function, *shapes):
    def case(draw):
        kind = dtype(draw, complex_too=True)
        return function, tuple(array(draw, shape, kind) for shape in shapes)

    return case


def of(function, matrix):
    def case(draw):
        return function, (matrix(draw),)

    return case


def plain_slogdet(a):
    return tuple(np.linalg.slogdet(a))


def in_order(w):
    """LAPACK may list the eigenvalues of a slightly moved matrix in another order."""
    return np.argsort(np.real(w) + 0.01 * np.imag(w), axis=-1)


def eig(a):
    """The sign of a vector, and which of two entries nearly as large is made real, may jump between two differences."""
    w, v = np.linalg.eig(a)
    order = in_order(w)
    v = np.take_along_axis(v, order[..., None, :], axis=-1)
    return np.take_along_axis(w, order, axis=-1), v[..., :, None, :] * np.conjugate(v)[..., None, :, :]


def eigvals(a):
    w = np.linalg.eigvals(a)
    return np.take_along_axis(w, in_order(w), axis=-1)


def qr_r(a):
    r = np.linalg.qr(a, mode="r")
    return r * signs_of(r)[..., :, None]


def signs_of(r):
    """The signs of R's diagonal, which jump where a reflection has nothing to reflect."""
    k = min(r.shape[-2:])
    return np.sign(np.real(r[..., range(k), range(k)]))


SAMPLES = {
    "linalg.inv": [of(np.linalg.inv, square)],
    "linalg.solve": [solve, solve_mixed],
    "linalg.det": [of(np.linalg.det, square), of(np.linalg.det, singular)],
    "linalg.slogdet": [of(plain_slogdet, square)],
    "linalg.cholesky": [cholesky],
    "linalg.eigh": [eigh],
    "linalg.eigvalsh": [eigvalsh],
    "linalg.eig": [of(eig, general)],
    "linalg.eigvals": [of(eigvals, general)],
    "linalg.svd": [svd, svd_hermitian],
    "linalg.svdvals": [
        of(np.linalg.svdvals, rectangular),
        of(lambda a: np.linalg.svd(a, compute_uv=False), rectangular),
    ],
    "linalg.qr": [qr],
    "linalg.qr_r": [of(qr_r, leading_regular)],
    "linalg.pinv": [
        of(np.linalg.pinv, rectangular),
        of(lambda a: np.linalg.pinv(part(a), hermitian=True), hermitian),
        pinv_deficient,
    ],
    "linalg.lstsq": [lstsq, lstsq_deficient],
    "linalg.norm": [norm_all, norm_vector, norm_matrix],
    "np.linalg.matrix_norm": [matrix_norm],
    "np.linalg.vector_norm": [vector_norm],
    "np.linalg.cond": [cond],
    "np.linalg.matrix_power": [matrix_power],
    "np.linalg.multi_dot": [multi_dot],
    "np.linalg.tensorinv": [tensorinv],
    "np.linalg.tensorsolve": [tensorsolve],
    "np.linalg.cross": [two_arrays(np.linalg.cross, (2, 3), (3,))],
    "np.linalg.outer": [two_arrays(np.linalg.outer, (2,), (3,))],
    "np.linalg.matmul": [two_arrays(np.linalg.matmul, (2, 2, 3), (3, 2))],
    "np.linalg.tensordot": [two_arrays(lambda a, b: np.linalg.tensordot(a, b, axes=1), (2, 3), (3, 2))],
    "np.linalg.vecdot": [two_arrays(np.linalg.vecdot, (2, 3), (3,))],
    "np.linalg.trace": [of(lambda a: np.linalg.trace(a, offset=1), rectangular)],
    "np.linalg.diagonal": [of(lambda a: np.linalg.diagonal(a, offset=-1), rectangular)],
    "np.linalg.matrix_transpose": [of(np.linalg.matrix_transpose, rectangular)],
}
