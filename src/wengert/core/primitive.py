"""Declaring primitives: what a function's value is and what its edges are, said once.

`structured` is for functions whose partials are linear maps, `variadic` for those that take any number of operands, and
`elementwise`, in `partials`, for those whose partials are numbers or arrays. A call on variables records one node; its
edges are built when a sweep or a picture asks. This room knows the Variable and the linear maps, and no NumPy function.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any

import numpy as np

from wengert.core import errors
from wengert.core.adjoints import Adjoints, accumulate
from wengert.core.linear import LETTERS, Block, Contract, Entry, Identity, LinearMap, Scale
from wengert.core.registry import HAND_MADE, PINNED, implements, primitives, rules
from wengert.core.variable import NO_PARAMS, Variable, dtype_of, new_serial

_new = object.__new__
_ndarray, _float64 = np.ndarray, np.float64


class unsupported:
    """Stands for a partial that has no closed form: a variable there raises an error that names the argument."""

    def __init__(self, argument: str, reason: str = ""):
        self.argument, self.reason = argument, reason


def record(primitive: Any, out: Any, args: tuple, params: dict, level: int, children: tuple) -> Any:
    """The node of one application. What is not a float or complex value has no derivative and stays plain.

    `children` are the operands among `args` that are variables of the trace of this level.
    """
    kind = out.__class__
    if kind is not _ndarray and kind is not _float64 and isinstance(out, (tuple, list)):
        parent = node_of(primitive, tuple(out), args, params, level, children)
        entries = [_entry(parent, i, part) for i, part in enumerate(out)]
        return type(out)(*entries) if hasattr(out, "_fields") else tuple(entries)
    if kind is not _ndarray and isinstance(out, (np.ma.MaskedArray, np.matrix)):
        raise errors.array_subclass(out)
    dtype = dtype_of(out)
    if dtype.kind not in "fc":
        if dtype.kind == "O":
            raise errors.not_numeric(out)
        return out
    return node_of(primitive, out, args, params, level, children)


def node_of(primitive: Any, out: Any, args: tuple, params: dict, level: int, children: tuple) -> Variable:
    """The node of an application whose value and operands are known: `record` without its questions."""
    node = _new(Variable)
    node._val, node._args, node._primitive, node._level, node._serial = out, args, primitive, level, new_serial()
    node._params, node._children = params, children
    if primitive.mark is not None:
        primitive.mark(node, args[0])
    # Below level 0 are buffers that hold only numbers (see `inplace`): what is computed from them is plain.
    return node if level >= 0 or node.__class__ is not Variable else out


def _entry(parent: Variable, i: int, part: Any) -> Any:
    if dtype_of(part).kind not in "fc":
        return part
    return node_of(ENTRY, part, (parent,), {"i": i}, parent._level, (parent,))


class Primitive:
    """A function with a rule: calling it on variables records a node, on anything else it just computes."""

    name: str
    mark: Callable | None = None  # told of each new node and its operand, where nodes can be views (see `inplace`)

    def __init__(self, function: Callable, name: str):
        self.function, self.name = function, name
        self.refused: dict[int, unsupported] = {}  # operands that have no rule, by position

    def __repr__(self) -> str:
        return f"<primitive {self.name}>"

    def __call__(self, *operands: Any, **params: Any) -> Any:
        if (
            operands and not params and not self.refused
        ):  # the commonest cases: one variable, alone or beside a plain array
            x, y = operands[0], operands[-1]
            if x.__class__ is Variable and not isinstance(x._val, Variable):
                if len(operands) == 1:
                    return record(self, self.function(x._val), operands, NO_PARAMS, x._level, operands)
                if len(operands) == 2 and y.__class__ is _ndarray:
                    return record(self, self.function(x._val, y), operands, NO_PARAMS, x._level, (x,))
            elif (
                len(operands) == 2
                and x.__class__ is _ndarray
                and y.__class__ is Variable
                and not isinstance(y._val, Variable)
            ):
                return record(self, self.function(x, y._val), operands, NO_PARAMS, y._level, (y,))
        level, viewed = -1, None
        args = list(operands)
        for i, x in enumerate(operands):
            if isinstance(x, Variable):
                x = x.node
                if x._level < 0:
                    viewed, x = x, x._val
                elif i in self.refused:
                    raise errors.no_partial(self.name, self.refused[i].argument, self.refused[i].reason)
                elif x._level > level:
                    level = x._level
                args[i] = x
            elif x.__class__ is list or x.__class__ is tuple:
                args[i] = np.asarray(x)
        for key, value in params.items():
            if isinstance(value, Variable):
                if value.node._level >= 0:
                    raise errors.no_partial(self.name, key, "it is a parameter")
                params[key] = value.node._val
        if level < 0:
            out = self.function(*args, **params)
            if viewed is not None and self.mark is not None:
                return record(self, out, (viewed,), params, -1, ())
            return out
        values, children, inner = [], [], self.function
        for i, x in enumerate(args):
            if isinstance(x, Variable):
                if x._level == level:
                    children.append(x)
                    x = x._val
                else:
                    args[i] = x = pinned(x)
                if isinstance(x, Variable):  # of an outer level: the call is an operation of that level, too
                    inner = self
            values.append(x)
        return record(self, inner(*values, **params), tuple(args), params, level, tuple(children))

    def moves(self, node: Variable) -> bool:
        """Does the pull of this node only move and add entries, so that it makes nothing infinite or nan?"""
        return False

    def exact(self, node: Variable) -> bool:
        """Does the pull of this node see to true zeros itself, in a careful sweep?"""
        return self.moves(node)

    def values(self, node: Variable) -> list:
        """The operands as the trace of this node sees them: its own variables by value, all else as it is."""
        level = node._level
        return [x._val if isinstance(x, Variable) and x._level == level else x for x in node._args]

    def maps(self, node: Variable) -> list[tuple[Variable, LinearMap]]:
        """(child, linear map) for each operand that is a variable of this trace and has a derivative."""
        raise AttributeError(f"{self.name} does not say its edges")

    def edges(self, node: Variable) -> tuple:
        with np.errstate(all="ignore"):
            return tuple(self.maps(node))

    def local_gradients(self, node: Variable) -> tuple:
        return self.edges(node)

    def pull(self, node: Variable, cotangent: Any, adjoints: Adjoints) -> None:
        """Add this node's contributions to the adjoints of its children: the chain rule, one step."""
        if cotangent.__class__ is float:
            cotangent = _float64(cotangent)
        for child, edge in self.maps(node):
            contribution = edge.pull(cotangent)
            if contribution is not None:
                accumulate(adjoints, child, contribution)


