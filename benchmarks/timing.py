"""Medians of interleaved runs: every contestant once per round, so that a drift of the machine meets all of them.

Each round begins with the next contestant, so that none is always the one that finds the caches, or the sleeping threads, of
the same other.
"""

from __future__ import annotations

import gc
import statistics
import time
from collections.abc import Callable


def medians(contestants: dict[str, Callable[[], object]], seconds: float, least: int = 7) -> dict[str, float]:
    """Median seconds of one call of each contestant.

    Each is called to warm up. Then rounds in which every contestant runs for about 3 ms (once, if a call takes longer), until
    `seconds` have passed and at least `least` rounds are done. Each call must have finished its work when it returns: peers
    are synchronised by it.
    """
    calls: dict[str, int] = {}
    for name, run in contestants.items():
        run()
        begin = time.perf_counter()
        run()
        calls[name] = max(1, int(0.003 / (time.perf_counter() - begin)))
    times: dict[str, list[float]] = {name: [] for name in contestants}
    gc.collect()
    start = time.perf_counter()
    rounds = 0
    order = list(contestants.items())
    while rounds < least or time.perf_counter() - start < seconds:
        order.append(order.pop(0))
        for name, run in order:
            begin = time.perf_counter()
            for _ in range(calls[name]):
                run()
            times[name].append((time.perf_counter() - begin) / calls[name])
        rounds += 1
    return {name: statistics.median(values) for name, values in times.items()}
