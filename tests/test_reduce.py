"""Reductions and statistics: NumPy's value and dtype under every keyword, and exact gradients where NumPy users get hurt."""

from __future__ import annotations

import warnings

import numpy as np
import pytest

from wengert import Variable, check_grads, grad, gradients, hessian, jacfwd, jacrev
from wengert.core.errors import DerivativeTypeError

RNG = np.random.default_rng(3)
DTYPES = ["float16", "float32", "float64", "complex64", "complex128"]
SHAPES = [(), (3,), (2, 3), (0,), (0, 3), (2, 0), (2, 3, 2)]
ERRORS = (ValueError, TypeError, IndexError, ZeroDivisionError, RuntimeError)
MASK = np.array([True, False, True])


def entries(shape, dtype="float64"):
    x = RNG.uniform(0.2, 2, shape)
    if np.dtype(dtype).kind == "c":
        x = x + 1j * RNG.uniform(0.2, 2, shape)
    return np.asarray(x).astype(dtype)


def same_as_numpy(function, *args):
    """Value, shape, dtype or error are NumPy's; each gradient has its argument's shape and dtype."""
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")
        try:
            wanted = function(*args)
        except ERRORS as error:
            with pytest.raises(ERRORS):
                function(*map(Variable, args))
            return error
        variables = [Variable(x) for x in args]
        got = function(*variables)
        for one, other in zip(*((x if isinstance(x, tuple) else (x,)) for x in (got, wanted)), strict=True):
            value = one.val if isinstance(one, Variable) else one
            np.testing.assert_array_equal(value, other)
            assert (np.shape(value), np.asarray(value).dtype) == (np.shape(other), np.asarray(other).dtype)
            if isinstance(one, Variable):
                found = gradients(one, np.ones(one.shape, one.dtype)[()])
                for x in variables:
                    assert (np.shape(found[x]), found[x].dtype) == (x.shape, x.dtype)
    return wanted


REDUCTIONS = [
    "sum", "prod", "mean", "max", "min", "ptp", "var", "std", "nansum", "nanprod", "nanmean", "nanmax", "nanmin",
    "nanvar", "nanstd", "median", "nanmedian", "average",
]  # fmt: skip
KEYWORDS = [
    {}, {"axis": 0}, {"axis": -1}, {"axis": ()}, {"axis": (0, 1)}, {"axis": (-1, 0), "keepdims": True}, {"axis": 5},
    {"keepdims": True}, {"axis": None, "keepdims": False}, {"axis": 0, "keepdims": True}, {"axis": 0, "out": None},
]  # fmt: skip
MORE_KEYWORDS = [
    {"dtype": "float64"}, {"dtype": "float64", "axis": 0}, {"dtype": "complex64"}, {"dtype": int}, {"initial": 2.0},
    {"initial": 2.0, "where": MASK}, {"where": MASK}, {"where": np.array([[True], [True]]), "axis": 1}, {"ddof": 1},
    {"correction": 1.0}, {"mean": np.float32(1.0)}, {"overwrite_input": True},
]  # fmt: skip


@pytest.mark.parametrize("name", REDUCTIONS)
def test_reductions_are_numpys(name):
    function = getattr(np, name)
    for dtype in DTYPES:
        for shape in SHAPES:
            for keywords in KEYWORDS:
                same_as_numpy(lambda x, k=keywords: function(x, **k), entries(shape, dtype))
    for keywords in MORE_KEYWORDS:
        for dtype in ("float32", "complex64"):
            same_as_numpy(lambda x, k=keywords: function(x, **k), entries((2, 3), dtype))


RUNNING = ["cumsum", "cumprod", "nancumsum", "nancumprod", "cumulative_sum", "cumulative_prod"]


@pytest.mark.parametrize("name", [name for name in RUNNING if hasattr(np, name)])
def test_running_reductions_are_numpys(name):
    function = getattr(np, name)
    for dtype in DTYPES:
        for shape in SHAPES:
            for keywords in [
                {},
                {"axis": 0},
                {"axis": -1},
                {"dtype": "complex128"},
                {"axis": 0, "include_initial": True},
            ]:
                same_as_numpy(lambda x, k=keywords: function(x, **k), entries(shape, dtype))


