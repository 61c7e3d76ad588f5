"""Discrete Fourier transforms: one linear map, its four kinds and their compositions over several axes.

A transform is linear, so an edge holds no data but lengths: forward and adjoint are transforms again. The shifts
are rolls. This room knows no other family.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from wengert.core.linear import Conjugate, LinearMap, Shape, put
from wengert.core.primitive import structured
from wengert.core.registry import implements
from wengert.ops.targets import deliver

# The adjoint of a transform is unscaled where it is scaled: <g, F t> = <Fᴴ g, t>, and Fᴴ = n F⁻¹.
_OTHER_DIRECTION = {None: "forward", "backward": "forward", "forward": "backward", "ortho": "ortho"}
_ADJOINT = {"fft": "ifft", "ifft": "fft", "rfft": "irfft", "irfft": "rfft"}
_LABEL = {"fft": "FFT", "ifft": "FFT⁻¹", "rfft": "real FFT", "irfft": "real FFT⁻¹"}


class Fourier(LinearMap):
    """A one-dimensional transform along an axis: cut or padded to `n` samples, transformed, scaled by `norm`.

    `kind` is "fft", "ifft", "rfft" (real to half a spectrum) or "irfft" (half a spectrum to real).

    >>> import numpy as np
    >>> F = Fourier("rfft", (3,), -1, 3, None)
    >>> F.push(np.array([1.0, 1.0, 1.0])).real
    array([3., 0.])
    >>> F.pull(np.array([1.0 + 0j, 0.0]))
    array([1., 1., 1.])
    """

    def __init__(self, kind: str, in_shape: Shape, axis: int, n: int | None, norm: str | None):
        self.in_shape = tuple(in_shape)
        self.kind, self.norm = kind, norm
        self.axis = axis % len(in_shape) - len(in_shape)  # counted from the end: stacked axes do not move it
        self.length = self.in_shape[self.axis]
        if n is None:
            n = 2 * (self.length - 1) if kind == "irfft" else self.length
        self.n = int(n)
        out = list(self.in_shape)
        out[self.axis] = self.n // 2 + 1 if kind == "rfft" else self.n
        self.out_shape = tuple(out)

    @property
    def label(self) -> str:  # type: ignore[override]
        return f"{_LABEL[self.kind]} axis {self.axis}"

    def push(self, tangent: Any) -> Any:
        return getattr(np.fft, self.kind)(tangent, n=self.n, axis=self.axis, norm=self.norm)

    def pull(self, cotangent: Any) -> Any:
        adjoint = getattr(np.fft, _ADJOINT[self.kind])
        norm = _OTHER_DIRECTION[self.norm]
        if self.kind == "rfft":
            # Half a spectrum is given, and irfft reads each inner bin as one of a conjugate pair.
            halved = cotangent * self._bins(0.5, cotangent)
            return self._fitted(adjoint(halved, n=self.n, axis=self.axis, norm=norm))
        image = adjoint(cotangent, n=self.n, axis=self.axis, norm=norm)
        if self.kind == "irfft":
            image = image * self._bins(2.0, image)
        return self._fitted(image)

    def pattern(self) -> np.ndarray:
        """Along the axis every output depends on every sample that was not cut off."""
        along = np.zeros((self.out_shape[self.axis], self.length), bool)
        along[:, : self.n // 2 + 1 if self.kind == "irfft" else self.n] = True
        place = self.axis + len(self.in_shape)
        before, after = math.prod(self.in_shape[:place]), math.prod(self.in_shape[place + 1 :])
        return np.kron(np.kron(np.eye(before, dtype=bool), along), np.eye(after, dtype=bool))

    def _bins(self, inner: float, spectrum: Any) -> np.ndarray:
        """Weights along the axis: `inner` for the bins that stand for two, 1 for the first and an even n's last."""
        weights = np.full(self.n // 2 + 1, inner, np.finfo(spectrum.dtype).dtype)
        weights[0] = 1
        if self.n % 2 == 0:
            weights[-1] = 1
        return weights.reshape((-1,) + (1,) * (-self.axis - 1))

    def _fitted(self, image: Any) -> Any:
        """Undo the cut (zeros) or the padding (cut) along the axis."""
        found = image.shape[self.axis]
        rest = (slice(None),) * (-self.axis - 1)
        if found > self.length:
            return image[(Ellipsis, slice(self.length), *rest)]
        if found < self.length:
            shape = list(image.shape)
            shape[self.axis] = self.length
            return put(image, tuple(shape), (Ellipsis, slice(found), *rest), True)
        return image


# -- one axis -------------------------------------------------------------------------------------------------------------


def _one_axis(kind: str) -> Callable:
    def edge(out, a, n=None, axis=-1, norm=None) -> LinearMap:
        return Fourier(kind, a.shape, axis, n, norm)

    return edge


def _hfft_edge(out, a, n=None, axis=-1, norm=None) -> LinearMap:
    return Fourier("irfft", a.shape, axis, n, _OTHER_DIRECTION[norm]) @ Conjugate(a.shape)


def _ihfft_edge(out, a, n=None, axis=-1, norm=None) -> LinearMap:
    transform = Fourier("rfft", a.shape, axis, n, _OTHER_DIRECTION[norm])
    return Conjugate(transform.out_shape) @ transform


# -- several axes ---------------------------------------------------------------------------------------------------------


def _lengths(shape: Shape, s: Any, axes: Any, half: bool) -> list[tuple[int | None, int]]:
    """(n, axis) for each transformed axis, as NumPy reads `s` and `axes`; None is the transform's own default."""
    if axes is None:
        axes = range(-(len(shape) if s is None else len(s)), 0)
    axes = list(axes)
    if s is None:
        lengths: list = [shape[axis] for axis in axes]
        if half:
            lengths[-1] = None
    else:
        lengths = [shape[axis] if n == -1 else n for n, axis in zip(s, axes, strict=True)]
    return list(zip(lengths, axes, strict=True))


def _several_axes(steps: Callable, default_axes: Any, half: bool = False) -> Callable:
    """The edge of a transform over several axes: `steps` says which kind runs over which of them, in order."""

    def edge(out, a, s=None, axes=default_axes, norm=None) -> LinearMap | None:
        composed: LinearMap | None = None
        shape = a.shape
        for kind, (n, axis) in steps(_lengths(shape, s, axes, half)):
            step = Fourier(kind, shape, axis, n, norm)
            composed, shape = step if composed is None else step @ composed, step.out_shape
        return composed

    return edge


def _all(kind: str) -> Callable:
    return lambda lengths: [(kind, pair) for pair in reversed(lengths)]


def _real_first(lengths: list) -> list:
    return [("rfft", lengths[-1]), *(("fft", pair) for pair in reversed(lengths[:-1]))]


def _real_last(lengths: list) -> list:
    return [*(("ifft", pair) for pair in lengths[:-1]), ("irfft", lengths[-1])]


def _declare(function: Callable, edge: Callable) -> None:
    """The primitive, and in front of it NumPy's `out=`: a write into a variable, which a primitive does not do."""
    transform = structured(function, edge)

    @implements(function)
    def with_out(*args: Any, out: Any = None, **params: Any) -> Any:
        if len(args) > 4:
            args, out = args[:4], args[4]
        return deliver(transform(*args, **params), out)


for _kind in ("fft", "ifft", "rfft", "irfft"):
    _declare(getattr(np.fft, _kind), _one_axis(_kind))
_declare(np.fft.hfft, _hfft_edge)
_declare(np.fft.ihfft, _ihfft_edge)
for _suffix, _axes in (("2", (-2, -1)), ("n", None)):
    _declare(getattr(np.fft, "fft" + _suffix), _several_axes(_all("fft"), _axes))
    _declare(getattr(np.fft, "ifft" + _suffix), _several_axes(_all("ifft"), _axes))
    _declare(getattr(np.fft, "rfft" + _suffix), _several_axes(_real_first, _axes))
    _declare(getattr(np.fft, "irfft" + _suffix), _several_axes(_real_last, _axes, half=True))


# -- shifts ---------------------------------------------------------------------------------------------------------------


def _shifted(x: Any, axes: Any, steps: Callable) -> Any:
    if axes is None:
        axes = tuple(range(x.ndim))
    elif isinstance(axes, (int, np.integer)):
        return np.roll(x, steps(x.shape[axes]), axes)
    return np.roll(x, [steps(x.shape[axis]) for axis in axes], axes)


@implements(np.fft.fftshift)
def fftshift(x, axes=None):
    return _shifted(x, axes, lambda n: n // 2)


@implements(np.fft.ifftshift)
def ifftshift(x, axes=None):
    return _shifted(x, axes, lambda n: -(n // 2))
