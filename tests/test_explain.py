"""Derivations: what they say is what the sweep computed; names, notation, formats, and what is left out of long ones."""

from __future__ import annotations

import dataclasses
import re
import sys
import xml.etree.ElementTree as ET

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from matplotlib.mathtext import MathTextParser
from test_laws import SAMPLES

from wengert import Variable, explain, grad, gradients
from wengert.core.trees import flatten
from wengert.view.derivations.latex import item_latex
from wengert.view.derivations.text import value_text

RNG = np.random.default_rng(0)
W1, B1, W2 = RNG.normal(size=(2, 3)), RNG.normal(size=3), RNG.normal(size=3)
X, Y = RNG.normal(size=(4, 2)), RNG.normal(size=4)


def seed():
    a, b = Variable(4.0).set_name("a"), Variable(1.0).set_name("b")
    return (a - b) * (b + 1), a, b


def network(W1, b1, W2, X, y):
    hidden = np.tanh(X @ W1 + b1)
    out = hidden @ W2
    return np.mean((out - y) ** 2)


def last_number(derivation):
    """The number on the last line of the text."""
    return float(str(derivation).splitlines()[-1].partition("=")[2])


def line_with(derivation, start):
    (line,) = [line for line in str(derivation).splitlines() if line.strip().partition(". ")[2].startswith(start)]
    return line.strip()


# -- golden texts ---------------------------------------------------------------------------------------------------------

SEED_B = """\
Values, in the order of execution
  a = 4
  b = 1
  v₁ = a - b = 4 - 1 = 3
  v₂ = b + 1 = 1 + 1 = 2
  L = v₁ · v₂ = 3 · 2 = 6

Derivatives of L, from it down
  1. ∂L/∂L = 1                              where the sweep starts
  2. ∂L/∂v₂ = ∂L/∂L · v₁ = 1 · 3 = 3        product rule, from L = v₁ · v₂
  3. ∂L/∂v₁ = ∂L/∂L · v₂ = 1 · 2 = 2        product rule, from L = v₁ · v₂
  4. ∂L/∂b = ∂L/∂v₂ - ∂L/∂v₁ = 3 - 2 = 1    chain rule, the sum over 2 paths
       ∂L/∂v₂ = 3                           sum rule, through v₂ = b + 1
       -∂L/∂v₁ = -2                         difference rule, through v₁ = a - b

Result
  ∂L/∂b = 1.0"""

NETWORK = """\
Values, in the order of execution
  W1 = array of shape (5, 3), float64, norm 1.93649
  b1 = [0, 0.5, -0.5], shape (3,)
  W2 = [1, 2, 3], shape (3,)
  X = array of shape (4, 5), float64, norm 0
  y = [0, 0, 0, 1], shape (4,)
  v₁ = X W1 = array of shape (4, 3), float64, norm 0
  v₂ = v₁ + b1 = array of shape (4, 3), float64, norm 1.41421
  hidden = tanh(v₂) = array of shape (4, 3), float64, norm 1.30706
  out = hidden W2 ≈ [-0.462117, -0.462117, -0.462117, -0.462117], shape (4,)
  v₃ = out - y ≈ [-0.462117, -0.462117, -0.462117, -1.46212], shape (4,)
  v₄ = v₃² ≈ [0.213552, 0.213552, 0.213552, 2.13779], shape (4,)
  L = mean(v₄) ≈ 0.694611

Derivatives of L, from it down
  1. ∂L/∂L = 1                                                         where the sweep starts
  2. ∂L/∂v₄ = ∂L/∂L · 𝟏 / 4 = [0.25, 0.25, 0.25, 0.25], shape (4,)     sum rule, each entry with its share, from L = mean(v₄)
  3. ∂L/∂v₃ = 2 · ∂L/∂v₄ ⊙ v₃ ≈ [-0.231059, -0.231059, -0.231059, -0.731059], shape (4,)
         power rule, from v₄ = v₃²
  4. ∂L/∂out = ∂L/∂v₃ ≈ [-0.231059, -0.231059, -0.231059, -0.731059], shape (4,)
         difference rule, from v₃ = out - y
  5. ∂L/∂hidden = (∂L/∂out) W2ᵀ = array of shape (4, 3), float64, norm 3.11842
         matrix product, from out = hidden W2
  6. ∂L/∂v₂ = ∂L/∂hidden ⊙ (1 - hidden²) = array of shape (4, 3), float64, norm 2.50592
         derivative of tanh, from hidden = tanh(v₂)
  7. ∂L/∂v₁ = ∂L/∂v₂ = array of shape (4, 3), float64, norm 2.50592    sum rule, from v₂ = v₁ + b1
  8. ∂L/∂W1 = Xᵀ (∂L/∂v₁) = array of shape (5, 3), float64, norm 0     matrix product, from v₁ = X W1

Result
  ∂L/∂W1 = array of shape (5, 3), float64, norm 0"""


