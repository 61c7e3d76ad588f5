"""The program: the list of elementary operations that one run of a function took, after Wengert (1964).

An instruction has an operation, operands (other instructions) and a result of known shape and dtype. The set of
operations is small and said here; whatever NumPy offers beyond it is a `call`. This room knows nothing of tracing or of
native code.

    argument, external, constant     what comes in: a leaf of the arguments, an array read from outside, a literal
    add, multiply, exp, select, ...  entry by entry on operands of one dtype, broadcast: NumPy's ufuncs by name; `cast`
    reduce                           attributes: kind (a binary ufunc's name), axes
    reshape, transpose, broadcast    the same entries in another layout
    slice, setslice                  a box of entries, by start and step along each axis, read or replaced
    gather, scatter                  entries along one axis by an array of positions, read or added into
    contract                         a sum of products of two operands, as an einsum says it
    call, output                     a function of NumPy or SciPy, called back; one of its results
"""

from __future__ import annotations

import functools
import math
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import numpy as np

BOOL, INT64, FLOAT64, FLOAT32 = map(np.dtype, (np.bool_, np.int64, np.float64, np.float32))
INTEGERS = {np.dtype(code): f"i{8 * np.dtype(code).itemsize}" for code in "bBhHiIlLqQ"}  # read, stored and cast
PYTHONS = (bool, int, float, complex)  # numbers that are no arrays
# What native code computes with, by LLVM's names.
TYPES = {FLOAT64: "double", FLOAT32: "float", **INTEGERS, BOOL: "i1"}

# Names of operations entry by entry: ufuncs' own.
COMPARISONS = {"equal", "not_equal", "less", "less_equal", "greater", "greater_equal"}
TESTS = {"isfinite", "isnan", "isinf", "signbit"}
LOGICAL = {"logical_and", "logical_or", "logical_xor", "logical_not"}
FLOATING = {
    "add", "subtract", "multiply", "divide", "negative", "absolute", "maximum", "minimum", "fmax", "fmin", "sqrt", "power",
    "exp", "exp2", "expm1", "log", "log1p", "log2", "log10", "sin", "cos", "tan", "arcsin", "arccos", "arctan", "arctan2",
    "sinh", "cosh", "tanh", "cbrt", "hypot", "logaddexp", "expit", "erf", "erfc", "floor", "ceil", "trunc", "rint", "sign",
    "copysign", "floor_divide", "remainder",
}  # fmt: skip
INTEGER = {"add", "subtract", "multiply", "negative", "absolute", "maximum", "minimum", "bitwise_and", "bitwise_or"}
BOOLEAN = {"bitwise_and", "bitwise_or", "bitwise_xor", "invert"}


class Instruction:
    """One operation and its result."""

    __slots__ = ("attributes", "dtype", "line", "op", "operands", "shape")

    def __init__(
        self,
        op: str,
        operands: tuple[Instruction, ...],
        shape: tuple[int, ...],
        dtype: np.dtype,
        attributes: tuple = (),
        line: Any = None,
    ):
        self.op, self.operands, self.shape, self.dtype = op, operands, shape, dtype
        self.attributes, self.line = attributes, line

    @property
    def size(self) -> int:
        return math.prod(self.shape)

    def on(self, operands: tuple[Instruction, ...]) -> Instruction:
        """The same operation on other operands."""
        return Instruction(self.op, operands, self.shape, self.dtype, self.attributes, self.line)

    def __repr__(self) -> str:
        return f"<{self.op} {self.dtype}{list(self.shape)}>"


class Guard(NamedTuple):
    """What must hold for the program to be the right one: a truth value of the run, and what it was."""

    condition: Instruction
    expected: bool
    line: Any
    what: str


class Call(NamedTuple):
    """A function to be called back: `arguments` is a tree of (args, kwargs) with `Place`s where operands stand."""

    function: Callable
    arguments: Any
    name: str

    def __eq__(self, other: object) -> bool:
        return self is other

    def __hash__(self) -> int:
        return id(self)


class Place(NamedTuple):
    """Where an operand of a call, by its number, stands among the arguments, and what kind of value it is there."""

    operand: int
    kind: type  # np.ndarray, a NumPy scalar's class, or float, int, bool: Python's own


class Given(NamedTuple):
    """Stands among the arguments of a call for a leaf, by its number, of the compiled function's own arguments."""

    leaf: int


