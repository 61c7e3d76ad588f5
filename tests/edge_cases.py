"""149 points where users of autodiff libraries get hurt, and our answer at each: gradient, dtype, shape, and why.

The names are those of a comparison of five other libraries. The reasons are lines of docs/conventions.md. The table knows
nothing of how it is tested: test_edge_cases.py does that.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from wengert import grad

inf, nan = np.inf, np.nan


@dataclass(frozen=True)
class Raises:
    """The answer is an error of this type whose text, or that of one of its causes, contains `says`."""

    type: type[BaseException]
    says: str


@dataclass(frozen=True)
class Case:
    name: str
    f: Callable
    at: Any
    gradient: Any  # Python numbers and lists stand for float64 (complex128) arrays
    because: str


def f32(values: Any) -> np.ndarray:
    return np.asarray(values, np.float32)


def f16(values: Any) -> np.ndarray:
    return np.asarray(values, np.float16)


SLOPE = "an infinite slope is reported as it is"
KINK = "a kink of abs, norm, std, hypot, arctan2: 0"
TIE = "ties share equally"
FLAT = "piecewise constant: exactly zero"
ZERO = "a true zero: 0 * inf = 0 * nan = 0 where the zero is exact"
SMOOTH = "a plain derivative that special cases must not disturb"
DTYPE = "a gradient has its input's shape and dtype"
NUMPY = "NumPy itself raises before there is anything to differentiate"
UNDEFINED = "nan where it is genuinely undefined: how the vectors of the equal pair turn into each other"
DROPPED = "a derivative is never dropped in silence"
STEEPEST = "complex: the direction of steepest ascent, df/dx + i df/dy"
IN_PLACE = "writing makes a new version: NumPy's result, with its derivative"
VIEWS = "views and their base see each other's writes, as NumPy's do"
ALLOWED = "control flow is plain Python"
PROTOCOL = "plain NumPy hands its functions over to the variable"

RANK_1 = np.array([[1.0, 2.0], [2.0, 4.0]])


# -- powers, roots, logarithms ----------------------------------------------------------------------------------------

POWERS = [
    Case("sqrt(0)", np.sqrt, 0.0, inf, SLOPE),
    Case("abs(0)", np.abs, 0.0, 0.0, KINK),
    Case("abs(-0.0)", np.abs, -0.0, 0.0, KINK),
    Case("norm(0,0)", np.linalg.norm, [0.0, 0.0], [0.0, 0.0], KINK),
    Case("sqrt(sum(x**2)) at 0", lambda x: np.sqrt(np.sum(x**2)), [0.0, 0.0], [0.0, 0.0], ZERO + ": 2x is 0"),
    Case("x**0 at 0 (int exp)", lambda x: x**0, 0.0, 0.0, "x**0 is the constant 1"),
    Case("x**0. at 0 (float exp)", lambda x: x**0.0, 0.0, 0.0, "x**0 is the constant 1"),
    Case("x**1 at 0", lambda x: x**1, 0.0, 1.0, SMOOTH),
    Case("x**2 at 0", lambda x: x**2, 0.0, 0.0, SMOOTH),
    Case("x**0.5 at 0", lambda x: x**0.5, 0.0, inf, SLOPE),
    Case("x**2 at -3 (int)", lambda x: x**2, -3.0, -6.0, SMOOTH),
    Case("x**2. at -3 (float)", lambda x: x**2.0, -3.0, -6.0, SMOOTH),
    Case("x**3 at -2, power fn", lambda x: np.power(x, 3), -2.0, 12.0, SMOOTH),
    Case("x**-1 at -2", lambda x: x**-1, -2.0, -0.25, SMOOTH),
    Case("0**x wrt x at 2", lambda x: 0.0**x, 2.0, 0.0, "0**x is constant for x > 0"),
    Case(
        "0**x wrt x at 0", lambda x: 0.0**x, 0.0, 0.0, "the limit of the derivative from x > 0, where 0**x is constant"
    ),
    Case(
        "(-2)**x wrt x at 2", lambda x: (-2.0) ** x, 2.0, 0.0, "for a negative base x**y lives on the integers y: zero"
    ),
    Case("x**x at 0", lambda x: x**x, 0.0, 0.0, "both parts are 0: x**0 is constant in x, and 0**y is constant in y"),
    Case(
        "where(x>0,sqrt(x),0) at -1", lambda x: np.where(x > 0, np.sqrt(x), 0), -1.0, 0.0, ZERO + ": branch not taken"
    ),
    Case("where(x>0,sqrt(x),0) at 0", lambda x: np.where(x > 0, np.sqrt(x), 0), 0.0, 0.0, ZERO + ": branch not taken"),
    Case(
        "where double-where safe at -1",
        lambda x: np.where(x > 0, np.sqrt(np.where(x > 0, x, 1)), 0),
        -1.0,
        0.0,
        "what users of other libraries write; it works too",
    ),
    Case(
        "log(0)*0 : x*log(x) at 0", lambda x: x * np.log(x), 0.0, -inf, "log(0) + 0/0, and 0 * inf = 0: the true slope"
    ),
    Case("0*log(x) at 0", lambda x: 0 * np.log(x), 0.0, 0.0, ZERO),
    Case("log(0)", np.log, 0.0, inf, SLOPE),
    Case("logaddexp(x,-inf) at -inf", lambda x: np.logaddexp(x, -inf), -inf, 0.5, TIE),
    Case("logaddexp(x,x) at 1e3", lambda x: np.logaddexp(x, x), 1e3, 1.0, "no overflow, and the two halves add up"),
    Case("logaddexp(x,0) at inf", lambda x: np.logaddexp(x, 0), inf, 1.0, "the limit: it is x"),
]

# -- ties, kinks, steps -----------------------------------------------------------------------------------------------

TIES = [
    Case("maximum(x,0) tie at 0", lambda x: np.maximum(x, 0), 0.0, 0.5, TIE),
    Case("minimum(x,0) tie at 0", lambda x: np.minimum(x, 0), 0.0, 0.5, TIE),
    Case("maximum(x,x) at 1", lambda x: np.maximum(x, x), 1.0, 1.0, TIE + ", and the two halves add up"),
    Case("fmax(x,nan) at 1", lambda x: np.fmax(x, nan), 1.0, 1.0, "fmax takes x"),
    Case("max([1,1,0]) ties", np.max, [1.0, 1.0, 0.0], [0.5, 0.5, 0.0], TIE),
    Case("min([1,0,0]) ties", np.min, [1.0, 0.0, 0.0], [0.0, 0.5, 0.5], TIE),
    Case(
        "sort ties sum(w*sort)",
        lambda x: np.sum(np.array([1.0, 2.0, 3.0]) * np.sort(x, kind="stable")),
        [1.0, 1.0, 0.0],
        [2.0, 3.0, 1.0],
        "sorting permutes, also among equals: each entry keeps the place that NumPy gave it",
    ),
    Case("median ties [1,1,0,2]", np.median, [1.0, 1.0, 0.0, 2.0], [0.5, 0.5, 0.0, 0.0], TIE),
    Case("sign(0)", np.sign, 0.0, 0.0, FLAT),
    Case("sign(2)", np.sign, 2.0, 0.0, FLAT),
    Case("clip at upper boundary", lambda x: np.clip(x, -1, 1), 1.0, 0.5, TIE),
    Case("clip at lower boundary", lambda x: np.clip(x, -1, 1), -1.0, 0.5, TIE),
    Case(
        "clip inside/outside sum",
        lambda x: np.sum(np.clip(x, -1, 1)),
        [-2.0, -1.0, 0.0, 1.0, 2.0],
        [0.0, 0.5, 1.0, 0.5, 0.0],
        TIE,
    ),
    Case("arctan2(x,0) at 0", lambda x: np.arctan2(x, 0), 0.0, 0.0, KINK),
    Case("arctan2(0,x) at 0", lambda x: np.arctan2(0, x), 0.0, 0.0, KINK),
    Case("hypot(x,0) at 0", lambda x: np.hypot(x, 0), 0.0, 0.0, KINK),
    Case("sinc(0)", np.sinc, 0.0, 0.0, "the limit"),
    Case("d2 sinc(0)", grad(np.sinc), 0.0, -(np.pi**2) / 3, "the limit, at every order"),
    Case("d2 abs(0)", grad(np.abs), 0.0, 0.0, "the derivative is sign, which is flat"),
    Case("d2 x**2 at 0", grad(lambda x: x**2), 0.0, 2.0, SMOOTH),
    Case("d2 x**3 at 0", grad(lambda x: x**3), 0.0, 0.0, SMOOTH),
    Case("d2 sin(x)*exp(x) at .5", grad(lambda x: np.sin(x) * np.exp(x)), 0.5, 2 * np.cos(0.5) * np.exp(0.5), SMOOTH),
    Case("d2 sqrt(x*x) at 0", grad(lambda x: np.sqrt(x * x)), 0.0, 0.0, ZERO + ": also the limit from both sides"),
]

# -- products, statistics, linear algebra -----------------------------------------------------------------------------

ALGEBRA = [
    Case("prod one zero", np.prod, [2.0, 0.0, 3.0], [0.0, 6.0, 0.0], "the product of the others, without division"),
    Case("prod two zeros", np.prod, [0.0, 0.0, 3.0], [0.0, 0.0, 0.0], "the product of the others, without division"),
    Case(
        "cumprod one zero",
        lambda x: np.sum(np.cumprod(x)),
        [2.0, 0.0, 3.0],
        [1.0, 8.0, 0.0],
        "the products of the others, without division",
    ),
    Case("std of constants", np.std, [2.0, 2.0, 2.0], [0.0, 0.0, 0.0], KINK),
    Case("var of constants", np.var, [2.0, 2.0, 2.0], [0.0, 0.0, 0.0], SMOOTH),
    Case(
        "std ddof=1 single",
        lambda x: np.std(x, ddof=1),
        [2.0],
        [0.0],
        ZERO + ": the deviation, though the value is nan",
    ),
    Case("det singular rank1", np.linalg.det, RANK_1, [[4.0, -2.0], [-2.0, 1.0]], "the adjugate, transposed"),
    Case(
        "det singular 3x3 rank1",
        np.linalg.det,
        np.outer([1.0, 2.0, 3.0], [1.0, 2.0, 3.0]),
        np.zeros((3, 3)),
        "the adjugate of rank 1 in 3 dimensions is 0",
    ),
    Case("slogdet singular", lambda a: np.linalg.slogdet(a)[1], RANK_1, [[inf, -inf], [-inf, inf]], SLOPE),
    Case("inv singular", lambda a: np.sum(np.linalg.inv(a)), RANK_1, Raises(np.linalg.LinAlgError, "Singular"), NUMPY),
    Case(
        "eigh degenerate: sum eigvals",
        lambda a: np.sum(np.linalg.eigh(a)[0]),
        np.eye(2),
        np.eye(2),
        "a symmetric function of repeated eigenvalues is right: the trace",
    ),
    Case(
        "eigh degenerate: w . eigvals",
        lambda a: np.sum(np.array([1.0, 2.0]) * np.linalg.eigh(a)[0]),
        np.eye(2),
        np.diag([1.0, 2.0]),
        "a tie: each eigenvalue along the vector that NumPy gave it",
    ),
    Case(
        "eigh degenerate: vectors",
        lambda a: np.sum(np.linalg.eigh(a)[1]),
        np.eye(2),
        [[0.0, nan], [nan, 0.0]],
        UNDEFINED,
    ),
    Case(
        "eigvalsh degenerate",
        lambda a: np.sum(np.linalg.eigvalsh(a) ** 2),
        np.eye(2),
        2 * np.eye(2),
        "a symmetric function of repeated eigenvalues is right: the trace of the square",
    ),
    Case(
        "svd repeated: sum s",
        lambda a: np.sum(np.linalg.svd(a)[1]),
        np.eye(2),
        np.eye(2),
        "a symmetric function of repeated singular values is right",
    ),
    Case("svd repeated: u", lambda a: np.sum(np.linalg.svd(a)[0]), np.eye(2), [[0.0, nan], [nan, 0.0]], UNDEFINED),
    Case(
        "svd zero matrix: sum s",
        lambda a: np.sum(np.linalg.svd(a)[1]),
        np.zeros((2, 2)),
        np.eye(2),
        "a subgradient of the nuclear norm: along the vectors that NumPy gave",
    ),
    Case(
        "cholesky non-PD",
        lambda a: np.sum(np.linalg.cholesky(a)),
        np.array([[1.0, 2.0], [2.0, 1.0]]),
        Raises(np.linalg.LinAlgError, "not positive definite"),
        NUMPY,
    ),
    Case(
        "pinv rank deficient",
        lambda a: np.sum(np.linalg.pinv(a)),
        RANK_1,
        [[0.0048, -0.0144], [-0.0144, -0.0768]],
        "the derivative at constant rank (Golub and Pereyra, 1973)",
    ),
]

# -- remainders, limits of the number line ----------------------------------------------------------------------------


def logsumexp_by_hand(x):
    largest = np.max(x)
    return largest + np.log(np.sum(np.exp(x - largest)))


NUMBERS = [
    Case("mod(x,3) at 7", lambda x: np.mod(x, 3), 7.0, 1.0, SMOOTH),
    Case("mod(7,x) at 3", lambda x: np.mod(7, x), 3.0, -2.0, "7 - x floor(7/x), and floor is flat"),
    Case("mod(x,3) at 6 (boundary)", lambda x: np.mod(x, 3), 6.0, 1.0, "the slope on either side of the jump"),
    Case("x%3 at -7", lambda x: x % 3, -7.0, 1.0, SMOOTH),
    Case("fmod(x,3) at -7", lambda x: np.fmod(x, 3), -7.0, 1.0, SMOOTH),
    Case("x//3 at 7", lambda x: x // 3, 7.0, 0.0, FLAT),
    Case("floor(1.5)", np.floor, 1.5, 0.0, FLAT),
    Case("round(1.5)", np.round, 1.5, 0.0, FLAT),
    Case("x/0 at 1 wrt denom 0", lambda x: 1 / x, 0.0, -inf, SLOPE),
    Case("arcsin(1)", np.arcsin, 1.0, inf, SLOPE),
    Case("arccos(1)", np.arccos, 1.0, -inf, SLOPE),
    Case("arccosh(1)", np.arccosh, 1.0, inf, SLOPE),
    Case("tanh(1000)", np.tanh, 1000.0, 0.0, "underflows to zero, as the function saturates"),
    Case("exp(1000)", np.exp, 1000.0, inf, "overflows, as the function does"),
    Case(
        "logsumexp hand all -inf", logsumexp_by_hand, [-inf, -inf], [nan, nan], "-inf - -inf: the value itself is nan"
    ),
]

# -- complex numbers --------------------------------------------------------------------------------------------------

COMPLEX = [
    Case("complex abs at 0 (x real -> x+0j)", lambda x: np.abs(x + 0j), 0.0, 0.0, KINK),
    Case("complex abs(x*(3+4j)) at 2", lambda x: np.abs(x * (3 + 4j)), 2.0, 5.0, SMOOTH),
    Case("angle(x+0j) at 0", lambda x: np.angle(x + 0j), 0.0, 0.0, KINK),
    Case("complex in: grad real(z**2) at 1+2j", lambda z: np.real(z**2), 1 + 2j, 2 - 4j, STEEPEST),
    Case("complex in: grad abs(z)**2 at 1+2j", lambda z: np.abs(z) ** 2, 1 + 2j, 2 + 4j, STEEPEST),
    Case("complex in: grad abs(z) at 0j", np.abs, 0j, 0j, KINK),
    Case("real(sqrt(z)) at -1+0j", lambda z: np.real(np.sqrt(z)), -1 + 0j, 0.5j, STEEPEST + ", on NumPy's branch"),
]

# -- dtypes and shapes ------------------------------------------------------------------------------------------------

A, B = np.array([[1.0], [2.0]]), np.array([[1.0, 2.0, 3.0]])

SHAPES = [
    Case("float32 scalar arr: sum(x*x) dtype", lambda x: np.sum(x * x), f32([1, 2]), f32([2, 4]), DTYPE),
    Case("float32 * python float", lambda x: np.sum(x * 2.0), f32([1, 2]), f32([2, 2]), DTYPE),
    Case("float32 * float64 arr", lambda x: np.sum(x * np.array([1.0, 2.0])), f32([1, 2]), f32([1, 2]), DTYPE),
    Case("float32 mean", np.mean, f32([1, 2]), f32([0.5, 0.5]), DTYPE),
    Case("float32 matmul", lambda x: np.sum(x @ x), f32(np.ones((2, 2))), f32(np.full((2, 2), 4)), DTYPE),
    Case("float16 sum(x*x)", lambda x: np.sum(x * x), f16([1, 2]), f16([2, 4]), DTYPE),
    Case(
        "int array input x*x",
        lambda x: np.sum(x * x),
        np.array([1, 2]),
        Raises(TypeError, "dtype=float"),
        "no integers",
    ),
    Case("python int input x*x", lambda x: x * x, 3, 6.0, "a Python int is taken as a float"),
    Case(
        "bool array input",
        lambda x: np.sum(x * 2.0),
        np.array([True, False]),
        Raises(TypeError, "dtype=float"),
        "no booleans",
    ),
    Case("broadcast (n,1)+(1,m) wrt (n,1)", lambda x: np.sum((x + B) ** 2), A, [[18.0], [24.0]], DTYPE),
    Case("broadcast scalar + (2,3)", lambda x: np.sum(x + np.ones((2, 3))), 1.0, 6.0, DTYPE),
    Case("broadcast () arr * (0,)", lambda x: np.sum(x * np.ones(0)), np.array(1.0), np.array(0.0), "an empty sum"),
    Case("empty array sum", np.sum, np.zeros(0), np.zeros(0), DTYPE),
    Case("empty (0,3) sum axis0", lambda x: np.sum(np.sum(x, axis=0)), np.zeros((0, 3)), np.zeros((0, 3)), DTYPE),
    Case("empty mean", np.mean, np.zeros(0), np.zeros(0), "the value is nan, but there is no entry to be nan"),
    Case("empty prod", np.prod, np.zeros(0), np.zeros(0), DTYPE),
    Case("0-d array in", lambda x: x * x, np.array(3.0), np.array(6.0), DTYPE),
    Case("np.float64 in", lambda x: x * x, np.float64(3.0), 6.0, DTYPE),
    Case("shape (1,) output", lambda x: x * x, [3.0], [6.0], "an output of size 1 is a scalar"),
    Case("vector output (n=2)", lambda x: x * x, [3.0, 4.0], Raises(TypeError, "jacobian"), "grad needs one number"),
    Case("const output", lambda x: 3.0, 1.0, 0.0, "an independent output: exact zeros"),
    Case("output independent, zero*x", lambda x: np.sum(0 * x), [1.0, 2.0], [0.0, 0.0], ZERO),
    Case("unused arg: int output argmax", np.argmax, [1.0, 2.0], [0.0, 0.0], FLAT),
    Case(
        "bool output", lambda x: np.sum(x) > 0, [1.0, 2.0], Raises(TypeError, "one real number"), "a bool is no number"
    ),
]

# -- writing in place -------------------------------------------------------------------------------------------------


def write_into_input(x):
    x[0] = 2 * x[1]
    return np.sum(x**2)


def write_into_computed(x):
    y = x * 1
    y[0] = 2 * y[1]
    return np.sum(y**2)


def fill(y, x):
    y[0] = x[0] ** 2
    y[1] = x[0] * x[1]
    return y[0] + 2 * y[1]


def alias(x):
    y = x
    y += x
    return np.sum(y**2)


def update(x):
    y = x * 1
    y *= x
    return np.sum(y)


def update_scalar(x):
    y = x
    y += 1
    return y**2


def write_through_view(x):
    y = x * 1
    v = y[1:]
    v[0] = 7 * x[0]
    return np.sum(y**2)


def seen_by_view(x):
    y = x * 1
    v = y[1:]
    y[1] = 7 * x[0]
    return np.sum(v**2)


def reshaped_view(x):
    y = x * 1
    v = y.reshape(3, 1)
    v *= 2
    return np.sum(y**2)


def out_variable(x):
    y = np.zeros_like(x)
    np.multiply(x, x, out=y)
    return np.sum(y)


def add_at(x):
    y = x * 0
    np.add.at(y, [0, 0], x)
    return np.sum(y**2)


def repeated_index(x):
    y = x * 1
    y[[0, 0]] += x[1]
    return np.sum(y**2)


WRITES = [
    Case("x[0]=2*x[1] on input", write_into_input, [1.0, 2.0], [0.0, 20.0], IN_PLACE),
    Case("y=x*1; y[0]=2*y[1]", write_into_computed, [1.0, 2.0], [0.0, 20.0], IN_PLACE),
    Case(
        "y=np.zeros(2); y[i]=x..(plain np)",
        lambda x: fill(np.zeros(2), x),
        [1.0, 2.0],
        Raises((TypeError, ValueError), "import wengert.numpy as np"),
        DROPPED,
    ),
    Case("y=zeros_like(x); y[i]=x..", lambda x: fill(np.zeros_like(x), x), [1.0, 2.0], [6.0, 2.0], IN_PLACE),
    Case("y=x; y+=x (alias of input)", alias, [1.0, 2.0], [8.0, 16.0], IN_PLACE),
    Case("y=x*1; y*=x", update, [1.0, 2.0], [2.0, 4.0], IN_PLACE),
    Case("scalar y=x; y+=1", update_scalar, 2.0, 6.0, "numbers are immutable: y is another number"),
    Case("write through view v=y[1:]; v[0]=", write_through_view, [1.0, 2.0, 3.0], [100.0, 0.0, 6.0], VIEWS),
    Case("base write seen by view", seen_by_view, [1.0, 2.0, 3.0], [98.0, 0.0, 6.0], VIEWS),
    Case("reshape view v*=2 seen in y", reshaped_view, [1.0, 2.0, 3.0], [8.0, 16.0, 24.0], VIEWS),
    Case(
        "ufunc out=plain ndarray",
        lambda x: np.sum(np.multiply(x, x, out=np.zeros(2))),
        [1.0, 2.0],
        Raises(TypeError, "instead of out="),
        DROPPED,
    ),
    Case("ufunc out=traced", out_variable, [1.0, 2.0], [2.0, 4.0], IN_PLACE),
    Case("np.add.at(y,[0,0],x)", add_at, [1.0, 2.0], [6.0, 6.0], "add.at adds for every repetition"),
    Case("y[[0,0]]+=x[1] (dup idx)", repeated_index, [1.0, 2.0], [6.0, 10.0], "NumPy adds once: the last write stays"),
]

# -- what Python and NumPy do with a variable -------------------------------------------------------------------------


def branching(x):
    return x**2 if x > 0 else -x


def seeded(x):
    return np.sum(np.random.RandomState(0).rand(2) * x)


def array_of_scalars(x):
    import wengert.numpy as np

    return np.sum(np.array([x, 2 * x]) ** 2)


def as_array(x):
    import wengert.numpy as np

    return np.sum(np.asarray(x) ** 2)


def unpacked(x):
    a, b = x
    return a * b


PYTHON = [
    Case(
        "fancy idx dup x[[0,0,1]]", lambda x: np.sum(x[[0, 0, 1]] ** 2), [1.0, 2.0], [4.0, 4.0], "a repeat adds twice"
    ),
    Case("bool mask x[x>1]", lambda x: np.sum(x[x > 1] ** 2), [1.0, 2.0, 3.0], [0.0, 4.0, 6.0], SMOOTH),
    Case("float(x) inside", lambda x: float(x) * x, 2.0, Raises(TypeError, "stop_gradient"), DROPPED),
    Case("int(x) inside", lambda x: int(x) * x, 2.0, 2.0, ALLOWED + ": an integer is flat"),
    Case("if x>0 control flow", branching, 2.0, 4.0, ALLOWED),
    Case("math.sin(x)", math.sin, 1.0, Raises(TypeError, "np.sin"), DROPPED),
    Case("np.array([x,2x]) of scalars", array_of_scalars, 3.0, 30.0, "by wengert.numpy"),
    Case("np.asarray(x)", as_array, [1.0, 2.0], [2.0, 4.0], "by wengert.numpy"),
    Case(
        "onp.array([x,2x]) plain numpy",
        lambda x: np.sum(np.array([x, 2 * x]) ** 2),
        3.0,
        Raises(TypeError, "np.stack"),
        DROPPED,
    ),
    Case("plain onp.sin(x)", lambda x: np.sum(np.sin(x)), [1.0, 2.0], np.cos([1.0, 2.0]), PROTOCOL),
    Case("ndarray * x (ndarray on left)", lambda x: np.sum(np.array([1.0, 2.0]) * x), [3.0, 4.0], [1.0, 2.0], PROTOCOL),
    Case("onp.float64(2)*x (np scalar left)", lambda x: np.sum(np.float64(2) * x), [1.0, 2.0], [2.0, 2.0], PROTOCOL),
    Case("list + x: [1,2]+x", lambda x: np.sum([1, 2] + x), [1.0, 2.0], [1.0, 1.0], "a list is an array, as to NumPy"),
    Case("np.random inside (seeded)", seeded, [1.0, 2.0], [0.5488135039273248, 0.7151893663724195], "constants"),
    Case("random.normal(loc=x)", lambda x: np.random.normal(loc=x), 1.0, Raises(TypeError, "x.val"), DROPPED),
    Case("iterate for v in x", lambda x: sum(v * v for v in x), [1.0, 2.0], [2.0, 4.0], ALLOWED),
    Case("tuple unpack a,b=x", unpacked, [2.0, 5.0], [5.0, 2.0], ALLOWED),
    Case(
        "x.T.dot / methods",
        lambda x: x.T.dot(np.array([1.0, 2.0])),
        [3.0, 4.0],
        [1.0, 2.0],
        "a variable has the methods",
    ),
    Case(
        "nansum with nan", lambda x: np.nansum(x * x), [1.0, nan], [2.0, 0.0], ZERO + ": nansum leaves that entry out"
    ),
    Case("nan propagates sum", lambda x: np.sum(x * x), [1.0, nan], [2.0, nan], "2x is nan there"),
]

CASES = POWERS + TIES + ALGEBRA + NUMBERS + COMPLEX + SHAPES + WRITES + PYTHON