def test_the_seeds_graph():
    L, a, b = seed()
    assert str(explain(L, wrt=b)) == repr(explain(L, wrt=b)) == SEED_B
    for leaf in (a, b):
        derivation = explain(L, wrt=leaf)
        assert derivation.gradient == gradients(L)[leaf] == last_number(derivation)


def test_a_two_layer_network():
    args = (np.full((5, 3), 0.5), np.array([0, 0.5, -0.5]), np.array([1.0, 2, 3]), np.zeros((4, 5)), np.eye(4)[3])
    derivation = explain(network, *args, wrt="W1")
    assert str(derivation) == NETWORK
    np.testing.assert_array_equal(derivation.gradient, grad(network)(*args))


def test_all_gradients_of_a_network_are_those_of_gradients():
    derivation = explain(network, W1, B1, W2, X, Y)
    for found, wanted in zip(
        derivation.gradient, grad(network, argnums=(0, 1, 2, 3, 4))(W1, B1, W2, X, Y), strict=True
    ):
        np.testing.assert_array_equal(found, wanted)
    assert "∂L/∂b1 = Σ[axis 0] ∂L/∂v₂" in str(derivation)
    assert "∂L/∂X = (∂L/∂v₁) W1ᵀ" in str(derivation)
    last = line_of_result(derivation, "b1")
    assert last == f"∂L/∂b1 = {value_text(derivation.gradient[1], exact=True)}"
    np.testing.assert_array_equal(
        np.array(eval(last.partition(" = ")[2].partition(", shape")[0])), derivation.gradient[1]
    )


def line_of_result(derivation, name):
    result = str(derivation).partition("Result\n")[2]
    (line,) = [line.strip() for line in result.splitlines() if line.strip().startswith(f"∂L/∂{name} ")]
    return line


# -- paths, zeros, complex numbers, several outputs ------------------------------------------------------------------------


def test_a_diamond_has_one_step_for_each_node_and_adds_up_its_paths():
    x = Variable(1.5).set_name("x")
    y = x
    for _ in range(10):
        y = y * 0.5 + y * 0.25
    derivation = explain(y, wrt=x)
    assert str(derivation).count("the sum over 2 paths") == 10
    assert last_number(derivation) == gradients(y)[x]


def test_both_operands_may_be_the_same():
    x = Variable(3.0).set_name("x")
    assert line_with(explain(x * x, wrt=x), "∂L/∂x").startswith("2. ∂L/∂x = ∂L/∂L · x + ∂L/∂L · x = 3 + 3 = 6")
    assert "∂L/∂x = ∂L/∂L · ∂L/∂L - ∂L/∂L · x" not in str(explain(x / x, wrt=x))


def test_many_paths_are_added_without_a_line_of_all():
    x = Variable(2.0).set_name("x")
    text = str(explain(x + x + x + x + x * x, wrt=x))
    assert re.search(r"∂L/∂x = 8 +chain rule, the sum over 6 paths", text)
    assert text.count("through") == 6


def test_a_constant_factor_and_a_power_are_called_so():
    x = Variable(3.0).set_name("x")
    text = str(explain(2 * x**3, wrt=x))
    assert "∂L/∂v₁ = ∂L/∂L · 2 = 1 · 2 = 2" in text and "constant factor rule, from L = 2 · v₁" in text
    assert "∂L/∂x = 3 · ∂L/∂v₁ · x² = 3 · 2 · 3² = 54" in text and "power rule, from v₁ = x³" in text


