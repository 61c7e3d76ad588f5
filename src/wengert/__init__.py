"""wengert: exact gradients of plain NumPy code, that you can see, trust, and run at native speed."""

from wengert import ops as _ops  # noqa: F401  (declares the primitives)
from wengert.core.derivatives import (
    checkpoint,
    elementwise_grad,
    grad,
    hessian,
    hvp,
    jacfwd,
    jacobian,
    jacrev,
    jvp,
    linearize,
    stop_gradient,
    value_and_grad,
    vjp,
)
from wengert.core.sweep import gradients
from wengert.core.variable import Variable

__version__ = "0.1.0"
