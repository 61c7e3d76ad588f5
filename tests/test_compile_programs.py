"""Random programs: compiled = eager, for the first call and for later ones with other numbers, for values and derivatives.

Each call's arguments hold other numbers than those before and after, so that guards fail and programs are traced again. What is
written into arguments is compared as well, and errors by their type.
"""

from __future__ import annotations

import random
import warnings

import numpy as np
import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from random_programs import Author, arguments, function_of
from test_compile_laws import same

import wengert
from wengert.core.trees import flatten, map_tree

pytest.importorskip("llvmlite")

from wengert.compiler.trace import later

WAYS = {
    "value": lambda f, count: f,
    "gradient": lambda f, count: wengert.value_and_grad(f, argnums=tuple(range(count))),
    "hvp": lambda f, count: lambda x, *rest: wengert.hvp(lambda y: f(y, *rest))(x, np.ones_like(x)),
}
CALLS = (0, 1, 0, 2, 2)  # seeds of the arguments, call by call


def outcome(f, args):
    with np.errstate(all="ignore"), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            return f(*args)
        except Exception as error:
            return error


def coarse(tree):
    """Numbers of single precision: what a program with such numbers in it computed as doubles is no more exact."""

    def rounded(x):
        kind = np.asarray(x).dtype.kind
        if kind not in "fc":
            return x
        made = np.asarray(x).astype(np.float32 if kind == "f" else np.complex64)
        return made if isinstance(x, np.ndarray) else made[()]

    return map_tree(rounded, tree)


def agree(text, specifications, way="value", calls=CALLS):
    """Compare both ways of running a program's text, call by call."""
    count = len(specifications)
    eager = WAYS[way](function_of(text), count)
    compiled = wengert.compile(WAYS[way](function_of(text), count))
    single = "float32" in text or any(kind in ("f4", "np.float32") for kind, _, _ in specifications)
    for seed in calls:
        args, others = arguments(specifications, seed), arguments(specifications, seed)
        expected, found = outcome(eager, args), outcome(compiled, others)
        if isinstance(expected, Exception):
            assert type(found) is type(expected), f"{found!r} where eager code raises {expected!r}\n{text}"
            continue
        if isinstance(found, Exception):
            raise AssertionError(f"an error where eager code returns\n{text}") from found
        if single:
            kinds = [[getattr(x, "dtype", type(x)) for x in flatten(tree)[0]] for tree in (found, expected)]
            assert kinds[0] == kinds[1]
            found, expected = coarse(found), coarse(expected)
        slack = 1 if way == "value" else 10_000  # in derivatives large terms may cancel
        same(found, expected, slack)
        same(others, args)


@pytest.mark.parametrize("many", [0, later.MANY])
@pytest.mark.parametrize(("way", "lines"), [("value", 6), ("value", 12), ("gradient", 8), ("hvp", 6)])
@settings(
    max_examples=300, deadline=None, derandomize=True, phases=[Phase.generate], suppress_health_check=list(HealthCheck)
)
@given(seed=st.integers(0, 2**32 - 1))
def test_compiled_is_eager(many, way, lines, seed):
    author = Author(random.Random(seed), smooth=way != "value")
    author.write_lines(lines)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(later, "MANY", many)
        agree(author.text(), author.specifications, way)
