"""Noncentral χ², F and t distributions: in the variable and in the noncentrality, which are both closed."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from wengert.core.primitive import unsupported
from wengert.ops.special.declare import sc
from wengert.ops.special.distributions import NO_CLOSED_FORM, cumulative, solved
from wengert.ops.special.error_functions import SQRT_2PI
from wengert.ops.special.incomplete import beta_density


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


CHI2 = {
    "x": chi2_density,
    "df": unsupported("df", NO_CLOSED_FORM),
    "nc": lambda x, df, nc: -chi2_density(x, df + 2, nc),
}
cumulative("chndtr", CHI2)
solved("chndtrix", CHI2, "x", "p df nc")
solved("chndtrinc", CHI2, "nc", "x df p")
solved("chndtridf", CHI2, "df", "x p nc")


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


F = {
    "dfn": unsupported("dfn", NO_CLOSED_FORM),
    "dfd": unsupported("dfd", NO_CLOSED_FORM),
    "nc": _f_noncentrality,
    "f": noncentral_f_density,
}
cumulative("ncfdtr", F)
solved("ncfdtri", F, "f", "dfn dfd nc p")
solved("ncfdtrinc", F, "nc", "dfn dfd p f")
solved("ncfdtridfd", F, "dfd", "dfn p nc f")
solved("ncfdtridfn", F, "dfn", "dfd p nc f")


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


STUDENT = {
    "df": unsupported("df", NO_CLOSED_FORM),
    "nc": lambda df, nc, t: -_t_moment(0, df, nc, t),
    "t": lambda df, nc, t: _t_moment(1, df, nc, t),
}
cumulative("nctdtr", STUDENT)
solved("nctdtrit", STUDENT, "t", "df nc p")
solved("nctdtrinc", STUDENT, "nc", "df p t")
solved("nctdtridf", STUDENT, "df", "p nc t")
