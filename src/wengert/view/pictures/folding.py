"""What folds into one box: called functions, loop iterations, repeated blocks, and long stretches of anything.

The computed nodes of a graph become a tree of boxes in which each stands in one place and no box has many members. `scene` is
what is seen of some of them: an ordinary small graph of nodes and boxes, with inputs drawn at each use.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np

from wengert.view.graph import Edge, Graph
from wengert.view.recording import Call

MANY = 150  # members that are still shown side by side
SMALL = 40  # nodes of a graph that is shown as it is


@dataclass(frozen=True, eq=False, slots=True)
class Box:
    """Some nodes under one title.

    Attributes
    ----------
    kind : str
        'call' of a function of the user's, 'repeat' of a block, one 'iteration' of it, 'section' of a long stretch, or 'values'
        that come in together.
    title : str
    members : tuple of int and Box
        Numbers of nodes, and boxes, in the order of execution.
    nodes : tuple of int
        The numbers of all nodes in it, however deep.
    key : int
        Equal for boxes of the same structure: one drawing serves all of them.
    count : int
        How many times a block is repeated; 1 for what is no repeat.
    """

    kind: str
    title: str
    members: tuple[int | Box, ...] = field(repr=False)
    nodes: tuple[int, ...] = field(repr=False)
    key: int
    count: int = 1


Member = int | Box


def _nodes_of(members: Iterable[Member]) -> Iterable[int]:
    for member in members:
        if isinstance(member, Box):
            yield from member.nodes
        else:
            yield member


class _Folder:
    """Folds one graph. Structures are compared by numbers that are given to them as they come up."""

    def __init__(self, graph: Graph):
        self.graph = graph
        self._numbers: dict[object, int] = {}

    def number(self, structure: object) -> int:
        return self._numbers.setdefault(structure, len(self._numbers))

    def key(self, member: Member) -> int:
        if isinstance(member, Box):
            return member.key
        node = self.graph.nodes[member]
        return self.number((node.operation, node.shape, tuple(edge.position for edge in node.edges)))

    def box(self, kind: str, title: str, members: Sequence[Member], count: int = 1) -> Box:
        nodes = tuple(_nodes_of(members))
        inside = {n: i for i, n in enumerate(nodes)}
        wiring = tuple(tuple(inside.get(edge.child, -1) for edge in self.graph.nodes[n].edges) for n in nodes)
        key = self.number((kind, tuple(map(self.key, members)), wiring))
        return Box(kind, title, tuple(members), nodes, key, count)

    # -- calls --------------------------------------------------------------------------------------------------------

    def calls(self, nodes: Sequence[int], depth: int) -> list[Member]:
        """The nodes with what one call computed in a box, calls within calls too."""
        members: list[Member] = []
        start = 0
        while start < len(nodes):
            call = self._call(nodes[start], depth)
            end = start + 1
            while end < len(nodes) and call is not None and self._call(nodes[end], depth) == call:
                end += 1
            if call is None or end - start < 3:
                members += nodes[start:end]
            else:
                inside = self.repeats(self.calls(nodes[start:end], depth + 1))
                members.append(self.box("call", f"{call.name}()", self.sections(inside)))
            start = end
        return members

    def _call(self, number: int, depth: int) -> Call | None:
        place = self.graph.nodes[number].place
        return place.calls[depth] if place is not None and len(place.calls) > depth else None

    # -- repeats ------------------------------------------------------------------------------------------------------

    def repeats(self, members: Sequence[Member]) -> list[Member]:
        """The members with each run of equal blocks in one box: inner loops first, then the loops around them."""
        members = list(members)
        while True:
            runs = _runs(np.array([self.key(member) for member in members]))
            if not runs:
                return members
            folded: list[Member] = []
            at = 0
            for start, period, count, rest in runs:
                start += self._phase(members, start, period, rest)
                folded += members[at:start]
                at = start + count * period
                folded.append(self._repeat([members[i : i + period] for i in range(start, at, period)]))
            members = folded + members[at:]

    def _repeat(self, blocks: list[list[Member]]) -> Box:
        title, count = self._called(blocks[0]), len(blocks)
        if len(blocks[0]) == 1:
            inside = [block[0] for block in blocks]
        else:
            inside = [self.box("iteration", f"{title} {i + 1}", block) for i, block in enumerate(blocks)]
        return self.box("repeat", title, self.sections(inside), count)

    def _phase(self, members: list[Member], start: int, period: int, rest: int) -> int:
        """Where in a run that is longer than its blocks the first one begins: where the fewest edges are cut."""

        def cut(offset: int) -> int:
            blocks = [members[start + offset + i * period :][:period] for i in (0, 1)]
            first, second = (set(_nodes_of(block)) for block in blocks)
            return sum(edge.child in first for n in second for edge in self.graph.nodes[n].edges)

        return min(range(rest + 1), key=cut) if rest else 0

    def _called(self, block: Sequence[Member]) -> str:
        """What a block is called: by its only box, by the last name that the user gave, or by the last operation."""
        last = block[-1]
        if isinstance(last, Box):
            return last.title
        node = self.graph.nodes[last]
        return node.symbol.rstrip("₀₁₂₃₄₅₆₇₈₉") if node.is_named else node.operation.rpartition(".")[2]

    # -- sections -----------------------------------------------------------------------------------------------------

    def sections(self, members: list[Member]) -> list[Member]:
        """Not more than MANY members: longer stretches are cut into sections, and these again."""
        while len(members) > MANY:
            length = max(2, -(-len(members) // MANY), round(len(members) ** 0.5))
            parts = [members[i : i + length] for i in range(0, len(members), length)]
            members = [self.box("section", self._span(part), part) if len(part) > 1 else part[0] for part in parts]
        return members

    def _span(self, part: Sequence[Member]) -> str:
        first, last = (m.nodes[0 if m is part[0] else -1] if isinstance(m, Box) else m for m in (part[0], part[-1]))
        return f"{self.graph.nodes[first].symbol} … {self.graph.nodes[last].symbol}"


def fold(graph: Graph) -> Box:
    """The whole graph as one box; of a small graph (SMALL nodes) the nodes themselves are its members."""
    folder = _Folder(graph)
    nodes = [node.number for node in graph.nodes if not node.is_input]
    if len(graph.nodes) <= SMALL:
        return folder.box("call", graph.root.symbol, nodes)
    depth = 0
    calls = [node.place.calls for node in graph.nodes if node.place is not None]
    while calls and all(len(each) > depth and each[depth] == calls[0][depth] for each in calls):
        depth += 1  # the call of the whole function says nothing
    return folder.box("call", graph.root.symbol, folder.sections(folder.repeats(folder.calls(nodes, depth))))


def _runs(keys: np.ndarray) -> list[tuple[int, int, int, int]]:
    """The runs of equal blocks of the shortest length that repeats: (start, length, how often, members left over)."""
    count = len(keys)
    for period in range(1, count // 2 + 1):
        least = 4 if period == 1 else 3 if period < 4 else 2
        equal = keys[:-period] == keys[period:]
        if np.count_nonzero(equal) < period * (least - 1):
            continue
        ends = np.flatnonzero(np.diff(np.concatenate([[False], equal, [False]])))
        runs = []
        at = 0
        for start, end in zip(ends[::2].tolist(), ends[1::2].tolist(), strict=True):
            start = max(start, at)
            times, rest = divmod(end - start + period, period)
            if times >= least:
                runs.append((start, period, times, rest))
                at = end + period
        if runs:
            return runs
    return []


# -- what is seen ------------------------------------------------------------------------------------------------------

CROWD = 24  # values that come in for one item and are still drawn one by one
USES = 3  # of an input that is drawn once; one that more of what is seen computes with is drawn at each of them


class Item(NamedTuple):
    """Something in a picture: a node or a box of the scene, or a value that comes in: an input, or what lies outside.

    `member` is the node's number or the box; `role` is 'node', 'box', 'input' or 'outside'.
    """

    role: str
    member: Member


class Link(NamedTuple):
    """The edges between two items, by their places in the scene: values flow from start to end."""

    start: int
    end: int
    edges: tuple[Edge, ...]


class Scene(NamedTuple):
    """A small graph to look at."""

    items: list[Item]
    links: list[Link]


def scene(graph: Graph, members: Sequence[Member], opened: Callable[[Box], bool] = lambda box: False) -> Scene:
    """What is seen of some members, boxes that are opened replaced by what is in them."""
    shown: list[Member] = []
    waiting = list(reversed(members))
    while waiting:
        member = waiting.pop()
        if isinstance(member, Box) and opened(member):
            waiting += reversed(member.members)
        else:
            shown.append(member)
    owner = {n: i for i, member in enumerate(shown) for n in _nodes_of([member])}
    links: dict[tuple[object, int], list[Edge]] = {}
    for n, i in owner.items():
        for edge in graph.nodes[n].edges:
            above: object = owner[edge.child] if edge.child in owner else ("in", edge.child)
            if above != i:
                links.setdefault((above, i), []).append(edge)
    used: dict[object, int] = {}
    for source, _ in links:
        used[source] = used.get(source, 0) + 1
    first: dict[tuple, tuple[int, int]] = {}  # each value that comes in -> the first item that uses it, its own number
    for source, i in links:
        if isinstance(source, tuple):
            copy = source if used[source] <= USES else (*source, i)
            first[copy] = min(first.get(copy, (i, source[1])), (i, source[1]))
    items: list[Item] = []
    place: dict[object, int] = {}
    coming: dict[int, list[tuple]] = {}
    for copy in sorted(first, key=lambda copy: (first[copy], copy)):
        coming.setdefault(first[copy][0], []).append(copy)
    for i, member in enumerate(shown):
        before = coming.get(i, [])
        if len(before) > CROWD:
            place |= dict.fromkeys(before, len(items))
            items.append(Item("box", _crowd(graph, [copy[1] for copy in before])))
        else:
            for copy in before:
                place[copy] = len(items)
                items.append(Item("input" if graph.nodes[copy[1]].is_input else "outside", copy[1]))
        place[i] = len(items)
        items.append(Item("box" if isinstance(member, Box) else "node", member))
    made: dict[tuple[int, int], list[Edge]] = {}
    for (source, i), edges in links.items():
        begin = place[source] if source in place else place[(*source, i)]  # type: ignore[misc]
        made.setdefault((begin, place[i]), []).extend(edges)
    return Scene(items, [Link(begin, end, tuple(edges)) for (begin, end), edges in made.items()])


def _crowd(graph: Graph, numbers: Sequence[int]) -> Box:
    """Many values that come in together, in one box."""
    folder = _Folder(graph)
    title = f"{graph.nodes[numbers[0]].symbol} … {graph.nodes[numbers[-1]].symbol}"
    return folder.box("values", title, folder.sections(list(numbers)), len(numbers))
