"""The explorer's page as a file: its data is exact and bounded, says what it leaves out, and can do nothing but show it."""

from __future__ import annotations

import base64
import json
import re
import subprocess
import sys
import webbrowser
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from test_laws import SAMPLES

from wengert import Variable, explore, gradients
from wengert.core.trees import flatten
from wengert.view.explorer.carried import BUDGET, WHOLE
from wengert.view.explorer.page_data import programmed

MODEL = '''import numpy as np


def unused():
    """A secret that no page needs."""


def cell(h, x):
    return np.tanh(h * x)


def loss(x, y=2.0):
    h = cell(x, y)
    h = cell(h, y)
    return h + x
'''


def data_of(page):
    (found,) = re.findall(r'<script type="application/json" id="data">(.*?)</script>', page.html, re.DOTALL)
    return json.loads(found)


def array_of(data, entry):
    entry = data["arrays"][entry["array"]]
    kind = {"f8": "<f8", "f4": "<f4", "c16": "<c16", "u1": "u1"}[entry["kind"]]
    found = np.frombuffer(base64.b64decode(entry["data"]), kind)
    return found.reshape([len(axis) for axis in entry["at"]] if "at" in entry else entry["shape"]), entry


def seed(a, b):
    return (a - b) * (b + 1)


@pytest.fixture
def model(tmp_path):
    path = tmp_path / "model.py"
    path.write_text(MODEL)
    return path


def test_numbers_are_carried_exactly():
    values = [0.1 + 0.2, -0.0, 5e-324, 1.7976931348623157e308, np.nan, np.inf, -np.inf]
    x = np.array(values)
    with np.errstate(all="ignore"):
        data = data_of(explore(lambda x, *rest: np.sum(x) + sum(rest), x, *values))
    found, _ = array_of(data, data["value"][0])
    assert found.tobytes() == x.tobytes()
    assert [repr(float(v)) for v in data["value"][1 : 1 + len(values)]] == [repr(v) for v in values]


@pytest.mark.parametrize("dtype", ["float16", "float32", "float64", "complex64", "complex128"])
def test_arrays_of_every_dtype(dtype):
    x = (np.arange(6).reshape(2, 3) + (1j if dtype[0] == "c" else 0)).astype(dtype) / 7
    data = data_of(explore(lambda x: np.sum(np.abs(x) ** 2), np.asfortranarray(x)))
    found, entry = array_of(data, data["value"][0])
    np.testing.assert_array_equal(found, x.astype(found.dtype))
    assert entry["dtype"] == dtype


def test_adjoints_and_contributions_are_those_of_the_sweep():
    W, x = np.random.default_rng(0).normal(size=(3, 4)), np.random.default_rng(1).normal(size=4)
    variables = Variable(W), Variable(x)
    loss = np.sum(np.tanh(variables[0] @ variables[1]) * 2)
    found = gradients(loss)
    data = data_of(explore(loss))
    for node, variable in enumerate(variables):
        np.testing.assert_array_equal(array_of(data, data["adjoint"][node])[0], found[variable])
        (edge,) = [e for e, child in enumerate(data["child"]) if child == node]
        np.testing.assert_array_equal(array_of(data, data["brought"][edge])[0], found[variable])


def test_large_arrays_are_sampled_and_the_page_stays_bounded():
    x = np.random.default_rng(0).normal(size=(1000, 1000))
    x[3, 4] = np.inf
    page = explore(lambda x: np.sum(x * x), x)
    data = data_of(page)
    found, entry = array_of(data, data["value"][0])
    assert found.size <= WHOLE and entry["stats"]["posinf"] == 1 and entry["stats"]["first"] == [3, 4]
    np.testing.assert_array_equal(found, x[np.ix_(*entry["at"])])
    assert sum(entry["stats"]["histogram"]["counts"]) == x.size - 1
    many = explore(lambda *xs: sum(np.sum(x * x) for x in xs), *(np.full((64, 64), float(i)) for i in range(300)))
    assert sum(len(entry["data"]) for entry in data_of(many)["arrays"]) < 2 * BUDGET


@pytest.mark.parametrize(
    "shape", [(5000,), (3, 5000), (5000, 3), (20, 30, 40), (2, 3, 50, 60), (1, 100_000), (4097, 1)]
)
def test_samples_of_every_shape(shape):
    x = np.arange(float(np.prod(shape))).reshape(shape)
    data = data_of(explore(lambda x: np.sum(x), x))
    found, entry = array_of(data, data["value"][0])
    assert WHOLE / 8 <= found.size <= WHOLE
    np.testing.assert_array_equal(found, x[np.ix_(*entry["at"])])
    assert all(axis[-1] == n - 1 for axis, n in zip(entry["at"], shape, strict=True) if len(axis) > 1)


