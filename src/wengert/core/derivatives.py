"""The functional API: grad, jvp, vjp, jacobian, hessian and their kin, in JAX's spelling.

Each traces the function once on variables of a level of its own and sweeps over the graph. Levels are numbers: of two
nested traces the one begun later has the larger number and is the inner one, so perturbations cannot be confused.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Callable, Iterable, Sequence
from typing import Any

import numpy as np

from wengert.core import errors
from wengert.core.linear import Opaque
from wengert.core.primitive import Primitive, cast, pinned, record
from wengert.core.sweep import order, pull_back, push_forward, unit
from wengert.core.trees import flatten, leaves_like, map_tree, unflatten
from wengert.core.variable import FLOAT64, WRITTEN, Variable, as_differentiable, dtype_of, new_leaf, new_level, settle

_ndarray, _float64 = np.ndarray, np.float64

CHUNK_BYTES = 1 << 28  # what the stacked cotangents of one sweep of a Jacobian may take, in its output


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
        seen = {id(x) for x in others} | {id(x) for x in self.values}
        result = []
        for gradient, value in zip(found, self.values, strict=True):
            if gradient.__class__ is _ndarray:
                if gradient.base is not None or not gradient.flags.writeable or id(gradient) in seen:
                    gradient = gradient.copy()
                seen.add(id(gradient))
            elif gradient is None:
                array = isinstance(value, np.ndarray) or np.ndim(value)
                gradient = np.zeros_like(value) if array else np.zeros((), dtype_of(value))[()]
            elif isinstance(gradient, Variable):
                gradient = pinned(gradient)
            elif isinstance(value, np.ndarray):
                gradient = np.asarray(gradient, dtype=value.dtype)
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
    dtype = getattr(value, "dtype", None)
    return dtype is not None and dtype.kind in "biufc"


def _checked_argnums(argnums: Any, count: int) -> tuple[int, ...]:
    if argnums.__class__ is int and 0 <= argnums < count:
        return (argnums,)
    several = argnums if isinstance(argnums, (tuple, list)) else (argnums,)
    for i in several:
        if isinstance(i, bool) or not isinstance(i, (int, np.integer)) or not -count <= i < count:
            raise errors.bad_argnums(argnums, count)
    positions = tuple(int(i) % count for i in several)
    if len(set(positions)) != len(positions) or not positions:
        raise errors.bad_argnums(argnums, count)
    return positions


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

    @_named_after(f, "value_and_grad")
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

    @_named_after(f, "grad")
    def gradient(*args: Any, **kwargs: Any) -> Any:
        value, found = both(*args, **kwargs)
        return (found, value[1]) if has_aux else found

    both = value_and_grad(f, argnums, has_aux, holomorphic)
    return gradient


def _named_after(f: Callable, name: str) -> Callable:
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
    primals, tangents : sequences of the same length
        The arguments, and a tangent of the same tree and shapes for each.

    Returns
    -------
    (value, tangent of the value), and `aux` with `has_aux`

    Raises
    ------
    ValueError
        If a tangent does not have its argument's tree and shape.

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


# -- Jacobians: one stacked sweep -------------------------------------------------------------------------------------


def _basis(start: int, stop: int, shape: tuple, dtype: np.dtype) -> np.ndarray:
    """Rows `start` to `stop` of the identity, each in the given shape."""
    size = math.prod(shape)
    rows = np.zeros((stop - start, size), dtype)
    rows[np.arange(stop - start), np.arange(start, stop)] = 1
    return rows.reshape((stop - start, *shape))


def _chunks(size: int, row_bytes: int, chunk_size: int | None) -> list[tuple[int, int]]:
    step = max(1, CHUNK_BYTES // max(1, row_bytes)) if chunk_size is None else int(chunk_size)
    return [(i, min(size, i + step)) for i in range(0, size, step)]


def _join(blocks: list) -> Any:
    return blocks[0] if len(blocks) == 1 else np.concatenate(blocks, axis=0)


def _kind_needed(trace: Trace, holomorphic: bool, name: str) -> None:
    for x in [*trace.values, *trace.outputs]:
        is_complex = isinstance(x, complex) or getattr(x, "dtype", np.dtype(float)).kind == "c"
        if is_complex and not holomorphic:
            raise errors.complex_output(trace.plain(x), name)
        if holomorphic and not is_complex:
            raise errors.holomorphic_needs_complex(trace.plain(x))


def _rows(trace: Trace, output: Any, chunk_size: int | None, holomorphic: bool) -> list:
    """One array of shape output.shape + leaf.shape for each leaf, by reverse sweeps with stacked cotangents."""
    shape = np.shape(output)
    size = math.prod(shape)
    total = sum(int(np.size(v)) for v in trace.values)
    blocks: list[list] = [[] for _ in trace.leaves]
    if trace.traced(output):
        largest = max([np.size(n._val) for n in order([output]) if not isinstance(n._val, tuple)])
        for start, stop in _chunks(size, 8 * max(total, int(largest)), chunk_size):
            seed = _basis(start, stop, shape, dtype_of(output._val))
            adjoints = pull_back({output: seed}, trace.leaves, keep=True, lead=1)
            for block, leaf in zip(blocks, trace.leaves, strict=True):
                if leaf in adjoints:
                    found = adjoints[leaf]
                    block.append(np.conjugate(found) if holomorphic else found)
    jacobians = []
    for block, value in zip(blocks, trace.values, strict=True):
        wanted = shape + np.shape(value)
        if block:
            jacobian = np.reshape(_join(block), wanted)
            if isinstance(jacobian, np.ndarray) and not (jacobian.flags.writeable and jacobian.flags.owndata):
                jacobian = jacobian.copy()
            jacobians.append(jacobian[()] if not wanted and isinstance(jacobian, np.ndarray) else jacobian)
        else:
            jacobians.append(np.zeros(wanted, dtype_of(value))[()])
    return jacobians


def _columns(trace: Trace, chunk_size: int | None, holomorphic: bool) -> list[list]:
    """For each output, one array of shape output.shape + leaf.shape for each leaf, by stacked tangents."""
    traced = [x for x in trace.outputs if trace.traced(x)]
    nodes = order(traced) if traced else []
    result: list[list] = [[] for _ in trace.outputs]
    for leaf, value in zip(trace.leaves, trace.values, strict=True):
        shape, size = np.shape(value), int(np.size(value))
        blocks: dict = {x: [] for x in traced}
        largest = max([1, *(int(np.size(n._val)) for n in nodes if not isinstance(n._val, tuple))])
        for start, stop in _chunks(size, 8 * largest, chunk_size):
            pushed = push_forward(nodes, {leaf: _basis(start, stop, shape, dtype_of(value))}, traced)
            for x in traced:
                if x in pushed:
                    blocks[x].append(pushed[x])
        for found, output in zip(result, trace.outputs, strict=True):
            block = blocks.get(output, []) if trace.traced(output) else []
            out_shape = np.shape(output)
            if block:
                jacobian = np.reshape(np.moveaxis(_join(block), 0, -1), out_shape + shape)
                if isinstance(jacobian, np.ndarray):
                    jacobian = np.array(jacobian, order="C")[()]
                found.append(jacobian)
            else:
                found.append(np.zeros(out_shape + shape, dtype_of(value))[()])
    return result


def _jacobian(
    f: Callable, argnums: Any, has_aux: bool, holomorphic: bool, chunk_size: int | None, mode: str
) -> Callable:
    if chunk_size is not None and not (isinstance(chunk_size, (int, np.integer)) and chunk_size >= 1):
        raise errors.bad_chunk_size(chunk_size)

    @_named_after(f, "jacobian")
    def jacobian_of(*args: Any, **kwargs: Any) -> Any:
        trace = Trace(f, args, kwargs, argnums, has_aux, "jacobian")
        _kind_needed(trace, holomorphic, "jacobian")
        inputs = sum(int(np.size(value)) for value in trace.values)
        outputs = sum(int(np.size(output)) for output in trace.outputs)
        forward = mode == "forward" or (mode == "by shape" and inputs < outputs)
        if forward:
            found = _columns(trace, chunk_size, holomorphic)
        else:
            found = [_rows(trace, output, chunk_size, holomorphic) for output in trace.outputs]
        result = unflatten(trace.out_structure, [trace.like_arguments(leaves) for leaves in found])
        return (result, trace.aux) if has_aux else result

    return jacobian_of


def jacobian(
    f: Callable,
    argnums: int | Sequence[int] = 0,
    has_aux: bool = False,
    holomorphic: bool = False,
    chunk_size: int | None = None,
) -> Callable:
    """A function that returns the Jacobian of `f`, an array of shape output.shape + argument.shape.

    One stacked sweep: forward if there are fewer inputs than outputs, else reverse. For trees, a tree like the output
    of trees like the argument.

    Parameters
    ----------
    f, argnums, has_aux, holomorphic
        As for `value_and_grad`, but `f` may return arrays, and trees of them.
    chunk_size : int, optional
        How many rows (or columns) go through a sweep at once; bounds the memory. By default about 256 MB worth.

    Raises
    ------
    TypeError
        For integer arguments, and for complex ones unless `holomorphic`.
    ValueError
        For a `chunk_size` below 1.

    Examples
    --------
    >>> import numpy as np
    >>> jacobian(lambda x: x[:2] * x[2])(np.array([1.0, 2.0, 3.0]))
    array([[3., 0., 1.],
           [0., 3., 2.]])
    """
    return _jacobian(f, argnums, has_aux, holomorphic, chunk_size, "by shape")


def jacfwd(
    f: Callable,
    argnums: int | Sequence[int] = 0,
    has_aux: bool = False,
    holomorphic: bool = False,
    chunk_size: int | None = None,
) -> Callable:
    """`jacobian` by forward mode: one stacked tangent for each input entry.

    Examples
    --------
    >>> import numpy as np
    >>> jacfwd(lambda t: np.stack([np.cos(t), np.sin(t)]))(0.0)
    array([0., 1.])
    """
    return _jacobian(f, argnums, has_aux, holomorphic, chunk_size, "forward")


def jacrev(
    f: Callable,
    argnums: int | Sequence[int] = 0,
    has_aux: bool = False,
    holomorphic: bool = False,
    chunk_size: int | None = None,
) -> Callable:
    """`jacobian` by reverse mode: one stacked cotangent for each output entry.

    Examples
    --------
    >>> import numpy as np
    >>> jacrev(lambda x: np.sum(x**2))(np.array([1.0, 2.0]))
    array([2., 4.])
    """
    return _jacobian(f, argnums, has_aux, holomorphic, chunk_size, "reverse")


def hessian(f: Callable, argnums: int | Sequence[int] = 0, chunk_size: int | None = None) -> Callable:
    """A function that returns the matrix of second derivatives of a scalar function, of shape x.shape + x.shape.

    Forward over reverse: the gradient is traced once and all tangents go through in one stacked sweep.

    Examples
    --------
    >>> import numpy as np
    >>> hessian(lambda x: x[0] ** 2 * x[1])(np.array([1.0, 2.0]))
    array([[4., 2.],
           [2., 0.]])
    """
    return jacfwd(grad(f, argnums), argnums, chunk_size=chunk_size)


def hvp(f: Callable) -> Callable:
    """A function (x, v) -> H(x) v, the Hessian of the scalar function `f` times a vector, without forming H.

    The result has the tree and shapes of `x`; so must `v`, or ValueError is raised. Forward over reverse (B. Pearlmutter, "Fast
    exact multiplication by the Hessian", 1994).

    Examples
    --------
    >>> import numpy as np
    >>> hvp(lambda x: np.sum(x**3))(np.array([1.0, 2.0]), np.array([1.0, 0.0]))
    array([6., 0.])
    """

    gradient = grad(f)

    def hessian_times_vector(x: Any, v: Any) -> Any:
        return jvp(gradient, (x,), (v,))[1]

    return hessian_times_vector


def elementwise_grad(f: Callable, argnum: int = 0) -> Callable:
    """The derivative of a function that acts on each entry alone, at every entry: the gradient of its sum.

    The result has the shape and dtype of argument number `argnum`. Raises TypeError for a complex output.

    Examples
    --------
    >>> import numpy as np
    >>> elementwise_grad(lambda x: x**3)(np.array([1.0, 2.0]))
    array([ 3., 12.])
    """

    @_named_after(f, "elementwise_grad")
    def derivative(*args: Any, **kwargs: Any) -> Any:
        trace = Trace(f, args, kwargs, argnum, False, "elementwise_grad")
        seeds: dict = {}
        for x in trace.outputs:
            if trace.traced(x):
                if dtype_of(x._val).kind == "c":
                    raise errors.complex_output(trace.plain(x), "elementwise_grad")
                seeds[x] = np.ones(np.shape(x._val), dtype_of(x._val))[()]
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
        while isinstance(value, Variable):
            value = value.val
        return value

    return map_tree(plain, x)


def checkpoint(f: Callable) -> Callable:
    """`f` without its intermediates: they are computed again when a sweep needs them, to save memory.

    Works in both modes and to any order. Variables that `f` captures from outside are seen too, but then nothing is saved.

    Examples
    --------
    >>> import numpy as np
    >>> grad(lambda x: np.sum(checkpoint(lambda u: np.sin(np.cos(u)))(x)))(np.zeros(2))
    array([-0., -0.])
    """

    @_named_after(f, "checkpoint")
    def recomputed(*args: Any, **kwargs: Any) -> Any:
        leaves, structure = flatten((args, kwargs))
        nodes = [x.node if isinstance(x, Variable) else x for x in leaves]
        level = max((x._level for x in nodes if isinstance(x, Variable)), default=-1)
        if level < 0:
            return f(*args, **kwargs)
        places = [i for i, x in enumerate(nodes) if isinstance(x, Variable) and x._level == level]

        def on_leaves(*values: Any) -> list:
            filled = list(nodes)
            for i, value in zip(places, values, strict=True):
                filled[i] = value
            inner_args, inner_kwargs = unflatten(structure, filled)
            out, shape_of_result[0] = flatten(f(*inner_args, **inner_kwargs))
            return out

        shape_of_result: list = [None]
        out = on_leaves(*(nodes[i]._val for i in places))
        if any(isinstance(x, Variable) and x._level >= level for x in out):
            return f(*args, **kwargs)  # it captured a variable of this trace
        primitive = _Recomputed(on_leaves)
        operands = tuple(nodes[i] for i in places)
        made = record(primitive, tuple(out), operands, {}, level, operands)
        return unflatten(shape_of_result[0], made)

    return recomputed


class _Recomputed(Primitive):
    """A checkpointed call: its edges come from running the function again."""

    def __init__(self, function: Callable):
        super().__init__(function, getattr(function, "__name__", "checkpoint"))

    def maps(self, node: Variable) -> list:
        values = self.values(node)
        trace = Trace(self.function, values, {}, tuple(range(len(values))), False, "checkpoint")
        return [(child, _recomputed_edge(trace, i)) for i, child in enumerate(node._args)]


def _recomputed_edge(trace: Trace, i: int) -> Opaque:
    from wengert.core.linear import Parts

    traced = [x for x in trace.outputs if trace.traced(x)]
    nodes = order(traced) if traced else []
    leaf, value = trace.leaves[i], trace.values[i]

    def push(tangent: Any) -> Parts:
        pushed = push_forward(nodes, {leaf: tangent}, traced)
        return Parts([pushed.get(x) if trace.traced(x) else None for x in trace.outputs])

    def pull(cotangent: Parts) -> Any:
        seeds: dict = {}
        lead = 0
        for x, g in zip(trace.outputs, cotangent.values, strict=True):
            if g is not None and trace.traced(x):
                lead = np.ndim(g) - np.ndim(x._val)
                seeds[x] = seeds[x] + g if x in seeds else g
        return pull_back(seeds, [leaf], keep=True, lead=lead).get(leaf) if seeds else None

    return Opaque(push, pull, np.shape(value), (), "recomputed")
