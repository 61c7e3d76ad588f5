"""Trees: parameters as dict, list, tuple, namedtuple or dataclass, nested, with None for 'nothing here'."""

from __future__ import annotations

from collections import OrderedDict, defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from typing import Any

from wengert.core import errors


class Structure:
    """The shape of a tree without its leaves."""

    __slots__ = ("children", "keys", "kind", "mapping")

    def __init__(self, kind: Any, keys: Any, children: tuple, mapping: Callable = dict):
        self.kind, self.keys, self.children, self.mapping = kind, keys, children, mapping

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Structure) and (self.kind, self._key_set(), self._by_key()) == (
            other.kind,
            other._key_set(),
            other._by_key(),
        )

    __hash__ = None  # type: ignore[assignment]

    def _key_set(self) -> Any:
        return set(self.keys) if self.kind is dict else self.keys

    def _by_key(self) -> Any:
        return dict(zip(self.keys, self.children, strict=True)) if self.kind is dict else self.children

    def build(self, leaves: Iterator[Any]) -> Any:
        """The tree with these leaves."""
        if self.kind is LEAF:
            return next(leaves)
        if self.kind is None:
            return None
        parts = [child.build(leaves) for child in self.children]
        if self.kind is dict:
            return self.mapping(zip(self.keys, parts, strict=True))
        if self.kind in (list, tuple):
            return self.kind(parts)
        if hasattr(self.kind, "_fields"):
            return self.kind(*parts)
        made = object.__new__(self.kind)  # a dataclass: __init__ might check or convert what gradients are not
        for key, part in zip(self.keys, parts, strict=True):
            object.__setattr__(made, key, part)
        return made

    def __repr__(self) -> str:
        if self.kind is LEAF:
            return "*"
        if self.kind is None:
            return "None"
        if self.kind is dict:
            return "{" + ", ".join(f"{k!r}: {c!r}" for k, c in zip(self.keys, self.children, strict=True)) + "}"
        inner = ", ".join(map(repr, self.children))
        if self.kind is list:
            return f"[{inner}]"
        if self.kind is tuple:
            return f"({inner}{',' if len(self.children) == 1 else ''})"
        return f"{self.kind.__name__}({inner})"


_leaf_types: set[type] = set()  # types found to be no containers: asking whether something is a Mapping is slow

LEAF = "leaf"
_LEAF = Structure(LEAF, (), ())
_NONE = Structure(None, (), ())
_FLAT = [Structure(list, (), (_LEAF,) * n) for n in range(4)]  # lists of leaves, which most arguments are


def flatten(tree: Any) -> tuple[list, Structure]:
    """The leaves of a tree, in order, and its structure.

    >>> flatten({"W": 1.0, "layers": [2.0, None]})
    ([1.0, 2.0], {'W': *, 'layers': [*, None]})
    """
    if type(tree) is list and len(tree) < len(_FLAT) and _leaf_types.issuperset(map(type, tree)):
        return list(tree), _FLAT[len(tree)]
    leaves: list = []
    return leaves, _flatten(tree, leaves)


def _flatten(tree: Any, leaves: list) -> Structure:
    if tree is None:
        return _NONE
    kind = type(tree)
    if kind in _leaf_types:
        leaves.append(tree)
        return _LEAF
    if isinstance(tree, (list, tuple)):  # lists, not generators: it is the quickest way to a tuple
        return Structure(kind, (), tuple([_flatten(part, leaves) for part in tree]))
    if kind is dict or isinstance(tree, Mapping):
        parts = tuple([_flatten(part, leaves) for part in tree.values()])
        return Structure(dict, tuple(tree), parts, _maker(tree))
    if hasattr(kind, "__dataclass_fields__"):
        import dataclasses  # not at the top: it is a tenth of our import time

        keys = tuple(field.name for field in dataclasses.fields(tree))
        return Structure(kind, keys, tuple(_flatten(getattr(tree, key), leaves) for key in keys))
    if len(_leaf_types) < 100:
        _leaf_types.add(kind)
    leaves.append(tree)
    return _LEAF


def _maker(tree: Mapping) -> Callable:
    """What makes a mapping of the same kind from pairs; of a kind that we do not know, a dict."""
    if type(tree) is dict:
        return dict
    if isinstance(tree, defaultdict):
        return partial(defaultdict, tree.default_factory)
    return OrderedDict if isinstance(tree, OrderedDict) else dict


def unflatten(structure: Structure, leaves: Sequence) -> Any:
    """The tree of this structure with these leaves."""
    if structure is _LEAF:
        return leaves[0]
    if structure.kind is list and len(leaves) < len(_FLAT) and structure is _FLAT[len(leaves)]:
        return list(leaves)
    return structure.build(iter(leaves))


def map_tree(function: Callable, tree: Any) -> Any:
    """The tree with `function` applied to every leaf."""
    leaves, structure = flatten(tree)
    return unflatten(structure, [function(leaf) for leaf in leaves])


def leaves_like(tree: Any, structure: Structure, what: str) -> list:
    """The leaves of a tree that must have the given structure, in that structure's order."""
    _, found = flatten(tree)
    if found != structure:
        raise errors.tree_changed(what, found, structure)
    return list(_in_order(tree, structure))


def _in_order(tree: Any, structure: Structure) -> Iterator[Any]:
    if structure.kind is LEAF:
        yield tree
    elif structure.kind is not None:
        if structure.kind is dict:
            parts = [tree[key] for key in structure.keys]
        elif structure.keys:
            parts = [getattr(tree, key) for key in structure.keys]
        else:
            parts = tree
        for part, child in zip(parts, structure.children, strict=True):
            yield from _in_order(part, child)