class Program:
    """Instructions in order, what is returned, what is written into arguments, and the guards.

    Attributes
    ----------
    results : list of Instruction
        The leaves of what the function returned.
    writes : list of (Instruction, Instruction)
        (argument, its content at the end) for each that the function wrote into.
    effects : list of Instruction
        Calls that are made even if nobody reads what they return.
    instructions : list of Instruction
        All that is needed for these, operands first.
    """

    def __init__(
        self, results: list, writes: list, guards: list[Guard], inputs: list[Instruction], effects: list | None = None
    ):
        self.results, self.writes, self.guards, self.inputs = results, writes, guards, inputs
        self.effects: list[Instruction] = effects or []

    @functools.cached_property
    def instructions(self) -> list[Instruction]:
        return ordered([*self.inputs, *self.roots()])

    def without(self, guards: Callable[[Guard], bool]) -> Program:
        """The program without some of its guards."""
        kept = [guard for guard in self.guards if not guards(guard)]
        if len(kept) == len(self.guards):
            return self
        return Program(self.results, self.writes, kept, self.inputs, self.effects)

    def roots(self) -> list[Instruction]:
        """Everything that has to be computed."""
        return [*self.results, *(new for _, new in self.writes), *(g.condition for g in self.guards), *self.effects]

    def rewritten(self, new: Callable[[Instruction], Instruction]) -> Program:
        """The program with each instruction replaced."""
        return Program(
            [new(x) for x in self.results],
            [(target, new(x)) for target, x in self.writes],
            [guard._replace(condition=new(guard.condition)) for guard in self.guards],
            self.inputs,
            [new(x) for x in self.effects],
        )

    def __len__(self) -> int:
        return len(self.instructions)

    def __iter__(self) -> Iterator[Instruction]:
        return iter(self.instructions)

    def __str__(self) -> str:
        return "\n".join(lines(self))


def ordered(roots: list[Instruction]) -> list[Instruction]:
    """All instructions that the roots need, operands first."""
    found: list[Instruction] = []
    entered: set[Instruction] = set()
    done: set[Instruction] = set()
    stack = roots[::-1]
    while stack:
        instruction = stack[-1]
        if instruction not in entered:
            entered.add(instruction)
            waiting = [x for x in instruction.operands[::-1] if x not in entered]
            if waiting:
                stack += waiting
                continue
        stack.pop()
        if instruction not in done:
            done.add(instruction)
            found.append(instruction)
    return found


def lines(program: Program) -> list[str]:
    """The printed form: number, result's dtype and shape, operation, operands by number, the user's line.

    >>> x = Instruction("argument", (), (3,), np.dtype(float), (0, "x"))
    >>> y = Instruction("multiply", (x, x), (3,), np.dtype(float))
    >>> print(Program([y], [], [], [x]))
      0  float64[3]    x
      1  float64[3]    multiply %0 %0
    return %1
    """
    number = {id(x): i for i, x in enumerate(program.instructions)}
    types = [f"{x.dtype}[{', '.join(map(str, x.shape))}]" for x in program.instructions]
    width = max((len(t) for t in types), default=0) + 4
    texts = [_text(x, number) for x in program.instructions]
    column = min(max((len(t) for t in texts), default=0), 60) + 3
    found = []
    for i, (x, kind, text) in enumerate(zip(program.instructions, types, texts, strict=True)):
        where = f"{text:{column}}# {place(x.line)}" if x.line else text
        found.append(f"{i:3}  {kind:{width}}{where}".rstrip())
    for guard in program.guards:
        mark = "" if guard.expected else "not "
        found.append(f"guard {mark}%{number[id(guard.condition)]}   # {guard.what} {place(guard.line)}".rstrip())
    found += [f"write %{number[id(new)]} into %{number[id(old)]}" for old, new in program.writes]
    found.append("return " + ", ".join(f"%{number[id(x)]}" for x in program.results))
    return found


def place(line: Any) -> str:
    """A line of the user's code: 'model.py:12'."""
    return "" if line is None else f"{str(line[0]).replace(chr(92), '/').rpartition('/')[2]}:{line[1]}"


def _text(x: Instruction, number: dict[int, int]) -> str:
    if x.op in ("argument", "external"):
        return str(x.attributes[1])
    if x.op == "constant":
        return f"constant {_literal(x.attributes[0])}"
    operands = " ".join(f"%{number[id(operand)]}" for operand in x.operands)
    if x.op == "call":
        return f"call {x.attributes[0].name} {operands}"
    told = " ".join(f"{a}" for a in x.attributes)
    return " ".join(part for part in (x.op, told, operands) if part)


def _literal(value: Any) -> str:
    value = np.asarray(value)
    return np.array2string(value, threshold=6, precision=6).replace("\n", "") if value.size < 20 else "array"
