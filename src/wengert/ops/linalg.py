"""numpy.linalg: inverses, determinants, factorisations, and what NumPy builds from them.

A matrix function is one formula of linear maps, and its adjoint follows from it. The formulas are those of M. Giles,
"Collected matrix derivative results" (2008), G. Golub and V. Pereyra (1973) for the pseudo-inverse, and of
F. Walter, L. Lehmann and R. Lamour (2012) for QR; for complex matrices they are completed by the phase that LAPACK
fixes. Norms and condition numbers are in `norm`.

Conventions: `cholesky`, `eigh`, `eigvalsh` read one triangle of a matrix that they take for Hermitian. Their
derivative is that of a Hermitian matrix: a tangent counts by its Hermitian part, a gradient is Hermitian. Where
eigenvalues or singular values coincide, the vectors' derivative is nan and that of the values is not.
"""

from __future__ import annotations

import operator
from typing import Any

import numpy as np

from wengert.core import errors
from wengert.core.linear import (
    Block,
    Divide,
    Identity,
    Imag,
    Left,
    LinearMap,
    Real,
    Reshape,
    Right,
    Scale,
    Select,
    Shape,
    Solve,
    Sum,
    Take,
    Transpose,
    conj,
    left,
    put,
    right,
)
from wengert.core.primitive import structured
from wengert.core.registry import implements, rules
from wengert.core.variable import Variable
from wengert.ops.constants import on_plain_values, plain
from wengert.ops.targets import deliver

LinAlgError = np.linalg.LinAlgError


def adjoint(a: Any) -> Any:
    """The conjugate transpose of each matrix."""
    return conj(np.swapaxes(a, -1, -2))


def is_complex(a: Any) -> bool:
    return a.dtype.kind == "c"


# -- maps of this family ----------------------------------------------------------------------------------------------


class Adjoint(LinearMap):
    """T -> Tᴴ."""

    label = "ᴴ"

    def __init__(self, in_shape: Shape):
        self.in_shape = tuple(in_shape)
        self.out_shape = (*self.in_shape[:-2], self.in_shape[-1], self.in_shape[-2])

    def push(self, tangent: Any) -> Any:
        return adjoint(tangent)

    def pull(self, cotangent: Any) -> Any:
        return adjoint(cotangent)


class Part(LinearMap):
    """T -> (T + Tᴴ) / 2, the Hermitian part, or with sign -1 (T - Tᴴ) / 2, the skew one. Its own adjoint."""

    def __init__(self, shape: Shape, sign: int):
        self.in_shape = self.out_shape = tuple(shape)
        self.sign = sign
        self.label = "hermitian part" if sign > 0 else "skew part"

    def push(self, tangent: Any) -> Any:
        mirrored = adjoint(tangent)
        return (tangent + mirrored if self.sign > 0 else tangent - mirrored) * 0.5

    def pull(self, cotangent: Any) -> Any:
        return self.push(cotangent)

    def pattern(self) -> np.ndarray:  # of a complex skew part a real basis would not show the diagonal
        return Identity(self.in_shape).pattern() | Adjoint(self.in_shape).pattern()

    @property
    def T(self) -> LinearMap:
        return self


class Diagonal(LinearMap):
    """The diagonal of each matrix; its adjoint puts a vector on the diagonal."""

    label = "diag"

    def __init__(self, in_shape: Shape):
        self.in_shape = tuple(in_shape)
        count = min(self.in_shape[-2:])
        self.out_shape = (*self.in_shape[:-2], count)
        self.index = (Ellipsis, np.arange(count), np.arange(count))

    def push(self, tangent: Any) -> Any:
        return tangent[self.index]

    def pull(self, cotangent: Any) -> Any:
        return put(cotangent, (*cotangent.shape[:-1], *self.in_shape[-2:]), self.index, True)


