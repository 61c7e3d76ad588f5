"""`wengert.debug`: each kind of report, on functions that have exactly that fault."""

from __future__ import annotations

import subprocess
import sys
import threading

import numpy as np
import pytest
from scipy import special

from wengert import Variable, checkpoint, debug, grad, gradients, hessian, jvp, primitive, stop_gradient
from wengert.core.primitive import Primitive

X = np.array([1.0, 0.0, -2.0])


def the_first(f, *args):
    return debug(f)(*args).first


# -- forward: the value, by primitive and operands ------------------------------------------------------------------------

# (function, arguments, the primitive, the entry, its operands' values there, what the reason says)
VALUES = [
    (lambda x: np.sum(x / (x - x)), (X,), "divide", (0,), (1.0, 0.0), "division by zero"),
    (lambda x, y: np.sum(x / y), (X, np.array([1.0, 0.0, 0.0])), "divide", (1,), (0.0, 0.0), "0 / 0"),
    (lambda x: 1 / x, (0.0,), "divide", (), (1.0, 0.0), "division by zero"),
    (lambda x: np.reciprocal(x), (0.0,), "reciprocal", (), (0.0,), "division by zero"),
    (lambda x: np.sum(np.log(x)), (X,), "log", (1,), (0.0,), "logarithm of 0"),
    (lambda x: np.sum(np.log(x + 1)), (X,), "log", (2,), (-1.0,), "negative number"),
    (lambda x: np.sum(np.log1p(x)), (X,), "log1p", (2,), (-2.0,), "less than -1"),
    (lambda x: np.sum(np.sqrt(x)), (X,), "sqrt", (2,), (-2.0,), "square root of a negative number"),
    (lambda x: np.sum(np.exp(800 * x)), (X,), "exp", (0,), (800.0,), "overflow"),
    (lambda x: np.sum((x * 1e200) * (x * 1e200)), (X,), "multiply", (0,), (1e200, 1e200), "beyond 1.8e+308"),
    (lambda x: np.sum(x * 1e38), (np.float32([1, 20]),), "multiply", (1,), (20.0, 1e38), "largest float32"),
    (lambda x: x**0.5, (-2.0,), "power", (), (-2.0, 0.5), "fractional power"),
    (lambda x: np.sum(x**-1.0), (X,), "power", (1,), (0.0, -1.0), "0 to a negative power"),
    (lambda x: np.sum(np.arccos(x)), (X,), "arccos", (2,), (-2.0,), "outside [-1, 1]"),
    (lambda x: np.arctanh(x), (1.0,), "arctanh", (), (1.0,), "pole"),
    (lambda x: special.gamma(x), (-1.0,), "scipy.special.gamma", (), (-1.0,), "pole"),
    (lambda x: special.logit(x), (1.0,), "scipy.special.logit", (), (1.0,), "pole"),
]


@pytest.mark.parametrize(("f", "args", "name", "index", "operands", "reason"), VALUES)
def test_the_first_value_that_is_not_finite(f, args, name, index, operands, reason):
    report = debug(f)(*args)
    found = report.first
    assert not report.ok
    assert (found.direction, found.kind, found.operation, found.index) == ("forward", "arose", name, index)
    assert tuple(operand.value for operand in found.operands) == pytest.approx(operands)
    assert reason in found.reason
    assert not np.isfinite(found.value) and found.place.file == __file__ and found.place.line > 0
    assert found.reason in str(report) and "test_debug.py" in str(report)


def test_inf_minus_inf_and_zero_times_inf_are_told_from_what_made_the_inf():
    report = debug(lambda x: np.exp(x) - np.exp(x))(1000.0)
    assert [(f.operation, f.kind, f.reason) for f in report.forward] == [
        ("exp", "arose", "overflow: exp of a large number"),
        ("exp", "arose", "overflow: exp of a large number"),
        ("subtract", "turned", "inf - inf"),
    ]
    report = debug(lambda x: np.exp(x) * (x - 1000))(1000.0)
    assert [f.reason for f in report.forward] == ["overflow: exp of a large number", "0 · inf"]


