"""Checkpointing: a call that keeps its arguments only, and is run again when a sweep needs its intermediates."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from wengert.core.derivatives import Trace, named_after
from wengert.core.linear import Opaque, Parts
from wengert.core.primitive import Primitive, pinned, record
from wengert.core.sweep import order, pull_back, push_forward
from wengert.core.trees import flatten, unflatten
from wengert.core.variable import Variable


def checkpoint(f: Callable) -> Callable:
    """`f` without its intermediates: they are computed again when a sweep needs them, to save memory.

    Works in both modes and to any order. `f` may not write into its arguments.
    Variables that `f` captures from outside are seen too, but then nothing is saved.

    Examples
    --------
    >>> import numpy as np
    >>> grad(lambda x: np.sum(checkpoint(lambda u: np.sin(np.cos(u)))(x)))(np.zeros(2))
    array([-0., -0.])
    """

    @named_after(f, "checkpoint")
    def recomputed(*args: Any, **kwargs: Any) -> Any:
        leaves, structure = flatten((args, kwargs))
        nodes = [x.node if isinstance(x, Variable) else x for x in leaves]
        level = max((x._level for x in nodes if isinstance(x, Variable)), default=-1)
        if level < 0:
            return f(*args, **kwargs)
        places = [i for i, x in enumerate(nodes) if isinstance(x, Variable) and x._level == level]

        def on_leaves(*values: Any) -> list:
            filled = list(nodes)
            for i, value in zip(places, values, strict=True):
                filled[i] = value
            inner_args, inner_kwargs = unflatten(structure, filled)
            out, shape_of_result[0] = flatten(f(*inner_args, **inner_kwargs))
            return out

        shape_of_result: list = [None]
        out = on_leaves(*(_only_to_read(nodes[i]._val) for i in places))
        if any(isinstance(x, Variable) and x._level >= level for x in out):
            return f(*args, **kwargs)  # it captured a variable of this trace
        primitive = _Recomputed(on_leaves)
        operands = tuple(nodes[i] for i in places)
        made = record(primitive, tuple(out), operands, {}, level, operands)
        return unflatten(shape_of_result[0], made)

    return recomputed


def _only_to_read(value: Any) -> Any:
    """The value for a run whose writes nobody may see: `f` is run again later, on what the value is now."""
    if isinstance(value, np.ndarray):
        value = value.view()
        value.flags.writeable = False
    return pinned(value)


class _Recomputed(Primitive):
    """A checkpointed call: its edges come from running the function again."""

    def __init__(self, function: Callable):
        super().__init__(function, getattr(function, "__name__", "checkpoint"))

    def maps(self, node: Variable) -> list:
        values = self.values(node)
        trace = Trace(self.function, values, {}, tuple(range(len(values))), False, "checkpoint")
        return [(child, _recomputed_edge(trace, i)) for i, child in enumerate(node._args)]


def _recomputed_edge(trace: Trace, i: int) -> Opaque:
    traced = [x for x in trace.outputs if trace.traced(x)]
    nodes = order(traced) if traced else []
    leaf, value = trace.leaves[i], trace.values[i]

    def push(tangent: Any) -> Parts:
        pushed = push_forward(nodes, {leaf: tangent}, traced)
        return Parts([pushed.get(x) if trace.traced(x) else None for x in trace.outputs])

    def pull(cotangent: Parts) -> Any:
        seeds: dict = {}
        lead = 0
        for x, g in zip(trace.outputs, cotangent.values, strict=True):
            if g is not None and trace.traced(x):
                lead = np.ndim(g) - np.ndim(x._val)
                seeds[x] = seeds[x] + g if x in seeds else g
        return pull_back(seeds, [leaf], keep=True, lead=lead).get(leaf) if seeds else None

    return Opaque(push, pull, np.shape(value), (), "recomputed")
