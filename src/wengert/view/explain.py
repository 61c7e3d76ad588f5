"""`wengert.explain`: the derivation of a derivative, as a teacher would write it, in text, LaTeX and MathML."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Sequence
from typing import Any, NamedTuple

from wengert.core import errors
from wengert.core.sweep import order
from wengert.core.variable import Variable
from wengert.view.calling import call_named, parameter_names
from wengert.view.derivations.derivation import Line, Lines
from wengert.view.derivations.latex import latex_of
from wengert.view.derivations.mathml import mathml_of
from wengert.view.derivations.text import text_of
from wengert.view.recording import Named, names_at

STEPS = 40  # that are shown of a longer derivation


class Section(NamedTuple):
    """A heading with its lines."""

    heading: str
    lines: list[Line | str]


class Derivation:
    """A written derivation. `str` of it is text; notebooks show it as formulas.

    Attributes
    ----------
    gradient : number or array, or a tuple of them
        What is derived: the very values of `gradients`.
    sections : iterator
        The headings with their lines, for other formats.
    """

    def __init__(self, lines: Lines, steps: int | None, single: bool):
        self._lines, self._limit = lines, steps
        found = tuple(lines.gradients[target] for target in lines.targets)
        self.gradient = found[0] if single else found

    def sections(self) -> Iterator[Section]:
        """The derivation's parts in their order: the values, the steps, the results."""
        lines, limit = self._lines, self._limit
        defined = _cut(lines.shown, limit, "values")
        yield Section("Values, in the order of execution", [_line(lines.define, node) for node in defined])
        steps = list(enumerate(lines.steps, start=1))
        if any(target in lines.gradients for target in lines.targets):
            made: list[Line | str] = []
            for step in _cut(steps, limit, "steps"):
                made += [step] if isinstance(step, str) else lines.step(step[1], step[0])
            yield Section(f"Derivatives of {lines.symbol(lines.root).name}, from it down", made)
        yield Section("Result", [lines.result(target) for target in lines.targets])

    def __str__(self) -> str:
        return text_of(self.sections())

    def __repr__(self) -> str:
        return str(self)

    def latex(self) -> str:
        """The derivation in LaTeX's math mode (amsmath), without the dollars around it."""
        return latex_of(self.sections())

    def mathml(self) -> str:
        """The derivation as one `<math>` element, which browsers set without a library."""
        return mathml_of(self.sections())

    def _repr_latex_(self) -> str:
        return f"$$\n{self.latex()}\n$$"

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> dict[str, str]:
        return {"text/html": self.mathml(), "text/latex": self._repr_latex_(), "text/plain": str(self)}


def _line(make: Callable, node: Any) -> Any:
    return node if isinstance(node, str) else make(node)


def _cut(found: Sequence, limit: int | None, what: str) -> list:
    """All of them, or as many as the limit from both ends, with a line that counts the others."""
    if limit is None or len(found) <= limit:
        return list(found)
    head, tail = (limit + 1) // 2, limit // 2
    left_out = len(found) - head - tail
    return [*found[:head], f"… {left_out:,} {what} left out …", *(found[-tail:] if tail else [])]


def explain(output: Any, *args: Any, wrt: Any = None, steps: int | None = STEPS) -> Derivation:
    """Write the derivation of d(output)/d(wrt): each step with its rule, in symbols and in numbers.

    Parameters
    ----------
    output : Variable or callable
        A real scalar, or a function that is called with `args` and returns one. The function's variables give the names.
    *args
        The function's arguments. Those that are floats, complex numbers, arrays of them, or trees of those, become variables.
    wrt : Variable, str, int, or a tuple of them, optional
        The variables; for a function the names or positions of parameters. By default everything that `output` was computed
        from.
    steps : int or None
        How many steps to show of a long derivation, which is cut in the middle; None shows all.

    Returns
    -------
    Derivation
        `str(...)` is text, `.latex()` and `.mathml()` are formulas, `.gradient` is the value.

    Raises
    ------
    TypeError
        If `output` is not a variable or not a real scalar, or `wrt` not one of its variables or parameters.

    Examples
    --------
    >>> a = Variable(4.0).set_name("a")
    >>> b = Variable(1.0).set_name("b")
    >>> L = (a - b) * (b + 1)
    >>> print(explain(L, wrt=a))
    Values, in the order of execution
      a = 4
      b = 1
      v₁ = a - b = 4 - 1 = 3
      v₂ = b + 1 = 1 + 1 = 2
      L = v₁ · v₂ = 3 · 2 = 6
    <BLANKLINE>
    Derivatives of L, from it down
      1. ∂L/∂L = 1                          where the sweep starts
      2. ∂L/∂v₁ = ∂L/∂L · v₂ = 1 · 2 = 2    product rule, from L = v₁ · v₂
      3. ∂L/∂a = ∂L/∂v₁ = 2                 difference rule, from v₁ = a - b
    <BLANKLINE>
    Result
      ∂L/∂a = 2.0
    """
    if callable(output) and not isinstance(output, Variable):
        return _of_call(output, args, wrt, steps)
    if args:
        raise errors.not_callable(output, "explain")
    root = _scalar(output)
    if wrt is None:
        targets = leaves_of(root)
    else:
        targets = list(wrt) if isinstance(wrt, (tuple, list)) else [wrt]
        for target in targets:
            if not isinstance(target, Variable):
                raise errors.bad_wrt(target, "a variable", "explain(L, wrt=a) with a = Variable(...)")
    known: Named = names_at(sys._getframe(1))
    return Derivation(Lines(root, targets, known), steps, isinstance(wrt, Variable))


def leaves_of(root: Variable) -> list[Variable]:
    """The variables that were not computed from others, in the order in which they were made."""
    return [node for node in order([root]) if node._primitive is None]


def _scalar(output: Any) -> Variable:
    if not isinstance(output, Variable):
        raise errors.not_a_variable(output, "explain")
    if output.size != 1 or output.dtype.kind == "c":
        raise errors.not_scalar_derivation(output)
    return output.node


def _of_call(function: Callable, args: Sequence, wrt: Any, steps: int | None) -> Derivation:
    """Call the function on variables named for its parameters, and explain what it returns."""
    names = parameter_names(function, len(args))
    asked = None if wrt is None else list(wrt) if isinstance(wrt, (tuple, list)) else [wrt]
    positions = None if asked is None else [_position(one, names, function) for one in asked]
    called = call_named(function, args, positions or ())
    targets = [leaf for i in (range(len(args)) if positions is None else positions) for leaf in called.inputs[i]]
    if not targets:
        raise errors.bad_wrt(wrt, "a parameter that holds floats", "explain(f, 4.0) and not explain(f, 4)")
    if not isinstance(called.value, Variable):
        raise errors.not_one_variable(called.value, "explain")
    single = wrt is not None and not isinstance(wrt, (tuple, list)) and len(targets) == 1
    return Derivation(Lines(_scalar(called.value), targets, called.names), steps, single)


def _position(one: Any, names: list[str], function: Callable) -> int:
    if isinstance(one, str) and one in names:
        return names.index(one)
    if isinstance(one, int) and not isinstance(one, bool) and -len(names) <= one < len(names):
        return one % len(names)
    listed = ", ".join(map(repr, names)) or "none"
    raise errors.bad_wrt(
        one, f"a parameter of {getattr(function, '__name__', 'f')} ({listed})", "explain(f, x, wrt='x')"
    )
