"""A formula typed as text becomes a function, without ever running it as Python.

The text is parsed with `ast` and walked: numbers, given names, arithmetic, comparisons, indexing, and calls of the
NumPy functions in the table below. Anything else is refused by name, so that no text can do more than arithmetic.
"""

from __future__ import annotations

import ast
import operator
import warnings
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

MAX_LENGTH = 10_000

OPERATORS: dict[type, Callable[..., Any]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
    ast.FloorDiv: operator.floordiv,
    ast.Mod: operator.mod,
    ast.Pow: operator.pow,
    ast.MatMult: operator.matmul,
    ast.UAdd: operator.pos,
    ast.USub: operator.neg,
    ast.Lt: operator.lt,
    ast.LtE: operator.le,
    ast.Gt: operator.gt,
    ast.GtE: operator.ge,
    ast.Eq: operator.eq,
    ast.NotEq: operator.ne,
}

FUNCTIONS: dict[str, Callable[..., Any]] = {
    name: getattr(np, name)
    for name in (
        "abs absolute exp exp2 expm1 log log2 log10 log1p sqrt cbrt square reciprocal power float_power "
        "sin cos tan arcsin arccos arctan arctan2 sinh cosh tanh arcsinh arccosh arctanh sinc hypot "
        "asin acos atan atan2 asinh acosh atanh pow deg2rad rad2deg degrees radians "
        "sign floor ceil trunc rint round mod remainder fmod heaviside copysign i0 nan_to_num "
        "add subtract multiply divide true_divide negative positive logaddexp logaddexp2 "
        "maximum minimum fmax fmin clip where real imag conj conjugate angle "
        "sum prod mean var std median max min amax amin ptp average cumsum cumprod diff gradient trapezoid "
        "dot vdot inner outer matmul cross kron trace diag diagonal tril triu transpose ravel reshape "
        "sort concatenate stack interp polyval"
    ).split()
} | {name: getattr(np.linalg, name) for name in ("norm", "det", "inv", "solve", "slogdet", "eigvalsh", "svdvals")}

CONSTANTS: dict[str, float] = {"pi": np.pi, "e": np.e, "inf": np.inf, "nan": np.nan}


def parse(text: str) -> ast.expr:
    """The expression's syntax tree.

    Raises
    ------
    ValueError
        With one line that says what is wrong, if the text is no expression.
    """
    if len(text) > MAX_LENGTH:
        raise ValueError(f"the expression has {len(text)} characters, more than {MAX_LENGTH}")
    try:
        with warnings.catch_warnings(action="ignore"):  # Python's advice on code, which this is not
            return ast.parse(text.strip(), mode="eval").body
    except SyntaxError as error:
        place = f" at column {error.offset}" if error.offset else ""
        raise ValueError(f"cannot read {text!r} as an expression: {error.msg}{place}") from None
    except (RecursionError, MemoryError):
        raise ValueError("the expression is nested too deeply") from None
    except ValueError as error:
        raise ValueError(f"cannot read {text!r} as an expression: {error}") from None


def names_in(tree: ast.expr) -> set[str]:
    """The names that stand for values, in contrast to those of functions."""
    functions = {id(node.func) for node in ast.walk(tree) if isinstance(node, ast.Call)}
    names = (node for node in ast.walk(tree) if isinstance(node, ast.Name))
    return {node.id for node in names if id(node) not in functions}


def evaluate(tree: ast.expr, values: Mapping[str, Any]) -> Any:
    """The expression's value where its names have these values, which may be variables.

    Raises
    ------
    ValueError
        Naming the first thing that is not allowed, or a name without a value.

    Examples
    --------
    >>> evaluate(parse("2 * x + 1"), {"x": 3.0})
    np.float64(7.0)
    """
    try:
        return _evaluate(tree, values)
    except RecursionError:
        raise ValueError("the expression is nested too deeply") from None


def _evaluate(node: ast.expr | None, values: Mapping[str, Any]) -> Any:
    def inner(child: ast.expr | None) -> Any:
        return _evaluate(child, values)

    match node:
        case ast.Constant(value=bool() | int() | float() | complex() | None as value):
            return value
        case ast.Name(id=name):
            if name in values:
                return values[name]
            if name in CONSTANTS:
                return CONSTANTS[name]
            raise ValueError(f"{name} has no value; give one as {name}=1.5")
        case ast.Attribute(value=ast.Name(id="np" | "numpy"), attr=name) if name in CONSTANTS:
            return CONSTANTS[name]
        case ast.BinOp(left=left, op=op, right=right) if type(op) in OPERATORS:
            # Whole numbers become floats, as they do everywhere in the library: 9**9**9 must not build a huge integer.
            return OPERATORS[type(op)](_as_float(inner(left)), _as_float(inner(right)))
        case ast.UnaryOp(op=op, operand=operand) if type(op) in OPERATORS:
            return OPERATORS[type(op)](inner(operand))
        case ast.Compare(left=left, ops=[op], comparators=[right]) if type(op) in OPERATORS:
            return OPERATORS[type(op)](inner(left), inner(right))
        case ast.IfExp(test=test, body=body, orelse=orelse):
            return inner(body) if inner(test) else inner(orelse)
        case ast.Tuple(elts=items):
            return tuple(map(inner, items))
        case ast.List(elts=items):
            return [inner(item) for item in items]
        case ast.Subscript(value=value, slice=index):
            return inner(value)[inner(index)]
        case ast.Slice(lower=lower, upper=upper, step=step):
            return slice(inner(lower), inner(upper), inner(step))
        case ast.Call(func=func, args=arguments, keywords=keywords):
            function = _function(func)
            named = {keyword.arg: inner(keyword.value) for keyword in keywords if keyword.arg}
            if len(named) == len(keywords):
                return function(*map(inner, arguments), **named)
        case None:
            return None
    raise ValueError(f"{ast.unparse(node)!r} is not allowed in an expression")


def _function(node: ast.expr) -> Callable[..., Any]:
    name = ast.unparse(node)
    plain = name.removeprefix("np.").removeprefix("numpy.").removeprefix("linalg.")
    if plain not in FUNCTIONS:
        raise ValueError(f"{name} is not one of the NumPy functions that an expression may use")
    return FUNCTIONS[plain]


def _as_float(value: Any) -> Any:
    return np.float64(value) if isinstance(value, int) else value
