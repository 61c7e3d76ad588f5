"""Kernels: a plan's steps as LLVM IR text.

A loop nest is written with explicit vectors: one axis of its space advances by a vector's width, the last, partial
vector is masked by a constant. Every value stands in the outermost loop in which it can be known; reductions are kept
in registers, because the reduced axes are the inner loops. Kernels take one table of pointers, and all that they assume
of it (dtypes, shapes, contiguous memory) is checked before they run. This room knows plans and machines, not NumPy's
functions.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from wengert.compiler.entrywise import ROWS, TYPES, Lanes, cast, literal, neutral
from wengert.compiler.fusion import LAYOUT, Buffer, Called, Nest, Plan, Product, Root
from wengert.compiler.program import Instruction
from wengert.compiler.simplify import ELEMENTWISE, constant_of
from wengert.compiler.tracing import BOOL, FLOAT64
from wengert.compiler.vectormath import declare

Affine = tuple[int, tuple[tuple[int, int], ...]]  # constant, (axis, coefficient) pairs
MEMORY = {**TYPES, BOOL: "i8"}


class Machine(NamedTuple):
    """What kernels are written for: bytes of a vector register, and whether a product is added in one rounding."""

    vector_bytes: int
    fma: bool


@dataclass(eq=False)
class Node:
    """A value inside a loop nest."""

    op: str  # load, number (of the surroundings), constant, or an operation
    dtype: np.dtype
    operands: tuple[Node, ...]
    info: Any  # load: (buffer, affine offset); number: instruction; constant: value
    axes: frozenset[int]


def moved(x: Affine, start: int, step: int) -> Affine:
    return start + step * x[0], tuple((axis, step * c) for axis, c in x[1])


def summed(terms: list[tuple[Affine, int]], constant: int) -> Affine:
    total: dict[int, int] = {}
    for (at, pairs), factor in terms:
        constant += at * factor
        for axis, c in pairs:
            total[axis] = total.get(axis, 0) + c * factor
    return constant, tuple(sorted((axis, c) for axis, c in total.items() if c))


ZERO: Affine = (0, ())


class Writer:
    """Writes the functions of one plan."""

    def __init__(self, plan: Plan, machine: Machine, prefix: str = "segment"):
        self.plan, self.machine, self.prefix = plan, machine, prefix
        self.lines: list[str] = []
        self.declared: dict[str, str] = {}
        self.definitions: dict[str, str] = {}
        self.globals: list[str] = []
        self.serial = 0
        self.block = "entry"

    # -- text

    def emit(self, text: str) -> str:
        self.serial += 1
        self.lines.append(f"  %v{self.serial} = {text}")
        return f"%v{self.serial}"

    def say(self, text: str) -> None:
        self.lines.append("  " + text)

    def label(self, name: str) -> None:
        self.lines.append(f"{name}:")
        self.block = name

    def fresh(self, name: str) -> str:
        self.serial += 1
        return f"{name}{self.serial}"

    def declare(self, symbol: str, text: str) -> None:
        self.declared[symbol] = text

    def vector_function(self, name: str, dtype: np.dtype, width: int) -> str:
        symbol, definitions = declare(name, dtype, width, self.machine.fma)
        self.definitions |= definitions
        return symbol

    # -- the module

    def module(self) -> tuple[str, list[Any]]:
        """The text of a module, and the sequence of its functions' names and of steps that are called back."""
        sequence: list[Any] = []
        functions: list[str] = []
        steps: list[Any] = []
        guards = list(self.plan.program.guards)
        for step in [*self.plan.steps, None]:
            if step is None or isinstance(step, Called):
                ready = guards if step is None else []
                if steps or ready or step is None:
                    name = f"{self.prefix}{len(functions)}"
                    functions.append(self._function(name, steps, ready, guards))
                    sequence.append(name)
                steps = []
                if step is not None:
                    sequence.append(step)
            else:
                steps.append(step)
        for buffer, value in self.plan.constants.items():
            bits = np.ascontiguousarray(value)
            words = np.frombuffer(bits.tobytes(), np.uint8)
            text = ", ".join(f"i8 {w}" for w in words)
            self.globals.append(
                f"@constant{buffer.index} = private unnamed_addr constant [{len(words)} x i8] [{text}], align 64"
            )
        text = "\n".join([*self.globals, *self.declared.values(), *self.definitions.values(), *functions])
        # what vectormath declares in its definitions is declared there
        return _once(text), sequence

    def _function(self, name: str, steps: list, ready: list, guards: list) -> str:
        self.lines = []
        self.numbers: dict[int, str] = {}  # what is known of no dimensions, by instruction
        self.entries: dict[Any, str] = {}  # single entries of arrays that are computed where they are read
        self.pointers: dict[tuple[str, int], str] = {}
        self.alloca: list[str] = []
        self.block = "entry"
        for step in steps:
            if isinstance(step, Nest):
                NestWriter(self, step).write()
            elif isinstance(step, Product):
                self._product(step)
        failed: list[tuple[str, int]] = []
        for guard in ready:
            index = guards.index(guard)
            held = self.number(guard.condition)
            if not guard.expected:
                held = Lanes(self, 1).binary("xor", BOOL, held, "true")
            failed.append((held, index + 1))
        code = "0"
        for held, index in reversed(failed):
            code = self.emit(f"select i1 {held}, i64 {code}, i64 {index}")
        program = self.plan.program
        count = {"argument": 0, "external": 0}
        order: list[tuple[str, int]] = []
        for kind in ("argument", "result", "external"):
            if kind == "result":
                order += [("result", i) for i in range(len(program.results))]
            else:
                order += [(kind, i) for i, x in enumerate(program.inputs) if x.op == kind]
                count[kind] = len(order)
        order.append(("workspace", 0))
        slots = {key: i for i, key in enumerate(order)}
        used = [key for key in order if key in self.pointers]
        parameters = ", ".join(f"ptr noalias {self.pointers[key]}" for key in used)
        body = [
            f"define internal i64 @{name}.body({parameters}) alwaysinline nounwind {{",
            "entry:",
            *self.alloca,
            *self.lines,
            f"  ret i64 {code}",
            "}",
        ]
        main = [
            f'define i64 @{name}(ptr %table) nounwind "prefer-vector-width"="{self.machine.vector_bytes * 8}" {{',
            "entry:",
        ]
        for key in used:
            main.append(f"  %s{slots[key]} = getelementptr ptr, ptr %table, i64 {slots[key]}")
            main.append(f"  %p{slots[key]} = load ptr, ptr %s{slots[key]}")
        given = ", ".join(f"ptr %p{slots[key]}" for key in used)
        main += [f"  %code = call i64 @{name}.body({given})", "  ret i64 %code", "}"]
        return "\n".join([*body, *main])

    def pointer(self, buffer: Buffer) -> tuple[str, int]:
        """The name of the pointer that a buffer is reached by, and where it begins there, in bytes."""
        if buffer.kind == "constant":
            return f"@constant{buffer.index}", 0
        if buffer.kind == "workspace":
            key, offset = ("workspace", 0), self.plan.offsets[buffer]
        else:
            key, offset = (buffer.kind, buffer.index), 0
        return self.pointers.setdefault(key, f"%{key[0]}{key[1]}"), offset

    def address(self, buffer: Buffer, offset: str) -> str:
        """A pointer to the entry at an offset (an i64, by name or literally)."""
        base, start = self.pointer(buffer)
        if start:
            base = self.emit(f"getelementptr i8, ptr {base}, i64 {start}")
        return base if offset == "0" else self.emit(f"getelementptr {MEMORY[buffer.dtype]}, ptr {base}, i64 {offset}")

    # -- numbers: values without dimensions, outside of loops

    def number(self, x: Instruction) -> str:
        """A value of no dimensions, in a register."""
        todo = [x]
        while todo:
            y = todo[-1]
            if id(y) in self.numbers:
                todo.pop()
                continue
            waiting = (
                []
                if id(y) in self.plan.homes or y.op == "constant"
                else [z for z in y.operands if not z.shape and id(z) not in self.numbers]
            )
            if waiting:
                todo += waiting
                continue
            self.numbers[id(y)] = self._number(y)
            todo.pop()
        return self.numbers[id(x)]

    def _number(self, x: Instruction) -> str:
        value = constant_of(x)
        if value is not None:
            return literal(value, x.dtype)
        home = self.plan.homes.get(id(x))
        if home is not None:
            return self.load(home.buffer, str(home.offset), x.dtype)
        lanes = Lanes(self, 1)
        if x.op in LAYOUT:  # an entry of an array: found through layout operations
            source, index = x, ()
            while source.op in LAYOUT and id(source) not in self.plan.homes:
                source, index = source.operands[0], through(source, index)
            if not source.shape:
                return self.number(source)
            home = self.plan.homes.get(id(source))
            if home is not None:
                offset = summed(list(zip(index, home.strides, strict=True)), home.offset)[0]
                return self.load(home.buffer, str(offset), x.dtype)
            return self.entry(source, index)
        operands = [self.number(y) for y in x.operands]
        return operation(lanes, x, operands)

    def entry(self, x: Instruction, index: tuple) -> str:
        """One entry of an array that is computed where it is read."""
        key = (id(x), index)
        if key not in self.entries:
            self.entries[key] = self._entry(x, index)
        return self.entries[key]

    def _entry(self, x: Instruction, index: tuple) -> str:
        value = constant_of(x)
        if value is not None:
            return literal(value, x.dtype)
        home = self.plan.homes.get(id(x))
        if home is not None:
            offset = summed(list(zip(index, home.strides, strict=True)), home.offset)[0]
            return self.load(home.buffer, str(offset), x.dtype)
        if not x.shape:
            return self.number(x)
        if x.op in LAYOUT:
            return self.entry(x.operands[0], through(x, index))
        operands = [self.entry(y, broadcast_index(y, index)) for y in x.operands]
        return operation(Lanes(self, 1), x, operands)

    def load(self, buffer: Buffer, offset: str, dtype: np.dtype) -> str:
        kind = MEMORY[dtype]
        found = self.emit(f"load {kind}, ptr {self.address(buffer, offset)}, align {dtype.itemsize}")
        return self.emit(f"icmp ne i8 {found}, 0") if dtype == BOOL else found

    # -- products of matrices

    def _product(self, step: Product) -> None:
        """cblas_?gemm: row major, each operand as it lies or transposed."""
        inputs, output = step.value.attributes[0].split("->")
        terms, homes = inputs.split(","), list(step.operands)
        if output[0] not in terms[0]:
            terms, homes = terms[::-1], homes[::-1]
        m, n = step.value.shape
        (shared,) = set(terms[0]) - {output[0]}
        k = homes[0].shape[terms[0].index(shared)]
        real = TYPES[step.value.dtype]
        flags = []
        for term, home, first in ((terms[0], homes[0], output[0]), (terms[1], homes[1], shared)):
            rows = (
                home
                if term[0] == first
                else home.through(Instruction("transpose", (), home.shape[::-1], step.value.dtype, ((1, 0),)))
            )
            assert rows is not None
            (s, t) = rows.strides
            transposed = not (t == 1 and s >= rows.shape[1])
            flags.append((112 if transposed else 111, t if transposed else s))
        pointers = [self.address(h.buffer, str(h.offset)) for h in (*homes, step.home)]
        symbol = "wengert_dgemm" if step.value.dtype == FLOAT64 else "wengert_sgemm"
        self.declare(
            f"@{symbol}",
            f"declare void @{symbol}(i32, i32, i32, i64, i64, i64, {real}, ptr, i64, ptr, i64, {real}, ptr, i64)",
        )
        one, zero = literal(1, step.value.dtype), literal(0, step.value.dtype)
        (ta, lda), (tb, ldb) = flags
        self.say(
            f"call void @{symbol}(i32 101, i32 {ta}, i32 {tb}, i64 {m}, i64 {n}, i64 {k}, {real} {one}, ptr {pointers[0]}, "
            f"i64 {lda}, ptr {pointers[1]}, i64 {ldb}, {real} {zero}, ptr {pointers[2]}, i64 {n})"
        )


