"""Checks of derivatives, for this library's tests and for users' own functions and primitives.

`check_grads` compares a function's derivatives with finite differences. `check_laws` holds a function to the laws that
every primitive of this library obeys. Both raise an AssertionError that says where and by how much.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from wengert.core import errors
from wengert.core.derivatives import jvp, linearize, vjp
from wengert.core.linear import Block, LinearMap
from wengert.core.sweep import order as order_of
from wengert.core.trees import flatten, unflatten
from wengert.core.variable import Variable, as_differentiable, dtype_of

# Relative and absolute tolerance of a comparison with finite differences, for each real precision. The step is chosen
# for float64, in which the differences of every dtype are computed.
TOLERANCE = {np.dtype(np.float64): 2e-6, np.dtype(np.float32): 2e-3, np.dtype(np.float16): 5e-2}


def _real_dtype(value: Any) -> np.dtype:
    return np.empty(0, dtype_of(value)).real.dtype


def _tolerance(leaves: Sequence, given: float | None) -> float:
    if given is not None:
        return given
    return max([TOLERANCE.get(_real_dtype(x), 2e-6) for x in leaves], default=2e-6)


def _random_like(value: Any, rng: np.random.Generator) -> Any:
    """A random array of the value's shape and dtype, complex where it is."""
    sample = rng.uniform(-1, 1, np.shape(value))
    if dtype_of(value).kind == "c":
        sample = sample + 1j * rng.uniform(-1, 1, np.shape(value))
    return np.asarray(sample).astype(dtype_of(value))[()]


def inner(x: Any, y: Any) -> float:
    """Re⟨x, y⟩ over all leaves of two trees of the same structure."""
    return sum(
        float(np.sum(np.real(np.conj(np.asarray(a, complex)) * b)))
        for a, b in zip(flatten(x)[0], flatten(y)[0], strict=True)
    )


def _central(f: Callable, points: list, direction: list) -> list:
    """Directional derivative of `f` by central differences with one Richardson step: error of order step⁴."""
    step = 1e-3

    def shifted(h: float) -> list:
        with np.errstate(all="ignore"):
            moved = f(*(np.asarray(x) + h * np.asarray(d) for x, d in zip(points, direction, strict=True)))
        return [np.asarray(leaf) for leaf in flatten(moved)[0]]

    def difference(h: float) -> list:
        return [(a - b) / (2 * h) for a, b in zip(shifted(h), shifted(-h), strict=True)]

    coarse, middle, fine = difference(step), difference(step / 2), difference(step / 4)
    once = [[(4 * b - a) / 3 for a, b in zip(x, y, strict=True)] for x, y in ((coarse, middle), (middle, fine))]
    return [(16 * b - a) / 15 for a, b in zip(*once, strict=True)]


def _compare(what: str, analytic: list, numeric: list, tolerance: float) -> None:
    for leaf, (a, n) in enumerate(zip(analytic, numeric, strict=True)):
        a, n = np.asarray(a), np.asarray(n)
        scale = max(1.0, float(np.max(np.abs(n), initial=0.0, where=np.isfinite(n))))
        wrong = ~(np.abs(a - n) <= tolerance * scale) & ~((a == n) | ((a != a) & (n != n)))
        if a.shape != n.shape or np.any(wrong):
            where = tuple(int(i) for i in np.argwhere(wrong)[0]) if a.shape == n.shape else "shape"
            at = where if a.shape == n.shape else ...
            raise errors.not_checked(f"{what}, output {leaf}", where, a[at], n[at], tolerance * scale)


