"""Compiled = eager, case by case: each is a function and the arguments of calls one after the other.

A call's arguments are made anew for each way of running it. What is returned, or raised, and what is left in the arguments has to
be the same. The cases are what random programs and the issue's list of hard ones once got wrong, or might.
"""

from __future__ import annotations

import copy
import functools
import math
import threading
from collections import OrderedDict, namedtuple

import numpy as np
import pytest
from test_compile_laws import same

import wengert

pytest.importorskip("llvmlite")

from wengert.compiler import later

Pair = namedtuple("Pair", "first second")


def floats(*numbers, dtype=float):
    return np.array(numbers, dtype)


def outcome(f, args):
    with np.errstate(all="ignore"):
        try:
            return f(*args)
        except Exception as error:
            return error


def agree(f, *calls):
    compiled = wengert.compile(f)
    for make in calls:
        args, others = make(), make()
        expected, found = outcome(f, args), outcome(compiled, others)
        if isinstance(expected, Exception):
            assert type(found) is type(expected) and str(found) == str(expected), (found, expected)
            continue
        if isinstance(found, Exception):
            raise AssertionError("an error where eager code returns") from found
        for one, other in ((found, expected), (list(others), list(args))):
            if repr(one) != repr(other):  # what is no number, as a text
                same(one, other)
    return compiled


def given(*args):
    return lambda: copy.deepcopy(args)


def overlapping():
    x = np.arange(5.0)
    return x[:4], x[1:]


def one_array_twice():
    x = np.arange(4.0)
    return x, x


def write_then_read(x, y):
    x[0] = 5.0
    twice = y * 2
    x += y
    return twice + y


def halved(x, y):
    while y > 1:
        y = y / 2
    np.add(x, y, out=x)
    return x[0]


def read_while_walked(d):
    total = 0.0
    for part in d.values():
        total = total * 2 + part
    return total


def refused(x):
    if x.sum() > 2:
        raise ValueError(f"the sum is {x.sum():.1f}")
    return x


def or_zeros(x):
    try:
        return np.linalg.cholesky(x)
    except np.linalg.LinAlgError:
        return x * 0


def unused(x):
    np.linalg.cholesky(x)
    return x


def filled(x):
    x.fill(2)
    return x


def into(x, y):
    np.cumsum(x, out=y)
    return y


def columns_and_product(x, y):
    return np.sin(x[:, ::2]), x[:, ::2] @ y


def appended(numbers):
    numbers.append(1.0)
    return numbers


def popped(d):
    return d.pop("a")


def reshaped(x):
    x.shape = (2, 2)
    return x


def by_type(x):
    return x * 2 if type(x) is float else x * 3 if isinstance(x, np.ndarray) else x * (5 if hasattr(x, "shape") else 7)


def masked(x, y):
    copied = x.copy()
    copied[x > 0] = y
    return x


def diagonal_then_write(x):
    along = np.diagonal(x)
    before = along.sum()
    x[0, 0] = 7.0
    return along * before


