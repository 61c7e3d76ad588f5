"""A debug report as text that a person wants to read: what is wrong first, then what else was seen."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from typing import Any

from wengert.core.trees import flatten
from wengert.core.variable import Variable
from wengert.view.debugging.findings import (
    Cut,
    Finding,
    Inactive,
    Independent,
    Layer,
    Operand,
    Suppressed,
    Trend,
    shown,
)
from wengert.view.debugging.nonfinite import finite
from wengert.view.recording import Named, Place, Recording

LISTED = 12  # inputs
SHOWN = 5  # of each kind; the report's attributes have all


class Found:
    """What a debug report holds: see `wengert.view.debug.Report`, which documents it."""

    def __init__(self) -> None:
        self.value: Any = None
        self.gradient: Any = None
        self.error: BaseException | None = None
        self.raised_at: Place | None = None
        self.raised_with: tuple[Operand, ...] = ()
        self.forward: list[Finding] = []
        self.backward: list[Finding] = []
        self.suppressed: list[Suppressed] = []
        self.layers: list[Layer] = []
        self.trends: list[Trend] = []
        self.inactive: list[Inactive] = []
        self.independent: list[Independent] = []
        self.notes: list[str] = []
        self.roots: list[Variable] = []
        self.recording: Recording | None = None
        self.known: Named = []
        self.operations = 0
        self.swept = False  # whether there was something to sweep back from

    @property
    def ok(self) -> bool:
        values = [*flatten(self.value)[0], *flatten(self.gradient)[0]]
        return self.error is None and all(map(finite, values))

    @property
    def first(self) -> Finding | None:
        """Where to look first: the first finding that reached the result, forward before backward; None if all is well."""
        found = [*self.forward, *self.backward]
        reaching = [finding for finding in found if finding.reaches]
        return (reaching or ([] if self.ok else found) or [None])[0]  # type: ignore[list-item]

    def __str__(self) -> str:
        return report_text(self)

    def __repr__(self) -> str:
        return str(self)

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> dict[str, str]:
        from html import escape

        text = str(self)
        return {"text/plain": text, "text/html": f"<pre>{escape(text)}</pre>"}


def report_text(report: Found) -> str:
    """The whole report."""
    parts = [_verdict(report), *_nonfinite(report), *_quiet(report), *_flow(report), *report.notes]
    return "\n\n".join(part for part in parts if part)


def _verdict(report: Found) -> str:
    done = f"{report.operations} operation{'' if report.operations == 1 else 's'}"
    if report.error is not None:
        lines = [f"{type(report.error).__name__} was raised: {_one_line(report.error)}", *_source(report.raised_at)]
        if report.raised_with:
            lines.append("inputs: " + ", ".join(map(str, report.raised_with)))
        return (
            "\n  ".join(lines)
            + f"\n\nComputed up to there: {done}"
            + ("." if report.forward else ", all values finite.")
        )
    if not report.swept:
        return f"value = {_tree(report.value)}: it depends on none of the inputs."
    state = "finite" if finite_tree(report.gradient) else "not finite"
    value = "finite" if finite_tree(report.value) else "not finite"
    head = "All is finite" if report.ok else f"The value is {value}, the gradient is {state}"
    return f"{head} ({done}).\n  value    = {_tree(report.value)}\n  gradient = {_tree(report.gradient)}"


def finite_tree(tree: Any) -> bool:
    return all(map(finite, flatten(tree)[0]))


def _tree(tree: Any) -> str:
    if isinstance(tree, dict):
        return "{" + ", ".join(f"{key}: {_tree(part)}" for key, part in tree.items()) + "}"
    if isinstance(tree, (tuple, list)):
        inner = ", ".join(map(_tree, tree))
        return f"({inner})" if isinstance(tree, tuple) else f"[{inner}]"
    try:
        return shown(tree)
    except TypeError:
        return str(tree)


def _one_line(error: BaseException) -> str:
    return str(error).split("\n")[0]


# -- what is not finite -------------------------------------------------------------------------------------------------


def _nonfinite(report: Found) -> Iterator[str]:
    for title, findings in (("Forward", report.forward), ("Backward", report.backward)):
        first = (
            "the first operation whose value" if title == "Forward" else "the first operation whose partial or adjoint"
        )
        serious = [finding for finding in findings if finding.reaches or report.error is not None]
        harmless = [finding for finding in findings if finding not in serious]
        arose = [finding for finding in serious if finding.kind != "follows"]
        if arose:
            yield f"{title}: {first} is not finite\n" + _finding(arose[0])
            if len(arose) > 1:
                yield f"{title}, after it:\n" + _listed(map(_brief, arose[1:]))
        follows = [finding for finding in serious if finding.kind == "follows"]
        if follows:
            yield f"{title}, following from values that were not finite:\n" + _listed(map(_brief, follows))
        if harmless:
            yield f"{title}, not finite but without effect on the result:\n" + _listed(map(_brief, harmless))


def _finding(finding: Finding) -> str:
    lines = _source(finding.place)
    at = f"entry {_index(finding.index)} of shape {finding.shape}" if finding.shape else "a number"
    many = f", {finding.count} such entries" if finding.count > 1 else ""
    if finding.direction == "forward":
        what = f"{finding.operation or 'the input'} → {finding.symbol} = {shown(finding.value)}   ({at}{many})"
    else:
        what = f"{finding.operation}: the contribution to ∂/∂{finding.symbol} is {shown(finding.value)}   ({at}{many})"
    lines.append(what)
    if finding.reason:
        lines.append(f"why:    {finding.reason}")
    if finding.kind == "turned":
        lines.append("        (an operand was not finite before; no earlier operation made it so of finite numbers)")
    if finding.partial is not None:
        lines.append(
            f"        adjoint · partial = {shown(finding.cotangent)} · {shown(finding.partial)} = {shown(finding.value)}"
        )
    if finding.operands:
        lines.append("inputs: " + ", ".join(map(str, finding.operands)))
    if finding.advice:
        lines.append(f"try:    {finding.advice}")
    return "\n".join(f"  {line}" for line in lines)


def _brief(finding: Finding) -> str:
    reason = f": {finding.reason}" if finding.reason else ""
    count = f" in {finding.count} entries" if finding.count > 1 else ""
    return f"{finding.operation or 'input'} → {finding.symbol}{count}{reason}{_at(finding.place)}"


def _index(index: tuple) -> str:
    return "[" + ", ".join(map(str, index)) + "]"


def _source(place: Place | None) -> list[str]:
    if place is None:
        return []
    source = place.source.strip()
    return [f"{_file(place)}:{place.line} in {place.function}"] + ([f"    {source}"] if source else [])


def _file(place: Place) -> str:
    return "cell" if f"{os.sep}ipykernel_" in place.file else os.path.basename(place.file)


def _at(place: Place | None) -> str:
    return "" if place is None else f"   {_file(place)}:{place.line}  {place.expression.strip()}"


def _listed(items: Iterable[str]) -> str:
    lines = list(items)
    more = [f"... and {len(lines) - SHOWN} more"] if len(lines) > SHOWN else []
    return "\n".join(f"  {line}" for line in lines[:SHOWN] + more)


# -- what else was seen -------------------------------------------------------------------------------------------------


def _quiet(report: Found) -> Iterator[str]:
    if report.suppressed:
        yield "Exact zeros that met inf or nan in the sweep, and won (0 · inf = 0):\n" + _listed(
            f"{one.count} of {one.size} entries, from {one.operation} to {one.symbol}{_at(one.place)}"
            for one in report.suppressed
        )
    if report.independent:
        shown_ones = report.independent[:LISTED]
        more = len(report.independent) - len(shown_ones)
        lines = [_cut(one) for one in shown_ones] + ([f"  ... and {more} more"] if more else [])
        yield "Inputs with a gradient of exact zeros:\n" + "\n".join(lines)


def _cut(one: Independent) -> str:
    heads = {
        "cut": f"{one.name}: the result does not depend on it, as far as derivatives can tell. It was cut by",
        "unused": f"{one.name}: the result does not use it",
        "zero": f"{one.name}: zero at this point, by",
    }
    if one.kind == "unused":
        names = ", ".join(cut.operation for cut in one.cuts)
        return f"  {heads['unused']}" + (f", nor {names}, computed from it" if names else "")
    if not one.cuts:
        return f"  {one.name}: zero at this point: its contributions cancel, or are 0 each"
    return f"  {heads[one.kind]}\n" + "\n".join(
        f"  {line}" for line in _listed(f"{_cutter(c)}{_at(c.place)}" for c in one.cuts).splitlines()
    )


def _cutter(cut: Cut) -> str:
    return cut.reason if cut.operation in cut.reason else f"{cut.operation} ({cut.reason})"


def _flow(report: Found) -> Iterator[str]:
    for trend in report.trends:
        verb = "vanish" if trend.kind == "vanishing" else "explode"
        yield (
            f"Adjoints {verb} by a factor of {max(trend.ratio, 1 / trend.ratio):.2g} on the way back (2-norms):\n"
            f"  {trend.late_norm:.3g} at   {trend.late}\n  {trend.early_norm:.3g} at   {trend.early}"
        )
    if report.trends and len(report.layers) > 2:
        yield "Adjoints by line, smallest to largest:\n" + _listed(
            f"{line.smallest:.3g} to {line.largest:.3g}, {line.count} operations{_at_line(line)}"
            for line in report.layers
        )
    if report.inactive:
        yield "Units that let no derivative through, for the whole batch:\n" + _listed(
            f"{len(one.units)} of {one.size} {one.kind} at {one.operation} of {one.symbol}"
            f"{': ' + _units(one.units) if len(one.units) < one.size else ''}{_at(one.place)}"
            for one in report.inactive
        )


def _times(line: Layer) -> str:
    return f", {line.count} times" if line.count > 1 else ""


def _at_line(line: Layer) -> str:
    return f"   {line.name}" if line.place is None else f"   {_file(line.place)}:{line.place.line}  {line.name}"


def _units(units: tuple[int, ...]) -> str:
    return ", ".join(map(str, units[:8])) + (", ..." if len(units) > 8 else "")