@pytest.mark.parametrize(
    ("name", "hundred"), [("quantile", 1), ("percentile", 100), ("nanquantile", 1), ("nanpercentile", 100)]
)
def test_quantiles_are_numpys(name, hundred):
    function = getattr(np, name)
    for dtype in ["float16", "float32", "float64"]:
        for shape in [(), (3,), (2, 3), (0,)]:
            for q in [0.3, [0.2, 0.6], [[0.0], [1.0]]]:
                q = np.asarray(q) * hundred
                for keywords in [
                    {}, {"axis": 0}, {"axis": (0, 1), "keepdims": True}, {"method": "nearest"},
                    {"method": "hazen", "axis": -1}, {"weights": np.ones(shape), "method": "inverted_cdf"},
                ]:  # fmt: skip
                    same_as_numpy(lambda x, q=q, k=keywords: function(x, q, **k), entries(shape, dtype))


@pytest.mark.parametrize("name", ["cov", "corrcoef"])
def test_covariances_are_numpys(name):
    function = getattr(np, name)
    for dtype in DTYPES:
        for shape in [(4,), (2, 4), (1, 4), (0, 4), (4, 1), (2, 3, 4), ()]:
            same_as_numpy(function, entries(shape, dtype))
            same_as_numpy(lambda x: function(x, rowvar=False), entries(shape, dtype))
        same_as_numpy(function, entries((2, 4), dtype), entries((2, 4), dtype))
        same_as_numpy(lambda x, y: function(x, y, rowvar=False), entries((4, 2), dtype), entries((4, 1), dtype))
    same_as_numpy(lambda x: function(x, dtype="float32"), entries((2, 4), "float32"))
    for keywords in [
        {"bias": True},
        {"ddof": 0},
        {"ddof": 4},
        {"fweights": [1, 2, 3, 1]},
        {"aweights": [1.0, 2, 3, 4]},
    ]:
        same_as_numpy(lambda x, k=keywords: np.cov(x, **k), entries((2, 4)))
    for wrong in [
        {"ddof": 0.5},
        {"fweights": [0.5, 1, 1, 1]},
        {"fweights": [1]},
        {"aweights": [[1.0] * 4]},
        {"aweights": [-1.0] * 4},
    ]:
        assert isinstance(same_as_numpy(lambda x, k=wrong: np.cov(x, **k), entries((2, 4))), Exception)


def test_averages_are_numpys():
    for dtype in DTYPES:
        same_as_numpy(
            lambda x, w: np.average(x, axis=1, weights=w, returned=True), entries((2, 4), dtype), entries(4, dtype)
        )
        same_as_numpy(
            lambda x, w: np.average(x, axis=(2, 0), weights=w), entries((2, 4, 3), dtype), entries((3, 2), dtype)
        )
        same_as_numpy(lambda x: np.average(x, axis=0, returned=True, keepdims=True), entries((2, 4), dtype))
    for weights in [[1.0, 2.0], [0.0, 0.0, 0.0, 0.0]]:
        with pytest.raises((TypeError, ValueError, ZeroDivisionError)):
            np.average(Variable(entries(4)), weights=weights, axis=0)
    with pytest.raises(TypeError, match="Axis must be specified"):
        np.average(Variable(entries((2, 4))), weights=np.ones(4))


# -- ties, zeros, constants, nan: docs/conventions.md -------------------------------------------------------------------