def test_equal_arrays_are_carried_once():
    x = np.arange(100.0)
    data = data_of(explore(lambda x: np.sum((x + 0.0) + (x * 1.0)), x))
    assert data["value"][0] == data["value"][1] == data["value"][2]


def test_the_page_is_small_and_whole():
    page = explore(seed, 4.0, 1.0)
    assert len(page.html.encode()) < 300_000
    assert not re.search(r'(src|href)="(?!data:)|url\((?!#)|@import|https?://(?!www\.w3\.org/2000/svg)', page.html)
    assert page.html == explore(seed, 4.0, 1.0).html


def test_no_text_ends_the_data():
    hostile = Variable(1.0).set_name("</script><!--<script>\u2028&amp;")
    page = explore(np.sin(hostile))
    assert data_of(page)["symbol"][0] == "</script><!--<script>\u2028&amp;"
    assert page.html.count("</script>") == 2 and page.html.count("<script") == 2


def test_the_source_is_that_of_the_functions_alone(model, monkeypatch):
    monkeypatch.syspath_prepend(model.parent)
    module = __import__("model")
    page = explore(module.loss, 0.5)
    data = data_of(page)
    (source,) = data["sources"]
    assert source["file"] == "model.py" and str(model.parent) not in page.html and "secret" not in page.html
    assert [n for n, _ in source["lines"]] == [8, 9, 12, 13, 14, 15]
    places = [data["places"][i] for i in data["place"] if i >= 0]
    assert [(line, text) for _, line, _, _, _, text in places] == [
        (9, "h * x"), (9, "np.tanh(h * x)"), (9, "h * x"), (9, "np.tanh(h * x)"), (15, "h + x"),
    ]  # fmt: skip
    sys.modules.pop("model")


def test_a_variable_has_no_source_and_says_so():
    data = data_of(explore(seed(Variable(4.0).set_name("a"), Variable(1.0).set_name("b"))))
    assert data["places"] == [] and data["title"] == "L = (a - b) * (b + 1)"


def test_every_node_has_one_home_and_every_edge_is_drawn():
    def loop(x, w):
        for _ in range(300):
            x = np.tanh(x * w) + 0.5 * np.sin(x)
        return x

    data = data_of(explore(loop, 0.3, 0.7))
    homes = [ref for level in data["levels"] for kind, ref in level["elements"] if kind == "node"]
    inputs = {i for i, operation in enumerate(data["operation"]) if not data["texts"][operation]}
    assert sorted(homes) == sorted(set(range(len(data["symbol"]))) - inputs)
    assert {e for level in data["levels"] for _, _, edges in level["edges"] for e in edges} == set(
        range(len(data["child"]))
    )
    assert max(len(level["elements"]) for level in data["levels"]) <= 150
    assert len(data["layouts"]) < len(data["levels"]) / 4, "equal blocks share a layout"
    for level in data["levels"]:
        layout = data["layouts"][level["layout"]]
        assert len(layout["at"]) == len(level["elements"]) and len(layout["routes"]) == len(level["edges"])


def test_many_values_that_come_in_are_listed_in_a_box():
    data = data_of(explore(lambda *xs: np.tanh(sum(x * float(i) for i, x in enumerate(xs))), *map(float, range(60))))
    listed = [level for level in data["levels"] if level["listed"]]
    assert listed and all(kind == "input" for level in listed for kind, _ in level["elements"])


@pytest.mark.parametrize(
    "function, argument, why",
    [
        (lambda x: np.sum(x), np.ones(3), "no single float64 number"),
        (lambda x: x * 2, np.float32(2), "no single float64 number"),
        (lambda x: np.abs(x), 1 + 2j, "no single float64 number"),
        (lambda x: np.where(x > 0, x, 1.0), 2.0, "operation where"),
        (lambda x: np.sinc(x), 2.0, "operation sinc"),
    ],
)
def test_what_the_page_cannot_run(function, argument, why):
    assert why in data_of(explore(function, argument))["program"]["why"]


def test_what_the_page_can_run():
    assert data_of(explore(lambda x: 3.0 * x - x, 2.0))["program"] == {
        "operands": [[], [-1, 0], [1, 0]],
        "constants": [3.0],
    }
    assert {"add", "tanh", "arctan2", "maximum"} <= programmed() and all(hasattr(np, name) for name in programmed())


def test_files(tmp_path, monkeypatch):
    page = explore(seed, 4.0, 1.0, path=tmp_path / "a.html")
    assert (tmp_path / "a.html").read_text(encoding="utf-8") == page.html
    explore(Variable(2.0) * 3, tmp_path / "c.html")
    assert (tmp_path / "c.html").exists()
    assert page.save(str(tmp_path / "b.HTM")).read_text(encoding="utf-8") == page.html
    with pytest.raises(FileNotFoundError):
        page.save(tmp_path / "none" / "a.html")
    shown = []
    monkeypatch.setattr(webbrowser, "open", shown.append)
    path = page.open()
    assert shown == [path.as_uri()] and path.read_text(encoding="utf-8") == page.html
    path.unlink()


