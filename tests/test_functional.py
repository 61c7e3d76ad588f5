"""The functional API, in JAX's spelling: arguments, trees, modes, Jacobians, rules of one's own, dtypes and memory of results."""

from __future__ import annotations

import collections
import dataclasses
import importlib
import math

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

import wengert
from wengert import (
    Variable,
    check_grads,
    checkpoint,
    custom_gradient,
    elementwise_grad,
    grad,
    hessian,
    hvp,
    jacfwd,
    jacobian,
    jacrev,
    jvp,
    linearize,
    primitive,
    stop_gradient,
    value_and_grad,
    vjp,
)
from wengert.core.linear import Block, Identity, Opaque, Scale, left

RNG = np.random.default_rng(0)
X = np.array([0.3, -1.2, 2.0])
M = RNG.normal(size=(4, 3))

# -- grad and value_and_grad ------------------------------------------------------------------------------------------


def product(x, y, z=1.0):
    return x * y**2 * z


@pytest.mark.parametrize(
    ("argnums", "expected"),
    [
        (0, 9.0),
        (1, 12.0),
        (-1, 12.0),
        (-2, 9.0),
        (np.int64(1), 12.0),
        ((0,), (9.0,)),
        ((0, 1), (9.0, 12.0)),
        ((1, 0), (12.0, 9.0)),
        ([1, -2], (12.0, 9.0)),
    ],
)
def test_argnums(argnums, expected):
    assert grad(product, argnums)(2.0, 3.0) == expected
    assert value_and_grad(product, argnums)(2.0, 3.0) == (18.0, expected)
    assert jacobian(product, argnums)(2.0, 3.0) == expected
    assert type(grad(product, argnums)(2.0, 3.0)) is (tuple if isinstance(expected, tuple) else np.float64)


def test_keyword_arguments_pass_through():
    assert grad(product)(2.0, 3.0, z=10.0) == 90.0
    assert grad(lambda x, *, power: x**power)(3.0, power=2) == 6.0
    assert jacobian(lambda x, *, by: x * by)(X, by=2.0).shape == (3, 3)


def test_arguments_that_are_not_differentiated_may_be_anything():
    assert grad(lambda x, how, n: x * n if how == "times" else x)(2.0, "times", 3) == 3.0


def test_has_aux():
    def f(x):
        return np.sum(x**2), {"x": x, "text": "hello", "double": 2 * x[0], "none": None, "three": 3}

    gradient, aux = grad(f, has_aux=True)(X)
    assert_allclose(gradient, 2 * X)
    assert_array_equal(aux["x"], X)
    assert isinstance(aux["x"], np.ndarray) and isinstance(aux["double"], float)
    assert (aux["text"], aux["none"], aux["three"]) == ("hello", None, 3)
    (value, aux), gradient = value_and_grad(f, has_aux=True)(X)
    assert value == pytest.approx(np.sum(X**2)) and aux["text"] == "hello"
    value, tangent, aux = jvp(f, (X,), (X,), has_aux=True)
    assert tangent == pytest.approx(2 * np.sum(X**2)) and aux["text"] == "hello"
    value, pull, aux = vjp(f, X, has_aux=True)
    assert_allclose(pull(1.0)[0], 2 * X)
    jac, aux = jacobian(f, has_aux=True)(X)
    assert_allclose(jac, 2 * X)
    assert aux["double"] == 2 * X[0]


def test_aux_of_an_outer_derivative_keeps_its_derivative():
    def outer(x):
        _, aux = grad(lambda y: (y**2, x * y), has_aux=True)(3.0)
        return aux * x

    assert grad(outer)(2.0) == 2 * 3.0 * 2.0


@pytest.mark.parametrize(
    ("f", "df"),
    [
        (np.exp, np.exp),
        (np.sin, np.cos),
        (lambda z: z**3 - 2j * z, lambda z: 3 * z**2 - 2j),
        (lambda z: 1 / z, lambda z: -1 / z**2),
        (np.sqrt, lambda z: 0.5 / np.sqrt(z)),
        (np.log, lambda z: 1 / z),
        (np.tanh, lambda z: 1 - np.tanh(z) ** 2),
    ],
)
def test_holomorphic(f, df):
    z = 0.7 - 0.4j
    assert grad(f, holomorphic=True)(z) == pytest.approx(df(z))
    assert grad(grad(f, holomorphic=True), holomorphic=True)(z) == pytest.approx((df(z + 1e-6) - df(z - 1e-6)) / 2e-6)
    zs = np.array([z, 2 * z])
    for jacobian_of in (jacobian, jacfwd, jacrev):
        assert_allclose(jacobian_of(f, holomorphic=True)(zs), np.diag(df(zs)), atol=1e-12)


