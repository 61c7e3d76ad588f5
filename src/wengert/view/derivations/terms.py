"""What the names in a row's formulas stand for in one call: shapes, indices, axes and counts, as numbers or in words."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from wengert.core.variable import Variable
from wengert.view.derivations.notation import Number, Symbol, Term, Words
from wengert.view.derivations.rules import OPERANDS, subscripts_of

FOURIER = frozenset({"fft.fft", "fft.ifft"})
REDUCED = frozenset({"sum", "mean", "prod", "max", "min", "var", "std", "linalg.norm"})


def plain(value: Any) -> Any:
    """The number or array of a node, however deep: its own, whatever was written into its memory since."""
    while isinstance(value, Variable):
        value = value._val
    return value


def dims(value: Any) -> int:
    return np.ndim(plain(value)) if not isinstance(plain(value), tuple) else -1


def shapes_of(node: Variable) -> tuple[tuple[int, ...], ...]:
    """The shapes of a node's operands."""
    return tuple(map(shape_of, node._args))


def shape_of(value: Any) -> tuple[int, ...]:
    """The shape of a node's value; several outputs together have none."""
    value = plain(value)
    return () if isinstance(value, tuple) else np.shape(value)


def free_terms(name: str, params: dict, position: int, operands: list, out: Any, shape: tuple) -> dict[str, Term]:
    """The terms for the names in `FREE`, for one call of the primitive of that name."""
    terms: dict[str, Term] = {
        "ones": Symbol("𝟏", shape),
        "i": Words("i", ()),
        "pi": Words("π", ()),
        "shape": Words(str(tuple(shape))),
    }
    if not isinstance(out, tuple):
        terms["to"] = Words(str(np.shape(out)))
    if name in REDUCED:
        taken = params.get("correction") if params.get("correction") is not None else params.get("ddof") or 0
        terms["ties"] = Words("ties")
        terms["n"] = Number(math.prod(shape) // max(math.prod(np.shape(out)), 1) - taken)
    if name in FOURIER:
        terms["n"] = Number(shape[-1])
    if name == "matmul" and np.ndim(operands[0]) > 2:
        stacked = list(range(np.ndim(operands[0]) - 2))
        terms["lead"] = Words(f"{'axis' if len(stacked) == 1 else 'axes'} {axes_text(stacked)}")
    if name == "einsum" and subscripts_of(params) is not None:
        inputs, output = subscripts_of(params)  # type: ignore[misc]
        others = [term for i, term in enumerate(inputs) if i != position]
        terms["subscripts"] = Words(repr(",".join(inputs) + "->" + output))
        terms["back"] = Words(repr(",".join([output, *others]) + "->" + inputs[position]))
    if "index" in params:
        terms["index"] = Words(index_text(params["index"]))
    elif name in ("concatenate", "stack"):
        terms["index"] = Words(index_text(part_of(name, params.get("axis", 0), position, operands, out)))
    if name == "transpose":
        axes = params.get("axes") or tuple(reversed(range(len(shape))))
        terms["axes"] = Words(str(tuple(int(i) for i in np.argsort([i % len(shape) for i in axes]))))
    return terms


def part_of(name: str, axis: int | None, position: int, operands: list, out: Any) -> tuple:
    """The index of one operand in the joined array; with axis None all are flattened first."""
    if axis is None:
        start = sum(map(np.size, operands[:position]))
        return (slice(start, start + np.size(operands[position])),)
    axis = axis % np.ndim(out)
    before = (slice(None),) * axis
    if name == "stack":
        return (*before, position)
    start = sum(np.shape(x)[axis] for x in operands[:position])
    return (*before, slice(start, start + np.shape(operands[position])[axis]))


def given(params: dict) -> dict:
    """The keywords of a call that are not at NumPy's defaults."""
    return {key: value for key, value in params.items() if value is not None and value is not False}


def operand_name(i: int) -> str:
    return OPERANDS[i] if i < len(OPERANDS) else f"x{i}"


def summed_axes(shape: tuple, wanted: tuple) -> str:
    """The axes along which an operand was broadcast, in words; '' for all of them."""
    if not wanted:
        return ""
    extra = len(shape) - len(wanted)
    axes = [*range(extra), *(extra + i for i, n in enumerate(wanted) if n == 1 and shape[extra + i] != 1)]
    return f"axis {axes_text(axes)}"


def axes_text(axes: Any) -> str:
    return ", ".join(str(int(axis)) for axis in (axes if isinstance(axes, (tuple, list)) else (axes,)))


def index_text(index: Any) -> str:
    """An index as it is written between brackets; arrays by what they are."""

    def text(part: Any) -> str:
        if isinstance(part, slice):
            ends = [":".join("" if end is None else str(end) for end in (part.start, part.stop))]
            return ":".join(ends + ([] if part.step is None else [str(part.step)]))
        if part is Ellipsis:
            return "…"
        if isinstance(part, np.ndarray) and part.ndim:
            what = "mask" if part.dtype == bool else "indices"
            return str(part.tolist()) if part.size <= 6 else f"{what} of shape {part.shape}"
        return str(part)

    return ", ".join(map(text, index)) if isinstance(index, tuple) else text(index)
