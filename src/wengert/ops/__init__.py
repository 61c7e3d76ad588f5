"""Families of primitives, one file each. Importing this package declares them all (scipy.special when it is met)."""

from wengert.core.registry import when_imported
from wengert.ops import (  # noqa: F401
    apply,
    calculus,
    complex,
    constants,
    contract,
    count,
    create,
    elementwise,
    factor,
    fft,
    index,
    join,
    linalg,
    methods,
    norm,
    operators,
    order,
    piecewise,
    polynomial,
    reduce,
    scipy_entrance,
    shape,
    statistics,
    transcendental,
    ufunc_methods,
    writing,
)

operators.install()
index.install()
methods.install()
writing.install()
scipy_entrance.install()
when_imported("scipy", "wengert.ops.special")
