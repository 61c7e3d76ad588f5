"""`out=`: giving a computed value to the array that the caller named. Rules compute first and then deliver here."""

from __future__ import annotations

from typing import Any

from wengert.core.registry import ASSIGN, rules


def deliver(value: Any, out: Any, broadcast: bool = False) -> Any:
    """The value, or `out` after the value was written into it. Ufuncs broadcast to it, other functions ask for its shape."""
    if isinstance(out, tuple) and len(out) == 1:
        (out,) = out
    if out is None:
        return value
    return rules[ASSIGN](out, value, broadcast)
