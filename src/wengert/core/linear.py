"""The linear maps: what an edge of the graph is.

A derivative is a linear map. Each class here is one kind of map with `push` (forward: tangent to tangent),
`pull` (its adjoint for the inner product Re<g, t>: cotangent to cotangent), `pattern` and `label`. Every `push` and
`pull` accepts extra *leading* axes, so that a whole stack of tangents goes through at once. Both are written in NumPy
calls that are themselves primitives: a map built from variables can be differentiated again. This room knows
nothing of variables, primitives or sweeps.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

Array = Any  # anything that intercepts NumPy: ndarray, Variable, a foreign array
Shape = tuple[int, ...]
LETTERS = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"  # what einsum names axes by


def conj(value: Array) -> Array:
    """The complex conjugate; a real value is handed back as it is, without a copy."""
    dtype = getattr(value, "dtype", None)
    if dtype is None:
        return value.conjugate() if isinstance(value, complex) else value
    return np.conjugate(value) if dtype.kind == "c" else value


def unbroadcast(value: Array, shape: Shape, lead: int = 0) -> Array:
    """Sum `value` over the axes along which an operand of `shape` was broadcast (after `lead` stacked axes)."""
    extra = value.ndim - lead - len(shape)
    if extra and not shape:
        if value.__class__ is np.ndarray and not lead:
            return np.add.reduce(value, axis=None)
        return np.sum(value, axis=tuple(range(lead, value.ndim)))
    new = tuple(range(lead, lead + extra))
    stretched = tuple(lead + extra + i for i, n in enumerate(shape) if n == 1 and value.shape[lead + extra + i] != 1)
    if new or stretched:
        value = np.sum(value, axis=new + stretched, keepdims=True)
        value = np.reshape(value, value.shape[:lead] + tuple(shape))
    return value


def align(value: Array, inner: int, wanted: int) -> Array:
    """Insert axes behind the stacked ones, so that the last `inner` axes broadcast against `wanted` axes."""
    lead = value.ndim - inner
    if lead == 0 or inner >= wanted:
        return value
    return np.reshape(value, value.shape[:lead] + (1,) * (wanted - inner) + value.shape[lead:])


def strong_multiply(x: Array, y: Array) -> Array:
    """x * y with true zeros: an exact 0 beats inf and nan."""
    return np.where((x == 0) | (y == 0), 0, x * y)


def strong_divide(x: Array, y: Array) -> Array:
    """x / y with true zeros: 0 / 0 and 0 / nan are 0."""
    return np.where(x == 0, 0, x / y)


class LinearMap:
    """A linear map from arrays of `in_shape` to arrays of `out_shape`.

    Compose with `@` (right to left), add with `+`, negate with `-`; `.T` is the adjoint.

    >>> import numpy as np
    >>> A = left(np.array([[1.0, 2.0], [3.0, 4.0]]), (2,))
    >>> A.push(np.array([1.0, 0.0])), A.pull(np.array([1.0, 0.0]))
    (array([1., 3.]), array([1., 2.]))
    """

    label = "linear"
    in_shape: Shape
    out_shape: Shape

    def push(self, tangent: Array) -> Array:
        """The image of a tangent of shape ``(..., *in_shape)``; shape ``(..., *out_shape)``."""
        raise AttributeError(f"{type(self).__name__} does not define push")

    def pull(self, cotangent: Array) -> Array:
        """The image of a cotangent of shape ``(..., *out_shape)`` under the adjoint; shape ``(..., *in_shape)``."""
        raise AttributeError(f"{type(self).__name__} does not define pull")

    @property
    def T(self) -> LinearMap:
        """The adjoint: push and pull change places."""
        return Transpose(self)

    def strong(self) -> LinearMap:
        """The same map with true zeros: 0 * inf = 0 * nan = 0."""
        return self

    def pattern(self) -> np.ndarray:
        """Boolean matrix (out_size, in_size): which outputs may depend on which inputs.

        Read off by pushing the standard basis through the map with true zeros.
        """
        n = math.prod(self.in_shape)
        basis = np.eye(n).reshape((n, *self.in_shape))
        with np.errstate(all="ignore"):
            columns = self.strong().push(basis)
        return np.asarray(columns != 0).reshape(n, math.prod(self.out_shape)).T

    def dense(self) -> Array:
        """The matrix of the map, of shape out_shape + in_shape: small maps can be looked at."""
        n = math.prod(self.in_shape)
        columns = self.push(np.eye(n).reshape((n, *self.in_shape)))
        return np.reshape(np.moveaxis(columns, 0, -1), self.out_shape + self.in_shape)

    def __matmul__(self, other: LinearMap) -> LinearMap:
        return Compose(self, other)

    def __add__(self, other: LinearMap) -> LinearMap:
        return Add(self, other)

    def __sub__(self, other: LinearMap) -> LinearMap:
        return Add(self, -other)

    def __neg__(self) -> LinearMap:
        return Compose(Scale(-1.0, self.out_shape), self)

    def __rmul__(self, factor: Array) -> LinearMap:
        return Compose(Scale(factor, self.out_shape), self)

    def __repr__(self) -> str:
        return f"<{self.label}: {self.in_shape} -> {self.out_shape}>"


class Transpose(LinearMap):
    """The adjoint of a map: push and pull change places."""

    def __init__(self, of: LinearMap):
        self.of, self.in_shape, self.out_shape = of, of.out_shape, of.in_shape

    @property
    def label(self) -> str:  # type: ignore[override]
        return f"({self.of.label})ᵀ"

    def push(self, tangent: Array) -> Array:
        return self.of.pull(tangent)

    def pull(self, cotangent: Array) -> Array:
        return self.of.push(cotangent)

    @property
    def T(self) -> LinearMap:
        return self.of

    def strong(self) -> LinearMap:
        return Transpose(self.of.strong())

    def pattern(self) -> np.ndarray:
        return self.of.pattern().T


class Compose(LinearMap):
    """`outer @ inner`: first the inner map, then the outer."""

    def __init__(self, outer: LinearMap, inner: LinearMap):
        self.outer, self.inner = outer, inner
        self.in_shape, self.out_shape = inner.in_shape, outer.out_shape

    @property
    def label(self) -> str:  # type: ignore[override]
        return f"{self.outer.label} ∘ {self.inner.label}"

    def push(self, tangent: Array) -> Array:
        return self.outer.push(self.inner.push(tangent))

    def pull(self, cotangent: Array) -> Array:
        return self.inner.pull(self.outer.pull(cotangent))

    def strong(self) -> LinearMap:
        return Compose(self.outer.strong(), self.inner.strong())

    def pattern(self) -> np.ndarray:
        return (self.outer.pattern().astype(np.intp) @ self.inner.pattern().astype(np.intp)) > 0


class Add(LinearMap):
    """The sum of two maps of the same shape."""

    def __init__(self, first: LinearMap, second: LinearMap):
        self.first, self.second = first, second
        self.in_shape, self.out_shape = first.in_shape, first.out_shape

    @property
    def label(self) -> str:  # type: ignore[override]
        return f"{self.first.label} + {self.second.label}"

    def push(self, tangent: Array) -> Array:
        return self.first.push(tangent) + self.second.push(tangent)

    def pull(self, cotangent: Array) -> Array:
        return self.first.pull(cotangent) + self.second.pull(cotangent)

    def strong(self) -> LinearMap:
        return Add(self.first.strong(), self.second.strong())

    def pattern(self) -> np.ndarray:
        return self.first.pattern() | self.second.pattern()


class Identity(LinearMap):
    """t -> t, a map of its own because it costs nothing."""

    label = "1"

    def __init__(self, shape: Shape):
        self.in_shape = self.out_shape = tuple(shape)

    def push(self, tangent: Array) -> Array:
        return tangent

    def pull(self, cotangent: Array) -> Array:
        return cotangent

    @property
    def T(self) -> LinearMap:
        return self


class Scale(LinearMap):
    """t -> p * t, entry by entry; operand and partial are broadcast to `out_shape`."""

    def __init__(
        self, partial: Array, in_shape: Shape, out_shape: Shape | None = None, multiply: Callable = np.multiply
    ):
        self.partial, self.multiply = partial, multiply
        self.in_shape = tuple(in_shape)
        self.out_shape = self.in_shape if out_shape is None else tuple(out_shape)

    @property
    def label(self) -> str:  # type: ignore[override]
        return f"× {self.partial:.4g}" if np.ndim(self.partial) == 0 else "× array"

    def push(self, tangent: Array) -> Array:
        lead = tangent.ndim - len(self.in_shape)
        image = self.multiply(align(tangent, len(self.in_shape), len(self.out_shape)), self.partial)
        wanted = tangent.shape[:lead] + self.out_shape
        return image if image.shape == wanted else np.broadcast_to(image, wanted)

    def pull(self, cotangent: Array) -> Array:
        lead = cotangent.ndim - len(self.out_shape)
        return unbroadcast(self.multiply(cotangent, conj(self.partial)), self.in_shape, lead)

    def strong(self) -> LinearMap:
        return Scale(self.partial, self.in_shape, self.out_shape, _STRONG[self.multiply])

    def pattern(self) -> np.ndarray:
        return Broadcast(self.in_shape, self.out_shape).pattern()


class Divide(Scale):
    """t -> t / d: kept apart from Scale because g / d beats g * (1 / d) in time and in accuracy."""

    def __init__(self, divisor: Array, in_shape: Shape, out_shape: Shape | None = None, multiply: Callable = np.divide):
        super().__init__(divisor, in_shape, out_shape, multiply)

    @property
    def label(self) -> str:  # type: ignore[override]
        return f"÷ {self.partial:.4g}" if np.ndim(self.partial) == 0 else "÷ array"


_STRONG = {
    np.multiply: strong_multiply,
    np.divide: strong_divide,
    strong_multiply: strong_multiply,
    strong_divide: strong_divide,
}


class Select(LinearMap):
    """t -> where(mask, t, 0): passes entries or stops them, so that nothing can turn a stopped one into nan."""

    label = "select"

    def __init__(self, mask: Array, in_shape: Shape, out_shape: Shape | None = None):
        self.mask, self.in_shape = mask, tuple(in_shape)
        self.out_shape = self.in_shape if out_shape is None else tuple(out_shape)

    def push(self, tangent: Array) -> Array:
        lead = tangent.ndim - len(self.in_shape)
        image = np.where(self.mask, align(tangent, len(self.in_shape), len(self.out_shape)), 0)
        wanted = tangent.shape[:lead] + self.out_shape
        return image if image.shape == wanted else np.broadcast_to(image, wanted)

    def pull(self, cotangent: Array) -> Array:
        lead = cotangent.ndim - len(self.out_shape)
        return unbroadcast(np.where(self.mask, cotangent, 0), self.in_shape, lead)


class Reshape(LinearMap):
    """The same entries in another shape: np.reshape."""

    label = "reshape"

    def __init__(self, in_shape: Shape, out_shape: Shape):
        self.in_shape, self.out_shape = tuple(in_shape), tuple(out_shape)

    def push(self, tangent: Array) -> Array:
        return np.reshape(tangent, tangent.shape[: tangent.ndim - len(self.in_shape)] + self.out_shape)

    def pull(self, cotangent: Array) -> Array:
        return np.reshape(cotangent, cotangent.shape[: cotangent.ndim - len(self.out_shape)] + self.in_shape)

    @property
    def T(self) -> LinearMap:
        return Reshape(self.out_shape, self.in_shape)


class Permute(LinearMap):
    """The axes in the order `axes`: np.transpose."""

    label = "permute"

    def __init__(self, in_shape: Shape, axes: Sequence[int]):
        self.axes = tuple(axis % len(in_shape) for axis in axes)
        self.in_shape = tuple(in_shape)
        self.out_shape = tuple(in_shape[axis] for axis in self.axes)

    def push(self, tangent: Array) -> Array:
        lead = tangent.ndim - len(self.axes)
        return np.transpose(tangent, (*range(lead), *(lead + axis for axis in self.axes)))

    def pull(self, cotangent: Array) -> Array:
        lead = cotangent.ndim - len(self.axes)
        return np.transpose(cotangent, (*range(lead), *(lead + self.axes.index(i) for i in range(len(self.axes)))))


class Broadcast(LinearMap):
    """np.broadcast_to; its adjoint sums over the stretched axes."""

    label = "broadcast"

    def __init__(self, in_shape: Shape, out_shape: Shape):
        self.in_shape, self.out_shape = tuple(in_shape), tuple(out_shape)

    def push(self, tangent: Array) -> Array:
        lead = tangent.shape[: tangent.ndim - len(self.in_shape)]
        return np.broadcast_to(align(tangent, len(self.in_shape), len(self.out_shape)), lead + self.out_shape)

    def pull(self, cotangent: Array) -> Array:
        return unbroadcast(cotangent, self.in_shape, cotangent.ndim - len(self.out_shape))


class Sum(LinearMap):
    """Sum over `axes` (None: all of them). Its adjoint copies the cotangent back along them, without memory."""

    def __init__(self, in_shape: Shape, axes: int | Sequence[int] | None = None, keepdims: bool = False):
        ndim = len(in_shape)
        if axes is None:
            axes = range(ndim)
        elif not isinstance(axes, (tuple, list, range)):
            axes = (axes,)  # type: ignore[assignment]
        self.in_shape = tuple(in_shape)
        self.axes = tuple(sorted(int(axis) % ndim for axis in axes))  # type: ignore[union-attr]
        self.kept = tuple(1 if i in self.axes else n for i, n in enumerate(self.in_shape))
        self.out_shape = self.kept if keepdims else tuple(n for i, n in enumerate(in_shape) if i not in self.axes)

    @property
    def label(self) -> str:  # type: ignore[override]
        return "Σ" if len(self.axes) == len(self.in_shape) else "Σ axis " + ", ".join(map(str, self.axes))

    def push(self, tangent: Array) -> Array:
        lead = tangent.ndim - len(self.in_shape)
        total = np.sum(tangent, axis=tuple(lead + axis for axis in self.axes))
        return np.reshape(total, tangent.shape[:lead] + self.out_shape)

    def pull(self, cotangent: Array) -> Array:
        lead = cotangent.shape[: cotangent.ndim - len(self.out_shape)]
        if self.out_shape != self.kept:
            cotangent = np.reshape(cotangent, lead + self.kept)
        return np.broadcast_to(cotangent, lead + self.in_shape)


class Take(LinearMap):
    """x[index]; the adjoint puts, and *adds* where the index repeats an entry."""

    label = "take"

    def __init__(self, in_shape: Shape, index: Any, out_shape: Shape, unique: bool | None = None):
        self.index = index if isinstance(index, tuple) else (index,)
        self.in_shape, self.out_shape = tuple(in_shape), tuple(out_shape)
        # Integers, slices and None never name an entry twice: their adjoint is an assignment, not an addition.
        basic = [
            isinstance(i, (int, np.integer, slice, type(None), type(Ellipsis))) and not isinstance(i, bool)
            for i in self.index
        ]
        self.unique = all(basic) if unique is None else unique
        # Stacked axes in front of these leave the meaning of the index as it is; other indices are flattened for them.
        self.stackable = all(basic)

    def push(self, tangent: Array) -> Array:
        lead = tangent.ndim - len(self.in_shape)
        if lead == 0 or self.stackable:
            return tangent[(slice(None),) * lead + self.index]
        flat = self._flat_index()
        rows = np.reshape(tangent, (*tangent.shape[:lead], math.prod(self.in_shape)))
        return np.reshape(rows[..., flat], (*tangent.shape[:lead], *self.out_shape))

    def pull(self, cotangent: Array) -> Array:
        lead = cotangent.ndim - len(self.out_shape)
        shape = cotangent.shape[:lead]
        if lead == 0 or self.stackable:
            return put(cotangent, shape + self.in_shape, (slice(None),) * lead + self.index, self.unique)
        rows = np.reshape(cotangent, (*shape, math.prod(self.out_shape)))
        image = put(rows, (*shape, math.prod(self.in_shape)), (Ellipsis, self._flat_index()), self.unique)
        return np.reshape(image, (*shape, *self.in_shape))

    def _flat_index(self) -> np.ndarray:
        """The index as positions in the flattened operand: stacking then needs no case for each kind of index."""
        return np.arange(math.prod(self.in_shape)).reshape(self.in_shape)[self.index].reshape(-1)

    @property
    def T(self) -> LinearMap:
        return Transpose(self)


def put(values: Array, shape: Shape, index: Any, unique: bool) -> Array:
    """Zeros of `shape` with `values` added at `index`: the adjoint of taking, and itself a primitive (ops.index).

    NumPy has no such function, so this one hands itself over by NumPy's protocol, as NumPy's own functions do.
    """
    for x in (values, *index) if index.__class__ is tuple else (values, index):
        if not isinstance(x, (np.ndarray, np.generic)) and hasattr(x, "__array_function__"):
            return x.__array_function__(put, (type(x),), (values, shape, index, unique), {})
    image = np.zeros(shape, getattr(values, "dtype", float))
    if unique:
        image[index] = values
    else:
        np.add.at(image, index, values)
    return image


def einsum(spec: str, *operands: Array) -> Array:
    """np.einsum, through BLAS where that pays for looking for a way to do so."""
    letters = dict(zip(spec.partition("->")[0].replace(",", ""), (n for x in operands for n in x.shape), strict=True))
    return np.einsum(spec, *operands, optimize=len(operands) > 1 and math.prod(letters.values()) > 50_000)


def strong_einsum(spec: str, *operands: Array) -> Array:
    """np.einsum with true zeros. Forms every product where something is not finite, which is the only time it is asked."""
    plain = einsum(spec, *operands)
    if np.all(np.isfinite(plain)):
        return plain
    inputs, _, output = spec.partition("->")
    letters = sorted(set(inputs) - {","})
    product: Array = np.ones((1,) * len(letters))
    for term, operand in zip(inputs.split(","), operands, strict=True):
        own = [letter for letter in letters if letter in term]
        sizes = dict(zip(term, operand.shape, strict=True))
        diagonal = np.einsum(f"{term}->{''.join(own)}", operand)
        product = strong_multiply(product, np.reshape(diagonal, [sizes.get(letter, 1) for letter in letters]))
    summed = np.sum(product, axis=tuple(i for i, letter in enumerate(letters) if letter not in output))
    return np.transpose(summed, [sorted(output).index(letter) for letter in output])


class Contract(LinearMap):
    """einsum with all operands but one fixed. `spec` is explicit, `position` is the place of the free operand."""

    def __init__(
        self,
        spec: str,
        operands: Sequence[Array],
        position: int,
        in_shape: Shape,
        out_shape: Shape,
        multiply: Callable = einsum,
    ):
        self.spec, self.position, self.multiply = spec, position, multiply
        self.fixed = [operand for i, operand in enumerate(operands) if i != position]
        self.in_shape, self.out_shape = tuple(in_shape), tuple(out_shape)

    @property
    def label(self) -> str:  # type: ignore[override]
        return f"einsum {self.spec}"

    def push(self, tangent: Array) -> Array:
        inputs, output = self.spec.split("->")
        terms = inputs.split(",")
        lead = _fresh_letters(self.spec, tangent.ndim - len(self.in_shape))
        terms[self.position] = lead + terms[self.position]
        operands = list(self.fixed)
        operands.insert(self.position, tangent)
        return self.multiply(",".join(terms) + "->" + lead + output, *operands)

    def pull(self, cotangent: Array) -> Array:
        inputs, output = self.spec.split("->")
        terms = inputs.split(",")
        free = terms.pop(self.position)
        lead = _fresh_letters(self.spec, cotangent.ndim - len(self.out_shape))
        # An index that only the free operand carried was summed: its cotangent is the same along it.
        every = "".join(dict.fromkeys(free))
        known = "".join(letter for letter in every if any(letter in term for term in (output, *terms)))
        spec = ",".join([lead + output, *terms]) + "->" + lead + known
        image = self.multiply(spec, cotangent, *(conj(x) for x in self.fixed))
        stacked, sizes = cotangent.shape[: len(lead)], dict(zip(free, self.in_shape, strict=True))
        if known != every:
            image = np.reshape(image, (*stacked, *(sizes[letter] if letter in known else 1 for letter in every)))
            image = np.broadcast_to(image, (*stacked, *(sizes[letter] for letter in every)))
        return image if every == free else _to_diagonal(image, free, every, len(lead))

    def strong(self) -> LinearMap:
        return Contract(self.spec, self._operands(), self.position, self.in_shape, self.out_shape, strong_einsum)

    def _operands(self) -> list[Array]:
        return [*self.fixed[: self.position], None, *self.fixed[self.position :]]


def _fresh_letters(spec: str, count: int) -> str:
    free = [c for c in reversed(LETTERS) if c not in spec]
    return "".join(free[:count])


def _to_diagonal(image: Array, free: str, every: str, lead: int) -> Array:
    """Undo einsum's diagonal: an operand 'ii' gets its cotangent 'i' on the diagonal and zeros elsewhere."""
    sizes = dict(zip(every, image.shape[lead:], strict=True))
    grids = np.indices([sizes[letter] for letter in every])
    index = tuple(grids[every.index(letter)] for letter in free)
    shape = tuple(sizes[letter] for letter in free)
    flat = np.ravel_multi_index(index, shape).reshape(-1) if math.prod(shape) else np.zeros(0, int)
    rows = np.reshape(image, (*image.shape[:lead], flat.size))
    taken = Take((math.prod(shape),), (flat,), (flat.size,), unique=True)
    return np.reshape(taken.pull(rows), (*image.shape[:lead], *shape))


