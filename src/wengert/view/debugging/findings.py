"""What a debug report says, as plain data: where a number stopped being finite, where derivatives vanish, stop or end."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from wengert.view.recording import Place

Index = tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Operand:
    """What an operation was given: at the entry in question where it works entry by entry, otherwise the whole.

    `value` is a number, or the whole array; `index` is the entry's, () for a number.
    """

    name: str
    value: Any
    index: Index = ()

    def __str__(self) -> str:
        at = f"[{', '.join(map(str, self.index))}]" if self.index else ""
        return f"{self.name}{at} = {shown(self.value)}"


@dataclass(frozen=True, slots=True)
class Finding:
    """An operation at which something stopped being finite.

    Attributes
    ----------
    direction : str
        'forward' for a value, 'backward' for a partial or an adjoint.
    kind : str
        'arose': of finite operands; 'turned': a nan of an inf; 'constant': from a constant operand that was not finite;
        'input': an input was not finite; 'follows': backward, from values that were not finite.
    operation : str
        The primitive's name; '' for an input.
    symbol : str
        The name of the result; backward, that of the operand whose adjoint it is.
    index, shape, count
        The first entry that is not finite, the array's shape, and how many of its entries are not.
    value : number
        That entry: inf or nan.
    operands : tuple of Operand
        What the operation was given.
    cotangent, partial : number or None
        Backward and entry by entry: the two factors.
    reason, advice : str
        Why, and what to do about it, where that is known.
    reaches : bool
        Whether it reached the result: forward the value, backward a gradient.
    place : Place or None
        Where in the user's code.
    number : int
        The operation's place in the order of execution, from 0, as in the graph of `wengert.view.graph`.
    """

    direction: str
    kind: str
    operation: str
    symbol: str
    index: Index
    shape: tuple[int, ...]
    count: int
    value: Any
    operands: tuple[Operand, ...]
    reason: str
    advice: str
    reaches: bool
    place: Place | None
    number: int
    cotangent: Any = None
    partial: Any = None


@dataclass(frozen=True, slots=True)
class Suppressed:
    """Where the sweep met 0 · inf, 0 · nan or 0 / 0 with an exact zero, and the zero won: `count` entries of `size`."""

    operation: str
    symbol: str
    count: int
    size: int
    place: Place | None


@dataclass(frozen=True, slots=True)
class Layer:
    """The adjoints of the values that one line of the code computed: the largest 2-norm of each time that it ran.

    `earliest` and `latest` are those of the first and the last time; `count` is how often it ran.
    """

    name: str
    place: Place | None
    count: int
    earliest: float
    latest: float
    smallest: float
    largest: float


@dataclass(frozen=True, slots=True)
class Trend:
    """'vanishing' or 'exploding': the norm at `early`, and that at `late`, which was computed after it."""

    kind: str
    early: str
    early_norm: float
    late: str
    late_norm: float

    @property
    def ratio(self) -> float:
        return self.early_norm / self.late_norm


@dataclass(frozen=True, slots=True)
class Inactive:
    """Units that let no derivative through, for the whole batch.

    `kind` is 'dead' (the slope is exactly 0) or 'saturated' (it is tiny). `units` are the places along the last axis.
    """

    kind: str
    operation: str
    symbol: str
    units: tuple[int, ...]
    size: int
    place: Place | None


@dataclass(frozen=True, slots=True)
class Cut:
    """An operation behind which nothing depends on its operand any more, as far as derivatives can tell."""

    operation: str
    reason: str
    place: Place | None


@dataclass(frozen=True, slots=True)
class Independent:
    """An input whose gradient is exactly zero: 'cut' or 'unused', or 'zero' where it is so at this point only."""

    name: str
    kind: str
    cuts: tuple[Cut, ...]


def shown(value: Any) -> str:
    """A number in six digits; an array by shape, and range or what is not finite in it."""
    array = np.asarray(value)
    if array.ndim == 0:
        return f"{array[()]:.6g}" if array.dtype.kind in "fc" else str(array[()])
    if array.size <= 4:
        return np.array2string(array, precision=6, separator=", ").replace("\n", "")
    text = f"array of shape {array.shape}, {array.dtype}"
    if array.dtype.kind not in "fc":
        return text
    bad = {"nan": int(np.isnan(array).sum()), "inf": int(np.isinf(array).sum())}
    found = ", ".join(f"{count} {what}" for what, count in bad.items() if count)
    if found:
        return f"{text}, with {found}"
    return text if array.dtype.kind == "c" else f"{text}, from {array.min():.3g} to {array.max():.3g}"
