"""Each mistake a user makes meets a message that says what happened, what was got, and the fix; through the public API."""

from __future__ import annotations

import cmath
import inspect
import math
import pathlib
import re
import sys
import types

import numpy as np
import pytest

import wengert
from wengert import (
    Variable,
    check_grads,
    checkpoint,
    custom_gradient,
    debug,
    draw,
    elementwise_grad,
    explain,
    explore,
    grad,
    gradients,
    hessian,
    hvp,
    jacobian,
    jvp,
    linearize,
    primitive,
    value_and_grad,
    vjp,
)
from wengert.core import errors
from wengert.core.linear import Identity

X = np.array([1.0, 2.0])
MESSAGES = {
    name: function
    for name, function in vars(errors).items()
    if inspect.isfunction(function) and function.__module__ == errors.__name__ and name != "describe"
}


def in_plain_buffer():
    def f(x):
        buffer = np.zeros(2)
        buffer[0] = x[0]
        return buffer

    grad(f)(X)


def freed_graph(use):
    a = Variable(2.0)
    loss = a * a
    loss.backward()
    use(loss)


def missing_package():
    from wengert.demo import digits

    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(sys.modules, "sklearn.datasets", None)
        digits.data()


a, v = Variable(2.0), Variable(X)

# (the message, the error users expect, what the text must name, the mistake)
MISTAKES = [
    ("integer_array", TypeError, "dtype int64", lambda: grad(np.sum)(np.array([1, 2]))),
    ("integer_array", TypeError, "dtype bool", lambda: grad(np.sum)(np.array([True]))),
    ("integer_array", TypeError, "bool True", lambda: grad(lambda x: x)(True)),
    ("integer_array", TypeError, "dtype int64", lambda: Variable(np.array([1, 2]))),
    ("not_numeric", TypeError, "str 'abc'", lambda: grad(lambda x: x)("abc")),
    ("not_numeric", TypeError, "dtype object", lambda: grad(np.sum)(np.array([1.0, None]))),
    ("not_numeric", TypeError, "datetime64", lambda: grad(np.sum)(np.array(["2020-01-01"], "M8[D]"))),
    ("not_numeric", TypeError, "None", lambda: Variable(None)),
    ("not_numeric", TypeError, "np.asarray(x", lambda: Variable([1.0, 2.0])),
    ("not_numeric", TypeError, "set", lambda: grad(lambda x: 1.0)({1.0})),
    ("array_subclass", TypeError, "np.asarray(x)", lambda: grad(np.sum)(np.ma.array([1.0, 2.0], mask=[0, 1]))),
    ("array_subclass", TypeError, "matrix", lambda: grad(np.sum)(X.view(np.matrix))),
    ("not_scalar_output", TypeError, "shape (2,)", lambda: grad(lambda x: x * 2)(X)),
    ("not_scalar_output", TypeError, "None", lambda: grad(lambda x: None)(1.0)),
    ("not_scalar_output", TypeError, "has_aux", lambda: grad(lambda x: (x, {"x": x}))(1.0)),
    ("not_scalar_output", TypeError, "bool", lambda: grad(lambda x: x > 0)(1.0)),
    ("not_scalar_output", TypeError, "jacobian", lambda: hessian(lambda x: x * 2)(X)),
    ("not_scalar_output", TypeError, "elementwise_grad", lambda: value_and_grad(np.sin)(X)),
    ("not_scalar_variable", TypeError, "L.backward(g)", lambda: (Variable(X) * 2).backward()),
    ("not_scalar_variable", TypeError, "gradients(L, g)", lambda: gradients(Variable(X) * 2)),
    ("not_scalar_variable", TypeError, "complex128", lambda: gradients(a * 1j)),
    ("complex_output", TypeError, "holomorphic=True", lambda: grad(lambda x: x * 1j)(1.0)),
    ("complex_output", TypeError, "complex128", lambda: jacobian(lambda x: x * 1j)(X)),
    ("complex_output", TypeError, "complex128", lambda: elementwise_grad(lambda x: x * 1j)(X)),
    ("holomorphic_needs_complex", TypeError, "float 1.0", lambda: grad(np.exp, holomorphic=True)(1.0)),
    ("holomorphic_needs_complex", TypeError, "float64", lambda: grad(np.real, holomorphic=True)(1j)),
    ("not_array_output", TypeError, "str 'a'", lambda: grad(lambda x: "a")(1.0)),
    ("not_array_output", TypeError, "function", lambda: jvp(lambda x: {"f": math.sin}, (1.0,), (1.0,))),
    ("to_float", TypeError, "float(x)", lambda: grad(float)(1.0)),
    ("to_float", TypeError, "np.sin instead of math.sin", lambda: grad(math.sin)(1.0)),
    ("to_float", TypeError, "cmath", lambda: grad(cmath.sin)(1j)),
    ("to_float", TypeError, "x.item()", lambda: grad(lambda x: x.item())(1.0)),
    ("to_float", ValueError, "import wengert.numpy as np", in_plain_buffer),
    ("to_array", TypeError, "np.stack", lambda: grad(lambda x: np.sum(np.array([x, x])))(1.0)),
    ("to_array", TypeError, "like=x", lambda: grad(lambda x: np.sum(np.asarray(x)))(X)),
    ("to_array", TypeError, "x.val", lambda: grad(lambda x: np.random.normal(loc=x))(1.0)),
    (
        "plain_target",
        TypeError,
        "instead of out=",
        lambda: grad(lambda x: np.sum(np.multiply(x, x, out=np.zeros(2))))(X),
    ),
    ("no_resize", ValueError, "np.resize(y, shape)", lambda: Variable(X).resize(3)),
    ("no_rule", TypeError, "numpy.bitwise_and", lambda: grad(lambda x: np.bitwise_and(x, 1))(X)),
    ("no_partial", TypeError, "argument number 2", lambda: grad(primitive(np.hypot, 1.0), argnums=1)(1.0, 2.0)),
    ("no_partial", TypeError, "q", lambda: grad(lambda q: np.nanpercentile(X, q=q, method="nearest"))(50.0)),
    ("bad_argnums", ValueError, "argnums=3", lambda: grad(np.sin, argnums=3)(1.0)),
    ("bad_argnums", ValueError, "argnums=-2", lambda: grad(np.sin, argnums=-2)(1.0)),
    ("bad_argnums", ValueError, "argnums='x'", lambda: grad(np.sin, argnums="x")(1.0)),
    ("bad_argnums", ValueError, "argnums=True", lambda: grad(np.sin, argnums=True)(1.0, 2.0)),
    ("bad_argnums", ValueError, "distinct", lambda: grad(np.hypot, argnums=(0, -2))(1.0, 2.0)),
    ("bad_argnums", ValueError, "argnums=()", lambda: jacobian(np.hypot, argnums=())(1.0, 2.0)),
    ("bad_argnums", ValueError, "by position", lambda: grad(lambda x: x)(x=1.0)),
    ("not_callable", TypeError, "grad(f)(x)", lambda: grad(np.sin(1.0))),
    ("not_callable", TypeError, "jvp(f, (x,), (t,))", lambda: jvp(1.0, (1.0,), (1.0,))),
    ("not_callable", TypeError, "linearize(f, x)", lambda: linearize(1.0, 1.0)),
    ("not_callable", TypeError, "checkpoint(f)(x)", lambda: checkpoint(1.0)),
    ("not_callable", TypeError, "float 1.0", lambda: hvp(1.0)),
    ("not_callable", TypeError, "primitive(f, rule)", lambda: primitive(1.0)),
    ("not_callable", TypeError, "custom_gradient", lambda: custom_gradient(1.0)),
    ("not_a_tuple", TypeError, "jvp(f, (x,), (t,))", lambda: jvp(np.sin, 1.0, 1.0)),
    ("not_a_tuple", TypeError, "shape (2,)", lambda: jvp(np.sin, X, X)),
    ("not_a_tuple", TypeError, "check_grads(f, (x,))", lambda: check_grads(np.sin, 1.0)),
    ("bad_chunk_size", ValueError, "got 0", lambda: jacobian(np.sin, chunk_size=0)),
    ("bad_chunk_size", ValueError, "got -1", lambda: hessian(np.sum, chunk_size=-1)),
    ("wrong_cotangent", ValueError, "shape (3,)", lambda: vjp(np.sin, X)[1](np.ones(3))),
    ("wrong_cotangent", ValueError, "complex128", lambda: vjp(np.sin, X)[1](1j * X)),
    ("wrong_cotangent", ValueError, "str", lambda: vjp(np.sin, X)[1]("ab")),
    ("wrong_cotangent", ValueError, "tangent", lambda: jvp(np.sin, (X,), (np.ones(3),))),
    ("wrong_cotangent", ValueError, "np.ones((2,)", lambda: hvp(np.sum)(X, 1.0)),
    ("wrong_cotangent", ValueError, "cotangent", lambda: (Variable(X) * 2).backward(np.ones(3))),
    ("wrong_cotangent", ValueError, "complex128", lambda: gradients(Variable(X) * 2, 1j * X)),
    ("tree_changed", ValueError, "{'b': *}", lambda: jvp(lambda d: d["a"], ({"a": 1.0},), ({"b": 1.0},))),
    ("tree_changed", ValueError, "(*,)", lambda: vjp(np.sin, 1.0)[1]((1.0,))),
    ("tree_changed", ValueError, "[None]", lambda: jvp(np.sin, (1.0,), (None,))),
    ("tree_changed", ValueError, "2 of them", lambda: jvp(np.sin, (1.0,), (1.0, 2.0))),
    ("tree_changed", ValueError, "tangents", lambda: linearize(np.sin, 1.0)[1](1.0, 2.0)),
    ("not_one_variable", TypeError, "draw(lambda *x: f(*x)[0]", lambda: draw(lambda x: (x, x * 2), 2.0)),
    ("unknown_picture", ValueError, "draw(L, 'graph.svg')", lambda: draw(Variable(2.0) * 3, "graph.jpg")),
    ("not_compiled_yet", RuntimeError, "call sin first", lambda: wengert.compile(np.sin).program()),
    (
        "random_inside",
        RuntimeError,
        "np.random.default_rng(0)",
        lambda: wengert.compile(lambda x: x + np.random.rand())(X),
    ),
    ("fixed_value", AttributeError, "w = Variable(", lambda: setattr(Variable(2.0), "val", 3.0)),
    ("freed", RuntimeError, "keep=True", lambda: freed_graph(Variable.backward)),
    ("freed", RuntimeError, "keep=True", lambda: freed_graph(gradients)),
    ("freed", RuntimeError, "keep=True", lambda: freed_graph(lambda loss: loss.children)),
    ("freed", RuntimeError, "keep=True", lambda: freed_graph(lambda loss: loss.local_gradients)),
    ("freed", RuntimeError, "keep=True", lambda: freed_graph(lambda loss: (loss + 1).backward())),
    ("not_a_variable", TypeError, "float 3.0", lambda: gradients(3.0)),
    ("not_a_variable", TypeError, "explain needs", lambda: explain("L", wrt=a)),
    ("not_one_variable", TypeError, "returned None", lambda: explain(lambda x: None, 1.0)),
    ("not_callable", TypeError, "explain(L) for a variable", lambda: explain(a, 1.0)),
    ("not_callable", TypeError, "with debug() as report", lambda: debug(1.0)),
    ("nothing_to_debug", TypeError, "got int 4", lambda: debug(lambda n: n)(4)),
    ("nothing_to_debug", TypeError, "no argument", lambda: debug(lambda: 1.0)()),
    ("not_a_variable", TypeError, "explore needs", lambda: explore(3.0)),
    ("not_callable", TypeError, "explore(L) for a variable", lambda: explore(a, 1.0)),
    ("not_a_page", ValueError, "page.html", lambda: explore(a * a, path="page.png")),
    ("not_a_page", ValueError, "'page'", lambda: explore(a * a).save("page")),
    ("not_scalar_derivation", TypeError, "shape (2,)", lambda: explain(v * 2, wrt=v)),
    ("not_scalar_derivation", TypeError, "complex128", lambda: explain(a * 1j)),
    ("not_scalar_derivation", TypeError, "explain(y[0], wrt=a)", lambda: explain(np.sin, X)),
    ("bad_wrt", TypeError, "str 'a'", lambda: explain(a * a, wrt="a")),
    ("bad_wrt", TypeError, "float 2.0", lambda: explain(a * a, wrt=(a, 2.0))),
    ("bad_wrt", TypeError, "('x')", lambda: explain(lambda x: x, 1.0, wrt="y")),
    ("bad_wrt", TypeError, "int 1", lambda: explain(lambda x: x, 1.0, wrt=1)),
    ("bad_wrt", TypeError, "explain(f, 4.0)", lambda: explain(lambda x: x, 4)),
    ("bad_local_gradients", ValueError, "pairs", lambda: Variable(7.0, (a,), (3.0,))),
    ("bad_local_gradients", ValueError, "1 children", lambda: Variable(7.0, (a,), ())),
    ("bad_local_gradients", ValueError, "pairs", lambda: Variable(7.0, (a,), ((Variable(1.0), 3.0),))),
    (
        "wrong_partial",
        ValueError,
        "(3,)",
        lambda: grad(lambda x: np.sum(primitive(np.sin, lambda out, x: np.ones(3))(x)))(X),
    ),
    ("wrong_partial", ValueError, "(2,)", lambda: gradients(Variable(7.0, (v,), ((v, 3.0),)))),
    ("wrong_partial", ValueError, "(2, 2)", lambda: grad(lambda x: np.sum(primitive(np.sin, Identity((3,)))(x)))(X)),
    ("missing_extra", ImportError, "pip install", missing_package),
    (
        "not_checked",
        AssertionError,
        "To blame: the push of sin by its operand 0",
        lambda: check_grads(primitive(np.sin, lambda out, x: out), (1.0,)),
    ),
    ("no_aux", TypeError, "(value, aux)", lambda: grad(lambda x: x, has_aux=True)(1.0)),
    ("no_aux", TypeError, "tuple", lambda: grad(lambda x: (x, x, x), has_aux=True)(1.0)),
    ("no_aux", TypeError, "jvp", lambda: jvp(lambda x: x, (1.0,), (1.0,), has_aux=True)),
    ("no_rules_returned", TypeError, "returned", lambda: custom_gradient(lambda x: x)(a)),
    ("no_rules_returned", TypeError, "one rule for each", lambda: custom_gradient(lambda x: (x, (1.0, 2.0)))(a)),
    ("captured", TypeError, "as an argument", lambda: custom_gradient(lambda y: (y * a, (1.0,)))(a)),
    ("captured", TypeError, "as an argument", lambda: primitive(lambda y: y * a, 1.0)(a)),
]


