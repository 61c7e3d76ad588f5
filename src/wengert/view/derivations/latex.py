"""Derivations in LaTeX: one `aligned` block for each section, which MathJax and any LaTeX with amsmath set."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np

from wengert.view.derivations.derivation import Line, Value, exactly
from wengert.view.derivations.notation import Formula, Notation, Piece, digits
from wengert.view.derivations.text import is_small, summary

GREEK = frozenset(
    "alpha beta gamma delta epsilon zeta eta theta iota kappa lambda mu nu xi pi rho sigma tau upsilon phi chi psi omega "
    "Gamma Delta Theta Lambda Xi Pi Sigma Upsilon Phi Psi Omega".split()
)
FUNCTIONS = frozenset("sin cos tan sinh cosh tanh exp log det max min arcsin arccos arctan".split())
_RAISED_SUBSCRIPTS = str.maketrans("₀₁₂₃₄₅₆₇₈₉", "0123456789")
_SPECIAL = {c: "\\" + c for c in "&%$#_{}"} | {
    "\\": r"\textbackslash{}",
    "~": r"\textasciitilde{}",
    "^": r"\textasciicircum{}",
}
_COMMANDS = {
    **{"×": "times", "∘": "circ", "·": "cdot", "÷": "div", "≤": "le", "Σ": "Sigma", "⌊": "lfloor", "⌋": "rfloor"},
    **{"ᵀ": r"^{\top}", "⁻¹": "^{-1}", "…": "dots"},
}  # of the characters that linear maps' labels and remarks have


def subscripted(name: str) -> tuple[str, str]:
    """A name as its base and what stands below the line: W1, W_1, W₁ and b_out have something there."""
    base = name.rstrip("₀₁₂₃₄₅₆₇₈₉")
    if base != name and base:
        return base, name[len(base) :].translate(_RAISED_SUBSCRIPTS)
    found = re.fullmatch(r"([^\W\d_]+)_?(\d+)", name) or re.fullmatch(r"([^\W\d_]+)_([^\W_]+)", name)
    return (found[1], found[2]) if found else (name, "")


def escaped(text: str) -> str:
    """Plain words as LaTeX's text mode reads them."""
    made = "".join(_SPECIAL.get(c, c) for c in text)
    for character, command in _COMMANDS.items():
        made = made.replace(character, rf"\({command}\)" if command.startswith("^") else rf"\(\{command}\)")
    return made


class Latex(Notation):
    """LaTeX's math mode."""

    times, entrywise, juxtaposed = r" \cdot ", r" \odot ", r"\, "

    def _letters(self, base: str) -> str:
        if base in GREEK:
            return "\\" + base
        if base == "𝟏":
            return r"\mathbf{1}"
        if len(base) == 1:
            return base if base.isalnum() else rf"\text{{{escaped(base)}}}"
        return rf"\mathrm{{{base}}}" if base.isalnum() and base.isascii() else rf"\text{{{escaped(base)}}}"

    def symbol(self, name: str) -> str:
        base, below = subscripted(name)
        if not below:
            return self._letters(base)
        return f"{self._letters(base)}_{{{below if below.isdigit() else self._letters(below)}}}"

    def derivative(self, of: str, by: str) -> str:
        return rf"\frac{{\partial {of}}}{{\partial {by}}}"

    def number(self, text: str) -> str:
        special = {"inf": r"\infty", "-inf": r"-\infty", "nan": r"\mathrm{nan}"}
        if text in special:
            return special[text]
        return re.sub(r"e([+-]?)0*(\d+)", lambda m: rf" \times 10^{{{m[1].replace('+', '')}{m[2]}}}", text)

    def words(self, text: str) -> str:
        return rf"\text{{{escaped(text)}}}"

    def fraction(self, above: Piece, below: Piece) -> str:
        return rf"\frac{{{above.text}}}{{{below.text}}}"

    def power(self, base: str, exponent: Piece) -> str:
        return f"{{{base}}}^{{{exponent.text}}}"

    def parenthesized(self, text: str) -> str:
        return rf"\left({text}\right)"

    def bracketed(self, text: str) -> str:
        return rf"\left[{text}\right]"

    def call(self, name: str, arguments: Sequence[str]) -> str:
        command = f"\\{name}" if name in FUNCTIONS else rf"\operatorname{{{escaped(name)}}}"
        return rf"{command}\left({', '.join(arguments)}\right)"

    def indexed(self, text: str, index: str) -> str:
        return rf"{text}\left[{index}\right]"

    def marked(self, text: str, mark: str) -> str:
        raised = {"ᵀ": r"\top", "ᴴ": r"\mathrm{H}", "⁻¹": "-1", "⁻ᵀ": r"-\top", "⁻ᴴ": r"-\mathrm{H}"}[mark]
        return f"{{{text}}}^{{{raised}}}"

    def conjugate(self, text: str) -> str:
        return rf"\overline{{{text}}}"

    def summed(self, text: str, over: str) -> str:
        return rf"\sum_{{{over}}} {text}" if over else rf"\sum {text}"

    def root(self, piece: Piece, degree: int) -> str:
        return rf"\sqrt{{{piece.text}}}" if degree == 2 else rf"\sqrt[{degree}]{{{piece.text}}}"

    def around(self, left: str, text: str, right: str) -> str:
        names = {"|": "|", "⌊": r"\lfloor", "⌋": r"\rfloor", "‖": r"\|"}
        return rf"\left{names[left]} {text} \right{names[right]}"

    def array(self, value: Any, exact: bool) -> str:
        """A vector as a column, a matrix as rows; an array of more axes as summarised."""
        if np.ndim(value) > 2 or not is_small(value, exact):
            return rf"\text{{{escaped(summary(value))}}}"
        rows = [[self.number(digits(x, exact)) for x in np.atleast_1d(row)] for row in np.asarray(value)]
        return r"\begin{bmatrix}" + r" \\ ".join(" & ".join(row) for row in rows) + r"\end{bmatrix}"


_LATEX = Latex()


def latex_of(sections: Iterable) -> str:
    """The whole derivation, without the dollars around it."""
    rows = []
    for heading, lines in sections:
        rows.append(rf"&\textbf{{{escaped(heading)}}}")
        rows += [rf"&\quad\text{{{escaped(line)}}}" if isinstance(line, str) else _row(line) for line in lines]
    return "\\begin{aligned}\n" + " \\\\\n".join(rows) + "\n\\end{aligned}"


def _row(line: Line) -> str:
    items = [item_latex(item) for item in line.items]
    number = rf"{line.number}.\quad " if line.number else r"\qquad\qquad " if line.indented else r"\quad "
    signs = [" = "] * (len(items) - 2) + [" = " if exactly(line.items) else r" \approx "]
    chain = items[0] + "".join(sign + item for sign, item in zip(signs, items[1:], strict=False))
    remark = remark_latex(line.remark)
    return f"&{number}{chain}" + (rf" \qquad {remark}" if remark else "")


def item_latex(item: Any) -> str:
    if isinstance(item, Value):
        if np.ndim(item.value):
            return _LATEX.array(item.value, item.exact)
        return _LATEX.number(digits(np.asarray(item.value)[()], item.exact))
    return _LATEX.formula(item) if isinstance(item, Formula) else _LATEX.term(item).text


def remark_latex(remark: str | tuple) -> str:
    if isinstance(remark, str):
        return rf"\text{{{escaped(remark)}}}" if remark else ""
    first, *formulas = remark
    said = r"\text{ and }".join(" = ".join(map(item_latex, formula)) for formula in formulas)
    return rf"\text{{{escaped(first)}}} {said}"
