"""wengert.compile: a Python function that runs as native code where it has been traced, and as itself elsewhere.

A call looks for a variant: a program that was traced for arguments like these. Its guards decide whether it holds; if none
does, the function is run once more, traced, and compiled. Whatever can not be a program runs eagerly, and the report says why.
"""

from __future__ import annotations

import functools
import gc
import inspect
import threading
import time
import types
from collections import defaultdict
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from wengert.compiler import dispatch, native, pool
from wengert.compiler import interface as _interface  # noqa: F401  (gives traced arrays their operators)
from wengert.compiler.captured import ABSENT, Shadow, Watch, drawn
from wengert.compiler.draws import Draws, seeds_itself
from wengert.compiler.execution import MISS, Executable, as_kind, walkable
from wengert.compiler.fusion import Planner
from wengert.compiler.later import copied, many, twin
from wengert.compiler.module import Module
from wengert.compiler.plan import Home, contiguous
from wengert.compiler.products import lowered
from wengert.compiler.program import Given, Instruction, Program
from wengert.compiler.report import Report
from wengert.compiler.simplify import simplify
from wengert.compiler.traced import Traced
from wengert.compiler.tracing import ROOM, Trace, Untraceable
from wengert.core import errors
from wengert.core.trees import LEAF, Structure, flatten, unflatten
from wengert.core.variable import Variable

MOST_VARIANTS = 32
PLAIN = {np.ndarray, np.float64, float, int, complex, bool, str}  # what most leaves are
MOST_EXACT = 1 << 53  # Python's integers nearer to 0 than this are inputs: they are exact as floats, too


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


class Eagerly(Exception):
    """This call is to be run as plain Python; the text says why."""


def native_entry(variant: Variant, arguments: Structure, leaves: list, ordered: bool) -> dispatch.Entry | None:
    """The entry by which machine code answers calls with such arguments; None if only Python can.

    Keywords may come in any order, unless it is asked for the one in which they came.
    """
    executable, watch = variant.executable, variant.watch
    if not executable.native_only or variant.generators:
        return None
    positional, keywords = arguments.children
    contents = iter(variant.leaves)
    shapes = iter(executable.results)
    try:
        given = iter(leaves)
        parts = (*positional.children, *keywords.children)
        trees = [_native_tree(part, lambda: _native_leaf(next(given))) for part in parts]
        result = _native_tree(variant.structure, lambda: _native_result(next(contents), shapes))
        return dispatch.Entry(
            executable.code.addresses[executable.entry_point],
            trees,
            result,
            keywords=keywords.keys,
            ordered=ordered,
            externals=executable.externals,
            writes=[_native_write(executable, *write) for write in executable.writes],
            workspace_bytes=executable.plan.workspace,
            guards=_native_guards(watch),
            release_gil=executable.work > LONG,
            keep=(executable, watch),
        )
    except ValueError:  # a tree or a dtype that machine code does not check
        return None


LONG = 1 << 16  # entries computed, from which on other threads may run meanwhile


def _native_tree(structure: Structure, leaf: Callable) -> Any:
    kind = structure.kind
    if kind == LEAF:
        return leaf()
    if kind is None:
        return dispatch.Static(None)
    if kind is dict and structure.mapping is dict:
        return {key: _native_tree(part, leaf) for key, part in zip(structure.keys, structure.children, strict=True)}
    if kind in (tuple, list):
        return kind(_native_tree(part, leaf) for part in structure.children)
    if dispatch.is_named(kind):
        return kind._make(_native_tree(part, leaf) for part in structure.children)
    if hasattr(kind, "__dataclass_fields__"):
        parts = [_native_tree(part, leaf) for part in structure.children]
        return dispatch.Instance(kind, dict(zip(structure.keys, parts, strict=True)))
    raise ValueError(f"{kind} has no native form")


def _native_leaf(x: Any) -> Any:
    kind = type(x)
    if kind is np.ndarray:
        return dispatch.Array(x.dtype, x.shape, None if walkable(x) else x.strides)
    number = kind in (float, complex) or (kind is int and abs(x) < MOST_EXACT) or isinstance(x, np.generic)
    return dispatch.Scalar(kind) if number else dispatch.Static(x)


def _native_result(content: tuple, shapes: Any) -> Any:
    how, kind = content
    if how == "constant":
        return dispatch.Static(kind)
    shape, dtype = next(shapes)
    if kind is int and dtype != np.int64:
        raise ValueError(f"an integer of Python's from {dtype}")
    return dispatch.Array(dtype, shape) if kind is np.ndarray else dispatch.Scalar(kind)


def _native_write(executable: Executable, slot: int, home: Home) -> dispatch.Write:
    """What is moved into the argument that is leaf number `slot`."""
    buffer, arguments = home.buffer, executable.argument_slots
    target, offset = arguments.index(slot), home.offset * home.buffer.dtype.itemsize
    if home.strides != contiguous(home.shape) or buffer.dtype != executable.argument_types[target]:
        raise ValueError("what is written does not lie in order")
    if buffer.kind == "constant":
        return dispatch.Write(target, executable.plan.constants[buffer], offset)
    if buffer.kind == "result":
        return dispatch.Write(target, len(arguments) + buffer.index, offset)
    first_external = len(arguments) + len(executable.results)
    if buffer.kind == "workspace":
        workspace = first_external + len(executable.externals)
        return dispatch.Write(target, workspace, executable.plan.offsets[buffer] + offset)
    kind, number = executable.inputs[buffer.index]
    return dispatch.Write(target, arguments.index(number) if kind == "argument" else first_external + number, offset)


