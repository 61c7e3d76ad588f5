"""The problems of compiled mode: each one function, written once, that wengert and JAX compile; and its peers by hand.

A function gets its `Language`: NumPy or jax.numpy, with the transformations of either. Only loops (JAX's scan) and batches
(JAX's vmap) are written twice, each as its users write it.
"""

from __future__ import annotations

import math
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


def _random(seed: int = 0) -> np.random.Generator:
    return np.random.default_rng(seed)


# -- call overhead ----------------------------------------------------------------------------------------------------


def _fused(language: Language) -> Callable:
    return lambda a, b, c: a * b + c


CALL = Problem(
    "call, three arrays of 3",
    _fused,
    lambda: tuple(_random().normal(size=(3, 3))),
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
        lambda: (_random().normal(size=n),),
        {"jax.jit": 20, "numba by hand": 1},
        others={"numba by hand": _rosenbrock_numba},
    )


# -- linear regression ------------------------------------------------------------------------------------------------


def _regression(language: Language) -> Callable:
    def loss(W: Any, b: Any, X: Any, y: Any) -> Any:
        return ((X @ W + b - y) ** 2).mean()

    return language.derivatives.value_and_grad(loss, argnums=(0, 1))


def _regression_data() -> tuple:
    rng = _random()
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
        lambda: (_random().normal(size=n), _random(1).choice([-1.0, 1.0], size=n)),
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
    rng = _random()
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
    rng = _random()
    camera, point = rng.normal(size=(n, 11)) * 0.1, rng.normal(size=(n, 3))
    camera[:, 6] += 1
    point[:, 2] += 5
    return camera, point, rng.uniform(0.5, 1, (n, 1)), rng.normal(size=(n, 2))


