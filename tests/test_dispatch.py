"""Compiled functions are called in machine code: what matches is answered there, everything else by the slow path."""

from __future__ import annotations

import collections
import dataclasses
import enum
import gc
import pickle
import subprocess
import sys
import threading
import tracemalloc
import types
import typing
import weakref

import numpy as np
import pytest

from wengert.compiler.running import dispatch
from wengert.compiler.running.dispatch import (
    ABSENT,
    Array,
    Entry,
    Given,
    Instance,
    Scalar,
    Static,
    Write,
    available,
    dispatcher_type,
)

pytestmark = pytest.mark.skipif(not available(), reason="no native calls in this interpreter, or no llvmlite")

f8 = np.float64
VECTOR = Array(f8, (3,))


Pair = collections.namedtuple("Pair", "one other")
Other = collections.namedtuple("Other", "one other")


class Triple(Pair):
    """Makes of two what no call of tuple's does."""

    def __new__(cls, one, other):
        return super().__new__(cls, one, other)

    third = property(lambda self: self.one + self.other)


@dataclasses.dataclass
class Point:
    x: object
    y: object = 2.0


@dataclasses.dataclass(frozen=True, slots=True)
class Slots:
    x: object
    y: object


class Derived(Point):
    pass


@dataclasses.dataclass
class Told:
    x: object

    def __getattr__(self, name):
        return 1.0


class Wide(typing.NamedTuple):
    x: object
    y: object = 2.0
    z: object = ()


def kernel(*steps, returns=0):
    """A kernel from steps: ("copy", to, from, bytes) or ("add", to, one, other, doubles), all places of its table.

    ("return if", place, outcome) returns at once if the double at a place is not 0; ("wait", place) spins on an int64.
    """
    import llvmlite.binding as llvm

    lines = []

    def name():
        lines.append(None)
        return f"%v{len(lines)}"

    def emit(text):
        result = name()
        lines.append(f"{result} = {text}")
        return result

    def at(place, offset=0):
        pointer = emit(f"load ptr, ptr {emit(f'getelementptr ptr, ptr %table, i64 {place}')}")
        return emit(f"getelementptr i8, ptr {pointer}, i64 {offset}")

    for step, *operands in steps:
        if step == "copy":
            to, source, size = operands
            for offset in range(size):
                byte = emit(f"load i8, ptr {at(source, offset)}")
                lines.append(f"store i8 {byte}, ptr {at(to, offset)}")
        elif step == "add":
            to, one, other, count = operands
            for offset in range(0, 8 * count, 8):
                left, right = (emit(f"load double, ptr {at(place, offset)}") for place in (one, other))
                lines.append(f"store double {emit(f'fadd double {left}, {right}')}, ptr {at(to, offset)}")
        elif step == "return if":
            place, outcome = operands
            is_set = emit(f"fcmp une double {emit(f'load double, ptr {at(place)}')}, 0.0")
            label = name()[1:]
            lines.append(f"br i1 {is_set}, label %{label}y, label %{label}n\n{label}y:\nret i64 {outcome}\n{label}n:")
        elif step == "wait":
            label, address = name()[1:], at(*operands)
            lines.append(f"br label %{label}\n{label}:")
            flag = emit(f"load atomic i64, ptr {address} seq_cst, align 8")
            lines.append(
                f"%d{label} = icmp ne i64 {flag}, 0\nbr i1 %d{label}, label %{label}n, label %{label}\n{label}n:"
            )
    body = "\n".join(line for line in lines if line)
    text = f"define i64 @kernel(ptr %table) {{\nentry:\n{body}\nret i64 {returns}\n}}"
    llvm.initialize_native_target()
    llvm.initialize_native_asmprinter()
    machine = llvm.Target.from_default_triple().create_target_machine(opt=1)
    engine = llvm.create_mcjit_compiler(llvm.parse_assembly(text), machine)
    engine.finalize_object()
    return engine.get_function_address("kernel"), engine


def entry(steps, arguments, results, returns=0, **options):
    address, engine = kernel(*steps, returns=returns)
    return Entry(address, arguments, results, keep=engine, **options)


def dispatcher(*entries):
    made = dispatcher_type()(lambda *args, **kwargs: ("slow", args, kwargs))
    made.entries = entries
    return made


def same(got, expected):
    assert type(got) is type(expected)
    if type(got) in (Point, Slots):
        same((got.x, got.y), (expected.x, expected.y))
    elif isinstance(got, (tuple, list)):
        assert len(got) == len(expected)
        for one, other in zip(got, expected, strict=True):
            same(one, other)
    elif type(got) is dict:
        assert list(got) == list(expected)
        for key in got:
            same(got[key], expected[key])
    elif type(got) is np.ndarray:
        assert got.dtype == expected.dtype and got.flags.owndata and got.flags.writeable and got.flags.c_contiguous
        np.testing.assert_array_equal(got, expected)
    else:
        assert got == expected or got is expected


# ---- results -------------------------------------------------------------------------------------------------------


def test_a_call_is_answered_natively_with_fresh_results():
    answer = entry([("add", 2, 0, 1, 1), ("add", 3, 0, 0, 3)], [VECTOR, Scalar(float)], (Scalar(f8), VECTOR))
    f = dispatcher(answer)
    x = np.array([1.0, 2.0, 3.0])
    first, second = f(x, 10.0), f(x, 10.0)
    same(first, (f8(11.0), np.array([2.0, 4.0, 6.0])))
    same(second, first)
    assert first[1] is not second[1]
    assert answer.calls == 2


NUMBERS = [float, complex, bool, *(np.dtype(code).type for code in "?bBhHiIlLqQefdFD")]


@pytest.mark.parametrize("number", NUMBERS, ids=lambda number: f"{number.__module__}.{number.__name__}")
def test_every_type_of_scalar_comes_back_as_it_is(number):
    value = number(3)
    data = np.array([value])
    answer = entry([("copy", 1, 0, data.itemsize)], [Array(data.dtype, (1,))], Scalar(number))
    f = dispatcher(answer)
    same(f(data), value)
    same(f(np.zeros_like(data)), number(0))
    assert answer.calls == 2


@pytest.mark.parametrize("number", [n for n in NUMBERS if n is not bool], ids=lambda n: f"{n.__module__}.{n.__name__}")
def test_every_type_of_scalar_goes_in_as_it_is(number):
    value = number(3)
    data = np.array([value])
    answer = entry([("copy", 1, 0, data.itemsize)], [Scalar(number)], Array(data.dtype, (1,)))
    same(dispatcher(answer)(value), data)
    assert answer.calls == 1