def _corner(in_shape: Shape, rows: int, columns: int) -> LinearMap:
    """The upper left corner of each matrix; its adjoint pads with zeros."""
    out_shape = (*in_shape[:-2], rows, columns)
    if out_shape == tuple(in_shape):
        return Identity(in_shape)
    return Take(in_shape, (Ellipsis, slice(rows), slice(columns)), out_shape)


def _triangle(shape: Shape, k: int, diagonal: float, like: Any) -> Scale:
    """T -> the strict lower triangle of T and `diagonal` times its diagonal; k = 1 for the upper one."""
    ones = np.ones(shape[-2:], np.finfo(like.dtype).dtype)
    strict = np.triu(ones, 1) if k > 0 else np.tril(ones, -1)
    return Scale(strict + diagonal * np.eye(*shape[-2:], dtype=ones.dtype), shape)


def _real(edge: LinearMap, value: Any) -> LinearMap:
    """The real part of what a map of a complex matrix gives."""
    return Real(edge.out_shape) @ edge if is_complex(value) else edge


# -- inverse, solve -------------------------------------------------------------------------------------------------------

inv = structured(np.linalg.inv, lambda out, a: -(left(out) @ right(out)))


def _solve_matrix_edge(out, a, b) -> LinearMap:
    vector = b.ndim == 1
    columns = Right(out[..., None] if vector else out, a.shape)
    edge = Solve(a, columns.out_shape) @ -columns
    return Reshape(edge.out_shape, out.shape) @ edge if vector else edge


def _solve_side_edge(out, a, b) -> LinearMap:
    return Solve(a, b.shape, vector=b.ndim == 1)


solve = structured(np.linalg.solve, _solve_matrix_edge, _solve_side_edge)


def _inverse(a: Any) -> Any:
    """The inverse, nan where a matrix is singular: a factor that cannot be inverted leaves derivatives undefined."""
    try:
        return np.linalg.inv(a)
    except LinAlgError:
        singular = (np.linalg.det(a) == 0)[..., None, None]
        return np.where(singular, np.nan, np.linalg.inv(np.where(singular, np.eye(a.shape[-1], dtype=a.dtype), a)))


# -- determinants ---------------------------------------------------------------------------------------------------------


def _products_without(s: Any, *left_out: np.ndarray) -> Any:
    """The product of the singular values over all k, save those named in the masks (..., n)."""
    skipped = left_out[0]
    for mask in left_out[1:]:
        skipped = skipped | mask
    values = np.reshape(s, (*s.shape[:-1], *(1,) * (skipped.ndim - 1), s.shape[-1]))
    return np.prod(np.where(skipped, 1, values), axis=-1)


def _adjugate_by_svd(a: Any) -> Any:
    u, s, vh = np.linalg.svd(a)
    others = _products_without(s, np.eye(a.shape[-1], dtype=bool))
    phase = np.linalg.det(u) * np.linalg.det(vh)
    return (adjoint(vh) * (phase[..., None] * others)[..., None, :]) @ adjoint(u)


def _adjugate_value(a: Any) -> Any:
    """det(a) a⁻¹, continued to singular matrices: the transposed cofactors."""
    if isinstance(a, Variable):  # of an outer trace
        return adjugate(a)
    with np.errstate(all="ignore"):
        try:
            # The rounding of a tiny last pivot is the same in both factors and cancels.
            found = np.linalg.det(a)[..., None, None] * np.linalg.inv(a)
            if np.all(np.isfinite(found)):
                return found
        except LinAlgError:
            pass
        return _adjugate_by_svd(a)


