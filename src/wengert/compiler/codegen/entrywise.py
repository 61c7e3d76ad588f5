"""Each entry-by-entry operation as LLVM IR: one row each, for vectors of any width and plain scalars.

A row is told the writer, the dtype that the operation computes in, and its operands by name, and returns the result's name. The
functions that need more than instructions come from `vectormath`; what is not there is called in the C library, lane by lane.
"""

from __future__ import annotations

import struct
from collections.abc import Callable
from typing import Any

import numpy as np

from wengert.compiler.codegen.vectormath import FUNCTIONS
from wengert.compiler.programs.program import BOOL, FLOAT32, FLOAT64, INT64, INTEGERS, TYPES

SUFFIX = {FLOAT64: "f64", FLOAT32: "f32", **INTEGERS, BOOL: "i1"}


def literal(value: Any, dtype: np.dtype) -> str:
    """A number as LLVM writes it: floats by their bits, so that nothing is rounded."""
    if dtype == BOOL:
        return "true" if value else "false"
    if dtype.kind in "iu":
        return str(int(value))
    with np.errstate(all="ignore"):
        wide = float(dtype.type(value))
    return f"0x{struct.unpack('<Q', struct.pack('<d', wide))[0]:016X}"


class Lanes:
    """Writes operations for one vector width into a list of lines."""

    def __init__(self, writer: Any, width: int):
        self.writer, self.width = writer, width

    def type(self, dtype: np.dtype) -> str:
        element = TYPES[dtype]
        return element if self.width == 1 else f"<{self.width} x {element}>"

    def emit(self, text: str) -> str:
        return self.writer.emit(text)

    def number(self, value: Any, dtype: np.dtype) -> str:
        text = literal(value, dtype)
        return text if self.width == 1 else f"splat ({TYPES[dtype]} {text})"

    def intrinsic(self, name: str, dtype: np.dtype, *operands: str, extra: str = "", flags: str = "") -> str:
        suffix = SUFFIX[dtype] if self.width == 1 else f"v{self.width}{SUFFIX[dtype]}"
        kind = self.type(dtype)
        symbol = f"@llvm.{name}.{suffix}"
        parameters = ", ".join([kind] * len(operands)) + (", i1" if extra else "")
        self.writer.declare(symbol, f"declare {kind} {symbol}({parameters})")
        given = ", ".join(f"{kind} {x}" for x in operands) + extra
        return self.emit(f"call {flags}{kind} {symbol}({given})")

    def binary(self, operation: str, dtype: np.dtype, x: str, y: str) -> str:
        return self.emit(f"{operation} {self.type(dtype)} {x}, {y}")

    def select(self, mask: str, dtype: np.dtype, yes: str, no: str) -> str:
        kind = self.type(dtype)
        return self.emit(f"select {self.type(BOOL)} {mask}, {kind} {yes}, {kind} {no}")

    def function(self, name: str, dtype: np.dtype, *operands: str) -> str:
        """A function of vectormath, or of the C library."""
        kind = self.type(dtype)
        if name in FUNCTIONS:
            symbol = self.writer.vector_function(name, dtype, self.width)
            return self.emit(f"call {kind} {symbol}({', '.join(f'{kind} {x}' for x in operands)})")
        return self._scalarised(LIBRARY.get(name, name) + ("f" if dtype == FLOAT32 else ""), dtype, operands)

    def _scalarised(self, name: str, dtype: np.dtype, operands: tuple) -> str:
        element, kind = TYPES[dtype], self.type(dtype)
        parameters = ", ".join([element] * len(operands))
        self.writer.declare(f"@{name}", f"declare {element} @{name}({parameters}) nounwind willreturn memory(none)")
        if self.width == 1:
            return self.emit(f"call {element} @{name}({', '.join(f'{element} {x}' for x in operands)})")
        made = "poison"
        for lane in range(self.width):
            given = [self.emit(f"extractelement {kind} {x}, i64 {lane}") for x in operands]
            found = self.emit(f"call {element} @{name}({', '.join(f'{element} {x}' for x in given)})")
            made = self.emit(f"insertelement {kind} {made}, {element} {found}, i64 {lane}")
        return made


LIBRARY = {"arcsin": "asin", "arccos": "acos", "arctan": "atan", "arctan2": "atan2", "power": "pow"}


def _arithmetic(floating: str, integer: str) -> Callable:
    return lambda v, dtype, x, y: v.binary(floating if dtype.kind == "f" else integer, dtype, x, y)


def _negative(v: Lanes, dtype: np.dtype, x: str) -> str:
    if dtype.kind == "f":
        return v.emit(f"fneg {v.type(dtype)} {x}")
    return v.binary("sub", dtype, v.number(0, dtype), x)


def _absolute(v: Lanes, dtype: np.dtype, x: str) -> str:
    if dtype.kind == "f":
        return v.intrinsic("fabs", dtype, x)
    return v.intrinsic("abs", dtype, x, extra=", i1 false")


