"""The problems of compiled mode that fit models to data: products of matrices, and reductions."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from benchmarks.languages import Language, Problem, random

# -- linear regression ------------------------------------------------------------------------------------------------


def _regression(language: Language) -> Callable:
    def loss(W: Any, b: Any, X: Any, y: Any) -> Any:
        return ((X @ W + b - y) ** 2).mean()

    return language.derivatives.value_and_grad(loss, argnums=(0, 1))


def _regression_data() -> tuple:
    rng = random()
    return rng.uniform(size=(50, 1)), np.asarray(0.5), rng.uniform(size=(100, 50)), rng.uniform(size=(100, 1))


def _regression_numba(peers: dict[str, Any], args: tuple) -> Callable | None:
    if "numba" not in peers:
        return None
    W, b, X, y = args

    @peers["numba"].njit
    def both(W: np.ndarray, b: float, X: np.ndarray, y: np.ndarray) -> tuple:
        error = X @ W + b - y
        cotangent = error * (2 / error.size)
        return np.sum(error * error) / error.size, (X.T @ cotangent, np.sum(cotangent))

    return lambda: both(W, float(b), X, y)


REGRESSION = Problem(
    "linear regression 100x50",
    _regression,
    _regression_data,
    {"jax.jit": 20, "numba by hand": 2},
    others={"numba by hand": _regression_numba},
)


# -- Gaussian mixture -------------------------------------------------------------------------------------------------


def _mixture(language: Language) -> Callable:
    """GradBench's gmm: the log posterior of alphas, means and the inverse covariance factors."""
    xp = language.np

    def logsumexp(x: Any, axis: int) -> Any:
        top = xp.max(x, axis=axis, keepdims=True)
        return xp.log(xp.sum(xp.exp(x - top), axis=axis)) + xp.squeeze(top, axis=axis)

    def log_posterior(alphas: Any, means: Any, icf: Any, x: Any, index: Any, gamma: float, m: float) -> Any:
        n, d = x.shape
        k = alphas.shape[0]
        logs = icf[:, :d]
        diagonal = xp.exp(logs)
        padded = xp.concatenate([xp.zeros((k, 1)), icf[:, d:]], axis=1)
        lower = padded[:, index]  # (k, d, d): below the diagonal its entry of icf, elsewhere zero
        centred = x[:, None, :] - means
        scaled = diagonal * centred + xp.einsum("kij,nkj->nki", lower, centred)
        inner = alphas + xp.sum(logs, axis=1) - 0.5 * xp.sum(scaled**2, axis=2)
        likelihood = xp.sum(logsumexp(inner, 1)) - n * logsumexp(alphas, 0)
        wishart = 0.5 * gamma**2 * (xp.sum(diagonal**2) + xp.sum(icf[:, d:] ** 2)) - m * xp.sum(logs)
        return likelihood - wishart

    return language.derivatives.value_and_grad(log_posterior, argnums=(0, 1, 2))


def _mixture_data(d: int, k: int, n: int = 1000) -> tuple:
    rng = random()
    index = np.zeros((d, d), int)
    rows, columns = np.tril_indices(d, -1)
    index[rows, columns] = np.arange(1, rows.size + 1)
    icf = np.concatenate([rng.normal(size=(k, d)) * 0.3, rng.normal(size=(k, rows.size)) * 0.2], axis=1)
    return rng.normal(size=k), rng.normal(size=(k, d)), icf, rng.normal(size=(n, d)), index, 1.0, 0.0


def mixture(d: int, k: int) -> Problem:
    return Problem(f"GMM gradient d={d} k={k}", _mixture, lambda: _mixture_data(d, k), {"jax.jit": 1.3})


# -- k-means ----------------------------------------------------------------------------------------------------------


