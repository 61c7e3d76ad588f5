"""Kernels: one loop nest as LLVM IR text.

A nest is written with explicit vectors: one axis of its space advances by a vector's width, the last, partial vector is
masked by a constant. Every value stands in the outermost loop in which it can be known; reductions are kept in
registers, because the reduced axes are the inner loops. A kernel is a function of pointers and numbers, so that nests that
differ in nothing else are one kernel. This room knows nests, not where buffers are.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from wengert.compiler.codegen.body import MEMORY, Body, Shared
from wengert.compiler.codegen.columns import Columns, windows
from wengert.compiler.codegen.entrywise import ROWS, Lanes, neutral, operated
from wengert.compiler.codegen.indexing import Affine
from wengert.compiler.codegen.nodes import Node, Values
from wengert.compiler.planning.keeping import COST
from wengert.compiler.planning.plan import Buffer, Home, Nest, Plan
from wengert.compiler.programs.program import BOOL, INT64, TYPES, Instruction


@dataclass(eq=False)
class Total:
    """What a kernel puts where its caller says: a number, or a chunk's part of a reduction."""

    value: Instruction
    kind: str  # of the reduction
    home: Home | None  # where the whole one lies; None: it is a number


def line_bytes(x: Instruction) -> int:
    """What a chunk's part of a total takes, in whole lines of the cache, so that threads do not write into the same one."""
    return -(-x.size * x.dtype.itemsize // 64) * 64


SHARED_WORK = 15_000  # nanoseconds, from which on threads share a nest
CHUNKS = 4  # for each thread, so that one that comes late, or is slow, has fewer
MOST_THREADS = 128  # of one nest
LINES = 128  # bytes that a thread should write together, where others write before and behind
MOST_TOTALS = 1 << 16  # bytes, of all chunks


class Kernel:
    """Writes one loop nest as a function.

    Parameters
    ----------
    number : callable
        ``(instruction) -> name`` of a value without dimensions, in the function that calls the kernel.

    Attributes
    ----------
    pointers : list of (Buffer, int)
        What the kernel's pointers are to point to: entries of buffers.
    numbers : list of Instruction
        The values without dimensions that it is given, after the pointers.
    totals : list of Total
        What it puts where its caller says: pointers to that come after the numbers.
    units, unit, chunks, threads : int
        If not 0, the kernel is one for several threads: its last parameters say from which to which count it goes, between 0
        and `units * unit`, each a multiple of `unit`. `chunks` is in how many parts it is to be run, `threads` by how
        many at most.
    """

    def __init__(self, shared: Shared, plan: Plan, nest: Nest, number: Callable[[Instruction], str]):
        self.w, self.values = Body(shared), Values(plan, nest, number)
        self.list, self.stores = self.values.list, self.values.stores
        self.reductions, self.numbers = self.values.reductions, self.values.numbers
        self.pointers: dict[tuple[Buffer, int], str] = {}
        self.totals: list[Total] = []
        self.units = self.unit = self.chunks = self.threads = 0
        self.nanoseconds = 0.0
        self.divided = -1  # the place, in the order of loops, of the one that threads share
        self.extents = list(nest.space)

    def write(self) -> str:
        """The text of the function, behind its name. It is written once for all nests that are alike."""
        signature, places = self.values.signature()
        known = self.w.shared.written.get(signature)
        if known is None:
            text = self._text()
            divided = (self.units, self.unit, self.chunks, self.threads, self.nanoseconds)
            used = [places.index(place) for place in self.pointers]
            self.w.shared.written[signature] = (text, used, list(self.numbers_of_totals), divided)
            return text
        text, used, totals, divided = known
        self.pointers = {places[i]: f"%p{n}" for n, i in enumerate(used)}
        for i in totals:
            root = self.reductions[i][1]
            self.totals.append(Total(root.value, root.kind, root.home))
        self.units, self.unit, self.chunks, self.threads, self.nanoseconds = divided
        return text

    def _text(self) -> str:
        self._collapse()
        self._choose_order()
        self._divide()
        self._list_totals()
        self._write()
        parameters = [f"ptr {name}" for name in self.pointers.values()]
        parameters += [f"{TYPES[x.dtype]} {name}" for x, name in self.numbers.values()]
        parameters += [f"ptr %t{i}" for i in range(len(self.totals))]
        if self.units:
            parameters += ["i64 %from", "i64 %to"]
        return "\n".join(
            [f"({', '.join(parameters)}) #kernel {{", "entry:", *self.w.alloca, *self.w.lines, "  ret void", "}"]
        )

    # -- the order of loops

    def _accesses(self) -> list[tuple[np.dtype, Affine]]:
        """What is read and written: the entries' type and where."""
        found = [(n.dtype, n.info[1]) for n in self.list if n.op in ("load", "gather")]
        found += [(buffer.dtype, at) for _, buffer, at, _ in self.stores]
        return found + [(root.value.dtype, at) for _, root, at in self.reductions if root.home is not None]

    def _collapse(self) -> None:
        """Neighbouring axes that all memory is walked through as one become one."""
        self.reduced = [root.reduced for _, root, _ in self.reductions]
        axis = len(self.extents) - 2
        while axis >= 0:
            n = self.extents[axis + 1]
            coefficients = [dict(at[1]) for _, at in self._accesses()]
            joint = all(c.get(axis, 0) == c.get(axis + 1, 0) * n for c in coefficients)
            if joint and all((axis in r) == (axis + 1 in r) for r in self.reduced):
                self._merge(axis)
            axis -= 1

    def _merge(self, axis: int) -> None:
        def renamed(at: Affine) -> Affine:
            pairs = tuple((a if a <= axis else a - 1, c) for a, c in at[1] if a != axis)
            return at[0], pairs

        self.extents[axis : axis + 2] = [self.extents[axis] * self.extents[axis + 1]]
        for node in self.list:
            if node.op in ("load", "gather"):
                node.info = (node.info[0], renamed(node.info[1]), *node.info[2:])
            node.axes = frozenset(a if a <= axis else a - 1 for a in node.axes)
        self.stores = [(node, buffer, renamed(at), root) for node, buffer, at, root in self.stores]
        self.reductions = [(node, root, renamed(at)) for node, root, at in self.reductions]
        self.reduced = [frozenset(a if a <= axis else a - 1 for a in r) for r in self.reduced]

    def _choose_order(self) -> None:
        count = len(self.extents)
        depth_of = [sum(axis in r for r in self.reduced) for axis in range(count)]
        widest = max([n.dtype.itemsize for n in self.list if n.op not in ("constant",)] or [8])
        narrowest = min([n.dtype.itemsize for n in self.list if n.dtype != BOOL and n.op != "constant"] or [8])
        widest = max(narrowest, min(widest, 8))
        self.vector, self.width, best = -1, 1, math.inf
        arithmetic = sum(1 if n.op not in ("load", "number", "constant") else 0 for n in self.list) + 1
        for axis, n in enumerate(self.extents):
            width = min(max(self.w.shared.machine.vector_bytes // widest, 1), 1 << (n - 1).bit_length() if n > 1 else 1)
            lanes = n / -(-n // width)
            cost = arithmetic / lanes
            for _, at in self._accesses():
                c = dict(at[1]).get(axis, 0)
                cost += 0.0 if c == 0 else 1 / lanes if c == 1 else 1.5 / lanes if c == -1 else 1.5
            if cost <= best and width > 1:
                self.vector, self.width, best = axis, width, cost
        self.order = sorted(range(count), key=lambda a: (depth_of[a], a == self.vector, a))
        self.position = {axis: p for p, axis in enumerate(self.order)}

    def _divide(self) -> None:
        """Whether this nest is so much work that threads should share a loop of it, and which: an outer one if it is long.

        Reductions over the axis of that loop are computed for each chunk, and then put together.
        """
        if self.w.shared.threads < 2:
            return
        self.nanoseconds = self._nanoseconds()
        if self.nanoseconds < SHARED_WORK:
            return
        self.threads = min(self.w.shared.threads, MOST_THREADS, int(2 * self.nanoseconds / SHARED_WORK))
        most = CHUNKS * self.threads
        for depth, axis in enumerate(self.order):
            unit = self.width * (self._unroll() if depth == len(self.order) - 1 else 1) if axis == self.vector else 1
            units = self.extents[axis] // unit
            chunks = min(most, units)
            totals = [root.value for (_, root, _), r in zip(self.reductions, self.reduced, strict=True) if axis in r]
            few = chunks * sum(map(line_bytes, totals)) <= MOST_TOTALS
            entries = chunks * sum(x.size for x in totals if x.size > 1)
            # Each chunk has the loops outside this one to itself.
            long = units >= (2 * self.threads if depth == 0 else 4 * most)
            if long and few and 16 * entries <= math.prod(self.extents) and self._apart(axis, units * unit // chunks):
                self.units, self.unit, self.chunks, self.divided = units, unit, chunks, depth
                return

    def _apart(self, axis: int, length: int) -> bool:
        """Do parts of this length along an axis write into different lines of the cache, at least mostly?"""
        written = [(buffer.dtype, at) for _, buffer, at, _ in self.stores]
        for (_, root, at), r in zip(self.reductions, self.reduced, strict=True):
            if root.home is not None and axis not in r:
                written.append((root.value.dtype, at))
        for dtype, at in written:
            steps = {a: abs(step) for a, step in at[1]}
            own = steps.pop(axis, 0)
            if own * length * dtype.itemsize < LINES and any(step > own for step in steps.values()):
                return False
        return True

    def _list_totals(self) -> None:
        """What is a number, or reduced over the axis that is divided, goes where the caller says."""
        self.numbers_of_totals: dict[int, int] = {}
        for i, ((_, root, _), r) in enumerate(zip(self.reductions, self.reduced, strict=True)):
            if root.home is None or any(self.position[axis] == self.divided for axis in r):
                self.numbers_of_totals[i] = len(self.totals)
                self.totals.append(Total(root.value, root.kind, root.home))

    def _nanoseconds(self) -> float:
        """How long one thread takes, roughly: measured with AVX-512 and AVX2, within a factor of 3."""
        operations = sum(COST.get(n.op, 20) for n in self.list if n.op not in ("load", "number", "constant"))
        each = 0.2 * operations / self.width
        for dtype, at in self._accesses():
            step = dict(at[1]).get(self.vector, 0)
            each += 0.0075 * dtype.itemsize if abs(step) == 1 else 0.0 if step == 0 and self.width > 1 else 0.4
        return math.prod(self.extents) * each

    # -- code

    def _depth(self, node: Node) -> int:
        return 1 + max((self.position[a] for a in node.axes), default=-1)

    def _write(self) -> None:
        self.at_depth: list[list[Node]] = [[] for _ in range(len(self.order) + 1)]
        for node in self.list:
            self.at_depth[self._depth(node)].append(node)
        self.first_reduced = []  # the position of the outermost reduced loop of each reduction
        for r in self.reduced:
            self.first_reduced.append(min((self.position[a] for a in r), default=len(self.order)))
        self._unrolled = self._unroll()
        self.slots: list[list[str]] = []
        for (node, root, _), r in zip(self.reductions, self.reduced, strict=True):
            vector = self.vector in r or self.vector in node.axes
            kind = self._lanes(vector and self.vector >= 0).type(root.value.dtype)
            names = []
            for _ in range(self._unrolled):
                names.append(self.w.stack(kind))
            self.slots.append(names)
        self._find_columns()
        self._level(0, {}, {}, None, 0)

    def _find_columns(self) -> None:
        """Loads and stores whose entries are columns of the same rows, and so read and written together."""
        loads: dict[Any, dict[int, Node]] = defaultdict(dict)
        for node in self.list:
            if node.op == "load" and dict(node.info[1][1]).get(self.vector, 0) > 1:
                loads[node.info[0], node.info[1][1]].setdefault(node.info[1][0], node)
        self.read_together: dict[int, list[Node]] = {}
        for nodes in loads.values():
            for group in windows(list(nodes), self.width):
                together = [nodes[offset] for offset in group]
                self.read_together |= {id(node): together for node in together}
        stores: dict[Any, list] = defaultdict(list)
        for store in self.stores:
            stores[store[1]].append(store)
        self.written_together: list[list[tuple]] = []
        for of_buffer in stores.values():
            walk, places = of_buffer[0][2][1], {store[2][0]: store for store in of_buffer}
            stride = dict(walk).get(self.vector, 0)
            alike = all(store[2][1] == walk for store in of_buffer) and len(places) == len(of_buffer)
            if stride > 1 and alike and max(places) - min(places) < stride:  # none is written into another
                found = windows(list(places), self.width)
                self.written_together += [[places[offset] for offset in offsets] for offsets in found]
        grouped = {id(store) for together in self.written_together for store in together}
        self.written_alone = [store for store in self.stores if id(store) not in grouped]

    def _columns(self, places: list[tuple[Buffer, Affine]]) -> Columns:
        buffer, (start, walk) = places[0]
        distances = [at[0] - start for _, at in places]
        stride = dict(walk)[self.vector]
        return Columns(self.w, MEMORY[buffer.dtype], buffer.dtype.itemsize, self.width, distances, stride)

    def _read_columns(self, nodes: list[Node], counters: dict, mask: int | None) -> dict[int, str]:
        columns = self._columns([node.info for node in nodes])
        buffer, at = nodes[0].info
        found = columns.read(self._address(buffer, at, counters), mask or self.width)
        if buffer.dtype == BOOL:
            kind = f"<{self.width} x i8>"
            found = [self.w.emit(f"icmp ne {kind} {name}, zeroinitializer") for name in found]
        return dict(zip(map(id, nodes), found, strict=True))

    def _save_columns(self, stores: list[tuple], env: dict, counters: dict, mask: int | None) -> None:
        names = [self._stored(self._operand(node, env, True), buffer.dtype) for node, buffer, _, _ in stores]
        _, buffer, at, _ = stores[0]
        columns = self._columns([store[1:3] for store in stores])
        columns.write(self._address(buffer, at, counters), names, mask or self.width)

    def _unroll(self) -> int:
        """How many vectors of the innermost loop advance at once, so that a reduction does not wait for itself."""
        if not self.reductions or not self.order or self.order[-1] != self.vector:
            return 1
        if not all(self.vector in r for r in self.reduced):
            return 1
        vectors = self.extents[self.vector] // self.width
        heavy = sum(self._depth(node) == len(self.order) for node in self.list)
        return 4 if vectors >= 8 and heavy <= 40 else 2 if vectors >= 4 and heavy <= 80 else 1

    def _lanes(self, vector: bool) -> Lanes:
        return Lanes(self.w, self.width if vector else 1)

    def _level(self, depth: int, env: dict, counters: dict, mask: int | None, copy: int) -> None:
        """The code of one loop's body: values known here, the loops inside, what is complete after them."""
        env = dict(env)
        for node in self.at_depth[depth]:
            if id(node) in self.read_together:
                if id(node) not in env:
                    env |= self._read_columns(self.read_together[id(node)], counters, mask)
            else:
                env[id(node)] = self._value(node, env, counters, mask)
        starting = [i for i, p in enumerate(self.first_reduced) if p == depth and depth < len(self.order)]
        for i in starting:
            node, root, _ = self.reductions[i]
            lanes = self._lanes(self._is_vector(i))
            for name in self.slots[i]:
                start = lanes.number(neutral(root.kind, root.value.dtype), root.value.dtype)
                self.w.say(f"store {lanes.type(root.value.dtype)} {start}, ptr {name}, align 64")
        if depth == len(self.order):
            self._leaf(env, counters, mask, copy)
            return
        self._loop(depth, env, counters, mask, copy)
        for i in starting:
            self._finish(i, env, counters, mask)

    def _is_vector(self, i: int) -> bool:
        return self.vector >= 0 and (self.vector in self.reduced[i] or self.vector in self.reductions[i][0].axes)

    def _loop(self, depth: int, env: dict, counters: dict, mask: int | None, copy: int) -> None:
        axis = self.order[depth]
        n = self.extents[axis]
        shared = depth == self.divided
        if axis != self.vector:
            body = lambda c: self._level(depth + 1, env, c, mask, copy)
            self._counted(n, 1, axis, counters, body, shared=shared)
            return
        width = self.width
        whole = n // width
        many = self._unrolled if depth == len(self.order) - 1 else 1
        at = 0
        if many > 1 and whole >= many:

            def several(c: dict) -> None:
                name, start = c[axis]
                for k in range(many):
                    self._level(depth + 1, env, {**c, axis: (name, start + k * width)}, None, k)

            rounds = whole // many
            self._counted(rounds * many * width, many * width, axis, counters, several, shared=shared)
            at = rounds * many * width
        if shared:
            if at == 0:
                body = lambda c: self._level(depth + 1, env, c, None, 0)
                self._counted(whole * width, width, axis, counters, body, shared=True)
                at = whole * width
            if at < n:  # what is left is for the last of the threads
                last, onward = self.w.fresh("last"), self.w.fresh("onward")
                self.w.say(f"br i1 {self.w.emit(f'icmp eq i64 %to, {at}')}, label %{last}, label %{onward}")
                self.w.label(last)
        if whole * width > at:
            self._counted(
                whole * width, width, axis, counters, lambda c: self._level(depth + 1, env, c, None, 0), start=at
            )
            at = whole * width
        if at < n:
            self._level(depth + 1, env, {**counters, axis: (None, at)}, n - at, 0)
        if shared and self.unit * self.units < n:
            self.w.say(f"br label %{onward}")
            self.w.label(onward)

    def _counted(
        self, stop: Any, step: int, axis: int, counters: dict, body: Any, start: Any = 0, shared: bool = False
    ) -> None:
        """for counter in range(start, stop, step); of a shared loop, the part of this thread"""
        if shared:
            start, stop = "%from", "%to"
        elif stop - start <= step:
            body({**counters, axis: (None, start)})
            return
        w = self.w
        head, tail = w.fresh("loop"), w.fresh("end")
        before = w.block
        counter = "%" + w.fresh("i")
        w.say(f"br label %{head}")
        w.label(head)
        place = len(w.lines)
        body({**counters, axis: (counter, 0)})
        following = w.emit(f"add nuw nsw i64 {counter}, {step}")
        more = w.emit(f"icmp ult i64 {following}, {stop}")
        w.lines.insert(place, f"  {counter} = phi i64 [ {start}, %{before} ], [ {following}, %{w.block} ]")
        w.say(f"br i1 {more}, label %{head}, label %{tail}")
        w.label(tail)

    def _address(self, buffer: Buffer, at: Affine, counters: dict) -> str:
        """A pointer to the entry at an affine offset."""
        base = self.pointers.setdefault((buffer, at[0]), f"%p{len(self.pointers)}")
        return self.w.place(base, self._offset(at, counters), buffer.dtype)

    def _offset(self, at: Affine, counters: dict) -> str:
        """What the counters add to the offset's constant, which is the pointer's."""
        constant, terms = 0, []
        for axis, c in at[1]:
            name, start = counters[axis]
            constant += c * start
            if name is not None:
                terms.append(name if c == 1 else self.w.emit(f"mul nsw i64 {name}, {c}"))
        if not terms:
            return str(constant)
        total = terms[0]
        for term in terms[1:]:
            total = self.w.emit(f"add nsw i64 {total}, {term}")
        return total if not constant else self.w.emit(f"add nsw i64 {total}, {constant}")

    def _value(self, node: Node, env: dict, counters: dict, mask: int | None) -> str:
        vector = self.vector in node.axes
        lanes = self._lanes(vector)
        if node.op == "constant":
            return ""
        if node.op == "number":
            return self.numbers[id(node.info)][1]
        if node.op == "gather":
            return self._gather(node, env, counters, mask if vector else None)
        if node.op == "load":
            buffer, at = node.info
            return self._read(lanes, buffer, at, counters, mask if vector else None)
        operands = [self._operand(y, env, vector) for y in node.operands]
        return operated(lanes, node.op, node.dtype, [y.dtype for y in node.operands], operands)

    def _operand(self, node: Node, env: dict, vector: bool) -> str:
        """A node's value as a vector or as a number."""
        lanes = self._lanes(vector)
        if node.op == "constant":
            return lanes.number(node.info, node.dtype)
        name = env[id(node)]
        return name if not vector or self.vector in node.axes else self._splat(name, node.dtype)

    def _splat(self, name: str, dtype: np.dtype) -> str:
        element, kind = TYPES[dtype], f"<{self.width} x {TYPES[dtype]}>"
        one = self.w.emit(f"insertelement {kind} poison, {element} {name}, i64 0")
        return self.w.emit(f"shufflevector {kind} {one}, {kind} poison, <{self.width} x i32> zeroinitializer")

    def _mask(self, mask: int | None) -> str:
        lanes = range(self.width)
        return "<" + ", ".join(f"i1 {'true' if mask is None or i < mask else 'false'}" for i in lanes) + ">"

    def _places(self, first: str, dtype: np.dtype, stride: int) -> str:
        """Pointers to entries `stride` apart."""
        steps = ", ".join(f"i64 {stride * i}" for i in range(self.width))
        return self.w.emit(f"getelementptr {MEMORY[dtype]}, ptr {first}, <{self.width} x i64> <{steps}>")

    def _read(self, lanes: Lanes, buffer: Buffer, at: Affine, counters: dict, mask: int | None) -> str:
        first = self._address(buffer, at, counters)
        return self._read_at(lanes, buffer, dict(at[1]).get(self.vector, 0), first, mask)

    def _read_at(self, lanes: Lanes, buffer: Buffer, stride: int, first: str, mask: int | None) -> str:
        """Entries in memory from a pointer on, `stride` apart."""
        if lanes.width == 1:
            return self.w.load(first, buffer.dtype)
        w, width = self.w, self.width
        element = MEMORY[buffer.dtype]
        kind, align = f"<{width} x {element}>", buffer.dtype.itemsize
        suffix = f"v{width}{'f' if element in ('double', 'float') else 'i'}{align * 8}"
        if stride == 1 and mask is None:
            found = w.emit(f"load {kind}, ptr {first}, align {align}")
        elif stride == 1:
            symbol = f"@llvm.masked.load.{suffix}.p0"
            w.declare(symbol, f"declare {kind} {symbol}(ptr, i32, <{width} x i1>, {kind})")
            found = w.emit(
                f"call {kind} {symbol}(ptr {first}, i32 {align}, "
                f"<{width} x i1> {self._mask(mask)}, {kind} zeroinitializer)"
            )
        else:
            return self._read_places(buffer, self._places(first, buffer.dtype, stride), mask)
        return w.emit(f"icmp ne {kind} {found}, zeroinitializer") if buffer.dtype == BOOL else found

    def _read_places(self, buffer: Buffer, places: str, mask: int | None) -> str:
        """Entries in memory at a vector of pointers."""
        w, width, align = self.w, self.width, buffer.dtype.itemsize
        element = MEMORY[buffer.dtype]
        kind = f"<{width} x {element}>"
        symbol = f"@llvm.masked.gather.v{width}{'f' if element in ('double', 'float') else 'i'}{align * 8}.v{width}p0"
        w.declare(symbol, f"declare {kind} {symbol}(<{width} x ptr>, i32, <{width} x i1>, {kind})")
        found = w.emit(
            f"call {kind} {symbol}(<{width} x ptr> {places}, i32 {align}, "
            f"<{width} x i1> {self._mask(mask)}, {kind} zeroinitializer)"
        )
        return w.emit(f"icmp ne {kind} {found}, zeroinitializer") if buffer.dtype == BOOL else found

    def _gather(self, node: Node, env: dict, counters: dict, mask: int | None) -> str:
        buffer, at, strides = node.info
        w, vector = self.w, any(self.vector in y.axes for y in node.operands)
        lanes = self._lanes(vector)
        parts = []
        for y, stride in zip(node.operands, strides, strict=True):
            position = self._operand(y, env, vector)
            parts.append(position if stride == 1 else lanes.binary("mul", INT64, position, lanes.number(stride, INT64)))
        while len(parts) > 1:
            parts[:2] = [lanes.binary("add", INT64, *parts[:2])]
        (offset,) = parts
        first = self._address(buffer, at, counters)
        if not vector:
            first = w.place(first, offset, buffer.dtype)
            return self._read_at(
                self._lanes(self.vector in node.axes), buffer, dict(at[1]).get(self.vector, 0), first, mask
            )
        own = dict(at[1]).get(self.vector, 0)
        if own:
            steps = "<" + ", ".join(f"i64 {own * i}" for i in range(self.width)) + ">"
            offset = lanes.binary("add", INT64, offset, steps)
        places = w.emit(f"getelementptr {MEMORY[buffer.dtype]}, ptr {first}, <{self.width} x i64> {offset}")
        return self._read_places(buffer, places, mask)

    def _save(self, name: str, vector: bool, buffer: Buffer, at: Affine, counters: dict, mask: int | None) -> None:
        self._save_at(self._address(buffer, at, counters), name, vector, buffer.dtype, at, mask)

    def _save_at(self, first: str, name: str, vector: bool, dtype: np.dtype, at: Affine, mask: int | None) -> None:
        """A value goes to a pointer, or to those that its lanes' entries are at from there on."""
        w = self.w
        if not vector and any(axis == self.vector for axis, _ in at[1]):
            name, vector = self._splat(name, dtype), True
        if not vector:
            w.save(name, first, dtype)
            return
        element, align = MEMORY[dtype], dtype.itemsize
        width = self.width
        kind = f"<{width} x {element}>"
        name = self._stored(name, dtype)
        stride = dict(at[1])[self.vector]
        suffix = f"v{width}{'f' if element in ('double', 'float') else 'i'}{align * 8}"
        if stride == 1 and mask is None:
            w.say(f"store {kind} {name}, ptr {first}, align {align}")
        elif stride == 1:
            symbol = f"@llvm.masked.store.{suffix}.p0"
            w.declare(symbol, f"declare void {symbol}({kind}, ptr, i32, <{width} x i1>)")
            w.say(f"call void {symbol}({kind} {name}, ptr {first}, i32 {align}, <{width} x i1> {self._mask(mask)})")
        else:
            symbol = f"@llvm.masked.scatter.{suffix}.v{width}p0"
            w.declare(symbol, f"declare void {symbol}({kind}, <{width} x ptr>, i32, <{width} x i1>)")
            w.say(
                f"call void {symbol}({kind} {name}, <{width} x ptr> {self._places(first, dtype, stride)}, "
                f"i32 {align}, <{width} x i1> {self._mask(mask)})"
            )

    def _stored(self, name: str, dtype: np.dtype) -> str:
        """A vector as it lies in memory."""
        if dtype != BOOL:
            return name
        return self.w.emit(f"zext <{self.width} x i1> {name} to <{self.width} x {MEMORY[dtype]}>")

    def _leaf(self, env: dict, counters: dict, mask: int | None, copy: int) -> None:
        """The innermost body: entries are stored and added to the totals."""
        for together in self.written_together:
            self._save_columns(together, env, counters, mask)
        for node, buffer, at, _ in self.written_alone:
            vector = any(axis == self.vector for axis, _ in at[1])
            self._save(self._operand(node, env, vector), vector, buffer, at, counters, mask)
        for i, (node, root, _) in enumerate(self.reductions):
            dtype, vector = root.value.dtype, self._is_vector(i)
            lanes = self._lanes(vector)
            slot = self.slots[i][copy]
            kind = lanes.type(dtype)
            entry = self._operand(node, env, vector)
            if mask is not None and vector and self.vector in self.reduced[i]:
                start = lanes.number(neutral(root.kind, dtype), dtype)
                entry = self.w.emit(f"select <{self.width} x i1> {self._mask(mask)}, {kind} {entry}, {kind} {start}")
            if self.first_reduced[i] == len(self.order):  # every axis is kept: there is one entry
                raise AssertionError("a reduction over no axes")
            before = self.w.emit(f"load {kind}, ptr {slot}, align 64")
            after = ROWS[root.kind](lanes, dtype, before, entry)
            self.w.say(f"store {kind} {after}, ptr {slot}, align 64")

    def _finish(self, i: int, env: dict, counters: dict, mask: int | None) -> None:
        """After the reduced loops: the total goes to its home or becomes a number."""
        _, root, at = self.reductions[i]
        dtype, vector = root.value.dtype, self._is_vector(i)
        lanes = self._lanes(vector)
        kind = lanes.type(dtype)
        parts = [self.w.emit(f"load {kind}, ptr {name}, align 64") for name in self.slots[i]]
        while len(parts) > 1:
            parts = [ROWS[root.kind](lanes, dtype, a, b) for a, b in zip(parts[::2], parts[1::2], strict=True)]
        (total,) = parts
        if vector and self.vector in self.reduced[i]:
            total = self._across(total, root.kind, dtype)
            vector = False
        if i in self.numbers_of_totals:
            place = f"%t{self.numbers_of_totals[i]}"
            place = self.w.place(place, self._offset((0, at[1]), counters), dtype)
            self._save_at(place, total, vector, dtype, at, mask)
        else:
            assert root.home is not None
            self._save(total, vector, root.home.buffer, at, counters, mask)

    def _across(self, name: str, kind: str, dtype: np.dtype) -> str:
        """The lanes of a vector reduced to one number, by halves."""
        width = self.width
        while width > 1:
            lanes, half = Lanes(self.w, width // 2), width // 2
            whole = f"<{width} x {TYPES[dtype]}>"
            parts = []
            for start in (0, half):
                order = ", ".join(f"i32 {start + j}" for j in range(half))
                if half == 1:
                    parts.append(self.w.emit(f"extractelement {whole} {name}, i64 {start}"))
                else:
                    parts.append(self.w.emit(f"shufflevector {whole} {name}, {whole} poison, <{half} x i32> <{order}>"))
            name = ROWS[kind](lanes, dtype, *parts)
            width = half
        return name
