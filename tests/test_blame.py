"""`check_grads` names the input entry, the order and the primitive that is wrong, in graphs of any size, in both modes."""

from __future__ import annotations

import re

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from test_laws import CASES, SAMPLES

from wengert import Variable, check_grads, custom_gradient, linear, primitive, stop_gradient
from wengert.core.trees import flatten
from wengert.testing.blame import wrong_edges


def scaled(x):
    return np.exp(x)


def product(x, y):
    return x * y


def squashed(x):
    return np.tanh(x)


def slope(out):
    return 1 - out * out


def doubled(x):
    return 2 * x


too_steep = primitive(scaled, lambda out, x: 1.05 * out)
wrong_second_operand = primitive(product, lambda out, x, y: y, lambda out, x, y: y)
no_derivative = primitive(scaled, None)
wrong_slope_of_slope = primitive(slope, lambda out, x: -3 * x)
wrong_at_order_two = primitive(squashed, lambda out, x: wrong_slope_of_slope(out))
wrong_pull = primitive(
    doubled, lambda out, x: linear.Opaque(lambda t: 2 * t, lambda g: 3 * g, np.shape(x), np.shape(x), "doubled")
)
plain = lambda x: x.val if isinstance(x, Variable) else x
lost_at_order_two = primitive(scaled, lambda out, x: np.exp(plain(x)))


@custom_gradient
def wrong_at_three(x):
    return np.sin(x), (np.where(np.arange(x.size) == 3, 0.0, np.cos(x)),)


def planted(inner, steps=30):
    """The primitive in the midst of a larger graph."""

    def f(p):
        h = p["x"]
        for i in range(steps):
            h = np.tanh(h + 0.1 * i / steps) * 1.2 + 0.1 * p["w"]
        h = inner(h)
        for _ in range(steps):
            h = h + 0.01 * np.cos(h)
        return np.sum(h * p["w"])

    return f


POINT = {"x": np.linspace(0.1, 1.0, 6), "w": np.linspace(1.0, 2.0, 6)}

# (the function, orders to check, the modes in which it fails, the primitive's name, what is wrong about it)
WRONG = [
    (planted(too_steep), 1, ("fwd", "rev"), "scaled", "by its operand 0"),
    (planted(lambda h: wrong_second_operand(np.sin(h), np.cos(h))), 1, ("fwd", "rev"), "product", "by its operand 1"),
    (planted(no_derivative), 1, ("fwd", "rev"), "scaled", "has no derivative by its operand 0"),
    (planted(wrong_at_three), 1, ("fwd", "rev"), "wrong_at_three", "by its operand 0"),
    (planted(wrong_pull), 1, ("rev",), "doubled", "the pull of"),
    (lambda p: np.sum(wrong_at_order_two(p["x"] * p["w"])), 2, ("fwd", "rev"), "slope", "by its operand 0"),
    (lambda p: np.sum(too_steep(p["x"] * p["w"])), 2, ("fwd", "rev"), "scaled", "by its operand 0"),
]


@pytest.mark.parametrize("mode", ["fwd", "rev"])
@pytest.mark.parametrize(("f", "order", "modes", "name", "what"), WRONG)
def test_the_primitive_is_named(f, order, modes, name, what, mode):
    if mode not in modes:
        check_grads(f, (POINT,), order=order, modes=(mode,))
        return
    with pytest.raises(AssertionError) as caught:
        check_grads(f, (POINT,), order=order, modes=(mode,))
    text = str(caught.value)
    assert f"{name} " in text.split("To blame:")[1] and what in text and "test_blame.py" in text
    assert f"(order {2 if name == 'slope' else 1})" in text
    assert "shape (6,) float64" in text


def test_right_rules_pass():
    check_grads(planted(primitive(scaled, lambda out, x: out), steps=3), (POINT,), order=2)


