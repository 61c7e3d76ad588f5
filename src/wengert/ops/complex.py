"""Complex numbers and dtypes: real and imaginary parts, conjugates, angles, casts."""

from __future__ import annotations

from typing import Any

import numpy as np

from wengert.core.linear import Cast, Compose, Conjugate, Identity, Imag, LinearMap, Real, Scale
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


def _sign_value(x: Any) -> Any:
    return np.sign(x)


def _sign_edge(out, x) -> LinearMap | None:
    """For u = z / |z|: du = (dz - u Re(conj(u) dz)) / |z|, the part of dz across u. A real sign is constant."""
    if not is_complex(x):
        return None
    size = np.abs(x)
    along = Scale(out, x.shape) @ Real(x.shape).T @ Real(x.shape) @ Scale(np.conjugate(out), x.shape)
    return Scale(np.where(size == 0, 0, 1 / np.where(size == 0, 1, size)), x.shape) @ (Identity(x.shape) - along)


sign = structured(_sign_value, _sign_edge, name="sign")
rules[np.sign] = sign


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


# -- np.emath: functions that leave the real line where they have to -----------------------------------------------------


def _on_line(x: Any, inside: Any) -> Any:
    """The operand, as a complex one if it is real and has entries outside a function's real domain."""
    value = np.asarray(plain(x))
    if value.dtype.kind == "c" or np.all(inside(value)):
        return x
    return in_dtype(x, np.complex64 if value.dtype == np.float32 else np.complex128)


def _not_negative(value: np.ndarray) -> Any:
    return ~(value < 0)


def _within_one(value: np.ndarray) -> Any:
    return ~(np.abs(value) > 1)


def _wider(function: Any, inside: Any) -> Any:
    return lambda x: function(_on_line(x, inside))


for _inside, _names in {
    _not_negative: ("sqrt", "log", "log2", "log10"), _within_one: ("arccos", "arcsin", "arctanh"),
}.items():  # fmt: skip
    for _name in _names:
        implements(getattr(np.emath, _name))(_wider(getattr(np, _name), _inside))


@implements(np.emath.logn)
def logn(n, x):
    return np.log(_on_line(x, _not_negative)) / np.log(_on_line(n, _not_negative))


@implements(np.emath.power)
def power(x, p):
    if not isinstance(p, Variable):
        p = np.asarray(p)  # of its own dtype, as in NumPy, where a bare number would take that of x
        p = p if np.all(p >= 0) else p * 1.0  # whole and negative
    return np.power(_on_line(x, _not_negative), p)
