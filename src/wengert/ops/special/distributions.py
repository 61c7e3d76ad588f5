"""Distribution functions and all that SciPy solves for from them.

A family is the table of its distribution function's slopes, one for each argument. The distribution function has them as its
partials; a function that solves F(...) = p for one argument has theirs by the implicit function theorem. A count that
SciPy rounds down has derivative exactly zero: None.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from wengert.core.primitive import unsupported
from wengert.ops.special.declare import kernel, sc, special
from wengert.ops.special.error_functions import SQRT_2PI, normal_density
from wengert.ops.special.incomplete import beta_density, beta_first, beta_second, gamma_density, gamma_shape

NO_CLOSED_FORM = "its derivative has no closed form"


def no_closed_form(*names: str) -> list:
    return [unsupported(name, NO_CLOSED_FORM) for name in names]


def cumulative(name: str, slopes: dict, sign: int = 1) -> None:
    """Declare F of the slopes' arguments in their order; with sign = -1 its complement 1 - F."""

    def partial(slope: Any) -> Any:
        return (lambda out, *operands: sign * slope(*operands)) if callable(slope) else slope

    special(name, *map(partial, slopes.values()))


def solved(name: str, slopes: dict, unknown: str, arguments: str, sign: int = 1) -> None:
    """Declare the function of `arguments` that solves F = p (1 - F = p with sign = -1) for the argument `unknown`."""
    names = arguments.split()
    divisor = slopes[unknown]

    def partial(argument: str) -> Any:
        slope = slopes.get(argument)
        if argument in slopes and not callable(slope):
            return slope

        def ratio(out: Any, *operands: Any) -> Any:
            known = dict(zip(names, operands, strict=True)) | {unknown: out}
            point = [known[key] for key in slopes]
            return (sign if slope is None else -slope(*point)) / divisor(*point)

        return ratio

    if callable(divisor):
        special(name, *map(partial, names))
    else:
        special(name, *no_closed_form(*names))


# -- gamma family: gamma, chi-squared, Poisson ------------------------------------------------------------------------
GAMMA: dict[str, Callable] = {
    "a": lambda a, b, x: x * gamma_density(b, a * x),
    "b": lambda a, b, x: gamma_shape(b, a * x),
    "x": lambda a, b, x: a * gamma_density(b, a * x),
}
cumulative("gdtr", GAMMA)
cumulative("gdtrc", GAMMA, -1)
solved("gdtria", GAMMA, "a", "p b x")
solved("gdtrib", GAMMA, "b", "a p x")
solved("gdtrix", GAMMA, "x", "a b p")

CHI2: dict[str, Callable] = {
    "v": lambda v, x: gamma_shape(v / 2, x / 2) / 2,
    "x": lambda v, x: gamma_density(v / 2, x / 2) / 2,
}
cumulative("chdtr", CHI2)
cumulative("chdtrc", CHI2, -1)
solved("chdtri", CHI2, "x", "v p", -1)
solved("chdtriv", CHI2, "v", "p x")

POISSON: dict[str, Callable] = {
    "k": lambda k, m: -gamma_shape(k + 1, m),
    "m": lambda k, m: -gamma_density(k + 1, m),
}
solved("pdtrik", POISSON, "k", "p m")
special("pdtr", None, lambda out, k, m: -gamma_density(np.floor(k) + 1, m))
special("pdtrc", None, lambda out, k, m: gamma_density(np.floor(k) + 1, m))
special("pdtri", None, lambda out, k, y: -1 / gamma_density(np.trunc(k) + 1, out))

# -- beta family: beta, binomial, negative binomial, F, Student's t ---------------------------------------------------
BETA: dict[str, Callable] = {"a": beta_first, "b": beta_second, "x": beta_density}
solved("btdtria", BETA, "a", "p b x")
solved("btdtrib", BETA, "b", "a p x")

# The binomial sums for real k and n: I_{1-p}(n - k, k + 1) and I_p(n, k + 1) (DLMF 8.17.5).
BINOMIAL: dict[str, Callable] = {
    "k": lambda k, n, p: beta_second(n - k, k + 1, 1 - p) - beta_first(n - k, k + 1, 1 - p),
    "n": lambda k, n, p: beta_first(n - k, k + 1, 1 - p),
    "p": lambda k, n, p: -beta_density(n - k, k + 1, 1 - p),
}
solved("bdtrik", BINOMIAL, "k", "y n p")
solved("bdtrin", BINOMIAL, "n", "k y p")

