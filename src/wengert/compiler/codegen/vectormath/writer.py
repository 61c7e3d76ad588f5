"""Writes one function of vectors as LLVM IR text: `Value` has Python's operators, so a formula reads as in a book.

Every operation is one instruction, in the order in which Python evaluates it, with no fast-math flag: what is
written is what is computed. Vectors of width 1 are plain scalars.
"""

from __future__ import annotations

from collections.abc import Callable

from .formats import Format

FLOAT, INTEGER, MASK = "float", "integer", "mask"


class Value:
    """An SSA value: a vector of floats, of integers of the same size, or of truth values."""

    __slots__ = ("code", "kind", "name")

    def __init__(self, code: Code, name: str, kind: str):
        self.code, self.name, self.kind = code, name, kind

    def __add__(self, other):
        return self.code.binary("fadd" if self.kind == FLOAT else "add", self, other)

    def __sub__(self, other):
        return self.code.binary("fsub" if self.kind == FLOAT else "sub", self, other)

    def __mul__(self, other):
        return self.code.binary("fmul" if self.kind == FLOAT else "mul", self, other)

    def __truediv__(self, other):
        return self.code.binary("fdiv", self, other)

    def __radd__(self, other):
        return self.code.value(other, self.kind) + self

    def __rsub__(self, other):
        return self.code.value(other, self.kind) - self

    def __rmul__(self, other):
        return self.code.value(other, self.kind) * self

    def __rtruediv__(self, other):
        return self.code.value(other, self.kind) / self

    def __neg__(self):
        return self.code.emit(f"fneg {self.code.types[FLOAT]} {self.name}", FLOAT)

    def __and__(self, other):
        return self.code.binary("and", self, other)

    def __or__(self, other):
        return self.code.binary("or", self, other)

    def __xor__(self, other):
        return self.code.binary("xor", self, other)

    def __invert__(self):
        return self.code.binary("xor", self, True if self.kind == MASK else -1)

    def __lshift__(self, count: int):
        return self.code.binary("shl", self, count)

    def __rshift__(self, count: int):
        """The logical shift: the only one that every vector unit has."""
        return self.code.binary("lshr", self, count)

    # Comparisons of floats are false for nan.
    def __lt__(self, other):
        return (
            self.code.compare("fcmp olt", self, other)
            if self.kind == FLOAT
            else self.code.compare("icmp slt", self, other)
        )

    def __le__(self, other):
        return self.code.compare("fcmp ole", self, other)

    def __gt__(self, other):
        return (
            self.code.compare("fcmp ogt", self, other)
            if self.kind == FLOAT
            else self.code.compare("icmp sgt", self, other)
        )

    def __ge__(self, other):
        return self.code.compare("fcmp oge", self, other)

    def equals(self, other) -> Value:
        return self.code.compare("fcmp oeq" if self.kind == FLOAT else "icmp eq", self, other)

    def above_or_nan(self, other) -> Value:
        return self.code.compare("fcmp ugt", self, other)

    def not_below(self, other) -> Value:
        """self >= other, or one of them is nan."""
        return self.code.compare("fcmp uge", self, other)

    def is_nan(self) -> Value:
        return self.code.compare("fcmp uno", self, self)

    def bits(self) -> Value:
        types = self.code.types
        return self.code.emit(f"bitcast {types[FLOAT]} {self.name} to {types[INTEGER]}", INTEGER)

    def as_float(self) -> Value:
        """The float with these bits."""
        types = self.code.types
        return self.code.emit(f"bitcast {types[INTEGER]} {self.name} to {types[FLOAT]}", FLOAT)