def test_complex_gradients_ascend():
    z = 1 + 2j
    found = grad(lambda z: np.real(z**2) + 3 * np.imag(z))(z)
    h = 1e-6
    f = lambda z: np.real(z**2) + 3 * np.imag(z)
    assert found == pytest.approx((f(z + h) - f(z - h)) / (2 * h) + 1j * (f(z + 1j * h) - f(z - 1j * h)) / (2 * h))


def test_a_real_argument_through_complex_numbers():
    assert grad(lambda x: np.abs(np.exp(1j * x) + 1) ** 2)(0.3) == pytest.approx(-2 * np.sin(0.3))


# -- trees ------------------------------------------------------------------------------------------------------------

Point = collections.namedtuple("Point", "x y")


@dataclasses.dataclass
class Layer:
    weight: np.ndarray
    bias: float
    extra: object = None


@dataclasses.dataclass(frozen=True)
class Checked:
    weight: np.ndarray

    def __post_init__(self):
        if not np.all(np.asarray(stop_gradient(self.weight)) < 100):
            raise ValueError("a gradient is not a weight, and must not be checked as one")


TREES = [
    ({"a": 1.0, "b": X}, lambda t: t["a"] * np.sum(t["b"])),
    ([1.0, X], lambda t: t[0] * np.sum(t[1])),
    ((1.0, X), lambda t: t[0] * np.sum(t[1])),
    (Point(1.0, X), lambda t: t.x * np.sum(t.y)),
    (Layer(X, 1.0), lambda t: t.bias * np.sum(t.weight)),
    ({"a": [1.0, None, {"b": (X, None)}]}, lambda t: t["a"][0] * np.sum(t["a"][2]["b"][0])),
    (collections.OrderedDict(a=1.0, b=X), lambda t: t["a"] * np.sum(t["b"])),
    (collections.defaultdict(float, a=1.0, b=X), lambda t: t["a"] * np.sum(t["b"])),
    ({3: 1.0, ("k", 1): X}, lambda t: t[3] * np.sum(t["k", 1])),
    ([[], {}, (), 1.0, X], lambda t: t[3] * np.sum(t[4])),
]


@pytest.mark.parametrize(("tree", "f"), TREES)
def test_gradients_come_back_in_the_same_tree(tree, f):
    from wengert.core.trees import flatten

    for found in (grad(f)(tree), jacobian(f)(tree), vjp(f, tree)[1](1.0)[0], elementwise_grad(f)(tree)):
        assert type(found) is type(tree)
        leaves, structure = flatten(found)
        assert structure == flatten(tree)[1]
        number, array = sorted(leaves, key=np.ndim)
        assert number == pytest.approx(np.sum(X))
        assert_allclose(array, np.ones(3))
    value, tangent = jvp(f, (tree,), (tree,))
    assert tangent == pytest.approx(2 * value)
    assert hvp(f)(tree, tree) is not None
    assert type(hvp(f)(tree, tree)) is type(tree)


def test_the_function_gets_the_tree_types_that_it_was_called_with():
    def f(t):
        assert type(t) is collections.defaultdict
        return t["a"] + np.sum(t["missing"])

    assert grad(f)(collections.defaultdict(float, a=1.0)) == {"a": 1.0}


def test_a_dataclass_is_rebuilt_without_its_checks():
    found = grad(lambda t: np.sum(1000 * t.weight))(Checked(np.ones(2)))
    assert isinstance(found, Checked)
    assert_array_equal(found.weight, [1000.0, 1000.0])


