"""The plan: steps in order, and where values lie; what fusion makes of a program, and what code is written from."""

from __future__ import annotations

import functools
from dataclasses import dataclass, field

import numpy as np

from wengert.compiler.programs.program import Instruction, Program

LAYOUT = {"reshape", "transpose", "broadcast", "slice"}


@dataclass(frozen=True)
class Buffer:
    """Memory: `kind` is argument, external, result, constant or workspace; `index` its number, or a serial one."""

    kind: str
    index: int
    dtype: np.dtype
    size: int


@dataclass(frozen=True)
class Home:
    """Where a value lies in a buffer: offset and strides in entries."""

    buffer: Buffer
    offset: int
    shape: tuple[int, ...]
    strides: tuple[int, ...]

    def through(self, x: Instruction) -> Home | None:
        """Where the result of a layout operation on this value lies; None if it is no view."""
        op = x.op
        if op == "slice":
            starts, steps = x.attributes
            offset = self.offset + sum(a * t for a, t in zip(starts, self.strides, strict=True))
            return Home(self.buffer, offset, x.shape, tuple(u * t for u, t in zip(steps, self.strides, strict=True)))
        if op == "transpose":
            return Home(self.buffer, self.offset, x.shape, tuple(self.strides[i] for i in x.attributes[0]))
        if op == "broadcast":
            extra = len(x.shape) - len(self.shape)
            kept = (0 if n == 1 else t for n, t in zip(self.shape, self.strides, strict=True))
            return Home(self.buffer, self.offset, x.shape, (0,) * extra + tuple(kept))
        strides = reshaped_strides(self.shape, self.strides, x.shape)
        return None if strides is None else Home(self.buffer, self.offset, x.shape, strides)

    def box(self, corner: tuple[int, ...], lengths: tuple[int, ...]) -> Home:
        offset = self.offset + sum(a * t for a, t in zip(corner, self.strides, strict=True))
        return Home(self.buffer, offset, lengths, self.strides)


def laid_out(x: np.ndarray, operation: Instruction) -> np.ndarray:
    """A layout operation on an array."""
    if operation.op == "slice":
        starts, steps = operation.attributes
        index = tuple(np.arange(n) * t + a for a, t, n in zip(starts, steps, operation.shape, strict=True))
        return x[np.ix_(*index)]
    if operation.op == "transpose":
        return np.transpose(x, operation.attributes[0])
    if operation.op == "broadcast":
        return np.broadcast_to(x, operation.shape)
    return np.reshape(x, operation.shape)


def contiguous(shape: tuple[int, ...]) -> tuple[int, ...]:
    strides, step = [], 1
    for n in reversed(shape):
        strides.append(step)
        step *= n
    return tuple(reversed(strides))


def reshaped_strides(shape: tuple, strides: tuple, new: tuple) -> tuple | None:
    """Strides of the same entries in another shape, if there are such: runs of axes that lie as one are split anew."""
    if 0 in new:
        return contiguous(new)
    runs: list[list[int]] = []  # [length, stride of the last axis]
    for n, t in zip(shape, strides, strict=True):
        if n == 1:
            continue
        if runs and runs[-1][1] == n * t:
            runs[-1] = [runs[-1][0] * n, t]
        else:
            runs.append([n, t])
    found: list[int] = []
    left = 1
    step = 0
    for n in reversed(new):
        if n == 1:
            found.append(0)
            continue
        if left == 1:
            if not runs:
                return None
            left, step = runs.pop()
        if left % n:
            return None
        found.append(step)
        left //= n
        step *= n
    return tuple(reversed(found)) if left == 1 and not runs else None


@dataclass
class Root:
    """What a loop nest computes: `expression` entry by entry into `home`, or its reduction over `axes`."""

    value: Instruction  # what is known after
    expression: Instruction
    home: Home | None  # None: a number, kept in a register
    kind: str = ""  # of a reduction: the ufunc
    axes: tuple[int, ...] = ()
    after: tuple = ()  # keys of what has to be complete before: a base before a box of it

    @functools.cached_property
    def space(self) -> tuple[int, ...]:
        return tuple(n for n in self.expression.shape if n != 1)

    @functools.cached_property
    def reduced(self) -> frozenset[int]:
        """The reduced axes, by their places in the space."""
        places = [i for i, n in enumerate(self.expression.shape) if n != 1]
        return frozenset(places.index(i) for i in self.axes if i in places)


@dataclass
class Nest:
    """A loop nest."""

    space: tuple[int, ...]
    roots: list[Root]

    def takes(self, root: Root) -> bool:
        """Can this root be computed in these loops? The reduced axes of all must be nested, to be the inner loops."""
        mine = root.reduced
        return all(mine <= other.reduced or other.reduced <= mine for other in self.roots)


@dataclass
class Product:
    """A product of matrices by BLAS."""

    value: Instruction
    home: Home
    operands: tuple[Home, Home]


@dataclass
class Scatter:
    """Values added into, or put into, an array at positions along neighbouring axes, one after the other."""

    value: Instruction
    home: Home
    entries: Home
    positions: tuple[Home, ...]


@dataclass
class Called:
    """A function to be called back."""

    call: Instruction
    operands: tuple[Home, ...]
    results: dict[int, tuple[Instruction, Home]] = field(default_factory=dict)


Step = Nest | Product | Scatter | Called


@dataclass
class Plan:
    """Steps in order and where everything lies.

    `homes` are by the id of an instruction; `arguments` and so on say which buffer is which, `workspace` the bytes of it.
    """

    program: Program
    steps: list[Step]
    homes: dict[int, Home]
    result_homes: list[Home]
    write_homes: list[Home]
    offsets: dict[Buffer, int]
    workspace: int
    constants: dict[Buffer, np.ndarray]
    apart: bool  # is every value that two steps share in memory, so that the steps may be in different functions?

    def __str__(self) -> str:
        return "\n".join(described(self))


def described(plan: Plan) -> list[str]:
    """The printed form: each loop nest with what it computes."""
    number = {id(x): i for i, x in enumerate(plan.program.instructions)}
    text = []
    for step in plan.steps:
        if isinstance(step, Nest):
            text.append(f"loops over {step.space}" if step.space else "numbers")
            for root in step.roots:
                what = f"%{number.get(id(root.expression), '-')}"
                if root.kind:
                    what = f"{root.kind} of {what} over {root.axes}"
                where = "a register" if root.home is None else f"{root.home.buffer.kind} {root.home.buffer.index}"
                text.append(f"    {what} -> {where}")
        elif isinstance(step, Scatter):
            text.append(f"scatter -> {step.home.buffer.kind} {step.home.buffer.index}")
        elif isinstance(step, Product):
            text.append(f"BLAS {step.value.attributes[0]} -> {step.home.buffer.kind} {step.home.buffer.index}")
        else:
            text.append(f"call {step.call.attributes[0].name}")
    return text
