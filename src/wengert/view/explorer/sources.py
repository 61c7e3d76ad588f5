"""The lines of the user's source that a page shows beside the values, and the place of each node among them.

Only the functions with recorded places are carried, and of a file only its name: a page may be sent to others.
"""

from __future__ import annotations

import linecache
import os
import re
from typing import Any

from wengert.view.recording import Place

AROUND = 3  # lines that are shown before and after code that is in no function
FAR = (
    60  # lines from a function's first place up to its `def`, and from its last one down to its end, that are looked at
)


class Sources:
    """The places of one page, and the parts of files that they are in."""

    def __init__(self) -> None:
        self._places: dict[tuple, int] = {}
        self._seen: dict[Place, int] = {}
        self._lines: dict[str, dict[str, set[int]]] = {}  # by file and function

    def place(self, place: Place | None) -> int:
        """The number of a place; -1 for none, and where the source is not to be had."""
        if place is None or not place.source:
            return -1
        alone = place._replace(calls=())
        if alone not in self._seen:
            function = place.function.replace("<locals>.", "")
            key = (place.file, place.line, *_columns(place), function, place.expression)
            self._lines.setdefault(place.file, {}).setdefault(function, set()).update((place.line, place.end_line))
            self._seen[alone] = self._places.setdefault(key, len(self._places))
        return self._seen[alone]

    def written(self) -> dict[str, Any]:
        """The files (name, numbered lines), and the places as (file, line, columns, function, expression)."""
        files = []
        for file, functions in self._lines.items():
            shown: set[int] = set()
            for function, lines in functions.items():
                shown |= _around(linecache.getlines(file), min(lines), max(lines), function)
            text = [[i, linecache.getline(file, i).rstrip("\r\n")] for i in sorted(shown)]
            files.append({"file": _shown(file), "lines": text})
        number = {file: i for i, file in enumerate(self._lines)}
        return {"sources": files, "places": [[number[file], *rest] for file, *rest in self._places]}


def _around(lines: list[str], first: int, last: int, function: str) -> set[int]:
    """The numbers of a function's lines: from its `def` on, as far as its indentation goes."""
    if function == "<module>":
        return set(range(max(1, first - AROUND), min(len(lines), last + AROUND) + 1))
    depth = _indentation(lines[first - 1])
    for i in range(first, max(0, first - FAR), -1):
        if re.match(r"\s*(async\s+)?def\s", lines[i - 1]) and (i == first or _indentation(lines[i - 1]) < depth):
            first, depth = i, _indentation(lines[i - 1])
            while last < min(len(lines), last + FAR) and (not lines[last].strip() or _indentation(lines[last]) > depth):
                last += 1
            while not lines[last - 1].strip():
                last -= 1
            break
    return set(range(first, last + 1))


def _indentation(line: str) -> int:
    return len(line) - len(line.lstrip())


def _columns(place: Place) -> tuple[int, int]:
    """The columns in characters; the interpreter counts bytes. Of an expression of several lines the first is marked."""
    written = place.source.encode()
    end = place.end_column if place.end_line == place.line else len(written)
    return len(written[: place.column].decode(errors="replace")), len(written[:end].decode(errors="replace"))


def _shown(file: str) -> str:
    return "notebook cell" if "ipykernel" in file or file.startswith("<ipython") else os.path.basename(file)
