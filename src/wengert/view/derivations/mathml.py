"""Derivations in MathML, which browsers set by themselves: one table, a row for each line."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from html import escape
from typing import Any

import numpy as np

from wengert.view.derivations.derivation import Line, Value, exactly
from wengert.view.derivations.latex import GREEK, subscripted
from wengert.view.derivations.notation import Formula, Notation, Piece, digits
from wengert.view.derivations.text import is_small, summary

_NAMES = "alpha beta gamma delta epsilon zeta eta theta iota kappa lambda mu nu xi pi rho sigma tau upsilon phi chi psi omega"
_GREEK_LETTERS = dict(zip(_NAMES.split(), "αβγδεζηθικλμνξπρστυφχψω", strict=True))
_GREEK_LETTERS |= {name.capitalize(): letter.upper() for name, letter in _GREEK_LETTERS.items()}


def row(*parts: str) -> str:
    """Parts side by side, as one."""
    return f"<mrow>{''.join(parts)}</mrow>"


def displayed(formula: str) -> str:
    """A formula with fractions of full size, which a table would make small."""
    return f'<mrow displaystyle="true">{formula}</mrow>'


def operator(token: str, **attributes: str) -> str:
    said = "".join(f' {key}="{value}"' for key, value in attributes.items())
    return f"<mo{said}>{escape(token)}</mo>"


def words(text: str) -> str:
    """Plain words, with the spaces at their ends."""
    kept = re.sub(r"^ +| +$", lambda m: "\u00a0" * len(m[0]), text)
    return f"<mtext>{escape(kept)}</mtext>"


class MathML(Notation):
    """MathML Core: what every browser of today sets."""

    plus, minus, times, entrywise, juxtaposed = "+", "−", "·", "⊙", "\u2062"

    def _letters(self, base: str) -> str:
        if base in GREEK:
            base = _GREEK_LETTERS[base]
        upright = ' mathvariant="normal"' if len(base) == 1 and not base.isalpha() else ""
        return f"<mi{upright}>{escape(base)}</mi>"

    def symbol(self, name: str) -> str:
        base, below = subscripted(name)
        if not below:
            return self._letters(base)
        return f"<msub>{self._letters(base)}{f'<mn>{below}</mn>' if below.isdigit() else self._letters(below)}</msub>"

    def derivative(self, of: str, by: str) -> str:
        return f"<mfrac>{row('<mo>∂</mo>', of)}{row('<mo>∂</mo>', by)}</mfrac>"

    def number(self, text: str) -> str:
        if text.startswith("-") and " " not in text:
            return row(operator("−", form="prefix"), self.number(text[1:]))
        parts = re.fullmatch(r"(.+) ([+-]) (.+)i", text)
        if parts:
            return row(self.number(parts[1]), self.operator(f" {parts[2]} "), self.number(parts[3]), "<mi>i</mi>")
        power = re.fullmatch(r"(.*)e([+-]?)0*(\d+)", text)
        if power:
            exponent = ("−" if power[2] == "-" else "") + power[3]
            return row(f"<mn>{power[1]}</mn>", operator("×"), f"<msup><mn>10</mn><mn>{exponent}</mn></msup>")
        return "<mi>∞</mi>" if text == "inf" else f"<mn>{escape(text)}</mn>"

    def words(self, text: str) -> str:
        return words(text)

    def fraction(self, above: Piece, below: Piece) -> str:
        return f"<mfrac>{row(above.text)}{row(below.text)}</mfrac>"

    def power(self, base: str, exponent: Piece) -> str:
        return f"<msup>{row(base)}{row(exponent.text)}</msup>"

    def parenthesized(self, text: str) -> str:
        return self.around("(", text, ")")

    def bracketed(self, text: str) -> str:
        return self.around("[", text, "]")

    def call(self, name: str, arguments: Sequence[str]) -> str:
        inside = operator(",").join(arguments)
        return row(f"<mi>{escape(name)}</mi>", operator("\u2061"), self.parenthesized(inside))

    def indexed(self, text: str, index: str) -> str:
        return row(text, self.bracketed(index))

    def marked(self, text: str, mark: str) -> str:
        letter = mark[-1].translate(str.maketrans("ᵀᴴ¹", "TH1"))
        what = f"<mn>{letter}</mn>" if letter == "1" else f'<mi mathvariant="normal">{letter}</mi>'
        raised = row(operator("−", form="prefix"), what) if mark.startswith("⁻") else what
        return f"<msup>{row(text)}{raised}</msup>"

    def conjugate(self, text: str) -> str:
        return f"<mover>{row(text)}{operator('‾', stretchy='true')}</mover>"

    def summed(self, text: str, over: str) -> str:
        return row(f"<munder><mo>∑</mo>{over}</munder>" if over else "<mo>∑</mo>", text)

    def root(self, piece: Piece, degree: int) -> str:
        if degree == 2:
            return f"<msqrt>{piece.text}</msqrt>"
        return f"<mroot>{row(piece.text)}<mn>{degree}</mn></mroot>"

    def around(self, left: str, text: str, right: str) -> str:
        return row(
            operator(left, form="prefix", stretchy="true"), text, operator(right, form="postfix", stretchy="true")
        )

    def operator(self, token: str) -> str:
        if token == self.juxtaposed:
            return operator(token) + '<mspace width="0.2em"/>'
        return operator("−", form="prefix") if token == "-" else operator(token.strip().replace("-", "−"))

    def array(self, value: Any, exact: bool) -> str:
        """A vector as a column, a matrix as rows; an array of more axes as summarised."""
        if np.ndim(value) > 2 or not is_small(value, exact):
            return words(summary(value))
        rows = [[self.number(digits(x, exact)) for x in np.atleast_1d(each)] for each in np.asarray(value)]
        cells = "".join("<mtr>" + "".join(f"<mtd>{cell}</mtd>" for cell in each) + "</mtr>" for each in rows)
        return self.bracketed(f"<mtable>{cells}</mtable>")


_MATHML = MathML()


def mathml_of(sections: Iterable) -> str:
    """The whole derivation as one `<math>` element."""
    rows = []
    for heading, lines in sections:
        rows.append(_cells(f'<mtext style="font-weight: bold">{escape(heading)}</mtext>', ""))
        rows += [_cells(words(line), "") if isinstance(line, str) else _line(line) for line in lines]
    style = 'display="block" style="text-align: left; width: fit-content"'
    return f'<math xmlns="http://www.w3.org/1998/Math/MathML" {style}><mtable>{"".join(rows)}</mtable></math>'


def _cells(formula: str, remark: str) -> str:
    left = '<mtd style="text-align: left; padding: 0.3em 1.5em 0.3em 0">'
    return f"<mtr>{left}{displayed(formula)}</mtd>{left}{row(remark)}</mtd></mtr>"


def _line(line: Line) -> str:
    items = [item_mathml(item) for item in line.items]
    signs = ["="] * (len(items) - 2) + ["=" if exactly(line.items) else "≈"]
    chain = items[0] + "".join(operator(sign) + item for sign, item in zip(signs, items[1:], strict=False))
    space = '<mspace width="3em"/>' if line.indented else '<mspace width="1em"/>'
    return _cells(space + (words(f"{line.number}. ") if line.number else "") + chain, remark_mathml(line.remark))


def item_mathml(item: Any) -> str:
    if isinstance(item, Value):
        if np.ndim(item.value):
            return _MATHML.array(item.value, item.exact)
        return _MATHML.number(digits(np.asarray(item.value)[()], item.exact))
    return _MATHML.formula(item) if isinstance(item, Formula) else _MATHML.term(item).text


def remark_mathml(remark: str | tuple) -> str:
    if isinstance(remark, str):
        return words(remark) if remark else ""
    first, *formulas = remark
    said = [operator("=").join(map(item_mathml, formula)) for formula in formulas]
    return words(first) + words(" and ").join(said)
