"""Writes and views, as new versions of the same buffer.

A node of the graph never changes: what was computed from it refers to it. So a write makes a *new version*, the node of
a `setitem`, and the variable that the user holds becomes a `Written`, which stands for the latest version of its
buffer. A `View` knows what it is a view of; when the buffer has been written since, it is taken again from the latest
version. Variables that are never written and views of them pay nothing. The caller's own arrays are never modified.
"""

from __future__ import annotations

import math
import weakref
from collections.abc import Callable
from typing import Any

import numpy as np

from wengert.core import errors
from wengert.core.linear import Broadcast, LinearMap, Reshape, Select, Take, Transpose
from wengert.core.primitive import structured
from wengert.core.registry import implements, primitives
from wengert.core.variable import Variable, new_serial
from wengert.ops.constants import plain
from wengert.ops.index import along_axis, plain_index

# -- the primitive ----------------------------------------------------------------------------------------------------


def _setitem_value(base: Any, value: Any, index: Any) -> Any:
    out = np.array(base)
    out[index] = value
    return out


def _selection(shape: tuple, index: Any) -> tuple[tuple, np.ndarray | None]:
    """The shape of x[index], and for an index with arrays which of its entries stay: the last one to a place wins."""
    probe = np.broadcast_to(np.empty(()), shape)[index]
    parts = index if isinstance(index, tuple) else (index,)
    if all(isinstance(i, (int, np.integer, slice)) or i is None or i is Ellipsis for i in parts):
        return probe.shape, None
    places = np.arange(math.prod(shape)).reshape(shape)[index]
    winner = np.full(math.prod(shape), -1)
    winner[places.reshape(-1)] = np.arange(places.size)
    return places.shape, (winner[places.reshape(-1)] == np.arange(places.size)).reshape(places.shape)


def _base_edge(out: Any, base: Any, value: Any, index: Any) -> LinearMap:
    kept = np.ones(base.shape, bool)
    kept[index] = False
    return Select(kept, base.shape)


def _value_edge(out: Any, base: Any, value: Any, index: Any) -> LinearMap:
    shape, stays = _selection(base.shape, index)
    edge: LinearMap = Transpose(Take(base.shape, index, shape, unique=True))
    if stays is not None and not stays.all():
        edge = edge @ Select(stays, shape)
    flat = value.shape[max(0, len(value.shape) - len(shape)) :]  # NumPy lets leading axes of length 1 be too many
    return edge @ Broadcast(flat, shape) @ Reshape(value.shape, flat)


setitem = structured(_setitem_value, _base_edge, _value_edge, name="setitem")


# -- who stands for what ----------------------------------------------------------------------------------------------


class Buffer:
    """The memory that a written variable and its views share: its latest version."""

    __slots__ = ("__weakref__", "latest")

    def __init__(self, latest: Variable):
        self.latest = latest


class _Current(Variable):
    """A variable whose value may be newer than the node that it was made as."""

    __slots__ = ()


class Written(_Current):
    """A variable that has been written: its latest version is its buffer's. Its own node stays as it was."""

    __slots__ = ()

    @property
    def node(self) -> Variable:
        return self._buffer.latest


class View(_Current):
    """A view of another variable's memory: taken again when that has been written."""

    __slots__ = ()

    @property
    def node(self) -> Variable:
        root = _root(self)
        buffer = _buffer_of(root)
        if buffer is None or buffer.latest is root:
            return self
        version, node = self._latest or (None, self)
        if version is not buffer.latest:
            version = node = buffer.latest
            for view in reversed(_chain(self)):
                node = view._primitive(node, **view._params)
            self._latest = (version, node)
        return node

    def __array__(self, dtype: Any = None, copy: Any = None) -> Any:
        return _as_array(self, dtype)


class Fillable(_Current):
    """A buffer of numbers that belongs to no trace: what `wengert.numpy.zeros` makes.

    As long as only numbers are written into it, it computes as the plain array that it is, and what is computed from it is
    plain. The first variable that is written into it makes it a variable of that trace.
    """

    __slots__ = ()

    def __array__(self, dtype: Any = None, copy: Any = None) -> Any:
        return _as_array(self, dtype)

    def __repr__(self) -> str:
        return repr(self._val)


def fillable(array: np.ndarray) -> Any:
    """A buffer with the content of an array of floats or complex numbers; arrays of other dtypes stay plain."""
    if array.dtype.kind not in "fc":
        return array
    made = object.__new__(Fillable)
    made._val, made._args, made._primitive, made._level, made._serial = array, (), None, -1, new_serial()
    return made


def _as_array(variable: Variable, dtype: Any) -> Any:
    node = variable.node
    if node._level >= 0:
        raise errors.to_array()
    return np.array(node._val, dtype=dtype)


def _root(view: Any) -> Any:
    """The variable at the end of a chain of views."""
    while view.__class__ is View:
        view = view._parent
    return view


