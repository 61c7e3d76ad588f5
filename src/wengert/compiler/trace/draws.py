"""Random numbers: a generator in a traced run, whose draws are made anew at each call.

A draw from a generator that the function is given, or reads from outside, becomes a call of the program, in its order among the
draws. What NumPy's and Python's global functions draw can not be seen in time, only noticed, and is an error.
"""

from __future__ import annotations

import dis
import itertools
import types
from collections.abc import Callable
from typing import Any

import numpy as np

from wengert.compiler.programs.program import Given
from wengert.compiler.trace.operations.calling import call_back
from wengert.compiler.trace.tracing import Trace

SEEDED_BY_THE_SYSTEM = {
    "default_rng",
    "RandomState",
    "SeedSequence",
    "PCG64",
    "PCG64DXSM",
    "MT19937",
    "Philox",
    "SFC64",
}


class Draws:
    """Stands for a generator in a traced run."""

    def __init__(self, trace: Trace, generator: np.random.Generator, given: Given | None):
        self._trace, self._generator, self._given = trace, generator, given

    def __getattr__(self, name: str) -> Any:
        found = getattr(self._generator, name)
        if not callable(found):
            raise self._trace.give_up(f"generator.{name}")
        if name in ("shuffle", "spawn") or name.startswith("_"):
            raise self._trace.give_up(f"generator.{name}(...)")
        trace, generator, given = self._trace, self._generator, self._given

        def draw(*args: Any, **kwargs: Any) -> Any:
            if kwargs.get("out") is not None:
                raise trace.give_up(f"generator.{name}(out=...)")
            return call_back(trace, _drawing(name), (given or generator, *args), kwargs, f"generator.{name}", generator)

        return draw


def _drawing(name: str) -> Callable:
    def draw(generator: np.random.Generator, *args: Any, **kwargs: Any) -> Any:
        return getattr(generator, name)(*args, **kwargs)

    draw.__name__ = f"generator.{name}"
    return draw


def seeds_itself(code: types.CodeType) -> bool:
    """Does this code make a generator without a seed, as by default_rng()?"""
    steps = [step for step in dis.get_instructions(code) if step.opname not in ("CACHE", "PRECALL", "PUSH_NULL")]
    for step, following in itertools.pairwise(steps):
        if step.argval in SEEDED_BY_THE_SYSTEM and following.opname.startswith("CALL") and following.arg == 0:
            return True
    return any(seeds_itself(constant) for constant in code.co_consts if isinstance(constant, types.CodeType))