@pytest.fixture
def raised(monkeypatch):
    """The names of the messages that were made, in order."""
    names: list[str] = []
    for name, function in MESSAGES.items():

        def recording(*args, _name=name, _function=function, **kwargs):
            names.append(_name)
            return _function(*args, **kwargs)

        monkeypatch.setattr(errors, name, recording)
    return names


def of_ours(error):
    """The first error of the chain of causes that is ours."""
    while error is not None and "Fix:" not in str(error):
        error = error.__cause__
    return error


@pytest.mark.parametrize(("message", "kind", "says", "mistake"), MISTAKES)
def test_mistake(message, kind, says, mistake, raised):
    with pytest.raises(kind) as caught:
        mistake()
    error = of_ours(caught.value)
    assert message in raised
    happened, _, fix = str(error).partition("\nFix: ")
    assert happened and fix, "a message says what happened, and the fix"
    assert says in str(error), str(error)
    assert str(error).count("\n") <= 3
    assert max(map(len, str(error).splitlines())) <= 260
    assert fix.endswith((".", ")", '"'))


def test_every_message_is_triggered():
    assert {message for message, *_ in MISTAKES} == set(MESSAGES)


@pytest.mark.parametrize("kind", [TypeError, ValueError, RuntimeError])
def test_ours_are_what_users_expect_and_share_a_base(kind):
    ours = [
        k
        for k in vars(errors).values()
        if inspect.isclass(k) and issubclass(k, errors.WengertError) and issubclass(k, kind)
    ]
    assert ours
    assert all(k.__mro__[1:3] == (errors.WengertError, kind) for k in ours)