eye = np.eye(2)
CASES = {
    "arguments that share memory in a later call": (
        write_then_read, given(np.arange(4.0), np.ones(4)), one_array_twice, overlapping, given(np.ones(4), np.ones(4))),
    "a result read from what is written": (halved, given(np.arange(17.0), 3.0), given(np.ones(17), 5.0), given(np.ones(17), 2.9)),
    "an array copied onto itself": (lambda x: np.copyto(x, x) or x, given(np.arange(3)), given(np.ones(3, int))),
    "the length of a selection": (lambda x: x * len(x[x > 0]), given(floats(1, -1)), given(floats(1, 1)), given(floats(-1, -1))),
    "the length of what np.unique finds": (lambda x: x * len(np.unique(x)), given(floats(1, 2)), given(floats(1, 1))),
    "an empty selection": (lambda x: x[np.where(x > 9)], given(np.arange(3.0)), given(np.arange(3.0) + 9)),
    "the order of keys": (
        read_while_walked, given({"a": 1.0, "b": 2.0}), given({"b": 2.0, "a": 1.0}), given({"a": 3.0, "b": 2.0})),
    "a view that BLAS can not read": (
        columns_and_product, given(np.ones((40, 40)), np.ones((20, 30))), given(np.eye(40), np.ones((20, 30)))),
    "np.square of truths": (np.square, given(floats(1, 0, dtype=bool)), given(floats(0, 0, dtype=bool))),
    "signbit of truths": (np.signbit, given(floats(1, 0, dtype=bool)), given(floats(0, 0, dtype=bool))),
    "truths to a power": (lambda x: x**2, given(floats(1, 0, dtype=bool)), given(floats(0, 0, dtype=bool))),
    "np.dot with a number": (lambda x: np.dot(x, 3), given(np.ones(3, np.uint8)), given(np.zeros(3, np.uint8))),
    "a running sum of truths into truths": (
        into, given(np.ones(3, bool), np.zeros(3, bool)), given(np.zeros(3, bool), np.zeros(3, bool))),
    "fill": (filled, given(np.zeros(3)), given(np.zeros(3, bool)), given(np.zeros(3, np.int32))),
    "item of single precision": (lambda x: x.item(), given(np.ones(1, "f4")), given(np.zeros(1, "f4"))),
    "integers of what no integer says": (
        lambda x: x.astype(int), given(floats(1.5, math.nan, math.inf)), given(floats(-1.5, -math.inf, 1e300))),
    "Python's complex numbers": (lambda z: (z * 2, -z, abs(z), z == 1j, z), given(1j), given(2 + 1j)),
    "which zero": (lambda x: math.copysign(1.0, x), given(0.0), given(-0.0), given(0.0)),
    "a text of a number": (lambda x: f"{x:.2f} {x} {x!r}", given(1.5), given(2.5), given(np.float64(2))),
    "a text of an array": (str, given(floats(1, 2)), given(floats(3, 4))),
    "a list times a number": (lambda n: [0.0] * n, given(2), given(3)),
    "methods of Python's numbers": (lambda x, n: (x.hex(), n.bit_length()), given(1.5, 3), given(2.5, 300)),
    "type, isinstance and hasattr": (by_type, given(1.0), given(np.ones(2)), given(2.0), given(np.float32(2))),
    "a division by zero": (lambda x, y: x / y, given(1.0, 2.0), given(1.0, 0.0), given(1, 0), given(np.float64(1), 0.0)),
    "a power of floats": (lambda x, y: x**y, given(2.0, 2.0), given(-2.0, 0.5), given(0.0, -1.0), given(1e300, 2.0)),
    "a branch on nan": (lambda x: 1.0 if x > 0 else 2.0, given(math.nan), given(1.0), given(math.nan)),
    "an error of the function's own": (refused, given(np.ones(2)), given(np.ones(3)), given(np.full(3, 2.0)), given(np.ones(2))),
    "an error that is caught": (or_zeros, given(eye), given(-eye), given(2 * eye), given(-eye)),
    "an error in what nobody reads": (unused, given(eye), given(-eye), given(2 * eye)),
    "an index out of bounds": (
        lambda x, i: x[i], given(np.arange(3.0), np.array([0, 1])), given(np.arange(3.0), np.array([0, 7])),
        given(np.arange(3.0), np.array([-3, 0])), given(np.arange(3.0), np.array([-4, 0]))),
    "axes that do not exist": (lambda x: np.flip(x, 5), given(np.ones(3))),
    "roll along an axis that does not exist": (lambda x: np.roll(x, 1, 5), given(np.ones(3))),
    "diff along an axis that does not exist": (lambda x: np.diff(x, axis=5), given(np.ones((3, 3)))),
    "std of a number along an axis": (lambda x: np.std(x, axis=-1), given(np.float64(1))),
    "len of a number": (len, given(np.float64(1)), given(np.array(1.0)), given(1.0)),
    "matmul of numbers": (lambda x: x @ x, given(np.float64(1)), given(np.array(1.0))),
    "round of an array": (round, given(np.ones(3)), given(np.float64(1.5)), given(2.5)),
    "a read-only array": (halved, given(np.broadcast_to(1.0, 3), 1.0)),
    "a list that is appended to": (appended, given([1.0]), given([1.0])),
    "a dict that is popped": (popped, given({"a": 1.0}), given({"a": 2.0})),
    "a shape that is assigned": (reshaped, given(np.arange(4.0)), given(np.ones(4))),
    "a sum over a generator": (lambda x: sum(part * 2 for part in x), given([1.0, 2.0]), given([2.0, 3.0])),
    "other trees": (
        lambda d: {**d, "sum": d["a"] + d["b"][0]}, given({"a": 1.0, "b": [2.0]}), given({"a": 1, "b": (2.0, 3.0)}),
        given({"b": Pair(np.ones(2), 1), "a": np.zeros(2)})),
    "other shapes and dtypes": (
        lambda x: x * 2, given(np.ones(3)), given(np.ones((2, 3))), given(np.ones(3, "f4")), given(np.ones(3, int)), given(2),
        given(2.0), given(True), given(np.ones(0)), given(np.array(1.0)), given(np.float32(1)), given([1.0]), given("a"),
        given(np.ones(3, "f2")), given(np.uint64(2**63)), given(2**70), given(-(2**60)), given((1, 2)), given(1j), given(None)),
    "layouts": (
        lambda x: x + x.T, given(np.arange(9.0).reshape(3, 3)), given(np.arange(9.0).reshape(3, 3).T), given(np.ones((6, 6))[::2, ::-2])),
    "byte-swapped, unaligned and extended arrays": (
        lambda x: x * 2, given(np.arange(3).astype(">f8")), given(np.frombuffer(b"x" * 25, np.uint8)[1:].view(float)),
        given(np.ones(2, np.longdouble)), given(np.array([1, "a"], object))),
    "subclasses": (
        lambda x: x * x, given(np.ma.array([1.0, 2.0], mask=[0, 1])), given(np.ones(2).view(np.recarray)), given(np.ones(2))),
    "matrices": (lambda x: x * x, lambda: (np.asmatrix(eye * 2),), given(eye)),
    "full_like of an array with more axes": (lambda x: np.full_like(x[0], x[:1, :1]), given(eye), given(-eye)),
    "the imaginary part of a number": (lambda x: (np.sum(x).imag, x.imag), given(eye), given(np.float64(2))),
    "a mask that the values do not fit": (masked, given(floats(1, -1, 1), floats(1, 2)), given(floats(1, 1, 1), floats(1, 2))),
    "an integer power that nobody reads": (lambda x: (x**x, x)[1], given(np.arange(3)), given(-np.arange(3))),
    "the diagonal of what is written into": (diagonal_then_write, given(np.arange(9.0).reshape(3, 3)), given(np.eye(3))),
    "parts": (lambda x: np.split(x, [1, 3]) + np.array_split(x, 2), given(np.arange(5.0)), given(np.ones(5))),
    "parts that do not exist": (lambda x: np.split(x, 2), given(np.arange(5.0))),
    "taken out of bounds": (lambda x, i: np.take(x, i), given(np.arange(3.0), np.array([1])), given(np.arange(3.0), np.array([5]))),
    "results that are arguments": (lambda x: (x, x, x[:1], x.T), given(eye), given(-eye)),
}  # fmt: skip


