"""The graph that pictures and pages are made of says what the graph of variables says."""

from __future__ import annotations

import sys

import numpy as np
import pytest

from wengert import Variable, gradients
from wengert.core.linear import LinearMap, Parts
from wengert.view.graph import Graph, graph_of


def seed():
    a, b = Variable(4.0).set_name("a"), Variable(1.0).set_name("b")
    return graph_of((a - b) * (b + 1), (), sys._getframe(), "draw")


def network(W1, b1, W2, X, y):
    hidden = np.tanh(X @ W1 + b1)
    out = hidden @ W2
    return np.mean((out[:, 0] - y) ** 2) + 0.1 * np.linalg.slogdet(W2.T @ W2)[1]


def arguments():
    random = np.random.default_rng(0)
    return tuple(random.normal(size=shape) for shape in ((3, 4), (4,), (4, 2), (5, 3), (5,)))


def labels(graph):
    return {
        (graph.nodes[e.parent].symbol, graph.nodes[e.child].symbol): graph.label(e)
        for n in graph.nodes
        for e in n.edges
    }


def test_the_seeds_graph_as_a_teacher_writes_it():
    graph = seed()
    assert [(n.symbol, graph.formula(n), graph.formula_in_numbers(n), float(n.value)) for n in graph.nodes] == [
        ("a", "", "", 4.0),
        ("b", "", "", 1.0),
        ("v₁", "a - b", "4 - 1", 3.0),
        ("v₂", "b + 1", "1 + 1", 2.0),
        ("L", "v₁ · v₂", "3 · 2", 6.0),
    ]
    assert [float(graph.adjoint(n)) for n in graph.nodes] == [2.0, 1.0, 2.0, 3.0, 1.0]
    assert labels(graph) == {("v₁", "a"): "1", ("v₁", "b"): "-1", ("v₂", "b"): "1", ("L", "v₁"): "2", ("L", "v₂"): "3"}
    assert graph.chain_rule(graph.root.edges[0]) == ("∂L/∂L · v₂", "1 · 2", "product rule")


def test_edges_of_arrays_are_labelled_by_their_linear_maps():
    found = labels(graph_of(network, arguments(), None, "draw"))
    wanted = {
        ("v₁", "X"): "· W1ᵀ",
        ("v₁", "W1"): "Xᵀ ·",
        ("v₂", "b1"): "Σ axis 0",
        ("v₂", "v₁"): "1",
        ("hidden", "v₂"): "× (1 - hidden²)",
        ("v₄", "y"): "−1",
        ("v₅", "v₄"): "× (2 · v₄)",
        ("v₇", "W2"): "·ᵀ",
        ("v₁₀", "v₉"): "[1]",
        ("v₁₁", "v₁₀"): "0.1",
    }
    assert wanted.items() <= found.items()


def test_nodes_know_the_users_expressions():
    graph = graph_of(network, arguments(), None, "draw")
    by_symbol = {n.symbol: n for n in graph.nodes}
    assert by_symbol["hidden"].place.expression == "np.tanh(X @ W1 + b1)" and by_symbol["hidden"].is_named
    assert by_symbol["v₁"].place.expression == "X @ W1" and not by_symbol["v₁"].is_named
    assert by_symbol["X"].place is None and by_symbol["X"].is_input


def test_what_the_edges_bring_adds_up_to_the_adjoint():
    graph = graph_of(network, arguments(), None, "draw")
    found = gradients(graph.root.variable)
    for node in graph.nodes:
        if node.is_tuple or node is graph.root:
            continue
        brought = [graph.contribution(edge).value for edge in graph.uses[node.number]]
        assert not any(isinstance(value, Parts) for value in brought)
        np.testing.assert_allclose(sum(brought), graph.adjoint(node), rtol=1e-12)
        np.testing.assert_array_equal(graph.adjoint(node), found[node.variable])


def test_partials_are_local_gradients():
    graph = graph_of(network, arguments(), None, "draw")
    for node in graph.nodes:
        for edge in node.edges:
            partial = graph.partial(edge)
            assert isinstance(partial, LinearMap) or np.ndim(partial) <= 2
    graph = seed()
    assert [graph.partial(e) for e in graph.root.edges] == [2.0, 3.0]


def test_an_edge_along_which_nothing_flows_is_labelled_zero():
    x = Variable(np.array([1.0, 2.0]))
    y = np.copysign(Variable(np.array([3.0, 4.0])), x)
    graph = graph_of(np.sum(y), (), sys._getframe(), "draw")
    (edge,) = [e for e in graph.nodes[graph.number[y]].edges if graph.nodes[e.child].symbol == "x"]
    assert graph.label(edge) == "0" and graph.partial(edge) == 0.0 and graph.contribution(edge) is None


def test_what_is_no_real_scalar_has_labels_and_no_adjoints():
    x = Variable(np.array([1.0, 2.0])).set_name("x")
    graph = graph_of(np.exp(x), (), sys._getframe(), "draw")
    assert not graph.has_adjoints and graph.adjoint(graph.nodes[0]) is None
    assert graph.label(graph.root.edges[0]) == "× exp(x)"
    z = graph_of(Variable(1 + 2j) * 2, (), sys._getframe(), "draw")
    assert not z.has_adjoints


def test_a_leaf_is_a_graph():
    graph = graph_of(Variable(3.0), (), sys._getframe(), "draw")
    assert [n.symbol for n in graph.nodes] == ["L"] and graph.uses == [[]]


def test_a_variable_used_twice_in_one_call_has_two_edges():
    x = Variable(3.0)
    graph = graph_of(x * x, (), sys._getframe(), "draw")
    assert (
        [(e.child, e.position) for e in graph.root.edges]
        == [(0, 0), (0, 1)]
        == [(e.child, e.position) for e in graph.uses[0]]
    )
    assert isinstance(graph, Graph)


@pytest.mark.parametrize("output, args", [(3.0, ()), (lambda x: None, (1.0,)), (Variable(1.0), (2.0,))])
def test_what_has_no_graph_is_an_error(output, args):
    with pytest.raises(TypeError, match="draw"):
        graph_of(output, args, sys._getframe(), "draw")
