"""The two floating-point formats, float64 and float32, with the constants that formulas need of each."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np


@dataclass(frozen=True)
class Format:
    """A binary interchange format of IEEE 754."""

    name: str  # as in symbols: f64
    llvm: str  # LLVM's name of the type
    integer: str  # LLVM's integer of the same size
    dtype: type
    mantissa: int  # stored bits
    bias: int
    bits: int
    magic: float = field(init=False)  # x + magic - magic rounds x to an integer, whose low bits are those of x + magic
    infinity_bits: int = field(init=False)

    def __post_init__(self):
        object.__setattr__(self, "magic", 1.5 * 2.0**self.mantissa)
        object.__setattr__(self, "infinity_bits", (2 * self.bias + 1) << self.mantissa)

    @property
    def epsilon(self) -> float:
        return 2.0**-self.mantissa

    @property
    def smallest_normal(self) -> float:
        return 2.0 ** (1 - self.bias)

    @property
    def sign_bit(self) -> int:
        return 1 << (self.bits - 1)

    @property
    def largest(self) -> float:
        return float(np.finfo(self.dtype).max)

    def round(self, x: float) -> float:
        """The nearest number of the format."""
        with np.errstate(all="ignore"):
            return float(self.dtype(x))

    def text(self, x: float) -> str:
        """A constant as LLVM writes it: the bits as a double, in hexadecimal, for float too."""
        return f"0x{int(np.float64(self.round(x)).view(np.uint64)):016X}"

    def bits_of(self, x: float) -> int:
        """The bits of a number of this format as an integer."""
        return int(np.array(self.round(x), self.dtype).view(f"u{self.bits // 8}"))


F64 = Format("f64", "double", "i64", np.float64, 52, 1023, 64)
F32 = Format("f32", "float", "i32", np.float32, 23, 127, 32)
FORMATS = {np.dtype(np.float64): F64, np.dtype(np.float32): F32}
