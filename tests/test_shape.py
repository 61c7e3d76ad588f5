"""Layout, joining, creation, choosing, sorting: each call has NumPy's value and exact derivatives, whatever its keywords.

A case is a function of float arrays; `check_laws` holds it to its value on plain arrays, to finite differences in both
modes and orders, to the dot test, and to stacked sweeps.
"""

from __future__ import annotations

import copy
import warnings

import numpy as np
import pytest

import wengert
from wengert import Variable, check_grads, grad, jacobian, jvp
from wengert.core.trees import flatten
from wengert.testing import check_laws

RNG = np.random.default_rng(7)
A = RNG.uniform(-2, 2, (3, 4))
F = np.asfortranarray(RNG.uniform(-2, 2, (3, 4)))
S = RNG.uniform(-2, 2, (6, 8))[::2, ::-2]
C = RNG.uniform(-2, 2, (2, 3, 4))
V = np.array([0.3, -1.2, 2.5, 0.9])
W = np.array([1.7, 0.4, -0.8])
Z = A + 1j * RNG.uniform(-2, 2, (3, 4))

LAYOUT = {
    "reshape -1": (lambda x: np.reshape(x, (2, -1)), A),
    "reshape F": (lambda x: np.reshape(x, (2, 6), order="F"), A),
    "reshape A of C": (lambda x: np.reshape(x, (2, -1), order="A"), A),
    "reshape copy": (lambda x: np.reshape(x, 12, copy=True), A),
    "reshape strided": (lambda x: np.reshape(x, -1), S),
    "reshape 0-d": (lambda x: np.reshape(x, (1, 1)), 2.0),
    "ravel": (lambda x: np.ravel(x), A),
    "ravel F": (lambda x: np.ravel(x, "F"), A),
    "transpose": (lambda x: np.transpose(x), A),
    "transpose axes": (lambda x: np.transpose(x, (2, 0, -2)), C),
    "permute_dims": (lambda x: np.permute_dims(x, (1, 2, 0)), C),
    "matrix_transpose": (lambda x: np.matrix_transpose(x), C),
    "swapaxes": (lambda x: np.swapaxes(x, 0, -1), C),
    "moveaxis": (lambda x: np.moveaxis(x, [0, 1], [-1, 0]), C),
    "rollaxis": (lambda x: np.rollaxis(x, 2, 1), C),
    "squeeze": (lambda x: np.squeeze(x), C[:, :1]),
    "squeeze axis": (lambda x: np.squeeze(x, axis=-2), C[:, :1]),
    "expand_dims": (lambda x: np.expand_dims(x, (0, -1)), A),
    "atleast_1d": (lambda x: np.atleast_1d(x), 2.0),
    "atleast_2d": (lambda x: np.atleast_2d(x), V),
    "atleast_3d": (lambda x: np.atleast_3d(x), A),
    "atleast several": (lambda x, y: np.atleast_2d(x, 3.0, y), V, 1.5),
    "broadcast_to": (lambda x: np.broadcast_to(x, (2, 3, 4)), A),
    "broadcast_arrays": (lambda x, y: np.broadcast_arrays(x, y[:, None], 1.0), V, W),
    "meshgrid": (lambda x, y: np.meshgrid(x, y), V, W),
    "meshgrid ij sparse": (lambda x, y: np.meshgrid(x, y, indexing="ij", sparse=True), V, W),
    "meshgrid one variable": (lambda y: np.meshgrid([1.0, 2.0], y, 3.0, copy=False), W),
    "tile": (lambda x: np.tile(x, 2), A),
    "tile more": (lambda x: np.tile(x, (2, 1, 3)), A),
    "tile zero": (lambda x: np.tile(x, (0, 1)), A),
    "repeat": (lambda x: np.repeat(x, 2), A),
    "repeat axis": (lambda x: np.repeat(x, 3, axis=-1), A),
    "repeat array": (lambda x: np.repeat(x, [2, 0, 3], axis=0), A),
    "repeat one in a list": (lambda x: np.repeat(x, [2], axis=0), A),
    "flip": (lambda x: np.flip(x), A),
    "flip axis": (lambda x: np.flip(x, -1), C),
    "flip axes": (lambda x: np.flip(x, (0, 2)), C),
    "fliplr": (lambda x: np.fliplr(x), A),
    "flipud": (lambda x: np.flipud(x), V),
    "rot90": (lambda x: np.rot90(x), A),
    "rot90 axes": (lambda x: np.rot90(x, 3, (2, 1)), C),
    "roll": (lambda x: np.roll(x, 5), A),
    "roll axes": (lambda x: np.roll(x, (1, -2), axis=(0, 1)), A),
    "resize": (lambda x: np.resize(x, (2, 7)), A),
    "resize smaller": (lambda x: np.resize(x, 3), A),
    "tril": (lambda x: np.tril(x, 1), A),
    "triu": (lambda x: np.triu(x, k=-1), C),
    "diag of a vector": (lambda x: np.diag(x, 1), V),
    "diag of a matrix": (lambda x: np.diag(x, k=-1), A),
    "diagflat": (lambda x: np.diagflat(x, -1), A),
    "diagonal": (lambda x: np.diagonal(x), A),
    "diagonal axes": (lambda x: np.diagonal(x, 1, 2, 0), C),
    "trace": (lambda x: np.trace(x), A),
    "trace keywords": (lambda x: np.trace(x, offset=1, axis1=-1, axis2=0), C),
    "copy": (lambda x: np.copy(x, order="F"), A),
}

