"""Writes and views: what a variable stands for after it, or the memory that it looks at, has been written.

A node of the graph never changes: what was computed from it refers to it. So a write makes a *new version*, the node of
a `setitem`, and the variable that the user holds becomes a `Written`, which stands for the latest version of its
buffer. A `View` knows what it is a view of; when the buffer has been written since, it is taken again from the latest
version. Variables that are never written pay nothing. The caller's own arrays are never modified.

This room knows who stands for what, and `write`; NumPy's many functions that write are in `ops.writing`.
"""

from __future__ import annotations

import math
import operator
import weakref
from collections.abc import Callable
from typing import Any

import numpy as np

from wengert.core import errors
from wengert.core.primitive import node_of, pinned
from wengert.core.registry import ASSIGN, implements, primitives, rules
from wengert.core.variable import NO_PARAMS, WRITTEN, Variable, is_array, new_serial
from wengert.ops import elementwise as ew
from wengert.ops.constants import plain
from wengert.ops.index import is_basic, plain_index, setitem
from wengert.ops.methods import REFUSED
from wengert.ops.operators import _PLAIN, _divide
from wengert.ops.storage import Version, owned_alone, same_layout, stands_for_another, writable

# -- who stands for what ----------------------------------------------------------------------------------------------


class Buffer:
    """The memory that a written variable and its views share: its latest version, and the views taken of that."""

    __slots__ = ("__weakref__", "latest", "taken")

    def __init__(self) -> None:
        self.latest: Any = None
        self.taken: dict[Variable, Variable] = {}

    def put(self, version: Any) -> None:
        """Make a node the latest version."""
        level = version._level
        if level > 0 and (self.latest is None or self.latest._level != level):
            WRITTEN.setdefault(level, []).append(weakref.ref(self))
        if version.__class__ is Variable:
            version.__class__ = Version
        version._buffer = weakref.ref(self)
        self.latest = version
        self.taken.clear()

    def settle(self, level: int) -> None:
        """The trace that the latest version belongs to is over: what counts outside is the version's value.

        Were it kept, a variable that stands for this buffer and that the version was computed from would be kept by itself.
        """
        if self.latest._level == level:
            stored = self.latest._stored
            value = None if stored is not None else self.latest._val
            self.put(pinned(value) if isinstance(value, Variable) else _numbers_only(value, stored))


class Current(Version):
    """A variable whose value may be newer than the node that it was made as."""

    __slots__ = ()

    def __array__(self, dtype: Any = None, copy: Any = None) -> Any:
        if self.node._level >= 0:
            raise errors.to_array()
        return np.array(self.node._val, dtype=dtype)

    def __array_function__(self, func: Any, types: Any, args: tuple, kwargs: dict) -> Any:
        if func not in rules and not _holds_variable((args, kwargs)):
            return func(*_numbers(args), **_numbers(kwargs))
        return super().__array_function__(func, types, args, kwargs)

    def __array_ufunc__(self, ufunc: Any, method: str, *inputs: Any, **kwargs: Any) -> Any:
        if ufunc not in rules and not _holds_variable((inputs, kwargs)) and "out" not in kwargs:
            return getattr(ufunc, method)(*_numbers(inputs), **_numbers(kwargs))
        return super().__array_ufunc__(ufunc, method, *inputs, **kwargs)

    def __float__(self) -> float:
        node = self.node
        return float(node._val) if node._level < 0 else super().__float__()

    def __complex__(self) -> complex:
        node = self.node
        return complex(node._val) if node._level < 0 else super().__complex__()

    def __repr__(self) -> str:
        node = self.node
        return repr(node._val) if node._level < 0 else super().__repr__()

    def __str__(self) -> str:
        node = self.node
        return str(node._val) if node._level < 0 else super().__repr__()

    def copy(self, order: str = "C") -> Any:
        """numpy.ndarray.copy; the copy of a buffer of numbers is one, too."""
        node = self.node
        return fillable(node._val.copy(order)) if node._level < 0 else Variable.copy(self, order)  # type: ignore[attr-defined]

    def __copy__(self) -> Any:
        return self.copy()

    def __deepcopy__(self, memo: Any) -> Any:
        return self.copy("K")

    def __reduce_ex__(self, protocol: Any) -> Any:
        node = self.node
        return node._val.__reduce_ex__(protocol) if node._level < 0 else super().__reduce_ex__(protocol)


class Written(Current):
    """A variable that has been written: it is its buffer's latest version. As a node it stays what it was."""

    __slots__ = ()

    @property
    def node(self) -> Variable:
        return self._buffer.latest


