"""Recording: one run of a function, traced, becomes a variant: a program with its native code."""

from __future__ import annotations

import functools
import time
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from wengert.compiler.codegen.module import Module
from wengert.compiler.keys import MOST_EXACT, Eagerly
from wengert.compiler.planning.fusion import Planner
from wengert.compiler.planning.products import lowered
from wengert.compiler.programs.program import Given, Instruction, Program
from wengert.compiler.programs.simplify import simplify
from wengert.compiler.running import dispatch, native, pool
from wengert.compiler.running.execution import MISS, Executable, as_kind
from wengert.compiler.trace import interface as _interface  # noqa: F401  (gives traced arrays their operators)
from wengert.compiler.trace.captured import Shadow, Watch, drawn
from wengert.compiler.trace.draws import Draws, seeds_itself
from wengert.compiler.trace.later import copied, many, twin
from wengert.compiler.trace.traced import Traced
from wengert.compiler.trace.tracing import Trace, Untraceable
from wengert.core import errors
from wengert.core.trees import Structure, flatten, unflatten
from wengert.core.variable import Variable


class Variant:
    """A program for arguments of one signature and for the guards that held when it was traced."""

    def __init__(
        self,
        program: Program,
        executable: Executable,
        structure: Structure,
        leaves: list[Any],
        watch: Watch,
        generators: list[Any],
        milliseconds: tuple[float, float],
    ):
        self.program, self.executable = program, executable
        self.structure, self.leaves = structure, leaves  # of the result: a leaf is a constant, or None for an array
        self.watch, self.generators = watch, generators  # generators: of outside, or leaf numbers
        self.milliseconds = milliseconds
        self.answered = 0  # calls that came by way of Python
        self.entry: dispatch.Entry | None = None  # how machine code comes here

    @property
    def hits(self) -> int:
        """How many calls this variant has answered."""
        return self.answered + (0 if self.entry is None else self.entry.calls)

    def run(self, leaves: Sequence[Any]) -> Any:
        """The function's result, or MISS."""
        if not self.watch.holds():
            return MISS
        drawing = [leaves[g] if isinstance(g, int) else g for g in self.generators]
        states = [generator.bit_generator.state for generator in drawing]
        try:
            found = self.executable.run(leaves)
        except BaseException:
            _rewind(drawing, states)
            raise
        if found is MISS:
            _rewind(drawing, states)
            return MISS
        self.answered += 1
        arrays = iter(found)
        filled = [as_kind(next(arrays), content) if kind == "array" else content for kind, content in self.leaves]
        return unflatten(self.structure, filled)


def _rewind(generators: list, states: list) -> None:
    for generator, state in zip(generators, states, strict=True):
        generator.bit_generator.state = state


