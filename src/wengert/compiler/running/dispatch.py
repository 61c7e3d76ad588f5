"""A compiled function as a callable: its entries, each a kernel with what it asks of the arguments and what it returns.

A call goes through the entries in their order, in machine code. The first whose arguments and guards match runs its
kernel, ``i64 kernel(ptr table)``, and hands back fresh results; if none does, the call goes to the slow path as it came.
The table's pointers are, in this order:

1. one for each ``Array`` or ``Scalar`` of the arguments, depth first: an array's data, or a copy of it in order, or a copy
   of a scalar's number;
2. one for each ``Array`` or ``Scalar`` of the results, depth first: where the kernel writes them;
3. one for each external array;
4. one to the workspace, aligned to 64 bytes and the entry's own for the time of the call.

A kernel returns 0, or anything else if it finds that it does not apply: its results are dropped and the next entry is
tried, so it must not have written into an argument. What is to be written there is moved when nothing can fail any more.
"""

from __future__ import annotations

import ctypes
import functools
import gc
import inspect
import math
import struct
import sys
import types
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from wengert.compiler.running.native_call import adopt, available, interface, native_type
from wengert.compiler.running.native_text import Descriptor, Row, operations

__all__ = ["ABSENT", "Array", "Entry", "Given", "Instance", "Scalar", "Static", "Write", "available", "dispatcher_type"]

ABSENT = type(
    "Absent", (), {"__repr__": lambda self: "ABSENT"}
)()  # what a guard expects of an empty cell, a missing key

CONTIGUOUS, ALIGNED, WRITEABLE = 0x0001, 0x0100, 0x0400
LINE = 64  # bytes of a cache line, and of the longest vector
SLOT = 16  # bytes: a complex number
# Scalars whose number lies right after the object's header, and its bytes.
SCALARS = {float: 8, complex: 16} | {np.dtype(code).type: np.dtype(code).itemsize for code in "?bBhHiIlLqQefdFD"}
CELL_CONTENT = 16  # bytes from the start of a cell to what it holds
# Of functions, classes and partials: outside of every dict.
FIELDS = ("__code__", "__defaults__", "__kwdefaults__", "__mro__", "func", "args", "keywords")
BY_VALUE = (int, str, bytes)  # immutable, and equal means alike: 0.0 == -0.0 and nan != nan keep floats out


@dataclass(frozen=True, slots=True)
class Array:
    """An exact ndarray of one dtype and shape, in the machine's byte order: C-contiguous and aligned, or with strides."""

    dtype: Any
    shape: tuple[int, ...]
    strides: tuple[int, ...] | None = None  # of an argument that is copied for the kernel


@dataclass(frozen=True, slots=True)
class Scalar:
    """A number of one exact type: float, complex, a NumPy scalar type, or int, nearer to 0 than 2**53; as a result also bool.

    The kernel sees and writes an int as an int64.
    """

    type: type


@dataclass(frozen=True, slots=True)
class Static:
    """One very object; an int, str or bytes among the arguments may also be another of the same type and value."""

    value: Any


@dataclass(frozen=True, slots=True)
class Given:
    """A result that is an argument's leaf itself, by its number among the arguments' places."""

    place: int


@dataclass(frozen=True, slots=True)
class Instance:
    """An object of one exact type, by attributes of its own; as a result it is made by ``object.__new__``."""

    type: type
    parts: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Write:
    """What is moved into an argument, an `Array`, after the kernel has run: as many bytes as the argument has."""

    target: int  # the argument, by its place in the table
    source: int | np.ndarray  # a place in the table, or an array that never changes
    offset: int = 0  # bytes from there


