"""Contractions: matmul, dot, tensordot, einsum and their kin.

All are bilinear: the edge of one operand is the contraction with the others fixed. Products of matrices keep to
`Left` and `Right`, whose adjoints go to BLAS with transposed views and copy nothing.
"""

from __future__ import annotations

import functools
import math
from typing import Any

import numpy as np

from wengert.core.adjoints import accumulate
from wengert.core.linear import (
    Compose,
    Conjugate,
    Contract,
    LinearMap,
    Permute,
    Reshape,
    Scale,
    Sum,
    align,
    conj,
    left,
    right,
    strong_multiply,
    unbroadcast,
)
from wengert.core.primitive import Structured, structured, variadic
from wengert.core.registry import implements, primitives, rules
from wengert.core.variable import Variable
from wengert.ops.constants import on_plain_values, plain
from wengert.ops.reduce import as_array
from wengert.ops.targets import deliver

# -- products of matrices ---------------------------------------------------------------------------------------------


# (axes of a, axes of b) -> what the cotangent g of a @ b gives to a and to b, for plain vectors and matrices. (The method
# dot takes half a microsecond less than the ufunc matmul.)
_PULLS = {
    (1, 1): (lambda g, b: g * conj(b), lambda g, a: g * conj(a)),
    (1, 2): (lambda g, b: conj(b).dot(g), lambda g, a: conj(a)[:, None] * g),
    (2, 1): (lambda g, b: g[:, None] * conj(b), lambda g, a: conj(a.T).dot(g)),
    (2, 2): (lambda g, b: g.dot(conj(b.T)), lambda g, a: conj(a.T).dot(g)),
}


class MatrixProduct(Structured):
    """A product of two operands. That of plain vectors and matrices is pulled back by one product each, from a table."""

    def pull(self, node: Variable, cotangent: Any, adjoints: Any) -> None:
        x, y = node._args
        children = node._children
        a = x._val if x is children[0] else x
        b = y._val if y is children[-1] else y
        if a.__class__ is b.__class__ is np.ndarray and not isinstance(cotangent, Variable):
            pulls = _PULLS.get((a.ndim, b.ndim))
            if pulls is not None:
                if a is not x:
                    accumulate(adjoints, x, pulls[0](cotangent, b))
                if b is not y:
                    accumulate(adjoints, y, pulls[1](cotangent, a))
                return
        super().pull(node, cotangent, adjoints)


def _bilinear(function: Any, left_edge: Any, right_edge: Any, kind: type = Structured) -> Structured:
    """Declare a function of two operands, both given by position."""
    name = function.__name__
    rules[function] = primitives[name] = primitive = kind(function, (left_edge, right_edge), name, ("a", "b"))
    return primitive


def _as_row(a: Any) -> Any:
    return np.reshape(a, (*a.shape[:-1], 1, a.shape[-1]))


def _as_column(a: Any) -> Any:
    return np.reshape(a, (*a.shape, 1))


def _shaped(edge: LinearMap, out: Any) -> LinearMap:
    return edge if edge.out_shape == out.shape else Compose(Reshape(edge.out_shape, out.shape), edge)


def _matmul_left_edge(out, a, b) -> LinearMap:
    return _shaped(right(_as_column(b) if b.ndim == 1 else b, a.shape), out)


def _matmul_right_edge(out, a, b) -> LinearMap:
    return _shaped(left(_as_row(a) if a.ndim == 1 else a, b.shape), out)


matmul = _bilinear(np.matmul, _matmul_left_edge, _matmul_right_edge, MatrixProduct)


def _inner_edge(other: Any, shape: tuple) -> LinearMap:
    """t -> Σ t * other: cheaper than a product of a row and a column."""
    return Compose(Sum(shape), Scale(other, shape))


def _dot_left_edge(out, a, b) -> LinearMap:
    if not a.ndim or not b.ndim:
        return Scale(b, a.shape, out.shape)
    if a.ndim == b.ndim == 1:
        return _inner_edge(b, a.shape)
    if b.ndim <= 2:
        return _matmul_left_edge(out, a, b)
    columns = np.reshape(np.moveaxis(b, -2, 0), (b.shape[-2], -1 if b.size else _size(b, -2)))
    rows = (_size(a, -1), a.shape[-1])
    return _shaped(Compose(right(columns, rows), Reshape(a.shape, rows)), out)


def _dot_right_edge(out, a, b) -> LinearMap:
    if not a.ndim or not b.ndim:
        return Scale(a, b.shape, out.shape)
    if a.ndim == b.ndim == 1:
        return _inner_edge(a, b.shape)
    if a.ndim <= 2 and b.ndim <= 2:
        return _matmul_right_edge(out, a, b)
    rows = np.reshape(a, (_size(a, -1), a.shape[-1]))
    if b.ndim == 1:
        return _shaped(left(rows, b.shape), out)
    columns = (b.shape[-2], _size(b, -2))
    first = Permute(b.shape, (b.ndim - 2, *range(b.ndim - 2), b.ndim - 1))
    return _shaped(left(rows, columns) @ Reshape(first.out_shape, columns) @ first, out)


