"""A problem of compiled mode: one function, written once, that wengert and JAX compile; and its peers by hand.

A function gets its `Language`: NumPy or jax.numpy, with the transformations of either. Only loops (JAX's scan) and batches
(JAX's vmap) are written twice, each as its users write it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import scipy.special

import wengert


@dataclass(frozen=True)
class Language:
    """What a problem is written in: the array functions, and the module that differentiates."""

    np: Any
    erf: Callable
    derivatives: Any


NUMPY = Language(np, scipy.special.erf, wengert)


def jax_language(jax: Any) -> Language:
    return Language(jax.numpy, jax.scipy.special.erf, jax)


@dataclass(frozen=True)
class Problem:
    """A function of `data()`, and how many times faster than each contestant it is to be."""

    name: str
    build: Callable[[Language], Callable]
    data: Callable[[], tuple]
    targets: dict[str, float] = field(default_factory=dict)
    in_jax: Callable[[Any], Callable] | None = None  # where JAX writes it otherwise; given jax
    others: dict[str, Callable[[dict[str, Any], tuple], Callable | None]] = field(default_factory=dict)
    tolerance: float = 1e-6
    without_jax: str = ""  # why JAX is left out


def random(seed: int = 0) -> np.random.Generator:
    return np.random.default_rng(seed)