@pytest.mark.parametrize("name", CASES)
@pytest.mark.filterwarnings("ignore")
def test_compiled_is_eager(name):
    f, *calls = CASES[name]
    agree(f, *calls)


# -- what is read from outside ----------------------------------------------------------------------------------------

factor = 2.0
array = np.ones(1)
numbers = [1.0, 2.0]
many = list(range(100))
nested = {"a": {"b": 1.0}}
ordered = OrderedDict(w=np.ones(1))
pair = Pair(np.ones(1), 2.0)
called: list = []


class Model:
    slope = 2.0

    def __init__(self):
        self.w, self.calls = np.ones(1), 0

    def __call__(self, x):
        return self.scaled(x) * self.w

    def scaled(self, x):
        return x * factor * array * self.slope

    def counted(self, x):
        self.calls += 1
        return x * self.calls

    @classmethod
    def of_class(cls, x):
        return x * cls.slope

    @wengert.compile
    def method(self, x):
        return x * self.slope * self.w


model = Model()


def bind(name, value):
    return lambda: globals().__setitem__(name, value)


def item(holder, key, value):
    return lambda: holder.__setitem__(key, value)


def attribute(holder, name, value):
    return lambda: setattr(holder, name, value)


def counting(x):
    called.append(1)
    return x * len(called)