def _adjugate_edge(out, a) -> LinearMap:
    """With A = U diag(s) Vᴴ and F = Uᴴ dA V the adjugate of diag(s) moves by products of n - 2 singular values.

    Away from singular matrices the formula by the inverse holds to any order, also where singular values coincide.
    """
    shape, n = a.shape, a.shape[-1]
    u, s, vh = np.linalg.svd(a)
    if np.all(s[..., -1:] > 1e-5 * s[..., :1]):
        inverse = np.linalg.inv(a)
        total = Sum(shape, (-2, -1), keepdims=True)
        spread = Scale(inverse, total.out_shape, shape)
        return spread @ total @ Scale(np.swapaxes(out, -1, -2), shape) - left(inverse) @ right(out)
    each = np.eye(n, dtype=bool)
    pairs = np.where(each, 0, _products_without(s, each[:, None, :], each[None, :, :]))
    diagonal = Diagonal(shape)
    row = (*shape[:-2], 1, n)
    weighted = Scale(pairs, row, shape) @ Reshape(diagonal.out_shape, row) @ diagonal
    moved = Transpose(diagonal) @ Sum(shape, -1) @ weighted - Scale(pairs, shape)
    phase = (np.linalg.det(u) * np.linalg.det(vh))[..., None, None]
    return left(phase * adjoint(vh)) @ right(adjoint(u)) @ moved @ left(adjoint(u)) @ right(adjoint(vh))


adjugate = structured(_adjugate_value, _adjugate_edge, name="linalg.adjugate")


def _det_edge(out, a) -> LinearMap:
    """d det = tr(adj(A) dA), by Jacobi."""
    return Sum(a.shape, (-2, -1)) @ Scale(np.swapaxes(adjugate(a), -1, -2), a.shape)


det = structured(np.linalg.det, _det_edge)


def _relative_cofactors(a: Any) -> Any:
    """adj(A) / det(A): the inverse, and where a matrix is singular infinite, save where det does not move at all."""
    try:
        return np.linalg.inv(a)
    except LinAlgError:
        cofactors = adjugate(a)
        return np.where(cofactors == 0, 0, cofactors / np.linalg.det(a)[..., None, None])


def _slogdet_edge(out, a) -> LinearMap:
    relative = Sum(a.shape, (-2, -1)) @ Scale(np.swapaxes(_relative_cofactors(a), -1, -2), a.shape)
    if not is_complex(a):
        return Block(None, relative)
    shape = relative.out_shape
    return Block(Scale(1j * out[0], shape) @ Imag(shape) @ relative, Real(shape) @ relative)


slogdet = structured(np.linalg.slogdet, _slogdet_edge, singular=True)


# -- factorisations -------------------------------------------------------------------------------------------------------


def _cholesky_edge(out, a, upper=False) -> LinearMap:
    """dL = L Φ(L⁻¹ dA L⁻ᴴ), where Φ keeps the lower triangle and half of the diagonal."""
    factor = adjoint(out) if upper else out
    inverse = _inverse(factor)
    inner = left(inverse) @ right(adjoint(inverse)) @ Part(a.shape, +1)
    edge = left(factor) @ _triangle(a.shape, -1, 0.5, out) @ inner
    return Adjoint(a.shape) @ edge if upper else edge


cholesky = structured(np.linalg.cholesky, _cholesky_edge, singular=True)


def _reciprocal_gaps(w: Any) -> Any:
    """1 / (w_j - w_i), 0 on the diagonal, nan where the gap is within the rounding of the factorisation."""
    n = w.shape[-1]
    gaps = w[..., None, :] - w[..., :, None]
    scale = np.max(np.abs(w), axis=-1, initial=0)[..., None, None] * (n * np.finfo(w.dtype).eps)
    equal = np.abs(gaps) <= scale
    return np.where(np.eye(n, dtype=bool), 0, np.where(equal, np.nan, 1 / np.where(equal, 1, gaps)))


def _rotated(v: Any) -> LinearMap:
    """dA -> Vᴴ dA V, of the Hermitian part of dA."""
    return left(adjoint(v)) @ right(v) @ Part(v.shape, +1)


def _eigh_edge(out, a, UPLO="L") -> LinearMap:
    """dw = diag(Vᴴ dA V), dV = V (F ∘ Vᴴ dA V), F = 1 / (w_j - w_i)."""
    w, v = out
    rotated = _rotated(v)
    # Real comes first: the diagonal of a Hermitian matrix is real but for rounding.
    values = _real(Diagonal(a.shape) @ rotated, v)
    return Block(values, left(v) @ Scale(_reciprocal_gaps(w), a.shape) @ rotated)


