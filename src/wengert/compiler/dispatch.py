"""A compiled function as a callable: its entries, each a kernel with what it asks of the arguments and what it returns.

A call goes through the entries in their order, in machine code. The first whose arguments and guards match runs its
kernel, ``i64 kernel(ptr table)``, and hands back fresh results; if none does, the call goes to the slow path as it came,
as does every call with keywords. The table's pointers are, in this order:

1. one for each ``Array`` or ``Scalar`` of the arguments, depth first: an array's data, or a copy of a scalar's number;
2. one for each ``Array`` or ``Scalar`` of the results, depth first: where the kernel writes them;
3. one for each external array;
4. one to the workspace, aligned to 64 bytes and the entry's own for the time of the call.

A kernel returns 0, or anything else if it finds that it does not apply: its results are dropped and the next entry is
tried, so it must not have written into an argument by then.
"""

from __future__ import annotations

import ctypes
import functools
import struct
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from wengert.compiler.native_call import adopt, available, interface, native_type
from wengert.compiler.native_text import Descriptor, Row, operations

__all__ = ["ABSENT", "Array", "Entry", "Given", "Scalar", "Static", "available", "dispatcher_type"]

ABSENT = type(
    "Absent", (), {"__repr__": lambda self: "ABSENT"}
)()  # what a guard expects of an empty cell, a missing key

CONTIGUOUS_AND_ALIGNED, WRITEABLE = 0x0101, 0x0400
LINE = 64  # bytes of a cache line, and of the longest vector
SLOT = 16  # bytes: a complex number
# Scalars whose number lies right after the object's header, and its bytes.
SCALARS = {float: 8, complex: 16} | {np.dtype(code).type: np.dtype(code).itemsize for code in "?bBhHiIlLqQefdFD"}
BY_VALUE = (int, str, bytes)  # immutable, and equal means alike: 0.0 == -0.0 and nan != nan keep floats out


@dataclass(frozen=True, slots=True)
class Array:
    """An exact ndarray of one dtype and shape: C-contiguous, aligned, in the machine's byte order."""

    dtype: Any
    shape: tuple[int, ...]
    writeable: bool = False  # asked of an argument that the kernel writes into


@dataclass(frozen=True, slots=True)
class Scalar:
    """A number of one exact type: float, complex or a NumPy scalar type; as a result also bool."""

    type: type


@dataclass(frozen=True, slots=True)
class Static:
    """One very object; an int, str or bytes among the arguments may also be another of the same type and value."""

    value: Any


@dataclass(frozen=True, slots=True)
class Given:
    """A result that is an argument's leaf itself, by its number among the arguments' places."""

    place: int


