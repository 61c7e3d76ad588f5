"""The class that the library grows from: Variable(val, children, local_gradients), gradients, backward, names."""

from __future__ import annotations

import copy
import gc
import pickle
import threading

import numpy as np
import pytest

from wengert import Variable, grad, gradients, jvp
from wengert.core import sweep
from wengert.core.linear import Identity, left


def seed_graph():
    a = Variable(4.0).set_name("a")
    b = Variable(1.0).set_name("b")
    return a, b, (a - b) * (b + 1)


# -- the design's lines, literally ------------------------------------------------------------------------------------


def test_the_value_of_an_array_is_read_and_not_written():
    array = np.array([1.0, 2.0])
    x = Variable(array)
    y = x * x
    for value in (x.val, y.val):
        with pytest.raises(ValueError, match="read-only"):
            value[0] = 5.0
    with pytest.raises(ValueError, match="read-only"):
        x.val -= 1.0
    assert array.flags.writeable and array.tolist() == [1.0, 2.0]
    assert gradients(np.sum(y))[x].tolist() == [2.0, 4.0]


def test_the_seed():
    a, b, L = seed_graph()
    assert L.name == "(a - b) * (b + 1)"
    assert L.val == 6.0
    x, y = L.children
    assert (x.name, y.name) == ("a - b", "b + 1")
    assert L.local_gradients == ((x, 2.0), (y, 3.0))
    assert gradients(L)[a] == 2.0
    assert gradients(L)[b] == 3.0 - 2.0
    L.backward()
    assert (a.grad, b.grad) == (2.0, 1.0)


def test_a_hand_made_node_is_as_good_as_any():
    a = Variable(4.0)
    node = Variable(val=7.0, children=(a,), local_gradients=((a, 3.0),))
    assert node.children == (a,)
    assert node.local_gradients == ((a, 3.0),)
    assert gradients(node * node)[a] == 2 * 7 * 3
    (node * 2).backward()
    assert a.grad == 6.0


def test_local_gradients_of_a_division_by_zero():
    with np.errstate(all="ignore"):
        assert np.divide(Variable(1.0), Variable(0.0)).local_gradients[0][1] == np.inf
        assert np.fmod(Variable(1.0), Variable(0.0)).local_gradients[0][1] == 1.0


def test_local_gradients_of_the_children_too():
    a, b, L = seed_graph()
    (x, _), (y, _) = L.local_gradients
    assert x.local_gradients == ((a, 1.0), (b, -1.0))
    assert y.local_gradients == ((b, 1.0),)
    assert a.children == a.local_gradients == ()


def test_set_name_returns_the_variable():
    a = Variable(1.0)
    assert a.set_name("a") is a
    assert (a * 2).set_name("double").name == "double"


def test_gradients_is_a_mapping_over_all_nodes():
    a, b, L = seed_graph()
    found = gradients(L)
    assert found[L] == 1.0
    assert found[L.children[0]] == 2.0
    assert {L, *L.children, a, b} == set(found)
    assert len(found) == 5
    assert all(isinstance(g, np.float64) for g in found.values())


def test_gradient_of_an_independent_variable_is_exact_zeros():
    _, _, L = seed_graph()
    other = Variable(np.ones((2, 3), np.float32))
    zeros = gradients(L)[other]
    assert zeros.shape == (2, 3) and zeros.dtype == np.float32 and not zeros.any()
    assert gradients(L)[Variable(1.0)] == 0.0
    assert other not in gradients(L)
    with pytest.raises(KeyError):
        gradients(L)["a"]


def test_gradients_can_be_asked_again_and_from_every_node():
    a, b, L = seed_graph()
    assert gradients(L)[a] == gradients(L)[a] == 2.0
    assert gradients(a - b)[b] == -1.0
    assert gradients(a)[a] == 1.0


# -- operators --------------------------------------------------------------------------------------------------------

