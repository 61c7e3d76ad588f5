"""One call of each function that arranges, joins, chooses or makes arrays: composites, sampled by their public names."""

from __future__ import annotations

import numpy as np
from drawing import array

import wengert.numpy as wnp


def one(function, *shapes, low=-2.0, high=2.0, dtype="float64"):
    """The case of a function of arrays of these shapes, with distinct entries: no ties, no kinks nearby."""

    def case(draw):
        return function, [array(draw, shape, dtype, low, high, distinct=dtype == "float64") for shape in shapes]

    return [case]


MASK = np.array([[True, False, True], [False, True, True]])

SAMPLES = {
    "np.angle": one(np.angle, (3,), dtype="complex128", low=0.5) + one(lambda z: np.angle(z, deg=True), (), dtype="complex128", low=0.5),
    "np.append": one(np.append, (2,), (3,)) + one(lambda x, y: np.append(x, y, axis=1), (2, 1), (2, 3)),
    "np.apply_along_axis": one(lambda x: np.apply_along_axis(lambda v: v * v[0], 0, x), (3, 2)),
    "np.apply_over_axes": one(lambda x: np.apply_over_axes(np.sum, x, [0, 2]), (2, 3, 2)),
    "np.array": one(lambda x: np.array(x, like=x), (3,)) + one(lambda x: wnp.array([x[0], 2 * x[1], 3.0]), (3,)),
    "np.array_split": one(lambda x: np.array_split(x, 3)[1] ** 2, (5,)),
    "np.asanyarray": one(lambda x: np.asanyarray(x, like=x), (3,)) + one(lambda x: wnp.asanyarray([x[0], x[1] * x[0]]), (3,)),
    "np.asarray": one(lambda x: np.asarray(x, like=x), (3,)) + one(wnp.asarray, (2, 2)),
    "np.asarray_chkfinite": one(wnp.asarray_chkfinite, (2, 2)),
    "np.ascontiguousarray": one(lambda x: np.ascontiguousarray(x, like=x), (2, 3)),
    "np.asfortranarray": one(lambda x: np.asfortranarray(x, like=x), (2, 3)),
    "np.require": one(lambda x: np.require(x, like=x), (2, 3)),
    "np.astype": one(lambda x: np.astype(x, np.complex128), (3,)) if hasattr(np, "astype") else [],
    "np.atleast_1d": one(np.atleast_1d, ()),
    "np.atleast_2d": one(np.atleast_2d, (3,)),
    "np.atleast_3d": one(np.atleast_3d, (2, 3)) + one(lambda x, y: np.atleast_3d(x, y), (), (2,)),
    "np.bincount": one(lambda w: np.bincount([0, 2, 2, 1], weights=w, minlength=5), (4,)),
    "np.block": one(lambda x, y: np.block([[x, y], [y, 2 * x]]), (2, 2), (2, 2)),
    "np.broadcast_arrays": one(lambda x, y: np.broadcast_arrays(x, y), (2, 1), (3,)),
    "np.broadcast_to": one(lambda x: np.broadcast_to(x, (4, 2, 3)), (2, 1)),
    "np.choose": one(lambda x, y: np.choose([0, 1, 1], [x, y]), (3,), (3,)),
    "np.clip": one(lambda x: np.clip(x, -0.9, 1.1), (5,)) + one(lambda x, lo, hi: np.clip(x, -1 + lo / 100, 1 + hi / 100), (3,), (), ()),
    "np.column_stack": one(lambda x, y: np.column_stack([x, y]), (3,), (3, 2)),
    "np.compress": one(lambda x: np.compress([True, False, True], x, axis=1), (2, 3)),
    "np.concat": one(lambda x, y: np.concat([x, y], axis=1), (2, 1), (2, 2)) if hasattr(np, "concat") else [],
    "np.dsplit": one(lambda x: np.dsplit(x, 2), (2, 1, 4)),
    "np.dstack": one(lambda x, y: np.dstack([x, y]), (2,), (2,)),
    "np.expand_dims": one(lambda x: np.expand_dims(x, (0, -1)), (2, 3)),
    "np.extract": one(lambda x: np.extract(MASK, x), (2, 3)),
    "np.flip": one(np.flip, (2, 3)) + one(lambda x: np.flip(x, 1), (2, 3)),
    "np.fliplr": one(np.fliplr, (2, 3)),
    "np.flipud": one(np.flipud, (2, 3)),
    "np.full": one(lambda x: np.full((2, 3), x, like=x), (3,)) + one(lambda x: wnp.full((2, 3), x), ()),
    "np.full_like": one(lambda x: np.full_like(x, x[0] * x[1]), (3,)) + one(lambda x: wnp.full_like(np.ones(2), x), ()),
    "np.geomspace": one(lambda x, y: np.geomspace(x, y, 5), (), (), low=0.5),
    "np.linspace": one(lambda x, y: np.linspace(x, y, 5), (2,), ()) + one(lambda x: np.linspace(x, 3.0, 4, endpoint=False), ()),
    "np.logspace": one(lambda x, y: np.logspace(x, y, 5), (), ()),
    "np.hsplit": one(lambda x: np.hsplit(x, [1, 3]), (2, 4)),
    "np.hstack": one(lambda x, y: np.hstack([x, y]), (2, 1), (2, 2)),
    "np.insert": one(lambda x, v: np.insert(x, 1, v, axis=1), (2, 3), (2,)) + one(lambda x, v: np.insert(x, [0, 2], v), (3,), (2,)),
    "np.matrix_transpose": one(np.matrix_transpose, (2, 3, 2)) if hasattr(np, "matrix_transpose") else [],
    "np.meshgrid": one(lambda x, y: np.meshgrid(x, y), (2,), (3,)) + one(lambda x, y: np.meshgrid(x, y, indexing="ij"), (2,), (3,)),
    "np.moveaxis": one(lambda x: np.moveaxis(x, 0, -1), (2, 3, 2)),
    "np.nan_to_num": one(np.nan_to_num, (3,)),
    "np.partition": one(lambda x: np.partition(x, 2, axis=0), (4, 2)),
    "np.permute_dims": one(lambda x: np.permute_dims(x, (2, 0, 1)), (2, 3, 2)) if hasattr(np, "permute_dims") else [],
    "np.piecewise": one(lambda x: np.piecewise(x, [np.asarray(x > 0)], [np.sin, lambda v: v**2]), (4,)),
    "np.ravel": one(lambda x: np.ravel(x, order="F"), (2, 3)),
    "np.real_if_close": one(np.real_if_close, (3,)),
    "np.repeat": one(lambda x: np.repeat(x, [0, 2, 1], axis=1), (2, 3)) + one(lambda x: np.repeat(x, 2), (3,)),
    "np.rollaxis": one(lambda x: np.rollaxis(x, 2), (2, 3, 2)),
    "np.select": one(lambda x, y: np.select([MASK, ~MASK], [x, y**2], default=0), (2, 3), (2, 3)),
    "np.setdiff1d": one(lambda x: np.setdiff1d(x, [10.0]), (4,)),
    "np.sort": one(np.sort, (5,)) + one(lambda x: np.sort(x, axis=0), (3, 2)) + one(lambda x: np.sort(x, axis=None), (3, 2)),
    "np.sort_complex": one(np.sort_complex, (4,), dtype="complex128"),
    "np.split": one(lambda x: np.split(x, 2, axis=1), (2, 4)),
    "np.squeeze": one(np.squeeze, (1, 3, 1)) + one(lambda x: np.squeeze(x, axis=0), (1, 3, 1)),
    "np.swapaxes": one(lambda x: np.swapaxes(x, 0, -1), (2, 3, 2)),
    "np.take": one(lambda x: np.take(x, [[0, 2], [2, 5]], mode="wrap"), (4,)) + one(lambda x: np.take(x, [1, 1], axis=1), (2, 3)),
    "np.take_along_axis": one(lambda x: np.take_along_axis(x, np.array([[2], [0]]), axis=1), (2, 3)),
    "np.tile": one(lambda x: np.tile(x, (2, 1, 2)), (2, 3)),
    "np.trace": one(lambda x: np.trace(x, offset=1), (3, 3)) + one(lambda x: np.trace(x, axis1=0, axis2=2), (2, 3, 2)),
    "np.trim_zeros": one(np.trim_zeros, (3,), low=0.5),
    "np.union1d": one(np.union1d, (2,), (3,)),
    "np.unique": one(np.unique, (4,)),
    "np.unique_values": one(np.unique_values, (4,)) if hasattr(np, "unique_values") else [],
    "np.unstack": one(np.unstack, (2, 3)) if hasattr(np, "unstack") else [],
    "np.vsplit": one(lambda x: np.vsplit(x, 2), (4, 2)),
    "np.vstack": one(lambda x, y: np.vstack([x, y]), (3,), (2, 3)),
}  # fmt: skip
