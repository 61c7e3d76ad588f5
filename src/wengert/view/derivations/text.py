"""Derivations in plain characters, their remarks in a column of their own."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np

from wengert.view.derivations.derivation import Line, Value, exactly
from wengert.view.derivations.notation import ATOM, PRODUCT, SMALL, Formula, Notation, Piece, digits

WIDTH = 72  # of a line that has its remark beside it; below a longer one it has a line of its own

_RAISED = str.maketrans("0123456789-", "⁰¹²³⁴⁵⁶⁷⁸⁹⁻")


class Text(Notation):
    """Plain characters."""

    derivative_binding = PRODUCT
    fraction_binding = PRODUCT

    def symbol(self, name: str) -> str:
        return name

    def derivative(self, of: str, by: str) -> str:
        return f"∂{of}/∂{by}"

    def number(self, text: str) -> str:
        return text

    def words(self, text: str) -> str:
        return text

    def fraction(self, above: Piece, below: Piece) -> str:
        over = above.text if above.binding >= PRODUCT and not _is_fraction(above) else f"({above.text})"
        under = below.text if below.binding > PRODUCT and not below.negative else f"({below.text})"
        return f"{over} / {under}"

    def power(self, base: str, exponent: Piece) -> str:
        if re.fullmatch(r"-?\d+", exponent.text):
            return base + exponent.text.translate(_RAISED)
        return f"{base}^{exponent.text if exponent.binding >= ATOM else f'({exponent.text})'}"

    def parenthesized(self, text: str) -> str:
        return f"({text})"

    def bracketed(self, text: str) -> str:
        return f"[{text}]"

    def call(self, name: str, arguments: Sequence[str]) -> str:
        return f"{name}({', '.join(arguments)})"

    def indexed(self, text: str, index: str) -> str:
        return f"{text}[{index}]"

    def marked(self, text: str, mark: str) -> str:
        return text + mark

    def conjugate(self, text: str) -> str:
        return f"conj({text})"

    def summed(self, text: str, over: str) -> str:
        whole = f"({text})" if " " in text and not text.startswith("(") else text
        return f"Σ[{over}] {whole}" if over else f"Σ {whole}"

    def root(self, piece: Piece, degree: int) -> str:
        sign = "√" if degree == 2 else "∛"
        return sign + (piece.text if piece.binding >= ATOM and "(" not in piece.text else f"({piece.text})")

    def around(self, left: str, text: str, right: str) -> str:
        return left + text + right


def _is_fraction(piece: Piece) -> bool:
    return "∂" in piece.text and piece.binding == PRODUCT and " " not in piece.text


_TEXT = Text()


def text_of(sections: Iterable) -> str:
    """The whole derivation."""
    parts = []
    for heading, lines in sections:
        cells = [line if isinstance(line, str) else _cells(line) for line in lines]
        short = [len(cell[0]) for cell in cells if isinstance(cell, tuple) and cell[1] and len(cell[0]) <= WIDTH]
        width = max(short, default=0)
        parts.append("\n".join([heading, *("  " + _joined(cell, width) for cell in cells)]))
    return "\n\n".join(parts)


def _joined(cell: Any, width: int) -> str:
    if isinstance(cell, str):
        return cell
    line, remark = cell
    if not remark:
        return line
    return f"{line}\n         {remark}" if len(line) > WIDTH else f"{line:<{width}}    {remark}"


def _cells(line: Line) -> tuple[str, str]:
    """The formulas of a line, and the remark."""
    return start_of(line) + relation(line, [item_text(item) for item in line.items], " = ", " ≈ "), remark_text(
        line.remark
    )


def start_of(line: Line) -> str:
    return f"{line.number}. " if line.number else "     " if line.indented else ""


def relation(line: Line, items: list[str], equal: str, nearly: str) -> str:
    """The items with what stands between them: ≈ before a number that is not given to the last digit."""
    if len(items) == 1:
        return items[0]
    return equal.join(items[:-1]) + (equal if exactly(line.items) else nearly) + items[-1]


def item_text(item: Any) -> str:
    if isinstance(item, Value):
        return value_text(item.value, item.exact)
    return _TEXT.formula(item) if isinstance(item, Formula) else _TEXT.term(item).text


def remark_text(remark: str | tuple) -> str:
    if isinstance(remark, str):
        return remark
    first, *formulas = remark
    return first + " and ".join(" = ".join(map(item_text, formula)) for formula in formulas)


def value_text(value: Any, exact: bool = False) -> str:
    """A number, a small array entry by entry with its shape, a large one by shape, dtype and norm."""
    if np.ndim(value) == 0:
        return digits(value[()] if isinstance(value, np.ndarray) else value, exact)
    return f"{entries_text(value, exact)}, shape {np.shape(value)}" if is_small(value, exact) else summary(value)


def is_small(value: Any, exact: bool) -> bool:
    """Is an array printed entry by entry? Of results more is printed than in the steps."""
    return np.size(value) <= (2 * SMALL if exact else SMALL)


def entries_text(value: Any, exact: bool) -> str:
    if np.ndim(value) == 0:
        return digits(value[()], exact)
    return "[" + ", ".join(entries_text(part, exact) for part in np.asarray(value)) + "]"


def summary(value: Any) -> str:
    """What is said of an array that is too large to print."""
    with np.errstate(all="ignore"):
        norm = float(np.linalg.norm(np.ravel(value)))
    return f"array of shape {np.shape(value)}, {np.asarray(value).dtype}, norm {digits(norm)}"