class _Pinned(Primitive):
    """The identity, see `pinned`."""

    def maps(self, node: Variable) -> list[tuple[Variable, LinearMap]]:
        return [(node._args[0], Identity(np.shape(node._val)))]

    def pull(self, node: Variable, cotangent: Any, adjoints: Adjoints) -> None:
        accumulate(adjoints, node._args[0], cotangent)


_PINNED = _Pinned(lambda x: x, "pinned")


@implements(PINNED)
def pinned(value: Any) -> Any:
    """A variable's value as it is now, as a variable of its own: writes into the one are not seen by the other.

    An inner trace holds the variables of outer ones as its numbers, and its sweeps compute with them when the user's code
    may have written into them already. The same goes for what an inner trace hands back.
    """
    if not isinstance(value, Variable):
        return value
    value = value.node
    return node_of(_PINNED, value._val, (value,), {}, value._level, (value,))


def register(primitive: Any, function: Any) -> Any:
    """Enter a primitive under its function, for the calls, and under its name, for the laws."""
    module = getattr(function, "__module__", None) or ""
    if module.startswith("scipy") or type(function).__module__.startswith("scipy"):
        primitive.name = f"scipy.special.{primitive.name}" if "special" in module or not module else primitive.name
    rules[function] = primitive
    primitives[primitive.name] = primitive
    return primitive


# -- structured -------------------------------------------------------------------------------------------------------


class Structured(Primitive):
    """A function whose partials are linear maps. The first operands are differentiable, the rest are parameters."""

    def __init__(self, function: Callable, edges: tuple, name: str, names: tuple[str, ...]):
        super().__init__(function, name)
        self.edge_functions, self.names = edges, names
        self.count = len(edges)
        self.refused = {i: edge for i, edge in enumerate(edges) if isinstance(edge, unsupported)}

    def __call__(self, *args: Any, **params: Any) -> Any:
        count = self.count
        if len(args) > count:
            params.update(zip(self.names[count:], args[count:], strict=False))
            args = args[:count]
        elif len(args) < count:
            args = args + tuple(params.pop(name) for name in self.names[len(args) : count])
        return super().__call__(*args, **params)

    def maps(self, node: Variable) -> list[tuple[Variable, LinearMap]]:
        level, params = node._level, node._params
        values = [_float64(x) if x.__class__ is float else x for x in self.values(node)]
        out = _float64(node._val) if node._val.__class__ is float else node._val
        found = []
        for arg, edge in zip(node._args, self.edge_functions, strict=True):
            if edge is not None and isinstance(arg, Variable) and arg._level == level:
                made = edge(out, *values, **params)
                if made is not None:
                    found.append((arg, made))
        return found