def numpys(f, *args):
    with pytest.raises(Exception) as caught:
        f(*args)
    return type(caught.value), str(caught.value)


@pytest.mark.parametrize(
    "f",
    [
        lambda x: x * np.ones(3),
        lambda x: np.ones(3) - x,
        lambda x: np.add(x, np.ones(3)),
        lambda x: x @ np.ones(3),
        lambda x: np.concatenate([x, np.ones((2, 2))]),
        lambda x: np.reshape(x, (3,)),
        lambda x: np.sum(x, axis=1),
        lambda x: x[5],
        lambda x: x["a"],
        lambda x: np.linalg.inv(x),
        lambda x: np.transpose(x, (0, 1)),
        lambda x: 1.0 if x > 0 else 0.0,
        lambda x: iter(x[0]),
        lambda x: len(x[0]),
        lambda x: np.broadcast_to(x, (3,)),
        lambda x: np.einsum("ij->i", x),
    ],
)
def test_numpys_own_errors_come_through_as_they_are(f):
    assert numpys(grad(f), X)[0] is numpys(f, X)[0]


def test_numpys_own_text_of_a_broadcast_comes_through():
    for f in (lambda x: x * np.ones(3), lambda x: np.add(x, np.ones(3)), lambda x: x @ np.ones(3)):
        assert numpys(grad(f), X) == numpys(f, X)


