"""scipy.special on variables: every partial against mpmath or differences, in both modes and twice; edges; errors."""

from __future__ import annotations

import inspect
import itertools
import math
import subprocess
import sys
import textwrap

import mpmath as mp
import numpy as np
import pytest
import scipy.special as sc
from special_samples import ORACLES, SAMPLES

import wengert as wg
import wengert.ops.special
from wengert.core.errors import DerivativeTypeError
from wengert.core.partials import Elementwise
from wengert.core.primitive import unsupported
from wengert.core.registry import primitives, rules
from wengert.testing import check_laws

PREFIX = "scipy.special."
DECLARED = {name.removeprefix(PREFIX): p for name, p in primitives.items() if name.startswith(PREFIX)}
UFUNCS = {name: p for name, p in DECLARED.items() if isinstance(p, Elementwise)}
# SciPy solves for this one to four digits only, so its own differences say no more.
TOLERANCE = {"ncfdtrinc": 1e-3}

inf = math.inf


# -- the derivatives ------------------------------------------------------------------------------------------------------


def differentiable(primitive, point):
    """The positions of the arguments that have a partial; an int in a sample is an argument that stays one."""
    for i, partial in enumerate(primitive.partials):
        if partial is not None and not isinstance(partial, unsupported) and not isinstance(point[i], int):
            yield i


def difference(f, x):
    """Central differences at four steps, extrapolated (Richardson 1911): error of order h⁸."""
    h = 1e-2 * max(1.0, abs(x))
    rows = [(f(x + h / 2**k) - f(x - h / 2**k)) / (h / 2 ** (k - 1)) for k in range(4)]
    for power in (4, 16, 64):
        rows = [(power * b - a) / (power - 1) for a, b in itertools.pairwise(rows)]
    return rows[0]


def close(found, wanted, tolerance, floor):
    return abs(found - wanted) <= tolerance * max(abs(wanted), floor)


@pytest.mark.parametrize("name", sorted(set(SAMPLES) & set(UFUNCS)))
def test_derivatives(name):
    with np.errstate(all="ignore"):
        for point in SAMPLES[name]:
            for i in differentiable(UFUNCS[name], point):
                for k in range(UFUNCS[name].function.nout):
                    check_derivatives(name, point, i, k)


def check_derivatives(name, point, i, k):
    primitive, x, one = UFUNCS[name], point[i], type(point[i])(1)

    def f(x):
        out = primitive(*point[:i], x, *point[i + 1 :])
        return out[k] if isinstance(out, tuple) else out

    def slope(x):
        return wg.jvp(f, (x,), (one,))[1]

    def oracle(x):
        out = ORACLES[name](*map(mp.mpmathify, point[:i]), x, *map(mp.mpmathify, point[i + 1 :]))
        return out[k] if isinstance(out, tuple) else out

    value, first = wg.jvp(f, (x,), (one,))
    second = wg.jvp(slope, (x,), (one,))[1]
    if name in ORACLES:
        tolerance, (wanted_value, wanted, wanted_second) = 1e-8, (complex(mp.diff(oracle, x, n)) for n in (0, 1, 2))
        assert close(value, wanted_value, tolerance, 1e-3), (name, point, "the oracle is of another function")
    else:
        tolerance, wanted, wanted_second = TOLERANCE.get(name, 1e-6), difference(f, x), difference(slope, x)
    assert close(first, wanted, tolerance, 1e-3), (name, point, i, k, first, wanted)
    assert close(second, wanted_second, 10 * tolerance, 1e-2), (name, point, i, k, second, wanted_second)
    out, pull = wg.vjp(f, x)
    pulled = pull(np.ones_like(np.asarray(out))[()])[0]
    expected = np.conj(first) if isinstance(x, complex) else np.real(first)
    assert close(pulled, expected, 1e-12, 1.0), (name, point, i, k, pulled, expected)


def test_every_declared_function_has_a_sample():
    assert set(UFUNCS) == set(SAMPLES)


def test_every_ufunc_of_scipy_is_declared():
    names = [name for name in dir(sc) if isinstance(getattr(sc, name), np.ufunc)]
    assert [name for name in names if getattr(sc, name) not in rules] == []