def _native_guards(watch: Watch) -> list[tuple]:
    """All that is watched, as machine code looks at it: lists and dicts whole, the rest place by place."""

    def absent(x: Any) -> Any:
        return dispatch.ABSENT if x is ABSENT else x

    places = {(id(holder), key): (holder, key, absent(x)) for holder, key, x in (*watch.items, *watch.classes)}
    guards: list[tuple] = [(cell, absent(x)) for cell, x in watch.cells]
    for holder, keys_or_items in watch.sequences:
        if type(holder) in (dict, defaultdict):
            pairs = [places.pop((id(holder), key))[1:] for key in keys_or_items]
            guards.append((holder, list(zip(keys_or_items, (x for _, x in pairs), strict=True))))
        elif isinstance(holder, list):
            guards.append((holder, keys_or_items))
        else:
            raise ValueError(f"what {type(holder)} holds is watched by Python")
    return [*guards, *watch.namespaces, *places.values()]


class Compiled(dispatch.dispatcher_type()):  # type: ignore[misc]
    """What `wengert.compile` returns: called like the function, it answers from machine code where it can."""

    entries: tuple  # of machine code's ways in
    if TYPE_CHECKING:

        def __call__(self, *args: Any, **kwargs: Any) -> Any: ...

    def __init__(self, function: Callable, variants: int, threads: int):
        super().__init__(self._call)
        functools.update_wrapper(self, function, updated=())
        self.function, self.most, self.threads = function, variants, threads
        self.keywords_ordered = sees_order(function)
        self.variants: dict[Any, list[Variant]] = {}
        self.eager: dict[Any, str] = {}  # signatures that are run eagerly, and why
        self.statistics: dict[str, Any] = {"misses": 0, "reasons": {}, "traced": 0}
        self.lock = threading.RLock()

    def _call(self, *args: Any, **kwargs: Any) -> Any:
        """A call that machine code does not answer."""
        if len(kwargs) > 1 and not self.keywords_ordered:
            kwargs = dict(sorted(kwargs.items()))
        leaves, structure = flatten((args, kwargs))
        if not PLAIN.issuperset(map(type, leaves)):
            for x in leaves:
                if isinstance(x, (Variable, Traced, Draws)):  # inside of a derivative, or of another compiled function
                    return self.function(*args, **kwargs)
        try:
            key = (described(structure), *map(signature, leaves))
            known = self.variants.get(key)
        except (Eagerly, TypeError) as reason:
            return self._eagerly(str(reason), args, kwargs)
        if known:
            for variant in known:
                try:
                    found = variant.run(leaves)
                except Exception:  # what is called back raised: the function itself says how
                    return self.function(*args, **kwargs)
                if found is not MISS:
                    return found
            self.statistics["misses"] += 1
        if key in self.eager:
            return self._eagerly(self.eager[key], args, kwargs)
        return self._traced(key, leaves, structure, args, kwargs)

    def __get__(self, instance: Any, owner: Any = None) -> Any:
        return self if instance is None else types.MethodType(self, instance)

    def _eagerly(self, reason: str, args: tuple, kwargs: dict) -> Any:
        reasons = self.statistics["reasons"]
        reasons[reason] = reasons.get(reason, 0) + 1
        return self.function(*args, **kwargs)

    def _traced(self, key: Any, leaves: list, structure: Structure, args: tuple, kwargs: dict) -> Any:
        if sum(map(len, self.variants.values())) >= self.most:
            reason = (
                f"more than {self.most} variants: branches or numbers that Python looks at differ from call to call"
            )
            return self._eagerly(reason, args, kwargs)
        before = [x.bit_generator.state if isinstance(x, np.random.Generator) else None for x in leaves]
        collecting = gc.isenabled()
        gc.disable()  # of many small objects none becomes garbage before the program is done
        failure = None
        try:
            variant, result = trace(self.function, leaves, structure, self.threads)
            variant.entry = native_entry(variant, structure, leaves, self.keywords_ordered)
            if result is MISS:
                result = self._first_run(variant, leaves, args, kwargs)
            if result is MISS:
                variant, result = trace(self.function, leaves, structure, self.threads, lazy=False)
                variant.entry = native_entry(variant, structure, leaves, self.keywords_ordered)
        except Eagerly as found:
            failure = str(found)
        finally:
            if collecting:
                gc.enable()
        if failure is not None:
            for x, state in zip(leaves, before, strict=True):
                if state is not None:
                    x.bit_generator.state = state
            self.eager[key] = failure
            return self._eagerly(failure, args, kwargs)
        self.statistics["traced"] += 1
        with self.lock:
            self.variants.setdefault(key, []).append(variant)
            if variant.entry is not None:
                self.entries = (*self.entries, variant.entry)
        return result

    def _first_run(self, variant: Variant, leaves: list, args: tuple, kwargs: dict) -> Any:
        """What a program gives that has never run; MISS if it can not say."""
        found = MISS
        if variant.entry is not None:
            alone = dispatch.dispatcher_type()(lambda *args, **kwargs: MISS)
            alone.entries = (variant.entry,)
            found = alone(*args, **kwargs)
            variant.entry.forget_calls()
        if found is MISS:
            try:
                found = variant.run(leaves)
            except Exception:
                return MISS  # as the function itself will say
            variant.answered = 0
        return found

    def report(self) -> Report:
        """What was compiled, how often it ran, what missed and why, what is called back."""
        return Report(self)

    def program(self, optimized: bool = True) -> Program:
        """The Wengert list of the variant traced last; `print` it."""
        variants = [variant for found in self.variants.values() for variant in found]
        if not variants:
            raise errors.not_compiled_yet(getattr(self.function, "__name__", "the function"))
        return variants[-1].executable.plan.program if optimized else variants[-1].program

    def __repr__(self) -> str:
        return f"<compiled {getattr(self.function, '__name__', 'function')}>"