def test_an_input_that_is_not_finite_is_told_from_one_that_arose():
    found = the_first(lambda x: np.sum(x * 2), np.array([1.0, np.nan]))
    assert (found.kind, found.index, found.operation) == ("input", (1,), "")
    data = np.array([1.0, np.nan])
    found = the_first(lambda w: np.sum(w * data), np.ones(2))
    assert (found.kind, found.index, found.operation) == ("constant", (1,), "multiply")
    assert "holds nan" in found.reason


@pytest.mark.parametrize(
    ("f", "x", "reason"),
    [
        (lambda x: np.std(x, ddof=1), np.ones(1), "1 entries with ddof=1"),
        (lambda x: np.mean(x), np.ones(0), "mean of no entries"),
        (lambda x: np.sum(x), np.array([1e308, 1e308]), "overflow"),
        (lambda x: x @ x, np.full(2, 1e200), "overflow"),
        (lambda x: np.linalg.slogdet(x)[1], np.ones((2, 2)), "singular"),
        (lambda x: np.linalg.det(x), 1e200 * np.eye(2), "overflow"),
    ],
)
@pytest.mark.filterwarnings("ignore:Mean of empty", "ignore:Degrees of freedom")
def test_reasons_of_operations_on_whole_arrays(f, x, reason):
    assert reason in the_first(f, x).reason


def test_names_are_those_of_the_code():
    def f(x, scale):
        shifted = x - 1
        ratio = scale / shifted
        return np.sum(ratio)

    found = the_first(f, X, np.ones(3))
    assert found.symbol == "ratio" and [o.name for o in found.operands] == ["scale", "shifted"]
    assert found.place.source.strip() == "ratio = scale / shifted" and found.place.function.endswith("f")


def test_what_did_not_reach_the_result_is_said_to_be_harmless():
    report = debug(lambda x: np.sum(np.where(x > 0, np.log(x), 0)))(X)
    assert report.ok and report.first is None
    assert [(f.operation, f.reaches) for f in report.forward] == [("log", False)]
    assert "without effect on the result" in str(report)


# -- backward -------------------------------------------------------------------------------------------------------------

# (function, argument, the primitive, the entry, the cotangent there, the partial there, what the reason says)
SLOPES = [
    (lambda x: np.sum(3 * np.sqrt(x)), np.array([1.0, 0.0]), "sqrt", (1,), 3.0, np.inf, "square root at 0"),
    (lambda x: np.cbrt(x), 0.0, "cbrt", (), 1.0, np.inf, "cube root"),
    (lambda x: x**0.5, 0.0, "power", (), 1.0, np.inf, "infinite for p < 1"),
    (lambda x: np.arccos(x), 1.0, "arccos", (), 1.0, -np.inf, "±1"),
    (lambda x: (x * 1e200) * 1e200, 1e-200, "multiply", (), 1e200, 1e200, "overflow"),
]


@pytest.mark.parametrize(("f", "x", "name", "index", "cotangent", "partial", "reason"), SLOPES)
def test_the_first_partial_or_adjoint_that_is_not_finite(f, x, name, index, cotangent, partial, reason):
    report = debug(f)(x)
    found = report.first
    assert (found.direction, found.kind, found.operation, found.index) == ("backward", "arose", name, index)
    assert found.cotangent == pytest.approx(cotangent) and found.partial == pytest.approx(partial)
    assert reason in found.reason and report.backward[0] is found and found.reaches
    assert "adjoint · partial" in str(report) and "Forward" not in str(report)


def test_backward_follows_what_was_wrong_forward():
    report = debug(lambda x: np.log(x) * x)(0.0)
    assert report.first.direction == "forward"
    assert [f.kind for f in report.backward if f.operation == "multiply"] == ["follows"]

    (found,) = debug(np.log)(0.0).backward
    assert found.kind == "follows" and "1 / x" in found.reason  # the operand is finite, the value was not