def _chain(view: Any) -> list:
    chain = []
    while view.__class__ is View:
        chain.append(view)
        view = view._parent
    return chain


def _buffer_of(root: Variable) -> Buffer | None:
    buffer = root._buffer
    return buffer() if isinstance(buffer, weakref.ref) else buffer


VIEWS = ("getitem", "reshape", "transpose", "broadcast_to", "real", "imag", "diagonal", "rot90", "diag")


def mark_view(node: Any, parent: Any) -> Variable:
    """Make a node a View if its value shares the memory of its operand's, as NumPy's views do."""
    value = node._val
    shares = value.base is not None if value.__class__ is np.ndarray else value.__class__ is View
    if shares and np.may_share_memory(plain(value), plain(parent._val)):
        node.__class__ = View
        node._parent = parent
        node._keep = _buffer_of(_root(parent))  # the buffer lives as long as one of its views
    return node


# -- writing ----------------------------------------------------------------------------------------------------------


def write(target: Variable, index: Any, value: Any) -> None:
    """target[index] = value."""
    index = plain_index(index)
    value = np.asarray(value) if isinstance(value, (list, tuple)) and not _holds(value) else value
    if isinstance(value, (list, tuple)):
        value = np.array(value, like=target)
    base: Any = target.node
    content = plain(base._val)
    if content.__class__ is not np.ndarray:
        raise TypeError(f"'{type(content).__name__}' object does not support item assignment")
    if not content.flags.writeable:
        raise ValueError("assignment destination is read-only")
    if isinstance(value, Variable):
        value = value.node
        if value._level < 0:
            value = value._val
    if base._level < 0 and not isinstance(value, Variable):
        content[index] = value
        return
    if base._level < 0:
        base = content
    _replace(target, setitem(base, value, index=index))


def _holds(values: Any) -> bool:
    return any(isinstance(v, Variable) or (isinstance(v, (list, tuple)) and _holds(v)) for v in values)


def _replace(target: Any, new: Any) -> None:
    """Make `new`, a node that nobody else holds, the whole content of the target."""
    while target.__class__ is View:
        parent = target._parent
        buffer = None if parent.__class__ is View else _buffer_of(parent)
        current = parent.node if buffer is None else buffer.latest
        if current._level < 0:
            current = current._val
        new = _put_back(target, current, new)
        target = parent
    buffer = _buffer_of(target)
    if buffer is None:
        buffer = Buffer(new)
        target._buffer = buffer
        target.__class__ = Written
    buffer.latest = new
    new._buffer = weakref.ref(buffer)


def _put_back(view: Variable, parent: Any, new: Any) -> Variable:
    """The parent's content with the view's place in it taken by `new`."""
    name, params = view._primitive.name, view._params
    if name == "getitem":
        return setitem(parent, new, index=params["index"])
    if name == "real":
        return setitem(parent, new + 1j * np.imag(parent), index=...)
    if name == "imag":
        return setitem(parent, np.real(parent) + 1j * new, index=...)
    shape = np.shape(parent)
    if name == "reshape":
        return setitem(parent, np.reshape(new, shape), index=...)
    places = view._primitive.function(np.arange(math.prod(shape)).reshape(shape), **params)
    return setitem(parent, new, index=np.unravel_index(places, shape))


def assign(target: Any, value: Any) -> Any:
    """target[...] = value, and the target: what `out=` asks for."""
    if not isinstance(target, Variable):
        raise errors.plain_target("out=", target)
    write(target, Ellipsis, value)
    return target


# -- in-place operators -------------------------------------------------------------------------------------------------


def _in_place(name: str) -> Callable:
    def operator(self: Variable, other: Any) -> Any:
        node = self.node
        content = plain(node._val)
        if content.__class__ is not np.ndarray:
            return getattr(self, f"__{name}__")(other)  # numbers are immutable: the name is bound to a new one
        if node._level < 0 and not isinstance(other, Variable):
            getattr(content, f"__i{name}__")(other)
            return self
        result = getattr(node, f"__{name}__")(other)
        if result is NotImplemented:
            return result
        if result.shape != content.shape:
            raise ValueError(
                f"non-broadcastable output operand with shape {content.shape} "
                f"doesn't match the broadcast shape {result.shape}"
            )
        if result.dtype != content.dtype:  # NumPy's own complaint if the result does not fit
            np.positive(np.zeros(0, result.dtype), out=np.zeros(0, content.dtype), casting="same_kind")
        if not content.flags.writeable:
            raise ValueError("output array is read-only")
        if result.dtype != content.dtype or result.__class__ is not Variable or result is other:
            result = setitem(node if node._level >= 0 else content, result, index=...)
        _replace(self, result)
        return self

    return operator


