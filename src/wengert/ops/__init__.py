"""Families of primitives, one file each. Importing this package declares them all (scipy.special when it is met)."""

from wengert.core.registry import when_imported
from wengert.ops import constants, contract, elementwise, index, operators, reduce, shape  # noqa: F401

operators.install()
index.install()
when_imported("scipy", "wengert.ops.special")
