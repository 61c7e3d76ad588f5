"""Checks of derivatives, for this library's tests and for users' own functions and primitives.

`check_grads` compares a function's derivatives with finite differences. `check_laws` holds a function to the laws that
every primitive of this library obeys. Both raise an AssertionError that says where and by how much.
"""

from wengert.testing.gradients import check_grads
from wengert.testing.laws import check_laws

__all__ = ["check_grads", "check_laws"]