def _batch(one: Shape, other: Shape) -> Shape:
    """The axes before the last two, broadcast; mostly there are none, and NumPy takes its time to say so."""
    return () if len(one) <= 2 and len(other) <= 2 else np.broadcast_shapes(one[:-2], other[:-2])


class Left(LinearMap):
    """X -> A @ X on the last two axes, broadcast over the others (for vectors see `left`)."""

    label = "A ·"

    def __init__(self, matrix: Array, in_shape: Shape, multiply: Callable = np.matmul):
        self.matrix, self.multiply = matrix, multiply
        self.in_shape = tuple(in_shape)
        self.out_shape = (*_batch(matrix.shape, self.in_shape), matrix.shape[-2], self.in_shape[-1])

    def push(self, tangent: Array) -> Array:
        return self.multiply(self.matrix, align(tangent, len(self.in_shape), len(self.out_shape)))

    def pull(self, cotangent: Array) -> Array:
        lead = cotangent.ndim - len(self.out_shape)
        return unbroadcast(self.multiply(np.swapaxes(conj(self.matrix), -1, -2), cotangent), self.in_shape, lead)

    def strong(self) -> LinearMap:
        return Left(self.matrix, self.in_shape, strong_matmul)


class Right(LinearMap):
    """X -> X @ B on the last two axes, broadcast over the others."""

    label = "· B"

    def __init__(self, matrix: Array, in_shape: Shape, multiply: Callable = np.matmul):
        self.matrix, self.multiply = matrix, multiply
        self.in_shape = tuple(in_shape)
        self.out_shape = (*_batch(matrix.shape, self.in_shape), self.in_shape[-2], matrix.shape[-1])

    def push(self, tangent: Array) -> Array:
        return self.multiply(align(tangent, len(self.in_shape), len(self.out_shape)), self.matrix)

    def pull(self, cotangent: Array) -> Array:
        lead = cotangent.ndim - len(self.out_shape)
        return unbroadcast(self.multiply(cotangent, np.swapaxes(conj(self.matrix), -1, -2)), self.in_shape, lead)

    def strong(self) -> LinearMap:
        return Right(self.matrix, self.in_shape, strong_matmul)


