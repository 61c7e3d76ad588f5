"""The Variable: a value that remembers the edges it was computed through.

A node of the graph holds its value, the primitive that made it and that primitive's operands. Edges are built from
them only when somebody asks. This room knows no NumPy function by name: `primitive.py` keeps the registry, and the
rooms `ops` and `inplace` install the operators and methods that they define.
"""

from __future__ import annotations

import itertools
import sys
from typing import Any

import numpy as np

from wengert.core import errors
from wengert.core.registry import BACKWARD, HAND_MADE, NAME, PINNED, UFUNC_KEYWORDS, UFUNC_METHOD, find, rules

# Of two nested traces the one begun later has the larger number, so that it is the inner one. Drawing a number is atomic.
new_level = itertools.count(1).__next__
# The place in the order of execution: a child always has a smaller one than its parents.
new_serial = itertools.count().__next__

# What was written while a trace was open, by the trace's level, until the trace is closed (see `inplace`).
WRITTEN: dict[int, list] = {}


def settle(level: int) -> None:
    """Close a trace: what was written in it becomes what its values are outside, and lets go of the trace's graph."""
    for reference in WRITTEN.pop(level):
        buffer = reference()
        if buffer is not None:
            buffer.settle(level)


NO_PARAMS: dict[str, Any] = {}
FREED: Any = ("freed",)  # stands where the operands of a node were before a sweep freed it


class Variable:
    """A number or array that remembers how it was computed.

    Parameters
    ----------
    val : float, complex or array
        The value. Python ints are taken as floats; integer and boolean arrays are refused.
    children : tuple of Variable
        The variables that it was computed from; empty for a leaf.
    local_gradients : tuple of (Variable, partial)
        Each child with the partial derivative along that edge: a number, an array or a linear map.

    Raises
    ------
    TypeError
        If `val` is not numeric, or is an integer or boolean array.

    Examples
    --------
    >>> a = Variable(4.0).set_name("a")
    >>> b = Variable(1.0).set_name("b")
    >>> L = (a - b) * (b + 1)
    >>> L.name
    '(a - b) * (b + 1)'
    >>> gradients(L)[a]
    np.float64(2.0)
    """

    # What an operation sets: its value, its primitive, all operands (_args) with parameters, those of them that are variables
    # of its trace (_children), level and serial number. The others stay unset until needed (see OrNone).
    __slots__ = (
        "__weakref__",
        "_args",
        "_buffer",
        "_children",
        "_edges",
        "_grad",
        "_keep",
        "_level",
        "_name",
        "_params",
        "_parent",
        "_primitive",
        "_root",
        "_serial",
        "_stored",
        "_val",
    )
    _buffer: Any  # what `inplace` knows of a variable that is written or that views another
    _keep: Any
    _parent: Any
    _root: Any
    _stored: Any  # where the value is, when its memory went on to a later version

    def __init__(self, val: Any, children: tuple = (), local_gradients: tuple = ()):
        val = as_differentiable(val)
        if isinstance(val, Variable):
            val = rules[PINNED](val)
            self._level = new_level()
        else:
            self._level = 0
        self._val = val
        self._serial = new_serial()
        self._params = NO_PARAMS
        self._args: tuple = ()
        self._children: tuple = ()
        self._primitive: Any = None
        if children or local_gradients:
            self._primitive, self._args = rules[HAND_MADE](children, local_gradients)
            self._level = max(child._level for child in self._args)
            self._children = tuple(child for child in self._args if child._level == self._level)

    # -- the seed's words ---------------------------------------------------------------------------------------------

    @property
    def node(self) -> Variable:
        """The place in the graph that this variable stands for now (`inplace` gives written variables a new one)."""
        return self

    @property
    def val(self) -> Any:
        """The plain value; an array can be read and not written, for the graph computes with it."""
        value = self.node._val
        if value.__class__ is np.ndarray and value.flags.writeable:
            value = value.view()
            value.flags.writeable = False
        return value

    @val.setter
    def val(self, value: Any) -> None:
        raise errors.fixed_value()

    @property
    def edges(self) -> tuple:
        """Pairs (child, linear map), one for each operand that is a variable; built when first asked for."""
        return self.node.own_edges()

    def own_edges(self) -> tuple:
        """The edges of this very node, whatever was written since: what sweeps read."""
        if self._args is FREED:
            raise errors.freed()
        if not self._args:
            return ()
        if self._edges is None:
            self._edges = self._primitive.edges(self)
        return self._edges

    @property
    def children(self) -> tuple:
        """The variables that this one was computed from, one for each edge."""
        return tuple(child for child, _ in self.local_gradients)

    @property
    def local_gradients(self) -> tuple:
        """Pairs (child, partial): a number or an array for an elementwise edge, otherwise a linear map."""
        node = self.node
        if node._args is FREED:
            raise errors.freed()
        return node._primitive.local_gradients(node) if node._args else ()

    @property
    def name(self) -> str:
        """The given name, or one put together from the operands' names: '(a - b) * (b + 1)'."""
        return rules[NAME](self)

    def set_name(self, name: str) -> Variable:
        """Give the variable a name and return it."""
        self._name = str(name)
        return self

    @property
    def grad(self) -> Any:
        """The gradient that `backward` left here; None before."""
        return self._grad

    @grad.setter
    def grad(self, value: Any) -> None:
        self._grad = value

    def backward(self, cotangent: Any = None, keep: bool = False) -> None:
        """Add d(self)/d(leaf) to the `.grad` of every leaf, freeing the graph on the way.

        Parameters
        ----------
        cotangent : array, optional
            Needed unless the value is a real scalar: what to pull back, of the value's shape.
        keep : bool
            Keep the graph, and leave a gradient at every node and not at the leaves only.

        Raises
        ------
        TypeError
            If the value is not a real scalar and no cotangent is given.
        RuntimeError
            If an earlier `backward` has freed the graph.
        """
        rules[BACKWARD](self, cotangent, keep)

    # -- what an array tells of itself --------------------------------------------------------------------------------

    @property
    def shape(self) -> tuple[int, ...]:
        return np.shape(self.node._val)

    @property
    def ndim(self) -> int:
        return len(self.shape)

    @property
    def size(self) -> int:
        return int(np.size(self.node._val))

    @property
    def dtype(self) -> np.dtype:
        return dtype_of(self.node._val)

    def __len__(self) -> int:
        if not self.shape:
            raise TypeError("len() of unsized object")
        return self.shape[0]

    def __bool__(self) -> bool:
        return bool(self.node._val)

    def __int__(self) -> int:
        return int(self.node._val)

    def __iter__(self) -> Any:
        if not self.shape:
            raise TypeError("iteration over a 0-d array")
        return (self[i] for i in range(self.shape[0]))

    def __repr__(self) -> str:
        value, given = self.node._val, f", name={self._name!r}" if self._name is not None else ""
        text = (
            repr(value)
            if isinstance(value, Variable)
            else np.array2string(np.asarray(value), threshold=20, precision=6)
        )
        if self.shape == ():
            text = repr(value) if isinstance(value, Variable) else f"{value:.6g}"
        return f"Variable({text}, shape={self.shape}, dtype={self.dtype}{given})"

    def __format__(self, spec: str) -> str:
        return format(self.node._val, spec) if spec else repr(self)

    __hash__ = object.__hash__

    # -- what would drop a derivative ---------------------------------------------------------------------------------

    def __float__(self) -> float:
        raise errors.to_float("float(x), a function of the module math, or buffer[i] = x on a plain array")

    def __complex__(self) -> complex:
        raise errors.to_float("complex(x) or a function of the module cmath")

    def __array__(self, dtype: Any = None, copy: Any = None) -> Any:
        raise errors.to_array()

    # -- NumPy's protocols --------------------------------------------------------------------------------------------

    def __array_namespace__(self, api_version: str | None = None) -> Any:
        # NumPy; by SciPy's name for it if SciPy is loaded, because it refuses two names in one call.
        return sys.modules.get("scipy._lib.array_api_compat.numpy", np)

    def __array_ufunc__(self, ufunc: Any, method: str, *inputs: Any, **kwargs: Any) -> Any:
        if method == "__call__" and not kwargs:
            rule = rules.get(ufunc)
            return (rule or find(ufunc))(*inputs)
        if method != "__call__":
            rule = rules.get((ufunc, method))
            return rule(*inputs, **kwargs) if rule else find((UFUNC_METHOD, method))(ufunc, *inputs, **kwargs)
        return find(UFUNC_KEYWORDS)(ufunc, *inputs, **kwargs)

    def __array_function__(self, func: Any, types: Any, args: tuple, kwargs: dict) -> Any:
        return find(func)(*args, **kwargs)