@pytest.mark.parametrize(
    ("function", "at", "gradient"),
    [
        (np.max, [1.0, 1.0, 0.0], [0.5, 0.5, 0.0]),
        (np.min, [1.0, 0.0, 0.0], [0.0, 0.5, 0.5]),
        (lambda x: np.max(x, axis=0), [1.0, 1.0, 0.0], [0.5, 0.5, 0.0]),
        (lambda x: np.max(x, initial=1.0), [1.0, 0.0, 0.0], [0.5, 0.0, 0.0]),
        (lambda x: np.max(x, initial=9.0), [1.0, 0.0, 0.0], [0.0, 0.0, 0.0]),
        (lambda x: np.max(x, where=[False, True, True], initial=-1.0), [9.0, 3.0, 3.0], [0.0, 0.5, 0.5]),
        (np.max, [1.0, np.nan, 0.0], [0.0, 1.0, 0.0]),
        (np.nanmax, [1.0, np.nan, 1.0], [0.5, 0.0, 0.5]),
        (np.median, [1.0, 1.0, 0.0, 2.0], [0.5, 0.5, 0.0, 0.0]),
        (np.median, [1.0, 1.0, 1.0, 0.0, 2.0], [1 / 3, 1 / 3, 1 / 3, 0.0, 0.0]),
        (np.median, [1.0, 1.0, 3.0, 3.0], [0.25, 0.25, 0.25, 0.25]),
        (np.median, [np.inf, 1.0, 0.0], [0.0, 1.0, 0.0]),
        (np.nanmedian, [3.0, np.nan, 1.0, 2.0], [0.0, 0.0, 0.0, 1.0]),
        (lambda x: np.quantile(x, 0.25), [0.0, 1.0, 2.0], [0.5, 0.5, 0.0]),
        (np.prod, [2.0, 0.0, 3.0], [0.0, 6.0, 0.0]),
        (np.prod, [0.0, 0.0, 3.0], [0.0, 0.0, 0.0]),
        (np.prod, [], []),
        (lambda x: np.sum(np.cumprod(x)), [2.0, 0.0, 3.0], [1.0, 8.0, 0.0]),
        (lambda x: np.cumprod(x)[-1], [0.0, 0.0, 3.0], [0.0, 0.0, 0.0]),
        (np.std, [1.0, 1.0, 1.0], [0.0, 0.0, 0.0]),
        (np.std, [0.1, 0.1, 0.1], [0.0, 0.0, 0.0]),
        (np.nanstd, [0.1, np.nan, 0.1], [0.0, 0.0, 0.0]),
        (np.var, [1.0, 1.0, 1.0], [0.0, 0.0, 0.0]),
        (np.sum, [], []),
        (np.nansum, [1.0, np.nan], [1.0, 0.0]),
        (np.nanmean, [1.0, np.nan, 3.0], [0.5, 0.0, 0.5]),
        (np.nanprod, [2.0, np.nan, 3.0], [3.0, 0.0, 2.0]),
        (np.sum, [1.0, np.nan], [1.0, 1.0]),
        (lambda x: np.nancumsum(x)[-1], [1.0, np.nan, 2.0], [1.0, 0.0, 1.0]),
        (lambda x: np.nancumprod(x)[-1], [3.0, np.nan, 2.0], [2.0, 0.0, 3.0]),
    ],
)
def test_gradients_at_special_points(function, at, gradient):
    at = np.asarray(at, float)
    np.testing.assert_array_equal(grad(function)(at), gradient)
    np.testing.assert_array_equal(jacfwd(function)(at), gradient)


def test_a_mean_of_nothing_has_an_empty_gradient():
    with pytest.warns(RuntimeWarning):
        assert grad(np.mean)(np.zeros(0)).shape == (0,)


def test_products_with_zeros_have_exact_second_derivatives():
    x = np.array([0.0, 2.0, 0.0, 3.0])
    wanted = np.zeros((4, 4))
    wanted[0, 2] = wanted[2, 0] = 6.0
    np.testing.assert_array_equal(hessian(np.prod)(x), wanted)
    np.testing.assert_array_equal(hessian(lambda x: np.cumprod(x)[-1])(x), wanted)


def test_a_long_running_product_is_right_in_both_modes():
    x = RNG.uniform(0.9, 1.1, 37)
    x[20] = 0.0
    wanted = np.zeros((37, 37))
    for i in range(37):
        for j in range(i + 1):
            wanted[i, j] = np.prod(np.delete(x[: i + 1], j))
    np.testing.assert_allclose(jacfwd(np.cumprod)(x), wanted, rtol=1e-12, atol=1e-14)
    np.testing.assert_allclose(jacrev(np.cumprod)(x), wanted, rtol=1e-12, atol=1e-14)


