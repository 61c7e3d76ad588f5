"""How formulas are written: the terms that stand in them, and a walk over a formula that puts in the parentheses needed.

`Notation` knows precedence and nothing of a format; each format (text, LaTeX, MathML, in their files) says how a sum, a
fraction or a transpose looks in it.
"""

from __future__ import annotations

import ast
import math
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

DIGITS = 6  # of the numbers in the steps; the result has all of them
SMALL = 6  # entries of an array that is printed in a step and not summarised


class Symbol(NamedTuple):
    """A variable by its name."""

    name: str
    shape: tuple = ()


class Derivative(NamedTuple):
    """∂of/∂by."""

    of: Symbol
    by: Symbol

    @property
    def shape(self) -> tuple:
        return self.by.shape


class Number(NamedTuple):
    """A number written out; `exact` asks for every digit."""

    value: Any
    exact: bool = False

    @property
    def shape(self) -> tuple:
        return ()


class Words(NamedTuple):
    """Something said and not calculated: an index, a shape, a choice."""

    text: str
    shape: tuple = (1,)


Term = Symbol | Derivative | Number | Words


class Formula(NamedTuple):
    """A formula with what its names stand for."""

    tree: ast.expr
    terms: Mapping[str, Term]


class Piece(NamedTuple):
    """A part of a formula as written, with how tightly it binds and whether it begins with a minus."""

    text: str
    binding: float = 9
    negative: bool = False


# How tightly a part binds. A fraction stands where a product may, and an atom everywhere.
COMPARED, SUM, PRODUCT, MATRIX_PRODUCT, UNARY, FRACTION, POWER, ATOM = 0, 1, 2, 2.5, 3, 3.5, 4, 9

_COMPARISONS = {ast.Gt: ">", ast.Lt: "<", ast.Eq: "="}


def digits(value: Any, exact: bool = False) -> str:
    """A number's shortest form with six digits, or with as many as bring it back exactly."""
    if isinstance(value, (complex, np.complexfloating)):
        sign = "-" if math.copysign(1, value.imag) < 0 else "+"
        return f"{digits(value.real, exact)} {sign} {digits(abs(value.imag), exact)}i"
    text = repr(value.item() if isinstance(value, np.float64) else value)
    if exact:
        return text.partition("(")[2].rstrip(")") if "(" in text else text
    return f"{value:.{DIGITS}g}"


def is_rounded(value: Any) -> bool:
    """Does the short form of a number, or of an array that is printed, leave something out?"""
    parts = [part for x in np.ravel(value) for part in ((x.real, x.imag) if np.iscomplexobj(x) else (x,))]
    return any(float(digits(part)) != part for part in parts if part == part)


def scalar(node: ast.expr, terms: Mapping[str, Term]) -> bool:
    """Is this part of a formula one number, so that a product with it is written with a point?"""
    match node:
        case ast.Constant():
            return True
        case ast.Name(id=name):
            return terms[name].shape == ()
        case ast.BinOp(op=ast.MatMult(), left=left, right=right):
            return all(_is_vector(x, terms) for x in (left, right))
        case ast.BinOp(left=left, right=right) | ast.Compare(left=left, comparators=[right]):
            return scalar(left, terms) and scalar(right, terms)
        case ast.UnaryOp(operand=operand):
            return scalar(operand, terms)
        case ast.Call(func=ast.Name(id="sum" | "det" | "norm")):
            return True
        case ast.Call(args=args):
            return all(scalar(arg, terms) for arg in args)
    return False


def without_minus(tree: ast.expr) -> ast.expr | None:
    """What a formula that begins with a minus is the negative of."""
    match tree:
        case ast.UnaryOp(op=ast.USub(), operand=operand):
            return operand
        case ast.BinOp(left=left, op=ast.Mult() | ast.Div() | ast.MatMult() as op, right=right):
            positive = without_minus(left)
            return None if positive is None else ast.BinOp(positive, op, right)
    return None


def _is_vector(node: ast.expr, terms: Mapping[str, Term]) -> bool:
    match node:
        case ast.Name(id=name):
            return len(terms[name].shape) == 1
        case ast.Call(func=ast.Name(id="transpose"), args=[inner]):
            return _is_vector(inner, terms)
    return False


