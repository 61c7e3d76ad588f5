"""The lines of the user's source that a page shows beside the values, and the place of each node among them.

Only the lines around recorded places are carried, and of a file only its name: a page may be sent to others.
"""

from __future__ import annotations

import linecache
import os
from typing import Any

from wengert.view.recording import Place

AROUND = 3  # lines that are shown before the first place and after the last of a function
GAP = 30  # lines without a place that are still shown


class Sources:
    """The places of one page, and the parts of files that they are in."""

    def __init__(self) -> None:
        self._places: dict[tuple, int] = {}
        self._lines: dict[str, set[int]] = {}

    def place(self, place: Place | None) -> int:
        """The number of a place; -1 for none, and where the source is not to be had."""
        if place is None or not place.source:
            return -1
        key = (place.file, place.line, *_columns(place), place.function.replace("<locals>.", ""), place.expression)
        self._lines.setdefault(place.file, set()).update((place.line, place.end_line))
        return self._places.setdefault(key, len(self._places))

    def written(self) -> dict[str, Any]:
        """The parts of files (name, first line, lines), and the places as (part, line, columns, function, expression)."""
        parts: list[dict[str, Any]] = []
        part_of: dict[tuple[str, int], int] = {}
        for file, lines in self._lines.items():
            total = len(linecache.getlines(file))
            block: list[int] = []
            for line in [*sorted(lines), None]:
                if block and (line is None or line - block[-1] > GAP):
                    first, last = max(1, block[0] - AROUND), min(total, block[-1] + AROUND)
                    part_of |= {(file, i): len(parts) for i in block}
                    text = [linecache.getline(file, i).rstrip("\n") for i in range(first, last + 1)]
                    parts.append({"file": _shown(file), "first": first, "lines": text})
                    block = []
                if line is not None:
                    block.append(line)
        places = [[part_of[file, line], line, *rest] for file, line, *rest in self._places]
        return {"sources": parts, "places": places}


def _columns(place: Place) -> tuple[int, int]:
    """The columns in characters; the interpreter counts bytes. Of an expression of several lines the first is marked."""
    written = place.source.encode()
    end = place.end_column if place.end_line == place.line else len(written)
    return len(written[: place.column].decode(errors="replace")), len(written[:end].decode(errors="replace"))


def _shown(file: str) -> str:
    return "notebook cell" if "ipykernel" in file or file.startswith("<ipython") else os.path.basename(file)