@pytest.mark.filterwarnings("ignore:Degrees of freedom:RuntimeWarning", "ignore:invalid value:RuntimeWarning")
def test_a_variance_without_a_degree_of_freedom_that_is_not_selected():
    for function in (np.var, np.std, np.nanvar, np.nanstd):
        x = np.array([3.0])
        chosen = grad(lambda x, f=function: np.where(x.size > 1, f(x, ddof=1), np.sum(x * x)))
        np.testing.assert_array_equal(chosen(x), 2 * x)


@pytest.mark.filterwarnings("ignore:overflow:RuntimeWarning", "ignore:invalid value:RuntimeWarning")
def test_a_product_that_is_not_selected_stays_out_of_the_gradient():
    def chosen(x):
        return np.sum(np.where(x == 0, 0.0, np.prod(x)) * (x == 0)) + np.sum(np.where(False, np.cumprod(x), 0.0))

    np.testing.assert_array_equal(grad(chosen)(np.array([1e200, 1e200, 0.0])), np.zeros(3))


def test_the_variance_about_a_mean_that_depends_on_the_data():
    x = RNG.uniform(-1, 1, (3, 4))
    for function in (np.var, np.std, np.nanvar, np.nanstd):
        given = grad(lambda x, f=function: np.sum(f(x, axis=1, mean=np.mean(x, axis=1, keepdims=True))))(x)
        np.testing.assert_allclose(given, grad(lambda x, f=function: np.sum(f(x, axis=1)))(x), atol=1e-14)
    holes = np.where(x > 0.5, np.nan, x)
    check_grads(
        lambda x, m: np.nanvar(np.where(holes == holes, x, np.nan), axis=1, ddof=0.5, mean=m), (x, np.zeros((3, 1)))
    )
    check_grads(lambda m: np.var(x, mean=m, where=x < 0.5, axis=1, correction=0.5), (np.zeros((3, 1)),))


# -- quantiles ----------------------------------------------------------------------------------------------------------


def test_the_slope_of_a_quantile_in_q():
    x = np.array([1.0, 2.0, 4.0, 8.0])
    assert grad(lambda q: np.quantile(x, q))(0.5) == pytest.approx(6.0)
    assert grad(lambda q: np.percentile(x, q))(50.0) == pytest.approx(0.06)
    assert grad(lambda q: np.quantile(x, q))(1 / 3) == pytest.approx(4.5)  # a kink: the slope across it
    np.testing.assert_allclose(jacfwd(lambda q: np.quantile(x, q))(np.array([0.1, 0.9])), np.diag([3.0, 12.0]))
    for function, keywords in [(np.quantile, {"method": "hazen"}), (np.nanquantile, {})]:
        with pytest.raises(DerivativeTypeError, match="argument q"):
            function(Variable(x), Variable(0.5), **keywords)


def test_many_quantiles_of_tied_entries():
    x = np.array([1.0, 1.0, 2.0, 2.0, 2.0, 5.0])
    jacobian = jacrev(lambda x: np.quantile(x, np.linspace(0, 1, 11)))(x)
    np.testing.assert_allclose(jacobian.sum(axis=1), 1.0)
    np.testing.assert_array_equal(jacobian[:, 0], jacobian[:, 1])
    np.testing.assert_array_equal(jacobian[:, 2], jacobian[:, 4])


def test_quantiles_that_skip_nan_keep_the_axes_of_q_first():
    x, q = entries((2, 3, 2)), np.array([[0.1], [0.6]])
    np.testing.assert_allclose(np.nanquantile(Variable(x), q, axis=(0, 1)).val, np.quantile(x, q, axis=(0, 1)))
    found, wanted = (jacrev(lambda x, f=f: f(x, q, axis=(0, 1)))(x) for f in (np.nanquantile, np.quantile))
    np.testing.assert_allclose(found, wanted)