TREES = [
    (VECTOR, np.ones(3)),
    ((), ()),
    ([], []),
    ({}, {}),
    ((VECTOR, [Scalar(f8), {"a": VECTOR, 2: (Scalar(float),)}]), (np.ones(3), [f8(1.0), {"a": np.ones(3), 2: (1.0,)}])),
    (Pair(VECTOR, [Scalar(float)]), Pair(np.ones(3), [1.0])),
    (
        {"a": Wide(VECTOR, (Scalar(float),), Pair(VECTOR, VECTOR))},
        {"a": Wide(np.ones(3), (1.0,), Pair(np.ones(3), np.ones(3)))},
    ),
    (Instance(Point, {"x": VECTOR, "y": [Scalar(float)]}), Point(np.ones(3), [1.0])),
    (
        Instance(Slots, {"x": VECTOR, "y": Instance(Point, {"x": VECTOR, "y": VECTOR})}),
        Slots(np.ones(3), Point(np.ones(3), np.ones(3))),
    ),
    ({"x": [VECTOR, VECTOR], "y": {}}, {"x": [np.ones(3), np.ones(3)], "y": {}}),
]


def leaves(tree):
    if type(tree) is Instance:
        return leaves(tree.parts)
    if dataclasses.is_dataclass(tree) and type(tree) in (Point, Slots):
        return [*leaves(tree.x), *leaves(tree.y)]
    if isinstance(tree, (tuple, list, dict)):
        return [leaf for item in (tree.values() if type(tree) is dict else tree) for leaf in leaves(item)]
    return [tree]


@pytest.mark.parametrize("tree, value", TREES, ids=[str(value) for _, value in TREES])
def test_trees_go_in_and_come_out(tree, value):
    sizes = [8 * np.size(leaf) for leaf in leaves(value)]
    steps = [("copy", len(sizes) + place, place, size) for place, size in enumerate(sizes)]
    answer = entry(steps, [tree], tree)
    same(dispatcher(answer)(value), value)
    assert answer.calls == 1


def test_an_attribute_that_is_deleted_is_an_error():
    point = Point(np.ones(3))
    f = dispatcher(entry([], [Instance(Point, {"x": VECTOR, "y": Scalar(float)})], Static("native")))
    del point.y  # the class has a default
    assert f(point) == "native"
    del point.x
    with pytest.raises(AttributeError, match="'x'"):
        f(point)


def test_a_namedtuple_is_like_every_other():
    f = dispatcher(entry([], [], Wide(Static(1), Static("a"), Static(None))))
    same(f(), Wide(1, "a", None))
    assert hash(f()) == hash(Wide(1, "a", None)) and gc.is_tracked(f()) and f()._replace(x=2) == (2, "a", None)


def test_results_that_are_objects():
    marker, x = object(), np.ones(3)
    tree = (Static(None), Static(marker), Given(0), [Given(1)], VECTOR)
    answer = entry([("copy", 2, 0, 24)], [[VECTOR], Scalar(float)], tree)
    given = 2.5
    result = dispatcher(answer)([x], given)
    assert result[:3] == (None, marker, x) and result[2] is x and result[3][0] is given
    assert answer.calls == 1


@pytest.mark.parametrize("shape", [(), (0,), (2, 0, 3), (1, 1), (2, 3, 4), (1,) * 64], ids=str)
def test_every_shape(shape):
    x = np.arange(np.prod(shape, dtype=int), dtype=float).reshape(shape)
    answer = entry([("copy", 1, 0, x.nbytes)], [Array(f8, shape)], Array(f8, shape))
    same(dispatcher(answer)(x), x)
    assert answer.calls == 1


def test_externals_and_workspace():
    fixed = [np.array([10.0, 20.0, 30.0]), np.array([100.0])]
    steps = [("add", 4, 0, 2, 3), ("add", 1, 4, 4, 3)]  # workspace = x + fixed[0], result = workspace + workspace
    answer = entry(steps, [VECTOR], VECTOR, externals=fixed, workspace_bytes=100)
    f = dispatcher(answer)
    same(f(np.ones(3)), np.array([22.0, 42.0, 62.0]))
    fixed[0][:] = 0.0
    same(f(np.ones(3)), np.array([2.0, 2.0, 2.0]))
    assert answer.calls == 2


def test_the_workspace_is_aligned_in_both_kinds_of_blocks():
    """The table's last pointer, as a number: the second call is made while the first holds the entry's own block."""
    flag = np.zeros(1, np.int64)
    seen = []
    import llvmlite.binding as llvm

    text = """define i64 @kernel(ptr %table) {
      %to = getelementptr ptr, ptr %table, i64 1
      %result = load ptr, ptr %to
      %last = getelementptr ptr, ptr %table, i64 3
      %workspace = load i64, ptr %last
      store i64 %workspace, ptr %result
      %from = load ptr, ptr %table
      %waits = load i64, ptr %from
      %flag_at = getelementptr ptr, ptr %table, i64 2
      %flag = load ptr, ptr %flag_at
      %free = icmp eq i64 %waits, 0
      br i1 %free, label %done, label %wait
    wait:
      %value = load atomic i64, ptr %flag seq_cst, align 8
      %set = icmp ne i64 %value, 0
      br i1 %set, label %done, label %wait
    done:
      ret i64 0
    }"""
    machine = llvm.Target.from_default_triple().create_target_machine(opt=1)
    engine = llvm.create_mcjit_compiler(llvm.parse_assembly(text), machine)
    engine.finalize_object()
    one = Array(np.int64, (1,))
    answer = Entry(
        engine.get_function_address("kernel"), [one], Scalar(np.int64),
        externals=[flag], workspace_bytes=24, release_gil=True, keep=engine,
    )  # fmt: skip
    f = dispatcher(answer)
    own = f(np.zeros(1, np.int64))
    waiting = threading.Thread(target=lambda: seen.append(f(np.ones(1, np.int64))))
    waiting.start()
    while (other := f(np.zeros(1, np.int64))) == own:
        pass
    flag[0] = 1
    waiting.join()
    assert seen == [own] and other != own
    assert own % 64 == 0 and other % 64 == 0


# ---- what does not match goes to the slow path ---------------------------------------------------------------------


class Subclass(np.ndarray):
    pass


class Float(float):
    pass


class Int(int):
    pass


class Text(str):
    pass


class Level(enum.IntEnum):
    ONE = 1


unaligned = np.frombuffer(bytearray(25), np.uint8)[1:].view(f8)
read_only = np.ones(3)
read_only.flags.writeable = False
MARKER = object()
ROWS = Array(f8, (2, 3), (8, 16))  # in the order of Fortran

