"""The Traced array: a concrete value that writes each operation on it into a program.

It intercepts NumPy by NumPy's own protocols, as the Variable does, and nests with it: inside a derivative, variables
hold traced arrays. `operations` says which instructions a NumPy function becomes; here is what an array is: views that
share a root's content, writes that make a new version of it, and the guards on what Python looks at.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from wengert.compiler.programs.program import BOOL, FLOAT64, INT64, Instruction
from wengert.compiler.trace.later import Later
from wengert.compiler.trace.tracing import Trace
from wengert.core.variable import Variable

NUMBERS = (bool, int, float)  # Python's own, which NumPy lets take an array's dtype


class Traced:
    """A value of a run, and the instruction that computes it in later ones.

    Attributes
    ----------
    concrete : array or number
        The value in this run, computed now if it has not been. Arrays share memory with each other exactly as eager NumPy's do.
    later : Later or None
        The value, while nobody has looked at it: `concrete` is not set.
    parent, path : Traced and (op, attributes), or None
        Of a view: what it views, and by which layout operation.
    """

    __slots__ = (
        "__weakref__",
        "_instruction",
        "_seen",
        "_version",
        "concrete",
        "first",
        "later",
        "parent",
        "path",
        "run",
    )
    __array_priority__ = 1000

    def __init__(self, trace: Trace, concrete: Any, instruction: Instruction):
        self.run, self._instruction = trace, instruction
        self.first = instruction  # of an argument: itself, whatever is written into it
        self.parent: Any = None
        self.path: Any = None
        self._version = self._seen = 0
        self.later: Later | None = None
        if type(concrete) is Later:
            self.later = concrete
            trace.waiting.append(self)
        else:
            self.concrete = concrete

    @property
    def stands_for(self) -> type:
        """The type of the value."""
        return type(self.concrete) if self.later is None else self.later.kind

    def look(self) -> Any:
        """Have the value computed: `concrete` is set from now on."""
        if self.later is not None:
            later, self.later = self.later, None
            self.concrete = later.value()
            if later.layout is not None:
                self._becomes_view(*later.layout)
        return self.concrete

    # -- content ------------------------------------------------------------------------------------------------------

    @property
    def root(self) -> Traced:
        found = self
        while found.parent is not None:
            found = found.parent
        return found

    @property
    def instruction(self) -> Instruction:
        """What computes the content as it is now: a view looks again at a root that was written since."""
        if self.parent is not None:
            version = self.root._version
            if version != self._seen:
                op, attributes = self.path
                self._instruction = self.run.emit(op, (self.parent.instruction,), self.shape, self.dtype, attributes)
                self._seen = version
        return self._instruction

    def layout(self, concrete: Any, op: str, attributes: tuple) -> Traced:
        """The result of a layout operation: a view of this array where NumPy's is, else an array of its own."""
        made = Traced(
            self.run,
            concrete,
            self.run.emit(op, (self.instruction,), np.shape(concrete), self.dtype, attributes),
        )
        if made.later is not None:
            made.later.layout = (self, op, attributes)
        else:
            made._becomes_view(self, op, attributes)
        return made

    def _becomes_view(self, parent: Traced, op: str, attributes: tuple) -> None:
        """Of what a layout operation on the parent made: it is a view if NumPy's is."""
        if (
            type(self.concrete) is np.ndarray
            and type(parent.concrete) is np.ndarray
            and shares(self.concrete, parent.concrete)
        ):
            self.parent, self.path, self._seen = parent, (op, attributes), parent.root._version

    def become(self, new: Instruction) -> None:
        """Replace the whole content; those who view the same root see it."""
        if self.parent is None:
            self._instruction = new
            self._version += 1
            return
        op, attributes = self.path
        parent, emit = self.parent, self.run.emit
        if op == "reshape":
            whole = emit("reshape", (new,), parent.shape, parent.dtype, (parent.shape,))
        elif op == "transpose":
            back = tuple(int(i) for i in np.argsort(attributes[0]))
            whole = emit("transpose", (new,), parent.shape, parent.dtype, (back,))
        elif op == "slice":
            whole = emit("setslice", (parent.instruction, new), parent.shape, parent.dtype, attributes)
        else:
            raise self.run.give_up(f"a write through a {op} view")
        parent.become(whole)

    def write(self, value: Any, concrete_write: Callable[[], Any]) -> None:
        """Make `value` (an instruction that broadcasts to this shape) the content, here and in the concrete memory."""
        self.run.look_at_all()
        for alias in self.run.aliases:
            if shares(alias, self.concrete):
                raise self.run.give_up("a write into memory that a result of another function shares")
        if id(self.root.concrete) in self.run.outside:
            raise self.run.give_up("a write into an array from outside the function")
        concrete_write()
        if not self.concrete.flags.writeable:
            return  # NumPy lets an array be copied onto itself
        self.run.wrote = True
        value = self.run.cast(value, self.dtype)
        if value.shape != self.shape:
            extra = len(value.shape) - len(self.shape)
            if extra > 0:
                value = self.run.emit("reshape", (value,), value.shape[extra:], value.dtype, (value.shape[extra:],))
            if value.shape != self.shape:
                value = self.run.emit("broadcast", (value,), self.shape, value.dtype, (self.shape,))
        self.become(value)

    # -- what an array tells of itself --------------------------------------------------------------------------------

    @property
    def shape(self) -> tuple[int, ...]:
        return np.shape(self.concrete) if self.later is None else self.later.shape

    @property
    def ndim(self) -> int:
        return np.ndim(self.concrete) if self.later is None else len(self.later.shape)

    @property
    def size(self) -> int:
        return math.prod(self.shape)

    @property
    def dtype(self) -> np.dtype:
        return self._instruction.dtype

    def __len__(self) -> int:
        return len(seen(self))  # NumPy's own error for what has no length

    def __iter__(self) -> Any:
        if not self.shape:
            return iter(seen(self))  # NumPy's own error
        return (self[i] for i in range(self.shape[0]))  # type: ignore[index]

    def __hash__(self) -> int:
        if issubclass(self.stands_for, np.ndarray):
            raise TypeError("unhashable type: 'numpy.ndarray'")
        return hash(
            self.guarded(self.concrete.item() if isinstance(self.concrete, np.generic) else self.concrete, "hash() of")
        )

    # -- what Python looks at becomes a guard -------------------------------------------------------------------------

    def __bool__(self) -> bool:
        if self.later is not None and finiteness(self._instruction):
            seen = self.run.assumes = True  # as nearly always: the program's own first run finds out
        else:
            seen = bool(self.concrete)  # NumPy's own error for arrays of several entries
        condition = self.run.cast(self.flat_instruction(), BOOL)
        self.run.guard(condition, seen, "a branch on")
        return seen

    def __int__(self) -> int:
        return self.guarded(int(self.concrete), "int() of")

    def __index__(self) -> int:
        if self.dtype.kind not in "iu" or (self.ndim and not isinstance(self.concrete, NUMBERS)):
            return self.concrete.__index__()  # NumPy's own error
        return self.guarded(int(self.concrete), "an index taken from")

    def __float__(self) -> float:
        return self.guarded(float(self.concrete), "float() of")

    def __complex__(self) -> complex:
        return self.guarded(complex(self.concrete), "complex() of")

    def guarded(self, seen: Any, what: str) -> Any:
        """A number that Python was given: the program holds where it is the same."""
        trace, x = self.run, self.flat_instruction()
        if x.dtype.kind == "c" or (isinstance(seen, int) and abs(seen) > 1 << 53):
            raise trace.give_up(f"{what} a traced value")
        if isinstance(seen, int) and x.dtype.kind == "f":
            x = trace.emit("trunc", (x,), (), x.dtype)
        x = trace.cast(x, FLOAT64 if x.dtype.kind == "f" else INT64)
        if seen != seen:
            condition = trace.emit("isnan", (x,), (), BOOL)
        else:
            wanted = trace.cast(trace.constant(seen), x.dtype)
            condition = trace.emit("equal", (x, wanted), (), BOOL)
        trace.guard(condition, True, what)
        if seen == 0 and x.dtype.kind == "f":  # which of the zeros
            trace.guard(trace.emit("signbit", (x,), (), BOOL), math.copysign(1.0, seen) < 0, what)
        return seen

    def flat_instruction(self) -> Instruction:
        """The one entry, as an instruction of no dimensions."""
        x = self.instruction
        return self.run.emit("reshape", (x,), (), x.dtype, ((),)) if x.shape else x

    def __array__(self, dtype: Any = None, copy: Any = None) -> Any:
        raise self.run.give_up(
            "a traced array was turned into a plain one by np.array, np.asarray, or an assignment into a plain array"
        )

    def __array_namespace__(self, api_version: str | None = None) -> Any:
        return Variable.__array_namespace__(self, api_version)  # type: ignore[arg-type]

    # -- NumPy's protocols --------------------------------------------------------------------------------------------

    def __array_ufunc__(self, ufunc: Any, method: str, *inputs: Any, **kwargs: Any) -> Any:
        for x in inputs:
            if isinstance(x, Variable):
                return NotImplemented
        return UFUNC(self.run, ufunc, method, inputs, kwargs)

    def __array_function__(self, func: Any, types: Any, args: tuple, kwargs: dict) -> Any:
        if any(issubclass(kind, Variable) for kind in types):
            return NotImplemented
        return FUNCTION(self.run, func, args, kwargs)

    def __getattr__(self, name: str) -> Any:
        if name == "concrete":
            return self.look()
        if type(self.concrete) in NUMBERS and hasattr(self.concrete, name) and not name.startswith("__"):
            return getattr(self.guarded(self.concrete, f"x.{name} of"), name)
        if name.startswith("__") or not hasattr(np.ndarray, name):
            raise AttributeError(f"'numpy.ndarray' object has no attribute {name!r}")
        raise self.run.give_up(f"x.{name} of a traced array")


