"""A recording knows the place in the user's code where each node was made, and what that code called its values."""

from __future__ import annotations

import sys

import numpy as np
import pytest

from wengert import Variable, grad
from wengert.core.sweep import order
from wengert.view.recording import Recording, is_library, recorded


def layer(W, h):
    z = W @ h
    return np.tanh(z)


def network(W, x):
    h = x
    for _ in range(2):
        h = layer(W, h)
    total = np.sum(h * h)
    return total


def places(recording, root):
    return {n: recording.place(n) for n in order([root.node])}


def test_each_operation_has_the_expression_that_made_it():
    recording = recorded(network, (Variable(np.eye(2)), Variable(np.ones(2))))
    found = [p and (p.expression, p.function) for p in places(recording, recording.value).values()]
    in_layer = [("W @ h", "layer"), ("np.tanh(z)", "layer")]
    assert found == [None, None, *in_layer, *in_layer, ("h * h", "network"), ("np.sum(h * h)", "network")]


def test_places_tell_the_calls_that_were_open():
    recording = recorded(network, (Variable(np.eye(2)), Variable(np.ones(2))))
    calls = [p.calls for p in places(recording, recording.value).values() if p]
    assert [[call.name for call in open_] for open_ in calls] == [["network", "layer"]] * 4 + [["network"]] * 2
    assert calls[0] == calls[1] != calls[2] == calls[3]  # each call is one of its own


def test_places_name_the_file_and_the_line():
    recording = recorded(layer, (Variable(np.eye(2)), np.ones(2)))
    place = recording.place(recording.value)
    assert place.file == __file__ and place.source == "    return np.tanh(z)"
    assert str(place) == f"{__file__}:{layer.__code__.co_firstlineno + 2} in layer"


def test_what_was_there_before_and_what_comes_after_have_no_place():
    a = Variable(2.0)
    with Recording() as recording:
        b = a * a
    c = b + a
    assert recording.place(a) is None and recording.place(c) is None
    assert recording.place(b).expression == "a * a"


def test_names_are_those_of_the_code_also_if_assigned_again():
    recording = recorded(network, (Variable(np.eye(2)), Variable(np.ones(2))))
    names = {id(value): name for name, value in reversed(recording.names)}
    assert [names.get(id(n)) for n in order([recording.value])] == ["W", "x", "z", "h", "z", "h", None, "total"]


def test_names_of_a_block_are_those_that_it_assigned():
    with Recording() as recording:
        first = Variable(2.0)
        second = first * 3
    named = {id(value): name for name, value in reversed(recording.names)}
    assert named[id(first)] == "first" and named[id(second)] == "second"


def test_the_hook_is_gone_afterwards_also_after_an_exception():
    before = sys.getprofile()
    with pytest.raises(ZeroDivisionError):
        recorded(lambda x: x / (1 // 0), (Variable(1.0),))
    assert sys.getprofile() is before


def test_a_profiler_that_was_running_goes_on():
    import cProfile
    import pstats

    def work(x):
        return x * x

    profiler = cProfile.Profile()
    profiler.enable()
    recorded(work, (Variable(2.0),))
    is_library("after.py")
    order([Variable(1.0)])
    profiler.disable()
    assert any(name == "order" for _, _, name in pstats.Stats(profiler).stats)


def test_a_function_of_the_library_has_the_place_of_whoever_calls_it():
    def slope(x):
        return grad(lambda y: y**3)(x)

    recording = recorded(slope, (Variable(2.0),))
    assert {p.function.rpartition(".")[2] for p in places(recording, recording.value).values() if p} <= {
        "slope",
        "<lambda>",
    }


def test_numpy_and_python_are_not_the_user():
    assert is_library(np.__file__) and is_library(order.__code__.co_filename) and not is_library(__file__)
