"""Contractions: matmul, dot, tensordot, einsum and their kin."""

from __future__ import annotations

import numpy as np

from wengert.core.linear import Left, LinearMap, Right
from wengert.core.primitive import structured
from wengert.core.registry import rules


def _matmul(a, b):
    return np.matmul(a, b)


def _matmul_left_edge(out, a, b) -> LinearMap:
    """d(a @ b) with b fixed."""
    if b.ndim == 1:
        from wengert.core.linear import Reshape

        edge = Right(np.reshape(b, (-1, 1)), a.shape)
        return Reshape(edge.out_shape, out.shape) @ edge
    return Right(b, a.shape)


def _matmul_right_edge(out, a, b) -> LinearMap:
    if a.ndim == 1:
        from wengert.core.linear import Reshape

        edge = Left(np.reshape(a, (1, -1)), b.shape)
        return Reshape(edge.out_shape, out.shape) @ edge
    if b.ndim == 1:
        return Left(a, b.shape)
    return Left(a, b.shape)


matmul = structured(_matmul, _matmul_left_edge, _matmul_right_edge, name="matmul")
rules[np.matmul] = matmul