def _once(text: str) -> str:
    """Each declaration once: vectormath's definitions bring declarations of their own."""
    seen, kept = set(), []
    for line in text.split("\n"):
        if line.startswith("declare"):
            symbol = line[line.index("@") : line.index("(")]
            if symbol in seen:
                continue
            seen.add(symbol)
        kept.append(line)
    return "\n".join(kept)


def operation(lanes: Lanes, x: Instruction, operands: list[str]) -> str:
    """An entry-by-entry operation on names."""
    return operated(lanes, x.op, x.dtype, [y.dtype for y in x.operands], operands)


def operated(lanes: Lanes, op: str, dtype: np.dtype, dtypes: list, operands: list[str]) -> str:
    if op == "cast":
        return cast(lanes, operands[0], dtypes[0], dtype)
    if op == "select":
        return lanes.select(operands[0], dtype, operands[1], operands[2])
    return ROWS[op](lanes, dtypes[-1], *operands)


def through(x: Instruction, index: tuple) -> tuple:
    """The index into a layout operation's operand, from that into its result. A reshape must be one of axes of length one."""
    (source,) = x.operands
    if x.op == "slice":
        starts, steps = x.attributes
        return tuple(moved(i, a, t) for i, a, t in zip(index, starts, steps, strict=True))
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


