"""The problems: for each the same computation by every contestant, checked for agreement before it is timed."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

import wengert

Contestants = dict[str, Callable[[], Any]]


def _scalar_chain(x: Any, operations: int = 2000) -> Any:
    y = x
    for _ in range(operations // 2):
        y = y * x + 0.001
    return y


def scalar_chain(peers: dict[str, Any]) -> Contestants:
    """2,000 scalar operations, forward and gradient."""
    x0 = 0.999

    def ours() -> float:
        x = wengert.Variable(x0)
        return wengert.gradients(_scalar_chain(x))[x]

    contestants: Contestants = {"wengert": ours}
    if "micrograd" in peers:
        from micrograd.engine import Value

        def with_micrograd() -> float:
            x = Value(x0)
            _scalar_chain(x).backward()
            return x.grad

        contestants["micrograd"] = with_micrograd
    if "torch" in peers:
        torch = peers["torch"]

        def with_torch() -> float:
            x = torch.tensor(x0, requires_grad=True)
            _scalar_chain(x).backward()
            return float(x.grad)

        contestants["torch"] = with_torch
    if "autograd" in peers:
        gradient = peers["autograd"].grad(_scalar_chain)
        contestants["autograd"] = lambda: gradient(x0)
    return contestants


def array_chain(peers: dict[str, Any]) -> Contestants:
    """The same with arrays of 10."""
    x0 = np.linspace(0.9, 0.999, 10)
    total = wengert.grad(lambda x: np.sum(_scalar_chain(x)))
    contestants: Contestants = {"wengert": lambda: total(x0)}
    if "torch" in peers:
        torch = peers["torch"]

        def with_torch() -> Any:
            x = torch.tensor(x0, requires_grad=True)
            _scalar_chain(x).sum().backward()
            return x.grad.numpy()

        contestants["torch"] = with_torch
    if "autograd" in peers:
        import autograd.numpy as anp

        gradient = peers["autograd"].grad(lambda x: anp.sum(_scalar_chain(x)))
        contestants["autograd"] = lambda: gradient(x0)
    if "jax" in peers:
        jax = peers["jax"]
        compiled = jax.jit(jax.grad(lambda x: _scalar_chain(x).sum()))
        on_jax = jax.numpy.asarray(x0)
        contestants["jax.jit"] = lambda: np.asarray(compiled(on_jax).block_until_ready())
    return contestants


def regression(peers: dict[str, Any]) -> Contestants:
    """The seed's regression, 100 x 50: value and gradient of the mean squared error of X @ W + b."""
    rng = np.random.default_rng(0)
    X, y, W, b = rng.uniform(size=(100, 50)), rng.uniform(size=(100, 1)), rng.uniform(size=(50, 1)), 0.5

    def loss(W: Any, b: Any) -> Any:
        return ((X @ W + b - y) ** 2).mean()

    ours = wengert.value_and_grad(loss, argnums=(0, 1))

    def by_hand() -> Any:
        error = X @ W + b - y
        return X.T @ (2 / error.size * error), np.sum(error) * 2 / error.size

    contestants: Contestants = {"wengert": lambda: ours(W, b)[1], "NumPy by hand": by_hand}
    if "torch" in peers:
        torch = peers["torch"]
        tX, ty = torch.tensor(X), torch.tensor(y)

        def with_torch() -> Any:
            tW, tb = torch.tensor(W, requires_grad=True), torch.tensor(b, requires_grad=True)
            ((tX @ tW + tb - ty) ** 2).mean().backward()
            return tW.grad.numpy(), tb.grad.numpy()

        contestants["torch"] = with_torch
    if "autograd" in peers:
        import autograd.numpy as anp

        gradient = peers["autograd"].value_and_grad(lambda p: anp.mean((anp.dot(X, p[0]) + p[1] - y) ** 2))
        contestants["autograd"] = lambda: gradient((W, b))[1]
    if "jax" in peers:
        jax, jnp = peers["jax"], peers["jax"].numpy
        jX, jy, jW, jb = jnp.asarray(X), jnp.asarray(y), jnp.asarray(W), jnp.asarray(b)
        eager = jax.value_and_grad(lambda W, b: ((jX @ W + b - jy) ** 2).mean(), argnums=(0, 1))
        compiled = jax.jit(eager)
        contestants["jax eager"] = lambda: jax.block_until_ready(eager(jW, jb))[1]
        contestants["jax.jit"] = lambda: jax.block_until_ready(compiled(jW, jb))[1]
    return contestants