class Entry:
    """A kernel, what it asks of the arguments, and what it returns.

    Parameters
    ----------
    kernel : int
        The address of ``i64 kernel(ptr table)``.
    arguments : sequence of trees
        One for each positional argument: `Array`, `Scalar` or `Static`, in tuples, lists and dicts (exact types; a dict
        has these keys, in this order).
    results : tree
        `Array`, `Scalar`, `Static` or `Given`, in tuples, lists and dicts.
    externals : sequence of ndarray
        Arrays whose data the kernel gets as they lie; the entry keeps them alive.
    workspace_bytes : int
        Memory that the kernel may write into; its content at the start is undefined.
    guards : sequence of tuple
        ``(cell, content)`` or ``(dict, key, value)``, compared by identity at each call; `ABSENT` for none.
    release_gil : bool
        Whether other threads run while the kernel does.
    keep : object
        Whatever has to live as long as the entry: the engine that owns the kernel.

    Raises
    ------
    ValueError
        For a tree, a dtype or a scalar type that has no native form.
    """

    __slots__ = ("__weakref__", "_descriptor", "_kept", "_rows", "address")

    def __init__(
        self,
        kernel: int,
        arguments: Sequence[Any],
        results: Any,
        *,
        externals: Sequence[np.ndarray] = (),
        workspace_bytes: int = 0,
        guards: Iterable[tuple] = (),
        release_gil: bool = False,
        keep: object = None,
    ) -> None:
        # Whatever the machine code has an address of is kept here, where the garbage collector sees it.
        self._kept: list[Any] = [keep, *externals]
        plan = Plan(self._kept, len(arguments))
        for register, tree in enumerate(arguments):
            plan.check(tree, register)
        for guard in guards:
            plan.guard(*guard)
        root = plan.take_registers(1)
        plan.construct(results, root)

        places = plan.places + len(externals) + 1
        sections = {
            "table": 8 * places,
            "values": 8 * plan.registers,
            "slots": SLOT * plan.places,
            "owned": 8 * (1 + plan.owned),
        }
        offsets, end = {}, -(-workspace_bytes // LINE) * LINE
        for name, size in sections.items():
            offsets[name], end = end, end + -(-size // LINE) * LINE
        memory = np.empty(end + LINE, np.uint8)
        addresses = (ctypes.c_void_p * len(externals))(*(array.ctypes.data for array in externals))
        self._rows = [(Row * (len(rows) + 1))(*rows) for rows in (plan.checks, plan.allocations, plan.constructions)]
        checks, allocations, constructions = map(ctypes.addressof, self._rows)
        self._kept += [memory, addresses]
        self._descriptor = Descriptor(
            arguments=len(arguments),
            kernel=kernel,
            checks=checks,
            allocations=allocations,
            constructions=constructions,
            externals=ctypes.addressof(addresses),
            external_count=len(externals),
            first_external=plan.places,
            block=-(-memory.ctypes.data // LINE) * LINE,
            block_bytes=end,
            first_result=root,
            value_count=plan.registers,
            release_gil=release_gil,
            ndarray=id(np.ndarray),
            **offsets,
        )
        self.address = ctypes.addressof(self._descriptor)

    @property
    def calls(self) -> int:
        """How many calls this entry has answered."""
        return self._descriptor.calls

    def forget_calls(self) -> None:
        """Count anew."""
        self._descriptor.calls = 0


class Plan:
    """The rows of an entry while they are written, and its registers and places so far."""

    def __init__(self, kept: list[Any], arguments: int) -> None:
        self.kept = kept
        self.registers = arguments
        self.places = self.owned = 0
        self.checks: list[Row] = []
        self.allocations: list[Row] = []
        self.constructions: list[Row] = []
        self.given: list[int] = []  # the register of each argument's place

    def at(self, lasting: Any) -> int:
        """The address of an object, or of a buffer's memory, that lives as long as the entry."""
        self.kept.append(lasting)
        return ctypes.addressof(lasting) if isinstance(lasting, ctypes.Array) else id(lasting)

    def take_place(self) -> int:
        self.places += 1
        return self.places - 1

    def take_registers(self, count: int) -> int:
        self.registers += count
        return self.registers - count

    def array_form(self, array: Array) -> dict[str, int]:
        """NumPy's own object for the dtype, and the shape."""
        dtype = np.dtype(array.dtype)
        if dtype.kind not in "biufc" or not dtype.isnative:
            raise ValueError(f"an array of {dtype} has no native form")
        lengths = (ctypes.c_ssize_t * len(array.shape))(*array.shape)
        return {"subject": self.at(np.dtype(dtype.char)), "companion": self.at(lengths), "count": len(lengths)}

    def check(self, tree: Any, register: int) -> None:
        """What the object in a register must be; places are numbered depth first."""
        kind = type(tree)
        if kind is Static:
            by_value = type(tree.value) in BY_VALUE
            fields = {"subject": self.at(tree.value), "companion": self.at(type(tree.value))}
            self.checks.append(Row(operations["EQUAL" if by_value else "SAME"], source=register, **fields))
        elif kind is Array:
            needed = CONTIGUOUS_AND_ALIGNED | (WRITEABLE if tree.writeable else 0)
            fields = self.array_form(tree) | {"need": needed, "destination": self.take_place()}
            self.checks.append(Row(operations["ARRAY"], source=register, **fields))
            self.given.append(register)
        elif kind is Scalar and tree.type in SCALARS:
            fields = {"subject": self.at(tree.type), "need": SCALARS[tree.type], "destination": self.take_place()}
            self.checks.append(Row(operations["SCALAR"], source=register, **fields))
            self.given.append(register)
        elif kind in (tuple, list, dict):
            first = self.take_registers(len(tree))
            fields = {"subject": self.at(kind), "count": len(tree), "destination": first}
            self.checks.append(Row(operations[kind.__name__.upper()], source=register, **fields))
            self.owned += 0 if kind is tuple else len(tree)
            if kind is dict:  # its keys together: what holds the place in the dict is one for all dicts
                for item, key in enumerate(tree, first):
                    fields = {"subject": self.at(key), "companion": self.at(str)}
                    self.checks.append(Row(operations["KEY"], source=register, destination=item, **fields))
            for item, part in enumerate(tree.values() if kind is dict else tree, first):
                self.check(part, item)
        else:
            raise ValueError(f"an argument {tree!r} has no native form")

    def guard(self, holder: Any, *key_and_expected: Any) -> None:
        """A cell's content, or a dict's value at a key, has to be the expected object."""
        *key, expected = key_and_expected
        address = None if expected is ABSENT else self.at(expected)
        if isinstance(holder, dict):
            fields = {"subject": self.at(holder), "companion": self.at(*key), "need": address or 0}
            self.checks.append(Row(operations["ITEM"], **fields))
        else:
            self.checks.append(Row(operations["CELL"], subject=self.at(holder), companion=address))

    def construct(self, tree: Any, register: int) -> None:
        """How the result in a register is made; places are numbered depth first, containers are made after their items."""
        kind = type(tree)
        if kind is Static:
            self.constructions.append(Row(operations["CONSTANT"], destination=register, subject=self.at(tree.value)))
        elif kind is Given:
            self.constructions.append(Row(operations["REGISTER"], destination=register, source=self.given[tree.place]))
        elif kind is Array:
            fields = self.array_form(tree) | {"source": self.take_place()}
            self.allocations.append(Row(operations["NEW_ARRAY"], destination=register, **fields))
        elif kind is Scalar and (tree.type is bool or tree.type in SCALARS):
            place = self.take_place()
            self.allocations.append(Row(operations["SLOT"], source=place))
            if tree.type in (bool, np.bool):
                fields = {"subject": self.at(tree.type(True)), "companion": self.at(tree.type(False))}
                self.constructions.append(Row(operations["CHOICE"], destination=register, source=place, **fields))
            else:
                fields = {"subject": self.at(tree.type), "companion": allocator(tree.type), "need": SCALARS[tree.type]}
                self.constructions.append(Row(operations["NEW_SCALAR"], destination=register, source=place, **fields))
        elif kind in (tuple, list, dict):
            first = self.take_registers(len(tree))
            for item, value in enumerate(tree.values() if kind is dict else tree, first):
                self.construct(value, item)
            fields = {"count": len(tree), "source": first, "destination": register}
            if kind is dict:
                self.kept.append(list(tree))
                fields["companion"] = self.at((ctypes.c_void_p * len(tree))(*map(id, tree)))
            self.constructions.append(Row(operations[f"NEW_{kind.__name__.upper()}"], **fields))
        else:
            raise ValueError(f"a result {tree!r} has no native form")


class PythonCall:
    """What stands for the native type where there is none: a call goes to the slow path."""

    __slots__ = ("_slow_path", "_state")
    _slow_path: Callable
    _state: tuple

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        return self._slow_path(*args, **kwargs)


class Dispatching:
    """A callable that goes through its entries and then calls the slow path.

    Parameters
    ----------
    slow_path : callable
        Gets every call that no entry answers, as it came; what it returns or raises is the call's outcome.
    """

    _state: tuple
    _slow_path: Callable

    def __init__(self, slow_path: Callable) -> None:
        self._slow_path = slow_path
        self.entries = ()

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        if not issubclass(cls, PythonCall):
            adopt(cls)

    @property
    def entries(self) -> tuple[Entry, ...]:
        """The entries in the order in which they are tried. Setting them is atomic; calls under way keep the old."""
        return self._state[1:]

    @entries.setter
    def entries(self, entries: Iterable[Entry]) -> None:
        tried = tuple(entries)
        addresses = struct.pack(f"{len(tried)}Q", *(entry.address for entry in tried))
        self._state = (addresses, *tried)


@functools.cache
def dispatcher_type() -> type:
    """The class of compiled functions, to derive from; its machine code is made at the first call of this function."""
    return type(
        "Dispatcher", (Dispatching, native_type() if available() else PythonCall), {"__doc__": Dispatching.__doc__}
    )


@functools.cache
def allocator(scalar_type: type) -> int:
    """The address of the function that allocates a scalar of a type."""
    slot = interface("PyType_GetSlot", ctypes.c_void_p, ctypes.py_object, ctypes.c_int)
    return slot(scalar_type, 47)  # Py_tp_alloc
