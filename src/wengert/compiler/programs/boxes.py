"""Arrays put together from boxes: the `pieces` of a simplified program.

Writing into slices, concatenating, and the gradients of slices all give arrays whose entries come from different places.
`pieces` says so without computing it: attributes are the corner of each part and the number that fills the rest. What is
computed from such arrays is computed part by part, what is read back out of them is found without memory.
"""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np

from wengert.compiler.programs.program import Instruction

MOST = 64  # parts; beyond, an array is rather put into memory
Box = tuple[tuple[int, ...], tuple[int, ...]]  # the corner, the lengths


def assembled(s: Any, shape: tuple, dtype: np.dtype, parts: list[tuple[tuple, Instruction]], fill: Any) -> Instruction:
    """The array of these parts (corner, content), the rest filled with a number."""
    kept: list[tuple[tuple, Instruction]] = []
    for corner, part in parts:
        if part.op == "pieces":
            rest = part.attributes[1]
            kept += [(_moved(corner, c), p) for c, p in zip(part.attributes[0], part.operands, strict=True)]
            if rest.tobytes() != fill.tobytes():
                number = s.constant(rest, dtype)
                kept += [
                    (_moved(corner, c), s.broadcast(number, n)) for c, n in complement(part.shape, _boxes_of(part))
                ]
        elif not (_uniform(part) is not None and _uniform(part).tobytes() == fill.tobytes()):
            kept.append((corner, part))
    if not kept:
        return s.broadcast(s.constant(fill, dtype), shape)
    if len(kept) == 1 and kept[0][1].shape == shape:
        return kept[0][1]
    numbers = {p.operands[0] for _, p in kept if p.op == "broadcast" and not p.operands[0].shape}
    if len(numbers) == 1 and all(p.op == "broadcast" and not p.operands[0].shape for _, p in kept):
        (number,) = numbers
        if sum(p.size for _, p in kept) == int(np.prod(shape)):
            return s.broadcast(number, shape)
    corners, operands = tuple(c for c, _ in kept), tuple(p for _, p in kept)
    return s.make("pieces", operands, shape, dtype, (corners, fill))


def _uniform(x: Instruction) -> Any:
    if x.op == "broadcast":
        x = x.operands[0]
    return x.attributes[0] if x.op == "constant" and not x.shape else None


def _moved(corner: tuple, by: tuple) -> tuple:
    return tuple(a + b for a, b in zip(corner, by, strict=True))


def _boxes_of(x: Instruction) -> list[Box]:
    return [(c, p.shape) for c, p in zip(x.attributes[0], x.operands, strict=True)]


def without(box: Box, hole: Box) -> list[Box]:
    """What is left of a box when another is cut out."""
    corner, lengths = box
    left = []
    low, high = list(corner), [c + n for c, n in zip(corner, lengths, strict=True)]
    for axis, (start, length) in enumerate(zip(*hole, strict=True)):
        start, stop = max(start, low[axis]), min(start + length, high[axis])
        if start >= stop:
            return [box]
        if low[axis] < start:
            left.append(_between(low, [*high[:axis], start, *high[axis + 1 :]]))
        if stop < high[axis]:
            left.append(_between([*low[:axis], stop, *low[axis + 1 :]], high))
        low[axis], high[axis] = start, stop
    return left


def _between(low: list, high: list) -> Box:
    return tuple(low), tuple(h - a for a, h in zip(low, high, strict=True))


def complement(shape: tuple, taken: list[Box]) -> list[Box]:
    """The boxes of an array that none of these covers."""
    left: list[Box] = [((0,) * len(shape), shape)]
    for hole in taken:
        left = [piece for box in left for piece in without(box, hole)]
    return left