def test_reverse_over_reverse_third_order():
    third = wg.grad(wg.grad(wg.grad(lambda x: sc.jv(1.5, x))))(2.3)
    assert close(third, float(mp.besselj(1.5, 2.3, derivative=3)), 1e-10, 1e-3)
    third = wg.grad(wg.grad(wg.grad(sc.exprel)))(0.0)
    assert close(third, 0.25, 1e-14, 1e-3)


@pytest.mark.parametrize(
    ("f", "count"), [(sc.xlogy, 2), (sc.jv, 1), (sc.beta, 2), (sc.elliprf, 3), (sc.voigt_profile, 3)]
)
def test_laws_with_broadcasting(f, count):
    rng = np.random.default_rng(0)
    args = [rng.uniform(0.5, 1.5, (3,) if i % 2 else (2, 1)) for i in range(count)]
    check_laws((lambda x: f(1.5, x)) if f is sc.jv else f, *args)


@pytest.mark.parametrize("f", [sc.gammaln, sc.erfcx, sc.ellipk, sc.exprel, sc.ndtri])
def test_float32_stays(f):
    x = np.array([0.25, 0.5], dtype=np.float32)
    gradient = wg.grad(lambda x: np.sum(f(x)))(x)
    assert gradient.dtype == np.float32
    np.testing.assert_allclose(gradient, wg.grad(lambda x: np.sum(f(x)))(x.astype(float)), rtol=1e-4)


# -- arguments without a closed derivative --------------------------------------------------------------------------------
REFUSED = [
    (name, i) for name, p in UFUNCS.items() for i, part in enumerate(p.partials) if isinstance(part, unsupported)
]


@pytest.mark.parametrize(("name", "i"), REFUSED)
def test_an_unsupported_argument_is_named(name, i):
    primitive, point = UFUNCS[name], SAMPLES[name][0]
    args = [wg.Variable(float(x)) if j == i else x for j, x in enumerate(point)]
    with pytest.raises(DerivativeTypeError, match=rf"argument {primitive.partials[i].argument}\b"):
        primitive(*args)


@pytest.mark.parametrize(("f", "args"), [(sc.jve, (1.5,)), (sc.yve, (1.5,)), (sc.ive, (1.5,)), (sc.airye, ())])
def test_scalings_that_are_not_analytic_take_real_arguments_only(f, args):
    def real_part(z):
        out = f(*args, z)
        return np.real(out[0] if isinstance(out, tuple) else out)

    with pytest.raises(DerivativeTypeError, match="argument z"):
        wg.grad(real_part)(0.7 + 0.4j)


