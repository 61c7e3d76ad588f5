"""A two-layer network in plain NumPy, trained on scikit-learn's 1,797 scanned digits by mini-batches.

The parameters are a dict and the gradient is a dict with the same keys: `value_and_grad` is all that is asked of the
library, and `compile` to run it as native code. A third of the images is held out and never trained on.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass

import numpy as np

from wengert import compile, value_and_grad
from wengert.core import errors

SEED = 0
EPOCHS = 60
BATCH = 32
HIDDEN = 64
LEARNING_RATE = 0.4
TARGET = 0.96  # of the held-out third

Parameters = dict[str, np.ndarray]


@dataclass
class Digits:
    """The images as rows of 64 grey levels in [0, 1], with their labels, split in two."""

    train_images: np.ndarray
    train_labels: np.ndarray
    test_images: np.ndarray
    test_labels: np.ndarray


@dataclass
class Training:
    """What a training run leaves behind, each curve with one entry per epoch."""

    parameters: Parameters
    train_losses: np.ndarray
    test_losses: np.ndarray
    accuracies: np.ndarray  # on the held-out third


def data(seed: int = SEED) -> Digits:
    """The digits, shuffled, with a third held out."""
    try:
        from sklearn.datasets import load_digits
    except ImportError:
        raise errors.missing_extra("scikit-learn", "demo", "The digits") from None
    images, labels = load_digits(return_X_y=True)
    order = np.random.default_rng(seed).permutation(len(images))
    held_out, rest = np.split(order, [len(order) // 3])
    return Digits(images[rest] / 16, labels[rest], images[held_out] / 16, labels[held_out])


def initial_parameters(seed: int = SEED, hidden: int = HIDDEN) -> Parameters:
    """Random weights of a size that keeps the signal's (He et al. 2015, eq. 10), and biases of zero."""
    random = np.random.default_rng(seed)
    return {
        "W1": random.normal(size=(64, hidden)) * np.sqrt(2 / 64),
        "b1": np.zeros(hidden),
        "W2": random.normal(size=(hidden, 10)) * np.sqrt(2 / hidden),
        "b2": np.zeros(10),
    }


def scores(p: Parameters, images: np.ndarray) -> np.ndarray:
    """Ten scores for each image; the largest is the network's answer."""
    hidden = np.maximum(images @ p["W1"] + p["b1"], 0)
    return hidden @ p["W2"] + p["b2"]


def cross_entropy(p: Parameters, images: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """The mean of -log(probability of the right digit) under a softmax of the scores."""
    s = scores(p, images)
    s = s - np.max(s, axis=1, keepdims=True)
    right = s[np.arange(len(labels)), labels]
    return np.mean(np.log(np.sum(np.exp(s), axis=1)) - right)


def predictions(p: Parameters, images: np.ndarray) -> np.ndarray:
    """The digit that the network sees in each image."""
    return np.argmax(scores(p, images), axis=1)


def train(
    digits: Digits,
    epochs: int = EPOCHS,
    seed: int = SEED,
    progress: Callable[[Iterable[int]], Iterable[int]] = iter,
) -> Training:
    """Stochastic gradient descent on mini-batches, the rate falling to zero along half a cosine."""
    random = np.random.default_rng(seed)
    p = initial_parameters(seed)
    loss_and_gradient = compile(value_and_grad(cross_entropy))
    count = len(digits.train_images)
    train_losses, test_losses, accuracies = [], [], []
    for epoch in progress(range(epochs)):
        rate = LEARNING_RATE * (1 + np.cos(np.pi * epoch / epochs)) / 2
        losses = []
        for batch in np.array_split(random.permutation(count), count // BATCH):
            loss, gradient = loss_and_gradient(p, digits.train_images[batch], digits.train_labels[batch])
            p = {name: value - rate * gradient[name] for name, value in p.items()}
            losses.append(loss)
        train_losses.append(np.mean(losses))
        test_losses.append(cross_entropy(p, digits.test_images, digits.test_labels))
        accuracies.append(np.mean(predictions(p, digits.test_images) == digits.test_labels))
    return Training(p, np.array(train_losses), np.array(test_losses), np.array(accuracies))


def step_times(digits: Digits, steps: int = 200) -> tuple[float, float]:
    """Seconds that one loss and gradient takes, run as plain Python and compiled: the shortest of many."""
    p, images, labels = initial_parameters(), digits.train_images[:BATCH], digits.train_labels[:BATCH]
    eager = value_and_grad(cross_entropy)
    compiled = compile(eager)
    return _shortest(eager, (p, images, labels), steps), _shortest(compiled, (p, images, labels), steps)


def _shortest(function: Callable, arguments: tuple, steps: int) -> float:
    function(*arguments)
    times = []
    for _ in range(steps):
        started = time.perf_counter()
        function(*arguments)
        times.append(time.perf_counter() - started)
    return min(times)