def test_what_it_does_not_depend_on_is_exactly_zero():
    L, a, _ = seed()
    other = Variable(np.ones(2)).set_name("c")
    derivation = explain(L, wrt=other)
    assert str(derivation).endswith("∂L/∂c = [0.0, 0.0], shape (2,)    exactly: L was not computed from c")
    np.testing.assert_array_equal(derivation.gradient, [0, 0])
    assert "sweep" not in str(derivation)
    cut = explain(np.floor(a) * 2, wrt=a)
    assert str(cut).endswith("∂L/∂a = 0.0    exactly: only piecewise constant functions lie between")
    assert explain(lambda x: 3.0, 1.0).gradient == (0.0,)


def test_itself():
    x = Variable(3.0).set_name("x")
    assert str(explain(x, wrt=x)).endswith("∂x/∂x = 1.0")


def test_true_zeros():
    x = Variable(np.array([-1.0, 4.0])).set_name("x")
    with np.errstate(all="ignore"):
        L = np.sum(np.where(x.val > 0, np.sqrt(x), 0))
    derivation = explain(L, wrt=x)
    np.testing.assert_array_equal(derivation.gradient, [0, 0.25])
    assert "∂L/∂x = (∂L/∂v₁) / (2 · √x) = [0, 0.25]" in str(derivation)


def test_complex_numbers_are_conjugated():
    z = Variable(1.0 + 2.0j).set_name("z")
    derivation = explain(np.abs(z * z) + np.real(z), wrt=z)
    text = str(derivation)
    assert "z = 1 + 2i" in text and "∂L/∂v₁ · conj(z) = (-0.6 + 0.8i) · conj(1 + 2i) = 1 + 2i" in text
    assert text.endswith("∂L/∂z = 3.0 + 4.0i") and derivation.gradient == 3 + 4j
    assert r"\overline{z}" in derivation.latex()


def test_marks_of_a_matrix_are_put_together():
    Z = Variable(np.array([[2.0 + 1j, 1.0], [0.5, 3.0 - 1j]])).set_name("Z")
    text = str(explain(np.sum(np.real(np.linalg.solve(Z, Z.val @ Z))), wrt=Z))
    assert "Z⁻ᴴ (∂L/∂" in text and "ᴴ (∂L/∂" in text


def test_several_outputs():
    A = Variable(np.array([[2.0, 0.5], [0.5, 1.0]])).set_name("A")
    assert "∂L/∂A = ∂L/∂L · A⁻ᵀ" in str(explain(np.linalg.slogdet(A)[1], wrt=A))
    w, V = np.linalg.eigh(A)
    text = str(explain(np.sum(w), wrt=A))
    assert "derivative of eigenvalues, from w = eigh(A)[0]" in text
    assert "linear map" in str(explain(np.sum(w) + np.sum(V), wrt=A))


def test_a_hand_made_node_and_one_without_a_row():
    a = Variable(4.0).set_name("a")
    c = Variable(7.0, (a,), ((a, 3.0),)).set_name("c")
    assert "∂L/∂a = ∂L/∂c · ∂c/∂a = 14 · 3 = 42" in str(explain(c * c, wrt=a))
    x = Variable(np.arange(4.0)).set_name("x")
    assert "∂L/∂x = (∂v₁/∂x)ᵀ (∂L/∂v₁)" in str(explain(np.sum(np.fft.rfft(x).real), wrt=x)).replace("v₂", "v₁")


def test_writes_in_place():
    def f(x):
        y = np.zeros_like(x)
        y[0] = x[1] * 2
        y[1:] = x[0]
        return np.sum(y * x)

    x = np.array([1.0, 2.0, 3.0])
    np.testing.assert_array_equal(explain(f, x, wrt=0).gradient, grad(f)(x))
    text = str(explain(f, x))
    assert "entries written" in text
    assert "v₃ = setitem(y₁, 0, v₂) = [4, 0, 0]" in text and "= [4, 1, 1], shape (3,)" in text


