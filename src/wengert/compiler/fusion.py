"""Fuse: which values are computed together in one loop nest, which are kept in memory, and where.

Of a program's values only some get memory of their own: results, what BLAS or a called function reads, what a layout can not be
read through, and what is dear and read by several loops. All others live in registers, inside the loops of those that read
them. A loop nest computes all `Root`s of one iteration space that do not wait for each other; layout operations
become strides. The outcome is a `Plan`: steps in order, and homes (memory) of values.
"""

from __future__ import annotations

import bisect
import functools
import math
from collections import defaultdict
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from wengert.compiler.boxes import complement
from wengert.compiler.entrywise import TYPES
from wengert.compiler.program import Call, Instruction, Place, Program, ordered
from wengert.compiler.simplify import ELEMENTWISE, Simplifier, constant_of

LAYOUT = {"reshape", "transpose", "broadcast", "slice"}
COST = {
    "add": 1, "subtract": 1, "multiply": 1, "negative": 1, "absolute": 1, "maximum": 1, "minimum": 1, "select": 1, "cast": 1,
    "divide": 5, "sqrt": 6, "floor": 1, "ceil": 1, "trunc": 1, "rint": 1, "sign": 2, "copysign": 1, "remainder": 12,
    "floor_divide": 8,
}  # fmt: skip
MOST_ROOTS = 64  # of one loop nest
SEARCHED = 8  # nests of the same space that are asked to take a root
LARGE = 600  # operations, from which on a program is planned in one pass
CHUNK = 100  # numbers that are computed in one function of a large program
MOST_WORK = 400  # of a value in registers, in a large program
DEAR = 12  # what a value costs to compute again, from which on it is kept
DEEPEST = 40  # operations that follow each other in registers, until a value is put into memory
UNROLLED = 10_000  # multiply-adds of a product of matrices, up to which it is loops of ours and not BLAS


@dataclass(frozen=True)
class Buffer:
    """Memory: `kind` is argument, external, result, constant or workspace; `index` its number, or a serial one."""

    kind: str
    index: int
    dtype: np.dtype
    size: int


@dataclass(frozen=True)
class Home:
    """Where a value lies in a buffer: offset and strides in entries."""

    buffer: Buffer
    offset: int
    shape: tuple[int, ...]
    strides: tuple[int, ...]

    def through(self, x: Instruction) -> Home | None:
        """Where the result of a layout operation on this value lies; None if it is no view."""
        op = x.op
        if op == "slice":
            starts, steps = x.attributes
            offset = self.offset + sum(a * t for a, t in zip(starts, self.strides, strict=True))
            return Home(self.buffer, offset, x.shape, tuple(u * t for u, t in zip(steps, self.strides, strict=True)))
        if op == "transpose":
            return Home(self.buffer, self.offset, x.shape, tuple(self.strides[i] for i in x.attributes[0]))
        if op == "broadcast":
            extra = len(x.shape) - len(self.shape)
            kept = (0 if n == 1 else t for n, t in zip(self.shape, self.strides, strict=True))
            return Home(self.buffer, self.offset, x.shape, (0,) * extra + tuple(kept))
        strides = reshaped_strides(self.shape, self.strides, x.shape)
        return None if strides is None else Home(self.buffer, self.offset, x.shape, strides)

    def box(self, corner: tuple[int, ...], lengths: tuple[int, ...]) -> Home:
        offset = self.offset + sum(a * t for a, t in zip(corner, self.strides, strict=True))
        return Home(self.buffer, offset, lengths, self.strides)


def laid_out(x: np.ndarray, operation: Instruction) -> np.ndarray:
    """A layout operation on an array."""
    if operation.op == "slice":
        starts, steps = operation.attributes
        index = tuple(np.arange(n) * t + a for a, t, n in zip(starts, steps, operation.shape, strict=True))
        return x[np.ix_(*index)]
    if operation.op == "transpose":
        return np.transpose(x, operation.attributes[0])
    if operation.op == "broadcast":
        return np.broadcast_to(x, operation.shape)
    return np.reshape(x, operation.shape)


def contiguous(shape: tuple[int, ...]) -> tuple[int, ...]:
    strides, step = [], 1
    for n in reversed(shape):
        strides.append(step)
        step *= n
    return tuple(reversed(strides))


