"""numpy.fft: the transforms' adjoints by their matrices, keywords, dtypes and errors; the laws are in test_laws."""

from __future__ import annotations

import warnings

import numpy as np
import pytest

from wengert import Variable, grad, jvp, vjp
from wengert.core.registry import rules
from wengert.core.variable import Variable as Node

rng = np.random.default_rng(3)
REAL_INPUT = ("rfft", "ihfft", "rfft2", "rfftn")
ONE_AXIS = ("fft", "ifft", "rfft", "irfft", "hfft", "ihfft")
SEVERAL = ("fft2", "ifft2", "rfft2", "irfft2", "fftn", "ifftn", "rfftn", "irfftn")


def test_every_public_function_of_arrays_has_a_rule():
    functions = {name for name in dir(np.fft) if callable(getattr(np.fft, name)) and not name.startswith("_")}
    functions -= {"test", "fftfreq", "rfftfreq"}  # of numbers
    assert [name for name in sorted(functions) if getattr(np.fft, name) not in rules] == []


def sample(name, shape):
    x = rng.normal(size=shape)
    return x if name in REAL_INPUT else x + 1j * rng.normal(size=shape)


def real_matrix(function, length, is_complex):
    """The transform as a real matrix on (Re, Im), column by column: an oracle that knows nothing of adjoints."""
    units = np.eye(length)
    columns = [function(u) for u in units] + ([function(1j * u) for u in units] if is_complex else [])
    return np.array([np.concatenate([np.real(c), np.imag(c)]) for c in columns]).T


