"""Incomplete gamma and beta functions (DLMF 8): in the variable by their densities, in the parameters by log-moments.

The derivatives in the parameters are integrals of the density times powers of log t (and log(1 - t)). Those integrals are
closed under differentiation, so one kernel each gives every order. A kernel integrates over the smaller tail: below
x where x is under the mean, otherwise minus what is above, so that nothing cancels far out.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from wengert.ops.special.declare import in_blocks, kernel, sc, special


def gamma_density(a: Any, x: Any) -> Any:
    """x^(a - 1) e^-x / Γ(a) (DLMF 8.8.13); its limit at x = 0."""
    zero = x <= 0
    safe = np.where(zero, 1, x)
    at_zero = np.where(a == 1, 1.0, np.where(a > 1, 0.0, np.inf))
    return np.where(zero, np.where(x == 0, at_zero, 0.0), np.exp(sc.xlogy(a - 1, safe) - safe - sc.gammaln(a)))


def beta_density(a: Any, b: Any, x: Any) -> Any:
    """x^(a - 1) (1 - x)^(b - 1) / B(a, b) (DLMF 8.17.1)."""
    return np.exp(sc.xlogy(a - 1, x) + sc.xlog1py(b - 1, -x) - sc.betaln(a, b))


# -- quadrature over a half-line ----------------------------------------------------------------------------------------
DECADES = 45.0  # e^-45 is nothing beside 1
STEP = 0.12


def half_line(integrand: Callable, scale: Any, end: Any) -> Any:
    """∫₀^∞ of a function that falls off within `end` and whose finest feature has size `scale`.

    The trapezoidal rule in v with r = scale exp(v - e^-v) (Takahasi and Mori 1974): double-exponential at 0,
    logarithmic beyond, so that features of very different sizes are met.
    """
    start, stop = -3.9, np.log(end / scale) + 0.1
    count = int(np.max((stop - start) / STEP, initial=1, where=np.isfinite(stop))) + 1
    v = start + (stop - start)[..., None] * np.linspace(0, 1, count)
    inverse = np.exp(-v)
    r = scale[..., None] * np.exp(v - inverse)
    return np.sum(integrand(r) * r * (1 + inverse), axis=-1) * (stop - start) / (count - 1)


def reaches(start: Any, exponent: Callable, slope: Callable) -> Any:
    """Where a convex increasing exponent reaches DECADES: Newton's method from the right, so monotone."""
    r = start
    for _ in range(50):
        r = r - (exponent(r) - DECADES) / slope(r)
    return np.where(r > 0, r, start)


# -- gamma --------------------------------------------------------------------------------------------------------------
def _lower_gamma(n: int, a: Any, x: Any) -> Any:
    """∫₀^x density (log t)ⁿ dt for x ≤ a, with t = x e^-r."""
    end = reaches((DECADES + x) / a, lambda r: a * r + x * np.expm1(-r), lambda r: a - x * np.exp(-r))
    a, x, scale = a[..., None], x[..., None], np.minimum(end / DECADES, 1.0)
    log_x = np.log(x)
    return half_line(lambda r: np.exp(-a * r - x * np.expm1(-r)) * (log_x - r) ** n, scale, end)


def _upper_gamma(n: int, a: Any, x: Any) -> Any:
    """∫_x^∞ density (log t)ⁿ dt for x ≥ a, with t = x + w."""
    steepness = np.minimum(1 - (a - 1) / x, 1.0)
    end = reaches(DECADES / steepness, lambda w: w - (a - 1) * np.log1p(w / x), lambda w: 1 - (a - 1) / (x + w))
    end = np.where(a <= 1, DECADES, end)
    a, x, scale = a[..., None], x[..., None], np.minimum(end / DECADES, x)

    def integrand(w: Any) -> Any:
        return np.exp(sc.xlog1py(a - 1, w / x) - w) * np.log(x + w) ** n

    return half_line(integrand, scale, end)


@kernel(
    "gamma_log_moment",
    3,
    None,
    lambda out, n, a, x: gamma_log_moment(n + 1, a, x) - sc.psi(a) * out,
    lambda out, n, a, x: gamma_density(a, x) * np.log(x) ** n,
)
@in_blocks(1)
def gamma_log_moment(n: int, a: Any, x: Any) -> Any:
    """∫₀^x t^(a - 1) e^-t (log t)ⁿ dt / Γ(a) for x ≤ a; minus the integral from x on for x > a."""
    below = x <= a
    inside = np.where((x > 0) & np.isfinite(x) & (a > 0), x, np.nan)
    low = gamma_density(a, inside) * inside * _lower_gamma(n, a, np.where(below, inside, a))
    high = -gamma_density(a, inside) * _upper_gamma(n, a, np.where(below, a, inside))
    result = np.where(below, low, high)
    return np.where((x == 0) | np.isposinf(x), 0.0, result)


def gamma_shape(a: Any, x: Any) -> Any:
    """dP(a, x)/da."""
    return gamma_log_moment(1, a, x) - sc.psi(a) * gamma_log_moment(0, a, x)