class View(Current):
    """A view of another variable's memory: taken again when that has been written."""

    __slots__ = ()

    @property
    def node(self) -> Variable:
        root = self._root
        if root.__class__ is Variable:  # never written
            return self
        buffer = self._keep or buffer_of(root)
        if buffer is None or buffer.latest is root:
            return self
        node: Any = buffer.taken.get(self)
        if node is None:
            node = buffer.latest
            for view in reversed(_chain(self)):
                node = view._primitive(node, **view._params)
            buffer.taken[self] = node
        return node


class Fillable(Current):
    """A buffer of numbers that belongs to no trace: what `wengert.numpy.zeros` makes.

    As long as only numbers are written into it, it computes as the plain array that it is, and what is computed from it is
    plain. The first variable that is written into it makes it a variable of that trace.
    """

    __slots__ = ()


def fillable(array: np.ndarray) -> Any:
    """A buffer with the content of an array of floats or complex numbers; arrays of other dtypes stay plain."""
    if array.dtype.kind not in "fc":
        return array
    return _numbers_only(array)


def _numbers_only(array: Any, stored: Any = None) -> Fillable:
    made = object.__new__(Fillable)
    made._args, made._primitive, made._level, made._serial, made._params = (), None, -1, new_serial(), NO_PARAMS
    made._children = ()
    if stored is None:
        made._val = array
    else:
        made._stored = stored
    return made


def _holds_variable(values: Any) -> bool:
    """Is a variable with a derivative anywhere in here?"""
    if isinstance(values, Variable):
        return values.node._level >= 0
    if isinstance(values, dict):
        values = values.values()
    return isinstance(values, (tuple, list, type({}.values()))) and any(map(_holds_variable, values))


def _numbers(values: Any) -> Any:
    """Buffers of numbers, wherever they are in here, as the arrays that they are."""
    if isinstance(values, Variable):
        return values.node._val
    if isinstance(values, dict):
        return {key: _numbers(value) for key, value in values.items()}
    return type(values)(map(_numbers, values)) if type(values) in (tuple, list) else values


def buffer_of(root: Variable) -> Buffer | None:
    buffer = root._buffer
    return buffer() if isinstance(buffer, weakref.ref) else buffer


def _chain(view: Any) -> list:
    """The view, what it is a view of, and so on to the one that looks at the root."""
    chain = []
    while view.__class__ is View:
        chain.append(view)
        view = view._parent
    return chain


# -- views ------------------------------------------------------------------------------------------------------------

VIEWS = ("getitem", "reshape", "transpose", "broadcast_to", "real", "imag", "diagonal", "rot90", "diag",
         "sliding_window_view", "einsum")  # fmt: skip


class _Seen:
    """Where the value of a view is whose root's memory goes from version to version: there."""

    def value(self, node: Any) -> Any:
        chain = []
        while node._stored is self:
            chain.append(node)
            node = node._parent
        value = node._val
        for view in reversed(chain):
            value = view._primitive.function(value, **view._params)
        return value


_SEEN = _Seen()


def mark_view(node: Any, parent: Any) -> None:
    """Make a node a View if its value shares the memory of its operand's, as NumPy's views do."""
    value = node._val
    if value.__class__ is np.ndarray:
        base, content = value.base, getattr(parent, "_val", None)  # einsum's first operand may be an array
        if (
            base is None
            or content.__class__ is not np.ndarray
            # the last: what np.lib.stride_tricks makes is based on an object that is based on the array
            or (base is not content and base is not content.base and getattr(base, "base", None) is not content)
        ):
            if node._level < 0 and node._primitive.name == "getitem":  # y[mask] += x writes into what y[mask] copied
                node.__class__, node._args, node._children, node._primitive = Fillable, (), (), None
            return
    elif is_array(value):
        content = getattr(parent, "_val", None)
        if content is None or not np.may_share_memory(value, content):
            return
    elif value.__class__ is not View:
        return
    node.__class__ = View
    node._parent = parent
    if parent.__class__ is View:
        node._root, node._keep = parent._root, parent._keep
    elif parent.__class__ is Variable:
        node._root, node._keep = parent, None
        return
    else:
        node._root, node._keep = parent, buffer_of(parent)  # the buffer lives as long as one of its views
    if parent._stored is not None:
        del node._val  # it would keep the memory from going on to the next version
        node._stored = _SEEN


# -- writing ----------------------------------------------------------------------------------------------------------


