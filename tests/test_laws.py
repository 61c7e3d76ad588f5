"""The laws, for every primitive of the registry and every composite with a sample.

Each file of tests/samples holds samples of one family: name -> functions that draw a call. A primitive that is declared
without a sample fails here.
"""

from __future__ import annotations

import importlib
import pathlib

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import wengert  # noqa: F401
from wengert.core.registry import primitives
from wengert.testing import check_laws

FAMILIES = sorted(p.stem for p in (pathlib.Path(__file__).parent / "samples").glob("*.py") if p.stem != "__init__")
SAMPLES: dict = {}
for family in FAMILIES:
    for name, cases in importlib.import_module(f"samples.{family}").SAMPLES.items():
        SAMPLES.setdefault(name, []).extend(cases)

CASES = [(name, i) for name, cases in sorted(SAMPLES.items()) for i in range(len(cases))]


def test_every_primitive_has_a_sample():
    numpy_ones = {name for name in primitives if not name.startswith("scipy.")}  # tests/test_special.py has the others
    assert numpy_ones - set(SAMPLES) == set()


@pytest.mark.parametrize(("name", "i"), CASES)
@settings(max_examples=8, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
@given(data=st.data())
def test_laws(name, i, data):
    function, args = SAMPLES[name][i](data.draw)
    args = [np.asarray(x)[()] for x in args]
    with np.errstate(all="ignore"):
        check_laws(function, *args)