def test_the_entry_is_named_with_both_values_and_the_error():
    with pytest.raises(AssertionError) as caught:
        check_grads(lambda x, y: np.sum(wrong_at_three(y)) + np.sum(x), (np.ones(2), np.full(5, 0.3)))
    text = str(caught.value)
    assert "by argument 1 at entry [3]" in text
    analytic, numeric, doubt = map(float, re.search(r"analytic (\S+), numeric (\S+) ± (\S+),", text).groups())
    assert analytic == 0.0 and numeric == pytest.approx(np.cos(0.3)) and doubt < 1e-9


def test_the_leaf_of_a_tree_and_entries_of_matrices_are_named():
    rule = lambda out, x: np.where(np.arange(6).reshape(2, 3) == 4, -out, out)
    f = lambda p: np.sum(primitive(scaled, rule)(p["b"])) + p["a"]
    with pytest.raises(AssertionError, match=r"argument 0, leaf 1 at entry \[1, 1\]"):
        check_grads(f, ({"a": 1.0, "b": np.zeros((2, 3))},), modes=("rev",))


def test_complex_numbers():
    f = lambda z: np.real(np.sum(wrong_second_operand(z, z * 2)))
    with pytest.raises(AssertionError, match="product by its operand 1"):
        check_grads(f, (np.array([1 + 2j, 3 - 1j]),))


def test_float32():
    with pytest.raises(AssertionError, match="scaled by its operand 0"):
        check_grads(lambda x: np.sum(too_steep(x)), (np.ones(3, np.float32),))


def test_a_derivative_that_is_lost_and_not_wrong():
    with pytest.raises(
        AssertionError, match=r"rather stop_gradient \(stop_gradient\(x\), line \d+\), where a derivative is lost"
    ):
        check_grads(lambda x: x * stop_gradient(x), (2.0,))
    check_grads(lost_at_order_two, (0.5,))
    with pytest.raises(AssertionError, match=r"\(order 2\)(.|\n)*rather val \(x.val"):
        check_grads(lost_at_order_two, (0.5,), order=2)


def test_kinks_are_no_wrong_rules():
    with pytest.raises(AssertionError, match="differences do not settle at absolute"):
        check_grads(lambda x: np.sum(np.abs(x) * x + np.abs(x)), (np.array([1.0, 0.0002]),))


def test_a_node_made_by_hand_is_blamed_by_elimination():
    def f(x):
        if not isinstance(x, Variable):
            return np.sin(x) * x
        return Variable(val=np.sin(x.val), children=(x,), local_gradients=((x, 3.0),)) * x

    with pytest.raises(AssertionError) as caught:
        check_grads(f, (0.5,), modes=("rev",))
    assert "rather hand-made, which cannot be checked alone" in str(caught.value)


def test_the_first_of_several_in_the_order_of_execution():
    f = lambda x: np.sum(too_steep(wrong_at_three(x)) * too_steep(x))
    with pytest.raises(AssertionError, match=r"push of wrong_at_three(.|\n)*3 such edges; this is the first"):
        check_grads(f, (np.full(5, 0.3),), modes=("fwd",))


def test_a_large_graph():
    def f(x):
        for i in range(3000):
            x = x + 1e-4 * (too_steep(x) if i == 1500 else np.sin(x))
        return x

    with pytest.raises(AssertionError, match="push of scaled"):
        check_grads(f, (np.float64(0.5),), modes=("fwd",), tolerance=1e-12)


@pytest.mark.parametrize(("name", "i"), CASES)
@settings(max_examples=2, deadline=None, derandomize=True, database=None, suppress_health_check=list(HealthCheck))
@given(data=st.data())
def test_no_edge_of_the_librarys_own_is_accused(name, i, data):
    function, args = SAMPLES[name][i](data.draw)
    args = [np.asarray(x, complex if np.iscomplexobj(x) else float)[()] for x in args]
    with np.errstate(all="ignore"):
        found = flatten(function(*map(Variable, args)))[0]
        for mode in ("fwd", "rev"):
            searched = wrong_edges(
                [x.node for x in found if isinstance(x, Variable)], mode, 1e-5, np.random.default_rng(0)
            )
            assert searched.wrong == []
