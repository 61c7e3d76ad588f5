"""Products of arrays: all become contractions, named like those of einsum."""

from __future__ import annotations

import functools
from typing import Any

import numpy as np

from wengert.compiler.programs.program import FLOAT32, FLOAT64, PYTHONS
from wengert.compiler.trace.operations.operands import computed, dtype_of, instruction_of, kind_of, native, result
from wengert.compiler.trace.traced import Traced, operand, seen
from wengert.compiler.trace.tracing import Trace
from wengert.core import linear


def contract(trace: Trace, spec: str, x: Any, y: Any, value: Any) -> Traced | None:
    """An instruction for einsum(spec, x, y), where each letter stands once in an operand."""
    loop = dtype_of(value)
    if loop not in (FLOAT64, FLOAT32) or not native(seen(x), seen(y)) or not np.size(value):
        return None
    operands = [trace.cast(instruction_of(trace, v), loop) for v in (x, y)]
    inputs, output = spec.split("->")
    terms = inputs.split(",")
    if any(len(set(t)) != len(t) for t in (*terms, output)) or any(0 in v.shape for v in operands):
        return None
    for i, (term, other) in enumerate(
        zip(terms, terms[::-1], strict=True)
    ):  # sums over one operand's own letters first
        own = tuple(j for j, letter in enumerate(term) if letter not in other and letter not in output)
        if own:
            v = operands[i]
            shape = tuple(n for j, n in enumerate(v.shape) if j not in own)
            operands[i] = trace.emit("reduce", (v,), shape, loop, ("add", own))
            terms[i] = "".join(letter for letter in term if letter in other or letter in output)
    return result(trace, value, "contract", operands, (",".join(terms) + "->" + output,))


def product(x: Any, y: Any) -> Any:
    """x @ y."""
    trace = x.run if type(x) is Traced else y.run
    a, b = np.shape(seen(x)), np.shape(seen(y))
    value = computed(trace, np.matmul, (x, y))  # NumPy's own errors
    letters = linear.LETTERS
    left, right = a[:-2] if len(a) > 1 else (), b[:-2] if len(b) > 1 else ()
    batch = np.broadcast_shapes(left, right)
    terms, kept = [], []
    for v, own, shape, last in ((x, left, a, "yk" if len(a) > 1 else "k"), (y, right, b, "kz" if len(b) > 1 else "k")):
        offset = len(batch) - len(own)
        keep = [i for i, n in enumerate(own) if n != 1 or batch[i + offset] == 1]
        if len(keep) != len(own):
            v = np.reshape(v, (*(own[i] for i in keep), *shape[len(own) :]))
        terms.append("".join(letters[i + offset] for i in keep) + last)
        kept.append(v)
    output = letters[: len(batch)] + ("y" if len(a) > 1 else "") + ("z" if len(b) > 1 else "")
    missing = [letter for letter in output if letter not in terms[0] + terms[1]]
    return None if missing else contract(trace, f"{terms[0]},{terms[1]}->{output}", kept[0], kept[1], value)


def matmul(trace: Trace, x: Any, y: Any, **kwargs: Any) -> Any:
    return None if kwargs else product(x, y)


def dot(trace: Trace, a: Any, b: Any, out: Any = None) -> Any:
    n, m = np.ndim(seen(a)), np.ndim(seen(b))
    if out is not None:
        return None
    if n == 0 or m == 0:
        return _scaled(a, b)
    value = computed(trace, np.dot, (a, b))
    if n <= 2 and m <= 2:
        return np.matmul(a, b)
    one, two = linear.LETTERS[: n - 1], linear.LETTERS[n - 1 : n + m - 2]
    second = (two[:-1] + "z" + two[-1:]) if m > 1 else "z"
    return contract(trace, f"{one}z,{second}->{one}{two}", a, b, value)


def _scaled(a: Any, b: Any) -> Any:
    """A product with a number, which here is an array of its own dtype: it does not take that of the other."""
    return None if any(kind_of(operand(x)) in PYTHONS for x in (a, b)) else np.multiply(a, b)


def inner(trace: Trace, a: Any, b: Any) -> Any:
    n, m = np.ndim(seen(a)), np.ndim(seen(b))
    if n == 0 or m == 0:
        return _scaled(a, b)
    one, two = linear.LETTERS[: n - 1], linear.LETTERS[n - 1 : n + m - 2]
    return contract(trace, f"{one}z,{two}z->{one}{two}", a, b, computed(trace, np.inner, (a, b)))


def outer(trace: Trace, a: Any, b: Any, out: Any = None) -> Any:
    if out is not None:
        return None
    return np.multiply(np.reshape(a, (-1, 1)), np.reshape(b, (1, -1)))


def vdot(trace: Trace, a: Any, b: Any) -> Any:
    if not native(seen(a), seen(b)):
        return None
    computed(trace, np.vdot, (a, b))  # NumPy's own errors
    return np.dot(np.reshape(a, -1), np.reshape(b, -1))


def tensordot(trace: Trace, a: Any, b: Any, axes: Any = 2) -> Any:
    n, m = np.ndim(seen(a)), np.ndim(seen(b))
    value = computed(trace, np.tensordot, (a, b), {"axes": axes})
    if isinstance(axes, (int, np.integer)):
        first, second = list(range(n - int(axes), n)), list(range(int(axes)))
    else:
        first, second = ([int(i)] if isinstance(i, (int, np.integer)) else list(i) for i in axes)
    first, second = [i % n for i in first], [i % m for i in second]
    one, two = list(linear.LETTERS[:n]), list(linear.LETTERS[n : n + m])
    for i, j in zip(first, second, strict=True):
        two[j] = one[i]
    shared = {one[i] for i in first}
    output = [letter for letter in one + two if letter not in shared]
    spec = f"{''.join(one)},{''.join(two)}->{''.join(output)}"
    return contract(trace, spec, a, b, value)


def einsum(trace: Trace, spec: Any, *operands: Any, optimize: Any = False, **kwargs: Any) -> Any:
    if kwargs or not isinstance(spec, str) or "." in spec:
        return None
    spec = spec.replace(" ", "")
    inputs, arrow, output = spec.partition("->")
    terms = inputs.split(",")
    if not arrow:
        letters = inputs.replace(",", "")
        output = "".join(sorted(letter for letter in set(letters) if letters.count(letter) == 1))
    if any(len(set(term)) != len(term) for term in terms) or not native(*map(seen, operands)):
        return None
    value = computed(trace, functools.partial(np.einsum, spec), operands)
    if len(operands) == 2:
        sizes = [dict(zip(t, np.shape(seen(v)), strict=True)) for t, v in zip(terms, operands, strict=True)]
        if any(sizes[0][letter] != sizes[1][letter] for letter in sizes[0].keys() & sizes[1].keys()):
            return None
        return contract(trace, f"{inputs}->{output}", *operands, value)
    if len(operands) == 1:
        (x,), (term,) = operands, terms
        away = tuple(i for i, letter in enumerate(term) if letter not in output)
        kept = "".join(letter for letter in term if letter in output)
        if not away:
            return None  # a view of its operand
        return np.transpose(np.sum(x, axis=away), [kept.index(letter) for letter in output])
    return None
