"""What a page carries of arrays and linear maps: whole where they are small, sampled with a note where they are large.

The same array is carried once, however many nodes and edges have it. Whatever is left out is said in the entry itself, so that
the page can say it too.
"""

from __future__ import annotations

import base64
import math
from typing import Any

import numpy as np

from wengert.core.linear import Array, LinearMap

BUDGET = 3_000_000  # bytes of arrays in one page, before they are written as text
WHOLE = 4096  # entries of an array, or of a Jacobian, that is carried whole
LEAST = 64  # entries that are carried of each array even when the budget is used up
PATTERN = 1_000_000  # entries of a Jacobian whose sparsity pattern is still looked at
WORK = 20_000_000  # entries of Jacobians that are looked at for one page, all together
SIDE = 256  # rows and columns of a pattern as it is shown
BINS = 32

_KINDS: dict[str, np.dtype] = {
    "f8": np.dtype("<f8"),
    "f4": np.dtype("<f4"),
    "c16": np.dtype("<c16"),
    "u1": np.dtype("u1"),
}


class Carried:
    """The arrays and maps of one page.

    Attributes
    ----------
    arrays, maps : list of dict
        The entries, as they are written; `array` and `map` give an entry's number.
    """

    def __init__(self, expected: int):
        """`expected` is how many arrays may come: they share the budget."""
        self.arrays: list[dict[str, Any]] = []
        self.maps: list[dict[str, Any]] = []
        self._limit = max(LEAST, min(WHOLE, BUDGET // (8 * max(expected, 1))))
        self._left = BUDGET
        self._work = WORK
        self._seen: dict[tuple, int] = {}

    def array(self, value: Any) -> int:
        """The number of an array's entry."""
        array = np.asarray(value)
        kind = _kind(array.dtype)
        key = (array.shape, array.dtype.str, array.tobytes() if array.size <= WHOLE else id(value))
        if key in self._seen:
            return self._seen[key]
        limit = self._limit if self._left > 0 else LEAST
        at = None if array.size <= limit else sample(array.shape, limit)
        part = array if at is None else array[np.ix_(*at)]
        data = np.ascontiguousarray(part, _KINDS[kind]).tobytes()
        self._left -= len(data)
        entry: dict[str, Any] = {
            "shape": list(array.shape),
            "dtype": str(array.dtype),
            "kind": kind,
            "data": base64.b64encode(data).decode(),
        }
        if at is not None:
            entry |= {"at": [[int(i) for i in axis] for axis in at], "stats": statistics(array)}
        self.arrays.append(entry)
        self._seen[key] = len(self.arrays) - 1
        return len(self.arrays) - 1

    def linear(self, edge: LinearMap) -> int:
        """The number of a linear map's entry: its Jacobian if that is small, else its sparsity pattern, else its label."""
        n, m = math.prod(edge.in_shape), math.prod(edge.out_shape)
        entry: dict[str, Any] = {"label": edge.label, "in": list(edge.in_shape), "out": list(edge.out_shape)}
        self.maps.append(entry)
        number = len(self.maps) - 1
        if n * m > PATTERN or n * m > self._work:
            entry["note"] = f"its Jacobian of {m:,} × {n:,} entries is too large to be carried"
            return number
        self._work -= n * m
        try:
            with np.errstate(all="ignore"):
                if n * m <= self._limit and self._left > 0:
                    entry["dense"] = self.array(np.reshape(np.asarray(edge.dense()), (m, n)))
                else:
                    entry["pattern"] = pattern_of(edge.pattern())
        except (AttributeError, TypeError, ValueError, MemoryError) as error:  # an Opaque map with one direction
            entry["note"] = f"its Jacobian could not be made: {error}"
        return number


def pattern_of(pattern: np.ndarray) -> dict[str, Any]:
    """A sparsity pattern as bits; of a large one each bit says whether anything is in its block."""
    rows, columns = pattern.shape
    by, across = -(-rows // SIDE), -(-columns // SIDE)
    found = {"rows": rows, "columns": columns, "nonzeros": int(np.count_nonzero(pattern)), "block": [by, across]}
    padded = np.zeros((-(-rows // by) * by, -(-columns // across) * across), bool)
    padded[:rows, :columns] = pattern
    shown = padded.reshape(padded.shape[0] // by, by, padded.shape[1] // across, across).any(axis=(1, 3))
    return found | {"shape": list(shown.shape), "bits": base64.b64encode(np.packbits(shown).tobytes()).decode()}


def sample(shape: tuple[int, ...], limit: int) -> list[np.ndarray]:
    """For each axis the indices that are kept: the last two axes first, evenly spread, at most `limit` entries in all."""
    kept = [1] * len(shape)
    room = limit
    if len(shape) == 1:
        kept[-1] = min(shape[-1], room)
    else:
        side = math.isqrt(room)
        kept[-1] = min(shape[-1], max(side, room // max(shape[-2], 1)))
        kept[-2] = min(shape[-2], room // kept[-1])
        room //= kept[-1] * kept[-2]
        for axis in range(len(shape) - 3, -1, -1):
            kept[axis] = min(shape[axis], max(room, 1))
            room //= kept[axis]
    return [np.unique(np.linspace(0, n - 1, k).round().astype(int)) for n, k in zip(shape, kept, strict=True)]


def statistics(array: Array) -> dict[str, Any]:
    """Of a whole array that is carried in part: its range, moments, what is not finite and where first, a histogram."""
    values = np.abs(array) if array.dtype.kind == "c" else np.asarray(array, np.float64)
    finite = np.isfinite(values)
    some = values[finite]
    found: dict[str, Any] = {
        "nan": int(np.isnan(values).sum()),
        "posinf": int(np.isposinf(values).sum()),
        "neginf": int(np.isneginf(values).sum()),
        "zeros": int((values == 0).sum()),
    }
    if not finite.all():
        found["first"] = [int(i) for i in np.unravel_index(int(np.argmin(finite)), values.shape)]
    if some.size:
        with np.errstate(all="ignore"):
            found |= {"min": float(some.min()), "max": float(some.max())}
            found |= {"mean": number(some.mean()), "std": number(some.std()), "norm": number(np.linalg.norm(some))}
            width = found["max"] - found["min"]
            if np.isfinite(width):
                counts, edges = np.histogram(some, BINS, (found["min"], found["max"]) if width else None)
                found["histogram"] = {"counts": counts.tolist(), "from": float(edges[0]), "to": float(edges[-1])}
    return found


def number(value: Any) -> Any:
    """A number as JSON has it: what is not finite is a word."""
    value = float(value)
    return value if math.isfinite(value) else str(value)


def _kind(dtype: np.dtype) -> str:
    if dtype.kind == "c":
        return "c16"
    if dtype.kind == "b":
        return "u1"
    return "f4" if dtype in (np.dtype(np.float32), np.dtype(np.float16)) else "f8"
