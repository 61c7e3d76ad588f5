"""A graph as people look at it: nodes in the order of execution, with symbols, formulas, places, adjoints and labelled edges.

This is what pictures, pages and reports are made of. The numbers are those of one reverse sweep, the formulas those of a
derivation; nothing here knows how anything is drawn.
"""

from __future__ import annotations

import ast
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from wengert.core import errors
from wengert.core.linear import Entry, Parts
from wengert.core.sweep import order
from wengert.core.variable import Variable
from wengert.view.calling import call_named
from wengert.view.derivations.derivation import Contribution, Lines
from wengert.view.derivations.notation import Derivative, Formula, Term, Words, digits
from wengert.view.derivations.terms import plain
from wengert.view.derivations.text import item_text
from wengert.view.recording import Named, Place, Recording, names_at


@dataclass(frozen=True, slots=True)
class Edge:
    """From a node to one of its operands: both by number, and the operand's position in the call."""

    parent: int
    child: int
    position: int


@dataclass(frozen=True, slots=True)
class Node:
    """One value of the computation.

    Attributes
    ----------
    number : int
        The place in the order of execution, from 0.
    symbol : str
        A name that no other node of the graph has.
    is_named : bool
        Whether the symbol is, or is made of, a name that the user gave: by `set_name` or in the code.
    operation : str
        What computed it: 'multiply', 'linalg.inv'; '' for an input.
    edges : tuple of Edge
        One for each operand that is a node.
    place : Place or None
        Where in the user's code, if that was recorded.
    """

    number: int
    variable: Variable = field(repr=False)
    symbol: str
    is_named: bool
    operation: str
    edges: tuple[Edge, ...] = field(repr=False)
    place: Place | None = field(repr=False)

    @property
    def value(self) -> Any:
        """The number or array; a tuple of them for an operation with several outputs."""
        return plain(self.variable)

    @property
    def shape(self) -> tuple:
        return () if self.is_tuple else np.shape(self.value)

    @property
    def is_input(self) -> bool:
        return not self.operation

    @property
    def is_tuple(self) -> bool:
        """Does it stand for several outputs at once? Each of them is a node of its own, with this as its operand."""
        return isinstance(self.value, tuple)


class Graph:
    """The graph of one variable.

    Attributes
    ----------
    nodes : list of Node
        In the order of execution; the last one is the root.
    uses : list of list of Edge
        For each node the edges that lead to it: where it is used.
    has_adjoints : bool
        Whether the root is a real scalar, so that each node has an adjoint.
    """

    def __init__(self, root: Variable, known: Named, recording: Recording | None = None):
        self.has_adjoints = root.size == 1 and root.dtype.kind != "c"
        # What is no real scalar is pulled back from ones: the edges' labels need some cotangent, and it is not shown.
        cotangent = None if self.has_adjoints else np.ones(root.shape, root.dtype)[()]
        inputs = _inputs(root)
        self._lines = Lines(root, inputs, known, cotangent)
        number = {node: i for i, node in enumerate(self._lines.nodes)}
        self.number = number
        self.recording = recording
        named = {id(held) for _, value in known for held in _both(value)}
        self.nodes: list[Node] = []
        self.uses: list[list[Edge]] = [[] for _ in number]
        for i, variable in enumerate(self._lines.nodes):
            edges = tuple(
                Edge(i, number[arg], position)
                for position, arg in enumerate(variable._args)
                if isinstance(arg, Variable) and arg in number
            )
            for edge in edges:
                self.uses[edge.child].append(edge)
            self.nodes.append(
                Node(
                    i,
                    variable,
                    self._lines.symbol(variable).name,
                    variable._name is not None or id(variable) in named,
                    variable._primitive.name if variable._primitive is not None else "",
                    edges,
                    recording.place(variable) if recording is not None else None,
                )
            )
        self._partials: tuple[Any, tuple] = (None, ())
        self._contributions: tuple[int, list[Contribution]] = (-1, [])

    @property
    def root(self) -> Node:
        return self.nodes[self.number[self._lines.root]]

    def adjoint(self, node: Node) -> Any:
        """The derivative of the root by a node, of its value's shape; None if there is none to speak of."""
        if not self.has_adjoints or node.is_tuple:
            return None
        return self._lines.gradients[node.variable]

    # -- formulas -----------------------------------------------------------------------------------------------------

    def formula(self, node: Node) -> str:
        """The node's value in terms of its operands, as text: 'a - b'; '' for an input."""
        formula = self._lines.value_formula(node.variable)
        return "" if formula is None else item_text(formula)

    def formula_in_numbers(self, node: Node) -> str:
        """The same with numbers for the symbols: '4 - 1'; '' where an operand is an array."""
        line = self._lines.define(node.variable)
        return item_text(line.items[2]) if len(line.items) == 4 else ""

    # -- edges --------------------------------------------------------------------------------------------------------

    def contributions(self, node: Node) -> list[Contribution]:
        """What reaches the node's operands along its edges, in the order of the operands.

        Edges along which nothing can flow, and all edges of a node that the root does not depend on, are not among them.
        """
        if self._contributions[0] != node.number:
            self._contributions = (node.number, self._lines.contributions(node.variable))
        return self._contributions[1]

    def contribution(self, edge: Edge) -> Contribution | None:
        """What one edge brings; None if nothing can flow along it."""
        found = [c for c in self.contributions(self.nodes[edge.parent]) if c.position == edge.position]
        return found[0] if found else None

    def label(self, edge: Edge) -> str:
        """What the edge does to a cotangent on the way back: a number, or the linear map: '× y', 'Wᵀ ·', 'Σ axis 0'."""
        contribution = self.contribution(edge)
        return "0" if contribution is None else label_of(contribution)

    def partial(self, edge: Edge) -> Any:
        """The local gradient: a number or an array for an entrywise edge, otherwise a linear map."""
        node = self.nodes[edge.parent].variable
        if self._partials[0] is not node:
            self._partials = node, node._primitive.local_gradients(node)
        pairs = self._partials[1]
        operands = self.nodes[edge.parent].edges
        if len(pairs) != len(operands):  # some operands have no derivative
            contribution = self.contribution(edge)
            return 0.0 if contribution is None else contribution.edge
        return pairs[operands.index(edge)][1]

    def chain_rule(self, edge: Edge) -> tuple[str, str, str]:
        """The edge's term of the chain rule in symbols and in numbers ('' with arrays), and the rule's name."""
        contribution = self.contribution(edge)
        if contribution is None:
            return "0", "", "no derivative flows"
        numbers = "" if contribution.numbers is None else item_text(contribution.numbers)
        return item_text(contribution.formula), numbers, contribution.rule


