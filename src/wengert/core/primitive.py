"""Declaring primitives: what a function's value is and what its edges are, said once.

`elementwise` is for functions whose partials are numbers or arrays, `structured` for those whose partials are linear
maps, `variadic` for those that take any number of operands. A call on variables records one node; its edges are
built when a sweep or a picture asks. This room knows the Variable and the linear maps, and no NumPy function.
"""

from __future__ import annotations

import inspect
import math
from collections.abc import Callable
from typing import Any

import numpy as np

from wengert.core import errors
from wengert.core.linear import (
    LETTERS,
    Block,
    Contract,
    Divide,
    Entry,
    Identity,
    LinearMap,
    Parts,
    Scale,
    conj,
    strong_divide,
    strong_multiply,
    unbroadcast,
)
from wengert.core.registry import primitives, rules
from wengert.core.variable import FLOAT64, NO_PARAMS, Variable, dtype_of, new_serial

_new = object.__new__
_ndarray, _float64 = np.ndarray, np.float64


class over:
    """A partial by which the edge divides: d log(x) = dx / x, declared over(lambda out, x: x)."""

    def __init__(self, divisor: Callable):
        self.divisor = divisor


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
    if dtype_of(out).kind not in "fc":
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
        if len(operands) == 1 and not params and not self.refused:  # the commonest case
            (x,) = operands
            if x.__class__ is Variable and not isinstance(x._val, Variable):
                return record(self, self.function(x._val), operands, NO_PARAMS, x._level, operands)
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

    def exact(self, node: Variable) -> bool:
        """Does the pull of this node know of true zeros already? It does where it only moves entries."""
        return False

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


PINNED = _Pinned(lambda x: x, "pinned")


def pinned(value: Any) -> Any:
    """A variable's value as it is now, as a variable of its own: writes into the one are not seen by the other.

    An inner trace holds the variables of outer ones as its numbers, and its sweeps compute with them when the user's code
    may have written into them already. The same goes for what an inner trace hands back.
    """
    if not isinstance(value, Variable):
        return value
    value = value.node
    return node_of(PINNED, value._val, (value,), {}, value._level, (value,))


class Adjoints(dict):
    """Node -> adjoint, while a sweep runs. `owned` names the arrays that no one else sees, so may be added into."""

    __slots__ = ("owned",)

    def __init__(self, seeds: Any = ()):
        super().__init__(seeds)
        self.owned: set[Variable] = set()


def accumulate(adjoints: Adjoints, child: Variable, contribution: Any, fresh: bool = False) -> None:
    """adjoint(child) += contribution, in the child's own shape and dtype. A fresh contribution is nobody else's array."""
    value = child._val
    kind, own = contribution.__class__, value.__class__
    if kind is own is _ndarray:
        if contribution.shape != value.shape or contribution.dtype is not value.dtype:
            contribution = fit(contribution, value)
    elif own is float or own is _float64:
        if kind is _ndarray and contribution.dtype is FLOAT64:  # a number that was broadcast
            contribution = np.add.reduce(contribution, axis=None)
        elif kind is not float and kind is not _float64:
            contribution = fit(contribution, value)
    else:
        contribution = fit(contribution, value)
    if child not in adjoints:
        adjoints[child] = contribution
        if fresh:
            adjoints.owned.add(child)
    elif kind is not _ndarray:
        adjoints[child] = adjoints[child] + contribution
    elif child in adjoints.owned:
        before = adjoints[child]
        before += contribution
    else:
        adjoints[child] = total = adjoints[child] + contribution
        if total.__class__ is _ndarray:
            adjoints.owned.add(child)


def is_finite(value: Any) -> bool:
    """No inf and no nan in a number or array; a variable is judged by its value. NumPy may warn: callers see to that."""
    kind = value.__class__
    if kind is float or kind is np.float64:
        return math.isfinite(value)
    if kind is np.ndarray and value.dtype is FLOAT64 and value.size:  # faster than what follows, and says the same
        if value.size > 8192:  # where BLAS would wake its threads, which takes long on a busy machine
            return math.isfinite(np.maximum.reduce(value, axis=None)) and math.isfinite(
                np.minimum.reduce(value, axis=None)
            )
        flat = value.ravel()
        return math.isfinite(flat.dot(flat))
    if kind is Parts:
        return all(is_finite(part) for part in value.values if part is not None)
    while isinstance(value, Variable):
        value = value.val
    # A sum is finite only if all entries are, and costs less than isfinite; overflow of it only costs a second look.
    return bool(np.isfinite(np.sum(value))) if np.size(value) else True


def fit(contribution: Any, value: Any, lead: int = 0) -> Any:
    """A contribution in the shape and dtype of the value it belongs to: broadcasting and casting undone."""
    if contribution.__class__ is Parts:
        return contribution
    if not hasattr(contribution, "dtype"):
        contribution = np.asarray(contribution)[()]
    shape = np.shape(value)
    if contribution.shape[lead:] != shape:
        contribution = unbroadcast(contribution, shape, lead)
    if contribution.__class__ is _ndarray and contribution.ndim == 0 and value.__class__ is not _ndarray:
        contribution = contribution[()]  # np.where and its like make a 0-d array of scalars
    return cast(contribution, dtype_of(value))