def _eigvalsh_edge(out, a, UPLO="L") -> LinearMap:
    v = np.linalg.eigh(a, UPLO).eigenvectors
    return _real(Diagonal(a.shape) @ _rotated(v), v)


eigh = structured(np.linalg.eigh, _eigh_edge, singular=True)
eigvalsh = structured(np.linalg.eigvalsh, _eigvalsh_edge)


def _normalised(v: Any) -> LinearMap:
    """What LAPACK's scaling of eigenvectors leaves of dV: unit columns, the largest entry of each real if complex."""
    shape = v.shape
    along = Sum(shape, -2, keepdims=True)
    length = Scale(v, along.out_shape, shape) @ _real(along @ Scale(conj(v), shape), v)
    if not is_complex(v):
        return Identity(shape) - length
    size = np.abs(v)
    largest = np.arange(shape[-2])[:, None] == np.argmax(size, axis=-2)[..., None, :]
    pivot = np.sum(np.where(largest, v, 0), axis=-2, keepdims=True)
    phase = Scale(1j * v / pivot, along.out_shape, shape) @ Imag(along.out_shape) @ along @ Select(largest, shape)
    return Identity(shape) - length - phase


def _eig_maps(w: Any, v: Any) -> tuple[LinearMap, LinearMap]:
    rotated = left(_inverse(v)) @ right(v)
    return Diagonal(v.shape) @ rotated, _normalised(v) @ left(v) @ Scale(_reciprocal_gaps(w), v.shape) @ rotated


def _eig_edge(out, a) -> LinearMap:
    return Block(*_eig_maps(*out))


def _order_of(wanted: np.ndarray, found: np.ndarray) -> np.ndarray:
    """For each wanted eigenvalue the place of the nearest one found that is not yet taken."""
    order = np.empty(wanted.shape, int)
    for stack in np.ndindex(wanted.shape[:-1]):
        distance = np.abs(wanted[stack][:, None] - found[stack][None, :])
        for i in range(len(distance)):
            order[stack][i] = j = np.argmin(distance[i])
            distance[:, j] = np.inf
    return order


def _eigvals_edge(out, a) -> LinearMap:
    """LAPACK may list large matrices' eigenvalues in another order when it is asked for the vectors too."""
    w, v = np.linalg.eig(a)
    if not np.allclose(plain(w), plain(out), rtol=1e-6, atol=0):
        order = _order_of(plain(out), plain(w))
        v = np.take_along_axis(v, order[..., None, :], axis=-1)
    return Diagonal(a.shape) @ left(_inverse(v)) @ right(v)


eig = structured(np.linalg.eig, _eig_edge, singular=True)
eigvals = structured(np.linalg.eigvals, _eigvals_edge, singular=True)


# -- singular values ------------------------------------------------------------------------------------------------------


def _core(u: Any, vh: Any, shape: Shape) -> LinearMap:
    """dA -> Uᴴ dA V."""
    inner = Right(adjoint(vh), shape)
    return Left(adjoint(u), inner.out_shape) @ inner


def _values_map(u: Any, s: Any, vh: Any, shape: Shape) -> LinearMap:
    """ds = Re diag(Uᴴ dA V): for repeated and zero singular values too."""
    k = s.shape[-1]
    edge = _core(u[..., :, :k], vh[..., :k, :], shape)
    return _real(Diagonal(edge.out_shape) @ edge, u)