def test_trees_of_results():
    def f(x):
        return {"sum": np.sum(x), "both": (x * 2, None), "constant": 3.0}

    value, pull = vjp(f, X)
    assert_array_equal(value["both"][0], 2 * X)
    assert value["both"][1] is None and value["constant"] == 3.0
    (found,) = pull({"sum": 1.0, "both": (np.ones(3), None), "constant": 5.0})
    assert_allclose(found, 3 * np.ones(3))
    _, tangent = jvp(f, (X,), (np.ones(3),))
    assert tangent["sum"] == 3.0 and tangent["constant"] == 0.0
    assert_array_equal(tangent["both"][0], 2 * np.ones(3))
    jac = jacobian(f)(X)
    assert jac["sum"].shape == (3,) and jac["both"][0].shape == (3, 3) and jac["both"][1] is None
    assert_array_equal(jac["constant"], np.zeros(3))


def test_a_cotangent_may_have_its_keys_in_any_order():
    _, pull = vjp(lambda x: {"a": x, "b": 2 * x}, 1.0)
    assert pull({"b": 1.0, "a": 10.0}) == (12.0,)


def test_the_same_array_twice_in_a_tree_is_two_leaves():
    first, second = grad(lambda t: np.sum(t[0] ** 2 + 3 * t[1]))([X, X])
    assert_allclose(first, 2 * X)
    assert_allclose(second, 3 * np.ones(3))


def test_arguments_are_not_changed_by_calls():
    tree = {"b": [1.0, 2.0], "a": np.ones(2)}
    grad(lambda t: t["b"][0] * np.sum(t["a"]))(tree)
    assert tree["b"] == [1.0, 2.0] and list(tree) == ["b", "a"]


# -- jvp, vjp, linearize ----------------------------------------------------------------------------------------------

FUNCTIONS = [
    (lambda x: np.sin(M @ x) * x[0], (X,)),
    (lambda x, y: np.outer(x, y) / (1 + np.sum(x**2)), (X, X[:2])),
    (lambda x: np.cumprod(x)[::-1], (X,)),
    (lambda x: np.where(x > 0, x**2, np.exp(x)), (X,)),
    (lambda x, y: np.exp(x) * y, (0.5, np.float64(2.0))),
    (lambda x: (x, np.sum(x), x[1]), (X,)),
]


def dot(x, y):
    from wengert.core.trees import flatten

    return sum(np.sum(a * b) for a, b in zip(flatten(x)[0], flatten(y)[0], strict=True))


@pytest.mark.parametrize(("f", "args"), FUNCTIONS)
def test_both_modes_agree(f, args):
    tangents = tuple(RNG.normal(size=np.shape(x)) for x in args)
    value, pushed = jvp(f, args, tangents)
    again, derivative = linearize(f, *args)
    third, pull = vjp(f, *args)
    assert dot(value, value) == dot(again, again) == dot(third, third)
    assert dot(derivative(*tangents), pushed) == pytest.approx(dot(pushed, pushed))
    pulled = pull(pushed)
    assert len(pulled) == len(args)
    assert dot(pulled, tangents) == pytest.approx(dot(pushed, pushed))
    h = 1e-6
    moved = [f(*(x + s * h * t for x, t in zip(args, tangents, strict=True))) for s in (1, -1)]
    assert dot(pushed, moved[0]) - dot(pushed, moved[1]) == pytest.approx(2 * h * dot(pushed, pushed), rel=1e-6)


def test_linearize_and_vjp_run_the_function_once():
    calls = []

    def f(x):
        calls.append(1)
        return np.sin(x)

    _, derivative = linearize(f, X)
    _, pull = vjp(f, X)
    for _ in range(3):
        derivative(X)
        pull(X)
    assert len(calls) == 2


def test_pulling_twice_gives_the_same():
    _, pull = vjp(lambda x: np.sqrt(np.abs(x)) * x, X)
    first = pull(np.ones(3))[0].copy()
    assert_array_equal(pull(np.ones(3))[0], first)
    assert_allclose(pull(2 * np.ones(3))[0], 2 * first)


def test_tangents_and_cotangents_take_the_dtype_of_what_they_belong_to():
    x = X.astype(np.float32)
    _, pushed = jvp(np.sin, (x,), (np.ones(3),))
    (pulled,) = vjp(np.sin, x)[1](np.ones(3))
    assert pushed.dtype == pulled.dtype == np.float32
    _, pushed = jvp(np.sin, (X,), (np.array([1, 0, 0]),))
    assert pushed.dtype == np.float64