class NestWriter:
    """Writes one loop nest."""

    def __init__(self, writer: Writer, nest: Nest):
        self.w, self.nest, self.plan = writer, nest, writer.plan
        self.nodes: dict[Any, Node] = {}
        self.extents = list(nest.space)
        self.computing = {
            id(r.expression)
            for r in nest.roots
            if not r.kind and self.plan.homes.get(id(r.value)) == r.home and r.value is r.expression
        }

    def write(self) -> None:
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
        self._collapse()
        self._choose_order()
        self._write()

    # -- values

    def node(self, x: Instruction, index: tuple, root: Root | None = None) -> Node:
        key = (id(x), index)
        if key not in self.nodes:
            self.nodes[key] = self._node(x, index, root)
        return self.nodes[key]

    def _node(self, x: Instruction, index: tuple, root: Root | None) -> Node:
        value = constant_of(x)
        if value is not None:
            return Node("constant", x.dtype, (), value, frozenset())
        home = self.plan.homes.get(id(x))
        mine = id(x) in self.computing or (root is not None and root.value is x and root.home == home)
        if not x.shape:
            if mine and home is not None:
                self._own_number(x)
            else:
                self.w.number(x)
            return Node("number", x.dtype, (), x, frozenset())
        if home is not None and not mine and not self._views_own(x):
            at = summed(list(zip(index, home.strides, strict=True)), home.offset)
            return Node("load", x.dtype, (), (home.buffer, at), frozenset(axis for axis, _ in at[1]))
        if x.op in LAYOUT:
            return self.node(x.operands[0], through(x, index))
        if x.op not in ELEMENTWISE:
            raise AssertionError(f"{x!r} has no memory and no registers")
        operands = tuple(self.node(y, broadcast_index(y, index)) for y in x.operands)
        axes = frozenset().union(*(y.axes for y in operands))
        return Node(x.op, x.dtype, operands, x, axes)

    def _views_own(self, x: Instruction) -> bool:
        """Is this a view of what this nest itself computes, and so in a register?"""
        while x.op in LAYOUT:
            (x,) = x.operands
            if id(x) in self.computing:
                return True
        return False

    def _own_number(self, x: Instruction) -> None:
        """A number that this nest stores: it is computed, not read."""
        home = self.plan.homes.pop(id(x))
        self.w.number(x)
        self.plan.homes[id(x)] = home

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

    # -- the order of loops

    def _accesses(self) -> list[Affine]:
        found = [n.info[1] for n in self.list if n.op == "load"]
        found += [at for _, _, at, _ in self.stores]
        return found + [at for _, root, at in self.reductions if root.home is not None]

    def _collapse(self) -> None:
        """Neighbouring axes that all memory is walked through as one become one."""
        self.list = self._all_nodes()
        self.reduced = [root.reduced for _, root, _ in self.reductions]
        axis = len(self.extents) - 2
        while axis >= 0:
            n = self.extents[axis + 1]
            coefficients = [dict(at[1]) for at in self._accesses()]
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
            if node.op == "load":
                node.info = (node.info[0], renamed(node.info[1]))
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
            width = min(max(self.w.machine.vector_bytes // widest, 1), 1 << (n - 1).bit_length() if n > 1 else 1)
            lanes = n / -(-n // width)
            cost = arithmetic / lanes
            for at in self._accesses():
                c = dict(at[1]).get(axis, 0)
                cost += 0.0 if c == 0 else 1 / lanes if c == 1 else 1.5 / lanes if c == -1 else 1.5
            if cost <= best and width > 1:
                self.vector, self.width, best = axis, width, cost
        self.order = sorted(range(count), key=lambda a: (depth_of[a], a == self.vector, a))
        self.position = {axis: p for p, axis in enumerate(self.order)}

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
                name = "%" + self.w.fresh("total")
                self.w.alloca.append(f"  {name} = alloca {kind}, align 64")
                names.append(name)
            self.slots.append(names)
        self._level(0, {}, {}, None, 0)

    def _unroll(self) -> int:
        """How many vectors of the innermost loop advance at once, so that a reduction does not wait for itself."""
        if not self.reductions or not self.order or self.order[-1] != self.vector:
            return 1
        if not all(self.vector in r for r in self.reduced):
            return 1
        vectors = self.extents[self.vector] // self.width
        heavy = len(self.at_depth[-1])
        return 4 if vectors >= 8 and heavy <= 40 else 2 if vectors >= 4 and heavy <= 80 else 1

    def _lanes(self, vector: bool) -> Lanes:
        return Lanes(self.w, self.width if vector else 1)

    def _level(self, depth: int, env: dict, counters: dict, mask: int | None, copy: int) -> None:
        """The code of one loop's body: values known here, the loops inside, what is complete after them."""
        env = dict(env)
        for node in self.at_depth[depth]:
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
        if axis != self.vector:
            self._counted(n, 1, axis, counters, lambda c: self._level(depth + 1, env, c, mask, copy))
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
            self._counted(rounds * many * width, many * width, axis, counters, several)
            at = rounds * many * width
        if whole * width > at:
            self._counted(
                whole * width, width, axis, counters, lambda c: self._level(depth + 1, env, c, None, 0), start=at
            )
            at = whole * width
        if at < n:
            self._level(depth + 1, env, {**counters, axis: (None, at)}, n - at, 0)

    def _counted(self, stop: int, step: int, axis: int, counters: dict, body: Any, start: int = 0) -> None:
        """for counter in range(start, stop, step)"""
        if stop - start <= step:
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

    def _offset(self, at: Affine, counters: dict) -> str:
        constant, terms = at[0], []
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
            return self.w.number(node.info)
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

    def _places(self, buffer: Buffer, offset: str, stride: int) -> str:
        """Pointers to entries `stride` apart."""
        first = self.w.address(buffer, offset)
        steps = ", ".join(f"i64 {stride * i}" for i in range(self.width))
        return self.w.emit(f"getelementptr {MEMORY[buffer.dtype]}, ptr {first}, <{self.width} x i64> <{steps}>")

    def _read(self, lanes: Lanes, buffer: Buffer, at: Affine, counters: dict, mask: int | None) -> str:
        offset = self._offset(at, counters)
        if lanes.width == 1:
            return self.w.load(buffer, offset, buffer.dtype)
        w, width = self.w, self.width
        element = MEMORY[buffer.dtype]
        kind, align = f"<{width} x {element}>", buffer.dtype.itemsize
        stride = dict(at[1])[self.vector]
        suffix = f"v{width}{'f' if element in ('double', 'float') else 'i'}{align * 8}"
        if stride == 1 and mask is None:
            found = w.emit(f"load {kind}, ptr {w.address(buffer, offset)}, align {align}")
        elif stride == 1:
            symbol = f"@llvm.masked.load.{suffix}.p0"
            w.declare(symbol, f"declare {kind} {symbol}(ptr, i32, <{width} x i1>, {kind})")
            found = w.emit(
                f"call {kind} {symbol}(ptr {w.address(buffer, offset)}, i32 {align}, "
                f"<{width} x i1> {self._mask(mask)}, {kind} zeroinitializer)"
            )
        else:
            symbol = f"@llvm.masked.gather.{suffix}.v{width}p0"
            w.declare(symbol, f"declare {kind} {symbol}(<{width} x ptr>, i32, <{width} x i1>, {kind})")
            found = w.emit(
                f"call {kind} {symbol}(<{width} x ptr> {self._places(buffer, offset, stride)}, i32 {align}, "
                f"<{width} x i1> {self._mask(mask)}, {kind} zeroinitializer)"
            )
        return w.emit(f"icmp ne {kind} {found}, zeroinitializer") if buffer.dtype == BOOL else found

    def _save(self, name: str, vector: bool, buffer: Buffer, at: Affine, counters: dict, mask: int | None) -> None:
        w = self.w
        if not vector and any(axis == self.vector for axis, _ in at[1]):
            name, vector = self._splat(name, buffer.dtype), True
        offset = self._offset(at, counters)
        element, align = MEMORY[buffer.dtype], buffer.dtype.itemsize
        if not vector:
            if buffer.dtype == BOOL:
                name = w.emit(f"zext i1 {name} to i8")
            w.say(f"store {element} {name}, ptr {w.address(buffer, offset)}, align {align}")
            return
        width = self.width
        kind = f"<{width} x {element}>"
        if buffer.dtype == BOOL:
            name = w.emit(f"zext <{width} x i1> {name} to {kind}")
        stride = dict(at[1])[self.vector]
        suffix = f"v{width}{'f' if element in ('double', 'float') else 'i'}{align * 8}"
        if stride == 1 and mask is None:
            w.say(f"store {kind} {name}, ptr {w.address(buffer, offset)}, align {align}")
        elif stride == 1:
            symbol = f"@llvm.masked.store.{suffix}.p0"
            w.declare(symbol, f"declare void {symbol}({kind}, ptr, i32, <{width} x i1>)")
            w.say(
                f"call void {symbol}({kind} {name}, ptr {w.address(buffer, offset)}, i32 {align}, "
                f"<{width} x i1> {self._mask(mask)})"
            )
        else:
            symbol = f"@llvm.masked.scatter.{suffix}.v{width}p0"
            w.declare(symbol, f"declare void {symbol}({kind}, <{width} x ptr>, i32, <{width} x i1>)")
            w.say(
                f"call void {symbol}({kind} {name}, <{width} x ptr> {self._places(buffer, offset, stride)}, "
                f"i32 {align}, <{width} x i1> {self._mask(mask)})"
            )

    def _leaf(self, env: dict, counters: dict, mask: int | None, copy: int) -> None:
        """The innermost body: entries are stored and added to the totals."""
        for node, buffer, at, _ in self.stores:
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
        if root.home is None:
            self.w.numbers[id(root.value)] = total
        else:
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
