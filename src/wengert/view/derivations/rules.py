"""The table of rules that a derivation names: for each primitive the rule's name and its formulas, as a teacher writes them.

A formula is NumPy's own expression of the operands x, y, the result `out`, the cotangent `g` and what `FREE` lists. A
test evaluates every one of them against the primitive's edge, which is declared elsewhere and never read from here.
A primitive without a row is written in a generic form that names its linear map.
"""

from __future__ import annotations

import ast
import functools
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

Shapes = tuple[tuple[int, ...], ...]

# Names in formulas beside the operands x, y, the result `out` (of several: out0, out1, ...) and the cotangent `g`.
FREE = {
    "ones": "the array of ones of the operand's shape",
    "n": "how many entries went into each result, less the degrees of freedom taken",
    "center": "the operand's mean, along the axes that were reduced",
    "ties": "how many entries share an extreme",
    "shape": "the operand's shape",
    "to": "the result's shape",
    "index": "the entries that were taken, or where the operand went",
    "axes": "what undoes the permutation of the axes",
    "subscripts": "those of the einsum",
    "back": "the subscripts with which the cotangent goes back to the operand",
    "lead": "the axes that count the matrices of a stack",
    "pi": "π",
    "i": "the imaginary unit",
}

OPERANDS = "xyzw"


class Rule(NamedTuple):
    """One row: the rule's name, the value's formula, and for each operand what the cotangent g gives to it (None: zero)."""

    name: str
    value: str | None
    pulls: tuple[str | None, ...]
    params: frozenset[str] = frozenset()  # the keywords with which the row still holds
    dims: tuple[int, ...] | None = None  # the operands' numbers of axes for which the row holds; None: any
    when: Callable[[Shapes, Mapping], bool] | None = None  # what else the operands' shapes and the keywords must be


def _rule(
    name: str, value: str | None, *pulls: str | None, params: str = "", dims: tuple | None = None, when: Any = None
) -> Rule:
    return Rule(name, value, pulls, frozenset(params.split()), dims, when)


def _stacks(shapes: Shapes, params: Mapping) -> bool:
    """Are both operands stacks of as many matrices?"""
    x, y = shapes
    return len(x) > 2 and x[:-2] == y[:-2]


def _stack_by_one(shapes: Shapes, params: Mapping) -> bool:
    """Is the first a stack of matrices and the second one matrix?"""
    return len(shapes[0]) > 2 and len(shapes[1]) == 2


def subscripts_of(params: Mapping) -> tuple[list[str], str] | None:
    """The letters of an einsum's operands and of its result; None where they are not written out."""
    subscripts = params["subscripts"]
    if not isinstance(subscripts, str) or "." in subscripts:
        return None
    inputs, arrow, output = subscripts.replace(" ", "").partition("->")
    letters = inputs.replace(",", "")
    return inputs.split(","), output if arrow else "".join(sorted(c for c in set(letters) if letters.count(c) == 1))


def _contraction_of(count: int) -> Callable[[Shapes, Mapping], bool]:
    return lambda shapes, params: len(shapes) == count and _contracts(shapes, params)


def _is_main(shapes: Shapes, params: Mapping) -> bool:
    """Is it the diagonal itself and none beside it?"""
    return params.get("offset", 0) == 0


def _contracts(shapes: Shapes, params: Mapping) -> bool:
    """Is each operand's derivative an einsum of the cotangent and the other operands?"""
    found = subscripts_of(params)
    if found is None:
        return False
    sizes: dict[str, set[int]] = {}
    for term, shape in zip(found[0], shapes, strict=True):
        for letter, n in zip(term, shape, strict=True):
            sizes.setdefault(letter, set()).add(n)
    if any(len(held) > 1 for held in sizes.values()):  # an axis of 1 that is stretched
        return False
    return all(
        len(set(term)) == len(term) and set(term) <= set("".join([*found[0][:i], *found[0][i + 1 :], found[1]]))
        for i, term in enumerate(found[0])
    )


def _derivative_of(name: str, pull: str, value: str = "") -> list[Rule]:
    return [_rule(f"derivative of {name}", value or f"{name}(x)", pull)]