# -- edges: the limit where there is one, 0 at kinks, infinite slopes as they are ---------------------------------------------
EDGES = [
    ("xlogy", (0.0, 0.0), 0, -inf), ("xlogy", (0.0, 0.0), 1, 0.0), ("xlogy", (2.0, 0.0), 1, inf),
    ("xlog1py", (0.0, -1.0), 1, 0.0), ("entr", (0.0,), 0, inf), ("rel_entr", (0.0, 2.0), 0, -inf),
    ("rel_entr", (0.0, 2.0), 1, 0.0), ("rel_entr", (0.0, 0.0), 1, 0.0), ("kl_div", (0.0, 2.0), 1, 1.0),
    ("kl_div", (0.0, 0.0), 1, 1.0), ("exprel", (0.0,), 0, 0.5), ("exprel", (-1e4,), 0, 1e-8),
    ("exprel", (-inf,), 0, 0.0), ("exprel", (inf,), 0, inf), ("boxcox", (2.0, 1e300), 1, inf), ("boxcox", (2.0, inf), 1, inf),
    ("expit", (800.0,), 0, 0.0), ("expit", (-800.0,), 0, 0.0), ("logit", (0.0,), 0, inf), ("logit", (1.0,), 0, inf),
    ("log_expit", (-800.0,), 0, 1.0), ("cbrt", (0.0,), 0, inf), ("log1p", (-1.0,), 0, inf),
    ("boxcox", (0.0, 0.5), 0, inf), ("boxcox", (0.0, 0.5), 1, 4.0), ("boxcox", (1.0, 0.0), 1, 0.0),
    ("huber", (1.0, 1.0), 1, 1.0), ("huber", (1.0, -1.0), 1, -1.0), ("pseudo_huber", (0.0, 1.0), 0, 0.0),
    ("pseudo_huber", (0.0, 1.0), 1, 0.0), ("powm1", (0.0, 2.0), 1, 0.0), ("tklmbda", (3.0, 1.0), 0, 0.0),
    ("tklmbda", (3.0, 1.0), 1, 0.0), ("sinc", (0.0,), 0, 0.0),
    ("erfinv", (1.0,), 0, inf), ("erfcinv", (0.0,), 0, -inf), ("ndtri", (0.0,), 0, inf), ("log_ndtr", (-1e4,), 0, 1e4),
    ("log_ndtr", (40.0,), 0, 0.0), ("erfcx", (1e8,), 0, -1e-16 / math.sqrt(math.pi)), ("dawsn", (1e8,), 0, -0.5e-16),
    ("erf", (inf,), 0, 0.0), ("voigt_profile", (0.5, 0.0, 1.0), 0, -0.16 * 4 / math.pi), ("voigt_profile", (0.5, 0.0, 1.0), 1, 0.0),
    ("spence", (1.0,), 0, -1.0), ("spence", (0.0,), 0, -inf), ("exp1", (0.0,), 0, -inf), ("expn", (1, 0.0), 1, -inf),
    ("expn", (3, 0.0), 1, -1.0), ("rgamma", (-3.0,), 0, -6.0), ("rgamma", (0.0,), 0, 1.0),
    ("gammainc", (1.0, 0.0), 1, 1.0), ("gammainc", (0.5, 0.0), 1, inf), ("gammainc", (2.0, 0.0), 1, 0.0),
    ("betainc", (1.0, 2.0, 0.0), 2, 2.0), ("betainc", (2.0, 2.0, 1.0), 2, 0.0), ("chdtr", (2.0, 0.0), 1, 0.5),
    ("fdtr", (2.0, 5.0, 0.0), 2, 1.0), ("stdtr", (inf, 0.0), 1, 1 / math.sqrt(2 * math.pi)),
    ("bdtr", (5.0, 5, 0.4), 2, 0.0), ("kolmogorov", (0.0,), 0, 0.0), ("smirnov", (5, 0.0), 1, -1.0),
    ("chndtr", (2.0, 2.0, 0.0), 0, math.exp(-1) / 2),
    ("jv", (0, 0.0), 1, 0.0), ("jv", (1, 0.0), 1, 0.5), ("jv", (0.5, 0.0), 1, inf), ("k0", (0.0,), 0, -inf),
    ("y0", (0.0,), 0, inf), ("i0e", (0.0,), 0, 0.0), ("ive", (0, 0.0), 1, 0.0), ("it2struve0", (0.0,), 0, -2 / math.pi),
    ("ellipk", (0.0,), 0, math.pi / 8), ("ellipk", (1.0,), 0, inf), ("ellipe", (0.0,), 0, -math.pi / 8),
    ("agm", (0.0, 1.0), 0, inf), ("agm", (1.0, 1.0), 0, 0.5), ("elliprg", (0.0, 1.0, 1.0), 0, math.pi / 8),
    ("lpmv", (0, 2.0, 1.0), 2, 3.0), ("lpmv", (0, 2.0, -1.0), 2, -3.0), ("lpmv", (2, 2.0, 1.0), 2, -6.0),
    ("eval_legendre", (4, 1.0), 1, 10.0), ("eval_chebyt", (3, 1.0), 1, 9.0), ("eval_chebyu", (2.0, 1.0), 0, 1.0),
    ("hyperu", (0.0, 1.0, 0.5), 2, 0.0), ("hyp2f1", (1.0, 1.0, 2.0, 0.0), 3, 0.5),
    ("gammainc", (2.0, 0.0), 0, 0.0), ("gammaincc", (2.0, inf), 0, 0.0), ("betainc", (2.0, 3.0, 0.0), 0, 0.0),
    ("betainc", (2.0, 3.0, 1.0), 1, 0.0), ("stdtr", (3.0, 0.0), 0, 0.0), ("stdtr", (inf, 1.0), 0, 0.0),
    ("gdtr", (1.0, 2.0, 0.0), 0, 0.0), ("fdtr", (3.0, 5.0, 0.0), 0, 0.0),
    ("gammaincinv", (2.0, 0.0), 0, 0.0), ("gammainccinv", (2.0, 1.0), 0, 0.0), ("gammainccinv", (2.0, 1.0), 1, -inf),
]  # fmt: skip