# What these do depends on the memory layout of their operand, which a difference quotient does not keep.
IN_MEMORY = {
    "reshape A": (lambda x: np.reshape(x, (2, -1), order="A"), F),
    "ravel A": (lambda x: np.ravel(x, order="A"), F),
    "ravel K": (lambda x: np.ravel(x, order="K"), np.transpose(C, (1, 0, 2))),
    "ravel K reversed": (lambda x: np.ravel(x, order="K"), S),
    "flatten A": (lambda x: x.flatten("A"), F),
}

JOINING = {
    "concatenate": (lambda x, y: np.concatenate([x, y, A[:1]], axis=0), A, F),
    "concatenate None": (lambda x, y: np.concatenate((x, y), axis=None), A, V),
    "concatenate dtype": (lambda x: np.concatenate([x, [1, 2]], dtype=complex), V),
    "concat": (lambda x: np.concat([x, x], axis=-1), A),
    "stack": (lambda x, y: np.stack([x, y, x], axis=-1), V, V[::-1]),
    "stack scalars": (lambda x, y: np.stack([x, y, 1.0]), 0.5, 2.0),
    "unstack": (lambda x: np.unstack(x, axis=1), A),
    "vstack": (lambda x, y: np.vstack([x, y]), V, A),
    "hstack": (lambda x, y: np.hstack([x, y, 2.0]), V, W),
    "hstack 2-d": (lambda x: np.hstack((x, A)), F),
    "dstack": (lambda x, y: np.dstack([x, y]), V, V[::-1]),
    "column_stack": (lambda x, y: np.column_stack([x, y, [1, 2, 3]]), W, A),
    "append": (lambda x, y: np.append(x, y), A, 3.0),
    "append axis": (lambda x: np.append(A, x, axis=1), F),
    "append list": (lambda x: np.append(x, [1, 2]), V),
    "block": (lambda x, y: np.block([[x, np.ones((3, 1))], [y, 5.0]]), A, V),
    "block 0": (lambda x: np.block(x), V),
    "block deep": (lambda x: np.block([[[x, 1.0]], [[2.0, x]]]), 0.7),
    "insert": (lambda x, y: np.insert(x, 1, y), V, 3.0),
    "insert axis": (lambda x, y: np.insert(x, [0, 2], y, axis=1), A, A[:, :2]),
    "insert slice": (lambda y: np.insert(V, slice(0, 2), y), V[:2]),
    "insert repeated": (lambda x, y: np.insert(x, [1, 1, 3], y), V, W),
    "delete": (lambda x: np.delete(x, [0, 2]), A),
    "delete axis": (lambda x: np.delete(x, slice(0, 2), axis=1), A),
    "delete mask": (lambda x: np.delete(x, [True, False, True], axis=0), A),
    "split": (lambda x: np.split(x, 2, axis=1), A),
    "split at": (lambda x: np.split(x, [1, 1, 3]), V),
    "array_split": (lambda x: np.array_split(x, 3, axis=-1), A),
    "array_split more": (lambda x: np.array_split(x, 6), V),
    "vsplit": (lambda x: np.vsplit(x, 3), A),
    "hsplit": (lambda x: np.hsplit(x, 2), V),
    "dsplit": (lambda x: np.dsplit(x, [1]), C),
    "pad": (lambda x: np.pad(x, 1), A),
    "pad constant": (lambda x, c: np.pad(x, ((1, 2), (0, 1)), constant_values=c), A, np.array([[1.0, 2], [3, 4]])),
    "pad edge": (lambda x: np.pad(x, ((1, 2), (3, 0)), mode="edge"), A),
    "pad reflect": (lambda x: np.pad(x, 5, mode="reflect"), A),
    "pad reflect odd": (lambda x: np.pad(x, ((2, 1), (5, 4)), mode="reflect", reflect_type="odd"), A),
    "pad symmetric": (lambda x: np.pad(x, (4, 2), mode="symmetric"), A),
    "pad symmetric odd": (lambda x: np.pad(x, (4, 2), mode="symmetric", reflect_type="odd"), V),
    "pad wrap": (lambda x: np.pad(x, 5, mode="wrap"), A),
    "pad ramp": (lambda x, e: np.pad(x, ((2, 3), (1, 0)), mode="linear_ramp", end_values=e), A, np.array([1.0, 2])),
    "pad maximum": (lambda x: np.pad(x, 2, mode="maximum", stat_length=2), A),
    "pad minimum": (lambda x: np.pad(x, 2, mode="minimum"), A),
    "pad mean": (lambda x: np.pad(x, ((1, 2), (2, 1)), mode="mean", stat_length=((1, 2), (3, 9))), A),
    "pad median": (lambda x: np.pad(x, 1, mode="median"), A),
    "pad dict": (lambda x: np.pad(x, {-1: (1, 2)}), A),
}

