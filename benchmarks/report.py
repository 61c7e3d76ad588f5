"""The table: for each problem the ratio of wengert's median to each contestant's, beside the target."""

from __future__ import annotations

import argparse
import gc
import os
import platform
import resource
import statistics
import subprocess
import sys
import threading
import time
import tracemalloc
from typing import Any

import numpy as np

import wengert
from benchmarks import compiled, layouts, problems
from benchmarks import peers as installed
from benchmarks.timing import medians

# name -> (problem, {contestant: the ratio to stay under})
TABLE = {
    "scalar chain, 2,000 operations": (problems.scalar_chain, {"micrograd": 0.6, "torch": 0.2}),
    "arrays of 10, 2,000 operations": (problems.array_chain, {"torch": 0.35, "autograd": 0.15}),
    "regression 100x50": (problems.regression, {"autograd": 0.35, "torch": 0.6, "NumPy by hand": 3.0}),
    "sum(log1p(exp(-y z))), n = 1e6": (problems.logistic, {"NumPy by hand": 1.15}),
    "Hessian, 200 variables": (problems.hessian, {"autograd": 1 / 20}),
}


def run(options: argparse.Namespace) -> None:
    peers = installed.load()
    print(f"{platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}")
    print(installed.versions(peers))
    if absent := installed.missing(peers):
        print(f"not installed, left out: {', '.join(absent)}")
    # The peers' modules are hundreds of thousands of objects that Python's collector would visit again and again.
    gc.collect()
    gc.freeze()
    if not options.compiled:
        _eager(peers, options)
    print()
    compiled.table(peers, options.only, options.seconds)


def _eager(peers: dict[str, Any], options: argparse.Namespace) -> None:
    print("\nRatios of median times, wengert / contestant: below 1 wengert is faster.\n")
    print(f"{'problem':34} {'wengert':>10}   contestant         ratio    target")
    for name, (problem, targets) in TABLE.items():
        if options.only in name:
            _ratios(name, problem(peers), targets, options.seconds)
    for name, check in {"gradient / function": _costs, "memory": _memory, "steps": _steps, "threads": _threads}.items():
        if options.only in name:
            print()
            check(options.seconds)
    if options.only in "layouts":
        print()
        layouts.report()
    if options.only in "import":
        print()
        _import_time()


def _ratios(name: str, contestants: problems.Contestants, targets: dict[str, float], seconds: float) -> None:
    _agree(name, contestants)
    times = medians(contestants, seconds)
    ours = times.pop("wengert")
    for i, (peer, theirs) in enumerate(times.items()):
        head = f"{name:34} {_time(ours):>10}" if i == 0 else " " * 45
        print(f"{head}   {peer:16} {ours / theirs:8.3f}  {_target(ours / theirs, targets.get(peer))}", flush=True)


def _agree(name: str, contestants: problems.Contestants) -> None:
    """A benchmark of a wrong answer is worth nothing."""
    reference = _flat(contestants["wengert"]())
    for peer, run_peer in contestants.items():
        if not np.allclose(_flat(run_peer()), reference, rtol=1e-6):
            raise AssertionError(f"{name}: {peer} and wengert disagree")


def _flat(value: Any) -> np.ndarray:
    if isinstance(value, (tuple, list)):
        return np.concatenate([_flat(part) for part in value])
    return np.asarray(value, float).reshape(-1)


def _time(seconds: float) -> str:
    for unit, scale in (("s", 1.0), ("ms", 1e-3), ("µs", 1e-6)):
        if seconds >= scale:
            return f"{seconds / scale:.3g} {unit}"
    return f"{seconds / 1e-9:.3g} ns"


def _target(ratio: float, target: float | None) -> str:
    return "" if target is None else f"<= {target:.3g} {'reached' if ratio <= target else 'MISSED'}"


def _costs(seconds: float) -> None:
    print("Time of value and gradient / time of the function, n = 1e6 (target <= 4)")
    x = np.random.default_rng(0).normal(size=10**6)
    for name, f in problems.COSTS.items():
        both = wengert.value_and_grad(f)
        times = medians({"both": lambda both=both: both(x), "function": lambda f=f: f(x)}, seconds / 4)
        ratio = times["both"] / times["function"]
        print(f"  {name:28} {ratio:6.2f}  {'reached' if ratio <= 4 else 'MISSED'}")


def _peak(run_once: Any) -> int:
    run_once()
    gc.collect()
    tracemalloc.start()
    run_once()
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    return peak


def _memory(seconds: float) -> None:
    n = 10**6
    y, z = problems._logistic_data(n)
    both = wengert.value_and_grad(lambda z: np.sum(np.log1p(np.exp(-y * z))))
    ours, by_hand = _peak(lambda: both(z)), _peak(lambda: problems.logistic_by_hand(y, z))
    # The forward computation makes -y, -y z, exp and log1p; the gradient is one array more.
    needed = 5 * 8 * n
    print("Peak memory of sum(log1p(exp(-y z))) and its gradient, n = 1e6")
    print(
        f"  {ours / 1e6:.0f} MB; / the four forward arrays and the gradient ({needed / 1e6:.0f} MB) = {ours / needed:.2f}",
        end="",
    )
    print(f" (target <= 1.3 {'reached' if ours <= 1.3 * needed else 'MISSED'}); / NumPy by hand = {ours / by_hand:.2f}")


def _steps(seconds: float) -> None:
    rng = np.random.default_rng(0)
    X, y = rng.normal(size=(8, 3)), rng.normal(size=8)
    gradient = wengert.grad(lambda w: np.mean((np.tanh(X @ w) - y) ** 2))

    def train(w: np.ndarray, steps: int) -> np.ndarray:
        for _ in range(steps):
            w = w - 0.1 * gradient(w)
        return w

    w = train(np.zeros(3), 1000)
    gc.collect()
    objects, memory = len(gc.get_objects()), resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    train(w, 100_000)
    gc.collect()
    grown = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - memory
    print(f"100,000 training steps: {len(gc.get_objects()) - objects:+d} objects, peak memory {grown:+d} kB")


def _threads(seconds: float) -> None:
    rng = np.random.default_rng(0)
    inputs = [rng.normal(size=50) for _ in range(8)]
    gradient = wengert.grad(lambda x: np.sum(np.sin(x) * np.exp(np.cos(x[::-1]))))
    alone = [gradient(x) for x in inputs]
    wrong = []

    def work(x: np.ndarray, expected: np.ndarray) -> None:
        for _ in range(300):
            if not np.array_equal(gradient(x), expected):
                wrong.append(x)

    threads = [threading.Thread(target=work, args=pair) for pair in zip(inputs, alone, strict=True)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    print(f"8 threads x 300 gradients at once: {len(wrong)} differ from one thread's")


def _import_time(runs: int = 15) -> None:
    # Installed packages are compiled once: without the permission to do so, each run would compile ours again.
    environment = {key: value for key, value in os.environ.items() if key != "PYTHONDONTWRITEBYTECODE"}

    def once(module: str) -> float:
        begin = time.perf_counter()
        subprocess.run([sys.executable, "-c", f"import {module}"], check=True, env=environment)
        return time.perf_counter() - begin

    once("numpy"), once("wengert")
    pairs = [(once("wengert"), once("numpy")) for _ in range(runs)]
    ratio = statistics.median(a for a, _ in pairs) / statistics.median(b for _, b in pairs)
    print(f"import wengert / import numpy: {ratio:.2f} (target <= 1.3 {'reached' if ratio <= 1.3 else 'MISSED'})")
