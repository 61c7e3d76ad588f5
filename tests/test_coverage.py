"""NumPy's differentiable functions: each has a rule, and a sample on which the laws are run in both modes."""

from __future__ import annotations

import functools

import numpy as np
import pytest
from test_laws import SAMPLES

from wengert.core.registry import rules

FUNCTIONS = {
    "np": """
        abs absolute acos acosh add amax amin angle append apply_along_axis apply_over_axes arccos arccosh
        arcsin arcsinh arctan arctan2 arctanh array array_split asanyarray asarray asarray_chkfinite
        ascontiguousarray asfortranarray asin asinh astype atan atan2 atanh atleast_1d atleast_2d atleast_3d
        average bincount block broadcast_arrays broadcast_to cbrt choose clip column_stack compress concat
        concatenate conj conjugate convolve copy copysign corrcoef correlate cos cosh cov cross cumprod cumsum
        cumulative_prod cumulative_sum deg2rad degrees delete diag diagflat diagonal diff divide divmod dot
        dsplit dstack ediff1d einsum exp exp2 expand_dims expm1 extract fabs flip fliplr flipud float_power
        floor_divide fmax fmin fmod frexp full full_like geomspace gradient heaviside hsplit hstack hypot i0
        imag inner insert interp kron ldexp linspace log log10 log1p log2 logaddexp logaddexp2 logspace matmul
        matrix_transpose matvec max maximum mean median meshgrid min minimum mod modf moveaxis multiply
        nan_to_num nancumprod nancumsum nanmax nanmean nanmedian nanmin nanpercentile nanprod nanquantile
        nanstd nansum nanvar negative nextafter outer pad partition percentile permute_dims piecewise poly
        polyadd polyder polydiv polyfit polyint polymul polysub polyval positive pow power prod ptp quantile
        rad2deg radians ravel real real_if_close reciprocal remainder repeat require reshape resize roll
        rollaxis roots rot90 round select setdiff1d sign sin sinc sinh sort sort_complex spacing split sqrt
        square squeeze stack std subtract sum swapaxes take take_along_axis tan tanh tensordot tile trace
        transpose trapezoid tril trim_zeros triu true_divide union1d unique unique_values unstack unwrap
        vander var vdot vecdot vecmat vsplit vstack where
    """,
    "np.fft": """
        fft fft2 fftn fftshift hfft ifft ifft2 ifftn ifftshift ihfft irfft irfft2 irfftn rfft rfft2 rfftn
    """,
    "np.linalg": """
        cholesky cond cross det diagonal eig eigh eigvals eigvalsh inv lstsq matmul matrix_norm matrix_power
        matrix_transpose multi_dot norm outer pinv qr slogdet solve svd svdvals tensordot tensorinv
        tensorsolve trace vecdot vector_norm
    """,
}
NAMES = [f"{namespace}.{name}" for namespace, names in FUNCTIONS.items() for name in names.split()]


def function(dotted):
    return functools.reduce(getattr, dotted.split(".")[1:], np)


@pytest.mark.parametrize("dotted", NAMES)
def test_has_a_rule_and_a_sample(dotted):
    rule = rules[function(dotted)]
    keys = {dotted, dotted.removeprefix("np."), getattr(rule, "name", None)}
    assert any(SAMPLES.get(key) for key in keys) or dotted in BY_HAND


def test_the_list_is_whole():
    assert len(NAMES) == 269


# Steps of floats: the laws' difference quotients say nothing of them, so they are checked here.
BY_HAND = {"np.nextafter", "np.spacing"}


def test_nextafter_and_spacing():
    from wengert import grad, jvp

    assert grad(lambda x: np.nextafter(x, 2.0))(1.0) == 1
    assert jvp(lambda x: np.nextafter(x, 2.0), (1.0,), (3.0,))[1] == 3
    assert grad(np.spacing)(1.0) == 0
    assert jvp(np.spacing, (1.0,), (3.0,))[1] == 0