def test_identity_and_constant_functions():
    value, pull = vjp(lambda x: x, X)
    assert_array_equal(pull(np.ones(3))[0], np.ones(3))
    value, pull = vjp(lambda x: np.ones(2), X)
    assert_array_equal(pull(np.ones(2))[0], np.zeros(3))
    value, tangent = jvp(lambda x: 3, (1.0,), (1.0,))
    assert (value, tangent) == (3, 0.0)
    assert_array_equal(jacobian(lambda x: np.ones(2))(X), np.zeros((2, 3)))


# -- Jacobians and Hessians -------------------------------------------------------------------------------------------


def curved(x):
    return np.tanh(M @ x) * np.sum(x**2)


def by_columns(f, x, h=1e-6):
    columns = [(f(x + h * e) - f(x - h * e)) / (2 * h) for e in np.eye(x.size).reshape(x.size, *x.shape)]
    return np.moveaxis(np.array(columns), 0, -1).reshape(np.shape(f(x)) + x.shape)


@pytest.mark.parametrize("jacobian_of", [jacobian, jacfwd, jacrev])
@pytest.mark.parametrize("chunk_size", [None, 1, 2, 3, 100])
def test_jacobians_of_every_mode_and_chunk(jacobian_of, chunk_size):
    found = jacobian_of(curved, chunk_size=chunk_size)(X)
    assert found.shape == (4, 3)
    assert_allclose(found, by_columns(curved, X), atol=1e-8)
    if chunk_size:
        assert_allclose(found, jacobian_of(curved)(X), rtol=1e-14)


@pytest.mark.parametrize("jacobian_of", [jacobian, jacfwd, jacrev])
def test_jacobian_shapes(jacobian_of):
    assert jacobian_of(lambda x: x**2)(2.0) == 4.0
    assert jacobian_of(lambda x: x * X)(2.0).shape == (3,)
    assert jacobian_of(np.sum)(X).shape == (3,)
    assert jacobian_of(lambda a: a @ X)(M).shape == (4, 4, 3)
    assert jacobian_of(lambda a: a.T)(M).shape == (3, 4, 4, 3)
    assert jacobian_of(lambda x: x * 2)(np.zeros(0)).shape == (0, 0)
    assert jacobian_of(lambda x: x[:0])(X).shape == (0, 3)
    first, second = jacobian_of(lambda x, y: x * y[0], argnums=(0, 1))(X, X[:2])
    assert first.shape == (3, 3) and second.shape == (3, 2)
    assert jacobian_of(lambda x: x * np.float32(2))(X.astype(np.float32)).dtype == np.float32


def test_jacobian_takes_the_cheaper_mode(monkeypatch):
    module = importlib.import_module("wengert.core.jacobian")

    used = []
    for name in ("_rows", "_columns"):
        whole = getattr(module, name)
        monkeypatch.setattr(module, name, lambda *a, _n=name, _w=whole, **k: used.append(_n) or _w(*a, **k))
    jacobian(lambda x: M @ x)(X)
    jacobian(lambda x: M[:2] @ x)(X)
    assert used == ["_columns", "_rows"]


def test_a_jacobian_runs_the_function_once():
    calls = []
    jacobian(lambda x: calls.append(1) or np.sin(x))(X)
    hessian(lambda x: calls.append(1) or np.sum(np.sin(x)))(X)
    assert len(calls) == 2


def test_a_chunk_bounds_the_memory():
    import tracemalloc

    n = 400
    f = lambda x: np.sum(np.sin(x[:, None] * np.ones(20)), axis=1)  # each cotangent of the inner array has 20 n entries
    x = np.linspace(0.0, 1.0, n)

    def peak(chunk_size):
        tracemalloc.start()
        jacrev(f, chunk_size=chunk_size)(x)
        _, most = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        return most

    peak(8)
    whole, chunked = peak(n), peak(8)
    assert chunked < 0.25 * whole
    assert_array_equal(jacrev(f, chunk_size=8)(x), jacrev(f)(x))


def energy(x):
    return np.sum(np.sin(x) * np.exp(np.cos(x[::-1]))) + np.prod(x) ** 2