CHANGES = {
    "a global": (lambda x: x * factor, bind("factor", 3.0)),
    "an array's content": (lambda x: x * array, item(array, 0, 3.0)),
    "an array bound anew": (lambda x: x * array, bind("array", np.full(1, 7.0))),
    "an entry of a list": (lambda x: x * numbers[0], item(numbers, 0, 5.0)),
    "an entry of a long list": (lambda x: x * many[50], item(many, 50, 5.0)),
    "an entry of a dict in a dict": (lambda x: x * nested["a"]["b"], item(nested["a"], "b", 5.0)),
    "an array in an OrderedDict": (lambda x: x * ordered["w"], item(ordered["w"], 0, 5.0)),
    "an array in a namedtuple": (lambda x: x * pair.first, item(pair.first, 0, 5.0)),
    "an attribute's content": (lambda x: model(x), item(model.w, 0, 3.0)),
    "an attribute": (model, attribute(model, "w", np.full(1, 4.0))),
    "an attribute of a class": (Model.of_class, attribute(Model, "slope", 3.0)),
    "a global that a method reads": (lambda x: model.scaled(x), bind("factor", 4.0)),
    "an array that a method reads": (lambda x: model.scaled(x), lambda: array.__setitem__(0, 9.0)),
    "a method": (lambda x: model.scaled(x), attribute(Model, "scaled", lambda self, x: x)),
    "what the function itself changes": (counting, lambda: None),
    "an attribute that the function changes": (lambda x: model.counted(x) / model.calls, lambda: None),
    "a partial": (functools.partial(lambda w, x: x * w, array), item(array, 0, 6.0)),
}


@pytest.mark.parametrize("name", CHANGES)
def test_what_is_read_from_outside_is_seen_as_it_is(name):
    f, change = CHANGES[name]
    compiled = wengert.compile(f)
    before = f(2.0)
    called.clear()
    compiled(2.0), compiled(2.0)
    if name == "what the function itself changes":
        assert len(called) == 2
        return
    same(compiled(2.0), before)
    change()
    same(compiled(2.0), f(2.0))
    same(compiled(2.0), f(2.0))


def test_a_global_with_the_name_of_an_attribute_is_not_read():
    compiled = wengert.compile(lambda x: x.T * x.real)
    try:
        for i in range(3):
            globals()["T"] = i
            same(compiled(eye), eye)
    finally:
        del globals()["T"]
    assert sum(map(len, compiled.variants.values())) == 1


def test_methods_are_compiled_for_their_objects():
    one, other = Model(), Model()
    other.w = np.full(1, 5.0)
    for _ in range(2):
        same(one.method(1.0), Model.slope * np.ones(1))
        same(other.method(1.0), Model.slope * np.full(1, 5.0))
    one.slope = 10.0
    same(one.method(1.0), np.full(1, 10.0))


def test_an_array_from_outside_that_is_an_argument_too():
    outside = np.arange(3.0)

    def f(x):
        x[0] = 7.0
        return x + outside

    compiled = wengert.compile(f)
    same(compiled(np.ones(3)), np.array([7.0, 2.0, 3.0]))
    same(compiled(outside), np.array([14.0, 2.0, 4.0]))


# -- derivatives, and compiled in compiled ----------------------------------------------------------------------------

x0 = np.array([0.5, -0.3, 1.2])


def loss(x):
    return np.sum(np.tanh(x) ** 2) + x[0] * np.exp(x[1])


@wengert.custom_gradient
def doubled(x):
    return x * x, lambda g: g * 3.0