# Set by `operations`, which knows what each function becomes.
UFUNC: Callable = lambda *_: NotImplemented
FUNCTION: Callable = lambda *_: NotImplemented


def shares(one: np.ndarray, other: np.ndarray) -> bool:
    """Can a write into one array be seen in the other?"""
    return bool(math.prod(one.shape) and np.may_share_memory(one, other))


def finiteness(x: Instruction) -> bool:
    """Does this say whether numbers are finite?"""
    while x.op in ("reduce", "reshape") and (x.op == "reshape" or x.attributes[0] == "logical_and"):
        (x,) = x.operands
    return x.op == "isfinite"


def concrete(x: Any) -> Any:
    """The plain value of an operand."""
    return x.concrete if type(x) is Traced else x


def seen(x: Any) -> Any:
    """The plain value of an operand, or while that waits what stands for it in questions about types and shapes."""
    if type(x) is not Traced:
        return x
    return x.concrete if x.later is None else x.later.stand_in()


def operand(x: Any) -> Any:
    """The plain value of an operand, or what will be it."""
    if type(x) is not Traced:
        return x
    return x.concrete if x.later is None else x.later


def place(x: Any) -> Any:
    """What tells which memory an operand's value lies in."""
    if type(x) is not Traced:
        return x
    return x.concrete if x.later is None or x.later.place is None else x.later.place