CREATION = {
    "array": (lambda x: np.array([[x[0], 2 * x[1]], [1.0, x[0] * x[1]]], like=x), V),
    "asarray": (lambda x: np.asarray(x, like=x), A),
    "asanyarray": (lambda x: np.asanyarray([x, x], like=x), V),
    "asanyarray dtype": (lambda x: np.asanyarray([x, x], dtype=complex, like=x), V),
    "ascontiguousarray": (lambda x: np.ascontiguousarray(x, like=x), F),
    "asfortranarray": (lambda x: np.asfortranarray(x, like=x), A),
    "require": (lambda x: np.require(x, requirements="F", like=x), A),
    "full": (lambda x: np.full((2, 4), x, like=x), V),
    "full_like": (lambda x: np.full_like(x, x[1]), V),
    "full_like shape": (lambda x: np.full_like(x, x[0, 0], shape=(2,)), A),
    "linspace": (lambda x, y: np.linspace(x, y, 5), 0.5, 2.0),
    "linspace keywords": (lambda x, y: np.linspace(x, y, 4, endpoint=False, retstep=True, axis=-1), V, V[::-1]),
    "linspace one end": (lambda y: np.linspace(1, y, num=3, axis=1), A),
    "linspace 1": (lambda x, y: np.linspace(x, y, 1), 0.5, 2.0),
    "linspace 0": (lambda x, y: np.linspace(x, y, 0), 0.5, 2.0),
    "logspace": (lambda x, y: np.logspace(x, y, 4), 0.5, 1.0),
    "logspace base": (lambda x, y, b: np.logspace(x, y, 3, base=b, endpoint=False), 0.5, 1.0, np.array([2.0, 3.0])),
    "geomspace": (lambda x, y: np.geomspace(x, y, 5), 0.5, 2.0),
    "geomspace negative": (lambda x, y: np.geomspace(-x, -y, 4, endpoint=False, axis=-1), W**2, W**2 + 1),
    "astype": (lambda x: np.astype(x, np.complex128), A),
}

