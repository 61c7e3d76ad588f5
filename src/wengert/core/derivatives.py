"""The functional API: grad, jvp, vjp, linearize and their kin, in JAX's spelling (`jacobian` has the matrices of them).

Each traces the function once on variables of a level of its own and sweeps over the graph. Levels are numbers: of two
nested traces the one begun later has the larger number and is the inner one, so perturbations cannot be confused.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterable, Sequence
from typing import Any

import numpy as np

from wengert.core import errors
from wengert.core.adjoints import cast
from wengert.core.primitive import pinned
from wengert.core.sweep import order, pull_back, push_forward, unit
from wengert.core.trees import flatten, leaves_like, map_tree, unflatten
from wengert.core.variable import FLOAT64, WRITTEN, Variable, as_differentiable, dtype_of, new_leaf, new_level, settle

_ndarray, _float64 = np.ndarray, np.float64


class Trace:
    """One run of a function on fresh variables: the differentiated leaves, the outputs, and what else it returned."""

    def __init__(self, f: Callable, args: Sequence, kwargs: dict, argnums: Any, has_aux: bool, name: str):
        if not callable(f):
            raise errors.not_callable(f, name)
        self.args = list(args)
        self.single = argnums.__class__ is int or isinstance(argnums, np.integer)
        self.argnums = _checked_argnums(argnums, len(args))
        self.level = level = new_level()
        leaves, self.structure = flatten([args[i] for i in self.argnums])
        self.values, self.leaves = [], []
        for value in leaves:
            if value.__class__ is not _ndarray or value.dtype is not FLOAT64:
                value = pinned(as_differentiable(value))
            self.values.append(value)
            self.leaves.append(new_leaf(value, level))
        for i, part in zip(self.argnums, unflatten(self.structure, self.leaves), strict=True):
            self.args[i] = part
        self.aux = None
        try:
            result = f(*self.args, **kwargs)
            if has_aux:
                if not (isinstance(result, tuple) and len(result) == 2):
                    raise errors.no_aux(result, name)
                result, self.aux = result
                self.aux = map_tree(lambda x: pinned(self.plain(x)), self.aux)
            outputs, self.out_structure = flatten(result)
            for i, x in enumerate(outputs):
                if x.__class__ is not Variable or x._level != level:
                    if isinstance(x, Variable):
                        outputs[i] = x = self.current(x)
                    if not isinstance(x, Variable) and not _is_number(x):
                        raise errors.not_array_output(x, name)
            self.outputs = outputs
        finally:
            if self.level in WRITTEN:
                settle(self.level)

    def traced(self, output: Any) -> bool:
        """Was this output computed from variables of this trace?"""
        return isinstance(output, Variable) and output._level == self.level

    def plain(self, output: Any) -> Any:
        """The output as the caller's level sees it."""
        if isinstance(output, Variable):
            output = self.current(output)
            return output._val if isinstance(output, Variable) and output._level == self.level else output
        return output

    def value(self, kept: bool = False) -> Any:
        """What the function returned; if the graph is kept, in memory that is not the graph's."""
        values = [pinned(self.plain(x)) for x in self.outputs]
        if kept:
            values = [x.copy() if isinstance(x, np.ndarray) else x for x in values]
        return unflatten(self.out_structure, values)

    def current(self, x: Variable) -> Any:
        """The node that a variable stands for; a copy of its numbers if it belongs to no trace.

        What an inner trace wrote into a variable of this one is of the inner level: here only its value counts.
        """
        x = x.node
        while isinstance(x, Variable) and x._level > self.level:
            x = x._val
        if not isinstance(x, Variable) or x.__class__ is Variable:
            return x
        return x._val.copy() if x._level < 0 else pinned(x)

    def gradients(self, seeds: dict, keep: bool = False) -> list:
        """The leaves' gradients, in their shapes and dtypes; exact zeros where nothing depends."""
        adjoints = pull_back(seeds, self.leaves, keep) if seeds else {}
        return self.owned([adjoints.get(leaf) for leaf in self.leaves], seeds.values())

    def owned(self, found: list, others: Any = ()) -> list:
        """Each gradient as an array of its own: writable, and shared with nothing the caller can see."""
        seen = {*map(id, self.values), *map(id, others)}
        result = []
        for gradient, value in zip(found, self.values, strict=True):
            if gradient.__class__ is _ndarray:
                if gradient.base is not None or not gradient.flags.writeable or id(gradient) in seen:
                    gradient = gradient.copy()
                seen.add(id(gradient))
            elif gradient is None:
                gradient = np.zeros_like(value) if _is_array(value) else np.zeros((), dtype_of(value))[()]
            elif isinstance(gradient, Variable):
                gradient = pinned(gradient)
            elif isinstance(value, np.ndarray):
                gradient = np.asarray(gradient, dtype=value.dtype)
            elif not np.ndim(value) and _is_array(value):
                gradient = np.full_like(value, gradient)
            elif gradient.__class__ is float:
                gradient = _float64(gradient)  # the sweep's own 1.0, where no operation made a NumPy scalar of it
            result.append(gradient)
        return result

    def like_arguments(self, leaves: list) -> Any:
        """Leaves in the tree of the differentiated arguments: one tree, or a tuple of them for several argnums."""
        trees = unflatten(self.structure, leaves)
        return trees[0] if self.single else tuple(trees)


def _is_number(value: Any) -> bool:
    if isinstance(value, (int, float, complex)):
        return True
    dtype = None if isinstance(value, type) else getattr(value, "dtype", None)
    return dtype is not None and dtype.kind in "biufc"


def _checked_argnums(argnums: Any, count: int) -> tuple[int, ...]:
    positions = []
    for i in argnums if isinstance(argnums, (tuple, list)) else (argnums,):
        if (i.__class__ is not int and not isinstance(i, np.integer)) or not -count <= i < count:
            raise errors.bad_argnums(argnums, count)
        positions.append(int(i) % count)
    if not positions or len(set(positions)) != len(positions):
        raise errors.bad_argnums(argnums, count)
    return tuple(positions)


def _scalar_seed(trace: Trace, holomorphic: bool, name: str) -> dict:
    """The seed of a scalar output: {} when it does not depend on the leaves."""
    if len(trace.outputs) != 1:
        raise errors.not_scalar_output(trace.value(), name)
    (output,) = trace.outputs
    if (
        output.__class__ is Variable
        and output._val.__class__ is _float64
        and output._level == trace.level
        and not holomorphic
    ):
        return {output: 1.0}
    value = trace.plain(output)
    dtype = dtype_of(value) if hasattr(value, "dtype") else np.asarray(value).dtype
    if np.size(value) != 1 or dtype.kind == "b":
        raise errors.not_scalar_output(trace.plain(output), name)
    if holomorphic:
        for value in trace.values:
            if dtype_of(value).kind != "c":
                raise errors.holomorphic_needs_complex(value)
        if dtype.kind != "c":
            raise errors.holomorphic_needs_complex(trace.plain(output))
    elif dtype.kind == "c":
        raise errors.complex_output(trace.plain(output), name)
    return {output: unit(output._val)} if trace.traced(output) else {}


def value_and_grad(
    f: Callable, argnums: int | Sequence[int] = 0, has_aux: bool = False, holomorphic: bool = False
) -> Callable:
    """A function that returns the value of `f` and its gradient, from one forward and one reverse sweep.

    Parameters
    ----------
    f : callable
        Returns a real scalar (an array of size 1 counts); with `has_aux` a pair (scalar, anything).
    argnums : int or tuple of int
        The positional arguments to differentiate with respect to. Each may be a number, an array, or a dict, list,
        tuple, namedtuple or dataclass of those, nested, with None leaves.
    has_aux : bool
        The function returns (value, aux); the result is then ((value, aux), gradient).
    holomorphic : bool
        `f` is complex differentiable: the gradient is the complex derivative f'(z).

    Returns
    -------
    callable
        Same arguments as `f`; returns (value, gradient). The gradient has the tree, shapes and dtypes of the argument;
        for a complex argument it is the direction of steepest ascent, ∂f/∂x + i ∂f/∂y.

    Raises
    ------
    TypeError
        For integer arguments, and for outputs that are not a real scalar.

    Examples
    --------
    >>> import numpy as np
    >>> value_and_grad(lambda x: np.sum(x**2))(np.array([1.0, 2.0]))
    (np.float64(5.0), array([2., 4.]))
    """

    @named_after(f, "value_and_grad")
    def with_gradient(*args: Any, **kwargs: Any) -> Any:
        trace = Trace(f, args, kwargs, argnums, has_aux, "grad")
        value = trace.value()
        found = trace.gradients(_scalar_seed(trace, holomorphic, "grad"))
        if holomorphic:
            found = [np.conjugate(g) for g in found]
        gradient = trace.like_arguments(found)
        return ((value, trace.aux), gradient) if has_aux else (value, gradient)

    return with_gradient