def _size(a: Any, without: int) -> int:
    """How many rows there are when one axis is left out."""
    return math.prod(a.shape[:without]) * math.prod(a.shape[a.ndim + without + 1 :])


_dot = _bilinear(np.dot, _dot_left_edge, _dot_right_edge, MatrixProduct)


@implements(np.dot)
def dot(a, b, out=None):
    return deliver(_dot(as_array(a), as_array(b)), out)


@implements(np.inner)
def inner(a, b, /):
    a, b = as_array(a), as_array(b)
    return np.dot(a, np.swapaxes(b, -1, -2) if a.ndim and b.ndim > 1 else b)


@implements(np.tensordot)
def tensordot(a, b, axes=2):
    a, b = as_array(a), as_array(b)
    if np.ndim(axes) == 0 and not isinstance(axes, (tuple, list)):
        axes = (range(-axes, 0), range(axes))
    summed = [[axis] if isinstance(axis, (int, np.integer)) else list(axis) for axis in axes]
    if any(len(set(each)) != len(each) for each in summed):
        raise ValueError("duplicate axes are not allowed in tensordot")
    sizes = [[x.shape[i] for i in each] for x, each in zip((a, b), summed, strict=True)]
    if sizes[0] != sizes[1]:
        raise ValueError("shape-mismatch for sum")
    of_a, of_b = ([i % x.ndim for i in each] for x, each in zip((a, b), summed, strict=True))
    rest_a = [i for i in range(a.ndim) if i not in of_a]
    rest_b = [i for i in range(b.ndim) if i not in of_b]
    shape_a, shape_b = [a.shape[i] for i in rest_a], [b.shape[i] for i in rest_b]
    rows = np.reshape(np.transpose(a, rest_a + of_a), (math.prod(shape_a), math.prod(sizes[0])))
    columns = np.reshape(np.transpose(b, of_b + rest_b), (math.prod(sizes[0]), math.prod(shape_b)))
    return np.reshape(np.dot(rows, columns), (*shape_a, *shape_b))


# -- products of vectors ----------------------------------------------------------------------------------------------


def _conjugated(edge: LinearMap, a: Any) -> LinearMap:
    return Compose(edge, Conjugate(a.shape)) if a.dtype.kind == "c" else edge


vdot = _bilinear(
    np.vdot,
    lambda out, a, b: _conjugated(_inner_edge(np.reshape(b, a.shape), a.shape), a),
    lambda out, a, b: _inner_edge(conj(np.reshape(a, b.shape)), b.shape),
)


@implements(np.outer)
def outer(a, b, out=None):
    return deliver(np.multiply(np.reshape(a, (-1, 1)), np.reshape(b, (1, -1))), out)


@implements(np.kron)
def kron(a, b):
    a, b = as_array(a), as_array(b)
    ndim = max(a.ndim, b.ndim)
    of_a, of_b = (1,) * (ndim - a.ndim) + a.shape, (1,) * (ndim - b.ndim) + b.shape
    pairs = np.multiply(
        np.reshape(a, [n for size in of_a for n in (size, 1)]), np.reshape(b, [n for size in of_b for n in (1, size)])
    )
    return np.reshape(pairs, [m * n for m, n in zip(of_a, of_b, strict=True)])


# The generalized ufuncs of NumPy 2.0 (vecdot) and 2.2; x† is the conjugate transpose.
def _vecdot_edge(other: Any, a: Any, out: Any) -> LinearMap:
    every = (*out.shape, a.shape[-1])
    return Compose(Sum(every, -1), Scale(other, a.shape, every))


vecdot = _bilinear(
    np.vecdot,
    lambda out, a, b: _conjugated(_vecdot_edge(b, a, out), a),
    lambda out, a, b: _vecdot_edge(conj(a), b, out),
)

if hasattr(np, "matvec"):
    matvec = _bilinear(
        np.matvec,
        lambda out, a, x: _shaped(right(_as_column(x), a.shape), out),
        lambda out, a, x: _shaped(left(a, (*x.shape, 1)) @ Reshape(x.shape, (*x.shape, 1)), out),
    )
    vecmat = _bilinear(
        np.vecmat,
        lambda out, x, a: _conjugated(
            _shaped(right(a, (*x.shape[:-1], 1, x.shape[-1])) @ Reshape(x.shape, (*x.shape[:-1], 1, x.shape[-1])), out),
            x,
        ),
        lambda out, x, a: _shaped(left(_as_row(conj(x)), a.shape), out),
    )


class Crossing(LinearMap):
    """t -> t × b on the last axis, which has three entries; ⟨g, t × b⟩ = ⟨b × g, t⟩."""

    label = "× b"

    def __init__(self, b: Any, in_shape: tuple, out_shape: tuple, multiply: Any = np.multiply):
        self.b, self.in_shape, self.out_shape = b, tuple(in_shape), tuple(out_shape)
        self.multiply = multiply

    def _cross(self, x: Any, y: Any) -> Any:
        if self.multiply is np.multiply:
            return _cross(x, y)
        one, two = (self.multiply(np.roll(x, -i, -1), np.roll(y, i, -1)) for i in (1, -1))
        return one - two

    def push(self, tangent: Any) -> Any:
        return self._cross(align(tangent, len(self.in_shape), len(self.out_shape)), self.b)

    def pull(self, cotangent: Any) -> Any:
        return unbroadcast(self._cross(conj(self.b), cotangent), self.in_shape, cotangent.ndim - len(self.out_shape))

    def strong(self) -> LinearMap:
        return Crossing(self.b, self.in_shape, self.out_shape, strong_multiply)