class Entry:
    """A kernel, what it asks of the arguments, and what it returns.

    Parameters
    ----------
    kernel : int
        The address of ``i64 kernel(ptr table)``.
    arguments : sequence of trees
        One for each argument: `Array`, `Scalar` or `Static`, in tuples, namedtuples, lists, dicts and `Instance` (exact
        types; a dict has these keys, in this order).
    results : tree
        `Array`, `Scalar`, `Static` or `Given`, in tuples, namedtuples, lists, dicts and `Instance`.
    keywords : sequence of str
        The names of the last arguments, which come by keyword.
    ordered : bool
        Whether the keywords have to come in this order.
    externals : sequence of ndarray
        Arrays whose data the kernel gets as they lie at the time of the call, as long as dtype and shape are what they
        are now; the entry keeps them alive.
    writes : sequence of Write
        What is written into arguments; these must not overlap with another array that the kernel gets.
    workspace_bytes : int
        Memory that the kernel may write into; its content at the start is undefined.
    guards : sequence of tuple
        ``(cell, content)``, ``(function, class or partial, one of FIELDS, value)``, ``(dict or class, key, value)``,
        ``(list, items)``, ``(dict, pairs)`` for all that it holds, or
        ``(object, its __dict__)``: compared by identity at each call; `ABSENT` for none.
    release_gil : bool
        Whether other threads run while the kernel does.
    keep : object
        Whatever has to live as long as the entry: the engine that owns the kernel.

    Raises
    ------
    ValueError
        For a tree, a dtype, a scalar type or a guard that has no native form.
    """

    __slots__ = ("__weakref__", "_descriptor", "_kept", "_rows", "address")

    def __init__(
        self,
        kernel: int,
        arguments: Sequence[Any],
        results: Any,
        *,
        keywords: Sequence[str] = (),
        ordered: bool = False,
        externals: Sequence[np.ndarray] = (),
        writes: Sequence[Write] = (),
        workspace_bytes: int = 0,
        guards: Iterable[tuple] = (),
        release_gil: bool = False,
        keep: object = None,
    ) -> None:
        # Whatever the machine code has an address of is kept here, where the garbage collector sees it.
        self._kept: list[Any] = [keep, *externals]
        plan = Plan(self._kept, len(arguments))
        positional = len(arguments) - len(keywords)
        for position, name in enumerate(keywords):
            plan.keyword(sys.intern(name), position, positional + position, len(keywords), ordered)
        for register, tree in enumerate(arguments):
            plan.check(tree, register)
        for guard in guards:
            plan.guard(*guard)
        root = plan.take_registers(1)
        plan.construct(results, root)
        for array in externals:
            plan.external(array)
        plan.write(writes)

        sections = {
            "table": 8 * (plan.places + 1),
            "values": 8 * plan.registers,
            "slots": SLOT * plan.places,
            "owned": 8 * (1 + plan.owned),
        }
        offsets, end = {}, -(-workspace_bytes // LINE) * LINE
        for name, size in sections.items():
            offsets[name], end = end, end + -(-size // LINE) * LINE
        memory = np.empty(end + LINE, np.uint8)
        rows = {
            "checks": plan.checks,
            "allocations": plan.allocations,
            "constructions": plan.constructions,
            "moves": plan.moves,
        }
        self._rows = {name: (Row * (len(steps) + 1))(*steps) for name, steps in rows.items()}
        self._kept.append(memory)
        self._descriptor = Descriptor(
            positional=positional,
            keywords=len(keywords),
            kernel=kernel,
            workspace=plan.places,
            block=-(-memory.ctypes.data // LINE) * LINE,
            block_bytes=end,
            first_result=root,
            value_count=plan.registers,
            release_gil=release_gil,
            ndarray=id(np.ndarray),
            **{name: ctypes.addressof(steps) for name, steps in self._rows.items()},
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


@functools.cache
def field_offset(name: str) -> int:
    """Bytes from the start of a function, a class or a partial to one of FIELDS: looked up in a live one."""

    def function(x: float = 1.5, *, y: float = 2.5) -> None: ...

    owners: tuple[Any, ...] = function, type("Class", (), {}), functools.partial(function, 1.5, y=2.5)
    owner = next(x for x in owners if hasattr(x, name))
    wanted = id(getattr(owner, name))
    kind: Any = type(owner)
    for offset in range(object.__basicsize__, kind.__basicsize__, 8):
        if ctypes.c_void_p.from_address(id(owner) + offset).value == wanted:
            return offset
    raise ValueError(f"{name} has no place of its own")


class Plan:
    """The rows of an entry while they are written, and its registers and places so far."""

    def __init__(self, kept: list[Any], arguments: int) -> None:
        self.kept = kept
        self.registers = arguments
        self.places = self.owned = 0
        self.checks: list[Row] = []
        self.allocations: list[Row] = []
        self.constructions: list[Row] = []
        self.moves: list[Row] = []
        self.given: list[int] = []  # the register of each argument's place
        self.arrays: dict[int, tuple[Row, int]] = {}  # by place: the check of each array that goes in, and its bytes

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
        """NumPy's own object for the dtype, and the shape, with strides if there are any."""
        dtype = np.dtype(array.dtype)
        if dtype.kind not in "biufc" or not dtype.isnative:
            raise ValueError(f"an array of {dtype} has no native form")
        numbers = (*array.shape, *(array.strides or ()))
        lengths = (ctypes.c_ssize_t * len(numbers))(*numbers)
        return {"subject": self.at(np.dtype(dtype.char)), "companion": self.at(lengths), "count": len(array.shape)}

    def check_array(self, array: Array, register: int, need: int) -> None:
        """That the object in a register is such an array; its data, or that of a copy in order, is in the next place."""
        strided = array.strides is not None
        place = self.take_place()
        row = Row(
            operations["STRIDED" if strided else "ARRAY"],
            source=register,
            destination=place,
            need=need if strided else need | CONTIGUOUS | ALIGNED,
            **self.array_form(array),
        )
        self.owned += strided
        self.checks.append(row)
        self.arrays[place] = row, math.prod(array.shape) * np.dtype(array.dtype).itemsize

    def external(self, array: np.ndarray) -> None:
        """An array from outside, looked at anew at each call, as it may be reshaped or resized."""
        walked = array.flags.c_contiguous and array.flags.aligned
        register = self.take_registers(1)
        self.checks.append(Row(operations["OUTSIDE"], subject=self.at(array), destination=register))
        self.check_array(Array(array.dtype, array.shape, None if walked else array.strides), register, 0)

    def write(self, writes: Sequence[Write]) -> None:
        """What is moved at the end; where it is written must not be seen in what else goes in."""
        targets = [write.target for write in writes]
        for number, write in enumerate(writes):
            target, source = write.target, write.source
            check, size = self.arrays[target]
            if check.operation != operations["ARRAY"]:
                raise ValueError("an argument with strides is written by Python")
            if type(source) is int and source != target and source in targets:
                raise ValueError("arguments that change places are written by Python")
            check.need |= WRITEABLE
            for place, (_, others) in self.arrays.items():
                if place != target and place not in targets[:number]:
                    fields = {"source": target, "count": size, "destination": place, "need": others}
                    self.checks.append(Row(operations["APART"], **fields))
            if isinstance(source, np.ndarray):
                self.kept.append(source)
                fields = {"companion": source.ctypes.data + write.offset, "destination": target, "count": size}
                self.moves.append(Row(operations["MOVE_CONSTANT"], **fields))
            else:
                fields = {"source": source, "need": write.offset, "destination": target, "count": size}
                self.moves.append(Row(operations["MOVE"], **fields))

    def keyword(self, name: str, position: int, register: int, count: int, ordered: bool) -> None:
        """One of the call's names is this one, of an argument that becomes a register."""
        fields = {"subject": self.at(name), "companion": self.at(str), "need": ordered, "count": count}
        self.checks.append(Row(operations["KEYWORD"], source=position, destination=register, **fields))

    def check(self, tree: Any, register: int) -> None:
        """What the object in a register must be; places are numbered depth first."""
        kind = type(tree)
        if kind is Static:
            by_value = type(tree.value) in BY_VALUE
            fields = {"subject": self.at(tree.value), "companion": self.at(type(tree.value))}
            self.checks.append(Row(operations["EQUAL" if by_value else "SAME"], source=register, **fields))
        elif kind is Array:
            self.check_array(tree, register, ALIGNED)
            self.given.append(register)
        elif kind is Scalar and tree.type is int:
            fields = {"subject": self.at(int), "destination": self.take_place()}
            self.checks.append(Row(operations["INT"], source=register, **fields))
            self.given.append(register)
        elif kind is Scalar and tree.type in SCALARS:
            fields = {"subject": self.at(tree.type), "need": SCALARS[tree.type], "destination": self.take_place()}
            self.checks.append(Row(operations["SCALAR"], source=register, **fields))
            self.given.append(register)
        elif kind in (tuple, list, dict) or is_named(kind):
            first = self.take_registers(len(tree))
            fields = {"subject": self.at(kind), "count": len(tree), "destination": first}
            operation = "LIST" if kind is list else "DICT" if kind is dict else "TUPLE"
            self.checks.append(Row(operations[operation], source=register, **fields))
            self.owned += 0 if operation == "TUPLE" else len(tree)
            if kind is dict:  # its keys together: what holds the place in the dict is one for all dicts
                for item, key in enumerate(tree, first):
                    fields = {"subject": self.at(key), "companion": self.at(str)}
                    self.checks.append(Row(operations["KEY"], source=register, destination=item, **fields))
            for item, part in enumerate(tree.values() if kind is dict else tree, first):
                self.check(part, item)
        elif kind is Instance and all(is_attribute(tree.type, name) for name in tree.parts):
            self.checks.append(Row(operations["TYPE"], source=register, subject=self.at(tree.type)))
            first = self.take_registers(len(tree.parts))
            self.owned += len(tree.parts)
            for item, name in enumerate(tree.parts, first):
                fields = {"subject": self.at(sys.intern(name)), "destination": item}
                self.checks.append(Row(operations["ATTRIBUTE"], source=register, **fields))
            for item, part in enumerate(tree.parts.values(), first):
                self.check(part, item)
        else:
            raise ValueError(f"an argument {tree!r} has no native form")

    def guard(self, holder: Any, *expected: Any) -> None:
        """What lies outside has to be the expected objects: see `Entry`."""
        kind = type(holder)
        if kind is types.CellType:
            (content,) = expected
            address = None if content is ABSENT else self.at(content)
            self.checks.append(Row(operations["FIELD"], subject=self.at(holder), companion=address, need=CELL_CONTENT))
        elif isinstance(holder, (types.FunctionType, type, functools.partial)) and expected[0] in FIELDS:
            name, value = expected
            address = None if value is None else self.at(value)
            fields = {"companion": address, "need": field_offset(name)}
            self.checks.append(Row(operations["FIELD"], subject=self.at(holder), **fields))
        elif isinstance(holder, (dict, type)) and len(expected) == 2:
            key, value = expected
            if type(key) not in BY_VALUE:
                raise ValueError(f"a key {key!r} might be compared by Python")
            if isinstance(holder, type):
                self.kept.append(holder)
                (holder,) = gc.get_referents(type.__dict__["__dict__"].__get__(holder))  # what the proxy stands for
            fields = {"need": 0 if value is ABSENT else self.at(value), "companion": self.at(key)}
            self.checks.append(Row(operations["ITEM"], subject=self.at(holder), **fields))
        elif isinstance(holder, (list, dict)):
            (content,) = expected
            objects = [x for pair in content for x in pair] if isinstance(holder, dict) else content
            self.kept.append(objects)
            addresses = (ctypes.c_void_p * len(objects))(*map(id, objects))
            fields = {"companion": self.at(addresses), "count": len(content)}
            operation = "HELD_DICT" if isinstance(holder, dict) else "HELD_LIST"
            self.checks.append(Row(operations[operation], subject=self.at(holder), **fields))
        else:
            (namespace,) = expected
            if (
                interface("PyObject_GenericGetDict", ctypes.py_object, ctypes.py_object, ctypes.c_void_p)(holder, None)
                is not namespace
            ):
                raise ValueError(f"{kind} has a __dict__ of its own")
            fields = {"companion": self.at(namespace), "need": self.at(kind)}
            self.checks.append(Row(operations["NAMESPACE"], subject=self.at(holder), **fields))

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
        elif kind is Scalar and (tree.type in (bool, int) or tree.type in SCALARS):
            place = self.take_place()
            self.allocations.append(Row(operations["SLOT"], source=place))
            if tree.type is int:
                self.constructions.append(Row(operations["NEW_INT"], destination=register, source=place))
            elif tree.type in (bool, np.bool):
                fields = {"subject": self.at(tree.type(True)), "companion": self.at(tree.type(False))}
                self.constructions.append(Row(operations["CHOICE"], destination=register, source=place, **fields))
            else:
                fields = {"subject": self.at(tree.type), "companion": allocator(tree.type), "need": SCALARS[tree.type]}
                self.constructions.append(Row(operations["NEW_SCALAR"], destination=register, source=place, **fields))
        elif kind in (tuple, list, dict) or is_named(kind):
            first = self.take_registers(len(tree))
            for item, value in enumerate(tree.values() if kind is dict else tree, first):
                self.construct(value, item)
            fields = {"count": len(tree), "source": first, "destination": register}
            if kind is dict:
                self.kept.append(list(tree))
                fields["companion"] = self.at((ctypes.c_void_p * len(tree))(*map(id, tree)))
            if is_named(kind):
                self.constructions.append(Row(operations["NEW_NAMED"], subject=self.at(kind), **fields))
            else:
                self.constructions.append(Row(operations[f"NEW_{kind.__name__.upper()}"], **fields))
        elif kind is Instance and all(is_attribute(tree.type, name) for name in tree.parts):
            first = self.take_registers(len(tree.parts))
            for item, part in enumerate(tree.parts.values(), first):
                self.construct(part, item)
            fields = {"subject": self.at(tree.type), "companion": self.at(object.__new__)}
            self.constructions.append(Row(operations["NEW_INSTANCE"], destination=register, **fields))
            for item, name in enumerate(tree.parts, first):
                fields = {"subject": self.at(sys.intern(name)), "source": item, "destination": register}
                self.constructions.append(Row(operations["SET_ATTRIBUTE"], **fields))
        else:
            raise ValueError(f"a result {tree!r} has no native form")


def is_named(kind: type) -> bool:
    """Is this the class of a namedtuple, made as such a class makes it: of the items alone?"""
    made_by = getattr(kind.__new__, "__module__", None) or ""
    return kind.__bases__ == (tuple,) and made_by.startswith("namedtuple_") and bool(getattr(kind, "_fields", ()))


def is_attribute(kind: type, name: str) -> bool:
    """Is this looked up, in such an object, without a line of Python's: in its ``__dict__``, or in a slot?"""
    found = inspect.getattr_static(kind, name, None)
    quiet = (types.MemberDescriptorType, types.FunctionType)
    plain = type(found) in quiet or not hasattr(type(found), "__get__")
    return plain and kind.__getattribute__ is object.__getattribute__ and not hasattr(kind, "__getattr__")


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