MISMATCHES = {
    "no argument": ([VECTOR], (), {}),
    "one more argument": ([VECTOR], (np.ones(3), 1), {}),
    "a keyword": ([VECTOR], (), {"x": np.ones(3)}),
    "one more by keyword": ([VECTOR], (np.ones(3),), {"x": 1}),
    "dtype": ([VECTOR], (np.ones(3, np.float32),), {}),
    "dtype of the same size": ([VECTOR], (np.ones(3, np.int64),), {}),
    "byte order": ([VECTOR], (np.ones(3, np.dtype(f8).newbyteorder()),), {}),
    "objects": ([VECTOR], (np.ones(3, object),), {}),
    "length": ([VECTOR], (np.ones(4),), {}),
    "fewer dimensions": ([VECTOR], (np.array(1.0),), {}),
    "more dimensions": ([VECTOR], (np.ones((3, 1)),), {}),
    "another shape of that size": ([Array(f8, (2, 3))], (np.ones((3, 2)),), {}),
    "strided": ([VECTOR], (np.ones(6)[::2],), {}),
    "reversed": ([VECTOR], (np.ones(3)[::-1],), {}),
    "keys in another order": ([{"a": VECTOR, "b": Scalar(float)}], ({"b": 1.0, "a": np.ones(3)},), {}),
    "Fortran order": ([Array(f8, (2, 3))], (np.ones((2, 3), order="F"),), {}),
    "transposed": ([Array(f8, (3, 2))], (np.ones((2, 3)).T,), {}),
    "unaligned": ([VECTOR], (unaligned,), {}),
    "a subclass of ndarray": ([VECTOR], (np.ones(3).view(Subclass),), {}),
    "masked": ([VECTOR], (np.ma.array([1.0, 2.0, 3.0]),), {}),
    "a list for an array": ([VECTOR], ([1.0, 2.0, 3.0],), {}),
    "a float for an array": ([Array(f8, ())], (1.0,), {}),
    "None for an array": ([VECTOR], (None,), {}),
    "an array for a float": ([Scalar(float)], (np.array(1.0),), {}),
    "an int for a float": ([Scalar(float)], (1,), {}),
    "a bool for a float": ([Scalar(float)], (True,), {}),
    "a NumPy float for a Python one": ([Scalar(float)], (f8(1.0),), {}),
    "a Python float for a NumPy one": ([Scalar(f8)], (1.0,), {}),
    "half as many bits": ([Scalar(f8)], (np.float32(1.0),), {}),
    "a subclass of float": ([Scalar(float)], (Float(1.0),), {}),
    "a float for a number of Python's": ([Scalar(int)], (3.0,), {}),
    "a bool for a number of Python's": ([Scalar(int)], (True,), {}),
    "a NumPy int for a number of Python's": ([Scalar(int)], (np.int64(3),), {}),
    "a subclass of int": ([Scalar(int)], (Int(3),), {}),
    "a member of an IntEnum": ([Scalar(int)], (Level.ONE,), {}),
    "an int too large to be exact as a float": ([Scalar(int)], (2**53,), {}),
    "an int too small to be exact as a float": ([Scalar(int)], (-(2**53),), {}),
    "the smallest int of 64 bits": ([Scalar(int)], (-(2**63),), {}),
    "the largest int of 64 bits": ([Scalar(int)], (2**63 - 1,), {}),
    "an int of more bits": ([Scalar(int)], (2**64,), {}),
    "a negative int of more bits": ([Scalar(int)], (-(2**200),), {}),
    "an int for an array": ([VECTOR], (3,), {}),
    "another int": ([Static(3)], (4,), {}),
    "a float for an int": ([Static(3)], (3.0,), {}),
    "a NumPy int for an int": ([Static(3)], (np.int64(3),), {}),
    "a bool for an int": ([Static(1)], (True,), {}),
    "an int for a bool": ([Static(True)], (1,), {}),
    "the other bool": ([Static(True)], (False,), {}),
    "another big int": ([Static(2**100)], (2**100 + 1,), {}),
    "another str": ([Static("sum")], ("mean",), {}),
    "something for None": ([Static(None)], (0,), {}),
    "another object": ([Static(MARKER)], (object(),), {}),
    "another equal float": ([Static(0.0)], (-0.0,), {}),
    "a tuple too short": ([(VECTOR, VECTOR)], ((np.ones(3),),), {}),
    "a tuple too long": ([(VECTOR,)], ((np.ones(3), np.ones(3)),), {}),
    "a namedtuple for a tuple": ([(VECTOR, VECTOR)], (Pair(np.ones(3), np.ones(3)),), {}),
    "another namedtuple": ([Pair(VECTOR, VECTOR)], (Other(np.ones(3), np.ones(3)),), {}),
    "a tuple for a namedtuple": ([Pair(VECTOR, VECTOR)], ((np.ones(3), np.ones(3)),), {}),
    "a class derived from a namedtuple": ([Pair(VECTOR, VECTOR)], (Triple(np.ones(3), np.ones(3)),), {}),
    "a leaf in a namedtuple": ([Pair(VECTOR, VECTOR)], (Pair(np.ones(3), 1.0),), {}),
    "an object of a derived class": ([Instance(Point, {"x": VECTOR})], (Derived(np.ones(3)),), {}),
    "an object of another class": ([Instance(Point, {"x": VECTOR})], (Slots(np.ones(3), 1),), {}),
    "a leaf in an object": ([Instance(Point, {"x": VECTOR})], (Point(1.0),), {}),
    "a list for a tuple": ([(VECTOR,)], ([np.ones(3)],), {}),
    "a tuple for a list": ([[VECTOR]], ((np.ones(3),),), {}),
    "a list too short": ([[VECTOR, VECTOR]], ([np.ones(3)],), {}),
    "a leaf in a list": ([[VECTOR, VECTOR]], ([np.ones(3), np.ones(4)],), {}),
    "another key": ([{"a": VECTOR}], ({"b": np.ones(3)},), {}),
    "one more key": ([{"a": VECTOR}], ({"a": np.ones(3), "b": 1},), {}),
    "an OrderedDict for a dict": ([{"a": VECTOR}], (collections.OrderedDict(a=np.ones(3)),), {}),
    "a leaf in a dict": ([{"a": VECTOR}], ({"a": np.ones(4)},), {}),
    "something in the empty tuple": ([()], ((1,),), {}),
    "in order, where strides were asked for": ([ROWS], (np.ones((2, 3)),), {}),
    "other strides": ([ROWS], (np.ones((2, 6))[:, ::2],), {}),
    "strides of another shape": ([ROWS], (np.ones((2, 4), order="F"),), {}),
    "strides of another dtype": ([ROWS], (np.ones((2, 3), np.int64, order="F"),), {}),
    "strides, unaligned": ([Array(f8, (2,), (16,))], (np.frombuffer(bytearray(33), np.uint8)[1:].view(f8)[::2],), {}),
}


