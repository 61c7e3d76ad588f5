"""Jacobians and Hessians: the function is traced once, and all rows or columns go through one stacked sweep."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from wengert.core import errors
from wengert.core.derivatives import Trace, grad, jvp, named_after
from wengert.core.sweep import order, pull_back, push_forward
from wengert.core.trees import unflatten
from wengert.core.variable import Variable, dtype_of

CHUNK_BYTES = 1 << 28  # what the stacked cotangents of one sweep may take, in its output


def _basis(start: int, stop: int, shape: tuple, dtype: np.dtype) -> np.ndarray:
    """Rows `start` to `stop` of the identity, each in the given shape."""
    size = math.prod(shape)
    rows = np.zeros((stop - start, size), dtype)
    rows[np.arange(stop - start), np.arange(start, stop)] = 1
    return rows.reshape((stop - start, *shape))


def _chunks(size: int, row_bytes: int, chunk_size: int | None) -> list[tuple[int, int]]:
    step = max(1, CHUNK_BYTES // max(1, row_bytes)) if chunk_size is None else int(chunk_size)
    return [(i, min(size, i + step)) for i in range(0, size, step)]


def _join(blocks: list) -> Any:
    return blocks[0] if len(blocks) == 1 else np.concatenate(blocks, axis=0)


def _kind_needed(trace: Trace, holomorphic: bool, name: str) -> None:
    for x in [*trace.values, *trace.outputs]:
        is_complex = isinstance(x, complex) or getattr(x, "dtype", np.dtype(float)).kind == "c"
        if is_complex and not holomorphic:
            raise errors.complex_output(trace.plain(x), name)
        if holomorphic and not is_complex:
            raise errors.holomorphic_needs_complex(trace.plain(x))


def _rows(trace: Trace, output: Any, chunk_size: int | None, holomorphic: bool) -> list:
    """One array of shape output.shape + leaf.shape for each leaf, by reverse sweeps with stacked cotangents."""
    shape = np.shape(output)
    size = math.prod(shape)
    total = sum(int(np.size(v)) for v in trace.values)
    blocks: list[list] = [[] for _ in trace.leaves]
    if trace.traced(output):
        largest = max([np.size(n._val) for n in order([output]) if not isinstance(n._val, tuple)])
        for start, stop in _chunks(size, 8 * max(total, int(largest)), chunk_size):
            seed = _basis(start, stop, shape, dtype_of(output._val))
            adjoints = pull_back({output: seed}, trace.leaves, keep=True, lead=1)
            for block, leaf in zip(blocks, trace.leaves, strict=True):
                if leaf in adjoints:
                    found = adjoints[leaf]
                    block.append(np.conjugate(found) if holomorphic else found)
    jacobians = []
    for block, value in zip(blocks, trace.values, strict=True):
        wanted = shape + np.shape(value)
        if block:
            jacobian = np.reshape(_join(block), wanted)
            if isinstance(jacobian, np.ndarray) and not (jacobian.flags.writeable and jacobian.flags.owndata):
                jacobian = jacobian.copy()
            jacobians.append(jacobian[()] if not wanted and not isinstance(jacobian, Variable) else jacobian)
        else:
            jacobians.append(np.zeros(wanted, dtype_of(value))[()])
    return jacobians


def _columns(trace: Trace, chunk_size: int | None, holomorphic: bool) -> list[list]:
    """For each output, one array of shape output.shape + leaf.shape for each leaf, by stacked tangents."""
    traced = [x for x in trace.outputs if trace.traced(x)]
    nodes = order(traced) if traced else []
    result: list[list] = [[] for _ in trace.outputs]
    for leaf, value in zip(trace.leaves, trace.values, strict=True):
        shape, size = np.shape(value), int(np.size(value))
        blocks: dict = {x: [] for x in traced}
        largest = max([1, *(int(np.size(n._val)) for n in nodes if not isinstance(n._val, tuple))])
        for start, stop in _chunks(size, 8 * largest, chunk_size):
            pushed = push_forward(nodes, {leaf: _basis(start, stop, shape, dtype_of(value))}, traced)
            for x in traced:
                if x in pushed:
                    blocks[x].append(pushed[x])
        for found, output in zip(result, trace.outputs, strict=True):
            block = blocks.get(output, []) if trace.traced(output) else []
            out_shape = np.shape(output)
            if block:
                jacobian = np.reshape(np.moveaxis(_join(block), 0, -1), out_shape + shape)
                if isinstance(jacobian, np.ndarray):
                    jacobian = np.array(jacobian, order="C")[()]
                elif not np.ndim(jacobian) and not isinstance(jacobian, Variable):
                    jacobian = jacobian[()]
                found.append(jacobian)
            else:
                found.append(np.zeros(out_shape + shape, dtype_of(value))[()])
    return result


def _jacobian(
    f: Callable, argnums: Any, has_aux: bool, holomorphic: bool, chunk_size: int | None, mode: str
) -> Callable:
    if chunk_size is not None and not (isinstance(chunk_size, (int, np.integer)) and chunk_size >= 1):
        raise errors.bad_chunk_size(chunk_size)

    @named_after(f, "jacobian")
    def jacobian_of(*args: Any, **kwargs: Any) -> Any:
        trace = Trace(f, args, kwargs, argnums, has_aux, "jacobian")
        _kind_needed(trace, holomorphic, "jacobian")
        inputs = sum(int(np.size(value)) for value in trace.values)
        outputs = sum(int(np.size(output)) for output in trace.outputs)
        forward = mode == "forward" or (mode == "by shape" and inputs < outputs)
        if forward:
            found = _columns(trace, chunk_size, holomorphic)
        else:
            found = [_rows(trace, output, chunk_size, holomorphic) for output in trace.outputs]
        result = unflatten(trace.out_structure, [trace.like_arguments(leaves) for leaves in found])
        return (result, trace.aux) if has_aux else result

    return jacobian_of


def jacobian(
    f: Callable,
    argnums: int | Sequence[int] = 0,
    has_aux: bool = False,
    holomorphic: bool = False,
    chunk_size: int | None = None,
) -> Callable:
    """A function that returns the Jacobian of `f`, an array of shape output.shape + argument.shape.

    One stacked sweep: forward if there are fewer inputs than outputs, else reverse. For trees, a tree like the output
    of trees like the argument.

    Parameters
    ----------
    f, argnums, has_aux, holomorphic
        As for `value_and_grad`, but `f` may return arrays, and trees of them.
    chunk_size : int, optional
        How many rows (or columns) go through a sweep at once; bounds the memory. By default about 256 MB worth.

    Raises
    ------
    TypeError
        For integer arguments, and for complex ones unless `holomorphic`.
    ValueError
        For a `chunk_size` below 1.

    Examples
    --------
    >>> import numpy as np
    >>> jacobian(lambda x: x[:2] * x[2])(np.array([1.0, 2.0, 3.0]))
    array([[3., 0., 1.],
           [0., 3., 2.]])
    """
    return _jacobian(f, argnums, has_aux, holomorphic, chunk_size, "by shape")


def jacfwd(
    f: Callable,
    argnums: int | Sequence[int] = 0,
    has_aux: bool = False,
    holomorphic: bool = False,
    chunk_size: int | None = None,
) -> Callable:
    """`jacobian` by forward mode: one stacked tangent for each input entry.

    Examples
    --------
    >>> import numpy as np
    >>> jacfwd(lambda t: np.stack([np.cos(t), np.sin(t)]))(0.0)
    array([0., 1.])
    """
    return _jacobian(f, argnums, has_aux, holomorphic, chunk_size, "forward")


def jacrev(
    f: Callable,
    argnums: int | Sequence[int] = 0,
    has_aux: bool = False,
    holomorphic: bool = False,
    chunk_size: int | None = None,
) -> Callable:
    """`jacobian` by reverse mode: one stacked cotangent for each output entry.

    Examples
    --------
    >>> import numpy as np
    >>> jacrev(lambda x: np.sum(x**2))(np.array([1.0, 2.0]))
    array([2., 4.])
    """
    return _jacobian(f, argnums, has_aux, holomorphic, chunk_size, "reverse")


def hessian(f: Callable, argnums: int | Sequence[int] = 0, chunk_size: int | None = None) -> Callable:
    """A function that returns the matrix of second derivatives of a scalar function, of shape x.shape + x.shape.

    Forward over reverse: the gradient is traced once and all tangents go through in one stacked sweep.

    Examples
    --------
    >>> import numpy as np
    >>> hessian(lambda x: x[0] ** 2 * x[1])(np.array([1.0, 2.0]))
    array([[4., 2.],
           [2., 0.]])
    """
    return jacfwd(grad(f, argnums), argnums, chunk_size=chunk_size)


def hvp(f: Callable) -> Callable:
    """A function (x, v) -> H(x) v, the Hessian of the scalar function `f` times a vector, without forming H.

    The result has the tree and shapes of `x`; so must `v`, or ValueError is raised. Forward over reverse (B. Pearlmutter, "Fast
    exact multiplication by the Hessian", 1994).

    Examples
    --------
    >>> import numpy as np
    >>> hvp(lambda x: np.sum(x**3))(np.array([1.0, 2.0]), np.array([1.0, 0.0]))
    array([6., 0.])
    """

    gradient = grad(f)

    def hessian_times_vector(x: Any, v: Any) -> Any:
        return jvp(gradient, (x,), (v,))[1]

    return hessian_times_vector