DERIVATIVES = {
    "grad": wengert.grad(loss),
    "grad of compiled": wengert.grad(wengert.compile(loss)),
    "compiled in compiled": lambda x: wengert.compile(loss)(x) * 2,
    "jvp": lambda x: wengert.jvp(loss, (x,), (x,)),
    "jacobian": wengert.jacobian(lambda x: np.outer(x, x)),
    "hessian": wengert.hessian(loss),
    "hvp": lambda x: wengert.hvp(loss)(x, x),
    "checkpoint": wengert.grad(wengert.checkpoint(loss)),
    "custom gradient": wengert.grad(lambda x: np.sum(doubled(x))),
    "an einsum with a plain operand, twice": lambda x: wengert.hvp(lambda y: np.sum(np.einsum("i,i->i", y, y)))(x, x),
}


@pytest.mark.parametrize("name", DERIVATIVES)
def test_derivatives(name):
    agree(DERIVATIVES[name], given(x0), given(-x0), given(x0 * 2))


def test_gradients_of_arrays_without_dimensions_are_arrays():
    agree(wengert.value_and_grad(lambda x: x * 2.0), given(np.array(1.0)), given(np.float64(1)), given(1.0))


def test_a_variable_written_into_what_no_derivative_reaches_is_an_error():
    def f(x, y):
        z = np.squeeze(y * 2)
        z -= x
        return np.sum(z)

    agree(wengert.grad(f), given(x0, x0))


def square_sum(x):
    return np.sum(np.sqrt(x) * x)


LARGE = {
    "finite": (wengert.value_and_grad(square_sum), given(np.linspace(1, 2, 40_000)), given(np.linspace(2, 3, 40_000))),
    "not finite": (wengert.value_and_grad(square_sum), given(np.linspace(0, 2, 40_000)), given(np.linspace(1, 2, 40_000))),
    "a branch": (lambda x: x if np.sum(x) > 0 else -x, given(np.ones(40_000)), given(-np.ones(40_000))),
    "a write through a view": (
        lambda x: x.__setitem__(0, 5.0) or x.reshape(200, 200).T.__setitem__((1, 1), 7.0) or x * 2, given(np.ones(40_000))),
    "a view of what lies by columns": (
        lambda x: (lambda y: y.__setitem__(3, 9.0) or (x, y))((x.T * 2).reshape(-1)), given(np.ones((200, 200)))),
    "an error": (lambda x: np.linalg.cholesky(x), given(np.eye(200)), given(-np.eye(200))),
    "a short array against another": (lambda x, y: np.sum(x[:, None] * y), given(np.ones(300), np.ones(300))),
}  # fmt: skip


@pytest.mark.parametrize("name", LARGE)
def test_large_arrays(name):
    """Of which the traced run computes no entries, unless somebody looks."""
    f, *calls = LARGE[name]
    agree(f, *calls)


def test_draws_in_a_run_of_large_arrays_are_made_once():
    x = np.ones(40_000)
    one, other = np.random.default_rng(0), np.random.default_rng(0)
    compiled = wengert.compile(lambda x: x * 2 * one.normal(size=x.shape))
    for _ in range(3):
        same(compiled(x), x * 2 * other.normal(size=x.shape))


def test_the_first_call_of_large_arrays_computes_them_once(monkeypatch):
    counted = []
    monkeypatch.setattr(later.Later, "value", lambda self: counted.append(self))
    wengert.compile(wengert.value_and_grad(square_sum))(np.ones(40_000))
    assert not counted


def test_errors_name_what_the_user_gave():
    agree(wengert.grad(lambda x: x * 2.0), given(x0))


# -- threads ----------------------------------------------------------------------------------------------------------


def test_eight_threads_call_one_compiled_function():
    compiled = wengert.compile(lambda x: np.sin(x).sum() if x[0] > 0 else np.cos(x).sum())
    wrong = []

    def work(number):
        for i in range(200):
            x = np.full(5 + (number + i) % 3, (-1.0) ** i)
            if abs(compiled(x) - (np.sin(x).sum() if x[0] > 0 else np.cos(x).sum())) > 1e-12:
                wrong.append((number, i))

    threads = [threading.Thread(target=work, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong
