"""What every ufunc can do besides being called: where=, out=, dtype=, and reduce, accumulate, outer, at, reduceat.

The core asks here when a ufunc is called with keywords or by another method. Nothing here has a derivative rule except the
reductions of ufuncs that are symmetric in their operands; all else is said in calls of the ufunc.
"""

from __future__ import annotations

import dis
import functools
import sys
import types
from collections.abc import Callable
from typing import Any

import numpy as np

from wengert.core import errors, linear
from wengert.core.linear import Compose, LinearMap, Scale, Sum, Take, Transpose
from wengert.core.primitive import structured
from wengert.core.registry import UFUNC_KEYWORDS, UFUNC_METHOD, find, implements, rules
from wengert.core.variable import Variable, dtype_of
from wengert.ops.complex import in_dtype
from wengert.ops.constants import CONSTANT_UFUNCS, plain
from wengert.ops.index import add_at, plain_index
from wengert.ops.targets import deliver

NO_VALUE = np._NoValue  # type: ignore[attr-defined]


# -- keywords ---------------------------------------------------------------------------------------------------------


@implements(UFUNC_KEYWORDS)
def with_keywords(
    ufunc: np.ufunc,
    *inputs: Any,
    out: Any = None,
    where: Any = True,
    dtype: Any = None,
    sig: Any = None,
    signature: Any = None,
    casting: str = "same_kind",
    order: str = "K",
    subok: bool = True,
    axes: Any = None,
    axis: Any = None,
    keepdims: bool = False,
) -> Any:
    """A ufunc called with keywords."""
    targets = () if out is None else out if isinstance(out, tuple) else (out,)
    if len(inputs) > ufunc.nin:  # np.add(x, y, z): the third is out
        inputs, targets = inputs[: ufunc.nin], inputs[ufunc.nin :]
    targets = targets + (None,) * (ufunc.nout - len(targets))
    signature = signature if signature is not None else sig
    if dtype is not None or signature is not None or casting != "same_kind":
        inputs = _cast(ufunc, inputs, dtype, signature, casting)
    where = plain(where)
    if where is not True:
        inputs = [_chosen(x, where) for x in inputs]
    compute = _core_axes(ufunc, axes, axis, keepdims) if ufunc.signature is not None else find(ufunc)
    with np.errstate(all=None if where is True else "ignore"):
        results = compute(*inputs)
    several = results if isinstance(results, tuple) else (results,)
    if where is not True:
        several = tuple(_only_where(where, r, t) for r, t in zip(several, targets, strict=True))
    several = tuple(
        _to_plain(ufunc, r, t) if _plain_array(t) else deliver(r, t, broadcast=True)
        for r, t in zip(several, targets, strict=True)
    )
    return several if ufunc.nout > 1 else several[0]


def _cast(ufunc: np.ufunc, inputs: Any, dtype: Any, signature: Any, casting: str) -> list:
    """The inputs in the dtypes of the loop that NumPy would choose."""
    kinds = [type(x) if type(x) in (int, float, complex) else dtype_of(x) for x in map(_number_or_array, inputs)]
    if signature is None and dtype is not None:
        signature = (None,) * ufunc.nin + (np.dtype(dtype),) * ufunc.nout
    elif isinstance(signature, str):
        left, _, right = signature.partition("->")
        signature = tuple(np.dtype(c) for c in left + right)
    elif signature is not None:
        signature = tuple(None if s is None else np.dtype(s) for s in signature)
        if len(signature) == 1:
            signature = (None,) * ufunc.nin + signature * ufunc.nout
    asked = {} if signature is None else {"signature": signature}
    loop = ufunc.resolve_dtypes((*kinds, *(None,) * ufunc.nout), casting=casting, **asked)
    return [in_dtype(x, d) for x, d in zip(inputs, loop, strict=False)]


def _number_or_array(x: Any) -> Any:
    return x if isinstance(x, (Variable, int, float, complex, np.generic, np.ndarray)) else np.asarray(x)


def _chosen(x: Any, where: Any) -> Any:
    """An operand with 1 where the result is not wanted: what is never computed must neither warn nor turn up as nan."""
    return np.where(where, x, 1)


def _only_where(where: Any, result: Any, target: Any) -> Any:
    return np.where(where, result, 0 if target is None else np.broadcast_to(target, np.shape(result)))