_CONSTANT = [_rule("piecewise constant", None, None, None, params="decimals")]
_SCALED_DEGREES, _SCALED_RADIANS = (
    [_rule("constant factor rule", v, f"g * {v[4:]}")] for v in ("x * 180 / pi", "x * pi / 180")
)
_PRODUCTS = [
    _rule("inner product", "transpose(x) @ y", "g * y", "g * x", dims=(1, 1)),
    _rule("matrix product", "transpose(x) @ y", "y @ g", "outer(x, g)", dims=(1, 2)),
    _rule("matrix product", "x @ y", "outer(g, y)", "transpose(x) @ g", dims=(2, 1)),
    _rule("matrix product", "x @ y", "g @ transpose(y)", "transpose(x) @ g", dims=(2, 2)),
]
_PRODUCTS_OF_STACKS = [
    _rule("matrix products", "x @ y", "g @ mT(y)", "mT(x) @ g", when=_stacks),
    _rule("matrix products", "x @ y", "g @ transpose(y)", "total(mT(x) @ g, lead)", when=_stack_by_one),
]
_SCALAR_PRODUCTS = [
    _rule("product rule", "x * y", "g * y", "g * x", dims=(0, 0)),
    _rule("product rule", "x * y", "total(g * y)", "g * x", dims=(0, 1)),
    _rule("product rule", "x * y", "g * y", "total(g * x)", dims=(1, 0)),
]
_REDUCED = "axis keepdims"
_SPREAD = "axis keepdims ddof correction"
_MOVED = _rule("same entries", "x", "g", params="order dtype casting subok")