class Notation:
    """The walk; a format gives the tokens below and the methods that are not defined here."""

    plus, minus, times, entrywise, juxtaposed = " + ", " - ", " · ", " ⊙ ", " "
    derivative_binding: float = FRACTION
    fraction_binding: float = FRACTION

    # -- what a format says -------------------------------------------------------------------------------------------

    def symbol(self, name: str) -> str:
        raise NotImplementedError

    def derivative(self, of: str, by: str) -> str:
        raise NotImplementedError

    def number(self, text: str) -> str:
        raise NotImplementedError

    def words(self, text: str) -> str:
        raise NotImplementedError

    def fraction(self, above: Piece, below: Piece) -> str:
        raise NotImplementedError

    def power(self, base: str, exponent: Piece) -> str:
        raise NotImplementedError

    def parenthesized(self, text: str) -> str:
        raise NotImplementedError

    def bracketed(self, text: str) -> str:
        raise NotImplementedError

    def call(self, name: str, arguments: Sequence[str]) -> str:
        raise NotImplementedError

    def indexed(self, text: str, index: str) -> str:
        raise NotImplementedError

    def marked(self, text: str, mark: str) -> str:
        """With a mark above the line: ᵀ, ᴴ, ⁻¹, ⁻ᵀ or ⁻ᴴ."""
        raise NotImplementedError

    def conjugate(self, text: str) -> str:
        raise NotImplementedError

    def summed(self, text: str, over: str) -> str:
        raise NotImplementedError

    def root(self, piece: Piece, degree: int) -> str:
        raise NotImplementedError

    def around(self, left: str, text: str, right: str) -> str:
        raise NotImplementedError

    def operator(self, token: str) -> str:
        return token

    # -- the walk -----------------------------------------------------------------------------------------------------

    def formula(self, formula: Formula) -> str:
        return self.piece(formula.tree, formula.terms).text

    def term(self, term: Term) -> Piece:
        match term:
            case Symbol(name=name):
                return Piece(self.symbol(name))
            case Derivative(of=of, by=by):
                return Piece(self.derivative(self.symbol(of.name), self.symbol(by.name)), self.derivative_binding)
            case Number(value=value, exact=exact):
                text = digits(value, exact)
                negative = text.startswith("-")
                binding = SUM if " " in text else UNARY if negative else ATOM
                return Piece(self.number(text), binding, negative)
        return Piece(self.words(term.text))

    def piece(self, node: ast.expr, terms: Mapping[str, Term]) -> Piece:
        def at_least(child: ast.expr, binding: float, right: bool = False) -> str:
            made = self.piece(child, terms)
            if made.binding < binding or (right and made.negative):
                return self.parenthesized(made.text)
            return made.text

        def begins_with_minus(child: ast.expr) -> bool:
            made = self.piece(child, terms)
            return made.negative and made.binding >= PRODUCT

        match node:
            case ast.Constant(value=value):
                return self.term(Number(value))
            case ast.Name(id=name):
                return self.term(terms[name])
            case ast.BinOp(left=left, op=ast.Add(), right=right):
                text = at_least(left, SUM) + self.operator(self.plus) + at_least(right, SUM, True)
                return Piece(text, SUM, begins_with_minus(left))
            case ast.BinOp(left=left, op=ast.Sub(), right=right):
                text = at_least(left, SUM) + self.operator(self.minus) + at_least(right, PRODUCT, True)
                return Piece(text, SUM, begins_with_minus(left))
            case ast.BinOp(left=left, op=ast.Mult(), right=right):
                point = self.times if scalar(left, terms) or scalar(right, terms) else self.entrywise
                text = at_least(left, PRODUCT) + self.operator(point) + at_least(right, PRODUCT, True)
                return Piece(text, PRODUCT, begins_with_minus(left))
            case ast.BinOp(left=left, op=ast.Div() | ast.MatMult() as op, right=right) if without_minus(left):
                # The minus stands before the fraction, and before the whole product.
                positive = without_minus(left)
                assert positive is not None
                return self.piece(ast.UnaryOp(ast.USub(), ast.BinOp(positive, op, right)), terms)
            case ast.BinOp(left=left, op=ast.MatMult(), right=right):
                text = at_least(left, MATRIX_PRODUCT) + self.operator(self.juxtaposed)
                return Piece(text + at_least(right, MATRIX_PRODUCT, True), MATRIX_PRODUCT)
            case ast.BinOp(left=left, op=ast.Div(), right=right):
                above, below = self.piece(left, terms), self.piece(right, terms)
                binding = self.fraction_binding
                return Piece(self.fraction(above, below), binding, above.negative and binding == PRODUCT)
            case ast.BinOp(left=left, op=ast.Mod(), right=right):
                return Piece(at_least(left, UNARY) + self.words(" mod ") + at_least(right, UNARY, True), SUM)
            case ast.BinOp(left=left, op=ast.Pow(), right=right):
                exponent = _folded(right, terms)
                if exponent == 1:
                    return self.piece(left, terms)
                raised = self.piece(right, terms) if exponent is None else self.term(Number(exponent))
                return Piece(self.power(at_least(left, ATOM), raised), POWER)
            case ast.UnaryOp(op=ast.USub(), operand=operand):
                return Piece(self.operator("-") + at_least(operand, PRODUCT, True), PRODUCT, True)
            case ast.Compare(left=left, ops=[op], comparators=[right]):
                token = self.operator(f" {_COMPARISONS[type(op)]} ")
                return Piece(self.bracketed(at_least(left, SUM) + token + at_least(right, SUM)))
            case ast.Subscript(value=value, slice=index):
                return Piece(self.indexed(at_least(value, ATOM), self.piece(index, terms).text))
            case ast.Call(func=ast.Name(id=name), args=args, keywords=keywords):
                return self._call(node, name, args, keywords, terms)
            case ast.Tuple(elts=parts) | ast.List(elts=parts):
                return Piece(self.bracketed(", ".join(self.piece(part, terms).text for part in parts)))
        raise TypeError(f"no notation for {ast.dump(node)}")

    def _call(self, node: ast.expr, name: str, args: list, keywords: list, terms: Mapping[str, Term]) -> Piece:
        first = self.piece(args[0], terms) if args else Piece("")
        match name, args:
            case "transpose" | "mT" | "inv" | "conj", [_]:
                inner, mark = _under(node)
                piece = self.piece(inner, terms)
                text = piece.text if piece.binding >= ATOM else self.parenthesized(piece.text)
                if mark == "conj":
                    return Piece(self.conjugate(piece.text), ATOM)
                return Piece(self.marked(text, mark))
            case "outer", [left, right]:
                row = ast.Call(ast.Name("transpose"), [right], [])
                return self.piece(ast.BinOp(left, ast.MatMult(), row), terms)
            case "total", [inner, *axes]:
                over = self.piece(axes[0], terms).text if axes else ""
                text = first.text if first.binding >= PRODUCT else self.parenthesized(first.text)
                return Piece(self.summed(text, over), PRODUCT)
            case "sqrt" | "cbrt", _:
                return Piece(self.root(first, 3 if name == "cbrt" else 2))
            case "abs", _:
                return Piece(self.around("|", first.text, "|"))
            case "floor", _:
                return Piece(self.around("⌊", first.text, "⌋"))
            case "norm", [_] if not keywords:
                return Piece(self.around("‖", first.text, "‖"))
        arguments = [self.piece(arg, terms).text for arg in args]
        arguments += [self.words(f"{keyword.arg} {self._plain(keyword.value)}") for keyword in keywords]
        return Piece(self.call(name, arguments))

    def _plain(self, node: ast.expr) -> str:
        return ast.unparse(node)