REPROJECTION = Problem(
    "1e5 reprojection Jacobians", _reprojection, _cameras, {"jax.jit": 8}, in_jax=_reprojection_in_jax
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
    rng = _random()
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
        lambda: (_random(1).normal(size=(k, d)), _random().normal(size=(n, d))),
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
        f"log-sum-exp gradient n={n:.0e}", _log_sum_exp, lambda: (_random().normal(size=n),), {"jax.jit": 1.2}
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
        lambda: (_random().normal(size=n), np.linspace(-1, 1, m)),
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
    rng = _random()
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


# -- determinant ------------------------------------------------------------------------------------------------------


def _determinant(rows: list) -> Any:
    if len(rows) == 1:
        return rows[0][0]
    total = 0.0
    for j, entry in enumerate(rows[0]):
        minor = _determinant([row[:j] + row[j + 1 :] for row in rows[1:]])
        total = total - entry * minor if j % 2 else total + entry * minor
    return total


def determinant(n: int, without_jax: str = "") -> Problem:
    return Problem(
        f"determinant {n}x{n} by minors",
        lambda language: language.derivatives.grad(_determinant),
        lambda: (_random().normal(size=(n, n)).tolist(),),
        {"jax.jit": 2},
        without_jax=without_jax,
    )


# -- loops ------------------------------------------------------------------------------------------------------------


def _cell(xp: Any) -> Callable:
    def cell(layer: Any, state: Any, x: Any) -> Any:
        h, c = state
        gates = x @ layer["W"] + h @ layer["U"] + layer["b"]
        i, f, o, g = xp.split(gates, 4, axis=-1)
        c = c / (1 + xp.exp(-f)) + xp.tanh(g) / (1 + xp.exp(-i))
        return xp.tanh(c) / (1 + xp.exp(-o)), c

    return cell


def _lstm(language: Language) -> Callable:
    cell = _cell(np)

    def loss(layers: Any, xs: Any, target: Any) -> Any:
        states = [(np.zeros(target.shape), np.zeros(target.shape)) for _ in layers]
        for x in xs:
            for i, layer in enumerate(layers):
                states[i] = cell(layer, states[i], x)
                x = states[i][0]
        return np.mean((x - target) ** 2)

    return wengert.value_and_grad(loss)


def _lstm_in_jax(jax: Any) -> Callable:
    jnp, cell = jax.numpy, _cell(jax.numpy)

    def loss(layers: Any, xs: Any, target: Any) -> Any:
        def step(states: Any, x: Any) -> tuple:
            found = []
            for layer, state in zip(layers, states, strict=True):
                state = cell(layer, state, x)
                x = state[0]
                found.append(state)
            return found, None

        zero = jnp.zeros(target.shape)
        states, _ = jax.lax.scan(step, [(zero, zero)] * len(layers), xs)
        return jnp.mean((states[-1][0] - target) ** 2)

    return jax.value_and_grad(loss)


def _lstm_data(steps: int = 100, batch: int = 8, width: int = 32) -> tuple:
    rng = _random()
    layers = [
        {"W": rng.normal(size=(width, 4 * width)) / 6, "U": rng.normal(size=(width, 4 * width)) / 6, "b": np.zeros(4 * width)}
        for _ in range(2)
    ]  # fmt: skip
    return layers, rng.normal(size=(steps, batch, width)), rng.normal(size=(batch, width))


LSTM = Problem("LSTM, 2 layers, 100 steps", _lstm, _lstm_data, {"jax.jit": 1}, in_jax=_lstm_in_jax)


def _slope(state: Any, rates: Any) -> tuple:
    """Lotka and Volterra's prey and predators."""
    prey, predators = state
    return prey * (rates[0] - rates[1] * predators), predators * (rates[2] * prey - rates[3])


def _step(state: Any, rates: Any, h: float = 0.02) -> tuple:
    """One of Runge and Kutta's."""
    k1 = _slope(state, rates)
    k2 = _slope([s + h / 2 * k for s, k in zip(state, k1, strict=True)], rates)
    k3 = _slope([s + h / 2 * k for s, k in zip(state, k2, strict=True)], rates)
    k4 = _slope([s + h * k for s, k in zip(state, k3, strict=True)], rates)
    return tuple(
        s + h / 6 * (a + 2 * b + 2 * c + d) for s, a, b, c, d in zip(state, k1, k2, k3, k4, strict=True)
    )  # fmt: skip


def _runge_kutta(language: Language) -> Callable:
    def loss(state: Any, rates: Any) -> Any:
        for _ in range(100):
            state = _step(state, rates)
        return np.mean(state[0] ** 2 + state[1] ** 2)

    return wengert.value_and_grad(loss, argnums=(0, 1))


def _runge_kutta_in_jax(jax: Any) -> Callable:
    def loss(state: Any, rates: Any) -> Any:
        state, _ = jax.lax.scan(lambda s, _: (_step(s, rates), None), state, None, length=100)
        return jax.numpy.mean(state[0] ** 2 + state[1] ** 2)

    return jax.value_and_grad(loss, argnums=(0, 1))


def _populations(n: int) -> tuple:
    rng = _random()
    return (rng.uniform(0.5, 2, n), rng.uniform(0.5, 2, n)), np.array([1.1, 0.4, 0.1, 0.4])


def runge_kutta(n: int) -> Problem:
    return Problem(
        f"RK4, 100 steps, {n:.0e} states",
        _runge_kutta,
        lambda: _populations(n),
        {"jax.jit": 1},
        in_jax=_runge_kutta_in_jax,
    )


PROBLEMS = [
    CALL,
    *(rosenbrock(n) for n in (4, 10)),
    REGRESSION,
    *(logistic(n, target) for n, target in ((10**3, 10), (10**5, 1.5), (10**7, 2))),
    *(greeks(n) for n in (10**5, 10**7)),
    REPROJECTION,
    *(mixture(d, k) for d in (2, 10, 64) for k in (5, 25, 100)),
    *(k_means(k) for k in (10, 100, 1000)),
    *(log_sum_exp(n) for n in (10**4, 10**6)),
    *(least_squares(n) for n in (16, 16_392)),
    NETWORK,
    *(determinant(n) for n in (5, 6, 7)),
    determinant(8, "jax.jit compiles it for many minutes"),
    LSTM,
    *(runge_kutta(n) for n in (10**3, 10**5)),
]


def straight_line(operations: int) -> Callable:
    """A function of one number, of so many scalar operations one after the other that none can be left out."""

    def f(x: Any) -> Any:
        y = x
        for i in range(operations // 2):
            y = y * x + (0.001 + 1e-7 * i)
        return y

    return f
