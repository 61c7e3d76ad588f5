"""wengert: exact gradients of plain NumPy code, in both modes and to any order, that you can see and trust."""

from typing import TYPE_CHECKING, Any

from wengert import ops as _ops  # noqa: F401  (declares the primitives)
from wengert.core import linear
from wengert.core import naming as _naming  # noqa: F401  (gives variables their names)
from wengert.core.checkpoint import checkpoint
from wengert.core.derivatives import elementwise_grad, grad, jvp, linearize, stop_gradient, value_and_grad, vjp
from wengert.core.jacobian import hessian, hvp, jacfwd, jacobian, jacrev
from wengert.core.sweep import gradients
from wengert.core.variable import Variable
from wengert.custom import custom_gradient, primitive
from wengert.testing import check_grads

if TYPE_CHECKING:
    from wengert.compiler.compiled import compile
    from wengert.view.debug import debug
    from wengert.view.draw import draw
    from wengert.view.explain import explain
    from wengert.view.explore import explore

__version__ = "0.1.0"

__all__ = [
    "Variable",
    "check_grads",
    "checkpoint",
    "compile",
    "custom_gradient",
    "debug",
    "draw",
    "elementwise_grad",
    "explain",
    "explore",
    "grad",
    "gradients",
    "hessian",
    "hvp",
    "jacfwd",
    "jacobian",
    "jacrev",
    "jvp",
    "linear",
    "linearize",
    "primitive",
    "stop_gradient",
    "value_and_grad",
    "vjp",
]

# Read when first asked for, so that importing stays light.
_LATER = {name: f"wengert.view.{name}" for name in ("debug", "draw", "explain", "explore")}
_LATER["compile"] = "wengert.compiler.compiled"


def __getattr__(name: str) -> Any:
    if name not in _LATER:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    import importlib

    globals()[name] = found = getattr(importlib.import_module(_LATER[name]), name)
    return found


def _shown(variable: Variable, include: Any = None, exclude: Any = None) -> dict[str, str]:
    from wengert.view.draw import shown

    return shown(variable)


Variable._repr_mimebundle_ = _shown  # type: ignore[attr-defined]  # a notebook asks; the core knows no pictures


def __dir__() -> list[str]:
    return sorted({*globals(), *_LATER})
