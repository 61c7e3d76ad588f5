"""Fuse: which values are computed together in one loop nest, which are kept in memory, and where.

Of a program's values only some get memory of their own: results, what BLAS or a called function reads, what a layout can not be
read through, and what is dear and read by several loops. All others live in registers, inside the loops of those that read
them. A loop nest computes all `Root`s of one iteration space that do not wait for each other; layout operations
become strides. The outcome is a `Plan`: steps in order, and homes (memory) of values.
"""

from __future__ import annotations

import bisect
import functools
from collections import defaultdict
from typing import Any

import numpy as np

from wengert.compiler.planning.keeping import crossing, dear
from wengert.compiler.planning.plan import (
    LAYOUT,
    Buffer,
    Called,
    Home,
    Nest,
    Plan,
    Product,
    Root,
    Scatter,
    Step,
    contiguous,
    laid_out,
)
from wengert.compiler.planning.products import sum_of_products
from wengert.compiler.programs.boxes import complement
from wengert.compiler.programs.program import TYPES, Call, Instruction, Place, Program
from wengert.compiler.programs.simplify import ELEMENTWISE, Simplifier

MOST_ROOTS = 64  # of one loop nest
SEARCHED = 8  # nests of the same space that are asked to take a root
LARGE = 600  # operations, from which on a program is planned in one pass
DEEPEST = 40  # operations that follow each other in registers, until a value is put into memory


