"""Where an entry is read: indices that are affine in the loops' counters, through layout operations."""

from __future__ import annotations

from wengert.compiler.programs.program import Instruction

Affine = tuple[int, tuple[tuple[int, int], ...]]  # a constant, and (axis of the loops, coefficient) pairs
ZERO: Affine = (0, ())


def summed(terms: list[tuple[Affine, int]], constant: int) -> Affine:
    """The sum of indices times strides, and a constant."""
    total: dict[int, int] = {}
    for (at, pairs), factor in terms:
        constant += at * factor
        for axis, c in pairs:
            total[axis] = total.get(axis, 0) + c * factor
    return constant, tuple(sorted((axis, c) for axis, c in total.items() if c))


def through(x: Instruction, index: tuple) -> tuple:
    """The index into a layout operation's operand, from that into its result; a reshape is one of axes of length one."""
    (source,) = x.operands
    if x.op == "slice":
        starts, steps = x.attributes
        return tuple(
            (a + t * at, tuple((axis, t * c) for axis, c in pairs))
            for (at, pairs), a, t in zip(index, starts, steps, strict=True)
        )
    if x.op == "transpose":
        found = [ZERO] * len(index)
        for i, axis in zip(index, x.attributes[0], strict=True):
            found[axis] = i
        return tuple(found)
    if x.op == "broadcast":
        return broadcast_index(source, index)
    real = iter([i for i, n in zip(index, x.shape, strict=True) if n != 1])
    return tuple(next(real) if n != 1 else ZERO for n in source.shape)


def broadcast_index(operand: Instruction, index: tuple) -> tuple:
    """The index into an operand that is broadcast to what `index` is into."""
    extra = len(index) - len(operand.shape)
    return tuple(ZERO if n == 1 else i for i, n in zip(index[extra:], operand.shape, strict=True))


def gather_parts(x: Instruction, index: tuple, strides: tuple[int, ...]) -> tuple[list[int], list, tuple]:
    """Of entry `index` of a gather: the strides that its positions are multiplied with, (index, stride) pairs of the other
    axes, and the index into the positions."""
    positions = x.operands[1:]
    (first,) = x.attributes
    count, wide = len(positions), len(positions[0].shape)
    along = index[first : first + wide]
    others = [*index[:first], *index[first + wide :]]
    rest = [t for i, t in enumerate(strides) if not first <= i < first + count]
    return list(strides[first : first + count]), list(zip(others, rest, strict=True)), along