@pytest.mark.parametrize("name", MISMATCHES)
def test_a_mismatch_goes_to_the_slow_path_as_it_came(name):
    arguments, args, kwargs = MISMATCHES[name]
    answer = entry([], arguments, Static("native"))
    slow, given, keywords = dispatcher(answer)(*args, **kwargs)
    assert slow == "slow" and answer.calls == 0
    assert len(given) == len(args) and all(one is other for one, other in zip(given, args, strict=True))
    assert keywords.keys() == kwargs.keys() and all(keywords[key] is kwargs[key] for key in kwargs)


class Hostile:
    """A key that has the hash of "a" and may not be compared."""

    def __hash__(self):
        return hash("a")

    def __eq__(self, other):
        raise ArithmeticError("compared")


def test_an_error_in_a_check_is_the_calls_outcome():
    guarded = entry([], [VECTOR], Static("native"), guards=[({Hostile(): 1}, "a", MARKER)])
    f = dispatcher(guarded, entry([], [Static(MARKER)], Static("second")))
    with pytest.raises(ArithmeticError, match="compared"):
        f(np.ones(3))
    assert f(MARKER) == "second"


def test_keys_that_are_no_texts_are_not_compared():
    assert dispatcher(entry([], [{"a": VECTOR}], Static("native")))({Hostile(): 1})[0] == "slow"


MATCHES = {
    "an unpickled array": ([VECTOR], (pickle.loads(pickle.dumps(np.ones(3))),), {}),
    "a read-only array that is only read": ([VECTOR], (read_only,), {}),
    "a contiguous view": ([VECTOR], (np.ones(9)[3:6],), {}),
    "the flat transpose of a row": ([Array(f8, (3, 1))], (np.ones((1, 3)).T,), {}),
    "an equal big int": ([Static(2**100)], (2**100 + len([]),), {}),
    "an equal str": ([Static("sum of squares")], ("".join(["sum ", "of squares"]),), {}),
    "keys that are other objects": ([{"a b": VECTOR}], ({" ".join("ab"): np.ones(3)},), {}),
    "dicts in a dict": ([{"a": {"b": VECTOR}, "c": VECTOR}], ({"a": {"b": np.ones(3)}, "c": np.ones(3)},), {}),
    "an equal key": ([{"a key": VECTOR}], ({"".join(["a ", "key"]): np.ones(3)},), {}),
    "no arguments": ([], (), {}),
    "ints": ([Scalar(int)] * 6, (0, 1, -1, 2**30, 2**53 - 1, -(2**53) + 1), {}),
    "the order of Fortran": ([ROWS], (np.ones((2, 3), order="F"),), {}),
    "strides of 0": ([Array(f8, (3, 2), (0, 8))], (np.broadcast_to(np.ones(2), (3, 2)),), {}),
    "objects": ([Static(MARKER), Static(None), Static(True), Static(np.sum)], (MARKER, None, True, np.sum), {}),
}


@pytest.mark.parametrize("name", MATCHES)
def test_a_match_is_answered_natively(name):
    arguments, args, kwargs = MATCHES[name]
    answer = entry([], arguments, Static("native"))
    assert dispatcher(answer)(*args, **kwargs) == "native"
    assert answer.calls == 1


def test_the_first_entry_that_matches_answers():
    entries = [entry([], [Array(f8, (n,))], Static(n)) for n in range(5)]
    entries += [entry([], [Array(f8, (2,))], Static("never")), entry([], [Scalar(float), Static(1)], Static("two"))]
    f = dispatcher(*entries)
    assert [f(np.ones(n)) for n in range(5)] == [0, 1, 2, 3, 4]
    assert f(1.0, 1) == "two"
    assert f(1.0)[0] == "slow"
    assert [answer.calls for answer in entries] == [1, 1, 1, 1, 1, 0, 1]


def test_a_kernel_that_does_not_apply_leaves_the_call_to_the_next_entry():
    result = (VECTOR, [Scalar(f8), {"a": VECTOR}])
    first = entry([("return if", 0, 7)], [VECTOR], result)
    second = entry([("copy", 1, 0, 24)], [VECTOR], VECTOR)
    f = dispatcher(first, second)
    same(f(np.ones(3)), np.ones(3))
    assert (first.calls, second.calls) == (0, 1)
    assert type(f(np.zeros(3))) is tuple
    assert (first.calls, second.calls) == (1, 1)
    f.entries = [first]
    assert f(np.ones(3))[0] == "slow"


# ---- keywords ------------------------------------------------------------------------------------------------------


def keyworded(**options):
    """The difference of two numbers that come by name, after one that does not."""
    steps = [("copy", 3, 1, 8), ("copy", 4, 2, 8), ("copy", 5, 0, 8)]
    results = [Scalar(float)] * 3
    return entry(steps, [Scalar(float)] * 3, results, keywords=("rate", "decay"), **options)


def test_keywords_come_in_any_order():
    answer = keyworded()
    f = dispatcher(answer)
    same(f(1.0, rate=2.0, decay=3.0), [2.0, 3.0, 1.0])
    same(f(1.0, decay=3.0, rate=2.0), [2.0, 3.0, 1.0])
    names = "".join(["ra", "te"]), "".join(["dec", "ay"])  # not the very objects
    same(f(1.0, **dict(zip(names, (2.0, 3.0), strict=True))), [2.0, 3.0, 1.0])
    same(f(*[1.0], **{"decay": 3.0, "rate": 2.0}), [2.0, 3.0, 1.0])
    assert answer.calls == 4


def test_keywords_whose_order_is_seen_come_in_that_order():
    answer = keyworded(ordered=True)
    f = dispatcher(answer)
    same(f(1.0, rate=2.0, decay=3.0), [2.0, 3.0, 1.0])
    assert f(1.0, decay=3.0, rate=2.0) == ("slow", (1.0,), {"decay": 3.0, "rate": 2.0})
    assert answer.calls == 1


@pytest.mark.parametrize(
    "args, kwargs",
    [
        ((1.0, 2.0, 3.0), {}),
        ((1.0, 2.0), {"decay": 3.0}),
        ((), {"x": 1.0, "rate": 2.0, "decay": 3.0}),
        ((1.0,), {"rate": 2.0}),
        ((1.0,), {"rate": 2.0, "delay": 3.0}),
        ((1.0,), {"rate": 2.0, "decay": 3.0, "more": 4.0}),
        ((1.0,), {"rate": 2.0, "decay": 3}),
        ((1.0,), {Text("rate"): 2.0, Text("decay"): 3.0}),
        ((), {"rate": 2.0, "decay": 3.0}),
    ],
    ids=str,
)
def test_other_keywords_go_to_the_slow_path(args, kwargs):
    answer = keyworded()
    assert dispatcher(answer)(*args, **kwargs) == ("slow", args, kwargs)
    assert answer.calls == 0