def test_inside_of_another_derivative():
    texts = []

    def f(x):
        texts.append(str(explain(x * x, wrt=x)))
        return x * x * x

    assert grad(grad(f))(2.0) == 12.0
    assert "∂L/∂x = ∂L/∂L · x + ∂L/∂L · x = 2 + 2 = 4" in texts[0]


# -- names ----------------------------------------------------------------------------------------------------------------


def test_the_users_assignments_give_names():
    width = np.array([1.0, 2.0])
    x = Variable(np.array([0.5, 1.0]))
    scaled = x * width
    loss = np.sum(np.exp(scaled))
    text = str(explain(loss, wrt=x))
    assert "scaled = x ⊙ width" in text and "∂loss/∂scaled" in text and text.endswith("shape (2,)")


def test_set_name_comes_first_and_equal_names_are_numbered():
    x = Variable(2.0).set_name("speed")
    y = Variable(3.0).set_name("speed")
    assert "L = speed₁ · speed₂" in str(explain(x * y, wrt=x))


def test_names_of_functions_that_are_called():
    def layer(x, weight):
        summed = x * weight
        return np.tanh(summed)

    def f(x, w):
        return layer(layer(x, w), 2.0)

    text = str(explain(f, 0.5, 2.0))
    assert "summed₁ = x · w" in text and "summed₂" in text


def test_constants_are_defined_too():
    x = Variable(np.array([1.0, 2.0])).set_name("x")
    text = str(explain(np.sum(x * np.array([3.0, 4.0]) + np.array([5.0, 6.0])), wrt=x))
    assert text.splitlines()[1].split() == "C₁ = [3, 4], shape (2,) constant".split()
    assert "x ⊙ C₁" in text and "v₁ + C₂" in text


def test_a_name_that_is_assigned_again_is_numbered():
    def f(x, w):
        h = x
        for _ in range(3):
            h = np.tanh(w * h)
        return h

    text = str(explain(f, 0.5, 2.0, wrt="w"))
    assert "h₁ = tanh(v₁)" in text and "h₂ = tanh(v₂)" in text and "v₃ = w · h₂" in text


def test_arguments_that_are_trees():
    @dataclasses.dataclass
    class Model:
        slope: float
        shift: float

    def f(params, model, rates):
        return params["w"] * model.slope + model.shift * rates[0] + rates[1]

    text = str(explain(f, {"w": 2.0}, Model(1.0, 3.0), [4.0, 5.0], wrt="params"))
    assert "v₁ = w · slope" in text and "shift · rates₁" in text and text.endswith("∂L/∂w = 1.0")


def test_ints_stay_ints_unless_asked_for():
    def f(x, n):
        return x**n

    assert explain(f, 2.0, 3).gradient == (12.0,)
    assert explain(f, 2.0, 3, wrt="n").gradient == pytest.approx(8 * np.log(2))
    assert explain(f, 2, 3.0, wrt=0).gradient == 12.0
    assert str(explain(np.sin, 0.5)).endswith(f"= {float(np.cos(0.5))!r}")


def test_a_callable_object_and_its_profile_hook_is_gone():
    class Model:
        def __call__(self, x):
            inner = x * x
            return inner * 3.0

    before = sys.getprofile()
    assert "inner = x · x" in str(explain(Model(), 2.0))
    with pytest.raises(ZeroDivisionError):
        explain(lambda x: 1 / 0, 2.0)
    assert sys.getprofile() is before


# -- long derivations -------------------------------------------------------------------------------------------------------


def chain(length):
    x = y = Variable(0.5).set_name("x")
    for _ in range(length):
        y = np.sin(y)
    return y, x


def test_a_long_derivation_is_cut_in_the_middle_with_a_count():
    y, x = chain(99)
    lines = str(explain(y, wrt=x)).splitlines()
    assert "  … 60 steps left out …" in lines and "  … 60 values left out …" in lines
    assert len(lines) == 2 * 41 + 6
    assert lines[-4].startswith("  100. ∂y/∂x")
    assert "1 steps left out" not in str(explain(chain(39)[0]))
    assert str(explain(y, wrt=x, steps=None)).count("derivative of sin") == 99
    assert str(explain(y, wrt=x, steps=3)).count("derivative of sin") == 2
    assert explain(y, wrt=x).gradient == explain(y, wrt=x, steps=None).gradient == gradients(y)[x]


