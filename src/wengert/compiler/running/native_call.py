"""The type whose instances are called in machine code: compiled from the text once in a process, when it is asked for.

This room tells whether that is possible here, and hands the text the functions that it calls.
"""

from __future__ import annotations

import ctypes
import functools
import platform
import struct
import sys
import sysconfig
import types
from collections.abc import Callable
from typing import Any

import numpy as np

from wengert.compiler.running.native_text import ARRAY, TUPLE_ITEMS, assembly

__all__ = ["address_of_data", "adopt", "available", "interface", "native_type"]

IN_ARRAY_API = {"PyArray_NewCopy": 85, "PyArray_NewFromDescr": 94}  # in the table that the capsule _ARRAY_API holds
TYPE_FLAGS = 168  # of a PyTypeObject, in 3.11 alone
HAVE_VECTORCALL, BASETYPE, HAVE_GC = 1 << 11, 1 << 10, 1 << 14
SIZE_MEMBER, OBJECT_MEMBER, READ_ONLY = 19, 6, 1


class Member(ctypes.Structure):
    """PyMemberDef."""

    _fields_ = [
        ("name", ctypes.c_char_p),
        ("type", ctypes.c_int),
        ("offset", ctypes.c_ssize_t),
        ("flags", ctypes.c_int),
        ("doc", ctypes.c_char_p),
    ]


class Slot(ctypes.Structure):
    """PyType_Slot."""

    _fields_ = [("slot", ctypes.c_int), ("function", ctypes.c_void_p)]


class Specification(ctypes.Structure):
    """PyType_Spec."""

    _fields_ = [
        ("name", ctypes.c_char_p),
        ("basicsize", ctypes.c_int),
        ("itemsize", ctypes.c_int),
        ("flags", ctypes.c_uint),
        ("slots", ctypes.POINTER(Slot)),
    ]


def as_expected() -> bool:
    """Whether the objects of this process lie in memory as the text takes them to: looked up in live ones."""

    def word(instance: object, offset: int, kind: Any = ctypes.c_void_p) -> Any:
        return kind.from_address(id(instance) + offset).value

    array, content = np.arange(6.0).reshape(2, 3), object()
    pair, sequence, cell, text = (content, array), [content, array], types.CellType(content), b"abc"
    found = word(array, ARRAY["dimensions"])
    shape = (ctypes.c_ssize_t * 2).from_address(found)
    strides = (ctypes.c_ssize_t * 2).from_address(word(array, ARRAY["strides"]))
    facts = [
        object.__basicsize__ == 16,
        word(array, 8) == id(np.ndarray),
        word(array, ARRAY["data"]) == array.ctypes.data,
        word(array, ARRAY["nd"], ctypes.c_int) == 2,
        tuple(shape) == (2, 3),
        tuple(strides) == (24, 8),
        word(array, ARRAY["descr"]) == id(array.dtype),
        word(array, ARRAY["flags"], ctypes.c_int) == array.flags.num,
        word(array.dtype, ARRAY["byteorder"], ctypes.c_char) == b"=",
        word(pair, 16, ctypes.c_ssize_t) == 2,
        word(pair, TUPLE_ITEMS + 8) == id(array),
        word(sequence, 16, ctypes.c_ssize_t) == 2,
        ctypes.c_void_p.from_address(word(sequence, 24) + 8).value == id(array),
        word(cell, 16) == id(content),
        word(text, 16, ctypes.c_ssize_t) == 3,
        ctypes.string_at(id(text) + 32) == text,
        word(2.5, 16, ctypes.c_double) == 2.5,
        word(np.float64(2.5), 16, ctypes.c_double) == 2.5,
        word(np.float32(2.5), 16, ctypes.c_float) == 2.5,
        word(np.int64(-7), 16, ctypes.c_int64) == -7,
        word(np.complex128(2 + 3j), 24, ctypes.c_double) == 3.0,
    ]
    return all(facts)


@functools.cache
def available() -> bool:
    """Whether compiled functions can be called natively here: CPython 3.11 to 3.14 with 64 bits and the GIL, and llvmlite."""
    try:
        import llvmlite  # noqa: F401
    except ImportError:
        return False
    return (
        platform.python_implementation() == "CPython"
        and (3, 11) <= sys.version_info[:2] <= (3, 14)
        and struct.calcsize("P") == 8
        and not sysconfig.get_config_var("Py_GIL_DISABLED")
        and not hasattr(sys, "gettotalrefcount")
        and as_expected()
    )


