"""Error functions and their kin (DLMF 7), the normal distribution, Voigt's profile, Owen's T."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from wengert.ops.special.declare import is_complex, sc, special

TWO_OVER_SQRT_PI = 2 / math.sqrt(math.pi)
SQRT_2, SQRT_PI, SQRT_2PI = math.sqrt(2), math.sqrt(math.pi), math.sqrt(2 * math.pi)
FAR = 40.0  # from here on the asymptotic series below is exact to the last digit


def _far_slope(z: Any, sign: int) -> Any:
    """Σ (2k + 1)!! signᵏ/(2ᵏ z^(2k + 2)): what is left of 1 - z·(...) when both are nearly equal (DLMF 7.12.1)."""
    near = np.abs(z) < FAR
    square = 1 / np.where(near, FAR, z) ** 2
    total = 0.0
    for k in range(7, -1, -1):
        total = square * (math.prod(range(1, 2 * k + 2, 2)) * (sign / 2) ** k + total)
    return total


def wofz_slope(w: Any, z: Any) -> Any:
    """w'(z) = 2i/√π - 2 z w(z) (DLMF 7.10.2), by its asymptotic series in the upper half-plane far from 0."""
    far = (np.abs(z) >= FAR) & (np.imag(z) >= 0)
    return np.where(far, -1j / SQRT_PI * _far_slope(z, 1), 1j * TWO_OVER_SQRT_PI - 2 * z * w)


def _erfcx(out: Any, z: Any) -> Any:
    far = (np.abs(z) >= FAR) & (np.real(z) >= 0)
    return np.where(far, -_far_slope(z, -1) / SQRT_PI, 2 * z * out - TWO_OVER_SQRT_PI)


def _dawsn(out: Any, z: Any) -> Any:
    near = 1 - 2 * z * out
    return near if is_complex(z) else np.where(np.abs(z) >= FAR, _far_slope(z, 1) / -2, near)


special("erf", lambda out, z: TWO_OVER_SQRT_PI * np.exp(-z * z))  # DLMF 7.2.1
special("erfc", lambda out, z: -TWO_OVER_SQRT_PI * np.exp(-z * z))
special("erfi", lambda out, z: TWO_OVER_SQRT_PI * np.exp(z * z))
special("erfcx", _erfcx)
special("dawsn", _dawsn)  # DLMF 7.10.3
special("wofz", lambda out, z: wofz_slope(out, z))
special("erfinv", lambda out, y: SQRT_PI / 2 * np.exp(out * out))
special("erfcinv", lambda out, y: -SQRT_PI / 2 * np.exp(out * out))

# -- the normal distribution ------------------------------------------------------------------------------------------


def normal_density(x: Any) -> Any:
    return np.exp(x * x / -2) / SQRT_2PI


special("ndtr", lambda out, x: normal_density(x))
special("ndtri", lambda out, p: SQRT_2PI * np.exp(out * out / 2))
special("log_ndtr", lambda out, x: TWO_OVER_SQRT_PI / SQRT_2 / sc.erfcx(x / -SQRT_2))
special("ndtri_exp", lambda out, y: SQRT_PI / SQRT_2 * sc.erfcx(out / -SQRT_2))
special(
    "owens_t",
    lambda out, h, a: sc.erf(a * h / SQRT_2) * np.exp(h * h / -2) / (-2 * SQRT_2PI),
    lambda out, h, a: np.exp(h * h * (1 + a * a) / -2) / (2 * math.pi * (1 + a * a)),
)

# -- Fresnel integrals (DLMF 7.2.7-8) ---------------------------------------------------------------------------------
ROOT_I = np.exp(0.25j * math.pi)

special("fresnel", lambda out, z: (np.sin(math.pi / 2 * z * z), np.cos(math.pi / 2 * z * z)))
special("modfresnelp", lambda out, x: (-np.exp(1j * x * x), -2j * x * out[1] - complex(ROOT_I.conjugate()) / SQRT_PI))
special("modfresnelm", lambda out, x: (-np.exp(-1j * x * x), 2j * x * out[1] - complex(ROOT_I) / SQRT_PI))


# -- Voigt's profile Re w(z)/(σ√2π), z = (x + iγ)/(σ√2); at σ = 0 Cauchy's density ------------------------------------
def _voigt(x: Any, sigma: Any, gamma: Any) -> tuple:
    safe = np.where(sigma == 0, 1.0, sigma)
    z = (x + 1j * gamma) / (safe * SQRT_2)
    return z, wofz_slope(sc.wofz(z), z), safe


def _voigt_x(out: Any, x: Any, sigma: Any, gamma: Any) -> Any:
    _, slope, s = _voigt(x, sigma, gamma)
    r = np.where(sigma == 0, x * x + gamma * gamma, 1.0)
    return np.where(sigma == 0, -2 * x * gamma / (math.pi * r * r), np.real(slope) / (2 * SQRT_PI * s * s))


def _voigt_sigma(out: Any, x: Any, sigma: Any, gamma: Any) -> Any:
    z, slope, s = _voigt(x, sigma, gamma)
    return np.where(sigma == 0, 0.0, -out / s - np.real(slope * z) / (SQRT_2PI * s * s))


def _voigt_gamma(out: Any, x: Any, sigma: Any, gamma: Any) -> Any:
    _, slope, s = _voigt(x, sigma, gamma)
    r = np.where(sigma == 0, x * x + gamma * gamma, 1.0)
    cauchy = (x * x - gamma * gamma) / (math.pi * r * r)
    return np.where(sigma == 0, cauchy, -np.imag(slope) / (2 * SQRT_PI * s * s))


special("voigt_profile", _voigt_x, _voigt_sigma, _voigt_gamma)