def test_a_median_does_not_overwrite_a_variable():
    x = np.array([3.0, 1.0, 2.0])
    v = Variable(x)
    np.median(v, overwrite_input=True)
    np.testing.assert_array_equal(x, [3.0, 1.0, 2.0])


def test_weights_of_a_quantile_are_constants():
    x = np.array([1.0, 2.0, 3.0])
    weights = Variable(np.array([1.0, 1.0, 2.0]))
    out = np.quantile(Variable(x), 0.4, weights=weights, method="inverted_cdf")
    assert not gradients(out)[weights].any()


# -- parameters and other dtypes ----------------------------------------------------------------------------------------


def test_a_parameter_that_is_a_variable_is_an_error():
    x, s = Variable(np.ones(3)), Variable(2.0)
    for call in (
        lambda: np.sum(x, initial=s),
        lambda: np.var(x, ddof=s),
        lambda: np.max(x, initial=s),
        lambda: np.cov(x, fweights=Variable(np.ones(3))),
    ):
        with pytest.raises(DerivativeTypeError, match="no derivative rule with respect to"):
            call()


def test_large_arrays_of_halves_do_not_overflow_in_the_mean():
    x = np.full(70_000, 2.0, np.float16)
    assert jacfwd(lambda s: np.mean(x * s))(np.float16(1.0)) == 2.0


def test_a_gradient_of_a_sum_is_the_users_own_array():
    gradient = grad(np.sum)(np.ones((100, 100)))
    gradient += 1
    np.testing.assert_array_equal(gradient, np.full((100, 100), 2.0))


@pytest.mark.parametrize("size", [3, 5000])
def test_sums_along_axes_of_small_and_large_arrays(size):
    x, w = entries((2, size)), entries(size)
    for function, share in ((np.sum, 1), (np.mean, 2)):
        wanted = np.tile(w / share, (2, 1))
        for keywords in ({"axis": 0}, {"axis": (0,)}, {"axis": -2, "keepdims": True}):
            np.testing.assert_allclose(grad(lambda x, f=function, k=keywords: np.sum(w * f(x, **k)))(x), wanted)
        whole = grad(lambda x, f=function: np.sum(w * f(x, keepdims=True)))(x)
        np.testing.assert_allclose(whole, np.full(x.shape, w.sum() / (1 if share == 1 else x.size)))


def test_reductions_of_variables_of_two_traces():
    x = np.array([1.0, 2.0, 3.0])
    for function in (np.sum, np.mean, np.max, np.var, np.std, np.prod, np.median, np.ptp):
        mixed = grad(lambda s, f=function: f(s * x) * grad(lambda t: f(t * s * x))(1.0))
        check_grads(mixed, (1.3,))


# -- out= ---------------------------------------------------------------------------------------------------------------

INTO = {
    **{name: ((4,), {"axis": 0}) for name in REDUCTIONS if name != "average"},
    **{name: ((3, 4), {"axis": 0}) for name in RUNNING if not name.startswith("cumulative")},
    "quantile": ((2, 4), {"q": [0.2, 0.6], "axis": 0}),
    "nanpercentile": ((2, 4), {"q": [20.0, 60.0], "axis": 0}),
}


@pytest.mark.parametrize("name", INTO)
def test_reductions_into_a_target(name):
    function, (shape, keywords) = getattr(np, name), INTO[name]
    x = entries((3, 4))

    def into_a_buffer(x):
        target = np.zeros_like(x, shape=shape)
        assert function(x, **keywords, out=target) is target
        return 2 * target

    same_as_numpy(into_a_buffer, x)
    check_grads(into_a_buffer, (x,))
    with pytest.raises(DerivativeTypeError, match="plain"):
        function(Variable(x), **keywords, out=np.zeros(shape))


def test_a_sum_of_floats_into_doubles_is_added_up_in_doubles():
    x = np.full(1000, 0.1, np.float32)
    same_as_numpy(lambda x: np.sum(x, out=np.zeros_like(x, shape=(), dtype=float)), x)
