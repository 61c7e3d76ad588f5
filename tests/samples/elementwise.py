"""Samples of the ufuncs: for each its domain; operands are drawn with broadcasting, real and where it makes sense complex."""

from __future__ import annotations

import numpy as np
from drawing import array, shape

ANY = (-2.0, 2.0)
# name -> domain of each operand, away from kinks; complex arguments are drawn too where the last entry says so
DOMAINS = {
    "add": (ANY, ANY, True), "subtract": (ANY, ANY, True), "multiply": (ANY, ANY, True),
    "divide": (ANY, (0.5, 2.0), True), "negative": (ANY, True), "positive": (ANY, True),
    "reciprocal": ((0.5, 2.0), True), "square": (ANY, True), "power": ((0.5, 2.0), ANY, True),
    "float_power": ((0.5, 2.0), ANY, False), "remainder": ((4.1, 4.9), (1.5, 1.9), False),
    "fmod": ((4.1, 4.9), (1.5, 1.9), False), "floor_divide": ((4.1, 4.9), (1.5, 1.9), False),
    "divmod": ((4.1, 4.9), (1.5, 1.9), False), "sqrt": ((0.5, 2.0), True), "cbrt": ((0.5, 2.0), False),
    "exp": (ANY, True), "exp2": (ANY, True), "expm1": (ANY, True), "log": ((0.5, 2.0), True),
    "log2": ((0.5, 2.0), True), "log10": ((0.5, 2.0), True), "log1p": ((-0.5, 2.0), True),
    "logaddexp": (ANY, ANY, False), "logaddexp2": (ANY, ANY, False), "sin": (ANY, True), "cos": (ANY, True),
    "tan": ((-1.0, 1.0), True), "arcsin": ((-0.8, 0.8), True), "arccos": ((-0.8, 0.8), True),
    "arctan": ((-0.8, 0.8), True), "sinh": (ANY, True), "cosh": (ANY, True), "tanh": ((-1.0, 1.0), True),
    "arcsinh": ((-0.8, 0.8), True), "arccosh": ((1.3, 3.0), True), "arctanh": ((-0.8, 0.8), True),
    "degrees": (ANY, False), "rad2deg": (ANY, False), "radians": (ANY, False), "deg2rad": (ANY, False),
    "arctan2": ((0.5, 2.0), ANY, False), "hypot": ((0.5, 2.0), ANY, False), "absolute": ((0.5, 2.0), True),
    "fabs": ((0.5, 2.0), False), "copysign": ((0.5, 2.0), (0.5, 2.0), False), "sign": ((0.5, 2.0), False),
    "maximum": ((0.0, 1.0), (1.5, 2.0), False), "minimum": ((0.0, 1.0), (1.5, 2.0), False),
    "fmax": ((0.0, 1.0), (1.5, 2.0), False), "fmin": ((0.0, 1.0), (1.5, 2.0), False),
    "floor": ((0.2, 0.8), False), "ceil": ((0.2, 0.8), False), "rint": ((0.6, 0.9), False),
    "trunc": ((0.2, 0.8), False), "heaviside": ((0.2, 0.8), ANY, False), "modf": ((1.2, 1.8), False),
    "frexp": ((1.2, 1.8), False),
    "conjugate": (ANY, True),
}  # fmt: skip


def case_for(name):
    *domains, complex_too = DOMAINS[name]
    ufunc = getattr(np, name)

    def case(draw):
        base = shape(draw, max_dims=2)
        shapes = [base] + [base[1:] if draw_bool(draw) and base else base for _ in domains[1:]]
        dtype = "complex128" if complex_too and draw_bool(draw) else "float64"
        operands = [array(draw, s, dtype, *domain) for s, domain in zip(shapes, domains, strict=True)]
        if dtype == "float64" and len(operands) == 2 and draw_bool(draw):
            fixed = operands[1]
            return lambda x: ufunc(x, fixed), operands[:1]
        return ufunc, operands

    return case


def draw_bool(draw):
    from hypothesis import strategies as st

    return draw(st.booleans())


def _ldexp(draw):
    x = array(draw, shape(draw))
    return lambda v: np.ldexp(v, 3), [x]


SAMPLES = {name: [case_for(name)] for name in DOMAINS}
SAMPLES["ldexp"] = [_ldexp]
# Their steps are the spacing of floats, so a difference quotient says nothing; test_core.py checks them by hand.
SAMPLES["nextafter"] = []
SAMPLES["spacing"] = []