def _svd_edge(out, a, full_matrices=True) -> LinearMap:
    """With K = Uᴴ dA V: Uᴴ dU = F ∘ K₊ + G ∘ K₋ and Vᴴ dV = F ∘ K₊ - G ∘ K₋.

    K₊ and K₋ are the Hermitian and the skew part, F = 1 / (s_j - s_i) and G = 1 / (s_j + s_i). Full bases of a rectangular
    matrix are the same formula with zeros for the missing singular values; the basis of the null space, which the
    matrix does not determine, moves as little as it can.
    """
    u, s, vh = out
    shape, k = a.shape, s.shape[-1]
    rows, columns = u.shape[-1], vh.shape[-2]
    size = max(rows, columns)
    core = _core(u, vh, shape)
    square = (*core.out_shape[:-2], size, size)
    padded = Transpose(_corner(square, rows, columns)) @ core if rows != columns else core
    if size > k:
        s = np.concatenate([s, np.zeros((*s.shape[:-1], size - k), s.dtype)], axis=-1)
    null = np.arange(size) >= k
    free = null[:, None] & null[None, :]
    differences = np.where(free, 0, _reciprocal_gaps(s))
    sums = s[..., None, :] + s[..., :, None]
    # A real skew matrix has no diagonal; a complex one has, and there is what a phase of U and V can share.
    still = free if is_complex(u) else free | np.eye(size, dtype=bool)
    means = np.where(still, 0, np.where(sums == 0, np.nan, 1 / np.where(sums == 0, 1, sums)))
    together = Scale(differences, square) @ Part(square, +1)
    apart = Scale(means, square) @ Part(square, -1)
    turn_u = _corner(square, rows, rows) @ (together + apart) @ padded
    turn_v = _corner(square, columns, columns) @ (apart - together) @ padded
    left_map = Left(u, turn_u.out_shape) @ turn_u
    right_map = Right(vh, turn_v.out_shape) @ turn_v
    if u.shape[-2] > rows:
        outside = Right(adjoint(vh), shape) - Left(u, core.out_shape) @ core
        left_map = left_map + Divide(s[..., None, :], outside.out_shape) @ outside
    if vh.shape[-1] > columns:
        outside = Left(adjoint(u), shape) - Right(vh, core.out_shape) @ core
        right_map = right_map + Divide(s[..., :, None], outside.out_shape) @ outside
    return Block(left_map, _values_map(u, out[1], vh, shape), right_map)


def _svd_value(a: Any, full_matrices: bool = True) -> Any:
    return np.linalg.svd(a, full_matrices)


def _svdvals_value(a: Any) -> Any:
    return np.linalg.svd(a, compute_uv=False)


def _svdvals_edge(out, a) -> LinearMap:
    return _values_map(*np.linalg.svd(a, full_matrices=False), a.shape)


_svd = structured(_svd_value, _svd_edge, name="linalg.svd", singular=True)
_svdvals = structured(_svdvals_value, _svdvals_edge, name="linalg.svdvals")
rules[np.linalg.svdvals] = _svdvals


@implements(np.linalg.svd)
def svd(a, full_matrices=True, compute_uv=True, hermitian=False):
    if not hermitian:
        return _svd(a, full_matrices=full_matrices) if compute_uv else _svdvals(a)
    # As NumPy does it: from the eigenvalues, which have their own signs and order.
    if not compute_uv:
        values = np.abs(np.linalg.eigvalsh(a))
        return np.take_along_axis(values, np.argsort(values)[..., ::-1], axis=-1)
    w, v = np.linalg.eigh(a)
    signs, values = np.copysign(1.0, plain(w)), np.abs(w)
    order = np.argsort(values)[..., ::-1]
    signs = np.take_along_axis(signs, order, axis=-1)
    values = np.take_along_axis(values, order, axis=-1)
    u = np.take_along_axis(v, order[..., None, :], axis=-1)
    return _SVD_RESULT(u, values, np.conjugate(np.swapaxes(u * signs[..., None, :], -1, -2)))


_SVD_RESULT = type(np.linalg.svd(np.eye(1)))
_QR_RESULT = type(np.linalg.qr(np.eye(1)))


# -- QR -------------------------------------------------------------------------------------------------------------------