def write(target: Variable, index: Any, value: Any) -> None:
    """target[index] = value."""
    index = plain_index(index)
    if isinstance(value, (list, tuple)):
        value = np.array(value, like=target) if _holds_variable(value) else np.asarray(_numbers(value))
    elif isinstance(value, Variable):
        if value.__class__ is View and _stands_at(value, target, index):
            return
        value = value.node
        if value._level < 0:
            value = value._val
    base: Any = target.node
    check_writeable(target)
    if target.__class__ is View and target._primitive.name == "sliding_window_view":  # one place is in many windows
        parent: Any = target._parent
        write(parent, np.unravel_index(_places(target, parent.shape)[index], parent.shape), value)
    elif base._level >= 0:
        _replace(target, setitem(base, value, index=index))
    elif isinstance(value, Variable):
        _replace(target, setitem(base._val, value, index=index))
    elif target.__class__ is not View and owned_alone(base) and not stands_for_another(value):
        base._val[index] = value
    else:  # somebody computed with it, or looks at it
        content = writable(base._val, value)
        content[index] = value
        _replace(target, content)


def check_writeable(target: Variable, complaint: str = "assignment destination is read-only") -> None:
    """Raise as NumPy does for what cannot be written: numbers, and memory that is seen many times or belongs to others."""
    base = target.node
    content = plain(base._val)
    if not is_array(content):
        raise TypeError(f"'{type(content).__name__}' object does not support item assignment")
    if not content.flags.writeable and (target.__class__ is View or base._primitive is None):
        raise ValueError(complaint)


def _stands_at(view: Variable, target: Variable, index: Any) -> bool:
    """Is the view target[index]? Python ends `x[i] += y` by putting the view x[i], written by then, where it is."""
    chain, ends = _chain(view), _chain(target)
    if len(chain) != len(ends) + 1 or chain[0]._primitive.name != "getitem":
        return False
    root, other = chain[-1]._root, ends[-1]._root if ends else target
    if root is not other and (buffer_of(root) is None or buffer_of(root) is not buffer_of(other)):
        return False
    steps = [(end._primitive, end._params) for end in ends]
    return (
        is_basic(index)
        and chain[0]._params["index"] == index
        and [(v._primitive, v._params) for v in chain[1:]] == steps
    )


def _replace(target: Any, new: Any) -> None:
    """Make `new`, an array or a node that nobody else holds, the whole content of the target."""
    while target.__class__ is View:
        parent = target._parent
        buffer = None if parent.__class__ is View else target._keep or buffer_of(parent)
        current = parent.node if buffer is None else buffer.latest
        new = _put_back(target, current if current._level >= 0 else current._val, new)
        target = parent
    new = new if isinstance(new, Variable) else fillable(new)
    buffer = buffer_of(target)
    if buffer is None:
        target._buffer = buffer = Buffer()
        target.__class__ = Written
    buffer.put(new)


def _put_back(view: Variable, parent: Any, new: Any) -> Any:
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
    if name == "transpose":
        axes = params.get("axes")
        return setitem(parent, np.transpose(new, None if axes is None else np.argsort(axes)), index=...)
    return setitem(parent, new, index=np.unravel_index(_places(view, shape), shape))


def _places(view: Variable, shape: tuple) -> np.ndarray:
    """Which entry of its parent, counted in C order, each entry of a view is."""
    return view._primitive.function(np.arange(math.prod(shape)).reshape(shape), **view._params)


@implements(ASSIGN)
def assign(target: Any, value: Any, broadcast: bool = False) -> Any:
    """target[...] = value, and the target: what `out=` asks for."""
    if not isinstance(target, Variable):
        raise errors.plain_target("out=", target)
    shape, wanted = np.shape(value), target.shape
    if shape != wanted and not (broadcast and np.broadcast_shapes(shape, wanted) == wanted):
        raise ValueError(
            f"non-broadcastable output operand with shape {wanted} doesn't match the broadcast shape {shape}"
        )
    _check_same_kind(value, target)
    write(target, Ellipsis, value)
    return target


def _check_same_kind(value: Any, target: Variable) -> None:
    dtype = getattr(value, "dtype", None)
    if dtype is not None and dtype != target.dtype:  # NumPy's own complaint if it does not fit
        np.positive(np.zeros(0, dtype), out=np.zeros(0, target.dtype), casting="same_kind")


# -- operators --------------------------------------------------------------------------------------------------------


def _in_place(name: str) -> Callable:
    def in_place(self: Variable, other: Any) -> Any:
        node = self.node
        if not is_array(plain(node._val)):
            return NotImplemented  # numbers are immutable: Python binds the name to a new one
        other = number_or_variable(other)
        check_writeable(self, "output array is read-only")
        if node._level < 0 and not isinstance(other, Variable):
            alone = self.__class__ is not View and owned_alone(node) and not stands_for_another(other)
            content = getattr(node._val if alone else writable(node._val, other), f"__i{name}__")(other)
            if not alone:
                _replace(self, content)
            return self
        result = getattr(node if node._level >= 0 else node._val, f"__{name}__")(other)
        if result is NotImplemented:
            return result
        if result.shape != node.shape:
            raise ValueError(
                f"non-broadcastable output operand with shape {node.shape} "
                f"doesn't match the broadcast shape {result.shape}"
            )
        _check_same_kind(result, self)
        fresh = result.__class__ is Variable and result is not other and result is not node
        if not fresh or result.dtype != node.dtype or not same_layout(plain(result._val), plain(node._val)):
            result = setitem(node if node._level >= 0 else node._val, result, index=...)
        _replace(self, result)
        return self

    return in_place