# ---- writes --------------------------------------------------------------------------------------------------------


def writing(steps=(("add", 2, 0, 1, 3),), **options):
    """x += y, with the sum as the result."""
    return entry(list(steps), [VECTOR, VECTOR], VECTOR, writes=[Write(0, 2)], **options)


def test_a_write_into_an_argument():
    answer = writing()
    f, x, y = dispatcher(answer), np.array([1.0, 2.0, 3.0]), np.ones(3)
    result = f(x, y)
    same(result, np.array([2.0, 3.0, 4.0]))
    same(x, result)
    assert not np.shares_memory(x, result)
    f(x, y)
    same(x, np.array([3.0, 4.0, 5.0]))
    same(y, np.ones(3))
    assert answer.calls == 2


def test_writes_from_the_workspace_from_outside_and_from_constants():
    constant, outside = np.array([7.0, 8.0, 9.0, 10.0]), np.array([4.0, 5.0, 6.0])
    writes = [Write(0, 4, 64), Write(1, constant, 8), Write(2, 3)]
    steps = [("add", 4, 0, 1, 1)]
    arguments = [VECTOR] * 3
    f = dispatcher(entry(steps, arguments, (), writes=writes, externals=[outside], workspace_bytes=100))
    f._slow_path = lambda *args: "slow"
    x, y, z = np.zeros((3, 3))
    assert f(x, y, z) == ()
    same(np.array(y), np.array([8.0, 9.0, 10.0]))
    same(np.array(z), outside)
    assert f(x, y, outside) == "slow"
    same(outside, np.array([4.0, 5.0, 6.0]))


def test_nothing_is_written_where_the_kernel_does_not_apply_or_memory_is_out():
    f = dispatcher(writing([("add", 2, 0, 1, 3), ("return if", 1, 1)]))
    x = np.zeros(3)
    assert f(x, np.ones(3))[0] == "slow" and not x.any()
    huge = entry([], [VECTOR], (VECTOR, Array(f8, (1 << 58,))), writes=[Write(0, 1)])
    with pytest.raises(MemoryError):
        dispatcher(huge)(x)
    assert not x.any()


def test_what_can_not_be_written_into_goes_to_the_slow_path():
    x = np.zeros(3)
    x.flags.writeable = False
    f = dispatcher(writing())
    assert f(x, np.ones(3))[0] == "slow" and not x.any()
    assert f(np.ones(3), x) is not None and f.entries[0].calls == 1


def test_arguments_that_overlap_with_what_is_written_go_to_the_slow_path():
    answer, memory = writing(), np.zeros(10)
    f = dispatcher(answer)
    for x, y in [
        (memory[:3], memory[:3]),
        (memory[:3], memory[2:5]),
        (memory[2:5], memory[:3]),
        (memory[:3], memory[0:3].view()),
    ]:
        assert f(x, y)[0] == "slow"
    x = memory[:3]
    assert f(x, x)[0] == "slow" and answer.calls == 0
    for x, y in [(memory[:3], memory[3:6]), (memory[3:6], memory[:3])]:
        same(f(x, y), np.zeros(3))
    assert answer.calls == 2


def test_a_target_that_overlaps_with_another_or_with_a_copied_argument_goes_to_the_slow_path():
    memory = np.zeros(10)
    both = entry([], [VECTOR, VECTOR], (), writes=[Write(0, np.ones(3)), Write(1, np.ones(3))])
    f = dispatcher(both)
    assert f(memory[:3], memory[2:5])[0] == "slow" and not memory.any()
    assert f(memory[:3], memory[3:6]) == () and memory.sum() == 6.0
    empty = entry([], [Array(f8, (0,))] * 2, (), writes=[Write(0, np.ones(0))])
    nothing = np.ones(0)
    assert dispatcher(empty)(nothing, nothing) == ()


@pytest.mark.parametrize(
    "arguments, writes",
    [([ROWS], [Write(0, np.ones((2, 3)))]), ([VECTOR, VECTOR], [Write(0, 1), Write(1, 0)])],
)
def test_writes_that_are_python_s(arguments, writes):
    with pytest.raises(ValueError, match="written by Python"):
        Entry(0, arguments, (), writes=writes)


# ---- strides, ints, arrays from outside ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    "x",
    [
        np.arange(6.0).reshape(2, 3).T,
        np.asfortranarray(np.arange(24.0).reshape(2, 3, 4)),
        np.arange(12.0)[::2],
        np.arange(12.0)[::-1],
        np.broadcast_to(np.arange(3.0), (2, 3)),
        np.arange(12.0, dtype=np.float32).reshape(3, 4)[:, 1:3],
    ],
    ids=lambda x: f"{x.shape}, {x.strides}",
)
def test_what_does_not_lie_in_order_is_copied(x):
    tree = Array(x.dtype, x.shape, x.strides)
    answer = entry([("copy", 1, 0, x.nbytes)], [tree], Array(x.dtype, x.shape))
    f, before = dispatcher(answer), sys.getrefcount(x)
    for _ in range(100):
        same(f(x), np.array(x, order="C"))
    assert answer.calls == 100 and sys.getrefcount(x) == before


@pytest.mark.parametrize(
    "number", [0, 1, -1, 255, 256, 257, -6, 2**30, -(2**30), 2**31, 2**52, 2**53 - 1, -(2**53) + 1]
)
def test_ints_go_in_and_come_out(number):
    answer = entry([("copy", 1, 0, 8), ("copy", 2, 0, 8)], [Scalar(int)], (Scalar(int), Scalar(np.int64)))
    same(dispatcher(answer)(number), (number, np.int64(number)))
    assert answer.calls == 1


def resized(x):
    x.resize(100_000, refcheck=False)


def reshaped(x):
    x.shape = (3, 1)


def of_another_dtype(x):
    x.dtype = np.int64


def with_fewer(x):
    x.resize(2, refcheck=False)


@pytest.mark.filterwarnings("ignore:Setting")
@pytest.mark.parametrize("change", [resized, reshaped, of_another_dtype, with_fewer])
def test_an_array_from_outside_that_changes_its_form(change):
    outside = np.array([1.0, 2.0, 3.0])
    answer = entry([("copy", 0, 1, 24)], [], VECTOR, externals=[outside])
    f = dispatcher(answer)
    same(f(), np.array([1.0, 2.0, 3.0]))
    change(outside)
    assert f()[0] == "slow" and answer.calls == 1


