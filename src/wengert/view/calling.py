"""Calling a function of the user's on variables that are named for its parameters, while its code is recorded."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Collection, Sequence
from typing import Any, NamedTuple

from wengert.core.trees import flatten, unflatten
from wengert.core.variable import Variable, dtype_of
from wengert.view.recording import Named, Recording, recorded


class Called(NamedTuple):
    """What came of a call."""

    value: Any
    inputs: list[list[Variable]]  # for each argument, the variables that were made of it
    names: Named  # what the code calls its values, and its parameters
    recording: Recording


def call_named(
    function: Callable,
    args: Sequence,
    wanted: Collection[int] = (),
    record: Callable[[Callable, Sequence], Recording] = recorded,
) -> Called:
    """Call the function with variables for the floats, complex numbers and arrays of them among its arguments.

    Parameters
    ----------
    wanted : collection of int
        The positions of arguments that must become variables; what can not become one raises there.
    record : callable
        Makes the call and returns its recording.
    """
    parameters = parameter_names(function, len(args))
    called: list[Any] = []
    made: list[list[Variable]] = []
    known: Named = []
    for i, (arg, name) in enumerate(zip(args, parameters, strict=True)):
        leaves, structure = flatten(arg)
        variables = [Variable(leaf) if i in wanted or _is_float(leaf) else leaf for leaf in leaves]
        alone = len(leaves) == 1 and leaves[0] is arg and variables[0] is not arg
        labels = [name] if alone else _labels(arg, name)
        known += [
            (label, leaf) for label, leaf in zip(labels, variables, strict=False) if not isinstance(leaf, (int, str))
        ]
        made.append([leaf for leaf in variables if isinstance(leaf, Variable)])
        called.append(unflatten(structure, variables))
    recording = record(function, called)
    value = recording.value
    if not isinstance(value, Variable) and _is_float(value):
        value = Variable(value)  # a constant: it depends on nothing
    return Called(value, made, known + recording.names, recording)


def parameter_names(function: Callable, count: int) -> list[str]:
    """The names of the first parameters; those that a function does not tell are x₁, x₂, ..."""
    try:
        kinds = inspect.signature(function).parameters.values()
    except (TypeError, ValueError):
        kinds = []  # type: ignore[assignment]
    names = [p.name for p in kinds if p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD)][:count]
    rest = next((p.name for p in kinds if p.kind is p.VAR_POSITIONAL), "x")
    return names + [rest] * (count - len(names))


def _is_float(leaf: Any) -> bool:
    return (
        not isinstance(leaf, (bool, int, str))
        and getattr(dtype_of(leaf), "kind", "O") in "fc"
        and (isinstance(leaf, (float, complex, Variable)) or hasattr(leaf, "dtype"))
    )


def _labels(tree: Any, name: str) -> list[str]:
    """For each leaf of a tree the last key on the way to it, or the name of the whole."""
    if isinstance(tree, dict):
        return [label for key, part in tree.items() for label in _labels(part, key if isinstance(key, str) else name)]
    if isinstance(tree, (list, tuple)):
        keys = getattr(tree, "_fields", [name] * len(tree))
        return [label for key, part in zip(keys, tree, strict=True) for label in _labels(part, key)]
    if hasattr(type(tree), "__dataclass_fields__"):
        return [label for key in tree.__dataclass_fields__ for label in _labels(getattr(tree, key), key)]
    return [] if tree is None else [name]
