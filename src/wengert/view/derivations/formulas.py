"""Formulas made of formulas: sums in which a minus is a difference, and the conjugates that complex numbers need."""

from __future__ import annotations

import ast
from collections.abc import Callable, Collection, Sequence
from typing import Any

import numpy as np

from wengert.view.derivations.notation import Formula, Number, Term, without_minus


def signed(value: Any) -> Formula:
    """A number whose minus can be taken for a difference."""
    if np.iscomplexobj(value) or not value < 0:
        return Formula(ast.Name("value"), {"value": Number(value)})
    return Formula(ast.UnaryOp(ast.USub(), ast.Name("value")), {"value": Number(-value)})


def sum_of(formulas: Sequence[Formula]) -> Formula:
    """The sum of formulas; one that begins with a minus is subtracted."""
    total: ast.expr | None = None
    terms: dict[str, Term] = {}
    for i, formula in enumerate(formulas):

        def own(name: str, i: int = i) -> ast.expr:
            return ast.Name(f"c{i}_{name}")

        terms |= {f"c{i}_{key}": term for key, term in formula.terms.items()}
        tree = mapped(formula.tree, own)
        positive = without_minus(tree)
        if total is None:
            total = tree
        else:
            total = ast.BinOp(total, ast.Add(), tree) if positive is None else ast.BinOp(total, ast.Sub(), positive)
    assert total is not None
    return Formula(total, terms)


def mapped(tree: ast.expr, change: Callable[[str], ast.expr]) -> ast.expr:
    """The same formula with something else for each name. Functions keep theirs."""
    match tree:
        case ast.Name(id=name):
            return change(name)
        case ast.BinOp(left=left, op=op, right=right):
            return ast.BinOp(mapped(left, change), op, mapped(right, change))
        case ast.UnaryOp(op=op, operand=operand):
            return ast.UnaryOp(op, mapped(operand, change))
        case ast.Compare(left=left, ops=ops, comparators=[right]):
            return ast.Compare(mapped(left, change), ops, [mapped(right, change)])
        case ast.Call(func=func, args=args, keywords=keywords):
            return ast.Call(func, [mapped(arg, change) for arg in args], keywords)
        case ast.Subscript(value=value, slice=index):
            return ast.Subscript(mapped(value, change), mapped(index, change))
    return tree


def conjugated(tree: ast.expr, names: Collection[str]) -> ast.expr:
    """The formula with the conjugates of these names: the adjoint of t -> a t is g -> conj(a) g."""

    def conjugate(name: str) -> ast.expr:
        return ast.Call(ast.Name("conj"), [ast.Name(name)], []) if name in names else ast.Name(name)

    return mapped(tree, conjugate)
