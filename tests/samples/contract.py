"""Samples of contractions."""

from __future__ import annotations

import numpy as np
from drawing import array, dtype
from hypothesis import strategies as st


def _products(function, shapes, **keywords):
    """A bilinear function on operands of one of the pairs of shapes; one of them may be a constant."""

    def case(draw):
        kinds = [dtype(draw, complex_too=True) for _ in range(2)]
        operands = [array(draw, s, kind) for s, kind in zip(draw(st.sampled_from(shapes)), kinds, strict=True)]
        fixed = draw(st.sampled_from([None, 0, 1]))
        if fixed is None:
            return lambda a, b: function(a, b, **keywords), operands
        constant = operands.pop(fixed)
        if fixed == 0:
            return lambda b: function(constant, b, **keywords), operands
        return lambda a: function(a, constant, **keywords), operands

    return case


MATMUL = [
    ((3,), (3,)), ((2, 3), (3,)), ((3,), (3, 2)), ((2, 3), (3, 4)), ((5, 2, 3), (3, 4)), ((2, 3), (5, 3, 4)),
    ((5, 1, 2, 3), (4, 3, 2)), ((3,), (5, 3, 2)), ((5, 2, 3), (3,)), ((0, 3), (3, 2)), ((2, 0), (0, 2)),
]  # fmt: skip
DOT = [pair for pair in MATMUL if len(pair[0]) < 4] + [((), (2, 3)), ((2, 3), ()), ((), ()), ((2, 4, 3), (2, 3, 2))]
INNER = [((3,), (3,)), ((2, 3), (3,)), ((2, 3), (4, 5, 3)), ((3,), (2, 3)), ((), (3,)), ((2,), ())]
VECDOT = [((3,), (3,)), ((2, 3), (3,)), ((3,), (4, 3)), ((2, 3), (4, 1, 3))]
EINSUM = [
    ("ij,jk->ik", [(2, 3), (3, 4)]), ("ij,jk", [(2, 3), (3, 4)]), ("ii", [(3, 3)]), ("ii->i", [(3, 3)]),
    ("...ij,...jk->...ik", [(5, 2, 3), (3, 2)]), ("i...->...", [(2, 3, 4)]), ("ij,ij->ij", [(1, 3), (2, 3)]),
    ("ijk,k,j->i", [(2, 3, 4), (4,), (3,)]), ("iij,j->", [(2, 2, 3), (3,)]), ("ba", [(2, 3)]), ("i,j", [(2,), (3,)]),
    (",ij", [(), (2, 3)]), ("ij->", [(2, 3)]), ("aab,bcc->ac", [(2, 2, 3), (3, 2, 2)]), ("...,...", [(2, 3), (3,)]),
    ("ij,jk,kl,li->", [(2, 3), (3, 2), (2, 4), (4, 2)]), ("i j , j -> i", [(2, 3), (3,)]), ("ij,j", [(0, 3), (3,)]),
]  # fmt: skip


def _einsum(draw):
    spec, shapes = draw(st.sampled_from(EINSUM))
    optimize = draw(st.booleans())
    operands = [array(draw, s, dtype(draw, complex_too=True)) for s in shapes]
    return lambda *x: np.einsum(spec, *x, optimize=optimize), operands


def _einsum_sublists(draw):
    a, b = array(draw, (2, 3)), array(draw, (3, 4))
    if draw(st.booleans()):
        return lambda a, b: np.einsum(a, [0, 1], b, [1, 2], [2, 0]), [a, b]
    return lambda a, b: np.einsum(a, [..., 27], b, [27, 2]), [a, b]


TENSORDOT = [
    (0, (2,), (3, 2)), (1, (2, 3), (3, 4)), (2, (4, 2, 3), (2, 3, 5)), (((0, 1), (1, 0)), (2, 3), (3, 2)),
    ((1, 1), (2, 3), (4, 3)), (([-1], [-1]), (2, 3), (4, 3)),
]  # fmt: skip


def _tensordot(draw):
    axes, *shapes = draw(st.sampled_from(TENSORDOT))
    operands = [array(draw, s, dtype(draw, complex_too=True)) for s in shapes]
    return lambda a, b: np.tensordot(a, b, axes), operands


SAMPLES = {
    "matmul": [_products(np.matmul, MATMUL), _products(lambda a, b: a @ b, MATMUL)],
    "dot": [_products(np.dot, DOT)],
    "vdot": [_products(np.vdot, [((3,), (3,)), ((2, 3), (3, 2)), ((), ()), ((0,), (0,))])],
    "vecdot": [_products(np.vecdot, VECDOT), _products(np.vecdot, [((3, 2), (3, 2))], axis=0)],
    "cross": [
        _products(np.cross, [((3,), (3,)), ((3,), (2, 3)), ((2, 3), (4, 1, 3))]),
        _products(np.cross, [((3, 2), (2, 3))], axisa=0, axisc=0),
        _products(np.cross, [((3, 2), (3, 2))], axis=0),
    ],
    "einsum": [_einsum, _einsum_sublists],
    "np.inner": [_products(np.inner, INNER)],
    "np.outer": [_products(np.outer, [((3,), (2,)), ((2, 2), (3,)), ((), (2,))])],
    "np.kron": [_products(np.kron, [((2,), (3,)), ((2, 3), (2,)), ((2,), (2, 1, 3)), ((), (2, 2))])],
    "np.tensordot": [_tensordot],
}
if hasattr(np, "matvec"):
    SAMPLES["matvec"] = [_products(np.matvec, [((2, 3), (3,)), ((2, 3), (4, 3)), ((5, 1, 2, 3), (4, 3))])]
    SAMPLES["vecmat"] = [_products(np.vecmat, [((3,), (3, 2)), ((4, 3), (3, 2)), ((4, 3), (5, 1, 3, 2))])]
