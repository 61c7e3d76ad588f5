"""`wengert.debug`: run a computation, sweep back through it, and report where its numbers came from."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from wengert.core import errors
from wengert.core.adjoints import fit
from wengert.core.sweep import Gradients, order
from wengert.core.trees import flatten, unflatten
from wengert.core.variable import FREED, Variable, dtype_of
from wengert.view.calling import call_named
from wengert.view.debugging.findings import Operand
from wengert.view.debugging.flow import inactive, independent, layers, trends
from wengert.view.debugging.nonfinite import Legend, Swept, backward, finite, forward, sweep
from wengert.view.debugging.observing import Observation, computed_before, observed, ones_like, raised_in
from wengert.view.debugging.reporting import Found
from wengert.view.derivations.terms import plain
from wengert.view.explore import Explorer, Start
from wengert.view.graph import Graph
from wengert.view.names import symbol_names
from wengert.view.recording import Named

LARGE = 1 << 24  # bytes of a graph's values from which on its sweep may let go of it on the way (see `core.sweep`)


class Report(Found):
    """What `debug` found. `str` of it is text.

    Attributes
    ----------
    ok : bool
        Nothing was raised, and the value and the gradient are finite.
    value
        What the function returned, in plain numbers; None after an error.
    gradient
        That of its argument, of the argument's tree; a tuple of them for several arguments, with None for what was not
        differentiated. Of a `with` block, a dict by the names of the inputs. None after an error.
    error : Exception or None
        What the function raised; `raised_at` is the place in the user's code, `raised_with` what that line names.
    forward, backward : list of Finding
        The operations at which a value, or a partial or adjoint, stopped being finite, in the order of execution.
    suppressed : list of Suppressed
        Where an exact zero met inf or nan in the sweep and won.
    layers : list of Layer
        The adjoints' norms by the line of the code; `trends` the worst pair that vanishes or explodes.
    inactive : list of Inactive
        Dead and saturated units.
    independent : list of Independent
        Inputs whose gradient is exactly zero, and what cut the dependence.
    notes : list of str
        What else there is to know of how the report was made.
    roots, recording, known
        What pictures are made of: the variables swept back from, where their graph was made, and the code's names.
    """

    def explore(self) -> Explorer:
        """The explorer's page of the computation, opened where to look first.

        Raises
        ------
        TypeError
            If nothing was computed from variables.
        FreedGraphError
            If a sweep of the block that was watched has let go of the graph.
        """
        first = self.first
        start = None if first is None else Start(first.number, first.direction == "backward", first.symbol)
        root: Any = self.roots[0] if len(self.roots) == 1 else None
        if root is None or root.size != 1 or root.dtype.kind == "c":  # the sweep, too, starts from the sum
            root = sum((np.sum(np.real(each)) for each in self.roots), start=0.0)
        if not isinstance(root, Variable):
            raise errors.not_a_variable(None, "explore")
        return Explorer(Graph(root.node, self.known, self.recording), "debug", start)


def debug(function: Callable | None = None) -> Any:
    """Find out where a number came from: run, sweep back, and report what is not finite, vanishes, stops or is cut.

    There are two forms. ``debug(f)(*args)`` calls `f` and returns the report; an exception of `f` becomes part of it, and
    NumPy's own warnings are not shown, for the report says more. And
    ``with debug() as report:`` watches all sweeps of a block (`grad`, `backward`, ...) and reports on the first of them
    that is not finite, otherwise on the last. If the block makes none, it reports on the last variable computed.

    Parameters
    ----------
    function : callable, optional
        Returns a real number. Of anything else (arrays, trees) the sweep starts from the sum of all its entries.

    Returns
    -------
    callable or context manager
        Of the same arguments as `function`: floats, complex numbers, arrays of them, and trees of those are
        differentiated; all else, and keyword arguments, is passed on. The `Report` has everything as data; `str` of
        it is text.

    Raises
    ------
    TypeError
        If `function` is not callable, or no argument can be differentiated.

    Examples
    --------
    >>> import numpy as np
    >>> report = debug(lambda x: np.sum(np.sqrt(x)))(np.array([4.0, 0.0]))
    >>> report.ok, report.gradient
    (False, array([0.25,  inf]))
    >>> report.first.reason, report.first.index
    ('the slope of a square root at 0 is infinite: 1 / (2 √0)', (1,))
    """
    if function is None:
        return Watch()
    if not callable(function) or isinstance(function, Variable):
        raise errors.not_callable(function, "debug")

    def debugged(*args: Any, **keywords: Any) -> Report:
        if not any(_differentiable(leaf) for arg in args for leaf in flatten(arg)[0]):
            raise errors.nothing_to_debug(args)
        called = call_named(function, args, record=lambda f, given: observed(f, given, keywords))
        report = Report()
        observation: Observation = called.recording  # type: ignore[assignment]
        inputs = [leaf for made in called.inputs for leaf in made]
        study = Study(report, observation, called.names, inputs)
        if observation.error is not None:
            report.error = observation.error
            study.failed(observation.error)
            return report
        outputs, structure = flatten(observation.value)
        report.value = unflatten(structure, [plain(x) for x in outputs])
        adjoints = study.outputs([x.node for x in outputs if isinstance(x, Variable)], len(outputs))
        report.gradient = _like_arguments(args, called.inputs, adjoints)
        return report

    return debugged


def _differentiable(leaf: Any) -> bool:
    if isinstance(leaf, (bool, int, str)):
        return False
    is_number = isinstance(leaf, (float, complex, Variable)) or hasattr(leaf, "dtype")
    return is_number and getattr(dtype_of(leaf), "kind", "O") in "fc"


def _like_arguments(args: Sequence, inputs: list[list[Variable]], adjoints: Gradients) -> Any:
    """The gradients in the trees of the arguments, with None for the leaves that were not differentiated."""
    found = []
    for arg, made in zip(args, inputs, strict=True):
        leaves, structure = flatten(arg)
        variables = iter(made)
        gradients = [_gradient(next(variables), adjoints) if _differentiable(x) else None for x in leaves]
        found.append(unflatten(structure, gradients))
    return found[0] if len(found) == 1 else tuple(found)


def _gradient(leaf: Variable, adjoints: Gradients) -> Any:
    found = plain(adjoints[leaf])
    return np.asarray(found) if isinstance(plain(leaf), np.ndarray) else found


class Study:
    """The making of one report from one graph."""

    def __init__(self, report: Report, observation: Observation, known: Named, inputs: Sequence[Variable] | None):
        self.report, self.observation, self.known, self.inputs = report, observation, known, inputs

    def legend(self, nodes: Sequence[Variable], root: Variable) -> Legend:
        constants = [arg for node in nodes for arg in node._args if isinstance(arg, np.ndarray)]
        inner = set(nodes)
        given = [*nodes, *(leaf for leaf in self.inputs or () if leaf not in inner)]
        number = {node: i for i, node in enumerate(nodes)}
        return Legend(symbol_names(given, root, constants, self.known), self.observation.place, number)

    def failed(self, error: BaseException) -> None:
        """Report on the values of a computation that was not finished."""
        place, named = raised_in(error)
        self.report.raised_at, self.report.raised_with = place, tuple(Operand(n, plain(v)) for n, v in named)
        outputs = computed_before(error, self.observation)
        nodes = order(outputs) if outputs else []
        self.report.roots, self.report.recording, self.report.known = list(outputs), self.observation, self.known
        self.report.operations = sum(node._primitive is not None for node in nodes)
        if nodes:
            self.report.forward = forward(nodes, outputs, self.legend(nodes, outputs[0]))

    def outputs(self, outputs: Sequence[Variable], count: int) -> Gradients:
        """Report on what a function returned, `count` leaves of which these are variables."""
        seeds = {node: ones_like(node) for node in outputs}
        alone = count == 1 and all(node.size == 1 and node.dtype.kind != "c" for node in outputs)
        if outputs and not alone:
            self.report.notes.append("The gradient is that of the sum of (the real parts of) all that was returned.")
        return self.sweep(seeds)

    def sweep(self, seeds: dict[Variable, Any]) -> Gradients:
        """Report on one reverse sweep, and return its adjoints."""
        report = self.report
        nodes = order(seeds) if seeds else []
        swept = sweep(seeds, nodes)
        roots = list(seeds)
        report.roots, report.recording, report.known = roots, self.observation, self.known
        found = self.inputs if self.inputs is not None else [node for node in nodes if node._primitive is None]
        legend = self.legend(nodes, roots[-1] if roots else (list(found) or [Variable(0.0)])[0])
        report.operations = sum(node._primitive is not None for node in nodes)
        report.swept = bool(seeds)
        report.forward = forward(nodes, roots, legend)
        report.backward, report.suppressed = backward(nodes, swept, legend)
        report.layers = layers(nodes, swept.adjoints, legend)
        report.trends = trends(report.layers)
        report.inactive = inactive(nodes, swept.adjoints, legend)
        report.independent = independent(found, nodes, swept.adjoints, self.observation.left, legend, self.known)
        self._names = legend
        return Gradients(swept.adjoints)

    def by_name(self, adjoints: Gradients, nodes: Sequence[Variable]) -> dict[str, Any]:
        leaves = [node for node in nodes if node._primitive is None]
        return {self._names.name(leaf): _gradient(leaf, adjoints) for leaf in leaves}


class Watch:
    """What `with debug() as report:` enters: an observation of the block and the making of its report."""

    def __init__(self) -> None:
        self.report = Report()
        self._seeds: dict[Variable, Any] = {}
        self._done = False  # whether the report is that of a sweep that was not finite
        self._sweeps = 0

    def __enter__(self) -> Report:
        frame = sys._getframe(1)
        self.observation = Observation(frame.f_code, self._look)
        self.observation._module = frame.f_globals
        self.observation.__enter__()
        return self.report

    def __exit__(self, kind: Any, error: BaseException | None, trace: Any) -> None:
        self.observation.__exit__(kind, error, trace)
        report, last = self.report, self.observation.last
        if error is not None:
            report.error = error
            if not self._done:
                self._study().failed(error)
        elif not self._done and self._seeds and not self._large(self._seeds):
            self._report_on(self._seeds)
        elif not self._sweeps and last is not None and last.node._level >= 0:
            study = self._study()
            node = last.node
            adjoints = study.outputs([node], 1)
            self._finish(study, adjoints, [node])
        if self._done and self._sweeps > 1:
            report.notes.append(f"This is sweep number {self._sweeps} of the block, the first that was not finite.")
        elif self._sweeps > 1:
            report.notes.append(f"The block made {self._sweeps} sweeps, and this is the last.")

    def _study(self) -> Study:
        report = self.report
        report.forward, report.notes = [], []  # of an earlier sweep
        return Study(report, self.observation, self.observation.names, None)

    def _look(self, seeds: dict[Variable, Any], keep: bool, lead: int) -> None:
        """A sweep is about to be made: look at it if nothing was found yet."""
        if self._done or any(
            isinstance(node._val, Variable) for node in seeds
        ):  # of an inner trace: the outer one has all
            return
        self._sweeps += 1
        seeds = {node: _summed(seed, node, lead) for node, seed in seeds.items()}
        nodes = order(seeds)
        swept: Swept = sweep(seeds, nodes)
        leaves = [swept.adjoints[node] for node in nodes if node._primitive is None and node in swept.adjoints]
        self._seeds = seeds
        if not all(map(finite, leaves)) or not all(finite(node._val) for node in seeds):
            self._report_on(seeds)
            self._done = True
        elif not keep and self._large(seeds):
            self._report_on(seeds)

    def _large(self, seeds: dict[Variable, Any]) -> bool:
        """May the sweep have let go of the graph, or will it?"""
        if any(node._args is FREED for node in seeds):
            return True
        return sum(getattr(node._val, "nbytes", 0) for node in order(seeds)) > LARGE

    def _report_on(self, seeds: dict[Variable, Any]) -> None:
        study = self._study()
        self._finish(study, study.sweep(seeds), list(seeds))

    def _finish(self, study: Study, adjoints: Gradients, roots: list[Variable]) -> None:
        values = [plain(root) for root in roots]
        self.report.value = values[0] if len(values) == 1 else tuple(values)
        self.report.gradient = study.by_name(adjoints, order(roots))


def _summed(seed: Any, node: Variable, lead: int) -> Any:
    """Of a stack of cotangents their sum: what is not finite in one of them is not in it."""
    if not lead:
        return seed
    return fit(np.sum(seed, axis=tuple(range(lead))), node._val)