def test_an_array_from_outside_is_read_where_it_lies_now():
    outside = np.array([1.0, 2.0, 3.0])
    f = dispatcher(entry([("copy", 0, 1, 24)], [], VECTOR, externals=[outside]))
    same(f(), np.array([1.0, 2.0, 3.0]))
    outside.resize(1_000_000, refcheck=False)
    outside[:3] = 5.0
    assert f()[0] == "slow"
    outside.resize(3, refcheck=False)
    same(f(), np.full(3, 5.0))


def test_an_array_from_outside_that_does_not_lie_in_order():
    memory = np.arange(6.0)
    outside = memory[::2]
    f = dispatcher(entry([("copy", 0, 1, 24)], [], VECTOR, externals=[outside]))
    same(f(), np.array([0.0, 2.0, 4.0]))
    memory[:] = 1.0
    same(f(), np.ones(3))


# ---- guards --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("field", ["__code__", "__defaults__", "__kwdefaults__", "__mro__"])
def test_a_guard_on_a_field(field):
    def first(x=1.0, *, y=2.0): ...
    def second(x=3.0, *, y=4.0): ...

    base = type("Base", (), {})
    owner = type("Owner", (base,), {}) if field == "__mro__" else first
    f = dispatcher(entry([], [], Static("native"), guards=[(owner, field, getattr(owner, field))]))
    assert f() == "native"
    if field == "__mro__":
        owner.__bases__ = (type("Another", (), {}),)
    else:
        setattr(first, field, getattr(second, field))
    assert f()[0] == "slow"


def test_a_guard_on_a_cell():
    cell = types.CellType(MARKER)
    f = dispatcher(entry([], [], Static("native"), guards=[(cell, MARKER)]))
    assert f() == "native"
    cell.cell_contents = None
    assert f()[0] == "slow"
    del cell.cell_contents
    assert f()[0] == "slow"
    cell.cell_contents = MARKER
    assert f() == "native"


def test_a_guard_on_a_name():
    names = {"scale": MARKER, "shift": 1}
    f = dispatcher(entry([], [], Static("native"), guards=[(names, "scale", MARKER), (names, "shift", 1)]))
    assert f() == "native"
    names["scale"] = None
    assert f()[0] == "slow"
    del names["scale"]
    assert f()[0] == "slow"
    names["scale"] = MARKER
    assert f() == "native"


def test_a_guard_on_absence():
    names, cell = {}, types.CellType()
    f = dispatcher(entry([], [], Static("native"), guards=[(names, "sum", ABSENT), (cell, ABSENT)]))
    assert f() == "native"
    names["sum"] = None
    assert f()[0] == "slow"
    del names["sum"]
    assert f() == "native"
    cell.cell_contents = None
    assert f()[0] == "slow"


def test_a_guard_on_a_list():
    held = [MARKER, 1, "a"]
    f = dispatcher(entry([], [], Static("native"), guards=[(held, list(held))]))
    assert f() == "native"
    for change in (
        lambda: held.append(1),
        lambda: held.pop(0),
        held.clear,
        held.reverse,
        lambda: held.__setitem__(0, object()),
        lambda: held.__setitem__(slice(None), ()),
    ):
        change()
        assert f()[0] == "slow"
        held[:] = [MARKER, 1, "a"]
        assert f() == "native"


def test_a_guard_on_all_that_a_dict_holds():
    key = Hostile()  # which is not compared
    whole = {"b": 1, key: MARKER}
    held = dict(whole)
    f = dispatcher(entry([], [], Static("native"), guards=[(held, list(held.items()))]))
    for other in ({"b": 1}, {}, {key: MARKER, "b": 1}, {"c": 1, key: MARKER}, {"b": 2, key: MARKER}, {**whole, "c": 1}):
        assert f() == "native"
        held.clear()
        held.update(other)
        assert f()[0] == "slow"
        held.clear()
        held.update(whole)
    assert f() == "native"


def test_a_guard_on_an_attribute_of_a_class():
    class Base:
        scale = MARKER

    class Model(Base):
        pass

    guards = [(Base, "scale", MARKER), (Model, "scale", ABSENT)]
    f = dispatcher(entry([], [], Static("native"), guards=guards))
    assert f() == "native"
    Model.scale = MARKER
    assert f()[0] == "slow"
    del Model.scale
    assert f() == "native"
    Base.scale = 2
    assert f()[0] == "slow"
    del Base.scale
    assert f()[0] == "slow"
    Base.scale = MARKER
    assert f() == "native"


def test_a_guard_on_a_namespace():
    class Model:
        pass

    class Other:
        pass

    model = Model()
    model.scale = 1
    content = model.__dict__
    f = dispatcher(entry([], [], Static("native"), guards=[(model, content)]))
    assert f() == "native"
    model.__dict__ = {"scale": 1}
    assert f()[0] == "slow"
    model.__dict__ = content
    assert f() == "native"
    model.__class__ = Other
    assert f()[0] == "slow"
    model.__class__ = Model
    assert f() == "native"


def test_guards_that_are_python_s():
    class Model:
        __dict__ = {}

    for guard in [({1.5: 1}, 1.5, 1), (Model(), Model.__dict__)]:
        with pytest.raises(ValueError):
            Entry(0, [], (), guards=[guard])


def test_an_error_behind_a_guard_on_absence_is_no_match():
    f = dispatcher(entry([], [], Static("native"), guards=[({Hostile(): 1}, "a", ABSENT)]))
    with pytest.raises(ArithmeticError, match="compared"):
        f()


# ---- the callable --------------------------------------------------------------------------------------------------


def test_a_subclass_is_an_ordinary_class_that_is_called_natively():
    class Compiled(dispatcher_type()):
        def __init__(self, slow_path, name):
            super().__init__(slow_path)
            self.name = name

        def report(self):
            return f"{self.name}: {sum(answer.calls for answer in self.entries)} native calls"

    f = Compiled(lambda: "slow", "f")
    assert f() == "slow"
    f.entries = [entry([], [], Static("native"))]
    assert [f(), f(*[]), f(**{}), f.__call__()] == ["native"] * 4
    assert f.report() == "f: 4 native calls"
    assert type(f).__flags__ & 1 << 11  # HAVE_VECTORCALL: without it a call goes through a tuple of its arguments
    assert weakref.ref(f)() is f


def test_a_subclass_with_its_own_call_keeps_it():
    class Loud(dispatcher_type()):
        def __call__(self, *args):
            return "loud", super().__call__(*args)

    f = Loud(lambda *args: "slow")
    f.entries = [entry([], [Scalar(float)], Static("native"))]
    assert f(1.0) == ("loud", "native")
    assert f(1) == ("loud", "slow")


