"""The machine code behind a compiled call: the records that `native_call.ll` reads, and its text with names as numbers.

One text serves every compiled function: it goes through rows (``Row``) that say what the arguments must be and how the
results are made, and never through the Python that wrote them. This room knows the memory layout of CPython's and NumPy's
objects, holds no address, and knows nothing of traces, programs or rules.
"""

from __future__ import annotations

import ctypes
import re
from importlib import resources

__all__ = ["ARRAY", "TUPLE_ITEMS", "Descriptor", "Row", "assembly", "operations"]


class Row(ctypes.Structure):
    """One step of a check, of an allocation or of a construction; what the fields mean is the operation's to say."""

    _fields_ = [
        ("operation", ctypes.c_int64),
        ("source", ctypes.c_int64),
        ("destination", ctypes.c_int64),
        ("count", ctypes.c_int64),
        ("need", ctypes.c_int64),
        ("subject", ctypes.c_void_p),
        ("companion", ctypes.c_void_p),
    ]


class Descriptor(ctypes.Structure):
    """All that the machine code knows of one entry; offsets are in bytes from the start of the entry's block."""

    _fields_ = [
        ("positional", ctypes.c_int64),  # how many arguments come by position, and how many by keyword
        ("keywords", ctypes.c_int64),
        ("kernel", ctypes.c_void_p),
        ("checks", ctypes.c_void_p),
        ("allocations", ctypes.c_void_p),
        ("constructions", ctypes.c_void_p),
        ("moves", ctypes.c_void_p),
        ("workspace", ctypes.c_int64),  # its place, the table's last
        (
            "block",
            ctypes.c_void_p,
        ),  # null while a call holds it: a second call at the same time takes a block of its own
        ("block_bytes", ctypes.c_int64),
        ("table", ctypes.c_int64),
        ("values", ctypes.c_int64),
        ("slots", ctypes.c_int64),
        ("owned", ctypes.c_int64),
        ("first_result", ctypes.c_int64),
        ("value_count", ctypes.c_int64),
        ("release_gil", ctypes.c_int64),
        ("ndarray", ctypes.c_void_p),
        ("calls", ctypes.c_int64),
    ]


# What a row does. Values are objects in numbered registers: the arguments first, then what containers hold, the arrays
# from outside, and the results. Places are the kernel's table of pointers.
operations = {
    "END": 0,
    # checks
    "ARRAY": 1,  # source: an array of dtype subject, count dimensions companion, flags need; destination: its place
    "SCALAR": 2,  # source: of exact type subject, need bytes of number after its header; destination: its place
    "SAME": 3,  # source is subject
    "EQUAL": 4,  # source is subject, or of its exact type and equal
    "TUPLE": 5,  # source: an exact subject of count items, which become the registers from destination on
    "LIST": 6,
    "DICT": 7,
    "KEY": 8,  # the next key of source, the last DICT's, is subject, or the same of the type companion (str): its content
    # becomes register destination
    "FIELD": 9,  # the object subject holds companion at need bytes
    "ITEM": 10,  # subject[companion] is the object at address need
    "KEYWORD": 11,  # one of count keywords is subject, of the type companion (str): its argument becomes register
    # destination; with need it has to be the one in position source
    "INT": 12,  # source: of exact type subject (int), nearer to 0 than 2**53; destination: its place
    "STRIDED": 13,  # source: as for ARRAY, with count strides after the lengths; what it holds is copied in order
    "OUTSIDE": 14,  # subject, which becomes register destination
    "HELD_LIST": 15,  # the list subject holds the count objects companion, and nothing else
    "HELD_DICT": 16,  # the dict subject holds count keys, in order, with their values: pairs of objects companion
    "NAMESPACE": 17,  # the object subject has the __dict__ companion, and is of the type at address need
    "TYPE": 18,  # source is of exact type subject
    "ATTRIBUTE": 19,  # of source, of the name subject: it becomes register destination
    "APART": 20,  # the count bytes in place source and the need bytes in place destination do not overlap
    # allocations
    "NEW_ARRAY": 1,  # dtype subject, count dimensions companion; register destination, place source
    "SLOT": 2,  # place source is its own slot in the block
    # constructions
    "NEW_SCALAR": 1,  # of type subject, allocated by companion, from need bytes in the slot source
    "CHOICE": 2,  # subject if the slot source is not 0, else companion
    "CONSTANT": 3,  # subject
    "REGISTER": 4,  # the object in register source
    "NEW_TUPLE": 5,  # of count registers from source on
    "NEW_LIST": 6,
    "NEW_DICT": 7,  # with the keys at companion
    "NEW_INT": 8,  # from the slot source
    "NEW_NAMED": 9,  # a tuple of the type subject
    "NEW_INSTANCE": 10,  # of the type subject, by a call of companion (object.__new__)
    "SET_ATTRIBUTE": 11,  # of register destination, of the name subject: the object in register source, which it takes over
    # moves
    "MOVE": 1,  # count bytes, to place destination: from need bytes after place source
    "MOVE_CONSTANT": 2,  # count bytes, to place destination: from companion
}

# Offsets into NumPy's and CPython's objects; `native_call.as_expected` compares them with live ones.
ARRAY = {"data": 16, "nd": 24, "dimensions": 32, "strides": 40, "descr": 56, "flags": 64, "byteorder": 26}
TUPLE_ITEMS = tuple.__basicsize__  # 24, and 32 since tuples keep their hash (3.14)


def assembly() -> str:
    """The text with its names as numbers; it holds no address, so that one text is right for every process."""
    numbers = {f"operation.{name}": str(number) for name, number in operations.items()}
    numbers |= {f"array.{name}": str(offset) for name, offset in ARRAY.items()} | {"tuple.items": str(TUPLE_ITEMS)}
    for structure in (Descriptor, Row):
        fields = enumerate(structure._fields_)
        numbers |= {f"{structure.__name__}.{field[0]}": f"i32 0, i32 {number}" for number, field in fields}
    text = resources.files("wengert.compiler.running").joinpath("native_call.ll").read_text(encoding="utf-8")
    return re.sub(r"\b[A-Za-z]+\.[A-Za-z_]+\b", lambda name: numbers[name[0]], text)