CHOOSING = {
    "where": (lambda x, y: np.where(A > 0, x, y), V, W[:, None]),
    "where number": (lambda x: np.where([True, False, True, False], x, 1), V),
    "select": (lambda x, y: np.select([A > 1, A < -1], [x, y * x], 3), A, V),
    "select default": (lambda x: np.select([V > 0], [x], x[0]), V),
    "choose": (lambda x, y: np.choose([0, 1, 1, 0], [x, y]), V, 2.0),
    "choose a number": (lambda x: np.choose([0, 1, 1, 0], [x, 2.0]), V),
    "choose wrap": (lambda x: np.choose([0, 5, -1], x, mode="wrap"), A[:, :3]),
    "choose clip": (lambda x: np.choose([[0, 5, -1]], x, mode="clip"), A[:, :3]),
    "piecewise": (lambda x: np.piecewise(x, [x < 0, x > 1], [lambda t: t**2, np.exp, 3.0]), A),
    "piecewise otherwise": (lambda x: np.piecewise(x, [x < 0], [lambda t, p: t * p, lambda t, p: t**2], 4.0), V),
    "piecewise 0-d": (lambda x: np.piecewise(x, [x < 0, x >= 0], [lambda t: -t, lambda t: t * t]), np.array(1.5)),
    "extract": (lambda x: np.extract(A > 0, x), F),
    "compress": (lambda x: np.compress([False, True, True], x, axis=1), A),
    "compress flat": (lambda x: np.compress([True, False, True], x), A),
    "take": (lambda x: np.take(x, [[0, 3], [3, -1]]), A),
    "take axis": (lambda x: np.take(x, [1, 1, 0], axis=-1), C),
    "take one": (lambda x: np.take(x, 1, axis=0), A),
    "take wrap": (lambda x: np.take(x, [5, -7], axis=1, mode="wrap"), A),
    "take clip": (lambda x: np.take(x, [5, -7], axis=1, mode="clip"), A),
    "take_along_axis": (lambda x: np.take_along_axis(x, np.argsort(A, axis=0), axis=0), A),
    "take_along_axis None": (lambda x: np.take_along_axis(x, np.array([0, 0, 5]), axis=None), A),
    "clip where": (lambda x: np.clip(x, -1.0, 1.0, where=np.eye(3, 4, dtype=bool), out=x * 3), A),
    "clip dtype": (lambda x: np.clip(x, -1.0, None, dtype=np.float32), A.astype(np.float32)),
    "clip": (lambda x: np.clip(x, -1.0, 1.0), A),
    "clip bounds": (lambda x, lo, hi: np.clip(x, lo, hi), A, V * 0 - 0.5, np.array([[0.6], [0.7], [1.1]])),
    "clip min": (lambda x: np.clip(x, min=0.1), A),
    "clip None": (lambda x: np.clip(x, None, 0.1), A),
    "round": (lambda x: np.round(x, 1), A),
    "around": (lambda x: x + np.around(x), A),
    "fix": (lambda x: x * np.fix(x), A),
    "nan_to_num": (lambda x: np.nan_to_num(x), A),
    "nan_to_num complex": (lambda x: np.nan_to_num(x, copy=False), Z),
    "apply_along_axis": (lambda x: np.apply_along_axis(lambda r: np.cumsum(r)[:, None] * r[0], 1, x), C),
    "apply_along_axis scalar": (lambda x: np.apply_along_axis(np.prod, 0, x), A),
    "apply_over_axes": (lambda x: np.apply_over_axes(np.sum, x, [0, -1]), C),
    "bincount": (lambda w: np.bincount([0, 3, 1, 3], w, minlength=6), V),
    "histogram weights": (lambda w: np.histogram([0.1, 0.5, 2.0, 1.0], 3, weights=w)[0], V),
    "histogram density": (lambda w: np.histogram([0.1, 0.5, 2.0, 1.0], 2, density=True, weights=w)[0], V**2),
    "histogram2d weights": (lambda w: np.histogram2d([0.1, 0.5, 2.0, 1.0], [1.0, 2, 3, 4], (3, 2), weights=w)[0], V),
    "histogram2d of the data": (lambda x, y: np.histogram2d(x, y, [[-2.0, 0, 1, 3], 2], density=True), V, V[::-1] ** 2),
    "histogramdd": (lambda x: np.histogramdd(x, 2, density=True), A),
    "histogramdd weights": (lambda w: np.histogramdd(A, (2, 1, 3, 1), weights=w)[0], W),
    "histogram edges": (lambda x: np.histogram(x, bins=4)[1], V),
    "histogram density of the data": (lambda x: np.histogram(x, bins=3, density=True)[0], V),
}

