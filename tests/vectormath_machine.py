"""Compiles one vector function into a loop over arrays, to be held against exact values."""

from __future__ import annotations

import ctypes
from functools import cache
from itertools import count

import llvmlite.binding as llvm
import numpy as np

from wengert.compiler.codegen.vectormath import declare
from wengert.compiler.codegen.vectormath.formats import FORMATS

SERIAL = count()


def loop_text(name: str, dtype, width: int, fma: bool, operands: int, function: str) -> str:
    """A module with `void function(operand*..., result*, i64 vectors)`."""
    symbol, definitions = declare(name, dtype, width, fma)
    element = FORMATS[np.dtype(dtype)].llvm
    vector = element if width == 1 else f"<{width} x {element}>"
    align = np.dtype(dtype).itemsize
    body = "".join(
        f"  %p{i} = getelementptr {vector}, ptr %a{i}, i64 %i\n  %x{i} = load {vector}, ptr %p{i}, align {align}\n"
        for i in range(operands)
    )
    arguments = ", ".join(f"{vector} %x{i}" for i in range(operands))
    return (
        "".join(definitions.values())
        + f"define void @{function}({', '.join(f'ptr noalias %a{i}' for i in range(operands))}, ptr noalias %out, i64 %n) {{\n"
        + "entry:\n  br label %loop\nloop:\n  %i = phi i64 [0, %entry], [%next, %loop]\n"
        + body
        + f"  %y = call {vector} {symbol}({arguments})\n  %q = getelementptr {vector}, ptr %out, i64 %i\n"
        + f"  store {vector} %y, ptr %q, align {align}\n  %next = add i64 %i, 1\n  %more = icmp slt i64 %next, %n\n"
        + "  br i1 %more, label %loop, label %done\ndone:\n  ret void\n}\n"
    )


def optimised(text: str, machine: llvm.TargetMachine, level: int = 2) -> llvm.ModuleRef:
    """The module after LLVM's passes."""
    module = llvm.parse_assembly(text)
    module.triple = machine.triple
    module.data_layout = str(machine.target_data)
    module.verify()
    options = llvm.create_pipeline_tuning_options(speed_level=level)
    llvm.create_pass_builder(machine, options).getModulePassManager().run(
        module, llvm.create_pass_builder(machine, options)
    )
    return module


def host_machine(level: int = 2, features: str | None = None) -> llvm.TargetMachine:
    llvm.initialize_native_target()
    llvm.initialize_native_asmprinter()
    cpu, own = llvm.get_host_cpu_name(), llvm.get_host_cpu_features().flatten()
    if features is not None:
        cpu, own = "x86-64", features
    return llvm.Target.from_default_triple().create_target_machine(cpu=cpu, features=own, opt=level, jit=True)


def foreign_machine(triple: str) -> llvm.TargetMachine | None:
    """The plainest machine of another kind, for its assembly to be read; none if this build of llvmlite cannot write for it."""
    llvm.initialize_all_targets()
    llvm.initialize_all_asmprinters()
    try:
        return llvm.Target.from_triple(triple).create_target_machine(opt=2, codemodel="default")
    except RuntimeError:
        return None


ENGINES = []  # engines own the code that the functions below point into


@cache
def native(name: str, dtype, width: int, fma: bool, operands: int, level: int = 2, features: str | None = None):
    """The vector function as a function of arrays of any length; for x86-64 with the given features, or for this machine."""
    function = f"loop{next(SERIAL)}"
    machine = host_machine(level, features)
    module = optimised(loop_text(name, dtype, width, fma, operands, function), machine, level)
    engine = llvm.create_mcjit_compiler(module, machine)
    engine.finalize_object()
    ENGINES.append(engine)
    call = ctypes.CFUNCTYPE(None, *[ctypes.c_void_p] * (operands + 1), ctypes.c_int64)(
        engine.get_function_address(function)
    )

    def run(*arrays):
        arrays = [np.ascontiguousarray(a, dtype) for a in np.broadcast_arrays(*arrays)]
        size = arrays[0].size
        vectors = max(1, -(-size // width))
        padded = [np.concatenate([a.ravel(), np.ones(vectors * width - size, dtype)]) for a in arrays]
        out = np.empty(vectors * width, dtype)
        call(*(a.ctypes.data for a in padded), out.ctypes.data, vectors)
        return out[:size].reshape(arrays[0].shape)

    run.raw, run.module = call, module
    return run
