"""numpy.linalg: inverses, determinants, least squares, powers and products, and the array API's names.

A matrix function is one formula of linear maps (M. Giles, "Collected matrix derivative results", 2008; G. Golub and
V. Pereyra, 1973, for the pseudo-inverse), and its adjoint follows from it. Factorisations are in `factor`, norms and
condition numbers in `norm`.
"""

from __future__ import annotations

import operator
from typing import Any

import numpy as np

from wengert.core import errors
from wengert.core.linear import (
    Block,
    Identity,
    Imag,
    Left,
    LinearMap,
    Real,
    Reshape,
    Right,
    Scale,
    Shape,
    Solve,
    Sum,
    conj,
    left,
    right,
)
from wengert.core.primitive import structured
from wengert.core.registry import implements, rules
from wengert.core.variable import Variable
from wengert.ops.constants import on_plain_values, plain
from wengert.ops.factor import Adjoint, Part, adjoint, is_complex, real_part, values_map
from wengert.ops.targets import deliver

LinAlgError = np.linalg.LinAlgError

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


# -- determinants ---------------------------------------------------------------------------------------------------------


def adjugate(a: Any) -> Any:
    """The transposed cofactors: det(a) a⁻¹, continued to singular matrices. A composite: right to any order.

    From the inverse alone, orders above the first lose their digits near a singular matrix.
    """
    with np.errstate(all="ignore"):
        try:
            inverse = np.linalg.inv(a)
        except LinAlgError:
            return _adjugate_by_parts(a)
        largest = np.max(np.abs(a), axis=(-2, -1), initial=0) * np.max(np.abs(inverse), axis=(-2, -1), initial=0)
        if np.any(largest > 1e5) and np.all(np.isfinite(a)):
            return _adjugate_by_parts(a)
        return np.linalg.det(a)[..., None, None] * inverse


def _adjugate_by_parts(a: Any) -> Any:
    """By blocks: one is regular, the other holds the small singular values, and its Schur complement a polynomial.

    The singular vectors only choose the blocks. That is right for any two bases, so they are constants here.
    """
    u, s, vh = np.linalg.svd(plain(a))
    k = a.shape[-1] - int(np.max(np.sum(s <= 1e-3 * s[..., :1], axis=-1), initial=1))
    b = adjoint(u) @ a @ adjoint(vh)
    regular, across, below = b[..., :k, :k], b[..., :k, k:], b[..., k:, :k]
    inverse = np.linalg.inv(regular)
    across, leftover = inverse @ across, b[..., k:, k:] - below @ inverse @ across
    below = below @ inverse
    cofactors, determinant = _faddeev(leftover)
    upper = [determinant[..., None, None] * inverse + across @ cofactors @ below, -across @ cofactors]
    rows = [np.concatenate(upper, axis=-1), np.concatenate([-cofactors @ below, cofactors], axis=-1)]
    phase = np.linalg.det(u) * np.linalg.det(vh) * np.linalg.det(regular)
    return adjoint(vh) @ (np.concatenate(rows, axis=-2) * phase[..., None, None]) @ adjoint(u)


def _faddeev(a: Any) -> tuple[Any, Any]:
    """The adjugate and the determinant as polynomials in the entries (Faddeev and LeVerrier): only integers divide."""
    n = a.shape[-1]
    identity = np.eye(n, dtype=a.dtype)
    cofactors = np.broadcast_to(identity, a.shape)
    for k in range(1, n):
        product = a @ cofactors
        cofactors = identity * (np.trace(product, axis1=-2, axis2=-1) / k)[..., None, None] - product
    return cofactors, np.trace(a @ cofactors, axis1=-2, axis2=-1) / n


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


slogdet = structured(np.linalg.slogdet, _slogdet_edge)


# -- pseudo-inverse and least squares ---------------------------------------------------------------------------------------


def _check_discarded(a: Any, inverse: Any, name: str) -> None:
    """The formulas take what a pseudo-inverse leaves out of a matrix, A - A P A, for zero: refuse where it is not."""
    a, inverse = plain(a), plain(inverse)
    if a.size:
        left_out = np.linalg.norm(a - a @ inverse @ a, axis=(-2, -1))
        if np.any(left_out > np.sqrt(np.finfo(a.dtype).eps) * np.linalg.norm(a, axis=(-2, -1))):
            raise errors.no_partial(name, "a", "its rcond discards singular values that are not zero")


def _pinv_edge(out, a, rcond=None, hermitian=False, rtol=None) -> LinearMap:
    """Golub and Pereyra (1973), for a rank that does not change:

    dP = -P dA P + P Pᴴ dAᴴ (1 - A P) + (1 - P A) dAᴴ Pᴴ P.
    """
    _check_discarded(a, out, "linalg.pinv")
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
    return real_part(Sum(shape, -2) @ Scale(2 * conj(residual), shape), residual)


def _lstsq_parts(out: tuple, a: Any, b: Any) -> tuple[Any, Any, Any]:
    """The solution and the residual as matrices, and the pseudo-inverse."""
    x = out[0][:, None] if b.ndim == 1 else out[0]
    return x, (b[:, None] if b.ndim == 1 else b) - a @ x, _lstsq_inverse(a, out)


def _lstsq_matrix_edge(out, a, b, rcond=None) -> LinearMap:
    x, residual, p = _lstsq_parts(out, a, b)
    _check_discarded(a, p, "linalg.lstsq")
    columns, mirrored = Right(x, a.shape), Adjoint(a.shape)
    edge = Left(p @ adjoint(p), x.shape) @ Right(residual, mirrored.out_shape) @ mirrored
    edge = edge - Left(p, columns.out_shape) @ columns
    if a.shape[1] > int(out[2]):
        null = np.eye(a.shape[1], dtype=a.dtype) - p @ a
        edge = edge + Left(null, x.shape) @ Right(adjoint(p) @ x, mirrored.out_shape) @ mirrored
    if b.ndim == 1:
        edge = Reshape(x.shape, out[0].shape) @ edge
    squares = _residual_map(residual, residual.shape) @ -columns if out[1].shape[0] else None
    u, s, vh = np.linalg.svd(a, full_matrices=False)
    return Block(edge, squares, None, values_map(u, s, vh, a.shape))


def _lstsq_side_edge(out, a, b, rcond=None) -> LinearMap:
    _, residual, p = _lstsq_parts(out, a, b)
    squares = None
    if out[1].shape[0]:
        squares = _residual_map(residual, residual.shape) @ Reshape(b.shape, residual.shape)
    return Block(left(p, b.shape), squares, None, None)


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
