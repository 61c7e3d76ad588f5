"""The demo's parts, and the demo as a whole."""

import re
import subprocess
import sys

import numpy as np
import pytest

from wengert import Variable, cli, gradients, value_and_grad
from wengert.demo import digits, regression, seed_graph


def test_the_chain_rule_of_a_diamond_counts_every_path():
    x = Variable(2.0).set_name("x")
    u = (x * x).set_name("u")
    L = u * u + x
    lines = seed_graph.chain_rule_text(L, x).splitlines()
    assert lines[0] == "dL/dx, summed over 5 paths:"
    assert lines[-1] == "  dL/dx = 8 + 8 + 8 + 8 + 1 = 33"
    assert gradients(L)[x] == 33


def test_the_chain_rule_of_an_independent_variable_is_zero():
    x, y = Variable(2.0).set_name("x"), Variable(3.0).set_name("y")
    assert seed_graph.chain_rule_text(x * 2, y).splitlines() == ["dL/dy, summed over 0 paths:", "  dL/dy = 0"]


def test_regression_follows_the_update_rule_on_paper():
    X, y = regression.data()
    fit = regression.train(X, y, steps=2, learning_rate=0.05)
    W, b = np.zeros((50, 1)), 0.0
    for _ in range(2):
        residual = X @ W + b - y
        W, b = W - 0.05 * 2 / 100 * X.T @ residual, b - 0.05 * 2 * residual.mean()
    np.testing.assert_allclose(fit.weights, W, rtol=1e-12, atol=1e-14)
    np.testing.assert_allclose(fit.bias, b, rtol=1e-12)
    assert fit.weights.size + fit.bias.size == 51


def test_regression_comes_within_a_thousandth_of_the_minimum():
    fit = regression.train(*regression.data())
    assert np.all(np.diff(fit.losses) < 0)
    assert fit.least_squares < fit.losses[-1] < 1.001 * fit.least_squares


def test_digits_are_split_once_and_without_overlap():
    pytest.importorskip("sklearn")
    split = digits.data()
    assert len(split.test_labels) == 1797 // 3
    assert len(split.train_labels) + len(split.test_labels) == 1797
    assert 0 <= split.train_images.min() and split.train_images.max() == 1
    again = digits.data()
    np.testing.assert_array_equal(split.test_images, again.test_images)


def test_the_networks_gradient_is_backpropagation_on_paper():
    random = np.random.default_rng(3)
    images, labels = random.uniform(size=(7, 64)), random.integers(10, size=7)
    p = digits.initial_parameters()
    _, gradient = value_and_grad(digits.cross_entropy)(p, images, labels)
    before = images @ p["W1"] + p["b1"]
    hidden = np.maximum(before, 0)
    s = hidden @ p["W2"] + p["b2"]
    probabilities = np.exp(s) / np.exp(s).sum(axis=1, keepdims=True)
    delta = (probabilities - np.eye(10)[labels]) / 7
    below = (delta @ p["W2"].T) * (before > 0)
    on_paper = {"W1": images.T @ below, "b1": below.sum(axis=0), "W2": hidden.T @ delta, "b2": delta.sum(axis=0)}
    assert gradient.keys() == on_paper.keys()
    for name, expected in on_paper.items():
        np.testing.assert_allclose(gradient[name], expected, rtol=1e-10, atol=1e-14)


def test_the_demo_reaches_its_accuracy_and_saves_a_picture(tmp_path):
    command = [sys.executable, "-m", "wengert", "demo"]
    done = subprocess.run(command, capture_output=True, text=True, encoding="utf-8", timeout=300, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    accuracy = re.search(r"accuracy +([\d.]+)% of 599", done.stdout)
    assert float(accuracy[1]) >= 96
    for line in ("(a - b) * (b + 1) = 6", "dL/da = 2", "dL/db = (-2) + 3 = 1", "Loss curves saved as wengert-demo.png"):
        assert line in done.stdout
    assert "10000/10000" in done.stderr  # the progress bar
    assert (tmp_path / "wengert-demo.svg").read_text().startswith("<svg")
    assert "saved as wengert-demo.html" in done.stdout
    assert (tmp_path / "wengert-demo.html").read_text(encoding="utf-8").startswith("<!DOCTYPE html>")
    picture = (tmp_path / "wengert-demo.png").read_bytes()
    assert picture.startswith(b"\x89PNG") and len(picture) > 20_000


def test_the_demo_fails_where_the_network_does(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(digits, "TARGET", 1.0)
    monkeypatch.setattr(regression.train, "__defaults__", (10, *regression.train.__defaults__[1:]))
    monkeypatch.setattr(digits.train, "__defaults__", (1, *digits.train.__defaults__[1:]))
    assert cli.main(["demo", "--output", str(tmp_path / "a.png")]) == 1
    assert "asked for: 100%" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("module", "package"), [("matplotlib", "matplotlib"), ("sklearn", "scikit-learn"), ("tqdm", "tqdm")]
)
def test_a_missing_extra_says_what_to_install(tmp_path, monkeypatch, capsys, module, package):
    monkeypatch.setitem(sys.modules, module, None)
    assert cli.main(["demo", "--output", str(tmp_path / "a.png")]) == 1
    out, err = capsys.readouterr()
    assert out == ""
    assert err == f'wengert demo: The demo needs {package}. Fix: pip install "wengert[demo]"\n'


def test_missing_scikit_learn_where_only_the_digits_are_used(monkeypatch):
    monkeypatch.setitem(sys.modules, "sklearn.datasets", None)
    with pytest.raises(ImportError, match=r'pip install "wengert\[demo\]"'):
        digits.data()