NEGATIVE_BINOMIAL: dict[str, Callable] = {
    "k": lambda k, n, p: beta_second(n, k + 1, p),
    "n": lambda k, n, p: beta_first(n, k + 1, p),
    "p": lambda k, n, p: beta_density(n, k + 1, p),
}
solved("nbdtrik", NEGATIVE_BINOMIAL, "k", "y n p")
solved("nbdtrin", NEGATIVE_BINOMIAL, "n", "k y p")


def _binomial(k: Any, n: Any, p: Any) -> Any:
    """-d/dp of the sum over 0..k; that sum is the constant 1 for k ≥ n."""
    k, n = np.floor(k), np.trunc(n)
    all_of_them = (k >= n) | (k < 0)
    return np.where(all_of_them, 0, beta_density(np.where(all_of_them, 1, k + 1), np.where(all_of_them, 1, n - k), p))


def _negative_binomial(k: Any, n: Any, p: Any) -> Any:
    return beta_density(np.trunc(n), np.trunc(k) + 1, p)


special("bdtr", None, None, lambda out, k, n, p: -_binomial(k, n, p))
special("bdtrc", None, None, lambda out, k, n, p: _binomial(k, n, p))
special("bdtri", None, None, lambda out, k, n, y: -1 / _binomial(k, n, out))
special("nbdtr", None, None, lambda out, k, n, p: _negative_binomial(k, n, p))
special("nbdtrc", None, None, lambda out, k, n, p: -_negative_binomial(k, n, p))
special("nbdtri", None, None, lambda out, k, n, y: 1 / _negative_binomial(k, n, out))


def _f(first: Callable | None, weight: Callable) -> Callable:
    """A slope of I_w(n/2, d/2), w = n x/(d + n x): half the slope in a or b, and the density times dw = weight/(d + n x)²."""

    def slope(n: Any, d: Any, x: Any) -> Any:
        total = d + n * x
        w = n * x / total
        through_w = beta_density(n / 2, d / 2, w) * weight(n, d, x) / (total * total)
        return through_w if first is None else first(n / 2, d / 2, w) / 2 + through_w

    return slope


F: dict[str, Callable] = {
    "dfn": _f(beta_first, lambda n, d, x: d * x),
    "dfd": _f(beta_second, lambda n, d, x: -n * x),
    "x": _f(None, lambda n, d, x: n * d),
}
cumulative("fdtr", F)
cumulative("fdtrc", F, -1)
solved("fdtri", F, "x", "dfn dfd p")
solved("fdtridfd", F, "dfd", "dfn p x")


def t_density(df: Any, t: Any) -> Any:
    """(1 + t²/df)^(-(df + 1)/2) / (√df B(½, df/2)); the normal density for df = inf."""
    normal = np.isinf(df)
    safe = np.where(normal, 1.0, df)
    student = np.exp((safe + 1) / -2 * np.log1p(t * t / safe) - sc.betaln(0.5, safe / 2)) / np.sqrt(safe)
    return np.where(normal, normal_density(t), student)


def _t_freedom(df: Any, t: Any) -> Any:
    """The tail is I_w(df/2, ½)/2 with w = df/(df + t²); 0 at t = 0, where it is ½ for every df, and at df = inf."""
    constant = (t == 0) | np.isinf(df)
    df, t = np.where(constant, 1.0, df), np.where(constant, 1.0, t)
    total = df + t * t
    w = df / total
    tail = (beta_first(df / 2, 0.5, w) / 2 + beta_density(df / 2, 0.5, w) * t * t / (total * total)) / 2
    return np.where(constant, 0, -np.sign(t) * tail)


STUDENT: dict[str, Callable] = {"df": _t_freedom, "t": t_density}
cumulative("stdtr", STUDENT)
solved("stdtrit", STUDENT, "t", "df p")
solved("stdtridf", STUDENT, "df", "p t")

# -- parameters of the normal distribution, from x = mean + sd z, z = ndtri(p) ----------------------------------------


def _quantile_slope(z: Any) -> Any:
    return SQRT_2PI * np.exp(z * z / 2)


special("nrdtrimn", lambda out, p, std, x: -std * _quantile_slope(sc.ndtri(p)), lambda out, p, std, x: -sc.ndtri(p), 1)
special(
    "nrdtrisd",
    lambda out, mn, p, x: -1 / sc.ndtri(p),
    lambda out, mn, p, x: -out * _quantile_slope(sc.ndtri(p)) / sc.ndtri(p),
    lambda out, mn, p, x: 1 / sc.ndtri(p),
)


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
special("kolmogi", lambda out, p: 1 / kolmogorov_slope(out))


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
special("smirnovi", None, lambda out, n, p: 1 / smirnov_derivative(1, n, out))
