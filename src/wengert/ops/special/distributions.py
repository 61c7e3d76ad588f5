"""Distribution functions in the variable: derivatives are densities, those of inverses their reciprocals.

An integer-valued argument (the count k that SciPy rounds down, the integer n) has derivative exactly zero: None. The shape
parameters of gamma and beta distributions have no closed derivative.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from wengert.core.primitive import unsupported
from wengert.ops.special.declare import kernel, sc, special
from wengert.ops.special.error_functions import SQRT_2PI, normal_density
from wengert.ops.special.gamma_beta import beta_density, gamma_density

NO_CLOSED_FORM = "its derivative has no closed form"


def no_closed_form(*names: str) -> list:
    return [unsupported(name, NO_CLOSED_FORM) for name in names]


# -- gamma family: gamma, chi-squared, Poisson ------------------------------------------------------------------------
_v, _b, _p, _x = no_closed_form("v", "b", "p", "x")

special("gdtr", lambda out, a, b, x: x * gamma_density(b, a * x), _b, lambda out, a, b, x: a * gamma_density(b, a * x),
        singular=True)  # fmt: skip
special("gdtrc", lambda out, a, b, x: -x * gamma_density(b, a * x), _b, lambda out, a, b, x: -a * gamma_density(b, a * x),
        singular=True)  # fmt: skip
special("gdtrix", lambda out, a, b, p: -out / a, _b, lambda out, a, b, p: 1 / (a * gamma_density(b, a * out)),
        singular=True)  # fmt: skip
special("gdtria", lambda out, p, b, x: 1 / (x * gamma_density(b, out * x)), _b, lambda out, p, b, x: -out / x,
        singular=True)  # fmt: skip
special("gdtrib", *no_closed_form("a", "p", "x"))

special("chdtr", _v, lambda out, v, x: gamma_density(v / 2, x / 2) / 2, singular=True)
special("chdtrc", _v, lambda out, v, x: gamma_density(v / 2, x / 2) / -2, singular=True)
special("chdtri", _v, lambda out, v, p: -2 / gamma_density(v / 2, out / 2), singular=True)
special("chdtriv", _p, _x)

special("pdtr", None, lambda out, k, m: -gamma_density(np.floor(k) + 1, m))
special("pdtrc", None, lambda out, k, m: gamma_density(np.floor(k) + 1, m))
special("pdtri", None, lambda out, k, y: -1 / gamma_density(np.trunc(k) + 1, out), singular=True)
special("pdtrik", *no_closed_form("p", "m"))


# -- beta family: beta, binomial, negative binomial, F, Student's t ---------------------------------------------------
def _binomial(k: Any, n: Any, p: Any) -> Any:
    """-d/dp of the sum over 0..k; that sum is the constant 1 for k ≥ n."""
    k, n = np.floor(k), np.trunc(n)
    all_of_them = (k >= n) | (k < 0)
    return np.where(all_of_them, 0, beta_density(np.where(all_of_them, 1, k + 1), np.where(all_of_them, 1, n - k), p))


def _negative_binomial(k: Any, n: Any, p: Any) -> Any:
    return beta_density(np.trunc(n), np.trunc(k) + 1, p)


special("bdtr", None, None, lambda out, k, n, p: -_binomial(k, n, p))
special("bdtrc", None, None, lambda out, k, n, p: _binomial(k, n, p))
special("bdtri", None, None, lambda out, k, n, y: -1 / _binomial(k, n, out), singular=True)
special("nbdtr", None, None, lambda out, k, n, p: _negative_binomial(k, n, p))
special("nbdtrc", None, None, lambda out, k, n, p: -_negative_binomial(k, n, p))
special("nbdtri", None, None, lambda out, k, n, y: 1 / _negative_binomial(k, n, out), singular=True)
for _name, *_arguments in (
    ("bdtrik", "y", "n", "p"), ("bdtrin", "k", "y", "p"), ("nbdtrik", "y", "n", "p"), ("nbdtrin", "k", "y", "p"),
    ("btdtria", "p", "b", "x"), ("btdtrib", "a", "p", "x"), ("fdtridfd", "dfn", "p", "x"), ("stdtridf", "p", "t"),
):  # fmt: skip
    special(_name, *no_closed_form(*_arguments))


def f_density(dfn: Any, dfd: Any, x: Any) -> Any:
    """d/dx of I_w(dfn/2, dfd/2) with w = dfn x/(dfd + dfn x)."""
    total = dfd + dfn * x
    return beta_density(dfn / 2, dfd / 2, dfn * x / total) * dfn * dfd / (total * total)


_dfs = no_closed_form("dfn", "dfd")
special("fdtr", *_dfs, lambda out, dfn, dfd, x: f_density(dfn, dfd, x), singular=True)
special("fdtrc", *_dfs, lambda out, dfn, dfd, x: -f_density(dfn, dfd, x), singular=True)
special("fdtri", *_dfs, lambda out, dfn, dfd, p: 1 / f_density(dfn, dfd, out), singular=True)


def t_density(df: Any, t: Any) -> Any:
    """(1 + t²/df)^(-(df + 1)/2) / (√df B(½, df/2)); the normal density for df = inf."""
    normal = np.isinf(df)
    safe = np.where(normal, 1.0, df)
    student = np.exp((safe + 1) / -2 * np.log1p(t * t / safe) - sc.betaln(0.5, safe / 2)) / np.sqrt(safe)
    return np.where(normal, normal_density(t), student)


_df = no_closed_form("df")
special("stdtr", *_df, lambda out, df, t: t_density(df, t))
special("stdtrit", *_df, lambda out, df, p: 1 / t_density(df, out), singular=True)

# -- parameters of the normal distribution, from x = mean + sd z, z = ndtri(p) ----------------------------------------


def _quantile_slope(z: Any) -> Any:
    return SQRT_2PI * np.exp(z * z / 2)


special("nrdtrimn", lambda out, p, std, x: -std * _quantile_slope(sc.ndtri(p)), lambda out, p, std, x: -sc.ndtri(p), 1,
        singular=True)  # fmt: skip
special("nrdtrisd", lambda out, mn, p, x: -1 / sc.ndtri(p),
        lambda out, mn, p, x: -out * _quantile_slope(sc.ndtri(p)) / sc.ndtri(p), lambda out, mn, p, x: 1 / sc.ndtri(p),
        singular=True)  # fmt: skip


# -- Kolmogorov and Smirnov -------------------------------------------------------------------------------------------
def kolmogorov_slope(x: Any) -> Any:
    """Termwise from both of Jacobi's theta series (DLMF 20.2.3, 20.7.32): one converges for large x, the other for small."""
    small = x < 1
    large_x, small_x = np.where(small, 1, x), np.where(small & (x > 0.02), x, 1)
    tail = sum((-1) ** k * k * k * np.exp(-2 * k * k * large_x * large_x) for k in range(1, 6))
    rates = [((2 * k - 1) * math.pi) ** 2 / 8 for k in range(1, 6)]
    head = sum((1 - 2 * r / small_x**2) * np.exp(-r / small_x**2) for r in rates) * SQRT_2PI / small_x**2
    return np.where(small, np.where(x > 0.02, head, 0), 8 * large_x * tail)