class RowTimes(LinearMap):
    """x -> x @ B for a vector x; a stack of vectors is one product of matrices. With Bᵀ it is A @ x."""

    def __init__(self, matrix: Array, in_shape: Shape, label: str, multiply: Callable = np.matmul):
        self.matrix, self.multiply, self.label = matrix, multiply, label
        self.in_shape, self.out_shape = tuple(in_shape), (*matrix.shape[:-2], matrix.shape[-1])

    def push(self, tangent: Array) -> Array:
        lead = tangent.shape[:-1]
        if self.matrix.ndim == 2:
            rows = np.reshape(tangent, (math.prod(lead), self.in_shape[0]))
        else:  # every stacked vector meets every one of a stack of matrices
            rows = np.reshape(tangent, (*lead, *(1,) * (self.matrix.ndim - 1), self.in_shape[0]))
        return np.reshape(self.multiply(rows, self.matrix), (*lead, *self.out_shape))

    def pull(self, cotangent: Array) -> Array:
        adjoint = np.swapaxes(conj(self.matrix), -1, -2)
        lead = cotangent.shape[: cotangent.ndim - len(self.out_shape)]
        if self.matrix.ndim == 2:
            rows = np.reshape(cotangent, (math.prod(lead), self.out_shape[0]))
            return np.reshape(self.multiply(rows, adjoint), (*lead, *self.in_shape))
        rows = np.reshape(cotangent, (*lead, *self.out_shape[:-1], 1, self.out_shape[-1]))
        image = self.multiply(rows, adjoint)
        return unbroadcast(np.reshape(image, (*image.shape[:-2], image.shape[-1])), self.in_shape, len(lead))

    def strong(self) -> LinearMap:
        return RowTimes(self.matrix, self.in_shape, self.label, strong_matmul)


