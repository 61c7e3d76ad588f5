"""A module: a plan as LLVM functions `i64 (ptr table)`, which call kernels, compute numbers, and ask the guards.

The table has one pointer for each argument that is an array or a number, then one for each result, one for each array from
outside, one for each large constant, and the workspace. Loop nests that differ in nothing but where their arrays lie share one
kernel, so a program that unrolls a thousand steps of Python's is compiled in the time of a few.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Sequence
from typing import Any

from wengert.compiler.codegen.body import Body, Machine, Shared
from wengert.compiler.codegen.entrywise import ROWS, Lanes, literal, operated
from wengert.compiler.codegen.indexing import broadcast_index, gather_parts, summed, through
from wengert.compiler.codegen.kernels import Kernel, Total, line_bytes
from wengert.compiler.planning.plan import LAYOUT, Buffer, Called, Nest, Plan, Product, Scatter, contiguous
from wengert.compiler.programs.program import BOOL, FLOAT64, INT64, TYPES, Guard, Instruction
from wengert.compiler.programs.simplify import constant_of

INLINED_KERNELS = 24  # up to which they are written where they are called, and their vector functions within them
INLINED_CALLS = 60  # of vector functions
LONG_TEXT = 100_000  # of the functions that call kernels, from which on they are compiled without much care
LARGE_CONSTANT = (
    4096  # bytes, from which on a constant array is passed like one from outside, and not written into the text
)
LONGEST = 400  # lines of a function that calls kernels: code generation takes longer than in proportion


class Module:
    """Writes the module of a plan.

    Attributes
    ----------
    text : str
    kernel_text, kernel_names : str or None, list of str
        The module of the kernels, if it is one of its own because the rest is long, and the kernels' names.
    large_constants : list of Buffer
        Whose addresses the table has, after those of the arrays from outside.
    sequence : list of str and Called
        The functions' names, in order, and the steps that are called back between them.
    """

    def __init__(self, plan: Plan, machine: Machine, threads: int = 1):
        self.plan, self.machine = plan, machine
        self.shared = Shared(machine, threads)
        self.runners: dict[str, str] = {}  # what the pool calls: name by text
        self.kernels: dict[str, str] = {}  # name by text
        self.functions: list[str] = []
        self.sequence: list[Any] = []
        self.large_constants = [x for x in plan.constants if x.size * x.dtype.itemsize > LARGE_CONSTANT]
        self.slots = _slots(plan, self.large_constants)
        self.kernel_text: str | None = None
        self.kernel_names: list[str] = []
        self._write()

    def _write(self) -> None:
        current: Function | None = None
        for step in self.plan.steps:
            if isinstance(step, Called):
                if current is not None:
                    self._close(current, [])
                current = None
                self.sequence.append(step)
                continue
            if current is not None and self.plan.apart and len(current.lines) > LONGEST:
                self._close(current, [])
                current = None
            current = current or Function(self)
            current.step(step)
        self._close(current or Function(self), list(self.plan.program.guards))
        self._join()
        self.text = self._text()

    def _close(self, function: Function, guards: list[Guard]) -> None:
        name = f"segment{len(self.sequence)}"
        self.functions.append(function.finish(name, guards))
        self.sequence.append(name)

    def _join(self) -> None:
        """Functions that follow each other are called by one."""
        joined: list[Any] = []
        run: list[str] = []
        for step in [*self.sequence, None]:
            if isinstance(step, str):
                run.append(step)
                continue
            if len(run) > 1:
                name = f"joined{len(joined)}"
                lines = [f"define i64 @{name}(ptr %table) nounwind {{", "entry:"]
                lines += [f"  %c{i} = call i64 @{part}(ptr %table)" for i, part in enumerate(run)]
                lines += [f"  ret i64 %c{len(run) - 1}", "}"]
                self.functions.append("\n".join(lines))
                run = [name]
            joined += run
            run = []
            if step is not None:
                joined.append(step)
        self.sequence = joined

    def kernel(self, text: str) -> str:
        if text not in self.kernels:
            self.kernels[text] = f"@kernel{len(self.kernels)}"
        return self.kernels[text]

    def runner(self, name: str, kernel: Kernel, kinds: list[str], pack: str) -> str:
        """What the pool calls: the kernel for one chunk, with what a pack holds and the chunk's own places for totals."""
        lines = ["(ptr %pack, i64 %chunk) #main {", "entry:"]
        for i, kind in enumerate(kinds):
            lines.append(f"  %a{i} = getelementptr {pack}, ptr %pack, i32 0, i32 {i}")
            lines.append(f"  %v{i} = load {kind}, ptr %a{i}")
        given = [f"{kind} %v{i}" for i, kind in enumerate(kinds)]
        if kernel.totals:
            *given, places = given
            lines.append(f"  %o = mul i64 %chunk, {sum(line_bytes(total.value) for total in kernel.totals)}")
            lines.append(f"  %t0 = getelementptr i8, {places}, i64 %o")
            for i, total in enumerate(kernel.totals):
                lines.append(f"  %t{i + 1} = getelementptr i8, ptr %t{i}, i64 {line_bytes(total.value)}")
                given.append(f"ptr %t{i}")
        for i, bound in enumerate(("from", "to")):
            lines.append(f"  %c{i} = add i64 %chunk, {i}")
            lines.append(f"  %u{i} = mul i64 %c{i}, {kernel.units}")
            lines.append(f"  %d{i} = udiv i64 %u{i}, {kernel.chunks}")
            lines.append(f"  %{bound} = mul i64 %d{i}, {kernel.unit}")
            given.append(f"i64 %{bound}")
        lines += [f"  call void {name}({', '.join(given)})", "  ret void", "}"]
        text = "\n".join(lines)
        if text not in self.runners:  # one kernel may be run over different lengths
            self.runners[text] = f"{name}.chunk{len(self.runners)}"
            self.functions.append(f"define internal void {self.runners[text]}{text}")
        return self.runners[text]

    def _text(self) -> str:
        constants = []
        for buffer, value in self.plan.constants.items():
            if buffer not in self.large_constants:
                content = "".join(f"\\{byte:02x}" for byte in value.tobytes())
                constants.append(
                    f"@constant{buffer.index} = private unnamed_addr constant [{value.nbytes} x i8] "
                    f'c"{content}", align 64'
                )
        wide = f'"prefer-vector-width"="{self.machine.vector_bytes * 8}"'
        inlined = len(self.plan.steps) <= INLINED_KERNELS and not self.plan.apart
        how = f"{'alwaysinline' if inlined else 'noinline'} nounwind {wide}"
        kernels = [
            f"define internal void {name}{text.replace('#kernel', how, 1)}" for text, name in self.kernels.items()
        ]
        definitions = "".join(self.shared.definitions.values())
        if self.shared.calls > INLINED_CALLS:
            definitions = definitions.replace(") alwaysinline ", f") noinline {wide} ")
        functions = [text.replace("#main", f"nounwind {wide}", 1) for text in self.functions]
        rest = (
            "declare void @wengert_rest()"
            if self.runners
            else "define internal void @wengert_rest() alwaysinline { ret void }"
        )
        declared = [*self.shared.declared.values(), definitions, *([rest] if self.shared.threads > 1 else [])]
        if sum(map(len, functions)) < LONG_TEXT:
            return _once("\n".join([*constants, *declared, *kernels, *functions]))
        # The kernels are a module of their own, which LLVM takes care of; in the long rest it need not.
        mark = hashlib.sha256("".join(kernels).encode()).hexdigest()[:16]
        self.kernel_names = [f"wengert.{mark}.{name[1:]}" for name in self.kernels.values()]
        apart = [
            text.replace(f"define internal void {name}(", f"define void @{public}(", 1)
            for text, name, public in zip(kernels, self.kernels.values(), self.kernel_names, strict=True)
        ]
        known = dict(zip(self.kernels.values(), self.kernel_names, strict=True))
        signatures = [
            f"declare void @{known[name]}({', '.join(p.rsplit(' ', 1)[0] for p in text[1 : text.index(')')].split(', '))})"
            for text, name in self.kernels.items()
        ]
        functions = [re.sub(r"@kernel\d+\b(?!\.chunk)", lambda m: "@" + known[m[0]], text) for text in functions]
        self.kernel_text = _once("\n".join([*declared, *apart]))
        return _once("\n".join([*constants, *declared, *signatures, *functions]))


