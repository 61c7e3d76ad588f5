"""Keeping: which values get memory of their own because computing them again would cost more.

All values live in registers, inside the loops of those that read them, unless something says otherwise. Of a small program
the plan is looked at (`dear`), and made again with what it shows; of a large one it is decided in one pass (`crossing`).
"""

from __future__ import annotations

import math
from collections import defaultdict
from typing import Any

from wengert.compiler.planning.plan import LAYOUT, Nest, Plan
from wengert.compiler.programs.program import Instruction, Program
from wengert.compiler.programs.simplify import ELEMENTWISE

COST = {
    "add": 1, "subtract": 1, "multiply": 1, "negative": 1, "absolute": 1, "maximum": 1, "minimum": 1, "select": 1, "cast": 1,
    "divide": 5, "sqrt": 6, "floor": 1, "ceil": 1, "trunc": 1, "rint": 1, "sign": 2, "copysign": 1, "remainder": 12,
    "floor_divide": 8,
}  # fmt: skip
DEAR = 12  # what a value costs to compute again, from which on it is kept
CHUNK = 100  # numbers that are computed in one function of a large program
MOST_WORK = 400  # of a value in registers, in a large program


def crossing(program: Program) -> set[int]:
    """Of a large program, what is kept so that nothing is computed twice, and functions need not be long.

    Numbers that are read far from where they are computed, and arrays that are read twice and cost something.
    """
    found: set[int] = set()
    chunk: dict[Instruction, int] = {}
    count = 0
    users: dict[Instruction, int] = defaultdict(int)
    for x in program.instructions:
        for y in x.operands:
            users[y] += 1
        if x.shape or x.op not in ELEMENTWISE:
            continue
        count += 1
        chunk[x] = here = count // CHUNK
        for y in x.operands:
            if chunk.get(y, here) != here:
                found.add(id(y))
    work: dict[int, int] = {}
    for x in program.instructions:
        if x.op in ELEMENTWISE and x.size > 1:
            work[id(x)] = COST.get(x.op, 20) + sum(work.get(id(y), 0) for y in x.operands)
            if work[id(x)] > MOST_WORK or (work[id(x)] > DEAR and users[x] > 1):
                found.add(id(x))
                work[id(x)] = 0
        elif x.op in LAYOUT:
            work[id(x)] = work.get(id(x.operands[0]), 0)
    last = count // CHUNK
    for guard in program.guards:
        for x in guard.condition.operands:
            if chunk.get(x, last) != last:
                found.add(id(x))
    return found


def dear(plan: Plan) -> set[int]:
    """Ids of values in registers that would be computed several times at a cost above that of keeping them."""
    found: set[int] = set()
    places: dict[int, set] = defaultdict(set)  # value -> the nests, and the indexings, that it is computed in
    values: dict[int, Instruction] = {}
    for i, nest in enumerate(plan.steps):
        if not isinstance(nest, Nest):
            continue
        inside = _computed(plan, nest)
        for key, (x, ways) in inside.items():
            values[key] = x
            places[key] |= {(i, way) for way in ways}
            if x.size < math.prod(nest.space) and x.size > 1 and cost(x, inside) > 4:
                found.add(key)
    for key, x in values.items():
        if len(places[key]) > 1 and cost(x, values) >= DEAR and x.size > 1:
            found.add(key)
    # Of a chain of dear values keep the last ones: those before are then read only there.
    users: dict[int, list[int]] = defaultdict(list)
    for x in plan.program.instructions:
        for y in x.operands:
            users[id(y)].append(id(x))
    return {key for key in found if not users[key] or not all(user in found for user in users[key])}


def _computed(plan: Plan, nest: Nest) -> dict[int, tuple[Instruction, set]]:
    """The values that a nest computes in registers, with the different ways in which they are indexed."""
    inside: dict[int, tuple[Instruction, set]] = {}
    own = {id(root.expression) for root in nest.roots if root.value is root.expression}
    stack: list[tuple[Instruction, tuple]] = [(root.expression, ()) for root in nest.roots]
    while stack:
        x, way = stack.pop()
        if (id(x) in plan.homes and id(x) not in own) or not x.shape or x.op == "constant":
            continue
        if x.op in LAYOUT:
            if x.op != "reshape" and not (x.op == "slice" and 2 * x.size <= x.operands[0].size):
                way = (*way, (x.op, x.attributes))
            stack.append((x.operands[0], way))
            continue
        if x.op not in ELEMENTWISE:
            continue
        known = inside.setdefault(id(x), (x, set()))[1]
        if way in known:
            continue
        known.add(way)
        stack.extend((y, way) for y in x.operands)
    return inside


def cost(x: Instruction, inside: Any) -> int:
    """What computing an entry costs, with all that is computed for it."""
    total, seen, stack = 0, set(), [x]
    while stack and total < 4 * DEAR:
        y = stack.pop()
        if id(y) in seen or not y.shape:
            continue
        seen.add(id(y))
        if y.op in LAYOUT:
            stack.extend(y.operands)
        elif id(y) in inside or y is x:
            total += COST.get(y.op, 20) if y.op in ELEMENTWISE else 0
            stack.extend(y.operands)
    return total
