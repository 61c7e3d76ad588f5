"""Samples of reductions, running reductions and statistics."""

from __future__ import annotations

import numpy as np
from drawing import array, axis, dtype, shape
from hypothesis import strategies as st


def _keywords(draw, a, where=False, initial=None, keepdims=True):
    """Keywords of a reduction of `a`: an axis, a tuple of them or none; keepdims; where and initial where it has them."""
    chosen = draw(st.sampled_from(["none", "one", "several"])) if a.ndim else "none"
    given = {}
    if chosen == "one":
        given["axis"] = axis(draw, a.ndim)
    elif chosen == "several":
        given["axis"] = tuple(draw(st.permutations(range(a.ndim)))[: draw(st.integers(0, a.ndim))])
    if keepdims and draw(st.booleans()):
        given["keepdims"] = draw(st.booleans())
    if where and draw(st.booleans()):
        mask = np.random.default_rng(draw(st.integers(0, 99))).uniform(size=a.shape) < 0.7
        given["where"] = mask if draw(st.booleans()) or not a.ndim else mask[..., :1]
    if initial is not None and (draw(st.booleans()) or "where" in given):
        given["initial"] = initial
    return given


def _reduction(function, complex_too=True, distinct=False, **allowed):
    def case(draw):
        kind = dtype(draw, complex_too)
        a = array(draw, shape(draw), kind, distinct=distinct)
        keywords = _keywords(draw, a, **allowed)
        return lambda x: function(x, **keywords), [a]

    return case


def _with_nan(function, complex_too=False, **allowed):
    """The function of an array with nan entries in fixed places."""

    def case(draw):
        a = array(draw, shape(draw, min_dims=1), dtype(draw, complex_too), distinct=True)
        missing = np.random.default_rng(draw(st.integers(0, 99))).uniform(size=a.shape) < 0.3
        missing[..., :1] = False  # no slice is all nan: NumPy warns
        keywords = _keywords(draw, a, **allowed)
        if isinstance(keywords.get("axis"), (int, tuple)) and keywords["axis"] not in (-1, a.ndim - 1):
            missing[:] = False
        return lambda x: function(np.where(missing, np.nan, x), **keywords), [a]

    return case


def _spread(function):
    """Variances: entries enough for the degrees of freedom, which `where` leaves."""

    def case(draw):
        a = array(draw, shape(draw, min_dims=1, min_side=2), dtype(draw, complex_too=True))
        keywords = _keywords(draw, a)
        if keywords.get("axis", None) == ():
            del keywords["axis"]
        if draw(st.booleans()):
            keywords[draw(st.sampled_from(["ddof", "correction"]))] = draw(st.sampled_from([0, 1, 0.5]))
        elif draw(st.booleans()):
            mask = np.ones(a.shape, bool)
            mask[(0,) * a.ndim] = False
            keywords["where"] = mask
        return lambda x: function(x, **keywords), [a]

    return case


def _about_a_mean(function):
    def case(draw):
        a = array(draw, shape(draw, min_dims=1, min_side=2))
        center = array(draw, (1,) * a.ndim, low=3, high=4)
        if draw(st.booleans()):
            return lambda x: function(x, mean=center), [a]
        return lambda x, m: function(x, mean=m), [a, center]

    return case


def _mean_of_itself(draw):
    a = array(draw, shape(draw, min_dims=1, min_side=2))
    return lambda x: np.var(x, mean=np.mean(x, axis=-1, keepdims=True), axis=-1, ddof=1), [a]


def _running(function, complex_too=True, nan=False):
    def case(draw):
        a = array(draw, shape(draw), dtype(draw, complex_too))
        keywords = {"axis": axis(draw, a.ndim)} if a.ndim and draw(st.booleans()) else {}
        if not nan:
            return lambda x: function(x, **keywords), [a]
        missing = np.random.default_rng(draw(st.integers(0, 99))).uniform(size=a.shape) < 0.3
        return lambda x: function(np.where(missing, np.nan, x), **keywords), [a]

    return case


def _cumulative(name):
    def case(draw):
        a = array(draw, shape(draw, min_dims=1), dtype(draw, complex_too=True))
        initial = draw(st.booleans())
        along = axis(draw, a.ndim)
        return lambda x: getattr(np, name)(x, axis=along, include_initial=initial), [a]

    return case


def _with_zeros(function):
    def case(draw):
        a = array(draw, shape(draw, min_dims=1, max_dims=2, max_side=4))
        zeros = np.random.default_rng(draw(st.integers(0, 99))).uniform(size=a.shape) < 0.4
        a = np.where(zeros, 0.0, a)
        return lambda x: function(x, axis=-1), [a]

    return case


QUANTILE_METHODS = [
    "inverted_cdf", "averaged_inverted_cdf", "closest_observation", "interpolated_inverted_cdf", "hazen", "weibull",
    "linear", "median_unbiased", "normal_unbiased", "lower", "higher", "midpoint", "nearest",
]  # fmt: skip


