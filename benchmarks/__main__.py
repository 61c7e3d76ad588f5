"""Run the problems and print the table."""

from __future__ import annotations

import argparse
import os
import sys

for _name in ("OPENBLAS_CORETYPE", "OPENBLAS_L2_SIZE"):  # exported, they slow NumPy's BLAS and with it every ratio
    if _name in os.environ:
        del os.environ[_name]
        os.environ["_WENGERT_BENCH_CLEAN"] = "1"
if os.environ.pop("_WENGERT_BENCH_CLEAN", None):
    os.execv(sys.executable, [sys.executable, "-m", "benchmarks", *sys.argv[1:]])

os.environ["WENGERT_CACHE"] = "off"  # times to compile are of compiling, not of reading what an earlier run compiled

sys.setrecursionlimit(100_000)  # micrograd sorts its graph by recursion

from benchmarks import report  # noqa: E402

parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
parser.add_argument("--seconds", type=float, default=4.0, help="time for each problem (default 4)")
parser.add_argument("--only", default="", help="only the problems whose name contains this")
parser.add_argument("--compiled", action="store_true", help="only the table of compiled mode")
report.run(parser.parse_args())