def test_what_comes_through_one_of_several_outputs_did_not_arise_there():
    report = debug(lambda a: np.sum(np.sqrt(np.linalg.eigh(a)[0])))(np.diag([0.0, 1.0]))
    assert [f.operation for f in report.backward] == ["sqrt"]
    assert np.isinf(report.gradient[0, 0])


def test_the_gradient_is_the_sweeps_own():
    f = lambda x: np.sum(np.where(x > 0, np.sqrt(x), x / np.abs(x - 2)) * np.exp(x))
    x = np.array([-1.0, 0.0, 2.0, 4.0])
    with np.errstate(all="ignore"):
        expected = grad(f)(x)
        variable = Variable(x)
        same = gradients(f(variable))[variable]
    report = debug(f)(x)
    np.testing.assert_array_equal(report.gradient, expected)
    np.testing.assert_array_equal(report.gradient, same)


@pytest.mark.parametrize(
    ("f", "a", "pair"),
    [
        (lambda a: np.sum(np.linalg.eigh(a)[1]), np.diag([1.0, 3.0, 3.0]), "eigenvalues 1 and 2 are both 3"),
        (lambda a: np.sum(np.linalg.svd(a)[0]), np.diag([5.0, 2.0, 2.0]), "singular values 1 and 2 are both 2"),
        (lambda a: np.sum(np.linalg.eig(a)[1]), np.diag([4.0, 4.0, 1.0]), "eigenvalues 0 and 1 are both 4"),
        (
            lambda a: np.sum(np.linalg.eigh(a)[1][..., 0]),
            np.stack([np.diag([1.0, 2.0]), np.eye(2)]),
            "eigenvalues 0 and 1 of matrix (1,) are both 1",
        ),
    ],
)
def test_repeated_eigenvalues_are_named(f, a, pair):
    report = debug(f)(a)
    assert np.isnan(report.gradient).any()
    assert pair in report.first.reason and report.first.direction == "backward"


# -- true zeros -----------------------------------------------------------------------------------------------------------


def test_where_true_zeros_won():
    report = debug(lambda x: np.sum(np.where(x > 0, np.sqrt(x), 0)))(np.array([0.0, -1.0, 4.0, 0.0]))
    assert report.ok
    (found,) = report.suppressed
    assert (found.operation, found.symbol, found.count, found.size) == ("sqrt", "x", 3, 4)
    assert found.place.expression == "np.sqrt(x)" and "zeros" in str(report)
    assert debug(lambda x: np.sum(np.sqrt(x)))(np.ones(3)).suppressed == []


def test_what_a_zero_did_not_meet_is_not_counted():
    report = debug(lambda x: np.sum(np.sqrt(x) * np.array([1.0, 0.0, 0.0])))(np.zeros(3))
    assert [(s.count, s.size) for s in report.suppressed] == [(2, 3)]
    np.testing.assert_array_equal(report.gradient, [np.inf, 0.0, 0.0])


def test_true_zeros_of_a_product_with_a_matrix():
    report = debug(lambda x: np.sum((np.eye(2) @ np.sqrt(x)) * np.array([0.0, 1.0])))(np.array([0.0, 4.0]))
    assert report.ok and [(s.operation, s.count) for s in report.suppressed] == [("sqrt", 1)]
    np.testing.assert_array_equal(report.gradient, [0.0, 0.25])


# -- layers, dead units, independence -------------------------------------------------------------------------------------


def recurrent(W, h, steps):
    for _ in range(steps):
        h = np.tanh(W @ h)
    return np.sum(h)


def test_vanishing_and_exploding_adjoints_by_line():
    report = debug(lambda W: recurrent(W, np.full(2, 0.01), 40))(0.5 * np.eye(2))
    (trend,) = report.trends
    assert trend.kind == "vanishing" and trend.ratio == pytest.approx(0.5**39, rel=0.1)
    assert "h = np.tanh(W @ h) (first time)" in trend.early
    line = next(line for line in report.layers if "tanh" in line.name)
    assert line.count == 40 and line.earliest < 1e-11 and line.latest == pytest.approx(np.sqrt(2), rel=0.1)
    report = debug(lambda W: recurrent(W, np.full(2, 1e-30), 40))(3 * np.eye(2))
    assert [trend.kind for trend in report.trends] == ["exploding"]
    assert "explode by a factor of" in str(report)
    assert debug(lambda W: recurrent(W, np.full(2, 0.01), 5))(np.eye(2)).trends == []


