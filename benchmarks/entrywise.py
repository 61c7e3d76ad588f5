"""The problems of compiled mode whose work is done entry by entry: calls, losses, options, cameras."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from benchmarks.languages import NUMPY, Language, Problem, random

# -- call overhead ----------------------------------------------------------------------------------------------------


def _fused(language: Language) -> Callable:
    return lambda a, b, c: a * b + c


CALL = Problem(
    "call, three arrays of 3",
    _fused,
    lambda: tuple(random().normal(size=(3, 3))),
    {"jax.jit": 20, "NumPy by hand": 1},
    others={"NumPy by hand": lambda peers, args: lambda: _fused(NUMPY)(*args)},
)


# -- Rosenbrock -------------------------------------------------------------------------------------------------------


def _rosenbrock(language: Language) -> Callable:
    def f(x: Any) -> Any:
        return language.np.sum(100 * (x[1:] - x[:-1] ** 2) ** 2 + (1 - x[:-1]) ** 2)

    return language.derivatives.value_and_grad(f)


def _rosenbrock_numba(peers: dict[str, Any], args: tuple) -> Callable | None:
    if "numba" not in peers:
        return None

    @peers["numba"].njit
    def both(x: np.ndarray) -> tuple:
        value, gradient = 0.0, np.zeros_like(x)
        for i in range(x.size - 1):
            a, b = x[i + 1] - x[i] * x[i], 1 - x[i]
            value += 100 * a * a + b * b
            gradient[i] -= 400 * a * x[i] + 2 * b
            gradient[i + 1] += 200 * a
        return value, gradient

    return lambda: both(*args)


def rosenbrock(n: int) -> Problem:
    return Problem(
        f"Rosenbrock value, gradient n={n}",
        _rosenbrock,
        lambda: (random().normal(size=n),),
        {"jax.jit": 20, "numba by hand": 1},
        others={"numba by hand": _rosenbrock_numba},
    )


# -- logistic loss ----------------------------------------------------------------------------------------------------


def _logistic(language: Language) -> Callable:
    def loss(z: Any, y: Any) -> Any:
        return language.np.sum(language.np.log1p(language.np.exp(-y * z)))

    return language.derivatives.value_and_grad(loss)


def _logistic_by_hand(peers: dict[str, Any], args: tuple) -> Callable:
    z, y = args

    def both() -> tuple:
        e = np.exp(-y * z)
        return np.sum(np.log1p(e)), e / (1 + e) * -y

    return both


def logistic(n: int, target: float) -> Problem:
    return Problem(
        f"logistic loss gradient n={n:.0e}",
        _logistic,
        lambda: (random().normal(size=n), random(1).choice([-1.0, 1.0], size=n)),
        {"jax.jit": target, "NumPy by hand": 2.5},
        others={"NumPy by hand": _logistic_by_hand},
    )


# -- Black-Scholes ----------------------------------------------------------------------------------------------------


def black_scholes(xp: Any, erf: Callable) -> Callable:
    """The price of a European call (F. Black, M. Scholes, 1973)."""

    def price(S: Any, K: Any, T: Any, r: Any, sigma: Any) -> Any:
        spread = sigma * xp.sqrt(T)
        d1 = (xp.log(S / K) + (r + sigma**2 / 2) * T) / spread
        d2 = d1 - spread
        return S * _normal(erf, d1) - K * xp.exp(-r * T) * _normal(erf, d2)

    return price


def _normal(erf: Callable, x: Any) -> Any:
    return 0.5 * (1 + erf(x * math.sqrt(0.5)))


def _greeks(language: Language) -> Callable:
    price = black_scholes(language.np, language.erf)
    grad = language.derivatives.grad

    def total(*args: Any) -> Any:
        return language.np.sum(price(*args))

    def greeks(S: Any, K: Any, T: Any, r: Any, sigma: Any) -> tuple:
        delta, theta, rho, vega = grad(total, argnums=(0, 2, 3, 4))(S, K, T, r, sigma)
        gamma = grad(lambda s: language.np.sum(grad(total)(s, K, T, r, sigma)))(S)
        return price(S, K, T, r, sigma), delta, gamma, vega, theta, rho

    return greeks


def _greeks_torch(peers: dict[str, Any], args: tuple) -> Callable | None:
    if "torch" not in peers:
        return None
    torch = peers["torch"]
    price, grad = black_scholes(torch, torch.erf), torch.func.grad

    def greeks(S: Any, K: Any, T: Any, r: Any, sigma: Any) -> tuple:
        def total(*args: Any) -> Any:
            return price(*args).sum()

        delta, theta, rho, vega = grad(total, argnums=(0, 2, 3, 4))(S, K, T, r, sigma)
        gamma = grad(lambda s: grad(total)(s, K, T, r, sigma).sum())(S)
        return price(S, K, T, r, sigma), delta, gamma, vega, theta, rho

    compiled, tensors = torch.compile(greeks), [torch.from_numpy(a) for a in args]
    return lambda: compiled(*tensors)


def _options(n: int) -> tuple:
    rng = random()
    return tuple(rng.uniform(a, b, n) for a, b in ((50, 150), (50, 150), (0.2, 2), (0.01, 0.05), (0.1, 0.5)))


def greeks(n: int) -> Problem:
    return Problem(
        f"Black-Scholes, 5 Greeks n={n:.0e}",
        _greeks,
        lambda: _options(n),
        {"jax.jit": 3, "torch.compile": 2},
        others={"torch.compile": _greeks_torch},
    )


# -- reprojection -----------------------------------------------------------------------------------------------------


def reprojection_error(xp: Any) -> Callable:
    """Bundle adjustment's (BAL; ADBench): camera of 11 numbers, point of 3, weight; the batch, if any, in front.

    The camera is a rotation vector, a centre, a focal length, a principal point and two radial distortions.
    """

    def error(camera: Any, point: Any, weight: Any, feature: Any) -> Any:
        rotation, centre, focal = camera[..., 0:3], camera[..., 3:6], camera[..., 6:7]
        principal, radial = camera[..., 7:9], camera[..., 9:11]
        x = point - centre
        angle = xp.sqrt(xp.sum(rotation**2, axis=-1, keepdims=True))
        axis = rotation / angle
        along = xp.sum(axis * x, axis=-1, keepdims=True)
        cosine, sine = xp.cos(angle), xp.sin(angle)
        x = x * cosine + xp.cross(axis, x) * sine + axis * along * (1 - cosine)  # Rodrigues
        p = x[..., :2] / x[..., 2:]
        square = xp.sum(p**2, axis=-1, keepdims=True)
        distortion = 1 + radial[..., :1] * square + radial[..., 1:] * square**2
        return weight * (focal * distortion * p + principal - feature)

    return error


def _reprojection(language: Language) -> Callable:
    error, d = reprojection_error(np), language.derivatives

    def rows(camera: Any, point: Any, weight: Any, feature: Any) -> tuple:
        errors, pull = d.vjp(lambda *inputs: error(*inputs, feature), camera, point, weight)
        one, other = np.zeros(errors.shape), np.zeros(errors.shape)
        one[:, 0], other[:, 1] = 1, 1
        return errors, tuple(np.stack(pair, axis=1) for pair in zip(pull(one), pull(other), strict=True))

    return rows


def _reprojection_in_jax(jax: Any) -> Callable:
    error = reprojection_error(jax.numpy)

    def one(camera: Any, point: Any, weight: Any, feature: Any) -> tuple:
        return error(camera, point, weight, feature), jax.jacrev(error, argnums=(0, 1, 2))(
            camera, point, weight, feature
        )

    return jax.vmap(one)


def _cameras(n: int = 10**5) -> tuple:
    rng = random()
    camera, point = rng.normal(size=(n, 11)) * 0.1, rng.normal(size=(n, 3))
    camera[:, 6] += 1
    point[:, 2] += 5
    return camera, point, rng.uniform(0.5, 1, (n, 1)), rng.normal(size=(n, 2))


REPROJECTION = Problem(
    "1e5 reprojection Jacobians", _reprojection, _cameras, {"jax.jit": 8}, in_jax=_reprojection_in_jax
)