def _on_node(name: str) -> Callable:
    """An operator on the node that the variable stands for now."""
    original = getattr(Variable, name)

    def on_node(self: Variable, *args: Any) -> Any:
        node = self.node
        args = tuple(map(number_or_variable, args))
        return getattr(node._val, name)(*args) if node._level < 0 else original(node, *args)

    return on_node


def _arithmetic(name: str, primitive: Any, function: Callable) -> tuple[Callable, Callable]:
    """An operator and its reflection straight to the primitive, for operands of one trace and plain ones."""
    slow, slow_reflected = _on_node(f"__{name}__"), _on_node(f"__r{name}__")

    def forward(self: Variable, other: Any) -> Any:
        node = self.node
        level = node._level
        if level >= 0:
            if other.__class__ in _PLAIN:
                return node_of(primitive, function(node._val, other), (node, other), NO_PARAMS, level, (node,))
            if isinstance(other, Variable):
                other = other.node
                if other._level == level:
                    args = (node, other)
                    return node_of(primitive, function(node._val, other._val), args, NO_PARAMS, level, args)
        elif isinstance(other, Variable) and other.node._level >= 0:
            return getattr(other, f"__r{name}__")(node._val)
        return slow(self, other)

    def reflected(self: Variable, other: Any) -> Any:
        node = self.node
        level = node._level
        if level >= 0:
            if other.__class__ in _PLAIN:
                return node_of(primitive, function(other, node._val), (other, node), NO_PARAMS, level, (node,))
            if other.__class__ is Variable and other._level == level:
                args = (other, node)
                return node_of(primitive, function(other._val, node._val), args, NO_PARAMS, level, args)
        elif isinstance(other, Variable) and other.node._level >= 0:
            return getattr(other, f"__{name}__")(node._val)
        return slow_reflected(self, other)

    return forward, reflected


def number_or_variable(x: Any) -> Any:
    """A buffer that holds only numbers as the array that it is."""
    if isinstance(x, Current):
        node = x.node
        return node._val if node._level < 0 else x
    return x


BINARY = ["add", "sub", "mul", "truediv", "pow", "floordiv", "mod", "matmul"]


def _of_numbers(name: str) -> Callable:
    """A method that a buffer of numbers has and a variable refuses, because it would drop the derivative."""
    refused = getattr(Variable, name)

    def method(self: Variable, *args: Any, **params: Any) -> Any:
        node = self.node
        return getattr(node._val, name)(*args, **params) if node._level < 0 else refused(self, *args, **params)

    return method


def _set_real(self: Any, value: Any) -> None:
    write(np.real(self), Ellipsis, value)


def _set_imag(self: Any, value: Any) -> None:
    if self.dtype.kind != "c":
        raise TypeError("array does not have imaginary part to set")
    write(np.imag(self), Ellipsis, value)


def install() -> None:
    """Give the Variable what writes into it, and make the view-making primitives mark their results."""
    for name in VIEWS:
        primitives[name].mark = mark_view
    setattr(Variable, "__setitem__", write)  # noqa: B010 - Variable says nothing of writing
    Variable.real = Variable.real.setter(_set_real)  # type: ignore[attr-defined]
    Variable.imag = Variable.imag.setter(_set_imag)  # type: ignore[attr-defined]
    for name in BINARY:
        setattr(Variable, f"__i{name}__", _in_place(name))
    for name in [*(f"__{n}__" for n in BINARY), *(f"__r{n}__" for n in BINARY), "__divmod__", "__rdivmod__"]:
        setattr(Current, name, _on_node(name))
    for name in ("__neg__", "__pos__", "__abs__"):
        setattr(Current, name, _on_node(name))
    for name, primitive, function in (
        ("add", ew.add, operator.add),
        ("sub", ew.subtract, operator.sub),
        ("mul", ew.multiply, operator.mul),
        ("truediv", ew.divide, _divide),
    ):
        forward, reflected = _arithmetic(name, primitive, function)
        setattr(Current, f"__{name}__", forward)
        setattr(Current, f"__r{name}__", reflected)
    for name in REFUSED:
        setattr(Current, name, _of_numbers(name))