def _current_operator(name: str) -> Callable:
    """An operator on the node that the variable stands for now."""
    original = getattr(Variable, name)

    def operator(self: Variable, *args: Any) -> Any:
        node = self.node
        if node._level < 0:
            function = getattr(plain(node._val), name)
            return function(*(plain_if_fillable(x) for x in args))
        return original(node, *args)

    return operator


def plain_if_fillable(x: Any) -> Any:
    """A buffer that holds only numbers as the array that it is."""
    if isinstance(x, Variable):
        node = x.node
        return node._val if node._level < 0 else x
    return x


BINARY = ["add", "sub", "mul", "truediv", "pow", "floordiv", "mod", "matmul"]


def install() -> None:
    """Give the Variable what writes into it, and make the view-making primitives mark their results."""
    for name in VIEWS:
        if name in primitives:
            primitives[name].mark = mark_view
    setattr(Variable, "__setitem__", write)  # noqa: B010 - Variable says nothing of writing
    for name in BINARY:
        setattr(Variable, f"__i{name}__", _in_place(name))
    for name in [*(f"__{n}__" for n in BINARY), *(f"__r{n}__" for n in BINARY), "__divmod__", "__rdivmod__"]:
        setattr(_Current, name, _current_operator(name))
    for name in ("__neg__", "__pos__", "__abs__"):
        setattr(_Current, name, _current_operator(name))
    Variable.sort = sort  # type: ignore[attr-defined]
    Variable.partition = partition  # type: ignore[attr-defined]
    Variable.fill = fill  # type: ignore[attr-defined]
    Variable.put = put  # type: ignore[attr-defined]


# -- methods and functions that write ------------------------------------------------------------------------------------


def sort(self: Variable, axis: int = -1, kind: Any = None, order: Any = None, *, stable: Any = None) -> None:
    """x.sort(): in place."""
    assign(self, np.sort(self, axis=axis, kind=kind) if stable is None else np.sort(self, axis=axis, stable=stable))


def partition(self: Variable, kth: Any, axis: int = -1, kind: str = "introselect", order: Any = None) -> None:
    """x.partition(): in place."""
    assign(self, np.partition(self, kth, axis=axis, kind=kind))  # type: ignore[call-overload]


def fill(self: Variable, value: Any) -> None:
    """x.fill(value)."""
    write(self, Ellipsis, value)


def put(self: Variable, indices: Any, values: Any, mode: str = "raise") -> None:
    """x.put(indices, values): into the flattened array."""
    places = np.take(np.arange(self.size), plain_index(indices), mode=mode)  # type: ignore[call-overload]
    places = places.reshape(-1)
    if places.size:
        write(self, np.unravel_index(places, self.shape), _repeated(values, places.size))


def _repeated(values: Any, size: int) -> Any:
    """The values in flat order, repeated or cut to `size` of them, as NumPy does."""
    flat = np.reshape(values, (-1,)) if isinstance(values, Variable) else np.asarray(values).reshape(-1)
    return flat[np.arange(size) % flat.shape[0]]


def _target(name: str, a: Any) -> Variable:
    if not isinstance(a, Variable):
        raise errors.plain_target(name, a)
    return a


@implements(np.copyto)
def copyto(dst, src, casting="same_kind", where=True) -> None:
    target = _target("np.copyto", dst)
    source = src if isinstance(src, Variable) else np.asarray(src)
    if not np.can_cast(source.dtype, target.dtype, casting):
        np.copyto(np.zeros(0, target.dtype), np.zeros(0, source.dtype), casting=casting)
    where = plain(where)
    write(target, Ellipsis, source if where is True else np.where(where, source, target))


@implements(np.put)
def put_(a, ind, v, mode="raise") -> None:
    put(_target("np.put", a), ind, v, mode)


@implements(np.put_along_axis)
def put_along_axis(arr, indices, values, axis) -> None:
    indices = plain(indices)
    target: Any = _target("np.put_along_axis", arr)
    if axis is None:
        target, axis = np.reshape(target, (-1,)), 0
    write(target, along_axis(target.shape, indices, axis), values)


@implements(np.place)
def place(arr, mask, vals) -> None:
    target, places = _target("np.place", arr), np.flatnonzero(plain(mask))
    if places.size:
        write(target, np.unravel_index(places, target.shape), _repeated(vals, places.size))


@implements(np.putmask)
def putmask(a, mask, values) -> None:
    target, places = _target("np.putmask", a), np.flatnonzero(plain(mask))
    if places.size:
        flat = np.reshape(values, (-1,)) if isinstance(values, Variable) else np.asarray(values).reshape(-1)
        write(target, np.unravel_index(places, target.shape), flat[places % flat.shape[0]])


@implements(np.fill_diagonal)
def fill_diagonal(a, val, wrap=False) -> None:
    target = _target("np.fill_diagonal", a)
    marks = np.zeros(target.shape, bool)
    np.fill_diagonal(marks, True, wrap)
    places = np.flatnonzero(marks)
    write(target, np.unravel_index(places, target.shape), _repeated(val, places.size))
