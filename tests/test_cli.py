"""The command `wengert`, as a user meets it: in a process of its own."""

import subprocess
import sys
from importlib.metadata import version
from pathlib import Path

import numpy as np
import pytest

from wengert.expression import FUNCTIONS, evaluate, parse


def wengert(*arguments, **options):
    command = [sys.executable, "-W", "error", "-m", "wengert", *arguments]
    return subprocess.run(command, capture_output=True, text=True, timeout=120, **options)


def printed(*arguments, **options):
    """The lines printed by a command that succeeds."""
    done = wengert(*arguments, **options)
    assert (done.returncode, done.stderr) == (0, "")
    return done.stdout.splitlines()


def test_grad_of_an_expression():
    value, dx, dy = printed("grad", "x * sin(y)", "x=1", "y=2")
    assert value == f"x * sin(y) = {np.sin(2.0)}"
    assert dx == f"d/dx       = {np.sin(2.0)}"
    assert dy == f"d/dy       = {np.cos(2.0)}"


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (["-x**2", "x=-1.5"], ["-x**2 = -2.25", "d/dx  = 3.0"]),
        (["x + 1", "x=-1e-3"], ["x + 1 = 0.999", "d/dx  = 1.0"]),
        (["x / 4", "x=pi/2"], [f"x / 4 = {np.pi / 8}", "d/dx  = 0.25"]),
        (["np.sum(w * np.pi) / pi", "w=[1, 2]"], ["np.sum(w * np.pi) / pi = 3.0", "d/dw                   = [1., 1.]"]),
        (["abs(z)", "z=3j"], ["abs(z) = 3.0", "d/dz   = 1j"]),
        (["where(x > 0, sqrt(x), 0)", "x=-1"], ["where(x > 0, sqrt(x), 0) = 0.0", "d/dx                     = 0.0"]),
        (
            ["x[0] if x[1] > 0 else 2", "x=[3, 1]"],
            ["x[0] if x[1] > 0 else 2 = 3.0", "d/dx                    = [1., 0.]"],
        ),
        (["e * x", "e=3", "x=1"], ["e * x = 3.0", "d/de  = 1.0", "d/dx  = 3.0"]),
        (["9**9**9**9 * x", "x=1"], ["9**9**9**9 * x = inf", "d/dx           = inf"]),
    ],
)
def test_expressions(arguments, expected):
    assert printed("grad", *arguments) == expected


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        ([], "arguments are required"),
        (["x"], "at least one value"),
        (["x +", "x=1"], "cannot read 'x +'"),
        (["x * y", "x=1"], "y has no value"),
        (["x", "x=1", "y=2"], "y is given, but does not occur"),
        (["x", "x=1", "x=2"], "x is given twice"),
        (["x", "1"], "'1' is not of the form name=number"),
        (["x", "x=one"], "'one' is not a number"),
        (["x", "x=[1, [2]]"], "'[1, [2]]' is not a number"),
        (["x", "x=True"], "'True' is not a number"),
        (["exp(x)", "x=[1, 2]"], "reduce it (np.sum, np.mean)"),
        (["x + [1, 2, 3]", "x=[1, 2]"], "shape"),
        (["x[5]", "x=[1, 2]"], "index 5"),
        (["sum(x, axis=3)", "x=[1, 2]"], "axis 3"),
        (["__import__('os').system('true') + x", "x=1"], "not one of the NumPy functions"),
        (["x.__class__", "x=1"], "'x.__class__' is not allowed"),
        (["(lambda: x)()", "x=1"], "not one of the NumPy functions"),
        (["[y for y in x]", "x=[1, 2]", "y=1"], "is not allowed"),
        (["x + 'text'", "x=1"], "is not allowed"),
        (["exec(x)", "x=1"], "exec is not one of the NumPy functions"),
        (["fromfile(x)", "x=1"], "fromfile is not one of the NumPy functions"),
        (["(" * 4000 + "x" + ")" * 4000, "x=1"], "nested"),
        (["x" + "+x" * 4000, "x=1"], "nested too deeply"),
        (["x" * 20_000, "x=1"], "characters"),
        (["missing.py:f", "1"], "no file missing.py"),
    ],
)
def test_bad_input_is_one_line_and_status_2(arguments, complaint):
    done = wengert("grad", *arguments)
    assert (done.returncode, done.stdout) == (2, "")
    (line,) = done.stderr.splitlines()
    assert line.startswith("wengert grad: ")
    assert complaint in line


MODEL = """
import numpy as np
from dataclasses import dataclass
from neighbour import SCALE

@dataclass
class Point:
    x: float

def energy(x, y=1.0):
    return SCALE * Point(x).x * y**2

def total(*parts):
    return sum(parts)

def pairs(x):
    return x, x

def broken(x):
    y = x + 1
    raise KeyError("first line\\nsecond line")

constant = 3.0
"""


@pytest.fixture
def model(tmp_path):
    (tmp_path / "neighbour.py").write_text("SCALE = 2.0\n")
    path = tmp_path / "model.py"
    path.write_text(MODEL)
    return path