@pytest.mark.parametrize(("name", "point", "i", "wanted"), EDGES)
def test_edges(name, point, i, wanted):
    f = getattr(sc, name)
    with np.errstate(all="ignore"):
        found = wg.grad(lambda x: f(*point[:i], x, *point[i + 1 :]))(point[i])
        pushed = wg.jvp(lambda x: f(*point[:i], x, *point[i + 1 :]), (point[i],), (1.0,))[1]
    assert found == pytest.approx(wanted, rel=1e-8, abs=1e-300)
    assert pushed == pytest.approx(wanted, rel=1e-8, abs=1e-300)


@pytest.mark.parametrize("name", ["expn", "kn", "yn"])
@pytest.mark.filterwarnings("ignore:floating point number truncated")
def test_an_order_is_cut_to_an_integer_as_by_scipy(name):
    f, x = getattr(sc, name), np.array([0.3, 1.0, 2.5])
    check = wg.jvp(lambda x: f(1, x), (x,), (x,))
    np.testing.assert_array_equal(wg.jvp(lambda x: f(1.7, x), (x,), (x,)), check)


@pytest.mark.parametrize(
    ("name", "integers"),
    [("jv", [0, 1]), ("iv", [0, 2]), ("kv", [0, 3]), ("expn", [0, 2]), ("agm", [0, 100]), ("boxcox", [0, 3]),
     ("ellipeinc", [1, 2]), ("eval_legendre", [0, 3])],
)  # fmt: skip
@pytest.mark.parametrize("dtype", [np.int8, np.uint8, np.uint64, bool])
def test_integers_of_any_type_do_not_wrap_around(name, integers, dtype):
    f, n, x = getattr(sc, name), np.array(integers, dtype), np.array([0.3, 0.6])
    for reverse in (name in ("jv", "iv", "kv", "expn", "eval_legendre"), True):
        of_x = (lambda x, n: f(n, x)) if reverse else (lambda x, n: f(x, n))
        wanted = wg.jvp(lambda x, g=of_x: g(x, n.astype(np.int64)), (x,), (x,))[1]
        np.testing.assert_array_equal(wg.jvp(lambda x, g=of_x: g(x, n), (x,), (x,))[1], wanted)


# -- the functions that SciPy writes in Python ------------------------------------------------------------------------------
A = np.random.default_rng(1).normal(size=(3, 4))
B = np.random.default_rng(2).uniform(0.5, 2.0, size=(3, 4))
ARRAY_CALLS = {
    "logsumexp": (sc.logsumexp, A),
    "logsumexp 0-d": (sc.logsumexp, A[0, 0]),
    "logsumexp axis": (lambda a: sc.logsumexp(a, axis=1), A),
    "logsumexp axes, keepdims": (lambda a: sc.logsumexp(a, axis=(0, -1), keepdims=True), A),
    "logsumexp b": (lambda a, b: sc.logsumexp(a, 0, b), A, B),
    "logsumexp b broadcast": (lambda a, b: sc.logsumexp(a, b=b, axis=-1), A, B[0]),
    "logsumexp only b": (lambda b: sc.logsumexp(A, b=b), B),
    "logsumexp sign": (lambda a, b: sc.logsumexp(a, b=b, axis=1, return_sign=True)[0], A, B - 1.3),
    "logsumexp complex": (lambda a: sc.logsumexp(a, axis=0), A + 0.3j * B),
    "logsumexp complex sign": (lambda a: sc.logsumexp(a, return_sign=True), A + 0.3j * B),
    "softmax": (sc.softmax, A),
    "softmax axis": (lambda a: sc.softmax(a, axis=-1), A),
    "softmax axes": (lambda a: sc.softmax(a, axis=(0, 1)), A),
    "log_softmax": (sc.log_softmax, A),
    "log_softmax axis": (lambda a: sc.log_softmax(a, axis=0), A),
    "multigammaln": (lambda a: sc.multigammaln(a, 3), B + 2),
    "polygamma": (lambda x: sc.polygamma(np.array([0, 1, 2, 4]), x), B),
}


