"""Products: which contractions are left to BLAS, and the others as sums of products."""

from __future__ import annotations

import math

from wengert.compiler.programs.program import Instruction, Program
from wengert.compiler.programs.simplify import Simplifier

UNROLLED = 10_000  # multiply-adds of a product of matrices, up to which it is loops of ours and not BLAS


def lowered(program: Program, blas: bool) -> Program:
    """Products that are small, or no products of matrices, as sums of products."""
    if not any(x.op == "contract" for x in program.instructions):
        return program
    maker = Simplifier()
    new: dict[Instruction, Instruction] = {}
    for x in program.instructions:
        operands = tuple([new[y] for y in x.operands])
        if x.op == "contract" and not (blas and by_blas(x)):
            new[x] = sum_of_products(maker, x, operands)
        elif operands == x.operands:
            new[x] = x
        else:
            new[x] = x.on(operands)
    return program.rewritten(new.__getitem__)


def sizes_of(x: Instruction) -> dict[str, int]:
    sizes: dict[str, int] = {}
    for term, operand in zip(x.attributes[0].split("->")[0].split(","), x.operands, strict=True):
        sizes |= dict(zip(term, operand.shape, strict=True))
    return sizes


def by_blas(x: Instruction) -> bool:
    """Is this contraction a product of two matrices, or a row of such, each large enough for BLAS?"""
    inputs, output = x.attributes[0].split("->")
    one, two = map(set, inputs.split(","))
    batch = one & two & set(output)
    if len(batch) > 1 or len(one) != 2 + len(batch) or len(two) != len(one) or len(output) != len(one):
        return False
    sizes = sizes_of(x)
    return math.prod(n for letter, n in sizes.items() if letter not in batch) > UNROLLED


def sum_of_products(maker: Simplifier, x: Instruction, operands: tuple) -> Instruction:
    inputs, output = x.attributes[0].split("->")
    sizes = sizes_of(x)
    letters = output + "".join(sorted(set(inputs) - set(output) - {","}))
    shaped = []
    for term, operand in zip(inputs.split(","), operands, strict=True):
        order = sorted(range(len(term)), key=[letters.index(letter) for letter in term].__getitem__)
        moved = maker.make(
            "transpose", (operand,), tuple(operand.shape[i] for i in order), operand.dtype, (tuple(order),), x.line
        )
        shape = tuple(sizes[letter] if letter in term else 1 for letter in letters)
        shaped.append(maker.reshape(moved, shape))
    product = maker.apply("multiply", *shaped)
    axes = tuple(range(len(output), len(letters)))
    if not axes:
        return product
    return maker.make("reduce", (product,), x.shape, x.dtype, ("add", axes))
