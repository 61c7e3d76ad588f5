"""A sweep goes one of several ways, by the size of the graph and its arrays: all must give the same gradient."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from test_edge_cases import ANSWERED, by_name, point, warned
from test_laws import CASES, SAMPLES

from wengert import Variable, checkpoint, grad, gradients, jvp, stop_gradient
from wengert.core import partials, sweep
from wengert.core.adjoints import Adjoints, accumulate

# name -> (KEPT_BYTES, LARGE): graphs above the one are let go on the way, arrays above the other are written into
WAYS = {"let go": (-1, partials.LARGE), "in place": (sweep.KEPT_BYTES, 0), "let go, in place": (-1, 0)}
MILLION = 1_000_000


@pytest.fixture(params=WAYS, ids=str)
def way(request, monkeypatch):
    kept, large = WAYS[request.param]
    monkeypatch.setattr(sweep, "KEPT_BYTES", kept)
    monkeypatch.setattr(partials, "LARGE", large)


@by_name(ANSWERED)
def test_points_where_users_get_hurt(case, way):
    gradient, _ = warned(grad(case.f), point(case))
    np.testing.assert_allclose(gradient, case.gradient, rtol=1e-3 if np.iscomplexobj(gradient) else 1e-12, atol=1e-12)


def weighted(function, rng):
    """A scalar of all outputs, in which every entry counts differently."""

    def scalar(*args):
        out = function(*args)
        total = 0.0
        for part in out if isinstance(out, (tuple, list)) else (out,):
            if isinstance(part, Variable):
                weights = rng.permutation(part.size).reshape(part.shape) + 0.5
                total = total + np.sum(np.real(part) * weights) + np.sum(np.imag(part) * weights)
        return total

    return scalar


@pytest.mark.parametrize(("name", "i"), CASES)
@settings(max_examples=2, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
@given(data=st.data())
def test_every_primitive(name, i, data):
    function, args = SAMPLES[name][i](data.draw)
    args = [np.asarray(x)[()] for x in args]
    every = tuple(range(len(args)))
    found = []
    for kept, large in [(sweep.KEPT_BYTES, partials.LARGE), *WAYS.values()]:
        with np.errstate(all="ignore"), pytest.MonkeyPatch.context() as patch:
            patch.setattr(sweep, "KEPT_BYTES", kept)
            patch.setattr(partials, "LARGE", large)
            found.append(grad(weighted(function, np.random.default_rng(0)), every)(*args))
    for other in found[1:]:
        for a, b in zip(found[0], other, strict=True):
            assert a.dtype == b.dtype
            np.testing.assert_allclose(b, a, rtol=1e-10 if a.dtype.itemsize >= 8 else 1e-3, atol=1e-12)


# -- at full size ---------------------------------------------------------------------------------------------------------

AT = np.linspace(-2.0, 2.0, 41)  # 0 among them


@pytest.mark.parametrize(
    "f",
    [
        lambda x: np.sum(np.where(x > 0, np.sqrt(np.abs(x)), 0)),
        lambda x: np.sum(np.where(x > 0, np.log(np.where(x > 0, x, 1)), 0) * x),
        lambda x: np.sum(np.where(x < 1, 1 / (x - 1), 0)),
        lambda x: np.sum(np.where(x > 0.5, 0, np.exp(1000 * x))),  # overflows where it is not taken
        lambda x: np.sum(np.nan_to_num(np.where(x == 0, np.nan, x) ** 2)),
        lambda x: np.sum(np.tanh(x) * x - x / (1 + x * x)),
        lambda x: np.sum((x[1:] - x[:-1]) ** 2 * x[1:]),
        lambda x: np.sum(np.abs(x + 1j * x) * np.cos(x)),
        lambda x: np.sum(np.maximum(x, 0) * np.minimum(x, 1) - (-x) * 3 * x),
    ],
)
def test_large_arrays_have_the_gradient_of_small_ones(f):
    n = MILLION // AT.size
    with np.errstate(all="ignore"):
        found = grad(f)(np.repeat(AT, n)).reshape(-1, n)[:, n // 2]
        wanted = grad(f)(np.repeat(AT, 3)).reshape(-1, 3)[:, 1]  # the middle one of equal neighbours
    np.testing.assert_allclose(found, wanted, rtol=1e-12, atol=1e-12)
    assert not np.any(np.isnan(wanted))


def test_what_users_hold_is_never_written_into(way):
    x, w = np.linspace(0.5, 1.0, 50), np.linspace(1.0, 2.0, 50)
    held = []

    def f(u):
        y = np.exp(u) * w
        held.append(y.val)
        return np.sum(np.sqrt(y) / w)

    before = (np.exp(x) * w).copy()
    gradient = grad(f)(x)
    np.testing.assert_array_equal(held[0], before)
    np.testing.assert_array_equal(x, np.linspace(0.5, 1.0, 50))
    np.testing.assert_array_equal(w, np.linspace(1.0, 2.0, 50))
    np.testing.assert_allclose(gradient, np.sqrt(before) / 2 / w)
    u = Variable(x)
    y = np.exp(u)
    seed = np.ones(50)
    all_of_them = gradients(y * 2.0, seed)
    np.testing.assert_array_equal(seed, np.ones(50))
    np.testing.assert_allclose(all_of_them[y], 2 * np.ones(50))
    np.testing.assert_allclose(all_of_them[u], 2 * np.exp(x))


def test_what_stop_gradient_returns_is_not_the_graphs():
    def f(x):
        y = x * 1.0
        z = y * y
        stop_gradient(y)[0] = 50.0
        return np.sum(z)

    x = np.array([1.0, 2.0])
    np.testing.assert_array_equal(grad(f)(x), [2.0, 4.0])
    grad(lambda x: (stop_gradient(x).__setitem__(0, 9.0), np.sum(x * x))[1])(x)
    np.testing.assert_array_equal(x, [1.0, 2.0])


def test_a_checkpointed_function_may_not_write_into_its_arguments():
    def writes(t):
        t[0] = t[1]
        return np.sum(t * t)

    x = np.array([1.0, 2.0])
    with pytest.raises(ValueError, match="read-only"):
        grad(checkpoint(writes))(x)
    with pytest.raises(ValueError, match="read-only"):
        grad(lambda x: checkpoint(writes)(x * 1.0) + np.sum(x))(x)
    np.testing.assert_array_equal(x, [1.0, 2.0])


OBJECTS = np.array([1, 2], object)


@pytest.mark.parametrize(
    "f",
    [
        lambda x: np.sum(OBJECTS * x),
        lambda x: np.sum(x * OBJECTS),
        lambda x: np.sum(np.multiply(x, OBJECTS)),
        lambda x: np.sum(np.concatenate([x, OBJECTS])),
        lambda x: np.sum(x.astype(object)),
        lambda x: np.sum(x * np.ma.array([1.0, 2.0], mask=[1, 0])),
    ],
)
def test_objects_and_masks_are_refused(f):
    with pytest.raises(TypeError, match="Cannot differentiate"):
        grad(f)(np.array([1.0, 2.0]))


def test_empty_vectors_multiply():
    empty = np.zeros(0)
    assert jvp(lambda a, b: a @ b, (empty, empty), (empty, empty)) == (0.0, 0.0)
    np.testing.assert_array_equal(grad(lambda x: x[:0] @ x[:0] + np.sum(np.dot(x, 2)))(np.ones(2)), [2.0, 2.0])


def test_numbers_and_arrays_without_axes_add_up():
    """An adjoint that was an array of the sweep's own is a number after a number was added to it."""
    child, adjoints = Variable(np.array(1.0)), Adjoints()
    for contribution in (np.array(1.0), np.array(2.0), np.float64(4.0), np.array(8.0)):
        accumulate(adjoints, child, contribution, fresh=True)
    assert adjoints[child] == 15.0
