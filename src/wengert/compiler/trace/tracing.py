"""One traced run: the operations that it took, the guards on what it looked at, and the arrays that it read from outside.

The run computes with concrete values, so shapes and dtypes are NumPy's own. This room knows programs, and of `Traced` only
that it stands for a value and an instruction.
"""

from __future__ import annotations

import os
import sys
from typing import Any

import numpy as np

from wengert.compiler.programs.program import BOOL, FLOAT32, FLOAT64, INT64, Guard, Instruction

ROOM = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__)))) + os.sep  # this library
LIBRARIES = tuple(os.path.dirname(os.path.abspath(str(module.__file__))) + os.sep for module in (np, os))


class Untraceable(BaseException):
    """The run did what a program can not say; the function is to be run eagerly. Not for users' `except Exception`."""


class Trace:
    """A run under way."""

    def __init__(self) -> None:
        self.inputs: list[Instruction] = []  # arguments and externals
        self.guards: list[Guard] = []
        self.given_up: str | None = None  # why the run cannot be a program
        self.outside: set[int] = set()  # ids of the concrete arrays that were there before the run
        self.wrote = False
        self.waiting: list[Any] = []  # traced arrays whose values nobody has looked at
        self.lazy = True  # may values wait?
        self.assumes = False  # was a question answered before the numbers were there?
        self.draws: list[Instruction] = []  # what was drawn from generators, in order
        self.kept: list[Instruction] = []  # what is computed because its shape has to be looked at
        self.plain: dict[
            int, tuple[np.ndarray, np.ndarray, Instruction]
        ] = {}  # arrays met: as they were, and what stands for them
        self._constants: dict[Any, Instruction] = {}
        self._asked: set = set()
        self.aliases: list[np.ndarray] = []  # results that share memory in ways that no instruction says

    def look_at_all(self) -> None:
        """Have all values computed, and from now on each at once: something is to be written into memory."""
        for x in self.waiting:
            x.look()
        self.waiting, self.lazy = [], False

    def emit(
        self, op: str, operands: tuple[Instruction, ...], shape: tuple, dtype: np.dtype, attributes: tuple = ()
    ) -> Instruction:
        """A new instruction, with the line of the user's code that is being run."""
        return Instruction(op, operands, shape, dtype, attributes, users_line())

    def give_up(self, reason: str) -> Untraceable:
        """To be raised: what the function did can not be said by a program. The first reason is kept for the report."""
        if self.given_up is None:
            where = users_line()
            self.given_up = reason if where is None else f"{reason} ({os.path.basename(where[0])}:{where[1]})"
        return Untraceable(self.given_up)

    def guard(self, condition: Instruction, expected: bool, what: str) -> None:
        """The program holds only where this truth value is what it was in this run."""
        if condition.op != "constant" and (id(condition), expected) not in self._asked:
            self._asked.add((id(condition), expected))
            self.guards.append(Guard(condition, expected, users_line(), what))

    def constant(self, value: Any) -> Instruction:
        """A number or array that is the same in every run."""
        kind = type(value)
        if isinstance(value, np.ndarray):
            if value.ndim == 0:
                return self.constant(value[()])
            known = self.plain.get(id(value))
            if known is not None and same(value, known[1]):
                return known[2]
            uniform = _uniform(value)
            if uniform is not None:
                return self.emit("broadcast", (self.constant(uniform),), value.shape, value.dtype, (value.shape,))
            row = _repeated(value)
            if row is not None:
                return self.emit("broadcast", (self.constant(row),), value.shape, value.dtype, (value.shape,))
            frozen = np.array(value, order="C")
            frozen.flags.writeable = False
            made = self.emit("constant", (), value.shape, value.dtype, (frozen,))
            self.plain[id(value)] = (value, frozen, made)
            return made
        if not isinstance(value, np.generic):
            value = np.asarray(value)[()]
        key = (kind, value.dtype.char, value.tobytes())
        if key not in self._constants:
            self._constants[key] = Instruction("constant", (), (), value.dtype, (value,))
        return self._constants[key]

    def cast(self, instruction: Instruction, dtype: np.dtype) -> Instruction:
        """The instruction's result in a dtype."""
        if instruction.dtype == dtype:
            return instruction
        for known in (instruction.dtype, dtype):
            if known.kind not in "biu" and known not in (FLOAT64, FLOAT32):
                raise self.give_up(f"a {instruction.dtype} value where native code needs a {dtype}")
        if instruction.op == "constant" and not instruction.shape:
            with np.errstate(all="ignore"):
                return self.constant(instruction.attributes[0].astype(dtype))
        return self.emit("cast", (instruction,), instruction.shape, dtype)


def _uniform(value: np.ndarray) -> Any:
    """The number that all entries are, if they are all the same and so an array of them needs no memory."""
    if not value.size or value.dtype not in (BOOL, INT64, FLOAT64, FLOAT32):
        return None
    first = value[(0,) * value.ndim]
    bits = np.uint8 if value.itemsize == 1 else f"u{value.itemsize}"
    if not any(value.strides):
        return first
    if value[(-1,) * value.ndim] != first == first:
        return None
    same = value.view(bits) == first.view(bits)  # by bits: 0.0 is not -0.0
    return first if same.all() else None


def _repeated(value: np.ndarray) -> np.ndarray | None:
    """The part that a large array repeats along some axes: of length one along these."""
    if value.size < 1000 or value.dtype not in (BOOL, INT64, FLOAT64, FLOAT32):
        return None
    bits = np.ascontiguousarray(value).view(np.uint8 if value.itemsize == 1 else f"u{value.itemsize}")
    index: list[Any] = []
    for axis, n in enumerate(value.shape):
        first = bits.take([0], axis)
        repeats = n > 1 and (bits.take([-1], axis) == first).all() and (bits == first).all()
        index.append(slice(0, 1) if repeats else slice(None))
    found = value[tuple(index)]
    return None if found.shape == value.shape else found


def same(one: np.ndarray, other: np.ndarray) -> bool:
    """Have two arrays the same entries, bit by bit?"""
    return one.shape == other.shape and one.dtype == other.dtype and one.tobytes() == other.tobytes()


def users_line() -> tuple[str, int] | None:
    """The place in the code outside this library, NumPy and Python's own that is being run."""
    frame: Any = sys._getframe(1)
    while frame is not None:
        name = frame.f_code.co_filename
        users = _users.get(name)
        if users is None:
            typed = name.startswith(("<stdin", "<ipython", "<doctest"))
            users = typed or (name[0] != "<" and not name.startswith((ROOM, *LIBRARIES)))
            _users[name] = users
        if users:
            return name, frame.f_lineno
        frame = frame.f_back
    return None


_users: dict[str, bool] = {}  # is it a file of the user's?
