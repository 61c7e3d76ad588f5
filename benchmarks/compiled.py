"""The table of compiled mode: how many times faster than each contestant, and how long each takes to compile."""

from __future__ import annotations

import gc
import statistics
import time
import traceback
from collections.abc import Callable
from typing import Any

import numpy as np

import wengert
from benchmarks import entrywise, models, recursions
from benchmarks.languages import NUMPY, Problem, jax_language
from benchmarks.timing import medians

PROBLEMS = [
    entrywise.CALL,
    *(entrywise.rosenbrock(n) for n in (4, 10)),
    models.REGRESSION,
    *(entrywise.logistic(n, target) for n, target in ((10**3, 10), (10**5, 1.5), (10**7, 2))),
    *(entrywise.greeks(n) for n in (10**5, 10**7)),
    entrywise.REPROJECTION,
    *(models.mixture(d, k) for d in (2, 10, 64) for k in (5, 25, 100)),
    *(models.k_means(k) for k in (10, 100, 1000)),
    *(models.log_sum_exp(n) for n in (10**4, 10**6)),
    *(models.least_squares(n) for n in (16, 16_392)),
    models.NETWORK,
    *(recursions.determinant(n) for n in (5, 6, 7)),
    recursions.determinant(8, "jax.jit compiles it for many minutes"),
    recursions.LSTM,
    recursions.SAME_LSTM,
    *(recursions.runge_kutta(n) for n in (10**3, 10**5)),
]

STRAIGHT_LINES = {3_800: 0.15, 38_000: 1.0}  # scalar operations -> seconds to compile in
TIE = 0.05  # a ratio within this of its target counts as a tie with it


def table(peers: dict[str, Any], only: str, seconds: float) -> None:
    print("Compiled mode: median time of the contestant / wengert.compile, above 1 wengert is faster.")
    print(
        "'compiling' is the first call, which traces or lowers, compiles and runs: the median of up to five, within 3 s.\n"
    )
    head = f"{'problem':34} {'contestant':14} {'ours':>9} {'theirs':>9} {'ratio':>7}   target"
    print(head)
    _warm(peers)
    for problem in PROBLEMS:
        if only in problem.name:
            _rows(problem, peers, seconds)
    for operations, target in STRAIGHT_LINES.items():
        name = f"{operations:,} scalar operations"
        if only in name:
            _straight_line(name, operations, target)


def _warm(peers: dict[str, Any]) -> None:
    """What a process loads once is no one's compile time."""
    wengert.compile(wengert.grad(lambda x: np.sum(np.sin(x) @ x)))(np.ones(4))
    if "jax" in peers:
        jax = peers["jax"]
        jax.block_until_ready(jax.jit(jax.grad(lambda x: jax.numpy.sin(x) @ x))(jax.numpy.ones(4)))


def _rows(problem: Problem, peers: dict[str, Any], seconds: float) -> None:
    args = problem.data()
    contestants: dict[str, Callable] = {}
    try:
        compiling, ours, reference = _first_calls(lambda: wengert.compile(problem.build(NUMPY)), args)
        ours(*args)
    except Exception as error:
        print(f"{problem.name:34} wengert failed: {type(error).__name__}: {str(error)[:150]}", flush=True)
        traceback.print_exc()
        return
    contestants["wengert"] = lambda: ours(*args)
    their_compiling = None
    if "jax" in peers and not problem.without_jax:
        jax = peers["jax"]
        on_jax = jax.tree.map(lambda leaf: jax.numpy.asarray(leaf) if isinstance(leaf, np.ndarray) else leaf, args)

        def made_by_jax() -> Callable:
            theirs = jax.jit(problem.in_jax(jax) if problem.in_jax else problem.build(jax_language(jax)))
            return lambda *given: jax.block_until_ready(theirs(*given))

        their_compiling, theirs, _ = _first_calls(made_by_jax, on_jax)
        contestants["jax.jit"] = lambda: theirs(*on_jax)
    for name, maker in problem.others.items():
        if (contestant := maker(peers, args)) is not None:
            contestants[name] = contestant
    for name, run in contestants.items():
        _agree(problem, name, run(), reference)
    times = medians(contestants, seconds)
    mine = times.pop("wengert")
    for name, theirs_time in times.items():
        _row(problem.name, name, mine, theirs_time, problem.targets.get(name))
    if not times:
        print(f"{problem.name:34} {'-':14} {_time(mine):>9}   {problem.without_jax}", flush=True)
    _row(problem.name, "compiling", compiling, their_compiling, 1.0 if problem.targets else None)
    for name, count in ours.report().eager.items():
        print(f"    run eagerly {count} times: {name}")


def _first_calls(make: Callable, args: Any, budget: float = 3.0) -> tuple[float, Callable, Any]:
    """The median time of the first call of functions made anew, up to five of them; the last one, and its result."""
    times: list[float] = []
    while len(times) < 5 and (not times or sum(times) + max(times) < budget):
        made = make()
        gc.collect()
        begin = time.perf_counter()
        result = made(*args)
        times.append(time.perf_counter() - begin)
    return statistics.median(times), made, result


def _agree(problem: Problem, name: str, found: Any, reference: Any) -> None:
    """A benchmark of a wrong answer is worth nothing."""
    for mine, theirs in zip(_leaves(reference), _leaves(found), strict=True):
        scale = np.max(np.abs(mine), initial=1e-300)
        if not np.allclose(theirs.reshape(mine.shape), mine, rtol=problem.tolerance, atol=problem.tolerance * scale):
            raise AssertionError(f"{problem.name}: {name} and wengert disagree")


def _leaves(tree: Any) -> list[np.ndarray]:
    """A result's arrays, a dict's in the order of its keys: JAX sorts them, wengert keeps theirs."""
    if isinstance(tree, dict):
        return [leaf for key in sorted(tree) for leaf in _leaves(tree[key])]
    if isinstance(tree, (tuple, list)):
        return [leaf for part in tree for leaf in _leaves(part)]
    return [np.asarray(tree)]


def _row(problem: str, contestant: str, ours: float, theirs: float | None, target: float | None) -> None:
    text = f"{problem:34} {contestant:14} {_time(ours):>9} "
    if theirs is not None:
        ratio = theirs / ours
        text += f"{_time(theirs):>9} {ratio:7.2f}   {_verdict(ratio, target)}"
    print(text, flush=True)


def _verdict(ratio: float, target: float | None) -> str:
    if target is None:
        return ""
    tie = " (tie)" if abs(ratio / target - 1) <= TIE else ""
    return f">= {target:g} {'reached' if ratio >= target else 'MISSED'}{tie}"


def _time(seconds: float) -> str:
    for unit, scale in (("s", 1.0), ("ms", 1e-3), ("µs", 1e-6)):
        if seconds >= scale:
            return f"{seconds / scale:.3g} {unit}"
    return f"{seconds / 1e-9:.3g} ns"


def _straight_line(name: str, operations: int, target: float) -> None:
    f = recursions.straight_line(operations)
    compiling, _, found = _first_calls(lambda: wengert.compile(f), (0.999,))
    if not np.isclose(found, f(0.999), rtol=1e-9):
        raise AssertionError(f"{name}: compiled and eager disagree")
    print(
        f"{name:34} {'compiling':14} {_time(compiling):>9}   <= {target:g} s "
        f"{'reached' if compiling <= target else 'MISSED'}",
        flush=True,
    )