def grad(f: Callable, argnums: int | Sequence[int] = 0, has_aux: bool = False, holomorphic: bool = False) -> Callable:
    """A function that returns the gradient of `f`; see `value_and_grad`.

    Examples
    --------
    >>> import numpy as np
    >>> grad(np.sin)(0.0)
    np.float64(1.0)
    >>> grad(lambda p: np.sum(p["w"] * 3) + p["b"])({"w": np.ones(2), "b": 0.0})
    {'w': array([3., 3.]), 'b': np.float64(1.0)}
    """

    @named_after(f, "grad")
    def gradient(*args: Any, **kwargs: Any) -> Any:
        value, found = both(*args, **kwargs)
        return (found, value[1]) if has_aux else found

    both = value_and_grad(f, argnums, has_aux, holomorphic)
    return gradient


def named_after(f: Callable, name: str) -> Callable:
    if not callable(f):
        raise errors.not_callable(f, name)

    def rename(wrapper: Callable) -> Callable:
        functools.update_wrapper(wrapper, f, updated=())
        wrapper.__name__ = wrapper.__qualname__ = f"{name}({getattr(f, '__name__', 'f')})"
        return wrapper

    return rename


def _tangent(tangent: Any, value: Any, what: str) -> Any:
    """A tangent or cotangent checked against its value and given its dtype."""
    if not isinstance(tangent, Variable):
        tangent = np.asarray(tangent)[()] if not hasattr(tangent, "dtype") else tangent
    if np.shape(tangent) != np.shape(value) or tangent.dtype.kind not in "biufc":
        raise errors.wrong_cotangent(what, tangent, np.asarray(value) if not hasattr(value, "dtype") else value)
    if tangent.dtype.kind == "c" and dtype_of(value).kind != "c":
        raise errors.wrong_cotangent(what, tangent, np.asarray(value) if not hasattr(value, "dtype") else value)
    return cast(tangent, dtype_of(value))


def _zero_like(output: Any) -> Any:
    dtype = dtype_of(output) if hasattr(output, "dtype") else np.asarray(output).dtype
    return np.zeros(np.shape(output), dtype if dtype.kind in "fc" else float)[()]


def _unshared(found: list, others: Iterable) -> list:
    """The same values, each array writable and shared with nothing the caller can see."""
    seen = {id(x) for x in others}
    for i, value in enumerate(found):
        if isinstance(value, np.ndarray):
            if value.base is not None or not value.flags.writeable or id(value) in seen:
                found[i] = value = value.copy()
            seen.add(id(value))
    return found


def _is_array(value: Any) -> bool:
    """Is it an array, not a number? A compiler's says what it stands for."""
    return bool(np.ndim(value)) or issubclass(getattr(value, "stands_for", type(value)), np.ndarray)


class Linearized:
    """The derivative of a function at a point: call it to push tangents, `.pull` cotangents."""

    def __init__(self, trace: Trace):
        self.trace = trace
        traced = [x for x in trace.outputs if trace.traced(x)]
        self.nodes = order(traced) if traced else []

    def __call__(self, *tangents: Any) -> Any:
        trace = self.trace
        leaves = leaves_like(list(tangents), trace.structure, "tangents")
        seeds = {
            leaf: _tangent(t, value, "tangent")
            for leaf, t, value in zip(trace.leaves, leaves, trace.values, strict=True)
        }
        pushed = push_forward(self.nodes, seeds, [x for x in trace.outputs if trace.traced(x)])
        found = [pushed[x] if trace.traced(x) and x in pushed else _zero_like(trace.plain(x)) for x in trace.outputs]
        return unflatten(trace.out_structure, _unshared(found, seeds.values()))


def linearize(f: Callable, *primals: Any) -> tuple[Any, Callable]:
    """The value of `f` at `primals` and its derivative there, a linear function of tangents.

    The function is run once. The derivative takes a tangent of the same tree and shapes for each argument, and may be
    called any number of times. It raises ValueError for a tangent that does not fit.

    Examples
    --------
    >>> import numpy as np
    >>> value, derivative = linearize(lambda x: x**2, 3.0)
    >>> derivative(1.0), derivative(10.0)
    (np.float64(6.0), np.float64(60.0))
    """
    trace = Trace(f, primals, {}, tuple(range(len(primals))), False, "linearize")
    return trace.value(kept=True), Linearized(trace)


