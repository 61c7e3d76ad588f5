"""Entries: a variant as machine code's dispatcher sees it, or why only Python can ask whether it fits."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable
from typing import Any

import numpy as np

from wengert.compiler.keys import MOST_EXACT
from wengert.compiler.planning.plan import Home, contiguous
from wengert.compiler.recording import Variant
from wengert.compiler.running import dispatch
from wengert.compiler.running.execution import Executable, walkable
from wengert.compiler.trace.captured import ABSENT, Watch
from wengert.core.trees import LEAF, Structure

LONG = 1 << 16  # entries computed, from which on other threads may run meanwhile


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
            writes=[_native_write(executable, *write) for write in executable.writes if write[1].buffer.size],
            workspace_bytes=executable.plan.workspace,
            guards=_native_guards(watch),
            release_gil=executable.work > LONG,
            keep=(executable, watch),
        )
    except ValueError:  # a tree or a dtype that machine code does not check
        return None


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
    return [*guards, *watch.fields, *watch.namespaces, *places.values()]