BINARY = [
    (lambda x, y: x + y, 1.0, 1.0),
    (lambda x, y: x - y, 1.0, -1.0),
    (lambda x, y: x * y, 2.0, 7.0),
    (lambda x, y: x / y, 1 / 2.0, -7 / 4.0),
    (lambda x, y: x**y, 2 * 7.0, 49 * np.log(7)),
    (lambda x, y: x % y, 1.0, -3.0),
    (lambda x, y: x // y, 0.0, 0.0),
    (lambda x, y: divmod(x, y)[1], 1.0, -3.0),
]


@pytest.mark.parametrize(("f", "dx", "dy"), BINARY)
def test_operators_and_their_reflections(f, dx, dy):
    x, y = Variable(7.0), Variable(2.0)
    for other in (2.0, np.float64(2.0), 2, np.array(2.0)):
        assert gradients(f(x, other) * 1.0)[x] == pytest.approx(dx)
    for other in (7.0, np.float64(7.0), 7, np.array(7.0)):
        assert gradients(f(other, y) * 1.0)[y] == pytest.approx(dy)
    both = gradients(f(x, y) * 1.0)
    assert (both[x], both[y]) == (pytest.approx(dx), pytest.approx(dy))


def test_unary_operators_and_matmul():
    x = Variable(-3.0)
    assert gradients(-x)[x] == -1.0
    assert gradients(+x)[x] == 1.0
    assert gradients(abs(x))[x] == -1.0
    v, m = np.array([1.0, 2.0]), np.array([[1.0, 2.0], [3.0, 4.0]])
    for f, expected in ((lambda t: m @ t @ v, m.T @ v), (lambda t: t @ m @ v, m @ v), (lambda t: v @ t, v)):
        t = Variable(v)
        np.testing.assert_allclose(gradients(f(t))[t], expected)


def test_comparisons_are_plain_and_hash_is_identity():
    a, b = Variable(1.0), Variable(1.0)
    assert (a == b) is True or (a == b) is np.True_
    assert a < 2 and 2 > a and a <= 1 and a >= 1 and a != 2
    assert isinstance(Variable(np.ones(2)) == 1.0, np.ndarray)
    assert len({a: 1, b: 2}) == 2, "two variables of the same value are two keys"
    assert {a: 1}[a] == 1
    assert hash(a) == hash(a)


def test_python_protocols():
    x = Variable(2.5)
    assert bool(x) and not bool(Variable(0.0))
    assert int(x) == 2 and round(x) == 2
    assert f"{x:.1f}" == "2.5"
    assert len(Variable(np.ones((3, 2)))) == 3
    with pytest.raises(TypeError, match="unsized"):
        len(x)
    with pytest.raises(TypeError, match="0-d"):
        iter(x).__next__()
    with pytest.raises(TypeError):
        Variable(1.0) + "a"
    with pytest.raises(AttributeError, match="no attribute 'value'"):
        _ = x.value


def test_an_unknown_type_may_answer_the_operator():
    class Unit:
        def __rmul__(self, other):
            return "mine"

        def __mul__(self, other):
            return "mine"

    assert Variable(1.0) * Unit() == "mine"
    assert Unit() * Variable(1.0) == "mine"


# -- names and repr ---------------------------------------------------------------------------------------------------

NAMES = [
    (lambda a, b, c: a - (b - c), "a - (b - c)"),
    (lambda a, b, c: (a - b) - c, "a - b - c"),
    (lambda a, b, c: a - (b + c), "a - (b + c)"),
    (lambda a, b, c: a + (b + c), "a + b + c"),
    (lambda a, b, c: a + b * c, "a + b * c"),
    (lambda a, b, c: (a + b) * c, "(a + b) * c"),
    (lambda a, b, c: a / (b / c), "a / (b / c)"),
    (lambda a, b, c: a / b / c, "a / b / c"),
    (lambda a, b, c: a / (b * c), "a / (b * c)"),
    (lambda a, b, c: a * (b / c), "a * (b / c)"),
    (lambda a, b, c: (a / b) * c, "a / b * c"),
    (lambda a, b, c: a**b**c, "a ** b ** c"),
    (lambda a, b, c: (a**b) ** c, "(a ** b) ** c"),
    (lambda a, b, c: (-a) ** b, "(-a) ** b"),
    (lambda a, b, c: -(a**b), "-a ** b"),
    (lambda a, b, c: a ** (-b), "a ** -b"),
    (lambda a, b, c: -(a + b), "-(a + b)"),
    (lambda a, b, c: -(a * b), "-(a * b)"),
    (lambda a, b, c: -a * b, "-a * b"),
    (lambda a, b, c: a * (b * c), "a * b * c"),
    (lambda a, b, c: a * (b % c), "a * (b % c)"),
    (lambda a, b, c: a * (b // c), "a * (b // c)"),
    (lambda a, b, c: a + (b - c), "a + b - c"),
    (lambda a, b, c: a**-1, "a ** -1"),
    (lambda a, b, c: a * (1 + 2j), "a * (1+2j)"),
    (lambda a, b, c: a - -b, "a - -b"),
    (lambda a, b, c: a * -b, "a * -b"),
    (lambda a, b, c: a % b // c, "a % b // c"),
    (lambda a, b, c: a % (b // c), "a % (b // c)"),
    (lambda a, b, c: 2 * a + 1, "2 * a + 1"),
    (lambda a, b, c: a - (-1.0), "a - -1"),
    (lambda a, b, c: (-2.0) ** a, "(-2) ** a"),
    (lambda a, b, c: np.sin(a + b), "sin(a + b)"),
    (lambda a, b, c: np.sin(a) ** 2, "sin(a) ** 2"),
    (lambda a, b, c: np.maximum(a, b - c), "maximum(a, b - c)"),
    (lambda a, b, c: abs(a), "absolute(a)"),
]


@pytest.mark.parametrize(("f", "name"), NAMES, ids=[name for _, name in NAMES])
def test_names_have_the_parentheses_that_are_needed(f, name):
    letters = [Variable(value).set_name(letter) for value, letter in ((3.0, "a"), (5.0, "b"), (2.0, "c"))]
    node = f(*letters)
    assert node.name == name
    if "(" not in name or name[0] in "(a-":  # the name, read as Python, is the value
        values = {v.name: v.val for v in letters}
        assert eval(name, {"absolute": abs}, values) == pytest.approx(node.val)


def test_names_are_made_on_demand_and_cut():
    x = Variable(1.0).set_name("x")
    y = x
    for _ in range(5000):
        y = y * 1.001 + x
    assert len(y.name) <= 80
    assert "…" in y.name
    wide = sum((Variable(1.0).set_name(f"a_long_name_{i}") for i in range(50)), start=x)
    assert len(wide.name) <= 80
    diamond = x
    for _ in range(60):
        diamond = diamond + diamond
    assert len(diamond.name) <= 80


def test_names_of_arrays_and_unnamed_leaves():
    assert Variable(2.0).name == "2"
    assert "×" in (Variable(np.ones((2, 3))) * 2).name or "2" in (Variable(np.ones((2, 3))) * 2).name
    assert (Variable(np.ones(2)).set_name("w") @ np.ones(2)).name.startswith("w @ ")


def test_repr_shows_value_shape_dtype_and_name():
    text = repr(Variable(np.ones(2, np.float32)).set_name("w"))
    for part in ("Variable", "[1. 1.]", "(2,)", "float32", "'w'"):
        assert part in text
    assert repr(Variable(2.0)) == "Variable(2, shape=(), dtype=float64)"
    assert len(repr(Variable(np.zeros((1000, 1000))))) < 500
    assert "Variable" in repr(Variable(Variable(1.0)))
    assert "1+2j" in repr(Variable(1 + 2j))


# -- hand-made nodes --------------------------------------------------------------------------------------------------


def test_hand_made_with_an_array_partial():
    v = Variable(np.array([1.0, 2.0]))
    node = Variable(np.array([5.0, 6.0]), (v,), ((v, np.array([3.0, 4.0])),))
    np.testing.assert_array_equal(gradients(np.sum(node))[v], [3.0, 4.0])


def test_hand_made_with_a_linear_map():
    m = np.array([[1.0, 2.0], [3.0, 4.0], [5.0, 6.0]])
    v = Variable(np.array([1.0, 2.0]))
    node = Variable(m @ v.val, (v,), ((v, left(m, (2,))),))
    assert node.shape == (3,)
    np.testing.assert_array_equal(gradients(np.sum(node))[v], m.sum(axis=0))
    same = Variable(v.val, (v,), ((v, Identity((2,))),))
    np.testing.assert_array_equal(gradients(np.sum(same))[v], np.ones(2))


def test_hand_made_with_a_gradient_or_a_jacobian():
    v = Variable(np.array([1.0, 2.0]))
    scalar = Variable(7.0, (v,), ((v, np.array([3.0, 4.0])),))
    np.testing.assert_array_equal(gradients(scalar * 2)[v], [6.0, 8.0])
    m = np.arange(6.0).reshape(3, 2)
    vector = Variable(np.ones(3), (v,), ((v, m),))
    np.testing.assert_array_equal(gradients(vector, np.array([1.0, 0.0, 2.0]))[v], m[0] + 2 * m[2])


def test_hand_made_with_a_repeated_child():
    a, b = Variable(2.0), Variable(3.0)
    node = Variable(1.0, (a, b), ((a, 10.0), (a, 1.0), (b, 5.0)))
    assert gradients(node)[a] == 11.0
    assert gradients(node)[b] == 5.0
    assert node.children == (a, a, b)
    square = Variable(4.0, (a, a), ((a, 2.0), (a, 2.0)))
    assert gradients(square)[a] == 4.0


def test_hand_made_nodes_inside_a_function():
    def f(x):
        node = Variable(np.sin(x.val), (x,), ((x, np.cos(x.val)),)) if isinstance(x, Variable) else np.sin(x)
        return node**2

    assert grad(f)(0.5) == pytest.approx(2 * np.sin(0.5) * np.cos(0.5))
    assert jvp(f, (0.5,), (2.0,))[1] == pytest.approx(4 * np.sin(0.5) * np.cos(0.5))


def test_a_partial_of_none_is_zero():
    a = Variable(2.0)
    assert gradients(Variable(1.0, (a,), ((a, None),)))[a] == 0.0


# -- size: time and recursion -----------------------------------------------------------------------------------------


def test_a_diamond_is_visited_in_linear_time(monkeypatch):
    x = Variable(1.0)
    y = x
    for _ in range(60):
        y = y + y
    visits = []
    whole = sweep.order
    monkeypatch.setattr(sweep, "order", lambda outputs: visits.append(found := whole(outputs)) or list(found))
    assert gradients(y)[x] == 2.0**60
    assert [len(found) for found in visits] == [61]


def test_a_diamond_of_products():
    x = Variable(1.0)
    y = x
    for _ in range(60):
        y = y * y
    assert gradients(y)[x] == 2.0**60
    assert len(gradients(y)) == 61


def test_a_chain_of_a_million():
    x = Variable(1.0)
    y = x
    for _ in range(1_000_000):
        y = y + 1.0
    assert y.val == 1_000_001.0
    assert gradients(y)[x] == 1.0
    y.backward()
    assert x.grad == 1.0
    del y  # a chain of references: freeing it must not recurse either
    gc.collect()


def test_a_long_chain_in_forward_mode():
    def f(x):
        for _ in range(20_000):
            x = x * 1.0
        return x

    assert jvp(f, (1.0,), (3.0,))[1] == 3.0


def test_an_unused_chain_is_freed_without_recursion():
    y = Variable(np.ones(1))
    for _ in range(200_000):
        y = y + 1.0
    del y


# -- backward ---------------------------------------------------------------------------------------------------------


def test_backward_accumulates_into_grad():
    a = Variable(3.0)
    assert a.grad is None
    (a * a).backward()
    assert a.grad == 6.0
    (a * 2).backward()
    assert a.grad == 8.0
    a.grad = None
    (a * 2).backward()
    assert a.grad == 2.0


def test_backward_leaves_gradients_at_leaves_only_unless_kept():
    a, b, L = seed_graph()
    x, _ = L.children
    L.backward(keep=True)
    assert (L.grad, x.grad, a.grad, b.grad) == (1.0, 2.0, 2.0, 1.0)
    L.backward()
    assert (x.grad, a.grad, b.grad) == (2.0, 4.0, 2.0)


def test_backward_with_a_cotangent():
    v = Variable(np.array([1.0, 2.0]))
    (v * v).backward(np.array([1.0, 10.0]))
    np.testing.assert_array_equal(v.grad, [2.0, 40.0])
    (v * v).backward([1.0, 0.0])
    np.testing.assert_array_equal(v.grad, [4.0, 40.0])


def test_backward_gradients_are_arrays_of_their_own():
    u, v = Variable(np.ones(2)), Variable(np.ones(2))
    cotangent = np.ones(2)
    (u + v).backward(cotangent)
    u.grad[0] = 5.0
    np.testing.assert_array_equal(v.grad, np.ones(2))
    np.testing.assert_array_equal(cotangent, np.ones(2))


def test_gradients_are_arrays_of_their_own():
    u, v = Variable(np.ones(2)), Variable(np.ones(2))
    cotangent = np.ones(2)
    total = u + v
    found = gradients(total, cotangent)
    for x in (u, v, total):
        gradient = found[x]
        gradient += 1
        np.testing.assert_array_equal(found[x], 2 * np.ones(2))
    np.testing.assert_array_equal(cotangent, np.ones(2))


def test_a_freed_graph_says_so_and_keeps_its_value_and_name():
    a, _, L = seed_graph()
    L.backward()
    with pytest.raises(RuntimeError, match="keep=True"):
        L.backward()
    assert L.val == 6.0
    assert "6" in repr(L) and isinstance(L.name, str)
    assert (L + 1).val == 7.0
    assert gradients(a * 2)[a] == 2.0


def test_backward_with_complex_values():
    z = Variable(1 + 2j)
    (np.abs(z) ** 2).backward()
    assert z.grad == pytest.approx(2 + 4j)


# -- values, dtypes, copies -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("value", "dtype"),
    [
        (1, "float64"),
        (1.0, "float64"),
        (1j, "complex128"),
        (np.float32(1), "float32"),
        (np.ones(2, np.float16), "float16"),
        (np.ones(2, np.complex64), "complex64"),
        (np.array(1.0), "float64"),
        (np.zeros((0, 3)), "float64"),
    ],
)
def test_a_variable_tells_shape_and_dtype(value, dtype):
    x = Variable(value)
    assert x.dtype == np.dtype(dtype)
    assert (x.shape, x.ndim, x.size) == (np.shape(value), np.ndim(value), np.size(value))
    assert gradients(np.sum(x * 2), np.ones((), x.dtype))[x].dtype == x.dtype


@pytest.mark.parametrize("copied", [copy.copy, copy.deepcopy])
def test_copies_keep_the_derivative(copied):
    a, b, L = seed_graph()
    assert copied(L).val == L.val
    assert gradients(copied(L))[a] == 2.0, "a copy that began a graph of its own would drop the derivative"
    assert gradients(copied(a) * b)[a] == 1.0
    p = {"w": np.array([1.0, 2.0]), "b": 3.0}
    found = grad(lambda p: np.sum(copied(p)["w"] ** 2) + copied(p)["b"])(p)
    np.testing.assert_array_equal(found["w"], [2.0, 4.0])
    assert found["b"] == 1.0


def test_a_leaf_can_be_pickled():
    w = Variable(np.array([1.0, 2.0])).set_name("w")
    w.grad = np.ones(2)
    again = pickle.loads(pickle.dumps(w))
    np.testing.assert_array_equal(again.val, w.val)
    assert again.name == "w"
    np.testing.assert_array_equal(again.grad, w.grad)
    np.testing.assert_array_equal(gradients(np.sum(again * again))[again], [2.0, 4.0])


def test_weak_references_are_possible():
    import weakref

    a = Variable(1.0)
    assert weakref.ref(a)() is a


# -- threads ----------------------------------------------------------------------------------------------------------


def test_eight_threads_give_the_single_thread_results():
    rng = np.random.default_rng(0)
    w = rng.normal(size=(8, 8))

    def f(x):
        y = np.tanh(w @ x)
        for _ in range(5):
            y = np.tanh(w @ y) + np.where(y > 0, np.sqrt(np.abs(y)), 0) * x
        return np.sum(y**2) + grad(lambda t: np.sum(np.sin(t) * x))(x)[0]

    points = [rng.normal(size=8) for _ in range(8)]
    alone = [[grad(f)(p) for _ in range(20)][-1] for p in points]
    found: list = [None] * 8
    start = threading.Barrier(8)

    def work(i):
        start.wait()
        found[i] = [grad(f)(points[i]) for _ in range(20)]

    threads = [threading.Thread(target=work, args=(i,)) for i in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for results, expected in zip(found, alone, strict=True):
        for result in results:
            np.testing.assert_array_equal(result, expected)


def test_threads_may_share_a_graph():
    a, b, L = seed_graph()
    found: list = []
    threads = [threading.Thread(target=lambda: found.append((gradients(L)[a], gradients(L)[b]))) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == [(2.0, 1.0)] * 8
