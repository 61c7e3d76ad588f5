"""Memory: graphs go as a sweep consumes them, training leaves nothing behind, and there are no cycles to collect."""

from __future__ import annotations

import gc
import tracemalloc
import weakref

import numpy as np
import pytest

from wengert import Variable, checkpoint, grad, gradients, hessian, jvp, linearize, primitive, value_and_grad, vjp

LARGE = np.linspace(0.1, 1.0, 400_000)  # 3.2 MB: graphs of some of them are worth freeing node by node


@pytest.fixture
def no_collector():
    """Only reference counts free anything."""
    gc.collect()
    gc.disable()
    yield
    gc.enable()


def peak_of(function):
    tracemalloc.start()
    function()
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    return peak


# -- while a sweep runs -----------------------------------------------------------------------------------------------


def spying(alive):
    """The identity, whose rule counts how many of the watched nodes live when the sweep comes by."""

    def rule(out, x, *, nodes):
        alive.append(sum(node() is not None for node in nodes))
        return 1.0

    return primitive(lambda x, *, nodes: x, rule)


def test_nodes_are_let_go_as_the_sweep_passes():
    alive: list[int] = []
    spy = spying(alive)

    def f(x):
        nodes: list = []
        for _ in range(8):
            x = spy(x * 2.0, nodes=nodes)
            nodes.append(weakref.ref(x))
        return np.sum(x)

    np.testing.assert_array_equal(grad(f)(LARGE), 256.0 * np.ones(LARGE.size))
    assert len(alive) == 8
    assert alive == sorted(alive, reverse=True)
    assert alive[-1] <= 2, "the nodes behind the sweep are gone"


def test_the_peak_of_a_sweep_is_that_of_the_forward_run():
    def f(x):
        for _ in range(20):
            x = x * 1.001
        return np.sum(x)

    forward = peak_of(lambda: vjp(f, LARGE))  # the values of 20 operations
    both = peak_of(lambda: grad(f)(LARGE))
    assert both < forward + 4 * LARGE.nbytes


def test_checkpoint_saves_memory():
    def block(x):
        for _ in range(10):
            x = np.sin(x)
        return x

    def chain(step):
        def f(x):
            for _ in range(10):
                x = step(x)
            return np.sum(x)

        return f

    assert peak_of(lambda: grad(chain(checkpoint(block)))(LARGE)) < 0.4 * peak_of(lambda: grad(chain(block))(LARGE))


def test_backward_frees_the_graph_and_keep_keeps_it():
    a = Variable(np.ones(3))
    inner = np.sin(a)
    seen = weakref.ref(inner)
    loss = np.sum(inner)
    del inner
    loss.backward(keep=True)
    assert seen() is not None
    loss.backward()
    assert seen() is None
    assert loss.val == pytest.approx(3 * np.sin(1.0))


def test_forward_mode_drops_tangents_that_are_not_needed_any_more():
    def f(x):
        for _ in range(30):
            x = x * 1.001
        return np.sum(x)

    _, push = linearize(f, LARGE)
    assert peak_of(lambda: push(LARGE)) < 8 * LARGE.nbytes


# -- afterwards -------------------------------------------------------------------------------------------------------


def loss(p):
    hidden = np.tanh(p["w"] @ np.ones(3) + p["b"])
    return np.sum(np.where(hidden > 0, np.sqrt(np.abs(hidden)), 0.0)) + np.sum(p["w"][[0, 0]]) ** 2


PARAMETERS = {"w": np.full((4, 3), 0.1), "b": np.zeros(4)}


def written(x):
    y = x * 1
    view = y[1:]
    view[0] = y[0] * 2
    return np.sum(y**2)


def refused():
    with pytest.raises(TypeError):
        grad(lambda x: x * 2)(np.ones(2))


USES = {
    "grad": lambda: grad(loss)(PARAMETERS),
    "value_and_grad": lambda: value_and_grad(loss)(PARAMETERS),
    "jvp": lambda: jvp(loss, (PARAMETERS,), (PARAMETERS,)),
    "vjp": lambda: vjp(loss, PARAMETERS)[1](1.0),
    "hessian": lambda: hessian(lambda x: np.sum(np.tanh(x) ** 3))(np.ones(3)),
    "nested": lambda: grad(lambda x: x * grad(lambda y: x * y**2)(x))(2.0),
    "checkpoint": lambda: grad(lambda x: np.sum(checkpoint(np.sin)(x)))(np.ones(3)),
    "several outputs": lambda: grad(lambda x: np.modf(x)[0] * 2.0)(1.5),
    "in place": lambda: grad(written)(np.ones(3)),
    "true zeros": lambda: grad(lambda x: np.where(x > 0, np.sqrt(x), 0.0))(0.0),
    "gradients": lambda: gradients(np.sin(Variable(1.0)) * 2.0),
    "backward": lambda: (np.sin(Variable(1.0)) * 2.0).backward(),
    "edges": lambda: (Variable(1.0) * 2.0).local_gradients,
    "names": lambda: (Variable(1.0) * 2.0).name,
    "an error": refused,
}


@pytest.mark.parametrize("use", USES)
def test_reference_counts_free_everything(use, no_collector):
    with np.errstate(all="ignore"):
        USES[use]()  # the first call fills caches
        gc.collect()
        before = sum(isinstance(x, Variable) for x in gc.get_objects())
        for _ in range(3):
            USES[use]()
        after = sum(isinstance(x, Variable) for x in gc.get_objects())
    assert after == before


def test_a_result_keeps_no_graph_alive(no_collector):
    nodes = []

    def f(x):
        y = np.sin(x) * 2.0
        nodes.append(weakref.ref(y))
        return np.sum(y)

    results = [grad(f)(np.ones(3)), value_and_grad(f)(np.ones(3)), jvp(f, (np.ones(3),), (np.ones(3),))]
    assert len(results) == 3
    assert [node() for node in nodes] == [None] * 3


def test_twenty_thousand_training_steps_leave_memory_flat():
    rng = np.random.default_rng(0)
    data, target = rng.normal(size=(8, 3)), rng.normal(size=8)

    def step(p):
        gradient = grad(lambda p: np.mean((data @ p["w"] + p["b"] - target) ** 2))(p)
        return {key: p[key] - 0.01 * gradient[key] for key in p}

    p = {"w": np.zeros(3), "b": 0.0}
    for _ in range(500):
        p = step(p)
    gc.collect()
    objects = len(gc.get_objects())
    tracemalloc.start()
    before, _ = tracemalloc.get_traced_memory()
    for _ in range(1000):
        p = step(p)
    gc.collect()
    after, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert after - before < 20_000
    assert peak - before < 200_000
    for _ in range(20_000):
        p = step(p)
    gc.collect()
    assert abs(len(gc.get_objects()) - objects) < 100
    assert np.mean((data @ p["w"] + p["b"] - target) ** 2) < np.mean(target**2)


def test_twenty_thousand_steps_with_the_seeds_variables(no_collector):
    w = Variable(0.0)
    for _ in range(200):
        ((w * 2.0 - 3.0) ** 2).backward()
        w.grad = None
    objects = len(gc.get_objects())
    for _ in range(20_000):
        ((w * 2.0 - 3.0) ** 2).backward()
        w = Variable(w.val - 0.1 * w.grad)
    assert abs(len(gc.get_objects()) - objects) < 50
    assert w.val == pytest.approx(1.5)