def test_a_notebook_gets_a_frame_without_rights():
    page = explore(seed, 4.0, 1.0)
    bundle = page._repr_mimebundle_()
    assert set(bundle) == {"text/html", "text/plain"}
    assert bundle["text/html"].startswith("<iframe ") and 'sandbox="allow-scripts"' in bundle["text/html"]
    assert bundle["text/plain"] == "<page of seed(a, b): 5 nodes; .save('page.html') or .open()>"


def test_the_widget_gives_the_selected_variables():
    pytest.importorskip("anywidget", reason="no anywidget: pip install anywidget")
    a, b = Variable(4.0), Variable(1.0)
    L = seed(a, b)
    widget = explore(L).widget()
    assert widget.selection == ()
    widget.nodes = [4, 1]
    assert widget.selection == (L, b)
    assert widget.page.startswith("<!DOCTYPE html>")


def test_the_widget_without_its_package_names_the_extra(monkeypatch):
    from wengert.view.explorer import widget

    widget._widget_class.cache_clear()
    monkeypatch.setitem(sys.modules, "anywidget", None)
    with pytest.raises(ImportError, match=r"wengert\[widget\]"):
        explore(Variable(2.0) * 3).widget()


def run(*arguments, cwd=None):
    return subprocess.run(
        [sys.executable, "-m", "wengert", *arguments], capture_output=True, text=True, timeout=120, cwd=cwd
    )


def test_the_command(model, tmp_path):
    done = run("explore", f"{model}:loss", "0.5", "-2.0", "-o", "page.html", cwd=tmp_path)
    assert (done.returncode, done.stdout) == (0, "loss(0.5, -2.0): page written to page.html\n")
    assert "np.tanh(h * x)" in (tmp_path / "page.html").read_text(encoding="utf-8")
    done = run("explore", "-log(p) * q", "p=0.5", "q=[1, 2]", cwd=tmp_path)
    assert done.stdout == "-log(p) * q: page written to wengert-explore.html\n"
    assert '"symbol":["p","q",' in (tmp_path / "wengert-explore.html").read_text(encoding="utf-8")
    assert "--open" in run("explore", "--help").stdout


@pytest.mark.parametrize(
    "arguments, says",
    [
        (["x", "x=1", "-o", "page.png"], "not a .html file"),
        (["x", "x=1", "-o", "none/page.html"], "not a .html file in a folder that exists"),
        (["x * y", "x=1"], "y has no value"),
        (["no.py:f", "1"], "there is no file no.py"),
        (["2 + 3"], "nothing in it remembers"),
        ([], "required"),
    ],
)
def test_the_command_complains_in_one_line(arguments, says, tmp_path):
    done = run("explore", *arguments, cwd=tmp_path)
    assert done.returncode == 2 and done.stdout == "" and says in done.stderr and done.stderr.count("\n") == 1
    assert list(tmp_path.iterdir()) == []


def test_the_wheel_will_have_the_page():
    files = {
        path.name for path in (Path(sys.modules["wengert"].__file__).parent / "view" / "explorer" / "page").iterdir()
    }
    assert {"page.html", "page.css", "main.js", "program.js", "widget.js"} <= files


@pytest.mark.parametrize("name", sorted(filter(SAMPLES.get, SAMPLES)))
def test_every_primitive_can_be_explored(name):
    @settings(max_examples=2, deadline=None, derandomize=True, database=None, suppress_health_check=list(HealthCheck))
    @given(data=st.data())
    def explored(data):
        function, args = data.draw(st.sampled_from(SAMPLES[name]))(data.draw)
        leaves = [Variable(np.asarray(arg)[()]) for arg in args]
        with np.errstate(all="ignore"):
            parts = [part for part in flatten(function(*leaves))[0] if isinstance(part, Variable)]
            L = sum((np.sum(np.real(part)) for part in parts), start=0.0 * np.sum(np.real(leaves[0])))
            found = data_of(explore(L))
            assert len(found["symbol"]) == len(found["value"]) == len(found["adjoint"]) == len(found["edges"])
            assert len(found["child"]) == sum(found["edges"]) == len(found["partial"]) == len(found["term"])
            expected = gradients(L)
        inputs = [i for i, operation in enumerate(found["operation"]) if not found["texts"][operation]]
        shown = [found["adjoint"][i] for i in inputs]
        wanted = [leaf for leaf in leaves if leaf.node in expected]
        assert len(shown) >= len(wanted)
        for entry, leaf in zip(shown, wanted, strict=False):
            if isinstance(entry, dict) and "array" in entry and "at" not in found["arrays"][entry["array"]]:
                array, _ = array_of(found, entry)
                np.testing.assert_array_equal(array, np.asarray(expected[leaf]).astype(array.dtype))

    explored()