def strong_matmul(x: Array, y: Array) -> Array:
    """x @ y with true zeros. Slow where something is not finite, which is the only time that it is asked."""
    plain = np.matmul(x, y)
    if np.all(np.isfinite(plain)):
        return plain
    return np.sum(strong_multiply(x[..., :, :, None], y[..., None, :, :]), axis=-2)


def left(matrix: Array, in_shape: Shape | None = None) -> LinearMap:
    """X -> matrix @ X; without `in_shape` for square operands of the matrix's own shape, with one axis for vectors."""
    if in_shape is not None and len(in_shape) == 1:
        return RowTimes(np.swapaxes(matrix, -1, -2), in_shape, Left.label)
    return Left(matrix, matrix.shape if in_shape is None else in_shape)


def right(matrix: Array, in_shape: Shape | None = None) -> LinearMap:
    """X -> X @ matrix; without `in_shape` for square operands of the matrix's own shape, with one axis for vectors."""
    if in_shape is not None and len(in_shape) == 1:
        return RowTimes(matrix, in_shape, Right.label)
    return Right(matrix, matrix.shape if in_shape is None else in_shape)


class Cumulative(LinearMap):
    """The running sum along an axis; its adjoint is the running sum from the other end."""

    label = "running Σ"

    def __init__(self, shape: Shape, axis: int, backward: bool = False):
        self.in_shape = self.out_shape = tuple(shape)
        self.axis = axis % len(shape) - len(shape)  # counted from the end: stacked axes do not move it
        self.backward = backward

    def _run(self, value: Array, backward: bool) -> Array:
        if not backward:
            return np.cumsum(value, axis=self.axis)
        return np.flip(np.cumsum(np.flip(value, self.axis), axis=self.axis), self.axis)

    def push(self, tangent: Array) -> Array:
        return self._run(tangent, self.backward)

    def pull(self, cotangent: Array) -> Array:
        return self._run(cotangent, not self.backward)

    @property
    def T(self) -> LinearMap:
        return Cumulative(self.in_shape, self.axis, not self.backward)


