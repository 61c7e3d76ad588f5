"""Pictures: what stands in them, how graphs fold, the files, and what notebooks show."""

from __future__ import annotations

import pathlib
import re
import subprocess
import sys
import types
import xml.etree.ElementTree as ET

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import wengert
import wengert.numpy
from wengert import Variable, draw
from wengert.view.graph import graph_of
from wengert.view.pictures.drawing import card_of, drawn, heat_map, width
from wengert.view.pictures.folding import MANY, Box, Item, fold, scene

PICTURES = pathlib.Path(__file__).parent / "pictures"
SVG = "{http://www.w3.org/2000/svg}"


def seed():
    a, b = Variable(4.0).set_name("a"), Variable(1.0).set_name("b")
    return (a - b) * (b + 1)


def two_layers(W1, b1, W2, X, y):
    hidden = np.tanh(X @ W1 + b1)
    out = hidden @ W2
    return np.mean((out[:, 0] - y) ** 2)


LAYERS = tuple(np.linspace(-1, 1, int(np.prod(s))).reshape(s) for s in ((3, 4), (4,), (4, 2), (5, 3), (5,)))


def cell(W, U, b, h, x):
    return np.tanh(W @ h + U @ x + b)


def rnn(W, U, b, X):
    h = np.zeros(3)
    for x in X:
        h = cell(W, U, b, h, x)
    return np.sum(h**2)


def rnn_arguments(steps):
    random = np.random.default_rng(0)
    return random.normal(size=(3, 3)), random.normal(size=(3, 2)), np.zeros(3), random.normal(size=(steps, 2))


def texts(svg):
    return [element.text for element in ET.fromstring(svg).iter(f"{SVG}text")]


# -- what stands in a picture ------------------------------------------------------------------------------------------


def test_the_seeds_picture():
    found = texts(draw(seed()).svg)
    assert found[:3] == ["a", "4", "∂L/∂a = 2"] and "L = v₁ · v₂" in found
    assert sorted(found[-5:]) == ["-1", "1", "1", "2", "3"]  # the edges' local gradients


@pytest.mark.parametrize("name", ["seed", "two_layers", "rnn"])
def test_pictures_are_as_they_were_looked_at(name):
    picture = {
        "seed": lambda: draw(seed()),
        "two_layers": lambda: draw(two_layers, *LAYERS),
        "rnn": lambda: draw(rnn, *rnn_arguments(100)),
    }[name]()
    # places in the user's code and digits of the last order depend on the machine; the drawing does not
    assert skeleton(picture.svg) == skeleton((PICTURES / f"{name}.svg").read_text())


def skeleton(svg):
    """All shapes with their places, and the words but for numbers and files."""
    svg = re.sub(r"\ncomputed at [^<]*", "", svg)
    svg = re.sub(r'fill-opacity="[\d.]+"', "", svg)
    return re.sub(r"-?\d+\.\d+(e-?\d+)?(?=[^<>]*<)", "#", svg)


def test_arrays_have_shapes_norms_and_heat_maps():
    graph = graph_of(two_layers, LAYERS, None, "draw")
    (hidden,) = [n for n in graph.nodes if n.symbol == "hidden"]
    card = card_of(graph, Item("node", hidden.number))
    assert [line.text.partition(" = ")[0] for line in card.lines] == ["hidden", "(5, 4) float64", "‖∂L/∂hidden‖"]
    assert [each.shape for each in card.maps] == [(5, 4), (5, 4)] and "np.tanh" not in card.told
    assert "test_draw.py" in card.told


def test_heat_maps_keep_signs_show_what_is_not_finite_and_stay_small():
    assert heat_map(np.array([2.0, -4.0, 0.0])).tolist() == [[0.5, -1.0, 0.0]]
    assert np.isnan(heat_map(np.array([1.0, np.inf]))[0, 1])
    assert heat_map(np.ones((100, 3, 50))).shape == (12, 12)
    assert not np.any(heat_map(np.zeros((2, 2))))


def test_inputs_used_often_are_drawn_at_each_use_and_others_once():
    x = Variable(2.0).set_name("x")
    few = draw(x * x + x).svg
    often = draw(np.sin(x) + np.cos(x) * np.tan(x) - np.exp(x)).svg
    assert texts(few).count("x") == 1 and texts(often).count("x") == 4


def test_several_outputs_complex_numbers_and_empty_arrays_are_drawn():
    A = Variable(np.eye(2)).set_name("A")
    assert "eigh(A)[1]" in " ".join(texts(draw(np.sum(np.linalg.eigh(A)[1])).svg))
    assert "slogdet(A)" in " ".join(texts(draw(np.linalg.slogdet(A)[1]).svg))
    assert texts(draw(Variable(1 + 2j).set_name("z") * 2).svg)[:2] == ["z", "1 + 2i"]
    assert "(0,) float64" in texts(draw(np.sum(Variable(np.zeros(0)).set_name("e"))).svg)
    assert "nan" in texts(draw(Variable(np.nan) * 2).svg)


