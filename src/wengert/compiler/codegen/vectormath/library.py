"""The vector functions by NumPy's names, and `declare`, which gives the text of one for a dtype, a width and a machine."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from functools import cache
from typing import NamedTuple

import numpy as np

from . import error_functions, exponentials, inverse_trigonometric, logarithms, powers, trigonometric
from .formats import FORMATS
from .writer import FLOAT, Code

FUNCTIONS: dict[str, Callable] = {
    "exp": exponentials.exp,
    "exp2": exponentials.exp2,
    "expm1": exponentials.expm1,
    "sinh": exponentials.sinh,
    "cosh": exponentials.cosh,
    "tanh": exponentials.tanh,
    "expit": exponentials.expit,
    "log": logarithms.log,
    "log1p": logarithms.log1p,
    "log2": logarithms.log2,
    "log10": logarithms.log10,
    "logaddexp": logarithms.logaddexp,
    "pow": powers.pow,
    "sqrt": powers.sqrt,
    "cbrt": powers.cbrt,
    "hypot": powers.hypot,
    "sin": trigonometric.sin,
    "cos": trigonometric.cos,
    "tan": trigonometric.tan,
    "arctan": inverse_trigonometric.arctan,
    "arctan2": inverse_trigonometric.arctan2,
    "arcsin": inverse_trigonometric.arcsin,
    "arccos": inverse_trigonometric.arccos,
    "erf": error_functions.erf,
    "erfc": error_functions.erfc,
}
# What those call, and LLVM does not inline, where an argument is unusual.
UNUSUAL: dict[str, Callable] = {
    "large sin": trigonometric.large_sin,
    "large cos": trigonometric.large_cos,
    "large tan": trigonometric.large_tan,
    "unusual pow": powers.unusual_pow,
}


class Declaration(NamedTuple):
    """What a module needs to call one vector function.

    `definitions` has the text of the function and of everything that it calls, by symbol, so that a module which unites the
    definitions of several functions defines nothing twice: `"".join(definitions.values())`.
    """

    symbol: str
    definitions: dict[str, str]


def declare(name: str, dtype, width: int, fma: bool) -> Declaration:
    """The function `name` on vectors of `width` elements of `dtype`, as LLVM IR text.

    Parameters
    ----------
    name : one of `FUNCTIONS`
    dtype : float64 or float32
    width : elements in a vector; 1 means a plain `double` or `float`
    fma : whether the machine multiplies and adds in one rounding; the results of the two variants may differ in the last place

    Examples
    --------
    >>> symbol, definitions = declare("exp", "float64", 8, fma=True)
    >>> symbol
    '@wg.exp.f64x8'
    >>> definitions[symbol].splitlines()[0]
    'define private <8 x double> @wg.exp.f64x8(<8 x double> %x) alwaysinline nounwind willreturn memory(none) {'
    """
    return _declare(name, np.dtype(dtype), width, fma)


@cache
def _declare(name: str, dtype: np.dtype, width: int, fma: bool) -> Declaration:
    formula, format = FUNCTIONS.get(name) or UNUSUAL[name], FORMATS[dtype]
    inlined = "noinline cold" if name in UNUSUAL else "alwaysinline"
    symbol = f"@wg.{name.replace(' ', '.')}.{format.name}x{width}{'' if fma else '.nofma'}"
    code = Code(format, width, fma, declare)
    names = [parameter for parameter in inspect.signature(formula).parameters if parameter != "code"]
    result = formula(code, *(code.argument(parameter) for parameter in names))
    type = code.types[FLOAT]
    parameters = ", ".join(f"{type} %{parameter}" for parameter in names)
    text = (
        f"define private {type} {symbol}({parameters}) {inlined} nounwind willreturn memory(none) {{\nentry:\n"
        + "\n".join(code.lines)
        + f"\n  ret {type} {result.name}\n}}\n"
    )
    return Declaration(symbol, {**code.definitions, symbol: text})