@pytest.mark.parametrize("norm", [None, "backward", "ortho", "forward"])
@pytest.mark.parametrize("length", range(1, 6))
@pytest.mark.parametrize("name", ONE_AXIS)
def test_adjoint_is_the_transposed_matrix(name, length, norm):
    is_complex = name not in REAL_INPUT
    for n in [None, *range(1, 8)]:
        if n is None and length == 1 and name in ("irfft", "hfft"):
            continue  # NumPy's default would be no sample at all

        def function(x, n=n):
            return getattr(np.fft, name)(x, n, norm=norm)

        matrix = real_matrix(function, length, is_complex)
        value, pull = vjp(function, sample(name, length))
        cotangent = np.random.default_rng(0).normal(size=value.shape) + (
            1j * np.random.default_rng(1).normal(size=value.shape) if value.dtype.kind == "c" else 0
        )
        wanted = matrix.T @ np.concatenate([np.real(cotangent), np.imag(cotangent)])
        (found,) = pull(cotangent)
        found = np.concatenate([np.real(found), np.imag(found)]) if is_complex else found
        np.testing.assert_allclose(found, wanted, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("name", ONE_AXIS + SEVERAL)
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_dtypes_are_kept(name, dtype):
    x = sample(name, (3, 4))
    x = x.astype(np.result_type(dtype, np.complex64) if x.dtype.kind == "c" else dtype)
    value, pull = vjp(getattr(np.fft, name), x)
    plain = getattr(np.fft, name)(x)
    np.testing.assert_array_equal(value, plain)
    assert value.dtype == plain.dtype
    assert pull(value)[0].dtype == x.dtype
    assert jvp(getattr(np.fft, name), (x,), (x,))[1].dtype == plain.dtype


@pytest.mark.parametrize("name", SEVERAL)
@pytest.mark.parametrize(
    "keywords",
    [
        {},
        {"axes": (0, 1)},
        {"axes": [1]},
        {"s": (3, 2), "axes": (0, 2)},
        {"s": (-1, 5), "axes": (1, 2)},
        {"s": (None, 2), "axes": (0, 1)},
        {"s": (3, 2)},
        {"axes": (1, 1)},
        {"axes": (2, 0), "norm": "ortho"},
        {"axes": (-1, 0), "norm": "forward"},
    ],
)
@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_several_axes(name, keywords):
    """<g, F t> = <Fᴴ g, t>, and a linear function is its own derivative."""
    x = sample(name, (2, 3, 4))

    def function(x):
        return getattr(np.fft, name)(x, **keywords)

    value, pushed = jvp(function, (x,), (x,))
    np.testing.assert_array_equal(value, function(x))
    np.testing.assert_allclose(pushed, value, rtol=1e-12, atol=1e-12)
    g = sample("fft" if value.dtype.kind == "c" else "rfft", value.shape)
    (pulled,) = vjp(function, x)[1](g)
    left, right = np.sum(np.real(np.conj(g) * pushed)), np.sum(np.real(np.conj(pulled) * x))
    np.testing.assert_allclose(left, right, rtol=1e-11)


def test_energy_is_kept():
    """Parseval: |F x|² = |x|² with norm="ortho", so its gradient is 2 x; a second derivative through both sweeps."""
    x = sample("fft", 5)
    energy = lambda x: np.sum(np.abs(np.fft.fft(x, norm="ortho")) ** 2)
    np.testing.assert_allclose(grad(energy)(x), 2 * x, rtol=1e-12)
    tangent = sample("fft", 5)
    np.testing.assert_allclose(jvp(grad(energy), (x,), (tangent,))[1], 2 * tangent, rtol=1e-10)


def test_convolution_theorem():
    x, kernel = rng.normal(size=7), rng.normal(size=7)
    fast = lambda x: np.fft.irfft(np.fft.rfft(x) * np.fft.rfft(kernel), 7)
    circulant = np.array([np.roll(kernel, i) for i in range(7)])
    np.testing.assert_allclose(vjp(fast, x)[1](np.arange(7.0))[0], circulant @ np.arange(7.0), atol=1e-12)


@pytest.mark.parametrize("shape", [(4,), (3, 4), (2, 3, 5)])
def test_shifts(shape):
    x, g = rng.normal(size=shape), rng.normal(size=shape)
    for axes in (None, 0, -1, tuple(range(len(shape)))):
        np.testing.assert_array_equal(np.fft.fftshift(Variable(x), axes).val, np.fft.fftshift(x, axes))
        np.testing.assert_array_equal(np.fft.ifftshift(Variable(x), axes).val, np.fft.ifftshift(x, axes))
        (found,) = vjp(lambda x, a=axes: np.fft.fftshift(x, a), x)[1](g)
        np.testing.assert_array_equal(found, np.fft.ifftshift(g, axes))


def test_errors_are_numpys():
    x = rng.normal(size=(2, 3))
    for function in (
        lambda x: np.fft.fft(x, 0),
        lambda x: np.fft.fft(x, norm="bogus"),
        lambda x: np.fft.fft(x, axis=5),
        lambda x: np.fft.rfft(x * 1j),
        lambda x: np.fft.fftn(x, s=(2,), axes=(0, 1)),
        lambda x: np.fft.fftshift(x, 7),
    ):
        with pytest.raises(Exception) as plain:
            function(x)
        with pytest.raises(type(plain.value)):
            function(Variable(x))


def test_frequencies_are_linear_in_their_spacing():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        found = np.fft.fftfreq(4, Variable(0.5))
    assert isinstance(found, Node)
    np.testing.assert_allclose(found.val, np.fft.fftfreq(4, 0.5))


def test_out():
    pytest.importorskip("wengert.inplace")
    x = sample("fft", 3)
    with pytest.raises(TypeError, match="would be lost"):
        np.fft.fft(Variable(x), out=np.empty(3, complex))

    def through_buffer(x):
        buffer = np.zeros_like(x)
        assert np.fft.fft(x, out=buffer) is buffer
        return buffer

    np.testing.assert_array_equal(vjp(through_buffer, x)[0], np.fft.fft(x))
    np.testing.assert_allclose(vjp(through_buffer, x)[1](x)[0], vjp(np.fft.fft, x)[1](x)[0])