SORTING = {
    "sort": (lambda x: np.sort(x), A),
    "sort axis": (lambda x: np.sort(x, axis=0, kind="mergesort"), A),
    "sort None": (lambda x: np.sort(x, axis=None), A),
    "sort stable": (lambda x: np.sort(x, stable=True), S),
    "sort complex": (lambda x: np.sort(x, axis=0), Z),
    "partition": (lambda x: np.partition(x, 1), A),
    "partition axis": (lambda x: np.partition(x, (0, 2), axis=0), A),
    "partition None": (lambda x: np.partition(x, 4, axis=None), A),
    "sort_complex": (lambda x: np.sort_complex(x), V),
    "unique": (lambda x: np.unique(x), A),
    "unique axis": (lambda x: np.unique(x, axis=1), A),
    "unique_values": (lambda x: np.unique_values(x), A),
    "union1d": (lambda x, y: np.union1d(x, y), A, V),
    "setdiff1d": (lambda x: np.setdiff1d(np.append(x, [7.0, 5.0]), [5.0]), V),
    "setxor1d": (lambda x, y: np.setxor1d(x, y), V, W),
    "trim_zeros": (lambda x: np.trim_zeros(np.concatenate([[0, 0], x, [0]])), V),
    "trim_zeros front": (lambda x: np.trim_zeros(np.concatenate([[0, 0], x, [0]]), "f"), V),
    "trim_zeros back": (lambda x: np.trim_zeros(np.pad(x, 1), trim="b"), A),
}

COMPLEX = {
    "real": (lambda x: np.real(x), Z),
    "real of a real": (lambda x: np.real(x) * 2, A),
    "imag": (lambda x: np.imag(x), Z),
    "conj": (lambda x: np.conj(x), Z),
    "conj of a real": (lambda x: np.conj(x) * x, A),
    "angle": (lambda x: np.angle(x), Z),
    "angle degrees": (lambda x: np.angle(x, deg=True), Z),
    "real_if_close": (lambda x: np.real_if_close(x), Z),
    "real_if_close real": (lambda x: np.real_if_close(x + 0j), A),
    "emath sqrt": (lambda x: np.emath.sqrt(x), A),
    "emath sqrt of positives": (lambda x: np.emath.sqrt(x), W**2),
    "emath log": (lambda x: np.emath.log(x) + np.emath.log10(x) * np.emath.log2(x), A),
    "emath logn": (lambda n, x: np.emath.logn(n, x), 2.5, W),
    "emath power": (lambda x, p: np.emath.power(x, p) + np.emath.power(x, -2), W, 0.5),
    "emath power of negatives": (lambda x: np.emath.power(x, 2), A),
    "emath arcsin": (lambda x: np.emath.arcsin(x), np.array([0.3, -1.4])),
    "emath arccos": (lambda x: np.emath.arccos(x), np.array([0.3, -0.4])),
    "emath arctanh": (lambda x: np.emath.arctanh(x), np.array([0.3, 1.4])),
    "sinc": (lambda x: np.sinc(x), np.array([-3.3, -0.5, 0.0, 0.01, 1.0, 2.2])),
    "sinc complex": (lambda x: np.sinc(x), Z),
    "i0": (lambda x: np.i0(x), np.array([-3.3, 0.0, 0.01, 7.9, 9.0])),
}