def replaced(s: Any, base: Instruction, value: Instruction, corner: tuple) -> Instruction | None:
    """base with a box of it replaced by value."""
    hole = (corner, value.shape)
    fill = _uniform(base)
    if fill is not None:
        return assembled(s, base.shape, base.dtype, [(corner, value)], fill)
    parts: list[tuple[tuple, Instruction]] = []
    if base.op == "pieces":
        fill = base.attributes[1]
        whole = list(zip(base.attributes[0], base.operands, strict=True))
    else:
        fill, whole = base.dtype.type(0), [((0,) * len(base.shape), base)]
    for at, part in whole:
        for c, n in without((at, part.shape), hole):
            inside = tuple(a - b for a, b in zip(c, at, strict=True))
            parts.append((c, s.slice(part, inside, n)))
    if len(parts) >= MOST:
        return None
    return assembled(s, base.shape, base.dtype, [*parts, (corner, value)], fill)


def sliced(s: Any, x: Instruction, starts: tuple, lengths: tuple) -> Instruction:
    """A box of an array of pieces."""
    found = []
    for corner, part in zip(x.attributes[0], x.operands, strict=True):
        low = [max(c - a, 0) for c, a in zip(corner, starts, strict=True)]
        high = [min(c + m - a, n) for c, m, a, n in zip(corner, part.shape, starts, lengths, strict=True)]
        if all(h > w for w, h in zip(low, high, strict=True)):
            inside = tuple(w + a - c for w, a, c in zip(low, starts, corner, strict=True))
            found.append((tuple(low), s.slice(part, inside, tuple(h - w for w, h in zip(low, high, strict=True)))))
    return assembled(s, lengths, x.dtype, found, x.attributes[1])


def elementwise(s: Any, x: Instruction) -> Instruction | None:
    """An operation on arrays of pieces, part by part."""
    pieces = [y for y in x.operands if y.op == "pieces" and y.shape == x.shape]
    cuts: list[list[int]] = []
    for axis, n in enumerate(x.shape):
        found = {0, n}
        for y in pieces:
            for corner, part in zip(y.attributes[0], y.operands, strict=True):
                found |= {corner[axis], corner[axis] + part.shape[axis]}
        cuts.append(sorted(found))
    count = 1
    for cut in cuts:
        count *= len(cut) - 1
    if count > MOST:
        return None
    parts = []
    for corner_stop in itertools.product(*(itertools.pairwise(cut) for cut in cuts)):
        corner = tuple(a for a, _ in corner_stop)
        lengths = tuple(b - a for a, b in corner_stop)
        operands = tuple(_within(s, y, corner, lengths) for y in x.operands)
        made = s.make(x.op, operands, np.broadcast_shapes(*(o.shape for o in operands)), x.dtype, x.attributes)
        parts.append((corner, s.broadcast(made, lengths)))
    fill = next((_uniform(p) for _, p in parts if _uniform(p) is not None), x.dtype.type(0))
    return assembled(s, x.shape, x.dtype, parts, fill)


def _within(s: Any, y: Instruction, corner: tuple, lengths: tuple) -> Instruction:
    """The part of an operand, which may be broadcast, that a box of the result needs."""
    extra = len(lengths) - len(y.shape)
    starts = tuple(c if n != 1 else 0 for c, n in zip(corner[extra:], y.shape, strict=True))
    sizes = tuple(m if n != 1 else 1 for m, n in zip(lengths[extra:], y.shape, strict=True))
    return s.slice(y, starts, sizes)


def reshaped(s: Any, x: Instruction, shape: tuple) -> Instruction | None:
    """Pieces in a shape that differs by axes of length one."""
    if [n for n in shape if n != 1] != [n for n in x.shape if n != 1]:
        return None
    corners, parts = [], []
    for corner, part in zip(x.attributes[0], x.operands, strict=True):
        places = iter([(c, m) for c, m, n in zip(corner, part.shape, x.shape, strict=True) if n != 1])
        pairs = [next(places) if n != 1 else (0, 1) for n in shape]
        corners.append(tuple(c for c, _ in pairs))
        parts.append(s.reshape(part, tuple(m for _, m in pairs)))
    return s.make("pieces", tuple(parts), shape, x.dtype, (tuple(corners), x.attributes[1]))