special("gammainc", lambda out, a, x: gamma_shape(a, x), lambda out, a, x: gamma_density(a, x))
special("gammaincc", lambda out, a, x: -gamma_shape(a, x), lambda out, a, x: -gamma_density(a, x))


def gamma_quantile_shape(a: Any, quantile: Any) -> Any:
    """How a quantile moves with a; the quantile 0 is there for every a."""
    return np.where(quantile == 0, 0, -gamma_shape(a, quantile) / gamma_density(a, quantile))


special(
    "gammaincinv",
    lambda out, a, y: gamma_quantile_shape(a, out),
    lambda out, a, y: 1 / gamma_density(a, out),
)
special(
    "gammainccinv",
    lambda out, a, y: gamma_quantile_shape(a, out),
    lambda out, a, y: -1 / gamma_density(a, out),
)


# -- beta ---------------------------------------------------------------------------------------------------------------
def _lower_beta(i: int, j: int, a: Any, b: Any, x: Any) -> Any:
    """∫₀^x density (log t)ⁱ (log(1 - t))ʲ dt / (x · density at x) for x ≤ a/(a + b), with t = x e^-r."""
    start = (DECADES - np.where(b > 1, (b - 1) * np.log1p(-x), 0)) / a

    def exponent(r: Any) -> Any:
        return a * r - (b - 1) * (np.log1p(-x * np.exp(-r)) - np.log1p(-x))

    end = reaches(start, exponent, lambda r: a - (b - 1) * x * np.exp(-r) / (1 - x * np.exp(-r)))
    end = np.where(b > 1, end, start)
    a, b, scale = a[..., None], b[..., None], np.minimum(np.minimum(end / DECADES, 1.0), -np.log(x))
    x = x[..., None]

    def integrand(r: Any) -> Any:
        t = x * np.exp(-r)
        rest = np.log1p(-t)
        return np.exp(-a * r + (b - 1) * (rest - np.log1p(-x))) * (np.log(x) - r) ** i * rest**j

    return half_line(integrand, scale, end)


def _beta_x(out: Any, i: Any, j: Any, a: Any, b: Any, x: Any) -> Any:
    edge = (x <= 0) | (x >= 1)
    safe = np.where(edge, 0.5, x)
    at_edge = np.where((i == 0) & (j == 0), beta_density(a, b, np.where(edge, x, 0.5)), np.nan)
    return np.where(edge, at_edge, beta_density(a, b, safe) * np.log(safe) ** i * np.log1p(-safe) ** j)


@kernel(
    "beta_log_moment",
    5,
    None,
    None,
    lambda out, i, j, a, b, x: beta_log_moment(i + 1, j, a, b, x) - (sc.psi(a) - sc.psi(a + b)) * out,
    lambda out, i, j, a, b, x: beta_log_moment(i, j + 1, a, b, x) - (sc.psi(b) - sc.psi(a + b)) * out,
    _beta_x,
)
@in_blocks(2)
def beta_log_moment(i: int, j: int, a: Any, b: Any, x: Any) -> Any:
    """∫₀^x t^(a - 1) (1 - t)^(b - 1) (log t)ⁱ (log(1 - t))ʲ dt / B(a, b) below the mean, minus the rest above it."""
    below = x <= a / (a + b)
    inside = np.where((x > 0) & (x < 1) & (a > 0) & (b > 0), x, np.nan)
    density = beta_density(a, b, inside)
    mean = a / (a + b)
    low = density * inside * _lower_beta(i, j, a, b, np.where(below, inside, mean))
    high = -density * (1 - inside) * _lower_beta(j, i, b, a, 1 - np.where(below, mean, inside))
    return np.where((x == 0) | (x == 1), 0.0, np.where(below, low, high))


def beta_first(a: Any, b: Any, x: Any) -> Any:
    """dI_x(a, b)/da."""
    return beta_log_moment(1, 0, a, b, x) - (sc.psi(a) - sc.psi(a + b)) * beta_log_moment(0, 0, a, b, x)


def beta_second(a: Any, b: Any, x: Any) -> Any:
    """dI_x(a, b)/db."""
    return beta_log_moment(0, 1, a, b, x) - (sc.psi(b) - sc.psi(a + b)) * beta_log_moment(0, 0, a, b, x)


special(
    "betainc",
    lambda out, a, b, x: beta_first(a, b, x),
    lambda out, a, b, x: beta_second(a, b, x),
    lambda out, a, b, x: beta_density(a, b, x),
)
special(
    "betaincc",
    lambda out, a, b, x: -beta_first(a, b, x),
    lambda out, a, b, x: -beta_second(a, b, x),
    lambda out, a, b, x: -beta_density(a, b, x),
)
for _name, _sign in (("betaincinv", 1), ("betainccinv", -1)):
    special(
        _name,
        lambda out, a, b, y: -beta_first(a, b, out) / beta_density(a, b, out),
        lambda out, a, b, y: -beta_second(a, b, out) / beta_density(a, b, out),
        lambda out, a, b, y, sign=_sign: sign / beta_density(a, b, out),
    )
