"""Random programs of plain NumPy, as Python text, with arguments to run them on: what `wengert.compile` is held against.

A program is written line by line. Each line is run on sample arguments as soon as it is written, so that the next one knows the
shapes and dtypes that there are; a line that raises is dropped, now and then kept, as the last one.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import numpy as np

SHAPES = [
    (3,),
    (3,),
    (2, 3),
    (2, 3),
    (3, 3),
    (),
    (1,),
    (4,),
    (1, 3),
    (2, 1),
    (2, 3, 2),
    (0,),
    (0, 3),
    (2, 1, 3),
    (17,),
    (5, 9),
]
DTYPES = ["f8"] * 8 + ["f4", "f4", "i8", "i8", "?", "c16", "i4", "u1"]
LAYOUTS = ["C"] * 6 + ["F", "reversed", "strided", "read-only", "alias", "transposed"]
NUMBERS = ["float", "int", "bool", "np.float64", "np.float32", "np.int64", "complex"]
SMOOTH = ["np.sin", "np.cos", "np.tanh", "np.exp", "np.arctan", "np.square", "np.negative", "np.abs", "np.sqrt", "np.log1p",
          "np.expm1", "np.positive", "np.conjugate", "np.cbrt", "np.reciprocal", "np.sinh", "np.arcsinh", "np.sinc"]  # fmt: skip
ROUGH = [
    "np.floor",
    "np.sign",
    "np.isfinite",
    "np.rint",
    "np.ceil",
    "np.logical_not",
    "np.isnan",
    "np.signbit",
    "np.trunc",
]
BINARY = ["+", "-", "*", "+", "-", "*", "/"]
PAIRS = ["np.maximum", "np.minimum", "np.hypot", "np.arctan2", "np.add", "np.fmax", "np.logaddexp", "np.copysign", "np.power",
         "np.floor_divide", "np.remainder", "np.outer", "np.dot", "np.inner", "np.matmul", "np.subtract", "np.multiply"]  # fmt: skip
REDUCTIONS = ["np.sum", "np.sum", "np.prod", "np.max", "np.min", "np.mean", "np.var", "np.std", "np.any", "np.all", "np.argmax",
              "np.argmin", "np.median", "np.ptp", "np.nansum", "np.linalg.norm"]  # fmt: skip
SCANS = ["np.cumsum", "np.cumprod", "np.sort", "np.argsort", "np.flip", "np.diff", "np.squeeze"]


class Author:
    """Writes one program; `random` is a `random.Random` or hypothesis's."""

    def __init__(self, random: Any, smooth: bool = False):
        self.random, self.smooth = random, smooth
        count = random.randrange(1, 5)
        self.specifications = [self.specification(i) for i in range(count)]
        self.parameters = [f"a{i}" for i in range(count)]
        self.lines: list[str] = []
        self.names = list(self.parameters)
        self.scope: dict[str, Any] = {}
        self.made = 0
        self.ends = False

    # -- arguments

    def specification(self, i: int) -> tuple:
        """What an argument is: (kind or dtype, shape, layout)."""
        r = self.random
        if self.smooth:
            return ("f8", r.choice(SHAPES[:11]), "C")
        if r.random() < 0.15:
            return (r.choice(NUMBERS), None, None)
        layout = r.choice(LAYOUTS)
        if layout == "alias" and (i == 0 or self.specifications_kind(i - 1) is None):
            layout = "C"
        return (r.choice(DTYPES), r.choice(SHAPES), layout)

    def specifications_kind(self, i: int) -> Any:
        found = getattr(self, "specifications", None)
        return None if found is None else found[i][1]

    # -- choices

    def pick(self, test: Callable = lambda x: True) -> str | None:
        found = [name for name in self.names if test(self.scope[name])]
        return self.random.choice(found) if found else None

    def array(self) -> str:
        return self.pick(lambda x: isinstance(x, np.ndarray)) or self.any()

    def any(self) -> str:
        return self.random.choice(self.names)

    def recent(self) -> str:
        return self.names[-1] if self.random.random() < 0.4 else self.any()

    def number(self) -> str:
        return self.random.choice(
            ["2", "0.5", "-1.5", "3", "1", "0", "True", "np.float32(0.5)", "1j", "np.arange(3.0)", "-1", "0.0"]
        )

    def operand(self) -> str:
        return self.number() if self.random.random() < 0.2 else self.recent()

    def axis(self, x: str) -> str:
        ndim = np.ndim(self.scope[x])
        options = ["None", "0", "-1"]
        if ndim:
            options += [str(self.random.randrange(-ndim, ndim))] * 2
        if ndim > 1:
            options += ["(0, 1)", "(0, -1)", "()"]
        return self.random.choice(options)

    def index(self, x: str) -> str:
        r = self.random
        shape = np.shape(self.scope[x])
        ints = ["0", "-1", "1"]
        slices = [":", "1:", ":-1", "::-1", "::2", "1:2", "-2:", "2:0:-1", "5:", ":0"]
        parts = []
        for n in shape[: r.randrange(0, len(shape) + 1)]:
            kind = r.random()
            if kind < 0.3:
                parts.append(r.choice(ints))
            elif kind < 0.75:
                parts.append(r.choice(slices))
            elif kind < 0.87:
                parts.append(
                    r.choice(["[0, -1, 0]", "[1, 0]", "np.array([0, 1])", "[0]", "np.array([[0], [1]])", "[-1, -2]"])
                )
            else:
                parts.append(f"np.arange({n}) % 2 == 0")
        if r.random() < 0.15:
            parts.append("None")
        if r.random() < 0.15:
            parts.insert(r.randrange(0, len(parts) + 1), "...")
        if not parts or r.random() < 0.06:
            whole = ["...", ":", "()", f"{x} > 0.1", f"np.nonzero({x} > 0.1)", "None", f"np.where({x} > 0)"]
            integer = self.pick(lambda v: getattr(v, "dtype", np.dtype(float)).kind in "iub" or isinstance(v, int))
            return r.choice([*whole, integer] if integer else whole)
        return ", ".join(parts)

    # -- lines

    def line(self) -> str:
        return self.random.choice(self.KINDS if not self.smooth else self.SMOOTH_KINDS)(self)

    def new(self) -> str:
        return f"v{self.made}"

    def unary(self) -> str:
        rough = not self.smooth and self.random.random() < 0.25
        return f"{self.new()} = {self.random.choice(ROUGH if rough else SMOOTH)}({self.recent()})"

    def binary(self) -> str:
        return f"{self.new()} = {self.recent()} {self.random.choice(BINARY)} {self.operand()}"

    def python(self) -> str:
        operator = self.random.choice(["//", "%", "**", "&", "|", "^", "@", "<<", "**", "@"])
        return f"{self.new()} = {self.recent()} {operator} {self.operand()}"

    def compare(self) -> str:
        return (
            f"{self.new()} = {self.recent()} {self.random.choice(['<', '>', '<=', '>=', '==', '!='])} {self.operand()}"
        )

    def pair(self) -> str:
        return f"{self.new()} = {self.random.choice(PAIRS)}({self.recent()}, {self.operand()})"

    def reduction(self) -> str:
        x, r = self.recent(), self.random
        extra = r.choice(["", "", "", ", keepdims=True"])
        if r.random() < 0.05:
            extra += r.choice(
                [", dtype=np.float32", ", initial=1.0", ", where=True", ", dtype=float", f", where={x} > 0"]
            )
        name = r.choice(REDUCTIONS)
        if r.random() < 0.2:
            method = name.removeprefix("np.").removeprefix("linalg.")
            return f"{self.new()} = {x}.{method}({r.choice(['', self.axis(x)])})"
        return f"{self.new()} = {name}({x}, axis={self.axis(x)}{extra})"

    def scan(self) -> str:
        x = self.array()
        return f"{self.new()} = {self.random.choice(SCANS)}({x}, axis={self.axis(x)})"

    def taken(self) -> str:
        x = self.array()
        return f"{self.new()} = {x}[{self.index(x)}]"

    def layout(self) -> str:
        x, r = self.array(), self.random
        size, ndim = np.size(self.scope[x]), np.ndim(self.scope[x])
        return f"{self.new()} = " + r.choice([
            f"{x}.T", f"{x}.reshape(-1)", f"np.ravel({x})", f"{x}.ravel()", f"np.reshape({x}, ({size}, 1))", f"{x}[None]",
            f"np.broadcast_to({x}, (2, *np.shape({x})))", f"np.swapaxes({x}, 0, -1)", f"np.moveaxis({x}, 0, -1)",
            f"np.expand_dims({x}, {r.randrange(0, ndim + 1)})", f"np.squeeze({x})", f"{x}.flatten()", f"{x}.copy()",
            f"np.roll({x}, 1)", f"np.roll({x}, 1, axis=0)", f"np.repeat({x}, 2, axis=0)", f"np.tile({x}, 2)", f"np.atleast_2d({x})",
            f"{x}.real", f"{x}.imag", f"np.real({x})", f"np.flip({x})", f"np.triu(np.atleast_2d({x}))", f"np.diag({x})",
            f"np.diagonal({x})", f"{x}.reshape({x}.shape[::-1])", f"{x}.astype({r.choice(['float', 'int', 'np.float32', 'bool', 'complex'])})",
            f"np.asfortranarray({x})", f"np.ascontiguousarray({x})", f"np.rot90({x})", f"np.trace({x})", f"np.array({x})",
            f"np.asarray({x})", f"{x}.view()", f"np.pad({x}, 1)", f"np.ravel({x}, order='F')", f"np.atleast_1d({x})", f"{x}.flat[0]",
            f"np.take_along_axis({x}, np.argsort({x}, axis=0), axis=0)", f"np.nan_to_num({x})", f"np.average({x}, axis=0)", f"np.repeat({x}, 2)",
            f"np.array_split({x}, 2)[-1]", f"np.hsplit({x}, 1)[0]", f"np.unstack({x})[0]", f"np.trapezoid({x})", f"np.tile({x}, (2, 1))",
            f"np.linalg.vector_norm({x})", f"np.pad({x}, ((1, 0),) * {ndim})", f"np.trace({x}, 1)", f"np.ptp({x})", f"np.arccosh({x})",
            f"np.diagonal({x}, -1, -1, 0)", f"np.arctanh({x})", f"np.take({x}, [[1], [-1]])",
        ])  # fmt: skip

    def joined(self) -> str:
        x, y, r = self.array(), self.recent(), self.random
        return f"{self.new()} = " + r.choice([
            f"np.concatenate([{x}, {y}])", f"np.concatenate([{x}, {x}, {y}], axis=-1)", f"np.stack([{x}, {y}])", f"np.hstack([{x}, {y}])",
            f"np.vstack([{x}, {y}])", f"np.where({x} > 0.3, {x}, {y})", f"np.where({x} > 0.3, {self.operand()}, {self.operand()})",
            f"np.clip({x}, {r.choice(['-0.5', 'None', y])}, {r.choice(['0.5', '1', y])})", f"np.einsum('ij,jk->ik', {x}, {y})",
            f"np.einsum('i,i', {x}, {y})", f"np.einsum('ij->ji', {x})", f"np.einsum('ij,j->i', {x}, {y})", f"np.tensordot({x}, {y}, 1)",
            f"np.append({x}, {y})", f"np.concatenate([{x}, {y}], axis=None)", f"np.select([{x} > 0.5, {x} < -0.5], [{x}, {y}], 0)",
            f"np.take({x}, [0, 0], axis=0)", f"np.column_stack([{x}, {y}])", f"np.einsum('ij,ij->i', {x}, {y})", f"np.kron({x}, {y})",
            f"np.interp({x}, np.arange(3.0), np.arange(3.0) ** 2)", f"np.array([{x}, {y}])", f"np.split({x}, 1)[0]", f"np.vdot({x}, {y})",
            f"np.sum([{x}, {y}])", f"np.max(({x}, {y}))", f"np.allclose({x}, {y})", f"np.array_equal({x}, {y})", f"np.einsum('ii->i', {x} @ {x}.T)",
            f"np.cross({x}, {y})", f"np.linalg.solve({x} + 4 * np.eye(3), {y})", f"max({x}.tolist())", f"np.full_like({x}, {y})",
            f"np.vecdot({x}, {y})", f"np.matvec({x}, {y})", f"np.vecmat({x}, {y})", f"np.broadcast_arrays({x}, {y})[1]", f"np.dstack([{x}, {y}])",
        ])  # fmt: skip

    def write(self) -> str:
        x, r = self.array(), self.random
        index = self.index(x)
        return r.choice([
            f"{x}[{index}] = {self.operand()}", f"{x}[{index}] += {self.operand()}", f"{x}[{index}] *= {self.operand()}",
            f"{x} += {self.operand()}", f"{x} *= 0.5", f"{x} -= {self.recent()}", f"{x} /= 2", f"np.copyto({x}, {self.operand()})",
            f"{x}.sort()", f"{x}.fill({self.operand()})", f"np.add({x}, {self.operand()}, out={x})", f"np.add.at({x} if {x}.flags.writeable else {x}.copy(), [0, 0], 1)",
            f"np.multiply({x}, 2, out={x}, where={x} > 0)", f"{x}[::-1][{index}] = {self.operand()}", f"{x}.T[...] = {self.operand()}",
            f"{x}.reshape(-1)[0] = {self.operand()}", f"{x}[0], {x}[-1] = {x}[-1], {x}[0]", f"{x}.ndim and np.cumsum({x}, axis=0, out={x})",
            f"np.fill_diagonal({x}, 1)", f"{x}[1:] += {x}[:-1]", f"{x}[...] = {x}[::-1]", f"{x} **= 2", f"{x} @= {x}",
        ])  # fmt: skip

    def buffer(self) -> str:
        x = self.array()
        call = self.random.choice(
            ["np.zeros_like({})", "np.ones_like({})", "np.zeros_like({}, dtype=float)", "np.array({}, copy=True)"]
        )
        return f"{self.new()} = {call.format(x)}\n{self.new()}[{self.index(x)}] = {self.operand()}"

    def rewrite(self) -> str:
        line = self.write()
        return line if not re.search(r"\ba\d", line.split("=")[0].split(",")[0]) else self.buffer()

    def branch(self) -> str:
        x, y, r = self.recent(), self.recent(), self.random
        test = r.choice([
            f"np.sum({x}) > 0.1", f"np.any({x} > 1)", f"{x}", f"np.max({x}) > {self.number()}", f"not {x}", f"{x}.ravel()[0] > 0",
            f"{x}.ndim > 1", f"isinstance({x}, float)", f"len({x}) > 2", f"{x} is {y}", f"np.all({x} == {y})", f"int(np.sum({x})) % 2",
        ])  # fmt: skip
        one, other = (r.choice([f"{y} * 2", f"{x} - 1", f"{x}", f"np.sum({y})", f"{x} + {y}"]) for _ in range(2))
        return f"if {test}:\n    {self.new()} = {one}\nelse:\n    {self.new()} = {other}"

    def loop(self) -> str:
        x, r = self.array(), self.random
        new = self.new()
        return r.choice([
            f"{new} = {x} * 1.0\nfor i in range(3):\n    {new} = {new} * 0.5 + {self.operand()}",
            f"{new} = 0\nfor part in {x}:\n    {new} = {new} + part",
            f"{new} = 0.0\nfor i, part in enumerate({x}):\n    if np.sum(part) > 0:\n        continue\n    {new} += i * part",
            f"{new} = abs(float(np.sum({x})))\nwhile {new} > 1:\n    {new} /= 2",
            f"{new} = np.abs(np.sum({x}))\nwhile {new} > 1:\n    {new} = {new} / 2",
            f"{new} = {x}.copy()\nfor i in range(1, len({new})):\n    {new}[i] = {new}[i] + 0.5 * {new}[i - 1]",
            f"{new} = [part * 2 for part in {x}]\n{new} = np.stack({new})",
            f"{new} = sum({x})", f"{new} = min({x})", f"{new} = sorted({x})[0]", f"{new} = abs({x})", f"{new} = round({x}, 1)",
            f"{new} = -{x}", f"{new} = ~{x}", f"{new} = +{x}", f"{new} = float({x})", f"{new} = int({x})", f"{new} = bool({x})",
            f"{new} = {x}.item()", f"{new} = {x}.tolist()[0]", f"{new} = divmod({x}, 2)[1]", f"{new} = np.float32({x})",
            f"{new} = len({x})", f"{new} = {x}.shape[0] * {self.operand()}", f"{new} = {x}.size", f"{new} = np.mean(np.abs({x}))",
            f"try:\n    {new} = {x}[5]\nexcept IndexError:\n    {new} = {self.operand()}", f"{new} = np.divmod({x}, 2.0)[0]",
        ])  # fmt: skip

    KINDS = (unary, unary, binary, binary, binary, python, compare, pair, reduction, reduction, scan, taken, taken, layout, layout,
             joined, joined, write, write, buffer, branch, loop)  # fmt: skip
    SMOOTH_KINDS = (
        unary,
        unary,
        binary,
        binary,
        binary,
        pair,
        reduction,
        scan,
        taken,
        layout,
        joined,
        joined,
        buffer,
        branch,
        loop,
        rewrite,
    )

    # -- a program

    def write_lines(self, count: int) -> None:
        self.run()
        for _ in range(count):
            line = self.line()
            if not all(name in self.scope for name in re.findall(r"\b[av]\d+\b", line) if name != self.new()):
                continue
            before = list(self.lines)
            self.lines.append(line)
            try:
                with np.errstate(all="ignore"):
                    exec(line, self.scope)
            except Exception:
                if not self.smooth and self.random.random() < 0.02:
                    self.ends = True
                    return
                self.lines = before
                self.run()
                continue
            if not self.tame():
                self.lines = before
                self.run()
                continue
            if self.new() in self.scope:
                self.names.append(self.new())
                self.made += 1

    def tame(self) -> bool:
        """Are all values of a size that leaves digits to compare?"""
        for name in (*self.names, self.new()):
            value = self.scope.get(name)
            if isinstance(value, (np.ndarray, np.generic, int, float, complex)):
                array = np.asarray(value)
                if (
                    array.dtype.kind not in "biufc"
                    or array.size > 4000
                    or (isinstance(value, np.ndarray) and type(value) is not np.ndarray)
                ):
                    return False
                with np.errstate(all="ignore"):
                    if array.dtype.kind in "iufc" and not np.all(np.abs(array) < 1e5):
                        return False
            elif value is not None:
                return False
        return True

    def run(self) -> None:
        self.scope = {"np": np, **dict(zip(self.parameters, arguments(self.specifications, 0), strict=True))}
        with np.errstate(all="ignore"):
            for line in self.lines:
                exec(line, self.scope)

    def result(self) -> str:
        r = self.random
        last = self.names[-3:]
        if self.smooth:
            return " + ".join(f"np.sum(np.real({x}))" for x in last)
        return r.choice([
            last[-1], f"({', '.join(last)},)", f"{{'b': {last[-1]}, 'a': [{last[0]}, {last[-1]}]}}", f"[{', '.join(last)}, 1, None]",
            f"{last[-1]}, a0", f"({', '.join(last)}, 2.5, 'text')",
        ])  # fmt: skip

    def text(self) -> str:
        body = [part for line in self.lines for part in line.split("\n")] + [f"return {self.result()}"]
        return f"def f({', '.join(self.parameters)}):\n" + "".join(f"    {part}\n" for part in body)