def test_what_is_no_real_scalar_has_no_adjoints():
    assert not any("∂" in text for text in texts(draw(Variable(np.ones(2)) * 2).svg))


@pytest.mark.parametrize("name", ["<script>alert(1)</script>", 'a"b&c', "x" * 300, "näme 変数", "a\x00b\x1b", "$x^2$"])
def test_any_name_can_stand_in_a_picture(name, tmp_path):
    x = Variable(2.0).set_name(name)
    picture = draw(x * 3)
    ET.fromstring(picture.svg)
    assert "<script" not in picture.svg
    picture.save(tmp_path / "p.png")
    assert picture.dot.count("label=") == 3


@pytest.mark.parametrize("name", ["a\x00b\x1b", "a\ud800b", "<b>&\"'", "y" * 5000])
def test_any_name_can_be_the_results(name, tmp_path):
    picture = draw((Variable(2.0).set_name(name) * 3).set_name(name))
    ET.fromstring(picture.svg)
    assert picture.text.replace("\n", "").isprintable()
    for ending in ("svg", "png", "dot"):
        picture.save(tmp_path / f"p.{ending}")


def test_the_picture_is_described_in_words():
    (described,) = ET.fromstring(draw(seed()).svg).findall(f"{SVG}desc")
    assert described.text.startswith("5 cards and 5 edges")
    assert "L = v₁ · v₂, 6, ∂L/∂L = 1" in described.text


def test_signs_in_heat_maps_are_seen_without_colour():
    values = np.array([-1.0, -0.5, -0.01, 0.0, np.nan, 1.0])
    svg = draw(Variable(values).set_name("x") * 2).svg
    found = [path.get("class", "") for path in ET.fromstring(svg).iter(f"{SVG}path")]
    minuses = [kind for kind in found if kind.startswith("minus")]
    assert minuses == ["minus on-strong", "minus"] * 2  # in two maps: -0.5 is no strong cell, -0.01 shows none
    assert found.count("missing") == 2


def test_the_picture_is_for_light_dark_and_paper():
    svg = draw(seed()).svg
    assert "prefers-color-scheme: dark" in svg and "@media print" in svg and 'role="img"' in svg
    assert "http" not in svg.replace("http://www.w3.org/2000/svg", "")


# -- folding ----------------------------------------------------------------------------------------------------------


def leaves(box):
    for member in box.members:
        if isinstance(member, Box):
            yield from leaves(member)
        else:
            yield member


def all_boxes(box):
    for member in box.members:
        if isinstance(member, Box):
            yield member
            yield from all_boxes(member)


def random_graph(codes):
    functions = [np.sin, np.cos, lambda x: x * 0.5, lambda x: x + y, np.tanh]
    y = x = Variable(0.5).set_name("x")
    for code in codes:
        x = functions[code](x)
    return graph_of(x * 1.0, (), sys._getframe(), "draw")


@given(st.lists(st.integers(0, 4), max_size=300), st.integers(1, 12))
def test_each_node_stands_in_one_place(codes, times):
    graph = random_graph((codes * times)[:1500])
    whole = fold(graph)
    assert sorted(leaves(whole)) == [n.number for n in graph.nodes if not n.is_input]
    for box in (whole, *all_boxes(whole)):
        assert list(leaves(box)) == list(box.nodes) and len(box.members) <= MANY


@given(st.lists(st.integers(0, 4), min_size=1, max_size=60))
def test_an_opened_picture_has_every_edge(codes):
    graph = random_graph(codes)
    seen = scene(graph, fold(graph).members, lambda box: True)
    assert sum(len(link.edges) for link in seen.links) == sum(len(n.edges) for n in graph.nodes)
    assert all(item.role in ("node", "input") for item in seen.items)
    assert [item.member for item in seen.items if item.role == "node"] == [
        n.number for n in graph.nodes if not n.is_input
    ]


def test_calls_and_loops_fold_into_one_box_with_a_count():
    graph = graph_of(rnn, rnn_arguments(100), None, "draw")
    whole = fold(graph)
    (steps,) = [m for m in whole.members if isinstance(m, Box) and m.kind == "repeat"]
    assert steps.title == "cell()" and steps.count == 99  # the first step multiplies zeros that are no variable
    assert {m.key for m in steps.members} == {steps.members[0].key} and len(whole.members) < 10
    assert any("cell() × 99" in text for text in texts(draw(rnn, *rnn_arguments(100)).svg))


def test_without_a_recording_repeats_are_found_by_what_they_compute():
    graph = graph_of(rnn(*map(Variable, rnn_arguments(100))), (), sys._getframe(), "draw")
    (steps,) = [m for m in fold(graph).members if isinstance(m, Box)]
    assert (steps.kind, steps.count) == ("repeat", 99) and len(steps.members[0].nodes) == 6


def test_loops_within_loops_fold_within_boxes():
    x = Variable(1.0)
    for _ in range(20):
        for _ in range(5):
            x = np.sin(x) * 2
        x = np.cos(x) / 3
    whole = fold(graph_of(x, (), sys._getframe(), "draw"))
    (outer,) = [m for m in whole.members if isinstance(m, Box)]
    (inner,) = [m for m in outer.members[0].members if isinstance(m, Box)]
    assert (outer.count, inner.count) == (20, 5)


