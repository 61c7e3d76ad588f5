"""The hunt for inf and nan through one graph: where they arose in the values, where in the reverse sweep, and what zeros won.

The hunt reads the values, partials and adjoints of the graph and computes no derivative of its own: the sweep is the core's.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from typing import Any, NamedTuple

import numpy as np

from wengert.core.adjoints import Adjoints, is_finite
from wengert.core.linear import Divide, LinearMap, Parts, Scale, conj
from wengert.core.partials import Elementwise
from wengert.core.primitive import ENTRY
from wengert.core.sweep import pull_back
from wengert.core.variable import Variable
from wengert.view.debugging.findings import Finding, Index, Operand, Suppressed
from wengert.view.debugging.reasons import FOLLOWS, Why, of_map, of_slope, of_value, of_whole, overflow
from wengert.view.derivations.terms import plain
from wengert.view.recording import Place


class Legend(NamedTuple):
    """What the nodes of a graph are called, and where they were made."""

    names: dict[int, str]
    place: Callable[[Variable], Place | None]
    number: dict[Variable, int]  # the places in the order of execution

    def name(self, value: Any) -> str:
        return self.names.get(id(value), "constant")


class Swept(NamedTuple):
    """A reverse sweep: the adjoints of its plain run, those that are the result, and whether true zeros were needed."""

    plain: Adjoints
    adjoints: Adjoints
    strong: bool


def sweep(seeds: dict[Variable, Any], nodes: Sequence[Variable]) -> Swept:
    """The sweep of `gradients`, told apart into its plain run and its result."""
    adjoints = Adjoints(seeds)
    with np.errstate(all="ignore"):
        for node in reversed(nodes):
            if node._primitive is not None and node in adjoints:
                node._primitive.pull(node, adjoints[node], adjoints)
        if all(is_finite(adjoint) for adjoint in adjoints.values()):
            return Swept(adjoints, adjoints, False)
        leaves = [adjoints[node] for node in nodes if node._primitive is None and node in adjoints]
        return Swept(adjoints, pull_back(seeds), not all(map(is_finite, leaves)))


def finite(value: Any) -> bool:
    """Is a node's value, an operand or an adjoint finite? What is no number is."""
    value = plain(value)
    if isinstance(value, Parts):
        value = value.values
    if isinstance(value, (tuple, list)):
        return all(finite(part) for part in value if part is not None)
    if value.__class__ is float or value.__class__ is np.float64:
        return math.isfinite(value)
    return not _is_numeric(value) or bool(np.isfinite(value).all())


def _is_numeric(value: Any) -> bool:
    return isinstance(value, (float, complex)) or getattr(getattr(value, "dtype", None), "kind", "O") in "fc"


def _numbers(node: Variable) -> list:
    """The operands' values."""
    return [plain(arg) for arg in node._args]


def _entrywise(node: Variable) -> bool:
    return isinstance(node._primitive, Elementwise) and node._primitive.single


def _first(mask: Any) -> Index:
    return tuple(int(i) for i in np.argwhere(mask)[0])


def _entry_of(value: Any, index: Index, shape: tuple) -> tuple[Any, Index]:
    """The entry of an operand that goes into that entry of the result, and where it is in the operand."""
    own = np.shape(value)
    if not own:
        return np.asarray(value)[()], ()
    lead = len(shape) - len(own)
    there = tuple(0 if n == 1 else i for n, i in zip(own, index[lead:], strict=True))
    return np.asarray(value)[there], there


# -- forward ------------------------------------------------------------------------------------------------------------


def forward(nodes: Iterable[Variable], outputs: Sequence[Variable], legend: Legend) -> list[Finding]:
    """The operations at which a value stopped being finite, in the order of execution."""
    with np.errstate(all="ignore"):
        bad = [node for node in nodes if not finite(node._val)]
        reaching = _leading(set(bad), outputs)
        found = [_value_finding(node, node in reaching, legend) for node in bad if node._primitive is not ENTRY]
    return [finding for finding in found if finding is not None]


def _leading(bad: set[Variable], outputs: Sequence[Variable]) -> set[Variable]:
    """Those of the nodes from which an output is reached through such nodes alone."""
    stack = [node for node in outputs if node in bad]
    found = set(stack)
    while stack:
        for child in stack.pop()._children:
            if child in bad and child not in found:
                found.add(child)
                stack.append(child)
    return found


