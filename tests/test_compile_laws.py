"""One more law: compiled = eager, for every sample of the laws, its value and its derivative."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from test_laws import CASES, SAMPLES

import wengert
from wengert.core.trees import flatten

pytest.importorskip("llvmlite")

from wengert.compiler.trace import later


def same(found, expected, slack=1):
    """Trees, types, shapes and dtypes alike; entries up to rounding."""
    leaves, structure = flatten(found)
    wanted, wanted_structure = flatten(expected)
    assert structure == wanted_structure
    for x, y in zip(leaves, wanted, strict=True):
        assert type(x) is type(y)
        if isinstance(y, wengert.Variable):  # a buffer of the mirror
            x, y = x.val, y.val
        if isinstance(y, (np.ndarray, np.generic)):
            assert x.shape == y.shape
            assert x.dtype == y.dtype
        if not isinstance(y, (np.ndarray, np.generic, int, float, complex)):
            assert x == y
            continue
        dtype = getattr(y, "dtype", np.dtype(float))
        precision = np.finfo(dtype).eps if dtype.kind in "fc" else 2e-16
        scale = np.max(np.abs(y), initial=0, where=np.isfinite(y)) if np.size(y) else 0
        tolerance = 2000 * precision * slack
        with np.errstate(over="ignore"):
            np.testing.assert_allclose(x, y, rtol=tolerance, atol=tolerance * max(float(scale), 1.0))


def with_derivative(function):
    def both(*args):
        value, pull = wengert.vjp(function, *args)
        return value, pull(wengert.core.trees.map_tree(np.ones_like, value))

    return both


@pytest.mark.parametrize("many", [0, later.MANY])
@pytest.mark.parametrize(("name", "i"), CASES)
@settings(
    max_examples=1, deadline=None, derandomize=True, phases=[Phase.generate], suppress_health_check=list(HealthCheck)
)
@given(data=st.data())
def test_compiled_is_eager(many, name, i, data):
    function, args = SAMPLES[name][i](data.draw)
    args = [np.asarray(x)[()] for x in args]
    for f in (function, with_derivative(function)):
        with np.errstate(all="ignore"):
            try:
                expected = f(*args)
            except TypeError:
                continue  # no derivative for such arguments
            compiled = wengert.compile(f)
            with pytest.MonkeyPatch.context() as patch:
                patch.setattr(later, "MANY", many)
                same(compiled(*args), expected)
            same(compiled(*args), expected)