def second_by_differences(f, x, h=1e-5):
    return by_columns(grad(f), x, h)


@pytest.mark.parametrize("outer", [jacfwd, jacrev])
@pytest.mark.parametrize("inner", [jacfwd, jacrev, grad])
def test_hessians_of_every_mode(outer, inner):
    found = hessian(energy)(X)
    assert_allclose(found, found.T, rtol=1e-12)
    assert_allclose(found, second_by_differences(energy, X), atol=1e-7)
    assert_allclose(outer(inner(energy))(X), found, rtol=1e-10, atol=1e-12)
    assert_allclose(hessian(energy, chunk_size=2)(X), found, rtol=1e-13)


def test_hessian_of_scalars_matrices_and_several_arguments():
    assert hessian(lambda x: x**3)(2.0) == pytest.approx(12.0)
    a = RNG.normal(size=(2, 2))
    found = hessian(lambda a: np.sum(a @ a @ a))(a)
    assert found.shape == (2, 2, 2, 2)
    assert_allclose(found, second_by_differences(lambda a: np.sum(a @ a @ a), a), atol=1e-7)
    (xx, xy), (yx, yy) = hessian(lambda x, y: np.sum(x**2) * y**3, argnums=(0, 1))(X, 2.0)
    assert_allclose(xx, 2 * np.eye(3) * 8)
    assert_allclose(xy, 2 * X * 12)
    assert_allclose(yx, 2 * X * 12)
    assert yy == pytest.approx(np.sum(X**2) * 12)


def test_hessian_of_a_tree_is_a_tree_of_trees():
    found = hessian(lambda p: np.sum(p["w"] ** 2) * p["b"])({"w": X, "b": 2.0})
    assert_allclose(found["w"]["w"], 4 * np.eye(3))
    assert_allclose(found["w"]["b"], 2 * X)
    assert_allclose(found["b"]["w"], 2 * X)
    assert found["b"]["b"] == 0.0


def test_hvp_is_the_hessian_times_the_vector():
    v = RNG.normal(size=3)
    assert_allclose(hvp(energy)(X, v), hessian(energy)(X) @ v, rtol=1e-10)
    tree = {"w": X, "b": 2.0}
    found = hvp(lambda p: np.sum(p["w"] ** 2) * p["b"])(tree, {"w": v, "b": 1.0})
    assert_allclose(found["w"], 4 * v + 2 * X)
    assert found["b"] == pytest.approx(2 * X @ v)


def test_elementwise_grad():
    assert_allclose(elementwise_grad(np.tanh)(M), 1 - np.tanh(M) ** 2)
    assert_allclose(elementwise_grad(elementwise_grad(np.sin))(X), -np.sin(X))
    assert_allclose(elementwise_grad(np.multiply, 1)(X, 2 * X), X)
    assert elementwise_grad(np.exp)(0.0) == 1.0
    assert_array_equal(elementwise_grad(lambda x: np.ones(3))(X), np.zeros(3))


# -- stop_gradient and checkpoint -------------------------------------------------------------------------------------


def test_stop_gradient():
    assert grad(lambda x: x * stop_gradient(x))(3.0) == 3.0
    assert grad(lambda x: stop_gradient(x) ** 2)(3.0) == 0.0
    assert jvp(lambda x: x * stop_gradient(x), (3.0,), (1.0,))[1] == 3.0
    assert grad(grad(lambda x: x**2 * stop_gradient(x)))(3.0) == 6.0, "a constant to every derivative"
    stopped = stop_gradient({"a": Variable(1.0), "b": [X, None]})
    assert stopped["a"] == 1.0 and not isinstance(stopped["a"], Variable)


def recompute_count(run):
    calls = []

    def inner(u):
        calls.append(1)
        return np.sin(u) * np.exp(u)

    return run(checkpoint(inner)), len(calls)


def test_checkpoint_recomputes_and_saves_nothing_else():
    found, calls = recompute_count(lambda f: grad(lambda x: np.sum(f(x)))(X))
    assert_allclose(found, np.exp(X) * (np.sin(X) + np.cos(X)))
    assert calls == 2
    plain, calls = recompute_count(lambda f: f(X))
    assert_allclose(plain, np.sin(X) * np.exp(X))
    assert calls == 1


