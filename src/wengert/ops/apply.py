"""A user's function applied along the axes of an array."""

from __future__ import annotations

import numpy as np

from wengert.core.registry import implements


@implements(np.apply_along_axis)
def apply_along_axis(func1d, axis, arr, *args, **kwargs):
    axis = np.lib.array_utils.normalize_axis_index(axis, np.ndim(arr))
    rows = np.moveaxis(arr, axis, -1)
    outer = rows.shape[:-1]
    if 0 in outer:
        raise ValueError("Cannot apply_along_axis when any iteration dimensions are 0")
    images = [func1d(rows[i], *args, **kwargs) for i in np.ndindex(outer)]
    inner = np.shape(images[0])
    stacked = np.reshape(np.stack(images), (*outer, *inner))
    return np.moveaxis(stacked, range(len(outer), stacked.ndim), range(axis, axis + len(inner)))


@implements(np.apply_over_axes)
def apply_over_axes(func, a, axes):
    for axis in np.atleast_1d(axes):
        axis = int(axis) + (np.ndim(a) if axis < 0 else 0)
        image = func(a, axis)
        if np.ndim(image) != np.ndim(a):
            image = np.expand_dims(image, axis)
            if np.ndim(image) != np.ndim(a):
                raise ValueError("function is not returning an array of the correct shape")
        a = image
    return a