def _core_axes(ufunc: np.ufunc, axes: Any, axis: Any, keepdims: bool) -> Callable:
    """A generalized ufunc whose core axes are the last ones."""
    rule = find(ufunc)
    if axes is None and axis is None and not keepdims:
        return rule
    left, right = ufunc.signature.split("->")
    cores = [part.count(",") + 1 if part.strip("()") else 0 for part in [*left.split("),("), *right.split("),(")]]
    if axes is None:
        axes = [(-1 if axis is None else axis,) * c for c in cores]
    axes = [a if isinstance(a, tuple) else (a,) for a in axes]

    def moved(*inputs: Any) -> Any:
        ends = [np.moveaxis(x, a, range(-c, 0)) if c else x for x, a, c in zip(inputs, axes, cores, strict=False)]
        result = rule(*ends)
        if keepdims:
            result = np.expand_dims(result, axes[0])
        elif cores[-1] and len(axes) == len(cores):
            result = np.moveaxis(result, range(-cores[-1], 0), axes[-1])
        return result

    return moved


# -- targets ----------------------------------------------------------------------------------------------------------


def _plain_array(target: Any) -> bool:
    return target is not None and not isinstance(target, Variable)


def _to_plain(ufunc: np.ufunc, result: Any, target: np.ndarray) -> Any:
    """A result that is to go into a plain array.

    `total += x` is fine: the statement gives the name `total` to what is returned, so the variable takes its place. That
    holds only if nothing else knows `total`: another name, a list, a view would go on seeing the plain array.
    """
    if not isinstance(result, Variable):
        target[...] = result
        return target
    references = sys.getrefcount(target) - _depth(result)  # the node of each level holds its operands
    if isinstance(target, _Probe):
        target.references = references
        return target
    if not (target.flags.owndata and _in_place_statement() and references <= _references_of_one_name()):
        raise errors.plain_target(ufunc.__name__, target)
    if result.shape != target.shape:
        raise ValueError(
            f"non-broadcastable output operand with shape {target.shape} doesn't match the broadcast shape {result.shape}"
        )
    if not np.can_cast(result.dtype, target.dtype, "same_kind"):
        raise errors.plain_target(ufunc.__name__, target)
    return in_dtype(result, target.dtype)


def _depth(value: Any) -> int:
    """How many levels of variables there are in a value."""
    depth = 0
    while isinstance(value, Variable):
        value, depth = value.node._val, depth + 1
    return depth


class _Probe(np.ndarray):
    """An array that notes how many references `_to_plain` sees to it."""

    references = 0


@functools.cache
def _references_of_one_name() -> int:
    """How many references there are to the target of `name.total += x` when it has that one name; measured, not guessed."""
    name = types.SimpleNamespace(total=np.zeros(1).view(_Probe))
    name.total += Variable(np.zeros(1))
    return name.total.references


_BINARY_OP = dis.opmap["BINARY_OP"]
_ROOMS = ("wengert.ops.ufunc_methods", "wengert.core.variable")


def _in_place_statement() -> bool:
    """Does the user's code stand at `target += ...`, and not at a call such as np.add(..., out=target)?"""
    frame: Any = sys._getframe(1)
    while frame is not None and frame.f_globals.get("__name__") in _ROOMS:
        frame = frame.f_back
    return frame is not None and frame.f_code.co_code[frame.f_lasti] == _BINARY_OP


# -- reductions -------------------------------------------------------------------------------------------------------

REDUCTIONS = {np.add: np.sum, np.multiply: np.prod, np.maximum: np.max, np.minimum: np.min}
RUNNING = {np.add: np.cumsum, np.multiply: np.cumprod}


def _equal_share(out: Any, a: Any, axis: Any) -> Any:
    hit = (a == out) | ((a != a) & (out != out))
    return hit / np.maximum(np.sum(hit, axis=axis, keepdims=True), 1)


def _exponential_share(power: Callable) -> Callable:
    def share(out: Any, a: Any, axis: Any) -> Any:
        infinite = np.isinf(out)
        return np.where(infinite, _equal_share(out, a, axis), power(a - np.where(infinite, 0, out)))

    return share


def _length_share(out: Any, a: Any, axis: Any) -> Any:
    return np.where(out == 0, 0, a / np.where(out == 0, 1, out))


# The share of one operand in the result of a whole reduction, from the result (its axes kept) and the operand.
SHARES: dict[np.ufunc, Callable] = {
    np.logaddexp: _exponential_share(np.exp),
    np.logaddexp2: _exponential_share(np.exp2),
    np.hypot: _length_share,
    np.fmax: _equal_share,
    np.fmin: _equal_share,
}