def arguments(specifications: list[tuple], seed: int) -> list:
    """Arguments of these kinds: other numbers for each seed, and the same sharing of memory."""
    generator = np.random.default_rng(seed)
    made: list[Any] = []
    for kind, shape, layout in specifications:
        if shape is None:
            value = float(generator.standard_normal())
            made.append({
                "float": value, "int": int(3 * value), "bool": value > -5, "np.float64": np.float64(value),
                "np.float32": np.float32(value), "np.int64": np.int64(3 * value), "complex": complex(value, 1.0),
            }[kind])  # fmt: skip
            continue
        if layout == "alias" and isinstance(made[-1], np.ndarray):
            made.append(made[-1][::-1] if made[-1].ndim and seed % 2 else made[-1][...])
            continue
        made.append(_laid_out(_values(generator, np.dtype(kind), shape, layout), layout))
    return made


def _values(generator: Any, dtype: np.dtype, shape: tuple, layout: str) -> np.ndarray:
    if layout == "transposed":
        shape = shape[::-1]
    if layout == "strided" and shape:
        shape = (*shape[:-1], 2 * shape[-1])
    x = generator.standard_normal(shape)
    if dtype.kind == "b":
        return np.asarray(x > 0)
    if dtype.kind == "c":
        return np.asarray(x + 1j * generator.standard_normal(shape))
    if dtype.kind == "u":
        return np.asarray(np.abs(3 * x)).astype(dtype)
    return np.asarray(3 * x if dtype.kind == "i" else x).astype(dtype)


def _laid_out(x: np.ndarray, layout: str) -> np.ndarray:
    if layout == "F":
        return np.asfortranarray(x)
    if layout == "transposed":
        return x.T
    if layout == "reversed" and x.ndim:
        return x[::-1]
    if layout == "strided" and x.ndim:
        return x[..., ::2]
    if layout == "read-only":
        x.flags.writeable = False
    return x


def function_of(text: str) -> Callable:
    """The function that a program's text defines."""
    scope: dict[str, Any] = {"np": np}
    exec(compile(text, "<program>", "exec"), scope)
    return scope["f"]