def cast(value: Any, dtype: np.dtype) -> Any:
    """The value in a dtype; complex to real takes the real part, the adjoint of reading a real as a complex."""
    if value.dtype == dtype:
        return value
    if value.dtype.kind == "c" and dtype.kind != "c":
        value = np.real(value)
    return value if value.dtype == dtype else value.astype(dtype)


# -- elementwise ------------------------------------------------------------------------------------------------------


class Elementwise(Primitive):
    """A ufunc. The partial of each operand is a number or an array that multiplies (or, with `over`, divides)."""

    def __init__(self, ufunc: np.ufunc, partials: tuple):
        super().__init__(ufunc, ufunc.__name__)
        if len(partials) != ufunc.nin:
            raise ValueError(f"{self.name} has {ufunc.nin} operands, got {len(partials)} partials")
        self.partials = partials
        self.refused = {i: p for i, p in enumerate(partials) if isinstance(p, unsupported)}
        self.steps = [_step(p) for p in partials]
        self.single = ufunc.nout == 1

    def maps(self, node: Variable) -> list[tuple[Variable, LinearMap]]:
        level, out, values = node._level, node._val, self.values(node)
        found = []
        for arg, partial in zip(node._args, self.partials, strict=True):
            if partial is not None and isinstance(arg, Variable) and arg._level == level:
                found.append((arg, self._map(partial, out, values, np.shape(arg._val))))
        return found

    def _map(self, partial: Any, out: Any, values: list, shape: tuple) -> LinearMap:
        if not self.single:
            parts = partial(out, *values)
            shapes = [np.shape(x) for x in out]
            return Block(*(None if p is None else Scale(p, shape, s) for p, s in zip(parts, shapes, strict=True)))
        out_shape = np.shape(out)
        if isinstance(partial, over):
            return Divide(partial.divisor(out, *values), shape, out_shape)
        if callable(partial):
            return Scale(partial(out, *values), shape, out_shape)
        return Identity(shape) if partial == 1 and shape == out_shape else Scale(float(partial), shape, out_shape)

    def local_gradients(self, node: Variable) -> tuple:
        if not self.single:
            return self.edges(node)
        with np.errstate(all="ignore"):
            return tuple((child, _partial_value(edge)) for child, edge in self.maps(node))

    def pull(self, node: Variable, cotangent: Any, adjoints: Adjoints) -> None:
        if not self.single:
            return super().pull(node, cotangent, adjoints)
        values, level, out = self.values(node), node._level, node._val
        if out.__class__ is _ndarray and out.size >= LARGE:
            return self._pull_in_place(node, cotangent, adjoints)
        for child, (step, partial) in zip(node._args, self.steps, strict=True):
            if step is not None and isinstance(child, Variable) and child._level == level:
                accumulate(adjoints, child, cotangent if step is _same else step(cotangent, partial(out, *values)))
        return None

    def exact(self, node: Variable) -> bool:
        return self.single and node._val.__class__ is _ndarray and node._val.size >= LARGE

    def _pull_in_place(self, node: Variable, cotangent: Any, adjoints: Adjoints) -> None:
        """The same for large arrays, with true zeros, and where fresh memory costs more than arithmetic, without it.

        What is spare is written into: a partial that was computed here, and the cotangent, if the sweep made it and nobody
        needs it after.
        """
        values, level, out = self.values(node), node._level, node._val
        wanted = [
            (arg, step, partial)
            for arg, (step, partial) in zip(node._args, self.steps, strict=True)
            if step is not None and isinstance(arg, Variable) and arg._level == level
        ]
        wanted.sort(key=lambda edge: edge[1] is _same)  # those that hand the cotangent itself on come last
        mine = node in adjoints.owned and node not in adjoints and sum(edge[1] is _same for edge in wanted) < 2
        for place, (child, step, partial) in enumerate(wanted):
            last = mine and place == len(wanted) - 1
            if step is _same:
                accumulate(adjoints, child, cotangent, fresh=last)
                continue
            p = partial(out, *values)
            made = p.__class__ is _ndarray and p.flags.owndata and not any(p is x for x in (out, *values))
            spare, safe = p if made else None, False
            if not made and last and step is not _divided:
                safe = is_finite(p) and is_finite(cotangent)  # then the contribution needs no second look
                spare = cotangent if safe else None
            contribution = step(cotangent, p, spare if _takes(spare, cotangent, p) else None)
            if not safe and not is_finite(contribution):
                contribution = STRONG[step](cotangent, conj(partial(out, *values)))
            accumulate(adjoints, child, contribution, fresh=True)


def _takes(spare: Any, cotangent: Any, partial: Any) -> bool:
    """Is the spare array of the shape and dtype of cotangent * partial?"""
    return (
        spare.__class__ is cotangent.__class__ is _ndarray
        and spare.dtype is cotangent.dtype is FLOAT64
        and dtype_of(partial) is FLOAT64
        and spare.shape == cotangent.shape == np.broadcast_shapes(cotangent.shape, np.shape(partial))
        and spare.flags.writeable
    )


