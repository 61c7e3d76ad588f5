"""Columns of rows in memory: what compiled code reads and writes of them is what NumPy does."""

from __future__ import annotations

import numpy as np
import pytest

import wengert
from wengert.compiler.codegen.body import Body, Machine, Shared
from wengert.compiler.codegen.columns import Columns, windows
from wengert.compiler.running import native

pytest.importorskip("llvmlite")

DTYPES = [np.float64, np.float32, np.int64, np.bool_]


def rows_of(dtype, n, width):
    return (np.random.default_rng(n * 31 + width).normal(size=(n, width)) * 8).astype(dtype)


@pytest.mark.parametrize("size", [16, 32, 64])
@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("columns", [(0, 1), (0, 1, 2), (1, 2, 4), (0, 1, 2, 3), (2, 3, 4, 5, 6, 7, 8), (0, 5, 9, 10)])
def test_columns_of_every_number_of_rows(monkeypatch, size, dtype, columns):
    """Read, computed with and written, with whole vectors and with what is left."""
    if size > native.host().vector_bytes:
        pytest.skip("no such vectors here")
    host = native.host()
    monkeypatch.setattr(native, "host", lambda: host._replace(vector_bytes=size))

    def f(x):
        y = np.zeros_like(x)
        for place, i in enumerate(columns):
            y[:, i] = x[:, columns[place - 1]] if dtype == np.bool_ else x[:, i] * 2 + x[:, columns[place - 1]]
        return y

    compiled = wengert.compile(f)
    for n in (1, 2, 3, 7, 8, 9, 16, 17, 31, 64, 100):
        x = rows_of(dtype, n, 11)
        np.testing.assert_array_equal(compiled(x), f(x))
        np.testing.assert_array_equal(compiled(x), f(x))
    assert not compiled.report().eager


def test_what_lies_between_is_left_alone():
    """Only the columns that are written change, of an argument too."""

    def f(x, y):
        x[:, 1] = np.sin(y[:, 0])
        x[:, 4] = np.cos(y[:, 2])
        x[:, 3] = y[:, 0] * y[:, 2]
        return x.sum()

    x, y = rows_of(float, 37, 6), rows_of(float, 37, 3)
    expected = x.copy()
    total = f(expected, y)
    compiled = wengert.compile(f)
    for _ in range(3):
        found = x.copy()
        np.testing.assert_allclose(compiled(found, y), total, rtol=1e-12)
        np.testing.assert_allclose(found, expected, rtol=1e-14)


def test_the_array_s_end():
    """A row's vector never reaches behind the array: memory ends there."""
    import mmap

    page = mmap.PAGESIZE
    memory = mmap.mmap(-1, 3 * page)
    if not hasattr(mmap, "MADV_DONTNEED") or not _protect(memory, 2 * page, page):
        pytest.skip("a page can not be protected here")
    rows = np.frombuffer(memory, np.float64, 2 * page // 8)[-24:].reshape(8, 3)
    rows[:] = rows_of(float, 8, 3)

    def f(x):
        return x[:, 0] * x[:, 2] + x[:, 1]

    compiled = wengert.compile(f)
    for part in (rows, rows[:, 1:], rows[3:]):
        g = f if part.shape[1] == 3 else lambda x: x[:, 0] * x[:, 1]
        compiled = wengert.compile(g)
        np.testing.assert_array_equal(compiled(part), g(part))
        np.testing.assert_array_equal(compiled(part), g(part))


def _protect(memory, start, length):
    import ctypes

    try:
        mprotect = ctypes.CDLL(None).mprotect
    except (AttributeError, OSError, TypeError):
        return False
    mprotect.argtypes = [ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int]
    address = ctypes.addressof(ctypes.c_char.from_buffer(memory))
    return mprotect(address + start, length, 0) == 0


def test_gradients_of_columns_are_those_of_plain_runs():
    def area(triangles):
        a, b, c = (triangles[:, i] for i in range(3))
        u, v = b - a, c - a
        x = u[:, 1] * v[:, 2] - u[:, 2] * v[:, 1]
        y = u[:, 2] * v[:, 0] - u[:, 0] * v[:, 2]
        z = u[:, 0] * v[:, 1] - u[:, 1] * v[:, 0]
        return np.sum(np.sqrt(x**2 + y**2 + z**2)) / 2

    gradient = wengert.grad(area)
    compiled = wengert.compile(gradient)
    for n in (1, 5, 8, 13, 100):
        triangles = np.random.default_rng(n).normal(size=(n, 3, 3))
        np.testing.assert_allclose(compiled(triangles), gradient(triangles), rtol=1e-11, atol=1e-13)


def test_rows_that_reach_into_the_next():
    """Columns of neighbouring rows, in one window of memory."""

    def f(x):
        return x[:-1, 0] + 2 * x[:-1, 1] + 3 * x[1:, 0] + 4 * x[1:, 1]

    compiled = wengert.compile(f)
    for n in (2, 9, 40):
        x = rows_of(float, n, 2)
        np.testing.assert_allclose(compiled(x), f(x), rtol=1e-14)


def test_kernels_are_shared_only_between_the_same_columns():
    """Two loops that differ in nothing but in which columns lie where are two kernels."""

    def f(x, y):
        return x[:, 0] * np.exp(x[:, 1]), y[:, 0] * np.exp(y[:, 3]), x[:, 1] * np.exp(x[:, 0])

    x, y = rows_of(float, 33, 5), rows_of(float, 33, 5)
    for found, expected in zip(wengert.compile(f)(x, y), f(x, y), strict=True):
        np.testing.assert_allclose(found, expected, rtol=1e-14)


@pytest.mark.parametrize(("length", "rounds"), [(2, 1), (4, 2), (8, 3)])
def test_a_block_takes_as_many_shuffles_as_it_has_rows_and_rounds(length, rounds):
    body = Body(Shared(Machine(64, True)))
    Columns(body, "double", 8, 8, range(length), length).read("%p0", 8)
    text = "\n".join(body.lines)
    joins = {2: 6, 4: 4, 8: 0}[length]
    assert text.count("shufflevector") == joins + length * rounds
    assert text.count("load") == 8


def test_windows_cover_what_is_near():
    assert windows([3, 1, 2, 40, 47, 48], 8) == [[1, 2, 3], [40, 47]]
    assert windows([5], 8) == []