def check_grads(
    f: Callable,
    args: Sequence,
    order: int = 1,
    modes: Sequence[str] = ("fwd", "rev"),
    tolerance: float | None = None,
    seed: int = 0,
) -> None:
    """Compare the derivatives of `f` at `args` with finite differences along random directions.

    Parameters
    ----------
    f : callable
        Returns a tree of floats, complex numbers or arrays.
    args : tuple
        Its arguments; trees are allowed.
    order : int
        Up to which order to check.
    modes : sequence of "fwd" and "rev"
        Which derivatives to check; both by default.
    tolerance : float, optional
        Relative to the largest entry, and absolute below 1. By default 2e-6 for float64, 2e-3 for float32.
    seed : int
        Of the random directions.

    Raises
    ------
    AssertionError
        With the output entry, the analytic and the numeric value.

    Examples
    --------
    >>> import numpy as np
    >>> check_grads(np.sin, (0.3,), order=3)
    """
    if isinstance(args, (Variable, np.ndarray, float, int, complex)) or not isinstance(args, (tuple, list)):
        raise errors.not_a_tuple("check_grads(f, (x,))", args)
    leaves, structure = flatten(tuple(args))
    leaves = [as_differentiable(leaf) for leaf in leaves]

    def on_leaves(*values: Any) -> Any:
        return f(*unflatten(structure, values))

    _check(on_leaves, leaves, order, modes, _tolerance(leaves, tolerance), np.random.default_rng(seed), "f")


def _check(f: Callable, leaves: list, order: int, modes: Sequence, tolerance: float, rng: Any, name: str) -> None:
    direction = [_random_like(x, rng) for x in leaves]
    numeric = _central(f, [_widened(x) for x in leaves], [_widened(d) for d in direction])
    if "fwd" in modes:
        pushed = jvp(f, leaves, direction)[1]
        _compare(f"forward derivative of {name}", flatten(pushed)[0], numeric, tolerance)
        if order > 1:
            _check(
                lambda *x: jvp(f, x, direction)[1], leaves, order - 1, modes, tolerance * 10, rng, f"forward of {name}"
            )
    if "rev" in modes:
        value, pull = vjp(f, *leaves)
        out_leaves, out_structure = flatten(value)
        cotangent = [_random_like(x, rng) for x in out_leaves]
        pulled = pull(unflatten(out_structure, cotangent))
        analytic, wanted = inner(list(pulled), direction), inner(cotangent, numeric)
        scale = _scale(pulled, cotangent)
        if not abs(analytic - wanted) <= tolerance * scale and not (np.isnan(analytic) and np.isnan(wanted)):
            raise errors.not_checked(f"reverse derivative of {name}", "⟨g, J t⟩", analytic, wanted, tolerance * scale)
        if order > 1:

            def pulled_back(*x: Any) -> Any:
                return vjp(f, *x)[1](unflatten(out_structure, cotangent))

            _check(pulled_back, leaves, order - 1, modes, tolerance * 10, rng, f"reverse of {name}")


def _widened(x: Any) -> Any:
    """The value in double precision: differences in float32 would be noise."""
    return np.asarray(x, dtype=complex if dtype_of(x).kind == "c" else float)[()]


def _scale(*trees: Any) -> float:
    entries = [np.asarray(leaf) for tree in trees for leaf in flatten(tree)[0]]
    return max([1.0, *(float(np.sum(np.abs(e[np.isfinite(e)]))) for e in entries if e.size)])


# -- the laws ---------------------------------------------------------------------------------------------------------


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
    tangents = [_random_like(x, rng) for x in args]
    out, structure = flatten(value)
    cotangent = unflatten(structure, [_random_like(x, rng) for x in out])
    pulled = vjp(f, *args)[1](cotangent)
    for gradient, x in zip(pulled, args, strict=True):
        assert np.shape(gradient) == np.shape(x), f"law: shape of a gradient: {np.shape(gradient)}, not {np.shape(x)}"
        assert dtype_of(gradient) == dtype_of(x), f"law: dtype of a gradient: {dtype_of(gradient)}, not {dtype_of(x)}"
    pushed = derivative(*tangents)
    left, right = inner(cotangent, pushed), inner(list(pulled), tangents)
    eps = max(float(np.finfo(_real_dtype(x)).eps) for x in args)
    scale = max(_scale(cotangent) * _scale(pushed), _scale(pulled) * _scale(tangents))
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
            stack = np.stack([_random_like(np.zeros(size, dtype), rng) for _ in range(3)])
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
