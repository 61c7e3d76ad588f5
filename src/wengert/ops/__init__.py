"""Families of primitives, one file each. Importing this package declares them all (scipy.special when it is met)."""

from wengert.core.registry import when_imported
from wengert.ops import (  # noqa: F401
    complex,
    constants,
    contract,
    create,
    elementwise,
    fft,
    index,
    join,
    linalg,
    methods,
    norm,
    operators,
    piecewise,
    reduce,
    shape,
    statistics,
)

operators.install()
index.install()
methods.install()
when_imported("scipy", "wengert.ops.special")