def _qr_edge(out, a, mode="reduced") -> LinearMap:
    """dQ = Q Ω + (1 - Q Qᴴ) dA₁ R₁⁻¹ and dR = Qᴴ dA - Ω R, where Ω = Qᴴ dQ is skew.

    The lower triangle of Ω is that of M = Qᴴ dA₁ R₁⁻¹, with A₁ and R₁ the leading square columns: they determine Q. In
    the mode "complete" the columns beyond the rank move as little as they can.
    """
    q, r = out
    shape, width = a.shape, q.shape[-1]
    k = min(shape[-2:])
    inverse = _inverse(r[..., :k, :k])
    first = _corner(shape, shape[-2], k)
    scaled = Right(inverse, first.out_shape) @ first
    to_q = Left(adjoint(q), scaled.out_shape)
    square = (*shape[:-2], width, width)
    moved = Transpose(_corner(square, width, k)) @ to_q @ scaled if width > k else to_q @ scaled
    below = _triangle(square, -1, 0.0, q)
    omega = (below - Adjoint(square) @ below) @ moved
    if is_complex(q):  # R has a real diagonal
        diagonal = Diagonal(square)
        turn = Scale(1j, diagonal.out_shape) @ Imag(diagonal.out_shape) @ diagonal
        omega = omega + Transpose(diagonal) @ turn @ moved
    d_q = Left(q, square) @ omega
    if q.shape[-2] > width:
        d_q = d_q + scaled - Left(q, to_q.out_shape) @ to_q @ scaled
    d_r = Left(adjoint(q), shape) - Right(r, square) @ omega
    return Block(d_q, _triangle(r.shape, 1, 1.0, r) @ d_r)


def _qr_value(a: Any, mode: str = "reduced") -> Any:
    return np.linalg.qr(a, mode)


def _triangular_edge(out, a) -> LinearMap:
    return _qr_edge(np.linalg.qr(a), a).maps[1]  # type: ignore[attr-defined]


_qr = structured(_qr_value, _qr_edge, name="linalg.qr", singular=True)
_qr_triangular = structured(lambda a: np.linalg.qr(a, "r"), _triangular_edge, name="linalg.qr_r", singular=True)


@implements(np.linalg.qr)
def qr(a, mode="reduced"):
    if mode in ("reduced", "complete"):
        return _qr(a, mode=mode)
    if mode == "r":
        return _qr_triangular(a)
    if mode == "raw":
        raise errors.no_partial("linalg.qr", "a", 'mode="raw" gives Householder vectors; use "reduced" or "complete"')
    return np.linalg.qr(plain(a), mode)  # NumPy's own error


# -- pseudo-inverse and least squares ---------------------------------------------------------------------------------------


def _pinv_edge(out, a, rcond=None, hermitian=False, rtol=None) -> LinearMap:
    """Golub and Pereyra (1973), for a rank that does not change:

    dP = -P dA P + P Pᴴ dAᴴ (1 - A P) + (1 - P A) dAᴴ Pᴴ P.
    """
    shape = a.shape
    mirrored = Adjoint(shape)
    back, p_h = mirrored.out_shape, adjoint(out)
    edge = -(Left(out, (*shape[:-1], shape[-2])) @ Right(out, shape))
    if shape[-2] > 1 or shape[-1] > 1:
        outside = Identity(back) - Right(out, (*back[:-1], back[-2])) @ Right(a, back)
        edge = edge + Left(out @ p_h, back) @ outside @ mirrored
        outside = Identity(back) - Left(out, (*back[:-2], back[-1], back[-1])) @ Left(a, back)
        edge = edge + outside @ Right(p_h @ out, back) @ mirrored
    return edge @ Part(shape, +1) if hermitian else edge


pinv = structured(np.linalg.pinv, _pinv_edge)


def _lstsq_inverse(a: Any, out: tuple) -> Any:
    """The pseudo-inverse of the rank that `lstsq` found."""
    s, rank = plain(out[3]), int(out[2])
    if rank == 0:
        return np.zeros((a.shape[1], a.shape[0]), a.dtype)
    cut = (s[rank - 1] + s[rank]) / 2 if rank < len(s) else s[rank - 1] / 2
    return np.linalg.pinv(a, rcond=cut / s[0])


