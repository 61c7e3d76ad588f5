"""Finite differences, random directions and inner products: what derivatives are compared with."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from wengert.core.trees import flatten
from wengert.core.variable import dtype_of


def random_like(value: Any, rng: np.random.Generator) -> Any:
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


def central(f: Callable, points: list, direction: list) -> tuple[list, list]:
    """The directional derivative of `f` by central differences with two Richardson steps: an error of order step⁶.

    Returns
    -------
    (derivative, estimate of its error)
        Lists of arrays, one for each leaf of what `f` returns. The estimate is what the last step changed.
    """
    step = 1e-3

    def shifted(h: float) -> list:
        with np.errstate(all="ignore"):
            moved = f(*(np.asarray(x) + h * np.asarray(d) for x, d in zip(points, direction, strict=True)))
        return [np.asarray(leaf) for leaf in flatten(moved)[0]]

    def difference(h: float) -> list:
        return [(a - b) / (2 * h) for a, b in zip(shifted(h), shifted(-h), strict=True)]

    coarse, middle, fine = difference(step), difference(step / 2), difference(step / 4)
    once = [[(4 * b - a) / 3 for a, b in zip(x, y, strict=True)] for x, y in ((coarse, middle), (middle, fine))]
    twice = [(16 * b - a) / 15 for a, b in zip(*once, strict=True)]
    return twice, [np.abs(a - b) for a, b in zip(twice, once[1], strict=True)]