def test_a_box_that_ends_in_the_result_tells_it():
    x = Variable(0.5).set_name("x")
    for _ in range(100):
        x = np.sin(x) * 1.0
    found = texts(draw(x).svg)
    assert "× 100" in found[-3] and found[-1] == "x₂ = 0.162675"


def test_small_graphs_are_shown_as_they_are():
    graph = graph_of(rnn, rnn_arguments(3), None, "draw")
    assert not any(isinstance(m, Box) for m in fold(graph).members)


def test_crowds_of_inputs_stand_in_one_box():
    xs = [Variable(float(i)).set_name(f"x{i}") for i in range(1000)]
    graph = graph_of(sum(x * 2.0 for x in xs), (), sys._getframe(), "draw")
    assert len(scene(graph, fold(graph).members).items) < MANY
    graph = graph_of(wengert.numpy.sum(wengert.numpy.stack(xs)), (), sys._getframe(), "draw")
    (box,) = [item.member for item in scene(graph, fold(graph).members).items if item.role == "box"]
    assert (box.title, box.count, len(box.nodes)) == ("x0 … x999", 1000, 1000) and len(box.members) <= MANY


def test_never_more_than_many_boxes_unless_asked():
    random = np.random.default_rng(0)
    graph = random_graph(random.integers(0, 5, 3000))
    seen = scene(graph, fold(graph).members)
    assert len(seen.items) <= 2 * MANY and len(scene(graph, fold(graph).members, lambda box: True).items) > 3000
    drawing = drawn(graph, seen)
    assert len(drawing.cards) == len(seen.items)


# -- files, notebooks, errors ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("ending", "start"), [("svg", b"<svg"), ("png", b"\x89PNG"), ("dot", b"digraph")])
def test_files(tmp_path, ending, start):
    path = tmp_path / f"graph.{ending}"
    draw(seed(), str(path))
    assert path.read_bytes().startswith(start)
    draw(two_layers, *LAYERS, path=path)
    assert path.read_bytes().startswith(start)


def test_a_path_is_looked_at_before_anything_is_computed(tmp_path):
    called = []
    with pytest.raises(ValueError, match=r"\.svg, \.png or \.dot"):
        draw(called.append, 1.0, path="graph.jpg")
    assert not called
    with pytest.raises(FileNotFoundError):
        draw(seed(), tmp_path / "missing" / "graph.svg")


def test_what_has_no_graph_is_an_error():
    with pytest.raises(TypeError, match="draw needs a Variable"):
        draw(3.0)
    with pytest.raises(TypeError, match="draw takes a function"):
        draw(seed(), 2.0)


def test_png_without_matplotlib_says_what_to_install(tmp_path):
    code = (
        "import sys; sys.modules['matplotlib'] = None\n"
        "import wengert\n"
        "L = wengert.Variable(2.0) * 3\n"
        "wengert.draw(L, 'a.svg')\n"
        "try: wengert.draw(L, 'a.png')\n"
        "except ImportError as error: assert 'wengert[plot]' in str(error)\n"
        "else: raise SystemExit('no error')\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True, cwd=tmp_path)


def test_notebooks_show_pictures():
    L = seed()
    bundle = L._repr_mimebundle_()
    assert bundle["image/svg+xml"].startswith("<svg") and bundle["text/plain"] == repr(L)
    assert set(draw(L)._repr_mimebundle_()) == {"text/html", "image/svg+xml", "text/plain"}
    assert set(Variable(2.0)._repr_mimebundle_()) == {"text/plain"}
    L.backward()
    assert set(L._repr_mimebundle_()) == {"text/plain"}  # the graph was let go


def test_a_shell_in_a_terminal_makes_no_pictures_and_notebooks_know_their_names(monkeypatch):
    x = Variable(2.0)
    y = x * 3
    shell = types.SimpleNamespace(user_ns={"speed": x, "power": y})
    monkeypatch.setitem(sys.modules, "IPython", types.SimpleNamespace(get_ipython=lambda: shell))
    assert set(y._repr_mimebundle_()) == set(draw(y)._repr_mimebundle_()) == {"text/plain"}
    shell.kernel = None
    assert "power = speed · 3" in texts(y._repr_mimebundle_()["image/svg+xml"])


def test_notebooks_do_not_draw_very_large_graphs_unasked():
    x = Variable(1.0)
    for _ in range(6000):
        x = x * 1.0
    assert set(x._repr_mimebundle_()) == {"text/plain"}


def test_the_text_is_cut_where_it_is_long():
    x = Variable(1.0)
    for _ in range(200):
        x = np.sin(x)
    assert "values left out" in draw(x).text and len(draw(x).text.splitlines()) == 56


def test_drawing_leaves_the_graph_as_it_was():
    L = seed()
    draw(L)
    assert float(wengert.gradients(L)[L.children[0]]) == 2.0


def test_texts_are_measured_about_right():
    assert width("iiii", 10) < width("aaaa", 10) < width("MMMM", 10)