def _value_finding(node: Variable, reaches: bool, legend: Legend) -> Finding | None:
    out, values = plain(node._val), _numbers(node)
    if node._primitive is None:
        wrong = ~np.isfinite(out)
        return _finding("forward", "input", node, node, wrong, out, (), ("it was given so", ""), reaches, legend)
    name = node._primitive.name
    if _entrywise(node):
        return _entry_finding(node, name, out, values, reaches, legend)
    constants = [not isinstance(arg, Variable) for arg in node._args]
    if all(map(finite, values)):
        kind = "arose"
    elif all(finite(v) for v, constant in zip(values, constants, strict=True) if not constant):
        kind = "constant"
    elif _has_nan(out) and not any(map(_has_nan, values)):
        kind = "turned"
    else:
        return None
    part: Any = next(p for p in (out if isinstance(out, tuple) else (out,)) if not finite(p))
    why = of_whole(name, values, out, node._params) if kind != "constant" else _given(node, values, constants, legend)
    operands = tuple(
        Operand(legend.name(arg), value)
        for arg, value in zip(node._args, values, strict=True)
        if _is_numeric(value) or isinstance(arg, Variable)
    )
    return _finding("forward", kind, node, node, ~np.isfinite(part), part, operands, why, reaches, legend)


def _entry_finding(node: Variable, name: str, out: Any, values: list, reaches: bool, legend: Legend) -> Finding | None:
    shape = np.shape(out)
    if not shape and any(isinstance(arg, Variable) and v != v for arg, v in zip(node._args, values, strict=True)):
        return None  # the commonest of many: a nan that came in goes on
    wrong = ~np.isfinite(out)
    fine, known, unset = np.ones(shape, bool), np.ones(shape, bool), np.ones(shape, bool)
    for arg, value in zip(node._args, values, strict=True):
        fine &= np.isfinite(value)
        unset &= ~np.isnan(value)
        if isinstance(arg, Variable):
            known &= np.isfinite(value)
    kinds = (("arose", wrong & fine), ("constant", wrong & known), ("turned", np.isnan(out) & unset))
    kind, mask = next(((kind, mask) for kind, mask in kinds if mask.any()), ("", None))
    if mask is None:
        return None
    index = _first(mask)
    entries = [_entry_of(value, index, shape) for value in values]
    value = np.asarray(out)[index]
    why = of_value(name, tuple(entry for entry, _ in entries), value)
    if kind == "constant":
        why = _given(node, [entry for entry, _ in entries], [not isinstance(a, Variable) for a in node._args], legend)
    operands = tuple(
        Operand(legend.name(arg), entry, there) for arg, (entry, there) in zip(node._args, entries, strict=True)
    )
    return _finding("forward", kind, node, node, mask, out, operands, why, reaches, legend)


def _given(node: Variable, values: list, constants: list[bool], legend: Legend) -> Why:
    for arg, value, constant in zip(node._args, values, constants, strict=True):
        if constant and not finite(value):
            return f"{legend.name(arg)}, which is not differentiated, holds {_what(value)}", "look at the data first"
    return "", ""


def _what(value: Any) -> str:
    return "nan" if _has_nan(value) else "inf"


def _has_nan(value: Any) -> bool:
    if isinstance(value, (tuple, list)):
        return any(map(_has_nan, value))
    return _is_numeric(value) and bool(np.isnan(value).any())


def _finding(
    direction: str,
    kind: str,
    node: Variable,
    of: Variable,
    mask: Any,
    value: Any,
    operands: tuple[Operand, ...],
    why: Why,
    reaches: bool,
    legend: Legend,
    **factors: Any,
) -> Finding:
    index = _first(mask)
    return Finding(
        direction,
        kind,
        node._primitive.name if node._primitive is not None else "",
        legend.name(of),
        index,
        np.shape(mask),
        int(np.sum(mask)),
        np.asarray(value)[index],
        operands,
        *why,
        reaches,
        legend.place(node),
        legend.number[node],
        **factors,
    )


# -- backward -----------------------------------------------------------------------------------------------------------


def backward(nodes: Sequence[Variable], swept: Swept, legend: Legend) -> tuple[list[Finding], list[Suppressed]]:
    """The operations at which an adjoint stopped being finite and those at which a zero won, in the order of the sweep."""
    findings: list[Finding] = []
    suppressed: list[Suppressed] = []
    if swept.plain is swept.adjoints:
        return findings, suppressed
    with np.errstate(all="ignore"):
        wrong = {node for node, adjoint in swept.plain.items() if not finite(adjoint)}
        lasting = {node for node in wrong if not finite(swept.adjoints[node])}
        reaching: set[Variable] = set()
        for node in nodes:
            if node in lasting and (node._primitive is None or any(child in reaching for child in node._children)):
                reaching.add(node)
        explained: set[Variable] = set()  # whose adjoint is not finite because a contribution to it is not
        for node in reversed(nodes):
            if node in lasting and node not in explained and node in swept.adjoints:
                findings.append(_sum_finding(node, plain(swept.adjoints[node]), node in reaching, legend))
            cotangent = swept.adjoints.get(node)
            if cotangent is None or node._primitive is None or wrong.isdisjoint(node._children):
                continue
            if node._primitive is ENTRY:  # one of several outputs hands on what it has
                explained.update(node._children if node in wrong else ())
                continue
            for position, child, edge in positions(node):
                if child in wrong:
                    step = _Step(node, position, child, edge, arrayed(cotangent), swept.strong, child in reaching)
                    if not _look_at(step, legend, findings, suppressed):
                        explained.add(child)
    return findings, suppressed