def test_an_error_of_the_slow_path_is_the_calls_error():
    def slow(x, *, axis):
        raise LookupError(x, axis)

    f = dispatcher_type()(slow)
    with pytest.raises(LookupError, match=r"\(1, 2\)"):
        f(1, axis=2)
    with pytest.raises(TypeError, match="axis"):
        f(1)


def test_a_slow_path_may_replace_the_entries_and_itself():
    f = dispatcher()

    def slow(x):
        f.entries = [entry([], [Scalar(float)], Static("native"))]
        f._slow_path = None
        return "slow"

    f._slow_path = slow
    del slow
    assert [f(1.0), f(1.0)] == ["slow", "native"]
    with pytest.raises(TypeError, match="not callable"):
        f(1)


def test_a_result_too_large_is_an_error():
    answer = entry([], [VECTOR], (VECTOR, Array(f8, (1 << 58,))))
    f = dispatcher(answer)
    for _ in range(3):
        with pytest.raises(MemoryError):
            f(np.ones(3))


@pytest.mark.parametrize(
    "arguments, results",
    [
        ([Scalar(np.longdouble)], ()),
        ([Triple(VECTOR, VECTOR)], ()),
        ([3.0], ()),
        ([Array(object, (3,))], ()),
        ([Array("datetime64[s]", (3,))], ()),
        ([Array(np.dtype(f8).newbyteorder(), (3,))], ()),
        ([], Triple(VECTOR, VECTOR)),
        ([Instance(Told, {"x": VECTOR})], ()),
        ([], Instance(Told, {"x": VECTOR})),
        ([], Instance(Triple, {"third": VECTOR})),
        ([], Array("U3", (3,))),
    ],
)
def test_what_has_no_native_form_is_refused(arguments, results):
    with pytest.raises(ValueError, match="no native form"):
        Entry(0, arguments, results)


def test_without_machine_code_every_call_takes_the_slow_path(monkeypatch):
    monkeypatch.setattr(dispatch, "available", lambda: False)

    class Compiled(dispatcher_type.__wrapped__()):
        pass

    f = Compiled(lambda *args, **kwargs: (args, kwargs))
    f.entries = [entry([], [Scalar(float)], Static("native"))]
    assert f(1.0, axis=2) == ((1.0,), {"axis": 2}) and len(f.entries) == 1


# ---- memory, threads, processes ------------------------------------------------------------------------------------


def blocks_kept_by(call, count=1_000_000):
    """How many blocks of memory stay allocated after many calls."""
    for _ in range(100):
        call()
    gc.collect()
    before = sys.getallocatedblocks()
    for _ in range(count):
        call()
    gc.collect()
    return sys.getallocatedblocks() - before


def test_a_million_calls_leave_nothing_behind():
    x, c, dtype, marker = np.ones(3), {"k": [np.ones(3)]}, np.dtype(f8), object()
    tree = (Scalar(f8), VECTOR, [{"a": VECTOR}], Static(marker), Given(0), Scalar(bool), Given(2))
    answer = entry([], [VECTOR, Scalar(float), {"k": [VECTOR]}], tree, workspace_bytes=64)
    f = dispatcher(answer)
    counted = [x, c, c["k"], c["k"][0], marker, dtype, None, True, False, f8, answer, f.entries[0]]
    before = [sys.getrefcount(one) for one in counted]  # some of them are used by everybody: a leak would be a million
    assert blocks_kept_by(lambda: f(x, 1.0, c)) < 1000
    after = [sys.getrefcount(one) for one in counted]
    assert answer.calls == 1_000_100
    assert max(abs(one - other) for one, other in zip(before, after, strict=True)) < 500_000


def every_kind():
    """A dispatcher, a call of it that uses all that there is, and the objects that take part in it."""

    class Model:
        scale = 1

    model, constant, outside, ordered = Model(), np.ones(3), np.ones(3), np.ones((2, 3), order="F")
    model.rate, held, named = 0.1, [object()], {"a": object()}
    guards = [
        (model, model.__dict__), (Model, "scale", Model.scale), (held, list(held)), (named, list(named.items())),
        (model.__dict__, "rate", model.rate),
    ]  # fmt: skip
    answer = entry(
        [("copy", 4, 2, 8), ("copy", 5, 1, 48), ("add", 6, 0, 3, 3)],
        [VECTOR, ROWS, Scalar(int), VECTOR], (Scalar(int), Array(f8, (2, 3)), VECTOR),
        keywords=("count", "step"), externals=[outside, outside[::-1]], guards=guards,
        writes=[Write(0, 6), Write(3, constant)],
    )  # fmt: skip
    f, x, step, number = dispatcher(answer), np.ones(3), np.zeros(3), 10**6

    def call():
        f(x, ordered, step=step, count=number)

    owners = [model, constant, outside, ordered, held, named, answer, f, x, step, number]
    return call, answer, [*owners, Model, model.__dict__, model.rate, held[0], named["a"]]


def test_calls_of_every_kind_leave_nothing_behind():
    call, answer, taking_part = every_kind()
    before = [sys.getrefcount(one) for one in taking_part]
    assert blocks_kept_by(call, 100_000) < 500
    after = [sys.getrefcount(one) for one in taking_part]
    assert answer.calls == 100_100
    assert max(abs(one - other) for one, other in zip(before, after, strict=True)) < 5


@pytest.mark.parametrize("release_gil", [False, True])
def test_calls_that_do_not_match_leave_nothing_behind(release_gil):
    refusing = entry(
        [("return if", 0, 1)], [VECTOR, [Scalar(float)]], [{"a": VECTOR}, Scalar(f8)], release_gil=release_gil
    )
    late = entry([], [VECTOR, [Static(1)]], VECTOR)
    f = dispatcher(refusing, late)
    f._slow_path = len
    x, numbers = np.ones(3), [1.0]
    before = sys.getrefcount(x), sys.getrefcount(numbers), sys.getrefcount(numbers[0])

    def call():
        try:
            f(x, numbers)
        except TypeError:
            pass

    assert blocks_kept_by(call, 100_000) < 1000
    after = sys.getrefcount(x), sys.getrefcount(numbers), sys.getrefcount(numbers[0])
    assert max(abs(one - other) for one, other in zip(before, after, strict=True)) < 5
    assert refusing.calls == late.calls == 0


def test_a_failure_half_way_leaves_nothing_behind():
    f = dispatcher(entry([], [VECTOR], (VECTOR, [VECTOR, Array(f8, (1 << 58,))])))
    x = np.ones(3)

    def call():
        try:
            f(x)
        except MemoryError:
            pass

    assert blocks_kept_by(call, 10_000) < 500


