"""Native code: LLVM IR text to functions in this process, through llvmlite.

The compiler's options are given to each module's own passes, never to LLVM as a whole, which other libraries share.
"""

from __future__ import annotations

import ctypes
import glob
import os
from collections.abc import Sequence
from functools import cache
from typing import Any

import numpy as np

from wengert.compiler.codegen.body import Machine
from wengert.compiler.running import object_cache
from wengert.core import errors

try:
    import llvmlite
    import llvmlite.binding as llvm
except ImportError:  # pragma: no cover
    llvm = None


def required() -> None:
    """Raise, with what to install, if there is no compiler."""
    if llvm is None:
        raise errors.missing_extra("llvmlite", "compile", "wengert.compile")


@cache
def _target() -> tuple[Any, str, Any]:
    required()
    llvm.initialize_native_target()
    llvm.initialize_native_asmprinter()
    return llvm.Target.from_default_triple(), llvm.get_host_cpu_name(), llvm.get_host_cpu_features()


def architecture() -> str:
    """LLVM's name for the kind of processor."""
    return _target()[0].name


@cache
def host() -> Machine:
    """The machine that this process runs on."""
    target, _, features = _target()
    if features.get("avx512f"):
        size = 64
    elif features.get("avx"):
        size = 32
    else:
        size = 16
    return Machine(size, bool(features.get("fma")) or target.name.startswith("aarch64"), target.name.startswith("x86"))


def _target_machine(level: int) -> Any:
    """One of its own for each engine, which owns it."""
    target, cpu, features = _target()
    return target.create_target_machine(cpu=cpu, features=features.flatten(), opt=level, jit=True)


def _passes(level: int) -> Any:
    """The passes that code of ours needs. (LLVM's own pipelines do more, and llvmlite keeps 0.15 MB of each for good.)"""
    passes = llvm.create_new_module_pass_manager()
    passes.add_always_inliner_pass()
    if level:
        passes.add_sroa_pass()
        passes.add_instruction_combine_pass()
        passes.add_simplify_cfg_pass()
        passes.add_new_gvn_pass()
        passes.add_loop_unroll_pass()
        passes.add_instruction_combine_pass()
        passes.add_simplify_cfg_pass()
        passes.add_dead_code_elimination_pass()
    return passes


class Code:
    """A compiled module: its functions' addresses, as long as this object lives."""

    def __init__(
        self,
        text: str,
        names: list[str],
        kernel_text: str | None = None,
        kernel_names: Sequence[str] = (),
        level: int | None = None,
    ):
        self.addresses: dict[str, int] = {}
        self.kernels: Code | None = None
        if kernel_names:  # compiled with care, and then called by name
            self.kernels = Code(kernel_text or "", list(kernel_names))
            for name, address in self.kernels.addresses.items():
                llvm.add_symbol(name, address)
        if level is None:
            level = 0 if kernel_text is not None else 1 if len(text) > 100_000 else 2
        machine = _target_machine(2 if level else 0)
        module = llvm.parse_assembly(text)
        module.triple, module.data_layout = machine.triple, str(machine.target_data)
        _, cpu, features = _target()
        versions = f"{llvm.llvm_version_info} {llvmlite.__version__} {level}"
        name = object_cache.key(text, machine.triple, cpu, features.flatten(), versions)
        known = object_cache.read(name)
        if known is None:
            options = llvm.create_pipeline_tuning_options(speed_level=level)
            options.loop_vectorization = options.slp_vectorization = False
            _passes(level).run(module, llvm.create_pass_builder(machine, options))
        self.engine = llvm.create_mcjit_compiler(module, machine)
        self.engine.set_object_cache(lambda _, made: object_cache.write(name, made), lambda _: known)
        self.engine.finalize_object()
        self.cached = known is not None
        self.addresses = {name: self.engine.get_function_address(name) for name in names}

    def call(self, name: str) -> Any:
        """A function `(table) -> int` of ctypes, which releases the interpreter's lock."""
        return ctypes.CFUNCTYPE(ctypes.c_int64, ctypes.c_void_p)(self.addresses[name])

    def publish(self) -> None:
        """Make its functions known to the modules that are compiled from now on, for as long as the process lives."""
        for name, address in self.addresses.items():
            llvm.add_symbol(name, address)
        self.engine.detach()


def known(symbol: str) -> bool:
    """Can code call a function of this name?"""
    try:
        return hasattr(ctypes.CDLL(None), symbol)
    except TypeError:  # pragma: no cover - Windows has no name for the process
        return False


@cache
def blas() -> bool:
    """Is there a BLAS to call by pointer? NumPy's own; then `wengert_dgemm` and `wengert_sgemm` are its."""
    required()
    where = os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(np.__file__))), "numpy.libs", "*openblas64*")
    for path in glob.glob(where):
        try:
            library = ctypes.CDLL(path)
            for name, symbol in (("wengert_dgemm", "scipy_cblas_dgemm64_"), ("wengert_sgemm", "scipy_cblas_sgemm64_")):
                llvm.add_symbol(name, ctypes.cast(getattr(library, symbol), ctypes.c_void_p).value)
            return True
        except (OSError, AttributeError):
            continue
    return False