def arrayed(cotangent: Any) -> Any:
    """A cotangent as the linear maps take it: Python's own floats as NumPy's, which do not raise."""
    cotangent = plain(cotangent)
    return np.float64(cotangent) if cotangent.__class__ is float else cotangent


def positions(node: Variable) -> list[tuple[int, Variable, LinearMap]]:
    """The edges of a node with the positions of their operands."""
    found, at = [], 0
    for child, edge in node._primitive.maps(node):
        at = next((i for i in range(at, len(node._args)) if node._args[i] is child), 0)
        found.append((at, child, edge))
        at += 1
    return found


class _Step(NamedTuple):
    node: Variable
    position: int
    child: Variable
    edge: LinearMap
    cotangent: Any
    strong: bool
    reaches: bool


def _look_at(step: _Step, legend: Legend, findings: list[Finding], suppressed: list[Suppressed]) -> bool:
    """Look at one edge to an adjoint that is not finite, at least without true zeros; is its own contribution finite?"""
    edge, cotangent = step.edge, step.cotangent
    if isinstance(edge, Scale) and _entrywise(step.node):
        factor = conj(plain(edge.partial))
        usual = np.asarray(edge.multiply(cotangent, factor))
        final = np.asarray(edge.strong().multiply(cotangent, factor)) if step.strong else usual  # type: ignore[attr-defined]
        arose = ~np.isfinite(final) & np.isfinite(cotangent)
    else:
        usual = plain(edge.pull(cotangent))
        if usual is None:  # several outputs, and it went along another of their maps
            return True
        usual = np.asarray(usual)
        final = np.asarray(plain(edge.strong().pull(cotangent))) if step.strong else usual
        factor = None
        arose = ~np.isfinite(final) & finite(cotangent)
    won = ~np.isfinite(usual) & np.isfinite(final)
    if won.any():
        suppressed.append(
            Suppressed(
                step.node._primitive.name,
                legend.name(step.child),
                int(won.sum()),
                won.size,
                legend.place(step.node),
            )
        )
    if arose.any():
        findings.append(_slope_finding(step, legend, arose, final, factor))
    if not np.isfinite(final).all():
        return False
    summed = np.shape(final) != np.shape(plain(step.child._val))  # entries of a broadcast operand are added up
    return not summed or finite(plain(step.edge.strong().pull(step.cotangent)))


def _sum_finding(node: Variable, adjoint: Any, reaches: bool, legend: Legend) -> Finding:
    """An adjoint that is not finite though each contribution to it is."""
    parts = adjoint.values if isinstance(adjoint, Parts) else (adjoint,)
    part: Any = next(p for p in parts if not finite(p))
    why = overflow(part)
    why = (f"the sum of its contributions: {why[0]}", why[1])
    wrong = ~np.isfinite(np.asarray(part))
    return _finding("backward", "arose", node, node, wrong, part, (), why, reaches, legend)


def _slope_finding(step: _Step, legend: Legend, arose: Any, final: Any, factor: Any) -> Finding:
    node, name, index = step.node, step.node._primitive.name, _first(arose)
    values, factors = _numbers(node), {}
    kind = "arose"
    if factor is not None:
        shape = arose.shape
        entries = [_entry_of(value, index, shape) for value in values]
        partial, _ = _entry_of(factor, index, shape)
        if isinstance(step.edge, Divide):
            partial = 1 / np.asarray(partial)[()]
        cotangent, _ = _entry_of(step.cotangent, index, shape)
        why = of_slope(name, step.position, tuple(entry for entry, _ in entries), partial, cotangent)
        factors = {"cotangent": cotangent, "partial": partial}
        result, _ = _entry_of(plain(node._val), index, shape)
        kind = "arose" if finite(result) and all(finite(entry) for entry, _ in entries) else "follows"
        operands = tuple(Operand(legend.name(a), e, i) for a, (e, i) in zip(node._args, entries, strict=True))
    else:
        kind = "arose" if all(map(finite, values)) else "follows"
        scaled = _scaled(step.cotangent)
        unit = np.asarray(plain((step.edge.strong() if step.strong else step.edge).pull(scaled)))
        why = of_map(name, plain(node._val), bool(np.isfinite(unit).all())) if kind == "arose" else FOLLOWS
        operands = tuple(
            Operand(legend.name(arg), value)
            for arg, value in zip(node._args, values, strict=True)
            if isinstance(arg, Variable)
        )
    return _finding("backward", kind, node, step.child, arose, final, operands, why, step.reaches, legend, **factors)


def _scaled(cotangent: Any) -> Any:
    """A cotangent of entries up to 1: what a finite map takes to something finite."""
    if isinstance(cotangent, Parts):
        return Parts(tuple(None if part is None else _scaled(part) for part in cotangent.values))
    largest = np.max(np.abs(cotangent), initial=0)
    return np.asarray(cotangent / largest if largest else cotangent)[()]
