"""Every file in examples/ runs to its end; each asserts its own result."""

import subprocess
import sys
from pathlib import Path

import pytest

EXAMPLES = sorted((Path(__file__).parents[1] / "examples").glob("*.py"))


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)
def test_example(path, tmp_path):
    command = [sys.executable, "-W", "error", path]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip()
    assert "assert " in path.read_text(encoding="utf-8")


def test_the_examples_that_the_project_promises_are_there():
    promised = {"seed_regression", "rosenbrock", "logistic_regression", "digits_network", "heat_rod"}
    assert promised <= {path.stem for path in EXAMPLES}