def _extreme(float_test: str, integer: str) -> Callable:
    """The larger or smaller; nan if one is nan."""

    def extreme(v: Lanes, dtype: np.dtype, x: str, y: str) -> str:
        if dtype == INT64:
            return v.intrinsic(integer, dtype, x, y)
        kind = v.type(dtype)
        test = v.emit(f"fcmp {float_test} {kind} {x}, {y}")
        found = v.select(test, dtype, x, y)
        nan = v.emit(f"fcmp uno {kind} {x}, {x}")
        return v.select(nan, dtype, x, found)

    return extreme


def _compared(floating: str, integer: str) -> Callable:
    def compared(v: Lanes, dtype: np.dtype, x: str, y: str) -> str:
        if dtype.kind == "f":
            return v.emit(f"fcmp {floating} {v.type(dtype)} {x}, {y}")
        predicate = integer.replace("s", "u") if dtype == BOOL and integer[0] == "s" else integer
        return v.emit(f"icmp {predicate} {v.type(dtype)} {x}, {y}")

    return compared


def _sign(v: Lanes, dtype: np.dtype, x: str) -> str:
    kind, zero = v.type(dtype), v.number(0, dtype)
    less, more = ("fcmp olt", "fcmp ogt") if dtype.kind == "f" else ("icmp slt", "icmp sgt")
    rest = v.binary("fadd", dtype, x, zero) if dtype.kind == "f" else x  # of a zero of either sign the one above 0
    below = v.select(v.emit(f"{less} {kind} {x}, {zero}"), dtype, v.number(-1, dtype), rest)
    return v.select(v.emit(f"{more} {kind} {x}, {zero}"), dtype, v.number(1, dtype), below)


def _isfinite(v: Lanes, dtype: np.dtype, x: str) -> str:
    if dtype.kind != "f":
        return v.number(True, BOOL)
    size = v.intrinsic("fabs", dtype, x)
    return v.emit(f"fcmp olt {v.type(dtype)} {size}, {v.number(np.inf, dtype)}")


def _isnan(v: Lanes, dtype: np.dtype, x: str) -> str:
    return v.emit(f"fcmp uno {v.type(dtype)} {x}, {x}") if dtype.kind == "f" else v.number(False, BOOL)


def _isinf(v: Lanes, dtype: np.dtype, x: str) -> str:
    if dtype.kind != "f":
        return v.number(False, BOOL)
    return v.emit(f"fcmp oeq {v.type(dtype)} {v.intrinsic('fabs', dtype, x)}, {v.number(np.inf, dtype)}")


def _signbit(v: Lanes, dtype: np.dtype, x: str) -> str:
    one = v.intrinsic("copysign", dtype, v.number(1, dtype), x)
    return v.emit(f"fcmp olt {v.type(dtype)} {one}, {v.number(0, dtype)}")


def _remainder(v: Lanes, dtype: np.dtype, x: str, y: str) -> str:
    return _divmod(v, dtype, x, y)[1]


def _floor_divide(v: Lanes, dtype: np.dtype, x: str, y: str) -> str:
    return _divmod(v, dtype, x, y)[0]


def _divmod(v: Lanes, dtype: np.dtype, x: str, y: str) -> tuple[str, str]:
    """The floored quotient and its remainder, which has the divisor's sign, as NumPy (and Python) have them."""
    kind, zero = v.type(dtype), v.number(0, dtype)
    rest = v._scalarised("fmod" + ("f" if dtype == FLOAT32 else ""), dtype, (x, y))
    quotient = v.binary("fdiv", dtype, v.binary("fsub", dtype, x, rest), y)
    nonzero = v.emit(f"fcmp une {kind} {rest}, {zero}")
    differ = v.binary("xor", BOOL, v.emit(f"fcmp olt {kind} {rest}, {zero}"), v.emit(f"fcmp olt {kind} {y}, {zero}"))
    adjust = v.binary("and", BOOL, nonzero, differ)
    rest_moved = v.select(adjust, dtype, v.binary("fadd", dtype, rest, y), rest)
    rest_found = v.select(nonzero, dtype, rest_moved, v.intrinsic("copysign", dtype, zero, y))
    rest_found = v.select(v.emit(f"fcmp uno {kind} {rest}, {rest}"), dtype, rest, rest_found)
    quotient = v.select(adjust, dtype, v.binary("fsub", dtype, quotient, v.number(1, dtype)), quotient)
    floor = v.intrinsic("floor", dtype, quotient)
    above = v.emit(f"fcmp ogt {kind} {v.binary('fsub', dtype, quotient, floor)}, {v.number(0.5, dtype)}")
    floor = v.select(above, dtype, v.binary("fadd", dtype, floor, v.number(1, dtype)), floor)
    plain = v.binary("fdiv", dtype, x, y)
    none = v.emit(f"fcmp oeq {kind} {quotient}, {zero}")
    floor = v.select(none, dtype, v.intrinsic("copysign", dtype, zero, plain), floor)
    by_zero = v.emit(f"fcmp oeq {kind} {y}, {zero}")
    return v.select(by_zero, dtype, plain, floor), rest_found


def _logical(operation: str) -> Callable:
    return lambda v, dtype, x, y: v.binary(operation, dtype, x, y)


