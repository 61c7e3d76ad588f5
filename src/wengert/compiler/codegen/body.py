"""The body of one LLVM function while it is written, and what the functions of a module share."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from wengert.compiler.codegen.vectormath import declare
from wengert.compiler.programs.program import BOOL, TYPES

MEMORY = {**TYPES, BOOL: "i8"}  # a truth value takes a byte in memory


class Machine(NamedTuple):
    """What code is written for: bytes of a vector register, whether a product is added in one rounding, and the kind."""

    vector_bytes: int
    fma: bool
    x86: bool = False


class Shared:
    """What the functions of one module call: declarations and definitions by symbol."""

    def __init__(self, machine: Machine, threads: int = 1):
        self.machine, self.threads = machine, threads
        self.declared: dict[str, str] = {}
        self.definitions: dict[str, str] = {}
        self.calls = 0  # of vector functions
        self.written: dict[Any, Any] = {}  # what is known of kernels that have been written, by what they depend on


class Body:
    """Lines of one function; values are named in the order in which they are written."""

    def __init__(self, shared: Shared):
        self.shared = shared
        self.lines: list[str] = []
        self.alloca: list[str] = []
        self.serial = 0
        self.block = "entry"

    def emit(self, text: str) -> str:
        """An instruction that has a result: its name."""
        self.serial += 1
        self.lines.append(f"  %v{self.serial} = {text}")
        return f"%v{self.serial}"

    def say(self, text: str) -> None:
        """An instruction without a result."""
        self.lines.append("  " + text)

    def label(self, name: str) -> None:
        self.lines.append(f"{name}:")
        self.block = name

    def fresh(self, name: str) -> str:
        self.serial += 1
        return f"{name}{self.serial}"

    def stack(self, kind: str) -> str:
        """A place on the stack."""
        name = "%" + self.fresh("place")
        self.alloca.append(f"  {name} = alloca {kind}, align 64")
        return name

    def declare(self, symbol: str, text: str) -> None:
        self.shared.declared[symbol] = text

    def vector_function(self, name: str, dtype: np.dtype, width: int) -> str:
        symbol, definitions = declare(name, dtype, width, self.shared.machine.fma)
        self.shared.definitions |= definitions
        self.shared.calls += 1
        return symbol

    def load(self, pointer: str, dtype: np.dtype) -> str:
        """A number from memory."""
        found = self.emit(f"load {MEMORY[dtype]}, ptr {pointer}, align {dtype.itemsize}")
        return self.emit(f"icmp ne i8 {found}, 0") if dtype == BOOL else found

    def save(self, name: str, pointer: str, dtype: np.dtype) -> None:
        """A number goes to memory."""
        if dtype == BOOL:
            name = self.emit(f"zext i1 {name} to i8")
        self.say(f"store {MEMORY[dtype]} {name}, ptr {pointer}, align {dtype.itemsize}")

    def place(self, pointer: str, offset: str, dtype: np.dtype) -> str:
        """A pointer to the entry at an offset (an i64, by name or literally)."""
        return pointer if offset == "0" else self.emit(f"getelementptr {MEMORY[dtype]}, ptr {pointer}, i64 {offset}")