ALL = {**LAYOUT, **JOINING, **CREATION, **CHOOSING, **SORTING, **COMPLEX}


@pytest.mark.parametrize("name", ALL)
def test_laws_of(name):
    function, *args = ALL[name]
    with np.errstate(all="ignore"):
        check_laws(function, *(np.asarray(x)[()] for x in args))


@pytest.mark.parametrize("name", IN_MEMORY)
def test_orders_of_memory(name):
    function, x = IN_MEMORY[name]
    assert np.array_equal(function(Variable(x)).val, function(x))
    assert np.array_equal(np.tensordot(jacobian(function)(x), x, x.ndim), function(x))  # it is linear


@pytest.mark.parametrize("x", [A, F, V], ids=["C", "F", "vector"])
def test_memory_is_laid_out_as_asked_for(x):
    calls = [np.ascontiguousarray, np.asfortranarray]
    calls += [lambda a, like, o=o: np.asarray(a, order=o, like=like) for o in "CFAK"]
    calls += [lambda a, like, r=r: np.require(a, requirements=r, like=like) for r in ("C", ["F_CONTIGUOUS"], "O", "W")]
    for call in calls:
        v = Variable(x)
        wanted, found = call(x, like=x), call(v, like=v)
        assert found.val.strides == wanted.strides
        assert np.shares_memory(found.val, x) == np.shares_memory(wanted, x)
    with pytest.raises(ValueError, match="both"):
        np.require(v, requirements="CF", like=v)


SINGLE = {**LAYOUT, **JOINING, **SORTING, **CHOOSING, **CREATION, **COMPLEX}


@pytest.mark.parametrize("name", SINGLE)
@pytest.mark.parametrize("dtype", ["float16", "float32", "complex64"])
@pytest.mark.filterwarnings("ignore:Casting complex")
def test_dtypes_are_kept(name, dtype):
    function, *args = SINGLE[name]
    args = [np.asarray(x if dtype == "complex64" else np.real(x)).astype(dtype)[()] for x in args]
    try:
        wanted = function(*args)
    except TypeError:  # NumPy has no such function of complex numbers
        with pytest.raises(TypeError):
            function(*map(Variable, args))
        return
    got = function(*map(Variable, args))
    for w, g in zip(flatten(wanted)[0], flatten(got)[0], strict=True):
        value = g.val if isinstance(g, Variable) else g
        np.testing.assert_array_equal(np.asarray(value), w)
        assert np.asarray(value).dtype == w.dtype
        assert np.shape(value) == w.shape


EMPTY = {
    "reshape": lambda x: np.reshape(x, (3, 0)),
    "roll": lambda x: np.roll(x, 1),
    "tile": lambda x: np.tile(x, (2, 2)),
    "sort": np.sort,
    "concatenate": lambda x: np.concatenate([x, x], axis=1),
    "pad": lambda x: np.pad(x, 1),
    "repeat": lambda x: np.repeat(x, 2, axis=1),
    "tril": np.tril,
    "take": lambda x: np.take(x, [], axis=0),
    "diagonal": np.diagonal,
    "unique": np.unique,
    "where": lambda x: np.where(x > 0, x, 1.0),
    "getitem": lambda x: x[..., None],
    "insert": lambda x: np.insert(x, 0, 1.0, axis=1),
}


