"""Complex numbers and dtypes: real and imaginary parts, conjugates, angles, casts."""

from __future__ import annotations

from typing import Any

import numpy as np

from wengert.core.linear import Cast, Compose, Conjugate, Identity, Imag, LinearMap, Real
from wengert.core.primitive import structured
from wengert.core.registry import implements, rules
from wengert.core.variable import Variable, dtype_of
from wengert.ops.constants import plain


def is_complex(x: Any) -> bool:
    return dtype_of(x).kind == "c"


real_ = structured(np.real, lambda out, val: Real(val.shape))
imag_ = structured(np.imag, lambda out, val: Imag(val.shape))


@implements(np.real)
def real(val):
    return real_(val) if is_complex(val) else val


@implements(np.imag)
def imag(val):
    return imag_(val) if is_complex(val) else np.imag(plain(val))


def _conjugate_value(x: Any) -> Any:
    return np.conjugate(x)


conjugate = structured(
    _conjugate_value, lambda out, x: Conjugate(x.shape) if is_complex(x) else Identity(x.shape), name="conjugate"
)
rules[np.conjugate] = conjugate


@implements(np.angle)
def angle(z, deg=False):
    y, x = (np.imag(z), np.real(z)) if is_complex(z) else (0.0, z)
    theta = np.arctan2(y, x)
    return theta * (180 / np.pi) if deg else theta


@implements(np.real_if_close)
def real_if_close(a, tol=100):
    return a if np.iscomplexobj(np.real_if_close(plain(a), tol)) else np.real(a)


# -- casts ------------------------------------------------------------------------------------------------------------


def _astype_value(a: Any, dtype: Any, order: str = "K", casting: str = "unsafe", copy: bool = True) -> Any:
    if hasattr(a, "astype"):
        return a.astype(dtype, order=order, casting=casting, copy=copy)
    return np.asarray(a).astype(dtype, casting=casting)[()]


def _astype_edge(out, a, **params) -> LinearMap:
    if is_complex(a) == is_complex(out):
        return Cast(a.shape, dtype_of(out))
    if is_complex(a):
        return Compose(Cast(a.shape, dtype_of(out)), Real(a.shape))
    return Compose(Real(a.shape).T, Cast(a.shape, np.empty(0, dtype_of(out)).real.dtype))


astype_ = structured(_astype_value, _astype_edge, name="astype")


@implements(np.astype)
def astype(x, dtype, /, *, copy=True, device=None):
    if not copy and dtype_of(x) == np.dtype(dtype):
        return x
    return astype_(x, dtype=dtype)


def in_dtype(x: Any, dtype: Any) -> Any:
    """An array-like in the given dtype: a variable stays one, anything else becomes an array."""
    return astype(x, dtype, copy=False) if isinstance(x, Variable) else np.asarray(x).astype(dtype, copy=False)
