"""Running a compiled program on arguments: memory, native segments, and the functions that are called back between them."""

from __future__ import annotations

import ctypes
import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from wengert.compiler.planning.plan import Called, Home, Nest, Plan, Product, contiguous
from wengert.compiler.programs.program import PYTHONS, Call, Given, Place
from wengert.compiler.running.native_call import address_of_data

MISS = object()  # what `Executable.run` returns where a guard does not hold


class Executable:
    """A plan with its native code."""

    def __init__(self, plan: Plan, sequence: list[Any], code: Any, kinds: list[type], externals: list[np.ndarray]):
        self.plan, self.code, self.kinds, self.externals = plan, code, kinds, externals
        self.steps: list[Any] = [code.call(step) if isinstance(step, str) else step for step in sequence]
        program = plan.program
        self.argument_slots = [x.attributes[0] for x in program.inputs if x.op == "argument"]
        self.argument_types = [x.dtype for x in program.inputs if x.op == "argument"]
        self.results = [(x.shape, x.dtype) for x in program.results]
        self.write_targets = [target.attributes[0] for target, _ in program.writes]
        self.writes = list(zip(self.write_targets, plan.write_homes, strict=True))
        self.forms = [(x.dtype, x.shape) for x in externals]  # which may be changed in place
        # The number of an input in the plan's buffers -> what is passed for it.
        self.inputs = [("argument" if x.op == "argument" else "external", x.attributes[0]) for x in program.inputs]
        self.native_only = all(isinstance(step, str) for step in sequence)
        self.entry_point: str = sequence[0] if self.native_only else ""
        self.work = sum(math.prod(step.space) for step in plan.steps if isinstance(step, Nest)) + sum(
            step.value.size for step in plan.steps if isinstance(step, Product)
        )  # how many entries are computed

    def run(self, leaves: Sequence[Any]) -> Any:
        """The results' arrays, in order, or MISS; what is written into arguments is written if no guard fails."""
        if any((x.dtype, x.shape) != form for x, form in zip(self.externals, self.forms, strict=True)):
            return MISS
        keep: list[np.ndarray] = []
        for slot, dtype in zip(self.argument_slots, self.argument_types, strict=True):
            value = leaves[slot]
            if value.__class__ is not np.ndarray or not walkable(value):
                value = np.ascontiguousarray(value, dtype).reshape(np.shape(value))
            keep.append(value)
        if self.write_targets and _overlap([leaves[i] for i in self.write_targets], [*keep, *self.externals]):
            return MISS
        results = [np.empty(shape, dtype) for shape, dtype in self.results]
        workspace = np.empty(self.plan.workspace + 64, np.uint8)
        start = -address_of_data()(workspace) % 64
        externals = [x if walkable(x) else np.require(x, requirements=["C", "A"]) for x in self.externals]
        pointers = list(map(address_of_data(), (*keep, *results, *externals)))
        table = (ctypes.c_void_p * (len(pointers) + 1))(*pointers, workspace.ctypes.data + start)
        address = ctypes.addressof(table)
        by_kind = {"result": results, "external": externals, "workspace": workspace, "start": start}
        arguments = dict(zip(self.argument_slots, keep, strict=True))
        for step in self.steps:
            if isinstance(step, Called):
                if not self._call(step, arguments, by_kind, leaves):
                    return MISS
            elif step(address):
                return MISS
        if self.write_targets:
            written = [self._array(home, arguments, by_kind).copy() for home in self.plan.write_homes]
            for slot, content in zip(self.write_targets, written, strict=True):
                leaves[slot][...] = content
        return results

    def _array(self, home: Home, arguments: dict, memory: dict) -> np.ndarray:
        """A value in memory, as an array of NumPy's."""
        buffer = home.buffer
        size = buffer.dtype.itemsize
        strides = tuple(t * size for t in home.strides)
        if buffer.kind == "workspace":
            offset = memory["start"] + self.plan.offsets[buffer] + home.offset * size
            return np.ndarray(home.shape, buffer.dtype, memory["workspace"].data, offset, strides)
        if buffer.kind == "result":
            base = memory["result"][buffer.index]
        elif buffer.kind == "constant":
            base = self.plan.constants[buffer]
        else:
            kind, number = self.inputs[buffer.index]
            base = arguments[number] if kind == "argument" else memory["external"][number]
        if home.offset == 0 and math.prod(home.shape) == base.size and home.strides == contiguous(home.shape):
            return base.reshape(home.shape)
        flat = base.reshape(-1)
        return np.lib.stride_tricks.as_strided(flat[home.offset :], home.shape, strides)

    def _call(self, step: Called, arguments: dict, memory: dict, leaves: Sequence[Any]) -> bool:
        call: Call = step.call.attributes[0]
        operands = [self._array(home, arguments, memory) for home in step.operands]
        args, kwargs = _filled(call.arguments, operands, leaves)
        found = call.function(*args, **kwargs)
        parts = found if step.call.attributes[1] is not None else (found,)
        if step.call.attributes[1] not in (None, len(parts)):
            return False
        for i, (_, home) in step.results.items():
            part = np.asarray(parts[i])
            if part.shape != home.shape or part.dtype != home.buffer.dtype:
                return False
            np.copyto(self._array(home, arguments, memory), part)
        return True


def walkable(x: np.ndarray) -> bool:
    """Does it lie in memory as native code reads it?"""
    return x.flags.c_contiguous and x.flags.aligned


def _overlap(written: list, others: list) -> bool:
    """Can what is written into one array be seen in another?"""
    return any(x is not y and np.may_share_memory(x, y) for x in written for y in others) or len(
        {*map(id, others)}
    ) < len(others)


def _filled(tree: Any, operands: list, leaves: Sequence[Any]) -> Any:
    """The arguments of a call, with the operands in their places."""
    kind = type(tree)
    if kind is Place:
        value = operands[tree.operand]
        if tree.kind is np.ndarray:
            value = value.view()
            value.flags.writeable = False
            return value
        return value.item() if tree.kind in PYTHONS else value[()]
    if kind is Given:
        return leaves[tree.leaf]
    if kind in (tuple, list):
        return kind(_filled(part, operands, leaves) for part in tree)
    if kind is dict:
        return {key: _filled(part, operands, leaves) for key, part in tree.items()}
    return tree


def as_kind(array: np.ndarray, kind: type) -> Any:
    """A result as the eager function returned it: an array, NumPy's number or Python's."""
    if kind is np.ndarray:
        return array
    return array.item() if kind in PYTHONS else array[()]


__all__ = ["MISS", "Executable", "as_kind", "walkable"]