def jvp(f: Callable, primals: Sequence, tangents: Sequence, has_aux: bool = False) -> tuple:
    """The value of `f` at `primals` and its derivative in the direction `tangents` (forward mode).

    Parameters
    ----------
    f : callable
        Returns a number, an array or a tree of those; with `has_aux` a pair (that, anything).
    primals, tangents : sequences of the same length
        The arguments, and a tangent of the same tree and shapes for each.

    Returns
    -------
    (value, tangent of the value), and `aux` with `has_aux`
        The tangent has the value's tree, shapes and dtypes.

    Raises
    ------
    ValueError
        If a tangent does not have its argument's tree and shape.
    TypeError
        If `primals` or `tangents` is not a tuple or list.

    Examples
    --------
    >>> import numpy as np
    >>> jvp(np.sin, (0.0,), (2.0,))
    (np.float64(0.0), np.float64(2.0))
    """
    for given in (primals, tangents):
        if not isinstance(given, (tuple, list)):
            raise errors.not_a_tuple("jvp(f, (x,), (t,))", given)
    if len(primals) != len(tangents):
        raise errors.tree_changed("tangents", f"{len(tangents)} of them", f"{len(primals)}, one for each argument")
    trace = Trace(f, primals, {}, tuple(range(len(primals))), has_aux, "jvp")
    result = (trace.value(), Linearized(trace)(*tangents))
    return (*result, trace.aux) if has_aux else result


def vjp(f: Callable, *primals: Any, has_aux: bool = False) -> tuple:
    """The value of `f` at `primals` and the function that pulls cotangents back (reverse mode).

    Parameters
    ----------
    f : callable
        Returns a number, an array or a tree of those; with `has_aux` a pair (that, anything).
    *primals
        Its arguments: numbers, arrays or trees of those.

    Returns
    -------
    (value, pull), and `aux` with `has_aux`
        ``pull(cotangent)`` returns a tuple with a gradient for each argument, of its tree, shapes and dtypes. It may be
        called any number of times, and raises ValueError for a cotangent that has not the value's tree and shapes.

    Examples
    --------
    >>> import numpy as np
    >>> value, pull = vjp(lambda x, y: x * y, 2.0, 3.0)
    >>> pull(1.0)
    (np.float64(3.0), np.float64(2.0))
    """
    trace = Trace(f, primals, {}, tuple(range(len(primals))), has_aux, "vjp")

    def pull(cotangent: Any) -> tuple:
        leaves = leaves_like(cotangent, trace.out_structure, "cotangent")
        seeds: dict = {}
        for output, leaf in zip(trace.outputs, leaves, strict=True):
            seed = _tangent(leaf, trace.plain(output), "cotangent")
            if trace.traced(output):
                seeds[output] = seeds[output] + seed if output in seeds else seed
        return trace.like_arguments(trace.gradients(seeds, keep=True))

    return (trace.value(kept=True), pull, trace.aux) if has_aux else (trace.value(kept=True), pull)


def elementwise_grad(f: Callable, argnum: int = 0) -> Callable:
    """The derivative of a function that acts on each entry alone, at every entry: the gradient of its sum.

    The result has the shape and dtype of argument number `argnum`. Raises TypeError for a complex output.

    Examples
    --------
    >>> import numpy as np
    >>> elementwise_grad(lambda x: x**3)(np.array([1.0, 2.0]))
    array([ 3., 12.])
    """

    @named_after(f, "elementwise_grad")
    def derivative(*args: Any, **kwargs: Any) -> Any:
        trace = Trace(f, args, kwargs, argnum, False, "elementwise_grad")
        seeds: dict = {}
        for x in trace.outputs:
            if trace.traced(x):
                if dtype_of(x._val).kind == "c":
                    raise errors.complex_output(trace.plain(x), "elementwise_grad")
                seeds[x] = unit(x._val)
        return trace.like_arguments(trace.gradients(seeds))

    return derivative


def stop_gradient(x: Any) -> Any:
    """The plain value of `x` (a tree): a constant to every derivative.

    Examples
    --------
    >>> grad(lambda x: x * stop_gradient(x))(3.0)
    np.float64(3.0)
    """

    def plain(value: Any) -> Any:
        if not isinstance(value, Variable):
            return value
        while isinstance(value, Variable):
            value = value.node._val
        return value.copy() if isinstance(value, np.ndarray) else value  # the graph keeps its own

    return map_tree(plain, x)