def described(structure: Structure) -> Any:
    """A tree's shape as a part of a key: with its classes themselves, and the order of its keys."""
    kind, keys = structure.kind, structure.keys
    if kind is LEAF or kind is None:
        return kind
    parts = [described(part) for part in structure.children]
    if kind is not dict:
        return kind, *parts
    if set(map(type, keys)) - {str}:
        keys = tuple((type(key), key) for key in keys)  # 1 == True
    return getattr(structure.mapping, "args", structure.mapping), keys, *parts  # a defaultdict is known by its factory


def sees_order(function: Callable) -> bool:
    """Might the function see in which order its keywords are given?"""
    if not isinstance(function, (types.FunctionType, types.MethodType)):
        return True
    code = function.__code__
    if code.co_filename.startswith(ROOM) and hasattr(function, "__wrapped__"):  # a derivative passes them on
        return sees_order(function.__wrapped__)
    return bool(code.co_flags & inspect.CO_VARKEYWORDS)


def signature(x: Any) -> Any:
    """What of a leaf decides which program fits: the type, of arrays dtype, shape and layout, of objects themselves."""
    kind = type(x)
    if kind is np.ndarray:
        dtype = x.dtype
        if not dtype.isnative or dtype.kind not in "biufc":
            raise Eagerly(f"an array of dtype {dtype!r}")
        flags = x.flags
        if not flags.aligned:
            raise Eagerly("an array that is not aligned")
        layout = None if flags.c_contiguous else x.strides
        return kind, dtype, x.shape, layout, flags.writeable
    if kind in (float, complex):
        return kind
    if isinstance(x, np.generic) and x.dtype.kind in "biufc":
        return kind
    if isinstance(x, np.ndarray):
        raise Eagerly(f"an array of the class {kind.__name__}")
    if kind is int and abs(x) < MOST_EXACT:
        return kind
    if isinstance(x, np.random.Generator):
        return kind
    if hasattr(x, "__dict__"):
        return kind, Same(x)
    hash(x)
    return kind, x


class Same:
    """An object as a part of a key: itself, whatever it calls equal."""

    __slots__ = ("object",)

    def __init__(self, x: Any):
        self.object = x

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Same) and other.object is self.object

    def __hash__(self) -> int:
        return id(self.object)


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
        program, executable, out_structure, contents, shadow.watch, generators,
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


def compile(function: Callable | None = None, *, variants: int = MOST_VARIANTS, threads: int | None = None) -> Any:
    """A function that does the same at native speed.

    The first call with arguments of new shapes, dtypes or trees runs the Python function once and compiles what it did; later
    calls run native code. Python's own control flow is traced as taken, and guarded: where a branch goes another way, that
    way is traced, too. The function may be any derivative: ``wengert.compile(wengert.value_and_grad(loss))``.

    Parameters
    ----------
    function : callable
        Of trees of arrays and Python numbers, to trees of those; other arguments are part of what a program is compiled
        for. It may read arrays from outside, seen as they are at each call, and write into its arguments.
    variants : int
        How many programs are kept, over all shapes and branches; beyond, calls run eagerly.
    threads : int, optional
        How many threads share a loop nest that is much work; as many as the process has processors if not given.

    Returns
    -------
    callable
        With `.report()` and `.program()`. Arrays that it returns are the caller's own.

    Raises
    ------
    ImportError
        If llvmlite is not installed.
    RuntimeError
        When called, if the function draws random numbers from a global generator.

    Examples
    --------
    >>> import numpy as np
    >>> step = compile(lambda x: np.sum(np.sin(x) ** 2))
    >>> step(np.zeros(3))
    np.float64(0.0)
    """
    if function is None:
        return functools.partial(compile, variants=variants, threads=threads)
    if not callable(function):
        raise errors.not_callable(function, "compile")
    native.required()
    if isinstance(function, Compiled):
        return function
    return Compiled(function, variants, pool.processors() if threads is None else threads)