def test_checkpoint_keeps_no_intermediates():
    x = Variable(X)
    y = checkpoint(lambda u: np.sin(np.cos(np.tanh(u))))(x)
    (parts,) = y.children
    assert parts.children == (x,)


@pytest.mark.parametrize("order", [1, 2, 3])
def test_checkpoint_to_any_order_in_both_modes(order):
    f = lambda x: np.sum(checkpoint(lambda u, v: np.sin(u) * np.exp(v) + u**3)(x, 0.5 * x))
    check_grads(f, (X,), order=order)


def test_checkpoint_with_trees_keywords_and_closures():
    layer = checkpoint(lambda p, *, by: {"y": np.tanh(p["w"] @ X) * by, "n": None})
    f = lambda w: np.sum(layer({"w": w, "unused": None}, by=2.0)["y"] ** 2)
    plain = lambda w: np.sum((np.tanh(w @ X) * 2.0) ** 2)
    assert_allclose(grad(f)(M), grad(plain)(M))

    def closing(x):
        inner = checkpoint(lambda u: u * x)  # x comes from outside
        return inner(x**2)

    assert grad(closing)(2.0) == pytest.approx(12.0)
    assert grad(grad(closing))(2.0) == pytest.approx(12.0)
    assert jvp(closing, (2.0,), (1.0,))[1] == pytest.approx(12.0)


def test_checkpoint_inside_and_around_other_derivatives():
    f = lambda x: checkpoint(grad(lambda u: np.sum(np.sin(u) ** 2)))(x)
    assert_allclose(jacobian(f)(X), np.diag(2 * np.cos(2 * X)), atol=1e-12)
    nested = lambda x: checkpoint(lambda u: checkpoint(np.sin)(u) * u)(x)
    assert grad(nested)(0.5) == pytest.approx(np.cos(0.5) * 0.5 + np.sin(0.5))
    assert grad(lambda x: grad(lambda y: checkpoint(np.multiply)(x, y))(1.0) * x)(3.0) == 6.0


# -- rules of one's own -----------------------------------------------------------------------------------------------

softplus = primitive(lambda x: math.log1p(math.exp(x)), lambda out, x: 1 / (1 + np.exp(-x)))


def everywhere(f, args, order=3, **keywords):
    check_grads(f, args, order=order, **keywords)


def test_primitive_with_a_partial():
    assert softplus(0.0) == pytest.approx(np.log(2))
    assert grad(softplus)(0.0) == 0.5
    assert jvp(softplus, (0.0,), (2.0,))[1] == 1.0
    assert grad(grad(softplus))(0.0) == 0.25
    assert grad(jvp_of(softplus))(0.0) == 0.25
    assert jvp(grad(softplus), (0.0,), (1.0,))[1] == 0.25
    assert grad(grad(grad(softplus)))(0.3) == pytest.approx(
        (grad(grad(softplus))(0.3 + 1e-5) - grad(grad(softplus))(0.3 - 1e-5)) / 2e-5, rel=1e-6
    )


def jvp_of(f):
    return lambda x: jvp(f, (x,), (1.0,))[1]


def test_primitive_with_several_arguments_constants_and_zero():
    f = primitive(lambda x, y, z: x * 3 + np.floor(y) + z, 3.0, None, lambda out, x, y, z: np.ones_like(z))
    assert grad(f, (0, 1, 2))(1.0, 2.5, 4.0) == (3.0, 0.0, 1.0)
    everywhere(lambda x, z: f(x, 2.5, z), (X, X))


def test_primitive_broadcasts():
    f = primitive(lambda x, y: x * y, lambda out, x, y: y, lambda out, x, y: x)
    assert_allclose(grad(lambda x: np.sum(f(x, M)))(X), np.sum(M, axis=0))
    everywhere(f, (X, M))


def test_primitive_with_a_linear_map():
    f = primitive(lambda x: M @ x, lambda out, x: left(M, x.shape))
    everywhere(lambda x: f(x) ** 2, (X,))
    assert_allclose(jacobian(f)(X), M)
    g = primitive(
        lambda x: np.cumsum(x),
        lambda out, x: Opaque(
            lambda t: np.cumsum(t, axis=-1),
            lambda g: np.flip(np.cumsum(np.flip(g, -1), axis=-1), -1),
            x.shape,
            out.shape,
        ),
    )
    everywhere(lambda x: np.sin(g(x)), (X,))