class Solve(LinearMap):
    """B -> A⁻¹ B on the last two axes (`vector`: on the last one)."""

    label = "A⁻¹ ·"

    def __init__(self, matrix: Array, in_shape: Shape, vector: bool = False):
        self.matrix, self.vector = matrix, vector
        self.in_shape = tuple(in_shape)
        core = self.in_shape[-1:] if vector else self.in_shape[-2:]
        batch = np.broadcast_shapes(matrix.shape[:-2], self.in_shape[: len(self.in_shape) - len(core)])
        self.out_shape = (*batch, *core)

    def _solve(self, matrix: Array, value: Array) -> Array:
        if self.vector:
            image = np.linalg.solve(matrix, np.reshape(value, (*value.shape, 1)))
            return np.reshape(image, image.shape[:-1])
        return np.linalg.solve(matrix, value)

    def push(self, tangent: Array) -> Array:
        return self._solve(self.matrix, align(tangent, len(self.in_shape), len(self.out_shape)))

    def pull(self, cotangent: Array) -> Array:
        image = self._solve(np.swapaxes(conj(self.matrix), -1, -2), cotangent)
        return unbroadcast(image, self.in_shape, cotangent.ndim - len(self.out_shape))


class Real(LinearMap):
    """z -> Re z; its adjoint reads a real cotangent as a complex one, and of a complex one only the real part."""

    label = "Re"

    def __init__(self, shape: Shape):
        self.in_shape = self.out_shape = tuple(shape)

    def push(self, tangent: Array) -> Array:
        return np.real(tangent)

    def pull(self, cotangent: Array) -> Array:
        return np.real(cotangent)