def _residual_map(residual: Any, shape: Shape) -> LinearMap:
    """d |r|² = 2 Re rᴴ db for each column: what b loses by moving x is orthogonal to r."""
    return _real(Sum(shape, -2) @ Scale(2 * conj(residual), shape), residual)


def _lstsq_parts(out: tuple, a: Any, b: Any) -> tuple[Any, Any, Any]:
    """The solution and the residual as matrices, and the pseudo-inverse."""
    x = out[0][:, None] if b.ndim == 1 else out[0]
    return x, (b[:, None] if b.ndim == 1 else b) - a @ x, _lstsq_inverse(a, out)


def _lstsq_matrix_edge(out, a, b, rcond=None) -> LinearMap:
    x, residual, p = _lstsq_parts(out, a, b)
    columns, mirrored = Right(x, a.shape), Adjoint(a.shape)
    edge = Left(p @ adjoint(p), x.shape) @ Right(residual, mirrored.out_shape) @ mirrored
    edge = edge - Left(p, columns.out_shape) @ columns
    if a.shape[1] > int(out[2]):
        null = np.eye(a.shape[1], dtype=a.dtype) - p @ a
        edge = edge + Left(null, x.shape) @ Right(adjoint(p) @ x, mirrored.out_shape) @ mirrored
    if b.ndim == 1:
        edge = Reshape(x.shape, out[0].shape) @ edge
    squares = _residual_map(residual, residual.shape) @ -columns if out[1].shape[0] else None
    values = _values_map(*np.linalg.svd(a, full_matrices=False), a.shape)
    return Block(edge, squares, None, values)


def _lstsq_side_edge(out, a, b, rcond=None) -> LinearMap:
    _, residual, p = _lstsq_parts(out, a, b)
    squares = None
    if out[1].shape[0]:
        squares = _residual_map(residual, residual.shape) @ Reshape(b.shape, residual.shape)
    return Block(Left(p, b.shape), squares, None, None)


lstsq = structured(np.linalg.lstsq, _lstsq_matrix_edge, _lstsq_side_edge)


# -- powers and products --------------------------------------------------------------------------------------------------


@implements(np.linalg.matrix_power)
def matrix_power(a, n):
    if a.ndim < 2 or a.shape[-1] != a.shape[-2]:
        return np.linalg.matrix_power(plain(a), n)  # NumPy's own error
    n = operator.index(n)
    if n == 0:
        return np.linalg.matrix_power(plain(a), 0)
    if n < 0:
        a, n = np.linalg.inv(a), -n
    if n == 3:
        return (a @ a) @ a
    # NumPy's order of products: the binary digits of n from the lowest.
    power, result = a, None
    while True:
        n, bit = divmod(n, 2)
        if bit:
            result = power if result is None else result @ power
        if not n:
            return result
        power = power @ power


def _cheapest_order(arrays: list) -> Any:
    """The split of each subchain that costs the least: dynamic programming (Cormen et al., 15.2)."""
    n = len(arrays)
    sizes = [x.shape[0] for x in arrays] + [arrays[-1].shape[1]]
    cost, split = np.zeros((n, n)), np.zeros((n, n), int)
    for length in range(1, n):
        for i in range(n - length):
            j = i + length
            costs = [cost[i, k] + cost[k + 1, j] + sizes[i] * sizes[k + 1] * sizes[j + 1] for k in range(i, j)]
            split[i, j] = i + int(np.argmin(costs))
            cost[i, j] = min(costs)
    return split