def reshaped_strides(shape: tuple, strides: tuple, new: tuple) -> tuple | None:
    """Strides of the same entries in another shape, if there are such: runs of axes that lie as one are split anew."""
    if 0 in new:
        return contiguous(new)
    runs: list[list[int]] = []  # [length, stride of the last axis]
    for n, t in zip(shape, strides, strict=True):
        if n == 1:
            continue
        if runs and runs[-1][1] == n * t:
            runs[-1] = [runs[-1][0] * n, t]
        else:
            runs.append([n, t])
    found: list[int] = []
    left = 1
    step = 0
    for n in reversed(new):
        if n == 1:
            found.append(0)
            continue
        if left == 1:
            if not runs:
                return None
            left, step = runs.pop()
        if left % n:
            return None
        found.append(step)
        left //= n
        step *= n
    return tuple(reversed(found)) if left == 1 and not runs else None


@dataclass
class Root:
    """What a loop nest computes: `expression` entry by entry into `home`, or its reduction over `axes`."""

    value: Instruction  # what is known after
    expression: Instruction
    home: Home | None  # None: a number, kept in a register
    kind: str = ""  # of a reduction: the ufunc
    axes: tuple[int, ...] = ()
    after: tuple = ()  # keys of what has to be complete before: a base before a box of it

    @functools.cached_property
    def space(self) -> tuple[int, ...]:
        return tuple(n for n in self.expression.shape if n != 1)

    @functools.cached_property
    def reduced(self) -> frozenset[int]:
        """The reduced axes, by their places in the space."""
        places = [i for i, n in enumerate(self.expression.shape) if n != 1]
        return frozenset(places.index(i) for i in self.axes if i in places)


@dataclass
class Nest:
    """A loop nest."""

    space: tuple[int, ...]
    roots: list[Root]

    def takes(self, root: Root) -> bool:
        """Can this root be computed in these loops? The reduced axes of all must be nested, to be the inner loops."""
        mine = root.reduced
        return all(mine <= other.reduced or other.reduced <= mine for other in self.roots)


@dataclass
class Product:
    """A product of matrices by BLAS."""

    value: Instruction
    home: Home
    operands: tuple[Home, Home]


@dataclass
class Scatter:
    """Values added into, or put into, an array at positions along neighbouring axes, one after the other."""

    value: Instruction
    home: Home
    entries: Home
    positions: tuple[Home, ...]


@dataclass
class Called:
    """A function to be called back."""

    call: Instruction
    operands: tuple[Home, ...]
    results: dict[int, tuple[Instruction, Home]] = field(default_factory=dict)


Step = Nest | Product | Scatter | Called