def _quantile(function, hundred, nan=False):
    def case(draw):
        a = array(draw, shape(draw, min_dims=1), distinct=True)
        q = draw(st.sampled_from([0.37, 0.5, [0.21, 0.83], [[0.0], [0.63], [1.0]]]))
        keywords = _keywords(draw, a) | {"method": draw(st.sampled_from(QUANTILE_METHODS))}
        if keywords.get("axis", None) == ():
            del keywords["axis"]
        if nan and np.ndim(q) > 1 and isinstance(keywords.get("axis"), tuple):
            q = 0.4  # NumPy's own value has its axes mixed up
        q = np.asarray(q) * hundred
        if not nan:
            return lambda x: function(x, q, **keywords), [a]
        missing = np.zeros(a.shape, bool)
        missing[..., 1:2] = True
        if a.shape[-1] == 1 or keywords.get("axis", -1) not in (-1, None):
            missing[:] = False
        return lambda x: function(np.where(missing, np.nan, x), q, **keywords), [a]

    return case


def _quantile_in_q(draw):
    a = array(draw, (5, 3), distinct=True)
    q = array(draw, shape(draw, max_dims=1), low=0.27, high=0.48)
    return lambda x, q: np.quantile(x, q, axis=0), [a, q]


def _quantile_weighted(draw):
    a = array(draw, (5, 3), distinct=True)
    weights = array(draw, (5,), low=0.5, high=2.0)
    return lambda x: np.quantile(x, [0.3, 0.6], axis=0, method="inverted_cdf", weights=weights), [a]


def _average(draw):
    a = array(draw, shape(draw, min_dims=1), dtype(draw, complex_too=True))
    along = axis(draw, a.ndim)
    weights = array(draw, (a.shape[along],) if draw(st.booleans()) else a.shape, low=0.5, high=2.0)
    returned = draw(st.booleans())
    return lambda x, w: np.average(x, axis=along, weights=w, returned=returned), [a, weights]


def _cov(function):
    def case(draw):
        if draw(st.booleans()):
            m, y = array(draw, (4, 2), dtype(draw, complex_too=True)), array(draw, (4, 1), distinct=True)
            return lambda x, y: function(x, y, rowvar=False), [m, y]
        m = array(draw, (2, 4), dtype(draw, complex_too=True))
        return (lambda x: function(x)), [m if draw(st.booleans()) else m[0]]

    return case


def _cov_weighted(draw):
    m, weights = array(draw, (2, 4)), array(draw, (4,), low=0.5, high=2.0)
    ddof, counts = draw(st.sampled_from([None, 0, 1])), draw(st.sampled_from([None, np.array([1, 2, 3, 1])]))
    return lambda x, w: np.cov(x, ddof=ddof, fweights=counts, aweights=w), [m, weights]


SAMPLES = {
    "sum": [_reduction(np.sum, where=True, initial=0.5)],
    "mean": [_reduction(np.mean)],
    "prod": [_reduction(np.prod, where=True, initial=0.5), _with_zeros(np.prod)],
    "max": [_reduction(np.max, False, True, where=True, initial=-5.0)],
    "min": [_reduction(np.min, False, True, where=True, initial=5.0)],
    "np.ptp": [_reduction(np.ptp, False, True)],
    "var": [_spread(np.var), _about_a_mean(np.var), _mean_of_itself],
    "std": [_spread(np.std), _about_a_mean(np.std)],
    "cumsum": [_running(np.cumsum)],
    "cumprod": [_running(np.cumprod), _with_zeros(np.cumprod)],
    "nansum": [_with_nan(np.nansum, True, where=True, initial=0.5)],
    "nanmean": [_with_nan(np.nanmean, True)],
    "nanprod": [_with_nan(np.nanprod, True, where=True, initial=0.5)],
    "nanmax": [_with_nan(np.nanmax, initial=-5.0)],
    "nanmin": [_with_nan(np.nanmin, initial=5.0)],
    "nanvar": [_with_nan(np.nanvar, True)],
    "nanstd": [_spread(np.nanstd)],
    "nancumsum": [_running(np.nancumsum, nan=True)],
    "nancumprod": [_running(np.nancumprod, nan=True)],
    "median": [_reduction(np.median, False, True)],
    "nanmedian": [_with_nan(np.nanmedian)],
    "quantile": [_quantile(np.quantile, 1), _quantile_in_q, _quantile_weighted],
    "percentile": [_quantile(np.percentile, 100)],
    "nanquantile": [_quantile(np.nanquantile, 1, nan=True)],
    "nanpercentile": [_quantile(np.nanpercentile, 100, nan=True)],
    "np.average": [_reduction(np.average), _average],
    "np.cov": [_cov(np.cov), _cov_weighted],
    "np.corrcoef": [_cov(np.corrcoef)],
}
if hasattr(np, "cumulative_sum"):
    SAMPLES["np.cumulative_sum"] = [_cumulative("cumulative_sum")]
    SAMPLES["np.cumulative_prod"] = [_cumulative("cumulative_prod")]