class Variadic(Primitive):
    """A function of any number of operands: one edge function for all, told which operand it is for."""

    def __init__(self, function: Callable, edge: Callable, name: str):
        super().__init__(function, name)
        self.edge = edge

    def maps(self, node: Variable) -> list[tuple[Variable, LinearMap]]:
        level, params, out = node._level, node._params, node._val
        values = [_float64(x) if x.__class__ is float else x for x in self.values(node)]
        return [
            (arg, self.edge(i, out, *values, **params))
            for i, arg in enumerate(node._args)
            if isinstance(arg, Variable) and arg._level == level
        ]


def structured(function: Callable, *edges: Any, name: str | None = None) -> Structured:
    """Declare a function whose partials are linear maps.

    Parameters
    ----------
    function : callable
        Its first ``len(edges)`` arguments are the operands, the others parameters.
    edges
        For each operand a function ``(out, *operands, **params) -> LinearMap`` (Block for several outputs), None for an
        exactly zero derivative, or `unsupported`.
    """
    names = tuple(inspect.signature(function).parameters)
    name = name or function.__name__
    if (getattr(function, "__module__", None) or "").startswith("numpy.") and "." in function.__module__:
        room = function.__module__.split(".")[1]
        name = f"{room}.{name}" if room in ("linalg", "fft") else name
    return register(Structured(function, edges, name, names), function)


def variadic(function: Callable, edge: Callable, name: str | None = None) -> Variadic:
    """Declare a function of any number of operands: ``edge(i, out, *operands, **params)`` is operand i's LinearMap."""
    return register(Variadic(function, edge, name or function.__name__), function)


# -- nodes of other makes ---------------------------------------------------------------------------------------------


class _EntryOf(Primitive):
    """Picks one of the outputs of a primitive that has several."""

    def maps(self, node: Variable) -> list[tuple[Variable, LinearMap]]:
        (parent,) = node._args
        return [(parent, Entry(node._params["i"], len(parent._val), np.shape(node._val)))]


ENTRY = _EntryOf(lambda parts, i: parts[i], "output")


def as_map(rule: Any, in_shape: tuple, out: Any, name: str) -> LinearMap | None:
    """A rule given by hand as an edge: a linear map is one, a number or array is a partial or a Jacobian, None is zero.

    For several outputs: a Block, or a tuple with a rule for each.
    """
    if rule is None or (isinstance(out, tuple) and isinstance(rule, LinearMap)):
        return rule
    if isinstance(out, tuple):
        return Block(*(as_map(part, in_shape, o, name) for part, o in zip(rule, out, strict=True)))
    out_shape = np.shape(out)
    if isinstance(rule, LinearMap):
        if (rule.in_shape, rule.out_shape) != (in_shape, out_shape):
            raise errors.wrong_partial(name, rule.out_shape + rule.in_shape, in_shape, out_shape)
        return rule
    shape = np.shape(rule)
    if in_shape and shape == out_shape + in_shape:
        o, i = (LETTERS[a:b] for a, b in ((0, len(out_shape)), (len(out_shape), len(shape))))
        return Contract(f"{o + i},{i}->{o}", (rule, None), 1, in_shape, out_shape)
    try:
        fits = np.broadcast_shapes(shape, in_shape, out_shape) == out_shape
    except ValueError:
        fits = False
    if not fits:
        raise errors.wrong_partial(name, shape, in_shape, out_shape)
    return Scale(rule, in_shape, out_shape)


class Given(Primitive):
    """The primitive of a node whose local gradients came with it."""

    def __init__(self, name: str, rules_given: tuple):
        super().__init__(lambda *operands: None, name)
        self.given = rules_given
        self.called: tuple | None = None  # the user's function and its keywords, where there is one (see `blame`)

    def maps(self, node: Variable) -> list[tuple[Variable, LinearMap]]:
        found = []
        for child, rule in zip(node._args, self.given, strict=True):
            if isinstance(child, Variable) and child._level == node._level:
                edge = as_map(rule, child.shape, node._val, self.name)
                if edge is not None:
                    found.append((child, edge))
        return found

    def local_gradients(self, node: Variable) -> tuple:
        level = node._level
        return tuple(
            (child, rule)
            for child, rule in zip(node._args, self.given, strict=True)
            if isinstance(child, Variable) and child._level == level
        )


@implements(HAND_MADE)
def hand_made(children: tuple, local_gradients: tuple) -> tuple[Given, tuple]:
    """The primitive and operands of Variable(val, children, local_gradients)."""
    pairs = tuple(local_gradients)
    if not all(isinstance(pair, tuple) and len(pair) == 2 and isinstance(pair[0], Variable) for pair in pairs):
        raise errors.bad_local_gradients(children, local_gradients)
    if {id(child) for child in children} != {id(child) for child, _ in pairs}:
        raise errors.bad_local_gradients(children, local_gradients)
    return Given("hand-made", tuple(rule for _, rule in pairs)), tuple(child.node for child, _ in pairs)