def test_errors_of_the_users_function_come_through():
    def f(x):
        raise KeyError("mine")

    with pytest.raises(KeyError, match="mine"):
        grad(f)(1.0)
    with pytest.raises(TypeError, match="positional argument"):
        grad(lambda x, y: x)(1.0)


def test_a_buffer_of_numbers_and_of_rows_names_the_fix():
    def numbers(x):
        buffer = np.zeros(2)
        buffer[0] = x[0] * 2
        return np.sum(buffer)

    def rows(x):
        buffer = np.zeros((2, 2))
        buffer[0] = x
        return np.sum(buffer)

    for f in (numbers, rows):
        with pytest.raises((TypeError, ValueError)) as caught:
            grad(f)(X)
        assert "np.zeros_like(x)" in str(of_ours(caught.value))


def one_name(x):
    total = np.zeros(2)
    total += x
    return total


def an_attribute_an_entry_an_argument(x):
    def added(total):
        total += x
        return total

    holder, entries = types.SimpleNamespace(total=np.zeros(2)), {"total": np.zeros(2)}
    holder.total += x
    entries["total"] += x
    return holder.total + entries["total"] + added(np.zeros(2))


def another_name(x):
    total = seen = np.zeros(2)
    total += x
    return seen


def a_list(x):
    totals = [np.zeros(2), np.zeros(2)]
    for total in totals:
        total += x
    return totals[0]


