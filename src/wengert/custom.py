"""Rules of your own: one rule gives both modes and all orders.

`primitive` declares a function with the rule of each argument; `custom_gradient` is for a function whose rules share
work with its value. A rule is a number or array (the partial of an elementwise function) or a linear map.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from wengert.core import errors
from wengert.core.linear import LinearMap
from wengert.core.primitive import Given, Primitive, as_map, record
from wengert.core.variable import Variable


class UserPrimitive(Primitive):
    """A user's function with a rule for each positional argument; keyword arguments are parameters."""

    def __init__(self, function: Callable, rules: tuple):
        super().__init__(_uncaptured(function), getattr(function, "__name__", "primitive"))
        self.rules = rules
        self.__doc__ = function.__doc__
        self.__wrapped__ = function

    def __call__(self, *operands: Any, **params: Any) -> Any:
        count = len(self.rules)
        for i, x in enumerate(operands[count:], count + 1):
            if isinstance(x, Variable) and x.node._level >= 0:
                raise errors.no_partial(self.name, f"number {i}", f"rules were given for {count}")
        return super().__call__(*operands, **params)

    def maps(self, node: Variable) -> list[tuple[Variable, LinearMap]]:
        level, out = node._level, node._val
        values = [np.float64(x) if x.__class__ is float else x for x in self.values(node)]
        found = []
        for i, arg in enumerate(node._args):
            if isinstance(arg, Variable) and arg._level == level:
                rule = self.rules[i]
                rule = rule(out, *values, **node._params) if callable(rule) else rule
                edge = as_map(rule, arg.shape, out, self.name)
                if edge is not None:
                    found.append((arg, edge))
        return found


def _uncaptured(function: Callable) -> Callable:
    """The function, held to plain results: it gets plain values, so a variable in them came from elsewhere."""

    def computed(*values: Any, **params: Any) -> Any:
        out = function(*values, **params)
        if any(isinstance(x, Variable) for x in (out if isinstance(out, (tuple, list)) else (out,))):
            raise errors.captured(getattr(function, "__name__", "the function"))
        return out

    return computed


def primitive(function: Callable, *rules: Any) -> UserPrimitive:
    """A function with derivative rules of its own, in both modes and to all orders.

    Parameters
    ----------
    function : callable
        Computes the value from plain arrays; may call anything.
    rules
        For each positional argument: a function ``(out, *args, **kwargs)`` that returns the partial derivative as a
        number or array (broadcasting against the output) or as a linear map from `wengert.linear`; a constant partial; or None
        where the derivative is exactly zero. Written in NumPy calls, a rule can be differentiated again.

    Raises
    ------
    TypeError
        When called with a variable in an argument for which there is no rule.

    Examples
    --------
    >>> import math, numpy as np
    >>> softplus = primitive(lambda x: math.log1p(math.exp(x)), lambda out, x: 1 / (1 + np.exp(-x)))
    >>> grad(softplus)(0.0), grad(grad(softplus))(0.0)
    (np.float64(0.5), np.float64(0.25))
    """
    if not callable(function):
        raise errors.not_callable(function, "primitive")
    return UserPrimitive(function, rules)


def custom_gradient(function: Callable) -> Callable:
    """Decorate a function that returns (value, rules): the partials or linear maps of its arguments beside its value.

    The function gets the values of its arguments, which are variables again where derivatives are nested: write it in NumPy
    calls. `rules` is a tuple with one rule for each positional argument, as for `primitive`.

    Raises
    ------
    TypeError
        When the function does not return such a pair, or uses a variable that is not among its arguments.

    Examples
    --------
    >>> import numpy as np
    >>> @custom_gradient
    ... def log1pexp(x):
    ...     e = np.exp(x)
    ...     return np.log1p(e), (e / (1 + e),)
    >>> jvp(log1pexp, (0.0,), (1.0,)), grad(grad(log1pexp))(0.0)
    ((np.float64(0.6931471805599453), np.float64(0.5)), np.float64(0.25))
    """
    if not callable(function):
        raise errors.not_callable(function, "custom_gradient")

    def with_rules(*args: Any, **kwargs: Any) -> Any:
        nodes = [x.node if isinstance(x, Variable) else x for x in args]
        level = max((x._level for x in nodes if isinstance(x, Variable)), default=-1)
        values = [x._val if isinstance(x, Variable) and x._level == level else x for x in nodes]
        result = function(*values, **kwargs)
        if not (isinstance(result, tuple) and len(result) == 2):
            raise errors.no_rules_returned(result, getattr(function, "__name__", "f"))
        out, rules = result
        if level < 0:
            return out
        rules = rules if isinstance(rules, (tuple, list)) else (rules,)
        if len(rules) != len(args):
            raise errors.no_rules_returned(result, getattr(function, "__name__", "f"))
        parts = out if isinstance(out, (tuple, list)) else (out,)
        if any(isinstance(x, Variable) and x._level >= level for x in (*parts, *rules)):
            raise errors.captured(getattr(function, "__name__", "f"))
        given = Given(getattr(function, "__name__", "custom"), tuple(rules))
        given.called = (function, kwargs)
        children = tuple(x for x in nodes if isinstance(x, Variable) and x._level == level)
        return record(given, out, tuple(nodes), {}, level, children)

    with_rules.__name__ = getattr(function, "__name__", "custom")
    with_rules.__doc__ = function.__doc__
    with_rules.__wrapped__ = function  # type: ignore[attr-defined]
    return with_rules