@pytest.mark.parametrize(
    ("activation", "kind", "units"),
    [
        (lambda z: np.maximum(z, 0), "dead", (1,)),
        (lambda z: np.where(z > 0, z, 0), "dead", (1,)),
        (lambda z: np.clip(z, 0, 50), "dead", (1,)),
        (lambda z: np.tanh(z), "saturated", (1, 2)),
        (lambda z: special.expit(z), "saturated", (1, 2)),
    ],
)
def test_dead_and_saturated_units(activation, kind, units):
    inputs = np.array([[0.1, 0.2], [-0.2, 0.3], [0.3, -0.1]])
    offset = np.array([0.0, -40.0, 40.0])
    report = debug(lambda W: np.sum(activation(inputs @ W + offset)))(np.ones((2, 3)))
    assert [(u.kind, u.units, u.size) for u in report.inactive] == [(kind, units, 3)]
    assert f"{kind} at" in str(report)


def test_a_unit_that_is_alive_in_one_row_or_step_is_not_dead():
    assert debug(lambda x: np.sum(np.maximum(x, 0)))(np.array([[1.0, -1.0], [-1.0, 1.0]])).inactive == []

    def steps(x):
        for shift in (-2.0, 2.0):
            x = np.maximum(x + shift, 0)
        return np.sum(x)

    assert debug(steps)(np.ones((3, 2))).inactive == []