def _not(v: Lanes, dtype: np.dtype, x: str) -> str:
    return v.binary("xor", BOOL, x, v.number(True, BOOL))


def _through(name: str) -> Callable:
    return lambda v, dtype, *operands: v.function(name, dtype, *operands)


def _intrinsic(name: str) -> Callable:
    return lambda v, dtype, *operands: v.intrinsic(name, dtype, *operands)


ROWS: dict[str, Callable] = {
    "add": _arithmetic("fadd", "add"), "subtract": _arithmetic("fsub", "sub"), "multiply": _arithmetic("fmul", "mul"),
    "divide": _arithmetic("fdiv", "sdiv"), "negative": _negative, "absolute": _absolute,
    "maximum": _extreme("ogt", "smax"), "minimum": _extreme("olt", "smin"), "fmax": _intrinsic("maxnum"),
    "fmin": _intrinsic("minnum"), "sqrt": _intrinsic("sqrt"), "floor": _intrinsic("floor"), "ceil": _intrinsic("ceil"),
    "trunc": _intrinsic("trunc"), "rint": _intrinsic("nearbyint"), "copysign": _intrinsic("copysign"), "sign": _sign,
    "isfinite": _isfinite, "isnan": _isnan, "isinf": _isinf, "signbit": _signbit,
    "remainder": _remainder, "floor_divide": _floor_divide,
    "equal": _compared("oeq", "eq"), "not_equal": _compared("une", "ne"), "less": _compared("olt", "slt"),
    "less_equal": _compared("ole", "sle"), "greater": _compared("ogt", "sgt"), "greater_equal": _compared("oge", "sge"),
    "logical_and": _logical("and"), "logical_or": _logical("or"), "logical_xor": _logical("xor"), "logical_not": _not,
    "bitwise_and": _logical("and"), "bitwise_or": _logical("or"), "power": _through("pow"),
    **{name: _through(name) for name in (
        "exp", "exp2", "expm1", "log", "log1p", "log2", "log10", "sin", "cos", "tan", "arcsin", "arccos", "arctan",
        "arctan2", "sinh", "cosh", "tanh", "cbrt", "hypot", "logaddexp", "expit", "erf", "erfc")},
}  # fmt: skip


def cast(v: Lanes, x: str, old: np.dtype, new: np.dtype) -> str:
    """A value of one dtype in another."""
    a, b = v.type(old), v.type(new)
    if new == BOOL:
        test = "fcmp une" if old.kind == "f" else "icmp ne"
        return v.emit(f"{test} {a} {x}, {v.number(0, old)}")
    if old == BOOL:
        return v.emit(f"{'uitofp' if new.kind == 'f' else 'zext'} {a} {x} to {b}")
    if old.kind in "iu" and new.kind in "iu":
        if new.itemsize == old.itemsize:
            return x
        wider = "sext" if old.kind == "i" else "zext"
        return v.emit(f"{'trunc' if new.itemsize < old.itemsize else wider} {a} {x} to {b}")
    if old.kind in "iu":
        return v.emit(f"{'sitofp' if old.kind == 'i' else 'uitofp'} {a} {x} to {b}")
    if new.kind in "iu":
        suffix = f"{SUFFIX[new]}.{SUFFIX[old]}" if v.width == 1 else f"v{v.width}{SUFFIX[new]}.v{v.width}{SUFFIX[old]}"
        symbol = f"@llvm.fpto{'s' if new.kind == 'i' else 'u'}i.sat.{suffix}"
        v.writer.declare(symbol, f"declare {b} {symbol}({a})")
        found = v.emit(f"call {b} {symbol}({a} {x})")
        if new != INT64 or not v.writer.shared.machine.x86:
            return found
        # What no integer can say is the lowest one on this kind of machine, in NumPy, too.
        inside = v.emit(f"fcmp olt {a} {v.intrinsic('fabs', old, x)}, {v.number(2.0**63, old)}")
        return v.select(inside, INT64, found, v.number(-(2**63), INT64))
    return v.emit(f"{'fpext' if new.itemsize > old.itemsize else 'fptrunc'} {a} {x} to {b}")


NEUTRAL = {"add": 0, "multiply": 1, "maximum": -np.inf, "minimum": np.inf, "logical_and": True, "logical_or": False}


def neutral(kind: str, dtype: np.dtype) -> Any:
    """What a reduction of this kind begins with."""
    if dtype == INT64 and kind in ("maximum", "minimum"):
        return np.iinfo(np.int64).min if kind == "maximum" else np.iinfo(np.int64).max
    return -0.0 if kind == "add" and dtype.kind == "f" else NEUTRAL[kind]


def operated(lanes: Lanes, op: str, dtype: np.dtype, dtypes: list, operands: list[str]) -> str:
    """An entry-by-entry operation on operands, by their names and dtypes."""
    if op == "cast":
        return cast(lanes, operands[0], dtypes[0], dtype)
    if op == "select":
        return lanes.select(operands[0], dtype, operands[1], operands[2])
    return ROWS[op](lanes, dtypes[-1], *operands)
