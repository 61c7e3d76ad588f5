"""What every test and every docstring example may use without importing it."""

import os
from typing import Any

import numpy as np
import pytest

import wengert

os.environ["WENGERT_CACHE"] = "off"  # what is tested is what is compiled now


@pytest.fixture(autouse=True)
def names_in_docstrings(doctest_namespace: dict[str, Any]) -> None:
    doctest_namespace["np"] = np
    doctest_namespace["wengert"] = wengert
    doctest_namespace.update({name: getattr(wengert, name) for name in wengert.__all__})
