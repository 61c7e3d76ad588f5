"""Nodes: the values inside a loop nest, each an operation on others, or read from memory at an index affine in the loops."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from wengert.compiler.codegen.indexing import ZERO, Affine, broadcast_index, gather_parts, summed, through
from wengert.compiler.planning.plan import LAYOUT, Buffer, Nest, Plan, Root
from wengert.compiler.programs.program import Instruction
from wengert.compiler.programs.simplify import ELEMENTWISE, constant_of


@dataclass(eq=False, slots=True)
class Node:
    """A value inside a loop nest."""

    op: str  # load, number (of the surroundings), constant, or an operation
    dtype: np.dtype
    operands: tuple[Node, ...]
    info: Any  # load: (buffer, affine offset); number: instruction; constant: value
    axes: frozenset[int]


class Values:
    """All that a nest computes, from what it reads to its roots.

    Parameters
    ----------
    number : callable
        ``(instruction) -> name`` of a value without dimensions, in the function that calls the kernel.

    Attributes
    ----------
    list : list of Node
        Operands first.
    stores : list of (Node, Buffer, Affine, Root)
        What goes to memory entry by entry, and where.
    reductions : list of (Node, Root, Affine)
        What is reduced, and where the outcome lies.
    numbers : dict
        The values without dimensions that are read, with their names in the kernel.
    """

    def __init__(self, plan: Plan, nest: Nest, number: Callable[[Instruction], str]):
        self.plan, self.nest, self.number = plan, nest, number
        self.extents = nest.space
        self.numbers: dict[int, tuple[Instruction, str]] = {}
        self.nodes: dict[Any, Node] = {}
        self.computing = {
            id(r.expression)
            for r in nest.roots
            if not r.kind and plan.homes.get(id(r.value)) == r.home and r.value is r.expression
        }
        self._resolve()
        self.list = self._all_nodes()

    def signature(self) -> tuple[Any, list]:
        """All that the text depends on, with buffers and values by their numbers, and the places that have these numbers."""
        places: dict[Any, int] = {}
        rank = {id(node): i for i, node in enumerate(self.list)}
        numbers = {key: i for i, key in enumerate(self.numbers)}

        def placed(buffer: Buffer, at: Affine) -> tuple:
            return places.setdefault((buffer, at[0]), len(places)), buffer.dtype.char, at[1]

        found: list[Any] = [tuple(self.extents)]
        for node in self.list:
            told: Any = None
            if node.op == "load":
                told = placed(*node.info)
            elif node.op == "gather":
                told = (*placed(*node.info[:2]), tuple(node.info[2]))
            elif node.op == "number":
                told = numbers[id(node.info)]
            elif node.op == "constant":
                told = np.asarray(node.info).tobytes()
            found.append((node.op, node.dtype.char, told, *(rank[id(y)] for y in node.operands)))
        for node, buffer, at, _ in self.stores:
            found.append((rank[id(node)], *placed(buffer, at)))
        for node, root, at in self.reductions:
            where = None if root.home is None else placed(root.home.buffer, at)
            found.append((rank[id(node)], root.kind, root.value.dtype.char, tuple(sorted(root.reduced)), where))
        for offsets in self._by_walk().values():  # which are columns of the same rows
            found.append(tuple((places[buffer, at[0]], at[0] - offsets[0][1][0]) for buffer, at in offsets))
        return tuple(found), list(places)

    def _by_walk(self) -> dict[Any, list]:
        """Where entries are read and written that are not neighbours, by the buffer and by how it is walked through."""
        found: dict[Any, list] = defaultdict(list)
        read = [n.info for n in self.list if n.op == "load"]
        for buffer, at in (*read, *(store[1:3] for store in self.stores)):
            if any(c > 1 for _, c in at[1]):
                found[buffer, at[1]].append((buffer, at))
        return {key: places for key, places in found.items() if len(places) > 1}

    def _resolve(self) -> None:
        """Nodes for all that the roots need."""
        stores, reductions = [], []
        for root in self.nest.roots:
            axis = iter(range(len(self.extents)))
            index = tuple((0, ((next(axis), 1),)) if n != 1 else ZERO for n in root.expression.shape)
            node = self.node(root.expression, index, root)
            if not root.kind:
                assert root.home is not None
                stores.append(
                    (
                        node,
                        root.home.buffer,
                        summed(list(zip(index, root.home.strides, strict=True)), root.home.offset),
                        root,
                    )
                )
            else:
                at: Affine = ZERO
                if root.home is not None:
                    kept = [i for j, i in enumerate(index) if j not in root.axes]
                    at = summed(list(zip(kept, root.home.strides, strict=True)), root.home.offset)
                reductions.append((node, root, at))
        self.stores, self.reductions = stores, reductions

    def node(self, x: Instruction, index: tuple, root: Root | None = None) -> Node:
        """The node of a value at an index. With a stack, because chains may be long."""
        todo = [(x, index, root)]
        while todo:
            y, at, of = todo[-1]
            if (id(y), at) in self.nodes:
                todo.pop()
                continue
            made = self._node(y, at, of)
            if isinstance(made, Node):
                self.nodes[id(y), at] = made
                todo.pop()
            else:
                todo += [(z, i, None) for z, i in made]
        return self.nodes[id(x), index]

    def _node(self, x: Instruction, index: tuple, root: Root | None) -> Node | list:
        """The node, or the (instruction, index) pairs that are needed before it."""
        value = constant_of(x)
        if value is not None:
            return Node("constant", x.dtype, (), value, frozenset())
        home = self.plan.homes.get(id(x))
        mine = id(x) in self.computing or (root is not None and root.value is x and root.home == home)
        if not x.shape:
            if id(x) not in self.numbers:
                self.number(x)
                self.numbers[id(x)] = (x, f"%n{len(self.numbers)}")
            return Node("number", x.dtype, (), x, frozenset())
        if home is not None and not mine and not self._views_own(x):
            at = summed(list(zip(index, home.strides, strict=True)), home.offset)
            return Node("load", x.dtype, (), (home.buffer, at), frozenset(axis for axis, _ in at[1]))
        if x.op == "gather":
            return self._gathered(x, index)
        if x.op in LAYOUT:
            below = [(x.operands[0], through(x, index))]
        elif x.op in ELEMENTWISE:
            below = [(y, index if y.shape == x.shape else broadcast_index(y, index)) for y in x.operands]
        else:
            raise AssertionError(f"{x!r} has no memory and no registers")
        nodes = self.nodes
        known = [nodes.get((id(y), i)) for y, i in below]
        operands = tuple([node for node in known if node is not None])
        if len(operands) < len(below):
            return [key for key, node in zip(below, known, strict=True) if node is None]
        if x.op in LAYOUT:
            return operands[0]
        axes = operands[0].axes
        for y in operands[1:]:
            if y.axes is not axes:
                axes |= y.axes
        return Node(x.op, x.dtype, operands, x, axes)

    def _gathered(self, x: Instruction, index: tuple) -> Node | list:
        """Entries of an array in memory, at positions that are values themselves."""
        source, *positions = x.operands
        home = self.plan.homes[id(source)]
        strides, rest, along = gather_parts(x, index, home.strides)
        missing = [(y, along) for y in positions if (id(y), along) not in self.nodes]
        if missing:
            return missing
        at = summed(rest, home.offset)
        operands = tuple(self.nodes[id(y), along] for y in positions)
        axes = frozenset(axis for axis, _ in at[1]).union(*(y.axes for y in operands))
        return Node("gather", x.dtype, operands, (home.buffer, at, strides), axes)

    def _views_own(self, x: Instruction) -> bool:
        """Is this a view of what this nest itself computes, and so in a register?"""
        while x.op in LAYOUT:
            (x,) = x.operands
            if id(x) in self.computing:
                return True
        return False

    def _all_nodes(self) -> list[Node]:
        found: list[Node] = []
        seen: set[int] = set()
        stack = [(n, False) for n in [*(s[0] for s in self.stores), *(r[0] for r in self.reductions)]]
        while stack:
            node, entered = stack.pop()
            if entered:
                found.append(node)
                continue
            if id(node) in seen:
                continue
            seen.add(id(node))
            stack.append((node, True))
            stack += [(y, False) for y in node.operands if id(y) not in seen]
        return found