def test_a_very_long_one_needs_no_recursion():
    y, x = chain(20_000)
    derivation = explain(y, wrt=x)
    assert "19,961 steps left out" in str(derivation)


# -- formats ----------------------------------------------------------------------------------------------------------------


def examples():
    L, a, b = seed()
    yield explain(L, wrt=(a, b))
    yield explain(network, W1, B1, W2, X, Y)
    yield explain(lambda x, α_max: np.sqrt(x) / 1e-7 + α_max**x + np.abs(x) - np.cbrt(x), 1.5, 2.0)
    yield explain(lambda A, b: np.linalg.det(A) + b @ np.linalg.solve(A, b) + np.sum(A[0, :]), W1[:, :2], Y[:2])
    yield explain(lambda x, y: np.maximum(x, y) + np.floor_divide(x, y) + x % y, 1.5, np.float32(0.5))
    yield explain(lambda x: np.sum(np.fft.fft(x).real) + np.sum(np.stack([x, x])[1, :2]), Y)
    yield explain(lambda x: np.linalg.norm(x) * np.var(x) + np.std(np.where(x > 0, x, np.nan_to_num(x))), np.ones(40))
    yield explain(Variable(np.inf).set_name("x_max & {y}%") * 2.0)


@pytest.fixture(params=range(8))
def example(request):
    return list(examples())[request.param]


def check_formats(derivation):
    latex, math = derivation.latex(), derivation.mathml()
    bare = re.sub(r"\\[{}\\]", "", latex)
    depth = 0
    for character in bare:
        depth += {"{": 1, "}": -1}.get(character, 0)
        assert depth >= 0
    assert depth == 0
    assert latex.count(r"\left") == latex.count(r"\right") + latex.count(r"\leftarrow")
    assert latex.count(r"\begin") == latex.count(r"\end")
    root = ET.fromstring(math)
    assert root.tag.endswith("math")
    for element in root.iter():
        wanted = {"mfrac": 2, "msup": 2, "msub": 2, "munder": 2, "mroot": 2}.get(element.tag.rpartition("}")[2])
        assert wanted is None or len(element) == wanted
    return latex, root


def test_the_formats_are_well_formed(example):
    check_formats(example)


def test_matplotlib_sets_the_latex(example):
    parser = MathTextParser("path")
    for _, lines in example.sections():
        for item in (item for line in lines if not isinstance(line, str) for item in line.items):
            text = item_latex(item)
            if "bmatrix" not in text:
                parser.parse(f"${text}$")


def test_the_mathml_says_the_same_numbers(example):
    _, root = check_formats(example)
    shown = "".join(root.itertext())
    for number in re.findall(r"\d\.\d{5,}(?!\d*e)", str(example)):
        assert number in shown


def test_the_notation_of_a_formula():
    L, _, b = seed()
    latex = explain(L, wrt=b).latex()
    assert (
        r"\frac{\partial L}{\partial b} = \frac{\partial L}{\partial v_{2}} - \frac{\partial L}{\partial v_{1}}"
        in latex
    )
    assert r"\text{product rule, from } L = v_{1} \cdot v_{2}" in latex
    assert r"{X}^{\top}\, \frac{\partial L}{\partial v_{1}}" in explain(network, W1, B1, W2, X, Y).latex()


def test_minus_signs_and_parentheses():
    x, y = Variable(-2.0).set_name("x"), Variable(4.0).set_name("y")
    derivation = explain(3 - (x - y) / y**2, wrt=y)
    text, latex = str(derivation), derivation.latex()
    assert "v₁ = x - y = -2 - 4 = -6" in text and "L = 3 - v₃ = 3 - (-0.375) = 3.375" in text
    assert "-∂L/∂v₃ · v₁ / v₂² = -(-1 · (-6) / 16²)" in text
    assert r"-\frac{\frac{\partial L}{\partial v_{3}} \cdot v_{1}}{{v_{2}}^{2}}" in latex
    assert "x² = (-2)² = 4" in str(explain(x**2, wrt=x))