def test_running_out_of_memory_anywhere_is_an_error_and_leaves_nothing_behind():
    """The n-th allocation fails, for every n: each object made so far is given back once, and the next call answers."""
    hooks = pytest.importorskip("_testcapi")
    text = [("add", 2, 0, 0, 3), ("copy", 3, 1, 8), ("copy", 4, 1, 8), ("copy", 5, 1, 8)]
    tree = {"a": [(VECTOR, Scalar(f8), Given(0)), {"b": [Scalar(f8)], "e": Given(0)}], "c": {"d": (Scalar(f8),)}}
    answer = entry(text, [[VECTOR], Scalar(float)], tree)
    f, x = dispatcher(answer), [np.ones(3)]
    outcomes = []

    def fail_at(number):
        hooks.set_nomemory(number, number + 1)
        try:
            f(x, 1.0)
        except MemoryError:
            return False
        finally:
            hooks.remove_mem_hooks()
        return True

    def each():
        outcomes[:] = [fail_at(number) for number in range(30)]

    before = sys.getrefcount(x[0])
    assert blocks_kept_by(each, 200) < 100
    after = sys.getrefcount(x[0])
    assert after == before
    assert outcomes.count(False) >= 5 and outcomes.count(True) >= 5
    one = f8(1.0)
    same(f(x, 1.0), {"a": [(np.full(3, 2.0), one, x[0]), {"b": [one], "e": x[0]}], "c": {"d": (one,)}})


def test_cycles_are_collected():
    class Compiled(dispatcher_type()):
        def slow(self, *args):
            return "slow"

    f = Compiled(None)
    f._slow_path = f.slow
    constant = np.ones(3)
    cell = types.CellType(f)
    f.entries = [entry([], [], Static(constant), guards=[(cell, f)], externals=[constant], workspace_bytes=10**7)]
    assert f() is constant and f(1) == "slow"
    watched = [weakref.ref(one) for one in (f, f.entries[0], constant)]
    del f, cell, constant
    gc.collect()
    assert [ref() for ref in watched] == [None] * 3


def test_dispatchers_come_and_go():
    address, engine = kernel()
    numbers = {"calls": 0}

    class Compiled(dispatcher_type()):
        pass

    def live():
        f = Compiled(lambda: None)
        f.entries = [
            Entry(address, [VECTOR, {"a": [Static(1)]}], {"b": VECTOR}, keep=engine, guards=[(numbers, "calls", 0)])
        ]
        assert f(np.ones(3), {"a": [1]})["b"].shape == (3,)

    before = sys.getrefcount(Compiled)
    assert blocks_kept_by(live, 5000) < 500
    assert sys.getrefcount(Compiled) < before + 500


def test_eight_threads_at_once():
    """Each call leaves its number in the workspace, and reads it from there after a while."""
    big = 1000
    steps = [("copy", 3, 0, 8)] + [("add", 2, 1, 1, 100)] * 10 + [("copy", 2, 3, 8)]
    answer = entry(steps, [Array(f8, (1,)), Array(f8, (100,))], Array(f8, (100,)), workspace_bytes=64, release_gil=True)
    f = dispatcher(answer)
    wrong, data = [], np.ones(100)

    def work(number):
        mine = np.array([float(number)])
        for _ in range(big):
            result = f(mine, data)
            if result[0] != number or result[1] != 2.0:
                wrong.append(number)

    threads = [threading.Thread(target=work, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for _ in range(200):  # entries are replaced under way
        f.entries = [answer]
    for thread in threads:
        thread.join()
    assert wrong == [] and answer.calls == 8 * big


@pytest.mark.parametrize("kind", [list, dict])
def test_a_call_under_way_keeps_what_it_uses(kind):
    flag = np.zeros(1, np.int64)
    result = []
    f = dispatcher(
        entry(
            [("wait", 2), ("copy", 1, 0, 24)],
            [kind([(0, VECTOR)]) if kind is dict else [VECTOR]],
            VECTOR,
            externals=[flag],
            release_gil=True,
        )
    )
    held = weakref.ref(f.entries[0])
    array = np.array([1.0, 2.0, 3.0])
    arguments = [array] if kind is list else {0: array}
    array = weakref.ref(array)
    thread = threading.Thread(target=lambda: result.append(f(arguments)))
    thread.start()
    while sys.getrefcount(array()) < 3:  # the list's reference, and this call's: then the kernel holds one
        pass
    f.entries = ()
    arguments.clear()
    gc.collect()
    assert held() is not None and array() is not None
    flag[0] = 1
    thread.join()
    same(result[0], np.array([1.0, 2.0, 3.0]))
    assert held() is None and array() is None


def test_blocks_of_calls_at_the_same_time_are_given_back():
    flag, started = np.zeros(1, np.int64), np.zeros(1)
    answer = entry(
        [("add", 1, 0, 0, 1), ("return if", 0, 1), ("copy", 3, 0, 8), ("wait", 2)],
        [Array(f8, (1,))],
        Array(f8, (1,)),
        externals=[flag, started],
        workspace_bytes=10_000,
        release_gil=True,
    )
    f = dispatcher(answer)
    waiting = threading.Thread(target=f, args=(np.zeros(1),))
    started[0] = np.nan
    waiting.start()
    while started[0] != 0.0:
        pass
    x = np.ones(1)  # for which the kernel returns at once
    tracemalloc.start()
    try:
        for _ in range(1000):
            f(x)
        kept, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
        flag[0] = 1
        waiting.join()
    assert 10_000 < peak < 100_000 and kept < 10_000


PROGRAM = """
import os, sys
sys.path.insert(0, {tests!r})
import numpy as np
from test_dispatch import *
f = dispatcher(entry([("add", 1, 0, 0, 3)], [VECTOR], VECTOR))
assert f(np.ones(3))[0] == 2.0
{body}
"""


@pytest.mark.parametrize(
    "body",
    [
        "import builtins; builtins.last = f; f.itself = f",  # alive until the interpreter's very end
        "pid = os.fork()\nif not pid: os._exit(int(f(np.ones(3))[0] != 2.0 or f.entries[0].calls != 2))\n"
        "assert os.waitpid(pid, 0)[1] == 0 and f(np.ones(3))[0] == 2.0",
    ],
    ids=["exit", "fork"],
)
def test_processes_end_well(body):
    if "fork" in body and not hasattr(__import__("os"), "fork"):
        pytest.skip("this system does not fork")
    tests = __file__.rpartition("test_dispatch")[0]
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM.format(tests=tests, body=body)], capture_output=True, check=False
    )
    assert (done.returncode, done.stderr) == (0, b"")
