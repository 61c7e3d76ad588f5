"""`check_laws`: the laws that every primitive of this library obeys, for functions of users', too."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from wengert.core.derivatives import linearize, vjp
from wengert.core.linear import Block, LinearMap
from wengert.core.sweep import order as order_of
from wengert.core.trees import flatten, unflatten
from wengert.core.variable import Variable, as_differentiable, dtype_of
from wengert.testing.differences import inner, random_like
from wengert.testing.gradients import check_grads, real_dtype, scale_of


def check_laws(f: Callable, *args: Any, order: int = 2, tolerance: float | None = None, seed: int = 0) -> None:
    """Hold a function of arrays to the laws of this library's primitives, at `args`.

    value on variables = value on arrays · ⟨g, push t⟩ = ⟨pull g, t⟩ · push = finite difference · the same for its
    derivatives up to `order` · a stack of tangents or cotangents = one by one · each edge's pattern ⊇ its nonzeros.

    Parameters
    ----------
    f : callable
        Returns an array, or a tree of arrays, of floats or complex numbers.
    *args : float, complex or array
        Where to check. Away from kinks, for differences hold only there.
    order, tolerance, seed
        As for `check_grads`.

    Raises
    ------
    AssertionError
        That names the law that does not hold.

    Examples
    --------
    >>> import numpy as np
    >>> check_laws(lambda x: np.cumsum(x) * x[0], np.array([1.0, 2.0, 3.0]))
    """
    rng = np.random.default_rng(seed)
    args = tuple(as_differentiable(x) for x in args)
    plain, (value, derivative) = f(*args), linearize(f, *args)
    _law_value(plain, value)
    _law_dot(f, args, derivative, value, rng)
    if all(np.size(x) for x in args):
        check_grads(f, args, order=order, tolerance=tolerance, seed=seed)
    _law_stacked(f, args, rng)
    _law_pattern(f, args)


def _law_value(plain: Any, traced: Any) -> None:
    for a, b in zip(flatten(plain)[0], flatten(traced)[0], strict=True):
        np.testing.assert_array_equal(np.asarray(a), np.asarray(b), err_msg="law: value on variables = value on arrays")
        assert np.shape(a) == np.shape(b), f"law: value: shapes {np.shape(a)} and {np.shape(b)} differ"
        assert dtype_of(a) == dtype_of(b), f"law: value: dtypes {dtype_of(a)} and {dtype_of(b)} differ"


def _law_dot(f: Callable, args: tuple, derivative: Callable, value: Any, rng: np.random.Generator) -> None:
    tangents = [random_like(x, rng) for x in args]
    out, structure = flatten(value)
    cotangent = unflatten(structure, [random_like(x, rng) for x in out])
    pulled = vjp(f, *args)[1](cotangent)
    for gradient, x in zip(pulled, args, strict=True):
        assert np.shape(gradient) == np.shape(x), f"law: shape of a gradient: {np.shape(gradient)}, not {np.shape(x)}"
        assert dtype_of(gradient) == dtype_of(x), f"law: dtype of a gradient: {dtype_of(gradient)}, not {dtype_of(x)}"
    pushed = derivative(*tangents)
    left, right = inner(cotangent, pushed), inner(list(pulled), tangents)
    eps = max(float(np.finfo(real_dtype(x)).eps) for x in args)
    scale = max(scale_of(cotangent) * scale_of(pushed), scale_of(pulled) * scale_of(tangents))
    if not abs(left - right) <= 1e3 * eps * scale and not (np.isnan(left) and np.isnan(right)):
        raise AssertionError(f"law: ⟨g, push t⟩ = {left!r} is not ⟨pull g, t⟩ = {right!r}")


def _law_stacked(f: Callable, args: tuple, rng: np.random.Generator) -> None:
    """One sweep with three stacked tangents (cotangents) gives what three sweeps give."""
    for node, edge in _edges(f, args):
        for direction, kind, size in (
            (edge.push, "push", edge.in_shape),
            (edge.pull, "pull", edge.out_shape),
        ):
            dtype = _edge_dtype(node, kind)
            stack = np.stack([random_like(np.zeros(size, dtype), rng) for _ in range(3)])
            together = direction(stack)
            for i in range(3):
                one = direction(np.asarray(stack[i])[()])
                close = np.allclose(together[i], one, rtol=1e-9, atol=1e-9, equal_nan=True)
                assert close, f"law: stacked = one by one: {kind} of {edge!r}"


def _edge_dtype(pair: tuple, kind: str) -> np.dtype:
    child, parent = pair
    return dtype_of((child if kind == "push" else parent)._val)


def _law_pattern(f: Callable, args: tuple) -> None:
    for _, edge in _edges(f, args):
        n, m = int(np.prod(edge.in_shape, dtype=int)), int(np.prod(edge.out_shape, dtype=int))
        if n * m <= 10_000:
            pattern = edge.pattern()
            assert pattern.shape == (m, n), f"law: pattern of {edge!r} has shape {pattern.shape}, not {(m, n)}"
            with np.errstate(all="ignore"):
                dense = np.asarray(edge.dense()).reshape(m, n)
            assert not np.any((dense != 0) & ~pattern), f"law: pattern ⊇ nonzeros: {edge!r}"


def _edges(f: Callable, args: tuple) -> list[tuple[tuple[Variable, Any], LinearMap]]:
    """((child, parent), edge) for every array edge of the graph of f(*args)."""
    variables = [Variable(x) for x in args]
    outputs = [x for x in flatten(f(*variables))[0] if isinstance(x, Variable)]
    found: list = []
    for node in order_of([x.node for x in outputs]) if outputs else []:
        for child, edge in node.edges:
            if isinstance(edge, Block):
                parts = zip(edge.maps, node._val, strict=True)
                found += [((child, Variable(o)), m) for m, o in parts if m is not None]
            elif not isinstance(child._val, tuple):
                found.append(((child, node), edge))
    return found