CUTS = [
    (lambda x: stop_gradient(x) * 2, "stop_gradient", "asked for"),
    (lambda x: np.floor(x) * 2.0, "floor", "piecewise constant"),
    (lambda x: np.round(x) * 2.0, "round", "piecewise constant"),
    (lambda x: x.astype(int) * 2.0, "astype", "a cast to integers or booleans"),
    (lambda x: np.argmax(x) * 1.0, "argmax", "it returns integers or booleans"),
    (lambda x: x.val * 1.0, "val", "the plain value was taken"),
    (lambda x: (x > 0) * 1.0, "comparison", "a comparison"),
    (lambda x: np.isfinite(x) * 1.0, "isfinite", "a comparison"),
    (lambda x: x.argmax() * 1.0, "argmax", "it returns integers or booleans"),
    (lambda x: int(x[0]) * 1.0, "__int__", "a cast to an integer"),
    (lambda x: np.histogram(x, bins=3)[0] * 1.0, "histogram", "it returns integers or booleans"),
    (lambda x: np.searchsorted(np.arange(3.0), x) * 1.0, "searchsorted", "it returns integers or booleans"),
    (lambda x: np.divmod(x, 1.0)[0], "divmod", "piecewise constant"),
    (lambda x: np.sign(x), "sign", "piecewise constant"),
    (lambda x: x // 1, "floor_divide", "piecewise constant"),
    (lambda x: Variable(x.val), "val", "the plain value was taken"),
    (lambda x: primitive(np.sin, None)(x), "sin", "piecewise constant"),
]


@pytest.mark.parametrize(("cut", "name", "reason"), CUTS)
def test_where_the_dependence_was_cut(cut, name, reason):
    report = debug(lambda x, y: np.sum(cut(x) + y))(X, X)
    (found,) = report.independent
    assert (found.name, found.kind) == ("x", "cut")
    assert [(c.operation, c.reason) for c in found.cuts] == [(name, reason)]
    assert found.cuts[0].place.file == __file__ and name in str(report)
    np.testing.assert_array_equal(report.gradient[0], np.zeros(3))


def test_an_input_that_is_not_used_and_one_that_is_zero_here():
    def f(unused, dropped, dead, y):
        product = dropped * 3  # noqa: F841
        return np.maximum(dead, 0) * y

    found = {one.name: one for one in debug(f)(1.0, 2.0, -3.0, 4.0).independent}
    assert {name: one.kind for name, one in found.items()} == {
        "unused": "unused",
        "dropped": "unused",
        "dead": "zero",
        "y": "zero",
    }
    assert [c.operation for c in found["dropped"].cuts] == ["product"]
    assert [c.operation for c in found["dead"].cuts] == ["maximum"]


def test_both_operands_of_a_comparison_are_cut():
    report = debug(lambda x, t, y: np.sum((x > t) * y))(X, 0.5, X)
    assert {one.name: one.kind for one in report.independent} == {"x": "cut", "t": "cut"}


def test_an_adjoint_that_cancels_does_not_vanish():
    def angle(u, v):
        u, v = u / np.linalg.norm(u), v / np.linalg.norm(v)  # the norms' adjoints are 0 up to rounding
        return 2 * np.arctan2(np.linalg.norm(u - v), np.linalg.norm(u + v))

    assert debug(angle)(np.array([1.0, 0.5, 0.0]), np.array([1.0, 1.0, 0.3])).trends == []


def test_a_sum_of_finite_contributions_that_overflows():
    def f(x):
        y = x * 1.0
        return (y * 1e308 + y * 1e308) * 1e-308

    report = debug(lambda x: f(x) * 1e308)(1e-308)
    (found,) = report.backward
    assert (found.symbol, found.reason.split(":")[0], found.reaches) == ("y", "the sum of its contributions", True)


def test_shapes_and_lengths_are_no_cuts():
    report = debug(lambda x, y: np.sum(y) * len(x) * x.size * x.shape[0] * x.ndim)(X, X)
    (found,) = report.independent
    assert found.kind == "unused" and found.cuts == ()


# -- errors, forms of calls, and hostile input ------------------------------------------------------------------------------


def singular(A):
    squared = A @ A.T
    logs = np.log(squared - 1)
    return np.sum(np.linalg.inv(squared * 0)) + np.sum(logs)


def test_an_exception_is_part_of_the_report():
    report = debug(singular)(np.ones((2, 2)))
    assert isinstance(report.error, np.linalg.LinAlgError) and not report.ok
    assert "np.linalg.inv(squared * 0)" in report.raised_at.source
    assert [operand.name for operand in report.raised_with] == ["squared", "logs"]
    assert report.operations >= 4 and report.value is None and report.gradient is None
    assert "LinAlgError was raised: Singular matrix" in str(report)


def test_what_was_not_finite_before_an_exception():
    def f(x):
        broken = np.log(x)
        return np.linalg.cholesky(np.diag(broken))

    report = debug(f)(np.array([1.0, 0.0]))
    assert isinstance(report.error, np.linalg.LinAlgError)
    assert (report.first.operation, report.first.symbol, report.first.index) == ("log", "broken", (1,))


def test_the_profile_hook_is_gone_also_after_an_exception():
    before = sys.getprofile()
    debug(singular)(np.ones((2, 2)))
    with pytest.raises(ZeroDivisionError), debug():
        1 // 0
    assert sys.getprofile() is before


def test_exceptions_that_end_the_program_come_through():
    def f(x):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        debug(f)(1.0)


def test_values_and_gradients_in_the_trees_of_the_arguments():
    report = debug(lambda p, n, x: p["w"] * x**n + p["b"][0])({"w": 2.0, "b": [1.0, 7]}, 2, 3.0)
    assert report.ok and report.value == 19.0
    assert report.gradient == ({"w": 9.0, "b": [1.0, None]}, None, 12.0)
    assert debug(lambda x, scale=1: x * scale)(2.0, scale=5.0).gradient == 5.0


def test_what_is_no_real_number_is_swept_from_the_sum():
    report = debug(lambda x: {"a": x * 2, "b": (np.log(x), 3, None)})(np.array([1.0, 0.0]))
    assert report.value["b"][1:] == (3, None)
    np.testing.assert_array_equal(report.gradient, [3.0, np.inf])
    assert "sum of" in str(report)
    assert debug(lambda z: z * z)(1 + 2j).gradient == np.conj(2 * (1 + 2j))


@pytest.mark.parametrize("value", [None, "text", 3.0, np.ones(2)])
def test_a_result_that_depends_on_nothing(value):
    report = debug(lambda x: value)(1.0)
    assert report.ok and report.gradient == 0 and "depends on none of the inputs" in str(report)
    assert [one.kind for one in report.independent] == ["unused"]


@pytest.mark.parametrize("x", [np.zeros(0), np.zeros((0, 3)), np.array(0.5), np.float32(0.5), np.zeros((2, 0))])
def test_empty_and_0d_arrays(x):
    report = debug(lambda x: np.sum(np.sqrt(x) * 2))(x)
    assert report.ok and np.shape(report.gradient) == np.shape(x)
    assert str(report)


def test_complex_numbers():
    found = the_first(lambda z: np.real(np.sum(np.log(z))), np.array([1j, 0j]))
    assert (found.operation, found.index, found.operands[0].value) == ("log", (1,), 0j)


def test_nested_derivatives():
    report = debug(lambda x: grad(lambda y: np.sqrt(y) * x)(x * 0))(1.0)
    assert (report.first.operation, report.first.reason) == ("divide", "division by zero")
    assert debug(lambda x: grad(np.sin)(x))(0.5).gradient == pytest.approx(-np.sin(0.5))
    assert grad(lambda x: x * debug(lambda y: np.sqrt(y * x))(0.0).operations)(3.0) == 2.0


def test_in_place_writes():
    def f(x):
        y = np.zeros_like(x)
        for i in range(3):
            y[i] = np.log(x[i])
        return np.sum(y)

    report = debug(f)(np.array([1.0, 0.0, 2.0]))
    assert (report.first.operation, report.first.operands[0].value) == ("log", 0.0)
    np.testing.assert_array_equal(report.gradient, [1.0, np.inf, 0.5])


def test_a_checkpointed_function_is_one_operation():
    report = debug(lambda x: np.sum(checkpoint(np.sqrt)(x)))(np.array([0.0, 4.0]))
    assert report.first.direction == "backward" and not report.ok


def test_a_graph_of_100000_nodes():
    def f(x):
        for _ in range(50_000):
            x = x * 1.00001 + 0.1
        return np.log(x * 0)

    report = debug(f)(1.0)
    text = str(report)
    assert report.operations == 100_002 and report.first.operation == "log" and len(text) < 3000


def test_two_threads_do_not_see_each_other():
    found = {}

    def run(name, x):
        found[name] = debug(lambda x: np.log(x))(x)

    threads = [threading.Thread(target=run, args=(x, x)) for x in (0.0, 1.0, -1.0, 2.0)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert {x: report.ok for x, report in found.items()} == {0.0: False, 1.0: True, -1.0: False, 2.0: True}


# -- blocks -----------------------------------------------------------------------------------------------------------------


def test_a_block_reports_on_the_last_variable_if_it_makes_no_sweep():
    with np.errstate(all="ignore"), debug() as report:
        a = Variable(0.0)
        scale = Variable(2.0)
        logarithm = np.log(a)
        logarithm * scale
    assert (report.first.operation, report.first.symbol) == ("log", "logarithm")
    assert set(report.gradient) == {"a", "scale"} and report.value == -np.inf


def descend(loss, w, rate, steps):
    for _ in range(steps):
        w = w - rate * grad(loss)(w)
    return w


def test_a_block_reports_on_the_first_sweep_that_is_not_finite():
    with np.errstate(all="ignore"), debug() as report:
        descend(lambda w: np.sum(np.sqrt(w)), np.array([1.0, 9.0]), 2.0, 4)  # the first step ends at 0
    assert (report.first.operation, report.first.index) == ("sqrt", (0,))
    assert "sweep number 2 of the block" in str(report)
    assert set(report.gradient) == {"w"}


def test_a_block_without_a_fault_reports_on_the_last_sweep():
    with debug() as report:
        last = descend(lambda w: np.sum(w * w), np.ones(2), 0.5, 3)
    assert report.ok and "3 sweeps, and this is the last" in str(report)
    np.testing.assert_array_equal(last, np.zeros(2))


@pytest.mark.parametrize(
    "sweep",
    [
        lambda x: jvp(np.sqrt, (x,), (1.0,)),
        lambda x: hessian(lambda y: y**1.5)(x),
        lambda x: (np.sqrt(Variable(x))).backward(),
        lambda x: gradients(np.sqrt(Variable(x))),
    ],
)
def test_blocks_see_every_kind_of_sweep(sweep):
    with np.errstate(all="ignore"), debug() as report:
        sweep(0.0)
    assert not report.ok and report.first.direction == "backward"


def test_a_block_with_a_graph_that_is_freed_on_the_way():
    x = np.ones((1 << 20, 1))
    with debug() as report:
        grad(lambda x: np.sum(np.tanh(x * 2) * x))(x)  # 24 MB of intermediates
    assert report.ok and report.operations == 4


def test_a_block_lets_exceptions_through():
    with pytest.raises(np.linalg.LinAlgError), debug() as report:
        q = Variable(np.zeros((2, 2)))
        p = q * 3
        np.linalg.inv(p)
    assert isinstance(report.error, np.linalg.LinAlgError)
    assert [operand.name for operand in report.raised_with] == ["p"]


def test_an_empty_block():
    with debug() as report:
        pass
    assert report.ok and report.value is None and str(report)


# -- the report as an object ------------------------------------------------------------------------------------------------


def test_notebooks_get_text_and_html():
    report = debug(lambda x: np.log(x))(0.0)
    bundle = report._repr_mimebundle_()
    assert bundle["text/plain"] == str(report) == repr(report)
    assert bundle["text/html"].startswith("<pre>") and "&lt;lambda&gt;" in bundle["text/html"]


def test_findings_point_into_the_graph_of_pictures():
    from wengert.view.graph import Graph

    report = debug(lambda x: np.sum(np.sqrt(x * 2) + np.log(x + 1)))(np.array([0.0, -1.0]))
    graph = Graph(report.roots[0], report.known, report.recording)
    for finding in (*report.forward, *report.backward):
        assert graph.nodes[finding.number].operation == finding.operation
    assert graph.nodes[report.first.number].place.line == report.first.place.line


def test_nothing_is_changed_in_the_library_by_debugging():
    """What debugging needs is a profiling hook: the functions that compute are the same objects with the same code."""
    from wengert.core import primitive as room
    from wengert.core import sweep

    watched = [Primitive.__call__, Primitive.pull, room.record, room.node_of, sweep.pull_back, Variable.__add__]
    before = [(function, function.__code__) for function in watched]
    debug(lambda x: np.log(x))(0.0)
    with debug():
        grad(np.sin)(1.0)
    after = [Primitive.__call__, Primitive.pull, room.record, room.node_of, sweep.pull_back, Variable.__add__]
    assert before == [(function, function.__code__) for function in after]
    assert sys.getprofile() is None or "wengert" not in repr(sys.getprofile())


def test_the_room_is_read_when_asked_for():
    code = "import sys, wengert, wengert.testing; sys.exit(any(m.startswith(('wengert.view', 'wengert.testing.blame')) for m in sys.modules))"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


# -- random programs --------------------------------------------------------------------------------------------------------

UNARY = [
    np.sqrt, np.log, np.exp, np.square, np.reciprocal, np.abs, np.arccos, np.cbrt, np.log1p, np.floor, np.cumsum, np.sort,
    lambda x: x**0.5, lambda x: x**-1.5, lambda x: x * 1e200, lambda x: np.where(x > 0, x, 0), lambda x: np.maximum(x, 0),
    lambda x: x / np.linalg.norm(x), lambda x: np.prod(x) * x, lambda x: np.std(x) * x, lambda x: x * np.inf,
    lambda x: np.reshape(x, (-1, 1)) @ np.ones((1, 2)) @ np.ones(2), lambda x: np.concatenate([x[1:], x[:1]]),
]  # fmt: skip
BINARY = [np.add, np.subtract, np.multiply, np.divide, np.power, np.arctan2, np.hypot, np.logaddexp, np.maximum]
REDUCTIONS = [np.sum, np.mean, np.max, np.prod, np.linalg.norm, np.std, np.var]


def program(rng):
    steps = []
    for _ in range(rng.integers(1, 7)):
        table = UNARY if rng.random() < 0.6 else BINARY
        steps.append((table[rng.integers(len(table))], rng.integers(100, size=1 if table is UNARY else 2)))
    reduction = REDUCTIONS[rng.integers(len(REDUCTIONS))]

    def f(x, y):
        pool = [x, y]
        for function, operands in steps:
            pool.append(function(*(pool[i % len(pool)] for i in operands)))
        return reduction(pool[-1])

    return f


@pytest.mark.parametrize("seed", range(150))
def test_random_programs_have_the_gradient_of_grad_and_an_origin_for_all_that_is_not_finite(seed):
    rng = np.random.default_rng(seed)
    f = program(rng)
    x, y = rng.choice([0.0, 1.0, -1.0, 2.0, 0.5, 1e-200, 1e200, -3.0], 4), rng.choice([0.0, 1.0, -1.0, 2.0], 4)
    if seed % 10 == 0:
        x[0] = rng.choice([np.inf, np.nan])
    with np.errstate(all="ignore"):
        expected = grad(f, argnums=(0, 1))(x, y)
    report = debug(f)(x, y)
    for found, wanted in zip(report.gradient, expected, strict=True):
        np.testing.assert_array_equal(found, wanted)
    assert str(report)
    value_is_finite = np.isfinite(report.value)
    gradient_is_finite = all(np.isfinite(part).all() for part in expected)
    assert report.ok == (value_is_finite and gradient_is_finite)
    assert value_is_finite or any(finding.reaches for finding in report.forward)
    assert gradient_is_finite or any(finding.reaches for finding in report.backward) or not value_is_finite
    assert all(finding.reason for finding in (*report.forward, *report.backward))
    assert report.ok == (report.first is None)


def test_a_long_computation_that_is_not_used():
    def f(x, y):
        for _ in range(20_000):
            x = x * 1.0001
        return y

    (found,) = debug(f)(1.0, 2.0).independent
    assert (found.name, found.kind, [cut.operation for cut in found.cuts]) == ("x", "unused", ["x"])


def test_many_inputs_that_are_not_used():
    report = debug(lambda xs: np.sin(xs[0]))([float(i) for i in range(300)])
    assert len(report.independent) == 299 and {one.kind for one in report.independent} == {"unused"}
    assert "... and 287 more" in str(report) and len(str(report)) < 2000


def test_a_large_graph_that_is_not_finite_throughout():
    def f(x):
        for _ in range(10_000):
            x = np.log(x * 1.0) + x
        return x

    report = debug(f)(-1.0)
    assert len(report.forward) == 1 and report.first.operation == "log" and len(str(report)) < 3000


def test_a_report_opens_the_explorer_where_to_look_first():
    import json
    import re

    def start(report):
        found = re.search(r'<script type="application/json" id="data">(.*?)</script>', report.explore().html, re.DOTALL)
        data = json.loads(found[1])
        at = data["start"]
        return at and (data["symbol"][at["node"]], at["backward"], at["operand"])

    def unfinished(x):
        y = np.log(x)
        return y @ np.ones(5)

    with np.errstate(all="ignore"):
        x = np.array([4.0, 0.0])
        assert start(debug(lambda x: np.sum(np.sqrt(x)))(x)) == ("v₁", True, "x")
        assert start(debug(lambda x: np.sum(np.log(x)))(x)) == ("v₁", False, "v₁")
        assert start(debug(lambda x: {"a": np.log(x), "b": x * 2})(x))[1:] == (False, "v₁")
        assert start(debug(unfinished)(x))[1:] == (False, "y")
        assert start(debug(lambda x: np.sum(x))(x)) is None
    with pytest.raises(TypeError, match="explore needs"):
        debug(lambda x: 1.0)(x).explore()
