"""What a derivation says: the values in the order of execution, then the derivatives by them, from the output down.

The numbers are those of one reverse sweep, the one that `gradients` makes. This room finds the rule of each step and puts its
formula together; how that is written is left to the formats.
"""

from __future__ import annotations

import ast
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from wengert.core.adjoints import fit, is_finite
from wengert.core.linear import Entry, LinearMap, Parts
from wengert.core.partials import Elementwise
from wengert.core.sweep import Gradients, gradients, order
from wengert.core.variable import Variable
from wengert.view.derivations.formulas import conjugated, signed, sum_of
from wengert.view.derivations.notation import (
    SMALL,
    Derivative,
    Formula,
    Number,
    Symbol,
    Term,
    Words,
    is_rounded,
    without_minus,
)
from wengert.view.derivations.rules import REAL, UNCONJUGATED, Rule, parsed, rule_for
from wengert.view.derivations.terms import (
    REDUCED,
    axes_text,
    dims,
    free_terms,
    given,
    index_text,
    operand_name,
    plain,
    shape_of,
    shapes_of,
    summed_axes,
)
from wengert.view.names import symbol_names
from wengert.view.recording import Named


class Value(NamedTuple):
    """A number or array that was computed; `exact` asks for every digit."""

    value: Any
    exact: bool = False


class Line(NamedTuple):
    """One line: items that are equal to each other, and what is said of it. `number` counts the steps."""

    items: tuple[Term | Formula | Value, ...]
    remark: str | tuple = ""  # words, and what is written as a formula
    number: int | None = None
    indented: bool = False


class Contribution(NamedTuple):
    """What reaches a variable along one edge, the one from the operand at this position."""

    child: Variable
    position: int
    edge: LinearMap
    rule: str
    formula: Formula
    numbers: Formula | None
    value: Any
    through: tuple


MANY = 12  # operands of a call that are all named; of more the first and the last ones are
SUMMANDS = 4  # that are written in one line; with more of them the line gives only the result
_BROADCAST = frozenset({"where", "broadcast_to"})


