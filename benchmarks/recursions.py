"""The problems of compiled mode that Python writes as loops and recursions: long programs of small steps."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

import wengert
from benchmarks.languages import Language, Problem, random

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
        lambda: (random().normal(size=(n, n)).tolist(),),
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


def _lstm_loss(xp: Any) -> Callable:
    cell = _cell(xp)

    def loss(layers: Any, xs: Any, target: Any) -> Any:
        states = [(xp.zeros(target.shape), xp.zeros(target.shape)) for _ in layers]
        for x in xs:
            for i, layer in enumerate(layers):
                states[i] = cell(layer, states[i], x)
                x = states[i][0]
        return xp.mean((x - target) ** 2)

    return loss


def _lstm(language: Language) -> Callable:
    return wengert.value_and_grad(_lstm_loss(np))


def _lstm_loop_in_jax(jax: Any) -> Callable:
    return jax.value_and_grad(_lstm_loss(jax.numpy))


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
    rng = random()
    layers = [
        {"W": rng.normal(size=(width, 4 * width)) / 6, "U": rng.normal(size=(width, 4 * width)) / 6, "b": np.zeros(4 * width)}
        for _ in range(2)
    ]  # fmt: skip
    return layers, rng.normal(size=(steps, batch, width)), rng.normal(size=(batch, width))


LSTM = Problem("LSTM, 2 layers, 100 steps", _lstm, _lstm_data, {"jax.jit": 1}, in_jax=_lstm_in_jax)
SAME_LSTM = Problem("LSTM, the same loop in JAX", _lstm, _lstm_data, in_jax=_lstm_loop_in_jax)


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
    rng = random()
    return (rng.uniform(0.5, 2, n), rng.uniform(0.5, 2, n)), np.array([1.1, 0.4, 0.1, 0.4])


def runge_kutta(n: int) -> Problem:
    return Problem(
        f"RK4, 100 steps, {n:.0e} states",
        _runge_kutta,
        lambda: _populations(n),
        {"jax.jit": 1},
        in_jax=_runge_kutta_in_jax,
    )


def straight_line(operations: int) -> Callable:
    """A function of one number, of so many scalar operations one after the other that none can be left out."""

    def f(x: Any) -> Any:
        y = x
        for i in range(operations // 2):
            y = y * x + (0.001 + 1e-7 * i)
        return y

    return f
