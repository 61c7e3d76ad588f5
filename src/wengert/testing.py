"""Checks of derivatives, for this library's tests and for users' own functions and primitives.

`check_grads` compares a function's derivatives with finite differences. `check_laws` holds a function to the laws that
every primitive of this library obeys. Both raise an AssertionError that says where and by how much.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from wengert.core import errors
from wengert.core.derivatives import jvp, linearize, vjp
from wengert.core.linear import Block, LinearMap
from wengert.core.sweep import order as order_of
from wengert.core.trees import flatten, unflatten
from wengert.core.variable import Variable, as_differentiable, dtype_of
from wengert.differences import central, inner, random_like

# Relative and absolute tolerance of a comparison with finite differences, for each real precision. The step is chosen
# for float64, in which the differences of every dtype are computed.
TOLERANCE = {np.dtype(np.float64): 2e-6, np.dtype(np.float32): 2e-3, np.dtype(np.float16): 5e-2}


def _real_dtype(value: Any) -> np.dtype:
    return np.empty(0, dtype_of(value)).real.dtype


def _tolerance(leaves: Sequence, given: float | None) -> float:
    if given is not None:
        return given
    return max([TOLERANCE.get(_real_dtype(x), 2e-6) for x in leaves], default=2e-6)


def _mismatch(analytic: list, numeric: list, tolerance: float) -> tuple[int, tuple, float] | None:
    """(leaf, index, tolerance) of the worst entry of a derivative that disagrees with differences; None if none does."""
    worst, found = -1.0, None
    for leaf, (a, n) in enumerate(zip(analytic, numeric, strict=True)):
        a, n = np.asarray(a), np.asarray(n)
        if a.shape != n.shape:
            no_edge = "To blame: a function whose result has another shape for variables than for plain arrays."
            raise errors.not_checked(f"output {leaf}", "in its shape", a.shape, n.shape, 0.0, 0.0, no_edge)
        scale = max(1.0, float(np.max(np.abs(n), initial=0.0, where=np.isfinite(n))))
        with np.errstate(invalid="ignore"):
            apart = np.abs(a - n)
        wrong = ~(apart <= tolerance * scale) & ~((a == n) | ((a != a) & (n != n)))
        if np.any(wrong):
            size = np.where(wrong, np.where(np.isnan(apart), np.inf, apart), -1.0)
            where = np.unravel_index(np.argmax(size), size.shape)
            if size[where] > worst:
                worst, found = size[where], (leaf, tuple(int(i) for i in where), tolerance * scale)
    return found


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
        That says which order and mode failed, at which entry of the input, the analytic and the numeric value with its
        estimated error, and which primitive's edge is to blame: each is checked alone.

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

    check = _Check(modes, np.random.default_rng(seed), [path for i, arg in enumerate(args) for path in _paths(arg, i)])
    check.run(on_leaves, leaves, order, 1, _tolerance(leaves, tolerance), "f")


def _paths(tree: Any, position: int) -> list[str]:
    """What each leaf of an argument is called in a message."""
    leaves, _ = flatten(tree)
    return [f"argument {position}" + (f", leaf {i}" if len(leaves) > 1 else "") for i in range(len(leaves))]


class _Check:
    """The comparison of a function's derivatives with differences, of each order in turn."""

    def __init__(self, modes: Sequence, rng: np.random.Generator, paths: list[str]):
        self.modes, self.rng, self.paths = modes, rng, paths

    def run(self, f: Callable, leaves: list, order: int, now: int, tolerance: float, name: str) -> None:
        """Check `f`, itself a derivative of order `now` - 1, and its derivatives up to `order`."""
        rng = self.rng
        direction = [random_like(x, rng) for x in leaves]
        wide = [_widened(x) for x in leaves]
        numeric, _ = central(f, wide, [_widened(d) for d in direction])
        if "fwd" in self.modes:
            pushed = flatten(jvp(f, leaves, direction)[1])[0]
            found = _mismatch(pushed, numeric, tolerance)
            if found is not None:
                leaf, index, limit = found

                def pushed_entry(d: list) -> tuple:
                    exact, (differences, doubts) = flatten(jvp(f, wide, d)[1])[0], central(f, wide, d)
                    return tuple(np.asarray(part[leaf])[index] for part in (exact, differences, doubts))

                out = f"output {leaf}{list(index) if index else ''}"
                raise self.failed("fwd", f"forward derivative of {name}", out, pushed_entry, f, wide, now, limit)
            if now < order:
                inner_name = f"forward of {name}"
                self.run(lambda *x: jvp(f, x, direction)[1], leaves, order, now + 1, tolerance * 10, inner_name)
        if "rev" in self.modes:
            value, pull = vjp(f, *leaves)
            out_leaves, out_structure = flatten(value)
            cotangent = [random_like(x, rng) for x in out_leaves]
            pulled = list(pull(unflatten(out_structure, cotangent)))
            analytic, wanted = inner(pulled, direction), inner(cotangent, numeric)
            limit = tolerance * _scale(pulled, cotangent)
            if not abs(analytic - wanted) <= limit and not (np.isnan(analytic) and np.isnan(wanted)):

                def pulled_entry(d: list) -> tuple:
                    differences, doubts = central(f, wide, d)
                    doubt = sum(float(np.sum(np.abs(c) * e)) for c, e in zip(cotangent, doubts, strict=True))
                    return inner(pulled, d), inner(cotangent, differences), doubt

                out = "⟨g, output⟩"
                raise self.failed("rev", f"reverse derivative of {name}", out, pulled_entry, f, wide, now, limit)
            if now < order:

                def pulled_back(*x: Any) -> Any:
                    return vjp(f, *x)[1](unflatten(out_structure, cotangent))

                self.run(pulled_back, leaves, order, now + 1, tolerance * 10, f"reverse of {name}")

    def failed(
        self, mode: str, what: str, out: str, measure: Callable, f: Callable, leaves: list, order: int, limit: float
    ) -> AssertionError:
        """The error, with the entry of the input at which the derivative is most wrong, and the edge that is to blame."""
        place, found = _worst_entry(measure, leaves, self.rng)
        entry = f"of {out}, by {self.paths[place[0]]}" + (f" at entry {list(place[1])}" if place[1] else "")
        analytic, numeric, doubt = (np.asarray(x).item() for x in found)
        return errors.not_checked(
            f"{what} (order {order})", entry, analytic, numeric, doubt, limit, _blamed(f, leaves, mode, self.rng)
        )