class Lines:
    """The lines of a derivation, made when asked for: of a long one only those that are shown."""

    def __init__(self, root: Variable, targets: Sequence[Variable], known: Named, cotangent: Any = None):
        self.root = root
        self.nodes = order([root])
        inside = set(self.nodes)
        self.targets = [target if target in inside else target.node for target in targets]
        self.gradients: Gradients = gradients(root, cotangent)
        held = [arg for node in self.nodes for arg in node._args if dims(arg) > 0]
        constants = {id(arg): arg for arg in held if not (isinstance(arg, Variable) and arg in inside)}
        self.names = symbol_names([*self.nodes, *self.targets], root, constants.values(), known)
        self.constants = constants
        self.depends: set[Variable] = set()
        self._step: tuple[Any, tuple, bool] = (None, (), False)
        wanted = set(self.targets)
        self.parents: dict[Variable, list[Variable]] = {}
        for node in self.nodes:
            if node in wanted or any(child in self.depends for child in node._children):
                self.depends.add(node)
                for child in dict.fromkeys(node._children):
                    if child in self.depends:
                        self.parents.setdefault(child, []).append(node)
        nodes = [node for node in self.nodes if not isinstance(node._val, tuple)]
        self.shown = [*constants.values(), *nodes]
        self.steps = [node for node in reversed(nodes) if node in self.depends and node in self.gradients]

    # -- terms --------------------------------------------------------------------------------------------------------

    def symbol(self, node: Any) -> Symbol:
        return Symbol(self.names[id(node)], shape_of(node))

    def operand(self, arg: Any, node: Variable) -> Term:
        """What stands in a formula for an operand: a symbol, or a number that is no variable."""
        if id(arg) in self.names:
            return self.symbol(arg)
        value = plain(arg)
        if isinstance(value, (str, list, tuple)) or np.ndim(value):
            return Words(str(value))
        return Number(value)

    def adjoint(self, node: Variable) -> Derivative:
        return Derivative(self.symbol(self.root), self.symbol(node))

    # -- definitions --------------------------------------------------------------------------------------------------

    def definition(self, node: Variable) -> tuple[Any, ...]:
        """The symbol of a node and the formula of its value."""
        formula = self.value_formula(node)
        return (self.symbol(node),) if formula is None else (self.symbol(node), formula)

    def value_formula(self, node: Variable) -> Formula | None:
        if node._primitive is None:
            return None
        name, terms = node._primitive.name, {}
        if name == "output":
            (parent,) = node._args
            inner = self.value_formula(parent)
            if inner is None:
                return None
            return Formula(ast.Subscript(inner.tree, ast.Constant(node._params["i"])), inner.terms)
        row = rule_for(name, shapes_of(node), given(node._params))
        for i, arg in enumerate(node._args):
            terms[operand_name(i)] = self.operand(arg, node)
        if row is not None and row.value is not None:
            return Formula(parsed(row.value), terms | self.free_terms(node, 0))
        arguments: list[ast.expr] = [ast.Name(operand_name(i)) for i in range(len(node._args))]
        if len(arguments) > MANY:
            terms["more"] = Words("…")
            arguments[MANY // 2 : -(MANY // 2)] = [ast.Name("more")]
        if name in ("concatenate", "stack"):
            arguments = [ast.List(arguments)]
        keywords = [
            ast.keyword(key, ast.Name(str(value)))
            for key, value in given(node._params).items()
            if isinstance(value, (int, float, str, tuple)) and key not in ("index", "shape")
        ]
        if name == "setitem":
            arguments = [arguments[0], ast.Name("index"), arguments[1]]
            terms["index"] = Words(index_text(node._params["index"]))
        short = name.rsplit(".", 1)[-1].replace("hand-made", "given")
        return Formula(ast.Call(ast.Name(short), arguments, keywords), terms)

    def numbers(self, formula: Formula, values: dict[str, Any]) -> Formula | None:
        """The formula with numbers for its names, if all are single numbers and there is something to calculate."""
        used = {found.id for found in ast.walk(formula.tree) if isinstance(found, ast.Name)} & formula.terms.keys()
        tree = without_minus(formula.tree) or formula.tree
        if isinstance(tree, (ast.Name, ast.Subscript)) or not used:
            return None
        terms: dict[str, Term] = {}
        for name in used:
            value = values.get(name, formula.terms[name])
            if isinstance(value, Number):
                terms[name] = value
            elif isinstance(value, (Symbol, Derivative, Words, tuple, str)) or np.ndim(value):
                return None
            else:
                terms[name] = Number(value)
        return Formula(formula.tree, terms)

    def define(self, node: Any) -> Line:
        """The line that gives the value of a node, or of an array that is no variable."""
        if id(node) in self.constants:
            return Line((self.symbol(node), Value(plain(node))), "constant")
        items: list[Any] = list(self.definition(node))
        if len(items) == 2:
            values = {operand_name(i): plain(arg) for i, arg in enumerate(node._args)}
            numeric = self.numbers(items[1], values)
            if numeric is not None:
                items.append(numeric)
        return Line((*items, Value(plain(node))))

    # -- steps --------------------------------------------------------------------------------------------------------

    def step(self, node: Variable, number: int) -> list[Line]:
        """The lines for the derivative with respect to one node: one, or one more for each of several paths."""
        result = Value(self.gradients[node])
        if node is self.root:
            return [Line((self.adjoint(node), result), "where the sweep starts", number)]
        found = [c for parent in reversed(self.parents[node]) for c in self.contributions(parent, node)]
        if len(found) == 1:
            (only,) = found
            chain: tuple[Any, ...] = (
                self.adjoint(node),
                only.formula,
                *([only.numbers] if only.numbers else []),
                result,
            )
            return [Line(chain, (f"{only.rule}, from ", *only.through), number)]
        items: list[Any] = [self.adjoint(node)]
        if 1 < len(found) <= SUMMANDS:
            items.append(sum_of([c.formula for c in found]))
            if all(np.ndim(c.value) == 0 for c in found):
                items.append(sum_of([signed(c.value) for c in found]))
        lines = [Line((*items, result), f"chain rule, the sum over {len(found)} paths", number)]
        for c in found:
            shown: tuple[Any, ...] = (c.formula, *([c.numbers] if c.numbers else []), Value(c.value))
            lines.append(Line(shown, (f"{c.rule}, through ", *c.through), None, True))
        return lines

    def contributions(self, parent: Variable, to: Variable | None = None) -> list[Contribution]:
        """What the edges of a node bring to its children, in the order of the operands; or to one child alone."""
        cotangent = self.gradients[parent] if parent in self.gradients else None
        if cotangent is None or parent._primitive is None:
            return []
        found, start = [], 0
        row = rule_for(parent._primitive.name, shapes_of(parent), given(parent._params))
        with np.errstate(all="ignore"):
            for child, edge in parent._primitive.maps(parent):
                position = next(
                    (i for i in range(start, len(parent._args)) if parent._args[i] is child and _has(row, i)), start
                )
                start = position + 1
                if to is not None and child is not to:
                    continue
                value = edge.pull(cotangent)
                if value is None:
                    continue
                if not is_finite(value):
                    value = edge.strong().pull(cotangent)
                value = fit(value, child._val)
                found.append(self.contribution(parent, child, position, row, edge, cotangent, value))
        return found

    def contribution(
        self, parent: Variable, child: Variable, position: int, row: Rule | None, edge: LinearMap, g: Any, value: Any
    ) -> Contribution:
        outputs = {n._params["i"]: n for n in self.parents.get(parent, ())} if isinstance(g, Parts) else {}
        if self._step[0] is not parent:  # what all edges of a node have in common
            through = tuple(self.definition(node) for node in outputs.values()) or (self.definition(parent),)
            held = [plain(arg) for arg in parent._args] + ([] if outputs else [plain(parent)])
            self._step = parent, through, not isinstance(edge, Entry) and any(map(np.iscomplexobj, held))
        _, through, is_complex = self._step
        pull = None
        if isinstance(edge, Entry):
            return self.generic(parent, child, position, edge, g, value, through, outputs)
        if row is not None and not (is_complex and parent._primitive.name in REAL):
            pull = _of_operand(row.pulls, position)
        if isinstance(g, Parts) and pull is not None:
            used = {n.id for n in ast.walk(parsed(pull)) if isinstance(n, ast.Name)}
            if any(part is not None and f"g{i}" not in used for i, part in enumerate(g.values)):
                pull = None
        if pull is None:
            return self.generic(parent, child, position, edge, g, value, through, outputs)
        terms: dict[str, Term] = {}
        values: dict[str, Any] = {}
        tree = parsed(pull)
        named = {n.id for n in ast.walk(tree) if isinstance(n, ast.Name)}
        for i, arg in enumerate(parent._args):
            if operand_name(i) in named:
                terms[operand_name(i)], values[operand_name(i)] = self.operand(arg, parent), plain(arg)
        if isinstance(g, Parts):
            for i in range(len(g.values)):
                known = outputs.get(i)
                short = parent._primitive.name.rsplit(".", 1)[-1]
                shape = np.shape(plain(parent)[i])
                terms[f"out{i}"] = self.symbol(known) if known is not None else Words(f"{short}(…)[{i}]", shape)
                if known is not None:
                    terms[f"g{i}"], values[f"g{i}"] = self.adjoint(known), g.values[i]
                values[f"out{i}"] = plain(parent)[i]
        else:
            terms |= {"g": self.adjoint(parent), "out": self.symbol(parent)}
            values |= {"g": g, "out": plain(parent)}
        terms |= self.free_terms(parent, position)
        if is_complex and parent._primitive.name not in UNCONJUGATED:
            tree = conjugated(tree, {key for key in values if key[0] != "g" and np.iscomplexobj(values[key])})
        name = _of_operand(row.name.split("|"), position) if row is not None else ""
        variables = [arg for arg in parent._args if isinstance(arg, Variable)]
        if name == "product rule" and len(variables) == 1 and len(parent._args) == 2:
            name = "constant factor rule"
        spread = isinstance(parent._primitive, Elementwise) or parent._primitive.name in _BROADCAST
        shape, wanted = np.shape(plain(parent)) if not outputs else (), np.shape(plain(child))
        if parent._primitive.name == "setitem" and position == 1:
            spread, shape = True, np.shape(plain(parent)[parent._params["index"]])
        if spread and shape != wanted and not outputs:
            words = summed_axes(shape, wanted)
            tree = ast.Call(ast.Name("total"), [tree, ast.Name("summed")] if words else [tree], [])
            if words:
                terms["summed"] = Words(words)
            name += ", summed over what was broadcast"
        if parent._primitive.name in REDUCED and shape and parent._params.get("axis") is not None:
            name += f", copied along axis {axes_text(parent._params['axis'])}"
        if is_complex and not np.iscomplexobj(plain(child)):
            tree = ast.Call(ast.Name("real"), [tree], [])
        formula = Formula(tree, terms)
        return Contribution(child, position, edge, name, formula, self.numbers(formula, values), value, through)

    def generic(
        self,
        parent: Variable,
        child: Variable,
        position: int,
        edge: LinearMap,
        g: Any,
        value: Any,
        through: tuple,
        outputs: dict,
    ) -> Contribution:
        """The chain rule with the edge itself, for what has no row: its linear map is named."""
        name = parent._primitive.name.rsplit(".", 1)[-1]
        single = not outputs and not isinstance(value, Parts) and np.ndim(g) == 0 and np.ndim(value) == 0
        if single and not np.iscomplexobj(value):
            terms = {"g": self.adjoint(parent), "d": Derivative(self.symbol(parent), self.symbol(child))}
            formula = Formula(parsed("g * d"), terms)
            partial = np.asarray(edge.pull(np.float64(1.0)))[()]
            return Contribution(
                child,
                position,
                edge,
                f"chain rule, derivative of {name}",
                formula,
                self.numbers(formula, {"g": g, "d": partial}),
                value,
                through,
            )
        above = next(iter(outputs.values()), parent)
        terms = {"g": self.adjoint(above), "d": Derivative(self.symbol(above), self.symbol(child))}
        tree = parsed("transpose(d) @ g")
        for i, node in enumerate(list(outputs.values())[1:]):
            terms |= {f"g{i}": self.adjoint(node), f"d{i}": Derivative(self.symbol(node), self.symbol(child))}
            tree = ast.BinOp(tree, ast.Add(), parsed(f"transpose(d{i}) @ g{i}"))
        label = f" (linear map: {edge.label})" if edge.label else ""
        rule = f"chain rule, derivative of {name}{label}"
        return Contribution(child, position, edge, rule, Formula(tree, terms), None, value, through)

    def free_terms(self, node: Variable, position: int) -> dict[str, Term]:
        """What the other names in a row's formulas stand for in this call."""
        shape = np.shape(plain(node._args[position]))
        out = plain(node)
        terms = free_terms(node._primitive.name, node._params, position, [plain(x) for x in node._args], out, shape)
        if node._primitive.name in ("var", "std"):
            axis = node._params.get("axis")
            along = "" if axis is None else f", axis {axes_text(axis)}"
            terms["center"] = Words(f"mean({self.symbol(node._args[0]).name}{along})", () if axis is None else (1,))
        return terms

    # -- results ------------------------------------------------------------------------------------------------------

    def result(self, target: Variable) -> Line:
        value = Value(self.gradients[target], exact=True)
        left = Derivative(self.symbol(self.root), self.symbol(target))
        if target not in self.depends:
            remark = f"exactly: {self.symbol(self.root).name} was not computed from {self.symbol(target).name}"
            return Line((left, value), remark)
        if target not in self.gradients:
            return Line((left, value), "exactly: only piecewise constant functions lie between")
        return Line((left, value))


def _of_operand(entries: Sequence, position: int) -> Any:
    """A row's entry for an operand; functions of any number of operands have one for all."""
    return entries[min(position, len(entries) - 1)]


def _has(row: Rule | None, position: int) -> bool:
    return row is None or _of_operand(row.pulls, position) is not None


def exactly(items: tuple) -> bool:
    """Is the last of the items its value to the last digit? An array that is summarised is not written as a value at all."""
    last = items[-1]
    return not isinstance(last, Value) or last.exact or np.size(last.value) > SMALL or not is_rounded(last.value)