@pytest.mark.parametrize("name", EMPTY)
def test_empty_arrays(name):
    check_laws(EMPTY[name], np.empty((0, 3)))


# -- what the tables cannot say ---------------------------------------------------------------------------------------


def test_clip_shares_at_its_bounds():
    assert np.all(grad(lambda x: np.sum(np.clip(x, 0.0, 1.0)))(np.array([-1.0, 0, 0.5, 1, 2])) == [0, 0.5, 1, 0.5, 0])


def test_repeated_values_of_unique_are_those_that_came_first():
    x = np.array([2.0, 1.0, 2.0, 1.0, 3.0])
    values, index, inverse, counts = np.unique(Variable(x), True, True, True)
    assert np.all(values.val == [1, 2, 3])
    assert type(index) is type(inverse) is type(counts) is np.ndarray
    assert np.all(counts == [2, 2, 1])
    rows = jacobian(lambda x: np.unique(x))(x)
    assert np.all(rows == np.eye(5)[[1, 0, 4]])


def test_named_tuples_of_unique():
    x = Variable(np.array([2.0, 1.0, 2.0]))
    assert np.all(np.unique_all(x).values.val == [1, 2])
    assert np.all(np.unique_counts(x).counts == [1, 2])
    assert np.all(np.unique_inverse(x).inverse_indices == [1, 0, 1])


def test_intersection_shares_between_the_two():
    x, y = np.array([1.0, 2, 3]), np.array([3.0, 4, 1])
    dx, dy = grad(lambda x, y: np.sum(np.intersect1d(x, y) * [1.0, 10.0]), (0, 1))(x, y)
    assert np.all(dx == [0.5, 0, 5]) and np.all(dy == [5, 0, 0.5])
    common, first, second = np.intersect1d(Variable(x), y, return_indices=True)
    assert np.all(common.val == [1, 3]) and np.all(first == [0, 2]) and np.all(second == [2, 0])


def test_nan_to_num_stops_the_derivative_of_what_it_replaces():
    x = np.array([1.0, np.nan, np.inf, -np.inf])
    value, gradient = wengert.value_and_grad(lambda x: np.sum(np.nan_to_num(x, nan=3.0, posinf=4.0, neginf=5.0)))(x)
    assert value == 1 + 3 + 4 + 5
    assert np.all(gradient == [1, 0, 0, 0])


@pytest.mark.parametrize(
    "call",
    [
        lambda x: np.pad(A, 1, constant_values=x),
        lambda x: np.full_like(A, x),
        lambda x: np.select([A > 0], [A], x),
        lambda x: np.full(3, x),
    ],
)
def test_a_variable_where_numpy_does_not_look_for_one_is_never_dropped(call):
    with pytest.raises(TypeError, match="derivative"):
        call(Variable(2.0))


def test_piecewise_evaluates_each_piece_only_where_it_holds():
    gradient = grad(lambda x: np.sum(np.piecewise(x, [x > 0], [np.sqrt, 0.0])))(np.array([-1.0, 0.0, 4.0]))
    assert np.all(gradient == [0, 0, 0.25])


def test_zeros_like_is_a_variable_that_depends_on_nothing():
    def f(x):
        assert isinstance(np.zeros_like(x), Variable)
        assert isinstance(np.ones_like(x, shape=3), Variable)
        assert isinstance(np.empty_like(x, dtype=np.float32), Variable)
        assert isinstance(np.full_like(x, 2.0), Variable)
        assert type(np.zeros_like(x, dtype=int)) is np.ndarray
        return np.sum(x * np.ones_like(x) + np.zeros_like(x))

    assert np.all(grad(f)(V) == 1)
    assert np.all(grad(lambda x: np.sum(np.zeros_like(x)))(V) == 0)


