"""What the user calls a value: by `set_name`, by a parameter's name, or by a variable of the code that holds it.

Nothing is recorded while a graph is built. The names are looked up when a derivation is asked for: in the frame that asks,
or, for a function that is called here, in its frame when it returns.
"""

from __future__ import annotations

import inspect
import sys
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import numpy as np

from wengert.core.variable import Variable
from wengert.view.notation import lowered

Named = list[tuple[str, Any]]


def named_values(namespace: Mapping[str, Any], without: Iterable[str] = ()) -> Named:
    """The variables and arrays of a namespace with their names, also those one level down in dicts by their keys."""
    found: Named = []
    for name, value in list(namespace.items()):
        if name.startswith("_") or not name.isidentifier() or name in without:
            continue
        if isinstance(value, (Variable, np.ndarray)):
            found.append((name, value))
        elif isinstance(value, dict):
            found += [
                (key, part)
                for key, part in list(value.items())
                if isinstance(key, str) and key.isidentifier() and isinstance(part, (Variable, np.ndarray))
            ]
    return found


def names_at(frame: Any) -> Named:
    """What the code of a frame calls its values: its own variables first, then those of its module."""
    found = named_values(frame.f_locals)
    return found if frame.f_globals is frame.f_locals else found + named_values(frame.f_globals)


def call_with_names(function: Callable, arguments: Sequence) -> tuple[Any, Named]:
    """The function's value, and what its code, and that of the same module which it calls, called the values in it.

    A profiling hook reads the local variables at each call that this code makes, and when it returns, so that it sees a name
    that is assigned again and again, too. It is there during this one call only.
    """
    written = function if inspect.isroutine(function) else type(function).__call__  # type: ignore[operator]
    code = getattr(inspect.unwrap(written), "__code__", None)
    if code is None:
        return function(*arguments), []
    seen: dict[
        tuple[bool, str, int], Any
    ] = {}  # whether it is the function's own, the name, the value's id -> the value
    module: list[dict] = []

    def look(frame: Any, event: str, argument: Any) -> None:
        if event == "call":
            if frame.f_code is code and not module:
                module.append(frame.f_globals)
            frame = frame.f_back  # whoever calls may have assigned something since we looked
        if not module or frame is None or frame.f_globals is not module[0]:
            return
        own = frame.f_code is code
        if own or event == "return":  # what is handed to an inner function has its name from the caller
            without = () if own else frame.f_code.co_varnames[: frame.f_code.co_argcount]
            for name, value in named_values(frame.f_locals, without):
                seen.setdefault((own, name, id(value)), value)

    before = sys.getprofile()
    sys.setprofile(look)
    try:
        value = function(*arguments)
    finally:
        sys.setprofile(before)
    found = [(name, value) for own in (True, False) for (of, name, _), value in seen.items() if of is own]
    return value, found + (named_values(module[0]) if module else [])


def symbol_names(nodes: Sequence[Variable], root: Variable, constants: Iterable[Any], known: Named) -> dict[int, str]:
    """A name of its own for each node and constant array, by its id: the user's, or v₁, v₂, ... and C₁, C₂, ...

    Nodes are named in the order of execution. What has the same name as another is numbered.
    """
    given: dict[int, str] = {}
    for name, value in known:
        for held in (value, value.node) if isinstance(value, Variable) else (value,):
            given.setdefault(id(held), name)
    given |= {id(node): node._name for node in nodes if node._name is not None}
    wanted = [*nodes, *constants]
    if id(root) not in given:
        given[id(root)] = "L"
    count = Counter(given[key] for key in dict.fromkeys(map(id, wanted)) if key in given)
    taken = {name for name, times in count.items() if times == 1}
    numbers: Counter = Counter()

    def numbered(base: str) -> str:
        while True:
            numbers[base] += 1
            name = base + lowered(numbers[base])
            if name not in taken:
                taken.add(name)
                return name

    names: dict[int, str] = {}
    for value in wanted:
        if id(value) not in names:
            base = given.get(id(value)) or ("v" if isinstance(value, Variable) else "C")
            names[id(value)] = base if count[base] == 1 and id(value) in given else numbered(base)
    return names