_cross = structured(
    lambda a, b: np.cross(a, b),
    lambda out, a, b: Crossing(b, a.shape, out.shape),
    lambda out, a, b: -Crossing(a, b.shape, out.shape),
    name="cross",
)


@implements(np.cross)
def cross(a, b, axisa=-1, axisb=-1, axisc=-1, axis=None):
    if axis is not None:
        axisa = axisb = axisc = axis
    a, b = np.moveaxis(as_array(a), axisa, -1), np.moveaxis(as_array(b), axisb, -1)
    flat = [x.shape[-1] == 2 for x in (a, b)]
    if all(flat):  # vectors in the plane, which NumPy still knows: only the third component, and no axis for it
        return a[..., 0] * b[..., 1] - a[..., 1] * b[..., 0]
    a, b = (
        np.concatenate([x, np.zeros((*x.shape[:-1], 1), x.dtype)], axis=-1) if plane else x
        for x, plane in zip((a, b), flat, strict=True)
    )
    return np.moveaxis(_cross(a, b), -1, axisc)


# -- einsum -----------------------------------------------------------------------------------------------------------


def _einsum_value(*operands: Any, subscripts: Any, **params: Any) -> Any:
    if isinstance(subscripts, str):
        return np.einsum(subscripts, *operands, **params)
    lists, output = subscripts
    pairs = [part for pair in zip(operands, lists, strict=True) for part in pair]
    return np.einsum(*pairs, *([] if output is None else [output]), **params)


@functools.lru_cache(256)
def explicit(subscripts: Any, ndims: tuple) -> tuple[tuple[str, ...], str]:
    """One letter for each axis: the operands' terms and the output's, with ellipsis and implied output spelt out."""
    if isinstance(subscripts, str):
        inputs, arrow, output = subscripts.replace(" ", "").partition("->")
        terms, given = inputs.split(","), output if arrow else None
    else:
        lists, last = subscripts
        terms, given = [_letters(each) for each in lists], None if last is None else _letters(last)
    fresh = "".join(c for c in _ALPHABET if c not in "".join(terms))
    counts = [n - len(term.replace("...", "")) for term, n in zip(terms, ndims, strict=True)]
    rest = fresh[: max(counts)]
    if given is None:
        letters = "".join(terms).replace(".", "")
        given = "..." + "".join(sorted(c for c in set(letters) if letters.count(c) == 1))
    terms = [term.replace("...", rest[len(rest) - n :]) for term, n in zip(terms, counts, strict=True)]
    return tuple(terms), given.replace("...", rest)


_ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"  # in the order in which NumPy sorts them


def _letters(sublist: Any) -> str:
    return "".join("..." if i is Ellipsis else _ALPHABET[i] for i in sublist)


def _einsum_edge(i, out, *operands, subscripts, **params) -> LinearMap:
    shapes = [np.shape(x) for x in operands]
    terms, output = explicit(subscripts, tuple(map(len, shapes)))
    terms = list(terms)
    sizes: dict[str, int] = {}
    for term, shape in zip(terms, shapes, strict=True):
        for letter, n in zip(term, shape, strict=True):
            sizes[letter] = n if sizes.get(letter, 1) == 1 else sizes[letter]
    squeezed = list(operands)
    for k, (term, shape) in enumerate(zip(terms, shapes, strict=True)):
        if any(sizes[letter] != n for letter, n in zip(term, shape, strict=True)):  # an axis of 1 that was stretched
            full = [(letter, n) for letter, n in zip(term, shape, strict=True) if sizes[letter] == n]
            terms[k] = "".join(letter for letter, _ in full)
            squeezed[k] = np.reshape(operands[k], [n for _, n in full])
    free = np.shape(squeezed[i])
    edge: LinearMap = Contract(",".join(terms) + "->" + output, squeezed, i, free, out.shape)
    return edge if free == shapes[i] else Compose(edge, Reshape(shapes[i], free))


_einsum = variadic(_einsum_value, _einsum_edge, name="einsum")


@implements(np.einsum)
def einsum(*args, out=None, optimize=False, **params):
    subscripts, operands = args[0], args[1:]
    if not isinstance(subscripts, str):
        count = len(args) // 2
        operands = args[: 2 * count : 2]
        subscripts = (tuple(map(tuple, args[1 : 2 * count : 2])), tuple(args[-1]) if len(args) % 2 else None)
    operands = tuple(map(as_array, operands))
    return deliver(_einsum(*operands, subscripts=subscripts, optimize=plain(optimize), **params), out)


rules[np.einsum_path] = on_plain_values(np.einsum_path)