class Imag(LinearMap):
    """z -> Im z; its adjoint is g -> i g."""

    label = "Im"

    def __init__(self, shape: Shape):
        self.in_shape = self.out_shape = tuple(shape)

    def push(self, tangent: Array) -> Array:
        return np.imag(tangent)

    def pull(self, cotangent: Array) -> Array:
        return np.real(cotangent) * 1j

    def pattern(self) -> np.ndarray:  # a real basis would not show it
        return np.eye(math.prod(self.in_shape), dtype=bool)


class Conjugate(LinearMap):
    """z -> conj z, its own adjoint over the reals."""

    label = "conj"

    def __init__(self, shape: Shape):
        self.in_shape = self.out_shape = tuple(shape)

    def push(self, tangent: Array) -> Array:
        return np.conjugate(tangent)

    def pull(self, cotangent: Array) -> Array:
        return np.conjugate(cotangent)

    @property
    def T(self) -> LinearMap:
        return self


class Cast(LinearMap):
    """A change of dtype; the way back is made by the sweep, which gives every cotangent its variable's dtype."""

    label = "cast"

    def __init__(self, shape: Shape, dtype: Any):
        self.in_shape = self.out_shape = tuple(shape)
        self.dtype = np.dtype(dtype)

    def push(self, tangent: Array) -> Array:
        return tangent.astype(self.dtype)

    def pull(self, cotangent: Array) -> Array:
        return cotangent


