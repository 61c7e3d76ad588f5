"""The seed's training run: one linear layer of 51 parameters, mean squared error, plain gradient descent.

It is written with the seed's own words, `Variable` and `gradients`; the digits network uses `value_and_grad`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

import numpy as np

from wengert import Variable, gradients

SEED = 0
STEPS = 10_000
LEARNING_RATE = 0.07  # descent diverges beyond 2 / (the largest curvature, 27.1) = 0.0737


@dataclass
class Regression:
    """What a training run leaves behind."""

    weights: np.ndarray
    bias: np.ndarray
    losses: np.ndarray  # before each step, and after the last
    least_squares: float  # the smallest loss that any weights and bias reach, by a closed form


def data(seed: int = SEED) -> tuple[np.ndarray, np.ndarray]:
    """X of 100 × 50 and y of 100 × 1, drawn from Unif(0, 1): noise, so the fit is all there is to see."""
    random = np.random.default_rng(seed)
    return random.uniform(size=(100, 50)), random.uniform(size=(100, 1))


def train(
    X: np.ndarray,
    y: np.ndarray,
    steps: int = STEPS,
    learning_rate: float = LEARNING_RATE,
    progress: Callable[[Iterable[int]], Iterable[int]] = iter,
) -> Regression:
    """Fit `X @ W + b` to `y` by plain gradient descent from zero."""
    weights, bias = np.zeros((X.shape[1], 1)), np.zeros(1)
    losses = []
    for _ in progress(range(steps)):
        W, b = Variable(weights), Variable(bias)
        loss = np.mean((X @ W + b - y) ** 2)
        grads = gradients(loss)
        weights = weights - learning_rate * grads[W]
        bias = bias - learning_rate * grads[b]
        losses.append(loss.val)
    losses.append(np.mean((X @ weights + bias - y) ** 2))
    return Regression(weights, bias, np.array(losses), least_squares(X, y))


def least_squares(X: np.ndarray, y: np.ndarray) -> float:
    """The loss at the exact minimum, which gradient descent can only approach."""
    design = np.hstack([X, np.ones((len(X), 1))])
    best = np.linalg.lstsq(design, y)[0]
    return float(np.mean((design @ best - y) ** 2))