special("kolmogorov", lambda out, x: kolmogorov_slope(x))
special("kolmogi", lambda out, p: 1 / kolmogorov_slope(out), singular=True)


def _smirnov_derivative(n: Any, x: Any, times: int) -> Any:
    """The derivatives of x Σ C(n, j) (x + j/n)^(j - 1) (1 - x - j/n)^(n - j), j/n ≤ 1 - x (Birnbaum and Tingey 1951)."""
    n, x = np.broadcast_arrays(np.asarray(n, float), np.asarray(x, float))
    n, x = n[..., None], x[..., None]
    j = np.arange(int(np.max(n, initial=0)) + 1.0)
    inside = (j <= n) & (j / n <= 1 - x)
    up, down = np.where(inside, x + j / n, 0.5), np.where(inside & (j < n), 1 - x - j / n, 0.5)
    binomial = np.where(inside, sc.binom(n, np.minimum(j, n)), 0)

    def smooth(order: int) -> Any:
        """The derivative of that order of (x + j/n)^(j - 1) (1 - x - j/n)^(n - j), by Leibniz' rule."""
        total = 0.0
        for i in range(order + 1):
            first = _falling(j - 1, i) * up ** (j - 1 - i)
            second = (-1) ** (order - i) * _falling(n - j, order - i) * down ** (n - j - (order - i))
            total = total + math.comb(order, i) * first * second
        return total

    terms = x * smooth(times) + (times * smooth(times - 1) if times else 0)
    return np.where((x[..., 0] <= 0) | (x[..., 0] >= 1), 0.0, np.sum(binomial * terms, axis=-1))[()]


def _falling(a: Any, k: int) -> Any:
    return math.prod((a - i for i in range(k)), start=np.ones_like(a))


@kernel("smirnov_derivative", 3, None, None, lambda out, times, n, x: smirnov_derivative(times + 1, n, x))
def smirnov_derivative(times: Any, n: Any, x: Any) -> Any:
    """The derivative in x of that order of smirnov(n, x)."""
    if int(times) == 1 and hasattr(sc, "_smirnovp"):
        return sc._smirnovp(n, x)
    return _smirnov_derivative(n, x, int(times))


special("smirnov", None, lambda out, n, d: smirnov_derivative(1, n, d))
special("smirnovi", None, lambda out, n, p: 1 / smirnov_derivative(1, n, out), singular=True)
