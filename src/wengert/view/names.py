"""The symbols of a graph: a name of its own for each value, the user's where there is one."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Any

from wengert.core.variable import Variable
from wengert.view.derivations.notation import lowered
from wengert.view.recording import Named


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