LARGE = 1 << 14  # entries


class Binary(Elementwise):
    """One of two operands, the commonest kind: its pull is the innermost loop of every sweep, and spelled out."""

    def pull(self, node: Variable, cotangent: Any, adjoints: Adjoints) -> None:
        (first, p), (second, q) = self.steps
        x, y = node._args
        out, children = node._val, node._children
        if len(children) == 2:
            u, v = x._val, y._val
        elif x is children[0]:
            u, v, second = x._val, y, None
        else:
            u, v, first = x, y._val, None
        if out.__class__ is _ndarray and out.size >= LARGE:
            return self._pull_in_place(node, cotangent, adjoints)
        # A real result has real operands: there is nothing to conjugate.
        real = out.__class__ is float or (out.__class__ is _ndarray and out.dtype is FLOAT64)
        if first is not None:
            if first is _same:
                g = cotangent
            elif real and first is _multiplied:
                g = cotangent * p(out, u, v)
            else:
                g = first(cotangent, p(out, u, v))
            accumulate(adjoints, x, g)
        if second is not None:
            if second is _same:
                g = cotangent
            elif real and second is _multiplied:
                g = cotangent * q(out, u, v)
            else:
                g = second(cotangent, q(out, u, v))
            accumulate(adjoints, y, g)
        return None


def _partial_value(edge: LinearMap) -> Any:
    if isinstance(edge, Divide):
        return 1 / edge.partial
    if not isinstance(edge, Scale):
        return 1.0
    return edge.partial[()] if isinstance(edge.partial, np.ndarray) else edge.partial


def _same(g: Any, partial: Any, out: Any = None) -> Any:
    """The contribution of an edge whose partial is 1."""
    return g


def _negated(g: Any, partial: Any, out: Any = None) -> Any:
    return -g if out is None else np.negative(g, out=out)


def _multiplied(g: Any, partial: Any, out: Any = None) -> Any:
    if out is not None:
        return np.multiply(g, partial, out=out)
    kind = partial.__class__
    real = kind is float or kind is _float64 or (kind is _ndarray and partial.dtype is FLOAT64)
    return g * (partial if real else conj(partial))


def _divided(g: Any, divisor: Any, out: Any = None) -> Any:
    if out is not None:
        return np.divide(g, divisor, out=out)
    kind = divisor.__class__
    # Python's own numbers would raise where NumPy answers inf.
    return g / (divisor if kind is _float64 else _float64(divisor) if kind is float or kind is int else conj(divisor))


STRONG = {_multiplied: strong_multiply, _divided: strong_divide, _negated: strong_multiply}


def _step(partial: Any) -> tuple[Callable | None, Callable]:
    """How one elementwise edge is pulled back: step(cotangent, partial(out, *operands), out=an array to write into)."""
    if partial is None or isinstance(partial, unsupported):
        return None, _same
    if isinstance(partial, over):
        return _divided, partial.divisor
    if callable(partial):
        return _multiplied, partial
    if partial == 1:
        return _same, _same
    if partial == -1:
        return _negated, lambda out, *operands: -1.0
    return _multiplied, lambda out, *operands: float(partial)


def elementwise(ufunc: np.ufunc, *partials: Any) -> Elementwise:
    """Declare a ufunc: one partial for each operand.

    Parameters
    ----------
    ufunc : numpy.ufunc
    partials
        For each operand a function ``(out, *operands) -> partial``, `over` such a function (the edge divides by it), a
        number (constant partial), None (the derivative is exactly zero) or `unsupported(argument, reason)`. For a
        ufunc with several outputs, `out` is a tuple and the partial returns one.
    """
    kind = Binary if ufunc.nin == 2 and ufunc.nout == 1 else Elementwise
    primitive = kind(ufunc, partials)
    return _register(primitive, ufunc)


def _register(primitive: Any, function: Any) -> Any:
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
    return _register(Structured(function, edges, name, names), function)


def variadic(function: Callable, edge: Callable, name: str | None = None) -> Variadic:
    """Declare a function of any number of operands: ``edge(i, out, *operands, **params)`` is operand i's LinearMap."""
    return _register(Variadic(function, edge, name or function.__name__), function)


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


def hand_made(children: tuple, local_gradients: tuple) -> tuple[Given, tuple]:
    """The primitive and operands of Variable(val, children, local_gradients)."""
    pairs = tuple(local_gradients)
    if not all(isinstance(pair, tuple) and len(pair) == 2 and isinstance(pair[0], Variable) for pair in pairs):
        raise errors.bad_local_gradients(children, local_gradients)
    if {id(child) for child in children} != {id(child) for child, _ in pairs}:
        raise errors.bad_local_gradients(children, local_gradients)
    return Given("hand-made", tuple(rule for _, rule in pairs)), tuple(child.node for child, _ in pairs)