def test_grad_of_a_function_in_a_file(model):
    assert printed("grad", f"{model}:energy", "3", "-0.5") == [
        "energy(3, -0.5) = 1.5",
        "d/dx            = 0.5",
        "d/dy            = -6.0",
    ]
    assert printed("grad", "model.py:energy", "3", cwd=model.parent) == ["energy(3) = 6.0", "d/dx      = 2.0"]
    assert printed("grad", f"{model}:total", "1", "2")[1:] == ["d/dparts[0] = 1.0", "d/dparts[1] = 1.0"]


@pytest.mark.parametrize(
    ("name", "values", "complaint"),
    [
        ("nothing", ["1"], "has no function nothing"),
        ("constant", ["1"], "has no function constant"),
        ("energy", ["1", "2", "3"], "energy(x, y=1.0) does not fit 3 values"),
        ("energy", ["x=1"], "'x=1' is not a number"),
        ("energy", [], "does not fit 0 values"),
        ("pairs", ["1"], "returns one real number"),
        ("broken", ["1"], "broken(1) (line 21): KeyError: "),
    ],
)
def test_bad_file_input_is_one_line_and_status_2(model, name, values, complaint):
    done = wengert("grad", f"{model}:{name}", *values)
    assert (done.returncode, done.stdout) == (2, "")
    (line,) = done.stderr.splitlines()
    assert complaint in line


@pytest.mark.parametrize("text", ["def f(:", "raise SystemExit", "import no_such_module"])
def test_a_file_that_cannot_be_imported(tmp_path, text):
    path = tmp_path / "bad.py"
    path.write_text(text)
    done = wengert("grad", f"{path}:f", "1")
    assert done.returncode == 2
    assert len(done.stderr.splitlines()) == 1
    assert "importing" in done.stderr


def test_help_and_version():
    assert printed("--version") == [f"wengert {version('wengert')}"]
    assert "grad" in "\n".join(printed("--help"))
    assert 'wengert grad "x * sin(y)" x=1 y=2' in "\n".join(printed("grad", "--help"))
    assert "--output" in "\n".join(printed("demo", "--help"))


@pytest.mark.parametrize(
    "arguments", [[], ["nonsense"], ["demo", "--nonsense"], ["demo", "--output", "no/such/folder/a.png"]]
)
def test_a_wrong_command_is_one_line_and_status_2(arguments):
    done = wengert(*arguments)
    assert (done.returncode, done.stdout) == (2, "")
    assert len(done.stderr.splitlines()) == 1


def test_the_installed_script():
    script = Path(sys.executable).with_name("wengert")
    done = subprocess.run([script, "grad", "x * x", "x=3"], capture_output=True, text=True, timeout=120)
    assert done.stdout.splitlines() == ["x * x = 9.0", "d/dx  = 6.0"]


def test_a_terminal_without_unicode_gets_no_traceback():
    done = wengert("grad", "-λ", "λ=1", env={"PYTHONIOENCODING": "ascii", "PYTHONUTF8": "1"})
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.parametrize("name", sorted(FUNCTIONS))
def test_every_function_of_expressions_is_numpys(name):
    assert evaluate(parse("f"), {"f": FUNCTIONS[name]}) in (getattr(np, name, None), getattr(np.linalg, name, None))


DEBUGGED = """
import numpy as np

def loss(a, b):
    ratio = a / (b - 2)
    return np.log(ratio)

def fails(a):
    return np.linalg.inv(np.zeros((2, 2)) * a)
"""


def test_debug_of_a_function_in_a_file(tmp_path):
    (tmp_path / "model.py").write_text(DEBUGGED)
    done = wengert("debug", "model.py:loss", "-1", "2", cwd=tmp_path)
    assert (done.returncode, done.stderr) == (1, "")
    assert "model.py:5 in loss" in done.stdout and "division by zero" in done.stdout
    done = wengert("debug", "model.py:loss", "1", "4", cwd=tmp_path)
    assert done.returncode == 0 and done.stdout.startswith("All is finite")
    done = wengert("debug", "log(x - y)", "x=1", "y=1", cwd=tmp_path)
    assert done.returncode == 1 and "the logarithm of 0 is -inf" in done.stdout and "sys.exit" not in done.stdout
    done = wengert("debug", "model.py:fails", "1", cwd=tmp_path)
    assert done.returncode == 1 and "LinAlgError was raised: Singular matrix" in done.stdout


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        ([], "arguments are required"),
        (["x * y", "x=1"], "y has no value"),
        (["model.py:loss"], "does not fit 0 values"),
        (["model.py:nothing", "1"], "has no function nothing"),
        (["other.py:loss", "1"], "there is no file other.py"),
    ],
)
def test_debug_complains_in_one_line(arguments, complaint, tmp_path):
    (tmp_path / "model.py").write_text(DEBUGGED)
    done = wengert("debug", *arguments, cwd=tmp_path)
    assert done.returncode == 2 and complaint in done.stderr and done.stderr.count("\n") == 1
