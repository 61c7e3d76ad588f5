"""Runs a program by NumPy, one instruction after the other: what native code is held against, stage by stage."""

from __future__ import annotations

import itertools

import numpy as np

from wengert.compiler.running.execution import _filled


def values(program, leaves, externals=()):
    """The value of each instruction, by its id."""
    found = {}
    with np.errstate(all="ignore"):
        for x in program.instructions:
            operands = [found[id(y)] for y in x.operands]
            found[id(x)] = value(x, operands, leaves, externals)
    return found


def value(x, operands, leaves, externals):
    op, attributes = x.op, x.attributes
    if op == "argument":
        return np.asarray(leaves[attributes[0]])
    if op == "external":
        return np.asarray(externals[attributes[0]])
    if op == "constant":
        return np.asarray(attributes[0])
    if op == "call":
        call, count = attributes
        args, kwargs = _filled(call.arguments, operands, leaves)
        result = call.function(*args, **kwargs)
        return result if count is not None else (result,)
    if op == "output":
        return np.asarray(operands[0][attributes[0]])
    return np.asarray(COMPUTED[op](x, *operands) if op in COMPUTED else getattr(np, op)(*operands))


def _boxes(x, starts, steps, shape):
    return tuple(np.arange(n) * t + a for a, t, n in zip(starts, steps, shape, strict=True))


def _slice(x, a):
    index = _boxes(x, *x.attributes, x.shape)
    return a[np.ix_(*index)] if index else a


def _setslice(x, a, v):
    made = a.copy()
    index = _boxes(x, *x.attributes, v.shape)
    made[np.ix_(*index)] = v
    return made


def _pieces(x, *parts):
    corners, fill = x.attributes
    made = np.full(x.shape, fill, x.dtype)
    for corner, part in zip(corners, parts, strict=True):
        made[tuple(itertools.starmap(slice, ((c, c + n) for c, n in zip(corner, part.shape, strict=True))))] = part
    return made


def _erf(x, a):
    import scipy.special

    return getattr(scipy.special, x.op)(a)


COMPUTED = {
    "cast": lambda x, a: a.astype(x.dtype),
    "select": lambda x, c, a, b: np.where(c, a, b),
    "reduce": lambda x, a: getattr(np, x.attributes[0]).reduce(a, axis=x.attributes[1]),
    "reshape": lambda x, a: np.reshape(a, x.shape),
    "transpose": lambda x, a: np.transpose(a, x.attributes[0]),
    "broadcast": lambda x, a: np.broadcast_to(a, x.shape),
    "slice": _slice,
    "setslice": _setslice,
    "pieces": _pieces,
    "concatenate": lambda x, *parts: np.concatenate(parts, axis=x.attributes[0]),
    "contract": lambda x, a, b: np.einsum(x.attributes[0], a, b),
    "erf": _erf,
    "erfc": _erf,
    "expit": _erf,
}