def _k_means(language: Language) -> Callable:
    xp, d = language.np, language.derivatives

    def cost(centroids: Any, points: Any) -> Any:
        squares = xp.sum((points[:, None, :] - centroids) ** 2, axis=-1)
        return xp.sum(xp.min(squares, axis=1))

    def both(centroids: Any, points: Any) -> Any:
        """The gradient and the diagonal of the Hessian, which is a diagonal: its product with ones."""
        return d.jvp(lambda c: d.grad(cost)(c, points), (centroids,), (xp.ones(centroids.shape),))

    return both


def k_means(k: int, n: int = 10**4, d: int = 2) -> Problem:
    return Problem(
        f"k-means gradient, Hessian k={k}",
        _k_means,
        lambda: (random(1).normal(size=(k, d)), random().normal(size=(n, d))),
        {"jax.jit": 1.5},
    )


# -- log-sum-exp, polynomial least squares ----------------------------------------------------------------------------


def _log_sum_exp(language: Language) -> Callable:
    xp = language.np

    def f(x: Any) -> Any:
        top = xp.max(x)
        return xp.log(xp.sum(xp.exp(x - top))) + top

    return language.derivatives.grad(f)


def log_sum_exp(n: int) -> Problem:
    return Problem(
        f"log-sum-exp gradient n={n:.0e}", _log_sum_exp, lambda: (random().normal(size=n),), {"jax.jit": 1.2}
    )


def _least_squares(language: Language) -> Callable:
    xp = language.np

    def f(x: Any, t: Any) -> Any:
        powers = t[:, None] ** xp.arange(x.shape[0])
        return 0.5 * xp.sum((xp.sign(t) - powers @ x) ** 2)

    return language.derivatives.grad(f)


def least_squares(n: int, m: int = 128) -> Problem:
    return Problem(
        f"least squares m={m} n={n}",
        _least_squares,
        lambda: (random().normal(size=n), np.linspace(-1, 1, m)),
        {"jax.jit": 1.2},
    )


# -- network ----------------------------------------------------------------------------------------------------------


def _network(language: Language) -> Callable:
    xp = language.np

    def loss(params: Any, X: Any, Y: Any) -> Any:
        hidden = xp.maximum(X @ params["W1"] + params["b1"], 0)
        logits = hidden @ params["W2"] + params["b2"]
        logits = logits - xp.max(logits, axis=1, keepdims=True)
        return xp.mean(xp.log(xp.sum(xp.exp(logits), axis=1)) - xp.sum(logits * Y, axis=1))

    return language.derivatives.value_and_grad(loss)


def _network_by_hand(peers: dict[str, Any], args: tuple) -> Callable:
    params, X, Y = args

    def both() -> tuple:
        hidden = np.maximum(X @ params["W1"] + params["b1"], 0)
        logits = hidden @ params["W2"] + params["b2"]
        logits -= logits.max(axis=1, keepdims=True)
        e = np.exp(logits)
        sums = e.sum(axis=1, keepdims=True)
        value = np.mean(np.log(sums[:, 0]) - np.sum(logits * Y, axis=1))
        error = (e / sums - Y) / np.float32(len(X))
        back = (error @ params["W2"].T) * (hidden > 0)
        return value, {"W1": X.T @ back, "W2": hidden.T @ error, "b1": back.sum(axis=0), "b2": error.sum(axis=0)}

    return both


def _network_data() -> tuple:
    rng = random()
    params = {
        "W1": rng.normal(size=(784, 256)) / 28, "W2": rng.normal(size=(256, 10)) / 16,
        "b1": np.zeros(256), "b2": np.zeros(10),
    }  # fmt: skip
    X, Y = rng.uniform(size=(128, 784)), np.eye(10)[rng.integers(0, 10, 128)]
    return {name: p.astype(np.float32) for name, p in params.items()}, X.astype(np.float32), Y.astype(np.float32)


NETWORK = Problem(
    "MLP 784-256-10, batch 128, float32",
    _network,
    _network_data,
    {"jax.jit": 1.3, "NumPy by hand": 1.1},
    others={"NumPy by hand": _network_by_hand},
    tolerance=1e-4,
)
