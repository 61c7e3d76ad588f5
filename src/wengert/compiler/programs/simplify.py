"""Simplify: fold what is constant, share what is said twice, drop what nobody needs, and a little algebra.

Instructions are made again in order by `Simplifier.make`, through one table of rules for each operation. A rule gets the
would-be instruction and gives one that says the same in fewer operations, or None. Nothing here changes a value by more than a
rounding, and nothing turns a nan or an infinity into a number: x * 0 stays.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable
from typing import Any

import numpy as np

from wengert.compiler.programs import boxes
from wengert.compiler.programs.program import COMPARISONS, FLOATING, LOGICAL, TESTS, Instruction, Program

ELEMENTWISE = FLOATING | COMPARISONS | LOGICAL | TESTS | {"select", "cast", "bitwise_and", "bitwise_or"}
COMMUTATIVE = {"add", "multiply", "logical_and", "logical_or", "equal", "not_equal"}
IMPURE = {"argument", "external", "call", "output"}


def simplify(program: Program) -> Program:
    """The same program in fewer operations."""
    maker = Simplifier()
    new: dict[Instruction, Instruction] = {}
    for x in program.instructions:
        operands = tuple([new[y] for y in x.operands])
        if x.op in IMPURE:
            new[x] = x if operands == x.operands else x.on(operands)
        else:
            new[x] = maker.make(x.op, operands, x.shape, x.dtype, x.attributes, x.line)
    return program.rewritten(new.__getitem__).without(lambda guard: guard.condition.op == "constant")


class Simplifier:
    """Makes instructions, each once."""

    def __init__(self) -> None:
        self.made: dict[Any, Instruction] = {}
        self.ranks: dict[Instruction, int] = {}
        self.line: Any = None

    def make(
        self, op: str, operands: tuple, shape: tuple, dtype: np.dtype, attributes: tuple = (), line: Any = None
    ) -> Instruction:
        """The instruction, or a simpler one of the same value."""
        if line is not None:
            self.line = line
        if op == "constant":
            value = attributes[0]
            key: Any = (op, dtype.char, np.asarray(value).tobytes() if np.size(value) <= 16 else id(value), shape)
        else:
            if op in COMMUTATIVE and operands[0].shape == operands[1].shape:
                one, other = operands
                if self._rank(one) > self._rank(other):
                    operands = other, one
            key = (op, operands, shape, dtype.char, attributes)
        known = self.made.get(key)
        if known is None:
            x = Instruction(op, operands, shape, dtype, attributes, self.line)
            self.made[key] = known = self._simpler(x) or x
        return known

    def _rank(self, x: Instruction) -> int:
        """A number by which operands are put in order: the same in every process, so that the text is, too."""
        ranks = self.ranks
        return ranks.setdefault(x, len(ranks))

    def _simpler(self, x: Instruction) -> Instruction | None:
        if x.op in ELEMENTWISE:
            found = self._elementwise(x)
            if found is not None:
                return found
        rule = RULES.get(x.op)
        return rule(self, x) if rule is not None else None

    # -- shorthands for the rules

    def constant(self, value: Any, dtype: np.dtype) -> Instruction:
        return self.make("constant", (), (), dtype, (dtype.type(value),))

    def uniform(self, value: Instruction, shape: tuple) -> Instruction:
        return self.broadcast(value, shape)

    def broadcast(self, x: Instruction, shape: tuple) -> Instruction:
        return x if x.shape == shape else self.make("broadcast", (x,), shape, x.dtype, (shape,))

    def reshape(self, x: Instruction, shape: tuple) -> Instruction:
        return x if x.shape == shape else self.make("reshape", (x,), shape, x.dtype, (shape,))

    def slice(self, x: Instruction, starts: tuple, lengths: tuple) -> Instruction:
        return self.make("slice", (x,), lengths, x.dtype, (starts, (1,) * len(starts)))

    def apply(self, op: str, *operands: Instruction, dtype: np.dtype | None = None) -> Instruction:
        shape = np.broadcast_shapes(*(x.shape for x in operands))
        return self.make(op, operands, shape, operands[-1].dtype if dtype is None else dtype)

    # -- entry by entry

    def _elementwise(self, x: Instruction) -> Instruction | None:
        operands = x.operands
        if not x.shape:
            for y in operands:
                if y.op != "constant":
                    return None
            return self._folded(x)
        if x.shape and x.size == 1:
            numbers = tuple(self.reshape(y, ()) for y in operands)
            return self.reshape(self.make(x.op, numbers, (), x.dtype, x.attributes), x.shape)
        if any(y.op == "broadcast" for y in operands):
            stripped = tuple(y.operands[0] if y.op == "broadcast" else y for y in operands)
            shape = np.broadcast_shapes(*(y.shape for y in stripped))
            made = self.make(x.op, stripped, shape, x.dtype, x.attributes)
            return self.broadcast(made, x.shape)
        if any(y.op == "pieces" and y.shape == x.shape for y in operands):
            return boxes.elementwise(self, x)
        return None

    def _folded(self, x: Instruction) -> Instruction | None:
        values = [y.attributes[0] for y in x.operands]
        with np.errstate(all="ignore"):
            if x.op == "cast":
                value = np.asarray(values[0]).astype(x.dtype)[()]
            elif x.op == "select":
                value = values[1] if values[0] else values[2]
            else:
                function = getattr(np, x.op, None)
                if function is None:
                    return None
                value = function(*values)
        return self.constant(value, x.dtype)


def constant_of(x: Instruction) -> Any:
    """The number that all entries of x are known to be, or None."""
    if x.op == "broadcast":
        x = x.operands[0]
    if x.op == "constant" and x.size == 1:
        return np.asarray(x.attributes[0]).reshape(())[()]
    return None


def _fit(s: Simplifier, x: Instruction, like: Instruction) -> Instruction:
    return s.broadcast(x, like.shape)


def add(s: Simplifier, x: Instruction) -> Instruction | None:
    a, b = x.operands
    for one, other in ((a, b), (b, a)):
        if constant_of(other) == 0:
            return _fit(s, one, x)
    for one, other in ((a, b), (b, a)):
        if other.op == "negative":
            return s.make("subtract", (one, other.operands[0]), x.shape, x.dtype)
    return None


def subtract(s: Simplifier, x: Instruction) -> Instruction | None:
    a, b = x.operands
    if constant_of(b) == 0:
        return _fit(s, a, x)
    if constant_of(a) == 0:
        return s.make("negative", (_fit(s, b, x),), x.shape, x.dtype)
    if b.op == "negative":
        return s.make("add", (a, b.operands[0]), x.shape, x.dtype)
    return None


def multiply(s: Simplifier, x: Instruction) -> Instruction | None:
    a, b = x.operands
    for one, other in ((a, b), (b, a)):
        factor = constant_of(other)
        if factor is None:
            continue
        if factor == 1:
            return _fit(s, one, x)
        if factor == -1:
            return s.make("negative", (_fit(s, one, x),), x.shape, x.dtype)
        if one.op == "multiply" and x.dtype.kind == "f":
            for inner, rest in (one.operands, one.operands[::-1]):
                second = constant_of(inner)
                if second is not None and (_power_of_two(factor) or _power_of_two(second)):
                    with np.errstate(all="ignore"):
                        both = factor * second
                    if np.isfinite(both) and both != 0:
                        return s.make("multiply", (s.constant(both, x.dtype), rest), x.shape, x.dtype)
        if one.op == "negative":
            return s.make("multiply", (s.constant(-factor, x.dtype), one.operands[0]), x.shape, x.dtype)
    if a.op == "negative" and b.op == "negative":
        return s.make("multiply", (a.operands[0], b.operands[0]), x.shape, x.dtype)
    return None


def _power_of_two(value: Any) -> bool:
    return bool(np.isfinite(value)) and value != 0 and abs(math.frexp(float(value))[0]) == 0.5


def divide(s: Simplifier, x: Instruction) -> Instruction | None:
    a, b = x.operands
    divisor = constant_of(b)
    if divisor is not None and divisor == 1:
        return _fit(s, a, x)
    if divisor is not None and _power_of_two(divisor) and np.isfinite(1 / divisor):
        return s.make("multiply", (a, s.constant(1 / divisor, x.dtype)), x.shape, x.dtype)
    return None


def negative(s: Simplifier, x: Instruction) -> Instruction | None:
    (a,) = x.operands
    if a.op == "negative":
        return a.operands[0]
    if a.op == "subtract":  # -(a - b) is b - a but for the sign of a zero
        return s.make("subtract", a.operands[::-1], x.shape, x.dtype)
    if a.op == "multiply" and x.dtype.kind == "f":
        for one, other in (a.operands, a.operands[::-1]):
            factor = constant_of(one)
            if factor is not None:
                return s.make("multiply", (s.constant(-factor, x.dtype), other), x.shape, x.dtype)
    return None


def power(s: Simplifier, x: Instruction) -> Instruction | None:
    a, b = x.operands
    exponent = constant_of(b)
    if exponent is None or x.dtype.kind != "f":
        return None
    a = _fit(s, a, x)
    if exponent == 1:
        return a
    if exponent == 2:
        return s.make("multiply", (a, a), x.shape, x.dtype)
    if exponent == 3:
        return s.make("multiply", (s.make("multiply", (a, a), x.shape, x.dtype), a), x.shape, x.dtype)
    if exponent == 4:
        square = s.make("multiply", (a, a), x.shape, x.dtype)
        return s.make("multiply", (square, square), x.shape, x.dtype)
    if exponent == -1:
        return s.make("divide", (s.constant(1, x.dtype), a), x.shape, x.dtype)
    return None


def select(s: Simplifier, x: Instruction) -> Instruction | None:
    condition, yes, no = x.operands
    if yes is no:
        return _fit(s, yes, x)
    known = constant_of(condition)
    if known is not None:
        return _fit(s, yes if known else no, x)
    return None


def cast(s: Simplifier, x: Instruction) -> Instruction | None:
    return x.operands[0] if x.operands[0].dtype == x.dtype else None


def logical_not(s: Simplifier, x: Instruction) -> Instruction | None:
    (a,) = x.operands
    return a.operands[0] if a.op == "logical_not" else None


# -- layout -----------------------------------------------------------------------------------------------------------


def reshape(s: Simplifier, x: Instruction) -> Instruction | None:
    (a,) = x.operands
    if a.shape == x.shape:
        return a
    if a.op == "reshape":
        return s.reshape(a.operands[0], x.shape)
    if a.op == "broadcast" and not a.operands[0].shape:
        return s.broadcast(a.operands[0], x.shape)
    if a.op == "constant":
        value = np.reshape(a.attributes[0], x.shape)
        return s.make("constant", (), x.shape, x.dtype, (value if x.shape else value[()],))
    if a.op == "pieces":
        return boxes.reshaped(s, a, x.shape)
    return None


def transpose(s: Simplifier, x: Instruction) -> Instruction | None:
    (a,), (axes,) = x.operands, x.attributes
    if axes == tuple(range(len(axes))):
        return a
    if a.op == "transpose":
        inner = a.attributes[0]
        order = tuple(inner[i] for i in axes)
        return s.make("transpose", (a.operands[0],), x.shape, x.dtype, (order,))
    if a.op == "broadcast" and not a.operands[0].shape:
        return s.broadcast(a.operands[0], x.shape)
    if sum(n != 1 for n in a.shape) <= 1:
        return s.reshape(a, x.shape)
    if a.op == "pieces":
        starts = tuple(tuple(start[i] for i in axes) for start in a.attributes[0])
        parts = tuple(s.make("transpose", (p,), tuple(p.shape[i] for i in axes), p.dtype, (axes,)) for p in a.operands)
        return s.make("pieces", parts, x.shape, x.dtype, (starts, a.attributes[1]))
    return None


def broadcast(s: Simplifier, x: Instruction) -> Instruction | None:
    (a,) = x.operands
    if a.shape == x.shape:
        return a
    if a.op == "broadcast":
        return s.broadcast(a.operands[0], x.shape)
    if x.size == a.size and a.op != "constant":
        return s.reshape(a, x.shape)
    return None


def slice_(s: Simplifier, x: Instruction) -> Instruction | None:
    (a,), (starts, steps) = x.operands, x.attributes
    if a.shape == x.shape and not any(starts) and all(step == 1 for step in steps):
        return a
    if a.op == "slice":
        first, first_steps = a.attributes
        both = tuple(f + t * i for f, t, i in zip(first, first_steps, starts, strict=True))
        step = tuple(t * u for t, u in zip(first_steps, steps, strict=True))
        return s.make("slice", a.operands, x.shape, x.dtype, (both, step))
    if a.op == "broadcast" and not a.operands[0].shape:
        return s.broadcast(a.operands[0], x.shape)
    if a.op == "pieces" and all(step == 1 for step in steps):
        return boxes.sliced(s, a, starts, x.shape)
    return None


def setslice(s: Simplifier, x: Instruction) -> Instruction | None:
    (base, value), (starts, steps) = x.operands, x.attributes
    if value.shape == x.shape and not any(starts) and all(step == 1 for step in steps):
        return value
    if all(step == 1 for step in steps):
        return boxes.replaced(s, base, value, starts)
    return None


def concatenate(s: Simplifier, x: Instruction) -> Instruction | None:
    (axis,) = x.attributes
    starts, at = [], 0
    for part in x.operands:
        starts.append(tuple(at if i == axis else 0 for i in range(len(x.shape))))
        at += part.shape[axis]
    return boxes.assembled(s, x.shape, x.dtype, list(zip(starts, x.operands, strict=True)), x.dtype.type(0))


# -- reductions and products ------------------------------------------------------------------------------------------


def reduce(s: Simplifier, x: Instruction) -> Instruction | None:
    (a,), (kind, axes) = x.operands, x.attributes
    if all(a.shape[i] == 1 for i in axes):
        return s.reshape(a, x.shape)
    single = tuple(i for i in axes if a.shape[i] == 1)
    if single:
        shape = tuple(n for i, n in enumerate(a.shape) if i not in single)
        moved = tuple(i - sum(j < i for j in single) for i in axes if i not in single)
        return s.make("reduce", (s.reshape(a, shape),), x.shape, x.dtype, (kind, moved))
    count = math.prod(a.shape[i] for i in axes)
    if a.op == "broadcast" and not a.operands[0].shape:
        (number,) = a.operands
        if kind == "add" and x.dtype.kind == "f":
            number = s.apply("multiply", number, s.constant(count, x.dtype))
        elif kind not in ("maximum", "minimum", "logical_and", "logical_or"):
            return None
        return s.broadcast(number, x.shape)
    if (
        a.op == "reshape"
        and len(axes) == len(a.shape)
        and math.prod(a.shape) > 1
        and _differ(a.shape, a.operands[0].shape)
    ):
        return s.make("reduce", a.operands, (), x.dtype, (kind, tuple(range(len(a.operands[0].shape)))))
    if a.op == "transpose" and len(axes) == len(a.shape):
        return s.make("reduce", a.operands, (), x.dtype, (kind, axes))
    if count <= FEW and x.size >= MANY and a.op != "constant":
        return _entries_reduced(s, x)
    if a.op == "pieces" and kind == "add" and len(axes) == len(a.shape):
        covered = sum(p.size for p in a.operands)
        total = s.constant(a.attributes[1] * (a.size - covered), x.dtype)
        for part in a.operands:
            total = s.apply("add", total, s.make("reduce", (part,), (), x.dtype, ("add", axes)))
        return total
    return None


# A reduction over few entries, of many such groups, is written out: all is then one loop over the groups.
FEW, MANY = 4, 16


def _entries_reduced(s: Simplifier, x: Instruction) -> Instruction:
    """A reduction over a short axis as operations between slices."""
    (a,), (kind, axes) = x.operands, x.attributes
    lengths = tuple(1 if i in axes else n for i, n in enumerate(a.shape))
    parts = []
    for place in itertools.product(*(range(a.shape[i]) for i in axes)):
        at = dict(zip(axes, place, strict=True))
        part = s.slice(a, tuple(at.get(i, 0) for i in range(len(a.shape))), lengths)
        parts.append(s.reshape(part, x.shape))
    total = parts[0]
    for part in parts[1:]:
        total = s.make(kind, (total, part), x.shape, x.dtype)
    return total


def _differ(one: tuple, other: tuple) -> bool:
    """Do two shapes of the same entries differ by more than axes of length one?"""
    return [n for n in one if n != 1] != [n for n in other if n != 1]


def contract(s: Simplifier, x: Instruction) -> Instruction | None:
    """Axes of length one are dropped, transposed operands read as they lie."""
    terms, output = x.attributes[0].split("->")[0].split(","), x.attributes[0].split("->")[1]
    operands = list(x.operands)
    sizes: dict[str, int] = {}
    for term, operand in zip(terms, operands, strict=True):
        sizes |= dict(zip(term, operand.shape, strict=True))
    changed = False
    for i, (term, operand) in enumerate(zip(terms, operands, strict=True)):
        if operand.op == "transpose":
            order = operand.attributes[0]
            original = [""] * len(order)
            for place, axis in enumerate(order):
                original[axis] = term[place]
            terms[i], operands[i], changed = "".join(original), operand.operands[0], True
        if any(sizes[letter] == 1 for letter in terms[i]):
            terms[i] = "".join(letter for letter in terms[i] if sizes[letter] != 1)
            operands[i], changed = s.reshape(operands[i], tuple(sizes[letter] for letter in terms[i])), True
    short = "".join(letter for letter in output if sizes[letter] != 1)
    if not changed and short == output:
        for one, other in ((0, 1), (1, 0)):  # with a number, or with ones, it is no product
            if not operands[one].shape:
                if any(letter not in output for letter in terms[other]):
                    return None
                order = tuple(terms[other].index(letter) for letter in output)
                moved = s.make("transpose", (operands[other],), x.shape, x.dtype, (order,))
                return s.apply("multiply", operands[one], moved)
        return None
    shape = tuple(sizes[letter] for letter in short)
    made = s.make("contract", tuple(operands), shape, x.dtype, (",".join(terms) + "->" + short,))
    return s.reshape(made, x.shape)


RULES: dict[str, Callable] = {
    "add": add, "subtract": subtract, "multiply": multiply, "divide": divide, "negative": negative, "power": power,
    "select": select, "cast": cast, "logical_not": logical_not, "reshape": reshape, "transpose": transpose,
    "broadcast": broadcast, "slice": slice_, "setslice": setslice, "concatenate": concatenate, "reduce": reduce,
    "contract": contract,
}  # fmt: skip
