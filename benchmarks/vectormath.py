"""Speed of the vector functions: nanoseconds per element beside NumPy's loops, both measured in the same run.

python benchmarks/vectormath.py [names]    needs llvmlite; SciPy has erf, erfc and expit
"""

from __future__ import annotations

import inspect
import pathlib
import sys
import time

import numpy as np
from scipy import special

sys.path.insert(0, str(pathlib.Path(__file__).parent.parent / "tests"))

from vectormath_machine import native

from wengert.compiler.codegen.vectormath import FUNCTIONS

SIZE = 10_240
BYTES = 64  # in a vector: the widest in use; where the machine's are narrower, LLVM takes several
RANGES = {"arcsin": (-1, 1), "arccos": (-1, 1), "sinh": (-20, 20), "cosh": (-20, 20), "expm1": (-20, 20)}
DEFAULT = {1: (-4, 4), 2: (0.1, 3)}
POSITIVE = {"log", "log2", "log10", "log1p", "sqrt"}


def fastest(call) -> float:
    """Seconds of the fastest of many runs."""
    best = float("inf")
    for _ in range(40):
        start = time.perf_counter()
        for _ in range(5):
            call()
        best = min(best, (time.perf_counter() - start) / 5)
    return best


def row(name: str, dtype, fma: bool) -> tuple[float, float]:
    """Nanoseconds per element of ours and of NumPy's (SciPy's)."""
    operands = len(inspect.signature(FUNCTIONS[name]).parameters) - 1
    low, high = RANGES.get(name, (0.1, 10) if name in POSITIVE else DEFAULT[operands])
    rng = np.random.default_rng(0)
    arrays = [rng.uniform(low, high, SIZE).astype(dtype) for _ in range(operands)]
    out = np.empty(SIZE, dtype)
    width = BYTES // out.itemsize
    call = native(name, dtype, width, fma, operands).raw
    addresses = [array.ctypes.data for array in (*arrays, out)]
    peer = getattr(np, name, None) or getattr(special, name)
    ours = fastest(lambda: call(*addresses, SIZE // width))
    theirs = fastest(lambda: peer(*arrays, out=out))
    return ours / SIZE * 1e9, theirs / SIZE * 1e9


def main(names: list[str]) -> None:
    print(f"ns per element, {SIZE} elements, one thread; the fastest of many runs; NumPy {np.__version__}")
    heads = [f"{dtype:>9} {'no fma':>7} {'NumPy':>7} {'ratio':>6}" for dtype in ("float64", "float32")]
    print(f"{'':10} {'  '.join(heads)}")
    for name in names or FUNCTIONS:
        cells = []
        for dtype in (np.float64, np.float32):
            ours, theirs = row(name, dtype, fma=True)
            cells.append(f"{ours:9.3f} {row(name, dtype, fma=False)[0]:7.3f} {theirs:7.3f} {theirs / ours:6.1f}")
        print(f"{name:10} {'  '.join(cells)}", flush=True)


if __name__ == "__main__":
    main(sys.argv[1:])
