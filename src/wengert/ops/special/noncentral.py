"""Noncentral χ², F and t distributions: in the variable and in the noncentrality, which are both closed."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from wengert.ops.special.declare import sc, special
from wengert.ops.special.distributions import no_closed_form
from wengert.ops.special.error_functions import SQRT_2PI
from wengert.ops.special.gamma_beta import beta_density


# -- χ²: dF/dx = f(x; df, nc), dF/dnc = -f(x; df + 2, nc) -------------------------------------------------------------
def chi2_density(x: Any, df: Any, nc: Any) -> Any:
    """½ e^-(x + nc)/2 (x/2)^(df/2 - 1) ₀F₁(; df/2; nc x/4)/Γ(df/2); by the scaled Bessel function where that overflows."""
    product = x * nc
    near = product < 100
    central = np.exp(sc.xlogy(df / 2 - 1, x / 2) - (x + nc) / 2 - sc.gammaln(df / 2)) / 2
    small = sc.hyp0f1(df / 2, np.where(near, product, 1) / 4)
    far_x, far_nc = np.where(near, 1, x), np.where(near, 1, nc)
    gap = np.sqrt(far_x) - np.sqrt(far_nc)
    large = np.exp(gap * gap / -2 + (df - 2) / 4 * np.log(far_x / far_nc))
    return np.where(near, central * small, large * sc.ive(df / 2 - 1, np.sqrt(far_x * far_nc)) / 2)


_df = no_closed_form("df")
special("chndtr", lambda out, x, df, nc: chi2_density(x, df, nc), *_df,
        lambda out, x, df, nc: -chi2_density(x, df + 2, nc), singular=True)  # fmt: skip
special("chndtrix", lambda out, p, df, nc: 1 / chi2_density(out, df, nc), *_df,
        lambda out, p, df, nc: chi2_density(out, df + 2, nc) / chi2_density(out, df, nc), singular=True)  # fmt: skip
special("chndtrinc", lambda out, x, df, p: chi2_density(x, df, out) / chi2_density(x, df + 2, out), *_df,
        lambda out, x, df, p: -1 / chi2_density(x, df + 2, out), singular=True)  # fmt: skip
special("chndtridf", *no_closed_form("x", "p", "nc"))


# -- F: Poisson mixtures of beta distributions, summed by Kummer's function -------------------------------------------
def _beta_share(dfn: Any, dfd: Any, f: Any) -> tuple:
    total = dfd + dfn * f
    return dfn * f / total, dfn * dfd / (total * total)


def noncentral_f_density(dfn: Any, dfd: Any, nc: Any, f: Any) -> Any:
    a, b = dfn / 2, dfd / 2
    w, dw = _beta_share(dfn, dfd, f)
    return dw * beta_density(a, b, w) * np.exp(nc / -2) * sc.hyp1f1(a + b, a, nc * w / 2)


def _f_noncentrality(dfn: Any, dfd: Any, nc: Any, f: Any) -> Any:
    """dF/dnc: I_w(a + 1, b) - I_w(a, b) = -w^a (1 - w)^b/(a B(a, b)) (DLMF 8.17.20) under the mixture."""
    a, b = dfn / 2, dfd / 2
    w, _ = _beta_share(dfn, dfd, f)
    term = np.exp(sc.xlogy(a, w) + sc.xlog1py(b, -w) - sc.betaln(a, b) - nc / 2) / a
    return term * sc.hyp1f1(a + b, a + 1, nc * w / 2) / -2


_dfs = no_closed_form("dfn", "dfd")
special("ncfdtr", *_dfs, lambda out, dfn, dfd, nc, f: _f_noncentrality(dfn, dfd, nc, f),
        lambda out, dfn, dfd, nc, f: noncentral_f_density(dfn, dfd, nc, f), singular=True)  # fmt: skip
special("ncfdtri", *_dfs,
        lambda out, dfn, dfd, nc, p: -_f_noncentrality(dfn, dfd, nc, out) / noncentral_f_density(dfn, dfd, nc, out),
        lambda out, dfn, dfd, nc, p: 1 / noncentral_f_density(dfn, dfd, nc, out), singular=True)  # fmt: skip
special("ncfdtrinc", *_dfs, lambda out, dfn, dfd, p, f: 1 / _f_noncentrality(dfn, dfd, out, f),
        lambda out, dfn, dfd, p, f: -noncentral_f_density(dfn, dfd, out, f) / _f_noncentrality(dfn, dfd, out, f),
        singular=True)  # fmt: skip
special("ncfdtridfd", *no_closed_form("dfn", "p", "nc", "f"))
special("ncfdtridfn", *no_closed_form("dfd", "p", "nc", "f"))


# -- t: (Z + nc)/√(V/df) given V is normal; what is left over V is a parabolic cylinder function ----------------------
def _half_line(p: Any, y: Any) -> Any:
    """∫₀^∞ s^(p - 1) e^(-s²/2 + ys) ds = Γ(p) e^(y²/4) D_-p(-y) (DLMF 12.5.1), by Kummer's functions (12.7.12-14)."""
    right = y > -1
    u, v = np.where(right, y, 0), np.where(right, -1, y)
    even = sc.gamma(p / 2) * sc.hyp1f1(p / 2, 0.5, u * u / 2)
    odd = math.sqrt(2) * u * sc.gamma((p + 1) / 2) * sc.hyp1f1((p + 1) / 2, 1.5, u * u / 2)
    left = sc.gamma(p) * np.exp2(p / -2) * sc.hyperu(p / 2, 0.5, v * v / 2)
    return np.where(right, np.exp2(p / 2 - 1) * (even + odd), left)


def _t_moment(k: int, df: Any, nc: Any, t: Any) -> Any:
    """E[sᵏ φ(ts - nc)] for s = √(V/df): k = 1 is the density, k = 0 minus the derivative in nc."""
    scale = np.sqrt(df + t * t)
    constant = np.exp(df / 2 * np.log(df / 2) - sc.gammaln(df / 2) - nc * nc / 2) * 2 / SQRT_2PI
    return constant * scale ** -(df + k) * _half_line(df + k, t * nc / scale)


special("nctdtr", *_df, lambda out, df, nc, t: -_t_moment(0, df, nc, t), lambda out, df, nc, t: _t_moment(1, df, nc, t))
special("nctdtrit", *_df, lambda out, df, nc, p: _t_moment(0, df, nc, out) / _t_moment(1, df, nc, out),
        lambda out, df, nc, p: 1 / _t_moment(1, df, nc, out), singular=True)  # fmt: skip
special("nctdtrinc", *_df, lambda out, df, p, t: -1 / _t_moment(0, df, out, t),
        lambda out, df, p, t: _t_moment(1, df, out, t) / _t_moment(0, df, out, t), singular=True)  # fmt: skip
special("nctdtridf", *no_closed_form("p", "nc", "t"))
