"""np.sinc and np.i0, with derivatives of every order that are accurate at zero and far from it."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from wengert.core.linear import LinearMap, Scale
from wengert.core.primitive import structured


def _sinc_derivative_value(x: Any, n: int) -> Any:
    """The n-th derivative of sin(πx) / (πx).

    With y = πx and f(y) = sin(y) / y: near zero by the power series, elsewhere by Leibniz's rule on y f(y) = sin(y),
    y f⁽ⁿ⁾ + n f⁽ⁿ⁻¹⁾ = sin(y + nπ/2).
    """
    y = np.pi * x
    small = np.abs(y) < n + 2
    near, far = np.where(small, y, 0), np.where(small, n + 2.0, y)
    series: Any = 0.0
    for k in range((n + 1) // 2, n + 25):
        series = series + (-1) ** k * near ** (2 * k - n) / ((2 * k + 1) * math.factorial(2 * k - n))
    ratio = np.sin(far) / far
    for m in range(1, n + 1):
        ratio = (np.sin(far + m * np.pi / 2) - m * ratio) / far
    return (np.pi**n * np.where(small, series, ratio)).astype(np.result_type(x, 0.0))[()]


def _sinc_edge(out, x, n=0) -> LinearMap:
    return Scale(sinc_derivative(x, n=n + 1), x.shape)


sinc_derivative = structured(_sinc_derivative_value, _sinc_edge, name="sinc_derivative")
sinc = structured(np.sinc, _sinc_edge)


def _bessel_i_value(x: Any, n: int) -> Any:
    """The modified Bessel function Iₙ(x) of a whole order.

    Up to |x| = 20 by its power series, whose terms all have one sign (DLMF 10.25.2); beyond by the trapezoidal rule on
    its integral ∫ exp(x cos t) cos(nt) dt / π (DLMF 10.32.3), which converges geometrically.
    """
    size = np.abs(np.asarray(x, np.result_type(x, 0.0)))
    near, far = np.minimum(size, 20.0), np.clip(size, 20.0, 720.0)
    term = (near / 2) ** n / math.factorial(n)
    series = term
    for k in range(1, 60):
        term = term * (near / 2) ** 2 / (k * (k + n))
        series = series + term
    nodes = 40 + n + int(9 * math.sqrt(np.max(far, initial=20.0)))
    integral = np.zeros_like(far)
    for j in range(nodes + 1):
        t = j * math.pi / nodes
        weight = math.cos(n * t) / nodes / (2 if j in (0, nodes) else 1)
        integral = integral + weight * np.exp(far * (math.cos(t) - 1))
    with np.errstate(over="ignore"):
        integral = integral * np.exp(far / 2) * np.exp(far / 2)
    value = np.where(size > 20, np.where(size > 720, np.inf, integral), np.where(size == size, series, np.nan))
    return (np.sign(x) ** n * value)[()] if n % 2 else value[()]


def _bessel_i_edge(out, x, n=0) -> LinearMap:
    slope = bessel_i(x, n=1) if n == 0 else (bessel_i(x, n=n - 1) + bessel_i(x, n=n + 1)) / 2
    return Scale(slope, x.shape)


bessel_i = structured(_bessel_i_value, _bessel_i_edge, name="bessel_i")
i0 = structured(np.i0, _bessel_i_edge)