class Planner:
    """Makes the plan: the roots, their loop nests, the memory."""

    def __init__(self, program: Program):
        self.program = program
        self.kept: set[int] = set()  # ids of values that are kept because it pays
        self.order = {id(x): i for i, x in enumerate(program.instructions)}
        size = sum(x.op in ELEMENTWISE for x in program.instructions)
        self.large = size > LARGE
        self.apart = self.large or any(x.op == "call" or x.dtype not in TYPES for x in program.instructions)
        if self.large:
            self.kept |= crossing(program)

    def plan(self) -> Plan:
        for _ in range(1 if self.large else 12):
            plan = self._attempt()
            more = set() if self.large else dear(plan) - self.kept
            if not more:
                break
            self.kept |= more
        return plan

    # -- homes and roots

    def _attempt(self) -> Plan:
        self.homes: dict[int, Home] = {}
        self.constants: dict[Buffer, np.ndarray] = {}
        self.serial = 0
        self.nests: list[Step] = []
        self.by_space: dict[tuple, list[int]] = defaultdict(list)  # the places of nests, by their spaces
        self.calls: dict[int, int] = {}  # the places of called steps, by the call
        self.last_call = -1
        self.ready: dict[Any, int] = {}  # what is complete after which step
        # The places of nests that store a value entry by entry, by the value's id.
        self.entrywise: dict[int, list[int]] = defaultdict(list)
        program = self.program
        for number, x in enumerate(program.inputs):
            self._home(x, Buffer(x.op, number, x.dtype, x.size))
        self.result_homes = [
            Home(Buffer("result", i, x.dtype, x.size), 0, x.shape, contiguous(x.shape))
            for i, x in enumerate(program.results)
        ]
        self.given: dict[int, Home] = {}
        for x, home in zip(program.results, self.result_homes, strict=True):
            if x.op not in ("argument", "external", "constant") and x.shape:
                self.given.setdefault(id(x), home)
        needed = self._must_be_kept()
        pending = list(program.instructions)
        for x in pending:
            if id(x) in needed or (self.apart and x.op == "reduce"):
                self._keep(x)
            elif x.op == "reduce":
                self._reduce(x, None)
        for x, home in zip(program.results, self.result_homes, strict=True):
            if self.homes.get(id(x)) != home:
                self._schedule(Root(x, x, home))
        writes = []
        for _, x in program.writes:  # all is computed before anything is written
            written = self._view(x)
            assert written is not None
            if written.strides != contiguous(x.shape):  # it is moved in one piece
                written = self._fresh(x)
                self._schedule(Root(x, x, written))
            writes.append(written)
        offsets, workspace = self._memory(writes)
        return Plan(
            program, self.nests, self.homes, self.result_homes, writes, offsets, workspace, self.constants, self.apart
        )

    def _home(self, x: Instruction, buffer: Buffer) -> Home:
        home = self.homes[id(x)] = Home(buffer, 0, x.shape, contiguous(x.shape))
        return home

    def _must_be_kept(self) -> set[int]:
        """Ids of what needs memory by its nature or by the nature of what reads it."""
        needed = set(self.kept)
        written = {id(x) for _, x in self.program.writes}
        lies: dict[int, Home] = dict(self.homes)  # how what will be in memory, or be a view of that, will lie there

        def memory(x: Instruction) -> None:
            if id(x) not in lies:
                needed.add(id(x))
                lies[id(x)] = _somewhere(x)

        depth: dict[int, int] = {}  # how many operations a value in registers is away from memory
        for x in self.program.instructions:
            if not x.shape and x.op in ELEMENTWISE and id(x) not in needed and id(x) not in written:
                depth[id(x)] = 0  # a number, known outside of all loops
                continue
            depth[id(x)] = 0 if id(x) in needed else max((depth[id(y)] for y in x.operands), default=0)
            if x.op in ELEMENTWISE and x.size > 1:
                depth[id(x)] += 1
                if depth[id(x)] > (DEEPEST if self.large else 4 * DEEPEST):
                    needed.add(id(x))
                    depth[id(x)] = 0
            if x.op in ("pieces", "setslice", "scatter", "contract", "output") or (x.op == "reduce" and x.shape):
                needed.add(id(x))
            if x.op == "constant" and (x.size > 1 or x.dtype not in TYPES):
                needed.add(id(x))
            if x.op in ("contract", "call"):
                for y in x.operands:
                    memory(y)
            if x.op == "gather":
                memory(x.operands[0])
            if x.op == "scatter":
                for y in x.operands[1:]:
                    memory(y)
            if id(x) in needed:
                lies[id(x)] = _somewhere(x)
                continue
            if x.op not in LAYOUT:
                if id(x) in written:
                    memory(x)
                continue
            (source,) = x.operands
            if x.op == "reshape" and not _same_but_ones(source.shape, x.shape):
                memory(source)
                if lies[id(source)].through(x) is None:  # a copy in order is needed first
                    needed.add(id(source))
                    lies[id(source)] = _somewhere(source)
            if id(source) in lies:
                view = lies[id(source)].through(x)
                if view is not None:
                    lies[id(x)] = view
            if id(x) in written:
                memory(x)
        return needed

    def _view(self, x: Instruction) -> Home | None:
        """Where x lies, if it is in memory or a view of what is."""
        if id(x) in self.homes:
            return self.homes[id(x)]
        chain = []
        while x.op in LAYOUT and id(x) not in self.homes:
            chain.append(x)
            x = x.operands[0]
        home = self.homes.get(id(x))
        for y in reversed(chain):
            if home is None:
                return None
            home = home.through(y)
            if home is not None:
                self.homes[id(y)] = home
        return home

    def _new(self, x: Instruction) -> Home:
        if id(x) in self.given:
            return self.given.pop(id(x))
        return self._fresh(x)

    def _fresh(self, x: Instruction) -> Home:
        self.serial += 1
        return Home(Buffer("workspace", self.serial, x.dtype, x.size), 0, x.shape, contiguous(x.shape))

    def _keep(self, x: Instruction) -> None:
        """Give x memory and schedule what fills it."""
        if id(x) in self.homes:
            return
        if x.op == "constant":
            self.serial += 1
            buffer = Buffer("constant", self.serial, x.dtype, x.size)
            self.constants[buffer] = np.ascontiguousarray(x.attributes[0])
            self._home(x, buffer)
        elif x.op == "pieces":
            self._pieces(x)
        elif x.op == "setslice":
            base, value = x.operands
            home = self._new(x)
            self._schedule(Root(x, base, home))
            first = self.ready[id(x)]
            box = home.through(Instruction("slice", (x,), value.shape, x.dtype, x.attributes))
            assert box is not None
            self._schedule(Root(x, value, box, after=(id(x),)))
            self.ready[id(x)] = max(first, self.ready[id(x)])
            self.homes[id(x)] = home
        elif x.op == "scatter":
            self._scatter(x)
        elif x.op == "reduce":
            self._reduce(x, self._new(x))
        elif x.op == "contract":
            self._product(x)
        elif x.op == "output":
            self._called(x)
        elif x.op == "call":
            pass
        else:
            self._store(x)

    def _store(self, x: Instruction) -> None:
        home = self._new(x)
        self._schedule(Root(x, x, home))
        self.homes[id(x)] = home

    def _pieces(self, x: Instruction) -> None:
        corners, fill = x.attributes
        home = self._new(x)
        boxes = []
        for corner, part in zip(corners, x.operands, strict=True):
            boxes.append((corner, part.shape))
            self._schedule(Root(x, part, home.box(corner, part.shape)))
        for corner, lengths in complement(x.shape, boxes):
            number = Instruction("constant", (), (), x.dtype, (fill,))
            filled = Instruction("broadcast", (number,), lengths, x.dtype, (lengths,))
            self._schedule(Root(x, filled, home.box(corner, lengths)))
        self.homes[id(x)] = home

    def _reduce(self, x: Instruction, home: Home | None) -> None:
        kind, axes = x.attributes
        self._schedule(Root(x, x.operands[0], home, kind, axes))
        if home is not None:
            self.homes[id(x)] = home

    def _product(self, x: Instruction) -> None:
        operands = []
        terms, output = x.attributes[0].split("->")[0].split(","), x.attributes[0].split("->")[1]
        for term, y in zip(terms, x.operands, strict=True):
            home = self._view(y)
            matrix = [i for i, letter in enumerate(term) if not all(letter in t for t in (*terms, output))]
            if home is None or not _blas_readable(home, matrix):
                if home is not None and home.strides == contiguous(home.shape):
                    return self._sum_of_products(x)
                # Others go on reading y where it is.
                copied = Instruction("reshape", (y,), y.shape, y.dtype, (y.shape,))
                self._store(copied)
                home = self.homes[id(copied)]
                if not _blas_readable(home, matrix):
                    return self._sum_of_products(x)
            operands.append(home)
        home = self._new(x)
        rows = [i for i, letter in enumerate(output) if not all(letter in t for t in terms)]
        if not _blas_readable(home, rows):
            return self._sum_of_products(x)
        self.nests.append(Product(x, home, (operands[0], operands[1])))
        self.ready[id(x)] = len(self.nests) - 1
        self.homes[id(x)] = home

    def _sum_of_products(self, x: Instruction) -> None:
        """A product that BLAS can not read or write, as loops after all."""
        made = sum_of_products(Simplifier(), x, x.operands)
        home = self._new(x)
        if made.op == "reduce":
            kind, axes = made.attributes
            self._schedule(Root(x, made.operands[0], home, kind, axes))
        else:  # of few terms, which are written out
            self._schedule(Root(x, made, home))
        self.homes[id(x)] = home

    def _read(self, x: Instruction) -> Home:
        """Where x can be read in memory, which it is put into if need be."""
        home = self._view(x)
        if home is None:
            self._store(x)
            home = self.homes[id(x)]
        return home

    def _scatter(self, x: Instruction) -> None:
        base, values, *positions = x.operands
        home = self._new(x)
        self._schedule(Root(x, base, home))
        step = Scatter(x, home, self._read(values), tuple(self._read(y) for y in positions))
        self.nests.append(step)
        self.ready[id(x)] = len(self.nests) - 1
        self.homes[id(x)] = home

    def _called(self, x: Instruction) -> None:
        (call,) = x.operands
        if id(call) not in self.calls:
            operands = []
            for y in call.operands:
                home = self._view(y)
                if home is None:
                    self._store(y)
                    home = self.homes[id(y)]
                operands.append(home)
            self.calls[id(call)] = self._append_call(Called(call, tuple(operands)))
        home = self._new(x)
        place = self.calls[id(call)]
        self.nests[place].results[x.attributes[0]] = (x, home)  # type: ignore[union-attr]
        self.ready[id(x)] = place
        self.homes[id(x)] = home

    def _append_call(self, step: Called) -> int:
        self.nests.append(step)
        self.last_call = len(self.nests) - 1
        return self.last_call

    # -- nests

    def _waits_for(self, root: Root) -> int:
        """The first step that may compute this root: all that it reads is complete before."""
        first, shape = 0, root.expression.shape
        seen: set[tuple[Instruction, bool]] = set()
        stack = [(root.expression, True)]
        while stack:
            entry = stack.pop()
            if entry in seen:
                continue
            seen.add(entry)
            x, straight = entry
            at = self.ready.get(id(x))
            if at is not None:
                # What a nest stores entry by entry, it has in registers for others that read the same entries.
                first = max(first, at if straight and self._holds(at, x, root) else at + 1)
            elif id(x) not in self.homes or x.op in LAYOUT:
                straight = straight and (x.op in ELEMENTWISE or x.op == "reshape")
                for y in x.operands:
                    stack.append((y, straight and (y.shape == shape or _same_but_ones(y.shape, shape))))
        for key in root.after:
            first = max(first, self.ready[key] + 1)
        return max(first, self.last_call + 1)

    def _holds(self, at: int, x: Instruction, root: Root) -> bool:
        nest = self.nests[at]
        return isinstance(nest, Nest) and nest.space == root.space and at in self.entrywise.get(id(x), ())

    def _schedule(self, root: Root) -> None:
        if not root.expression.size:
            self.ready.setdefault(id(root.value), -1)
            return
        if root.expression.dtype not in TYPES:
            return self._copied(root)
        first = self._waits_for(root)
        places = self.by_space[root.space]
        for i in places[bisect.bisect_left(places, first) :][:SEARCHED]:
            nest = self.nests[i]
            if isinstance(nest, Nest) and len(nest.roots) < MOST_ROOTS and nest.takes(root):
                nest.roots.append(root)
                break
        else:
            self.nests.append(Nest(root.space, [root]))
            i = len(self.nests) - 1
            places.append(i)
        if root.value is root.expression and not root.kind:
            self.entrywise[id(root.value)].append(i)
        self.ready[id(root.value)] = max(i, self.ready.get(id(root.value), -1))

    def _copied(self, root: Root) -> None:
        """What native code has no type for is moved by NumPy."""
        assert root.home is not None
        source, chain = root.expression, []
        while self._view(source) is None or (source is root.value and self.homes.get(id(source)) == root.home):
            chain.append(source)
            (source,) = source.operands
        chain.reverse()
        call = Call(lambda x: functools.reduce(laid_out, chain, x), ((Place(0, np.ndarray),), {}), "copy")
        view = self._view(source)
        assert view is not None
        made = Instruction("call", (source,), (), root.value.dtype, (call, None))
        self.ready[id(root.value)] = self._append_call(Called(made, (view,), {0: (root.value, root.home)}))

    # -- memory

    def _memory(self, writes: list[Home]) -> tuple[dict[Buffer, int], int]:
        """Places in the workspace: two buffers may share bytes if one is read for the last time before the other is filled."""
        first: dict[Buffer, int] = {}
        last: dict[Buffer, int] = {}
        for i, step in enumerate(self.nests):
            for home in self._touched(step):
                if home.buffer.kind == "workspace":
                    first.setdefault(home.buffer, i)
                    last[home.buffer] = i
        for home in writes:
            if home.buffer.kind == "workspace":
                last[home.buffer] = len(self.nests)
        for home in self._read_for([guard.condition for guard in self.program.guards]):
            if home.buffer.kind == "workspace":
                last[home.buffer] = len(self.nests)
        offsets: dict[Buffer, int] = {}
        free: dict[int, list[int]] = defaultdict(list)  # places that nobody needs any more, by their size
        ending = sorted(first, key=lambda b: last[b])
        done = top = 0
        for buffer in sorted(first, key=lambda b: first[b]):
            while last[ending[done]] < first[buffer]:
                free[_bytes(ending[done])].append(offsets[ending[done]])
                done += 1
            size = _bytes(buffer)
            if free[size]:
                offsets[buffer] = free[size].pop()
            else:
                offsets[buffer], top = top, top + size
        return offsets, top

    def _touched(self, step: Step) -> list[Home]:
        if isinstance(step, Product):
            return [step.home, *step.operands]
        if isinstance(step, Scatter):
            return [step.home, step.entries, *step.positions]
        if isinstance(step, Called):
            return [*step.operands, *(home for _, home in step.results.values())]
        found = []
        stack: list[Instruction] = []
        for root in step.roots:
            if root.home is not None:
                found.append(root.home)
            if root.value is root.expression and root.home == self.homes.get(id(root.value)):
                stack += root.expression.operands  # it is computed here, not read
            else:
                stack.append(root.expression)
        return found + self._read_for(stack)

    def _read_for(self, stack: list[Instruction]) -> list[Home]:
        """Where lies what is read in memory to compute these values."""
        found: list[Home] = []
        seen: set[Instruction] = set()
        while stack:
            x = stack.pop()
            if x in seen:
                continue
            seen.add(x)
            home = self._view(x)
            if home is not None:
                found.append(home)
            else:
                stack.extend(x.operands)
        return found


def _somewhere(x: Instruction) -> Home:
    return Home(Buffer("workspace", -1, x.dtype, x.size), 0, x.shape, contiguous(x.shape))


def _bytes(buffer: Buffer) -> int:
    return -(-buffer.size * buffer.dtype.itemsize // 64) * 64


def _same_but_ones(one: tuple, other: tuple) -> bool:
    return [n for n in one if n != 1] == [n for n in other if n != 1]


def _blas_readable(home: Home, axes: list[int]) -> bool:
    """Are rows or columns of the matrix in these two axes contiguous, the other stride at least that of a matrix?"""
    (m, n), (s, t) = ([part[i] for i in axes] for part in (home.shape, home.strides))
    return (t == 1 and s >= n) or (s == 1 and t >= m)