def _worst_entry(measure: Callable, leaves: list, rng: np.random.Generator) -> tuple[tuple[int, tuple], tuple]:
    """The entry of the inputs whose derivative is wrong, by halving: (leaf, index), and what `measure` says of it.

    `measure` gives a directional derivative, its value by differences, and that one's error.
    """
    sizes = [np.size(x) for x in leaves]
    direction = np.concatenate([np.ravel(random_like(x, rng)) for x in leaves] or [np.zeros(0)])
    low, high = 0, len(direction)

    def restricted(start: int, stop: int, unit: Any = None) -> list:
        flat = np.zeros_like(direction)
        flat[start:stop] = direction[start:stop] if unit is None else unit
        parts = np.split(flat, np.cumsum(sizes)[:-1])
        return [
            np.reshape(p if dtype_of(x).kind == "c" else p.real, np.shape(x))[()]
            for p, x in zip(parts, leaves, strict=True)
        ]

    def apart(start: int, stop: int) -> float:
        analytic, numeric, _ = measure(restricted(start, stop))
        return float(np.nan_to_num(abs(analytic - numeric), nan=np.inf))

    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if apart(low, middle) >= apart(middle, high) else (middle, high)
    leaf = int(np.searchsorted(np.cumsum(sizes), low, side="right"))
    index = np.unravel_index(low - int(sum(sizes[:leaf])), np.shape(leaves[leaf]))
    units = (1.0, 1j) if dtype_of(leaves[leaf]).kind == "c" else (1.0,)
    found = [measure(restricted(low, low + 1, unit)) for unit in units]
    return (leaf, tuple(int(i) for i in index)), max(found, key=lambda m: np.nan_to_num(abs(m[0] - m[1]), nan=np.inf))


def _blamed(f: Callable, leaves: list, mode: str, rng: np.random.Generator) -> str:
    """Which edge of the function's graph is wrong, in words."""
    from wengert.blame import described, wrong_edges
    from wengert.view.observing import observed

    watched = observed(f, [Variable(x) for x in leaves], {})
    outputs = [x.node for x in flatten(watched.value)[0] if isinstance(x, Variable)]
    found = wrong_edges(outputs, mode, 1e-5, rng)
    if found.wrong:
        place = watched.place(found.wrong[0].node)
        text = described(found.wrong[0], len(found.wrong))
        where = "" if place is None else f": {place.expression.strip()} ({Path(place.file).name}:{place.line})"
        return f"{text[:-1]}{where}."
    if found.unsettled:
        names = ", ".join(found.unsettled)
        return f"To blame: perhaps none; differences do not settle at {names}, which has a kink or jump near."
    suspects = [f"{', '.join(found.unchecked)}, which cannot be checked alone"] if found.unchecked else []
    for cut in [left.cut for left in watched.left if left.cut.reason != "a comparison"][:1]:
        where = "" if cut.place is None else f" ({cut.place.expression.strip()}, line {cut.place.line})"
        suspects.append(f"{cut.operation}{where}, where a derivative is lost")
    if suspects:
        return f"To blame: no edge that can be checked alone; rather {', or '.join(suspects)}."
    return "To blame: no single edge; each agrees with differences of its own function."


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
    tangents = [random_like(x, rng) for x in args]
    out, structure = flatten(value)
    cotangent = unflatten(structure, [random_like(x, rng) for x in out])
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