def test_primitive_with_several_outputs():
    f = primitive(
        lambda x: (np.sin(x), np.cumsum(x)),
        lambda out, x: Block(Scale(np.cos(x), x.shape), left(np.tril(np.ones((3, 3))), x.shape)),
    )
    everywhere(lambda x: f(x)[0] * f(x)[1], (X,))
    by_parts = primitive(lambda x: (np.sin(x), x * 2), lambda out, x: (np.cos(x), 2.0))
    everywhere(lambda x: by_parts(x)[0] * by_parts(x)[1], (X,))
    one_only = primitive(lambda x: (np.sin(x), np.floor(x)), lambda out, x: Block(Scale(np.cos(x), x.shape), None))
    assert_allclose(grad(lambda x: np.sum(one_only(x)[0]) + np.sum(one_only(x)[1]))(X), np.cos(X))


def test_primitive_with_keyword_parameters():
    f = primitive(lambda x, *, power: x**power, lambda out, x, *, power: power * x ** (power - 1))
    assert grad(f)(3.0, power=2) == 6.0
    everywhere(lambda x: f(x, power=3), (X,))


def test_custom_gradient():
    @custom_gradient
    def log1pexp(x):
        """Doc."""
        e = np.exp(x)
        return np.log1p(e), (e / (1 + e),)

    assert log1pexp.__name__ == "log1pexp" and log1pexp.__doc__ == "Doc."
    assert_allclose(log1pexp(X), np.log1p(np.exp(X)))
    everywhere(log1pexp, (X,))
    assert grad(grad(log1pexp))(0.0) == 0.25


def test_custom_gradient_with_maps_none_and_several_outputs():
    @custom_gradient
    def product(x, m):
        return m @ x, (left(m, np.shape(x)), None)

    assert_allclose(jacobian(lambda x: product(x, M))(X), M)
    everywhere(lambda x: product(np.sin(x), M), (X,), order=2)
    assert_array_equal(grad(lambda m: np.sum(product(X, m)))(M), np.zeros_like(M))

    @custom_gradient
    def both(x):
        return (np.sin(x), np.sum(x)), ((np.cos(x), np.ones(3)),)

    everywhere(lambda x: both(x)[0] * both(x)[1], (X,))


def test_a_rule_is_the_users_word():
    clipped = custom_gradient(lambda x: (x, (np.clip(x, -1, 1),)))
    assert grad(lambda x: clipped(x) * 10)(3.0) == 10.0
    identity = primitive(lambda x: x, lambda out, x: Identity(np.shape(x)))
    assert_array_equal(grad(lambda x: np.sum(identity(x)))(X), np.ones(3))


def test_rules_point_out_at_check_grads():
    wrong = primitive(np.sin, lambda out, x: np.sin(x))
    with pytest.raises(AssertionError, match="finite differences"):
        check_grads(wrong, (X,))
    wengert.testing.check_laws(softplus, 0.3)
    with pytest.raises(AssertionError):
        wengert.testing.check_laws(wrong, X)


# -- dtypes, and who owns the results ---------------------------------------------------------------------------------


@pytest.mark.parametrize("dtype", ["float16", "float32", "float64", "longdouble", "complex64", "complex128"])
def test_dtypes_are_kept(dtype):
    x = (np.arange(1, 5) / 4).astype(dtype)
    f = lambda x: np.sum(np.abs(np.sin(x) * 2.0 + np.float64(0.5) * x[::-1]) ** 2) / 3
    assert grad(f)(x).dtype == dtype
    assert value_and_grad(f)(x)[0].dtype == f(x).dtype
    assert jvp(np.sin, (x,), (x,))[1].dtype == dtype
    assert vjp(np.sin, x)[1](x)[0].dtype == dtype
    assert elementwise_grad(lambda x: np.real(x) * 2)(x).dtype == dtype
    assert grad(lambda x: np.sum(np.abs(x * np.ones(4)) ** 2))(x).dtype == dtype
    assert hvp(lambda x: np.sum(np.abs(x) ** 4))(x, x).dtype == dtype
    scalar = x[1]
    assert grad(lambda t: np.abs(t * 2.0) ** 2)(scalar).dtype == dtype
    if np.dtype(dtype).kind == "f":
        assert hessian(lambda x: np.sum(x**3))(x).dtype == dtype
        assert jacobian(lambda x: x * 2.0)(x).dtype == dtype
        assert jacfwd(lambda x: x * 2.0)(x).dtype == dtype


