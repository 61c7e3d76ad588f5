"""Names put together on demand from the operands' names: '(a - b) * (b + 1)', with the parentheses that are needed."""

from __future__ import annotations

from typing import Any

import numpy as np

from wengert.core.registry import NAME, implements
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
_UNARY, _ATOM = 3, 9


@implements(NAME)
def name_of(variable: Variable) -> str:
    """The variable's name, at most about LIMIT characters long."""
    text, _ = _named(variable if variable._name is not None else variable.node, DEPTH)
    return text if len(text) <= LIMIT else text[: LIMIT - 1] + "…"


def _named(value: Any, depth: int) -> tuple[str, int]:
    """The text and how tightly its outermost operation binds."""
    if not isinstance(value, Variable):
        return _constant(value)
    if value._name is not None:
        return value._name, _ATOM
    node = value
    if node._primitive is None or node._args is FREED:
        return (node._name, _ATOM) if node._name else _constant(node._val)
    if depth == 0:
        return "…", _ATOM
    name = node._primitive.name
    if name == "pinned":
        return _named(node._args[0], depth)
    if name == "output":
        inner, _ = _named(node._args[0], depth)
        return f"{inner}[{node._params['i']}]", _ATOM
    if name in _INFIX and len(node._args) == 2:
        symbol, binding = _INFIX[name]
        left, left_binding = _named(node._args[0], depth - 1)
        right, right_binding = _named(node._args[1], depth - 1)
        # a - (b - c) needs its parentheses, (a - b) - c does not; with ** it is the other way round, and a ** -b needs none.
        if left_binding < binding or (symbol == "**" and left_binding == binding):
            left = f"({left})"
        if symbol == "**":
            alone = right_binding >= _UNARY
        elif right_binding == binding:
            alone = symbol == "+" or (symbol == "*" and node._args[1]._primitive.name == "multiply")
        else:
            alone = right_binding > binding
        if not alone:
            right = f"({right})"
        return f"{left} {symbol} {right}", binding
    if name == "negative":
        inner, binding = _named(node._args[0], depth - 1)
        return f"-({inner})" if binding < _UNARY else f"-{inner}", _UNARY
    parts = []
    for arg in node._args:
        parts.append(_named(arg, depth - 1)[0])
        if sum(map(len, parts)) > LIMIT:
            parts.append("…")
            break
    return f"{name.rsplit('.', 1)[-1]}({', '.join(parts)})", _ATOM


def _constant(value: Any) -> tuple[str, int]:
    """A constant's text and how tightly it binds: -2 as negation does, 1+2j as a sum."""
    if np.ndim(value) == 0 and not isinstance(value, Variable):
        if np.iscomplexobj(value):
            return f"{complex(value):.4g}", 1
        text = str(value) if isinstance(value, (bool, np.bool_)) else f"{value:.4g}"
        return text, _UNARY if text.startswith("-") else _ATOM
    return "array" + "×".join(map(str, np.shape(value))).join("()"), _ATOM
