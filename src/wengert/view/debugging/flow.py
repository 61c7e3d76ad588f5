"""How derivatives flow through one graph: their size by layer, units that stop them, inputs that they never reach."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from wengert.core.linear import Parts
from wengert.core.variable import Variable
from wengert.view.debugging.findings import Cut, Inactive, Independent, Layer, Trend
from wengert.view.debugging.nonfinite import Legend, arrayed, positions
from wengert.view.debugging.observing import Left, ancestors
from wengert.view.derivations.terms import plain
from wengert.view.recording import Place

TREND = 1e6  # a ratio of adjoints' norms from which on they are called vanishing or exploding
SATURATED = 1e-4  # of the greatest slope that a function has: below it a unit is called saturated

STOPPING = frozenset({"maximum", "minimum", "fmax", "fmin", "where"})
GREATEST_SLOPE = {"tanh": 1.0, "scipy.special.expit": 0.25, "arctan": 1.0, "scipy.special.erf": 2 / np.sqrt(np.pi)}


# -- size by layer ------------------------------------------------------------------------------------------------------


def norm(adjoint: Any) -> float:
    """The 2-norm of an adjoint, of several outputs together."""
    value = plain(adjoint)
    if isinstance(value, Parts):
        return float(np.sqrt(sum(norm(part) ** 2 for part in value.values if part is not None)))
    return abs(value) if np.ndim(value) == 0 else float(np.linalg.norm(np.ravel(value)))


class _Line:
    """One line of the code: the largest adjoint of each time that it ran. (A line has small ones too: of what cancels.)"""

    def __init__(self, place: Place | None):
        self.place = place
        self.last: Variable | None = None
        self.norms: list[float] = []
        self.inside: set[tuple] = set()  # the parts of the line that ran already this time

    def add(self, node: Variable, place: Place | None, size: float) -> None:
        part = (node._primitive.name, place and (place.column, place.end_column, place.calls))
        if not self.norms or part in self.inside:
            self.norms.append(size)
            self.inside = set()
        else:
            self.norms[-1] = max(self.norms[-1], size)
        self.inside.add(part)
        self.last = node


def layers(nodes: Sequence[Variable], adjoints: Mapping, legend: Legend) -> list[Layer]:
    """The adjoints by the line of the code that computed the values, in the order of execution."""
    found: dict[Any, _Line] = {}
    with np.errstate(all="ignore"):
        for node in nodes:
            if node._primitive is None or node not in adjoints:
                continue
            place = legend.place(node)
            key = (place.file, place.line) if place is not None else node
            if key not in found:
                found[key] = _Line(place)
            found[key].add(node, place, norm(adjoints[node]))
    return [
        Layer(
            _line_name(line.place, line.last, legend),
            line.place,
            len(line.norms),
            line.norms[0],
            line.norms[-1],
            min(line.norms),
            max(line.norms),
        )
        for line in found.values()
    ]


def _line_name(place: Place | None, last: Variable | None, legend: Legend) -> str:
    return place.source.strip() if place is not None and place.source else legend.name(last)


def trends(lines: Sequence[Layer]) -> list[Trend]:
    """The worst pairs of an early and a later adjoint whose norms are more than `TREND` apart."""
    worst: dict[str, Trend] = {}
    largest: tuple[str, float] | None = None  # of what is computed later
    smallest: tuple[str, float] | None = None
    for line in reversed(lines):
        again = line.count > 1
        late = (line.name + " (last time)" if again else line.name, line.latest)
        early = (line.name + " (first time)" if again else line.name, line.earliest)
        if _comparable(late[1]):
            largest = late if largest is None or late[1] > largest[1] else largest
            smallest = late if smallest is None or late[1] < smallest[1] else smallest
        if largest is None or smallest is None or not _comparable(early[1]):
            continue
        for kind, reference in (("vanishing", largest), ("exploding", smallest)):
            trend = Trend(kind, *early, *reference)
            apart = trend.ratio if kind == "exploding" else 1 / trend.ratio
            known = worst.get(kind)
            if apart > TREND and (known is None or abs(np.log(trend.ratio)) > abs(np.log(known.ratio))):
                worst[kind] = trend
    return list(worst.values())


def _comparable(size: float) -> bool:
    return bool(np.isfinite(size)) and size > 0


# -- units that let nothing through -------------------------------------------------------------------------------------


def inactive(nodes: Sequence[Variable], adjoints: Mapping, legend: Legend) -> list[Inactive]:
    """Units of relu-like operations that are dead, and of squashing ones that are saturated, for the whole batch.

    Of a line that ran several times those units that were so each time.
    """
    found: dict[Any, list] = {}
    with np.errstate(all="ignore"):
        for node in nodes:
            name = node._primitive.name if node._primitive is not None else ""
            kind = "dead" if name in STOPPING else "saturated" if name in GREATEST_SLOPE else ""
            if not kind or node not in adjoints or len(node._children) != 1 or not np.shape(node._val):
                continue
            edges = positions(node)
            if len(edges) != 1:
                continue
            ((_, child, edge),) = edges
            shape = np.shape(plain(node._val))
            slope = np.abs(np.asarray(plain(edge.strong().pull(np.ones(shape)))))
            limit = SATURATED * GREATEST_SLOPE[name] if kind == "saturated" else 0.0
            units, size = _silent(slope <= limit)
            place = legend.place(node)
            key = (name, size, place and (place.file, place.line))
            if key in found:
                found[key][1] &= units
            else:
                found[key] = [Inactive(kind, name, legend.name(child), (), size, place), units]
    return [
        Inactive(one.kind, one.operation, one.symbol, tuple(sorted(units)), one.size, one.place)
        for one, units in found.values()
        if units
    ]


def _silent(stopped: Any) -> tuple[set[int], int]:
    """The units, places along the last axis, that are stopped in every row; without a batch, all or none."""
    size = stopped.shape[-1]
    if stopped.ndim > 1 and stopped.size > size:
        return {int(i) for i in np.flatnonzero(stopped.all(axis=tuple(range(stopped.ndim - 1))))}, size
    return (set(range(size)) if stopped.size and stopped.all() else set()), size


# -- inputs that nothing depends on -------------------------------------------------------------------------------------

INPUTS = 50  # of those that the result is computed from, that are looked into


def independent(
    inputs: Sequence[Variable],
    nodes: Sequence[Variable],
    adjoints: Mapping,
    left: Sequence[Left],
    legend: Legend,
    known: Sequence[tuple[str, Any]],
) -> list[Independent]:
    """The inputs whose gradient is exactly zero, and what cut the dependence."""
    still = [
        leaf for leaf in inputs if leaf.size and (leaf not in adjoints or not np.any(np.asarray(plain(adjoints[leaf]))))
    ]
    if not still:
        return []
    inner = set(nodes)
    before = [(ancestors(variables), cut) for variables, cut in left]
    unused = _unused(still, inner, known)
    found, looked_into = [], 0
    for leaf in still:
        outside = [cut for above, cut in before if leaf in above]
        inside: list[Cut] = []
        flat: list[Cut] = []
        if leaf in inner and looked_into < INPUTS:
            looked_into += 1
            inside, flat = _stops(leaf, nodes, adjoints, legend)
        if leaf in adjoints:
            cuts, kind = flat + inside, "cut" if inside and not flat else "zero"
        else:
            cuts, kind = inside + outside, "cut"
            if not cuts:
                cuts, kind = unused.get(leaf, []), "unused"
        found.append(Independent(legend.name(leaf), kind, tuple(dict.fromkeys(cuts))))
    return found


UNUSED = "the result does not use it"


def _unused(leaves: Sequence[Variable], inner: set[Variable], known: Sequence[tuple[str, Any]]) -> dict:
    """Leaf -> what the code computed from it and has a name for, but did not use."""
    found: dict[Variable, list[Cut]] = {}
    seen, wanted = set(inner), set(leaves)
    for name, value in known:
        if not isinstance(value, Variable) or value.node in seen or value.node._primitive is None:
            continue
        above = ancestors([value.node], seen)
        seen |= above
        for leaf in above & wanted:
            found[leaf] = [Cut(name, UNUSED, None)]
    return found


def _stops(leaf: Variable, nodes: Sequence[Variable], adjoints: Mapping, legend: Legend) -> tuple[list[Cut], list[Cut]]:
    """The operations on the way from the leaf that hand nothing back: those without an edge, and those with a zero one."""
    inside, flat = [], []
    above = {leaf}
    with np.errstate(all="ignore"):
        for node in nodes:
            tainted = [child for child in node._children if child in above]
            if not tainted:
                continue
            above.add(node)
            cotangent = adjoints.get(node)
            if cotangent is None or node._primitive is None or not norm(cotangent):
                continue
            edges = positions(node)
            for child in tainted:
                pulled = [edge.strong().pull(arrayed(cotangent)) for _, c, edge in edges if c is child]
                pulled = [p for p in pulled if p is not None]
                if not pulled:
                    inside.append(Cut(node._primitive.name, "piecewise constant", legend.place(node)))
                elif not any(norm(p) for p in pulled):
                    flat.append(Cut(node._primitive.name, "its slope is 0 here", legend.place(node)))
    return inside, flat