@pytest.mark.parametrize("name", ARRAY_CALLS)
def test_array_functions(name):
    f, *args = ARRAY_CALLS[name]
    if "complex" in name:  # SciPy takes a longer way, so the last digit may differ
        np.testing.assert_allclose(np.asarray(f(*args)), np.asarray(wg.jvp(f, args, args)[0]), rtol=1e-14)
        wg.check_grads(f, tuple(args), order=2)
    else:
        check_laws(f, *args)


def test_logsumexp_at_its_edges():
    def gradient(a, **keywords):
        with np.errstate(all="ignore"):
            return wg.grad(lambda a: sc.logsumexp(a, **keywords))(np.array(a))

    np.testing.assert_array_equal(gradient([-inf, 0.0]), [0, 1])
    np.testing.assert_array_equal(gradient([-inf, -inf]), [0, 0])
    np.testing.assert_array_equal(gradient([inf, 1.0]), [1, 0])
    np.testing.assert_array_equal(gradient([inf, inf]), [0.5, 0.5])
    np.testing.assert_allclose(gradient([1000.0, 1000.0]), [0.5, 0.5])
    np.testing.assert_array_equal(gradient([np.nan, 0.0], b=np.array([0.0, 2.0])), [0, 1])


def test_lists_of_variables_and_scipys_complaints():
    assert wg.grad(lambda x: sc.logsumexp([x, 2 * x, 1.0]))(1.0) == pytest.approx(
        wg.grad(lambda x: np.log(np.exp(x) + np.exp(2 * x) + np.e))(1.0)
    )
    with pytest.raises(ValueError, match="not met"):
        wg.grad(lambda a: sc.multigammaln(a, 3))(0.5)
    for f, argument in ((lambda n: sc.polygamma(n, 1.5), "n"), (lambda d: sc.multigammaln(4.0, d), "d")):
        with pytest.raises(DerivativeTypeError, match=f"argument {argument}"):
            f(wg.Variable(2.0))


def test_the_entrance_leaves_scipys_functions_what_they_were():
    assert str(inspect.signature(sc.softmax)) == "(x, axis=None)"
    assert sc.softmax.__doc__.startswith(("Compute", "r"))
    np.testing.assert_allclose(sc.softmax([1.0, 1.0]), [0.5, 0.5])
    assert sc.logsumexp([0.0, 0.0], b=[1, 1]) == pytest.approx(math.log(2))


IMPORT_ORDERS = {
    "SciPy first": """
        from scipy.special import logsumexp
        import wengert as wg
        print(wg.grad(logsumexp)(1.5))""",
    "wengert first": """
        import wengert as wg, sys
        assert "scipy" not in sys.modules
        from scipy.special import logsumexp
        print(wg.grad(logsumexp)(1.5))""",
    "SciPy inside the function": """
        import wengert as wg
        import scipy
        print(wg.grad(lambda x: scipy.special.logsumexp(x) + 0 * scipy.special.erf(x))(1.5))""",
    "with SciPy's array API": """
        import os
        os.environ["SCIPY_ARRAY_API"] = "1"
        import numpy as np, scipy.special as sc, wengert as wg
        x, y = np.array([1.5]), np.array([0.0])
        f = lambda x: np.sum(sc.logsumexp(x) + sc.xlogy(y, x) + 0 * sc.polygamma(1, x) + 0 * sc.multigammaln(x, 2))
        print(wg.grad(f)(x)[0])""",
}


@pytest.mark.parametrize("order", IMPORT_ORDERS)
def test_import_orders(order):
    run = subprocess.run([sys.executable, "-c", textwrap.dedent(IMPORT_ORDERS[order])], capture_output=True, text=True)
    assert (run.stdout.strip(), run.returncode) == ("1.0", 0), run.stderr