RULES: dict[str, list[Rule]] = {
    # -- arithmetic
    "add": [_rule("sum rule", "x + y", "g", "g")],
    "subtract": [_rule("difference rule", "x - y", "g", "-g")],
    "multiply": [_rule("product rule", "x * y", "g * y", "g * x")],
    "divide": [_rule("quotient rule", "x / y", "g / y", "-g * x / y**2")],
    "negative": [_rule("constant factor rule", "-x", "-g")],
    "positive": [_rule("sum rule", "x", "g")],
    "reciprocal": [_rule("power rule", "1 / x", "-g / x**2")],
    "square": [_rule("power rule", "x**2", "2 * g * x")],
    "power": [_rule("power rule|derivative of the exponential", "x**y", "y * g * x**(y - 1)", "g * x**y * log(x)")],
    "float_power": [_rule("power rule|derivative of the exponential", "x**y", "y * g * x**(y - 1)", "g * x**y * log(x)")],
    "remainder": [_rule("difference rule, x mod y = x - y ⌊x/y⌋", "x % y", "g", "-g * floor(x / y)")],
    "fmod": [_rule("difference rule, fmod(x, y) = x - y trunc(x/y)", "fmod(x, y)", "g", "-g * trunc(x / y)")],
    "divmod": [_rule("difference rule, x mod y = x - y ⌊x/y⌋", "divmod(x, y)", "g1", "-g1 * floor(x / y)")],
    # -- powers, exponentials, logarithms
    "sqrt": _derivative_of("sqrt", "g / (2 * sqrt(x))"),
    "cbrt": _derivative_of("cbrt", "g / (3 * cbrt(x)**2)"),
    "exp": _derivative_of("exp", "g * exp(x)"),
    "exp2": _derivative_of("exp2", "g * 2**x * log(2)", "2**x"),
    "expm1": _derivative_of("expm1", "g * exp(x)", "exp(x) - 1"),
    "log": _derivative_of("log", "g / x"),
    "log2": _derivative_of("log2", "g / (x * log(2))"),
    "log10": _derivative_of("log10", "g / (x * log(10))"),
    "log1p": _derivative_of("log1p", "g / (1 + x)", "log(1 + x)"),
    "logaddexp": [_rule("derivative of logaddexp", "log(exp(x) + exp(y))", "g * exp(x - out)", "g * exp(y - out)")],
    "logaddexp2": [_rule("derivative of logaddexp2", "log2(2**x + 2**y)", "g * 2**(x - out)", "g * 2**(y - out)")],
    # -- trigonometric and hyperbolic
    "sin": _derivative_of("sin", "g * cos(x)"),
    "cos": _derivative_of("cos", "-g * sin(x)"),
    "tan": _derivative_of("tan", "g * (1 + out**2)"),
    "arcsin": _derivative_of("arcsin", "g / sqrt(1 - x**2)"),
    "arccos": _derivative_of("arccos", "-g / sqrt(1 - x**2)"),
    "arctan": _derivative_of("arctan", "g / (1 + x**2)"),
    "sinh": _derivative_of("sinh", "g * cosh(x)"),
    "cosh": _derivative_of("cosh", "g * sinh(x)"),
    "tanh": _derivative_of("tanh", "g * (1 - out**2)"),
    "arcsinh": _derivative_of("arcsinh", "g / sqrt(1 + x**2)"),
    "arccosh": _derivative_of("arccosh", "g / (sqrt(x - 1) * sqrt(x + 1))"),
    "arctanh": _derivative_of("arctanh", "g / (1 - x**2)"),
    "degrees": _SCALED_DEGREES,
    "rad2deg": _SCALED_DEGREES,
    "radians": _SCALED_RADIANS,
    "deg2rad": _SCALED_RADIANS,
    "arctan2": [_rule("derivative of arctan2", "arctan2(x, y)", "g * y / (x**2 + y**2)", "-g * x / (x**2 + y**2)")],
    "hypot": [_rule("derivative of hypot", "sqrt(x**2 + y**2)", "g * x / out", "g * y / out")],
    # -- special functions
    "scipy.special.expit": [_rule("derivative of the logistic function", "expit(x)", "g * out * (1 - out)")],
    "scipy.special.erf": [_rule("derivative of erf", "erf(x)", "g * 2 / sqrt(pi) * exp(-x**2)")],
    # -- absolute values, signs, the larger and the smaller of two
    "absolute": _derivative_of("the absolute value", "g * sign(x)", "abs(x)"),
    "fabs": _derivative_of("the absolute value", "g * sign(x)", "abs(x)"),
    "copysign": [_rule("derivative of the absolute value", "copysign(x, y)", "g * sign(x) * sign(y)", None)],
    **{
        name: [
            _rule(
                f"the {which} of two, ties share",
                f"{shown}(x, y)",
                f"g * ((x {sign} y) + (x == y) / 2)",
                f"g * ((y {sign} x) + (x == y) / 2)",
            )
        ]
        for name, which, shown, sign in (
            ("maximum", "larger", "max", ">"),
            ("minimum", "smaller", "min", "<"),
            ("fmax", "larger", "max", ">"),
            ("fmin", "smaller", "min", "<"),
        )
    },
    # -- piecewise constant or linear
    **dict.fromkeys(("floor_divide", "floor", "ceil", "rint", "trunc", "spacing", "sign", "round"), _CONSTANT),
    "heaviside": [_rule("piecewise constant", "heaviside(x, y)", None, "g * (x == 0)")],
    "nextafter": [_rule("sum rule", "nextafter(x, y)", "g", None)],
    "modf": [_rule("difference rule, the whole part is constant", "modf(x)", "g0")],
    "ldexp": [_rule("constant factor rule", "x * 2**y", "g * 2**y", None)],
    "frexp": [_rule("constant factor rule", "frexp(x)", "g0 / 2**out1")],
    "where": [_rule("choice", "where(x, y, z)", None, "x * g", "(1 - x) * g")],
    # -- parts of complex numbers; the adjoint is taken over the reals
    "real": [_rule("real part", "real(x)", "g")],
    "imag": [_rule("imaginary part", "imag(x)", "g * i")],
    "conjugate": [_rule("conjugate", "conj(x)", "conj(g)")],
    # -- products
    "matmul": _PRODUCTS + _PRODUCTS_OF_STACKS,
    "einsum": [
        _rule(
            "derivative of a contraction", f"einsum(subscripts, {', '.join(OPERANDS[:n])})",
            *(f"einsum(back, {', '.join(['g', *(x for x in OPERANDS[:n] if x != one)])})" for one in OPERANDS[:n]),
            params="subscripts", when=_contraction_of(n),
        )
        for n in (1, 2, 3)
    ],
    "dot": _PRODUCTS + _SCALAR_PRODUCTS,
    "vdot": [_rule("inner product", "transpose(x) @ y", "g * y", "g * x", dims=(1, 1))],
    "vecdot": [_rule("inner product", "transpose(x) @ y", "g * y", "g * x", dims=(1, 1))],
    # -- reductions; g is copied along the axes that were reduced
    "sum": [_rule("sum rule", None, "g * ones", params=_REDUCED)],
    "mean": [_rule("sum rule, each entry with its share", None, "g * ones / n", params=_REDUCED)],
    "prod": [_rule("product rule", None, "g * out / x", params=_REDUCED)],
    "max": [
        _rule("the largest, ties share", None, "g * (x == out) / sum(x == out)"),
        _rule("the largest, ties share", None, "g * (x == out) / ties", params=_REDUCED),
    ],
    "min": [
        _rule("the smallest, ties share", None, "g * (x == out) / sum(x == out)"),
        _rule("the smallest, ties share", None, "g * (x == out) / ties", params=_REDUCED),
    ],
    "var": [_rule("derivative of the variance", None, "2 * g * (x - center) / n", params=_SPREAD)],
    "std": [
        _rule("derivative of the standard deviation", None, "g * (x - center) / (n * out)", params=_SPREAD)
    ],
    "linalg.norm": [_rule("derivative of the norm", "norm(x)", "g * x / out", params=_REDUCED)],
    "cumsum": [_rule("sum rule, each entry goes into all later ones", None, "flip(cumsum(flip(g)))", dims=(1,), params="axis")],
    # -- layout
    "reshape": [_rule("same entries, other shape", "reshape(x, to)", "reshape(g, shape)", params="shape")],
    "transpose": [
        _rule("transpose", "transpose(x)", "transpose(g)", dims=(2,), params="axes"),
        _rule("transpose", "transpose(x, axes)", "transpose(g, axes)", params="axes"),
    ],
    "getitem": [_rule("entries taken", "x[index]", "place(g, index, shape)", params="index")],
    "setitem": [_rule("entries written", None, "cleared(g, index)", "g[index]", params="index")],
    "concatenate": [_rule("parts joined", None, "g[index]", params="axis casting dtype")],
    "stack": [_rule("parts joined", None, "g[index]", params="axis casting dtype")],
    "broadcast_to": [_rule("copies add up", "broadcast(x, to)", "g", params="shape subok")],
    "copy": [_MOVED],
    "astype": [_MOVED],
    "pinned": [_MOVED],
    "diagonal": [_rule("entries taken", "diagonal(x)", "diag(g)", dims=(2,), params="offset axis1 axis2", when=_is_main)],
    # -- Fourier
    "fft.fft": [_rule("derivative of the Fourier transform", "fft(x)", "n * ifft(g)", dims=(1,))],
    "fft.ifft": [_rule("derivative of the inverse Fourier transform", "ifft(x)", "fft(g) / n", dims=(1,))],
    # -- linear algebra
    "linalg.cholesky": [
        _rule(
            "derivative of Cholesky's factor (Murray 2016)", "cholesky(x)",
            "sym(inv(transpose(out)) @ Phi(transpose(out) @ g) @ inv(out))", dims=(2,),
        )
    ],
    "linalg.inv": [_rule("derivative of the inverse", "inv(x)", "-transpose(out) @ g @ transpose(out)", dims=(2,))],
    "linalg.solve": [
        _rule("linear system", "inv(x) @ y", "-outer(inv(transpose(x)) @ g, out)", "inv(transpose(x)) @ g", dims=(2, 1)),
        _rule(
            "linear system", "inv(x) @ y", "-inv(transpose(x)) @ g @ transpose(out)", "inv(transpose(x)) @ g", dims=(2, 2)
        ),
    ],
    "linalg.det": [_rule("Jacobi's formula", "det(x)", "g * out * inv(transpose(x))", dims=(2,))],
    "linalg.slogdet": [_rule("Jacobi's formula", "slogdet(x)", "g1 * inv(transpose(x))", dims=(2,))],
    "linalg.eigh": [
        _rule("derivative of eigenvalues", "eigh(x)", "out1 @ diag(g0) @ transpose(out1)", dims=(2,), params="UPLO")
    ],
}  # fmt: skip

# At complex numbers an operand stands in a formula as its conjugate, save in these, which hold as they are (the derivative is
# taken over the reals), and in those, which have no formula there.
UNCONJUGATED = frozenset({"absolute", "linalg.norm", "var", "std"})
REAL = frozenset(
    "maximum minimum fmax fmin max min hypot arctan2 copysign fabs heaviside vdot vecdot divmod modf frexp remainder fmod "
    "linalg.eigh linalg.slogdet scipy.special.expit scipy.special.erf".split()
)


@functools.cache
def parsed(formula: str) -> ast.expr:
    """The syntax tree of a formula."""
    return ast.parse(formula, mode="eval").body


def rule_for(name: str, shapes: Shapes, params: Mapping) -> Rule | None:
    """The row that holds for operands of these shapes and a call with these keywords."""
    for row in RULES.get(name, ()):
        fits = row.dims is None or row.dims == tuple(map(len, shapes))
        if fits and row.params.issuperset(params) and (row.when is None or row.when(shapes, params)):
            return row
    return None