def _symmetric(ufunc: np.ufunc, share: Callable) -> Any:
    """The reduction of a ufunc in which all operands play the same part: a primitive of its own."""

    def value(a: Any, axis: Any, keepdims: bool) -> Any:
        return ufunc.reduce(a, axis=axis, keepdims=keepdims)

    def edge(out: Any, a: Any, axis: Any, keepdims: bool) -> LinearMap:
        total = Sum(a.shape, axis, keepdims)
        return Compose(total, Scale(share(np.reshape(out, total.kept), a, axis), a.shape))

    return structured(value, edge, name=f"{ufunc.__name__}.reduce")


SYMMETRIC = {ufunc: _symmetric(ufunc, share) for ufunc, share in SHARES.items()}


def _axes(axis: Any, ndim: int) -> tuple[int, ...]:
    if axis is None:
        return tuple(range(ndim))
    return tuple(a % ndim if ndim else a for a in (axis if isinstance(axis, tuple) else (axis,)))


def reduce(ufunc, array, /, axis=0, dtype=None, out=None, keepdims=False, initial=NO_VALUE, where=True):
    array = in_dtype(array, dtype) if dtype is not None else array
    where = plain(where)
    if ufunc in REDUCTIONS:
        keywords: dict[str, Any] = {} if initial is NO_VALUE or initial is None else {"initial": initial}
        keywords |= {} if where is True else {"where": where}
        return deliver(find(REDUCTIONS[ufunc])(array, axis=axis, keepdims=keepdims, **keywords), _free(ufunc, out))
    if ufunc in SYMMETRIC and initial is NO_VALUE and where is True and np.ndim(array):
        result = SYMMETRIC[ufunc](array, axis=axis, keepdims=keepdims)
        return deliver(result, _free(ufunc, out))
    return deliver(_fold(ufunc, array, axis, keepdims, initial, where), _free(ufunc, out))


def _fold(ufunc: np.ufunc, array: Any, axis: Any, keepdims: bool, initial: Any, where: Any) -> Any:
    """A reduction one entry after the other, as NumPy does it."""
    shape = np.shape(array)
    axes = _axes(axis, len(shape))
    model = ufunc.reduce(  # NumPy's complaints, and the shape of the result
        np.ones(shape, dtype_of(array)),
        axis=axis,
        keepdims=keepdims,
        **({} if initial is NO_VALUE else {"initial": None if initial is None else 1}),
        **({} if where is True else {"where": where}),
    )
    rest = tuple(i for i in range(len(shape)) if i not in axes)
    order = axes + rest
    rows = np.reshape(np.transpose(array, order), (-1, *(shape[i] for i in rest)))
    taken = None
    if where is not True:
        taken = np.transpose(np.broadcast_to(where, shape), order).reshape(rows.shape)
    if initial is NO_VALUE and ufunc.identity is not None and not len(rows):
        initial = ufunc.identity
    result: Any = None if initial is NO_VALUE or initial is None else np.broadcast_to(initial, rows.shape[1:])
    for i in range(len(rows)):
        if result is None:
            result = rows[i]
            continue
        following = ufunc(result, rows[i])
        result = following if taken is None else np.where(taken[i], following, result)
    return np.reshape(result, np.shape(model))


def _free(ufunc: np.ufunc, out: Any) -> Any:
    """The target of a ufunc's method; a plain array cannot hold a variable."""
    target = out[0] if isinstance(out, tuple) else out
    if _plain_array(target):
        raise errors.plain_target(ufunc.__name__, target)
    return target


def accumulate(ufunc, array, /, axis=0, dtype=None, out=None):
    array = in_dtype(array, dtype) if dtype is not None else array
    if ufunc in RUNNING:
        return deliver(find(RUNNING[ufunc])(array, axis=axis), _free(ufunc, out))
    axis = np.lib.array_utils.normalize_axis_index(axis, np.ndim(array))
    rows = list(np.moveaxis(array, axis, 0))
    for i in range(1, len(rows)):
        rows[i] = ufunc(rows[i - 1], rows[i])
    return deliver(np.stack(rows, axis=axis) if rows else np.copy(array), _free(ufunc, out))