def trace(
    function: Callable, leaves: list, structure: Structure, threads: int, lazy: bool = True
) -> tuple[Variant, Any]:
    """Run the function once, traced, and compile what it did: the variant and this run's result.

    A `lazy` run leaves the entries of large arrays to the program, and takes them for finite: then the result is MISS, and the
    program has to be run for it.

    Raises
    ------
    Eagerly
        If the run can not be a program. The arguments are as they were.
    """
    started = time.perf_counter()
    run = Trace()
    run.lazy = lazy and not any(isinstance(x, np.random.Generator) for x in leaves)
    again = functools.partial(trace, function, leaves, structure, threads, False)
    externals: list[np.ndarray] = []
    generators: list[Any] = []
    states: list[Any] = []

    def external(array: np.ndarray, name: str) -> Traced:
        made = Instruction("external", (), array.shape, array.dtype, (len(externals), name))
        externals.append(array)
        run.outside.add(id(array))
        run.inputs.append(made)
        return Traced(run, array, made)

    def generator(x: np.random.Generator) -> Draws:
        generators.append(x)
        states.append(x.bit_generator.state)
        return Draws(run, x, None)

    arguments = [x for x in leaves if type(x) is np.ndarray]
    shadow = Shadow(external, generator)
    target = shadow.of(function, getattr(function, "__name__", "function"))
    for kind in _kinds(structure):
        shadow.of(kind, kind.__name__)
    given = [_argument(run, i, x, structure, generators, shadow) for i, x in enumerate(leaves)]
    args, kwargs = unflatten(structure, given)
    state = drawn()
    before, before_structure = flatten((args, kwargs))
    try:
        result = target(*args, **kwargs)
    except Untraceable:
        result = None
    except BaseException:
        _rewind([g for g in generators if not isinstance(g, int)], states)
        if run.assumes:
            return again()
        if run.given_up is not None:
            raise Eagerly(run.given_up) from None
        if run.wrote:  # eager code would have written before it raised
            raise Eagerly("an exception after a write") from None
        raise
    if drawn() != state or any(seeds_itself(f.__code__) for f in shadow.functions):
        raise errors.random_inside()
    after, after_structure = flatten((args, kwargs))
    if after_structure != before_structure or any(x is not y for x, y in zip(before, after, strict=True)):
        run.give_up("it changes a list, dict or object among its arguments")
    reason = run.given_up or _unfit(run, shadow, arguments, externals)
    if reason is not None:
        _rewind([g for g in generators if not isinstance(g, int)], states)
        raise Eagerly(reason)
    outputs, out_structure = flatten(result)
    contents: list[tuple[str, Any]] = []
    results: list[Instruction] = []
    values: list[Any] = []
    for x in outputs:
        if isinstance(x, Traced):
            contents.append(("array", x.stands_for))
            results.append(x.instruction)
            if x.later is None:
                values.append(x.concrete.copy() if type(x.concrete) is np.ndarray else x.concrete)
        elif isinstance(x, np.ndarray) or isinstance(x, Variable):
            if type(x) is not np.ndarray or x.dtype.kind not in "biufc":
                raise Eagerly(f"a result of the class {type(x).__name__}")
            contents.append(("array", np.ndarray))
            results.append(run.constant(x))
            values.append(x)
        else:
            contents.append(("constant", x))
            values.append(x)
    writes = []
    for x in given:
        if type(x) is Traced and x.later is None and type(x.concrete) is np.ndarray and x.root._version:
            writes.append((x.first, x.instruction))
    program = Program(results, writes, run.guards, run.inputs, run.draws + run.kept)
    traced = time.perf_counter()
    executable = build(program, contents, externals, threads)
    variant = Variant(
        program, executable, out_structure, contents, shadow.watch.once(), generators,
        (1e3 * (traced - started), 1e3 * (time.perf_counter() - traced)),
    )  # fmt: skip
    if run.assumes or len(values) < len(outputs):
        if generators:  # whose draws have been made
            _rewind([g for g in generators if not isinstance(g, int)], states)
            return again()
        return variant, MISS
    for x, leaf in zip(given, leaves, strict=True):
        if type(x) is Traced and type(leaf) is np.ndarray and x.root._version:
            leaf[...] = x.concrete
    return variant, unflatten(out_structure, values)


def _argument(run: Trace, i: int, x: Any, structure: Structure, generators: list, shadow: Shadow) -> Any:
    kind = type(x)
    if isinstance(x, np.random.Generator):
        generators.append(i)
        return Draws(run, x, Given(i))
    if kind is np.ndarray:
        content = copied(x) if run.lazy and many(x.size) else twin(x)
        dtype = x.dtype
    elif kind in (int, float, complex) or isinstance(x, np.generic):
        if kind is int and abs(x) >= MOST_EXACT:
            return x
        content, dtype = x, np.asarray(x).dtype
    else:
        return shadow.of(x, f"argument {i}")
    made = Instruction("argument", (), np.shape(x), dtype, (i, f"argument {i}"))
    run.inputs.append(made)
    return Traced(run, content, made)


def _kinds(structure: Structure) -> set[type]:
    """The classes of an argument tree's containers, whose methods the function may call."""
    found = {structure.kind} if isinstance(structure.kind, type) else set()
    return found.union(*map(_kinds, structure.children))


def _unfit(run: Trace, shadow: Shadow, arguments: list[np.ndarray], externals: list[np.ndarray]) -> str | None:
    """Why a run that went through can not be a program all the same."""
    if shadow.given_up is not None:
        return shadow.given_up
    changed = shadow.changed()
    if changed is not None:
        return f"it binds {changed} anew"
    if run.wrote:
        if any(np.may_share_memory(x, y) for x in arguments for y in externals):
            return "it writes, and an argument shares memory with an array from outside"
        if any(not x.flags.c_contiguous for x in arguments):
            return "it writes, and an argument is not contiguous"
        for i, x in enumerate(arguments):
            if any(np.may_share_memory(x, y) for y in arguments[i + 1 :]):
                return "it writes, and arguments share memory"
    for array, frozen, _ in run.plain.values():
        if array.shape != frozen.shape:
            return "an array changed its shape"
    return None


def build(program: Program, contents: list, externals: list[np.ndarray], threads: int) -> Executable:
    """The program's native code."""
    simple = simplify(program)
    sums = lowered(simple, native.blas())
    simple = simple if sums is simple else simplify(sums)
    plan = Planner(simple).plan()
    module = Module(plan, native.host(), threads if pool.possible() else 1)
    if module.runners:
        pool.ready()
    names = [step for step in module.sequence if isinstance(step, str)]
    code = native.Code(module.text, names, module.kernel_text, module.kernel_names)
    kinds = [content for kind, content in contents if kind == "array"]
    tabled = [*externals, *(plan.constants[buffer] for buffer in module.large_constants)]
    return Executable(plan, module.sequence, code, kinds, tabled)