@functools.cache
def address_of_data() -> Callable[[np.ndarray], int]:
    """The function that tells where an array's entries lie: NumPy's own takes a microsecond."""
    if not available():
        return lambda array: array.ctypes.data
    at, offset = ctypes.c_ssize_t.from_address, ARRAY["data"]
    return lambda array: at(id(array) + offset).value


def interface(name: str, result: type | None, *arguments: type) -> Callable:
    """A function of CPython's C interface, without a change to what ``ctypes.pythonapi`` shares with other libraries."""
    return ctypes.PYFUNCTYPE(result, *arguments)((name, ctypes.pythonapi))


def address_of(name: str) -> int:
    """The address of a function of CPython's, of NumPy's or of C's."""
    if name == "memmove":
        return ctypes.cast(ctypes.memmove, ctypes.c_void_p).value or 0
    if name not in IN_ARRAY_API:
        return ctypes.cast(getattr(ctypes.pythonapi, name), ctypes.c_void_p).value or 0
    from numpy._core import _multiarray_umath  # type: ignore[attr-defined]

    pointer = interface("PyCapsule_GetPointer", ctypes.c_void_p, ctypes.py_object, ctypes.c_char_p)
    table = (ctypes.c_void_p * (max(IN_ARRAY_API.values()) + 1)).from_address(
        pointer(_multiarray_umath._ARRAY_API, None)
    )
    return table[IN_ARRAY_API[name]] or 0


@functools.cache
def native_type() -> type:
    """The type whose instances are called natively; a base for Python classes, which ``adopt`` makes native as well.

    An instance has ``_state``, a tuple of the bytes of descriptor addresses and of the entries that own them, and
    ``_slow_path``, the callable that gets the call, as it is, when no entry matches.
    """
    import llvmlite.binding as llvm

    llvm.initialize_native_target()
    llvm.initialize_native_asmprinter()
    machine = llvm.Target.from_default_triple().create_target_machine(opt=2)
    module = llvm.parse_assembly(assembly())
    module.triple, module.data_layout = llvm.get_process_triple(), str(machine.target_data)
    module.verify()
    engine = llvm.create_mcjit_compiler(module, machine)
    for function in module.functions:
        if function.is_declaration:
            engine.add_global_mapping(function, address_of(function.name))
    engine.finalize_object()

    members = (Member * 4)(
        Member(b"__vectorcalloffset__", SIZE_MEMBER, 16, READ_ONLY, None),
        Member(b"_state", OBJECT_MEMBER, 24, 0, None),
        Member(b"_slow_path", OBJECT_MEMBER, 32, 0, None),
    )
    created, called, cleared, deallocated, traversed, membered = 65, 50, 51, 52, 71, 72
    slots = (Slot * 7)(
        Slot(created, engine.get_function_address("create")),
        Slot(called, address_of("PyVectorcall_Call")),
        Slot(cleared, engine.get_function_address("clear")),
        Slot(deallocated, engine.get_function_address("deallocate")),
        Slot(traversed, engine.get_function_address("traverse")),
        Slot(membered, ctypes.addressof(members)),
    )
    flags = BASETYPE | HAVE_GC | HAVE_VECTORCALL
    specification = Specification(b"wengert.compiler.running.native_call.NativeCall", 40, 0, flags, slots)
    build = interface("PyType_FromSpec", ctypes.py_object, ctypes.POINTER(Specification))
    native = build(ctypes.byref(specification))
    # Instances may die after this module's globals at the interpreter's end: their code is never unmapped.
    for lasting in (engine, members, slots, specification):
        interface("Py_IncRef", None, ctypes.py_object)(lasting)
    return native


def adopt(subclass: type) -> None:
    """Let the instances of a Python subclass be called natively: 3.11 does not pass that property on, later ones do."""
    if sys.version_info >= (3, 12) or subclass.__call__ is not native_type().__call__:
        return
    flags = ctypes.c_ulong.from_address(id(subclass) + TYPE_FLAGS)
    if flags.value == subclass.__flags__:
        flags.value |= HAVE_VECTORCALL
