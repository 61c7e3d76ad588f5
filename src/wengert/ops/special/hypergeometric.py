"""Hypergeometric functions in the variable: each derivative shifts the parameters by one (DLMF 13.3, 15.5, 16.3)."""

from __future__ import annotations

import numpy as np

from wengert.core.primitive import unsupported
from wengert.ops.special.declare import sc, special

_a, _b, _c = (unsupported(name, "a parameter") for name in "abc")

special("hyp0f1", unsupported("v", "a parameter"), lambda out, v, z: sc.hyp0f1(v + 1, z) / v)
special("hyp1f1", _a, _b, lambda out, a, b, z: a / b * sc.hyp1f1(a + 1, b + 1, z))  # 13.3.15
special("hyp2f1", _a, _b, _c, lambda out, a, b, c, z: a * b / c * sc.hyp2f1(a + 1, b + 1, c + 1, z))
special("hyperu", _a, _b, lambda out, a, b, x: -a * sc.hyperu(a + 1, b + 1, x))  # 13.3.22
special("wright_bessel", _a, _b, lambda out, a, b, x: sc.wright_bessel(a, a + b, x))  # 10.46.1
special("log_wright_bessel", _a, _b, lambda out, a, b, x: np.exp(sc.log_wright_bessel(a, a + b, x) - out))