@dataclass
class Plan:
    """Steps in order and where everything lies.

    `homes` are by the id of an instruction; `arguments` and so on say which buffer is which, `workspace` the bytes of it.
    """

    program: Program
    steps: list[Step]
    homes: dict[int, Home]
    result_homes: list[Home]
    write_homes: list[Home]
    offsets: dict[Buffer, int]
    workspace: int
    constants: dict[Buffer, np.ndarray]
    apart: bool  # is every value that two steps share in memory, so that the steps may be in different functions?

    def __str__(self) -> str:
        return "\n".join(described(self))


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
            self.kept |= self._crossing()

    def plan(self) -> Plan:
        for _ in range(1 if self.large else 12):
            plan = self._attempt()
            dear = set() if self.large else self._dear(plan)
            if not dear:
                break
            self.kept |= dear
        return plan

    def _crossing(self) -> set[int]:
        """Of a large program, what is kept so that nothing is computed twice, and functions need not be long.

        Numbers that are read far from where they are computed, and arrays that are read twice and cost something.
        """
        found: set[int] = set()
        chunk: dict[Instruction, int] = {}
        count = 0
        users: dict[Instruction, int] = defaultdict(int)
        for x in self.program.instructions:
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
        for x in self.program.instructions:
            if x.op in ELEMENTWISE and x.size > 1:
                work[id(x)] = COST.get(x.op, 20) + sum(work.get(id(y), 0) for y in x.operands)
                if work[id(x)] > MOST_WORK or (work[id(x)] > DEAR and users[x] > 1):
                    found.add(id(x))
                    work[id(x)] = 0
            elif x.op in LAYOUT:
                work[id(x)] = work.get(id(x.operands[0]), 0)
        last = count // CHUNK
        for guard in self.program.guards:
            for x in guard.condition.operands:
                if chunk.get(x, last) != last:
                    found.add(id(x))
        return found

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
        self.entrywise: dict[int, list[int]] = defaultdict(
            list
        )  # the places of nests that store a value entry by entry
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
            if id(x) in written and (id(x) not in lies or lies[id(x)].strides != contiguous(x.shape)):
                needed.add(id(x))  # in order, as it is moved in one piece
                lies[id(x)] = _somewhere(x)
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
                copied = Instruction(
                    "reshape", (y,), y.shape, y.dtype, (y.shape,)
                )  # others go on reading y where it is
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
        while made.op in LAYOUT:  # pragma: no cover
            (made,) = made.operands
        home = self._new(x)
        kind, axes = made.attributes
        self._schedule(Root(x, made.operands[0], home, kind, axes))
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

    # -- what to keep because computing it again is dear

    def _dear(self, plan: Plan) -> set[int]:
        """Ids of values in registers that would be computed several times at a cost above that of keeping them."""
        found: set[int] = set()
        places: dict[int, set] = defaultdict(set)  # value -> the nests, and the indexings, that it is computed in
        values: dict[int, Instruction] = {}
        for i, nest in enumerate(plan.steps):
            if not isinstance(nest, Nest):
                continue
            inside = self._computed(nest)
            for key, (x, ways) in inside.items():
                values[key] = x
                places[key] |= {(i, way) for way in ways}
                if x.size < math.prod(nest.space) and x.size > 1 and self.cost(x, inside) > 4:
                    found.add(key)
        for key, x in values.items():
            if len(places[key]) > 1 and self.cost(x, values) >= DEAR and x.size > 1:
                found.add(key)
        # Of a chain of dear values keep the last ones: those before are then read only there.
        kept = {
            key
            for key in found
            if not all(id(user) in found for user in self._users(key, values)) or not self._users(key, values)
        }
        return kept - self.kept

    def _users(self, key: int, values: dict[int, Instruction]) -> list[Instruction]:
        if not hasattr(self, "_user_table"):
            self._user_table: dict[int, list[Instruction]] = defaultdict(list)
            for x in self.program.instructions:
                for y in x.operands:
                    self._user_table[id(y)].append(x)
        return self._user_table[key]

    def _computed(self, nest: Nest) -> dict[int, tuple[Instruction, set]]:
        """The values that a nest computes in registers, with the different ways in which they are indexed."""
        inside: dict[int, tuple[Instruction, set]] = {}
        own = {id(root.expression) for root in nest.roots if root.value is root.expression}
        stack: list[tuple[Instruction, tuple]] = [(root.expression, ()) for root in nest.roots]
        while stack:
            x, way = stack.pop()
            if (id(x) in self.homes and id(x) not in own) or not x.shape or x.op == "constant":
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

    def cost(self, x: Instruction, inside: Any) -> int:
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
        for guard in self.program.guards:
            for x in ordered([guard.condition]):
                seen = self._view(x)
                if seen is not None and seen.buffer.kind == "workspace":
                    last[seen.buffer] = len(self.nests)
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
        seen: set[int] = set()
        stack: list[Instruction] = []
        for root in step.roots:
            if root.home is not None:
                found.append(root.home)
            if root.value is root.expression and root.home == self.homes.get(id(root.value)):
                stack += root.expression.operands  # it is computed here, not read
            else:
                stack.append(root.expression)
        while stack:
            x = stack.pop()
            if id(x) in seen:
                continue
            seen.add(id(x))
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


def described(plan: Plan) -> list[str]:
    """The printed form: each loop nest with what it computes."""
    number = {id(x): i for i, x in enumerate(plan.program.instructions)}
    text = []
    for step in plan.steps:
        if isinstance(step, Nest):
            text.append(f"loops over {step.space}" if step.space else "numbers")
            for root in step.roots:
                what = f"%{number.get(id(root.expression), '-')}"
                if root.kind:
                    what = f"{root.kind} of {what} over {root.axes}"
                where = "a register" if root.home is None else f"{root.home.buffer.kind} {root.home.buffer.index}"
                text.append(f"    {what} -> {where}")
        elif isinstance(step, Scatter):
            text.append(f"scatter -> {step.home.buffer.kind} {step.home.buffer.index}")
        elif isinstance(step, Product):
            text.append(f"BLAS {step.value.attributes[0]} -> {step.home.buffer.kind} {step.home.buffer.index}")
        else:
            text.append(f"call {step.call.attributes[0].name}")
    return text


__all__ = [
    "Buffer",
    "Called",
    "Home",
    "Nest",
    "Plan",
    "Planner",
    "Product",
    "Root",
    "constant_of",
    "contiguous",
    "lowered",
]