class Code:
    """The body of one function under construction."""

    def __init__(self, format: Format, width: int, has_fma: bool, declare: Callable):
        self.declare = declare
        self.format, self.width, self.has_fma = format, width, has_fma
        element = {FLOAT: format.llvm, INTEGER: format.integer, MASK: "i1"}
        self.types = {kind: vector(name, width) for kind, name in element.items()}
        self.suffix = format.name if width == 1 else f"v{width}{format.name}"  # of intrinsics
        self.lines: list[str] = []
        self.definitions: dict[str, str] = {}  # what the function calls, by symbol
        self._serial = 0
        self._block = "entry"

    # --- values

    def emit(self, instruction: str, kind: str) -> Value:
        self._serial += 1
        self.lines.append(f"  %{self._serial} = {instruction}")
        return Value(self, f"%{self._serial}", kind)

    def argument(self, name: str) -> Value:
        return Value(self, f"%{name}", FLOAT)

    def value(self, x, kind: str) -> Value:
        """A constant, unless it is a value already."""
        if isinstance(x, Value):
            return x
        if kind == FLOAT:
            constant = self.format.text(x)
        else:
            constant = ("true" if x else "false") if kind == MASK else str(int(x))
        element = {FLOAT: self.format.llvm, INTEGER: self.format.integer, MASK: "i1"}[kind]
        return Value(self, constant if self.width == 1 else f"splat ({element} {constant})", kind)

    def number(self, x: float) -> Value:
        return self.value(x, FLOAT)

    def integer(self, x: int) -> Value:
        return self.value(x, INTEGER)

    def binary(self, operation: str, left: Value, right) -> Value:
        right = self.value(right, left.kind)
        return self.emit(f"{operation} {self.types[left.kind]} {left.name}, {right.name}", left.kind)

    def compare(self, predicate: str, left: Value, right) -> Value:
        right = self.value(right, left.kind)
        return self.emit(f"{predicate} {self.types[left.kind]} {left.name}, {right.name}", MASK)

    def where(self, mask: Value, yes, no) -> Value:
        kind = next((x.kind for x in (yes, no) if isinstance(x, Value)), FLOAT)
        yes, no = self.value(yes, kind), self.value(no, kind)
        type = self.types[kind]
        return self.emit(f"select {self.types[MASK]} {mask.name}, {type} {yes.name}, {type} {no.name}", kind)

    def intrinsic(self, name: str, *operands) -> Value:
        """A call of `llvm.<name>` on floats, which LLVM turns into an instruction."""
        values = [self.value(x, FLOAT) for x in operands]
        type = self.types[FLOAT]
        symbol = f"@llvm.{name}.{self.suffix}"
        self.definitions[symbol] = f"declare {type} {symbol}({', '.join([type] * len(values))})\n"
        return self.emit(f"call {type} {symbol}({', '.join(f'{type} {x.name}' for x in values)})", FLOAT)

    def call(self, name: str, *operands: Value) -> Value:
        """A call of another vector function, of the same format, width and instructions."""
        symbol, definitions = self.declare(name, self.format.dtype, self.width, self.has_fma)
        self.definitions |= definitions
        type = self.types[FLOAT]
        return self.emit(f"call {type} {symbol}({', '.join(f'{type} {x.name}' for x in operands)})", FLOAT)

    def rarely(self, mask: Value, usual: list[Value], compute: Callable[[], list[Value]]) -> list[Value]:
        """`usual`, but what `compute` writes where the mask is true; jumped over if the mask is false everywhere."""
        self._serial += 1
        rare, onward = f"rare{self._serial}", f"onward{self._serial}"
        any_lane = mask.name
        if self.width > 1:
            symbol = f"@llvm.vector.reduce.or.v{self.width}i1"
            self.definitions[symbol] = f"declare i1 {symbol}({self.types[MASK]})\n"
            any_lane = self.emit(f"call i1 {symbol}({self.types[MASK]} {mask.name})", MASK).name
        before = self._block
        self.lines += [f"  br i1 {any_lane}, label %{rare}, label %{onward}", f"{rare}:"]
        self._block = rare
        chosen = [self.where(mask, other, value) for other, value in zip(compute(), usual, strict=True)]
        self.lines += [f"  br label %{onward}", f"{onward}:"]
        after, self._block = self._block, onward
        return [
            self.emit(f"phi {self.types[v.kind]} [ {v.name}, %{before} ], [ {c.name}, %{after} ]", v.kind)
            for v, c in zip(usual, chosen, strict=True)
        ]

    def muladd(self, x, y, z) -> Value:
        """x y + z, with one rounding where the machine has such an instruction."""
        if self.has_fma:
            return self.intrinsic("fma", x, y, z)
        return self.value(x, FLOAT) * y + z

    def fabs(self, x) -> Value:
        return self.intrinsic("fabs", x)

    def copysign(self, magnitude, sign) -> Value:
        return self.intrinsic("copysign", magnitude, sign)

    def sqrt(self, x) -> Value:
        return self.intrinsic("sqrt", x)

    def maximum(self, x: Value, y) -> Value:
        """The larger of two numbers; y if one is nan, as the machine's instruction has it."""
        return self.where(x > y, x, y)

    def minimum(self, x: Value, y) -> Value:
        return self.where(x < y, x, y)


def vector(element: str, width: int) -> str:
    """LLVM's type of `width` elements; a scalar for one."""
    return element if width == 1 else f"<{width} x {element}>"