def test_constant_constructors_with_like_make_buffers_that_hold_variables():
    def f(x):
        for made in (np.eye(2, like=x), np.zeros((1, 2), like=x), np.array([[1.0, 2.0]], like=x)):
            assert type(made + 1) is np.ndarray, "what is computed from numbers is plain"
            made[0, 1] = x[0] ** 2
            x = x + np.sum(made)
        return x[0]

    assert type(np.arange(3, like=Variable(V))) is np.ndarray
    assert grad(f)(np.array([0.5, 1.0]))[0] == pytest.approx(derivative_of_thrice(0.5))


def derivative_of_thrice(x):
    slope = 1.0
    for constant in (2.0, 0.0, 1.0):  # x becomes x + x ** 2 + constant
        slope, x = slope * (1 + 2 * x), x + x**2 + constant
    return slope


def test_array_of_ragged_lists_is_refused():
    with pytest.raises(ValueError, match="same shape"):
        np.array([Variable(V), Variable(W)], like=Variable(V))


def test_second_derivatives_of_sinc_and_i0_at_zero():
    assert np.isclose(grad(grad(np.sinc))(0.0), -(np.pi**2) / 3, rtol=1e-14)
    assert np.isclose(grad(grad(lambda x: np.sum(np.i0(x))))(0.0), 0.5, rtol=1e-14)


def test_repeated_row_adds_up():
    assert np.all(grad(lambda x: np.sum(np.tile(x, 3) * np.arange(6.0)))(np.ones(2)) == [6, 9])


@pytest.mark.parametrize(
    ("call", "error"),
    [
        (lambda x: np.reshape(x, (5, -1)), ValueError),
        (lambda x: np.moveaxis(x, 5, 0), np.exceptions.AxisError),
        (lambda x: np.squeeze(x, 0), ValueError),
        (lambda x: np.split(x, 2), ValueError),
        (lambda x: np.vsplit(x[0], 2), ValueError),
        (lambda x: np.take(x, 99), IndexError),
        (lambda x: np.choose([5], [x]), ValueError),
        (lambda x: np.select([], []), ValueError),
        (lambda x: np.stack([x, x[0]]), ValueError),
        (lambda x: np.linspace(x, 1.0, -1), ValueError),
        (lambda x: np.geomspace(0.0, x), ValueError),
        (lambda x: np.block([[x], x]), ValueError),
        (lambda x: np.block([(x,)]), TypeError),
        (lambda x: np.pad(x, -1), ValueError),
        (lambda x: np.pad(x, 1, mode="nonsense"), ValueError),
        (lambda x: np.fliplr(x[0]), ValueError),
        (lambda x: np.clip(x, 0.0, 1.0, min=0.0), ValueError),
        (lambda x: np.compress([[True]], x), ValueError),
    ],
)
def test_misuse_raises_what_numpy_raises(call, error):
    with pytest.raises(error):
        call(A)
    with pytest.raises(error):
        call(Variable(A))


def test_copies_are_new_variables_of_the_same_trace():
    x = Variable(V)
    for other in (copy.copy(x), copy.deepcopy(x), np.copy(x)):
        assert other is not x and np.all(wengert.gradients(np.sum(other * other))[x] == 2 * V)


def test_complex_to_real_warns_as_numpy_does():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        with pytest.raises(np.exceptions.ComplexWarning):
            Variable(Z).astype(float)


def test_casts_down_and_up():
    check_grads(lambda x: np.sum(x.astype(complex) * 1j).imag, (V,))
    assert grad(lambda x: np.sum(x.astype(np.float64) ** 2))(V.astype(np.float32)).dtype == np.float32
    assert type(Variable(V).astype(int)) is np.ndarray


@pytest.mark.parametrize(
    "f", [np.nan_to_num, lambda x: np.interp(x, [0.0, 3.0], [1.0, 2.0])], ids=["nan_to_num", "interp"]
)
def test_of_an_array_without_axes_numpy_gives_a_number(f):
    x = np.array(0.5)
    assert type(jvp(f, (x,), (x,))[0]) is type(f(x)) is np.float64