def new_leaf(value: Any, level: int) -> Variable:
    """A variable of a trace that was not computed from others; of level -1 it is a number's."""
    made = object.__new__(Variable)
    made._val, made._args, made._primitive, made._level, made._serial = value, (), None, level, new_serial()
    made._params, made._children = NO_PARAMS, ()
    return made


class OrNone:
    """A slot that reads as None until it is set. (A __getattr__ for them would make Python's every access slower.)"""

    def __init__(self, slot: Any):
        self.slot = slot

    def __get__(self, variable: Any, kind: Any = None) -> Any:
        try:
            return self.slot.__get__(variable, kind)
        except AttributeError:
            return None

    def __set__(self, variable: Any, value: Any) -> None:
        self.slot.__set__(variable, value)


for _name in ("_buffer", "_edges", "_grad", "_name", "_stored"):
    setattr(Variable, _name, OrNone(Variable.__dict__[_name]))

FLOAT64 = np.dtype(np.float64)


def as_differentiable(value: Any) -> Any:
    """The value as something that has a derivative: ints become floats; what has none raises."""
    if isinstance(value, Variable):
        value = value.node
        return value if value._level >= 0 else value._val
    kind = value.__class__
    if kind is float or kind is np.float64:
        return value
    if kind is int:
        return float(value)
    dtype = getattr(value, "dtype", None)
    if dtype is None:
        if isinstance(value, (bool, np.bool_)) or not isinstance(value, (int, float, complex)):
            raise errors.integer_array(value) if isinstance(value, bool) else errors.not_numeric(value)
        return np.complex128(value) if isinstance(value, complex) else float(value)
    if dtype.kind in "iub":
        raise errors.integer_array(value)
    if dtype.kind not in "fc":
        raise errors.not_numeric(value)
    if kind is not np.ndarray and isinstance(value, (np.matrix, np.ma.MaskedArray)):
        raise errors.array_subclass(value)
    return value


def is_array(value: Any) -> bool:
    """Is it an array, and not a number? What stands for another value (see `compile`) says of which type by `stands_for`."""
    return issubclass(getattr(value, "stands_for", type(value)), np.ndarray)


def dtype_of(value: Any) -> np.dtype:
    """The dtype that NumPy would give the value."""
    dtype = getattr(value, "dtype", None)
    if dtype is not None:
        return dtype
    return np.dtype(complex) if isinstance(value, complex) else FLOAT64
