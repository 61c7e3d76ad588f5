"""Powers, logarithms, exponentials, Box-Cox transforms, entropies and losses."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from wengert.core.partials import over
from wengert.ops.elementwise import power_base, power_exponent
from wengert.ops.special.declare import sc, special

LN2, LN10, DEGREE = math.log(2), math.log(10), math.pi / 180

special("cbrt", over(lambda out, x: 3 * out * out))
special("exp2", lambda out, x: out * LN2)
special("exp10", lambda out, x: out * LN10)
special("expm1", lambda out, x: np.exp(x))
special("log1p", over(lambda out, x: 1 + x))
special("cosm1", lambda out, x: -np.sin(x))
special("sindg", lambda out, x: DEGREE * sc.cosdg(x))
special("cosdg", lambda out, x: -DEGREE * sc.sindg(x))
special("tandg", lambda out, x: DEGREE * (1 + out * out))
special("cotdg", lambda out, x: -DEGREE * (1 + out * out))
special("radian", DEGREE, DEGREE / 60, DEGREE / 3600)
special("round", None)
special("powm1", lambda out, x, y: power_base(out, x, y), lambda out, x, y: power_exponent(np.power(x, y), x, y))

# -- logistic ---------------------------------------------------------------------------------------------------------
special("expit", lambda out, x: out * sc.expit(-x))
special("logit", over(lambda out, x: x * (1 - x)))
special("log_expit", lambda out, x: sc.expit(-x))


# -- exprel and the Box-Cox family: (eˣ - 1)/x = ₁F₁(1; 2; x) is smooth where its formula is 0/0 ----------------------
def exprel_slope(x: Any) -> Any:
    """d/dx (eˣ - 1)/x = ₁F₁(2; 3; x)/2 (DLMF 13.3.15), without cancellation at 0 and at -inf.

    It is inf long before 1e4 and 0 at -1e300; further out SciPy's ₁F₁ answers nan, or does not come back.
    """
    return sc.hyp1f1(2.0, 3.0, np.where(x > 1e4, 1e4, np.where(x < -1e300, -1e300, x))) / 2


def log1p_ratio_slope(u: Any) -> Any:
    """d/du log(1 + u)/u = -₂F₁(2, 2; 3; -u)/2 (DLMF 15.4.1, 15.5.1)."""
    return sc.hyp2f1(2.0, 2.0, 3.0, -u) / -2


def boxcox_exponent(log_x: Any, lmbda: Any) -> Any:
    """d/dλ of (x^λ - 1)/λ = log(x) exprel(λ log x); at x = 0 its limit 1/λ² (λ > 0)."""
    zero = np.isneginf(log_x)
    safe = np.where(zero, 0.0, log_x)
    at_zero = np.where(lmbda > 0, 1 / np.where(lmbda == 0, 1.0, lmbda) ** 2, np.inf)
    return np.where(zero, at_zero, safe * safe * exprel_slope(lmbda * safe))


special("exprel", lambda out, x: exprel_slope(x))
special("boxcox", lambda out, x, lmbda: np.power(x, lmbda - 1), lambda out, x, lmbda: boxcox_exponent(np.log(x), lmbda))
special(
    "boxcox1p",
    lambda out, x, lmbda: np.power(1 + x, lmbda - 1),
    lambda out, x, lmbda: boxcox_exponent(np.log1p(x), lmbda),
)
special(
    "inv_boxcox",
    lambda out, y, lmbda: out / (1 + lmbda * y),
    lambda out, y, lmbda: out * y * y * log1p_ratio_slope(lmbda * y),
)
special(
    "inv_boxcox1p",
    lambda out, y, lmbda: (1 + out) / (1 + lmbda * y),
    lambda out, y, lmbda: (1 + out) * y * y * log1p_ratio_slope(lmbda * y),
)

# -- x log y: where x is 0 the function of y is the constant 0 --------------------------------------------------------
special("xlogy", lambda out, x, y: np.log(y), lambda out, x, y: np.where(x == 0, 0, x / np.where(x == 0, 1, y)))
special("xlog1py", lambda out, x, y: np.log1p(y), lambda out, x, y: np.where(x == 0, 0, x / np.where(x == 0, 1, 1 + y)))
special("entr", lambda out, x: -np.log(x) - 1)
special(
    "rel_entr", lambda out, x, y: np.log(x / y) + 1, lambda out, x, y: np.where(x == 0, 0, -x / np.where(x == 0, 1, y))
)
special(
    "kl_div", lambda out, x, y: np.log(x / y), lambda out, x, y: np.where(x == 0, 1, 1 - x / np.where(x == 0, 1, y))
)


# -- losses -----------------------------------------------------------------------------------------------------------
def _pseudo_huber_delta(out: Any, delta: Any, r: Any) -> Any:
    """2δ(s - 1) - r²/(δ s) with s = √(1 + q²), q = r/δ, put so that nothing cancels: δ q⁴ / (s (s + 1)²)."""
    q = r / np.where(delta == 0, 1, delta)
    s = np.sqrt(1 + q * q)
    return np.where(delta == 0, 0, delta * q**4 / (s * (s + 1) ** 2))


def _pseudo_huber_r(out: Any, delta: Any, r: Any) -> Any:
    q = r / np.where(delta == 0, 1, delta)
    return np.where(delta == 0, 0, r / np.sqrt(1 + q * q))


special(
    "huber",
    lambda out, delta, r: np.where(np.abs(r) > delta, np.abs(r) - delta, 0),
    lambda out, delta, r: np.where(np.abs(r) > delta, delta * np.sign(r), r),
)
special("pseudo_huber", _pseudo_huber_delta, _pseudo_huber_r)


# -- inverses of elementary functions ---------------------------------------------------------------------------------
special("wrightomega", lambda out, z: out / (1 + out))
special("_lambertw", lambda out, z, k, tol: np.exp(-out) / (1 + out), None, None)  # DLMF 4.13.4


def _tukey_density(out: Any, x: Any, lmbda: Any) -> Any:
    """1/Q'(p) for the quantile function Q(p) = (p^λ - (1 - p)^λ)/λ; 0 outside the support."""
    return 1 / (np.power(out, lmbda - 1) + np.power(1 - out, lmbda - 1))


def _tukey_lambda(out: Any, x: Any, lmbda: Any) -> Any:
    inside = (out > 0) & (out < 1)
    p = np.where(inside, out, 0.5)
    shift = boxcox_exponent(np.log(p), lmbda) - boxcox_exponent(np.log1p(-p), lmbda)
    return np.where(inside, -shift * _tukey_density(p, x, lmbda), 0)


special(
    "tklmbda",
    lambda out, x, lmbda: np.where(
        (out > 0) & (out < 1), _tukey_density(np.where((out > 0) & (out < 1), out, 0.5), x, lmbda), 0
    ),
    _tukey_lambda,
)