@implements(np.linalg.multi_dot)
def multi_dot(arrays, *, out=None):
    arrays = [x if isinstance(x, Variable) else np.asanyarray(x) for x in arrays]
    ends = arrays[0].ndim, arrays[-1].ndim
    if len(arrays) < 2 or not {*ends} <= {1, 2} or any(x.ndim != 2 for x in arrays[1:-1]):
        return np.linalg.multi_dot([plain(x) for x in arrays])  # NumPy's own error
    if len(arrays) == 2:
        result = np.dot(*arrays)
    else:
        if ends[0] == 1:
            arrays[0] = arrays[0][None, :]
        if ends[1] == 1:
            arrays[-1] = arrays[-1][:, None]
        if len(arrays) == 3:
            (rows, inner), (outer, columns) = arrays[0].shape, arrays[2].shape
            from_left = rows * outer * (inner + columns) < inner * columns * (outer + rows)
            split = [[0, 0, 1 if from_left else 0]]
        else:
            split = _cheapest_order(arrays)
        result = _chain(arrays, split, 0, len(arrays) - 1)
        if ends == (1, 1):
            result = result[0, 0]
        elif 1 in ends:
            result = np.reshape(result, -1)
    return deliver(result, out)


def _chain(arrays: list, split: Any, i: int, j: int) -> Any:
    if i == j:
        return arrays[i]
    if j == i + 1:
        return np.dot(arrays[i], arrays[j])
    k = split[i][j]
    return np.dot(_chain(arrays, split, i, k), _chain(arrays, split, k + 1, j))


@implements(np.linalg.tensorinv)
def tensorinv(a, ind=2):
    if ind <= 0:
        raise ValueError("Invalid ind argument.")
    shape = a.shape[ind:] + a.shape[:ind]
    size = int(np.prod(a.shape[ind:]))
    return np.reshape(np.linalg.inv(np.reshape(a, (size, -1))), shape)


@implements(np.linalg.tensorsolve)
def tensorsolve(a, b, axes=None):
    a, b = (x if isinstance(x, Variable) else np.asarray(x) for x in (a, b))
    if axes is not None:
        order = list(range(a.ndim))
        for axis in axes:
            order.remove(axis)
            order.append(axis)
        a = np.transpose(a, order)
    shape = a.shape[b.ndim - a.ndim :]
    size = int(np.prod(shape))
    if a.size != size**2:
        return np.linalg.tensorsolve(plain(a), plain(b))  # NumPy's own error
    return np.reshape(np.linalg.solve(np.reshape(a, (size, size)), np.reshape(b, -1)), shape)


# -- the array API's spelling of numpy's own functions --------------------------------------------------------------------


@implements(np.linalg.cross)
def cross(x1, x2, /, *, axis=-1):
    if np.shape(x1)[axis] != 3 or np.shape(x2)[axis] != 3:
        return np.linalg.cross(plain(x1), plain(x2), axis=axis)  # NumPy's own error
    return np.cross(x1, x2, axis=axis)


@implements(np.linalg.outer)
def outer(x1, x2, /):
    if np.ndim(x1) != 1 or np.ndim(x2) != 1:
        return np.linalg.outer(plain(x1), plain(x2))  # NumPy's own error
    return np.outer(x1, x2)


@implements(np.linalg.trace)
def trace(x, /, *, offset=0, dtype=None):
    return np.trace(x, offset=offset, axis1=-2, axis2=-1, dtype=dtype)


@implements(np.linalg.diagonal)
def diagonal(x, /, *, offset=0):
    return np.diagonal(x, offset=offset, axis1=-2, axis2=-1)


@implements(np.linalg.matmul)
def matmul(x1, x2, /):
    return np.matmul(x1, x2)


@implements(np.linalg.tensordot)
def tensordot(x1, x2, /, *, axes=2):
    return np.tensordot(x1, x2, axes=axes)


@implements(np.linalg.vecdot)
def vecdot(x1, x2, /, *, axis=-1):
    return np.vecdot(x1, x2, axis=axis)


@implements(np.linalg.matrix_transpose)
def matrix_transpose(x, /):
    if np.ndim(x) < 2:
        return np.linalg.matrix_transpose(plain(x))  # NumPy's own error
    return np.swapaxes(x, -1, -2)


rules[np.linalg.matrix_rank] = on_plain_values(np.linalg.matrix_rank)