def _sums_edge(out, array, indices, axis) -> LinearMap:
    """Each sum takes its entries, and an entry may be in several sums."""
    n = array.shape[axis]
    runs = [np.arange(i, max(j, i + 1)) for i, j in zip(indices, [*indices[1:], n], strict=True)]
    sources = np.concatenate(runs)
    sums = np.repeat(np.arange(len(runs)), [run.size for run in runs])
    before, middle = (slice(None),) * axis, (*array.shape[:axis], sources.size, *array.shape[axis + 1 :])
    return Transpose(Take(out.shape, (*before, sums), middle)) @ Take(array.shape, (*before, sources), middle)


_sums = structured(lambda array, indices, axis: np.add.reduceat(array, indices, axis), _sums_edge, name="add.reduceat")


def reduceat(ufunc, array, indices, /, axis=0, dtype=None, out=None):
    array = in_dtype(array, dtype) if dtype is not None else array
    axis = np.lib.array_utils.normalize_axis_index(axis, np.ndim(array))
    n = np.shape(array)[axis]
    starts = np.asarray(plain_index(indices), dtype=np.intp)
    if np.any((starts < 0) | (starts >= n)):
        raise IndexError(f"index out of bounds for an axis of {n} entries in {ufunc.__name__}.reduceat")
    if ufunc is np.add and starts.size:
        return deliver(_sums(array, indices=starts, axis=axis), _free(ufunc, out))
    before, parts = (slice(None),) * axis, []
    for start, stop in zip(starts, [*starts[1:], n], strict=True):
        part = array[(*before, slice(int(start), max(int(stop), int(start) + 1)))]
        parts.append(reduce(ufunc, part, axis=axis))
    return deliver(np.stack(parts, axis=axis), _free(ufunc, out))


def outer(ufunc, a, b, /, **keywords):
    a, b = (x if isinstance(x, Variable) else np.asarray(x) for x in (a, b))
    return ufunc(np.reshape(a, np.shape(a) + (1,) * np.ndim(b)), b, **keywords)


def at(ufunc, target, indices, *operand):
    if _plain_array(target):
        raise errors.plain_target(f"{ufunc.__name__}.at", target)
    index = plain_index(indices)
    deliver(_after_at(ufunc, target, index, *operand), target)


def _after_at(ufunc: np.ufunc, target: Any, index: Any, *operand: Any) -> Any:
    """The target as ufunc.at leaves it: an entry that the index names k times is changed k times."""
    positions = np.arange(target.size).reshape(target.shape)[index]
    if operand:
        values = np.broadcast_to(operand[0], positions.shape)
        if ufunc in (np.add, np.subtract):
            amount = in_dtype(values, target.dtype)
            return add_at(target, amount if ufunc is np.add else -amount, index=index)
        values = np.reshape(values, (-1,))
    flat, positions = np.reshape(target, (-1,)), positions.reshape(-1)
    for chosen in _rounds(positions):
        places = (positions[chosen],)
        changed = ufunc(flat[places], *((values[chosen],) if operand else ()))
        spread = linear.put(in_dtype(changed, target.dtype), flat.shape, places, True)
        mask = np.zeros(flat.shape, bool)
        mask[places] = True
        flat = np.where(mask, spread, flat)
    return np.reshape(flat, target.shape)


def _rounds(positions: np.ndarray) -> list[np.ndarray]:
    """The order in which the positions are worked off, none of them twice in one round."""
    order = np.argsort(positions, kind="stable")
    ordered = positions[order]
    firsts = np.flatnonzero(np.concatenate(([True], ordered[1:] != ordered[:-1]))) if order.size else order
    occurrence = np.arange(order.size) - np.repeat(firsts, np.diff([*firsts, order.size]))
    return [order[occurrence == k] for k in range(int(occurrence.max(initial=-1)) + 1)]


for _name, _method in {
    "reduce": reduce, "accumulate": accumulate, "reduceat": reduceat, "outer": outer, "at": at,
}.items():  # fmt: skip
    rules[(UFUNC_METHOD, _name)] = _method


def _constant_method(ufunc: np.ufunc, name: str) -> Callable:
    def constant(*args: Any, **keywords: Any) -> Any:
        return getattr(ufunc, name)(*map(plain, args), **{key: plain(value) for key, value in keywords.items()})

    return constant


for _name in CONSTANT_UFUNCS:
    _ufunc = getattr(np, _name)
    if _ufunc.nin == 2:
        for _key in ("reduce", "accumulate", "reduceat", "outer"):
            rules[(_ufunc, _key)] = _constant_method(_ufunc, _key)
