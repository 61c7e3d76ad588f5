"""Names put together on demand from the operands' names: '(a - b) * (b + 1)', with the parentheses that are needed."""

from __future__ import annotations

from typing import Any

import numpy as np

from wengert.core.variable import FREED, Variable

LIMIT = 80  # characters of a name, and DEPTH levels of operations, before it is cut with '…'
DEPTH = 12

# primitive -> (symbol, how tightly it binds); as in Python
_INFIX = {
    "add": ("+", 1),
    "subtract": ("-", 1),
    "multiply": ("*", 2),
    "divide": ("/", 2),
    "matmul": ("@", 2),
    "floor_divide": ("//", 2),
    "remainder": ("%", 2),
    "power": ("**", 4),
}
_ATOM = 9


def name_of(variable: Variable) -> str:
    """The variable's name, at most about LIMIT characters long."""
    text, _ = _named(variable, DEPTH)
    return text if len(text) <= LIMIT else text[: LIMIT - 1] + "…"


def _named(value: Any, depth: int) -> tuple[str, int]:
    """The text and how tightly its outermost operation binds."""
    if not isinstance(value, Variable):
        return _constant(value), _ATOM
    if value._name is not None:
        return value._name, _ATOM
    node = value.node
    if node._primitive is None or node._args is FREED:
        return node._name or _constant(node._val), _ATOM
    if depth == 0:
        return "…", _ATOM
    name = node._primitive.name
    if name == "output":
        inner, _ = _named(node._args[0], depth)
        return f"{inner}[{node._params['i']}]", _ATOM
    if name in _INFIX and len(node._args) == 2:
        symbol, binding = _INFIX[name]
        left, left_binding = _named(node._args[0], depth - 1)
        right, right_binding = _named(node._args[1], depth - 1)
        # a - (b - c) needs its parentheses, (a - b) - c does not; with ** it is the other way round.
        if left_binding < binding or (symbol == "**" and left_binding == binding):
            left = f"({left})"
        if right_binding < binding or (right_binding == binding and symbol not in ("+", "*", "**")):
            right = f"({right})"
        return f"{left} {symbol} {right}", binding
    if name == "negative":
        inner, binding = _named(node._args[0], depth - 1)
        return f"-({inner})" if binding < 3 else f"-{inner}", 3
    parts = []
    for arg in node._args:
        parts.append(_named(arg, depth - 1)[0])
        if sum(map(len, parts)) > LIMIT:
            parts.append("…")
            break
    return f"{name.rsplit('.', 1)[-1]}({', '.join(parts)})", _ATOM


def _constant(value: Any) -> str:
    if np.ndim(value) == 0 and not isinstance(value, Variable):
        return f"{value:.4g}" if not isinstance(value, (bool, np.bool_)) else str(value)
    return "array" + "×".join(map(str, np.shape(value))).join("()")
