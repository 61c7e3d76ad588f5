"""Matrix factorisations: Cholesky, eigenvalues and vectors, singular values, QR; and the linear maps of matrices.

Each derivative is one formula of linear maps (M. Giles, "Collected matrix derivative results", 2008; for QR F. Walter,
L. Lehmann and R. Lamour, 2012), completed for complex matrices by the phase that LAPACK fixes.

Conventions: `cholesky`, `eigh`, `eigvalsh` read one triangle of a matrix that they take for Hermitian. Their
derivative is that of a Hermitian matrix: a tangent counts by its Hermitian part, a gradient is Hermitian. Where
eigenvalues or singular values coincide, the vectors' derivative is nan and that of the values is not.
"""

from __future__ import annotations

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
    Right,
    Scale,
    Select,
    Shape,
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
from wengert.ops.constants import plain


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


def real_part(edge: LinearMap, value: Any) -> LinearMap:
    """The real part of what a map of a complex matrix gives."""
    return Real(edge.out_shape) @ edge if is_complex(value) else edge


def inverse_or_nan(a: Any) -> Any:
    """The inverse, nan where a matrix is singular: a factor that cannot be inverted leaves derivatives undefined."""
    try:
        return np.linalg.inv(a)
    except np.linalg.LinAlgError:
        singular = (np.linalg.det(a) == 0)[..., None, None]
        return np.where(singular, np.nan, np.linalg.inv(np.where(singular, np.eye(a.shape[-1], dtype=a.dtype), a)))


# -- Cholesky, eigenvalues ----------------------------------------------------------------------------------------------


def _cholesky_edge(out, a, upper=False) -> LinearMap:
    """dL = L Φ(L⁻¹ dA L⁻ᴴ), where Φ keeps the lower triangle and half of the diagonal."""
    factor = adjoint(out) if upper else out
    inverse = inverse_or_nan(factor)
    inner = left(inverse) @ right(adjoint(inverse)) @ Part(a.shape, +1)
    edge = left(factor) @ _triangle(a.shape, -1, 0.5, out) @ inner
    return Adjoint(a.shape) @ edge if upper else edge


cholesky = structured(np.linalg.cholesky, _cholesky_edge)


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
    # The diagonal of a Hermitian matrix is real but for rounding.
    values = real_part(Diagonal(a.shape) @ rotated, v)
    return Block(values, left(v) @ Scale(_reciprocal_gaps(w), a.shape) @ rotated)


def _eigvalsh_edge(out, a, UPLO="L") -> LinearMap:
    v = np.linalg.eigh(a, UPLO).eigenvectors
    return real_part(Diagonal(a.shape) @ _rotated(v), v)


eigh = structured(np.linalg.eigh, _eigh_edge)
eigvalsh = structured(np.linalg.eigvalsh, _eigvalsh_edge)


def _normalised(v: Any) -> LinearMap:
    """What LAPACK's scaling of eigenvectors leaves of dV: unit columns, the largest entry of each real if complex."""
    shape = v.shape
    along = Sum(shape, -2, keepdims=True)
    length = Scale(v, along.out_shape, shape) @ real_part(along @ Scale(conj(v), shape), v)
    if not is_complex(v):
        return Identity(shape) - length
    size = np.abs(v)
    largest = np.arange(shape[-2])[:, None] == np.argmax(size, axis=-2)[..., None, :]
    pivot = np.sum(np.where(largest, v, 0), axis=-2, keepdims=True)
    phase = Scale(1j * v / pivot, along.out_shape, shape) @ Imag(along.out_shape) @ along @ Select(largest, shape)
    return Identity(shape) - length - phase


def _eig_maps(w: Any, v: Any) -> tuple[LinearMap, LinearMap]:
    rotated = left(inverse_or_nan(v)) @ right(v)
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
    return Diagonal(a.shape) @ left(inverse_or_nan(v)) @ right(v)


eig = structured(np.linalg.eig, _eig_edge)
eigvals = structured(np.linalg.eigvals, _eigvals_edge)


# -- singular values ------------------------------------------------------------------------------------------------------


def _core(u: Any, vh: Any, shape: Shape) -> LinearMap:
    """dA -> Uᴴ dA V."""
    inner = Right(adjoint(vh), shape)
    return Left(adjoint(u), inner.out_shape) @ inner


def values_map(u: Any, s: Any, vh: Any, shape: Shape) -> LinearMap:
    """ds = Re diag(Uᴴ dA V): for repeated and zero singular values too."""
    k = s.shape[-1]
    edge = _core(u[..., :, :k], vh[..., :k, :], shape)
    return real_part(Diagonal(edge.out_shape) @ edge, u)


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
    return Block(left_map, values_map(u, out[1], vh, shape), right_map)


def _svd_value(a: Any, full_matrices: bool = True) -> Any:
    return np.linalg.svd(a, full_matrices)


def _svdvals_value(a: Any) -> Any:
    return np.linalg.svd(a, compute_uv=False)


def _svdvals_edge(out, a) -> LinearMap:
    u, s, vh = np.linalg.svd(a, full_matrices=False)
    return values_map(u, s, vh, a.shape)


_svd = structured(_svd_value, _svd_edge, name="linalg.svd")
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
    inverse = inverse_or_nan(r[..., :k, :k])
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


_qr = structured(_qr_value, _qr_edge, name="linalg.qr")
_qr_triangular = structured(lambda a: np.linalg.qr(a, "r"), _triangular_edge, name="linalg.qr_r")


@implements(np.linalg.qr)
def qr(a, mode="reduced"):
    if mode in ("reduced", "complete"):
        return _qr(a, mode=mode)
    if mode == "r":
        return _qr_triangular(a)
    if mode == "raw":
        raise errors.no_partial("linalg.qr", "a", 'mode="raw" gives Householder vectors; use "reduced" or "complete"')
    return np.linalg.qr(plain(a), mode)  # NumPy's own error