def test_types_follow_the_arguments():
    assert isinstance(grad(lambda x: x * x)(2.0), np.float64)
    assert isinstance(grad(lambda x: x + 1)(2), np.float64)
    assert isinstance(grad(lambda x: x * x)(np.float32(2)), np.float32)
    assert isinstance(grad(lambda x: x * x)(np.array(2.0)), np.ndarray)
    assert isinstance(grad(lambda x: np.abs(x) ** 2)(1j), np.complex128)
    assert isinstance(grad(lambda x: 1.0)(np.array(2.0)), np.ndarray)


ALIASING = [
    lambda x, y: np.sum(x + y),
    lambda x, y: np.sum(x) + np.sum(y),
    lambda x, y: np.sum(x.reshape(3, 1) + y.reshape(3, 1)),
    lambda x, y: np.sum(x[::-1] - y),
    lambda x, y: np.sum(x * y),
    lambda x, y: np.sum(x),
    lambda x, y: np.sum(np.broadcast_to(x, (2, 3)) + np.concatenate([y, y]).reshape(2, 3)),
]


@pytest.mark.parametrize("f", ALIASING)
def test_gradients_are_writable_and_shared_with_nothing(f):
    x, y = X.copy(), X.copy() + 1
    gx, gy = grad(f, (0, 1))(x, y)
    _, pull = vjp(f, x, y)
    px, py = pull(1.0)
    all_of_them = [x, y, gx, gy, px, py]
    for i, array in enumerate(all_of_them):
        others = [(other, other.copy()) for j, other in enumerate(all_of_them) if j != i]
        array += 1.0
        for other, before in others:
            assert_array_equal(other, before)


@pytest.mark.parametrize(
    "f", [lambda x, y: x + y, lambda x, y: (x, y, x), lambda x, y: x.reshape(3, 1), lambda x, y: x - y]
)
def test_cotangents_and_tangents_are_not_touched(f):
    from wengert.core.trees import map_tree

    value, pull = vjp(f, X, X + 1)
    cotangent = map_tree(np.ones_like, value)
    px, py = pull(cotangent)
    px += 5.0
    py += 7.0
    map_tree(lambda c: assert_array_equal(c, np.ones_like(c)), cotangent)
    assert_array_equal(pull(cotangent)[0], px - 5.0)
    t = np.ones(3)
    _, pushed = jvp(f, (X, X), (t, t))
    map_tree(lambda p: p.__iadd__(3.0), pushed)
    assert_array_equal(t, np.ones(3))


@pytest.mark.parametrize("jacobian_of", [jacobian, jacfwd, jacrev])
def test_jacobians_are_writable_arrays_of_their_own(jacobian_of):
    for f in (lambda x: x, lambda x: x * 2, lambda x: x[:2], lambda x: np.ones(3), lambda x: x.reshape(3, 1)):
        found = jacobian_of(f)(X)
        found += 1.0
        assert found.flags.c_contiguous
        first, second = jacobian_of(lambda x, y: x + y, (0, 1))(X, X)
        first += 1.0
        assert_array_equal(second, np.eye(3))


def test_values_are_what_the_function_returns():
    assert value_and_grad(lambda x: x * x)(3.0)[0] == 9.0
    assert not isinstance(value_and_grad(lambda x: x * x)(3.0)[0], Variable)
    assert_array_equal(vjp(np.sin, X)[0], np.sin(X))


def test_wrappers_are_named_after_what_they_wrap():
    def loss(x):
        """The loss."""
        return x

    assert grad(loss).__name__ == "grad(loss)"
    assert grad(loss).__doc__ == "The loss."
    assert grad(loss).__wrapped__ is loss
    assert "loss" in jacobian(loss).__name__ and "loss" in repr(checkpoint(loss))
