"""`check_grads`: a function's derivatives against finite differences, and what to blame where they disagree."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from wengert.core import errors
from wengert.core.derivatives import jvp, vjp
from wengert.core.trees import flatten, unflatten
from wengert.core.variable import Variable, as_differentiable, dtype_of
from wengert.testing.differences import central, inner, random_like

# Relative and absolute tolerance of a comparison with finite differences, for each real precision. The step is chosen
# for float64, in which the differences of every dtype are computed.
TOLERANCE = {np.dtype(np.float64): 2e-6, np.dtype(np.float32): 2e-3, np.dtype(np.float16): 5e-2}


def real_dtype(value: Any) -> np.dtype:
    return np.empty(0, dtype_of(value)).real.dtype


def _tolerance(leaves: Sequence, given: float | None) -> float:
    if given is not None:
        return given
    return max([TOLERANCE.get(real_dtype(x), 2e-6) for x in leaves], default=2e-6)


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
            limit = tolerance * scale_of(pulled, cotangent)
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
    from wengert.testing.blame import described, wrong_edges
    from wengert.view.debugging.observing import observed

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


def scale_of(*trees: Any) -> float:
    entries = [np.asarray(leaf) for tree in trees for leaf in flatten(tree)[0]]
    return max([1.0, *(float(np.sum(np.abs(e[np.isfinite(e)]))) for e in entries if e.size)])