def _slots(plan: Plan, large_constants: list[Buffer]) -> dict[tuple[str, int], int]:
    """The places of buffers in the table of pointers."""
    program = plan.program
    order = [("argument", i) for i, x in enumerate(program.inputs) if x.op == "argument"]
    order += [("result", i) for i in range(len(program.results))]
    order += [("external", i) for i, x in enumerate(program.inputs) if x.op == "external"]
    order += [("constant", x.index) for x in large_constants]
    return {key: i for i, key in enumerate([*order, ("workspace", 0)])}


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


class Function(Body):
    """One function of a module: calls of kernels and of BLAS, and numbers (values without dimensions) in registers."""

    def __init__(self, module: Module):
        super().__init__(module.shared)
        self.module, self.plan = module, module.plan
        self.numbers: dict[Instruction, str] = {}
        self.entries: dict[Any, str] = {}  # single entries of arrays that are computed where they are read
        self.pointers: dict[tuple[str, int], str] = {}
        self.reused = {"pack": 0, "totals": 0}  # bytes on the stack that every nest shared by threads uses anew

    def step(self, step: Any) -> None:
        if isinstance(step, Product):
            self._product(step)
        elif isinstance(step, Scatter):
            self._scatter(step)
        elif step.space:
            self._kernel(step)
        else:
            self._store_numbers(step)

    def finish(self, name: str, guards: list[Guard]) -> str:
        """The function's text, which asks the guards at its end: 0, or the number of one that does not hold."""
        code = "0"
        for index, guard in reversed(list(enumerate(guards))):
            held = self.number(guard.condition)
            if not guard.expected:
                held = Lanes(self, 1).binary("xor", BOOL, held, "true")
            code = self.emit(f"select i1 {held}, i64 {code}, i64 {index + 1}")
        used = [key for key in self.module.slots if key in self.pointers]
        loads = []
        for key in used:
            slot, pointer = self.module.slots[key], self.pointers[key]
            loads += [
                f"  %s{slot} = getelementptr ptr, ptr %table, i64 {slot}",
                f"  {pointer} = load ptr, ptr %s{slot}",
            ]
        places = [f"  %{key} = alloca [{size} x i8], align 64" for key, size in self.reused.items() if size]
        body = [*places, *self.alloca, *self.lines, f"  ret i64 {code}", "}"]
        head = f"define i64 @{name}(ptr %table) #main {{"
        if self.plan.apart:  # one of many, compiled without much care
            return "\n".join([head, "entry:", *loads, *body])
        given = ", ".join(f"ptr {self.pointers[key]}" for key in used)
        parameters = given.replace("ptr ", "ptr noalias ")
        text = [f"define internal i64 @{name}.body({parameters}) alwaysinline nounwind {{", "entry:", *body]
        text += [head, "entry:", *loads, f"  %code = call i64 @{name}.body({given})", "  ret i64 %code", "}"]
        return "\n".join(text)

    def address(self, buffer: Buffer, offset: int) -> str:
        """A pointer to the entry at an offset."""
        if buffer.kind == "constant" and ("constant", buffer.index) not in self.module.slots:
            base, start = f"@constant{buffer.index}", 0
        elif buffer.kind == "workspace":
            base = self.pointers.setdefault(("workspace", 0), "%workspace")
            start = self.plan.offsets[buffer]
        else:
            key = (buffer.kind, buffer.index)
            base, start = self.pointers.setdefault(key, f"%{key[0]}{key[1]}"), 0
        start += offset * buffer.dtype.itemsize
        return base if start == 0 else self.emit(f"getelementptr i8, ptr {base}, i64 {start}")

    # -- steps

    def _kernel(self, nest: Nest) -> None:
        kernel = Kernel(self.shared, self.plan, nest, self.number)
        text = kernel.write()
        name = self.module.kernel(text)
        if kernel.units:
            return self._in_chunks(kernel, name)
        given = [f"ptr {self.address(buffer, offset)}" for buffer, offset in kernel.pointers]
        given += [f"{TYPES[x.dtype]} {self.number(x)}" for x, _ in kernel.numbers.values()]
        places = [self.stack("double") for _ in kernel.totals]
        given += [f"ptr {place}" for place in places]
        self.say(f"call void {name}({', '.join(given)})")
        for total, place in zip(kernel.totals, places, strict=True):
            self.numbers[total.value] = self.load(place, total.value.dtype)

    def _in_chunks(self, kernel: Kernel, name: str) -> None:
        """Threads share a loop of a kernel. Totals are of chunks, and put together in the chunks' order."""
        given = [("ptr", self.address(buffer, offset)) for buffer, offset in kernel.pointers]
        given += [(TYPES[x.dtype], self.number(x)) for x, _ in kernel.numbers.values()]
        apart = sum(line_bytes(total.value) for total in kernel.totals)  # from one chunk's totals to the next chunk's
        if apart:
            given.append(("ptr", "%totals"))
        kinds = [kind for kind, _ in given]
        pack = "{ " + ", ".join(kinds) + " }"
        runner = self.module.runner(name, kernel, kinds, pack)
        for i, (kind, value) in enumerate(given):
            self.say(f"store {kind} {value}, ptr {self.emit(f'getelementptr {pack}, ptr %pack, i32 0, i32 {i}')}")
        for name_of, size in (("pack", 8 * len(kinds)), ("totals", kernel.chunks * apart)):
            self.reused[name_of] = max(self.reused[name_of], size)
        self.declare("@wengert_share", "declare void @wengert_share(ptr, ptr, i64, i64, i64)")
        self.say(
            f"call void @wengert_share(ptr {runner}, ptr %pack, i64 {kernel.chunks}, "
            f"i64 {kernel.threads}, i64 {int(kernel.nanoseconds)})"
        )
        first = 0
        for total in kernel.totals:
            self._put_together(total, [first + chunk * apart for chunk in range(kernel.chunks)])
            first += line_bytes(total.value)

    def _put_together(self, total: Total, parts: list[int]) -> None:
        """The whole of a reduction, from the parts that lie at these places, in bytes."""
        x, home = total.value, total.home
        assert home is None or home.strides == contiguous(home.shape)
        loop = self._begin(x.size) if x.size > 1 else None
        at = loop[2] if loop else "0"
        found = ""
        for part in parts:
            start = self.emit(f"getelementptr i8, ptr %totals, i64 {part}")
            other = self.load(self.place(start, at, x.dtype), x.dtype)
            found = ROWS[total.kind](Lanes(self, 1), x.dtype, found, other) if found else other
        if home is None:
            self.numbers[x] = found
        else:
            self.save(found, self.place(self.address(home.buffer, home.offset), at, x.dtype), x.dtype)
        if loop:
            self._end(*loop)

    def _store_numbers(self, nest: Nest) -> None:
        for root in nest.roots:
            x, home = root.expression, root.home
            assert home is not None
            own = self.plan.homes.get(id(x))
            if own == home:  # it is computed, not read
                del self.plan.homes[id(x)]
            value = self.number(x) if not x.shape else self.entry(x, ((0, ()),) * len(x.shape))
            if own is not None:
                self.plan.homes[id(x)] = own
            self.save(value, self.address(home.buffer, home.offset), x.dtype)

    def _product(self, step: Product) -> None:
        """cblas_?gemm: row major, each operand as it lies or transposed."""
        inputs, output = step.value.attributes[0].split("->")
        terms, homes, dtype = inputs.split(","), list(step.operands), step.value.dtype
        (batch,) = set(terms[0]) & set(terms[1]) & set(output) or {""}
        rows, columns = (letter for letter in output if letter != batch)
        if rows not in terms[0]:
            terms, homes = terms[::-1], homes[::-1]
        (shared,) = set(terms[0]) & set(terms[1]) - {batch}
        strides = [dict(zip(term, home.strides, strict=True)) for term, home in zip(terms, homes, strict=True)]
        sizes = {x: n for term, home in zip(terms, homes, strict=True) for x, n in zip(term, home.shape, strict=True)}
        m, n, k = sizes[rows], sizes[columns], sizes[shared]
        result = dict(zip(output, step.home.strides, strict=True))
        if result[columns] != 1:  # the product lies transposed: its columns are the rows of another
            rows, columns, m, n = columns, rows, n, m
            terms, homes, strides = terms[::-1], homes[::-1], strides[::-1]
        flags = []
        for own, first, second, width in ((strides[0], rows, shared, k), (strides[1], shared, columns, n)):
            transposed = not (own[second] == 1 and own[first] >= width)
            flags.append((112 if transposed else 111, own[second] if transposed else own[first]))
        a, b, c = (self.address(h.buffer, h.offset) for h in (*homes, step.home))
        loop = None
        if batch:
            loop = self._begin(sizes[batch])
            steps = [own[batch] for own in (*strides, result)]
            a, b, c = (self.place(p, self._sum([loop[2]], [t]), dtype) for p, t in zip((a, b, c), steps, strict=True))
        real, symbol = TYPES[dtype], "@wengert_dgemm" if dtype == FLOAT64 else "@wengert_sgemm"
        self.declare(
            symbol, f"declare void {symbol}(i32, i32, i32, i64, i64, i64, {real}, ptr, i64, ptr, i64, {real}, ptr, i64)"
        )
        if self.shared.threads > 1:
            self.say("call void @wengert_rest()")  # BLAS has threads of its own
        one, zero = literal(1, dtype), literal(0, dtype)
        (ta, lda), (tb, ldb) = flags
        self.say(
            f"call void {symbol}(i32 101, i32 {ta}, i32 {tb}, i64 {m}, i64 {n}, i64 {k}, {real} {one}, ptr {a}, "
            f"i64 {lda}, ptr {b}, i64 {ldb}, {real} {zero}, ptr {c}, i64 {result[rows]})"
        )
        if loop is not None:
            self._end(*loop)

    def _scatter(self, step: Scatter) -> None:
        """One entry after the other, so that of those at one place all are added, or the last one stays."""
        entries, target = step.entries, step.home
        first, how = step.value.attributes
        count, wide = len(step.positions), len(step.positions[0].shape)
        counters: list[str] = []
        loops = []
        for n in entries.shape:
            loops.append(self._begin(n))
            counters.append(loops[-1][2])
        along = counters[first : first + wide]
        others = [*counters[:first], *counters[first + wide :]]
        rest = [t for i, t in enumerate(target.strides) if not first <= i < first + count]
        places = []
        for position, stride in zip(step.positions, target.strides[first : first + count], strict=True):
            at = self.place(self.address(position.buffer, position.offset), self._sum(along, position.strides), INT64)
            places.append((self.load(at, INT64), stride))
        base = self.address(target.buffer, target.offset)
        offset = self._sum([*others, *(p for p, _ in places)], [*rest, *(t for _, t in places)])
        pointer = self.place(base, offset, target.buffer.dtype)
        dtype = target.buffer.dtype
        source = self.place(self.address(entries.buffer, entries.offset), self._sum(counters, entries.strides), dtype)
        value = self.load(source, dtype)
        if how == "add":
            value = ROWS["add"](Lanes(self, 1), dtype, self.load(pointer, dtype), value)
        self.say(f"store {TYPES[dtype]} {value}, ptr {pointer}, align {dtype.itemsize}")
        for loop in reversed(loops):
            self._end(*loop)

    def _begin(self, n: int) -> tuple[str, str, str, str, int, int]:
        """The head of a loop of n rounds: what `_end` needs; the third is the counter."""
        head, tail, counter, before = self.fresh("loop"), self.fresh("end"), "%" + self.fresh("i"), self.block
        self.say(f"br label %{head}")
        self.label(head)
        return head, tail, counter, before, len(self.lines), n

    def _end(self, head: str, tail: str, counter: str, before: str, place: int, n: int) -> None:
        following = self.emit(f"add i64 {counter}, 1")
        more = self.emit(f"icmp ult i64 {following}, {n}")
        self.lines.insert(place, f"  {counter} = phi i64 [ 0, %{before} ], [ {following}, %{self.block} ]")
        self.say(f"br i1 {more}, label %{head}, label %{tail}")
        self.label(tail)

    def _sum(self, counters: Sequence[str], strides: Sequence[int]) -> str:
        total = "0"
        for counter, stride in zip(counters, strides, strict=True):
            if stride:
                term = counter if stride == 1 else self.emit(f"mul i64 {counter}, {stride}")
                total = term if total == "0" else self.emit(f"add i64 {total}, {term}")
        return total

    # -- numbers

    def number(self, x: Instruction) -> str:
        """A value of no dimensions, in a register."""
        numbers, homes, todo = self.numbers, self.plan.homes, [x]
        while todo:
            y = todo[-1]
            if y not in numbers:
                if y.op != "constant" and id(y) not in homes:
                    waiting = [z for z in y.operands if z not in numbers and not z.shape]
                    if waiting:
                        todo += waiting
                        continue
                numbers[y] = self._number(y)
            todo.pop()
        return numbers[x]

    def _number(self, x: Instruction) -> str:
        value = constant_of(x)
        if value is not None:
            return literal(value, x.dtype)
        if id(x) in self.plan.homes or x.op in LAYOUT or x.op == "gather":
            return self.entry(x, ())
        return operated(
            Lanes(self, 1), x.op, x.dtype, [y.dtype for y in x.operands], [self.number(y) for y in x.operands]
        )

    def entry(self, x: Instruction, index: tuple) -> str:
        """One entry of an array: read, or computed where it is read."""
        todo = [(x, index)]
        while todo:
            y, at = todo[-1]
            if (id(y), at) in self.entries:
                todo.pop()
                continue
            made = self._entry(y, at)
            if isinstance(made, str):
                self.entries[id(y), at] = made
                todo.pop()
            else:
                todo += made
        return self.entries[id(x), index]

    def _entry(self, x: Instruction, index: tuple) -> str | list:
        """The entry's name, or the (instruction, index) pairs that are needed before it."""
        value = constant_of(x)
        if value is not None:
            return literal(value, x.dtype)
        home = self.plan.homes.get(id(x))
        if home is not None:
            offset, _ = summed(list(zip(index, home.strides, strict=True)), home.offset)
            return self.load(self.address(home.buffer, offset), x.dtype)
        if x.op == "gather":
            return self._gathered(x, index)
        if not x.shape and x.op not in LAYOUT:
            return self.number(x)
        if x.op in LAYOUT:
            below = [(x.operands[0], through(x, index))]
        else:
            below = [(y, broadcast_index(y, index)) for y in x.operands]
        missing = [key for key in below if (id(key[0]), key[1]) not in self.entries]
        if missing:
            return missing
        names = [self.entries[id(y), i] for y, i in below]
        if x.op in LAYOUT:
            return names[0]
        return operated(Lanes(self, 1), x.op, x.dtype, [y.dtype for y in x.operands], names)

    def _gathered(self, x: Instruction, index: tuple) -> str | list:
        source, *positions = x.operands
        home = self.plan.homes[id(source)]
        strides, rest, along = gather_parts(x, index, home.strides)
        missing = [(y, along) for y in positions if (id(y), along) not in self.entries]
        if missing:
            return missing
        offset, _ = summed(rest, home.offset)
        where = self._sum([self.entries[id(y), along] for y in positions], strides)
        return self.load(self.place(self.address(home.buffer, offset), where, x.dtype), x.dtype)