def label_of(contribution: Contribution) -> str:
    """A contribution's formula without the derivative that comes in."""
    if np.ndim(contribution.value) == 0 and contribution.edge.out_shape == () and not _is_parts(contribution):
        with np.errstate(all="ignore"):
            partial = np.asarray(contribution.edge.pull(np.float64(1.0)))[()]
        return digits(partial)
    if isinstance(contribution.edge, Entry):
        return f"[{contribution.edge.i}]"
    tree, terms = contribution.formula
    incoming = {name for name, term in terms.items() if isinstance(term, Derivative)}
    if "d" in incoming:  # the generic form: the linear map says more
        return contribution.edge.label
    around = ""
    if isinstance(tree, ast.Call) and isinstance(tree.func, ast.Name) and tree.func.id == "total":
        around = "Σ" if len(tree.args) == 1 else f"Σ {_text(terms[tree.args[1].id])}"  # type: ignore[attr-defined]
        tree = tree.args[0]
    shown: dict[str, Term] = {name: Words("·") if name in incoming else term for name, term in terms.items()}
    sign = ""
    match tree:
        case ast.UnaryOp(op=ast.USub(), operand=operand):
            sign, tree = "−", operand
    match tree:
        case ast.Call(func=ast.Name(id="place"), args=[ast.Name(), ast.Name(id=index), *_]):
            return f"into [{_text(terms[index])}]"
    rest = _without(tree, incoming)
    if rest is None:
        return _joined(around, sign + item_text(Formula(tree, shown)))
    if isinstance(rest, ast.Constant) and rest.value == 1:
        return _joined(around, "" if around and not sign else sign + "1")
    match rest:
        case ast.BinOp(left=ast.Constant(value=1), op=ast.Div(), right=divisor):
            return _joined(around, "÷ " + _grouped(item_text(Formula(divisor, shown)), sign))
    return _joined(around, "× " + _grouped(item_text(Formula(rest, shown)), sign))


def _without(tree: ast.expr, incoming: set[str]) -> ast.expr | None:
    """A product without its factor that comes in; None for what is no such product."""
    match tree:
        case ast.Name(id=name) if name in incoming:
            return ast.Constant(1)
        case ast.BinOp(left=left, op=ast.Mult() | ast.Div() as op, right=right):
            rest = _without(left, incoming)
            if rest is not None:
                alone = isinstance(op, ast.Mult) and isinstance(rest, ast.Constant) and rest.value == 1
                return right if alone else ast.BinOp(rest, op, right)
            rest = _without(right, incoming) if isinstance(op, ast.Mult) else None
            if rest is not None:
                alone = isinstance(rest, ast.Constant) and rest.value == 1
                return left if alone else ast.BinOp(left, op, rest)
    return None


def _grouped(text: str, sign: str) -> str:
    return f"{sign}({text})" if " " in text else sign + text


def _joined(around: str, inside: str) -> str:
    return f"{around}, {inside}" if around and inside else around or inside


def _text(term: Term) -> str:
    return item_text(term)


def _is_parts(contribution: Contribution) -> bool:
    """Do the cotangents of several outputs come in?"""
    return "g0" in contribution.formula.terms or isinstance(contribution.value, Parts)


def _both(value: Any) -> tuple:
    return (value, value.node) if isinstance(value, Variable) else (value,)


def _inputs(root: Variable) -> list[Variable]:
    return [node for node in order([root]) if node._primitive is None]


def graph_of(output: Any, args: tuple, frame: Any, name: str) -> Graph:
    """The graph of a variable, named by the code of `frame`; or that of what a function returns for `args`.

    Parameters
    ----------
    name : str
        Of the public function that is asking, for its errors.
    """
    if callable(output) and not isinstance(output, Variable):
        called = call_named(output, args)
        if not isinstance(called.value, Variable):
            raise errors.not_one_variable(called.value, name)
        return Graph(called.value.node, called.names, called.recording)
    if args:
        raise errors.not_callable(output, name)
    if not isinstance(output, Variable):
        raise errors.not_a_variable(output, name)
    return Graph(output.node, names_at(frame))