def test_notebooks_are_given_all_three():
    L, _, b = seed()
    derivation = explain(L, wrt=b)
    bundle = derivation._repr_mimebundle_()
    assert bundle["text/plain"] == str(derivation)
    assert bundle["text/latex"] == derivation._repr_latex_() == f"$$\n{derivation.latex()}\n$$"
    assert bundle["text/html"] == derivation.mathml()


# -- drawn expressions --------------------------------------------------------------------------------------------------------

UNARY = [np.sin, np.cos, np.exp, np.tanh, np.square, np.arctan, np.negative, np.sqrt, np.log, np.abs, np.reciprocal]
BINARY = [np.add, np.subtract, np.multiply, np.divide, np.maximum, np.hypot, np.logaddexp, np.power]


@st.composite
def graphs(draw):
    """An expression of a few leaves, numbers and arrays that broadcast, in which nodes are used again."""
    shapes = draw(st.lists(st.sampled_from([(), (3,), (2, 3), (2, 1)]), min_size=1, max_size=3))
    entries = st.floats(0.125, 2, width=16)
    leaves = [
        Variable(np.array(draw(st.lists(entries, min_size=n, max_size=n))).reshape(shape)[()])
        for shape in shapes
        for n in [int(np.prod(shape))]
    ]
    nodes = list(leaves)
    for _ in range(draw(st.integers(1, 12))):
        if draw(st.booleans()):
            function, operands = draw(st.sampled_from(UNARY)), [draw(st.sampled_from(nodes))]
        else:
            function = draw(st.sampled_from(BINARY))
            operands = [draw(st.sampled_from(nodes)), draw(st.sampled_from([*nodes, 2.0, 0.5]))]
        with np.errstate(all="ignore"):
            nodes.append(function(*operands))
    with np.errstate(all="ignore"):
        return np.sum(nodes[-1]), leaves


@settings(max_examples=60, deadline=None)
@given(graph=graphs())
def test_drawn_expressions(graph):
    L, leaves = graph
    with np.errstate(all="ignore"):
        found = gradients(L)
        for leaf in leaves:
            derivation = explain(L, wrt=leaf)
            np.testing.assert_array_equal(derivation.gradient, found[leaf])
            if leaf.shape == ():
                remark = str(derivation).splitlines()[-1].partition(" = ")[2].partition("    ")[0]
                np.testing.assert_equal(float(remark), float(found[leaf]))
        check_formats(explain(L))


@settings(max_examples=40, deadline=None)
@given(graph=graphs())
def test_the_contributions_of_a_number_add_up_to_its_derivative(graph):
    L, _ = graph
    with np.errstate(all="ignore"):
        lines = explain(L)._lines
        for node in lines.steps:
            if node is not lines.root and node.shape == ():
                found = [c.value for p in reversed(lines.parents[node]) for c in lines.contributions(p, node)]
                np.testing.assert_allclose(sum(found), lines.gradients[node], rtol=1e-12)


# -- every primitive ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", sorted(filter(SAMPLES.get, SAMPLES)))
def test_every_primitive_can_be_explained(name):
    @settings(max_examples=4, deadline=None, derandomize=True, database=None, suppress_health_check=list(HealthCheck))
    @given(data=st.data())
    def explained(data):
        function, args = data.draw(st.sampled_from(SAMPLES[name]))(data.draw)
        leaves = [Variable(np.asarray(arg)[()]) for arg in args]
        with np.errstate(all="ignore"):
            parts = [part for part in flatten(function(*leaves))[0] if isinstance(part, Variable)]
            L = sum((np.sum(np.real(part)) for part in parts), start=0.0 * np.sum(np.real(leaves[0])))
            derivation = explain(L, wrt=tuple(leaves))
            found = gradients(L)
            for leaf, gradient in zip(leaves, derivation.gradient, strict=True):
                np.testing.assert_array_equal(gradient, found[leaf])
            check_formats(derivation)
            assert str(derivation)

    explained()