_MARKS = {
    ("transpose",): "ᵀ",
    ("inv",): "⁻¹",
    ("conj",): "conj",
    ("inv", "transpose"): "⁻ᵀ",
    ("conj", "transpose"): "ᴴ",
    ("conj", "inv", "transpose"): "⁻ᴴ",
}


def _under(node: ast.expr) -> tuple[ast.expr, str]:
    """What stands under transposes, inverses and conjugates, and the one mark for as many of them as have one."""
    found: list[str] = []
    while True:
        match node:
            case ast.Call(func=ast.Name(id="transpose" | "mT" | "inv" | "conj" as name), args=[inner]):
                name = "transpose" if name == "mT" else name  # of each matrix in a stack
                if tuple(sorted([*found, name])) in _MARKS:
                    found.append(name)
                    node = inner
                    continue
        return node, _MARKS[tuple(sorted(found))]


def _folded(node: ast.expr, terms: Mapping[str, Term]) -> Any:
    """The value of an exponent that is a number, so that x**(y - 1) is written x² where y is 3; None if it is none."""
    match node:
        case ast.Constant(value=value):
            return value
        case ast.Name(id=name):
            term = terms[name]
            return term.value if isinstance(term, Number) else None
        case ast.BinOp(left=left, op=ast.Sub(), right=right):
            x, y = _folded(left, terms), _folded(right, terms)
            return None if x is None or y is None else x - y
    return None


_LOWERED = str.maketrans("0123456789", "₀₁₂₃₄₅₆₇₈₉")


def lowered(number: int) -> str:
    """A number below the line."""
    return str(number).translate(_LOWERED)
