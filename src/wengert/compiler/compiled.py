"""wengert.compile: a Python function that runs as native code where it has been traced, and as itself elsewhere.

A call looks for a variant: a program that was traced for arguments like these. Its guards decide whether it holds; if none
does, the function is run once more, traced, and compiled. Whatever can not be a program runs eagerly, and the report says why.
"""

from __future__ import annotations

import functools
import gc
import threading
import types
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np

from wengert.compiler.entry import native_entry
from wengert.compiler.keys import Eagerly, described, sees_order, signature
from wengert.compiler.programs.program import Program
from wengert.compiler.recording import Variant, trace
from wengert.compiler.report import Report
from wengert.compiler.running import dispatch, native, pool
from wengert.compiler.running.execution import MISS
from wengert.compiler.trace.draws import Draws
from wengert.compiler.trace.traced import Traced
from wengert.core import errors
from wengert.core.trees import Structure, flatten
from wengert.core.variable import Variable

MOST_VARIANTS = 32
PLAIN = {np.ndarray, np.float64, float, int, complex, bool, str}  # what most leaves are


class Uncollected:
    """While any thread traces, no garbage is looked for: of many small objects none is any before the program is done."""

    def __init__(self) -> None:
        self.lock, self.within, self.before = threading.Lock(), 0, False

    def __enter__(self) -> None:
        with self.lock:
            if not self.within:
                self.before = gc.isenabled()
                gc.disable()
            self.within += 1

    def __exit__(self, *_: object) -> None:
        with self.lock:
            self.within -= 1
            if not self.within and self.before:
                gc.enable()


uncollected = Uncollected()


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
        known = len(self.variants.get(key, ()))
        failure = None
        try:
            with uncollected:
                variant, result = trace(self.function, leaves, structure, self.threads)
                variant.entry = native_entry(variant, structure, leaves, self.keywords_ordered)
                if result is MISS:
                    result = self._first_run(variant, leaves, args, kwargs)
                if result is MISS:
                    variant, result = trace(self.function, leaves, structure, self.threads, lazy=False)
                    variant.entry = native_entry(variant, structure, leaves, self.keywords_ordered)
        except Eagerly as found:
            failure = str(found)
        if failure is not None:
            for x, state in zip(leaves, before, strict=True):
                if state is not None:
                    x.bit_generator.state = state
            self.eager[key] = failure
            return self._eagerly(failure, args, kwargs)
        with self.lock:
            variants = self.variants.setdefault(key, [])
            if len(variants) > known:  # another thread was sooner, most likely with the same
                return result
            self.statistics["traced"] += 1
            variants.append(variant)
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