def a_view(x):
    total = np.zeros(2)
    first = total[:1]
    total += x
    return first


def the_callers(x):
    def add(total):
        total += x

    total = np.zeros(2)
    add(total)
    return total


@pytest.mark.parametrize(("f", "slope"), [(one_name, 1.0), (an_attribute_an_entry_an_argument, 3.0)])
def test_a_total_with_one_name_becomes_a_variable(f, slope):
    np.testing.assert_array_equal(grad(lambda x: np.sum(f(x)))(X), [slope, slope])
    np.testing.assert_array_equal(hessian(lambda x: np.sum(f(x) ** 2))(X), 2 * slope**2 * np.eye(2))


@pytest.mark.parametrize("f", [another_name, a_list, a_view, the_callers])
def test_a_total_that_something_else_knows_too_is_refused(f):
    with pytest.raises(TypeError, match="derivative would be lost"):
        grad(lambda x: np.sum(f(x)))(X)


def test_the_page_makes_every_message_happen(raised):
    page = (pathlib.Path(__file__).parent.parent / "docs" / "errors.md").read_text(encoding="utf-8")
    namespace: dict = {}
    for cell in re.findall(r"^```\{code-cell\}[^\n]*\n(.*?)^```$", page, re.DOTALL | re.MULTILINE):
        exec(cell, namespace)
    assert set(raised) == set(MESSAGES) - {"missing_extra"}
    assert {name for name in MESSAGES if f"`{name}`" not in page} == set()
    assert str(errors.missing_extra("scikit-learn", "demo", "The digits")) in page