class Opaque(LinearMap):
    """The escape hatch: any pair of functions that accept leading axes and pass the dot test."""

    def __init__(
        self,
        push: Callable[[Array], Array],
        pull: Callable[[Array], Array],
        in_shape: Shape,
        out_shape: Shape,
        label: str = "opaque",
    ):
        self._push, self._pull, self.label = push, pull, label
        self.in_shape, self.out_shape = tuple(in_shape), tuple(out_shape)

    def push(self, tangent: Array) -> Array:
        return self._push(tangent)

    def pull(self, cotangent: Array) -> Array:
        return self._pull(cotangent)


class Parts:
    """A tangent or cotangent of a primitive with several outputs; an output nobody used is None."""

    __slots__ = ("values",)

    def __init__(self, values: Sequence[Array | None]):
        self.values = tuple(values)

    def __add__(self, other: Parts) -> Parts:
        pairs = zip(self.values, other.values, strict=True)
        return Parts([y if x is None else x if y is None else x + y for x, y in pairs])


class Block(LinearMap):
    """The edge of a primitive with several outputs: one map for each output, None where it does not depend."""

    label = "block"

    def __init__(self, *maps: LinearMap | None):
        self.maps = maps
        first = next(m for m in maps if m is not None)
        self.in_shape, self.out_shape = first.in_shape, ()

    def push(self, tangent: Array) -> Any:
        return Parts([None if m is None else m.push(tangent) for m in self.maps])

    def pull(self, cotangent: Any) -> Array:
        images = [
            m.pull(g) for m, g in zip(self.maps, cotangent.values, strict=True) if m is not None and g is not None
        ]
        return sum(images[1:], images[0]) if images else None

    def strong(self) -> LinearMap:
        return Block(*(None if m is None else m.strong() for m in self.maps))


class Entry(LinearMap):
    """The i-th of several outputs."""

    label = "output"

    def __init__(self, i: int, count: int, shape: Shape):
        self.i, self.count = i, count
        self.in_shape, self.out_shape = (), tuple(shape)

    def push(self, tangent: Any) -> Any:
        return tangent.values[self.i]

    def pull(self, cotangent: Array) -> Any:
        return Parts([cotangent if j == self.i else None for j in range(self.count)])