def _logistic_data(n: int) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(0)
    return rng.choice([-1.0, 1.0], size=n), rng.normal(size=n)


def logistic_by_hand(y: np.ndarray, z: np.ndarray) -> tuple[Any, np.ndarray]:
    """sum(log1p(exp(-y z))) and its gradient in z as one writes them: the forward's arrays used again backward."""
    e = np.exp(-y * z)
    value = np.sum(np.log1p(e))
    return value, e / (1 + e) * -y


def logistic(peers: dict[str, Any]) -> Contestants:
    """sum(log1p(exp(-y * z))) at n = 10**6: value and gradient."""
    y, z = _logistic_data(10**6)
    ours = wengert.value_and_grad(lambda z: np.sum(np.log1p(np.exp(-y * z))))
    contestants: Contestants = {"wengert": lambda: ours(z)[1], "NumPy by hand": lambda: logistic_by_hand(y, z)[1]}
    if "torch" in peers:
        torch = peers["torch"]
        ty = torch.tensor(y)

        def with_torch() -> Any:
            tz = torch.tensor(z, requires_grad=True)
            torch.log1p(torch.exp(-ty * tz)).sum().backward()
            return tz.grad.numpy()

        contestants["torch"] = with_torch
    if "autograd" in peers:
        import autograd.numpy as anp

        gradient = peers["autograd"].value_and_grad(lambda z: anp.sum(anp.log1p(anp.exp(-y * z))))
        contestants["autograd"] = lambda: gradient(z)[1]
    return contestants


def hessian(peers: dict[str, Any]) -> Contestants:
    """The Hessian of a function of 200 variables."""
    x = np.random.default_rng(0).normal(size=200)
    A = np.random.default_rng(1).normal(size=(200, 200)) / 20

    def function(numpy: Any) -> Callable:
        return lambda x: numpy.sum(numpy.tanh(A @ x) ** 2) + numpy.sum(numpy.sin(x[1:] * x[:-1]))

    ours = wengert.hessian(function(np))
    contestants: Contestants = {"wengert": lambda: ours(x)}
    if "autograd" in peers:
        import autograd.numpy as anp

        theirs = peers["autograd"].hessian(
            lambda x: anp.sum(anp.tanh(anp.dot(A, x)) ** 2) + anp.sum(anp.sin(x[1:] * x[:-1]))
        )
        contestants["autograd"] = lambda: theirs(x)
    if "jax" in peers:
        jax = peers["jax"]
        compiled, on_jax = jax.jit(jax.hessian(function(jax.numpy))), jax.numpy.asarray(x)
        contestants["jax.jit"] = lambda: np.asarray(compiled(on_jax).block_until_ready())
    return contestants


# Functions of one large array whose gradient is timed against the function itself.
COSTS: dict[str, Callable] = {
    "sum(x * x)": lambda x: np.sum(x * x),
    "sum(exp(sin(x)))": lambda x: np.sum(np.exp(np.sin(x))),
    "sum(tanh(x) * x)": lambda x: np.sum(np.tanh(x) * x),
    "log(sum(exp(x)))": lambda x: np.log(np.sum(np.exp(x))),
    "sum(where(x > 0, x, 0)**2)": lambda x: np.sum(np.where(x > 0, x, 0) ** 2),
    "sum((x[1:] - x[:-1])**2)": lambda x: np.sum((x[1:] - x[:-1]) ** 2),
    "std(x)": np.std,
    "max(x)": np.max,
}
